#pragma once
// What is read from a request's target and from its Authorization header, strictly: whatever two
// programs might read differently is refused and not repaired.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/base/status.h"

namespace credence::http {

inline constexpr size_t kSegmentsMax = 16;
inline constexpr size_t kQueryParametersMax = 32;

// RFC 3986 path and query, decoded: "/v1/entities/buyer/a%2Fb?limit=10" has the segments "v1",
// "entities", "buyer", "a/b" and the parameter ("limit", "10").
struct Target {
  std::vector<std::string> segments;
  std::vector<std::pair<std::string, std::string>> query;  // in order; "?a" has an empty value

  // The value of the first such parameter.
  [[nodiscard]] std::optional<std::string_view> Parameter(std::string_view name) const;
};

// Takes the origin form ("/a?b") and the absolute form ("http://host/a?b", whose host is not
// looked at). Every octet that is not a letter, digit or mark of RFC 3986 must be written %XX; what
// is decoded must be UTF-8 without control characters. Refused with a sentence that repeats nothing
// of the target: segments "." and ".." (also when they are written %2E), empty segments (one slash
// at the end of the path too), fragments, parameters that come twice. '+' stands for itself in the
// path and for a space in the query.
[[nodiscard]] Status ParseTarget(std::string_view text, Target* target);

// The token of "Bearer <token>" (RFC 6750: letters, digits, "-._~+/", then "="); the scheme in any
// case. Nothing if it is anything else.
[[nodiscard]] std::optional<std::string_view> ParseBearer(std::string_view header);

// A media type without its parameters, in small letters: "Application/JSON; charset=utf-8" is
// "application/json". Nothing where the form is wrong, or a charset is named that is not UTF-8.
[[nodiscard]] std::optional<std::string> ParseMediaType(std::string_view header);

// UTF-8 by RFC 3629: no overlong forms, no surrogates, nothing beyond U+10FFFF.
[[nodiscard]] bool IsUtf8(std::string_view text);

}  // namespace credence::http
