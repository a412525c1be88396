#pragma once
// Checkpoints: the state, written now and then to a store beside the journal, so that a start reads
// the store and then only the frames after it, and so that entities may leave memory. A checkpoint
// is a cache of the journal: without it the journal makes the same state.
//
// How one is made. Ids, reversible events, parked decisions, money and full chunks of events are
// noted as they come. At the end of a batch what has changed since the last checkpoint is frozen.
// A thread of its own encodes the heads of frozen entities while the engine goes on; one that is
// about to change first is encoded by the writer before it does (FrozenEntities). Then that thread
// writes everything as one batch with the position in the journal, and flushes.
// It is handed over only when the journal is durable up to it: nothing beyond what is durable
// reaches the store, and the store is always the state after exactly one frame.
//
// What has changed stays in memory until it is written. Where it becomes kBehindMax times what
// begins a checkpoint while the one before is being written, the writer waits for that (counted).
// It waits too where kBehindEventsMax times every_events have come since what the one that is being
// written holds: a start folds what came after the newest checkpoint, so that is at most
// (kBehindEventsMax + 1) times every_events, and the batch. If what was frozen is not encoded by
// then, the writer encodes the rest.
//
// Where half of that has come, the store is told to hurry: else it leaves the disk to the journal.
//
// A checkpoint that cannot be written (a full disk) is kept and tried again every kRetryFrames
// frames; the engine goes on, and what it changes meanwhile stays in memory.
//
// Everything is called on the writer's thread, or on one thread after the other.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "src/base/status.h"
#include "src/engine/rows.h"
#include "src/engine/state.h"
#include "src/journal/format.h"
#include "src/store/store.h"
#include "src/thread/thread.h"

namespace credence::engine {

struct CheckpointOptions {
  // Where they are kept; its tables are TableNames(). Null: none are made, the whole state is in
  // memory and is made from the journal at each start.
  std::shared_ptr<store::Backing> backing;
  // One is begun after so many events, or when it will write so many bytes, whichever comes first.
  // Fewer events: a quicker start, more writing.
  uint64_t every_events = 200'000;
  uint64_t every_bytes = uint64_t{128} << 20;
  // What entities may take in memory, about, beside those that changed since the last checkpoint;
  // the others are read from the store when they are asked for. 0: all stay in memory. A checkpoint
  // is begun when half of it has changed.
  uint64_t cache_bytes = 0;
  // Who encodes and writes: a thread of its own, or, for tests that want each run alike, the
  // caller, who encodes in slices at the ends of batches.
  enum class Worker : uint8_t { kThread, kCaller };
  Worker worker = Worker::kThread;
  // Called by the writer before it waits for a checkpoint to be written.
  std::function<void()> on_wait;
};

struct CheckpointCounters {
  uint64_t checkpoints = 0;  // written and flushed
  uint64_t failed = 0;       // attempts
  uint64_t bytes = 0;        // of their batches
  uint64_t rows = 0;         // changes in them
  uint64_t waits = 0;        // for one to be written, by the writer
  std::string last_failure;  // empty once one was written again
};

// What a copy of the state is a copy of.
struct Snapshot {
  journal::ChainHead head;  // of the journal, on disk
  Digest state_hash;
  Digest pack;
  std::vector<std::pair<std::string, Digest>> artefacts;  // of the pack: path, content
};

class Checkpoints {
 public:
  static constexpr uint64_t kRetryFrames = 256;
  static constexpr uint64_t kBehindMax = 3;
  static constexpr uint64_t kBehindEventsMax = 1;

  // `state` outlives it. With `read_only` nothing is written, and entities are only read.
  Checkpoints(std::unique_ptr<store::Store> store, const CheckpointOptions& options, bool read_only,
              State* state);
  ~Checkpoints();
  Checkpoints(const Checkpoints&) = delete;
  Checkpoints& operator=(const Checkpoints&) = delete;

  // The store's position, if it holds a checkpoint.
  [[nodiscard]] std::optional<store::Position> position() const { return store_->position(); }
  [[nodiscard]] const store::Store& store() const { return *store_; }
  [[nodiscard]] bool read_only() const { return read_only_; }
  // The state can be written: not of a reader.
  [[nodiscard]] bool writes() const { return !read_only_; }
  [[nodiscard]] const CheckpointCounters& counters() const { return counters_; }
  // What the writer had counted when it began the checkpoint that is there.
  [[nodiscard]] const WriterCounters& writer_counters() const { return writer_; }

  // Puts the rows of the store's checkpoint into the state, whose pack `set_pack` sets from its
  // digest. kDataLoss if they are not those of a checkpoint; then the state is to be thrown away.
  Status Restore(const std::function<Status(const Digest& pack)>& set_pack,
                 const PackLoader& load_pack);
  // Lets the entities of a table that is empty live in the store, as rows of new generations.
  void GiveStore(EntityTable* entities);

  // The state is that after whole batches, which need not be on disk. True: a checkpoint will stand
  // here, so that the frame of the last batch has to end with it.
  bool AtBoundary();
  // The same while a start folds: it does not wait for what the next start would fold.
  void AtBoundaryOfFold();
  // The journal is on disk up to `head`, the end of a frame. Heads come in order, of each batch
  // that has records that of its last frame; one that was given before, or an older one, changes
  // nothing.
  void OnDisk(const journal::ChainHead& head);
  // Completes what was begun. Every batch is on disk, and OnDisk has said so.
  Status Drain();
  // The same, and then a whole checkpoint of the state as it is, unless it is there.
  Status Finish();
  // The same, and then a copy of the store in `folder` (see Store::Snapshot), which is a store of
  // checkpoints of its own.
  Result<Snapshot> TakeSnapshot(const std::string& folder);
  // For a table that is being made again beside the state: writes what has changed in it, where it
  // is much, so that it may leave memory. After Finish. The rows belong to no checkpoint yet.
  Status Spill(EntityTable* entities);

 private:
  enum class Phase : uint8_t { kIdle, kEncoding, kWaiting, kWriting };
  enum class Task : uint8_t { kNone, kEncode, kWrite };
  struct Job {
    std::unique_ptr<store::Batch> batch;            // the writer's
    std::unique_ptr<store::Batch> heads;            // that the thread encoded; null without one
    std::shared_ptr<const pack::Pack> encoded_for;  // of whose plan the frozen entities are
    store::Position position;
    bool on_disk = false;  // the journal is, up to the position, whose frame and chain are known
    bool written = false;
    uint64_t bytes = 0;
    uint64_t rows = 0;
    Status status;
  };

  [[nodiscard]] bool Due() const;
  // How much has changed, in parts of what begins a checkpoint.
  [[nodiscard]] bool HasChanged(uint64_t times) const;
  [[nodiscard]] bool UpToDate() const;
  [[nodiscard]] std::unique_ptr<store::Batch> NewChanges() const;
  void Freeze();
  void TakeHead();
  void HandOverIfReady();
  void DropOldGenerations(store::Batch* batch);
  [[nodiscard]] CheckpointNote MakeNote();
  void Encode();
  void EncodeAll();
  void EndEncoding();
  [[nodiscard]] uint64_t SliceBytes() const;
  void Proceed();
  void WaitIfBehind();
  void HandOver();
  void Reap(bool wait);
  // Of the thread: gives it something to do, and whether it has done so.
  void Post(Task task);
  [[nodiscard]] bool Done(bool wait);
  void SetHurry(bool hurry);
  static void Write(store::Store* store, Job* job);
  void Work();

  const std::unique_ptr<store::Store> store_;
  const CheckpointOptions options_;
  const bool read_only_;
  State* const state_;

  journal::ChainHead head_;  // the newest that is on disk
  Phase phase_ = Phase::kIdle;
  std::unique_ptr<store::Batch> changes_;  // of small rows, since the last freeze
  std::unique_ptr<Job> job_;
  // Empty: memory that was touched before.
  std::unique_ptr<store::Batch> spare_;
  std::unique_ptr<store::Batch> spare_heads_;
  std::optional<thread::Hurry> hurry_;  // and the store's: the writer will soon wait
  uint64_t retry_at_frame_ = 0;
  Seq frozen_seq_;                     // of the last freeze
  int64_t dropped_day_ = INT64_MIN;    // ids before this day are gone from the store
  std::vector<uint64_t> generations_;  // that the store has, with the job
  uint64_t next_generation_ = 1;
  std::vector<Digest> artefacts_;  // of artefacts_pack_
  Digest artefacts_pack_;
  uint64_t changed_before_ = 0;  // bytes, at the last boundary
  Seq seq_before_;               // at the last boundary
  uint64_t frozen_bytes_ = 0;    // of entities, at the last freeze
  CheckpointCounters counters_;
  WriterCounters writer_;

  std::mutex mutex_;
  std::condition_variable wake_;
  Task task_ = Task::kNone;         // guarded by mutex_
  bool done_ = false;               // guarded by mutex_: the posted task has been done
  std::atomic<bool> stop_ = false;  // written under mutex_; what is not encoded yet never will be
  std::thread thread_;
};

}  // namespace credence::engine
