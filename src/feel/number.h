#pragma once
// Arithmetic on numbers inside values. Small operands (coefficients of up to 64 bits, which is
// nearly all there is) are worked out in integers; the results are the very bits that decimal128
// arithmetic gives (number_diff_test.cc holds the two together).
//
// Encoding (IEEE 754-2008 binary integer decimal): sign, 14 bits of exponent + 6176, 113 bits of
// coefficient, unless the two bits after the sign are both set (infinite, not a number, and
// coefficients that do not occur in canonical numbers).

#include <array>
#include <bit>
#include <compare>
#include <cstdint>

#include "src/base/int128.h"
#include "src/feel/value.h"

namespace credence::feel {

struct NumberBits {
  static constexpr uint64_t kSign = 0x8000000000000000U;
  static constexpr uint64_t kCoefficientHigh = 0x0001FFFFFFFFFFFFU;
  static constexpr int kExponentShift = 49;
  static constexpr int kExponentBias = 6176;
  static constexpr uint64_t kExponentMask = 0x3FFF;
  static constexpr uint64_t kSteering = 0x6000000000000000U;

  // Whether the coefficient fits 64 bits (and the pattern is an ordinary number).
  static bool IsSmall(const Value& v) {
    return (v.high_word() & kCoefficientHigh) == 0 && (v.high_word() & kSteering) != kSteering;
  }
  static int Exponent(uint64_t high) {
    return static_cast<int>((high >> kExponentShift) & kExponentMask) - kExponentBias;
  }
  static bool Negative(uint64_t high) { return (high & kSign) != 0; }
};

// 10^0 .. 10^18.
inline constexpr std::array<uint64_t, 19> kPowersOfTen = [] {
  std::array<uint64_t, 19> powers{1};
  for (size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}();

namespace number_internal {

// 10^34 - 1, the greatest coefficient.
inline constexpr UInt128 kCoefficientMax =
    static_cast<UInt128>(100'000'000'000'000'000U) * 100'000'000'000'000'000U - 1;

inline bool Aligned(const Value& a, const Value& b, Int128* x, Int128* y, int* exponent) {
  if (!NumberBits::IsSmall(a) || !NumberBits::IsSmall(b)) return false;
  const int ea = NumberBits::Exponent(a.high_word());
  const int eb = NumberBits::Exponent(b.high_word());
  const int difference = ea - eb;
  if (difference > 14 || difference < -14) return false;
  *x = static_cast<Int128>(a.low_word());
  *y = static_cast<Int128>(b.low_word());
  if (difference > 0) *x *= kPowersOfTen[static_cast<size_t>(difference)];
  if (difference < 0) *y *= kPowersOfTen[static_cast<size_t>(-difference)];
  if (NumberBits::Negative(a.high_word())) *x = -*x;
  if (NumberBits::Negative(b.high_word())) *y = -*y;
  *exponent = difference > 0 ? eb : ea;
  return true;
}

inline Value Encode(bool negative, UInt128 coefficient, int exponent) {
  const auto biased = static_cast<uint64_t>(int64_t{exponent} + NumberBits::kExponentBias);
  const uint64_t high = (negative ? NumberBits::kSign : 0) |
                        (biased << NumberBits::kExponentShift) |
                        static_cast<uint64_t>(coefficient >> 64);
  return Value::FromNumberWords(static_cast<uint64_t>(coefficient), high);
}

}  // namespace number_internal

// value x 10^exponent, an exponent that numbers have.
inline Value ScaledNumber(int64_t value, int exponent) {
  const uint64_t raw = static_cast<uint64_t>(value);
  return number_internal::Encode(value < 0, value < 0 ? 0 - raw : raw, exponent);
}

inline std::strong_ordering CompareNumbers(const Value& a, const Value& b) {
  // Same sign and exponent, coefficients of 64 bits: what comparisons with round constants are.
  if (a.high_word() == b.high_word() && NumberBits::IsSmall(a)) {
    return NumberBits::Negative(a.high_word()) ? b.low_word() <=> a.low_word()
                                               : a.low_word() <=> b.low_word();
  }
  Int128 x;
  Int128 y;
  int exponent;
  if (number_internal::Aligned(a, b, &x, &y, &exponent)) {
    if (x == y) return std::strong_ordering::equal;
    return x < y ? std::strong_ordering::less : std::strong_ordering::greater;
  }
  const auto order = a.number() <=> b.number();
  if (order == std::partial_ordering::less) return std::strong_ordering::less;
  if (order == std::partial_ordering::greater) return std::strong_ordering::greater;
  return std::strong_ordering::equal;
}

inline bool NumbersEqual(const Value& a, const Value& b) {
  return CompareNumbers(a, b) == std::strong_ordering::equal;
}

namespace number_internal {

[[gnu::noinline]] inline Value AddGeneral(const Value& a, const Value& b) {
  Int128 x;
  Int128 y;
  int exponent;
  if (Aligned(a, b, &x, &y, &exponent)) {
    const Int128 sum = x + y;
    // The sign of a zero is the library's business.
    if (sum != 0) {
      const bool negative = sum < 0;
      const UInt128 magnitude = negative ? -static_cast<UInt128>(sum) : static_cast<UInt128>(sum);
      if (magnitude <= kCoefficientMax) return Encode(negative, magnitude, exponent);
    }
  }
  return Value::Number(a.number() + b.number());
}

}  // namespace number_internal

inline Value AddNumbers(const Value& a, const Value& b) {
  // Both positive, of one exponent.
  constexpr uint64_t kHalf = uint64_t{1} << 63;
  if (a.high_word() == b.high_word() && NumberBits::IsSmall(a) &&
      !NumberBits::Negative(a.high_word()) && a.low_word() < kHalf && b.low_word() < kHalf) {
    return Value::FromNumberWords(a.low_word() + b.low_word(), a.high_word());
  }
  return number_internal::AddGeneral(a, b);
}

inline Value NegateNumber(const Value& a) {
  return Value::FromNumberWords(a.low_word(), a.high_word() ^ NumberBits::kSign);
}

inline Value SubtractNumbers(const Value& a, const Value& b) {
  Int128 x;
  Int128 y;
  int exponent;
  if (number_internal::Aligned(a, b, &x, &y, &exponent)) {
    const Int128 difference = x - y;
    if (difference != 0) {
      const bool negative = difference < 0;
      const UInt128 magnitude =
          negative ? -static_cast<UInt128>(difference) : static_cast<UInt128>(difference);
      if (magnitude <= number_internal::kCoefficientMax) {
        return number_internal::Encode(negative, magnitude, exponent);
      }
    }
  }
  return Value::Number(a.number() - b.number());
}

inline Value MultiplyNumbers(const Value& a, const Value& b) {
  if (NumberBits::IsSmall(a) && NumberBits::IsSmall(b)) {
    const UInt128 product = static_cast<UInt128>(a.low_word()) * b.low_word();
    const int exponent = NumberBits::Exponent(a.high_word()) + NumberBits::Exponent(b.high_word());
    if (product <= number_internal::kCoefficientMax && exponent >= -6176 && exponent <= 6111) {
      const bool negative =
          NumberBits::Negative(a.high_word()) != NumberBits::Negative(b.high_word());
      return number_internal::Encode(negative, product, exponent);
    }
  }
  return Value::Number(a.number() * b.number());
}

inline Value DivideNumbers(const Value& a, const Value& b) {
  const Value result = Value::Number(a.number() / b.number());
  if (result.IsNull()) return Value::Null(NullReason::kArithmetic, "division by zero or overflow");
  return result;
}

}  // namespace credence::feel
