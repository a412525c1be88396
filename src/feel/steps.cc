#include "src/feel/steps.h"

#include <cstddef>
#include <memory>
#include <unordered_set>

#include "src/feel/builtin.h"
#include "src/feel/evaluate.h"
#include "src/feel/number.h"

namespace credence::feel {
namespace {

using Op = Steps::Op;
using Operand = Steps::Operand;
using Place = Steps::Place;
using Step = Steps::Step;

bool IsOperator(const Node& node) { return node.kind == NodeKind::kArithmetic && node.op != '^'; }

bool IsCondition(const Node& node) { return node.kind == NodeKind::kIf && IsTest(node.child(0)); }

// Whether the node is one or more steps itself, and the operands that are its children too.
bool IsSteps(const Node& node) {
  return IsOperator(node) || IsCondition(node) || IsExtremeOfTwo(node);
}

Op OpOf(const Node& node) {
  if (node.kind == NodeKind::kCallBuiltin) {
    return node.extra->builtin->name == "min" ? Op::kMin : Op::kMax;
  }
  switch (static_cast<char>(node.op)) {
    case '+':
      return Op::kAdd;
    case '-':
      return Op::kSubtract;
    case '*':
      return Op::kMultiply;
    default:
      return Op::kDivide;
  }
}

class StepMaker {
 public:
  explicit StepMaker(Steps* made) : made_(*made) {}

  void Make(const Node& root) { Add(Op::kReturn, 0, nullptr, Give(root, 0)); }

 private:
  static uint32_t Bytes(size_t values) { return static_cast<uint32_t>(values * sizeof(Value)); }
  size_t Add(Op op, uint32_t target, const Node* node, Operand a = {}, Operand b = {}) {
    made_.steps.push_back({op, Bytes(target), 0, a, b, node});
    return made_.steps.size() - 1;
  }
  [[nodiscard]] uint32_t end() const { return static_cast<uint32_t>(made_.steps.size()); }

  // Where the value of `node` stands, after steps that use registers from `free` on: in that one
  // unless it stands somewhere anyway.
  Operand Give(const Node& node, uint32_t free) {
    switch (node.kind) {
      case NodeKind::kSlot:
        return {Place::kSlot, Bytes(node.index)};
      case NodeKind::kLocal:
        return {Place::kLocal, Bytes(node.index)};
      case NodeKind::kConstant:
        made_.constants.push_back(node.constant);
        return {Place::kConstant, Bytes(made_.constants.size() - 1)};
      default:
        break;
    }
    if (!IsSteps(node) || free + 1 >= Steps::kRegistersMax) {
      Add(Op::kNode, free, &node);
    } else if (IsCondition(node)) {
      const size_t unless = Add(Op::kUnless, 0, &node.child(0));
      GiveIn(node.child(1), free);
      const size_t jump = Add(Op::kJump, 0, nullptr);
      made_.steps[unless].next = end();
      GiveIn(node.child(2), free);
      made_.steps[jump].next = end();
    } else {
      const Operand a = Give(node.child(0), free);
      const bool taken = a.place == Place::kRegister;
      const Operand b = Give(node.child(1), free + (taken ? 1 : 0));
      Add(OpOf(node), free, &node, a, b);
    }
    return {Place::kRegister, Bytes(free)};
  }

  void GiveIn(const Node& node, uint32_t target) {
    const Operand a = Give(node, target);
    if (a.place != Place::kRegister) Add(Op::kCopy, target, nullptr, a);
  }

  Steps& made_;
};

// What CombineInto leaves.
template <char kOp>
[[gnu::noinline]] Value CombineOthers(const Value& a, const Value& b, const Frame& frame) {
  if (a.IsNumber() && b.IsNumber()) return CombineNumbers<kOp>(a, b);
  return Arithmetic(kOp, a, b, frame.context->arena(), *frame.context);
}

template <char kOp>
void CombineInto(Value* target, const Value& a, const Value& b, const Frame& frame) {
  if (a.IsNumber() && b.IsNumber()) [[likely]] {
    const Decimal number = kOp == '+'   ? a.number() + b.number()
                           : kOp == '-' ? a.number() - b.number()
                           : kOp == '*' ? a.number() * b.number()
                                        : a.number() / b.number();
    if (number.IsFinite()) [[likely]] {
      *target = FiniteNumber(number);
      return;
    }
  }
  *target = CombineOthers<kOp>(a, b, frame);
}

Value EvalSteps(const Node& node, Frame& frame) {
  const Steps& made = *node.extra->steps;
  if (frame.context->notes != nullptr) return made.tree(node, frame);
  // Each register is written before it is read.
  alignas(Value) std::byte registers[Steps::kRegistersMax * sizeof(Value)];
  const void* const places[] = {frame.slots, frame.locals, made.constants.data(), registers};
  const auto at = [&](const Operand& operand) -> const Value& {
    const void* const place = places[static_cast<size_t>(operand.place)];
    return *reinterpret_cast<const Value*>(static_cast<const std::byte*>(place) + operand.at);
  };
  const Step* const first = made.steps.data();
  const Step* step = first;
  for (;;) {
    auto* const target = reinterpret_cast<Value*>(registers + step->target);
    switch (step->op) {
      case Op::kAdd:
        CombineInto<'+'>(target, at(step->a), at(step->b), frame);
        break;
      case Op::kSubtract:
        CombineInto<'-'>(target, at(step->a), at(step->b), frame);
        break;
      case Op::kMultiply:
        CombineInto<'*'>(target, at(step->a), at(step->b), frame);
        break;
      case Op::kDivide:
        CombineInto<'/'>(target, at(step->a), at(step->b), frame);
        break;
      case Op::kMin:
        *target = ExtremeOfTwo<true>(*step->node, at(step->a), at(step->b), frame);
        break;
      case Op::kMax:
        *target = ExtremeOfTwo<false>(*step->node, at(step->a), at(step->b), frame);
        break;
      case Op::kCopy:
        *target = at(step->a);
        break;
      case Op::kNode:
        *target = step->node->eval(*step->node, frame);
        break;
      case Op::kUnless:
        if (step->node->test(*step->node, frame) == Ternary::kTrue) break;
        step = first + step->next;
        continue;
      case Op::kJump:
        step = first + step->next;
        continue;
      case Op::kReturn:
        return at(step->a);
    }
    ++step;
  }
}

}  // namespace

void MakeSteps(Program* program) {
  std::unordered_set<const Node*> inner;
  for (const Node& node : program->nodes) {
    if (!IsSteps(node)) continue;
    for (uint32_t i = IsCondition(node) ? 1 : 0; i < node.child_count; ++i) {
      inner.insert(&node.child(i));
    }
  }
  for (Node& node : program->nodes) {
    if (node.extra != nullptr || !IsSteps(node) || inner.contains(&node)) continue;
    auto steps = std::make_shared<Steps>();
    steps->tree = node.eval;
    StepMaker(steps.get()).Make(node);
    NodeExtra& extra = program->extras.emplace_back();
    extra.steps = std::move(steps);
    node.extra = &extra;
    node.eval = EvalSteps;
  }
}

}  // namespace credence::feel
