#pragma once
// Committer: brings begun batches to disk in their order: encodes their records, appends them to
// the journal and syncs, in a thread of its own or in the caller's.
//
// A batch whose append failed has the journal's status, and so has every later one: the journal
// refuses everything after a failure, so what stands behind a lost batch is lost too.
//
// One caller. The journal belongs to the committer's thread from Submit until the batch is done;
// the caller may look at it after WaitAll only.

#include <condition_variable>
#include <deque>
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

// What was admitted, decided and applied in memory, until it is on disk.
struct Batch {
  struct Record {
    Seq seq;
    std::string command;  // encoded; else:
    record::Event event;  // its views live in the caller's memory and in `arena`
    std::shared_ptr<const record::DecisionRecord> decision;  // of the event or the command; or null
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
  // Set by the committer.
  bool done = false;
  Status status;
  journal::ChainHead head;  // after its last frame; meaningless where it has no records
};

class Committer {
 public:
  // `journal` outlives the committer. Without `own_thread` Submit does everything before it
  // returns.
  Committer(journal::Journal* journal, bool own_thread);
  ~Committer();  // after all that was submitted
  Committer(const Committer&) = delete;
  Committer& operator=(const Committer&) = delete;

  void Submit(std::shared_ptr<Batch> batch);
  // Until the batch is on disk, or lost.
  Status Wait(const Batch& batch);
  void WaitAll();

 private:
  void Loop();
  void Commit(Batch* batch);
  Status Flush(Seq last_seq, Batch* batch);

  journal::Journal* journal_;
  std::mutex mutex_;
  std::condition_variable submitted_;
  std::condition_variable done_;
  std::deque<std::shared_ptr<Batch>> queue_;  // the front is being worked on
  bool stop_ = false;
  Status failed_;  // the first failure; for good
  // Of the frame that is being made.
  std::string bytes_;
  std::vector<size_t> ends_;
  std::vector<std::string_view> views_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace credence::engine
