// credence dmn: evaluate, check and test DMN models.

#include <fmt/format.h>

#include <filesystem>
#include <memory>

#include "apps/commands.h"
#include "apps/feel_json.h"
#include "apps/load.h"
#include "apps/tck_folder.h"
#include "apps/terminal.h"
#include "src/dmn/check.h"
#include "src/journal/posix_file.h"

namespace credence::apps {

namespace {

struct Options {
  std::vector<std::string> files;
  std::string decision;
  std::string input = "{}";
  std::string now;
  std::string cases;
  std::vector<std::string> goals;
  std::string failures;
  bool explain = false;
  bool strict = false;
  bool json = false;
};

constexpr uint64_t kModelBytesMax = uint64_t{64} << 20;

// Imports are looked for by namespace among the .dmn files beside the model.
dmn::LoadResult LoadModel(FileSystem& files, const std::string& path, bool strict,
                          ZoneSource* zones) {
  dmn::LoadResult result;
  auto text = ReadWholeFile(files, path, kModelBytesMax);
  if (!text.ok()) {
    result.diagnostics.push_back(
        {Severity::kError, path, 0, 0, "missing-file", text.status().message(), ""});
    return result;
  }
  dmn::LoadOptions options;
  options.strictness = strict ? feel::Strictness::kStrict : feel::Strictness::kStandard;
  options.zones = zones;
  const std::string folder = std::filesystem::path(path).parent_path().string();
  options.imports = [&](const dmn::Import& import) -> std::optional<dmn::Source> {
    const auto names = files.List(folder.empty() ? "." : folder);
    if (!names.ok()) return std::nullopt;
    for (const std::string& name : *names) {
      if (!name.ends_with(".dmn")) continue;
      const std::string beside = folder.empty() ? name : folder + "/" + name;
      auto content = ReadWholeFile(files, beside, kModelBytesMax);
      if (!content.ok()) continue;
      const auto identity = dmn::ReadModelIdentity(*content);
      if (identity && identity->namespace_uri == import.namespace_uri)
        return dmn::Source{beside, std::move(*content)};
    }
    return std::nullopt;
  };
  return dmn::Model::Load({path, std::move(*text)}, options);
}

std::string NameList(const std::vector<dmn::NodeInfo>& nodes) {
  std::string names;
  for (const dmn::NodeInfo& node : nodes) names += (names.empty() ? "" : ", ") + node.name;
  return names;
}

void PrintTrace(const dmn::Trace& trace, const dmn::Model& model) {
  static constexpr const char* kKinds[] = {"", "decision 决策", "table of 决策表",
                                           "knowledge model 业务知识模型", "service 决策服务"};
  for (const dmn::TraceEntry& entry : trace.entries) {
    fmt::print("{:{}}{} {} = {}\n", "", 2 * entry.depth, kKinds[static_cast<size_t>(entry.kind)],
               entry.name, feel::ToFeel(entry.output));
    for (const auto& [name, value] : entry.inputs)
      fmt::print("{:{}}{} = {}\n", "", 2 * entry.depth + 4, name, feel::ToFeel(value));
    for (const uint32_t row : entry.rows) {
      const auto& rules = model.tables()[entry.table].table->table().rules;
      const std::string id = row >= 1 && row <= rules.size() ? rules[row - 1].id : "";
      fmt::print("{:{}}rule 规则 {}{}\n", "", 2 * entry.depth + 4, row,
                 id.empty() ? "" : " (" + id + ")");
    }
  }
  for (const feel::NullNote& note : trace.nulls)
    fmt::print("null 空值 at {}:{}: {}\n", note.line, note.column, note.text);
}

int Evaluate(const Options& options) {
  journal::PosixFileSystem files;
  SystemZones zones(files);
  const dmn::LoadResult loaded = LoadModel(files, options.files[0], options.strict, &zones);
  Print(loaded.diagnostics);
  if (loaded.model == nullptr) return 1;
  Arena arena;
  feel::Expression holder;
  std::vector<Diagnostic> diagnostics;
  const auto input = ReadContext(options.input, &zones, &arena, &holder, &diagnostics);
  if (!input) {
    Print(diagnostics);
    return 2;
  }
  std::vector<std::string> names;
  std::vector<feel::Value> values;
  for (const feel::Entry& entry : input->context()) {
    names.emplace_back(entry.name);
    values.push_back(entry.value);
  }
  std::string decision = options.decision;
  if (decision.empty() && loaded.model->decisions().size() == 1)
    decision = loaded.model->decisions()[0].name;
  if (decision.empty())
    return Fail("name a decision with --decision: " + NameList(loaded.model->decisions()));
  const auto evaluator = loaded.model->Bind(decision, std::span<const std::string>(names));
  if (!evaluator.ok()) return Fail(evaluator.status());
  for (const auto& required : evaluator->required_inputs()) {
    if (!required.slot)
      fmt::print(stderr,
                 "note: the input '{}' was not given and is null 未提供该输入，按空值处理\n",
                 required.name);
  }
  feel::EvaluationContext context(&arena, &zones);
  context.now = Now();
  if (!options.now.empty()) {
    const auto now = Timestamp::Parse(options.now);
    if (!now.ok()) return Fail("--now: " + now.status().message());
    context.now = *now;
  }
  dmn::EvaluationLog log;
  dmn::Trace trace;
  if (options.explain) log.trace = &trace;
  const feel::Value value = evaluator->Evaluate(values, context, &log);
  fmt::print("{}\n", ToJson(value));
  if (options.explain) PrintTrace(trace, *loaded.model);
  return 0;
}

int Check(const Options& options) {
  journal::PosixFileSystem files;
  SystemZones zones(files);
  size_t errors = 0;
  size_t warnings = 0;
  for (const std::string& path : options.files) {
    const dmn::LoadResult loaded = LoadModel(files, path, options.strict, &zones);
    std::vector<Diagnostic> found = loaded.diagnostics;
    if (loaded.model != nullptr) {
      const auto more = dmn::Check(*loaded.model, {options.goals, options.strict});
      found.insert(found.end(), more.begin(), more.end());
    }
    SortDiagnostics(&found);
    Print(found);
    for (const Diagnostic& diagnostic : found) {
      errors += diagnostic.severity == Severity::kError ? 1 : 0;
      warnings += diagnostic.severity == Severity::kWarning ? 1 : 0;
    }
    if (options.cases.empty() || loaded.model == nullptr) continue;
    std::vector<std::string> skipped;
    const dmn::TestFile tests = dmn::GenerateCases(*loaded.model, {}, &zones, &skipped);
    const Status written = ReplaceFile(files, options.cases, dmn::WriteTestFile(tests));
    if (!written.ok()) return Fail(written);
    fmt::print(
        "{} cases written to {}; read the expected values before you keep them 请先核对期望值\n",
        tests.cases.size(), options.cases);
    for (const std::string& name : skipped)
      fmt::print("no cases for the decision '{}': it is no table over plain inputs 无法生成用例\n",
                 name);
  }
  fmt::print("{} file{}, {} errors 错误, {} warnings 警告\n", options.files.size(),
             options.files.size() == 1 ? "" : "s", errors, warnings);
  return errors == 0 ? 0 : 1;
}

std::string CountsJson(const dmn::Counts& counts) {
  return fmt::format("{{\"passed\":{},\"failed\":{},\"unsupported\":{}}}", counts.passed,
                     counts.failed, counts.unsupported);
}

int Test(const Options& options) {
  journal::PosixFileSystem files;
  SystemZones zones(files);
  dmn::Counts cases;
  dmn::Counts values;
  dmn::Counts nulls;
  std::string json;
  for (const std::string& root : options.files) {
    if (!std::filesystem::is_directory(root))
      return Fail("'" + root + "' is no folder: give folders with models and test files");
    for (const auto& folder : TestFolders(root)) {
      const dmn::FolderOutcome outcome =
          dmn::RunFolder(folder.string(), ReadTestFolder(folder), &zones);
      cases.Add(outcome.case_counts);
      values.Add(outcome.value_nodes);
      nulls.Add(outcome.null_nodes);
      if (options.json) {
        json += fmt::format("{}{{\"folder\":{},\"cases\":{}}}", json.empty() ? "" : ",",
                            ToJson(feel::Value::String(outcome.folder)),
                            CountsJson(outcome.case_counts));
        continue;
      }
      fmt::print("{}: {} passed, {} failed, {} unsupported\n", outcome.folder,
                 outcome.case_counts.passed, outcome.case_counts.failed,
                 outcome.case_counts.unsupported);
      for (const dmn::CaseOutcome& one : outcome.cases) {
        for (const dmn::NodeOutcome& node : one.nodes) {
          if (node.status == dmn::TestStatus::kFailed)
            fmt::print("  {} {} {}: {}\n", one.file, one.id, node.node, node.message);
        }
      }
    }
  }
  if (options.json) {
    fmt::print("{{\"folders\":[{}],\"cases\":{},\"value_nodes\":{},\"null_nodes\":{}}}\n", json,
               CountsJson(cases), CountsJson(values), CountsJson(nulls));
  } else {
    const auto line = [](const char* what, const dmn::Counts& counts) {
      fmt::print("{}: {} passed, {} failed, {} unsupported\n", what, counts.passed, counts.failed,
                 counts.unsupported);
    };
    line("cases 用例", cases);
    line("nodes that expect a value 期望有值的节点", values);
    line("nodes that expect null 期望空值的节点", nulls);
  }
  return cases.failed == 0 ? 0 : 1;
}

}  // namespace

Action AddDmn(CLI::App* app) {
  auto options = std::make_shared<Options>();
  app->require_subcommand(1);
  CLI::App* eval = app->add_subcommand("eval", "evaluate one decision");
  eval->add_option("file", options->files, "the model (*.dmn); imports are found beside it")
      ->required()
      ->expected(1);
  eval->add_option("--decision", options->decision, "name of the decision");
  eval->add_option("--input", options->input, "inputs: JSON, or any FEEL context");
  eval->add_option("--now", options->now, "what now() gives (RFC 3339; default: the clock)");
  eval->add_flag("--explain", options->explain,
                 "also: decisions, inputs, rules that matched, why a value is null");
  eval->add_flag("--strict", options->strict, "mistakes that DMN turns into null are errors");
  CLI::App* check = app->add_subcommand(
      "check", "find what is wrong before it runs: gaps, overlaps, masked rules, nulls");
  check->add_option("files", options->files, "models")->required();
  check->add_option("--goal", options->goals,
                    "decisions that are asked for; what none of them needs is reported");
  check->add_option("--cases", options->cases,
                    "write test cases that reach every rule to this file (format of the DMN TCK)");
  check->add_flag("--strict", options->strict,
                  "findings that lead to a silent null or a wrong rule are errors");
  CLI::App* test = app->add_subcommand(
      "test", "run folders of models with test cases in the format of the DMN TCK");
  test->add_option("folders", options->files, "folders, with all below them")->required();
  test->add_flag("--json", options->json, "counts as JSON");
  app->footer(
      "Examples:\n"
      "  credence dmn eval packs/bank-account-loan/policy.dmn --decision risk_band --input "
      "'{\"loan_score.probability_of_default\": 0.02}' --explain\n"
      "  credence dmn check packs/bank-account-loan/policy.dmn --strict\n"
      "  credence dmn check policy.dmn --cases policy-test-01.xml\n"
      "  credence dmn test my-policies/\n"
      "How to write a policy: docs/POLICY.md");
  return [options, eval, check] {
    if (eval->parsed()) return Evaluate(*options);
    return check->parsed() ? Check(*options) : Test(*options);
  };
}

}  // namespace credence::apps
