#pragma once
// FoldAhead: folds a journal in two threads, for a start that has much to fold. The caller's thread
// reads and checks frames, decodes their records and reads what they touch from the store; a thread
// of its own folds them, in their order. The state is the same as when one thread does both.
//
// Push hands a frame over; the state belongs to the folding thread until Finish has returned. A
// frame that cannot be folded ends it: that Push, a later one or Finish returns the failure, which
// names segment and offset, and nothing after the frame is folded.
//
// Rows are read ahead from the store as it was then. They are used only where the store could not
// have another by the time of their frame: the entity is not in memory, and no checkpoint has come
// to its end in between (what a checkpoint writes is in memory until it is settled).

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_set>
#include <vector>

#include "src/base/status.h"
#include "src/engine/core.h"
#include "src/journal/format.h"

namespace credence::engine {

class FoldAhead {
 public:
  // Frames that are read and not folded yet, at most.
  static constexpr size_t kFramesMax = 8;

  // `core` outlives it. `read_entities`: read what frames touch; without a limit of the cache,
  // where what was read once stays.
  FoldAhead(Core* core, bool read_entities);
  // Stops without folding what was not folded yet.
  ~FoldAhead();
  FoldAhead(const FoldAhead&) = delete;
  FoldAhead& operator=(const FoldAhead&) = delete;

  Status Push(const journal::FrameView& frame);
  // Everything is folded, or has failed; the thread has gone.
  Status Finish();
  [[nodiscard]] uint64_t events() const { return events_.load(std::memory_order_relaxed); }

 private:
  void ReadEntities(DecodedFrame* frame);
  std::unique_ptr<DecodedFrame> Room();
  void WaitUntilIdle();
  void Work();
  void Stop();

  Core& core_;
  const bool read_entities_;
  // Hashes of what was asked for: in memory by now, or absent.
  std::unordered_set<uint64_t> asked_;
  std::vector<EntityRef> touched_;
  std::atomic<uint64_t> events_ = 0;
  std::atomic<uint32_t> settled_ = 0;  // checkpoints that have come to their end

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<DecodedFrame>> waiting_;  // guarded by mutex_
  std::vector<std::unique_ptr<DecodedFrame>> spare_;   // guarded by mutex_
  bool folding_ = false;                               // guarded by mutex_
  bool stop_ = false;                                  // guarded by mutex_
  Status failed_;                                      // guarded by mutex_
  std::thread thread_;
};

}  // namespace credence::engine
