#pragma once
// Reading the JSON bodies of requests that are not events: small objects whose members are all
// known. Strict where JSON is lax: no member twice, none unknown, UTF-8, nothing behind the end.

#include <rapidjson/document.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "src/api/problem.h"

namespace credence::api {

class JsonBody {
 public:
  // False: `*problem` says why (malformed-json, unknown-member, duplicate-key). An empty text is an
  // empty object.
  [[nodiscard]] bool Parse(std::string_view text, std::initializer_list<std::string_view> members,
                           Problem* problem);

  // Each: false with a problem (missing-member, invalid-member) unless it is there and of the type.
  [[nodiscard]] bool Text(std::string_view name, size_t bytes_max, std::string* out,
                          Problem* problem) const;
  [[nodiscard]] bool Boolean(std::string_view name, bool* out, Problem* problem) const;
  // As Text; an absent one is empty.
  [[nodiscard]] bool OptionalText(std::string_view name, size_t bytes_max, std::string* out,
                                  Problem* problem) const;
  // The members of an object of texts, in their order, none twice.
  [[nodiscard]] bool Texts(std::string_view name, size_t count_max,
                           std::vector<std::pair<std::string, std::string>>* out,
                           Problem* problem) const;

 private:
  [[nodiscard]] const rapidjson::Value* Find(std::string_view name) const;
  rapidjson::Document document_;
};

// The elements of a JSON array as they stand in the text, for a reader of its own: only where they
// begin and end is found out. False, with a problem, unless it is an array by its brackets, quotes
// and commas, with at most `count_max` elements.
[[nodiscard]] bool SplitArray(std::string_view text, size_t count_max,
                              std::vector<std::string_view>* elements, Problem* problem);

}  // namespace credence::api
