"""Runs the test programs that CTest knows and the Python tests, and counts single cases.

The last line is "N passed, N failed, N skipped". Exits 1 when a case failed, a program died or hung, or not one
case ran. Standard library only.

A Google Test program reports by JSON; when it dies before it can, what it printed until then is counted and the
case that was running fails. A case that runs longer than the cap is ended and fails.
"""

import argparse
import concurrent.futures
import dataclasses
import json
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree

CASE_LINE = re.compile(r"\[ +(RUN|OK|FAILED|SKIPPED) +\] ([\w/.]+)")
SLOW_SUITES = "*Slow.*"
OUTPUT_KEPT = 20_000  # characters of a failed program's output that are shown


@dataclasses.dataclass
class Outcome:
    name: str
    passed: int = 0
    failed: list = dataclasses.field(default_factory=list)  # (case, message)
    skipped: list = dataclasses.field(default_factory=list)  # (case, reason)
    seconds: float = 0.0
    output: str = ""
    command: str = ""


def gtest_filter(pattern, slow, program):
    """The --gtest_filter value, or None when every case of the program is wanted."""
    negative = "" if slow else "-" + SLOW_SUITES
    if pattern is None or pattern in (program, program.removesuffix("_test")):
        return negative and "*" + negative
    positive = pattern if "*" in pattern else f"*{pattern}*"
    return positive + negative


def cases_of(command, cwd, env):
    """Names of the cases that a program would run, or None when it cannot list any."""
    try:
        listing = subprocess.run(command + ["--gtest_list_tests"], cwd=cwd, env=env, text=True,
                                 capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if listing.returncode != 0:
        return None
    names, suite = [], ""
    for line in listing.stdout.splitlines():
        line = line.split("#")[0].rstrip()
        if line.startswith("  "):
            names.append(suite + line.strip())
        elif line.endswith("."):
            suite = line
    return names


def run_watched(command, cwd, env, cap, total_cap):
    """Runs a program under both caps. Returns (exit code, output, reason it was ended or None)."""
    process = subprocess.Popen(command, cwd=cwd, env=env, text=True, errors="replace",
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    lines, state = [], {"case": None, "since": time.monotonic(), "ended": None}
    start = time.monotonic()
    done = threading.Event()

    def watch():
        while not done.wait(0.5):
            now = time.monotonic()
            if state["case"] and now - state["since"] > cap:
                state["ended"] = f"ran over the cap of {cap} s for one case"
            elif now - start > total_cap:
                state["ended"] = f"ran over the cap of {total_cap} s for one program"
            if state["ended"]:
                os.killpg(process.pid, signal.SIGKILL)
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    for line in process.stdout:
        lines.append(line)
        match = CASE_LINE.search(line)
        if match:
            state["case"] = match[2] if match[1] == "RUN" else None
            state["since"] = time.monotonic()
    code = process.wait()
    done.set()
    watcher.join()
    return code, "".join(lines), state["ended"]


def count_json(path, outcome):
    report = json.loads(path.read_text())
    for suite in report.get("testsuites", []):
        for case in suite.get("testsuite", []):
            name = f"{suite['name']}.{case['name']}"
            if case.get("failures"):
                outcome.failed.append((name, case["failures"][0].get("failure", "")))
            elif case.get("result") == "SKIPPED":
                reason = case.get("skipped", [{}])[0].get("message", "") if "skipped" in case else ""
                outcome.skipped.append((name, reason))
            elif case.get("status") == "RUN":
                outcome.passed += 1


def count_output(output, outcome, why):
    """For a program that left no report: what it printed, and the case that never ended."""
    running = None
    failed = []
    for line in output.splitlines():
        for kind, name in CASE_LINE.findall(line):
            if kind == "RUN":
                running = name
                continue
            if running != name:  # the summary at the end names failed cases once more
                continue
            running = None
            if kind == "OK":
                outcome.passed += 1
            elif kind == "SKIPPED":
                outcome.skipped.append((name, ""))
            else:
                failed.append((name, "failed"))
    outcome.failed += failed
    outcome.failed.append((running or outcome.name, why))


def skip_reasons(output, outcome):
    """Google Test 1.12 leaves the reason of a skip out of its report: take it from the output."""
    reasons, running, last = {}, None, []
    for line in output.splitlines():
        match = CASE_LINE.search(line)
        if not match:
            if running and line.strip() and not re.match(r".*: Skipped$", line):
                last.append(line.strip())
            continue
        if match[1] == "RUN":
            running, last = match[2], []
        elif match[1] == "SKIPPED" and running == match[2]:
            reasons[running], running = " ".join(last), None
        else:
            running = None
    outcome.skipped = [(name, reason or reasons.get(name, "")) for name, reason in outcome.skipped]


def run_program(test, args, results, env):
    outcome = Outcome(test["name"])
    properties = {p["name"]: p["value"] for p in test.get("properties", [])}
    cwd = properties.get("WORKING_DIRECTORY", str(args.root))
    plain = "plain" in properties.get("LABELS", [])  # no Google Test: its exit code is the one case
    env = env | dict(pair.split("=", 1) for pair in properties.get("ENVIRONMENT", []))
    command = list(test["command"])
    report = results / f"{test['name']}.json"
    report.unlink(missing_ok=True)
    if plain:
        if args.pattern and args.pattern not in test["name"]:
            return outcome
    else:
        wanted = gtest_filter(args.pattern, args.slow, test["name"])
        if wanted:
            command.append(f"--gtest_filter={wanted}")
        if cases_of(command, cwd, env) == []:
            return outcome
    outcome.command = shlex.join(command)
    if not plain:
        command.append(f"--gtest_output=json:{report}")
    start = time.monotonic()
    try:
        code, outcome.output, ended = run_watched(command, cwd, env, args.cap,
                                                  float(properties.get("TIMEOUT", 600)))
    except OSError as error:
        outcome.failed.append((test["name"], f"cannot be started: {error}"))
        return outcome
    outcome.seconds = time.monotonic() - start
    death = ended or (f"ended by signal {signal.Signals(-code).name}" if code < 0
                      else f"ended with exit code {code}")
    if plain:
        skip_code = properties.get("SKIP_RETURN_CODE")
        if skip_code is not None and code == int(skip_code):
            outcome.skipped.append((test["name"], outcome.output.strip().splitlines()[-1:] or ""))
        elif code == 0 and not ended:
            outcome.passed = 1
        else:
            outcome.failed.append((test["name"], death))
        return outcome
    if report.exists() and not ended:
        count_json(report, outcome)
        skip_reasons(outcome.output, outcome)
        if code != 0 and not outcome.failed:
            outcome.failed.append((test["name"], death))
    else:
        count_output(outcome.output, outcome, death if code != 0 else "left no report")
    return outcome


def run_pytest(args, results, env):
    outcome = Outcome("pytest")
    report = results / "pytest.xml"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "tests", "-q", "-p", "no:cacheprovider", "-rs",
               f"--timeout={args.cap}"]
    if not args.slow:
        command += ["-m", "not slow"]
    if args.pattern:
        command += ["-k", args.pattern.replace("*", "")]
    outcome.command = shlex.join(command)
    start = time.monotonic()
    run = subprocess.run(command + [f"--junitxml={report}"], cwd=args.root, env=env, text=True,
                         errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    outcome.seconds = time.monotonic() - start
    outcome.output = run.stdout
    if report.exists():
        for case in ElementTree.parse(report).iter("testcase"):
            name = f"{case.get('classname', '')}::{case.get('name')}"
            bad = case.find("failure") if case.find("failure") is not None else case.find("error")
            skip = case.find("skipped")
            if bad is not None:
                outcome.failed.append((name, bad.get("message", "")))
            elif skip is not None:
                outcome.skipped.append((name, skip.get("message", "")))
            else:
                outcome.passed += 1
    if run.returncode not in (0, 5) and not outcome.failed:  # 5: nothing selected
        outcome.failed.append(("pytest", f"ended with exit code {run.returncode}"))
    return outcome


def show(outcome):
    if not outcome.command:
        return
    mark = "FAILED" if outcome.failed else "ok"
    print(f"{mark:>6}  {outcome.name:<24} {outcome.passed:>5} passed {len(outcome.failed):>3} failed "
          f"{len(outcome.skipped):>3} skipped  {outcome.seconds:6.1f} s", flush=True)
    if outcome.failed:
        if len(outcome.output) > OUTPUT_KEPT:
            print(f"… {len(outcome.output) - OUTPUT_KEPT} characters left out …")
        print(outcome.output[-OUTPUT_KEPT:].rstrip())
        for case, message in outcome.failed:
            print(f"        FAILED {case}: {(message.strip().splitlines() or [''])[0]}")
        print(f"        rerun: {outcome.command}", flush=True)


def show_skips(outcomes):
    by_reason = {}
    for outcome in outcomes:
        for case, reason in outcome.skipped:
            by_reason.setdefault(reason or "no reason given", []).append(case)
    for reason, cases in sorted(by_reason.items()):
        more = f" and {len(cases) - 1} more" if len(cases) > 1 else ""
        print(f"skipped: {cases[0]}{more}: {reason}")


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pattern", nargs="?")
    parser.add_argument("--slow", action="store_true")
    parser.add_argument("--preset", default="release")
    parser.add_argument("--only", default="")
    parser.add_argument("--cap", type=int, default=300)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--root", type=pathlib.Path, required=True)
    return parser.parse_args()


def main():
    args = options()
    build = args.root / "build" / args.preset
    results = build / "test-results"
    results.mkdir(parents=True, exist_ok=True)
    env = dict(os.environ, CREDENCE_BUILD_DIR=str(build))
    if args.slow:
        env["CREDENCE_SLOW"] = "1"
    if args.preset == "tsan":
        env.setdefault("TSAN_OPTIONS", f"suppressions={args.root}/tools/dev/tsan.supp")
    shared = pathlib.Path(env.get("CREDENCE_SHARED", args.root.parent / "shared"))
    if not shared.is_dir():
        print(f"note: there is no {shared}: the tests that read real data from it are skipped")

    listing = subprocess.run(["ctest", "--test-dir", str(build), "--show-only=json-v1"], text=True,
                             capture_output=True, check=True)
    tests = json.loads(listing.stdout)["tests"]
    if args.only:
        only = set(args.only.split(","))
        unknown = only - {t["name"] for t in tests}
        if unknown:
            sys.exit(f"there is no test program {', '.join(sorted(unknown))}")
        tests = [t for t in tests if t["name"] in only]

    with concurrent.futures.ThreadPoolExecutor(max_workers=max(1, args.jobs)) as pool:
        futures = []
        if not args.only and any((args.root / "tests").rglob("test_*.py")):
            futures.append(pool.submit(run_pytest, args, results, env))
        futures += [pool.submit(run_program, test, args, results, env) for test in tests]
        outcomes = []
        for future in concurrent.futures.as_completed(futures):
            outcomes.append(future.result())
            show(outcomes[-1])
    show_skips(outcomes)

    passed = sum(o.passed for o in outcomes)
    failed = sum(len(o.failed) for o in outcomes)
    skipped = sum(len(o.skipped) for o in outcomes)
    if passed + failed == 0:
        print("no test ran" + (f" for the pattern '{args.pattern}'" if args.pattern else ""))
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 1 if failed or passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
