// Events and decisions that move limits, loans and accounts.

#include <gtest/gtest.h>

#include "src/engine/money_testing.h"
#include "src/study/verify.h"

namespace credence::engine {
namespace {

constexpr int64_t kDay = 24 * kNsPerHour;

TEST_F(MoneyTest, AnApprovedRequestGrantsTheLimitThatTheDecisionNames) {
  EXPECT_EQ(Said(Send(Asked("a1", At(1), "b1", 50'000)).money_of_decision), "none");
  EXPECT_FALSE(money().Limit("credit", "b1", At(2)).has_value()) << "it was declined";
  const Outcome approved = Send(Asked("a2", At(2), "b1", 200'000));
  EXPECT_EQ(approved.decision->outcome, "approve");
  EXPECT_EQ(Said(approved.money_of_decision), "applied 1");
  EXPECT_EQ(Limit().granted, 600'000);
  // Asked again the limit is set, not granted a second time.
  Send(Asked("a3", At(3), "b1", 300'000));
  EXPECT_EQ(Limit().granted, 900'000);
}

TEST_F(MoneyTest, AnOrderHoldsTheLimitWhereItIsApprovedAndTheNextOneReadsIt) {
  Send(Asked("a1", At(1), "b1", 200'000));
  const Outcome first = Send(Ordered("o1", At(2), "b1", "O1", 400'000));
  EXPECT_EQ(first.decision->outcome, "approve");
  EXPECT_EQ(Said(first.money), "none");
  EXPECT_EQ(Said(first.money_of_decision), "applied 1");
  EXPECT_EQ(Limit().held, 400'000);
  const Outcome second = Send(Ordered("o2", At(3), "b1", "O2", 200'001));
  EXPECT_EQ(second.decision->outcome, "decline");
  EXPECT_EQ(second.decision->reasons, std::vector<std::string>{"OVER_LIMIT"});
  EXPECT_EQ(SlotText(*engine_->pack(), *second.decision, "limit.credit.headroom"), "2000.00 CNY");
  EXPECT_EQ(Limit().held, 400'000);
  EXPECT_EQ(Send(Ordered("o3", At(4), "b2", "O3", 1)).decision->reasons,
            std::vector<std::string>{"NO_LIMIT"});
}

TEST_F(MoneyTest, AHoldIsCapturedReleasedOrOverInTime) {
  Send(Asked("a1", At(1), "b1", 200'000));
  Send(Ordered("o1", At(2), "b1", "O1", 100'000));
  Send(Ordered("o2", At(3), "b1", "O2", 100'000));
  Send(Ordered("o3", At(4), "b1", "O3", 100'000));
  EXPECT_EQ(Said(Send(Shipped("s1", At(5), "O1", 60'000)).money), "applied 1");
  EXPECT_EQ(Limit().committed, 60'000);
  EXPECT_EQ(Limit().held, 200'000);
  EXPECT_EQ(Balance("goods_receivable"), -60'000);
  EXPECT_EQ(Balance("sales"), 60'000);
  EXPECT_EQ(Said(Send(Dropped("d2", At(6), "O2")).money), "applied 1");
  EXPECT_EQ(Limit().held, 100'000);
  // Seven days after the order the third hold is over, whether anybody looks or not.
  EXPECT_EQ(money().Limit("credit", "b1", At(4 + 7 * kDay - 1))->held, 100'000);
  EXPECT_EQ(money().Limit("credit", "b1", At(4 + 7 * kDay))->held, 0);
  EXPECT_EQ(Said(Send(Shipped("s3", At(8 * kDay), "O3")).money), "capture credit: hold_expired");
  EXPECT_EQ(Said(Send(Paid("p1", At(9 * kDay), "b1", 60'000)).money), "applied 1");
  EXPECT_EQ(Limit().exposure, 0);
  EXPECT_EQ(Balance("cash"), -60'000);
}

TEST_F(MoneyTest, ALoanTakesTheLimitAndARepaymentGivesItsPrincipalBack) {
  Send(Asked("a1", At(1), "b1", 200'000));
  EXPECT_EQ(Said(Send(Lent("l1", At(2), "b1", "L1", 300'000)).money), "applied 1");
  EXPECT_EQ(Limit().committed, 300'000);
  EXPECT_EQ(Balance("receivable", "L1"), -300'000);
  EXPECT_EQ(Balance("cash"), 300'000);
  // 3,000.00 at 12 % in three months: 1,020.07 each; the first holds 30.00 of interest.
  const Outcome paid = Send(OfLoan("repayment.received", "r1", At(31 * kDay), "L1", 102'007));
  EXPECT_EQ(Said(paid.money), "applied 1");
  EXPECT_EQ(paid.money->transfers, 2U);
  EXPECT_EQ(Balance("interest_income"), 3'000);
  EXPECT_EQ(Balance("receivable", "L1"), -200'993);
  EXPECT_EQ(Limit().committed, 200'993);
  // A settlement without an amount pays the quote of its day.
  EXPECT_EQ(Said(Send(OfLoan("loan.settled", "z1", At(40 * kDay), "L1")).money), "applied 1");
  EXPECT_EQ(Balance("receivable", "L1"), 0);
  EXPECT_EQ(Limit().committed, 0);
  EXPECT_EQ(Said(Send(OfLoan("repayment.received", "r2", At(41 * kDay), "L1", 1)).money),
            "repay instalments: closed");
}

TEST_F(MoneyTest, DaysPastDueIsReadByThePolicy) {
  Send(Asked("a1", At(1), "b1", 200'000));
  Send(Lent("l1", At(2), "b1", "L1", 300'000));
  const auto late = [&](const char* id, int64_t days) {
    const Outcome outcome = Send(Ordered(id, At(days * kDay), "b1", id, 100));
    return SlotText(*engine_->pack(), *outcome.decision, "loan.days_past_due") + " " +
           outcome.decision->outcome;
  };
  EXPECT_EQ(late("x1", 31), "0 approve");  // 1 April: due
  EXPECT_EQ(late("x2", 32), "1 approve");
  EXPECT_EQ(late("x3", 61), "30 approve");
  EXPECT_EQ(late("x4", 62), "31 decline");
  Send(OfLoan("repayment.received", "r1", At(63 * kDay), "L1", 204'014));
  EXPECT_EQ(late("x5", 64), "0 approve");
}

// Each step meets one refusal; nothing of money changes by it.
TEST_F(MoneyTest, RefusalsAreOutcomesOfTheEventAndChangeNothing) {
  Send(Asked("a1", At(1), "b1", 200'000));
  Send(Lent("l1", At(2), "b1", "L1", 100'000));
  Send(Ordered("o1", At(3), "b1", "O1", 100'000));
  const std::vector<std::pair<EventText, std::string>> steps{
      {BuyerEvent("limit.frozen", "f0", At(10), "b9"), "freeze credit: not_found"},
      {Shipped("s0", At(11), "O9", 5), "capture credit: not_found"},
      {Shipped("s1", At(12), "O1", 0), "capture credit: amount_not_positive"},
      {Shipped("s2", At(13), "O1", 100'001), "capture credit: exceeds_hold"},
      {Dropped("d0", At(14), "O9"), "release credit: not_found"},
      {Paid("p0", At(15), "b9", 5), "restore credit: not_found"},
      {Paid("p1", At(16), "b1", 0), "restore credit: amount_not_positive"},
      {Paid("p2", At(17), "b1", 100'001), "restore credit: exceeds_committed"},
      {Lent("l2", At(18), "b9", "L9", 5), "lend instalments: not_found"},
      {Lent("l3", At(19), "b1", "L1", 5), "lend instalments: already_exists"},
      {Lent("l4", At(20), "b1", "L2", 0), "lend instalments: amount_not_positive"},
      {Lent("l5", At(21), "b1", "L2", 400'001), "lend instalments: exceeds_headroom"},
      {OfLoan("repayment.received", "r0", At(22), "L9", 5), "repay instalments: not_found"},
      {OfLoan("repayment.received", "r1", At(23), "L1", 0),
       "repay instalments: amount_not_positive"},
      {OfLoan("repayment.received", "r2", At(-2 * kDay), "L1", 5),
       "repay instalments: before_disbursement"},
      {OfLoan("loan.settled", "z0", At(24), "L1", 99'999), "pay_off instalments: not_the_quote"},
  };
  std::string before = MoneyRows(money());
  for (const auto& [text, expected] : steps) {
    // The time of the last look at limits is a row of its own; it is made equal.
    const Timestamp now = std::max(text.time, engine_->state().last_stamp);
    arena_.Reset();
    const Event event = pack::MakeEvent(*engine_->pack(), text, &arena_);
    const auto outcomes = engine_->Process({&event, 1}, Arrival::kLive, now);
    ASSERT_TRUE(outcomes.ok());
    EXPECT_EQ(outcomes->at(0).kind, Outcome::Kind::kApplied) << text.id;
    EXPECT_EQ(Said(outcomes->at(0).money), expected) << text.id;
    const std::string after = MoneyRows(money());
    const auto without_clock = [](const std::string& rows) {
      std::string kept;
      for (size_t at = 0; at < rows.size();) {
        const size_t end = rows.find('\n', at);
        const std::string row = rows.substr(at, end - at);
        // Part 1 (limits), key 'T'; part 0 (ledger), key 'L': times of the last command.
        if (!row.starts_with("154") && !row.starts_with("04c")) kept += row + "\n";
        at = end + 1;
      }
      return kept;
    };
    EXPECT_EQ(without_clock(after), without_clock(before)) << text.id;
    before = after;
  }
}

TEST_F(MoneyTest, AFrozenLimitTakesNothingNewAndGivesBackAll) {
  Send(Asked("a1", At(1), "b1", 200'000));
  Send(Ordered("o1", At(2), "b1", "O1", 100'000));
  EXPECT_EQ(Said(Send(BuyerEvent("limit.frozen", "f1", At(3), "b1")).money), "applied 1");
  EXPECT_EQ(Said(Send(Lent("l1", At(4), "b1", "L1", 5)).money), "lend instalments: frozen");
  EXPECT_EQ(Said(Send(Shipped("s1", At(5), "O1")).money), "applied 1");
  EXPECT_EQ(Said(Send(BuyerEvent("limit.thawed", "t1", At(6), "b1")).money), "applied 1");
  EXPECT_EQ(Said(Send(Lent("l2", At(7), "b1", "L1", 5)).money), "applied 1");
}

TEST_F(MoneyTest, ALoanThatIsGivenUpIsALoss) {
  Send(Asked("a1", At(1), "b1", 200'000));
  Send(Lent("l1", At(2), "b1", "L1", 300'000));
  EXPECT_EQ(Said(Send(OfLoan("loan.given_up", "g1", At(300 * kDay), "L1")).money), "applied 1");
  EXPECT_EQ(Balance("receivable", "L1"), 0);
  EXPECT_EQ(Balance("written_off"), -300'000);
  EXPECT_EQ(Limit().committed, 300'000) << "the debt is still owed";
}

TEST_F(MoneyTest, ALateRepaymentIsBookedOnTheDayOnWhichItHappened) {
  Send(Asked("a1", At(1), "b1", 200'000));
  Send(Lent("l1", At(2), "b1", "L1", 300'000));
  Send(OfLoan("repayment.received", "r2", At(70 * kDay), "L1", 102'007));
  arena_.Reset();
  const EventText text = OfLoan("repayment.received", "r1", At(31 * kDay), "L1", 102'007);
  const Event event = pack::MakeEvent(*engine_->pack(), text, &arena_);
  ASSERT_TRUE(engine_->Process({&event, 1}, Arrival::kLive, At(71 * kDay)).ok());
  const auto loan = money().LoanNamed("L1", Date::Parse("2024-05-11").value());
  ASSERT_TRUE(loan.has_value());
  EXPECT_FALSE(loan->OldestUnpaidDue().has_value());
}

TEST_F(MoneyTest, ADecisionThatWaitsGivesItsCommandsWhenItIsMade) {
  const Outcome asked = Send(Asked("a1", At(1), "b1", 10'000'000));
  EXPECT_EQ(asked.decision->path, record::DecisionPath::kParked);
  EXPECT_EQ(Said(asked.money_of_decision), "none");
  EXPECT_FALSE(money().Limit("credit", "b1", At(2)).has_value());
  Reopen();
  record::Answer answer;
  answer.parked_seq = asked.seq;
  answer.source = "bureau";
  answer.status = "ok";
  answer.values = {{"listed", "false"}};
  ASSERT_TRUE(engine_->TakeAnswer(answer, At(3)).ok());
  EXPECT_EQ(Limit().granted, 30'000'000);
  const Digest live = engine_->state().Hash();
  Reopen();
  EXPECT_EQ(engine_->state().Hash().ToHex(), live.ToHex());
}

TEST_F(MoneyTest, AReversedDecisionThatHadWaitedGivesItsMoneyBack) {
  const Outcome asked = Send(Asked("a1", At(1), "b1", 10'000'000));
  record::Answer answer;
  answer.parked_seq = asked.seq;
  answer.source = "bureau";
  answer.status = "ok";
  answer.values = {{"listed", "false"}};
  ASSERT_TRUE(engine_->TakeAnswer(answer, At(2)).ok());
  EXPECT_EQ(Limit().granted, 30'000'000);
  Reopen();
  EXPECT_EQ(Said(Send(Reversed("x1", At(3), "a1")).money), "applied 0, reversed 1");
  EXPECT_FALSE(money().Limit("credit", "b1", At(4)).has_value());
  // One that still waits commands nothing any more.
  const Outcome again = Send(Asked("a2", At(5), "b1", 10'000'000));
  EXPECT_EQ(Said(Send(Reversed("x2", At(6), "a2")).money), "applied 0");
  Reopen();
  answer.parked_seq = again.seq;
  ASSERT_TRUE(engine_->TakeAnswer(answer, At(7)).ok());
  EXPECT_FALSE(money().Limit("credit", "b1", At(8)).has_value());
}

TEST_F(MoneyTest, AReversalIsRefusedWhereTheMoneyHasBeenUsed) {
  Send(Asked("a1", At(1), "b1", 200'000));
  Send(Ordered("o1", At(2), "b1", "O1", 100'000));
  EXPECT_EQ(Said(Send(Reversed("x1", At(3), "a1")).money), "reverse grant credit: in_use");
  Send(Shipped("s1", At(4), "O1", 60'000));
  EXPECT_EQ(Limit().committed, 60'000);
  const int64_t sales = Balance("sales");
  EXPECT_EQ(Said(Send(Reversed("x2", At(5), "o1")).money),
            "reverse hold credit: hold_already_captured");
  EXPECT_EQ(Balance("sales"), sales);
  Send(Paid("p1", At(6), "b1", 20'000));
  EXPECT_EQ(Said(Send(Reversed("x3", At(7), "s1")).money),
            "reverse capture credit: exceeds_committed");
  EXPECT_EQ(Said(Send(Reversed("x4", At(8), "p1")).money), "applied 0, reversed 1");
  EXPECT_EQ(Limit().committed, 60'000);
  EXPECT_EQ(Balance("cash"), 0);
  Send(Lent("l1", At(10), "b1", "L1", 100'000));
  Send(OfLoan("repayment.received", "r1", At(11), "L1", 5'000));
  EXPECT_EQ(Said(Send(Reversed("x6", At(12), "l1")).money), "reverse lend instalments: in_use");
}

TEST_F(MoneyTest, ARefusedReversalMayBeAskedForAgainByAnotherEvent) {
  Send(Asked("a1", At(1), "b1", 200'000));
  Send(Ordered("o1", At(2), "b1", "O1", 100'000));
  Send(Shipped("s1", At(3), "O1", 60'000));
  EXPECT_EQ(Said(Send(Reversed("x1", At(4), "o1")).money),
            "reverse hold credit: hold_already_captured");
  // The refused one stays refused by its own id …
  EXPECT_EQ(Send(Reversed("x1", At(4), "o1")).kind, Outcome::Kind::kDuplicate);
  EXPECT_EQ(Limit().committed, 60'000);
  // … another one is judged anew, …
  EXPECT_EQ(Said(Send(Reversed("x2", At(5), "o1")).money),
            "reverse hold credit: hold_already_captured");
  EXPECT_EQ(Said(Send(Reversed("x3", At(6), "s1")).money), "applied 0, reversed 1");
  Reopen();
  const Digest before = engine_->state().Hash();
  EXPECT_EQ(Said(Dry(Reversed("x4", At(7), "o1")).money), "applied 0, reversed 1");
  EXPECT_EQ(engine_->state().Hash(), before);
  EXPECT_EQ(Said(Send(Reversed("x4", At(7), "o1")).money), "applied 0, reversed 1");
  EXPECT_EQ(Limit().committed, 0);
  EXPECT_EQ(Limit().held, 0);
  EXPECT_EQ(Balance("sales"), 0);
  // … and what is taken back once is taken back once.
  EXPECT_EQ(Send(Reversed("x5", At(8), "o1")).refusal, Refusal::kReversesTwice);
  EXPECT_EQ(Send(Reversed("x6", At(9), "s1")).refusal, Refusal::kReversesTwice);
}

TEST_F(MoneyTest, WhatIsPendingIsSettledInPartVoidedOrOverByItself) {
  const auto pending = [&](const char* buyer) {
    for (const auto& account : money().Accounts()) {
      if (account.role != "deposits" || account.key != buyer) continue;
      return money()
          .ledger()
          .BalancesNow(account.id, engine_->state().last_stamp.ns)
          .credits_pending;
    }
    return int64_t{0};
  };
  const auto deposit = [&](int64_t ns, const char* id, const char* name, uint64_t what,
                           int64_t amount = 30'001) {
    return Said(Send(OfDeposit(id, At(ns), name, "b1", amount, what)).money);
  };
  EXPECT_EQ(deposit(1, "d1", "D1", 0), "applied 1");
  EXPECT_EQ(pending("b1"), 30'001);
  EXPECT_EQ(Balance("deposits", "b1"), 0);
  EXPECT_EQ(deposit(2, "d2", "D1", 0), "pend deposit: already_exists");
  EXPECT_EQ(deposit(3, "d3", "D1", 2, 30'002), "settle deposit: exceeds_pending_transfer_amount");
  EXPECT_EQ(deposit(4, "d4", "D1", 2, 20'000), "applied 1");
  EXPECT_EQ(pending("b1"), 0);
  EXPECT_EQ(Balance("deposits", "b1"), 20'000);
  EXPECT_EQ(deposit(5, "d5", "D1", 3), "void deposit: pending_transfer_already_posted");
  EXPECT_EQ(deposit(6, "d6", "D9", 3), "void deposit: not_found");
  // The settling is reversed: all is held again, and may be settled anew.
  EXPECT_EQ(Said(Send(Reversed("x1", At(7), "d4")).money), "applied 0, reversed 1");
  EXPECT_EQ(pending("b1"), 30'001);
  EXPECT_EQ(Balance("deposits", "b1"), 0);
  Reopen();
  EXPECT_EQ(deposit(8, "d8", "D1", 2), "applied 1");
  EXPECT_EQ(Balance("deposits", "b1"), 30'001);
  EXPECT_EQ(Said(Send(Reversed("x2", At(9), "d1")).money),
            "reverse pend deposit: pending_transfer_already_posted");
  // Voided, the void reversed, and over by itself.
  EXPECT_EQ(deposit(10, "d10", "D2", 0), "applied 1");
  EXPECT_EQ(deposit(11, "d11", "D2", 3), "applied 1");
  EXPECT_EQ(pending("b1"), 0);
  EXPECT_EQ(Said(Send(Reversed("x3", At(12), "d11")).money), "applied 0, reversed 1");
  EXPECT_EQ(pending("b1"), 30'001);
  Send(Paid("p1", At(8 * 24 * kNsPerHour), "b2", 1));
  EXPECT_EQ(pending("b1"), 0);
  EXPECT_EQ(deposit(8 * 24 * kNsPerHour + 1, "d12", "D2", 2),
            "settle deposit: pending_transfer_expired");
}

TEST_F(MoneyTest, AChargebackIsOwedAgainAndGoodsReturnedAreNot) {
  Send(Asked("a1", At(1), "b1", 200'000));
  Send(Lent("l1", At(2), "b1", "L1", 300'000));
  const int64_t month = 31 * 24 * kNsPerHour;
  Send(OfLoan("repayment.received", "r1", At(month), "L1", 102'007));
  EXPECT_EQ(Limit().committed, 300'000 - 99'007);
  EXPECT_EQ(Balance("interest_income"), 3'000);
  EXPECT_EQ(Said(Send(OfLoan("repayment.charged_back", "c1", At(month + 1), "L1", 10'000)).money),
            "applied 1");
  EXPECT_EQ(Balance("receivable", "L1"), -(300'000 - 99'007 + 10'000));
  EXPECT_EQ(Limit().committed, 300'000 - 99'007 + 10'000);
  EXPECT_EQ(Said(Send(OfLoan("repayment.charged_back", "c2", At(month + 2), "L1", 990'000)).money),
            "chargeback instalments: exceeds_paid");
  EXPECT_EQ(Said(Send(OfLoan("goods.returned", "g1", At(month + 3), "L1", 50'000)).money),
            "applied 1");
  EXPECT_EQ(Balance("merchant"), -50'000);
  EXPECT_EQ(Limit().committed, 300'000 - 99'007 + 10'000 - 50'000);
  for (const char* id : {"g1", "c1", "r1", "l1"}) {
    const std::string said = Said(Send(Reversed(std::string("x") + id, At(2 * month), id)).money);
    EXPECT_EQ(said, "applied 0, reversed 1") << id;
  }
  EXPECT_EQ(Limit().committed, 0);
  for (const auto& account : money().Accounts()) {
    EXPECT_EQ(Balance(account.role, account.key), 0) << account.role;
  }
}

// 加速到期: one instalment paid, the contract ends 15 days into the second month.
TEST_F(MoneyTest, ATerminatedLoanAsksForAllOfItOnThatDayAndTakenBackThePlanStandsAgain) {
  Send(Asked("a1", At(1), "b1", 200'000));
  EXPECT_EQ(Said(Send(OfLoan("loan.terminated", "t0", At(2), "L1")).money),
            "terminate instalments: not_found");
  Send(Lent("l1", At(2), "b1", "L1", 300'000));
  Send(OfLoan("repayment.received", "r1", At(31 * kDay), "L1", 102'007));
  const auto standing = [&] {
    return std::tuple(Balance("receivable", "L1"), Balance("interest_income"), Limit().committed);
  };
  const auto before = standing();
  const std::string rows = MoneyRows(money());
  EXPECT_EQ(Said(Send(OfLoan("loan.terminated", "t1", At(46 * kDay), "L1")).money), "applied 1");
  EXPECT_EQ(standing(), before) << "no money moves";
  EXPECT_NE(MoneyRows(money()), rows);
  // A month later: 2,009.93, and 2,009.93 x 12 % / 12 x 15/30 = 10.05, and nothing since.
  const Outcome paid = Send(OfLoan("loan.settled", "z1", At(76 * kDay), "L1"));
  EXPECT_EQ(Said(paid.money), "applied 1");
  EXPECT_EQ(standing(), std::tuple(0, 3'000 + 1'005, 0));
  EXPECT_EQ(Said(Send(OfLoan("loan.terminated", "t2", At(77 * kDay), "L1")).money),
            "terminate instalments: closed");
  EXPECT_EQ(Said(Send(Reversed("x1", At(78 * kDay), "z1")).money), "applied 0, reversed 1");
  EXPECT_EQ(Said(Send(Reversed("x2", At(79 * kDay), "t1")).money), "applied 0, reversed 1");
  EXPECT_EQ(standing(), before);
  // The second instalment is what it was: interest of the whole month.
  Send(OfLoan("repayment.received", "r2", At(80 * kDay), "L1", 102'007));
  EXPECT_EQ(Balance("interest_income"), 3'000 + 2'010);
  ASSERT_TRUE(engine_->Close().ok());
  const auto verified = study::Verify(files_, kFolder);
  ASSERT_TRUE(verified.ok()) << verified.status().ToString();
  EXPECT_TRUE(verified->ok());
}

TEST_F(MoneyTest, ADryRunSaysWhatTheRealRunSaysAndLeavesNoTrace) {
  Send(Asked("a1", At(1), "b1", 200'000));
  Send(Lent("l1", At(2), "b1", "L1", 300'000));
  const std::vector<EventText> events{Ordered("o1", At(3), "b1", "O1", 200'000),
                                      Ordered("o2", At(4), "b1", "O2", 200'000),
                                      Lent("l2", At(5), "b1", "L2", 200'000),
                                      OfLoan("repayment.received", "r1", At(6), "L1", 9),
                                      OfLoan("loan.terminated", "t1", At(7), "L1"),
                                      OfLoan("loan.settled", "z1", At(7), "L1"),
                                      Shipped("s1", At(8), "O1")};
  for (const EventText& text : events) {
    const Digest before = engine_->state().Hash();
    const Outcome dry = Dry(text);
    EXPECT_EQ(engine_->state().Hash().ToHex(), before.ToHex()) << text.id;
    const Outcome real = Send(text);
    EXPECT_EQ(dry.money, real.money) << text.id;
    EXPECT_EQ(dry.money_of_decision, real.money_of_decision) << text.id;
  }
}

TEST_F(MoneyTest, TheStateHashChangesWithEveryStep) {
  std::set<std::string> seen;
  const auto step = [&](const EventText& text) {
    Send(text);
    const std::string rows = MoneyRows(money());
    EXPECT_TRUE(seen.insert(rows).second) << text.id;
  };
  step(Asked("a1", At(1), "b1", 200'000));
  step(Ordered("o1", At(2), "b1", "O1", 10'000));
  step(Shipped("s1", At(3), "O1", 5'000));
  step(BuyerEvent("limit.frozen", "f1", At(4), "b1"));
  step(BuyerEvent("limit.thawed", "t1", At(5), "b1"));
  step(Lent("l1", At(6), "b1", "L1", 5'000));
  step(OfLoan("repayment.received", "r1", At(7), "L1", 100));
  step(Paid("p1", At(8), "b1", 100));
}

TEST_F(MoneyTest, AnotherPackGoesOnWithTheSameMoney) {
  Send(Asked("a1", At(1), "b1", 200'000));
  Send(Lent("l1", At(2), "b1", "L1", 300'000));
  const std::string before = MoneyRows(money());
  pack::FileSet files = CreditLineFiles();
  pack::Edit(&files, "products.yaml", "rate: 12%", "rate: 24%");
  pack::Edit(&files, "pack.yaml", "version: 1", "version: 2");
  MustActivate(*engine_, pack::MustLoad(std::move(files)), At(3));
  EXPECT_EQ(MoneyRows(money()), before);
  // The old loan keeps its terms; a new one has the new ones.
  Send(OfLoan("repayment.received", "r1", At(31 * kDay), "L1", 102'007));
  EXPECT_EQ(Balance("interest_income"), 3'000);
  Send(Lent("l2", At(32 * kDay), "b1", "L2", 300'000));
  Send(OfLoan("repayment.received", "r2", At(62 * kDay), "L2", 104'026));
  EXPECT_EQ(Balance("interest_income"), 9'000);
  const Digest live = engine_->state().Hash();
  Reopen();
  EXPECT_EQ(engine_->state().Hash().ToHex(), live.ToHex());
  const auto verified = study::Verify(files_, kFolder);
  ASSERT_TRUE(verified.ok()) << verified.status().ToString();
  EXPECT_TRUE(verified->ok());
}

}  // namespace
}  // namespace credence::engine
