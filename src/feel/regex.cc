#include "src/feel/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <array>

#include "src/feel/unicode_blocks.h"

namespace credence::feel {
namespace {

constexpr uint32_t kLastPoint = 0x10FFFF;
constexpr int kGroupDepthMax = 100;
constexpr int kGroupsMax = Regex::kGroupsMax;

using Points = std::vector<std::pair<uint32_t, uint32_t>>;  // sorted, disjoint

const Points& NameStart() {
  static const Points points = {
      {':', ':'},       {'A', 'Z'},       {'_', '_'},       {'a', 'z'},
      {0xC0, 0xD6},     {0xD8, 0xF6},     {0xF8, 0x2FF},    {0x370, 0x37D},
      {0x37F, 0x1FFF},  {0x200C, 0x200D}, {0x2070, 0x218F}, {0x2C00, 0x2FEF},
      {0x3001, 0xD7FF}, {0xF900, 0xFDCF}, {0xFDF0, 0xFFFD}, {0x10000, 0xEFFFF}};
  return points;
}

const Points& NameRest() {
  static const Points points = {
      {'-', '.'},       {'0', ':'},       {'A', 'Z'},        {'_', '_'},       {'a', 'z'},
      {0xB7, 0xB7},     {0xC0, 0xD6},     {0xD8, 0xF6},      {0xF8, 0x37D},    {0x37F, 0x1FFF},
      {0x200C, 0x200D}, {0x203F, 0x2040}, {0x2070, 0x218F},  {0x2C00, 0x2FEF}, {0x3001, 0xD7FF},
      {0xF900, 0xFDCF}, {0xFDF0, 0xFFFD}, {0x10000, 0xEFFFF}};
  return points;
}

const Points& Spaces() {
  static const Points points = {{0x09, 0x0A}, {0x0D, 0x0D}, {0x20, 0x20}};
  return points;
}

Points Complement(const Points& points) {
  Points out;
  uint32_t next = 0;
  for (const auto& [first, last] : points) {
    if (first > next) out.emplace_back(next, first - 1);
    next = last + 1;
  }
  if (next <= kLastPoint) out.emplace_back(next, kLastPoint);
  return out;
}

void AppendPoint(std::string* out, uint32_t c) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string hex;
  do {
    hex.insert(hex.begin(), kDigits[c & 15]);
    c >>= 4;
  } while (c != 0);
  *out += "\\x{" + hex + "}";
}

std::string ClassItems(const Points& points) {
  std::string out;
  for (const auto& [first, last] : points) {
    AppendPoint(&out, first);
    if (last != first) {
      out += '-';
      AppendPoint(&out, last);
    }
  }
  return out;
}

bool IsCategory(std::string_view name) {
  static constexpr std::array<std::string_view, 36> kNames = {
      "L",  "Lu", "Ll", "Lt", "Lm", "Lo", "M",  "Mn", "Mc", "Me", "N",  "Nd",
      "Nl", "No", "P",  "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Z",  "Zs",
      "Zl", "Zp", "S",  "Sm", "Sc", "Sk", "So", "C",  "Cc", "Cf", "Co", "Cn"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

// Checks an XPath pattern and writes it as PCRE2 understands it.
class Translator {
 public:
  Translator(std::string_view pattern, bool dot_all, bool multi_line)
      : pattern_(pattern), dot_all_(dot_all), multi_line_(multi_line) {}

  bool Translate() {
    Alternatives(0);
    if (!failed_ && at_ < pattern_.size()) Fail("unexpected ')'");
    return !failed_;
  }
  [[nodiscard]] const std::string& out() const { return out_; }
  [[nodiscard]] const std::string& error() const { return error_; }
  [[nodiscard]] int groups() const { return groups_; }

 private:
  void Fail(std::string_view what) {
    if (!failed_)
      error_ = "invalid pattern at byte " + std::to_string(at_) + ": " + std::string(what);
    failed_ = true;
  }
  [[nodiscard]] bool More() const { return !failed_ && at_ < pattern_.size(); }
  [[nodiscard]] char Peek(size_t ahead = 0) const {
    return at_ + ahead < pattern_.size() ? pattern_[at_ + ahead] : '\0';
  }
  bool Take(std::string_view text) {
    if (pattern_.substr(at_, text.size()) != text) return false;
    at_ += text.size();
    return true;
  }

  // The next code point; the pattern is well-formed UTF-8.
  uint32_t TakePoint() {
    const auto byte = static_cast<unsigned char>(pattern_[at_]);
    const size_t size = byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
    uint32_t c = size == 1 ? byte : byte & (0x7FU >> size);
    for (size_t i = 1; i < size && at_ + i < pattern_.size(); ++i) {
      c = (c << 6) | (static_cast<unsigned char>(pattern_[at_ + i]) & 0x3F);
    }
    at_ = std::min(at_ + size, pattern_.size());
    return c;
  }

  void Alternatives(int depth) {
    if (depth > kGroupDepthMax) return Fail("groups are nested too deeply");
    while (true) {
      while (More() && Peek() != '|' && Peek() != ')') Piece(depth);
      if (!More() || !Take("|")) return;
      out_ += '|';
    }
  }

  void Piece(int depth) {
    const size_t begin = out_.size();
    Atom(depth);
    if (failed_) return;
    Quantifier(begin);
  }

  void Quantifier(size_t /*begin*/) {
    const char c = Peek();
    if (c == '?' || c == '*' || c == '+') {
      out_ += c;
      ++at_;
    } else if (c == '{') {
      if (!Count()) return;
    } else {
      return;
    }
    if (Take("?")) out_ += '?';
    const char next = Peek();
    if (next == '?' || next == '*' || next == '+' || next == '{') Fail("two quantifiers in a row");
  }

  std::optional<uint32_t> Digits() {
    uint32_t n = 0;
    size_t count = 0;
    while (Peek() >= '0' && Peek() <= '9') {
      n = n * 10 + static_cast<uint32_t>(Peek() - '0');
      ++at_;
      if (++count > 5) return std::nullopt;
    }
    return count == 0 ? std::nullopt : std::optional(n);
  }

  bool Count() {
    Take("{");
    const auto low = Digits();
    std::optional<uint32_t> high = low;
    bool open = false;
    if (low && Take(",")) {
      open = Peek() == '}';
      high = open ? std::optional<uint32_t>(65535) : Digits();
    }
    if (!low || !high || !Take("}") || *low > *high || *high > 65535) {
      Fail("a quantifier is {n}, {n,} or {n,m} up to 65535");
      return false;
    }
    out_ += "{" + std::to_string(*low);
    if (open) {
      out_ += ",";
    } else if (*high != *low) {
      out_ += "," + std::to_string(*high);
    }
    out_ += '}';
    return true;
  }

  void Atom(int depth) {
    switch (Peek()) {
      case '(':
        return Group(depth);
      case '[': {
        std::string text = Class(0);
        out_ += text;
        return;
      }
      case '.':
        ++at_;
        out_ += dot_all_ ? "(?s:.)" : "[^\\n\\r]";
        return;
      case '^':
        ++at_;
        out_ += multi_line_ ? "(?m:^)" : "(?:\\A)";
        return;
      case '$':
        ++at_;
        out_ += multi_line_ ? "(?m:$)" : "(?:\\z)";
        return;
      case '\\':
        return Escape();
      case '?':
      case '*':
      case '+':
      case '{':
        return Fail("a quantifier without something before it");
      case '}':
      case ']':
        return Fail("this character must be escaped");
      default:
        AppendPoint(&out_, TakePoint());
    }
  }

  void Group(int depth) {
    Take("(");
    const bool capturing = !Take("?:");
    if (capturing && Peek() == '?') return Fail("unknown kind of group");
    int number = 0;
    if (capturing) {
      number = ++groups_;
      if (number > kGroupsMax) return Fail("too many groups");
      closed_.resize(static_cast<size_t>(number) + 1, false);
    }
    out_ += capturing ? "(" : "(?:";
    Alternatives(depth + 1);
    if (failed_) return;
    if (!Take(")")) return Fail("a group is not closed");
    out_ += ')';
    if (capturing) closed_[static_cast<size_t>(number)] = true;
  }

  void BackReference() {
    int number = Peek() - '0';
    ++at_;
    if (number == 0) return Fail("\\0 is no back-reference");
    while (Peek() >= '0' && Peek() <= '9' && number * 10 + (Peek() - '0') <= groups_) {
      number = number * 10 + (Peek() - '0');
      ++at_;
    }
    if (number > groups_ || !closed_[static_cast<size_t>(number)]) {
      return Fail("a back-reference to a group that is not complete");
    }
    out_ += "\\g{" + std::to_string(number) + "}";
  }

  void Escape() {
    if (Peek(1) >= '0' && Peek(1) <= '9') {
      ++at_;
      return BackReference();
    }
    uint32_t single = 0;
    std::string items;
    if (!ClassEscape(&single, &items)) return;
    if (items.empty()) {
      AppendPoint(&out_, single);
    } else {
      // Case does not touch categories.
      out_ += "(?-i:[" + items + "])";
    }
  }

  // After the backslash: either one character or what stands in a class for it.
  bool ClassEscape(uint32_t* single, std::string* items) {
    Take("\\");
    if (!More()) {
      Fail("the pattern ends in a backslash");
      return false;
    }
    const char c = Peek();
    ++at_;
    switch (c) {
      case 'n':
        *single = '\n';
        return true;
      case 'r':
        *single = '\r';
        return true;
      case 't':
        *single = '\t';
        return true;
      case 's':
        *items = ClassItems(Spaces());
        return true;
      case 'S':
        *items = ClassItems(Complement(Spaces()));
        return true;
      case 'i':
        *items = ClassItems(NameStart());
        return true;
      case 'I':
        *items = ClassItems(Complement(NameStart()));
        return true;
      case 'c':
        *items = ClassItems(NameRest());
        return true;
      case 'C':
        *items = ClassItems(Complement(NameRest()));
        return true;
      case 'd':
        *items = "\\p{Nd}";
        return true;
      case 'D':
        *items = "\\P{Nd}";
        return true;
      case 'w':
        *items = "\\p{L}\\p{M}\\p{N}\\p{S}";
        return true;
      case 'W':
        *items = "\\p{P}\\p{Z}\\p{C}";
        return true;
      case 'p':
      case 'P':
        return Property(c == 'P', items);
      default:
        break;
    }
    if (std::string_view("\\|.?*+(){}-[]^$").find(c) == std::string_view::npos) {
      --at_;
      Fail("unknown escape");
      return false;
    }
    *single = static_cast<uint32_t>(c);
    return true;
  }

  bool Property(bool negated, std::string* items) {
    const size_t end = pattern_.find('}', at_);
    if (!Take("{") || end == std::string_view::npos) {
      Fail("\\p needs {…}");
      return false;
    }
    const std::string_view name = pattern_.substr(at_, end - at_);
    at_ = end + 1;
    if (name.substr(0, 2) == "Is") {
      for (const UnicodeBlock& block : kUnicodeBlocks) {
        if (block.name != name.substr(2)) continue;
        const Points points = {{block.first, block.last}};
        *items = ClassItems(negated ? Complement(points) : points);
        return true;
      }
      Fail("unknown block of Unicode");
      return false;
    }
    if (!IsCategory(name)) {
      Fail("unknown category of Unicode");
      return false;
    }
    *items = std::string(negated ? "\\P{" : "\\p{") + std::string(name) + "}";
    return true;
  }

  // One character of a class; false (with `items`) where it is a set.
  bool ClassCharacter(uint32_t* single, std::string* items) {
    if (Peek() == '\\') return ClassEscape(single, items) && items->empty();
    if (Peek() == '[') {
      Fail("'[' in a class must be escaped");
      return false;
    }
    *single = TakePoint();
    return true;
  }

  std::string Class(int depth) {
    Take("[");
    if (depth > kGroupDepthMax) Fail("classes are nested too deeply");
    const bool negated = Take("^");
    std::string items;
    std::string subtracted;
    bool first = true;
    while (More() && (Peek() != ']' || first)) {
      if (Peek() == ']') {
        Fail("an empty class");
        break;
      }
      if (Peek() == '-' && Peek(1) == '[') {
        if (first) {
          Fail("a class that begins with a subtraction");
          break;
        }
        ++at_;
        subtracted = Class(depth + 1);
        if (!failed_ && Peek() != ']') Fail("a subtraction stands at the end of a class");
        break;
      }
      ClassRange(&items, first);
      first = false;
    }
    if (!failed_ && !Take("]")) Fail("a class is not closed");
    if (failed_) return {};
    const std::string plain = (negated ? "[^" : "[") + items + "]";
    return subtracted.empty() ? plain : "(?:(?!" + subtracted + ")" + plain + ")";
  }

  void ClassRange(std::string* items, bool first) {
    const bool dash = Peek() == '-';
    if (dash && !first && Peek(1) != ']' && !(Peek(1) == '-' && Peek(2) == '[')) {
      return Fail("'-' stands at the beginning or end of a class, or is escaped");
    }
    uint32_t low = 0;
    std::string set;
    if (!ClassCharacter(&low, &set)) {
      *items += set;
      if (!failed_ && Peek() == '-' && Peek(1) != ']' && Peek(1) != '[') {
        Fail("a set cannot begin a range");
      }
      return;
    }
    AppendPoint(items, low);
    if (dash || Peek() != '-' || Peek(1) == ']' || Peek(1) == '[' || Peek(1) == '\0') return;
    ++at_;
    uint32_t high = 0;
    if (!ClassCharacter(&high, &set)) return Fail("a range ends in a set");
    if (high < low) return Fail("a range goes down");
    *items += '-';
    AppendPoint(items, high);
  }

  std::string_view pattern_;
  bool dot_all_;
  bool multi_line_;
  size_t at_ = 0;
  std::string out_;
  std::string error_;
  bool failed_ = false;
  int groups_ = 0;
  std::vector<bool> closed_;
};

bool IsPatternSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Flag x: white space goes, except inside of classes.
std::string WithoutSpace(std::string_view pattern) {
  std::string out;
  int depth = 0;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (IsPatternSpace(c) && depth == 0) continue;
    out += c;
    if (c == '\\') {
      // The white space goes first: "\\ s" is "\\s".
      while (depth == 0 && i + 1 < pattern.size() && IsPatternSpace(pattern[i + 1])) ++i;
      if (i + 1 < pattern.size()) out += pattern[++i];
    } else if (c == '[') {
      ++depth;
    } else if (c == ']' && depth > 0) {
      --depth;
    }
  }
  return out;
}

std::string Quoted(std::string_view pattern) {
  std::string out;
  for (const char c : pattern) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       static_cast<unsigned char>(c) >= 0x80;
    if (!plain) out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

Result<std::shared_ptr<const Regex>> Regex::Compile(std::string_view pattern,
                                                    std::string_view flags) {
  if (pattern.size() > kPatternBytesMax) {
    return ResourceExhausted("the pattern is longer than " + std::to_string(kPatternBytesMax) +
                             " bytes");
  }
  const auto has = [&](char flag) { return flags.find(flag) != std::string_view::npos; };
  if (flags.find_first_not_of("smixq") != std::string_view::npos) {
    return InvalidArgument("the flags of a pattern are s, m, i, x and q");
  }
  std::shared_ptr<Regex> regex(new Regex());
  std::string text;
  if (has('q')) {
    regex->is_literal_ = true;
    text = Quoted(pattern);
  } else {
    const std::string stripped = has('x') ? WithoutSpace(pattern) : std::string(pattern);
    Translator translator(stripped, has('s'), has('m'));
    if (!translator.Translate()) return InvalidArgument(translator.error());
    text = translator.out();
    regex->group_count_ = translator.groups();
  }
  uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_UNSET_BACKREF | PCRE2_NO_UTF_CHECK |
                     PCRE2_NEVER_BACKSLASH_C;
  if (has('i')) options |= PCRE2_CASELESS;
  int error = 0;
  PCRE2_SIZE offset = 0;
  pcre2_compile_context* context = pcre2_compile_context_create(nullptr);
  pcre2_set_newline(context, PCRE2_NEWLINE_LF);
  regex->code_ = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), options,
                               &error, &offset, context);
  pcre2_compile_context_free(context);
  if (regex->code_ == nullptr) return InvalidArgument("the pattern is too large or not valid");
  return std::shared_ptr<const Regex>(std::move(regex));
}

Regex::~Regex() { pcre2_code_free(static_cast<pcre2_code*>(code_)); }

RegexScratch::RegexScratch()
    : data_(pcre2_match_data_create(static_cast<uint32_t>(Regex::kGroupsMax) + 1, nullptr)),
      context_(pcre2_match_context_create(nullptr)) {
  constexpr uint32_t kHeapKibibytesMax = 64 * 1024;
  pcre2_set_heap_limit(static_cast<pcre2_match_context*>(context_), kHeapKibibytesMax);
}

RegexScratch::~RegexScratch() {
  pcre2_match_context_free(static_cast<pcre2_match_context*>(context_));
  pcre2_match_data_free(static_cast<pcre2_match_data*>(data_));
}

Status Regex::Find(std::string_view text, size_t start, uint32_t match_limit, RegexScratch* scratch,
                   Groups* groups) const {
  groups->clear();
  auto* data = static_cast<pcre2_match_data*>(scratch->data_);
  auto* context = static_cast<pcre2_match_context*>(scratch->context_);
  pcre2_set_match_limit(context, match_limit);
  pcre2_set_depth_limit(context, match_limit);
  const int count =
      pcre2_match(static_cast<const pcre2_code*>(code_), reinterpret_cast<PCRE2_SPTR>(text.data()),
                  text.size(), start, PCRE2_NO_UTF_CHECK, data, context);
  if (count > 0) {
    const PCRE2_SIZE* ends = pcre2_get_ovector_pointer(data);
    const auto pairs = static_cast<size_t>(group_count_) + 1;
    for (size_t i = 0; i < pairs; ++i) {
      const bool set = static_cast<int>(i) < count && ends[2 * i] != PCRE2_UNSET;
      groups->emplace_back(set ? ends[2 * i] : kNone, set ? ends[2 * i + 1] : kNone);
    }
  }
  if (count >= 0 || count == PCRE2_ERROR_NOMATCH) return OkStatus();
  return ResourceExhausted("the match takes more steps than match_limit");
}

Result<std::shared_ptr<const Regex>> RegexCache::Get(std::string_view pattern,
                                                     std::string_view flags) {
  for (const Item& item : items_) {
    if (item.pattern == pattern && item.flags == flags) return item.regex;
  }
  CREDENCE_ASSIGN(auto regex, Regex::Compile(pattern, flags));
  Item item{std::string(pattern), std::string(flags), regex};
  if (items_.size() < kEntriesMax) {
    items_.push_back(std::move(item));
  } else {
    items_[next_] = std::move(item);
    next_ = (next_ + 1) % kEntriesMax;
  }
  return regex;
}

size_t RegexFlagsPosition(std::string_view builtin_name) {
  if (builtin_name == "matches") return 2;
  if (builtin_name == "replace") return 3;
  if (builtin_name == "split") return 2;
  return 0;
}

}  // namespace credence::feel
