// The fast windows against the naive twin.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "src/base/arena.h"
#include "src/base/random.h"
#include "src/feature/entity_state.h"
#include "src/feature/naive_window.h"
#include "src/feature/test_market.h"

namespace credence::feature {
namespace {

using record::Value;
using record::ValueKind;

std::string Canonical(const FeaturePlan& plan, const EntityState& state) {
  std::string bytes;
  state.AppendCanonical(plan, &bytes);
  return bytes;
}

// Both sides of the comparison, fed with the same events.
class Pair {
 public:
  Pair(const FeaturePlan& plan, const record::Schema* schema, const std::vector<FeatureSpec>& specs)
      : plan_(plan), specs_(specs), state_(plan, 0), naive_(schema) {
    TeachNaive(&naive_);
  }

  void Update(record::Event event, int64_t time, int64_t stamp, uint64_t seq, Arena* arena) {
    event.time = Timestamp{time};
    event.stamp = Timestamp{stamp};
    event.seq = Seq(seq);
    const Result<Arrival> arrival = plan_.EvaluateArrival(event, arena);
    ASSERT_TRUE(arrival.ok()) << arrival.status().ToString();
    state_.Update(plan_, arrival.value());
    naive_.Update(event);
    stamp_ = std::max(stamp_, stamp);
  }

  void Reverse(uint64_t seq, uint64_t reversal) {
    (void)state_.Reverse(plan_, Seq(seq), Seq(reversal));
    naive_.Reverse(seq, reversal);
  }

  // Compares all features; `contract` = a read that may happen, which is never incomplete.
  [[nodiscard]] ::testing::AssertionResult Agree(ReadPoint at, bool contract) const {
    std::vector<Value> out(plan_.features().size());
    state_.Read(plan_, at, out);
    for (size_t f = 0; f < specs_.size(); ++f) {
      if (!contract && out[f].kind() == ValueKind::kIncomplete) continue;
      const Value expected = naive_.Read(specs_[f], at);
      if (out[f] == expected) continue;
      return ::testing::AssertionFailure()
             << plan_.features()[f].slot.name << " at (" << at.time.ns << ", " << at.seq.value()
             << ") is " << record::ToString(out[f]) << ", not " << record::ToString(expected);
    }
    return ::testing::AssertionSuccess();
  }

  EntityState& state() { return state_; }
  [[nodiscard]] const FeaturePlan& plan() const { return plan_; }

 private:
  const FeaturePlan& plan_;
  const std::vector<FeatureSpec>& specs_;
  EntityState state_;
  NaiveWindow naive_;
  int64_t stamp_ = 0;
};

struct StreamOptions {
  int events = 0;
  int64_t step_max = 0;   // between stamps
  int late_one_in = 3;    // an event in so many is late
  int future_one_in = 9;  // or ahead of its stamp
  int reverse_one_in = 6;
  int64_t late_max = 60;
};

// Every `step`-th spec, beginning at one that the seed chooses: streams share the work between
// them.
std::vector<FeatureSpec> Some(uint64_t seed, size_t step) {
  const std::vector<FeatureSpec> all = AllSpecs();
  std::vector<FeatureSpec> some;
  for (size_t i = seed % step; i < all.size(); i += step) some.push_back(all[i]);
  return some;
}

// Stored as a head and its chunks, and read again under the tuning of `next`, which is that of
// `*current` or another; the one that was read goes on if `replace`.
void StoreInParts(const FeaturePlan** current, const FeaturePlan& next, KeptChunks* kept,
                  bool replace, EntityState* state) {
  const FeaturePlan& plan = **current;
  const std::string canonical = Canonical(plan, *state);
  state->KeepChunks(plan, kept);
  EXPECT_FALSE(state->HasUnkeptChunks());
  std::string head;
  state->AppendHead(plan, &head);
  EXPECT_EQ(EntityState::IsCanonical(head), head == canonical);
  kept->read.clear();
  Result<EntityState> decoded = EntityState::DecodeHead(next, 0, head, *kept);
  ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
  EXPECT_EQ(kept->read.size(), kept->chunks.size()) << "chunks that no head names were left";
  ASSERT_EQ(Canonical(plan, *decoded), canonical);
  if (&next == &plan) {
    ASSERT_FALSE(decoded->HasUnkeptChunks());
    std::string again;
    decoded->AppendHead(plan, &again);
    ASSERT_EQ(again, head);
  }
  if (!replace) return;
  *state = std::move(decoded).value();
  *current = &next;
}

// One seeded stream, with reads after every event.
void RunStream(uint64_t seed, const std::vector<FeatureSpec>& specs, const Tuning& tuning,
               const StreamOptions& options) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  const record::Schema schema = MarketSchema();
  const FeaturePlan plan = MarketPlan(specs, tuning);
  Pair pair(plan, &schema, specs);
  Random random(seed);
  Random storing(seed);
  const bool in_parts = seed % 2 == 0;
  // Another program may keep chunks of another length.
  const FeaturePlan other =
      MarketPlan(specs, {tuning.cursor_rows, tuning.chunk_rows > 16 ? 4U : 128U});
  const FeaturePlan* current = &plan;
  KeptChunks kept;
  Arena arena;
  int64_t stamp = 1000;
  for (uint64_t seq = 1; seq <= static_cast<uint64_t>(options.events); ++seq) {
    arena.Reset();
    stamp += random.Between(1, options.step_max);
    int64_t time = stamp - random.Between(0, 2);
    if (random.OneIn(static_cast<uint64_t>(options.late_one_in))) {
      time = stamp - random.Between(0, options.late_max);
    } else if (random.OneIn(static_cast<uint64_t>(options.future_one_in))) {
      time = stamp + random.Between(1, 20);
    }
    if (seq > 1 && random.OneIn(static_cast<uint64_t>(options.reverse_one_in))) {
      pair.Reverse(1 + random.Below(seq - 1), seq);
    }
    const record::Event event = random.OneIn(5) ? MakeSeen(&arena) : MakePaid(&random, &arena);
    pair.Update(event, time, stamp, seq, &arena);
    ASSERT_TRUE(pair.Agree({Timestamp{time}, Seq(seq)}, true));
    if (random.OneIn(4)) {
      // Some other event that only reads: late, early or at the newest time.
      const int64_t at = stamp + random.Between(-60, 20);
      ASSERT_TRUE(pair.Agree({Timestamp{at}, Seq(seq + 1)}, true));
      ASSERT_TRUE(pair.Agree({Timestamp{at}, Seq(UINT64_MAX)}, true));
    }
    if (random.OneIn(8)) {
      // As it was at an earlier sequence.
      ASSERT_TRUE(pair.Agree(
          {Timestamp{stamp + random.Between(-100, 20)}, Seq(1 + random.Below(seq))}, false));
    }
    if (in_parts && storing.OneIn(8)) {
      const FeaturePlan& next = storing.OneIn(2) ? other : plan;
      ASSERT_NO_FATAL_FAILURE(StoreInParts(&current, next, &kept, storing.OneIn(2), &pair.state()));
      ASSERT_TRUE(pair.Agree({Timestamp{time}, Seq(seq)}, true));
    }
    if (!in_parts && random.OneIn(16)) {
      const std::string bytes = Canonical(plan, pair.state());
      Result<EntityState> decoded = EntityState::Decode(plan, 0, bytes);
      ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
      ASSERT_EQ(Canonical(plan, decoded.value()), bytes);
      // From here on the decoded one goes on, in half of the cases.
      if (random.OneIn(2)) pair.state() = std::move(decoded).value();
      ASSERT_TRUE(pair.Agree({Timestamp{time}, Seq(seq)}, true));
    }
  }
}

TEST(WindowDiff, RandomStreamsEqualTheNaiveTwin) {
  for (uint64_t seed = 1; seed <= 14; ++seed) {
    const std::vector<FeatureSpec> specs = Some(seed, 7);
    RunStream(seed, specs, {0, 4}, {300, 8});
    RunStream(seed + 100, specs, {24, 128}, {300, 3});
    RunStream(seed + 200, specs, {5, 16}, {300, 2, 2, 3, 3});
  }
}

TEST(WindowDiff, DenseStreamsWithFullChunksEqualTheNaiveTwin) {
  // Many events a window, so that chunks fill, split, expire in bulk and are freed.
  for (uint64_t seed = 1001; seed <= 1003; ++seed) {
    RunStream(seed, Some(seed, 11), {24, 128}, {900, 1, 4, 40, 30});
    RunStream(seed, Some(seed + 5, 11), {0, 8}, {900, 1, 2, 10, 10});
  }
}

TEST(WindowDiff, StreamsALittleLateEqualTheNaiveTwin) {
  // Late by much less than most windows are long: what is read are the cursors, put right.
  for (uint64_t seed = 2001; seed <= 2006; ++seed) {
    RunStream(seed, Some(seed, 7), {0, 8}, {400, 2, 2, 30, 20, 12});
    RunStream(seed, Some(seed + 3, 7), {12, 128}, {400, 1, 2, 30, 9, 4});
  }
}

TEST(WindowDiff, LongPausesExpireWholeChunks) {
  const std::vector<FeatureSpec> specs = Some(3, 3);
  const record::Schema schema = MarketSchema();
  const FeaturePlan plan = MarketPlan(specs, {0, 8});
  Pair pair(plan, &schema, specs);
  Random random(77);
  Arena arena;
  int64_t stamp = 0;
  for (uint64_t seq = 1; seq <= 600; ++seq) {
    arena.Reset();
    stamp += random.OneIn(60) ? random.Between(100, 500) : 1;
    pair.Update(MakePaid(&random, &arena), stamp, stamp, seq, &arena);
    ASSERT_TRUE(pair.Agree({Timestamp{stamp}, Seq(seq)}, true));
  }
}

TEST(WindowDiff, WindowsOfAllTimeEqualTheNaiveTwin) {
  std::vector<FeatureSpec> specs;
  for (const FeatureSpec& spec : AllSpecs()) {
    if (spec.window_ns != 40) continue;
    FeatureSpec all = spec;
    all.window_ns = 0;
    all.window_text = "all";
    specs.push_back(all);
    specs.push_back(spec);
  }
  for (uint64_t seed = 1; seed <= 2; ++seed) {
    RunStream(seed + 300, specs, {0, 4}, {250, 8});
    RunStream(seed + 400, specs, {24, 128}, {250, 8});
  }
}

// All streams of up to five events over a small alphabet, as a tree: each node is a state, each
// edge one more event; every state is read at its own event, before it and after it.
class Exhaustive {
 public:
  Exhaustive(const Tuning& tuning, int depth)
      : schema_(MarketSchema()),
        specs_(FewSpecs()),
        plan_(MarketPlan(specs_, tuning)),
        depth_(depth) {
    Random random(5);
    for (int64_t amount : {-1, 1, 2}) {
      record::Event event = MakePaid(&random, &arena_);
      const std::span<Value> fields = arena_.NewArray<Value>(kPaidFields);
      std::copy(event.fields.begin(), event.fields.end(), fields.begin());
      fields[kAmount] = Value::OfMoney(Money{amount, schema_.base_currency}, amount);
      event.fields = fields;
      events_.push_back(event);
    }
  }

  void Run() {
    Pair root(plan_, &schema_, specs_);
    Descend(root, 1, 10, {});
  }
  [[nodiscard]] int64_t states() const { return states_; }

 private:
  struct Symbol {
    int64_t step;    // of the stamp
    int64_t offset;  // of the time from the stamp
    size_t event;
  };

  void Descend(const Pair& parent, uint64_t seq, int64_t stamp,
               const std::vector<uint64_t>& alive) {
    if (seq > static_cast<uint64_t>(depth_) || ::testing::Test::HasFatalFailure()) return;
    static constexpr Symbol kSymbols[] = {
        {1, 0, 0},  {1, 0, 1},  {1, 0, 2},  // in order
        {1, -1, 1},                         // at the time of an event one earlier
        {1, -2, 2}, {4, -3, 1},             // late; late after a pause
        {1, 2, 2},                          // ahead of the clock
        {4, 0, 1},                          // after a pause: windows run empty
    };
    for (const Symbol& symbol : kSymbols) {
      Pair child = parent;
      const int64_t now = stamp + symbol.step;
      child.Update(events_[symbol.event], now + symbol.offset, now, seq, &arena_);
      std::vector<uint64_t> still = alive;
      still.push_back(seq);
      Check(child, seq, now, now + symbol.offset, still);
    }
    if (alive.empty()) return;
    for (uint64_t target : {alive.front(), alive.back()}) {
      Pair child = parent;
      child.Reverse(target, seq);
      child.Update(seen_ = MakeSeen(&arena_), stamp + 1, stamp + 1, seq, &arena_);
      std::vector<uint64_t> still = alive;
      std::erase(still, target);
      Check(child, seq, stamp + 1, stamp + 1, still);
      if (alive.size() == 1) break;
    }
  }

  void Check(const Pair& child, uint64_t seq, int64_t stamp, int64_t time,
             const std::vector<uint64_t>& alive) {
    ++states_;
    for (int64_t at : {time, time - 1, time + 1, time - 3}) {
      const uint64_t reader = at == time ? seq : seq + 1;
      ASSERT_TRUE(child.Agree({Timestamp{at}, Seq(reader)}, true));
    }
    Descend(child, seq + 1, stamp, alive);
  }

  record::Schema schema_;
  std::vector<FeatureSpec> specs_;
  FeaturePlan plan_;
  int depth_;
  Arena arena_;
  record::Event seen_;
  std::vector<record::Event> events_;
  int64_t states_ = 0;
};

TEST(WindowDiff, AllStreamsOfFiveEventsEqualTheNaiveTwinWithCursors) {
  Exhaustive exhaustive({0, 2}, 5);
  exhaustive.Run();
  EXPECT_GT(exhaustive.states(), 50'000);
}

TEST(WindowDiff, AllStreamsOfFourEventsEqualTheNaiveTwinWithoutCursors) {
  Exhaustive exhaustive({24, 128}, 4);
  exhaustive.Run();
  EXPECT_GT(exhaustive.states(), 5'000);
}

}  // namespace
}  // namespace credence::feature
