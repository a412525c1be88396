#pragma once
// NaiveWindow: the contract of windows, word for word: keeps all events of one entity and scans
// them for each read. Shares with the fast path only the final rounding (statistics.h, which has
// its own naive twin). For tests.

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "src/calendar/date.h"
#include "src/feature/entity_state.h"
#include "src/feature/spec.h"
#include "src/record/event.h"
#include "src/record/schema.h"
#include "src/record/value.h"

namespace credence::feature {

class NaiveWindow {
 public:
  // An event's own copy: texts are kept in `texts`.
  struct Kept {
    uint32_t type = 0;
    int64_t time = 0;
    uint64_t seq = 0;
    uint64_t reversal = 0;  // 0 = not taken back
    std::vector<record::Value> fields;
    std::vector<std::string> texts;
  };
  using Filter = std::function<bool(const Kept&)>;
  // Absent, or a value at the argument's declared scale.
  using Argument = std::function<record::Value(const Kept&)>;

  explicit NaiveWindow(const record::Schema* schema) : schema_(schema) {}

  // What stands in for FEEL texts: the twin evaluates nothing itself.
  std::map<std::string, Filter> filters;
  std::map<std::string, Argument> arguments;

  void Update(const record::Event& event);
  // False if there is no such event or it was taken back before.
  bool Reverse(uint64_t seq, uint64_t reversal);
  [[nodiscard]] record::Value Read(const FeatureSpec& spec, ReadPoint at) const;

 private:
  [[nodiscard]] record::Value ArgumentOf(const FeatureSpec& spec, const Kept& event) const;
  [[nodiscard]] bool Counts(const FeatureSpec& spec, uint32_t type, const Kept& event,
                            ReadPoint at) const;

  const record::Schema* schema_;
  std::vector<Kept> events_;  // in order of (time, sequence)
};

}  // namespace credence::feature
