#pragma once
// Value: what a FEEL expression works on. 24 bytes, trivially copyable, passed and returned by
// value.
//
// Numbers, booleans, dates, times and durations live inside the value. Strings, lists, contexts,
// ranges and functions point to memory that somebody else owns: the arena of the evaluation, the
// compiled expression (constants), or the caller (slots). A value is good for as long as that
// memory is; DeepCopy() moves one into another arena.
//
// Null carries why it is null: a code and a text. FEEL has no exceptions: every wrong argument,
// type, name or overflow is a null.
//
// Standard: OMG DMN 1.5, chapter 10 (FEEL).

#include <bit>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "src/base/arena.h"
#include "src/base/int128.h"
#include "src/calendar/date.h"
#include "src/calendar/zone.h"
#include "src/money/decimal.h"

namespace credence::feel {

enum class Kind : uint8_t {
  kNull = 0,
  kNumber = 1,
  kBoolean = 2,
  kString = 3,
  kDate = 4,
  kTime = 5,
  kDateTime = 6,
  kDaysDuration = 7,   // days and time duration
  kYearsDuration = 8,  // years and months duration
  kList = 9,
  kContext = 10,
  kRange = 11,
  kFunction = 12,
};
// "number", "days and time duration", …
[[nodiscard]] std::string_view KindName(Kind kind);

// Why a value is null. Stored in traces: do not change numbers.
enum class NullReason : uint8_t {
  kNone = 0,         // a null that the author wrote or that came as input
  kUnknownName = 1,  // no variable, member or function of this name
  kType = 2,         // an operand or argument has the wrong type
  kArity = 3,        // wrong number or names of arguments
  kArgument = 4,     // the right type, but a value that is not allowed
  kArithmetic = 5,   // division by zero, overflow, not representable
  kNullOperand = 6,  // an operand or argument is null
  kNotFound = 7,     // no such index, key or item
  kCoercion = 8,     // the value does not conform to the declared type
  kParse = 9,        // a text that is not what it was asked to be (date, number, pattern)
  kLimit = 10,       // a limit of the evaluation was met
  kExternal = 11,    // an external function, which this engine does not run
  kNoRule = 12,      // a decision table without a matching rule (or with too many)
  kMissing = 13,     // an input was not given
};
// "type", "unknown-name", …
[[nodiscard]] std::string_view NullReasonName(NullReason reason);

// The zone part of a time or date-time.
struct ZoneRef {
  enum class Form : uint8_t { kLocal = 0, kOffset = 1, kNamed = 2 };
  Form form = Form::kLocal;
  int32_t offset_seconds = 0;  // kOffset: seconds east of UTC ("Z" is 0)
  const Zone* zone = nullptr;  // kNamed
  bool later = false;          // kNamed: the second of two instants with one wall-clock time

  static ZoneRef Local() { return {}; }
  static ZoneRef Offset(int32_t seconds) { return {Form::kOffset, seconds, nullptr, false}; }
  static ZoneRef Utc() { return Offset(0); }
  static ZoneRef Named(const Zone* zone, bool later = false) {
    return {Form::kNamed, 0, zone, later};
  }
};

struct TimeOfDay {
  int64_t ns_of_day = 0;  // 0 .. 86,399,999,999,999
  ZoneRef zone;
};

struct DateTime {
  int64_t local_seconds = 0;  // wall clock, seconds since 1970-01-01T00:00:00 of its own zone
  uint32_t ns = 0;
  ZoneRef zone;
};

class Value;
struct Entry;      // name and value of a context
struct RangeData;  // bounds of a range
class Callable;    // function.h

class Value {
 public:
  // Null without a reason.
  constexpr Value() = default;

  static Value Null(NullReason reason = NullReason::kNone) {
    Value v;
    v.flags_ = static_cast<uint8_t>(reason);
    return v;
  }
  // `text` is not copied: a literal, or in memory that lives as long as the value.
  static Value Null(NullReason reason, std::string_view text) {
    Value v = Null(reason);
    v.SetBytes(text);
    return v;
  }
  // A number that is not finite becomes a null.
  static Value Number(Decimal number) {
    Value v(Kind::kNumber);
    const auto words = std::bit_cast<Words>(number);
    v.a_ = words.low;
    v.b_ = words.high;
    if ((words.high & kSpecialMask) == kSpecialMask) return NotFinite();
    return v;
  }
  static Value Integer(int64_t number) {
    Value v(Kind::kNumber);
    const bool negative = number < 0;
    v.a_ = negative ? 0 - static_cast<uint64_t>(number) : static_cast<uint64_t>(number);
    v.b_ = kExponentZero | (negative ? kSignBit : 0);
    return v;
  }
  static Value Boolean(bool boolean) {
    Value v(Kind::kBoolean);
    v.a_ = boolean ? 1 : 0;
    return v;
  }
  // Well-formed UTF-8, at most 4 GiB; not copied.
  static Value String(std::string_view text) {
    Value v(Kind::kString);
    v.SetBytes(text);
    return v;
  }
  static Value FromDate(Date date) {
    Value v(Kind::kDate);
    v.a_ = static_cast<uint64_t>(date.days);
    return v;
  }
  static Value FromTime(TimeOfDay time) {
    Value v(Kind::kTime);
    v.a_ = static_cast<uint64_t>(time.ns_of_day);
    v.SetZone(time.zone);
    return v;
  }
  static Value FromDateTime(DateTime date_time) {
    Value v(Kind::kDateTime);
    v.a_ = static_cast<uint64_t>(date_time.local_seconds);
    v.size_ = date_time.ns;
    v.SetZone(date_time.zone);
    return v;
  }
  // A date-time in UTC ("…Z").
  static Value FromTimestamp(Timestamp timestamp);
  // A date-time on the wall clock of `zone`, which must outlive the value; null means UTC.
  static Value FromTimestamp(Timestamp timestamp, const Zone* zone);
  // Days and time duration.
  static Value Duration(Int128 ns) {
    Value v(Kind::kDaysDuration);
    v.a_ = static_cast<uint64_t>(static_cast<UInt128>(ns));
    v.b_ = static_cast<uint64_t>(static_cast<UInt128>(ns) >> 64);
    return v;
  }
  static Value Months(int64_t months) {
    Value v(Kind::kYearsDuration);
    v.a_ = static_cast<uint64_t>(months);
    return v;
  }
  // The array is not copied (ListOf in arena: CopyList below).
  static Value List(std::span<const Value> items);
  // Entries in order; names are unique (the caller sees to it). The array is not copied.
  static Value Context(std::span<const Entry> entries);
  static Value Range(const RangeData* range) {
    Value v(Kind::kRange);
    v.a_ = reinterpret_cast<uintptr_t>(range);
    return v;
  }
  static Value Function(const Callable* callable) {
    Value v(Kind::kFunction);
    v.a_ = reinterpret_cast<uintptr_t>(callable);
    return v;
  }

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] bool IsNull() const { return kind_ == Kind::kNull; }
  [[nodiscard]] bool IsNumber() const { return kind_ == Kind::kNumber; }
  [[nodiscard]] bool IsBoolean() const { return kind_ == Kind::kBoolean; }
  [[nodiscard]] bool IsString() const { return kind_ == Kind::kString; }
  [[nodiscard]] bool IsList() const { return kind_ == Kind::kList; }
  [[nodiscard]] bool IsContext() const { return kind_ == Kind::kContext; }
  [[nodiscard]] bool IsRange() const { return kind_ == Kind::kRange; }
  [[nodiscard]] bool IsFunction() const { return kind_ == Kind::kFunction; }
  [[nodiscard]] bool IsTrue() const { return kind_ == Kind::kBoolean && a_ != 0; }
  [[nodiscard]] bool IsFalse() const { return kind_ == Kind::kBoolean && a_ == 0; }

  // Reading another kind than kind() is a bug; the accessors do not check.
  [[nodiscard]] NullReason null_reason() const { return static_cast<NullReason>(flags_); }
  [[nodiscard]] std::string_view null_text() const { return bytes(); }
  [[nodiscard]] Decimal number() const { return std::bit_cast<Decimal>(Words{a_, b_}); }
  [[nodiscard]] bool boolean() const { return a_ != 0; }
  [[nodiscard]] std::string_view string() const { return bytes(); }
  [[nodiscard]] Date date() const { return Date{static_cast<int64_t>(a_)}; }
  [[nodiscard]] TimeOfDay time() const { return {static_cast<int64_t>(a_), zone()}; }
  [[nodiscard]] DateTime date_time() const { return {static_cast<int64_t>(a_), size_, zone()}; }
  [[nodiscard]] Int128 duration_ns() const {
    return static_cast<Int128>((static_cast<UInt128>(b_) << 64) | a_);
  }
  [[nodiscard]] int64_t months() const { return static_cast<int64_t>(a_); }
  [[nodiscard]] std::span<const Value> list() const;
  [[nodiscard]] std::span<const Entry> context() const;
  [[nodiscard]] const RangeData& range() const { return *reinterpret_cast<const RangeData*>(a_); }
  [[nodiscard]] const Callable& function() const { return *reinterpret_cast<const Callable*>(a_); }
  // The entry's value, or nothing.
  [[nodiscard]] const Value* Find(std::string_view name) const;

  // Words of the decimal encoding, for the fast paths of arithmetic (number.h).
  [[nodiscard]] uint64_t low_word() const { return a_; }
  [[nodiscard]] uint64_t high_word() const { return b_; }
  static Value FromNumberWords(uint64_t low, uint64_t high) {
    Value v(Kind::kNumber);
    v.a_ = low;
    v.b_ = high;
    return v;
  }

 private:
  struct alignas(16) Words {
    uint64_t low;
    uint64_t high;
  };
  static constexpr uint64_t kSpecialMask = 0x7800000000000000U;
  static constexpr uint64_t kExponentZero = 0x3040000000000000U;
  static constexpr uint64_t kSignBit = 0x8000000000000000U;

  constexpr explicit Value(Kind kind) : kind_(kind) {}
  static Value NotFinite();
  void SetBytes(std::string_view text) {
    a_ = reinterpret_cast<uintptr_t>(text.data());
    size_ = static_cast<uint32_t>(text.size());
  }
  [[nodiscard]] std::string_view bytes() const {
    return {reinterpret_cast<const char*>(a_), size_};
  }
  void SetZone(const ZoneRef& zone) {
    flags_ = static_cast<uint8_t>(zone.form);
    later_ = zone.later ? 1 : 0;
    b_ = zone.form == ZoneRef::Form::kNamed ? reinterpret_cast<uintptr_t>(zone.zone)
                                            : static_cast<uint64_t>(int64_t{zone.offset_seconds});
  }
  [[nodiscard]] ZoneRef zone() const {
    const auto form = static_cast<ZoneRef::Form>(flags_);
    if (form == ZoneRef::Form::kNamed) {
      return ZoneRef::Named(reinterpret_cast<const Zone*>(b_), later_ != 0);
    }
    return {form, static_cast<int32_t>(static_cast<int64_t>(b_)), nullptr, false};
  }

  Kind kind_ = Kind::kNull;
  uint8_t flags_ = 0;   // null reason, or form of the zone
  uint16_t later_ = 0;  // ZoneRef::later
  uint32_t size_ = 0;   // bytes, items, or nanoseconds
  uint64_t a_ = 0;
  uint64_t b_ = 0;
};
static_assert(sizeof(Value) == 24);
static_assert(std::is_trivially_copyable_v<Value>);

struct Entry {
  std::string_view name;
  Value value;
};

// A range of numbers, strings, dates, times, date-times or durations. `<10`, `>=5`, `=7` and `!=7`
// are ranges too when they stand in parentheses or as values: they keep their form, since (<10) is
// not (null..10).
struct RangeData {
  enum class Form : uint8_t {
    kInterval,
    kLess,
    kLessEqual,
    kGreater,
    kGreaterEqual,
    kEqual,
    kNotEqual
  };
  Form form = Form::kInterval;
  bool start_included = false;
  bool end_included = false;
  Value start;  // null where there is none
  Value end;
};

inline Value Value::List(std::span<const Value> items) {
  Value v(Kind::kList);
  v.a_ = reinterpret_cast<uintptr_t>(items.data());
  v.size_ = static_cast<uint32_t>(items.size());
  return v;
}
inline Value Value::Context(std::span<const Entry> entries) {
  Value v(Kind::kContext);
  v.a_ = reinterpret_cast<uintptr_t>(entries.data());
  v.size_ = static_cast<uint32_t>(entries.size());
  return v;
}
inline std::span<const Value> Value::list() const {
  return {reinterpret_cast<const Value*>(a_), size_};
}
inline std::span<const Entry> Value::context() const {
  return {reinterpret_cast<const Entry*>(a_), size_};
}

// Values whose array is copied into the arena (items are not copied deeply).
[[nodiscard]] Value CopyList(Arena& arena, std::span<const Value> items);
[[nodiscard]] Value CopyContext(Arena& arena, std::span<const Entry> entries);
[[nodiscard]] Value CopyString(Arena& arena, std::string_view text);
[[nodiscard]] Value NewRange(Arena& arena, const RangeData& range);
// A null whose text is copied.
[[nodiscard]] Value NullWithText(Arena& arena, NullReason reason, std::string_view text);
// Everything that the value points to is copied, except functions, which stay where they are.
[[nodiscard]] Value DeepCopy(Arena& arena, const Value& value);

// FEEL's logic has three values.
enum class Ternary : uint8_t { kFalse = 0, kTrue = 1, kNull = 2 };
inline Ternary ToTernary(bool b) { return b ? Ternary::kTrue : Ternary::kFalse; }

// `a = b` of FEEL: null where the kinds differ (and neither is null). Date-times compare as
// instants, to the second; a local one and a zoned one give null; contexts ignore the order of
// their entries.
[[nodiscard]] Ternary Equals(const Value& a, const Value& b);
// `a < b` and so on: nothing where the two cannot be ordered (kinds differ, null, booleans, lists,
// …).
[[nodiscard]] std::optional<std::strong_ordering> Order(const Value& a, const Value& b);
// The function is(): same type, same value, same form of zone.
[[nodiscard]] bool Identical(const Value& a, const Value& b);
// Values of one kind that are Equals have one hash. Functions hash to 0.
[[nodiscard]] uint64_t Hash(const Value& value);
// Whether `point` lies in the range; null where they cannot be compared.
[[nodiscard]] Ternary Contains(const RangeData& range, const Value& point);

// Seconds since the epoch of the instant (a local date-time is taken as UTC), and its offset from
// UTC.
[[nodiscard]] int64_t UtcSeconds(const DateTime& date_time);
[[nodiscard]] int32_t OffsetSeconds(const DateTime& date_time);

// What the function string() gives: strings without quotes, inside lists and contexts with quotes.
[[nodiscard]] std::string ToString(const Value& value);
// Stops a little after `bytes_max`.
[[nodiscard]] std::string ToString(const Value& value, size_t bytes_max);
// FEEL text that evaluates to the same value: strings quoted, temporals as @"…".
[[nodiscard]] std::string ToFeel(const Value& value);

}  // namespace credence::feel
