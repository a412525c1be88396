// Places of values on a line of whole numbers, by which columns are searched.

#include "src/dmn/table_index.h"
#include "src/feel/number.h"

namespace credence::dmn {

using feel::Kind;
using feel::Value;

namespace {

constexpr int kShiftMax = 18;
int64_t PowerOfTen(int exponent) {
  return static_cast<int64_t>(feel::kPowersOfTen[static_cast<size_t>(exponent)]);
}

bool NumberKey(const Value& value, int scale, OrderKey* key) {
  using feel::NumberBits;
  if (!NumberBits::IsSmall(value) || value.low_word() > static_cast<uint64_t>(INT64_MAX)) {
    return false;
  }
  const uint64_t high = value.high_word();
  const int shift = NumberBits::Exponent(high) + scale;
  const auto coefficient = static_cast<int64_t>(value.low_word());
  const bool negative = NumberBits::Negative(high);
  key->exact = true;
  if (shift == 0) {
    key->key = negative ? -coefficient : coefficient;
    return true;
  }
  if (shift > 0) {
    if (coefficient == 0) {
      key->key = 0;
      return true;
    }
    int64_t product = 0;
    if (shift > kShiftMax || __builtin_mul_overflow(coefficient, PowerOfTen(shift), &product)) {
      return false;
    }
    key->key = negative ? -product : product;
    return true;
  }
  if (shift < -kShiftMax) return false;
  const int64_t quotient = coefficient / PowerOfTen(-shift);
  key->exact = quotient * PowerOfTen(-shift) == coefficient;
  key->key = negative ? -quotient - (key->exact ? 0 : 1) : quotient;
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
