#include "src/dmn/decision_table.h"

#include <algorithm>
#include <set>

#include "src/feel/function.h"

namespace credence::dmn {

using feel::EvaluationContext;
using feel::NullReason;
using feel::Type;
using feel::Value;

bool IsBlank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}
std::string_view InputEntryText(const Text& text) {
  return IsBlank(text.text) ? std::string_view("-") : text.text;
}
std::string_view OutputEntryText(const Text& text) {
  return IsBlank(text.text) ? std::string_view("null") : text.text;
}

// Rows that matched, in the arena.
struct TableExpression::Hits {
  Arena& arena;
  std::span<uint32_t> rows;
  size_t count = 0;

  void Add(uint32_t row) {
    if (count == rows.size()) {
      const std::span<uint32_t> larger = arena.NewArray<uint32_t>(std::max<size_t>(8, 2 * count));
      std::copy(rows.begin(), rows.end(), larger.begin());
      rows = larger;
    }
    rows[count++] = row;
  }
};

TableExpression::TableExpression(std::shared_ptr<const DecisionTable> table, uint32_t number,
                                 std::string owner, CompileEnvironment environment)
    : table_(std::move(table)),
      number_(number),
      owner_(std::move(owner)),
      environment_(std::move(environment)) {}

Type TableExpression::Bind(const feel::Scope& visible, std::vector<Diagnostic>* diagnostics) {
  const auto error = [&](std::string code, std::string message) {
    diagnostics->push_back({Severity::kError, environment_.file, table_->at.line, table_->at.column,
                            std::move(code), std::move(message), ""});
    return Type::Any();
  };
  if (table_->inputs.size() > kTableColumnsMax || table_->outputs.size() > kTableColumnsMax) {
    return error("too-many-columns",
                 "a decision table has at most 256 input and 256 output columns");
  }
  if (table_->rules.size() > kTableRulesMax) {
    return error("too-many-rules", "a decision table has at most 1,000,000 rules");
  }
  if (table_->aggregation != Aggregation::kNone && table_->outputs.size() > 1) {
    return error("aggregation", "an aggregation needs a table with one output column");
  }
  BindInputs(visible, diagnostics);
  BindCells(visible, diagnostics);
  BindOutputs(visible, diagnostics);
  BindPriorities(visible, diagnostics);
  index_ = TableIndex::Build(table_->rules.size(), inputs_.size(),
                             [&](size_t row, size_t column) -> const feel::UnaryTestShape& {
                               return cell(row, column).shape();
                             });
  std::set<uint32_t> read;
  const auto note = [&](const std::vector<uint32_t>& slots) {
    read.insert(slots.begin(), slots.end());
  };
  for (const auto& expression : inputs_) note(expression.slots_read());
  for (const auto& tests : cells_) note(tests.slots_read());
  for (const auto& expression : outputs_) note(expression.slots_read());
  for (const auto& expression : defaults_) note(expression.slots_read());
  slots_read_.assign(read.begin(), read.end());
  bound_ = true;
  environment_.resolve_type = nullptr;  // belongs to the compilation that ends here
  return ResultType();
}

void TableExpression::BindInputs(const feel::Scope& visible, std::vector<Diagnostic>* diagnostics) {
  for (const InputClause& clause : table_->inputs) {
    feel::CompileOptions options = environment_.OptionsAt(clause.expression.at);
    options.result_type = environment_.resolve_type(clause.type_ref, clause.at);
    auto compiled =
        feel::Compile(OutputEntryText(clause.expression), visible, options, diagnostics);
    inputs_.push_back(compiled.value_or(feel::Expression()));
    InputSlot& slot = input_slots_.emplace_back();
    if (const auto single = inputs_.back().single_slot()) slot.slot = *single;
    if (const auto coerced = inputs_.back().coerced_slot())
      slot = {coerced->first, coerced->second};
    input_types_.push_back(options.result_type.value_or(inputs_.back().type()));
    auto& values = input_values_.emplace_back();
    if (clause.values && !IsBlank(clause.values->text)) {
      values = feel::CompileUnaryTests(clause.values->text, visible, input_types_.back(),
                                       environment_.OptionsAt(clause.values->at), diagnostics);
    }
  }
}

void TableExpression::BindCells(const feel::Scope& visible, std::vector<Diagnostic>* diagnostics) {
  const size_t columns = inputs_.size();
  cell_of_.resize(table_->rules.size() * columns);
  for (size_t c = 0; c < columns; ++c) {
    std::map<std::string_view, uint32_t> known;
    for (size_t r = 0; r < table_->rules.size(); ++r) {
      const Text& entry = table_->rules[r].inputs[c];
      const std::string_view text = InputEntryText(entry);
      uint32_t& id = cell_of_[r * columns + c];
      if (const auto found = known.find(text); found != known.end()) {
        id = found->second;
        continue;
      }
      const size_t before = diagnostics->size();
      auto compiled = feel::CompileUnaryTests(text, visible, input_types_[c],
                                              environment_.OptionsAt(entry.at), diagnostics);
      id = static_cast<uint32_t>(cells_.size());
      cells_.push_back(compiled.value_or(feel::UnaryTests()));
      // A text with something to say about it says so at each place.
      if (diagnostics->size() == before) known.emplace(text, id);
    }
  }
}

void TableExpression::BindOutputs(const feel::Scope& visible,
                                  std::vector<Diagnostic>* diagnostics) {
  const size_t columns = table_->outputs.size();
  output_of_.resize(table_->rules.size() * columns);
  const bool has_defaults =
      std::any_of(table_->outputs.begin(), table_->outputs.end(), [](const OutputClause& clause) {
        return clause.default_entry && !IsBlank(clause.default_entry->text);
      });
  for (size_t c = 0; c < columns; ++c) {
    const OutputClause& clause = table_->outputs[c];
    output_names_.push_back(feel::NormaliseName(clause.name.empty() ? clause.label : clause.name));
    if (columns > 1 && output_names_.back().empty()) {
      diagnostics->push_back({Severity::kError, environment_.file, clause.at.line, clause.at.column,
                              "missing-attribute",
                              "an output column needs a name where there is more than one", ""});
    }
    const std::optional<Type> type = environment_.resolve_type(clause.type_ref, clause.at);
    std::map<std::string_view, uint32_t> known;
    Type joined = Type::Null();
    const auto compile = [&](const Text& entry) {
      feel::CompileOptions options = environment_.OptionsAt(entry.at);
      options.result_type = type;
      auto compiled = feel::Compile(OutputEntryText(entry), visible, options, diagnostics);
      feel::Expression expression = compiled.value_or(feel::Expression());
      joined = Type::Join(joined, expression.type());
      return expression;
    };
    for (size_t r = 0; r < table_->rules.size(); ++r) {
      const Text& entry = table_->rules[r].outputs[c];
      const std::string_view text = OutputEntryText(entry);
      uint32_t& id = output_of_[r * columns + c];
      if (const auto found = known.find(text); found != known.end()) {
        id = found->second;
        continue;
      }
      const size_t before = diagnostics->size();
      id = static_cast<uint32_t>(outputs_.size());
      outputs_.push_back(compile(entry));
      if (diagnostics->size() == before) known.emplace(text, id);
    }
    if (has_defaults) {
      Text none;
      none.at = clause.at;
      defaults_.push_back(compile(clause.default_entry.value_or(none)));
    }
    output_types_.push_back(type.value_or(joined));
  }
  KeepConstantOutputs();
}

// Values side by side, so that a rule that matches costs one look.
void TableExpression::KeepConstantOutputs() {
  output_constants_.reserve(output_of_.size());
  for (const uint32_t id : output_of_) {
    const Value* constant = outputs_[id].constant();
    // A null with a reason is noted where it is evaluated.
    if (constant == nullptr ||
        (constant->IsNull() && constant->null_reason() != NullReason::kNone)) {
      output_constants_.clear();
      output_constants_.shrink_to_fit();
      return;
    }
    output_constants_.push_back(*constant);
  }
}

void TableExpression::BindPriorities(const feel::Scope& visible,
                                     std::vector<Diagnostic>* diagnostics) {
  priorities_.resize(table_->outputs.size());
  for (size_t c = 0; c < table_->outputs.size(); ++c) {
    const OutputClause& clause = table_->outputs[c];
    if (!clause.values || IsBlank(clause.values->text)) continue;
    auto tests = feel::CompileUnaryTests(clause.values->text, visible, output_types_[c],
                                         environment_.OptionsAt(clause.values->at), diagnostics);
    if (!tests) continue;
    for (const auto& alternative : tests->shape().alternatives) {
      if (!alternative.is_interval) priorities_[c].push_back(alternative.constant);
    }
    priority_texts_.push_back(std::move(*tests));
  }
  if (table_->hit_policy != HitPolicy::kPriority && table_->hit_policy != HitPolicy::kOutputOrder) {
    return;
  }
  const bool ordered = std::any_of(priorities_.begin(), priorities_.end(),
                                   [](const auto& values) { return !values.empty(); });
  if (!ordered) {
    diagnostics->push_back({Severity::kWarning, environment_.file, table_->at.line,
                            table_->at.column, "no-output-values",
                            "hit policy " + std::string(HitPolicyName(table_->hit_policy)) +
                                " orders by the output values, and no output column lists them",
                            ""});
  }
}

Type TableExpression::ResultType() const {
  Type row = output_types_.empty() ? Type::Any() : output_types_[0];
  if (output_types_.size() > 1) {
    std::vector<std::pair<std::string, Type>> members;
    for (size_t c = 0; c < output_types_.size(); ++c) {
      members.emplace_back(output_names_[c], output_types_[c]);
    }
    row = Type::Context(std::move(members));
  }
  switch (table_->hit_policy) {
    case HitPolicy::kUnique:
    case HitPolicy::kFirst:
    case HitPolicy::kPriority:
    case HitPolicy::kAny:
      return row;
    case HitPolicy::kCollect:
      if (table_->aggregation == Aggregation::kCount) return Type::Number();
      if (table_->aggregation != Aggregation::kNone) return row;
      break;
    case HitPolicy::kRuleOrder:
    case HitPolicy::kOutputOrder:
      break;
  }
  // A default output stands by itself, not in a list.
  return defaults_.empty() ? Type::List(row) : Type::Any();
}

inline Value TableExpression::InputOf(size_t column, std::span<const Value> slots,
                                      EvaluationContext& context) const {
  const InputSlot& input = input_slots_[column];
  if (input.slot != kNoSlot) {
    const Value& value = slots[input.slot];
    if (value.kind() == input.kind || input.kind == feel::Kind::kNull) return value;
  }
  return inputs_[column].Evaluate(slots, context);
}

bool TableExpression::CellMatches(uint32_t row, size_t column, std::span<const Value> inputs,
                                  std::span<const Value> slots, EvaluationContext& context) const {
  return cell(row, column).Matches(inputs[column], slots, context);
}

void TableExpression::FindHits(std::span<const Value> inputs, std::span<const Value> slots,
                               EvaluationContext& context, Hits* hits) const {
  const size_t columns = inputs_.size();
  const std::span<bool> asked = context.arena().NewArray<bool>(columns);
  const RowSet rows = index_.Find(inputs, asked, context.arena());
  const bool asks = std::find(asked.begin(), asked.end(), true) != asked.end();
  size_t wanted = SIZE_MAX;
  if (table_->hit_policy == HitPolicy::kFirst) wanted = 1;
  if (table_->hit_policy == HitPolicy::kUnique) wanted = 2;
  rows.ForEach([&](uint32_t row) {
    for (const uint16_t column : index_.GeneralCells(row)) {
      if (!CellMatches(row, column, inputs, slots, context)) return true;
    }
    for (size_t c = 0; asks && c < columns; ++c) {
      if (asked[c] && !CellMatches(row, c, inputs, slots, context)) return true;
    }
    hits->Add(row);
    return hits->count < wanted;
  });
}

Value TableExpression::OutputOf(uint32_t row, std::span<const Value> slots,
                                EvaluationContext& context) const {
  const size_t columns = output_types_.size();
  if (columns == 1) {
    return output_constants_.empty() ? output(row, 0).Evaluate(slots, context)
                                     : output_constants_[row];
  }
  const std::span<feel::Entry> entries = context.arena().NewArray<feel::Entry>(columns);
  for (size_t c = 0; c < columns; ++c) {
    entries[c] = {output_names_[c], output_constants_.empty()
                                        ? output(row, c).Evaluate(slots, context)
                                        : output_constants_[row * columns + c]};
  }
  return Value::Context(entries);
}

Value TableExpression::DefaultOutput(std::span<const Value> slots,
                                     EvaluationContext& context) const {
  if (defaults_.empty()) return Value::Null(NullReason::kNoRule, "no rule of the table matches");
  if (defaults_.size() == 1) return defaults_[0].Evaluate(slots, context);
  const std::span<feel::Entry> entries = context.arena().NewArray<feel::Entry>(defaults_.size());
  for (size_t c = 0; c < defaults_.size(); ++c) {
    entries[c] = {output_names_[c], defaults_[c].Evaluate(slots, context)};
  }
  return Value::Context(entries);
}

size_t TableExpression::PriorityOf(size_t column, const Value& output) const {
  const auto& values = priorities_[column];
  for (size_t i = 0; i < values.size(); ++i) {
    if (feel::Equals(values[i], output) == feel::Ternary::kTrue) return i;
  }
  return values.size();
}

void TableExpression::SortByPriority(std::span<uint32_t> rows, std::span<Value> outputs,
                                     EvaluationContext& context) const {
  const size_t columns = output_types_.size();
  const size_t count = rows.size();
  Arena& arena = context.arena();
  const std::span<size_t> ranks = arena.NewArray<size_t>(count * columns);
  const std::span<size_t> order = arena.NewArray<size_t>(count);
  for (size_t i = 0; i < count; ++i) {
    order[i] = i;
    for (size_t c = 0; c < columns; ++c) {
      ranks[i * columns + c] =
          PriorityOf(c, columns == 1 ? outputs[i] : outputs[i].context()[c].value);
    }
  }
  // Ties by place: a stable order without the buffer of stable_sort.
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    for (size_t c = 0; c < columns; ++c) {
      const size_t left = ranks[a * columns + c];
      const size_t right = ranks[b * columns + c];
      if (left != right) return left < right;
    }
    return a < b;
  });
  const std::span<uint32_t> old_rows = arena.NewArray<uint32_t>(count);
  const std::span<Value> old_outputs = arena.NewArray<Value>(count);
  std::copy(rows.begin(), rows.end(), old_rows.begin());
  std::copy(outputs.begin(), outputs.end(), old_outputs.begin());
  for (size_t i = 0; i < count; ++i) {
    rows[i] = old_rows[order[i]];
    outputs[i] = old_outputs[order[i]];
  }
}

Value TableExpression::DecideAny(std::span<const uint32_t> rows, std::span<const Value> slots,
                                 EvaluationContext& context) const {
  const Value first = OutputOf(rows[0], slots, context);
  for (const uint32_t row : rows.subspan(1)) {
    const Value other = OutputOf(row, slots, context);
    if (first.IsNull() && other.IsNull()) continue;
    if (feel::Equals(first, other) == feel::Ternary::kTrue) continue;
    return feel::NullWithText(context.arena(), NullReason::kNoRule,
                              "rules " + std::to_string(rows[0] + 1) + " and " +
                                  std::to_string(row + 1) +
                                  " match with different outputs under hit policy ANY");
  }
  return first;
}

Value TableExpression::Aggregate(std::span<const Value> outputs, EvaluationContext& context) const {
  const char* name = "count";
  switch (table_->aggregation) {
    case Aggregation::kNone:
      return Value::List(outputs);
    case Aggregation::kCount:
      return Value::Integer(static_cast<int64_t>(outputs.size()));
    case Aggregation::kSum:
      name = "sum";
      break;
    case Aggregation::kMin:
      name = "min";
      break;
    case Aggregation::kMax:
      name = "max";
      break;
  }
  const Value list = Value::List(outputs);
  return feel::FindBuiltin(name)->Call(std::span(&list, 1), context);
}

Value TableExpression::Decide(std::span<uint32_t> rows, std::span<const Value> slots,
                              EvaluationContext& context) const {
  if (rows.empty()) return DefaultOutput(slots, context);
  if (table_->hit_policy == HitPolicy::kFirst) return OutputOf(rows[0], slots, context);
  if (table_->hit_policy == HitPolicy::kAny) return DecideAny(rows, slots, context);
  if (table_->hit_policy == HitPolicy::kUnique) {
    if (rows.size() == 1) return OutputOf(rows[0], slots, context);
    return feel::NullWithText(context.arena(), NullReason::kNoRule,
                              "rules " + std::to_string(rows[0] + 1) + " and " +
                                  std::to_string(rows[1] + 1) +
                                  " match both under hit policy UNIQUE");
  }
  const std::span<Value> outputs = context.arena().NewArray<Value>(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) outputs[i] = OutputOf(rows[i], slots, context);
  switch (table_->hit_policy) {
    case HitPolicy::kPriority:
      SortByPriority(rows, outputs, context);
      return outputs[0];
    case HitPolicy::kOutputOrder:
      SortByPriority(rows, outputs, context);
      return Value::List(outputs);
    default:
      return Aggregate(outputs, context);
  }
}

Value TableExpression::Evaluate(std::span<const Value> slots, EvaluationContext& context) const {
  EvaluationLog* log = LogOf(context);
  const TraceScope trace(log, TraceKind::kTable, owner_);
  const size_t columns = inputs_.size();
  const std::span<Value> inputs = context.arena().NewArray<Value>(columns);
  for (size_t c = 0; c < columns; ++c) inputs[c] = InputOf(c, slots, context);
  Hits hits{context.arena(), {}, 0};
  FindHits(inputs, slots, context, &hits);
  const std::span<uint32_t> rows = hits.rows.first(hits.count);
  const size_t logged = log == nullptr ? 0 : log->matched.size();
  if (log != nullptr) {
    for (const uint32_t row : rows) log->matched.push_back({number_, row + 1});
  }
  const Value result = Decide(rows, slots, context);
  if (log != nullptr) {  // the policy may have put the winner first
    for (size_t i = 0; i < rows.size(); ++i) log->matched[logged + i].row = rows[i] + 1;
  }
  if (trace.active()) {
    TraceEntry& entry = trace.entry();
    entry.table = number_;
    for (size_t c = 0; c < columns; ++c) {
      entry.inputs.emplace_back(table_->inputs[c].expression.text, inputs[c]);
    }
    for (const uint32_t row : rows) entry.rows.push_back(row + 1);
    entry.output = result;
  }
  return result;
}

}  // namespace credence::dmn
