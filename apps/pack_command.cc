// credence pack: check a pack, run its worked cases, show what it holds.

#include <fmt/format.h>

#include <memory>

#include "apps/commands.h"
#include "apps/load.h"
#include "apps/terminal.h"
#include "src/api/gate.h"
#include "src/base/memory_file.h"
#include "src/journal/posix_file.h"

namespace credence::apps {

namespace {

// Runs one worked case in an engine of its own. Empty if all that it expects came.
std::vector<std::string> RunCase(const pack::Case& example,
                                 const std::shared_ptr<const pack::Pack>& pack) {
  std::vector<std::string> failures;
  const auto fail = [&](uint32_t line, const std::string& what) {
    failures.push_back(fmt::format("{}:{}: {}: {}", example.file, line, example.name, what));
  };
  MemoryFileSystem memory;
  auto engine = engine::Engine::Open(memory, "store");
  auto protection = api::Protection::Open(memory, "keys");
  if (!engine.ok() || !protection.ok()) {
    fail(example.line, engine.ok() ? protection.status().message() : engine.status().message());
    return failures;
  }
  api::Gate gate(pack->schema, protection->get());
  std::map<std::string, std::shared_ptr<const record::DecisionRecord>> decisions;
  bool active = false;
  for (const std::string& json : example.events) {
    Arena arena;
    record::Event event;
    api::Problem problem;
    if (!gate.Parse(json, &arena, &event, &problem)) {
      fail(example.line, "an event is refused: " + problem.field + ": " + problem.expected);
      return failures;
    }
    if (!active) {
      const Status activated = (*engine)->Activate(pack, "case", "", Timestamp{event.time.ns - 1});
      if (!activated.ok()) fail(example.line, activated.message());
      active = true;
    }
    const auto outcomes = (*engine)->Process({&event, 1}, engine::Arrival::kHistory, event.time);
    if (!outcomes.ok() || (*outcomes)[0].kind == engine::Outcome::Kind::kRefused) {
      fail(example.line,
           "the event " + std::string(event.id) + " is refused: " +
               (outcomes.ok() ? (*outcomes)[0].expected : outcomes.status().message()));
      return failures;
    }
    if ((*outcomes)[0].decision != nullptr)
      decisions[std::string(event.id)] = (*outcomes)[0].decision;
  }
  for (const auto& expected : example.expectations) {
    const auto found = decisions.find(expected.event);
    if (found == decisions.end()) {
      fail(expected.line, "no decision was made on the event " + expected.event);
      continue;
    }
    const record::DecisionRecord& decision = *found->second;
    const auto compare = [&](const char* what, const std::optional<std::string>& wanted,
                             const std::string& came) {
      if (wanted && *wanted != came)
        fail(expected.line, fmt::format("{}: expected {}, came {}", what, *wanted, came));
    };
    const auto number = [&](const char* what, const std::optional<std::string>& wanted,
                            const std::optional<Decimal>& came) {
      if (!wanted) return;
      const auto parsed = Decimal::Parse(*wanted);
      if (!parsed || !came || *parsed != *came) {
        fail(expected.line, fmt::format("{}: expected {}, came {}", what, *wanted,
                                        came ? came->ToString() : "none"));
      }
    };
    std::string outcome = decision.outcome;
    if (decision.path == record::DecisionPath::kFallback)
      outcome += " (fallback: " + decision.failure + ")";
    compare("outcome", expected.outcome, outcome);
    number("score", expected.score, decision.score);
    number("probability_of_default", expected.probability_of_default,
           decision.probability_of_default);
    if (expected.reasons && *expected.reasons != decision.reasons) {
      fail(expected.line,
           fmt::format("reasons: expected [{}], came [{}]", fmt::join(*expected.reasons, ", "),
                       fmt::join(decision.reasons, ", ")));
    }
    const record::SlotTable& slots = pack->decisions[decision.decision].slots;
    for (const auto& [name, text] : expected.slots) {
      const auto slot = slots.Find(name);
      std::optional<std::string> came;
      for (const record::SlotValue& value : decision.slots) {
        if (slot && value.slot == *slot) came = record::ToString(value.value);
      }
      if (came != text)
        fail(expected.line, fmt::format("slot {}: expected {}, came {}", name, text,
                                        came.value_or("no such slot")));
    }
  }
  return failures;
}

int Check(const std::string& folder) {
  journal::PosixFileSystem files;
  const auto pack = LoadPack(files, folder);
  if (pack == nullptr) return 1;
  size_t failed = 0;
  for (const pack::Case& example : pack->cases) {
    const auto failures = RunCase(example, pack);
    for (const std::string& failure : failures) fmt::print(stderr, "{}\n", failure);
    failed += failures.empty() ? 0 : 1;
  }
  fmt::print(
      "{} {}: {} event types, {} features, {} decisions; cases: {} passed, {} failed\ndigest {}\n",
      pack->name, pack->version, pack->schema.event_types.size(), pack->features.features().size(),
      pack->decisions.size(), pack->cases.size() - failed, failed, pack->digest.ToHex());
  return failed == 0 ? 0 : 1;
}

int Slots(const std::string& folder) {
  journal::PosixFileSystem files;
  const auto pack = LoadPack(files, folder);
  if (pack == nullptr) return 1;
  std::vector<std::vector<std::string>> rows = {{"feature", "definition"}};
  for (const auto& feature : pack->features.features()) {
    rows.push_back({feature.slot.name, feature.definition.ToHex().substr(0, 16)});
  }
  fmt::print("{}", Table(rows));
  for (const auto& plan : pack->decisions) {
    rows = {{"\ndecision " + plan.name + " reads", "origin"}};
    for (const uint32_t slot : plan.recorded) {
      static constexpr const char* kOrigins[] = {"",      "field",  "feature", "derived",
                                                 "model", "source", "money"};
      rows.push_back(
          {plan.slots.at(slot).name, kOrigins[static_cast<size_t>(plan.slots.at(slot).origin)]});
    }
    fmt::print("{}", Table(rows));
  }
  return 0;
}

}  // namespace

Action AddPack(CLI::App* app) {
  auto folder = std::make_shared<std::string>();
  app->require_subcommand(1);
  CLI::App* check =
      app->add_subcommand("check", "all errors at once, then the pack's own worked cases");
  check->add_option("folder", *folder, "folder of the pack")->required();
  CLI::App* slots =
      app->add_subcommand("slots", "names of all features, and what each decision reads");
  slots->add_option("folder", *folder, "folder of the pack")->required();
  app->footer(
      "Examples:\n  credence pack check packs/bank-account-loan\n  credence pack slots "
      "packs/bank-account-loan\nThe format: docs/PACK.md");
  return [folder, check] { return check->parsed() ? Check(*folder) : Slots(*folder); };
}

}  // namespace credence::apps
