#pragma once
// A small pack for tests that need a whole one: a shop with buyers and hosts, two decisions (one
// waits for an outside source), a scorecard, derived features, a delayed window, reversals. And
// events for it.

#include <gtest/gtest.h>

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/base/arena.h"
#include "src/pack/pack.h"
#include "src/record/event.h"

namespace credence::pack {

// TZif version 2 of a zone that never changes, `hours` east of UTC.
inline std::string FixedZone(int hours) {
  const auto big = [](uint32_t value) {
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8) {
      bytes.push_back(static_cast<char>((value >> shift) & 0xFF));
    }
    return bytes;
  };
  const auto header = [&](uint32_t chars) {
    return "TZif2" + std::string(15, '\0') + big(0) + big(0) + big(0) + big(0) + big(1) +
           big(chars);
  };
  const std::string type = big(static_cast<uint32_t>(hours * 3600)) + std::string(2, '\0');
  return header(1) + std::string(6, '\0') + std::string(1, '\0') + header(4) + type +
         std::string("ABC\0", 4) + "\nABC" + std::to_string(-hours) + "\n";
}

inline const char* const kShopPack = R"(pack: shop
version: 1
title: {en: A shop, zh: 商店}
currency: CNY
zone: Test/East
bounds: {late: 2d, future: 1h, reversal: 30d}
entities:
  buyer: {key: buyer_id}
  host: {key: host_id}
events:
  order.placed:
    fields:
      buyer_id: key
      host_id: key
      amount: money
      goods: {type: enum, values: [food, phones]}
      weight: {type: decimal, scale: 2, optional: true}
    decides: order_risk
    reversible: true
  order.cancelled: {fields: {buyer_id: key}, reverses: true}
  payment.made:
    fields: {buyer_id: key, amount: money, note: "string?"}
    reversible: true
  host.rated: {fields: {host_id: key, stars: integer, buyer_id: {type: key, optional: true}}}
  limit.asked:
    fields: {buyer_id: key, months: integer}
    decides: credit_limit
models:
  order_score:
    file: models/order_score.pmml
    probability_of_default: {points: 600, odds: 30, points_to_double_odds: 20}
sources:
  bureau: {fields: {score: decimal, listed: bool, grade: string}}
decisions:
  order_risk:
    policy: order_risk
    models: [order_score]
    outcomes: [approve, review, decline]
    fallback: review
    kill_switch: decline
    model_reasons: 2
  credit_limit:
    policy: credit_limit
    outcomes: [approve, decline, review]
    fallback: review
    kill_switch: decline
)";

inline const char* const kShopFeatures = R"(features:
  buyer:
    - from: order.placed
      as: orders
      windows: [1h, 1d, all]
      compute: [count, sum(amount), mean(amount), stddev(amount), max(amount), min(weight),
                distinct(goods), last(goods), last(weight), since_last, prior.count, prior.max(amount)]
    - from: payment.made
      as: payments
      where: amount > 10
      windows: [1d, 7d]
      compute: [count, sum(amount), first(amount), distinct(note)]
    - from: payment.made
      as: old_payments
      delay: 1d
      windows: [2d]
      compute: [count, sum(amount)]
  host:
    - from: order.placed
      as: sales
      windows: [1h, 1d]
      compute: [count, sum(amount), distinct(buyer_id)]
    - from: host.rated
      windows: [all]
      compute: [count, mean(stars)]
derived:
  busy: burst > 0.5 and host.sales.count_1h > 2
  burst: buyer.orders.count_1h / max(buyer.orders.count_1d, 4)
  weight_text: if weight = null then "none" else string(weight)
)";

inline std::string ShopModel() {
  const auto field = [](const std::string& name, const char* type) {
    const std::string optype = std::string(type) == "string" ? "categorical" : "continuous";
    return "<DataField name=\"" + name + "\" optype=\"" + optype + "\" dataType=\"" + type +
           "\"/>\n";
  };
  const auto part = [](const char* name, const char* code, const char* baseline,
                       const std::string& attributes) {
    return "<Characteristic name=\"" + std::string(name) + "\" reasonCode=\"" + code +
           "\" baselineScore=\"" + baseline + "\">\n" + attributes + "</Characteristic>\n";
  };
  const auto attribute = [](const char* points, const char* field_name, const char* op,
                            const char* value) {
    return "<Attribute partialScore=\"" + std::string(points) + "\"><SimplePredicate field=\"" +
           field_name + "\" operator=\"" + op + "\" value=\"" + value + "\"/></Attribute>\n";
  };
  const std::string otherwise = "<Attribute partialScore=\"20\"><True/></Attribute>\n";
  return "<PMML xmlns=\"http://www.dmg.org/PMML-4_4\" version=\"4.4\">\n<DataDictionary>\n" +
         field("buyer.orders.count_1d", "integer") + field("goods", "string") +
         field("burst", "double") +
         "</DataDictionary>\n"
         "<Scorecard functionName=\"regression\" initialScore=\"540\" useReasonCodes=\"true\" "
         "reasonCodeAlgorithm=\"pointsBelow\">\n<MiningSchema>\n"
         "<MiningField name=\"buyer.orders.count_1d\"/>\n<MiningField name=\"goods\"/>\n"
         "<MiningField name=\"burst\"/>\n</MiningSchema>\n<Characteristics>\n" +
         part("orders", "MANY_ORDERS", "30",
              attribute("5", "buyer.orders.count_1d", "greaterThan", "3") + otherwise) +
         part("goods", "RISKY_GOODS", "25",
              attribute("0", "goods", "equal", "phones") + otherwise) +
         part("burst", "BURST", "20", attribute("-10", "burst", "greaterThan", "0.7") + otherwise) +
         "</Characteristics>\n</Scorecard>\n</PMML>\n";
}

// Input data of these names and types.
inline std::string DmnInputs(
    std::initializer_list<std::pair<const char*, const char*>> names_and_types) {
  std::string text;
  for (const auto& [name, type] : names_and_types) {
    text += "<inputData id=\"i." + std::string(name) + "\" name=\"" + name +
            "\"><variable name=\"" + name + "\" typeRef=\"" + type + "\"/></inputData>\n";
  }
  return text;
}

inline std::string DmnDecision(const std::string& name, const std::string& type,
                               std::initializer_list<const char*> inputs,
                               std::initializer_list<const char*> decisions,
                               const std::string& logic) {
  std::string text = "<decision id=\"d." + name + "\" name=\"" + name + "\"><variable name=\"" +
                     name + "\" typeRef=\"" + type + "\"/>\n";
  for (const std::string input : inputs) {
    text += "<informationRequirement><requiredInput href=\"#i." + input +
            "\"/></informationRequirement>\n";
  }
  for (const std::string decision : decisions) {
    text += "<informationRequirement><requiredDecision href=\"#d." + decision +
            "\"/></informationRequirement>\n";
  }
  return text + logic + "</decision>\n";
}

inline std::string DmnText(const std::string& expression) {
  return "<literalExpression><text>" + expression + "</text></literalExpression>\n";
}

// Columns by their expression; rows of one text per column, the last of them the output.
inline std::string DmnTable(const char* hit_policy,
                            std::initializer_list<std::pair<const char*, const char*>> columns,
                            const char* output_type,
                            std::initializer_list<std::vector<std::string>> rows) {
  std::string text = "<decisionTable hitPolicy=\"" + std::string(hit_policy) + "\">\n";
  for (const auto& [expression, type] : columns) {
    text += "<input><inputExpression typeRef=\"" + std::string(type) + "\"><text>" + expression +
            "</text></inputExpression></input>\n";
  }
  text += "<output typeRef=\"" + std::string(output_type) + "\"/>\n";
  for (const std::vector<std::string>& row : rows) {
    text += "<rule>";
    for (size_t i = 0; i + 1 < row.size(); ++i) {
      text += "<inputEntry><text>" + row[i] + "</text></inputEntry>";
    }
    text += "<outputEntry><text>" + row.back() + "</text></outputEntry></rule>\n";
  }
  return text + "</decisionTable>\n";
}

inline const char* const kCreditLimit =
    R"(if bureau.status = null then {needs: "bureau"}
       else if bureau.status != "ok" then "review"
       else {outcome: if bureau.listed then "decline" else "approve", limit: bureau.score * 10.005,
             offer: bureau.grade, reasons: if bureau.listed then ["LISTED", null] else []})";

inline std::string ShopPolicy() {
  return "<definitions xmlns=\"https://www.omg.org/spec/DMN/20230324/MODEL/\" name=\"shop\" "
         "namespace=\"urn:shop\">\n" +
         DmnInputs({{"amount", "number"},
                    {"busy", "boolean"},
                    {"weight_text", "string"},
                    {"months", "number"},
                    {"buyer.payments.count_7d", "number"},
                    {"buyer.orders.sum_amount_all", "number"},
                    {"buyer.old_payments.count_2d_delay_1d", "number"},
                    {"order_score.probability_of_default", "number"},
                    {"bureau.status", "string"},
                    {"bureau.score", "number"},
                    {"bureau.listed", "boolean"},
                    {"bureau.grade", "string"}}) +
         DmnDecision("verdict", "string", {"amount", "busy", "order_score.probability_of_default"},
                     {},
                     DmnTable("FIRST",
                              {{"order_score.probability_of_default", "number"},
                               {"amount", "number"},
                               {"busy", "boolean"}},
                              "string",
                              {{"&gt; 0.5", "-", "-", "\"decline\""},
                               {"-", "&gt; 900", "-", "\"review\""},
                               {"-", "-", "true", "\"review\""},
                               {"-", "-", "-", "\"approve\""}})) +
         DmnDecision(
             "causes", "Any",
             {"amount", "busy", "buyer.payments.count_7d", "buyer.old_payments.count_2d_delay_1d"},
             {},
             DmnTable("COLLECT",
                      {{"amount", "number"},
                       {"busy", "boolean"},
                       {"buyer.payments.count_7d", "number"},
                       {"buyer.old_payments.count_2d_delay_1d", "number"}},
                      "string",
                      {{"&gt; 500", "-", "-", "-", "\"LARGE\""},
                       {"-", "true", "-", "-", "\"BURST\""},
                       {"-", "-", "0", "0", "\"NEVER_PAID\""}})) +
         DmnDecision("order_risk", "Any", {"amount", "weight_text", "buyer.orders.sum_amount_all"},
                     {"verdict", "causes"},
                     DmnText("{outcome: verdict, reasons: causes, limit: amount / 3, offer: "
                             "weight_text}")) +
         DmnDecision("credit_limit", "Any",
                     {"months", "bureau.status", "bureau.score", "bureau.listed", "bureau.grade"},
                     {}, DmnText(kCreditLimit)) +
         "</definitions>\n";
}

inline FileSet ShopFiles() {
  FileSet files;
  files["pack.yaml"] = kShopPack;
  files["features.yaml"] = kShopFeatures;
  files["policy.dmn"] = ShopPolicy();
  files["models/order_score.pmml"] = ShopModel();
  files["texts.en.yaml"] =
      "outcomes: {approve: Approved, review: Looked at by a person, decline: Declined}\n"
      "reasons: {LARGE: A large order., BURST: Many orders at once., NEVER_PAID: Nothing was paid "
      "yet., LISTED: Listed by the bureau., MANY_ORDERS: Many orders in a day., RISKY_GOODS: Goods "
      "that are often resold.}\n";
  files["texts.zh.yaml"] =
      "outcomes: {approve: 通过, review: 人工审核, decline: 拒绝}\n"
      "reasons: {LARGE: 金额较大, BURST: 短时间内下单过多, NEVER_PAID: 尚无付款记录, LISTED: "
      "征信有不良记录, MANY_ORDERS: 一天内订单过多, RISKY_GOODS: 易转卖商品}\n";
  files["tzdata/Test/East"] = FixedZone(8);
  return files;
}

// Replaces `from`, which must be there, in one file.
inline void Edit(FileSet* files, const std::string& file, std::string_view from,
                 std::string_view to) {
  std::string& text = files->at(file);
  const size_t at = text.find(from);
  ASSERT_NE(at, std::string::npos) << file << " has no " << from;
  text.replace(at, from.size(), to);
}

inline std::shared_ptr<const Pack> MustLoad(FileSet files) {
  std::vector<Diagnostic> diagnostics;
  auto pack = Load(std::move(files), "shop", nullptr, &diagnostics);
  std::string all;
  for (const Diagnostic& diagnostic : diagnostics) all += ToString(diagnostic) + "\n";
  EXPECT_NE(pack, nullptr) << all;
  return pack;
}

inline std::shared_ptr<const Pack> ShopPack() {
  static const std::shared_ptr<const Pack> kPack = MustLoad(ShopFiles());
  return kPack;
}

using NamedFields = std::vector<std::pair<std::string_view, record::Value>>;

// Money of the base currency, in minor units.
inline record::Value Yuan(int64_t minor) {
  return record::Value::OfMoney(Money{minor, *Currency::FromCode("CNY")}, minor);
}

struct EventText {
  std::string_view type;
  std::string_view id;
  Timestamp time;
  NamedFields fields;
  std::string_view reverses = {};
  std::string_view source = "shop";
};

// An event as the gate makes it. All text is copied into the arena.
inline record::Event MakeEvent(const Pack& pack, const EventText& text, Arena* arena) {
  record::Event event;
  const auto type = pack.schema.EventTypeIndex(text.type);
  EXPECT_TRUE(type.has_value()) << text.type;
  event.type = type.value_or(0);
  event.source = arena->Copy(text.source);
  event.id = arena->Copy(text.id);
  event.time = text.time;
  event.reverses = arena->Copy(text.reverses);
  const record::EventType& decl = pack.schema.event_types[event.type];
  const auto fields = arena->NewArray<record::Value>(decl.fields.size());
  for (const auto& [name, value] : text.fields) {
    const auto field = decl.FieldIndex(name);
    if (!field) {
      ADD_FAILURE() << text.type << " has no field " << name;
      continue;
    }
    fields[*field] = value.kind() == record::ValueKind::kString
                         ? record::Value::String(arena->Copy(value.text()))
                         : value;
  }
  event.fields = fields;
  event.digest = record::ContentDigest(event, pack.schema);
  return event;
}

}  // namespace credence::pack
