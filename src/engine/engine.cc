#include "src/engine/engine.h"

#include <algorithm>
#include <atomic>

#include "src/base/bytes.h"
#include "src/base/prefetch.h"
#include "src/engine/fold_ahead.h"
#include "src/journal/reader.h"

namespace credence::engine {

using record::Event;
using record::Value;

namespace {
// More are in flight only while the disk hangs: then they are made, and freed.
constexpr size_t kSpareBatchesMax = 64;
constexpr size_t kSpareDecisionsMax = 4 * kBatchEventsMax;

// Whether nobody else has it. What the others did with it was then done before.
bool IsAlone(const std::shared_ptr<record::DecisionRecord>& decision) {
#ifdef __SANITIZE_THREAD__
  static_cast<void>(decision);
  return false;  // it does not know the fence
#else
  if (decision.use_count() != 1) return false;
  std::atomic_thread_fence(std::memory_order_acquire);
  return true;
#endif
}
}  // namespace

Engine::Engine(FileSystem& files, std::string folder, Options options)
    : files_(files),
      folder_(std::move(folder)),
      options_(std::move(options)),
      core_(files, folder_, options_.journal.first_segment) {
  core_.known_packs = options_.known_packs;
  if (!options_.on_decision) return;
  core_.observer = [this](const auto& plan, const auto& event, const auto& features) {
    Observe(plan, event, features);
  };
}

Engine::~Engine() = default;

Result<std::unique_ptr<Engine>> Engine::Open(FileSystem& files, const std::string& folder,
                                             Options options) {
  std::unique_ptr<Engine> engine(new Engine(files, folder, std::move(options)));
  CREDENCE_TRY(engine->Recover());
  return engine;
}

Status Engine::Recover() {
  if (options_.read_only) return RecoverReadOnly();
  CREDENCE_TRY(MakeFoldersDurably(files_, folder_));
  journal::Options options = options_.journal;
  CREDENCE_TRY(OpenCheckpoints(&options.verify_from_frame));
  if (report_.checkpoint.frames > 0) options.must_hold = report_.checkpoint;
  std::unique_ptr<FoldAhead> ahead;
  options.on_frame = [&](const journal::FrameView& frame) -> Status {
    if (!options_.own_journal_thread) return FoldFrame(frame);
    if (ahead == nullptr) {
      ahead = std::make_unique<FoldAhead>(&core_, options_.checkpoints.cache_bytes == 0);
    }
    CREDENCE_TRY(ahead->Push(frame));
    if (options_.on_progress) options_.on_progress(ahead->events());
    return {};
  };
  CREDENCE_ASSIGN(journal_, journal::Journal::Open(files_, folder_ + "/journal", options));
  if (ahead != nullptr) CREDENCE_TRY(ahead->Finish());
  report_.events = core_.events_folded();
  report_.decisions = core_.decisions_folded();
  report_.cut = journal_->opened().cut;
  report_.sealed = journal_->opened().sealed;
  core_.OnDisk(journal_->head());
  committer_ = std::make_unique<Committer>(journal_.get(), options_.own_journal_thread);
  return CheckSeal(journal_->opened().seal);
}

Status Engine::OpenCheckpoints(uint64_t* from_frame) {
  CREDENCE_ASSIGN(
      report_.checkpoint,
      core_.OpenCheckpoints(options_.checkpoints, options_.read_only, &report_.damaged_checkpoint));
  if (report_.checkpoint.frames > 0) *from_frame = report_.checkpoint.frames + 1;
  CREDENCE_ASSIGN(const journal::Retired retired,
                  journal::ReadRetired(files_, folder_ + "/journal"));
  if (report_.checkpoint.last_seq < retired.before.last_seq) {
    return Unavailable(
        "frames 1 to " + std::to_string(retired.before.frames) +
        " of the journal were retired, and there is no checkpoint of the state after "
        "them; one is in " +
        folder_ + "/base/" + std::to_string(retired.before.frames));
  }
  return {};
}

Status Engine::RecoverReadOnly() {
  stopped_ = Unavailable("the engine was opened for reading only");
  journal::ReadOptions options;
  options.first_segment = options_.journal.first_segment;
  CREDENCE_TRY(OpenCheckpoints(&options.from_frame));
  // The frame of the checkpoint itself is looked at, not folded.
  const journal::ChainHead& known = report_.checkpoint;
  if (known.frames > 0) options.from_frame = known.frames;
  CREDENCE_ASSIGN(const auto reader,
                  journal::JournalReader::Open(files_, folder_ + "/journal", options));
  journal::FrameView frame;
  while (true) {
    CREDENCE_ASSIGN(const bool more, reader->Next(&frame));
    if (!more) break;
    if (frame.index > known.frames) {
      CREDENCE_TRY(FoldFrame(frame));
    } else if (frame.chain != known.chain) {
      return DataLoss("the checkpoint is not one of this journal: they differ at frame " +
                      std::to_string(known.frames) + "; remove the checkpoint");
    }
  }
  if (reader->head().frames < known.frames) {
    return DataLoss("the journal ends at frame " + std::to_string(reader->head().frames) +
                    "; its checkpoint is at frame " + std::to_string(known.frames));
  }
  report_.cut = reader->tail();
  report_.sealed = reader->last_frame().sealed();
  return CheckSeal(reader->seal());
}

Status Engine::FoldFrame(const journal::FrameView& frame) {
  const Status status = core_.FoldFrame(frame);
  if (!status.ok()) {
    return status.WithContext("segment " + std::to_string(frame.segment) + " offset " +
                              std::to_string(frame.offset));
  }
  report_.events = core_.events_folded();
  report_.decisions = core_.decisions_folded();
  if (options_.on_progress) options_.on_progress(report_.events);
  return {};
}

Status Engine::CheckSeal(const std::string& seal) {
  if (!report_.sealed || report_.checkpoint.frames > 0) return {};
  Digest sealed;
  if (seal.size() != Digest::kBytes + 1 ||
      !Digest::FromRaw(std::string_view(seal).substr(1), &sealed)) {
    return DataLoss("the journal's seal does not hold a state hash");
  }
  report_.state_matches_seal = sealed == core_.state.Hash();
  return {};
}

Status Engine::MayBeInCharge(const pack::Pack& pack) const {
  const pack::Pack* const active = core_.state.pack.get();
  if (active == nullptr || active->schema.base_currency == pack.schema.base_currency) return {};
  return InvalidArgument("the base currency of a running engine is " +
                         std::string(active->schema.base_currency.code()) +
                         " for good: all its amounts were converted to it; the pack " + pack.name +
                         " has " + std::string(pack.schema.base_currency.code()));
}

Status Engine::Activate(std::shared_ptr<const pack::Pack> pack, std::string_view activated_by,
                        std::string_view approved_by, Timestamp now) {
  CREDENCE_TRY(Ready());
  committer_->WaitAll();
  NoteOnDisk();
  CREDENCE_TRY(MayBeInCharge(*pack));
  record::Activation activation;
  CREDENCE_TRY(core_.artefacts().Put(pack->files, &activation.pack));
  activation.seq = core_.state.last_seq.Next();
  activation.stamp = NextStamp(now);
  activation.pack_name = pack->name;
  activation.activated_by = activated_by;
  activation.approved_by = approved_by;
  for (const auto& [path, content] : pack->files) activation.artefacts.push_back(Sha256(content));
  CREDENCE_TRY(core_.SetPack(std::move(pack), journal_->head().frames));
  core_.state.DropActivationRequests();
  std::string bytes;
  record::EncodeActivation(activation, &bytes);
  return CommitCommand(std::move(bytes), activation.seq, activation.stamp);
}

Status Engine::RequestActivation(const pack::Pack& pack, std::string_view by, Timestamp now) {
  CREDENCE_TRY(Ready());
  CREDENCE_TRY(MayBeInCharge(pack));
  const auto& waiting = core_.state.activation_requests;
  if (waiting.contains(pack.digest)) {
    return InvalidArgument("the activation of this pack was asked for by " +
                           waiting.at(pack.digest) + " and waits");
  }
  if (waiting.size() >= kActivationRequestsMax) {
    return InvalidArgument("at most " + std::to_string(kActivationRequestsMax) +
                           " activations may wait for approval");
  }
  record::ActivationRequest request{
      core_.state.last_seq.Next(), NextStamp(now), {}, pack.name, std::string(by)};
  CREDENCE_TRY(core_.artefacts().Put(pack.files, &request.pack));
  std::string bytes;
  record::EncodeActivationRequest(request, &bytes);
  core_.state.ApplyActivationRequest(request.pack, by);
  return CommitCommand(std::move(bytes), request.seq, request.stamp);
}

Status Engine::SetKillSwitch(bool on, std::string_view decision, std::string_view by,
                             std::string_view reason, Timestamp now) {
  CREDENCE_TRY(Ready());
  if (core_.state.pack == nullptr) return Unavailable("no pack is active");
  if (!decision.empty() && core_.state.pack->FindDecision(decision) == nullptr) {
    return NotFound("the pack " + core_.state.pack->name + " has no decision '" +
                    std::string(decision) + "'");
  }
  const record::KillSwitch command{
      core_.state.last_seq.Next(), NextStamp(now),  on,
      std::string(decision),       std::string(by), std::string(reason)};
  std::string bytes;
  record::EncodeKillSwitch(command, &bytes);
  core_.state.kill_switches[command.decision] = on;
  return CommitCommand(std::move(bytes), command.seq, command.stamp);
}

Status Engine::SetRate(Currency from, Decimal rate, std::string_view by, Timestamp now) {
  CREDENCE_TRY(Ready());
  if (core_.state.pack == nullptr) return Unavailable("no pack is active");
  if (!rate.IsFinite() || rate.IsNegative() || rate.IsZero()) {
    return InvalidArgument("expected a positive rate");
  }
  if (from == core_.state.pack->schema.base_currency) {
    return InvalidArgument(std::string(from.code()) + " is the base currency: its rate is 1");
  }
  const record::Rate command{core_.state.last_seq.Next(), NextStamp(now), from, rate,
                             std::string(by)};
  std::string bytes;
  record::EncodeRate(command, &bytes);
  core_.state.rates[from] = rate;
  return CommitCommand(std::move(bytes), command.seq, command.stamp);
}

Result<std::shared_ptr<const record::DecisionRecord>> Engine::TakeAnswer(record::Answer answer,
                                                                         Timestamp now) {
  CREDENCE_TRY(Ready());
  answer.seq = core_.state.last_seq.Next();
  answer.stamp = NextStamp(now);
  CREDENCE_ASSIGN(record::DecisionRecord resumed, core_.Resume(answer));
  auto kept = std::make_shared<record::DecisionRecord>(std::move(resumed));
  std::string encoded;
  record::EncodeDecision(*kept, &encoded);
  core_.state.last_seq = answer.seq;
  core_.state.last_stamp = answer.stamp;
  core_.state.ApplyDecision(*kept, encoded);
  const std::shared_ptr<Batch> batch = NewBatch();
  batch->records.push_back({answer.seq, {}, {}, kept});
  record::EncodeAnswer(answer, &batch->records.back().command);
  CREDENCE_TRY(Submit(batch));
  return std::shared_ptr<const record::DecisionRecord>(std::move(kept));
}

Result<std::vector<Outcome>> Engine::Process(std::span<const Event> events, Arrival arrival,
                                             Timestamp now) {
  CREDENCE_ASSERT(in_flight_.empty());
  CREDENCE_TRY(Begin(events, arrival, now));
  return End();
}

Status Engine::Begin(std::span<const Event> events, Arrival arrival, Timestamp now) {
  CREDENCE_TRY(Ready());
  CREDENCE_ASSERT(MayBegin());
  if (events.size() > kBatchEventsMax) {
    return InvalidArgument("a batch has at most " + std::to_string(kBatchEventsMax) + " events");
  }
  std::shared_ptr<Batch> batch = NewBatch();
  taking_ = batch.get();
  core_.state.Prefetch(events);
  lookahead_.Begin(core_.state, events);
  for (size_t i = 0; i < events.size(); ++i) {
    if (i > 0) lookahead_.Next();
    batch->outcomes.push_back(Take(events[i], arrival, now, batch.get()));
  }
  taking_ = nullptr;
  CREDENCE_TRY(CheckStore());
  batch->weight = events.size();
  SetOff(std::move(batch));
  return {};
}

void Engine::SetOff(std::shared_ptr<Batch> batch) {
  batch->ends_frame = core_.AtBoundary();
  events_in_flight_ += batch->weight;
  in_flight_.push_back(batch);
  committer_->Submit(std::move(batch));
}

Result<std::vector<Outcome>> Engine::End() {
  CREDENCE_ASSERT(!in_flight_.empty());
  std::shared_ptr<Batch> batch = std::move(in_flight_.front());
  in_flight_.pop_front();
  const Status status = committer_->Wait(*batch);
  events_in_flight_ -= batch->weight;
  if (!status.ok()) return Stop(status);
  if (!batch->records.empty()) core_.OnDisk(batch->head);
  for (const Batch::Observed& seen : batch->observed) {
    options_.on_decision(*seen.plan, seen.event, seen.features);
  }
  std::vector<Outcome> outcomes = std::move(batch->outcomes);
  SetAside(std::move(batch));
  return outcomes;
}

std::optional<Timestamp> Engine::NextTimer() const {
  if (core_.state.pack == nullptr) return std::nullopt;
  return core_.state.money.NextTimer(*core_.state.pack);
}

Result<size_t> Engine::BeginTimers(size_t max, Timestamp now) {
  CREDENCE_TRY(Ready());
  CREDENCE_ASSERT(MayBegin());
  record::Timers timers;
  timers.seq = core_.state.last_seq.Next();
  timers.stamp = NextStamp(now);
  if (core_.state.pack == nullptr || timers.stamp >= kStampEnd) return size_t{0};
  timers.items = core_.state.money.DueTimers(*core_.state.pack, timers.stamp,
                                             std::min(max, record::kTimerItemsMax));
  if (timers.items.empty()) return size_t{0};
  const Status fired = core_.state.FireTimers(timers.seq, timers.stamp, timers.items);
  CREDENCE_ASSERT(fired.ok());  // they were made of this state
  std::shared_ptr<Batch> batch = NewBatch();
  batch->records.push_back({timers.seq, {}, {}, nullptr});
  record::EncodeTimers(timers, &batch->records.back().command);
  batch->weight = timers.items.size();
  SetOff(std::move(batch));
  return timers.items.size();
}

Result<size_t> Engine::FireTimers(size_t max, Timestamp now) {
  CREDENCE_ASSERT(in_flight_.empty());
  CREDENCE_ASSIGN(const size_t fired, BeginTimers(max, now));
  if (fired > 0) CREDENCE_TRY(End().status());
  return fired;
}

// One that was used before keeps its memory.
std::shared_ptr<Batch> Engine::NewBatch() {
  // The committer may hold on to the last one for a moment.
  if (spare_.empty() || spare_.back().use_count() > 1) return std::make_shared<Batch>();
  std::shared_ptr<Batch> batch = std::move(spare_.back());
  spare_.pop_back();
  batch->arena.Reset();
  for (Batch::Record& record : batch->records) {
    if (spare_decisions_.size() < kSpareDecisionsMax && IsAlone(record.decision)) {
      spare_decisions_.push_back(std::move(record.decision));
    }
  }
  batch->records.clear();
  batch->outcomes.clear();
  batch->observed.clear();
  batch->done = false;
  return batch;
}

void Engine::SetAside(std::shared_ptr<Batch> batch) {
  if (spare_.size() < kSpareBatchesMax) spare_.push_back(std::move(batch));
}

// One that was used before keeps its memory, which is asked for while the one before it is made.
std::shared_ptr<record::DecisionRecord> Engine::NewDecision() {
  if (spare_decisions_.empty()) return std::make_shared<record::DecisionRecord>();
  std::shared_ptr<record::DecisionRecord> decision = std::move(spare_decisions_.back());
  spare_decisions_.pop_back();
  const size_t left = spare_decisions_.size();
  if (left > 0) spare_decisions_[left - 1]->Warm();
  if (left > 1) PrefetchLinesToWrite(spare_decisions_[left - 2].get(), sizeof *decision);
  return decision;
}

// One event: admit, apply, decide.
Outcome Engine::Take(const Event& raw, Arrival arrival, Timestamp now, Batch* batch) {
  const EventKey& key = lookahead_.key();
  const std::span<EntityTable::Touch> touches = lookahead_.touches();
  Event event = raw;
  Outcome outcome = Admit(&event, key, arrival, now, &batch->arena);
  feature::Arrival arrived;
  if (outcome.kind != Outcome::Kind::kApplied ||
      !Arrive(event, &batch->arena, &arrived, &outcome)) {
    return outcome;
  }
  core_.state.Apply(event, key, arrived, touches);
  outcome.money = core_.state.money_of_event;
  batch->records.push_back({event.seq, {}, event, nullptr});
  if (!core_.state.pack->schema.event_types[event.type].decision) return outcome;
  sources_.clear();
  for (const EntityTable::Touch& touch : touches) {
    sources_.push_back({touch.ref.entity, &touch.state()});
  }
  const std::shared_ptr<record::DecisionRecord> decided = NewDecision();
  core_.Decide(event, sources_, decided.get());
  std::string encoded;  // a parked decision waits in its stored form
  if (decided->path == record::DecisionPath::kParked) record::EncodeDecision(*decided, &encoded);
  core_.state.ApplyDecision(*decided, encoded);
  outcome.money_of_decision = core_.state.money_of_decision;
  outcome.kind = Outcome::Kind::kDecided;
  outcome.decision = decided;
  batch->records.back().decision = decided;
  return outcome;
}

bool Engine::Arrive(const Event& event, Arena* arena, feature::Arrival* arrived,
                    Outcome* outcome) const {
  const auto evaluated = core_.state.pack->features.EvaluateArrival(event, arena);
  if (evaluated.ok()) {
    *arrived = *evaluated;
    return true;
  }
  outcome->kind = Outcome::Kind::kRefused;
  outcome->refusal = Refusal::kAmountOutOfRange;
  outcome->field = "data";
  outcome->expected = evaluated.status().message();
  return false;
}

// Keeps what an export asked to see until the batch is on disk.
void Engine::Observe(const decision::DecisionPlan& plan, const Event& event,
                     std::span<const Value> features) {
  if (taking_ == nullptr) return;  // a dry run, or an answer
  const std::span<Value> kept = taking_->arena.NewArray<Value>(features.size());
  for (size_t i = 0; i < features.size(); ++i) {
    kept[i] = features[i];
    if (kept[i].kind() == record::ValueKind::kString) {
      kept[i] = Value::String(taking_->arena.Copy(kept[i].text()));
    } else if (kept[i].kind() == record::ValueKind::kToken) {
      kept[i] = Value::Token(taking_->arena.Copy(kept[i].text()));
    }
  }
  taking_->observed.push_back({&plan, event, kept});
}

Outcome Engine::DryRun(const Event& event, Arrival arrival, Timestamp now) {
  if (committer_ != nullptr) committer_->WaitAll();
  arena_.Reset();
  Outcome outcome = TryOut(event, arrival, now);
  core_.state.entities.Trim();
  const Status store = CheckStore();
  if (store.ok()) return outcome;
  Outcome unread;
  unread.refusal = Refusal::kStoreFailed;
  unread.expected = store.message();
  return unread;
}

Status Engine::CheckStore() {
  const Status& status = core_.state.entities.status();
  if (!status.ok() && stopped_.ok()) {
    stopped_ = Unavailable(
        "the engine has stopped, since its entities could not be read (" + status.message() +
        "); open it again, and if that does not help remove its checkpoint: the journal makes it "
        "again");
  }
  return status;
}

void Engine::NoteOnDisk() {
  for (const std::shared_ptr<Batch>& batch : in_flight_) {
    if (batch->status.ok() && !batch->records.empty()) core_.OnDisk(batch->head);
  }
}

// As Take, over copies of the touched entities that are thrown away.
Outcome Engine::TryOut(const Event& raw, Arrival arrival, Timestamp now) {
  Event event = raw;
  Outcome outcome = Admit(&event, EventKey::Of(raw.source, raw.id), arrival, now, &arena_);
  feature::Arrival arrived;
  if (outcome.kind != Outcome::Kind::kApplied || !Arrive(event, &arena_, &arrived, &outcome)) {
    return outcome;
  }
  std::vector<std::unique_ptr<feature::EntityState>> copies;
  sources_.clear();
  Overlay(event, arrived, &copies);
  const MoneyState::Trial trial(&core_.state.money);
  outcome.money =
      core_.state.money.ApplyEvent(*core_.state.pack, event, core_.state.ReversedBy(event));
  if (!core_.state.pack->schema.event_types[event.type].decision) return outcome;
  const auto decided = std::make_shared<record::DecisionRecord>();
  core_.Decide(event, sources_, decided.get());
  outcome.money_of_decision =
      core_.state.money.ApplyDecision(*core_.state.pack, *decided, event.stamp);
  outcome.kind = Outcome::Kind::kDecided;
  outcome.decision = decided;
  return outcome;
}

// The entities as they would be after the event, without touching them.
void Engine::Overlay(const Event& event, const feature::Arrival& arrival,
                     std::vector<std::unique_ptr<feature::EntityState>>* copies) {
  const pack::Pack& pack = *core_.state.pack;
  const ReversibleRow* reversed = nullptr;
  if (pack.schema.event_types[event.type].reverses) {
    const ReversibleRow& row =
        core_.state.reversible.at(EventKey::Of(event.source, event.reverses));
    if (!row.reversed) reversed = &row;  // else its features are taken back already
  }
  core_.state.Touched(event, &touched_);
  for (const EntityRef& ref : touched_) {
    const feature::EntityState* now = core_.state.entities.Find(ref);
    auto copy = now != nullptr ? std::make_unique<feature::EntityState>(*now)
                               : std::make_unique<feature::EntityState>(pack.features, ref.entity);
    const bool touched_before =
        reversed != nullptr &&
        std::any_of(reversed->entities.begin(), reversed->entities.end(), [&](const auto& entity) {
          return entity.first == ref.entity && entity.second == ref.key;
        });
    if (touched_before) copy->Reverse(pack.features, reversed->seq, event.seq);
    copy->Update(pack.features, arrival);
    sources_.push_back({ref.entity, copy.get()});
    copies->push_back(std::move(copy));
  }
}

Timestamp Engine::NextStamp(Timestamp clock) const {
  return std::max(Timestamp{core_.state.last_stamp.ns + 1}, clock);
}

Outcome Engine::Admit(Event* event, const EventKey& key, Arrival arrival, Timestamp now,
                      Arena* arena) {
  Outcome outcome;
  if (core_.state.pack == nullptr) {
    outcome.refusal = Refusal::kNoPack;
    outcome.expected = "expected an active pack";
    return outcome;
  }
  event->stamp = NextStamp(arrival == Arrival::kHistory ? event->time : now);
  event->seq = core_.state.last_seq.Next();
  if (const OnceIndex::Row* row = core_.state.once.Find(key)) {
    outcome.seq = row->seq;
    if (OnceIndex::SameContent(*row, event->digest)) {
      outcome.kind = Outcome::Kind::kDuplicate;
    } else {
      outcome.refusal = Refusal::kIdWithOtherContent;
      outcome.field = "id";
      outcome.expected = "expected a new id: this source sent another event with it (sequence " +
                         std::to_string(row->seq.value()) + ")";
    }
    return outcome;
  }
  if (!CheckTime(*event, &outcome) || !ConvertAmounts(event, &outcome, arena) ||
      !CheckReversal(*event, &outcome)) {
    return outcome;
  }
  outcome.kind = Outcome::Kind::kApplied;
  outcome.seq = event->seq;
  outcome.stamp = event->stamp;
  return outcome;
}

bool Engine::CheckTime(const Event& event, Outcome* outcome) const {
  const record::Bounds& bounds = core_.state.pack->schema.bounds;
  const Int128 late = static_cast<Int128>(event.stamp.ns) - event.time.ns;
  outcome->field = "time";
  if (-late > bounds.future_ns) {
    outcome->refusal = Refusal::kTooFarInFuture;
    outcome->expected = "expected a time at most " + DurationToString(bounds.future_ns) +
                        " after the arrival (bounds.future of the pack)";
    return false;
  }
  if (event.stamp >= kStampEnd) {
    outcome->refusal = Refusal::kTooFarInFuture;
    outcome->expected = "expected a time before " + kStampEnd.ToString();
    return false;
  }
  if (late > bounds.late_ns) {
    outcome->refusal = Refusal::kTooLate;
    outcome->expected = "expected a time at most " + DurationToString(bounds.late_ns) +
                        " before the arrival (bounds.late of the pack)";
    return false;
  }
  if (!core_.state.once.Covers(event.time)) {
    outcome->refusal = Refusal::kTooLate;
    outcome->expected =
        "expected a time that the pack before this one allowed too: ids of older events are no "
        "longer known";
    return false;
  }
  outcome->field.clear();
  return true;
}

// Amounts in other currencies get their value in the base currency; the fields are copied where
// that happens.
bool Engine::ConvertAmounts(Event* event, Outcome* outcome, Arena* arena) {
  const Currency base = core_.state.pack->schema.base_currency;
  std::span<Value> converted;
  for (size_t i = 0; i < event->fields.size(); ++i) {
    const Value& value = event->fields[i];
    if (value.kind() != record::ValueKind::kMoney || value.money().currency == base) continue;
    const Money amount = value.money();
    outcome->field = "data." + core_.state.pack->schema.event_types[event->type].fields[i].name;
    const auto rate = core_.state.rates.find(amount.currency);
    if (rate == core_.state.rates.end()) {
      outcome->refusal = Refusal::kNoRate;
      outcome->expected = "expected an amount in " + std::string(base.code()) + ", or a rate for " +
                          std::string(amount.currency.code()) + " set before";
      return false;
    }
    const auto in_base = Convert(amount, base, rate->second, Rounding::kHalfEven);
    if (!in_base.ok()) {
      outcome->refusal = Refusal::kAmountOutOfRange;
      outcome->expected = "expected an amount that fits 64-bit minor units of " +
                          std::string(base.code()) + " after conversion";
      return false;
    }
    outcome->field.clear();
    if (converted.empty()) {
      converted = arena->NewArray<Value>(event->fields.size());
      std::copy(event->fields.begin(), event->fields.end(), converted.begin());
      event->fields = converted;
    }
    converted[i] = Value::OfMoney(amount, in_base->minor);
  }
  return true;
}

bool Engine::CheckReversal(const Event& event, Outcome* outcome) const {
  if (!core_.state.pack->schema.event_types[event.type].reverses) return true;
  outcome->field = "reverses";
  const auto row = core_.state.reversible.find(EventKey::Of(event.source, event.reverses));
  const bool in_time = row != core_.state.reversible.end() &&
                       static_cast<Int128>(event.stamp.ns) - row->second.stamp.ns <=
                           core_.state.pack->schema.bounds.reversal_ns;
  if (!in_time) {
    outcome->refusal = Refusal::kReversesUnknown;
    outcome->expected = "expected the id of a reversible event that this source sent in the last " +
                        DurationToString(core_.state.pack->schema.bounds.reversal_ns);
    return false;
  }
  // Where money refused to be taken back, another event may ask again.
  if (row->second.reversed && !core_.state.money.MayBeUndone(row->second.seq)) {
    outcome->refusal = Refusal::kReversesTwice;
    outcome->expected = "expected an event that was not reversed before";
    return false;
  }
  outcome->field.clear();
  return true;
}

// A full disk is met here, before anything is applied that could not be written down. What is in
// flight may not have taken its room yet: events of two batches, a batch being at most a frame.
Status Engine::Ready() {
  CREDENCE_TRY(stopped_);
  const Status room =
      journal_->MakeRoom((events_in_flight_ == 0 ? 1 : 3) * journal::kFrameBytesMax);
  // A journal that has stopped says so when the batch that it lost is ended.
  return room.code() == StatusCode::kResourceExhausted ? room : OkStatus();
}

// Memory is ahead of the disk: nothing of this batch may be released, and nothing more may be built
// on it.
Status Engine::Stop(const Status& failure) {
  if (stopped_.ok()) {
    stopped_ = Unavailable("the engine has stopped, since its journal could not be written (" +
                           failure.message() + "); open it again");
  }
  return failure;
}

Status Engine::Submit(std::shared_ptr<Batch> batch) {
  CREDENCE_TRY(CheckStore());
  batch->ends_frame = core_.AtBoundary();
  committer_->Submit(batch);
  const Status status = committer_->Wait(*batch);
  if (!status.ok()) return Stop(status);
  NoteOnDisk();
  core_.OnDisk(batch->head);
  SetAside(std::move(batch));
  return {};
}

Status Engine::CommitCommand(std::string record, Seq seq, Timestamp stamp) {
  core_.state.last_seq = seq;
  core_.state.last_stamp = stamp;
  std::shared_ptr<Batch> batch = NewBatch();
  batch->records.push_back({seq, std::move(record), {}, nullptr});
  return Submit(std::move(batch));
}

Status Engine::Close() {
  CREDENCE_TRY(stopped_);
  CREDENCE_ASSERT(in_flight_.empty());
  stopped_ = Unavailable("the engine was closed");
  std::string seal;
  ByteWriter out(&seal);
  out.PutU8(static_cast<uint8_t>(DigestId::kSha256));
  out.PutRaw(core_.state.Hash().view());
  CREDENCE_TRY(core_.state.entities.status());
  CREDENCE_ASSIGN(const journal::ChainHead head, journal_->Seal(seal));
  core_.OnDisk(head);
  return core_.checkpoints() == nullptr ? OkStatus() : core_.checkpoints()->Finish();
}

Result<Snapshot> Engine::TakeSnapshot(const std::string& folder) {
  CREDENCE_TRY(stopped_);
  if (core_.checkpoints() == nullptr) return Unavailable("this engine makes no checkpoints");
  committer_->WaitAll();
  NoteOnDisk();
  return core_.checkpoints()->TakeSnapshot(folder);
}

Status Engine::Checkpoint() {
  CREDENCE_TRY(stopped_);
  committer_->WaitAll();
  NoteOnDisk();
  return core_.checkpoints() == nullptr ? OkStatus() : core_.checkpoints()->Finish();
}

}  // namespace credence::engine
