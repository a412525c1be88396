#include "src/api/metrics.h"

#include <algorithm>
#include <cstdio>

namespace credence::api {

namespace {

std::string Braced(std::string_view labels) {
  return labels.empty() ? "" : "{" + std::string(labels) + "}";
}

std::string RealText(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", value);
  return text;
}

}  // namespace

void DurationHistogram::Add(int64_t ns, uint64_t times) {
  const double seconds = static_cast<double>(ns) * 1e-9;
  const auto bucket = static_cast<size_t>(
      std::lower_bound(kBounds.begin(), kBounds.end(), seconds) - kBounds.begin());
  counts_[bucket].fetch_add(times, std::memory_order_relaxed);
  sum_ns_.fetch_add(static_cast<uint64_t>(std::max<int64_t>(ns, 0)) * times,
                    std::memory_order_relaxed);
}

void DurationHistogram::Write(std::string_view name, std::string_view labels,
                              std::string* out) const {
  const std::string before = labels.empty() ? "" : std::string(labels) + ",";
  uint64_t sum = 0;
  for (size_t i = 0; i <= kBounds.size(); ++i) {
    sum += counts_[i].load(std::memory_order_relaxed);
    const std::string bound = i == kBounds.size() ? "+Inf" : RealText(kBounds[i]);
    out->append(name).append("_bucket{").append(before).append("le=\"").append(bound);
    out->append("\"} ").append(std::to_string(sum)).append("\n");
  }
  const double seconds = static_cast<double>(sum_ns_.load(std::memory_order_relaxed)) * 1e-9;
  out->append(name).append("_sum").append(Braced(labels)).append(" ");
  out->append(RealText(seconds)).append("\n");
  out->append(name).append("_count").append(Braced(labels)).append(" ");
  out->append(std::to_string(sum)).append("\n");
}

void MetricsText::Family(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  out_.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ");
  out_.append(name).append(" ").append(type).append("\n");
}

void MetricsText::Value(std::string_view labels, uint64_t value) {
  out_ += name_ + Braced(labels) + " " + std::to_string(value) + "\n";
}

void MetricsText::Real(std::string_view labels, double value) {
  out_ += name_ + Braced(labels) + " " + RealText(value) + "\n";
}

void MetricsText::Histogram(std::string_view labels, const DurationHistogram& histogram) {
  histogram.Write(name_, labels, &out_);
}

void ServerMetrics::CountStatus(int status) {
  if (status < 0 || static_cast<size_t>(status) >= statuses_.size()) return;
  statuses_[static_cast<size_t>(status)].fetch_add(1, std::memory_order_relaxed);
}

void ServerMetrics::CountRefusal(std::string_view code) {
  const std::lock_guard lock(mutex_);
  const auto known = refusals_.find(code);
  if (known != refusals_.end()) {
    ++known->second;
  } else {
    refusals_.emplace(code, 1);
  }
}

void ServerMetrics::Write(MetricsText* out) const {
  static constexpr std::string_view kNames[kStages] = {"parse", "queue", "decide", "commit",
                                                       "total"};
  out->Family("credence_stage_seconds", "histogram",
              "Time of events by stage: parse at the gate, wait in the queue, decide (of the whole "
              "batch), commit (write and sync of the batch), total (from the last byte of the "
              "request to the answer)");
  for (size_t i = 0; i < kStages; ++i) {
    out->Histogram("stage=\"" + std::string(kNames[i]) + "\"", stages[i]);
  }
  out->Family("credence_batches_total", "counter", "Batches that were committed");
  out->Value("", batches.load(std::memory_order_relaxed));
  out->Family("credence_timers_total", "counter", "Timers that fired");
  out->Value("", timers.load(std::memory_order_relaxed));
  out->Family("credence_events_total", "counter", "Events by what became of them");
  out->Value("result=\"applied\"", applied.load(std::memory_order_relaxed));
  out->Value("result=\"decided\"", decided.load(std::memory_order_relaxed));
  out->Value("result=\"duplicate\"", duplicates.load(std::memory_order_relaxed));
  out->Family("credence_dry_runs_total", "counter", "Decisions that were tried and left no trace");
  out->Value("", dry_runs.load(std::memory_order_relaxed));
  out->Family("credence_http_responses_total", "counter", "Answers by HTTP status");
  for (size_t i = 0; i < statuses_.size(); ++i) {
    const uint64_t count = statuses_[i].load(std::memory_order_relaxed);
    if (count > 0) out->Value("status=\"" + std::to_string(i) + "\"", count);
  }
  out->Family("credence_refusals_total", "counter", "Refused requests and events by problem code");
  const std::lock_guard lock(mutex_);
  for (const auto& [code, count] : refusals_) out->Value("code=\"" + code + "\"", count);
}

}  // namespace credence::api
