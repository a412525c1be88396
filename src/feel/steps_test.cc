// Expressions by steps against the same ones as trees, which evaluations that note nulls take.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "src/base/random.h"
#include "src/feel/expression.h"
#include "src/feel/number.h"

namespace credence::feel {
namespace {

constexpr uint32_t kSlots = 5;

std::string RandomText(Random& random, int depth) {
  if (depth == 0 || random.OneIn(5)) {
    if (random.OneIn(4)) return std::to_string(random.Below(4));
    return std::string(1, static_cast<char>('a' + random.Below(kSlots)));
  }
  const auto part = [&] { return RandomText(random, depth - 1); };
  switch (random.Below(9)) {
    case 0:
      return "max(" + part() + ", " + part() + ")";
    case 1:
      return "min(" + part() + ", " + part() + ")";
    case 2:
      return "(if " + part() + " > " + part() + " then " + part() + " else " + part() + ")";
    case 3:
      return "(if " + part() + " = " + part() + " and " + part() + " <= 2 then " + part() +
             " else " + part() + ")";
    case 4:
      return "abs(" + part() + ")";
    default:
      return "(" + part() + " " + std::string(1, "+-*/"[random.Below(4)]) + " " + part() + ")";
  }
}

Value RandomValue(Random& random) {
  switch (random.Below(12)) {
    case 0:
      return Value::Null(NullReason::kMissing, "no value");
    case 1:
      return Value::String("text");
    case 2:
      return Value::Duration(3'600'000'000'000);
    case 3:
      return Value::Integer(0);
    case 4:
      return ScaledNumber(static_cast<int64_t>(random.Below(1000)), 6111);
    case 5:
      return Value::Number(Decimal::FromInt64(1) / Decimal::FromInt64(3 + random.Below(50)));
    default:
      return ScaledNumber(random.Between(-500'000, 500'000), -static_cast<int>(random.Below(4)));
  }
}

bool Same(const Value& a, const Value& b) {
  if (a.kind() != b.kind()) return false;
  if (a.IsNumber()) return a.low_word() == b.low_word() && a.high_word() == b.high_word();
  if (a.IsNull()) return a.null_reason() == b.null_reason() && a.null_text() == b.null_text();
  return Equals(a, b) == Ternary::kTrue;
}

void CheckExpression(uint64_t seed, Random& random, const std::string& text) {
  Scope scope;
  for (uint32_t i = 0; i < kSlots; ++i) {
    scope.Add(std::string(1, static_cast<char>('a' + i)), Type::Any());
  }
  std::vector<Diagnostic> diagnostics;
  const auto expression = Compile(text, scope, {}, &diagnostics);
  ASSERT_TRUE(expression.has_value()) << text;
  Arena arena;
  EvaluationContext context(&arena);
  for (int i = 0; i < 20; ++i) {
    std::vector<Value> slots;
    for (uint32_t slot = 0; slot < kSlots; ++slot) slots.push_back(RandomValue(random));
    const Value by_steps = expression->Evaluate(slots, context);
    std::vector<NullNote> notes;
    context.notes = &notes;
    const Value by_tree = expression->Evaluate(slots, context);
    context.notes = nullptr;
    ASSERT_TRUE(Same(by_steps, by_tree))
        << "seed " << seed << ": " << text << " gives " << ToFeel(by_steps) << " by steps, "
        << ToFeel(by_tree) << " as a tree, of " << ToFeel(slots[0]) << ", " << ToFeel(slots[1])
        << ", " << ToFeel(slots[2]) << ", " << ToFeel(slots[3]) << ", " << ToFeel(slots[4]);
  }
}

TEST(Steps, GiveWhatTheTreeGives) {
  constexpr uint64_t kSeed = 41;
  Random random(kSeed);
  for (int i = 0; i < 20'000; ++i) {
    CheckExpression(kSeed, random, RandomText(random, 1 + static_cast<int>(random.Below(5))));
    if (HasFatalFailure()) return;
  }
}

TEST(Steps, LeaveToTheTreeWhatTakesMoreRegisters) {
  constexpr uint64_t kSeed = 42;
  Random random(kSeed);
  for (int depth = 1; depth < 40; ++depth) {
    // Each operand on the left is worked out and waits for the right one.
    std::string text = "a";
    for (int i = 0; i < depth; ++i) text = "(a * b + c) - (" + text + ")";
    CheckExpression(kSeed, random, text);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace credence::feel
