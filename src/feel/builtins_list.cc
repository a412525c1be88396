// Built-in functions on lists (DMN 1.5, 10.3.4.4).

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "src/feel/builtin.h"
#include "src/feel/number.h"

namespace credence::feel {
namespace {

constexpr int kFlattenDepthMax = 1000;

// A list argument; another value counts as a list of itself. Null is no list.
bool AsList(const Value& value, std::span<const Value>* items) {
  if (value.IsNull()) return false;
  *items = value.IsList() ? value.list() : std::span(&value, 1);
  return true;
}

// All arguments as one list: f(list) or f(a, b, c).
bool AllAsList(const BuiltinCall& call, std::span<const Value>* items) {
  if (call.size() == 1) return AsList(call[0], items);
  *items = call.args;
  return true;
}

Value NullList() { return Value::Null(NullReason::kNullOperand, "the list is null"); }

Value LimitMet() {
  return Value::Null(NullReason::kLimit, "the list is longer than list_items_max");
}

Value MakeList(const BuiltinCall& call, std::span<const Value> items) {
  if (items.size() > call.context.limits.list_items_max ||
      call.arena().bytes_used() > call.context.limits.arena_bytes_max) {
    return LimitMet();
  }
  return CopyList(call.arena(), items);
}

Value ListContains(const BuiltinCall& call) {
  std::span<const Value> items;
  if (!AsList(call[0], &items)) return NullList();
  return Value::Boolean(std::any_of(items.begin(), items.end(), [&](const Value& item) {
    return Equals(item, call[1]) == Ternary::kTrue;
  }));
}

Value Count(const BuiltinCall& call) {
  std::span<const Value> items;
  if (!AsList(call[0], &items)) return NullList();
  return Value::Integer(static_cast<int64_t>(items.size()));
}

Value Extreme(const BuiltinCall& call, bool least) {
  std::span<const Value> items;
  if (!AllAsList(call, &items)) return NullList();
  if (items.empty()) return Value::Null(NullReason::kArgument, "the list is empty");
  const Value* best = &items[0];
  for (const Value& item : items) {
    const auto order = Order(item, *best);
    if (!order) return WrongArgument(item, "the items cannot be ordered");
    if (least ? *order < 0 : *order > 0) best = &item;
  }
  return *best;
}
Value Min(const BuiltinCall& call) { return Extreme(call, true); }
Value Max(const BuiltinCall& call) { return Extreme(call, false); }

// The numbers of the list; a null for what is none of them.
bool Numbers(const BuiltinCall& call, std::span<const Value>* items, Value* failure) {
  if (!AllAsList(call, items)) {
    *failure = NullList();
    return false;
  }
  if (items->empty()) {
    *failure = Value::Null(NullReason::kArgument, "the list is empty");
    return false;
  }
  for (const Value& item : *items) {
    if (item.IsNumber()) continue;
    *failure = WrongArgument(item, "an item of the list is not a number");
    return false;
  }
  return true;
}

Value SumOf(std::span<const Value> items) {
  Value sum = items[0];
  for (const Value& item : items.subspan(1)) {
    sum = AddNumbers(sum, item);
    if (sum.IsNull()) return sum;
  }
  return sum;
}

Value Sum(const BuiltinCall& call) {
  std::span<const Value> items;
  Value failure;
  return Numbers(call, &items, &failure) ? SumOf(items) : failure;
}

Value MeanOf(std::span<const Value> items) {
  const Value sum = SumOf(items);
  if (sum.IsNull()) return sum;
  return DivideNumbers(sum, Value::Integer(static_cast<int64_t>(items.size())));
}

Value Mean(const BuiltinCall& call) {
  std::span<const Value> items;
  Value failure;
  return Numbers(call, &items, &failure) ? MeanOf(items) : failure;
}

Value Product(const BuiltinCall& call) {
  std::span<const Value> items;
  Value failure;
  if (!Numbers(call, &items, &failure)) return failure;
  Value product = items[0];
  for (const Value& item : items.subspan(1)) {
    product = MultiplyNumbers(product, item);
    if (product.IsNull()) return product;
  }
  return product;
}

std::vector<Value> SortedNumbers(std::span<const Value> items) {
  std::vector<Value> sorted(items.begin(), items.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Value& a, const Value& b) { return CompareNumbers(a, b) < 0; });
  return sorted;
}

Value Median(const BuiltinCall& call) {
  std::span<const Value> items;
  Value failure;
  if (!Numbers(call, &items, &failure)) return failure;
  const std::vector<Value> sorted = SortedNumbers(items);
  const size_t middle = sorted.size() / 2;
  if (sorted.size() % 2 == 1) return sorted[middle];
  return DivideNumbers(AddNumbers(sorted[middle - 1], sorted[middle]), Value::Integer(2));
}

// Of a sample: the squares are divided by n - 1.
Value StandardDeviation(const BuiltinCall& call) {
  std::span<const Value> items;
  Value failure;
  if (!Numbers(call, &items, &failure)) return failure;
  if (items.size() < 2) {
    return Value::Null(NullReason::kArgument, "a standard deviation needs two numbers");
  }
  const Value mean = MeanOf(items);
  if (mean.IsNull()) return mean;
  Decimal squares;
  for (const Value& item : items) {
    const Decimal difference = item.number() - mean.number();
    squares = squares + difference * difference;
  }
  const Decimal variance = squares / Decimal::FromInt64(static_cast<int64_t>(items.size()) - 1);
  return Value::Number(variance.SquareRoot());
}

Value Mode(const BuiltinCall& call) {
  std::span<const Value> items;
  if (!AllAsList(call, &items)) return NullList();
  if (items.empty()) return Value::List({});
  Value failure;
  if (!Numbers(call, &items, &failure)) return failure;
  const std::vector<Value> sorted = SortedNumbers(items);
  std::vector<Value> modes;
  size_t most = 0;
  for (size_t i = 0; i < sorted.size();) {
    size_t j = i;
    while (j < sorted.size() && NumbersEqual(sorted[i], sorted[j])) ++j;
    if (j - i > most) {
      most = j - i;
      modes.clear();
    }
    if (j - i == most) modes.push_back(sorted[i]);
    i = j;
  }
  return CopyList(call.arena(), modes);
}

// `decisive` as soon as one item is it; null if one is no boolean; else the opposite.
Value Quantified(const BuiltinCall& call, bool decisive) {
  std::span<const Value> items;
  if (!AllAsList(call, &items)) return NullList();
  bool unknown = false;
  for (const Value& item : items) {
    if (!item.IsBoolean()) {
      if (!item.IsNull()) return WrongArgument(item, "an item of the list is not a boolean");
      unknown = true;
    } else if (item.boolean() == decisive) {
      return Value::Boolean(decisive);
    }
  }
  if (unknown) return Value::Null(NullReason::kNullOperand, "an item of the list is null");
  return Value::Boolean(!decisive);
}
Value All(const BuiltinCall& call) { return Quantified(call, false); }
Value Any(const BuiltinCall& call) { return Quantified(call, true); }

// A position counted from 1, or from the end where negative, as an index.
bool IndexOf(const Value& position, size_t size, size_t* index) {
  if (!position.IsNumber()) return false;
  const auto n = position.number().Rounded(0, Rounding::kDown).ToInt64();
  if (!n || *n == 0) return false;
  const auto count = static_cast<int64_t>(size);
  if (*n > count || *n < -count) return false;
  *index = static_cast<size_t>(*n > 0 ? *n - 1 : count + *n);
  return true;
}

Value BadPosition(const Value& position) {
  if (!position.IsNumber()) return WrongArgument(position, "the position is not a number");
  return Value::Null(NullReason::kArgument, "the list has no such position");
}

Value Sublist(const BuiltinCall& call) {
  std::span<const Value> items;
  if (!AsList(call[0], &items)) return NullList();
  const Value& start = Single(call[1]);
  size_t from = 0;
  if (!IndexOf(start, items.size(), &from)) return BadPosition(start);
  size_t count = items.size() - from;
  if (call.size() > 2 && !IsAbsent(call[2])) {
    const Value& length = Single(call[2]);
    if (!length.IsNumber()) return WrongArgument(length, "the length is not a number");
    const auto n = length.number().Rounded(0, Rounding::kDown).ToInt64();
    if (!n || *n < 1 || static_cast<uint64_t>(*n) > count) {
      return Value::Null(NullReason::kArgument, "the list has not so many items");
    }
    count = static_cast<size_t>(*n);
  }
  return Value::List(items.subspan(from, count));
}

Value Append(const BuiltinCall& call) {
  std::span<const Value> items;
  if (!AsList(call[0], &items)) return NullList();
  std::vector<Value> out(items.begin(), items.end());
  out.insert(out.end(), call.args.begin() + 1, call.args.end());
  return MakeList(call, out);
}

Value Concatenate(const BuiltinCall& call) {
  std::vector<Value> out;
  for (const Value& arg : call.args) {
    std::span<const Value> items;
    if (!AsList(arg, &items)) return NullList();
    out.insert(out.end(), items.begin(), items.end());
  }
  return MakeList(call, out);
}

Value InsertBefore(const BuiltinCall& call) {
  std::span<const Value> items;
  if (!AsList(call[0], &items)) return NullList();
  const Value& position = Single(call[1]);
  size_t at = 0;
  if (!IndexOf(position, items.size(), &at)) return BadPosition(position);
  std::vector<Value> out(items.begin(), items.end());
  out.insert(out.begin() + static_cast<std::ptrdiff_t>(at), call[2]);
  return MakeList(call, out);
}

Value Remove(const BuiltinCall& call) {
  std::span<const Value> items;
  if (!AsList(call[0], &items)) return NullList();
  const Value& position = Single(call[1]);
  size_t at = 0;
  if (!IndexOf(position, items.size(), &at)) return BadPosition(position);
  std::vector<Value> out(items.begin(), items.end());
  out.erase(out.begin() + static_cast<std::ptrdiff_t>(at));
  return MakeList(call, out);
}

// By position, or wherever match(item, newItem) is true.
Value ListReplace(const BuiltinCall& call) {
  std::span<const Value> items;
  if (!AsList(call[0], &items)) return NullList();
  const Value& which = Single(call[1]);
  const bool wants_function = call.signature == 1;
  const bool wants_position = call.signature == 0;
  std::vector<Value> out(items.begin(), items.end());
  if (which.IsNumber() && !wants_function) {
    size_t at = 0;
    if (!IndexOf(which, items.size(), &at)) return BadPosition(which);
    out[at] = call[2];
    return MakeList(call, out);
  }
  if (!which.IsFunction() || wants_position) {
    return WrongArgument(which, "neither a position nor a function");
  }
  for (Value& item : out) {
    const Value args[] = {item, call[2]};
    const Value matched = Invoke(which, args, call.context);
    if (matched.IsNull()) return matched;
    if (!matched.IsBoolean()) return WrongArgument(matched, "the match is not a boolean");
    if (matched.boolean()) item = call[2];
  }
  return MakeList(call, out);
}

Value Reverse(const BuiltinCall& call) {
  std::span<const Value> items;
  if (!AsList(call[0], &items)) return NullList();
  std::vector<Value> out(items.rbegin(), items.rend());
  return MakeList(call, out);
}

Value IndexOfFn(const BuiltinCall& call) {
  std::span<const Value> items;
  if (!AsList(call[0], &items)) return NullList();
  std::vector<Value> out;
  for (size_t i = 0; i < items.size(); ++i) {
    if (Equals(items[i], call[1]) == Ternary::kTrue) {
      out.push_back(Value::Integer(static_cast<int64_t>(i) + 1));
    }
  }
  return MakeList(call, out);
}

// Keeps the first of equal values. Values of one hash are compared, so that the work stays near
// linear.
std::vector<Value> Distinct(std::span<const Value> items) {
  std::vector<std::pair<uint64_t, size_t>> hashes;
  hashes.reserve(items.size());
  for (size_t i = 0; i < items.size(); ++i) hashes.emplace_back(Hash(items[i]), i);
  std::sort(hashes.begin(), hashes.end());
  std::vector<bool> drop(items.size(), false);
  size_t group = 0;
  for (size_t i = 0; i < hashes.size(); ++i) {
    if (hashes[i].first != hashes[group].first) group = i;
    for (size_t j = group; j < i && !drop[hashes[i].second]; ++j) {
      const size_t earlier = hashes[j].second;
      drop[hashes[i].second] =
          !drop[earlier] && Equals(items[earlier], items[hashes[i].second]) == Ternary::kTrue;
    }
  }
  std::vector<Value> out;
  for (size_t i = 0; i < items.size(); ++i) {
    if (!drop[i]) out.push_back(items[i]);
  }
  return out;
}

Value DistinctValues(const BuiltinCall& call) {
  std::span<const Value> items;
  if (!AsList(call[0], &items)) return NullList();
  return MakeList(call, Distinct(items));
}

Value Union(const BuiltinCall& call) {
  const Value all = Concatenate(call);
  if (!all.IsList()) return all;
  return MakeList(call, Distinct(all.list()));
}

bool FlattenInto(const Value& value, int depth, EvaluationContext& context,
                 std::vector<Value>* out) {
  if (depth > kFlattenDepthMax || !context.Step()) return false;
  if (!value.IsList()) {
    out->push_back(value);
    return out->size() <= context.limits.list_items_max;
  }
  return std::all_of(value.list().begin(), value.list().end(),
                     [&](const Value& item) { return FlattenInto(item, depth + 1, context, out); });
}

Value Flatten(const BuiltinCall& call) {
  if (call[0].IsNull()) return NullList();
  std::vector<Value> out;
  if (!FlattenInto(call[0], 0, call.context, &out)) return LimitMet();
  return MakeList(call, out);
}

// Merge sort by precedes(a, b): a comparison that is no order gives some order, but never a crash.
bool MergeSort(std::span<Value> items, std::span<Value> spare, const Value& precedes,
               EvaluationContext& context, Value* failure) {
  if (items.size() < 2) return true;
  const size_t middle = items.size() / 2;
  if (!MergeSort(items.first(middle), spare.first(middle), precedes, context, failure) ||
      !MergeSort(items.subspan(middle), spare.subspan(middle), precedes, context, failure)) {
    return false;
  }
  size_t left = 0;
  size_t right = middle;
  for (size_t out = 0; out < items.size(); ++out) {
    bool take_right = left == middle;
    if (left < middle && right < items.size()) {
      const Value args[] = {items[right], items[left]};
      const Value before = Invoke(precedes, args, context);
      if (!before.IsBoolean()) {
        *failure =
            before.IsNull() ? before : Value::Null(NullReason::kType, "precedes is not a boolean");
        return false;
      }
      take_right = before.boolean();
    }
    spare[out] = take_right ? items[right++] : items[left++];
  }
  std::copy(spare.begin(), spare.begin() + static_cast<std::ptrdiff_t>(items.size()),
            items.begin());
  return true;
}

Value Sort(const BuiltinCall& call) {
  std::span<const Value> items;
  if (!AsList(call[0], &items)) return NullList();
  std::vector<Value> sorted(items.begin(), items.end());
  if (call.size() == 1 || IsAbsent(call[1])) {
    // Without a function: ascending, where the items can be ordered.
    for (const Value& item : sorted) {
      if (!Order(item, sorted[0])) return WrongArgument(item, "the items cannot be ordered");
    }
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const Value& a, const Value& b) { return *Order(a, b) < 0; });
    return MakeList(call, sorted);
  }
  const Value& precedes = Single(call[1]);
  if (!precedes.IsFunction()) return WrongArgument(precedes, "precedes is not a function");
  std::vector<Value> spare(sorted.size());
  Value failure;
  if (!MergeSort(sorted, spare, precedes, call.context, &failure)) return failure;
  return MakeList(call, sorted);
}

constexpr auto kList = Type::Id::kList;
constexpr auto kNumber = Type::Id::kNumber;
constexpr auto kBoolean = Type::Id::kBoolean;

constexpr std::array<Builtin, 24> kTable = {{
    {"list contains", "list,element", ListContains, kBoolean},
    {"list replace", "list,position,newItem;list,match,newItem", ListReplace, kList},
    {"count", "list", Count, kNumber},
    {"min", "list*", Min},
    {"max", "list*", Max},
    {"sum", "list*", Sum, kNumber},
    {"mean", "list*", Mean, kNumber},
    {"all", "list*", All, kBoolean},
    {"any", "list*", Any, kBoolean},
    {"sublist", "list,start position,length?", Sublist, kList},
    {"append", "list,item*", Append, kList},
    {"concatenate", "list*", Concatenate, kList},
    {"insert before", "list,position,newItem", InsertBefore, kList},
    {"remove", "list,position", Remove, kList},
    {"reverse", "list", Reverse, kList},
    {"index of", "list,match", IndexOfFn, kList},
    {"union", "list*", Union, kList},
    {"distinct values", "list", DistinctValues, kList},
    {"flatten", "list", Flatten, kList},
    {"product", "list*", Product, kNumber},
    {"median", "list*", Median, kNumber},
    {"stddev", "list*", StandardDeviation, kNumber},
    {"mode", "list*", Mode, kList},
    {"sort", "list,precedes?", Sort, kList},
}};

}  // namespace

std::span<const Builtin> ListBuiltins() { return kTable; }

}  // namespace credence::feel
