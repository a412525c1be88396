"""Orders of simulated markets with every feature of the pack and the truth, for the tools that train and measure on them."""

import concurrent.futures
import json
import math
import os
import re
import shutil
import subprocess
import tempfile

import numpy as np
import yaml

NS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
DURATION = re.compile(r"(\d+)(ns|us|ms|d|h|m|s)")
# Fields of an order that are text, as numbers.
CODES = {"category": ["beauty", "clothing", "food", "electronics", "jewellery", "collectables"],
         "payment": ["wallet", "card", "pay_later"]}
WARM_UP_DAYS = 7  # features of a market that has just begun say little


def number(value):
    """A slot as a float: durations ("1d12h") in seconds, missing as nan, other text as nothing."""
    if value is None:
        return math.nan
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, (int, float)):
        return float(value)
    try:
        return float(value)
    except ValueError:
        parts = DURATION.findall(value)
        if not parts or "".join(n + unit for n, unit in parts) != value:
            return None
        return sum(int(n) * NS[unit] for n, unit in parts)


def observing_pack(pack, folder):
    """A copy of the pack that decides nothing (all pass, all are granted), without models, whose policy reads every field of an
    order and every derived feature: a replay then writes them beside the windowed ones."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    with open(os.path.join(pack, "pack.yaml"), encoding="utf-8") as file:
        declared = yaml.safe_load(file)
    with open(os.path.join(pack, "features.yaml"), encoding="utf-8") as file:
        derived = yaml.safe_load(file)["derived"]
    declared.pop("models", None)
    declared["decisions"] = {
        "order_risk": {"policy": "order_risk", "outcomes": ["pass"], "fallback": "pass", "kill_switch": "pass"},
        "coupon_eligibility": {"policy": "coupon_eligibility", "outcomes": ["grant"], "fallback": "grant",
                               "kill_switch": "grant"}}
    fields = declared["events"]["order.placed"]["fields"]
    kinds = {name: kind if isinstance(kind, str) else kind["type"] for name, kind in fields.items()}
    reads = [name for name, kind in kinds.items() if kind != "key"] + list(derived)
    inputs = "".join(f'<inputData id="i{n}" name="{name}"><variable name="{name}" typeRef="Any"/></inputData>'
                     for n, name in enumerate(reads))
    needs = "".join(f'<informationRequirement><requiredInput href="#i{n}"/></informationRequirement>' for n in range(len(reads)))
    with open(os.path.join(folder, "policy.dmn"), "w", encoding="utf-8") as file:
        file.write('<?xml version="1.0" encoding="UTF-8"?>'
                   '<definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/" name="observe" namespace="urn:observe">'
                   f'{inputs}<inputData id="v" name="value"><variable name="value" typeRef="Any"/></inputData>'
                   f'<decision id="d1" name="order_risk"><variable name="order_risk" typeRef="string"/>{needs}<literalExpression>'
                   f'<text>if count([{", ".join(reads)}]) &gt; 0 then "pass" else null</text></literalExpression></decision>'
                   '<decision id="d2" name="coupon_eligibility"><variable name="coupon_eligibility" typeRef="string"/>'
                   '<informationRequirement><requiredInput href="#v"/></informationRequirement>'
                   '<literalExpression><text>if value &gt; 0 then "grant" else null</text></literalExpression></decision>'
                   '</definitions>')
    with open(os.path.join(folder, "pack.yaml"), "w", encoding="utf-8") as file:
        yaml.safe_dump(declared, file, allow_unicode=True)
    shutil.copy(os.path.join(pack, "features.yaml"), folder)
    for language, texts in (("en", "{pass: Passed, grant: Granted}"), ("zh", "{pass: 通过, grant: 可领}")):
        with open(os.path.join(folder, f"texts.{language}.yaml"), "w", encoding="utf-8") as file:
            file.write(f"outcomes: {texts}\nreasons: {{}}\n")


def export(credence, pack, seed, days, orders_per_day, folder):
    """Runs simulate and replay for one seed. Returns (decisions file, truth file)."""
    os.makedirs(folder, exist_ok=True)
    events, truth, decisions = (os.path.join(folder, f"{name}-{seed}.ndjson") for name in ("events", "truth", "decisions"))
    for command in (
        [credence, "simulate", "--seed", str(seed), "--days", str(days), "--orders-per-day", str(orders_per_day), "--out", events,
         "--truth", truth, "--quiet"],
        [credence, "replay", pack, "--events", events, "--history", "--keys", os.path.join(folder, "keys"), "--decisions",
         decisions, "--all-features", "--quiet", "--show", "0", "--strict"],
    ):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    os.remove(events)
    return decisions, truth


def load(decisions, truth):
    """(names, matrix, schemes, losses in minor units, amounts): one row an order after the warm-up."""
    known = {}
    with open(truth, encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            known[row["order"]] = row
    names, rows, schemes, losses = [], [], [], []
    begin = None
    with open(decisions, encoding="utf-8") as lines:
        for line in lines:
            decision = json.loads(line)
            day = decision["time"][:10]
            begin = begin or np.datetime64(day)
            if decision["decision"] != "order_risk" or np.datetime64(day) - begin < np.timedelta64(WARM_UP_DAYS, "D"):
                continue
            slots = dict(decision["features"])
            slots.update(decision["slots"])
            for field, values in CODES.items():
                slots[field] = values.index(slots[field])
            names = names or sorted(slots)
            rows.append([number(slots.get(name)) for name in names])
            told = known[decision["event"]["id"]]
            schemes.append(told["scheme"])
            losses.append(told["loss_minor"] if told["lost"] else 0)
    matrix = np.array(rows)
    return names, matrix, np.array(schemes), np.array(losses)


def orders(arguments, seeds):
    """{seed: what load() gives}, made two at a time. With arguments.keep they are kept in that folder, and read from there
    the next time: for work on a tool, not on pack or market."""
    with tempfile.TemporaryDirectory() as folder:
        pack = os.path.join(folder, "pack")
        observing_pack(arguments.pack, pack)

        def one(seed):
            kept = arguments.keep and os.path.join(arguments.keep, f"{seed}-{arguments.days}-{arguments.orders_per_day}.npz")
            if kept and os.path.exists(kept):
                file = np.load(kept)
                return list(file["names"]), file["matrix"], file["schemes"], file["losses"]
            files = export(arguments.credence, pack, seed, arguments.days, arguments.orders_per_day, os.path.join(folder, str(seed)))
            loaded = load(*files)
            for file in files:
                os.remove(file)
            if kept:
                os.makedirs(arguments.keep, exist_ok=True)
                np.savez_compressed(kept, names=loaded[0], matrix=loaded[1], schemes=loaded[2], losses=loaded[3])
            return loaded

        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            return dict(zip(seeds, pool.map(one, seeds)))


def add_options(parser, root):
    parser.add_argument("--pack", default=os.path.join(root, "packs", "live-commerce"))
    parser.add_argument("--credence", default=os.path.join(root, "build", "release", "apps", "credence"))
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--orders-per-day", type=int, default=1000)
    parser.add_argument("--keep", help="folder for the orders with their features, read again the next time")
