#include "src/feature/statistics.h"

#include <compare>
#include <optional>

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
// With |cells| <= 2^63 and n < 2^63 the numerator is below 2^254.
using Wide = WideUInt<7>;
struct Ratio {
  Wide numerator;
  UInt128 denominator = 1;
};

Ratio VarianceRatio(int64_t count, Int128 sum, const UInt192& squares) {
  CREDENCE_ASSERT(count >= 2);
  const UInt128 magnitude =
      sum < 0 ? UInt128{0} - static_cast<UInt128>(sum) : static_cast<UInt128>(sum);
  Ratio ratio;
  ratio.numerator = Wide::From(squares.low);
  ratio.numerator.words[2] = squares.high;
  ratio.numerator.Multiply(static_cast<uint64_t>(count));
  ratio.numerator.Subtract(Wide::From(magnitude).Times(magnitude));
  ratio.denominator = static_cast<UInt128>(count) * static_cast<UInt128>(count - 1);
  return ratio;
}

bool FitsDecimal(const Wide& value) { return value < Wide::From(kTooMany); }

UInt128 LowWords(const Wide& value) {
  return (static_cast<UInt128>(value.words[1]) << 64) | value.words[0];
}

// value x 10^exponent, near enough (a few units in the 34th digit).
Decimal Approximate(const Wide& value) {
  Decimal sum = Decimal::FromInt64(0);
  const Decimal base = Decimal::FromScaled(static_cast<Int128>(UInt128{1} << 64), 0);
  for (size_t i = value.words.size(); i-- > 0;) {
    sum = sum * base + Decimal::FromScaled(static_cast<Int128>(value.words[i]), 0);
  }
  return sum;
}

// The positive number as coefficient x 10^-places with a coefficient of exactly 34 digits.
struct Digits {
  UInt128 coefficient = 0;
  int places = 0;
};

Digits DigitsOf(Decimal number) {
  // A double finds the magnitude to within one; the digits themselves are exact.
  double rest = number.ToDouble();
  int magnitude = 0;
  for (; rest >= 1e8; rest /= 1e8) magnitude += 8;
  for (; rest >= 10; rest /= 10) ++magnitude;
  for (; rest < 1; rest *= 10) --magnitude;
  for (int places : {kDigits - 1 - magnitude, kDigits - 2 - magnitude, kDigits - magnitude}) {
    const std::optional<Int128> coefficient = number.ToScaled(places);
    if (!coefficient) continue;
    const auto digits = static_cast<UInt128>(*coefficient);
    if (digits >= kLeast && digits < kTooMany) return {digits, places};
  }
  CREDENCE_UNREACHABLE();
}

// `left` x 10^places against `right`.
std::strong_ordering CompareScaled(Wide left, int places, Wide right) {
  if (places >= 0) {
    left.MultiplyByPowerOfTen(places);
  } else {
    right.MultiplyByPowerOfTen(-places);
  }
  return left <=> right;
}

// Moves an estimate to the nearest integer. `versus_half(c)` orders the true value against c + 1/2.
template <class VersusHalf>
UInt128 Nearest(UInt128 estimate, const VersusHalf& versus_half) {
  for (;;) {
    const std::strong_ordering above = versus_half(estimate);
    if (above > 0 || (above == 0 && estimate % 2 != 0)) {
      ++estimate;
      continue;
    }
    const std::strong_ordering below = versus_half(estimate - 1);
    if (below < 0 || (below == 0 && estimate % 2 != 0)) {
      --estimate;
      continue;
    }
    return estimate;
  }
}

// The decimal nearest to the true value, from an estimate that is off by a few units in the last
// digit. `versus_half(c, places)` orders the true value against (c + 1/2) x 10^-places. Around a
// power of ten the spacing of the 34-digit numbers changes: there the finer one is tried first.
template <class VersusHalf>
Decimal NearestDecimal(Digits estimate, int scale, const VersusHalf& versus_half) {
  if (estimate.coefficient - kLeast < 16) {
    estimate.coefficient = kTooMany;
    ++estimate.places;
  }
  UInt128 coefficient =
      Nearest(estimate.coefficient, [&](UInt128 c) { return versus_half(c, estimate.places); });
  if (coefficient > kTooMany) {
    --estimate.places;
    coefficient = Nearest(kLeast, [&](UInt128 c) { return versus_half(c, estimate.places); });
  }
  return Decimal::FromScaled(static_cast<Int128>(coefficient), -estimate.places - scale);
}

}  // namespace

Decimal Mean(int64_t count, Int128 sum, int scale) {
  CREDENCE_ASSERT(count >= 1);
  return Decimal::FromScaled(sum, -scale) / Decimal::FromInt64(count);
}

Decimal Variance(int64_t count, Int128 sum, const UInt192& squares, int scale) {
  const Ratio ratio = VarianceRatio(count, sum, squares);
  if (ratio.numerator.IsZero()) return Decimal::FromInt64(0);
  if (FitsDecimal(ratio.numerator) && ratio.denominator < kTooMany) {
    // Both are exact decimals, so the division is the only rounding.
    return Decimal::FromScaled(static_cast<Int128>(LowWords(ratio.numerator)), -2 * scale) /
           Decimal::FromScaled(static_cast<Int128>(ratio.denominator), 0);
  }
  const Digits estimate =
      DigitsOf(Approximate(ratio.numerator) / Approximate(Wide::From(ratio.denominator)));
  Wide doubled = ratio.numerator;
  doubled.Multiply(2);
  return NearestDecimal(estimate, 2 * scale, [&](UInt128 c, int places) {
    return CompareScaled(doubled, places, Wide::From(2 * c + 1).Times(ratio.denominator));
  });
}

Decimal StandardDeviation(int64_t count, Int128 sum, const UInt192& squares, int scale) {
  const Ratio ratio = VarianceRatio(count, sum, squares);
  if (ratio.numerator.IsZero()) return Decimal::FromInt64(0);
  const Decimal numerator =
      FitsDecimal(ratio.numerator)
          ? Decimal::FromScaled(static_cast<Int128>(LowWords(ratio.numerator)), 0)
          : Approximate(ratio.numerator);
  const Decimal denominator = ratio.denominator < kTooMany
                                  ? Decimal::FromScaled(static_cast<Int128>(ratio.denominator), 0)
                                  : Approximate(Wide::From(ratio.denominator));
  // The root of a rounded quotient may be off by one in its last digit: compare with the exact
  // ratio.
  const Digits estimate = DigitsOf((numerator / denominator).SquareRoot());
  Wide quadrupled = ratio.numerator;
  quadrupled.Multiply(4);
  return NearestDecimal(estimate, scale, [&](UInt128 c, int places) {
    const UInt128 odd = 2 * c + 1;
    return CompareScaled(quadrupled, 2 * places,
                         Wide::From(odd).Times(odd).Times(ratio.denominator));
  });
}

}  // namespace credence::feature
