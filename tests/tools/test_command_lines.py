"""Each command line that a document shows exists: the command, what it is given the name of, and every option."""

import functools
import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("CREDENCE_BUILD_DIR", ROOT / "build/release")) / "apps/credence"
DOCUMENTS = [path.relative_to(ROOT) for pattern in ("README*.md", "docs/**/*.md", "packs/*/README.md", "bench/*.md", "CHANGELOG.md")
             for path in sorted(ROOT.glob(pattern))]
BEGIN = re.compile(r"^(?:\./dev|(?:[\w./$]*/)?credence) [a-z]")


def command_lines(text):
    """In the order in which they stand: of code blocks, where each line is one, and of `code` in the text."""
    found, fence = [], None
    text = re.sub(r" *\\\n[> ] *", " ", text)
    for line in text.splitlines():
        opening = re.match(r" *```(\w*)", line)
        if opening:
            fence = None if fence is not None else opening[1]
            continue
        if fence == "console":
            candidates = [line[2:]] if line.startswith("$ ") else []
        elif fence is not None or line.startswith("    "):
            candidates = [line.strip()]
        else:
            candidates = re.findall(r"`([^`]+)`", line)
        found += [part.split(" # ")[0].strip() for candidate in candidates for part in re.split(r"[;|] ", candidate)
                  if BEGIN.match(part.strip())]
    return [line.strip() for line in found]


def options_of(line):
    return set(re.findall(r"(?<![\w-])--[a-z][\w-]*", line))


@functools.cache
def help_of(*words):
    done = subprocess.run([BINARY, *words, "--help"], text=True, capture_output=True, timeout=240, check=False)
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout


@functools.cache
def commands_of(*words):
    """The commands below a command; none if it takes none."""
    _, _, listed = help_of(*words).partition("\nSubcommands:\n")
    return set(re.findall(r"^  ([a-z][\w-]*)", listed, re.MULTILINE))


def fault_of_credence(line):
    words = line.split()[1:]
    path = []
    while words and commands_of(*path):
        if words[0] not in commands_of(*path):
            return f"no command {words[0]}" if re.fullmatch(r"[a-z][\w-]*", words[0]) else None
        path.append(words.pop(0))
    known = options_of(help_of(*path))
    unknown = options_of(line) - known - {"--help"}
    return f"{' '.join(path)} has no {', '.join(sorted(unknown))}" if unknown else None


def fault_of_dev(line):
    name, *words = line.split()[1:]
    file = ROOT / "tools/dev" / f"{name}.sh"
    if name != "help" and (name == "lib" or not file.exists()):
        return f"no command {name}"
    text = file.read_text()
    if name == "bench" and words and words[0] not in ("NAME", "[NAME]"):
        # One of its benchmarks, whose options are its own.
        return None if re.search(rf"^ *(?:[\w-]+ \| )*{words[0]}(?: \| [\w-]+)*\)", text, re.MULTILINE) else f"no {words[0]}"
    if name == "test":
        text += (ROOT / "tools/dev/run_tests.py").read_text()
    unknown = options_of(line) - options_of(text) - {"--help"}
    return f"{name} has no {', '.join(sorted(unknown))}" if unknown else None


def faults(text):
    found = []
    for line in command_lines(text):
        fault = fault_of_dev(line) if line.startswith("./dev") else fault_of_credence(line)
        if fault:
            found.append(f"{line}: {fault}")
    return found


@pytest.fixture(autouse=True)
def built():
    if not BINARY.exists():
        pytest.skip("the program is not built: ./dev build")


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_what_a_document_shows_exists(document):
    assert faults((ROOT / document).read_text()) == []


def test_both_readmes_show_the_same_commands():
    english, chinese = (command_lines((ROOT / name).read_text()) for name in ("README.md", "README.zh-CN.md"))
    assert len(english) > 10
    assert sorted(english) == sorted(chinese)


@pytest.mark.parametrize("shown", [
    "`./dev demonstrate`", "`./dev demo --twice`", "```console\n$ ./dev bench nothing\n```", "`./dev lib`",
    "`credence serves`", "    credence serve --stores x", "`credence key api-newer f`", "```sh\ncredence pack check --fast x\n```",
    "```console\n$ x=1; credence decide \\\n>   --events f\n```",
])
def test_a_command_line_of_nothing_is_found(shown):
    assert len(faults(shown)) == 1


@pytest.mark.parametrize("shown", ["`./dev demo`", "credence serves nobody", "```console\n$ true\ncredence serves http://x\n```",
                                   "    credence serve --store DIR  # --fast", "`credence inspect`"])
def test_what_exists_and_what_is_no_command_line_is_left_alone(shown):
    assert faults(shown) == []
