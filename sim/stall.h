#pragma once
// The market of the fault simulators: a stall with few buyers and hosts, its pack (sim/pack) and
// seeded events for it, as the JSON that a sender would send. Same seed, same bytes.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "src/base/random.h"
#include "src/base/status.h"
#include "src/calendar/date.h"
#include "src/pack/pack.h"

namespace credence::sim {

// 2024-05-01T00:00:00Z
inline constexpr Timestamp kStallOpens{1'714'521'600 * kNsPerSecond};

// The pack as it is kept, with another policy, or with more features.
enum class StallPack : uint8_t { kFirst, kOtherPolicy, kMoreFeatures };
Result<std::shared_ptr<const pack::Pack>> LoadStall(StallPack which = StallPack::kFirst);

// One event after another: orders, payments, cancellations of orders, and now and then an id that
// was there before. Time passes between them.
class StallEvents {
 public:
  // `prefix` begins every id.
  StallEvents(uint64_t seed, std::string prefix)
      : random_(seed), prefix_(std::move(prefix)), now_(kStallOpens) {}
  // The JSON of the next event.
  std::string Next();
  // When it happens.
  [[nodiscard]] Timestamp now() const { return now_; }

 private:
  Random random_;
  std::string prefix_;
  Timestamp now_;
  uint64_t count_ = 0;
  std::vector<std::string> sent_;    // the last few, to be sent again
  std::vector<std::string> orders_;  // ids of the last few, to be cancelled
};

}  // namespace credence::sim
