// Compiler: reading characters, words and literals.

#include <algorithm>
#include <array>

#include "src/base/bytes.h"
#include "src/feel/compiler.h"

namespace credence::feel {
namespace {

constexpr std::array<std::string_view, 9> kInfixWords = {
    "and", "or", "between", "in", "instance", "then", "else", "return", "satisfies"};

bool IsInfixWord(std::string_view word) {
  return std::find(kInfixWords.begin(), kInfixWords.end(), word) != kInfixWords.end();
}

bool IsWordByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '?' || c == '$' || static_cast<unsigned char>(c) >= 0x80;
}

// Bytes of a white-space character at the front, 0 if there is none. Besides ASCII these are the
// spaces that the grammar of the standard lists (no-break space, U+1680, U+180E, U+2000-200B,
// U+2028, U+2029, U+202F, U+205F, U+3000, U+FEFF).
size_t SpaceBytes(std::string_view text) {
  if (text.empty()) return 0;
  const auto c = static_cast<unsigned char>(text[0]);
  if (c == ' ' || (c >= 0x09 && c <= 0x0D)) return 1;
  if (c < 0x80) return 0;
  if (text.substr(0, 2) == "\xC2\xA0" || text.substr(0, 2) == "\xC2\x85") return 2;
  if (text.size() < 3) return 0;
  const std::string_view three = text.substr(0, 3);
  if (three == "\xE1\x9A\x80" || three == "\xE1\xA0\x8E" || three == "\xE3\x80\x80" ||
      three == "\xEF\xBB\xBF" || three == "\xE2\x80\xA8" || three == "\xE2\x80\xA9" ||
      three == "\xE2\x80\xAF" || three == "\xE2\x81\x9F") {
    return 3;
  }
  const bool general =
      three.substr(0, 2) == "\xE2\x80" && static_cast<unsigned char>(three[2]) <= 0x8B;
  return general ? 3 : 0;
}

void AppendUtf8(std::string* out, uint32_t c) {
  if (c < 0x80) {
    *out += static_cast<char>(c);
  } else if (c < 0x800) {
    *out += static_cast<char>(0xC0 | (c >> 6));
    *out += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    *out += static_cast<char>(0xE0 | (c >> 12));
    *out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    *out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    *out += static_cast<char>(0xF0 | (c >> 18));
    *out += static_cast<char>(0x80 | ((c >> 12) & 0x3F));
    *out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    *out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

std::optional<uint32_t> HexAt(std::string_view text, size_t position, size_t digits) {
  if (position + digits > text.size()) return std::nullopt;
  uint32_t value = 0;
  for (size_t i = 0; i < digits; ++i) {
    const char c = text[position + i];
    uint32_t digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<uint32_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      digit = static_cast<uint32_t>(c - 'a' + 10);
    } else if (c >= 'A' && c <= 'F') {
      digit = static_cast<uint32_t>(c - 'A' + 10);
    } else {
      return std::nullopt;
    }
    value = value * 16 + digit;
  }
  return value;
}

// An escape of a string literal at `at` (which is at the backslash): appends what it stands for and
// gives the bytes it takes; 0 for an invalid code point. An unknown escape stands for itself,
// backslash included.
size_t TakeEscape(std::string_view text, size_t at, std::string* out) {
  if (at + 1 >= text.size()) return 0;
  switch (text[at + 1]) {
    case 'n':
      *out += '\n';
      return 2;
    case 'r':
      *out += '\r';
      return 2;
    case 't':
      *out += '\t';
      return 2;
    case '"':
      *out += '"';
      return 2;
    case '\'':
      *out += '\'';
      return 2;
    case '\\':
      *out += '\\';
      return 2;
    case 'u': {
      const auto first = HexAt(text, at + 2, 4);
      if (!first) break;
      if (*first >= 0xD800 && *first < 0xDC00) {
        if (text.substr(std::min(at + 6, text.size()), 2) != "\\u") return 0;
        const auto second = HexAt(text, at + 8, 4);
        if (!second || *second < 0xDC00 || *second > 0xDFFF) return 0;
        AppendUtf8(out, 0x10000 + ((*first - 0xD800) << 10) + (*second - 0xDC00));
        return 12;
      }
      if (*first >= 0xDC00 && *first <= 0xDFFF) return 0;
      AppendUtf8(out, *first);
      return 6;
    }
    case 'U': {
      const auto point = HexAt(text, at + 2, 6);
      if (!point) break;
      if (*point > 0x10FFFF || (*point >= 0xD800 && *point <= 0xDFFF)) return 0;
      AppendUtf8(out, *point);
      return 8;
    }
    default:
      break;
  }
  *out += '\\';
  return 1;
}

}  // namespace

void Compiler::Enter(std::string_view text, uint32_t line, uint32_t column) {
  text_ = text;
  at_ = 0;
  first_line_ = line;
  first_column_ = column;
  line_starts_.assign(1, 0);
  in_range_end_ = false;
  point_counts_.assign(1, 0);
  uint32_t points = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') line_starts_.push_back(i + 1);
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) ++points;
    if ((i + 1) % kCountedBytes == 0) point_counts_.push_back(points);
  }
  if (text.size() > kExpressionBytesMax) {
    Error(0, "too-long",
          "the expression is longer than " + std::to_string(kExpressionBytesMax) + " bytes");
  } else if (!IsValidUtf8(text)) {
    Error(0, "not-utf8", "the expression is not well-formed UTF-8");
  }
}

uint32_t Compiler::PointsBefore(size_t position) const {
  uint32_t points = point_counts_[position / kCountedBytes];
  for (size_t i = position - position % kCountedBytes; i < position; ++i) {
    if ((static_cast<unsigned char>(text_[i]) & 0xC0) != 0x80) ++points;
  }
  return points;
}

void Compiler::Locate(size_t position, uint32_t* line, uint32_t* column) const {
  const auto next = std::upper_bound(line_starts_.begin(), line_starts_.end(), position);
  const auto index = static_cast<size_t>(next - line_starts_.begin()) - 1;
  const size_t end = std::min(position, text_.size());
  *line = first_line_ + static_cast<uint32_t>(index);
  *column = (index == 0 ? first_column_ : 1) + PointsBefore(end) -
            PointsBefore(std::min(line_starts_[index], end));
}

void Compiler::Report(Severity severity, size_t position, std::string_view code,
                      std::string message, std::string hint) {
  Diagnostic diagnostic;
  diagnostic.severity = severity;
  diagnostic.file = options_.file;
  Locate(position, &diagnostic.line, &diagnostic.column);
  diagnostic.code = code;
  diagnostic.message = std::move(message);
  diagnostic.hint = std::move(hint);
  if (diagnostics_ != nullptr) diagnostics_->push_back(std::move(diagnostic));
}

Node* Compiler::Error(size_t position, std::string_view code, std::string message,
                      std::string hint) {
  // What follows the first error is noise.
  if (!failed_) Report(Severity::kError, position, code, std::move(message), std::move(hint));
  failed_ = true;
  return nullptr;
}

void Compiler::Warn(size_t position, std::string_view code, std::string message, std::string hint) {
  const bool strict = options_.strictness == Strictness::kStrict;
  Report(strict ? Severity::kError : Severity::kWarning, position, code, std::move(message),
         std::move(hint));
}

size_t Compiler::SpaceEnd(size_t position) const {
  while (position < text_.size()) {
    const size_t bytes = SpaceBytes(text_.substr(position));
    if (bytes > 0) {
      position += bytes;
      continue;
    }
    const std::string_view two = text_.substr(position, 2);
    if (two == "//") {
      const size_t end = text_.find('\n', position);
      position = end == std::string_view::npos ? text_.size() : end + 1;
    } else if (two == "/*") {
      const size_t end = text_.find("*/", position + 2);
      if (end == std::string_view::npos) return position;
      position = end + 2;
    } else {
      return position;
    }
  }
  return position;
}

void Compiler::SkipSpace() { at_ = SpaceEnd(at_); }

bool Compiler::AtEnd() {
  SkipSpace();
  return at_ >= text_.size();
}

char Compiler::Peek() {
  SkipSpace();
  return at_ < text_.size() ? text_[at_] : '\0';
}

bool Compiler::PeekIs(std::string_view symbol) {
  SkipSpace();
  return text_.substr(at_, symbol.size()) == symbol;
}

bool Compiler::Take(std::string_view symbol) {
  if (!PeekIs(symbol)) return false;
  at_ += symbol.size();
  return true;
}

bool Compiler::WordAt(size_t position) const {
  return position < text_.size() && IsWordByte(text_[position]) &&
         SpaceBytes(text_.substr(position)) == 0;
}

size_t Compiler::WordEnd(size_t position) const {
  while (WordAt(position)) ++position;
  return position;
}

bool Compiler::PeekWord(std::string_view word) {
  SkipSpace();
  return text_.substr(at_, word.size()) == word && !WordAt(at_ + word.size());
}

bool Compiler::TakeWord(std::string_view word) {
  if (!PeekWord(word)) return false;
  at_ += word.size();
  return true;
}

bool Compiler::Expect(std::string_view symbol, std::string_view where) {
  if (failed_) return false;
  if (Take(symbol)) return true;
  Error(at_, "syntax", "expected '" + std::string(symbol) + "' " + std::string(where));
  return false;
}

bool Compiler::ExpectWord(std::string_view word, std::string_view where) {
  if (failed_) return false;
  if (TakeWord(word)) return true;
  Error(at_, "syntax", "expected '" + std::string(word) + "' " + std::string(where));
  return false;
}

std::string Compiler::TakeWords() {
  std::string name;
  SkipSpace();
  while (WordAt(at_)) {
    const size_t end = WordEnd(at_);
    const std::string_view word = text_.substr(at_, end - at_);
    if (!name.empty()) {
      if (IsInfixWord(word)) break;
      name += ' ';
    }
    name += word;
    at_ = end;
    const size_t next = SpaceEnd(at_);
    // A word that follows directly is part of the name; after the last one, stay before the space.
    if (!WordAt(next)) break;
    const size_t next_end = WordEnd(next);
    if (IsInfixWord(text_.substr(next, next_end - next))) break;
    at_ = next;
  }
  return name;
}

std::optional<std::string> Compiler::TakeNameUntil(std::string_view stops) {
  SkipSpace();
  const size_t begin = at_;
  size_t end = begin;
  while (end < text_.size() && stops.find(text_[end]) == std::string_view::npos) {
    if (std::string_view("{}[]()\",:<>=!@").find(text_[end]) != std::string_view::npos) {
      return std::nullopt;
    }
    ++end;
  }
  std::string name = NormaliseName(text_.substr(begin, end - begin));
  const bool digit = !name.empty() && name[0] >= '0' && name[0] <= '9';
  if (end >= text_.size() || name.empty() || digit) return std::nullopt;
  at_ = end;
  return name;
}

std::optional<std::string> Compiler::PeekArgumentName(size_t* end) {
  SkipSpace();
  size_t position = at_;
  if (!WordAt(position) || (text_[position] >= '0' && text_[position] <= '9')) return std::nullopt;
  while (position < text_.size()) {
    const char c = text_[position];
    if (c == ':') break;
    const bool part = IsWordByte(c) || c == ' ' || c == '\t' || c == '\n' || c == '\r' ||
                      std::string_view(".-+*/'").find(c) != std::string_view::npos;
    if (!part) return std::nullopt;
    ++position;
  }
  if (position >= text_.size()) return std::nullopt;
  *end = position + 1;
  return NormaliseName(text_.substr(at_, position - at_));
}

std::optional<std::string> Compiler::TakeStringLiteral() {
  SkipSpace();
  const size_t begin = at_;
  std::string out;
  size_t i = at_ + 1;
  while (i < text_.size() && text_[i] != '"') {
    if (text_[i] != '\\') {
      out += text_[i++];
      continue;
    }
    const size_t bytes = TakeEscape(text_, i, &out);
    if (bytes == 0) {
      Error(i, "syntax", "this escape is no character");
      return std::nullopt;
    }
    i += bytes;
  }
  if (i >= text_.size()) {
    Error(begin, "syntax", "the string is not closed");
    return std::nullopt;
  }
  at_ = i + 1;
  return out;
}

}  // namespace credence::feel
