#pragma once
// Arithmetic on numbers inside values: that of Decimal, whose results that are not finite are
// nulls.
//
// Encoding (IEEE 754-2008 binary integer decimal): sign, 14 bits of exponent + 6176, 113 bits of
// coefficient, unless the two bits after the sign are both set (infinite, not a number, and
// coefficients that do not occur in canonical numbers).

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

namespace number_internal {

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

// As Value::Number where the number is known to be finite.
inline Value FiniteNumber(Decimal number) {
  struct alignas(16) Words {
    uint64_t low;
    uint64_t high;
  };
  const auto words = std::bit_cast<Words>(number);
  return Value::FromNumberWords(words.low, words.high);
}

inline std::strong_ordering CompareNumbers(const Value& a, const Value& b) {
  // Same sign and exponent, coefficients of 64 bits: what comparisons with round constants are.
  if (a.high_word() == b.high_word() && NumberBits::IsSmall(a)) {
    return NumberBits::Negative(a.high_word()) ? b.low_word() <=> a.low_word()
                                               : a.low_word() <=> b.low_word();
  }
  return Decimal::CompareFinite(a.number(), b.number());
}

inline bool NumbersEqual(const Value& a, const Value& b) {
  return CompareNumbers(a, b) == std::strong_ordering::equal;
}

inline Value AddNumbers(const Value& a, const Value& b) {
  return Value::Number(a.number() + b.number());
}

inline Value SubtractNumbers(const Value& a, const Value& b) {
  return Value::Number(a.number() - b.number());
}

inline Value NegateNumber(const Value& a) {
  return Value::FromNumberWords(a.low_word(), a.high_word() ^ NumberBits::kSign);
}

inline Value MultiplyNumbers(const Value& a, const Value& b) {
  return Value::Number(a.number() * b.number());
}

inline Value DivideNumbers(const Value& a, const Value& b) {
  const Value result = Value::Number(a.number() / b.number());
  if (result.IsNull()) return Value::Null(NullReason::kArithmetic, "division by zero or overflow");
  return result;
}

template <char kOp>
Value CombineNumbers(const Value& a, const Value& b) {
  if constexpr (kOp == '+') return AddNumbers(a, b);
  if constexpr (kOp == '-') return SubtractNumbers(a, b);
  if constexpr (kOp == '*') return MultiplyNumbers(a, b);
  if constexpr (kOp == '/') return DivideNumbers(a, b);
}

}  // namespace credence::feel
