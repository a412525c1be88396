// Nothing lost: at least 100,000 simulated crashes of a whole engine in every test run, a million
// in
// `./dev sim --long`.

#include "sim/crash_sim.h"

#include <gtest/gtest.h>

namespace credence::sim {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr uint64_t kPoints = 2'000;
#else
constexpr uint64_t kPoints = 26'000;  // each of four tests
#endif

void CrashUntil(uint64_t first_seed, journal::WriteAhead write_ahead, uint64_t segment_bytes) {
  CrashReport all;
  uint64_t seeds = 0;
  for (uint64_t seed = first_seed; all.points < kPoints; ++seed, ++seeds) {
    CrashOptions options;
    options.seed = seed;
    options.write_ahead = write_ahead;
    options.segment_bytes = segment_bytes;
    const auto report = SimulateCrashes(options);
    ASSERT_TRUE(report.ok()) << report.status().ToString();
    all.Add(*report);
  }
  for (const std::string& what : all.first) ADD_FAILURE() << what;
  EXPECT_EQ(all.failures, 0u);
  EXPECT_GT(all.unfinished_frames, 0u);
  EXPECT_GT(all.nested, 0u);
  EXPECT_GT(all.finished, 0u);
  EXPECT_GT(all.timers, 0u);
  std::printf("%llu crash points at %llu moments of %llu seeds, %llu of them in a recovery\n",
              static_cast<unsigned long long>(all.points),
              static_cast<unsigned long long>(all.moments), static_cast<unsigned long long>(seeds),
              static_cast<unsigned long long>(all.nested));
  testing::Test::RecordProperty("crash_points", std::to_string(all.points));
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
