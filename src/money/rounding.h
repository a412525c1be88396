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

}  // namespace credence
