#pragma once
// EvaluationContext: everything that an evaluation may know besides its slots: memory, time, zones,
// limits. One per thread. Nothing else is read: two evaluations with equal slots, time and zones
// give equal results.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/arena.h"
#include "src/calendar/date.h"
#include "src/calendar/zone.h"
#include "src/feel/value.h"

namespace credence::feel {

// A limit that is met makes the expression null (reason kLimit, the text names the limit); the
// evaluation goes on, so that its size stays bounded.
struct Limits {
  static constexpr uint64_t kListItemsMax = 1'000'000;
  static constexpr uint64_t kIterationsMax = 10'000'000;
  static constexpr uint64_t kStringBytesMax = uint64_t{1} << 20;
  static constexpr uint64_t kArenaBytesMax = uint64_t{256} << 20;
  static constexpr uint32_t kCallDepthMax = 1'000;
  static constexpr uint32_t kMatchLimit = 100'000;
  // Nested nodes under evaluation, over all nested calls; keeps the machine's stack within 4 MB.
  static constexpr uint32_t kStackNodesMax = 8'000;

  uint64_t list_items_max = kListItemsMax;  // items of one list
  uint64_t iterations_max =
      kIterationsMax;  // steps of all loops, filters and calls of one Evaluate()
  uint64_t string_bytes_max = kStringBytesMax;  // bytes of one string
  uint64_t arena_bytes_max =
      kArenaBytesMax;  // bytes in the arena, checked where lists and strings are made
  uint32_t call_depth_max = kCallDepthMax;  // nested calls of functions
  uint32_t match_limit = kMatchLimit;       // steps of one regular-expression match
};

// A null that came up during an evaluation, where it first arose.
struct NullNote {
  uint32_t line = 0;    // in the file or cell of the expression; 0 where unknown
  uint32_t column = 0;  // from 1, in code points
  NullReason reason = NullReason::kNone;
  std::string text;
};

class RegexCache;

class EvaluationContext {
 public:
  // `arena` and `zones` outlive the context; `zones` may be null (then no zone has a name).
  explicit EvaluationContext(Arena* arena, ZoneSource* zones = nullptr);
  ~EvaluationContext();
  EvaluationContext(const EvaluationContext&) = delete;
  EvaluationContext& operator=(const EvaluationContext&) = delete;

  Timestamp now;               // what now() gives
  const Zone* zone = nullptr;  // wall clock of now() and today(); null = UTC
  Limits limits;
  // Where set, each null that arises is noted here, in order. Costs time; leave null on the hot
  // path.
  std::vector<NullNote>* notes = nullptr;
  // Not looked at here: what the caller hands through to its own Callables and CustomExpressions.
  void* host = nullptr;

  [[nodiscard]] Arena& arena() const { return *arena_; }
  [[nodiscard]] ZoneSource* zones() const { return zones_; }

  // Counts against iterations_max, and looks at arena_bytes_max. False when one of them is met.
  bool Step(uint64_t count = 1) {
    iterations_ += count;
    return iterations_ <= limits.iterations_max && HasMemory();
  }
  [[nodiscard]] bool HasMemory() const { return arena_->bytes_used() <= limits.arena_bytes_max; }
  // Nested calls. False (and not entered) when call_depth_max is met.
  bool EnterCall() {
    if (depth_ >= limits.call_depth_max) return false;
    ++depth_;
    return true;
  }
  void LeaveCall() { --depth_; }
  // Counts nested nodes against kStackNodesMax.
  bool Descend(uint32_t nodes) {
    if (stack_nodes_ + nodes > Limits::kStackNodesMax) return false;
    stack_nodes_ += nodes;
    return true;
  }
  void Ascend(uint32_t nodes) { stack_nodes_ -= nodes; }
  // Forgets the counts of the last evaluation; Evaluate() at depth 0 does so by itself.
  void ResetCounters() { iterations_ = 0; }
  [[nodiscard]] uint32_t call_depth() const { return depth_; }
  RegexCache& regex_cache();

 private:
  Arena* arena_;
  ZoneSource* zones_;
  uint64_t iterations_ = 0;
  uint32_t depth_ = 0;
  uint32_t stack_nodes_ = 0;
  std::unique_ptr<RegexCache> regex_cache_;
};

}  // namespace credence::feel
