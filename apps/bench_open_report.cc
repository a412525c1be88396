#include "apps/bench_open_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "apps/figures_json.h"
#include "apps/terminal.h"

namespace credence::apps {

namespace {

std::string Us(double us) { return fmt::format("{:.2f}", us); }
std::string Whole(double number) { return Grouped(static_cast<uint64_t>(number)); }

// Beside each latency: what it is and how it was counted.
std::vector<std::string> LatencyRow(std::string name, const Histogram& times) {
  const auto us = [](int64_t ns) { return Grouped(static_cast<uint64_t>(ns / 1000)); };
  return {std::move(name), us(times.AtShare(0.5)), us(times.AtShare(0.99)),
          us(times.AtShare(0.999)), us(times.max_ns())};
}

std::string RunText(const OpenReport& report, const OpenOptions& options) {
  std::string text = fmt::format(
      "open loop, {}: {} events in {:.1f} s = {} decisions a second, {} live entities, "
      "zipf {}, {:.0f} events a batch\n",
      options.rate > 0 ? Whole(options.rate) + " events a second" : "as fast as it takes them",
      Grouped(report.events), report.seconds, Whole(report.events_per_second()),
      Grouped(report.live_entities), options.stream.zipf,
      static_cast<double>(report.events) /
          static_cast<double>(std::max<uint64_t>(report.batches, 1)));
  std::vector<std::vector<std::string>> rows = {{"latency, us", "p50", "p99", "p99.9", "max"}};
  if (options.rate > 0) {
    rows.push_back(LatencyRow("  generator is late by", report.lateness));
    rows.push_back(LatencyRow("  admission to facts", report.facts));
    rows.push_back(LatencyRow("  durable", report.durable));
  }
  rows.push_back(LatencyRow("  write and fdatasync of a frame", report.floor));
  if (options.rate > 0) {
    rows.push_back(LatencyRow("  a thread that only sleeps is late by", report.wakeups));
  }
  text += "\n" + Table(rows);
  std::vector<std::vector<std::string>> threads = {{"thread", "CPU s", "us a decision"}};
  const auto events = static_cast<double>(std::max<uint64_t>(report.events, 1));
  for (const ThreadTime& thread : report.threads) {
    if (thread.seconds < 0.05) continue;
    threads.push_back({"  " + thread.name, fmt::format("{:.1f}", thread.seconds),
                       Us(thread.seconds * 1e6 / events)});
  }
  text += "\n" + Table(threads);
  text += fmt::format(
      "journal {} ({} bytes an event), resident at most {}\n", Bytes(report.journal_bytes),
      Grouped(report.journal_bytes / std::max<uint64_t>(report.events, 1)),
      Bytes(static_cast<uint64_t>(std::max_element(report.by_second.begin(), report.by_second.end(),
                                                   [](const auto& a, const auto& b) {
                                                     return a.resident_bytes < b.resident_bytes;
                                                   })
                                      ->resident_bytes)));
  return text;
}

std::string CheckpointText(const OpenReport& report) {
  const engine::CheckpointCounters& made = report.checkpoints;
  const engine::CacheCounters& cache = report.cache;
  std::string text = fmt::format(
      "\ncheckpoints: {} made, {} failed, {} waited for, {} rows, {} written, {} on disk\n"
      "entities: {} of {} in memory, {}; hit rate {:.2f} % ({} hits, {} prefetched, {} missed, {} "
      "new, {} evicted)\n"
      "restart after a kill: {:.2f} s, of which {} events of the journal were folded\n",
      Grouped(made.checkpoints), Grouped(made.failed), Grouped(made.waits), Grouped(made.rows),
      Bytes(made.bytes), Bytes(report.store_bytes), Grouped(report.in_memory),
      Grouped(report.live_entities), Bytes(report.memory_bytes), 100 * cache.hit_rate(),
      Grouped(cache.hits), Grouped(cache.prefetched), Grouped(cache.misses), Grouped(cache.absent),
      Grouped(cache.evicted), report.restart_seconds, Grouped(report.restart_events));
  constexpr size_t kRows = 12;
  std::vector<std::vector<std::string>> rows = {
      {"second", "decided", "resident", "checkpoints", "facts p99, us"}};
  const size_t step = std::max<size_t>(report.by_second.size() / kRows, 1);
  for (size_t i = step - 1; i < report.by_second.size(); i += step) {
    const OpenSecond& second = report.by_second[i];
    rows.push_back({"  " + Grouped(i + 1), Grouped(second.decided),
                    Bytes(static_cast<uint64_t>(second.resident_bytes)),
                    Grouped(second.checkpoints),
                    Whole(static_cast<double>(second.facts.p99_ns) / 1e3)});
  }
  text += "\n" + Table(rows);
  return text;
}

class Writer {
 public:
  std::string Write(const OpenReport& report, const OpenOptions& options) {
    out_.BeginObject();
    out_.Figure("rate", options.rate);
    out_.Figure("seconds", report.seconds);
    out_.Count("entities", options.stream.entities);
    out_.Figure("zipf", options.stream.zipf);
    out_.Count("events_per_day", options.stream.events_per_day);
    out_.Count("seed", options.stream.seed);
    out_.Count("preload", options.preload);
    out_.Count("batch", options.batch);
    out_.Figure("bar_us", options.bar_us);
    out_.Count("cache_bytes_max", options.checkpoints.cache_bytes);
    out_.Count("events", report.events);
    out_.Figure("decisions_per_second", report.events_per_second());
    out_.Count("batches", report.batches);
    Latency("lateness", report.lateness);
    Latency("facts", report.facts);
    Latency("durable", report.durable);
    Latency("floor", report.floor);
    Latency("wakeups", report.wakeups);
    out_.Count("journal_bytes", report.journal_bytes);
    State(report);
    Threads(report);
    Seconds(report);
    const std::vector<std::string> why = WhyItDoesNotCount(report, options);
    out_.Key("counts");
    out_.Boolean(why.empty());
    out_.Key("does_not_count_because");
    out_.BeginArray();
    for (const std::string& reason : why) out_.Text(reason);
    out_.EndArray();
    out_.EndObject();
    return out_.Finish() + "\n";
  }

 private:
  void Us(std::string_view name, int64_t ns) { out_.Figure(name, static_cast<double>(ns) / 1e3); }
  void Latency(std::string_view name, const Histogram& times) {
    out_.Key(name);
    out_.BeginObject();
    out_.Count("count", times.count());
    Us("p50_us", times.AtShare(0.5));
    Us("p99_us", times.AtShare(0.99));
    Us("p999_us", times.AtShare(0.999));
    Us("max_us", times.max_ns());
    out_.Key("histogram");
    out_.BeginArray();
    times.ForEach([&](int64_t upper_end_ns, uint64_t count) {
      out_.BeginArray();
      out_.Integer(upper_end_ns);
      out_.Integer(static_cast<int64_t>(count));
      out_.EndArray();
    });
    out_.EndArray();
    out_.EndObject();
  }
  void State(const OpenReport& report) {
    out_.Count("live_entities", report.live_entities);
    out_.Count("entities_in_memory", report.in_memory);
    out_.Count("entity_bytes", report.memory_bytes);
    out_.Key("checkpoints");
    out_.BeginObject();
    out_.Count("made", report.checkpoints.checkpoints);
    out_.Count("failed", report.checkpoints.failed);
    out_.Count("waited_for", report.checkpoints.waits);
    out_.Count("rows", report.checkpoints.rows);
    out_.Count("bytes", report.checkpoints.bytes);
    out_.Count("store_bytes", report.store_bytes);
    out_.EndObject();
    out_.Key("cache");
    out_.BeginObject();
    out_.Figure("hit_rate", report.cache.hit_rate());
    out_.Count("hits", report.cache.hits);
    out_.Count("prefetched", report.cache.prefetched);
    out_.Count("misses", report.cache.misses);
    out_.Count("new", report.cache.absent);
    out_.Count("evicted", report.cache.evicted);
    out_.EndObject();
    out_.Figure("restart_seconds", report.restart_seconds);
    out_.Count("restart_events", report.restart_events);
  }
  void Threads(const OpenReport& report) {
    out_.Key("threads");
    out_.BeginArray();
    for (const ThreadTime& thread : report.threads) {
      out_.BeginObject();
      out_.TextMember("name", thread.name);
      out_.Figure("cpu_seconds", thread.seconds);
      out_.EndObject();
    }
    out_.EndArray();
  }
  void Times(std::string_view name, const SecondTimes& times) {
    out_.Key(name);
    out_.BeginObject();
    Us("p50_us", times.p50_ns);
    Us("p99_us", times.p99_ns);
    Us("p999_us", times.p999_ns);
    out_.EndObject();
  }
  void Seconds(const OpenReport& report) {
    out_.Key("by_second");
    out_.BeginArray();
    for (const OpenSecond& second : report.by_second) {
      out_.BeginObject();
      out_.Count("decided", second.decided);
      Times("facts", second.facts);
      Times("durable", second.durable);
      out_.Count("resident_bytes", static_cast<uint64_t>(second.resident_bytes));
      out_.Count("checkpoints", second.checkpoints);
      out_.EndObject();
    }
    out_.EndArray();
  }

  FiguresJson out_;
};

}  // namespace

bool GeneratorWasLate(const OpenReport& report, const OpenOptions& options) {
  return options.rate > 0 &&
         static_cast<double>(report.lateness.AtShare(0.99)) / 1e3 > options.bar_us / 10;
}

std::vector<std::string> WhyItDoesNotCount(const OpenReport& report, const OpenOptions& options) {
  std::vector<std::string> why;
  if (report.seconds < kOpenSecondsMin) {
    why.push_back(
        fmt::format("it took {:.1f} s, less than {:.0f} s", report.seconds, kOpenSecondsMin));
  }
  if (report.checkpoints.checkpoints == 0) why.emplace_back("no checkpoint was made in it");
  if (GeneratorWasLate(report, options)) {
    why.push_back(fmt::format(
        "the generator was late by {:.0f} us at p99, more than a tenth of the bar of {:.0f} us",
        static_cast<double>(report.lateness.AtShare(0.99)) / 1e3, options.bar_us));
  }
  return why;
}

std::string OpenText(const OpenReport& report, const OpenOptions& options) {
  std::string text = RunText(report, options);
  if (options.checkpoints.backing != nullptr) text += CheckpointText(report);
  for (const std::string& reason : WhyItDoesNotCount(report, options)) {
    text += "does not count 不计入: " + reason + "\n";
  }
  return text;
}

std::string OpenJson(const OpenReport& report, const OpenOptions& options) {
  return Writer().Write(report, options);
}

}  // namespace credence::apps
