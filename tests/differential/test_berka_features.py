"""All features of packs/bank-account-loan at all 682 Berka loan applications: the engine's slots against the SQL
recomputation (features_sql.py), which shares nothing with it. Zero differences.

Data: PKDD'99 "Financial" (Berka), in ../shared/data/berka or where CREDENCE_SHARED points. It is not part of the
repository; without it, or without build/release/apps/credence, these tests are skipped and say so.
"""

import decimal
import json
import os
import subprocess
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHARED = os.environ.get("CREDENCE_SHARED") or os.path.join(os.path.dirname(ROOT), "shared")
BERKA = os.path.join(SHARED, "data", "berka")
PACK = os.path.join(ROOT, "packs", "bank-account-loan")
BINARY = os.environ.get("CREDENCE_BINARY") or os.path.join(ROOT, "build", "release", "apps", "credence")
APPLICATIONS = 682
FEATURES_MIN = 80  # of at least two entity types, as the pack promises

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

pytestmark = [
    pytest.mark.skipif(not os.path.isdir(BERKA), reason=f"the Berka data is not at {BERKA} (set CREDENCE_SHARED)"),
    pytest.mark.skipif(not os.path.isfile(BINARY), reason=f"{BINARY} is not built (./dev build)"),
]


@pytest.fixture(scope="module")
def stream(tmp_path_factory):
    path = tmp_path_factory.mktemp("berka") / "events.ndjson"
    subprocess.run([sys.executable, os.path.join(ROOT, "tools", "berka_events.py"), BERKA, str(path)], check=True,
                   capture_output=True)
    return str(path)


@pytest.fixture(scope="module")
def decided(stream, tmp_path_factory):
    """{event id: the whole line} as the engine wrote it."""
    path = tmp_path_factory.mktemp("decisions") / "decisions.ndjson"
    run = subprocess.run([BINARY, "replay", PACK, "--events", stream, "--history", "--decisions", str(path),
                          "--all-features", "--quiet"], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    with open(path, encoding="utf-8") as lines:
        return {line["event"]: line for line in map(json.loads, lines)}


@pytest.fixture(scope="module")
def expected(stream):
    features_sql = pytest.importorskip("features_sql", reason="duckdb is not installed")
    return features_sql.compute(PACK, stream)


def slots_of(line):
    """All slots that a line shows: those that the decision read, and all features."""
    return {**line["slots"], **line.get("features", {})}


def same(expected_value, actual):
    """Whether what the engine wrote is that value: numbers as numbers, everything else as text."""
    if expected_value is None or isinstance(expected_value, bool):
        return actual is expected_value
    if isinstance(expected_value, tuple):
        return actual == f"{expected_value[1]}ns"
    if isinstance(expected_value, str):
        return actual == expected_value
    if isinstance(actual, bool) or not isinstance(actual, (str, int)):
        return False
    try:
        return decimal.Decimal(actual) == expected_value
    except decimal.InvalidOperation:
        return False


def test_every_application_is_decided(decided, expected):
    assert len(decided) == APPLICATIONS
    assert set(decided) == set(expected)


def test_every_feature_of_every_application_equals_the_recomputation(decided, expected):
    differences = []
    for event, slots in expected.items():
        shown = slots_of(decided[event])
        for name, value in slots.items():
            if "." not in name:
                continue  # fields and derived features have their own test
            if name not in shown:
                differences.append(f"{event} {name}: not shown")
            elif not same(value, shown[name]):
                differences.append(f"{event} {name}: engine {shown[name]!r}, SQL {value!r}")
    assert not differences, f"{len(differences)} differences, the first: " + "; ".join(differences[:5])


def test_derived_features_equal_the_recomputation(decided, expected):
    compared = 0
    for event, slots in expected.items():
        for name, value in slots.items():
            if "." in name or name not in decided[event]["slots"]:
                continue
            assert same(value, decided[event]["slots"][name]), (event, name, value, decided[event]["slots"][name])
            compared += 1
    assert compared >= APPLICATIONS


def test_enough_features_of_two_entities_vary(expected):
    """Features that are the same everywhere would make the comparison easy."""
    values = {}
    for slots in expected.values():
        for name, value in slots.items():
            if "." in name:
                values.setdefault(name, set()).add(value)
    varying = [name for name, seen in values.items() if len(seen) >= 2]
    assert len(varying) >= FEATURES_MIN
    assert {name.split(".")[0] for name in varying} == {"account", "district"}
