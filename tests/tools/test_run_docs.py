"""Console blocks of documents: run, compared with wildcards, and failing where they should."""

import importlib.util
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location("run_docs", ROOT / "tools/dev/run_docs.py")
run_docs = importlib.util.module_from_spec(SPEC)
sys.modules["run_docs"] = run_docs
SPEC.loader.exec_module(run_docs)


def check(tmp_path, block, opening="```console"):
    page = tmp_path / "page.md"
    page.write_text(f"# Page\n\n{opening}\n{block}\n```\n\ntext\n")
    return run_docs.check_file(page, tmp_path)


@pytest.mark.parametrize("block", [
    "$ echo one; echo two\none\ntwo",
    "$ seq 9\n1\n...\n9",
    "$ seq 9\n...",
    "$ echo took 17 ms, 4 rows\ntook ... ms, 4 rows",
    "$ true",
    "$ x=5\n$ echo $x\n5",
    "$ echo a \\\n> b\na b",
    "$ sh -c 'echo no >&2; exit 3'\nno\n[exit 3]",
    "$ printf 'no newline'\nno newline",
    "$ printf 'a\\n\\nb\\n'\na\n\nb",
])
def test_the_shown_output_is_accepted(tmp_path, block):
    count, findings = check(tmp_path, block)
    assert count and findings == []


@pytest.mark.parametrize("block", [
    "$ echo one\ntwo",
    "$ echo one",
    "$ true\none",
    "$ seq 9\n1\n...\n8",
    "$ echo a.c\nabc",
    "$ false",
    "$ true\n[exit 1]",
    "$ exit 0\n$ echo after\nafter",
])
def test_other_output_or_another_exit_code_fails(tmp_path, block):
    _, findings = check(tmp_path, block)
    assert len(findings) == 1


@pytest.mark.parametrize("opening", ["```console no-run", "```sh", "```"])
def test_other_blocks_are_not_run(tmp_path, opening):
    assert check(tmp_path, "$ false", opening) == (0, [])
