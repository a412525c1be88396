// dmn_tck [--json] [--failures FILE] [--passing FILE] FOLDER...
// Runs every folder of DMN models and test cases below the given ones and prints what passed,
// failed or is unsupported. Exit code 1 if anything failed.

#include <cstdio>
#include <cstring>

#include "tests/conformance/tck_files.h"

namespace credence::conformance {
namespace {

struct Options {
  bool json = false;
  std::string failures;
  std::string passing;
  std::vector<std::string> folders;
};

void PrintCounts(const char* label, const dmn::Counts& counts) {
  std::printf("%s: %u passed, %u failed, %u unsupported of %u\n", label, counts.passed,
              counts.failed, counts.unsupported, counts.total());
}

std::string Json(const dmn::Counts& counts) {
  return "{\"passed\":" + std::to_string(counts.passed) +
         ",\"failed\":" + std::to_string(counts.failed) +
         ",\"unsupported\":" + std::to_string(counts.unsupported) + "}";
}

int Run(const Options& options) {
  SystemZones zones;
  dmn::Counts cases;
  dmn::Counts values;
  dmn::Counts nulls;
  std::string failures;
  std::string passing;
  std::string json;
  for (const std::string& root : options.folders) {
    const std::filesystem::path base = std::filesystem::path(root).lexically_normal();
    for (const auto& folder : TestFolders(base)) {
      const std::string name = folder.lexically_relative(base).string();
      const auto files = ReadFolder(folder);
      const dmn::FolderOutcome outcome = dmn::RunFolder(name, files, &zones);
      cases.Add(outcome.case_counts);
      values.Add(outcome.value_nodes);
      nulls.Add(outcome.null_nodes);
      if (!options.json) {
        std::printf("%-55s %5u passed %5u failed %5u unsupported\n", name.c_str(),
                    outcome.case_counts.passed, outcome.case_counts.failed,
                    outcome.case_counts.unsupported);
      }
      json += (json.empty() ? "" : ",") +
              ("{\"folder\":\"" + name + "\",\"cases\":" + Json(outcome.case_counts) + "}");
      for (const auto& test : outcome.cases) {
        if (test.status == dmn::TestStatus::kPassed) {
          passing += name + "/" + test.file + " " + test.id + "\n";
          continue;
        }
        for (const auto& node : test.nodes) {
          if (node.status != dmn::TestStatus::kFailed) continue;
          failures += name + " " + test.id + " '" + node.node + "': " + node.message + "\n";
        }
      }
      if (outcome.case_counts.failed == 0) continue;
      for (const Diagnostic& diagnostic : outcome.diagnostics) {
        failures += "    " + name + "/" + ToString(diagnostic) + "\n";
      }
    }
  }
  if (options.json) {
    std::printf("{\"folders\":[%s],\"cases\":%s,\"value_nodes\":%s,\"null_nodes\":%s}\n",
                json.c_str(), Json(cases).c_str(), Json(values).c_str(), Json(nulls).c_str());
  } else {
    PrintCounts("cases", cases);
    PrintCounts("nodes that expect a value", values);
    PrintCounts("nodes that expect null", nulls);
  }
  if (!options.failures.empty()) std::ofstream(options.failures) << failures;
  if (!options.passing.empty()) std::ofstream(options.passing) << passing;
  return cases.failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace credence::conformance

int main(int argc, char** argv) {
  credence::conformance::Options options;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--json") == 0) {
      options.json = true;
    } else if (std::strcmp(argv[i], "--failures") == 0 && i + 1 < argc) {
      options.failures = argv[++i];
    } else if (std::strcmp(argv[i], "--passing") == 0 && i + 1 < argc) {
      options.passing = argv[++i];
    } else {
      options.folders.emplace_back(argv[i]);
    }
  }
  if (options.folders.empty()) {
    std::fprintf(stderr, "usage: dmn_tck [--json] [--failures FILE] [--passing FILE] FOLDER...\n");
    return 2;
  }
  return credence::conformance::Run(options);
}
