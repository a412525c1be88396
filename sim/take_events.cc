#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <mutex>

#include "sim/kill_sim.h"
#include "sim/stall.h"
#include "src/api/gate.h"
#include "src/engine/engine.h"
#include "src/journal/posix_file.h"
#include "src/store/rocks_store.h"

namespace credence::sim {

namespace {

constexpr size_t kReadBytes = 65'536;

// Whole texts, from any thread.
bool Say(int out, std::string_view text) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  while (!text.empty()) {
    const ssize_t done = ::write(out, text.data(), text.size());
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return false;
    text.remove_prefix(static_cast<size_t>(done));
  }
  return true;
}

std::string Acknowledgement(const engine::Outcome& outcome) {
  std::string decision = "-";
  if (outcome.decision != nullptr) {
    std::string stored;
    record::EncodeDecision(*outcome.decision, &stored);
    decision = Sha256(stored).ToHex();
  }
  return std::string(engine::OutcomeKindName(outcome.kind)) + " " +
         std::to_string(outcome.seq.value()) + " " + decision + "\n";
}

// A store that tells when a checkpoint begins and ends to be written.
class TellingStore final : public store::Store {
 public:
  TellingStore(std::unique_ptr<store::Store> store, int out)
      : store_(std::move(store)), out_(out) {}
  [[nodiscard]] std::optional<store::Position> position() const override {
    return store_->position();
  }
  [[nodiscard]] std::unique_ptr<store::Batch> NewBatch(size_t reserve_bytes) const override {
    return store_->NewBatch(reserve_bytes);
  }
  using Store::Write;
  Status Write(std::span<store::Batch* const> batches, const store::Position& position) override {
    Say(out_, kCheckpointBegins);
    return store_->Write(batches, position);
  }
  Status Flush() override {
    Status flushed = store_->Flush();
    Say(out_, kCheckpointEnds);
    return flushed;
  }
  Result<bool> Get(size_t table, std::string_view key, std::string* value) const override {
    return store_->Get(table, key, value);
  }
  Status MultiGet(size_t table, std::span<const std::string> keys,
                  std::vector<std::optional<std::string>>* values) const override {
    return store_->MultiGet(table, keys, values);
  }
  [[nodiscard]] std::unique_ptr<store::Cursor> Scan(size_t table) const override {
    return store_->Scan(table);
  }
  Status Snapshot(const std::string& folder) override { return store_->Snapshot(folder); }
  [[nodiscard]] uint64_t disk_bytes() const override { return store_->disk_bytes(); }

 private:
  const std::unique_ptr<store::Store> store_;
  const int out_;
};

class TellingBacking final : public store::Backing {
 public:
  TellingBacking(std::shared_ptr<store::Backing> backing, int out)
      : backing_(std::move(backing)), out_(out) {}
  Result<std::unique_ptr<store::Store>> Open(store::OpenMode mode) override {
    CREDENCE_ASSIGN(auto opened, backing_->Open(mode));
    return std::unique_ptr<store::Store>(std::make_unique<TellingStore>(std::move(opened), out_));
  }
  Status Destroy() override { return backing_->Destroy(); }
  [[nodiscard]] std::string name() const override { return backing_->name(); }

 private:
  const std::shared_ptr<store::Backing> backing_;
  const int out_;
};

class Taker {
 public:
  Taker(std::string store, uint64_t checkpoint_events, int out)
      : store_(std::move(store)), checkpoint_events_(checkpoint_events), out_(out) {}

  Status Open();
  // Takes all whole lines of `lines`; `*said` gets their acknowledgements.
  Status Take(std::string_view lines, std::string* said);
  Status Close() { return engine_->Close(); }

 private:
  Status Flush(std::string* said);

  const std::string store_;
  const uint64_t checkpoint_events_;
  const int out_;
  journal::PosixFileSystem disk_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<api::Gate> gate_;
  Arena arena_;
  std::vector<record::Event> batch_;
};

Status Taker::Open() {
  engine::Options options;
  options.journal.segment_bytes = uint64_t{128} << 10;
  options.journal.write_ahead = journal::WriteAhead::kSegments;
  CREDENCE_ASSIGN(const auto pack, LoadStall());
  options.known_packs = {pack};
  if (checkpoint_events_ > 0) {
    options.checkpoints.backing =
        std::make_shared<TellingBacking>(CheckpointsOfKilled(store_), out_);
    options.checkpoints.every_events = checkpoint_events_;
    options.checkpoints.cache_bytes = 1;
  }
  CREDENCE_ASSIGN(engine_, engine::Engine::Open(disk_, store_, std::move(options)));
  if (engine_->pack() == nullptr) {
    CREDENCE_TRY(engine_->Activate(pack, "ann", "bob", kStallOpens));
  }
  gate_ = std::make_unique<api::Gate>(engine_->pack()->schema, nullptr);
  return OkStatus();
}

Status Taker::Take(std::string_view lines, std::string* said) {
  while (!lines.empty()) {
    const size_t end = lines.find('\n');
    record::Event event;
    api::Problem problem;
    if (!gate_->Parse(lines.substr(0, end), &arena_, &event, &problem)) {
      return Internal("the gate refuses an event: " + problem.code + " " + problem.field);
    }
    lines.remove_prefix(end + 1);
    batch_.push_back(event);
    if (batch_.size() == engine::kBatchEventsMax) CREDENCE_TRY(Flush(said));
  }
  return Flush(said);
}

Status Taker::Flush(std::string* said) {
  if (batch_.empty()) return OkStatus();
  CREDENCE_ASSIGN(const auto outcomes, engine_->Process(batch_, engine::Arrival::kHistory, {}));
  for (const engine::Outcome& outcome : outcomes) *said += Acknowledgement(outcome);
  batch_.clear();
  arena_.Reset();
  return OkStatus();
}

}  // namespace

std::shared_ptr<store::Backing> CheckpointsOfKilled(const std::string& store) {
  return store::RocksAt(store + "/checkpoint", engine::TableNames());
}

int TakeEvents(const std::string& store, uint64_t checkpoint_events, int in, int out) {
  Taker taker(store, checkpoint_events, out);
  const auto fail = [](const Status& status) {
    std::fprintf(stderr, "taker: %s\n", status.ToString().c_str());
    return 1;
  };
  const Status opened = taker.Open();
  if (!opened.ok()) return fail(opened);
  if (!Say(out, "ready\n")) return 1;
  std::string input;
  std::string said;
  for (;;) {
    const size_t had = input.size();
    input.resize(had + kReadBytes);
    const ssize_t got = ::read(in, input.data() + had, kReadBytes);
    if (got < 0 && errno == EINTR) {
      input.resize(had);
      continue;
    }
    input.resize(had + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    if (got <= 0) break;
    const size_t whole = input.rfind('\n') + 1;
    said.clear();
    const Status taken = taker.Take(std::string_view(input).substr(0, whole), &said);
    if (!taken.ok()) return fail(taken);
    // Only now, when the batch is durable, does anything leave.
    if (!Say(out, said)) return 1;
    input.erase(0, whole);
  }
  const Status closed = taker.Close();
  return closed.ok() ? 0 : fail(closed);
}

}  // namespace credence::sim
