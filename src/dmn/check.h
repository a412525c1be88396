#pragma once
// Looks for what is wrong, or likely wrong, in a policy before it runs: gaps and overlaps of
// decision tables, rules that can never win, outputs that contradict each other, expressions that
// are always null, decisions and inputs that nobody uses. What does not compile is reported by
// Model::Load.
//
// A table is looked at as boxes: each input column is cut into the smallest pieces that its cells
// tell apart (single values, open intervals between bounds, "any other text"), and each rule is a
// set of pieces per column. Within the limits below the answer is exact for columns of constants
// and intervals. A rule with a cell that computes something ("general") is taken to cover all of
// that column where gaps are sought, and is left out where overlaps are.

#include <cstdint>
#include <string>
#include <vector>

#include "src/base/diagnostic.h"
#include "src/dmn/engine.h"
#include "src/dmn/tck.h"

namespace credence::dmn {

// Work that one table may cost: boxes looked at. Beyond it the note "too-large-to-check" is given.
inline constexpr uint64_t kCheckWorkMax = 2'000'000;
// Findings of one kind in one table; the rest is counted in a note.
inline constexpr size_t kFindingsMax = 20;
// Tables with more rules are not compared pair by pair.
inline constexpr size_t kPairRulesMax = 3000;

struct CheckOptions {
  // Decisions that somebody asks for. Decisions that none of them needs are reported. Empty = no
  // such check.
  std::vector<std::string> goals;
  // Turns findings that lead to a silent null or a wrong rule (gaps, overlaps of UNIQUE, conflicts
  // of ANY, masked rules, values that never match, always-null expressions) into errors; they are
  // warnings otherwise.
  bool strict = false;
};

// Stable codes: "gap", "overlap", "conflict", "masked", "subsumed", "never-matches",
// "not-an-input-value", "not-an-output-value", "always-null", "unused-requirement", "unused-input",
// "unreachable", "too-large-to-check". Sorted by place.
[[nodiscard]] std::vector<Diagnostic> Check(const Model& model, const CheckOptions& options);

struct CaseOptions {
  size_t cases_max = 10'000;
};
// Test cases for the decisions that are a decision table over plain names or paths: for each rule
// one case that reaches it, and for each of its conditions one that differs in that condition only
// (MC/DC). The expected values are what the model gives now: read them before you keep them.
// Decisions that are something else, or whose inputs are computed, are named in `skipped`.
[[nodiscard]] TestFile GenerateCases(const Model& model, const CaseOptions& options,
                                     ZoneSource* zones, std::vector<std::string>* skipped);

}  // namespace credence::dmn
