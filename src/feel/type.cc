#include "src/feel/type.h"

#include <algorithm>
#include <array>

#include "src/feel/function.h"
#include "src/feel/temporal.h"

namespace credence::feel {
namespace {

constexpr int kTypeDepthMax = 1000;
// Values and types may share their parts; walks over them end here.
constexpr uint64_t kWalkNodesMax = 5'000'000;
constexpr uint64_t kTypeOfNodesMax = 10'000;
constexpr size_t kTypeTextMax = 2'000;

constexpr std::array<std::string_view, 14> kIdNames = {"Any",
                                                       "Null",
                                                       "number",
                                                       "string",
                                                       "boolean",
                                                       "date",
                                                       "time",
                                                       "date and time",
                                                       "days and time duration",
                                                       "years and months duration",
                                                       "list",
                                                       "context",
                                                       "range",
                                                       "function"};

Type::Id IdOf(Kind kind) {
  static constexpr std::array<Type::Id, 13> kIds = {
      Type::Id::kNull,          Type::Id::kNumber, Type::Id::kBoolean,  Type::Id::kString,
      Type::Id::kDate,          Type::Id::kTime,   Type::Id::kDateTime, Type::Id::kDaysDuration,
      Type::Id::kYearsDuration, Type::Id::kList,   Type::Id::kContext,  Type::Id::kRange,
      Type::Id::kFunction};
  return kIds[static_cast<size_t>(kind)];
}

bool IsInstanceAt(const Value& value, const Type& type, int depth, uint64_t* nodes) {
  if (depth > kTypeDepthMax || ++*nodes > kWalkNodesMax) return false;
  if (type.IsAny()) return true;
  if (value.IsNull()) return true;  // a member or item; the top is looked at by IsInstance
  if (IdOf(value.kind()) != type.id()) return false;
  switch (type.id()) {
    case Type::Id::kList: {
      const Type item = type.element();
      if (item.IsAny()) return true;
      const auto items = value.list();
      return std::all_of(items.begin(), items.end(),
                         [&](const Value& v) { return IsInstanceAt(v, item, depth + 1, nodes); });
    }
    case Type::Id::kContext:
      for (size_t i = 0; i < type.member_count(); ++i) {
        const Value* member = value.Find(type.member_name(i));
        if (member == nullptr || !IsInstanceAt(*member, type.member_type(i), depth + 1, nodes)) {
          return false;
        }
      }
      return true;
    case Type::Id::kRange: {
      const Type bound = type.element();
      return IsInstanceAt(value.range().start, bound, depth + 1, nodes) &&
             IsInstanceAt(value.range().end, bound, depth + 1, nodes);
    }
    case Type::Id::kFunction:
      return value.function().type().ConformsTo(type);
    default:
      return true;
  }
}

// Whether a function may be used where `type` is declared: what is not declared of the function
// (untyped parameters and results) is no obstacle.
bool FunctionFits(const Type& function, const Type& type) {
  if (type.id() != Type::Id::kFunction) return false;
  if (!type.HasMembers() || !function.HasMembers()) return true;
  if (function.member_count() != type.member_count()) return false;
  for (size_t i = 0; i < type.member_count(); ++i) {
    if (!type.member_type(i).ConformsTo(function.member_type(i))) return false;
  }
  return function.element().IsAny() || function.element().ConformsTo(type.element());
}

}  // namespace

Type Type::With(std::shared_ptr<const Constraint> constraint) const {
  Type type = *this;
  type.constraint_ = std::move(constraint);
  type.constrained_ = true;
  return type;
}

bool Type::HasConstraintsOf(const Type& other) const {
  if (!constrained_ && !other.constrained_) return true;
  if (constraint_ != other.constraint_ || constrained_ != other.constrained_) return false;
  if (element_ != other.element_ && !element().HasConstraintsOf(other.element())) return false;
  if (parts_ == other.parts_) return true;
  if (member_count() != other.member_count()) return false;
  for (size_t i = 0; i < member_count(); ++i) {
    if (!member_type(i).HasConstraintsOf(other.member_type(i))) return false;
  }
  return true;
}

Type Type::List(const Type& item) {
  Type type(Id::kList);
  type.constrained_ = item.constrained_;
  if (!item.IsAny() || item.constrained_) type.element_ = std::make_shared<const Type>(item);
  return type;
}

Type Type::Range(const Type& bound) {
  Type type(Id::kRange);
  if (!bound.IsAny()) type.element_ = std::make_shared<const Type>(bound);
  return type;
}

Type Type::Context(std::vector<std::pair<std::string, Type>> members) {
  Type type(Id::kContext);
  for (const auto& member : members) type.constrained_ |= member.second.constrained_;
  type.parts_ = std::make_shared<const Parts>(Parts{std::move(members)});
  return type;
}

Type Type::Function(std::vector<std::pair<std::string, Type>> parameters, const Type& result) {
  Type type(Id::kFunction);
  type.parts_ = std::make_shared<const Parts>(Parts{std::move(parameters)});
  if (!result.IsAny()) type.element_ = std::make_shared<const Type>(result);
  return type;
}

std::optional<Type> Type::FromName(std::string_view name) {
  if (name.substr(0, 5) == "feel:") name.remove_prefix(5);
  static constexpr std::array<std::pair<std::string_view, Id>, 24> kNames = {{
      {"Any", Id::kAny},
      {"any", Id::kAny},
      {"Null", Id::kNull},
      {"number", Id::kNumber},
      {"string", Id::kString},
      {"boolean", Id::kBoolean},
      {"date", Id::kDate},
      {"time", Id::kTime},
      {"date and time", Id::kDateTime},
      {"dateTime", Id::kDateTime},
      {"days and time duration", Id::kDaysDuration},
      {"day and time duration", Id::kDaysDuration},
      {"dayTimeDuration", Id::kDaysDuration},
      {"daysAndTimeDuration", Id::kDaysDuration},
      {"duration", Id::kDaysDuration},
      {"years and months duration", Id::kYearsDuration},
      {"year and month duration", Id::kYearsDuration},
      {"yearMonthDuration", Id::kYearsDuration},
      {"yearsAndMonthsDuration", Id::kYearsDuration},
      {"context", Id::kContext},
      {"list", Id::kList},
      {"range", Id::kRange},
      {"function", Id::kFunction},
      {"dateAndTime", Id::kDateTime},
  }};
  for (const auto& [known, id] : kNames) {
    if (known == name) return Type(id);
  }
  return std::nullopt;
}

Type Type::element() const { return element_ ? *element_ : Type(); }

std::optional<size_t> Type::FindMember(std::string_view name) const {
  if (!parts_) return std::nullopt;
  for (size_t i = 0; i < parts_->members.size(); ++i) {
    if (parts_->members[i].first == name) return i;
  }
  return std::nullopt;
}

bool operator==(const Type& a, const Type& b) {
  if (a.id_ != b.id_ || (a.element_ == nullptr) != (b.element_ == nullptr)) return false;
  if (a.element_ != nullptr && a.element_ != b.element_ && !(*a.element_ == *b.element_)) {
    return false;
  }
  if ((a.parts_ == nullptr) != (b.parts_ == nullptr)) return false;
  return a.parts_ == nullptr || a.parts_ == b.parts_ || a.parts_->members == b.parts_->members;
}

bool Type::ConformsTo(const Type& other) const {
  if (other.IsAny() || id_ == Id::kNull) return true;
  if (id_ != other.id_) return false;
  switch (id_) {
    case Id::kList:
    case Id::kRange:
      return element().ConformsTo(other.element());
    case Id::kContext:
      for (size_t i = 0; i < other.member_count(); ++i) {
        const auto member = FindMember(other.member_name(i));
        if (!member || !member_type(*member).ConformsTo(other.member_type(i))) return false;
      }
      return true;
    case Id::kFunction:
      if (!other.HasMembers()) return true;
      if (!HasMembers() || member_count() != other.member_count()) return false;
      for (size_t i = 0; i < member_count(); ++i) {
        if (!other.member_type(i).ConformsTo(member_type(i))) return false;
      }
      return element().ConformsTo(other.element());
    default:
      return true;
  }
}

bool Type::IsDisjointFrom(const Type& other) const {
  if (IsAny() || other.IsAny() || id_ == Id::kNull || other.id_ == Id::kNull) return false;
  if (id_ == Id::kList && other.id_ != Id::kList) return element().IsDisjointFrom(other);
  if (other.id_ == Id::kList && id_ != Id::kList) return IsDisjointFrom(other.element());
  if (id_ == Id::kDate && other.id_ == Id::kDateTime) return false;
  if (id_ != other.id_) return true;
  if (id_ == Id::kRange) return element().IsDisjointFrom(other.element());
  // An empty list or a context with null members fits any.
  return false;
}

Type Type::Join(const Type& a, const Type& b) {
  if (a.id_ == Id::kNull) return b;
  if (b.id_ == Id::kNull || (a == b && a.HasConstraintsOf(b))) return a;
  if (a.id_ != b.id_) return Any();
  switch (a.id_) {
    case Id::kList:
      return List(Join(a.element(), b.element()));
    case Id::kRange:
      return Range(Join(a.element(), b.element()));
    case Id::kContext: {
      if (!a.HasMembers() || !b.HasMembers()) return OpenContext();
      std::vector<std::pair<std::string, Type>> members;
      for (size_t i = 0; i < a.member_count(); ++i) {
        const auto j = b.FindMember(a.member_name(i));
        if (j) members.emplace_back(a.member_name(i), Join(a.member_type(i), b.member_type(*j)));
      }
      return Context(std::move(members));
    }
    case Id::kFunction:
      return Type(Id::kFunction);
    default:
      return Type(a.id_);
  }
}

void Type::AppendTo(std::string* out) const {
  *out += kIdNames[static_cast<size_t>(id_)];
  if (out->size() > kTypeTextMax) return;
  switch (id_) {
    case Id::kList:
    case Id::kRange:
      *out += '<';
      element().AppendTo(out);
      *out += '>';
      return;
    case Id::kContext:
    case Id::kFunction:
      break;
    default:
      return;
  }
  if (!HasMembers()) return;
  *out += '<';
  for (size_t i = 0; i < member_count(); ++i) {
    if (i > 0) *out += ", ";
    if (out->size() > kTypeTextMax) {
      *out += "...";
      break;
    }
    if (id_ == Id::kContext) *out += member_name(i) + ": ";
    member_type(i).AppendTo(out);
  }
  *out += '>';
  if (id_ == Id::kContext) return;
  *out += " -> ";
  element().AppendTo(out);
}

std::string Type::ToString() const {
  std::string out;
  AppendTo(&out);
  return out;
}

namespace {

Type TypeOfAt(const Value& value, uint64_t* nodes) {
  if (++*nodes > kTypeOfNodesMax) return Type::Any();
  switch (value.kind()) {
    case Kind::kNull:
      return Type::Null();
    case Kind::kList: {
      if (value.list().empty()) return Type::List(Type::Null());
      Type item = Type::Null();
      for (const Value& v : value.list()) item = Type::Join(item, TypeOfAt(v, nodes));
      return Type::List(item);
    }
    case Kind::kContext: {
      std::vector<std::pair<std::string, Type>> members;
      for (const Entry& entry : value.context()) {
        members.emplace_back(std::string(entry.name), TypeOfAt(entry.value, nodes));
      }
      return Type::Context(std::move(members));
    }
    case Kind::kRange:
      return Type::Range(
          Type::Join(TypeOfAt(value.range().start, nodes), TypeOfAt(value.range().end, nodes)));
    case Kind::kFunction:
      return value.function().type();
    default:
      return *Type::FromName(KindName(value.kind()));
  }
}

}  // namespace

Type TypeOf(const Value& value) {
  uint64_t nodes = 0;
  return TypeOfAt(value, &nodes);
}

bool IsInstance(const Value& value, const Type& type) {
  if (value.IsNull()) return type.id() == Type::Id::kNull;
  uint64_t nodes = 0;
  return IsInstanceAt(value, type, 0, &nodes);
}

namespace {

// The constraint that the value or a part of it breaks; null if it keeps them all.
const Constraint* BrokenConstraint(const Value& value, const Type& type, Arena& arena,
                                   uint64_t* nodes) {
  if (!type.IsConstrained() || value.IsNull() || ++*nodes > kWalkNodesMax) return nullptr;
  if (type.constraint() != nullptr && !type.constraint()->Allows(value, arena)) {
    return type.constraint().get();
  }
  if (value.IsList() && type.id() == Type::Id::kList) {
    const Type item = type.element();
    for (const Value& v : value.list()) {
      if (const Constraint* broken = BrokenConstraint(v, item, arena, nodes)) return broken;
    }
  }
  if (!value.IsContext() || type.id() != Type::Id::kContext) return nullptr;
  for (size_t i = 0; i < type.member_count(); ++i) {
    const Value* member = value.Find(type.member_name(i));
    if (member == nullptr) continue;
    if (const Constraint* broken = BrokenConstraint(*member, type.member_type(i), arena, nodes)) {
      return broken;
    }
  }
  return nullptr;
}

Value Constrained(const Value& value, const Type& type, Arena& arena) {
  uint64_t nodes = 0;
  const Constraint* broken = BrokenConstraint(value, type, arena, &nodes);
  if (broken == nullptr) return value;
  return NullWithText(arena, NullReason::kCoercion,
                      "the value is not one that is allowed for " + std::string(broken->text()));
}

}  // namespace

Value CoerceSlowly(const Value& value, const Type& type, Arena& arena) {
  uint64_t nodes = 0;
  if (value.IsNull()) return value;
  if (type.IsAny() || IsInstanceAt(value, type, 0, &nodes)) return Constrained(value, type, arena);
  if (value.IsFunction() && FunctionFits(value.function().type(), type)) return value;
  if (type.id() == Type::Id::kDateTime && value.kind() == Kind::kDate) {
    const Value midnight = Value::FromDateTime(AtMidnight(value.date(), ZoneRef::Utc()));
    return Constrained(midnight, type, arena);
  }
  if (type.id() == Type::Id::kList && !value.IsList()) {
    const Value item = Coerce(value, type.element(), arena);
    if (!item.IsNull()) return Constrained(CopyList(arena, {&item, 1}), type, arena);
    if (item.null_reason() == NullReason::kCoercion) return item;
  } else if (type.id() != Type::Id::kList && value.IsList() && value.list().size() == 1) {
    const Value& item = value.list()[0];
    if (!item.IsList()) return Coerce(item, type, arena);
  }
  return NullWithText(
      arena, NullReason::kCoercion,
      "a " + std::string(KindName(value.kind())) + " does not conform to " + type.ToString());
}

}  // namespace credence::feel
