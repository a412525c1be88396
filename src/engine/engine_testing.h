#pragma once
// What the tests of engine and study share: an engine over files in memory, with the shop pack.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/random.h"
#include "src/engine/engine.h"
#include "src/journal/fault_file.h"
#include "src/pack/shop_testing.h"

namespace credence::engine {

using pack::EventText;
using pack::NamedFields;
using pack::Yuan;
using record::Event;
using record::Value;

inline const std::string kFolder = "/data";
// 2024-03-01T00:00:00Z
inline constexpr Timestamp kStart{1'709'251'200 * kNsPerSecond};

inline Timestamp At(int64_t ns) { return Timestamp{kStart.ns + ns}; }

inline std::unique_ptr<Engine> MustOpen(FileSystem& files, Options options = {}) {
  auto engine = Engine::Open(files, kFolder, std::move(options));
  EXPECT_TRUE(engine.ok()) << engine.status().ToString();
  return engine.ok() ? std::move(*engine) : nullptr;
}

inline void MustActivate(Engine& engine, std::shared_ptr<const pack::Pack> pack,
                         Timestamp now = kStart) {
  const Status status = engine.Activate(std::move(pack), "ann", "bob", now);
  ASSERT_TRUE(status.ok()) << status.ToString();
}

// The decision as it is stored: equal text, equal decision.
inline std::string Stored(const record::DecisionRecord& decision) {
  std::string bytes;
  record::EncodeDecision(decision, &bytes);
  return ToHex(bytes);
}

inline const Value* SlotNamed(const pack::Pack& pack, const record::DecisionRecord& decision,
                              std::string_view name) {
  const auto slot = pack.decisions.at(decision.decision).slots.Find(name);
  for (const record::SlotValue& value : decision.slots) {
    if (slot && value.slot == *slot) return &value.value;
  }
  return nullptr;
}

inline std::string SlotText(const pack::Pack& pack, const record::DecisionRecord& decision,
                            std::string_view name) {
  const Value* value = SlotNamed(pack, decision, name);
  return value == nullptr ? "not kept" : record::ToString(*value);
}

// An engine with the shop pack over files that can forget and fail.
class ShopTest : public testing::Test {
 protected:
  void SetUp() override {
    engine_ = MustOpen(files_);
    ASSERT_NE(engine_, nullptr);
    MustActivate(*engine_, pack::ShopPack());
  }

  // One event alone, arriving at its own time unless `now` says otherwise.
  Outcome Send(const EventText& text, std::optional<Timestamp> now = std::nullopt,
               Arrival arrival = Arrival::kLive) {
    arena_.Reset();
    const Event event = pack::MakeEvent(*engine_->pack(), text, &arena_);
    const auto outcomes = engine_->Process({&event, 1}, arrival, now.value_or(text.time));
    EXPECT_TRUE(outcomes.ok()) << outcomes.status().ToString();
    return outcomes.ok() ? outcomes->at(0) : Outcome();
  }

  static EventText Order(std::string_view id, Timestamp time, int64_t minor = 10'000,
                         std::string_view buyer = "b1", std::string_view host = "h1") {
    return {"order.placed",
            id,
            time,
            {{"buyer_id", Value::String(buyer)},
             {"host_id", Value::String(host)},
             {"amount", Yuan(minor)},
             {"goods", Value::String("food")}}};
  }
  static EventText Payment(std::string_view id, Timestamp time, int64_t minor = 5'000,
                           std::string_view buyer = "b1") {
    return {
        "payment.made", id, time, {{"buyer_id", Value::String(buyer)}, {"amount", Yuan(minor)}}};
  }
  static EventText Cancel(std::string_view id, Timestamp time, std::string_view reverses,
                          std::string_view buyer = "b1") {
    return {"order.cancelled", id, time, {{"buyer_id", Value::String(buyer)}}, reverses};
  }
  static EventText LimitAsked(std::string_view id, Timestamp time, std::string_view buyer = "b1") {
    return {"limit.asked",
            id,
            time,
            {{"buyer_id", Value::String(buyer)}, {"months", Value::Integer(12)}}};
  }

  std::string Feature(std::string_view entity, std::string_view key, std::string_view name,
                      Timestamp at) const {
    const feature::FeaturePlan& plan = engine_->pack()->features;
    const auto index = engine_->pack()->schema.EntityIndex(entity);
    const auto feature = plan.Find(name);
    if (!index || !feature) return "no such feature";
    const feature::EntityState* state = engine_->state().entities.Find({*index, key});
    if (state == nullptr) return "unknown";
    std::vector<Value> values(plan.features().size());
    state->Read(plan, {at, Seq(UINT64_MAX)}, values);
    return record::ToString(values[*feature]);
  }

  // Closes nothing: the engine is dropped as if the process had died, and opened again.
  void Reopen(journal::CrashKind kind = journal::CrashKind::kDropUnsynced) {
    engine_.reset();
    files_.Crash(kind);
    engine_ = MustOpen(files_);
  }

  journal::FaultFileSystem files_;
  std::unique_ptr<Engine> engine_;
  Arena arena_;
};

}  // namespace credence::engine
