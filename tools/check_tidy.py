"""Runs clang-tidy over the compile database of build/tidy: what changed first, then the core, tests last.

A file that was clean is not read again until it, a header of ours that it includes, or .clang-tidy changes (kept
in build/tidy/clean/). Starts no file when its seconds are used up; those left out are counted, not failed. Prints the
findings; exits 1 when there is one. Standard library only.
"""

import argparse
import concurrent.futures
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import time

CORE = ["base", "money", "calendar", "record", "ledger", "journal", "engine", "feature", "decision"]
FILE_SECONDS_MAX = 90  # some checks explode on some files; one file must not eat the budget
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)


class Sources:
    """Reads files once and knows which of ours a file includes, directly or not."""

    def __init__(self, root):
        self.root = root
        self.text = {}

    def read(self, path):
        if path not in self.text:
            file = self.root / path
            self.text[path] = file.read_text(errors="replace") if file.is_file() else ""
        return self.text[path]

    def closure(self, path):
        seen, todo = set(), [path]
        while todo:
            at = todo.pop()
            if at not in seen:
                seen.add(at)
                todo += INCLUDE.findall(self.read(at))
        return seen

    def digest(self, path, command):
        digest = hashlib.sha256(self.read(".clang-tidy").encode())
        digest.update(command.replace(str(self.root), "").encode())
        for one in sorted(self.closure(path)):
            digest.update(f"\0{one}\0{self.read(one)}".encode())
        return digest.hexdigest()


def changed_files(root):
    """What differs from main, committed or not, and what git does not know yet."""
    def git(*words):
        run = subprocess.run(["git", "-c", f"safe.directory={root}", *words], cwd=root, text=True,
                             capture_output=True, check=False)
        return run.stdout.splitlines() if run.returncode == 0 else []

    base = git("merge-base", "HEAD", "main") or ["HEAD"]
    return set(git("diff", "--name-only", base[0])) | set(git("ls-files", "--others", "--exclude-standard"))


def rank(path, closure, changed):
    """Smaller is sooner: changed itself, includes what changed, core in its order, the rest, then tests."""
    if path.endswith(("_test.cc", "_fuzz.cc")):
        return (3, 0)
    if path in changed:
        return (0, 0)
    folder = path.split("/")[1] if path.startswith("src/") else ""
    core = CORE.index(folder) if folder in CORE else len(CORE)
    return (1 if closure & changed else 2, core)


def tidy(root, path):
    """What clang-tidy says about a file, or None when it did not come to an end."""
    try:
        run = subprocess.run(["clang-tidy-16", "-p", "build/tidy", "--quiet", path], cwd=root, text=True,
                             capture_output=True, timeout=FILE_SECONDS_MAX, check=False)
    except subprocess.TimeoutExpired:
        print(f"{path}: clang-tidy took over {FILE_SECONDS_MAX} s; left out", flush=True)
        return None
    if run.returncode == 0:
        return ""
    lines = [line for line in run.stdout.splitlines() if line.strip()]
    return "\n".join(lines).replace(f"{root}/", "") or run.stderr


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=240)
    parser.add_argument("--all", action="store_true", help="every file, whatever it takes")
    parser.add_argument("--core", action="store_true", help="the core without its tests, and nothing else")
    args = parser.parse_args()
    root = args.root
    deadline = time.monotonic() + (float("inf") if args.all else args.seconds)

    commands = {}
    for entry in json.loads((root / "build/tidy/compile_commands.json").read_text()):
        file = pathlib.Path(entry["file"])
        if file.is_relative_to(root) and not file.is_relative_to(root / "build"):
            commands[file.relative_to(root).as_posix()] = entry["command"]
    if args.core:
        commands = {path: command for path, command in commands.items()
                    if rank(path, set(), set())[0] == 2 and rank(path, set(), set())[1] < len(CORE)}
    clean = root / "build/tidy/clean"
    clean.mkdir(exist_ok=True)
    sources = Sources(root)
    digests = {path: sources.digest(path, command) for path, command in commands.items()}
    changed = changed_files(root)
    todo = sorted((path for path in commands if not (clean / digests[path]).exists()),
                  key=lambda path: (*rank(path, sources.closure(path), changed), path))

    def one(path):
        if time.monotonic() > deadline:
            return path, None
        return path, tidy(root, path)

    findings, left = set(), 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=max(1, args.jobs)) as pool:
        for path, output in pool.map(one, todo):
            if output is None:
                left += 1
            elif output:
                findings.add(output)
                print(output, flush=True)
            else:
                (clean / digests[path]).touch()
    print(f"clang-tidy: {len(commands)} files, {len(commands) - len(todo)} known clean, "
          f"{len(todo) - left} read, {len(findings)} with findings, {left} left out by the budget")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
