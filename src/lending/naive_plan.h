#pragma once
// The slow, obvious schedule of one draw without events: present values instead of the growth
// recurrence, one loop a kind, nothing shared with Plan but the fractions of a year. Oracle of Plan
// in tests.

#include <vector>

#include "src/lending/terms.h"

namespace credence::lending {

struct NaivePeriod {
  int64_t principal = 0;
  int64_t interest = 0;
  int64_t balance = 0;
};

// Empty where equal instalments would repay more than was lent (a long grace on interest, coarse
// multiples): there Plan lowers the last ones, which this twin does not.
[[nodiscard]] std::vector<NaivePeriod> NaiveSchedule(const Terms& terms,
                                                     const std::vector<PeriodDates>& dates,
                                                     int64_t amount_minor);

}  // namespace credence::lending
