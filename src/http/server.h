#pragma once
// Server: HTTP/1.1 (and 1.0) over TCP, without TLS. It knows no domain: requests go to a handler,
// and answers come back whenever the handler's work is done, from any thread, in the order of the
// requests of each connection.
//
// What the protocol forbids is answered here with an RFC 9457 problem, and the connection ends,
// since nobody can say where the next request would begin: 400 (malformed, no or two Host headers,
// Content-Length beside Transfer-Encoding, bad chunks, line ends that are no CRLF), 408, 413, 414,
// 417, 431, 501 (a transfer coding other than chunked), 505. A connection beyond `connections_max`
// gets 503. Trailers are read and thrown away.
//
// Threads: handler and head check are called on the io threads, several at a time only if
// `threads` is more than one, and must not block. Everything else may be called by anybody.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "src/base/status.h"
#include "src/http/message.h"
#include "src/http/request_parser.h"

namespace credence::http {

inline constexpr size_t kConnectionsMax = 1024;
// Requests of one connection that wait for their answer; more are not read meanwhile.
inline constexpr size_t kPipelinedMax = 128;
// Answers that a client does not take; then nothing more is read from it.
inline constexpr size_t kUnsentBytesMax = size_t{1} << 20;
// After an early answer, what a client goes on sending is thrown away up to here.
inline constexpr size_t kLingerBytesMax = size_t{1} << 20;

struct ServerOptions {
  std::string address = "127.0.0.1";  // IPv4 or IPv6, no name
  uint16_t port = 0;                  // 0: any
  int threads = 1;                    // that read and write
  size_t connections_max = kConnectionsMax;
  size_t pipelined_max = kPipelinedMax;
  // From the first byte of a request to the end of its headers: 408.
  std::chrono::milliseconds header_timeout{10'000};
  // From there to the end of its body: 408.
  std::chrono::milliseconds body_timeout{30'000};
  // Without a request; the connection is closed.
  std::chrono::milliseconds idle_timeout{75'000};
  // In which a client takes nothing of an answer; the connection is closed.
  std::chrono::milliseconds write_timeout{30'000};
  // For answering what was accepted, once Stop is called.
  std::chrono::milliseconds stop_timeout{10'000};
  // Sees each answer that did not come from the handler. May be empty.
  std::function<void(int status)> on_refused;
};

// Where one answer goes. To be called once, by any thread; one that is dropped without being called
// answers 500. Outlives the server without harm.
class Responder {
 public:
  struct Slot;  // of a connection
  Responder() = default;
  Responder(std::shared_ptr<Slot> connection, uint64_t number)
      : connection_(std::move(connection)), number_(number) {}
  Responder(Responder&& other) noexcept = default;
  Responder& operator=(Responder&& other) noexcept;
  ~Responder();
  void operator()(Response response);
  [[nodiscard]] bool waits() const { return connection_ != nullptr; }

 private:
  std::shared_ptr<Slot> connection_;
  uint64_t number_ = 0;
};

// The request is given away; its memory is not used again.
using Handler = std::function<void(Request request, Responder responder)>;

struct ServerCounts {
  uint64_t accepted = 0;     // connections
  uint64_t turned_away = 0;  // for there were too many
  uint64_t open = 0;
  uint64_t requests = 0;  // whole ones
  uint64_t timeouts = 0;
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;
};

class Server {
 public:
  // Listens when it returns. `head_check` may be empty.
  static Result<std::unique_ptr<Server>> Start(const ServerOptions& options, Handler handler,
                                               HeadCheck head_check = {});
  // Stop.
  ~Server();

  // "127.0.0.1:8080", "[::1]:8080".
  [[nodiscard]] const std::string& address() const;
  [[nodiscard]] uint16_t port() const;
  [[nodiscard]] ServerCounts counts() const;

  // Takes no more connections and requests, waits until those that were handed to the handler are
  // answered and sent (at most stop_timeout), closes. Not from an io thread.
  void Stop();

 private:
  struct Rep;
  explicit Server(std::shared_ptr<Rep> rep) : rep_(std::move(rep)) {}
  std::shared_ptr<Rep> rep_;
};

}  // namespace credence::http
