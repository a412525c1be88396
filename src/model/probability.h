#pragma once
// The probability of default that a number of points stands for.
//
// A score scale is named by one point and one step: at `points` the odds of good to bad are `odds`,
// and every `points_to_double_odds` more double them (a negative step is a scale where more points
// are worse):
//
//   odds(p) = odds * 2^((p - points) / points_to_double_odds)        PD(p) = 1 / (1 + odds(p))
//
// The result is rounded half even to kProbabilityDigits digits and has the same bits on every
// machine.

#include "src/base/status.h"
#include "src/money/decimal.h"

namespace credence::model {

inline constexpr int kProbabilityDigits = 6;

class ProbabilityScale {
 public:
  // kInvalidArgument unless all are finite, odds are positive and the step is not 0.
  static Result<ProbabilityScale> Make(Decimal points, Decimal odds, Decimal points_to_double_odds);

  // Between 0 and 1. `points` is finite (assertion).
  [[nodiscard]] Decimal ProbabilityOfDefault(Decimal points) const;

 private:
  ProbabilityScale() = default;
  Decimal points_;
  Decimal points_to_double_odds_;
  double log_odds_ = 0;
  double log_two_ = 0;
};

}  // namespace credence::model
