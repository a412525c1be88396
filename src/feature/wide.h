#pragma once
// Unsigned integers of 192 bits and of a fixed number of words: as much as exact variances need. A
// square of a 64-bit cell has 126 bits, so sums of 2^64 of them fit 192.

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>

#include "src/base/int128.h"

namespace credence::feature {

// Modulo 2^192: what was added can be subtracted in any order.
struct UInt192 {
  UInt128 low = 0;
  uint64_t high = 0;

  static UInt192 Square(int64_t value) {
    const UInt128 magnitude =
        value < 0 ? UInt128{0} - static_cast<UInt128>(value) : static_cast<UInt128>(value);
    return {magnitude * magnitude, 0};
  }
  UInt192& operator+=(const UInt192& other) {
    low += other.low;
    high += other.high + (low < other.low ? 1 : 0);
    return *this;
  }
  UInt192& operator-=(const UInt192& other) {
    const bool borrow = low < other.low;
    low -= other.low;
    high -= other.high + (borrow ? 1 : 0);
    return *this;
  }
  friend bool operator==(const UInt192&, const UInt192&) = default;
};

// An unsigned integer of N 64-bit words, least significant first. Overflow is the caller's bug.
template <size_t N>
struct WideUInt {
  std::array<uint64_t, N> words{};

  static WideUInt From(UInt128 value) {
    WideUInt wide;
    wide.words[0] = static_cast<uint64_t>(value);
    wide.words[1] = static_cast<uint64_t>(value >> 64);
    return wide;
  }
  void Multiply(uint64_t factor) {
    uint64_t carry = 0;
    for (uint64_t& word : words) {
      const UInt128 product = static_cast<UInt128>(word) * factor + carry;
      word = static_cast<uint64_t>(product);
      carry = static_cast<uint64_t>(product >> 64);
    }
  }
  void MultiplyByPowerOfTen(int exponent) {
    for (; exponent >= 19; exponent -= 19) Multiply(10'000'000'000'000'000'000U);
    uint64_t power = 1;
    for (; exponent > 0; --exponent) power *= 10;
    if (power != 1) Multiply(power);
  }
  [[nodiscard]] WideUInt Times(UInt128 factor) const {
    WideUInt low = *this;
    low.Multiply(static_cast<uint64_t>(factor));
    const auto high_factor = static_cast<uint64_t>(factor >> 64);
    if (high_factor == 0) return low;
    WideUInt high = *this;
    high.Multiply(high_factor);
    uint64_t carry = 0;
    for (size_t i = 1; i < N; ++i) {
      const UInt128 sum = static_cast<UInt128>(low.words[i]) + high.words[i - 1] + carry;
      low.words[i] = static_cast<uint64_t>(sum);
      carry = static_cast<uint64_t>(sum >> 64);
    }
    return low;
  }
  // *this >= other.
  void Subtract(const WideUInt& other) {
    uint64_t borrow = 0;
    for (size_t i = 0; i < N; ++i) {
      const UInt128 difference = static_cast<UInt128>(words[i]) - other.words[i] - borrow;
      words[i] = static_cast<uint64_t>(difference);
      borrow = static_cast<uint64_t>(difference >> 64) != 0 ? 1 : 0;
    }
  }
  [[nodiscard]] bool IsZero() const {
    uint64_t any = 0;
    for (uint64_t word : words) any |= word;
    return any == 0;
  }
  friend bool operator==(const WideUInt&, const WideUInt&) = default;
  friend std::strong_ordering operator<=>(const WideUInt& a, const WideUInt& b) {
    for (size_t i = N; i-- > 0;) {
      if (a.words[i] != b.words[i]) return a.words[i] <=> b.words[i];
    }
    return std::strong_ordering::equal;
  }
};

}  // namespace credence::feature
