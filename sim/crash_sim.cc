#include "sim/crash_sim.h"

#include <rocksdb/env.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <set>

#include "sim/stall.h"
#include "src/api/gate.h"
#include "src/base/random.h"
#include "src/engine/engine.h"
#include "src/journal/fault_file.h"
#include "src/journal/posix_file.h"
#include "src/store/rocks_store.h"
#include "src/study/verify.h"

namespace credence::sim {

namespace {

using engine::Engine;
using journal::CrashKind;
using journal::FaultFileSystem;
using journal::FaultKind;
using journal::PendingChange;

const std::string kFolder = "/store";
const std::string kCheckpointFolder = kFolder + "/checkpoint";
constexpr size_t kBatchMost = 6;
// Batches that are decided and not yet on their way to the disk: they go together.
constexpr size_t kOverlappedMost = 4;
// A crash inside a call of RocksDB is audited on the thread that makes the call, by opening another
// RocksDB, and that once more inside a recovery: so many more threads than one store needs.
constexpr int kRocksThreads = 8 * static_cast<int>(kSimulationsMost);

struct Packs {
  std::vector<std::shared_ptr<const pack::Pack>> all;  // by StallPack
};

Result<Packs> LoadPacks() {
  Packs packs;
  for (const auto which : {StallPack::kFirst, StallPack::kOtherPolicy, StallPack::kMoreFeatures}) {
    CREDENCE_ASSIGN(auto pack, LoadStall(which));
    packs.all.push_back(std::move(pack));
  }
  return packs;
}

Result<const Packs*> ThePacks() {
  static const Result<Packs> packs = LoadPacks();
  if (!packs.ok()) return packs.status();
  return &*packs;
}

// One step of the work. Each is acknowledged as a whole.
struct Step {
  enum class Kind : uint8_t { kBatch, kActivate, kKillSwitch, kRate, kTimers, kReopen, kClose };
  Kind kind = Kind::kBatch;
  size_t first = 0;  // of the events
  size_t count = 0;  // of them; of timers: the most that may fire
  size_t pack = 0;
  bool on = false;
  Timestamp now;
};

// Where an engine stands.
struct Standing {
  Digest hash;
  uint64_t events = 0;
  uint64_t decisions = 0;
  friend bool operator==(const Standing&, const Standing&) = default;
};

std::string ToString(const Standing& standing) {
  return standing.hash.ToHex().substr(0, 16) + " with " + std::to_string(standing.events) +
         " events and " + std::to_string(standing.decisions) + " decisions";
}

// The work: its steps, its events, and where an engine that never fails stands after each step.
class Work {
 public:
  static Result<std::unique_ptr<Work>> Make(const CrashOptions& options);

  [[nodiscard]] const std::vector<Step>& steps() const { return steps_; }
  // After `steps` steps.
  [[nodiscard]] const Standing& After(size_t steps) const { return standings_[steps]; }
  // Steps in which timers fired.
  [[nodiscard]] uint64_t timers() const { return timers_; }
  [[nodiscard]] const engine::Options& engine_options() const { return engine_options_; }

  [[nodiscard]] Result<std::unique_ptr<Engine>> Open(FileSystem& files) const {
    engine::Options options = engine_options_;
    if (has_checkpoints()) {
      store::RocksOptions rocks;
      rocks.files = &files;
      rocks.block_cache_bytes = 0;
      rocks.write_bytes_per_second = 0;
      rocks.checkpoints_before_merge = 3;
      options.checkpoints.backing = store::RocksAt(kCheckpointFolder, engine::TableNames(), rocks);
    }
    return Engine::Open(files, kFolder, std::move(options));
  }
  // The same from the journal alone, from its first frame; writes nothing.
  [[nodiscard]] Result<std::unique_ptr<Engine>> Replay(FileSystem& files) const {
    engine::Options options = engine_options_;
    options.read_only = true;
    return Engine::Open(files, kFolder, std::move(options));
  }
  [[nodiscard]] bool has_checkpoints() const { return has_checkpoints_; }
  [[nodiscard]] std::span<const record::Event> Events(const Step& step) const {
    return std::span(events_).subspan(step.first, step.count);
  }
  // Does one step; `*engine` may be replaced. What a batch said is put into `outcomes`, if given.
  Status Do(const Step& step, FileSystem& files, std::unique_ptr<Engine>* engine,
            std::vector<engine::Outcome>* outcomes = nullptr) const;

 private:
  Status Plan(const CrashOptions& options);
  Status Rehearse();

  const Packs* packs_ = nullptr;
  engine::Options engine_options_;  // but for where checkpoints are kept
  bool has_checkpoints_ = false;
  std::vector<Step> steps_;
  std::vector<record::Event> events_;  // of the pack that is in force when they come
  std::vector<Standing> standings_;
  uint64_t timers_ = 0;
  Arena arena_;
};

Result<std::unique_ptr<Work>> Work::Make(const CrashOptions& options) {
  auto work = std::make_unique<Work>();
  CREDENCE_ASSIGN(work->packs_, ThePacks());
  work->engine_options_.journal.segment_bytes = options.segment_bytes;
  work->engine_options_.journal.write_ahead = options.write_ahead;
  work->engine_options_.known_packs = work->packs_->all;
  CREDENCE_TRY(work->Plan(options));
  CREDENCE_TRY(work->Rehearse());
  if (options.checkpoint_every > 0) {
    work->has_checkpoints_ = true;
    work->engine_options_.checkpoints.every_events = options.checkpoint_every;
    work->engine_options_.checkpoints.cache_bytes = options.cache_bytes;
    work->engine_options_.checkpoints.worker = engine::CheckpointOptions::Worker::kCaller;
    for (const auto pool : {rocksdb::Env::LOW, rocksdb::Env::HIGH}) {
      rocksdb::Env::Default()->SetBackgroundThreads(kRocksThreads, pool);
    }
  }
  return work;
}

Status Work::Plan(const CrashOptions& options) {
  Random random(options.seed);
  StallEvents market(options.seed, "e");
  // The packs differ in policy and windows only, so one schema serves all.
  api::Gate gate(packs_->all[0]->schema, nullptr);
  Step activate;
  activate.kind = Step::Kind::kActivate;
  activate.now = kStallOpens;
  steps_.push_back(activate);
  while (steps_.size() < static_cast<size_t>(options.steps)) {
    Step step;
    const uint64_t kind = random.Below(24);
    if (kind == 0) {
      step.kind = Step::Kind::kActivate;
      step.pack = random.Below(packs_->all.size());
    } else if (kind == 1) {
      step.kind = Step::Kind::kKillSwitch;
      step.on = random.OneIn(2);
    } else if (kind == 2) {
      step.kind = Step::Kind::kRate;
    } else if (kind == 3) {
      step.kind = random.OneIn(2) ? Step::Kind::kReopen : Step::Kind::kClose;
    } else if (kind < 7) {
      step.kind = Step::Kind::kTimers;
      step.count = 1 + random.Below(3);
    } else {
      step.first = events_.size();
      step.count = 1 + random.Below(kBatchMost);
      for (size_t i = 0; i < step.count; ++i) {
        record::Event event;
        api::Problem problem;
        const std::string json = market.Next();
        if (!gate.Parse(json, &arena_, &event, &problem)) {
          return Internal("the market made an event that the gate refuses: " + problem.code);
        }
        events_.push_back(event);
      }
    }
    step.now = market.now();
    steps_.push_back(step);
  }
  return OkStatus();
}

// The same work where nothing fails, without checkpoints. Counting what a reopened engine counts
// takes reopening.
Status Work::Rehearse() {
  FaultFileSystem files;
  CREDENCE_ASSIGN(auto engine, Open(files));
  standings_.push_back({engine->state().Hash(), 0, 0});
  Standing standing;
  for (const Step& step : steps_) {
    std::vector<engine::Outcome> outcomes;
    const Seq before = engine->state().last_seq;
    CREDENCE_TRY(Do(step, files, &engine, &outcomes));
    if (step.kind == Step::Kind::kTimers && engine->state().last_seq != before) ++timers_;
    for (const engine::Outcome& outcome : outcomes) {
      const bool decided = outcome.kind == engine::Outcome::Kind::kDecided;
      standing.decisions += decided ? 1 : 0;
      standing.events += decided || outcome.kind == engine::Outcome::Kind::kApplied ? 1 : 0;
    }
    standing.hash = engine->state().Hash();
    standings_.push_back(standing);
  }
  return OkStatus();
}

Status Work::Do(const Step& step, FileSystem& files, std::unique_ptr<Engine>* engine,
                std::vector<engine::Outcome>* outcomes) const {
  switch (step.kind) {
    case Step::Kind::kBatch: {
      CREDENCE_ASSIGN(auto said,
                      (*engine)->Process(Events(step), engine::Arrival::kLive, step.now));
      if (outcomes != nullptr) *outcomes = std::move(said);
      return OkStatus();
    }
    case Step::Kind::kActivate:
      return (*engine)->Activate(packs_->all[step.pack], "ann", "bob", step.now);
    case Step::Kind::kKillSwitch:
      return (*engine)->SetKillSwitch(step.on, "order_risk", "ann", "a test", step.now);
    case Step::Kind::kRate:
      return (*engine)->SetRate(*Currency::FromCode("USD"), *Decimal::Parse("7.1"), "ann",
                                step.now);
    case Step::Kind::kTimers:
      return (*engine)->FireTimers(step.count, step.now).status();
    case Step::Kind::kClose:
      CREDENCE_TRY((*engine)->Close());
      break;
    case Step::Kind::kReopen:
      break;
  }
  engine->reset();
  CREDENCE_ASSIGN(*engine, Open(files));
  return OkStatus();
}

void Fail(std::string what, uint64_t* failures, std::vector<std::string>* first) {
  if (++*failures <= kFailuresShown) first->push_back(std::move(what));
}

std::string Rerun(const CrashOptions& options) {
  return "./dev sim --seed " + std::to_string(options.seed) +
         (options.write_ahead == journal::WriteAhead::kSegments ? " (written ahead)" : "") +
         (options.checkpoint_every > 0 ? " (with checkpoints)" : "");
}

// Runs the work once and lets the power go at every moment.
class Crasher {
 public:
  Crasher(const CrashOptions& options, const Work& work)
      : options_(options), work_(work), overlapped_(options.seed % 2 == 0) {}

  Status Run();
  [[nodiscard]] CrashReport& report() { return report_; }

 private:
  void Moment(const FaultFileSystem& files, const PendingChange& change);
  void CrashAt(std::unique_ptr<FaultFileSystem> files, CrashKind kind);
  void CountIfOfStore(const PendingChange& change, uint64_t points_before);
  // Opens what a crash left and compares.
  void Audit(FaultFileSystem& files, CrashKind kind, bool nest);
  bool Replayed(FaultFileSystem& files, CrashKind kind, const engine::OpenReport& found,
                Standing* standing);
  void Again(FaultFileSystem& files, std::unique_ptr<Engine> engine, size_t stands);
  void Finish(FaultFileSystem& files, std::unique_ptr<Engine> engine, size_t stands);
  void Nest(const FaultFileSystem& left, CrashKind kind);
  void Report(const std::string& what) {
    Fail(Rerun(options_) + ": moment " + std::to_string(report_.moments) + ", step " +
             std::to_string(acknowledged_ + 1) + ": " + what,
         &report_.failures, &report_.first);
  }

  const CrashOptions& options_;
  const Work& work_;
  const bool overlapped_;
  CrashReport report_;
  std::set<uint64_t> checkpoints_;        // that the crashes of this moment were recovered from
  std::atomic<size_t> acknowledged_ = 0;  // steps
};

Status Crasher::Run() {
  FaultFileSystem files(options_.seed);
  files.set_before_change([&](const PendingChange& change) { Moment(files, change); });
  CREDENCE_ASSIGN(auto engine, work_.Open(files));
  const auto end = [&](size_t in_flight_most) -> Status {
    while (engine->in_flight() > in_flight_most) {
      CREDENCE_TRY(engine->End().status());
      ++acknowledged_;
    }
    return OkStatus();
  };
  for (const Step& step : work_.steps()) {
    if (overlapped_ && step.kind == Step::Kind::kBatch) {
      CREDENCE_TRY(end(acknowledged_ % kOverlappedMost));
      CREDENCE_TRY(engine->Begin(work_.Events(step), engine::Arrival::kLive, step.now));
      continue;
    }
    CREDENCE_TRY(end(0));
    CREDENCE_TRY(work_.Do(step, files, &engine));
    ++acknowledged_;
  }
  CREDENCE_TRY(end(0));
  // And once more when all is done.
  engine.reset();
  Moment(files, PendingChange());
  return OkStatus();
}

void Crasher::Moment(const FaultFileSystem& files, const PendingChange& change) {
  const uint64_t seed = options_.seed * 1'000'003 + ++report_.moments * 101;
  const uint64_t points_before = report_.points;
  checkpoints_.clear();
  CrashAt(files.Clone(seed), CrashKind::kDropUnsynced);
  CrashAt(files.Clone(seed), CrashKind::kKeepAll);
  for (int i = 1; i <= options_.tears; ++i) {
    CrashAt(files.Clone(seed + static_cast<uint64_t>(i)), CrashKind::kTear);
  }
  // A write is cut short: once by the process's death, and then by the machine's.
  Random random(seed);
  const bool writes = change.kind == PendingChange::Kind::kWrite;
  for (int i = 0; writes && i <= options_.tears; ++i) {
    const uint64_t end = change.offset + random.Below(change.bytes.size() + 1);
    // The kernel copies page by page: between two sectors, or the whole.
    const uint64_t part =
        i == 1 ? change.bytes.size()
               : std::max(change.offset, end / journal::kSectorBytes * journal::kSectorBytes) -
                     change.offset;
    CrashAt(files.Clone(seed + static_cast<uint64_t>(i), &change, part),
            i == 0 ? CrashKind::kKeepAll : CrashKind::kTear);
  }
  report_.either_checkpoint += checkpoints_.size() > 1 ? 1 : 0;
  CountIfOfStore(change, points_before);
}

void Crasher::CrashAt(std::unique_ptr<FaultFileSystem> files, CrashKind kind) {
  files->Crash(kind);
  const bool nest = options_.nest_every != 0 && report_.points % options_.nest_every == 0;
  if (nest) Nest(*files, kind);
  Audit(*files, kind, nest);
}

// The recovery from a crash of `kind` is crashed at each of its own moments.
void Crasher::Nest(const FaultFileSystem& left, CrashKind kind) {
  const auto files = left.Clone(report_.points);
  const std::set<uint64_t> checkpoints = checkpoints_;
  files->set_before_change([&](const PendingChange& change) {
    ++report_.moments;
    const uint64_t points_before = report_.points;
    for (const CrashKind second :
         {CrashKind::kDropUnsynced, CrashKind::kKeepAll, CrashKind::kTear}) {
      const bool part = change.kind == PendingChange::Kind::kWrite && second == CrashKind::kTear;
      const auto again =
          files->Clone(report_.points, part ? &change : nullptr, part ? change.bytes.size() : 0);
      again->Crash(second);
      ++report_.nested;
      // What the first crash tore stays torn.
      Audit(*again, kind == CrashKind::kTear ? kind : second, false);
    }
    CountIfOfStore(change, points_before);
  });
  const Status opened = work_.Open(*files).status();
  if (!opened.ok()) Report("a recovery failed: " + opened.ToString());
  checkpoints_ = checkpoints;
}

void Crasher::CountIfOfStore(const PendingChange& change, uint64_t points_before) {
  if (!change.path.starts_with(kCheckpointFolder)) return;
  ++report_.store_moments;
  report_.store_points += report_.points - points_before;
  const bool removes = change.kind == PendingChange::Kind::kRemove;
  report_.merged_tables += removes && change.path.ends_with(".sst") ? 1 : 0;
}

void Crasher::Audit(FaultFileSystem& files, CrashKind kind, bool nest) {
  ++report_.points;
  auto opened = work_.Open(files);
  if (!opened.ok()) {
    Report("the store cannot be opened: " + opened.status().ToString());
    return;
  }
  Engine& engine = **opened;
  const engine::OpenReport& found = engine.opened();
  report_.unfinished_frames += found.cut.kind == journal::TailKind::kUnfinishedFrame ? 1 : 0;
  Standing standing{engine.state().Hash(), found.events, found.decisions};
  if (work_.has_checkpoints() && !Replayed(files, kind, found, &standing)) return;
  const size_t last = work_.steps().size();
  const size_t ahead = overlapped_ ? kOverlappedMost : 1;
  for (size_t stands = acknowledged_; stands <= std::min(acknowledged_ + ahead, last); ++stands) {
    if (standing == work_.After(stands)) {
      const bool audit = options_.audit_every != 0 && report_.points % options_.audit_every == 0;
      const bool again = options_.again_every != 0 && report_.points % options_.again_every == 0;
      if (audit || nest) {
        Finish(files, std::move(*opened), stands);
      } else if (again && stands < last) {
        Again(files, std::move(*opened), stands);
      }
      return;
    }
  }
  Report("the store stands at " + ToString(standing) + "; acknowledged was " +
         ToString(work_.After(acknowledged_)));
}

// From the first frame on, whatever checkpoint the engine started from: the same state. Counts what
// that replay counts.
bool Crasher::Replayed(FaultFileSystem& files, CrashKind kind, const engine::OpenReport& found,
                       Standing* standing) {
  checkpoints_.insert(found.checkpoint.frames);
  report_.from_checkpoint += found.checkpoint.frames > 0 ? 1 : 0;
  if (!found.damaged_checkpoint.empty()) {
    ++report_.torn_manifests;
    const bool manifest = found.damaged_checkpoint.find("MANIFEST") != std::string::npos;
    if (kind != CrashKind::kTear || !manifest) {
      Report("a crash damaged the checkpoint: " + found.damaged_checkpoint);
      return false;
    }
  }
  const auto replayed = work_.Replay(files);
  if (!replayed.ok()) {
    Report("the journal cannot be replayed: " + replayed.status().ToString());
    return false;
  }
  const engine::OpenReport& all = (*replayed)->opened();
  const Standing replay{(*replayed)->state().Hash(), all.events, all.decisions};
  if (replay.hash != standing->hash) {
    Report("from the checkpoint at frame " + std::to_string(found.checkpoint.frames) +
           " the state is " + ToString(*standing) + "; the journal alone makes " +
           ToString(replay));
    return false;
  }
  *standing = replay;
  return true;
}

// One more step, and the power goes at once: what the first recovery left must not be in the way of
// the second. The step is the next one, or a short one instead of it, so that its frame ends inside
// the one that was torn.
void Crasher::Again(FaultFileSystem& files, std::unique_ptr<Engine> engine, size_t stands) {
  ++report_.points;
  Step step = work_.steps()[stands];
  if (report_.points % 4 < 2 && stands > 0) {
    step = Step();
    step.kind = Step::Kind::kRate;
    step.now = work_.steps()[stands - 1].now;
  }
  const Status done = work_.Do(step, files, &engine);
  if (!done.ok()) return Report("going on failed: " + done.ToString());
  const Digest acknowledged = engine->state().Hash();
  engine.reset();
  files.Crash(report_.points % 2 == 0 ? CrashKind::kTear : CrashKind::kDropUnsynced);
  const auto opened = work_.Open(files);
  if (!opened.ok()) {
    Report("the store cannot be opened after a second crash: " + opened.status().ToString());
  } else if ((*opened)->state().Hash() != acknowledged) {
    Report("a second crash lost what was acknowledged after the first");
  }
}

// What was on its way is sent again, and the rest of the work done: the end is the same.
void Crasher::Finish(FaultFileSystem& files, std::unique_ptr<Engine> engine, size_t stands) {
  ++report_.finished;
  const size_t last = work_.steps().size();
  if (stands > acknowledged_ && work_.steps()[stands - 1].kind == Step::Kind::kBatch) {
    std::vector<engine::Outcome> outcomes;
    const Status sent = work_.Do(work_.steps()[stands - 1], files, &engine, &outcomes);
    if (!sent.ok()) return Report("sending again failed: " + sent.ToString());
    for (const engine::Outcome& outcome : outcomes) {
      if (outcome.kind == engine::Outcome::Kind::kApplied ||
          outcome.kind == engine::Outcome::Kind::kDecided) {
        return Report("an event counts twice");
      }
    }
  }
  for (size_t i = stands; i < last; ++i) {
    const Status done = work_.Do(work_.steps()[i], files, &engine);
    if (!done.ok()) return Report("going on failed: " + done.ToString());
  }
  if (engine->state().Hash() != work_.After(last).hash) {
    return Report("the work ends at another state than without the crash");
  }
  engine.reset();
  const auto verified = study::Verify(files, kFolder);
  if (!verified.ok()) return Report("verification failed: " + verified.status().ToString());
  if (!verified->ok()) Report("the journal does not verify");
}

}  // namespace

void CrashReport::Add(const CrashReport& other) {
  points += other.points;
  moments += other.moments;
  nested += other.nested;
  finished += other.finished;
  unfinished_frames += other.unfinished_frames;
  timers += other.timers;
  store_points += other.store_points;
  store_moments += other.store_moments;
  merged_tables += other.merged_tables;
  from_checkpoint += other.from_checkpoint;
  torn_manifests += other.torn_manifests;
  either_checkpoint += other.either_checkpoint;
  failures += other.failures;
  for (const std::string& what : other.first) {
    if (first.size() < kFailuresShown) first.push_back(what);
  }
}

void FaultReport::Add(const FaultReport& other) {
  runs += other.runs;
  failures += other.failures;
  for (const std::string& what : other.first) {
    if (first.size() < kFailuresShown) first.push_back(what);
  }
}

Result<CrashReport> SimulateCrashes(const CrashOptions& options) {
  CREDENCE_ASSIGN(const auto work, Work::Make(options));
  Crasher crasher(options, *work);
  CREDENCE_TRY(crasher.Run());
  crasher.report().timers = work->timers();
  return std::move(crasher.report());
}

namespace {

// One run with one fault set; what was acknowledged must be there after a crash, and the work is
// then done to its end.
void RunWithFault(const CrashOptions& options, const Work& work, uint64_t call, FaultKind kind,
                  CrashKind crash, bool* struck, FaultReport* report) {
  ++report->runs;
  const auto fail = [&](const std::string& what) {
    Fail(Rerun(options) + ": call " + std::to_string(call) + ": " + what, &report->failures,
         &report->first);
  };
  FaultFileSystem files(options.seed * 7919 + call);
  files.set_fault({call, kind});
  size_t acknowledged = 0;
  {
    auto opened = work.Open(files);
    if (opened.ok()) {
      std::unique_ptr<Engine> engine = std::move(*opened);
      while (acknowledged < work.steps().size() &&
             work.Do(work.steps()[acknowledged], files, &engine).ok()) {
        ++acknowledged;
      }
    }
  }
  *struck = files.calls() >= call;
  files.set_fault({});
  files.Crash(crash);
  auto reopened = work.Open(files);
  if (!reopened.ok()) {
    return fail("the store cannot be opened: " + reopened.status().ToString());
  }
  std::unique_ptr<Engine> engine = std::move(*reopened);
  Standing standing{engine->state().Hash(), engine->opened().events, engine->opened().decisions};
  if (work.has_checkpoints()) {
    const auto replayed = work.Replay(files);
    if (!replayed.ok() || (*replayed)->state().Hash() != standing.hash) {
      return fail("the checkpoint is not what the journal makes");
    }
    standing.events = (*replayed)->opened().events;
    standing.decisions = (*replayed)->opened().decisions;
  }
  size_t stands = acknowledged;
  if (standing != work.After(stands) &&
      (stands == work.steps().size() || standing != work.After(++stands))) {
    return fail("the store stands at " + ToString(standing) + "; acknowledged was " +
                ToString(work.After(acknowledged)));
  }
  // What the first recovery found is durable, even if it was in the page cache only.
  engine.reset();
  files.Crash(CrashKind::kDropUnsynced);
  auto again = work.Open(files);
  if (!again.ok()) {
    return fail("the store cannot be opened a second time: " + again.status().ToString());
  }
  engine = std::move(*again);
  if (engine->state().Hash() != standing.hash) return fail("a recovery was undone by a crash");
  for (; stands < work.steps().size(); ++stands) {
    const Status done = work.Do(work.steps()[stands], files, &engine);
    if (!done.ok()) return fail("going on failed: " + done.ToString());
  }
  if (engine->state().Hash() != work.After(stands).hash) fail("the work ends at another state");
}

}  // namespace

Result<FaultReport> SimulateErrors(const CrashOptions& options) {
  CREDENCE_ASSIGN(const auto work, Work::Make(options));
  FaultReport report;
  for (const FaultKind kind : {FaultKind::kError, FaultKind::kShortRead, FaultKind::kStop}) {
    bool struck = true;
    for (uint64_t call = 1; struck; ++call) {
      for (const CrashKind crash : {CrashKind::kKeepAll, CrashKind::kDropUnsynced}) {
        RunWithFault(options, *work, call, kind, crash, &struck, &report);
      }
    }
  }
  return report;
}

Result<FaultReport> SimulateFullDisk(const CrashOptions& options) {
  CrashOptions ahead = options;
  ahead.write_ahead = journal::WriteAhead::kSegments;
  CREDENCE_ASSIGN(const auto work, Work::Make(ahead));
  FaultReport report;
  const auto fail = [&](uint64_t room, const std::string& what) {
    Fail(Rerun(ahead) + ": disk of " + std::to_string(room) + " bytes: " + what, &report.failures,
         &report.first);
  };
  for (uint64_t room = 20'000;; room += 512) {
    ++report.runs;
    FaultFileSystem files(options.seed);
    CREDENCE_ASSIGN(auto engine, work->Open(files));
    CREDENCE_TRY(work->Do(work->steps()[0], files, &engine));
    files.set_bytes_max(room);
    bool refused = false;
    for (size_t i = 1; i < work->steps().size(); ++i) {
      Status done = work->Do(work->steps()[i], files, &engine);
      const auto standing = [&] { return engine->state().Hash() == work->After(i).hash; };
      if (done.code() == StatusCode::kResourceExhausted && engine != nullptr) {
        refused = true;
        if (!standing()) fail(room, "a refused step left a trace");
        files.set_bytes_max(UINT64_MAX);
        done = work->Do(work->steps()[i], files, &engine);
        if (!done.ok()) fail(room, "it does not go on when there is room: " + done.ToString());
      }
      if (!done.ok()) break;
    }
    if (engine == nullptr || engine->state().Hash() != work->After(work->steps().size()).hash) {
      fail(room, "the work ends at another state");
    }
    if (!refused) break;
  }
  return report;
}

Result<FaultReport> SimulateFlips(const CrashOptions& options) {
  CREDENCE_ASSIGN(const auto work, Work::Make(options));
  FaultReport report;
  FaultFileSystem files(options.seed);
  CREDENCE_ASSIGN(auto engine, work->Open(files));
  for (const Step& step : work->steps()) CREDENCE_TRY(work->Do(step, files, &engine));
  engine.reset();
  const Standing& end = work->After(work->steps().size());
  for (const char* folder : {"/journal", "/artefacts"}) {
    CREDENCE_ASSIGN(const auto names, files.List(kFolder + folder));
    for (const std::string& name : names) {
      const std::string path = kFolder + folder + "/" + name;
      const std::string whole = files.Content(path);
      for (size_t at = 0; at < whole.size(); ++at) {
        ++report.runs;
        std::string bytes = whole;
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << (at % 8)));
        const auto damaged = files.Clone(1);
        damaged->SetContent(path, std::move(bytes));
        const auto judge = [&](const Result<std::unique_ptr<Engine>>& opened, bool counted) {
          const bool same = opened.ok() && (*opened)->state().Hash() == end.hash &&
                            (!counted || (*opened)->opened().events == end.events);
          if (same || opened.status().code() == StatusCode::kDataLoss) return;
          Fail(Rerun(options) + ": " + path + " byte " + std::to_string(at) + ": " +
                   (opened.ok() ? "another state, without a word" : opened.status().ToString()),
               &report.failures, &report.first);
        };
        // A checkpoint spares an engine what comes before it, of the journal and of the count.
        if (work->has_checkpoints()) judge(work->Replay(*damaged), true);
        judge(work->Open(*damaged), !work->has_checkpoints());
      }
    }
  }
  return report;
}

Status MakeStore(const CrashOptions& options, const std::string& folder) {
  CREDENCE_ASSIGN(const auto work, Work::Make(options));
  FaultFileSystem files;
  CREDENCE_ASSIGN(auto engine, work->Open(files));
  for (const Step& step : work->steps()) CREDENCE_TRY(work->Do(step, files, &engine));
  CREDENCE_TRY(engine->Close());
  engine.reset();
  journal::PosixFileSystem disk;
  for (const char* part : {"/journal", "/artefacts"}) {
    CREDENCE_TRY(disk.MakeFolders(folder + part));
    CREDENCE_ASSIGN(const auto names, files.List(kFolder + part));
    for (const std::string& name : names) {
      const std::string path = std::string(part) + "/" + name;
      CREDENCE_TRY(ReplaceFile(disk, folder + path, files.Content(kFolder + path)));
    }
  }
  return OkStatus();
}

}  // namespace credence::sim
