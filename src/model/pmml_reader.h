#pragma once
// PmmlReader: typed access to the elements of one PMML text, in which nothing goes unread: every
// attribute, child element and value is checked against what the caller names, and what does not
// fit becomes a diagnostic with its place and the nearest right name.

#include <initializer_list>
#include <optional>
#include <pugixml.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/base/diagnostic.h"
#include "src/model/pmml_xml.h"
#include "src/model/scorecard_model.h"

namespace credence::model {

using Names = std::initializer_list<std::string_view>;

class PmmlReader {
 public:
  // All must outlive the reader. `text` passed CheckXml.
  PmmlReader(std::string_view text, std::string_view file, std::vector<Diagnostic>* diagnostics)
      : file_(file), positions_(text), diagnostics_(diagnostics) {}

  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] Position At(pugi::xml_node node) const { return positions_.Of(node); }
  [[nodiscard]] Position At(pugi::xml_node node, std::string_view attribute) const {
    return positions_.Of(node, attribute);
  }

  void Error(Position at, std::string_view code, std::string message, std::string hint = "");
  void Warn(Position at, std::string_view code, std::string message);
  // "did you mean 'x'?" or the empty text.
  static std::string Nearest(std::string_view name, std::span<const std::string> candidates);
  static std::string Nearest(std::string_view name, Names candidates);

  // Takes namespace and version from the root element; false (and an error) if it is not PMML 4.1
  // to 4.4.
  bool EnterRoot(pugi::xml_node root);
  // The name without the document's prefix; empty for an element of another namespace.
  [[nodiscard]] std::string_view Local(pugi::xml_node node) const;

  // An error for each attribute that is not among `known`.
  void CheckAttributes(pugi::xml_node node, Names known);
  // Element children in order. An error for each that is not among `known` and for text between
  // them; a note for each that is among `unread` or an Extension, which are left out.
  std::vector<pugi::xml_node> Children(pugi::xml_node node, Names known, Names unread = {});
  // The one child of that name among `children`; null without one, an error for a second one.
  pugi::xml_node One(std::span<const pugi::xml_node> children, std::string_view name);

  [[nodiscard]] static bool Has(pugi::xml_node node, const char* attribute) {
    return static_cast<bool>(node.attribute(attribute));
  }
  [[nodiscard]] static std::string_view Text(pugi::xml_node node, const char* attribute) {
    return node.attribute(attribute).value();
  }
  // The attribute, which must be there and not be empty.
  std::string_view Required(pugi::xml_node node, const char* attribute);
  std::optional<Decimal> Number(pugi::xml_node node,
                                const char* attribute);  // nothing where absent or wrong
  std::optional<bool> Boolean(pugi::xml_node node, const char* attribute);
  std::optional<uint32_t> Count(pugi::xml_node node, const char* attribute);
  // One of `choices`; `missing` where absent; nothing (and an error) for another value.
  template <class E>
  std::optional<E> Choice(pugi::xml_node node, const char* attribute, E missing,
                          std::initializer_list<std::pair<std::string_view, E>> choices) {
    if (!Has(node, attribute)) return missing;
    const std::string_view text = Text(node, attribute);
    std::vector<std::string> names;
    for (const auto& [name, value] : choices) {
      if (name == text) return value;
      names.emplace_back(name);
    }
    BadChoice(node, attribute, text, names);
    return std::nullopt;
  }

  // `text` as a constant of that type.
  std::optional<Constant> ParseConstant(Position at, std::string_view text, DataType type);

 private:
  void Add(Severity severity, Position at, std::string_view code, std::string message,
           std::string hint);
  void BadChoice(pugi::xml_node node, const char* attribute, std::string_view text,
                 std::span<const std::string> names);

  std::string_view file_;
  XmlPositions positions_;
  std::vector<Diagnostic>* diagnostics_;
  std::string prefix_;  // with its colon
  size_t reported_ = 0;
  bool failed_ = false;
};

// Decimal digits as PMML writes numbers (an exponent is allowed, NaN and INF are not), with white
// space around them removed; finite and below 10^30 in magnitude, at most 30 digits after the
// point.
[[nodiscard]] std::optional<Decimal> ParseNumber(std::string_view text);

}  // namespace credence::model
