#include "src/api/service.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <thread>

#include "src/api/json_writer.h"
#include "src/base/memory_file.h"
#include "src/http/client.h"
#include "src/pack/shop_testing.h"

namespace credence::api {
namespace {

constexpr Timestamp kStart{1'709'251'200 * kNsPerSecond};  // 2024-03-01T00:00:00Z

// Moves on by a microsecond each time it is read, from several threads.
class TickingClock final : public Clock {
 public:
  int64_t NowNs() override { return ns_.fetch_add(1'000) + kStart.ns; }

 private:
  std::atomic<int64_t> ns_{0};
};

// A MemoryFileSystem that several threads may use: service threads call it side by side.
class SharedMemoryFiles final : public FileSystem {
 public:
  std::atomic<bool> sync_fails{false};

  Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) override {
    const std::lock_guard lock(mutex_);
    auto file = files_.Open(path, mode);
    if (!file.ok()) return file.status();
    return std::unique_ptr<File>(new Guarded(std::move(*file), this));
  }
  Result<std::vector<std::string>> List(const std::string& folder) override {
    const std::lock_guard lock(mutex_);
    return files_.List(folder);
  }
  Status MakeFolders(const std::string& folder) override {
    const std::lock_guard lock(mutex_);
    return files_.MakeFolders(folder);
  }
  Status Rename(const std::string& from, const std::string& to) override {
    const std::lock_guard lock(mutex_);
    return files_.Rename(from, to);
  }
  Status Remove(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    return files_.Remove(path);
  }
  Status SyncDirectory(const std::string& folder) override {
    const std::lock_guard lock(mutex_);
    return files_.SyncDirectory(folder);
  }
  bool Exists(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    return files_.Exists(path);
  }
  Result<std::unique_ptr<FileLock>> Lock(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    return files_.Lock(path);
  }

 private:
  class Guarded final : public File {
   public:
    Guarded(std::unique_ptr<File> file, SharedMemoryFiles* owner)
        : file_(std::move(file)), owner_(*owner), mutex_(owner->mutex_) {}
    ~Guarded() override {
      const std::lock_guard lock(mutex_);
      file_.reset();
    }
    Status WriteAt(uint64_t offset, std::string_view bytes) override {
      const std::lock_guard lock(mutex_);
      return file_->WriteAt(offset, bytes);
    }
    Status ReadAt(uint64_t offset, size_t size, std::string* out) override {
      const std::lock_guard lock(mutex_);
      return file_->ReadAt(offset, size, out);
    }
    Status Sync() override { return owner_.sync_fails ? IoError("the disk is gone") : OkStatus(); }
    Status Truncate(uint64_t size) override {
      const std::lock_guard lock(mutex_);
      return file_->Truncate(size);
    }
    Result<uint64_t> Size() override {
      const std::lock_guard lock(mutex_);
      return file_->Size();
    }

   private:
    std::unique_ptr<File> file_;
    SharedMemoryFiles& owner_;
    std::mutex& mutex_;
  };

  MemoryFileSystem files_;
  std::mutex mutex_;
};

class OneZone final : public pack::TzifSource {
 public:
  std::optional<std::string> Read(std::string_view /*name*/) override { return pack::FixedZone(8); }
};

// A service behind a server, and a client of it.
class ServiceTest : public testing::Test {
 protected:
  void Start(size_t queue_events_max = kQueueEventsMax, int threads = 1) {
    ServiceOptions options;
    options.store = "store";
    options.first_pack = pack::ShopPack();
    options.read_model = false;
    options.zones = &zones_;
    options.queue_events_max = queue_events_max;
    options.engine.own_journal_thread = true;
    auto service = Service::Open(files_, &clock_, options);
    ASSERT_TRUE(service.ok()) << service.status().ToString();
    service_ = std::move(*service);
    http::ServerOptions serving;
    serving.threads = threads;
    auto server = http::Server::Start(
        serving,
        [this](http::Request request, http::Responder responder) {
          service_->Handle(std::move(request), std::move(responder));
        },
        [this](const http::Request& head) { return service_->Check(head); });
    ASSERT_TRUE(server.ok()) << server.status().ToString();
    server_ = std::move(*server);
    http::ClientOptions connecting;
    connecting.port = server_->port();
    connecting.connections = 4;
    connecting.pipelined = 16;
    auto client = http::Client::Connect(connecting);
    ASSERT_TRUE(client.ok()) << client.status().ToString();
    client_ = std::move(*client);
  }
  void TearDown() override {
    client_.reset();
    server_.reset();
    service_.reset();
  }

  static std::string Order(int number) {
    return R"({"specversion":"1.0","id":"o-)" + std::to_string(number) +
           R"(","source":"shop","type":"order.placed","time":"2024-03-01T00:00:00Z",)"
           R"("data":{"buyer_id":"b)" +
           std::to_string(number % 7) + R"(","host_id":"h","amount":"10.00","goods":"food"}})";
  }
  static std::string UploadOf(const pack::FileSet& files) {
    JsonWriter out;
    out.BeginObject();
    out.Key("files");
    out.BeginObject();
    for (const auto& [path, content] : files) out.TextMember(path, content);
    out.EndObject();
    out.EndObject();
    return out.Finish();
  }
  http::Reply Post(std::string_view target, std::string_view body,
                   std::string_view type = "application/json") {
    return client_->Ask({"POST", target, type, "", body});
  }

  SharedMemoryFiles files_;
  TickingClock clock_;
  OneZone zones_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<http::Client> client_;
};

TEST_F(ServiceTest, ManyAtOnceAreDecidedOnceEachAndOneAfterTheOther) {
  Start(kQueueEventsMax, 2);
  constexpr int kEvents = 600;
  std::mutex mutex;
  std::condition_variable came;
  int decided = 0;
  int duplicates = 0;
  int others = 0;
  for (int i = 0; i < 2 * kEvents; ++i) {
    client_->Send(
        {"POST", "/v1/events", "application/json", "", Order(i % kEvents)},
        [&](const http::Reply& reply) {
          const std::lock_guard lock(mutex);
          const bool ok = reply.status.ok() && reply.code == 200;
          if (ok && reply.body.find("\"result\":\"decided\"") != std::string::npos) {
            ++decided;
          } else if (ok && reply.body.find("\"result\":\"duplicate\"") != std::string::npos) {
            ++duplicates;
          } else {
            ++others;
          }
          came.notify_one();
        });
    if (i % 100 == 0) {
      // What operators ask stands between the events and stops nothing.
      client_->Send({"GET", "/metrics", "", "", ""}, [](const http::Reply&) {});
      client_->Send({"GET", "/v1/state?hash=true", "", "", ""}, [](const http::Reply&) {});
    }
  }
  std::unique_lock lock(mutex);
  came.wait(lock, [&] { return decided + duplicates + others == 2 * kEvents; });
  EXPECT_EQ(decided, kEvents);
  EXPECT_EQ(duplicates, kEvents);
  EXPECT_EQ(others, 0);
}

TEST_F(ServiceTest, AFullQueueRefusesAllOfABatchAndTakesTheNext) {
  Start(10);
  std::string lines;
  for (int i = 0; i < 11; ++i) lines += Order(i) + "\n";
  const http::Reply refused = Post("/v1/events", lines, "application/x-ndjson");
  EXPECT_EQ(refused.code, 429);
  EXPECT_EQ(refused.retry_after, "1");
  const http::Reply taken = Post("/v1/events", Order(1));
  EXPECT_EQ(taken.code, 200);
  EXPECT_NE(taken.body.find("\"sequence\":2,"), std::string::npos) << taken.body;
}

TEST_F(ServiceTest, EventsThatWaitWhileThePackChangesAreReadAgain) {
  Start();
  pack::FileSet files = pack::ShopFiles();
  pack::Edit(&files, "pack.yaml", "version: 1", "version: 2");
  // Another order of fields: what was read for the old pack means something else in the new one.
  pack::Edit(&files, "pack.yaml", "buyer_id: key\n      host_id: key\n      amount: money",
             "amount: money\n      host_id: key\n      buyer_id: key");
  files.erase("tzdata/Test/East");
  const http::Reply uploaded = Post("/v1/packs", UploadOf(files));
  ASSERT_EQ(uploaded.code, 201) << uploaded.body;
  const std::string digest = uploaded.body.substr(uploaded.body.find("\"digest\":\"") + 10, 64);
  std::mutex mutex;
  std::condition_variable came;
  int good = 0;
  int all = 0;
  constexpr int kEvents = 400;
  const std::string activate = "/v1/packs/" + digest + "/activate";
  for (int i = 0; i < kEvents; ++i) {
    client_->Send(
        {"POST", "/v1/events", "application/json", "", Order(i)}, [&](const http::Reply& reply) {
          const std::lock_guard lock(mutex);
          ++all;
          const bool decided =
              reply.code == 200 && reply.body.find("\"amount\":\"10.00\"") != std::string::npos;
          good += decided ? 1 : 0;
          came.notify_one();
        });
    if (i == kEvents / 2) {
      client_->Send({"POST", activate, "application/json", "", "{}"}, [](const http::Reply&) {});
    }
  }
  std::unique_lock lock(mutex);
  came.wait(lock, [&] { return all == kEvents; });
  EXPECT_EQ(good, kEvents);
  EXPECT_EQ(service_->pack()->version, 2);
}

TEST_F(ServiceTest, APackWithErrorsChangesNothing) {
  Start();
  const http::Reply refused = Post("/v1/packs", UploadOf({{"pack.yaml", "pack: x\nversion: y\n"}}));
  EXPECT_EQ(refused.code, 422) << refused.body;
  EXPECT_NE(refused.body.find("\"diagnostics\":[{"), std::string::npos) << refused.body;
  EXPECT_EQ(service_->pack()->version, 1);
}

TEST_F(ServiceTest, WithoutKeysOnlyThisMachineIsAnswered) {
  Start();
  http::Request head;
  head.SetLine("GET", "/v1/packs", true);
  head.AddHeader("Host", "credence.attacker.example:8080");
  const http::HeadVerdict verdict = service_->Check(head);
  EXPECT_TRUE(verdict.answered);
  EXPECT_EQ(verdict.answer.status, 421);
  for (const char* host : {"127.0.0.1", "localhost:80", "LOCALHOST", "[::1]:80", "10.1.2.3:9"}) {
    head.Clear();
    head.SetLine("GET", "/v1/packs", true);
    head.AddHeader("Host", host);
    EXPECT_FALSE(service_->Check(head).answered) << host;
  }
}

TEST_F(ServiceTest, StoppingDecidesWhatWasTakenAndClosesTheStore) {
  Start();
  EXPECT_EQ(Post("/v1/events", Order(1)).code, 200);
  client_.reset();
  server_->Stop();
  EXPECT_TRUE(service_->Stop().ok());
  service_.reset();
  Start();
  EXPECT_TRUE(service_->opened().sealed);
  EXPECT_TRUE(service_->opened().state_matches_seal);
  const http::Reply again = Post("/v1/events", Order(1));
  EXPECT_NE(again.body.find("\"result\":\"duplicate\""), std::string::npos) << again.body;
}

TEST_F(ServiceTest, AJournalThatCannotBeWrittenStopsEverythingUntilTheNextStart) {
  Start();
  EXPECT_EQ(Post("/v1/events", Order(1)).code, 200);
  files_.sync_fails = true;
  for (int i = 2; i < 4; ++i) {
    const http::Reply lost = Post("/v1/events", Order(i));
    EXPECT_EQ(lost.code, 503);
    EXPECT_NE(lost.body.find("engine-stopped"), std::string::npos) << lost.body;
  }
  EXPECT_EQ(client_->Ask({"GET", "/readyz", "", "", ""}).code, 503);
  EXPECT_EQ(client_->Ask({"GET", "/healthz", "", "", ""}).code, 200);
  TearDown();
  files_.sync_fails = false;
  Start();
  EXPECT_EQ(client_->Ask({"GET", "/readyz", "", "", ""}).code, 200);
  const http::Reply known = Post("/v1/events", Order(1));
  EXPECT_NE(known.body.find("\"result\":\"duplicate\""), std::string::npos) << known.body;
  EXPECT_EQ(Post("/v1/events", Order(3)).code, 200);
}

TEST_F(ServiceTest, AReadWithoutAReadModelSaysSo) {
  Start();
  const http::Reply reply = client_->Ask({"GET", "/v1/decisions", "", "", ""});
  EXPECT_EQ(reply.code, 503);
  EXPECT_NE(reply.body.find("no-read-model"), std::string::npos);
}

}  // namespace
}  // namespace credence::api
