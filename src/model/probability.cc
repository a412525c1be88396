#include "src/model/probability.h"

#include "src/base/assert.h"
#include "src/base/exact_math.h"

namespace credence::model {

Result<ProbabilityScale> ProbabilityScale::Make(Decimal points, Decimal odds,
                                                Decimal points_to_double_odds) {
  if (!points.IsFinite()) return InvalidArgument("points of the scale must be a finite number");
  if (!odds.IsFinite() || odds.IsNegative() || odds.IsZero()) {
    return InvalidArgument("odds of the scale must be a positive number");
  }
  if (!points_to_double_odds.IsFinite() || points_to_double_odds.IsZero()) {
    return InvalidArgument("points_to_double_odds must be a number other than 0");
  }
  ProbabilityScale scale;
  scale.points_ = points;
  scale.points_to_double_odds_ = points_to_double_odds;
  scale.log_odds_ = ExactLog(odds.ToDouble());
  scale.log_two_ = ExactLog(2.0);
  return scale;
}

Decimal ProbabilityScale::ProbabilityOfDefault(Decimal points) const {
  CREDENCE_ASSERT(points.IsFinite());
  const Decimal doublings = (points - points_) / points_to_double_odds_;
  // Only absurd scales leave the range of decimals, where the probability has long been 0 or 1.
  const bool better = (points >= points_) != points_to_double_odds_.IsNegative();
  const double log_odds = doublings.IsFinite() ? log_odds_ + doublings.ToDouble() * log_two_
                                               : (better ? 1000.0 : -1000.0);
  const double probability = ExactLogistic(-log_odds);
  return Decimal::FromDouble(probability).Rounded(kProbabilityDigits, Rounding::kHalfEven);
}

}  // namespace credence::model
