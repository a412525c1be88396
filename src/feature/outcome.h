#pragma once
// Outcome: all that an aggregator may say of one series over one window, and the slot value made of
// it.

#include <cstdint>

#include "src/calendar/date.h"
#include "src/feature/dictionary.h"
#include "src/feature/plan.h"
#include "src/feature/row_log.h"
#include "src/record/value.h"

namespace credence::feature {

// A row, as far as first, last and the durations since them need it.
struct Moment {
  int64_t time = 0;
  int64_t cell = 0;
  uint64_t seq = 0;
};

// Where tally.count is 0 nothing else has a meaning.
struct Outcome {
  Tally tally;
  int64_t min = 0;
  int64_t max = 0;
  Moment first;
  Moment last;
  int64_t distinct = 0;
};

// `column` is null for a series without one. Text points into `texts`.
[[nodiscard]] record::Value MakeValue(Aggregator aggregator, const Column* column,
                                      const Outcome& outcome, Timestamp read_at,
                                      const Dictionary& texts, Currency base);

// a - b, not below the least time.
inline int64_t MinusClamped(int64_t a, int64_t b) {
  int64_t difference = 0;
  return __builtin_sub_overflow(a, b, &difference) ? INT64_MIN : difference;
}

}  // namespace credence::feature
