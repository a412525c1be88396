// Credence itself: the engine in this process, its journal on disk, checkpoints in the background.

#include <unistd.h>

#include <algorithm>
#include <deque>
#include <filesystem>

#include "apps/bench_stream.h"
#include "apps/checkpoints.h"
#include "bench/peers/peer.h"
#include "src/engine/engine.h"
#include "src/journal/posix_file.h"

namespace credence::bench {

namespace {

class CredencePeer final : public Peer {
 public:
  CredencePeer(std::shared_ptr<const pack::Pack> pack, PeerOptions options)
      : pack_(std::move(pack)),
        options_(std::move(options)),
        decider_(pack_),
        resident_before_(ProcessBytes(getpid())) {}
  CredencePeer(const CredencePeer&) = delete;
  CredencePeer& operator=(const CredencePeer&) = delete;
  ~CredencePeer() override {
    engine_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(options_.folder, ignored);
  }

  Status Open() {
    engine::Options options;
    options.own_journal_thread = true;
    options.checkpoints.every_events = options_.checkpoint_events;
    if (options_.checkpoint_events > 0) {
      options.checkpoints.backing = apps::CheckpointsOf(options_.folder);
    }
    CREDENCE_ASSIGN(engine_, engine::Engine::Open(files_, options_.folder, options));
    return engine_->Activate(pack_, "peers", "",
                             Timestamp{apps::OrderStream::kStart.ns - kNsPerHour});
  }

  std::string name() const override { return "credence"; }
  std::string version() const override {
    return "one engine thread, one journal thread, batches of 256, fdatasync a batch, a checkpoint "
           "every " +
           std::to_string(options_.checkpoint_events) + " events";
  }
  size_t in_flight() const override { return engine::kEventsInFlightMax + engine::kBatchEventsMax; }

  Status Preload(std::span<const std::string> texts) override {
    return Feed(texts, false, nullptr);
  }
  Status Run(std::span<const std::string> texts, uint64_t /*first_seq*/, bool alone,
             Recorder* recorder) override {
    return Feed(texts, alone, recorder);
  }

  Result<Footprint> Measure() override {
    Footprint footprint;
    const uint64_t resident = ProcessBytes(getpid());
    footprint.memory_bytes = resident - std::min(resident, resident_before_);
    const journal::Journal& journal = engine_->journal();
    footprint.log_bytes =
        (journal.segment_number() - 1) * journal::kSegmentBytesDefault + journal.segment_bytes();
    if (engine_->checkpoints() != nullptr) {
      footprint.data_bytes = engine_->checkpoints()->store().disk_bytes();
    }
    return footprint;
  }

 private:
  struct Batch {
    Arena arena;
    std::vector<record::Event> events;
    size_t first = 0;  // index in the run
    Clock::time_point began;
  };

  Status Feed(std::span<const std::string> texts, bool alone, Recorder* recorder) {
    const size_t batch_events = alone ? 1 : engine::kBatchEventsMax;
    size_t next = 0;
    while (next < texts.size() || !in_flight_.empty()) {
      const bool room = alone ? in_flight_.empty() : engine_->MayBegin();
      if (next == texts.size() || !room) {
        CREDENCE_TRY(End(recorder));
        continue;
      }
      const size_t count = std::min(batch_events, texts.size() - next);
      CREDENCE_TRY(Begin(texts.subspan(next, count), next));
      next += count;
    }
    return {};
  }

  Status Begin(std::span<const std::string> texts, size_t first) {
    std::unique_ptr<Batch> batch;
    if (spare_.empty()) {
      batch = std::make_unique<Batch>();
    } else {
      batch = std::move(spare_.back());
      spare_.pop_back();
    }
    batch->arena.Reset();
    batch->events.clear();
    batch->first = first;
    batch->began = Clock::now();
    for (const std::string& text : texts) {
      Order order;
      CREDENCE_TRY(decider_.Parse(text, 0, &batch->arena, &order));
      batch->events.push_back(order.event);
    }
    CREDENCE_TRY(engine_->Begin(batch->events, engine::Arrival::kHistory, Timestamp{}));
    in_flight_.push_back(std::move(batch));
    return {};
  }

  Status End(Recorder* recorder) {
    CREDENCE_ASSIGN(const auto outcomes, engine_->End());
    std::unique_ptr<Batch> batch = std::move(in_flight_.front());
    in_flight_.pop_front();
    for (size_t i = 0; i < outcomes.size(); ++i) {
      if (outcomes[i].kind != engine::Outcome::Kind::kDecided) {
        return InvalidArgument("an event of the stream was not decided: " + outcomes[i].expected);
      }
      if (recorder == nullptr) continue;
      recorder->Answered(batch->began);
      std::vector<record::Value> features;
      if (recorder->Samples(batch->first + i)) {
        decider_.FeaturesOf(*outcomes[i].decision, &features);
      }
      recorder->Decided(batch->first + i, outcomes[i].decision->outcome, std::move(features));
    }
    spare_.push_back(std::move(batch));
    return {};
  }

  std::shared_ptr<const pack::Pack> pack_;
  PeerOptions options_;
  journal::PosixFileSystem files_;
  Decider decider_;
  uint64_t resident_before_;
  std::deque<std::unique_ptr<Batch>> in_flight_;
  std::vector<std::unique_ptr<Batch>> spare_;
  // Last: it uses what stands above.
  std::unique_ptr<engine::Engine> engine_;
};

}  // namespace

Result<std::unique_ptr<Peer>> StartCredence(std::shared_ptr<const pack::Pack> pack,
                                            const PeerOptions& options) {
  auto peer = std::make_unique<CredencePeer>(std::move(pack), options);
  CREDENCE_TRY(peer->Open());
  return std::unique_ptr<Peer>(std::move(peer));
}

}  // namespace credence::bench
