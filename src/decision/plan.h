#pragma once
// DecisionPlan: everything that one decision of a pack needs, resolved and bound at load: its
// slots, derived features, models and policy. Immutable; made by `pack`.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/digest.h"
#include "src/calendar/zone.h"
#include "src/dmn/engine.h"
#include "src/feel/expression.h"
#include "src/model/probability.h"
#include "src/model/scorecard.h"
#include "src/money/money.h"
#include "src/record/fact.h"
#include "src/record/slot.h"

namespace credence::decision {

struct FieldSlot {
  uint32_t slot = 0;
  uint32_t field = 0;  // of the event that asks
};

struct FeatureSlot {
  uint32_t slot = 0;
  uint32_t feature = 0;  // index in feature::FeaturePlan
};

// What limits and loans say of the event's entities; `what` is a pack::MoneySlotKind.
struct MoneySlot {
  uint32_t slot = 0;
  uint8_t what = 0;
  uint32_t limit = 0;  // index in pack::MoneyPlan::limits, for a slot of a limit
  uint32_t field = 0;  // of the event: the key of the entity whose limit or loans it is
};

struct DerivedSlot {
  uint32_t slot = 0;
  feel::Expression expression;  // its scope's slots are the plan's slots
};

struct ModelStep {
  std::string name;
  model::Scorecard scorecard;
  model::ProbabilityScale probability;
  uint32_t points_slot = 0;
  uint32_t probability_slot = 0;
};

// What an outside source may answer: slots that are absent until it did.
struct SourceSlots {
  std::string source;
  uint32_t status_slot = 0;                              // "ok", "timeout", "error"
  std::vector<std::pair<std::string, uint32_t>> values;  // name in the answer, slot
};

struct DecisionPlan {
  std::string name;
  uint32_t index = 0;  // in the pack
  uint32_t event_type = 0;

  record::SlotTable slots;
  std::vector<FieldSlot> fields;      // all fields of the event
  std::vector<FeatureSlot> features;  // those that are read, directly or through a derived feature
  std::vector<MoneySlot> money;       // those that are read
  std::vector<DerivedSlot> derived;   // those that are read, each after what it reads
  std::vector<ModelStep> models;
  std::vector<SourceSlots> sources;
  std::optional<dmn::Evaluator>
      policy;  // bound to the plan's slots by index; set once the pack is loaded
  // Slots that the record keeps: all that models, policy and derived features read, and what models
  // said, ascending.
  std::vector<uint32_t> recorded;
  std::vector<uint32_t> recorded_texts;  // indices in `recorded` of slots that hold text

  std::vector<std::string> outcomes;
  std::string fallback;     // one of outcomes
  std::string kill_switch;  // one of outcomes
  uint32_t model_reasons = 0;

  Currency base_currency;
  const Zone* zone = nullptr;  // lives as long as the pack
  ZoneSource* zones = nullptr;
  Digest pack;
  std::vector<Digest> artefacts;  // models in order, policy, time zone
};

}  // namespace credence::decision
