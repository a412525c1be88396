// The functions that evaluate nodes: operators, names, calls. Loops and filters are in
// evaluate_lists.cc.

#include "src/feel/evaluate.h"

#include <algorithm>

#include "src/feel/builtin.h"
#include "src/feel/compiled.h"
#include "src/feel/number.h"
#include "src/feel/regex.h"
#include "src/feel/temporal.h"

namespace credence::feel {

Value Fail(const Node& node, const Frame& frame, NullReason reason, std::string_view text) {
  const Value value = Value::Null(reason, text);
  if (frame.context->notes != nullptr) NoteNull(node, frame, value);
  return value;
}

void NoteNull(const Node& node, const Frame& frame, const Value& value) {
  if (value.null_reason() == NullReason::kNone) return;
  NullNote note;
  note.line = node.line;
  note.column = node.column;
  note.reason = value.null_reason();
  note.text = std::string(value.null_text());
  // One null passes through many nodes; it is noted where it arose.
  if (!frame.context->notes->empty()) {
    const NullNote& last = frame.context->notes->back();
    if (last.reason == note.reason && last.text == note.text) return;
  }
  frame.context->notes->push_back(std::move(note));
}

namespace {

constexpr std::string_view kNullOperand = "an operand is null";

Ternary TestOf(const Value& value) {
  if (value.kind() != Kind::kBoolean) return Ternary::kNull;
  return ToTernary(value.boolean());
}

Value FromTernary(const Node& node, const Frame& frame, Ternary t, std::string_view why) {
  if (t == Ternary::kNull) return Fail(node, frame, NullReason::kType, why);
  return Value::Boolean(t == Ternary::kTrue);
}

Ternary DefaultTest(const Node& node, Frame& frame) { return TestOf(node.eval(node, frame)); }

Value EvalConstant(const Node& node, Frame& frame) { return Note(node, frame, node.constant); }

Value EvalSlot(const Node& node, Frame& frame) { return frame.slots[node.index]; }
Value EvalLocal(const Node& node, Frame& frame) { return frame.locals[node.index]; }

Value EvalDynamic(const Node& node, Frame& frame) {
  for (const uint32_t index : node.extra->indices) {
    const Value& item = frame.locals[index];
    if (!item.IsContext()) continue;
    if (const Value* member = item.Find(node.name)) return *member;
  }
  if (node.child_count > 0) return node.child(0).eval(node.child(0), frame);
  return Fail(node, frame, NullReason::kNotFound, "the item has no member of this name");
}

Value EvalNegate(const Node& node, Frame& frame) {
  const Value v = node.child(0).eval(node.child(0), frame);
  if (v.IsNumber()) return NegateNumber(v);
  if (v.kind() == Kind::kDaysDuration || v.kind() == Kind::kYearsDuration) return NegateDuration(v);
  if (v.IsNull()) return Fail(node, frame, NullReason::kNullOperand, kNullOperand);
  return Fail(node, frame, NullReason::kType, "only numbers and durations can be negated");
}

template <char kOp>
Value EvalArithmetic(const Node& node, Frame& frame) {
  const Value a = node.child(0).eval(node.child(0), frame);
  const Value b = node.child(1).eval(node.child(1), frame);
  if constexpr (kOp != '^') {
    if (a.IsNumber() && b.IsNumber()) return Note(node, frame, CombineNumbers<kOp>(a, b));
  }
  return Note(node, frame, Arithmetic(kOp, a, b, frame.context->arena(), *frame.context));
}

template <CompareOp kOp>
Ternary CompareValues(const Value& a, const Value& b) {
  if constexpr (kOp == CompareOp::kEqual) return Equals(a, b);
  if constexpr (kOp == CompareOp::kNotEqual) {
    const Ternary t = Equals(a, b);
    return t == Ternary::kNull ? t : ToTernary(t == Ternary::kFalse);
  }
  const auto order = Order(a, b);
  if (!order) return Ternary::kNull;
  if constexpr (kOp == CompareOp::kLess) return ToTernary(*order < 0);
  if constexpr (kOp == CompareOp::kLessEqual) return ToTernary(*order <= 0);
  if constexpr (kOp == CompareOp::kGreater) return ToTernary(*order > 0);
  return ToTernary(*order >= 0);
}

template <CompareOp kOp>
bool Holds(std::strong_ordering order) {
  if constexpr (kOp == CompareOp::kEqual) return order == 0;
  if constexpr (kOp == CompareOp::kNotEqual) return order != 0;
  if constexpr (kOp == CompareOp::kLess) return order < 0;
  if constexpr (kOp == CompareOp::kLessEqual) return order <= 0;
  if constexpr (kOp == CompareOp::kGreater) return order > 0;
  return order >= 0;
}

template <CompareOp kOp>
Ternary TestCompare(const Node& node, Frame& frame) {
  const Value a = node.child(0).eval(node.child(0), frame);
  const Value b = node.child(1).eval(node.child(1), frame);
  if (a.IsNumber() && b.IsNumber()) return ToTernary(Holds<kOp>(CompareNumbers(a, b)));
  return CompareValues<kOp>(a, b);
}

// slot op constant number: what most conditions are.
template <CompareOp kOp>
Ternary TestSlotNumber(const Node& node, Frame& frame) {
  const Value& a = frame.slots[node.child(0).index];
  const Value& b = node.child(1).constant;
  if (a.IsNumber()) return ToTernary(Holds<kOp>(CompareNumbers(a, b)));
  return CompareValues<kOp>(a, b);
}

template <TestFn kTest>
Value EvalCompare(const Node& node, Frame& frame) {
  const Ternary t = kTest(node, frame);
  if (t != Ternary::kNull) return Value::Boolean(t == Ternary::kTrue);
  return Fail(node, frame, NullReason::kType, "the operands cannot be compared");
}

Ternary TestAnd(const Node& node, Frame& frame) {
  Ternary result = Ternary::kTrue;
  for (uint32_t i = 0; i < node.child_count; ++i) {
    const Ternary t = node.child(i).test(node.child(i), frame);
    if (t == Ternary::kFalse) return Ternary::kFalse;
    if (t == Ternary::kNull) result = Ternary::kNull;
  }
  return result;
}

Ternary TestOr(const Node& node, Frame& frame) {
  Ternary result = Ternary::kFalse;
  for (uint32_t i = 0; i < node.child_count; ++i) {
    const Ternary t = node.child(i).test(node.child(i), frame);
    if (t == Ternary::kTrue) return Ternary::kTrue;
    if (t == Ternary::kNull) result = Ternary::kNull;
  }
  return result;
}

Value EvalLogic(const Node& node, Frame& frame) {
  return FromTernary(node, frame, node.test(node, frame), "an operand is not a boolean");
}

Ternary TestBetween(const Node& node, Frame& frame) {
  const Value v = node.child(0).eval(node.child(0), frame);
  const Value low = node.child(1).eval(node.child(1), frame);
  const Value high = node.child(2).eval(node.child(2), frame);
  const auto from = Order(v, low);
  const auto to = Order(v, high);
  if (!from || !to) return Ternary::kNull;
  return ToTernary(*from >= 0 && *to <= 0);
}

Ternary TestIn(const Node& node, Frame& frame) {
  const Value v = node.child(0).eval(node.child(0), frame);
  Ternary result = Ternary::kFalse;
  for (uint32_t i = 1; i < node.child_count; ++i) {
    const Ternary t = InTest(v, node.child(i).eval(node.child(i), frame));
    if (t == Ternary::kTrue) return t;
    if (t == Ternary::kNull) result = t;
  }
  return result;
}

Ternary TestUnaryTests(const Node& node, Frame& frame) {
  Ternary result = Ternary::kFalse;
  for (uint32_t i = 0; i < node.child_count; ++i) {
    const Ternary t = node.child(i).test(node.child(i), frame);
    if (t == Ternary::kTrue) {
      result = t;
      break;
    }
    if (t == Ternary::kNull) result = t;
  }
  if (node.op == 0 || result == Ternary::kNull) return result;
  return ToTernary(result == Ternary::kFalse);
}

Ternary TestUnaryTest(const Node& node, Frame& frame) {
  const Value& input = frame.locals[node.index];
  const Value test = node.child(0).eval(node.child(0), frame);
  // An expression that is true is a match in itself; a bare `true` asks for an input that is true,
  // so that a rule of it does not fire where the input is missing.
  const bool is_condition = (node.flags & Node::kUsesInput) != 0 ||
                            (node.child(0).kind != NodeKind::kConstant && !input.IsBoolean());
  if (test.IsBoolean() && is_condition) return ToTernary(test.boolean());
  if ((node.flags & Node::kUsesInput) != 0 && test.IsNull()) return Ternary::kNull;
  return InTest(input, test);
}

Value EvalInstanceOf(const Node& node, Frame& frame) {
  const Value v = node.child(0).eval(node.child(0), frame);
  return Value::Boolean(IsInstance(v, node.extra->types[0]));
}

Value EvalIf(const Node& node, Frame& frame) {
  const Node& condition = node.child(0);
  const Value decides = condition.eval(condition, frame);
  if (!decides.IsBoolean() && !decides.IsNull()) {
    return Fail(node, frame, NullReason::kType, "the condition is not a boolean");
  }
  const Node& branch = decides.IsTrue() ? node.child(1) : node.child(2);
  return branch.eval(branch, frame);
}

// As EvalIf where the condition is a boolean or null. A null is noted by its own evaluation, so
// notes take the long way.
Value EvalIfTest(const Node& node, Frame& frame) {
  if (frame.context->notes != nullptr) return EvalIf(node, frame);
  const Node& condition = node.child(0);
  const bool holds = condition.test(condition, frame) == Ternary::kTrue;
  const Node& branch = holds ? node.child(1) : node.child(2);
  return branch.eval(branch, frame);
}

Value EvalList(const Node& node, Frame& frame) {
  const auto items = frame.context->arena().NewArray<Value>(node.child_count);
  for (uint32_t i = 0; i < node.child_count; ++i) {
    items[i] = node.child(i).eval(node.child(i), frame);
  }
  return Value::List(items);
}

Value EvalContext(const Node& node, Frame& frame) {
  const auto entries = frame.context->arena().NewArray<Entry>(node.child_count);
  for (uint32_t i = 0; i < node.child_count; ++i) {
    const Node& child = node.child(i);
    const uint32_t local = node.extra->indices[i];
    const Value value = child.eval(child, frame);
    frame.locals[local] = value;
    if (child.kind == NodeKind::kFunction) TieKnot(value, local);
    entries[i] = {node.extra->names[i], value};
  }
  // A boxed context may end in a result without a name.
  if (node.flags != 0) return entries.back().value;
  return Value::Context(entries);
}

bool CanBound(const Value& v) {
  switch (v.kind()) {
    case Kind::kNull:
    case Kind::kNumber:
    case Kind::kString:
    case Kind::kDate:
    case Kind::kTime:
    case Kind::kDateTime:
    case Kind::kDaysDuration:
    case Kind::kYearsDuration:
      return true;
    default:
      return false;
  }
}

Value EvalRange(const Node& node, Frame& frame) {
  RangeData range;
  range.start = node.child(0).eval(node.child(0), frame);
  range.end = node.child(1).eval(node.child(1), frame);
  range.start_included = (node.flags & Node::kStartIncluded) != 0;
  range.end_included = (node.flags & Node::kEndIncluded) != 0;
  const bool kinds =
      range.start.IsNull() || range.end.IsNull() || range.start.kind() == range.end.kind();
  if (!kinds || !CanBound(range.start) || !CanBound(range.end)) {
    return Fail(node, frame, NullReason::kType, "these ends do not make a range");
  }
  return NewRange(frame.context->arena(), range);
}

Value EvalUnaryRange(const Node& node, Frame& frame) {
  RangeData range;
  range.form = static_cast<RangeData::Form>(node.op);
  range.start = range.end = Value::Null(NullReason::kNone, "the range has no bound here");
  const Value end = node.child(0).eval(node.child(0), frame);
  switch (range.form) {
    case RangeData::Form::kLess:
    case RangeData::Form::kLessEqual:
      range.end = end;
      range.end_included = range.form == RangeData::Form::kLessEqual;
      break;
    case RangeData::Form::kGreater:
    case RangeData::Form::kGreaterEqual:
      range.start = end;
      range.start_included = range.form == RangeData::Form::kGreaterEqual;
      break;
    default:
      range.start = end;
      range.end = end;
      range.start_included = range.end_included = range.form == RangeData::Form::kEqual;
  }
  return NewRange(frame.context->arena(), range);
}

Value EvalPath(const Node& node, Frame& frame) {
  const Value base = node.child(0).eval(node.child(0), frame);
  if (base.IsContext()) {
    const auto entries = base.context();
    if (node.index < entries.size() && entries[node.index].name == node.name) {
      return entries[node.index].value;
    }
    if (const Value* member = base.Find(node.name)) return *member;
    return Fail(node, frame, NullReason::kNotFound, "the context has no entry of this name");
  }
  return Note(node, frame, PathOf(base, node.name, *frame.context));
}

Value EvalCoerce(const Node& node, Frame& frame) {
  const Value v = node.child(0).eval(node.child(0), frame);
  return Note(node, frame, Coerce(v, node.extra->types[0], frame.context->arena()));
}

// Values of the children from `first` on, in `buffer` where they fit.
constexpr size_t kBufferedArguments = 8;

std::span<const Value> EvalArguments(const Node& node, Frame& frame, uint32_t first,
                                     Value* buffer) {
  const uint32_t count = node.child_count - first;
  Value* values =
      count <= kBufferedArguments ? buffer : frame.context->arena().NewArray<Value>(count).data();
  for (uint32_t i = 0; i < count; ++i) {
    values[i] = node.child(first + i).eval(node.child(first + i), frame);
  }
  return {values, count};
}

Value EvalBuiltin(const Node& node, Frame& frame) {
  Value buffer[kBufferedArguments];
  const auto args = EvalArguments(node, frame, 0, buffer);
  const NodeExtra& extra = *node.extra;
  if (extra.regex != nullptr) {
    return Note(node, frame,
                CallWithRegex(extra.builtin->name, *extra.regex, args, *frame.context));
  }
  return Note(node, frame, extra.builtin->fn({args, *frame.context, extra.overload}));
}

template <bool kLeast>
Value EvalExtremeOfTwo(const Node& node, Frame& frame) {
  const Value a = node.child(0).eval(node.child(0), frame);
  const Value b = node.child(1).eval(node.child(1), frame);
  return Note(node, frame, ExtremeOfTwo<kLeast>(node, a, b, frame));
}

Value EvalCall(const Node& node, Frame& frame) {
  Value buffer[kBufferedArguments];
  const Value callee = node.child(0).eval(node.child(0), frame);
  const auto args = EvalArguments(node, frame, 1, buffer);
  if (!callee.IsFunction()) {
    if (callee.IsNull())
      return Fail(node, frame, NullReason::kUnknownName, "there is no such function");
    return Fail(node, frame, NullReason::kType, "this is not a function");
  }
  if (node.extra->names.empty()) return Note(node, frame, Invoke(callee, args, *frame.context));
  return Note(node, frame, InvokeNamed(callee, node.extra->names, args, *frame.context));
}

Value EvalCustom(const Node& node, Frame& frame) {
  const NodeExtra& extra = *node.extra;
  const auto slots = frame.context->arena().NewArray<Value>(extra.custom_slot_count);
  for (size_t i = 0; i < extra.custom_slots.size(); ++i) {
    const Node& source = *extra.custom_sources[i];
    slots[extra.custom_slots[i]] = source.eval(source, frame);
  }
  return Note(node, frame, extra.custom->Evaluate(slots, *frame.context));
}

// Where the custom expression numbers the slots that it reads as the frame does.
Value EvalCustomInPlace(const Node& node, Frame& frame) {
  const NodeExtra& extra = *node.extra;
  return Note(node, frame,
              extra.custom->Evaluate({frame.slots, extra.custom_slot_count}, *frame.context));
}

void LinkCustom(Node* node) {
  const NodeExtra& extra = *node->extra;
  node->eval = EvalCustomInPlace;
  for (size_t i = 0; i < extra.custom_slots.size(); ++i) {
    const Node& source = *extra.custom_sources[i];
    if (source.kind != NodeKind::kSlot || source.index != extra.custom_slots[i]) {
      node->eval = EvalCustom;
    }
  }
}

template <CompareOp kOp>
void LinkCompare(Node* node) {
  const Node& left = node->child(0);
  const Node& right = node->child(1);
  const bool slot_number = left.kind == NodeKind::kSlot && right.kind == NodeKind::kConstant &&
                           right.constant.IsNumber();
  node->test = slot_number ? TestSlotNumber<kOp> : TestCompare<kOp>;
  node->eval = slot_number ? EvalCompare<TestSlotNumber<kOp>> : EvalCompare<TestCompare<kOp>>;
}

void LinkArithmetic(Node* node) {
  switch (static_cast<char>(node->op)) {
    case '+':
      node->eval = EvalArithmetic<'+'>;
      return;
    case '-':
      node->eval = EvalArithmetic<'-'>;
      return;
    case '*':
      node->eval = EvalArithmetic<'*'>;
      return;
    case '/':
      node->eval = EvalArithmetic<'/'>;
      return;
    default:
      node->eval = EvalArithmetic<'^'>;
  }
}

void LinkBuiltin(Node* node) {
  node->eval = EvalBuiltin;
  if (!IsExtremeOfTwo(*node)) return;
  const bool least = node->extra->builtin->name == "min";
  node->eval = least ? EvalExtremeOfTwo<true> : EvalExtremeOfTwo<false>;
}

void LinkComparison(Node* node) {
  switch (static_cast<CompareOp>(node->op)) {
    case CompareOp::kEqual:
      return LinkCompare<CompareOp::kEqual>(node);
    case CompareOp::kNotEqual:
      return LinkCompare<CompareOp::kNotEqual>(node);
    case CompareOp::kLess:
      return LinkCompare<CompareOp::kLess>(node);
    case CompareOp::kLessEqual:
      return LinkCompare<CompareOp::kLessEqual>(node);
    case CompareOp::kGreater:
      return LinkCompare<CompareOp::kGreater>(node);
    case CompareOp::kGreaterEqual:
      return LinkCompare<CompareOp::kGreaterEqual>(node);
  }
}

void LinkTest(Node* node, TestFn test) {
  node->test = test;
  node->eval = EvalLogic;
}

}  // namespace

bool IsTest(const Node& node) {
  switch (node.kind) {
    case NodeKind::kCompare:
    case NodeKind::kAnd:
    case NodeKind::kOr:
    case NodeKind::kBetween:
    case NodeKind::kIn:
      return true;
    default:
      return false;
  }
}

bool IsExtremeOfTwo(const Node& node) {
  if (node.kind != NodeKind::kCallBuiltin || node.child_count != 2) return false;
  const std::string_view name = node.extra->builtin->name;
  return (name == "max" || name == "min") && node.extra->regex == nullptr;
}

Value Arithmetic(char op, const Value& a, const Value& b, Arena& arena,
                 const EvaluationContext& context) {
  if (a.IsNull() || b.IsNull()) return Value::Null(NullReason::kNullOperand, kNullOperand);
  if (a.IsNumber() && b.IsNumber() && op == '^') {
    const Value power = Value::Number(Decimal::Power(a.number(), b.number()));
    if (power.IsNull()) return Value::Null(NullReason::kArithmetic, "the power is not a number");
    return power;
  }
  if (a.IsString() && b.IsString() && op == '+') {
    const size_t size = a.string().size() + b.string().size();
    if (size > context.limits.string_bytes_max) {
      return Value::Null(NullReason::kLimit, "the string is longer than string_bytes_max");
    }
    if (!context.HasMemory()) {
      return Value::Null(NullReason::kLimit, "the evaluation takes more than arena_bytes_max");
    }
    auto* bytes = static_cast<char*>(arena.Allocate(size + 1, 1));
    std::copy(a.string().begin(), a.string().end(), bytes);
    std::copy(b.string().begin(), b.string().end(), bytes + a.string().size());
    return Value::String({bytes, size});
  }
  if (op == '^') return Value::Null(NullReason::kType, "only numbers have powers");
  return TemporalArithmetic(op, a, b);
}

Ternary InTest(const Value& value, const Value& test) {
  if (test.IsRange()) {
    if (value.IsRange()) return Equals(value, test);
    return Contains(test.range(), value);
  }
  if (!test.IsList()) return Equals(value, test);
  Ternary result = Ternary::kFalse;
  for (const Value& item : test.list()) {
    if (item.IsRange() && !value.IsRange()) {
      const Ternary t = Contains(item.range(), value);
      if (t == Ternary::kTrue) return t;
      if (t == Ternary::kNull) result = t;
    } else if (Equals(value, item) == Ternary::kTrue) {
      return Ternary::kTrue;
    }
  }
  if (value.IsList() && Equals(value, test) == Ternary::kTrue) return Ternary::kTrue;
  return result;
}

Value PathOf(const Value& value, std::string_view name, EvaluationContext& context) {
  switch (value.kind()) {
    case Kind::kNull:
      return Value::Null(NullReason::kNullOperand, "null has no members");
    case Kind::kContext: {
      const Value* member = value.Find(name);
      if (member != nullptr) return *member;
      return Value::Null(NullReason::kNotFound, "the context has no entry of this name");
    }
    case Kind::kList: {
      if (!context.Step(value.list().size())) {
        return Value::Null(NullReason::kLimit, "the path takes more steps than iterations_max");
      }
      const auto items = context.arena().NewArray<Value>(value.list().size());
      for (size_t i = 0; i < items.size(); ++i) items[i] = PathOf(value.list()[i], name, context);
      return Value::List(items);
    }
    case Kind::kRange: {
      const RangeData& range = value.range();
      if (name == "start") return range.start;
      if (name == "end") return range.end;
      if (name == "start included") return Value::Boolean(range.start_included);
      if (name == "end included") return Value::Boolean(range.end_included);
      break;
    }
    default:
      if (const auto property = TemporalProperty(value, name)) return *property;
  }
  return Value::Null(NullReason::kNotFound, "this kind of value has no such property");
}

void Link(Node* node) {
  node->test = DefaultTest;
  switch (node->kind) {
    case NodeKind::kConstant:
      node->eval = EvalConstant;
      return;
    case NodeKind::kSlot:
      node->eval = EvalSlot;
      return;
    case NodeKind::kLocal:
      node->eval = EvalLocal;
      return;
    case NodeKind::kDynamic:
      node->eval = EvalDynamic;
      return;
    case NodeKind::kNegate:
      node->eval = EvalNegate;
      return;
    case NodeKind::kArithmetic:
      return LinkArithmetic(node);
    case NodeKind::kCompare:
      return LinkComparison(node);
    case NodeKind::kAnd:
      return LinkTest(node, TestAnd);
    case NodeKind::kOr:
      return LinkTest(node, TestOr);
    case NodeKind::kBetween:
      return LinkTest(node, TestBetween);
    case NodeKind::kIn:
      return LinkTest(node, TestIn);
    case NodeKind::kUnaryTest:
      return LinkTest(node, TestUnaryTest);
    case NodeKind::kUnaryTests:
      return LinkTest(node, TestUnaryTests);
    case NodeKind::kInstanceOf:
      node->eval = EvalInstanceOf;
      return;
    case NodeKind::kIf:
      node->eval = IsTest(node->child(0)) ? EvalIfTest : EvalIf;
      return;
    case NodeKind::kList:
      node->eval = EvalList;
      return;
    case NodeKind::kContext:
      node->eval = EvalContext;
      return;
    case NodeKind::kRange:
      node->eval = EvalRange;
      return;
    case NodeKind::kUnaryRange:
      node->eval = EvalUnaryRange;
      return;
    case NodeKind::kPath:
      node->eval = EvalPath;
      return;
    case NodeKind::kCallBuiltin:
      return LinkBuiltin(node);
    case NodeKind::kCall:
      node->eval = EvalCall;
      return;
    case NodeKind::kCoerce:
      node->eval = EvalCoerce;
      return;
    case NodeKind::kCustom:
      return LinkCustom(node);
    case NodeKind::kFor:
      node->eval = EvalFor;
      return;
    case NodeKind::kSome:
      node->eval = EvalSome;
      return;
    case NodeKind::kEvery:
      node->eval = EvalEvery;
      return;
    case NodeKind::kIteration:
      node->eval = EvalIteration;
      return;
    case NodeKind::kFilter:
      node->eval = EvalFilter;
      return;
    case NodeKind::kFunction:
      node->eval = EvalFunction;
      return;
  }
}

}  // namespace credence::feel
