#pragma once
// The way of an event stage by stage, for `credence bench`: the calls that Gate, Engine::Take,
// State::Apply, Core::Decide and Engine::Commit make, in the same order over a state of its own,
// with the clock read between them. What reading the clock costs is taken off.

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "apps/bench_stream.h"
#include "src/base/digest.h"
#include "src/base/file.h"
#include "src/base/status.h"
#include "src/pack/pack.h"

namespace credence::apps {

enum class StageName : uint8_t {
  kGate,
  kOnce,
  kArrival,
  kWindows,
  kRead,
  kDecide,
  kEncodeEvent,
  kEncodeDecision,
  kAppendMemory,
  kAppendDisk,
};
inline constexpr size_t kStages = 10;

struct StageTimes {
  std::array<double, kStages> ns{};  // for one event
  Digest decisions;
};

// `clock_ns`: what reading the clock once costs.
Result<StageTimes> TimeStages(const std::shared_ptr<const pack::Pack>& pack, FileSystem& disk,
                              const std::string& folder, const OrderStreamOptions& stream,
                              uint64_t events, size_t batch, double clock_ns);

// Takes in a decision as it is stored.
void AddDecision(const record::DecisionRecord& decision, Sha256Stream* hash);

}  // namespace credence::apps
