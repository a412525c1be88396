#pragma once
// Committer: brings begun batches to disk in their order: encodes their records, appends them to
// the journal and syncs, in a thread of its own or in the caller's. All batches that wait when a
// sync has ended go into one frame (a group commit), so that the time of a sync, not the number of
// batches, is what a batch waits for.
//
// A batch whose append failed has the journal's status, and so has every later one: the journal
// refuses everything after a failure, so what stands behind a lost batch is lost too.
//
// One caller. The journal belongs to the committer's thread from Submit until the batch is done;
// the caller may look at it after WaitAll only.

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "src/base/arena.h"
#include "src/base/status.h"
#include "src/base/strong_id.h"
#include "src/decision/plan.h"
#include "src/engine/outcome.h"
#include "src/journal/journal.h"
#include "src/record/event.h"
#include "src/record/fact.h"

namespace credence::engine {

// A batch is cut into frames where its records pass this; one event with its decision stays
// together.
inline constexpr size_t kFrameRecordBytes = size_t{4} << 20;
// No further batch is taken into a frame beyond this.
inline constexpr size_t kGroupBytes = size_t{256} << 10;

// What was admitted, decided and applied in memory, until it is on disk.
struct Batch {
  struct Record {
    Seq seq;
    std::string command;  // encoded; else:
    record::Event event;  // its views live in the caller's memory and in `arena`
    std::shared_ptr<record::DecisionRecord> decision;  // of the event or the command; or null
  };
  // What an export sees of a decision, once the batch is on disk.
  struct Observed {
    const decision::DecisionPlan* plan = nullptr;
    record::Event event;
    std::span<const record::Value> features;
  };

  Arena arena;
  std::vector<Record> records;
  std::vector<Outcome> outcomes;  // one for each event that was given
  std::vector<Observed> observed;
  size_t weight = 0;  // events, or timers: what Engine::MayBegin counts
  // No record of a later batch goes into its last frame: a checkpoint stands at its end.
  bool ends_frame = false;
  // Set by the committer.
  std::atomic<bool> done = false;  // the rest is meaningless before
  Status status;
  // After the frame of its last record, which may hold later batches; meaningless where it has no
  // records.
  journal::ChainHead head;
};

class Committer {
 public:
  // `journal` outlives the committer. Without `own_thread` everything is done once somebody waits.
  Committer(journal::Journal* journal, bool own_thread);
  ~Committer();  // after all that was submitted
  Committer(const Committer&) = delete;
  Committer& operator=(const Committer&) = delete;

  // Called from now on, on the thread that did it, each time that batches are done; what was set
  // before is called no more. Waits for what was submitted.
  void set_on_done(std::function<void()> on_done);
  void Submit(std::shared_ptr<Batch> batch);
  // Until the batch is on disk, or lost.
  Status Wait(const Batch& batch);
  // Whether it is not for others that Wait would wait.
  [[nodiscard]] bool MayEnd(const Batch& batch) const { return batch.done || !thread_.joinable(); }
  void WaitAll();

 private:
  void Loop();
  // In the caller's thread.
  void CommitQueued();
  // All of them; in as few frames as may be.
  void Commit(std::span<const std::shared_ptr<Batch>> batches);
  void Encode(const Batch& batch);
  // Ends the frame that is being made, if it holds anything.
  void Flush();
  // The batches whose last record was flushed.
  void FinishEncoded();

  journal::Journal* journal_;
  std::function<void()> on_done_;
  std::mutex mutex_;
  std::condition_variable submitted_;
  std::condition_variable done_;
  std::vector<std::shared_ptr<Batch>> queue_;  // guarded by mutex_
  bool working_ = false;                       // on what was queued; guarded by mutex_
  bool stop_ = false;                          // guarded by mutex_
  // Of the committer's thread.
  std::vector<std::shared_ptr<Batch>> taken_;
  Status failed_;  // the first failure; for good
  journal::ChainHead head_;
  // Of the frame that is being made.
  Seq last_seq_;
  std::string bytes_;
  std::vector<size_t> ends_;
  std::vector<std::string_view> views_;
  std::vector<Batch*> encoded_;  // whole
  std::thread thread_;           // last: it uses all of the above
};

}  // namespace credence::engine
