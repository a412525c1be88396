#pragma once
// What the pure runner of DMN test cases needs from the file system: folders of models and tests.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "src/dmn/tck.h"

namespace credence::apps {

inline std::string ReadWhole(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// Every folder below `root` (itself too) that holds test files, sorted; names are relative to
// `root`'s parent.
inline std::vector<std::filesystem::path> TestFolders(const std::filesystem::path& root) {
  std::vector<std::filesystem::path> folders;
  const auto look = [&](const std::filesystem::path& folder) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.is_regular_file() && entry.path().extension() == ".xml") {
        folders.push_back(folder);
        return;
      }
    }
  };
  look(root);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (entry.is_directory()) look(entry.path());
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

inline std::vector<dmn::Source> ReadTestFolder(const std::filesystem::path& folder) {
  std::vector<dmn::Source> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const auto extension = entry.path().extension();
    if (extension != ".dmn" && extension != ".xml") continue;
    files.push_back({entry.path().filename().string(), ReadWhole(entry.path())});
  }
  std::sort(files.begin(), files.end(),
            [](const auto& a, const auto& b) { return a.file < b.file; });
  return files;
}

}  // namespace credence::apps
