#include "src/feature/entity_state.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "src/base/arena.h"
#include "src/base/assert.h"
#include "src/base/bytes.h"
#include "src/base/random.h"
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

// One event as a test writes it; nothing is absent unless said so.
struct Line {
  int64_t time = 0;
  int64_t stamp = 0;
  uint64_t seq = 0;
  int64_t amount_minor = 1;
  std::string kind = "a";
  std::string note = {};                 // empty = absent
  std::string phone = {};                // 16 bytes; empty = absent
  int64_t share_hundredths = INT64_MIN;  // INT64_MIN = absent
  uint64_t reversed_by = 0;              // right after it
};

Arrival ArrivalOf(const FeaturePlan& plan, const Line& line, Arena* arena) {
  const Currency cny = *Currency::FromCode("CNY");
  record::Event event;
  const std::span<Value> fields = arena->NewArray<Value>(kPaidFields);
  fields[kAccount] = Value::String("7");
  fields[kAmount] = Value::OfMoney(Money{line.amount_minor, cny}, line.amount_minor);
  fields[kKind] = Value::String(arena->Copy(line.kind));
  if (!line.note.empty()) fields[kNote] = Value::String(arena->Copy(line.note));
  if (!line.phone.empty()) fields[kPhone] = Value::Token(arena->Copy(line.phone));
  if (line.share_hundredths != INT64_MIN) {
    fields[kShare] = Value::OfDecimal(Decimal::FromScaled(line.share_hundredths, -2));
  }
  event.fields = fields;
  event.time = Timestamp{line.time};
  event.stamp = Timestamp{line.stamp};
  event.seq = Seq(line.seq);
  Result<Arrival> arrival = plan.EvaluateArrival(event, arena);
  CREDENCE_ASSERT(arrival.ok());
  return arrival.value();
}

EntityState StateOf(const FeaturePlan& plan, const std::vector<Line>& lines) {
  EntityState state(plan, 0);
  Arena arena;
  for (const Line& line : lines) {
    state.Update(plan, ArrivalOf(plan, line, &arena));
    if (line.reversed_by != 0) {
      EXPECT_TRUE(state.Reverse(plan, Seq(line.seq), Seq(line.reversed_by)));
    }
  }
  return state;
}

Value ReadOne(const FeaturePlan& plan, const EntityState& state, size_t feature, int64_t time,
              uint64_t seq) {
  std::vector<Value> out(plan.features().size());
  state.Read(plan, {Timestamp{time}, Seq(seq)}, out);
  return out[feature];
}

TEST(EntityState, WindowIsOpenOnTheLeftAndClosedOnTheRight) {
  const FeaturePlan plan = MarketPlan({SpecOf(Aggregator::kCount, "", "", 10)});
  const EntityState state = StateOf(plan, {{100, 100, 1}, {105, 105, 2}, {110, 110, 3}});
  EXPECT_EQ(ReadOne(plan, state, 0, 110, 3), Value::Integer(2));  // 100 is out: t - w < time
  EXPECT_EQ(ReadOne(plan, state, 0, 109, 4), Value::Integer(2));
  EXPECT_EQ(ReadOne(plan, state, 0, 99, 4), Value::Integer(0));
  EXPECT_EQ(ReadOne(plan, state, 0, 120, 4), Value::Integer(0));
}

TEST(EntityState, EmptyWindowsReadAsWrittenDown) {
  using enum Aggregator;
  std::vector<FeatureSpec> specs;
  for (Aggregator a : {kCount, kSinceFirst, kSinceLast}) specs.push_back(SpecOf(a, "", "", 10));
  for (Aggregator a : {kSum, kMean, kVariance, kStddev, kMin, kMax, kFirst, kLast, kDistinct}) {
    specs.push_back(SpecOf(a, "amount", "", 10));
  }
  const FeaturePlan plan = MarketPlan(specs);
  const Currency cny = *Currency::FromCode("CNY");
  for (const EntityState& state : {EntityState(plan, 0), StateOf(plan, {{100, 100, 1}})}) {
    std::vector<Value> out(specs.size());
    state.Read(plan, {Timestamp{500}, Seq(9)}, out);
    EXPECT_EQ(out[0], Value::Integer(0));
    EXPECT_TRUE(out[1].absent());
    EXPECT_TRUE(out[2].absent());
    EXPECT_EQ(out[3], Value::OfMoney(Money{0, cny}, 0));
    for (size_t f = 4; f <= 10; ++f) EXPECT_TRUE(out[f].absent()) << f;
    EXPECT_EQ(out[11], Value::Integer(0));
  }
}

TEST(EntityState, VarianceOfOneValueIsAbsent) {
  const FeaturePlan plan = MarketPlan({SpecOf(Aggregator::kVariance, "amount", "", 10)});
  EXPECT_TRUE(ReadOne(plan, StateOf(plan, {{100, 100, 1, 300}}), 0, 100, 1).absent());
  EXPECT_EQ(ReadOne(plan, StateOf(plan, {{100, 100, 1, 300}, {101, 101, 2, 500}}), 0, 101, 2),
            Value::OfDecimal(Decimal::FromInt64(2)));  // major units
}

TEST(EntityState, PriorLeavesTheReadingEventOut) {
  const FeaturePlan plan = MarketPlan({SpecOf(Aggregator::kSum, "amount", "", 10, 0, true),
                                       SpecOf(Aggregator::kSinceLast, "", "", 10, 0, true)});
  const Currency cny = *Currency::FromCode("CNY");
  const EntityState state = StateOf(plan, {{100, 100, 1, 3}, {104, 104, 2, 5}});
  EXPECT_EQ(ReadOne(plan, state, 0, 104, 2), Value::OfMoney(Money{3, cny}, 3));
  EXPECT_EQ(ReadOne(plan, state, 1, 104, 2), Value::Duration(4));
  EXPECT_EQ(ReadOne(plan, state, 0, 104, 3), Value::OfMoney(Money{8, cny}, 8));
}

TEST(EntityState, PriorLeavesALateReaderOutOfASummarisedChunk) {
  // Decoding packs rows anew, so that the late reader is the last row of a chunk with a summary.
  const FeaturePlan plan = MarketPlan({SpecOf(Aggregator::kCount, "", "", 10, 0, true)}, {1000, 2});
  const EntityState state =
      StateOf(plan, {{100, 100, 1}, {110, 110, 2}, {120, 120, 3}, {105, 121, 4}});
  const Result<EntityState> decoded = EntityState::Decode(plan, 0, Canonical(plan, state));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(ReadOne(plan, state, 0, 105, 4), Value::Integer(1));
  EXPECT_EQ(ReadOne(plan, decoded.value(), 0, 105, 4), Value::Integer(1));
}

TEST(EntityState, DelayMovesBothEndsBack) {
  const FeaturePlan plan = MarketPlan({SpecOf(Aggregator::kCount, "", "", 10, 5)});
  const EntityState state = StateOf(plan, {{100, 100, 1}, {104, 104, 2}, {106, 106, 3}});
  EXPECT_EQ(ReadOne(plan, state, 0, 109, 4), Value::Integer(2));
  EXPECT_EQ(ReadOne(plan, state, 0, 110, 4), Value::Integer(2));
  EXPECT_EQ(ReadOne(plan, state, 0, 115, 4), Value::Integer(2));
  EXPECT_EQ(ReadOne(plan, state, 0, 119, 4), Value::Integer(1));
}

TEST(EntityState, EqualTimesAreOrderedBySequence) {
  const FeaturePlan plan = MarketPlan(
      {SpecOf(Aggregator::kFirst, "amount", "", 10), SpecOf(Aggregator::kLast, "amount", "", 10)});
  const Currency cny = *Currency::FromCode("CNY");
  const EntityState state =
      StateOf(plan, {{100, 100, 1, 11}, {100, 101, 2, 12}, {100, 102, 3, 13}});
  EXPECT_EQ(ReadOne(plan, state, 0, 100, 3), Value::OfMoney(Money{11, cny}, 11));
  EXPECT_EQ(ReadOne(plan, state, 1, 100, 3), Value::OfMoney(Money{13, cny}, 13));
  EXPECT_EQ(ReadOne(plan, state, 1, 100, 2), Value::OfMoney(Money{12, cny}, 12));
}

TEST(EntityState, SumBeyond64BitsIsAbsentAndItsMeanIsExact) {
  const FeaturePlan plan = MarketPlan(
      {SpecOf(Aggregator::kSum, "amount", "", 10), SpecOf(Aggregator::kMean, "amount", "", 10)});
  const EntityState state = StateOf(plan, {{100, 100, 1, INT64_MAX}, {101, 101, 2, INT64_MAX}});
  EXPECT_TRUE(ReadOne(plan, state, 0, 101, 2).absent());
  EXPECT_EQ(ReadOne(plan, state, 1, 101, 2), Value::OfDecimal(Decimal::FromScaled(INT64_MAX, -2)));
  EXPECT_EQ(ReadOne(plan, state, 0, 110, 3).base_minor(), INT64_MAX);
}

TEST(EntityState, EventIsTakenBackOnceAndOnlyIfItIsKnown) {
  const FeaturePlan plan = MarketPlan({SpecOf(Aggregator::kCount, "", "", 10)});
  EntityState state = StateOf(plan, {{100, 100, 1}, {101, 101, 2}});
  EXPECT_FALSE(state.Reverse(plan, Seq(7), Seq(8)));
  EXPECT_TRUE(state.Reverse(plan, Seq(1), Seq(8)));
  EXPECT_FALSE(state.Reverse(plan, Seq(1), Seq(9)));
  EXPECT_EQ(ReadOne(plan, state, 0, 101, 8), Value::Integer(1));
  EXPECT_EQ(ReadOne(plan, state, 0, 101, 7), Value::Integer(2));  // before the reversal arrived
}

TEST(EntityState, ReadBeyondTheLateBoundIsIncomplete) {
  const FeaturePlan plan = MarketPlan({SpecOf(Aggregator::kCount, "", "", 10)});
  const EntityState state = StateOf(plan, {{100, 100, 1}, {500, 500, 2}});
  EXPECT_EQ(ReadOne(plan, state, 0, 440, 3), Value::Integer(0));  // late by the bound of 60
  EXPECT_EQ(ReadOne(plan, state, 0, 439, 3).kind(), ValueKind::kIncomplete);
}

TEST(EntityState, MemoryStaysFlatWhereWindowsAreFinite) {
  const FeaturePlan plan = MarketPlan(AllSpecs());
  EntityState state(plan, 0);
  Random random(9);
  Arena arena;
  size_t bytes_early = 0;
  for (uint64_t seq = 1; seq <= 20'000; ++seq) {
    arena.Reset();
    record::Event event = MakePaid(&random, &arena);
    event.time = event.stamp = Timestamp{static_cast<int64_t>(seq)};
    event.seq = Seq(seq);
    state.Update(plan, plan.EvaluateArrival(event, &arena).value());
    if (seq == 2'000) bytes_early = state.bytes();
    // Longest window and delay 153, late bound 60, and at most a chunk that is not free yet.
    ASSERT_LE(state.event_count(), 213U + 2 * 128U);
  }
  EXPECT_LT(state.bytes(), bytes_early * 2);
}

TEST(EntityState, CopyIsIndependent) {
  const FeaturePlan plan = MarketPlan(AllSpecs(), {0, 8});
  std::vector<Line> lines;
  for (uint64_t seq = 1; seq <= 60; ++seq) {
    lines.push_back({static_cast<int64_t>(100 + seq), static_cast<int64_t>(100 + seq), seq,
                     static_cast<int64_t>(seq % 7), "a", "n" + std::to_string(seq % 5)});
  }
  const EntityState state = StateOf(plan, lines);
  const std::string bytes = Canonical(plan, state);
  std::vector<Value> before(plan.features().size());
  state.Read(plan, {Timestamp{160}, Seq(60)}, before);

  Arena arena;
  EntityState copy = state;
  copy.Update(plan, ArrivalOf(plan, {161, 161, 61, 99, "b", "other"}, &arena));
  copy.Update(plan, ArrivalOf(plan, {110, 162, 62, 98, "c", "late"}, &arena));
  EXPECT_TRUE(copy.Reverse(plan, Seq(5), Seq(63)));
  EXPECT_TRUE(copy.Reverse(plan, Seq(60), Seq(64)));
  EXPECT_NE(Canonical(plan, copy), bytes);

  EXPECT_EQ(Canonical(plan, state), bytes);
  std::vector<Value> after(plan.features().size());
  state.Read(plan, {Timestamp{160}, Seq(60)}, after);
  EXPECT_EQ(before, after);
}

TEST(EntityState, ReadSetReadsItsFeaturesOnly) {
  const FeaturePlan plan = MarketPlan(AllSpecs());
  const EntityState state = StateOf(plan, {{100, 100, 1, 5, "b", "x"}, {101, 101, 2, -3, "b"}});
  std::vector<Value> all(plan.features().size());
  state.Read(plan, {Timestamp{101}, Seq(2)}, all);
  std::vector<uint32_t> some;
  for (uint32_t f = 0; f < plan.features().size(); f += 3) some.push_back(f);
  std::vector<Value> out(plan.features().size(), Value::Boolean(true));
  state.Read(plan, {Timestamp{101}, Seq(2)}, plan.Select(0, some), out);
  for (uint32_t f = 0; f < out.size(); ++f) {
    EXPECT_EQ(out[f], f % 3 == 0 ? all[f] : Value::Boolean(true)) << f;
  }
}

std::vector<Line> SmallStream() {
  return {{100, 100, 1, 5, "a", "first note", "token-------0001", 250},
          {103, 103, 2, -7, "b", "", "token-------0002", INT64_MIN},
          {101, 104, 3, 9, "b", "late note", "", -1, 4},
          {110, 105, 5, 5, "c", "first note", "token-------0001", 250}};
}

TEST(EntityState, ChangingAnyOneStoredFieldChangesTheCanonicalBytes) {
  const FeaturePlan plan = MarketPlan(AllSpecs());
  std::set<std::string> seen;
  const auto add = [&](const std::vector<Line>& lines, const std::string& what) {
    EXPECT_TRUE(seen.insert(Canonical(plan, StateOf(plan, lines))).second) << what;
  };
  add(SmallStream(), "as it is");
  for (size_t i = 0; i < SmallStream().size(); ++i) {
    const auto change = [&](const std::string& what, const auto& apply) {
      std::vector<Line> lines = SmallStream();
      apply(&lines[i]);
      add(lines, "line " + std::to_string(i) + " " + what);
    };
    change("time", [](Line* line) { --line->time; });
    change("amount", [](Line* line) { ++line->amount_minor; });
    change("kind", [](Line* line) { line->kind = line->kind == "a" ? "c" : "a"; });
    change("note", [](Line* line) { line->note += "!"; });
    change("phone", [](Line* line) { line->phone = "token-------9999"; });
    change("share", [](Line* line) {
      line->share_hundredths = line->share_hundredths == INT64_MIN ? 1 : line->share_hundredths + 1;
    });
    if (!SmallStream()[i].note.empty()) {
      change("no note", [](Line* line) { line->note.clear(); });
    }
  }
  std::vector<Line> lines = SmallStream();
  lines.back().stamp = 106;
  add(lines, "last stamp");
  lines = SmallStream();
  lines.back().seq = 6;
  add(lines, "last sequence");
  lines = SmallStream();
  lines[2].reversed_by = 0;
  add(lines, "not taken back");
  lines = SmallStream();
  lines.back().reversed_by = 6;
  add(lines, "also taken back");
  lines = SmallStream();
  lines.back().reversed_by = 7;
  add(lines, "taken back later");
  lines = SmallStream();
  lines.erase(lines.begin());
  add(lines, "without the first");
}

TEST(EntityState, BytesThatDecodeEncodeToThemselves) {
  const FeaturePlan plan = MarketPlan(AllSpecs());
  const std::string bytes = Canonical(plan, StateOf(plan, SmallStream()));
  ASSERT_TRUE(EntityState::Decode(plan, 0, bytes).ok());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(EntityState::Decode(plan, 0, bytes.substr(0, size)).status().code(),
              StatusCode::kDataLoss);
  }
  int good = 0;
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      const Result<EntityState> decoded = EntityState::Decode(plan, 0, damaged);
      if (!decoded.ok()) {
        EXPECT_EQ(decoded.status().code(), StatusCode::kDataLoss);
        continue;
      }
      ++good;
      EXPECT_EQ(ToHex(Canonical(plan, decoded.value())), ToHex(damaged));
    }
  }
  EXPECT_GT(good, 0);  // other values are other states, not damage
}

TEST(EntityState, AChunkIsKeptOnceAndAgainOnlyIfItChanged) {
  const FeaturePlan plan = MarketPlan(AllSpecs(), {0, 8});
  EntityState state(plan, 0);
  KeptChunks kept;
  Arena arena;
  const auto update = [&](uint64_t seq, int64_t time) {
    arena.Reset();
    state.Update(plan,
                 ArrivalOf(plan, {time, static_cast<int64_t>(100 + seq), seq, 1, "a"}, &arena));
  };
  for (uint64_t seq = 1; seq <= 40; ++seq) update(seq, static_cast<int64_t>(100 + seq));
  EXPECT_TRUE(state.HasUnkeptChunks());
  state.KeepChunks(plan, &kept);
  const std::map<uint64_t, std::string> before = kept.chunks;
  EXPECT_EQ(before.size(), 4U) << "five chunks of eight events, the newest not full";
  update(41, 141);
  EXPECT_TRUE(state.HasUnkeptChunks());
  state.KeepChunks(plan, &kept);
  EXPECT_EQ(kept.chunks.size(), 5U);
  for (const auto& [number, bytes] : before) EXPECT_EQ(kept.chunks[number], bytes);
  EXPECT_TRUE(state.Reverse(plan, Seq(10), Seq(42)));
  EXPECT_TRUE(state.HasUnkeptChunks());
  state.KeepChunks(plan, &kept);
  EXPECT_EQ(kept.chunks.size(), 5U);
  EXPECT_FALSE(kept.chunks.contains(3)) << "the chunk of the event that was taken back is another";
}

TEST(EntityState, DamagedHeadsAndChunksAreNamedOrAreOtherStates) {
  const FeaturePlan plan = MarketPlan(AllSpecs(), {0, 2});
  EntityState state = StateOf(plan, SmallStream());
  KeptChunks kept;
  state.KeepChunks(plan, &kept);
  ASSERT_FALSE(kept.chunks.empty());
  std::string head;
  state.AppendHead(plan, &head);
  ASSERT_FALSE(EntityState::IsCanonical(head));
  const auto look = [&](const std::string& bytes) {
    const Result<EntityState> decoded = EntityState::DecodeHead(plan, 0, bytes, kept);
    EXPECT_TRUE(decoded.ok() || decoded.status().code() == StatusCode::kDataLoss);
    return decoded.ok();
  };
  ASSERT_TRUE(look(head));
  EXPECT_FALSE(EntityState::Decode(plan, 0, head).ok()) << "a head alone is no whole state";
  for (size_t size = 0; size < head.size(); ++size) EXPECT_FALSE(look(head.substr(0, size)));
  const auto flip = [](std::string* bytes, size_t bit) {
    (*bytes)[bit / 8] = static_cast<char>((*bytes)[bit / 8] ^ (1 << (bit % 8)));
  };
  size_t refused = 0;
  for (size_t bit = 0; bit < head.size() * 8; ++bit) {
    std::string damaged = head;
    flip(&damaged, bit);
    if (!look(damaged)) ++refused;
  }
  for (auto& [number, bytes] : kept.chunks) {
    const std::string good = bytes;
    for (size_t size = 0; size < good.size(); ++size) {
      bytes = good.substr(0, size);
      EXPECT_FALSE(look(head));
    }
    for (size_t bit = 0; bit < good.size() * 8; ++bit) {
      bytes = good;
      flip(&bytes, bit);
      if (!look(head)) ++refused;
    }
    bytes = good;
  }
  EXPECT_GT(refused, 100U);
}

TEST(EntityState, BytesDoNotTellHowMemoryIsArranged) {
  const std::vector<FeatureSpec> specs = AllSpecs();
  const FeaturePlan small = MarketPlan(specs, {0, 2});
  const FeaturePlan large = MarketPlan(specs, {1000, 128});
  EntityState a(small, 0);
  EntityState b(large, 0);
  Random random(21);
  Arena arena;
  int64_t stamp = 0;
  for (uint64_t seq = 1; seq <= 700; ++seq) {
    arena.Reset();
    stamp += random.Between(1, 3);
    record::Event event = MakePaid(&random, &arena);
    event.time = Timestamp{stamp + random.Between(-60, 20)};
    event.stamp = Timestamp{stamp};
    event.seq = Seq(seq);
    if (seq > 1 && random.OneIn(5)) {
      const Seq target(seq - 1 - random.Below(std::min<uint64_t>(seq - 1, 300)));
      EXPECT_EQ(a.Reverse(small, target, Seq(seq)), b.Reverse(large, target, Seq(seq)));
    }
    a.Update(small, small.EvaluateArrival(event, &arena).value());
    b.Update(large, large.EvaluateArrival(event, &arena).value());
    ASSERT_EQ(Canonical(small, a), Canonical(large, b)) << "sequence " << seq;
  }
}

}  // namespace
}  // namespace credence::feature
