#include "src/model/pmml.h"

#include <algorithm>
#include <map>
#include <pugixml.hpp>

#include "src/model/pmml_predicate.h"
#include "src/model/pmml_reader.h"
#include "src/model/pmml_verification.h"
#include "src/model/pmml_xml.h"

namespace credence::model {
namespace {

struct DataField {
  DataType type = DataType::kString;
  std::vector<Constant> valid_values;
  std::vector<Constant> missing_values;
  std::vector<Constant> invalid_values;
  std::vector<Interval> intervals;
};

class Importer {
 public:
  Importer(std::string_view text, std::string_view file, std::vector<Diagnostic>* diagnostics)
      : file_(file), diagnostics_(diagnostics), reader_(text, file, diagnostics) {}

  std::shared_ptr<const ScorecardModel> Import(pugi::xml_node root) {
    model_ = std::make_shared<ScorecardModel>();
    model_->file = file_;
    if (!reader_.EnterRoot(root)) return nullptr;
    reader_.CheckAttributes(root, {"version"});
    const std::vector<pugi::xml_node> children =
        reader_.Children(root, {"Header", "DataDictionary", "Scorecard"}, {"MiningBuildTask"});
    if (const pugi::xml_node header = reader_.One(children, "Header")) ReadHeader(header);
    const pugi::xml_node dictionary = reader_.One(children, "DataDictionary");
    const pugi::xml_node scorecard = reader_.One(children, "Scorecard");
    if (!dictionary)
      reader_.Error(reader_.At(root), "missing-element", "there is no DataDictionary");
    if (!scorecard) reader_.Error(reader_.At(root), "missing-element", "there is no Scorecard");
    if (!dictionary || !scorecard) return nullptr;
    ReadDictionary(dictionary);
    ReadScorecard(scorecard);
    if (reader_.failed()) return nullptr;
    return model_;
  }

 private:
  void ReadHeader(pugi::xml_node node) {
    reader_.CheckAttributes(node, {"copyright", "description", "modelVersion"});
    reader_.Children(node, {"Application", "Annotation", "Timestamp"});
  }

  void ReadDictionary(pugi::xml_node node) {
    reader_.CheckAttributes(node, {"numberOfFields"});
    const std::vector<pugi::xml_node> fields = reader_.Children(node, {"DataField"});
    const std::optional<uint32_t> count = reader_.Count(node, "numberOfFields");
    if (count && *count != fields.size()) {
      reader_.Error(reader_.At(node, "numberOfFields"), "bad-number",
                    "numberOfFields is " + std::to_string(*count) + ", but there are " +
                        std::to_string(fields.size()));
    }
    for (const pugi::xml_node field : fields) ReadDataField(field);
  }

  void ReadDataField(pugi::xml_node node) {
    reader_.CheckAttributes(node, {"name", "displayName", "optype", "dataType", "isCyclic"});
    const std::string_view name = reader_.Required(node, "name");
    reader_.Required(node, "optype");
    reader_.Required(node, "dataType");
    reader_.Choice(node, "optype", true,
                   {{"categorical", true}, {"continuous", true}, {"ordinal", true}});
    reader_.Choice(node, "isCyclic", true, {{"0", true}});
    const std::optional<DataType> type = reader_.Choice(node, "dataType", DataType::kString,
                                                        {{"string", DataType::kString},
                                                         {"integer", DataType::kInteger},
                                                         {"double", DataType::kNumber},
                                                         {"float", DataType::kNumber},
                                                         {"boolean", DataType::kBoolean}});
    DataField field;
    field.type = type.value_or(DataType::kString);
    for (const pugi::xml_node child : reader_.Children(node, {"Value", "Interval"})) {
      if (!type) continue;
      if (reader_.Local(child) == "Value") {
        ReadValue(child, &field);
      } else {
        ReadInterval(child, &field);
      }
    }
    if (name.empty()) return;
    if (!dictionary_.emplace(name, std::move(field)).second) {
      reader_.Error(reader_.At(node, "name"), "duplicate-name",
                    "there is another DataField '" + std::string(name) + "'");
    }
    dictionary_names_.emplace_back(name);
  }

  void ReadValue(pugi::xml_node node, DataField* field) {
    reader_.CheckAttributes(node, {"value", "displayValue", "property"});
    reader_.Children(node, {});
    enum class Property { kValid, kInvalid, kMissing };
    const std::optional<Property> property = reader_.Choice(node, "property", Property::kValid,
                                                            {{"valid", Property::kValid},
                                                             {"invalid", Property::kInvalid},
                                                             {"missing", Property::kMissing}});
    if (!PmmlReader::Has(node, "value")) {
      return reader_.Error(reader_.At(node), "missing-attribute",
                           "Value needs the attribute 'value'");
    }
    std::optional<Constant> value = reader_.ParseConstant(
        reader_.At(node, "value"), PmmlReader::Text(node, "value"), field->type);
    if (!value || !property) return;
    auto& list = *property == Property::kValid     ? field->valid_values
                 : *property == Property::kInvalid ? field->invalid_values
                                                   : field->missing_values;
    list.push_back(std::move(*value));
  }

  void ReadInterval(pugi::xml_node node, DataField* field) {
    reader_.CheckAttributes(node, {"closure", "leftMargin", "rightMargin"});
    reader_.Children(node, {});
    reader_.Required(node, "closure");
    const auto closure = reader_.Choice(node, "closure", std::pair{true, true},
                                        {{"openClosed", std::pair{false, true}},
                                         {"openOpen", std::pair{false, false}},
                                         {"closedOpen", std::pair{true, false}},
                                         {"closedClosed", std::pair{true, true}}});
    if (field->type != DataType::kInteger && field->type != DataType::kNumber) {
      return reader_.Error(reader_.At(node), "bad-type", "only numbers have intervals");
    }
    Interval interval;
    interval.left = reader_.Number(node, "leftMargin");
    interval.right = reader_.Number(node, "rightMargin");
    if (!closure) return;
    interval.left_closed = closure->first;
    interval.right_closed = closure->second;
    field->intervals.push_back(interval);
  }

  void ReadScorecard(pugi::xml_node node) {
    reader_.CheckAttributes(
        node, {"modelName", "functionName", "algorithmName", "initialScore", "useReasonCodes",
               "reasonCodeAlgorithm", "baselineScore", "baselineMethod", "isScorable"});
    reader_.Required(node, "functionName");
    reader_.Choice(node, "functionName", true, {{"regression", true}});
    reader_.Choice(node, "isScorable", true, {{"true", true}, {"1", true}});
    reader_.Choice(
        node, "baselineMethod", true,
        {{"other", true}, {"max", true}, {"min", true}, {"mean", true}, {"neutral", true}});
    model_->name = PmmlReader::Text(node, "modelName");
    model_->initial_score = reader_.Number(node, "initialScore").value_or(Decimal());
    model_->use_reason_codes = reader_.Boolean(node, "useReasonCodes").value_or(true);
    model_->reason_algorithm =
        reader_
            .Choice(node, "reasonCodeAlgorithm", ReasonAlgorithm::kPointsBelow,
                    {{"pointsBelow", ReasonAlgorithm::kPointsBelow},
                     {"pointsAbove", ReasonAlgorithm::kPointsAbove}})
            .value_or(ReasonAlgorithm::kPointsBelow);
    baseline_ = reader_.Number(node, "baselineScore");
    const std::vector<pugi::xml_node> children =
        reader_.Children(node, {"MiningSchema", "Output", "Characteristics", "ModelVerification"},
                         {"ModelStats", "ModelExplanation"});
    const pugi::xml_node schema = reader_.One(children, "MiningSchema");
    const pugi::xml_node output = reader_.One(children, "Output");
    const pugi::xml_node characteristics = reader_.One(children, "Characteristics");
    const pugi::xml_node verification = reader_.One(children, "ModelVerification");
    if (!schema) reader_.Error(reader_.At(node), "missing-element", "there is no MiningSchema");
    if (!characteristics) {
      reader_.Error(reader_.At(node), "missing-element", "there are no Characteristics");
    }
    if (!schema || !characteristics) return;
    ReadMiningSchema(schema);
    if (output) ReadOutput(output);
    ReadCharacteristics(characteristics);
    if (verification && !reader_.failed()) {
      VerifyModel(verification, model_, &reader_, diagnostics_);
    }
  }

  void ReadMiningSchema(pugi::xml_node node) {
    reader_.CheckAttributes(node, {});
    for (const pugi::xml_node field : reader_.Children(node, {"MiningField"})) {
      ReadMiningField(field);
    }
    if (model_->inputs.size() > kInputsMax) {
      reader_.Error(reader_.At(node), "limit",
                    "a model may read at most " + std::to_string(kInputsMax) + " fields");
    }
  }

  void ReadMiningField(pugi::xml_node node) {
    reader_.CheckAttributes(
        node, {"name", "usageType", "optype", "importance", "outliers", "lowValue", "highValue",
               "missingValueReplacement", "missingValueTreatment", "invalidValueTreatment",
               "invalidValueReplacement"});
    reader_.Children(node, {});
    enum class Usage { kActive, kTarget, kOther };
    const std::optional<Usage> usage = reader_.Choice(node, "usageType", Usage::kActive,
                                                      {{"active", Usage::kActive},
                                                       {"target", Usage::kTarget},
                                                       {"predicted", Usage::kTarget},
                                                       {"supplementary", Usage::kOther},
                                                       {"group", Usage::kOther},
                                                       {"order", Usage::kOther},
                                                       {"frequencyWeight", Usage::kOther},
                                                       {"analysisWeight", Usage::kOther}});
    const std::string_view name = reader_.Required(node, "name");
    if (!usage || name.empty()) return;
    if (std::find(schema_names_.begin(), schema_names_.end(), name) != schema_names_.end()) {
      return reader_.Error(reader_.At(node, "name"), "duplicate-name",
                           "there is another MiningField '" + std::string(name) + "'");
    }
    schema_names_.emplace_back(name);
    const auto declared = dictionary_.find(std::string(name));
    if (declared == dictionary_.end()) {
      return reader_.Error(reader_.At(node, "name"), "unknown-field",
                           "'" + std::string(name) + "' is not in the data dictionary",
                           PmmlReader::Nearest(name, dictionary_names_));
    }
    if (*usage == Usage::kTarget) {
      if (!model_->target.empty()) {
        reader_.Error(reader_.At(node), "duplicate-element", "there is a second target");
      }
      model_->target = name;
      return;
    }
    if (*usage == Usage::kOther) return;
    InputField input;
    input.name = name;
    input.position = reader_.At(node);
    input.type = declared->second.type;
    input.valid_values = declared->second.valid_values;
    input.missing_values = declared->second.missing_values;
    input.invalid_values = declared->second.invalid_values;
    input.intervals = declared->second.intervals;
    ReadTreatments(node, &input);
    model_->inputs.push_back(std::move(input));
  }

  void ReadTreatments(pugi::xml_node node, InputField* input) {
    using Invalid = InvalidValueTreatment;
    input->invalid_treatment = reader_
                                   .Choice(node, "invalidValueTreatment", Invalid::kReturnInvalid,
                                           {{"returnInvalid", Invalid::kReturnInvalid},
                                            {"asIs", Invalid::kAsIs},
                                            {"asMissing", Invalid::kAsMissing},
                                            {"asValue", Invalid::kAsValue}})
                                   .value_or(Invalid::kReturnInvalid);
    input->outlier_treatment = reader_
                                   .Choice(node, "outliers", OutlierTreatment::kAsIs,
                                           {{"asIs", OutlierTreatment::kAsIs},
                                            {"asMissingValues", OutlierTreatment::kAsMissing},
                                            {"asExtremeValues", OutlierTreatment::kAsExtreme}})
                                   .value_or(OutlierTreatment::kAsIs);
    // How the replacement was found does not matter here; that it is there does.
    enum class Missing { kAsIs, kReplaced, kReturnInvalid };
    const std::optional<Missing> missing =
        reader_.Choice(node, "missingValueTreatment", Missing::kAsIs,
                       {{"asIs", Missing::kAsIs},
                        {"asMean", Missing::kReplaced},
                        {"asMode", Missing::kReplaced},
                        {"asMedian", Missing::kReplaced},
                        {"asValue", Missing::kReplaced},
                        {"returnInvalid", Missing::kReturnInvalid}});
    input->missing_is_invalid = missing == Missing::kReturnInvalid;
    input->low_value = reader_.Number(node, "lowValue");
    input->high_value = reader_.Number(node, "highValue");
    input->missing_replacement = Replacement(node, "missingValueReplacement", *input);
    input->invalid_replacement = Replacement(node, "invalidValueReplacement", *input);
    if (input->missing_is_invalid && input->missing_replacement) {
      reader_.Error(reader_.At(node, "missingValueReplacement"), "contradiction",
                    "missing values cannot be both refused and replaced");
    }
    if (missing == Missing::kReplaced && !input->missing_replacement) {
      reader_.Error(reader_.At(node, "missingValueTreatment"), "missing-attribute",
                    "this treatment needs the attribute 'missingValueReplacement'");
    }
    if ((input->invalid_treatment == Invalid::kAsValue) != input->invalid_replacement.has_value()) {
      reader_.Error(reader_.At(node, "invalidValueTreatment"), "missing-attribute",
                    "invalidValueReplacement and invalidValueTreatment=\"asValue\" go together");
    }
    if (input->outlier_treatment == OutlierTreatment::kAsIs) return;
    if (input->type != DataType::kInteger && input->type != DataType::kNumber) {
      reader_.Error(reader_.At(node, "outliers"), "bad-type", "only numbers have outliers");
    }
    if (!input->low_value || !input->high_value) {
      reader_.Error(reader_.At(node, "outliers"), "missing-attribute",
                    "outliers need the attributes 'lowValue' and 'highValue'");
    }
  }

  std::optional<Constant> Replacement(pugi::xml_node node, const char* attribute,
                                      const InputField& input) {
    if (!PmmlReader::Has(node, attribute)) return std::nullopt;
    return reader_.ParseConstant(reader_.At(node, attribute), PmmlReader::Text(node, attribute),
                                 input.type);
  }

  void ReadOutput(pugi::xml_node node) {
    reader_.CheckAttributes(node, {});
    for (const pugi::xml_node field : reader_.Children(node, {"OutputField"})) {
      reader_.CheckAttributes(field, {"name", "displayName", "optype", "dataType", "targetField",
                                      "feature", "rank", "isFinalResult"});
      reader_.Children(field, {});
      OutputField output;
      output.name = reader_.Required(field, "name");
      using Feature = OutputField::Feature;
      const std::optional<Feature> feature = reader_.Choice(
          field, "feature", Feature::kPredictedValue,
          {{"predictedValue", Feature::kPredictedValue}, {"reasonCode", Feature::kReasonCode}});
      output.feature = feature.value_or(Feature::kPredictedValue);
      output.rank = reader_.Count(field, "rank").value_or(1);
      if (output.rank == 0) {
        reader_.Error(reader_.At(field, "rank"), "bad-number", "ranks begin with 1");
      }
      if (feature == Feature::kReasonCode && !model_->use_reason_codes) {
        reader_.Error(reader_.At(field, "feature"), "contradiction",
                      "the scorecard has useReasonCodes=\"false\"");
      }
      model_->outputs.push_back(std::move(output));
    }
  }

  void ReadCharacteristics(pugi::xml_node node) {
    reader_.CheckAttributes(node, {});
    PredicateReader predicates(&reader_, &model_->inputs);
    for (const pugi::xml_node child : reader_.Children(node, {"Characteristic"})) {
      ReadCharacteristic(child, &predicates);
    }
    if (model_->characteristics.empty()) {
      reader_.Error(reader_.At(node), "too-few", "Characteristics needs a Characteristic");
    }
    if (model_->characteristics.size() > kCharacteristicsMax) {
      reader_.Error(reader_.At(node), "limit",
                    "a scorecard may have at most " + std::to_string(kCharacteristicsMax) +
                        " characteristics");
    }
  }

  void ReadCharacteristic(pugi::xml_node node, PredicateReader* predicates) {
    reader_.CheckAttributes(node, {"name", "reasonCode", "baselineScore"});
    Characteristic characteristic;
    characteristic.position = reader_.At(node);
    characteristic.name = PmmlReader::Text(node, "name");
    const std::string_view code = PmmlReader::Text(node, "reasonCode");
    const std::optional<Decimal> own_baseline = reader_.Number(node, "baselineScore");
    if (model_->use_reason_codes && !own_baseline && !baseline_ &&
        !PmmlReader::Has(node, "baselineScore")) {
      reader_.Error(reader_.At(node), "missing-attribute",
                    "reason codes need a baselineScore here or at the Scorecard");
    }
    characteristic.baseline = own_baseline.value_or(baseline_.value_or(Decimal()));
    for (const pugi::xml_node child : reader_.Children(node, {"Attribute"})) {
      ReadAttribute(child, code, predicates, &characteristic);
    }
    if (characteristic.attributes.size() > kAttributesMax) {
      reader_.Error(
          reader_.At(node), "limit",
          "a characteristic may have at most " + std::to_string(kAttributesMax) + " attributes");
    }
    if (node.find_child([&](pugi::xml_node n) { return reader_.Local(n) == "Attribute"; })) {
      WarnOfManyFields(characteristic);
    } else {
      reader_.Error(reader_.At(node), "too-few", "Characteristic needs an Attribute");
    }
    model_->characteristics.push_back(std::move(characteristic));
  }

  void ReadAttribute(pugi::xml_node node, std::string_view characteristic_code,
                     PredicateReader* predicates, Characteristic* characteristic) {
    reader_.CheckAttributes(node, {"reasonCode", "partialScore"});
    Attribute attribute;
    attribute.position = reader_.At(node);
    const std::string_view own_code = PmmlReader::Text(node, "reasonCode");
    if (model_->use_reason_codes) {
      attribute.reason_code = own_code.empty() ? characteristic_code : own_code;
      if (attribute.reason_code.empty()) {
        reader_.Error(reader_.At(node), "missing-attribute",
                      "reason codes are in use, but neither this Attribute nor its "
                      "Characteristic has a reasonCode");
      }
    }
    const std::optional<Decimal> points = reader_.Number(node, "partialScore");
    attribute.partial_score = points.value_or(Decimal());
    const std::vector<pugi::xml_node> children =
        reader_.Children(node, {"SimplePredicate", "CompoundPredicate", "SimpleSetPredicate",
                                "True", "False", "ComplexPartialScore"});
    pugi::xml_node predicate;
    for (const pugi::xml_node child : children) {
      if (reader_.Local(child) == "ComplexPartialScore") continue;
      if (predicate) {
        reader_.Error(reader_.At(child), "bad-count", "Attribute has one predicate, not two");
      }
      predicate = child;
    }
    const pugi::xml_node complex = reader_.One(children, "ComplexPartialScore");
    if (complex) attribute.complex = predicates->ReadComplexScore(complex);
    if (!complex && !PmmlReader::Has(node, "partialScore")) {
      reader_.Error(reader_.At(node), "missing-attribute",
                    "Attribute needs the attribute 'partialScore' or a ComplexPartialScore");
    }
    if (!predicate) {
      return reader_.Error(reader_.At(node), "missing-element", "Attribute needs a predicate");
    }
    std::optional<Predicate> read = predicates->ReadPredicate(predicate);
    if (!read) return;
    attribute.predicate = std::move(*read);
    characteristic->attributes.push_back(std::move(attribute));
  }

  // The standard wants one field per characteristic; files with more exist and have one clear
  // meaning.
  void WarnOfManyFields(const Characteristic& characteristic) {
    std::optional<uint32_t> field;
    bool many = false;
    const auto visit = [&](const auto& self, const Predicate& predicate) -> void {
      for (const Predicate& child : predicate.children) self(self, child);
      const bool names_field = predicate.children.empty() && predicate.op != Predicate::Op::kTrue &&
                               predicate.op != Predicate::Op::kFalse;
      if (!names_field) return;
      many = many || (field && *field != predicate.field);
      field = predicate.field;
    };
    for (const Attribute& attribute : characteristic.attributes) visit(visit, attribute.predicate);
    if (many) {
      reader_.Warn(characteristic.position, "many-fields",
                   "the predicates of a characteristic should read one field");
    }
  }

  std::string_view file_;
  std::vector<Diagnostic>* diagnostics_;
  PmmlReader reader_;
  std::shared_ptr<ScorecardModel> model_;
  std::map<std::string, DataField> dictionary_;
  std::vector<std::string> dictionary_names_;
  std::vector<std::string> schema_names_;
  std::optional<Decimal> baseline_;
};

}  // namespace

std::shared_ptr<const ScorecardModel> ImportPmml(std::string_view text, std::string_view file,
                                                 std::vector<Diagnostic>* diagnostics) {
  const auto fail = [&](Position at, std::string code, std::string message) {
    diagnostics->push_back({Severity::kError, std::string(file), at.line, at.column,
                            std::move(code), std::move(message), ""});
    return nullptr;
  };
  if (text.size() > kPmmlBytesMax) {
    return fail({}, "limit",
                "a model may have at most " + std::to_string(kPmmlBytesMax) + " bytes");
  }
  const XmlProblem problem = CheckXml(text, kXmlDepthMax);
  if (!problem.message.empty()) {
    return fail(XmlPositions(text).At(problem.offset), problem.code, problem.message);
  }
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  pugi::xml_document document;
  const pugi::xml_parse_result parsed =
      document.load_buffer(text.data(), text.size(),
                           pugi::parse_default | pugi::parse_ws_pcdata_single, pugi::encoding_utf8);
  if (!parsed) {
    return fail(XmlPositions(text).At(static_cast<size_t>(parsed.offset)), "xml-syntax",
                parsed.description());
  }
  return Importer(text, file, diagnostics).Import(document.document_element());
}

}  // namespace credence::model
