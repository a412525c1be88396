#include "src/record/slot.h"

namespace credence::record {

std::optional<uint32_t> SlotTable::Add(SlotDecl slot) {
  const auto index = static_cast<uint32_t>(slots_.size());
  if (!by_name_.emplace(slot.name, index).second) return std::nullopt;
  slots_.push_back(std::move(slot));
  return index;
}

std::optional<uint32_t> SlotTable::Find(std::string_view name) const {
  const auto found = by_name_.find(std::string(name));
  if (found == by_name_.end()) return std::nullopt;
  return found->second;
}

SlotType SlotTypeOf(const FieldDecl& field) {
  if (field.protection != Protection::kPlain) return SlotType::kToken;
  switch (field.kind) {
    case FieldKind::kBoolean:
      return SlotType::kBoolean;
    case FieldKind::kInteger:
      return SlotType::kInteger;
    case FieldKind::kDecimal:
      return SlotType::kDecimal;
    case FieldKind::kMoney:
      return SlotType::kMoney;
    case FieldKind::kDuration:
      return SlotType::kDuration;
    case FieldKind::kDate:
      return SlotType::kDate;
    case FieldKind::kTimestamp:
      return SlotType::kTimestamp;
    case FieldKind::kKey:
    case FieldKind::kString:
    case FieldKind::kEnum:
    case FieldKind::kMobileCn:
    case FieldKind::kIdCardCn:
    case FieldKind::kBankCard:
    case FieldKind::kUscc:
    case FieldKind::kGeoPoint:
    case FieldKind::kList:
      return SlotType::kString;
  }
  CREDENCE_UNREACHABLE();
}

}  // namespace credence::record
