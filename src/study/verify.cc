#include "src/study/verify.h"

#include "src/engine/core.h"
#include "src/journal/retired.h"
#include "src/study/claim.h"

namespace credence::study {

namespace {

using record::DecisionRecord;

// The first thing in which two records of one decision differ; empty if none.
std::string Difference(const DecisionRecord& recorded, const DecisionRecord& again,
                       const decision::DecisionPlan& plan) {
  const auto differs = [](const std::string& what, const std::string& a, const std::string& b) {
    return what + ": recorded " + (a.empty() ? "nothing" : a) + ", computed again " +
           (b.empty() ? "nothing" : b);
  };
  if (recorded.decision != again.decision) return "the decision that was asked for";
  const size_t slots = std::min(recorded.slots.size(), again.slots.size());
  for (size_t i = 0; i < slots; ++i) {
    const record::SlotValue& a = recorded.slots[i];
    const record::SlotValue& b = again.slots[i];
    if (a.slot != b.slot) return "the slots kept are not those of the plan";
    if (a.value == b.value) continue;
    return differs("slot " + plan.slots.at(a.slot).name, ToString(a.value), ToString(b.value));
  }
  if (recorded.slots.size() != again.slots.size())
    return "the slots kept are not those of the plan";
  if (recorded.outcome != again.outcome) return differs("outcome", recorded.outcome, again.outcome);
  if (recorded.path != again.path) return "the path to the outcome";
  if (recorded.needs != again.needs) return differs("needs", recorded.needs, again.needs);
  if (recorded.failure != again.failure) return differs("failure", recorded.failure, again.failure);
  const auto number = [](const std::optional<Decimal>& value) {
    return value ? value->ToString() : "";
  };
  if (number(recorded.score) != number(again.score)) {
    return differs("score", number(recorded.score), number(again.score));
  }
  if (number(recorded.probability_of_default) != number(again.probability_of_default)) {
    return differs("probability of default", number(recorded.probability_of_default),
                   number(again.probability_of_default));
  }
  const auto join = [](const std::vector<std::string>& codes) {
    std::string text;
    for (const std::string& code : codes) text += (text.empty() ? "" : " ") + code;
    return text;
  };
  if (recorded.reasons != again.reasons)
    return differs("reasons", join(recorded.reasons), join(again.reasons));
  if (recorded.matched_rules != again.matched_rules) return "the matched rules";
  if (recorded.limit != again.limit) return "the limit";
  if (recorded.offer != again.offer) return differs("offer", recorded.offer, again.offer);
  std::string a;
  std::string b;
  record::EncodeDecision(recorded, &a);
  record::EncodeDecision(again, &b);
  return a == b ? "" : "the stored form";
}

// Folds a journal and decides again beside it.
class Verifier {
 public:
  Verifier(FileSystem& files, const std::string& folder, VerifyReport* report)
      : core_(files, folder, 0), files_(files), folder_(folder), report_(*report) {}

  // The state before the first frame.
  Status Start(const VerifyOptions& options);
  // Leaves the state in the scratch.
  Status Keep() { return core_.checkpoints()->Finish(); }
  Status Frame(const journal::FrameView& frame);
  [[nodiscard]] const engine::State& state() const { return core_.state; }

 private:
  Status Record(std::string_view bytes, uint64_t frame);
  void Check(const DecisionRecord& recorded);
  void CheckTimers(const record::Timers& recorded);
  void Compare(const DecisionRecord& recorded, const decision::DecisionPlan& plan,
               const Result<DecisionRecord>& again, const char* how);
  void Report(Seq seq, std::string what);
  // What was asked for and stays without an answer.
  void ReportMissing();
  [[nodiscard]] bool AsksFor(const record::Event& event) const {
    return core_.state.pack->schema.event_types[event.type].decision.has_value();
  }

  engine::Core core_;
  FileSystem& files_;
  std::string folder_;
  VerifyReport& report_;
  Arena arena_;
  // What the next decision record is about.
  std::optional<record::Event> event_;
  std::optional<record::Answer> answer_;
  Seq asked_;  // the sequence whose decision must come next; 0 for none
  std::vector<engine::Core::Source> sources_;
};

Status Verifier::Start(const VerifyOptions& options) {
  CREDENCE_ASSIGN(const journal::Retired retired,
                  journal::ReadRetired(files_, folder_ + "/journal"));
  report_.retired = retired.before;
  const engine::CheckpointOptions& scratch = options.scratch;
  const bool starts = options.scratch_use == ScratchUse::kStartAndKeep;
  if (retired.before.frames > 0 && !starts) {
    return StartAtRetained(files_, folder_, options.base, scratch.cache_bytes, &core_).status();
  }
  if (scratch.backing == nullptr) return {};
  if (!starts) CREDENCE_TRY(scratch.backing->Destroy());
  std::string damage;
  return core_.OpenCheckpoints(scratch, /*read_only=*/false, &damage).status();
}

Status Verifier::Frame(const journal::FrameView& frame) {
  ++report_.frames;
  if (frame.kind == journal::FrameKind::kBatch) {
    arena_.Reset();
    event_.reset();
    answer_.reset();
    for (const std::string_view record : frame.records) CREDENCE_TRY(Record(record, frame.index));
    ReportMissing();
  }
  CREDENCE_TRY(core_.state.entities.status());
  core_.AtBoundary();
  core_.OnDisk({frame.index, frame.last_seq, frame.chain});
  return {};
}

Status Verifier::Record(std::string_view bytes, uint64_t frame) {
  CREDENCE_ASSIGN(const record::AnyRecord any, record::DecodeRecord(bytes, &arena_));
  if (const auto* recorded = std::get_if<DecisionRecord>(&any)) {
    ++report_.decisions;
    Check(*recorded);
  } else {
    ReportMissing();
  }
  if (const auto* timers = std::get_if<record::Timers>(&any)) {
    report_.timers += timers->items.size();
    CheckTimers(*timers);
  }
  CREDENCE_TRY(core_.Fold(bytes, frame, &arena_));
  if (const auto* event = std::get_if<record::Event>(&any)) {
    ++report_.events;
    event_ = *event;
    if (record::ContentDigest(*event, core_.state.pack->schema) != event->digest) {
      Report(event->seq, "the event does not have the content that its digest names");
    }
    if (AsksFor(*event)) asked_ = event->seq;
  }
  if (const auto* answer = std::get_if<record::Answer>(&any)) {
    answer_ = *answer;
    asked_ = answer->seq;
  }
  return {};
}

void Verifier::ReportMissing() {
  if (asked_ == Seq()) return;
  Report(asked_, "a decision was asked for, but none stands behind it");
  asked_ = Seq();
}

// What fired is what was due first, with the amounts that were overdue. Folding says whether the
// transfers are those that follow.
void Verifier::CheckTimers(const record::Timers& recorded) {
  if (core_.state.pack == nullptr) return;
  const auto due =
      core_.state.money.DueTimers(*core_.state.pack, recorded.stamp, recorded.items.size());
  for (size_t i = 0; i < recorded.items.size(); ++i) {
    const record::TimerItem& item = recorded.items[i];
    const std::string which = "timer " + std::to_string(i + 1) + " of the record: ";
    if (i == due.size()) return Report(recorded.seq, which + "computed again, it is not due");
    record::TimerItem again = due[i];
    if (again.Order() != item.Order()) {
      return Report(recorded.seq, which + "computed again, another one is due before it");
    }
    again.transfers = item.transfers;
    again.refused = item.refused;
    if (again != item) Report(recorded.seq, which + "computed again, its amounts are others");
  }
}

void Verifier::Check(const DecisionRecord& recorded) {
  const bool asked = recorded.seq == asked_;
  if (!asked) ReportMissing();
  asked_ = Seq();
  const auto pack = core_.state.PackOf(recorded);
  if (pack == nullptr || recorded.decision >= pack->decisions.size()) {
    return Report(recorded.seq, "no pack that is in force has this decision");
  }
  const decision::DecisionPlan& plan = pack->decisions[recorded.decision];
  if (pack == core_.state.pack) {
    const auto again = decision::DecideAgain(plan, recorded, core_.scratch());
    Compare(recorded, plan, again, "from its own slots");
  } else {
    decision::Scratch scratch(pack->zones.get());
    Compare(recorded, plan, decision::DecideAgain(plan, recorded, &scratch), "from its own slots");
  }
  if (!asked) {
    Report(recorded.seq, "no event or answer before it asks for it");
  } else if (event_ && event_->seq == recorded.seq) {
    core_.SourcesOf(*event_, &sources_);
    DecisionRecord again;
    core_.Decide(*event_, sources_, &again);
    Compare(recorded, plan, std::move(again), "from the events before it");
  } else {
    Compare(recorded, plan, core_.Resume(*answer_), "from the answer");
  }
}

void Verifier::Compare(const DecisionRecord& recorded, const decision::DecisionPlan& plan,
                       const Result<DecisionRecord>& again, const char* how) {
  if (!again.ok()) return Report(recorded.seq, again.status().message());
  const std::string what = Difference(recorded, *again, plan);
  if (!what.empty()) Report(recorded.seq, std::string(how) + ": " + what);
}

void Verifier::Report(Seq seq, std::string what) {
  ++report_.mismatches;
  if (report_.first.size() >= kMismatchesMax) return;
  const std::string event = event_ && event_->seq == seq ? std::string(event_->id) : "";
  report_.first.push_back({seq, DecisionRecord::IdFor(seq), event, std::move(what)});
}

}  // namespace

Result<VerifyReport> Verify(FileSystem& files, const std::string& folder,
                            const VerifyOptions& options) {
  VerifyReport report;
  const Claim claim = ReadClaim(files, folder, options.checkpoint, &report.checkpoint_problem);
  report.checkpoint = claim.head;
  Verifier verifier(files, folder, &report);
  CREDENCE_TRY(verifier.Start(options));
  journal::ReadOptions reading;
  reading.until_frame = options.until_frame;
  CREDENCE_ASSIGN(const auto reader,
                  journal::JournalReader::Open(files, folder + "/journal", reading));
  journal::FrameView frame;
  while (true) {
    CREDENCE_ASSIGN(const bool more, reader->Next(&frame));
    if (!more) break;
    const Status status = verifier.Frame(frame);
    if (!status.ok()) {
      return status.WithContext("segment " + std::to_string(frame.segment) + " offset " +
                                std::to_string(frame.offset));
    }
    CheckClaim(claim, frame, verifier.state(), &report.checkpoint_problem);
    if (options.on_progress) options.on_progress(report.events);
  }
  CheckClaimIsReached(claim, report.retired.frames + report.frames, &report.checkpoint_problem);
  report.tail = reader->tail();
  report.state_hash = verifier.state().Hash();
  if (verifier.state().pack != nullptr) report.pack = verifier.state().pack->digest;
  report.rows = verifier.state().CountRows();
  if (options.scratch_use != ScratchUse::kRemoved) CREDENCE_TRY(verifier.Keep());
  CREDENCE_TRY(verifier.state().entities.status());
  report.sealed = reader->last_frame().sealed();
  if (report.sealed) {
    const std::string& seal = reader->seal();
    if (seal.size() != Digest::kBytes + 1 ||
        !Digest::FromRaw(seal.substr(1), &report.sealed_hash)) {
      return DataLoss("the journal's seal does not hold a state hash");
    }
  }
  return report;
}

Status Explain(FoundDecision* found) {
  if (found->record.decision >= found->pack->decisions.size())
    return DataLoss("the decision does not fit its pack");
  decision::Scratch scratch(found->pack->zones.get());
  return decision::DecideAgain(found->pack->decisions[found->record.decision], found->record,
                               &scratch, &found->explanation)
      .status();
}

Result<FoundDecision> FindDecision(FileSystem& files, const std::string& folder, Seq seq) {
  const engine::ArtefactStore artefacts(files, folder + "/artefacts");
  CREDENCE_ASSIGN(const auto reader, journal::JournalReader::Open(files, folder + "/journal"));
  Arena arena;
  journal::FrameView frame;
  FoundDecision found;
  while (true) {
    CREDENCE_ASSIGN(const bool more, reader->Next(&frame));
    if (!more) break;
    if (frame.kind != journal::FrameKind::kBatch || frame.last_seq < seq || frame.first_seq > seq)
      continue;
    for (const std::string_view bytes : frame.records) {
      CREDENCE_ASSIGN(record::AnyRecord any, record::DecodeRecord(bytes, &arena));
      if (const auto* event = std::get_if<record::Event>(&any);
          event != nullptr && event->seq == seq) {
        found.event_id = event->id;
        found.event_source = event->source;
        found.stamp = event->stamp;
      }
      auto* decision = std::get_if<DecisionRecord>(&any);
      if (decision == nullptr || decision->seq != seq) continue;
      CREDENCE_ASSIGN(found.pack, engine::LoadStoredPack(artefacts, decision->pack));
      found.record = std::move(*decision);
      CREDENCE_TRY(Explain(&found));
      return found;
    }
  }
  const journal::ChainHead& retired = reader->start();
  return NotFound(
      "the journal holds no decision " + DecisionRecord::IdFor(seq) +
      (seq <= retired.last_seq
           ? ": sequences up to " + std::to_string(retired.last_seq.value()) + " were retired"
           : ""));
}

}  // namespace credence::study
