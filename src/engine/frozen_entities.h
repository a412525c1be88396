#pragma once
// FrozenEntities: entities whose values at one moment are the content of a checkpoint, and the
// rows that are made of them by two threads.
//
// The writer goes on changing entities. It tells of each one before (BeforeChange), and if that is
// not encoded yet, it is encoded now. All the others are encoded by one more thread (EncodeLast),
// or by the writer when it has time or cannot go on without (EncodeFirst). Each entity is encoded
// once, by whoever claims it first, into that one's batch; the bytes are those of the moment of
// Begin whoever it was. A writer that is about to change an entity which the other thread has
// claimed waits for that, which is microseconds of work.
//
// The other thread begins with the entities that changed last: those that change all the time
// changed first, and by the time it has come to them the writer has met them.
//
// From Begin to End no entity of the set is freed, its chunks are kept (EntityState::KeepChunks)
// before it begins, and plan and batches outlive it. Everything is called on the writer's thread
// but EncodeLast, which one other thread calls. Begin happens before its first call and its last
// one before End: the caller sees to that, under a lock. In between the two threads meet in
// EntityEntry::encoded alone; who has claimed an entity owns its sizes and may read its state,
// which anyone else may read too.

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/prefetch.h"
#include "src/feature/entity_state.h"
#include "src/feature/plan.h"
#include "src/store/store.h"

namespace credence::engine {

// What a row takes beside key and value, about.
inline constexpr uint64_t kRowOverheadBytes = 64;

// One entity in memory. Only EntityTable and FrozenEntities look into it.
struct EntityEntry {
  // What the row of an entity takes that was never written, about.
  static constexpr uint32_t kRowBytesNew = 128;
  // What a new entity takes in memory before it is first measured, about.
  static constexpr uint64_t kBytesNew = 1024;

  EntityEntry(std::string_view k, uint64_t h, feature::EntityState s)
      : key(k), state(std::move(s)), hash(h), entity(state.entity()) {}
  // In memory, about.
  [[nodiscard]] uint64_t Measure() const;

  const std::string key;
  feature::EntityState state;
  const uint64_t hash;  // of the key
  const uint32_t entity;
  uint32_t place = 0;    // in the table's ring
  uint32_t changed = 0;  // the epoch of its last change; 0: clean since it was read
  // For which epoch it was encoded last, doubled; one less while the other thread encodes it.
  std::atomic<uint32_t> encoded = 0;
  uint32_t row_bytes = kRowBytesNew;  // of its row in the store, as last written or read
  uint64_t bytes = 0;                 // in memory, as last measured
  bool used = false;                  // since the table's hand last passed
  bool fresh = false;                 // prefetched, and not asked for yet
  bool full = false;                  // waits for its chunks to be kept
};

class FrozenEntities {
 public:
  // `epoch` rises from set to set, from 1. `row_prefixes` by type of entity: the row of an entity
  // is that and its key. The entities are taken out of `entries`, in the order in which they
  // changed first; it gets the memory of an earlier set. `batch` takes what the writer encodes.
  void Begin(uint32_t epoch, const feature::FeaturePlan& plan,
             std::vector<std::string> row_prefixes, store::Batch* batch,
             std::vector<EntityEntry*>* entries);
  // The writer is about to change an entity of the set.
  void BeforeChange(EntityEntry* entry) {
    if (entry->encoded.load(std::memory_order_acquire) != done_) EncodeOrWait(entry);
  }
  // Encodes entities of about so many bytes. True when each is encoded or claimed.
  bool EncodeFirst(uint64_t bytes);
  // The other thread: encodes a few into a batch of its own, beginning at the end. True when each
  // is encoded or claimed by the writer.
  bool EncodeLast(store::Batch* batch);
  // Everything is encoded. By how much the entities take more memory than was known at Begin.
  int64_t End();

 private:
  struct Part {
    std::string key;
    std::string row;
    int64_t grown = 0;
  };

  // False if somebody has claimed it before.
  bool Claim(EntityEntry* entry, uint32_t as) const;
  void Encode(EntityEntry* entry, store::Batch* batch, Part* part) const;
  void EncodeOrWait(EntityEntry* entry);

  // Set by Begin, then only read.
  const feature::FeaturePlan* plan_ = nullptr;
  std::vector<std::string> row_prefixes_;
  std::vector<EntityEntry*> entries_;
  uint32_t done_ = 0;  // what EntityEntry::encoded comes to

  std::atomic<bool> all_claimed_ = false;  // by the writer or before it

  // The writer's.
  store::Batch* batch_ = nullptr;
  size_t next_ = 0;  // entries before it are encoded or claimed
  Part writer_;

  // The other thread's.
  alignas(kCacheLineBytes) size_t left_ = 0;  // entries from there on are encoded
  Part other_;
};

}  // namespace credence::engine
