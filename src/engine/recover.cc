// The part of Engine that makes the state of the journal: folding at open, and the change from one
// pack to the next.

#include <algorithm>

#include "src/base/bytes.h"
#include "src/engine/engine.h"
#include "src/journal/reader.h"

namespace credence::engine {

using record::Event;

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

Status Engine::Recover() {
  CREDENCE_TRY(files_.MakeFolders(folder_));
  journal::Options options = options_.journal;
  options.on_frame = [this](const journal::FrameView& frame) {
    const Status status = FoldFrame(frame);
    if (!status.ok()) {
      return status.WithContext("segment " + std::to_string(frame.segment) + " offset " +
                                std::to_string(frame.offset));
    }
    if (options_.on_progress) options_.on_progress(report_.events);
    return status;
  };
  CREDENCE_ASSIGN(journal_, journal::Journal::Open(files_, folder_ + "/journal", options));
  report_.sealed = journal_->opened().sealed;
  report_.cut = journal_->opened().cut;
  if (report_.sealed) {
    const std::string& seal = journal_->opened().seal;
    Digest sealed;
    if (seal.size() != Digest::kBytes + 1 || !Digest::FromRaw(seal.substr(1), &sealed)) {
      return DataLoss("the journal's seal does not hold a state hash");
    }
    report_.state_matches_seal = sealed == state_.Hash();
  }
  return {};
}

Status Engine::FoldFrame(const journal::FrameView& frame) {
  frames_folded_ = frame.index;
  if (frame.kind != journal::FrameKind::kBatch) return {};
  arena_.Reset();
  for (const std::string_view record : frame.records) CREDENCE_TRY(Fold(record));
  if (state_.last_seq != frame.last_seq) {
    return DataLoss("the frame ends with sequence " + std::to_string(frame.last_seq.value()) +
                    " but its records with " + std::to_string(state_.last_seq.value()));
  }
  return {};
}

Status Engine::Fold(std::string_view bytes) {
  CREDENCE_ASSIGN(const record::AnyRecord any, record::DecodeRecord(bytes, &arena_));
  if (const auto* event = std::get_if<Event>(&any)) return FoldEvent(*event);
  if (const auto* decided = std::get_if<record::DecisionRecord>(&any)) {
    ++report_.decisions;
    state_.ApplyDecision(*decided, bytes);
    return {};
  }
  const auto advance = [this](Seq seq, Timestamp stamp) {
    if (seq != state_.last_seq.Next()) {
      return DataLoss("expected sequence " + std::to_string(state_.last_seq.value() + 1) +
                      ", found " + std::to_string(seq.value()));
    }
    state_.last_seq = seq;
    state_.last_stamp = stamp;
    return OkStatus();
  };
  if (const auto* activation = std::get_if<record::Activation>(&any)) {
    CREDENCE_ASSIGN(auto pack, LoadStoredPack(artefacts_, activation->pack));
    CREDENCE_TRY(SetPack(std::move(pack)));
    return advance(activation->seq, activation->stamp);
  }
  if (const auto* kill_switch = std::get_if<record::KillSwitch>(&any)) {
    state_.kill_switches[kill_switch->decision] = kill_switch->on;
    return advance(kill_switch->seq, kill_switch->stamp);
  }
  if (const auto* rate = std::get_if<record::Rate>(&any)) {
    state_.rates[rate->from] = rate->rate;
    return advance(rate->seq, rate->stamp);
  }
  const auto& answer = std::get<record::Answer>(any);
  return advance(answer.seq, answer.stamp);
}

Status Engine::FoldEvent(const Event& event) {
  if (state_.pack == nullptr) return DataLoss("an event stands before the first activation");
  if (event.seq != state_.last_seq.Next() || event.type >= state_.pack->schema.event_types.size() ||
      event.fields.size() != state_.pack->schema.event_types[event.type].fields.size()) {
    return DataLoss("the event with sequence " + std::to_string(event.seq.value()) +
                    " does not follow, or does not fit its pack");
  }
  const auto arrival = state_.pack->features.EvaluateArrival(event, &arena_);
  if (!arrival.ok()) return DataLoss(arrival.status().message());
  state_.Apply(event, *arrival);
  ++report_.events;
  return {};
}

namespace {

// Whether entity states made under one pack can be read and moved on under the other as they are.
bool SameEntities(const pack::Pack& a, const pack::Pack& b) {
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
  const auto& x = a.features.features();
  const auto& y = b.features.features();
  return std::equal(x.begin(), x.end(), y.begin(), y.end(),
                    [](const auto& p, const auto& q) { return p.definition == q.definition; });
}

}  // namespace

Status Engine::SetPack(std::shared_ptr<const pack::Pack> pack) {
  if (state_.pack == nullptr) {
    state_.entities.Reset(pack->schema.entities.size());
  } else if (!SameEntities(*state_.pack, *pack)) {
    CREDENCE_TRY(RebuildEntities(pack));
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
  state_.pack = std::move(pack);
  return {};
}

// Windows of the new pack from the events that the journal holds, read again from its start.
Status Engine::RebuildEntities(const std::shared_ptr<const pack::Pack>& pack) {
  State rebuilt;
  rebuilt.pack = pack;
  rebuilt.entities.Reset(pack->schema.entities.size());
  journal::ReadOptions options;
  options.first_segment = options_.journal.first_segment;
  // While folding, the frame that holds the activation is read already: stop before it.
  options.until_frame = journal_ != nullptr ? journal_->head().frames : frames_folded_ - 1;
  if (options.until_frame > 0) {
    CREDENCE_ASSIGN(const auto reader,
                    journal::JournalReader::Open(files_, folder_ + "/journal", options));
    std::shared_ptr<const pack::Pack> from;
    journal::FrameView frame;
    while (true) {
      CREDENCE_ASSIGN(const bool more, reader->Next(&frame));
      if (!more) break;
      if (frame.kind != journal::FrameKind::kBatch) continue;
      for (const std::string_view record : frame.records) {
        CREDENCE_TRY(RebuildFrom(record, &from, &rebuilt));
      }
    }
  }
  state_.entities = std::move(rebuilt.entities);
  return {};
}

Status Engine::RebuildFrom(std::string_view bytes, std::shared_ptr<const pack::Pack>* from,
                           State* rebuilt) const {
  Arena arena;
  CREDENCE_ASSIGN(const record::AnyRecord any, record::DecodeRecord(bytes, &arena));
  if (const auto* activation = std::get_if<record::Activation>(&any)) {
    CREDENCE_ASSIGN(*from, LoadStoredPack(artefacts_, activation->pack));
    return {};
  }
  const auto* event = std::get_if<Event>(&any);
  if (event == nullptr || *from == nullptr) return {};
  const auto translated = Translate(*event, (*from)->schema, rebuilt->pack->schema, &arena);
  if (!translated) return {};
  const auto arrival = rebuilt->pack->features.EvaluateArrival(*translated, &arena);
  if (!arrival.ok()) return DataLoss(arrival.status().message());
  rebuilt->ApplyWindows(*translated, *arrival);
  return {};
}

}  // namespace credence::engine
