// credence inspect: what the journal, the state and one decision hold.

#include <fmt/format.h>

#include <memory>

#include "apps/checkpoints.h"
#include "apps/commands.h"
#include "apps/decision_text.h"
#include "apps/load.h"
#include "apps/terminal.h"
#include "src/engine/engine.h"
#include "src/journal/journal.h"
#include "src/journal/posix_file.h"
#include "src/study/verify.h"

namespace credence::apps {

namespace {

struct Options {
  std::string store;
  std::string decision;
  std::vector<std::string> entity;
  std::string at;
  std::string language = "both";
  engine::CheckpointOptions checkpoints;
};

// Null, after an error was printed, if the store cannot be read.
std::unique_ptr<engine::Engine> OpenToRead(FileSystem& files, const Options& options) {
  engine::Options reading;
  reading.read_only = true;
  reading.checkpoints = options.checkpoints;
  reading.checkpoints.backing = CheckpointsOf(options.store);
  auto engine = engine::Engine::Open(files, options.store, reading);
  if (!engine.ok()) {
    Fail("cannot read the store " + options.store + ": " + engine.status().message());
    return nullptr;
  }
  WarnOfDamage((*engine)->opened().damaged_checkpoint);
  return std::move(*engine);
}

void ShowCheckpoint(const engine::Engine& engine) {
  const journal::ChainHead& head = engine.opened().checkpoint;
  if (head.frames == 0) {
    fmt::print("checkpoint 检查点  none\n");
    return;
  }
  const engine::Checkpoints& checkpoints = *engine.checkpoints();
  const engine::WriterCounters& writer = checkpoints.writer_counters();
  const uint64_t asked = writer.hits + writer.prefetched + writer.misses;
  fmt::print("checkpoint 检查点\n{}",
             Table({{"  at sequence", Grouped(head.last_seq.value())},
                    {"  at frame", Grouped(head.frames)},
                    {"  events after it", Grouped(engine.opened().events)},
                    {"  bytes on disk", Bytes(checkpoints.store().disk_bytes())},
                    {"  made by its writer", Grouped(writer.checkpoints)},
                    {"  bytes written", Bytes(writer.bytes)},
                    {"  hit rate",
                     asked == 0 ? "-"
                                : fmt::format("{:.1f} % ({} prefetched, {} missed, {} evicted)",
                                              100.0 * static_cast<double>(writer.hits) /
                                                  static_cast<double>(asked),
                                              Grouped(writer.prefetched), Grouped(writer.misses),
                                              Grouped(writer.evicted))}}));
}

int ShowStore(FileSystem& files, const Options& options) {
  const auto held = journal::Inspect(files, options.store + "/journal");
  if (!held.ok())
    return Fail("cannot read the store " + options.store + ": " + held.status().message());
  fmt::print("journal\n{}",
             Table({{"  segments", Grouped(held->segments)},
                    {"  frames", Grouped(held->frames)},
                    {"  records", Grouped(held->records)},
                    {"  bytes", Bytes(held->frame_bytes)},
                    {"  last sequence", Grouped(held->head.last_seq.value())},
                    {"  chain head", held->head.chain.ToHex()},
                    {"  sealed", held->sealed ? "yes" : "no"},
                    {"  tail", held->tail.kind == journal::TailKind::kClean
                                   ? "clean"
                                   : "unfinished: will be cut by the next writer"}}));
  const auto engine = OpenToRead(files, options);
  if (engine == nullptr) return 1;
  ShowCheckpoint(*engine);
  std::vector<std::vector<std::string>> rows = {{"state", "rows", "bytes"}};
  for (const auto& row : engine->state().CountRows()) {
    const bool entity = row.kind == engine::RowKind::kEntity;
    rows.push_back({(entity ? "  entity " : "  ") + row.name, Grouped(row.rows), Bytes(row.bytes)});
  }
  const Digest hash = engine->state().Hash();
  const Status& read = engine->state().entities.status();
  if (!read.ok()) return Fail(read);
  fmt::print("{}  state hash {}\n", Table(rows), hash.ToHex());
  return 0;
}

int ShowDecision(FileSystem& files, const Options& options) {
  auto seq = record::DecisionRecord::SeqFromId(options.decision);
  if (!seq)
    return Fail("'" + options.decision +
                "' is no decision id: expected D- and twelve digits, such as D-000000000042");
  const auto found = study::FindDecision(files, options.store, *seq);
  if (!found.ok()) return Fail(found.status());
  fmt::print("{}", DecisionText(found->record, found->event_id, *found->pack, options.language));
  fmt::print("  {:<12}{} {}\n  {:<12}{}\n", "pack", found->pack->name,
             found->record.pack.ToHex().substr(0, 16), "arrived", found->stamp.ToString());
  fmt::print("\nslots read 所用变量\n{}", SlotsText(found->record, *found->pack));
  fmt::print("\nhow it came about 决策过程\n{}", ExplanationText(found->explanation));
  return 0;
}

int ShowEntity(FileSystem& files, const Options& options) {
  const auto engine = OpenToRead(files, options);
  if (engine == nullptr) return 1;
  Timestamp at = engine->state().last_stamp;
  if (!options.at.empty()) {
    const auto given = Timestamp::Parse(options.at);
    if (!given.ok()) return Fail("--at: " + given.status().message());
    at = *given;
  }
  const auto features = engine->ReadEntity(options.entity[0], options.entity[1], at);
  const Status& read = engine->state().entities.status();
  if (!read.ok()) return Fail(read);
  if (!features)
    return Fail("the store knows no " + options.entity[0] + " '" + options.entity[1] + "'");
  std::vector<std::vector<std::string>> rows = {
      {options.entity[0] + " " + options.entity[1], "at " + at.ToString()}};
  for (const auto& [name, value] : *features)
    rows.push_back({"  " + name, record::ToString(value)});
  fmt::print("{}", Table(rows));
  return 0;
}

}  // namespace

Action AddInspect(CLI::App* app) {
  auto options = std::make_shared<Options>();
  app->add_option("store", options->store, "folder of the store")->required();
  app->add_option("--decision", options->decision,
                  "one decision: outcome, reasons, slots and how it came about");
  app->add_option("--entity", options->entity, "features of one entity: its type and key")
      ->expected(2);
  app->add_option("--at", options->at,
                  "with --entity: read at this time (RFC 3339; default: the last event)");
  AddCheckpointOptions(app, CheckpointUse::kReads, &options->checkpoints);
  app->add_option("--language", options->language, "of the texts: en, zh or both")
      ->check(CLI::IsMember({"en", "zh", "both"}));
  app->footer(
      "Reads only: the checkpoint where there is one, and the journal after it.\nExamples:\n"
      "  credence inspect run/bank\n"
      "  credence inspect run/bank --decision D-000000000042\n"
      "  credence inspect run/bank --entity account 1787");
  return [options] {
    journal::PosixFileSystem files;
    if (!options->decision.empty()) return ShowDecision(files, *options);
    if (!options->entity.empty()) return ShowEntity(files, *options);
    return ShowStore(files, *options);
  };
}

}  // namespace credence::apps
