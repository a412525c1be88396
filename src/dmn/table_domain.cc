#include "src/dmn/table_domain.h"

#include <algorithm>

namespace credence::dmn {

using feel::Kind;
using feel::Value;

bool Bits::Empty() const {
  return std::all_of(words_.begin(), words_.end(), [](uint64_t word) { return word == 0; });
}
bool Bits::Intersects(const Bits& other) const {
  for (size_t w = 0; w < words_.size(); ++w) {
    if ((words_[w] & other.words_[w]) != 0) return true;
  }
  return false;
}
bool Bits::Contains(const Bits& other) const {
  for (size_t w = 0; w < words_.size(); ++w) {
    if ((other.words_[w] & ~words_[w]) != 0) return false;
  }
  return true;
}
void Bits::IntersectWith(const Bits& other) {
  for (size_t w = 0; w < words_.size(); ++w) words_[w] &= other.words_[w];
}
void Bits::Remove(const Bits& other) {
  for (size_t w = 0; w < words_.size(); ++w) words_[w] &= ~other.words_[w];
}

namespace {

bool IsOrderable(Kind kind) {
  return kind == Kind::kNumber || kind == Kind::kDate || kind == Kind::kTime ||
         kind == Kind::kDateTime || kind == Kind::kDaysDuration || kind == Kind::kYearsDuration;
}

bool Less(const Value& a, const Value& b) {
  const auto order = feel::Order(a, b);
  return order && *order < 0;
}
bool Same(const Value& a, const Value& b) {
  if (a.kind() != b.kind()) return false;
  if (a.IsNull()) return true;
  return feel::Equals(a, b) == feel::Ternary::kTrue;
}

Kind KindOfType(const feel::Type& type) {
  switch (type.id()) {
    case feel::Type::Id::kNumber:
      return Kind::kNumber;
    case feel::Type::Id::kString:
      return Kind::kString;
    case feel::Type::Id::kBoolean:
      return Kind::kBoolean;
    case feel::Type::Id::kDate:
      return Kind::kDate;
    case feel::Type::Id::kTime:
      return Kind::kTime;
    case feel::Type::Id::kDateTime:
      return Kind::kDateTime;
    case feel::Type::Id::kDaysDuration:
      return Kind::kDaysDuration;
    case feel::Type::Id::kYearsDuration:
      return Kind::kYearsDuration;
    default:
      return Kind::kNull;
  }
}

// Whether the alternatives of a cell hold for a value of one atom.
bool ShapeHolds(const feel::UnaryTestShape& shape, const Value& value) {
  const bool any =
      std::any_of(shape.alternatives.begin(), shape.alternatives.end(),
                  [&](const feel::UnaryTestShape::Alternative& alternative) {
                    if (!alternative.is_interval) return Same(alternative.constant, value);
                    const auto below = [&](const Value& a, const Value& b, bool included) {
                      const auto order = feel::Order(a, b);
                      return order && (*order < 0 || (included && *order == 0));
                    };
                    return (alternative.low.IsNull() ||
                            below(alternative.low, value, alternative.low_included)) &&
                           (alternative.high.IsNull() ||
                            below(value, alternative.high, alternative.high_included));
                  });
  return any != shape.negated;
}

}  // namespace

TableDomain::TableDomain(const TableExpression* table,
                         const std::vector<const feel::UnaryTests*>& allowed)
    : table_(*table), rules_(table->table().rules.size()), context_(&arena_) {
  columns_.resize(table->table().inputs.size());
  for (size_t c = 0; c < columns_.size(); ++c) BuildColumn(c, allowed[c]);
}

bool TableDomain::IsGeneral(size_t rule) const {
  return std::any_of(columns_.begin(), columns_.end(),
                     [&](const ColumnDomain& column) { return column.general[rule]; });
}

std::optional<Value> TableDomain::Between(const Value& low, const Value& high) {
  const Value& known = low.IsNull() ? high : low;
  const bool both = !low.IsNull() && !high.IsNull();
  const int64_t step = low.IsNull() ? -1 : 1;
  switch (known.kind()) {
    case Kind::kNumber: {
      if (!both) return Value::Number(known.number() + Decimal::FromInt64(step));
      return Value::Number((low.number() + high.number()) / Decimal::FromInt64(2));
    }
    case Kind::kDate: {
      if (both && high.date().days - low.date().days < 2) return std::nullopt;
      return Value::FromDate(Date{known.date().days + step});
    }
    case Kind::kYearsDuration: {
      if (both && high.months() - low.months() < 2) return std::nullopt;
      return Value::Months(known.months() + step);
    }
    case Kind::kDaysDuration: {
      if (both && high.duration_ns() - low.duration_ns() < 2) return std::nullopt;
      if (both) return Value::Duration((low.duration_ns() + high.duration_ns()) / 2);
      return Value::Duration(known.duration_ns() + Int128{step} * kNsPerDay);
    }
    case Kind::kDateTime: {
      feel::DateTime value = known.date_time();
      if (both && high.date_time().local_seconds - low.date_time().local_seconds < 2)
        return std::nullopt;
      value.local_seconds += step;
      return Value::FromDateTime(value);
    }
    case Kind::kTime: {
      feel::TimeOfDay value = known.time();
      if (both && high.time().ns_of_day - low.time().ns_of_day < 2 * kNsPerSecond)
        return std::nullopt;
      value.ns_of_day += step * kNsPerSecond;
      if (value.ns_of_day < 0 || value.ns_of_day >= kNsPerDay) return std::nullopt;
      return Value::FromTime(value);
    }
    default:
      return std::nullopt;
  }
}

void TableDomain::AddOrdered(Kind kind, ColumnDomain* domain) {
  auto& bounds = domain->bounds;
  std::sort(bounds.begin(), bounds.end(), Less);
  bounds.erase(
      std::unique(bounds.begin(), bounds.end(),
                  [](const Value& a, const Value& b) { return !Less(a, b) && !Less(b, a); }),
      bounds.end());
  if (bounds.empty()) {
    if (kind == Kind::kNumber) domain->atoms.push_back({Value::Integer(0), 0, false});
    return;
  }
  const Value open;
  for (size_t i = 0; i <= bounds.size(); ++i) {
    const auto position = static_cast<int64_t>(2 * i);
    const auto sample =
        Between(i == 0 ? open : bounds[i - 1], i == bounds.size() ? open : bounds[i]);
    if (sample) domain->atoms.push_back({*sample, position, false});
    if (i < bounds.size()) domain->atoms.push_back({bounds[i], position + 1, false});
  }
}

void TableDomain::BuildColumn(size_t c, const feel::UnaryTests* allowed) {
  ColumnDomain& domain = columns_[c];
  const Kind declared = KindOfType(table_.input_type(c));
  std::vector<Value> constants;
  bool names_null = false;
  Kind ordered = IsOrderable(declared) ? declared : Kind::kNull;
  const auto look = [&](const feel::UnaryTestShape& shape) {
    if (shape.kind != feel::UnaryTestShape::Kind::kAlternatives) return;
    for (const auto& alternative : shape.alternatives) {
      for (const Value* value : {&alternative.constant, &alternative.low, &alternative.high}) {
        if (value->IsNull()) {
          names_null = names_null || (value == &alternative.constant && !alternative.is_interval);
        } else if (IsOrderable(value->kind()) &&
                   (ordered == Kind::kNull || ordered == value->kind())) {
          ordered = value->kind();
          domain.bounds.push_back(*value);
        } else if (std::none_of(constants.begin(), constants.end(),
                                [&](const Value& known) { return Same(known, *value); })) {
          constants.push_back(*value);
        }
      }
    }
  };
  for (size_t r = 0; r < rules_; ++r) look(table_.cell(r, c).shape());
  if (allowed != nullptr) look(allowed->shape());
  if (ordered != Kind::kNull) AddOrdered(ordered, &domain);
  if (declared == Kind::kBoolean ||
      (declared == Kind::kNull && !constants.empty() && constants[0].IsBoolean())) {
    constants = {Value::Boolean(true), Value::Boolean(false)};
  }
  for (const Value& constant : constants) domain.atoms.push_back({constant, -1, false});
  const bool has_texts = std::any_of(constants.begin(), constants.end(),
                                     [](const Value& value) { return value.IsString(); });
  if (declared == Kind::kString ||
      (declared == Kind::kNull && (has_texts || domain.atoms.empty()))) {
    domain.atoms.push_back({Value::String("\x01other"), -1, true});
  }
  if (names_null) domain.atoms.push_back({Value::Null(), -1, false});
  if (allowed != nullptr) {
    std::erase_if(domain.atoms,
                  [&](const Atom& atom) { return !allowed->Matches(atom.sample, {}, context_); });
  }
  domain.all = Bits(domain.atoms.size());
  for (size_t a = 0; a < domain.atoms.size(); ++a) domain.all.Set(a);
  for (size_t r = 0; r < rules_; ++r) {
    const feel::UnaryTestShape& shape = table_.cell(r, c).shape();
    const bool general = shape.kind == feel::UnaryTestShape::Kind::kGeneral;
    Bits cell(domain.atoms.size());
    for (size_t a = 0; a < domain.atoms.size(); ++a) {
      if (general || shape.kind == feel::UnaryTestShape::Kind::kAny ||
          ShapeHolds(shape, domain.atoms[a].sample)) {
        cell.Set(a);
      }
    }
    domain.cells.push_back(std::move(cell));
    domain.general.push_back(general);
  }
}

std::string TableDomain::Describe(size_t column, const Bits& atoms) const {
  const ColumnDomain& domain = columns_[column];
  if (atoms.Contains(domain.all)) return "-";
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  for (size_t a = 0; a < domain.atoms.size(); ++a) {
    if (!atoms.Has(a)) continue;
    const Atom& atom = domain.atoms[a];
    if (atom.position < 0) {
      add(atom.is_other ? "any other text" : feel::ToFeel(atom.sample));
      continue;
    }
    size_t last = a;
    while (last + 1 < domain.atoms.size() && atoms.Has(last + 1) &&
           domain.atoms[last + 1].position >= 0) {
      ++last;
    }
    const int64_t from = atom.position;
    const int64_t to = domain.atoms[last].position;
    const auto bound = [&](int64_t position) {
      return feel::ToFeel(domain.bounds[static_cast<size_t>(position) / 2]);
    };
    const bool open_below = from == 0;
    const bool open_above = to == static_cast<int64_t>(2 * domain.bounds.size());
    a = last;
    if (domain.bounds.empty() || (open_below && open_above)) {
      add("any number");
    } else if (open_below) {
      add((to % 2 == 1 ? "<= " : "< ") + bound(to));
    } else if (open_above) {
      add((from % 2 == 1 ? ">= " : "> ") + bound(from % 2 == 1 ? from : from - 1));
    } else if (from == to && from % 2 == 1) {
      add(bound(from));
    } else {
      add((from % 2 == 1 ? "[" + bound(from) : "(" + bound(from - 1)) + ".." + bound(to) +
          (to % 2 == 1 ? "]" : ")"));
    }
  }
  return text;
}

}  // namespace credence::dmn
