#pragma once
// Engine: the single writer. It takes events in batches, admits them, decides and applies them in
// memory, appends requests and facts of the batch to the journal as one frame, syncs, and only then
// lets anything out.
//
// Process returns one outcome per event, in order; Begin and End are its halves, so that the next
// batch is decided while this one is written and synced. A business refusal (late, duplicate with
// other content, …) is an outcome and leaves no trace. A Status means that nothing of the batch was
// released; if it came from the disk, memory is ahead of it: the engine is stopped, refuses
// everything with kUnavailable, and the caller opens it again from the journal. kResourceExhausted
// from a call (with journal::WriteAhead::kSegments) says that the disk is full and nothing was
// done: the same call is ok again once there is room.
//
// Recovery folds the journal's facts and never decides again; `study::Verify` checks that deciding
// again gives the same.
//
// Time is an argument. One thread at a time.

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/arena.h"
#include "src/base/file.h"
#include "src/base/status.h"
#include "src/decision/decide.h"
#include "src/engine/committer.h"
#include "src/engine/core.h"
#include "src/engine/lookahead.h"
#include "src/engine/outcome.h"
#include "src/journal/journal.h"
#include "src/pack/pack.h"
#include "src/record/event.h"
#include "src/record/fact.h"

namespace credence::engine {

inline constexpr size_t kBatchEventsMax = 256;
inline constexpr size_t kActivationRequestsMax = 64;  // that wait; more are refused
// Batches that are begun and not ended: what comes is decided while the disk is at work, however
// long that takes.
inline constexpr size_t kBatchesInFlightMax = 256;
// No batch is begun while more events than this are in flight.
inline constexpr size_t kEventsInFlightMax = kBatchEventsMax;
// 2261-01-01T00:00:00Z: no event arrives later, so that stamps can always grow.
inline constexpr Timestamp kStampEnd{9'183'110'400'000'000'000};

// How time passes. Live: the caller's clock. History: each event arrives at its own time, so that
// old streams keep their windows; a server may be loaded so and then go live.
enum class Arrival : uint8_t { kLive = 0, kHistory = 1 };

struct Options {
  journal::Options journal;
  // Folds the journal without writing, cutting or locking it: DryRun and reading only.
  bool read_only = false;
  // Encode, write and sync in a thread of the engine's own; and at the start fold in one of its own
  // what is read and decoded in the caller's.
  bool own_journal_thread = false;
  CheckpointOptions checkpoints;
  // Called in End, for decisions that are on disk. May be empty.
  Core::Observer on_decision;
  // Packs that need not be parsed again where the journal names them; their artefacts are still
  // read and checked.
  std::vector<std::shared_ptr<const pack::Pack>> known_packs;
  // Called during Open after each frame with the number of events folded so far. May be empty.
  std::function<void(uint64_t events)> on_progress;
};

struct OpenReport {
  uint64_t events = 0;  // folded from the journal
  uint64_t decisions = 0;
  bool sealed = false;  // the last writer left in order
  // Checked where it is sealed and no checkpoint was used: a checkpoint is proved by verify.
  bool state_matches_seal = true;
  journal::Tail cut;  // what was cut from the journal's end
  // The checkpoint that the state was read from; frames 0: from the journal alone.
  journal::ChainHead checkpoint;
  // Why a checkpoint that was there was not used; empty if none was damaged.
  std::string damaged_checkpoint;
};

class Engine {
 public:
  // `folder` holds journal/ and artefacts/; it is made if it is missing. kDataLoss on damage.
  static Result<std::unique_ptr<Engine>> Open(FileSystem& files, const std::string& folder,
                                              Options options = {});
  ~Engine();

  // Puts the pack beside the journal and journals its activation. Takes effect for the next event.
  Status Activate(std::shared_ptr<const pack::Pack> pack, std::string_view activated_by,
                  std::string_view approved_by, Timestamp now);
  // Puts the pack beside the journal and journals that its activation is asked for
  // (State::activation_requests). kInvalidArgument if that waits already, or too many do.
  Status RequestActivation(const pack::Pack& pack, std::string_view by, Timestamp now);
  Status SetKillSwitch(bool on, std::string_view decision, std::string_view by,
                       std::string_view reason, Timestamp now);
  // kInvalidArgument unless `rate` is positive and `from` is not the base currency.
  Status SetRate(Currency from, Decimal rate, std::string_view by, Timestamp now);
  // The answer of an outside source, on which the parked decision of `parked_seq` resumes.
  // kNotFound if none waits there for `source`.
  Result<std::shared_ptr<const record::DecisionRecord>> TakeAnswer(record::Answer answer,
                                                                   Timestamp now);

  // At most kBatchEventsMax events, made by the gate for the active pack. No batch is in flight.
  Result<std::vector<Outcome>> Process(std::span<const record::Event> events, Arrival arrival,
                                       Timestamp now);
  // Decides and applies a batch in memory. What the events point to lives until its End. Only where
  // MayBegin; not ok: the batch was not begun.
  Status Begin(std::span<const record::Event> events, Arrival arrival, Timestamp now);
  // Waits until the oldest batch in flight is on disk. Its outcomes; not ok: it was lost.
  Result<std::vector<Outcome>> End();
  [[nodiscard]] size_t in_flight() const { return in_flight_.size(); }
  [[nodiscard]] bool MayBegin() const {
    return in_flight_.size() < kBatchesInFlightMax && events_in_flight_ <= kEventsInFlightMax;
  }
  // `on_committed` is called from now on, on the thread that brings batches to disk, each time that
  // some are there or lost: MayEnd may have changed. What was set before is called no more. Waits
  // for the batches in flight; not for an engine that is read-only.
  void set_on_committed(std::function<void()> on_committed) {
    committer_->set_on_done(std::move(on_committed));
  }
  // Whether a batch is in flight and End would not wait.
  [[nodiscard]] bool MayEnd() const {
    return !in_flight_.empty() && committer_->MayEnd(*in_flight_.front());
  }
  // When the next timer is due (MoneyState::NextTimer); nothing where none will ever be.
  [[nodiscard]] std::optional<Timestamp> NextTimer() const;
  // Fires the timers that are due by `now`, the first `max` of them and at most
  // record::kTimerItemsMax, as one record: a batch of its own without outcomes, which is in flight
  // until its End; only where MayBegin. How many; 0: none is due, and nothing is in flight. Time is
  // that of the record, max(last stamp + 1 ns, `now`): of a history the caller gives the time that
  // it has come to.
  Result<size_t> BeginTimers(size_t max, Timestamp now);
  // BeginTimers and End. No batch is in flight.
  Result<size_t> FireTimers(size_t max, Timestamp now);
  // What Process would say of one event. Leaves no trace. Waits for the batches in flight: nothing
  // that is not on disk leaves the engine.
  Outcome DryRun(const record::Event& event, Arrival arrival, Timestamp now);

  [[nodiscard]] const pack::Pack* pack() const { return core_.state.pack.get(); }
  // Ahead of the disk while a batch is in flight.
  [[nodiscard]] const State& state() const { return core_.state; }
  [[nodiscard]] const OpenReport& opened() const { return report_; }
  // Not for an engine that is read-only, nor while a batch is in flight.
  [[nodiscard]] const journal::Journal& journal() const { return *journal_; }

  // See Core.
  [[nodiscard]] std::optional<std::vector<std::pair<std::string, record::Value>>> ReadEntity(
      std::string_view entity, std::string_view key, Timestamp at) const {
    return core_.ReadEntity(entity, key, at);
  }
  // Null where there are none.
  [[nodiscard]] const Checkpoints* checkpoints() const { return core_.checkpoints(); }
  // A whole checkpoint now, if there are checkpoints. Waits for the batches in flight.
  Status Checkpoint();
  // The same, and a copy of it in `folder`, which must not exist: with the journal up to the head
  // that is returned it is a whole engine. kUnavailable if there are no checkpoints.
  Result<Snapshot> TakeSnapshot(const std::string& folder);

  // Seals the journal with the state hash, and makes a last checkpoint. The engine takes nothing
  // more. If the journal is sealed but the checkpoint fails its status is returned: the next start
  // takes longer.
  Status Close();

 private:
  Engine(FileSystem& files, std::string folder, Options options);
  Status Recover();
  Status RecoverReadOnly();
  Status OpenCheckpoints(uint64_t* from_frame);
  Status FoldFrame(const journal::FrameView& frame);
  // The entities could be read so far; else the engine has stopped.
  Status CheckStore();
  // Tells the checkpoints what is on disk of the batches in flight. After WaitAll.
  void NoteOnDisk();
  Status CheckSeal(const std::string& seal);
  Status Ready();
  [[nodiscard]] Status MayBeInCharge(const pack::Pack& pack) const;
  [[nodiscard]] std::shared_ptr<Batch> NewBatch();
  // Keeps a batch that has ended for NewBatch, with the memory that it has.
  void SetAside(std::shared_ptr<Batch> batch);
  [[nodiscard]] std::shared_ptr<record::DecisionRecord> NewDecision();
  // What was decided in memory goes to the disk.
  void SetOff(std::shared_ptr<Batch> batch);
  Status Submit(std::shared_ptr<Batch> batch);
  Status CommitCommand(std::string record, Seq seq, Timestamp stamp);
  Status Stop(const Status& failure);
  [[nodiscard]] Timestamp NextStamp(Timestamp clock) const;

  Outcome Admit(record::Event* event, const EventKey& key, Arrival arrival, Timestamp now,
                Arena* arena);
  bool CheckTime(const record::Event& event, Outcome* outcome) const;
  bool CheckReversal(const record::Event& event, Outcome* outcome) const;
  bool ConvertAmounts(record::Event* event, Outcome* outcome, Arena* arena);
  // The event whose turn it is in lookahead_.
  Outcome Take(const record::Event& raw, Arrival arrival, Timestamp now, Batch* batch);
  Outcome TryOut(const record::Event& raw, Arrival arrival, Timestamp now);
  bool Arrive(const record::Event& event, Arena* arena, feature::Arrival* arrived,
              Outcome* outcome) const;
  void Observe(const decision::DecisionPlan& plan, const record::Event& event,
               std::span<const record::Value> features);
  void Overlay(const record::Event& event, const feature::Arrival& arrival,
               std::vector<std::unique_ptr<feature::EntityState>>* copies);

  FileSystem& files_;
  std::string folder_;
  Options options_;
  Core core_;
  std::unique_ptr<journal::Journal> journal_;
  OpenReport report_;
  Status stopped_;
  std::deque<std::shared_ptr<Batch>> in_flight_;
  size_t events_in_flight_ = 0;  // and timers
  std::vector<std::shared_ptr<Batch>> spare_;
  std::vector<std::shared_ptr<record::DecisionRecord>> spare_decisions_;  // nobody else has them
  Batch* taking_ = nullptr;  // the batch whose events are being decided
  Lookahead lookahead_;
  Arena arena_;  // of a dry run
  // Of one event.
  std::vector<EntityRef> touched_;
  std::vector<Core::Source> sources_;
  // Last: its thread ends before what it uses goes.
  std::unique_ptr<Committer> committer_;
};

}  // namespace credence::engine
