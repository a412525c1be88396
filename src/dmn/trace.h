#pragma once
// What an evaluation tells about itself: always the rules that matched, and on demand everything in
// between.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/feel/evaluation.h"
#include "src/feel/value.h"

namespace credence::dmn {

// A rule that matched: index into Model::tables(), row from 1 as people count.
struct MatchedRule {
  uint32_t table = 0;
  uint32_t row = 0;
  friend bool operator==(const MatchedRule&, const MatchedRule&) = default;
};

enum class TraceKind : uint8_t { kDecision = 1, kTable = 2, kKnowledgeModel = 3, kService = 4 };

// One thing that was evaluated. Names live as long as the model, values as long as the arena of the
// evaluation.
struct TraceEntry {
  TraceKind kind = TraceKind::kDecision;
  std::string_view name;  // of the decision, model or service; of the table's owner
  uint32_t depth = 0;     // 0 = a decision of the plan; what it calls is one deeper
  std::vector<std::pair<std::string_view, feel::Value>> inputs;
  feel::Value output;
  uint32_t table = 0;          // kTable: index into Model::tables()
  std::vector<uint32_t> rows;  // kTable: rows that matched, from 1; the one that won first
  // Trace::nulls that arose inside.
  uint32_t nulls_begin = 0;
  uint32_t nulls_end = 0;
};

struct Trace {
  std::vector<TraceEntry> entries;  // in the order in which they began
  std::vector<feel::NullNote> nulls;
};

// Handed to Evaluate(); reuse it, so that a warm evaluation allocates nothing. Evaluate() clears
// it.
struct EvaluationLog {
  std::vector<MatchedRule> matched;  // in order of evaluation
  Trace* trace = nullptr;            // where set, filled
  uint32_t depth = 0;                // of calls, while evaluating
};

// The log of the evaluation that this context belongs to; null outside of one.
[[nodiscard]] inline EvaluationLog* LogOf(const feel::EvaluationContext& context) {
  return static_cast<EvaluationLog*>(context.host);
}

// Writes one entry of a trace, from construction to destruction. Does nothing where nobody traces.
class TraceScope {
 public:
  TraceScope(EvaluationLog* log, TraceKind kind, std::string_view name)
      : log_(log != nullptr && log->trace != nullptr ? log : nullptr) {
    if (log_ == nullptr) return;
    Trace& trace = *log_->trace;
    index_ = trace.entries.size();
    TraceEntry& entry = trace.entries.emplace_back();
    entry.kind = kind;
    entry.name = name;
    entry.depth = log_->depth++;
    entry.nulls_begin = static_cast<uint32_t>(trace.nulls.size());
  }
  ~TraceScope() {
    if (log_ == nullptr) return;
    --log_->depth;
    entry().nulls_end = static_cast<uint32_t>(log_->trace->nulls.size());
  }
  TraceScope(const TraceScope&) = delete;
  TraceScope& operator=(const TraceScope&) = delete;

  [[nodiscard]] bool active() const { return log_ != nullptr; }
  // Only while active(); not across something that may trace too.
  [[nodiscard]] TraceEntry& entry() const { return log_->trace->entries[index_]; }

 private:
  EvaluationLog* log_;
  size_t index_ = 0;
};

}  // namespace credence::dmn
