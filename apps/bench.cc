// credence bench: how fast this machine decides, stage by stage, beside what it could do at best.

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <system_error>

#include "apps/bench_open.h"
#include "apps/bench_open_report.h"
#include "apps/bench_run.h"
#include "apps/checkpoints.h"
#include "apps/commands.h"
#include "apps/figures_json.h"
#include "apps/load.h"
#include "apps/reserved_memory.h"
#include "apps/terminal.h"
#include "src/engine/engine.h"
#include "src/journal/posix_file.h"

namespace credence::apps {

namespace {

struct Options {
  std::string pack = "bench/packs/hundred";
  std::string folder = ".";
  std::string json;
  std::string svg;
  std::string write_events;
  BenchOptions bench;
  uint64_t reserve_bytes = 0;
  bool open = false;
  bool strict = false;
  OpenOptions in_open;
};

// Takes the benchmark's journals away again.
class RemovedFolder {
 public:
  explicit RemovedFolder(std::string path) : path_(std::move(path)) {}
  RemovedFolder(const RemovedFolder&) = delete;
  RemovedFolder& operator=(const RemovedFolder&) = delete;
  ~RemovedFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

 private:
  std::string path_;
};

std::string Us(double us) { return fmt::format("{:.2f}", us); }
std::string Whole(double number) { return Grouped(static_cast<uint64_t>(number)); }

std::vector<std::string> PercentileRow(std::string name, const Percentiles& p) {
  return {std::move(name), Whole(p.p50_us), Whole(p.p99_us), Whole(p.p999_us), Whole(p.max_us)};
}

std::string RunTable(const BenchReport& report) {
  const auto row = [](std::string name, const auto& value, const BenchReport& r) {
    return std::vector<std::string>{std::move(name), value(r.disk), value(r.memory)};
  };
  return Table({
      {"journal", "on disk, synced", "in memory"},
      row(
          "  decisions a second", [](const EngineRun& r) { return Whole(r.events_per_second()); },
          report),
      row(
          "  us a decision", [](const EngineRun& r) { return Us(1e6 / r.events_per_second()); },
          report),
      row(
          "  replay, events a second",
          [](const EngineRun& r) { return Whole(r.replay_events_per_second()); }, report),
      row(
          "  journal bytes an event",
          [](const EngineRun& r) {
            return Whole(static_cast<double>(r.journal_bytes) / static_cast<double>(r.events));
          },
          report),
  });
}

std::string StageTable(const BenchReport& report) {
  std::vector<std::vector<std::string>> rows = {{"stage", "us an event", "floor", "of"}};
  double sum = 0;
  for (const Stage& stage : report.stages) {
    rows.push_back({"  " + stage.name, Us(stage.us),
                    stage.floor_us > 0 ? fmt::format("{:.3f}", stage.floor_us) : "-", stage.floor});
    sum += stage.us;
  }
  rows.push_back({"  all, with both journals", Us(sum), "", ""});
  return Table(rows);
}

std::string MemoryTable(const BenchReport& report) {
  std::vector<std::vector<std::string>> rows = {
      {"entity", "count", "events kept", "bytes each", "largest", "bytes an event kept"}};
  for (const EntityMemory& entity : report.entities) {
    rows.push_back({"  " + entity.name, Grouped(entity.entities), Grouped(entity.events_kept),
                    Grouped(entity.bytes / std::max<uint64_t>(entity.entities, 1)),
                    Grouped(entity.bytes_max),
                    Grouped(entity.bytes / std::max<uint64_t>(entity.events_kept, 1))});
  }
  return Table(rows);
}

void Show(const BenchReport& report, const Options& options) {
  fmt::print("{} events over {:.1f} days, {} features, {} entities of a type, zipf {}, batch {}\n",
             Grouped(report.events), report.days, report.features,
             Grouped(options.bench.stream.entities), options.bench.stream.zipf,
             options.bench.batch);
  fmt::print("\n{}", RunTable(report));
  fmt::print("\n{}", StageTable(report));
  fmt::print("\n{}", Table({
                         {"latency, us", "p50", "p99", "p99.9", "max"},
                         PercentileRow("  a batch, on disk", report.disk.batch),
                         PercentileRow("  a batch, in memory", report.memory.batch),
                         PercentileRow("  one alone, on disk", report.disk.single),
                         PercentileRow("  one alone, in memory", report.memory.single),
                         PercentileRow("  write and fdatasync of a frame", report.sync),
                     }));
  fmt::print("\n{}", MemoryTable(report));
  fmt::print(
      "memory of the whole state: resident {}; {} bytes an event; {} ids in the once-only index\n",
      Bytes(static_cast<uint64_t>(report.resident_bytes)),
      Grouped(static_cast<uint64_t>(report.resident_bytes) / std::max<uint64_t>(report.events, 1)),
      Grouped(report.once_rows));
  fmt::print(
      "floors: random access {:.0f} ns, SHA-256 of 512 bytes {:.0f} ns, reading the clock {:.0f} "
      "ns, frames of {} bytes\n",
      report.random_access_ns, report.sha256_512_ns, report.clock_ns, Grouped(report.sync_bytes));
  std::vector<std::vector<std::string>> outcomes = {{"outcomes", ""}};
  for (const auto& [outcome, count] : report.outcomes) {
    outcomes.push_back({"  " + outcome, Grouped(count)});
  }
  fmt::print("\n{}", Table(outcomes));
  fmt::print("decisions  {}\n", report.decisions.ToHex());
}

class ReportWriter {
 public:
  std::string Write(const BenchReport& report, const Options& options) {
    out_.BeginObject();
    out_.Count("events", report.events);
    out_.Figure("days", report.days);
    out_.Count("features", report.features);
    out_.Count("entities", options.bench.stream.entities);
    out_.Figure("zipf", options.bench.stream.zipf);
    out_.Count("seed", options.bench.stream.seed);
    out_.Count("batch", options.bench.batch);
    Run("disk", report.disk);
    Run("memory", report.memory);
    out_.Key("stages");
    out_.BeginArray();
    for (const Stage& stage : report.stages) {
      out_.BeginObject();
      out_.TextMember("name", stage.name);
      out_.Figure("us", stage.us);
      out_.Figure("floor_us", stage.floor_us);
      out_.OptionalTextMember("floor", stage.floor);
      out_.EndObject();
    }
    out_.EndArray();
    State(report);
    out_.Key("outcomes");
    out_.BeginObject();
    for (const auto& [outcome, count] : report.outcomes) out_.Count(outcome, count);
    out_.EndObject();
    out_.TextMember("decisions", report.decisions.ToHex());
    out_.EndObject();
    return out_.Finish() + "\n";
  }

 private:
  void Times(std::string_view name, const Percentiles& times) {
    out_.Key(name);
    out_.BeginObject();
    out_.Figure("p50_us", times.p50_us);
    out_.Figure("p99_us", times.p99_us);
    out_.Figure("p999_us", times.p999_us);
    out_.Figure("max_us", times.max_us);
    out_.EndObject();
  }
  void Run(std::string_view name, const EngineRun& run) {
    out_.Key(name);
    out_.BeginObject();
    out_.Figure("decisions_per_second", run.events_per_second());
    out_.Figure("gate_seconds", run.gate_seconds);
    out_.Figure("process_seconds", run.process_seconds);
    out_.Figure("replay_events_per_second", run.replay_events_per_second());
    out_.Count("journal_bytes", run.journal_bytes);
    Times("batch", run.batch);
    Times("single", run.single);
    out_.EndObject();
  }
  void State(const BenchReport& report) {
    out_.Key("state");
    out_.BeginObject();
    for (const EntityMemory& entity : report.entities) {
      out_.Key(entity.name);
      out_.BeginObject();
      out_.Count("entities", entity.entities);
      out_.Count("events_kept", entity.events_kept);
      out_.Count("bytes", entity.bytes);
      out_.Count("bytes_max", entity.bytes_max);
      out_.EndObject();
    }
    out_.EndObject();
    out_.Count("resident_bytes", static_cast<uint64_t>(report.resident_bytes));
    out_.Count("once_rows", report.once_rows);
    out_.Figure("clock_ns", report.clock_ns);
    out_.Figure("random_access_ns", report.random_access_ns);
    out_.Figure("sha256_512_ns", report.sha256_512_ns);
    out_.Count("sync_bytes", report.sync_bytes);
    Times("sync", report.sync);
  }

  FiguresJson out_;
};

int BenchOpen(const Options& options, const std::shared_ptr<const pack::Pack>& pack,
              FileSystem& disk) {
  const auto report = RunOpen(pack, disk, options.in_open);
  if (!report.ok()) return Fail(report.status());
  fmt::print("{}", OpenText(*report, options.in_open));
  for (const auto& [path, content] : {std::pair(options.json, OpenJson(*report, options.in_open)),
                                      std::pair(options.svg, OpenSvg(*report, options.in_open))}) {
    if (path.empty()) continue;
    const Status written = ReplaceFile(disk, path, content);
    if (!written.ok()) return Fail(written);
  }
  if (GeneratorWasLate(*report, options.in_open)) return 1;
  return options.strict && !WhyItDoesNotCount(*report, options.in_open).empty() ? 1 : 0;
}

// The stream itself, for programs that are to take the same events.
int WriteEvents(const Options& options) {
  if (options.bench.events == 0) return Fail("--write-events needs --events");
  std::ofstream file(options.write_events, std::ios::binary);
  OrderStream stream(options.bench.stream);
  std::string text;
  for (uint64_t i = 0; i < options.bench.events; ++i) {
    stream.Next(&text);
    file << text << '\n';
  }
  file.close();
  return file ? 0 : Fail("cannot write " + options.write_events);
}

int Bench(Options options) {
  if (!options.write_events.empty()) return WriteEvents(options);
  const Status reserved = ReserveMemory(options.reserve_bytes, options.bench.quiet);
  if (!reserved.ok()) return Fail(reserved);
  journal::PosixFileSystem disk;
  const auto pack = LoadPack(disk, options.pack);
  if (pack == nullptr) return 1;
  options.bench.folder = fmt::format("{}/credence-bench-{}", options.folder, getpid());
  const RemovedFolder removed(options.bench.folder);
  if (options.open) {
    options.in_open.stream = options.bench.stream;
    options.in_open.seconds = options.bench.seconds;
    options.in_open.batch = options.bench.batch;
    options.in_open.folder = options.bench.folder;
    if (options.in_open.checkpoints.every_events > 0) {
      options.in_open.checkpoints.backing = CheckpointsOf(options.bench.folder + "/engine");
    }
    return BenchOpen(options, pack, disk);
  }
  const auto report = RunBench(pack, disk, options.bench);
  if (!report.ok()) return Fail(report.status());
  Show(*report, options);
  if (options.json.empty()) return 0;
  const Status written = ReplaceFile(disk, options.json, ReportWriter().Write(*report, options));
  return written.ok() ? 0 : Fail(written);
}

}  // namespace

Action AddBench(CLI::App* app) {
  auto options = std::make_shared<Options>();
  BenchOptions& bench = options->bench;
  app->add_option("--pack", options->pack,
                  "pack of the order event (default: bench/packs/hundred)");
  auto* seconds = app->add_option("--seconds", bench.seconds,
                                  "length of the first run; the others take the same events");
  app->add_option("--events", bench.events, "events of each run")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1'000'000'000}))
      ->excludes(seconds);
  app->add_option("--singles", bench.singles, "events that are decided alone after each run");
  app->add_option("--entities", bench.stream.entities, "of each of the four types")
      ->check(CLI::Range(uint64_t{1}, uint64_t{100'000'000}));
  app->add_option("--zipf", bench.stream.zipf, "skew of the keys; 0 is none")
      ->check(CLI::Range(0.0, 5.0));
  app->add_option("--events-per-day", bench.stream.events_per_day, "of event time")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1'000'000'000'000}));
  app->add_option("--batch", bench.batch, "events a batch: one frame and one sync")
      ->check(CLI::Range(size_t{1}, engine::kBatchEventsMax));
  app->add_option("--seed", bench.stream.seed, "of the stream");
  app->add_option("--folder", options->folder,
                  "where the journal is written; it is removed again (default: here)");
  auto* open = app->add_flag("--open", options->open,
                             "open loop: events come at their time, three threads work");
  app->add_option("--rate", options->in_open.rate,
                  "open loop: events a second; 0 is as fast as they are taken")
      ->check(CLI::Range(0.0, 1e7))
      ->needs(open);
  app->add_option("--preload", options->in_open.preload,
                  "open loop: one event for each of so many keys of every type comes before")
      ->needs(open);
  app->add_option("--bar-us", options->in_open.bar_us,
                  "open loop: the generator may be late by a tenth of it")
      ->needs(open);
  app->add_flag(
         "--strict", options->strict,
         "open loop: exit with 1 if the run does not count: less than 60 s, no checkpoint, or "
         "(always) a late generator")
      ->needs(open);
  app->add_option("--svg", options->svg,
                  "open loop: a picture of latency over time, histograms and threads")
      ->needs(open);
  AddCheckpointOptions(app, CheckpointUse::kWrites, &options->in_open.checkpoints);
  AddReserveOption(app, &options->reserve_bytes);
  app->add_option("--write-events", options->write_events,
                  "only write the events of the stream to this file, one a line");
  app->add_option("--json", options->json, "write the report to this file too");
  app->add_flag("!--progress", bench.quiet, "show progress");
  app->footer(
      "Examples:\n"
      "  credence bench --seconds 20\n"
      "  credence bench --events 300000 --entities 100000 --zipf 0.99 --json bench.json\n"
      "  credence bench --open --rate 25000 --seconds 300 --entities 1000000 --zipf 1.0 \\\n"
      "      --events-per-day 200000 --preload 1000000 --cache-bytes 1GB\n"
      "Checkpoints and the cache are those of the open loop.\n"
      "One thread decides; the stream is made outside the measured time. Runs with equal options "
      "print\nthe same digest of all decisions, with --events on every machine.");
  return [options] { return Bench(*options); };
}

}  // namespace credence::apps
