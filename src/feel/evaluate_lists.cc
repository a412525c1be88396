// Loops, quantifiers, filters, functions as values.

#include <algorithm>
#include <new>

#include "src/feel/builtin.h"
#include "src/feel/evaluate.h"
#include "src/feel/number.h"
#include "src/feel/regex.h"
#include "src/feel/temporal.h"

namespace credence::feel {
namespace {

// A list under construction in an arena.
class ListBuilder {
 public:
  explicit ListBuilder(EvaluationContext* context) : context_(context) {}

  bool Add(const Value& value) {
    if (size_ == items_.size() && !Grow()) return false;
    items_[size_++] = value;
    return true;
  }
  [[nodiscard]] Value Take() const { return Value::List(items_.first(size_)); }

 private:
  bool Grow() {
    if (size_ >= context_->limits.list_items_max) return false;
    if (context_->arena().bytes_used() > context_->limits.arena_bytes_max) return false;
    const auto larger = context_->arena().NewArray<Value>(std::max<size_t>(8, size_ * 2));
    std::copy(items_.begin(), items_.end(), larger.begin());
    items_ = larger;
    return true;
  }

  EvaluationContext* context_;
  std::span<Value> items_;
  size_t size_ = 0;
};

constexpr std::string_view kTooManyItems = "the list is longer than list_items_max";
constexpr std::string_view kTooManySteps =
    "the evaluation takes more steps than iterations_max or memory than arena_bytes_max";

// The values that one variable of a loop goes through: the items of a list, or whole numbers or
// days.
struct Domain {
  bool is_list = true;
  std::span<const Value> items;
  Kind kind = Kind::kNumber;
  int64_t first = 0;
  int64_t step = 1;
  uint64_t count = 0;

  [[nodiscard]] Value At(uint64_t i) const {
    if (is_list) return items[i];
    const int64_t n = first + step * static_cast<int64_t>(i);
    return kind == Kind::kNumber ? Value::Integer(n) : Value::FromDate(Date{n});
  }
};

// first..last, both included, up or down.
bool MakeSteps(const Value& first, const Value& last, Domain* out) {
  if (first.kind() != last.kind()) return false;
  int64_t from = 0;
  int64_t to = 0;
  if (first.IsNumber()) {
    const auto a = first.number().ToInt64();
    const auto b = last.number().ToInt64();
    constexpr int64_t kBound = int64_t{1} << 60;
    if (!a || !b || *a > kBound || *a < -kBound || *b > kBound || *b < -kBound) return false;
    from = *a;
    to = *b;
  } else if (first.kind() == Kind::kDate) {
    from = first.date().days;
    to = last.date().days;
  } else {
    return false;
  }
  out->is_list = false;
  out->kind = first.kind();
  out->first = from;
  out->step = to >= from ? 1 : -1;
  out->count = static_cast<uint64_t>(to >= from ? to - from : from - to) + 1;
  return true;
}

bool RangeDomain(const RangeData& range, Domain* out) {
  if (range.form != RangeData::Form::kInterval) return false;
  // Unlike first..last of a loop, a range that goes down holds nothing that could be counted.
  if (!MakeSteps(range.start, range.end, out) || out->step < 0) return false;
  if (!range.start_included) {
    out->first += out->step;
    --out->count;
  }
  if (!range.end_included && out->count > 0) --out->count;
  return true;
}

// Where the value is no domain, false.
bool ValueDomain(const Value& value, Domain* out) {
  if (value.IsRange()) return RangeDomain(value.range(), out);
  if (!value.IsList()) return false;
  out->is_list = true;
  out->items = value.list();
  out->count = out->items.size();
  return true;
}

enum class Outcome : uint8_t { kGoOn, kStop, kNotBoolean, kBadDomain, kStepsMet, kItemsMet };

// Calls body() for each combination of the variables, the last one fastest.
template <class Body>
Outcome Iterate(const Node& node, Frame& frame, uint32_t depth, const Body& body) {
  const uint32_t variables = node.child_count - 1;
  if (depth == variables) return body();
  const Node& source = node.child(depth);
  Domain domain;
  Value value;
  bool ok = false;
  if (source.kind == NodeKind::kIteration) {
    const Value first = source.child(0).eval(source.child(0), frame);
    const Value last = source.child(1).eval(source.child(1), frame);
    ok = MakeSteps(first, last, &domain);
  } else {
    value = source.eval(source, frame);
    ok = ValueDomain(value, &domain);
  }
  if (!ok) return Outcome::kBadDomain;
  for (uint64_t i = 0; i < domain.count; ++i) {
    if (!frame.context->Step()) return Outcome::kStepsMet;
    frame.locals[node.extra->indices[depth]] = domain.At(i);
    const Outcome outcome = Iterate(node, frame, depth + 1, body);
    if (outcome != Outcome::kGoOn) return outcome;
  }
  return Outcome::kGoOn;
}

Value FailedLoop(const Node& node, const Frame& frame, Outcome outcome) {
  if (outcome == Outcome::kStepsMet) {
    return Fail(node, frame, NullReason::kLimit, kTooManySteps);
  }
  if (outcome == Outcome::kItemsMet) {
    return Fail(node, frame, NullReason::kLimit, kTooManyItems);
  }
  return Fail(node, frame, NullReason::kType, "a loop goes over a list, whole numbers or dates");
}

Value Quantify(const Node& node, Frame& frame, Ternary decisive) {
  Ternary result = decisive == Ternary::kTrue ? Ternary::kFalse : Ternary::kTrue;
  const Node& condition = node.child(node.child_count - 1);
  const Outcome outcome = Iterate(node, frame, 0, [&] {
    const Value v = condition.eval(condition, frame);
    if (!v.IsBoolean()) {
      result = Ternary::kNull;
      return v.IsNull() ? Outcome::kGoOn : Outcome::kNotBoolean;
    }
    if (ToTernary(v.boolean()) != decisive) return Outcome::kGoOn;
    result = decisive;
    return Outcome::kStop;
  });
  if (outcome == Outcome::kNotBoolean) {
    return Fail(node, frame, NullReason::kType, "a condition is not a boolean");
  }
  if (outcome != Outcome::kGoOn && outcome != Outcome::kStop) {
    return FailedLoop(node, frame, outcome);
  }
  if (result == Ternary::kNull) {
    return Fail(node, frame, NullReason::kNullOperand, "a condition is null");
  }
  return Value::Boolean(result == Ternary::kTrue);
}

// The 1-based or negative index; null where there is no such item.
Value ItemAt(const Node& node, const Frame& frame, std::span<const Value> items,
             const Value& index) {
  const auto n = index.number().ToInt64();
  if (n && *n > 0 && static_cast<uint64_t>(*n) <= items.size()) {
    return items[static_cast<size_t>(*n) - 1];
  }
  if (n && *n < 0 && static_cast<uint64_t>(-*n) <= items.size()) {
    return items[items.size() - static_cast<size_t>(-*n)];
  }
  return Fail(node, frame, NullReason::kNotFound, "the list has no item of this number");
}

// A function made by `function(…) …`: the code and what it took along.
class Closure final : public Callable {
 public:
  Closure(const Node* node, std::span<Value> captured) : node_(node), captured_(captured) {}

  [[nodiscard]] const Type& type() const override { return *node_->type; }
  [[nodiscard]] std::string_view name() const override { return "lambda"; }
  [[nodiscard]] Value Call(std::span<const Value> arguments,
                           EvaluationContext& context) const override;
  void Capture(uint32_t local, const Value& value) {
    const auto& captures = node_->extra->captures;
    for (size_t i = 0; i < captures.size(); ++i) {
      if (!captures[i].from_slot && captures[i].source == local) captured_[i] = value;
    }
  }

 private:
  const Node* node_;
  std::span<Value> captured_;
};

Value Closure::Call(std::span<const Value> arguments, EvaluationContext& context) const {
  const NodeExtra& extra = *node_->extra;
  if (extra.external) {
    return Value::Null(NullReason::kExternal, "external functions are not run");
  }
  constexpr size_t kLocalsOnStack = 12;
  Value buffer[kLocalsOnStack];
  Value* locals = extra.local_count <= kLocalsOnStack
                      ? buffer
                      : context.arena().NewArray<Value>(extra.local_count).data();
  std::copy(arguments.begin(), arguments.end(), locals);
  for (size_t i = 0; i < captured_.size(); ++i) locals[extra.captures[i].local] = captured_[i];
  const Node& body = node_->child(0);
  if (!context.Descend(body.height)) {
    return Value::Null(NullReason::kLimit, "the calls are nested too deeply");
  }
  Frame frame{nullptr, locals, &context};
  const Value result = body.eval(body, frame);
  context.Ascend(body.height);
  return result;
}

}  // namespace

Value EvalFor(const Node& node, Frame& frame) {
  ListBuilder results(frame.context);
  const Node& body = node.child(node.child_count - 1);
  const uint32_t partial = node.extra->indices.back();
  const Outcome outcome = Iterate(node, frame, 0, [&] {
    frame.locals[partial] = results.Take();
    return results.Add(body.eval(body, frame)) ? Outcome::kGoOn : Outcome::kItemsMet;
  });
  if (outcome != Outcome::kGoOn) return FailedLoop(node, frame, outcome);
  return results.Take();
}

Value EvalSome(const Node& node, Frame& frame) { return Quantify(node, frame, Ternary::kTrue); }
Value EvalEvery(const Node& node, Frame& frame) { return Quantify(node, frame, Ternary::kFalse); }

// Only loops have iterations, and they look at the ends themselves.
Value EvalIteration(const Node& node, Frame& frame) {
  return Fail(node, frame, NullReason::kType, "a range of a loop stands alone");
}

Value EvalFilter(const Node& node, Frame& frame) {
  const Value list = node.child(0).eval(node.child(0), frame);
  if (list.IsNull()) return Fail(node, frame, NullReason::kNullOperand, "null is filtered");
  const std::span<const Value> items = list.IsList() ? list.list() : std::span(&list, 1);
  const Node& predicate = node.child(1);
  const Type::Id type = predicate.type->id();
  if (type == Type::Id::kNumber || items.empty()) {
    frame.locals[node.index] = items.empty() ? Value::Null() : items[0];
    const Value index = predicate.eval(predicate, frame);
    if (index.IsNumber()) return ItemAt(node, frame, items, index);
    if (type == Type::Id::kNumber) {
      return Fail(node, frame, NullReason::kType, "the index is not a number");
    }
    return Value::List({});
  }
  ListBuilder selected(frame.context);
  for (size_t i = 0; i < items.size(); ++i) {
    if (!frame.context->Step()) return Fail(node, frame, NullReason::kLimit, kTooManySteps);
    frame.locals[node.index] = items[i];
    if (type == Type::Id::kBoolean) {
      if (predicate.test(predicate, frame) != Ternary::kTrue) continue;
    } else {
      const Value condition = predicate.eval(predicate, frame);
      if (i == 0 && condition.IsNumber()) return ItemAt(node, frame, items, condition);
      if (!condition.IsNull() && !condition.IsBoolean()) {
        return Fail(node, frame, NullReason::kType, "a filter is a number or a boolean");
      }
      if (!condition.IsTrue()) continue;
    }
    if (!selected.Add(items[i])) return Fail(node, frame, NullReason::kLimit, kTooManyItems);
  }
  return selected.Take();
}

Value EvalFunction(const Node& node, Frame& frame) {
  const NodeExtra& extra = *node.extra;
  Arena& arena = frame.context->arena();
  const auto captured = arena.NewArray<Value>(extra.captures.size());
  for (size_t i = 0; i < captured.size(); ++i) {
    const Capture& capture = extra.captures[i];
    captured[i] = capture.from_slot ? frame.slots[capture.source] : frame.locals[capture.source];
  }
  // Never destroyed: it owns nothing outside of the arena.
  void* place = arena.Allocate(sizeof(Closure), alignof(Closure));
  return Value::Function(new (place) Closure(&node, captured));
}

void TieKnot(const Value& function, uint32_t local) {
  if (!function.IsFunction()) return;
  auto* closure = const_cast<Closure*>(dynamic_cast<const Closure*>(&function.function()));
  if (closure != nullptr) closure->Capture(local, function);
}

}  // namespace credence::feel
