#include "src/decision/decide.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "src/pack/shop_testing.h"

namespace credence::decision {
namespace {

using pack::Yuan;
using record::DecisionPath;
using record::DecisionRecord;
using record::Value;

constexpr Timestamp kNow{1'709'323'200 * kNsPerSecond};  // 2024-03-01T20:00:00Z

Value Number(std::string_view text) { return Value::OfDecimal(*Decimal::Parse(text)); }

// One decision of a pack, with its slots set by name.
class DecideTest : public testing::Test {
 protected:
  void Use(std::shared_ptr<const pack::Pack> pack, std::string_view decision) {
    pack_ = std::move(pack);
    plan_ = pack_->FindDecision(decision);
    ASSERT_NE(plan_, nullptr);
    scratch_ = std::make_unique<Scratch>(plan_->zones);
  }
  // The shop with another policy for credit_limit.
  void UsePolicy(std::string_view feel) {
    pack::FileSet files = pack::ShopFiles();
    pack::Edit(&files, "policy.dmn", pack::kCreditLimit, feel);
    Use(pack::MustLoad(files), "credit_limit");
  }
  DecisionRecord Run(const std::vector<std::pair<std::string_view, Value>>& named,
                     bool killed = false, Explanation* explanation = nullptr) {
    std::vector<Value> slots(plan_->slots.size());
    for (const auto& [name, value] : named) {
      const auto slot = plan_->slots.Find(name);
      EXPECT_TRUE(slot.has_value()) << name;
      if (slot) slots[*slot] = value;
    }
    Request request;
    request.seq = Seq(7);
    request.time = kNow;
    request.killed = killed;
    DecisionRecord record;
    Decide(*plan_, request, slots, scratch_.get(), &record, explanation);
    // Of what a record held before nothing stays.
    Decide(*plan_, request, slots, scratch_.get(), &used_);
    EXPECT_EQ(Stored(used_), Stored(record));
    return record;
  }
  DecisionRecord RunOrder(int64_t in_hour, int64_t in_day, int64_t minor = 10'000,
                          std::string_view goods = "food") {
    Use(pack::ShopPack(), "order_risk");
    return Run({{"amount", Yuan(minor)},
                {"goods", Value::String(goods)},
                {"buyer.orders.count_1h", Value::Integer(in_hour)},
                {"buyer.orders.count_1d", Value::Integer(in_day)},
                {"buyer.payments.count_7d", Value::Integer(0)},
                {"buyer.old_payments.count_2d_delay_1d", Value::Integer(0)},
                {"host.sales.count_1h", Value::Integer(3)}});
  }
  std::string Slot(const DecisionRecord& record, std::string_view name) const {
    for (const record::SlotValue& value : record.slots) {
      if (value.slot == plan_->slots.Find(name)) return record::ToString(value.value);
    }
    return "not kept";
  }
  static std::string Stored(const DecisionRecord& record) {
    std::string bytes;
    record::EncodeDecision(record, &bytes);
    return ToHex(bytes);
  }
  // What is decided again from the record, as it is and as the journal gives it back.
  void ExpectDecidedAgain(const DecisionRecord& record) {
    const auto again = DecideAgain(*plan_, record, scratch_.get());
    ASSERT_TRUE(again.ok()) << again.status().ToString();
    EXPECT_EQ(Stored(*again), Stored(record));
    std::string bytes;
    record::EncodeDecision(record, &bytes);
    const auto decoded = record::DecodeDecision(bytes);
    ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
    const auto from_stored = DecideAgain(*plan_, *decoded, scratch_.get());
    ASSERT_TRUE(from_stored.ok());
    EXPECT_EQ(Stored(*from_stored), Stored(record));
  }

  std::shared_ptr<const pack::Pack> pack_;
  const DecisionPlan* plan_ = nullptr;
  std::unique_ptr<Scratch> scratch_;
  DecisionRecord used_;  // again and again
};

TEST_F(DecideTest, DerivedFeaturesAreComputedAfterWhatTheyReadThoughTheFileHasThemBefore) {
  const DecisionRecord record = RunOrder(4, 4);
  EXPECT_EQ(Slot(record, "burst"), "1");
  EXPECT_EQ(Slot(record, "busy"), "true") << "busy stands before burst in features.yaml";
  EXPECT_EQ(Slot(record, "weight_text"), "none");
  ExpectDecidedAgain(record);
}

TEST_F(DecideTest, ARecordKeepsWhatModelsPolicyAndDerivedFeaturesReadAndWhatModelsSaid) {
  const DecisionRecord record = RunOrder(1, 2);
  std::vector<std::string> names;
  for (const record::SlotValue& slot : record.slots) {
    names.push_back(plan_->slots.at(slot.slot).name);
  }
  std::sort(names.begin(), names.end());
  const std::vector<std::string> expected = {"amount",
                                             "burst",
                                             "busy",
                                             "buyer.old_payments.count_2d_delay_1d",
                                             "buyer.orders.count_1d",
                                             "buyer.orders.count_1h",
                                             "buyer.orders.sum_amount_all",
                                             "buyer.payments.count_7d",
                                             "goods",
                                             "host.sales.count_1h",
                                             "order_score.points",
                                             "order_score.probability_of_default",
                                             "weight",
                                             "weight_text"};
  EXPECT_EQ(names, expected);
  EXPECT_TRUE(std::is_sorted(record.slots.begin(), record.slots.end(),
                             [](const auto& a, const auto& b) { return a.slot < b.slot; }));
  EXPECT_EQ(record.pack, pack_->digest);
  EXPECT_EQ(record.Id(), "D-000000000007");
}

TEST_F(DecideTest, ScoreAndProbabilityAreThoseOfTheModel) {
  const DecisionRecord record = RunOrder(1, 2);
  // 540 + 20 + 20 + 20 points: exactly where the odds are 30 to 1.
  EXPECT_EQ(record.score, *Decimal::Parse("600"));
  EXPECT_EQ(record.probability_of_default, *Decimal::Parse("0.032258"));
  EXPECT_EQ(Slot(record, "order_score.points"), "600");
  EXPECT_EQ(record.outcome, "approve");
  EXPECT_EQ(record.path, DecisionPath::kPolicy);
  ASSERT_EQ(record.matched_rules.size(), 2u);
  const DecisionRecord::MatchedRule last_rule{"verdict", 4};
  EXPECT_NE(std::find(record.matched_rules.begin(), record.matched_rules.end(), last_rule),
            record.matched_rules.end());
}

TEST_F(DecideTest, ReasonsOfThePolicyComeFirstThenThoseOfTheModelWithoutRepeating) {
  // The model's, heaviest first: BURST 30, MANY_ORDERS 25, RISKY_GOODS 25; the policy names BURST.
  const DecisionRecord record = RunOrder(5, 5, 60'000, "phones");
  EXPECT_EQ(record.reasons, (std::vector<std::string>{"LARGE", "BURST", "NEVER_PAID", "MANY_ORDERS",
                                                      "RISKY_GOODS"}));
  ExpectDecidedAgain(record);
  // One that is at the baseline or above took nothing away.
  EXPECT_EQ(RunOrder(1, 2).reasons.front(), "NEVER_PAID");
}

TEST_F(DecideTest, ALimitIsRoundedDownToTheMinorUnit) {
  const DecisionRecord record = RunOrder(1, 2, 10'000);
  ASSERT_TRUE(record.limit.has_value());
  EXPECT_EQ(record.limit->minor, 3'333);
  EXPECT_EQ(record.limit->currency.code(), "CNY");
}

TEST_F(DecideTest, APolicyMayAnswerInEachFormThatTheDocumentGives) {
  struct Row {
    const char* policy;
    const char* outcome;
    std::vector<std::string> reasons;
    std::optional<int64_t> limit;
    const char* offer;
  };
  const Row rows[] = {
      {"\"approve\"", "approve", {}, {}, ""},
      {"{outcome: \"decline\"}", "decline", {}, {}, ""},
      {"{outcome: \"decline\", reasons: \"LISTED\"}", "decline", {"LISTED"}, {}, ""},
      {"{outcome: \"decline\", reasons: null}", "decline", {}, {}, ""},
      {"{outcome: \"decline\", reasons: [null, \"LISTED\", \"LARGE\", \"LISTED\", null]}",
       "decline",
       {"LISTED", "LARGE"},
       {},
       ""},
      {"{outcome: \"approve\", limit: 99.999, offer: \"gold\"}", "approve", {}, 9'999, "gold"},
      {"{outcome: \"approve\", limit: null, offer: null, needs: null}", "approve", {}, {}, ""},
      {"{outcome: \"approve\", needs: \"\"}", "approve", {}, {}, ""},
      {"{outcome: string join([\"app\", \"rove\"]), more: 1}", "approve", {}, {}, ""},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.policy);
    UsePolicy(row.policy);
    const DecisionRecord record = Run({{"months", Value::Integer(12)}});
    EXPECT_EQ(record.path, DecisionPath::kPolicy) << record.failure;
    EXPECT_EQ(record.outcome, row.outcome);
    EXPECT_EQ(record.reasons, row.reasons);
    EXPECT_EQ(record.limit.has_value(), row.limit.has_value());
    if (record.limit && row.limit) {
      EXPECT_EQ(record.limit->minor, *row.limit);
    }
    EXPECT_EQ(record.offer, row.offer);
    ExpectDecidedAgain(record);
  }
}

TEST_F(DecideTest, TooManyOrTooLongReasonsTakeTheFallback) {
  for (const char* policy :
       {"{outcome: \"approve\", reasons: for i in 1..257 return \"R\" + string(i)}",
        "{outcome: \"approve\", reasons: string join(for i in 1..300 return \"X\")}"}) {
    UsePolicy(policy);
    const DecisionRecord record = Run({});
    EXPECT_EQ(record.path, DecisionPath::kFallback) << policy;
    EXPECT_TRUE(record.reasons.empty());
    ExpectDecidedAgain(record);
  }
  UsePolicy("{outcome: \"approve\", reasons: for i in 1..256 return \"R\" + string(i)}");
  EXPECT_EQ(Run({}).reasons.size(), 256u);
}

TEST_F(DecideTest, TodayIsTheDateInTheZoneOfThePackAtTheTimeOfTheEvent) {
  UsePolicy("{outcome: \"approve\", offer: string(today())}");
  EXPECT_EQ(Run({}).offer, "2024-03-02") << "20:00 in UTC, 04:00 eight hours east";
}

TEST_F(DecideTest, ASwitchedOffDecisionStillKeepsItsSlots) {
  Use(pack::ShopPack(), "order_risk");
  const DecisionRecord record = Run({{"amount", Yuan(1)}, {"goods", Value::String("food")}}, true);
  EXPECT_EQ(record.path, DecisionPath::kKillSwitch);
  EXPECT_EQ(record.outcome, "decline");
  EXPECT_EQ(Slot(record, "amount"), "0.01 CNY");
  EXPECT_EQ(Slot(record, "order_score.points"), "absent");
  ExpectDecidedAgain(record);
}

TEST_F(DecideTest, ASlotThatIsNotYetCoveredIsNullToThePolicyAndKeptAsIncomplete) {
  Use(pack::ShopPack(), "order_risk");
  const DecisionRecord record = Run({{"amount", Yuan(60'000)},
                                     {"goods", Value::String("food")},
                                     {"buyer.orders.count_1d", Value::Integer(1)},
                                     {"buyer.orders.count_1h", Value::Incomplete()}});
  EXPECT_EQ(Slot(record, "buyer.orders.count_1h"), "incomplete");
  EXPECT_EQ(Slot(record, "burst"), "absent");
  ExpectDecidedAgain(record);
}

TEST_F(DecideTest, ADecimalDecidesTheSameWithAndWithoutTrailingZeros) {
  Use(pack::ShopPack(), "order_risk");
  std::string stored;
  for (const char* weight : {"1.50", "1.5", "1.500"}) {
    const DecisionRecord record = Run({{"amount", Yuan(100)},
                                       {"goods", Value::String("food")},
                                       {"weight", Number(weight)},
                                       {"buyer.orders.count_1d", Value::Integer(1)},
                                       {"buyer.orders.count_1h", Value::Integer(1)}});
    EXPECT_EQ(record.offer, "1.5");
    if (stored.empty()) stored = Stored(record);
    EXPECT_EQ(Stored(record), stored);
    ExpectDecidedAgain(record);
  }
}

TEST_F(DecideTest, ARecordOwnsItsText) {
  DecisionRecord kept;
  {
    std::string goods = "phones and what belongs to them";
    Use(pack::ShopPack(), "order_risk");
    kept = Run({{"amount", Yuan(100)}, {"goods", Value::String(goods)}});
    goods.assign(goods.size(), '!');
  }
  std::vector<DecisionRecord> moved;
  moved.push_back(std::move(kept));
  moved.reserve(100);
  EXPECT_EQ(Slot(moved[0], "goods"), "phones and what belongs to them");
}

TEST_F(DecideTest, ARecordThatDoesNotFitThePlanIsDamage) {
  Use(pack::ShopPack(), "order_risk");
  const auto code = [&](auto change) {
    DecisionRecord record = RunOrder(1, 1);
    change(record);
    return DecideAgain(*plan_, record, scratch_.get()).status().code();
  };
  EXPECT_EQ(code([](DecisionRecord&) {}), StatusCode::kOk);
  EXPECT_EQ(code([](DecisionRecord& r) { r.pack = Sha256("another"); }), StatusCode::kDataLoss);
  EXPECT_EQ(code([](DecisionRecord& r) { r.slots[0].slot = 999; }), StatusCode::kDataLoss);
  EXPECT_EQ(code([](DecisionRecord& r) { r.slots[0].value = Value::Boolean(true); }),
            StatusCode::kDataLoss);
}

TEST_F(DecideTest, AnExplanationShowsTheWayAndChangesNothing) {
  Use(pack::ShopPack(), "order_risk");
  const DecisionRecord plain = RunOrder(4, 4);
  Explanation explanation;
  const auto again = DecideAgain(*plan_, plain, scratch_.get(), &explanation);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(Stored(*again), Stored(plain));
  std::string text;
  for (const Explanation::Step& step : explanation.steps) {
    text += step.what + " = " + step.value + " (" + step.note + ")\n";
  }
  for (const char* part : {"derived burst = 1", "derived busy = true",
                           "model order_score = ", "decision verdict = \"review\"", "rules 3"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
  }
}

}  // namespace
}  // namespace credence::decision
