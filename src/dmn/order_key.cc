// Places of values on a line of whole numbers, by which columns are searched.

#include <array>

#include "src/dmn/table_index.h"
#include "src/feel/number.h"

namespace credence::dmn {

using feel::Kind;
using feel::Value;

namespace {

constexpr int kShiftMax = 34;  // a coefficient has at most 34 digits
constexpr std::array<UInt128, kShiftMax + 1> kPowersOfTen = [] {
  std::array<UInt128, kShiftMax + 1> powers{1};
  for (size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}();

bool NumberKey(const Value& value, int scale, OrderKey* key) {
  using feel::NumberBits;
  const uint64_t high = value.high_word();
  const UInt128 coefficient =
      (static_cast<UInt128>(high & NumberBits::kCoefficientHigh) << 64) | value.low_word();
  const int shift = NumberBits::Exponent(high) + scale;
  if (shift > kShiftMax || shift < -kShiftMax) return false;
  UInt128 magnitude = coefficient;
  key->exact = true;
  constexpr int kWordMax = 19;  // 10^19 is the greatest power in one word
  if (shift < 0 && shift >= -kWordMax && (coefficient >> 64) == 0) {
    const auto word = static_cast<uint64_t>(coefficient);
    const auto divisor = static_cast<uint64_t>(kPowersOfTen[static_cast<size_t>(-shift)]);
    magnitude = word / divisor;
    key->exact = word % divisor == 0;
  } else if (shift > 0) {
    if (__builtin_mul_overflow(coefficient, kPowersOfTen[static_cast<size_t>(shift)], &magnitude)) {
      return false;
    }
  } else if (shift < 0) {
    const UInt128 divisor = kPowersOfTen[static_cast<size_t>(-shift)];
    magnitude = coefficient / divisor;
    key->exact = magnitude * divisor == coefficient;
  }
  if (magnitude >= static_cast<UInt128>(INT64_MAX)) return false;
  const auto whole = static_cast<int64_t>(magnitude);
  key->key = NumberBits::Negative(high) ? -whole - (key->exact ? 0 : 1) : whole;
  return true;
}

}  // namespace

bool MakeOrderKey(const Value& value, int scale, OrderKey* key) {
  key->exact = true;
  switch (value.kind()) {
    case Kind::kNumber:
      return NumberKey(value, scale, key);
    case Kind::kDate:
      key->key = value.date().days;
      return true;
    case Kind::kYearsDuration:
      key->key = value.months();
      return true;
    case Kind::kDaysDuration: {
      const Int128 ns = value.duration_ns();
      key->key = static_cast<int64_t>(ns);
      return ns == key->key;
    }
    default:
      return false;
  }
}

}  // namespace credence::dmn
