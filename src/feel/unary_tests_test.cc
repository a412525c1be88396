// Cells of decision tables: their meaning, and that their shape says the same as their evaluation.

#include <gtest/gtest.h>

#include <random>

#include "src/feel/expression.h"
#include "src/feel/test_zones.h"

namespace credence::feel {
namespace {

class UnaryTestsTest : public ::testing::Test {
 protected:
  UnaryTests Make(std::string_view text, const Type& type = Type::Any()) {
    std::vector<Diagnostic> diagnostics;
    CompileOptions options;
    options.zones = &zones_;
    auto tests = CompileUnaryTests(text, scope_, type, options, &diagnostics);
    EXPECT_TRUE(tests) << text << (diagnostics.empty() ? "" : ToString(diagnostics[0]));
    return tests.value_or(UnaryTests());
  }
  Value Constant(std::string_view text) {
    CompileOptions options;
    options.zones = &zones_;
    keep_.push_back(*Compile(text, Scope(), options, nullptr));
    return keep_.back().Evaluate({}, context_);
  }
  std::string Ask(std::string_view cell, std::string_view input) {
    tests_ = Make(cell);
    return ToFeel(tests_.Evaluate(Constant(input), slots_, context_));
  }

  TestZones zones_;
  Scope scope_;
  std::vector<Value> slots_;
  Arena arena_;
  EvaluationContext context_{&arena_, &zones_};
  std::vector<Expression> keep_;
  UnaryTests tests_;
};

TEST_F(UnaryTestsTest, MeanWhatTheStandardSays) {
  struct Case {
    const char* cell;
    const char* input;
    const char* expected;
  };
  const Case kCases[] = {
      {"-", "1", "true"},
      {"-", "null", "true"},
      {"5", "5", "true"},
      {"5", "6", "false"},
      {"< 5", "4", "true"},
      {">= 5", "4", "false"},
      {"[1..3]", "3", "true"},
      {"[1..3)", "3", "false"},
      {"1, 2, 3", "2", "true"},
      {"1, 2, > 10", "11", "true"},
      {"1, 2, > 10", "5", "false"},
      {"not(1, 2)", "3", "true"},
      {"not(1, 2)", "2", "false"},
      {"not(> 10)", "11", "false"},
      {"\"a\", \"b\"", "\"b\"", "true"},
      {"not(\"a\")", "\"b\"", "true"},
      {"true", "true", "true"},
      {"true", "false", "false"},
      {"false", "false", "true"},
      {"null", "null", "true"},
      {"null", "1", "false"},
      {"[1, 2, 3]", "2", "true"},
      {"= 5", "5", "true"},
      {"!= 5", "5", "false"},
      {"!= 5", "6", "true"},
      {"? > 5", "6", "true"},
      {"? > 5 and ? < 7", "8", "false"},
      {"even(?)", "4", "true"},
      {"not(even(?))", "4", "false"},
      {"? = 1 or ? = 2", "2", "true"},
      {"contains(?, \"x\")", "\"axb\"", "true"},
      {"starts with(?, \"a\"), ends with(?, \"z\")", "\"xyz\"", "true"},
      {"< @\"2024-01-01\"", "@\"2023-12-31\"", "true"},
      {"[@\"2024-01-01\"..@\"2024-01-31\"]", "@\"2024-01-31\"", "true"},
      {"> @\"P1D\"", "@\"PT25H\"", "true"},
      {"5", "null", "false"},
      {"< 5", "null", "null"},
      {"< 5", "\"a\"", "null"},
      {"not(5)", "\"a\"", "null"},
      {"(1 + 2)", "3", "true"},
      {"1 + 2", "3", "true"},
      {"-1", "-1", "true"},
      {"- 1", "-1", "true"},
      {"(<5)", "4", "true"},
      {"]1..3[", "1", "false"},
      {"some x in ? satisfies x > 2", "[1, 2, 3]", "true"},
      {"? in [1..3]", "2", "true"},
  };
  for (const Case& c : kCases)
    EXPECT_EQ(Ask(c.cell, c.input), c.expected) << c.cell << " " << c.input;
}

TEST_F(UnaryTestsTest, MayReadSlots) {
  scope_.Add("limit", Type::Number());
  scope_.Add("names", Type::List(Type::String()));
  const Value names[] = {Value::String("a"), Value::String("b")};
  slots_ = {Value::Integer(10), Value::List(names)};
  EXPECT_EQ(Ask("> limit", "11"), "true");
  EXPECT_EQ(Ask("[limit..limit * 2]", "20"), "true");
  EXPECT_EQ(Ask("names", "\"b\""), "true");
  EXPECT_EQ(Ask("list contains(names, ?)", "\"c\""), "false");
  EXPECT_EQ(Ask("limit", "10"), "true");
  EXPECT_EQ(tests_.slots_read(), std::vector<uint32_t>{0});
  EXPECT_EQ(tests_.shape().kind, UnaryTestShape::Kind::kGeneral);
}

TEST_F(UnaryTestsTest, ShapesAreThoseOfIndexableCells) {
  using Kind = UnaryTestShape::Kind;
  EXPECT_EQ(Make("-").shape().kind, Kind::kAny);
  const UnaryTests constants = Make("\"a\", \"b\"");
  EXPECT_EQ(constants.shape().kind, Kind::kAlternatives);
  EXPECT_EQ(constants.shape().alternatives.size(), 2U);
  const UnaryTests interval = Make("(1..2]");
  ASSERT_EQ(interval.shape().alternatives.size(), 1U);
  EXPECT_TRUE(interval.shape().alternatives[0].is_interval);
  EXPECT_FALSE(interval.shape().alternatives[0].low_included);
  EXPECT_TRUE(interval.shape().alternatives[0].high_included);
  const UnaryTests half = Make(">= date(\"2024-01-01\")");
  EXPECT_EQ(half.shape().kind, Kind::kAlternatives);
  EXPECT_TRUE(half.shape().alternatives[0].high.IsNull());
  EXPECT_TRUE(Make("not(1, 2)").shape().negated);
  EXPECT_TRUE(Make("!= 3").shape().negated);
  EXPECT_EQ(Make("? > 3").shape().kind, Kind::kGeneral);
  EXPECT_EQ(Make("null").shape().kind, Kind::kGeneral);
}

TEST_F(UnaryTestsTest, WrongCellsAreErrors) {
  for (const char* text : {"", " ", "1,", ", 1", "< ", "[1..2", "not(1", "1 2", "- -"}) {
    std::vector<Diagnostic> diagnostics;
    EXPECT_FALSE(CompileUnaryTests(text, scope_, Type::Any(), {}, &diagnostics)) << text;
    EXPECT_TRUE(HasErrors(diagnostics)) << text;
  }
}

// What the contract of UnaryTestShape says, word by word.
bool ShapeHolds(const UnaryTestShape& shape, const Value& input) {
  bool any = false;
  for (const auto& alternative : shape.alternatives) {
    if (!alternative.is_interval) {
      any = any || Equals(input, alternative.constant) == Ternary::kTrue;
      continue;
    }
    bool in = true;
    if (!alternative.low.IsNull()) {
      const auto order = Order(input, alternative.low);
      in = in && order && (*order > 0 || (*order == 0 && alternative.low_included));
    }
    if (!alternative.high.IsNull()) {
      const auto order = Order(input, alternative.high);
      in = in && order && (*order < 0 || (*order == 0 && alternative.high_included));
    }
    any = any || in;
  }
  return any != shape.negated;
}

TEST_F(UnaryTestsTest, ShapeAndEvaluationAgreeOnRandomCells) {
  constexpr uint64_t kSeed = 7;
  std::mt19937_64 random(kSeed);
  const auto number = [&] { return std::to_string(static_cast<int>(random() % 7)); };
  const auto test = [&]() -> std::string {
    const std::string a = number();
    const std::string b = number();
    static constexpr const char* kOperators[] = {"<", "<=", ">", ">=", "=", "!="};
    switch (random() % 4) {
      case 0:
        return a;
      case 1:
        return kOperators[random() % 6] + a;
      case 2:
        return std::string(random() % 2 ? "[" : "(") + a + ".." + b + (random() % 2 ? "]" : ")");
      default:
        return "[" + a + ", " + b + "]";
    }
  };
  int indexed = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string cell = test();
    for (uint64_t more = random() % 3; more > 0; --more) cell += ", " + test();
    if (random() % 4 == 0) cell = "not(" + cell + ")";
    const UnaryTests tests = Make(cell);
    if (tests.shape().kind != UnaryTestShape::Kind::kAlternatives) continue;
    ++indexed;
    for (int n = -1; n <= 14; ++n) {
      const Value input = Value::Number(Decimal::FromScaled(n * 5, -1));
      ASSERT_EQ(tests.Matches(input, {}, context_), ShapeHolds(tests.shape(), input))
          << "seed " << kSeed << ", cell " << cell << ", input " << ToFeel(input);
    }
  }
  EXPECT_GT(indexed, 1000);
}

}  // namespace
}  // namespace credence::feel
