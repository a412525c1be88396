#include "src/engine/checkpoint.h"

#include <pthread.h>

#include <algorithm>

namespace credence::engine {

namespace {
// Entities that are encoded at the end of a batch, at least; and more where batches change more, so
// that encoding ends before as much has changed again.
constexpr size_t kSliceRows = 64;
constexpr size_t kSliceRowsPerChanged = 2;

// Rows of entities of generations that never came to be.
void DropStrayGenerations(std::vector<uint64_t> known, store::Batch* batch) {
  std::sort(known.begin(), known.end());
  uint64_t next = 1;
  for (const uint64_t generation : known) {
    batch->DeleteRange(kEntityTable, EntityTable::RowPrefix(next),
                       EntityTable::RowPrefix(generation));
    next = generation + 1;
  }
  batch->DeleteRange(kEntityTable, EntityTable::RowPrefix(next),
                     std::string(sizeof(uint64_t) + 1, '\xff'));
}
}  // namespace

Checkpoints::Checkpoints(std::unique_ptr<store::Store> store, const CheckpointOptions& options,
                         bool read_only, State* state)
    : store_(std::move(store)), options_(options), read_only_(read_only), state_(state) {
  if (read_only_) return;
  changes_ = store_->NewBatch();
  state_->changes = changes_.get();
  state_->money.NoteChanges();
  if (options_.worker == CheckpointOptions::Worker::kThread) {
    thread_ = std::thread([this] { Work(); });
    pthread_setname_np(thread_.native_handle(), "checkpoint");
  }
}

Checkpoints::~Checkpoints() {
  state_->changes = nullptr;
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

Status Checkpoints::Restore(const std::function<Status(const Digest& pack)>& set_pack,
                            const PackLoader& load_pack) {
  const store::Position position = *store_->position();
  CREDENCE_ASSIGN(const CheckpointNote note, CheckpointNote::Decode(position.note));
  CREDENCE_ASSIGN(writer_, GetCounters(*store_));
  // Nothing that is restored is a change.
  state_->changes = nullptr;
  state_->last_seq = position.seq;
  state_->last_stamp = note.last_stamp;
  CREDENCE_TRY(set_pack(note.pack));
  // Setting a pack drops what has expired at the last stamp; the state at the checkpoint had not
  // come to that yet.
  state_->once.RestoreFirstDay(note.once_first_day);
  const auto& entities = state_->pack->schema.entities;
  const bool same_names = std::equal(
      entities.begin(), entities.end(), note.entities.begin(), note.entities.end(),
      [](const auto& declared, const auto& stored) { return declared.name == stored.name; });
  if (!same_names) return DataLoss("the checkpoint has other entities than its pack");
  CREDENCE_TRY(LoadRows(*store_, load_pack, state_));
  generations_.clear();
  next_generation_ = 1;
  std::vector<uint64_t> counts;
  for (const CheckpointNote::Entities& type : note.entities) {
    generations_.push_back(type.generation);
    counts.push_back(type.count);
    next_generation_ = std::max(next_generation_, type.generation + 1);
  }
  state_->entities.Reset(entities.size());
  state_->entities.UseStore(store_.get(), options_.cache_bytes, generations_, std::move(counts));
  head_ = {position.frame, position.seq, position.chain};
  frozen_seq_ = position.seq;
  dropped_day_ = note.once_first_day;
  state_->changes = changes_.get();
  if (changes_ != nullptr) state_->money.NoteChanges();
  if (changes_ != nullptr) DropStrayGenerations(generations_, changes_.get());
  return {};
}

void Checkpoints::GiveStore(EntityTable* entities) {
  if (read_only_) return;
  std::vector<uint64_t> generations(entities->entity_count());
  for (uint64_t& generation : generations) generation = next_generation_++;
  std::vector<uint64_t> counts(entities->entity_count());
  entities->UseStore(store_.get(), options_.cache_bytes, std::move(generations), std::move(counts));
}

uint64_t Checkpoints::LimitBytes() const {
  if (options_.cache_bytes == 0) return options_.every_bytes;
  return std::min(options_.every_bytes, std::max<uint64_t>(options_.cache_bytes / 2, 1));
}

bool Checkpoints::Due() const {
  if (!writes() || state_->pack == nullptr || state_->last_seq == frozen_seq_) return false;
  return state_->last_seq.value() - frozen_seq_.value() >= options_.every_events ||
         state_->entities.changed_bytes() + changes_->bytes() >= LimitBytes();
}

bool Checkpoints::UpToDate() const {
  const auto position = store_->position();
  return position && position->seq == state_->last_seq && changes_->changes() == 0 &&
         state_->entities.changed() == 0;
}

CheckpointNote Checkpoints::MakeNote() {
  CheckpointNote note;
  note.last_stamp = state_->last_stamp;
  note.once_first_day = state_->once.first_day();
  note.pack = state_->pack->digest;
  if (artefacts_pack_ != note.pack) {
    artefacts_.clear();
    for (const auto& [path, content] : state_->pack->files) artefacts_.push_back(Sha256(content));
    artefacts_pack_ = note.pack;
  }
  note.artefacts = artefacts_;
  for (uint32_t i = 0; i < state_->entities.entity_count(); ++i) {
    note.entities.push_back({state_->pack->schema.entities[i].name,
                             state_->entities.generations()[i], state_->entities.size(i)});
  }
  return note;
}

void Checkpoints::DropOldGenerations(const std::vector<uint64_t>& now, store::Batch* batch) const {
  for (const uint64_t generation : generations_) {
    if (std::find(now.begin(), now.end(), generation) != now.end()) continue;
    batch->DeleteRange(kEntityTable, EntityTable::RowPrefix(generation),
                       EntityTable::RowPrefix(generation + 1));
  }
}

void Checkpoints::Freeze() {
  job_ = std::make_unique<Job>();
  job_->batch = std::move(changes_);
  changes_ = store_->NewBatch();
  state_->changes = changes_.get();
  job_->pack = state_->pack;
  job_->position = {0, state_->last_seq, {}, MakeNote().Encode()};
  TakeHead();
  PutSwitchesAndRates(*state_, job_->batch.get());
  if (state_->once.first_day() > dropped_day_) {
    dropped_day_ = state_->once.first_day();
    DeleteOnceBefore(dropped_day_, job_->batch.get());
  }
  DropOldGenerations(state_->entities.generations(), job_->batch.get());
  generations_ = state_->entities.generations();
  const CacheCounters& cache = state_->entities.counters();
  writer_ = {counters_.checkpoints + 1, counters_.bytes, cache.hits,
             cache.prefetched,          cache.misses,    cache.evicted};
  PutCounters(writer_, job_->batch.get());
  state_->entities.Freeze(job_->batch.get());
  frozen_seq_ = state_->last_seq;
  changed_before_ = 0;
  phase_ = Phase::kEncoding;
}

void Checkpoints::Encode(size_t rows) {
  if (!state_->entities.EncodeFrozen(rows)) return;
  job_->copies = state_->entities.TakeCopies();
  phase_ = Phase::kWaiting;
  retry_at_frame_ = 0;
}

void Checkpoints::AtBoundary() {
  if (!read_only_) {
    Reap(/*wait=*/false);
    if (phase_ == Phase::kIdle && Due()) Freeze();
    if (phase_ == Phase::kEncoding) {
      const size_t changed = state_->entities.changed();
      const size_t more = changed > changed_before_ ? changed - changed_before_ : 0;
      Encode(std::max(kSliceRows, kSliceRowsPerChanged * more));
    }
    changed_before_ = state_->entities.changed();
    HandOverIfReady();
  }
  state_->entities.Trim();
}

void Checkpoints::OnDisk(const journal::ChainHead& head) {
  if (head.frames <= head_.frames) return;
  head_ = head;
  TakeHead();
  HandOverIfReady();
}

// The frame of a batch is known when it is on disk.
void Checkpoints::TakeHead() {
  if (job_ == nullptr || job_->on_disk || head_.last_seq != job_->position.seq) return;
  job_->position.frame = head_.frames;
  job_->position.chain = head_.chain;
  job_->on_disk = true;
}

void Checkpoints::HandOverIfReady() {
  if (phase_ == Phase::kWaiting && job_->on_disk && head_.frames >= retry_at_frame_) HandOver();
}

void Checkpoints::HandOver() {
  phase_ = Phase::kWriting;
  if (!thread_.joinable()) {
    Run(store_.get(), job_.get());
    done_ = true;
    return Reap(/*wait=*/false);
  }
  {
    const std::lock_guard lock(mutex_);
    posted_ = job_.get();
    done_ = false;
  }
  wake_.notify_all();
}

void Checkpoints::Run(store::Store* store, Job* job) {
  if (!job->encoded) {
    for (const EntityTable::Copy& copy : job->copies) {
      EntityTable::PutCopy(copy, job->pack->features, job->batch.get());
    }
    job->encoded = true;
    job->bytes = job->batch->bytes();
    job->rows = job->batch->changes();
  }
  job->status = OkStatus();
  if (!job->written) {
    job->status = store->Write(job->batch.get(), job->position);
    job->written = job->status.ok();
  }
  if (job->written) job->status = store->Flush();
}

void Checkpoints::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return posted_ != nullptr || stop_; });
    if (posted_ == nullptr) return;
    Job* job = posted_;
    lock.unlock();
    Run(store_.get(), job);
    lock.lock();
    posted_ = nullptr;
    done_ = true;
    wake_.notify_all();
  }
}

void Checkpoints::Reap(bool wait) {
  if (phase_ != Phase::kWriting) return;
  {
    std::unique_lock lock(mutex_);
    if (wait) wake_.wait(lock, [this] { return done_; });
    if (!done_) return;
    done_ = false;
  }
  if (!job_->status.ok()) {
    ++counters_.failed;
    counters_.last_failure = job_->status.message();
    phase_ = Phase::kWaiting;
    retry_at_frame_ = head_.frames + kRetryFrames;
    return;
  }
  ++counters_.checkpoints;
  counters_.bytes += job_->bytes;
  counters_.rows += job_->rows;
  counters_.last_failure.clear();
  // The copies share memory with the entities: they go on this thread.
  job_.reset();
  state_->entities.Settle();
  phase_ = Phase::kIdle;
}

Status Checkpoints::Drain() {
  if (phase_ == Phase::kEncoding) Encode(SIZE_MAX);
  CREDENCE_ASSERT(job_ == nullptr || job_->on_disk);
  if (phase_ == Phase::kWaiting) HandOver();
  Reap(/*wait=*/true);
  return job_ == nullptr ? OkStatus() : job_->status;
}

Status Checkpoints::Finish() {
  if (read_only_ || state_->pack == nullptr) return {};
  CREDENCE_TRY(Drain());
  if (!writes() || UpToDate()) return {};
  Freeze();
  return Drain();
}

Result<Snapshot> Checkpoints::TakeSnapshot(const std::string& folder) {
  if (read_only_) return Unavailable("the checkpoints were opened for reading only");
  if (state_->pack == nullptr) return Unavailable("there is no state yet: no pack is active");
  CREDENCE_TRY(Finish());
  Snapshot snapshot;
  snapshot.head = head_;
  snapshot.state_hash = state_->Hash();
  CREDENCE_TRY(state_->entities.status());
  snapshot.pack = state_->pack->digest;
  for (const auto& [path, content] : state_->pack->files) {
    snapshot.artefacts.emplace_back(path, Sha256(content));
  }
  CREDENCE_TRY(store_->Snapshot(folder));
  return snapshot;
}

Status Checkpoints::Spill(EntityTable* entities) {
  if (!writes() || options_.cache_bytes == 0) return {};
  if (entities->changed_bytes() < LimitBytes()) return {};
  const auto batch = store_->NewBatch();
  entities->Freeze(batch.get());
  CREDENCE_ASSERT(entities->EncodeFrozen(SIZE_MAX));
  for (const EntityTable::Copy& copy : entities->TakeCopies()) {
    EntityTable::PutCopy(copy, entities->plan(), batch.get());
  }
  CREDENCE_TRY(store_->Write(batch.get(), *store_->position()));
  CREDENCE_TRY(store_->Flush());
  entities->Settle();
  entities->Trim();
  return {};
}

}  // namespace credence::engine
