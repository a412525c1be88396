#pragma once
// Numbers as JSON writes them (RFC 8259, section 6).

#include <string_view>

namespace credence {

// All of the text is one. False for 007, +1, .5, 1. and NaN.
bool IsJsonNumber(std::string_view text);

}  // namespace credence
