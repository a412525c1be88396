#pragma once
// Dates of the proleptic Gregorian calendar and instants. Pure arithmetic: nothing here knows what
// day it is.

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "src/base/status.h"

namespace credence {

struct CivilDate {
  int64_t year = 1970;  // astronomical: 0 is 1 BC
  int month = 1;        // 1..12
  int day = 1;          // 1..31
  friend auto operator<=>(const CivilDate&, const CivilDate&) = default;
};

// Days since 1970-01-01. Valid for years -999,999,999 to 999,999,999.
struct Date {
  static constexpr int64_t kYearMax = 999'999'999;
  int64_t days = 0;

  static std::optional<Date> FromCivil(int64_t year, int month, int day);  // nothing if no such day
  [[nodiscard]] CivilDate ToCivil() const;
  // "2024-02-29"; years beyond four digits as they are, with a minus sign where negative.
  [[nodiscard]] std::string ToString() const;
  // Exactly YYYY-MM-DD (RFC 3339 full-date).
  static Result<Date> Parse(std::string_view text);

  // 1 = Monday .. 7 = Sunday (ISO 8601).
  [[nodiscard]] int DayOfWeek() const;
  [[nodiscard]] int DayOfYear() const;  // from 1
  // ISO 8601 week 1..53.
  [[nodiscard]] int WeekOfYear() const;
  // The same day of another month, or that month's last day where there is none.
  [[nodiscard]] Date PlusMonths(int64_t months) const;
  [[nodiscard]] Date PlusDays(int64_t n) const { return Date{days + n}; }
  friend auto operator<=>(const Date&, const Date&) = default;
};

[[nodiscard]] bool IsLeapYear(int64_t year);
[[nodiscard]] int DaysInMonth(int64_t year, int month);  // month 1..12

// An instant: nanoseconds since 1970-01-01T00:00:00Z without leap seconds (1677-09-21 to
// 2262-04-11).
struct Timestamp {
  int64_t ns = 0;

  // RFC 3339 with offset ("2024-01-31T12:00:00.5+08:00", "…Z"); 60 as a second, more than nine
  // digits of a fraction, and times beyond the range are refused, and the message says which.
  static Result<Timestamp> Parse(std::string_view text);
  // In UTC, with as many digits of a fraction as needed: "2024-01-31T04:00:00.5Z".
  [[nodiscard]] std::string ToString() const;
  [[nodiscard]] Date UtcDate() const;
  static std::optional<Timestamp> FromUtc(Date date, int64_t ns_of_day);
  friend auto operator<=>(const Timestamp&, const Timestamp&) = default;
};

inline constexpr int64_t kNsPerSecond = 1'000'000'000;
inline constexpr int64_t kNsPerMinute = 60 * kNsPerSecond;
inline constexpr int64_t kNsPerHour = 60 * kNsPerMinute;
inline constexpr int64_t kNsPerDay = 24 * kNsPerHour;

// A span of time as packs write it: "90s", "10m", "24h", "7d", "2w", also added up: "1h30m". Days
// are 24 h. kInvalidArgument for any other text, kOutOfRange beyond int64 nanoseconds.
Result<int64_t> ParseDurationNs(std::string_view text);
// The largest units first, "0s" for nothing: "1d12h", "1h30m", "250ms", "5us", "7ns".
[[nodiscard]] std::string DurationToString(int64_t ns);

}  // namespace credence
