// Random lives of buyers, orders and loans: debits equal credits after every event, and replay
// gives the same money, whatever the batches.

#include <gtest/gtest.h>

#include "src/engine/money_testing.h"
#include "src/study/verify.h"

namespace credence::engine {
namespace {

constexpr int64_t kDay = 24 * kNsPerHour;

// Events of a year and more for a few buyers; many of them are refused by limits and loans.
std::vector<Event> RandomLife(uint64_t seed, size_t count, Arena* arena) {
  Random random(seed);
  std::vector<Event> events;
  Timestamp now = kStart;
  for (size_t i = 0; i < count; ++i) {
    now.ns += random.Between(1, 2 * kDay);
    const std::string id = "e" + std::to_string(i);
    const std::string buyer = "b" + std::to_string(random.Below(3));
    const std::string order = "O" + std::to_string(random.Below(i / 4 + 1));
    const std::string loan = "L" + std::to_string(random.Below(i / 12 + 1));
    const int64_t amount = random.Between(0, 120'000);
    Timestamp time = now;
    if (random.OneIn(10)) time.ns -= random.Between(0, 20) * kDay;
    EventText text;
    switch (random.Below(12)) {
      case 0:
      case 1:
        text = Asked(id, time, buyer, random.OneIn(9) ? 9'000'000 : amount * 2);
        break;
      case 2:
      case 3:
        text = Ordered(id, time, buyer, order, amount);
        break;
      case 4:
        text = Shipped(id, time, order,
                       random.OneIn(2) ? std::nullopt : std::optional<int64_t>(amount));
        break;
      case 5:
        text = Dropped(id, time, order);
        break;
      case 6:
        text = Paid(id, time, buyer, amount);
        break;
      case 7:
        text = BuyerEvent(random.OneIn(3) ? "limit.frozen" : "limit.thawed", id, time, buyer);
        break;
      case 8:
        text = Lent(id, time, buyer, loan, amount);
        break;
      case 9:
      case 10:
        text = OfLoan("repayment.received", id, time, loan, amount / 2);
        break;
      default:
        text = OfLoan(random.OneIn(5) ? "loan.given_up" : "loan.settled", id, time, loan);
        break;
    }
    events.push_back(pack::MakeEvent(*CreditLinePack(), text, arena));
  }
  return events;
}

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
    const std::vector<Event> events = RandomLife(seed, 500, &arena);
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
  const std::vector<Event> events = RandomLife(9, 250, &arena);
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
  const std::vector<Event> events = RandomLife(5, 300, &arena);
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
