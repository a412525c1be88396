#pragma once
// A service behind a server with clients of it, over files in memory that several threads use and
// that run full, fail and stall when a test says so. For the tests of this folder.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/api/json_writer.h"
#include "src/api/service.h"
#include "src/base/memory_file.h"
#include "src/http/client.h"
#include "src/pack/shop_testing.h"

namespace credence::api {

inline constexpr Timestamp kServiceStart{1'709'251'200 * kNsPerSecond};  // 2024-03-01T00:00:00Z

// Only a test that fails waits so long, or one on a machine that does much else.
inline constexpr std::chrono::minutes kLoadedMachine{4};

// Moves on by a microsecond each time it is read, from several threads.
class TickingClock final : public Clock {
 public:
  int64_t NowNs() override { return ns_.fetch_add(1'000) + kServiceStart.ns; }

 private:
  std::atomic<int64_t> ns_{0};
};

// A MemoryFileSystem that several threads may use: service threads call it side by side.
class SharedMemoryFiles final : public FileSystem {
 public:
  std::atomic<bool> sync_fails{false};

  // Writes beyond so many bytes of all files together are refused, as on a full disk.
  void SetBytesMax(uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    bytes_max_ = bytes;
  }
  [[nodiscard]] uint64_t bytes_used() {
    const std::lock_guard lock(mutex_);
    return files_.bytes_used();
  }
  // Syncs of the files that were opened by a path that begins so wait until they are let go.
  void Hold(const std::string& path) {
    const std::lock_guard lock(held_mutex_);
    held_ = path;
    waiting_ = 0;
  }
  void LetGo() {
    {
      const std::lock_guard lock(held_mutex_);
      held_.clear();
    }
    held_changed_.notify_all();
  }
  // Until a sync of the held file waits.
  void AwaitSync() {
    std::unique_lock lock(held_mutex_);
    held_changed_.wait(lock, [&] { return waiting_ > 0; });
  }

  Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) override {
    const std::lock_guard lock(mutex_);
    auto file = files_.Open(path, mode);
    if (!file.ok()) return file.status();
    return std::unique_ptr<File>(new Guarded(std::move(*file), path, this));
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
    Guarded(std::unique_ptr<File> file, std::string path, SharedMemoryFiles* owner)
        : file_(std::move(file)), path_(std::move(path)), owner_(*owner), mutex_(owner->mutex_) {}
    ~Guarded() override {
      const std::lock_guard lock(mutex_);
      file_.reset();
    }
    Status WriteAt(uint64_t offset, std::string_view bytes) override {
      const std::lock_guard lock(mutex_);
      CREDENCE_ASSIGN(const uint64_t size, file_->Size());
      const uint64_t end = offset + bytes.size();
      if (end > size && owner_.files_.bytes_used() + (end - size) > owner_.bytes_max_) {
        return ResourceExhausted(path_ + ": no space left on device");
      }
      return file_->WriteAt(offset, bytes);
    }
    Status ReadAt(uint64_t offset, size_t size, std::string* out) override {
      const std::lock_guard lock(mutex_);
      return file_->ReadAt(offset, size, out);
    }
    Status Sync() override {
      owner_.WaitWhileHeld(path_);
      return owner_.sync_fails ? IoError("the disk is gone") : OkStatus();
    }
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
    const std::string path_;
    SharedMemoryFiles& owner_;
    std::mutex& mutex_;
  };

  void WaitWhileHeld(const std::string& path) {
    std::unique_lock lock(held_mutex_);
    const auto held = [&] { return !held_.empty() && path.starts_with(held_); };
    if (!held()) return;
    ++waiting_;
    held_changed_.notify_all();
    held_changed_.wait(lock, [&] { return !held(); });
  }

  std::mutex mutex_;
  MemoryFileSystem files_;           // guarded by mutex_
  uint64_t bytes_max_ = UINT64_MAX;  // guarded by mutex_
  std::mutex held_mutex_;
  std::condition_variable held_changed_;
  std::string held_;  // guarded by held_mutex_
  int waiting_ = 0;   // guarded by held_mutex_
};

class OneZone final : public pack::TzifSource {
 public:
  std::optional<std::string> Read(std::string_view /*name*/) override { return pack::FixedZone(8); }
};

// A service behind a server, and a client of it.
class ServiceTest : public testing::Test {
 protected:
  ServiceTest() {
    options_.store = "store";
    options_.first_pack = pack::ShopPack();
    options_.read_model = false;
    options_.zones = &zones_;
    options_.engine.own_journal_thread = true;
  }
  void Start(int threads = 1) {
    auto service = Service::Open(files(), &clock_, options_);
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
    service_->SetServer(server_.get());
    client_ = Connect(4, 16);
  }
  [[nodiscard]] std::unique_ptr<http::Client> Connect(size_t connections, size_t pipelined) const {
    http::ClientOptions connecting;
    connecting.port = server_->port();
    connecting.connections = connections;
    connecting.pipelined = pipelined;
    connecting.timeout = kLoadedMachine;
    auto client = http::Client::Connect(connecting);
    EXPECT_TRUE(client.ok()) << client.status().ToString();
    return client.ok() ? std::move(*client) : nullptr;
  }
  // As `credence serve` does it; the clients stay.
  void Stop() {
    service_->SetServer(nullptr);
    server_->Stop();
    const Status stopped = service_->Stop();
    EXPECT_TRUE(stopped.ok()) << stopped.ToString();
  }
  virtual FileSystem& files() { return files_; }
  void TearDown() override {
    client_.reset();
    if (service_ != nullptr) service_->SetServer(nullptr);
    server_.reset();
    service_.reset();
  }

  // An order of one of seven buyers. `more` are members of data, after a comma.
  static std::string Order(int number, std::string_view more = "") {
    return R"({"specversion":"1.0","id":"o-)" + std::to_string(number) +
           R"(","source":"shop","type":"order.placed","time":"2024-03-01T00:00:00Z",)"
           R"("data":{"buyer_id":"b)" +
           std::to_string(number % 7) + R"(","host_id":"h","amount":"10.00","goods":"food")" +
           std::string(more) + "}}";
  }
  // The shop, whose orders may carry a mobile number that is sealed under its buyer.
  static pack::FileSet ShopWithMobiles() {
    pack::FileSet files = pack::ShopFiles();
    pack::Edit(&files, "pack.yaml", "      goods: {type: enum",
               "      mobile: {type: mobile_cn, grade: personal, personal: both, optional: true}\n"
               "      goods: {type: enum");
    return files;
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

  http::Reply Get(std::string_view target) { return client_->Ask({"GET", target, "", "", ""}); }
  // Sequence and hash of the whole state.
  std::string State() { return Get("/v1/state?hash=true").body; }

  ServiceOptions options_;
  SharedMemoryFiles files_;
  TickingClock clock_;
  OneZone zones_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<http::Client> client_;
};

}  // namespace credence::api
