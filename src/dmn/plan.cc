#include <algorithm>

#include "src/dmn/compile.h"

namespace credence::dmn {

using feel::EvaluationContext;
using feel::NullReason;
using feel::Value;

Plan MakePlan(const std::deque<Node>& nodes, std::span<const uint32_t> outputs,
              std::span<const uint32_t> stops) {
  constexpr uint32_t kUnseen = UINT32_MAX;
  constexpr uint32_t kOpen = UINT32_MAX - 1;
  Plan plan;
  std::unordered_map<uint32_t, uint32_t> place;
  const auto place_of = [&](uint32_t node) {
    const auto found = place.find(node);
    return found == place.end() ? kUnseen : found->second;
  };
  const auto is_given = [&](uint32_t node) {
    return nodes[node].info.kind == NodeKind::kInputData ||
           std::find(stops.begin(), stops.end(), node) != stops.end();
  };
  // Depth first without recursion: a chain of decisions may be long. Graphs with a cycle have been
  // cut.
  std::vector<std::pair<uint32_t, size_t>> stack;
  for (const uint32_t output : outputs) {
    if (place_of(output) == kUnseen) stack.emplace_back(output, 0);
    while (!stack.empty()) {
      auto& [id, next] = stack.back();
      const Node& node = nodes[id];
      if (is_given(id)) {
        if (place_of(id) == kUnseen) {
          place[id] = plan.value_count;
          plan.given.push_back({&node, plan.value_count++});
        }
        stack.pop_back();
        continue;
      }
      if (next == 0) place[id] = kOpen;
      if (next < node.requires_values.size()) {
        const uint32_t needed = node.requires_values[next++];
        if (place_of(needed) == kUnseen) stack.emplace_back(needed, 0);
        continue;
      }
      Plan::Step step{&node, plan.value_count++, static_cast<uint32_t>(plan.args.size())};
      for (const uint32_t needed : node.requires_values) plan.args.push_back(place_of(needed));
      const auto args = std::span(plan.args).subspan(step.args_begin);
      step.args_adjoin =
          std::adjacent_find(args.begin(), args.end(), [](uint32_t one, uint32_t other) {
            return other != one + 1;
          }) == args.end();
      place[id] = step.target;
      plan.steps.push_back(step);
      stack.pop_back();
    }
    plan.outputs.push_back(place_of(output));
  }
  return plan;
}

namespace {

Value EvaluateDecision(const Node& node, std::span<const Value> arguments,
                       EvaluationContext& context) {
  if (!node.info.compiled) {
    return Value::Null(NullReason::kParse, "the decision's logic has errors");
  }
  if (!node.has_logic) return Value::Null(NullReason::kNotFound, "the decision has no logic");
  const Value value = node.logic.Evaluate(arguments, context);
  return node.declared ? feel::Coerce(value, *node.declared, context.arena()) : value;
}

}  // namespace

void Plan::Run(std::span<Value> values, EvaluationContext& context) const {
  for (const Step& step : steps) {
    const size_t count = step.node->requires_values.size();
    std::span<const Value> arguments;
    if (step.args_adjoin && count > 0) {
      arguments = values.subspan(args[step.args_begin], count);
    } else {
      const std::span<Value> copies = context.arena().NewArray<Value>(count);
      for (size_t i = 0; i < count; ++i) copies[i] = values[args[step.args_begin + i]];
      arguments = copies;
    }
    const TraceScope trace(LogOf(context), TraceKind::kDecision, step.node->info.name);
    values[step.target] = EvaluateDecision(*step.node, arguments, context);
    if (!trace.active()) continue;
    for (size_t i = 0; i < count; ++i) {
      // Names as they stand in the nodes of the requirement.
      trace.entry().inputs.emplace_back(step.node->argument_names[i], arguments[i]);
    }
    trace.entry().output = values[step.target];
  }
}

Value KnowledgeFunction::Call(std::span<const Value> arguments, EvaluationContext& context) const {
  if (external_) {
    return Value::Null(NullReason::kExternal, "external functions (Java, PMML) are not run");
  }
  if (broken_) return Value::Null(NullReason::kParse, "the function's logic has errors");
  if (!body_) return Value::Null(NullReason::kNotFound, "the function has no logic");
  const TraceScope trace(LogOf(context), TraceKind::kKnowledgeModel, name_);
  const Value result = body_->Evaluate(arguments, context);
  if (trace.active()) {
    for (size_t i = 0; i < arguments.size() && i < type_.member_count(); ++i) {
      trace.entry().inputs.emplace_back(type_.member_name(i), arguments[i]);
    }
    trace.entry().output = result;
  }
  return result;
}

Value ServiceFunction::Call(std::span<const Value> arguments, EvaluationContext& context) const {
  const TraceScope trace(LogOf(context), TraceKind::kService, name_);
  const std::span<Value> values = context.arena().NewArray<Value>(plan_.value_count);
  for (const Plan::Given& given : plan_.given) {
    values[given.target] = Value::Null(NullReason::kMissing, given.node->missing_text);
  }
  for (size_t i = 0; i < parameters_.size() && i < arguments.size(); ++i) {
    if (parameters_[i] < 0) continue;
    values[plan_.given[static_cast<size_t>(parameters_[i])].target] = arguments[i];
  }
  plan_.Run(values, context);
  Value result;
  if (plan_.outputs.size() == 1) {
    result = values[plan_.outputs[0]];
  } else {
    const std::span<feel::Entry> entries =
        context.arena().NewArray<feel::Entry>(plan_.outputs.size());
    for (size_t i = 0; i < entries.size(); ++i) {
      entries[i] = {output_names_[i], values[plan_.outputs[i]]};
    }
    result = Value::Context(entries);
  }
  if (trace.active()) {
    for (size_t i = 0; i < arguments.size() && i < type_.member_count(); ++i) {
      trace.entry().inputs.emplace_back(type_.member_name(i), arguments[i]);
    }
    trace.entry().output = result;
  }
  return result;
}

const std::vector<Evaluator::Input>& Evaluator::required_inputs() const { return plan_->inputs; }
const feel::Type& Evaluator::type() const { return plan_->root->info.type; }
const std::string& Evaluator::decision() const { return plan_->root->info.name; }

Value Evaluator::Evaluate(std::span<const Value> slots, EvaluationContext& context,
                          EvaluationLog* log) const {
  return Run(slots, context, log)[plan_->outputs[0]];
}

std::span<const Value> Evaluator::EvaluateEach(std::span<const Value> slots,
                                               EvaluationContext& context,
                                               EvaluationLog* log) const {
  const std::span<const Value> values = Run(slots, context, log);
  const std::span<Value> results = context.arena().NewArray<Value>(plan_->outputs.size());
  for (size_t i = 0; i < results.size(); ++i) results[i] = values[plan_->outputs[i]];
  return results;
}

std::span<const Value> Evaluator::Run(std::span<const Value> slots, EvaluationContext& context,
                                      EvaluationLog* log) const {
  if (log != nullptr) {
    log->matched.clear();
    log->depth = 0;
  }
  void* const outer_host = context.host;
  std::vector<feel::NullNote>* const outer_notes = context.notes;
  context.host = log;
  if (log != nullptr && log->trace != nullptr) {
    log->trace->entries.clear();
    log->trace->nulls.clear();
    context.notes = &log->trace->nulls;
  }
  const std::span<Value> values = context.arena().NewArray<Value>(plan_->value_count);
  for (size_t i = 0; i < plan_->given.size(); ++i) {
    const Plan::Given& given = plan_->given[i];
    const Input& input = plan_->inputs[i];
    if (!input.slot || *input.slot >= slots.size()) {
      values[given.target] = Value::Null(NullReason::kMissing, given.node->missing_text);
      continue;
    }
    const Value& value = slots[*input.slot];
    values[given.target] =
        given.node->declared ? feel::Coerce(value, *given.node->declared, context.arena()) : value;
  }
  plan_->Run(values, context);
  context.host = outer_host;
  context.notes = outer_notes;
  return values;
}

}  // namespace credence::dmn
