// credence decide: what would be decided on one event, on the state of a store. Leaves no trace.

#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "apps/checkpoints.h"
#include "apps/commands.h"
#include "apps/decision_text.h"
#include "apps/load.h"
#include "apps/terminal.h"
#include "src/api/decision_json.h"
#include "src/api/gate.h"
#include "src/base/memory_file.h"
#include "src/journal/posix_file.h"

namespace credence::apps {

namespace {

struct Options {
  std::string store;
  std::string pack;
  std::string event;
  std::string keys;
  std::string language = "both";
  bool json = false;
  bool history = false;
};

Result<std::string> ReadEvent(FileSystem& files, const std::string& from) {
  if (from != "-") return ReadWholeFile(files, from, api::kEventBytesMax);
  std::string text;
  char part[65536];
  while (const size_t size = std::fread(part, 1, sizeof part, stdin)) {
    text.append(part, size);
    if (text.size() > api::kEventBytesMax)
      return OutOfRange("the event on standard input is too large");
  }
  return text;
}

int Decide(const Options& options) {
  journal::PosixFileSystem disk;
  MemoryFileSystem memory;
  if (options.store.empty() == options.pack.empty())
    return Fail("give either a store or --pack (an empty state)");
  const auto json = ReadEvent(disk, options.event);
  if (!json.ok()) return Fail(json.status());
  FileSystem& files = options.store.empty() ? static_cast<FileSystem&>(memory) : disk;
  engine::Options engine_options;
  engine_options.read_only = !options.store.empty();
  if (!options.store.empty()) engine_options.checkpoints.backing = CheckpointsOf(options.store);
  auto engine =
      engine::Engine::Open(files, options.store.empty() ? "store" : options.store, engine_options);
  if (!engine.ok()) return Fail("cannot open the store: " + engine.status().message());
  WarnOfDamage((*engine)->opened().damaged_checkpoint);
  if (!options.pack.empty()) {
    const auto pack = LoadPack(disk, options.pack);
    if (pack == nullptr) return 1;
    const Status activated =
        (*engine)->Activate(pack, "credence decide", "", Timestamp{INT64_MIN + 1});
    if (!activated.ok()) return Fail(activated);
  }
  const pack::Pack* pack = (*engine)->pack();
  if (pack == nullptr) return Fail("the store has no active pack: run credence replay first");
  std::unique_ptr<api::Protection> protection;
  if (!options.keys.empty()) {
    auto opened = api::Protection::Open(disk, options.keys);
    if (!opened.ok()) return Fail(opened.status());
    protection = std::move(*opened);
  }
  api::Gate gate(pack->schema, protection.get());
  Arena arena;
  record::Event event;
  api::Problem problem;
  if (!gate.Parse(*json, &arena, &event, &problem)) {
    fmt::print("{}\n", api::ToJson(problem));
    return 1;
  }
  const auto arrival = options.history ? engine::Arrival::kHistory : engine::Arrival::kLive;
  const engine::Outcome outcome = (*engine)->DryRun(event, arrival, Now());
  if (outcome.kind == engine::Outcome::Kind::kRefused) {
    return Fail(std::string(engine::RefusalName(outcome.refusal)) + " at " + outcome.field + ": " +
                outcome.expected);
  }
  if (outcome.kind == engine::Outcome::Kind::kDuplicate) {
    return Fail("the event was here before, with sequence " + std::to_string(outcome.seq.value()) +
                ": credence inspect shows its decision");
  }
  if (outcome.decision == nullptr) return Fail("events of this type ask for no decision");
  if (options.json) {
    fmt::print("{}\n", api::ToJson(*outcome.decision, *pack, event.source, event.id));
  } else {
    fmt::print("{}\n{}", DecisionText(*outcome.decision, event.id, *pack, options.language),
               SlotsText(*outcome.decision, *pack));
    for (const auto& report : {outcome.money, outcome.money_of_decision}) {
      if (!report) continue;
      fmt::print("money 资金  {}\n",
                 report->refused.empty()
                     ? fmt::format("{} commands, {} transfers", report->applied, report->transfers)
                     : report->refused + ": " + report->status);
    }
  }
  return 0;
}

}  // namespace

Action AddDecide(CLI::App* app) {
  auto options = std::make_shared<Options>();
  app->add_option("store", options->store, "folder of the store");
  app->add_option("--pack", options->pack, "instead of a store: this pack with nothing known yet");
  app->add_option("--event", options->event,
                  "file with one CloudEvent (JSON), or - for standard input")
      ->required();
  app->add_option("--keys", options->keys, "folder with the keys of personal fields");
  app->add_option("--language", options->language, "of the texts: en, zh or both")
      ->check(CLI::IsMember({"en", "zh", "both"}));
  app->add_flag("--json", options->json, "the whole decision as JSON");
  app->add_flag("--history", options->history, "the event arrives at its own time, not now");
  app->footer(
      "Examples:\n"
      "  credence decide run/bank --event application.json --history\n"
      "  credence decide --pack packs/bank-account-loan --event - --json < application.json");
  return [options] { return Decide(*options); };
}

}  // namespace credence::apps
