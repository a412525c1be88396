#include "src/http/client.h"

#include <atomic>
#include <boost/asio/connect.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include "src/http/message.h"
#include "src/thread/thread.h"

namespace credence::http {

namespace asio = boost::asio;
namespace beast_http = boost::beast::http;
using Tcp = asio::ip::tcp;
using Error = boost::system::error_code;
using Clock = std::chrono::steady_clock;

namespace {

constexpr size_t kReadBytes = size_t{64} << 10;
constexpr std::chrono::milliseconds kSweepEvery{100};

class ReplyParser final : public beast_http::basic_parser<false> {
 public:
  ReplyParser() {
    eager(true);
    body_limit(kReplyBytesMax);
    header_limit(64 << 10);
  }
  Reply reply;

 private:
  void on_response_impl(int code, boost::beast::string_view /*reason*/, int /*version*/,
                        Error& /*ec*/) override {
    reply.code = code;
  }
  void on_field_impl(beast_http::field field, boost::beast::string_view /*name*/,
                     boost::beast::string_view value, Error& /*ec*/) override {
    if (field == beast_http::field::content_type) {
      reply.content_type.assign(value.data(), value.size());
    } else if (field == beast_http::field::retry_after) {
      reply.retry_after.assign(value.data(), value.size());
    }
  }
  size_t on_body_impl(boost::beast::string_view body, Error& /*ec*/) override {
    reply.body.append(body.data(), body.size());
    return body.size();
  }
  size_t on_chunk_body_impl(uint64_t /*remain*/, boost::beast::string_view body,
                            Error& /*ec*/) override {
    reply.body.append(body.data(), body.size());
    return body.size();
  }
  void on_request_impl(beast_http::verb /*method*/, boost::beast::string_view /*text*/,
                       boost::beast::string_view /*target*/, int /*version*/,
                       Error& /*ec*/) override {}
  void on_header_impl(Error& /*ec*/) override {}
  void on_body_init_impl(const boost::optional<uint64_t>& /*length*/, Error& /*ec*/) override {}
  void on_chunk_header_impl(uint64_t /*size*/, boost::beast::string_view /*extensions*/,
                            Error& /*ec*/) override {}
  void on_finish_impl(Error& /*ec*/) override {}
};

struct Waiting {
  std::string bytes;
  bool head_only = false;
  Client::Done done;
  Clock::time_point sent;
};

}  // namespace

struct Client::Rep : std::enable_shared_from_this<Client::Rep> {
  struct Connection;

  explicit Rep(const ClientOptions& given) : options(given), work(io.get_executor()), sweep(io) {}

  ClientOptions options;
  asio::io_context io{1};
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work;
  asio::steady_timer sweep;
  Tcp::endpoint endpoint;
  std::string host;
  std::vector<std::shared_ptr<Connection>> connections;
  std::deque<Waiting> waiting;  // for a connection that has room
  std::thread thread;
  std::atomic<size_t> count{0};
  bool stopping = false;

  std::mutex mutex;
  std::vector<Waiting> inbox;  // guarded by mutex

  void Take();
  void Spread();
  void Sweep();
  void Stop();
  void Tell(Waiting* waiting_call, Reply reply) {
    count.fetch_sub(1, std::memory_order_relaxed);
    waiting_call->done(std::move(reply));
  }
  [[nodiscard]] std::string Write(const Call& call) const;
};

struct Client::Rep::Connection : std::enable_shared_from_this<Connection> {
  explicit Connection(Rep* owner) : rep(owner), socket(owner->io) {}

  Rep* rep;
  Tcp::socket socket;
  bool open = false;
  bool connecting = false;
  uint64_t generation = 0;  // of the socket: what an older one had to say is of no interest
  std::deque<Waiting> sent;
  std::string out;
  std::string writing;
  std::string in;
  size_t begin = 0;
  size_t end = 0;
  std::optional<ReplyParser> parser;

  void Connect();
  void Opened();
  void Send(Waiting call);
  void Flush();
  void Read();
  void OnRead(const Error& ec, size_t bytes);
  void Fail(const std::string& why);
};

void Client::Rep::Connection::Connect() {
  connecting = true;
  socket = Tcp::socket(rep->io);
  socket.async_connect(rep->endpoint,
                       [self = shared_from_this(), was = ++generation](const Error& ec) {
                         if (was != self->generation) return;
                         self->connecting = false;
                         if (ec) return self->Fail("cannot connect: " + ec.message());
                         self->Opened();
                       });
}

void Client::Rep::Connection::Opened() {
  Error ignored;
  socket.set_option(Tcp::no_delay(true), ignored);
  open = true;
  begin = end = 0;
  parser.emplace();
  Read();
  Flush();
}

void Client::Rep::Connection::Send(Waiting call) {
  call.sent = Clock::now();
  out += call.bytes;
  call.bytes.clear();
  sent.push_back(std::move(call));
  if (!open && !connecting) Connect();
}

void Client::Rep::Connection::Flush() {
  if (!open || !writing.empty() || out.empty()) return;
  writing.swap(out);
  asio::async_write(socket, asio::buffer(writing),
                    [self = shared_from_this(), was = generation](const Error& ec, size_t) {
                      if (was != self->generation) return;
                      self->writing.clear();
                      if (ec) return self->Fail("cannot send: " + ec.message());
                      self->Flush();
                    });
}

void Client::Rep::Connection::Read() {
  if (begin == end) begin = end = 0;
  if (in.size() - end < kReadBytes / 2) {
    in.erase(0, begin);
    end -= begin;
    begin = 0;
    if (in.size() < end + kReadBytes) in.resize(end + kReadBytes);
  }
  socket.async_read_some(
      asio::buffer(in.data() + end, in.size() - end),
      [self = shared_from_this(), was = generation](const Error& ec, size_t bytes) {
        if (was == self->generation) self->OnRead(ec, bytes);
      });
}

void Client::Rep::Connection::OnRead(const Error& ec, size_t bytes) {
  if (ec) return Fail("the server closed the connection");
  end += bytes;
  while (begin < end) {
    if (sent.empty()) return Fail("the server answered what nobody asked");
    if (!parser->got_some()) parser->skip(sent.front().head_only);
    Error parse;
    begin += parser->put(asio::const_buffer(in.data() + begin, end - begin), parse);
    if (parse && parse != beast_http::error::need_more) return Fail("the answer is not HTTP");
    if (!parser->is_done()) break;
    const bool ends = !parser->keep_alive();
    Reply reply = std::move(parser->reply);
    parser.emplace();
    if (reply.code >= 100 && reply.code < 200) continue;
    Waiting answered = std::move(sent.front());
    sent.pop_front();
    rep->Tell(&answered, std::move(reply));
    if (ends) return Fail("the server closed the connection");
  }
  rep->Spread();
  Read();
}

// What waits on it fails; the next call connects again.
void Client::Rep::Connection::Fail(const std::string& why) {
  ++generation;
  Error ignored;
  socket.close(ignored);
  open = false;
  connecting = false;
  out.clear();
  writing.clear();
  std::deque<Waiting> lost;
  lost.swap(sent);
  for (Waiting& call : lost) {
    Reply reply;
    reply.status = Unavailable(why);
    rep->Tell(&call, std::move(reply));
  }
  if (!rep->stopping) rep->Spread();
}

void Client::Rep::Take() {
  std::vector<Waiting> taken;
  {
    const std::lock_guard lock(mutex);
    taken.swap(inbox);
  }
  for (Waiting& call : taken) waiting.push_back(std::move(call));
  Spread();
}

// Each call goes to the connection that waits for the fewest answers.
void Client::Rep::Spread() {
  while (!waiting.empty()) {
    Connection* best = nullptr;
    for (const auto& connection : connections) {
      if (connection->sent.size() < options.pipelined &&
          (best == nullptr || connection->sent.size() < best->sent.size())) {
        best = connection.get();
      }
    }
    if (best == nullptr) break;
    Waiting call = std::move(waiting.front());
    waiting.pop_front();
    best->Send(std::move(call));
  }
  for (const auto& connection : connections) connection->Flush();
}

void Client::Rep::Sweep() {
  const auto now = Clock::now();
  for (const auto& connection : connections) {
    if (!connection->sent.empty() && now - connection->sent.front().sent > options.timeout) {
      connection->Fail("no answer came in time");
    }
  }
  sweep.expires_after(kSweepEvery);
  sweep.async_wait([this](const Error& ec) {
    if (!ec) Sweep();
  });
}

void Client::Rep::Stop() {
  stopping = true;
  Take();
  for (const auto& connection : connections) connection->Fail("the client was closed");
  for (Waiting& call : waiting) {
    Reply reply;
    reply.status = Unavailable("the client was closed");
    Tell(&call, std::move(reply));
  }
  waiting.clear();
  sweep.cancel();
  work.reset();
  io.stop();
}

std::string Client::Rep::Write(const Call& call) const {
  std::string text;
  text.reserve(call.body.size() + call.target.size() + 256);
  text.append(call.method).append(" ").append(call.target).append(" HTTP/1.1\r\nHost: ");
  text.append(host);
  if (!call.bearer.empty()) text.append("\r\nAuthorization: Bearer ").append(call.bearer);
  if (!call.content_type.empty()) text.append("\r\nContent-Type: ").append(call.content_type);
  if (!call.body.empty() || call.method != "GET") {
    text.append("\r\nContent-Length: ").append(std::to_string(call.body.size()));
  }
  text.append("\r\n\r\n").append(call.body);
  return text;
}

Result<std::unique_ptr<Client>> Client::Connect(const ClientOptions& options) {
  Error ec;
  const auto ip = asio::ip::make_address(options.address, ec);
  if (ec) return InvalidArgument("expected an IP address to connect to, not a name");
  if (options.connections < 1 || options.pipelined < 1) {
    return InvalidArgument("expected at least one connection, and one request on it");
  }
  auto rep = std::make_shared<Rep>(options);
  rep->endpoint = Tcp::endpoint(ip, options.port);
  rep->host = (ip.is_v6() ? "[" + ip.to_string() + "]" : ip.to_string()) + ":" +
              std::to_string(options.port);
  for (size_t i = 0; i < options.connections; ++i) {
    auto connection = std::make_shared<Rep::Connection>(rep.get());
    connection->socket.connect(rep->endpoint, ec);
    if (ec) return Unavailable("cannot connect to " + rep->host + ": " + ec.message());
    rep->connections.push_back(std::move(connection));
  }
  for (const auto& connection : rep->connections) connection->Opened();
  rep->thread = std::thread([raw = rep.get()] {
    thread::Begin("http client", thread::Urgency::kPrompt);
    raw->Sweep();
    raw->io.run();
  });
  return std::unique_ptr<Client>(new Client(std::move(rep)));
}

Client::~Client() {
  asio::post(rep_->io, [raw = rep_.get()] { raw->Stop(); });
  rep_->thread.join();
  rep_->connections.clear();
}

void Client::Send(const Call& call, Done done) {
  rep_->count.fetch_add(1, std::memory_order_relaxed);
  bool first = false;
  {
    const std::lock_guard lock(rep_->mutex);
    first = rep_->inbox.empty();
    rep_->inbox.push_back({rep_->Write(call), call.method == "HEAD", std::move(done), {}});
  }
  if (first) asio::post(rep_->io, [raw = rep_.get()] { raw->Take(); });
}

Reply Client::Ask(const Call& call) {
  std::mutex mutex;
  std::condition_variable came;
  std::optional<Reply> reply;
  Send(call, [&](Reply answer) {
    const std::lock_guard lock(mutex);
    reply = std::move(answer);
    came.notify_one();
  });
  std::unique_lock lock(mutex);
  came.wait(lock, [&] { return reply.has_value(); });
  return std::move(*reply);
}

size_t Client::waiting() const { return rep_->count.load(std::memory_order_relaxed); }

}  // namespace credence::http
