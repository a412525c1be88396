// Boxed expressions, functions made from outside, and calls of function values.

#include <gtest/gtest.h>

#include "src/feel/expression.h"

namespace credence::feel {
namespace {

Boxed Literal(std::string text) {
  Boxed boxed;
  boxed.text = std::move(text);
  return boxed;
}

Boxed Node(Boxed::Kind kind, std::vector<Boxed> children, std::vector<std::string> names = {}) {
  Boxed boxed;
  boxed.kind = kind;
  boxed.children = std::move(children);
  boxed.names = std::move(names);
  return boxed;
}

class BoxedTest : public ::testing::Test {
 protected:
  std::string Run(const Boxed& boxed, const std::vector<Value>& slots = {}) {
    std::vector<Diagnostic> diagnostics;
    keep_ = Compile(boxed, scope_, {}, &diagnostics);
    if (!keep_) return "error: " + diagnostics[0].message;
    return ToFeel(keep_->Evaluate(slots, context_));
  }

  Scope scope_;
  Arena arena_;
  EvaluationContext context_{&arena_};
  std::optional<Expression> keep_;
};

TEST_F(BoxedTest, EntriesOfAContextSeeThoseBefore) {
  scope_.Add("x", Type::Number());
  const Boxed context = Node(Boxed::Kind::kContext, {Literal("x * 2"), Literal("twice the x + 1")},
                             {"twice the x", "b"});
  EXPECT_EQ(Run(context, {Value::Integer(5)}), "{twice the x: 10, b: 11}");
}

TEST_F(BoxedTest, LastEntryWithoutANameIsTheResult) {
  EXPECT_EQ(Run(Node(Boxed::Kind::kContext, {Literal("1"), Literal("a + 1")}, {"a", ""})), "2");
}

TEST_F(BoxedTest, EveryKindEvaluates) {
  EXPECT_EQ(Run(Node(Boxed::Kind::kList, {Literal("1"), Literal("\"a\"")})), "[1, \"a\"]");
  EXPECT_EQ(Run(Node(Boxed::Kind::kConditional, {Literal("1 > 2"), Literal("3"), Literal("4")})),
            "4");
  EXPECT_EQ(Run(Node(Boxed::Kind::kFilter, {Literal("[1, 2, 3]"), Literal("item > 1")})), "[2, 3]");
  EXPECT_EQ(Run(Node(Boxed::Kind::kFor, {Literal("[1, 2]"), Literal("an x * 10")}, {"an x"})),
            "[10, 20]");
  EXPECT_EQ(Run(Node(Boxed::Kind::kSome, {Literal("[1, 2]"), Literal("x > 1")}, {"x"})), "true");
  EXPECT_EQ(Run(Node(Boxed::Kind::kEvery, {Literal("[1, 2]"), Literal("x > 1")}, {"x"})), "false");
}

TEST_F(BoxedTest, FunctionsAreCalledByNameAndPosition) {
  Boxed function = Node(Boxed::Kind::kFunction, {Literal("a - b")}, {"a", "b"});
  Boxed named =
      Node(Boxed::Kind::kInvocation, {Literal("f"), Literal("1"), Literal("10")}, {"b", "a"});
  EXPECT_EQ(Run(Node(Boxed::Kind::kContext, {function, named}, {"f", ""})), "9");
  Boxed by_position = Node(Boxed::Kind::kInvocation, {Literal("f"), Literal("1"), Literal("10")});
  EXPECT_EQ(Run(Node(Boxed::Kind::kContext, {function, by_position}, {"f", ""})), "-9");
}

TEST_F(BoxedTest, AFunctionInAContextCallsItself) {
  Boxed factorial =
      Node(Boxed::Kind::kFunction, {Literal("if n = 0 then 1 else n * fact(n - 1)")}, {"n"});
  EXPECT_EQ(Run(Node(Boxed::Kind::kContext, {factorial, Literal("fact(5)")}, {"fact", ""})), "120");
}

TEST_F(BoxedTest, DeclaredTypesCoerce) {
  Boxed entry = Literal("[5]");
  entry.type = Type::Number();
  EXPECT_EQ(Run(Node(Boxed::Kind::kContext, {entry}, {"a"})), "{a: 5}");
  Boxed wrong = Literal("\"x\"");
  wrong.type = Type::Number();
  EXPECT_EQ(Run(wrong), "null");
}

TEST_F(BoxedTest, ExternalFunctionsGiveNullWithAReason) {
  Boxed external = Node(Boxed::Kind::kExternal, {}, {"x"});
  Boxed call = Node(Boxed::Kind::kInvocation, {external, Literal("1")});
  std::vector<Diagnostic> diagnostics;
  const auto expression = Compile(call, scope_, {}, &diagnostics);
  ASSERT_TRUE(expression);
  EXPECT_EQ(expression->Evaluate({}, context_).null_reason(), NullReason::kExternal);
}

TEST_F(BoxedTest, MissingPartsAreErrors) {
  EXPECT_EQ(Run(Node(Boxed::Kind::kConditional, {Literal("true")})),
            "error: a boxed expression lacks a part");
  EXPECT_EQ(Run(Literal("1 +")).substr(0, 6), "error:");
}

// Adds two names that are visible where it stands.
class Adder final : public CustomExpression {
 public:
  Type Bind(const Scope& visible, std::vector<Diagnostic>* diagnostics) override {
    expression_ = *Compile("x + local", visible, {}, diagnostics);
    return Type::Number();
  }
  [[nodiscard]] std::vector<uint32_t> slots_read() const override {
    return expression_.slots_read();
  }
  [[nodiscard]] Value Evaluate(std::span<const Value> slots,
                               EvaluationContext& context) const override {
    return expression_.Evaluate(slots, context);
  }

 private:
  Expression expression_;
};

TEST_F(BoxedTest, CustomExpressionsSeeSlotsAndLocalNames) {
  scope_.Add("unused", Type::Number());
  scope_.Add("x", Type::Number());
  Boxed custom;
  custom.kind = Boxed::Kind::kCustom;
  custom.custom = std::make_shared<Adder>();
  const Boxed context = Node(Boxed::Kind::kContext, {Literal("x * 2"), custom}, {"local", ""});
  EXPECT_EQ(Run(context, {Value(), Value::Integer(10)}), "30");
  EXPECT_EQ(keep_->slots_read(), std::vector<uint32_t>{1});
  // Inside of a function the slot is taken along.
  const Boxed function = Node(Boxed::Kind::kFunction, {custom}, {"local"});
  custom.custom = std::make_shared<Adder>();
  const Boxed call = Node(Boxed::Kind::kInvocation, {function, Literal("1")});
  EXPECT_EQ(Run(call, {Value(), Value::Integer(10)}), "11");
}

// A knowledge model from outside.
class Doubler final : public Callable {
 public:
  Doubler() : type_(Type::Function({{"amount", Type::Number()}}, Type::Number())) {}
  [[nodiscard]] const Type& type() const override { return type_; }
  [[nodiscard]] std::string_view name() const override { return "doubler"; }
  [[nodiscard]] Value Call(std::span<const Value> arguments,
                           EvaluationContext& /*context*/) const override {
    return Value::Number(arguments[0].number() + arguments[0].number());
  }

 private:
  Type type_;
};

TEST_F(BoxedTest, CallablesFromOutsideAreFunctions) {
  const Doubler doubler;
  scope_.AddConstant("double it", doubler.type(), Value::Function(&doubler));
  EXPECT_EQ(Run(Literal("double it(4)")), "8");
  EXPECT_EQ(Run(Literal("double it(amount: 4)")), "8");
  EXPECT_EQ(Run(Literal("double it(\"a\")")), "null");
  EXPECT_EQ(Run(Literal("double it(1, 2)")), "null");
  EXPECT_EQ(Run(Literal("{apply: function(f, v) f(v), r: apply(double it, 5)}.r")), "10");
  const Value args[] = {Value::Integer(3)};
  const std::string_view names[] = {"amount"};
  EXPECT_EQ(ToFeel(Invoke(Value::Function(&doubler), args, context_)), "6");
  EXPECT_EQ(ToFeel(InvokeNamed(Value::Function(&doubler), names, args, context_)), "6");
  EXPECT_EQ(Invoke(Value::Integer(1), args, context_).null_reason(), NullReason::kType);
}

}  // namespace
}  // namespace credence::feel
