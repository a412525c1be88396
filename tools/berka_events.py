#!/usr/bin/env python3
"""Turn the Berka bank data (PKDD'99 "Financial") into the event stream that packs/bank-account-loan reads.

    tools/berka_events.py IN_DIR OUT.ndjson [--union]

IN_DIR holds account.asc, card.asc, disp.asc, district.asc, loan.asc and trans_preloan_682.csv.gz. OUT.ndjson gets one
CloudEvents 1.0 object a line, in event-time order; the same input gives the same bytes. "-" writes to standard output.

What becomes an event, and what does not:

  district.reported   unemployment and crimes of a district for 1995 and 1996, on 1 January of the year after. The
                      other columns of district.asc (average salary, inhabitants, towns) have no year and are left out:
                      nobody can say whether a bank knew them when it decided.
  account.opened      every account of the stream, with district and how often its statement comes.
  card.issued         every card of these accounts, on its date.
  transaction.posted  trans_preloan_682.csv.gz: all transactions of the 682 loan accounts from opening to the day before
                      the loan was granted. --union reads trans_union.csv.gz instead, which adds 1,069 other accounts
                      (and some later transactions of the loan accounts) up to 1994-03-31.
  loan.applied        one for each of the 682 loans, on the day it was granted, without its status.
  loan.outcome        the label, `about` the application: on the day of the loan plus its months. Loans that were still
                      running when the data ends (status C and D) get that date too, with the status that they had then.

Left out: standing orders (order.asc) and who may use an account besides its owner (disp.asc) have no date, so using
them could look into the future; sex and age of the client (birth_number) should decide no loan.

Money is in Czech koruna (CZK) throughout. Until 7 February 1993 the currency was the Czechoslovak koruna (CSK),
converted one to one.

Dates have no time of day: every event is at 00:00:00Z of its date, and the order of lines breaks ties. On one date come
district.reported, account.opened, card.issued, transaction.posted, loan.applied, loan.outcome; so an application sees the
transactions of its own day. Within a type the order is by account (or district) number. The data does not order the
transactions of one account on one day; here they stand in the order in which their balances follow from each
other, the smaller trans_id first where several do (and by trans_id alone where none does).
"""

import argparse
import calendar
import csv
import gzip
import json
import os
import sys

OPERATIONS = {
    "VKLAD": "cash_deposit",
    "VYBER": "cash_withdrawal",
    "VYBER KARTOU": "card_withdrawal",
    "PREVOD Z UCTU": "transfer_in",
    "PREVOD NA UCET": "transfer_out",
}
PURPOSES = {
    "UROK": "interest",
    "SANKC. UROK": "penalty_interest",
    "SLUZBY": "statement_fee",
    "SIPO": "household",
    "POJISTNE": "insurance",
    "DUCHOD": "pension",
    "UVER": "loan_payment",
    " ": "unnamed",
}
DIRECTIONS = {"PRIJEM": "credit", "VYDAJ": "debit", "VYBER": "debit"}
STATEMENTS = {
    "POPLATEK MESICNE": "monthly",
    "POPLATEK TYDNE": "weekly",
    "POPLATEK PO OBRATU": "after_transaction",
}
STATUSES = {"A": "repaid", "B": "unpaid", "C": "running", "D": "running_in_debt"}
BAD_STATUSES = ("B", "D")
# Order of the types within one date.
DISTRICT, ACCOUNT, CARD, TRANSACTION, APPLICATION, OUTCOME = range(6)
# Balances in the data are rounded to 0.1 here and there; this much may be off, in hellers.
BALANCE_TOLERANCE_MINOR = 16


def read_table(path):
    """Rows of a semicolon-separated file with a header line, as dicts."""
    opened = gzip.open(path, "rt", encoding="latin-1", newline="") if path.endswith(".gz") else open(
        path, encoding="latin-1", newline="")
    with opened as file:
        return list(csv.DictReader(file, delimiter=";"))


def iso_date(yymmdd):
    """"930105" or "931107 00:00:00" -> "1993-01-05"."""
    digits = yymmdd[:6]
    if len(digits) != 6 or not digits.isdigit():
        raise ValueError(f"not a date: {yymmdd!r}")
    return f"19{digits[:2]}-{digits[2:4]}-{digits[4:]}"


def add_months(date, months):
    """The same day that many months later, or the last day of a shorter month."""
    year, month, day = (int(part) for part in date.split("-"))
    index = year * 12 + month - 1 + months
    year, month = divmod(index, 12)
    day = min(day, calendar.monthrange(year, month + 1)[1])
    return f"{year:04d}-{month + 1:02d}-{day:02d}"


def minor(amount):
    """"-12.50" -> -1250. The data has two digits after the point everywhere."""
    whole, _, fraction = amount.lstrip("-").partition(".")
    if not whole.isdigit() or len(fraction) != 2 or not fraction.isdigit():
        raise ValueError(f"not an amount: {amount!r}")
    value = int(whole) * 100 + int(fraction)
    return -value if amount.startswith("-") else value


def money(amount_minor):
    sign = "-" if amount_minor < 0 else ""
    return f"{sign}{abs(amount_minor) // 100}.{abs(amount_minor) % 100:02d}"


def chained(rows, opening_minor):
    """The rows of one account and day in an order in which each balance follows from the one before, the smallest
    trans_id first where there is a choice; by trans_id if there is no such order. Rows are (trans_id, signed amount,
    balance, row)."""
    rows = sorted(rows, key=lambda row: row[0])
    if opening_minor is None:  # the account's first day: any row may be first whose balance is its own amount
        opening_minor = 0
    order = []
    steps_left = [20_000]  # days with many equal rows must not search for ever

    def search(balance, left):
        if not left:
            return True
        for index, row in enumerate(left):
            steps_left[0] -= 1
            if steps_left[0] < 0:
                return False
            if abs(balance + row[1] - row[2]) <= BALANCE_TOLERANCE_MINOR:
                order.append(row)
                if search(row[2], left[:index] + left[index + 1:]):
                    return True
                order.pop()
        return False

    return order if search(opening_minor, rows) else rows


def transactions(path):
    """(account number, date, place within the day, row) in the order of the module's text."""
    by_account = {}
    for row in read_table(path):
        by_account.setdefault(int(row["account_id"]), {}).setdefault(iso_date(row["date"]), []).append(row)
    for account in sorted(by_account):
        balance = None
        for date in sorted(by_account[account]):
            rows = []
            for row in by_account[account][date]:
                amount = minor(row["amount"])
                signed = amount if DIRECTIONS[row["type"]] == "credit" else -amount
                rows.append((int(row["trans_id"]), signed, minor(row["balance"]), row))
            ordered = chained(rows, balance)
            balance = ordered[-1][2]
            for place, (_, _, _, row) in enumerate(ordered):
                yield account, date, place, row


def transaction_data(row, account, district):
    data = {
        "account_id": str(account),
        "district_id": district,
        "direction": DIRECTIONS[row["type"]],
        "amount": money(minor(row["amount"])),
        "balance": money(minor(row["balance"])),
    }
    if row["operation"]:
        data["operation"] = OPERATIONS[row["operation"]]
    if row["k_symbol"]:
        data["purpose"] = PURPOSES[row["k_symbol"]]
    if row["bank"]:
        data["partner_bank"] = row["bank"]
    return data


def district_events(folder, districts):
    for row in read_table(os.path.join(folder, "district.asc")):
        if row["A1"] not in districts:
            continue
        for year, unemployment, crimes in (("1995", row["A12"], row["A15"]), ("1996", row["A13"], row["A16"])):
            data = {"district_id": row["A1"], "year": int(year)}
            if unemployment != "?":
                data["unemployment_percent"] = unemployment
            if crimes != "?":
                data["crimes"] = int(crimes)
            yield ((f"{int(year) + 1}-01-01", DISTRICT, int(row["A1"]), 0), f"district-{row['A1']}-{year}",
                   "district.reported", data, None)


def account_events(folder, accounts):
    """Events of the accounts' own files; `accounts` maps numbers to rows of account.asc."""
    for number, row in accounts.items():
        data = {"account_id": str(number), "district_id": row["district_id"], "statement": STATEMENTS[row["frequency"]]}
        yield (iso_date(row["date"]), ACCOUNT, number, 0), f"account-{number}", "account.opened", data, None
    account_of = {row["disp_id"]: int(row["account_id"]) for row in read_table(os.path.join(folder, "disp.asc"))}
    for row in read_table(os.path.join(folder, "card.asc")):
        number = account_of[row["disp_id"]]
        if number not in accounts:
            continue
        data = {"account_id": str(number), "district_id": accounts[number]["district_id"], "card": row["type"]}
        key = (iso_date(row["issued"]), CARD, number, int(row["card_id"]))
        yield key, f"card-{row['card_id']}", "card.issued", data, None


def loan_events(folder, accounts):
    for row in read_table(os.path.join(folder, "loan.asc")):
        number = int(row["account_id"])
        date = iso_date(row["date"])
        district = accounts[number]["district_id"]
        application = f"loan-{row['loan_id']}"
        data = {
            "account_id": str(number),
            "district_id": district,
            "amount": money(int(row["amount"]) * 100),
            "months": int(row["duration"]),
            "payment": money(minor(row["payments"])),
        }
        yield (date, APPLICATION, number, int(row["loan_id"])), application, "loan.applied", data, None
        data = {
            "account_id": str(number),
            "district_id": district,
            "status": STATUSES[row["status"]],
            "bad": row["status"] in BAD_STATUSES,
        }
        key = (add_months(date, int(row["duration"])), OUTCOME, number, int(row["loan_id"]))
        yield key, f"outcome-{row['loan_id']}", "loan.outcome", data, application


def events(folder, union):
    """All events as (sort key, id, type, data, about)."""
    posted = list(transactions(os.path.join(folder, "trans_union.csv.gz" if union else "trans_preloan_682.csv.gz")))
    wanted = {account for account, _, _, _ in posted}
    wanted.update(int(row["account_id"]) for row in read_table(os.path.join(folder, "loan.asc")))
    rows = {int(row["account_id"]): row for row in read_table(os.path.join(folder, "account.asc"))}
    accounts = {number: rows[number] for number in sorted(wanted)}
    made = list(district_events(folder, {row["district_id"] for row in accounts.values()}))
    made += account_events(folder, accounts)
    made += loan_events(folder, accounts)
    for account, date, place, row in posted:
        made.append(((date, TRANSACTION, account, place), f"trans-{row['trans_id']}", "transaction.posted",
                     transaction_data(row, account, accounts[account]["district_id"]), None))
    made.sort(key=lambda event: event[0])
    return made


def line(event):
    key, event_id, event_type, data, about = event
    cloud_event = {
        "specversion": "1.0",
        "id": event_id,
        "source": "berka",
        "type": event_type,
        "time": f"{key[0]}T00:00:00Z",
    }
    if about is not None:
        cloud_event["about"] = about
    cloud_event["data"] = data
    return json.dumps(cloud_event, ensure_ascii=False, separators=(",", ":")) + "\n"


def main():
    parser = argparse.ArgumentParser(description="Berka bank data as an event stream for packs/bank-account-loan.")
    parser.add_argument("in_dir", metavar="IN_DIR", help="folder with the Berka files")
    parser.add_argument("out", metavar="OUT.ndjson", help="file to write; - for standard output")
    parser.add_argument("--union", action="store_true",
                        help="all 1,751 accounts of trans_union.csv.gz instead of the 682 loan accounts")
    arguments = parser.parse_args()
    try:
        made = events(arguments.in_dir, arguments.union)
    except (OSError, ValueError, KeyError) as error:
        print(f"berka_events: {arguments.in_dir}: {error!r}", file=sys.stderr)
        return 1
    if arguments.out == "-":
        sys.stdout.writelines(line(event) for event in made)
        return 0
    with open(arguments.out, "w", encoding="utf-8", newline="\n") as out:
        out.writelines(line(event) for event in made)
    print(f"{len(made)} events written to {arguments.out}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
