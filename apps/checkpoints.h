#pragma once
// Where a store keeps its checkpoints, and the options of the commands that use them.

#include <CLI/CLI.hpp>
#include <string>

#include "src/engine/checkpoint.h"

namespace credence::apps {

// The checkpoints of the store in `folder`, on disk.
std::shared_ptr<store::Backing> CheckpointsOf(const std::string& folder);

// A store of checkpoints on disk in any folder: for study::BackingAt.
std::shared_ptr<store::Backing> BackingIn(const std::string& folder);

// --cache-bytes; and --checkpoint-events where `writes`.
enum class CheckpointUse : uint8_t { kReads, kWrites };
void AddCheckpointOptions(CLI::App* app, CheckpointUse use, engine::CheckpointOptions* options);

// Says on stderr that a checkpoint was damaged and is not used.
void WarnOfDamage(const std::string& damage);

}  // namespace credence::apps
