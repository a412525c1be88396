#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "bench/peers/peer.h"
#include "src/feature/outcome.h"

namespace credence::bench {

namespace {

constexpr std::array<std::string_view, kEntities> kKeyNames = {"buyer_id", "device_id", "host_id",
                                                               "address_id"};

uint32_t FieldOf(const pack::Pack& pack, std::string_view name) {
  const auto& fields = pack.schema.event_types.front().fields;
  for (uint32_t i = 0; i < fields.size(); ++i) {
    if (fields[i].name == name) return i;
  }
  CREDENCE_UNREACHABLE();
}

// A sum of squares that was added up in doubles may be a little too small to be one.
int64_t Possible(int64_t squares, int64_t sum, int64_t count) {
  const Int128 least = (static_cast<Int128>(sum) * sum + count - 1) / count;
  return std::max(squares, static_cast<int64_t>(least));
}

// What a peer answered of one feature: a source of its value (outcome.h).
struct Answered {
  int64_t rows = 0;
  int64_t amount = 0;
  feature::UInt192 amount_squares;
  int64_t greatest = 0;
  int64_t cells = 0;
  feature::Moment newest;

  [[nodiscard]] int64_t count() const { return rows; }
  [[nodiscard]] Int128 sum() const { return amount; }
  [[nodiscard]] feature::UInt192 squares() const { return amount_squares; }
  [[nodiscard]] int64_t max() const { return greatest; }
  [[nodiscard]] int64_t distinct() const { return cells; }
  [[nodiscard]] feature::Moment last() const { return newest; }
  // No feature of the pack asks for these.
  [[nodiscard]] static int64_t min() { CREDENCE_UNREACHABLE(); }
  [[nodiscard]] static feature::Moment first() { CREDENCE_UNREACHABLE(); }
};

}  // namespace

Decider::Decider(std::shared_ptr<const pack::Pack> pack)
    : pack_(std::move(pack)),
      plan_(pack_->decisions.front()),
      gate_(pack_->schema, nullptr),
      scratch_(pack_->zones.get()),
      amount_field_(FieldOf(*pack_, "amount")) {
  for (size_t i = 0; i < kEntities; ++i) key_fields_[i] = FieldOf(*pack_, kKeyNames[i]);
  for (const feature::Feature& feature : pack_->features.features()) {
    const feature::Group& group =
        pack_->features.entity(feature.entity).logs[feature.log].groups[feature.group];
    const int64_t length_us = group.windows[feature.window].length_ns / 1'000;
    const auto* found = std::find(kWindowUs.begin(), kWindowUs.end(), length_us);
    CREDENCE_ASSERT(found != kWindowUs.end());
    window_of_.push_back(static_cast<size_t>(found - kWindowUs.begin()));
    const auto index = static_cast<uint32_t>(reads_.size());
    reads_.push_back(pack_->features.Select(feature.entity, {&index, 1}));
  }
}

Status Decider::Parse(std::string_view text, uint64_t seq, Arena* arena, Order* order) {
  api::Problem problem;
  if (!gate_.Parse(text, arena, &order->event, &problem)) {
    return InvalidArgument("the pack refuses the stream: " + problem.field + ": " +
                           problem.expected);
  }
  order->event.seq = Seq(seq);
  order->event.stamp = order->event.time;
  for (size_t i = 0; i < kEntities; ++i) {
    order->keys[i] = order->event.fields[key_fields_[i]].text();
  }
  order->amount = order->event.fields[amount_field_].money().minor;
  order->time_us = order->event.time.ns / 1'000;
  return {};
}

void Decider::FillFeatures(const Order& order, const Answers& answers,
                           std::vector<record::Value>* out) {
  static const feature::Dictionary kNoTexts;
  const auto& features = pack_->features.features();
  out->resize(features.size());
  const Timestamp read_at{order.time_us * 1'000};
  for (size_t i = 0; i < features.size(); ++i) {
    const feature::Feature& feature = features[i];
    const EntityAnswer& answer = answers[feature.entity];
    const EntityAnswer::Window& window = answer.windows[window_of_[i]];
    const feature::ReadSet::Run& run = reads_[i].runs().front();
    Answered answered;
    answered.rows = window.count - (run.prior ? 1 : 0);
    answered.amount = window.sum - (run.prior ? order.amount : 0);
    if (feature.aggregator == feature::Aggregator::kStddev && window.count > 0) {
      answered.amount_squares.low =
          static_cast<UInt128>(Possible(window.squares, window.sum, window.count));
    }
    answered.greatest = window.max;
    answered.cells = window.distinct;
    answered.newest = {answer.last_us * 1'000, answer.last, 0};
    if (feature.aggregator == feature::Aggregator::kLast ||
        feature.aggregator == feature::Aggregator::kSinceLast) {
      answered.rows = answer.has_last ? 1 : 0;
    }
    const feature::ReadScope scope{read_at, INT64_MIN, kNoTexts, pack_->features.base_currency()};
    feature::ValueMaker<Answered> maker(reads_[i].members(run).front(), scope);
    (*out)[i] = maker.Make(feature.aggregator, answered);
  }
}

record::DecisionRecord Decider::Decide(const Order& order, const Answers& answers,
                                       std::vector<record::Value>* features) {
  FillFeatures(order, answers, features);
  slots_.assign(plan_.slots.size(), record::Value::Absent());
  for (const decision::FeatureSlot& slot : plan_.features) {
    slots_[slot.slot] = (*features)[slot.feature];
  }
  for (const decision::FieldSlot& slot : plan_.fields) {
    slots_[slot.slot] = order.event.fields[slot.field];
  }
  decision::Request request;
  request.seq = order.event.seq;
  request.time = order.event.time;
  record::DecisionRecord decided;
  decision::Decide(plan_, request, slots_, &scratch_, &decided);
  return decided;
}

void Decider::FeaturesOf(const record::DecisionRecord& decision,
                         std::vector<record::Value>* features) const {
  features->assign(pack_->features.features().size(), record::Value::Absent());
  std::vector<const record::Value*> by_slot(plan_.slots.size(), nullptr);
  for (const record::SlotValue& slot : decision.slots) by_slot[slot.slot] = &slot.value;
  for (const decision::FeatureSlot& slot : plan_.features) {
    if (by_slot[slot.slot] != nullptr) (*features)[slot.feature] = *by_slot[slot.slot];
  }
}

uint64_t FolderBytes(const std::string& folder) {
  uint64_t bytes = 0;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, ignored)) {
    if (!entry.is_regular_file(ignored)) continue;
    const uint64_t size = entry.file_size(ignored);
    if (!ignored) bytes += size;
  }
  return bytes;
}

uint64_t ProcessBytes(int pid) {
  uint64_t bytes = 0;
  std::ifstream rollup("/proc/" + std::to_string(pid) + "/smaps_rollup");
  for (std::string line; std::getline(rollup, line);) {
    unsigned long long kib = 0;
    if (std::sscanf(line.c_str(), "Pss: %llu kB", &kib) == 1) bytes += uint64_t{kib} * 1024;
  }
  std::ifstream children("/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid) +
                         "/children");
  for (int child = 0; children >> child;) bytes += ProcessBytes(child);
  return bytes;
}

}  // namespace credence::bench
