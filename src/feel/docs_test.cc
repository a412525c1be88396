// Runs the examples of docs/FEEL.md.

#include <gtest/gtest.h>

#include <fstream>

#include "src/feel/expression.h"
#include "src/feel/test_zones.h"

namespace credence::feel {
namespace {

TEST(Document, EachExampleGivesWhatItSays) {
  std::ifstream file(std::string(CREDENCE_SOURCE_DIR) + "/docs/FEEL.md");
  ASSERT_TRUE(file) << "docs/FEEL.md is missing";
  TestZones zones;
  Arena arena;
  EvaluationContext context(&arena, &zones);
  CompileOptions options;
  options.zones = &zones;
  std::vector<Expression> keep;
  const auto run = [&](const std::string& text, const Scope& scope, std::span<const Value> slots) {
    std::vector<Diagnostic> diagnostics;
    auto expression = Compile(text, scope, options, &diagnostics);
    if (!expression) {
      ADD_FAILURE() << text << ": " << ToString(diagnostics[0]);
      return Value();
    }
    keep.push_back(*expression);
    return keep.back().Evaluate(slots, context);
  };
  constexpr std::string_view kArrow = " → ";
  auto scope = std::make_unique<Scope>();
  std::vector<Value> slots;
  bool inside = false;
  int examples = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("```", 0) == 0) {
      inside = line == "```feel";
      scope = std::make_unique<Scope>();
      slots.clear();
      continue;
    }
    if (!inside || line.empty()) continue;
    if (line.rfind("with ", 0) == 0) {
      for (const Entry& entry : run(line.substr(5), Scope(), {}).context()) {
        scope->Add(entry.name, TypeOf(entry.value));
        slots.push_back(entry.value);
      }
      continue;
    }
    const size_t arrow = line.find(kArrow);
    ASSERT_NE(arrow, std::string::npos) << line;
    const Value expected = run(line.substr(arrow + kArrow.size()), Scope(), {});
    const Value value = run(line.substr(0, arrow), *scope, slots);
    EXPECT_TRUE(Identical(value, expected)) << line << "\n  gives " << ToFeel(value);
    ++examples;
  }
  EXPECT_GT(examples, 80);
}

}  // namespace
}  // namespace credence::feel
