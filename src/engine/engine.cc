#include "src/engine/engine.h"

#include <algorithm>

#include "src/base/bytes.h"
#include "src/journal/reader.h"

namespace credence::engine {

using record::Event;
using record::Value;

std::string_view RefusalName(Refusal refusal) {
  switch (refusal) {
    case Refusal::kNone:
      return "none";
    case Refusal::kNoPack:
      return "no-pack";
    case Refusal::kIdWithOtherContent:
      return "id-with-other-content";
    case Refusal::kTooFarInFuture:
      return "too-far-in-future";
    case Refusal::kTooLate:
      return "too-late";
    case Refusal::kNoRate:
      return "no-rate";
    case Refusal::kAmountOutOfRange:
      return "amount-out-of-range";
    case Refusal::kReversesUnknown:
      return "reverses-unknown";
    case Refusal::kReversesTwice:
      return "reverses-twice";
  }
  CREDENCE_UNREACHABLE();
}

Engine::Engine(FileSystem& files, std::string folder, Options options)
    : files_(files),
      folder_(std::move(folder)),
      options_(std::move(options)),
      core_(files, folder_, options_.journal.first_segment) {
  core_.observer = options_.on_decision;
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
  options.on_frame = [this](const journal::FrameView& frame) { return FoldFrame(frame); };
  CREDENCE_ASSIGN(journal_, journal::Journal::Open(files_, folder_ + "/journal", options));
  report_.cut = journal_->opened().cut;
  report_.sealed = journal_->opened().sealed;
  return CheckSeal(journal_->opened().seal);
}

Status Engine::RecoverReadOnly() {
  stopped_ = Unavailable("the engine was opened for reading only");
  journal::ReadOptions options;
  options.first_segment = options_.journal.first_segment;
  CREDENCE_ASSIGN(const auto reader,
                  journal::JournalReader::Open(files_, folder_ + "/journal", options));
  journal::FrameView frame;
  while (true) {
    CREDENCE_ASSIGN(const bool more, reader->Next(&frame));
    if (!more) break;
    CREDENCE_TRY(FoldFrame(frame));
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
  if (!report_.sealed) return {};
  Digest sealed;
  if (seal.size() != Digest::kBytes + 1 ||
      !Digest::FromRaw(std::string_view(seal).substr(1), &sealed)) {
    return DataLoss("the journal's seal does not hold a state hash");
  }
  report_.state_matches_seal = sealed == core_.state.Hash();
  return {};
}

Status Engine::Activate(std::shared_ptr<const pack::Pack> pack, std::string_view activated_by,
                        std::string_view approved_by, Timestamp now) {
  CREDENCE_TRY(stopped_);
  if (core_.state.pack != nullptr &&
      core_.state.pack->schema.base_currency != pack->schema.base_currency) {
    return InvalidArgument("the base currency of a running engine is " +
                           std::string(core_.state.pack->schema.base_currency.code()) +
                           " for good: all its amounts were converted to it; the pack " +
                           pack->name + " has " + std::string(pack->schema.base_currency.code()));
  }
  record::Activation activation;
  CREDENCE_TRY(core_.artefacts().Put(pack->files, &activation.pack));
  activation.seq = core_.state.last_seq.Next();
  activation.stamp = NextStamp(now);
  activation.pack_name = pack->name;
  activation.activated_by = activated_by;
  activation.approved_by = approved_by;
  for (const auto& [path, content] : pack->files) activation.artefacts.push_back(Sha256(content));
  CREDENCE_TRY(core_.SetPack(std::move(pack), journal_->head().frames));
  std::string bytes;
  record::EncodeActivation(activation, &bytes);
  return CommitCommand(std::move(bytes), activation.seq, activation.stamp);
}

Status Engine::SetKillSwitch(bool on, std::string_view decision, std::string_view by,
                             std::string_view reason, Timestamp now) {
  CREDENCE_TRY(stopped_);
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
  CREDENCE_TRY(stopped_);
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
  CREDENCE_TRY(stopped_);
  answer.seq = core_.state.last_seq.Next();
  answer.stamp = NextStamp(now);
  CREDENCE_ASSIGN(record::DecisionRecord resumed, core_.Resume(answer));
  auto kept = std::make_shared<record::DecisionRecord>(std::move(resumed));
  std::string encoded;
  record::EncodeAnswer(answer, &encoded);
  Keep(encoded);
  encoded.clear();
  record::EncodeDecision(*kept, &encoded);
  core_.state.last_seq = answer.seq;
  core_.state.last_stamp = answer.stamp;
  core_.state.ApplyDecision(*kept, encoded);
  Keep(std::move(encoded));
  CREDENCE_TRY(Commit());
  return std::shared_ptr<const record::DecisionRecord>(std::move(kept));
}

Result<std::vector<Outcome>> Engine::Process(std::span<const Event> events, Arrival arrival,
                                             Timestamp now) {
  CREDENCE_TRY(stopped_);
  if (events.size() > kBatchEventsMax) {
    return InvalidArgument("a batch has at most " + std::to_string(kBatchEventsMax) + " events");
  }
  arena_.Reset();
  std::vector<Outcome> outcomes;
  outcomes.reserve(events.size());
  for (const Event& event : events) {
    outcomes.push_back(Take(event, arrival, now, true));
    // A frame has its limit; a batch of large events takes several.
    if (record_bytes_ > kFrameRecordBytes) CREDENCE_TRY(Commit());
  }
  CREDENCE_TRY(Commit());
  return outcomes;
}

Outcome Engine::DryRun(const Event& event, Arrival arrival, Timestamp now) {
  arena_.Reset();
  // An export must not see what did not happen.
  Core::Observer observer;
  std::swap(observer, core_.observer);
  Outcome outcome = Take(event, arrival, now, false);
  std::swap(observer, core_.observer);
  return outcome;
}

// One event: admit, apply, decide. With `keep` false the touched entities are copied, and the
// copies are thrown away.
Outcome Engine::Take(const Event& raw, Arrival arrival, Timestamp now, bool keep) {
  Event event = raw;
  Outcome outcome = Admit(&event, arrival, now);
  if (outcome.kind == Outcome::Kind::kRefused || outcome.kind == Outcome::Kind::kDuplicate) {
    return outcome;
  }
  const auto arrived = core_.state.pack->features.EvaluateArrival(event, &arena_);
  if (!arrived.ok()) {
    outcome.kind = Outcome::Kind::kRefused;
    outcome.refusal = Refusal::kAmountOutOfRange;
    outcome.field = "data";
    outcome.expected = arrived.status().message();
    return outcome;
  }
  std::vector<std::unique_ptr<feature::EntityState>> copies;
  std::optional<MoneyState> money;  // a copy, for commands that are not kept
  sources_.clear();
  if (keep) {
    core_.state.Apply(event, *arrived);
    std::string encoded;
    record::EncodeEvent(event, &encoded);
    Keep(std::move(encoded));
    core_.SourcesOf(event, &sources_);
    outcome.money = core_.state.money_of_event;
  } else {
    Overlay(event, *arrived, &copies);
    if (core_.state.pack->money.Bindings(event.type) != nullptr) {
      money.emplace(core_.state.money.Copy());
      outcome.money = money->ApplyEvent(*core_.state.pack, event);
    }
  }
  if (!core_.state.pack->schema.event_types[event.type].decision) return outcome;
  auto decided = std::make_shared<record::DecisionRecord>(
      core_.Decide(event, sources_, money ? &*money : nullptr));
  if (keep) {
    std::string encoded;
    record::EncodeDecision(*decided, &encoded);
    core_.state.ApplyDecision(*decided, encoded);
    outcome.money_of_decision = core_.state.money_of_decision;
    Keep(std::move(encoded));
  } else if (money) {
    outcome.money_of_decision = money->ApplyDecision(*core_.state.pack, *decided, event.stamp);
  }
  outcome.kind = Outcome::Kind::kDecided;
  outcome.decision = std::move(decided);
  return outcome;
}

// The entities as they would be after the event, without touching them.
void Engine::Overlay(const Event& event, const feature::Arrival& arrival,
                     std::vector<std::unique_ptr<feature::EntityState>>* copies) {
  const pack::Pack& pack = *core_.state.pack;
  const ReversibleRow* reversed = nullptr;
  if (pack.schema.event_types[event.type].reverses) {
    reversed = &core_.state.reversible.at(EventKey::Of(event.source, event.reverses));
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

Outcome Engine::Admit(Event* event, Arrival arrival, Timestamp now) {
  Outcome outcome;
  if (core_.state.pack == nullptr) {
    outcome.refusal = Refusal::kNoPack;
    outcome.expected = "expected an active pack";
    return outcome;
  }
  event->stamp = NextStamp(arrival == Arrival::kHistory ? event->time : now);
  event->seq = core_.state.last_seq.Next();
  if (const OnceIndex::Row* row = core_.state.once.Find(EventKey::Of(event->source, event->id))) {
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
  if (!CheckTime(*event, &outcome) || !ConvertAmounts(event, &outcome) ||
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
bool Engine::ConvertAmounts(Event* event, Outcome* outcome) {
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
      converted = arena_.NewArray<Value>(event->fields.size());
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
  if (row->second.reversed) {
    outcome->refusal = Refusal::kReversesTwice;
    outcome->expected = "expected an event that was not reversed before";
    return false;
  }
  outcome->field.clear();
  return true;
}

Status Engine::Commit() {
  if (records_.empty()) return {};
  std::vector<std::string_view> views(records_.begin(), records_.end());
  const auto head = journal_->Append(core_.state.last_seq, views);
  records_.clear();
  record_bytes_ = 0;
  if (!head.ok()) {
    // Memory is ahead of the disk: nothing of this batch may be released, and nothing more may be
    // built on it.
    stopped_ = Unavailable("the engine has stopped, since its journal could not be written (" +
                           head.status().message() + "); open it again");
    return head.status();
  }
  return {};
}

Status Engine::CommitCommand(std::string record, Seq seq, Timestamp stamp) {
  core_.state.last_seq = seq;
  core_.state.last_stamp = stamp;
  Keep(std::move(record));
  return Commit();
}

Status Engine::Close() {
  CREDENCE_TRY(stopped_);
  stopped_ = Unavailable("the engine was closed");
  std::string seal;
  ByteWriter out(&seal);
  out.PutU8(static_cast<uint8_t>(DigestId::kSha256));
  out.PutRaw(core_.state.Hash().view());
  const auto head = journal_->Seal(seal);
  return head.status();
}

}  // namespace credence::engine
