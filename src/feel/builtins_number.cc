// Built-in functions on numbers (DMN 1.5, 10.3.4.5).

#include <array>

#include "src/feel/builtin.h"
#include "src/feel/number.h"
#include "src/feel/temporal.h"

namespace credence::feel {
namespace {

constexpr std::string_view kNeedsNumber = "the argument is not a number";
constexpr int64_t kScaleMin = -6111;
constexpr int64_t kScaleMax = 6176;

Value Finite(Decimal number) {
  const Value value = Value::Number(number);
  if (value.IsNull()) return Value::Null(NullReason::kArithmetic, "the result is not a number");
  return value;
}

// Rounds argument 0 to the scale in argument 1 (0 where there is none).
Value Round(const BuiltinCall& call, Rounding rounding) {
  const Value& n = Single(call[0]);
  if (!n.IsNumber()) return WrongArgument(n, kNeedsNumber);
  int64_t scale = 0;
  if (call.size() > 1 && !IsAbsent(call[1])) {
    const Value& given = Single(call[1]);
    if (!given.IsNumber()) return WrongArgument(given, "the scale is not a number");
    // A scale with a fraction counts without it.
    const auto whole = given.number().Rounded(0, Rounding::kDown).ToInt64();
    if (!whole || *whole < kScaleMin || *whole > kScaleMax) {
      return Value::Null(NullReason::kArgument, "the scale is not within -6111 and 6176");
    }
    scale = *whole;
  }
  const Decimal rounded = n.number().Rounded(static_cast<int>(scale), rounding);
  // A number that has fewer digits than asked for stays as it is.
  if (!rounded.IsFinite() && scale > 0) return n;
  return Finite(rounded);
}

Value DecimalFn(const BuiltinCall& call) { return Round(call, Rounding::kHalfEven); }
Value Floor(const BuiltinCall& call) { return Round(call, Rounding::kFloor); }
Value Ceiling(const BuiltinCall& call) { return Round(call, Rounding::kCeiling); }
Value RoundUp(const BuiltinCall& call) { return Round(call, Rounding::kUp); }
Value RoundDown(const BuiltinCall& call) { return Round(call, Rounding::kDown); }
Value RoundHalfUp(const BuiltinCall& call) { return Round(call, Rounding::kHalfUp); }
Value RoundHalfDown(const BuiltinCall& call) { return Round(call, Rounding::kHalfDown); }

Value Abs(const BuiltinCall& call) {
  const Value& n = Single(call[0]);
  if (n.IsNumber()) return Value::Number(n.number().Abs());
  if (n.kind() == Kind::kDaysDuration) return n.duration_ns() < 0 ? NegateDuration(n) : n;
  if (n.kind() == Kind::kYearsDuration) return n.months() < 0 ? NegateDuration(n) : n;
  return WrongArgument(n, "the argument is neither a number nor a duration");
}

Value Modulo(const BuiltinCall& call) {
  const Value& a = Single(call[0]);
  const Value& b = Single(call[1]);
  if (!a.IsNumber()) return WrongArgument(a, kNeedsNumber);
  if (!b.IsNumber()) return WrongArgument(b, kNeedsNumber);
  if (b.number().IsZero()) return Value::Null(NullReason::kArithmetic, "division by zero");
  return Finite(Decimal::Modulo(a.number(), b.number()));
}

Value SquareRoot(const BuiltinCall& call) {
  const Value& n = Single(call[0]);
  if (!n.IsNumber()) return WrongArgument(n, kNeedsNumber);
  if (n.number().IsNegative()) {
    return Value::Null(NullReason::kArithmetic, "the square root of a negative number");
  }
  return Finite(n.number().SquareRoot());
}

Value Log(const BuiltinCall& call) {
  const Value& n = Single(call[0]);
  if (!n.IsNumber()) return WrongArgument(n, kNeedsNumber);
  if (n.number().IsNegative() || n.number().IsZero()) {
    return Value::Null(NullReason::kArithmetic, "the logarithm of a number that is not positive");
  }
  return Finite(n.number().Log());
}

Value Exp(const BuiltinCall& call) {
  const Value& n = Single(call[0]);
  if (!n.IsNumber()) return WrongArgument(n, kNeedsNumber);
  return Finite(n.number().Exp());
}

Value IsMultipleOfTwo(const BuiltinCall& call, bool wanted) {
  const Value& n = Single(call[0]);
  if (!n.IsNumber()) return WrongArgument(n, kNeedsNumber);
  if (!n.number().IsInteger()) return Value::Boolean(false);
  const Decimal rest = Decimal::Modulo(n.number(), Decimal::FromInt64(2));
  return Value::Boolean(rest.IsZero() == wanted);
}

Value Odd(const BuiltinCall& call) { return IsMultipleOfTwo(call, false); }
Value Even(const BuiltinCall& call) { return IsMultipleOfTwo(call, true); }

constexpr auto kNumber = Type::Id::kNumber;
constexpr auto kBoolean = Type::Id::kBoolean;

constexpr std::array<Builtin, 14> kTable = {{
    {"decimal", "n,scale", DecimalFn, kNumber},
    {"floor", "n,scale?", Floor, kNumber},
    {"ceiling", "n,scale?", Ceiling, kNumber},
    {"round up", "n,scale", RoundUp, kNumber},
    {"round down", "n,scale", RoundDown, kNumber},
    {"round half up", "n,scale", RoundHalfUp, kNumber},
    {"round half down", "n,scale", RoundHalfDown, kNumber},
    {"abs", "n", Abs},
    {"modulo", "dividend,divisor", Modulo, kNumber},
    {"sqrt", "number", SquareRoot, kNumber},
    {"log", "number", Log, kNumber},
    {"exp", "number", Exp, kNumber},
    {"odd", "number", Odd, kBoolean},
    {"even", "number", Even, kBoolean},
}};

}  // namespace

std::span<const Builtin> NumberBuiltins() { return kTable; }

}  // namespace credence::feel
