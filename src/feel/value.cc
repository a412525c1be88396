#include "src/feel/value.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "src/base/digest.h"
#include "src/feel/number.h"
#include "src/feel/temporal.h"

namespace credence::feel {
namespace {

// Bounds of a walk over a value. Lists may share their parts, so that a small text makes a value
// whose tree is exponentially large: the walk stops where no honest value is.
constexpr int kWalkDepthMax = 1000;
constexpr uint64_t kWalkNodesMax = 5'000'000;

struct Walk {
  int depth = 0;
  uint64_t nodes = 0;
  bool Enter() {
    if (depth >= kWalkDepthMax || nodes >= kWalkNodesMax) return false;
    ++depth;
    ++nodes;
    return true;
  }
  void Leave() { --depth; }
};

class Inside {
 public:
  explicit Inside(Walk* walk) : walk_(walk), ok_(walk->Enter()) {}
  ~Inside() {
    if (ok_) walk_->Leave();
  }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  Walk* walk_;
  bool ok_;
};

Ternary EqualsAt(const Value& a, const Value& b, Walk& walk);

Ternary ListsEqual(const Value& a, const Value& b, Walk& walk) {
  if (a.list().size() != b.list().size()) return Ternary::kFalse;
  for (size_t i = 0; i < a.list().size(); ++i) {
    const Ternary t = EqualsAt(a.list()[i], b.list()[i], walk);
    if (t != Ternary::kTrue) return t;
  }
  return Ternary::kTrue;
}

Ternary ContextsEqual(const Value& a, const Value& b, Walk& walk) {
  if (a.context().size() != b.context().size()) return Ternary::kFalse;
  for (const Entry& entry : a.context()) {
    const Value* other = b.Find(entry.name);
    if (other == nullptr) return Ternary::kFalse;
    const Ternary t = EqualsAt(entry.value, *other, walk);
    if (t != Ternary::kTrue) return t;
  }
  return Ternary::kTrue;
}

Ternary RangesEqual(const RangeData& a, const RangeData& b, Walk& walk) {
  if (a.form != b.form) return Ternary::kFalse;
  if (a.start_included != b.start_included || a.end_included != b.end_included) {
    return Ternary::kFalse;
  }
  const Ternary start = EqualsAt(a.start, b.start, walk);
  if (start != Ternary::kTrue) return start;
  return EqualsAt(a.end, b.end, walk);
}

// The parts of two values that have parts.
Ternary PartsEqual(const Value& a, const Value& b, Walk& walk) {
  const Inside inside(&walk);
  if (!inside.ok()) return Ternary::kNull;
  if (a.IsList()) return ListsEqual(a, b, walk);
  if (a.IsContext()) return ContextsEqual(a, b, walk);
  return RangesEqual(a.range(), b.range(), walk);
}

Ternary EqualsAt(const Value& a, const Value& b, Walk& walk) {
  if (a.IsNull() || b.IsNull()) return ToTernary(a.IsNull() && b.IsNull());
  if (a.kind() != b.kind()) return Ternary::kNull;
  switch (a.kind()) {
    case Kind::kNull:
      return Ternary::kTrue;
    case Kind::kNumber:
      return ToTernary(NumbersEqual(a, b));
    case Kind::kBoolean:
      return ToTernary(a.boolean() == b.boolean());
    case Kind::kString:
      return ToTernary(a.string() == b.string());
    case Kind::kList:
    case Kind::kContext:
    case Kind::kRange:
      return PartsEqual(a, b, walk);
    case Kind::kFunction:
      return &a.function() == &b.function() ? Ternary::kTrue : Ternary::kNull;
    default: {
      const auto order = Order(a, b);
      if (!order) return Ternary::kNull;
      return ToTernary(*order == std::strong_ordering::equal);
    }
  }
}

std::optional<std::strong_ordering> OrderTimes(const TimeOfDay& a, const TimeOfDay& b) {
  const bool a_local = a.zone.form == ZoneRef::Form::kLocal;
  const bool b_local = b.zone.form == ZoneRef::Form::kLocal;
  if (a_local != b_local) return std::nullopt;
  const int64_t a_seconds = a.ns_of_day / kNsPerSecond - (a_local ? 0 : TimeOffset(a));
  const int64_t b_seconds = b.ns_of_day / kNsPerSecond - (b_local ? 0 : TimeOffset(b));
  return a_seconds <=> b_seconds;
}

std::optional<std::strong_ordering> OrderDateTimes(const DateTime& a, const DateTime& b) {
  const bool a_local = a.zone.form == ZoneRef::Form::kLocal;
  const bool b_local = b.zone.form == ZoneRef::Form::kLocal;
  if (a_local != b_local) return std::nullopt;
  return UtcSeconds(a) <=> UtcSeconds(b);
}

bool SameZone(const ZoneRef& a, const ZoneRef& b) {
  if (a.form != b.form) return false;
  if (a.form == ZoneRef::Form::kNamed) return a.zone->name() == b.zone->name();
  return a.offset_seconds == b.offset_seconds;
}

bool IdenticalAt(const Value& a, const Value& b, Walk& walk) {
  const Inside inside(&walk);
  if (a.kind() != b.kind() || !inside.ok()) return false;
  switch (a.kind()) {
    case Kind::kTime:
      return a.time().ns_of_day == b.time().ns_of_day && SameZone(a.time().zone, b.time().zone);
    case Kind::kDateTime: {
      const DateTime x = a.date_time();
      const DateTime y = b.date_time();
      return x.local_seconds == y.local_seconds && x.ns == y.ns && SameZone(x.zone, y.zone);
    }
    case Kind::kList: {
      const auto x = a.list();
      const auto y = b.list();
      return std::equal(x.begin(), x.end(), y.begin(), y.end(),
                        [&walk](const auto& p, const auto& q) { return IdenticalAt(p, q, walk); });
    }
    case Kind::kContext: {
      if (a.context().size() != b.context().size()) return false;
      return std::all_of(a.context().begin(), a.context().end(), [&](const Entry& entry) {
        const Value* other = b.Find(entry.name);
        return other != nullptr && IdenticalAt(entry.value, *other, walk);
      });
    }
    case Kind::kRange:
      return a.range().form == b.range().form &&
             a.range().start_included == b.range().start_included &&
             a.range().end_included == b.range().end_included &&
             IdenticalAt(a.range().start, b.range().start, walk) &&
             IdenticalAt(a.range().end, b.range().end, walk);
    default:
      return EqualsAt(a, b, walk) == Ternary::kTrue;
  }
}

uint64_t Mix(uint64_t hash, uint64_t word) {
  hash ^= word + 0x9E3779B97F4A7C15U + (hash << 6) + (hash >> 2);
  hash *= 0xFF51AFD7ED558CCDU;
  return hash ^ (hash >> 32);
}

uint64_t HashAt(const Value& value, Walk& walk) {
  const Inside inside(&walk);
  const auto seed = static_cast<uint64_t>(value.kind());
  if (!inside.ok()) return seed;
  switch (value.kind()) {
    case Kind::kNull:
    case Kind::kFunction:
      return 0;
    case Kind::kNumber:
      return Mix(seed, value.number().Hash());
    case Kind::kBoolean:
      return Mix(seed, value.boolean() ? 1 : 2);
    case Kind::kString:
      return Hash64(value.string(), seed);
    case Kind::kDate:
      return Mix(seed, static_cast<uint64_t>(value.date().days));
    case Kind::kTime: {
      const TimeOfDay time = value.time();
      const bool local = time.zone.form == ZoneRef::Form::kLocal;
      const int64_t seconds = time.ns_of_day / kNsPerSecond - (local ? 0 : TimeOffset(time));
      return Mix(seed, static_cast<uint64_t>(seconds));
    }
    case Kind::kDateTime:
      return Mix(seed, static_cast<uint64_t>(UtcSeconds(value.date_time())));
    case Kind::kDaysDuration: {
      const auto ns = static_cast<UInt128>(value.duration_ns());
      return Mix(Mix(seed, static_cast<uint64_t>(ns)), static_cast<uint64_t>(ns >> 64));
    }
    case Kind::kYearsDuration:
      return Mix(seed, static_cast<uint64_t>(value.months()));
    case Kind::kList: {
      uint64_t hash = seed;
      for (const Value& item : value.list()) hash = Mix(hash, HashAt(item, walk));
      return hash;
    }
    case Kind::kContext: {
      uint64_t sum = seed;  // order-free
      for (const Entry& entry : value.context()) {
        sum += Mix(Hash64(entry.name), HashAt(entry.value, walk));
      }
      return sum;
    }
    case Kind::kRange:
      return Mix(HashAt(value.range().start, walk), HashAt(value.range().end, walk));
  }
  return seed;
}

Value DeepCopyAt(Arena& arena, const Value& value, Walk& walk) {
  const Inside inside(&walk);
  if (!inside.ok()) return Value::Null(NullReason::kLimit, "the value is too large to be copied");
  switch (value.kind()) {
    case Kind::kNull:
      return Value::Null(value.null_reason(), arena.Copy(value.null_text()));
    case Kind::kString:
      return Value::String(arena.Copy(value.string()));
    case Kind::kList: {
      const auto items = arena.NewArray<Value>(value.list().size());
      for (size_t i = 0; i < items.size(); ++i) {
        items[i] = DeepCopyAt(arena, value.list()[i], walk);
      }
      return Value::List(items);
    }
    case Kind::kContext: {
      const auto entries = arena.NewArray<Entry>(value.context().size());
      for (size_t i = 0; i < entries.size(); ++i) {
        entries[i].name = arena.Copy(value.context()[i].name);
        entries[i].value = DeepCopyAt(arena, value.context()[i].value, walk);
      }
      return Value::Context(entries);
    }
    case Kind::kRange: {
      RangeData range = value.range();
      range.start = DeepCopyAt(arena, range.start, walk);
      range.end = DeepCopyAt(arena, range.end, walk);
      return NewRange(arena, range);
    }
    default:
      return value;
  }
}

}  // namespace

std::string_view KindName(Kind kind) {
  static constexpr std::array<std::string_view, 13> kNames = {"null",
                                                              "number",
                                                              "boolean",
                                                              "string",
                                                              "date",
                                                              "time",
                                                              "date and time",
                                                              "days and time duration",
                                                              "years and months duration",
                                                              "list",
                                                              "context",
                                                              "range",
                                                              "function"};
  return kNames[static_cast<size_t>(kind)];
}

std::string_view NullReasonName(NullReason reason) {
  static constexpr std::array<std::string_view, 14> kNames = {
      "none",      "unknown-name", "type",  "arity", "argument", "arithmetic", "null-operand",
      "not-found", "coercion",     "parse", "limit", "external", "no-rule",    "missing"};
  return kNames[static_cast<size_t>(reason)];
}

Value Value::NotFinite() {
  return Null(NullReason::kArithmetic, "the result is not a finite number of 34 digits");
}

Value Value::FromTimestamp(Timestamp timestamp) {
  DateTime result;
  result.local_seconds = FloorDivide(timestamp.ns, kNsPerSecond);
  result.ns = static_cast<uint32_t>(timestamp.ns - result.local_seconds * kNsPerSecond);
  result.zone = ZoneRef::Utc();
  return FromDateTime(result);
}

Value Value::FromTimestamp(Timestamp timestamp, const Zone* zone) {
  if (zone == nullptr) return FromTimestamp(timestamp);
  const DateTime utc = FromTimestamp(timestamp).date_time();
  return FromDateTime(FromUtcSeconds(utc.local_seconds, utc.ns, ZoneRef::Named(zone)));
}

const Value* Value::Find(std::string_view name) const {
  for (const Entry& entry : context()) {
    if (entry.name == name) return &entry.value;
  }
  return nullptr;
}

Value CopyList(Arena& arena, std::span<const Value> items) {
  const auto copy = arena.NewArray<Value>(items.size());
  std::copy(items.begin(), items.end(), copy.begin());
  return Value::List(copy);
}

Value CopyContext(Arena& arena, std::span<const Entry> entries) {
  const auto copy = arena.NewArray<Entry>(entries.size());
  std::copy(entries.begin(), entries.end(), copy.begin());
  return Value::Context(copy);
}

Value CopyString(Arena& arena, std::string_view text) { return Value::String(arena.Copy(text)); }

Value NewRange(Arena& arena, const RangeData& range) {
  return Value::Range(arena.New<RangeData>(range));
}

Value NullWithText(Arena& arena, NullReason reason, std::string_view text) {
  return Value::Null(reason, arena.Copy(text));
}

Value DeepCopy(Arena& arena, const Value& value) {
  Walk walk;
  return DeepCopyAt(arena, value, walk);
}

Ternary Equals(const Value& a, const Value& b) {
  Walk walk;
  return EqualsAt(a, b, walk);
}

std::optional<std::strong_ordering> Order(const Value& a, const Value& b) {
  if (a.kind() != b.kind()) return std::nullopt;
  switch (a.kind()) {
    case Kind::kNumber:
      return CompareNumbers(a, b);
    case Kind::kString: {
      // Byte order of UTF-8 is code point order.
      const int order = a.string().compare(b.string());
      return order <=> 0;
    }
    case Kind::kDate:
      return a.date().days <=> b.date().days;
    case Kind::kTime:
      return OrderTimes(a.time(), b.time());
    case Kind::kDateTime:
      return OrderDateTimes(a.date_time(), b.date_time());
    case Kind::kDaysDuration: {
      const Int128 x = a.duration_ns();
      const Int128 y = b.duration_ns();
      if (x == y) return std::strong_ordering::equal;
      return x < y ? std::strong_ordering::less : std::strong_ordering::greater;
    }
    case Kind::kYearsDuration:
      return a.months() <=> b.months();
    default:
      return std::nullopt;
  }
}

bool Identical(const Value& a, const Value& b) {
  Walk walk;
  return IdenticalAt(a, b, walk);
}

uint64_t Hash(const Value& value) {
  Walk walk;
  return HashAt(value, walk);
}

Ternary Contains(const RangeData& range, const Value& point) {
  if (range.form == RangeData::Form::kEqual) return Equals(point, range.start);
  if (range.form == RangeData::Form::kNotEqual) {
    const Ternary t = Equals(point, range.start);
    return t == Ternary::kNull ? t : ToTernary(t == Ternary::kFalse);
  }
  const bool has_start = range.form == RangeData::Form::kInterval ||
                         range.form == RangeData::Form::kGreater ||
                         range.form == RangeData::Form::kGreaterEqual;
  const bool has_end = range.form == RangeData::Form::kInterval ||
                       range.form == RangeData::Form::kLess ||
                       range.form == RangeData::Form::kLessEqual;
  if (has_start) {
    const auto order = Order(point, range.start);
    if (!order) return Ternary::kNull;
    if (*order < 0 || (*order == 0 && !range.start_included)) {
      // A point outside is outside whatever the other end is, but both ends must be comparable.
      if (has_end && !Order(point, range.end)) return Ternary::kNull;
      return Ternary::kFalse;
    }
  }
  if (has_end) {
    const auto order = Order(point, range.end);
    if (!order) return Ternary::kNull;
    if (*order > 0 || (*order == 0 && !range.end_included)) return Ternary::kFalse;
  }
  return Ternary::kTrue;
}

}  // namespace credence::feel
