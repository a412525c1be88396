#pragma once
// Problem: one error as RFC 9457 "problem details": which field, what was expected. Never holds a
// personal value.

#include <string>
#include <string_view>

namespace credence::api {

struct Problem {
  int status = 400;      // HTTP status code
  std::string code;      // stable, kebab-case: the last part of the problem's type URI
  std::string title;     // one line for the code
  std::string field;     // JSON path of the culprit ("data.amount"); empty for the whole event
  std::string expected;  // one sentence: what was expected there
};

inline constexpr std::string_view kProblemMediaType = "application/problem+json";
inline constexpr std::string_view kProblemTypePrefix = "https://credence.dev/problems/";

// {"type":"https://credence.dev/problems/<code>","title":…,"status":…,"field":…,"expected":…}
// One line; `field` is left out where it is empty.
[[nodiscard]] std::string ToJson(const Problem& problem);

}  // namespace credence::api
