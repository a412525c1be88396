// Nothing lost: at least 100,000 simulated crashes of a whole engine in every test run, thousands
// of them inside RocksDB, and a million in `./dev sim --long`.

#include "sim/crash_sim.h"

#include <gtest/gtest.h>

#include <functional>

namespace credence::sim {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr uint64_t kPoints = 2'000;
constexpr uint64_t kStorePoints = 500;
#else
constexpr uint64_t kPoints = 26'000;  // each of four tests
constexpr uint64_t kStorePoints = 2'000;
#endif

void CrashUntil(uint64_t points, const std::function<CrashOptions(uint64_t seed)>& options,
                CrashReport* report) {
  CrashReport& all = *report;
  uint64_t seeds = 0;
  for (; all.points < points; ++seeds) {
    const auto one = SimulateCrashes(options(seeds));
    ASSERT_TRUE(one.ok()) << one.status().ToString();
    all.Add(*one);
  }
  for (const std::string& what : all.first) ADD_FAILURE() << what;
  EXPECT_EQ(all.failures, 0u);
  EXPECT_GT(all.unfinished_frames, 0u);
  EXPECT_GT(all.nested, 0u);
  EXPECT_GT(all.finished, 0u);
  std::printf("%llu crash points at %llu moments of %llu seeds, %llu of them in a recovery\n",
              static_cast<unsigned long long>(all.points),
              static_cast<unsigned long long>(all.moments), static_cast<unsigned long long>(seeds),
              static_cast<unsigned long long>(all.nested));
  testing::Test::RecordProperty("crash_points", std::to_string(all.points));
}

void CrashUntil(uint64_t first_seed, journal::WriteAhead write_ahead, uint64_t segment_bytes) {
  CrashReport all;
  CrashUntil(
      kPoints,
      [&](uint64_t count) {
        CrashOptions options;
        options.seed = first_seed + count;
        options.write_ahead = write_ahead;
        options.segment_bytes = segment_bytes;
        return options;
      },
      &all);
  EXPECT_GT(all.timers, 0u);
}

TEST(CrashSim, NothingAcknowledgedIsLostOrDoubledWhereverTheCrash) {
  CrashUntil(1, journal::WriteAhead::kNone, 2048);
}

TEST(CrashSim, NothingAcknowledgedIsLostOrDoubledInTheSmallestSegments) {
  CrashUntil(10'001, journal::WriteAhead::kNone, journal::kSegmentBytesMin);
}

TEST(CrashSim, NothingAcknowledgedIsLostOrDoubledInSegmentsWrittenAhead) {
  CrashUntil(20'001, journal::WriteAhead::kSegments, 4096);
}

TEST(CrashSim, NothingAcknowledgedIsLostOrDoubledInOneLargeSegmentWrittenAhead) {
  CrashUntil(30'001, journal::WriteAhead::kSegments, 65'536);
}

TEST(CrashSim, WhateverCheckpointSurvivesACrashInsideRocksDbTheStateIsThatOfTheJournal) {
  CrashReport all;
  CrashUntil(
      kStorePoints,
      [](uint64_t count) {
        CrashOptions options;
        options.seed = 40'001 + count;
        options.write_ahead =
            count % 2 == 0 ? journal::WriteAhead::kSegments : journal::WriteAhead::kNone;
        options.segment_bytes = 4096;
        options.checkpoint_every = 3 + 3 * (count % 3);
        options.cache_bytes = count % 2;
        options.steps = 14;
        options.tears = 1;
        options.nest_every = 999;
        return options;
      },
      &all);
  EXPECT_GT(all.store_points, all.points / 2);
  EXPECT_GT(all.from_checkpoint, all.points / 4);
  EXPECT_LT(all.torn_manifests, all.points / 100);
  EXPECT_GT(all.either_checkpoint, 0u);
  EXPECT_GT(all.merged_tables, 0u);
  std::printf(
      "%llu of the points inside RocksDB, at %llu moments; %llu recoveries from a checkpoint, at "
      "%llu moments from either of two, for %llu RocksDB refused a torn list of its tables; %llu "
      "tables merged away\n",
      static_cast<unsigned long long>(all.store_points),
      static_cast<unsigned long long>(all.store_moments),
      static_cast<unsigned long long>(all.from_checkpoint),
      static_cast<unsigned long long>(all.either_checkpoint),
      static_cast<unsigned long long>(all.torn_manifests),
      static_cast<unsigned long long>(all.merged_tables));
  testing::Test::RecordProperty("crash_points_in_rocksdb", std::to_string(all.store_points));
}

void Expect(const Result<FaultReport>& report, uint64_t runs) {
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  for (const std::string& what : report->first) ADD_FAILURE() << what;
  EXPECT_EQ(report->failures, 0u);
  EXPECT_GT(report->runs, runs);
  std::printf("%llu runs\n", static_cast<unsigned long long>(report->runs));
}

TEST(FaultSim, WhateverCallOfTheDiskFailsWhatWasAcknowledgedIsThere) {
  for (const auto write_ahead : {journal::WriteAhead::kNone, journal::WriteAhead::kSegments}) {
    CrashOptions options;
    options.seed = 4;
    options.steps = 8;
    options.write_ahead = write_ahead;
    Expect(SimulateErrors(options), 500);
  }
}

TEST(FaultSim, AFullDiskRefusesWorkAndTheWorkEndsTheSame) {
  CrashOptions options;
  options.seed = 5;
  options.steps = 24;
  Expect(SimulateFullDisk(options), 5);
}

TEST(FaultSim, NoFlippedByteIsTakenForAnotherHistory) {
  CrashOptions options;
  options.seed = 6;
  options.steps = 8;
  Expect(SimulateFlips(options), 5'000);
}

}  // namespace
}  // namespace credence::sim
