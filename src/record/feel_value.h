#pragma once
// The FEEL value that policy, filters and derived features see of a field or slot, and its way
// back.

#include "src/base/arena.h"
#include "src/base/status.h"
#include "src/feel/type.h"
#include "src/feel/value.h"
#include "src/record/slot.h"
#include "src/record/value.h"

namespace credence::record {

// Money is a number in major units of the base currency (`base` gives the digits); tokens are their
// hexadecimal text; absent and incomplete are null with that reason. Text is not copied but for
// tokens: the FEEL value lives as long as `value` and `arena`.
[[nodiscard]] feel::Value ToFeel(const Value& value, Currency base, Arena* arena);

// What a slot's values are in FEEL.
[[nodiscard]] feel::Type FeelType(SlotType type);

}  // namespace credence::record
