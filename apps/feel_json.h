#pragma once
// JSON in and out of FEEL. JSON text is a FEEL expression of its own (contexts, lists, strings,
// numbers, true, false, null), so that a context may hold dates too: {"due": @"2024-02-29"}.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/arena.h"
#include "src/base/diagnostic.h"
#include "src/calendar/zone.h"
#include "src/feel/expression.h"
#include "src/feel/value.h"

namespace credence::apps {

// The context that the text is; nothing after adding to `diagnostics` if it is none. The value
// lives as long as `arena` and `*holder`.
std::optional<feel::Value> ReadContext(std::string_view text, ZoneSource* zones, Arena* arena,
                                       feel::Expression* holder,
                                       std::vector<Diagnostic>* diagnostics);

// Null, booleans and numbers as such, contexts and lists as objects and arrays, the rest as strings
// of FEEL's string().
[[nodiscard]] std::string ToJson(const feel::Value& value);

}  // namespace credence::apps
