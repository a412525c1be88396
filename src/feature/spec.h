#pragma once
// FeatureSpec: one feature as a pack states it, before anything is compiled. One spec is one slot:
// a loader makes one for each pair of a `compute` entry and a window.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "src/base/digest.h"

namespace credence::feature {

// Stored in definition digests. Do not change; add at the end.
enum class Aggregator : uint8_t {
  kCount = 1,
  kSum = 2,
  kMean = 3,
  kMin = 4,
  kMax = 5,
  kVariance = 6,  // of the sample (n - 1)
  kStddev = 7,    // of the sample (n - 1)
  kFirst = 8,
  kLast = 9,
  kDistinct = 10,
  kSinceFirst = 11,
  kSinceLast = 12,
};

// As packs write it: "count", "stddev", "since_last".
[[nodiscard]] std::string_view AggregatorName(Aggregator aggregator);
[[nodiscard]] std::optional<Aggregator> AggregatorFromName(std::string_view name);
// Whether it aggregates a value (all but count, since_first and since_last).
[[nodiscard]] bool TakesArgument(Aggregator aggregator);

// Where a part of a spec stands in its file, for diagnostics.
struct SourcePosition {
  std::string file;
  uint32_t line = 0;    // from 1; 0 = the whole file
  uint32_t column = 0;  // from 1, in code points; 0 = the whole line
};

struct FeatureSpec {
  std::string entity;  // name in Schema::entities
  std::string from;    // event type
  std::string stream;  // name of the stream; empty = the event type with _ for .
  std::string where;   // FEEL over the event's own fields; empty = every event
  Aggregator aggregator = Aggregator::kCount;

  // A field's name, or FEEL text if `argument_is_feel`. Empty where the aggregator takes none.
  std::string argument;
  bool argument_is_feel = false;
  std::string
      argument_as;  // the argument's part of the slot name; needed for FEEL, else the field's name
  std::optional<int>
      scale;  // digits kept of a numeric FEEL argument (rounded half even); needed there

  int64_t window_ns = 0;    // 0 = all
  std::string window_text;  // as written: "7d", "all"
  int64_t delay_ns = 0;
  std::string delay_text;  // as written; empty = none
  bool prior = false;      // leaves the reading event itself out

  SourcePosition position;           // of the feature
  SourcePosition where_position;     // of the text of `where`
  SourcePosition argument_position;  // of the argument
};

// Of a window and of a delay: about 50 years.
inline constexpr int64_t kWindowNsMax = int64_t{50} * 366 * 86'400 * 1'000'000'000;

// "account.withdrawals.prior_mean_amount_7d", as docs/PACK.md says.
[[nodiscard]] std::string SlotName(const FeatureSpec& spec);
[[nodiscard]] std::string StreamName(const FeatureSpec& spec);

// Names what the feature computes: equal definitions have equal digests whatever the slot is
// called, and any difference that could change a value (entity, event type, where, aggregator,
// argument, scale, window, delay, prior) changes it. Texts count by their bytes.
[[nodiscard]] Digest DefinitionDigest(const FeatureSpec& spec);

}  // namespace credence::feature
