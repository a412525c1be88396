// credence replay: a file of events through a pack.

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>

#include "apps/checkpoints.h"
#include "apps/commands.h"
#include "apps/decision_text.h"
#include "apps/load.h"
#include "apps/terminal.h"
#include "src/api/decision_json.h"
#include "src/api/gate.h"
#include "src/api/json_writer.h"
#include "src/base/memory_file.h"
#include "src/journal/posix_file.h"

namespace credence::apps {

namespace {

struct Options {
  std::string pack;
  std::string events;
  std::string store;
  std::string keys;
  std::string decisions;
  std::string language = "both";
  bool history = false;
  bool all_features = false;
  bool quiet = false;
  bool strict = false;
  bool day_ends = false;
  size_t batch = engine::kBatchEventsMax;
  size_t show = 5;
  engine::CheckpointOptions checkpoints;
};

// Every feature by name. Amounts are decimal strings, numbers have all their digits, the rest is
// text.
std::string FeaturesJson(const pack::Pack& pack, std::span<const record::Value> values) {
  api::JsonWriter out;
  out.BeginObject();
  for (size_t i = 0; i < values.size(); ++i) {
    const record::Value& value = values[i];
    out.Key(pack.features.features()[i].slot.name);
    switch (value.kind()) {
      case record::ValueKind::kAbsent:
        out.Null();
        break;
      case record::ValueKind::kInteger:
        out.Integer(value.integer());
        break;
      case record::ValueKind::kBoolean:
        out.Boolean(value.boolean());
        break;
      case record::ValueKind::kDecimal:
        out.Number(value.decimal().ToString());
        break;
      case record::ValueKind::kMoney:
        out.Text(value.money().ToString());
        break;
      default:
        out.Text(record::ToString(value));
        break;
    }
  }
  out.EndObject();
  return out.Finish();
}

// One run: reads, admits in batches, writes decisions, counts.
class Replay {
 public:
  Replay(const Options& options, FileSystem& disk) : options_(options), disk_(disk) {}
  int Run();

 private:
  bool OpenStore();
  bool Take(std::string_view line);
  bool Flush();
  bool Add(const record::Event& event);
  bool EndDays(Date day);
  bool WriteDecisions();
  void Count(const engine::Outcome& outcome, size_t index);
  void Refuse(uint64_t line, const std::string& what);
  void Show(const engine::Outcome& outcome, std::string_view event);
  int Summary();
  void CountMoney(const std::optional<engine::MoneyReport>& report);
  void ShowMoney() const;
  void ShowCheckpoints() const;

  const Options& options_;
  FileSystem& disk_;
  MemoryFileSystem memory_;
  std::shared_ptr<const pack::Pack> pack_;
  std::unique_ptr<api::Protection> protection_;
  std::unique_ptr<api::Gate> gate_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<LineReader> lines_;
  std::unique_ptr<Progress> progress_;
  std::unique_ptr<File> out_;
  uint64_t out_offset_ = 0;
  std::string out_text_;
  // Of the batch.
  Arena arena_;
  std::vector<record::Event> batch_;
  std::vector<uint64_t> batch_lines_;
  std::vector<std::string> feature_json_;
  // Counts.
  uint64_t applied_ = 0;
  uint64_t duplicates_ = 0;
  uint64_t refused_ = 0;
  uint64_t decided_ = 0;
  size_t decided_in_batch_ = 0;
  std::map<std::string, std::map<std::string, uint64_t>> outcomes_;
  std::map<std::string, uint64_t> refusals_;
  // Of the commands that events and decisions gave to ledger, limits and loans.
  uint64_t money_applied_ = 0;
  uint64_t money_reversed_ = 0;
  uint64_t money_transfers_ = 0;
  uint64_t timers_ = 0;
  Date day_{INT64_MIN};  // the latest that an event happened on
  std::map<std::string, uint64_t> money_refusals_;
  std::map<std::string, uint64_t> reasons_;
};

bool Replay::OpenStore() {
  FileSystem& files = options_.store.empty() ? static_cast<FileSystem&>(memory_) : disk_;
  const std::string folder = options_.store.empty() ? "store" : options_.store;
  engine::Options options;
  if (!options_.store.empty() && options_.checkpoints.every_events > 0) {
    options.checkpoints = options_.checkpoints;
    options.checkpoints.backing = CheckpointsOf(folder);
  }
  if (options_.all_features) {
    options.on_decision = [this](const decision::DecisionPlan&, const record::Event&,
                                 std::span<const record::Value> features) {
      feature_json_.push_back(FeaturesJson(*pack_, features));
    };
  }
  auto opened = engine::Engine::Open(files, folder, options);
  if (!opened.ok()) {
    Fail("cannot open the store " + folder + ": " + opened.status().message());
    return false;
  }
  engine_ = std::move(*opened);
  WarnOfDamage(engine_->opened().damaged_checkpoint);
  if (engine_->pack() != nullptr && engine_->pack()->digest == pack_->digest) return true;
  Timestamp now = Now();
  if (options_.history) {
    const auto first = FirstEventTime(disk_, options_.events);
    if (first) now = Timestamp{first->ns - 1};
  }
  const Status activated = engine_->Activate(pack_, "credence replay", "", now);
  if (!activated.ok()) Fail(activated);
  return activated.ok();
}

int Replay::Run() {
  pack_ = LoadPack(disk_, options_.pack);
  if (pack_ == nullptr) return 1;
  auto lines = LineReader::Open(disk_, options_.events);
  if (!lines.ok()) return Fail("cannot read the events: " + lines.status().message());
  lines_ = std::move(*lines);
  if (!options_.keys.empty()) {
    auto keys = api::Protection::Open(disk_, options_.keys);
    if (!keys.ok()) return Fail(keys.status());
    protection_ = std::move(*keys);
  }
  if (!options_.decisions.empty()) {
    auto out = disk_.Open(options_.decisions, OpenMode::kReplace);
    if (!out.ok()) return Fail(out.status());
    out_ = std::move(*out);
  }
  if (!OpenStore()) return 1;
  gate_ = std::make_unique<api::Gate>(pack_->schema, protection_.get());
  progress_ = std::make_unique<Progress>("replay", "events", lines_->size(), options_.quiet);
  std::string_view line;
  while (true) {
    const auto more = lines_->Next(&line);
    if (!more.ok()) return Fail(more.status());
    if (!*more) break;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    if (!Take(line)) return 1;
  }
  if (!Flush() || !WriteDecisions()) return 1;
  progress_->Finish();
  const Digest hash = engine_->state().Hash();
  const Status closed = engine_->Close();
  if (!closed.ok()) return Fail(closed);
  fmt::print("state hash  {}\n", hash.ToHex());
  return Summary();
}

bool Replay::Take(std::string_view line) {
  record::Event event;
  api::Problem problem;
  if (!gate_->Parse(line, &arena_, &event, &problem)) {
    Refuse(lines_->line_number(), problem.code +
                                      (problem.field.empty() ? "" : " at " + problem.field) + ": " +
                                      problem.expected);
    ++refusals_[problem.code];
    return true;
  }
  if (const Date day = engine::LocalDay(*pack_, event.time); options_.day_ends && day > day_) {
    if (!EndDays(day)) return false;
    // The batch took the event's memory with it.
    return gate_->Parse(line, &arena_, &event, &problem) && Add(event);
  }
  return Add(event);
}

bool Replay::Add(const record::Event& event) {
  batch_.push_back(event);
  batch_lines_.push_back(lines_->line_number());
  return batch_.size() < options_.batch || Flush();
}

bool Replay::Flush() {
  if (batch_.empty()) return true;
  if (protection_ != nullptr) {
    const Status flushed = protection_->Flush();
    if (!flushed.ok()) {
      Fail(flushed);
      return false;
    }
  }
  feature_json_.clear();
  decided_in_batch_ = 0;
  const auto arrival = options_.history ? engine::Arrival::kHistory : engine::Arrival::kLive;
  const auto outcomes = engine_->Process(batch_, arrival, Now());
  if (!outcomes.ok()) {
    Fail(outcomes.status());
    return false;
  }
  for (size_t i = 0; i < outcomes->size(); ++i) Count((*outcomes)[i], i);
  progress_->Update(lines_->position(), applied_ + decided_);
  batch_.clear();
  batch_lines_.clear();
  arena_.Reset();
  return out_text_.size() < (size_t{1} << 20) || WriteDecisions();
}

// What was due before this day fires as it begins.
bool Replay::EndDays(Date day) {
  if (!Flush()) return false;
  day_ = day;
  while (true) {
    const auto fired = engine_->FireTimers(record::kTimerItemsMax, engine::StartOfDay(*pack_, day));
    if (!fired.ok()) {
      Fail(fired.status());
      return false;
    }
    if (*fired == 0) return true;
    timers_ += *fired;
  }
}

bool Replay::WriteDecisions() {
  if (out_ == nullptr || out_text_.empty()) return true;
  const Status written = out_->WriteAt(out_offset_, out_text_);
  out_offset_ += out_text_.size();
  out_text_.clear();
  if (!written.ok()) Fail(written);
  return written.ok();
}

void Replay::CountMoney(const std::optional<engine::MoneyReport>& report) {
  if (!report) return;
  money_applied_ += report->applied;
  money_reversed_ += report->reversed;
  money_transfers_ += report->transfers;
  if (!report->refused.empty()) ++money_refusals_[report->refused + ": " + report->status];
}

void Replay::ShowMoney() const {
  if (timers_ > 0) fmt::print("\ntimers 定时  {} fired\n", Grouped(timers_));
  if (money_applied_ + money_reversed_ == 0 && money_refusals_.empty()) return;
  fmt::print("\nmoney 资金  {} commands carried out, {} reversed; {} transfers\n",
             Grouped(money_applied_), Grouped(money_reversed_), Grouped(money_transfers_));
  if (money_refusals_.empty()) return;
  std::vector<std::vector<std::string>> rows = {{"refused commands 被拒绝的指令", "events"}};
  for (const auto& [what, count] : money_refusals_) rows.push_back({"  " + what, Grouped(count)});
  fmt::print("{}", Table(rows));
}

void Replay::Count(const engine::Outcome& outcome, size_t index) {
  using Kind = engine::Outcome::Kind;
  CountMoney(outcome.money);
  CountMoney(outcome.money_of_decision);
  switch (outcome.kind) {
    case Kind::kApplied:
      ++applied_;
      return;
    case Kind::kDuplicate:
      ++duplicates_;
      return;
    case Kind::kRefused:
      ++refusals_[std::string(engine::RefusalName(outcome.refusal))];
      Refuse(batch_lines_[index], std::string(engine::RefusalName(outcome.refusal)) + " at " +
                                      outcome.field + ": " + outcome.expected);
      return;
    case Kind::kDecided:
      break;
  }
  const record::DecisionRecord& decision = *outcome.decision;
  const std::string& name = pack_->decisions[decision.decision].name;
  ++outcomes_[name]
             [decision.outcome.empty() ? "(waits for " + decision.needs + ")" : decision.outcome];
  for (const std::string& reason : decision.reasons) ++reasons_[reason];
  if (decided_ < options_.show) Show(outcome, batch_[index].id);
  if (out_ != nullptr) {
    out_text_ += api::ToJson(decision, *pack_, batch_[index].source, batch_[index].id);
    if (options_.all_features) {
      out_text_.pop_back();
      out_text_ += ",\"features\":" + feature_json_[decided_in_batch_] + "}";
    }
    out_text_ += '\n';
  }
  ++decided_in_batch_;
  ++decided_;
}

void Replay::Refuse(uint64_t line, const std::string& what) {
  constexpr uint64_t kShown = 10;
  if (++refused_ <= kShown && !options_.quiet) {
    fmt::print(stderr, "{}{}:{}: refused: {}\n", progress_ != nullptr ? "\r\x1b[K" : "",
               options_.events, line, what);
    if (refused_ == kShown) fmt::print(stderr, "(more are counted, not shown)\n");
  }
}

void Replay::Show(const engine::Outcome& outcome, std::string_view event) {
  if (options_.quiet) return;
  progress_->Clear();
  fmt::print("{}", DecisionText(*outcome.decision, event, *pack_, options_.language));
}

void Replay::ShowCheckpoints() const {
  const engine::Checkpoints* checkpoints = engine_->checkpoints();
  if (checkpoints == nullptr) return;
  const engine::CheckpointCounters& counters = checkpoints->counters();
  const engine::EntityTable& entities = engine_->state().entities;
  fmt::print(
      "\ncheckpoints 检查点  {} made, {} rows, {}; the last at sequence {}\n"
      "entities 实体       {} in memory, {}; hit rate {:.1f} %\n",
      Grouped(counters.checkpoints), Grouped(counters.rows), Bytes(counters.bytes),
      Grouped(checkpoints->position() ? checkpoints->position()->seq.value() : 0),
      Grouped(entities.in_memory()), Bytes(entities.bytes()), 100 * entities.counters().hit_rate());
  if (!counters.last_failure.empty()) {
    fmt::print("the last checkpoint could not be written: {}\n", counters.last_failure);
  }
}

int Replay::Summary() {
  const double seconds = progress_->seconds();
  const uint64_t events = applied_ + decided_;
  fmt::print(
      "\n{} events applied, {} of them decided; {} duplicates; {} refused; {:.1f} s, {} events/s\n",
      Grouped(events), Grouped(decided_), Grouped(duplicates_), Grouped(refused_), seconds,
      Grouped(static_cast<uint64_t>(static_cast<double>(events) / std::max(seconds, 1e-9))));
  for (const auto& [decision, outcomes] : outcomes_) {
    std::vector<std::vector<std::string>> rows = {{decision, "decisions", "share", "", ""}};
    uint64_t total = 0;
    for (const auto& [outcome, count] : outcomes) total += count;
    for (const auto& [outcome, count] : outcomes) {
      rows.push_back(
          {"  " + outcome, Grouped(count),
           fmt::format("{:.1f} %", 100.0 * static_cast<double>(count) / static_cast<double>(total)),
           std::string(pack_->OutcomeText(outcome, pack::Language::kEnglish)),
           std::string(pack_->OutcomeText(outcome, pack::Language::kChinese))});
    }
    fmt::print("\n{}", Table(rows));
  }
  if (!reasons_.empty()) {
    std::vector<std::pair<uint64_t, std::string>> ranked;
    for (const auto& [code, count] : reasons_) ranked.emplace_back(count, code);
    std::sort(ranked.rbegin(), ranked.rend());
    std::vector<std::vector<std::string>> rows = {{"reasons", "given", "", ""}};
    for (size_t i = 0; i < std::min<size_t>(ranked.size(), 8); ++i) {
      rows.push_back({"  " + ranked[i].second, Grouped(ranked[i].first),
                      std::string(pack_->ReasonText(ranked[i].second, pack::Language::kEnglish)),
                      std::string(pack_->ReasonText(ranked[i].second, pack::Language::kChinese))});
    }
    fmt::print("\n{}", Table(rows));
  }
  if (!refusals_.empty()) {
    std::vector<std::vector<std::string>> rows = {{"refused", "events"}};
    for (const auto& [code, count] : refusals_) rows.push_back({"  " + code, Grouped(count)});
    fmt::print("\n{}", Table(rows));
  }
  ShowMoney();
  ShowCheckpoints();
  if (!options_.store.empty()) {
    fmt::print("\nThe store is {0}. Prove it: credence verify {0}\n", options_.store);
  }
  return options_.strict && refused_ > 0 ? 1 : 0;
}

}  // namespace

Action AddReplay(CLI::App* app) {
  auto options = std::make_shared<Options>();
  app->add_option("pack", options->pack, "folder of the pack")->required();
  app->add_option("--events", options->events, "events, one CloudEvent (JSON) a line")->required();
  app->add_flag("--history", options->history,
                "old events: each arrives at its own time (default: they arrive now, and old ones "
                "are refused)");
  app->add_flag("--day-ends", options->day_ends,
                "with --history: when the first event of a day comes, what was due before that day "
                "fires (holds that are over, due dates of loans)");
  app->add_option("--store", options->store,
                  "folder to keep journal, artefacts and checkpoints in (default: memory only)");
  app->add_option("--keys", options->keys,
                  "folder with the keys of personal fields (made if missing)");
  app->add_option("--decisions", options->decisions,
                  "write each decision as a line of JSON to this file");
  app->add_flag("--all-features", options->all_features,
                "with --decisions: every feature of the pack beside each decision, read or not");
  AddCheckpointOptions(app, CheckpointUse::kWrites, &options->checkpoints);
  app->add_option("--batch", options->batch, "events a batch: one write and one sync each")
      ->check(CLI::Range(size_t{1}, engine::kBatchEventsMax));
  app->add_option("--show", options->show, "print the first so many decisions in full");
  app->add_option("--language", options->language, "of the texts: en, zh or both")
      ->check(CLI::IsMember({"en", "zh", "both"}));
  app->add_flag("--strict", options->strict, "exit with 1 if an event was refused");
  app->add_flag("--quiet", options->quiet, "no progress and no single decisions");
  app->footer(
      "Examples:\n"
      "  credence replay packs/bank-account-loan --events loans.ndjson --history\n"
      "  credence replay packs/bank-account-loan --events loans.ndjson --history --store run/bank "
      "--decisions out.ndjson\n"
      "  credence replay packs/bank-account-loan --events loans.ndjson --history --store run/bank "
      "--cache-bytes 256MB --checkpoint-events 100000\n"
      "An event that was there before is counted as a duplicate: the same command may be run "
      "again.");
  return [options] {
    journal::PosixFileSystem disk;
    return Replay(*options, disk).Run();
  };
}

}  // namespace credence::apps
