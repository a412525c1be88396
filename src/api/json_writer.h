#pragma once
// The one way in which this folder writes JSON: RapidJSON's writer over a std::string, members in
// the order in which they are written, one line.

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "src/api/problem.h"

namespace credence::api {

class JsonWriter {
 public:
  void BeginObject() { writer_.StartObject(); }
  void EndObject() { writer_.EndObject(); }
  void BeginArray() { writer_.StartArray(); }
  void EndArray() { writer_.EndArray(); }
  void Key(std::string_view name) {
    writer_.Key(name.data(), static_cast<rapidjson::SizeType>(name.size()));
  }
  void Text(std::string_view text) {
    writer_.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
  }
  void Integer(int64_t value) { writer_.Int64(value); }
  void Boolean(bool value) { writer_.Bool(value); }
  void Null() { writer_.Null(); }
  // `digits` is a JSON number: kept digit for digit, never through a double.
  void Number(std::string_view digits) {
    writer_.RawValue(digits.data(), digits.size(), rapidjson::kNumberType);
  }
  void TextMember(std::string_view name, std::string_view text) {
    Key(name);
    Text(text);
  }
  // Null where the text is empty.
  void OptionalTextMember(std::string_view name, std::string_view text) {
    Key(name);
    if (text.empty()) {
      Null();
    } else {
      Text(text);
    }
  }
  [[nodiscard]] std::string Finish() const { return {buffer_.GetString(), buffer_.GetSize()}; }

 private:
  rapidjson::StringBuffer buffer_;
  rapidjson::Writer<rapidjson::StringBuffer> writer_{buffer_};
};

// The members of a problem, between BeginObject and EndObject.
void WriteProblem(const Problem& problem, JsonWriter* out);

}  // namespace credence::api
