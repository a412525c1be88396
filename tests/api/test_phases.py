"""The same assertions on a server that is new, was stopped, was killed, and runs on a restored backup."""

import concurrent.futures
import json
import shutil
import subprocess

import pytest

from served import BINARY, PACK, PATIENCE, Served, event, now

if not BINARY.exists():
    pytest.skip("the program is not built: ./dev build", allow_module_level=True)


class Store:
    """A server and what it acknowledged, so that later phases can ask for it."""

    def __init__(self, folder):
        self.served = Served(folder)
        self.acknowledged = []  # (event, answer)

    def take(self, sent):
        answer = self.served.send(sent)
        assert answer.status == 200, answer.body
        self.acknowledged.append((sent, answer.json()))
        return answer.json()


def fresh(store, tmp_path):
    del tmp_path
    store.served.start()


def restarted(store, tmp_path):
    fresh(store, tmp_path)
    fill(store)
    store.served.stop()
    store.served.start()


def killed(store, tmp_path):
    fresh(store, tmp_path)
    fill(store)
    store.served.kill()
    store.served.start()


def restored(store, tmp_path):
    fresh(store, tmp_path)
    fill(store)
    store.served.stop()
    backup = tmp_path / "backup"
    subprocess.run([BINARY, "backup", store.served.store, backup], check=True, capture_output=True, timeout=PATIENCE)
    shutil.rmtree(store.served.store)
    subprocess.run([BINARY, "restore", backup, store.served.store], check=True, capture_output=True,
                   timeout=PATIENCE)
    store.served.start()


def fill(store):
    for i in range(8):
        store.take(event(f"before-{i}", data={"buyer_id": f"b-{i % 3}", "amount": f"{i * 200}.00"}))


@pytest.fixture(params=[fresh, restarted, killed, restored], ids=lambda phase: phase.__name__)
def store(request, tmp_path):
    found = Store(tmp_path / "served")
    try:
        request.param(found, tmp_path)
        yield found
    finally:
        found.served.end()


def test_what_was_acknowledged_is_there_once(store):
    if not store.acknowledged:
        fill(store)
    for sent, first in store.acknowledged:
        again = store.served.send(sent)
        assert again.status == 200
        assert again.json()["result"] == "duplicate"
        assert again.json()["sequence"] == first["sequence"]
    before = store.served.state()
    for sent, _ in store.acknowledged:
        store.served.send(sent)
    assert store.served.state() == before


def test_an_event_is_decided_and_its_decision_explains_itself(store):
    answer = store.take(event("e-1", data={"buyer_id": "new", "amount": "1500.00", "channel": "app"}))
    assert answer["result"] == "decided"
    decision = answer["decision"]
    assert decision["outcome"] == {"code": "review", "en": "Looked at by a person", "zh": "人工审核"}
    assert [reason["code"] for reason in decision["reasons"]] == ["LARGE"]
    assert decision["matched_rules"] == [{"table": "verdict", "rule": 2}]
    assert decision["slots"]["buyer.orders.sum_amount_1d"] == "1500.00"
    assert decision["id"] == f"D-{answer['sequence']:012d}"


def test_features_count_what_came_before(store):
    for i in range(3):
        answer = store.take(event(f"count-{i}", data={"buyer_id": "counted", "amount": "10.00"}))
        assert answer["decision"]["slots"]["buyer.orders.count_1d"] == i + 1


def test_sequences_grow_by_one(store):
    first = store.take(event("s-1"))["sequence"]
    assert store.take(event("s-2"))["sequence"] == first + 1


def test_an_id_with_other_content_is_refused_and_changes_nothing(store):
    store.take(event("twice", time=now()))
    before = store.served.state()
    answer = store.served.send(event("twice", data={"buyer_id": "b-1", "amount": "13.00"}))
    assert (answer.status, answer.code()) == (409, "id-with-other-content")
    assert store.served.state() == before


def test_a_dry_run_says_what_comes_and_leaves_no_trace(store):
    wanted = event("dry", data={"buyer_id": "dry", "amount": "12000.00"})
    before = store.served.state()
    dry = store.served.send(wanted, role="decide", target="/v1/decisions?dry_run=true")
    assert dry.status == 200
    assert store.served.state() == before
    real = store.served.send(wanted, role="decide", target="/v1/decisions")
    assert real.status == 200
    for member in ("outcome", "reasons", "slots", "id"):
        assert dry.json()["decision"][member] == real.json()["decision"][member]
    assert real.json()["decision"]["outcome"]["code"] == "decline"


def test_a_batch_of_lines_has_a_result_for_each(store):
    lines = [json.dumps(event(f"line-{i}", data={"buyer_id": "lines", "amount": "1.00"})) for i in range(300)]
    lines[7] = "nonsense"
    lines[8] = json.dumps(event("line-0", data={"buyer_id": "lines", "amount": "2.00"}))
    answer = store.served.ask("POST", "/v1/events?slots=none", "\n".join(lines), role="ingest",
                              content_type="application/x-ndjson")
    assert answer.status == 200
    results = [json.loads(line) for line in answer.body.splitlines()]
    assert len(results) == 300
    for i, result in enumerate(results):
        assert result["result"] == ("refused" if i in (7, 8) else "decided"), (i, result)
    assert results[7]["problem"]["type"].endswith("/malformed-event")
    assert results[8]["problem"]["type"].endswith("/id-with-other-content")
    assert results[299]["decision"]["slots"] is None


def test_a_cloudevents_batch_is_answered_with_an_array(store):
    body = [event("array-0"), {"not": "an event"}, event("array-1", data={"buyer_id": "b", "amount": "]1\\\"["})]
    answer = store.served.ask("POST", "/v1/events", body, role="ingest",
                              content_type="application/cloudevents-batch+json")
    assert answer.status == 200
    assert [result["result"] for result in answer.json()] == ["decided", "refused", "refused"]


def test_labels_and_reversals_are_events(store):
    store.take(event("r-1", data={"buyer_id": "r", "amount": "5.00"}))
    label = store.take(event("r-2", type="order.outcome", about="r-1", data={"buyer_id": "r", "bad": True}))
    assert label["result"] == "applied"
    store.take(event("r-3", type="order.cancelled", reverses="r-1", data={"buyer_id": "r"}))
    answer = store.take(event("r-4", data={"buyer_id": "r", "amount": "5.00"}))
    assert answer["decision"]["slots"]["buyer.orders.count_1d"] == 1


def test_the_kill_switch_is_journalled_with_who_turned_it(store):
    answer = store.served.ask("POST", "/v1/kill-switch", {"on": True, "decision": "order_risk", "reason": "drill"},
                              role="admin")
    assert answer.status == 200 and answer.json()["by"] == "admin-owner"
    assert store.take(event("k-1"))["decision"]["path"] == "kill-switch"
    store.served.stop()
    store.served.start()
    switches = store.served.ask("GET", "/v1/kill-switch", role="read").json()["switches"]
    assert switches == [{"decision": "order_risk", "on": True}]
    store.served.ask("POST", "/v1/kill-switch", {"on": False, "decision": "order_risk", "reason": "over"}, role="admin")
    assert store.take(event("k-2"))["decision"]["path"] == "policy"


def test_rates_convert_amounts(store):
    dollars = event("usd-1", data={"buyer_id": "usd", "amount": {"amount": "10.00", "currency": "USD"}})
    assert store.served.send(dollars).code() == "no-rate"
    answer = store.served.ask("POST", "/v1/rates", {"currency": "USD", "rate": "7.1"}, role="admin")
    assert answer.status == 200
    assert store.take(dollars)["decision"]["slots"]["amount"] == "71.00"
    assert store.served.ask("GET", "/v1/rates", role="read").json()["rates"] == [{"currency": "USD", "rate": "7.1"}]


def edited_pack(old, new):
    files = {path.name: path.read_text() for path in PACK.iterdir()}
    assert any(old in text for text in files.values())
    return {name: text.replace(old, new) for name, text in files.items()}


def test_a_pack_is_activated_by_two_persons(store):
    served = store.served
    uploaded = served.ask("POST", "/v1/packs", {"files": edited_pack("&gt; 1000<", "&gt; 100<")}, role="policy")
    assert uploaded.status == 201, uploaded.body
    digest = uploaded.json()["digest"]
    checked = served.ask("POST", f"/v1/packs/{digest}/check", {}, role="policy")
    assert checked.status == 200 and checked.json()["passed"] is True
    first = served.ask("POST", f"/v1/packs/{digest}/activate", {}, role="policy")
    assert (first.status, first.json()["state"]) == (202, "waits-for-approval")
    same = served.ask("POST", f"/v1/packs/{digest}/activate", {}, role="policy")
    assert (same.status, same.code()) == (409, "second-person")
    assert store.take(event("p-1", data={"buyer_id": "p1", "amount": "500.00"}))["decision"]["outcome"]["code"] == \
        "approve"
    second_key = served.make_key("second", "policy")
    # What was asked for waits, whatever becomes of the server.
    served.kill()
    served.start()
    listed = served.ask("GET", f"/v1/packs/{digest}", role="read").json()
    assert (listed["active"], listed["activation_requested_by"]) == (False, "policy-owner")
    second = served.ask("POST", f"/v1/packs/{digest}/activate", {}, key=second_key)
    assert second.status == 200, second.body
    assert (second.json()["activated_by"], second.json()["approved_by"]) == ("policy-owner", "second")
    assert store.take(event("p-2", data={"buyer_id": "p2", "amount": "500.00"}))["decision"]["outcome"]["code"] == \
        "review"
    actions = served.look(f"/v1/actions?at_least={second.json()['sequence']}").json()["actions"]
    assert [(action["kind"], action["by"], action["pack"]) for action in actions[:2]] == \
        [("activation", "policy-owner", digest), ("activation-request", "policy-owner", digest)]
    packs = served.ask("GET", "/v1/packs", role="read").json()["packs"]
    assert [pack["active"] for pack in packs if pack["digest"] == digest] == [True]
    old = next(pack["digest"] for pack in packs if not pack["active"])
    diff = served.ask("GET", f"/v1/packs/{old}/diff/{digest}", role="read").json()
    assert diff["files"] == [{"path": "policy.dmn", "change": "changed"}]
    served.stop()
    served.start()
    assert store.take(event("p-3", data={"buyer_id": "p3", "amount": "500.00"}))["decision"]["outcome"]["code"] == \
        "review"


def test_a_pack_with_errors_gets_all_of_them(store):
    files = edited_pack("amount: money\n", "amount: monney\n")
    files["pack.yaml"] = files["pack.yaml"].replace("type: enum", "type: enumm")
    answer = store.served.ask("POST", "/v1/packs", {"files": files}, role="policy")
    assert (answer.status, answer.code()) == (422, "invalid-pack")
    found = [diagnostic for diagnostic in answer.json()["diagnostics"] if diagnostic["severity"] == "error"]
    assert len(found) >= 2
    for diagnostic in found:
        assert diagnostic["file"] == "pack/pack.yaml"
        assert diagnostic["line"] > 0 and diagnostic["column"] > 0 and diagnostic["message"]


def test_many_callers_at_once_get_their_own_answers(store):
    def call(number):
        sent = event(f"many-{number}", data={"buyer_id": f"many-{number}", "amount": "3.00"})
        return number, store.served.send(sent).json()

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        results = list(pool.map(call, range(200)))
    for number, answer in results:
        assert answer["event"]["id"] == f"many-{number}"
        assert answer["decision"]["slots"]["buyer.orders.count_1d"] == 1
    assert len({answer["sequence"] for _, answer in results}) == 200


def test_health_readiness_and_metrics(store):
    store.take(event("m-1"))
    assert store.served.ask("GET", "/healthz").json() == {"status": "ok"}
    ready = store.served.ask("GET", "/readyz")
    assert ready.status == 200 and ready.json()["sequence"] >= 2
    text = store.served.ask("GET", "/metrics", role="read").body.decode()
    samples = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            samples[name] = float(value)
    assert samples["credence_up"] == 1
    assert samples['credence_events_total{result="decided"}'] >= 1
    assert samples["credence_durable_sequence"] == ready.json()["sequence"]
    for stage in ("parse", "queue", "decide", "commit", "total"):
        assert samples[f'credence_stage_seconds_count{{stage="{stage}"}}'] >= 1
        assert samples[f'credence_stage_seconds_bucket{{stage="{stage}",le="+Inf"}}'] == \
            samples[f'credence_stage_seconds_count{{stage="{stage}"}}']
    families = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(families) == len(set(families))


def test_stopping_answers_what_was_accepted(store):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        def call(number):
            try:
                return store.served.send(event(f"last-{number}", data={"buyer_id": "last", "amount": "1.00"}))
            except OSError:
                return None  # not accepted any more

        calls = [pool.submit(call, number) for number in range(100)]
        calls[10].result()
        store.served.process.send_signal(15)
        answers = [done.result() for done in calls]
    assert store.served.process.wait(PATIENCE) == 0
    taken = [answer for answer in answers if answer is not None and answer.status == 200]
    assert taken
    store.served.process = None
    store.served.start()
    for number, answer in enumerate(answers):
        if answer is None or answer.status != 200:
            continue
        again = store.served.send(event(f"last-{number}", time=answer.json()["decision"]["time"],
                                        data={"buyer_id": "last", "amount": "1.00"})).json()
        assert (again["result"], again["sequence"]) == ("duplicate", answer.json()["sequence"])


def test_the_store_verifies(store):
    for i in range(5):
        store.take(event(f"v-{i}"))
    store.served.stop()
    verified = subprocess.run([BINARY, "verify", store.served.store], capture_output=True, text=True, timeout=PATIENCE,
                              check=False)
    assert verified.returncode == 0, verified.stdout + verified.stderr
