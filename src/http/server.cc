#include "src/http/server.h"

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <condition_variable>
#include <ctime>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_set>

#include "src/base/assert.h"
#include "src/http/request_parser.h"
#include "src/thread/thread.h"

namespace credence::http {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;
using Error = boost::system::error_code;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

struct Responder::Slot {
  virtual ~Slot() = default;
  virtual void Answer(uint64_t number, Response response) = 0;
};

namespace {

constexpr milliseconds kSweepEvery{100};
constexpr milliseconds kLingerTime{1'000};
constexpr milliseconds kAcceptRetry{50};
constexpr size_t kReadBytes = size_t{16} << 10;

struct Counters {
  std::atomic<uint64_t> accepted{0};
  std::atomic<uint64_t> turned_away{0};
  std::atomic<uint64_t> open{0};
  std::atomic<uint64_t> requests{0};
  std::atomic<uint64_t> timeouts{0};
  std::atomic<uint64_t> bytes_in{0};
  std::atomic<uint64_t> bytes_out{0};
};

struct Shared {
  ServerOptions options;
  Handler handler;
  HeadCheck head_check;
  Counters counters;
};

void Add(std::atomic<uint64_t>* counter, uint64_t by) {
  counter->fetch_add(by, std::memory_order_relaxed);
}

Response TooSlow() {
  return ProblemResponse(408, "request-timeout", "The request did not come in time",
                         "expected the whole request within the server's time limits");
}

class Connection;

// One io thread, its connections, and the answers that other threads made for them.
class Loop : public std::enable_shared_from_this<Loop> {
 public:
  explicit Loop(std::shared_ptr<Shared> shared)
      : shared_(std::move(shared)), io_(1), work_(io_.get_executor()), sweep_(io_) {}

  void Run();
  void Add(Tcp::socket socket);
  void Answer(std::shared_ptr<Connection> connection, uint64_t number, Response response);
  void Remove(const std::shared_ptr<Connection>& connection);
  // On the loop's thread.
  void Stop();

  asio::io_context& io() { return io_; }
  [[nodiscard]] bool stopping() const { return stopping_; }
  Shared& shared() { return *shared_; }
  // The Date header's value, made once a second.
  const std::string& date();

 private:
  struct Waiting {
    std::shared_ptr<Connection> connection;
    uint64_t number = 0;
    Response response;
  };
  void Drain();
  void Sweep();
  void EndIfDone();

  std::shared_ptr<Shared> shared_;
  asio::io_context io_;
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work_;
  asio::steady_timer sweep_;
  std::unordered_set<std::shared_ptr<Connection>> connections_;
  bool stopping_ = false;
  Clock::time_point stop_by_;
  std::thread::id thread_;
  std::time_t date_second_ = 0;
  std::string date_;
  std::vector<Waiting> taken_;

  std::mutex mutex_;
  std::vector<Waiting> outbox_;  // guarded by mutex_
  bool ended_ = false;           // guarded by mutex_
};

class Connection final : public Responder::Slot, public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<Loop> loop, Tcp::socket socket)
      : loop_(std::move(loop)), socket_(std::move(socket)), parser_(loop_->shared().head_check) {}

  void Start() {
    idle_since_ = Clock::now();
    Read();
  }
  // Any thread.
  void Answer(uint64_t number, Response response) override {
    loop_->Answer(shared_from_this(), number, std::move(response));
  }
  // The rest on the loop's thread.
  void Deliver(uint64_t number, Response response);
  void Flush();
  void Check(Clock::time_point now);
  void FinishAndClose();
  void Close();
  [[nodiscard]] bool closed() const { return closed_; }

 private:
  struct Pending {
    uint64_t number = 0;
    bool head_only = false;
    bool last = false;  // the connection ends after it
    bool done = false;
    Response response;
  };

  void Read();
  void OnRead(const Error& ec, size_t bytes);
  void Parse();
  bool ParseOne();
  void TakeRequest();
  void RefuseAndEnd(Response response);
  void Serialise(const Pending& pending);
  void OnWritten(const Error& ec, size_t bytes);
  void Linger();
  [[nodiscard]] bool MayRead() const {
    return !closed_ && !input_ended_ && !reading_ &&
           pending_.size() < loop_->shared().options.pipelined_max && out_.size() < kUnsentBytesMax;
  }
  [[nodiscard]] bool InRequest() const { return begin_ < end_ || parser_.begun(); }

  std::shared_ptr<Loop> loop_;
  Tcp::socket socket_;
  RequestParser parser_;
  std::string in_;  // what was read and not yet parsed is [begin_, end_)
  size_t begin_ = 0;
  size_t end_ = 0;
  std::deque<Pending> pending_;
  uint64_t next_number_ = 1;
  std::string out_;      // to be written next
  std::string writing_;  // being written
  bool reading_ = false;
  bool parsing_ = false;
  bool input_ended_ = false;  // nothing more is taken from the client
  bool lingering_ = false;
  bool closed_ = false;
  size_t lingered_bytes_ = 0;
  Clock::time_point idle_since_;
  Clock::time_point request_since_;  // of the one that is being read
  Clock::time_point head_since_;     // its headers are whole since
  Clock::time_point write_since_;
  Clock::time_point linger_since_;
};

// --- Loop ---

void Loop::Run() {
  thread::Begin("http", thread::Urgency::kPrompt);
  thread_ = std::this_thread::get_id();
  Sweep();
  io_.run();
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    outbox_.clear();
  }
  // What was posted in between holds the loop: it must not be left lying.
  io_.restart();
  io_.poll();
}

void Loop::Add(Tcp::socket socket) {
  auto connection = std::make_shared<Connection>(shared_from_this(), std::move(socket));
  connections_.insert(connection);
  if (stopping_) {
    connection->FinishAndClose();
    return;
  }
  connection->Start();
}

void Loop::Answer(std::shared_ptr<Connection> connection, uint64_t number, Response response) {
  if (std::this_thread::get_id() == thread_) {
    if (connection->closed()) return;
    connection->Deliver(number, std::move(response));
    connection->Flush();
    return;
  }
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    first = outbox_.empty();
    outbox_.push_back({std::move(connection), number, std::move(response)});
  }
  if (first) asio::post(io_, [self = shared_from_this()] { self->Drain(); });
}

// All answers are put to their connections before the first is written, so that several for one
// connection leave together.
void Loop::Drain() {
  {
    const std::lock_guard lock(mutex_);
    taken_.swap(outbox_);
  }
  for (Waiting& waiting : taken_) {
    if (!waiting.connection->closed()) {
      waiting.connection->Deliver(waiting.number, std::move(waiting.response));
    }
  }
  for (const Waiting& waiting : taken_) waiting.connection->Flush();
  taken_.clear();
}

void Loop::Remove(const std::shared_ptr<Connection>& connection) {
  connections_.erase(connection);
  EndIfDone();
}

void Loop::Stop() {
  if (stopping_) return;
  stopping_ = true;
  stop_by_ = Clock::now() + shared_->options.stop_timeout;
  const std::vector<std::shared_ptr<Connection>> all(connections_.begin(), connections_.end());
  for (const auto& connection : all) connection->FinishAndClose();
  EndIfDone();
}

void Loop::EndIfDone() {
  if (!stopping_ || !connections_.empty()) return;
  work_.reset();
  sweep_.cancel();
}

void Loop::Sweep() {
  const auto now = Clock::now();
  const std::vector<std::shared_ptr<Connection>> all(connections_.begin(), connections_.end());
  const bool all_must_go = stopping_ && now > stop_by_;
  for (const auto& connection : all) {
    if (all_must_go) {
      connection->Close();
    } else {
      connection->Check(now);
    }
  }
  if (stopping_ && connections_.empty()) return;
  sweep_.expires_after(kSweepEvery);
  sweep_.async_wait([this](const Error& ec) {
    if (!ec) Sweep();
  });
}

const std::string& Loop::date() {
  const std::time_t now = std::time(nullptr);
  if (now != date_second_) {
    date_second_ = now;
    std::tm parts{};
    gmtime_r(&now, &parts);
    static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    char text[64];
    std::snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT", kDays[parts.tm_wday],
                  parts.tm_mday, kMonths[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour,
                  parts.tm_min, parts.tm_sec);
    date_ = text;
  }
  return date_;
}

// --- Connection: reading ---

void Connection::Read() {
  if (!MayRead()) return;
  if (begin_ == end_) begin_ = end_ = 0;
  if (in_.size() - end_ < kReadBytes / 2) {
    in_.erase(0, begin_);
    end_ -= begin_;
    begin_ = 0;
    if (in_.size() < end_ + kReadBytes) in_.resize(end_ + kReadBytes);
  }
  reading_ = true;
  socket_.async_read_some(asio::buffer(in_.data() + end_, in_.size() - end_),
                          [self = shared_from_this()](const Error& ec, size_t bytes) {
                            self->reading_ = false;
                            self->OnRead(ec, bytes);
                          });
}

void Connection::OnRead(const Error& ec, size_t bytes) {
  if (closed_) return;
  http::Add(&loop_->shared().counters.bytes_in, bytes);
  if (lingering_) {
    lingered_bytes_ += bytes;
    if (ec || lingered_bytes_ > kLingerBytesMax) return Close();
    return Linger();
  }
  if (input_ended_) return;  // refused meanwhile, by the sweep
  if (ec) {
    // The client has ended its side. What it asked for before is still answered; half a request is
    // nothing.
    input_ended_ = true;
    if (ec != asio::error::eof || pending_.empty()) return Close();
    pending_.back().last = true;
    return Flush();
  }
  if (!InRequest()) request_since_ = Clock::now();
  end_ += bytes;
  Parse();
  Flush();
  Read();
}

// Takes all whole requests that are there.
void Connection::Parse() {
  if (parsing_) return;  // an answer that came while the handler was called
  parsing_ = true;
  while (!input_ended_ && !closed_ && begin_ < end_ &&
         pending_.size() < loop_->shared().options.pipelined_max) {
    if (!ParseOne()) break;
  }
  parsing_ = false;
}

// False: no whole request is there, or the connection takes nothing more.
bool Connection::ParseOne() {
  const bool had_head = parser_.head_read();
  size_t used = 0;
  const auto got = parser_.Put(std::string_view(in_).substr(begin_, end_ - begin_), &used);
  begin_ += used;
  if (got == RequestParser::Got::kRefused) {
    RefuseAndEnd(parser_.TakeRefusal());
    return false;
  }
  if (got == RequestParser::Got::kRequest) {
    TakeRequest();
    return true;
  }
  if (parser_.head_read() && !had_head) {
    head_since_ = Clock::now();
    if (parser_.waits_for_leave() && pending_.empty() && begin_ == end_) {
      out_ += "HTTP/1.1 100 Continue\r\n\r\n";
    }
  }
  return false;
}

void Connection::TakeRequest() {
  RequestParser::Taken taken = parser_.Take();
  taken.request.received = Clock::now();
  request_since_ = taken.request.received;
  if (taken.last) input_ended_ = true;
  const uint64_t number = next_number_++;
  pending_.push_back({number, taken.request.method() == "HEAD", taken.last, false, {}});
  http::Add(&loop_->shared().counters.requests, 1);
  if (taken.early) {
    if (loop_->shared().options.on_refused) {
      loop_->shared().options.on_refused(taken.early->status);
    }
    return Deliver(number, std::move(*taken.early));
  }
  loop_->shared().handler(std::move(taken.request), Responder(shared_from_this(), number));
}

void Connection::RefuseAndEnd(Response response) {
  const bool head_only = parser_.is_head_method();
  input_ended_ = true;
  const uint64_t number = next_number_++;
  pending_.push_back({number, head_only, true, false, {}});
  if (loop_->shared().options.on_refused) loop_->shared().options.on_refused(response.status);
  Deliver(number, std::move(response));
}

// --- Connection: writing ---

void Connection::Deliver(uint64_t number, Response response) {
  CREDENCE_ASSERT(!pending_.empty() && number >= pending_.front().number);
  Pending& pending = pending_[number - pending_.front().number];
  CREDENCE_ASSERT(pending.number == number && !pending.done);
  pending.response = std::move(response);
  pending.done = true;
}

void Connection::Serialise(const Pending& pending) {
  const Response& response = pending.response;
  const bool ends = pending.last || response.close;
  out_ += "HTTP/1.1 ";
  out_ += std::to_string(response.status);
  out_ += ' ';
  out_ += ReasonPhrase(response.status);
  out_ += "\r\nDate: ";
  out_ += loop_->date();
  if (!response.content_type.empty()) {
    out_ += "\r\nContent-Type: ";
    out_ += response.content_type;
  }
  for (const auto& [name, value] : response.headers) {
    out_ += "\r\n";
    out_ += name;
    out_ += ": ";
    out_ += value;
  }
  if (response.status != 204) {
    out_ += "\r\nContent-Length: ";
    out_ += std::to_string(response.body.size());
  }
  if (ends) out_ += "\r\nConnection: close";
  out_ += "\r\n\r\n";
  if (!pending.head_only && response.status != 204) out_ += response.body;
}

// Writes what is ready, in the order of the requests.
void Connection::Flush() {
  if (closed_ || parsing_) return;
  bool ends = false;
  while (!pending_.empty() && pending_.front().done && !ends) {
    Serialise(pending_.front());
    ends = pending_.front().last || pending_.front().response.close;
    pending_.pop_front();
  }
  if (ends) {
    input_ended_ = true;
    lingering_ = true;
  }
  if (!writing_.empty()) return;
  if (out_.empty()) return;
  writing_.swap(out_);
  write_since_ = Clock::now();
  asio::async_write(
      socket_, asio::buffer(writing_),
      [self = shared_from_this()](const Error& ec, size_t bytes) { self->OnWritten(ec, bytes); });
}

void Connection::OnWritten(const Error& ec, size_t bytes) {
  http::Add(&loop_->shared().counters.bytes_out, bytes);
  writing_.clear();
  if (closed_) return;
  if (ec) return Close();
  idle_since_ = Clock::now();
  Flush();
  if (!writing_.empty()) return;
  if (lingering_) {
    Error ignored;
    socket_.shutdown(Tcp::socket::shutdown_send, ignored);
    linger_since_ = Clock::now();
    return Linger();
  }
  if (begin_ < end_ && !input_ended_) {
    Parse();  // was held back
    Flush();
  }
  Read();
}

// Takes and forgets what the client still sends, so that it sees the answer and not a reset.
void Connection::Linger() {
  if (reading_ || closed_) return;
  if (in_.size() < kReadBytes) in_.resize(kReadBytes);
  reading_ = true;
  socket_.async_read_some(asio::buffer(in_),
                          [self = shared_from_this()](const Error& ec, size_t bytes) {
                            self->reading_ = false;
                            self->OnRead(ec, bytes);
                          });
}

// --- Connection: ending ---

void Connection::Check(Clock::time_point now) {
  if (closed_) return;
  const ServerOptions& options = loop_->shared().options;
  if (!writing_.empty()) {
    if (now - write_since_ > options.write_timeout) Close();
    return;
  }
  if (lingering_) {
    if (now - linger_since_ > kLingerTime) Close();
    return;
  }
  if (input_ended_) return;
  if (pending_.size() >= options.pipelined_max) return;  // it is the server that is slow
  if (InRequest()) {
    const bool late = parser_.head_read() ? now - head_since_ > options.body_timeout
                                          : now - request_since_ > options.header_timeout;
    if (!late) return;
    http::Add(&loop_->shared().counters.timeouts, 1);
    RefuseAndEnd(TooSlow());
    Flush();
  } else if (pending_.empty() && now - idle_since_ > options.idle_timeout) {
    Close();
  }
}

void Connection::FinishAndClose() {
  if (closed_) return;
  input_ended_ = true;
  if (!pending_.empty()) {
    pending_.back().last = true;
  } else if (writing_.empty() && !lingering_) {
    Close();
  } else {
    lingering_ = true;
  }
}

void Connection::Close() {
  if (closed_) return;
  closed_ = true;
  Error ignored;
  socket_.close(ignored);
  loop_->shared().counters.open.fetch_sub(1, std::memory_order_relaxed);
  loop_->Remove(shared_from_this());
}

}  // namespace

// --- Responder ---

Responder& Responder::operator=(Responder&& other) noexcept {
  if (this != &other) {
    Responder old(std::move(*this));
    connection_ = std::move(other.connection_);
    number_ = other.number_;
  }
  return *this;
}

Responder::~Responder() {
  if (connection_ == nullptr) return;
  (*this)(ProblemResponse(500, "no-answer", "The request was not answered",
                          "expected to be sent again"));
}

void Responder::operator()(Response response) {
  CREDENCE_ASSERT(connection_ != nullptr);
  const std::shared_ptr<Slot> connection = std::move(connection_);
  connection_ = nullptr;
  connection->Answer(number_, std::move(response));
}

// --- Server ---

struct Server::Rep : std::enable_shared_from_this<Server::Rep> {
  std::shared_ptr<Shared> shared;
  std::vector<std::shared_ptr<Loop>> loops;
  std::optional<Tcp::acceptor> acceptor;  // on the first loop
  std::optional<asio::steady_timer> retry;
  size_t next_loop = 0;
  std::string address;
  uint16_t port = 0;
  std::mutex stop_mutex;
  std::vector<std::thread> threads;

  Status Listen();
  void Accept();
  void Take(Tcp::socket socket);
  void TurnAway(Tcp::socket socket) const;
};

Status Server::Rep::Listen() {
  Error ec;
  const auto ip = asio::ip::make_address(shared->options.address, ec);
  if (ec) return InvalidArgument("expected an IP address to listen at, not a name");
  const Tcp::endpoint endpoint(ip, shared->options.port);
  acceptor.emplace(loops[0]->io());
  acceptor->open(endpoint.protocol(), ec);
  if (!ec) acceptor->set_option(Tcp::acceptor::reuse_address(true), ec);
  if (!ec) acceptor->bind(endpoint, ec);
  if (!ec) acceptor->listen(asio::socket_base::max_listen_connections, ec);
  if (ec) {
    return Unavailable("cannot listen at " + shared->options.address + ":" +
                       std::to_string(shared->options.port) + ": " + ec.message());
  }
  const Tcp::endpoint bound = acceptor->local_endpoint(ec);
  port = bound.port();
  address = (ip.is_v6() ? "[" + ip.to_string() + "]" : ip.to_string()) + ":" + std::to_string(port);
  retry.emplace(loops[0]->io());
  return {};
}

void Server::Rep::Accept() {
  acceptor->async_accept(loops[next_loop]->io(),
                         [self = shared_from_this()](const Error& ec, Tcp::socket socket) {
                           if (!self->acceptor->is_open()) return;
                           if (!ec) {
                             self->Take(std::move(socket));
                             return self->Accept();
                           }
                           // No descriptors or memory left: some may come back.
                           self->retry->expires_after(kAcceptRetry);
                           self->retry->async_wait([self](const Error& cancelled) {
                             if (!cancelled && self->acceptor->is_open()) self->Accept();
                           });
                         });
}

void Server::Rep::Take(Tcp::socket socket) {
  Error ignored;
  socket.set_option(Tcp::no_delay(true), ignored);
  Counters& counters = shared->counters;
  if (counters.open.load(std::memory_order_relaxed) >= shared->options.connections_max) {
    http::Add(&counters.turned_away, 1);
    return TurnAway(std::move(socket));
  }
  http::Add(&counters.accepted, 1);
  http::Add(&counters.open, 1);
  const std::shared_ptr<Loop> loop = loops[next_loop];
  next_loop = (next_loop + 1) % loops.size();
  asio::post(loop->io(),
             [loop, taken = std::move(socket)]() mutable { loop->Add(std::move(taken)); });
}

// What fits the socket's buffer at once is all that such a client gets.
void Server::Rep::TurnAway(Tcp::socket socket) const {
  if (shared->options.on_refused) shared->options.on_refused(503);
  const Response response =
      ProblemResponse(503, "too-many-connections", "There are too many connections",
                      "expected to be tried again later, or over fewer connections");
  std::string text = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: ";
  text += kProblemType;
  text += "\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: ";
  text += std::to_string(response.body.size()) + "\r\n\r\n" + response.body;
  Error ignored;
  socket.non_blocking(true, ignored);
  socket.send(asio::buffer(text), 0, ignored);
  socket.shutdown(Tcp::socket::shutdown_send, ignored);
}

Result<std::unique_ptr<Server>> Server::Start(const ServerOptions& options, Handler handler,
                                              HeadCheck head_check) {
  if (options.threads < 1 || options.threads > 64) {
    return InvalidArgument("expected 1 to 64 threads");
  }
  auto rep = std::make_shared<Rep>();
  rep->shared = std::make_shared<Shared>();
  rep->shared->options = options;
  rep->shared->handler = std::move(handler);
  rep->shared->head_check = std::move(head_check);
  for (int i = 0; i < options.threads; ++i) {
    rep->loops.push_back(std::make_shared<Loop>(rep->shared));
  }
  CREDENCE_TRY(rep->Listen());
  rep->Accept();
  for (const auto& loop : rep->loops) rep->threads.emplace_back([loop] { loop->Run(); });
  return std::unique_ptr<Server>(new Server(std::move(rep)));
}

Server::~Server() { Stop(); }

const std::string& Server::address() const { return rep_->address; }
uint16_t Server::port() const { return rep_->port; }

ServerCounts Server::counts() const {
  const Counters& counters = rep_->shared->counters;
  const auto get = [](const std::atomic<uint64_t>& value) {
    return value.load(std::memory_order_relaxed);
  };
  return {get(counters.accepted), get(counters.turned_away), get(counters.open),
          get(counters.requests), get(counters.timeouts),    get(counters.bytes_in),
          get(counters.bytes_out)};
}

void Server::Stop() {
  const std::lock_guard lock(rep_->stop_mutex);
  if (rep_->threads.empty()) return;
  // The loops stop only after the acceptor is closed and what it took has been handed to them.
  std::mutex mutex;
  std::condition_variable done;
  bool closed = false;
  asio::post(rep_->loops[0]->io(), [&, rep = rep_] {
    Error ignored;
    rep->acceptor->close(ignored);
    rep->retry->cancel();
    const std::lock_guard notify(mutex);
    closed = true;
    done.notify_one();
  });
  {
    std::unique_lock wait(mutex);
    done.wait(wait, [&] { return closed; });
  }
  for (const auto& loop : rep_->loops) {
    asio::post(loop->io(), [loop] { loop->Stop(); });
  }
  for (std::thread& thread : rep_->threads) thread.join();
  rep_->threads.clear();
  rep_->acceptor.reset();
  rep_->retry.reset();
}

}  // namespace credence::http
