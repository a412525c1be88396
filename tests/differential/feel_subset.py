"""The part of FEEL that packs use in `where`, arguments and derived features, parsed here once more and turned into SQL
or evaluated in Python decimals of 34 digits. It shares nothing with the engine's own FEEL.

Covered: numbers, strings, true, false, null, dotted names, + - * /, unary minus, comparisons, and, or, not(), if then
else, min(), max(), abs(), parentheses. Null follows DMN 1.5: arithmetic and order
with null give null; = and != compare null as a value; and/or are three-valued; if takes else unless the condition is true.
"""

import decimal
import re

CONTEXT = decimal.Context(prec=34, rounding=decimal.ROUND_HALF_EVEN, Emin=-6143, Emax=6144)
TOKEN = re.compile(r'\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<string>"[^"\\]*")|(?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*)'
                   r'|(?P<sign><=|>=|!=|[-+*/<>=(),]))')
RESERVED = {"and", "or", "if", "then", "else", "true", "false", "null"}


def tokens(text):
    made = []
    at = 0
    while at < len(text.rstrip()):
        match = TOKEN.match(text, at)
        if not match:
            raise ValueError(f"not in the covered part of FEEL: {text[at:]!r}")
        kind = match.lastgroup
        made.append((kind, match.group(kind)))
        at = match.end()
    return made


class Parser:
    """Text to a tree of tuples: ("number", Decimal), ("string", s), ("name", n), ("null",), ("bool", b), ("call", f, args),
    ("if", c, a, b), ("negate", x), (operator, left, right)."""

    def __init__(self, text):
        self.tokens = tokens(text)
        self.at = 0

    def parse(self):
        tree = self.expression()
        if self.at != len(self.tokens):
            raise ValueError(f"not in the covered part of FEEL: {self.tokens[self.at:]}")
        return tree

    def take(self, *texts):
        if self.at < len(self.tokens) and self.tokens[self.at][0] != "string" and self.tokens[self.at][1] in texts:
            self.at += 1
            return self.tokens[self.at - 1][1]
        return None

    def need(self, text):
        if not self.take(text):
            raise ValueError(f"expected {text!r}")

    def expression(self):
        if self.take("if"):
            condition = self.expression()
            self.need("then")
            yes = self.expression()
            self.need("else")
            return ("if", condition, yes, self.expression())
        return self.chain(("or",), lambda: self.chain(("and",), self.comparison))

    def chain(self, operators, below):
        tree = below()
        while operator := self.take(*operators):
            tree = (operator, tree, below())
        return tree

    def comparison(self):
        left = self.sum()
        operator = self.take("=", "!=", "<", "<=", ">", ">=")
        return (operator, left, self.sum()) if operator else left

    def sum(self):
        return self.chain(("+", "-"), lambda: self.chain(("*", "/"), self.unary))

    def unary(self):
        if self.take("-"):
            return ("negate", self.unary())
        return self.primary()

    def primary(self):
        if self.take("("):
            tree = self.expression()
            self.need(")")
            return tree
        kind, text = self.tokens[self.at]
        self.at += 1
        if kind == "number":
            return ("number", decimal.Decimal(text))
        if kind == "string":
            return ("string", text[1:-1])
        if kind != "name":
            raise ValueError(f"unexpected {text!r}")
        if text in ("true", "false"):
            return ("bool", text == "true")
        if text == "null":
            return ("null",)
        if text in RESERVED:
            raise ValueError(f"unexpected {text!r}")
        if not self.take("("):
            return ("name", text)
        arguments = [self.expression()]
        while self.take(","):
            arguments.append(self.expression())
        self.need(")")
        return ("call", text, arguments)


def parse(text):
    return Parser(text).parse()


def names(tree):
    """All names that a tree reads."""
    if tree[0] == "name":
        return {tree[1]}
    found = set()
    for part in tree[1:]:
        for item in part if isinstance(part, list) else [part]:
            if isinstance(item, tuple):
                found |= names(item)
    return found


def to_sql(tree, column, scale):
    """SQL over integer columns. `column(name)` is (SQL, digits after the point, or None for what is no number); the value
    of a numeric tree has `scale` digits after the point, like every number compared inside it."""
    kind = tree[0]
    if kind == "number":
        shifted = tree[1].scaleb(scale)
        if shifted != shifted.to_integral_value():
            raise ValueError(f"{tree[1]} has more digits than the field that it meets")
        return f"{int(shifted)}::HUGEINT"
    if kind == "string":
        return "'" + tree[1].replace("'", "''") + "'"
    if kind == "bool":
        return "TRUE" if tree[1] else "FALSE"
    if kind == "null":
        return "NULL"
    if kind == "name":
        sql, digits = column(tree[1])
        return sql if digits is None else f"({sql}::HUGEINT * {10 ** (scale - digits)})"
    if kind == "negate":
        return f"(-{to_sql(tree[1], column, scale)})"
    if kind == "if":
        condition, yes, no = (to_sql(part, column, scale) for part in tree[1:])
        return f"(CASE WHEN {condition} THEN {yes} ELSE {no} END)"
    if kind in ("and", "or", "+", "-", "<", "<=", ">", ">=", "=", "!="):
        left, right = (to_sql(part, column, scale) for part in tree[1:])
        operator = {"=": "IS NOT DISTINCT FROM", "!=": "IS DISTINCT FROM"}.get(kind, kind.upper())
        return f"({left} {operator} {right})"
    raise ValueError(f"{kind} has no SQL here")


def evaluate(tree, value):
    """The value as None, bool, str, int or Decimal; `value(name)` gives those of names."""
    kind = tree[0]
    if kind in ("number", "string", "bool"):
        return tree[1]
    if kind == "null":
        return None
    if kind == "name":
        return value(tree[1])
    if kind == "if":
        return evaluate(tree[2] if evaluate(tree[1], value) is True else tree[3], value)
    if kind == "negate":
        inner = evaluate(tree[1], value)
        return None if inner is None else CONTEXT.minus(decimal.Decimal(inner))
    if kind == "call":
        return call(tree[1], [evaluate(part, value) for part in tree[2]])
    left, right = (evaluate(part, value) for part in tree[1:])
    if kind in ("and", "or"):
        decisive = kind == "or"
        if left is decisive or right is decisive:
            return decisive
        return None if left is None or right is None else not decisive
    if kind in ("=", "!="):
        return (left == right) == (kind == "=")
    if left is None or right is None:
        return None
    if kind in ("<", "<=", ">", ">="):
        return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[kind]
    left, right = decimal.Decimal(left), decimal.Decimal(right)
    if kind == "/":
        return None if right == 0 else CONTEXT.divide(left, right)
    return {"+": CONTEXT.add, "-": CONTEXT.subtract, "*": CONTEXT.multiply}[kind](left, right)


def call(function, arguments):
    if function == "not":
        return None if arguments[0] is None else not arguments[0]
    if any(argument is None for argument in arguments):
        return None
    if function in ("min", "max"):
        return (min if function == "min" else max)(decimal.Decimal(argument) for argument in arguments)
    if function == "abs":
        return CONTEXT.abs(decimal.Decimal(arguments[0]))
    raise ValueError(f"the function {function} is not covered")
