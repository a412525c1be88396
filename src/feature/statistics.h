#pragma once
// Mean, variance and standard deviation from exact sums, each correctly rounded once (half even, 34
// digits): the result is the decimal128 number nearest to the true value, whatever the sums.
//
// Values are cells x 10^-scale. `sum` and `squares` are over the cells and their squares.

#include <cstdint>

#include "src/base/int128.h"
#include "src/feature/wide.h"
#include "src/money/decimal.h"

namespace credence::feature {

// count >= 1; |sum| < 10^34.
[[nodiscard]] Decimal Mean(int64_t count, Int128 sum, int scale);
// Of the sample; count >= 2.
[[nodiscard]] Decimal Variance(int64_t count, Int128 sum, const UInt192& squares, int scale);
[[nodiscard]] Decimal StandardDeviation(int64_t count, Int128 sum, const UInt192& squares,
                                        int scale);
// The same for sums of any size; StandardDeviation() is quicker where they are small.
[[nodiscard]] Decimal WideStandardDeviation(int64_t count, Int128 sum, const UInt192& squares,
                                            int scale);

}  // namespace credence::feature
