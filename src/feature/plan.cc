#include "src/feature/plan.h"

#include <algorithm>
#include <tuple>

#include "src/base/assert.h"
#include "src/feature/plan_rep.h"

namespace credence::feature {

void Needs::Add(const Needs& other) {
  sum |= other.sum;
  squares |= other.squares;
  min |= other.min;
  max |= other.max;
  first |= other.first;
  last |= other.last;
  distinct |= other.distinct;
}

FeaturePlan::FeaturePlan(std::unique_ptr<Rep> rep) : rep_(std::move(rep)) {}
FeaturePlan::FeaturePlan(FeaturePlan&&) noexcept = default;
FeaturePlan& FeaturePlan::operator=(FeaturePlan&&) noexcept = default;
FeaturePlan::~FeaturePlan() = default;

const std::vector<Feature>& FeaturePlan::features() const { return rep_->features; }

std::optional<uint32_t> FeaturePlan::Find(std::string_view slot_name) const {
  const auto found = rep_->by_name.find(std::string(slot_name));
  if (found == rep_->by_name.end()) return std::nullopt;
  return found->second;
}

const EntityPlan& FeaturePlan::entity(uint32_t index) const { return rep_->entities[index]; }
size_t FeaturePlan::entity_count() const { return rep_->entities.size(); }
const record::Bounds& FeaturePlan::bounds() const { return rep_->bounds; }
Currency FeaturePlan::base_currency() const { return rep_->base_currency; }
const ReadSet& FeaturePlan::All(uint32_t entity) const { return rep_->all[entity]; }

ReadSet FeaturePlan::Select(uint32_t entity, std::span<const uint32_t> features) const {
  ReadSet set;
  set.entity_ = entity;
  set.features_.assign(features.begin(), features.end());
  const auto place = [this](uint32_t index) {
    const Feature& f = rep_->features[index];
    return std::tuple(f.log, f.group, f.window, f.member, index);
  };
  for (uint32_t f : set.features_) CREDENCE_ASSERT(rep_->features[f].entity == entity);
  std::sort(set.features_.begin(), set.features_.end(),
            [&](uint32_t a, uint32_t b) { return place(a) < place(b); });
  set.features_.erase(std::unique(set.features_.begin(), set.features_.end()), set.features_.end());
  return set;
}

}  // namespace credence::feature
