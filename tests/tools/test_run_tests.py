"""The test runner counts single cases, also of programs that die or hang, and never calls an empty run a success."""

import json
import os
import pathlib
import stat
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]

# A stand-in for a Google Test program: it lists, filters nothing, prints, reports and ends as it is told.
PROGRAM = """#!{python}
import json, os, sys, time
spec = json.load(open(__file__ + ".json"))
if "--gtest_list_tests" in sys.argv:
    print("Suite.")
    for case in spec["cases"]:
        print("  " + case[0])
    sys.exit(0)
done = []
for name, result in spec["cases"]:
    print(f"[ RUN      ] Suite.{{name}}", flush=True)
    if result == "CRASH":
        os.abort()
    if result == "HANG":
        time.sleep(600)
    word = {{"ok": "       OK", "fail": "  FAILED ", "skip": "  SKIPPED"}}[result]
    if result == "skip":
        print("file.cc:1: Skipped\\nno data here")
    print(f"[{{word}} ] Suite.{{name}} (0 ms)", flush=True)
    row = {{"name": name, "status": "RUN", "result": "SKIPPED" if result == "skip" else "COMPLETED"}}
    if result == "fail":
        row["failures"] = [{{"failure": "file.cc:2\\nnot equal"}}]
    done.append(row)
out = [a for a in sys.argv if a.startswith("--gtest_output=json:")][0].split(":", 1)[1]
json.dump({{"testsuites": [{{"name": "Suite", "testsuite": done}}]}}, open(out, "w"))
sys.exit(any(r == "fail" for _, r in spec["cases"]) or spec.get("exit", 0))
"""


def run(tmp_path, programs, *words):
    """Runs the runner in a root whose CTest knows these programs. Returns (exit code, lines)."""
    build = tmp_path / "build/release"
    build.mkdir(parents=True)
    for name, spec in programs.items():
        file = build / name
        file.write_text(PROGRAM.format(python=sys.executable))
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
        (build / f"{name}.json").write_text(json.dumps(spec))
    (build / "CTestTestfile.cmake").write_text(
        "".join(f'add_test({name} "{build / name}")\n' for name in programs))
    result = subprocess.run([sys.executable, str(ROOT / "tools/dev/run_tests.py"), "--root", str(tmp_path), *words],
                            env=dict(os.environ, CREDENCE_SHARED=str(tmp_path)), text=True, capture_output=True,
                            check=False)
    return result.returncode, result.stdout.splitlines()


def test_single_cases_of_all_programs_are_counted_in_the_last_line(tmp_path):
    code, lines = run(tmp_path, {"a_test": {"cases": [["X", "ok"], ["Y", "skip"]]},
                                 "b_test": {"cases": [["Z", "ok"]]}})
    assert (code, lines[-1]) == (0, "2 passed, 0 failed, 1 skipped")
    assert any("skipped: Suite.Y: no data here" in line for line in lines)


# The cap of a hang is as long as a case that does not hang may ever be held up on a loaded machine.
@pytest.mark.parametrize("cases, last, words", [
    ([["X", "ok"], ["Y", "fail"]], "1 passed, 1 failed, 0 skipped", ()),
    ([["X", "ok"], ["Y", "CRASH"], ["Z", "ok"]], "1 passed, 1 failed, 0 skipped", ()),
    ([["X", "ok"], ["Y", "HANG"]], "1 passed, 1 failed, 0 skipped", ("--cap", "10")),
])
def test_a_failure_a_crash_and_a_hang_fail_the_run(tmp_path, cases, last, words):
    code, lines = run(tmp_path, {"a_test": {"cases": cases}}, *words)
    assert (code, lines[-1]) == (1, last)
    assert any("FAILED Suite.Y" in line for line in lines)


def test_a_program_that_ends_badly_after_good_cases_fails(tmp_path):
    code, lines = run(tmp_path, {"a_test": {"cases": [["X", "ok"]], "exit": 7}})
    assert (code, lines[-1]) == (1, "1 passed, 1 failed, 0 skipped")


@pytest.mark.parametrize("programs", [{}, {"a_test": {"cases": []}}, {"a_test": {"cases": [["X", "skip"]]}}])
def test_a_run_without_a_passed_case_is_no_success(tmp_path, programs):
    code, lines = run(tmp_path, programs)
    assert code == 1
    assert lines[-1].startswith("0 passed, 0 failed, ")
