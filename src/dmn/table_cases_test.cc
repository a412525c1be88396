// The tables of testdata/tables.txt, written as DMN files, loaded and decided.

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "src/dmn/engine.h"

namespace credence::dmn {
namespace {

using feel::Value;

std::string Trim(const std::string& text) {
  const size_t first = text.find_first_not_of(' ');
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

// The text before the separator; the rest stays in `text`.
std::string Cut(std::string* text, const std::string& separator) {
  const size_t at = text->find(separator);
  std::string head = text->substr(0, at);
  *text = at == std::string::npos ? "" : text->substr(at + separator.size());
  return Trim(head);
}

std::vector<std::string> Fields(std::string text) {
  std::vector<std::string> fields;
  text = " " + text + " ";
  for (size_t at = text.find(" ; "); at != std::string::npos; at = text.find(" ; ")) {
    fields.push_back(Trim(text.substr(0, at)));
    text = " " + text.substr(at + 3);
  }
  fields.push_back(Trim(text));
  return fields;
}

std::string Xml(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '<') {
      escaped += "&lt;";
    } else if (c == '&') {
      escaped += "&amp;";
    } else if (c == '"') {
      escaped += "&quot;";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string Element(const std::string& name, const std::string& text) {
  return "<" + name + "><text>" + Xml(text) + "</text></" + name + ">";
}

std::string PolicyAttributes(const std::string& policy) {
  static const std::map<std::string, std::string> kNames = {
      {"U", "UNIQUE"},   {"F", "FIRST"},      {"P", "PRIORITY"},    {"A", "ANY"},
      {"C", "COLLECT"},  {"C+", "COLLECT"},   {"C<", "COLLECT"},    {"C>", "COLLECT"},
      {"C#", "COLLECT"}, {"R", "RULE ORDER"}, {"O", "OUTPUT ORDER"}};
  static const std::map<std::string, std::string> kAggregations = {
      {"C+", "SUM"}, {"C<", "MIN"}, {"C>", "MAX"}, {"C#", "COUNT"}};
  std::string text = " hitPolicy=\"" + kNames.at(policy) + "\"";
  if (kAggregations.contains(policy)) text += " aggregation=\"" + kAggregations.at(policy) + "\"";
  return text;
}

struct Block {
  std::string name;
  int line = 0;
  std::string policy;
  std::vector<std::string> variables;
  std::string inputs;  // input data and requirements as XML
  std::string requirements;
  std::string table;
  std::vector<std::pair<int, std::string>> cases;

  void AddLine(const std::string& keyword, std::string rest, int at) {
    if (keyword == "var") {
      const std::string variable = Cut(&rest, " ");
      variables.push_back(variable);
      inputs += "<inputData id=\"i" + std::to_string(variables.size()) + "\" name=\"" + variable +
                "\"><variable name=\"" + variable + "\"" +
                (rest.empty() ? "" : " typeRef=\"" + rest + "\"") + "/></inputData>";
      requirements += "<informationRequirement><requiredInput href=\"#i" +
                      std::to_string(variables.size()) + "\"/></informationRequirement>";
    } else if (keyword == "in") {
      const std::string expression = Cut(&rest, " : ");
      table += "<input><inputExpression" + (rest.empty() ? "" : " typeRef=\"" + rest + "\"") +
               "><text>" + Xml(expression) + "</text></inputExpression></input>";
    } else if (keyword == "out") {
      std::string head = Cut(&rest, " | ");
      const std::string values = rest;
      std::string left = Cut(&head, " = ");
      const std::string default_entry = head;
      const std::string output = Cut(&left, " : ");
      table +=
          "<output name=\"" + output + "\"" + (left.empty() ? "" : " typeRef=\"" + left + "\"") +
          ">" + (values.empty() ? "" : Element("outputValues", values)) +
          (default_entry.empty() ? "" : Element("defaultOutputEntry", default_entry)) + "</output>";
    } else if (keyword == "rule") {
      rest += " ";
      const std::string cells = Cut(&rest, " => ");
      table += "<rule>";
      if (table.find("<input>") != std::string::npos) {
        for (const std::string& cell : Fields(cells)) table += Element("inputEntry", cell);
      }
      for (const std::string& output : Fields(rest)) table += Element("outputEntry", output);
      table += "</rule>";
    } else {
      cases.emplace_back(at, rest);
    }
  }

  [[nodiscard]] std::string Model() const {
    return "<definitions xmlns=\"https://www.omg.org/spec/DMN/20230324/MODEL/\" name=\"m\" "
           "namespace=\"u\">" +
           inputs + "<decision name=\"table\">" + requirements + "<decisionTable" +
           PolicyAttributes(policy) + ">" + table + "</decisionTable></decision></definitions>";
  }
};

std::vector<Block> ReadBlocks() {
  std::ifstream in(std::string(CREDENCE_SOURCE_DIR) + "/src/dmn/testdata/tables.txt");
  std::vector<Block> blocks;
  int number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.empty() || line[0] == '#') continue;
    const std::string keyword = Cut(&line, " ");
    if (keyword == "table") {
      const size_t space = line.find_last_of(' ');
      Block& block = blocks.emplace_back();
      block.name = line.substr(0, space);
      block.policy = line.substr(space + 1);
      block.line = number;
    } else {
      blocks.back().AddLine(keyword, line, number);
    }
  }
  return blocks;
}

class TableCases {
 public:
  explicit TableCases(const Block& block) : block_(block) {
    LoadResult loaded = Model::Load({block.name, block.Model()}, {});
    EXPECT_FALSE(HasErrors(loaded.diagnostics)) << ToString(loaded.diagnostics[0]);
    model_ = loaded.model;
  }

  void Run(int line, std::string text) {
    const std::string where = "tables.txt:" + std::to_string(line);
    std::string expected = text.substr(text.find(" => ") + 4);
    text = text.substr(0, text.find(" => "));
    std::string rows = expected;
    expected = Cut(&rows, " @ ");
    arena_.Reset();
    std::vector<Value> values;
    for (const std::string& field : Fields(text)) values.push_back(Evaluate(field));
    ASSERT_EQ(values.size(), block_.variables.size()) << where;
    const auto evaluator = model_->Bind("table", block_.variables);
    ASSERT_TRUE(evaluator.ok());
    const Value got = evaluator->Evaluate(values, context_, &log_);
    std::string shown = feel::ToFeel(got);
    if (got.IsNull() && got.null_reason() != feel::NullReason::kNone) {
      shown += ":" + std::string(feel::NullReasonName(got.null_reason()));
    }
    if (!expected.starts_with("null:")) expected = feel::ToFeel(Evaluate(expected));
    EXPECT_EQ(shown, expected) << where;
    std::string matched;
    for (const MatchedRule& rule : log_.matched) {
      matched += (matched.empty() ? "" : ",") + std::to_string(rule.row);
    }
    EXPECT_EQ(matched, Trim(rows)) << where;
  }

 private:
  Value Evaluate(const std::string& text) {
    std::vector<Diagnostic> diagnostics;
    auto expression = feel::Compile(text, feel::Scope(), {}, &diagnostics);
    EXPECT_TRUE(expression.has_value()) << text;
    kept_.push_back(*expression);
    return expression->Evaluate({}, context_);
  }

  const Block& block_;
  std::shared_ptr<const Model> model_;
  std::vector<feel::Expression> kept_;
  Arena arena_;
  feel::EvaluationContext context_{&arena_};
  EvaluationLog log_;
};

TEST(DecisionTable, DecidesTheWrittenCases) {
  size_t count = 0;
  for (const Block& block : ReadBlocks()) {
    SCOPED_TRACE(block.name);
    TableCases cases(block);
    for (const auto& [line, text] : block.cases) {
      cases.Run(line, text);
      ++count;
    }
  }
  EXPECT_GE(count, 300U);
}

}  // namespace
}  // namespace credence::dmn
