// Decision tables against the naive evaluator: all small ones, and large random ones.

#include <gtest/gtest.h>

#include <algorithm>

#include "src/base/random.h"
#include "src/dmn/decision_table.h"
#include "src/dmn/naive_table.h"

namespace credence::dmn {
namespace {

using feel::Value;

Text T(std::string text) { return {std::move(text), {1, 1}, ""}; }

CompileEnvironment Environment() {
  CompileEnvironment environment;
  environment.resolve_type = [](const std::string& type_ref, Position) {
    return feel::Type::FromName(type_ref);
  };
  return environment;
}

feel::UnaryTests Cell(const std::string& text, const feel::Type& type = feel::Type::Any()) {
  std::vector<Diagnostic> diagnostics;
  auto tests = feel::CompileUnaryTests(text, feel::Scope(), type, {}, &diagnostics);
  EXPECT_TRUE(tests.has_value()) << text;
  return tests.value_or(feel::UnaryTests());
}

std::vector<uint32_t> Rows(const TableIndex& index, std::span<const Value> inputs,
                           const std::function<const feel::UnaryTests&(size_t, size_t)>& cell,
                           feel::EvaluationContext& context) {
  std::vector<uint32_t> rows;
  bool asked[16] = {};
  index.Find(inputs, std::span(asked, inputs.size()), context.arena()).ForEach([&](uint32_t row) {
    bool match = true;
    for (const uint16_t c : index.GeneralCells(row)) {
      match = match && cell(row, c).Matches(inputs[c], {}, context);
    }
    for (size_t c = 0; c < inputs.size(); ++c) {
      match = match && (!asked[c] || cell(row, c).Matches(inputs[c], {}, context));
    }
    if (match) rows.push_back(row);
    return true;
  });
  return rows;
}

// Every table of `rows` x `columns` cells of the alphabet, on every combination of the inputs.
void CheckAllTables(const std::vector<std::string>& alphabet, const std::vector<Value>& inputs,
                    size_t rows, size_t columns) {
  Arena cells_arena;
  feel::EvaluationContext context(&cells_arena);
  std::vector<feel::UnaryTests> cells;
  for (const std::string& text : alphabet) cells.push_back(Cell(text));
  // matches[cell][input]
  std::vector<std::vector<bool>> matches(cells.size());
  for (size_t c = 0; c < cells.size(); ++c) {
    for (const Value& input : inputs) matches[c].push_back(cells[c].Matches(input, {}, context));
  }
  size_t combinations = 1;
  for (size_t i = 0; i < columns; ++i) combinations *= inputs.size();
  std::vector<size_t> choice(rows * columns, 0);
  for (bool more = true; more;) {
    const auto cell = [&](size_t r, size_t c) -> const feel::UnaryTests& {
      return cells[choice[r * columns + c]];
    };
    const TableIndex index = TableIndex::Build(
        rows, columns,
        [&](size_t r, size_t c) -> const feel::UnaryTestShape& { return cell(r, c).shape(); });
    for (size_t n = 0; n < combinations; ++n) {
      std::vector<Value> row_inputs;
      std::vector<size_t> picked;
      for (size_t c = 0, rest = n; c < columns; ++c, rest /= inputs.size()) {
        picked.push_back(rest % inputs.size());
        row_inputs.push_back(inputs[picked.back()]);
      }
      std::vector<uint32_t> expected;
      for (uint32_t r = 0; r < rows; ++r) {
        bool all = true;
        for (size_t c = 0; c < columns; ++c)
          all = all && matches[choice[r * columns + c]][picked[c]];
        if (all) expected.push_back(r);
      }
      cells_arena.Reset();
      const auto found = Rows(index, row_inputs, cell, context);
      if (found == expected) continue;
      std::string shown;
      for (const size_t at : choice) shown += alphabet[at] + " | ";
      for (const Value& input : row_inputs) shown += feel::ToFeel(input) + ", ";
      FAIL() << shown;
    }
    more = false;
    for (size_t& digit : choice) {
      if (++digit < alphabet.size()) {
        more = true;
        break;
      }
      digit = 0;
    }
  }
}

std::vector<Value> Numbers() {
  return {Value::Integer(0), Value::Integer(1), Value::Integer(2), Value::Null()};
}

TEST(TableIndex, FindsWhatTheNaiveScanFindsInEveryThreeByThreeTable) {
  CheckAllTables({"-", "1", "<2", "[1..2]"}, Numbers(), 3, 3);
}

TEST(TableIndex, FindsWhatTheNaiveScanFindsInEveryTwoByTwoTable) {
  std::vector<Value> inputs = Numbers();
  for (const Value& value : {Value::String("a"), Value::String("b"), Value::Boolean(true),
                             Value::Boolean(false), Value::FromDate(Date{0})}) {
    inputs.push_back(value);
  }
  const Value items[] = {Value::Integer(1), Value::Integer(2)};
  inputs.push_back(Value::List(items));
  CheckAllTables({"-", "1", "not(1)", "(1..2]", ">=1.5", "\"a\"", "\"a\",\"b\"", "true", "null",
                  "1,\"a\"", "? = 2", "<0,>1"},
                 inputs, 2, 2);
}

TEST(TableIndex, FindsWhatTheNaiveScanFindsInEveryColumnOfThree) {
  std::vector<Value> inputs;
  for (int64_t i = -1; i <= 5; ++i) {
    inputs.push_back(Value::Number(Decimal::FromScaled(5 * i, -1)));
  }
  for (const char* text :
       {"1.000000000000000000000000000000001", "1.499999999999999999999999999999999",
        "-1.499999999999999999999999999999999", "-1.000000000000000000000000000000001",
        "-0.9999999999999999999999999999999999", "1.500000000000000000000000000000000",
        "9223372036854775807.000000000000001", "-9223372036854775808.500000000000000"}) {
    inputs.push_back(Value::Number(*Decimal::Parse(text)));
  }
  inputs.push_back(Value::Number(*Decimal::Parse("1E+300")));
  inputs.push_back(Value::Number(*Decimal::Parse("-1E-300")));
  inputs.push_back(Value::Number(*Decimal::Parse("100E-2")));
  inputs.push_back(Value::Null());
  CheckAllTables({"-", "1", "1.0", "(0.5..1.5)", "[0.5..1.5]", "<=1", ">1", "[2..1]", "(1..1)",
                  "[1..1]", "1,1.5,[1..2)", "<1,>1", "1E-300", "[-1..1E300]", "0"},
                 inputs, 3, 1);
}

TEST(TableIndex, FindsDatesTimesAndDurations) {
  Arena arena;
  feel::EvaluationContext context(&arena);
  std::vector<Value> inputs;
  std::vector<Diagnostic> diagnostics;
  std::vector<feel::Expression> kept;
  for (const char* text :
       {"@\"2024-02-29\"", "@\"2024-03-01\"", "@\"10:00:00\"", "@\"10:00:00Z\"",
        "@\"12:00:00+02:00\"", "@\"2024-02-29T10:00:00\"", "@\"2024-02-29T10:00:00Z\"", "@\"P1D\"",
        "@\"PT25H\"", "@\"P1Y\"", "@\"P13M\"", "null", "3"}) {
    kept.push_back(*feel::Compile(text, feel::Scope(), {}, &diagnostics));
    inputs.push_back(kept.back().Evaluate({}, context));
  }
  CheckAllTables({"-", "@\"2024-02-29\"", "> @\"2024-02-28\"", "@\"10:00:00Z\"",
                  "<= @\"10:00:00Z\"", ">= @\"2024-02-29T10:00:00Z\"", "[@\"PT24H\"..@\"P2D\")",
                  "@\"P12M\"", "> @\"P1Y\"", "@\"2024-02-29T10:00:00\""},
                 inputs, 2, 1);
}

// --- random tables with every hit policy

struct RandomTable {
  DecisionTable table;
  feel::Scope scope;
};

std::string RandomCell(Random& random, size_t column) {
  const auto number = [&] {
    std::string text = std::to_string(random.Below(40));
    if (random.Below(4) == 0) text += "." + std::to_string(random.Below(100));
    return text;
  };
  if (random.Below(4) == 0) return "-";
  if (column % 3 == 1) {
    const auto word = [&] { return "\"w" + std::to_string(random.Below(12)) + "\""; };
    if (random.Below(8) == 0) return "not(" + word() + ")";
    return random.Below(3) == 0 ? word() + ", " + word() : word();
  }
  switch (random.Below(8)) {
    case 0:
      return "<" + number();
    case 1:
      return ">=" + number();
    case 2:
      return "[" + number() + ".." + number() + "]";
    case 3:
      return "(" + number() + ".." + number() + "]";
    case 4:
      return number() + "," + number();
    case 5:
      return "? > " + number() + " and ? < 30";
    case 6:
      return "<" + number() + ", >" + number();
    default:
      return number();
  }
}

void Fill(Random& random, HitPolicy policy, Aggregation aggregation, size_t rows, size_t columns,
          size_t outputs, RandomTable* made) {
  DecisionTable& table = made->table;
  table.hit_policy = policy;
  table.aggregation = aggregation;
  for (size_t c = 0; c < columns; ++c) {
    InputClause clause;
    clause.expression = T("in" + std::to_string(c));
    made->scope.Add(clause.expression.text, feel::Type::Any());
    table.inputs.push_back(clause);
  }
  for (size_t c = 0; c < outputs; ++c) {
    OutputClause clause;
    clause.name = "out" + std::to_string(c);
    if (random.Below(2) == 0) clause.values = T("3, 1, 2");
    if (rows % 2 == 0) clause.default_entry = T("-1");
    table.outputs.push_back(clause);
  }
  for (size_t r = 0; r < rows; ++r) {
    Rule rule;
    for (size_t c = 0; c < columns; ++c) rule.inputs.push_back(T(RandomCell(random, c)));
    for (size_t c = 0; c < outputs; ++c) {
      rule.outputs.push_back(T(random.Below(9) == 0 ? "in0" : std::to_string(random.Below(5))));
    }
    table.rules.push_back(rule);
  }
}

void CheckRandomTable(uint64_t seed, size_t rows, size_t columns) {
  static constexpr std::pair<HitPolicy, Aggregation> kPolicies[] = {
      {HitPolicy::kUnique, Aggregation::kNone},      {HitPolicy::kFirst, Aggregation::kNone},
      {HitPolicy::kPriority, Aggregation::kNone},    {HitPolicy::kAny, Aggregation::kNone},
      {HitPolicy::kCollect, Aggregation::kNone},     {HitPolicy::kRuleOrder, Aggregation::kNone},
      {HitPolicy::kOutputOrder, Aggregation::kNone}, {HitPolicy::kCollect, Aggregation::kSum},
      {HitPolicy::kCollect, Aggregation::kCount},    {HitPolicy::kCollect, Aggregation::kMin},
      {HitPolicy::kCollect, Aggregation::kMax}};
  Random random(seed);
  const auto [policy, aggregation] = kPolicies[random.Below(std::size(kPolicies))];
  RandomTable made;
  Fill(random, policy, aggregation, rows, columns,
       aggregation == Aggregation::kNone ? 1 + random.Below(2) : 1, &made);
  auto shared = std::make_shared<const DecisionTable>(made.table);
  TableExpression fast(shared, 7, "table", Environment());
  std::vector<Diagnostic> diagnostics;
  (void)fast.Bind(made.scope, &diagnostics);
  ASSERT_FALSE(HasErrors(diagnostics)) << ToString(diagnostics[0]) << " seed " << seed;
  const NaiveTable naive(shared.get(), made.scope);
  Arena arena;
  feel::EvaluationContext context(&arena);
  EvaluationLog log;
  std::vector<std::string> words;
  for (int i = 0; i < 13; ++i) words.push_back("w" + std::to_string(i));
  for (int n = 0; n < 60; ++n) {
    arena.Reset();
    log.matched.clear();
    context.host = &log;
    std::vector<Value> slots;
    for (size_t c = 0; c < columns; ++c) {
      const uint64_t kind = random.Below(12);
      if (kind == 0) {
        slots.push_back(Value::Null());
      } else if ((c % 3 == 1) != (kind == 1)) {
        slots.push_back(Value::String(words[random.Below(words.size())]));
      } else if (kind == 2) {
        slots.push_back(
            Value::Number(Decimal::FromScaled(static_cast<Int128>(random.Below(4000)), -2)));
      } else {
        slots.push_back(Value::Integer(static_cast<int64_t>(random.Below(42)) - 1));
      }
    }
    std::vector<uint32_t> rows_hit;
    const Value expected = naive.Evaluate(slots, context, &rows_hit);
    const Value got = fast.Evaluate(slots, context);
    const std::string where =
        "seed " + std::to_string(seed) + " policy " + std::string(HitPolicyName(policy));
    ASSERT_EQ(feel::ToFeel(got), feel::ToFeel(expected)) << where;
    if (got.IsNull()) {
      ASSERT_TRUE(expected.IsNull()) << where;
    }
    std::vector<uint32_t> logged;
    for (const MatchedRule& matched : log.matched) {
      ASSERT_EQ(matched.table, 7U);
      logged.push_back(matched.row - 1);
    }
    std::sort(logged.begin(), logged.end());
    if (policy == HitPolicy::kFirst) rows_hit.resize(std::min<size_t>(rows_hit.size(), 1));
    if (policy == HitPolicy::kUnique) rows_hit.resize(std::min<size_t>(rows_hit.size(), 2));
    ASSERT_EQ(logged, rows_hit) << where;
  }
}

TEST(DecisionTable, AgreesWithTheNaiveEvaluatorOnSmallRandomTables) {
  for (uint64_t seed = 1; seed <= 600; ++seed) {
    CheckRandomTable(seed, 1 + seed % 9, 1 + seed % 4);
    if (HasFatalFailure()) return;
  }
}

TEST(DecisionTable, AgreesWithTheNaiveEvaluatorOnLargeRandomTables) {
  for (uint64_t seed = 1000; seed < 1012; ++seed) {
    CheckRandomTable(seed, 100 + (seed - 1000) * 180, 1 + seed % 6);
    if (HasFatalFailure()) return;
  }
}

// Tables of random cells at the given budgets, each cell of which is also asked by itself.
void CheckBudget(const IndexOptions& options, size_t rows, size_t columns, uint64_t seed) {
  Random random(seed);
  Arena arena;
  feel::EvaluationContext context(&arena);
  std::vector<feel::UnaryTests> cells;
  for (size_t i = 0; i < rows * columns; ++i)
    cells.push_back(Cell(RandomCell(random, i % columns)));
  const auto cell = [&](size_t r, size_t c) -> const feel::UnaryTests& {
    return cells[r * columns + c];
  };
  const TableIndex index = TableIndex::Build(
      rows, columns,
      [&](size_t r, size_t c) -> const feel::UnaryTestShape& { return cell(r, c).shape(); },
      options);
  std::vector<std::string> words;
  for (int i = 0; i < 13; ++i) words.push_back("w" + std::to_string(i));
  for (int n = 0; n < 80; ++n) {
    arena.Reset();
    std::vector<Value> inputs;
    for (size_t c = 0; c < columns; ++c) {
      inputs.push_back(c % 3 == 1 ? Value::String(words[random.Below(words.size())])
                                  : Value::Number(Decimal::FromScaled(
                                        static_cast<Int128>(random.Below(8400)) - 100, -2)));
      if (random.Below(20) == 0) inputs.back() = Value::Null();
    }
    std::vector<uint32_t> expected;
    for (uint32_t r = 0; r < rows; ++r) {
      bool all = true;
      for (size_t c = 0; c < columns; ++c) all = all && cell(r, c).Matches(inputs[c], {}, context);
      if (all) expected.push_back(r);
    }
    ASSERT_EQ(Rows(index, inputs, cell, context), expected) << "seed " << seed;
  }
}

TEST(TableIndex, AnswersTheSameAtEveryBudget) {
  uint64_t seed = 1;
  for (const size_t rows : {70UL, 400UL, 1500UL}) {
    for (const size_t columns : {1UL, 2UL, 5UL}) {
      for (const size_t column_bytes : {0UL, 600UL, 8000UL, size_t{2} << 20}) {
        CheckBudget({column_bytes, kIndexBytesMax}, rows, columns, ++seed);
        if (HasFatalFailure()) return;
      }
      CheckBudget({1 << 20, rows * columns * 60}, rows, columns,
                  ++seed);  // some columns are left out
      CheckBudget({0, 0}, rows, columns, ++seed);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(TableIndex, FiftyThousandDistinctThresholdsStayWithinTheMemoryBound) {
  // Every row has its own bound in every column: the case with the most sets.
  constexpr size_t kRows = 50'000;
  constexpr size_t kColumns = 4;
  std::vector<feel::UnaryTestShape> shapes(kRows * kColumns);
  Random random(5);
  for (size_t i = 0; i < shapes.size(); ++i) {
    shapes[i].kind = feel::UnaryTestShape::Kind::kAlternatives;
    feel::UnaryTestShape::Alternative alternative;
    alternative.is_interval = true;
    alternative.low = Value::Integer(static_cast<int64_t>(random.Below(10'000'000)));
    alternative.low_included = true;
    if (i % kColumns != 0) {
      alternative.high = Value::Integer(static_cast<int64_t>(random.Below(10'000'000)));
    }
    shapes[i].alternatives.push_back(alternative);
  }
  const TableIndex index = TableIndex::Build(
      kRows, kColumns,
      [&](size_t r, size_t c) -> const feel::UnaryTestShape& { return shapes[r * kColumns + c]; });
  EXPECT_LE(index.bytes(), kIndexBytesMax);
  Arena arena;
  for (int n = 0; n < 50; ++n) {
    arena.Reset();
    Value inputs[kColumns];
    for (Value& input : inputs)
      input = Value::Integer(static_cast<int64_t>(random.Below(10'000'000)));
    bool asked[kColumns] = {};
    std::vector<uint32_t> found;
    index.Find(inputs, asked, arena).ForEach([&](uint32_t row) {
      found.push_back(row);
      return true;
    });
    std::vector<uint32_t> expected;
    for (uint32_t r = 0; r < kRows; ++r) {
      bool all = true;
      for (size_t c = 0; c < kColumns; ++c) {
        const auto& alternative = shapes[r * kColumns + c].alternatives[0];
        all = all && inputs[c].number() >= alternative.low.number() &&
              (alternative.high.IsNull() || inputs[c].number() < alternative.high.number());
      }
      if (all) expected.push_back(r);
    }
    ASSERT_EQ(found, expected);
  }
}

}  // namespace
}  // namespace credence::dmn
