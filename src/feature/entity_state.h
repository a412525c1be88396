#pragma once
// EntityState: what one entity's windows stand on: its events, kept once for each (entity, event
// type), and cursors on them with running aggregates.
//
// The contract (docs: windows). A read over window w with delay d at event (t, s) covers exactly
// the events with t - d - w < time <= t - d and sequence <= s that no reversal with a sequence <= s
// has taken back; `prior` leaves the event with sequence s out. Equal times are ordered by
// sequence. Reads change nothing.
//
// The stored state is the events alone. Cursors and aggregates follow from it: an entity that is
// decoded from its canonical bytes goes on exactly as the one that was encoded.
//
// What is kept: an event with time <= stamp - late bound - (longest window + delay) can be in no
// window of any event that may still come (its time is at least its own stamp - late bound), so it
// is dropped. The drop is a function of the entity's own arrivals only. A log with an `all` window
// keeps everything.
//
// Not thread-safe; a const EntityState may be read from many threads. Every call of one state is
// given the same plan.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/bytes.h"
#include "src/base/status.h"
#include "src/base/strong_id.h"
#include "src/calendar/date.h"
#include "src/feature/plan.h"
#include "src/record/value.h"

namespace credence::feature {

// The event that reads.
struct ReadPoint {
  Timestamp time;
  Seq seq;
};

// Where full chunks of events are kept beside the heads of their entities, each under a number that
// is used once.
class ChunkKeeper {
 public:
  virtual ~ChunkKeeper() = default;
  // The number of a chunk that is new, not 0.
  virtual uint64_t Keep(std::string_view chunk) = 0;
  // No head that is written from now on names it.
  virtual void Drop(uint64_t number) = 0;
};
class ChunkSource {
 public:
  virtual ~ChunkSource() = default;
  // chunks[i] is that of numbers[i]; resized.
  virtual Status Read(std::span<const uint64_t> numbers,
                      std::vector<std::string>* chunks) const = 0;
};

class EntityState {
 public:
  // No events yet. `entity` is an index in Schema::entities.
  EntityState(const FeaturePlan& plan, uint32_t entity);
  EntityState(const EntityState& other);  // a dry run works on a copy; full chunks are shared
  EntityState& operator=(const EntityState& other);
  EntityState(EntityState&&) noexcept;
  EntityState& operator=(EntityState&&) noexcept;
  ~EntityState();
  [[nodiscard]] uint32_t entity() const { return entity_; }

  // Takes in an event that touches this entity, also one that no feature is computed from (it moves
  // the cursors). Sequences rise from call to call (assertion).
  void Update(const FeaturePlan& plan, const Arrival& arrival);

  // Takes the event `seq` back, from sequence `reversal` on. False if it is not here (never
  // counted, dropped, or taken back before): then nothing changes. Give it to every entity that the
  // event touched, before Update with the reversing event.
  bool Reverse(const FeaturePlan& plan, Seq seq, Seq reversal);

  // Writes out[f] for each feature index f of `set`; out.size() >= plan.features().size(). Text
  // points into this state and lives until it changes. A window whose left end lies before what is
  // kept reads incomplete. A sum of integers, money or durations beyond 64 bits is absent (never
  // wrapped, never cut).
  void Read(const FeaturePlan& plan, ReadPoint at, const ReadSet& set,
            std::span<record::Value> out) const;
  void Read(const FeaturePlan& plan, ReadPoint at, std::span<record::Value> out) const {
    Read(plan, at, plan.All(entity_), out);
  }

  // The stored form: the same bytes for the same state, and other bytes if any stored field
  // differs.
  void AppendCanonical(const FeaturePlan& plan, std::string* out) const;
  // kDataLoss with the position on anything but whole canonical bytes of this plan's entity.
  [[nodiscard]] static Result<EntityState> Decode(const FeaturePlan& plan, uint32_t entity,
                                                  std::string_view bytes);

  // The same stored in parts, so that what an event changes stays small: full chunks of events are
  // kept once, and the head names them. KeepChunks hands over what was not kept yet, and drops what
  // has changed or gone; AppendHead follows a KeepChunks without a change between. Of two copies at
  // most one may be stored so. HasUnkeptChunks: KeepChunks has something to hand over or to drop.
  [[nodiscard]] bool HasUnkeptChunks() const;
  void KeepChunks(const FeaturePlan& plan, ChunkKeeper* keeper);
  void AppendHead(const FeaturePlan& plan, std::string* out) const;
  // The head of an entity without full chunks is its canonical form.
  [[nodiscard]] static bool IsCanonical(std::string_view head);
  [[nodiscard]] static Result<EntityState> DecodeHead(const FeaturePlan& plan, uint32_t entity,
                                                      std::string_view bytes,
                                                      const ChunkSource& chunks);

  // Asks the memory for what the next Update and Read will touch, one link of the chain of pointers
  // further with each level from 0 to kWarmLevels - 1. A caller with many events goes over all
  // their entities level by level, so that the waits overlap. Changes nothing.
  static constexpr int kWarmLevels = 5;
  void Warm(int level) const;
  // After Warm(level), for what the event's own texts lead to in an entity that has many.
  void WarmTexts(int level, const FeaturePlan& plan, const record::Event& event) const;

  // Events kept, over all logs.
  [[nodiscard]] size_t event_count() const;
  // Memory of this object and all that it owns (shared chunks in full).
  [[nodiscard]] size_t bytes() const;

 private:
  struct Rep;
  void PutHeader(uint8_t version, ByteWriter* out) const;
  static Result<EntityState> DecodeAny(const FeaturePlan& plan, uint32_t entity,
                                       std::string_view bytes, const ChunkSource* chunks);
  uint32_t entity_ = 0;
  std::unique_ptr<Rep> rep_;
};

}  // namespace credence::feature
