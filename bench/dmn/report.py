"""report.py FOLDER OUT.md OUT.json: the result files of one run of bench/dmn/run.sh as a Markdown table and as JSON.

A time is the median over all rounds (of all machines, for the JVM) of the processor time of the evaluating thread for one
evaluation. The JVM's compiler and collector run on threads of their own and are not in it, which is in their favour.
"""

import json
import pathlib
import statistics
import sys

PEERS = ["zen", "drools", "jdmn", "camunda"]


def load(folder):
    """{(case, mode): {peer: {"ns", "min_ns", "wall_ns", "checksum", "index_bytes"} or {"note"}}}, cases in order, skipped."""
    rounds, order, skipped = {}, [], {}
    for path in sorted(pathlib.Path(folder).glob("*.jsonl")):
        for line in path.read_text().splitlines():
            row = json.loads(line)
            if "skipped" in row:
                skipped[row["peer"]] = row["skipped"]
                continue
            if row["case"] not in order:
                order.append(row["case"])
            key = (row["case"], row["mode"])
            found = rounds.setdefault(key, {}).setdefault(row["peer"], {"cpu": [], "wall": []})
            if "note" in row:
                found["note"] = row["note"]
                continue
            found["cpu"] += row["cpu_ns"]
            found["wall"] += row["wall_ns"]
            found["checksum"] = row["checksum"]
            found["index_bytes"] = row.get("index_bytes")
    table = {}
    for key, peers in rounds.items():
        for peer, found in peers.items():
            if found["cpu"]:
                result = {
                    "ns": statistics.median(found["cpu"]),
                    "min_ns": min(found["cpu"]),
                    "wall_ns": statistics.median(found["wall"]),
                    "checksum": found["checksum"],
                }
                if found["index_bytes"]:
                    result["index_bytes"] = found["index_bytes"]
            else:
                result = {"note": found["note"]}
            table.setdefault(key, {})[peer] = result
    return table, order, skipped


def micros(result):
    if result is None:
        return "-"
    if "note" in result:
        return "[*]"
    us = result["ns"] / 1000
    return f"{us:,.2f}" if us < 10 else f"{us:,.1f}" if us < 100 else f"{us:,.0f}"


def plain_rows(table, order):
    for case in order:
        row = table.get((case, "plain"), {})
        ours = row.get("credence")
        timed = {peer: row[peer] for peer in PEERS if peer in row and "ns" in row[peer]}
        best = min(timed, key=lambda peer: timed[peer]["ns"], default=None)
        ratio = f"{timed[best]['ns'] / ours['ns']:.1f} ({best})" if best and ours else "-"
        equal = [peer for peer in timed if ours and timed[peer]["checksum"] == ours["checksum"]]
        differs = [peer for peer in timed if peer not in equal]
        answers = f"{len(equal)} equal" + (f", not {', '.join(differs)}" if differs else "")
        index = f"{ours['index_bytes'] / 1024:,.0f}" if ours and ours.get("index_bytes") else "-"
        yield [case, micros(ours), micros(table.get((case, "json"), {}).get("credence"))] + [
            micros(row.get(peer)) for peer in PEERS
        ] + [ratio, answers, index]


def explain_rows(table, order):
    for case in order:
        cells = []
        for peer in ["credence"] + PEERS:
            plain = table.get((case, "plain"), {}).get(peer, {})
            explained = table.get((case, "explain"), {}).get(peer, {})
            if "ns" in plain and "ns" in explained:
                cells.append(f"{micros(explained)} ({explained['ns'] / plain['ns']:.2f})")
            else:
                cells.append("-")
        yield [case] + cells


def markdown(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def report(table, order, skipped):
    lines = ["Microseconds of processor time for one evaluation, from a parsed input to its value (median of the rounds).", ""]
    lines += markdown(
        ["case", "credence", "from JSON", *PEERS, "fastest peer / credence", "answers", "index, KiB"],
        plain_rows(table, order),
    )
    lines += ["", "With explain on (and its cost as a multiple of the plain evaluation):", ""]
    lines += markdown(["case", "credence", *PEERS], explain_rows(table, order))
    notes = [
        f"- {case}, {peer}: {result['note']}"
        for case in order
        for peer, result in table.get((case, "plain"), {}).items()
        if "note" in result
    ]
    notes += [f"- {peer} is left out: {why}" for peer, why in sorted(skipped.items())]
    return "\n".join(lines + [""] + (["[*] Not measured:", "", *notes, ""] if notes else []))


def main():
    folder, out_md, out_json = sys.argv[1:4]
    table, order, skipped = load(folder)
    pathlib.Path(out_md).write_text(report(table, order, skipped))
    cases = [{"case": case, "mode": mode, "peers": peers} for (case, mode), peers in table.items()]
    pathlib.Path(out_json).write_text(json.dumps({"cases": cases, "skipped": skipped}, indent=1) + "\n")


if __name__ == "__main__":
    main()
