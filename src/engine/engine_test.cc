#include "src/engine/engine.h"

#include <gtest/gtest.h>

#include "src/engine/engine_testing.h"
#include "src/study/verify.h"

namespace credence::engine {
namespace {

using Kind = Outcome::Kind;
using record::DecisionPath;

constexpr int64_t kHour = kNsPerHour;
constexpr int64_t kDay = kNsPerDay;
constexpr int64_t kLate = 2 * kDay;  // the bounds of the shop
constexpr int64_t kFuture = kHour;
constexpr int64_t kReversal = 30 * kDay;

void ExpectVerified(FileSystem& files) {
  const auto report = study::Verify(files, kFolder);
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  for (const study::Mismatch& mismatch : report->first) {
    ADD_FAILURE() << mismatch.decision << " " << mismatch.event << " " << mismatch.what;
  }
  EXPECT_TRUE(report->ok());
}

class EngineTest : public ShopTest {};

std::string Stored(const record::DecisionRecord& decision) {
  std::string bytes;
  record::EncodeDecision(decision, &bytes);
  return bytes;
}

TEST_F(EngineTest, TheSameEventAgainGetsTheSequenceOfTheFirstAndLeavesNoTrace) {
  const Outcome first = Send(Order("o1", At(1)));
  ASSERT_EQ(first.kind, Kind::kDecided);
  const Digest before = engine_->state().Hash();
  const auto head = engine_->journal().head();
  const Outcome again = Send(Order("o1", At(1)), At(kHour));
  EXPECT_EQ(again.kind, Kind::kDuplicate);
  EXPECT_EQ(again.seq, first.seq);
  EXPECT_EQ(engine_->state().Hash(), before);
  EXPECT_EQ(engine_->journal().head(), head);
}

TEST_F(EngineTest, TheSameIdWithOtherContentIsRefusedAndAnotherSourceMayUseIt) {
  const Outcome first = Send(Order("o1", At(1)));
  const Outcome other = Send(Order("o1", At(1), 10'001));
  EXPECT_EQ(other.kind, Kind::kRefused);
  EXPECT_EQ(other.refusal, Refusal::kIdWithOtherContent);
  EXPECT_EQ(other.field, "id");
  EXPECT_NE(other.expected.find("sequence " + std::to_string(first.seq.value())),
            std::string::npos);
  EventText elsewhere = Order("o1", At(1), 10'001);
  elsewhere.source = "another shop";
  EXPECT_EQ(Send(elsewhere).kind, Kind::kDecided);
}

TEST_F(EngineTest, ADuplicateWithinOneBatchIsFound) {
  const Event twice[] = {pack::MakeEvent(*engine_->pack(), Order("o1", At(1)), &arena_),
                         pack::MakeEvent(*engine_->pack(), Order("o1", At(1)), &arena_),
                         pack::MakeEvent(*engine_->pack(), Order("o1", At(1), 1), &arena_)};
  const auto outcomes = engine_->Process(twice, Arrival::kLive, At(1));
  ASSERT_TRUE(outcomes.ok());
  EXPECT_EQ(outcomes->at(0).kind, Kind::kDecided);
  EXPECT_EQ(outcomes->at(1).kind, Kind::kDuplicate);
  EXPECT_EQ(outcomes->at(1).seq, outcomes->at(0).seq);
  EXPECT_EQ(outcomes->at(2).refusal, Refusal::kIdWithOtherContent);
}

TEST_F(EngineTest, AnIdIsNotForgottenWhileItsEventCouldStillBeAdmitted) {
  Send(Order("o1", At(0)));
  // The stamp at which an event of that time is just allowed, and other events in between.
  for (int i = 1; i <= 8; ++i) {
    const std::string id = "p" + std::to_string(i);
    Send(Payment(id, At(i * kLate / 8)));
  }
  EXPECT_EQ(Send(Order("o1", At(0)), At(kLate)).kind, Kind::kDuplicate);
  for (int i = 0; i < 8; ++i) {
    const std::string id = "q" + std::to_string(i);
    Send(Payment(id, At(kLate + i * kDay)));
  }
  EXPECT_EQ(Send(Order("o1", At(0))).refusal, Refusal::kTooLate);
}

// A wider bound would let in events whose ids are forgotten already: they could happen twice.
TEST_F(EngineTest, APackWithAWiderLateBoundDoesNotLetAnEventInTwice) {
  ASSERT_EQ(Send(Order("o1", At(0))).kind, Kind::kDecided);
  for (int day = 1; day < 10; ++day) {
    const std::string id = "p" + std::to_string(day);
    Send(Payment(id, At(day * kDay)));
  }
  pack::FileSet files = pack::ShopFiles();
  pack::Edit(&files, "pack.yaml", "late: 2d", "late: 20d");
  MustActivate(*engine_, pack::MustLoad(files), At(9 * kDay + 1));
  const Outcome again = Send(Order("o1", At(0)), At(9 * kDay + 2));
  EXPECT_EQ(again.refusal, Refusal::kTooLate);
  EXPECT_NE(again.expected.find("ids of older events"), std::string::npos) << again.expected;
  EXPECT_EQ(Send(Order("o2", At(8 * kDay)), At(9 * kDay + 3)).kind, Kind::kDecided);
}

// Each row breaks all that the rows after it break, so that only the order decides.
TEST_F(EngineTest, RefusalsAreGivenInTheirOrderOfPrecedence) {
  const auto yen = [](int64_t minor) {
    return Value::OfMoney(Money{minor, *Currency::FromCode("JPY")}, 0);
  };
  pack::FileSet changed = pack::ShopFiles();
  pack::Edit(&changed, "pack.yaml", "order.cancelled: {fields: {buyer_id: key}",
             "order.cancelled: {fields: {buyer_id: key, fee: money}");
  const auto with_fee = pack::MustLoad(changed);
  const auto cancel = [&](std::string_view id, Timestamp time, Value fee,
                          std::string_view reverses) {
    return pack::MakeEvent(
        *with_fee,
        {"order.cancelled", id, time, {{"buyer_id", Value::String("b1")}, {"fee", fee}}, reverses},
        &arena_);
  };
  journal::FaultFileSystem files;
  const auto engine = MustOpen(files);
  const Timestamp now = At(10 * kDay);
  const auto refusal = [&](const Event& event, Refusal expected, std::string_view field) {
    const Digest before = engine->state().Hash();
    const auto head = engine->journal().head();
    const Outcome dry = engine->DryRun(event, Arrival::kLive, now);
    const auto outcomes = engine->Process({&event, 1}, Arrival::kLive, now);
    ASSERT_TRUE(outcomes.ok());
    EXPECT_EQ(outcomes->at(0).kind, Kind::kRefused);
    EXPECT_EQ(RefusalName(outcomes->at(0).refusal), RefusalName(expected));
    EXPECT_EQ(outcomes->at(0).field, field);
    EXPECT_FALSE(outcomes->at(0).expected.empty());
    EXPECT_EQ(dry.refusal, expected);
    EXPECT_EQ(engine->state().Hash(), before) << "a refusal leaves no trace";
    EXPECT_EQ(engine->journal().head(), head);
  };
  refusal(cancel("x", now, Yuan(1), "nothing"), Refusal::kNoPack, "");
  MustActivate(*engine, with_fee, At(9 * kDay));
  const Event order = pack::MakeEvent(*with_fee, Order("o1", now), &arena_);
  const Event payment = pack::MakeEvent(*with_fee, Payment("taken", now), &arena_);
  const Event setup[] = {order, payment, pack::MakeEvent(*with_fee, Order("o2", now), &arena_)};
  ASSERT_TRUE(engine->Process(setup, Arrival::kLive, now).ok());
  ASSERT_TRUE(
      engine->SetRate(*Currency::FromCode("JPY"), *Decimal::Parse("1e30"), "ann", now).ok());
  const Value no_rate = Value::OfMoney(Money{1, *Currency::FromCode("USD")}, 0);
  const Timestamp future{now.ns + kDay};
  const Timestamp past{now.ns - 5 * kDay};
  refusal(cancel("taken", future, no_rate, "nothing"), Refusal::kIdWithOtherContent, "id");
  refusal(cancel("new", future, no_rate, "nothing"), Refusal::kTooFarInFuture, "time");
  refusal(cancel("new", past, no_rate, "nothing"), Refusal::kTooLate, "time");
  refusal(cancel("new", now, no_rate, "nothing"), Refusal::kNoRate, "data.fee");
  refusal(cancel("new", now, yen(1), "nothing"), Refusal::kAmountOutOfRange, "data.fee");
  refusal(cancel("new", now, Yuan(1), "nothing"), Refusal::kReversesUnknown, "reverses");
  const Event reversal = cancel("c1", now, Yuan(1), "o1");
  ASSERT_EQ(engine->Process({&reversal, 1}, Arrival::kLive, now)->at(0).kind, Kind::kApplied);
  refusal(cancel("new", now, Yuan(1), "o1"), Refusal::kReversesTwice, "reverses");
}

TEST_F(EngineTest, TheBoundsOfTimeHoldToTheNanosecond) {
  const Timestamp now = At(10 * kDay);
  EXPECT_EQ(Send(Payment("a", Timestamp{now.ns - kLate - 1}), now).refusal, Refusal::kTooLate);
  EXPECT_EQ(Send(Payment("a", Timestamp{now.ns - kLate}), now).kind, Kind::kApplied);
  // The stamp is one more than the last one, however late the clock stands still.
  EXPECT_EQ(Send(Payment("b", Timestamp{now.ns - kLate}), now).refusal, Refusal::kTooLate);
  EXPECT_EQ(Send(Payment("b", Timestamp{now.ns - kLate + 1}), now).kind, Kind::kApplied);
  EXPECT_EQ(Send(Payment("c", Timestamp{now.ns + kFuture + 3}), now).refusal,
            Refusal::kTooFarInFuture);
  EXPECT_EQ(Send(Payment("c", Timestamp{now.ns + kFuture + 2}), now).kind, Kind::kApplied);
}

TEST_F(EngineTest, StampsGrowThoughTheClockGoesBack) {
  const Timestamp first = Send(Payment("a", At(kHour)), At(kHour)).stamp;
  EXPECT_EQ(first, At(kHour));
  EXPECT_EQ(Send(Payment("b", At(kHour)), At(0)).stamp, At(kHour + 1));
  EXPECT_EQ(Send(Payment("c", At(kHour)), At(kHour + 1)).stamp, At(kHour + 2));
  EXPECT_EQ(Send(Payment("d", At(kHour)), At(2 * kHour)).stamp, At(2 * kHour));
}

TEST_F(EngineTest, EventsOfAHistoryArriveAtTheirOwnTime) {
  const Timestamp today = At(1000 * kDay);
  EXPECT_EQ(Send(Payment("a", At(kHour)), today, Arrival::kHistory).stamp, At(kHour));
  EXPECT_EQ(Send(Payment("b", At(5 * kHour)), today, Arrival::kHistory).stamp, At(5 * kHour));
  // Older than one before: it arrives next, and is late by that much.
  EXPECT_EQ(Send(Payment("c", At(4 * kHour)), today, Arrival::kHistory).stamp, At(5 * kHour + 1));
  EXPECT_EQ(Send(Payment("d", At(5 * kHour - kLate)), today, Arrival::kHistory).refusal,
            Refusal::kTooLate);
  // Live from here on.
  EXPECT_EQ(Send(Payment("e", today), today).stamp, today);
  EXPECT_EQ(Send(Payment("f", At(6 * kHour)), today).refusal, Refusal::kTooLate);
}

TEST_F(EngineTest, TheEndOfTimeIsRefusedBeforeStampsCannotGrow) {
  const Outcome end = Send(Payment("a", Timestamp{INT64_MAX}), At(0), Arrival::kHistory);
  EXPECT_EQ(end.refusal, Refusal::kTooFarInFuture);
  EXPECT_EQ(Send(Payment("b", At(1)), At(1)).kind, Kind::kApplied);
}

TEST_F(EngineTest, AReversalTakesItsEventOutOfTheWindowsFromItsOwnArrivalOn) {
  Send(Order("o1", At(0), 10'000));
  Send(Order("o2", At(1), 30'000));
  ASSERT_EQ(Feature("buyer", "b1", "buyer.orders.sum_amount_1d", At(2)), "400.00 CNY");
  ASSERT_EQ(Feature("host", "h1", "host.sales.count_1d", At(2)), "2");
  const Outcome cancelled = Send(Cancel("c1", At(3), "o1"));
  ASSERT_EQ(cancelled.kind, Kind::kApplied);
  EXPECT_EQ(Feature("buyer", "b1", "buyer.orders.sum_amount_1d", At(4)), "300.00 CNY");
  EXPECT_EQ(Feature("host", "h1", "host.sales.count_1d", At(4)), "1")
      << "the reversal names no host, but its order did";
  EXPECT_EQ(Send(Cancel("c2", At(5), "o1")).refusal, Refusal::kReversesTwice);
  EXPECT_EQ(Send(Cancel("c2", At(5), "o3")).refusal, Refusal::kReversesUnknown);
  EXPECT_EQ(Send(Cancel("c2", At(5), "c1")).refusal, Refusal::kReversesUnknown)
      << "a reversal is not reversible here";
  EventText elsewhere = Cancel("c2", At(5), "o2");
  elsewhere.source = "another shop";
  EXPECT_EQ(Send(elsewhere).refusal, Refusal::kReversesUnknown);
}

TEST_F(EngineTest, ReversalsAreTakenUpToTheBoundToTheNanosecond) {
  const Timestamp placed = Send(Order("o1", At(0))).stamp;
  const Timestamp other = Send(Order("o2", At(1))).stamp;
  const Timestamp at_bound{placed.ns + kReversal};
  EXPECT_EQ(Send(Cancel("c1", at_bound, "o1"), at_bound).kind, Kind::kApplied);
  const Timestamp beyond{other.ns + kReversal + 1};
  EXPECT_EQ(Send(Cancel("c2", beyond, "o2"), beyond).refusal, Refusal::kReversesUnknown);
}

TEST_F(EngineTest, AmountsAreConvertedByTheLatestJournalledRate) {
  const Currency usd = *Currency::FromCode("USD");
  const auto order = [&](std::string_view id, Timestamp time) {
    EventText text = Order(id, time);
    text.fields[2].second = Value::OfMoney(Money{10'000, usd}, 0);
    return text;
  };
  const Outcome without = Send(order("o1", At(1)));
  EXPECT_EQ(without.refusal, Refusal::kNoRate);
  EXPECT_EQ(without.field, "data.amount");
  EXPECT_NE(without.expected.find("USD"), std::string::npos);
  ASSERT_TRUE(engine_->SetRate(usd, *Decimal::Parse("7.1005"), "ann", At(2)).ok());
  const Outcome first = Send(order("o1", At(3)));
  ASSERT_EQ(first.kind, Kind::kDecided);
  EXPECT_EQ(SlotText(*engine_->pack(), *first.decision, "amount"), "100.00 USD");
  EXPECT_EQ(SlotNamed(*engine_->pack(), *first.decision, "amount")->base_minor(), 71'005);
  ASSERT_TRUE(engine_->SetRate(usd, *Decimal::Parse("7.2"), "ann", At(4)).ok());
  Send(order("o2", At(5)));
  EXPECT_EQ(Feature("buyer", "b1", "buyer.orders.sum_amount_1d", At(6)), "1430.05 CNY");
  // The same event is the same event, whatever the rate has become.
  EXPECT_EQ(Send(order("o1", At(3)), At(6)).kind, Kind::kDuplicate);
  const Digest before = engine_->state().Hash();
  Reopen();
  EXPECT_EQ(engine_->state().Hash(), before);
  EXPECT_EQ(engine_->state().rates.at(usd), *Decimal::Parse("7.2"));
  ExpectVerified(files_);
}

TEST_F(EngineTest, RatesThatMeanNothingAreRefused) {
  const Currency usd = *Currency::FromCode("USD");
  const Currency cny = *Currency::FromCode("CNY");
  const auto head = engine_->journal().head();
  for (const char* rate : {"0", "-1", "NaN", "Infinity"}) {
    const auto decimal = Decimal::Parse(rate);
    if (!decimal) continue;
    EXPECT_EQ(engine_->SetRate(usd, *decimal, "ann", At(1)).code(), StatusCode::kInvalidArgument)
        << rate;
  }
  EXPECT_EQ(engine_->SetRate(cny, *Decimal::Parse("1"), "ann", At(1)).code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(engine_->journal().head(), head);
}

// Those that nobody holds give their memory to later ones.
TEST_F(EngineTest, ADecisionThatSomebodyHoldsStaysAsItIs) {
  std::vector<std::pair<std::shared_ptr<const record::DecisionRecord>, std::string>> held;
  const record::DecisionRecord* first = nullptr;
  bool used_again = false;
  for (int i = 0; i < 100; ++i) {
    const std::string id = "o" + std::to_string(i);
    const Outcome outcome = Send(Order(id, At(i), 1 + i));
    ASSERT_EQ(outcome.kind, Kind::kDecided);
    if (i == 1) first = outcome.decision.get();
    used_again = used_again || (i > 1 && outcome.decision.get() == first);
    if (i % 3 == 0) held.emplace_back(outcome.decision, Stored(*outcome.decision));
  }
  for (const auto& [decision, bytes] : held) EXPECT_EQ(Stored(*decision), bytes);
#ifndef __SANITIZE_THREAD__
  EXPECT_TRUE(used_again);
#endif
}

TEST_F(EngineTest, ASwitchedOffDecisionGivesItsOwnOutcomeAndOthersGoOn) {
  ASSERT_TRUE(engine_->SetKillSwitch(true, "order_risk", "ann", "bad model", At(1)).ok());
  const Outcome off = Send(Order("o1", At(2)));
  EXPECT_EQ(off.decision->path, DecisionPath::kKillSwitch);
  EXPECT_EQ(off.decision->outcome, "decline");
  EXPECT_FALSE(off.decision->score.has_value());
  EXPECT_EQ(Send(LimitAsked("l1", At(3))).decision->path, DecisionPath::kParked);
  ASSERT_TRUE(engine_->SetKillSwitch(true, "", "ann", "all", At(4)).ok());
  EXPECT_EQ(Send(LimitAsked("l2", At(5))).decision->path, DecisionPath::kKillSwitch);
  ASSERT_TRUE(engine_->SetKillSwitch(false, "", "ann", "", At(6)).ok());
  EXPECT_EQ(Send(Order("o2", At(7))).decision->path, DecisionPath::kKillSwitch)
      << "its own switch is still on";
  ASSERT_TRUE(engine_->SetKillSwitch(false, "order_risk", "ann", "", At(8)).ok());
  EXPECT_EQ(Send(Order("o3", At(9))).decision->path, DecisionPath::kPolicy);
  EXPECT_EQ(engine_->SetKillSwitch(true, "ordre_risk", "ann", "", At(10)).code(),
            StatusCode::kNotFound);
  ExpectVerified(files_);
}

TEST_F(EngineTest, OnlySoManyActivationsWaitAndOnlyOfPacksThatMayBeInCharge) {
  const auto other = [](std::string_view from, const std::string& to) {
    pack::FileSet files = pack::ShopFiles();
    pack::Edit(&files, "pack.yaml", from, to);
    return pack::MustLoad(std::move(files));
  };
  EXPECT_EQ(
      engine_->RequestActivation(*other("currency: CNY", "currency: EUR"), "ann", At(1)).code(),
      StatusCode::kInvalidArgument);
  for (size_t i = 0; i <= kActivationRequestsMax; ++i) {
    const auto pack = other("version: 1", "version: " + std::to_string(i + 2));
    EXPECT_EQ(engine_->RequestActivation(*pack, "ann", At(1)).ok(), i < kActivationRequestsMax)
        << i;
  }
  EXPECT_EQ(engine_->state().activation_requests.size(), kActivationRequestsMax);
  ExpectVerified(files_);
}

TEST_F(EngineTest, WindowsCountWhileADecisionIsSwitchedOff) {
  ASSERT_TRUE(engine_->SetKillSwitch(true, "", "ann", "", At(1)).ok());
  Send(Order("o1", At(2)));
  EXPECT_EQ(Feature("buyer", "b1", "buyer.orders.count_1d", At(3)), "1");
}

TEST_F(EngineTest, WhatGoesWrongInAPolicyTakesTheFallbackAndSaysWhy) {
  const std::pair<const char*, const char*> rows[] = {
      {"null", "no outcome"},
      {"\"maybe\"", "'maybe', which the pack does not list"},
      {"7", "no outcome"},
      {"{outcome: \"approve\", limit: \"much\"}", "a limit that is no amount"},
      {"{outcome: \"approve\", reasons: [1]}", "gave reasons"},
      {"{outcome: \"approve\", offer: 3}", "gave an offer"},
      {"{needs: \"oracle\"}", "needs the source 'oracle'"},
      {"{reasons: [\"LARGE\"]}", "no outcome"},
  };
  int number = 0;
  for (const auto& [policy, why] : rows) {
    pack::FileSet files = pack::ShopFiles();
    pack::Edit(&files, "policy.dmn", pack::kCreditLimit, policy);
    ++number;
    MustActivate(*engine_, pack::MustLoad(files), At(number));
    const std::string id = "l" + std::to_string(number);
    const Outcome outcome = Send(LimitAsked(id, At(number)));
    ASSERT_EQ(outcome.kind, Kind::kDecided);
    EXPECT_EQ(outcome.decision->path, DecisionPath::kFallback) << policy;
    EXPECT_EQ(outcome.decision->outcome, "review");
    EXPECT_NE(outcome.decision->failure.find(why), std::string::npos)
        << policy << ": " << outcome.decision->failure;
    EXPECT_TRUE(outcome.decision->reasons.empty());
    EXPECT_FALSE(outcome.decision->limit.has_value());
  }
  ExpectVerified(files_);
}

TEST_F(EngineTest, AModelThatCannotScoreTakesTheFallback) {
  pack::FileSet files = pack::ShopFiles();
  // Nothing fits once there are orders: the characteristic loses its last attribute.
  pack::Edit(&files, "models/order_score.pmml",
             "<Attribute partialScore=\"20\"><True/></Attribute>", "");
  MustActivate(*engine_, pack::MustLoad(files), At(1));
  const Outcome outcome = Send(Order("o1", At(2)));
  EXPECT_EQ(outcome.decision->path, DecisionPath::kFallback);
  EXPECT_EQ(outcome.decision->outcome, "review");
  EXPECT_NE(outcome.decision->failure.find("order_score"), std::string::npos)
      << outcome.decision->failure;
  ExpectVerified(files_);
}

record::Answer BureauAnswer(Seq parked, std::string listed = "false") {
  record::Answer answer;
  answer.parked_seq = parked;
  answer.source = "bureau";
  answer.status = "ok";
  answer.values = {{"grade", "gold"}, {"listed", std::move(listed)}, {"score", "70.50"}};
  return answer;
}

TEST_F(EngineTest, AParkedDecisionGoesOnWhenItsSourceAnswers) {
  const Outcome asked = Send(LimitAsked("l1", At(1)));
  ASSERT_EQ(asked.decision->path, DecisionPath::kParked);
  EXPECT_EQ(asked.decision->needs, "bureau");
  EXPECT_TRUE(asked.decision->outcome.empty());
  ASSERT_EQ(engine_->state().parked.size(), 1u);
  const Digest parked_hash = engine_->state().Hash();
  Reopen();
  ASSERT_EQ(engine_->state().Hash(), parked_hash);
  const auto resumed = engine_->TakeAnswer(BureauAnswer(asked.seq), At(kHour));
  ASSERT_TRUE(resumed.ok()) << resumed.status().ToString();
  EXPECT_EQ((*resumed)->path, DecisionPath::kPolicy);
  EXPECT_EQ((*resumed)->outcome, "approve");
  EXPECT_EQ((*resumed)->parked_seq, asked.seq);
  EXPECT_EQ((*resumed)->seq, asked.seq.Next());
  EXPECT_EQ((*resumed)->time, At(1)) << "now() is the time of the event that asked";
  ASSERT_TRUE((*resumed)->limit.has_value());
  EXPECT_EQ((*resumed)->limit->minor, 70'535) << "705.3525, rounded down";
  EXPECT_EQ((*resumed)->offer, "gold");
  EXPECT_TRUE(engine_->state().parked.empty());
  EXPECT_EQ(engine_->TakeAnswer(BureauAnswer(asked.seq), At(kHour)).status().code(),
            StatusCode::kNotFound);
  const Digest before = engine_->state().Hash();
  Reopen();
  EXPECT_EQ(engine_->state().Hash(), before);
  ExpectVerified(files_);
}

TEST_F(EngineTest, AnswersThatDoNotFitAreRefusedAndTheDecisionStillWaits) {
  const Seq seq = Send(LimitAsked("l1", At(1))).seq;
  const Digest before = engine_->state().Hash();
  const auto head = engine_->journal().head();
  const auto code = [&](auto change) {
    record::Answer answer = BureauAnswer(seq);
    change(answer);
    return engine_->TakeAnswer(answer, At(2)).status().code();
  };
  EXPECT_EQ(code([](record::Answer& a) { a.source = "register"; }), StatusCode::kNotFound);
  EXPECT_EQ(code([](record::Answer& a) { a.parked_seq = Seq(1); }), StatusCode::kNotFound);
  EXPECT_EQ(code([](record::Answer& a) { a.status = "fine"; }), StatusCode::kInvalidArgument);
  EXPECT_EQ(code([](record::Answer& a) {
              a.values = {{"colour", "red"}};
            }),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(code([](record::Answer& a) { a.values[2].second = "many"; }),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(code([](record::Answer& a) { a.values[1].second = "no"; }),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(code([](record::Answer& a) { a.values[0].second = "\xff"; }),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(code([](record::Answer& a) { std::swap(a.values[0], a.values[1]); }),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(code([](record::Answer& a) { a.values.push_back(a.values.back()); }),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(engine_->state().Hash(), before);
  EXPECT_EQ(engine_->journal().head(), head);
  EXPECT_EQ(code([](record::Answer&) {}), StatusCode::kOk);
}

TEST_F(EngineTest, ASourceThatFailedIsAnAnswerToo) {
  const Seq seq = Send(LimitAsked("l1", At(1))).seq;
  record::Answer answer = BureauAnswer(seq);
  answer.status = "timeout";
  answer.values.clear();
  const auto resumed = engine_->TakeAnswer(answer, At(2));
  ASSERT_TRUE(resumed.ok()) << resumed.status().ToString();
  EXPECT_EQ((*resumed)->outcome, "review");
  ExpectVerified(files_);
}

TEST_F(EngineTest, AParkedDecisionIsFinishedUnderThePackThatBeganIt) {
  const Seq seq = Send(LimitAsked("l1", At(1))).seq;
  pack::FileSet files = pack::ShopFiles();
  pack::Edit(&files, "policy.dmn", "bureau.score * 10.005", "bureau.score * 2");
  MustActivate(*engine_, pack::MustLoad(files), At(2));
  Reopen();
  const auto resumed = engine_->TakeAnswer(BureauAnswer(seq, "true"), At(3));
  ASSERT_TRUE(resumed.ok()) << resumed.status().ToString();
  EXPECT_EQ((*resumed)->pack, pack::ShopPack()->digest);
  EXPECT_EQ((*resumed)->limit->minor, 70'535);
  EXPECT_EQ((*resumed)->outcome, "decline");
  EXPECT_EQ((*resumed)->reasons, std::vector<std::string>{"LISTED"});
  Reopen();
  ExpectVerified(files_);
}

TEST_F(EngineTest, ADecisionThatIsSwitchedOffWhileItWaitsTakesTheSwitchsOutcome) {
  const Seq seq = Send(LimitAsked("l1", At(1))).seq;
  ASSERT_TRUE(engine_->SetKillSwitch(true, "credit_limit", "ann", "", At(2)).ok());
  const auto resumed = engine_->TakeAnswer(BureauAnswer(seq), At(3));
  ASSERT_TRUE(resumed.ok());
  EXPECT_EQ((*resumed)->path, DecisionPath::kKillSwitch);
  EXPECT_EQ((*resumed)->outcome, "decline");
  ExpectVerified(files_);
}

TEST_F(EngineTest, ADryRunLeavesNoTraceAndSaysWhatTheRealRunThenSays) {
  int observed = 0;
  Options options;
  options.on_decision = [&](const auto&, const auto&, const auto&) { ++observed; };
  engine_.reset();
  engine_ = MustOpen(files_, options);
  Send(Order("o1", At(0), 20'000));
  Send(Order("o2", At(1), 30'000));
  Send(Payment("p1", At(2)));
  const EventText texts[] = {Order("o3", At(3), 95'000),
                             Order("o1", At(0), 20'000),
                             Order("o1", At(0), 20'001),
                             Cancel("c1", At(4), "o2"),
                             Order("o4", At(5), 1, "somebody new", "h9"),
                             LimitAsked("l1", At(6)),
                             Order("o5", At(-5), 700)};
  for (const EventText& text : texts) {
    arena_.Reset();
    const Event event = pack::MakeEvent(*engine_->pack(), text, &arena_);
    const Digest before = engine_->state().Hash();
    const auto head = engine_->journal().head();
    const int observed_before = observed;
    const Outcome dry = engine_->DryRun(event, Arrival::kLive, At(10));
    const Outcome again = engine_->DryRun(event, Arrival::kLive, At(10));
    EXPECT_EQ(engine_->state().Hash(), before) << text.id;
    EXPECT_EQ(engine_->journal().head(), head) << text.id;
    EXPECT_EQ(observed, observed_before) << "an export must not see it";
    const auto real = engine_->Process({&event, 1}, Arrival::kLive, At(10));
    ASSERT_TRUE(real.ok());
    for (const Outcome& outcome : {dry, again}) {
      EXPECT_EQ(outcome.kind, real->at(0).kind) << text.id;
      EXPECT_EQ(outcome.refusal, real->at(0).refusal) << text.id;
      EXPECT_EQ(outcome.seq, real->at(0).seq) << text.id;
      EXPECT_EQ(outcome.stamp, real->at(0).stamp) << text.id;
      ASSERT_EQ(outcome.decision == nullptr, real->at(0).decision == nullptr) << text.id;
      if (outcome.decision != nullptr) {
        EXPECT_EQ(Stored(*outcome.decision), Stored(*real->at(0).decision)) << text.id;
      }
    }
  }
  EXPECT_GT(observed, 0);
}

// An export holds nothing that was never acknowledged.
TEST_F(EngineTest, AnExportSeesADecisionOnlyOnceItIsOnDisk) {
  std::vector<std::string> observed;
  Options options;
  options.on_decision = [&](const auto&, const Event& event, const auto& features) {
    EXPECT_FALSE(features.empty());
    observed.emplace_back(event.id);
  };
  engine_.reset();
  engine_ = MustOpen(files_, options);
  const Event first = pack::MakeEvent(*engine_->pack(), Order("o1", At(1)), &arena_);
  const Event second = pack::MakeEvent(*engine_->pack(), Order("o2", At(2)), &arena_);
  ASSERT_TRUE(engine_->Begin({&first, 1}, Arrival::kLive, At(2)).ok());
  EXPECT_TRUE(observed.empty());
  ASSERT_TRUE(engine_->End().ok());
  EXPECT_EQ(observed, std::vector<std::string>{"o1"});
  files_.set_fault({files_.calls() + 1, journal::FaultKind::kStop});
  EXPECT_FALSE(engine_->Process({&second, 1}, Arrival::kLive, At(2)).ok());
  EXPECT_EQ(observed.size(), 1u);
}

TEST_F(EngineTest, ABatchBeyondItsLimitIsRefusedWhole) {
  const Event event = pack::MakeEvent(*engine_->pack(), Payment("p1", At(1)), &arena_);
  const std::vector<Event> many(kBatchEventsMax + 1, event);
  const auto head = engine_->journal().head();
  EXPECT_EQ(engine_->Process(many, Arrival::kLive, At(1)).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(engine_->journal().head(), head);
  EXPECT_TRUE(engine_->Process({}, Arrival::kLive, At(1)).ok());
}

TEST_F(EngineTest, ABatchOfLargeEventsFitsItsFrames) {
  pack::FileSet files = pack::ShopFiles();
  pack::Edit(&files, "pack.yaml", "note: \"string?\"",
             "note: {type: string, optional: true, max_bytes: 65536}, a: {type: string, "
             "max_bytes: 65536}, b: {type: string, max_bytes: 65536}");
  MustActivate(*engine_, pack::MustLoad(files), At(1));
  const std::string text(65'536, 'x');
  std::vector<Event> events;
  std::vector<std::string> ids;
  for (size_t i = 0; i < kBatchEventsMax; ++i) ids.push_back("p" + std::to_string(i));
  for (size_t i = 0; i < kBatchEventsMax; ++i) {
    EventText payment = Payment(ids[i], At(2));
    for (const char* field : {"note", "a", "b"}) {
      payment.fields.emplace_back(field, Value::String(text));
    }
    events.push_back(pack::MakeEvent(*engine_->pack(), payment, &arena_));
  }
  const auto outcomes = engine_->Process(events, Arrival::kLive, At(2));
  ASSERT_TRUE(outcomes.ok()) << outcomes.status().ToString();
  const Digest before = engine_->state().Hash();
  Reopen();
  EXPECT_EQ(engine_->state().Hash(), before);
  EXPECT_EQ(engine_->opened().events, kBatchEventsMax);
}

}  // namespace
}  // namespace credence::engine
