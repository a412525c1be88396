#include "src/api/writer.h"

#include <algorithm>

#include "src/base/assert.h"
#include "src/thread/thread.h"

namespace credence::api {

using SteadyClock = std::chrono::steady_clock;

namespace {

constexpr std::chrono::milliseconds kPublishEvery{100};
// After timers could not fire, or nothing was due after all.
constexpr std::chrono::milliseconds kTimersRest{100};
// The clock may jump: it is looked at this often.
constexpr std::chrono::seconds kTimersLook{1};
constexpr size_t kJobBytesKept = size_t{16} << 10;

int64_t Ns(SteadyClock::duration duration) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count();
}

// The engine is as it was, and goes on.
Problem KeysProblem(const Status& status) {
  if (status.code() == StatusCode::kResourceExhausted) return EngineProblem(status);
  return {503, "keys-not-written", "The keys of new people could not be written", "",
          "expected to be sent again: nothing was done"};
}

}  // namespace

Problem EngineProblem(const Status& status) {
  if (status.code() == StatusCode::kResourceExhausted) {
    return {507, "disk-full", "The disk is full", "",
            "expected room on the disk of the store; nothing was done, and it goes on by itself"};
  }
  return {503, "engine-stopped", "The engine has stopped", "",
          "expected to be sent again once the server was started again: what is on disk counts, "
          "and an event counts once"};
}

// --- SharedGate ---

void SharedGate::SetPack(std::shared_ptr<const pack::Pack> pack) {
  auto gate = pack == nullptr ? nullptr : std::make_unique<Gate>(pack->schema, protection_);
  const std::lock_guard lock(mutex_);
  gate_ = std::move(gate);
  pack_ = std::move(pack);
}

bool SharedGate::Read(Job* job, Problem* problem) {
  const std::lock_guard lock(mutex_);
  if (gate_ == nullptr) {
    *problem = {503, "no-pack", "No pack is active", "", "expected an active pack"};
    return false;
  }
  job->arena.Reset();
  job->pack = pack_;
  return gate_->Parse(job->text, &job->arena, &job->event, problem);
}

Status SharedGate::FlushKeys() {
  return protection_ == nullptr ? OkStatus() : protection_->Flush();
}

std::shared_ptr<const pack::Pack> SharedGate::pack() const {
  const std::lock_guard lock(mutex_);
  return pack_;
}

// --- Writer: for others ---

Writer::Writer(std::unique_ptr<engine::Engine> engine, SharedGate* gate, Audience* audience,
               ServerMetrics* metrics, Clock* clock, const Options& options)
    : engine_(std::move(engine)),
      journal_(&engine_->journal()),
      gate_(gate),
      audience_(audience),
      metrics_(metrics),
      clock_(clock),
      options_(options) {
  Publish(true);
  TellDurable();
  engine_->set_on_committed([this] { Wake(); });
  thread_ = std::thread([this] {
    thread::Begin("engine", thread::Urgency::kPrompt);
    Loop();
  });
}

Writer::~Writer() { Stop().IgnoreError(); }

Job* Writer::NewJob() {
  const std::lock_guard lock(pool_mutex_);
  if (free_.empty()) {
    all_.push_back(std::make_unique<Job>());
    return all_.back().get();
  }
  Job* job = free_.back();
  free_.pop_back();
  return job;
}

void Writer::Forget(Job* job) {
  job->batch.reset();
  job->pack.reset();
  job->text.clear();
  if (job->text.capacity() > kJobBytesKept) job->text.shrink_to_fit();
  const std::lock_guard lock(pool_mutex_);
  free_.push_back(job);
}

bool Writer::Take(Job* const* jobs, size_t count) {
  const auto now = SteadyClock::now();
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || queue_.size() - commands_ + count > options_.queue_events_max) return false;
    for (size_t i = 0; i < count; ++i) {
      jobs[i]->queued = now;
      queue_.push_back({jobs[i], {}});
    }
    queued_.store(queue_.size(), std::memory_order_relaxed);
  }
  wake_.notify_one();
  return true;
}

bool Writer::Run(Command command) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || commands_ >= kQueueCommandsMax) return false;
    ++commands_;
    queue_.push_back({nullptr, std::move(command)});
  }
  wake_.notify_one();
  return true;
}

EngineView Writer::view() const {
  const std::lock_guard lock(view_mutex_);
  return view_;
}

Status Writer::Stop() {
  if (!thread_.joinable()) return closed_;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
  engine_->set_on_committed({});
  closed_ = engine_->Close();
  return closed_;
}

// --- Writer: its thread ---

void Writer::Loop() {
  std::vector<Job*> jobs;
  Command command;
  bool fired = false;
  while (TakeNext(fired, &jobs, &command)) {
    if (command) {
      command(engine_.get());
      command = {};
      TellDurable();
      Publish(true);
      continue;
    }
    if (!jobs.empty()) Begin(&jobs);
    while (engine_->MayEnd()) End();
    // While timers are due the next of them are worked on beside the disk.
    fired = FireTimers();
  }
  Publish(true);
}

void Writer::Wake() {
  // Not between the writer's look and its sleep.
  { const std::lock_guard lock(mutex_); }
  wake_.notify_one();
}

bool Writer::TakeNext(bool busy, std::vector<Job*>* jobs, Command* command) {
  jobs->clear();
  const bool idle = engine_->in_flight() == 0;
  const bool room = engine_->MayBegin();
  std::unique_lock lock(mutex_);
  const auto ready = [&] {
    if (idle) return stopping_ || !queue_.empty();
    return engine_->MayEnd() || (room && !queue_.empty() && queue_.front().job != nullptr);
  };
  if (!busy && !ready()) {
    lock.unlock();
    if (idle) Publish(false);
    const auto until = idle ? UntilTimers() : std::nullopt;
    lock.lock();
    if (until) {
      wake_.wait_for(lock, *until, ready);
    } else {
      wake_.wait(lock, ready);
    }
  }
  while (room && !queue_.empty() && queue_.front().job != nullptr &&
         jobs->size() < engine::kBatchEventsMax) {
    jobs->push_back(queue_.front().job);
    queue_.pop_front();
  }
  queued_.store(queue_.size(), std::memory_order_relaxed);
  timers_wait_ = stopping_ || (!queue_.empty() && queue_.front().job == nullptr);
  if (!jobs->empty() || !idle) return true;
  if (queue_.empty()) return !stopping_;
  *command = std::move(queue_.front().command);
  queue_.pop_front();
  --commands_;
  return true;
}

std::optional<std::chrono::nanoseconds> Writer::UntilTimers() const {
  if (!options_.timers) return std::nullopt;
  const auto next = engine_->NextTimer();
  if (!next) return std::nullopt;
  const Int128 left = Int128{next->ns} - CommandTime(*engine_).ns;
  // Where events arrive at their own time it does not pass without them.
  if (left > 0 && options_.arrival == engine::Arrival::kHistory) return std::nullopt;
  const std::chrono::nanoseconds look = kTimersLook;
  const std::chrono::nanoseconds rest = timers_rest_ - SteadyClock::now();
  const std::chrono::nanoseconds due{
      static_cast<int64_t>(std::clamp<Int128>(left, 0, look.count()))};
  return std::min(look, std::max(due, rest));
}

bool Writer::FireTimers() {
  if (!options_.timers || timers_wait_ || !engine_->MayBegin()) return false;
  const auto begun = SteadyClock::now();
  const auto next = engine_->NextTimer();
  const Timestamp now = CommandTime(*engine_);
  if (!next || *next > now || begun < timers_rest_) return false;
  const auto fired = engine_->BeginTimers(timers_in_share_, now);
  const auto ended = SteadyClock::now();
  if (!fired.ok() || *fired == 0) {
    timers_rest_ = ended + kTimersRest;
    return false;
  }
  metrics_->timers.fetch_add(*fired, std::memory_order_relaxed);
  const int64_t ns_each = std::max<int64_t>(Ns(ended - begun) / static_cast<int64_t>(*fired), 1);
  const auto fits = static_cast<size_t>(options_.timer_share.count() / ns_each);
  timers_in_share_ =
      std::clamp<size_t>(fits, 1, std::min(2 * timers_in_share_, record::kTimerItemsMax));
  in_flight_.push_back({{}, ended});
  return true;
}

void Writer::Begin(std::vector<Job*>* jobs) {
  const auto begun = SteadyClock::now();
  events_.clear();
  size_t kept = 0;
  for (Job* job : *jobs) {
    Problem problem;
    // Another pack was activated since it was read.
    if (job->pack.get() != engine_->pack() && !gate_->Read(job, &problem)) {
      audience_->Refused(job, problem);
      Forget(job);
      continue;
    }
    metrics_->Observe(Stage::kQueue, Ns(begun - job->queued));
    events_.push_back(job->event);
    (*jobs)[kept++] = job;
  }
  jobs->resize(kept);
  if (jobs->empty()) return;
  // After reading: it may have made keys too.
  const Status keys = gate_->FlushKeys();
  if (!keys.ok()) return RefuseAll(jobs, KeysProblem(keys));
  const Status status = engine_->Begin(events_, options_.arrival, Now());
  if (!status.ok()) return RefuseAll(jobs, EngineProblem(status));
  const auto decided = SteadyClock::now();
  metrics_->Observe(Stage::kDecide, Ns(decided - begun), jobs->size());
  Batch batch{{}, decided};
  if (!spare_.empty()) {
    batch.jobs = std::move(spare_.back());
    spare_.pop_back();
  }
  batch.jobs.swap(*jobs);
  in_flight_.push_back(std::move(batch));
}

void Writer::End() {
  CREDENCE_ASSERT(!in_flight_.empty());
  Batch batch = std::move(in_flight_.front());
  in_flight_.pop_front();
  const auto outcomes = engine_->End();
  if (!outcomes.ok()) {
    RefuseAll(&batch.jobs, EngineProblem(outcomes.status()));
    Publish(true);
    return;
  }
  CREDENCE_ASSERT(outcomes->size() == batch.jobs.size());
  metrics_->Observe(Stage::kCommit, Ns(SteadyClock::now() - batch.begun), batch.jobs.size());
  metrics_->batches.fetch_add(1, std::memory_order_relaxed);
  for (size_t i = 0; i < batch.jobs.size(); ++i) {
    audience_->Done(batch.jobs[i], (*outcomes)[i]);
    Forget(batch.jobs[i]);
  }
  batch.jobs.clear();
  if (batch.jobs.capacity() > 0) spare_.push_back(std::move(batch.jobs));
  TellDurable();
  Publish(false);
}

void Writer::TellDurable() const {
  if (options_.on_durable) options_.on_durable(journal_->durable().frames);
}

void Writer::RefuseAll(std::vector<Job*>* jobs, const Problem& problem) {
  for (Job* job : *jobs) {
    audience_->Refused(job, problem);
    Forget(job);
  }
  jobs->clear();
}

void Writer::Publish(bool now) {
  const auto time = SteadyClock::now();
  if (!now && time - published_ < kPublishEvery) return;
  published_ = time;
  EngineView view;
  const journal::ChainHead durable = journal_->durable();
  view.seq = durable.last_seq;
  view.stamp = engine_->state().last_stamp;
  view.entities_in_memory = engine_->state().entities.in_memory();
  view.entity_bytes = engine_->state().entities.bytes();
  view.cache = engine_->state().entities.counters();
  view.stopped = journal_->status();
  if (view.stopped.ok()) view.stopped = engine_->state().entities.status();
  if (engine_->checkpoints() != nullptr) view.checkpoints = engine_->checkpoints()->counters();
  const std::lock_guard lock(view_mutex_);
  view_ = std::move(view);
}

}  // namespace credence::api
