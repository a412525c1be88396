#include "src/model/pmml_xml.h"

#include <algorithm>

#include "src/base/bytes.h"

namespace credence::model {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Letters, digits, and what else a name may hold; every byte of a multi-byte character counts as a
// letter.
bool IsNameByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == ':' || c == '-' || c == '.' || static_cast<unsigned char>(c) >= 0x80;
}

class Scanner {
 public:
  Scanner(std::string_view text, size_t depth_max) : text_(text), depth_max_(depth_max) {}

  XmlProblem Run() {
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
    Declaration();
    while (problem_.message.empty() && at_ < text_.size()) {
      if (text_[at_] == '<') {
        Markup();
      } else {
        Text();
      }
    }
    if (problem_.message.empty() && roots_ == 0) Fail(0, "xml-syntax", "there is no root element");
    return problem_;
  }

 private:
  void Fail(size_t offset, std::string code, std::string message) {
    if (!problem_.message.empty()) return;
    problem_ = {offset, std::move(code), std::move(message)};
  }
  bool Starts(std::string_view what) const { return text_.substr(at_).starts_with(what); }

  // Moves behind `end`, which must come.
  void SkipBehind(std::string_view end, std::string_view what) {
    const size_t found = text_.find(end, at_);
    if (found == std::string_view::npos) {
      Fail(at_, "xml-syntax", std::string(what) + " does not end");
      at_ = text_.size();
    } else {
      at_ = found + end.size();
    }
  }

  void Declaration() {
    if (!Starts("<?xml") || at_ + 5 >= text_.size() || !IsSpace(text_[at_ + 5])) return;
    const size_t begin = at_;
    SkipBehind("?>", "the XML declaration");
    const std::string_view declaration = text_.substr(begin, at_ - begin);
    const size_t encoding = declaration.find("encoding");
    if (encoding == std::string_view::npos) return;
    const size_t open = declaration.find_first_of("\"'", encoding);
    const size_t close =
        open == std::string_view::npos ? open : declaration.find(declaration[open], open + 1);
    std::string name;
    if (close != std::string_view::npos) name = declaration.substr(open + 1, close - open - 1);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    if (name != "UTF-8" && name != "US-ASCII" && name != "ASCII") {
      Fail(begin + encoding, "xml-encoding", "the encoding must be UTF-8, not '" + name + "'");
    }
  }

  void Markup() {
    if (Starts("<!--")) {
      at_ += 4;
      SkipBehind("-->", "a comment");
    } else if (Starts("<![CDATA[")) {
      if (depth_ == 0) Fail(at_, "xml-syntax", "text stands outside the root element");
      SkipBehind("]]>", "a CDATA section");
    } else if (Starts("<!")) {
      Fail(at_, "xml-doctype", "document types are refused");
    } else if (Starts("<?")) {
      Fail(at_, "xml-syntax", "processing instructions are refused");
    } else if (Starts("</")) {
      if (depth_ > 0) --depth_;
      SkipBehind(">", "an end tag");
    } else {
      StartTag();
    }
  }

  void StartTag() {
    const size_t begin = at_++;
    while (at_ < text_.size() && IsNameByte(text_[at_])) ++at_;
    if (at_ == begin + 1) return Fail(begin, "xml-syntax", "'<' is not followed by a name");
    if (depth_ == 0 && roots_++ > 0)
      return Fail(begin, "xml-syntax", "there is a second root element");
    names_.clear();
    while (problem_.message.empty()) {
      while (at_ < text_.size() && IsSpace(text_[at_])) ++at_;
      if (at_ >= text_.size()) return Fail(begin, "xml-syntax", "a start tag does not end");
      if (Starts("/>")) {
        at_ += 2;
        return;
      }
      if (text_[at_] == '>') {
        ++at_;
        if (++depth_ > depth_max_) {
          Fail(begin, "xml-limit",
               "elements are nested deeper than " + std::to_string(depth_max_) + " levels");
        }
        return;
      }
      AttributeText();
    }
  }

  void AttributeText() {
    const size_t begin = at_;
    while (at_ < text_.size() && IsNameByte(text_[at_])) ++at_;
    const std::string_view name = text_.substr(begin, at_ - begin);
    while (at_ < text_.size() && IsSpace(text_[at_])) ++at_;
    if (name.empty() || at_ >= text_.size() || text_[at_] != '=') {
      return Fail(begin, "xml-syntax", "an attribute needs the form name=\"value\"");
    }
    ++at_;
    while (at_ < text_.size() && IsSpace(text_[at_])) ++at_;
    if (at_ >= text_.size() || (text_[at_] != '"' && text_[at_] != '\'')) {
      return Fail(begin, "xml-syntax", "an attribute needs the form name=\"value\"");
    }
    if (std::find(names_.begin(), names_.end(), name) != names_.end()) {
      return Fail(begin, "xml-syntax", "the attribute '" + std::string(name) + "' is given twice");
    }
    names_.push_back(name);
    const char quote = text_[at_++];
    while (at_ < text_.size() && text_[at_] != quote && problem_.message.empty()) {
      if (text_[at_] == '<') return Fail(at_, "xml-syntax", "'<' may not stand in a value");
      Character();
    }
    ++at_;
  }

  void Text() {
    if (depth_ == 0 && !IsSpace(text_[at_])) {
      return Fail(at_, "xml-syntax", "text stands outside the root element");
    }
    Character();
  }

  // One byte of text or value, or one whole reference.
  void Character() {
    const auto byte = static_cast<unsigned char>(text_[at_]);
    if (byte < 0x20 && !IsSpace(text_[at_])) {
      return Fail(at_, "xml-syntax", "a control character is not allowed");
    }
    if (byte != '&') {
      ++at_;
      return;
    }
    for (const std::string_view known : {"&amp;", "&lt;", "&gt;", "&quot;", "&apos;"}) {
      if (Starts(known)) {
        at_ += known.size();
        return;
      }
    }
    NumericReference();
  }

  void NumericReference() {
    const size_t begin = at_;
    constexpr size_t kLengthMax = 10;  // "&#x10FFFF;"
    const size_t end = text_.substr(begin, kLengthMax).find(';');
    uint32_t value = 0;
    bool good = end != std::string_view::npos && Starts("&#");
    if (good) {
      const bool hex = text_[begin + 2] == 'x';
      const std::string_view digits = text_.substr(begin + (hex ? 3 : 2), end - (hex ? 3 : 2));
      good = !digits.empty();
      for (const char c : digits) {
        uint32_t digit = 99;
        if (c >= '0' && c <= '9') digit = static_cast<uint32_t>(c - '0');
        if (hex && c >= 'a' && c <= 'f') digit = static_cast<uint32_t>(c - 'a' + 10);
        if (hex && c >= 'A' && c <= 'F') digit = static_cast<uint32_t>(c - 'A' + 10);
        if (digit >= (hex ? 16U : 10U)) good = false;
        value = value * (hex ? 16 : 10) + digit;
        if (value > 0x10FFFF) good = false;
        if (!good) break;
      }
      if (value < 0x20 && value != '\t' && value != '\n' && value != '\r') good = false;
      if (value >= 0xD800 && value <= 0xDFFF) good = false;
    }
    if (!good) {
      return Fail(begin, "xml-syntax",
                  "'&' must begin a character reference or one of the five entities of XML");
    }
    at_ = begin + end + 1;
  }

  std::string_view text_;
  size_t depth_max_;
  size_t at_ = 0;
  size_t depth_ = 0;
  size_t roots_ = 0;
  std::vector<std::string_view> names_;
  XmlProblem problem_;
};

}  // namespace

XmlProblem CheckXml(std::string_view text, size_t depth_max) {
  if (!IsValidUtf8(text)) return {0, "xml-encoding", "the text is not UTF-8"};
  return Scanner(text, depth_max).Run();
}

XmlPositions::XmlPositions(std::string_view text) : text_(text) {
  line_starts_.push_back(0);
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') line_starts_.push_back(i + 1);
  }
}

Position XmlPositions::At(size_t offset) const {
  offset = std::min(offset, text_.size());
  const auto line = std::upper_bound(line_starts_.begin(), line_starts_.end(), offset) - 1;
  uint32_t column = 1;
  for (size_t i = *line; i < offset; ++i) {
    if ((static_cast<unsigned char>(text_[i]) & 0xC0) != 0x80) ++column;  // code points
  }
  return {static_cast<uint32_t>(line - line_starts_.begin() + 1), column};
}

Position XmlPositions::Of(pugi::xml_node node) const {
  const ptrdiff_t offset = node.offset_debug();
  if (offset < 0) return {};
  // pugixml points to the name; people look for the bracket.
  const auto at = static_cast<size_t>(offset);
  return At(at > 0 && text_[at - 1] == '<' ? at - 1 : at);
}

Position XmlPositions::Of(pugi::xml_node node, std::string_view attribute) const {
  const ptrdiff_t offset = node.offset_debug();
  if (offset < 0) return {};
  // The text was checked: quotes are balanced and no '>' ends the tag inside them.
  auto at = static_cast<size_t>(offset);
  while (at < text_.size() && IsNameByte(text_[at])) ++at;
  while (at < text_.size() && text_[at] != '>') {
    const char c = text_[at];
    if (c == '"' || c == '\'') {
      const size_t close = text_.find(c, at + 1);
      if (close == std::string_view::npos) break;
      at = close + 1;
    } else if (IsNameByte(c)) {
      const size_t begin = at;
      while (at < text_.size() && IsNameByte(text_[at])) ++at;
      if (text_.substr(begin, at - begin) == attribute) return At(begin);
    } else {
      ++at;
    }
  }
  return Of(node);
}

}  // namespace credence::model
