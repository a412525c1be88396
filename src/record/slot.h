#pragma once
// Slots: the declared, typed values that models and policy may read. Every state machine publishes
// slots and `decision` takes slots only: that is the seam between features, graph, limits, arrears
// and policy.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "src/record/schema.h"
#include "src/record/value.h"

namespace credence::record {

// Stored in pack digests. Do not change.
enum class SlotType : uint8_t {
  kBoolean = 1,
  kInteger = 2,
  kDecimal = 3,
  kMoney = 4,  // minor units of the base currency: ValueKind::kMoney with that currency
  kString = 5,
  kDuration = 6,
  kDate = 7,
  kTimestamp = 8,
  kToken = 9,
};

enum class SlotOrigin : uint8_t {
  kEventField = 1,  // of the event that asks
  kFeature = 2,     // a window over an entity's events
  kDerived = 3,     // a FEEL expression over other slots
  kModel = 4,       // what a model said
  kSystem = 5,      // engine's own: kill switch, arm, sources
  kMoney = 6,       // a limit of the event's entities, or their loans
};

struct SlotDecl {
  std::string name;  // "buyer.order_placed.count_1h"
  SlotType type = SlotType::kInteger;
  SlotOrigin origin = SlotOrigin::kFeature;
  bool nullable = true;  // may be absent
};

// Slots by name and by index. Indices are given in order of Add and never change.
class SlotTable {
 public:
  // Nothing if the name is taken.
  std::optional<uint32_t> Add(SlotDecl slot);
  [[nodiscard]] std::optional<uint32_t> Find(std::string_view name) const;
  [[nodiscard]] const SlotDecl& at(uint32_t index) const { return slots_[index]; }
  [[nodiscard]] size_t size() const { return slots_.size(); }
  [[nodiscard]] const std::vector<SlotDecl>& slots() const { return slots_; }

 private:
  std::vector<SlotDecl> slots_;
  std::unordered_map<std::string, uint32_t> by_name_;
};

// The slot type that a field of this kind and protection has.
[[nodiscard]] SlotType SlotTypeOf(const FieldDecl& field);

}  // namespace credence::record
