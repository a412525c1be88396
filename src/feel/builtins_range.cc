// Relations between points and ranges (DMN 1.5, 10.3.4.8; Allen's interval algebra with open and
// closed ends).

#include <array>
#include <optional>

#include "src/feel/builtin.h"

namespace credence::feel {
namespace {

// An operand: a range, or a point as a range of one value.
struct Span {
  Value start;
  Value end;
  bool start_included = true;
  bool end_included = true;
  bool is_point = true;
  [[nodiscard]] bool IsUnboundedBelow() const { return start.IsNull(); }
  [[nodiscard]] bool IsUnboundedAbove() const { return end.IsNull(); }
};

std::optional<Span> MakeSpan(const Value& value) {
  const Value& v = Single(value);
  if (v.IsNull() || v.IsList()) return std::nullopt;
  if (!v.IsRange()) {
    if (!Order(v, v)) return std::nullopt;
    return Span{v, v, true, true, true};
  }
  const RangeData& r = v.range();
  if (r.form == RangeData::Form::kNotEqual) return std::nullopt;
  return Span{r.start, r.end, r.start_included, r.end_included, false};
}

using Relation = std::optional<bool> (*)(const Span& a, const Span& b);

Value Relate(const BuiltinCall& call, Relation relation) {
  const auto a = MakeSpan(call[0]);
  const auto b = MakeSpan(call[1]);
  if (!a) return WrongArgument(call[0], "the argument is neither a range nor a point");
  if (!b) return WrongArgument(call[1], "the argument is neither a range nor a point");
  const auto result = relation(*a, *b);
  if (!result) return Value::Null(NullReason::kType, "the arguments cannot be compared");
  return Value::Boolean(*result);
}

// Orders two ends; nothing where they cannot be compared (an unbounded end among them).
std::optional<int> Compare(const Value& a, const Value& b) {
  const auto order = Order(a, b);
  if (!order) return std::nullopt;
  return *order < 0 ? -1 : *order > 0 ? 1 : 0;
}

std::optional<bool> Before(const Span& a, const Span& b) {
  const auto order = Compare(a.end, b.start);
  if (!order) return std::nullopt;
  return *order < 0 || (*order == 0 && (!a.end_included || !b.start_included));
}

std::optional<bool> After(const Span& a, const Span& b) { return Before(b, a); }

std::optional<bool> Meets(const Span& a, const Span& b) {
  if (a.is_point || b.is_point) return std::nullopt;
  const auto order = Compare(a.end, b.start);
  if (!order) return std::nullopt;
  return *order == 0 && a.end_included && b.start_included;
}

std::optional<bool> MetBy(const Span& a, const Span& b) { return Meets(b, a); }

std::optional<bool> Overlaps(const Span& a, const Span& b) {
  if (a.is_point || b.is_point) return std::nullopt;
  const auto first = Compare(a.end, b.start);
  const auto second = Compare(a.start, b.end);
  if (!first || !second) return std::nullopt;
  return (*first > 0 || (*first == 0 && a.end_included && b.start_included)) &&
         (*second < 0 || (*second == 0 && a.start_included && b.end_included));
}

std::optional<bool> OverlapsBefore(const Span& a, const Span& b) {
  if (a.is_point || b.is_point) return std::nullopt;
  const auto starts = Compare(a.start, b.start);
  const auto meets = Compare(a.end, b.start);
  const auto ends = Compare(a.end, b.end);
  if (!starts || !meets || !ends) return std::nullopt;
  return (*starts < 0 || (*starts == 0 && a.start_included && !b.start_included)) &&
         (*meets > 0 || (*meets == 0 && a.end_included && b.start_included)) &&
         (*ends < 0 || (*ends == 0 && (!a.end_included || b.end_included)));
}

std::optional<bool> OverlapsAfter(const Span& a, const Span& b) {
  if (a.is_point || b.is_point) return std::nullopt;
  const auto meets = Compare(b.end, a.start);
  const auto starts = Compare(b.start, a.start);
  const auto ends = Compare(b.end, a.end);
  if (!starts || !meets || !ends) return std::nullopt;
  return (*starts < 0 || (*starts == 0 && b.start_included && !a.start_included)) &&
         (*meets > 0 || (*meets == 0 && b.end_included && a.start_included)) &&
         (*ends < 0 || (*ends == 0 && (!b.end_included || a.end_included)));
}

std::optional<bool> Finishes(const Span& a, const Span& b) {
  if (b.is_point) return std::nullopt;
  const auto ends = Compare(a.end, b.end);
  if (!ends) return std::nullopt;
  if (a.is_point) return b.end_included && *ends == 0;
  const auto starts = Compare(a.start, b.start);
  if (!starts) return std::nullopt;
  return *ends == 0 && a.end_included == b.end_included &&
         (*starts > 0 || (*starts == 0 && (!a.start_included || b.start_included)));
}

std::optional<bool> FinishedBy(const Span& a, const Span& b) { return Finishes(b, a); }

std::optional<bool> Starts(const Span& a, const Span& b) {
  if (b.is_point) return std::nullopt;
  const auto starts = Compare(a.start, b.start);
  if (!starts) return std::nullopt;
  if (a.is_point) return b.start_included && *starts == 0;
  const auto ends = Compare(a.end, b.end);
  if (!ends) return std::nullopt;
  return *starts == 0 && a.start_included == b.start_included &&
         (*ends < 0 || (*ends == 0 && (!a.end_included || b.end_included)));
}

std::optional<bool> StartedBy(const Span& a, const Span& b) { return Starts(b, a); }

std::optional<bool> Includes(const Span& a, const Span& b) {
  if (a.is_point) return std::nullopt;
  const auto starts = Compare(a.start, b.start);
  const auto ends = Compare(a.end, b.end);
  if (!starts || !ends) return std::nullopt;
  return (*starts < 0 || (*starts == 0 && (a.start_included || !b.start_included))) &&
         (*ends > 0 || (*ends == 0 && (a.end_included || !b.end_included)));
}

std::optional<bool> During(const Span& a, const Span& b) { return Includes(b, a); }

std::optional<bool> Coincides(const Span& a, const Span& b) {
  if (a.is_point != b.is_point) return std::nullopt;
  const auto starts = Compare(a.start, b.start);
  const auto ends = Compare(a.end, b.end);
  if (!starts || !ends) return std::nullopt;
  return *starts == 0 && *ends == 0 && a.start_included == b.start_included &&
         a.end_included == b.end_included;
}

template <Relation kRelation>
Value Fn(const BuiltinCall& call) {
  return Relate(call, kRelation);
}

constexpr std::string_view kPointsAndRanges = "point1,point2;point,range;range,point;range1,range2";
constexpr std::string_view kRanges = "range1,range2";
constexpr std::string_view kInRange = "point,range;range1,range2";
constexpr std::string_view kRangeOf = "range,point;range1,range2";
constexpr auto kBoolean = Type::Id::kBoolean;

constexpr std::array<Builtin, 14> kTable = {{
    {"before", kPointsAndRanges, Fn<Before>, kBoolean},
    {"after", kPointsAndRanges, Fn<After>, kBoolean},
    {"meets", kRanges, Fn<Meets>, kBoolean},
    {"met by", kRanges, Fn<MetBy>, kBoolean},
    {"overlaps", kRanges, Fn<Overlaps>, kBoolean},
    {"overlaps before", kRanges, Fn<OverlapsBefore>, kBoolean},
    {"overlaps after", kRanges, Fn<OverlapsAfter>, kBoolean},
    {"finishes", kInRange, Fn<Finishes>, kBoolean},
    {"finished by", kRangeOf, Fn<FinishedBy>, kBoolean},
    {"includes", kRangeOf, Fn<Includes>, kBoolean},
    {"during", kInRange, Fn<During>, kBoolean},
    {"starts", kInRange, Fn<Starts>, kBoolean},
    {"started by", kRangeOf, Fn<StartedBy>, kBoolean},
    {"coincides", "point1,point2;range1,range2", Fn<Coincides>, kBoolean},
}};

}  // namespace

std::span<const Builtin> RangeBuiltins() { return kTable; }

}  // namespace credence::feel
