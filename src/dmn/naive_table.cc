#include "src/dmn/naive_table.h"

#include <algorithm>

#include "src/base/assert.h"
#include "src/feel/function.h"

namespace credence::dmn {

using feel::Value;

NaiveTable::NaiveTable(const DecisionTable* table, const feel::Scope& scope) : table_(table) {
  std::vector<Diagnostic> diagnostics;
  const auto compile = [&](const Text& text) {
    auto expression = feel::Compile(text.text, scope, {}, &diagnostics);
    CREDENCE_ASSERT(expression.has_value());
    return *expression;
  };
  for (const InputClause& clause : table->inputs) inputs_.push_back(compile(clause.expression));
  for (const Rule& rule : table->rules) {
    auto& cells = cells_.emplace_back();
    for (size_t c = 0; c < rule.inputs.size(); ++c) {
      auto tests =
          feel::CompileUnaryTests(rule.inputs[c].text, scope, inputs_[c].type(), {}, &diagnostics);
      CREDENCE_ASSERT(tests.has_value());
      cells.push_back(*tests);
    }
    auto& outputs = outputs_.emplace_back();
    for (const Text& text : rule.outputs) outputs.push_back(compile(text));
  }
  for (const OutputClause& clause : table->outputs) {
    if (clause.default_entry) defaults_.push_back(compile(*clause.default_entry));
    auto& values = output_values_.emplace_back();
    if (!clause.values) continue;
    // A list literal of the same texts.
    const auto list = feel::Compile("[" + clause.values->text + "]", scope, {}, &diagnostics);
    CREDENCE_ASSERT(list.has_value() && list->constant() != nullptr);
    for (const Value& value : list->constant()->list()) {
      Text text;
      text.text = feel::ToFeel(value);
      values.push_back(compile(text));
    }
  }
}

Value NaiveTable::Shape(const Row& outputs, feel::EvaluationContext& context) const {
  if (outputs.size() == 1) return outputs[0];
  std::vector<feel::Entry> entries;
  for (size_t c = 0; c < outputs.size(); ++c)
    entries.push_back({table_->outputs[c].name, outputs[c]});
  return feel::CopyContext(context.arena(), entries);
}

std::vector<size_t> NaiveTable::ByPriority(const std::vector<Row>& hits) const {
  std::vector<size_t> order(hits.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  const auto rank = [&](size_t column, const Value& output) {
    const auto& values = output_values_[column];
    for (size_t i = 0; i < values.size(); ++i) {
      if (feel::Equals(*values[i].constant(), output) == feel::Ternary::kTrue) return i;
    }
    return values.size();
  };
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    for (size_t c = 0; c < table_->outputs.size(); ++c) {
      if (rank(c, hits[a][c]) != rank(c, hits[b][c]))
        return rank(c, hits[a][c]) < rank(c, hits[b][c]);
    }
    return false;
  });
  return order;
}

Value NaiveTable::Aggregate(const std::vector<Row>& hits, feel::EvaluationContext& context) const {
  std::vector<Value> values;
  for (const Row& hit : hits) values.push_back(Shape(hit, context));
  const Value list = feel::CopyList(context.arena(), values);
  const char* name = nullptr;
  switch (table_->aggregation) {
    case Aggregation::kNone:
      return list;
    case Aggregation::kSum:
      name = "sum";
      break;
    case Aggregation::kCount:
      name = "count";
      break;
    case Aggregation::kMin:
      name = "min";
      break;
    case Aggregation::kMax:
      name = "max";
      break;
  }
  return feel::Invoke(Value::Function(feel::FindBuiltin(name)), std::span(&list, 1), context);
}

Value NaiveTable::Evaluate(std::span<const Value> slots, feel::EvaluationContext& context,
                           std::vector<uint32_t>* rows) const {
  rows->clear();
  std::vector<Row> hits;
  for (uint32_t r = 0; r < cells_.size(); ++r) {
    bool all = true;
    for (size_t c = 0; c < inputs_.size(); ++c) {
      const Value input = inputs_[c].Evaluate(slots, context);
      all = cells_[r][c].Evaluate(input, slots, context).IsTrue() && all;
    }
    if (!all) continue;
    rows->push_back(r);
    Row outputs;
    for (const auto& output : outputs_[r]) outputs.push_back(output.Evaluate(slots, context));
    hits.push_back(std::move(outputs));
  }
  const Value none = Value::Null(feel::NullReason::kNoRule);
  if (hits.empty()) {
    if (defaults_.empty()) return none;
    Row outputs;
    for (const auto& output : defaults_) outputs.push_back(output.Evaluate(slots, context));
    return Shape(outputs, context);
  }
  switch (table_->hit_policy) {
    case HitPolicy::kUnique:
      return hits.size() == 1 ? Shape(hits[0], context) : none;
    case HitPolicy::kFirst:
      return Shape(hits[0], context);
    case HitPolicy::kAny:
      for (const Row& hit : hits) {
        for (size_t c = 0; c < hit.size(); ++c) {
          const bool both_null = hit[c].IsNull() && hits[0][c].IsNull();
          if (!both_null && feel::Equals(hit[c], hits[0][c]) != feel::Ternary::kTrue) return none;
        }
      }
      return Shape(hits[0], context);
    case HitPolicy::kPriority:
      return Shape(hits[ByPriority(hits)[0]], context);
    case HitPolicy::kOutputOrder: {
      std::vector<Value> ordered;
      for (const size_t i : ByPriority(hits)) ordered.push_back(Shape(hits[i], context));
      return feel::CopyList(context.arena(), ordered);
    }
    case HitPolicy::kCollect:
    case HitPolicy::kRuleOrder:
      return Aggregate(hits, context);
  }
  return none;
}

}  // namespace credence::dmn
