#pragma once
// Request and Response: what the server hands to its handler and gets back.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace credence::http {

// One request. Views into it live as long as it stays where it is.
class Request {
 public:
  [[nodiscard]] std::string_view method() const { return View(method_); }
  // As it was sent, not decoded: see target.h.
  [[nodiscard]] std::string_view target() const { return View(target_); }
  // The value of a header without white space around it, `name` in any case; empty where it was not
  // sent. Of several the first; the server refuses more than one of those that matter.
  [[nodiscard]] std::string_view Header(std::string_view name) const;
  // HTTP/1.1 (else 1.0).
  [[nodiscard]] bool is_http11() const { return http11_; }

  std::string body;
  // When its last byte was there.
  std::chrono::steady_clock::time_point received;

  // --- for whoever makes one ---
  void Clear();
  void SetLine(std::string_view method, std::string_view target, bool http11);
  void AddHeader(std::string_view name, std::string_view value);
  [[nodiscard]] size_t header_count() const { return fields_.size(); }

 private:
  struct Part {
    uint32_t at = 0;
    uint32_t size = 0;
  };
  [[nodiscard]] std::string_view View(Part part) const {
    return std::string_view(head_).substr(part.at, part.size);
  }
  Part Keep(std::string_view text);

  std::string head_;  // all texts, one behind the other
  Part method_;
  Part target_;
  bool http11_ = true;
  std::vector<std::pair<Part, Part>> fields_;
};

struct Response {
  int status = 200;
  std::string_view content_type;  // static text; empty: no body is described
  std::vector<std::pair<std::string, std::string>> headers;  // beside the usual ones
  std::string body;
  bool close = false;  // the connection ends after it
};

inline constexpr std::string_view kJsonType = "application/json";
inline constexpr std::string_view kProblemType = "application/problem+json";

// RFC 9110, section 15; "Unknown" for a code that is not used here.
[[nodiscard]] std::string_view ReasonPhrase(int status);

// An RFC 9457 problem of the protocol. The texts need no escaping in JSON.
[[nodiscard]] Response ProblemResponse(int status, std::string_view code, std::string_view title,
                                       std::string_view expected);

// Equal but for the case of ASCII letters.
[[nodiscard]] bool EqualsIgnoringCase(std::string_view a, std::string_view b);

}  // namespace credence::http
