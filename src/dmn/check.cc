#include "src/dmn/check.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "src/dmn/table_domain.h"
#include "src/feel/scope.h"

namespace credence::dmn {
namespace {

using feel::NullReason;
using feel::Value;

std::string ColumnName(const DecisionTable& table, size_t column) {
  const InputClause& clause = table.inputs[column];
  return clause.label.empty() ? clause.expression.text : clause.label;
}

std::string OutputName(const DecisionTable& table, size_t column) {
  const OutputClause& clause = table.outputs[column];
  if (!clause.name.empty()) return clause.name;
  return clause.label.empty() ? table.output_label : clause.label;
}

// The unary tests that bound a table's inputs: the clause's own, or those of the item definition
// that types it.
class AllowedValues {
 public:
  explicit AllowedValues(const Model& model) : model_(model) {}

  std::vector<const feel::UnaryTests*> For(const TableExpression& table) {
    std::vector<const feel::UnaryTests*> allowed;
    for (size_t c = 0; c < table.table().inputs.size(); ++c) {
      const feel::UnaryTests* tests = table.input_values(c);
      if (tests == nullptr) tests = FromDefinition(table, c);
      allowed.push_back(tests);
    }
    return allowed;
  }

 private:
  const feel::UnaryTests* FromDefinition(const TableExpression& table, size_t column) {
    const InputClause& clause = table.table().inputs[column];
    for (const Definitions* file : model_.files()) {
      if (file->file != table.file()) continue;
      if (const auto* tests = OfType(*file, clause.type_ref, table.input_type(column)))
        return tests;
      for (const InputData& input : file->input_data) {
        if (feel::NormaliseName(input.name) != feel::NormaliseName(clause.expression.text))
          continue;
        return OfType(*file, input.variable.type_ref, table.input_type(column));
      }
    }
    return nullptr;
  }

  const feel::UnaryTests* OfType(const Definitions& file, const std::string& type_ref,
                                 const feel::Type& type) {
    for (const ItemDefinition& item : file.item_definitions) {
      if (item.name != type_ref || !item.allowed_values || item.is_collection) continue;
      std::vector<Diagnostic> ignored;
      auto tests =
          feel::CompileUnaryTests(item.allowed_values->text, feel::Scope(), type, {}, &ignored);
      if (!tests) return nullptr;
      kept_.push_back(std::make_unique<feel::UnaryTests>(std::move(*tests)));
      return kept_.back().get();
    }
    return nullptr;
  }

  const Model& model_;
  std::vector<std::unique_ptr<feel::UnaryTests>> kept_;
};

class TableChecker {
 public:
  TableChecker(const TableInfo& info, const std::vector<const feel::UnaryTests*>& allowed,
               const CheckOptions& options, std::vector<Diagnostic>* diagnostics)
      : info_(info),
        expression_(*info.table),
        table_(info.table->table()),
        serious_(options.strict ? Severity::kError : Severity::kWarning),
        allowed_(allowed),
        diagnostics_(*diagnostics) {}

  void Run() {
    CheckCells();
    CheckOutputs();
    if (table_.rules.empty() || table_.inputs.empty()) return;
    const TableDomain domain(&expression_, allowed_);
    domain_ = &domain;
    FindImpossibleRules();
    FindGaps();
    if (table_.rules.size() <= kPairRulesMax) {
      ComparePairs();
      FindMasked();
    } else {
      Report(Severity::kNote, table_.at, "too-large-to-check",
             "overlaps are looked for in tables of at most " + std::to_string(kPairRulesMax) +
                 " rules");
    }
    domain_ = nullptr;
  }

 private:
  void Report(Severity severity, Position at, const std::string& code, const std::string& message) {
    size_t& count = counts_[code];
    if (++count > kFindingsMax) return;
    diagnostics_.push_back({severity, expression_.file(), at.line, at.column, code,
                            "table of '" + info_.owner + "': " + message, ""});
  }
  [[nodiscard]] std::string Place(size_t rule, const std::string& column) const {
    return "rule " + std::to_string(rule + 1) + ", column '" + column + "'";
  }

  void CheckCells();
  void CheckOutputs();
  void FindImpossibleRules();
  void FindGaps();
  void GapsFrom(size_t column, const std::vector<uint32_t>& rules, std::vector<Bits>* box);
  void ComparePairs();
  void ComparePair(size_t a, size_t b);
  void FindMasked();
  bool IsCovered(size_t column, const std::vector<const Bits*>& box,
                 const std::vector<uint32_t>& by);
  // Whether the outputs are the same constants; nothing where they are computed.
  [[nodiscard]] std::optional<bool> SameOutputs(size_t a, size_t b) const;
  [[nodiscard]] bool Wins(size_t a, size_t b) const;
  [[nodiscard]] bool IsOrdered() const {
    return table_.hit_policy == HitPolicy::kFirst || table_.hit_policy == HitPolicy::kPriority;
  }

  const TableInfo& info_;
  const TableExpression& expression_;
  const DecisionTable& table_;
  Severity serious_;
  const std::vector<const feel::UnaryTests*>& allowed_;
  std::vector<Diagnostic>& diagnostics_;
  const TableDomain* domain_ = nullptr;
  std::map<std::string, size_t> counts_;
  std::set<uint32_t> impossible_;
  std::set<std::pair<size_t, std::vector<uint32_t>>> without_gap_;
  uint64_t work_ = 0;
};

// Constants of cells that the column's values do not allow.
void TableChecker::CheckCells() {
  Arena arena;
  feel::EvaluationContext context(&arena);
  for (size_t c = 0; c < table_.inputs.size(); ++c) {
    const Value* constant = expression_.input(c).constant();
    if (constant != nullptr && constant->IsNull() && constant->null_reason() != NullReason::kNone) {
      Report(serious_, table_.inputs[c].expression.at, "always-null",
             "input '" + ColumnName(table_, c) + "' is always null (" +
                 std::string(constant->null_text()) + ")");
    }
    if (allowed_[c] == nullptr) continue;
    for (size_t r = 0; r < table_.rules.size(); ++r) {
      const feel::UnaryTestShape& shape = expression_.cell(r, c).shape();
      if (shape.kind != feel::UnaryTestShape::Kind::kAlternatives) continue;
      for (const auto& alternative : shape.alternatives) {
        if (alternative.is_interval || allowed_[c]->Matches(alternative.constant, {}, context))
          continue;
        Report(Severity::kWarning, table_.rules[r].inputs[c].at, "not-an-input-value",
               Place(r, ColumnName(table_, c)) + ": " + feel::ToFeel(alternative.constant) +
                   " is not among the values allowed there");
      }
    }
  }
}

void TableChecker::CheckOutputs() {
  for (size_t c = 0; c < table_.outputs.size(); ++c) {
    const auto values = expression_.output_values(c);
    for (size_t r = 0; r < table_.rules.size(); ++r) {
      const Value* constant = expression_.output(r, c).constant();
      if (constant == nullptr) continue;
      const Position at = table_.rules[r].outputs[c].at;
      if (constant->IsNull() && constant->null_reason() != NullReason::kNone) {
        Report(serious_, at, "always-null",
               Place(r, OutputName(table_, c)) + " is always null (" +
                   std::string(feel::NullReasonName(constant->null_reason())) + ": " +
                   std::string(constant->null_text()) + ")");
      }
      const bool listed = values.empty() || constant->IsNull() ||
                          std::any_of(values.begin(), values.end(), [&](const Value& value) {
                            return feel::Equals(value, *constant) == feel::Ternary::kTrue;
                          });
      if (!listed) {
        Report(Severity::kWarning, at, "not-an-output-value",
               Place(r, OutputName(table_, c)) + ": " + feel::ToFeel(*constant) +
                   " is not among the output values");
      }
    }
  }
}

void TableChecker::FindImpossibleRules() {
  for (size_t r = 0; r < table_.rules.size(); ++r) {
    for (size_t c = 0; c < table_.inputs.size(); ++c) {
      if (!domain_->columns()[c].cells[r].Empty()) continue;
      impossible_.insert(static_cast<uint32_t>(r));
      Report(serious_, table_.rules[r].inputs[c].at, "never-matches",
             Place(r, ColumnName(table_, c)) + ": no input can match '" +
                 table_.rules[r].inputs[c].text + "'");
    }
  }
}

// --- gaps

void TableChecker::FindGaps() {
  // With default outputs, or where rules are only added up, nothing is missing.
  if (expression_.default_output(0) != nullptr) return;
  if (table_.hit_policy == HitPolicy::kCollect || table_.hit_policy == HitPolicy::kRuleOrder ||
      table_.hit_policy == HitPolicy::kOutputOrder) {
    return;
  }
  std::vector<uint32_t> rules;
  for (uint32_t r = 0; r < table_.rules.size(); ++r) {
    if (!impossible_.contains(r)) rules.push_back(r);
  }
  std::vector<Bits> box;
  work_ = 0;
  GapsFrom(0, rules, &box);
  if (work_ > kCheckWorkMax) {
    Report(Severity::kNote, table_.at, "too-large-to-check",
           "not all combinations were looked at for gaps");
  }
}

// Splits the column's atoms by the rules that remain there; where none remains, the box is a gap.
void TableChecker::GapsFrom(size_t column, const std::vector<uint32_t>& rules,
                            std::vector<Bits>* box) {
  if (++work_ > kCheckWorkMax || counts_["gap"] > kFindingsMax) return;
  if (rules.empty()) {
    std::string text;
    for (size_t c = 0; c < column; ++c) {
      const std::string part = domain_->Describe(c, (*box)[c]);
      if (part == "-") continue;
      text += (text.empty() ? "" : "; ") + ColumnName(table_, c) + ": " + part;
    }
    Report(serious_, table_.at, "gap", "no rule matches " + (text.empty() ? "any input" : text));
    return;
  }
  if (column == table_.inputs.size()) return;
  if (without_gap_.contains({column, rules})) return;
  const size_t findings = counts_["gap"];
  const ColumnDomain& domain = domain_->columns()[column];
  std::map<std::vector<uint32_t>, Bits> parts;
  std::vector<std::vector<uint32_t>> order;
  for (size_t a = 0; a < domain.atoms.size(); ++a) {
    std::vector<uint32_t> remaining;
    for (const uint32_t r : rules) {
      if (domain.cells[r].Has(a)) remaining.push_back(r);
    }
    work_ += 1 + rules.size() / 64;
    auto [at, inserted] = parts.try_emplace(remaining, Bits(domain.atoms.size()));
    at->second.Set(a);
    if (inserted) order.push_back(std::move(remaining));
  }
  for (const auto& remaining : order) {
    box->push_back(parts.at(remaining));
    GapsFrom(column + 1, remaining, box);
    box->pop_back();
  }
  if (counts_["gap"] == findings && work_ <= kCheckWorkMax) without_gap_.insert({column, rules});
}

// --- overlaps

std::optional<bool> TableChecker::SameOutputs(size_t a, size_t b) const {
  bool same = true;
  for (size_t c = 0; c < table_.outputs.size(); ++c) {
    const Value* left = expression_.output(a, c).constant();
    const Value* right = expression_.output(b, c).constant();
    if (left == nullptr || right == nullptr) return std::nullopt;
    const bool nulls = left->IsNull() && right->IsNull();
    same = same && (nulls || feel::Equals(*left, *right) == feel::Ternary::kTrue);
  }
  return same;
}

// Whether rule a's output is preferred to rule b's when both match, by the policy of the table.
bool TableChecker::Wins(size_t a, size_t b) const {
  if (table_.hit_policy == HitPolicy::kFirst) return a < b;
  for (size_t c = 0; c < table_.outputs.size(); ++c) {
    const auto values = expression_.output_values(c);
    const auto rank = [&](size_t rule) {
      const Value* constant = expression_.output(rule, c).constant();
      size_t i = 0;
      while (constant != nullptr && i < values.size() &&
             feel::Equals(values[i], *constant) != feel::Ternary::kTrue) {
        ++i;
      }
      return constant == nullptr ? SIZE_MAX : i;
    };
    if (rank(a) == SIZE_MAX || rank(b) == SIZE_MAX) return false;
    if (rank(a) != rank(b)) return rank(a) < rank(b);
  }
  return a < b;
}

void TableChecker::ComparePair(size_t a, size_t b) {
  bool a_in_b = true;
  bool b_in_a = true;
  std::string where;
  for (size_t c = 0; c < table_.inputs.size(); ++c) {
    const ColumnDomain& domain = domain_->columns()[c];
    if (!domain.cells[a].Intersects(domain.cells[b])) return;
    a_in_b = a_in_b && domain.cells[b].Contains(domain.cells[a]);
    b_in_a = b_in_a && domain.cells[a].Contains(domain.cells[b]);
  }
  for (size_t c = 0; c < table_.inputs.size(); ++c) {
    Bits common = domain_->columns()[c].cells[a];
    common.IntersectWith(domain_->columns()[c].cells[b]);
    const std::string part = domain_->Describe(c, common);
    if (part != "-") where += (where.empty() ? "" : "; ") + ColumnName(table_, c) + ": " + part;
  }
  if (where.empty()) where = "every input";
  const std::string rules = "rules " + std::to_string(a + 1) + " and " + std::to_string(b + 1);
  const std::optional<bool> same = SameOutputs(a, b);
  const Position at = table_.rules[b].at;
  if (table_.hit_policy == HitPolicy::kUnique) {
    Report(
        serious_, at, "overlap",
        rules + " both match " + where + (same.value_or(true) ? "" : ", with different outputs"));
  } else if (table_.hit_policy == HitPolicy::kAny && same == false) {
    Report(serious_, at, "conflict", rules + " both match " + where + ", with different outputs");
  }
  if (same == true && (a_in_b || b_in_a)) {
    const size_t inner = b_in_a ? b : a;
    const size_t outer = b_in_a ? a : b;
    Report(Severity::kNote, table_.rules[inner].at, "subsumed",
           "rule " + std::to_string(inner + 1) + " says nothing that rule " +
               std::to_string(outer + 1) + " does not say");
  }
}

void TableChecker::ComparePairs() {
  for (size_t b = 0; b < table_.rules.size(); ++b) {
    if (domain_->IsGeneral(b)) continue;
    for (size_t a = 0; a < b; ++a) {
      if (!domain_->IsGeneral(a)) ComparePair(a, b);
    }
  }
}

// Whether the rules `by` together cover the box in the columns from `column` on.
bool TableChecker::IsCovered(size_t column, const std::vector<const Bits*>& box,
                             const std::vector<uint32_t>& by) {
  if (++work_ > kCheckWorkMax || by.empty()) return false;
  if (column == box.size()) return true;
  const ColumnDomain& domain = domain_->columns()[column];
  std::set<std::vector<uint32_t>> parts;
  for (size_t a = 0; a < domain.atoms.size(); ++a) {
    if (!box[column]->Has(a)) continue;
    std::vector<uint32_t> remaining;
    for (const uint32_t r : by) {
      if (domain.cells[r].Has(a)) remaining.push_back(r);
    }
    work_ += 1 + by.size() / 64;
    parts.insert(std::move(remaining));
  }
  return std::all_of(parts.begin(), parts.end(),
                     [&](const auto& remaining) { return IsCovered(column + 1, box, remaining); });
}

void TableChecker::FindMasked() {
  if (!IsOrdered()) return;
  work_ = 0;
  for (uint32_t b = 0; b < table_.rules.size(); ++b) {
    if (impossible_.contains(b)) continue;
    std::vector<const Bits*> box;
    for (const ColumnDomain& column : domain_->columns()) box.push_back(&column.cells[b]);
    std::vector<uint32_t> by;
    for (uint32_t a = 0; a < table_.rules.size(); ++a) {
      if (a == b || domain_->IsGeneral(a) || !Wins(a, b)) continue;
      bool touches = true;
      for (const ColumnDomain& column : domain_->columns()) {
        touches = touches && column.cells[a].Intersects(column.cells[b]);
      }
      if (touches) by.push_back(a);
    }
    if (!IsCovered(0, box, by)) continue;
    std::string rules;
    for (const uint32_t a : by) rules += (rules.empty() ? "" : ", ") + std::to_string(a + 1);
    Report(serious_, table_.rules[b].at, "masked",
           "rule " + std::to_string(b + 1) + " can never win: where it matches, " +
               (by.size() == 1 ? "rule " : "one of the rules ") + rules + " does");
  }
  if (work_ > kCheckWorkMax) {
    Report(Severity::kNote, table_.at, "too-large-to-check",
           "not all rules were looked at for masking");
  }
}

// --- graph

class GraphChecker {
 public:
  GraphChecker(const Model& model, const CheckOptions& options,
               std::vector<Diagnostic>* diagnostics)
      : model_(model), options_(options), diagnostics_(*diagnostics) {}

  void Run() {
    std::vector<bool> used_input(model_.input_data().size());
    for (uint32_t d = 0; d < model_.decisions().size(); ++d) {
      const Model::Requirements needs = model_.RequirementsOf(d);
      for (const uint32_t i : needs.input_data) used_input[i] = true;
      CheckLogic(d);
    }
    for (size_t i = 0; i < used_input.size(); ++i) {
      const NodeInfo& info = model_.input_data()[i];
      if (used_input[i] || info.imported) continue;
      Report(Severity::kNote, info, "unused-input",
             "no decision needs the input '" + info.name + "'");
    }
    CheckGoals();
  }

 private:
  void Report(Severity severity, const NodeInfo& info, std::string code, std::string message) {
    diagnostics_.push_back({severity, info.file, info.at.line, info.at.column, std::move(code),
                            std::move(message), ""});
  }

  void CheckLogic(uint32_t decision) {
    const NodeInfo& info = model_.decisions()[decision];
    if (!info.compiled || info.imported) return;
    const feel::Expression& logic = model_.LogicOf(decision);
    const Value* constant = logic.constant();
    if (constant != nullptr && constant->IsNull() && constant->null_reason() != NullReason::kNone) {
      Report(options_.strict ? Severity::kError : Severity::kWarning, info, "always-null",
             "decision '" + info.name + "' is always null (" +
                 std::string(feel::NullReasonName(constant->null_reason())) + ": " +
                 std::string(constant->null_text()) + ")");
    }
    const std::vector<std::string> names = model_.ArgumentNames(decision);
    const auto& read = logic.slots_read();
    for (uint32_t slot = 0; slot < names.size(); ++slot) {
      if (std::find(read.begin(), read.end(), slot) != read.end()) continue;
      Report(Severity::kNote, info, "unused-requirement",
             "decision '" + info.name + "' requires '" + names[slot] + "' and does not use it");
    }
  }

  void CheckGoals() {
    if (options_.goals.empty()) return;
    std::set<uint32_t> reached;
    std::vector<uint32_t> stack;
    std::vector<std::string> names;
    for (const NodeInfo& info : model_.decisions()) names.push_back(info.name);
    for (const std::string& goal : options_.goals) {
      const auto found = std::find(names.begin(), names.end(), feel::NormaliseName(goal));
      if (found == names.end()) {
        const std::string_view nearest = NearestName(goal, names);
        diagnostics_.push_back(
            {Severity::kError, model_.files()[0]->file, 0, 0, "unknown-name",
             "there is no decision '" + goal + "'",
             nearest.empty() ? "" : "did you mean '" + std::string(nearest) + "'?"});
        continue;
      }
      stack.push_back(static_cast<uint32_t>(found - names.begin()));
    }
    while (!stack.empty()) {
      const uint32_t decision = stack.back();
      stack.pop_back();
      if (!reached.insert(decision).second) continue;
      for (const uint32_t needed : model_.ReachableFrom(decision)) stack.push_back(needed);
    }
    for (uint32_t d = 0; d < names.size(); ++d) {
      const NodeInfo& info = model_.decisions()[d];
      if (info.imported || reached.contains(d)) continue;
      Report(Severity::kWarning, info, "unreachable",
             "decision '" + info.name + "' is needed by none of the decisions that are asked for");
    }
  }

  const Model& model_;
  const CheckOptions& options_;
  std::vector<Diagnostic>& diagnostics_;
};

}  // namespace

std::vector<Diagnostic> Check(const Model& model, const CheckOptions& options) {
  std::vector<Diagnostic> diagnostics;
  AllowedValues allowed(model);
  for (const TableInfo& table : model.tables()) {
    if (!table.bound) continue;
    const auto tests = allowed.For(*table.table);
    TableChecker(table, tests, options, &diagnostics).Run();
  }
  GraphChecker(model, options, &diagnostics).Run();
  SortDiagnostics(&diagnostics);
  return diagnostics;
}

}  // namespace credence::dmn
