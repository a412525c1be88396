// Test cases that reach every rule of a policy's tables.

#include <algorithm>
#include <map>
#include <set>

#include "src/dmn/check.h"
#include "src/dmn/table_domain.h"
#include "src/feel/scope.h"

namespace credence::dmn {
namespace {

using feel::Value;

// One input column as a place in a named input: "Applicant", or "Applicant.Age" inside of it.
struct Target {
  std::string root;
  std::vector<std::string> path;  // members below the root
};

std::optional<Target> TargetOf(const std::string& expression,
                               const std::vector<std::string>& names) {
  const std::string text = feel::NormaliseName(expression);
  const std::string* longest = nullptr;
  for (const std::string& name : names) {
    const bool fits = text == name || (text.starts_with(name) && text[name.size()] == '.');
    if (fits && (longest == nullptr || name.size() > longest->size())) longest = &name;
  }
  if (longest == nullptr) return std::nullopt;
  Target target{*longest, {}};
  for (size_t at = longest->size(); at < text.size();) {
    const size_t next = std::min(text.find('.', at + 1), text.size());
    target.path.push_back(feel::NormaliseName(text.substr(at + 1, next - at - 1)));
    if (target.path.back().empty() ||
        target.path.back().find_first_of("+-*/()[]{}<>=,\"") != std::string::npos) {
      return std::nullopt;
    }
    at = next;
  }
  return target;
}

// Puts `leaf` at the path inside `holder`, which becomes a context.
void Put(const std::vector<std::string>& path, size_t depth, const TestValue& leaf,
         TestValue* holder) {
  if (depth == path.size()) {
    *holder = leaf;
    return;
  }
  if (holder->kind != TestValue::Kind::kContext) {
    *holder = TestValue();
    holder->kind = TestValue::Kind::kContext;
    holder->nil = false;
  }
  for (auto& [name, part] : holder->parts) {
    if (name == path[depth]) return Put(path, depth + 1, leaf, &part);
  }
  holder->parts.emplace_back(path[depth], TestValue());
  Put(path, depth + 1, leaf, &holder->parts.back().second);
}

class CaseGenerator {
 public:
  CaseGenerator(const Model& model, const CaseOptions& options, ZoneSource* zones)
      : model_(model), options_(options), context_(&arena_, zones) {}

  TestFile Run(std::vector<std::string>* skipped) {
    tests_.file = model_.files()[0]->file;
    tests_.model_name = tests_.file.substr(tests_.file.find_last_of('/') + 1);
    for (uint32_t d = 0; d < model_.decisions().size(); ++d) {
      const NodeInfo& info = model_.decisions()[d];
      if (info.imported || !info.compiled) continue;
      if (!ForDecision(d)) skipped->push_back(info.name);
    }
    return std::move(tests_);
  }

 private:
  // False if the decision is not a table over plain names.
  bool ForDecision(uint32_t decision) {
    const NodeInfo& info = model_.decisions()[decision];
    const TableExpression* table = TableOf(info);
    if (table == nullptr || table->table().inputs.empty()) return false;
    const std::vector<std::string> names = model_.ArgumentNames(decision);
    std::vector<Target> targets;
    for (const InputClause& clause : table->table().inputs) {
      auto target = TargetOf(clause.expression.text, names);
      if (!target) return false;
      targets.push_back(std::move(*target));
    }
    std::vector<const feel::UnaryTests*> allowed;
    for (size_t c = 0; c < targets.size(); ++c) allowed.push_back(table->input_values(c));
    const TableDomain domain(table, allowed);
    seen_.clear();
    for (size_t rule = 0; rule < domain.rules(); ++rule) {
      ForRule(info.name, domain, rule, targets);
    }
    return true;
  }

  // The table that is the whole logic of a decision.
  const TableExpression* TableOf(const NodeInfo& info) const {
    for (const Decision& decision : model_.files()[0]->decisions) {
      if (feel::NormaliseName(decision.name) != info.name || !decision.expression ||
          decision.expression->kind != ExpressionKind::kTable) {
        continue;
      }
      for (const TableInfo& table : model_.tables()) {
        if (table.bound && &table.table->table() == decision.expression->table.get())
          return table.table;
      }
    }
    return nullptr;
  }

  void ForRule(const std::string& decision, const TableDomain& domain, size_t rule,
               const std::vector<Target>& targets) {
    std::vector<size_t> atoms;
    for (const ColumnDomain& column : domain.columns()) {
      size_t a = 0;
      while (a < column.atoms.size() && !column.cells[rule].Has(a)) ++a;
      if (a == column.atoms.size()) return;  // the rule never matches
      atoms.push_back(a);
    }
    const std::string label = "rule " + std::to_string(rule + 1);
    Add(decision, label, domain, atoms, targets);
    for (size_t c = 0; c < atoms.size(); ++c) {
      const ColumnDomain& column = domain.columns()[c];
      size_t other = 0;
      while (other < column.atoms.size() && column.cells[rule].Has(other)) ++other;
      if (other == column.atoms.size()) continue;  // the cell is true of everything
      std::vector<size_t> flipped = atoms;
      flipped[c] = other;
      Add(decision, label + " without '" + targets[c].root + "' as it wants it", domain, flipped,
          targets);
    }
  }

  void Add(const std::string& decision, const std::string& description, const TableDomain& domain,
           const std::vector<size_t>& atoms, const std::vector<Target>& targets) {
    if (tests_.cases.size() >= options_.cases_max || !seen_.insert(atoms).second) return;
    TestCase test;
    test.id = std::to_string(tests_.cases.size() + 1);
    test.description = decision + ": " + description;
    for (size_t c = 0; c < atoms.size(); ++c) {
      const Atom& atom = domain.columns()[c].atoms[atoms[c]];
      const Value sample = atom.is_other ? Value::String("any other text") : atom.sample;
      auto node = std::find_if(test.inputs.begin(), test.inputs.end(), [&](const TestNode& known) {
        return known.name == targets[c].root;
      });
      if (node == test.inputs.end()) {
        test.inputs.push_back({targets[c].root, "", {}, false, {}});
        node = test.inputs.end() - 1;
      }
      Put(targets[c].path, 0, MakeTestValue(sample), &node->value);
    }
    arena_.Reset();
    std::vector<Model::SlotName> slots;
    std::vector<Value> values;
    for (const TestNode& node : test.inputs) {
      slots.push_back({node.name});
      values.push_back(MakeValue(node.value, arena_, context_.zones()));
    }
    const auto evaluator = model_.Bind(decision, slots);
    if (!evaluator.ok()) return;
    const Value result = evaluator->Evaluate(values, context_, nullptr);
    test.results.push_back({decision,
                            "",
                            MakeTestValue(result),
                            result.IsNull() && result.null_reason() != feel::NullReason::kNone,
                            {}});
    tests_.cases.push_back(std::move(test));
  }

  const Model& model_;
  CaseOptions options_;
  Arena arena_;
  feel::EvaluationContext context_;
  TestFile tests_;
  std::set<std::vector<size_t>> seen_;
};

}  // namespace

TestFile GenerateCases(const Model& model, const CaseOptions& options, ZoneSource* zones,
                       std::vector<std::string>* skipped) {
  return CaseGenerator(model, options, zones).Run(skipped);
}

}  // namespace credence::dmn
