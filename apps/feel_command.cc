// credence feel: the value of one FEEL expression.

#include <fmt/format.h>

#include <memory>

#include "apps/commands.h"
#include "apps/feel_json.h"
#include "apps/load.h"
#include "apps/terminal.h"
#include "src/journal/posix_file.h"

namespace credence::apps {

namespace {

struct Options {
  std::string expression;
  std::string context = "{}";
  std::string now;
  std::string zone = "UTC";
  bool json = false;
  bool strict = false;
};

int Evaluate(const Options& options) {
  journal::PosixFileSystem files;
  SystemZones zones(files);
  Arena arena;
  feel::Expression holder;
  std::vector<Diagnostic> diagnostics;
  const auto given = ReadContext(options.context, &zones, &arena, &holder, &diagnostics);
  if (!given) {
    Print(diagnostics);
    return 2;
  }
  feel::Scope scope;
  std::vector<feel::Value> slots;
  for (const feel::Entry& entry : given->context()) {
    scope.Add(entry.name, feel::Type::Any());
    slots.push_back(entry.value);
  }
  feel::CompileOptions compile;
  compile.file = "expression";
  compile.zones = &zones;
  compile.strictness = options.strict ? feel::Strictness::kStrict : feel::Strictness::kStandard;
  const auto expression = feel::Compile(options.expression, scope, compile, &diagnostics);
  Print(diagnostics);
  if (!expression) return 1;
  feel::EvaluationContext context(&arena, &zones);
  context.now = Now();
  if (!options.now.empty()) {
    const auto now = Timestamp::Parse(options.now);
    if (!now.ok()) return Fail("--now: " + now.status().message());
    context.now = *now;
  }
  context.zone = zones.Find(options.zone);
  if (context.zone == nullptr) return Fail("--zone: there is no time zone '" + options.zone + "'");
  std::vector<feel::NullNote> notes;
  context.notes = &notes;
  const feel::Value value = expression->Evaluate(slots, context);
  fmt::print("{}\n", options.json ? ToJson(value) : feel::ToFeel(value));
  for (const feel::NullNote& note : notes) {
    fmt::print(stderr, "null 空值 at {}:{}: {} ({})\n", note.line, note.column, note.text,
               feel::NullReasonName(note.reason));
  }
  return 0;
}

}  // namespace

Action AddFeel(CLI::App* app) {
  auto options = std::make_shared<Options>();
  app->add_option("expression", options->expression, "FEEL (DMN 1.5)")->required();
  app->add_option("--context", options->context, "names and values: JSON, or any FEEL context");
  app->add_option("--now", options->now, "what now() gives (RFC 3339; default: the clock)");
  app->add_option("--zone", options->zone, "of today() and local times (IANA name)");
  app->add_flag("--json", options->json, "print JSON instead of FEEL");
  app->add_flag("--strict", options->strict, "mistakes that FEEL turns into null are errors");
  app->footer(
      "Examples:\n"
      "  credence feel '1 + 2 * 3'\n"
      "  credence feel 'amount > 100 and count(items) = 2' --context '{\"amount\": 250, \"items\": "
      "[1, 2]}'\n"
      "  credence feel 'date(due) - today()' --context '{\"due\": \"2024-03-01\"}' --now "
      "2024-02-01T00:00:00Z\n"
      "The language: docs/FEEL.md");
  return [options] { return Evaluate(*options); };
}

}  // namespace credence::apps
