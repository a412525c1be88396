// Whole loan lives from Fineract's behaviour tests. Those that pass are listed in
// lending_passing.txt; the list may only grow. A folder of files in the same format is named by
// CREDENCE_LENDING_VECTORS; then the list does not apply and every difference is only counted.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "tests/conformance/scenario_life.h"

namespace credence::conformance {
namespace {

std::string Folder() {
  if (const char* named = std::getenv("CREDENCE_LENDING_VECTORS")) return named;
  const char* shared = std::getenv("CREDENCE_SHARED");
  return shared != nullptr ? std::string(shared) + "/data/vectors"
                           : std::string(CREDENCE_SOURCE_DIR) + "/../shared/data/vectors";
}

std::string Find(const std::string& name) {
  for (const char* under : {"/", "/fineract/"}) {
    const std::string path = Folder() + under + name;
    if (std::filesystem::exists(path)) return path;
  }
  return "";
}

std::set<std::string> Listed() {
  std::ifstream in(std::string(CREDENCE_SOURCE_DIR) + "/tests/conformance/lending_passing.txt");
  std::set<std::string> listed;
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line[0] != '#') listed.insert(line);
  }
  return listed;
}

// A made-up folder: one life that passes, and lines and steps that cannot.
TEST(LendingScenarios, WhatCannotBeReadFailsAndWhatNobodyKnowsIsUnsupportedByName) {
  const auto line = [](const std::string& steps) {
    return R"({"file": "a", "line": 1, "name": "n", "steps": [)" + steps + "]}\n";
  };
  const std::string day = R"({"text": "Admin sets the business date to \"01 January 2024\""})";
  const std::string status = R"({"text": "Loan status will be \"\""})";
  const std::string path = testing::TempDir() + "scenarios.jsonl";
  std::ofstream(path)
      << line(day + "," + status) << "{\"file\": \n"
      << R"({"file": "a", "line": "1", "name": "n", "steps": []})" << '\n'
      << line(R"({"text": "x", "table": [["a", "b"], ["c"]]})")
      << line(R"({"text": "Admin dances"})")
      << line(R"({"text": "Admin creates a fully customized loan with the following )"
              R"(data:", "table": [["LoanProduct", "moon phase"], ["LP1", "new"]]})")
      << line(R"({"text": "Admin creates a fully customized loan with the following )"
              R"(data:", "table": [["LoanProduct", "repaymentEvery"], ["LP1", "x"]]})");
  const auto scenarios = ReadScenarios(path);
  ASSERT_TRUE(scenarios.ok()) << scenarios.status().ToString();
  ASSERT_EQ(scenarios->size(), 7U);
  Products products("");
  std::vector<Verdict> got;
  for (const Scenario& scenario : *scenarios) got.push_back(Life(products).Play(scenario));
  EXPECT_EQ(got[0].outcome, Outcome::kPassed) << got[0].reason;
  EXPECT_EQ(got[1].outcome, Outcome::kFailed);
  EXPECT_EQ(got[1].reason, "scenarios.jsonl:2: no JSON from byte 9 on");
  EXPECT_EQ(got[2].reason, "scenarios.jsonl:3: expected file, line, name and steps");
  EXPECT_EQ(got[3].reason, "scenarios.jsonl:4: step 1: a row of another length");
  EXPECT_EQ(got[4].outcome, Outcome::kUnsupported);
  EXPECT_EQ(got[4].reason, "Admin dances");
  EXPECT_EQ(got[5].outcome, Outcome::kUnsupported);
  EXPECT_EQ(got[5].reason, "column moon phase");
  EXPECT_EQ(got[6].outcome, Outcome::kFailed) << got[6].reason;
  EXPECT_FALSE(ReadScenarios(path + ".none").ok());
}

TEST(LendingScenarios, EveryListedLifePassesToTheCent) {
  std::string path = Find("scenarios.jsonl.gz");
  if (path.empty()) path = Find("scenarios.jsonl");
  if (path.empty()) GTEST_SKIP() << "no scenarios.jsonl.gz or scenarios.jsonl in " << Folder();
  const auto scenarios = ReadScenarios(path);
  ASSERT_TRUE(scenarios.ok()) << scenarios.status().ToString();
  Products products(Find("products.json"));
  std::set<std::string> passed;
  int failed = 0;
  int unsupported = 0;
  std::map<std::string, int> why;
  const char* verbose = std::getenv("CREDENCE_VERBOSE");
  for (const Scenario& scenario : scenarios.value()) {
    products.Reset();
    const Verdict verdict = Life(products).Play(scenario);
    if (verdict.outcome == Outcome::kPassed) {
      passed.insert(scenario.id);
    } else if (verdict.outcome == Outcome::kFailed) {
      ++failed;
      if (!scenario.unreadable.empty()) std::printf("failed: %s\n", scenario.unreadable.c_str());
      if (verbose != nullptr) {
        std::printf("FAILED %s %s\n%s\n", scenario.id.c_str(), scenario.name.c_str(),
                    verdict.reason.c_str());
      }
    } else {
      ++unsupported;
      ++why[verdict.reason];
    }
  }
  std::vector<std::pair<int, std::string>> counted;
  for (const auto& [reason, count] : why) counted.emplace_back(-count, reason);
  std::sort(counted.begin(), counted.end());
  for (size_t i = 0; i < counted.size() && (verbose != nullptr || i < 10); ++i) {
    std::printf("unsupported %d: %s\n", -counted[i].first, counted[i].second.c_str());
  }
  std::printf("scenarios.jsonl.gz: %zu passed, %d failed, %d unsupported\n", passed.size(), failed,
              unsupported);
  if (const char* out = std::getenv("CREDENCE_PASSING_OUT")) {
    std::ofstream file(out);
    for (const std::string& id : passed) file << id << '\n';
  }
  if (std::getenv("CREDENCE_LENDING_VECTORS") != nullptr) return;
  const std::set<std::string> listed = Listed();
  EXPECT_FALSE(listed.empty());
  for (const std::string& id : listed) EXPECT_TRUE(passed.contains(id)) << id << " fails";
  for (const std::string& id : passed) {
    EXPECT_TRUE(listed.contains(id)) << id << " passes: add it to lending_passing.txt";
  }
}

}  // namespace
}  // namespace credence::conformance
