#include "src/feature/plan.h"

#include <algorithm>
#include <tuple>

#include "src/base/assert.h"
#include "src/feature/plan_rep.h"

namespace credence::feature {

namespace {

// Durations count in seconds where they become plain numbers.
constexpr int kNsScale = 9;

int DecimalScale(const Column& column, Currency base) {
  switch (column.kind) {
    case record::ValueKind::kDecimal:
      return column.scale;
    case record::ValueKind::kMoney:
      return base.digits();
    case record::ValueKind::kDuration:
      return kNsScale;
    default:
      return 0;
  }
}

}  // namespace

Needs Needs::Of(Aggregator aggregator) {
  Needs needs;
  switch (aggregator) {
    case Aggregator::kCount:
      break;
    case Aggregator::kSum:
    case Aggregator::kMean:
      needs.sum = true;
      break;
    case Aggregator::kVariance:
    case Aggregator::kStddev:
      needs.sum = needs.squares = true;
      break;
    case Aggregator::kMin:
      needs.min = true;
      break;
    case Aggregator::kMax:
      needs.max = true;
      break;
    case Aggregator::kFirst:
    case Aggregator::kSinceFirst:
      needs.first = true;
      break;
    case Aggregator::kLast:
    case Aggregator::kSinceLast:
      needs.last = true;
      break;
    case Aggregator::kDistinct:
      needs.distinct = true;
      break;
  }
  return needs;
}

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
const Tuning& FeaturePlan::tuning() const { return rep_->tuning; }
const ReadSet& FeaturePlan::All(uint32_t entity) const { return rep_->all[entity]; }

ReadSet FeaturePlan::Select(uint32_t entity, std::span<const uint32_t> features) const {
  std::vector<uint32_t> order(features.begin(), features.end());
  const auto place = [this](uint32_t index) {
    const Feature& f = rep_->features[index];
    return std::tuple(f.log, f.group, f.member, f.window, index);
  };
  for (uint32_t f : order) CREDENCE_ASSERT(rep_->features[f].entity == entity);
  std::sort(order.begin(), order.end(),
            [&](uint32_t a, uint32_t b) { return place(a) < place(b); });
  order.erase(std::unique(order.begin(), order.end()), order.end());

  ReadSet set;
  set.entity_ = entity;
  const Feature* before = nullptr;
  for (uint32_t index : order) {
    const Feature& f = rep_->features[index];
    const LogPlan& log = rep_->entities[entity].logs[f.log];
    const Group& group = log.groups[f.group];
    const bool new_run = before == nullptr || before->log != f.log || before->group != f.group;
    if (new_run) {
      const auto begin = static_cast<uint32_t>(set.members_.size());
      set.runs_.push_back({f.log, f.group, group.delay_ns, group.prior, begin, begin});
    }
    if (new_run || before->member != f.member) {
      ReadSet::Member member;
      member.series = f.series;
      member.column = log.series[f.series].column;
      if (member.column != kNoColumn) member.type = log.columns[member.column];
      member.decimal_scale = DecimalScale(member.type, rep_->base_currency);
      member.flat_member = f.flat_member;
      member.items_begin = member.items_end = static_cast<uint32_t>(set.items_.size());
      set.members_.push_back(member);
      ++set.runs_.back().members_end;
    }
    set.members_.back().needs.Add(Needs::Of(f.aggregator));
    ++set.members_.back().items_end;
    set.items_.push_back({index, f.aggregator, group.windows[f.window].length_ns, f.window,
                          f.flat_window, f.flat_edge});
    before = &f;
  }
  return set;
}

}  // namespace credence::feature
