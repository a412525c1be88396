#!/usr/bin/env python3
"""Makes a small bank's event stream for the demo: demo_events.py OUT.ndjson [--accounts N] [--seed S]

Everything here is invented: accounts of five kinds of people (steady, rising, thin, cash, slipping) over two years, each
with one loan application near the end and, a year later, an outcome drawn from the person's kind. The same seed gives
the same bytes. The events are those of packs/bank-account-loan.
"""

import argparse
import json
import random
from datetime import datetime, timedelta, timezone

# kind: share, monthly income, share of income spent, cash share of spending, probability of default
KINDS = {
    "steady": (0.40, (18_000, 32_000), (0.78, 0.92), 0.3, 0.03),
    "rising": (0.20, (22_000, 45_000), (0.55, 0.80), 0.2, 0.01),
    "thin": (0.20, (9_000, 16_000), (0.92, 1.00), 0.6, 0.15),
    "cash": (0.12, (12_000, 26_000), (0.85, 1.00), 0.9, 0.12),
    "slipping": (0.08, (14_000, 24_000), (0.98, 1.10), 0.5, 0.55),
}


class Account:
    """One account's life, month by month."""

    def __init__(self, number, rng, start):
        self.rng = rng
        self.id = str(10_000 + number)
        self.district = str(1 + rng.randrange(20))
        self.kind = rng.choices(list(KINDS), [k[0] for k in KINDS.values()])[0]
        self.balance = 0
        self.opened = start + timedelta(days=rng.randrange(300))
        self.events = []
        self.count = 0

    def emit(self, kind, when, data, **more):
        self.count += 1
        keys = {"account_id": self.id, "district_id": self.district}
        event = {"specversion": "1.0", "id": f"{self.id}-{self.count}", "source": "demo", "type": kind,
                 "time": when.strftime("%Y-%m-%dT%H:%M:%SZ"), **more, "data": {**keys, **data}}
        self.events.append((when, event))
        return event["id"]

    def post(self, when, direction, amount, **data):
        amount = max(100, round(amount * 100))
        self.balance += amount if direction == "credit" else -amount
        self.emit("transaction.posted", when, {
            "direction": direction, "amount": money(amount), "balance": money(self.balance),
            **{k: v for k, v in data.items() if v}})

    def month(self, first):
        rng = self.rng
        _, income, spent, cash, _ = KINDS[self.kind]
        earned = self.income * rng.uniform(0.95, 1.05)
        day = lambda d: first + timedelta(days=d, hours=rng.randrange(8, 20), minutes=rng.randrange(60))
        if self.kind == "cash":
            for part in range(3):
                self.post(day(3 + 8 * part), "credit", earned / 3, operation="cash_deposit")
        else:
            self.post(day(9), "credit", earned, operation="transfer_in", partner_bank="AB")
        budget = earned * rng.uniform(*spent)
        household = budget * rng.uniform(0.2, 0.35)
        self.post(day(11), "debit", household, operation="transfer_out", purpose="household", partner_bank="QR")
        rest = budget - household
        for visit in range(rng.randrange(2, 6)):
            share = rest / 4
            operation = "cash_withdrawal" if rng.random() < cash else "card_withdrawal"
            self.post(day(12 + 3 * visit), "debit", share, operation=operation)
        if self.balance < 0:
            self.post(day(28), "debit", 20, operation="cash_withdrawal", purpose="penalty_interest")
        else:
            self.post(day(28), "credit", 10 + self.balance * 0.000_03, purpose="interest")

    def live(self, end):
        rng = self.rng
        _, income, _, _, default = KINDS[self.kind]
        self.income = rng.uniform(*income)
        self.emit("account.opened", self.opened, {"statement": "monthly"})
        self.post(self.opened + timedelta(hours=2), "credit", rng.uniform(500, 20_000), operation="cash_deposit")
        month = self.opened + timedelta(days=5)
        months = rng.randrange(6, 24)
        for _ in range(months):
            if month > end:
                break
            self.month(month)
            month += timedelta(days=30)
        applied = month + timedelta(days=rng.randrange(1, 5))
        term = rng.choice([12, 24, 36, 48, 60])
        amount = round(rng.uniform(1.5, 9) * self.income / 100) * 100
        loan = self.emit("loan.applied", applied, {
            "amount": money(amount * 100), "months": term, "payment": money(amount * 100 // term)})
        bad = rng.random() < default
        self.emit("loan.outcome", applied + timedelta(days=365),
                  {"status": "unpaid" if bad else "repaid", "bad": bad}, about=loan)


def money(minor):
    sign = "-" if minor < 0 else ""
    return f"{sign}{abs(minor) // 100}.{abs(minor) % 100:02d}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    start = datetime(2023, 1, 1, tzinfo=timezone.utc)
    accounts = []
    for number in range(options.accounts):
        account = Account(number, random.Random(options.seed * 1_000_003 + number), start)
        account.live(start + timedelta(days=1000))
        accounts.append(account)
    events = [(when, n, i, event) for n, account in enumerate(accounts)
              for i, (when, event) in enumerate(account.events)]
    events.sort(key=lambda e: e[:3])
    with open(options.out, "w", encoding="utf-8") as out:
        for _, _, _, event in events:
            out.write(json.dumps(event, separators=(",", ":")) + "\n")
    print(f"{len(events)} events of {len(accounts)} accounts written to {options.out}")


if __name__ == "__main__":
    main()
