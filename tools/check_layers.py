"""Holds the includes and the banned names of src/ against tools/layers.toml.

Prints "file:line: what is wrong" for each finding and exits 1 when there is one. Standard library only.
"""

import argparse
import fnmatch
import pathlib
import re
import sys
import tomllib

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
TEST_FILE = re.compile(r"(_test\.cc|_fuzz\.cc)$|^naive_|^test_|_testing\.(h|cc)$")
# C++ and C standard headers and POSIX: <vector>, <cstdint>, <unistd.h>, <sys/stat.h>.
STANDARD = re.compile(r"[a-z_]+|c[a-z]+|(sys|linux|netinet|arpa|net)/[a-z_]+\.h|"
                      r"(unistd|fcntl|signal|poll|pthread|dirent|errno|stdint|stddef|string|stdlib|stdio|"
                      r"math|limits|time|netdb|immintrin|[a-z]mmintrin)\.h")


def without_comments_and_strings(text):
    """The same text with comments and string contents blanked out, line breaks kept; includes stay readable."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|R"(?P<d>[^()\s]{0,16})\(.*?\)(?P=d)"|"(?:\\.|[^"\\\n])*"|'
                         r"(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'", re.DOTALL)

    def blank(match):
        found = match[0]
        if found.startswith('"') and text[text.rfind("\n", 0, match.start()) + 1:match.start()].strip(
                ).startswith("#"):
            return found
        return re.sub(r"[^\n]", " ", found)

    return pattern.sub(blank, text)


class Layers:
    def __init__(self, table):
        self.folders = table.get("folder", {})
        self.libraries = {name: re.compile(p) for name, p in table.get("third_party", {}).items()}
        self.banned = [(re.compile(p), why) for p, why in table.get("banned", {}).items()]
        self.exceptions = {}  # (path pattern, text) -> whether it was needed
        self.pure = {name for name, folder in self.folders.items() if folder.get("pure")}
        self.faults = []
        for entry in table.get("exception", []):
            if not entry.get("reason"):
                self.faults.append(f"tools/layers.toml: the exception for {entry.get('path')} gives no reason")
            allow = entry["allow"]
            for what in [allow] if isinstance(allow, str) else allow:
                self.exceptions[(entry["path"], what)] = False
        for name, folder in self.folders.items():
            for other in folder["may"]:
                if other != "pure" and other not in self.folders:
                    self.faults.append(f"tools/layers.toml: {name} may include {other}, which is not listed")
            for library in folder["third_party"]:
                if library not in self.libraries:
                    self.faults.append(f"tools/layers.toml: {name} names the unknown library {library}")

    def may_include(self, folder):
        allowed = {folder}
        for name in self.folders[folder]["may"]:
            allowed |= self.pure if name == "pure" else {name}
        return allowed

    def excepted(self, path, what):
        for pattern, allowed in self.exceptions:
            if allowed == what and fnmatch.fnmatchcase(path, pattern):
                self.exceptions[(pattern, allowed)] = True
                return True
        return False

    def check_include(self, path, folder, test, quote, target):
        """Why this include is not allowed, or None."""
        if target.startswith("src/"):
            other = target.split("/")[1]
            if test or other in self.may_include(folder) or self.excepted(path, target):
                return None
            return f"{folder} may not include {other} (tools/layers.toml)"
        library = next((n for n, p in self.libraries.items() if p.match(target)), None)
        if library is not None:
            if test or library in self.folders[folder]["third_party"] or self.excepted(path, library):
                return None
            return f"{folder} may not include the library {library} (tools/layers.toml)"
        if quote == "<" and STANDARD.fullmatch(target):
            return None
        if quote == '"':
            return f'"{target}" is not a full path from the root ("src/…") or a library of tools/layers.toml'
        return f"<{target}> is of no library that tools/layers.toml lists"

    def check_file(self, path, text):
        """Findings of one file; `path` is relative to the root, src/FOLDER/…."""
        parts = path.split("/")
        folder, name = parts[1], parts[-1]
        if folder not in self.folders:
            return [f"{path}:1: the folder {folder} is not in tools/layers.toml"]
        test = bool(TEST_FILE.search(name))
        code = without_comments_and_strings(text)
        findings = []
        for number, line in enumerate(code.splitlines(), 1):
            match = INCLUDE.match(line)
            if match:
                why = self.check_include(path, folder, test, match[1], match[2])
                if why:
                    findings.append(f"{path}:{number}: {why}")
            if folder not in self.pure or test:
                continue
            for pattern, why in self.banned:
                for found in pattern.finditer(line):
                    if not self.excepted(path, found[0].strip()):
                        findings.append(f"{path}:{number}: {found[0].strip()}: {why}")
        return findings


def check(root):
    layers = Layers(tomllib.loads((root / "tools/layers.toml").read_text()))
    findings = list(layers.faults)
    for file in sorted((root / "src").rglob("*")):
        if file.suffix not in (".h", ".cc", ".inc") or not file.is_file():
            continue
        path = file.relative_to(root).as_posix()
        if path.count("/") >= 2:
            findings += layers.check_file(path, file.read_text(errors="replace"))
        else:
            findings.append(f"{path}:1: a source file belongs in a folder of src/")
    for (path, what), used in layers.exceptions.items():
        if not used:
            findings.append(f"tools/layers.toml: the exception '{what}' of {path} is not used any more")
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
