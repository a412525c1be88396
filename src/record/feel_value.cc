#include "src/record/feel_value.h"

namespace credence::record {

feel::Value ToFeelRare(const Value& value, Arena* arena) {
  switch (value.kind()) {
    case ValueKind::kIncomplete:
      return feel::Value::Null(feel::NullReason::kMissing,
                               "incomplete: history is not covered yet");
    case ValueKind::kBoolean:
      return feel::Value::Boolean(value.boolean());
    case ValueKind::kString:
      return feel::Value::String(value.text());
    case ValueKind::kDuration:
      return feel::Value::Duration(value.duration_ns());
    case ValueKind::kDate:
      return feel::Value::FromDate(value.date());
    case ValueKind::kTimestamp:
      return feel::Value::FromTimestamp(value.timestamp());
    case ValueKind::kToken:
      return feel::CopyString(*arena, ToHex(value.text()));
    default:
      CREDENCE_UNREACHABLE();  // ToFeel's own
  }
}

feel::Type FeelType(SlotType type) {
  switch (type) {
    case SlotType::kBoolean:
      return feel::Type::Boolean();
    case SlotType::kInteger:
    case SlotType::kDecimal:
    case SlotType::kMoney:
      return feel::Type::Number();
    case SlotType::kString:
    case SlotType::kToken:
      return feel::Type::String();
    case SlotType::kDuration:
      return feel::Type::DaysDuration();
    case SlotType::kDate:
      return feel::Type::Date();
    case SlotType::kTimestamp:
      return feel::Type::DateTime();
  }
  CREDENCE_UNREACHABLE();
}

}  // namespace credence::record
