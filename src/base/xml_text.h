#pragma once
// Text as it stands in XML: in content and in attributes with double quotes.

#include <string>
#include <string_view>

namespace credence {

// `text` with &, <, >, " and line breaks and tabs as references, so that a reader gives back the
// same text. Anything else is copied: the caller has no other control characters.
[[nodiscard]] std::string EscapedXml(std::string_view text);

}  // namespace credence
