#pragma once
// What is wrong in a file that a person wrote: where, why, and what they may have meant. Loaders of
// packs, policies and models collect all of them before they give up.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace credence {

enum class Severity : uint8_t { kError = 1, kWarning = 2, kNote = 3 };

struct Diagnostic {
  Severity severity = Severity::kError;
  std::string file;     // as the user named it; may be empty
  uint32_t line = 0;    // from 1; 0 = the whole file
  uint32_t column = 0;  // from 1, in code points; 0 = the whole line
  std::string code;     // stable short name, kebab-case: "unknown-name"
  std::string message;  // one sentence: what is wrong and what was expected
  std::string hint;     // "did you mean 'amount'?"; may be empty

  friend bool operator==(const Diagnostic&, const Diagnostic&) = default;
};

// "features.yaml:12:7: error: unknown field 'amonut' (did you mean 'amount'?) [unknown-name]"
[[nodiscard]] std::string ToString(const Diagnostic& diagnostic);
// By file, line, column, then code.
void SortDiagnostics(std::vector<Diagnostic>* diagnostics);
[[nodiscard]] bool HasErrors(std::span<const Diagnostic> diagnostics);

// The candidate with the least Damerau-Levenshtein distance to `name`, if that is at most a third
// of the name's length (at least 1); empty otherwise. Ties go to the first candidate.
[[nodiscard]] std::string_view NearestName(std::string_view name,
                                           std::span<const std::string> candidates);

}  // namespace credence
