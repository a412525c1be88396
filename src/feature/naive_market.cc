#include <utility>

#include "src/base/assert.h"
#include "src/feature/test_market.h"

namespace credence::feature {
namespace {

using record::FieldDecl;
using record::FieldKind;
using record::Value;

FieldDecl FieldOf(std::string name, FieldKind kind, bool optional = false) {
  FieldDecl field;
  field.name = std::move(name);
  field.kind = kind;
  field.optional = optional;
  field.allow_negative = true;
  return field;
}

std::string Unique(const FeatureSpec& spec) {
  std::string name = spec.where;
  for (char& c : name) {
    if ((c < 'a' || c > 'z') && (c < '0' || c > '9')) c = '_';
  }
  return "s" + name;
}

}  // namespace

record::Schema MarketSchema() {
  record::Schema schema;
  schema.pack_name = "market";
  schema.entities = {{"account", "account_id"}};
  record::EventType paid;
  paid.name = "paid";
  FieldDecl kind = FieldOf("kind", FieldKind::kEnum);
  kind.enum_values = {"a", "b", "c"};
  FieldDecl share = FieldOf("share", FieldKind::kDecimal, true);
  share.scale = 2;
  FieldDecl phone = FieldOf("phone", FieldKind::kMobileCn, true);
  phone.protection = record::Protection::kToken;
  paid.fields = {FieldOf("account_id", FieldKind::kKey),
                 FieldOf("amount", FieldKind::kMoney),
                 kind,
                 FieldOf("note", FieldKind::kString, true),
                 share,
                 FieldOf("watch", FieldKind::kDuration, true),
                 FieldOf("day", FieldKind::kDate, true),
                 phone};
  paid.keys = {{0, 0}};
  paid.reversible = true;
  record::EventType seen;
  seen.name = "seen";
  seen.fields = {FieldOf("account_id", FieldKind::kKey)};
  seen.keys = {{0, 0}};
  schema.event_types = {paid, seen};
  schema.bounds = {60, 20, 1'000'000};
  schema.base_currency = *Currency::FromCode("CNY");
  return schema;
}

FeatureSpec SpecOf(Aggregator aggregator, std::string argument, std::string where, int64_t window,
                   int64_t delay, bool prior) {
  FeatureSpec spec;
  spec.entity = "account";
  spec.from = "paid";
  spec.where = std::move(where);
  spec.stream = Unique(spec);
  spec.aggregator = aggregator;
  spec.argument_is_feel = argument == "amount - share";
  if (spec.argument_is_feel) {
    spec.scale = 2;
    spec.argument_as = "net";
  }
  spec.argument = std::move(argument);
  spec.window_ns = window;
  spec.window_text = window == 0 ? "all" : DurationToString(window);
  spec.delay_ns = delay;
  if (delay != 0) spec.delay_text = DurationToString(delay);
  spec.prior = prior;
  return spec;
}

std::vector<FeatureSpec> AllSpecs() {
  using enum Aggregator;
  const std::vector<std::pair<Aggregator, std::vector<std::string>>> arguments = {
      {kCount, {""}},
      {kSum, {"amount", "share", "watch", "amount - share"}},
      {kMean, {"amount", "share", "watch", "amount - share"}},
      {kMin, {"amount", "note", "day"}},
      {kMax, {"amount", "note", "share"}},
      {kVariance, {"amount", "share"}},
      {kStddev, {"amount", "watch"}},
      {kFirst, {"amount", "kind", "note", "phone"}},
      {kLast, {"amount", "kind", "day", "phone"}},
      {kDistinct, {"amount", "kind", "note", "phone"}},
      {kSinceFirst, {""}},
      {kSinceLast, {""}}};
  struct Shape {
    int64_t window;
    int64_t delay;
    bool prior;
  };
  const std::vector<Shape> shapes = {{7, 0, false}, {40, 0, false},  {150, 0, false}, {40, 0, true},
                                     {7, 0, true},  {40, 25, false}, {150, 3, false}};
  std::vector<FeatureSpec> specs;
  for (const auto& [aggregator, names] : arguments) {
    for (const std::string& name : names) {
      for (const Shape& shape : shapes) {
        specs.push_back(SpecOf(aggregator, name, "", shape.window, shape.delay, shape.prior));
      }
      specs.push_back(SpecOf(aggregator, name, "amount > 0", 40));
      specs.push_back(SpecOf(aggregator, name, "kind = \"b\"", 150));
      specs.push_back(SpecOf(aggregator, name, "kind = \"b\"", 40, 0, true));
    }
  }
  return specs;
}

std::vector<FeatureSpec> FewSpecs() {
  using enum Aggregator;
  std::vector<FeatureSpec> specs;
  for (const std::string& where : {std::string(), std::string("amount > 0")}) {
    for (const auto& [delay, prior] : {std::pair<int64_t, bool>{0, false}, {0, true}, {2, false}}) {
      for (Aggregator aggregator : {kCount, kSinceFirst, kSinceLast}) {
        specs.push_back(SpecOf(aggregator, "", where, 3, delay, prior));
      }
      for (Aggregator aggregator : {kSum, kMin, kMax, kFirst, kLast, kDistinct}) {
        specs.push_back(SpecOf(aggregator, "amount", where, 3, delay, prior));
      }
      specs.push_back(SpecOf(kMax, "amount", where, 5, delay, prior));
      specs.push_back(SpecOf(kDistinct, "amount", where, 5, delay, prior));
    }
  }
  return specs;
}

void TeachNaive(NaiveWindow* naive) {
  naive->filters["amount > 0"] = [](const NaiveWindow::Kept& event) {
    return event.fields[kAmount].base_minor() > 0;
  };
  naive->filters["kind = \"b\""] = [](const NaiveWindow::Kept& event) {
    return event.fields[kKind].text() == "b";
  };
  naive->arguments["amount - share"] = [](const NaiveWindow::Kept& event) {
    if (event.fields[kShare].absent()) return Value::Absent();
    return Value::OfDecimal(Decimal::FromScaled(event.fields[kAmount].base_minor(), -2) -
                            event.fields[kShare].decimal());
  };
}

FeaturePlan MarketPlan(const std::vector<FeatureSpec>& specs, const Tuning& tuning) {
  std::vector<Diagnostic> diagnostics;
  std::optional<FeaturePlan> plan = FeaturePlan::Build(MarketSchema(), specs, &diagnostics, tuning);
  for (const Diagnostic& diagnostic : diagnostics) {
    CREDENCE_ASSERT(diagnostic.severity != Severity::kError);
  }
  CREDENCE_ASSERT(plan.has_value());
  return std::move(*plan);
}

record::Event MakePaid(Random* random, Arena* arena) {
  static const Currency kCny = *Currency::FromCode("CNY");
  static constexpr std::string_view kKinds[] = {"a", "b", "c"};
  record::Event event;
  event.type = 0;
  const std::span<Value> fields = arena->NewArray<Value>(kPaidFields);
  const int64_t amount = random->OneIn(20) ? random->Between(-1'000'000'000'000, 1'000'000'000'000)
                                           : random->Between(-4, 9);
  fields[kAccount] = Value::String("7");
  fields[kAmount] = Value::OfMoney(Money{amount, kCny}, amount);
  fields[kKind] = Value::String(kKinds[random->Below(3)]);
  if (!random->OneIn(3)) {
    fields[kNote] = Value::String(arena->Copy("note number " + std::to_string(random->Below(30))));
  }
  if (!random->OneIn(4)) {
    fields[kShare] = Value::OfDecimal(Decimal::FromScaled(random->Between(-500, 500), -2));
  }
  if (!random->OneIn(4)) fields[kWatch] = Value::Duration(random->Between(0, 90'000'000'000));
  if (!random->OneIn(4)) fields[kDay] = Value::OfDate(Date{random->Between(19'000, 19'010)});
  if (!random->OneIn(4)) {
    fields[kPhone] =
        Value::Token(arena->Copy("token-------" + std::to_string(1000 + random->Below(9))));
  }
  event.fields = fields;
  return event;
}

record::Event MakeSeen(Arena* arena) {
  record::Event event;
  event.type = 1;
  const std::span<Value> fields = arena->NewArray<Value>(1);
  fields[0] = Value::String("7");
  event.fields = fields;
  return event;
}

}  // namespace credence::feature
