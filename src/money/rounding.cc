#include "src/money/rounding.h"

#include "src/base/assert.h"

namespace credence {

bool RoundsAwayFromZero(Rounding rounding, bool negative, bool odd, Discarded discarded) {
  if (discarded == Discarded::kNothing) return false;
  switch (rounding) {
    case Rounding::kHalfEven:
      return discarded == Discarded::kAboveHalf || (discarded == Discarded::kHalf && odd);
    case Rounding::kHalfUp:
      return discarded != Discarded::kBelowHalf;
    case Rounding::kHalfDown:
      return discarded == Discarded::kAboveHalf;
    case Rounding::kUp:
      return true;
    case Rounding::kDown:
      return false;
    case Rounding::kCeiling:
      return !negative;
    case Rounding::kFloor:
      return negative;
  }
  CREDENCE_UNREACHABLE();
}

Int128 DivideRounded(Int128 numerator, Int128 denominator, Rounding rounding) {
  CREDENCE_ASSERT(denominator != 0);
  const auto magnitude = [](Int128 value) {
    return value < 0 ? -static_cast<UInt128>(value) : static_cast<UInt128>(value);
  };
  const bool negative = (numerator < 0) != (denominator < 0);
  const UInt128 dividend = magnitude(numerator);
  const UInt128 divisor = magnitude(denominator);
  UInt128 quotient = dividend / divisor;
  const UInt128 remainder = dividend - quotient * divisor;
  const Discarded discarded = ClassifyRemainder(remainder, divisor);
  if (RoundsAwayFromZero(rounding, negative, (quotient & 1) != 0, discarded)) ++quotient;
  // Only -2^127 / -1 has a quotient that Int128 cannot hold.
  CREDENCE_ASSERT(negative || (quotient >> 127) == 0);
  return static_cast<Int128>(negative ? -quotient : quotient);
}

}  // namespace credence
