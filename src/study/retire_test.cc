// Retiring the front of a store, and what is left of it: verified, started, backed up.

#include "src/study/retire.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "src/engine/engine_testing.h"
#include "src/journal/posix_file.h"
#include "src/journal/retired.h"
#include "src/store/rocks_store.h"
#include "src/study/backup.h"
#include "src/study/verify.h"

namespace credence::study {
namespace {

using engine::At;

// The shop's pack with no window over all time, which would keep everything.
std::shared_ptr<const pack::Pack> MonthPack() {
  static const std::shared_ptr<const pack::Pack> kPack = [] {
    pack::FileSet files = pack::ShopFiles();
    for (auto& [name, text] : files) {
      for (const auto& [from, to] : {std::pair<std::string, std::string>{", all]", ", 30d]"},
                                     {"[all]", "[30d]"},
                                     {"_all", "_30d"}}) {
        for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
          text.replace(at, from.size(), to);
        }
      }
    }
    return pack::MustLoad(std::move(files));
  }();
  return kPack;
}

// A store on disk whose segments are small, with a checkpoint. One payment and one order a day.
class RetireTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = testing::TempDir() + "retire-" + std::to_string(getpid()) + "-" +
            testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(root_);
    std::filesystem::create_directories(root_);
    store_ = root_ + "/store";
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  static std::shared_ptr<store::Backing> Stores(const std::string& folder) {
    return store::RocksAt(folder, engine::TableNames());
  }
  engine::Options EngineOptions(const std::string& store) const {
    engine::Options options;
    options.journal.segment_bytes = 8'192;
    options.checkpoints.backing = Stores(store + "/checkpoint");
    options.checkpoints.worker = engine::CheckpointOptions::Worker::kCaller;
    return options;
  }

  std::unique_ptr<engine::Engine> MustOpen() {
    auto opened = engine::Engine::Open(files_, store_, EngineOptions(store_));
    EXPECT_TRUE(opened.ok()) << opened.status().ToString();
    return opened.ok() ? std::move(*opened) : nullptr;
  }
  void Feed(engine::Engine* engine, int from_day, int to_day) {
    for (int day = from_day; day < to_day; ++day) {
      const Timestamp time = At(day * kNsPerDay);
      const std::string name = std::to_string(day);
      Arena arena;
      const std::string buyer = "b" + std::to_string(day % 3);
      const auto paid = pack::MakeEvent(
          *engine->pack(),
          {"payment.made",
           "p" + name,
           time,
           {{"buyer_id", record::Value::String(buyer)}, {"amount", pack::Yuan(1'000 + day)}}},
          &arena);
      const auto ordered = pack::MakeEvent(*engine->pack(),
                                           {"order.placed",
                                            "o" + name,
                                            time,
                                            {{"buyer_id", record::Value::String(buyer)},
                                             {"host_id", record::Value::String("h1")},
                                             {"amount", pack::Yuan(5'000 + day)},
                                             {"goods", record::Value::String("food")}}},
                                           &arena);
      for (const auto& event : {paid, ordered}) {
        ASSERT_TRUE(engine->Process({&event, 1}, engine::Arrival::kHistory, time).ok());
      }
    }
  }
  // So many days from the start, left in order.
  void Fill(int days, const std::shared_ptr<const pack::Pack>& pack = MonthPack()) {
    const auto engine = MustOpen();
    engine::MustActivate(*engine, pack);
    Feed(engine.get(), 0, days);
    hash_ = engine->state().Hash();
    ASSERT_TRUE(engine->Close().ok());
  }

  RetireOptions Options() const {
    RetireOptions options;
    options.base = Stores;
    options.checkpoint = Stores(store_ + "/checkpoint");
    return options;
  }
  VerifyReport MustVerify(const std::string& store) {
    VerifyOptions options;
    options.base = Stores;
    options.checkpoint = Stores(store + "/checkpoint");
    const auto report = Verify(files_, store, options);
    EXPECT_TRUE(report.ok()) << report.status().ToString();
    if (!report.ok()) return {};
    EXPECT_TRUE(report->ok()) << report->checkpoint_problem
                              << (report->first.empty() ? "" : report->first.front().what);
    return *report;
  }

  journal::PosixFileSystem files_;
  std::string root_;
  std::string store_;
  Digest hash_;
};

TEST_F(RetireTest, WhatIsOutsideEveryHorizonGoesAndTheRestVerifiesAndGoesOn) {
  Fill(400);
  const VerifyReport whole = MustVerify(store_);
  const auto report = Retire(files_, store_, Options());
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_GT(report->now.frames, 0U);
  EXPECT_GT(report->segments, 0U);
  EXPECT_LT(report->now.frames, whole.frames);
  EXPECT_NE(report->kept_for.find("the horizon of the pack"), std::string::npos)
      << report->kept_for;
  const VerifyReport rest = MustVerify(store_);
  EXPECT_EQ(rest.retired, report->now);
  EXPECT_EQ(rest.frames + report->now.frames, whole.frames);
  EXPECT_EQ(rest.state_hash, hash_);
  EXPECT_TRUE(rest.sealed);
  EXPECT_EQ(FindDecision(files_, store_, Seq(3)).status().code(), StatusCode::kNotFound);
  EXPECT_NE(FindDecision(files_, store_, Seq(3)).status().message().find("were retired"),
            std::string::npos);
  // The writer goes on, the same pack is activated again, and a second call starts from the first
  // one's base.
  {
    const auto engine = MustOpen();
    EXPECT_EQ(engine->state().Hash(), hash_);
    Feed(engine.get(), 400, 500);
    hash_ = engine->state().Hash();
    ASSERT_TRUE(engine->Close().ok());
  }
  const auto again = Retire(files_, store_, Options());
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  EXPECT_EQ(again->before, report->now);
  EXPECT_GT(again->now.frames, report->now.frames);
  EXPECT_FALSE(std::filesystem::exists(store_ + "/base/" + std::to_string(report->now.frames)));
  EXPECT_EQ(MustVerify(store_).state_hash, hash_);
}

TEST_F(RetireTest, NothingThatIsAskedForOrThatTheCheckpointNeedsGoes) {
  Fill(400);
  RetireOptions options = Options();
  options.look_only = true;
  const uint64_t most = Retire(files_, store_, options)->now.frames;
  ASSERT_GT(most, 100U);
  options.before_seq = Seq(100);
  const auto before = Retire(files_, store_, options);
  EXPECT_LT(before->now.last_seq, Seq(100));
  EXPECT_GT(before->now.frames, 0U);
  EXPECT_NE(before->kept_for.find("sequence 100 is to stay"), std::string::npos);
  options.before_seq = Seq();
  options.keep_ns = 390 * kNsPerDay;
  EXPECT_LT(Retire(files_, store_, options)->now.frames, 50U);
  options.keep_ns = 100'000 * kNsPerDay;
  EXPECT_EQ(Retire(files_, store_, options)->now.frames, 0U);
  EXPECT_FALSE(files_.Exists(store_ + "/base")) << "looking changes nothing";
  // Without a checkpoint nothing can be started from.
  options = Options();
  options.checkpoint = Stores(root_ + "/nothing");
  EXPECT_EQ(Retire(files_, store_, options).status().code(), StatusCode::kUnavailable);
  // A writer is there.
  const auto engine = MustOpen();
  EXPECT_EQ(Retire(files_, store_, Options()).status().code(), StatusCode::kUnavailable);
}

TEST_F(RetireTest, APackThatComesLaterKeepsTheEventsThatItsFeaturesWereMadeOf) {
  {
    const auto engine = MustOpen();
    engine::MustActivate(*engine, MonthPack());
    Feed(engine.get(), 0, 300);
    // The same pack again: an activation whose features were there.
    engine::MustActivate(*engine, MonthPack(), At(300 * kNsPerDay));
    Feed(engine.get(), 300, 310);
    hash_ = engine->state().Hash();
    ASSERT_TRUE(engine->Close().ok());
  }
  RetireOptions options = Options();
  const auto report = Retire(files_, store_, options);
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_GT(report->now.frames, 0U);
  EXPECT_NE(report->kept_for.find("the activation at sequence"), std::string::npos)
      << report->kept_for;
  EXPECT_EQ(MustVerify(store_).state_hash, hash_);
}

TEST_F(RetireTest, AWindowOverAllTimeKeepsEverything) {
  Fill(150, pack::ShopPack());
  const auto report = Retire(files_, store_, Options());
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_EQ(report->now.frames, 0U);
  EXPECT_NE(report->kept_for.find("its longest window"), std::string::npos) << report->kept_for;
}

TEST_F(RetireTest, WithoutItsBaseOrCheckpointWhatIsMissingIsNamed) {
  Fill(400);
  const auto report = Retire(files_, store_, Options());
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_EQ(Verify(files_, store_).status().code(), StatusCode::kUnavailable);
  engine::Options without;
  EXPECT_EQ(engine::Engine::Open(files_, store_, without).status().code(),
            StatusCode::kUnavailable);
  const std::string base = store_ + "/base/" + std::to_string(report->now.frames);
  std::filesystem::rename(base, base + "-gone");
  VerifyOptions options;
  options.base = Stores;
  EXPECT_EQ(Verify(files_, store_, options).status().code(), StatusCode::kDataLoss);
}

// A file system whose calls that change something stop at one of them, as in a process that dies.
class StoppingFiles final : public FileSystem {
 public:
  explicit StoppingFiles(uint64_t at) : left_(at) {}
  Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) override {
    if (mode != OpenMode::kRead) CREDENCE_TRY(Count());
    return disk_.Open(path, mode);
  }
  Result<std::vector<std::string>> List(const std::string& folder) override {
    return disk_.List(folder);
  }
  Status MakeFolders(const std::string& folder) override {
    CREDENCE_TRY(Count());
    return disk_.MakeFolders(folder);
  }
  Status Rename(const std::string& from, const std::string& to) override {
    CREDENCE_TRY(Count());
    return disk_.Rename(from, to);
  }
  Status Remove(const std::string& path) override {
    CREDENCE_TRY(Count());
    return disk_.Remove(path);
  }
  Status SyncDirectory(const std::string& folder) override {
    CREDENCE_TRY(Count());
    return disk_.SyncDirectory(folder);
  }
  bool Exists(const std::string& path) override { return disk_.Exists(path); }
  Result<std::unique_ptr<FileLock>> Lock(const std::string& path) override {
    return disk_.Lock(path);
  }
  [[nodiscard]] bool stopped() const { return left_ == 0; }

 private:
  Status Count() {
    if (left_ == 0 || --left_ == 0) return IoError("stopped");
    return {};
  }
  journal::PosixFileSystem disk_;
  uint64_t left_;
};

TEST_F(RetireTest, StoppedAtAnyCallItLeavesAStoreThatIsWholeAndTheNextCallEndsIt) {
  Fill(150);
  const std::string untouched = root_ + "/untouched";
  std::filesystem::rename(store_, untouched);
  uint64_t calls = 1;
  for (bool done = false; !done; ++calls) {
    ASSERT_LT(calls, 200U);
    SCOPED_TRACE(calls);
    std::filesystem::remove_all(store_);
    std::filesystem::copy(untouched, store_, std::filesystem::copy_options::recursive);
    StoppingFiles stopping(calls);
    RetireOptions options = Options();
    options.before_seq = Seq(60);
    const auto first = Retire(stopping, store_, options);
    done = !stopping.stopped();
    EXPECT_EQ(first.ok(), done);
    EXPECT_EQ(MustVerify(store_).state_hash, hash_);
    const auto second = Retire(files_, store_, options);
    ASSERT_TRUE(second.ok()) << second.status().ToString();
    EXPECT_GT(second->now.frames, 0U);
    EXPECT_EQ(MustVerify(store_).state_hash, hash_);
    const auto engine = MustOpen();
    ASSERT_NE(engine, nullptr);
    EXPECT_EQ(engine->state().Hash(), hash_);
    // The base of the front, what names its pack, and nothing else.
    size_t left = 0;
    for ([[maybe_unused]] const auto& entry :
         std::filesystem::directory_iterator(store_ + "/base")) {
      ++left;
    }
    EXPECT_EQ(left, 2U);
  }
  EXPECT_GT(calls, 8U);
}

TEST_F(RetireTest, ABackupOfARetiredStoreIsOneAndItsCheckpointIsWhatItStartsFrom) {
  Fill(200);
  ASSERT_GT(Retire(files_, store_, Options())->now.frames, 0U);
  BackupOptions options;
  options.stores = Stores;
  const auto backup = Backup(files_, store_, root_ + "/safe", options);
  ASSERT_TRUE(backup.ok()) << backup.status().ToString();
  EXPECT_EQ(backup->state_hash, hash_);
  EXPECT_GT(backup->checkpoint_frame, 0U);
  const auto restored = Restore(files_, root_ + "/safe", root_ + "/again", Stores);
  ASSERT_TRUE(restored.ok()) << restored.status().ToString();
  EXPECT_EQ(MustVerify(root_ + "/again").state_hash, hash_);
  const auto engine =
      engine::Engine::Open(files_, root_ + "/again", EngineOptions(root_ + "/again"));
  ASSERT_TRUE(engine.ok()) << engine.status().ToString();
  EXPECT_EQ((*engine)->state().Hash(), hash_);
  EXPECT_EQ((*engine)->opened().checkpoint.frames, backup->checkpoint_frame);
  EXPECT_EQ((*engine)->opened().events, 0U) << "nothing had to be folded";
}

TEST_F(RetireTest, WhileAWriterHasTheStoreABackupHasNoCheckpointAndStillStarts) {
  Fill(200);
  ASSERT_GT(Retire(files_, store_, Options())->now.frames, 0U);
  const auto writer = MustOpen();
  Feed(writer.get(), 200, 205);
  BackupOptions options;
  options.stores = Stores;
  const auto backup = Backup(files_, store_, root_ + "/safe", options);
  ASSERT_TRUE(backup.ok()) << backup.status().ToString();
  EXPECT_TRUE(backup->checkpoint_in_use);
  EXPECT_EQ(backup->checkpoint_frame, 0U);
  const auto restored = Restore(files_, root_ + "/safe", root_ + "/again", Stores);
  ASSERT_TRUE(restored.ok()) << restored.status().ToString();
  const auto engine =
      engine::Engine::Open(files_, root_ + "/again", EngineOptions(root_ + "/again"));
  ASSERT_TRUE(engine.ok()) << engine.status().ToString();
  EXPECT_EQ((*engine)->state().Hash(), *backup->state_hash);
}

TEST_F(RetireTest, AWriterThatBacksItselfUpGivesItsOwnSnapshot) {
  {
    const auto writer = MustOpen();
    engine::MustActivate(*writer, MonthPack());
    Feed(writer.get(), 0, 30);
    const auto snapshot = writer->TakeSnapshot(root_ + "/snapshot");
    ASSERT_TRUE(snapshot.ok()) << snapshot.status().ToString();
    Feed(writer.get(), 30, 33);
    BackupOptions options;
    options.stores = Stores;
    options.until_frame = snapshot->head.frames;
    options.parts.push_back([&](const std::string& to, const journal::Settled&) -> Status {
      std::filesystem::rename(root_ + "/snapshot", to + "/checkpoint");
      return {};
    });
    const auto backup = Backup(files_, store_, root_ + "/safe", options);
    ASSERT_TRUE(backup.ok()) << backup.status().ToString();
    EXPECT_EQ(backup->state_hash, snapshot->state_hash);
    EXPECT_EQ(backup->checkpoint_frame, snapshot->head.frames);
  }
  const auto restored = Restore(files_, root_ + "/safe", root_ + "/again", Stores);
  ASSERT_TRUE(restored.ok()) << restored.status().ToString();
  EXPECT_EQ(MustVerify(root_ + "/again").state_hash, *restored->state_hash);
}

TEST_F(RetireTest, ADamagedTableOfABackupsCheckpointIsNotRestored) {
  Fill(60);
  BackupOptions options;
  options.stores = Stores;
  ASSERT_TRUE(Backup(files_, store_, root_ + "/safe", options).ok());
  size_t tables = 0;
  for (const auto& entry : std::filesystem::directory_iterator(root_ + "/safe/checkpoint")) {
    if (entry.path().extension() != ".sst") continue;
    ++tables;
    auto file = files_.Open(entry.path().string(), OpenMode::kReadWrite);
    ASSERT_TRUE(file.ok()) << file.status().ToString();
    std::string byte;
    ASSERT_TRUE((*file)->ReadAt(10, 1, &byte).ok());
    byte[0] = static_cast<char>(byte[0] ^ 0x10);
    ASSERT_TRUE((*file)->WriteAt(10, byte).ok());
    const auto restored = Restore(files_, root_ + "/safe", root_ + "/again", Stores);
    EXPECT_FALSE(restored.ok()) << entry.path();
    std::filesystem::remove_all(root_ + "/again.restoring");
    byte[0] = static_cast<char>(byte[0] ^ 0x10);
    ASSERT_TRUE((*file)->WriteAt(10, byte).ok());
  }
  EXPECT_GT(tables, 0U);
  EXPECT_TRUE(Restore(files_, root_ + "/safe", root_ + "/again", Stores).ok());
}

}  // namespace
}  // namespace credence::study
