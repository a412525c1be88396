#pragma once
// Evaluation functions shared between the files of the evaluator.

#include <span>
#include <string_view>

#include "src/feel/compiled.h"

namespace credence::feel {

class Regex;

Value EvalFor(const Node& node, Frame& frame);
Value EvalSome(const Node& node, Frame& frame);
Value EvalEvery(const Node& node, Frame& frame);
Value EvalIteration(const Node& node, Frame& frame);
Value EvalFilter(const Node& node, Frame& frame);
Value EvalFunction(const Node& node, Frame& frame);

// A function that stands in the entry of a context and calls itself took along the entry's local
// before it had a value: gives it the value.
void TieKnot(const Value& function, uint32_t local);

// matches, replace or split with a pattern that was compiled before.
Value CallWithRegex(std::string_view builtin, const Regex& regex, std::span<const Value> args,
                    EvaluationContext& context);

}  // namespace credence::feel
