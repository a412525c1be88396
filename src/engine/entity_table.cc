#include "src/engine/entity_table.h"

#include <algorithm>

#include "src/base/bytes.h"
#include "src/base/prefetch.h"
#include "src/engine/rows.h"

namespace credence::engine {

namespace {

// What an entity counts at most in changed_memory().
constexpr uint64_t kChangedMemoryMax = 16 << 10;
// Steps of the hand in one Trim, beyond what the batch brought in.
constexpr size_t kTrimSteps = 256;
constexpr size_t kTrimStepsPerEntry = 3;

// Chunks of entities of one generation, as rows.
class KeeperInBatch final : public feature::ChunkKeeper {
 public:
  KeeperInBatch(StoredEntities* stored, store::Batch* batch) : stored_(*stored), batch_(*batch) {}
  uint64_t Keep(std::string_view chunk) override {
    const uint64_t number = ++stored_.last_chunk;
    batch_.Put(kChunkTable, EntityTable::ChunkKey(stored_.generation, number), chunk);
    return number;
  }
  void Drop(uint64_t number) override {
    batch_.Delete(kChunkTable, EntityTable::ChunkKey(stored_.generation, number));
  }

 private:
  StoredEntities& stored_;
  store::Batch& batch_;
};

class SourceInStore final : public feature::ChunkSource {
 public:
  SourceInStore(const StoredEntities& stored, const store::Store* store)
      : stored_(stored), store_(*store) {}
  Status Read(std::span<const uint64_t> numbers, std::vector<std::string>* chunks) const override {
    std::vector<std::string> keys;
    for (const uint64_t number : numbers) {
      keys.push_back(EntityTable::ChunkKey(stored_.generation, number));
    }
    std::vector<std::optional<std::string>> values;
    CREDENCE_TRY(store_.MultiGet(kChunkTable, keys, &values));
    chunks->clear();
    for (size_t i = 0; i < values.size(); ++i) {
      if (!values[i]) return DataLoss("chunk " + std::to_string(numbers[i]) + " is not there");
      chunks->push_back(std::move(*values[i]));
    }
    return {};
  }

 private:
  const StoredEntities& stored_;
  const store::Store& store_;
};

}  // namespace

void EntityTable::Reset(size_t entity_count) {
  CREDENCE_ASSERT(!freezing_);
  const pack::Pack* pack = pack_;
  *this = EntityTable();
  pack_ = pack;
  by_entity_ = std::vector<KeyTable<Entry>>(entity_count);
  stored_.assign(entity_count, {});
}

void EntityTable::UseStore(const store::Store* store, uint64_t cache_bytes,
                           std::vector<StoredEntities> stored) {
  CREDENCE_ASSERT(!freezing_ && ring_.empty() && stored.size() == by_entity_.size());
  store_ = store;
  cache_bytes_ = cache_bytes;
  stored_ = std::move(stored);
  complete_ = std::all_of(stored_.begin(), stored_.end(),
                          [](const StoredEntities& type) { return type.count == 0; });
  if (epoch_ == 0) epoch_ = 1;
}

std::string EntityTable::RowPrefix(uint64_t generation) {
  std::string prefix;
  PutOrdered64(generation, &prefix);
  return prefix;
}

std::string EntityTable::RowKey(EntityRef ref) const {
  std::string row_key = RowPrefix(stored_[ref.entity].generation);
  row_key += ref.key;
  return row_key;
}

std::string EntityTable::ChunkKey(uint64_t generation, uint64_t number) {
  std::string key = RowPrefix(generation);
  PutOrdered64(number, &key);
  return key;
}

void EntityTable::Fail(const Status& status) const {
  if (status_.ok()) status_ = status;
}

EntityTable::Entry* EntityTable::InMemory(EntityRef ref, uint64_t hash) const {
  Entry* entry = by_entity_[ref.entity].Find(hash, ref.key);
  if (entry != nullptr) entry->used = true;
  return entry;
}

void EntityTable::LookUp(std::span<Touch> touches) const {
  for (Touch& touch : touches) WarmSlot(&touch);
  for (Touch& touch : touches) GuessEntry(&touch);
  for (Touch& touch : touches) CheckEntry(&touch);
}

void EntityTable::WarmSlot(Touch* touch) const {
  touch->hash = Hash64(touch->ref.key);
  by_entity_[touch->ref.entity].Warm(touch->hash);
}

void EntityTable::GuessEntry(Touch* touch) const {
  touch->entry = by_entity_[touch->ref.entity].Guess(touch->hash);
  PrefetchLines(touch->entry, sizeof(Entry));
}

void EntityTable::CheckEntry(Touch* touch) const {
  if (touch->entry == nullptr) return;
  // Two keys of one hash are met about never.
  if (touch->entry->key != touch->ref.key) touch->entry = InMemory(touch->ref, touch->hash);
}

Result<feature::EntityState> EntityTable::Decode(EntityRef ref, std::string_view bytes) const {
  auto decoded = feature::EntityState::DecodeHead(pack_->features, ref.entity, bytes,
                                                  SourceInStore(stored_[ref.entity], store_));
  if (decoded.ok()) return decoded;
  return decoded.status().WithContext("the stored " + pack_->schema.entities[ref.entity].name);
}

EntityTable::Entry* EntityTable::Insert(EntityRef ref, uint64_t hash, feature::EntityState state,
                                        size_t row_bytes) const {
  auto entry = std::make_unique<Entry>(ref.key, hash, std::move(state));
  Entry* made = entry.get();
  if (row_bytes == 0) {
    made->bytes = Entry::kBytesNew + ref.key.size();
  } else {
    made->bytes = made->Measure();
    made->row_bytes = static_cast<uint32_t>(row_bytes);
  }
  made->used = true;
  Link(std::move(entry));
  ++brought_in_;
  return made;
}

void EntityTable::Link(std::unique_ptr<Entry> entry) const {
  entry->place = static_cast<uint32_t>(ring_.size());
  bytes_ += entry->bytes;
  by_entity_[entry->entity].Add(entry.get());
  ring_.push_back(std::move(entry));
}

// Out of ring and table.
std::unique_ptr<EntityTable::Entry> EntityTable::Unlink(Entry* entry) const {
  bytes_ -= entry->bytes;
  by_entity_[entry->entity].Remove(entry);
  std::unique_ptr<Entry> out = std::move(ring_[entry->place]);
  if (entry->place + 1 < ring_.size()) {
    ring_[entry->place] = std::move(ring_.back());
    ring_[entry->place]->place = entry->place;
  }
  ring_.pop_back();
  return out;
}

EntityTable::Entry* EntityTable::Load(EntityRef ref, uint64_t hash) const {
  if (!MayBeInStore() || !status_.ok()) return nullptr;
  const std::string row_key = RowKey(ref);
  if (absent_.contains(row_key)) return nullptr;
  const auto found = store_->Get(kEntityTable, row_key, &scratch_);
  if (!found.ok()) Fail(found.status());
  if (!found.ok() || !*found) {
    ++counters_.absent;
    return nullptr;
  }
  auto state = Decode(ref, scratch_);
  if (!state.ok()) {
    Fail(state.status());
    return nullptr;
  }
  ++counters_.misses;
  return Insert(ref, hash, std::move(*state), scratch_.size());
}

const feature::EntityState* EntityTable::Find(EntityRef ref) const {
  const uint64_t hash = Hash64(ref.key);
  const Entry* entry = InMemory(ref, hash);
  if (entry == nullptr) entry = Load(ref, hash);
  return entry == nullptr ? nullptr : &entry->state;
}

EntityTable::Entry* EntityTable::ForChange(EntityRef ref, uint64_t hash, Entry* known) {
  Entry* entry = known != nullptr ? known : InMemory(ref, hash);
  if (entry == nullptr) {
    entry = Load(ref, hash);
  } else if (entry->fresh) {
    entry->fresh = false;
  } else {
    ++counters_.hits;
  }
  if (entry == nullptr) return nullptr;
  entry->used = true;
  MarkChanged(entry);
  return entry;
}

feature::EntityState* EntityTable::Change(EntityRef ref) {
  Entry* entry = ForChange(ref, Hash64(ref.key), nullptr);
  if (entry == nullptr) return nullptr;
  // The change may be anywhere in its chunks.
  NoteFull(entry);
  return &entry->state;
}

feature::EntityState* EntityTable::ChangeOrAdd(Touch* touch, const feature::FeaturePlan& plan) {
  const EntityRef ref = touch->ref;
  touch->entry = ForChange(ref, touch->hash, touch->entry);
  if (touch->entry == nullptr) {
    touch->entry = Insert(ref, touch->hash, feature::EntityState(plan, ref.entity), 0);
    ++stored_[ref.entity].count;
    MarkChanged(touch->entry);
  }
  return &touch->entry->state;
}

void EntityTable::NoteFull(const Touch& touch) { NoteFull(touch.entry); }

void EntityTable::NoteFull(Entry* entry) {
  if (store_ == nullptr || entry->full) return;
  entry->full = true;
  full_.push_back(entry);
}

void EntityTable::Prefetch(std::span<const EntityRef> refs) {
  if (!MayBeInStore() || !status_.ok()) return;
  std::vector<std::string> row_keys;
  std::vector<EntityRef> wanted;
  std::unordered_set<std::string> asked;
  for (const EntityRef& ref : refs) {
    if (InMemory(ref, Hash64(ref.key)) != nullptr) continue;
    std::string row_key = RowKey(ref);
    if (absent_.contains(row_key) || !asked.insert(row_key).second) continue;
    row_keys.push_back(std::move(row_key));
    wanted.push_back(ref);
  }
  if (wanted.empty()) return;
  std::vector<std::optional<std::string>> values;
  const Status read = store_->MultiGet(kEntityTable, row_keys, &values);
  if (!read.ok()) return Fail(read);
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (!values[i]) {
      ++counters_.absent;
      absent_.insert(std::move(row_keys[i]));
      continue;
    }
    auto state = Decode(wanted[i], *values[i]);
    if (!state.ok()) return Fail(state.status());
    ++counters_.prefetched;
    Insert(wanted[i], Hash64(wanted[i].key), std::move(*state), values[i]->size())->fresh = true;
  }
}

void EntityTable::ReadAhead(Ahead* ahead) const {
  if (store_ == nullptr || ahead->rows.empty()) return;
  std::vector<std::string> row_keys;
  row_keys.reserve(ahead->rows.size());
  for (const Ahead::Row& row : ahead->rows) row_keys.push_back(RowKey(row.ref));
  std::vector<std::optional<std::string>> values;
  if (!store_->MultiGet(kEntityTable, row_keys, &values).ok()) {
    ahead->rows.clear();
    return;
  }
  size_t kept = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    Ahead::Row row = std::move(ahead->rows[i]);
    if (values[i]) {
      auto state = Decode(row.ref, *values[i]);
      // Its chunks may be another's by now: a checkpoint was written in between.
      if (!state.ok()) continue;
      row.row_bytes = values[i]->size();
      row.state = std::move(*state);
    }
    ahead->rows[kept++] = std::move(row);
  }
  ahead->rows.resize(kept);
}

void EntityTable::TakeAhead(Ahead* ahead) {
  if (!MayBeInStore() || !status_.ok() || ahead->settled != settled_) return;
  for (Ahead::Row& row : ahead->rows) {
    if (InMemory(row.ref, row.hash) != nullptr) continue;
    if (!row.state) {
      ++counters_.absent;
      absent_.insert(RowKey(row.ref));
      continue;
    }
    ++counters_.prefetched;
    Insert(row.ref, row.hash, std::move(*row.state), row.row_bytes)->fresh = true;
  }
}

void EntityTable::Evict(Entry* entry) {
  ++counters_.evicted;
  complete_ = false;
  Unlink(entry);
}

void EntityTable::Trim() {
  absent_.clear();
  size_t steps = kTrimSteps + kTrimStepsPerEntry * brought_in_;
  brought_in_ = 0;
  if (store_ == nullptr || cache_bytes_ == 0) return;
  for (; steps > 0 && bytes_ > cache_bytes_ && !ring_.empty(); --steps) {
    if (hand_ >= ring_.size()) hand_ = 0;
    Entry* entry = ring_[hand_].get();
    if (entry->changed > settled_) {
      ++hand_;
    } else if (entry->used) {
      entry->used = false;
      ++hand_;
    } else {
      Evict(entry);  // another entry takes its place under the hand
    }
  }
}

void EntityTable::MarkChanged(Entry* entry) {
  if (entry->changed == epoch_) return;
  if (freezing_ && entry->changed == epoch_ - 1) frozen_->BeforeChange(entry);
  entry->changed = epoch_;
  changed_.push_back(entry);
  changed_bytes_ += entry->row_bytes + entry->key.size() + kRowOverheadBytes;
  changed_memory_ += std::min(entry->bytes, kChangedMemoryMax);
}

void EntityTable::KeepFull(store::Batch* batch) {
  for (Entry* entry : full_) {
    entry->full = false;
    KeeperInBatch keeper(&stored_[entry->entity], batch);
    entry->state.KeepChunks(pack_->features, &keeper);
  }
  full_.clear();
}

void EntityTable::Freeze(store::Batch* batch) {
  CREDENCE_ASSERT(!freezing_ && store_ != nullptr);
  KeepFull(batch);
  freezing_ = encoding_ = true;
  std::vector<std::string> row_prefixes;
  for (const StoredEntities& type : stored_) row_prefixes.push_back(RowPrefix(type.generation));
  const size_t changed = changed_.size();
  frozen_->Begin(epoch_, pack_->features, std::move(row_prefixes), batch, &changed_);
  changed_.reserve(changed);
  changed_bytes_ = 0;
  changed_memory_ = 0;
  ++epoch_;
}

void EntityTable::EndEncoding() {
  CREDENCE_ASSERT(encoding_);
  encoding_ = false;
  bytes_ += static_cast<uint64_t>(frozen_->End());
}

void EntityTable::Settle() {
  CREDENCE_ASSERT(freezing_ && !encoding_);
  freezing_ = false;
  settled_ = epoch_ - 1;
}

void EntityTable::Adopt(uint32_t entity, EntityTable* from) {
  CREDENCE_ASSERT(!freezing_ && !from->freezing_);
  // Of what is clean there are none.
  CREDENCE_ASSERT(full_.empty());
  for (Entry* entry : from->full_) entry->full = false;
  from->full_.clear();
  const auto take_all = [entity](EntityTable* table, const auto& visit) {
    std::vector<Entry*> entries;
    for (const auto& entry : table->ring_) {
      if (entry->entity == entity) entries.push_back(entry.get());
    }
    for (Entry* entry : entries) visit(table->Unlink(entry));
  };
  take_all(this, [&](const std::unique_ptr<Entry>& entry) {
    CREDENCE_ASSERT(entry->changed <= settled_);
  });
  take_all(from, [&](std::unique_ptr<Entry> entry) {
    Entry* moved = entry.get();
    const bool changed = moved->changed > from->settled_;
    moved->changed = 0;
    moved->encoded.store(0, std::memory_order_relaxed);
    Link(std::move(entry));
    if (!changed) return;
    MarkChanged(moved);
    if (moved->state.HasUnkeptChunks()) NoteFull(moved);
  });
  from->changed_.clear();
  stored_[entity] = from->stored_[entity];
  complete_ = complete_ && from->complete_;
}

void EntityTable::ForEachCold(const BytesVisitor& visit) const {
  if (!MayBeInStore() || !status_.ok()) return;
  std::vector<std::pair<std::string, uint32_t>> prefixes;
  for (uint32_t entity = 0; entity < by_entity_.size(); ++entity) {
    prefixes.emplace_back(RowPrefix(stored_[entity].generation), entity);
  }
  const auto cursor = store_->Scan(kEntityTable);
  std::string_view row_key;
  std::string_view bytes;
  while (true) {
    const auto more = cursor->Next(&row_key, &bytes);
    if (!more.ok()) return Fail(more.status());
    if (!*more) return;
    for (const auto& [prefix, entity] : prefixes) {
      if (!row_key.starts_with(prefix)) continue;
      const EntityRef ref{entity, row_key.substr(prefix.size())};
      if (by_entity_[entity].Find(Hash64(ref.key), ref.key) == nullptr) visit(ref, bytes);
    }
  }
}

void EntityTable::ForEachCanonical(const BytesVisitor& visit) const {
  std::string bytes;
  for (const std::unique_ptr<Entry>& entry : ring_) {
    bytes.clear();
    entry->state.AppendCanonical(pack_->features, &bytes);
    visit({entry->entity, entry->key}, bytes);
  }
  ForEachCold([&](EntityRef ref, std::string_view head) {
    if (feature::EntityState::IsCanonical(head)) return visit(ref, head);
    const auto state = Decode(ref, head);
    if (!state.ok()) return Fail(state.status());
    bytes.clear();
    state->AppendCanonical(pack_->features, &bytes);
    visit(ref, bytes);
  });
}

void EntityTable::ForEach(const StateVisitor& visit) const {
  for (const std::unique_ptr<Entry>& entry : ring_)
    visit({entry->entity, entry->key}, entry->state);
  ForEachCold([&](EntityRef ref, std::string_view bytes) {
    const auto state = Decode(ref, bytes);
    if (!state.ok()) return Fail(state.status());
    visit(ref, *state);
  });
}

}  // namespace credence::engine
