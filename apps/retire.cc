// credence retire: removes the front of a store's journal that nothing needs any more.

#include "src/study/retire.h"

#include <fmt/format.h>

#include <memory>

#include "apps/checkpoints.h"
#include "apps/commands.h"
#include "apps/terminal.h"
#include "src/journal/journal.h"
#include "src/journal/posix_file.h"

namespace credence::apps {

namespace {

constexpr int64_t kKeepDaysMax = 36'500;

struct Asked {
  std::string store;
  int64_t keep_days = -1;
  uint64_t before = 0;
  bool look = false;
  bool quiet = false;
  engine::CheckpointOptions cache;
};

int Retire(const Asked& asked) {
  if (asked.keep_days < 0 && asked.before == 0) {
    return Fail("say how much is to stay: --keep-days N, --before SEQUENCE, or both");
  }
  journal::PosixFileSystem files;
  if (!files.Exists(asked.store + "/journal")) return Fail(asked.store + " is no store");
  Progress progress("verify what is to go", "events", 0, asked.quiet);
  study::RetireOptions options;
  options.base = BackingIn;
  options.checkpoint = CheckpointsOf(asked.store);
  options.before_seq = Seq(asked.before);
  options.keep_ns = std::max<int64_t>(asked.keep_days, 0) * kNsPerDay;
  options.cache_bytes = asked.cache.cache_bytes;
  options.look_only = asked.look;
  options.on_progress = [&](uint64_t events) { progress.Update(events, events); };
  const auto report = study::Retire(files, asked.store, options);
  progress.Finish();
  if (!report.ok()) return Fail(report.status());
  fmt::print("{}",
             Table({
                 {"frames retired before 此前已归档", Grouped(report->before.frames)},
                 {asked.look ? "frames that would be 将归档至" : "frames retired now 现已归档",
                  fmt::format("{} (up to sequence {})", Grouped(report->now.frames),
                              Grouped(report->now.last_seq.value()))},
                 {"segments 日志段", Grouped(report->segments)},
             }));
  if (!report->kept_for.empty()) {
    fmt::print("the next segment stays 其余保留: {}\n", report->kept_for);
  }
  return 0;
}

}  // namespace

Action AddRetire(CLI::App* app) {
  auto asked = std::make_shared<Asked>();
  app->add_option("--store", asked->store, "folder of the store")->required();
  app->add_option("--keep-days", asked->keep_days,
                  "what arrived within so many days before the newest record stays")
      ->check(CLI::Range(int64_t{0}, kKeepDaysMax));
  app->add_option("--before", asked->before, "nothing from this sequence on goes")
      ->check(CLI::Range(uint64_t{1}, UINT64_MAX));
  app->add_flag("--look", asked->look, "only say what would go");
  AddCheckpointOptions(app, CheckpointUse::kReads, &asked->cache);
  app->add_flag("--quiet", asked->quiet, "no progress");
  app->footer(
      "Whole segments go, and only what lies outside every horizon: the longest window of the "
      "pack, "
      "reversals,\nrepeated ids, the checkpoint that the next start needs. What goes is verified "
      "first; the state that it made is\nkept in STORE/base, so that the rest can still be "
      "verified. "
      "Decisions in retired segments can no longer be\nshown, decided again or proven. No writer "
      "may "
      "be running.\n"
      "仅归档所有时间窗口之外的整段日志；归档前先核验，所成状态存于 STORE/base。\n"
      "Examples:\n"
      "  credence retire --store run/bank --keep-days 90 --look\n"
      "  credence retire --store run/bank --keep-days 90");
  return [asked] { return Retire(*asked); };
}

}  // namespace credence::apps
