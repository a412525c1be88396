"""The layer check finds what it is there to find, and nothing in innocent code."""

import importlib.util
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location("check_layers", ROOT / "tools/check_layers.py")
check_layers = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(check_layers)


def make_root(tmp_path, files):
    (tmp_path / "tools").mkdir()
    table = (ROOT / "tools/layers.toml").read_text()
    (tmp_path / "tools/layers.toml").write_text(table.split("[[exception]]")[0])
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def findings(tmp_path, files):
    return check_layers.check(make_root(tmp_path, files))


def test_the_repository_itself_keeps_its_layers():
    assert check_layers.check(ROOT) == []


@pytest.mark.parametrize("folder, line", [
    ("ledger", '#include "src/decision/decide.h"'),
    ("base", '#include "src/money/money.h"'),
    ("http", '#include "src/record/event.h"'),
    ("feel", '#include "src/engine/engine.h"'),
    ("pack", '#include "src/journal/journal.h"'),
    ("api", '#include "src/journal/journal.h"'),
])
def test_an_edge_that_is_not_listed_is_found(tmp_path, folder, line):
    found = findings(tmp_path, {f"src/{folder}/a.cc": f"// first line\n{line}\n"})
    assert len(found) == 1
    assert found[0].startswith(f"src/{folder}/a.cc:2: {folder} may not include ")


@pytest.mark.parametrize("folder, line", [
    ("lending", '#include "src/ledger/account.h"'),
    ("pack", '#include "src/feature/plan.h"'),
    ("study", '#include "src/journal/journal.h"'),
    ("feel", '#include "src/feel/lexer.h"'),
    ("base", "#include <openssl/evp.h>"),
    ("base", "#include <vector>"),
    ("journal", "#include <sys/stat.h>"),
    ("money", "#include <bid_functions.h>"),
    ("pack", "#include <yaml-cpp/yaml.h>"),
])
def test_a_listed_edge_is_allowed(tmp_path, folder, line):
    assert findings(tmp_path, {f"src/{folder}/a.cc": line + "\n"}) == []


@pytest.mark.parametrize("line", [
    "#include <yaml-cpp/yaml.h>", "#include <simdjson.h>", "#include <openssl/evp.h>", "#include <sodium.h>",
    '#include "bid_functions.h"', "#include <pugixml.hpp>", "#include <pcre2.h>", "#include <zstd.h>",
    "#include <fmt/format.h>", "#include <CLI/CLI.hpp>", "#include <rapidjson/writer.h>", "#include <xxhash.h>",
    "#include <gtest/gtest.h>", "#include <some/unknown_library.h>", '#include "value.h"',
])
def test_a_library_that_the_folder_does_not_list_is_found(tmp_path, line):
    assert len(findings(tmp_path, {"src/lending/a.h": line + "\n"})) == 1


@pytest.mark.parametrize("line", [
    "auto t = std::chrono::system_clock::now();", "auto t = std::chrono::steady_clock::now();",
    "long t = time(nullptr);", "long t = std::time(nullptr);", 'const char* v = getenv("HOME");',
    'FILE* f = fopen("x", "r");', 'std::ifstream in("x");', "int r = rand();", "std::random_device d;",
    "std::thread t(f);", "std::mutex m;", 'setlocale(LC_ALL, "");', 'std::cout << "x";', 'std::cerr << "x";',
    'printf("x");', 'std::fprintf(stderr, "x");', "double x = std::pow(2.0, y);", "double x = std::exp(y);",
    "double x = std::log(y);", "double x = log1p(y);", "#include <thread>", "#include <fstream>",
    "std::exit(1);", "double d = strtod(s, nullptr);",
])
def test_a_banned_name_in_a_pure_folder_is_found_and_in_a_shell_folder_is_not(tmp_path, line):
    found = findings(tmp_path, {"src/ledger/a.cc": line + "\n", "src/journal/a.cc": line + "\n"})
    assert found
    assert all(finding.startswith("src/ledger/a.cc:1: ") for finding in found)


@pytest.mark.parametrize("line", [
    "// std::thread is not used; time(nullptr) neither", 'auto s = "printf(x) and rand()";',
    "int64_t time() const { return time_; }", "event.time(); value.exp(); record->log(entry);",
    "int apportion_time(int x);", "const int big = 1'000'000;", "/* std::mutex\n   std::cout */ int x;",
    'auto r = R"(getenv("HOME"))";', "base::ExactExp(x);", "auto d = snprintf_free(x);",
])
def test_innocent_code_is_left_alone(tmp_path, line):
    assert findings(tmp_path, {"src/ledger/a.cc": line + "\n"}) == []


@pytest.mark.parametrize("name", ["a_test.cc", "naive_a.cc", "naive_a.h", "a_fuzz.cc"])
def test_tests_naive_twins_and_fuzzers_may_include_more(tmp_path, name):
    text = '#include <gtest/gtest.h>\n#include <fstream>\n#include "src/engine/engine.h"\nstd::ifstream in;\n'
    assert findings(tmp_path, {f"src/ledger/{name}": text}) == []


def test_a_folder_that_is_not_in_the_table_is_found(tmp_path):
    found = findings(tmp_path, {"src/gadgets/a.cc": "int x;\n"})
    assert found == ["src/gadgets/a.cc:1: the folder gadgets is not in tools/layers.toml"]


def test_an_exception_needs_a_reason_and_a_use(tmp_path):
    root = make_root(tmp_path, {"src/ledger/a.cc": "std::mutex m;\n"})
    table = root / "tools/layers.toml"
    plain = table.read_text()
    entry = '[[exception]]\npath = "src/ledger/a.cc"\nallow = "std::mutex"\nreason = "%s"\n'
    table.write_text(plain + entry % "guards the planted fault")
    assert check_layers.check(root) == []
    table.write_text(plain + entry % "")
    assert any("gives no reason" in finding for finding in check_layers.check(root))
    table.write_text(plain + entry % "guards the planted fault")
    (root / "src/ledger/a.cc").write_text("int x;\n")
    assert any("is not used any more" in finding for finding in check_layers.check(root))


def test_no_two_folders_include_each_other():
    layers = check_layers.Layers(check_layers.tomllib.loads((ROOT / "tools/layers.toml").read_text()))
    named = {name: {other for other in folder["may"] if other != "pure"}
             for name, folder in layers.folders.items()}
    order = []
    while len(order) < len(named):
        ready = [name for name in named if name not in order and named[name] <= set(order)]
        assert ready, "a cycle among " + ", ".join(sorted(set(named) - set(order)))
        order += ready
