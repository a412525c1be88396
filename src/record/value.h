#pragma once
// Value: one field or slot value in the engine's own vocabulary. Trivially copyable; text is a view
// whose owner is named wherever values are kept (an Arena, a journal frame, an entity's own
// storage). There is no float: money is minor units, everything fractional is a Decimal.

#include <cstdint>
#include <string>
#include <string_view>

#include "src/base/assert.h"
#include "src/base/bytes.h"
#include "src/base/digest.h"
#include "src/calendar/date.h"
#include "src/money/decimal.h"
#include "src/money/money.h"

namespace credence::record {

// Stored. Do not change; add at the end.
enum class ValueKind : uint8_t {
  kAbsent = 0,  // an optional field that was not sent; an empty window's mean
  kBoolean = 1,
  kInteger = 2,  // int64
  kDecimal = 3,
  kMoney = 4,     // minor units and currency, as sent
  kString = 5,    // valid UTF-8; keys and enum values too
  kDuration = 6,  // int64 nanoseconds
  kDate = 7,
  kTimestamp = 8,
  kToken = 9,        // 16 bytes: HMAC of a personal value, never its text
  kIncomplete = 10,  // a slot whose history is not yet covered
  // 11 geo point and 12 list are reserved.
};

class Value {
 public:
  Value() : kind_(ValueKind::kAbsent), integer_(0) {}
  static Value Absent() { return {}; }
  static Value Incomplete() { return Value(ValueKind::kIncomplete, 0); }
  static Value Boolean(bool value) { return Value(ValueKind::kBoolean, value ? 1 : 0); }
  static Value Integer(int64_t value) { return Value(ValueKind::kInteger, value); }
  static Value Duration(int64_t ns) { return Value(ValueKind::kDuration, ns); }
  static Value OfDate(Date date) { return Value(ValueKind::kDate, date.days); }
  static Value OfTimestamp(Timestamp time) { return Value(ValueKind::kTimestamp, time.ns); }
  static Value OfDecimal(Decimal value);
  // `base_minor` is the same amount in the pack's base currency (equal to amount.minor where that
  // is it).
  static Value OfMoney(Money amount, int64_t base_minor);
  static Value String(std::string_view text);  // a view: the caller keeps the text
  static Value Token(std::string_view raw);    // a view of 16 bytes
  static constexpr size_t kTokenBytes = 16;

  [[nodiscard]] ValueKind kind() const { return kind_; }
  [[nodiscard]] bool absent() const { return kind_ == ValueKind::kAbsent; }
  // Each reads one kind and asserts it.
  [[nodiscard]] bool boolean() const { return Is(ValueKind::kBoolean), integer_ != 0; }
  [[nodiscard]] int64_t integer() const { return Is(ValueKind::kInteger), integer_; }
  [[nodiscard]] int64_t duration_ns() const { return Is(ValueKind::kDuration), integer_; }
  [[nodiscard]] Date date() const { return Is(ValueKind::kDate), Date{integer_}; }
  [[nodiscard]] Timestamp timestamp() const {
    return Is(ValueKind::kTimestamp), Timestamp{integer_};
  }
  [[nodiscard]] Decimal decimal() const { return Is(ValueKind::kDecimal), decimal_; }
  [[nodiscard]] Money money() const {
    return Is(ValueKind::kMoney), Money{money_.minor, currency_};
  }
  [[nodiscard]] int64_t base_minor() const { return Is(ValueKind::kMoney), money_.base_minor; }
  [[nodiscard]] std::string_view text() const;  // kString or kToken

  // Same kind and same content; Decimals compare as numbers.
  friend bool operator==(const Value& a, const Value& b);

 private:
  Value(ValueKind kind, int64_t integer) : kind_(kind), integer_(integer) {}
  void Is(ValueKind kind) const { CREDENCE_ASSERT(kind_ == kind); }

  ValueKind kind_;
  Currency currency_;
  union {
    int64_t integer_;
    Decimal decimal_;
    struct {
      int64_t minor;
      int64_t base_minor;
    } money_;
    struct {
      const char* data;
      size_t size;
    } text_;
  };
};
static_assert(sizeof(Value) == 32);

inline Value Value::OfDecimal(Decimal value) {
  CREDENCE_ASSERT(value.IsFinite());
  Value made;
  made.kind_ = ValueKind::kDecimal;
  made.decimal_ = value;
  return made;
}

// For people: "12.50 CNY", "2024-02-29", "absent". Tokens as "token:" and their first 4 bytes in
// hex.
[[nodiscard]] std::string ToString(const Value& value);

// Stored form: kind byte, then the content (docs/formats/record.md).
void EncodeValue(const Value& value, ByteWriter* out);
// Views point into the reader's bytes. Fails the reader on an unknown kind or a non-canonical
// content.
[[nodiscard]] Value DecodeValue(ByteReader* in);

}  // namespace credence::record
