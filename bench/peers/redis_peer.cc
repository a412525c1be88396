// Redis 7: sorted sets kept and read by one script an event, calls pipelined over one connection,
// an append-only file that is synced before any reply leaves (appendfsync always).

#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "bench/peers/peer.h"

namespace credence::bench {

namespace {

constexpr size_t kIntegers = 21;  // of an entity, as orders.lua says

struct ReplyDeleter {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, ReplyDeleter>;

struct ContextDeleter {
  void operator()(redisContext* context) const { redisFree(context); }
};

// A server of its own in a folder, reached through a socket there alone.
class Server {
 public:
  explicit Server(std::string folder) : folder_(std::move(folder)) {}
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);  // what it keeps is removed
      waitpid(pid_, nullptr, 0);
    }
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  Status Start() {
    if (mkdir(folder_.c_str(), 0755) != 0) {
      return Unavailable("cannot make the folder " + folder_);
    }
    const std::vector<std::string> words = {
        "redis-server", "--port", "0", "--unixsocket", socket(), "--dir", folder_, "--logfile",
        folder_ + "/redis.log", "--save", "", "--appendonly", "yes", "--appendfsync", "always",
        // The file is not written again in the measured seconds.
        "--auto-aof-rewrite-percentage", "0", "--daemonize", "no"};
    std::vector<char*> arguments;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    pid_ = fork();
    if (pid_ < 0) return Internal("fork failed");
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      const int out = open("/dev/null", O_WRONLY | O_CLOEXEC);
      if (out < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0) _exit(126);
      execvp(arguments[0], arguments.data());
      _exit(127);
    }
    return {};
  }

  // Waits until it answers, or has ended.
  Result<redisContext*> Connect() {
    for (int tries = 0; tries < 1'000; ++tries) {
      int status = 0;
      if (waitpid(pid_, &status, WNOHANG) == pid_) {
        pid_ = 0;
        if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
          return Unavailable("redis-server is not installed");
        }
        std::ifstream log(folder_ + "/redis.log");
        std::ostringstream text;
        text << log.rdbuf();
        return Internal("redis-server has ended: " + text.str());
      }
      redisContext* context = redisConnectUnix(socket().c_str());
      if (context != nullptr && context->err == 0) return context;
      if (context != nullptr) redisFree(context);
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return Unavailable("redis-server does not answer");
  }

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] const std::string& folder() const { return folder_; }

 private:
  [[nodiscard]] std::string socket() const { return folder_ + "/redis.sock"; }
  std::string folder_;
  pid_t pid_ = 0;
};

class RedisPeer final : public Peer {
 public:
  RedisPeer(const std::shared_ptr<const pack::Pack>& pack, const PeerOptions& options)
      : decider_(pack), part_events_(options.pipeline), server_(options.folder) {}

  Status Open() {
    CREDENCE_TRY(server_.Start());
    CREDENCE_ASSIGN(redisContext * context, server_.Connect());
    context_.reset(context);
    std::ifstream file(std::string(CREDENCE_PEERS_FOLDER) + "/orders.lua");
    std::ostringstream script;
    script << file.rdbuf();
    CREDENCE_ASSIGN(Reply loaded, Call({"SCRIPT", "LOAD", script.str()}));
    sha_.assign(loaded->str, loaded->len);
    CREDENCE_ASSIGN(Reply info, Call({"INFO", "server"}));
    const std::string text(info->str, info->len);
    const size_t at = text.find("redis_version:");
    if (at != std::string::npos) version_ = text.substr(at + 14, text.find('\r', at) - at - 14);
    return {};
  }

  std::string name() const override { return "redis"; }
  std::string version() const override {
    return "Redis " + version_ +
           ", sorted sets by one script an event, pipelined, appendfsync always";
  }
  size_t in_flight() const override { return 3 * part_events_; }

  Status Preload(std::span<const std::string> texts) override {
    CREDENCE_TRY(Call({"CONFIG", "SET", "appendfsync", "no"}).status());
    Part part;
    for (size_t next = 0; next < texts.size();) {
      const size_t count = std::min<size_t>(512, texts.size() - next);
      CREDENCE_TRY(Send(texts.subspan(next, count), next + 1, next, false, &part));
      for (size_t i = 0; i < count; ++i) CREDENCE_TRY(Receive().status());
      next += count;
    }
    return Call({"CONFIG", "SET", "appendfsync", "always"}).status();
  }

  Status Run(std::span<const std::string> texts, uint64_t first_seq, bool alone,
             Recorder* recorder) override {
    if (alone) return RunAlone(texts, first_seq, recorder);
    // Sent, and so answered, in this order: calls 0, calls 1, decisions 0, calls 2, decisions 1,
    // ...: the server works on the calls of one part while the part before it is decided here.
    std::array<Part, 3> parts;
    const size_t count = (texts.size() + part_events_ - 1) / part_events_;
    const auto send = [&](size_t part) -> Status {
      if (part >= count) return {};
      const size_t first = part * part_events_;
      return Send(texts.subspan(first, std::min(part_events_, texts.size() - first)),
                  first_seq + first, first, true, &parts[part % 3]);
    };
    CREDENCE_TRY(send(0));
    CREDENCE_TRY(send(1));
    for (size_t part = 0; part < count; ++part) {
      CREDENCE_TRY(Decide(&parts[part % 3], recorder));
      if (part > 0) CREDENCE_TRY(TakeAnswers(parts[(part - 1) % 3], recorder));
      CREDENCE_TRY(SendDecisions(parts[part % 3]));
      CREDENCE_TRY(send(part + 2));
    }
    return count == 0 ? Status{} : TakeAnswers(parts[(count - 1) % 3], recorder);
  }

  Result<Footprint> Measure() override {
    Footprint footprint;
    footprint.memory_bytes = ProcessBytes(server_.pid());
    footprint.log_bytes = FolderBytes(server_.folder() + "/appendonlydir");
    return footprint;
  }

 private:
  struct Part {
    Arena arena;
    std::vector<Order> orders;
    std::vector<std::string_view> texts;
    std::vector<record::DecisionRecord> decisions;
    size_t first = 0;
    Clock::time_point began;
  };

  Status RunAlone(std::span<const std::string> texts, uint64_t first_seq, Recorder* recorder) {
    Part part;
    for (size_t i = 0; i < texts.size(); ++i) {
      CREDENCE_TRY(Send(texts.subspan(i, 1), first_seq + i, i, true, &part));
      CREDENCE_TRY(Decide(&part, recorder));
      CREDENCE_TRY(SendDecisions(part));
      CREDENCE_TRY(TakeAnswers(part, recorder));
    }
    return {};
  }

  // Parses and calls the script.
  Status Send(std::span<const std::string> texts, uint64_t first_seq, size_t first, bool read,
              Part* part) {
    part->began = Clock::now();
    part->arena.Reset();
    part->orders.resize(texts.size());
    part->texts.assign(texts.begin(), texts.end());
    part->first = first;
    for (size_t i = 0; i < texts.size(); ++i) {
      Order& order = part->orders[i];
      CREDENCE_TRY(decider_.Parse(texts[i], first_seq + i, &part->arena, &order));
      once_ = "o:" + std::string(order.event.id);
      const std::string time = std::to_string(order.time_us);
      const std::string seq = std::to_string(first_seq + i);
      const std::string amount = std::to_string(order.amount);
      Append({"EVALSHA", sha_, "5", order.keys[0], order.keys[1], order.keys[2], order.keys[3],
              once_, time, seq, amount, read ? "1" : "0"});
    }
    return Flush();
  }

  Status Decide(Part* part, Recorder* recorder) {
    part->decisions.clear();
    std::vector<record::Value> features;
    for (size_t i = 0; i < part->orders.size(); ++i) {
      CREDENCE_ASSIGN(const Reply reply, Receive());
      if (reply->type != REDIS_REPLY_ARRAY || reply->elements != kEntities * kIntegers) {
        return Internal("an order was here before, or the script answers otherwise");
      }
      const Answers answers = AnswersOf(*reply);
      part->decisions.push_back(decider_.Decide(part->orders[i], answers, &features));
      recorder->Decided(part->first + i, part->decisions.back().outcome, features);
    }
    return {};
  }

  static Answers AnswersOf(const redisReply& reply) {
    Answers answers;
    for (size_t e = 0; e < kEntities; ++e) {
      const auto at = [&](size_t i) -> int64_t {
        return reply.element[e * kIntegers + i]->integer;
      };
      EntityAnswer& answer = answers[e];
      for (size_t w = 0; w < kWindows; ++w) {
        answer.windows[w].count = at(2 * w);
        answer.windows[w].sum = at(2 * w + 1);
      }
      answer.windows[4].squares = at(12);
      answer.windows[5].squares = at(13);
      answer.windows[3].max = at(14);
      answer.windows[5].max = at(15);
      answer.windows[2].distinct = at(16);
      answer.windows[3].distinct = at(17);
      answer.windows[5].distinct = at(18);
      answer.has_last = at(20) >= 0;
      answer.last = at(19);
      answer.last_us = at(20);
    }
    return answers;
  }

  // The order as it came and what was decided, for those who read them later.
  Status SendDecisions(const Part& part) {
    for (size_t i = 0; i < part.orders.size(); ++i) {
      const record::DecisionRecord& decision = part.decisions[i];
      std::string reasons;
      for (const std::string& reason : decision.reasons) reasons += reason + " ";
      const std::string score = decision.score ? decision.score->ToString() : "";
      Append({"XADD", "decisions", "MAXLEN", "~", "100000", "*", "e", part.texts[i], "o",
              decision.outcome, "p", score, "r", reasons});
    }
    return Flush();
  }
  Status TakeAnswers(const Part& part, Recorder* recorder) {
    for (size_t i = 0; i < part.orders.size(); ++i) {
      CREDENCE_TRY(Receive().status());
      recorder->Answered(part.began);
    }
    return {};
  }

  void Append(std::initializer_list<std::string_view> words) {
    arguments_.clear();
    lengths_.clear();
    for (const std::string_view word : words) {
      arguments_.push_back(word.data());
      lengths_.push_back(word.size());
    }
    redisAppendCommandArgv(context_.get(), static_cast<int>(arguments_.size()), arguments_.data(),
                           lengths_.data());
  }
  Status Flush() {
    for (int done = 0; done == 0;) {
      if (redisBufferWrite(context_.get(), &done) != REDIS_OK) {
        return Unavailable(std::string("Redis: ") + context_->errstr);
      }
    }
    return {};
  }
  Result<Reply> Receive() {
    void* reply = nullptr;
    if (redisGetReply(context_.get(), &reply) != REDIS_OK) {
      return Unavailable(std::string("Redis: ") + context_->errstr);
    }
    Reply owned(static_cast<redisReply*>(reply));
    if (owned->type == REDIS_REPLY_ERROR) {
      return Internal("Redis: " + std::string(owned->str, owned->len));
    }
    return owned;
  }
  Result<Reply> Call(std::initializer_list<std::string_view> words) {
    Append(words);
    return Receive();
  }

  Decider decider_;
  size_t part_events_;
  Server server_;
  std::unique_ptr<redisContext, ContextDeleter> context_;
  std::string sha_;
  std::string version_ = "of an unknown version";
  std::string once_;
  std::vector<const char*> arguments_;
  std::vector<size_t> lengths_;
};

}  // namespace

Result<std::unique_ptr<Peer>> StartRedis(std::shared_ptr<const pack::Pack> pack,
                                         const PeerOptions& options) {
  auto peer = std::make_unique<RedisPeer>(pack, options);
  CREDENCE_TRY(peer->Open());
  return std::unique_ptr<Peer>(std::move(peer));
}

}  // namespace credence::bench
