#include "src/calendar/day_count.h"

#include <array>
#include <numeric>

#include "src/base/assert.h"

namespace credence {
namespace {

struct Name {
  DayCount convention;
  std::string_view text;
};
constexpr std::array<Name, 7> kNames{{{DayCount::kThirty360Us, "30/360-us"},
                                      {DayCount::kThirty360Eu, "30/360-eu"},
                                      {DayCount::kAct360, "act/360"},
                                      {DayCount::kAct364, "act/364"},
                                      {DayCount::kAct365, "act/365"},
                                      {DayCount::kActActIsda, "act/act-isda"},
                                      {DayCount::kActActYear, "act/act-year"}}};

bool IsLastOfFebruary(const CivilDate& date) {
  return date.month == 2 && date.day == DaysInMonth(date.year, 2);
}

int64_t ThirtyDays(const CivilDate& a, int day_a, const CivilDate& b, int day_b) {
  return 360 * (b.year - a.year) + 30 * (b.month - a.month) + (day_b - day_a);
}

int64_t ThirtyUs(const CivilDate& a, const CivilDate& b) {
  int day_a = a.day;
  int day_b = b.day;
  if (IsLastOfFebruary(a)) {
    if (IsLastOfFebruary(b)) day_b = 30;
    day_a = 30;
  }
  if (day_b == 31 && day_a >= 30) day_b = 30;
  if (day_a == 31) day_a = 30;
  return ThirtyDays(a, day_a, b, day_b);
}

int64_t ThirtyEu(const CivilDate& a, const CivilDate& b) {
  return ThirtyDays(a, a.day == 31 ? 30 : a.day, b, b.day == 31 ? 30 : b.day);
}

// Days of [from, to) that lie in leap years.
int64_t DaysInLeapYears(Date from, Date to) {
  const int64_t first = from.ToCivil().year;
  const int64_t last = to.ToCivil().year;
  const auto first_of = [](int64_t year) { return Date::FromCivil(year, 1, 1)->days; };
  if (first == last) return IsLeapYear(first) ? to.days - from.days : 0;
  int64_t days = IsLeapYear(first) ? first_of(first + 1) - from.days : 0;
  if (IsLeapYear(last)) days += to.days - first_of(last);
  // Leap years strictly between, by counting multiples rather than years.
  const auto leaps_to =
      [](int64_t year) {  // leap years in 1..year, for any sign by the 400-year cycle
        const auto floor_div = [](int64_t a, int64_t b) {
          return a >= 0 ? a / b : -((-a + b - 1) / b);
        };
        return floor_div(year, 4) - floor_div(year, 100) + floor_div(year, 400);
      };
  return days + 366 * (leaps_to(last - 1) - leaps_to(first));
}

YearFraction Reduced(int64_t numerator, int64_t denominator) {
  const int64_t divisor = std::gcd(numerator, denominator);
  return {numerator / divisor, denominator / divisor};
}

}  // namespace

std::string_view DayCountName(DayCount convention) {
  for (const Name& name : kNames) {
    if (name.convention == convention) return name.text;
  }
  CREDENCE_UNREACHABLE();
}

std::optional<DayCount> DayCountFromName(std::string_view text) {
  for (const Name& name : kNames) {
    if (name.text == text) return name.convention;
  }
  return std::nullopt;
}

int64_t CountDays(DayCount convention, Date from, Date to) {
  if (to < from) return -CountDays(convention, to, from);
  switch (convention) {
    case DayCount::kThirty360Us:
      return ThirtyUs(from.ToCivil(), to.ToCivil());
    case DayCount::kThirty360Eu:
      return ThirtyEu(from.ToCivil(), to.ToCivil());
    default:
      return to.days - from.days;
  }
}

YearFraction YearsBetween(DayCount convention, Date from, Date to) {
  if (to < from) {
    const YearFraction back = YearsBetween(convention, to, from);
    return {-back.numerator, back.denominator};
  }
  const int64_t days = CountDays(convention, from, to);
  switch (convention) {
    case DayCount::kThirty360Us:
    case DayCount::kThirty360Eu:
    case DayCount::kAct360:
      return Reduced(days, 360);
    case DayCount::kAct364:
      return Reduced(days, 364);
    case DayCount::kAct365:
      return Reduced(days, 365);
    case DayCount::kActActIsda: {
      const int64_t leap = DaysInLeapYears(from, to);
      return Reduced(366 * (days - leap) + 365 * leap, 365 * 366);
    }
    case DayCount::kActActYear:
      return Reduced(days, IsLeapYear(from.ToCivil().year) ? 366 : 365);
  }
  CREDENCE_UNREACHABLE();
}

}  // namespace credence
