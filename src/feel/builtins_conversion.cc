// Built-in functions that make one type of another (DMN 1.5, 10.3.4.1), and not() (10.3.4.2).

#include <algorithm>
#include <array>
#include <string>

#include "src/feel/builtin.h"
#include "src/feel/compiled.h"
#include "src/feel/expression.h"
#include "src/feel/temporal.h"

namespace credence::feel {
namespace {

std::optional<int64_t> WholeNumber(const Value& value) {
  const Value& n = Single(value);
  if (!n.IsNumber()) return std::nullopt;
  return n.number().ToInt64();
}

Value DateFrom(const BuiltinCall& call) {
  const Value& from = Single(call[0]);
  switch (from.kind()) {
    case Kind::kString: {
      const auto date = ParseFeelDate(from.string());
      if (date) return Value::FromDate(*date);
      return Value::Null(NullReason::kParse, "the text is not a date");
    }
    case Kind::kDate:
      return from;
    case Kind::kDateTime:
      return Value::FromDate(DateOf(from.date_time()));
    default:
      return WrongArgument(from, "a date is made of a string, a date or a date and time");
  }
}

Value DateFn(const BuiltinCall& call) {
  if (call.size() == 1) return DateFrom(call);
  for (size_t i = 0; i < 3; ++i) {
    if (!Single(call[i]).IsNumber())
      return WrongArgument(call[i], "a part of the date is no number");
  }
  const auto year = WholeNumber(call[0]);
  const auto month = WholeNumber(call[1]);
  const auto day = WholeNumber(call[2]);
  const Value bad = Value::Null(NullReason::kArgument, "there is no such date");
  if (!year || !month || !day || *month < 1 || *month > 12 || *day < 1 || *day > 31) return bad;
  const auto date = Date::FromCivil(*year, static_cast<int>(*month), static_cast<int>(*day));
  return date ? Value::FromDate(*date) : bad;
}

Value DateAndTime(const BuiltinCall& call) {
  const Value& first = Single(call[0]);
  if (call.size() == 1) {
    if (first.kind() == Kind::kDateTime) return first;
    if (first.kind() == Kind::kDate) {
      return Value::FromDateTime(AtMidnight(first.date(), ZoneRef::Utc()));
    }
    if (!first.IsString()) return WrongArgument(first, "the argument is not a string");
    const auto parsed = ParseFeelDateTime(first.string(), call.context.zones());
    if (parsed) return Value::FromDateTime(*parsed);
    return Value::Null(NullReason::kParse, "the text is not a date and time");
  }
  const Value& second = Single(call[1]);
  if (second.kind() != Kind::kTime) return WrongArgument(second, "the time is not a time");
  if (first.kind() != Kind::kDate && first.kind() != Kind::kDateTime) {
    return WrongArgument(first, "the date is neither a date nor a date and time");
  }
  const Date date = first.kind() == Kind::kDate ? first.date() : DateOf(first.date_time());
  const TimeOfDay time = second.time();
  DateTime result;
  result.local_seconds = date.days * kSecondsPerDay + time.ns_of_day / kNsPerSecond;
  result.ns = static_cast<uint32_t>(time.ns_of_day % kNsPerSecond);
  result.zone = time.zone;
  return Value::FromDateTime(Settle(result));
}

Value TimeFrom(const BuiltinCall& call) {
  const Value& from = Single(call[0]);
  switch (from.kind()) {
    case Kind::kString: {
      const auto time = ParseFeelTime(from.string(), call.context.zones());
      if (time) return Value::FromTime(*time);
      return Value::Null(NullReason::kParse, "the text is not a time");
    }
    case Kind::kTime:
      return from;
    case Kind::kDate:
      return Value::FromTime({0, ZoneRef::Utc()});
    case Kind::kDateTime: {
      const DateTime dt = from.date_time();
      return Value::FromTime({NsOfDay(dt), dt.zone});
    }
    default:
      return WrongArgument(from, "a time is made of a string, a time, a date or a date and time");
  }
}

Value TimeFn(const BuiltinCall& call) {
  if (call.size() == 1) return TimeFrom(call);
  constexpr int64_t kOffsetSecondsMax = 18 * 3600;
  const auto hour = WholeNumber(call[0]);
  const auto minute = WholeNumber(call[1]);
  const Value& seconds = Single(call[2]);
  const Value bad = Value::Null(NullReason::kArgument, "there is no such time");
  if (!hour || !minute || !seconds.IsNumber()) return WrongArgument(call[0], "a part is no number");
  const Decimal ns = seconds.number() * Decimal::FromInt64(kNsPerSecond);
  const auto whole_ns = ns.Rounded(0, Rounding::kDown).ToInt64();
  if (!whole_ns || *whole_ns < 0 || *whole_ns >= 60 * kNsPerSecond) return bad;
  if (*hour < 0 || *hour > 23 || *minute < 0 || *minute > 59) return bad;
  TimeOfDay time;
  time.ns_of_day = (*hour * 60 + *minute) * kNsPerMinute + *whole_ns;
  if (call.size() > 3 && !call[3].IsNull()) {
    const Value& offset = Single(call[3]);
    if (offset.kind() != Kind::kDaysDuration)
      return WrongArgument(offset, "the offset is no duration");
    const Int128 offset_ns = offset.duration_ns();
    if (offset_ns > static_cast<Int128>(kOffsetSecondsMax) * kNsPerSecond ||
        offset_ns < -static_cast<Int128>(kOffsetSecondsMax) * kNsPerSecond) {
      return Value::Null(NullReason::kArgument, "the offset is more than 18 hours");
    }
    time.zone = ZoneRef::Offset(static_cast<int32_t>(offset_ns / kNsPerSecond));
  }
  return Value::FromTime(time);
}

// The digits with the grouping separator taken out and a point for the decimal separator.
Value ParseNumber(std::string_view text, char grouping, char point) {
  std::string plain;
  for (const char c : text) {
    if (grouping != '\0' && c == grouping) continue;
    if (c == point) {
      plain += '.';
    } else if ((c >= '0' && c <= '9') || c == '-' || c == '+' || c == 'e' || c == 'E') {
      plain += c;
    } else {
      return Value::Null(NullReason::kParse, "the text is not a number");
    }
  }
  const bool plus = !plain.empty() && plain[0] == '+';
  const auto number = plus ? std::nullopt : Decimal::Parse(plain);
  if (!number) return Value::Null(NullReason::kParse, "the text is not a number");
  return Value::Number(*number);
}

Value NumberFn(const BuiltinCall& call) {
  const Value& from = Single(call[0]);
  if (from.IsNumber() && call.size() == 1) return from;
  if (!from.IsString()) return WrongArgument(from, "the argument is not a string");
  if (call.size() == 1) return ParseNumber(from.string(), '\0', '.');
  char separators[2] = {'\0', '.'};
  for (size_t i = 0; i < 2; ++i) {
    const Value& given = Single(call[i + 1]);
    if (given.IsNull()) continue;
    if (!given.IsString()) return WrongArgument(given, "a separator is not a string");
    const std::string_view allowed = i == 0 ? " ,." : ",.";
    if (given.string().size() != 1 || allowed.find(given.string()[0]) == std::string_view::npos) {
      return Value::Null(NullReason::kArgument, "this character is no separator");
    }
    separators[i] = given.string()[0];
  }
  if (separators[0] == separators[1]) {
    return Value::Null(NullReason::kArgument, "the two separators are the same");
  }
  return ParseNumber(from.string(), separators[0], separators[1]);
}

Value StringFn(const BuiltinCall& call) {
  const Value& from = call[0];
  if (from.IsNull()) return WrongArgument(from, {});
  if (from.IsString()) return from;
  const std::string text = ToString(from, call.context.limits.string_bytes_max);
  if (text.size() > call.context.limits.string_bytes_max) {
    return Value::Null(NullReason::kLimit, "the string is longer than string_bytes_max");
  }
  return CopyString(call.arena(), text);
}

Value DurationFn(const BuiltinCall& call) {
  const Value& from = Single(call[0]);
  if (from.kind() == Kind::kDaysDuration || from.kind() == Kind::kYearsDuration) return from;
  if (!from.IsString()) return WrongArgument(from, "the argument is not a string");
  return ParseFeelDuration(from.string());
}

Value YearsAndMonths(const BuiltinCall& call) {
  DateTime ends[2];
  for (size_t i = 0; i < 2; ++i) {
    const Value& v = Single(call[i]);
    if (v.kind() == Kind::kDate) {
      ends[i] = AtMidnight(v.date(), ZoneRef::Local());
    } else if (v.kind() == Kind::kDateTime) {
      ends[i] = v.date_time();
    } else {
      return WrongArgument(v, "the argument is neither a date nor a date and time");
    }
  }
  return Value::Months(MonthsBetween(ends[0], ends[1]));
}

// A range literal of literals: numbers, strings, @"…" and the functions that make temporals of
// strings.
bool IsLiteralEnd(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  if (text.empty()) return false;
  for (const std::string_view function : {"date and time", "date", "time", "duration"}) {
    if (text.substr(0, function.size()) != function) continue;
    std::string_view rest = text.substr(function.size());
    while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
    if (rest.size() < 4 || rest.front() != '(' || rest.back() != ')') return false;
    rest = rest.substr(1, rest.size() - 2);
    while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
    return !rest.empty() && rest.front() == '"';
  }
  if (text.front() == '@') text.remove_prefix(1);
  if (text.front() == '"') return text.size() >= 2 && text.find('"', 1) == text.size() - 1;
  if (text.front() == '-') text.remove_prefix(1);
  return Decimal::Parse(text).has_value();
}

// Where the two points of a range text stand, outside of strings.
size_t FindDots(std::string_view text) {
  bool quoted = false;
  for (size_t i = 0; i + 1 < text.size(); ++i) {
    if (text[i] == '"') quoted = !quoted;
    if (!quoted && text[i] == '.' && text[i + 1] == '.') return i;
  }
  return std::string_view::npos;
}

Value RangeFn(const BuiltinCall& call) {
  const Value& from = Single(call[0]);
  if (!from.IsString()) return WrongArgument(from, "the argument is not a string");
  const Value bad = Value::Null(NullReason::kParse, "the text is not a range of literals");
  std::string_view text = from.string();
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  constexpr size_t kRangeTextMax = 1024;
  if (text.size() < 4 || text.size() > kRangeTextMax) return bad;
  const size_t dots = FindDots(text);
  if (dots == std::string_view::npos) return bad;
  if (!IsLiteralEnd(text.substr(1, dots - 1))) return bad;
  if (!IsLiteralEnd(text.substr(dots + 2, text.size() - dots - 3))) return bad;
  CompileOptions options;
  options.zones = call.context.zones();
  const auto expression = Compile(text, Scope(), options, nullptr);
  if (!expression) return bad;
  const Value* range = expression->constant();
  if (range == nullptr || !range->IsRange()) return bad;
  const RangeData& data = range->range();
  const auto order = Order(data.start, data.end);
  if (!order || *order > 0) return Value::Null(NullReason::kArgument, "the range goes down");
  return DeepCopy(call.arena(), *range);
}

Value Not(const BuiltinCall& call) {
  const Value& v = Single(call[0]);
  if (!v.IsBoolean()) return WrongArgument(v, "the argument is not a boolean");
  return Value::Boolean(!v.boolean());
}

constexpr std::array<Builtin, 9> kTable = {{
    {"date", "from;year,month,day", DateFn, Type::Id::kDate},
    {"date and time", "from;date,time", DateAndTime, Type::Id::kDateTime},
    {"time", "from;hour,minute,second,offset?", TimeFn, Type::Id::kTime},
    {"number", "from;from,grouping separator,decimal separator", NumberFn, Type::Id::kNumber},
    {"string", "from", StringFn, Type::Id::kString},
    {"duration", "from", DurationFn},
    {"years and months duration", "from,to", YearsAndMonths, Type::Id::kYearsDuration},
    {"range", "from", RangeFn, Type::Id::kRange},
    {"not", "negand", Not, Type::Id::kBoolean},
}};

}  // namespace

std::span<const Builtin> ConversionBuiltins() { return kTable; }

}  // namespace credence::feel
