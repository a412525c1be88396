// credence pack: check a pack, run its worked cases, show what it holds.

#include <fmt/format.h>

#include <memory>

#include "apps/commands.h"
#include "apps/load.h"
#include "apps/terminal.h"
#include "src/api/pack_cases.h"
#include "src/journal/posix_file.h"

namespace credence::apps {

namespace {

int Check(const std::string& folder) {
  journal::PosixFileSystem files;
  const auto pack = LoadPack(files, folder);
  if (pack == nullptr) return 1;
  size_t failed = 0;
  for (const pack::Case& example : pack->cases) {
    const auto failures = api::RunPackCase(example, pack);
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
