#include "src/feature/plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "src/base/arena.h"
#include "src/feature/entity_state.h"

namespace credence::feature {
namespace {

using record::FieldDecl;
using record::FieldKind;
using record::SlotType;
using record::Value;

FieldDecl FieldOf(std::string name, FieldKind kind) {
  FieldDecl field;
  field.name = std::move(name);
  field.kind = kind;
  return field;
}

// Buyer and device; orders touch both, refunds the buyer only.
record::Schema ShopSchema() {
  record::Schema schema;
  schema.entities = {{"buyer", "buyer_id"}, {"device", "device_id"}};
  record::EventType order;
  order.name = "order.placed";
  FieldDecl weight = FieldOf("weight", FieldKind::kDecimal);
  weight.scale = 3;
  FieldDecl secret = FieldOf("secret", FieldKind::kString);
  secret.protection = record::Protection::kSealed;
  FieldDecl coupon = FieldOf("coupon", FieldKind::kMoney);
  coupon.optional = true;
  order.fields = {FieldOf("buyer_id", FieldKind::kKey),
                  FieldOf("device_id", FieldKind::kKey),
                  FieldOf("amount", FieldKind::kMoney),
                  weight,
                  FieldOf("paid", FieldKind::kBoolean),
                  FieldOf("due", FieldKind::kTimestamp),
                  secret,
                  coupon,
                  FieldOf("watch", FieldKind::kDuration)};
  order.keys = {{0, 0}, {1, 1}};
  record::EventType refund;
  refund.name = "order.refunded";
  refund.fields = {FieldOf("buyer_id", FieldKind::kKey), FieldOf("amount", FieldKind::kMoney)};
  refund.keys = {{0, 0}};
  schema.event_types = {order, refund};
  schema.bounds = {kNsPerDay, kNsPerMinute, kNsPerDay};
  schema.base_currency = *Currency::FromCode("CNY");
  return schema;
}

FeatureSpec SpecOf(Aggregator aggregator, std::string argument = {}) {
  FeatureSpec spec;
  spec.entity = "buyer";
  spec.from = "order.placed";
  spec.aggregator = aggregator;
  spec.argument = std::move(argument);
  spec.window_ns = 7 * kNsPerDay;
  spec.window_text = "7d";
  spec.position = {"features.yaml", 4, 9};
  return spec;
}

// The diagnostics of a plan with this one feature; empty if it was built.
std::vector<Diagnostic> Problems(const FeatureSpec& spec) {
  std::vector<Diagnostic> diagnostics;
  const std::optional<FeaturePlan> plan =
      FeaturePlan::Build(ShopSchema(), std::span(&spec, 1), &diagnostics);
  EXPECT_EQ(plan.has_value(), !HasErrors(diagnostics));
  return diagnostics;
}

std::string OnlyProblem(const FeatureSpec& spec) {
  const std::vector<Diagnostic> diagnostics = Problems(spec);
  EXPECT_EQ(diagnostics.size(), 1U);
  return diagnostics.empty() ? "" : ToString(diagnostics[0]);
}

FeaturePlan PlanOf(const std::vector<FeatureSpec>& specs) {
  std::vector<Diagnostic> diagnostics;
  std::optional<FeaturePlan> plan = FeaturePlan::Build(ShopSchema(), specs, &diagnostics);
  for (const Diagnostic& d : diagnostics) ADD_FAILURE() << ToString(d);
  CREDENCE_ASSERT(plan.has_value());
  return std::move(*plan);
}

TEST(FeatureNames, AreEntityStreamAggregatorFieldAndWindow) {
  FeatureSpec spec = SpecOf(Aggregator::kCount);
  EXPECT_EQ(SlotName(spec), "buyer.order_placed.count_7d");
  spec = SpecOf(Aggregator::kMean, "amount");
  spec.stream = "withdrawals";
  spec.prior = true;
  EXPECT_EQ(SlotName(spec), "buyer.withdrawals.prior_mean_amount_7d");
  spec = SpecOf(Aggregator::kCount);
  spec.stream = "withdrawals";
  spec.window_text = "30d";
  spec.delay_ns = 7 * kNsPerDay;
  spec.delay_text = "7d";
  EXPECT_EQ(SlotName(spec), "buyer.withdrawals.count_30d_delay_7d");
  spec = SpecOf(Aggregator::kSum, "amount - coupon");
  spec.argument_is_feel = true;
  spec.argument_as = "net_amount";
  EXPECT_EQ(SlotName(spec), "buyer.order_placed.sum_net_amount_7d");
}

TEST(FeatureNames, AggregatorsAreReadAsTheyAreWritten) {
  for (uint8_t i = 1; i <= 12; ++i) {
    const auto aggregator = static_cast<Aggregator>(i);
    EXPECT_EQ(AggregatorFromName(AggregatorName(aggregator)), aggregator);
  }
  EXPECT_EQ(AggregatorFromName("median"), std::nullopt);
  EXPECT_EQ(AggregatorFromName(""), std::nullopt);
}

TEST(FeatureDefinition, EveryPartThatCanChangeAValueChangesTheDigest) {
  std::set<std::string> digests;
  const auto add = [&](const auto& change) {
    FeatureSpec spec = SpecOf(Aggregator::kSum, "amount");
    change(&spec);
    EXPECT_TRUE(digests.insert(DefinitionDigest(spec).ToHex()).second);
  };
  add([](FeatureSpec*) {});
  add([](FeatureSpec* s) { s->entity = "device"; });
  add([](FeatureSpec* s) { s->from = "order.refunded"; });
  add([](FeatureSpec* s) { s->where = "amount > 0"; });
  add([](FeatureSpec* s) { s->aggregator = Aggregator::kMean; });
  add([](FeatureSpec* s) { s->argument = "weight"; });
  add([](FeatureSpec* s) { s->argument_is_feel = true; });
  add([](FeatureSpec* s) { s->argument_is_feel = true, s->scale = 2; });
  add([](FeatureSpec* s) { s->window_ns = 1; });
  add([](FeatureSpec* s) { s->delay_ns = 1; });
  add([](FeatureSpec* s) { s->prior = true; });
  FeatureSpec renamed = SpecOf(Aggregator::kSum, "amount");
  renamed.stream = "another";
  EXPECT_FALSE(digests.insert(DefinitionDigest(renamed).ToHex()).second);
}

TEST(FeaturePlan, SlotsHaveTheTypesOfTheirAggregators) {
  using enum Aggregator;
  const FeaturePlan plan =
      PlanOf({SpecOf(kCount), SpecOf(kSum, "amount"), SpecOf(kSum, "weight"), SpecOf(kSum, "watch"),
              SpecOf(kMean, "amount"), SpecOf(kStddev, "watch"), SpecOf(kMin, "due"),
              SpecOf(kLast, "paid"), SpecOf(kFirst, "device_id"), SpecOf(kDistinct, "device_id"),
              SpecOf(kSinceLast)});
  const std::vector<SlotType> types = {SlotType::kInteger,   SlotType::kMoney,   SlotType::kDecimal,
                                       SlotType::kDuration,  SlotType::kDecimal, SlotType::kDecimal,
                                       SlotType::kTimestamp, SlotType::kBoolean, SlotType::kString,
                                       SlotType::kInteger,   SlotType::kDuration};
  ASSERT_EQ(plan.features().size(), types.size());
  for (size_t f = 0; f < types.size(); ++f) {
    EXPECT_EQ(plan.features()[f].slot.type, types[f]) << plan.features()[f].slot.name;
    EXPECT_EQ(plan.Find(plan.features()[f].slot.name), f);
  }
  EXPECT_FALSE(plan.features()[0].slot.nullable);
  EXPECT_TRUE(plan.features()[4].slot.nullable);
  EXPECT_EQ(plan.Find("buyer.order_placed.count_8d"), std::nullopt);
}

TEST(FeaturePlan, FeaturesShareLogsSeriesAndWindows) {
  using enum Aggregator;
  std::vector<FeatureSpec> specs = {SpecOf(kSum, "amount"), SpecOf(kMean, "amount"), SpecOf(kCount),
                                    SpecOf(kMax, "amount")};
  specs[3].where = "amount > 10";
  const FeaturePlan plan = PlanOf(specs);
  const EntityPlan& buyer = plan.entity(0);
  ASSERT_EQ(buyer.logs.size(), 1U);
  EXPECT_EQ(buyer.logs[0].columns.size(), 1U);
  EXPECT_EQ(buyer.logs[0].series.size(), 3U);
  EXPECT_EQ(buyer.logs[0].groups.size(), 1U);
  EXPECT_EQ(buyer.logs[0].groups[0].windows.size(), 1U);
  EXPECT_TRUE(plan.entity(1).logs.empty());
}

TEST(FeaturePlan, UnknownNamesAreReportedWithTheNearest) {
  FeatureSpec spec = SpecOf(Aggregator::kSum, "amonut");
  EXPECT_EQ(OnlyProblem(spec),
            "features.yaml:4:9: error: event 'order.placed' has no field 'amonut' (did you mean "
            "'amount'?) [unknown-field]");
  spec = SpecOf(Aggregator::kCount);
  spec.entity = "buyr";
  EXPECT_EQ(OnlyProblem(spec),
            "features.yaml:4:9: error: there is no entity 'buyr' (did you mean 'buyer'?) "
            "[unknown-entity]");
  spec = SpecOf(Aggregator::kCount);
  spec.from = "order.place";
  EXPECT_EQ(OnlyProblem(spec),
            "features.yaml:4:9: error: there is no event type 'order.place' (did you mean "
            "'order.placed'?) [unknown-event]");
}

TEST(FeaturePlan, EventMustTouchTheEntity) {
  FeatureSpec spec = SpecOf(Aggregator::kCount);
  spec.entity = "device";
  spec.from = "order.refunded";
  EXPECT_EQ(Problems(spec).at(0).code, "event-without-entity");
}

TEST(FeaturePlan, WhereMustBeBooleanAndKnowItsNames) {
  FeatureSpec spec = SpecOf(Aggregator::kCount);
  spec.where = "amount + 1";
  spec.where_position = {"features.yaml", 5, 16};
  EXPECT_EQ(OnlyProblem(spec),
            "features.yaml:5:16: error: 'where' must be true or false, but this is of type number "
            "[where-not-boolean]");
  spec.where = "amonut > 1";
  const std::vector<Diagnostic> problems = Problems(spec);
  ASSERT_FALSE(problems.empty());
  EXPECT_EQ(problems[0].line, 5U);
  EXPECT_EQ(problems[0].column, 16U);
  EXPECT_NE(ToString(problems[0]).find("did you mean 'amount'?"), std::string::npos)
      << ToString(problems[0]);
}

TEST(FeaturePlan, ArgumentsMustFitTheirAggregators) {
  using enum Aggregator;
  EXPECT_EQ(Problems(SpecOf(kSum, "device_id")).at(0).code, "argument-type");
  EXPECT_EQ(Problems(SpecOf(kStddev, "due")).at(0).code, "argument-type");
  EXPECT_EQ(Problems(SpecOf(kMin, "paid")).at(0).code, "argument-type");
  EXPECT_TRUE(Problems(SpecOf(kMax, "device_id")).empty());
  EXPECT_TRUE(Problems(SpecOf(kDistinct, "paid")).empty());
  EXPECT_EQ(Problems(SpecOf(kLast, "secret")).at(0).code, "sealed-field");
  FeatureSpec spec = SpecOf(kSum, "amount - coupon");
  spec.argument_is_feel = true;
  spec.argument_as = "net";
  EXPECT_EQ(Problems(spec).at(0).code, "missing-scale");
  spec.scale = 13;
  EXPECT_EQ(Problems(spec).at(0).code, "scale-out-of-range");
  spec.scale = 2;
  EXPECT_TRUE(Problems(spec).empty());
  spec.argument = "[amount]";
  EXPECT_EQ(Problems(spec).at(0).code, "argument-type");
}

TEST(FeaturePlan, WindowsAndNamesAreChecked) {
  FeatureSpec spec = SpecOf(Aggregator::kCount);
  spec.window_ns = -1;
  EXPECT_EQ(Problems(spec).at(0).code, "window-out-of-range");
  spec.window_ns = 1;
  spec.delay_ns = kWindowNsMax + 1;
  EXPECT_EQ(Problems(spec).at(0).code, "window-out-of-range");
  std::vector<Diagnostic> diagnostics;
  const std::vector<FeatureSpec> twice = {SpecOf(Aggregator::kCount), SpecOf(Aggregator::kCount)};
  EXPECT_FALSE(FeaturePlan::Build(ShopSchema(), twice, &diagnostics).has_value());
  ASSERT_EQ(diagnostics.size(), 1U);
  EXPECT_EQ(diagnostics[0].code, "duplicate-feature");
}

TEST(FeaturePlan, AllErrorsAreReportedAtOnce) {
  std::vector<Diagnostic> diagnostics;
  const std::vector<FeatureSpec> specs = {SpecOf(Aggregator::kSum, "x"),
                                          SpecOf(Aggregator::kMin, "paid"),
                                          SpecOf(Aggregator::kLast, "secret")};
  EXPECT_FALSE(FeaturePlan::Build(ShopSchema(), specs, &diagnostics).has_value());
  EXPECT_EQ(diagnostics.size(), 3U);
}

record::Event OrderOf(std::span<Value> fields, int64_t amount_minor) {
  const Currency cny = *Currency::FromCode("CNY");
  fields[0] = Value::String("b1");
  fields[1] = Value::String("d1");
  fields[2] = Value::OfMoney(Money{amount_minor, cny}, amount_minor);
  fields[3] = Value::OfDecimal(*Decimal::Parse("1.250"));
  fields[4] = Value::Boolean(true);
  fields[5] = Value::OfTimestamp(Timestamp{1'700'000'000'000'000'123});
  fields[8] = Value::Duration(90 * kNsPerSecond);
  record::Event event;
  event.fields = fields;
  event.time = event.stamp = Timestamp{1'000};
  event.seq = Seq(1);
  return event;
}

TEST(Arrival, FeelArgumentsAreRoundedHalfEvenAndNullsAreAbsent) {
  FeatureSpec third = SpecOf(Aggregator::kSum, "amount / 8");
  third.argument_is_feel = true;
  third.argument_as = "eighth";
  third.scale = 2;
  FeatureSpec net = SpecOf(Aggregator::kCount, "");
  net.aggregator = Aggregator::kLast;
  net.argument = "amount - coupon";
  net.argument_is_feel = true;
  net.argument_as = "net";
  net.scale = 2;
  FeatureSpec due = SpecOf(Aggregator::kLast, "due");
  FeatureSpec watch = SpecOf(Aggregator::kMean, "watch");
  const FeaturePlan plan = PlanOf({third, net, due, watch});
  std::vector<Value> fields(9);
  Arena arena;
  EntityState state(plan, 0);
  state.Update(plan, plan.EvaluateArrival(OrderOf(fields, 1'00), &arena).value());
  std::vector<Value> out(4);
  state.Read(plan, {Timestamp{1'000}, Seq(1)}, out);
  EXPECT_EQ(out[0], Value::OfDecimal(*Decimal::Parse("0.12")));  // 0.125
  EXPECT_TRUE(out[1].absent());
  EXPECT_EQ(out[2], Value::OfTimestamp(Timestamp{1'700'000'000'000'000'123}));
  EXPECT_EQ(out[3], Value::OfDecimal(Decimal::FromInt64(90)));  // seconds
}

TEST(Arrival, ValueBeyond64BitsAtItsScaleIsRefused) {
  FeatureSpec spec = SpecOf(Aggregator::kSum, "amount * 10000000");
  spec.argument_is_feel = true;
  spec.argument_as = "huge";
  spec.scale = 12;
  const FeaturePlan plan = PlanOf({spec, SpecOf(Aggregator::kCount)});
  std::vector<Value> fields(9);
  Arena arena;
  EXPECT_TRUE(plan.EvaluateArrival(OrderOf(fields, 90), &arena).ok());
  const Result<Arrival> refused = plan.EvaluateArrival(OrderOf(fields, 1'00), &arena);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().code(), StatusCode::kOutOfRange);
  EXPECT_EQ(
      refused.status().message(),
      "feature argument 'amount * 10000000' does not fit 64 bits at 12 digits after the point");
}

TEST(Arrival, EventThatNoFilterLetsThroughBringsNoRow) {
  FeatureSpec spec = SpecOf(Aggregator::kCount);
  spec.where = "amount > 100 and paid";
  FeatureSpec device = spec;
  device.entity = "device";
  const FeaturePlan plan = PlanOf({spec, device});
  std::vector<Value> fields(9);
  Arena arena;
  EXPECT_EQ(plan.EvaluateArrival(OrderOf(fields, 100'00), &arena).value().rows.size(), 0U);
  EXPECT_EQ(plan.EvaluateArrival(OrderOf(fields, 100'01), &arena).value().rows.size(), 2U);
}

TEST(Arrival, OneEventReachesTheLogsOfAllItsEntities) {
  std::vector<FeatureSpec> specs = {SpecOf(Aggregator::kSum, "amount"),
                                    SpecOf(Aggregator::kDistinct, "device_id")};
  FeatureSpec device = SpecOf(Aggregator::kDistinct, "buyer_id");
  device.entity = "device";
  specs.push_back(device);
  const FeaturePlan plan = PlanOf(specs);
  std::vector<Value> fields(9);
  Arena arena;
  const Arrival arrival = plan.EvaluateArrival(OrderOf(fields, 5'00), &arena).value();
  EntityState buyer(plan, 0);
  EntityState of_device(plan, 1);
  buyer.Update(plan, arrival);
  of_device.Update(plan, arrival);
  std::vector<Value> out(3);
  buyer.Read(plan, {Timestamp{1'000}, Seq(1)}, out);
  of_device.Read(plan, {Timestamp{1'000}, Seq(1)}, out);
  EXPECT_EQ(out[0].base_minor(), 500);
  EXPECT_EQ(out[1], Value::Integer(1));
  EXPECT_EQ(out[2], Value::Integer(1));
}

}  // namespace
}  // namespace credence::feature
