"""All features of packs/bank-account-loan at all 682 Berka loan applications: the engine's slots against the SQL
recomputation (features_sql.py), which shares nothing with it. Zero differences. Then score, reasons and probability of
default against a reading of the model's PMML by Python's own XML parser.

Data: PKDD'99 "Financial" (Berka), in ../shared/data/berka or where CREDENCE_SHARED points. It is not part of the
repository; without it, or without build/release/apps/credence, these tests are skipped and say so.
"""

import decimal
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHARED = os.environ.get("CREDENCE_SHARED") or os.path.join(os.path.dirname(ROOT), "shared")
BERKA = os.path.join(SHARED, "data", "berka")
PACK = os.path.join(ROOT, "packs", "bank-account-loan")
BINARY = os.environ.get("CREDENCE_BINARY") or os.path.join(ROOT, "build", "release", "apps", "credence")
APPLICATIONS = 682
UNIT_NS = {"d": 86400 * 10**9, "h": 3600 * 10**9, "m": 60 * 10**9, "s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
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
        made = [json.loads(line, parse_float=decimal.Decimal) for line in lines]
    return {line["event"]["id"]: line for line in made}


@pytest.fixture(scope="module")
def expected(stream):
    features_sql = pytest.importorskip("features_sql", reason="duckdb is not installed")
    return features_sql.compute(PACK, stream)


def slots_of(line):
    """All slots that a line shows: those that the decision read, and all features."""
    return {**line["slots"], **line.get("features", {})}


def duration_ns(text):
    """"1h30m" -> ns; None for what is no duration."""
    parts = re.findall(r"(\d+)([a-z]+)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text.removeprefix("-"):
        return None
    total = sum(int(number) * UNIT_NS[unit] for number, unit in parts)
    return -total if text.startswith("-") else total


def same(expected_value, actual):
    """Whether what the engine wrote is that value: numbers as numbers, everything else as text."""
    if expected_value is None or isinstance(expected_value, bool):
        return actual is expected_value
    if isinstance(expected_value, tuple):
        return isinstance(actual, str) and duration_ns(actual) == expected_value[1]
    if isinstance(expected_value, str):
        return actual == expected_value
    if isinstance(actual, bool) or not isinstance(actual, (str, int, decimal.Decimal)):
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


# --- The scorecard ----------------------------------------------------------------------------------------------

OPERATORS = {"lessThan": "__lt__", "lessOrEqual": "__le__", "greaterThan": "__gt__", "greaterOrEqual": "__ge__",
             "equal": "__eq__", "notEqual": "__ne__"}


def holds(predicate, values):
    """Whether a predicate of the kinds that the trainer writes is true; unknown counts as false, which is the same in
    conjunctions."""
    tag = predicate.tag.rpartition("}")[2]
    if tag == "CompoundPredicate":
        assert predicate.get("booleanOperator") == "and"
        return all(holds(part, values) for part in predicate)
    assert tag == "SimplePredicate"
    value = values[predicate.get("field")]
    operator = predicate.get("operator")
    if operator == "isMissing":
        return value is None
    if operator == "isNotMissing" or value is None:
        return value is not None
    return getattr(value, OPERATORS[operator])(decimal.Decimal(predicate.get("value")))


def score(card, slots):
    """(points, reason codes with what was lost, most first)."""
    namespace = card.tag.rpartition("}")[0] + "}"
    values = {}
    for field in card.iter(namespace + "MiningField"):
        value = slots.get(field.get("name"))
        if isinstance(value, tuple):
            value = decimal.Decimal(value[1]).scaleb(-9)  # a duration, in seconds
        if value is None and field.get("missingValueReplacement"):
            value = decimal.Decimal(field.get("missingValueReplacement"))
        values[field.get("name")] = value if value is None or isinstance(value, decimal.Decimal) else decimal.Decimal(value)
    points = decimal.Decimal(card.get("initialScore"))
    lost = {}
    for characteristic in card.iter(namespace + "Characteristic"):
        attribute = next(a for a in characteristic if holds(a[0], values))
        given = decimal.Decimal(attribute.get("partialScore"))
        points += given
        code = characteristic.get("reasonCode")
        lost[code] = lost.get(code, 0) + decimal.Decimal(characteristic.get("baselineScore")) - given
    return points, sorted(((code, amount) for code, amount in lost.items()), key=lambda pair: -pair[1])


def test_points_reasons_and_probability_equal_a_second_reading_of_the_model(decided, expected):
    root = ElementTree.parse(os.path.join(PACK, "models", "loan_score.pmml")).getroot()
    card = next(child for child in root if child.tag.endswith("Scorecard"))
    with decimal.localcontext() as context:
        context.prec = 50
        for event, slots in expected.items():
            points, reasons = score(card, slots)
            line = decided[event]
            assert line["score"] == points, event
            odds = 30 * decimal.Decimal(2) ** ((points - 600) / 20)
            assert line["probability_of_default"] == (1 / (1 + odds)).quantize(decimal.Decimal("0.000001")), event
            # The policy's own codes come first and are none of the model's; codes that cost nothing are not shown.
            from_model = [code for code, amount in reasons if amount > 0][:3]
            shown = [reason["code"] for reason in line["reasons"]]
            assert shown[len(shown) - len(from_model):] == from_model, event
