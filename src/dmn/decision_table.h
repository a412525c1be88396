#pragma once
// A decision table, compiled: inputs evaluated once each, rows found by index, outputs of matching
// rules only.
//
// Standard: OMG DMN 1.5, chapter 8. What it leaves open, and what we do:
//   - no rule matches: the default outputs, or null (reason kNoRule) for every hit policy;
//   - UNIQUE with more than one match, ANY with different outputs: null (kNoRule), the text names
//   the rows;
//   - PRIORITY, OUTPUT ORDER: outputs that are not among the output values come last; ties keep
//   rule order;
//   - an aggregation over several output columns is an error.

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "src/dmn/model.h"
#include "src/dmn/table_index.h"
#include "src/dmn/trace.h"
#include "src/feel/expression.h"

namespace credence::dmn {

// Rules of one table; the index alone may take kIndexBytesMax.
inline constexpr size_t kTableRulesMax = 1'000'000;

// What compiling a part of a model needs to know.
struct CompileEnvironment {
  std::string file;
  feel::Strictness strictness = feel::Strictness::kStandard;
  ZoneSource* zones = nullptr;
  // The type of a typeRef; nothing where it is empty or unknown (then it has reported so).
  std::function<std::optional<feel::Type>(const std::string& type_ref, Position at)> resolve_type;

  [[nodiscard]] feel::CompileOptions OptionsAt(Position at) const {
    feel::CompileOptions options;
    options.file = file;
    options.line = at.line == 0 ? 1 : at.line;
    options.column = at.column == 0 ? 1 : at.column;
    options.strictness = strictness;
    options.zones = zones;
    return options;
  }
};

class TableExpression final : public feel::CustomExpression {
 public:
  // `number` is the table's index in the model, `owner` the decision or function that it stands in.
  TableExpression(std::shared_ptr<const DecisionTable> table, uint32_t number, std::string owner,
                  CompileEnvironment environment);

  feel::Type Bind(const feel::Scope& visible, std::vector<Diagnostic>* diagnostics) override;
  [[nodiscard]] std::vector<uint32_t> slots_read() const override { return slots_read_; }
  [[nodiscard]] feel::Value Evaluate(std::span<const feel::Value> slots,
                                     feel::EvaluationContext& context) const override;

  // Whether Bind() went through. What follows needs it.
  [[nodiscard]] bool is_bound() const { return bound_; }
  [[nodiscard]] const DecisionTable& table() const { return *table_; }
  [[nodiscard]] const std::string& owner() const { return owner_; }
  [[nodiscard]] const std::string& file() const { return environment_.file; }
  [[nodiscard]] const TableIndex& index() const { return index_; }
  [[nodiscard]] const feel::Expression& input(size_t column) const { return inputs_[column]; }
  [[nodiscard]] const feel::Type& input_type(size_t column) const { return input_types_[column]; }
  [[nodiscard]] const feel::UnaryTests& cell(size_t row, size_t column) const {
    return cells_[cell_of_[row * inputs_.size() + column]];
  }
  [[nodiscard]] const feel::Expression& output(size_t row, size_t column) const {
    return outputs_[output_of_[row * table_->outputs.size() + column]];
  }
  [[nodiscard]] const feel::Expression* default_output(size_t column) const {
    return defaults_.empty() ? nullptr : &defaults_[column];
  }
  // Constants of outputValues, highest priority first; empty where there are none.
  [[nodiscard]] std::span<const feel::Value> output_values(size_t column) const {
    return priorities_[column];
  }
  // Unary tests of inputValues; null where there are none.
  [[nodiscard]] const feel::UnaryTests* input_values(size_t column) const {
    return input_values_[column] ? &*input_values_[column] : nullptr;
  }

 private:
  static constexpr uint32_t kNoSlot = UINT32_MAX;
  struct Hits;  // rows in the arena

  void BindInputs(const feel::Scope& visible, std::vector<Diagnostic>* diagnostics);
  void BindCells(const feel::Scope& visible, std::vector<Diagnostic>* diagnostics);
  void BindOutputs(const feel::Scope& visible, std::vector<Diagnostic>* diagnostics);
  void KeepConstantOutputs();
  void BindPriorities(const feel::Scope& visible, std::vector<Diagnostic>* diagnostics);
  [[nodiscard]] feel::Type ResultType() const;

  [[nodiscard]] feel::Value InputOf(size_t column, std::span<const feel::Value> slots,
                                    feel::EvaluationContext& context) const;
  void FindHits(std::span<const feel::Value> inputs, std::span<const feel::Value> slots,
                feel::EvaluationContext& context, Hits* hits) const;
  [[nodiscard]] bool CellMatches(uint32_t row, size_t column, std::span<const feel::Value> inputs,
                                 std::span<const feel::Value> slots,
                                 feel::EvaluationContext& context) const;
  [[nodiscard]] feel::Value OutputOf(uint32_t row, std::span<const feel::Value> slots,
                                     feel::EvaluationContext& context) const;
  [[nodiscard]] feel::Value DefaultOutput(std::span<const feel::Value> slots,
                                          feel::EvaluationContext& context) const;
  [[nodiscard]] feel::Value Decide(std::span<uint32_t> rows, std::span<const feel::Value> slots,
                                   feel::EvaluationContext& context) const;
  [[nodiscard]] feel::Value DecideAny(std::span<const uint32_t> rows,
                                      std::span<const feel::Value> slots,
                                      feel::EvaluationContext& context) const;
  // Sorts rows and outputs by priority.
  void SortByPriority(std::span<uint32_t> rows, std::span<feel::Value> outputs,
                      feel::EvaluationContext& context) const;
  [[nodiscard]] size_t PriorityOf(size_t column, const feel::Value& output) const;
  [[nodiscard]] feel::Value Aggregate(std::span<const feel::Value> outputs,
                                      feel::EvaluationContext& context) const;

  std::shared_ptr<const DecisionTable> table_;
  uint32_t number_;
  std::string owner_;
  CompileEnvironment environment_;

  std::vector<feel::Expression> inputs_;
  // Of inputs that are a name and no more: values of this kind are taken from this slot as they are
  // (of the kind kNull: all values).
  struct InputSlot {
    uint32_t slot = kNoSlot;
    feel::Kind kind = feel::Kind::kNull;
  };
  std::vector<InputSlot> input_slots_;
  std::vector<feel::Type> input_types_;
  std::vector<std::optional<feel::UnaryTests>> input_values_;
  std::vector<feel::Type> output_types_;
  // Equal texts of a column are compiled once.
  std::vector<feel::UnaryTests> cells_;
  std::vector<uint32_t> cell_of_;  // row * columns + column
  std::vector<feel::Expression> outputs_;
  std::vector<uint32_t> output_of_;
  std::vector<feel::Value>
      output_constants_;  // row * columns + column; empty where some are computed
  std::vector<feel::Expression> defaults_;
  std::vector<std::vector<feel::Value>> priorities_;
  std::vector<feel::UnaryTests> priority_texts_;  // own the constants
  std::vector<std::string> output_names_;
  TableIndex index_;
  std::vector<uint32_t> slots_read_;
  bool bound_ = false;
};

// The FEEL text of a cell as it is meant: an empty input entry is "-", an empty output entry is
// null.
[[nodiscard]] std::string_view InputEntryText(const Text& text);
[[nodiscard]] std::string_view OutputEntryText(const Text& text);
// Whether nothing but white space is written.
[[nodiscard]] bool IsBlank(std::string_view text);

}  // namespace credence::dmn
