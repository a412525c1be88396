"""The tree check finds planted faults: names, sizes, marks, machine paths, invariants without their test."""

import importlib.util
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location("check_tree", ROOT / "tools/check_tree.py")
check_tree = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(check_tree)
# Written in two parts, so that the check does not find them in this file.
MARK = "TO" + "DO"
MACHINE = "/wo" + "rk/main"
HEADER = "#pragma once\n// What it does.\n"


def findings(tmp_path, files):
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return check_tree.check(tmp_path)


@pytest.mark.parametrize("path, text, said", [
    ("src/util/a.cc", "int x;\n", "no folder is called util"),
    ("src/base/common/a.cc", "int x;\n", "no folder is called common"),
    ("src/base/a.cc", "int x;\n" * 801, "801 lines, over 800"),
    ("src/base/a.cc", f"int x;  // {MARK} later\n", f"{MARK}: finish it"),
    ("docs/a.md", f"Look in {MACHINE}/src\n", "a path of one machine"),
    ("tests/data.csv", "1,2,3\n" * 180_000, "data is not kept in the repository"),
    ("src/base/a.h", "// What it does.\n#pragma once\n", "a header starts with #pragma once"),
    ("src/base/a.h", "#pragma once\nint F();\n", "a header starts with its contract"),
    ("src/base/a_fuzz.cc", "int x;\n", "fuzzers without tests/fuzz_canary/canary_fuzz.cc"),
], ids=range(9))
def test_a_planted_fault_is_found(tmp_path, path, text, said):
    found = findings(tmp_path, {path: text})
    assert len(found) == 1 and said in found[0], found


@pytest.mark.parametrize("path, text", [
    ("src/base/a.cc", "int x;\n" * 800),
    ("src/base/a.h", HEADER),
    ("docs/a.md", "Homework/exercises and ${ROOT}/work/x and https://example.org/home/x/y\n"),
    ("docs/a.md", "The pack's directory, such as /srv/packs/one\n"),
], ids=range(4))
def test_innocent_files_are_left_alone(tmp_path, path, text):
    assert findings(tmp_path, {path: text}) == []


def test_an_invariant_names_a_test_that_exists(tmp_path):
    page = "docs/ARCHITECTURE.md"
    test = {"src/base/a_test.cc": "TEST(Arena, KeepsItsBlocks) {}\n"}
    assert findings(tmp_path, test | {page: "- Invariant: x.\n  held by: src/base/a_test.cc `Arena.KeepsItsBlocks`\n"}
                    ) == []
    assert findings(tmp_path, test | {page: "- Invariant: x.\n  held by: (not yet)\n"}) == []
    for line, said in [
            ("- Invariant: x.\n", "does not say 'held by:'"),
            ("- Invariant: x.\n  held by: luck\n", "names no test file"),
            ("- Invariant: x.\n  held by: src/base/b_test.cc\n", "there is no test src/base/b_test.cc"),
            ("- Invariant: x.\n  held by: src/base/a_test.cc `Arena.Sings`\n", "there is no test case Arena.Sings"),
    ]:
        found = findings(tmp_path, {page: line})
        assert len(found) == 1 and said in found[0], found
