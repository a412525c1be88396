// Random models as PMML text, imported, bound and scored against the naive twin.

#include <gtest/gtest.h>

#include "src/base/random.h"
#include "src/model/naive_scorecard.h"
#include "src/model/pmml_testing.h"
#include "src/model/scorecard.h"

namespace credence::model {
namespace {

using record::SlotType;
using record::Value;

struct RandomField {
  DataType type;
  SlotType slot;
};

class RandomModel {
 public:
  explicit RandomModel(Random* random) : random_(*random) {
    const size_t fields = 1 + random_.Below(4);
    for (size_t i = 0; i < fields; ++i) {
      constexpr RandomField kKinds[] = {
          {DataType::kString, SlotType::kString},   {DataType::kBoolean, SlotType::kBoolean},
          {DataType::kInteger, SlotType::kInteger}, {DataType::kNumber, SlotType::kInteger},
          {DataType::kNumber, SlotType::kDecimal},  {DataType::kNumber, SlotType::kMoney}};
      fields_.push_back(kKinds[random_.Below(std::size(kKinds))]);
    }
    complex_ = random_.OneIn(3);
    codes_ = !random_.OneIn(4);
  }

  std::string Text() {
    std::string dictionary;
    std::string schema;
    for (size_t i = 0; i < fields_.size(); ++i) {
      const std::string name = Name(i);
      const DataType type = fields_[i].type;
      dictionary += "<DataField name=\"" + name + "\" optype=\"categorical\" dataType=\"" +
                    std::string(DataTypeName(type)) + "\">" + Validity(type) + "</DataField>";
      schema += "<MiningField name=\"" + name + "\"" + Treatment(type) + "/>";
    }
    std::string characteristics;
    const size_t count = 1 + random_.Below(5);
    for (size_t i = 0; i < count; ++i) characteristics += CharacteristicText();
    std::string attributes = "initialScore=\"" + Points() + "\" baselineScore=\"" + Points() + "\"";
    attributes += codes_ ? "" : " useReasonCodes=\"false\"";
    if (random_.OneIn(2)) attributes += " reasonCodeAlgorithm=\"pointsAbove\"";
    return PmmlText(dictionary, schema, characteristics, attributes);
  }

  [[nodiscard]] std::vector<InputSlot> Slots() const {
    std::vector<InputSlot> slots;
    for (size_t i = 0; i < fields_.size(); ++i) {
      slots.push_back({Name(i), static_cast<uint32_t>(i), fields_[i].slot});
    }
    return slots;
  }

  // One random input, for both sides.
  void Input(std::vector<Value>* slots, std::map<std::string, NaiveValue>* naive) {
    static const std::string kWords[] = {"a", "b", "c", "d"};
    slots->clear();
    naive->clear();
    for (size_t i = 0; i < fields_.size(); ++i) {
      if (random_.OneIn(5)) {
        slots->emplace_back();
        continue;
      }
      const int64_t number = random_.Between(-3, 3);
      const int64_t cents = random_.Between(-300, 300);
      NaiveValue value;
      switch (fields_[i].slot) {
        case SlotType::kString:
          value.text = kWords[random_.Below(4)];
          slots->push_back(Value::String(*std::find(kWords, kWords + 4, value.text)));
          break;
        case SlotType::kBoolean:
          value.number = Decimal::FromInt64(number > 0);
          slots->push_back(Value::Boolean(number > 0));
          break;
        case SlotType::kInteger:
          value.number = Decimal::FromInt64(number);
          slots->push_back(Value::Integer(number));
          break;
        case SlotType::kMoney:
          value.number = Decimal::FromScaled(cents, -2);
          slots->push_back(Value::OfMoney(Money{cents, kBase}, cents));
          break;
        default:
          value.number =
              Decimal::FromScaled(random_.OneIn(2) ? cents : cents * 50, -2 - 2 * random_.OneIn(2));
          slots->push_back(Value::OfDecimal(value.number));
          break;
      }
      (*naive)[Name(i)] = value;
    }
  }

  static inline const Currency kBase = Currency::FromCode("CNY").value();

 private:
  static std::string Name(size_t i) { return "f" + std::to_string(i); }
  std::string Points() {
    return Decimal::FromScaled(random_.Between(-99, 99), random_.OneIn(2) ? 0 : -1).ToString();
  }
  std::string Constant(DataType type) {
    if (type == DataType::kString) return std::string(1, static_cast<char>('a' + random_.Below(4)));
    if (type == DataType::kBoolean) return random_.OneIn(2) ? "true" : "false";
    const int scale = static_cast<int>(random_.Below(4));
    return Decimal::FromScaled(random_.Between(-3, 3) * (random_.OneIn(2) ? 1 : 25), -scale)
        .ToString();
  }
  std::string Validity(DataType type) {
    if (!random_.OneIn(4)) return "";
    if (type == DataType::kInteger || type == DataType::kNumber) {
      if (random_.OneIn(2))
        return "<Interval closure=\"openClosed\" leftMargin=\"-1.5\" rightMargin=\"2\"/>";
    }
    std::string values;
    for (int i = 0; i < 3; ++i) {
      const char* property[] = {"valid", "invalid", "missing"};
      values += "<Value value=\"" + Constant(type) + "\" property=\"" + property[random_.Below(3)] +
                "\"/>";
    }
    return values;
  }
  std::string Treatment(DataType type) {
    std::string text;
    const bool number = type == DataType::kInteger || type == DataType::kNumber;
    switch (random_.Below(4)) {
      case 0:
        text += " invalidValueTreatment=\"asMissing\"";
        break;
      case 1:
        text += " invalidValueTreatment=\"asIs\"";
        break;
      case 2:
        text +=
            " invalidValueTreatment=\"asValue\" invalidValueReplacement=\"" + Constant(type) + "\"";
        break;
      default:
        break;
    }
    if (number && random_.OneIn(4)) {
      text += random_.OneIn(2) ? " outliers=\"asMissingValues\"" : " outliers=\"asExtremeValues\"";
      text += " lowValue=\"-0.75\" highValue=\"1.5\"";
    }
    if (random_.OneIn(4)) {
      text += " missingValueReplacement=\"" + Constant(type) + "\"";
    } else if (random_.OneIn(8)) {
      text += " missingValueTreatment=\"returnInvalid\"";
    }
    return text;
  }
  std::string PredicateText(size_t depth) {
    const size_t field = random_.Below(fields_.size());
    const DataType type = fields_[field].type;
    const bool number = type == DataType::kInteger || type == DataType::kNumber;
    const std::string named = " field=\"" + Name(field) + "\"";
    switch (random_.Below(depth > 2 ? 4 : 6)) {
      case 0:
        return random_.OneIn(4) ? "<False/>"
                                : "<SimplePredicate" + named + " operator=\"isMissing\"/>";
      case 1: {
        std::string items;
        for (uint64_t n = random_.Below(4); n > 0; --n) items += Constant(type) + " ";
        return "<SimpleSetPredicate" + named + " booleanOperator=\"" +
               (random_.OneIn(2) ? "isIn" : "isNotIn") + "\"><Array type=\"string\">" + items +
               "</Array></SimpleSetPredicate>";
      }
      case 2:
      case 3: {
        const char* operators[] = {"equal",       "notEqual",    "lessThan",
                                   "lessOrEqual", "greaterThan", "greaterOrEqual"};
        return "<SimplePredicate" + named + " operator=\"" +
               operators[random_.Below(number ? 6 : 2)] + "\" value=\"" + Constant(type) + "\"/>";
      }
      default: {
        const char* operators[] = {"and", "or", "xor", "surrogate"};
        std::string text = "<CompoundPredicate booleanOperator=\"" +
                           std::string(operators[random_.Below(4)]) + "\">";
        for (uint64_t n = 2 + random_.Below(2); n > 0; --n) text += PredicateText(depth + 1);
        return text + "</CompoundPredicate>";
      }
    }
  }
  std::string ExpressionText(size_t depth) {
    const size_t field = random_.Below(fields_.size());
    const bool number =
        fields_[field].type == DataType::kInteger || fields_[field].type == DataType::kNumber;
    if (depth > 2 || random_.OneIn(3)) {
      if (!number) return "<Constant>" + Points() + "</Constant>";
      return "<FieldRef field=\"" + Name(field) + "\"" +
             (random_.OneIn(2) ? " mapMissingTo=\"" + Points() + "\"" : "") + "/>";
    }
    const char* functions[] = {"+", "-", "*", "/"};
    return std::string("<Apply function=\"") + functions[random_.Below(4)] + "\"" +
           (random_.OneIn(4) ? " defaultValue=\"" + Points() + "\"" : "") + ">" +
           ExpressionText(depth + 1) + ExpressionText(depth + 1) + "</Apply>";
  }
  std::string CharacteristicText() {
    std::string text = "<Characteristic reasonCode=\"R" + std::to_string(random_.Below(4)) + "\">";
    for (uint64_t n = 1 + random_.Below(4); n > 0; --n) {
      text += "<Attribute partialScore=\"" + Points() + "\"";
      if (random_.OneIn(4)) text += " reasonCode=\"S" + std::to_string(random_.Below(3)) + "\"";
      text += ">" + PredicateText(0);
      if (complex_ && random_.OneIn(2)) {
        text += "<ComplexPartialScore>" + ExpressionText(0) + "</ComplexPartialScore>";
      }
      text += "</Attribute>";
    }
    if (!random_.OneIn(10))
      text += "<Attribute partialScore=\"" + Points() + "\"><True/></Attribute>";
    return text + "</Characteristic>";
  }

  Random& random_;
  std::vector<RandomField> fields_;
  bool complex_ = false;
  bool codes_ = true;
};

TEST(ScorecardDifferential, BoundModelsAgreeWithTheNaiveTwin) {
  size_t scored = 0;
  size_t failed = 0;
  for (uint64_t seed = 1; seed <= 1500; ++seed) {
    Random random(seed);
    RandomModel made(&random);
    const std::string text = made.Text();
    Imported imported = Import(text);
    ASSERT_NE(imported.model, nullptr) << "seed " << seed << "\n" << imported.Text() << text;
    const auto card =
        Scorecard::Bind(imported.model, made.Slots(), RandomModel::kBase, &imported.diagnostics);
    ASSERT_TRUE(card.has_value()) << "seed " << seed << "\n" << imported.Text();
    ScoreResult result;
    std::vector<Value> slots;
    std::map<std::string, NaiveValue> naive;
    for (int i = 0; i < 40; ++i) {
      made.Input(&slots, &naive);
      card->Score(slots, &result);
      const NaiveScore expected = ScoreNaively(*imported.model, naive);
      ASSERT_EQ(result.ok(), expected.points.has_value()) << "seed " << seed << "\n" << text;
      if (!result.ok()) {
        ++failed;
        continue;
      }
      ++scored;
      ASSERT_EQ(result.points, *expected.points) << "seed " << seed << "\n" << text;
      ASSERT_EQ(result.reasons.size(), expected.reasons.size()) << "seed " << seed << "\n" << text;
      for (size_t r = 0; r < result.reasons.size(); ++r) {
        ASSERT_EQ(result.reasons[r].code, expected.reasons[r].first) << "seed " << seed << "\n"
                                                                     << text;
        ASSERT_EQ(result.reasons[r].points, expected.reasons[r].second) << "seed " << seed;
      }
    }
  }
  // Both ways out are met often enough to mean something.
  EXPECT_GT(scored, 10'000U);
  EXPECT_GT(failed, 1'000U);
}

}  // namespace
}  // namespace credence::model
