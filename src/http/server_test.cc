#include "src/http/server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "src/http/client.h"

namespace credence::http {
namespace {

// A socket that sends what it is told, whether it is HTTP or not.
class Wire {
 public:
  explicit Wire(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
    timeval patience{240, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  ~Wire() { ::close(fd_); }
  void Send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
  }
  void EndSending() const { ::shutdown(fd_, SHUT_WR); }
  // Until the server closes, or `until` was seen.
  std::string Receive(std::string_view until = "") const {
    std::string all;
    char part[4096];
    while (until.empty() || all.find(until) == std::string::npos) {
      const ssize_t size = ::recv(fd_, part, sizeof part, 0);
      if (size <= 0) break;
      all.append(part, static_cast<size_t>(size));
    }
    return all;
  }

 private:
  int fd_;
};

// A port that nobody else on this machine is given, though nobody listens at it.
class HeldPort {
 public:
  HeldPort() : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const int on = 1;
    ::setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&at), size), 0);
    EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &size), 0);
    number_ = ntohs(at.sin_port);
  }
  ~HeldPort() { ::close(fd_); }
  HeldPort(const HeldPort&) = delete;
  HeldPort& operator=(const HeldPort&) = delete;
  [[nodiscard]] uint16_t number() const { return number_; }

 private:
  int fd_;
  uint16_t number_ = 0;
};

// Answers "<method> <target> <body>".
void Echo(const Request& request, Responder responder) {
  Response response;
  response.content_type = "text/plain";
  response.body =
      std::string(request.method()) + " " + std::string(request.target()) + " " + request.body;
  responder(std::move(response));
}

std::unique_ptr<Server> StartEcho(ServerOptions options = {}, HeadCheck check = {}) {
  auto server = Server::Start(options, Echo, std::move(check));
  EXPECT_TRUE(server.ok()) << server.status().message();
  return std::move(*server);
}

int StatusOf(const std::string& answer) {
  return answer.size() > 12 ? std::atoi(answer.substr(9, 3).c_str()) : 0;
}

TEST(ServerTest, AnswersAndKeepsTheConnection) {
  const auto server = StartEcho();
  const Wire wire(server->port());
  wire.Send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string first = wire.Receive("GET /a ");
  EXPECT_EQ(StatusOf(first), 200);
  EXPECT_EQ(first.find("Connection: close"), std::string::npos);
  wire.Send("POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi");
  const std::string second = wire.Receive();
  EXPECT_NE(second.find("POST /b hi"), std::string::npos);
  EXPECT_NE(second.find("Connection: close"), std::string::npos);
  EXPECT_EQ(server->counts().requests, 2U);
}

TEST(ServerTest, PipelinedRequestsAreAnsweredInTheirOrderWhateverTheOrderOfTheirAnswers) {
  std::mutex mutex;
  std::condition_variable came;
  std::deque<std::pair<Request, Responder>> waiting;
  auto server = Server::Start({}, [&](Request request, Responder responder) {
    const std::lock_guard lock(mutex);
    waiting.emplace_back(std::move(request), std::move(responder));
    came.notify_one();
  });
  ASSERT_TRUE(server.ok());
  const Wire wire((*server)->port());
  std::string all;
  for (int i = 0; i < 5; ++i) all += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\n\r\n";
  wire.Send(all);
  {
    std::unique_lock lock(mutex);
    came.wait(lock, [&] { return waiting.size() == 5; });
    for (auto at = waiting.rbegin(); at != waiting.rend(); ++at) {
      Response response;
      response.body = std::string(at->first.target()) + ";";
      at->second(std::move(response));
    }
    waiting.clear();
  }
  const std::string answers = wire.Receive("/4;");
  size_t at = 0;
  for (int i = 0; i < 5; ++i) {
    const size_t next = answers.find("/" + std::to_string(i) + ";", at);
    ASSERT_NE(next, std::string::npos) << i;
    at = next;
  }
}

TEST(ServerTest, AResponderThatIsDroppedAnswers500) {
  auto server = Server::Start({}, [](const Request&, const Responder&) {});
  ASSERT_TRUE(server.ok());
  const Wire wire((*server)->port());
  wire.Send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(StatusOf(wire.Receive()), 500);
}

TEST(ServerTest, ChunksAreReadAndTrailersThrownAway) {
  const auto server = StartEcho();
  const Wire wire(server->port());
  wire.Send(
      "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
      "3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nAuthorization: Bearer x\r\n\r\n");
  EXPECT_NE(wire.Receive().find("POST /c abcde"), std::string::npos);
}

TEST(ServerTest, WhatTheProtocolForbidsIsOneProblemAndTheEndOfTheConnection) {
  const auto server = StartEcho();
  const std::string line = "POST / HTTP/1.1\r\nHost: x\r\n";
  struct Row {
    std::string bytes;
    int status;
  };
  const std::vector<Row> rows = {
      {"nonsense\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"GET / HTTP/1.1\nHost: a\n\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: b\x01\r\n\r\n", 400},
      {"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {line + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {line + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400},
      {line + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400},
      {line + "Content-Length: 3, 4\r\n\r\nabc", 400},
      {line + "Content-Length: +3\r\n\r\nabc", 400},
      {line + "Content-Length: -1\r\n\r\nabc", 400},
      {line + "Content-Length: 0x3\r\n\r\nabc", 400},
      {line + "Content-Length: 99999999999999999999999\r\n\r\nabc", 400},
      {line + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {line + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
      {line + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 501},
      {line + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501},
      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {line + "Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n", 400},
      {line + "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", 400},
      {line + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc", 400},
      {line + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nabc", 413},
      {line + "Content-Length: 1048577\r\n\r\n", 413},
      {line + "Expect: 200-ok\r\nContent-Length: 1\r\n\r\nx", 417},
      {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505},
      {"GET /" + std::string(5000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n", 414},
      {"GET /" + std::string(50'000, 'a'), 414},
      {line + "X: " + std::string(20'000, 'a') + "\r\n\r\n", 431},
      {line + std::string(50'000, 'a'), 431},
      {[&] {
         std::string many = line;
         for (int i = 0; i < 70; ++i) many += "X" + std::to_string(i) + ": 1\r\n";
         return many + "\r\n";
       }(),
       431},
      {line + "Transfer-Encoding: chunked\r\n\r\n1;" + std::string(50'000, 'a'), 400},
  };
  for (const Row& row : rows) {
    const Wire wire(server->port());
    wire.Send(row.bytes);
    const std::string answer = wire.Receive();
    EXPECT_EQ(StatusOf(answer), row.status) << row.bytes.substr(0, 200) << "\n" << answer;
    EXPECT_NE(answer.find("application/problem+json"), std::string::npos);
    EXPECT_NE(answer.find("Connection: close"), std::string::npos);
  }
  EXPECT_EQ(server->counts().requests, 0U);
}

TEST(ServerTest, WhatCameBeforeAMalformedRequestIsAnswered) {
  const auto server = StartEcho();
  const Wire wire(server->port());
  wire.Send(
      "GET /good HTTP/1.1\r\nHost: x\r\n\r\nnonsense\r\n\r\nGET /after HTTP/1.1\r\nHost: "
      "x\r\n\r\n");
  const std::string answers = wire.Receive();
  EXPECT_NE(answers.find("GET /good"), std::string::npos);
  EXPECT_NE(answers.find("HTTP/1.1 400"), std::string::npos);
  EXPECT_EQ(answers.find("GET /after"), std::string::npos);
}

TEST(ServerTest, SlowClientsGet408AndIdleOnesAreClosed) {
  ServerOptions options;
  options.header_timeout = std::chrono::milliseconds(200);
  options.body_timeout = std::chrono::milliseconds(200);
  const auto server = StartEcho(options);
  const Wire head(server->port());
  head.Send("GET / HTTP/1.1\r\nHos");
  const Wire body(server->port());
  body.Send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_EQ(StatusOf(head.Receive()), 408);
  EXPECT_EQ(StatusOf(body.Receive()), 408);
  EXPECT_EQ(server->counts().timeouts, 2U);
  // A server of its own: a sender that is held up before its first byte is idle too.
  ServerOptions restless;
  restless.idle_timeout = std::chrono::milliseconds(200);
  const auto other = StartEcho(restless);
  EXPECT_EQ(Wire(other->port()).Receive(), "");
  EXPECT_EQ(other->counts().timeouts, 0U);
}

TEST(ServerTest, AHalfClosedClientGetsItsAnswer) {
  const auto server = StartEcho();
  const Wire wire(server->port());
  wire.Send("GET /half HTTP/1.1\r\nHost: x\r\n\r\n");
  wire.EndSending();
  EXPECT_NE(wire.Receive().find("GET /half"), std::string::npos);
}

TEST(ServerTest, AHeadCheckAnswersBeforeTheBodyIsSent) {
  const auto server = StartEcho({}, [](const Request& head) {
    HeadVerdict verdict;
    verdict.answered = head.target() == "/no";
    if (verdict.answered) verdict.answer = ProblemResponse(401, "no", "No", "expected more");
    verdict.body_bytes_max = 4;
    return verdict;
  });
  const Wire early(server->port());
  early.Send("POST /no HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
  EXPECT_EQ(StatusOf(early.Receive()), 401);
  const Wire large(server->port());
  large.Send("POST /yes HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(StatusOf(large.Receive()), 413);
  const Wire kept(server->port());
  kept.Send(
      "GET /no HTTP/1.1\r\nHost: x\r\n\r\nGET /yes HTTP/1.1\r\nHost: x\r\nConnection: "
      "close\r\n\r\n");
  const std::string answers = kept.Receive();
  EXPECT_EQ(StatusOf(answers), 401);
  EXPECT_NE(answers.find("GET /yes"), std::string::npos);
}

TEST(ServerTest, AClientThatWaitsForLeaveGetsIt) {
  const auto server = StartEcho();
  const Wire wire(server->port());
  wire.Send(
      "POST /w HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: "
      "close\r\n\r\n");
  EXPECT_EQ(wire.Receive("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  wire.Send("ok");
  EXPECT_NE(wire.Receive().find("POST /w ok"), std::string::npos);
}

TEST(ServerTest, HeadHasNoBodyAndItsLength) {
  const auto server = StartEcho();
  const Wire wire(server->port());
  wire.Send("HEAD /h HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string answer = wire.Receive();
  EXPECT_NE(answer.find("Content-Length: 8"), std::string::npos);
  EXPECT_TRUE(answer.ends_with("\r\n\r\n"));
}

TEST(ServerTest, TooManyConnectionsAreTurnedAway) {
  ServerOptions options;
  options.connections_max = 1;
  const auto server = StartEcho(options);
  const Wire first(server->port());
  first.Send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n");
  first.Receive("GET /1");
  const Wire second(server->port());
  EXPECT_EQ(StatusOf(second.Receive()), 503);
  EXPECT_EQ(server->counts().turned_away, 1U);
}

TEST(ServerTest, StoppingAnswersWhatWasAccepted) {
  std::mutex mutex;
  std::condition_variable came;
  std::vector<Responder> waiting;
  auto server = Server::Start({}, [&](const Request&, Responder responder) {
    const std::lock_guard lock(mutex);
    waiting.push_back(std::move(responder));
    came.notify_one();
  });
  ASSERT_TRUE(server.ok());
  const uint16_t port = (*server)->port();
  const Wire idle(port);
  const Wire wire(port);
  wire.Send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
  {
    std::unique_lock lock(mutex);
    came.wait(lock, [&] { return waiting.size() == 2; });
  }
  std::thread stopper([&] { (*server)->Stop(); });
  EXPECT_EQ(idle.Receive(), "");  // it is stopping
  for (Responder& responder : waiting) {
    Response response;
    response.body = "done";
    responder(std::move(response));
  }
  const std::string answers = wire.Receive();
  stopper.join();
  EXPECT_NE(answers.find("done"), answers.rfind("done"));
  EXPECT_NE(answers.find("Connection: close"), std::string::npos);
}

TEST(ServerTest, AnAnswerAfterTheEndOfTheServerGoesNowhere) {
  Responder late;
  {
    std::mutex mutex;
    std::condition_variable came;
    ServerOptions options;
    options.stop_timeout = std::chrono::milliseconds(1);
    auto server = Server::Start(options, [&](const Request&, Responder responder) {
      const std::lock_guard lock(mutex);
      late = std::move(responder);
      came.notify_one();
    });
    ASSERT_TRUE(server.ok());
    const Wire wire((*server)->port());
    wire.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    std::unique_lock lock(mutex);
    came.wait(lock, [&] { return late.waits(); });
    lock.unlock();
    (*server)->Stop();
  }
  late(Response{});
}

TEST(ServerTest, ANameIsNoAddress) {
  ServerOptions options;
  options.address = "localhost";
  EXPECT_EQ(Server::Start(options, Echo).status().code(), StatusCode::kInvalidArgument);
}

TEST(ClientTest, AsksOverManyConnectionsAndPipelines) {
  for (const int threads : {1, 3}) {
    ServerOptions options;
    options.threads = threads;
    const auto server = StartEcho(options);
    ClientOptions client_options;
    client_options.port = server->port();
    client_options.connections = 4;
    client_options.pipelined = 8;
    auto client = Client::Connect(client_options);
    ASSERT_TRUE(client.ok());
    std::mutex mutex;
    std::condition_variable came;
    int all = 0;
    int good = 0;
    constexpr int kCalls = 2'000;
    for (int i = 0; i < kCalls; ++i) {
      const std::string body(static_cast<size_t>(i % 100), static_cast<char>('a' + i % 26));
      (*client)->Send({"POST", "/x", "text/plain", "", body}, [&, body](const Reply& reply) {
        const std::lock_guard lock(mutex);
        ++all;
        good += reply.status.ok() && reply.code == 200 && reply.body == "POST /x " + body ? 1 : 0;
        came.notify_one();
      });
    }
    std::unique_lock lock(mutex);
    came.wait(lock, [&] { return all == kCalls; });
    EXPECT_EQ(good, kCalls);
    EXPECT_EQ((*client)->waiting(), 0U);
  }
}

TEST(ClientTest, ABrokenConnectionFailsWhatWaitsAndIsMadeAgain) {
  const HeldPort port;
  ServerOptions options;
  options.port = port.number();
  auto server = StartEcho(options);
  ClientOptions client_options;
  client_options.port = port.number();
  auto client = Client::Connect(client_options);
  ASSERT_TRUE(client.ok());
  EXPECT_EQ((*client)->Ask({"GET", "/1", "", "", ""}).code, 200);
  server.reset();
  EXPECT_FALSE((*client)->Ask({"GET", "/2", "", "", ""}).status.ok());
  server = StartEcho(options);
  Reply reply = (*client)->Ask({"GET", "/3", "", "", ""});
  if (!reply.status.ok()) reply = (*client)->Ask({"GET", "/3", "", "", ""});
  EXPECT_EQ(reply.body, "GET /3 ");
}

}  // namespace
}  // namespace credence::http
