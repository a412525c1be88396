#pragma once
// Fineract's behaviour tests as data: a loan's life in sentences, some with a table of text.
// One JSON object a line, the file compressed with gzip:
//   {"file": …, "line": …, "name": …, "steps": [{"text": …, "table": [[header …], [cell …] …]} …]}

#include <string>
#include <vector>

#include "src/base/status.h"

namespace credence::conformance {

using Row = std::vector<std::string>;

struct Step {
  std::string text;
  std::vector<Row> table;  // the header first; empty when the sentence has none

  // The sentence with every quoted text as "X" and every other number as N, and what stood there.
  std::string kind;
  std::vector<std::string> args;

  // The column's cell in a row; empty when there is no such column.
  [[nodiscard]] std::string Cell(size_t row, std::string_view column) const;
  [[nodiscard]] bool Has(std::string_view column) const;
};

struct Scenario {
  std::string id;  // "Loan.feature:460"
  std::string name;
  std::vector<Step> steps;
  std::string unreadable;  // why the line is no scenario, with file and line; empty: it is one
};

// Lines that are no scenario are kept and say so. kNotFound, or kDataLoss for a file that is cut.
Result<std::vector<Scenario>> ReadScenarios(const std::string& path);

}  // namespace credence::conformance
