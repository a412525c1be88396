#pragma once
// The oracle of TableExpression: every cell of every row is evaluated, and the hit policies are
// written out as the standard tells them (OMG DMN 1.5, 8.2.10). Linked into tests only.

#include <span>
#include <vector>

#include "src/dmn/model.h"
#include "src/feel/expression.h"

namespace credence::dmn {

class NaiveTable {
 public:
  // `table` outlives this. Texts that do not compile are a bug of the test.
  NaiveTable(const DecisionTable* table, const feel::Scope& scope);
  // `rows` gets the rows that match, from 0, in order of the table.
  feel::Value Evaluate(std::span<const feel::Value> slots, feel::EvaluationContext& context,
                       std::vector<uint32_t>* rows) const;

 private:
  using Row = std::vector<feel::Value>;  // outputs of one rule
  [[nodiscard]] feel::Value Shape(const Row& outputs, feel::EvaluationContext& context) const;
  [[nodiscard]] std::vector<size_t> ByPriority(const std::vector<Row>& hits) const;
  [[nodiscard]] feel::Value Aggregate(const std::vector<Row>& hits,
                                      feel::EvaluationContext& context) const;

  const DecisionTable* table_;
  std::vector<feel::Expression> inputs_;
  std::vector<std::vector<feel::UnaryTests>> cells_;  // by row, then column
  std::vector<std::vector<feel::Expression>> outputs_;
  std::vector<feel::Expression> defaults_;
  std::vector<std::vector<feel::Expression>> output_values_;  // by column, in order of priority
};

}  // namespace credence::dmn
