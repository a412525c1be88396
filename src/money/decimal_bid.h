#pragma once
// Inside money only: the parts of a decimal128 in BID encoding, and packing with one rounding. No
// other folder includes this.

#include <array>
#include <bit>
#include <cstdint>

#include "src/base/int128.h"
#include "src/money/decimal.h"
#include "src/money/rounding.h"

namespace credence {

// Opens the private representation to the sources of this folder and their tests.
struct DecimalAccess {
  static constexpr uint64_t kSignBit = Decimal::kSignBit;
  static constexpr UInt128 kCoefficientEnd = Decimal::kCoefficientEnd;

  static Decimal Make(uint64_t low, uint64_t high) { return Decimal(Decimal::Bits{low, high}); }
  static uint64_t Low(Decimal d) { return d.bits_.low; }
  static uint64_t High(Decimal d) { return d.bits_.high; }
  static bool Sign(Decimal d) { return (d.bits_.high & kSignBit) != 0; }
  // Of finite numbers.
  static UInt128 Coefficient(Decimal d) {
    return (static_cast<UInt128>(d.bits_.high & Decimal::kCoefficientHighMask) << 64) | d.bits_.low;
  }
  static int Exponent(Decimal d) { return d.BiasedExponent() + Decimal::kExponentMin; }
  // `coefficient` below 10^34, `exponent` in range.
  static Decimal Pack(bool negative, UInt128 coefficient, int exponent) {
    return Make(
        static_cast<uint64_t>(coefficient),
        (negative ? kSignBit : 0) |
            (static_cast<uint64_t>(exponent - Decimal::kExponentMin) << Decimal::kExponentShift) |
            static_cast<uint64_t>(coefficient >> 64));
  }
  static Decimal Infinity(bool negative) {
    return Make(0, (negative ? kSignBit : 0) | 0x7800000000000000U);
  }
  static Decimal NaN() { return Make(0, 0x7C00000000000000U); }
};

namespace decimal_bid {

// 10^0 .. 10^38.
inline constexpr std::array<UInt128, 39> kPowersOfTen = [] {
  std::array<UInt128, 39> powers{};
  powers[0] = 1;
  for (size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}();

// Number of decimal digits; 0 for 0.
[[nodiscard]] inline int CountDigits(UInt128 value) {
  const auto high = static_cast<uint64_t>(value >> 64);
  const int bits = high != 0 ? 128 - std::countl_zero(high)
                             : 64 - std::countl_zero(static_cast<uint64_t>(value));
  const int estimate = (bits * 1233) >> 12;  // floor(bits x log10(2)), at most one too small
  return estimate + (value >= kPowersOfTen[static_cast<size_t>(estimate)] ? 1 : 0);
}

// coefficient x 10^exponent with one rounding half even to 34 digits (fewer when subnormal);
// `sticky` says that a part smaller than one unit of `coefficient` was already cut off, in which
// case `coefficient` must have at least 35 digits. Infinite beyond the range; 0 below it.
[[nodiscard]] Decimal PackRounded(bool negative, UInt128 coefficient, int64_t exponent,
                                  bool sticky = false);

// The library's natural logarithm, within a few units of the 34th digit; `x` is positive.
[[nodiscard]] Decimal LibraryLog(Decimal x);

// base^exponent by way of the logarithm, whatever the exponent; `base` positive and not 1,
// `exponent` not 0. For tests: the twin of the faster ways in Decimal::Power.
[[nodiscard]] Decimal PowerByLogarithm(Decimal base, Decimal exponent);

}  // namespace decimal_bid
}  // namespace credence
