#include "src/feature/row_log.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "src/base/random.h"
#include "src/feature/dictionary.h"
#include "src/feature/entity_state.h"
#include "src/feature/test_market.h"

namespace credence::feature {
namespace {

// A log of sums of "watch", so that a row has one cell.
class RowLogTest : public ::testing::Test {
 protected:
  static Tuning TuningOf(uint32_t chunk_rows) { return {24, chunk_rows}; }
  explicit RowLogTest(uint32_t chunk_rows = 5)
      : plan_(MarketPlan({SpecOf(Aggregator::kSum, "watch", "", 40)}, TuningOf(chunk_rows))),
        log_plan_(plan_.entity(0).logs[0]) {}

  bool Insert(RowLog* log, int64_t time, uint64_t seq) const {
    const std::vector<uint64_t> mask(log_plan_.mask_words, 1);
    const std::vector<int64_t> cells(log_plan_.columns.size(), static_cast<int64_t>(1000 + seq));
    return log->Insert(log_plan_, texts_, time, seq, mask, cells);
  }
  [[nodiscard]] static std::string Times(const RowLog& log) {
    std::string times;
    for (Position at = log.Settled(log.Begin()); !log.AtEnd(at); ++at.row, at = log.Settled(at)) {
      const uint64_t* row = log.Row(at);
      EXPECT_EQ(log.Cell(row, 0), static_cast<int64_t>(1000 + RowSeq(row)));
      times += std::to_string(RowTime(row)) + " ";
    }
    return times;
  }

  FeaturePlan plan_;
  const LogPlan& log_plan_;
  Dictionary texts_;
};

TEST_F(RowLogTest, RowsStayWhatTheyAreWhileTheirBlockGrows) {
  RowLog log(log_plan_, TuningOf(5));
  EXPECT_EQ(log.bytes(), 0U);
  std::string expected;
  size_t bytes = 0;
  for (uint64_t seq = 1; seq <= 17; ++seq) {
    EXPECT_TRUE(Insert(&log, static_cast<int64_t>(10 * seq), seq));
    expected += std::to_string(10 * seq) + " ";
    EXPECT_EQ(Times(log), expected);
    EXPECT_EQ(log.rows(), seq);
    EXPECT_EQ(log.end_chunk() - log.first_chunk(), (seq + 4) / 5);
    EXPECT_GE(log.bytes(), bytes);
    bytes = log.bytes();
    EXPECT_EQ(log.FindSeq(seq), log.After(static_cast<int64_t>(10 * seq - 1)));
  }
}

TEST_F(RowLogTest, RowsBetweenOthersMoveThoseBehindAndSplitFullChunks) {
  RowLog log(log_plan_, TuningOf(5));
  std::map<int64_t, uint64_t> expected;
  Random random(7);
  for (uint64_t seq = 1; seq <= 200; ++seq) {
    const int64_t time = random.Between(1, 1'000'000);
    if (!expected.emplace(time, seq).second) continue;
    EXPECT_EQ(Insert(&log, time, seq), expected.rbegin()->first == time);
  }
  std::string times;
  for (const auto& [time, seq] : expected) {
    times += std::to_string(time) + " ";
    const Position at = log.After(time - 1);
    EXPECT_EQ(RowSeq(log.Row(at)), seq);
    EXPECT_EQ(log.FindSeq(seq), at);
  }
  EXPECT_EQ(Times(log), times);
}

TEST_F(RowLogTest, CopiesShareChunksUntilOneOfThemChanges) {
  RowLog log(log_plan_, TuningOf(5));
  for (uint64_t seq = 1; seq <= 12; ++seq) Insert(&log, static_cast<int64_t>(10 * seq), seq);
  const std::string before = Times(log);
  {
    RowLog copy(log);
    for (uint64_t chunk = 0; chunk < 3; ++chunk)
      EXPECT_EQ(&copy.ChunkAt(chunk), &log.ChunkAt(chunk));
    Insert(&copy, 130, 13);  // has room, but is not its own
    EXPECT_NE(&copy.ChunkAt(2), &log.ChunkAt(2));
    EXPECT_EQ(&copy.ChunkAt(1), &log.ChunkAt(1));
    Insert(&copy, 75, 14);  // splits the full chunk of 60 to 100
    EXPECT_EQ(&copy.ChunkAt(0), &log.ChunkAt(0));
    copy.Reverse(log_plan_, texts_, {0, 1}, 15);
    EXPECT_NE(&copy.ChunkAt(0), &log.ChunkAt(0));
    EXPECT_EQ(copy.reversals().size(), 1U);
    EXPECT_EQ(Times(copy), "10 20 30 40 50 60 70 75 80 90 100 110 120 130 ");
  }
  EXPECT_EQ(Times(log), before);
  EXPECT_TRUE(log.reversals().empty());
  EXPECT_EQ(log.ChunkAt(0).summary[0].tally.count, 5);
  // The only owner again: the block is changed where it is.
  const Chunk* newest = &log.ChunkAt(2);
  Insert(&log, 130, 13);
  Insert(&log, 140, 14);
  EXPECT_EQ(&log.ChunkAt(2), newest);
}

TEST_F(RowLogTest, DroppedChunksGiveTheirNumbersUp) {
  RowLog log(log_plan_, TuningOf(5));
  for (uint64_t seq = 1; seq <= 12; ++seq) Insert(&log, static_cast<int64_t>(10 * seq), seq);
  const RowLog copy(log);
  log.DropThrough(log_plan_, 99, &texts_);
  EXPECT_EQ(log.first_chunk(), 1U);
  EXPECT_EQ(Times(log), "60 70 80 90 100 110 120 ");
  log.DropThrough(log_plan_, 1000, &texts_);
  EXPECT_EQ(Times(log), "110 120 ") << "the newest chunk is never dropped";
  EXPECT_EQ(log.End(), (Position{2, 2}));
  EXPECT_EQ(copy.rows(), 12U);
  EXPECT_EQ(copy.ChunkAt(0).rows, 5U);
}

// Also where late rows make two chunks of the oldest one, so that it ends before it did.
TEST_F(RowLogTest, AChunkGoesAsSoonAsAllItsRowsMay) {
  RowLog log(log_plan_, TuningOf(5));
  Random random(11);
  int64_t through = 0;
  size_t dropped = 0;
  for (uint64_t seq = 1; seq <= 4'000; ++seq) {
    Insert(&log, through + random.Between(1, 600), seq);
    if (!random.OneIn(3)) continue;
    through += random.Between(0, 4);
    const uint64_t first = log.first_chunk();
    log.DropThrough(log_plan_, through, &texts_);
    dropped += log.first_chunk() - first;
    if (log.first_chunk() + 1 == log.end_chunk()) continue;  // the newest stays
    const Chunk& oldest = log.ChunkAt(log.first_chunk());
    EXPECT_GT(RowTime(log.Row({log.first_chunk(), oldest.rows - 1})), through) << "at " << seq;
  }
  EXPECT_GT(dropped, 100U);
}

TEST_F(RowLogTest, ARowThatStaysKeepsWhatWasTakenOfIt) {
  RowLog log(log_plan_, TuningOf(5));
  for (uint64_t seq = 1; seq <= 12; ++seq) Insert(&log, static_cast<int64_t>(10 * seq), seq);
  log.Reverse(log_plan_, texts_, {0, 4}, 13);
  log.Reverse(log_plan_, texts_, {1, 0}, 14);
  log.Reverse(log_plan_, texts_, {2, 1}, 15);
  // Through the third row of the second chunk: the first alone goes.
  log.DropThrough(log_plan_, 80, &texts_);
  ASSERT_EQ(log.first_chunk(), 1U);
  ASSERT_EQ(log.reversals().size(), 2U);
  ASSERT_NE(log.ReversalOf(log.Row({1, 0})), nullptr)
      << "its chunk would be stored without its bits";
  EXPECT_EQ(log.ReversalOf(log.Row({1, 0}))->reversal, 14U);
  EXPECT_EQ(log.ReversalOf(log.Row({2, 1}))->reversal, 15U);
}

TEST(Dictionary, FewTextsAndManyAreFoundAlike) {
  constexpr uint64_t kSeed = 11;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  Random random(kSeed);
  // From a few texts, which need no table, over it and back.
  for (const int64_t different : {1, 7, 8, 9, 12, 40, 300}) {
    Dictionary dictionary;
    std::map<std::string, std::pair<uint32_t, int>> expected;  // number, references
    for (int step = 0; step < 3000; ++step) {
      const std::string text =
          "text that is not held in place " + std::to_string(random.Between(1, different));
      const auto known = expected.find(text);
      if (known != expected.end() && random.OneIn(2)) {
        dictionary.Release(known->second.first);
        if (--known->second.second == 0) expected.erase(known);
      } else {
        const uint32_t number = dictionary.Acquire(text);
        auto& [before, references] = expected[text];
        ASSERT_TRUE(references == 0 || number == before);
        before = number;
        ++references;
      }
      ASSERT_EQ(dictionary.size(), expected.size());
      for (const auto& [kept, as] : expected) ASSERT_EQ(dictionary.Text(as.first), kept);
      if (different > 40) step += 9;
    }
    const Dictionary copy(dictionary);
    for (const auto& [kept, as] : expected) EXPECT_EQ(copy.Text(as.first), kept);
  }
}

TEST(Dictionary, TellsTextsOfOneTagApart) {
  // Of so many texts a few have a tag of 32 bits in common.
  constexpr int kTexts = 300'000;
  std::map<uint32_t, std::string> by_tag;
  std::vector<std::string> twins;
  for (int i = 0; i < kTexts; ++i) {
    std::string text = "buyer-" + std::to_string(i);
    const auto [first, fresh] = by_tag.try_emplace(Dictionary::TagOf(text), text);
    if (fresh) continue;
    twins.push_back(first->second);
    twins.push_back(std::move(text));
  }
  ASSERT_GE(twins.size(), 4u);
  for (const int others : {0, 40}) {
    Dictionary dictionary;
    for (int i = 0; i < others; ++i) dictionary.Acquire("other " + std::to_string(i));
    std::vector<uint32_t> numbers;
    for (const std::string& text : twins) numbers.push_back(dictionary.Acquire(text));
    for (size_t i = 0; i < twins.size(); ++i) {
      EXPECT_EQ(dictionary.Text(numbers[i]), twins[i]);
      EXPECT_EQ(dictionary.Acquire(twins[i]), numbers[i]);
      dictionary.Release(numbers[i]);
    }
    for (size_t i = 0; i < twins.size(); i += 2) dictionary.Release(numbers[i]);
    for (size_t i = 1; i < twins.size(); i += 2) {
      EXPECT_EQ(dictionary.Acquire(twins[i]), numbers[i]) << "its twin is gone";
    }
  }
}

TEST(EntityState, AnEntityWithoutLogsKeepsItsTimes) {
  const FeaturePlan plan = MarketPlan({});
  ASSERT_TRUE(plan.entity(0).logs.empty());
  EntityState state(plan, 0);
  Random random(3);
  Arena arena;
  record::Event event = MakePaid(&random, &arena);
  event.time = event.stamp = Timestamp{1000};
  event.seq = Seq(1);
  state.Update(plan, plan.EvaluateArrival(event, &arena).value());
  std::string bytes;
  const EntityState copy(state);
  copy.AppendCanonical(plan, &bytes);
  const Result<EntityState> decoded = EntityState::Decode(plan, 0, bytes);
  ASSERT_TRUE(decoded.ok());
  std::string again;
  decoded->AppendCanonical(plan, &again);
  EXPECT_EQ(again, bytes);
  for (int level = 0; level < EntityState::kWarmLevels; ++level) {
    decoded->Warm(level);
    decoded->WarmTexts(level, plan, event);
  }
  EXPECT_EQ(decoded->event_count(), 0U);
}

}  // namespace
}  // namespace credence::feature
