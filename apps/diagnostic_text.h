#pragma once
// What a diagnostic's code means, in Simplified Chinese, for printing beside the English message.

#include <string_view>

namespace credence::apps {

// Empty for a code that has no text here.
[[nodiscard]] std::string_view DiagnosticInChinese(std::string_view code);

}  // namespace credence::apps
