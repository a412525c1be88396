#include "src/feature/statistics.h"

#include <algorithm>
#include <array>
#include <bit>
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

// ---- the root of a short ratio: a numerator of 128 bits, a denominator of 64

constexpr int kTensMin = -12;
constexpr double kTens[] = {
    1e-12, 1e-11, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1e0,  1e1,  1e2,
    1e3,   1e4,   1e5,   1e6,  1e7,  1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
    1e18,  1e19,  1e20,  1e21, 1e22, 1e23, 1e24, 1e25, 1e26, 1e27, 1e28, 1e29, 1e30, 1e31, 1e32,
    1e33,  1e34,  1e35,  1e36, 1e37, 1e38, 1e39, 1e40, 1e41, 1e42, 1e43, 1e44, 1e45,
};
double Ten(int exponent) { return kTens[exponent - kTensMin]; }

// Of 320 bits, least significant first, modulo 2^320.
using Words = std::array<uint64_t, 5>;

constexpr Words Product(const Words& words, uint64_t factor) {
  Words product{};
  uint64_t carry = 0;
#pragma GCC unroll 5
  for (size_t i = 0; i < words.size(); ++i) {
    const UInt128 part = static_cast<UInt128>(words[i]) * factor + carry;
    product[i] = static_cast<uint64_t>(part);
    carry = static_cast<uint64_t>(part >> 64);
  }
  return product;
}

// A root of 34 digits has kPlacesMin to kPlacesMax places, one more or less where it is tried.
constexpr int kPlacesMin = 13;
constexpr int kPlacesMax = 45;
constexpr std::array<Words, kPlacesMax - kPlacesMin + 1> kSquaredTens = [] {
  std::array<Words, kPlacesMax - kPlacesMin + 1> powers{};
  Words power{1};
  for (int places = 0; places <= kPlacesMax; ++places) {
    if (places >= kPlacesMin) powers[static_cast<size_t>(places - kPlacesMin)] = power;
    power = Product(power, 100);
  }
  return powers;
}();

double ToDouble(UInt128 value) {
  return static_cast<double>(static_cast<uint64_t>(value >> 64)) * 0x1p64 +
         static_cast<double>(static_cast<uint64_t>(value));
}

// Of a number that is at least 2^53.
UInt128 ToInteger(double value) {
  const auto bits = std::bit_cast<uint64_t>(value);
  const uint64_t mantissa = (bits & ((uint64_t{1} << 52) - 1)) | (uint64_t{1} << 52);
  return static_cast<UInt128>(mantissa) << ((bits >> 52) - 1075);
}

class ShortRoot {
 public:
  ShortRoot(UInt128 numerator, uint64_t denominator)
      : numerator_(numerator),
        denominator_(denominator),
        estimate_(__builtin_sqrt(ToDouble(numerator) / static_cast<double>(denominator))) {}

  [[nodiscard]] Decimal Nearest(int scale) const {
    // Doubles only find where to look: a neighbour's places are tried beside a power of ten, where
    // the spacing of the 34-digit numbers changes. There the finer one is right if it is one.
    const int binary = static_cast<int>(std::bit_cast<uint64_t>(estimate_) >> 52) - 1023;
    int exponent = (binary * 1233) >> 12;
    if (estimate_ >= Ten(exponent + 1)) ++exponent;
    int places = kDigits - 1 - exponent;
    UInt128 coefficient = NearestAt(places);
    if (coefficient > kTooMany) {
      coefficient = NearestAt(--places);
    } else if (coefficient <= kLeast) {
      const UInt128 finer = NearestAt(places + 1);
      if (finer <= kTooMany) {
        coefficient = finer;
        ++places;
      }
    }
    return Decimal::FromScaled(static_cast<Int128>(coefficient), -places - scale);
  }

 private:
  // The integer nearest to the root x 10^places, ties to even.
  [[nodiscard]] UInt128 NearestAt(int places) const {
    const Words& tens = kSquaredTens[static_cast<size_t>(places - kPlacesMin)];
    Words target = Product(tens, static_cast<uint64_t>(numerator_));
    const auto high = static_cast<uint64_t>(numerator_ >> 64);
    if (high != 0) {
      Words upper = Product(tens, high);
      std::shift_right(upper.begin(), upper.end(), 1);
      upper[0] = 0;
      Add(&target, upper);
    }
    const double root = estimate_ * Ten(places);
    const double slope = 2 * root * static_cast<double>(denominator_);
    UInt128 c = ToInteger(root);
    for (;;) {
      // denominator x c^2 = numerator x 10^(2 places), less what is left
      Words left = target;
      const bool negative = Subtract(&left, Product(Square(c), denominator_));
      if (negative) Negate(&left);
      // More than the three first words does not show in a double.
      size_t top = left.size() - 1;
      while (top > 1 && left[top] == 0) --top;
      double by = static_cast<double>(left[top]) * 0x1p64 + static_cast<double>(left[top - 1]);
      if (top > 1) by = by * 0x1p64 + static_cast<double>(left[top - 2]);
      for (size_t i = top > 1 ? top - 2 : 0; i > 0; --i) by *= 0x1p64;
      by /= slope;
      if (by < 1) return Rounded(c, left, negative);
      // Cut: what is less than one is found at the end.
      const auto step = static_cast<uint64_t>(by);
      c = negative ? c - step : c + step;
    }
  }

  // (c + 1/2)^2 = c^2 + c + 1/4 and (c - 1/2)^2 = c^2 - (c - 1/4), all times four.
  [[nodiscard]] UInt128 Rounded(UInt128 c, const Words& left, bool negative) const {
    const UInt128 half = negative ? 4 * c - 1 : 4 * c + 1;
    const Words step =
        Product({static_cast<uint64_t>(half), static_cast<uint64_t>(half >> 64)}, denominator_);
    const Words fourfold = Product(left, 4);
    const bool tie = fourfold == step;
    if (tie ? c % 2 == 0
            : std::lexicographical_compare(fourfold.rbegin(), fourfold.rend(), step.rbegin(),
                                           step.rend())) {
      return c;
    }
    return negative ? c - 1 : c + 1;
  }

  static Words Square(UInt128 value) {
    const auto low = static_cast<uint64_t>(value);
    const auto high = static_cast<uint64_t>(value >> 64);
    const UInt128 bottom = static_cast<UInt128>(low) * low;
    const UInt128 middle = static_cast<UInt128>(low) * high;  // twice
    UInt128 top = static_cast<UInt128>(high) * high + (middle >> 63);
    const UInt128 shifted = middle << 65;
    const UInt128 sum = bottom + shifted;
    if (sum < bottom) ++top;
    return {static_cast<uint64_t>(sum), static_cast<uint64_t>(sum >> 64),
            static_cast<uint64_t>(top), static_cast<uint64_t>(top >> 64)};
  }
  static void Add(Words* to, const Words& other) {
    uint64_t carry = 0;
    for (size_t i = 0; i < to->size(); ++i) {
      const UInt128 sum = static_cast<UInt128>((*to)[i]) + other[i] + carry;
      (*to)[i] = static_cast<uint64_t>(sum);
      carry = static_cast<uint64_t>(sum >> 64);
    }
  }
  // True if the difference is negative.
  static bool Subtract(Words* from, const Words& other) {
    uint64_t borrow = 0;
#pragma GCC unroll 5
    for (size_t i = 0; i < from->size(); ++i) {
      const UInt128 difference = static_cast<UInt128>((*from)[i]) - other[i] - borrow;
      (*from)[i] = static_cast<uint64_t>(difference);
      borrow = static_cast<uint64_t>(difference >> 64) & 1;
    }
    return borrow != 0;
  }
  static void Negate(Words* words) {
    Words zero{};
    Subtract(&zero, *words);
    *words = zero;
  }

  const UInt128 numerator_;
  const uint64_t denominator_;
  const double estimate_;
};

}  // namespace

Decimal Mean(int64_t count, Int128 sum, int scale) {
  CREDENCE_ASSERT(count >= 1);
  if (const auto narrow = static_cast<int64_t>(sum); narrow == sum && narrow % count == 0) {
    return Decimal::FromScaled(narrow / count, -scale);
  }
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
  CREDENCE_ASSERT(count >= 2);
  if (count >> 32 == 0 && squares.high == 0 && squares.low >> 96 == 0) {
    // No product below has more than 128 bits: sum^2 <= count x squares.
    const auto n = static_cast<uint64_t>(count);
    const UInt128 numerator =
        squares.low * n - static_cast<UInt128>(sum) * static_cast<UInt128>(sum);
    if (numerator == 0) return Decimal::FromInt64(0);
    return ShortRoot(numerator, n * (n - 1)).Nearest(scale);
  }
  return WideStandardDeviation(count, sum, squares, scale);
}

Decimal WideStandardDeviation(int64_t count, Int128 sum, const UInt192& squares, int scale) {
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
