#pragma once
// Day counts: how long a stretch of days is, as an exact fraction of a year. Nothing is rounded
// here: the fraction is a ratio of integers, and who multiplies money by it names the rounding.
//
//   convention     numerator                                   denominator   source
//   30/360 US      360(y2-y1) + 30(m2-m1) + (d2-d1)            360           ISDA 2006 4.16(f) with
//   the end-of-February
//                  after: both ends the last of February: d2 = 30;           rule of SIFMA (bond
//                  basis) the start the last of February: d1 = 30; d2 = 31 and d1 >= 30: d2 = 30;
//                  d1 = 31: d1 = 30
//   30E/360 EU     the same after 31 -> 30 on either side      360           ISDA 2006 4.16(g),
//   Eurobond basis ACT/360        days                                        360           ISDA
//   2006 4.16(e) ACT/364        days                                        364           52 weeks
//   ACT/365        days                                        365           ISDA 2006 4.16(d),
//   fixed ACT/ACT ISDA   366 x days in common years                  365 x 366     ISDA
//   2006 4.16(b)
//                  + 365 x days in leap years
//   ACT/ACT year   days                                        365 or 366    length of the year of
//   the first day
//
// Example: 2023-12-12 to 2024-01-12 is 31 days: 30 of them in 30/360, 31/365 in ACT/365 and by
// year, and 20/365 + 11/366 in ACT/ACT ISDA.

#include <cstdint>
#include <optional>
#include <string_view>

#include "src/calendar/date.h"

namespace credence {

// Stored. Do not change.
enum class DayCount : uint8_t {
  kThirty360Us = 1,
  kThirty360Eu = 2,
  kAct360 = 3,
  kAct365 = 4,
  kActActIsda = 5,
  kActActYear = 6,
  kAct364 = 7,
};

// "30/360-us", "30/360-eu", "act/360", "act/364", "act/365", "act/act-isda", "act/act-year".
[[nodiscard]] std::string_view DayCountName(DayCount convention);
[[nodiscard]] std::optional<DayCount> DayCountFromName(std::string_view name);

// A ratio in lowest terms, the denominator positive.
struct YearFraction {
  int64_t numerator = 0;
  int64_t denominator = 1;
  friend bool operator==(const YearFraction&, const YearFraction&) = default;
};

// The days between two dates as the convention counts them (30/360 by months of 30 days, the others
// by the calendar). Negative when `to` is before `from`: the count from `to` to `from` with the
// sign turned.
[[nodiscard]] int64_t CountDays(DayCount convention, Date from, Date to);

// The year fraction from `from` (included) to `to` (not included); turned in sign when `to` is
// before `from`.
[[nodiscard]] YearFraction YearsBetween(DayCount convention, Date from, Date to);

}  // namespace credence
