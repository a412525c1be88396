"""The SQL recomputation itself, held against windows counted by hand on a few events: an oracle that is wrong proves
nothing."""

import decimal
import json
import os
import sys
import textwrap

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import feel_subset  # noqa: E402

features_sql = pytest.importorskip("features_sql", reason="duckdb is not installed")

DAY = 86400 * 10**9
PACK = """
pack: small
version: 1
currency: CZK
entities: {account: {key: account_id}, shop: {key: shop_id}}
events:
  paid:
    fields:
      account_id: key
      shop_id: key
      amount: money
      rate: {type: decimal, scale: 3, negative: true, optional: true}
      kind: {type: enum, values: [a, b], optional: true}
  asked:
    fields: {account_id: key, amount: money}
    decides: x
"""
FEATURES = """
features:
  account:
    - from: paid
      windows: [2d, all]
      compute: [count, sum(amount), mean(amount), min(rate), max(rate), variance(amount), stddev(rate), first(kind),
                last(kind), distinct(shop_id), since_first, since_last, {sum: if kind = "a" then amount else -amount, scale: 2, as: net}]
    - from: paid
      as: big
      where: amount >= 2.5 and kind != "b"
      delay: 1d
      windows: [1d, all]
      compute: [count, sum(amount)]
    - from: asked
      windows: [all]
      compute: [count, prior.count, prior.last(amount)]
derived:
  ratio: account.paid.sum_amount_2d / max(account.paid.count_all, 1)
  nothing: account.paid.mean_amount_2d + amount
  steps: if ratio > 1 then ratio else -ratio
"""


def event(event_id, event_type, day, **data):
    return json.dumps({"specversion": "1.0", "id": event_id, "source": "t", "type": event_type,
                       "time": f"2000-01-{day:02d}T00:00:00Z", "data": data})


@pytest.fixture
def computed(tmp_path):
    (tmp_path / "pack.yaml").write_text(textwrap.dedent(PACK))
    (tmp_path / "features.yaml").write_text(textwrap.dedent(FEATURES))
    lines = [
        event("p1", "paid", 1, account_id="1", shop_id="x", amount="1.00", rate="0.125", kind="a"),
        event("p2", "paid", 3, account_id="1", shop_id="y", amount="2.50", rate="-0.500"),
        event("p3", "paid", 3, account_id="2", shop_id="y", amount="9.99", kind="a"),
        event("a1", "asked", 3, account_id="1", amount="5.00"),
        event("p4", "paid", 3, account_id="1", shop_id="x", amount="4.00", kind="b"),
        event("a2", "asked", 4, account_id="1", amount="7.00"),
        event("a3", "asked", 9, account_id="1", amount="8.00"),
    ]
    (tmp_path / "events.ndjson").write_text("\n".join(lines) + "\n")
    return features_sql.compute(str(tmp_path), str(tmp_path / "events.ndjson"))


def test_a_window_is_open_on_the_left_and_closed_on_the_right(computed):
    assert computed["a1"]["account.paid.count_2d"] == 1  # p1 is exactly two days old, p4 comes after the question
    assert computed["a1"]["account.paid.count_all"] == 2
    assert computed["a2"]["account.paid.count_2d"] == 2
    assert computed["a3"]["account.paid.count_2d"] == 0


def test_sums_are_exact_and_empty_windows_have_their_own_values(computed):
    assert computed["a2"]["account.paid.sum_amount_all"] == decimal.Decimal("7.50")
    assert computed["a3"]["account.paid.sum_amount_2d"] == 0
    for what in ("mean_amount", "min_rate", "max_rate", "variance_amount", "stddev_rate", "first_kind", "since_last"):
        assert computed["a3"][f"account.paid.{what}_2d"] is None
    assert computed["a3"]["account.paid.distinct_shop_id_2d"] == 0


def test_mean_and_variance_are_rounded_once(computed):
    assert computed["a2"]["account.paid.mean_amount_all"] == decimal.Decimal("2.5")
    assert computed["a2"]["account.paid.variance_amount_all"] == decimal.Decimal("2.25")
    assert computed["a2"]["account.paid.variance_amount_2d"] == decimal.Decimal("1.125")
    assert computed["a1"]["account.paid.variance_amount_2d"] is None
    # Rates 0.125 and -0.5: the deviation is 0.625 / sqrt(2).
    assert computed["a2"]["account.paid.stddev_rate_all"] == decimal.Decimal("0.4419417382415922027505277263155306")


def test_absent_arguments_are_left_out(computed):
    assert computed["a2"]["account.paid.last_kind_all"] == "b"
    assert computed["a1"]["account.paid.last_kind_2d"] is None
    assert computed["a1"]["account.paid.last_kind_all"] == "a"
    assert computed["a2"]["account.paid.max_rate_all"] == decimal.Decimal("0.125")


def test_times_since_are_nanoseconds(computed):
    assert computed["a2"]["account.paid.since_first_all"] == ("ns", 3 * DAY)
    assert computed["a2"]["account.paid.since_last_all"] == ("ns", DAY)


def test_delay_moves_both_ends(computed):
    # At day 4, the window of one day ending a day before covers day 3: p2 (its kind is absent, so it is not "b").
    assert computed["a2"]["account.big.count_1d_delay_1d"] == 1
    assert computed["a1"]["account.big.count_1d_delay_1d"] == 0
    assert computed["a3"]["account.big.sum_amount_all_delay_1d"] == decimal.Decimal("2.5")


def test_prior_leaves_the_question_out(computed):
    assert computed["a1"]["account.asked.count_all"] == 1
    assert computed["a1"]["account.asked.prior_count_all"] == 0
    assert computed["a3"]["account.asked.prior_last_amount_all"] == 7


def test_expressions_are_aggregated_and_derived(computed):
    assert computed["a2"]["account.paid.sum_net_all"] == decimal.Decimal("-5.50")
    assert computed["a2"]["ratio"] == decimal.Decimal("2.166666666666666666666666666666667")
    assert computed["a3"]["nothing"] is None
    assert computed["a3"]["steps"] == 0


def test_roots_are_rounded_half_even_to_34_digits():
    with decimal.localcontext() as context:
        context.prec = 34
        for numerator, denominator in ((2, 1), (1, 4), (10**40 + 1, 7), (3, 10**30), (123456789, 1000)):
            wide = decimal.Context(prec=120)
            expected = wide.sqrt(wide.divide(decimal.Decimal(numerator), decimal.Decimal(denominator)))
            assert features_sql.root34(numerator, denominator) == feel_subset.CONTEXT.plus(expected)
    assert features_sql.root34(0, 5) == 0


@pytest.mark.parametrize("text, expected", [
    ("1 + 2 * 3", "7"), ("-(2 - 5) / 4", "0.75"), ("if null > 1 then 1 else 2", "2"), ("max(1, x)", "4"),
    ("min(1, nil)", None), ("nil = null", True), ('"a" != null', True), ("nil + 1", None), ("x / 0", None),
    ("nil > 1 and false", False), ("nil > 1 or true", True), ("not(x = 4)", False), ("1 / 3", "0." + "3" * 34)])
def test_the_covered_part_of_feel(text, expected):
    value = feel_subset.evaluate(feel_subset.parse(text), {"x": 4, "nil": None}.get)
    assert value == (decimal.Decimal(expected) if isinstance(expected, str) else expected)


@pytest.mark.parametrize("text", ["x[1]", "for i in x return i", "a.b(", "1 +", "x between 1 and 2", "'a'"])
def test_what_is_not_covered_is_refused(text):
    with pytest.raises((ValueError, IndexError)):
        feel_subset.parse(text)
