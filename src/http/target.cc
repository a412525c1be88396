#include "src/http/target.h"

#include <algorithm>

#include "src/http/message.h"

namespace credence::http {

namespace {

bool IsAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// pchar of RFC 3986 without the percent sign.
bool IsPathMark(char c) {
  return IsAlphanumeric(c) ||
         std::string_view("-._~!$&'()*+,;=:@").find(c) != std::string_view::npos;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool IsTokenChar(char c) {
  return IsAlphanumeric(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

// Decodes a part of the path or query.
Status Decode(std::string_view text, bool query, std::string* out) {
  out->clear();
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '%') {
      const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return InvalidArgument("expected two hexadecimal digits after %");
      const auto byte = static_cast<unsigned char>(high * 16 + low);
      if (byte < 0x20 || byte == 0x7F) {
        return InvalidArgument("expected no control characters, also none written with %");
      }
      *out += static_cast<char>(byte);
      i += 2;
    } else if (query && c == '+') {
      *out += ' ';
    } else if (IsPathMark(c) || (query && (c == '/' || c == '?'))) {
      *out += c;
    } else {
      return InvalidArgument("expected every character outside RFC 3986 written as %XX");
    }
  }
  if (!IsUtf8(*out)) return InvalidArgument("expected UTF-8 behind the %XX");
  return {};
}

Status ParsePath(std::string_view path, Target* target) {
  std::string segment;
  while (!path.empty()) {
    path.remove_prefix(1);  // '/'
    const size_t end = std::min(path.find('/'), path.size());
    CREDENCE_TRY(Decode(path.substr(0, end), false, &segment));
    if (segment == "." || segment == "..") {
      return InvalidArgument("expected a path without the segments . and ..");
    }
    if (segment.empty() && (end < path.size() || !target->segments.empty())) {
      return InvalidArgument("expected a path without empty segments");
    }
    if (target->segments.size() == kSegmentsMax) {
      return InvalidArgument("expected at most " + std::to_string(kSegmentsMax) +
                             " segments in the path");
    }
    if (!segment.empty()) target->segments.push_back(segment);
    path.remove_prefix(end);
  }
  return {};
}

Status ParseQuery(std::string_view query, Target* target) {
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    const size_t equals = std::min(pair.find('='), pair.size());
    std::pair<std::string, std::string> parameter;
    CREDENCE_TRY(Decode(pair.substr(0, equals), true, &parameter.first));
    CREDENCE_TRY(Decode(pair.substr(std::min(equals + 1, pair.size())), true, &parameter.second));
    if (target->Parameter(parameter.first)) {
      return InvalidArgument("expected every parameter of the query at most once");
    }
    if (target->query.size() == kQueryParametersMax) {
      return InvalidArgument("expected at most " + std::to_string(kQueryParametersMax) +
                             " parameters in the query");
    }
    target->query.push_back(std::move(parameter));
  }
  return {};
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

bool IsUtf8(std::string_view text) {
  size_t i = 0;
  while (i < text.size()) {
    const auto first = static_cast<unsigned char>(text[i]);
    if (first < 0x80) {
      ++i;
      continue;
    }
    const size_t more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
    if (first < 0xC2 || first > 0xF4 || i + more >= text.size()) return false;
    uint32_t code = first & (0x3FU >> more);
    for (size_t k = 1; k <= more; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if ((next & 0xC0U) != 0x80) return false;
      code = code << 6 | (next & 0x3FU);
    }
    static constexpr uint32_t kLeast[] = {0, 0x80, 0x800, 0x10000};
    if (code < kLeast[more] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return false;
    i += more + 1;
  }
  return true;
}

std::optional<std::string_view> Target::Parameter(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return std::nullopt;
}

Status ParseTarget(std::string_view text, Target* target) {
  target->segments.clear();
  target->query.clear();
  constexpr std::string_view kScheme = "http://";
  if (text.size() > kScheme.size() && EqualsIgnoringCase(text.substr(0, kScheme.size()), kScheme)) {
    text.remove_prefix(kScheme.size());
    const size_t path = text.find_first_of("/?#");
    if (path == 0) return InvalidArgument("expected a host behind http://");
    text.remove_prefix(std::min(path, text.size()));
    if (text.empty()) return {};
  }
  if (text.empty() || text.front() != '/') {
    return InvalidArgument("expected a path that begins with / or an http URI");
  }
  if (text.find('#') != std::string_view::npos) return InvalidArgument("expected no fragment");
  const size_t query = std::min(text.find('?'), text.size());
  CREDENCE_TRY(ParsePath(text.substr(0, query), target));
  return ParseQuery(text.substr(std::min(query + 1, text.size())), target);
}

std::optional<std::string_view> ParseBearer(std::string_view header) {
  constexpr std::string_view kScheme = "bearer";
  if (header.size() < kScheme.size() + 2 ||
      !EqualsIgnoringCase(header.substr(0, kScheme.size()), kScheme) ||
      header[kScheme.size()] != ' ') {
    return std::nullopt;
  }
  std::string_view token = Trim(header.substr(kScheme.size()));
  std::string_view body = token;
  while (!body.empty() && body.back() == '=') body.remove_suffix(1);
  const bool good = !body.empty() && std::all_of(body.begin(), body.end(), [](char c) {
    return IsAlphanumeric(c) || std::string_view("-._~+/").find(c) != std::string_view::npos;
  });
  if (!good) return std::nullopt;
  return token;
}

std::optional<std::string> ParseMediaType(std::string_view header) {
  const size_t end = std::min(header.find(';'), header.size());
  std::string type(Trim(header.substr(0, end)));
  const size_t slash = type.find('/');
  if (slash == 0 || slash == std::string::npos || slash + 1 == type.size()) return std::nullopt;
  for (size_t i = 0; i < type.size(); ++i) {
    if (i != slash && !IsTokenChar(type[i])) return std::nullopt;
    if (type[i] >= 'A' && type[i] <= 'Z') type[i] = static_cast<char>(type[i] - 'A' + 'a');
  }
  std::string_view parameters = header.substr(end);
  while (!parameters.empty()) {
    parameters.remove_prefix(1);
    const size_t next = std::min(parameters.find(';'), parameters.size());
    const std::string_view parameter = Trim(parameters.substr(0, next));
    parameters.remove_prefix(next);
    const size_t equals = parameter.find('=');
    if (equals == std::string_view::npos || equals == 0) return std::nullopt;
    std::string_view value = parameter.substr(equals + 1);
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
      value = value.substr(1, value.size() - 2);
    }
    if (value.empty()) return std::nullopt;
    if (EqualsIgnoringCase(parameter.substr(0, equals), "charset") &&
        !EqualsIgnoringCase(value, "utf-8")) {
      return std::nullopt;
    }
  }
  return type;
}

}  // namespace credence::http
