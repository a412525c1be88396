#pragma once
// Rounding is always named. No division of money or decimals happens without one of these.

#include <cstdint>

#include "src/base/int128.h"

namespace credence {

// Stored. Do not change.
enum class Rounding : uint8_t {
  kHalfEven = 1,  // to nearest, ties to the even neighbour (banker's)
  kHalfUp = 2,    // to nearest, ties away from zero
  kHalfDown = 3,  // to nearest, ties towards zero
  kUp = 4,        // away from zero
  kDown = 5,      // towards zero (truncate)
  kCeiling = 6,   // towards +infinity
  kFloor = 7,     // towards -infinity
};

// numerator / denominator, rounded. `denominator` is not 0; -2^127 / -1 is a bug (assertion).
[[nodiscard]] Int128 DivideRounded(Int128 numerator, Int128 denominator, Rounding rounding);

// What was cut off below the last digit that stays.
enum class Discarded : uint8_t { kNothing, kBelowHalf, kHalf, kAboveHalf };

// How `remainder` (less than `divisor`) stands to half of `divisor`.
[[nodiscard]] constexpr Discarded ClassifyRemainder(UInt128 remainder, UInt128 divisor) {
  if (remainder == 0) return Discarded::kNothing;
  const UInt128 complement = divisor - remainder;
  if (remainder == complement) return Discarded::kHalf;
  return remainder < complement ? Discarded::kBelowHalf : Discarded::kAboveHalf;
}

// Whether a truncated magnitude grows by one; `odd` is the parity of its last kept digit.
[[nodiscard]] bool RoundsAwayFromZero(Rounding rounding, bool negative, bool odd,
                                      Discarded discarded);

}  // namespace credence
