#include "src/engine/frozen_entities.h"

#include <array>
#include <utility>

#include "src/base/assert.h"
#include "src/engine/rows.h"
#include "src/thread/thread.h"

namespace credence::engine {

namespace {

// An entity with more events than this is not measured, which would touch every chunk.
constexpr size_t kMeasureEventsMax = 512;
// What an event of such an entity takes in memory, about.
constexpr uint64_t kBytesPerEvent = 128;
// What an entry takes with its place in map and ring, about.
constexpr uint64_t kEntryBytes = 128;
// Entities that the other thread claims together, so that its waits for memory overlap. The writer
// may have to wait for all of them.
constexpr size_t kClaimedMax = 8;
// How far ahead it asks the memory for entries, and the levels of EntityState::Warm that encoding
// touches.
constexpr size_t kEntriesAhead = 2 * kClaimedMax;
constexpr int kWarmLevels = 3;

}  // namespace

uint64_t EntityEntry::Measure() const {
  const size_t events = state.event_count();
  if (events > kMeasureEventsMax) return kBytesNew + events * kBytesPerEvent;
  return state.bytes() + key.size() + kEntryBytes;
}

void FrozenEntities::Begin(uint32_t epoch, const feature::FeaturePlan& plan,
                           std::vector<std::string> row_prefixes, store::Batch* batch,
                           std::vector<EntityEntry*>* entries) {
  CREDENCE_ASSERT(epoch > 0 && epoch <= UINT32_MAX / 2);
  plan_ = &plan;
  row_prefixes_ = std::move(row_prefixes);
  entries_.clear();
  entries_.swap(*entries);
  done_ = 2 * epoch;
  all_claimed_.store(false, std::memory_order_relaxed);
  batch_ = batch;
  next_ = 0;
  left_ = entries_.size();
}

bool FrozenEntities::Claim(EntityEntry* entry, uint32_t as) const {
  uint32_t seen = entry->encoded.load(std::memory_order_relaxed);
  while (seen < done_ - 1) {
    if (entry->encoded.compare_exchange_weak(seen, as, std::memory_order_acquire,
                                             std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

void FrozenEntities::Encode(EntityEntry* entry, store::Batch* batch, Part* part) const {
  // What is encoded is read only: others may read it too.
  CREDENCE_ASSERT(!entry->state.HasUnkeptChunks());
  part->key.assign(row_prefixes_[entry->entity]);
  part->key.append(entry->key);
  part->row.clear();
  entry->state.AppendHead(*plan_, &part->row);
  batch->Put(kEntityTable, part->key, part->row);
  entry->row_bytes = static_cast<uint32_t>(part->row.size());
  const uint64_t bytes = entry->Measure();
  part->grown += static_cast<int64_t>(bytes - entry->bytes);
  entry->bytes = bytes;
}

void FrozenEntities::EncodeOrWait(EntityEntry* entry) {
  // The other thread never looks at what the writer has claimed: for it, it is done.
  if (Claim(entry, done_)) return Encode(entry, batch_, &writer_);
  const thread::Hurry hurry;
  entry->encoded.wait(done_ - 1, std::memory_order_acquire);
}

bool FrozenEntities::EncodeFirst(uint64_t bytes) {
  for (uint64_t done = 0; next_ < entries_.size() && done < bytes; ++next_) {
    EntityEntry* entry = entries_[next_];
    if (!Claim(entry, done_)) continue;
    Encode(entry, batch_, &writer_);
    done += entry->row_bytes + entry->key.size() + kRowOverheadBytes;
  }
  if (next_ < entries_.size()) return false;
  all_claimed_.store(true, std::memory_order_relaxed);
  return true;
}

bool FrozenEntities::EncodeLast(store::Batch* batch) {
  std::array<EntityEntry*, kClaimedMax> claimed;
  size_t count = 0;
  if (all_claimed_.load(std::memory_order_relaxed)) return true;
  while (left_ > 0 && count < kClaimedMax) {
    EntityEntry* entry = entries_[--left_];
    if (left_ >= kEntriesAhead) PrefetchLines(entries_[left_ - kEntriesAhead], sizeof(*entry));
    if (Claim(entry, done_ - 1)) claimed[count++] = entry;
  }
  for (int level = 0; level < kWarmLevels; ++level) {
    for (size_t i = 0; i < count; ++i) claimed[i]->state.Warm(level);
  }
  for (size_t i = 0; i < count; ++i) {
    Encode(claimed[i], batch, &other_);
    // Stored and then looked for who waits, in this order for all threads.
    claimed[i]->encoded.store(done_, std::memory_order_seq_cst);
    claimed[i]->encoded.notify_one();
  }
  return left_ == 0;
}

int64_t FrozenEntities::End() {
  CREDENCE_ASSERT(next_ == entries_.size() || left_ == 0);
  batch_ = nullptr;
  return std::exchange(writer_.grown, 0) + std::exchange(other_.grown, 0);
}

}  // namespace credence::engine
