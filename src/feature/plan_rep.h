#pragma once
// What a FeaturePlan holds besides what it shows; only plan.cc, plan_builder.cc and arrival.cc look
// inside.

#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "src/feature/plan.h"

namespace credence::feature {

// An argument of an event type: a field, or an expression over fields.
struct Input {
  std::string name;  // of the field, or the FEEL text: for messages
  bool is_field = true;
  uint32_t field = 0;
  feel::Expression expression;
  record::ValueKind kind = record::ValueKind::kAbsent;
  int scale = 0;
};

struct EventPlan {
  std::vector<feel::Expression> filters;
  std::vector<Input> inputs;
  std::vector<uint32_t> fields_read;  // by a filter or an expression; FEEL slot = field index
  std::vector<std::pair<uint32_t, uint32_t>> logs;  // entity, log; in order of the entity's index
  uint32_t field_count = 0;
};

struct FeaturePlan::Rep {
  std::vector<Feature> features;
  std::unordered_map<std::string, uint32_t> by_name;
  std::vector<EntityPlan> entities;
  std::vector<ReadSet> all;       // by entity
  std::vector<EventPlan> events;  // by event type
  record::Bounds bounds;
  Currency base_currency;
};

}  // namespace credence::feature
