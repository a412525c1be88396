// How values are written: string() and FEEL text.

#include "src/feel/function.h"
#include "src/feel/temporal.h"
#include "src/feel/value.h"

namespace credence::feel {
namespace {

// Beyond these the text ends in "...": lists may share their parts, so that a small expression
// makes a value whose text has no end in sight.
constexpr int kTextDepthMax = 1000;
constexpr size_t kTextBytesMax = size_t{64} << 20;

void AppendQuoted(std::string* out, std::string_view text) {
  *out += '"';
  for (const char c : text) {
    switch (c) {
      case '"':
        *out += "\\\"";
        break;
      case '\\':
        *out += "\\\\";
        break;
      case '\n':
        *out += "\\n";
        break;
      case '\r':
        *out += "\\r";
        break;
      case '\t':
        *out += "\\t";
        break;
      default:
        *out += c;
    }
  }
  *out += '"';
}

bool IsPlainName(std::string_view name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  for (const char c : name) {
    const bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '_' || c == ' ' || static_cast<unsigned char>(c) >= 0x80;
    if (!ok) return false;
  }
  return name.front() != ' ' && name.back() != ' ';
}

struct Writer {
  std::string* out;
  bool feel;  // temporals as literals
  size_t bytes_max = kTextBytesMax;

  void Scalar(const Value& value, std::string text) const {
    (void)value;
    if (feel) {
      *out += "@\"" + text + "\"";
    } else {
      *out += text;
    }
  }

  void Range(const RangeData& range, int depth) const {
    static constexpr std::string_view kOperators[] = {"", "<", "<=", ">", ">=", "=", "!="};
    if (range.form != RangeData::Form::kInterval) {
      *out += '(';
      *out += kOperators[static_cast<size_t>(range.form)];
      const bool at_end =
          range.form == RangeData::Form::kLess || range.form == RangeData::Form::kLessEqual;
      Write(at_end ? range.end : range.start, depth);
      *out += ')';
      return;
    }
    *out += range.start_included ? '[' : '(';
    Write(range.start, depth);
    *out += "..";
    Write(range.end, depth);
    *out += range.end_included ? ']' : ')';
  }

  void Write(const Value& value, int depth) const {
    if (depth > kTextDepthMax || out->size() > bytes_max) {
      *out += "...";
      return;
    }
    switch (value.kind()) {
      case Kind::kNull:
        *out += "null";
        return;
      case Kind::kNumber:
        *out += value.number().ToString();
        return;
      case Kind::kBoolean:
        *out += value.boolean() ? "true" : "false";
        return;
      case Kind::kString:
        AppendQuoted(out, value.string());
        return;
      case Kind::kDate:
        return Scalar(value, FormatDate(value.date()));
      case Kind::kTime:
        return Scalar(value, FormatTime(value.time()));
      case Kind::kDateTime:
        return Scalar(value, FormatDateTime(value.date_time()));
      case Kind::kDaysDuration:
        return Scalar(value, FormatDaysDuration(value.duration_ns()));
      case Kind::kYearsDuration:
        return Scalar(value, FormatYearsDuration(value.months()));
      case Kind::kList:
        return List(value, depth);
      case Kind::kContext:
        return Context(value, depth);
      case Kind::kRange:
        return Range(value.range(), depth + 1);
      case Kind::kFunction:
        *out += "function ";
        *out += value.function().name();
        return;
    }
  }

  void List(const Value& value, int depth) const {
    *out += '[';
    bool first = true;
    for (const Value& item : value.list()) {
      if (out->size() > bytes_max) break;
      if (!first) *out += ", ";
      first = false;
      Write(item, depth + 1);
    }
    *out += ']';
  }

  void Context(const Value& value, int depth) const {
    *out += '{';
    bool first = true;
    for (const Entry& entry : value.context()) {
      if (out->size() > bytes_max) break;
      if (!first) *out += ", ";
      first = false;
      if (IsPlainName(entry.name)) {
        *out += entry.name;
      } else {
        AppendQuoted(out, entry.name);
      }
      *out += ": ";
      Write(entry.value, depth + 1);
    }
    *out += '}';
  }
};

}  // namespace

std::string ToString(const Value& value) { return ToString(value, kTextBytesMax); }

std::string ToString(const Value& value, size_t bytes_max) {
  if (value.IsString()) return std::string(value.string());
  std::string out;
  Writer{&out, false, bytes_max}.Write(value, 0);
  return out;
}

std::string ToFeel(const Value& value) {
  std::string out;
  Writer{&out, true}.Write(value, 0);
  return out;
}

}  // namespace credence::feel
