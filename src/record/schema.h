#pragma once
// Schema: what a pack says about its events: entities, event types, fields, bounds. Made by `pack`,
// read by the gate, the engine and the feature plan. Immutable after it is built.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/calendar/date.h"
#include "src/money/money.h"
#include "src/record/value.h"

namespace credence::record {

// Stored in pack digests. Do not change; add at the end.
enum class FieldKind : uint8_t {
  kKey = 1,  // text of 1..kKeyBytesMax bytes that names something
  kString = 2,
  kEnum = 3,
  kBoolean = 4,
  kInteger = 5,
  kDecimal = 6,  // with a declared scale: digits after the point
  kMoney = 7,
  kDuration = 8,
  kDate = 9,
  kTimestamp = 10,
  kMobileCn = 11,  // mainland mobile number
  kIdCardCn = 12,  // GB 11643 identity number
  kBankCard = 13,  // ISO/IEC 7812, Luhn
  kUscc = 14,      // GB 32100 unified social credit code
  kGeoPoint = 15,  // reserved
  kList = 16,      // reserved
};
[[nodiscard]] std::string_view FieldKindName(
    FieldKind kind);  // as packs write it: "key", "mobile_cn", …
[[nodiscard]] std::optional<FieldKind> FieldKindFromName(std::string_view name);

enum class Grade : uint8_t { kPublic = 1, kPersonal = 2, kSensitive = 3 };
// What is kept of a personal field. The engine sees the token only; a sealed value is opened
// outside it.
enum class Protection : uint8_t { kPlain = 0, kToken = 1, kSealed = 2, kTokenAndSealed = 3 };

inline constexpr size_t kKeyBytesMax = 256;
inline constexpr size_t kStringBytesMax = 4096;  // default of a string field without `max_bytes`
inline constexpr size_t kFieldsMax = 256;        // of one event type
inline constexpr size_t kEventTypesMax = 1024;
inline constexpr size_t kEntitiesMax = 64;
inline constexpr int kDecimalScaleMax = 12;

struct FieldDecl {
  std::string name;
  FieldKind kind = FieldKind::kString;
  bool optional = false;
  int scale = 0;                         // kDecimal: digits after the point, 0..kDecimalScaleMax
  std::vector<std::string> enum_values;  // kEnum
  size_t max_bytes = kStringBytesMax;    // kString
  bool allow_negative =
      false;  // kMoney, kInteger, kDecimal, kDuration: negative values are accepted
  Grade grade = Grade::kPublic;
  Protection protection = Protection::kPlain;
};

struct EntityDecl {
  std::string name;       // "buyer"
  std::string key_field;  // "buyer_id": an event with this field touches the entity
};

// A field of an event that names an entity the event touches.
struct EntityKey {
  uint32_t entity = 0;  // index in Schema::entities
  uint32_t field = 0;   // index in EventType::fields
};

struct EventType {
  std::string name;  // "order.placed"
  std::vector<FieldDecl> fields;
  std::vector<EntityKey> keys;            // in order of the entity's index
  std::optional<uint32_t> decision;       // index in the pack's decisions: the event asks for it
  bool label = false;                     // must carry `about`: it says how something turned out
  bool reversible = false;                // may be named by `reverses` within Bounds::reversal_ns
  bool reverses = false;                  // must carry `reverses`
  std::optional<uint32_t> subject_field;  // the field that names the person whose key seals
  [[nodiscard]] std::optional<uint32_t> FieldIndex(std::string_view field) const;
};

struct Bounds {
  int64_t late_ns = 0;      // stamp - time may be at most this
  int64_t future_ns = 0;    // time - stamp may be at most this
  int64_t reversal_ns = 0;  // stamp of the reversal - stamp of the reversed event
};

struct Schema {
  std::string pack_name;
  std::vector<EntityDecl> entities;
  std::vector<EventType> event_types;
  Bounds bounds;
  Currency base_currency;
  std::string zone_name = "UTC";
  [[nodiscard]] std::optional<uint32_t> EventTypeIndex(std::string_view name) const;
  [[nodiscard]] std::optional<uint32_t> EntityIndex(std::string_view name) const;
};

}  // namespace credence::record
