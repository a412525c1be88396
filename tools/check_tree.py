"""Rules about files that no compiler holds: names, sizes, unfinished marks, machine paths, canary, documents.

Prints "file:line: what is wrong" for each finding and exits 1 when there is one. Looks at what git tracks or
would add. Standard library only.
"""

import argparse
import pathlib
import re
import subprocess
import sys

LINES_MAX = 800
BYTES_MAX = 1 << 20
CODE = {".cc", ".h", ".py", ".sh", ".ts", ".tsx", ".cmake", ".js"}
TEXT = CODE | {".md", ".toml", ".txt", ".yaml", ".yml", ".json", ".dmn", ".csv", ".tbl", ""}
BANNED_FOLDERS = {"common", "util", "utils", "helper", "helpers", "misc"}
# A file may be longer for a reason that is said here.
LONGER = {
}
# The words are put together here so that this file does not find itself.
UNFINISHED = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "HA" + "CK"]) + r")\b")
MACHINE_PATH = re.compile(r"(?<![\w.$}])/(work|root|farm|home/[a-z][a-z0-9_-]*)/[\w.]")
INVARIANT = re.compile(r"^\s*(?:[-*] )?\**Invariant:", re.MULTILINE)
# "held by: src/x/y_test.cc `Suite.Case`, tests/z.py" or "held by: (not yet)"
HELD_BY = re.compile(r"held by: ([^\n]*)")
TEST_PATH = re.compile(r"[\w./-]+/[\w./-]+\.(?:cc|py|tbl|csv)\b")
TEST_CASE = re.compile(r"`(\w+)\.(\w+)`")


def tracked(root):
    listing = subprocess.run(["git", "-c", f"safe.directory={root}", "ls-files", "-z", "--cached", "--others",
                              "--exclude-standard"], cwd=root, capture_output=True, text=True, check=True)
    return sorted({p for p in listing.stdout.split("\0") if p and (root / p).is_file()})


def check_path(path, size):
    parts = pathlib.PurePosixPath(path).parts
    findings = [f"{path}:1: no folder is called {part}: say what it holds"
                for part in parts[:-1] if part.lower() in BANNED_FOLDERS]
    if size > BYTES_MAX:
        findings.append(f"{path}:1: {size} bytes, over {BYTES_MAX}: data is not kept in the repository")
    return findings


def check_text(path, text):
    findings = []
    suffix = pathlib.PurePosixPath(path).suffix
    lines = text.count("\n")
    if suffix in CODE and lines > LINES_MAX and path not in LONGER:
        findings.append(f"{path}:1: {lines} lines, over {LINES_MAX}: split it along what it does, "
                        "or give a reason in tools/check_tree.py")
    for number, line in enumerate(text.splitlines(), 1):
        mark = UNFINISHED.search(line)
        if mark and suffix in CODE:
            findings.append(f"{path}:{number}: {mark[0]}: finish it or write an issue")
        found = MACHINE_PATH.search(line)
        if found:
            findings.append(f"{path}:{number}: a path of one machine: {found[0]}…")
    if suffix == ".h" and path.startswith(("src/", "apps/", "sim/", "bench/")):
        if not text.startswith("#pragma once"):
            findings.append(f"{path}:1: a header starts with #pragma once")
        elif "//" not in text[:400]:
            findings.append(f"{path}:1: a header starts with its contract, as a comment")
    return findings


def check_invariants(root, path, text):
    """Every invariant says which test holds it, and that test exists."""
    findings = []
    for number, paragraph in paragraphs(text):
        if not INVARIANT.search(paragraph):
            continue
        held = HELD_BY.search(paragraph.replace("\n", " "))
        if not held:
            findings.append(f"{path}:{number}: the invariant does not say 'held by:'")
            continue
        if held[1].strip().startswith("(not yet)"):
            continue
        files = TEST_PATH.findall(held[1])
        if not files:
            findings.append(f"{path}:{number}: 'held by:' names no test file")
        missing = [file for file in files if not (root / file).is_file()]
        findings += [f"{path}:{number}: there is no test {file}" for file in missing]
        sources = "".join((root / file).read_text(errors="replace") for file in files if file not in missing)
        for suite, case in TEST_CASE.findall(held[1]):
            if not missing and not re.search(rf"\(\s*{suite}\s*,\s*{case}\s*\)", sources):
                findings.append(f"{path}:{number}: there is no test case {suite}.{case}")
    return findings


def paragraphs(text):
    """(line number, text) of each block that a blank line or a new list item ends."""
    start, block = 1, []
    for number, line in enumerate(text.splitlines(), 1):
        if block and (not line.strip() or line.startswith("- ")):
            yield start, "\n".join(block)
            block = []
        if line.strip():
            if not block:
                start = number
            block.append(line)
    if block:
        yield start, "\n".join(block)


def check(root):
    paths = tracked(root)
    findings = []
    for path in paths:
        file = root / path
        findings += check_path(path, file.stat().st_size)
        if pathlib.PurePosixPath(path).suffix in TEXT and not file.is_symlink():
            text = file.read_text(errors="replace")
            findings += check_text(path, text)
            if path == "docs/ARCHITECTURE.md":
                findings += check_invariants(root, path, text)
    findings += [f"tools/check_tree.py: {path} needs no exception any more" for path in LONGER
                 if path not in paths or (root / path).read_text().count("\n") <= LINES_MAX]
    fuzzers = [p for p in paths if p.endswith("_fuzz.cc") and p.startswith("src/")]
    if fuzzers and "tests/fuzz_canary/canary_fuzz.cc" not in paths:
        findings.append(f"{fuzzers[0]}:1: fuzzers without tests/fuzz_canary/canary_fuzz.cc, which must crash")
    return findings


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent)
    findings = check(parser.parse_args().root)
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
