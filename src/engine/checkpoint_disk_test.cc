// Checkpoints by RocksDB on a disk that fails and fills up: the engine goes on deciding and says
// that checkpoints failed. When there is room again the next one is made. After an I/O error
// RocksDB may take no more until it is opened again: the next start makes checkpoints again. The
// journal is on a disk of its own here, so that every fault is one of the checkpoints.

#include <gtest/gtest.h>

#include "src/engine/checkpoint_testing.h"
#include "src/engine/stream_testing.h"
#include "src/store/rocks_store.h"

namespace credence::engine {
namespace {

using journal::CrashKind;
using journal::FaultFileSystem;
using journal::FaultKind;

constexpr uint64_t kEveryEvents = 20;

class CheckpointDisk {
 public:
  explicit CheckpointDisk(uint64_t seed) : files(seed) {}
  [[nodiscard]] Options EngineOptions(Worker worker = Worker::kCaller) {
    store::RocksOptions rocks;
    rocks.files = &files;
    rocks.block_cache_bytes = 0;
    rocks.write_bytes_per_second = 0;
    return With(store::RocksAt("/checkpoints", TableNames(), rocks), kEveryEvents, 1, worker);
  }
  FaultFileSystem files;
};

// What the stream says and leaves without any checkpoint.
struct Expected {
  std::vector<std::string> said;
  Digest hash;
  explicit Expected(const Stream& stream) {
    FaultFileSystem files;
    const auto engine = MustOpen(files);
    MustActivate(*engine, pack::ShopPack());
    said = Feed(*engine, stream.events(), Batches::kRandom, 1);
    hash = engine->state().Hash();
  }
};

// One call after another, until a run has fewer: writes, syncs, renames, removals, openings, reads.
TEST(CheckpointDisk, WhateverCallFailsTheEngineGoesOnAndTheNextStartMakesCheckpointsAgain) {
  Arena arena;
  const Stream stream(31, 90, &arena);
  const Expected expected(stream);
  uint64_t struck = 0;
  uint64_t failed = 0;
  uint64_t got_over = 0;
  for (uint64_t step = 1;; step += 7) {
    SCOPED_TRACE("call " + std::to_string(step));
    FaultFileSystem files(step);
    CheckpointDisk disk(step);
    const Options options = disk.EngineOptions();
    auto engine = MustOpen(files, options);
    ASSERT_NE(engine, nullptr);
    MustActivate(*engine, pack::ShopPack());
    const uint64_t call = disk.files.calls() + step;
    disk.files.set_fault({call, FaultKind::kError});
    ASSERT_EQ(Feed(*engine, stream.events(), Batches::kRandom, 1), expected.said);
    ASSERT_EQ(engine->state().Hash(), expected.hash);
    if (disk.files.calls() < call) break;
    ++struck;
    const CheckpointCounters& counters = engine->checkpoints()->counters();
    failed += counters.failed > 0 ? 1 : 0;
    const bool goes_on = engine->Checkpoint().ok();
    got_over += goes_on ? 1 : 0;
    EXPECT_EQ(counters.last_failure.empty(), goes_on);
    engine.reset();
    files.Crash(CrashKind::kDropUnsynced);
    disk.files.Crash(CrashKind::kDropUnsynced);
    engine = MustOpen(files, options);
    ASSERT_NE(engine, nullptr);
    EXPECT_EQ(engine->opened().damaged_checkpoint, "");
    EXPECT_TRUE(!goes_on || engine->opened().checkpoint.frames == engine->journal().head().frames);
    ASSERT_EQ(engine->state().Hash(), expected.hash);
    const Status next = engine->Checkpoint();
    EXPECT_TRUE(next.ok()) << next.ToString();
    EXPECT_EQ(engine->checkpoints()->position()->frame, engine->journal().head().frames);
  }
  EXPECT_GT(struck, 10u);
  EXPECT_GT(failed, 0u);
  std::printf("%llu calls failed, %llu of them a checkpoint; %llu were got over without a start\n",
              static_cast<unsigned long long>(struck), static_cast<unsigned long long>(failed),
              static_cast<unsigned long long>(got_over));
}

// The room for checkpoints ends at every size in turn.
TEST(CheckpointDisk, AFullDiskFailsCheckpointsAndNothingElseUntilThereIsRoom) {
  Arena arena;
  const Stream stream(32, 90, &arena);
  const Expected expected(stream);
  uint64_t full = 0;
  for (uint64_t more = 0;; more += 3'000) {
    SCOPED_TRACE("room for " + std::to_string(more) + " bytes more");
    FaultFileSystem files(more);
    CheckpointDisk disk(more);
    const Options options = disk.EngineOptions(more % 2 == 0 ? Worker::kCaller : Worker::kThread);
    auto engine = MustOpen(files, options);
    ASSERT_NE(engine, nullptr);
    MustActivate(*engine, pack::ShopPack());
    ASSERT_TRUE(engine->Checkpoint().ok());
    disk.files.set_bytes_max(disk.files.bytes() + more);
    ASSERT_EQ(Feed(*engine, stream.events(), Batches::kRandom, 1), expected.said);
    ASSERT_EQ(engine->state().Hash(), expected.hash);
    const CheckpointCounters& counters = engine->checkpoints()->counters();
    const Status last = engine->Checkpoint();
    if (last.ok() && counters.failed == 0) break;
    ++full;
    EXPECT_TRUE(last.ok() || last.code() == StatusCode::kResourceExhausted) << last.ToString();
    EXPECT_TRUE(last.ok() || !counters.last_failure.empty());
    disk.files.set_bytes_max(UINT64_MAX);
    const Status next = engine->Checkpoint();
    ASSERT_TRUE(next.ok()) << next.ToString();
    EXPECT_EQ(counters.last_failure, "");
    engine.reset();
    files.Crash(CrashKind::kDropUnsynced);
    disk.files.Crash(CrashKind::kDropUnsynced);
    engine = MustOpen(files, options);
    ASSERT_NE(engine, nullptr);
    EXPECT_EQ(engine->opened().damaged_checkpoint, "");
    EXPECT_EQ(engine->opened().checkpoint.frames, engine->journal().head().frames);
    ASSERT_EQ(engine->state().Hash(), expected.hash);
  }
  EXPECT_GT(full, 5u);
  std::printf("%llu sizes of a full disk\n", static_cast<unsigned long long>(full));
}

// Nobody asks for one: it is tried again by itself.
TEST(CheckpointDisk, WhenThereIsRoomAgainTheCheckpointThatFailedIsTriedAgainByItself) {
  Arena arena;
  const Stream stream(33, 90, &arena);
  FaultFileSystem files;
  CheckpointDisk disk(1);
  auto engine = MustOpen(files, disk.EngineOptions());
  ASSERT_NE(engine, nullptr);
  MustActivate(*engine, pack::ShopPack());
  ASSERT_TRUE(engine->Checkpoint().ok());
  const CheckpointCounters& counters = engine->checkpoints()->counters();
  disk.files.set_bytes_max(disk.files.bytes());
  Feed(*engine, stream.events(), Batches::kOne, 1);
  EXPECT_EQ(counters.checkpoints, 1u);
  EXPECT_GT(counters.failed, 0u);
  EXPECT_NE(counters.last_failure, "");
  disk.files.set_bytes_max(UINT64_MAX);
  for (uint64_t i = 0; i < Checkpoints::kRetryFrames && counters.checkpoints == 1; ++i) {
    const Timestamp at = At(400 * kNsPerDay + static_cast<int64_t>(i));
    ASSERT_TRUE(engine->SetKillSwitch(i % 2 == 0, "", "ann", "", at).ok());
  }
  EXPECT_EQ(counters.checkpoints, 2u);
  EXPECT_EQ(counters.last_failure, "");
}

}  // namespace
}  // namespace credence::engine
