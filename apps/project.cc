// credence project: the read model of a store, brought up to date or remade.

#include <fmt/format.h>

#include <memory>

#include "apps/commands.h"
#include "apps/terminal.h"
#include "src/api/projector.h"
#include "src/journal/journal.h"
#include "src/journal/posix_file.h"

namespace credence::apps {

namespace {

struct Options {
  std::string store;
  bool rebuild = false;
  bool check = false;
  bool quiet = false;
};

int Project(const Options& options) {
  journal::PosixFileSystem files;
  const auto held = journal::Inspect(files, options.store + "/journal");
  if (!held.ok()) {
    return Fail("cannot read the store " + options.store + ": " + held.status().message());
  }
  api::ProjectorOptions projecting;
  projecting.remake = options.rebuild;
  projecting.check = options.check;
  // What the look at the journal saw is whole, so that a writer may go on beside us.
  const uint64_t frames = held->head.frames;
  const auto opened = api::Projector::Open(files, options.store, frames, projecting);
  if (!opened.ok()) {
    return Fail("cannot open the read model: " + opened.status().message() +
                (opened.status().code() == StatusCode::kUnavailable
                     ? " (a server that runs on this store keeps it up to date by itself)"
                     : ""));
  }
  api::Projector& projector = **opened;
  if (const std::string why = projector.remade(); !why.empty()) {
    fmt::print("begun anew 重建: {}\n", why);
  }
  const uint64_t from = projector.folded().seq.value();
  Progress progress("project", "records", held->head.last_seq.value() - from, options.quiet);
  const Status folded =
      projector.CatchUp(frames, [&](uint64_t seq) { progress.Update(seq - from, seq - from); });
  progress.Finish();
  const Status closed = projector.Finish();
  if (!folded.ok()) return Fail("cannot fold the journal: " + folded.message());
  if (!closed.ok()) return Fail("cannot close the read model: " + closed.message());
  const uint64_t to = projector.folded().seq.value();
  fmt::print("read model 读模型\n{}",
             Table({{"  file", api::ReadModelPath(options.store)},
                    {"  as of sequence", Grouped(to)},
                    {"  sequences folded now",
                     fmt::format("{} in {:.1f} s", Grouped(to - from), progress.seconds())},
                    {"  bytes on disk", Bytes(projector.BytesOnDisk())}}));
  return 0;
}

}  // namespace

Action AddProject(CLI::App* app) {
  auto options = std::make_shared<Options>();
  app->add_option("--store", options->store, "folder of the store")->required();
  app->add_flag("--rebuild", options->rebuild, "begin from nothing, whatever is there");
  app->add_flag("--check", options->check,
                "look through the whole file first, and remake it if it is damaged");
  app->add_flag("--quiet", options->quiet, "no progress");
  app->footer(
      "Folds the journal into <store>/read-model.sqlite: decisions, entities, events by entity, "
      "activity, what\n"
      "operators did. Goes on where it ended; a file that does not fit the journal is begun anew. "
      "The journal is\n"
      "only read. The tables are described in docs/formats/read-model.md.\n"
      "Examples:\n"
      "  credence project --store run/bank\n"
      "  credence project --store run/bank --rebuild\n"
      "  sqlite3 run/bank/read-model.sqlite \"SELECT outcome, count(*) FROM decisions GROUP BY "
      "outcome\"");
  return [options] { return Project(*options); };
}

}  // namespace credence::apps
