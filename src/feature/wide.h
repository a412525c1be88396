#pragma once
// Unsigned integers of 192 bits and of a fixed number of words: as much as exact variances need. A
// square of a 64-bit cell has 126 bits, so sums of 2^64 of them fit 192.

#include <algorithm>
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

// An unsigned integer of at most kWords 64-bit words, least significant first; words from `used` on
// are not looked at. Overflow is the caller's bug.
template <size_t kWords>
class WideUInt {
 public:
  WideUInt() = default;
  explicit WideUInt(UInt128 value) {
    words_[0] = static_cast<uint64_t>(value);
    words_[1] = static_cast<uint64_t>(value >> 64);
    used_ = 2;
    Trim();
  }
  explicit WideUInt(const UInt192& value) : WideUInt(value.low) {
    if (value.high == 0) return;
    if (used_ < 1) words_[0] = 0;
    if (used_ < 2) words_[1] = 0;
    words_[2] = value.high;
    used_ = 3;
  }
  static WideUInt Square(UInt128 value) {
    const auto low = static_cast<uint64_t>(value);
    const auto high = static_cast<uint64_t>(value >> 64);
    const UInt128 bottom = static_cast<UInt128>(low) * low;
    const UInt128 middle = static_cast<UInt128>(low) * high;  // twice
    const UInt128 top = static_cast<UInt128>(high) * high;
    WideUInt square;
    square.words_[0] = static_cast<uint64_t>(bottom);
    UInt128 sum = (bottom >> 64) + static_cast<uint64_t>(middle << 1);
    square.words_[1] = static_cast<uint64_t>(sum);
    sum = (sum >> 64) + static_cast<uint64_t>(middle >> 63) + static_cast<uint64_t>(top);
    square.words_[2] = static_cast<uint64_t>(sum);
    sum = (sum >> 64) + static_cast<uint64_t>(middle >> 127) + static_cast<uint64_t>(top >> 64);
    square.words_[3] = static_cast<uint64_t>(sum);
    square.used_ = 4;
    square.Trim();
    return square;
  }

  void Multiply(uint64_t factor) {
    uint64_t carry = 0;
    for (size_t i = 0; i < used_; ++i) {
      const UInt128 product = static_cast<UInt128>(words_[i]) * factor + carry;
      words_[i] = static_cast<uint64_t>(product);
      carry = static_cast<uint64_t>(product >> 64);
    }
    if (carry != 0) words_[used_++] = carry;
    if (factor == 0) used_ = 0;
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
    for (size_t i = low.used_; i <= high.used_; ++i) low.words_[i] = 0;
    low.used_ = std::max(low.used_, high.used_ + 1);
    uint64_t carry = 0;
    for (size_t i = 1; i < low.used_; ++i) {
      const uint64_t other = i - 1 < high.used_ ? high.words_[i - 1] : 0;
      const UInt128 sum = static_cast<UInt128>(low.words_[i]) + other + carry;
      low.words_[i] = static_cast<uint64_t>(sum);
      carry = static_cast<uint64_t>(sum >> 64);
    }
    if (carry != 0) low.words_[low.used_++] = carry;
    low.Trim();
    return low;
  }
  // *this >= other.
  void Subtract(const WideUInt& other) {
    uint64_t borrow = 0;
    for (size_t i = 0; i < used_; ++i) {
      const uint64_t word = i < other.used_ ? other.words_[i] : 0;
      const UInt128 difference = static_cast<UInt128>(words_[i]) - word - borrow;
      words_[i] = static_cast<uint64_t>(difference);
      borrow = static_cast<uint64_t>(difference >> 64) != 0 ? 1 : 0;
    }
    Trim();
  }
  [[nodiscard]] bool IsZero() const { return used_ == 0; }
  [[nodiscard]] UInt128 Low128() const {
    return (static_cast<UInt128>(used_ > 1 ? words_[1] : 0) << 64) | (used_ > 0 ? words_[0] : 0);
  }
  [[nodiscard]] bool Fits128() const { return used_ <= 2; }
  // Near enough: to a few units in the last place of a double.
  [[nodiscard]] double ToDouble() const {
    double sum = 0;
    for (size_t i = used_; i-- > 0;) sum = sum * 0x1p64 + static_cast<double>(words_[i]);
    return sum;
  }
  friend std::strong_ordering operator<=>(const WideUInt& a, const WideUInt& b) {
    if (a.used_ != b.used_) return a.used_ <=> b.used_;
    for (size_t i = a.used_; i-- > 0;) {
      if (a.words_[i] != b.words_[i]) return a.words_[i] <=> b.words_[i];
    }
    return std::strong_ordering::equal;
  }

 private:
  void Trim() {
    while (used_ > 0 && words_[used_ - 1] == 0) --used_;
  }

  std::array<uint64_t, kWords> words_;
  size_t used_ = 0;
};

}  // namespace credence::feature
