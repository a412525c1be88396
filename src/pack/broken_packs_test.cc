// Broken packs and what is said about them. tests/golden/packs/base is a pack without a fault;
// each NNN-name.patch.yaml beside it breaks it in one way; packs.expected holds every diagnostic.
// CREDENCE_UPDATE_GOLDEN=1 writes it anew: read the difference.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "src/base/bytes.h"
#include "src/base/random.h"
#include "src/pack/shop_testing.h"
#include "src/pack/yaml.h"

namespace credence::pack {
namespace {

namespace fs = std::filesystem;

const fs::path kGolden = fs::path(CREDENCE_SOURCE_DIR) / "tests/golden/packs";

std::string ReadText(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.good()) << path;
  std::stringstream content;
  content << in.rdbuf();
  return content.str();
}

class TestZones final : public TzifSource {
 public:
  std::optional<std::string> Read(std::string_view zone_name) override {
    if (zone_name == "Test/Aest") return std::nullopt;
    return FixedZone(8);
  }
};

FileSet FilesOf(const fs::path& base) {
  FileSet files;
  for (const auto& entry : fs::recursive_directory_iterator(base)) {
    const std::string extension = entry.path().extension().string();
    if (extension != ".yaml" && extension != ".dmn" && extension != ".pmml") continue;
    files[fs::relative(entry.path(), base).generic_string()] = ReadText(entry.path());
  }
  return files;
}

FileSet BaseFiles() { return FilesOf(kGolden / "base"); }

// One change: file, and: `remove`; `content`; or `old` with `new` (or the bytes `hex`), `times`
// over, once or (`all`) wherever it stands.
void Apply(const Node& patch, FileSet* files) {
  std::map<std::string, std::string> keys;
  for (size_t i = 0; i < patch.keys.size(); ++i) keys[patch.keys[i].text] = patch.items[i].text;
  const std::string file = keys["file"];
  ASSERT_TRUE(files->contains(file)) << file;
  if (keys.contains("remove")) {
    files->erase(file);
    return;
  }
  if (keys.contains("content")) {
    (*files)[file] = keys["content"];
    return;
  }
  std::string bytes = keys["new"];
  if (keys.contains("hex")) {
    ASSERT_TRUE(FromHex(keys["hex"], &bytes));
  }
  std::string text;
  const int times = keys.contains("times") ? std::stoi(keys["times"]) : 1;
  for (int i = 0; i < times; ++i) text += bytes;
  std::string& content = (*files)[file];
  size_t at = content.find(keys["old"]);
  ASSERT_NE(at, std::string::npos) << file << " has no " << keys["old"];
  do {
    content.replace(at, keys["old"].size(), text);
    at = content.find(keys["old"], at + text.size());
  } while (at != std::string::npos && keys.contains("all"));
}

std::string Said(FileSet files, bool* loaded) {
  TestZones zones;
  std::vector<Diagnostic> diagnostics;
  *loaded = Load(std::move(files), "shop", &zones, &diagnostics) != nullptr;
  std::string text;
  for (const Diagnostic& diagnostic : diagnostics) text += ToString(diagnostic) + "\n";
  return text;
}

TEST(BrokenPacks, TheBaseHasNoFault) {
  bool loaded = false;
  EXPECT_EQ(Said(BaseFiles(), &loaded), "");
  EXPECT_TRUE(loaded);
}

TEST(BrokenPacks, ThePacksOfThisRepositoryHaveNoFault) {
  size_t packs = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(CREDENCE_SOURCE_DIR) / "packs")) {
    if (!fs::exists(entry.path() / "pack.yaml")) continue;
    ++packs;
    bool loaded = false;
    const std::string said = Said(FilesOf(entry.path()), &loaded);
    EXPECT_TRUE(loaded) << entry.path() << "\n" << said;
  }
  EXPECT_GT(packs, 0u);
}

TEST(BrokenPacks, EachGetsTheDiagnosticsThatAreExpected) {
  std::vector<fs::path> patches;
  for (const auto& entry : fs::directory_iterator(kGolden)) {
    if (entry.path().filename().string().ends_with(".patch.yaml")) patches.push_back(entry.path());
  }
  std::sort(patches.begin(), patches.end());
  EXPECT_GE(patches.size(), 60u);
  const FileSet base = BaseFiles();
  std::string all;
  for (const fs::path& path : patches) {
    const std::string name = path.filename().string();
    SCOPED_TRACE(name);
    std::vector<Diagnostic> faults;
    Reporter reporter(name, &faults);
    const auto root = ParseYaml(ReadText(path), &reporter);
    ASSERT_TRUE(root.has_value()) << ToString(faults.at(0));
    FileSet files = base;
    for (const Node& patch : root->items) Apply(patch, &files);
    bool loaded = true;
    const std::string said = Said(files, &loaded);
    EXPECT_FALSE(loaded) << "a broken pack must not load";
    EXPECT_NE(said.find("error:"), std::string::npos);
    all += "== " + name.substr(0, name.find('.')) + "\n" + said + "\n";
  }
  const fs::path expected = kGolden / "packs.expected";
  if (std::getenv("CREDENCE_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(expected, std::ios::binary) << all;
    GTEST_SKIP() << "packs.expected was written anew";
  }
  EXPECT_EQ(all, ReadText(expected));
}

// Whatever byte of a pack is lost, doubled or another: it is loaded or refused, nothing else.
TEST(BrokenPacks, AnyByteThatIsChangedIsTakenOrRefused) {
  const FileSet base = BaseFiles();
  Random random(20240301);
  size_t refused = 0;
  for (int round = 0; round < 400; ++round) {
    FileSet files = base;
    auto file = files.begin();
    std::advance(file, static_cast<long>(random.Below(files.size())));
    std::string& text = file->second;
    const size_t at = random.Below(text.size());
    switch (random.Below(4)) {
      case 0:
        text.erase(at, 1 + random.Below(8));
        break;
      case 1:
        text.insert(at, text.substr(random.Below(text.size()), random.Below(40)));
        break;
      case 2:
        text[at] = "{}[]:,-?\"'#&*!|>\n\t <=/."[random.Below(24)];
        break;
      default:
        text.resize(at);
        break;
    }
    bool loaded = false;
    const std::string said = Said(files, &loaded);
    if (!loaded) ++refused;
    ASSERT_EQ(loaded, said.find("error:") == std::string::npos) << "round " << round << "\n"
                                                                << said;
  }
  EXPECT_GT(refused, 200u);
}

}  // namespace
}  // namespace credence::pack
