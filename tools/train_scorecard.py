#!/usr/bin/env python3
"""Train the points scorecard of packs/bank-account-loan and measure it honestly.

    tools/train_scorecard.py PACK_DIR EVENTS.ndjson [--out FILE.pmml]

EVENTS.ndjson comes from tools/berka_events.py. The features are those of the pack at each application, computed by
tests/differential/features_sql.py, so no engine is needed. Bad is the label of loan.outcome.

Clients' sex and age, and anything about the district they live in, are not among the candidates.

Measure: five-fold stratified cross-validation, repeated with seeds 1 to 5. Bins, weights, choice of characteristics and
regression are all fitted on the training folds alone. Then the same procedure is run on all loans, its slope is
corrected by the out-of-fold predictions (a fit on its own data is too sure of itself), and the points are scaled so that
600 points mean odds of 30 good to 1 bad and 20 more points double them.
"""

import argparse
import decimal
import json
import math
import os
import re
import sys

import numpy as np
from scipy.optimize import minimize
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.tree import DecisionTreeClassifier

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "differential"))
import features_sql  # noqa: E402

SEEDS = (1, 2, 3, 4, 5)
FOLDS = 5
BINS_MAX = 8            # of one characteristic, beside the bin for missing values
BIN_SHARE_MIN = 0.02    # of the training rows in each
WOE_PRIOR = 2.0         # rows of average quality added to each bin
LASSO = 1.0             # pulls weights to zero, so that few characteristics stay
RIDGE = 5.0             # pulls weights together
CHARACTERISTICS_MAX = 14
POINTS, ODDS, POINTS_TO_DOUBLE = 600, 30, 20
SECONDS_PER_DAY = 86400
# "Never" is longer ago than anything: missing times since the last low balance are read as this many days.
NEVER_DAYS = 36500

# Slot: (reason code, direction). Direction +1: more is better, -1: more is worse, 0: any shape. A sensible direction
# costs a little on these data and keeps the card explainable. Codes may be shared: their points add up.
CANDIDATES = {
    "account.below_1000.since_last_all": ("LOW_BALANCE_RECENT", 1),
    "account.below_2000.since_last_all": ("LOW_BALANCE_RECENT", 1),
    "account.below_4000.since_last_all": ("LOW_BALANCE_RECENT", 1),
    "account.below_8000.since_last_all": ("LOW_BALANCE_RECENT", 1),
    "account.below_16000.since_last_all": ("LOW_BALANCE_RECENT", 1),
    "account.below_4000.count_180d": ("LOW_BALANCE_OFTEN", -1),
    "account.below_8000.count_180d": ("LOW_BALANCE_OFTEN", -1),
    "account.below_16000.count_180d": ("LOW_BALANCE_OFTEN", -1),
    "below_8000_share": ("LOW_BALANCE_OFTEN", -1),
    "account.movements.min_balance_90d": ("LOWEST_BALANCE", 1),
    "account.movements.min_balance_180d": ("LOWEST_BALANCE", 1),
    "account.movements.min_balance_365d": ("LOWEST_BALANCE", 1),
    "account.debits.min_balance_90d": ("LOWEST_BALANCE", 1),
    "account.debits.min_balance_180d": ("LOWEST_BALANCE", 1),
    "account.debits.min_balance_all": ("LOWEST_BALANCE", 1),
    "lowest_to_mean": ("LOWEST_BALANCE", 1),
    "account.interest.min_balance_90d": ("MONTH_END_BALANCE", 1),
    "account.interest.min_balance_180d": ("MONTH_END_BALANCE", 1),
    "account.interest.min_amount_180d": ("MONTH_END_BALANCE", 1),
    "account.interest.last_amount_all": ("MONTH_END_BALANCE", 1),
    "account.interest.mean_amount_all": ("MONTH_END_BALANCE", 1),
    "account.movements.mean_balance_90d": ("AVERAGE_BALANCE", 1),
    "account.debits.mean_balance_30d": ("AVERAGE_BALANCE", 1),
    "account.movements.last_balance_all": ("AVERAGE_BALANCE", 1),
    "balance_in_payments": ("RESERVE", 1),
    "reserve_in_payments": ("RESERVE", 1),
    "balance_swing": ("BALANCE_SWINGS", -1),
    "account.interest.stddev_balance_all": ("BALANCE_SWINGS", -1),
    "balance_trend": ("BALANCE_FALLS", 1),
    "account.overdrawn.count_all": ("OVERDRAWN_BEFORE", -1),
    "account.penalty.count_all": ("OVERDRAWN_BEFORE", -1),
    "payment_share": ("PAYMENT_BURDEN", -1),
    "payment_to_largest_credit": ("PAYMENT_BURDEN", -1),
    "obligations_share": ("PAYMENT_BURDEN", -1),
    "payment": ("PAYMENT_SIZE", -1),
    "amount": ("LOAN_SIZE", -1),
    "spent_share": ("SPENDS_WHAT_COMES_IN", -1),
    "cash_share": ("CASH_INCOME", -1),
    "account.transfers_in.max_amount_90d": ("REGULAR_INCOME", 1),
    "account.pension.count_90d": ("REGULAR_INCOME", 1),
    "account.household.sum_amount_90d": ("REGULAR_BILLS", 1),
    "account.transfers_out.count_90d": ("REGULAR_BILLS", 1),
    "account.transfers_out.sum_amount_all": ("REGULAR_BILLS", 1),
    "account.transfers_out.distinct_partner_bank_all": ("REGULAR_BILLS", 1),
    "account.card_issued.count_all": ("NO_CARD", 1),
    "account.account_opened.since_first_all": ("YOUNG_ACCOUNT", 1),
}


# --- Data -------------------------------------------------------------------------------------------------------


def number(value):
    """A slot as a float for fitting; durations in days, missing as nan."""
    if value is None:
        return math.nan
    if isinstance(value, tuple):
        return value[1] / (SECONDS_PER_DAY * 1e9)
    return float(value)


def load(pack, events):
    """(loan ids, slots by loan, matrix of candidates, which are bad)."""
    labels = {}
    with open(events, encoding="utf-8") as lines:
        for line in lines:
            event = json.loads(line)
            if event["type"] == "loan.outcome":
                labels[event["about"]] = event["data"]["bad"]
    slots = features_sql.compute(pack, events)
    ids = list(slots)
    matrix = np.array([[number(slots[loan][name]) for name in CANDIDATES] for loan in ids])
    for j, name in enumerate(CANDIDATES):
        if is_never(name):
            matrix[np.isnan(matrix[:, j]), j] = NEVER_DAYS
    return ids, slots, matrix, np.array([labels[loan] for loan in ids], dtype=int)


# --- Bins and weights -------------------------------------------------------------------------------------------


def neat(threshold):
    """Four significant digits, as a person would write it."""
    return float(f"{threshold:.4g}")


def cut(values, bad, direction):
    """Thresholds: a bin ends below each (x < threshold). By a small tree, monotone where a direction is given."""
    known = ~np.isnan(values)
    leaf = max(5, int(BIN_SHARE_MIN * len(values)))
    if known.sum() < 2 * leaf or np.ptp(values[known]) == 0:
        return []
    tree = DecisionTreeClassifier(max_leaf_nodes=BINS_MAX, min_samples_leaf=leaf, monotonic_cst=[-direction],
                                  random_state=0)
    tree.fit(values[known, None], bad[known])
    inner = tree.tree_.children_left >= 0
    return sorted({neat(threshold) for threshold in tree.tree_.threshold[inner]})


def place(values, thresholds):
    """The bin of each value; the last one is for missing values."""
    bins = np.searchsorted(thresholds, values, side="right")
    bins[np.isnan(values)] = len(thresholds) + 1
    return bins


def weigh(bins, bad, count):
    """Weight of evidence of each bin: log of its odds of good to bad against those of all rows, smoothed."""
    share = bad.mean()
    weights = []
    for number_of_bin in range(count):
        inside = bins == number_of_bin
        good_count = (inside & (bad == 0)).sum() + WOE_PRIOR * (1 - share)
        bad_count = (inside & (bad == 1)).sum() + WOE_PRIOR * share
        weights.append(math.log(good_count / bad_count) - math.log((1 - share) / share))
    return np.array(weights)


def regress(evidence, bad, lasso, ridge):
    """Intercept and weights (not negative) of the log odds of good."""
    good = bad == 0

    def loss(parameters):
        margin = np.where(good, 1, -1) * (evidence @ parameters[1:] + parameters[0])
        value = np.logaddexp(0, -margin).sum()
        value += ridge * (parameters[1:] ** 2).sum() / 2 + lasso * parameters[1:].sum()
        slope = np.where(good, -1, 1) / (1 + np.exp(margin))
        return value, np.r_[slope.sum(), evidence.T @ slope + ridge * parameters[1:] + lasso]

    start = np.r_[math.log(good.sum() / (~good).sum()), np.full(evidence.shape[1], 0.1)]
    bounds = [(None, None)] + [(0, None)] * evidence.shape[1]
    return minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B").x


class Card:
    """The whole procedure, fitted on the rows that it is given and no others."""

    def __init__(self, matrix, bad):
        self.names = list(CANDIDATES)
        self.thresholds = [cut(matrix[:, j], bad, CANDIDATES[name][1]) for j, name in enumerate(self.names)]
        self.weights = []
        for j, thresholds in enumerate(self.thresholds):
            self.weights.append(weigh(place(matrix[:, j], thresholds), bad, len(thresholds) + 2))
        evidence = self.evidence(matrix)
        first = regress(evidence, bad, LASSO, RIDGE)
        strength = first[1:] * evidence.std(axis=0)
        best = np.argsort(-strength, kind="stable")[:CHARACTERISTICS_MAX]
        self.chosen = sorted(j for j in best if strength[j] > 1e-6)
        again = regress(evidence[:, self.chosen], bad, 0, RIDGE)
        self.intercept, self.slopes = again[0], again[1:]

    def evidence(self, matrix):
        columns = [self.weights[j][place(matrix[:, j], thresholds)] for j, thresholds in enumerate(self.thresholds)]
        return np.array(columns).T

    def log_odds(self, matrix):
        """Of good."""
        return self.intercept + self.evidence(matrix)[:, self.chosen] @ self.slopes


# --- Measure ----------------------------------------------------------------------------------------------------


def cross_validate(matrix, bad):
    """AUC of each held-out fold, how many characteristics each card had, and the mean out-of-fold log odds."""
    areas, sizes = [], []
    outside = np.zeros((len(SEEDS), len(bad)))
    for s, seed in enumerate(SEEDS):
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
        for training, held_out in folds.split(matrix, bad):
            card = Card(matrix[training], bad[training])
            outside[s, held_out] = card.log_odds(matrix[held_out])
            areas.append(roc_auc_score(bad[held_out], -outside[s, held_out]))
            sizes.append(len(card.chosen))
    return np.array(areas), np.array(sizes), outside


def interval(areas):
    """95 % for the mean over repeated folds, by the corrected resampled variance (Nadeau and Bengio 2003)."""
    student = 2.064  # 24 degrees of freedom
    half = student * math.sqrt((1 / len(areas) + 1 / (FOLDS - 1)) * areas.var(ddof=1))
    return areas.mean() - half, areas.mean() + half


def slope_of(outside, bad):
    """By how much out-of-fold log odds must be multiplied to be right."""
    pooled = outside.reshape(-1)
    return float(regress(pooled[:, None], np.tile(bad, len(outside)), 0, 0)[1])


def intercept_for(partial, bad):
    """The constant with which the mean probability is the share of bad loans."""
    low, high = -200.0, 200.0
    for _ in range(100):
        middle = (low + high) / 2
        if (1 / (1 + np.exp(middle + partial))).mean() > bad.mean():
            low = middle
        else:
            high = middle
    return (low + high) / 2


# --- Points -----------------------------------------------------------------------------------------------------


class Points:
    """Whole points for each bin of each chosen characteristic, the worst bin at 0."""

    def __init__(self, card, matrix, bad, slope):
        factor = POINTS_TO_DOUBLE / math.log(2)
        self.parts = []  # (slot, thresholds, points of each bin with the missing one last)
        for j, weight in zip(card.chosen, card.slopes):
            raw = factor * slope * weight * card.weights[j]
            used = np.unique(place(matrix[:, j], card.thresholds[j]))
            low = raw[used].min()
            points = [max(0, round(value - low)) for value in raw]
            if len(card.thresholds[j]) + 1 not in used:  # never missing here: as good as the worst
                points[-1] = 0
            self.parts.append((card.names[j], card.thresholds[j], points))
        self.parts = [part for part in self.parts if max(part[2]) > 0]
        totals = self.totals(matrix)
        constant = intercept_for(totals / factor, bad)
        self.initial = round(POINTS + factor * (constant - math.log(ODDS)))

    def totals(self, matrix):
        names = list(CANDIDATES)
        total = np.zeros(len(matrix))
        for name, thresholds, points in self.parts:
            total += np.array(points)[place(matrix[:, names.index(name)], thresholds)]
        return total

    def probability(self, points):
        return 1 / (1 + ODDS * 2 ** ((points - POINTS) / POINTS_TO_DOUBLE))


# --- PMML -------------------------------------------------------------------------------------------------------


def is_duration(name):
    return re.search(r"\.(prior_)?since_(first|last)_", name) is not None


def is_never(name):
    """Whether a missing value means that it never happened, and that this is good."""
    return is_duration(name) and "since_last" in name and CANDIDATES[name][1] > 0


def written(name, threshold):
    """A threshold as the file has it: durations in seconds, no exponent."""
    value = decimal.Decimal(repr(threshold)) * (SECONDS_PER_DAY if is_duration(name) else 1)
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def predicate(name, thresholds, number_of_bin):
    """PMML of one bin: [threshold before, threshold after)."""
    parts = []
    if number_of_bin > 0:
        parts.append(f'<SimplePredicate field="{name}" operator="greaterOrEqual" '
                     f'value="{written(name, thresholds[number_of_bin - 1])}"/>')
    if number_of_bin < len(thresholds):
        parts.append(f'<SimplePredicate field="{name}" operator="lessThan" value="{written(name, thresholds[number_of_bin])}"/>')
    if not parts:
        return f'<SimplePredicate field="{name}" operator="isNotMissing"/>'
    if len(parts) == 1:
        return parts[0]
    return '<CompoundPredicate booleanOperator="and">' + "".join(parts) + "</CompoundPredicate>"


def example_rows(points):
    """Rows for ModelVerification, made here: every characteristic in its first, last, middle and missing bin, and two that
    mix them. No loan of the data is among them."""
    rows = []
    for pick in ("first", "last", "middle", "missing", "mixed", "mixed other"):
        row, total, lost = {}, points.initial, {}
        for index, (name, thresholds, values) in enumerate(points.parts):
            wanted = {"first": 0, "last": len(thresholds), "middle": len(thresholds) // 2,
                      "missing": len(thresholds) + 1, "mixed": index % (len(thresholds) + 2),
                      "mixed other": (len(points.parts) - index) % (len(thresholds) + 2)}[pick]
            if wanted <= len(thresholds):
                edges = [decimal.Decimal(written(name, threshold)) for threshold in thresholds]
                low = edges[wanted - 1] if wanted > 0 else edges[0] - 1 if edges else decimal.Decimal(1)
                row[name] = low  # a bin holds its lower end
            elif is_never(name):
                wanted = len(thresholds)  # where the replacement lies
            total += values[wanted]
            code = CANDIDATES[name][0]
            lost[code] = lost.get(code, 0) + max(values) - values[wanted]
        ranked = sorted(lost, key=lambda code: -lost[code])  # stable: ties in order of the document
        rows.append((row, total, ranked[:3]))
    return rows


def pmml(points, model, description, tool="train_scorecard"):
    names = [name for name, _, _ in points.parts]
    out = ['<?xml version="1.0" encoding="UTF-8"?>',
           '<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4">',
           f'  <Header description="{description}">', f'    <Application name="{tool}"/>', "  </Header>",
           f'  <DataDictionary numberOfFields="{len(names) + 1}">']
    out += [f'    <DataField name="{name}" optype="continuous" dataType="double"/>' for name in names]
    out += ['    <DataField name="points" optype="continuous" dataType="double"/>', "  </DataDictionary>",
            f'  <Scorecard modelName="{model}" functionName="regression" initialScore="{points.initial}" '
            'useReasonCodes="true" reasonCodeAlgorithm="pointsBelow" baselineMethod="max">', "    <MiningSchema>"]
    for name in names:
        never = f' missingValueReplacement="{NEVER_DAYS * SECONDS_PER_DAY}"' if is_never(name) else ""
        out.append(f'      <MiningField name="{name}"{never}/>')
    out += ['      <MiningField name="points" usageType="target"/>', "    </MiningSchema>", "    <Output>",
            '      <OutputField name="score" feature="predictedValue" dataType="double" optype="continuous"/>']
    out += [f'      <OutputField name="reason_{rank}" feature="reasonCode" rank="{rank}" dataType="string" '
            'optype="categorical"/>' for rank in (1, 2, 3)]
    out += ["    </Output>", "    <Characteristics>"]
    for name, thresholds, values in points.parts:
        out.append(f'      <Characteristic name="{name}" reasonCode="{CANDIDATES[name][0]}" baselineScore="{max(values)}">')
        if not is_never(name):
            out.append(f'        <Attribute partialScore="{values[-1]}"><SimplePredicate field="{name}" '
                       'operator="isMissing"/></Attribute>')
        for number_of_bin, value in enumerate(values[:-1]):
            out.append(f'        <Attribute partialScore="{value}">{predicate(name, thresholds, number_of_bin)}</Attribute>')
        out.append("      </Characteristic>")
    out.append("    </Characteristics>")
    rows = example_rows(points)
    fields = names + ["score", "reason_1", "reason_2", "reason_3"]
    out.append(f'    <ModelVerification recordCount="{len(rows)}" fieldCount="{len(fields)}">')
    out.append("      <VerificationFields>")
    columns = {name: f"c{index}" for index, name in enumerate(fields, 1)}
    out += [f'        <VerificationField field="{name}" column="{columns[name]}"/>' for name in fields]
    out += ["      </VerificationFields>", "      <InlineTable>"]
    for row, total, ranked in rows:
        cells = dict(row)
        cells["score"] = total
        for rank in (1, 2, 3):
            if ranked:
                cells[f"reason_{rank}"] = ranked[min(rank, len(ranked)) - 1]
        out.append("        <row>" + "".join(f"<{columns[name]}>{cells[name]}</{columns[name]}>"
                                            for name in fields if name in cells) + "</row>")
    out += ["      </InlineTable>", "    </ModelVerification>", "  </Scorecard>", "</PMML>"]
    return "\n".join(out) + "\n"


# --- Report -----------------------------------------------------------------------------------------------------


def report(areas, sizes, points, matrix, bad, slope):
    low, high = interval(areas)
    probability = points.probability(points.initial + points.totals(matrix))
    lines = [
        f"{len(bad)} loans, {bad.sum()} bad ({100 * bad.mean():.2f} %); {FOLDS} folds, seeds {SEEDS[0]} to {SEEDS[-1]}; "
        "everything fitted inside the training folds.",
        f"AUC: mean {areas.mean():.4f}, standard deviation over {len(areas)} folds {areas.std(ddof=1):.4f}, "
        f"95 % interval of the mean {low:.4f} to {high:.4f}. Published on the same task: .9465 (getML).",
        f"Characteristics per card: {sizes.min()} to {sizes.max()}; {len(points.parts)} in the shipped one.",
        f"Slope by out-of-fold predictions {slope:.3f}; mean probability of default of the shipped card "
        f"{100 * probability.mean():.2f} %.",
        "Every loan here had been granted by the bank, so this says how well the card ranks loans that a bank wanted, not "
        "how it would do on all who ask.",
    ]
    return lines


def main():
    parser = argparse.ArgumentParser(description="Train and measure the scorecard of packs/bank-account-loan.")
    parser.add_argument("pack")
    parser.add_argument("events")
    parser.add_argument("--out", help="the PMML file to write; default: PACK/models/loan_score.pmml")
    arguments = parser.parse_args()
    _, _, matrix, bad = load(arguments.pack, arguments.events)
    areas, sizes, outside = cross_validate(matrix, bad)
    slope = min(1.0, slope_of(outside, bad))
    points = Points(Card(matrix, bad), matrix, bad, slope)
    out = arguments.out or os.path.join(arguments.pack, "models", "loan_score.pmml")
    with open(out, "w", encoding="utf-8", newline="\n") as file:
        file.write(pmml(points, "loan_score",
                        f"Points of a loan application from its account history; {POINTS} points are odds of {ODDS} to 1, "
                        f"{POINTS_TO_DOUBLE} more double them. Fitted to {len(bad)} loans by tools/train_scorecard.py."))
    print("\n".join(report(areas, sizes, points, matrix, bad, slope)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
