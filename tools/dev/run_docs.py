"""Runs the console blocks of Markdown files and compares their output with what the text shows.

Exits 1 when a block prints something else, a command fails that the text does not show failing, or there is no
block at all. Standard library only.

A block is fenced by ```console. A line "$ command" is a command; lines "> more" continue it; what follows is its
output, stdout and stderr together. In the output a line "..." stands for any number of lines and "..." inside a line
for any text. Trailing blanks are ignored. A command may fail only where its shown output ends with a line
"[exit N]". "```console no-run" is only shown. The commands of one block share a shell, and with it variables and the
working directory; each block starts at the root.
"""

import argparse
import dataclasses
import os
import pathlib
import re
import subprocess
import sys

SECONDS_MAX = 600  # one block
MARK = "__credence_docs__"
EXIT = re.compile(r"\[exit (\d+)\]")


@dataclasses.dataclass
class Step:
    line: int
    command: str
    expected: list = dataclasses.field(default_factory=list)


def blocks(text):
    """Lists of Steps, one for each console block that is to be run."""
    inside, steps = False, []
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not inside:
            if stripped.split() == ["```console"]:
                inside, steps = True, []
        elif stripped == "```":
            inside = False
            if steps:
                yield steps
        elif line.startswith("$ "):
            steps.append(Step(number, line[2:]))
        elif line.startswith("> ") and steps and not steps[-1].expected:
            steps[-1].command += "\n" + line[2:]
        elif steps:
            steps[-1].expected.append(line.rstrip())


def matches(expected, actual):
    """Whether the actual lines are what the expected ones, with their wildcards, allow."""
    pattern = ""
    for line in expected:
        if line.strip() == "...":
            pattern += r"(?:[^\n]*\n)*?"
        else:
            pattern += r"[^\n]*?".join(re.escape(part) for part in line.split("...")) + r"[ \t]*\n"
    return re.fullmatch(pattern, "".join(line.rstrip() + "\n" for line in actual)) is not None


def run_block(steps, root):
    """Runs the steps in one shell. Returns for each (exit code, output lines), fewer when the shell ended."""
    script = "".join(f"{step.command}\nprintf '\\n%s %s\\n' {MARK} \"$?\"\n" for step in steps)
    env = dict(os.environ, LC_ALL="C.UTF-8", TERM="dumb", COLUMNS="100", NO_COLOR="1",
               PATH=f"{root / 'build/release/apps'}:{os.environ.get('PATH', '/usr/bin:/bin')}")
    try:
        run = subprocess.run(["bash", "-c", script], cwd=root, env=env, text=True, errors="replace",
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             timeout=SECONDS_MAX, check=False)
        output = run.stdout
    except subprocess.TimeoutExpired as expired:
        text = expired.stdout or b""
        output = text.decode(errors="replace") if isinstance(text, bytes) else text
        output += f"\nran over {SECONDS_MAX} s"
    results, lines = [], []
    for line in output.split("\n"):
        match = re.fullmatch(MARK + r" (\d+)", line)
        if match:
            if lines and lines[-1] == "":  # the line break that stands before the mark
                lines.pop()
            results.append((int(match[1]), lines))
            lines = []
        else:
            lines.append(line)
    if len(results) < len(steps):
        results.append((-1, lines))
    return results


def check_file(path, root):
    """(steps run, findings) of one Markdown file."""
    count, findings = 0, []
    name = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
    for steps in blocks(path.read_text()):
        for step, (code, actual) in zip(steps, run_block(steps, root)):
            count += 1
            expected, wanted = list(step.expected), 0
            if expected and EXIT.fullmatch(expected[-1]):
                wanted = int(EXIT.fullmatch(expected.pop())[1])
            while expected and expected[-1] == "":
                expected.pop()
            while actual and actual[-1].rstrip() == "":
                actual.pop()
            problem = []
            if code != wanted:
                problem.append("the shell ended" if code < 0 else f"exit code {code}, expected {wanted}")
            if not matches(expected, actual):
                problem.append("other output than shown")
            if problem:
                shown = "\n".join(["--- shown"] + expected + ["--- printed"] + actual)
                findings.append(f"{name}:{step.line}: $ {step.command}\n{'; '.join(problem)}\n{shown}\n---")
    return count, findings


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=pathlib.Path, required=True)
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    args = parser.parse_args()
    root = args.root.resolve()
    files = args.files or [f for f in [root / "README.md", root / "README.zh-CN.md", *sorted((root / "docs").rglob("*.md"))] if f.is_file()]
    total, bad = 0, 0
    for file in files:
        count, findings = check_file(file.resolve(), root)
        total += count
        bad += len(findings)
        for finding in findings:
            print(finding)
        if count:
            print(f"{'FAILED' if findings else 'ok':<6} {file.name}: {count} commands", flush=True)
    print(f"{total} commands of {len(files)} documents, {bad} with other output")
    return 1 if bad or not total else 0


if __name__ == "__main__":
    sys.exit(main())
