#include "src/calendar/business_days.h"

#include <algorithm>

#include "src/base/assert.h"

namespace credence {
namespace {

struct Name {
  BusinessDayRule rule;
  std::string_view text;
};
constexpr std::array<Name, 6> kNames{{{BusinessDayRule::kUnadjusted, "unadjusted"},
                                      {BusinessDayRule::kFollowing, "following"},
                                      {BusinessDayRule::kModifiedFollowing, "modified-following"},
                                      {BusinessDayRule::kPreceding, "preceding"},
                                      {BusinessDayRule::kModifiedPreceding, "modified-preceding"},
                                      {BusinessDayRule::kNearest, "nearest"}}};

Result<std::vector<Date>> Sorted(std::span<const Date> dates, std::string_view what) {
  if (dates.size() > BusinessCalendar::kDatesMax) {
    return OutOfRange("more than " + std::to_string(BusinessCalendar::kDatesMax) + " " +
                      std::string(what));
  }
  std::vector<Date> sorted(dates.begin(), dates.end());
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice != sorted.end()) {
    return InvalidArgument(twice->ToString() + " is twice in the " + std::string(what));
  }
  return sorted;
}

bool SameMonth(Date a, Date b) {
  const CivilDate civil_a = a.ToCivil();
  const CivilDate civil_b = b.ToCivil();
  return civil_a.year == civil_b.year && civil_a.month == civil_b.month;
}

}  // namespace

std::string_view BusinessDayRuleName(BusinessDayRule rule) {
  for (const Name& name : kNames) {
    if (name.rule == rule) return name.text;
  }
  CREDENCE_UNREACHABLE();
}

std::optional<BusinessDayRule> BusinessDayRuleFromName(std::string_view text) {
  for (const Name& name : kNames) {
    if (name.text == text) return name.rule;
  }
  return std::nullopt;
}

BusinessCalendar::BusinessCalendar() : weekend_{false, false, false, false, false, true, true} {}

Result<BusinessCalendar> BusinessCalendar::Make(std::array<bool, 7> weekend,
                                                std::span<const Date> holidays,
                                                std::span<const Date> working) {
  BusinessCalendar calendar;
  calendar.weekend_ = weekend;
  if (std::find(weekend.begin(), weekend.end(), false) == weekend.end()) {
    return InvalidArgument("every day of the week is weekend");
  }
  CREDENCE_ASSIGN(calendar.holidays_, Sorted(holidays, "holidays"));
  CREDENCE_ASSIGN(calendar.working_, Sorted(working, "make-up working days"));
  for (const Date date : calendar.working_) {
    if (std::binary_search(calendar.holidays_.begin(), calendar.holidays_.end(), date)) {
      return InvalidArgument(date.ToString() + " is both a holiday and a make-up working day");
    }
    if (!weekend[static_cast<size_t>(date.DayOfWeek() - 1)]) {
      return InvalidArgument(date.ToString() + " is a make-up working day but not on a weekend");
    }
  }
  // A run of closed days can only be long around holidays: look from each one on.
  Date known_until{INT64_MIN};
  for (const Date holiday : calendar.holidays_) {
    if (holiday < known_until) continue;
    Date first = holiday;
    while (!calendar.IsBusinessDay(first.PlusDays(-1))) first = first.PlusDays(-1);
    Date end = holiday;
    while (!calendar.IsBusinessDay(end)) {
      end = end.PlusDays(1);
      if (end.days - first.days > kClosedDaysMax) {
        return InvalidArgument("more than " + std::to_string(kClosedDaysMax) +
                               " days in a row are closed from " + first.ToString());
      }
    }
    known_until = end;
  }
  return calendar;
}

bool BusinessCalendar::IsBusinessDay(Date date) const {
  if (weekend_[static_cast<size_t>(date.DayOfWeek() - 1)]) {
    return std::binary_search(working_.begin(), working_.end(), date);
  }
  return !std::binary_search(holidays_.begin(), holidays_.end(), date);
}

Date BusinessCalendar::Next(Date date) const {
  for (int64_t i = 0; i <= kClosedDaysMax; ++i) {
    if (IsBusinessDay(date.PlusDays(i))) return date.PlusDays(i);
  }
  CREDENCE_UNREACHABLE();
}

Date BusinessCalendar::Previous(Date date) const {
  for (int64_t i = 0; i <= kClosedDaysMax; ++i) {
    if (IsBusinessDay(date.PlusDays(-i))) return date.PlusDays(-i);
  }
  CREDENCE_UNREACHABLE();
}

Date BusinessCalendar::Adjust(Date date, BusinessDayRule rule) const {
  switch (rule) {
    case BusinessDayRule::kUnadjusted:
      return date;
    case BusinessDayRule::kFollowing:
      return Next(date);
    case BusinessDayRule::kPreceding:
      return Previous(date);
    case BusinessDayRule::kModifiedFollowing: {
      const Date next = Next(date);
      return SameMonth(next, date) ? next : Previous(date);
    }
    case BusinessDayRule::kModifiedPreceding: {
      const Date previous = Previous(date);
      return SameMonth(previous, date) ? previous : Next(date);
    }
    case BusinessDayRule::kNearest: {
      const Date next = Next(date);
      const Date previous = Previous(date);
      return date.days - previous.days < next.days - date.days ? previous : next;
    }
  }
  CREDENCE_UNREACHABLE();
}

Date BusinessCalendar::PlusBusinessDays(Date date, int64_t n) const {
  for (; n > 0; --n) date = Next(date.PlusDays(1));
  for (; n < 0; ++n) date = Previous(date.PlusDays(-1));
  return date;
}

int64_t BusinessCalendar::BusinessDaysBetween(Date from, Date to) const {
  if (to < from) return -BusinessDaysBetween(to, from);
  // Whole weeks by their weekend, the rest day by day, then the exceptions by their place in the
  // lists.
  const auto is_weekend = [&](Date date) {
    return weekend_[static_cast<size_t>(date.DayOfWeek() - 1)];
  };
  const int64_t weeks = (to.days - from.days) / 7;
  int64_t count = weeks * std::count(weekend_.begin(), weekend_.end(), false);
  for (Date date = from.PlusDays(weeks * 7); date < to; date = date.PlusDays(1)) {
    count += is_weekend(date) ? 0 : 1;
  }
  for (auto it = std::lower_bound(holidays_.begin(), holidays_.end(), from);
       it != holidays_.end() && *it < to; ++it) {
    count -= is_weekend(*it) ? 0 : 1;
  }
  const auto first = std::lower_bound(working_.begin(), working_.end(), from);
  return count + (std::lower_bound(working_.begin(), working_.end(), to) - first);
}

}  // namespace credence
