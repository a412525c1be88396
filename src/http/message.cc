#include "src/http/message.h"

#include "src/base/assert.h"

namespace credence::http {

namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (Lower(a[i]) != Lower(b[i])) return false;
  }
  return true;
}

std::string_view Request::Header(std::string_view name) const {
  for (const auto& [key, value] : fields_) {
    if (EqualsIgnoringCase(View(key), name)) return View(value);
  }
  return {};
}

void Request::Clear() {
  body.clear();
  head_.clear();
  method_ = target_ = {};
  http11_ = true;
  fields_.clear();
}

Request::Part Request::Keep(std::string_view text) {
  const Part part{static_cast<uint32_t>(head_.size()), static_cast<uint32_t>(text.size())};
  head_ += text;
  return part;
}

void Request::SetLine(std::string_view method, std::string_view target, bool http11) {
  method_ = Keep(method);
  target_ = Keep(target);
  http11_ = http11;
}

void Request::AddHeader(std::string_view name, std::string_view value) {
  const Part key = Keep(name);
  fields_.emplace_back(key, Keep(value));
}

std::string_view ReasonPhrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 421:
      return "Misdirected Request";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    case 507:
      return "Insufficient Storage";
    default:
      return "Unknown";
  }
}

Response ProblemResponse(int status, std::string_view code, std::string_view title,
                         std::string_view expected) {
  Response response;
  response.status = status;
  response.content_type = kProblemType;
  response.body.append(R"({"type":"https://credence.dev/problems/)")
      .append(code)
      .append(R"(","title":")")
      .append(title)
      .append(R"(","status":)")
      .append(std::to_string(status))
      .append(R"(,"expected":")")
      .append(expected)
      .append("\"}");
  return response;
}

}  // namespace credence::http
