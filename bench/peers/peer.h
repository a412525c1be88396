#pragma once
// Peer: one way of deciding on a stream of orders with the pack bench/packs/hundred, durable before
// the reply. Credence is one; the others keep the orders elsewhere and ask for the aggregates of
// each event. All parse with the same gate and all decide with the same models and policy, in this
// process: what differs is where windows are kept, how they are read and what makes them durable.

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "apps/histogram.h"
#include "src/api/gate.h"
#include "src/base/arena.h"
#include "src/base/int128.h"
#include "src/base/status.h"
#include "src/decision/decide.h"
#include "src/pack/pack.h"
#include "src/record/event.h"

namespace credence::bench {

inline constexpr size_t kEntities = 4;  // buyer, device, host, address
inline constexpr size_t kWindows = 6;
inline constexpr int64_t kMinuteUs = 60'000'000;
inline constexpr std::array<int64_t, kWindows> kWindowUs = {
    kMinuteUs,        10 * kMinuteUs,       60 * kMinuteUs,
    1440 * kMinuteUs, 7 * 1440 * kMinuteUs, 30 * 1440 * kMinuteUs};

// What a peer answers for one entity of an order, the order itself among it. Amounts in minor
// units. Only what the pack's features need is filled.
struct EntityAnswer {
  struct Window {
    int64_t count = 0;
    int64_t sum = 0;
    int64_t squares = 0;   // of the sum of squares; 7d and 30d
    int64_t max = 0;       // 1d and 30d
    int64_t distinct = 0;  // of the other key; 1h, 1d and 30d
  };
  std::array<Window, kWindows> windows;
  bool has_last = false;  // an order before this one within 30d
  int64_t last = 0;
  int64_t last_us = 0;  // its time
};
using Answers = std::array<EntityAnswer, kEntities>;

// The order in the words of a peer.
struct Order {
  record::Event event;
  std::array<std::string_view, kEntities> keys;
  int64_t amount = 0;
  int64_t time_us = 0;
};

// From text to order and from answers to decision. One per thread.
class Decider {
 public:
  explicit Decider(std::shared_ptr<const pack::Pack> pack);
  // kInvalidArgument if the pack refuses it. Views live as long as the arena's content.
  Status Parse(std::string_view text, uint64_t seq, Arena* arena, Order* order);
  // `*features` by index in FeaturePlan::features.
  record::DecisionRecord Decide(const Order& order, const Answers& answers,
                                std::vector<record::Value>* features);
  // The features that a record kept.
  void FeaturesOf(const record::DecisionRecord& decision,
                  std::vector<record::Value>* features) const;

 private:
  void FillFeatures(const Order& order, const Answers& answers, std::vector<record::Value>* out);
  std::shared_ptr<const pack::Pack> pack_;
  const decision::DecisionPlan& plan_;
  api::Gate gate_;
  decision::Scratch scratch_;
  uint32_t amount_field_ = 0;
  std::array<uint32_t, kEntities> key_fields_{};
  std::vector<feature::ReadSet> reads_;  // by feature, of it alone
  std::vector<size_t> window_of_;        // by feature
  std::vector<record::Value> slots_;
};

using Clock = std::chrono::steady_clock;

// What came out: every event's outcome, the features of each `stride`th, and how long each took.
// Any thread.
class Recorder {
 public:
  Recorder(const pack::Pack& pack, size_t events, size_t stride)
      : outcome_names_(pack.decisions.front().outcomes),
        stride_(stride),
        outcomes_(events),
        samples_(events / stride + 1) {}

  [[nodiscard]] bool Samples(size_t index) const { return index % stride_ == 0; }
  void Decided(size_t index, const std::string& outcome, std::vector<record::Value> features) {
    for (size_t i = 0; i < outcome_names_.size(); ++i) {
      if (outcome_names_[i] == outcome) outcomes_[index] = static_cast<uint8_t>(i + 1);
    }
    if (Samples(index)) samples_[index / stride_] = std::move(features);
  }
  void Answered(Clock::time_point began) {
    const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - began);
    const std::lock_guard lock(mutex_);
    latency_.Add(ns.count());
  }
  [[nodiscard]] const std::vector<uint8_t>& outcomes() const { return outcomes_; }  // from 1
  [[nodiscard]] const std::vector<std::vector<record::Value>>& samples() const { return samples_; }
  [[nodiscard]] const apps::Histogram& latency() const { return latency_; }

 private:
  std::vector<std::string> outcome_names_;
  size_t stride_;
  std::vector<uint8_t> outcomes_;
  std::vector<std::vector<record::Value>> samples_;
  std::mutex mutex_;
  apps::Histogram latency_;
};

struct Footprint {
  uint64_t memory_bytes = 0;  // of the processes that keep the state
  uint64_t log_bytes = 0;     // appended to a log since the start
  uint64_t data_bytes = 0;    // of tables, indexes or checkpoints on disk
};

class Peer {
 public:
  virtual ~Peer() = default;
  [[nodiscard]] virtual std::string name() const = 0;
  // What runs and with which switches, for the report.
  [[nodiscard]] virtual std::string version() const = 0;
  // At once in the peer's hands during Run.
  [[nodiscard]] virtual size_t in_flight() const = 0;
  // Takes orders in without deciding, as fast as it can be done: durable at its end only.
  virtual Status Preload(std::span<const std::string> texts) = 0;
  // Decides `texts`, the `first_seq` and following of the stream; index 0 of the recorder is the
  // first of them. With `alone` one after the other, each answered before the next is begun.
  virtual Status Run(std::span<const std::string> texts, uint64_t first_seq, bool alone,
                     Recorder* recorder) = 0;
  virtual Result<Footprint> Measure() = 0;
};

struct PeerOptions {
  std::string folder;  // the peer's own: not there before, made, and removed with the peer
  uint64_t checkpoint_events = 500'000;  // Credence
  size_t connections = 16;               // PostgreSQL
  size_t pipeline = 128;                 // Redis: events sent together; three such are in flight
};

// kUnavailable, with what is missing, where the server is not installed.
Result<std::unique_ptr<Peer>> StartCredence(std::shared_ptr<const pack::Pack> pack,
                                            const PeerOptions& options);
Result<std::unique_ptr<Peer>> StartRedis(std::shared_ptr<const pack::Pack> pack,
                                         const PeerOptions& options);
Result<std::unique_ptr<Peer>> StartPostgres(std::shared_ptr<const pack::Pack> pack,
                                            const PeerOptions& options);

// Bytes of all files under a folder.
[[nodiscard]] uint64_t FolderBytes(const std::string& folder);
// Of the process and its children, what they share counted once; 0 where the system does not say.
[[nodiscard]] uint64_t ProcessBytes(int pid);

}  // namespace credence::bench
