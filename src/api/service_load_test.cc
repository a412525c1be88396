// A service under everything at once: many callers who send, ask, look, operate and go away, until
// it is stopped in the middle of it. Run under ThreadSanitizer it is what shows that no two threads
// of the service, the server and the engine meet without a lock.

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "src/api/service_testing.h"
#include "src/engine/checkpoint_testing.h"
#include "src/journal/posix_file.h"
#include "src/study/verify.h"

namespace credence::api {
namespace {

constexpr int kSenders = 4;
constexpr int kRounds = 6;  // of each caller, at least, before the service is stopped
constexpr std::string_view kJson = "application/json";

// The text of a member that is a text; empty if there is none.
std::string TextOf(std::string_view json, std::string_view name) {
  const std::string key = "\"" + std::string(name) + "\":\"";
  const size_t at = json.find(key);
  if (at == std::string_view::npos) return "";
  const size_t begin = at + key.size();
  return std::string(json.substr(begin, json.find('"', begin) - begin));
}

// "result" and "sequence" of one answer: what must come again for the same event.
uint64_t SequenceOf(std::string_view json) {
  constexpr std::string_view kKey = "\"sequence\":";
  const size_t at = json.find(kKey);
  return at == std::string_view::npos
             ? 0
             : std::strtoull(std::string(json.substr(at + kKey.size(), 20)).c_str(), nullptr, 10);
}

std::vector<std::string> LinesOf(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

class ServiceLoadTest : public ServiceTest {
 protected:
  ServiceLoadTest() {
    options_.first_pack = pack::MustLoad(ShopWithMobiles());
    options_.person_keys = "person-keys";
    // Small, so that segments and checkpoints change while all this goes on.
    options_.engine.journal.segment_bytes = 65'536;
    options_.engine.journal.write_ahead = journal::WriteAhead::kSegments;
    options_.engine.journal.own_ahead_thread = true;
    options_.engine.checkpoints.backing = checkpoint_;
    options_.engine.checkpoints.every_events = 20;
    options_.log_level = LogLevel::kRequests;
    options_.log = [this](std::string_view line) {
      const std::lock_guard lock(mutex_);
      log_bytes_ += line.size();
    };
  }

  // Callers go on until the server does not answer any more.
  enum Caller : size_t { kOperator = kSenders, kAuthor, kReader, kCallers };
  void RoundDone(size_t caller) {
    const std::lock_guard lock(mutex_);
    ++rounds_[caller];
    changed_.notify_all();
  }
  void AwaitRounds() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock,
                  [&] { return *std::min_element(rounds_.begin(), rounds_.end()) >= kRounds; });
  }
  // An answer 200 to an event: it must be known for ever.
  void Acknowledge(const std::string& event, std::string_view answer) {
    const std::string result = TextOf(answer, "result");
    ASSERT_TRUE(result == "decided" || result == "applied" || result == "duplicate") << answer;
    const uint64_t seq = SequenceOf(answer);
    ASSERT_GT(seq, 0U) << answer;
    const std::lock_guard lock(mutex_);
    const auto [known, added] = acknowledged_.emplace(event, seq);
    EXPECT_EQ(known->second, seq) << event;
    EXPECT_EQ(added, result != "duplicate") << event << " " << answer;
  }

  // One who sends: single events, decisions, dry runs, batches, each kind in turn, and some again.
  void Sender(int number, http::Client* client) {
    const auto order = [&](int i) {
      const int id = number * 1'000'000 + i;
      return Order(id, i % 3 == 0 ? R"(,"mobile":"138)" + std::to_string(10'000'000 + id) + "\""
                                  : std::string());
    };
    for (int i = 0;; i += 10) {
      const auto one = [&](std::string_view target, int which) {
        const std::string event = order(which);
        const http::Reply reply = client->Ask({"POST", target, kJson, "", event});
        if (!reply.status.ok()) return false;
        EXPECT_EQ(reply.code, 200) << reply.body;
        Acknowledge(event, reply.body);
        return true;
      };
      if (!one("/v1/events", i) || !one("/v1/decisions?slots=none", i + 1)) return;
      const http::Reply dry =
          client->Ask({"POST", "/v1/decisions?dry_run=true", kJson, "", order(i + 2)});
      if (!dry.status.ok()) return;
      EXPECT_EQ(dry.code, 200) << dry.body;
      std::string lines;
      for (int k = 2; k < 8; ++k) lines += order(i + k) + "\n";
      lines += "nonsense\n";
      const http::Reply batch =
          client->Ask({"POST", "/v1/events", "application/x-ndjson", "", lines});
      if (!batch.status.ok()) return;
      const std::vector<std::string> answers = LinesOf(batch.body);
      ASSERT_EQ(answers.size(), 7U) << batch.body;
      for (int k = 2; k < 8; ++k) {
        Acknowledge(order(i + k), answers[static_cast<size_t>(k - 2)]);
      }
      EXPECT_EQ(TextOf(answers[6], "result"), "refused");
      if (!one("/v1/events", i + 5)) return;
      RoundDone(static_cast<size_t>(number));
    }
  }

  // One who asks one thing after another, whatever is answered.
  void Asker(size_t caller, const std::vector<std::function<http::Reply(int round)>>& asks) {
    for (int round = 0;; ++round) {
      for (const auto& ask : asks) {
        const http::Reply reply = ask(round);
        if (!reply.status.ok()) return;
        EXPECT_LT(reply.code, 500) << reply.body;
        EXPECT_NE(reply.code, 400) << reply.body;
      }
      RoundDone(caller);
    }
  }
  void Operator(http::Client* client) {
    const auto post = [client](std::string_view target, const std::string& body) {
      return client->Ask({"POST", target, kJson, "", body});
    };
    const auto get = [client](std::string_view target) {
      return client->Ask({"GET", target, "", "", ""});
    };
    Asker(kOperator,
          {[&](int round) {
             return post("/v1/kill-switch", round % 2 == 0 ? R"({"on":true,"reason":"drill"})"
                                                           : R"({"on":false,"reason":"over"})");
           },
           [&](int round) {
             return post("/v1/rates",
                         R"({"currency":"USD","rate":"7.)" + std::to_string(round) + "\"}");
           },
           [&](int) { return get("/v1/state?hash=true"); }, [&](int) { return get("/metrics"); },
           [&](int) { return get("/readyz"); }, [&](int) { return get("/v1/kill-switch"); },
           [&](int) { return get("/v1/rates"); },
           [&](int) {
             EXPECT_TRUE(service_->ReloadKeys().ok());
             return get("/healthz");
           }});
  }
  // Two packs in turn, so that events which wait are read again.
  void Author(http::Client* client) {
    std::vector<std::string> uploads;
    for (const char* version : {"version: 2", "version: 3"}) {
      pack::FileSet files = ShopWithMobiles();
      pack::Edit(&files, "pack.yaml", "version: 1", version);
      files.erase("tzdata/Test/East");
      uploads.push_back(UploadOf(files));
    }
    std::string digest;
    std::string before;
    Asker(kAuthor,
          {[&](int round) {
             const http::Reply reply = client->Ask(
                 {"POST", "/v1/packs", kJson, "", uploads[static_cast<size_t>(round % 2)]});
             before = std::exchange(digest, TextOf(reply.body, "digest"));
             return reply;
           },
           [&](int) {
             return client->Ask({"POST", "/v1/packs/" + digest + "/check", kJson, "", "{}"});
           },
           [&](int) {
             return client->Ask({"POST", "/v1/packs/" + digest + "/activate", kJson, "", "{}"});
           },
           [&](int) {
             const std::string& other = before.empty() ? digest : before;
             return client->Ask({"GET", "/v1/packs/" + digest + "/diff/" + other, "", "", ""});
           },
           [&](int) {
             return client->Ask({"GET", "/v1/packs/" + digest, "", "", ""});
           },
           [&](int) {
             return client->Ask({"GET", "/v1/packs", "", "", ""});
           }});
  }
  // One who looks at what is there. Answers 404 and 503 are answers too: nothing may be decided
  // yet, and a service in memory has no read model.
  void Reader(http::Client* client) {
    std::string decision = "D-000000000002";
    const auto get = [client](const std::string& target) {
      http::Reply reply = client->Ask({"GET", target, "", "", ""});
      if (reply.code == 503) reply.code = 404;
      return reply;
    };
    Asker(kReader,
          {[&](int) {
             const http::Reply reply = get("/v1/decisions?limit=5");
             const std::string id = TextOf(reply.body, "id");
             if (id.starts_with("D-")) decision = id;
             return reply;
           },
           [&](int) { return get("/v1/decisions/" + decision); },
           [&](int round) { return get("/v1/entities/buyer/b" + std::to_string(round % 7)); },
           [&](int) {
             return get("/v1/activity?from=2024-03-01T00:00:00Z&until=2024-03-02T00:00:00Z");
           },
           [&](int) { return get("/v1/actions?limit=3"); }});
  }
  // One who goes away without the answers to all but the first of his requests. What he asked for
  // is done before he is answered again, so that it does not heap up.
  void Leaver() const {
    while (true) {
      http::ClientOptions connecting;
      connecting.port = server_->port();
      connecting.pipelined = 4;
      connecting.timeout = kLoadedMachine;
      auto client = http::Client::Connect(connecting);
      if (!client.ok()) return;
      const http::Call call{"GET", "/v1/state", "", "", ""};
      if (!(*client)->Ask(call).status.ok()) return;
      for (int i = 0; i < 3; ++i) (*client)->Send(call, [](const http::Reply&) {});
    }
  }

  void RunAllAndStop() {
    Start(2);
    std::vector<std::unique_ptr<http::Client>> clients;
    std::vector<std::thread> threads;
    const auto with_client = [&](auto act) {
      clients.push_back(Connect(1, 1));
      threads.emplace_back([act, client = clients.back().get()] { act(client); });
    };
    for (int i = 0; i < kSenders; ++i) {
      with_client([this, i](http::Client* client) { Sender(i, client); });
    }
    with_client([this](http::Client* client) { Operator(client); });
    with_client([this](http::Client* client) { Author(client); });
    with_client([this](http::Client* client) { Reader(client); });
    threads.emplace_back([this] { Leaver(); });
    AwaitRounds();
    Stop();
    for (std::thread& thread : threads) thread.join();
    EXPECT_GT(log_bytes_, 0U);
    TearDown();
    // Every decision comes again from the journal, and the last checkpoint is what it says.
    study::VerifyOptions verifying;
    verifying.checkpoint = checkpoint_;
    const auto verified = study::Verify(files(), options_.store, verifying);
    ASSERT_TRUE(verified.ok()) << verified.status().ToString();
    EXPECT_TRUE(verified->ok()) << verified->checkpoint_problem;
    EXPECT_TRUE(verified->sealed);
    EXPECT_GT(verified->decisions, 0U);
  }

  // What was acknowledged is there, once, and nothing else has its sequence.
  void ExpectAllThereAfterAStart() {
    Start();
    EXPECT_TRUE(service_->opened().sealed);
    EXPECT_GT(service_->opened().checkpoint.frames, 0U)
        << "checkpoints were written beside all this";
    const std::string before = State();
    std::set<uint64_t> sequences;
    for (const auto& [event, seq] : acknowledged_) {
      const http::Reply again = Post("/v1/events", event);
      EXPECT_EQ(TextOf(again.body, "result"), "duplicate") << again.body;
      EXPECT_EQ(SequenceOf(again.body), seq) << again.body;
      EXPECT_TRUE(sequences.insert(seq).second) << seq << " was given twice";
    }
    EXPECT_GE(acknowledged_.size(), static_cast<size_t>(8 * kRounds * kSenders));
    EXPECT_EQ(State(), before);
  }

  const std::shared_ptr<store::MemoryBacking> checkpoint_ = engine::MakeBacking();
  std::mutex mutex_;
  std::condition_variable changed_;
  std::array<int, kCallers> rounds_{};            // guarded by mutex_
  size_t log_bytes_ = 0;                          // guarded by mutex_
  std::map<std::string, uint64_t> acknowledged_;  // guarded by mutex_
};

TEST_F(ServiceLoadTest, EverythingAtOnceUntilItIsStoppedInMemory) {
  RunAllAndStop();
  ExpectAllThereAfterAStart();
}

// With the read model, which needs real files.
class ServiceLoadOnDiskTest : public ServiceLoadTest {
 protected:
  ServiceLoadOnDiskTest()
      : folder_((std::filesystem::path(testing::TempDir()) /
                 ("service_load_" + std::to_string(::getpid())))
                    .string()) {
    std::filesystem::remove_all(folder_);
    options_.store = folder_ + "/store";
    options_.person_keys = folder_ + "/person-keys";
    options_.read_model = true;
  }
  ~ServiceLoadOnDiskTest() override {
    TearDown();
    std::filesystem::remove_all(folder_);
  }
  FileSystem& files() override { return disk_; }

  journal::PosixFileSystem disk_;
  const std::string folder_;
};

TEST_F(ServiceLoadOnDiskTest, EverythingAtOnceUntilItIsStoppedWithAReadModel) {
  RunAllAndStop();
  ExpectAllThereAfterAStart();
  const std::string newest = std::to_string(SequenceOf(Get("/v1/state").body));
  http::Reply listed;
  do {
    listed = Get("/v1/decisions?limit=1&at_least=" + newest);
  } while (listed.body.find("read-model-behind") != std::string::npos);
  EXPECT_EQ(listed.code, 200) << listed.body;
  EXPECT_NE(listed.body.find("\"id\":\"D-"), std::string::npos) << listed.body;
}

}  // namespace
}  // namespace credence::api
