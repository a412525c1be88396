#include "sim/crash_run.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <queue>
#include <thread>
#include <vector>

#include "src/thread/thread.h"

namespace credence::sim {

namespace {

// The kinds of journal that each seed goes through, and how often (of seeds counted from 0). A
// recovery that opens a RocksDB takes a hundred times as long as one of a journal alone, hence
// fewer; an odd number, since seeds overlap their batches by turns.
struct Shape {
  journal::WriteAhead write_ahead;
  uint64_t segment_bytes;
  uint64_t checkpoint_every;
  uint64_t crashes_every;
  uint64_t faults_every;
};
constexpr uint64_t kOnce = UINT64_MAX;
constexpr uint64_t kNever = 0;
constexpr Shape kShapes[] = {{journal::WriteAhead::kSegments, 4096, 5, 19, kOnce},
                             {journal::WriteAhead::kNone, 2048, 0, 1, 50},
                             {journal::WriteAhead::kSegments, 4096, 0, 1, 50},
                             {journal::WriteAhead::kNone, journal::kSegmentBytesMin, 0, 1, 50},
                             {journal::WriteAhead::kSegments, 65'536, 0, 1, kNever}};
constexpr int kStepsWithFaults = 10;

using Faults = Result<FaultReport> (*)(const CrashOptions&);

struct Simulation {
  CrashOptions options;
  Faults faults = nullptr;  // null: crashes
};

class CrashRun {
 public:
  CrashRun(const CrashRunOptions& options, const std::function<void(uint64_t)>& progress)
      : options_(options), progress_(progress) {}

  Result<CrashRunReport> Run() {
    // RocksDB's threads too: crashes inside its calls are audited on them.
    const thread::Hurry hurry;
    const unsigned processors = std::max(std::thread::hardware_concurrency(), 1u);
    std::vector<std::thread> workers;
    for (unsigned i = 0; i < std::min(processors, kSimulationsMost); ++i) {
      workers.emplace_back([this] { Work(); });
    }
    for (std::thread& worker : workers) worker.join();
    if (!failed_.ok()) return failed_;
    return std::move(report_);
  }

 private:
  void Work() {
    while (const auto simulation = Next()) {
      const auto& [options, faults] = *simulation;
      if (faults == nullptr) {
        Add(SimulateCrashes(options), &report_.crashes);
      } else {
        Add(faults(options), &report_.faults);
      }
    }
  }

  std::optional<Simulation> Next() {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty() && !Ended()) PlanSeed();
    if (waiting_.empty() || !failed_.ok()) return std::nullopt;
    const Simulation next = waiting_.front();
    waiting_.pop();
    return next;
  }

  [[nodiscard]] bool Ended() const {
    if (options_.one_seed) return report_.seeds == 1;
    return report_.crashes.points >= options_.points ||
           report_.crashes.failures + report_.faults.failures > 0;
  }

  void PlanSeed() {
    const auto due = [&](uint64_t every) { return every != kNever && report_.seeds % every == 0; };
    for (const Shape& shape : kShapes) {
      Simulation next;
      next.options.seed = options_.first_seed + report_.seeds;
      next.options.write_ahead = shape.write_ahead;
      next.options.segment_bytes = shape.segment_bytes;
      next.options.checkpoint_every = shape.checkpoint_every;
      if (due(shape.crashes_every)) waiting_.push(next);
      next.options.steps = kStepsWithFaults;
      for (const Faults faults : {SimulateFlips, SimulateErrors, SimulateFullDisk}) {
        next.faults = faults;
        if (due(shape.faults_every)) waiting_.push(next);
      }
    }
    ++report_.seeds;
  }

  template <class Report>
  void Add(const Result<Report>& one, Report* all) {
    const std::lock_guard lock(mutex_);
    if (!one.ok()) {
      failed_ = one.status();
      return;
    }
    all->Add(*one);
    progress_(report_.crashes.points);
  }

  const CrashRunOptions options_;
  const std::function<void(uint64_t)>& progress_;
  std::mutex mutex_;  // of all below
  std::queue<Simulation> waiting_;
  CrashRunReport report_;
  Status failed_;
};

}  // namespace

Result<CrashRunReport> RunCrashes(const CrashRunOptions& options,
                                  const std::function<void(uint64_t points)>& progress) {
  return CrashRun(options, progress).Run();
}

}  // namespace credence::sim
