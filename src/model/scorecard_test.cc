#include "src/model/scorecard.h"

#include <gtest/gtest.h>

#include "src/model/pmml_testing.h"

namespace credence::model {
namespace {

using record::SlotType;
using record::Value;

Decimal D(std::string_view text) { return Decimal::Parse(text).value(); }
Value Number(std::string_view text) { return Value::OfDecimal(D(text)); }

// What a seller sells, how long they are here and what they take a week. The figures are those of
// the example in the standard's chapter, whose result is published: engineering, 25, 500 give 29.
std::string SellerCard() {
  return PmmlText(
      "<DataField name=\"goods\" optype=\"categorical\" dataType=\"string\"/>"
      "<DataField name=\"months\" optype=\"continuous\" dataType=\"integer\"/>"
      "<DataField name=\"takings\" optype=\"continuous\" dataType=\"double\"/>",
      "<MiningField name=\"goods\" invalidValueTreatment=\"asMissing\"/>"
      "<MiningField name=\"months\" invalidValueTreatment=\"asMissing\"/>"
      "<MiningField name=\"takings\" invalidValueTreatment=\"asMissing\"/>",
      "<Characteristic name=\"goods\" reasonCode=\"GOODS\" baselineScore=\"19\">"
      "<Attribute partialScore=\"-9\"><SimplePredicate field=\"goods\" "
      "operator=\"isMissing\"/></Attribute>"
      "<Attribute partialScore=\"19\"><SimplePredicate field=\"goods\" operator=\"equal\" "
      "value=\"food\"/></Attribute>"
      "<Attribute partialScore=\"3\"><SimplePredicate field=\"goods\" operator=\"equal\" "
      "value=\"phones\"/></Attribute>"
      "<Attribute partialScore=\"0\"><True/></Attribute></Characteristic>"
      "<Characteristic name=\"months\" reasonCode=\"MONTHS\" baselineScore=\"18\">"
      "<Attribute partialScore=\"-1\"><SimplePredicate field=\"months\" "
      "operator=\"isMissing\"/></Attribute>"
      "<Attribute partialScore=\"-3\"><SimplePredicate field=\"months\" operator=\"lessOrEqual\" "
      "value=\"18\"/></Attribute>"
      "<Attribute partialScore=\"0\"><CompoundPredicate booleanOperator=\"and\">"
      "<SimplePredicate field=\"months\" operator=\"greaterThan\" value=\"18\"/>"
      "<SimplePredicate field=\"months\" operator=\"lessOrEqual\" "
      "value=\"29\"/></CompoundPredicate></Attribute>"
      "<Attribute partialScore=\"18\"><SimplePredicate field=\"months\" operator=\"greaterThan\" "
      "value=\"29\"/></Attribute>"
      "</Characteristic>"
      "<Characteristic name=\"takings\" reasonCode=\"TAKINGS\" baselineScore=\"10\">"
      "<Attribute partialScore=\"3\"><SimplePredicate field=\"takings\" "
      "operator=\"isMissing\"/></Attribute>"
      "<Attribute><SimplePredicate field=\"takings\" operator=\"lessOrEqual\" value=\"1000\"/>"
      "<ComplexPartialScore><Apply function=\"+\"><Apply function=\"*\"><Constant>0.03</Constant>"
      "<FieldRef "
      "field=\"takings\"/></Apply><Constant>11</Constant></Apply></ComplexPartialScore></Attribute>"
      "<Attribute partialScore=\"5\"><SimplePredicate field=\"takings\" operator=\"greaterThan\" "
      "value=\"1000\"/></Attribute>"
      "</Characteristic>",
      "initialScore=\"0\" reasonCodeAlgorithm=\"pointsBelow\"");
}

class ScorecardTest : public testing::Test {
 protected:
  void Load(const std::string& text, std::vector<InputSlot> slots, Currency base = Currency()) {
    Imported imported = Import(text);
    ASSERT_NE(imported.model, nullptr) << imported.Text();
    card_ = Scorecard::Bind(imported.model, slots, base, &imported.diagnostics);
    ASSERT_TRUE(card_.has_value()) << imported.Text();
  }
  const ScoreResult& Score(std::vector<Value> slots) {
    card_->Score(slots, &result_);
    return result_;
  }

  std::optional<Scorecard> card_;
  ScoreResult result_;
};

// One characteristic that says which of its attributes was taken: 1, 2, …, and 9 for none of them.
std::string Chooser(std::string_view data_field, std::string_view mining_attributes,
                    std::initializer_list<std::string_view> predicates) {
  std::string attributes;
  int points = 0;
  for (const std::string_view predicate : predicates) {
    attributes += "<Attribute partialScore=\"" + std::to_string(++points) + "\">" +
                  std::string(predicate) + "</Attribute>";
  }
  return PmmlText(data_field, "<MiningField name=\"x\" " + std::string(mining_attributes) + "/>",
                  "<Characteristic name=\"c\">" + attributes +
                      "<Attribute partialScore=\"9\"><True/></Attribute></Characteristic>",
                  "useReasonCodes=\"false\"");
}
constexpr std::string_view kNumberX =
    "<DataField name=\"x\" optype=\"continuous\" dataType=\"double\"/>";
constexpr std::string_view kTextX =
    "<DataField name=\"x\" optype=\"categorical\" dataType=\"string\"/>";

TEST_F(ScorecardTest, TheStandardsExampleGives29AndItsReasons) {
  Load(SellerCard(), {{"goods", 0, SlotType::kString},
                      {"months", 1, SlotType::kInteger},
                      {"takings", 2, SlotType::kDecimal}});
  const ScoreResult& result = Score({Value::String("phones"), Value::Integer(25), Number("500")});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result.points, D("29"));
  EXPECT_EQ(result.ReasonCode(1), "MONTHS");
  EXPECT_EQ(result.ReasonCode(2), "GOODS");
  EXPECT_EQ(result.ReasonCode(3),
            "GOODS");  // takings gave more than their baseline; the last one repeats
  ASSERT_EQ(result.reasons.size(), 2U);
  EXPECT_EQ(result.reasons[0].points, D("18"));
  EXPECT_EQ(result.reasons[1].points, D("16"));
}

TEST_F(ScorecardTest, MissingInputsTakeTheirOwnAttribute) {
  Load(SellerCard(), {{"takings", 0, SlotType::kDecimal},
                      {"goods", 1, SlotType::kString},
                      {"months", 2, SlotType::kInteger}});
  EXPECT_EQ(Score({Value(), Value(), Value()}).points, D("-7"));
  EXPECT_EQ(result_.ReasonCode(1), "GOODS");
  EXPECT_EQ(result_.ReasonCode(2), "MONTHS");
  EXPECT_EQ(result_.ReasonCode(3), "TAKINGS");
}

TEST_F(ScorecardTest, TenTenthsAreOne) {
  std::string characteristics;
  for (int i = 0; i < 10; ++i) {
    characteristics +=
        "<Characteristic><Attribute partialScore=\"0.1\"><True/></Attribute></Characteristic>";
  }
  Load(PmmlText(kNumberX, "<MiningField name=\"x\"/>", characteristics, "useReasonCodes=\"false\""),
       {{"x", 0, SlotType::kInteger}});
  EXPECT_EQ(Score({Value::Integer(0)}).points, D("1"));
}

TEST_F(ScorecardTest, MoneyIsReadInMajorUnitsOfTheBaseCurrency) {
  Load(Chooser(kNumberX, "",
               {"<SimplePredicate field=\"x\" operator=\"lessThan\" value=\"12.345\"/>",
                "<SimplePredicate field=\"x\" operator=\"equal\" value=\"12.35\"/>",
                "<SimplePredicate field=\"x\" operator=\"greaterOrEqual\" "
                "value=\"99999999999999999999\"/>"}),
       {{"x", 0, SlotType::kMoney}}, Currency::FromCode("CNY").value());
  const auto money = [](int64_t minor) {
    const Currency usd = Currency::FromCode("USD").value();
    return Value::OfMoney(Money{7, usd}, minor);
  };
  EXPECT_EQ(Score({money(1234)}).points, D("1"));
  EXPECT_EQ(Score({money(1235)}).points, D("2"));
  EXPECT_EQ(Score({money(INT64_MAX)}).points, D("9"));
  EXPECT_EQ(Score({money(INT64_MIN)}).points, D("1"));
}

TEST_F(ScorecardTest, DurationIsReadInSeconds) {
  Load(Chooser(kNumberX, "",
               {"<SimplePredicate field=\"x\" operator=\"lessOrEqual\" value=\"86400\"/>"}),
       {{"x", 0, SlotType::kDuration}});
  EXPECT_EQ(Score({Value::Duration(86'400'000'000'000)}).points, D("1"));
  EXPECT_EQ(Score({Value::Duration(86'400'000'000'001)}).points, D("9"));
}

TEST_F(ScorecardTest, UnknownIsNotTrueAndNotFalse) {
  const std::string_view below = "<SimplePredicate field=\"x\" operator=\"lessThan\" value=\"5\"/>";
  const auto compound = [&](std::string_view op, std::string_view other) {
    return "<CompoundPredicate booleanOperator=\"" + std::string(op) + "\">" + std::string(below) +
           std::string(other) + "</CompoundPredicate>";
  };
  const auto points = [&](const std::string& predicate, const Value& value) {
    Load(Chooser(kNumberX, "", {predicate}), {{"x", 0, SlotType::kInteger}});
    return Score({value}).points == D("1");
  };
  const Value missing;
  EXPECT_FALSE(points(std::string(below), missing));
  EXPECT_FALSE(points(compound("and", "<True/>"), missing));
  EXPECT_TRUE(points(compound("or", "<True/>"), missing));
  EXPECT_FALSE(points(compound("or", "<False/>"), missing));
  EXPECT_FALSE(points(compound("xor", "<True/>"), missing));
  EXPECT_TRUE(points(compound("xor", "<True/>"), Value::Integer(6)));
  EXPECT_FALSE(points(compound("xor", "<True/>"), Value::Integer(4)));
  EXPECT_TRUE(points(compound("surrogate", "<True/>"), missing));
  EXPECT_FALSE(points(compound("surrogate", "<True/>"), Value::Integer(6)));
  // false and unknown is false, so its complement by xor with true is true.
  EXPECT_TRUE(points("<CompoundPredicate booleanOperator=\"xor\"><True/>" +
                         compound("and", "<False/>") + "</CompoundPredicate>",
                     missing));
  EXPECT_FALSE(points(
      "<SimpleSetPredicate field=\"x\" booleanOperator=\"isNotIn\"><Array type=\"int\">1</Array>"
      "</SimpleSetPredicate>",
      missing));
}

TEST_F(ScorecardTest, SetsHoldWhatTheyList) {
  Load(Chooser(kTextX, "",
               {"<SimpleSetPredicate field=\"x\" booleanOperator=\"isIn\"><Array type=\"string\">b "
                "\"a c\" 中</Array>"
                "</SimpleSetPredicate>",
                "<SimpleSetPredicate field=\"x\" booleanOperator=\"isNotIn\"><Array "
                "type=\"string\">d</Array>"
                "</SimpleSetPredicate>"}),
       {{"x", 0, SlotType::kString}});
  EXPECT_EQ(Score({Value::String("a c")}).points, D("1"));
  EXPECT_EQ(Score({Value::String("中")}).points, D("1"));
  EXPECT_EQ(Score({Value::String("e")}).points, D("2"));
  EXPECT_EQ(Score({Value::String("d")}).points, D("9"));
}

TEST_F(ScorecardTest, InvalidValuesAreTreatedAsTheSchemaSays) {
  const std::string field =
      "<DataField name=\"x\" optype=\"categorical\" dataType=\"string\"><Value value=\"a\"/><Value "
      "value=\"b\"/>"
      "<Value value=\"-\" property=\"missing\"/></DataField>";
  const std::initializer_list<std::string_view> predicates = {
      "<SimplePredicate field=\"x\" operator=\"isMissing\"/>",
      "<SimplePredicate field=\"x\" operator=\"equal\" value=\"b\"/>",
      "<SimplePredicate field=\"x\" operator=\"equal\" value=\"z\"/>"};
  const std::vector<InputSlot> slots = {{"x", 0, SlotType::kString}};
  Load(Chooser(field, "", predicates), slots);
  EXPECT_EQ(Score({Value::String("z")}).failure, ScoreFailure::kInvalidInput);
  EXPECT_EQ(result_.culprit, "x");
  EXPECT_EQ(Score({Value::String("-")}).points, D("1"));
  EXPECT_EQ(Score({Value::String("a")}).points, D("9"));
  Load(Chooser(field, "invalidValueTreatment=\"asMissing\"", predicates), slots);
  EXPECT_EQ(Score({Value::String("z")}).points, D("1"));
  Load(Chooser(field, "invalidValueTreatment=\"asIs\"", predicates), slots);
  EXPECT_EQ(Score({Value::String("z")}).points, D("3"));
  Load(
      Chooser(field, "invalidValueTreatment=\"asValue\" invalidValueReplacement=\"b\"", predicates),
      slots);
  EXPECT_EQ(Score({Value::String("z")}).points, D("2"));
  Load(Chooser(field, "missingValueReplacement=\"b\"", predicates), slots);
  EXPECT_EQ(Score({Value()}).points, D("2"));
  Load(Chooser(field, "missingValueTreatment=\"returnInvalid\"", predicates), slots);
  EXPECT_EQ(Score({Value()}).failure, ScoreFailure::kMissingInput);
}

TEST_F(ScorecardTest, OutliersAreClampedOrMissing) {
  const std::initializer_list<std::string_view> predicates = {
      "<SimplePredicate field=\"x\" operator=\"isMissing\"/>",
      "<SimplePredicate field=\"x\" operator=\"equal\" value=\"2.5\"/>",
      "<SimplePredicate field=\"x\" operator=\"equal\" value=\"7\"/>"};
  const std::vector<InputSlot> slots = {{"x", 0, SlotType::kInteger}};
  Load(Chooser(kNumberX, "outliers=\"asExtremeValues\" lowValue=\"2.5\" highValue=\"7\"",
               predicates),
       slots);
  EXPECT_EQ(Score({Value::Integer(2)}).points, D("2"));
  EXPECT_EQ(Score({Value::Integer(8)}).points, D("3"));
  EXPECT_EQ(Score({Value::Integer(5)}).points, D("9"));
  Load(Chooser(kNumberX, "outliers=\"asMissingValues\" lowValue=\"2.5\" highValue=\"7\"",
               predicates),
       slots);
  EXPECT_EQ(Score({Value::Integer(2)}).points, D("1"));
}

TEST_F(ScorecardTest, AReplacementFinerThanTheSlotsUnitIsKeptExactly) {
  Load(Chooser(kNumberX, "missingValueReplacement=\"0.5\"",
               {"<SimplePredicate field=\"x\" operator=\"equal\" value=\"0.5\"/>",
                "<SimplePredicate field=\"x\" operator=\"equal\" value=\"1\"/>"}),
       {{"x", 0, SlotType::kInteger}});
  EXPECT_EQ(Score({Value()}).points, D("1"));
  EXPECT_EQ(Score({Value::Integer(1)}).points, D("2"));
}

TEST_F(ScorecardTest, AnIncompleteSlotFailsTheScore) {
  Load(Chooser(kNumberX, "", {}), {{"x", 0, SlotType::kInteger}});
  EXPECT_EQ(Score({Value::Incomplete()}).failure, ScoreFailure::kIncompleteInput);
  EXPECT_EQ(ScoreFailureName(result_.failure), "incomplete-input");
  EXPECT_TRUE(Score({Value()}).ok());
  EXPECT_EQ(result_.culprit, "");
}

TEST_F(ScorecardTest, WithoutATrueAttributeThereIsNoScore) {
  Load(PmmlText(kNumberX, "<MiningField name=\"x\"/>",
                "<Characteristic name=\"only\" reasonCode=\"R\" baselineScore=\"1\"><Attribute "
                "partialScore=\"1\">"
                "<SimplePredicate field=\"x\" operator=\"equal\" "
                "value=\"1\"/></Attribute></Characteristic>"),
       {{"x", 0, SlotType::kInteger}});
  EXPECT_TRUE(Score({Value::Integer(1)}).ok());
  EXPECT_EQ(Score({Value::Integer(2)}).failure, ScoreFailure::kNoAttribute);
  EXPECT_EQ(result_.culprit, "only");
  EXPECT_TRUE(result_.reasons.empty());
}

TEST_F(ScorecardTest, AnExpressionWithoutANumberIsNoScore) {
  const auto text = [](std::string_view apply) {
    return PmmlText(kNumberX, "<MiningField name=\"x\"/>",
                    "<Characteristic><Attribute><True/><ComplexPartialScore>" + std::string(apply) +
                        "</ComplexPartialScore></Attribute></Characteristic>",
                    "useReasonCodes=\"false\"");
  };
  const std::vector<InputSlot> slots = {{"x", 0, SlotType::kInteger}};
  Load(
      text(
          "<Apply function=\"/\"><Constant>1</Constant><Apply function=\"/\"><Constant>1</Constant>"
          "<FieldRef field=\"x\"/></Apply></Apply>"),
      slots);
  EXPECT_EQ(Score({Value::Integer(4)}).points, D("4"));
  EXPECT_EQ(Score({Value::Integer(0)}).failure, ScoreFailure::kNoPoints);
  EXPECT_EQ(Score({Value()}).failure, ScoreFailure::kNoPoints);
  Load(text("<Apply function=\"-\" mapMissingTo=\"7\"><Constant>1</Constant><FieldRef "
            "field=\"x\"/></Apply>"),
       slots);
  EXPECT_EQ(Score({Value()}).points, D("7"));
  Load(text("<Apply function=\"-\" defaultValue=\"8\"><Constant>1</Constant><FieldRef "
            "field=\"x\"/></Apply>"),
       slots);
  EXPECT_EQ(Score({Value()}).points, D("8"));
  Load(text("<Apply function=\"-\"><Constant>1</Constant><FieldRef field=\"x\" "
            "mapMissingTo=\"5\"/></Apply>"),
       slots);
  EXPECT_EQ(Score({Value()}).points, D("-4"));
}

TEST_F(ScorecardTest, PointsOfOneReasonCodeAddUpAndTiesGoByTheDocument) {
  const auto characteristic = [](std::string_view code, std::string_view points) {
    return "<Characteristic reasonCode=\"" + std::string(code) + "\"><Attribute partialScore=\"" +
           std::string(points) + "\"><True/></Attribute></Characteristic>";
  };
  const std::string parts = characteristic("B", "4") + characteristic("A", "3") +
                            characteristic("C", "6") + characteristic("A", "6.5") +
                            characteristic("D", "10");
  const std::vector<InputSlot> slots = {{"x", 0, SlotType::kInteger}};
  Load(PmmlText(kNumberX, "<MiningField name=\"x\"/>", parts, "baselineScore=\"10\""), slots);
  Score({Value::Integer(0)});
  ASSERT_EQ(result_.reasons.size(), 4U);
  EXPECT_EQ(result_.reasons[0].code, "A");
  EXPECT_EQ(result_.reasons[0].points, D("10.5"));
  EXPECT_EQ(result_.reasons[1].code, "B");
  EXPECT_EQ(result_.reasons[2].code, "C");
  EXPECT_EQ(result_.reasons[3].code, "D");
  EXPECT_EQ(result_.reasons[3].points, D("0"));
  Load(PmmlText(kNumberX, "<MiningField name=\"x\"/>", parts,
                "baselineScore=\"4\" reasonCodeAlgorithm=\"pointsAbove\""),
       slots);
  Score({Value::Integer(0)});
  ASSERT_EQ(result_.reasons.size(), 4U);
  EXPECT_EQ(result_.reasons[0].code, "D");
  EXPECT_EQ(result_.reasons[1].code, "C");
  EXPECT_EQ(result_.reasons[2].code, "A");  // -1 and 2.5
  EXPECT_EQ(result_.reasons[3].code, "B");
}

TEST_F(ScorecardTest, AnAttributesOwnReasonCodeComesFirst) {
  Load(PmmlText(kNumberX, "<MiningField name=\"x\"/>",
                "<Characteristic reasonCode=\"ALL\" baselineScore=\"2\"><Attribute "
                "partialScore=\"1\" reasonCode=\"OWN\">"
                "<SimplePredicate field=\"x\" operator=\"equal\" value=\"1\"/></Attribute>"
                "<Attribute partialScore=\"1\"><True/></Attribute></Characteristic>"),
       {{"x", 0, SlotType::kInteger}});
  EXPECT_EQ(Score({Value::Integer(1)}).ReasonCode(1), "OWN");
  EXPECT_EQ(Score({Value::Integer(2)}).ReasonCode(1), "ALL");
}

TEST(ScorecardBind, MissingSlotsAndWrongTypesAreNamedWithTheirPlace) {
  Imported imported = Import(SellerCard());
  ASSERT_NE(imported.model, nullptr);
  const std::vector<InputSlot> slots = {{"good", 0, SlotType::kString},
                                        {"months", 1, SlotType::kDecimal},
                                        {"takings", 2, SlotType::kToken}};
  EXPECT_FALSE(Scorecard::Bind(imported.model, slots, Currency(), &imported.diagnostics));
  EXPECT_EQ(imported.Text(),
            "m.pmml:4:15: error: there is no slot 'goods' (did you mean 'good'?) [unknown-slot]\n"
            "m.pmml:4:76: error: 'months' is declared integer, which does not fit the slot's type "
            "[bad-type]\n"
            "m.pmml:4:138: error: 'takings' is declared double, which does not fit the slot's type "
            "[bad-type]\n");
}

}  // namespace
}  // namespace credence::model
