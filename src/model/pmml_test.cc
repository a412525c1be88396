#include "src/model/pmml.h"

#include <gtest/gtest.h>

#include "src/model/pmml_predicate.h"
#include "src/model/pmml_testing.h"

namespace credence::model {
namespace {

using ::testing::Test;

constexpr std::string_view kField =
    "<DataField name=\"x\" optype=\"continuous\" dataType=\"double\"/>";
constexpr std::string_view kMining = "<MiningField name=\"x\"/>";
constexpr std::string_view kAll =
    "<Characteristic name=\"c\" reasonCode=\"R\" baselineScore=\"0\">"
    "<Attribute partialScore=\"1\"><True/></Attribute></Characteristic>";

bool Mentions(const Imported& imported, std::string_view what) {
  return imported.Text().find(what) != std::string::npos;
}

// One attribute with that predicate.
std::string WithPredicate(std::string_view predicate) {
  return PmmlText(
      kField, kMining,
      "<Characteristic reasonCode=\"R\" baselineScore=\"0\"><Attribute partialScore=\"1\">" +
          std::string(predicate) + "</Attribute></Characteristic>");
}

TEST(Pmml, AWholeModelIsImported) {
  const Imported imported = Import(PmmlText(kField, kMining, kAll));
  ASSERT_NE(imported.model, nullptr) << imported.Text();
  EXPECT_TRUE(imported.diagnostics.empty()) << imported.Text();
  EXPECT_EQ(imported.model->inputs.size(), 1U);
  EXPECT_EQ(imported.model->characteristics.size(), 1U);
}

TEST(Pmml, APrefixMayNameTheNamespace) {
  const Imported imported = Import(
      "<p:PMML xmlns:p=\"http://www.dmg.org/PMML-4_2\" version=\"4.2.1\"><p:DataDictionary>"
      "<p:DataField name=\"x\" optype=\"continuous\" dataType=\"double\"/></p:DataDictionary>"
      "<p:Scorecard functionName=\"regression\" useReasonCodes=\"false\"><p:MiningSchema>"
      "<p:MiningField name=\"x\"/></p:MiningSchema><p:Characteristics><p:Characteristic>"
      "<p:Attribute partialScore=\"1\"><p:True/></p:Attribute></p:Characteristic>"
      "</p:Characteristics></p:Scorecard></p:PMML>");
  EXPECT_NE(imported.model, nullptr) << imported.Text();
}

struct Refusal {
  std::string_view what;
  std::string text;
  std::string_view says;
};

class PmmlRefuses : public testing::TestWithParam<Refusal> {};

TEST_P(PmmlRefuses, WithPlaceAndReason) {
  const Imported imported = Import(GetParam().text);
  EXPECT_EQ(imported.model, nullptr);
  EXPECT_TRUE(HasErrors(imported.diagnostics));
  EXPECT_TRUE(Mentions(imported, GetParam().says)) << imported.Text();
}

std::string Wrapped(std::string_view before, std::string_view root_attributes = "") {
  std::string text(before);
  text += PmmlText(kField, kMining, kAll);
  const size_t at = text.find(" version");
  text.insert(at, " " + std::string(root_attributes));
  return text;
}

INSTANTIATE_TEST_SUITE_P(
    Texts, PmmlRefuses,
    testing::Values(
        Refusal{"Doctype", Wrapped("<!DOCTYPE PMML [<!ENTITY a \"b\">]>"),
                "m.pmml:1:1: error: document types"},
        Refusal{"Encoding", Wrapped("<?xml version=\"1.0\" encoding=\"ISO-8859-2\"?>"),
                "must be UTF-8"},
        Refusal{"BadUtf8", Wrapped("<!-- \xff -->"), "not UTF-8"},
        Refusal{"Instruction", Wrapped("<?php?>"), "processing instructions"},
        Refusal{"Junk", PmmlText(kField, kMining, kAll) + "junk",
                "m.pmml:8:1: error: text stands outside"},
        Refusal{"TwoRoots", PmmlText(kField, kMining, kAll) + "<a/>", "second root"},
        Refusal{"Empty", "", "no root element"},
        Refusal{"Entity", WithPredicate("<SimplePredicate field=\"&x;\" operator=\"isMissing\"/>"),
                "five entities"},
        Refusal{"TwiceAttribute", WithPredicate("<True a=\"1\" a=\"2\"/>"), "given twice"},
        Refusal{"Mismatch", "<PMML><a></b></PMML>", "xml-syntax"},
        Refusal{"Unclosed", "<PMML><a>", "xml-syntax"},
        Refusal{"Control", Wrapped("<!-- -->") + std::string(1, '\x01'), "outside the root"},
        Refusal{"OtherRoot", "<Pmml/>", "not 'PMML'"},
        Refusal{"NoNamespace", "<PMML version=\"4.4\"/>", "bad-namespace"},
        Refusal{"OldVersion", "<PMML xmlns=\"http://www.dmg.org/PMML-4_0\" version=\"4.0\"/>",
                "bad-namespace"},
        Refusal{"OtherVersion", "<PMML xmlns=\"http://www.dmg.org/PMML-4_4\" version=\"4.1\"/>",
                "bad-version"},
        Refusal{"RootAttribute", Wrapped("", "verson=\"1\""), "did you mean 'version'?"},
        Refusal{"OtherModel",
                "<PMML xmlns=\"http://www.dmg.org/PMML-4_4\" "
                "version=\"4.4\"><DataDictionary/><TreeModel/></PMML>",
                "may not hold 'TreeModel'"},
        Refusal{"Transformations",
                "<PMML xmlns=\"http://www.dmg.org/PMML-4_4\" version=\"4.4\"><DataDictionary/>"
                "<TransformationDictionary/></PMML>",
                "TransformationDictionary"},
        Refusal{"Targets", PmmlText(kField, kMining, kAll, "", "<Targets/>"),
                "may not hold 'Targets'"},
        Refusal{"LocalTransformations",
                PmmlText(kField, kMining, kAll, "", "<LocalTransformations/>"),
                "LocalTransformations"}),
    [](const auto& test) { return std::string(test.param.what); });

INSTANTIATE_TEST_SUITE_P(
    Fields, PmmlRefuses,
    testing::Values(
        Refusal{
            "DateType",
            PmmlText("<DataField name=\"x\" optype=\"ordinal\" dataType=\"date\"/>", kMining, kAll),
            "dataType is 'date'"},
        Refusal{"TypeTypo",
                PmmlText("<DataField name=\"x\" optype=\"continuous\" dataType=\"duoble\"/>",
                         kMining, kAll),
                "did you mean 'double'?"},
        Refusal{"TwoFields", PmmlText(std::string(kField) + std::string(kField), kMining, kAll),
                "another DataField"},
        Refusal{"UnknownMining", PmmlText(kField, "<MiningField name=\"xx\"/>", kAll),
                "did you mean 'x'?"},
        Refusal{"TwoMining", PmmlText(kField, std::string(kMining) + std::string(kMining), kAll),
                "another MiningField"},
        Refusal{
            "Cyclic",
            PmmlText(
                "<DataField name=\"x\" optype=\"continuous\" dataType=\"double\" isCyclic=\"1\"/>",
                kMining, kAll),
            "isCyclic"},
        Refusal{"BadReplacement",
                PmmlText(kField, "<MiningField name=\"x\" missingValueReplacement=\"a\"/>", kAll),
                "not a value of type double"},
        Refusal{
            "AsValueAlone",
            PmmlText(kField, "<MiningField name=\"x\" invalidValueTreatment=\"asValue\"/>", kAll),
            "go together"},
        Refusal{
            "MeanAlone",
            PmmlText(kField, "<MiningField name=\"x\" missingValueTreatment=\"asMean\"/>", kAll),
            "missingValueReplacement"},
        Refusal{"OutliersAlone",
                PmmlText(kField, "<MiningField name=\"x\" outliers=\"asExtremeValues\"/>", kAll),
                "lowValue"},
        Refusal{"Count",
                PmmlText(kField, kMining, kAll)
                    .replace(PmmlText(kField, kMining, kAll).find("<DataDictionary>"), 16,
                             "<DataDictionary numberOfFields=\"2\">"),
                "numberOfFields is 2"},
        Refusal{"StringInterval",
                PmmlText("<DataField name=\"x\" optype=\"categorical\" dataType=\"string\">"
                         "<Interval closure=\"openOpen\" leftMargin=\"0\"/></DataField>",
                         kMining, kAll),
                "only numbers"}),
    [](const auto& test) { return std::string(test.param.what); });

INSTANTIATE_TEST_SUITE_P(
    Parts, PmmlRefuses,
    testing::Values(
        Refusal{"UnknownField",
                WithPredicate("<SimplePredicate field=\"y\" operator=\"isMissing\"/>"),
                "not an active field"},
        Refusal{"OperatorTypo",
                WithPredicate("<SimplePredicate field=\"x\" operator=\"lessThen\" value=\"1\"/>"),
                "did you mean 'lessThan'?"},
        Refusal{"NoValue", WithPredicate("<SimplePredicate field=\"x\" operator=\"equal\"/>"),
                "'value'"},
        Refusal{"ValueOfMissing",
                WithPredicate("<SimplePredicate field=\"x\" operator=\"isMissing\" value=\"1\"/>"),
                "take no value"},
        Refusal{"TextForNumber",
                WithPredicate("<SimplePredicate field=\"x\" operator=\"equal\" value=\"a\"/>"),
                "'a' is not a value of type double"},
        Refusal{"Nan",
                WithPredicate("<SimplePredicate field=\"x\" operator=\"equal\" value=\"NaN\"/>"),
                "NaN"},
        Refusal{"Huge",
                WithPredicate("<SimplePredicate field=\"x\" operator=\"equal\" value=\"1e40\"/>"),
                "1e40"},
        Refusal{
            "OneChild",
            WithPredicate("<CompoundPredicate booleanOperator=\"and\"><True/></CompoundPredicate>"),
            "two or more"},
        Refusal{
            "BadCompound",
            WithPredicate(
                "<CompoundPredicate booleanOperator=\"nor\"><True/><True/></CompoundPredicate>"),
            "did you mean 'or'?"},
        Refusal{"SetCount",
                WithPredicate("<SimpleSetPredicate field=\"x\" booleanOperator=\"isIn\"><Array "
                              "n=\"3\" type=\"real\">1 2"
                              "</Array></SimpleSetPredicate>"),
                "has 2 items"},
        Refusal{
            "SetQuote",
            WithPredicate(
                "<SimpleSetPredicate field=\"x\" booleanOperator=\"isIn\"><Array type=\"real\">\"1"
                "</Array></SimpleSetPredicate>"),
            "does not end"},
        Refusal{"NoArray",
                WithPredicate("<SimpleSetPredicate field=\"x\" booleanOperator=\"isIn\"/>"),
                "needs an Array"},
        Refusal{"TwoPredicates", WithPredicate("<True/><False/>"), "not two"},
        Refusal{"NoPredicate", WithPredicate(""), "needs a predicate"},
        Refusal{"NoBaseline",
                PmmlText(kField, kMining,
                         "<Characteristic reasonCode=\"R\"><Attribute "
                         "partialScore=\"1\"><True/></Attribute></Characteristic>"),
                "baselineScore"},
        Refusal{"NoCode",
                PmmlText(kField, kMining,
                         "<Characteristic><Attribute "
                         "partialScore=\"1\"><True/></Attribute></Characteristic>",
                         "baselineScore=\"0\""),
                "reasonCode"},
        Refusal{"NoPoints",
                PmmlText(kField, kMining,
                         "<Characteristic reasonCode=\"R\" "
                         "baselineScore=\"0\"><Attribute><True/></Attribute></Characteristic>"),
                "'partialScore' or a ComplexPartialScore"},
        Refusal{"NotScorable", PmmlText(kField, kMining, kAll, "isScorable=\"false\""),
                "isScorable"},
        Refusal{
            "Function",
            WithPredicate(
                "<True/><ComplexPartialScore><Apply function=\"ln\"><FieldRef field=\"x\"/></Apply>"
                "</ComplexPartialScore>"),
            "function is 'ln'"},
        Refusal{
            "Arity",
            WithPredicate(
                "<True/><ComplexPartialScore><Apply function=\"+\"><FieldRef field=\"x\"/></Apply>"
                "</ComplexPartialScore>"),
            "two arguments, not 1"},
        Refusal{"OutputFeature",
                PmmlText(kField, kMining, kAll, "",
                         "<Output><OutputField name=\"o\" feature=\"decision\"/></Output>"),
                "feature is 'decision'"}),
    [](const auto& test) { return std::string(test.param.what); });

TEST(Pmml, ErrorsAreReportedAllAtOnceAtTheirAttribute) {
  const Imported imported = Import(
      "<PMML xmlns=\"http://www.dmg.org/PMML-4_4\" version=\"4.4\">\n"
      " <DataDictionary>\n"
      "  <DataField name=\"x\" optype=\"kontinuous\" dataType=\"double\"/>\n"
      " </DataDictionary>\n"
      " <Scorecard functionName=\"regression\" baselineScore=\"é\">\n"
      "  <MiningSchema><MiningField name=\"x\"/></MiningSchema>\n"
      "  <Characteristics/>\n"
      " </Scorecard>\n"
      "</PMML>\n");
  EXPECT_EQ(imported.model, nullptr);
  EXPECT_TRUE(Mentions(imported, "m.pmml:3:23: error: optype is 'kontinuous'")) << imported.Text();
  EXPECT_TRUE(Mentions(imported, "m.pmml:5:39: error: baselineScore is 'é'")) << imported.Text();
  EXPECT_TRUE(Mentions(imported, "m.pmml:7:3: error: Characteristics needs")) << imported.Text();
}

TEST(Pmml, PartsThatCannotChangeAScoreGiveANote) {
  const Imported imported =
      Import(PmmlText(kField, kMining, kAll, "x-tool=\"1\"", "<Extension/><ModelStats/>"));
  ASSERT_NE(imported.model, nullptr) << imported.Text();
  ASSERT_EQ(imported.diagnostics.size(), 3U) << imported.Text();
  for (const Diagnostic& diagnostic : imported.diagnostics) {
    EXPECT_EQ(diagnostic.severity, Severity::kNote);
  }
}

TEST(Pmml, NestingHasALimitThatIsAnError) {
  std::string open;
  std::string close;
  for (size_t i = 0; i < kDepthMax; ++i) {
    open += "<CompoundPredicate booleanOperator=\"and\"><True/>";
    close += "</CompoundPredicate>";
  }
  EXPECT_TRUE(Mentions(Import(WithPredicate(open + "<True/>" + close)), "nested deeper than"));
  std::string deep;
  for (size_t i = 0; i < 100'000; ++i) deep += "<a>";
  EXPECT_TRUE(Mentions(Import(deep), "nested deeper than"));
}

TEST(Pmml, DiagnosticsAreCappedAndSayThatMoreExist) {
  std::string fields;
  for (size_t i = 0; i < 10 * kDiagnosticsMax; ++i) fields += "<DataField/>";
  const Imported imported = Import(PmmlText(fields, kMining, kAll));
  EXPECT_EQ(imported.diagnostics.size(), kDiagnosticsMax + 1);
  EXPECT_EQ(imported.diagnostics.back().code, "too-many");
}

constexpr std::string_view kVerified =
    "<Output><OutputField name=\"points\"/><OutputField name=\"why\" "
    "feature=\"reasonCode\"/></Output>"
    "<ModelVerification recordCount=\"2\" fieldCount=\"3\"><VerificationFields>"
    "<VerificationField field=\"x\" column=\"in\"/><VerificationField field=\"points\" "
    "precision=\"0.01\"/>"
    "<VerificationField field=\"why\"/></VerificationFields><InlineTable>"
    "<row><in>1</in><points>1.009</points><why>R</why></row><row><points>1</points></row>"
    "</InlineTable></ModelVerification>";

TEST(Pmml, VerificationRowsAreScoredWhenTheModelIsLoaded) {
  const std::string_view low =
      "<Characteristic name=\"c\" reasonCode=\"R\" baselineScore=\"5\">"
      "<Attribute partialScore=\"1\"><True/></Attribute></Characteristic>";
  const Imported good = Import(PmmlText(kField, kMining, low, "", kVerified));
  ASSERT_NE(good.model, nullptr) << good.Text();
  EXPECT_EQ(good.model->verified_rows, 2U);

  std::string other(kVerified);
  other.replace(other.find("1.009"), 5, "1.011");
  const Imported far = Import(PmmlText(kField, kMining, low, "", other));
  EXPECT_EQ(far.model, nullptr);
  EXPECT_TRUE(Mentions(far, "row 1: 'points' is 1, but the file says 1.011")) << far.Text();

  other = kVerified;
  other.replace(other.find("<why>R<"), 7, "<why>S<");
  EXPECT_TRUE(Mentions(Import(PmmlText(kField, kMining, low, "", other)), "'why' is R"));
  other = kVerified;
  other.replace(other.find("<in>"), 4, "<on>");
  other.replace(other.find("</in>"), 5, "</on>");
  EXPECT_TRUE(Mentions(Import(PmmlText(kField, kMining, low, "", other)), "column 'on'"));
}

TEST(Pmml, ArraysSplitAtSpacesAndQuotes) {
  using Items = std::vector<std::string>;
  EXPECT_EQ(SplitArray(" a  \"b c\"\n\"d\\\"e\" "), (Items{"a", "b c", "d\"e"}));
  EXPECT_EQ(SplitArray(""), Items{});
  EXPECT_EQ(SplitArray("\"a"), std::nullopt);
}

TEST(Pmml, NumbersAreDecimalsWithinBounds) {
  EXPECT_EQ(ParseNumber(" 0.1 "), Decimal::FromScaled(1, -1));
  EXPECT_EQ(ParseNumber("-1.5e3"), Decimal::FromInt64(-1500));
  for (const std::string_view bad : {"", "1,5", "NaN", "INF", "-inf", "1e30", "1e-31", "0x1"}) {
    EXPECT_EQ(ParseNumber(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace credence::model
