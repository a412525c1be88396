#include "src/feel/temporal.h"

#include <array>

namespace credence::feel {
namespace {

// A reference instant for the offset of a named zone where only a time of day is known.
constexpr int64_t kReferenceUtcSeconds = 946'684'800;  // 2000-01-01
constexpr int32_t kOffsetSecondsMax = 18 * 3600;
constexpr Int128 kDurationNsMax = static_cast<Int128>(4'000'000'000) * 366 * 86'400 * kNsPerSecond;
constexpr int64_t kMonthsMax = int64_t{4'000'000'000} * 12;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Reads a text from its front; Take functions leave it as it was where they fail.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}
  [[nodiscard]] bool AtEnd() const { return text_.empty(); }
  [[nodiscard]] std::string_view rest() const { return text_; }
  bool Take(char c) {
    if (text_.empty() || text_[0] != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  // Exactly `count` digits.
  bool TakeDigits(size_t count, int64_t* out) {
    if (text_.size() < count) return false;
    int64_t n = 0;
    for (size_t i = 0; i < count; ++i) {
      if (!IsDigit(text_[i])) return false;
      n = n * 10 + (text_[i] - '0');
    }
    text_.remove_prefix(count);
    *out = n;
    return true;
  }
  [[nodiscard]] size_t DigitCount() const {
    size_t n = 0;
    while (n < text_.size() && IsDigit(text_[n])) ++n;
    return n;
  }

 private:
  std::string_view text_;
};

bool TakeDate(Reader& reader, Date* out) {
  const bool negative = reader.Take('-');
  const size_t digits = reader.DigitCount();
  if (digits < 4 || digits > 9) return false;
  if (digits > 4 && reader.rest()[0] == '0') return false;
  int64_t year = 0;
  int64_t month = 0;
  int64_t day = 0;
  if (!reader.TakeDigits(digits, &year) || !reader.Take('-')) return false;
  if (!reader.TakeDigits(2, &month) || !reader.Take('-')) return false;
  if (!reader.TakeDigits(2, &day)) return false;
  const auto date =
      Date::FromCivil(negative ? -year : year, static_cast<int>(month), static_cast<int>(day));
  if (!date) return false;
  *out = *date;
  return true;
}

// Digits of a fraction as nanoseconds; more than nine digits are cut off.
int64_t TakeFraction(Reader& reader) {
  const size_t digits = reader.DigitCount();
  int64_t ns = 0;
  int64_t unit = kNsPerSecond / 10;
  for (size_t i = 0; i < digits; ++i) {
    ns += (reader.rest()[i] - '0') * unit;
    unit /= 10;
  }
  int64_t ignored = 0;
  for (size_t i = 0; i < digits; ++i) (void)reader.TakeDigits(1, &ignored);
  return ns;
}

bool TakeOffset(Reader& reader, int32_t* out) {
  const bool negative = reader.rest()[0] == '-';
  if (!reader.Take('+') && !reader.Take('-')) return false;
  int64_t hours = 0;
  int64_t minutes = 0;
  int64_t seconds = 0;
  if (!reader.TakeDigits(2, &hours) || !reader.Take(':') || !reader.TakeDigits(2, &minutes)) {
    return false;
  }
  if (reader.Take(':') && !reader.TakeDigits(2, &seconds)) return false;
  if (minutes > 59 || seconds > 59) return false;
  const int64_t total = hours * 3600 + minutes * 60 + seconds;
  if (total > kOffsetSecondsMax) return false;
  *out = static_cast<int32_t>(negative ? -total : total);
  return true;
}

// What follows the seconds, up to the end of the text.
bool TakeZone(Reader& reader, ZoneSource* zones, ZoneRef* out) {
  if (reader.AtEnd()) {
    *out = ZoneRef::Local();
    return true;
  }
  if (reader.Take('Z')) {
    *out = ZoneRef::Utc();
    return reader.AtEnd();
  }
  if (reader.Take('@')) {
    if (zones == nullptr || reader.AtEnd()) return false;
    const Zone* zone = zones->Find(reader.rest());
    if (zone == nullptr) return false;
    *out = ZoneRef::Named(zone);
    return true;
  }
  int32_t offset = 0;
  if (!TakeOffset(reader, &offset) || !reader.AtEnd()) return false;
  *out = ZoneRef::Offset(offset);
  return true;
}

// hh:mm:ss(.f)? and the zone. `whole_day` is set for 24:00:00.
bool TakeTime(Reader& reader, ZoneSource* zones, TimeOfDay* out, bool* whole_day) {
  int64_t hour = 0;
  int64_t minute = 0;
  int64_t second = 0;
  if (!reader.TakeDigits(2, &hour) || !reader.Take(':')) return false;
  if (!reader.TakeDigits(2, &minute) || !reader.Take(':')) return false;
  if (!reader.TakeDigits(2, &second)) return false;
  int64_t ns = 0;
  if (reader.Take('.')) {
    if (reader.DigitCount() == 0) return false;
    ns = TakeFraction(reader);
  }
  if (minute > 59 || second > 59) return false;
  *whole_day = hour == 24 && minute == 0 && second == 0 && ns == 0;
  if (hour > 23 && !*whole_day) return false;
  if (*whole_day) hour = 0;
  out->ns_of_day = ((hour * 60 + minute) * 60 + second) * kNsPerSecond + ns;
  return TakeZone(reader, zones, &out->zone);
}

void AppendPadded(std::string* out, int64_t value, int width) {
  std::string digits = std::to_string(value);
  if (static_cast<int>(digits.size()) < width)
    out->append(static_cast<size_t>(width) - digits.size(), '0');
  *out += digits;
}

void AppendFraction(std::string* out, int64_t ns) {
  if (ns == 0) return;
  std::string digits = std::to_string(ns);
  digits.insert(0, 9 - digits.size(), '0');
  while (digits.back() == '0') digits.pop_back();
  *out += '.';
  *out += digits;
}

void AppendClock(std::string* out, int64_t seconds_of_day, int64_t ns) {
  AppendPadded(out, seconds_of_day / 3600, 2);
  *out += ':';
  AppendPadded(out, seconds_of_day / 60 % 60, 2);
  *out += ':';
  AppendPadded(out, seconds_of_day % 60, 2);
  AppendFraction(out, ns);
}

void AppendZone(std::string* out, const ZoneRef& zone) {
  switch (zone.form) {
    case ZoneRef::Form::kLocal:
      return;
    case ZoneRef::Form::kNamed:
      *out += '@';
      *out += zone.zone->name();
      return;
    case ZoneRef::Form::kOffset:
      break;
  }
  int32_t seconds = zone.offset_seconds;
  if (seconds == 0) {
    *out += 'Z';
    return;
  }
  *out += seconds < 0 ? '-' : '+';
  if (seconds < 0) seconds = -seconds;
  AppendPadded(out, seconds / 3600, 2);
  *out += ':';
  AppendPadded(out, seconds / 60 % 60, 2);
  if (seconds % 60 != 0) {
    *out += ':';
    AppendPadded(out, seconds % 60, 2);
  }
}

Value NoSuchOperation(char op, const Value& a, const Value& b) {
  if (a.IsNull() || b.IsNull()) {
    return Value::Null(NullReason::kNullOperand, "an operand is null");
  }
  switch (op) {
    case '+':
      return Value::Null(NullReason::kType, "these operands cannot be added");
    case '-':
      return Value::Null(NullReason::kType, "these operands cannot be subtracted");
    case '*':
      return Value::Null(NullReason::kType, "these operands cannot be multiplied");
    default:
      return Value::Null(NullReason::kType, "these operands cannot be divided");
  }
}

Value OutOfRange() {
  return Value::Null(NullReason::kArithmetic,
                     "the result is out of the range of dates or durations");
}

Value MakeDuration(Int128 ns) {
  if (ns > kDurationNsMax || ns < -kDurationNsMax) return OutOfRange();
  return Value::Duration(ns);
}

Value MakeMonths(Int128 months) {
  if (months > kMonthsMax || months < -kMonthsMax) return OutOfRange();
  return Value::Months(static_cast<int64_t>(months));
}

Value MakeDate(int64_t days) {
  if (!IsDateInRange(days)) return OutOfRange();
  return Value::FromDate(Date{days});
}

Int128 FloorDivide128(Int128 a, Int128 b) {
  const Int128 q = a / b;
  return q - ((a % b != 0 && ((a < 0) != (b < 0))) ? 1 : 0);
}

// The instant as nanoseconds (a local date-time as if in UTC).
Int128 InstantNs(const DateTime& dt) {
  return static_cast<Int128>(UtcSeconds(dt)) * kNsPerSecond + dt.ns;
}

Value PlusNs(const DateTime& dt, Int128 ns) {
  const Int128 total = InstantNs(dt) + ns;
  const Int128 seconds = FloorDivide128(total, kNsPerSecond);
  if (!IsDateTimeInRange(static_cast<int64_t>(seconds))) return OutOfRange();
  const auto rest = static_cast<uint32_t>(total - seconds * kNsPerSecond);
  return Value::FromDateTime(FromUtcSeconds(static_cast<int64_t>(seconds), rest, dt.zone));
}

Value PlusDuration(const Value& a, Int128 ns) {
  switch (a.kind()) {
    case Kind::kDate: {
      const Int128 total = static_cast<Int128>(a.date().days) * kNsPerDay + ns;
      return MakeDate(static_cast<int64_t>(FloorDivide128(total, kNsPerDay)));
    }
    case Kind::kTime: {
      TimeOfDay time = a.time();
      Int128 sum = (time.ns_of_day + ns) % kNsPerDay;
      if (sum < 0) sum += kNsPerDay;
      time.ns_of_day = static_cast<int64_t>(sum);
      return Value::FromTime(time);
    }
    default:
      return PlusNs(a.date_time(), ns);
  }
}

Value PlusMonthsValue(const Value& a, int64_t months) {
  if (a.kind() == Kind::kDate) {
    const auto moved = PlusMonths(AtMidnight(a.date(), ZoneRef::Local()), months);
    return moved ? Value::FromDate(DateOf(*moved)) : OutOfRange();
  }
  const auto moved = PlusMonths(a.date_time(), months);
  return moved ? Value::FromDateTime(*moved) : OutOfRange();
}

bool IsPoint(Kind kind) {
  return kind == Kind::kDate || kind == Kind::kTime || kind == Kind::kDateTime;
}

Value Add(const Value& a, const Value& b) {
  const Kind x = a.kind();
  const Kind y = b.kind();
  if (x == Kind::kDaysDuration && y == x) return MakeDuration(a.duration_ns() + b.duration_ns());
  if (x == Kind::kYearsDuration && y == x) {
    return MakeMonths(static_cast<Int128>(a.months()) + b.months());
  }
  if (IsPoint(x) && y == Kind::kDaysDuration) return PlusDuration(a, b.duration_ns());
  if (IsPoint(y) && x == Kind::kDaysDuration) return PlusDuration(b, a.duration_ns());
  if (IsPoint(x) && x != Kind::kTime && y == Kind::kYearsDuration) {
    return PlusMonthsValue(a, b.months());
  }
  if (IsPoint(y) && y != Kind::kTime && x == Kind::kYearsDuration) {
    return PlusMonthsValue(b, a.months());
  }
  return NoSuchOperation('+', a, b);
}

Value SubtractTimes(const TimeOfDay& a, const TimeOfDay& b) {
  const bool a_local = a.zone.form == ZoneRef::Form::kLocal;
  const bool b_local = b.zone.form == ZoneRef::Form::kLocal;
  if (a_local != b_local) {
    return Value::Null(NullReason::kType, "a local and a zoned time cannot be subtracted");
  }
  int64_t ns = a.ns_of_day - b.ns_of_day;
  if (!a_local) ns -= (int64_t{TimeOffset(a)} - TimeOffset(b)) * kNsPerSecond;
  return MakeDuration(ns);
}

Value SubtractPoints(const Value& a, const Value& b) {
  if (a.kind() == Kind::kDate && b.kind() == Kind::kDate) {
    return MakeDuration(static_cast<Int128>(a.date().days - b.date().days) * kNsPerDay);
  }
  const DateTime x = a.kind() == Kind::kDate ? AtMidnight(a.date(), ZoneRef::Utc()) : a.date_time();
  const DateTime y = b.kind() == Kind::kDate ? AtMidnight(b.date(), ZoneRef::Utc()) : b.date_time();
  if ((x.zone.form == ZoneRef::Form::kLocal) != (y.zone.form == ZoneRef::Form::kLocal)) {
    return Value::Null(NullReason::kType, "a local and a zoned date and time cannot be subtracted");
  }
  return MakeDuration(InstantNs(x) - InstantNs(y));
}

Value Subtract(const Value& a, const Value& b) {
  const Kind x = a.kind();
  const Kind y = b.kind();
  if (x == Kind::kDaysDuration && y == x) return MakeDuration(a.duration_ns() - b.duration_ns());
  if (x == Kind::kYearsDuration && y == x) {
    return MakeMonths(static_cast<Int128>(a.months()) - b.months());
  }
  if (IsPoint(x) && y == Kind::kDaysDuration) return PlusDuration(a, -b.duration_ns());
  if (IsPoint(x) && x != Kind::kTime && y == Kind::kYearsDuration) {
    return PlusMonthsValue(a, -b.months());
  }
  if (x == Kind::kTime && y == Kind::kTime) return SubtractTimes(a.time(), b.time());
  if (IsPoint(x) && IsPoint(y) && x != Kind::kTime && y != Kind::kTime) return SubtractPoints(a, b);
  return NoSuchOperation('-', a, b);
}

// Towards zero, to whole units.
Value FromUnits(Kind kind, Decimal units) {
  const Decimal whole = units.Rounded(0, Rounding::kDown);
  const auto n = whole.IsFinite() ? whole.ToScaled(0) : std::nullopt;
  if (!n) return OutOfRange();
  return kind == Kind::kDaysDuration ? MakeDuration(*n) : MakeMonths(*n);
}

Decimal Units(const Value& duration) {
  return duration.kind() == Kind::kDaysDuration ? Decimal::FromScaled(duration.duration_ns(), 0)
                                                : Decimal::FromInt64(duration.months());
}

bool IsDuration(Kind kind) { return kind == Kind::kDaysDuration || kind == Kind::kYearsDuration; }

Value Multiply(const Value& a, const Value& b) {
  if (IsDuration(a.kind()) && b.IsNumber()) return FromUnits(a.kind(), Units(a) * b.number());
  if (IsDuration(b.kind()) && a.IsNumber()) return FromUnits(b.kind(), Units(b) * a.number());
  return NoSuchOperation('*', a, b);
}

Value Divide(const Value& a, const Value& b) {
  const bool by_zero = (b.IsNumber() && b.number().IsZero()) ||
                       (b.kind() == Kind::kDaysDuration && b.duration_ns() == 0) ||
                       (b.kind() == Kind::kYearsDuration && b.months() == 0);
  if (IsDuration(a.kind()) && (b.IsNumber() || b.kind() == a.kind())) {
    if (by_zero) return Value::Null(NullReason::kArithmetic, "division by zero");
    if (b.IsNumber()) return FromUnits(a.kind(), Units(a) / b.number());
    return Value::Number(Units(a) / Units(b));
  }
  return NoSuchOperation('/', a, b);
}

// [-]P then number-letter pairs; each letter of `letters` at most once and in order.
struct DurationParts {
  Int128 years = 0, months = 0, days = 0, hours = 0, minutes = 0, seconds = 0;
  int64_t ns = 0;
  bool has_months = false;
  bool has_days = false;
};

bool TakeDurationParts(Reader& reader, DurationParts* parts) {
  bool in_time = false;
  int stage = 0;  // 1 Y, 2 M, 3 D, 4 T, 5 H, 6 M, 7 S
  while (!reader.AtEnd()) {
    if (reader.Take('T')) {
      if (in_time || reader.AtEnd()) return false;
      in_time = true;
      stage = 4;
      continue;
    }
    const size_t digits = reader.DigitCount();
    if (digits == 0 || digits > 18) return false;
    int64_t n = 0;
    if (!reader.TakeDigits(digits, &n)) return false;
    int next = 0;
    if (in_time && reader.Take('.')) {
      parts->ns = TakeFraction(reader);
      if (!reader.Take('S')) return false;
      next = 7;
    } else if (!in_time) {
      next = reader.Take('Y') ? 1 : reader.Take('M') ? 2 : reader.Take('D') ? 3 : 0;
    } else {
      next = reader.Take('H') ? 5 : reader.Take('M') ? 6 : reader.Take('S') ? 7 : 0;
    }
    if (next <= stage || next == 0) return false;
    stage = next;
    Int128* const targets[] = {nullptr, &parts->years, &parts->months,  &parts->days,
                               nullptr, &parts->hours, &parts->minutes, &parts->seconds};
    *targets[next] = n;
    (next <= 2 ? parts->has_months : parts->has_days) = true;
  }
  return true;
}

}  // namespace

std::optional<Date> ParseFeelDate(std::string_view text) {
  Reader reader(text);
  Date date;
  if (!TakeDate(reader, &date) || !reader.AtEnd()) return std::nullopt;
  return date;
}

std::optional<TimeOfDay> ParseFeelTime(std::string_view text, ZoneSource* zones) {
  Reader reader(text);
  TimeOfDay time;
  bool whole_day = false;
  if (!TakeTime(reader, zones, &time, &whole_day)) return std::nullopt;
  return time;
}

std::optional<DateTime> ParseFeelDateTime(std::string_view text, ZoneSource* zones) {
  Reader reader(text);
  Date date;
  if (!TakeDate(reader, &date)) return std::nullopt;
  if (reader.AtEnd()) return AtMidnight(date, ZoneRef::Local());
  TimeOfDay time;
  bool whole_day = false;
  if (!reader.Take('T') || !TakeTime(reader, zones, &time, &whole_day)) return std::nullopt;
  if (whole_day) date = date.PlusDays(1);
  if (!IsDateInRange(date.days)) return std::nullopt;
  DateTime result;
  result.local_seconds = date.days * kSecondsPerDay + time.ns_of_day / kNsPerSecond;
  result.ns = static_cast<uint32_t>(time.ns_of_day % kNsPerSecond);
  result.zone = time.zone;
  return Settle(result);
}

Value ParseFeelDuration(std::string_view text) {
  const Value bad = Value::Null(NullReason::kParse, "the text is not a duration");
  Reader reader(text);
  const bool negative = reader.Take('-');
  if (!reader.Take('P') || reader.AtEnd()) return bad;
  DurationParts parts;
  if (!TakeDurationParts(reader, &parts)) return bad;
  if (parts.has_months == parts.has_days) return bad;
  if (parts.has_months) {
    const Int128 months = parts.years * 12 + parts.months;
    return MakeMonths(negative ? -months : months);
  }
  const Int128 seconds =
      ((parts.days * 24 + parts.hours) * 60 + parts.minutes) * 60 + parts.seconds;
  if (seconds > kDurationNsMax / kNsPerSecond) return OutOfRange();
  const Int128 ns = seconds * kNsPerSecond + parts.ns;
  return MakeDuration(negative ? -ns : ns);
}

Value ParseAtLiteral(std::string_view text, ZoneSource* zones) {
  if (text.find('P') != std::string_view::npos && (text[0] == 'P' || text.substr(0, 2) == "-P")) {
    return ParseFeelDuration(text);
  }
  if (const auto date = ParseFeelDate(text)) return Value::FromDate(*date);
  if (const auto date_time = ParseFeelDateTime(text, zones)) return Value::FromDateTime(*date_time);
  if (const auto time = ParseFeelTime(text, zones)) return Value::FromTime(*time);
  return Value::Null(NullReason::kParse, "the text is no date, time, date and time or duration");
}

std::string FormatDate(Date date) {
  const CivilDate civil = date.ToCivil();
  std::string out;
  if (civil.year < 0) out += '-';
  AppendPadded(&out, civil.year < 0 ? -civil.year : civil.year, 4);
  out += '-';
  AppendPadded(&out, civil.month, 2);
  out += '-';
  AppendPadded(&out, civil.day, 2);
  return out;
}

std::string FormatTime(const TimeOfDay& time) {
  std::string out;
  AppendClock(&out, time.ns_of_day / kNsPerSecond, time.ns_of_day % kNsPerSecond);
  AppendZone(&out, time.zone);
  return out;
}

std::string FormatDateTime(const DateTime& date_time) {
  std::string out = FormatDate(DateOf(date_time));
  out += 'T';
  AppendClock(&out, NsOfDay(date_time) / kNsPerSecond, date_time.ns);
  AppendZone(&out, date_time.zone);
  return out;
}

std::string FormatDaysDuration(Int128 ns) {
  if (ns == 0) return "PT0S";
  std::string out = ns < 0 ? "-P" : "P";
  const UInt128 magnitude = ns < 0 ? -static_cast<UInt128>(ns) : static_cast<UInt128>(ns);
  const auto days = static_cast<int64_t>(magnitude / static_cast<UInt128>(kNsPerDay));
  const auto rest = static_cast<int64_t>(magnitude % static_cast<UInt128>(kNsPerDay));
  if (days != 0) out += std::to_string(days) + "D";
  if (rest == 0) return out;
  out += 'T';
  const int64_t seconds = rest / kNsPerSecond;
  if (seconds / 3600 != 0) out += std::to_string(seconds / 3600) + "H";
  if (seconds / 60 % 60 != 0) out += std::to_string(seconds / 60 % 60) + "M";
  if (seconds % 60 != 0 || rest % kNsPerSecond != 0) {
    out += std::to_string(seconds % 60);
    AppendFraction(&out, rest % kNsPerSecond);
    out += 'S';
  }
  return out;
}

std::string FormatYearsDuration(int64_t months) {
  if (months == 0) return "P0M";
  std::string out = months < 0 ? "-P" : "P";
  if (months < 0) months = -months;
  if (months / 12 != 0) out += std::to_string(months / 12) + "Y";
  if (months % 12 != 0) out += std::to_string(months % 12) + "M";
  return out;
}

int32_t TimeOffset(const TimeOfDay& time) {
  if (time.zone.form == ZoneRef::Form::kNamed) {
    return time.zone.zone->OffsetAtUtc(kReferenceUtcSeconds);
  }
  return time.zone.offset_seconds;
}

int32_t OffsetSeconds(const DateTime& date_time) {
  if (date_time.zone.form != ZoneRef::Form::kNamed) return date_time.zone.offset_seconds;
  const auto local = date_time.zone.zone->OffsetAtLocal(date_time.local_seconds);
  return date_time.zone.later ? local.offset_after : local.offset_before;
}

int64_t UtcSeconds(const DateTime& date_time) {
  return date_time.local_seconds - OffsetSeconds(date_time);
}

DateTime FromUtcSeconds(int64_t utc_seconds, uint32_t ns, const ZoneRef& zone) {
  DateTime result{utc_seconds, ns, zone};
  result.zone.later = false;
  if (zone.form != ZoneRef::Form::kNamed) {
    result.local_seconds += zone.offset_seconds;
    return result;
  }
  const int32_t offset = zone.zone->OffsetAtUtc(utc_seconds);
  result.local_seconds += offset;
  const auto local = zone.zone->OffsetAtLocal(result.local_seconds);
  result.zone.later = local.kind == Zone::LocalKind::kAmbiguous && local.offset_before != offset;
  return result;
}

DateTime Settle(DateTime date_time) {
  if (date_time.zone.form != ZoneRef::Form::kNamed) return date_time;
  date_time.zone.later = false;
  const auto local = date_time.zone.zone->OffsetAtLocal(date_time.local_seconds);
  if (local.kind == Zone::LocalKind::kGap) {
    date_time.local_seconds += local.offset_after - local.offset_before;
  }
  return date_time;
}

DateTime AtMidnight(Date date, const ZoneRef& zone) {
  return Settle({date.days * kSecondsPerDay, 0, zone});
}

Date DateOf(const DateTime& date_time) {
  return Date{FloorDivide(date_time.local_seconds, kSecondsPerDay)};
}

int64_t NsOfDay(const DateTime& date_time) {
  const int64_t days = FloorDivide(date_time.local_seconds, kSecondsPerDay);
  return (date_time.local_seconds - days * kSecondsPerDay) * kNsPerSecond + date_time.ns;
}

bool IsDateInRange(int64_t days) {
  // First and last day of the years that Date can hold.
  static const int64_t first = Date::FromCivil(-Date::kYearMax, 1, 1)->days;
  static const int64_t last = Date::FromCivil(Date::kYearMax, 12, 31)->days;
  return days >= first && days <= last;
}

bool IsDateTimeInRange(int64_t local_seconds) {
  return IsDateInRange(FloorDivide(local_seconds, kSecondsPerDay));
}

Value TemporalArithmetic(char op, const Value& a, const Value& b) {
  switch (op) {
    case '+':
      return Add(a, b);
    case '-':
      return Subtract(a, b);
    case '*':
      return Multiply(a, b);
    case '/':
      return Divide(a, b);
    default:
      return NoSuchOperation(op, a, b);
  }
}

Value NegateDuration(const Value& a) {
  if (a.kind() == Kind::kDaysDuration) return Value::Duration(-a.duration_ns());
  return Value::Months(-a.months());
}

int64_t MonthsBetween(const DateTime& from, const DateTime& to) {
  const CivilDate a = DateOf(from).ToCivil();
  const CivilDate b = DateOf(to).ToCivil();
  const int64_t x = (a.year * 12 + a.month) * 32 + a.day;
  const int64_t y = (b.year * 12 + b.month) * 32 + b.day;
  return (y - x) / 32;
}

std::optional<DateTime> PlusMonths(const DateTime& date_time, int64_t months) {
  const Date date = DateOf(date_time);
  const CivilDate civil = date.ToCivil();
  const Int128 month = static_cast<Int128>(civil.year) * 12 + (civil.month - 1) + months;
  const auto year = static_cast<int64_t>(FloorDivide128(month, 12));
  if (year > Date::kYearMax || year < -Date::kYearMax) return std::nullopt;
  const Date moved = date.PlusMonths(months);
  DateTime result = date_time;
  result.local_seconds += (moved.days - date.days) * kSecondsPerDay;
  return Settle(result);
}

namespace {

std::optional<Value> DateProperty(Date date, std::string_view property) {
  if (property == "year") return Value::Integer(date.ToCivil().year);
  if (property == "month") return Value::Integer(date.ToCivil().month);
  if (property == "day") return Value::Integer(date.ToCivil().day);
  if (property == "weekday") return Value::Integer(date.DayOfWeek());
  return std::nullopt;
}

std::optional<Value> ClockProperty(int64_t ns_of_day, const ZoneRef& zone, int32_t offset,
                                   std::string_view property) {
  const int64_t seconds = ns_of_day / kNsPerSecond;
  if (property == "hour") return Value::Integer(seconds / 3600);
  if (property == "minute") return Value::Integer(seconds / 60 % 60);
  if (property == "second") return Value::Integer(seconds % 60);
  if (property == "time offset") {
    if (zone.form == ZoneRef::Form::kLocal) {
      return Value::Null(NullReason::kNotFound, "a local time has no offset");
    }
    return Value::Duration(static_cast<Int128>(offset) * kNsPerSecond);
  }
  if (property == "timezone") {
    if (zone.form != ZoneRef::Form::kNamed) {
      return Value::Null(NullReason::kNotFound, "this time has no named zone");
    }
    return Value::String(zone.zone->name());
  }
  return std::nullopt;
}

std::optional<Value> DurationProperty(Int128 ns, std::string_view property) {
  const auto seconds = static_cast<int64_t>(ns / kNsPerSecond);
  if (property == "days") return Value::Integer(seconds / kSecondsPerDay);
  if (property == "hours") return Value::Integer(seconds % kSecondsPerDay / 3600);
  if (property == "minutes") return Value::Integer(seconds % 3600 / 60);
  if (property == "seconds") return Value::Integer(seconds % 60);
  return std::nullopt;
}

}  // namespace

std::optional<Value> TemporalProperty(const Value& value, std::string_view property) {
  switch (value.kind()) {
    case Kind::kDate:
      return DateProperty(value.date(), property);
    case Kind::kTime: {
      const TimeOfDay time = value.time();
      return ClockProperty(time.ns_of_day, time.zone, TimeOffset(time), property);
    }
    case Kind::kDateTime: {
      const DateTime dt = value.date_time();
      if (auto found = DateProperty(DateOf(dt), property)) return found;
      return ClockProperty(NsOfDay(dt), dt.zone, OffsetSeconds(dt), property);
    }
    case Kind::kDaysDuration:
      return DurationProperty(value.duration_ns(), property);
    case Kind::kYearsDuration:
      if (property == "years") return Value::Integer(value.months() / 12);
      if (property == "months") return Value::Integer(value.months() % 12);
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

}  // namespace credence::feel
