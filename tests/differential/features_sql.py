"""Windowed features of a pack, computed by DuckDB from its event stream.

    python tests/differential/features_sql.py PACK_DIR EVENTS.ndjson [OUT.ndjson]

The SQL is generated from pack.yaml and features.yaml by code that shares nothing with the engine: this is the independent
recomputation that the engine's slots are held against, and where training data comes from. Per event that asks for a
decision one JSON object {"event": id, "slots": {name: value or null}}; numbers as decimal strings, durations as
nanoseconds with "ns".

Window: a read over w at event (t, s), moved back by the delay d, covers events with t - d - w < time <= t - d and
sequence <= s; `prior` leaves the event itself out. The sequence is the line in the file. Sums are exact (HUGEINT at the
field's scale); mean, variance and standard deviation are made from exact sums by one correctly rounded step to 34 digits.
Only plain streams: no late events (the order of lines is the order of arrival), no reversals.
"""

import csv
import datetime
import decimal
import json
import math
import os
import re
import sys
import tempfile

import duckdb
import yaml

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import feel_subset  # noqa: E402

DIGITS_OF_CURRENCY = {"CZK": 2, "CNY": 2, "USD": 2, "EUR": 2, "JPY": 0}
UNIT_NS = {"s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "d": 86400 * 10**9}
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
SIMPLE_NAME = re.compile(r"[a-z_][a-z0-9_]*$")


# --- The pack ---------------------------------------------------------------------------------------------------


class TextLoader(yaml.SafeLoader):
    """Scalars stay texts."""


TextLoader.yaml_implicit_resolvers = {}


def load_yaml(path):
    with open(path, encoding="utf-8") as file:
        return yaml.load(file, TextLoader)


class Field:
    def __init__(self, declared, digits):
        if isinstance(declared, str):
            declared = {"type": declared.rstrip("?")}
        self.type = declared["type"]
        # Digits after the point of the integer that stands for it; None for what is no number.
        self.digits = {"integer": 0, "money": digits, "decimal": int(declared.get("scale", "0")), "duration": 9}.get(self.type)


class Pack:
    def __init__(self, folder):
        head = load_yaml(os.path.join(folder, "pack.yaml"))
        features = load_yaml(os.path.join(folder, "features.yaml"))
        self.digits = DIGITS_OF_CURRENCY[head["currency"]]
        self.key_field = {entity: declared["key"] for entity, declared in head["entities"].items()}
        self.fields = {event: {name: Field(declared, self.digits) for name, declared in body["fields"].items()}
                       for event, body in head["events"].items()}
        self.deciding = [event for event, body in head["events"].items() if "decides" in body]
        self.items = [(entity, item) for entity, items in features["features"].items() for item in items]
        self.derived = features.get("derived") or {}


def nanoseconds(text):
    """"7d" -> ns; None for "all"."""
    if text == "all":
        return None
    match = re.fullmatch(r"(\d+)([smhd])", text)
    return int(match.group(1)) * UNIT_NS[match.group(2)]


class Feature:
    """One `compute` entry over one window."""

    def __init__(self, entity, item, entry, window):
        self.entity = entity
        self.event = item["from"]
        self.where = item.get("where")
        self.window_ns = nanoseconds(window)
        self.delay_ns = nanoseconds(item["delay"]) if "delay" in item else 0
        self.argument = None
        self.scale = None
        if isinstance(entry, dict):
            aggregator = next(key for key in entry if key not in ("scale", "as"))
            self.argument = entry[aggregator]
            self.scale = int(entry["scale"]) if "scale" in entry else None
            argument_name = entry["as"]
        else:
            match = re.fullmatch(r"([a-z_.]+?)(?:\((.*)\))?", entry)
            aggregator, self.argument = match.group(1), match.group(2)
            argument_name = self.argument
        self.prior = aggregator.startswith("prior.")
        self.aggregator = aggregator.removeprefix("prior.")
        stream = item.get("as", self.event.replace(".", "_"))
        what = ("prior_" if self.prior else "") + self.aggregator + (f"_{argument_name}" if argument_name else "")
        self.name = f"{entity}.{stream}.{what}_{window}"
        if self.delay_ns:
            self.name += f"_delay_{item['delay']}"


def features_of(pack):
    made = []
    for entity, item in pack.items:
        for window in item["windows"]:
            for entry in item["compute"]:
                made.append(Feature(entity, item, entry, window))
    names = [feature.name for feature in made]
    assert len(set(names)) == len(names), "two features have one name"
    return made


# --- The events -------------------------------------------------------------------------------------------------


def time_ns(text):
    """RFC 3339 in UTC, seconds or finer."""
    match = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?Z", text)
    parts = [int(part) for part in match.groups()[:6]]
    whole = datetime.datetime(*parts, tzinfo=datetime.timezone.utc) - EPOCH
    return (whole.days * 86400 + whole.seconds) * 10**9 + int((match.group(7) or "0").ljust(9, "0"))


def cell(field, value):
    """What a column holds: integers at the field's scale, texts, 1 and 0."""
    if value is None:
        return None
    if field.type == "bool":
        return int(value)
    if field.digits is None:
        return value
    scaled = decimal.Decimal(value).scaleb(field.digits)
    assert scaled == scaled.to_integral_value(), f"{value} has too many digits"
    return int(scaled)


def table_name(event):
    return "event_" + event.replace(".", "_")


def load_events(connection, pack, path):
    """A table for each event type: seq, time, id and the fields."""
    with tempfile.TemporaryDirectory() as folder:
        files = {}
        for event in pack.fields:
            handle = open(os.path.join(folder, table_name(event)), "w", encoding="utf-8", newline="")
            files[event] = (handle, csv.writer(handle))
        with open(path, encoding="utf-8") as lines:
            for sequence, line in enumerate(lines, 1):
                event = json.loads(line, parse_float=decimal.Decimal)
                data = event["data"]
                fields = pack.fields[event["type"]]
                assert set(data) <= set(fields), f"line {sequence}: unknown field"
                row = [sequence, time_ns(event["time"]), event["id"]]
                row += [cell(field, data.get(name)) for name, field in fields.items()]
                files[event["type"]][1].writerow(row)
        for event, (handle, _) in files.items():
            handle.close()
            columns = {"seq": "BIGINT", "time": "BIGINT", "id": "VARCHAR"}
            for name, field in pack.fields[event].items():
                columns[f"f_{name}"] = ("HUGEINT" if field.digits is not None else
                                        "INTEGER" if field.type == "bool" else "VARCHAR")
            listed = ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items())
            connection.execute(
                f"CREATE TABLE {table_name(event)} AS SELECT * FROM read_csv('{handle.name}', header = false, "
                f"delim = ',', quote = '\"', escape = '\"', nullstr = '', auto_detect = false, columns = {{{listed}}})")


# --- SQL --------------------------------------------------------------------------------------------------------


def expression_sql(pack, event, text, scale):
    """(SQL, digits) of a FEEL text over the fields of an event; digits as asked or as needed."""
    tree = feel_subset.parse(text)
    fields = pack.fields[event]
    needed = [fields[name].digits or 0 for name in feel_subset.names(tree)] + [scale or 0]
    digits = max(needed)
    sql = feel_subset.to_sql(tree, lambda name: (f"e.f_{name}", fields[name].digits), digits)
    return sql, digits


def condition_sql(pack, feature):
    """Which rows of the join count, beside key and sequence."""
    tree = feel_subset.parse(feature.where)
    if tree[0] == "name":
        return f"coalesce(e.f_{tree[1]} = 1, FALSE)"  # a field that is true or false
    return f"coalesce({expression_sql(pack, feature.event, feature.where, None)[0]}, FALSE)"


def argument_of(pack, feature):
    """(SQL, digits after the point or None, type) of what is aggregated."""
    if feature.argument is None:
        return None, None, None
    if SIMPLE_NAME.match(feature.argument) and feature.scale is None:
        field = pack.fields[feature.event][feature.argument]
        return f"e.f_{feature.argument}", field.digits, field.type
    sql, digits = expression_sql(pack, feature.event, feature.argument, feature.scale)
    assert digits == feature.scale, "the argument has more digits than its scale"
    return sql, digits, "decimal"


def columns_of(pack, feature):
    """SQL of the aggregates that a feature needs, in the order that finish() takes them."""
    conditions = []
    if feature.window_ns is not None:
        conditions.append(f"e.time > d.time - {feature.delay_ns + feature.window_ns}")
    if feature.where:
        conditions.append(condition_sql(pack, feature))
    if feature.prior:
        conditions.append("e.seq < d.seq")
    covered = f" FILTER (WHERE {' AND '.join(['e.seq IS NOT NULL'] + conditions)})"
    value = argument_of(pack, feature)[0]
    place = "e.time::HUGEINT * 1099511627776 + e.seq"
    return {
        "count": lambda: [f"count(e.seq){covered}"],
        "sum": lambda: [f"sum({value}){covered}"],
        "mean": lambda: [f"sum({value}){covered}", f"count({value}){covered}"],
        "variance": lambda: [f"sum({value}){covered}", f"count({value}){covered}", f"sum({value} * {value}){covered}"],
        "stddev": lambda: [f"sum({value}){covered}", f"count({value}){covered}", f"sum({value} * {value}){covered}"],
        "min": lambda: [f"min({value}){covered}"],
        "max": lambda: [f"max({value}){covered}"],
        "first": lambda: [f"arg_min({value}, {place}){covered}"],
        "last": lambda: [f"arg_max({value}, {place}){covered}"],
        "distinct": lambda: [f"count(DISTINCT {value}){covered}"],
        "since_first": lambda: [f"any_value(d.time) - min(e.time){covered}"],
        "since_last": lambda: [f"any_value(d.time) - max(e.time){covered}"],
    }[feature.aggregator]()


def query(pack, deciding, features):
    """One SELECT for features of one entity, event type and delay."""
    first = features[0]
    key = pack.key_field[first.entity]
    listed = [column for feature in features for column in columns_of(pack, feature)]
    return (f"SELECT d.id, {', '.join(listed)} FROM {table_name(deciding)} d LEFT JOIN {table_name(first.event)} e "
            f"ON e.f_{key} = d.f_{key} AND e.time <= d.time - {first.delay_ns} AND e.seq <= d.seq GROUP BY d.id, d.seq "
            f"ORDER BY d.seq")


def root34(numerator, denominator):
    """The square root of a fraction, correctly rounded (half even) to 34 digits."""
    if numerator == 0:
        return decimal.Decimal(0)
    # Scale by 10^(2k) so that the integer root has at least 34 digits and two more; the rest of the root decides the last.
    k = max(0, 38 - (len(str(numerator)) - len(str(denominator))) // 2)
    scaled, rest = divmod(numerator * 10 ** (2 * k), denominator)
    root = math.isqrt(scaled)
    exact = rest == 0 and root * root == scaled
    wide = decimal.Context(prec=200)
    tail = root * 10 + (0 if exact else 1)  # a digit that only says that something follows
    return feel_subset.CONTEXT.plus(wide.scaleb(decimal.Decimal(tail), -k - 1))


def finish(feature, digits, kind, parts):
    """The value of a slot from its aggregates: None, int, Decimal, str, bool or ("ns", int)."""
    name = feature.aggregator
    if name in ("count", "distinct"):
        return parts[0] or 0
    if name == "sum" and parts[0] is None:
        parts = [0]
    if parts[0] is None:
        return None
    if name in ("since_first", "since_last"):
        return ("ns", parts[0])
    if name in ("mean", "variance", "stddev"):
        total, count = int(parts[0]), parts[1]
        if name == "mean":
            return feel_subset.CONTEXT.divide(decimal.Decimal(total), decimal.Decimal(count * 10**digits))
        if count < 2:
            return None
        numerator = count * int(parts[2]) - total * total
        denominator = count * (count - 1) * 10 ** (2 * digits)
        if name == "stddev":
            return root34(numerator, denominator)
        return feel_subset.CONTEXT.divide(decimal.Decimal(numerator), decimal.Decimal(denominator))
    if kind == "bool":
        return bool(parts[0])
    if digits is None:
        return parts[0]
    if kind == "duration":
        return ("ns", int(parts[0]))
    return int(parts[0]) if digits == 0 else decimal.Decimal(int(parts[0])).scaleb(-digits)


def compute(pack_folder, events_path):
    """{event id: {slot: value}} for every event that asks for a decision: features, the event's own numbers, derived."""
    pack = Pack(pack_folder)
    connection = duckdb.connect()
    connection.execute("SET threads = 2")
    load_events(connection, pack, events_path)
    groups = {}
    for feature in features_of(pack):
        groups.setdefault((feature.entity, feature.event, feature.delay_ns), []).append(feature)
    result = {}
    for deciding in pack.deciding:
        fields = pack.fields[deciding]
        listed = ", ".join(f"f_{name}" for name in fields)
        for row in connection.execute(f"SELECT id, {listed} FROM {table_name(deciding)} ORDER BY seq").fetchall():
            slots = result.setdefault(row[0], {})
            for (name, field), value in zip(fields.items(), row[1:]):
                number = field.digits and value is not None
                slots[name] = decimal.Decimal(value).scaleb(-field.digits) if number else value
        for (entity, _, _), features in groups.items():
            if pack.key_field[entity] not in fields:
                continue
            for row in connection.execute(query(pack, deciding, features)).fetchall():
                at = 1
                for feature in features:
                    count = len(columns_of(pack, feature))
                    _, digits, kind = argument_of(pack, feature)
                    result[row[0]][feature.name] = finish(feature, digits, kind, row[at:at + count])
                    at += count
    for slots in result.values():
        add_derived(pack, slots)
    return result


def add_derived(pack, slots):
    trees = {name: feel_subset.parse(text) for name, text in pack.derived.items()}

    def value(name):
        if name not in slots:
            slots[name] = feel_subset.evaluate(trees[name], value)
        found = slots[name]
        if isinstance(found, tuple):
            raise ValueError(f"{name} is a duration, which the covered part of FEEL leaves out")
        return found

    for name in trees:
        value(name)


def text_of(value):
    """As the decision output writes it."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, tuple):
        return f"{value[1]}ns"
    if isinstance(value, int):
        return str(value)
    plain = format(value, "f")
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return "0" if plain in ("", "-0") else plain


def main():
    if len(sys.argv) not in (3, 4):
        print(__doc__.split("\n\n")[1], file=sys.stderr)
        return 2
    computed = compute(sys.argv[1], sys.argv[2])
    out = open(sys.argv[3], "w", encoding="utf-8") if len(sys.argv) == 4 else sys.stdout
    for event, slots in computed.items():
        print(json.dumps({"event": event, "slots": {name: text_of(slots[name]) for name in sorted(slots)}}), file=out)
    if out is not sys.stdout:
        out.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
