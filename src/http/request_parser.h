#pragma once
// RequestParser: one request after the other out of the bytes of a connection, with the checks that
// HTTP/1.1 asks of a server (RFC 9112, sections 3.2, 6.1, 6.3, 11.2). Knows no socket.

#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "src/http/message.h"

namespace credence::http {

inline constexpr size_t kHeaderBytesMax = size_t{16} << 10;  // request line and headers: 431
inline constexpr size_t kTargetBytesMax = size_t{4} << 10;   // 414
inline constexpr size_t kHeadersMax = 64;                    // 431
inline constexpr size_t kBodyBytesMax = size_t{1} << 20;     // unless the head check says: 413
// Of the line of a chunk with its extensions, and of trailers: 400.
inline constexpr size_t kUnparsedBytesMax = size_t{32} << 10;

// What is known once the headers are there and before the body is: how large the body may be, or
// an answer that needs no body (the connection then ends, unless there is none to come).
struct HeadVerdict {
  size_t body_bytes_max = kBodyBytesMax;
  bool answered = false;
  Response answer;  // where `answered`
};
using HeadCheck = std::function<HeadVerdict(const Request& head)>;

class RequestParser {
 public:
  // `head_check` may be empty; it outlives the parser.
  explicit RequestParser(const HeadCheck& head_check);
  ~RequestParser();

  enum class Got : uint8_t {
    kPart,     // the request goes on; what was not used is to be given again with more behind it
    kRequest,  // a whole one: Take it
    kRefused,  // TakeRefusal; nothing more can be read after it
  };
  // Reads from the front of `bytes`; `*used` of them are done with.
  Got Put(std::string_view bytes, size_t* used);

  // The request that is whole; the next Put begins another.
  struct Taken {
    Request request;
    bool last = false;              // the client wants the connection to end after it
    std::optional<Response> early;  // of the head check
  };
  Taken Take();
  Response TakeRefusal();

  // Of the request that is being read.
  [[nodiscard]] bool begun() const;
  [[nodiscard]] bool head_read() const;
  [[nodiscard]] bool is_head_method() const;   // its answer has no body
  [[nodiscard]] bool waits_for_leave() const;  // Expect: 100-continue, and the headers are there

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace credence::http
