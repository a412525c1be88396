// Any bytes: the importer returns a model or an error with a diagnostic, never both and never
// neither, and a model that it accepts can be bound and scored.

#include <string>
#include <vector>

#include "src/base/assert.h"
#include "src/model/pmml.h"
#include "src/model/scorecard.h"

namespace credence::model {
namespace {

record::SlotType SlotOf(DataType type) {
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

record::Value SomeValue(DataType type) {
  switch (type) {
    case DataType::kString:
      return record::Value::String("a");
    case DataType::kInteger:
      return record::Value::Integer(-7);
    case DataType::kNumber:
      return record::Value::OfDecimal(Decimal::FromScaled(15, -1));
    case DataType::kBoolean:
      return record::Value::Boolean(true);
  }
  return {};
}

}  // namespace
}  // namespace credence::model

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace credence::model;  // NOLINT(google-build-using-namespace)
  std::vector<credence::Diagnostic> diagnostics;
  const auto model =
      ImportPmml({reinterpret_cast<const char*>(data), size}, "fuzz.pmml", &diagnostics);
  CREDENCE_ASSERT((model == nullptr) == credence::HasErrors(diagnostics));
  if (model == nullptr) return 0;
  std::vector<InputSlot> slots;
  std::vector<credence::record::Value> values;
  for (const InputField& input : model->inputs) {
    slots.push_back({input.name, static_cast<uint32_t>(slots.size()), SlotOf(input.type)});
    values.push_back(SomeValue(input.type));
  }
  const auto card = Scorecard::Bind(model, slots, credence::Currency(), &diagnostics);
  CREDENCE_ASSERT(card.has_value());
  ScoreResult result;
  card->Score(values, &result);
  for (auto& value : values) value = credence::record::Value();
  card->Score(values, &result);
  return 0;
}
