// The cases of the DMN TCK that pass are listed in dmn_tck_passing.txt; the list may only grow.

#include <gtest/gtest.h>

#include <cstdlib>
#include <set>
#include <sstream>

#include "apps/load.h"
#include "apps/tck_folder.h"
#include "src/journal/posix_file.h"

namespace credence::conformance {
namespace {

std::filesystem::path SharedFolder() {
  const char* named = std::getenv("CREDENCE_SHARED");
  if (named != nullptr) return named;
  return std::filesystem::path(CREDENCE_SOURCE_DIR) / ".." / "shared";
}

std::set<std::string> ListedCases() {
  std::istringstream in(apps::ReadWhole(std::filesystem::path(CREDENCE_SOURCE_DIR) /
                                        "tests/conformance/dmn_tck_passing.txt"));
  std::set<std::string> listed;
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line[0] != '#') listed.insert(line);
  }
  return listed;
}

TEST(DmnTck, EveryListedCasePassesAndNullsSayWhy) {
  const auto root = SharedFolder() / "data/tck";
  if (!std::filesystem::is_directory(root)) {
    GTEST_SKIP() << "the DMN TCK is not at " << root << "; set CREDENCE_SHARED";
  }
  journal::PosixFileSystem disk;
  apps::SystemZones zones(disk);
  std::set<std::string> passed;
  std::set<std::string> unsupported_folders;
  for (const auto& folder : apps::TestFolders(root)) {
    const std::string name = folder.lexically_relative(root).string();
    const auto files = apps::ReadTestFolder(folder);
    const dmn::FolderOutcome outcome = dmn::RunFolder(name, files, &zones);
    for (const auto& test : outcome.cases) {
      if (test.status == dmn::TestStatus::kPassed)
        passed.insert(name + "/" + test.file + " " + test.id);
      if (test.status == dmn::TestStatus::kUnsupported) unsupported_folders.insert(name);
    }
  }
  const std::set<std::string> listed = ListedCases();
  EXPECT_FALSE(listed.empty());
  for (const std::string& test : listed) EXPECT_TRUE(passed.contains(test)) << test << " fails";
  for (const std::string& test : passed) {
    EXPECT_TRUE(listed.contains(test)) << test << " passes: add it to dmn_tck_passing.txt";
  }
  // Only calls of Java methods may be unsupported.
  for (const std::string& folder : unsupported_folders) {
    EXPECT_EQ(folder, "compliance-level-3/0076-feel-external-java");
  }
}

}  // namespace
}  // namespace credence::conformance
