#pragma once
// Evaluation functions shared between the files of the evaluator.

#include <span>
#include <string_view>

#include "src/feel/builtin.h"
#include "src/feel/compiled.h"
#include "src/feel/number.h"

namespace credence::feel {

class Regex;

Value EvalFor(const Node& node, Frame& frame);
Value EvalSome(const Node& node, Frame& frame);
Value EvalEvery(const Node& node, Frame& frame);
Value EvalIteration(const Node& node, Frame& frame);
Value EvalFilter(const Node& node, Frame& frame);
Value EvalFunction(const Node& node, Frame& frame);

// Whether a node is a boolean or null, whatever its operands are, and has a test of its own.
[[nodiscard]] bool IsTest(const Node& node);
// Whether a node is a call of min or max with two operands.
[[nodiscard]] bool IsExtremeOfTwo(const Node& node);

// min or max of two, of which numbers are compared in their place; `call` is the node.
template <bool kLeast>
Value ExtremeOfTwo(const Node& call, const Value& a, const Value& b, const Frame& frame) {
  if (a.IsNumber() && b.IsNumber()) {
    const std::strong_ordering order = CompareNumbers(b, a);
    return (kLeast ? order < 0 : order > 0) ? b : a;
  }
  const Value args[] = {a, b};
  return call.extra->builtin->fn({args, *frame.context, call.extra->overload});
}

// A function that stands in the entry of a context and calls itself took along the entry's local
// before it had a value: gives it the value.
void TieKnot(const Value& function, uint32_t local);

// matches, replace or split with a pattern that was compiled before.
Value CallWithRegex(std::string_view builtin, const Regex& regex, std::span<const Value> args,
                    EvaluationContext& context);

}  // namespace credence::feel
