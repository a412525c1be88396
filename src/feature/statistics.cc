#include "src/feature/statistics.h"

#include <compare>

#include "src/base/assert.h"

namespace credence::feature {
namespace {

constexpr int kDigits = Decimal::kDigitsMax;

constexpr UInt128 PowerOfTen(int exponent) {
  UInt128 power = 1;
  for (; exponent > 0; --exponent) power *= 10;
  return power;
}
constexpr UInt128 kLeast = PowerOfTen(kDigits - 1);  // 34 digits begin here
constexpr UInt128 kTooMany = PowerOfTen(kDigits);    // and end before this

// Numerator and denominator of the variance of the cells: (n * squares - sum^2) / (n * (n - 1)).
// With |cells| <= 2^63 and n < 2^63 the numerator is below 2^254. The widest number met is a
// product of the denominator, a square of 34 digits and a power of ten: below 2^448.
using Wide = WideUInt<8>;
struct Ratio {
  Wide numerator;
  UInt128 denominator = 1;
};

Ratio VarianceRatio(int64_t count, Int128 sum, const UInt192& squares) {
  CREDENCE_ASSERT(count >= 2);
  const UInt128 magnitude =
      sum < 0 ? UInt128{0} - static_cast<UInt128>(sum) : static_cast<UInt128>(sum);
  Ratio ratio{Wide(squares), 1};
  ratio.numerator.Multiply(static_cast<uint64_t>(count));
  ratio.numerator.Subtract(Wide::Square(magnitude));
  ratio.denominator = static_cast<UInt128>(count) * static_cast<UInt128>(count - 1);
  return ratio;
}

// A number as coefficient x 10^-places with 34 digits, of which a double's are right. Doubles only
// find where to look: what is found is compared exactly.
struct Digits {
  UInt128 coefficient = 0;
  int places = 0;
};

Digits DigitsOf(double number) {
  Digits digits;
  for (; number >= 1e34; number /= 10) --digits.places;
  for (; number < 1e25; number *= 1e8) digits.places += 8;
  for (; number < 1e33; number *= 10) ++digits.places;
  digits.coefficient = static_cast<UInt128>(number);
  return digits;
}

// left - right, exactly.
struct Residual {
  Wide magnitude;
  bool negative = false;

  static Residual Of(const Wide& left, const Wide& right) {
    const bool negative = left < right;
    Residual residual{negative ? right : left, negative};
    residual.magnitude.Subtract(negative ? left : right);
    return residual;
  }
  [[nodiscard]] double ToDouble() const {
    return negative ? -magnitude.ToDouble() : magnitude.ToDouble();
  }
};

// The decimal nearest to a true value, from a double's estimate of it. Beside a power of ten the
// spacing of the 34-digit numbers changes: there the finer one is tried first.
template <class NearestAt>
Decimal NearestDecimal(double estimate, int scale, const NearestAt& nearest) {
  Digits digits = DigitsOf(estimate);
  if (digits.coefficient < kLeast + kLeast / 1'000'000) {
    digits.coefficient *= 10;
    ++digits.places;
  }
  UInt128 coefficient = nearest(digits.coefficient, digits.places);
  if (coefficient > kTooMany) {
    --digits.places;
    coefficient = nearest(coefficient / 10, digits.places);
  }
  return Decimal::FromScaled(static_cast<Int128>(coefficient), -digits.places - scale);
}

// Newton's steps: from a double's 53 bits to an integer c whose correction is below one.
// `residual(c)` is positive where c is too small; `slope` is its change for one unit of c.
template <class ResidualAt, class SlopeAt>
Residual Refine(UInt128* coefficient, const ResidualAt& residual_at, const SlopeAt& slope) {
  for (;;) {
    Residual residual = residual_at(*coefficient);
    const double by = residual.ToDouble() / slope(*coefficient);
    if (by < 1 && by > -1) return residual;
    *coefficient += static_cast<UInt128>(static_cast<Int128>(by));
  }
}

// From c with |true value - c| < 1 or so to the nearest integer, ties to even. `residual` is twice
// (or four times) what is left at c, `up` and `down` the same measure of half a step up and down.
UInt128 RoundTo(UInt128 c, const Residual& residual, const Wide& up, const Wide& down) {
  const bool odd = c % 2 != 0;
  const std::strong_ordering beyond = residual.magnitude <=> (residual.negative ? down : up);
  if (beyond < 0 || (beyond == 0 && !odd)) return c;
  return residual.negative ? c - 1 : c + 1;
}

}  // namespace

Decimal Mean(int64_t count, Int128 sum, int scale) {
  CREDENCE_ASSERT(count >= 1);
  return Decimal::FromScaled(sum, -scale) / Decimal::FromInt64(count);
}

Decimal Variance(int64_t count, Int128 sum, const UInt192& squares, int scale) {
  const Ratio ratio = VarianceRatio(count, sum, squares);
  if (ratio.numerator.IsZero()) return Decimal::FromInt64(0);
  if (ratio.numerator.Fits128() && ratio.numerator.Low128() < kTooMany &&
      ratio.denominator < kTooMany) {
    // Both are exact decimals, so the division is the only rounding.
    return Decimal::FromScaled(static_cast<Int128>(ratio.numerator.Low128()), -2 * scale) /
           Decimal::FromScaled(static_cast<Int128>(ratio.denominator), 0);
  }
  const double variance = ratio.numerator.ToDouble() / Wide(ratio.denominator).ToDouble();
  return NearestDecimal(variance, 2 * scale, [&](UInt128 c, int places) {
    // numerator x 10^places = denominator x c
    Wide left = ratio.numerator;
    Wide factor = Wide(ratio.denominator);
    left.MultiplyByPowerOfTen(places);
    factor.MultiplyByPowerOfTen(-places);
    Residual residual = Refine(
        &c, [&](UInt128 at) { return Residual::Of(left, factor.Times(at)); },
        [&](UInt128) { return factor.ToDouble(); });
    residual.magnitude.Multiply(2);
    return RoundTo(c, residual, factor, factor);
  });
}

Decimal StandardDeviation(int64_t count, Int128 sum, const UInt192& squares, int scale) {
  const Ratio ratio = VarianceRatio(count, sum, squares);
  if (ratio.numerator.IsZero()) return Decimal::FromInt64(0);
  const double variance = ratio.numerator.ToDouble() / Wide(ratio.denominator).ToDouble();
  return NearestDecimal(__builtin_sqrt(variance), scale, [&](UInt128 c, int places) {
    // numerator x 10^(2 places) = denominator x c^2
    Wide left = ratio.numerator;
    left.MultiplyByPowerOfTen(2 * places);
    const auto right = [&](const Wide& value) {
      Wide product = value.Times(ratio.denominator);
      product.MultiplyByPowerOfTen(-2 * places);
      return product;
    };
    const double denominator = right(Wide(UInt128{1})).ToDouble();
    Residual residual = Refine(
        &c, [&](UInt128 at) { return Residual::Of(left, right(Wide::Square(at))); },
        [&](UInt128 at) { return 2 * static_cast<double>(at) * denominator; });
    // (c + 1/2)^2 = c^2 + c + 1/4 and (c - 1/2)^2 = c^2 - (c - 1/4), all times four.
    residual.magnitude.Multiply(4);
    return RoundTo(c, residual, right(Wide(4 * c + 1)), right(Wide(4 * c - 1)));
  });
}

}  // namespace credence::feature
