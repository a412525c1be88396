#include "src/calendar/date.h"

#include <array>

#include "src/base/int128.h"

namespace credence {
namespace {

// Howard Hinnant's civil algorithms: the year begins on 1 March, so that the leap day comes last,
// and 400 years are an era of 146,097 days.
constexpr int64_t kDaysPerEra = 146'097;
constexpr int64_t kDaysToEpoch = 719'468;  // from 0000-03-01 to 1970-01-01

constexpr int64_t FloorDiv(int64_t a, int64_t b) {
  return a / b - static_cast<int64_t>(a % b != 0 && (a % b < 0) != (b < 0));
}

int64_t DaysFromCivil(int64_t year, int month, int day) {
  const int64_t y = month <= 2 ? year - 1 : year;
  const int64_t era = FloorDiv(y, 400);
  const int64_t year_of_era = y - era * 400;
  const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * kDaysPerEra + day_of_era - kDaysToEpoch;
}

// Two digits at `at`, or -1.
int TwoDigits(std::string_view text, size_t at) {
  if (at + 2 > text.size()) return -1;
  const char a = text[at];
  const char b = text[at + 1];
  if (a < '0' || a > '9' || b < '0' || b > '9') return -1;
  return (a - '0') * 10 + (b - '0');
}

// At least `width` digits, with leading zeros.
std::string Padded(int64_t value, size_t width) {
  std::string digits = std::to_string(value);
  return digits.size() < width ? std::string(width - digits.size(), '0') + digits : digits;
}

std::string Quoted(std::string_view text) {
  constexpr size_t kShownMax = 64;
  return "'" + std::string(text.substr(0, kShownMax)) + (text.size() > kShownMax ? "…'" : "'");
}

// The date at the front of `text`; says in the message what is wrong.
Result<Date> ParseDatePrefix(std::string_view text) {
  const int century = TwoDigits(text, 0);
  const int rest = TwoDigits(text, 2);
  const int month = TwoDigits(text, 5);
  const int day = TwoDigits(text, 8);
  if (text.size() < 10 || century < 0 || rest < 0 || month < 0 || day < 0 || text[4] != '-' ||
      text[7] != '-') {
    return InvalidArgument("expected a date as YYYY-MM-DD, found " + Quoted(text));
  }
  const std::optional<Date> date = Date::FromCivil(century * 100 + rest, month, day);
  if (!date) return InvalidArgument("there is no such day: " + Quoted(text.substr(0, 10)));
  return *date;
}

// The fraction after a point at `*at`, in nanoseconds; moves `*at` behind it. -1 if there is no
// digit, -2 if there are more than nine.
int64_t ParseFraction(std::string_view text, size_t* at) {
  constexpr size_t kDigitsMax = 9;
  const size_t first = *at + 1;
  size_t end = first;
  int64_t ns = 0;
  while (end < text.size() && text[end] >= '0' && text[end] <= '9') {
    if (end - first < kDigitsMax) ns = ns * 10 + (text[end] - '0');
    ++end;
  }
  if (end == first) return -1;
  if (end - first > kDigitsMax) return -2;
  for (size_t i = end - first; i < kDigitsMax; ++i) ns *= 10;
  *at = end;
  return ns;
}

// "Z" or "+hh:mm" from `at` to the end, in seconds.
std::optional<int64_t> ParseOffset(std::string_view text, size_t at) {
  if (at + 1 == text.size() && (text[at] == 'Z' || text[at] == 'z')) return 0;
  if (at + 6 != text.size() || (text[at] != '+' && text[at] != '-') || text[at + 3] != ':') {
    return std::nullopt;
  }
  const int hours = TwoDigits(text, at + 1);
  const int minutes = TwoDigits(text, at + 4);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return std::nullopt;
  const int64_t seconds = hours * 3600 + minutes * 60;
  return text[at] == '-' ? -seconds : seconds;
}

struct Unit {
  std::string_view name;
  int64_t ns;
};
// Longer names first among those that share a first letter.
constexpr std::array<Unit, 8> kUnits{{{"w", 7 * kNsPerDay},
                                      {"d", kNsPerDay},
                                      {"h", kNsPerHour},
                                      {"ms", 1'000'000},
                                      {"m", kNsPerMinute},
                                      {"s", kNsPerSecond},
                                      {"us", 1'000},
                                      {"ns", 1}}};

}  // namespace

bool IsLeapYear(int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

int DaysInMonth(int64_t year, int month) {
  CREDENCE_ASSERT(month >= 1 && month <= 12);
  constexpr std::array<int, 12> kDays{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && IsLeapYear(year) ? 29 : kDays[static_cast<size_t>(month - 1)];
}

std::optional<Date> Date::FromCivil(int64_t year, int month, int day) {
  if (year < -kYearMax || year > kYearMax || month < 1 || month > 12 || day < 1 ||
      day > DaysInMonth(year, month)) {
    return std::nullopt;
  }
  return Date{DaysFromCivil(year, month, day)};
}

CivilDate Date::ToCivil() const {
  const int64_t z = days + kDaysToEpoch;
  const int64_t era = FloorDiv(z, kDaysPerEra);
  const int64_t day_of_era = z - era * kDaysPerEra;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t shifted_month = (5 * day_of_year + 2) / 153;
  CivilDate civil;
  civil.day = static_cast<int>(day_of_year - (153 * shifted_month + 2) / 5 + 1);
  civil.month = static_cast<int>(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
  civil.year = year_of_era + era * 400 + (civil.month <= 2 ? 1 : 0);
  return civil;
}

std::string Date::ToString() const {
  const CivilDate civil = ToCivil();
  const bool negative = civil.year < 0;
  return (negative ? "-" : "") + Padded(negative ? -civil.year : civil.year, 4) + "-" +
         Padded(civil.month, 2) + "-" + Padded(civil.day, 2);
}

Result<Date> Date::Parse(std::string_view text) {
  if (text.size() != 10) {
    return InvalidArgument("expected a date as YYYY-MM-DD, found " + Quoted(text));
  }
  return ParseDatePrefix(text);
}

int Date::DayOfWeek() const {
  // 1970-01-01 was a Thursday.
  const int64_t from_monday = days + 3;
  return static_cast<int>(from_monday - FloorDiv(from_monday, 7) * 7) + 1;
}

int Date::DayOfYear() const {
  return static_cast<int>(days - DaysFromCivil(ToCivil().year, 1, 1)) + 1;
}

int Date::WeekOfYear() const {
  // A week belongs to the year that its Thursday lies in.
  const Date thursday{days + 4 - DayOfWeek()};
  return (thursday.DayOfYear() - 1) / 7 + 1;
}

Date Date::PlusMonths(int64_t months) const {
  const CivilDate civil = ToCivil();
  // Out of range stays out of range: the year stops at twice the greatest, where no sum can
  // overflow.
  constexpr Int128 kMonthsMax = Int128{kYearMax} * 2 * 12;
  Int128 total = Int128{civil.year} * 12 + (civil.month - 1) + months;
  total = total < -kMonthsMax ? -kMonthsMax : total > kMonthsMax ? kMonthsMax : total;
  const auto whole = static_cast<int64_t>(total);
  const int64_t year = FloorDiv(whole, 12);
  const int month = static_cast<int>(whole - year * 12) + 1;
  const int day_max = DaysInMonth(year, month);
  return Date{DaysFromCivil(year, month, civil.day < day_max ? civil.day : day_max)};
}

Result<Timestamp> Timestamp::Parse(std::string_view text) {
  const auto malformed = [&](std::string_view what) {
    return InvalidArgument("expected an RFC 3339 time as 2024-01-31T12:00:00Z, found " +
                           Quoted(text) + ": " + std::string(what));
  };
  CREDENCE_ASSIGN(const Date date, ParseDatePrefix(text));
  if (text.size() < 20) return malformed("it ends too early");
  const int hour = TwoDigits(text, 11);
  const int minute = TwoDigits(text, 14);
  const int second = TwoDigits(text, 17);
  if (text[10] != 'T' && text[10] != 't') return malformed("no 'T' after the date");
  if (hour < 0 || minute < 0 || second < 0 || text[13] != ':' || text[16] != ':') {
    return malformed("the time of day is not hh:mm:ss");
  }
  if (second == 60) return malformed("a leap second (60) cannot be represented");
  if (hour > 23) return malformed("the hour is above 23");
  if (minute > 59) return malformed("the minute is above 59");
  if (second > 59) return malformed("the second is above 59");
  size_t at = 19;
  int64_t fraction_ns = 0;
  if (text[at] == '.') {
    fraction_ns = ParseFraction(text, &at);
    if (fraction_ns == -1) return malformed("no digit after the point");
    if (fraction_ns == -2) return malformed("more than nine digits of a fraction");
  }
  const std::optional<int64_t> offset = ParseOffset(text, at);
  if (!offset) return malformed("no offset 'Z' or '+hh:mm' at the end");
  const Int128 seconds =
      Int128{date.days} * 86'400 + Int128{hour} * 3600 + Int128{minute} * 60 + second - *offset;
  const Int128 ns = seconds * kNsPerSecond + fraction_ns;
  if (ns < INT64_MIN || ns > INT64_MAX) {
    return OutOfRange("the time " + Quoted(text) + " is outside 1677-09-21 to 2262-04-11");
  }
  return Timestamp{static_cast<int64_t>(ns)};
}

std::string Timestamp::ToString() const {
  const Date date = UtcDate();
  const int64_t ns_of_day =
      static_cast<int64_t>(Int128{ns} - Int128{date.days} * Int128{kNsPerDay});
  const int64_t second = ns_of_day / kNsPerSecond;
  std::string out = date.ToString() + "T" + Padded(second / 3600, 2) + ":" +
                    Padded(second / 60 % 60, 2) + ":" + Padded(second % 60, 2);
  if (const int64_t fraction = ns_of_day % kNsPerSecond; fraction != 0) {
    std::string digits = Padded(fraction, 9);
    digits.erase(digits.find_last_not_of('0') + 1);
    out += "." + digits;
  }
  return out + "Z";
}

Date Timestamp::UtcDate() const { return Date{FloorDiv(ns, kNsPerDay)}; }

std::optional<Timestamp> Timestamp::FromUtc(Date date, int64_t ns_of_day) {
  const Int128 ns = Int128{date.days} * kNsPerDay + ns_of_day;
  if (ns < INT64_MIN || ns > INT64_MAX) return std::nullopt;
  return Timestamp{static_cast<int64_t>(ns)};
}

Result<int64_t> ParseDurationNs(std::string_view text) {
  const auto malformed = [&] {
    return InvalidArgument(
        "expected a duration such as 90s, 10m, 24h, 7d, 2w or 1h30m (units w d h m s ms us ns, the "
        "largest first, each at most once), found " +
        Quoted(text));
  };
  if (text.empty()) return malformed();
  UInt128 total = 0;
  int64_t last_unit_ns = INT64_MAX;
  size_t at = 0;
  while (at < text.size()) {
    const size_t first = at;
    UInt128 number = 0;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
      // Twenty digits are above any int64 already; more would only overflow the sum.
      if (number < UInt128{INT64_MAX}) number = number * 10 + static_cast<UInt128>(text[at] - '0');
      ++at;
    }
    if (at == first) return malformed();
    const Unit* unit = nullptr;
    for (const Unit& candidate : kUnits) {
      if (text.substr(at).starts_with(candidate.name)) {
        unit = &candidate;
        break;
      }
    }
    if (unit == nullptr || unit->ns >= last_unit_ns) return malformed();
    last_unit_ns = unit->ns;
    at += unit->name.size();
    total += number * static_cast<UInt128>(unit->ns);
  }
  if (total > UInt128{INT64_MAX}) {
    return OutOfRange("the duration " + Quoted(text) + " is above 292 years (int64 nanoseconds)");
  }
  return static_cast<int64_t>(total);
}

std::string DurationToString(int64_t ns) {
  if (ns == 0) return "0s";
  std::string out = ns < 0 ? "-" : "";
  uint64_t rest = ns < 0 ? uint64_t{0} - static_cast<uint64_t>(ns) : static_cast<uint64_t>(ns);
  constexpr std::array<Unit, 7> kShown{{{"d", kNsPerDay},
                                        {"h", kNsPerHour},
                                        {"m", kNsPerMinute},
                                        {"s", kNsPerSecond},
                                        {"ms", 1'000'000},
                                        {"us", 1'000},
                                        {"ns", 1}}};
  for (const Unit& unit : kShown) {
    const uint64_t count = rest / static_cast<uint64_t>(unit.ns);
    rest %= static_cast<uint64_t>(unit.ns);
    if (count > 0) {
      out += std::to_string(count);
      out += unit.name;
    }
  }
  return out;
}

}  // namespace credence
