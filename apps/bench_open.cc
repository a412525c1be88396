#include "apps/bench_open.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <thread>

#include "apps/terminal.h"
#include "src/api/gate.h"
#include "src/engine/engine.h"
#include "src/thread/thread.h"

namespace credence::apps {

namespace {

using Clock = std::chrono::steady_clock;

int64_t Ns(Clock::duration duration) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count();
}

// Events that were sent together.
struct Parcel {
  Arena arena;
  std::vector<std::string> texts;
  std::vector<record::Event> events;
  std::vector<Clock::time_point> intended;
};

// What was sent and not yet taken. Parcels go round, so that they keep their memory.
class Mailbox {
 public:
  explicit Mailbox(size_t parcels) : parcels_(parcels) {
    for (Parcel& parcel : parcels_) free_.push_back(&parcel);
  }

  // Nothing once the reader has gone.
  Parcel* Empty() {
    std::unique_lock lock(mutex_);
    freed_.wait(lock, [&] { return closed_ || !free_.empty(); });
    if (closed_) return nullptr;
    Parcel* parcel = free_.back();
    free_.pop_back();
    return parcel;
  }
  void Send(Parcel* parcel) {
    {
      const std::lock_guard lock(mutex_);
      sent_.push_back(parcel);
    }
    arrived_.notify_one();
  }
  // No more will be sent.
  void End() {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    arrived_.notify_one();
  }
  void Close() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    freed_.notify_one();
  }

  // The parcels that wait, with at most `most` events together. Blocks until there is one, unless
  // `most` is 0, or `otherwise` holds (Wake: it may have changed); at the end there may be none.
  void Take(size_t most, const std::function<bool(bool ended)>& otherwise,
            std::vector<Parcel*>* taken) {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [&] { return (most > 0 && !sent_.empty()) || otherwise(ended_); });
    size_t events = 0;
    while (!sent_.empty() && events + sent_.front()->events.size() <= most) {
      events += sent_.front()->events.size();
      taken->push_back(sent_.front());
      sent_.pop_front();
    }
  }
  [[nodiscard]] bool Finished() {
    const std::lock_guard lock(mutex_);
    return ended_ && sent_.empty();
  }
  void Wake() {
    { const std::lock_guard lock(mutex_); }
    arrived_.notify_one();
  }
  void Free(const std::vector<Parcel*>& parcels) {
    {
      const std::lock_guard lock(mutex_);
      free_.insert(free_.end(), parcels.begin(), parcels.end());
    }
    freed_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::condition_variable freed_;
  std::vector<Parcel> parcels_;
  std::vector<Parcel*> free_;
  std::deque<Parcel*> sent_;
  bool ended_ = false;
  bool closed_ = false;
};

// Makes events and sends them at their time.
class Sender {
 public:
  Sender(OrderStream* stream, const pack::Pack& pack, const OpenOptions& options, Mailbox* mailbox)
      : stream_(*stream), gate_(pack.schema, nullptr), options_(options), mailbox_(*mailbox) {}

  // One event for each key, as fast as they are taken.
  Status Preload() {
    for (uint64_t done = 0; done < options_.preload;) {
      const uint64_t count = std::min<uint64_t>(options_.batch, options_.preload - done);
      CREDENCE_TRY(SendParcel(count, Clock::now(), 0,
                              [&](std::string* text) { stream_.Touch(done++, text); }));
    }
    return {};
  }

  Status Stream() {
    prctl(PR_SET_TIMERSLACK, 1);
    const Clock::time_point begin = Clock::now();
    const auto end = begin + std::chrono::duration_cast<Clock::duration>(
                                 std::chrono::duration<double>(options_.seconds));
    const auto next = [&](std::string* text) { stream_.Next(text); };
    if (options_.rate <= 0) {
      while (Clock::now() < end) {
        CREDENCE_TRY(SendParcel(options_.batch, Clock::now(), 0, next));
      }
      return {};
    }
    const double gap_ns = 1e9 / options_.rate;
    const auto made_before = [&](std::string* text) {
      if (texts_ahead_.empty()) return stream_.Next(text);
      text->swap(texts_ahead_.front());
      spare_texts_.push_back(std::move(texts_ahead_.front()));
      texts_ahead_.pop_front();
    };
    uint64_t sent = 0;
    while (true) {
      const auto due = begin + std::chrono::nanoseconds(
                                   static_cast<int64_t>(gap_ns * static_cast<double>(sent)));
      if (due >= end) return {};
      MakeTextsUntil(due);
      std::this_thread::sleep_until(due);
      const auto late = static_cast<double>(Ns(Clock::now() - due));
      const uint64_t count =
          std::min<uint64_t>(options_.batch, 1 + static_cast<uint64_t>(late / gap_ns));
      CREDENCE_TRY(SendParcel(count, due, gap_ns, made_before));
      sent += count;
    }
  }

  [[nodiscard]] const Histogram& lateness() const { return lateness_; }

 private:
  // Events whose time has not come, so that what they cost to make is not among what is measured.
  void MakeTextsUntil(Clock::time_point due) {
    constexpr size_t kTextsAhead = 256;
    constexpr auto kOneText = std::chrono::microseconds(10);
    while (texts_ahead_.size() < kTextsAhead && Clock::now() + kOneText < due) {
      std::string text;
      if (!spare_texts_.empty()) {
        text = std::move(spare_texts_.back());
        spare_texts_.pop_back();
      }
      stream_.Next(&text);
      texts_ahead_.push_back(std::move(text));
    }
  }

  template <class Make>
  Status SendParcel(uint64_t count, Clock::time_point due, double gap_ns, const Make& make) {
    Parcel* parcel = mailbox_.Empty();
    if (parcel == nullptr) return Unavailable("the engine has stopped");
    parcel->arena.Reset();
    parcel->texts.resize(count);
    parcel->events.assign(count, {});
    parcel->intended.clear();
    for (uint64_t i = 0; i < count; ++i) {
      make(&parcel->texts[i]);
      api::Problem problem;
      if (!gate_.Parse(parcel->texts[i], &parcel->arena, &parcel->events[i], &problem)) {
        return InvalidArgument("the pack refuses the stream: " + problem.field + ": " +
                               problem.expected);
      }
      parcel->intended.push_back(
          due + std::chrono::nanoseconds(static_cast<int64_t>(gap_ns * static_cast<double>(i))));
    }
    const Clock::time_point now = Clock::now();
    for (const Clock::time_point intended : parcel->intended) lateness_.Add(Ns(now - intended));
    mailbox_.Send(parcel);
    return {};
  }

  OrderStream& stream_;
  api::Gate gate_;
  const OpenOptions& options_;
  Mailbox& mailbox_;
  std::deque<std::string> texts_ahead_;
  std::vector<std::string> spare_texts_;
  Histogram lateness_;
};

int64_t ResidentBytes() {
  long pages = 0;
  if (std::FILE* file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%*d %ld", &pages) != 1) pages = 0;
    std::fclose(file);
  }
  return int64_t{pages} * sysconf(_SC_PAGESIZE);
}

// CPU seconds of this process by the names of its threads.
std::map<std::string, double> ThreadSeconds() {
  std::map<std::string, double> seconds;
  std::error_code ignored;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", ignored)) {
    // The clock of the scheduler: "stat" only counts who runs when the timer interrupts.
    std::string name;
    std::getline(std::ifstream(task.path() / "comm"), name);
    uint64_t ns = 0;
    if (std::ifstream(task.path() / "schedstat") >> ns) {
      seconds[name] += static_cast<double>(ns) * 1e-9;
    }
  }
  return seconds;
}

SecondTimes TimesOf(const Histogram& times) {
  return {times.AtShare(0.5), times.AtShare(0.99), times.AtShare(0.999)};
}

engine::CheckpointCounters CheckpointCountersOf(const engine::Engine& engine) {
  return engine.checkpoints() == nullptr ? engine::CheckpointCounters()
                                         : engine.checkpoints()->counters();
}

engine::CheckpointCounters Since(const engine::CheckpointCounters& before,
                                 engine::CheckpointCounters now) {
  now.checkpoints -= before.checkpoints;
  now.failed -= before.failed;
  now.bytes -= before.bytes;
  now.rows -= before.rows;
  now.waits -= before.waits;
  return now;
}

// The engine's side: takes what waits, decides, and answers once it is on disk.
class Taker {
 public:
  Taker(engine::Engine* engine, const OpenOptions& options, Mailbox* mailbox, OpenReport* report)
      : engine_(*engine),
        options_(options),
        mailbox_(*mailbox),
        report_(report),
        checkpoints_before_(CheckpointCountersOf(*engine).checkpoints) {}

  // Until the sender has ended. `measured` false: nothing is counted.
  Status Run(bool measured) {
    measured_ = measured;
    second_ends_ = Clock::now() + std::chrono::seconds(1);
    engine_.set_on_committed([this] { mailbox_.Wake(); });
    const auto otherwise = [this](bool ended) {
      return engine_.in_flight() == 0 ? ended : engine_.MayEnd();
    };
    while (engine_.in_flight() > 0 || !mailbox_.Finished()) {
      std::vector<Parcel*> parcels;
      mailbox_.Take(engine_.MayBegin() ? options_.batch : 0, otherwise, &parcels);
      if (!parcels.empty()) CREDENCE_TRY(Begin(std::move(parcels)));
      while (engine_.MayEnd()) CREDENCE_TRY(End());
    }
    engine_.set_on_committed({});
    if (measured_) EndSecond();
    return {};
  }

 private:
  Status Begin(std::vector<Parcel*> parcels) {
    events_.clear();
    for (const Parcel* parcel : parcels) {
      events_.insert(events_.end(), parcel->events.begin(), parcel->events.end());
    }
    CREDENCE_TRY(engine_.Begin(events_, engine::Arrival::kHistory, Timestamp{}));
    Count(parcels, &facts_);
    waiting_.push_back(std::move(parcels));
    return {};
  }

  Status End() {
    const auto outcomes = engine_.End();
    if (!outcomes.ok()) return outcomes.status();
    for (const engine::Outcome& outcome : *outcomes) {
      if (outcome.kind != engine::Outcome::Kind::kDecided) {
        return InvalidArgument("an event of the stream was not decided: " + outcome.expected);
      }
    }
    Count(waiting_.front(), &durable_);
    mailbox_.Free(waiting_.front());
    waiting_.pop_front();
    if (!measured_) return {};
    report_->events += outcomes->size();
    second_.decided += outcomes->size();
    ++report_->batches;
    if (Clock::now() >= second_ends_) EndSecond();
    return {};
  }

  void Count(const std::vector<Parcel*>& parcels, Histogram* histogram) const {
    if (!measured_) return;
    const Clock::time_point now = Clock::now();
    for (const Parcel* parcel : parcels) {
      for (const Clock::time_point intended : parcel->intended) {
        histogram->Add(Ns(now - intended));
      }
    }
  }

  void EndSecond() {
    second_.facts = TimesOf(facts_);
    second_.durable = TimesOf(durable_);
    second_.resident_bytes = ResidentBytes();
    second_.checkpoints = CheckpointCountersOf(engine_).checkpoints - checkpoints_before_;
    report_->by_second.push_back(second_);
    report_->facts.Merge(facts_);
    report_->durable.Merge(durable_);
    second_ = {};
    facts_ = {};
    durable_ = {};
    second_ends_ += std::chrono::seconds(1);
  }

  engine::Engine& engine_;
  const OpenOptions& options_;
  Mailbox& mailbox_;
  OpenReport* report_;
  const uint64_t checkpoints_before_;
  bool measured_ = false;
  std::vector<record::Event> events_;
  std::deque<std::vector<Parcel*>> waiting_;  // of the batches in flight
  OpenSecond second_;
  Histogram facts_;
  Histogram durable_;
  Clock::time_point second_ends_;
};

// What an append that is synced costs at least.
Status TimeFloor(FileSystem& disk, const std::string& folder, uint64_t bytes, Histogram* floor) {
  constexpr uint64_t kFrames = 500;
  CREDENCE_ASSIGN(const auto file, disk.Open(folder + "/floor", OpenMode::kReplace));
  const std::string frame(std::max<uint64_t>(bytes, 1), 'x');
  for (uint64_t i = 0; i < kFrames; ++i) {
    const Clock::time_point begin = Clock::now();
    CREDENCE_TRY(file->WriteAt(i * frame.size(), frame));
    CREDENCE_TRY(file->Sync());
    floor->Add(Ns(Clock::now() - begin));
  }
  return {};
}

// How late this machine wakes a thread at best: nothing that waits for its time is faster.
void TimeWakeups(double rate, Histogram* wakeups) {
  constexpr double kSeconds = 5;
  prctl(PR_SET_TIMERSLACK, 1);
  const Clock::time_point begin = Clock::now();
  const double gap_ns = 1e9 / rate;
  for (uint64_t i = 1; i <= static_cast<uint64_t>(kSeconds * rate); ++i) {
    const auto due =
        begin + std::chrono::nanoseconds(static_cast<int64_t>(gap_ns * static_cast<double>(i)));
    std::this_thread::sleep_until(due);
    wakeups->Add(Ns(Clock::now() - due));
  }
}

uint64_t JournalBytes(const engine::Engine& engine) {
  // Full segments are of equal size.
  const journal::Journal& journal = engine.journal();
  return (journal.segment_number() - 1) * journal::kSegmentBytesDefault + journal.segment_bytes();
}

// The engine goes as a killed process would: nothing is closed or written on the way out. The next
// one starts from the last checkpoint.
Status TimeRestart(FileSystem& disk, const std::string& folder, const engine::Options& options,
                   std::unique_ptr<engine::Engine>* engine, OpenReport* report) {
  report->store_bytes = (*engine)->checkpoints()->store().disk_bytes();
  engine->reset();
  const Clock::time_point begin = Clock::now();
  CREDENCE_ASSIGN(*engine, engine::Engine::Open(disk, folder, options));
  report->restart_seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  report->restart_events = (*engine)->opened().events;
  return {};
}

// One phase: a sender in a thread of its own, the engine in this one.
template <class Send>
Status RunPhase(Taker* taker, Mailbox* mailbox, bool measured, const Send& send) {
  Status sent;
  std::thread thread([&] {
    thread::Begin("sender", thread::Urgency::kPrompt);
    sent = send();
    mailbox->End();
  });
  const Status taken = taker->Run(measured);
  mailbox->Close();
  thread.join();
  CREDENCE_TRY(taken);
  return sent;
}

}  // namespace

Result<OpenReport> RunOpen(const std::shared_ptr<const pack::Pack>& pack, FileSystem& disk,
                           const OpenOptions& options) {
  constexpr size_t kParcels = 64;
  OpenReport report;
  engine::Options engine_options;
  // As in `credence serve`.
  engine_options.own_journal_thread = true;
  engine_options.journal.write_ahead = journal::WriteAhead::kSegments;
  engine_options.journal.own_ahead_thread = true;
  engine_options.checkpoints = options.checkpoints;
  CREDENCE_ASSIGN(auto engine,
                  engine::Engine::Open(disk, options.folder + "/engine", engine_options));
  // Not before: threads that others make would inherit it.
  thread::Begin("engine", thread::Urgency::kPrompt);
  CREDENCE_TRY(
      engine->Activate(pack, "credence bench", "", Timestamp{OrderStream::kStart.ns - kNsPerHour}));
  OrderStream stream(options.stream);
  if (options.preload > 0) {
    Mailbox mailbox(kParcels);
    Sender sender(&stream, *pack, options, &mailbox);
    Taker taker(engine.get(), options, &mailbox, &report);
    CREDENCE_TRY(RunPhase(&taker, &mailbox, false, [&] { return sender.Preload(); }));
  }
  const uint64_t bytes_before = JournalBytes(*engine);
  const engine::CheckpointCounters checkpoints_before = CheckpointCountersOf(*engine);
  const std::map<std::string, double> cpu_before = ThreadSeconds();
  std::map<std::string, double> cpu_after;
  const Clock::time_point begin = Clock::now();
  {
    // Without a rate a short queue stands for callers that wait for their answers.
    Mailbox mailbox(options.rate > 0 ? 4'096 : 4);
    Sender sender(&stream, *pack, options, &mailbox);
    Taker taker(engine.get(), options, &mailbox, &report);
    CREDENCE_TRY(RunPhase(&taker, &mailbox, true, [&] {
      Status sent = sender.Stream();
      cpu_after["sender"] = ThreadSeconds()["sender"];
      return sent;
    }));
    report.lateness = sender.lateness();
  }
  report.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  for (const auto& [name, seconds] : ThreadSeconds()) cpu_after.emplace(name, seconds);
  for (const auto& [name, seconds] : cpu_after) {
    const auto before = cpu_before.find(name);
    report.threads.push_back({name, seconds - (before == cpu_before.end() ? 0 : before->second)});
  }
  report.journal_bytes = JournalBytes(*engine) - bytes_before;
  for (uint32_t entity = 0; entity < pack->schema.entities.size(); ++entity) {
    report.live_entities += engine->state().entities.size(entity);
  }
  report.in_memory = engine->state().entities.in_memory();
  report.memory_bytes = engine->state().entities.bytes();
  if (engine->checkpoints() != nullptr) {
    report.checkpoints = Since(checkpoints_before, CheckpointCountersOf(*engine));
    report.cache = engine->state().entities.counters();
    CREDENCE_TRY(TimeRestart(disk, options.folder + "/engine", engine_options, &engine, &report));
  }
  // It would write segments ahead meanwhile.
  engine.reset();
  CREDENCE_TRY(TimeFloor(disk, options.folder,
                         report.journal_bytes / std::max<uint64_t>(report.batches, 1),
                         &report.floor));
  if (options.rate > 0) {
    TimeWakeups(options.rate, &report.wakeups);
  }
  return report;
}

}  // namespace credence::apps
