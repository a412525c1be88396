#pragma once
// What the tests of checkpoints share: where they are kept, and what is read of them alone.

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "src/engine/engine_testing.h"
#include "src/store/memory_store.h"

namespace credence::engine {

using Worker = CheckpointOptions::Worker;

inline std::shared_ptr<store::MemoryBacking> MakeBacking() {
  return std::make_shared<store::MemoryBacking>(TableNames());
}

inline Options With(std::shared_ptr<store::Backing> backing, uint64_t every_events,
                    uint64_t cache_bytes, Worker worker = Worker::kCaller) {
  Options options;
  options.checkpoints.backing = std::move(backing);
  options.checkpoints.every_events = every_events;
  options.checkpoints.cache_bytes = cache_bytes;
  options.checkpoints.worker = worker;
  return options;
}

// The state that the store holds, and nothing of the journal.
struct StoredCheckpoint {
  store::Position position;
  Digest hash;
};
inline std::optional<StoredCheckpoint> StoredState(FileSystem& files,
                                                   std::shared_ptr<store::Backing> backing) {
  Core core(files, kFolder, 1);
  std::string damage;
  const auto head =
      core.OpenCheckpoints(With(std::move(backing), 1, 1).checkpoints, /*read_only=*/true, &damage);
  EXPECT_TRUE(head.ok()) << head.status().ToString();
  EXPECT_EQ(damage, "");
  if (!head.ok() || head->frames == 0) return std::nullopt;
  const Digest hash = core.state.Hash();
  EXPECT_TRUE(core.state.entities.status().ok()) << core.state.entities.status().ToString();
  return StoredCheckpoint{*core.checkpoints()->position(), hash};
}

}  // namespace credence::engine
