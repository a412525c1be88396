#include "src/dmn/engine.h"

#include <gtest/gtest.h>

namespace credence::dmn {
namespace {

using feel::NullReason;
using feel::Value;

std::string File(const std::string& body, const std::string& uri = "urn:m") {
  return "<definitions xmlns=\"https://www.omg.org/spec/DMN/20230324/MODEL/\" name=\"m\" "
         "namespace=\"" +
         uri + "\">" + body + "</definitions>";
}

std::string Input(const std::string& name, const std::string& type = "") {
  return "<inputData id=\"i_" + name + "\" name=\"" + name + "\"><variable name=\"" + name + "\"" +
         (type.empty() ? "" : " typeRef=\"" + type + "\"") + "/></inputData>";
}

std::string Needs(const std::string& kind, const std::string& href) {
  if (kind == "Knowledge") {
    return "<knowledgeRequirement><requiredKnowledge href=\"" + href +
           "\"/></knowledgeRequirement>";
  }
  return "<informationRequirement><required" + kind + " href=\"" + href +
         "\"/></informationRequirement>";
}

std::string Literal(const std::string& text, const std::string& type = "") {
  return "<literalExpression" + (type.empty() ? "" : " typeRef=\"" + type + "\"") + "><text>" +
         text + "</text></literalExpression>";
}

std::string Decision(const std::string& name, const std::string& type, const std::string& needs,
                     const std::string& logic) {
  return "<decision id=\"d_" + name + "\" name=\"" + name + "\"><variable name=\"" + name + "\"" +
         (type.empty() ? "" : " typeRef=\"" + type + "\"") + "/>" + needs + logic + "</decision>";
}

std::shared_ptr<const Model> Load(const std::string& text, std::string* errors = nullptr,
                                  const LoadOptions& options = {}) {
  LoadResult loaded = Model::Load({"m.dmn", text}, options);
  std::string all;
  for (const Diagnostic& diagnostic : loaded.diagnostics) all += ToString(diagnostic) + "\n";
  if (errors != nullptr) {
    *errors = all;
  } else {
    EXPECT_FALSE(HasErrors(loaded.diagnostics)) << all;
  }
  return loaded.model;
}

class Engine : public testing::Test {
 protected:
  // The FEEL text of a decision's value, with the reason where it is null.
  std::string Run(const Model& model, const std::string& decision,
                  const std::vector<std::pair<std::string, Value>>& inputs = {}) {
    std::vector<std::string> names;
    std::vector<Value> values;
    for (const auto& [name, value] : inputs) {
      names.push_back(name);
      values.push_back(value);
    }
    const auto evaluator = model.Bind(decision, names);
    if (!evaluator.ok()) return evaluator.status().ToString();
    arena_.Reset();
    log_.trace = &trace_;
    const Value value = evaluator->Evaluate(values, context_, &log_);
    if (!value.IsNull()) return feel::ToFeel(value);
    return "null:" + std::string(feel::NullReasonName(value.null_reason()));
  }

  Arena arena_;
  feel::EvaluationContext context_{&arena_};
  EvaluationLog log_;
  Trace trace_;
};

const char* const kGrades =
    "<decisionTable id=\"t\" hitPolicy=\"FIRST\"><input label=\"Amount\"><inputExpression "
    "typeRef=\"number\"><text>amount</text></inputExpression></input><output typeRef=\"string\"/>"
    "<rule id=\"r1\"><inputEntry><text>&lt; "
    "100</text></inputEntry><outputEntry><text>\"low\"</text>"
    "</outputEntry></rule><rule id=\"r2\"><inputEntry><text>-</text></inputEntry><outputEntry>"
    "<text>\"high\"</text></outputEntry></rule></decisionTable>";

TEST_F(Engine, EvaluatesDecisionsInOrderOfTheirRequirements) {
  const auto model = Load(File(
      Input("amount", "number") +
      Decision("verdict", "string", Needs("Decision", "#d_grade") + Needs("Decision", "#d_double"),
               Literal("grade + \" \" + string(double)")) +
      Decision("double", "number", Needs("Input", "#i_amount"), Literal("2 * amount")) +
      Decision("grade", "string", Needs("Input", "#i_amount"), kGrades)));
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(Run(*model, "verdict", {{"amount", Value::Integer(7)}}), "\"low 14\"");
  EXPECT_EQ(log_.matched, (std::vector<MatchedRule>{{0, 1}}));
  EXPECT_EQ(Run(*model, "verdict", {{"amount", Value::Integer(700)}}), "\"high 1400\"");
  EXPECT_EQ(log_.matched, (std::vector<MatchedRule>{{0, 2}}));
}

TEST_F(Engine, SeveralDecisionsShareWhatTheyNeed) {
  const auto model =
      Load(File(Input("amount", "number") +
                Decision("grade", "string", Needs("Input", "#i_amount"), kGrades) +
                Decision("x", "", Needs("Decision", "#d_grade"), Literal("grade + \"!\"")) +
                Decision("y", "", Needs("Decision", "#d_grade"), Literal("[grade]"))));
  const std::vector<std::string> wanted = {"y", "grade", "x"};
  const std::vector<Model::SlotName> slots = {{"amount"}};
  const auto evaluator = model->BindSeveral(wanted, slots);
  ASSERT_TRUE(evaluator.ok());
  const std::vector<Value> values = {Value::Integer(7)};
  const auto results = evaluator->EvaluateEach(values, context_, &log_);
  ASSERT_EQ(results.size(), 3U);
  EXPECT_EQ(feel::ToFeel(results[0]), "[\"low\"]");
  EXPECT_EQ(feel::ToFeel(results[1]), "\"low\"");
  EXPECT_EQ(feel::ToFeel(results[2]), "\"low!\"");
  EXPECT_EQ(log_.matched.size(), 1U);  // the table ran once
  const std::vector<std::string> wrong = {"y", "grad"};
  EXPECT_EQ(model->BindSeveral(wrong, slots).status().message(),
            "there is no decision 'grad'; did you mean 'grade'?");
  EXPECT_FALSE(model->BindSeveral({}, slots).ok());
}

TEST_F(Engine, ListsOnlyTheInputsThatADecisionNeeds) {
  const auto model = Load(
      File(Input("a", "number") + Input("b", "string") + Input("c") +
           Decision("x", "", Needs("Input", "#i_a"), Literal("a")) +
           Decision("y", "", Needs("Decision", "#d_x") + Needs("Input", "#i_c"), Literal("x"))));
  const std::vector<std::string> slots = {"c", "zzz", "a"};
  const auto evaluator = model->Bind("y", slots);
  ASSERT_TRUE(evaluator.ok());
  const auto& inputs = evaluator->required_inputs();
  ASSERT_EQ(inputs.size(), 2U);
  const bool a_first = inputs[0].name == "a";
  EXPECT_EQ(inputs[a_first ? 0 : 1].name, "a");
  EXPECT_EQ(inputs[a_first ? 0 : 1].slot, 2U);
  EXPECT_EQ(inputs[a_first ? 0 : 1].type, feel::Type::Number());
  EXPECT_EQ(inputs[a_first ? 1 : 0].name, "c");
  EXPECT_EQ(inputs[a_first ? 1 : 0].slot, 0U);
}

TEST_F(Engine, TakesNamesWithDotsAsOneName) {
  const auto model =
      Load(File("<inputData id=\"i1\" name=\"account.transaction.count_30d\"><variable "
                "name=\"account.transaction.count_30d\" typeRef=\"number\"/></inputData>" +
                Input("account") +
                Decision("x", "number", Needs("Input", "#i1") + Needs("Input", "#i_account"),
                         Literal("account.transaction.count_30d + account.other"))));
  const feel::Entry entries[] = {{"other", Value::Integer(2)}};
  EXPECT_EQ(Run(*model, "x",
                {{"account.transaction.count_30d", Value::Integer(40)},
                 {"account", Value::Context(entries)}}),
            "42");
}

TEST_F(Engine, SaysWhichInputIsMissing) {
  const auto model =
      Load(File(Input("a", "number") + Decision("x", "", Needs("Input", "#i_a"), Literal("a"))));
  EXPECT_EQ(Run(*model, "x"), "null:missing");
}

TEST_F(Engine, NamesTheNearestDecision) {
  const auto model = Load(File(Decision("Routing", "", "", Literal("1"))));
  EXPECT_NE(Run(*model, "Rooting").find("did you mean 'Routing'?"), std::string::npos);
}

TEST_F(Engine, GivenDecisionsAreNotEvaluated) {
  const auto model = Load(File(
      Input("a", "number") + Decision("x", "number", Needs("Input", "#i_a"), Literal("a + 1")) +
      Decision("y", "number", Needs("Decision", "#d_x"), Literal("x * 10"))));
  EXPECT_EQ(Run(*model, "y", {{"a", Value::Integer(1)}}), "20");
  EXPECT_EQ(Run(*model, "y", {{"x", Value::Integer(5)}}), "50");
  const std::vector<std::string> names = {"x"};
  EXPECT_EQ(model->Bind("y", names)->required_inputs().size(), 1U);
}

TEST_F(Engine, SeesOnlyWhatADecisionRequires) {
  std::string errors;
  const auto model =
      Load(File(Input("a", "number") + Decision("x", "", "", Literal("a"))), &errors);
  EXPECT_EQ(Run(*model, "x", {{"a", Value::Integer(1)}}), "null:unknown-name");
  EXPECT_NE(errors.find("m.dmn:1:"), std::string::npos);
}

TEST_F(Engine, CoercesAtEveryTypedBoundary) {
  const auto model = Load(File(Input("a", "string") +
                               Decision("text", "string", Needs("Input", "#i_a"), Literal("a")) +
                               Decision("number", "number", "", Literal("\"7\"")) +
                               Decision("single", "number", "", Literal("[7]")) +
                               "<itemDefinition name=\"tList\" "
                               "isCollection=\"true\"><typeRef>number</typeRef></itemDefinition>" +
                               Decision("list", "tList", "", Literal("7")) +
                               Decision("inner", "", "", Literal("7", "string"))));
  EXPECT_EQ(Run(*model, "text", {{"a", Value::Integer(1)}}), "null:coercion");
  EXPECT_EQ(Run(*model, "number"), "null:coercion");
  EXPECT_EQ(Run(*model, "single"), "7");
  EXPECT_EQ(Run(*model, "list"), "[7]");
  EXPECT_EQ(Run(*model, "inner"), "null:coercion");
}

std::string Square() {
  return "<businessKnowledgeModel id=\"b_square\" name=\"square\"><variable name=\"square\"/>"
         "<encapsulatedLogic><formalParameter name=\"n\" typeRef=\"number\"/>" +
         Literal("n * n", "number") + "</encapsulatedLogic></businessKnowledgeModel>";
}

TEST_F(Engine, CallsKnowledgeModelsByExpressionAndByInvocation) {
  const auto model = Load(
      File(Input("a", "number") + Square() +
           Decision("literal", "number", Needs("Input", "#i_a") + Needs("Knowledge", "#b_square"),
                    Literal("square(a) + square(n: 1)")) +
           Decision("boxed", "number", Needs("Input", "#i_a") + Needs("Knowledge", "#b_square"),
                    "<invocation>" + Literal("square") + "<binding><parameter name=\"n\"/>" +
                        Literal("a + 1") + "</binding></invocation>") +
           Decision("wrong", "", Needs("Knowledge", "#b_square"), Literal("square(\"x\")")) +
           Decision("few", "", Needs("Knowledge", "#b_square"), Literal("square()"))));
  EXPECT_EQ(Run(*model, "literal", {{"a", Value::Integer(3)}}), "10");
  EXPECT_EQ(Run(*model, "boxed", {{"a", Value::Integer(3)}}), "16");
  EXPECT_TRUE(Run(*model, "wrong").starts_with("null:"));
  EXPECT_TRUE(Run(*model, "few").starts_with("null:"));
}

TEST_F(Engine, KnowledgeModelsMayCallThemselvesUpToALimit) {
  const auto bkm = [](const std::string& name, const std::string& body) {
    return "<businessKnowledgeModel id=\"b_" + name + "\" name=\"" + name +
           "\"><encapsulatedLogic>"
           "<formalParameter name=\"n\" typeRef=\"number\"/>" +
           Literal(body) + "</encapsulatedLogic>" + Needs("Knowledge", "#b_" + name) +
           "</businessKnowledgeModel>";
  };
  const auto model =
      Load(File(bkm("fac", "if n &lt;= 1 then 1 else n * fac(n - 1)") + bkm("ever", "ever(n + 1)") +
                Decision("x", "", Needs("Knowledge", "#b_fac"), Literal("fac(10)")) +
                Decision("y", "", Needs("Knowledge", "#b_ever"), Literal("ever(1)"))));
  EXPECT_EQ(Run(*model, "x"), "3628800");
  EXPECT_TRUE(Run(*model, "y").starts_with("null:"));
}

TEST_F(Engine, ServicesTakeInputsByPositionAndKeepTheirOwnScope) {
  const std::string service =
      "<decisionService id=\"s_1\" name=\"service\"><variable name=\"service\"/>"
      "<outputDecision href=\"#d_sum\"/><inputDecision href=\"#d_b\"/><inputData href=\"#i_a\"/>"
      "</decisionService>"
      "<decisionService id=\"s_2\" name=\"two\"><outputDecision href=\"#d_sum\"/>"
      "<outputDecision href=\"#d_b\"/><inputData href=\"#i_a\"/></decisionService>";
  const auto model =
      Load(File(Input("a", "number") + Decision("b", "number", "", Literal("100")) +
                Decision("sum", "number", Needs("Input", "#i_a") + Needs("Decision", "#d_b"),
                         Literal("a + b")) +
                service +
                Decision("x", "", Needs("Knowledge", "#s_1") + Needs("Input", "#i_a"),
                         Literal("[service(1, 2), service(b: 3, a: 4), a]")) +
                Decision("y", "", Needs("Knowledge", "#s_2"), Literal("two(5)"))));
  EXPECT_EQ(Run(*model, "x", {{"a", Value::Integer(9)}}), "[3, 7, 9]");
  EXPECT_EQ(Run(*model, "y"), "{sum: 105, b: 100}");
}

TEST_F(Engine, EvaluatesEveryBoxedExpression) {
  const std::string context = "<context><contextEntry><variable name=\"one\" typeRef=\"number\"/>" +
                              Literal("1") +
                              "</contextEntry><contextEntry><variable name=\"two\"/>" +
                              Literal("one + 1") + "</contextEntry></context>";
  const std::string with_result = "<context><contextEntry><variable name=\"one\"/>" + Literal("1") +
                                  "</contextEntry><contextEntry>" + Literal("one + 10") +
                                  "</contextEntry></context>";
  const std::string function =
      "<context><contextEntry><variable name=\"add\"/><functionDefinition><formalParameter "
      "name=\"x\"/>"
      "<formalParameter name=\"y\"/>" +
      Literal("x + y") + "</functionDefinition></contextEntry><contextEntry>" +
      Literal("add(2, 3)") + "</contextEntry></context>";
  const std::string relation =
      "<relation><column name=\"k\"/><column name=\"v\" typeRef=\"number\"/><row>" +
      Literal("\"a\"") + Literal("1") + "</row><row>" + Literal("\"b\"") + Literal("2") +
      "</row></relation>";
  const auto in = [](const std::string& text) { return "<in>" + Literal(text) + "</in>"; };
  const auto model =
      Load(File(Decision("context", "", "", context) + Decision("result", "", "", with_result) +
                Decision("function", "", "", function) + Decision("relation", "", "", relation) +
                Decision("list", "", "", "<list>" + Literal("1") + Literal("\"x\"") + "</list>") +
                Decision("conditional", "", "",
                         "<conditional><if>" + Literal("1 = 2") + "</if><then>" + Literal("\"t\"") +
                             "</then><else>" + Literal("\"e\"") + "</else></conditional>") +
                Decision("filter", "", "",
                         "<filter>" + in("[1,2,3]") + "<match>" + Literal("item &gt; 1") +
                             "</match></filter>") +
                Decision("for", "", "",
                         "<for iteratorVariable=\"i\">" + in("[1,2,3]") + "<return>" +
                             Literal("i * i") + "</return></for>") +
                Decision("some", "", "",
                         "<some iteratorVariable=\"i\">" + in("[1,2]") + "<satisfies>" +
                             Literal("i = 2") + "</satisfies></some>") +
                Decision("every", "", "",
                         "<every iteratorVariable=\"i\">" + in("[1,2]") + "<satisfies>" +
                             Literal("i = 2") + "</satisfies></every>") +
                Decision("nothing", "", "", "")));
  EXPECT_EQ(Run(*model, "context"), "{one: 1, two: 2}");
  EXPECT_EQ(Run(*model, "result"), "11");
  EXPECT_EQ(Run(*model, "function"), "5");
  EXPECT_EQ(Run(*model, "relation"), "[{k: \"a\", v: 1}, {k: \"b\", v: 2}]");
  EXPECT_EQ(Run(*model, "list"), "[1, \"x\"]");
  EXPECT_EQ(Run(*model, "conditional"), "\"e\"");
  EXPECT_EQ(Run(*model, "filter"), "[2, 3]");
  EXPECT_EQ(Run(*model, "for"), "[1, 4, 9]");
  EXPECT_EQ(Run(*model, "some"), "true");
  EXPECT_EQ(Run(*model, "every"), "false");
  EXPECT_EQ(Run(*model, "nothing"), "null:not-found");
}

TEST_F(Engine, TablesInsideOfContextsSeeEarlierEntries) {
  const auto model =
      Load(File(Decision("x", "", "",
                         "<context><contextEntry><variable name=\"amount\"/>" + Literal("40 + 2") +
                             "</contextEntry><contextEntry><variable name=\"grade\"/>" + kGrades +
                             "</contextEntry></context>")));
  EXPECT_EQ(Run(*model, "x"), "{amount: 42, grade: \"low\"}");
  ASSERT_EQ(model->tables().size(), 1U);
  EXPECT_EQ(model->tables()[0].owner, "x");
}

TEST_F(Engine, ACycleIsReportedAndNullWhileTheRestWorks) {
  std::string errors;
  const auto model = Load(File(Decision("a", "", Needs("Decision", "#d_b"), Literal("b")) +
                               Decision("b", "", Needs("Decision", "#d_a"), Literal("a")) +
                               Decision("c", "", "", Literal("1"))),
                          &errors);
  ASSERT_NE(model, nullptr);
  EXPECT_NE(errors.find("[cycle]"), std::string::npos) << errors;
  EXPECT_TRUE(Run(*model, "a").starts_with("null:"));
  EXPECT_EQ(Run(*model, "c"), "1");
}

TEST_F(Engine, ALongChainOfDecisionsNeedsNoRecursion) {
  std::string body = Decision("n0", "", "", Literal("0"));
  constexpr int kLength = 20'000;
  for (int i = 1; i <= kLength; ++i) {
    const std::string before = "n" + std::to_string(i - 1);
    body += Decision("n" + std::to_string(i), "", Needs("Decision", "#d_" + before),
                     Literal(before + " + 1"));
  }
  const auto model = Load(File(body));
  EXPECT_EQ(Run(*model, "n" + std::to_string(kLength)), std::to_string(kLength));
}

TEST_F(Engine, ABrokenExpressionSpoilsItsDecisionOnly) {
  std::string errors;
  const auto model =
      Load(File(Decision("bad", "", "", Literal("1 +")) + Decision("good", "", "", Literal("1"))),
           &errors);
  ASSERT_NE(model, nullptr);
  EXPECT_NE(errors.find("error"), std::string::npos);
  EXPECT_EQ(Run(*model, "bad"), "null:parse");
  EXPECT_EQ(Run(*model, "good"), "1");
  EXPECT_FALSE(model->decisions()[0].compiled);
}

TEST_F(Engine, StrictnessTurnsSilentNullsIntoErrors) {
  LoadOptions strict;
  strict.strictness = feel::Strictness::kStrict;
  const std::string text =
      File(Input("amount", "number") +
           Decision("x", "", Needs("Input", "#i_amount"), Literal("amonut + 1")));
  EXPECT_FALSE(HasErrors(Model::Load({"m.dmn", text}, {}).diagnostics));
  const LoadResult loaded = Model::Load({"m.dmn", text}, strict);
  ASSERT_TRUE(HasErrors(loaded.diagnostics));
  EXPECT_NE(ToString(loaded.diagnostics[0]).find("amount"), std::string::npos);
}

TEST_F(Engine, ImportsAreSeenUnderTheirName) {
  const std::string imported =
      File(Input("rate", "number") + Square() +
               "<itemDefinition name=\"tRate\"><typeRef>number</typeRef></itemDefinition>" +
               Decision("base", "number", Needs("Input", "#i_rate"), Literal("rate * 2")),
           "urn:other");
  const std::string text = File(
      "<import name=\"other\" namespace=\"urn:other\" "
      "importType=\"https://www.omg.org/spec/DMN/20230324/MODEL/\"/>" +
      Decision("x", "other.tRate",
               Needs("Decision", "urn:other#d_base") + Needs("Knowledge", "urn:other#b_square"),
               Literal("other.square(other.base)")));
  LoadOptions options;
  options.imports = [&](const Import& import) -> std::optional<Source> {
    if (import.namespace_uri != "urn:other") return std::nullopt;
    return Source{"other.dmn", imported};
  };
  const auto model = Load(text, nullptr, options);
  EXPECT_EQ(Run(*model, "x", {{"other.rate", Value::Integer(3)}}), "36");
  std::string errors;
  (void)Load(text, &errors);
  EXPECT_NE(errors.find("[import-not-found]"), std::string::npos);
}

TEST_F(Engine, TheTraceTellsDecisionsTablesAndNulls) {
  const auto model =
      Load(File(Input("amount", "number") + Square() +
                Decision("grade", "string", Needs("Input", "#i_amount"), kGrades) +
                Decision("x", "", Needs("Decision", "#d_grade") + Needs("Knowledge", "#b_square"),
                         Literal("[grade, square(3), 1 / 0]"))));
  EXPECT_EQ(Run(*model, "x", {{"amount", Value::Integer(700)}}), "[\"high\", 9, null]");
  ASSERT_EQ(trace_.entries.size(), 4U);
  EXPECT_EQ(trace_.entries[0].name, "grade");
  EXPECT_EQ(trace_.entries[0].kind, TraceKind::kDecision);
  ASSERT_EQ(trace_.entries[0].inputs.size(), 1U);
  EXPECT_EQ(trace_.entries[0].inputs[0].first, "amount");
  EXPECT_EQ(feel::ToFeel(trace_.entries[0].inputs[0].second), "700");
  EXPECT_EQ(trace_.entries[1].kind, TraceKind::kTable);
  EXPECT_EQ(trace_.entries[1].depth, 1U);
  EXPECT_EQ(trace_.entries[1].rows, std::vector<uint32_t>{2});
  EXPECT_EQ(model->tables()[trace_.entries[1].table].table->table().rules[1].id, "r2");
  EXPECT_EQ(trace_.entries[2].name, "x");
  EXPECT_EQ(trace_.entries[3].kind, TraceKind::kKnowledgeModel);
  ASSERT_FALSE(trace_.nulls.empty());
  EXPECT_EQ(trace_.nulls[0].reason, NullReason::kArithmetic);
}

TEST_F(Engine, AWarmEvaluationNeedsNoMoreMemory) {
  const auto model = Load(File(Input("amount", "number") +
                               Decision("grade", "string", Needs("Input", "#i_amount"), kGrades)));
  const std::vector<std::string> names = {"amount"};
  const auto evaluator = model->Bind("grade", names);
  EvaluationLog log;
  size_t used = 0;
  for (int i = 0; i < 100; ++i) {
    arena_.Reset();
    const Value slots[] = {Value::Integer(i * 10)};
    (void)evaluator->Evaluate(slots, context_, &log);
    if (i == 0) used = arena_.bytes_used();
    EXPECT_EQ(arena_.bytes_used(), used);
  }
}

}  // namespace
}  // namespace credence::dmn
