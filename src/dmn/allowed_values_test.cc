// Allowed values and type constraints of item definitions, held wherever a value meets a declared
// type (DMN 1.5, 7.3.3 and 10.3.2.9.4). FEEL values stand for inputs; null is always allowed.

#include <gtest/gtest.h>

#include "src/dmn/engine.h"

namespace credence::dmn {
namespace {

constexpr std::string_view kTypes = R"(
  <itemDefinition name="tColour"><typeRef>string</typeRef>
    <allowedValues><text>"red", "green", "dark green"</text></allowedValues></itemDefinition>
  <itemDefinition name="tDarkColour"><typeRef>tColour</typeRef>
    <allowedValues><text>starts with(?, "dark")</text></allowedValues></itemDefinition>
  <itemDefinition name="tScore"><typeRef>number</typeRef>
    <allowedValues><text>[300..850]</text></allowedValues></itemDefinition>
  <itemDefinition name="tOdd"><typeRef>number</typeRef>
    <typeConstraint><text>odd(?)</text></typeConstraint></itemDefinition>
  <itemDefinition name="tColours" isCollection="true"><typeRef>string</typeRef>
    <allowedValues><text>"red", "green"</text></allowedValues>
    <typeConstraint><text>count(?) &lt; 3</text></typeConstraint></itemDefinition>
  <itemDefinition name="tShort" isCollection="false"><typeRef>tColours</typeRef>
    <typeConstraint><text>count(?) &lt; 2</text></typeConstraint></itemDefinition>
  <itemDefinition name="tCar">
    <itemComponent name="colour"><typeRef>tColour</typeRef></itemComponent>
    <itemComponent name="doors"><typeRef>number</typeRef>
      <allowedValues><text>3, 5</text></allowedValues></itemComponent></itemDefinition>
  <itemDefinition name="tFleet" isCollection="true"><typeRef>tCar</typeRef></itemDefinition>
  <itemDefinition name="tAny"><allowedValues><text>1, "one"</text></allowedValues></itemDefinition>
  <itemDefinition name="tDay"><typeRef>date</typeRef>
    <allowedValues><text>&gt;= @"2024-01-01"</text></allowedValues></itemDefinition>
)";

// The value of `feel` where a decision declares `type`.
std::string Typed(const std::string& type, std::string_view feel) {
  std::string text =
      "<definitions xmlns=\"https://www.omg.org/spec/DMN/20230324/MODEL/\" "
      "name=\"m\" namespace=\"n\">" +
      std::string(kTypes) + "<decision name=\"d\" id=\"d\"><variable name=\"d\" typeRef=\"" + type +
      "\"/><literalExpression><text>";
  for (const char c : feel) text += c == '<' ? "&lt;" : std::string(1, c);
  text += "</text></literalExpression></decision></definitions>";
  const LoadResult loaded = Model::Load({"m.dmn", text}, {});
  if (loaded.model == nullptr) return "not loaded";
  const auto evaluator = loaded.model->Bind("d", std::span<const std::string>());
  Arena arena;
  feel::EvaluationContext context(&arena);
  const feel::Value value = evaluator->Evaluate({}, context, nullptr);
  if (!value.IsNull()) return feel::ToFeel(value);
  if (value.null_reason() == feel::NullReason::kNone) return "null";
  return "null:" + std::string(feel::NullReasonName(value.null_reason())) + ": " +
         std::string(value.null_text());
}

constexpr const char* kRefused = "null:coercion: the value is not one that is allowed for ";

TEST(AllowedValues, AreHeldAtATypedDecision) {
  struct Row {
    const char* type;
    const char* feel;
    std::string result;
  };
  const std::string refused = kRefused;
  const std::string colour = refused + "tColour: \"red\", \"green\", \"dark green\"";
  const Row rows[] = {
      {"tColour", "\"red\"", "\"red\""},
      {"tColour", "\"blue\"", colour},
      {"tColour", "\"re\" + \"d\"", "\"red\""},
      {"tColour", "[\"green\"]", "\"green\""},
      {"tColour", "[\"blue\"]", colour},
      {"tColour", "null", "null"},
      {"tColour", "1", "null:coercion: a number does not conform to string"},
      {"tDarkColour", "\"dark green\"", "\"dark green\""},
      {"tDarkColour", "\"green\"", refused + "tDarkColour: starts with(?, \"dark\")"},
      {"tDarkColour", "\"dark blue\"", refused + "tDarkColour: starts with(?, \"dark\")"},
      {"tScore", "300", "300"},
      {"tScore", "850.0", "850"},
      {"tScore", "299.99", refused + "tScore: [300..850]"},
      {"tScore", "851", refused + "tScore: [300..850]"},
      {"tOdd", "3", "3"},
      {"tOdd", "4", refused + "tOdd: odd(?)"},
      {"tColours", "[\"red\", \"green\"]", "[\"red\", \"green\"]"},
      {"tColours", "[\"red\", null]", "[\"red\", null]"},
      {"tColours", "[]", "[]"},
      {"tColours", "[\"red\", \"blue\"]", refused + "tColours: \"red\", \"green\""},
      {"tColours", "[\"red\", \"red\", \"red\"]", refused + "tColours: count(?) < 3"},
      {"tColours", "\"red\"", "[\"red\"]"},
      {"tColours", "\"blue\"", refused + "tColours: \"red\", \"green\""},
      {"tShort", "[\"red\"]", "[\"red\"]"},
      {"tShort", "[\"red\", \"red\"]", refused + "tShort: count(?) < 2"},
      {"tCar", "{colour: \"red\", doors: 3}", "{colour: \"red\", doors: 3}"},
      {"tCar", "{colour: \"red\", doors: null}", "{colour: \"red\", doors: null}"},
      {"tCar", "{colour: \"blue\", doors: 3}", colour},
      {"tCar", "{colour: \"red\", doors: 4}", refused + "doors: 3, 5"},
      {"tFleet", "[{colour: \"red\", doors: 5}]", "[{colour: \"red\", doors: 5}]"},
      {"tFleet", "[{colour: \"red\", doors: 5}, {colour: \"blue\", doors: 5}]", colour},
      {"tFleet", "{colour: \"red\", doors: 5}", "[{colour: \"red\", doors: 5}]"},
      {"tAny", "1", "1"},
      {"tAny", "\"one\"", "\"one\""},
      {"tAny", "2", refused + "tAny: 1, \"one\""},
      {"tDay", "@\"2024-02-29\"", "@\"2024-02-29\""},
      {"tDay", "@\"2023-12-31\"", refused + "tDay: >= @\"2024-01-01\""},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(Typed(row.type, row.feel), row.result) << row.type << ": " << row.feel;
  }
}

class Boundaries : public testing::Test {
 protected:
  // Evaluates decision `d` of a model with the types above.
  std::string Run(const std::string& model, const std::vector<std::string>& names = {},
                  const std::vector<feel::Value>& values = {}) {
    const LoadResult loaded = Model::Load(
        {"m.dmn",
         "<definitions xmlns=\"https://www.omg.org/spec/DMN/20230324/MODEL/\" name=\"m\" "
         "namespace=\"n\">" +
             std::string(kTypes) + model + "</definitions>"},
        {});
    for (const Diagnostic& diagnostic : loaded.diagnostics) {
      EXPECT_NE(diagnostic.severity, Severity::kError) << diagnostic.message;
    }
    const auto evaluator = loaded.model->Bind("d", names);
    arena_.Reset();
    feel::EvaluationContext context(&arena_);
    return feel::ToFeel(evaluator->Evaluate(values, context, nullptr));
  }
  Arena arena_;
};

TEST_F(Boundaries, AnInputThatIsNotAllowedIsNull) {
  const std::string model =
      "<inputData name=\"score\" id=\"i\"><variable name=\"score\" typeRef=\"tScore\"/></inputData>"
      "<decision name=\"d\" id=\"d\"><variable name=\"d\"/><informationRequirement>"
      "<requiredInput href=\"#i\"/></informationRequirement><literalExpression>"
      "<text>if score = null then \"none\" else score</text></literalExpression></decision>";
  EXPECT_EQ(Run(model, {"score"}, {feel::Value::Integer(500)}), "500");
  EXPECT_EQ(Run(model, {"score"}, {feel::Value::Integer(5000)}), "\"none\"");
}

TEST_F(Boundaries, ParametersAndResultsOfFunctionsAreHeldToTheirTypes) {
  const std::string model =
      "<businessKnowledgeModel name=\"half\" id=\"b\"><variable name=\"half\"/>"
      "<encapsulatedLogic typeRef=\"tScore\"><formalParameter name=\"n\" typeRef=\"tScore\"/>"
      "<literalExpression typeRef=\"tScore\"><text>n / 2</text></literalExpression>"
      "</encapsulatedLogic></businessKnowledgeModel>"
      "<decision name=\"d\" id=\"d\"><variable name=\"d\"/><knowledgeRequirement>"
      "<requiredKnowledge href=\"#b\"/></knowledgeRequirement><literalExpression>"
      "<text>[half(800), half(400), half(900)]</text></literalExpression></decision>";
  EXPECT_EQ(Run(model), "[400, null, null]");
}

TEST_F(Boundaries, OutputsOfTablesAndEntriesOfContextsAreHeldToTheirTypes) {
  EXPECT_EQ(Run("<decision name=\"d\" id=\"d\"><variable name=\"d\"/><context><contextEntry>"
                "<variable name=\"a\" typeRef=\"tOdd\"/><literalExpression><text>1 + 1</text>"
                "</literalExpression></contextEntry><contextEntry><variable name=\"b\" "
                "typeRef=\"tOdd\"/><literalExpression><text>1 + 2</text></literalExpression>"
                "</contextEntry></context></decision>"),
            "{a: null, b: 3}");
  const std::string table =
      "<inputData name=\"n\" id=\"i\"><variable name=\"n\" typeRef=\"number\"/></inputData>"
      "<decision name=\"d\" id=\"d\"><variable name=\"d\"/><informationRequirement>"
      "<requiredInput href=\"#i\"/></informationRequirement><decisionTable hitPolicy=\"UNIQUE\">"
      "<input><inputExpression typeRef=\"tOdd\"><text>n</text></inputExpression></input>"
      "<output typeRef=\"tColour\"/><rule><inputEntry><text>1</text></inputEntry>"
      "<outputEntry><text>\"red\"</text></outputEntry></rule>"
      "<rule><inputEntry><text>3</text></inputEntry><outputEntry><text>\"blue\"</text></"
      "outputEntry>"
      "</rule><rule><inputEntry><text>null</text></inputEntry><outputEntry><text>\"green\"</text>"
      "</outputEntry></rule></decisionTable></decision>";
  EXPECT_EQ(Run(table, {"n"}, {feel::Value::Integer(1)}), "\"red\"");
  EXPECT_EQ(Run(table, {"n"}, {feel::Value::Integer(3)}), "null");
  EXPECT_EQ(Run(table, {"n"}, {feel::Value::Integer(2)}), "\"green\"");
}

TEST_F(Boundaries, InstanceOfLooksAtTheTypeAlone) {
  EXPECT_EQ(Run("<decision name=\"d\" id=\"d\"><variable name=\"d\"/><literalExpression>"
                "<text>\"blue\" instance of tColour</text></literalExpression></decision>"),
            "true");
}

TEST(AllowedValues, ThatCannotBeReadAreAnErrorAtTheirPlace) {
  const std::string text =
      "<definitions xmlns=\"https://www.omg.org/spec/DMN/20230324/MODEL/\" "
      "name=\"m\" namespace=\"n\">\n"
      "<itemDefinition name=\"tUnused\"><typeRef>number</typeRef>\n"
      "<allowedValues><text>[1..</text></allowedValues></itemDefinition>\n"
      "<itemDefinition name=\"tCar\"><itemComponent name=\"doors\"><typeRef>number</typeRef>\n"
      "<allowedValues><text>3, fife</text></allowedValues></itemComponent></itemDefinition>\n"
      "</definitions>";
  LoadOptions options;
  options.strictness = feel::Strictness::kStrict;
  const LoadResult loaded = Model::Load({"m.dmn", text}, options);
  ASSERT_EQ(loaded.diagnostics.size(), 2U);
  EXPECT_EQ(loaded.diagnostics[0].severity, Severity::kError);
  EXPECT_EQ(loaded.diagnostics[0].line, 3U);
  EXPECT_EQ(loaded.diagnostics[1].severity, Severity::kError);
  EXPECT_EQ(loaded.diagnostics[1].line, 5U);
  EXPECT_EQ(loaded.diagnostics[1].code, "unknown-name");
}

}  // namespace
}  // namespace credence::dmn
