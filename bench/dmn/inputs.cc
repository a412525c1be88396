#include "bench/dmn/inputs.h"

#include <fstream>
#include <iterator>
#include <utility>

#include "src/money/decimal.h"

namespace credence::bench {
namespace {

using feel::Value;
namespace json = simdjson::ondemand;

// Error codes are looked at once a line: after an error every accessor gives it again.
simdjson::error_code ReadValue(json::value in, Arena& arena, Value* out);

simdjson::error_code ReadNumber(json::value in, Value* out) {
  std::string_view digits = in.raw_json_token();
  digits = digits.substr(0, digits.find_last_not_of(" \t\r\n") + 1);
  const auto number = Decimal::Parse(digits);
  if (!number) return simdjson::NUMBER_ERROR;
  *out = Value::Number(*number);
  double ignored;
  return in.get(ignored);
}

simdjson::error_code ReadList(json::value in, Arena& arena, Value* out) {
  json::array array;
  if (const auto error = in.get(array)) return error;
  Value items[64];
  size_t count = 0;
  for (auto element : array) {
    json::value item;
    if (const auto error = element.get(item)) return error;
    if (count == std::size(items)) return simdjson::CAPACITY;
    if (const auto error = ReadValue(item, arena, &items[count++])) return error;
  }
  *out = feel::CopyList(arena, std::span(items, count));
  return simdjson::SUCCESS;
}

simdjson::error_code ReadObject(json::value in, Arena& arena, Value* out) {
  json::object object;
  if (const auto error = in.get(object)) return error;
  feel::Entry entries[64];
  size_t count = 0;
  for (auto field : object) {
    std::string_view name;
    json::value value;
    if (const auto error = field.unescaped_key().get(name)) return error;
    if (const auto error = field.value().get(value)) return error;
    if (count == std::size(entries)) return simdjson::CAPACITY;
    entries[count].name = feel::CopyString(arena, name).string();
    if (const auto error = ReadValue(value, arena, &entries[count++].value)) return error;
  }
  *out = feel::CopyContext(arena, std::span(entries, count));
  return simdjson::SUCCESS;
}

simdjson::error_code ReadValue(json::value in, Arena& arena, Value* out) {
  json::json_type type;
  if (const auto error = in.type().get(type)) return error;
  switch (type) {
    case json::json_type::null:
      *out = Value::Null();
      return simdjson::SUCCESS;
    case json::json_type::boolean: {
      bool boolean = false;
      const auto error = in.get(boolean);
      *out = Value::Boolean(boolean);
      return error;
    }
    case json::json_type::string: {
      std::string_view text;
      const auto error = in.get(text);
      if (!error) *out = feel::CopyString(arena, text);
      return error;
    }
    case json::json_type::number:
      return ReadNumber(in, out);
    case json::json_type::array:
      return ReadList(in, arena, out);
    case json::json_type::object:
      return ReadObject(in, arena, out);
  }
  return simdjson::TAPE_ERROR;
}

}  // namespace

Status InputReader::Read(std::string_view line, Arena& arena, std::span<Value> slots) {
  const auto failed = [&](simdjson::error_code error) {
    return InvalidArgument(std::string(simdjson::error_message(error)) + ": " + std::string(line));
  };
  std::fill(slots.begin(), slots.end(), Value());
  json::document document;
  json::object object;
  if (const auto error =
          parser_.iterate(line, line.size() + simdjson::SIMDJSON_PADDING).get(document)) {
    return failed(error);
  }
  if (const auto error = document.get(object)) return failed(error);
  for (auto field : object) {
    std::string_view name;
    if (const auto error = field.unescaped_key().get(name)) return failed(error);
    for (size_t i = 0; i < names_.size(); ++i) {
      if (names_[i] != name) continue;
      json::value value;
      if (const auto error = field.value().get(value)) return failed(error);
      if (const auto error = ReadValue(value, arena, &slots[i])) return failed(error);
      break;
    }
  }
  return OkStatus();
}

Result<LineFile> LineFile::Open(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return NotFound("there is no file " + path);
  LineFile file;
  file.text_.assign(std::istreambuf_iterator<char>(in), {});
  file.starts_.push_back(0);
  for (size_t at = file.text_.find('\n'); at != std::string::npos;
       at = file.text_.find('\n', at + 1)) {
    file.starts_.push_back(at + 1);
  }
  file.text_.append(simdjson::SIMDJSON_PADDING, ' ');
  return file;
}

}  // namespace credence::bench
