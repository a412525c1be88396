#!/usr/bin/env python3
"""How far can the simulated market be told apart? Not by one feature, and not wholly by all of them.

    tools/market_separability.py [--train 101,102,103] [--test 501,502,503]

For each seed: credence simulate, then credence replay with every feature of the pack. Bad is an order of any scheme.

1. The area under the ROC curve of every single feature, either way round, missing values at whichever end makes it larger,
   on the test seeds. Bar: none above .80.
2. Boosted trees over all features, trained on the training seeds, on the test seeds. Bar: .90 to .97 on each.

Exits 1 where a bar is missed.
"""

import argparse
import os
import sys

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import average_precision_score, roc_auc_score

import market_data

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SINGLE_MAX = 0.80
TREES_MIN, TREES_MAX = 0.90, 0.97


def single(values, bad):
    """Area of one feature, at least .5, with missing values at the better end."""
    best = 0.5
    for fill in (-np.inf, np.inf):
        ranks = np.where(np.isnan(values), fill, values)
        order = np.unique(ranks, return_inverse=True)[1]
        area = roc_auc_score(bad, order)
        best = max(best, area, 1 - area)
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    market_data.add_options(parser, ROOT)
    parser.add_argument("--train", default="101,102,103", help="seeds")
    parser.add_argument("--test", default="501,502,503", help="seeds")
    parser.add_argument("--features", type=int, default=8, help="print so many single features")
    arguments = parser.parse_args()
    train = [int(seed) for seed in arguments.train.split(",")]
    test = [int(seed) for seed in arguments.test.split(",")]
    data = market_data.orders(arguments, train + test)
    names = data[test[0]][0]
    matrix = {seed: data[seed][1] for seed in data}
    bad = {seed: data[seed][2] != "honest" for seed in data}
    all_test = np.vstack([matrix[seed] for seed in test])
    all_bad = np.concatenate([bad[seed] for seed in test])
    print(f"{len(all_bad)} orders of seeds {arguments.test} after a warm-up of {market_data.WARM_UP_DAYS} days, {all_bad.sum()} bad "
          f"({100 * all_bad.mean():.2f} %), {len(names)} features")
    areas = sorted(((single(all_test[:, j], all_bad), name) for j, name in enumerate(names)), reverse=True)
    for area, name in areas[:arguments.features]:
        print(f"  {area:.4f}  {name}")
    good = areas[0][0] <= SINGLE_MAX
    print(f"best single feature {areas[0][0]:.4f} (at most {SINGLE_MAX}): {'holds' if good else 'MISSED'}")
    model = HistGradientBoostingClassifier(max_iter=300, learning_rate=0.05, max_leaf_nodes=15, min_samples_leaf=30,
                                           l2_regularization=2.0, early_stopping=False, random_state=0)
    model.fit(np.vstack([matrix[seed] for seed in train]), np.concatenate([bad[seed] for seed in train]))
    score = {seed: model.predict_proba(matrix[seed])[:, 1] for seed in test}
    for seed in test:
        area = roc_auc_score(bad[seed], score[seed])
        inside = TREES_MIN <= area <= TREES_MAX
        good = good and inside
        print(f"boosted trees, seed {seed}: {area:.4f}, average precision {average_precision_score(bad[seed], score[seed]):.3f} "
              f"({TREES_MIN} to {TREES_MAX}): {'holds' if inside else 'MISSED'}")
    schemes = np.concatenate([data[seed][2] for seed in test])
    scores = np.concatenate([score[seed] for seed in test])
    honest = schemes == "honest"
    threshold = np.quantile(scores[honest], 0.99)
    for scheme in sorted(set(schemes) - {"honest"}):
        mine = schemes == scheme
        area = roc_auc_score(np.r_[np.zeros(honest.sum()), np.ones(mine.sum())], np.r_[scores[honest], scores[mine]])
        print(f"  {scheme:14s} {mine.sum():5d} orders, area {area:.4f}, {100 * (scores[mine] > threshold).mean():.1f} % above what 1 % of "
              "honest orders reach")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
