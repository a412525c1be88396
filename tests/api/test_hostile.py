"""Hostile requests, one a row: the exact status and error code of each, and no trace in the state."""

import json
import pathlib
import socket

import pytest

from served import BINARY, PATIENCE, Served, answers_in, event, now

if not BINARY.exists():
    pytest.skip("the program is not built: ./dev build", allow_module_level=True)

PLANTED = "13800138000"  # a personal value that must never come back or be logged
GOOD_DATA = {"buyer_id": "b-1", "amount": "12.50"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    served = Served(tmp_path_factory.mktemp("hostile"), arguments=["--queue", "500"])
    served.start()
    known = served.send(event("known", time="%s" % now(-60)))
    assert known.status == 200, known.body
    served.known_time = json.loads(known.body)["decision"]["time"]
    yield served
    served.end()


@pytest.fixture(scope="module")
def impatient(tmp_path_factory):
    """A server that soon tires of slow clients: for these alone, since a loaded machine makes any client slow."""
    served = Served(tmp_path_factory.mktemp("impatient"),
                    arguments=["--header-timeout-ms", "300", "--body-timeout-ms", "300"])
    served.start()
    yield served
    served.end()


@pytest.fixture
def unchanged(server):
    before = server.state()
    yield
    assert server.state() == before
    assert server.ask("GET", "/healthz").status == 200


def head(server, method="POST", target="/v1/events", role="ingest", version="HTTP/1.1", host="127.0.0.1", lines=(),
         content_type="application/json", key=None):
    """The bytes of a request's head, without the empty line."""
    text = [f"{method} {target} {version}"]
    if host is not None:
        text.append(f"Host: {host}")
    if key or role:
        text.append("Authorization: Bearer " + (key or server.keys[role]))
    if content_type:
        text.append(f"Content-Type: {content_type}")
    text += lines
    return "\r\n".join(text).encode() + b"\r\n"


def body_of(**changes):
    return json.dumps(event("h-1") | changes).encode()


def with_length(body, *lines):
    return [f"Content-Length: {len(body)}", *lines, "Connection: close"], body


# --- bytes that are no HTTP, or no HTTP that has one meaning ---

CHUNKED = "Transfer-Encoding: chunked"
RAW = {
    "nonsense": (lambda s: b"\x00\x01\x02nonsense\r\n\r\n", 400, "malformed-request"),
    "tls-hello": (lambda s: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64, 400, "malformed-request"),
    "http-0.9": (lambda s: b"GET /healthz\r\n\r\n", 400, "malformed-request"),
    "http-2-preface": (lambda s: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "http-version"),
    "http-3-line": (lambda s: b"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505, "http-version"),
    "no-host": (lambda s: head(s, host=None) + b"\r\n", 400, "malformed-request"),
    "two-hosts": (lambda s: head(s, lines=["Host: other"]) + b"\r\n", 400, "malformed-request"),
    "bare-line-feeds": (lambda s: head(s).replace(b"\r\n", b"\n") + b"\n", 400, "malformed-request"),
    "bare-line-feed-in-a-header": (lambda s: head(s, lines=["X: a\nY: b"]) + b"\r\n", 400, "malformed-request"),
    "bare-carriage-return": (lambda s: head(s, lines=["X: a\rb"]) + b"\r\n", 400, "malformed-request"),
    "nul-in-a-header": (lambda s: head(s, lines=["X: a\0b"]) + b"\r\n", 400, "malformed-request"),
    "space-before-the-colon": (lambda s: head(s, lines=["X : a"]) + b"\r\n", 400, "malformed-request"),
    "header-without-a-colon": (lambda s: head(s, lines=["nothing"]) + b"\r\n", 400, "malformed-request"),
    "space-in-the-target": (lambda s: head(s, target="/v1/ events") + b"\r\n", 400, "malformed-request"),
    "two-keys": (lambda s: head(s, lines=["Authorization: Bearer " + s.keys["admin"]]) + b"\r\n", 400,
                 "malformed-request"),
    "two-content-types": (lambda s: head(s, lines=["Content-Type: text/plain"]) + b"\r\n", 400, "malformed-request"),
    "length-and-chunks": (lambda s: head(s, lines=["Content-Length: 5", CHUNKED]) + b"\r\n0\r\n\r\n", 400,
                          "malformed-request"),
    "chunks-and-length": (lambda s: head(s, lines=[CHUNKED, "Content-Length: 5"]) + b"\r\n0\r\n\r\n", 400,
                          "malformed-request"),
    "two-lengths": (lambda s: head(s, lines=["Content-Length: 5", "Content-Length: 6"]) + b"\r\nabcde", 400,
                    "malformed-request"),
    "the-same-length-twice": (lambda s: head(s, lines=["Content-Length: 5", "Content-Length: 5"]) + b"\r\nabcde", 400,
                              "malformed-request"),
    "length-with-a-sign": (lambda s: head(s, lines=["Content-Length: +5"]) + b"\r\nabcde", 400, "malformed-request"),
    "negative-length": (lambda s: head(s, lines=["Content-Length: -1"]) + b"\r\n", 400, "malformed-request"),
    "length-beyond-64-bits": (lambda s: head(s, lines=["Content-Length: 99999999999999999999"]) + b"\r\n", 400,
                              "malformed-request"),
    "hexadecimal-length": (lambda s: head(s, lines=["Content-Length: 0x10"]) + b"\r\n", 400, "malformed-request"),
    "two-codings": (lambda s: head(s, lines=["Transfer-Encoding: gzip, chunked"]) + b"\r\n0\r\n\r\n", 501,
                    "transfer-coding"),
    "chunked-not-last": (lambda s: head(s, lines=["Transfer-Encoding: chunked, identity"]) + b"\r\n0\r\n\r\n", 501,
                         "transfer-coding"),
    "coding-in-disguise": (lambda s: head(s, lines=["Transfer-Encoding: xchunked"]) + b"\r\n0\r\n\r\n", 501,
                           "transfer-coding"),
    "chunked-twice": (lambda s: head(s, lines=[CHUNKED, CHUNKED]) + b"\r\n0\r\n\r\n", 400, "malformed-request"),
    "chunked-in-http-1.0": (lambda s: head(s, version="HTTP/1.0", lines=[CHUNKED]) + b"\r\n0\r\n\r\n", 400,
                            "malformed-request"),
    "chunk-size-no-number": (lambda s: head(s, lines=[CHUNKED]) + b"\r\nxyz\r\n", 400, "malformed-request"),
    "chunk-longer-than-its-size": (lambda s: head(s, lines=[CHUNKED]) + b"\r\n3\r\nabcdef\r\n0\r\n\r\n", 400,
                                   "malformed-request"),
    "chunk-size-beyond-64-bits": (lambda s: head(s, lines=[CHUNKED]) + b"\r\n" + b"f" * 20 + b"\r\n", 400,
                                  "malformed-request"),
    "huge-chunk": (lambda s: head(s, lines=[CHUNKED]) + b"\r\nffffffffffffffff\r\n", 413, "too-large"),
    "endless-chunk-extension": (lambda s: head(s, lines=[CHUNKED]) + b"\r\n1;" + b"a" * 60_000, 400,
                                "malformed-request"),
    "huge-body-announced": (lambda s: head(s, lines=["Content-Length: 1000000000"]) + b"\r\n", 413, "too-large"),
    "body-over-the-limit-of-one-event": (lambda s: head(s, lines=["Content-Length: 262145"]) + b"\r\n", 413,
                                         "too-large"),
    "body-where-none-belongs": (lambda s: head(s, method="GET", target="/v1/packs", role="read",
                                               lines=["Content-Length: 1"]) + b"\r\nx", 413, "too-large"),
    "long-target": (lambda s: head(s, target="/" + "a" * 5_000) + b"\r\n", 414, "target-too-long"),
    "endless-target": (lambda s: b"GET /" + b"a" * 60_000, 414, "target-too-long"),
    "large-header": (lambda s: head(s, lines=["X: " + "a" * 20_000]) + b"\r\n", 431, "headers-too-large"),
    "endless-header": (lambda s: head(s)[:-2] + b"\r\nX: " + b"a" * 60_000, 431, "headers-too-large"),
    "many-headers": (lambda s: head(s, lines=[f"X{i}: 1" for i in range(80)]) + b"\r\n", 431, "too-many-headers"),
    "unknown-expectation": (lambda s: head(s, lines=["Expect: tea", "Content-Length: 1"]) + b"\r\nx", 417,
                            "expectation"),
}
SLOW = {
    "slow-header": lambda s: head(s)[:-10],
    "slow-body": lambda s: head(s, lines=["Content-Length: 100"]) + b"\r\n{",
    "slow-chunks": lambda s: head(s, lines=[CHUNKED]) + b"\r\n5\r\nab",
}


def assert_one_problem(received, status, code):
    answers = answers_in(received)
    assert [answer[0] for answer in answers] == [status], answers
    assert json.loads(answers[0][1])["type"].rsplit("/", 1)[1] == code


@pytest.mark.parametrize("name", RAW)
def test_bytes_that_are_not_one_request_are_one_problem_and_the_end(server, unchanged, name):
    make, status, code = RAW[name]
    assert_one_problem(server.raw(make(server)), status, code)


@pytest.mark.parametrize("name", SLOW)
def test_a_request_that_does_not_come_to_its_end_is_one_problem_and_the_end(impatient, name):
    before = impatient.ask("GET", "/readyz").json()
    assert_one_problem(impatient.raw(SLOW[name](impatient)), 408, "request-timeout")
    assert impatient.ask("GET", "/readyz").json() == before


# --- requests that are HTTP, and wrong ---

def get(target, role="read", method="GET", **more):
    return lambda s: (head(s, method=method, target=target, role=role, content_type=None, **more), b"")


def post(body, target="/v1/events", role="ingest", **more):
    return lambda s: (head(s, target=target, role=role, **more), body)


REQUESTS = {
    "no-key": (post(body_of(), role=None), 401, "unauthorized"),
    "empty-key": (post(body_of(), role=None, lines=["Authorization: Bearer "]), 401, "unauthorized"),
    "basic-authorization": (post(body_of(), role=None, lines=["Authorization: Basic YTpi"]), 401, "unauthorized"),
    "wrong-key": (post(body_of(), key="ck_" + "0" * 12 + "_" + "0" * 64), 401, "unauthorized"),
    "key-with-a-wrong-end": (lambda s: (head(s, key=s.keys["ingest"][:-1] + "0"
                                             if s.keys["ingest"][-1] != "0" else s.keys["ingest"][:-1] + "1"),
                                        body_of()), 401, "unauthorized"),
    "key-in-capitals": (lambda s: (head(s, key=s.keys["ingest"].upper()), body_of()), 401, "unauthorized"),
    "half-a-key": (lambda s: (head(s, key=s.keys["ingest"][:40]), body_of()), 401, "unauthorized"),
    "wrong-role-for-events": (post(body_of(), role="read"), 403, "forbidden"),
    "wrong-role-for-decisions": (post(body_of(), target="/v1/decisions", role="ingest"), 403, "forbidden"),
    "wrong-role-for-the-kill-switch": (post(b'{"on":true,"reason":"x"}', target="/v1/kill-switch", role="policy"), 403,
                                       "forbidden"),
    "wrong-role-for-rates": (post(b'{"currency":"USD","rate":"7"}', target="/v1/rates", role="read"), 403,
                             "forbidden"),
    "wrong-role-for-packs": (post(b'{"files":{"pack.yaml":""}}', target="/v1/packs", role="admin"), 403, "forbidden"),
    "wrong-role-for-state": (get("/v1/state?hash=true", role="read"), 403, "forbidden"),
    "metrics-without-a-key": (get("/metrics", role=None), 401, "unauthorized"),
    "unknown-path": (get("/v2/events"), 404, "not-found"),
    "unknown-path-without-a-key": (get("/v2/events", role=None), 401, "unauthorized"),
    "path-in-capitals": (get("/V1/events"), 404, "not-found"),
    "path-with-more-behind": (post(body_of(), target="/v1/events/more"), 404, "not-found"),
    "dots": (get("/v1/../v1/packs"), 400, "invalid-target"),
    "dots-in-disguise": (get("/v1/%2e%2e/etc/passwd"), 400, "invalid-target"),
    "dot": (get("/./v1/packs"), 400, "invalid-target"),
    "two-slashes": (get("//v1/packs"), 400, "invalid-target"),
    "slash-at-the-end": (get("/v1/packs/"), 400, "invalid-target"),
    "nul-in-the-path": (get("/v1/packs/%00"), 400, "invalid-target"),
    "line-feed-in-the-path": (get("/v1/packs/%0d%0aSet-Cookie:x"), 400, "invalid-target"),
    "percent-alone": (get("/v1/packs/%"), 400, "invalid-target"),
    "percent-and-no-digits": (get("/v1/packs/%zz"), 400, "invalid-target"),
    "path-not-utf-8": (get("/v1/packs/%ff%fe"), 400, "invalid-target"),
    "overlong-utf-8": (get("/v1/packs/%c0%ae%c0%ae"), 400, "invalid-target"),
    "surrogate-in-the-path": (get("/v1/packs/%ed%a0%80"), 400, "invalid-target"),
    "fragment": (get("/v1/packs#x"), 400, "invalid-target"),
    "asterisk-form": (get("*", method="OPTIONS"), 400, "invalid-target"),
    "authority-form": (get("example.com:443", method="CONNECT"), 400, "invalid-target"),
    "https-in-absolute-form": (get("https://a.example/v1/packs"), 400, "invalid-target"),
    "parameter-twice": (post(body_of(), target="/v1/decisions?dry_run=true&dry_run=false", role="decide"), 400,
                        "invalid-target"),
    "bad-parameter": (post(body_of(), target="/v1/decisions?dry_run=yes", role="decide"), 400, "invalid-parameter"),
    "bad-slots": (post(body_of(), target="/v1/events?slots=some"), 400, "invalid-parameter"),
    "misspelt-dry-run": (post(body_of(), target="/v1/decisions?dryrun=true", role="decide"), 400,
                         "invalid-parameter"),
    "dry-run-of-an-event": (post(body_of(), target="/v1/events?dry_run=true"), 400, "invalid-parameter"),
    "get-on-events": (get("/v1/events", role="ingest"), 405, "method-not-allowed"),
    "delete": (get("/v1/events", role="ingest", method="DELETE"), 405, "method-not-allowed"),
    "options": (get("/v1/packs", method="OPTIONS"), 405, "method-not-allowed"),
    "trace": (get("/v1/packs", method="TRACE"), 405, "method-not-allowed"),
    "unknown-method": (get("/v1/packs", method="BREW"), 405, "method-not-allowed"),
    "method-in-small-letters": (get("/v1/packs", method="get"), 405, "method-not-allowed"),
    "no-content-type": (post(body_of(), content_type=None), 415, "media-type"),
    "plain-text": (post(body_of(), content_type="text/plain"), 415, "media-type"),
    "form": (post(body_of(), content_type="application/x-www-form-urlencoded"), 415, "media-type"),
    "json-in-gbk": (post(body_of(), content_type="application/json; charset=gbk"), 415, "media-type"),
    "broken-content-type": (post(body_of(), content_type="application/json;"), 415, "media-type"),
    "batch-as-a-decision": (post(b"[]", target="/v1/decisions", role="decide",
                                 content_type="application/cloudevents-batch+json"), 415, "media-type"),
    "compressed": (post(b"\x1f\x8b\x08\x00", lines=["Content-Encoding: gzip"]), 415, "content-encoding"),
    "empty-body": (post(b""), 400, "malformed-json"),
    "no-json": (post(b"hello"), 400, "malformed-event"),
    "half-a-json": (post(body_of()[:-1]), 400, "malformed-json"),
    "two-jsons": (post(body_of() + body_of()), 400, "malformed-json"),
    "byte-order-mark": (post(b"\xef\xbb\xbf" + body_of()), 400, "malformed-json"),
    "json-not-utf-8": (post(body_of().replace(b"b-1", b"b-\xff")), 400, "malformed-json"),
    "deep-nesting": (post(b"[" * 100_000), 400, "malformed-event"),
    "json-array": (post(b"[]"), 400, "malformed-event"),
    "duplicate-attribute": (post(body_of().replace(b'"id"', b'"id": "x", "id"')), 400, "duplicate-key"),
    "duplicate-field": (post(body_of().replace(b'"amount"', b'"amount": "1.00", "amount"')), 400, "duplicate-key"),
    "duplicate-in-disguise": (post(body_of().replace(b'"amount"', b'"am\\u006funt": "1.00", "amount"')), 400,
                              "duplicate-key"),
    "unknown-attribute": (post(body_of(color="red")), 400, "unknown-attribute"),
    "missing-id": (post(json.dumps({k: v for k, v in event("x").items() if k != "id"}).encode()), 400,
                   "missing-attribute"),
    "unknown-type": (post(body_of(type="order.vanished")), 422, "unknown-event-type"),
    "unknown-field": (post(body_of(data=GOOD_DATA | {"colour": 1})), 422, "unknown-field"),
    "amount-as-a-number": (post(body_of(data=GOOD_DATA | {"amount": 12.5})), 422, "invalid-field"),
    "negative-amount": (post(body_of(data=GOOD_DATA | {"amount": "-1.00"})), 422, "invalid-field"),
    "nul-in-a-key": (post(body_of(data=GOOD_DATA | {"buyer_id": "b\0"})), 422, "invalid-field"),
    "missing-field": (post(body_of(data={"buyer_id": "b"})), 422, "missing-field"),
    "wrong-mobile": (post(body_of(type="contact.given", data={"buyer_id": "b", "mobile": PLANTED + "9"})), 422,
                     "invalid-field"),
    "too-old": (post(body_of(time="2001-01-01T00:00:00Z")), 422, "too-late"),
    "from-the-future": (post(body_of(time="2199-01-01T00:00:00Z")), 422, "too-far-in-future"),
    "known-id-with-other-content": (lambda s: (head(s), json.dumps(event(
        "known", time=s.known_time, data=GOOD_DATA | {"amount": "99.00"})).encode()), 409, "id-with-other-content"),
    "unknown-reversal": (post(body_of(type="order.cancelled", reverses="nobody", data={"buyer_id": "b"})), 422,
                         "reverses-unknown"),
    "label-without-about": (post(body_of(type="order.outcome", data={"buyer_id": "b", "bad": True})), 422,
                            "missing-attribute"),
    "no-rate": (post(body_of(data=GOOD_DATA | {"amount": {"amount": "1.00", "currency": "JPY"}})), 422,
                "invalid-field"),
    "no-decision": (post(body_of(type="order.cancelled", reverses="known", data={"buyer_id": "b"}),
                         target="/v1/decisions", role="decide"), 422, "no-decision"),
    "array-that-is-none": (post(b"{}", content_type="application/cloudevents-batch+json"), 400, "malformed-json"),
    "array-not-closed": (post(b"[{}", content_type="application/cloudevents-batch+json"), 400, "malformed-json"),
    "empty-batch": (post(b"[]", content_type="application/cloudevents-batch+json"), 400, "malformed-event"),
    "batch-of-nothing": (post(b"\n\n\n", content_type="application/x-ndjson"), 400, "malformed-event"),
    "too-many-lines": (post(b"{}\n" * 1_001, content_type="application/x-ndjson"), 413, "too-many-events"),
    "more-than-the-queue-holds": (lambda s: (head(s, content_type="application/x-ndjson"),
                                             b"\n".join(json.dumps(event(f"q-{i}")).encode() for i in range(501))),
                                  429, "too-busy"),
    "kill-switch-without-a-reason": (post(b'{"on": true}', target="/v1/kill-switch", role="admin"), 422,
                                     "missing-member"),
    "kill-switch-by-somebody-else": (post(b'{"on": true, "reason": "x", "by": "boss"}', target="/v1/kill-switch",
                                          role="admin"), 422, "unknown-member"),
    "kill-switch-of-nothing": (post(b'{"on": true, "reason": "x", "decision": "none"}', target="/v1/kill-switch",
                                    role="admin"), 422, "refused"),
    "kill-switch-with-a-text": (post(b'{"on": "true", "reason": "x"}', target="/v1/kill-switch", role="admin"), 422,
                                "invalid-member"),
    "kill-switch-twice": (post(b'{"on": false, "on": true, "reason": "x"}', target="/v1/kill-switch", role="admin"),
                          400, "duplicate-key"),
    "rate-of-zero": (post(b'{"currency": "USD", "rate": "0"}', target="/v1/rates", role="admin"), 422,
                     "invalid-member"),
    "rate-that-is-none": (post(b'{"currency": "USD", "rate": "NaN"}', target="/v1/rates", role="admin"), 422,
                          "invalid-member"),
    "rate-of-the-base": (post(b'{"currency": "CNY", "rate": "1"}', target="/v1/rates", role="admin"), 422, "refused"),
    "rate-of-no-currency": (post(b'{"currency": "ZZZ", "rate": "1"}', target="/v1/rates", role="admin"), 422,
                            "invalid-member"),
    "pack-without-files": (post(b"{}", target="/v1/packs", role="policy"), 422, "invalid-member"),
    "pack-outside-its-folder": (post(b'{"files": {"../x": ""}}', target="/v1/packs", role="policy"), 422,
                                "invalid-member"),
    "pack-with-a-file-twice": (post(b'{"files": {"pack.yaml": "", "pack.yaml": "x"}}', target="/v1/packs",
                                    role="policy"), 400, "duplicate-key"),
    "pack-that-is-none": (post(b'{"files": {"pack.yaml": "x"}}', target="/v1/packs", role="policy"), 422,
                          "invalid-pack"),
    "pack-deep-in-brackets": (post(b"[" * 200_000, target="/v1/packs", role="policy"), 400, "malformed-json"),
    "unknown-pack": (get("/v1/packs/" + "0" * 64), 404, "unknown-pack"),
    "pack-by-a-name": (get("/v1/packs/..;"), 404, "unknown-pack"),
    "activate-unknown": (post(b"{}", target="/v1/packs/" + "0" * 64 + "/activate", role="policy"), 404,
                         "unknown-pack"),
}


def test_there_are_at_least_eighty(server):
    del server
    assert len(RAW) + len(SLOW) + len(REQUESTS) >= 80


@pytest.mark.parametrize("name", REQUESTS)
def test_a_wrong_request_gets_its_problem_and_changes_nothing(server, unchanged, name):
    make, status, code = REQUESTS[name]
    start, body = make(server)
    lines = b"Connection: close\r\n"
    if body or start.startswith(b"POST"):
        lines += b"Content-Length: %d\r\n" % len(body)
    received = server.raw(start + lines + b"\r\n" + body)
    answers = answers_in(received)
    assert [answer[0] for answer in answers] == [status], answers
    problem = json.loads(answers[0][1])
    assert problem["type"] == "https://credence.dev/problems/" + code, problem
    assert problem["status"] == status and problem["title"] and problem["expected"]
    header = received.split(b"\r\n\r\n")[0].lower()
    assert b"content-type: application/problem+json" in header
    if status == 405:
        assert b"\r\nallow: " in header
    if status == 401:
        assert b"\r\nwww-authenticate: bearer" in header
    if status == 429:
        assert b"\r\nretry-after: " in header
    assert PLANTED.encode() not in received and b"secret" not in received


# --- connections that behave oddly ---

def test_a_client_that_closes_its_half_gets_its_answer(server):
    body = json.dumps(event("half-closed")).encode()
    received = server.raw(head(server, lines=[f"Content-Length: {len(body)}"]) + b"\r\n" + body, end_sending=True)
    assert [status for status, _ in answers_in(received)] == [200]


def test_half_a_request_and_a_closed_connection_leave_no_trace(server, unchanged):
    body = json.dumps(event("cut off")).encode()
    assert server.raw(head(server, lines=[f"Content-Length: {len(body)}"]) + b"\r\n" + body[:-1],
                      end_sending=True) == b""


def test_pipelined_requests_of_two_callers_are_answered_in_order(server):
    parts = []
    for i in range(20):
        body = json.dumps(event(f"piped-{i}", data={"buyer_id": f"piped-{i}", "amount": "1.00"})).encode()
        role = "read" if i % 5 == 4 else "ingest"
        last = ["Connection: close"] if i == 19 else []
        parts.append(head(server, role=role if i < 19 else "ingest", lines=[f"Content-Length: {len(body)}"] + last)
                     + b"\r\n" + body)
        if role == "read":
            # Refused before its body: nobody knows what follows, so the connection ends.
            parts[-1] = head(server, method="GET", target="/v1/events", role="read", content_type=None) + b"\r\n"
    answers = answers_in(server.raw(b"".join(parts[:-1]) + b"".join(parts[-1:]) + head(
        server, method="GET", target="/healthz", role=None, content_type=None, lines=["Connection: close"]) + b"\r\n"))
    assert len(answers) == 21
    for i, (status, text) in enumerate(answers[:20]):
        if i % 5 == 4:
            assert status == 405
        else:
            assert status == 200 and json.loads(text)["event"]["id"] == f"piped-{i}"


def test_nothing_is_taken_behind_a_request_that_was_refused(server, unchanged):
    body = json.dumps(event("smuggled")).encode()
    inner = head(server, lines=[f"Content-Length: {len(body)}"]) + b"\r\n" + body
    outer = head(server, lines=["Content-Length: 4", "Transfer-Encoding: chunked"]) + b"\r\n"
    answers = answers_in(server.raw(outer + b"0\r\n\r\n" + inner))
    assert [status for status, _ in answers] == [400]


def test_leave_to_continue_is_given_to_those_who_may(server):
    with server.connect() as connection:
        connection.sendall(head(server, key="ck_" + "0" * 12 + "_" + "0" * 64,
                                lines=["Content-Length: 100000", "Expect: 100-continue"]) + b"\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 401")
    body = json.dumps(event("continued")).encode()
    with server.connect() as connection:
        connection.sendall(head(server, lines=[f"Content-Length: {len(body)}", "Expect: 100-continue"]) + b"\r\n")
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")


def test_absolute_form_and_http_1_0_are_taken(server):
    received = server.raw(b"GET http://anything.example/healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answers_in(received)[0] == (200, b'{"status":"ok"}')
    received = server.raw(b"GET /healthz HTTP/1.0\r\n\r\n")
    assert answers_in(received)[0] == (200, b'{"status":"ok"}')
    assert b"Connection: close" in received


def test_head_has_the_length_and_no_body(server):
    received = server.raw(b"HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert b"Content-Length: 15" in received and received.endswith(b"\r\n\r\n")


def test_a_client_that_takes_no_answers_holds_up_nobody(server):
    with server.connect() as stuck:
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.setblocking(False)
        request = head(server, method="GET", target="/metrics", role="read", content_type=None) + b"\r\n"
        try:
            for _ in range(2_000):
                stuck.send(request)
        except BlockingIOError:
            pass
        for i in range(20):
            assert server.send(event(f"unhindered-{i}")).status == 200


def content_of(path):
    """Of a file of a store that is in use: it may be gone by now."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, IsADirectoryError):
        return b""


def test_no_personal_value_is_logged_counted_or_told(server):
    planted = event("contact", type="contact.given", data={"buyer_id": "b-13912345678", "mobile": PLANTED})
    answer = server.send(planted)
    assert answer.status == 200
    server.send(event("contact-2", type="contact.given", data={"buyer_id": "b", "mobile": PLANTED + "x"}))
    server.ask("GET", "/v1/packs/13912345678", role="read")
    server.ask("GET", "/v1/13912345678?x=13912345678", role="read")
    everything = server.log.read_bytes() + answer.body + server.ask("GET", "/metrics", role="read").body
    for secret in [PLANTED, *server.keys.values()]:
        assert secret.encode() not in everything
    assert b"13912345678" not in server.log.read_bytes()
    assert b"POST /v1/events 200" in server.log.read_bytes()
    contents = [content_of(path) for path in sorted(pathlib.Path(server.store).rglob("*"))]
    assert any(contents) and not any(PLANTED.encode() in content for content in contents)
    assert not any(PLANTED in path.name for path in pathlib.Path(server.store).rglob("*"))


def test_of_keys_only_digests_are_kept(server):
    text = server.key_file.read_text()
    for key in server.keys.values():
        assert key not in text and key.rsplit("_", 1)[1] not in text
    assert server.key_file.stat().st_mode & 0o077 == 0


def test_a_revoked_key_is_refused_within_seconds(server):
    import subprocess
    import time
    key = server.make_key("leaver", "read")
    deadline = time.monotonic() + PATIENCE
    while server.ask("GET", "/v1/packs", key=key).status != 200:
        assert time.monotonic() < deadline
    subprocess.run([BINARY, "key", "api-revoke", server.key_file, key.split("_")[1]], check=True, capture_output=True,
                   timeout=PATIENCE)
    while server.ask("GET", "/v1/packs", key=key).status != 401:
        assert time.monotonic() < deadline
