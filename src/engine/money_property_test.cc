// Random lives of buyers, orders and loans: debits equal credits after every event, and replay
// gives the same money, whatever the batches.

#include <gtest/gtest.h>

#include "src/engine/money_testing.h"
#include "src/study/verify.h"

namespace credence::engine {
namespace {

// What the engine said of money, event by event.
std::vector<std::string> Play(Engine& engine, const std::vector<Event>& events, size_t batch) {
  std::vector<std::string> said;
  for (size_t at = 0; at < events.size();) {
    const size_t size = std::min(batch, events.size() - at);
    const auto outcomes = engine.Process({&events[at], size}, Arrival::kHistory, kStart);
    EXPECT_TRUE(outcomes.ok()) << outcomes.status().ToString();
    if (!outcomes.ok()) return said;
    for (const Outcome& outcome : *outcomes) {
      said.push_back(Said(outcome.money) + " / " + Said(outcome.money_of_decision));
    }
    ExpectBalanced(engine.state().money, engine.state().last_stamp);
    at += size;
  }
  return said;
}

TEST(MoneyProperty, DebitsEqualCreditsAndReplayEqualsLiveWhateverTheBatches) {
  for (const uint64_t seed : {1U, 2U, 3U, 4U}) {
    Arena arena;
    const std::vector<Event> events = MoneyLife(seed, 500, &arena);
    std::optional<std::string> hash;
    std::optional<std::vector<std::string>> said;
    std::map<std::string, int> kinds;
    for (const size_t batch : {size_t{1}, size_t{7}, size_t{256}}) {
      journal::FaultFileSystem files;
      auto engine = MustOpen(files);
      MustActivate(*engine, CreditLinePack());
      const std::vector<std::string> now = Play(*engine, events, batch);
      for (const std::string& line : now) ++kinds[line];
      EXPECT_EQ(said.value_or(now), now) << "seed " << seed << ", batch " << batch;
      said = now;
      const std::string live = engine->state().Hash().ToHex();
      EXPECT_EQ(hash.value_or(live), live) << "seed " << seed << ", batch " << batch;
      hash = live;
      engine.reset();
      files.Crash(journal::CrashKind::kDropUnsynced);
      engine = MustOpen(files);
      EXPECT_EQ(engine->state().Hash().ToHex(), live) << "seed " << seed << ", batch " << batch;
      const auto verified = study::Verify(files, kFolder);
      ASSERT_TRUE(verified.ok()) << verified.status().ToString();
      EXPECT_TRUE(verified->ok()) << "seed " << seed;
      EXPECT_EQ(verified->state_hash.ToHex(), live) << "seed " << seed;
    }
    // The life is worth the name: much was done and much was refused.
    EXPECT_GT(kinds["applied 1 / none"], 100) << "seed " << seed;
    EXPECT_GT(kinds["none / applied 1"], 20) << "seed " << seed;
    EXPECT_GT(kinds.size(), 10U) << "seed " << seed;
  }
}

TEST(MoneyProperty, ADryRunSaysWhatComesAndLeavesNoTrace) {
  Arena arena;
  const std::vector<Event> events = MoneyLife(9, 250, &arena);
  journal::FaultFileSystem files;
  auto engine = MustOpen(files);
  MustActivate(*engine, CreditLinePack());
  for (const Event& event : events) {
    const std::string before = MoneyRows(engine->state().money);
    const Outcome dry = engine->DryRun(event, Arrival::kHistory, kStart);
    ASSERT_EQ(MoneyRows(engine->state().money), before);
    const auto real = engine->Process({&event, 1}, Arrival::kHistory, kStart);
    ASSERT_TRUE(real.ok());
    ASSERT_EQ(Said(dry.money), Said(real->at(0).money)) << event.id;
    ASSERT_EQ(Said(dry.money_of_decision), Said(real->at(0).money_of_decision)) << event.id;
  }
}

TEST(MoneyProperty, ACopyIsEqualAndGoesItsOwnWay) {
  Arena arena;
  const std::vector<Event> events = MoneyLife(5, 300, &arena);
  journal::FaultFileSystem files;
  auto engine = MustOpen(files);
  MustActivate(*engine, CreditLinePack());
  Play(*engine, {events.begin(), events.begin() + 200}, 50);
  const MoneyState copy = engine->state().money.Copy();
  const std::string rows = MoneyRows(copy);
  EXPECT_EQ(rows, MoneyRows(engine->state().money));
  Play(*engine, {events.begin() + 200, events.end()}, 50);
  EXPECT_NE(rows, MoneyRows(engine->state().money));
  EXPECT_EQ(rows, MoneyRows(copy));
}

}  // namespace
}  // namespace credence::engine
