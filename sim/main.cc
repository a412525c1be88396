// The simulators as a program: what `./dev sim` runs.

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>

#include "apps/terminal.h"
#include "sim/crash_run.h"
#include "sim/crash_sim.h"
#include "sim/kill_sim.h"

namespace credence::sim {
namespace {

int Say(const std::vector<std::string>& failures) {
  for (const std::string& what : failures) std::fprintf(stderr, "FAILED %s\n", what.c_str());
  return failures.empty() ? 0 : 1;
}

int Refuse(const Status& status) {
  std::fprintf(stderr, "credence-sim: %s\n", status.ToString().c_str());
  return 2;
}

int Crash(const CrashRunOptions& options) {
  const auto begun = std::chrono::steady_clock::now();
  apps::Progress progress("crash points", "points", options.one_seed ? 0 : options.points, false);
  const auto report =
      RunCrashes(options, [&](uint64_t points) { progress.Update(points, points); });
  progress.Finish();
  if (!report.ok()) return Refuse(report.status());
  const CrashReport& crashes = report->crashes;
  const FaultReport& faults = report->faults;
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  std::printf(
      "crash points      %llu (at %llu moments of work and recovery, seeds %llu to %llu)\n"
      "  in a recovery   %llu\n  in RocksDB      %llu (at %llu moments of checkpoints and "
      "compactions)\n  done to the end %llu\n  torn frames cut %llu\n"
      "faults            %llu runs: every call failing, short reads, full disks, flipped bytes\n"
      "failures          %llu\nseconds           %.1f\n",
      static_cast<unsigned long long>(crashes.points),
      static_cast<unsigned long long>(crashes.moments),
      static_cast<unsigned long long>(options.first_seed),
      static_cast<unsigned long long>(options.first_seed + report->seeds - 1),
      static_cast<unsigned long long>(crashes.nested),
      static_cast<unsigned long long>(crashes.store_points),
      static_cast<unsigned long long>(crashes.store_moments),
      static_cast<unsigned long long>(crashes.finished),
      static_cast<unsigned long long>(crashes.unfinished_frames),
      static_cast<unsigned long long>(faults.runs),
      static_cast<unsigned long long>(crashes.failures + faults.failures), seconds);
  std::vector<std::string> failures = crashes.first;
  failures.insert(failures.end(), faults.first.begin(), faults.first.end());
  return Say(failures);
}

int Kill(KillOptions options) {
  const auto begun = std::chrono::steady_clock::now();
  if (options.folder.empty()) {
    options.folder =
        std::filesystem::temp_directory_path() / ("credence-kill-" + std::to_string(::getpid()));
  }
  options.taker = {"/proc/self/exe", "take"};
  const auto report = SimulateKills(options);
  if (!report.ok()) return Refuse(report.status());
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  std::printf(
      "kills             %d, %d of them while the store was being opened\n"
      "  in a checkpoint %d, while it was being written (%llu were written to their end)\n"
      "  from one        %d left a checkpoint to start from, with the state of the journal\n"
      "events            %llu acknowledged, %llu with a decision\n"
      "                  %llu found that were on their way when the process died\n"
      "torn frames       %llu\nfailures          %zu\nseconds           %.1f\n",
      report->kills, report->in_recovery, report->in_checkpoint,
      static_cast<unsigned long long>(report->checkpoints), report->from_checkpoint,
      static_cast<unsigned long long>(report->acknowledged),
      static_cast<unsigned long long>(report->decisions),
      static_cast<unsigned long long>(report->unacknowledged),
      static_cast<unsigned long long>(report->unfinished_frames), report->failures.size(), seconds);
  if (report->failures.empty()) std::filesystem::remove_all(options.folder);
  return Say(report->failures);
}

}  // namespace
}  // namespace credence::sim

int main(int argc, char** argv) {
  CLI::App app("Credence's simulators: what happens to a store when power, process or disk fail.");
  app.name("credence-sim");
  app.require_subcommand(1);
  credence::sim::CrashRunOptions crash_options;
  CLI::App* crash = app.add_subcommand(
      "crash", "the power goes at every moment of seeded work; disks fail, fill up and lie");
  crash->add_option("--seed", crash_options.first_seed, "the first seed");
  crash->add_option("--points", crash_options.points, "crash points to simulate");
  crash->add_flag("--one", crash_options.one_seed, "this seed alone");
  credence::sim::KillOptions kill_options;
  CLI::App* kill = app.add_subcommand("kill", "a real process is killed at random moments");
  kill->add_option("--seed", kill_options.seed, "of events and moments");
  kill->add_option("--kills", kill_options.kills, "how often");
  kill->add_option("--folder", kill_options.folder, "for the stores (default: a temporary one)");
  std::string store;
  CLI::App* take = app.add_subcommand("take", "the process that `kill` kills");
  take->add_option("store", store, "folder of the store")->required();
  uint64_t checkpoint_events = credence::sim::kKilledCheckpointEvents;
  take->add_option("--checkpoint-events", checkpoint_events, "between checkpoints; 0: none");
  std::string kept;
  credence::sim::CrashOptions keep_options;
  keep_options.steps = 60;
  keep_options.segment_bytes = 16'384;
  CLI::App* keep =
      app.add_subcommand("keep", "leave the store of one piece of work, for tests/compat");
  keep->add_option("folder", kept, "folder of the store to be made")->required();
  keep->add_option("--seed", keep_options.seed, "of the work");
  keep->add_option("--steps", keep_options.steps, "of the work");
  CLI11_PARSE(app, argc, argv);
  if (keep->parsed()) {
    const credence::Status made = credence::sim::MakeStore(keep_options, kept);
    return made.ok() ? 0 : credence::sim::Refuse(made);
  }
  if (take->parsed()) {
    return credence::sim::TakeEvents(store, checkpoint_events, STDIN_FILENO, STDOUT_FILENO);
  }
  if (kill->parsed()) return credence::sim::Kill(kill_options);
  return credence::sim::Crash(crash_options);
}
