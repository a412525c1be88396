// Timers: what they post, in which order, and that it makes no difference how many fire at a time,
// nor whether a process dies in between.

#include <gtest/gtest.h>

#include <algorithm>

#include "src/engine/checkpoint_testing.h"
#include "src/engine/money_rows.h"
#include "src/engine/money_testing.h"
#include "src/journal/reader.h"
#include "src/study/verify.h"

namespace credence::engine {
namespace {

using record::TimerItem;
using record::TimerKind;

class TimerTest : public MoneyTest {
 protected:
  size_t Fire(Timestamp now, size_t max = record::kTimerItemsMax) {
    const auto fired = engine_->FireTimers(max, now);
    EXPECT_TRUE(fired.ok()) << fired.status().ToString();
    ExpectBalanced(money(), engine_->state().last_stamp);
    return fired.ok() ? *fired : 0;
  }
  [[nodiscard]] std::vector<TimerItem> Due(Timestamp now, size_t max = 1'000) const {
    return money().DueTimers(*engine_->pack(), now, max);
  }
  // 2024-04-02T00:00 in Shanghai: the end of the day on which loans of 1 March first fall due.
  static Timestamp FirstEnd() { return At(32 * kDay - 8 * kNsPerHour); }
};

TEST_F(TimerTest, AtTheEndOfTheDueDayWhatIsUnpaidStandsInTheBooksAsOverdue) {
  Send(Asked("a1", At(1), "b1", 200'000));
  Send(Lent("l1", At(2), "b1", "L1", 300'000));
  EXPECT_EQ(engine_->NextTimer(), FirstEnd());
  EXPECT_EQ(Fire(Timestamp{FirstEnd().ns - 1}), 0U);
  const auto due = Due(FirstEnd());
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].day.ToString(), "2024-04-01");
  EXPECT_EQ(due[0].principal, 99'007);
  EXPECT_EQ(due[0].interest, 3'000);
  EXPECT_EQ(Fire(FirstEnd()), 1U);
  EXPECT_EQ(Balance("overdue", "L1"), -102'007);
  EXPECT_EQ(Balance("receivable", "L1"), -(300'000 - 99'007));
  EXPECT_EQ(Balance("overdue_income"), 3'000);
  EXPECT_EQ(Fire(FirstEnd()), 0U) << "it fires once";
  // A part is paid: the books follow with the same event.
  Send(OfLoan("repayment.received", "r1", At(33 * kDay), "L1", 50'000));
  EXPECT_EQ(Balance("overdue", "L1"), -52'007);
  EXPECT_EQ(Balance("overdue_income"), 0);
  EXPECT_EQ(Balance("interest_income"), 3'000);
  EXPECT_EQ(money().BookedOverdue("L1").principal, 52'007);
  // At the next due date it is what both leave.
  EXPECT_EQ(Fire(At(62 * kDay)), 1U);
  EXPECT_EQ(money().BookedOverdue("L1").principal, 52'007 + 99'997);
  Send(OfLoan("loan.settled", "z1", At(63 * kDay), "L1"));
  EXPECT_EQ(Balance("overdue", "L1"), 0);
  EXPECT_EQ(Balance("receivable", "L1"), 0);
  EXPECT_EQ(Balance("overdue_income"), 0);
  EXPECT_EQ(engine_->NextTimer(), std::nullopt) << "a closed loan has nothing more to come";
}

TEST_F(TimerTest, ADueDayEndsWithTheLocalDayAlsoWhereItHas23Or25Hours) {
  // Five hours behind UTC; on 1 April 2024 the clock goes forward, on 1 May it goes back.
  pack::FileSet files = CreditLineFiles();
  std::string& zone = files["tzdata/Asia/Shanghai"];
  zone = pack::FixedZone(-5);
  zone.replace(zone.rfind("\nABC"), std::string::npos, "\nEST5EDT,M4.1.1,M5.1.3\n");
  MustActivate(*engine_, pack::MustLoad(std::move(files)));
  Send(Asked("a1", At(12 * kNsPerHour), "b1", 200'000));
  Send(Lent("l1", At(13 * kNsPerHour), "b1", "L1", 300'000));
  const Timestamp first = At(32 * kDay + 4 * kNsPerHour);
  EXPECT_EQ(engine_->NextTimer(), first) << "1 April, a day of 23 hours, is over";
  EXPECT_EQ(Fire(Timestamp{first.ns - 1}), 0U);
  EXPECT_EQ(Fire(first), 1U);
  const Timestamp second = At(62 * kDay + 5 * kNsPerHour);
  EXPECT_EQ(engine_->NextTimer(), second) << "1 May, a day of 25 hours, is over";
  EXPECT_EQ(Fire(Timestamp{second.ns - 1}), 0U);
  EXPECT_EQ(Fire(second), 1U);
}

TEST_F(TimerTest, ALoanThatIsPaidInTimeIsTurnedAndNothingIsBooked) {
  Send(Asked("a1", At(1), "b1", 200'000));
  Send(Lent("l1", At(2), "b1", "L1", 300'000));
  Send(OfLoan("repayment.received", "r1", At(31 * kDay), "L1", 102'007));
  const size_t transfers = money().ledger().transfer_count();
  EXPECT_EQ(Fire(FirstEnd()), 1U);
  EXPECT_EQ(money().ledger().transfer_count(), transfers);
  EXPECT_EQ(money().BookedOverdue("L1").Total(), 0);
  EXPECT_GT(engine_->NextTimer(), FirstEnd());
}

TEST_F(TimerTest, ARepaymentThatComesLateForADayThatIsOverLeavesTheBooksOfOneInTime) {
  const auto standing = [&] {
    return std::tuple(Balance("overdue", "L1"), Balance("receivable", "L1"),
                      Balance("overdue_income"), Balance("interest_income"), Limit().committed);
  };
  Send(Asked("a1", At(1), "b1", 200'000));
  Send(Lent("l1", At(2), "b1", "L1", 300'000));
  Fire(FirstEnd());
  const auto overdue = standing();
  arena_.Reset();
  const EventText text = OfLoan("repayment.received", "r1", At(31 * kDay), "L1", 102'007);
  const Event late = pack::MakeEvent(*engine_->pack(), text, &arena_);
  ASSERT_TRUE(engine_->Process({&late, 1}, Arrival::kLive, At(35 * kDay)).ok());
  EXPECT_EQ(standing(), std::tuple(0, -200'993, 0, 3'000, 200'993));
  // Taken back it is overdue again.
  EXPECT_EQ(Said(Send(Reversed("u1", At(36 * kDay), "r1")).money), "applied 0, reversed 1");
  EXPECT_EQ(standing(), overdue);
  // And so is the loan itself, which had nothing but a due date that was turned.
  EXPECT_EQ(Said(Send(Reversed("u2", At(37 * kDay), "l1")).money), "applied 0, reversed 1");
  EXPECT_EQ(standing(), std::tuple(0, 0, 0, 0, 0));
  EXPECT_EQ(engine_->NextTimer(), std::nullopt);
}

TEST_F(TimerTest, HoldsAndPendingPostingsThatAreOverAreFreedInTheOrderOfTheirEnds) {
  Send(Asked("a1", At(1), "b1", 2'000'000));
  Send(OfDeposit("d1", At(2), "D1", "b1", 5'000, 0));
  Send(Ordered("o1", At(3), "b1", "O1", 100'000));
  Send(OfDeposit("d2", At(4), "D2", "b1", 7'000, 0));
  Send(Ordered("o2", At(5), "b1", "O2", 200'000));
  EXPECT_EQ(engine_->NextTimer(), At(2 + 7 * kDay));
  const auto due = Due(At(8 * kDay));
  ASSERT_EQ(due.size(), 4U);
  const std::vector<std::pair<TimerKind, int64_t>> expected{{TimerKind::kPendingOver, 5'000},
                                                            {TimerKind::kHoldOver, 100'000},
                                                            {TimerKind::kPendingOver, 7'000},
                                                            {TimerKind::kHoldOver, 200'000}};
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(std::pair(due[i].kind, due[i].amount), expected[i]) << i;
  }
  EXPECT_EQ(Fire(At(8 * kDay), 3), 3U) << "a share";
  EXPECT_EQ(Due(At(8 * kDay)).size(), 1U);
  EXPECT_EQ(Limit().held, 0) << "the one that is over and not freed holds nothing either";
  EXPECT_EQ(Fire(At(8 * kDay)), 1U);
  EXPECT_EQ(Said(Send(Shipped("s1", At(9 * kDay), "O1")).money), "capture credit: hold_expired");
}

TEST_F(TimerTest, ARecordHoldsAtMost256AndACommandLeavesNothingToFire) {
  Send(Asked("a1", At(1), "b1", 2'000'000));
  for (int i = 0; i < 300; ++i) {
    const std::string id = "o" + std::to_string(i);
    Send(Ordered(id, At(2 + i), "b1", id, 1'000));
  }
  EXPECT_EQ(Fire(At(8 * kDay), 100'000), 256U);
  EXPECT_EQ(Due(At(8 * kDay)).size(), 44U);
  EXPECT_EQ(Fire(At(8 * kDay), 0), 0U);
  Send(Paid("p1", At(8 * kDay), "b1", 1));
  EXPECT_EQ(Fire(At(9 * kDay)), 0U) << "the command had freed them";
}

// Due dates that were missed for months come in the order of the dates, though a loan shows only
// its oldest one.
TEST_F(TimerTest, MissedDueDatesFireInTheOrderOfTheirDates) {
  Send(Asked("a1", At(1), "b1", 2'000'000));
  Send(Lent("l1", At(2), "b1", "L1", 300'000));
  Send(Lent("l2", At(40 * kDay), "b1", "L2", 300'000));
  std::vector<std::string> order;
  while (true) {
    const auto due = Due(At(200 * kDay));
    for (const TimerItem& item : due) order.push_back(item.day.ToString().substr(5));
    if (due.empty()) break;
    ASSERT_EQ(Fire(At(200 * kDay)), due.size());
  }
  EXPECT_EQ(order,
            (std::vector<std::string>{"04-01", "05-01", "05-10", "06-01", "06-10", "07-10"}));
}

TEST_F(TimerTest, WithoutAPackOrBeyondTheEndOfTimeNothingFires) {
  journal::FaultFileSystem files;
  const auto empty = MustOpen(files);
  EXPECT_EQ(*empty->FireTimers(256, At(1)), 0U);
  EXPECT_EQ(empty->NextTimer(), std::nullopt);
  Send(Asked("a1", At(1), "b1", 200'000));
  Send(Lent("l1", At(2), "b1", "L1", 300'000));
  EXPECT_EQ(*engine_->FireTimers(256, kStampEnd), 0U);
}

// The money of an engine, as another one that may be tried out.
Result<MoneyState> CopyOf(const State& state) {
  MoneyState::RowLoader loader(
      [](const Digest& digest) -> Result<std::shared_ptr<const pack::Pack>> {
        if (digest != CreditLinePack()->digest) return DataLoss("no such pack");
        return CreditLinePack();
      });
  Status status;
  state.money.VisitRows([&](MoneyState::Part part, std::string_view key, std::string_view value) {
    if (status.ok()) status = loader.Add(part, key, value);
  });
  CREDENCE_TRY(status);
  return loader.Finish(state.last_stamp, state.parked);
}

TEST_F(TimerTest, ItemsThatDoNotFollowFromTheStateAreDataLoss) {
  Send(Asked("a1", At(1), "b1", 2'000'000));
  Send(OfDeposit("d1", At(2), "D1", "b1", 5'000, 0));
  Send(Ordered("o1", At(3), "b1", "O1", 100'000));
  Send(Ordered("o2", At(4), "b1", "O2", 100'000));
  Send(Lent("l1", At(5), "b1", "L1", 300'000));
  const Timestamp now = FirstEnd();
  const auto due = Due(now);
  ASSERT_EQ(due.size(), 4U);
  const auto fire = [&](std::vector<TimerItem> items) {
    auto copy = CopyOf(engine_->state());
    EXPECT_TRUE(copy.ok()) << copy.status().ToString();
    return copy->FireTimers(*CreditLinePack(), Seq(99), now, items).code();
  };
  EXPECT_EQ(fire(due), StatusCode::kOk);
  EXPECT_EQ(fire({due[0], due[1]}), StatusCode::kOk);
  EXPECT_EQ(fire({due[2]}), StatusCode::kDataLoss) << "another hold is over before it";
  for (size_t i = 0; i < due.size(); ++i) {
    const auto altered = [&](auto change) {
      auto items = due;
      change(&items[i]);
      return fire(std::move(items));
    };
    EXPECT_EQ(altered([](TimerItem* item) { item->id += 7; }), StatusCode::kDataLoss) << i;
    EXPECT_EQ(altered([](TimerItem* item) { item->due.ns -= 1; }), StatusCode::kDataLoss) << i;
    EXPECT_EQ(altered([](TimerItem* item) { item->day.days += 1; }), StatusCode::kDataLoss) << i;
    if (i < 3) {
      EXPECT_EQ(altered([](TimerItem* item) { item->amount += 1; }), StatusCode::kDataLoss) << i;
    }
  }
}

// One life, with the timers that are due before each event fired in shares.
struct Lived {
  std::vector<std::string> said;
  std::vector<std::string> fired;  // every timer, in order
  std::string standing;
  Digest hash;
};

std::string Text(const TimerItem& item) {
  return item.due.ToString() + " " + std::to_string(static_cast<int>(item.kind)) + " " +
         std::to_string(item.amount) + " " + std::to_string(item.principal) + " " +
         std::to_string(item.interest);
}

// Balances, limits, and what is booked as overdue against what is.
std::string StandingOf(const Engine& engine) {
  const MoneyState& money = engine.state().money;
  const Timestamp now = engine.state().last_stamp;
  std::string text;
  for (const auto& account : money.Accounts()) {
    const auto b = money.ledger().BalancesNow(account.id, now.ns);
    text += account.role + " " + account.key + " " +
            std::to_string(b.debits_posted - b.credits_posted) + " " +
            std::to_string(b.debits_pending - b.credits_pending) + "\n";
  }
  for (const char* buyer : {"b0", "b1", "b2"}) {
    const auto view = money.Limit("credit", buyer, now);
    if (view) text += std::to_string(view->committed) + " " + std::to_string(view->held) + "\n";
  }
  return text;
}

// The books of what is overdue are those of the loan at the end of the last day that was turned.
void ExpectOverdueFollowsLoans(const Engine& engine, int* overdue) {
  const MoneyState& money = engine.state().money;
  std::map<std::string, int64_t> booked;
  int64_t income = 0;
  for (const auto& account : money.Accounts()) {
    const auto b = money.ledger().BalancesNow(account.id, engine.state().last_stamp.ns);
    if (account.role == "overdue") booked[account.key] = b.debits_posted - b.credits_posted;
    if (account.role == "overdue_income") income = b.credits_posted - b.debits_posted;
  }
  int64_t expected_income = 0;
  for (int i = 0; i < 60; ++i) {
    const std::string name = "L" + std::to_string(i);
    lending::Allocation expected;
    const auto loan = money.LoanNamed(name, Date{INT64_MIN});
    if (loan) {
      const auto turned = money.loans().TurnedTo(*money.LoanIdOf(name));
      if (turned) expected = money.LoanNamed(name, turned->PlusDays(1))->Overdue();
    }
    EXPECT_EQ(money.BookedOverdue(name), expected) << name;
    EXPECT_EQ(booked[name], expected.Total()) << name;
    expected_income += expected.Total() - expected.principal;
    *overdue += expected.Total() > 0 ? 1 : 0;
  }
  EXPECT_EQ(income, expected_income);
}

// The items of other kinds than this.
std::vector<std::string> Without(char kind, const std::vector<std::string>& fired) {
  std::vector<std::string> left;
  for (const std::string& item : fired) {
    if (item[item.find(' ') + 1] != kind) left.push_back(item);
  }
  return left;
}

bool IsPartOf(std::vector<std::string> part, std::vector<std::string> all) {
  std::sort(part.begin(), part.end());
  std::sort(all.begin(), all.end());
  return std::includes(all.begin(), all.end(), part.begin(), part.end());
}

Lived Live(uint64_t seed, const std::vector<Event>& events, size_t share, bool checkpoints,
           int* overdue) {
  journal::FaultFileSystem files(seed);
  const auto backing = MakeBacking();
  const Options options = checkpoints ? With(backing, 20, 1) : Options();
  auto engine = MustOpen(files, options);
  MustActivate(*engine, CreditLinePack());
  Random random(seed);
  Lived lived;
  for (const Event& event : events) {
    // What is due by the event fires before it. The clock stands still meanwhile, but for a tick.
    while (true) {
      const Timestamp now = event.time;
      const Timestamp stamp{std::max(now.ns, engine->state().last_stamp.ns + 1)};
      const auto due = engine->state().money.DueTimers(*CreditLinePack(), stamp, share);
      for (const TimerItem& item : due) lived.fired.push_back(Text(item));
      const auto fired = engine->FireTimers(share, now);
      EXPECT_TRUE(fired.ok());
      EXPECT_EQ(*fired, due.size());
      if (due.empty()) break;
    }
    if (share != 1 && random.OneIn(5)) (void)engine->DryRun(event, Arrival::kHistory, kStart);
    const auto outcomes = engine->Process({&event, 1}, Arrival::kHistory, kStart);
    EXPECT_TRUE(outcomes.ok());
    lived.said.push_back(Said(outcomes->at(0).money) + " / " +
                         Said(outcomes->at(0).money_of_decision));
    ExpectBalanced(engine->state().money, engine->state().last_stamp);
    ExpectOverdueFollowsLoans(*engine, overdue);
    if (!random.OneIn(25)) continue;
    // Recovery folds what fired, from the start or a checkpoint.
    const Digest before = engine->state().Hash();
    const auto index = [&] {
      const Timestamp later{event.time.ns + 100 * kDay};
      return engine->state().money.DueTimers(*CreditLinePack(), later, 10'000);
    };
    const auto coming = index();
    engine.reset();
    files.Crash(journal::CrashKind::kDropUnsynced);
    backing->LoseUnflushed();
    engine = MustOpen(files, options);
    EXPECT_EQ(engine->state().Hash(), before);
    EXPECT_TRUE(index() == coming) << "what comes next is found again";
  }
  lived.standing = StandingOf(*engine);
  lived.hash = engine->state().Hash();
  engine.reset();
  const auto report = study::Verify(files, kFolder);
  EXPECT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_TRUE(report->ok());
  EXPECT_EQ(report->timers, lived.fired.size());
  EXPECT_EQ(report->state_hash, lived.hash);
  return lived;
}

TEST(TimerProperty, FiredOneByOneInSharesOrReplayedItIsTheSame) {
  int overdue = 0;
  std::map<char, int> kinds;
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Arena arena;
    const std::vector<Event> events = MoneyLife(seed + 900, 250, &arena);
    const Lived all = Live(seed, events, record::kTimerItemsMax, false, &overdue);
    for (const std::string& item : all.fired) ++kinds[item[item.find(' ') + 1]];
    const Lived again = Live(seed, events, record::kTimerItemsMax, true, &overdue);
    EXPECT_EQ(again.hash, all.hash) << "checkpoints and dry runs make no difference";
    for (const size_t share : {size_t{1}, size_t{3}}) {
      const Lived shares = Live(seed, events, share, true, &overdue);
      EXPECT_EQ(shares.said, all.said);
      // A posting frees what is over by its time: it may come before the timer of a transfer does.
      EXPECT_EQ(Without('1', shares.fired), Without('1', all.fired));
      EXPECT_TRUE(IsPartOf(shares.fired, all.fired));
      EXPECT_EQ(shares.standing, all.standing);
    }
    ASSERT_FALSE(testing::Test::HasFailure());
  }
  EXPECT_GT(overdue, 300);
  EXPECT_GT(kinds['1'], 10);
  EXPECT_GT(kinds['2'], 20);
  EXPECT_GT(kinds['3'], 30);
}

TEST(TimerProperty, KilledAtAnyCallOfTheDiskItReopensToWhatWasAcknowledged) {
  uint64_t timers = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Arena arena;
    const std::vector<Event> events = MoneyLife(seed + 700, 90, &arena);
    journal::FaultFileSystem files(seed);
    const auto backing = MakeBacking();
    Options options = With(backing, 1 + seed % 5, seed % 2);
    options.journal.segment_bytes = journal::kSegmentBytesMin;
    auto engine = MustOpen(files, options);
    MustActivate(*engine, CreditLinePack());
    Random random(seed);
    files.set_fault({files.calls() + 1 + random.Below(250), journal::FaultKind::kStop});
    std::vector<Digest> states{engine->state().Hash()};
    bool ok = true;
    for (size_t i = 0; ok && i < events.size(); ++i) {
      const auto fired = engine->FireTimers(1 + random.Below(4), events[i].time);
      ok = fired.ok();
      timers += ok ? *fired : 0;
      states.push_back(engine->state().Hash());
      if (!ok) break;
      ok = engine->Process({&events[i], 1}, Arrival::kHistory, kStart).ok();
      states.push_back(engine->state().Hash());
    }
    files.set_fault({});
    engine.reset();
    files.Crash(journal::CrashKind::kTear);
    backing->LoseUnflushed();
    engine = MustOpen(files, options);
    ASSERT_NE(engine, nullptr);
    const Digest reopened = engine->state().Hash();
    EXPECT_TRUE(reopened == states.back() || reopened == states[states.size() - 2]);
  }
  EXPECT_GT(timers, 50U);
}

// The journal written anew with altered timers, as a forger with the program would write it.
TEST_F(TimerTest, VerifyFindsTimersThatFiredOutOfTurnOrWithOtherAmounts) {
  const auto alter = [&](const std::function<void(record::Timers*)>& change) {
    engine_.reset();
    files_ = journal::FaultFileSystem();
    MoneyTest::SetUp();
    Send(Asked("a1", At(1), "b1", 2'000'000));
    Send(Lent("l1", At(5), "b1", "L1", 300'000));
    Send(Lent("l2", At(6), "b1", "L2", 300'000));
    EXPECT_EQ(Fire(FirstEnd()), 2U);
    engine_.reset();
    std::vector<std::vector<std::string>> frames;
    std::vector<Seq> last;
    {
      const auto reader = journal::JournalReader::Open(files_, kFolder + "/journal");
      journal::FrameView frame;
      while (*(*reader)->Next(&frame)) {
        frames.emplace_back(frame.records.begin(), frame.records.end());
        last.push_back(frame.last_seq);
      }
    }
    const std::string folder = kFolder + "/journal";
    const auto names = files_.List(folder);
    for (const std::string& name : *names) EXPECT_TRUE(files_.Remove(folder + "/" + name).ok());
    const auto journal = journal::Journal::Open(files_, folder);
    for (size_t i = 0; i < frames.size(); ++i) {
      for (std::string& bytes : frames[i]) {
        Arena arena;
        auto any = record::DecodeRecord(bytes, &arena);
        auto* timers = std::get_if<record::Timers>(&*any);
        if (timers == nullptr) continue;
        change(timers);
        bytes.clear();
        record::EncodeTimers(*timers, &bytes);
      }
      const std::vector<std::string_view> views(frames[i].begin(), frames[i].end());
      EXPECT_TRUE((*journal)->Append(last[i], views).ok());
    }
    return study::Verify(files_, kFolder);
  };
  EXPECT_TRUE(alter([](record::Timers*) {})->ok());
  const auto other = alter([](record::Timers* timers) { timers->items[1].interest += 1; });
  ASSERT_TRUE(other.ok()) << other.status().ToString();
  ASSERT_EQ(other->mismatches, 1U);
  EXPECT_EQ(other->first[0].what, "timer 2 of the record: computed again, its amounts are others");
  const auto skipped =
      alter([](record::Timers* timers) { timers->items.erase(timers->items.begin()); });
  ASSERT_TRUE(skipped.ok()) << skipped.status().ToString();
  ASSERT_EQ(skipped->mismatches, 1U);
  EXPECT_EQ(skipped->first[0].what,
            "timer 1 of the record: computed again, another one is due before it");
  const auto transfers = alter([](record::Timers* timers) { timers->items[1].transfers += 1; });
  EXPECT_EQ(transfers.status().code(), StatusCode::kDataLoss);
  const auto early = alter([](record::Timers* timers) {
    timers->stamp.ns -= 1;
    for (TimerItem& item : timers->items) item.due.ns -= 1;
  });
  EXPECT_EQ(early.status().code(), StatusCode::kDataLoss);
}

// Rows of what is overdue that anybody may have written are data loss, or make a state that goes
// on.
TEST(TimerRows, AnyChangedRowOfWhatIsOverdueIsDataLossOrAStateThatGoesOn) {
  Arena arena;
  const std::vector<Event> events = MoneyLife(907, 300, &arena);
  journal::FaultFileSystem files;
  auto engine = MustOpen(files);
  MustActivate(*engine, CreditLinePack());
  size_t at = 0;
  std::vector<std::tuple<MoneyState::Part, std::string, std::string>> rows;
  size_t overdue = 0;
  for (; at < events.size() - 60 || overdue < 3; ++at) {
    ASSERT_LT(at, events.size());
    ASSERT_TRUE(engine->FireTimers(256, events[at].time).ok());
    ASSERT_TRUE(engine->Process({&events[at], 1}, Arrival::kHistory, kStart).ok());
    rows.clear();
    overdue = 0;
    engine->state().money.VisitRows(
        [&](MoneyState::Part part, std::string_view key, std::string_view value) {
          rows.emplace_back(part, key, value);
          overdue += part == MoneyState::Part::kOverdue ? 1 : 0;
        });
  }
  Random random(907);
  int refused = 0;
  int accepted = 0;
  for (size_t row = 0; row < rows.size(); ++row) {
    if (std::get<0>(rows[row]) != MoneyState::Part::kOverdue) continue;
    for (int kind = 0; kind < 40; ++kind) {
      auto changed = rows;
      std::string& text = random.OneIn(3) ? std::get<1>(changed[row]) : std::get<2>(changed[row]);
      if (kind == 0) {
        changed.erase(changed.begin() + static_cast<std::ptrdiff_t>(row));
      } else if (kind < 8) {
        text.resize(random.Below(text.size() + 1));
      } else if (!text.empty()) {
        text[random.Below(text.size())] ^= static_cast<char>(1 << random.Below(8));
      }
      MoneyState::RowLoader loader([](const Digest&) -> Result<std::shared_ptr<const pack::Pack>> {
        return CreditLinePack();
      });
      Status status;
      for (const auto& [part, key, value] : changed) {
        if (status.ok()) status = loader.Add(part, key, value);
      }
      auto loaded = status.ok() ? loader.Finish(engine->state().last_stamp, engine->state().parked)
                                : Result<MoneyState>(status);
      if (!loaded.ok()) {
        ASSERT_EQ(loaded.status().code(), StatusCode::kDataLoss) << loaded.status().ToString();
        ++refused;
        continue;
      }
      ++accepted;
      Timestamp stamp = engine->state().last_stamp;
      Seq seq = engine->state().last_seq;
      for (size_t i = at; i < events.size(); ++i) {
        stamp = Timestamp{std::max(events[i].time.ns, stamp.ns + 1)};
        auto due = loaded->DueTimers(*CreditLinePack(), stamp, 256);
        ASSERT_TRUE(loaded->FireTimers(*CreditLinePack(), seq = seq.Next(), stamp, due).ok());
        Event event = events[i];
        event.seq = seq = seq.Next();
        event.stamp = stamp = Timestamp{stamp.ns + 1};
        (void)loaded->ApplyEvent(*CreditLinePack(), event);
      }
      ExpectBalanced(*loaded, stamp);
    }
  }
  EXPECT_GT(refused, 10);
  EXPECT_GT(accepted, 10);
}

}  // namespace
}  // namespace credence::engine
