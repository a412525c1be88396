#include "apps/feel_json.h"

#include "src/api/json_writer.h"

namespace credence::apps {

std::optional<feel::Value> ReadContext(std::string_view text, ZoneSource* zones, Arena* arena,
                                       feel::Expression* holder,
                                       std::vector<Diagnostic>* diagnostics) {
  feel::CompileOptions options;
  options.file = "context";
  options.zones = zones;
  options.strictness = feel::Strictness::kStrict;
  auto expression = feel::Compile(text, feel::Scope(), options, diagnostics);
  if (!expression) return std::nullopt;
  *holder = std::move(*expression);
  feel::EvaluationContext context(arena, zones);
  const feel::Value value = holder->Evaluate({}, context);
  if (value.IsContext()) return value;
  diagnostics->push_back({Severity::kError, "context", 0, 0, "wrong-type",
                          "expected a JSON object such as {\"amount\": 12.5}", ""});
  return std::nullopt;
}

namespace {

void Write(const feel::Value& value, api::JsonWriter* out) {
  switch (value.kind()) {
    case feel::Kind::kNull:
      return out->Null();
    case feel::Kind::kBoolean:
      return out->Boolean(value.boolean());
    case feel::Kind::kNumber:
      return out->Number(value.number().ToString());
    case feel::Kind::kList:
      out->BeginArray();
      for (const feel::Value& item : value.list()) Write(item, out);
      return out->EndArray();
    case feel::Kind::kContext:
      out->BeginObject();
      for (const feel::Entry& entry : value.context()) {
        out->Key(entry.name);
        Write(entry.value, out);
      }
      return out->EndObject();
    default:
      return out->Text(feel::ToString(value));
  }
}

}  // namespace

std::string ToJson(const feel::Value& value) {
  api::JsonWriter out;
  Write(value, &out);
  return out.Finish();
}

}  // namespace credence::apps
