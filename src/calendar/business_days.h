#pragma once
// Business days: a weekend, public holidays, and working days that make up for a holiday on what
// would be a weekend (调休). A calendar is data; nothing here knows any country's holidays.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "src/base/status.h"
#include "src/calendar/date.h"

namespace credence {

// What happens to a due date that is no business day. Stored. Do not change.
enum class BusinessDayRule : uint8_t {
  kUnadjusted = 1,         // nothing
  kFollowing = 2,          // the next business day
  kModifiedFollowing = 3,  // the next, unless that is in another month: then the one before
  kPreceding = 4,          // the business day before
  kModifiedPreceding = 5,  // the one before, unless that is in another month: then the next
  kNearest = 6,            // the nearer of both; the next on a tie
};

// "unadjusted", "following", "modified-following", "preceding", "modified-preceding", "nearest".
[[nodiscard]] std::string_view BusinessDayRuleName(BusinessDayRule rule);
[[nodiscard]] std::optional<BusinessDayRule> BusinessDayRuleFromName(std::string_view name);

class BusinessCalendar {
 public:
  static constexpr size_t kDatesMax = 20'000;    // of holidays, and of make-up days
  static constexpr int64_t kClosedDaysMax = 60;  // in a row

  // Saturday and Sunday off, no holidays.
  BusinessCalendar();

  // `weekend[0]` is Monday. `holidays` are closed whatever the weekday; `working` are open whatever
  // the weekday. Any order. kInvalidArgument if a date is in both lists or twice in one, if a
  // make-up day is not on a weekend day, if every day is weekend, or if more than kClosedDaysMax
  // days in a row are closed; kOutOfRange beyond kDatesMax.
  static Result<BusinessCalendar> Make(std::array<bool, 7> weekend, std::span<const Date> holidays,
                                       std::span<const Date> working);

  [[nodiscard]] bool IsBusinessDay(Date date) const;
  [[nodiscard]] Date Adjust(Date date, BusinessDayRule rule) const;
  // The n-th business day after `date` (before, if n is negative); `date` itself for 0, open or
  // not.
  [[nodiscard]] Date PlusBusinessDays(Date date, int64_t n) const;
  // Business days in [from, to); the negative count when `to` is before `from`.
  [[nodiscard]] int64_t BusinessDaysBetween(Date from, Date to) const;

 private:
  [[nodiscard]] Date Next(Date date) const;      // the first business day on or after
  [[nodiscard]] Date Previous(Date date) const;  // the last business day on or before
  std::array<bool, 7> weekend_;
  std::vector<Date> holidays_;  // sorted
  std::vector<Date> working_;   // sorted
};

}  // namespace credence
