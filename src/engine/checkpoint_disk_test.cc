// Checkpoints by RocksDB on a disk that fails and fills up: the engine goes on deciding, says that
// checkpoints failed, and makes them again: with room at once, after an error from the next start
// on. The journal is on a disk of its own and all entities are in memory, so that every fault is
// one of a checkpoint: a cold entity that cannot be read stops the engine.

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
constexpr uint64_t kRoomStep = 10'000;

class CheckpointDisk {
 public:
  explicit CheckpointDisk(uint64_t seed) : files(seed) {}
  [[nodiscard]] Options EngineOptions(Worker worker = Worker::kCaller) {
    store::RocksOptions rocks;
    rocks.files = &files;
    rocks.block_cache_bytes = 0;
    rocks.write_bytes_per_second = 0;
    return With(store::RocksAt("/checkpoints", TableNames(), rocks), kEveryEvents, 0, worker);
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
  for (uint64_t step = 1;; step += 11) {
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
    if (goes_on) {
      EXPECT_EQ(engine->opened().checkpoint.frames, engine->journal().head().frames)
          << "a checkpoint that was said to be made outlives the power";
    }
    ASSERT_EQ(engine->state().Hash(), expected.hash);
    const Status next = engine->Checkpoint();
    EXPECT_TRUE(next.ok()) << next.ToString();
    EXPECT_EQ(engine->checkpoints()->position()->frame, engine->journal().head().frames);
  }
  EXPECT_GT(struck, 5u);
  EXPECT_GT(failed, 0u);
  std::printf("%llu calls failed, %llu of them a checkpoint; %llu were got over without a start\n",
              static_cast<unsigned long long>(struck), static_cast<unsigned long long>(failed),
              static_cast<unsigned long long>(got_over));
}

// The room for checkpoints ends at every size in turn.
TEST(CheckpointDisk, AFullDiskFailsCheckpointsAndNothingElseAndTheNextWithRoomIsMade) {
  Arena arena;
  const Stream stream(32, 90, &arena);
  const Expected expected(stream);
  uint64_t full = 0;
  for (uint64_t more = 0;; more += kRoomStep) {
    SCOPED_TRACE("room for " + std::to_string(more) + " bytes more");
    FaultFileSystem files(more);
    CheckpointDisk disk(more);
    const Options options =
        disk.EngineOptions(more / kRoomStep % 2 == 0 ? Worker::kCaller : Worker::kThread);
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
    const Status with_room = engine->Checkpoint();
    ASSERT_TRUE(with_room.ok()) << with_room.ToString();
    const uint64_t head = engine->journal().head().frames;
    engine.reset();
    files.Crash(CrashKind::kDropUnsynced);
    disk.files.Crash(CrashKind::kDropUnsynced);
    engine = MustOpen(files, options);
    ASSERT_NE(engine, nullptr);
    EXPECT_EQ(engine->opened().damaged_checkpoint, "");
    EXPECT_EQ(engine->opened().checkpoint.frames, head);
    ASSERT_EQ(engine->state().Hash(), expected.hash);
    const Status next = engine->Checkpoint();
    ASSERT_TRUE(next.ok()) << next.ToString();
    EXPECT_EQ(engine->checkpoints()->position()->frame, engine->journal().head().frames);
  }
  EXPECT_GT(full, 1u);
  std::printf("%llu sizes of a full disk\n", static_cast<unsigned long long>(full));
}

}  // namespace
}  // namespace credence::engine
