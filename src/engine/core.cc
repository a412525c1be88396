// The part of Engine that makes the state of the journal: folding at open, and the change from one
// pack to the next.

#include <algorithm>
#include <set>

#include "src/base/bytes.h"
#include "src/engine/engine.h"
#include "src/journal/reader.h"
#include "src/journal/retired.h"

namespace credence::engine {

using record::Event;
using record::Value;

Result<std::shared_ptr<const pack::Pack>> LoadStoredPack(const ArtefactStore& artefacts,
                                                         const Digest& digest) {
  CREDENCE_ASSIGN(pack::FileSet files, artefacts.Get(digest));
  std::vector<Diagnostic> diagnostics;
  auto pack = pack::Load(std::move(files), "artefacts", nullptr, &diagnostics);
  if (pack == nullptr) {
    std::string why = "the stored pack " + digest.ToHex() + " is not accepted by this release";
    if (!diagnostics.empty()) why += ": " + ToString(diagnostics.front());
    return DataLoss(why);
  }
  return pack;
}

std::optional<Event> Translate(const Event& event, const record::Schema& from,
                               const record::Schema& to, Arena* arena) {
  const record::EventType& old_type = from.event_types[event.type];
  const auto index = to.EventTypeIndex(old_type.name);
  if (!index) return std::nullopt;
  const record::EventType& type = to.event_types[*index];
  const auto fields = arena->NewArray<record::Value>(type.fields.size());
  for (size_t i = 0; i < fields.size(); ++i) {
    const auto old = old_type.FieldIndex(type.fields[i].name);
    if (!old || old_type.fields[*old].kind != type.fields[i].kind ||
        old_type.fields[*old].protection != type.fields[i].protection) {
      continue;
    }
    fields[i] = event.fields[*old];
  }
  Event translated = event;
  translated.type = *index;
  translated.fields = fields;
  translated.sealed = {};
  return translated;
}

Status Core::RestoreFrom(const CheckpointOptions& options, bool read_only) {
  auto opened =
      options.backing->Open(read_only ? store::OpenMode::kRead : store::OpenMode::kReadWrite);
  if (read_only && opened.status().code() == StatusCode::kNotFound) return {};
  CREDENCE_TRY(opened.status());
  checkpoints_ = std::make_unique<Checkpoints>(std::move(*opened), options, read_only, &state);
  if (!checkpoints_->position()) return {};
  const PackLoader load = [this](const Digest& digest) { return StoredPack(digest); };
  return checkpoints_->Restore(
      [&](const Digest& digest) -> Status {
        CREDENCE_ASSIGN(auto pack, load(digest));
        return SetPack(std::move(pack), 0);
      },
      load);
}

Result<journal::ChainHead> Core::OpenCheckpoints(const CheckpointOptions& options, bool read_only,
                                                 std::string* damage) {
  journal::ChainHead none;
  if (options.backing == nullptr) return none;
  uint64_t first_segment = first_segment_;
  if (first_segment == 0) {
    CREDENCE_ASSIGN(const journal::Retired retired,
                    journal::ReadRetired(files_, folder_ + "/journal"));
    first_segment = retired.first_segment;
  }
  Status restored = RestoreFrom(options, read_only);
  // Where the journal's first segments are retired there is nothing else to make the state of.
  if (restored.code() == StatusCode::kDataLoss && first_segment == 1) {
    *damage = restored.message();
    checkpoints_.reset();
    state = State();
    if (read_only) return none;
    CREDENCE_TRY(options.backing->Destroy());
    restored = RestoreFrom(options, read_only);
  }
  CREDENCE_TRY(restored);
  if (checkpoints_ == nullptr || !checkpoints_->position()) return none;
  const store::Position position = *checkpoints_->position();
  return journal::ChainHead{position.frame, position.seq, position.chain};
}

void DecodedFrame::Copy(const journal::FrameView& view) {
  body.assign(view.body);
  frame = view;
  frame.chained = {};
  frame.body = body;
  for (std::string_view& record : frame.records) {
    record =
        frame.body.substr(static_cast<size_t>(record.data() - view.body.data()), record.size());
  }
}

void DecodedFrame::Clear() {
  arena.Reset();
  records.clear();
  ahead.rows.clear();
  decoded = OkStatus();
}

Status Core::Decode(DecodedFrame* frame) {
  if (frame->frame.kind != journal::FrameKind::kBatch) return {};
  for (const std::string_view bytes : frame->frame.records) {
    CREDENCE_ASSIGN(record::AnyRecord record, record::DecodeRecord(bytes, &frame->arena));
    frame->records.push_back(std::move(record));
  }
  return {};
}

Status Core::FoldFrame(const journal::FrameView& frame) {
  decoded_.Clear();
  decoded_.frame = frame;
  decoded_.decoded = Decode(&decoded_);
  return FoldDecoded(&decoded_);
}

Status Core::FoldDecoded(DecodedFrame* frame) {
  // Of what is read the last frame may still be in the page cache alone; those before are on disk.
  if (folded_.frames > 0) OnDisk(folded_);
  CREDENCE_TRY(frame->decoded);
  CREDENCE_TRY(FoldRecords(frame));
  CREDENCE_TRY(state.entities.status());
  folded_ = {frame->frame.index, frame->frame.last_seq, frame->frame.chain};
  if (checkpoints_ != nullptr) checkpoints_->AtBoundaryOfFold();
  return {};
}

// Reads what the events of a frame touch at one go. A hint: what does not fit, folding says.
void Core::PrefetchDecoded(std::span<const record::AnyRecord> records) {
  if (state.pack == nullptr) return;
  const auto& types = state.pack->schema.event_types;
  std::vector<Event> events;
  for (const record::AnyRecord& record : records) {
    if (std::holds_alternative<record::Activation>(record)) break;
    const auto* event = std::get_if<Event>(&record);
    if (event == nullptr) continue;
    if (event->type >= types.size() || event->fields.size() != types[event->type].fields.size()) {
      break;
    }
    events.push_back(*event);
  }
  state.Prefetch(events);
}

Status Core::FoldRecords(DecodedFrame* decoded) {
  const journal::FrameView& frame = decoded->frame;
  if (frame.kind != journal::FrameKind::kBatch) return {};
  const std::span<const record::AnyRecord> records = decoded->records;
  state.entities.TakeAhead(&decoded->ahead);
  if (checkpoints_ != nullptr) PrefetchDecoded(records);
  size_t taken = 0;  // of the coming events
  coming_.clear();
  for (size_t i = 0; i < records.size(); ++i) {
    const auto* event = std::get_if<Event>(&records[i]);
    if (event == nullptr) {
      CREDENCE_TRY(FoldOther(records[i], frame.records[i], frame.index));
      continue;
    }
    if (taken == coming_.size()) {
      LookAheadDecoded(records.subspan(i));
      taken = 0;
    } else {
      lookahead_.Next();
    }
    ++taken;
    CREDENCE_TRY(FoldEvent(*event, lookahead_.key(), lookahead_.touches(), &decoded->arena));
  }
  if (state.last_seq != frame.last_seq) {
    return DataLoss("the frame ends with sequence " + std::to_string(frame.last_seq.value()) +
                    " but its records with " + std::to_string(state.last_seq.value()));
  }
  return {};
}

// The events that come first, up to an activation: it changes what events touch.
void Core::LookAheadDecoded(std::span<const record::AnyRecord> records) {
  coming_.clear();
  for (const record::AnyRecord& record : records) {
    if (std::holds_alternative<record::Activation>(record)) break;
    if (const auto* event = std::get_if<Event>(&record)) coming_.push_back(*event);
  }
  lookahead_.Begin(state, coming_);
}

Status Core::Fold(std::string_view bytes, uint64_t frame, Arena* arena) {
  CREDENCE_ASSIGN(const record::AnyRecord any, record::DecodeRecord(bytes, arena));
  const auto* event = std::get_if<Event>(&any);
  if (event == nullptr) return FoldOther(any, bytes, frame);
  lookahead_.Begin(state, {event, 1});
  return FoldEvent(*event, lookahead_.key(), lookahead_.touches(), arena);
}

Status Core::FoldOther(const record::AnyRecord& any, std::string_view bytes, uint64_t frame) {
  if (const auto* decided = std::get_if<record::DecisionRecord>(&any)) {
    if (state.PackOf(*decided) == nullptr) {
      return DataLoss("decision " + decided->Id() + " was made by the pack " +
                      decided->pack.ToHex() + ", which is not in force here");
    }
    ++decisions_folded_;
    state.ApplyDecision(*decided, bytes);
    return {};
  }
  if (const auto* activation = std::get_if<record::Activation>(&any)) {
    CREDENCE_ASSIGN(auto pack, StoredPack(activation->pack));
    CREDENCE_TRY(SetPack(std::move(pack), frame - 1));
    state.DropActivationRequests();
    return Advance(activation->seq, activation->stamp);
  }
  if (const auto* kill_switch = std::get_if<record::KillSwitch>(&any)) {
    state.kill_switches[kill_switch->decision] = kill_switch->on;
    return Advance(kill_switch->seq, kill_switch->stamp);
  }
  if (const auto* rate = std::get_if<record::Rate>(&any)) {
    state.rates[rate->from] = rate->rate;
    return Advance(rate->seq, rate->stamp);
  }
  if (const auto* request = std::get_if<record::ActivationRequest>(&any)) {
    state.ApplyActivationRequest(request->pack, request->by);
    return Advance(request->seq, request->stamp);
  }
  if (const auto* timers = std::get_if<record::Timers>(&any)) return FoldTimers(*timers);
  const auto& answer = std::get<record::Answer>(any);
  return Advance(answer.seq, answer.stamp);
}

Result<std::shared_ptr<const pack::Pack>> Core::StoredPack(const Digest& digest) const {
  for (const auto& known : known_packs) {
    if (known->digest != digest) continue;
    CREDENCE_TRY(artefacts_.Get(digest).status());
    return known;
  }
  return LoadStoredPack(artefacts_, digest);
}

Status Core::Advance(Seq seq, Timestamp stamp) {
  if (seq != state.last_seq.Next()) {
    return DataLoss("expected sequence " + std::to_string(state.last_seq.value() + 1) + ", found " +
                    std::to_string(seq.value()));
  }
  state.last_seq = seq;
  state.last_stamp = stamp;
  return {};
}

Status Core::FoldTimers(const record::Timers& timers) {
  if (state.pack == nullptr || timers.seq != state.last_seq.Next() ||
      timers.stamp <= state.last_stamp) {
    return DataLoss("the timers with sequence " + std::to_string(timers.seq.value()) +
                    " do not follow");
  }
  std::vector<record::TimerItem> items = timers.items;
  CREDENCE_TRY(state.FireTimers(timers.seq, timers.stamp, items));
  if (items == timers.items) return {};
  return DataLoss("the timers with sequence " + std::to_string(timers.seq.value()) +
                  " made other transfers than their record says");
}

Status Core::FoldEvent(const Event& event, const EventKey& key,
                       std::span<EntityTable::Touch> touches, Arena* arena) {
  if (state.pack == nullptr) return DataLoss("an event stands before the first activation");
  if (event.seq != state.last_seq.Next() || event.type >= state.pack->schema.event_types.size() ||
      event.fields.size() != state.pack->schema.event_types[event.type].fields.size()) {
    return DataLoss("the event with sequence " + std::to_string(event.seq.value()) +
                    " does not follow, or does not fit its pack");
  }
  const auto arrival = state.pack->features.EvaluateArrival(event, arena);
  if (!arrival.ok()) return DataLoss(arrival.status().message());
  state.Apply(event, key, *arrival, touches);
  ++events_folded_;
  return {};
}

namespace {

// Whether events touch the same entities under both packs, with the same fields.
bool SameEvents(const pack::Pack& a, const pack::Pack& b) {
  const auto same_names = [](const auto& x, const auto& y) {
    return std::equal(x.begin(), x.end(), y.begin(), y.end(),
                      [](const auto& p, const auto& q) { return p.name == q.name; });
  };
  if (!same_names(a.schema.entities, b.schema.entities) ||
      !same_names(a.schema.event_types, b.schema.event_types) ||
      a.schema.base_currency != b.schema.base_currency ||
      a.schema.bounds.late_ns != b.schema.bounds.late_ns ||
      a.schema.bounds.future_ns != b.schema.bounds.future_ns) {
    return false;
  }
  for (size_t i = 0; i < a.schema.event_types.size(); ++i) {
    const record::EventType& x = a.schema.event_types[i];
    const record::EventType& y = b.schema.event_types[i];
    if (x.reversible != y.reversible || x.reverses != y.reverses) return false;
    const bool same_fields =
        std::equal(x.fields.begin(), x.fields.end(), y.fields.begin(), y.fields.end(),
                   [](const record::FieldDecl& p, const record::FieldDecl& q) {
                     return p.name == q.name && p.kind == q.kind && p.scale == q.scale &&
                            p.protection == q.protection;
                   });
    const bool same_keys = std::equal(
        x.keys.begin(), x.keys.end(), y.keys.begin(), y.keys.end(),
        [](const auto& p, const auto& q) { return p.entity == q.entity && p.field == q.field; });
    if (!same_fields || !same_keys) return false;
  }
  return true;
}

// Whether the states of one type of entity that were made under one pack can be read and moved on
// under the other as they are, where events are the same.
bool SameFeatures(const pack::Pack& a, const pack::Pack& b, uint32_t entity) {
  const std::vector<uint32_t>& x = a.features.entity(entity).features;
  const std::vector<uint32_t>& y = b.features.entity(entity).features;
  return std::equal(x.begin(), x.end(), y.begin(), y.end(), [&](uint32_t p, uint32_t q) {
    return a.features.features()[p].definition == b.features.features()[q].definition;
  });
}

// By entity of the new pack: its states go on as they are.
std::vector<bool> CarriedOver(const pack::Pack& before, const pack::Pack& now) {
  std::vector<bool> carried(now.schema.entities.size());
  if (!SameEvents(before, now)) return carried;
  for (uint32_t entity = 0; entity < carried.size(); ++entity) {
    carried[entity] = SameFeatures(before, now, entity);
  }
  return carried;
}

}  // namespace

Status Core::SetPack(std::shared_ptr<const pack::Pack> pack, uint64_t frames) {
  if (state.pack == nullptr) {
    state.entities.Reset(pack->schema.entities.size());
    if (checkpoints_ != nullptr) checkpoints_->GiveStore(&state.entities);
  } else {
    CREDENCE_TRY(RebuildEntities(pack, CarriedOver(*state.pack, *pack), frames));
  }
  reads_.clear();
  for (const decision::DecisionPlan& plan : pack->decisions) {
    std::vector<feature::ReadSet> sets;
    for (uint32_t entity = 0; entity < pack->schema.entities.size(); ++entity) {
      std::vector<uint32_t> wanted;
      for (const decision::FeatureSlot& slot : plan.features) {
        if (pack->features.features()[slot.feature].entity == entity)
          wanted.push_back(slot.feature);
      }
      if (!wanted.empty()) sets.push_back(pack->features.Select(entity, wanted));
    }
    reads_.push_back(std::move(sets));
  }
  empty_.clear();
  for (uint32_t entity = 0; entity < pack->schema.entities.size(); ++entity) {
    empty_.push_back(std::make_unique<feature::EntityState>(pack->features, entity));
  }
  scratch_ = std::make_unique<decision::Scratch>(pack->zones.get());
  state.entities.SetPack(pack.get());
  state.pack = std::move(pack);
  state.DropExpired();
  return {};
}

// Windows of the new pack from the events that the journal holds, read again from its start.
Status Core::RebuildEntities(const std::shared_ptr<const pack::Pack>& pack,
                             std::vector<bool> carried, uint64_t frames) {
  const auto all = [&](bool value) {
    return std::all_of(carried.begin(), carried.end(), [=](bool one) { return one == value; });
  };
  if (all(true)) return {};
  if (checkpoints_ != nullptr) {
    // Nothing may wait for a checkpoint in a table that is taken apart.
    CREDENCE_TRY(checkpoints_->Finish());
    if (!checkpoints_->writes()) carried.assign(carried.size(), false);
  }
  const bool anew = all(false);
  State rebuilt;
  rebuilt.pack = pack;
  rebuilt.left_alone = carried;
  rebuilt.entities.Reset(pack->schema.entities.size());
  rebuilt.entities.SetPack(pack.get());
  if (checkpoints_ != nullptr) checkpoints_->GiveStore(&rebuilt.entities);
  if (frames > 0) CREDENCE_TRY(RebuildInto(&rebuilt, frames));
  if (!anew) {
    for (uint32_t entity = 0; entity < carried.size(); ++entity) {
      if (!carried[entity]) state.entities.Adopt(entity, &rebuilt.entities);
    }
    return {};
  }
  state.entities = std::move(rebuilt.entities);
  // Whom an event touched is another set under another pack, and entities may have other indices.
  state.reversible = std::move(rebuilt.reversible);
  state.reversible_by_stamp = std::move(rebuilt.reversible_by_stamp);
  std::set<Seq> may_be_reversed;
  for (const auto& [key, row] : state.reversible) may_be_reversed.insert(row.seq);
  state.money.ForgetUnless([&](Seq event) { return may_be_reversed.contains(event); });
  if (state.changes != nullptr) {
    DeleteAllReversible(state.changes);
    for (const auto& [key, row] : state.reversible) {
      PutReversible(key, row, pack->schema, state.changes);
    }
  }
  return {};
}

std::string BasePackPath(const std::string& folder, uint64_t frames) {
  return folder + "/base/" + std::to_string(frames) + ".pack";
}

Result<std::shared_ptr<const pack::Pack>> Core::PackBefore() const {
  CREDENCE_ASSIGN(const journal::Retired retired,
                  journal::ReadRetired(files_, folder_ + "/journal"));
  if (retired.before.frames == 0) return std::shared_ptr<const pack::Pack>();
  const std::string path = BasePackPath(folder_, retired.before.frames);
  CREDENCE_ASSIGN(const std::string bytes, ReadWholeFile(files_, path, Digest::kBytes));
  Digest digest;
  if (!Digest::FromRaw(bytes, &digest)) return DataLoss(path + " is damaged");
  return StoredPack(digest);
}

Status Core::RebuildInto(State* rebuilt, uint64_t frames) const {
  journal::ReadOptions options;
  options.first_segment = first_segment_;
  options.until_frame = frames;
  CREDENCE_ASSIGN(const auto reader,
                  journal::JournalReader::Open(files_, folder_ + "/journal", options));
  CREDENCE_ASSIGN(std::shared_ptr<const pack::Pack> from, PackBefore());
  journal::FrameView frame;
  while (true) {
    CREDENCE_ASSIGN(const bool more, reader->Next(&frame));
    if (!more) return {};
    if (frame.kind != journal::FrameKind::kBatch) continue;
    for (const std::string_view record : frame.records) {
      CREDENCE_TRY(RebuildFrom(record, &from, rebuilt));
    }
    CREDENCE_TRY(rebuilt->entities.status());
    if (checkpoints_ != nullptr) CREDENCE_TRY(checkpoints_->Spill(&rebuilt->entities));
  }
}

Status Core::RebuildFrom(std::string_view bytes, std::shared_ptr<const pack::Pack>* from,
                         State* rebuilt) const {
  Arena arena;
  CREDENCE_ASSIGN(const record::AnyRecord any, record::DecodeRecord(bytes, &arena));
  if (const auto* activation = std::get_if<record::Activation>(&any)) {
    CREDENCE_ASSIGN(*from, StoredPack(activation->pack));
    return {};
  }
  const auto* event = std::get_if<Event>(&any);
  if (event == nullptr || *from == nullptr) return {};
  const auto translated = Translate(*event, (*from)->schema, rebuilt->pack->schema, &arena);
  if (!translated) return {};
  const auto arrival = rebuilt->pack->features.EvaluateArrival(*translated, &arena);
  if (!arrival.ok()) return DataLoss(arrival.status().message());
  rebuilt->ApplyWindows(*translated, EventKey::Of(translated->source, translated->id), *arrival);
  return {};
}

void Core::SourcesOf(const Event& event, std::vector<Source>* sources) const {
  sources->clear();
  std::vector<EntityRef> touched;
  state.Touched(event, &touched);
  for (const EntityRef& ref : touched) sources->push_back({ref.entity, state.entities.Find(ref)});
}

void Core::Decide(const Event& event, std::span<const Source> sources,
                  record::DecisionRecord* record) {
  const pack::Pack& pack = *state.pack;
  const decision::DecisionPlan& plan =
      pack.decisions[*pack.schema.event_types[event.type].decision];
  slots_.assign(plan.slots.size(), Value::Absent());
  features_.resize(pack.features.features().size());  // what is looked at is read below
  const feature::ReadPoint at{event.time, event.seq};
  for (const feature::ReadSet& set : reads_[plan.index]) {
    const feature::EntityState* read = empty_[set.entity()].get();
    for (const Source& source : sources) {
      if (source.entity == set.entity()) read = source.state;
    }
    read->Read(pack.features, at, set, features_);
  }
  for (const decision::FeatureSlot& slot : plan.features)
    slots_[slot.slot] = features_[slot.feature];
  for (const decision::FieldSlot& slot : plan.fields) slots_[slot.slot] = event.fields[slot.field];
  state.money.ReadSlots(pack, plan, event, slots_);
  decision::Request request;
  request.seq = event.seq;
  request.time = event.time;
  request.killed = state.Killed(plan.name);
  if (observer) {
    std::vector<Value> all(pack.features.features().size());
    for (uint32_t entity = 0; entity < empty_.size(); ++entity) {
      const feature::EntityState* read = empty_[entity].get();
      for (const Source& source : sources) {
        if (source.entity == entity) read = source.state;
      }
      read->Read(pack.features, at, all);
    }
    observer(plan, event, all);
  }
  decision::Decide(plan, request, slots_, scratch_.get(), record);
}

Result<record::DecisionRecord> Core::Resume(const record::Answer& answer) {
  const auto waiting = state.parked.find(answer.parked_seq);
  if (waiting == state.parked.end() || waiting->second.source != answer.source) {
    return NotFound("no decision of event " + std::to_string(answer.parked_seq.value()) +
                    " waits for '" + answer.source + "'");
  }
  CREDENCE_ASSIGN(const record::DecisionRecord parked,
                  record::DecodeDecision(waiting->second.decision));
  // A decision is finished under the pack that began it.
  const std::shared_ptr<const pack::Pack> pack = waiting->second.pack;
  if (parked.decision >= pack->decisions.size()) {
    return DataLoss("the parked decision " + parked.Id() + " does not fit its pack");
  }
  const decision::DecisionPlan& plan = pack->decisions[parked.decision];
  const bool killed = state.Killed(plan.name);
  if (pack == state.pack) return decision::Resume(plan, parked, answer, scratch_.get(), killed);
  decision::Scratch scratch(pack->zones.get());
  return decision::Resume(plan, parked, answer, &scratch, killed);
}

std::optional<std::vector<std::pair<std::string, Value>>> Core::ReadEntity(std::string_view entity,
                                                                           std::string_view key,
                                                                           Timestamp at) const {
  if (state.pack == nullptr) return std::nullopt;
  const auto index = state.pack->schema.EntityIndex(entity);
  if (!index) return std::nullopt;
  const feature::EntityState* read = state.entities.Find(EntityRef{*index, key});
  if (read == nullptr) return std::nullopt;
  const feature::FeaturePlan& plan = state.pack->features;
  std::vector<Value> values(plan.features().size());
  read->Read(plan, {at, Seq(UINT64_MAX)}, values);
  std::vector<std::pair<std::string, Value>> named;
  for (const uint32_t feature : plan.entity(*index).features) {
    named.emplace_back(plan.features()[feature].slot.name, values[feature]);
  }
  return named;
}

}  // namespace credence::engine
