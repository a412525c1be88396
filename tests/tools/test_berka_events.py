"""tools/berka_events.py on a made-up bank of two accounts: order, ties, labels, and what is left out."""

import gzip
import json
import os
import subprocess
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOOL = os.path.join(ROOT, "tools", "berka_events.py")
sys.path.insert(0, os.path.join(ROOT, "tools"))
import berka_events  # noqa: E402

FILES = {
    "account.asc": ['"account_id";"district_id";"frequency";"date"', '10;1;"POPLATEK MESICNE";930105',
                    '9;2;"POPLATEK TYDNE";930105'],
    "disp.asc": ['"disp_id";"client_id";"account_id";"type"', '1;1;10;"OWNER"', '2;2;9;"OWNER"'],
    "card.asc": ['"card_id";"disp_id";"type";"issued"', '5;1;"classic";930301 00:00:00'],
    "loan.asc": ['"loan_id";"account_id";"date";"amount";"duration";"payments";"status"',
                 '77;10;930131;12000;1;12000.00;"B"'],
    "district.asc": [";".join(f"A{i}" for i in range(1, 17)),
                     '1;"X";"Y";1;0;0;0;0;1;50.0;8000;?;1.85;100;?;2159',
                     '2;"X";"Y";1;0;0;0;0;1;50.0;8000;0.40;1.00;100;7;8',
                     '3;"X";"Y";1;0;0;0;0;1;50.0;8000;0.40;1.00;100;7;8'],
}
TRANSACTIONS = [
    "trans_id;account_id;date;type;operation;amount;balance;k_symbol;bank;account",
    "1;9;930105;PRIJEM;VKLAD;200.00;200.00;;;",
    # One day whose order by trans_id does not chain: 500 comes first, then -100, then 50 of interest.
    "4;10;930106;PRIJEM;;50.00;450.00;UROK;;",
    "3;10;930106;PRIJEM;PREVOD Z UCTU;500.00;500.00;DUCHOD;AB;123",
    "5;10;930106;VYBER;VYBER;100.00;400.00;;;",
    "6;10;930131;VYDAJ;PREVOD NA UCET;460.50;-10.50; ;CD;5",
]


@pytest.fixture
def bank(tmp_path):
    for name, lines in FILES.items():
        (tmp_path / name).write_bytes("\r\n".join(lines + [""]).encode("latin-1"))
    with gzip.open(tmp_path / "trans_preloan_682.csv.gz", "wt", newline="") as file:
        file.write("\n".join(TRANSACTIONS) + "\n")
    return tmp_path


@pytest.fixture
def made(bank):
    subprocess.run([sys.executable, TOOL, str(bank), str(bank / "out")], check=True, capture_output=True)
    return [json.loads(line) for line in (bank / "out").read_text().splitlines()]


def test_events_are_in_time_order_and_ties_follow_the_documented_rule(made):
    assert [event["id"] for event in made] == [
        "account-9", "account-10", "trans-1", "trans-3", "trans-5", "trans-4", "trans-6", "loan-77", "outcome-77",
        "card-5", "district-1-1995", "district-2-1995", "district-1-1996", "district-2-1996"]
    assert [event["time"] for event in made] == sorted(event["time"] for event in made)


def test_an_application_says_nothing_of_how_it_ended(made):
    application = next(event for event in made if event["id"] == "loan-77")
    assert application["data"] == {"account_id": "10", "district_id": "1", "amount": "12000.00", "months": 1,
                                   "payment": "12000.00"}
    outcome = next(event for event in made if event["id"] == "outcome-77")
    assert outcome["about"] == "loan-77"
    assert outcome["time"] == "1993-02-28T00:00:00Z"  # a month later, which is shorter
    assert outcome["data"]["bad"] is True


def test_codes_are_translated_and_absent_fields_are_not_sent(made):
    by_id = {event["id"]: event["data"] for event in made}
    assert by_id["trans-4"] == {"account_id": "10", "district_id": "1", "direction": "credit", "amount": "50.00",
                                "balance": "450.00", "purpose": "interest"}
    assert by_id["trans-6"]["purpose"] == "unnamed"
    assert by_id["trans-6"]["balance"] == "-10.50"
    assert by_id["trans-5"]["direction"] == "debit"
    assert by_id["trans-3"]["partner_bank"] == "AB"
    assert by_id["district-1-1995"] == {"district_id": "1", "year": 1995}  # ? is not known


def test_the_same_input_gives_the_same_bytes(bank):
    for name in ("one", "two"):
        subprocess.run([sys.executable, TOOL, str(bank), str(bank / name)], check=True, capture_output=True,
                       env={**os.environ, "PYTHONHASHSEED": name.replace("one", "1").replace("two", "2")})
    assert (bank / "one").read_bytes() == (bank / "two").read_bytes()


def test_a_missing_file_is_an_error_that_names_the_folder(tmp_path):
    run = subprocess.run([sys.executable, TOOL, str(tmp_path), "-"], check=False, capture_output=True, text=True)
    assert run.returncode == 1
    assert str(tmp_path) in run.stderr


def test_days_that_do_not_chain_keep_the_order_of_their_numbers():
    rows = [(2, 100, 700, "b"), (1, 100, 300, "a")]
    assert [row[0] for row in berka_events.chained(rows, 0)] == [1, 2]


def test_months_end_on_the_last_day_of_a_shorter_month():
    assert berka_events.add_months("1996-01-31", 1) == "1996-02-29"
    assert berka_events.add_months("1995-12-15", 12) == "1996-12-15"
