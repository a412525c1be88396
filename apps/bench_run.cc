#include "apps/bench_run.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <utility>

#include "apps/bench_stages.h"
#include "apps/terminal.h"
#include "src/api/gate.h"
#include "src/base/memory_file.h"
#include "src/engine/engine.h"

namespace credence::apps {

namespace {

using Clock = std::chrono::steady_clock;

double Seconds(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

Percentiles PercentilesOf(std::vector<double> seconds) {
  if (seconds.empty()) return {};
  std::sort(seconds.begin(), seconds.end());
  const auto at = [&](double share) {
    const auto index = static_cast<size_t>(share * static_cast<double>(seconds.size()));
    return seconds[std::min(index, seconds.size() - 1)] * 1e6;
  };
  return {at(0.5), at(0.99), at(0.999), seconds.back() * 1e6};
}

int64_t ResidentBytes() {
  long pages = 0;
  if (std::FILE* file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%*d %ld", &pages) != 1) pages = 0;
    std::fclose(file);
  }
  return int64_t{pages} * sysconf(_SC_PAGESIZE);
}

// One engine over one file system, fed by a stream of its own.
class Driver {
 public:
  Driver(std::shared_ptr<const pack::Pack> pack, FileSystem& files, std::string folder,
         const BenchOptions& options)
      : pack_(std::move(pack)),
        files_(files),
        folder_(std::move(folder)),
        options_(options),
        stream_(options.stream),
        gate_(pack_->schema, nullptr) {}

  Status Open() {
    CREDENCE_ASSIGN(engine_, engine::Engine::Open(files_, folder_));
    return engine_->Activate(pack_, "credence bench", "",
                             Timestamp{OrderStream::kStart.ns - kNsPerHour});
  }

  // `events` of them, or for so long.
  Status Run(uint64_t events, double seconds, std::map<std::string, uint64_t>* outcomes) {
    Sha256Stream hash;
    std::vector<double> batches;
    Progress progress(folder_, "events", events, options_.quiet);
    while (events > 0 ? run_.events < events : run_.gate_seconds + run_.process_seconds < seconds) {
      const size_t size =
          events > 0 ? std::min<uint64_t>(options_.batch, events - run_.events) : options_.batch;
      CREDENCE_TRY(Batch(size, &run_.gate_seconds, &run_.process_seconds, &batches));
      run_.events += size;
      for (const engine::Outcome& outcome : outcomes_) {
        AddDecision(*outcome.decision, &hash);
        if (outcomes != nullptr) ++(*outcomes)[outcome.decision->outcome];
      }
      progress.Update(run_.events, run_.events);
    }
    progress.Finish();
    run_.decisions = hash.Finish();
    run_.batch = PercentilesOf(std::move(batches));
    days_ = static_cast<double>(stream_.ns_passed()) / static_cast<double>(kNsPerDay);
    return {};
  }

  // Some more events, each alone.
  Status Singles(uint64_t events) {
    std::vector<double> singles;
    double unused = 0;
    for (uint64_t i = 0; i < events; ++i) CREDENCE_TRY(Batch(1, &unused, &unused, &singles));
    run_.single = PercentilesOf(std::move(singles));
    return {};
  }

  // Seals the journal, drops the engine and folds the journal with another.
  Status Replay() {
    CREDENCE_TRY(engine_->Close());
    engine_.reset();
    engine::Options options;
    options.read_only = true;
    std::optional<Clock::time_point> begin;
    Clock::time_point end;
    uint64_t before = 0;
    options.on_progress = [&](uint64_t folded) {
      end = Clock::now();
      if (!begin) {
        begin = end;
        before = folded;
      }
      run_.replay_events = folded - before;
    };
    CREDENCE_ASSIGN(const auto folded, engine::Engine::Open(files_, folder_, options));
    if (!folded->opened().sealed || !folded->opened().state_matches_seal) {
      return DataLoss("the replayed state differs from the live one");
    }
    run_.replay_seconds = Seconds(*begin, end);
    return {};
  }

  [[nodiscard]] const engine::State& state() const { return engine_->state(); }
  [[nodiscard]] double days() const { return days_; }
  EngineRun& run() { return run_; }
  void CountJournal() {
    // One segment as long as a benchmark stays small; else the full ones are of equal size.
    const journal::Journal& journal = engine_->journal();
    run_.journal_bytes =
        (journal.segment_number() - 1) * journal::kSegmentBytesDefault + journal.segment_bytes();
  }

 private:
  Status Batch(size_t size, double* gate_seconds, double* process_seconds,
               std::vector<double>* durations) {
    texts_.resize(size);
    for (std::string& text : texts_) stream_.Next(&text);
    events_.assign(size, {});
    arena_.Reset();
    const Clock::time_point begin = Clock::now();
    for (size_t i = 0; i < size; ++i) {
      api::Problem problem;
      if (!gate_.Parse(texts_[i], &arena_, &events_[i], &problem)) {
        return InvalidArgument("the pack refuses the stream: " + problem.field + ": " +
                               problem.expected);
      }
    }
    const Clock::time_point parsed = Clock::now();
    auto outcomes = engine_->Process(events_, engine::Arrival::kHistory, Timestamp{});
    const Clock::time_point end = Clock::now();
    if (!outcomes.ok()) return outcomes.status();
    outcomes_ = std::move(*outcomes);
    for (const engine::Outcome& outcome : outcomes_) {
      if (outcome.kind != engine::Outcome::Kind::kDecided) {
        return InvalidArgument("an event of the stream was not decided: " + outcome.expected);
      }
    }
    *gate_seconds += Seconds(begin, parsed);
    *process_seconds += Seconds(parsed, end);
    durations->push_back(Seconds(begin, end));
    return {};
  }

  std::shared_ptr<const pack::Pack> pack_;
  FileSystem& files_;
  std::string folder_;
  const BenchOptions& options_;
  OrderStream stream_;
  api::Gate gate_;
  std::unique_ptr<engine::Engine> engine_;
  EngineRun run_;
  double days_ = 0;
  Arena arena_;
  std::vector<std::string> texts_;
  std::vector<record::Event> events_;
  std::vector<engine::Outcome> outcomes_;
};

void CountState(const pack::Pack& pack, const engine::State& state, BenchReport* report) {
  for (const auto& entity : pack.schema.entities) report->entities.push_back({entity.name});
  state.entities.ForEach([&](engine::EntityRef ref, const feature::EntityState& entity) {
    EntityMemory& memory = report->entities[ref.entity];
    ++memory.entities;
    memory.events_kept += entity.event_count();
    memory.bytes += entity.bytes();
    memory.bytes_max = std::max<uint64_t>(memory.bytes_max, entity.bytes());
  });
  report->once_rows = state.once.size();
}

double ClockNs() {
  constexpr int kReads = 1'000'000;
  const Clock::time_point begin = Clock::now();
  Clock::time_point end;
  for (int i = 0; i < kReads; ++i) end = Clock::now();
  return Seconds(begin, end) * 1e9 / kReads;
}

// Each address follows from what the one before held, over 512 MiB.
double RandomAccessNs() {
  constexpr size_t kWords = size_t{64} << 20;
  constexpr uint64_t kSteps = 2'000'000;
  const std::vector<uint64_t> words(kWords, 1);
  uint64_t at = 1;
  const Clock::time_point begin = Clock::now();
  for (uint64_t i = 0; i < kSteps; ++i) {
    at = at * 0x5851F42D4C957F2DU + words[(at >> 20) % kWords];
  }
  const double ns = Seconds(begin, Clock::now()) * 1e9 / static_cast<double>(kSteps);
  volatile uint64_t kept = at;
  static_cast<void>(kept);
  return ns;
}

double Sha256Ns() {
  constexpr int kRounds = 200'000;
  std::string text(512, 'x');
  const Clock::time_point begin = Clock::now();
  for (int i = 0; i < kRounds; ++i) text[0] = static_cast<char>(Sha256(text).bytes[0]);
  return Seconds(begin, Clock::now()) * 1e9 / kRounds;
}

// What an append that is synced costs at least: frames of the mean size behind each other.
Status TimeSync(FileSystem& disk, const std::string& folder, uint64_t bytes, Percentiles* sync) {
  constexpr uint64_t kFrames = 300;
  CREDENCE_TRY(disk.MakeFolders(folder));
  CREDENCE_ASSIGN(const auto file, disk.Open(folder + "/frames", OpenMode::kReplace));
  const std::string frame(bytes, 'x');
  std::vector<double> seconds;
  for (uint64_t i = 0; i < kFrames; ++i) {
    const Clock::time_point begin = Clock::now();
    CREDENCE_TRY(file->WriteAt(i * bytes, frame));
    CREDENCE_TRY(file->Sync());
    seconds.push_back(Seconds(begin, Clock::now()));
  }
  *sync = PercentilesOf(std::move(seconds));
  return {};
}

void NameStages(const StageTimes& times, size_t batch, BenchReport* report) {
  const auto us = [&](StageName stage) { return times.ns[static_cast<size_t>(stage)] / 1e3; };
  const double access = report->random_access_ns / 1e3;
  const double sha = report->sha256_512_ns / 1e3;
  const auto types = static_cast<double>(report->entities.size());
  report->stages = {
      {"gate: JSON to event", us(StageName::kGate), sha, "SHA-256 of 512 bytes"},
      {"admit and once-only", us(StageName::kOnce), access, "1 random access"},
      {"where and arguments", us(StageName::kArrival), 0, ""},
      {"window update", us(StageName::kWindows), types * access, "1 random access an entity"},
      {"feature read", us(StageName::kRead), 0, ""},
      {"derived, model, policy", us(StageName::kDecide), 0, ""},
      {"encode event", us(StageName::kEncodeEvent), 0, ""},
      {"encode decision", us(StageName::kEncodeDecision), 0, ""},
      {"journal append, memory", us(StageName::kAppendMemory), 0, ""},
      {"journal append and sync, disk", us(StageName::kAppendDisk),
       report->sync.p50_us / static_cast<double>(batch), "median write and fdatasync, a batch"},
  };
}

}  // namespace

Result<BenchReport> RunBench(const std::shared_ptr<const pack::Pack>& pack, FileSystem& disk,
                             const BenchOptions& options) {
  BenchReport report;
  report.features = pack->features.features().size();
  {
    const int64_t resident = ResidentBytes();
    Driver driver(pack, disk, options.folder + "/engine", options);
    CREDENCE_TRY(driver.Open());
    CREDENCE_TRY(driver.Run(options.events, options.seconds, &report.outcomes));
    report.resident_bytes = ResidentBytes() - resident;
    CountState(*pack, driver.state(), &report);
    driver.CountJournal();
    report.days = driver.days();
    CREDENCE_TRY(driver.Singles(options.singles));
    CREDENCE_TRY(driver.Replay());
    report.disk = driver.run();
  }
  report.events = report.disk.events;
  report.decisions = report.disk.decisions;
  {
    MemoryFileSystem memory(uint64_t{1} << 36);
    Driver driver(pack, memory, "memory", options);
    CREDENCE_TRY(driver.Open());
    CREDENCE_TRY(driver.Run(report.events, 0, nullptr));
    driver.CountJournal();
    CREDENCE_TRY(driver.Singles(options.singles));
    CREDENCE_TRY(driver.Replay());
    report.memory = driver.run();
  }
  report.clock_ns = ClockNs();
  report.random_access_ns = RandomAccessNs();
  report.sha256_512_ns = Sha256Ns();
  const uint64_t frames = (report.events + options.batch - 1) / options.batch;
  report.sync_bytes = report.disk.journal_bytes / std::max<uint64_t>(frames, 1);
  CREDENCE_TRY(TimeSync(disk, options.folder + "/floor", report.sync_bytes, &report.sync));
  CREDENCE_ASSIGN(const StageTimes times,
                  TimeStages(pack, disk, options.folder + "/stages", options.stream, report.events,
                             options.batch, report.clock_ns));
  if (report.memory.decisions != report.decisions || times.decisions != report.decisions) {
    return Internal("the runs decided differently");
  }
  NameStages(times, options.batch, &report);
  return report;
}

}  // namespace credence::apps
