"""5,000 fuzzed loan products and lives of src/lending, computed again: instalments, interest, principal and the internal
rate with numpy-financial, everything else with fractions, the slow and obvious way. Rounding is half to even."""

import calendar
import datetime
import fractions
import json
import os
import pathlib
import subprocess

import pytest

npf = pytest.importorskip("numpy_financial", reason="numpy-financial is not installed")

SEED = 1
COUNT = 5_000
EPOCH = datetime.date(1970, 1, 1)
F = fractions.Fraction
PENALTY, FEE, INTEREST, PRINCIPAL = 1, 2, 3, 4
PAST_DUE, DUE, IN_ADVANCE = 1, 2, 3
NEXT, LAST, NEXT_LAST = 1, 2, 3


@pytest.fixture(scope="module")
def loans():
    build = os.environ.get("CREDENCE_BUILD_DIR")
    root = pathlib.Path(__file__).resolve().parents[2]
    program = pathlib.Path(build or root / "build" / "release") / "tests" / "differential" / "lending_lives"
    if not program.exists():
        pytest.skip(f"{program} is not built")
    listing = subprocess.run([str(program), str(SEED), str(COUNT)], capture_output=True, text=True, check=True)
    found = [json.loads(line) for line in listing.stdout.splitlines()]
    assert len(found) == COUNT
    return found


def half_even(x):
    return round(F(x))


def date(days):
    return EPOCH + datetime.timedelta(days=days)


def days_of(day):
    return (day - EPOCH).days


def months_later(day, months):
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return datetime.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def factor(loan, start, end):
    """The rate for a whole period."""
    rate = F(loan["rate"])
    if loan["basis"] == "30/360":
        months = (end.year - start.year) * 12 + end.month - start.month
        return rate * months / 12
    return rate * (end - start).days / 365


def dues(loan):
    start = date(loan["start"])
    steps = [loan["periods"]] if loan["kind"] == "single" else range(1, loan["periods"] + 1)
    return [months_later(start, n) for n in steps]


def schedule(loan):
    """(due, principal, interest) by period, by the book."""
    start = date(loan["start"])
    ends = dues(loan)
    starts = [start] + ends[:-1]
    factors = [factor(loan, a, b) for a, b in zip(starts, ends)]
    n = len(ends)
    balance = loan["amount"]
    rows = []
    payment = None
    if loan["kind"] == "level":
        discount, annuity = F(1), F(0)
        for f in factors:
            discount /= 1 + f
            annuity += discount
        payment = half_even(F(loan["amount"]) / annuity)
    part = half_even(F(loan["amount"], n)) if loan["kind"] in ("equal-principal", "flat") else 0
    for i, f in enumerate(factors):
        interest = half_even((loan["amount"] if loan["kind"] == "flat" else balance) * f)
        principal = part
        if payment is not None:
            principal = payment - interest
        if i == n - 1:
            principal = balance
        rows.append([days_of(ends[i]), principal, interest])
        balance -= principal
    return rows


def is_regular(rows):
    """Schedules that never ask for less than nothing: others are mended in ways of our own (docs/LENDING.md)."""
    left = sum(row[1] for row in rows)
    for row in rows:
        left -= row[1]
        if row[1] < 0 or left < 0:
            return False
    return True


def test_schedules_equal_the_slow_computation_and_numpy_financial(loans):
    by_numpy = 0
    for loan in loans:
        rows = schedule(loan)
        if not is_regular(rows):
            continue
        assert [row[:3] for row in loan["plan"]] == rows, loan["seed"]
        if loan["kind"] != "level" or loan["basis"] != "30/360":
            continue
        rate, n = float(F(loan["rate"]) / 12), loan["periods"]
        payment = -npf.pmt(rate, n, loan["amount"])
        first = rows[0][1] + rows[0][2]
        if n > 1 and abs(payment % 1 - 0.5) > 1e-4:
            assert first == round(payment), loan["seed"]
        for k, row in enumerate(rows[:-1], start=1):
            # Rounding of one cent each period, and what it bears since.
            slack = sum((1 + rate) ** j for j in range(k)) + 0.01
            assert abs(row[2] + npf.ipmt(rate, k, n, loan["amount"])) <= slack, loan["seed"]
            assert abs(row[1] + npf.ppmt(rate, k, n, loan["amount"])) <= slack + 1, loan["seed"]
        by_numpy += 1
    assert by_numpy > 300


def test_internal_rates_equal_numpy_financial(loans):
    compared = 0
    for loan in loans:
        if loan["rate_per_period"] is None:
            continue
        flows = [loan["amount"]] + [-(row[1] + row[2]) for row in loan["plan"]]
        rate = float(loan["rate_per_period"])
        by_numpy = npf.irr(flows)
        if by_numpy != by_numpy:  # it found none
            continue
        assert abs(by_numpy - rate) < 1e-8, (loan["seed"], rate, by_numpy)
        # And with no library: what is paid is worth what was lent.
        worth = sum(a / (1 + rate) ** k for k, a in enumerate(flows))
        assert abs(worth) <= 1e-6 * loan["amount"], loan["seed"]
        compared += 1
    assert compared > COUNT * 0.9


def test_pay_off_quotes_are_principal_and_interest_by_the_day(loans):
    compared = 0
    for loan in loans:
        if loan["quote"] is None:
            continue
        paid, day, principal, interest = loan["quote"]
        rows = loan["plan"]
        if not is_regular(schedule(loan)) or loan["kind"] == "flat":
            continue
        left = sum(row[1] for row in rows[paid:])
        assert principal == left, loan["seed"]
        start = date(loan["start"] if paid == 0 else rows[paid - 1][0])
        end = date(rows[paid][0])
        passed = day - days_of(start)
        if loan["kind"] == "single" and loan["basis"] == "30/360":
            whole = F(loan["rate"]) * loan["periods"] / 12
        else:
            whole = factor(loan, start, end)
        want = half_even(left * whole * passed / (end - start).days)
        # A level instalment never asks for more interest than it holds.
        if loan["kind"] == "level":
            want = min(want, rows[paid][1] + rows[paid][2])
        assert interest == want, loan["seed"]
        compared += 1
    assert compared > COUNT * 0.6


class Twin:
    """A loan whose interest is that of the plan: money falls through the buckets, one part of one period at a time."""

    def __init__(self, loan):
        self.loan = loan
        self.rows = [{"due": due, PRINCIPAL: p, INTEREST: i, FEE: 0, PENALTY: 0} for due, p, i, *_ in loan["plan"]]
        self.over = 0

    def charge(self, part, due, amount):
        for row in self.rows:
            if due <= row["due"]:
                row[part] += amount
                return
        raise AssertionError("behind the last due date")

    def repay(self, day, amount):
        split = {PRINCIPAL: 0, INTEREST: 0, FEE: 0, PENALTY: 0}
        order = [tuple(bucket) for bucket in self.loan["order"]]
        at = 0
        while at < len(order):
            timing = order[at][0]
            parts = []
            while at < len(order) and order[at][0] == timing:
                parts.append(order[at][1])
                at += 1
            rows = [row for row in self.rows if self.timing(row, day) == timing]
            if timing == IN_ADVANCE and self.loan["future"] == LAST:
                rows.reverse()
            if timing == IN_ADVANCE and self.loan["future"] == NEXT_LAST:
                rows[1:] = rows[:0:-1]
            for row in rows:
                for part in parts:
                    taken = min(amount, row[part])
                    row[part] -= taken
                    split[part] += taken
                    amount -= taken
        return split, amount

    @staticmethod
    def timing(row, day):
        return PAST_DUE if row["due"] < day else DUE if row["due"] == day else IN_ADVANCE


def test_lives_fall_through_the_buckets_as_in_the_twin(loans):
    lives = 0
    for loan in loans:
        if not loan["by_plan"] or not is_regular(schedule(loan)):
            continue
        twin = Twin(loan)
        for what, day, amount, due, principal, interest, fee, penalty, over in loan["life"]:
            if what != "repay":
                twin.charge(FEE if what == "fee" else PENALTY, due, amount)
                continue
            split, left = twin.repay(day, amount)
            got = {PRINCIPAL: principal, INTEREST: interest, FEE: fee, PENALTY: penalty}
            assert (got, over) == (split, left), (loan["seed"], day)
        for row, after in zip(twin.rows, loan["after"]):
            assert after[1] - after[3] == row[PRINCIPAL], loan["seed"]
            assert after[2] - after[4] == row[INTEREST], loan["seed"]
        lives += 1
    assert lives > COUNT // 3


def test_every_life_keeps_its_principal(loans):
    for loan in loans:
        paid = sum(step[4] for step in loan["life"] if step[0] == "repay")
        open_now = sum(row[1] - row[3] for row in loan["after"])
        assert paid + open_now == loan["amount"], loan["seed"]
        for step in loan["life"]:
            if step[0] == "repay":
                assert sum(step[4:]) == step[2], loan["seed"]
