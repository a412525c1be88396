#pragma once
// Reads an XML text with pugixml under our own rules: well-formed UTF-8 only, no DOCTYPE, no
// entities but the five of XML and character references, bounded size and depth, namespaces
// resolved, and a line and column for every element. A document is immutable once parsed; elements
// are views into it.

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <pugixml.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/base/diagnostic.h"

namespace credence::dmn {

inline constexpr size_t kXmlBytesMax = size_t{256} << 20;
inline constexpr uint32_t kXmlDepthMax = 256;

// Where something stands in its file; both from 1 (column in code points), 0 = unknown.
struct Position {
  uint32_t line = 0;
  uint32_t column = 0;
  friend bool operator==(const Position&, const Position&) = default;
};

class XmlDocument;

class XmlElement {
 public:
  [[nodiscard]] std::string_view name() const { return local_; }  // without prefix
  [[nodiscard]] std::string_view uri() const { return uri_; }     // empty = no namespace
  // An attribute without prefix; empty if there is none.
  [[nodiscard]] std::string_view Attribute(const char* name) const;
  [[nodiscard]] bool HasAttribute(const char* name) const;
  // An attribute of a namespace; empty if there is none.
  [[nodiscard]] std::string_view Attribute(std::string_view uri, std::string_view name) const;
  // The namespace that `prefix` stands for here; empty if none (also for the empty prefix).
  [[nodiscard]] std::string_view Namespace(std::string_view prefix) const;
  // Every prefix bound here (the empty one too) with its namespace, inner bindings first.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> Prefixes() const;
  // All character data directly inside, as it is written (white space kept).
  [[nodiscard]] std::string Text() const;
  [[nodiscard]] Position position() const;
  // Of the first character of Text(); of the element where there is no text.
  [[nodiscard]] Position text_position() const;
  [[nodiscard]] std::vector<XmlElement> Children() const;

 private:
  friend class XmlDocument;
  struct Scope {
    const Scope* parent = nullptr;
    std::vector<std::pair<std::string_view, std::string_view>> bindings;  // prefix, uri
  };
  static XmlElement Make(pugi::xml_node node, const Scope* scope, const XmlDocument* document);

  pugi::xml_node node_;
  const Scope* scope_ = nullptr;
  const XmlDocument* document_ = nullptr;
  std::string_view uri_;
  std::string_view local_;
};

class XmlDocument {
 public:
  // Null, and one error among `diagnostics`, if the text is refused.
  static std::unique_ptr<XmlDocument> Parse(std::string_view text, const std::string& file,
                                            std::vector<Diagnostic>* diagnostics);
  [[nodiscard]] XmlElement root() const;

 private:
  friend class XmlElement;
  XmlDocument() = default;
  [[nodiscard]] Position At(size_t offset) const;

  std::string text_;  // as given, for positions
  std::vector<size_t> line_starts_;
  pugi::xml_document document_;
  mutable std::deque<XmlElement::Scope> scopes_;
  // The place that was asked for last: elements are mostly read in order, and a file may be one
  // long line.
  mutable size_t known_offset_ = 0;
  mutable Position known_{1, 1};
};

}  // namespace credence::dmn
