#pragma once
// Dates, times, date-times and durations as FEEL writes and computes them (XML Schema lexical
// forms, plus
// @zone). Years reach from -999,999,999 to 999,999,999, seconds have nine digits.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "src/base/int128.h"
#include "src/calendar/date.h"
#include "src/calendar/zone.h"
#include "src/feel/value.h"

namespace credence::feel {

inline constexpr int64_t kSecondsPerDay = 86'400;

constexpr int64_t FloorDivide(int64_t a, int64_t b) {
  const int64_t q = a / b;
  return q - ((a % b != 0 && ((a < 0) != (b < 0))) ? 1 : 0);
}

// "2012-12-25"; four digits of year or more (none leading then zero), optional minus.
[[nodiscard]] std::optional<Date> ParseFeelDate(std::string_view text);
// "13:20:00", "13:20:00.123Z", "13:20:00+02:00", "13:20:00@Europe/Paris". 24:00:00 is 00:00:00.
[[nodiscard]] std::optional<TimeOfDay> ParseFeelTime(std::string_view text, ZoneSource* zones);
// A date, "T", a time; 24:00:00 is the next midnight. A date alone is midnight local.
[[nodiscard]] std::optional<DateTime> ParseFeelDateTime(std::string_view text, ZoneSource* zones);
// "P1DT2H3M4.5S", "-P2D", "P1Y2M": a kDaysDuration or kYearsDuration, or null.
[[nodiscard]] Value ParseFeelDuration(std::string_view text);
// What stands in @"…": any of the four.
[[nodiscard]] Value ParseAtLiteral(std::string_view text, ZoneSource* zones);

[[nodiscard]] std::string FormatDate(Date date);
[[nodiscard]] std::string FormatTime(const TimeOfDay& time);
[[nodiscard]] std::string FormatDateTime(const DateTime& date_time);
[[nodiscard]] std::string FormatDaysDuration(Int128 ns);
[[nodiscard]] std::string FormatYearsDuration(int64_t months);

// Seconds east of UTC of a time of day: a named zone is taken at its standard time of 1970-01-01.
[[nodiscard]] int32_t TimeOffset(const TimeOfDay& time);
// The wall clock of `zone` at an instant.
[[nodiscard]] DateTime FromUtcSeconds(int64_t utc_seconds, uint32_t ns, const ZoneRef& zone);
// A wall-clock time that a jump of the named zone leaves out moves on by the length of the jump.
[[nodiscard]] DateTime Settle(DateTime date_time);
[[nodiscard]] DateTime AtMidnight(Date date, const ZoneRef& zone);
[[nodiscard]] Date DateOf(const DateTime& date_time);
[[nodiscard]] int64_t NsOfDay(const DateTime& date_time);
[[nodiscard]] bool IsDateInRange(int64_t days);
[[nodiscard]] bool IsDateTimeInRange(int64_t local_seconds);

// The operators + - * / on operands of which one at least is temporal. Null with a reason where
// they do not fit. `op` is one of the four characters.
[[nodiscard]] Value TemporalArithmetic(char op, const Value& a, const Value& b);
// `-a` of a duration.
[[nodiscard]] Value NegateDuration(const Value& a);
// date.year, time.hour, duration.days, …: the value of the property, or nothing if the kind has no
// such one.
[[nodiscard]] std::optional<Value> TemporalProperty(const Value& value, std::string_view property);
// years and months duration(from, to): whole months between, towards zero.
[[nodiscard]] int64_t MonthsBetween(const DateTime& from, const DateTime& to);
// Shift by months, keeping the day where the month has it.
[[nodiscard]] std::optional<DateTime> PlusMonths(const DateTime& date_time, int64_t months);

}  // namespace credence::feel
