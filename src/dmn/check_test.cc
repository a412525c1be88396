#include "src/dmn/check.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace credence::dmn {
namespace {

std::string Escaped(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '<' ? std::string("&lt;") : std::string(1, c);
  return out;
}

struct Table {
  std::string policy = "UNIQUE";
  std::vector<std::pair<std::string, std::string>> inputs;  // name, type
  std::string input_values;                                 // of the first column
  std::vector<std::string> outputs = {"y"};
  std::string output_values;
  std::string default_entry;
  std::vector<std::vector<std::string>> rules;  // cells, then outputs
};

std::string File(const Table& table, const std::string& more = "") {
  std::string text =
      "<definitions xmlns=\"https://www.omg.org/spec/DMN/20230324/MODEL/\" name=\"m\" "
      "namespace=\"u\">\n";
  std::string needs;
  for (const auto& [name, type] : table.inputs) {
    text += "<inputData id=\"i" + name + "\" name=\"" + name + "\"><variable name=\"" + name +
            "\" typeRef=\"" + type + "\"/></inputData>\n";
    needs +=
        "<informationRequirement><requiredInput href=\"#i" + name + "\"/></informationRequirement>";
  }
  text +=
      "<decision name=\"d\">" + needs + "\n<decisionTable hitPolicy=\"" + table.policy + "\">\n";
  bool first = true;
  for (const auto& [name, type] : table.inputs) {
    text += "<input><inputExpression typeRef=\"" + type + "\"><text>" + name +
            "</text></inputExpression>";
    if (first && !table.input_values.empty()) {
      text += "<inputValues><text>" + Escaped(table.input_values) + "</text></inputValues>";
    }
    first = false;
    text += "</input>\n";
  }
  for (const std::string& name : table.outputs) {
    text += "<output name=\"" + name + "\">";
    if (!table.output_values.empty()) {
      text += "<outputValues><text>" + Escaped(table.output_values) + "</text></outputValues>";
    }
    if (!table.default_entry.empty()) {
      text += "<defaultOutputEntry><text>" + table.default_entry + "</text></defaultOutputEntry>";
    }
    text += "</output>\n";
  }
  for (const auto& rule : table.rules) {
    text += "<rule>";
    for (size_t i = 0; i < rule.size(); ++i) {
      const char* element = i < table.inputs.size() ? "inputEntry" : "outputEntry";
      text +=
          std::string("<") + element + "><text>" + Escaped(rule[i]) + "</text></" + element + ">";
    }
    text += "</rule>\n";
  }
  return text + "</decisionTable></decision>" + more + "</definitions>";
}

std::vector<std::string> Findings(const std::string& text, const CheckOptions& options = {}) {
  LoadResult loaded = Model::Load({"m.dmn", text}, {});
  EXPECT_FALSE(HasErrors(loaded.diagnostics)) << ToString(loaded.diagnostics[0]);
  std::vector<std::string> found;
  if (!loaded.model) return found;
  for (const Diagnostic& diagnostic : Check(*loaded.model, options)) {
    found.push_back(std::to_string(diagnostic.line) + " " + diagnostic.code + ": " +
                    diagnostic.message);
  }
  return found;
}

using List = std::vector<std::string>;

TEST(Check, ACompleteTableHasNoFindings) {
  Table table;
  table.inputs = {{"x", "number"}, {"b", "boolean"}};
  table.rules = {{"< 10", "true", "1"}, {"< 10", "false", "2"}, {">= 10", "-", "3"}};
  EXPECT_EQ(Findings(File(table)), List{});
}

TEST(Check, FindsTheGapBetweenTwoBounds) {
  Table table;
  table.inputs = {{"x", "number"}};
  table.rules = {{"< 10", "1"}, {"(10..20]", "2"}, {"> 25", "3"}};
  EXPECT_EQ(Findings(File(table)), List{"4 gap: table of 'd': no rule matches x: 10, (20..25]"});
}

TEST(Check, GapsNameTheCombination) {
  Table table;
  table.inputs = {{"x", "number"}, {"s", "string"}};
  table.rules = {{"< 10", "\"a\"", "1"}, {">= 10", "-", "2"}};
  EXPECT_EQ(Findings(File(table)),
            List{"5 gap: table of 'd': no rule matches x: < 10; s: any other text"});
}

TEST(Check, InputValuesAndDefaultsCloseGaps) {
  Table table;
  table.inputs = {{"s", "string"}};
  table.rules = {{"\"a\"", "1"}, {"\"b\"", "2"}};
  EXPECT_EQ(Findings(File(table)).size(), 1U);
  table.input_values = "\"a\", \"b\"";
  EXPECT_EQ(Findings(File(table)), List{});
  table.input_values = "\"a\", \"b\", \"c\"";
  EXPECT_EQ(Findings(File(table)), List{"4 gap: table of 'd': no rule matches s: \"c\""});
  table.default_entry = "0";
  EXPECT_EQ(Findings(File(table)), List{});
}

TEST(Check, WholeDaysLeaveNoGapBetweenNeighbours) {
  Table table;
  table.inputs = {{"t", "date"}};
  table.rules = {{"<= @\"2024-01-31\"", "1"}, {">= @\"2024-02-01\"", "2"}};
  EXPECT_EQ(Findings(File(table)), List{});
}

TEST(Check, FindsOverlapsOfUniqueTables) {
  Table table;
  table.inputs = {{"x", "number"}};
  table.rules = {{"<= 10", "1"}, {">= 10", "2"}};
  EXPECT_EQ(
      Findings(File(table)),
      List{"8 overlap: table of 'd': rules 1 and 2 both match x: 10, with different outputs"});
}

TEST(Check, FindsConflictsOfAnyTablesAndRulesThatSayNothingNew) {
  Table table;
  table.policy = "ANY";
  table.inputs = {{"x", "number"}};
  table.rules = {{"< 10", "1"}, {"< 5", "1"}, {">= 9", "2"}};
  EXPECT_EQ(Findings(File(table)),
            (List{"8 subsumed: table of 'd': rule 2 says nothing that rule 1 does not say",
                  "9 conflict: table of 'd': rules 1 and 3 both match x: [9..10), with different "
                  "outputs"}));
}

TEST(Check, FindsRulesThatOneOrSeveralOthersMask) {
  Table table;
  table.policy = "FIRST";
  table.inputs = {{"x", "number"}};
  table.rules = {{"< 10", "1"}, {"< 5", "2"}, {">= 10", "3"}, {"-", "4"}};
  EXPECT_EQ(Findings(File(table)),
            (List{"8 masked: table of 'd': rule 2 can never win: where it matches, rule 1 does",
                  "10 masked: table of 'd': rule 4 can never win: where it matches, one of the "
                  "rules 1, 2, 3 "
                  "does"}));
}

TEST(Check, APriorityMasksWhateverItsOrder) {
  Table table;
  table.policy = "PRIORITY";
  table.inputs = {{"x", "number"}};
  table.output_values = "\"stop\", \"go\"";
  table.rules = {{"> 10", "\"go\""}, {"> 5", "\"stop\""}, {"-", "\"go\""}};
  const auto found = Findings(File(table));
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found[0],
            "7 masked: table of 'd': rule 1 can never win: where it matches, rule 2 does");
}

TEST(Check, FindsCellsThatNothingMatches) {
  Table table;
  table.inputs = {{"x", "number"}};
  table.default_entry = "0";
  table.rules = {{"[5..3]", "1"}, {"(5..5)", "2"}};
  const auto found = Findings(File(table));
  EXPECT_GE(found.size(), 1U);
  EXPECT_NE(std::find_if(found.begin(), found.end(),
                         [](const std::string& text) { return text.find("8 never-matches") == 0; }),
            found.end());
}

TEST(Check, FindsValuesThatAreNotListed) {
  Table table;
  table.policy = "FIRST";
  table.inputs = {{"s", "string"}};
  table.input_values = "\"a\", \"b\"";
  table.output_values = "\"yes\", \"no\"";
  table.rules = {{"\"c\"", "\"yes\""}, {"-", "\"maybe\""}};
  const auto found = Findings(File(table));
  ASSERT_EQ(found.size(), 3U) << found[0];
  EXPECT_TRUE(found[0].starts_with("7 never-matches"));
  EXPECT_TRUE(found[1].starts_with("7 not-an-input-value"));
  EXPECT_TRUE(found[2].starts_with("8 not-an-output-value"));
}

TEST(Check, AGeneralCellNeitherOpensGapsNorOverlaps) {
  Table table;
  table.inputs = {{"x", "number"}};
  table.rules = {{"modulo(?, 2) = 0", "1"}, {"< 0", "2"}};
  EXPECT_EQ(Findings(File(table)), List{});
}

TEST(Check, StrictTurnsSilentNullsIntoErrors) {
  Table table;
  table.inputs = {{"x", "number"}};
  table.rules = {{"< 10", "1"}};
  LoadResult loaded = Model::Load({"m.dmn", File(table)}, {});
  CheckOptions options;
  EXPECT_FALSE(HasErrors(Check(*loaded.model, options)));
  options.strict = true;
  EXPECT_TRUE(HasErrors(Check(*loaded.model, options)));
}

TEST(Check, FindsWhatNobodyUses) {
  Table table;
  table.inputs = {{"x", "number"}};
  table.rules = {{"-", "1"}};
  const std::string more =
      "\n<inputData id=\"iu\" name=\"unused\"/>\n<decision name=\"other\"><informationRequirement>"
      "<requiredInput href=\"#ix\"/></informationRequirement><literalExpression><text>1</text>"
      "</literalExpression></decision>\n<decision name=\"nothing\"><literalExpression><text>1 / "
      "0</text>"
      "</literalExpression></decision>";
  CheckOptions options;
  options.goals = {"d", "nothing"};
  const auto found = Findings(File(table, more), options);
  ASSERT_EQ(found.size(), 4U);
  EXPECT_EQ(found[0], "9 unused-input: no decision needs the input 'unused'");
  EXPECT_EQ(
      found[1],
      "10 unreachable: decision 'other' is needed by none of the decisions that are asked for");
  EXPECT_EQ(found[2], "10 unused-requirement: decision 'other' requires 'x' and does not use it");
  EXPECT_TRUE(
      found[3].starts_with("11 always-null: decision 'nothing' is always null (arithmetic"));
  options.goals = {"dd"};
  EXPECT_TRUE(Findings(File(table), options)[0].find("unknown-name") != std::string::npos);
}

TEST(Check, ManyRulesAreLookedAtWithinTheLimit) {
  Table table;
  for (const char* name : {"a", "b", "c", "e", "f", "g", "h", "i"})
    table.inputs.emplace_back(name, "number");
  for (int r = 0; r < 400; ++r) {
    std::vector<std::string> rule;
    for (int c = 0; c < 8; ++c)
      rule.push_back(">= " + std::to_string((r * 7919 + c * 104729) % 1000));
    rule.push_back(std::to_string(r));
    table.rules.push_back(rule);
  }
  const auto found = Findings(File(table));
  EXPECT_LE(found.size(), 4 * kFindingsMax);
}

TEST(Cases, ReachEveryRuleAndFlipEveryCondition) {
  Table table;
  table.policy = "FIRST";
  table.inputs = {{"x", "number"}, {"s", "string"}};
  table.rules = {{"< 10", "\"a\"", "1"}, {"[10..20]", "-", "2"}, {"-", "-", "3"}};
  LoadResult loaded = Model::Load({"m.dmn", File(table)}, {});
  std::vector<std::string> skipped;
  const TestFile tests = GenerateCases(*loaded.model, {}, nullptr, &skipped);
  EXPECT_TRUE(skipped.empty());
  EXPECT_EQ(tests.model_name, "m.dmn");
  std::set<std::string> results;
  for (const TestCase& test : tests.cases) results.insert(test.results[0].value.text);
  EXPECT_EQ(results, (std::set<std::string>{"1", "2", "3"}));
  EXPECT_GE(tests.cases.size(), 3U);
  // What was written is what is read, and it passes.
  std::vector<Diagnostic> diagnostics;
  const auto read = ReadTestFile(WriteTestFile(tests), "m-test.xml", &diagnostics);
  ASSERT_TRUE(read.has_value());
  for (const CaseOutcome& outcome : RunTests(*read, *loaded.model, nullptr)) {
    EXPECT_EQ(outcome.status, TestStatus::kPassed) << outcome.nodes[0].message;
  }
}

TEST(Cases, SkipDecisionsThatAreNoPlainTable) {
  Table table;
  table.inputs = {{"x", "number"}};
  table.rules = {{"-", "1"}};
  LoadResult loaded = Model::Load(
      {"m.dmn",
       File(table,
            "<decision "
            "name=\"e\"><literalExpression><text>1</text></literalExpression></decision>")},
      {});
  std::vector<std::string> skipped;
  (void)GenerateCases(*loaded.model, {}, nullptr, &skipped);
  EXPECT_EQ(skipped, std::vector<std::string>{"e"});
}

}  // namespace
}  // namespace credence::dmn
