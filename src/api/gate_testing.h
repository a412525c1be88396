#pragma once
// A schema with a field of every type, and events of it, for the tests and fuzzers of this folder.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/record/schema.h"

namespace credence::api {

inline record::Schema TestingSchema() {
  using record::FieldDecl;
  using record::FieldKind;
  record::Schema schema;
  schema.pack_name = "testing";
  schema.base_currency = *Currency::FromCode("CNY");
  schema.entities = {{"buyer", "buyer_id"}};
  record::EventType all;
  all.name = "all.fields";
  const auto add = [&](std::string name, FieldKind kind, bool optional = true) -> FieldDecl& {
    FieldDecl field;
    field.name = std::move(name);
    field.kind = kind;
    field.optional = optional;
    all.fields.push_back(std::move(field));
    return all.fields.back();
  };
  const auto personal = [&](std::string name, FieldKind kind, record::Protection protection) {
    FieldDecl& field = add(std::move(name), kind);
    field.grade = record::Grade::kPersonal;
    field.protection = protection;
  };
  add("buyer_id", FieldKind::kKey, false);
  add("note", FieldKind::kString).max_bytes = 40;
  add("channel", FieldKind::kEnum).enum_values = {"app", "web"};
  add("vip", FieldKind::kBoolean);
  add("items", FieldKind::kInteger);
  add("delta", FieldKind::kInteger).allow_negative = true;
  add("share", FieldKind::kDecimal).scale = 4;
  add("amount", FieldKind::kMoney);
  add("balance", FieldKind::kMoney).allow_negative = true;
  add("watch", FieldKind::kDuration);
  add("drift", FieldKind::kDuration).allow_negative = true;
  add("birthday", FieldKind::kDate);
  add("seen_at", FieldKind::kTimestamp);
  personal("mobile", FieldKind::kMobileCn, record::Protection::kTokenAndSealed);
  personal("id_card", FieldKind::kIdCardCn, record::Protection::kTokenAndSealed);
  personal("card", FieldKind::kBankCard, record::Protection::kToken);
  personal("firm", FieldKind::kUscc, record::Protection::kToken);
  personal("address", FieldKind::kString, record::Protection::kSealed);
  personal("income", FieldKind::kMoney, record::Protection::kToken);
  all.keys = {{0, 0}};
  all.subject_field = 0;
  record::EventType label;
  label.name = "label.known";
  label.label = true;
  record::EventType reversal;
  reversal.name = "all.reversed";
  reversal.reverses = true;
  schema.event_types = {std::move(all), std::move(label), std::move(reversal)};
  return schema;
}

// An event of the type all.fields with this text as the members of data.
inline std::string TestingEvent(std::string_view members) {
  return R"({"specversion":"1.0","id":"e-1","source":"shop","type":"all.fields",)"
         R"("time":"2024-05-01T08:00:00Z","data":{"buyer_id":"b-1")" +
         std::string(members.empty() ? "" : ",") + std::string(members) + "}}";
}

}  // namespace credence::api
