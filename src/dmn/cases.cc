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
  holder->parts.push_back({path[depth], TestValue()});
  Put(path, depth + 1, leaf, &holder->parts.back().value);
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
  using Choice = std::vector<size_t>;  // an atom for each column

  // Tries of inputs that reach a rule which others hide in part.
  static constexpr size_t kTriesMax = 512;

  // What is the same for all cases of one decision.
  struct Subject {
    std::string decision;
    uint32_t table = 0;
    const TableDomain* domain = nullptr;
    std::vector<Target> targets;         // by column
    std::vector<Model::SlotName> roots;  // distinct inputs
    std::optional<Evaluator> evaluator;
    std::set<Choice> seen;
  };

  // False if the decision is not a table over plain names.
  bool ForDecision(uint32_t decision) {
    const NodeInfo& info = model_.decisions()[decision];
    Subject subject;
    subject.decision = info.name;
    const TableExpression* table = TableOf(info, &subject.table);
    if (table == nullptr || table->table().inputs.empty()) return false;
    const std::vector<std::string> names = model_.ArgumentNames(decision);
    for (const InputClause& clause : table->table().inputs) {
      auto target = TargetOf(clause.expression.text, names);
      if (!target) return false;
      const bool known = std::any_of(subject.roots.begin(), subject.roots.end(),
                                     [&](const auto& root) { return root.name == target->root; });
      if (!known) subject.roots.push_back({target->root});
      subject.targets.push_back(std::move(*target));
    }
    auto evaluator = model_.Bind(info.name, subject.roots);
    if (!evaluator.ok()) return false;
    subject.evaluator = std::move(*evaluator);
    std::vector<const feel::UnaryTests*> allowed;
    for (size_t c = 0; c < subject.targets.size(); ++c) allowed.push_back(table->input_values(c));
    const TableDomain domain(table, allowed);
    subject.domain = &domain;
    for (size_t rule = 0; rule < domain.rules(); ++rule) ForRule(rule, &subject);
    return true;
  }

  // The table that is the whole logic of a decision.
  const TableExpression* TableOf(const NodeInfo& info, uint32_t* number) const {
    for (const Decision& decision : model_.files()[0]->decisions) {
      if (feel::NormaliseName(decision.name) != info.name || !decision.expression ||
          decision.expression->kind != ExpressionKind::kTable) {
        continue;
      }
      for (uint32_t t = 0; t < model_.tables().size(); ++t) {
        const TableInfo& table = model_.tables()[t];
        if (!table.bound || &table.table->table() != decision.expression->table.get()) continue;
        *number = t;
        return table.table;
      }
    }
    return nullptr;
  }

  // Inputs for which the rule wins, or at least matches; nothing where none are found.
  std::optional<Choice> Reach(size_t rule, Subject* subject) {
    std::vector<Choice> fitting;
    for (const ColumnDomain& column : subject->domain->columns()) {
      auto& atoms = fitting.emplace_back();
      for (size_t a = 0; a < column.atoms.size(); ++a) {
        if (column.cells[rule].Has(a)) atoms.push_back(a);
      }
      if (atoms.empty()) return std::nullopt;
    }
    std::optional<Choice> matching;
    Choice digits(fitting.size(), 0);
    for (size_t tries = 0; tries < kTriesMax; ++tries) {
      Choice choice;
      for (size_t c = 0; c < digits.size(); ++c) choice.push_back(fitting[c][digits[c]]);
      TestCase test;
      (void)Decide(choice, *subject, &test);
      const auto row = static_cast<uint32_t>(rule + 1);
      for (size_t m = 0, own = 0; m < log_.matched.size(); ++m) {
        if (log_.matched[m].table != subject->table) continue;
        if (log_.matched[m].row == row && own == 0) return choice;
        if (log_.matched[m].row == row && !matching) matching = choice;
        ++own;
      }
      size_t c = 0;
      while (c < digits.size() && ++digits[c] == fitting[c].size()) digits[c++] = 0;
      if (c == digits.size()) break;
    }
    return matching;
  }

  void ForRule(size_t rule, Subject* subject) {
    const auto reached = Reach(rule, subject);
    if (!reached) return;
    const std::string label = "rule " + std::to_string(rule + 1);
    Add(label, *reached, subject);
    for (size_t c = 0; c < reached->size(); ++c) {
      const ColumnDomain& column = subject->domain->columns()[c];
      size_t other = 0;
      while (other < column.atoms.size() && column.cells[rule].Has(other)) ++other;
      if (other == column.atoms.size()) continue;  // the cell is true of everything
      Choice flipped = *reached;
      flipped[c] = other;
      Add(label + " but for column " + std::to_string(c + 1), flipped, subject);
    }
  }

  // The value of the decision for these inputs, which `test` gets.
  Value Decide(const Choice& choice, const Subject& subject, TestCase* test) {
    for (const auto& root : subject.roots) test->inputs.push_back({root.name, "", {}, false, {}});
    for (size_t c = 0; c < choice.size(); ++c) {
      const Atom& atom = subject.domain->columns()[c].atoms[choice[c]];
      const Value sample = atom.is_other ? Value::String("any other text") : atom.sample;
      for (TestNode& node : test->inputs) {
        if (node.name != subject.targets[c].root) continue;
        Put(subject.targets[c].path, 0, MakeTestValue(sample), &node.value);
      }
    }
    arena_.Reset();
    std::vector<Value> values;
    for (const TestNode& node : test->inputs) {
      values.push_back(MakeValue(node.value, arena_, context_.zones()));
    }
    return subject.evaluator->Evaluate(values, context_, &log_);
  }

  void Add(const std::string& description, const Choice& choice, Subject* subject) {
    if (tests_.cases.size() >= options_.cases_max || !subject->seen.insert(choice).second) return;
    TestCase test;
    test.id = std::to_string(tests_.cases.size() + 1);
    test.description = subject->decision + ": " + description;
    const Value result = Decide(choice, *subject, &test);
    const bool is_error = result.IsNull() && result.null_reason() != feel::NullReason::kNone;
    test.results.push_back({subject->decision, "", MakeTestValue(result), is_error, {}});
    tests_.cases.push_back(std::move(test));
  }

  const Model& model_;
  CaseOptions options_;
  Arena arena_;
  feel::EvaluationContext context_;
  EvaluationLog log_;
  TestFile tests_;
};

}  // namespace

TestFile GenerateCases(const Model& model, const CaseOptions& options, ZoneSource* zones,
                       std::vector<std::string>* skipped) {
  return CaseGenerator(model, options, zones).Run(skipped);
}

}  // namespace credence::dmn
