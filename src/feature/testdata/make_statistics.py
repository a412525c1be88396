#!/usr/bin/env python3
"""Writes statistics.csv: exact sums with the decimal128 number nearest to their variance and deviation.

Integers only: the true value is a fraction, and the nearest 34-digit number (half even) is found by division with
remainder and by the integer square root.
"""
import math
import random

DIGITS = 34


def half_even(quotient, exact, half_is_exact, above_half):
    if above_half or (half_is_exact and not exact and quotient % 2 == 1):
        return quotient + 1
    return quotient


def nearest_quotient(n, d):
    """(coefficient, exponent) of n / d."""
    if n == 0:
        return 0, 0
    k = DIGITS - (len(str(n)) - len(str(d)))
    while True:
        up, down = (10**k, 1) if k >= 0 else (1, 10**-k)
        q, r = divmod(n * up, d * down)
        if q >= 10**DIGITS:
            k -= 1
            continue
        if q < 10 ** (DIGITS - 1):
            k += 1
            continue
        twice = 2 * r - d * down
        return half_even(q, r == 0, twice == 0, twice > 0), -k


def nearest_root(n, d):
    if n == 0:
        return 0, 0
    k = DIGITS
    while True:
        up, down = (10 ** (2 * k), 1) if k >= 0 else (1, 10 ** (-2 * k))
        q = math.isqrt(n * up // (d * down))
        if q >= 10**DIGITS:
            k -= 1
            continue
        if q < 10 ** (DIGITS - 1):
            k += 1
            continue
        left = 4 * n * up
        right = (2 * q + 1) ** 2 * d * down
        return half_even(q, q * q * d * down == n * up, left == right, left > right), -k


def plain(coefficient, exponent):
    return f"{coefficient}e{exponent}"


def row(cells, scale):
    n = len(cells)
    s = sum(cells)
    q = sum(c * c for c in cells)
    return from_sums(n, s, q, scale)


def from_sums(n, s, q, scale):
    numerator, denominator = n * q - s * s, n * (n - 1)
    vc, ve = nearest_quotient(numerator, denominator)
    rc, re = nearest_root(numerator, denominator)
    return f"{n},{s},{q},{scale},{plain(vc, ve - 2 * scale)},{plain(rc, re - scale)}"


def main():
    rng = random.Random(20240229)
    rows = [row([5, 5], 0), row([0, 1], 2), row([-1, 1], 12), row([3, 3, 3], 2), row([1, 2, 3, 4], 0)]
    top = 2**63 - 1
    rows += [row([top, -top - 1], 0), row([top] * 40 + [-top - 1], 2), row([top, top - 1], 12)]
    for digits in (1, 2, 5, 9, 12, 15, 17, 18):
        for _ in range(14):
            size = rng.choice((2, 3, 7, 50, 129))
            rows.append(row([rng.randint(-(10**digits), 10**digits) for _ in range(size)], rng.randint(0, 12)))
    # Ties of the variance: (a - b)^2 / 2 with 38 digits, of which the last four are 5000.
    for _ in range(20):
        j = rng.randrange(45 * 10**15, 91 * 10**15) | 1
        rows.append(row([50 * j, -50 * j], 0))
    # Around powers of ten, where the spacing of the decimals changes.
    for digits in range(4, 18):
        for off in (-1, 0, 1):
            rows.append(row([10**digits + off, 0, 0, 0], 0))
            rows.append(row([10**digits + off, -(10**digits) - off, 0], 2))
    # Very many events.
    for _ in range(40):
        n = rng.randrange(2, 10**rng.randint(3, 12))
        mean = rng.randint(-(10**17), 10**17)
        spread = rng.randint(1, 10**17)
        rows.append(from_sums(n, n * mean, n * (mean * mean + spread * spread), rng.randint(0, 6)))
    with open("statistics.csv", "w", encoding="ascii") as out:
        out.write("count,sum,squares,scale,variance,stddev\n")
        out.writelines(r + "\n" for r in rows)


if __name__ == "__main__":
    main()
