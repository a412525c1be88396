// What the compiler promises: names, slots, types, diagnostics, limits.

#include <gtest/gtest.h>

#include "src/feel/expression.h"
#include "src/feel/test_zones.h"

namespace credence::feel {
namespace {

class CompileTest : public ::testing::Test {
 protected:
  std::optional<Expression> Make(std::string_view text, CompileOptions options = {}) {
    diagnostics_.clear();
    options.zones = &zones_;
    return Compile(text, scope_, options, &diagnostics_);
  }
  Value Run(std::string_view text, std::vector<Value> slots = {}) {
    keep_ = Make(text);
    if (!keep_) return Value::Null(NullReason::kParse, "does not compile");
    slots_ = std::move(slots);
    slots_.resize(std::max<size_t>(slots_.size(), scope_.slot_count()));
    return keep_->Evaluate(slots_, context_);
  }
  std::string Text(std::string_view text, std::vector<Value> slots = {}) {
    return ToFeel(Run(text, std::move(slots)));
  }
  std::string FirstCode() { return diagnostics_.empty() ? "" : diagnostics_[0].code; }

  TestZones zones_;
  Scope scope_;
  Arena arena_;
  EvaluationContext context_{&arena_, &zones_};
  std::vector<Diagnostic> diagnostics_;
  std::vector<Value> slots_;
  std::optional<Expression> keep_;
};

std::string Repeat(std::string_view part, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += part;
  return out;
}

TEST_F(CompileTest, LongestNameInScopeWins) {
  scope_.Add("account", Type::Context({{"transaction", Type::Any()}}));
  const uint32_t slot = scope_.Add("account.transaction.count_30d", Type::Number());
  const auto expression = Make("account.transaction.count_30d >= 5");
  ASSERT_TRUE(expression);
  EXPECT_EQ(expression->slots_read(), std::vector<uint32_t>{slot});
}

TEST_F(CompileTest, NameEndsAtTheEndOfAWord) {
  scope_.Add("count", Type::Number());
  scope_.Add("count_30d", Type::Number());
  EXPECT_EQ(Text("count_30d + 1", {Value::Integer(1), Value::Integer(10)}), "11");
  EXPECT_EQ(Text("count + 1", {Value::Integer(1), Value::Integer(10)}), "2");
}

TEST_F(CompileTest, InnerScopeHidesOuterAndSlotsGoOn) {
  const uint32_t outer = scope_.Add("x", Type::Number());
  Scope inner(&scope_);
  EXPECT_EQ(inner.Add("y", Type::Number()), outer + 1);
  const uint32_t hiding = inner.Add("x", Type::String());
  const auto expression = Compile("x", inner, {}, nullptr);
  ASSERT_TRUE(expression);
  EXPECT_EQ(expression->single_slot(), hiding);
  EXPECT_EQ(expression->type(), Type::String());
}

TEST_F(CompileTest, SlotsReadAreThoseOfTheText) {
  const uint32_t a = scope_.Add("a", Type::Number());
  scope_.Add("b", Type::Number());
  const uint32_t c = scope_.Add("c", Type::Number());
  const auto expression = Make("(function(x) x + c)(a)");
  ASSERT_TRUE(expression);
  EXPECT_EQ(expression->slots_read(), (std::vector<uint32_t>{a, c}));
}

TEST_F(CompileTest, ConstantsAreFolded) {
  const auto folded = Make("sum([1, 2, 3]) * 2 > 5 and date(\"2024-02-29\") < @\"2024-03-01\"");
  ASSERT_TRUE(folded);
  ASSERT_NE(folded->constant(), nullptr);
  EXPECT_TRUE(folded->constant()->IsTrue());
  EXPECT_EQ(Make("now()")->constant(), nullptr);
  EXPECT_EQ(Make("today().year + 1")->constant(), nullptr);
}

TEST_F(CompileTest, TypesAreKnown) {
  scope_.Add("amount", Type::Number());
  scope_.Add("buyer", Type::Context({{"age", Type::Number()}, {"name", Type::String()}}));
  scope_.Add("loans", Type::List(Type::Context({{"first due", Type::Date()}})));
  EXPECT_EQ(Make("amount * 2")->type(), Type::Number());
  EXPECT_EQ(Make("amount > 2 or buyer.age < 18")->type(), Type::Boolean());
  EXPECT_EQ(Make("buyer.name + \"x\"")->type(), Type::String());
  EXPECT_EQ(Make("loans[1].first due + @\"P1D\"")->type(), Type::Date());
  EXPECT_EQ(Make("loans[first due > @\"2024-01-01\"].first due")->type(), Type::List(Type::Date()));
  EXPECT_EQ(Make("if amount > 1 then \"a\" else \"b\"")->type(), Type::String());
  EXPECT_EQ(Make("{a: 1, b: \"x\"}")->type().ToString(), "context<a: number, b: string>");
  EXPECT_EQ(Make("[1, 2]")->type(), Type::List(Type::Number()));
}

TEST_F(CompileTest, UnknownNameIsAWarningWithTheNearestNameAndAnErrorWhenStrict) {
  scope_.Add("amount", Type::Number());
  const auto expression = Make("amonut > 5");
  ASSERT_TRUE(expression);
  ASSERT_FALSE(diagnostics_.empty());
  EXPECT_EQ(ToString(diagnostics_[0]),
            ":1:1: warning: unknown name 'amonut' (did you mean 'amount'?) [unknown-name]");
  CompileOptions strict;
  strict.strictness = Strictness::kStrict;
  EXPECT_FALSE(Make("amonut > 5", strict));
  EXPECT_EQ(diagnostics_[0].severity, Severity::kError);
}

TEST_F(CompileTest, DiagnosticsSayWhereInTheFile) {
  CompileOptions options;
  options.file = "policy.dmn";
  options.line = 10;
  options.column = 7;
  EXPECT_FALSE(Make("1 +\n  日 + )", options));
  ASSERT_FALSE(diagnostics_.empty());
  const Diagnostic& last = diagnostics_.back();
  EXPECT_EQ(last.file, "policy.dmn");
  EXPECT_EQ(last.line, 11U);
  EXPECT_EQ(last.column, 7U);
  EXPECT_EQ(last.code, "syntax");
  EXPECT_FALSE(Make("1 + )", options));
  EXPECT_EQ(diagnostics_.back().line, 10U);
  EXPECT_EQ(diagnostics_.back().column, 11U);
}

TEST_F(CompileTest, TheNearestNameIsThatOfTheWholePath) {
  scope_.Add("buyer.orders.count_1h", Type::Number());
  ASSERT_TRUE(Make("1 + buyer.orders.cuont_1h"));
  ASSERT_FALSE(diagnostics_.empty());
  EXPECT_EQ(diagnostics_[0].hint, "did you mean 'buyer.orders.count_1h'?");
}

TEST_F(CompileTest, MistakesThatAreAlwaysNullAreReported) {
  scope_.Add("amount", Type::Number());
  scope_.Add("name", Type::String());
  const std::pair<const char*, const char*> kCases[] = {
      {"amount + name", "type-mismatch"},     {"amount > name", "type-mismatch"},
      {"substring(name)", "wrong-arguments"}, {"sqrt(x: 4)", "wrong-arguments"},
      {"nosuch(1)", "unknown-function"},      {"1 / 0", "always-null"},
      {"amount(1)", "not-a-function"},        {"matches(name, \"[\")", "invalid-pattern"},
      {"@\"2024-13-01\"", "invalid-literal"}, {"amount instance of nombre", "unknown-type"},
      {"{a: 1, a: 2}", "duplicate-entry"},    {"{a: 1}.b", "unknown-name"},
      {"date(\"2024-02-30\")", "always-null"}};
  for (const auto& [text, code] : kCases) {
    EXPECT_TRUE(Make(text)) << text;
    EXPECT_EQ(FirstCode(), code) << text;
  }
}

TEST_F(CompileTest, SyntaxErrorsAreErrors) {
  for (const char* text : {"",
                           "   ",
                           "1 +",
                           "(1",
                           "[1, 2",
                           "{a: 1",
                           "{a 1}",
                           "\"abc",
                           "if true then 1",
                           "for i in [1] i",
                           "some x satisfies true",
                           "1 2",
                           "a.",
                           "function(x",
                           "1 instance number",
                           "@2024",
                           "1..2",
                           "x between 1",
                           "]1..2",
                           "/* open",
                           "1 + \x01",
                           "\"\\uD800\"",
                           "2x"}) {
    EXPECT_FALSE(Make(text)) << text;
    EXPECT_TRUE(HasErrors(diagnostics_)) << text;
  }
}

TEST_F(CompileTest, TextThatIsNotUtf8IsRefused) {
  EXPECT_FALSE(Make("\"\xC3\x28\""));
  EXPECT_EQ(FirstCode(), "not-utf8");
}

TEST_F(CompileTest, DeepNestingIsRefusedAndDoesNotCrash) {
  for (const auto& [open, close] : {std::pair{"(", ")"},
                                    {"[", "]"},
                                    {"-", ""},
                                    {"{a: ", "}"},
                                    {"abs(", ")"},
                                    {"if true then ", " else 1"},
                                    {"not(", ")"},
                                    {"function() ", ""},
                                    {"1 in (", ")"},
                                    {"for i in [1] return ", ""},
                                    {"[1][", "]"}}) {
    const std::string deep = Repeat(open, 30'000) + "1" + Repeat(close, 30'000);
    EXPECT_FALSE(Make(deep)) << open;
    EXPECT_EQ(FirstCode(), "too-deep") << open;
  }
  scope_.Add("a", Type::Any());
  EXPECT_FALSE(Make("a" + Repeat(" + a", 100'000)));
  EXPECT_EQ(diagnostics_.back().code, "too-deep");
  EXPECT_FALSE(Make("a" + Repeat(".a", 100'000)));
  EXPECT_EQ(diagnostics_.back().code, "too-deep");
  EXPECT_TRUE(Make("true" + Repeat(" and true", 50'000))) << "flat, not deep";
}

TEST_F(CompileTest, NestingBelowTheLimitWorks) {
  EXPECT_EQ(Text(Repeat("(", 400) + "7" + Repeat(")", 400)), "7");
  scope_.Add("a", Type::Number());
  EXPECT_EQ(Text("a" + Repeat(" + a", 400), {Value::Integer(1)}), "401");
  EXPECT_EQ(Text("1" + Repeat(" + 1", 100'000)), "100001") << "folded on the way";
}

TEST_F(CompileTest, TooLongATextIsRefused) {
  EXPECT_FALSE(Make(std::string(kExpressionBytesMax + 1, ' ')));
  EXPECT_EQ(FirstCode(), "too-long");
}

TEST_F(CompileTest, LimitsOfAnEvaluationGiveANullThatNamesThem) {
  scope_.Add("n", Type::Number());
  const std::vector<Value> many = {Value::Integer(1'000'000'000)};
  context_.limits.iterations_max = 1000;
  Value v = Run("for i in 1..n return i", many);
  EXPECT_EQ(v.null_reason(), NullReason::kLimit);
  EXPECT_NE(v.null_text().find("iterations_max"), std::string_view::npos);
  v = Run("every i in 1..n satisfies i > 0", many);
  EXPECT_EQ(v.null_reason(), NullReason::kLimit);
  context_.limits = Limits();
  context_.limits.list_items_max = 100;
  v = Run("for i in 1..n return i", many);
  EXPECT_NE(v.null_text().find("list_items_max"), std::string_view::npos);
  context_.limits = Limits();
  context_.limits.string_bytes_max = 10;
  scope_.Add("s", Type::String());
  v = Run("s + s", {Value::Integer(1), Value::String("abcdefgh")});
  EXPECT_NE(v.null_text().find("string_bytes_max"), std::string_view::npos);
}

TEST_F(CompileTest, EndlessRecursionIsStopped) {
  const Value v = Run("{f: function(x) f(x + 1) + 1, r: f(0)}.r");
  EXPECT_TRUE(v.IsNull());
  EXPECT_FALSE(v.null_text().empty());
  EXPECT_EQ(Text("{f: function(n) if n = 0 then 0 else 1 + f(n - 1), r: f(300)}.r"), "300");
}

TEST_F(CompileTest, RegularExpressionsAreStoppedByTheirLimit) {
  scope_.Add("s", Type::String());
  const std::string text = std::string(40, 'a') + "!";
  const Value v = Run("matches(s, \"^(a+)+$\")", {Value::String(text)});
  EXPECT_EQ(v.null_reason(), NullReason::kLimit);
}

TEST_F(CompileTest, ValuesThatShareTheirPartsAreBounded) {
  // 2^60 items, were it written out.
  context_.limits.iterations_max = 100'000;
  std::string text = "{x0: [n]";
  for (int i = 1; i <= 60; ++i) {
    const std::string before = "x" + std::to_string(i - 1);
    text += ", x" + std::to_string(i) + ": [" + before + ", " + before + "]";
  }
  scope_.Add("n", Type::Number());
  for (const char* end : {"r: string(x60)}.r", "r: flatten(x60)}.r", "r: x60 = x60}.r",
                          "r: is(x60, x60)}.r", "r: distinct values([x60, x60])}.r",
                          "r: x60 instance of list<list<number>>}.r", "r: x60.nothing}.q"}) {
    (void)Run(text + ", " + end, {Value::Integer(1)});
    EXPECT_TRUE(keep_) << end;
  }
}

TEST_F(CompileTest, NowIsTheTimeOfTheContextInItsZone) {
  context_.now = *Timestamp::Parse("2024-03-31T00:30:00Z");
  EXPECT_EQ(Text("now()"), "@\"2024-03-31T00:30:00Z\"");
  context_.zone = zones_.Find("Asia/Shanghai");
  ASSERT_NE(context_.zone, nullptr);
  EXPECT_EQ(Text("now()"), "@\"2024-03-31T08:30:00@Asia/Shanghai\"");
  context_.now = *Timestamp::Parse("2024-03-30T17:00:00Z");
  EXPECT_EQ(Text("today()"), "@\"2024-03-31\"");
}

TEST_F(CompileTest, NotesSayWhereNullsArise) {
  scope_.Add("a", Type::Any());
  std::vector<NullNote> notes;
  context_.notes = &notes;
  EXPECT_TRUE(Run("1 +\n a.b", {Value::Context({})}).IsNull());
  ASSERT_FALSE(notes.empty());
  EXPECT_EQ(notes[0].line, 2U);
  EXPECT_EQ(notes[0].reason, NullReason::kNotFound);
}

TEST_F(CompileTest, ConstantOfTheScopeIsNoSlot) {
  scope_.AddConstant("limit", Type::Number(), Value::Integer(7));
  const auto expression = Make("limit * 2");
  ASSERT_TRUE(expression);
  EXPECT_TRUE(expression->slots_read().empty());
  EXPECT_EQ(ToFeel(*expression->constant()), "14");
}

TEST_F(CompileTest, NamedTypesAreFound) {
  scope_.AddType("tLoan", Type::Context({{"amount", Type::Number()}}));
  scope_.AddType("imported.tLoan list", Type::List(Type::Number()));
  EXPECT_EQ(Text("{amount: 1} instance of tLoan"), "true");
  EXPECT_EQ(Text("[1] instance of imported.tLoan list"), "true");
  EXPECT_EQ(Text("(function(l: tLoan) l.amount)({amount: 5})"), "5");
  EXPECT_EQ(Text("(function(l: tLoan) l.amount)({x: 5})"), "null");
  const auto type = CompileType("function<tLoan, list<date and time>> -> context<a b: number>",
                                scope_, {}, &diagnostics_);
  ASSERT_TRUE(type);
  EXPECT_EQ(type->ToString(),
            "function<context<amount: number>, list<date and time>> -> context<a b: number>");
}

TEST_F(CompileTest, ResultIsCoercedToTheDeclaredType) {
  CompileOptions options;
  options.result_type = Type::Number();
  const auto single = Make("[10]", options);
  EXPECT_EQ(ToFeel(single->Evaluate({}, context_)), "10");
  const auto wrong = Make("\"a\"", options);
  const Value v = wrong->Evaluate({}, context_);
  EXPECT_EQ(v.null_reason(), NullReason::kCoercion);
  options.result_type = Type::List(Type::DateTime());
  EXPECT_EQ(ToFeel(Make("@\"2024-01-01\"", options)->Evaluate({}, context_)),
            "[@\"2024-01-01T00:00:00Z\"]");
}

TEST_F(CompileTest, ZonesMayComeWithTheEvaluationOnly) {
  std::vector<Diagnostic> diagnostics;
  const auto expression =
      Compile("@\"2024-01-01T00:00:00@Europe/Paris\".time offset", Scope(), {}, &diagnostics);
  ASSERT_TRUE(expression);
  EXPECT_EQ(ToFeel(expression->Evaluate({}, context_)), "@\"PT1H\"");
}

TEST_F(CompileTest, ExpressionOutlivesItsScopeAndText) {
  std::optional<Expression> expression;
  {
    Scope scope;
    scope.Add("a b", Type::Number());
    const std::string text = "a b + 1";
    expression = Compile(text, scope, {}, nullptr);
  }
  const Value slots[] = {Value::Integer(41)};
  EXPECT_EQ(ToFeel(expression->Evaluate(slots, context_)), "42");
  EXPECT_EQ(expression->text(), "a b + 1");
}

TEST_F(CompileTest, AWarmSimpleConditionAllocatesNothing) {
  scope_.Add("amount", Type::Number());
  scope_.Add("count_1h", Type::Number());
  const auto expression = Make("amount > 0 and count_1h >= 5");
  const Value slots[] = {Value::Integer(10), Value::Integer(7)};
  const size_t before = arena_.bytes_used();
  EXPECT_TRUE(expression->IsTrue(slots, context_));
  EXPECT_EQ(arena_.bytes_used(), before);
}

TEST_F(CompileTest, AllBuiltInFunctionsOfTheStandardAreThere) {
  EXPECT_EQ(BuiltinNames().size(), 86U);
  for (const std::string_view name : BuiltinNames()) {
    EXPECT_NE(FindBuiltin(name), nullptr) << name;
  }
}

}  // namespace
}  // namespace credence::feel
