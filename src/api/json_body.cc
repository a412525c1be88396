#include "src/api/json_body.h"

#include <rapidjson/error/en.h>

#include <algorithm>

namespace credence::api {

namespace {

Problem Malformed(std::string expected) {
  return {400, "malformed-json", "The body is not JSON", "", std::move(expected)};
}

Problem Invalid(std::string_view name, std::string expected) {
  return {422, "invalid-member", "A member of the body is not what it should be", std::string(name),
          std::move(expected)};
}

std::string_view View(const rapidjson::Value& text) {
  return {text.GetString(), text.GetStringLength()};
}

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

void SkipSpaces(std::string_view text, size_t* at) {
  while (*at < text.size() && IsSpace(text[*at])) ++*at;
}

// Behind the element that begins at `at`: its end is the comma or bracket at its own depth.
size_t EndOfElement(std::string_view text, size_t at) {
  size_t depth = 0;
  bool quoted = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (quoted) {
      if (c == '\\') {
        ++at;
      } else if (c == '"') {
        quoted = false;
      }
      continue;
    }
    if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (depth == 0 && (c == ',' || c == ']')) {
      return at;
    } else if (c == '}' || c == ']') {
      if (depth == 0) return text.size();
      --depth;
    }
  }
  return text.size();
}

}  // namespace

bool JsonBody::Parse(std::string_view text, std::initializer_list<std::string_view> members,
                     Problem* problem) {
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    document_.SetObject();
    return true;
  }
  // No member is a number: none is kept in full precision, whose way through a double is undefined
  // for "0e96" in this library.
  constexpr unsigned kFlags =
      rapidjson::kParseValidateEncodingFlag | rapidjson::kParseIterativeFlag;
  document_.Parse<kFlags>(text.data(), text.size());
  if (document_.HasParseError()) {
    *problem = Malformed("expected JSON of RFC 8259 in UTF-8; the first fault is at byte " +
                         std::to_string(document_.GetErrorOffset()));
    return false;
  }
  if (!document_.IsObject()) {
    *problem = Malformed("expected a JSON object");
    return false;
  }
  for (auto at = document_.MemberBegin(); at != document_.MemberEnd(); ++at) {
    const std::string_view name = View(at->name);
    if (std::find(members.begin(), members.end(), name) == members.end()) {
      std::string expected = "expected no members but";
      for (const std::string_view member : members) expected += " '" + std::string(member) + "'";
      if (members.size() == 0) expected = "expected an object without members";
      *problem = {422, "unknown-member", "The body has a member that is not known", "", expected};
      return false;
    }
    const bool twice = std::any_of(document_.MemberBegin(), at,
                                   [&](const auto& o) { return View(o.name) == name; });
    if (twice) {
      *problem = {400, "duplicate-key", "A name stands twice in one object", std::string(name),
                  "expected every name at most once"};
      return false;
    }
  }
  return true;
}

const rapidjson::Value* JsonBody::Find(std::string_view name) const {
  const auto found = document_.FindMember(rapidjson::Value(
      rapidjson::StringRef(name.data(), static_cast<rapidjson::SizeType>(name.size()))));
  return found == document_.MemberEnd() || found->value.IsNull() ? nullptr : &found->value;
}

bool JsonBody::Text(std::string_view name, size_t bytes_max, std::string* out,
                    Problem* problem) const {
  if (!OptionalText(name, bytes_max, out, problem)) return false;
  if (!out->empty()) return true;
  *problem = {422, "missing-member", "A member of the body is missing", std::string(name),
              "expected a text that is not empty"};
  return false;
}

bool JsonBody::OptionalText(std::string_view name, size_t bytes_max, std::string* out,
                            Problem* problem) const {
  out->clear();
  const rapidjson::Value* value = Find(name);
  if (value == nullptr) return true;
  if (!value->IsString() || value->GetStringLength() > bytes_max) {
    *problem = Invalid(name, "expected a text of at most " + std::to_string(bytes_max) + " bytes");
    return false;
  }
  const std::string_view text = View(*value);
  const bool control = std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
  });
  if (control) {
    *problem = Invalid(name, "expected a text without control characters");
    return false;
  }
  *out = text;
  return true;
}

bool JsonBody::Boolean(std::string_view name, bool* out, Problem* problem) const {
  const rapidjson::Value* value = Find(name);
  if (value != nullptr && value->IsBool()) {
    *out = value->GetBool();
    return true;
  }
  *problem = value == nullptr ? Problem{422, "missing-member", "A member of the body is missing",
                                        std::string(name), "expected true or false"}
                              : Invalid(name, "expected true or false");
  return false;
}

bool JsonBody::Texts(std::string_view name, size_t count_max,
                     std::vector<std::pair<std::string, std::string>>* out,
                     Problem* problem) const {
  const rapidjson::Value* value = Find(name);
  if (value == nullptr || !value->IsObject() || value->MemberCount() == 0 ||
      value->MemberCount() > count_max) {
    *problem = Invalid(name, "expected an object of 1 to " + std::to_string(count_max) + " texts");
    return false;
  }
  for (auto at = value->MemberBegin(); at != value->MemberEnd(); ++at) {
    if (!at->value.IsString()) {
      *problem = Invalid(name, "expected an object whose members are all texts");
      return false;
    }
    out->emplace_back(View(at->name), View(at->value));
  }
  std::sort(out->begin(), out->end());
  for (size_t i = 1; i < out->size(); ++i) {
    if ((*out)[i].first != (*out)[i - 1].first) continue;
    *problem = {400, "duplicate-key", "A name stands twice in one object", std::string(name),
                "expected every name at most once"};
    return false;
  }
  return true;
}

bool SplitArray(std::string_view text, size_t count_max, std::vector<std::string_view>* elements,
                Problem* problem) {
  size_t at = 0;
  SkipSpaces(text, &at);
  if (at == text.size() || text[at] != '[') {
    *problem = Malformed("expected a JSON array of events");
    return false;
  }
  ++at;
  SkipSpaces(text, &at);
  if (at < text.size() && text[at] == ']') {
    ++at;
  } else {
    while (true) {
      const size_t end = EndOfElement(text, at);
      if (end == text.size()) {
        *problem = Malformed("expected a JSON array that is closed");
        return false;
      }
      if (elements->size() == count_max) {
        *problem = {413, "too-many-events", "There are too many events in one request", "",
                    "expected at most " + std::to_string(count_max) + " events"};
        return false;
      }
      elements->push_back(text.substr(at, end - at));
      at = end + 1;
      if (text[end] == ']') break;
    }
  }
  SkipSpaces(text, &at);
  if (at == text.size()) return true;
  *problem = Malformed("expected nothing behind the array");
  return false;
}

}  // namespace credence::api
