#pragma once
// The FEEL value that policy, filters and derived features see of a field or slot, and its way
// back.

#include "src/base/arena.h"
#include "src/base/status.h"
#include "src/feel/number.h"
#include "src/feel/type.h"
#include "src/feel/value.h"
#include "src/record/slot.h"
#include "src/record/value.h"

namespace credence::record {

// Money is a number in major units of the base currency (`base` gives the digits); tokens are their
// hexadecimal text; absent and incomplete are null with that reason. Text is not copied but for
// tokens: the FEEL value lives as long as `value` and `arena`.
[[nodiscard]] inline feel::Value ToFeel(const Value& value, Currency base, Arena* arena);
// The same where the digits of the base currency are at hand.
[[nodiscard]] inline feel::Value ToFeel(const Value& value, int base_digits, Arena* arena);

// As ToFeel, for the kinds that few slots have.
[[nodiscard]] feel::Value ToFeelRare(const Value& value, Arena* arena);

// What a slot's values are in FEEL.
[[nodiscard]] feel::Type FeelType(SlotType type);

inline feel::Value ToFeel(const Value& value, Currency base, Arena* arena) {
  return ToFeel(value, base.digits(), arena);
}

[[gnu::always_inline]] inline feel::Value ToFeel(const Value& value, int base_digits,
                                                 Arena* arena) {
  switch (value.kind()) {
    case ValueKind::kInteger:
      return feel::Value::Integer(value.integer());
    case ValueKind::kMoney:
      return feel::ScaledNumber(value.base_minor(), -base_digits);
    case ValueKind::kDecimal:
      // 1.50 and 1.5 are one stored value, so expressions must not tell them apart.
      return feel::Value::Number(value.decimal().Canonical());
    case ValueKind::kAbsent:
      return feel::Value::Null(feel::NullReason::kMissing, "no value");
    default:
      return ToFeelRare(value, arena);
  }
}

}  // namespace credence::record
