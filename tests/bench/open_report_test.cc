// What is told of an open loop, of a report that is made up here. CREDENCE_UPDATE_GOLDEN=1 writes
// the files of tests/golden/bench anew: read the difference.

#include <gtest/gtest.h>

#include <cstdlib>

#include "apps/bench_open_report.h"
#include "src/journal/posix_file.h"

namespace credence::apps {
namespace {

const std::string kRoot = CREDENCE_SOURCE_DIR;

void ExpectGolden(const std::string& name, const std::string& actual) {
  journal::PosixFileSystem disk;
  const std::string path = kRoot + "/tests/golden/bench/" + name;
  if (std::getenv("CREDENCE_UPDATE_GOLDEN") != nullptr) {
    ASSERT_TRUE(disk.MakeFolders(kRoot + "/tests/golden/bench").ok());
    auto file = disk.Open(path, OpenMode::kReplace);
    ASSERT_TRUE(file.ok() && (*file)->WriteAt(0, actual).ok());
  }
  const auto expected = ReadWholeFile(disk, path, 1 << 20);
  ASSERT_TRUE(expected.ok()) << expected.status().ToString();
  EXPECT_EQ(actual, *expected) << "CREDENCE_UPDATE_GOLDEN=1 writes " << name << " anew";
}

// 64 seconds at a rate of 1,000, with a checkpoint every 20 and a stall in the 40th.
OpenReport MadeUp() {
  OpenReport report;
  report.seconds = 64;
  for (int64_t second = 0; second < 64; ++second) {
    Histogram facts;
    Histogram durable;
    for (int64_t i = 0; i < 1'000; ++i) {
      const int64_t stall = second == 40 && i < 200 ? (200 - i) * 1'000'000 : 0;
      const int64_t facts_ns = 60'000 + (i * 7'919 % 1'000) * 40 + stall;
      facts.Add(facts_ns);
      durable.Add(facts_ns + 190'000 + (i * 104'729 % 1'000) * (i % 100 == 0 ? 2'000 : 100));
      report.lateness.Add(i * 20);
    }
    OpenSecond of;
    of.decided = 1'000;
    of.facts = {facts.AtShare(0.5), facts.AtShare(0.99), facts.AtShare(0.999)};
    of.durable = {durable.AtShare(0.5), durable.AtShare(0.99), durable.AtShare(0.999)};
    of.resident_bytes = 1'000'000'000 + second * 1'000'000;
    of.checkpoints = static_cast<uint64_t>(second) / 20;
    report.by_second.push_back(of);
    report.events += of.decided;
    report.facts.Merge(facts);
    report.durable.Merge(durable);
  }
  for (int64_t i = 0; i < 500; ++i) report.floor.Add(150'000 + i * 300);
  for (int64_t i = 0; i < 100; ++i) report.wakeups.Add(30'000 + i * 1'000);
  report.batches = 32'000;
  report.journal_bytes = 120'000'000;
  report.live_entities = 4'000'000;
  report.in_memory = 400'000;
  report.memory_bytes = 300'000'000;
  report.checkpoints.checkpoints = 3;
  report.checkpoints.rows = 90'000;
  report.checkpoints.bytes = 70'000'000;
  report.cache.hits = 900'000;
  report.cache.prefetched = 90'000;
  report.cache.misses = 10'000;
  report.store_bytes = 500'000'000;
  report.restart_seconds = 3.25;
  report.restart_events = 4'000;
  report.threads = {{"engine", 2.9}, {"journal", 0.9}, {"sender", 0.4}, {"idle", 0.001}};
  return report;
}

OpenOptions AtARate() {
  OpenOptions options;
  options.rate = 1'000;
  options.stream.zipf = 1.0;
  return options;
}

TEST(OpenReport, ThePictureAndTheJsonOfAMadeUpRunAreTheGoldenFiles) {
  ExpectGolden("open.svg", OpenSvg(MadeUp(), AtARate()));
  ExpectGolden("open.json", OpenJson(MadeUp(), AtARate()));
}

TEST(OpenReport, ARunThatDoesNotCountIsDrawnToo) {
  OpenReport report = MadeUp();
  report.seconds = 12;
  report.by_second.resize(12);
  report.checkpoints = {};
  for (int i = 0; i < 10'000; ++i) report.lateness.Add(5'000'000);
  ExpectGolden("open_not_counted.svg", OpenSvg(report, AtARate()));
}

TEST(OpenReport, ARunCountsFrom60SecondsWithACheckpointAndAGeneratorThatIsInTime) {
  EXPECT_TRUE(WhyItDoesNotCount(MadeUp(), AtARate()).empty());
  OpenReport brief = MadeUp();
  brief.seconds = 59.94;
  EXPECT_EQ(WhyItDoesNotCount(brief, AtARate()),
            std::vector<std::string>{"it took 59.9 s, less than 60 s"});
  OpenReport without = MadeUp();
  without.checkpoints.checkpoints = 0;
  EXPECT_EQ(WhyItDoesNotCount(without, AtARate()),
            std::vector<std::string>{"no checkpoint was made in it"});
}

TEST(OpenReport, TheGeneratorMayBeLateByATenthOfTheBarAndOnlyAtARate) {
  OpenReport late = MadeUp();
  late.lateness = {};
  for (int i = 0; i < 1'000; ++i) late.lateness.Add(i < 980 ? 1'000 : 150'000);
  EXPECT_TRUE(GeneratorWasLate(late, AtARate()));
  const auto why = WhyItDoesNotCount(late, AtARate());
  ASSERT_EQ(why.size(), 1U);
  EXPECT_NE(why[0].find("late by 150 us at p99, more than a tenth of the bar of 1000 us"),
            std::string::npos)
      << why[0];
  OpenOptions wider = AtARate();
  wider.bar_us = 2'000;
  EXPECT_FALSE(GeneratorWasLate(late, wider));
  OpenOptions as_fast = AtARate();
  as_fast.rate = 0;
  EXPECT_FALSE(GeneratorWasLate(late, as_fast));
}

}  // namespace
}  // namespace credence::apps
