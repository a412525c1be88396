// The benchmark of decisions and expressions.
//
//   dmn_bench generate FOLDER [--lending FILE] [--inputs N]
//   dmn_bench run FOLDER OUT.jsonl [--seconds S] [--rounds N] [--only TEXT]
//
// `run` writes a JSON line a case and way of running (plain, explain, json), with the nanoseconds
// of each round for one evaluation: processor time of the thread, and wall time.

#include <fmt/format.h>
#include <time.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "bench/dmn/cases.h"
#include "bench/dmn/runner.h"

namespace credence::bench {
namespace {

constexpr size_t kBlock = 8'192;  // inputs that are read before the clock runs

struct Settings {
  double seconds = 0.3;  // of one round
  int rounds = 5;
  std::string only;
};

double Now(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// Processor and wall time between Start() and Stop(), added up.
class Stopwatch {
 public:
  void Start() {
    wall_begin_ = Now(CLOCK_MONOTONIC);
    cpu_begin_ = Now(CLOCK_THREAD_CPUTIME_ID);
  }
  void Stop() {
    cpu_ += Now(CLOCK_THREAD_CPUTIME_ID) - cpu_begin_;
    wall_ += Now(CLOCK_MONOTONIC) - wall_begin_;
  }
  [[nodiscard]] double cpu() const { return cpu_; }
  [[nodiscard]] double wall() const { return wall_; }

 private:
  double cpu_begin_ = 0;
  double wall_begin_ = 0;
  double cpu_ = 0;
  double wall_ = 0;
};

struct Round {
  double cpu_ns = 0;  // an evaluation
  double wall_ns = 0;
};

// Values whose kinds nobody reads would be optimised away.
volatile uint64_t g_sink = 0;

Round RunBlocks(const Runner& runner, dmn::EvaluationLog* log, double seconds, size_t* at) {
  InputReader reader = runner.NewReader();
  const size_t slots = runner.slot_count();
  std::vector<feel::Value> values(kBlock * slots);
  Arena inputs;
  Arena arena;
  Stopwatch watch;
  size_t evaluations = 0;
  while (watch.cpu() < seconds) {
    inputs.Reset();
    for (size_t i = 0; i < kBlock; ++i) {
      const auto line = runner.inputs().line((*at + i) % runner.inputs().size());
      if (!reader.Read(line, inputs, std::span(values).subspan(i * slots, slots)).ok())
        std::abort();
    }
    *at += kBlock;
    uint64_t sink = 0;
    watch.Start();
    for (size_t i = 0; i < kBlock; ++i) {
      arena.Reset();
      const auto results = runner.Evaluate(std::span(values).subspan(i * slots, slots), arena, log);
      sink += results.back().low_word();
    }
    watch.Stop();
    g_sink = g_sink + sink;
    evaluations += kBlock;
  }
  const double count = static_cast<double>(evaluations);
  return {watch.cpu() * 1e9 / count, watch.wall() * 1e9 / count};
}

// Reading the JSON is part of the evaluation.
Round RunFromJson(const Runner& runner, double seconds, size_t* at) {
  InputReader reader = runner.NewReader();
  std::vector<feel::Value> slots(runner.slot_count());
  Arena arena;
  Stopwatch watch;
  size_t evaluations = 0;
  uint64_t sink = 0;
  while (watch.cpu() < seconds) {
    watch.Start();
    for (size_t i = 0; i < kBlock; ++i) {
      arena.Reset();
      if (!reader.Read(runner.inputs().line((*at)++ % runner.inputs().size()), arena, slots).ok()) {
        std::abort();
      }
      sink += runner.Evaluate(slots, arena, nullptr).back().low_word();
    }
    watch.Stop();
    evaluations += kBlock;
  }
  g_sink = g_sink + sink;
  const double count = static_cast<double>(evaluations);
  return {watch.cpu() * 1e9 / count, watch.wall() * 1e9 / count};
}

std::string Line(const Case& one, const char* mode, const std::vector<Round>& rounds,
                 const std::string& checksum, size_t index_bytes) {
  std::vector<double> cpu;
  std::vector<double> wall;
  for (const Round& round : rounds) {
    cpu.push_back(round.cpu_ns);
    wall.push_back(round.wall_ns);
  }
  return fmt::format(
      "{{\"peer\":\"credence\",\"case\":\"{}\",\"group\":\"{}\",\"mode\":\"{}\",\"cpu_ns\":[{:.1f}]"
      ","
      "\"wall_ns\":[{:.1f}],\"checksum\":\"{}\",\"index_bytes\":{}}}\n",
      one.id, one.group, mode, fmt::join(cpu, ","), fmt::join(wall, ","), checksum, index_bytes);
}

Status RunCase(const std::string& folder, const Case& one, const Settings& settings,
               std::ostream& out) {
  const Result<Runner> runner = Runner::Load(folder, one);
  if (!runner.ok()) return runner.status();
  dmn::Trace trace;
  dmn::EvaluationLog explained;
  explained.trace = &trace;
  size_t at = 0;
  for (const char* mode : {"plain", "explain", "json"}) {
    const bool explain = mode[0] == 'e';
    const auto checksum = runner->ChecksumOfAnswers(explain ? &explained : nullptr);
    if (!checksum.ok()) return checksum.status();
    std::vector<Round> rounds;
    for (int round = -1; round < settings.rounds; ++round) {  // the first one warms up
      const Round now = mode[0] == 'j' ? RunFromJson(*runner, settings.seconds, &at)
                                       : RunBlocks(*runner, explain ? &explained : nullptr,
                                                   settings.seconds, &at);
      if (round >= 0) rounds.push_back(now);
    }
    const std::string line = Line(one, mode, rounds, *checksum, runner->index_bytes());
    out << line << std::flush;
    std::cerr << line;
  }
  return OkStatus();
}

int Fail(const Status& status) {
  std::cerr << "dmn_bench: " << status.message() << "\n";
  return 1;
}

int Main(const std::vector<std::string>& arguments) {
  std::vector<std::string> plain;
  CaseOptions options;
  Settings settings;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (!word.starts_with("--") || i + 1 == arguments.size()) {
      plain.push_back(word);
      continue;
    }
    const std::string& value = arguments[++i];
    if (word == "--lending") options.lending_model = value;
    if (word == "--inputs") options.table_inputs = std::stoul(value);
    if (word == "--seconds") settings.seconds = std::stod(value);
    if (word == "--rounds") settings.rounds = std::stoi(value);
    if (word == "--only") settings.only = value;
  }
  if (plain.size() == 2 && plain[0] == "generate") {
    const Status status = WriteCases(plain[1], options);
    return status.ok() ? 0 : Fail(status);
  }
  if (plain.size() == 3 && plain[0] == "run") {
    const auto cases = ReadCases(plain[1]);
    if (!cases.ok()) return Fail(cases.status());
    std::ofstream out(plain[2], std::ios::app);
    for (const Case& one : *cases) {
      if (one.id.find(settings.only) == std::string::npos) continue;
      const Status status = RunCase(plain[1], one, settings, out);
      if (!status.ok()) return Fail(status);
    }
    return out ? 0 : Fail(IoError("cannot write " + plain[2]));
  }
  std::cerr << "usage: dmn_bench generate FOLDER [--lending FILE] [--inputs N]\n"
               "       dmn_bench run FOLDER OUT.jsonl [--seconds S] [--rounds N] [--only TEXT]\n";
  return 2;
}

}  // namespace
}  // namespace credence::bench

int main(int argc, char** argv) {
  return credence::bench::Main(std::vector<std::string>(argv + 1, argv + argc));
}
