// Journals of earlier releases: each is read, folded and verified by this one, and comes to the
// state and the decisions that its own release came to. See README.md.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "src/base/memory_file.h"
#include "src/engine/engine.h"
#include "src/journal/posix_file.h"
#include "src/record/codec.h"
#include "src/study/verify.h"

namespace credence {
namespace {

const std::filesystem::path kKept = CREDENCE_SOURCE_DIR "/tests/compat";

std::vector<std::string> Releases() {
  std::vector<std::string> releases;
  for (const auto& entry : std::filesystem::directory_iterator(kKept)) {
    if (entry.is_directory()) releases.push_back(entry.path().filename());
  }
  std::sort(releases.begin(), releases.end());
  return releases;
}

std::string ReadText(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// What a release came to, as expected.txt says it.
std::string Describe(FileSystem& files, const std::string& store) {
  engine::Options options;
  options.read_only = true;
  const auto engine = engine::Engine::Open(files, store, options);
  if (!engine.ok()) return engine.status().ToString();
  const auto reader = journal::JournalReader::Open(files, store + "/journal");
  if (!reader.ok()) return reader.status().ToString();
  std::string decisions;
  journal::FrameView frame;
  Arena arena;
  for (;;) {
    const auto more = (*reader)->Next(&frame);
    if (!more.ok()) return more.status().ToString();
    if (!*more) break;
    if (frame.kind != journal::FrameKind::kBatch) continue;
    for (const std::string_view bytes : frame.records) {
      arena.Reset();
      const auto record = record::DecodeRecord(bytes, &arena);
      if (!record.ok()) return record.status().ToString();
      if (std::holds_alternative<record::DecisionRecord>(*record)) {
        decisions += Sha256(bytes).view();
      }
    }
  }
  const engine::OpenReport& opened = (*engine)->opened();
  const journal::ChainHead& head = (*reader)->head();
  return "frames " + std::to_string(head.frames) + "\nsequence " +
         std::to_string(head.last_seq.value()) + "\nchain " + head.chain.ToHex() + "\nevents " +
         std::to_string(opened.events) + "\ndecisions " + std::to_string(opened.decisions) + " " +
         Sha256(decisions).ToHex() + "\nstate " + (*engine)->state().Hash().ToHex() + "\n";
}

TEST(Compat, AKeptJournalGivesTheStateAndTheDecisionsOfItsRelease) {
  const auto releases = Releases();
  ASSERT_FALSE(releases.empty());
  journal::PosixFileSystem disk;
  for (const std::string& release : releases) {
    SCOPED_TRACE(release);
    const std::string expected = ReadText(kKept / release / "expected.txt");
    EXPECT_EQ(Describe(disk, kKept / release / "store"), expected);
  }
}

TEST(Compat, AKeptJournalVerifies) {
  journal::PosixFileSystem disk;
  for (const std::string& release : Releases()) {
    SCOPED_TRACE(release);
    const auto report = study::Verify(disk, kKept / release / "store");
    ASSERT_TRUE(report.ok()) << report.status().ToString();
    for (const auto& mismatch : report->first) ADD_FAILURE() << mismatch.event << mismatch.what;
    EXPECT_TRUE(report->ok());
    EXPECT_TRUE(report->sealed);
  }
}

TEST(Compat, AKeptJournalIsWrittenOn) {
  journal::PosixFileSystem disk;
  for (const std::string& release : Releases()) {
    SCOPED_TRACE(release);
    MemoryFileSystem files;
    const auto store = kKept / release / "store";
    for (const auto& entry : std::filesystem::recursive_directory_iterator(store)) {
      const std::string path = "store/" + std::filesystem::relative(entry.path(), store).string();
      if (entry.is_directory()) {
        ASSERT_TRUE(files.MakeFolders(path).ok());
        continue;
      }
      ASSERT_TRUE(files.MakeFolders(std::filesystem::path(path).parent_path()).ok());
      ASSERT_TRUE(ReplaceFile(files, path, ReadText(entry.path())).ok());
    }
    Digest hash;
    {
      auto engine = engine::Engine::Open(files, "store");
      ASSERT_TRUE(engine.ok()) << engine.status().ToString();
      EXPECT_TRUE((*engine)->opened().state_matches_seal);
      const Timestamp now{(*engine)->state().last_stamp.ns + 1};
      ASSERT_TRUE((*engine)->SetKillSwitch(true, "", "ann", "a test", now).ok());
      hash = (*engine)->state().Hash();
    }
    const auto engine = engine::Engine::Open(files, "store");
    ASSERT_TRUE(engine.ok()) << engine.status().ToString();
    EXPECT_EQ((*engine)->state().Hash(), hash);
  }
}

}  // namespace
}  // namespace credence

// compat_test --describe STORE prints what expected.txt of a new release is to hold.
int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "--describe") {
    credence::journal::PosixFileSystem disk;
    std::fputs(credence::Describe(disk, argv[2]).c_str(), stdout);
    return 0;
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
