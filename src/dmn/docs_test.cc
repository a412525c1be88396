// The examples of docs/POLICY.md do what the page says.

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "src/dmn/check.h"
#include "src/dmn/engine.h"
#include "src/dmn/tck.h"

namespace credence::dmn {
namespace {

using feel::Value;

// Contents of the fenced blocks of a kind, in order.
std::vector<std::string> Blocks(const std::string& kind) {
  std::ifstream in(std::string(CREDENCE_SOURCE_DIR) + "/docs/POLICY.md");
  std::vector<std::string> blocks;
  bool inside = false;
  for (std::string line; std::getline(in, line);) {
    if (line == "```" + kind) {
      inside = true;
      blocks.emplace_back();
    } else if (line == "```") {
      inside = false;
    } else if (inside) {
      blocks.back() += line + "\n";
    }
  }
  return blocks;
}

std::shared_ptr<const Model> Load(const std::string& text) {
  LoadResult loaded = Model::Load({"policy.dmn", text}, {});
  for (const Diagnostic& diagnostic : loaded.diagnostics) ADD_FAILURE() << ToString(diagnostic);
  return loaded.model;
}

std::vector<std::string> Lines(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

class PolicyPage : public testing::Test {
 protected:
  // "name {inputs} → value @ table:row …"
  void RunCase(const Model& model, const std::string& line) {
    const std::string arrow = " \xE2\x86\x92 ";
    const size_t brace = line.find(" {");
    const size_t at = line.find(arrow);
    ASSERT_NE(at, std::string::npos) << line;
    const std::string expected = line.substr(at + arrow.size());
    std::vector<Diagnostic> diagnostics;
    // The keys of the context are names that may hold dots and spaces.
    feel::Scope scope;
    const std::string inputs = line.substr(brace + 2, at - brace - 3);
    std::vector<std::string> names;
    std::vector<Value> values;
    std::istringstream parts(inputs);
    std::vector<feel::Expression> kept;
    for (std::string part; std::getline(parts, part, ',');) {
      const size_t colon = part.find(':');
      names.push_back(feel::NormaliseName(part.substr(0, colon)));
      auto value = feel::Compile(part.substr(colon + 1), scope, {}, &diagnostics);
      ASSERT_TRUE(value.has_value()) << line;
      kept.push_back(*value);
      values.push_back(kept.back().Evaluate({}, context_));
    }
    const auto evaluator = model.Bind(line.substr(0, brace), names);
    ASSERT_TRUE(evaluator.ok()) << line;
    EvaluationLog log;
    std::string got = feel::ToFeel(evaluator->Evaluate(values, context_, &log));
    if (!log.matched.empty()) got += " @";
    for (const MatchedRule& rule : log.matched) {
      got += " " + std::to_string(rule.table) + ":" + std::to_string(rule.row);
    }
    EXPECT_EQ(got, expected) << line;
  }

  Arena arena_;
  feel::EvaluationContext context_{&arena_};
};

TEST_F(PolicyPage, TheFirstPolicyDecidesAsWritten) {
  const auto models = Blocks("xml");
  const auto cases = Blocks("cases");
  ASSERT_EQ(models.size(), 2U);
  ASSERT_EQ(cases.size(), 1U);
  const auto model = Load(models[0]);
  ASSERT_NE(model, nullptr);
  for (const std::string& line : Lines(cases[0])) RunCase(*model, line);
  EXPECT_EQ(Check(*model, {{"verdict"}, true}).size(), 0U);
}

TEST_F(PolicyPage, TheSecondHasTheFindingsThatAreListed) {
  const auto model = Load(Blocks("xml")[1]);
  ASSERT_NE(model, nullptr);
  std::vector<std::string> findings;
  for (const Diagnostic& diagnostic : Check(*model, {})) {
    findings.push_back(std::to_string(diagnostic.line) + ":" + std::to_string(diagnostic.column) +
                       " " + diagnostic.code + ": " + diagnostic.message);
  }
  EXPECT_EQ(findings, Lines(Blocks("findings")[0]));
}

TEST_F(PolicyPage, TheTestFilePasses) {
  std::vector<Diagnostic> diagnostics;
  const auto tests = ReadTestFile(Blocks("tests")[0], "test.xml", &diagnostics);
  ASSERT_TRUE(tests.has_value());
  const auto model = Load(Blocks("xml")[0]);
  const auto outcomes = RunTests(*tests, *model, nullptr);
  ASSERT_EQ(outcomes.size(), 1U);
  EXPECT_EQ(outcomes[0].status, TestStatus::kPassed) << outcomes[0].nodes[0].message;
}

}  // namespace
}  // namespace credence::dmn
