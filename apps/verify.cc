// credence verify: proof that a store gives the same state and the same decisions.

#include "src/study/verify.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <memory>

#include "apps/checkpoints.h"
#include "apps/commands.h"
#include "apps/terminal.h"
#include "src/journal/journal.h"
#include "src/journal/posix_file.h"

namespace credence::apps {

namespace {

// Where the state is put while it is made again, if it is not to stay in memory.
class ScratchFolder {
 public:
  ScratchFolder()
      : path_(std::filesystem::temp_directory_path() /
              fmt::format("credence-verify-{}", getpid())) {}
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] std::string path() const { return path_; }

 private:
  std::filesystem::path path_;
};

void ShowCheckpoint(const study::VerifyReport& report) {
  if (!report.checkpoint_problem.empty()) {
    fmt::print("checkpoint  DISAGREES: {}\n", report.checkpoint_problem);
  } else if (report.checkpoint.frames == 0) {
    fmt::print("checkpoint  none\n");
  } else {
    fmt::print("checkpoint  agrees with the journal up to sequence {}\n",
               Grouped(report.checkpoint.last_seq.value()));
  }
}

int Verify(const std::string& store, const engine::CheckpointOptions& cache, bool quiet) {
  journal::PosixFileSystem files;
  const auto held = journal::Inspect(files, store + "/journal");
  if (!held.ok()) return Fail("cannot read the store " + store + ": " + held.status().message());
  Progress progress("verify", "events", held->head.last_seq.value(), quiet);
  study::VerifyOptions options;
  options.on_progress = [&](uint64_t events) { progress.Update(events, events); };
  options.checkpoint = CheckpointsOf(store);
  options.base = BackingIn;
  const ScratchFolder scratch;
  if (cache.cache_bytes > 0) {
    options.scratch = cache;
    options.scratch.backing = BackingIn(scratch.path());
  }
  const auto report = study::Verify(files, store, options);
  progress.Finish();
  if (!report.ok()) return Fail("the journal cannot be followed: " + report.status().message());
  fmt::print("frames      {}\nevents      {}\ndecisions   {}\n", Grouped(report->frames),
             Grouped(report->events), Grouped(report->decisions));
  if (report->timers > 0) fmt::print("timers      {}\n", Grouped(report->timers));
  if (report->retired.frames > 0) {
    fmt::print(
        "retired     frames 1 to {}, up to sequence {}: verified when they were retired, and no "
        "more; "
        "what follows\n            starts from the state that they made\n            "
        "已归档：归档时已核验，此后不可再核验\n",
        Grouped(report->retired.frames), Grouped(report->retired.last_seq.value()));
  }
  fmt::print("chain head  {}\nstate hash  {}\n", held->head.chain.ToHex(),
             report->state_hash.ToHex());
  if (!report->sealed) {
    fmt::print(
        "seal        none: the last writer did not leave in order, so there is no sealed hash to "
        "compare with\n");
  } else {
    fmt::print("seal        {}\n", report->StateMatches()
                                       ? "agrees with the state"
                                       : "DISAGREES: " + report->sealed_hash.ToHex());
  }
  ShowCheckpoint(*report);
  if (report->mismatches == 0) {
    fmt::print(
        "decisions   all are the same, decided again from their slots and from the events before "
        "them\n");
  } else {
    fmt::print("decisions   {} DIFFER; the first:\n", Grouped(report->mismatches));
    for (const study::Mismatch& mismatch : report->first) {
      fmt::print("  {}  event {}  {}\n", mismatch.decision, mismatch.event, mismatch.what);
    }
  }
  fmt::print("{}\n", report->ok() ? "VERIFIED 核验通过" : "NOT VERIFIED 核验未通过");
  return report->ok() ? 0 : 1;
}

}  // namespace

Action AddVerify(CLI::App* app) {
  auto store = std::make_shared<std::string>();
  auto quiet = std::make_shared<bool>(false);
  auto cache = std::make_shared<engine::CheckpointOptions>();
  app->add_option("store", *store, "folder of the store")->required();
  AddCheckpointOptions(app, CheckpointUse::kReads, cache.get());
  app->add_flag("--quiet", *quiet, "no progress");
  app->footer(
      "Folds the journal, compares the state hash with the one that the last writer sealed, "
      "decides every decision\n"
      "again from its own slots, computes every feature again from the events before, and compares "
      "the checkpoint.\n"
      "Writes nothing there; with --cache-bytes what does not fit goes to the folder for temporary "
      "files.\n"
      "Exit code 1 if anything differs; the first event that differs is named.\n"
      "Example:\n  credence verify run/bank");
  return [store, cache, quiet] { return Verify(*store, *cache, *quiet); };
}

}  // namespace credence::apps
