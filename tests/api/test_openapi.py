"""Holds the running server to its own /openapi.json: every operation, requests that fit the description and ones that do not.

Bounded and the same each time: a fixed number of examples for each operation, made from the operation alone.
"""

import json
import time

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (content_type_conformance, ignored_auth, negative_data_rejection,
                                               response_headers_conformance, response_schema_conformance,
                                               status_code_conformance, unsupported_method)

from served import BINARY, PATIENCE, ROOT, Served, event

DESCRIPTION = ROOT / "src/api/openapi.json"
if not BINARY.exists():
    pytest.skip("the program is not built: ./dev build", allow_module_level=True)

EXAMPLES = 20  # for each operation
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
          response_schema_conformance, negative_data_rejection, ignored_auth, unsupported_method]

schema = schemathesis.openapi.from_path(DESCRIPTION)
# What is made by rules of thumb, beside the random examples, takes most of the time and repeats them.
schema.config.phases.coverage.enabled = False


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A server with some history, and a key that may do everything."""
    found = Served(tmp_path_factory.mktemp("openapi"), keys=False)
    found.keys["all"] = found.make_key("all", "ingest,decide,read,policy,admin")
    found.start()
    for i in range(20):
        answer = found.ask("POST", "/v1/events", event(f"e-{i}", data={"buyer_id": f"b-{i % 3}", "amount": f"{i * 99}.00"}),
                           role="all")
        assert answer.status == 200, answer.body
    yield found
    found.end()


def test_the_server_gives_out_the_description_of_its_source(served):
    assert served.ask("GET", "/openapi.json").json() == json.loads(DESCRIPTION.read_text())


@schema.parametrize()
@settings(max_examples=EXAMPLES, derandomize=True, deadline=None, database=None,
          phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck))
def test_every_operation_does_what_it_says(case, served):
    with requests.Session() as session:
        session.headers["Authorization"] = "Bearer " + served.keys["all"]
        transport = {"base_url": f"http://127.0.0.1:{served.port}", "session": session, "timeout": PATIENCE}
        deadline = time.monotonic() + PATIENCE
        while True:
            response = case.call(**transport)
            # The one answer of the server's side that is no fault: it asks to be sent again.
            if not (response.status_code == 503 and "read-model-behind" in response.text) or time.monotonic() > deadline:
                break
        case.validate_response(response, checks=CHECKS, transport_kwargs=transport)


def test_it_still_runs_and_nothing_was_lost(served):
    assert served.ask("GET", "/healthz").status == 200
    again = served.ask("POST", "/v1/events", event("after", data={"buyer_id": "b-0", "amount": "1.00"}), role="all")
    assert again.status == 200, again.body
