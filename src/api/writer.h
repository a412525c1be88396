#pragma once
// Writer: the one thread that drives the engine of a server. Others hand it events and commands;
// it takes what waits, at most a batch, decides it while earlier ones are written and synced, and
// tells what became of each event once that is on disk.
//
// Everything is done in the order in which it was handed over. When the engine has stopped (its
// journal could not be written) every event is refused with 503 until the process is started again;
// a full disk refuses with 507 and is got over by itself.
//
// Timers fire by themselves: at most one record of them between two batches of events, as many as
// take about Options::timer_share, and one after the other while nothing else waits. No timer fires
// while a command waits.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "src/api/gate.h"
#include "src/api/metrics.h"
#include "src/api/problem.h"
#include "src/api/protection.h"
#include "src/base/clock.h"
#include "src/engine/engine.h"
#include "src/http/server.h"

namespace credence::api {

inline constexpr size_t kQueueEventsMax = 8'192;  // 429 beyond it
inline constexpr size_t kQueueCommandsMax = 256;  // 429 beyond it
inline constexpr std::chrono::microseconds kTimerShare{100};

// Where the answer to a request goes, and what is counted and logged of it.
struct Route;
struct ReplyTo {
  http::Responder responder;
  const Route* route = nullptr;
  std::chrono::steady_clock::time_point received;
};
// The answer to several events, put together as they come back.
struct BatchReply;

// One event on its way. Jobs go round, so that they keep their memory.
struct Job {
  Arena arena;
  std::string text;  // what was sent: read again if the pack changes meanwhile
  record::Event event;
  std::shared_ptr<const pack::Pack> pack;  // whose schema `event` is of
  ReplyTo reply;
  std::shared_ptr<BatchReply> batch;  // of a batch: where its line goes
  size_t line = 0;
  bool show_slots = true;
  std::chrono::steady_clock::time_point queued;
};

// A gate that follows the active pack. One thread at a time may read, and the keys of personal
// fields have one user at a time: both are guarded here. Any thread.
class SharedGate {
 public:
  explicit SharedGate(Protection* protection) : protection_(protection) {}
  void SetPack(std::shared_ptr<const pack::Pack> pack);
  // Reads job->text: fills event and pack. False: `*problem` says why.
  bool Read(Job* job, Problem* problem);
  // Ok: the keys of all events that were read before the call are on disk. Nobody waits for it to
  // read.
  Status FlushKeys();
  [[nodiscard]] std::shared_ptr<const pack::Pack> pack() const;

 private:
  mutable std::mutex mutex_;
  Protection* const protection_;
  std::shared_ptr<const pack::Pack> pack_;
  std::unique_ptr<Gate> gate_;
};

// What others may know of the engine without asking its thread.
struct EngineView {
  Seq seq;  // of the last record that is on disk
  Timestamp stamp;
  uint64_t entities_in_memory = 0;
  uint64_t entity_bytes = 0;
  engine::CacheCounters cache;
  engine::CheckpointCounters checkpoints;
  Status stopped;
};

class Writer {
 public:
  // What becomes of each event, on the writer's thread. The job is then used again.
  class Audience {
   public:
    virtual ~Audience() = default;
    virtual void Done(Job* job, const engine::Outcome& outcome) = 0;
    virtual void Refused(Job* job, const Problem& problem) = 0;
  };
  // Commands run alone, with nothing in flight: what they see is on disk.
  using Command = std::function<void(engine::Engine*)>;

  struct Options {
    engine::Arrival arrival = engine::Arrival::kLive;
    size_t queue_events_max = kQueueEventsMax;
    // Whether due timers fire, and how long one share of them may take the engine (about): what an
    // event may have to wait for.
    bool timers = true;
    std::chrono::nanoseconds timer_share = kTimerShare;
    // Gets the number of the journal's frames that are on disk, each time that it grew. May be
    // empty.
    std::function<void(uint64_t frames)> on_durable;
  };

  // All but the engine outlive the writer.
  Writer(std::unique_ptr<engine::Engine> engine, SharedGate* gate, Audience* audience,
         ServerMetrics* metrics, Clock* clock, const Options& options);
  // Stop.
  ~Writer();

  // An empty job, from any thread.
  Job* NewJob();
  void Forget(Job* job);
  // All of them in order, or none: false if the queue has no room, or the writer is stopping.
  bool Take(Job* const* jobs, size_t count);
  bool Run(Command command);

  [[nodiscard]] size_t queued() const { return queued_.load(std::memory_order_relaxed); }
  [[nodiscard]] EngineView view() const;
  // The journal's end on disk: what a reader of the journal may read up to.
  [[nodiscard]] journal::ChainHead durable() const { return journal_->durable(); }
  [[nodiscard]] Timestamp Now() const { return Timestamp{clock_->NowNs()}; }
  // When a command happens: now, or, where events arrive at their own time, after the last of them.
  [[nodiscard]] Timestamp CommandTime(const engine::Engine& engine) const {
    return options_.arrival == engine::Arrival::kHistory ? engine.state().last_stamp : Now();
  }
  [[nodiscard]] engine::Arrival arrival() const { return options_.arrival; }

  // Does what was handed over, then closes the engine (seals the journal, last checkpoint). The
  // status of closing. Once.
  Status Stop();

 private:
  struct Item {
    Job* job = nullptr;
    Command command;
  };
  struct Batch {
    std::vector<Job*> jobs;
    std::chrono::steady_clock::time_point begun;
  };
  void Loop();
  // A batch may be ended. Any thread.
  void Wake();
  // Waits until there is something to do, but not where `busy`. What is to be begun: a batch, or a
  // command if nothing is in flight; or nothing, where a batch can be ended. False at the end.
  bool TakeNext(bool busy, std::vector<Job*>* jobs, Command* command);
  void Begin(std::vector<Job*>* jobs);
  // Whether a record of timers was begun.
  bool FireTimers();
  // How long nothing is due; nothing where only an event or a command can change that.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> UntilTimers() const;
  void End();
  void RefuseAll(std::vector<Job*>* jobs, const Problem& problem);
  void Publish(bool now);
  void TellDurable() const;

  std::unique_ptr<engine::Engine> engine_;
  const journal::Journal* const journal_;
  SharedGate* const gate_;
  Audience* const audience_;
  ServerMetrics* const metrics_;
  Clock* const clock_;
  const Options options_;

  // Of the writer's thread.
  std::deque<Batch> in_flight_;
  std::vector<std::vector<Job*>> spare_;
  std::vector<record::Event> events_;
  std::chrono::steady_clock::time_point published_;
  size_t timers_in_share_ = 16;
  bool timers_wait_ = false;                           // for a command, or the end
  std::chrono::steady_clock::time_point timers_rest_;  // until then
  Status closed_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Item> queue_;  // guarded by mutex_
  size_t commands_ = 0;     // guarded by mutex_
  bool stopping_ = false;   // guarded by mutex_
  std::atomic<size_t> queued_{0};

  std::mutex pool_mutex_;
  std::vector<std::unique_ptr<Job>> all_;  // guarded by pool_mutex_
  std::vector<Job*> free_;                 // guarded by pool_mutex_

  mutable std::mutex view_mutex_;
  EngineView view_;  // guarded by view_mutex_

  std::thread thread_;  // last: it uses all of the above
};

// The problem of a failure of the engine: 507 for a full disk, 503 else.
[[nodiscard]] Problem EngineProblem(const Status& status);

}  // namespace credence::api
