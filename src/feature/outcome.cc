#include "src/feature/outcome.h"

#include "src/base/assert.h"

namespace credence::feature {

using record::Value;
using record::ValueKind;

Value ValueOfCell(const Column& type, int64_t cell, const ReadScope& scope) {
  switch (type.kind) {
    case ValueKind::kBoolean:
      return Value::Boolean(cell != 0);
    case ValueKind::kInteger:
      return Value::Integer(cell);
    case ValueKind::kDecimal:
      return Value::OfDecimal(Decimal::FromScaled(cell, -type.scale));
    case ValueKind::kMoney:
      return Value::OfMoney(Money{cell, scope.base}, cell);
    case ValueKind::kDuration:
      return Value::Duration(cell);
    case ValueKind::kDate:
      return Value::OfDate(Date{cell});
    case ValueKind::kTimestamp:
      return Value::OfTimestamp(Timestamp{cell});
    case ValueKind::kString:
      return Value::String(scope.texts.Text(static_cast<uint32_t>(cell)));
    case ValueKind::kToken:
      return Value::Token(scope.texts.Text(static_cast<uint32_t>(cell)));
    default:
      CREDENCE_UNREACHABLE();
  }
}

Value ValueOfSum(const Column& type, Int128 sum, const ReadScope& scope) {
  if (type.kind == ValueKind::kDecimal) {
    return Value::OfDecimal(Decimal::FromScaled(sum, -type.scale));
  }
  if (sum < INT64_MIN || sum > INT64_MAX) return Value::Absent();
  return ValueOfCell(type, static_cast<int64_t>(sum), scope);
}

Value ValueSince(int64_t time, const ReadScope& scope) {
  int64_t ns = 0;
  if (__builtin_sub_overflow(scope.at.ns, time, &ns)) return Value::Absent();
  return Value::Duration(ns);
}

}  // namespace credence::feature
