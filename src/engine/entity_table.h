#pragma once
// EntityTable: the windows of every entity, by entity type and key. Those that were used lately are
// in memory; the others may be in a store alone, where there is one, and are read from it when they
// are asked for. Whether an entity is in memory changes nothing but time.
//
// In the store an entity is a head and its full chunks of events (EntityState::AppendHead). A chunk
// is written soon after it is full, into the changes of the checkpoint that comes; a checkpoint
// itself writes the heads of what has changed.
//
// The store is behind memory by what changed since its last checkpoint. So an entity is in one of
// these states: clean (the store has it as it is; only such an entity may leave memory), changed
// since the last freeze, or frozen (its value at the freeze belongs to the checkpoint that is being
// made). Freeze begins a checkpoint; frozen entities are encoded by whoever drives FrozenEntities,
// and one that changes before its turn is encoded first, so that the checkpoint holds the values at
// the freeze; Settle says that the store has them.
//
// A store that cannot be read is noted in status(): what Find and Change then say means nothing,
// and the owner has to drop the whole state. One thread at a time, but for frozen() and ReadAhead;
// pointers to entities live until the next Trim, Reset or Adopt.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "src/base/digest.h"
#include "src/base/status.h"
#include "src/engine/frozen_entities.h"
#include "src/engine/key_table.h"
#include "src/feature/entity_state.h"
#include "src/pack/pack.h"
#include "src/store/store.h"

namespace credence::engine {

// The rows of a type of entity in a store.
struct StoredEntities {
  uint64_t generation = 0;
  uint64_t count = 0;
  uint64_t last_chunk = 0;  // the last number that a chunk was given
};

// A thing of one kind by its key.
struct EntityRef {
  uint32_t entity = 0;  // index in Schema::entities
  std::string_view key;
};

struct CacheCounters {
  uint64_t hits = 0;        // changes of an entity that was in memory
  uint64_t prefetched = 0;  // entities read from the store before they were asked for
  uint64_t misses = 0;      // entities read from the store when they were asked for
  uint64_t absent = 0;      // entities looked for in the store that are new
  uint64_t evicted = 0;
  [[nodiscard]] double hit_rate() const {
    const auto all = static_cast<double>(hits + prefetched + misses);
    return all == 0 ? 1 : static_cast<double>(hits) / all;
  }
};

class EntityTable {
 public:
  using Entry = EntityEntry;

  // An entity that an event touches, as far as it is known before its turn.
  struct Touch {
    EntityRef ref;
    uint64_t hash = 0;       // of the key
    Entry* entry = nullptr;  // null: not in memory when it was looked for
    // Of one that was changed or found.
    [[nodiscard]] const feature::EntityState& state() const { return entry->state; }
  };

  EntityTable() = default;
  EntityTable(EntityTable&&) = default;
  EntityTable& operator=(EntityTable&&) = default;

  // No entities, and no store. `entity_count` types.
  void Reset(size_t entity_count);
  // Names the pack of whose plan the states are; it outlives the table or the next call. What is
  // frozen is encoded by the plan that it was frozen under: that one outlives the encoding.
  void SetPack(const pack::Pack* pack) { pack_ = pack; }
  [[nodiscard]] const feature::FeaturePlan& plan() const { return pack_->features; }
  // Entities may leave memory for `store` while those in memory take more than `cache_bytes`
  // (0: none leaves). `stored` says by entity type what the store holds; the table itself is empty.
  void UseStore(const store::Store* store, uint64_t cache_bytes,
                std::vector<StoredEntities> stored);
  // By entity type; `count` is of all entities, wherever they are.
  [[nodiscard]] const std::vector<StoredEntities>& stored() const { return stored_; }
  // kDataLoss or kIoError from the store, once met, for good.
  [[nodiscard]] const Status& status() const { return status_; }

  // Null if there is no such entity.
  [[nodiscard]] const feature::EntityState* Find(EntityRef ref) const;
  // The same, to be changed by the caller now.
  feature::EntityState* Change(EntityRef ref);
  // Made if there is none; its place is put into `touch`.
  feature::EntityState* ChangeOrAdd(Touch* touch, const feature::FeaturePlan& plan);
  // After ChangeOrAdd and a change, where the entity HasUnkeptChunks now.
  void NoteFull(const Touch& touch);
  // Finds the places of those in memory.
  void LookUp(std::span<Touch> touches) const;
  // The same in three steps, each of which asks the memory for what the next one looks at. What is
  // not in memory when the second is made stays unknown.
  void WarmSlot(Touch* touch) const;
  void GuessEntry(Touch* touch) const;
  void CheckEntry(Touch* touch) const;
  // Reads those that are not in memory at one go. A hint: whatever it leaves out is read later.
  void Prefetch(std::span<const EntityRef> refs);
  // Entities that were read from the store before their turn, on another thread.
  struct Ahead {
    struct Row {
      EntityRef ref;
      uint64_t hash = 0;  // of the key
      uint64_t row_bytes = 0;
      std::optional<feature::EntityState> state;  // nothing: the store has no such row
    };
    uint32_t settled = 0;  // settled() before the rows were read
    std::vector<Row> rows;
  };
  // Reads the states of rows; those that cannot be read are left out. Any thread, while the pack
  // and the store that are used stay the same.
  void ReadAhead(Ahead* ahead) const;
  // Brings in what is not in memory; nothing where the store may have changed since.
  void TakeAhead(Ahead* ahead);
  // Grows with each checkpoint that is settled.
  [[nodiscard]] uint32_t settled() const { return settled_; }
  // Whether entities may leave memory.
  [[nodiscard]] bool bounded() const { return cache_bytes_ > 0; }
  // The end of a batch: lets clean entities go until the rest fits. In bounded time.
  void Trim();

  [[nodiscard]] size_t entity_count() const { return by_entity_.size(); }
  // Entities of a type, wherever they are.
  [[nodiscard]] uint64_t size(uint32_t entity) const { return stored_[entity].count; }
  [[nodiscard]] size_t in_memory() const { return ring_.size(); }
  // Of entities in memory, about.
  [[nodiscard]] uint64_t bytes() const { return bytes_; }
  [[nodiscard]] const CacheCounters& counters() const { return counters_; }

  // Every entity in canonical form, in no order, wherever it is. What is not in memory is read and
  // not kept. A failure of the store ends it and stands in status().
  using BytesVisitor = std::function<void(EntityRef, std::string_view canonical)>;
  void ForEachCanonical(const BytesVisitor& visit) const;
  using StateVisitor = std::function<void(EntityRef, const feature::EntityState&)>;
  void ForEach(const StateVisitor& visit) const;

  // ---- of a checkpoint
  // What the next checkpoint has to write of changed entities, about.
  [[nodiscard]] uint64_t changed_bytes() const { return changed_bytes_; }
  // What changed entities take in memory, about; large ones count little: they are used always.
  [[nodiscard]] uint64_t changed_memory() const { return changed_memory_; }
  [[nodiscard]] size_t changed() const { return changed_.size(); }
  // Writes chunks that became full.
  void KeepFull(store::Batch* batch);
  // What has changed is the content of the next checkpoint. Not while one is made. `batch` takes
  // its chunks, and the entities that this thread encodes.
  void Freeze(store::Batch* batch);
  // What was frozen last, for who encodes it; it stays where it is until Reset or a move.
  [[nodiscard]] FrozenEntities* frozen() { return frozen_.get(); }
  // All of it is encoded.
  void EndEncoding();
  // The store holds what was frozen.
  void Settle();

  // Takes over all entities of one type from a table without frozen ones, in place of its own. This
  // one has no changed entities of that type.
  void Adopt(uint32_t entity, EntityTable* from);

  // Rows in the store.
  static std::string RowPrefix(uint64_t generation);
  [[nodiscard]] std::string RowKey(EntityRef ref) const;
  static std::string ChunkKey(uint64_t generation, uint64_t number);

 private:
  // In memory already, or null.
  Entry* InMemory(EntityRef ref, uint64_t hash) const;
  // Reads from the store; null if it is not there.
  Entry* Load(EntityRef ref, uint64_t hash) const;
  // `row_bytes`: of its row in the store; 0: it has none.
  Entry* Insert(EntityRef ref, uint64_t hash, feature::EntityState state, size_t row_bytes) const;
  // Counts the entity as asked for; reads it if it must. Null if there is none.
  Entry* ForChange(EntityRef ref, uint64_t hash, Entry* known);
  Result<feature::EntityState> Decode(EntityRef ref, std::string_view bytes) const;
  void MarkChanged(Entry* entry);
  void NoteFull(Entry* entry);
  void Evict(Entry* entry);
  std::unique_ptr<Entry> Unlink(Entry* entry) const;
  void Link(std::unique_ptr<Entry> entry) const;
  void Fail(const Status& status) const;
  // Calls visit with each row of the store whose entity is not in memory.
  void ForEachCold(const BytesVisitor& visit) const;
  [[nodiscard]] bool MayBeInStore() const { return store_ != nullptr && !complete_; }

  const pack::Pack* pack_ = nullptr;
  const store::Store* store_ = nullptr;
  uint64_t cache_bytes_ = 0;
  std::vector<StoredEntities> stored_;

  // What is in memory is no part of the value: a const table reads from its store too.
  mutable std::vector<KeyTable<Entry>> by_entity_;
  mutable std::vector<std::unique_ptr<Entry>> ring_;  // all entries, in no order
  mutable uint64_t bytes_ = 0;
  mutable size_t brought_in_ = 0;  // entries since the last Trim
  mutable bool complete_ = true;   // the store holds nothing that is not in memory
  mutable CacheCounters counters_;
  mutable Status status_;
  mutable std::string scratch_;
  std::unordered_set<std::string> absent_;  // row keys that the store does not hold, of this batch
  size_t hand_ = 0;

  uint32_t epoch_ = 0;    // of changes now; 0 without a store
  uint32_t settled_ = 0;  // every change up to this epoch is in the store
  bool freezing_ = false;
  bool encoding_ = false;
  std::vector<Entry*> changed_;                                                  // in epoch_
  std::unique_ptr<FrozenEntities> frozen_ = std::make_unique<FrozenEntities>();  // in epoch_ - 1
  std::vector<Entry*> full_;  // changed, and with chunks to be kept or dropped
  uint64_t changed_bytes_ = 0;
  uint64_t changed_memory_ = 0;
};

}  // namespace credence::engine
