"""`./dev demo` on what is built: each line that it promises, the curl line that it prints, and its end."""

import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("CREDENCE_BUILD_DIR", ROOT / "build/release"))
PATIENCE = 240  # seconds for anything; it is loaded machines that need them
CONTROL_C = b"\x03"

if not (BUILD / "apps/credence").exists():
    pytest.skip("the program is not built: ./dev build", allow_module_level=True)

# What each line begins with, in both languages, and what stands in it.
PROMISED = {
    "where it serves": r"^credence serves http://127\.0\.0\.1:\d+ 服务已启动$",
    "the two markets": r"^ +off 无策略 +full 完整策略$",
    "orders": r"^orders 订单 +[\d,]+ +[\d,]+$",
    "loss in basis points without and with the policy": r"^loss 损失率, bp of sales +[\d.]+ +[\d.]+$",
    "good orders challenged": r"^good orders challenged 误扰, at most 1 % +0\.00 % +[\d.]+ %$",
    "good orders refused": r"^good orders refused 误拒, at most \.1 % +0\.000 % +[\d.]+ %$",
    "passed": r"^pass +通过 +[\d,]+ +[\d.]+ % +[\d,]+ +[\d,]+$",
    "stepped up": r"^step_up +加验 +[\d,]+ +[\d.]+ % +[\d,]+ +[\d,]+$",
    "looked at": r"^manual +人工 +[\d,]+ +[\d.]+ % +[\d,]+ +[\d,]+$",
    "stripped": r"^strip_coupon +去券 +[\d,]+ +[\d.]+ % +[\d,]+ +[\d,]+$",
    "refused": r"^refuse +拒绝 +[\d,]+ +[\d.]+ % +[\d,]+ +[\d,]+$",
    "percentiles": r"^ms 毫秒 +answers 应答 +p50 +p99 +p99\.9 +max$",
    "decisions": r"^decisions 决策 +[\d,]+( +[\d.]+){4}$",
    "other events": r"^other events 其他事件 +[\d,]+( +[\d.]+){4}$",
    "how many": r"^[\d,]+ events sent in [\d.]+ s: [\d,]+ a second \(intended \d+\), [\d,]+ decisions a second$",
    "no failures": r"^[\d,]+ answered, \d+ sent again after 429 or 503, 0 failed$",
    "the first decision": r"^first decision after [\d.]+ s 首个决策用时$",
    "what is left": r"^Drawn: .*losses\.svg\. The journal: .*store\. The interface: http://127\.0\.0\.1:\d+/openapi\.json$",
    "what to try": r"^Decide an order yourself 自己试一笔:$",
    "how to try it": r"^  curl -s http://127\.0\.0\.1:\d+/v1/decisions -H '[^']+' -d '\{.*\}'$",
}
SERVES_ON = "It keeps serving until Ctrl-C. 服务继续运行，按 Ctrl-C 结束。"


def environment(folder, **more):
    """A small market, in a folder of its own, from what is built; the folder tells its processes from others."""
    return dict(os.environ, CREDENCE_BUILD_DIR=str(BUILD), CREDENCE_DEMO_DIR=str(folder), CREDENCE_ORDERS="20",
                CREDENCE_RATE="4000", **more)


def check_promised(text):
    for what, pattern in PROMISED.items():
        assert re.search(pattern, text, re.MULTILINE), f"{what}: {pattern}\n{text}"


def processes_of(folder):
    """What runs on this folder: process id -> words of its command line."""
    found = {}
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue  # gone meanwhile
        if any(str(folder).encode() in word for word in words):
            found[int(process.name)] = words
    return found


def kill_all(folder):
    for process in processes_of(folder):
        os.kill(process, signal.SIGKILL)


class Terminal:
    """A process group whose terminal we hold: it draws as it does for a person, and Ctrl-C reaches it as from a keyboard."""

    def __init__(self, words, env):
        self.raw = b""
        self.said = ""
        self.pid, self.file = pty.fork()
        if self.pid == 0:
            # What is started in the background of a script ignores it, and would hand that down.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.execvpe(words[0], words, env)

    def read(self, until=None):
        """Until this is said, or until all ends of the terminal are closed."""
        deadline = time.monotonic() + PATIENCE
        while until is None or until not in self.said:
            assert time.monotonic() < deadline, self.said
            if not select.select([self.file], [], [], 1)[0]:
                continue
            try:
                part = os.read(self.file, 65536)
            except OSError:  # the last of them was closed
                part = b""
            if not part:
                assert until is None, self.said
                return
            self.raw += part
            self.said = self.raw.decode(errors="replace").replace("\r\n", "\n")

    def press(self, keys):
        os.write(self.file, keys)

    def end(self):
        """Its exit status, or minus the signal that ended it."""
        self.read()
        os.close(self.file)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def assert_a_decision(text, outcome=None):
    answer = json.loads(text)
    assert answer["result"] == "decided", answer
    decision = answer["decision"]
    assert decision["decision"] == "order_risk"
    assert {"code", "en", "zh"} <= decision["outcome"].keys() and decision["outcome"]["zh"]
    assert outcome in (None, decision["outcome"]["code"])


@pytest.fixture
def folder(tmp_path):
    """Of the demonstration. What still runs on it when a test has failed is ended."""
    found = tmp_path / "demo"
    yield found
    kill_all(found)


def test_once_says_all_that_is_promised_and_stops_by_itself(folder):
    began = time.time()
    done = subprocess.run([ROOT / "dev", "demo", "--once"], env=environment(folder), text=True, capture_output=True,
                          timeout=PATIENCE, check=False)
    took = time.time() - began
    assert done.returncode == 0, done.stdout + done.stderr
    check_promised(done.stdout)
    assert re.search(r"^post +\d+ %  [\d,]+ events  \d+/s$", done.stderr, re.MULTILINE), "no progress: " + done.stderr
    # Timed from the command, before the server was there.
    first = float(re.search(r"^first decision after ([\d.]+) s ", done.stdout, re.MULTILINE)[1])
    since = float(re.search(r" --since ([\d.]+) ", done.stderr)[1])
    assert began <= since <= (folder / "address").stat().st_mtime
    assert (folder / "address").stat().st_mtime - since <= first + .01 <= took + .01
    if shutil.which("curl"):
        assert_a_decision(next(line for line in done.stdout.splitlines() if line.startswith('{"result"')))
    assert done.stdout.splitlines()[-1].startswith("stopped at sequence ")
    assert SERVES_ON not in done.stdout
    assert processes_of(folder) == {}
    report = json.loads((folder / "report.json").read_text())
    off, full = report["runs"]
    assert full["events"] > 1000 and full["decisions"] > 100
    for run in (off, full):
        assert re.search(rf"^loss 损失率, bp of sales .*\b{run['loss_bp']:.1f}\b", done.stdout, re.MULTILINE)
    assert (folder / "losses.svg").read_text().startswith("<svg")


def test_it_serves_the_line_that_it_prints_until_control_c(folder):
    terminal = Terminal([str(ROOT / "dev"), "demo"], environment(folder, TERM="xterm"))
    terminal.read(until=SERVES_ON)
    drawn = terminal.said
    check_promised(re.sub(r"[^\n]*\r\x1b\[K", "", drawn))  # what was drawn over is gone
    assert re.search(r"post [█░]+ +\d+ %  [\d,]+ events  [\d,]+/s  \d+ s left", drawn), "no progress bar: " + drawn
    line = re.search(PROMISED["how to try it"], drawn, re.MULTILINE)[0]
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    tried = subprocess.run(["sh", "-c", line], text=True, capture_output=True, timeout=PATIENCE, check=True)
    assert_a_decision(tried.stdout)
    again = subprocess.run(["sh", "-c", line], text=True, capture_output=True, timeout=PATIENCE, check=True)
    assert json.loads(again.stdout)["result"] == "duplicate"
    assert len(processes_of(folder)) == 1, "the server"
    terminal.press(CONTROL_C)
    assert terminal.end() == 0, terminal.said
    assert re.search(r"stopped at sequence \d+ 已停止$", terminal.said, re.MULTILINE), terminal.said
    assert processes_of(folder) == {}


def test_control_c_while_the_market_is_sent_leaves_nothing_behind(folder):
    terminal = Terminal([str(ROOT / "dev"), "demo"],
                        environment(folder, TERM="xterm") | {"CREDENCE_RATE": "50"})  # takes a minute
    terminal.read(until="events  ")
    terminal.press(CONTROL_C)
    assert terminal.end() == 130, terminal.said
    assert SERVES_ON not in terminal.said
    assert processes_of(folder) == {}


def test_a_server_that_dies_is_no_orderly_end(folder):
    terminal = Terminal([str(ROOT / "dev"), "demo"], environment(folder, TERM="xterm"))
    terminal.read(until=SERVES_ON)
    kill_all(folder)
    assert terminal.end() == 1, terminal.said
    assert "the server ended by itself" in terminal.said


def test_another_word_is_refused():
    done = subprocess.run([ROOT / "dev", "demo", "--twice"], env=environment("nowhere"), text=True, capture_output=True,
                          timeout=PATIENCE, check=False)
    assert done.returncode != 0
    assert "expected: ./dev demo" in done.stderr
