#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "sim/kill_sim.h"
#include "sim/stall.h"
#include "src/api/gate.h"
#include "src/engine/engine.h"
#include "src/journal/posix_file.h"

namespace credence::sim {

namespace {

constexpr size_t kReadBytes = 65'536;

bool Say(int out, std::string_view text) {
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

class Taker {
 public:
  explicit Taker(std::string store) : store_(std::move(store)) {}

  Status Open();
  // Takes all whole lines of `lines`; `*said` gets their acknowledgements.
  Status Take(std::string_view lines, std::string* said);
  Status Close() { return engine_->Close(); }

 private:
  Status Flush(std::string* said);

  const std::string store_;
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

int TakeEvents(const std::string& store, int in, int out) {
  Taker taker(store);
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
