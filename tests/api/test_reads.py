"""What was decided can be looked at: one decision, lists, entities, activity, actions; and /openapi.json is true."""

import json
import re
import urllib.parse

import pytest

from served import BINARY, Served, event, now

if not BINARY.exists():
    pytest.skip("the program is not built: ./dev build", allow_module_level=True)

ORDERS = 60
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}


def faults(schema, value, document, where="$"):
    """What a JSON value has against a schema, in the keywords that openapi.json uses."""
    if "$ref" in schema:
        target = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return faults(target, value, document, where)
    found = []
    if "anyOf" in schema and all(faults(each, value, document, where) for each in schema["anyOf"]):
        found.append(f"{where}: none of anyOf")
    for each in schema.get("allOf", []):
        found += faults(each, value, document, where)
    if "const" in schema and value != schema["const"]:
        found.append(f"{where}: not {schema['const']}")
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{where}: {value!r} not of {schema['enum']}")
    if "type" in schema and not any(is_a(value, kind) for kind in listed(schema["type"])):
        return found + [f"{where}: {value!r} is no {schema['type']}"]
    if isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"], value):
        found.append(f"{where}: {value!r} does not match {schema['pattern']}")
    if isinstance(value, dict):
        found += [f"{where}: no {name}" for name in schema.get("required", []) if name not in value]
        for name, member in value.items():
            known = schema.get("properties", {}).get(name)
            if known is not None:
                found += faults(known, member, document, f"{where}.{name}")
            elif schema.get("additionalProperties") is False:
                found.append(f"{where}: {name} is not described")
    if isinstance(value, list) and "items" in schema:
        for i, item in enumerate(value):
            found += faults(schema["items"], item, document, f"{where}[{i}]")
    return found


def listed(kinds):
    return kinds if isinstance(kinds, list) else [kinds]


def is_a(value, kind):
    if kind in ("integer", "number"):
        return isinstance(value, int if kind == "integer" else (int, float)) and not isinstance(value, bool)
    return isinstance(value, TYPES[kind])


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    served = Served(tmp_path_factory.mktemp("reads"), arguments=["--single-approval"])
    try:
        served.start()
        served.document = served.ask("GET", "/openapi.json").json()
        served.answers = []
        served.began = now(-3600)
        for i in range(ORDERS):
            sent = event(f"o-{i}", time=now(-60), data={"buyer_id": f"b-{i % 3}", "amount": f"{(i % 5) * 300 + 1}.00"})
            answer = served.send(sent)
            assert answer.status == 200, answer.body
            served.answers.append((sent, answer.json()))
        label = served.send(event("l-1", type="order.outcome", about="o-1", data={"buyer_id": "b-1", "bad": True}))
        served.last = label.json()["sequence"]
        yield served
    finally:
        served.end()


def get(server, target, role="read", status=200):
    """A GET whose answer fits what openapi.json says of it."""
    answer = server.look(target, role=role)
    assert answer.status == status, answer.body
    check_described(server, "get", target, answer)
    return answer.json()


def operation_of(server, method, target):
    path = target.split("?")[0].split("/")
    for template, operations in server.document["paths"].items():
        parts = template.split("/")
        if len(parts) == len(path) and method in operations and \
                all(part == given or part.startswith("{") for part, given in zip(parts, path)):
            return operations[method]
    raise AssertionError(f"{method} {target} is not described")


def check_described(server, method, target, answer):
    responses = operation_of(server, method, target)["responses"]
    response = responses.get(str(answer.status)) or responses["default"]
    if "$ref" in response:
        response = server.document["components"]["responses"][response["$ref"].rsplit("/", 1)[1]]
    media = answer.headers["Content-Type"]
    assert media in response["content"], (media, response)
    if "json" in media and "ndjson" not in media:
        assert faults(response["content"][media]["schema"], answer.json(), server.document) == []


def test_a_decision_is_told_with_its_explanation(server):
    for sent, answer in server.answers[:3]:
        found = get(server, f"/v1/decisions/{answer['decision']['id']}")
        assert found["decision"] == answer["decision"]
        assert found["event"]["id"] == sent["id"] and found["event"]["type"] == "order.placed"
        assert found["event"]["entities"] == [{"type": "buyer", "key": sent["data"]["buyer_id"]}]
        assert any(step["step"] == "decision verdict" for step in found["explanation"]), found["explanation"]


def test_what_was_said_of_an_event_later_stands_with_its_decision(server):
    answer = server.answers[1][1]
    found = get(server, f"/v1/decisions/{answer['decision']['id']}?at_least={server.last}")
    assert [(about["type"], about["about"]) for about in found["about"]] == [("order.outcome", "o-1")]


def test_a_decision_that_was_just_made_is_there(server):
    for i in range(20):
        answer = server.send(event(f"just-{i}")).json()
        assert get(server, f"/v1/decisions/{answer['decision']['id']}")["decision"] == answer["decision"]


@pytest.mark.parametrize("target", ["/v1/decisions/D-000000999999", "/v1/decisions/nonsense", "/v1/decisions/D-1",
                                    "/v1/decisions/D-000000000001"])
def test_a_decision_that_is_none_is_not_found(server, target):
    answer = server.ask("GET", target, role="read")
    assert (answer.status, answer.code()) == (404, "unknown-decision")


def test_pages_hold_every_decision_once_and_filters_hold(server):
    seen, cursor = [], None
    while True:
        target = f"/v1/decisions?limit=7&at_least={server.last}&entity_type=buyer&entity_key=b-2"
        page = get(server, target + (f"&cursor={urllib.parse.quote(cursor)}" if cursor else ""))
        seen += page["decisions"]
        cursor = page["next"]
        if cursor is None:
            break
    wanted = [answer["decision"]["id"] for sent, answer in server.answers if sent["data"]["buyer_id"] == "b-2"]
    assert [row["id"] for row in seen] == wanted[::-1]
    for name, value in (("outcome", "review"), ("reason", "LARGE")):
        rows = get(server, f"/v1/decisions?limit=500&event_type=order.placed&{name}={value}&until={now(-30)}"
                           f"&at_least={server.last}")["decisions"]
        wanted = {answer["decision"]["id"] for _, answer in server.answers
                  if answer["decision"]["outcome"]["code"] == value
                  or value in [reason["code"] for reason in answer["decision"]["reasons"]]}
        assert {row["id"] for row in rows} == wanted


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=x", "cursor=nonsense", "path=none", "path=", "from=yesterday",
                                   "entity_type=buyer", "entity_key=x", "colour=red", "at_least=-1",
                                   "at_least=999999"])
def test_a_wrong_query_is_one_problem(server, query):
    answer = server.ask("GET", f"/v1/decisions?{query}", role="read")
    assert (answer.status, answer.code()) == (400, "invalid-parameter"), answer.body
    check_described(server, "get", "/v1/decisions", answer)


def test_an_entity_shows_its_slots_and_what_happened_to_it(server):
    found = get(server, f"/v1/entities/buyer/b-0?at_least={server.last}")
    mine = [answer for sent, answer in server.answers if sent["data"]["buyer_id"] == "b-0"]
    assert found["event_count"] == len(mine) and found["decision_count"] == len(mine)
    assert found["slots"]["buyer.orders.count_1d"] == len(mine)
    assert [row["decision_id"] for row in found["decisions"]] == \
        [answer["decision"]["id"] for answer in mine[::-1]][:20]
    for target in ("/v1/entities/buyer/nobody", "/v1/entities/ghost/b-0"):
        answer = server.ask("GET", target, role="read")
        assert (answer.status, answer.code()) == (404, "unknown-entity")


def test_activity_counts_events_and_decisions(server):
    query = urllib.parse.urlencode({"from": server.began, "until": now(3600), "width": "day",
                                    "at_least": server.last})
    found = get(server, "/v1/activity?" + query)
    events = sum(row["count"] for bucket in found["buckets"] for row in bucket["events"]
                 if row["type"] == "order.placed")
    assert events >= ORDERS
    assert events == sum(row["count"] for bucket in found["buckets"] for row in bucket["decisions"])


def test_actions_say_who_did_what(server):
    turned = server.ask("POST", "/v1/kill-switch", {"on": False, "reason": "drill"}, role="admin")
    check_described(server, "post", "/v1/kill-switch", turned)
    rate = server.ask("POST", "/v1/rates", {"currency": "EUR", "rate": "7.8"}, role="admin")
    check_described(server, "post", "/v1/rates", rate)
    actions = get(server, f"/v1/actions?at_least={rate.json()['sequence']}")["actions"]
    assert [(action["kind"], action["by"]) for action in actions][:3] == \
        [("rate", "admin-owner"), ("kill-switch", "admin-owner"), ("activation", "credence serve")]


def test_a_repeated_event_gets_the_decision_of_the_first_time(server):
    sent, first = server.answers[5]
    get(server, f"/v1/decisions?at_least={first['sequence']}")  # else it may come without the decision
    again = server.send(sent).json()
    assert again["result"] == "duplicate"
    assert again["decision"] == first["decision"]


def test_every_path_that_is_described_is_there_and_wants_a_key(server):
    for template, operations in server.document["paths"].items():
        target = template.replace("{type}", "buyer").replace("{key}", "x").replace("{id}", "D-000000000009")
        target = re.sub(r"\{\w+\}", "0" * 64, target)
        for method, operation in operations.items():
            open_to_all = operation["security"] == [{}]
            answer = server.ask(method.upper(), target, {} if method == "post" else None)
            assert (answer.status == 200) if open_to_all else (answer.status == 401), (method, target, answer.status)


def test_the_described_roles_are_the_ones_that_may(server):
    for template, operations in server.document["paths"].items():
        target = template.replace("{type}", "buyer").replace("{key}", "b-0").replace("{id}", "D-000000000009")
        target = re.sub(r"\{\w+\}", "0" * 64, target)
        for method, operation in operations.items():
            if operation["security"] == [{}]:
                continue
            may = set(re.search(r"Roles: ([\w, ]+)\.", operation["description"])[1].split(", "))
            for role in server.keys:
                # A media type that nobody takes: nothing is done, and roles come first.
                answer = server.ask(method.upper(), target, "x" if method == "post" else None, role=role,
                                    content_type="text/x-none")
                assert (answer.status != 403) == (role in may), (method, target, role, answer.status)


def test_every_answer_of_a_walk_fits_its_description(server):
    digest = server.ask("GET", "/readyz").json()["pack"]
    for target in ("/v1/packs", f"/v1/packs/{digest}", f"/v1/packs/{digest}/diff/{digest}", "/v1/kill-switch",
                   "/v1/rates", "/healthz", "/readyz", "/v1/decisions", "/v1/actions"):
        get(server, target)
    get(server, "/v1/state?hash=true", role="admin")
    for target, body, role in ((f"/v1/packs/{digest}/check", {}, "policy"),
                               (f"/v1/packs/{digest}/activate", {}, "policy"),
                               ("/v1/packs", {"files": {"pack.yaml": "x"}}, "policy"),
                               ("/v1/rates", {"currency": "EUR"}, "admin")):
        check_described(server, "post", target, server.ask("POST", target, body, role=role))
    one = server.send(event("walk"))
    check_described(server, "post", "/v1/events", one)
    wrong = server.send(event("walk", data={}))
    check_described(server, "post", "/v1/events", wrong)
    both = server.ask("POST", "/v1/events", [event("walk"), event("walk-2"), {}], role="ingest",
                      content_type="application/cloudevents-batch+json")
    check_described(server, "post", "/v1/events", both)
    dry = server.send(event("walk-3"), role="decide", target="/v1/decisions?dry_run=true&slots=none")
    check_described(server, "post", "/v1/decisions", dry)


def test_references_of_the_document_lead_somewhere(server):
    def walk(node):
        if isinstance(node, dict):
            if "$ref" in node:
                target = server.document
                for part in node["$ref"].removeprefix("#/").split("/"):
                    target = target[part]
            for member in node.values():
                walk(member)
        elif isinstance(node, list):
            for item in node:
                walk(item)

    walk(json.loads(json.dumps(server.document)))
    assert server.document["openapi"].startswith("3.1")
    ids = [operation["operationId"] for operations in server.document["paths"].values()
           for operation in operations.values()]
    assert len(ids) == len(set(ids))
