// Exp, Log and Power. The library's own are within 3 units of the 34th digit for exp and log, but
// lose a digit for every decade of the exponent in pow; here everything is computed with 256 bits
// after the point and rounded once. Integer operations only, so the bits are the same everywhere.

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <optional>

#include "src/base/assert.h"
#include "src/money/decimal.h"
#include "src/money/decimal_bid.h"

namespace credence {

using decimal_bid::CountDigits;
using decimal_bid::PackRounded;
using Access = DecimalAccess;

namespace {

constexpr size_t kFractionLimbs = 4;

// A non-negative integer of 12 limbs, least significant first; or, with four limbs after the point,
// a fixed-point number.
struct Wide {
  std::array<uint64_t, 12> limb{};

  void MultiplySmall(uint64_t factor) {
    UInt128 carry = 0;
    for (uint64_t& word : limb) {
      carry += static_cast<UInt128>(word) * factor;
      word = static_cast<uint64_t>(carry);
      carry >>= 64;
    }
  }
  constexpr void DivideSmall(uint64_t divisor) {
    UInt128 rest = 0;
    for (size_t i = limb.size(); i-- > 0;) {
      rest = (rest << 64) | limb[i];
      limb[i] = static_cast<uint64_t>(rest / divisor);
      rest %= divisor;
    }
  }
  // x 10^exponent, truncated; `exponent` from -160 to 80.
  void ScaleByPowerOfTen(int exponent) {
    constexpr int kStep = 19;
    constexpr uint64_t kStepPower = 10'000'000'000'000'000'000U;
    for (; exponent >= kStep; exponent -= kStep) MultiplySmall(kStepPower);
    for (; exponent <= -kStep; exponent += kStep) DivideSmall(kStepPower);
    const auto rest = static_cast<uint64_t>(
        decimal_bid::kPowersOfTen[static_cast<size_t>(exponent < 0 ? -exponent : exponent)]);
    if (exponent > 0) MultiplySmall(rest);
    if (exponent < 0) DivideSmall(rest);
  }
  [[nodiscard]] UInt128 Whole() const {
    return (static_cast<UInt128>(limb[kFractionLimbs + 1]) << 64) | limb[kFractionLimbs];
  }
};

// Non-negative fixed point: one limb before the point, four after it.
struct Fixed {
  std::array<uint64_t, kFractionLimbs + 1> limb{};

  [[nodiscard]] uint64_t Whole() const { return limb[kFractionLimbs]; }
  [[nodiscard]] bool IsZero() const { return limb == Fixed().limb; }
  [[nodiscard]] Wide Widened() const {
    Wide wide;
    std::copy(limb.begin(), limb.end(), wide.limb.begin());
    return wide;
  }
};

constexpr Fixed Narrowed(const Wide& wide) {
  Fixed fixed;
  for (size_t i = 0; i < fixed.limb.size(); ++i) fixed.limb[i] = wide.limb[i];
  return fixed;
}

bool Less(const Fixed& a, const Fixed& b) {
  return std::lexicographical_compare(a.limb.rbegin(), a.limb.rend(), b.limb.rbegin(),
                                      b.limb.rend());
}

Fixed Add(const Fixed& a, const Fixed& b) {
  Fixed sum;
  UInt128 carry = 0;
  for (size_t i = 0; i < sum.limb.size(); ++i) {
    carry += static_cast<UInt128>(a.limb[i]) + b.limb[i];
    sum.limb[i] = static_cast<uint64_t>(carry);
    carry >>= 64;
  }
  return sum;
}

// a - b, where a is not less than b.
Fixed Subtract(const Fixed& a, const Fixed& b) {
  Fixed difference;
  uint64_t borrow = 0;
  for (size_t i = 0; i < difference.limb.size(); ++i) {
    const UInt128 taken = static_cast<UInt128>(b.limb[i]) + borrow;
    borrow = taken > a.limb[i] ? 1 : 0;
    difference.limb[i] = static_cast<uint64_t>(a.limb[i] - taken);
  }
  return difference;
}

// Truncated; columns below the last but one are left out, which costs less than 4 units of the last
// place (2^-256).
Fixed Multiply(const Fixed& a, const Fixed& b) {
  constexpr size_t kLimbs = kFractionLimbs + 1;
  constexpr size_t kFirst = kFractionLimbs - 1;  // lowest column that is summed
  std::array<uint64_t, 2 * kLimbs> product{};
#pragma GCC unroll 5
  for (size_t i = 0; i < kLimbs; ++i) {
    uint64_t carry = 0;
#pragma GCC unroll 5
    for (size_t k = kFirst > i ? kFirst - i : 0; k < kLimbs; ++k) {
      const UInt128 sum = static_cast<UInt128>(a.limb[i]) * b.limb[k] + product[i + k] + carry;
      product[i + k] = static_cast<uint64_t>(sum);
      carry = static_cast<uint64_t>(sum >> 64);
    }
    product[i + kLimbs] = carry;
  }
  Fixed result;
  std::copy_n(product.begin() + kFractionLimbs, kLimbs, result.limb.begin());
  return result;
}

constexpr Fixed kOne = {{0, 0, 0, 0, 1}};
// floor(ln 10 x 2^256)
constexpr Fixed kLn10 = {
    {0x0f187a0807c0b5caU, 0x8a3fb3e76977e43aU, 0xa95b58ae0b4c28a3U, 0x4d763776aaa2b05bU, 2}};

// 1 / n! for n = 0 ..; the term of the first one left out is below 2^-256.
constexpr size_t kTerms = 24;
constexpr std::array<Fixed, kTerms> kInverseFactorials = [] {
  std::array<Fixed, kTerms> terms{};
  Wide term;
  term.limb[kFractionLimbs] = 1;
  for (size_t n = 0; n < kTerms; ++n) {
    if (n > 1) term.DivideSmall(n);
    terms[n] = Narrowed(term);
  }
  return terms;
}();

// |d| truncated to 256 bits after the point; below 2^63.
Fixed ToFixed(Decimal d) {
  constexpr int kVanishes = -150;
  const int exponent = Access::Exponent(d);
  if (exponent < kVanishes || d.IsZero()) return {};
  Wide wide;
  const UInt128 coefficient = Access::Coefficient(d);
  wide.limb[kFractionLimbs] = static_cast<uint64_t>(coefficient);
  wide.limb[kFractionLimbs + 1] = static_cast<uint64_t>(coefficient >> 64);
  wide.ScaleByPowerOfTen(exponent);
  return Narrowed(wide);
}

// The exponent of the first digit.
int Magnitude(Decimal d) { return CountDigits(Access::Coefficient(d)) - 1 + Access::Exponent(d); }

// mantissa x 10^exponent, the mantissa from 1 to 10.
struct Scientific {
  Fixed mantissa;
  int exponent = 0;
};

// e^x or e^-x; x is at most kArgumentMax. Relative error below 2^-240.
constexpr uint64_t kArgumentMax = 30'000;
Scientific ExpFixed(const Fixed& x, bool negative) {
  // x = power ln 10 + rest. The estimate leaves out the fraction: too small by one at most.
  uint64_t power = x.Whole() * 4'342'944'819U / 10'000'000'000U;
  Wide multiple = kLn10.Widened();
  multiple.MultiplySmall(power);
  Fixed rest = Subtract(x, Narrowed(multiple));
  while (!Less(rest, kLn10)) {
    rest = Subtract(rest, kLn10);
    ++power;
  }
  auto exponent = static_cast<int>(power);
  if (negative) {
    exponent = -exponent;
    if (!rest.IsZero()) {
      rest = Subtract(kLn10, rest);
      --exponent;
    }
  }
  // e^rest = (e^(rest / 2^10))^(2^10).
  constexpr int kHalvings = 10;
  Fixed small;
  for (size_t i = 0; i + 1 < rest.limb.size(); ++i) {
    small.limb[i] = (rest.limb[i] >> kHalvings) | (rest.limb[i + 1] << (64 - kHalvings));
  }
  Fixed sum = kInverseFactorials[kTerms - 1];
  for (size_t n = kTerms - 1; n-- > 0;) sum = Add(Multiply(sum, small), kInverseFactorials[n]);
  for (int i = 0; i < kHalvings; ++i) sum = Multiply(sum, sum);
  return {sum, exponent};
}

Decimal Pack(bool negative, const Scientific& number) {
  constexpr int kDigitsAfterFirst = 35;
  Wide wide = number.mantissa.Widened();
  wide.ScaleByPowerOfTen(kDigitsAfterFirst);
  return PackRounded(negative, wide.Whole(), int64_t{number.exponent} - kDigitsAfterFirst, true);
}

// What e^x is where |x| is too large for any finite or non-zero result.
Decimal Extreme(bool negative, bool towards_zero) {
  return towards_zero ? Access::Pack(negative, 0, Decimal::kExponentMin)
                      : Access::Infinity(negative);
}

// Beyond these magnitudes of the argument e^x is out of range, or 1 in 34 digits.
constexpr int kMagnitudeTooLarge = 6;
constexpr int kMagnitudeTooSmall = -40;

// ln x = near + rest (rest far below the last digit of near).
struct WideLog {
  Decimal near;
  Fixed rest;
  bool rest_negative = false;
};

// x is positive and not 1. One Newton step from the library's value: ln x = near + ln(x e^-near).
WideLog LogWide(Decimal x) {
  const Decimal near = decimal_bid::LibraryLog(x);
  const Scientific inverse = ExpFixed(ToFixed(near.Abs()), !near.IsNegative());
  const int magnitude = Magnitude(x);
  Wide mantissa;  // of x, from 1 to 10
  const UInt128 coefficient = Access::Coefficient(x);
  mantissa.limb[kFractionLimbs] = static_cast<uint64_t>(coefficient);
  mantissa.limb[kFractionLimbs + 1] = static_cast<uint64_t>(coefficient >> 64);
  mantissa.ScaleByPowerOfTen(1 - CountDigits(coefficient));
  Wide product = Multiply(Narrowed(mantissa), inverse.mantissa).Widened();
  const int shift = magnitude + inverse.exponent;
  CREDENCE_ASSERT(shift <= 0 && shift >= -2);
  product.ScaleByPowerOfTen(shift);
  const Fixed ratio = Narrowed(product);
  if (Less(ratio, kOne)) return {near, Subtract(kOne, ratio), true};
  return {near, Subtract(ratio, kOne), false};
}

Decimal ToDecimal(const Fixed& fraction, bool negative) {
  constexpr uint64_t kStepPower = 10'000'000'000'000'000'000U;
  constexpr uint64_t kEnough = uint64_t{1} << 40;
  if (fraction.IsZero()) return {};
  Wide wide = fraction.Widened();
  int exponent = 0;
  while (wide.Whole() < kEnough) {
    wide.MultiplySmall(kStepPower);
    exponent -= 19;
  }
  const auto whole = static_cast<Int128>(wide.Whole());
  return Decimal::FromScaled(negative ? -whole : whole, exponent);
}

// e^(exponent x ln base), with the sign given; `base` positive and not 1, `exponent` not 0.
Decimal PowerByLog(bool negative, Decimal base, Decimal exponent) {
  const WideLog log = LogWide(base);
  const bool towards_zero = log.near.IsNegative() != exponent.IsNegative();
  const int magnitude = Magnitude(log.near) + Magnitude(exponent);
  if (magnitude >= kMagnitudeTooLarge) return Extreme(negative, towards_zero);
  if (magnitude <= kMagnitudeTooSmall) return Decimal::FromInt64(negative ? -1 : 1);

  const Fixed near = ToFixed(log.near.Abs());
  const Fixed sum =
      log.rest_negative == log.near.IsNegative() ? Add(near, log.rest) : Subtract(near, log.rest);
  const UInt128 coefficient = Access::Coefficient(exponent);
  Wide low = sum.Widened();
  Wide high = sum.Widened();
  low.MultiplySmall(static_cast<uint64_t>(coefficient));
  high.MultiplySmall(static_cast<uint64_t>(coefficient >> 64));
  UInt128 carry = 0;
  for (size_t i = 1; i < low.limb.size(); ++i) {
    carry += static_cast<UInt128>(low.limb[i]) + high.limb[i - 1];
    low.limb[i] = static_cast<uint64_t>(carry);
    carry >>= 64;
  }
  low.ScaleByPowerOfTen(Access::Exponent(exponent));
  if (low.Whole() >= kArgumentMax) return Extreme(negative, towards_zero);
  return Pack(negative, ExpFixed(Narrowed(low), towards_zero));
}

// 1 / x for x from 1 to 10; relative error below 2^-230. Newton's iteration from 60 bits.
Fixed Inverse(const Fixed& x) {
  constexpr Fixed kTwo = {{0, 0, 0, 0, 2}};
  constexpr int kSeedBits = 60;
  const uint64_t top = (x.limb[4] << kSeedBits) | (x.limb[3] >> (64 - kSeedBits));
  const UInt128 seed = (UInt128{1} << (64 + kSeedBits)) / top;
  Fixed inverse;
  inverse.limb[3] = seed >> 64 != 0 ? ~uint64_t{0} : static_cast<uint64_t>(seed);
  for (int i = 0; i < 2; ++i) inverse = Multiply(inverse, Subtract(kTwo, Multiply(x, inverse)));
  return inverse;
}

// Divides by ten until less than `end`, counting the exponent up; relative error below 2^-249 each.
void Normalise(uint64_t end, Fixed* mantissa, int64_t* exponent) {
  // floor(2^256 / 10)
  constexpr Fixed kTenth = {
      {0x9999999999999999U, 0x9999999999999999U, 0x9999999999999999U, 0x1999999999999999U, 0}};
  while (mantissa->Whole() >= end) {
    *mantissa = Multiply(*mantissa, kTenth);
    ++*exponent;
  }
}

constexpr uint64_t kSquareAndMultiplyMax = uint64_t{1} << 20;

// base^power by squaring, for a power of up to kSquareAndMultiplyMax in size: nothing where the
// result is so near to the middle between two decimals that 220 bits do not tell which is nearer,
// and far from 1, where the range of exponents matters.
std::optional<Decimal> PowerBySquaring(bool negative, Decimal base, int64_t power) {
  const UInt128 coefficient = Access::Coefficient(base);
  const int digits = CountDigits(coefficient);
  Fixed square;  // base = square x 10^square_exponent
  int64_t square_exponent = Access::Exponent(base) + digits - 1;
  constexpr int kDigitsOfWord = 19;
  if (digits <= kDigitsOfWord) {
    const auto divisor = static_cast<uint64_t>(decimal_bid::kPowersOfTen[size_t(digits) - 1]);
    UInt128 rest = coefficient;
    for (size_t i = square.limb.size(); i-- > 0; rest <<= 64) {
      square.limb[i] = static_cast<uint64_t>(rest / divisor);
      rest %= divisor;
    }
  } else {
    Wide wide;
    wide.limb[kFractionLimbs] = static_cast<uint64_t>(coefficient);
    wide.limb[kFractionLimbs + 1] = static_cast<uint64_t>(coefficient >> 64);
    wide.ScaleByPowerOfTen(1 - digits);
    square = Narrowed(wide);
  }
  // A product of two numbers below 2^31 fits the limb before the point.
  constexpr uint64_t kRoom = uint64_t{1} << 31;
  auto rest = static_cast<uint64_t>(power < 0 ? -power : power);
  Fixed result = kOne;
  int64_t exponent = 0;
  for (;;) {
    if ((rest & 1) != 0) {
      result = Multiply(result, square);
      exponent += square_exponent;
      Normalise(kRoom, &result, &exponent);
    }
    rest >>= 1;
    if (rest == 0) break;
    square = Multiply(square, square);
    square_exponent *= 2;
    Normalise(kRoom, &square, &square_exponent);
  }
  Normalise(10, &result, &exponent);
  if (power < 0) {
    // From 0.1 to 1: one digit more, so that it begins at 1 again.
    Wide inverse = Inverse(result).Widened();
    exponent = -exponent;
    if (inverse.Whole() == 0) {
      inverse.MultiplySmall(10);
      --exponent;
    }
    result = Narrowed(inverse);
  }
  constexpr int64_t kExponentSafe = 6'000;
  if (exponent < -kExponentSafe || exponent > kExponentSafe) return std::nullopt;
  constexpr int kDigitsAfterFirst = 35;  // two more than are kept
  Wide wide = result.Widened();
  wide.ScaleByPowerOfTen(kDigitsAfterFirst);
  const auto dropped = static_cast<uint64_t>(wide.Whole() % 100);
  const uint64_t fraction = wide.limb[kFractionLimbs - 1];
  if ((dropped == 49 && fraction == ~uint64_t{0}) || (dropped == 50 && fraction == 0)) {
    return std::nullopt;
  }
  return PackRounded(negative, wide.Whole(), exponent - kDigitsAfterFirst, true);
}

// value^power if that fits 128 bits.
std::optional<UInt128> ExactPower(UInt128 value, uint64_t power) {
  if (value <= 1) return value;
  UInt128 result = 1;
  for (uint64_t i = 0; i < power; ++i) {  // at most 128 rounds, since value is at least 2
    if (__builtin_mul_overflow(result, value, &result)) return std::nullopt;
  }
  return result;
}

// The exact power of a number, to one rounding, if `value`^|power| or its inverse has few enough
// digits.
std::optional<Decimal> PowerByMultiplying(bool negative, Decimal base, int64_t power) {
  const Decimal shortest = base.Canonical();
  UInt128 coefficient = Access::Coefficient(shortest);
  int64_t exponent = Access::Exponent(shortest);
  const auto count = static_cast<uint64_t>(power < 0 ? -power : power);
  bool divide = false;
  if (power < 0) {
    // 1 / 2^a is 5^a / 10^a, and the other way round; other coefficients have no finite inverse.
    UInt128 rest = coefficient;
    const bool even = (rest & 1) == 0;
    const UInt128 factor = even ? 2 : 5;
    UInt128 inverse = 1;
    int places = 0;
    while (rest % factor == 0) {
      rest /= factor;
      ++places;
      if (__builtin_mul_overflow(inverse, even ? 5 : 2, &inverse)) return std::nullopt;
    }
    if (rest == 1) {
      coefficient = inverse;
      exponent = -exponent - places;
    } else {
      divide = true;
    }
  }
  const auto exact = ExactPower(coefficient, count);
  if (!exact) return std::nullopt;
  const int64_t scale = exponent * static_cast<int64_t>(count);
  if (!divide) return PackRounded(negative, *exact, scale);
  // The quotient is rounded by the library; scaling it afterwards must not round again.
  if (*exact >= Access::kCoefficientEnd || scale > 6000 || scale < -6000) return std::nullopt;
  return Decimal::FromInt64(negative ? -1 : 1) /
         Access::Pack(false, *exact, static_cast<int>(scale));
}

}  // namespace

Decimal decimal_bid::PowerByLogarithm(Decimal base, Decimal exponent) {
  return PowerByLog(false, base, exponent);
}

Decimal Decimal::Exp() const {
  if (!IsFinite()) return bits_.high == Access::High(Access::Infinity(true)) ? Decimal() : *this;
  if (IsZero()) return FromInt64(1);
  const int magnitude = Magnitude(*this);
  if (magnitude >= kMagnitudeTooLarge) return Extreme(false, IsNegative());
  if (magnitude <= kMagnitudeTooSmall) return FromInt64(1);
  const Fixed argument = ToFixed(Abs());
  if (argument.Whole() >= kArgumentMax) return Extreme(false, IsNegative());
  return Pack(false, ExpFixed(argument, IsNegative()));
}

Decimal Decimal::Log() const {
  if (!IsFinite() || IsNegative()) {
    return bits_.high == Access::High(Access::Infinity(false)) ? *this : Access::NaN();
  }
  if (IsZero()) return Access::Infinity(true);
  if (*this == FromInt64(1)) return {};
  const WideLog log = LogWide(*this);
  return log.near + ToDecimal(log.rest, log.rest_negative);
}

Decimal Decimal::Power(Decimal base, Decimal exponent) {
  if (!base.IsFinite() || !exponent.IsFinite()) return Access::NaN();
  if (exponent.IsZero()) return FromInt64(1);
  if (base.IsZero()) return Extreme(false, !exponent.IsNegative());
  bool negative = false;
  if (base.IsNegative()) {
    if (!exponent.IsInteger()) return Access::NaN();
    negative = Modulo(exponent, FromInt64(2)) == FromInt64(1);
  }
  const Decimal magnitude = base.Abs();
  if (magnitude == FromInt64(1)) return FromInt64(negative ? -1 : 1);
  constexpr int64_t kIntegerExponentMax = 999'999'999;
  const auto integer = exponent.ToInt64();
  if (integer && *integer >= -kIntegerExponentMax && *integer <= kIntegerExponentMax) {
    const auto exact = PowerByMultiplying(negative, magnitude, *integer);
    // Whole numbers are held at scale 0 where that takes no more than 34 digits.
    if (exact) return exact->Scale() == 0 ? exact->Rounded(0, Rounding::kDown) : *exact;
    if (std::abs(*integer) <= static_cast<int64_t>(kSquareAndMultiplyMax)) {
      const auto rounded = PowerBySquaring(negative, magnitude, *integer);
      if (rounded) return *rounded;
    }
  }
  if (exponent == FromScaled(5, -1)) return magnitude.SquareRoot();
  return PowerByLog(negative, magnitude, exponent);
}

}  // namespace credence
