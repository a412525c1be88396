#pragma once
// Client: HTTP/1.1 requests to one server over kept connections, for load generators and tests. A
// thread of its own sends and receives; answers are told on it.
//
// A connection that breaks fails what waits on it with kUnavailable (nobody knows whether the
// server took it: events may be sent again, they happen once), and is made again for the next
// request.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "src/base/status.h"

namespace credence::http {

inline constexpr size_t kReplyBytesMax = size_t{64} << 20;

struct ClientOptions {
  std::string address = "127.0.0.1";  // IPv4 or IPv6, no name
  uint16_t port = 0;
  size_t connections = 1;
  // Requests of one connection that may wait for their answers; more wait in the client. 1: no
  // pipelining.
  size_t pipelined = 1;
  std::chrono::milliseconds timeout{30'000};  // of one request, from when it is sent
};

struct Reply {
  Status status;  // of the transport; the rest means nothing unless it is ok
  int code = 0;   // HTTP status
  std::string content_type;
  std::string retry_after;
  std::string body;
};

struct Call {
  std::string_view method = "POST";
  std::string_view target;
  std::string_view content_type;  // empty: not sent
  std::string_view bearer;        // API key; empty: not sent
  std::string_view body;
};

class Client {
 public:
  using Done = std::function<void(Reply reply)>;

  // Connects all. kUnavailable if the server is not there.
  static Result<std::unique_ptr<Client>> Connect(const ClientOptions& options);
  // What waits fails.
  ~Client();

  // Any thread. Copies what `call` points to; `done` is called once, on the client's thread, and
  // must not block.
  void Send(const Call& call, Done done);
  // Waits for the answer. Not on the client's thread.
  Reply Ask(const Call& call);
  // Requests that wait for their answer, or to be sent.
  [[nodiscard]] size_t waiting() const;

 private:
  struct Rep;
  explicit Client(std::shared_ptr<Rep> rep) : rep_(std::move(rep)) {}
  std::shared_ptr<Rep> rep_;
};

}  // namespace credence::http
