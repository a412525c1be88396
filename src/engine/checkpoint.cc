#include "src/engine/checkpoint.h"

#include <algorithm>
#include <utility>

#include "src/thread/thread.h"

namespace credence::engine {

namespace {
// Bytes of entities that the caller encodes at the end of a batch, at least: a batch may be one
// event.
constexpr uint64_t kSliceBytes = 512;
// The caller has encoded what was frozen within this share of the events that begin a checkpoint.
constexpr uint64_t kEncodeShare = 5;
// What is kept free behind what begins a checkpoint: a batch that grows is copied.
constexpr uint64_t kSpareShare = 4;
// Of the events after which the writer would wait.
constexpr uint64_t kHurryShare = 2;
// A batch that held no more than so many times what begins a checkpoint is used again.
constexpr uint64_t kSpareBytesShare = 2;

void DropRows(uint64_t from_generation, const std::string& to, store::Batch* batch) {
  for (const size_t table : {kEntityTable, kChunkTable}) {
    batch->DeleteRange(table, EntityTable::RowPrefix(from_generation), to);
  }
}

// Rows of entities of generations that never came to be.
void DropStrayGenerations(std::vector<uint64_t> known, store::Batch* batch) {
  std::sort(known.begin(), known.end());
  uint64_t next = 1;
  for (const uint64_t generation : known) {
    DropRows(next, EntityTable::RowPrefix(generation), batch);
    next = generation + 1;
  }
  DropRows(next, std::string(sizeof(uint64_t) + 1, '\xff'), batch);
}
}  // namespace

Checkpoints::Checkpoints(std::unique_ptr<store::Store> store, const CheckpointOptions& options,
                         bool read_only, State* state)
    : store_(std::move(store)), options_(options), read_only_(read_only), state_(state) {
  if (read_only_) return;
  changes_ = NewChanges();
  state_->changes = changes_.get();
  state_->money.NoteChanges();
  if (options_.worker == CheckpointOptions::Worker::kThread) {
    thread_ = std::thread([this] { Work(); });
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
  std::vector<StoredEntities> stored;
  for (const CheckpointNote::Entities& type : note.entities) {
    generations_.push_back(type.generation);
    stored.push_back({type.generation, type.count, type.last_chunk});
    next_generation_ = std::max(next_generation_, type.generation + 1);
  }
  state_->entities.Reset(entities.size());
  state_->entities.UseStore(store_.get(), options_.cache_bytes, std::move(stored));
  head_ = {position.frame, position.seq, position.chain};
  frozen_seq_ = seq_before_ = position.seq;
  dropped_day_ = note.once_first_day;
  state_->changes = changes_.get();
  if (changes_ != nullptr) state_->money.NoteChanges();
  if (changes_ != nullptr) DropStrayGenerations(generations_, changes_.get());
  return {};
}

void Checkpoints::GiveStore(EntityTable* entities) {
  if (read_only_) return;
  std::vector<StoredEntities> stored(entities->entity_count());
  for (StoredEntities& type : stored) type.generation = next_generation_++;
  entities->UseStore(store_.get(), options_.cache_bytes, std::move(stored));
}

std::unique_ptr<store::Batch> Checkpoints::NewChanges() const {
  return store_->NewBatch(options_.every_bytes + options_.every_bytes / kSpareShare);
}

bool Checkpoints::HasChanged(uint64_t times) const {
  const EntityTable& entities = state_->entities;
  if (entities.changed_bytes() + changes_->bytes() >= times * options_.every_bytes) return true;
  // Of what has changed nothing may leave memory.
  return options_.cache_bytes > 0 &&
         entities.changed_memory() >= times * std::max<uint64_t>(options_.cache_bytes / 2, 1);
}

bool Checkpoints::Due() const {
  if (!writes() || state_->pack == nullptr || state_->last_seq == frozen_seq_) return false;
  return state_->last_seq.value() - frozen_seq_.value() >= options_.every_events || HasChanged(1);
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
    const StoredEntities& type = state_->entities.stored()[i];
    note.entities.push_back(
        {state_->pack->schema.entities[i].name, type.generation, type.count, type.last_chunk});
  }
  return note;
}

void Checkpoints::DropOldGenerations(store::Batch* batch) {
  std::vector<uint64_t> now;
  for (const StoredEntities& type : state_->entities.stored()) now.push_back(type.generation);
  for (const uint64_t generation : generations_) {
    if (std::find(now.begin(), now.end(), generation) != now.end()) continue;
    DropRows(generation, EntityTable::RowPrefix(generation + 1), batch);
  }
  generations_ = std::move(now);
}

void Checkpoints::Freeze() {
  job_ = std::make_unique<Job>();
  job_->batch = std::move(changes_);
  changes_ = spare_ != nullptr ? std::move(spare_) : NewChanges();
  state_->changes = changes_.get();
  job_->encoded_for = state_->pack;
  job_->position = {0, state_->last_seq, {}, ""};
  TakeHead();
  PutSwitchesAndRates(*state_, job_->batch.get());
  if (state_->once.first_day() > dropped_day_) {
    dropped_day_ = state_->once.first_day();
    DeleteOnceBefore(dropped_day_, job_->batch.get());
  }
  DropOldGenerations(job_->batch.get());
  const CacheCounters& cache = state_->entities.counters();
  writer_ = {counters_.checkpoints + 1, counters_.bytes, cache.hits,
             cache.prefetched,          cache.misses,    cache.evicted};
  PutCounters(writer_, job_->batch.get());
  frozen_bytes_ = state_->entities.changed_bytes();
  state_->entities.Freeze(job_->batch.get());
  job_->position.note = MakeNote().Encode();
  frozen_seq_ = state_->last_seq;
  changed_before_ = 0;
  phase_ = Phase::kEncoding;
  if (!thread_.joinable()) return;
  job_->heads = spare_heads_ != nullptr ? std::move(spare_heads_) : NewChanges();
  Post(Task::kEncode);
}

void Checkpoints::Encode() {
  const bool all = thread_.joinable() ? Done(/*wait=*/false)
                                      : state_->entities.frozen()->EncodeFirst(SliceBytes());
  if (all) EndEncoding();
}

void Checkpoints::EncodeAll() {
  CREDENCE_ASSERT(state_->entities.frozen()->EncodeFirst(UINT64_MAX));
  if (thread_.joinable()) static_cast<void>(Done(/*wait=*/true));
  EndEncoding();
}

void Checkpoints::EndEncoding() {
  state_->entities.EndEncoding();
  for (const auto* batch : {job_->batch.get(), job_->heads.get()}) {
    if (batch == nullptr) continue;
    job_->bytes += batch->bytes();
    job_->rows += batch->changes();
  }
  job_->encoded_for.reset();
  phase_ = Phase::kWaiting;
  retry_at_frame_ = 0;
}

void Checkpoints::Proceed() {
  if (!read_only_) {
    Reap(/*wait=*/false);
    state_->entities.KeepFull(changes_.get());
    if (phase_ == Phase::kIdle && Due()) Freeze();
    if (phase_ == Phase::kEncoding) Encode();
    changed_before_ = state_->entities.changed_bytes();
    seq_before_ = state_->last_seq;
    HandOverIfReady();
  }
}

bool Checkpoints::AtBoundary() {
  Proceed();
  const uint64_t events = state_->last_seq.value() - frozen_seq_.value();
  const bool due = events >= kBehindEventsMax * options_.every_events;
  const bool hurry = phase_ != Phase::kIdle && events >= options_.every_events / kHurryShare;
  if (hurry != hurry_.has_value()) SetHurry(hurry);
  if (!read_only_ && (due || HasChanged(kBehindMax))) WaitIfBehind();
  state_->entities.Trim();
  return job_ != nullptr && !job_->on_disk && job_->position.seq == state_->last_seq;
}

void Checkpoints::AtBoundaryOfFold() {
  Proceed();
  if (!read_only_ && HasChanged(kBehindMax)) WaitIfBehind();
  state_->entities.Trim();
}

// More where batches are larger or change more, so that encoding ends long before a checkpoint is
// due again.
uint64_t Checkpoints::SliceBytes() const {
  const uint64_t changed = state_->entities.changed_bytes();
  const uint64_t more = changed > changed_before_ ? changed - changed_before_ : 0;
  const uint64_t events = state_->last_seq.value() - seq_before_.value();
  const uint64_t within = std::max<uint64_t>(options_.every_events / kEncodeShare, 1);
  return std::max({kSliceBytes, more + more / 4, frozen_bytes_ / within * events});
}

void Checkpoints::WaitIfBehind() {
  if (phase_ == Phase::kEncoding && thread_.joinable()) {
    EncodeAll();
    HandOverIfReady();
  }
  if (phase_ != Phase::kWriting) return;
  ++counters_.waits;
  if (options_.on_wait) options_.on_wait();
  Reap(/*wait=*/true);
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
  if (thread_.joinable()) return Post(Task::kWrite);
  Write(store_.get(), job_.get());
  done_ = true;
  Reap(/*wait=*/false);
}

void Checkpoints::Write(store::Store* store, Job* job) {
  job->status = OkStatus();
  if (!job->written) {
    std::vector<store::Batch*> batches = {job->batch.get()};
    if (job->heads != nullptr) batches.push_back(job->heads.get());
    job->status = store->Write(batches, job->position);
    job->written = job->status.ok();
  }
  if (job->written) job->status = store->Flush();
}

void Checkpoints::Post(Task task) {
  {
    const std::lock_guard lock(mutex_);
    task_ = task;
    done_ = false;
  }
  wake_.notify_all();
}

bool Checkpoints::Done(bool wait) {
  std::optional<thread::Hurry> hurry;
  if (wait) hurry.emplace();
  std::unique_lock lock(mutex_);
  if (wait) wake_.wait(lock, [this] { return done_; });
  return std::exchange(done_, false);
}

void Checkpoints::SetHurry(bool hurry) {
  store_->Hurry(hurry);
  hurry_.reset();
  if (hurry) hurry_.emplace();
}

void Checkpoints::Work() {
  thread::Begin("checkpoint", thread::Urgency::kSpare);
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return task_ != Task::kNone || stop_; });
    if (task_ == Task::kNone) return;
    // The writer touches neither the job's batches nor the set of entities until it is told.
    Job* const job = job_.get();
    FrozenEntities* const frozen = state_->entities.frozen();
    const Task task = task_;
    lock.unlock();
    if (task == Task::kWrite) Write(store_.get(), job);
    while (task == Task::kEncode && !stop_ && !frozen->EncodeLast(job->heads.get())) {
    }
    lock.lock();
    task_ = Task::kNone;
    done_ = true;
    wake_.notify_all();
  }
}

void Checkpoints::Reap(bool wait) {
  if (phase_ != Phase::kWriting || !Done(wait)) return;
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
  // A rare large one gives its memory back.
  if (job_->bytes <= kSpareBytesShare * options_.every_bytes) {
    spare_ = std::move(job_->batch);
    spare_heads_ = std::move(job_->heads);
  }
  job_.reset();
  state_->entities.Settle();
  phase_ = Phase::kIdle;
}

Status Checkpoints::Drain() {
  if (phase_ == Phase::kEncoding) EncodeAll();
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
  if (entities->changed_bytes() < options_.every_bytes &&
      entities->changed_memory() < options_.cache_bytes / 2) {
    return {};
  }
  const auto batch = store_->NewBatch();
  entities->Freeze(batch.get());
  CREDENCE_ASSERT(entities->frozen()->EncodeFirst(UINT64_MAX));
  entities->EndEncoding();
  CREDENCE_TRY(store_->Write(batch.get(), *store_->position()));
  CREDENCE_TRY(store_->Flush());
  entities->Settle();
  entities->Trim();
  return {};
}

}  // namespace credence::engine
