"""--reserve-memory: it changes nothing but time, and says what it expects."""

import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("CREDENCE_BUILD_DIR", ROOT / "build/release")) / "apps/credence"


@pytest.fixture(autouse=True)
def built():
    if not BINARY.exists():
        pytest.skip("the program is not built: ./dev build")


def bench(tmp_path, *options):
    return subprocess.run([BINARY, "bench", "--events", "300", "--singles", "0", "--folder", tmp_path, *options],
                          cwd=ROOT, capture_output=True, text=True, timeout=120)


def decisions(run):
    assert run.returncode == 0, run.stderr
    return re.search(r"^decisions +([0-9a-f]{64})$", run.stdout, re.MULTILINE)[1]


def test_decisions_are_those_without_it(tmp_path):
    assert decisions(bench(tmp_path, "--reserve-memory", "100MB")) == decisions(bench(tmp_path))


@pytest.mark.parametrize("size, what", [
    ("1MB", "--reserve-memory: expected at least 64 MB, such as 4GB"),
    ("100000TB", "--reserve-memory: the system has no such range of memory"),
])
def test_what_cannot_be_reserved_is_named(tmp_path, size, what):
    run = bench(tmp_path, "--reserve-memory", size)
    assert run.returncode == 1
    assert what in run.stderr


def test_something_else_than_a_size_is_named(tmp_path):
    run = bench(tmp_path, "--reserve-memory", "much")
    assert run.returncode != 0
    assert "--reserve-memory" in run.stderr
