"""tools/train_scorecard.py on made-up loans: what is fitted, what is written."""

import os
import sys
import xml.etree.ElementTree as ElementTree

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
numpy = pytest.importorskip("numpy", reason="numpy is not installed")
pytest.importorskip("sklearn", reason="scikit-learn is not installed")
pytest.importorskip("duckdb", reason="duckdb is not installed")
import train_scorecard  # noqa: E402

NAMES = {"reserve": ("RESERVE", 1), "burden": ("BURDEN", -1), "noise": ("NOISE", 1),
         "account.low.since_last_all": ("LOW", 1)}


@pytest.fixture
def loans(monkeypatch):
    """400 loans: bad where the reserve is low or the burden high; the last candidate is missing for a third."""
    monkeypatch.setattr(train_scorecard, "CANDIDATES", NAMES)
    random = numpy.random.default_rng(7)
    matrix = random.normal(size=(400, 4))
    matrix[::3, 3] = train_scorecard.NEVER_DAYS
    bad = (matrix[:, 1] - matrix[:, 0] + random.normal(size=400) > 1.5).astype(int)
    return matrix, bad


def test_bins_are_monotone_where_a_direction_is_given(loans):
    matrix, bad = loans
    for column, direction in ((0, 1), (1, -1), (2, 1)):
        thresholds = train_scorecard.cut(matrix[:, column], bad, direction)
        bins = train_scorecard.place(matrix[:, column], thresholds)
        shares = [bad[bins == number].mean() for number in range(len(thresholds) + 1)]
        assert shares == sorted(shares, reverse=direction > 0)
        assert all((bins == number).sum() >= 5 for number in range(len(thresholds) + 1))


def test_a_bin_holds_its_lower_end_and_missing_has_its_own():
    bins = train_scorecard.place(numpy.array([0.9, 1.0, 1.5, 2.0, numpy.nan]), [1.0, 2.0])
    assert bins.tolist() == [0, 1, 1, 2, 3]


def test_evidence_weighs_good_against_bad_and_shrinks_small_bins():
    bad = numpy.array([0] * 90 + [1] * 10)
    bins = numpy.array([0] * 50 + [1] * 50)
    first, second, empty = train_scorecard.weigh(bins, bad, 3)
    assert first > 0 > second
    assert empty == pytest.approx(0)


def test_no_weight_is_negative_and_noise_gets_little(loans):
    card = train_scorecard.Card(*loans)
    assert (card.slopes >= 0).all()
    strength = dict(zip(card.chosen, card.slopes))
    assert 0 in strength and 1 in strength
    assert strength.get(2, 0) < min(strength[0], strength[1])


def test_labels_that_mean_nothing_rank_nothing(loans, monkeypatch):
    """Were a held-out label to reach a fit (bins, evidence, choice), the area would rise above one half."""
    monkeypatch.setattr(train_scorecard, "SEEDS", (1, 2))
    matrix, bad = loans
    shuffled = numpy.random.default_rng(3).permutation(bad)
    areas, _, _ = train_scorecard.cross_validate(matrix, shuffled)
    assert areas.mean() < 0.58
    areas, _, _ = train_scorecard.cross_validate(matrix, bad)
    assert areas.mean() > 0.7


def test_points_are_whole_and_mean_probability_is_the_share_of_bad(loans):
    matrix, bad = loans
    points = train_scorecard.Points(train_scorecard.Card(matrix, bad), matrix, bad, 1.0)
    assert all(isinstance(value, int) and value >= 0 for _, _, values in points.parts for value in values)
    probability = points.probability(points.initial + points.totals(matrix))
    assert probability.mean() == pytest.approx(bad.mean(), abs=0.01)
    assert points.probability(600) == pytest.approx(1 / 31)
    assert points.probability(620) == pytest.approx(1 / 61)


def test_the_file_is_a_scorecard_whose_rows_add_up(loans):
    matrix, bad = loans
    points = train_scorecard.Points(train_scorecard.Card(matrix, bad), matrix, bad, 1.0)
    text = train_scorecard.pmml(points, "loan_score", "a test")
    assert text == train_scorecard.pmml(points, "loan_score", "a test")
    root = ElementTree.fromstring(text)
    space = "{http://www.dmg.org/PMML-4_4}"
    card = root.find(space + "Scorecard")
    assert card.get("reasonCodeAlgorithm") == "pointsBelow"
    most = int(card.get("initialScore"))
    for characteristic in card.iter(space + "Characteristic"):
        given = [int(attribute.get("partialScore")) for attribute in characteristic]
        assert int(characteristic.get("baselineScore")) >= max(given)
        most += max(given)
    rows = list(card.iter(space + "row"))
    assert len(rows) == 6
    column = next(field.get("column") for field in card.iter(space + "VerificationField") if field.get("field") == "score")
    assert max(int(row.find(space + column).text) for row in rows) <= most
    replaced = [field.get("missingValueReplacement") for field in card.iter(space + "MiningField")
                if field.get("name").startswith("account.low")]
    assert replaced in ([], [str(train_scorecard.NEVER_DAYS * 86400)])


def test_the_interval_is_wider_than_folds_alone_would_give():
    areas = numpy.array([0.8, 0.9] * 12 + [0.85])
    low, high = train_scorecard.interval(areas)
    assert low < areas.mean() < high
    assert high - low > 2 * 2.064 * areas.std(ddof=1) / 5
