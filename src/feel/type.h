#pragma once
// Type: the static types of FEEL (DMN 1.5, 10.3.2.9) with conformance and coercion. Immutable,
// cheap to copy, safe to share between threads.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/base/arena.h"
#include "src/feel/value.h"

namespace credence::feel {

// Which values of a type are allowed.
class Constraint {
 public:
  virtual ~Constraint() = default;
  // `value` is of the type and not null.
  [[nodiscard]] virtual bool Allows(const Value& value, Arena& arena) const = 0;
  // "tColour: \"red\", \"green\"", for messages.
  [[nodiscard]] virtual std::string_view text() const = 0;
};

class Type {
 public:
  enum class Id : uint8_t {
    kAny = 0,
    kNull = 1,
    kNumber = 2,
    kString = 3,
    kBoolean = 4,
    kDate = 5,
    kTime = 6,
    kDateTime = 7,
    kDaysDuration = 8,
    kYearsDuration = 9,
    kList = 10,
    kContext = 11,
    kRange = 12,
    kFunction = 13,
  };
  struct Member {
    std::string name;
    std::shared_ptr<const Type> type;
  };

  Type() = default;  // any
  static Type Any() { return {}; }
  static Type Null() { return Type(Id::kNull); }
  static Type Number() { return Type(Id::kNumber); }
  static Type String() { return Type(Id::kString); }
  static Type Boolean() { return Type(Id::kBoolean); }
  static Type Date() { return Type(Id::kDate); }
  static Type Time() { return Type(Id::kTime); }
  static Type DateTime() { return Type(Id::kDateTime); }
  static Type DaysDuration() { return Type(Id::kDaysDuration); }
  static Type YearsDuration() { return Type(Id::kYearsDuration); }
  static Type List(const Type& item);
  static Type Range(const Type& bound);
  // Members in order of declaration. An open context is one whose members are not known
  // (`context`).
  static Type Context(std::vector<std::pair<std::string, Type>> members);
  static Type OpenContext() { return Type(Id::kContext); }
  // Parameter names may be empty (function<…> types name none).
  static Type Function(std::vector<std::pair<std::string, Type>> parameters, const Type& result);
  // A type named in a model: number, string, boolean, date, time, "date and time", "dateTime",
  // "days and time duration", "dayTimeDuration", "years and months duration", "yearMonthDuration",
  // Any, Null, context, list, range, function (the latter four with unknown parts); a "feel:"
  // prefix is ignored. Nothing for others.
  static std::optional<Type> FromName(std::string_view name);

  [[nodiscard]] Id id() const { return id_; }
  [[nodiscard]] bool IsAny() const { return id_ == Id::kAny; }
  // Item of a list, bound of a range, result of a function; any where unknown.
  [[nodiscard]] Type element() const;
  [[nodiscard]] size_t member_count() const { return parts_ ? parts_->members.size() : 0; }
  [[nodiscard]] const std::string& member_name(size_t i) const { return parts_->members[i].first; }
  [[nodiscard]] const Type& member_type(size_t i) const { return parts_->members[i].second; }
  [[nodiscard]] std::optional<size_t> FindMember(std::string_view name) const;
  // The same type, of which only the values that `constraint` allows conform at a typed boundary
  // (the allowed values of an item definition). Constraints take no part in ConformsTo, == and
  // `instance of`.
  [[nodiscard]] Type With(std::shared_ptr<const Constraint> constraint) const;
  [[nodiscard]] const std::shared_ptr<const Constraint>& constraint() const { return constraint_; }
  // Whether this type or a part of it has a constraint.
  [[nodiscard]] bool IsConstrained() const { return constrained_; }
  // Of types that are ==: whether their constraints are the same ones.
  [[nodiscard]] bool HasConstraintsOf(const Type& other) const;
  // A context whose members are known; a function whose parameters are known.
  [[nodiscard]] bool HasMembers() const { return parts_ != nullptr; }

  // Whether each value of this type may stand where `other` is expected without a change.
  [[nodiscard]] bool ConformsTo(const Type& other) const;
  // Whether a value of this type can never become `other`, not even by coercion (for checks).
  [[nodiscard]] bool IsDisjointFrom(const Type& other) const;
  // The narrowest type that both conform to.
  static Type Join(const Type& a, const Type& b);
  friend bool operator==(const Type& a, const Type& b);

  // "list<context<a: number>>", as FEEL writes it; of very large types only the beginning.
  [[nodiscard]] std::string ToString() const;

 private:
  struct Parts {
    std::vector<std::pair<std::string, Type>> members;  // of a context; parameters of a function
  };
  explicit Type(Id id) : id_(id) {}
  void AppendTo(std::string* out) const;

  Id id_ = Id::kAny;
  bool constrained_ = false;
  std::shared_ptr<const Type> element_;
  std::shared_ptr<const Parts> parts_;
  std::shared_ptr<const Constraint> constraint_;
};

// The type of a value as it is. Of very large lists and contexts the parts beyond 10,000 count as
// Any.
[[nodiscard]] Type TypeOf(const Value& value);
// `value instance of type`. Null is an instance of nothing but Null and Any.
[[nodiscard]] bool IsInstance(const Value& value, const Type& type);
// Coercion at a typed boundary (DMN 1.5, 10.3.2.9.4): the value if it conforms and the constraints
// of the type allow it (a null they always do); a list of one item
// to the item and an item to a list of one; a date to a date and time (midnight UTC); otherwise a
// null with reason kCoercion. Null stays the null that it is. Items and members are not coerced,
// they must conform.
[[nodiscard]] Value CoerceSlowly(const Value& value, const Type& type, Arena& arena);
// The kind of all values of a number, string, boolean, date, time, date-time or duration type;
// kNull for other types.
[[nodiscard]] inline Kind ScalarKind(const Type& type) {
  constexpr auto kKindOf = [] {
    std::array<Kind, 14> kinds{};
    kinds[static_cast<size_t>(Type::Id::kNumber)] = Kind::kNumber;
    kinds[static_cast<size_t>(Type::Id::kString)] = Kind::kString;
    kinds[static_cast<size_t>(Type::Id::kBoolean)] = Kind::kBoolean;
    kinds[static_cast<size_t>(Type::Id::kDate)] = Kind::kDate;
    kinds[static_cast<size_t>(Type::Id::kTime)] = Kind::kTime;
    kinds[static_cast<size_t>(Type::Id::kDateTime)] = Kind::kDateTime;
    kinds[static_cast<size_t>(Type::Id::kDaysDuration)] = Kind::kDaysDuration;
    kinds[static_cast<size_t>(Type::Id::kYearsDuration)] = Kind::kYearsDuration;
    return kinds;
  }();
  return kKindOf[static_cast<size_t>(type.id())];
}

[[nodiscard]] inline Value Coerce(const Value& value, const Type& type, Arena& arena) {
  // What most boundaries see. A null stays the null that it is.
  if (value.kind() == ScalarKind(type) && !type.IsConstrained()) return value;
  return CoerceSlowly(value, type, arena);
}

}  // namespace credence::feel
