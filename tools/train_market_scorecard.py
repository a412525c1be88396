#!/usr/bin/env python3
"""Train the points scorecard of packs/live-commerce on simulated markets, and measure it on others.

    tools/train_market_scorecard.py [--train 101,...] [--slope 107,108] [--out FILE.pmml]

The features are those of the pack, as a replay gives them (tools/market_data.py). Bad is an order of any scheme. Bins, weights
and regression are those of tools/train_scorecard.py, fitted on the training seeds; the slope is corrected on the slope seeds,
so that probabilities are right on markets that the card has not seen. 600 points mean odds of 30 good to 1 bad, 20 more points
double them.
"""

import argparse
import os
import sys

import numpy as np
from sklearn.metrics import roc_auc_score

import market_data
import train_scorecard as card

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# Slot: (reason code, direction), as in train_scorecard.py. Where somebody lives, and whom a person was invited by, are not
# among them; how many share an address is.
CANDIDATES = {
    "account_days": ("YOUNG_ACCOUNT", 1),
    "buyer.orders.prior_count_30d": ("FEW_ORDERS_BEFORE", 1),
    "buyer.visits.count_30d": ("SELDOM_HERE", 1),
    "buyer.engaged.count_30d": ("SELDOM_HERE", 1),
    "buyer.visits.since_last_1d": ("WATCH_TIME", 0),
    "amount": ("AMOUNT", 0),
    "amount_to_own_mean": ("AMOUNT_UNUSUAL", 0),
    "amount_to_host_mean": ("AMOUNT_UNUSUAL", 0),
    "coupon_part": ("COUPON_PART", 0),
    "coupon_share": ("COUPON_SHARE", 0),
    "buyer.claims.count_30d": ("COUPON_SHARE", -1),
    "new_device": ("NEW_DEVICE", -1),
    "new_address": ("NEW_ADDRESS", -1),
    "new_payer": ("NEW_PAYER", -1),
    "new_ways": ("NEW_DEVICE", -1),
    "device.orders.count_30d": ("DEVICE_UNKNOWN", 0),
    "device.orders.distinct_buyer_id_30d": ("DEVICE_SHARED", 0),
    "device.visits.distinct_buyer_id_30d": ("DEVICE_SHARED", 0),
    "device.claims.distinct_buyer_id_7d": ("DEVICE_SHARED", -1),
    "device.orders.distinct_address_id_7d": ("DEVICE_SHARED", 0),
    "device.orders.sum_coupon_7d": ("DEVICE_COUPONS", -1),
    "coupon_device_crowd": ("DEVICE_COUPONS", -1),
    "device_orders_a_host": ("ONE_HOST_ONLY", 0),
    "address_orders_a_host": ("ONE_HOST_ONLY", 0),
    "new_device_amount": ("NEW_DEVICE", -1),
    "new_device_and_address_amount": ("NEW_DEVICE", -1),
    "young_new_card_amount": ("NEW_CARD", -1),
    "known_new_card_amount": ("NEW_CARD", -1),
    "coupon_address_crowd": ("ADDRESS_COUPONS", -1),
    "coupon_young_address": ("ADDRESS_COUPONS", -1),
    "device.fraud.count_90d": ("DEVICE_FRAUD", -1),
    "address.orders.count_30d": ("ADDRESS_UNKNOWN", 0),
    "address.orders.distinct_buyer_id_30d": ("ADDRESS_SHARED", 0),
    "address.orders.distinct_buyer_id_7d": ("ADDRESS_SHARED", 0),
    "address.orders.distinct_device_id_7d": ("ADDRESS_SHARED", 0),
    "address_young_share": ("ADDRESS_YOUNG", -1),
    "address.orders.sum_coupon_7d": ("ADDRESS_COUPONS", -1),
    "address.fraud.count_90d": ("ADDRESS_FRAUD", -1),
    "payer.orders.count_30d": ("PAYER_UNKNOWN", 0),
    "payer.orders.prior_since_first_30d": ("PAYER_UNKNOWN", 0),
    "payer.orders.distinct_buyer_id_30d": ("PAYER_SHARED", 0),
    "payer.orders.sum_amount_1d": ("PAYER_BURST", -1),
    "payer.chargebacks.count_90d": ("PAYER_CHARGEBACK", -1),
    "buyer.orders.min_amount_1d": ("SMALL_PAYMENTS", 0),
    "buyer.orders.count_10m": ("ORDER_BURST", 0),
    "buyer.orders.count_1h": ("ORDER_BURST", 0),
    "device.orders.count_1h": ("ORDER_BURST", 0),
    "buyer.orders.distinct_address_id_30d": ("MANY_WAYS", 0),
    "buyer.orders.distinct_device_id_30d": ("MANY_WAYS", 0),
    "buyer.orders.distinct_payer_id_30d": ("MANY_WAYS", 0),
    "buyer.orders.prior_max_amount_30d": ("AMOUNT_UNUSUAL", 0),
    "buyer.coupon_orders.count_30d": ("COUPON_SHARE", 0),
    "buyer.visits.count_1h": ("SELDOM_HERE", 0),
    "buyer.small_orders.count_1d": ("SMALL_PAYMENTS", -1),
    "buyer.orders.count_1d": ("ORDER_BURST", 0),
    "buyer.orders.sum_amount_1d": ("ORDER_BURST", 0),
    "buyer.refund_only.sum_amount_90d": ("REFUND_ONLY", -1),
    "buyer.refund_only.count_90d": ("REFUND_ONLY", -1),
    "refund_only_rate": ("REFUND_ONLY", -1),
    "buyer.fraud.count_90d": ("BUYER_FRAUD", -1),
    "buyer.cancelled.count_30d": ("CANCELLED", 0),
    "host.fraud.count_30d": ("HOST_FRAUD", -1),
    "host.complaints.count_30d": ("HOST_COMPLAINTS", -1),
    "host_young_share": ("HOST_YOUNG", -1),
    "shop.fraud.count_30d": ("SHOP_FRAUD", -1),
    "shop_later_share": ("SHOP_LATER", -1),
    "later_amount": ("PAY_LATER_AMOUNT", -1),
    "later_round": ("PAY_LATER_ROUND", -1),
    "card_amount": ("CARD_AMOUNT", 0),
    "resale_amount": ("RESALE_GOODS", -1),
    "collectable_amount": ("COLLECTABLES", -1),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    market_data.add_options(parser, ROOT)
    parser.add_argument("--train", default="101,102,103,104,105,106", help="seeds")
    parser.add_argument("--slope", default="107,108", help="seeds that correct the slope, and measure")
    parser.add_argument("--out", help="the PMML file to write; default: PACK/models/order_score.pmml")
    arguments = parser.parse_args()
    train = [int(seed) for seed in arguments.train.split(",")]
    held_out = [int(seed) for seed in arguments.slope.split(",")]
    card.CANDIDATES = CANDIDATES
    card.BIN_SHARE_MIN = 0.002  # bad orders are two in a hundred
    card.CHARACTERISTICS_MAX = 36
    loaded = {}
    for seed, (names, matrix, schemes, _) in market_data.orders(arguments, train + held_out).items():
        columns = matrix[:, [names.index(name) for name in CANDIDATES]]
        for j, name in enumerate(CANDIDATES):
            if card.is_duration(name):
                columns[:, j] /= card.SECONDS_PER_DAY
        loaded[seed] = columns, (schemes != "honest").astype(int)
    matrix = np.vstack([loaded[seed][0] for seed in train])
    bad = np.concatenate([loaded[seed][1] for seed in train])
    fitted = card.Card(matrix, bad)
    outside = np.vstack([loaded[seed][0] for seed in held_out])
    outside_bad = np.concatenate([loaded[seed][1] for seed in held_out])
    slope = card.slope_of(fitted.log_odds(outside)[None, :], outside_bad)
    points = card.Points(fitted, matrix, bad, min(1.0, slope))
    out = arguments.out or os.path.join(arguments.pack, "models", "order_score.pmml")
    with open(out, "w", encoding="utf-8", newline="\n") as file:
        file.write(card.pmml(points, "order_score",
                             f"Points of an order; {card.POINTS} points are odds of {card.ODDS} good to 1 bad, "
                             f"{card.POINTS_TO_DOUBLE} more double them. Fitted to {len(bad)} orders of simulated markets "
                             f"(seeds {arguments.train}) by tools/train_market_scorecard.py.", "train_market_scorecard"))
    print(f"{len(bad)} orders of seeds {arguments.train}, {bad.sum()} bad ({100 * bad.mean():.2f} %); {len(points.parts)} "
          f"characteristics; slope on seeds {arguments.slope} {slope:.3f}")
    for seed in held_out:
        columns, truth = loaded[seed]
        total = points.initial + points.totals(columns)
        probability = points.probability(total)
        honest = np.sort(probability[truth == 0])[::-1]
        at = [honest[int(share * len(honest))] for share in (0.001, 0.005, 0.01)]
        print(f"seed {seed}: AUC {roc_auc_score(truth, -total):.4f}; mean probability {100 * probability.mean():.2f} %, bad "
              f"{100 * truth.mean():.2f} %; of honest orders .1, .5, 1 % are above {at[0]:.3f}, {at[1]:.3f}, {at[2]:.3f}: there lie "
              + ", ".join(f"{100 * (probability[truth == 1] > edge).mean():.0f} %" for edge in at) + " of the bad ones")
    return 0


if __name__ == "__main__":
    sys.exit(main())
