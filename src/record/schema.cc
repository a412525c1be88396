#include "src/record/schema.h"

#include <array>

namespace credence::record {

namespace {
struct KindName {
  FieldKind kind;
  std::string_view name;
};
constexpr std::array<KindName, 14> kKindNames = {{{FieldKind::kKey, "key"},
                                                  {FieldKind::kString, "string"},
                                                  {FieldKind::kEnum, "enum"},
                                                  {FieldKind::kBoolean, "bool"},
                                                  {FieldKind::kInteger, "integer"},
                                                  {FieldKind::kDecimal, "decimal"},
                                                  {FieldKind::kMoney, "money"},
                                                  {FieldKind::kDuration, "duration"},
                                                  {FieldKind::kDate, "date"},
                                                  {FieldKind::kTimestamp, "timestamp"},
                                                  {FieldKind::kMobileCn, "mobile_cn"},
                                                  {FieldKind::kIdCardCn, "id_card_cn"},
                                                  {FieldKind::kBankCard, "bank_card"},
                                                  {FieldKind::kUscc, "uscc"}}};

template <class Items, class Name>
std::optional<uint32_t> IndexOf(const Items& items, const Name& name) {
  for (uint32_t i = 0; i < items.size(); ++i) {
    if (items[i].name == name) return i;
  }
  return std::nullopt;
}
}  // namespace

std::string_view FieldKindName(FieldKind kind) {
  for (const KindName& entry : kKindNames) {
    if (entry.kind == kind) return entry.name;
  }
  return "reserved";
}

std::optional<FieldKind> FieldKindFromName(std::string_view name) {
  for (const KindName& entry : kKindNames) {
    if (entry.name == name) return entry.kind;
  }
  return std::nullopt;
}

std::optional<uint32_t> EventType::FieldIndex(std::string_view field) const {
  return IndexOf(fields, field);
}

std::optional<uint32_t> Schema::EventTypeIndex(std::string_view name) const {
  return IndexOf(event_types, name);
}

std::optional<uint32_t> Schema::EntityIndex(std::string_view name) const {
  return IndexOf(entities, name);
}

}  // namespace credence::record
