#pragma once
// Core: the engine without its journal: the state, folding of journalled records into it, and
// deciding from it. The writer drives one; `study` drives another over the same journal and
// compares.

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
#include "src/engine/artefacts.h"
#include "src/engine/checkpoint.h"
#include "src/engine/lookahead.h"
#include "src/engine/state.h"
#include "src/journal/format.h"
#include "src/pack/pack.h"
#include "src/record/event.h"
#include "src/record/fact.h"

namespace credence::engine {

// The pack of a digest from the store beside a journal.
Result<std::shared_ptr<const pack::Pack>> LoadStoredPack(const ArtefactStore& artefacts,
                                                         const Digest& digest);

// The event of one pack in the terms of another: types and fields by name, what the other does not
// have left out. Nothing if it does not know the event type.
std::optional<record::Event> Translate(const record::Event& event, const record::Schema& from,
                                       const record::Schema& to, Arena* arena);

// The file that names the pack in force where the front of a journal was retired, after so many
// frames: the bytes of its digest.
std::string BasePackPath(const std::string& folder, uint64_t frames);

// A frame of the journal with its records decoded, on its own memory.
struct DecodedFrame {
  // Copies the frame.
  void Copy(const journal::FrameView& view);
  // Keeps memory for the next.
  void Clear();
  journal::FrameView frame;  // of `body`, without what was chained
  std::string body;
  Arena arena;
  std::vector<record::AnyRecord> records;
  Status decoded;
  // What was read of the entities that it touches, if anything was.
  EntityTable::Ahead ahead;
};

class Core {
 public:
  // The entity states that a decision reads, where they are not those of the state (a dry run's
  // copies).
  struct Source {
    uint32_t entity = 0;
    const feature::EntityState* state = nullptr;
  };
  // Sees each decision's event and every feature of the entities that it touched. For exports.
  using Observer = std::function<void(const decision::DecisionPlan&, const record::Event&,
                                      std::span<const record::Value> features)>;

  // `folder` holds journal/ and artefacts/; `first_segment` as in journal::ReadOptions.
  Core(FileSystem& files, std::string folder, uint64_t first_segment)
      : files_(files),
        folder_(std::move(folder)),
        first_segment_(first_segment),
        artefacts_(files, folder_ + "/artefacts") {}

  State state;
  Observer observer;
  std::vector<std::shared_ptr<const pack::Pack>> known_packs;  // see Options

  // Before the first frame: opens the store of checkpoints. If it holds one the state becomes that,
  // and the frames after the head that is returned are to be folded; else the head of an empty
  // journal is returned. A damaged store is removed, unless `read_only`, and named in `*damage`:
  // the journal is then folded from its start. kUnavailable if another writer has it.
  Result<journal::ChainHead> OpenCheckpoints(const CheckpointOptions& options, bool read_only,
                                             std::string* damage);
  // Null where there are none.
  [[nodiscard]] Checkpoints* checkpoints() const { return checkpoints_.get(); }
  // The state is that after whole batches; it may be ahead of the disk. See Checkpoints. FoldFrame
  // does both for the frames that it folds, but the last of which it cannot know to be on disk.
  // True: a frame has to end here.
  bool AtBoundary() { return checkpoints_ != nullptr && checkpoints_->AtBoundary(); }
  void OnDisk(const journal::ChainHead& head) {
    if (checkpoints_ != nullptr) checkpoints_->OnDisk(head);
  }

  // Puts a pack in charge. States of a type of entity go on as they are where events and the
  // definitions of its features are the same; the others are made again from the first `frames`
  // frames of the journal, after which the state stands.
  Status SetPack(std::shared_ptr<const pack::Pack> pack, uint64_t frames);
  // Takes in all records of a frame of the journal, in order.
  Status FoldFrame(const journal::FrameView& frame);
  // The two halves of it: Decode needs no state, so that it may run ahead on another thread.
  static Status Decode(DecodedFrame* frame);
  Status FoldDecoded(DecodedFrame* frame);
  // One record; views of decoded events live until the arena is reset. kDataLoss if it does not
  // follow.
  Status Fold(std::string_view record, uint64_t frame, Arena* arena);

  // The entities that an admitted event touched, as they stand in the state.
  void SourcesOf(const record::Event& event, std::vector<Source>* sources) const;
  // Decides for an event that was applied: reads the slots, asks models and policy.
  // `record` as in decision::Decide.
  void Decide(const record::Event& event, std::span<const Source> sources,
              record::DecisionRecord* record);
  // Goes on with a parked decision.
  Result<record::DecisionRecord> Resume(const record::Answer& answer);
  // Every feature of one entity, read at `at`. Nothing if it is unknown. Text lives until the state
  // changes.
  [[nodiscard]] std::optional<std::vector<std::pair<std::string, record::Value>>> ReadEntity(
      std::string_view entity, std::string_view key, Timestamp at) const;
  decision::Scratch* scratch() { return scratch_.get(); }
  ArtefactStore& artefacts() { return artefacts_; }

  [[nodiscard]] uint64_t events_folded() const { return events_folded_; }
  [[nodiscard]] uint64_t decisions_folded() const { return decisions_folded_; }

 private:
  // `touches` as in State::Apply.
  Status FoldEvent(const record::Event& event, const EventKey& key,
                   std::span<EntityTable::Touch> touches, Arena* arena);
  Status FoldOther(const record::AnyRecord& any, std::string_view bytes, uint64_t frame);
  Status FoldTimers(const record::Timers& timers);
  void LookAheadDecoded(std::span<const record::AnyRecord> records);
  void PrefetchDecoded(std::span<const record::AnyRecord> records);
  Status Advance(Seq seq, Timestamp stamp);
  [[nodiscard]] Result<std::shared_ptr<const pack::Pack>> StoredPack(const Digest& digest) const;
  Status RebuildEntities(const std::shared_ptr<const pack::Pack>& pack, std::vector<bool> carried,
                         uint64_t frames);
  Status RebuildInto(State* rebuilt, uint64_t frames) const;
  Status FoldRecords(DecodedFrame* frame);
  Status RestoreFrom(const CheckpointOptions& options, bool read_only);
  // In force before the first frame that is retained; null where nothing was retired.
  [[nodiscard]] Result<std::shared_ptr<const pack::Pack>> PackBefore() const;
  Status RebuildFrom(std::string_view record, std::shared_ptr<const pack::Pack>* from,
                     State* rebuilt) const;

  FileSystem& files_;
  std::string folder_;
  uint64_t first_segment_;
  ArtefactStore artefacts_;
  uint64_t events_folded_ = 0;
  uint64_t decisions_folded_ = 0;
  journal::ChainHead folded_;  // by FoldFrame
  // Made anew with each pack: what each decision reads of each entity, and an empty state of each
  // entity.
  std::vector<std::vector<feature::ReadSet>> reads_;
  std::vector<std::unique_ptr<feature::EntityState>> empty_;
  std::unique_ptr<decision::Scratch> scratch_;
  // Of one frame: its records, and its events up to the next activation.
  DecodedFrame decoded_;
  std::vector<record::Event> coming_;
  Lookahead lookahead_;
  // Of one event.
  std::vector<record::Value> features_;
  std::vector<record::Value> slots_;
  // Goes before the state, which it writes.
  std::unique_ptr<Checkpoints> checkpoints_;
};

}  // namespace credence::engine
