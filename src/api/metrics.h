#pragma once
// What the server counts, and the Prometheus text format (version 0.0.4) of it. Counting is lock
// free but for refusals; any thread at any time. No label ever holds what a caller sent.

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace credence::api {

// Counts of durations in buckets of seconds, and their sum.
class DurationHistogram {
 public:
  static constexpr std::array<double, 18> kBounds = {5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4,
                                                     5e-4, 1e-3, 2e-3,   5e-3, 1e-2, 2.5e-2,
                                                     5e-2, 0.1,  0.25,   0.5,  1,    2.5};
  void Add(int64_t ns, uint64_t times = 1);
  // The lines of a histogram `name` with `labels` ("stage=\"parse\"" or empty).
  void Write(std::string_view name, std::string_view labels, std::string* out) const;

 private:
  std::array<std::atomic<uint64_t>, kBounds.size() + 1> counts_{};  // the last: beyond all bounds
  std::atomic<uint64_t> sum_ns_{0};
};

// Writes families one after the other.
class MetricsText {
 public:
  // `type`: "counter", "gauge", "histogram".
  void Family(std::string_view name, std::string_view type, std::string_view help);
  void Value(std::string_view labels, uint64_t value);
  void Real(std::string_view labels, double value);
  void Histogram(std::string_view labels, const DurationHistogram& histogram);
  [[nodiscard]] std::string Take() { return std::move(out_); }

 private:
  std::string out_;
  std::string name_;
};

// Where the time of an event goes.
enum class Stage : uint8_t { kParse = 0, kQueue = 1, kDecide = 2, kCommit = 3, kTotal = 4 };
inline constexpr size_t kStages = 5;

// Of the server; what the engine counts comes beside it.
class ServerMetrics {
 public:
  std::array<DurationHistogram, kStages> stages;
  DurationHistogram batches_commit;
  std::atomic<uint64_t> applied{0};
  std::atomic<uint64_t> decided{0};
  std::atomic<uint64_t> duplicates{0};
  std::atomic<uint64_t> dry_runs{0};
  std::atomic<uint64_t> batches{0};
  std::atomic<uint64_t> timers{0};

  void Observe(Stage stage, int64_t ns, uint64_t times = 1) {
    stages[static_cast<size_t>(stage)].Add(ns, times);
  }
  // A request that was answered with this HTTP status.
  void CountStatus(int status);
  // An event or request that was refused with this code, which is one of ours.
  void CountRefusal(std::string_view code);
  void Write(MetricsText* out) const;

 private:
  std::array<std::atomic<uint64_t>, 600> statuses_{};
  mutable std::mutex mutex_;
  std::map<std::string, uint64_t, std::less<>> refusals_;  // guarded by mutex_
};

}  // namespace credence::api
