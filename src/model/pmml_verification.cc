#include "src/model/pmml_verification.h"

#include <algorithm>
#include <map>

#include "src/model/scorecard.h"

namespace credence::model {
namespace {

struct Field {
  std::string name;
  std::string column;
  Decimal precision;
  Decimal zero_threshold;
  std::optional<uint32_t> input;
  const OutputField* output = nullptr;  // neither: the target
};

record::SlotType SlotTypeOf(DataType type) {
  switch (type) {
    case DataType::kString:
      return record::SlotType::kString;
    case DataType::kInteger:
      return record::SlotType::kInteger;
    case DataType::kNumber:
      return record::SlotType::kDecimal;
    case DataType::kBoolean:
      return record::SlotType::kBoolean;
  }
  return record::SlotType::kString;
}

bool Agrees(Decimal expected, Decimal actual, const Field& field) {
  if (expected.Abs() <= field.zero_threshold) return actual.Abs() <= field.zero_threshold;
  return (actual - expected).Abs() <= field.precision * expected.Abs();
}

class Verifier {
 public:
  Verifier(const std::shared_ptr<ScorecardModel>& model, PmmlReader* reader,
           std::vector<Diagnostic>* diagnostics)
      : model_(model), reader_(reader), diagnostics_(diagnostics) {}

  void Run(pugi::xml_node node) {
    reader_->CheckAttributes(node, {"recordCount", "fieldCount"});
    const std::vector<pugi::xml_node> children =
        reader_->Children(node, {"VerificationFields", "InlineTable"});
    const pugi::xml_node fields = reader_->One(children, "VerificationFields");
    const pugi::xml_node table = reader_->One(children, "InlineTable");
    if (!fields || !table) {
      return reader_->Error(reader_->At(node), "missing-element",
                            "ModelVerification needs VerificationFields and an InlineTable");
    }
    reader_->CheckAttributes(fields, {});
    reader_->CheckAttributes(table, {});
    for (const pugi::xml_node field : reader_->Children(fields, {"VerificationField"})) {
      ReadField(field);
    }
    const std::vector<pugi::xml_node> rows = reader_->Children(table, {"row"});
    CheckCount(node, "fieldCount", fields_.size());
    CheckCount(node, "recordCount", rows.size());
    if (reader_->failed() || !Bind()) return;
    for (const pugi::xml_node row : rows) RunRow(row);
    if (!reader_->failed()) model_->verified_rows = rows.size();
  }

 private:
  void CheckCount(pugi::xml_node node, const char* attribute, size_t actual) {
    const std::optional<uint32_t> count = reader_->Count(node, attribute);
    if (!count || *count == actual) return;
    reader_->Error(reader_->At(node, attribute), "bad-number",
                   std::string(attribute) + " is " + std::to_string(*count) + ", but there are " +
                       std::to_string(actual));
  }

  void ReadField(pugi::xml_node node) {
    reader_->CheckAttributes(node, {"field", "column", "precision", "zeroThreshold"});
    reader_->Children(node, {});
    Field field;
    field.name = reader_->Required(node, "field");
    const std::string_view column = PmmlReader::Text(node, "column");
    field.column = column.empty() ? std::string_view(field.name) : column;
    const size_t colon = field.column.find(':');  // a prefix names a namespace, not the column
    if (colon != std::string::npos) field.column.erase(0, colon + 1);
    field.precision = reader_->Number(node, "precision").value_or(Decimal::FromScaled(1, -6));
    field.zero_threshold =
        reader_->Number(node, "zeroThreshold").value_or(Decimal::FromScaled(1, -16));
    std::vector<std::string> names;
    for (size_t i = 0; i < model_->inputs.size(); ++i) {
      if (model_->inputs[i].name == field.name) field.input = static_cast<uint32_t>(i);
      names.push_back(model_->inputs[i].name);
    }
    for (const OutputField& output : model_->outputs) {
      if (output.name == field.name) field.output = &output;
      names.push_back(output.name);
    }
    names.push_back(model_->target);
    const bool known = field.input || field.output != nullptr ||
                       (!field.name.empty() && field.name == model_->target);
    if (!known && !field.name.empty()) {
      reader_->Error(reader_->At(node, "field"), "unknown-field",
                     "'" + field.name + "' is neither an input nor an output",
                     PmmlReader::Nearest(field.name, names));
    }
    for (const Field& other : fields_) {
      if (other.column != field.column) continue;
      reader_->Error(reader_->At(node), "duplicate-name",
                     "the column '" + field.column + "' is named twice");
    }
    fields_.push_back(std::move(field));
  }

  bool Bind() {
    std::vector<InputSlot> slots;
    for (const InputField& input : model_->inputs) {
      slots.push_back({input.name, static_cast<uint32_t>(slots.size()), SlotTypeOf(input.type)});
    }
    scorecard_ = Scorecard::Bind(model_, slots, Currency(), diagnostics_);
    return scorecard_.has_value();
  }

  // The row's cells by column, or nothing after an error.
  std::optional<std::map<std::string, std::string, std::less<>>> Cells(pugi::xml_node row) {
    std::map<std::string, std::string, std::less<>> cells;
    for (const pugi::xml_node cell : row.children()) {
      if (cell.type() != pugi::node_element) continue;
      std::string_view column = cell.name();
      const size_t colon = column.find(':');
      if (colon != std::string_view::npos) column.remove_prefix(colon + 1);
      const bool known = std::any_of(fields_.begin(), fields_.end(),
                                     [&](const Field& f) { return f.column == column; });
      if (!known || !cells.emplace(column, cell.text().get()).second) {
        reader_->Error(reader_->At(cell), known ? "duplicate-name" : "unknown-field",
                       "the column '" + std::string(column) +
                           (known ? "' is given twice" : "' is not a verification field"));
        return std::nullopt;
      }
    }
    return cells;
  }

  void RunRow(pugi::xml_node row) {
    ++row_number_;
    const auto cells = Cells(row);
    if (!cells) return;
    std::vector<record::Value> slots(model_->inputs.size());
    std::vector<Constant> constants(model_->inputs.size());  // own the text of `slots`
    for (const Field& field : fields_) {
      const auto cell = cells->find(field.column);
      if (!field.input || cell == cells->end()) continue;
      const DataType type = model_->inputs[*field.input].type;
      std::optional<Constant> constant =
          reader_->ParseConstant(reader_->At(row), cell->second, type);
      if (!constant) return;
      constants[*field.input] = std::move(*constant);
      const Constant& kept = constants[*field.input];
      slots[*field.input] = ValueOf(kept);
      if (type == DataType::kInteger && slots[*field.input].absent()) {
        return reader_->Error(reader_->At(row), "bad-value",
                              "'" + field.name + "' is not an integer");
      }
    }
    scorecard_->Score(slots, &result_);
    for (const Field& field : fields_) {
      const auto cell = cells->find(field.column);
      if (!field.input && cell != cells->end()) Compare(row, field, cell->second);
    }
  }

  static record::Value ValueOf(const Constant& constant) {
    switch (constant.type) {
      case DataType::kString:
        return record::Value::String(constant.text);
      case DataType::kBoolean:
        return record::Value::Boolean(constant.boolean);
      case DataType::kNumber:
        return record::Value::OfDecimal(constant.number);
      case DataType::kInteger: {
        const std::optional<int64_t> value = constant.number.ToInt64();
        return value ? record::Value::Integer(*value) : record::Value();
      }
    }
    return {};
  }

  void Compare(pugi::xml_node row, const Field& field, const std::string& expected) {
    std::string actual;
    bool agrees = false;
    if (!result_.ok()) {
      actual = "no score (" + std::string(ScoreFailureName(result_.failure)) + ")";
    } else if (field.output != nullptr &&
               field.output->feature == OutputField::Feature::kReasonCode) {
      actual = result_.ReasonCode(field.output->rank);
      agrees = actual == expected;
    } else {
      actual = result_.points.ToString();
      const std::optional<Decimal> number = ParseNumber(expected);
      agrees = number && Agrees(*number, result_.points, field);
    }
    if (agrees) return;
    reader_->Error(reader_->At(row), "verification",
                   "row " + std::to_string(row_number_) + ": '" + field.name + "' is " + actual +
                       ", but the file says " + expected);
  }

  std::shared_ptr<ScorecardModel> model_;
  PmmlReader* reader_;
  std::vector<Diagnostic>* diagnostics_;
  std::vector<Field> fields_;
  std::optional<Scorecard> scorecard_;
  ScoreResult result_;
  size_t row_number_ = 0;
};

}  // namespace

void VerifyModel(pugi::xml_node node, const std::shared_ptr<ScorecardModel>& model,
                 PmmlReader* reader, std::vector<Diagnostic>* diagnostics) {
  Verifier(model, reader, diagnostics).Run(node);
}

}  // namespace credence::model
