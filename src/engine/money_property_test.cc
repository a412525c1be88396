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

// The books of every loan are those of the loan, though its money falls anew whenever something
// comes late or is taken back.
void ExpectBooksFollowLoans(const Engine& engine) {
  const MoneyState& money = engine.state().money;
  int64_t interest = 0;
  int64_t booked_interest = 0;
  for (const auto& account : money.Accounts()) {
    const auto balances = money.ledger().BalancesNow(account.id, engine.state().last_stamp.ns);
    const int64_t debit = balances.debits_posted - balances.credits_posted;
    if (account.role == "interest_income") booked_interest = -debit;
    if (account.role != "receivable") continue;
    const auto loan = money.LoanNamed(account.key, Date{INT64_MIN});
    if (!loan) {
      EXPECT_EQ(debit, 0) << account.key;
      continue;
    }
    const lending::LoanTotals totals = loan->totals();
    EXPECT_EQ(debit, totals.principal_outstanding) << account.key;
    interest += totals.interest_paid - totals.interest_charged_back;
  }
  EXPECT_EQ(booked_interest, interest);
}

// Three loans of one buyer: much is paid, a good part of it late, charged back or taken back.
std::vector<Event> LoanLife(uint64_t seed, size_t count, Arena* arena) {
  Random random(seed);
  std::vector<Event> events;
  Timestamp now = kStart;
  const auto add = [&](const EventText& text) {
    events.push_back(pack::MakeEvent(*CreditLinePack(), text, arena));
  };
  add(Asked("e0", now, "b1", 4'000'000));
  for (int i = 0; i < 3; ++i) {
    const std::string number = std::to_string(i);
    add(Lent("l" + number, Timestamp{++now.ns}, "b1", "L" + number, 200'000 + i));
  }
  for (size_t i = 0; i < count; ++i) {
    now.ns += random.Between(1, 4 * kDay);
    const std::string id = "r" + std::to_string(i);
    const std::string loan = "L" + std::to_string(random.Below(3));
    Timestamp time = now;
    if (random.OneIn(3)) time.ns -= random.Between(0, 40) * kDay;
    time.ns = std::max(time.ns, kStart.ns + 3);
    switch (random.Below(8)) {
      case 0:
        add(OfLoan("repayment.charged_back", id, time, loan, random.Between(1, 20'000)));
        break;
      case 1:
        add(OfLoan("goods.returned", id, time, loan, random.Between(1, 20'000)));
        break;
      case 2:
        add(Reversed(id, now, "r" + std::to_string(random.Below(i + 1))));
        break;
      case 3:
        if (random.OneIn(3)) {
          add(OfLoan("loan.terminated", id, time, loan));
          break;
        }
        [[fallthrough]];
      default:
        add(OfLoan("repayment.received", id, time, loan, random.Between(1, 40'000)));
        break;
    }
  }
  return events;
}

TEST(MoneyProperty, TheBooksFollowTheLoans) {
  int moved = 0;
  int reversed = 0;
  for (uint64_t seed = 20; seed < 32; ++seed) {
    Arena arena;
    journal::FaultFileSystem files;
    auto engine = MustOpen(files);
    MustActivate(*engine, CreditLinePack());
    for (const Event& event : LoanLife(seed, 60, &arena)) {
      const auto outcomes = engine->Process({&event, 1}, Arrival::kHistory, kStart);
      ASSERT_TRUE(outcomes.ok());
      const auto& report = outcomes->at(0).money;
      // A repayment alone makes three at most.
      moved += report && report->transfers > 3 ? 1 : 0;
      reversed += report && report->reversed > 0 ? 1 : 0;
      ExpectBalanced(engine->state().money, engine->state().last_stamp);
      ExpectBooksFollowLoans(*engine);
      const auto limit = engine->state().money.Limit("credit", "b1", engine->state().last_stamp);
      int64_t owed = 0;
      for (const char* name : {"L0", "L1", "L2"}) {
        const auto loan = engine->state().money.LoanNamed(name, Date{INT64_MIN});
        if (loan) owed += loan->totals().principal_outstanding;
      }
      EXPECT_EQ(limit ? limit->committed : 0, owed);
      if (testing::Test::HasFailure()) FAIL() << "seed " << seed << ", " << event.id;
    }
  }
  EXPECT_GT(moved, 20);
  EXPECT_GT(reversed, 20);
}

// What is left of money when its history is not looked at.
std::string Standing(const Engine& engine) {
  const MoneyState& money = engine.state().money;
  const Timestamp now = engine.state().last_stamp;
  std::string text;
  for (const auto& account : money.Accounts()) {
    const auto b = money.ledger().BalancesNow(account.id, now.ns);
    const int64_t net = b.debits_posted - b.credits_posted;
    if (net == 0 && b.debits_pending == 0 && b.credits_pending == 0) continue;
    text += account.role + " " + account.key + " " + std::to_string(net) + " " +
            std::to_string(b.debits_pending) + " " + std::to_string(b.credits_pending) + "\n";
  }
  for (const char* buyer : {"b0", "b1", "b2"}) {
    const auto view = money.Limit("credit", buyer, now);
    if (!view) continue;
    text += std::string(buyer) + " " + std::to_string(view->granted) + " " +
            std::to_string(view->committed) + " " + std::to_string(view->held) + " " +
            std::to_string(view->headroom) + (view->frozen ? " frozen\n" : "\n");
  }
  for (int i = 0; i < 60; ++i) {
    const auto loan = money.LoanNamed("L" + std::to_string(i), now.UtcDate());
    if (!loan) continue;
    text += "L" + std::to_string(i) + " " + std::to_string(static_cast<int>(loan->state()));
    for (const lending::Instalment& row : loan->Instalments()) {
      text += " " + row.due.ToString() + ":" + std::to_string(row.Due()) + "-" +
              std::to_string(row.paid);
    }
    text += "\n";
  }
  return text;
}

// Two engines live the same life; one of them meets one event more, and later its reversal. If
// nothing between the two was refused in one engine alone, both stand alike at the end.
TEST(MoneyProperty, AnEventAndItsReversalLeaveMoneyAsIfItHadNotBeen) {
  std::map<std::string, int> compared;
  std::map<std::string, int> refused;
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Arena arena;
    Random random(seed);
    const std::vector<Event> events = MoneyLife(seed + 5'000, 110, &arena);
    const size_t at = 40 + random.Below(60);
    const size_t between = random.OneIn(2) ? 0 : random.Below(8);
    const Event& extra = events[at];
    const record::EventType& type = CreditLinePack()->schema.event_types[extra.type];
    if (type.reverses) continue;
    std::vector<std::string> said[2];
    std::string standing[2];
    bool counts = true;
    std::string reversal;
    // Both come to the same time: holds end alike.
    Timestamp clock = extra.time;
    for (const Event& event : events) clock = std::max(clock, event.time);
    for (const bool with : {false, true}) {
      journal::FaultFileSystem files;
      auto engine = MustOpen(files);
      MustActivate(*engine, CreditLinePack());
      const auto send = [&](const Event& event) {
        const auto outcomes = engine->Process({&event, 1}, Arrival::kHistory, kStart);
        EXPECT_TRUE(outcomes.ok());
        return Said(outcomes->at(0).money) + " / " + Said(outcomes->at(0).money_of_decision);
      };
      for (size_t i = 0; i < std::min(events.size(), at + 1 + between); ++i) {
        if (i != at) {
          said[with ? 1 : 0].push_back(send(events[i]));
        } else if (with) {
          counts = send(extra).find("applied") != std::string::npos;
        }
      }
      const EventText text =
          with ? Reversed("undo", clock, extra.id) : Paid("clock", clock, "nobody", 1);
      reversal = send(pack::MakeEvent(*CreditLinePack(), text, &arena));
      ExpectBalanced(engine->state().money, engine->state().last_stamp);
      standing[with ? 1 : 0] = Standing(*engine);
      const Digest live = engine->state().Hash();
      engine.reset();
      files.Crash(journal::CrashKind::kDropUnsynced);
      engine = MustOpen(files);
      ASSERT_EQ(engine->state().Hash(), live);
    }
    if (!counts || said[0] != said[1]) continue;
    if (reversal.find("reversed") == std::string::npos) {
      ++refused[reversal];
      continue;
    }
    ASSERT_EQ(standing[0], standing[1]) << type.name << " " << extra.id << ", " << reversal;
    ++compared[type.name];
  }
  EXPECT_GE(compared.size(), 9u);
  int all = 0;
  for (const auto& [name, count] : compared) all += count;
  EXPECT_GT(all, 60);
  // Few are refused where nothing came between that used the money.
  EXPECT_LT(refused.size(), 12u) << testing::PrintToString(refused);
}

// Before each event it is tried, and so are others that are to come, and some that are refused or
// let much time pass.
TEST(MoneyProperty, ADryRunSaysWhatComesAndLeavesNoTrace) {
  for (const uint64_t seed : {9U, 10U, 11U}) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Arena arena;
    const std::vector<Event> events = MoneyLife(seed, 250, &arena);
    journal::FaultFileSystem files;
    auto engine = MustOpen(files);
    MustActivate(*engine, CreditLinePack());
    Random random(seed);
    std::map<std::string, int> kinds;
    for (size_t i = 0; i < events.size(); ++i) {
      const Event& event = events[i];
      const std::string rows = MoneyRows(engine->state().money);
      const Digest hash = engine->state().Hash();
      const auto try_out = [&](const Event& tried) {
        const Outcome outcome = engine->DryRun(tried, Arrival::kHistory, kStart);
        EXPECT_EQ(engine->state().Hash(), hash) << tried.id;
        EXPECT_EQ(MoneyRows(engine->state().money), rows) << tried.id;
        ++kinds[Said(outcome.money) + " / " + Said(outcome.money_of_decision)];
        return outcome;
      };
      for (int other = 0; other < 3; ++other) {
        try_out(events[std::min(events.size() - 1, i + random.Below(40))]);
      }
      const Outcome dry = try_out(event);
      const auto real = engine->Process({&event, 1}, Arrival::kHistory, kStart);
      ASSERT_TRUE(real.ok());
      ASSERT_EQ(Said(dry.money), Said(real->at(0).money)) << event.id;
      ASSERT_EQ(Said(dry.money_of_decision), Said(real->at(0).money_of_decision)) << event.id;
      ExpectBalanced(engine->state().money, engine->state().last_stamp);
      ASSERT_FALSE(testing::Test::HasFailure());
    }
    // Holds and pending postings run out in dry runs and come back: the end tells of those that
    // were lost from the lists of what is due, which have no rows.
    const Digest live = engine->state().Hash();
    engine.reset();
    files.Crash(journal::CrashKind::kDropUnsynced);
    engine = MustOpen(files);
    EXPECT_EQ(engine->state().Hash(), live);
    EXPECT_GT(kinds["applied 1 / none"], 100);
    EXPECT_GT(kinds["none / applied 1"], 20);
    EXPECT_GT(kinds["applied 0, reversed 1 / none"], 5);
    EXPECT_GT(kinds.size(), 12U);
  }
}

}  // namespace
}  // namespace credence::engine
