// Built-in functions on dates and times (DMN 1.5, 10.3.4.7 and 10.3.4.9), and is().

#include <array>

#include "src/feel/builtin.h"
#include "src/feel/temporal.h"

namespace credence::feel {
namespace {

// A date, or that of a date-time.
bool DateArgument(const Value& value, Date* out) {
  const Value& single = Single(value);
  if (single.kind() == Kind::kDate) {
    *out = single.date();
    return true;
  }
  if (single.kind() == Kind::kDateTime) {
    *out = DateOf(single.date_time());
    return true;
  }
  return false;
}

Value NotADate(const Value& value) {
  return WrongArgument(value, "the argument is neither a date nor a date and time");
}

Value DayOfYear(const BuiltinCall& call) {
  Date date;
  if (!DateArgument(call[0], &date)) return NotADate(call[0]);
  return Value::Integer(date.DayOfYear());
}

Value DayOfWeek(const BuiltinCall& call) {
  static constexpr std::array<std::string_view, 7> kDays = {
      "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};
  Date date;
  if (!DateArgument(call[0], &date)) return NotADate(call[0]);
  return Value::String(kDays[static_cast<size_t>(date.DayOfWeek()) - 1]);
}

Value MonthOfYear(const BuiltinCall& call) {
  static constexpr std::array<std::string_view, 12> kMonths = {
      "January", "February", "March",     "April",   "May",      "June",
      "July",    "August",   "September", "October", "November", "December"};
  Date date;
  if (!DateArgument(call[0], &date)) return NotADate(call[0]);
  return Value::String(kMonths[static_cast<size_t>(date.ToCivil().month) - 1]);
}

Value WeekOfYear(const BuiltinCall& call) {
  Date date;
  if (!DateArgument(call[0], &date)) return NotADate(call[0]);
  return Value::Integer(date.WeekOfYear());
}

Value Now(const BuiltinCall& call) {
  return Value::FromTimestamp(call.context.now, call.context.zone);
}

Value Today(const BuiltinCall& call) {
  const Value now = Value::FromTimestamp(call.context.now, call.context.zone);
  return Value::FromDate(DateOf(now.date_time()));
}

// A value that was left out by name is identical to nothing.
Value Is(const BuiltinCall& call) {
  if (call.size() != 2) return Value::Null(NullReason::kArity, "wrong number of arguments");
  if (IsAbsent(call[0]) || IsAbsent(call[1])) return Value::Boolean(false);
  return Value::Boolean(Identical(call[0], call[1]));
}

Value AtLiteral(const BuiltinCall& call) {
  return ParseAtLiteral(call[0].string(), call.context.zones());
}

constexpr std::array<Builtin, 8> kTable = {{
    {"day of year", "date", DayOfYear, Type::Id::kNumber},
    {"day of week", "date", DayOfWeek, Type::Id::kString},
    {"month of year", "date", MonthOfYear, Type::Id::kString},
    {"week of year", "date", WeekOfYear, Type::Id::kNumber},
    {"now", "", Now, Type::Id::kDateTime, false},
    {"today", "", Today, Type::Id::kDate, false},
    {"is", "value1?,value2?", Is, Type::Id::kBoolean},
    // @"…" with a zone that is looked up at evaluation; it cannot be called by name.
    {"@", "text", AtLiteral},
}};

}  // namespace

std::span<const Builtin> TemporalBuiltins() { return kTable; }

}  // namespace credence::feel
