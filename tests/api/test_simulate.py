"""`credence simulate` against a real server, and its comparison of policies: the figures agree with what the server did."""

import json
import re
import socket
import subprocess
import time
import xml.etree.ElementTree

import pytest

from served import BINARY, PATIENCE, ROOT, Served

if not BINARY.exists():
    pytest.skip("the program is not built: ./dev build", allow_module_level=True)

LIVE_COMMERCE = ROOT / "packs/live-commerce"
EVENTS = 1500
SCHEMES = {"honest": "正常", "coupon-farm": "羊毛党", "device-farm": "设备农场", "stolen-card": "盗卡", "takeover": "盗号",
           "brushing": "刷单", "cash-out": "套现", "refund-abuse": "仅退款", "coerced": "诱导下单"}
VERDICTS = {"pass": "通过", "step_up": "加验", "manual": "人工", "strip_coupon": "去券", "refuse": "拒绝"}
# What each line of the report begins with, in both languages.
SUMMARY = ("orders 订单", "sales 销售额, CNY", "lost 损失, CNY", "loss 损失率, bp of sales", "good orders challenged 误扰",
           "good orders refused 误拒", "gangs adapted 团伙应变", "decisions a second 每秒决策", "verdicts 处置", "coupon claims 领券")


def simulate(*arguments):
    return subprocess.run([BINARY, "simulate", "--quiet", *map(str, arguments)], text=True, capture_output=True,
                          timeout=PATIENCE, check=False)


def post(url, *arguments):
    return simulate("--seed", 3, "--days", 6, "--orders-per-day", 60, "--post", url, "--rate", 1000, "--events", EVENTS,
                    *arguments)


def check_both_languages(text, policies):
    for begin in SUMMARY:
        assert any(line.startswith(begin) for line in text.splitlines()), begin
    for english, chinese in {**SCHEMES, **VERDICTS}.items():
        assert any(line.split()[:2] == [english, chinese] for line in text.splitlines()), english
    assert all(title in text for title in policies)


def verdicts_of(run):
    return {verdict: sum(scheme["verdicts"][verdict] for scheme in run["schemes"].values()) for verdict in VERDICTS}


def check_sums(run):
    assert sum(scheme["orders"] for scheme in run["schemes"].values()) == run["orders"]
    assert sum(scheme["lost_minor"] for scheme in run["schemes"].values()) == run["lost_minor"]
    assert run["schemes"]["honest"]["orders"] == run["good_orders"]
    if run["sales_minor"]:
        assert run["loss_bp"] == pytest.approx(1e4 * run["lost_minor"] / run["sales_minor"], abs=0.006)


def check_drawing(path, runs):
    drawing = xml.etree.ElementTree.parse(path).getroot()
    bars = [found for found in drawing.iter("{http://www.w3.org/2000/svg}rect") if found.get("width", "").isdigit()]
    assert len(bars) == len(runs) * (1 + len(SCHEMES))  # the legend and a bar for each scheme
    texts = [found.text for found in drawing.iter("{http://www.w3.org/2000/svg}text")]
    for english, chinese in SCHEMES.items():
        assert f"{english} {chinese}" in texts


def serve(tmp_path_factory):
    served = Served(tmp_path_factory.mktemp("market"), pack=LIVE_COMMERCE)
    served.keys["sender"] = served.make_key("market", "ingest,decide")
    served.start()
    yield served
    served.end()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    yield from serve(tmp_path_factory)


@pytest.fixture
def empty_server(tmp_path_factory):
    yield from serve(tmp_path_factory)


def url_of(server):
    return f"http://127.0.0.1:{server.port}"


def counted(server):
    """Events that the server took, by what became of them."""
    text = server.ask("GET", "/metrics", role="read").body.decode()
    return {result: int(count) for result, count in re.findall(r'credence_events_total\{result="(\w+)"\} (\d+)', text)}


def listed(server, **filters):
    """All decisions that the read model lists, once it shows the newest."""
    filters["at_least"] = server.state()[0]
    found = []
    cursor = None
    while True:
        query = "&".join(f"{name}={value}" for name, value in {**filters, "limit": 500}.items())
        page = server.look(f"/v1/decisions?{query}" + (f"&cursor={cursor}" if cursor else "")).json()
        found += page["decisions"]
        cursor = page["next"]
        if not cursor:
            return found


def test_a_sender_without_a_key_says_what_it_was_told_and_leaves_nothing(server):
    before = server.state()
    posted = simulate("--seed", 3, "--days", 1, "--orders-per-day", 60, "--post", url_of(server), "--rate", 1000,
                      "--events", 20)
    assert posted.returncode != 0
    assert "20 failed" in posted.stdout
    assert "the first failure: 401: " in posted.stdout
    assert "20 events had no good answer" in posted.stderr
    assert server.state() == before


def test_a_market_is_sent_and_told_what_was_decided(server, tmp_path):
    report = tmp_path / "report.json"
    drawing = tmp_path / "losses.svg"
    posted = post(url_of(server), "--key", server.keys["sender"], "--report", report, "--svg", drawing)
    assert posted.returncode == 0, posted.stdout + posted.stderr
    assert f"{EVENTS:,} events sent in " in posted.stdout
    assert re.search(rf"{EVENTS:,} answered, \d+ sent again after 429 or 503, 0 failed", posted.stdout)
    assert 0 <= first_decision(posted.stdout) <= float(re.search(r"sent in ([\d.]+) s", posted.stdout)[1]) + .1
    check_both_languages(posted.stdout, ("off 无策略", "full 完整策略"))
    for begin in ("ms 毫秒", "decisions 决策", "other events 其他事件", "generator late 发送延迟"):
        assert begin in posted.stdout
    off, full = json.loads(report.read_text())["runs"]
    assert (off["policy"], full["policy"]) == ("off", "full")
    assert full["events"] == EVENTS
    for run in (off, full):
        check_sums(run)
    # The server counted, journalled and listed what the report says.
    events = counted(server)
    assert events["decided"] == full["decisions"] > 0
    assert events["applied"] == EVENTS - full["decisions"]
    assert server.state()[0] == EVENTS + 1  # and the activation
    orders = listed(server, decision="order_risk")
    claims = listed(server, decision="coupon_eligibility")
    assert len(orders) + len(claims) == full["decisions"]
    assert len(orders) == full["orders"]
    # On a machine that does much else the market, six days in two seconds, goes on before it is answered.
    late = re.search(r"^too late for the market 判定过迟: (\d+) orders", posted.stdout, re.MULTILINE)
    missing = full["orders"] - sum(verdicts_of(full).values())
    assert missing == (int(late[1]) if late else 0)
    for verdict, count in verdicts_of(full).items():
        assert 0 <= sum(1 for decision in orders if decision["outcome"] == verdict) - count <= missing, verdict
    check_drawing(drawing, (off, full))


def test_the_hour_of_the_flash_sale_has_its_rate_and_its_own_row(empty_server):
    posted = simulate("--seed", 4, "--days", 1, "--orders-per-day", 100, "--flash-sale", 0, "--post",
                      url_of(empty_server), "--key", empty_server.keys["sender"], "--rate", 1000, "--sale-rate", 3000)
    assert posted.returncode == 0, posted.stdout + posted.stderr
    assert "(intended 1000; 3000 in the flash sale)" in posted.stdout
    answers = {line[:24].strip(): int(re.findall(r"[\d,]+", line[24:])[0].replace(",", ""))
               for line in posted.stdout.splitlines()
               if line.startswith(("decisions 决策 ", "other events", "all, in the", "all, outside"))}
    decided, others, sale, calm = (next(count for row, count in answers.items() if row.startswith(begin))
                                   for begin in ("decisions", "other", "all, in", "all, outside"))
    assert sale > 0 and calm > 0
    assert sale + calm == decided + others


def first_decision(text):
    return float(re.search(r"^first decision after ([\d.]+) s 首个决策用时$", text, re.MULTILINE)[1])


def test_the_first_decision_is_timed_from_where_it_is_asked_for(empty_server):
    posted = simulate("--seed", 3, "--days", 1, "--orders-per-day", 20, "--post", url_of(empty_server), "--key",
                      empty_server.keys["sender"], "--rate", 1000, "--since", time.time() - 10_000)
    assert posted.returncode == 0, posted.stdout + posted.stderr
    assert 10_000 <= first_decision(posted.stdout) <= 10_000 + PATIENCE


def test_no_server_is_one_clear_error():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        posted = post(f"http://127.0.0.1:{unused.getsockname()[1]}")
    assert posted.returncode != 0
    assert posted.stderr.startswith("credence: ") and "Traceback" not in posted.stderr
    for url in ("https://127.0.0.1:1", "http://127.0.0.1", "http://127.0.0.1:0", "127.0.0.1:8080"):
        refused = post(url)
        assert refused.returncode != 0 and "--post: expected a URL" in refused.stderr, url


def test_policies_are_compared_on_twin_markets(tmp_path):
    texts = []
    reports = []
    for name in ("first", "second"):
        report = tmp_path / f"{name}.json"
        drawing = tmp_path / f"{name}.svg"
        compared = simulate("--seed", 3, "--days", 20, "--orders-per-day", 200, "--pack", LIVE_COMMERCE, "--compare",
                            "--report", report, "--svg", drawing)
        assert compared.returncode == 0, compared.stderr
        reports.append(report.read_text())
        # All but the speed is the same in each run.
        texts.append([line for line in compared.stdout.splitlines() if not line.startswith("decisions a second")])
        check_both_languages(compared.stdout, ("off 无策略", "rules only 仅规则", "full 完整策略"))
    assert reports[0] == reports[1]
    assert texts[0] == texts[1]
    off, rules, full = json.loads(reports[0])["runs"]
    assert [run["policy"] for run in (off, rules, full)] == ["off", "rules", "full"]
    for run in (off, rules, full):
        check_sums(run)
        assert run["fallbacks"] == 0
        assert run["good_orders"] == off["good_orders"]  # honest buyers order the same whatever is decided
    assert off["decisions"] == 0 and sum(verdicts_of(off).values()) == 0
    # An order that is under way when the market ends is counted and not asked about.
    assert full["orders"] - 5 <= sum(verdicts_of(full).values()) <= full["orders"]
    assert full["lost_minor"] <= rules["lost_minor"] <= off["lost_minor"]
    assert full["lost_minor"] < off["lost_minor"]
    text = "\n".join(texts[0])
    for run in (off, rules, full):
        assert f"{run['orders']:,}" in text and f"{run['lost_minor'] // 100:,}" in text
        assert f"{run['loss_bp']:.1f}" in text
    check_drawing(tmp_path / "first.svg", (off, rules, full))
