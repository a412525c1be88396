#pragma once
// A decision as a person reads it on a terminal.

#include <string>
#include <string_view>

#include "src/decision/decide.h"
#include "src/pack/pack.h"
#include "src/record/fact.h"

namespace credence::apps {

// A few lines: outcome, probability, reasons with texts. `language` is "en", "zh" or "both".
[[nodiscard]] std::string DecisionText(const record::DecisionRecord& decision,
                                       std::string_view event, const pack::Pack& pack,
                                       std::string_view language);
// All slots that it read, one a line.
[[nodiscard]] std::string SlotsText(const record::DecisionRecord& decision, const pack::Pack& pack);
[[nodiscard]] std::string ExplanationText(const decision::Explanation& explanation);

}  // namespace credence::apps
