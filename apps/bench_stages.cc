#include "apps/bench_stages.h"

#include <algorithm>
#include <chrono>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "src/api/gate.h"
#include "src/base/memory_file.h"
#include "src/decision/decide.h"
#include "src/engine/state.h"
#include "src/journal/journal.h"
#include "src/record/slots_codec.h"

namespace credence::apps {

namespace {

using Clock = std::chrono::steady_clock;

class Stages {
 public:
  Stages(std::shared_ptr<const pack::Pack> pack, double clock_ns)
      : clock_ns_(clock_ns), gate_(pack->schema, nullptr), scratch_(pack->zones.get()) {
    state_.pack = std::move(pack);
    state_.entities.Reset(state_.pack->schema.entities.size());
    state_.last_seq = Seq(1);  // of the activation, in an engine
    const decision::DecisionPlan& plan = state_.pack->decisions.front();
    for (uint32_t entity = 0; entity < state_.pack->schema.entities.size(); ++entity) {
      std::vector<uint32_t> wanted;
      for (const decision::FeatureSlot& slot : plan.features) {
        if (state_.pack->features.features()[slot.feature].entity == entity) {
          wanted.push_back(slot.feature);
        }
      }
      reads_.push_back(state_.pack->features.Select(entity, wanted));
    }
  }

  Status OpenJournals(FileSystem& disk, const std::string& folder) {
    CREDENCE_TRY(disk.MakeFolders(folder));
    CREDENCE_ASSIGN(on_disk_, journal::Journal::Open(disk, folder + "/journal"));
    CREDENCE_TRY(memory_.MakeFolders("stages"));
    CREDENCE_ASSIGN(in_memory_, journal::Journal::Open(memory_, "stages/journal"));
    // The activation's place.
    CREDENCE_TRY(Append(in_memory_.get(), {"-"}));
    return Append(on_disk_.get(), {"-"});
  }

  Status Batch(const std::vector<std::string>& texts, Sha256Stream* hash) {
    arena_.Reset();
    arrivals_.Reset();
    events_.assign(texts.size(), {});
    records_.clear();
    last_ = Clock::now();
    for (size_t i = 0; i < texts.size(); ++i) {
      api::Problem problem;
      if (!gate_.Parse(texts[i], &arena_, &events_[i], &problem)) {
        return InvalidArgument(problem.field + ": " + problem.expected);
      }
    }
    Lap(StageName::kGate);
    for (record::Event& event : events_) CREDENCE_TRY(One(&event, hash));
    const std::vector<std::string_view> views(records_.begin(), records_.end());
    last_ = Clock::now();
    CREDENCE_TRY(Append(in_memory_.get(), views));
    Lap(StageName::kAppendMemory);
    CREDENCE_TRY(Append(on_disk_.get(), views));
    Lap(StageName::kAppendDisk);
    return {};
  }

  [[nodiscard]] const std::array<double, kStages>& ns() const { return ns_; }

 private:
  void Lap(StageName stage) {
    const Clock::time_point now = Clock::now();
    ns_[static_cast<size_t>(stage)] +=
        std::chrono::duration<double, std::nano>(now - last_).count() - clock_ns_;
    last_ = now;
  }

  Status Append(journal::Journal* journal, std::span<const std::string_view> records) {
    const auto head = journal->Append(state_.last_seq, records);
    return head.status();
  }
  Status Append(journal::Journal* journal, std::initializer_list<std::string_view> records) {
    return Append(journal, std::span(records.begin(), records.size()));
  }

  Status One(record::Event* event, Sha256Stream* hash) {
    last_ = Clock::now();
    event->stamp = std::max(Timestamp{state_.last_stamp.ns + 1}, event->time);
    event->seq = state_.last_seq.Next();
    const engine::EventKey key = engine::EventKey::Of(event->source, event->id);
    if (state_.once.Find(key) != nullptr) {
      return InvalidArgument("the stream repeats an event");
    }
    Lap(StageName::kOnce);
    const auto arrival = state_.pack->features.EvaluateArrival(*event, &arrivals_);
    if (!arrival.ok()) return arrival.status();
    Lap(StageName::kArrival);
    state_.last_seq = event->seq;
    state_.last_stamp = event->stamp;
    state_.ApplyWindows(*event, key, *arrival);
    Lap(StageName::kWindows);
    state_.once.Add(key, event->digest, event->seq, event->time);
    state_.DropExpired();
    Lap(StageName::kOnce);
    std::string encoded;
    record::EncodeEvent(*event, &encoded);
    records_.push_back(std::move(encoded));
    Lap(StageName::kEncodeEvent);
    return Decide(*event, hash);
  }

  Status Decide(const record::Event& event, Sha256Stream* hash) {
    const pack::Pack& pack = *state_.pack;
    const decision::DecisionPlan& plan = pack.decisions.front();
    last_ = Clock::now();
    slots_.assign(plan.slots.size(), record::Value::Absent());
    features_.assign(pack.features.features().size(), record::Value::Absent());
    state_.Touched(event, &touched_);
    for (const engine::EntityRef& ref : touched_) {
      state_.entities.Find(ref)->Read(pack.features, {event.time, event.seq}, reads_[ref.entity],
                                      features_);
    }
    for (const decision::FeatureSlot& slot : plan.features) {
      slots_[slot.slot] = features_[slot.feature];
    }
    for (const decision::FieldSlot& slot : plan.fields) {
      slots_[slot.slot] = event.fields[slot.field];
    }
    Lap(StageName::kRead);
    decision::Request request;
    request.seq = event.seq;
    request.time = event.time;
    decision::Decide(plan, request, slots_, &scratch_, &decided_);
    Lap(StageName::kDecide);
    std::string encoded;
    record::EncodeDecision(decided_, &encoded);
    records_.push_back(std::move(encoded));
    Lap(StageName::kEncodeDecision);
    AddDecision(decided_, hash);
    return {};
  }

  double clock_ns_;
  api::Gate gate_;
  decision::Scratch scratch_;
  record::DecisionRecord decided_;
  engine::State state_;
  std::vector<feature::ReadSet> reads_;
  MemoryFileSystem memory_;
  std::unique_ptr<journal::Journal> in_memory_;
  std::unique_ptr<journal::Journal> on_disk_;
  Clock::time_point last_;
  std::array<double, kStages> ns_{};
  // Of the batch and the event.
  Arena arena_;
  Arena arrivals_;
  std::vector<record::Event> events_;
  std::vector<std::string> records_;
  std::vector<record::Value> slots_;
  std::vector<record::Value> features_;
  std::vector<engine::EntityRef> touched_;
};

}  // namespace

void AddDecision(const record::DecisionRecord& decision, Sha256Stream* hash) {
  std::string bytes;
  record::EncodePlainDecision(decision, &bytes);
  hash->Update(bytes);
}

Result<StageTimes> TimeStages(const std::shared_ptr<const pack::Pack>& pack, FileSystem& disk,
                              const std::string& folder, const OrderStreamOptions& options,
                              uint64_t events, size_t batch, double clock_ns) {
  OrderStream stream(options);
  Stages stages(pack, clock_ns);
  CREDENCE_TRY(stages.OpenJournals(disk, folder));
  Sha256Stream hash;
  std::vector<std::string> texts;
  for (uint64_t done = 0; done < events; done += texts.size()) {
    texts.resize(std::min<uint64_t>(batch, events - done));
    for (std::string& text : texts) stream.Next(&text);
    CREDENCE_TRY(stages.Batch(texts, &hash));
  }
  StageTimes times;
  times.decisions = hash.Finish();
  for (size_t i = 0; i < kStages; ++i) times.ns[i] = stages.ns()[i] / static_cast<double>(events);
  return times;
}

}  // namespace credence::apps
