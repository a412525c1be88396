#include "src/api/problem.h"

#include "src/api/json_writer.h"

namespace credence::api {

void WriteProblem(const Problem& problem, JsonWriter* out) {
  out->TextMember("type", std::string(kProblemTypePrefix) + problem.code);
  out->TextMember("title", problem.title);
  out->Key("status");
  out->Integer(problem.status);
  if (!problem.field.empty()) out->TextMember("field", problem.field);
  out->TextMember("expected", problem.expected);
}

std::string ToJson(const Problem& problem) {
  JsonWriter out;
  out.BeginObject();
  WriteProblem(problem, &out);
  out.EndObject();
  return out.Finish();
}

}  // namespace credence::api
