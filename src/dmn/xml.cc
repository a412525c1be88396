#include "src/dmn/xml.h"

#include <algorithm>

#include "src/base/bytes.h"

namespace credence::dmn {
namespace {

bool StartsWith(std::string_view text, size_t at, std::string_view prefix) {
  return text.substr(at, prefix.size()) == prefix;
}

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return lower(x) == lower(y);
  });
}

// The value of encoding="…" inside an XML declaration; empty if there is none.
std::string_view DeclaredEncoding(std::string_view declaration) {
  const size_t at = declaration.find("encoding");
  if (at == std::string_view::npos) return {};
  const size_t open = declaration.find_first_of("\"'", at);
  if (open == std::string_view::npos) return {};
  const size_t close = declaration.find(declaration[open], open + 1);
  if (close == std::string_view::npos) return {};
  return declaration.substr(open + 1, close - open - 1);
}

bool IsKnownReference(std::string_view name) {
  return name == "amp" || name == "lt" || name == "gt" || name == "quot" || name == "apos" ||
         (name.size() > 1 && name[0] == '#');
}

// What pugixml would let pass: a document type, foreign encodings, entities nobody declared.
struct Refusal {
  size_t offset = 0;
  std::string code;
  std::string message;
};

std::optional<Refusal> FindRefusal(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    at = text.find_first_of("<&", at);
    if (at == std::string_view::npos) break;
    const auto skip_to = [&](std::string_view end) {
      const size_t found = text.find(end, at);
      at = found == std::string_view::npos ? text.size() : found + end.size();
    };
    if (text[at] == '&') {
      const size_t end = text.find(';', at);
      if (end == std::string_view::npos || end - at > 12 ||
          !IsKnownReference(text.substr(at + 1, end - at - 1))) {
        return Refusal{at, "xml-entity",
                       "an entity that XML does not define; write '&amp;' for '&'"};
      }
      at = end;
    } else if (StartsWith(text, at, "<!--")) {
      skip_to("-->");
    } else if (StartsWith(text, at, "<![CDATA[")) {
      skip_to("]]>");
    } else if (StartsWith(text, at, "<!")) {
      return Refusal{at, "xml-doctype", "a document type (DOCTYPE) is not allowed"};
    } else if (StartsWith(text, at, "<?xml") && at == 0) {
      const std::string_view encoding = DeclaredEncoding(text.substr(0, text.find("?>")));
      if (!encoding.empty() && !EqualsIgnoringCase(encoding, "utf-8") &&
          !EqualsIgnoringCase(encoding, "us-ascii")) {
        return Refusal{at, "xml-encoding", "the encoding must be UTF-8"};
      }
      skip_to("?>");
    } else if (StartsWith(text, at, "<?")) {
      skip_to("?>");
    } else {
      ++at;
    }
  }
  return std::nullopt;
}

uint32_t DepthOf(pugi::xml_node root, uint32_t limit) {
  uint32_t deepest = 0;
  uint32_t depth = 0;
  pugi::xml_node node = root;
  while (node) {
    deepest = std::max(deepest, depth);
    if (deepest > limit) return deepest;
    if (node.first_child()) {
      node = node.first_child();
      ++depth;
      continue;
    }
    while (node && node != root && !node.next_sibling()) {
      node = node.parent();
      --depth;
    }
    if (!node || node == root) break;
    node = node.next_sibling();
  }
  return deepest;
}

}  // namespace

std::unique_ptr<XmlDocument> XmlDocument::Parse(std::string_view text, const std::string& file,
                                                std::vector<Diagnostic>* diagnostics) {
  const auto refuse = [&](Position at, std::string code, std::string message) {
    diagnostics->push_back(
        {Severity::kError, file, at.line, at.column, std::move(code), std::move(message), ""});
    return nullptr;
  };
  if (text.size() > kXmlBytesMax) {
    return refuse({}, "too-long", "the file is larger than 256 MiB");
  }
  if (text.substr(0, 3) == "\xEF\xBB\xBF") text.remove_prefix(3);
  if (!IsValidUtf8(text) || text.find('\0') != std::string_view::npos) {
    return refuse({}, "xml-encoding", "the file is not well-formed UTF-8");
  }
  std::unique_ptr<XmlDocument> document(new XmlDocument);
  document->text_ = text;
  document->line_starts_.push_back(0);
  for (size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1)) {
    document->line_starts_.push_back(at + 1);
  }
  if (const auto refusal = FindRefusal(text)) {
    return refuse(document->At(refusal->offset), refusal->code, refusal->message);
  }
  const pugi::xml_parse_result parsed = document->document_.load_buffer(
      text.data(), text.size(), pugi::parse_default | pugi::parse_ws_pcdata_single,
      pugi::encoding_utf8);
  if (!parsed) {
    return refuse(document->At(static_cast<size_t>(std::max<ptrdiff_t>(parsed.offset, 0))),
                  "xml-syntax", std::string("not well-formed XML: ") + parsed.description());
  }
  if (!document->document_.document_element()) {
    return refuse({1, 1}, "xml-syntax", "there is no element");
  }
  if (DepthOf(document->document_, kXmlDepthMax) > kXmlDepthMax) {
    return refuse({}, "too-deep", "elements are nested more than 256 deep");
  }
  return document;
}

Position XmlDocument::At(size_t offset) const {
  offset = std::min(offset, text_.size());
  const auto next = std::upper_bound(line_starts_.begin(), line_starts_.end(), offset);
  const size_t line = static_cast<size_t>(next - line_starts_.begin());
  uint32_t column = 1;
  size_t from = line_starts_[line - 1];
  if (known_.line == line && known_offset_ <= offset) {
    from = known_offset_;
    column = known_.column;
  }
  for (size_t i = from; i < offset; ++i) {
    if ((static_cast<uint8_t>(text_[i]) & 0xC0) != 0x80) ++column;
  }
  known_offset_ = offset;
  known_ = {static_cast<uint32_t>(line), column};
  return known_;
}

XmlElement XmlDocument::root() const {
  return XmlElement::Make(document_.document_element(), nullptr, this);
}

XmlElement XmlElement::Make(pugi::xml_node node, const Scope* scope, const XmlDocument* document) {
  XmlElement element;
  element.node_ = node;
  element.document_ = document;
  Scope own;
  for (const pugi::xml_attribute attribute : node.attributes()) {
    const std::string_view name = attribute.name();
    if (name == "xmlns") own.bindings.emplace_back(std::string_view(), attribute.value());
    if (name.starts_with("xmlns:")) own.bindings.emplace_back(name.substr(6), attribute.value());
  }
  if (!own.bindings.empty()) {
    own.parent = scope;
    document->scopes_.push_back(std::move(own));
    scope = &document->scopes_.back();
  }
  element.scope_ = scope;
  const std::string_view name = node.name();
  const size_t colon = name.find(':');
  element.local_ = colon == std::string_view::npos ? name : name.substr(colon + 1);
  element.uri_ = element.Namespace(colon == std::string_view::npos ? std::string_view()
                                                                   : name.substr(0, colon));
  return element;
}

std::string_view XmlElement::Namespace(std::string_view prefix) const {
  for (const Scope* scope = scope_; scope != nullptr; scope = scope->parent) {
    for (const auto& [bound, uri] : scope->bindings) {
      if (bound == prefix) return uri;
    }
  }
  return {};
}

std::vector<std::pair<std::string, std::string>> XmlElement::Prefixes() const {
  std::vector<std::pair<std::string, std::string>> all;
  for (const Scope* scope = scope_; scope != nullptr; scope = scope->parent) {
    for (const auto& [prefix, uri] : scope->bindings) all.emplace_back(prefix, uri);
  }
  return all;
}

std::string_view XmlElement::Attribute(const char* name) const {
  return node_.attribute(name).value();
}

bool XmlElement::HasAttribute(const char* name) const { return !node_.attribute(name).empty(); }

std::string_view XmlElement::Attribute(std::string_view uri, std::string_view name) const {
  for (const pugi::xml_attribute attribute : node_.attributes()) {
    const std::string_view full = attribute.name();
    const size_t colon = full.find(':');
    if (colon == std::string_view::npos || full.substr(colon + 1) != name) continue;
    if (Namespace(full.substr(0, colon)) == uri) return attribute.value();
  }
  return {};
}

std::string XmlElement::Text() const {
  std::string text;
  for (const pugi::xml_node child : node_.children()) {
    if (child.type() == pugi::node_pcdata || child.type() == pugi::node_cdata)
      text += child.value();
  }
  return text;
}

Position XmlElement::position() const {
  const ptrdiff_t offset = node_.offset_debug();
  // pugixml counts from the name; the bracket stands one before.
  return document_->At(static_cast<size_t>(std::max<ptrdiff_t>(offset - 1, 0)));
}

Position XmlElement::text_position() const {
  for (const pugi::xml_node child : node_.children()) {
    if (child.type() == pugi::node_pcdata || child.type() == pugi::node_cdata) {
      return document_->At(static_cast<size_t>(std::max<ptrdiff_t>(child.offset_debug(), 0)));
    }
  }
  return position();
}

std::vector<XmlElement> XmlElement::Children() const {
  std::vector<XmlElement> children;
  for (const pugi::xml_node child : node_.children()) {
    if (child.type() == pugi::node_element) children.push_back(Make(child, scope_, document_));
  }
  return children;
}

}  // namespace credence::dmn
