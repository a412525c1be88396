// Any bytes: what is taken as an object of known members is JSON, and the elements of an array, put
// together again, are the array.

#include "src/api/json_body.h"
#include "src/base/assert.h"

namespace credence::api {
namespace {

void RunOne(std::string_view bytes) {
  JsonBody body;
  Problem problem;
  std::string text;
  bool flag = false;
  std::vector<std::pair<std::string, std::string>> texts;
  if (body.Parse(bytes, {"a", "b"}, &problem)) {
    static_cast<void>(body.Text("a", 16, &text, &problem));
    CREDENCE_ASSERT(text.size() <= 16);
    static_cast<void>(body.Boolean("b", &flag, &problem));
    static_cast<void>(body.Texts("a", 4, &texts, &problem));
  } else {
    CREDENCE_ASSERT(!problem.code.empty() && !problem.expected.empty());
  }
  std::vector<std::string_view> elements;
  Problem split;
  if (!SplitArray(bytes, 8, &elements, &split)) {
    CREDENCE_ASSERT(!split.code.empty());
    return;
  }
  CREDENCE_ASSERT(elements.size() <= 8);
  // Where the whole is JSON each element is too, and none is lost.
  rapidjson::Document whole;
  constexpr unsigned kFlags =
      rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag;
  whole.Parse<kFlags>(bytes.data(), bytes.size());
  if (whole.HasParseError()) return;
  CREDENCE_ASSERT(whole.IsArray() && whole.Size() == elements.size());
  for (rapidjson::SizeType i = 0; i < whole.Size(); ++i) {
    rapidjson::Document element;
    element.Parse<kFlags>(elements[i].data(), elements[i].size());
    CREDENCE_ASSERT(!element.HasParseError() && element == whole[i]);
  }
}

}  // namespace
}  // namespace credence::api

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  credence::api::RunOne({reinterpret_cast<const char*>(data), size});
  return 0;
}
