#include <gtest/gtest.h>

#include "src/dmn/model.h"

namespace credence::dmn {
namespace {

constexpr const char* kNamespace = "https://www.omg.org/spec/DMN/20230324/MODEL/";

std::string Model(const std::string& body, const std::string& uri = kNamespace) {
  return "<definitions xmlns=\"" + uri + "\" name=\"m\" namespace=\"urn:m\">" + body +
         "</definitions>";
}

std::string FirstCode(const std::string& text) {
  std::vector<Diagnostic> diagnostics;
  const auto model = ReadModel(text, "m.dmn", &diagnostics);
  if (model) return "read";
  return diagnostics.empty() ? "no diagnostic" : diagnostics[0].code;
}

TEST(Reader, ReadsEveryVersionOfTheNamespace) {
  const std::pair<const char*, const char*> kVersions[] = {
      {"http://www.omg.org/spec/DMN/20151101/dmn.xsd", "1.1"},
      {"http://www.omg.org/spec/DMN/20180521/MODEL/", "1.2"},
      {"https://www.omg.org/spec/DMN/20191111/MODEL/", "1.3"},
      {"https://www.omg.org/spec/DMN/20211108/MODEL/", "1.4"},
      {"https://www.omg.org/spec/DMN/20230324/MODEL/", "1.5"},
      {"https://www.omg.org/spec/DMN/20240513/MODEL/", "1.6"}};
  for (const auto& [uri, version] : kVersions) {
    std::vector<Diagnostic> diagnostics;
    const auto model = ReadModel(Model("<inputData name=\"a\"/>", uri), "m.dmn", &diagnostics);
    ASSERT_TRUE(model.has_value()) << uri;
    EXPECT_EQ(model->version, version);
    EXPECT_EQ(model->input_data.size(), 1U);
  }
}

TEST(Reader, ResolvesPrefixesByTheirNamespace) {
  std::vector<Diagnostic> diagnostics;
  const auto model = ReadModel("<x:definitions xmlns:x=\"" + std::string(kNamespace) +
                                   "\" name=\"m\" namespace=\"urn:m\"><x:inputData "
                                   "name=\"a\"/><y:inputData xmlns:y=\"urn:other\" "
                                   "name=\"b\"/><inputData name=\"c\"/></x:definitions>",
                               "m.dmn", &diagnostics);
  ASSERT_TRUE(model.has_value());
  ASSERT_EQ(model->input_data.size(), 1U);
  EXPECT_EQ(model->input_data[0].name, "a");
}

TEST(Reader, RefusesWhatIsNotPlainUtf8Xml) {
  EXPECT_EQ(FirstCode(""), "xml-syntax");
  EXPECT_EQ(FirstCode("hello"), "xml-syntax");
  EXPECT_EQ(FirstCode("<definitions>"), "xml-syntax");
  EXPECT_EQ(FirstCode("<definitions/>"), "not-dmn");
  EXPECT_EQ(FirstCode(Model("", "urn:unknown")), "not-dmn");
  EXPECT_EQ(FirstCode("<!DOCTYPE a [<!ENTITY b \"c\">]>" + Model("")), "xml-doctype");
  EXPECT_EQ(FirstCode(Model("<inputData name=\"&b;\"/>")), "xml-entity");
  EXPECT_EQ(FirstCode(Model("\xFF")), "xml-encoding");
  EXPECT_EQ(FirstCode("\xFE\xFF" + Model("")), "xml-encoding");
  EXPECT_EQ(FirstCode("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>" + Model("")),
            "xml-encoding");
  EXPECT_EQ(FirstCode("<?xml version=\"1.0\" encoding=\"utf-8\"?>" + Model("")), "read");
  EXPECT_EQ(FirstCode("\xEF\xBB\xBF" + Model("")), "read");
  EXPECT_EQ(FirstCode(Model("<!-- &b; <!DOCTYPE --><![CDATA[&b;]]>")), "read");
}

TEST(Reader, RefusesElementsNestedTooDeep) {
  std::string open;
  std::string close;
  for (int i = 0; i < 300; ++i) {
    open += "<list>";
    close += "</list>";
  }
  EXPECT_EQ(FirstCode(Model("<decision name=\"d\">" + open + close + "</decision>")), "too-deep");
}

TEST(Reader, KnowsThePlaceOfEachCell) {
  const std::string text =
      "<definitions xmlns=\"" + std::string(kNamespace) +
      "\" name=\"m\" namespace=\"urn:m\">\n"
      "  <decision name=\"d\">\n"
      "    <decisionTable>\n"
      "      <input><inputExpression><text>\xC3\xA4</text></inputExpression></input>\n"
      "      <output/>\n"
      "      <rule><inputEntry><text>&lt; 1</text></inputEntry>\n"
      "        <outputEntry><text>2</text></outputEntry></rule>\n"
      "    </decisionTable></decision></definitions>";
  std::vector<Diagnostic> diagnostics;
  const auto model = ReadModel(text, "m.dmn", &diagnostics);
  ASSERT_TRUE(model.has_value());
  const DecisionTable& table = *model->decisions[0].expression->table;
  EXPECT_EQ(table.at, (Position{3, 5}));
  EXPECT_EQ(table.inputs[0].expression.at, (Position{4, 37}));
  EXPECT_EQ(table.rules[0].inputs[0].at, (Position{6, 31}));
  EXPECT_EQ(table.rules[0].inputs[0].text, "< 1");
  EXPECT_EQ(table.rules[0].outputs[0].at, (Position{7, 28}));
}

TEST(Reader, ReportsWhatIsMissingWithItsPlace) {
  const std::string bodies[] = {
      "<decision/>",
      "<itemDefinition/>",
      "<decision name=\"d\"><informationRequirement/></decision>",
      "<decision "
      "name=\"d\"><informationRequirement><requiredInput/></informationRequirement></decision>",
      "<decision name=\"d\"><decisionTable/></decision>",
      "<decision name=\"d\"><decisionTable hitPolicy=\"BEST\"><output/></decisionTable></decision>",
      "<decision name=\"d\"><decisionTable hitPolicy=\"COLLECT\" "
      "aggregation=\"AVG\"><output/></decisionTable></decision>",
      "<decision "
      "name=\"d\"><decisionTable><input><inputExpression><text>a</text></inputExpression></input>"
      "<output/><rule><outputEntry><text>1</text></outputEntry></rule></decisionTable></decision>",
      "<decision name=\"d\"><conditional><if/></conditional></decision>",
      "<decision name=\"d\"><for><in/></for></decision>",
      "<decision name=\"d\"><context><contextEntry/></context></decision>",
      "<decision name=\"d\"><relation><column name=\"a\"/><row/></relation></decision>",
      "<decision name=\"d\"><invocation/></decision>",
      "<decision name=\"d\"><list/><list/></decision>"};
  for (const std::string& body : bodies) {
    std::vector<Diagnostic> diagnostics;
    EXPECT_FALSE(ReadModel(Model(body), "m.dmn", &diagnostics).has_value()) << body;
    ASSERT_FALSE(diagnostics.empty()) << body;
    EXPECT_EQ(diagnostics[0].file, "m.dmn");
    EXPECT_EQ(diagnostics[0].line, 1U) << body;
    EXPECT_GT(diagnostics[0].column, 1U) << body;
  }
}

TEST(Reader, ReadsTheIdentityAlone) {
  const auto identity = ReadModelIdentity(Model(""));
  ASSERT_TRUE(identity.has_value());
  EXPECT_EQ(identity->namespace_uri, "urn:m");
  EXPECT_EQ(identity->name, "m");
  EXPECT_FALSE(ReadModelIdentity("<testCases/>").has_value());
}

}  // namespace
}  // namespace credence::dmn
