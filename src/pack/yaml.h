#pragma once
// YAML for packs: a tree of text with positions, and a reader that walks it by schema.
//
// A subset on purpose: maps, lists and scalars. A scalar is text until its field says otherwise.
// Refused, each with its position: anchors, aliases, merge keys, tags, duplicate keys, more than
// one document, invalid UTF-8, and what is beyond the limits.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/base/diagnostic.h"

namespace credence::pack {

inline constexpr size_t kYamlBytesMax = size_t{4} << 20;
inline constexpr size_t kYamlDepthMax = 32;
inline constexpr size_t kYamlNodesMax = 1'000'000;
inline constexpr size_t kYamlKeysMax = 4096;  // of one map
inline constexpr size_t kErrorsMax = 200;  // of one pack; then one more says that there are others

struct Node {
  enum class Kind : uint8_t { kScalar, kList, kMap };
  Kind kind = Kind::kScalar;
  bool quoted = false;  // a scalar in quotes or of several lines
  std::string text;     // kScalar
  uint32_t line = 0;
  uint32_t column = 0;
  std::vector<Node> items;  // kList: the items; kMap: the values
  std::vector<Node> keys;   // kMap, as many as items
};

// Where diagnostics of one file go.
class Reporter {
 public:
  Reporter(std::string file, std::vector<Diagnostic>* diagnostics)
      : file_(std::move(file)), diagnostics_(diagnostics) {}
  void Error(const Node& at, std::string code, std::string message, std::string hint = {}) {
    Error(at.line, at.column, std::move(code), std::move(message), std::move(hint));
  }
  void Error(uint32_t line, uint32_t column, std::string code, std::string message,
             std::string hint = {});
  // "unknown field 'amonut'" with the nearest of `known`.
  void Unknown(const Node& at, std::string_view what, std::string_view name,
               const std::vector<std::string>& known);
  [[nodiscard]] const std::string& file() const { return file_; }
  [[nodiscard]] std::vector<Diagnostic>* diagnostics() const { return diagnostics_; }

 private:
  std::string file_;
  std::vector<Diagnostic>* diagnostics_;
};

// The document's root; nothing (and an error) if it cannot be read. An empty document is an empty
// map.
std::optional<Node> ParseYaml(std::string_view text, Reporter* reporter);

// Takes the members of a map one by one; Finish() reports those that nobody asked for.
class MapReader {
 public:
  // Reports if `node` is no map ("what: expected a map").
  MapReader(const Node& node, std::string what, Reporter* reporter);
  // The member, or null.
  const Node* Take(std::string_view name);
  // The member; null after reporting that it is missing.
  const Node* Require(std::string_view name);
  void Finish();

 private:
  const Node& node_;
  std::string what_;
  Reporter* reporter_;
  std::vector<std::string> asked_;
};

// Each reports and returns nothing where the node is not what it should be.
std::optional<std::string> ReadText(const Node& node, std::string_view what, Reporter* reporter);
std::optional<bool> ReadFlag(const Node& node, std::string_view what,
                             Reporter* reporter);  // true or false
std::optional<int64_t> ReadInteger(const Node& node, std::string_view what, int64_t low,
                                   int64_t high, Reporter* reporter);
// Lower case letters, digits and _ (and . where `dots`), 1 to 64 bytes, beginning with a letter.
std::optional<std::string> ReadName(const Node& node, std::string_view what, bool dots,
                                    Reporter* reporter);

}  // namespace credence::pack
