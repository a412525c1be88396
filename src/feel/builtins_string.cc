// Built-in functions on strings (DMN 1.5, 10.3.4.3). Positions and lengths count code points.

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "src/feel/builtin.h"
#include "src/feel/evaluate.h"
#include "src/feel/regex.h"

namespace credence::feel {
namespace {

constexpr std::string_view kNeedsString = "the argument is not a string";
constexpr std::string_view kTooLong = "the string is longer than string_bytes_max";

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

int64_t CountPoints(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return !IsContinuation(c); });
}

// The byte at which code point `n` (from 0) begins; the size of the text beyond its end.
size_t ByteOf(std::string_view text, int64_t n) {
  size_t i = 0;
  while (i < text.size()) {
    if (!IsContinuation(text[i]) && n-- == 0) return i;
    ++i;
  }
  return text.size();
}

size_t NextPoint(std::string_view text, size_t at) {
  ++at;
  while (at < text.size() && IsContinuation(text[at])) ++at;
  return at;
}

Value MakeString(const BuiltinCall& call, std::string_view text) {
  if (text.size() > call.context.limits.string_bytes_max) {
    return Value::Null(NullReason::kLimit, kTooLong);
  }
  return CopyString(call.arena(), text);
}

Value Substring(const BuiltinCall& call) {
  const Value& text = Single(call[0]);
  const Value& start = Single(call[1]);
  if (!text.IsString()) return WrongArgument(text, kNeedsString);
  if (!start.IsNumber()) return WrongArgument(start, "the start position is not a number");
  const int64_t size = CountPoints(text.string());
  const auto whole = start.number().Rounded(0, Rounding::kDown).ToInt64();
  if (!whole || *whole == 0 || *whole > size || *whole < -size) {
    return Value::Null(NullReason::kArgument, "the start position is outside of the string");
  }
  const int64_t from = *whole > 0 ? *whole - 1 : size + *whole;
  int64_t count = size - from;
  if (call.size() > 2 && !IsAbsent(call[2])) {
    const Value& length = Single(call[2]);
    if (!length.IsNumber()) return WrongArgument(length, "the length is not a number");
    const Decimal rounded = length.number().Rounded(0, Rounding::kDown);
    if (rounded.IsNegative() || rounded.IsZero()) {
      return Value::Null(NullReason::kArgument, "the length is not positive");
    }
    count = std::min(count, rounded.ToInt64().value_or(count));
  }
  const size_t begin = ByteOf(text.string(), from);
  const std::string_view rest = text.string().substr(begin);
  return Value::String(rest.substr(0, ByteOf(rest, count)));
}

Value StringLength(const BuiltinCall& call) {
  const Value& text = Single(call[0]);
  if (!text.IsString()) return WrongArgument(text, kNeedsString);
  return Value::Integer(CountPoints(text.string()));
}

// Simple case mapping of Unicode through PCRE2's substitution, which knows the table.
std::string MapCase(std::string_view text, bool upper) {
  std::string out(text);
  const bool ascii = std::none_of(text.begin(), text.end(),
                                  [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
  if (ascii) {
    for (char& c : out) {
      if (upper && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
      if (!upper && c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return out;
  }
  if (upper) {
    // The one common letter whose capital is two letters.
    std::string expanded;
    for (size_t i = 0; i < text.size(); ++i) {
      if (text.substr(i, 2) == "\xC3\x9F") {
        expanded += "SS";
        ++i;
      } else {
        expanded += text[i];
      }
    }
    out = std::move(expanded);
  }
  int error = 0;
  PCRE2_SIZE offset = 0;
  static pcre2_code* const whole =
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>("(?s).+"), PCRE2_ZERO_TERMINATED,
                    PCRE2_UTF | PCRE2_UCP | PCRE2_NO_UTF_CHECK, &error, &offset, nullptr);
  std::string result(out.size() * 3 + 16, '\0');
  PCRE2_SIZE size = result.size();
  const char* replacement = upper ? "\\U$0" : "\\L$0";
  const int count =
      pcre2_substitute(whole, reinterpret_cast<PCRE2_SPTR>(out.data()), out.size(), 0,
                       PCRE2_SUBSTITUTE_EXTENDED | PCRE2_NO_UTF_CHECK, nullptr, nullptr,
                       reinterpret_cast<PCRE2_SPTR>(replacement), PCRE2_ZERO_TERMINATED,
                       reinterpret_cast<PCRE2_UCHAR*>(result.data()), &size);
  if (count < 0) return out;
  result.resize(size);
  return result;
}

Value ChangeCase(const BuiltinCall& call, bool upper) {
  const Value& text = Single(call[0]);
  if (!text.IsString()) return WrongArgument(text, kNeedsString);
  return MakeString(call, MapCase(text.string(), upper));
}
Value UpperCase(const BuiltinCall& call) { return ChangeCase(call, true); }
Value LowerCase(const BuiltinCall& call) { return ChangeCase(call, false); }

// The two strings that most functions take; null in `failure` is no failure.
bool TwoStrings(const BuiltinCall& call, std::string_view* a, std::string_view* b, Value* failure) {
  for (size_t i = 0; i < 2; ++i) {
    const Value& text = Single(call[i]);
    if (!text.IsString()) {
      *failure = WrongArgument(text, kNeedsString);
      return false;
    }
    *(i == 0 ? a : b) = text.string();
  }
  return true;
}

Value SubstringBefore(const BuiltinCall& call) {
  std::string_view text;
  std::string_view match;
  Value failure;
  if (!TwoStrings(call, &text, &match, &failure)) return failure;
  const size_t at = text.find(match);
  return Value::String(at == std::string_view::npos ? std::string_view() : text.substr(0, at));
}

Value SubstringAfter(const BuiltinCall& call) {
  std::string_view text;
  std::string_view match;
  Value failure;
  if (!TwoStrings(call, &text, &match, &failure)) return failure;
  const size_t at = text.find(match);
  return Value::String(at == std::string_view::npos ? std::string_view()
                                                    : text.substr(at + match.size()));
}

Value ContainsFn(const BuiltinCall& call) {
  std::string_view text;
  std::string_view match;
  Value failure;
  if (!TwoStrings(call, &text, &match, &failure)) return failure;
  return Value::Boolean(text.find(match) != std::string_view::npos);
}

Value StartsWith(const BuiltinCall& call) {
  std::string_view text;
  std::string_view match;
  Value failure;
  if (!TwoStrings(call, &text, &match, &failure)) return failure;
  return Value::Boolean(text.substr(0, match.size()) == match);
}

Value EndsWith(const BuiltinCall& call) {
  std::string_view text;
  std::string_view match;
  Value failure;
  if (!TwoStrings(call, &text, &match, &failure)) return failure;
  return Value::Boolean(text.size() >= match.size() &&
                        text.substr(text.size() - match.size()) == match);
}

Value LimitMet() {
  return Value::Null(NullReason::kLimit, "the match takes more steps than match_limit");
}

Value RegexMatches(const Regex& regex, const BuiltinCall& call) {
  const Value& text = Single(call[0]);
  if (!text.IsString()) return WrongArgument(text, kNeedsString);
  RegexCache& cache = call.context.regex_cache();
  Regex::Groups& groups = cache.groups();
  if (!regex.Find(text.string(), 0, call.context.limits.match_limit, &cache.scratch(), &groups)
           .ok()) {
    return LimitMet();
  }
  return Value::Boolean(!groups.empty());
}

// Appends the replacement of one match: $N and escapes of \ and $. False if it is malformed.
bool AppendReplacement(const Regex& regex, std::string_view replacement, std::string_view text,
                       const Regex::Groups& groups, std::string* out) {
  for (size_t i = 0; i < replacement.size(); ++i) {
    const char c = replacement[i];
    if (regex.is_literal() || (c != '$' && c != '\\')) {
      *out += c;
      continue;
    }
    if (++i >= replacement.size()) return false;
    if (c == '\\') {
      if (replacement[i] != '\\' && replacement[i] != '$') return false;
      *out += replacement[i];
      continue;
    }
    if (replacement[i] < '0' || replacement[i] > '9') return false;
    int number = replacement[i] - '0';
    while (i + 1 < replacement.size() && replacement[i + 1] >= '0' && replacement[i + 1] <= '9' &&
           number * 10 + (replacement[i + 1] - '0') <= regex.group_count()) {
      number = number * 10 + (replacement[++i] - '0');
    }
    if (number > regex.group_count()) continue;
    const auto& [begin, end] = groups[static_cast<size_t>(number)];
    if (begin != Regex::kNone) *out += text.substr(begin, end - begin);
  }
  return true;
}

Value RegexReplace(const Regex& regex, const BuiltinCall& call) {
  const Value& input = Single(call[0]);
  const Value& replacement = Single(call[2]);
  if (!input.IsString()) return WrongArgument(input, kNeedsString);
  if (!replacement.IsString()) return WrongArgument(replacement, kNeedsString);
  const std::string_view text = input.string();
  RegexCache& cache = call.context.regex_cache();
  Regex::Groups& groups = cache.groups();
  // A pattern that matches nothing at all is an error (XPath, FORX0003).
  if (!regex.Find("", 0, call.context.limits.match_limit, &cache.scratch(), &groups).ok())
    return LimitMet();
  if (!groups.empty()) {
    return Value::Null(NullReason::kArgument, "the pattern matches the empty string");
  }
  std::string out;
  size_t at = 0;
  while (true) {
    if (!regex.Find(text, at, call.context.limits.match_limit, &cache.scratch(), &groups).ok())
      return LimitMet();
    if (groups.empty()) break;
    const auto [begin, end] = groups[0];
    out += text.substr(at, begin - at);
    if (!AppendReplacement(regex, replacement.string(), text, groups, &out)) {
      return Value::Null(NullReason::kArgument,
                         "the replacement has a '$' or '\\' that is not escaped");
    }
    if (out.size() > call.context.limits.string_bytes_max) {
      return Value::Null(NullReason::kLimit, kTooLong);
    }
    at = end;
    if (end > begin) continue;
    if (at >= text.size()) break;
    const size_t next = NextPoint(text, at);
    out += text.substr(at, next - at);
    at = next;
  }
  out += text.substr(std::min(at, text.size()));
  return MakeString(call, out);
}

Value RegexSplit(const Regex& regex, const BuiltinCall& call) {
  const Value& input = Single(call[0]);
  if (!input.IsString()) return WrongArgument(input, kNeedsString);
  const std::string_view text = input.string();
  std::vector<Value> parts;
  RegexCache& cache = call.context.regex_cache();
  Regex::Groups& groups = cache.groups();
  size_t part = 0;
  size_t at = 0;
  while (at <= text.size()) {
    if (!regex.Find(text, at, call.context.limits.match_limit, &cache.scratch(), &groups).ok())
      return LimitMet();
    if (groups.empty()) break;
    const auto [begin, end] = groups[0];
    if (end == begin) {
      // An empty match separates characters, not nothing from something.
      if (begin >= text.size()) break;
      if (begin > part) {
        parts.push_back(Value::String(text.substr(part, begin - part)));
        part = begin;
      }
      at = NextPoint(text, begin);
    } else {
      parts.push_back(Value::String(text.substr(part, begin - part)));
      part = end;
      at = end;
    }
    if (parts.size() >= call.context.limits.list_items_max) {
      return Value::Null(NullReason::kLimit, "the list is longer than list_items_max");
    }
  }
  parts.push_back(Value::String(text.substr(part)));
  return CopyList(call.arena(), parts);
}

// Checks pattern and flags, and gets the compiled pattern.
Value WithPattern(const BuiltinCall& call, size_t flags_at,
                  Value (*fn)(const Regex&, const BuiltinCall&)) {
  const Value& text = Single(call[0]);
  const Value& pattern = Single(call[1]);
  if (!text.IsString()) return WrongArgument(text, kNeedsString);
  if (!pattern.IsString()) return WrongArgument(pattern, kNeedsString);
  std::string_view flags;
  // No flags: not given, or null.
  if (call.size() > flags_at && !call[flags_at].IsNull()) {
    const Value& given = Single(call[flags_at]);
    if (!given.IsString()) return WrongArgument(given, kNeedsString);
    flags = given.string();
  }
  const auto regex = call.context.regex_cache().Get(pattern.string(), flags);
  if (!regex.ok()) return NullWithText(call.arena(), NullReason::kParse, regex.status().message());
  return fn(**regex, call);
}

Value Matches(const BuiltinCall& call) { return WithPattern(call, 2, RegexMatches); }
Value Replace(const BuiltinCall& call) { return WithPattern(call, 3, RegexReplace); }
Value Split(const BuiltinCall& call) { return WithPattern(call, 2, RegexSplit); }

Value StringJoin(const BuiltinCall& call) {
  std::string_view delimiter;
  if (call.size() > 1 && !call[1].IsNull()) {
    const Value& given = Single(call[1]);
    if (!given.IsString()) return WrongArgument(given, "the delimiter is not a string");
    delimiter = given.string();
  }
  if (call[0].IsNull()) return WrongArgument(call[0], kNeedsString);
  const std::span<const Value> items = call[0].IsList() ? call[0].list() : call.args.first(1);
  std::string out;
  bool first = true;
  for (const Value& item : items) {
    if (item.IsNull()) continue;
    if (!item.IsString()) return WrongArgument(item, "an item of the list is not a string");
    if (!first) out += delimiter;
    first = false;
    out += item.string();
    if (out.size() > call.context.limits.string_bytes_max) {
      return Value::Null(NullReason::kLimit, kTooLong);
    }
  }
  return MakeString(call, out);
}

constexpr auto kString = Type::Id::kString;
constexpr auto kBoolean = Type::Id::kBoolean;

constexpr std::array<Builtin, 13> kTable = {{
    {"substring", "string,start position,length?", Substring, kString},
    {"string length", "string", StringLength, Type::Id::kNumber},
    {"upper case", "string", UpperCase, kString},
    {"lower case", "string", LowerCase, kString},
    {"substring before", "string,match", SubstringBefore, kString},
    {"substring after", "string,match", SubstringAfter, kString},
    {"replace", "input,pattern,replacement,flags?", Replace, kString},
    {"contains", "string,match", ContainsFn, kBoolean},
    {"starts with", "string,match", StartsWith, kBoolean},
    {"ends with", "string,match", EndsWith, kBoolean},
    {"matches", "input,pattern,flags?", Matches, kBoolean},
    {"split", "string,delimiter", Split, Type::Id::kList},
    {"string join", "list,delimiter?", StringJoin, kString},
}};

}  // namespace

Value CallWithRegex(std::string_view builtin, const Regex& regex, std::span<const Value> args,
                    EvaluationContext& context) {
  const BuiltinCall call{args, context, -1};
  if (builtin == "matches") return RegexMatches(regex, call);
  if (builtin == "replace") return RegexReplace(regex, call);
  return RegexSplit(regex, call);
}

std::span<const Builtin> StringBuiltins() { return kTable; }

}  // namespace credence::feel
