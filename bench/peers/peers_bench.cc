// peers_bench: the same orders through Credence, Redis and PostgreSQL, side by side. See README.md.

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "apps/figures_json.h"
#include "apps/load.h"
#include "apps/terminal.h"
#include "bench/peers/peers_run.h"
#include "src/journal/posix_file.h"

namespace credence::bench {

namespace {

struct Arguments {
  std::string events_file;
  std::string pack = "bench/packs/hundred";
  std::string folder = ".";
  std::string json;
  PeersOptions run;
};

// The footprint that the measured events added, for one event.
double PerEvent(uint64_t before, uint64_t after, uint64_t events) {
  return after < before ? 0 : static_cast<double>(after - before) / static_cast<double>(events);
}

std::string Ms(int64_t ns) { return fmt::format("{:.2f}", static_cast<double>(ns) / 1e6); }

void Show(const std::vector<PeerReport>& reports, const Arguments& arguments) {
  std::vector<std::vector<std::string>> rates = {
      {"", "decisions a second", "in flight", "p50, ms", "p99", "p99.9", "alone: p50, ms", "p99",
       "p99.9", "memory", "log bytes an event", "data bytes an event"}};
  std::vector<std::vector<std::string>> values = {{"values beside the first", "compared", "equal",
                                                   "rounded", "late", "concurrent", "unexplained",
                                                   "decided otherwise"}};
  for (const PeerReport& report : reports) {
    if (!report.skipped.empty()) {
      fmt::print("{} is left out: {}\n", report.name, report.skipped);
      continue;
    }
    rates.push_back({report.name, apps::Grouped(static_cast<uint64_t>(report.events_per_second())),
                     apps::Grouped(report.in_flight), Ms(report.latency.AtShare(0.5)),
                     Ms(report.latency.AtShare(0.99)), Ms(report.latency.AtShare(0.999)),
                     Ms(report.alone.AtShare(0.5)), Ms(report.alone.AtShare(0.99)),
                     Ms(report.alone.AtShare(0.999)), apps::Bytes(report.after.memory_bytes),
                     fmt::format("{:.0f}", PerEvent(report.before.log_bytes, report.after.log_bytes,
                                                    report.events)),
                     fmt::format("{:.0f}", PerEvent(report.before.data_bytes,
                                                    report.after.data_bytes, report.events))});
    const Comparison& c = report.comparison;
    if (c.values == 0) continue;
    values.push_back(
        {report.name, apps::Grouped(c.values), apps::Grouped(c.equal), apps::Grouped(c.rounded),
         apps::Grouped(c.late), apps::Grouped(c.concurrent), apps::Grouped(c.unexplained),
         fmt::format("{} of {}", apps::Grouped(c.decided_otherwise), apps::Grouped(c.decisions))});
  }
  fmt::print("{} events after {} that were there before\n\n{}\n{}",
             apps::Grouped(arguments.run.events), apps::Grouped(arguments.run.preload),
             apps::Aligned(rates, 1), apps::Aligned(values, 1));
  for (const PeerReport& report : reports) {
    if (report.skipped.empty()) fmt::print("\n{}: {}\n", report.name, report.version);
    for (const std::string& example : report.comparison.examples) fmt::print("  {}\n", example);
  }
}

class ReportWriter {
 public:
  std::string Write(const std::vector<PeerReport>& reports, const Arguments& arguments) {
    out_.BeginObject();
    out_.Count("preload", arguments.run.preload);
    out_.Count("events", arguments.run.events);
    out_.Count("singles", arguments.run.singles);
    out_.Key("peers");
    out_.BeginArray();
    for (const PeerReport& report : reports) One(report);
    out_.EndArray();
    out_.EndObject();
    return out_.Finish() + "\n";
  }

 private:
  void Latency(std::string_view name, const apps::Histogram& times) {
    out_.Key(name);
    out_.BeginObject();
    const auto us = [&](std::string_view key, int64_t ns) {
      out_.Figure(key, static_cast<double>(ns) / 1e3);
    };
    out_.Count("count", times.count());
    us("p50_us", times.AtShare(0.5));
    us("p99_us", times.AtShare(0.99));
    us("p999_us", times.AtShare(0.999));
    us("max_us", times.max_ns());
    out_.EndObject();
  }
  void Bytes(std::string_view name, const Footprint& footprint) {
    out_.Key(name);
    out_.BeginObject();
    out_.Count("memory_bytes", footprint.memory_bytes);
    out_.Count("log_bytes", footprint.log_bytes);
    out_.Count("data_bytes", footprint.data_bytes);
    out_.EndObject();
  }
  void One(const PeerReport& report) {
    out_.BeginObject();
    out_.TextMember("name", report.name);
    if (!report.skipped.empty()) {
      out_.TextMember("skipped", report.skipped);
      out_.EndObject();
      return;
    }
    out_.TextMember("version", report.version);
    out_.Figure("seconds", report.seconds);
    out_.Figure("decisions_per_second", report.events_per_second());
    out_.Count("in_flight", report.in_flight);
    Latency("latency", report.latency);
    Latency("alone", report.alone);
    Bytes("before", report.before);
    Bytes("after", report.after);
    const Comparison& c = report.comparison;
    out_.Key("values");
    out_.BeginObject();
    out_.Count("compared", c.values);
    out_.Count("equal", c.equal);
    out_.Count("rounded", c.rounded);
    out_.Count("late", c.late);
    out_.Count("concurrent", c.concurrent);
    out_.Count("unexplained", c.unexplained);
    out_.EndObject();
    out_.Count("decisions", c.decisions);
    out_.Count("decided_otherwise", c.decided_otherwise);
    out_.EndObject();
  }

  apps::FiguresJson out_;
};

int Run(Arguments arguments) {
  journal::PosixFileSystem disk;
  const auto pack = apps::LoadPack(disk, arguments.pack);
  if (pack == nullptr) return 1;
  std::vector<std::string> texts;
  {
    std::ifstream file(arguments.events_file);
    if (!file) return apps::Fail("cannot read " + arguments.events_file);
    for (std::string line; std::getline(file, line);) texts.push_back(std::move(line));
  }
  PeersOptions& run = arguments.run;
  if (run.events == 0 && texts.size() > run.preload + run.singles) {
    run.events = texts.size() - run.preload - run.singles;
  }
  // PostgreSQL runs as another user, and its socket's path has to be short.
  run.folder = fmt::format("{}/peers-{}", arguments.folder, getpid());
  std::error_code failed;
  std::filesystem::create_directories(run.folder, failed);
  if (failed) return apps::Fail("cannot make " + run.folder);
  run.folder = std::filesystem::absolute(run.folder).string();
  const auto reports = RunPeers(pack, texts, run);
  std::filesystem::remove_all(run.folder, failed);
  if (!reports.ok()) return apps::Fail(reports.status());
  Show(*reports, arguments);
  if (arguments.json.empty()) return 0;
  const Status written =
      ReplaceFile(disk, arguments.json, ReportWriter().Write(*reports, arguments));
  return written.ok() ? 0 : apps::Fail(written);
}

}  // namespace

int Main(int argc, char** argv) {
  CLI::App app("The same orders through Credence, Redis and PostgreSQL");
  Arguments arguments;
  PeersOptions& run = arguments.run;
  app.add_option("events", arguments.events_file, "orders, as credence bench --write-events")
      ->required();
  app.add_option("--preload", run.preload, "so many of them are taken in before, unmeasured");
  app.add_option("--events", run.events, "measured after those (default: all the others)");
  app.add_option("--singles", run.singles, "after those, one at a time");
  app.add_option("--peers", run.peers, "which, the first to compare the others with");
  app.add_option("--stride", run.stride, "each so-manyth event's features are compared")
      ->check(CLI::Range(size_t{1}, size_t{1'000'000}));
  app.add_option("--connections", run.peer.connections, "PostgreSQL: at once")
      ->check(CLI::Range(size_t{1}, size_t{90}));
  app.add_option("--pipeline", run.peer.pipeline, "Redis: events sent together")
      ->check(CLI::Range(size_t{1}, size_t{10'000}));
  app.add_option("--checkpoint-events", run.peer.checkpoint_events, "Credence: 0 is none");
  app.add_option("--pack", arguments.pack, "pack of the orders");
  app.add_option("--folder", arguments.folder, "where all that is kept is, until the end");
  app.add_option("--json", arguments.json, "write the report to this file too");
  CLI11_PARSE(app, argc, argv);
  return Run(std::move(arguments));
}

}  // namespace credence::bench

int main(int argc, char** argv) { return credence::bench::Main(argc, argv); }
