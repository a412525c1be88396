// The benchmark on a tiny input: what it decides is the same each time, whatever the batch, and
// what its pack promises holds.

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "apps/bench_run.h"
#include "apps/load.h"
#include "src/base/memory_file.h"
#include "src/journal/posix_file.h"

namespace credence::apps {
namespace {

std::shared_ptr<const pack::Pack> HundredPack() {
  journal::PosixFileSystem disk;
  return LoadPack(disk, CREDENCE_SOURCE_DIR "/bench/packs/hundred");
}

BenchOptions Tiny() {
  BenchOptions options;
  options.stream.entities = 20;
  options.stream.events_per_day = 12;
  options.events = 500;
  options.singles = 10;
  options.batch = 64;
  options.folder = "bench";
  return options;
}

BenchReport MustRun(const BenchOptions& options) {
  MemoryFileSystem files;
  const auto report = RunBench(HundredPack(), files, options);
  EXPECT_TRUE(report.ok()) << report.status().message();
  return report.ok() ? *report : BenchReport();
}

TEST(Bench, ItsPackHasAHundredFeaturesOverFourEntitiesAndADecisionReadsThemAll) {
  const auto pack = HundredPack();
  ASSERT_NE(pack, nullptr);
  EXPECT_EQ(pack->schema.entities.size(), 4U);
  EXPECT_EQ(pack->features.features().size(), 100U);
  ASSERT_EQ(pack->decisions.size(), 1U);
  std::set<uint32_t> read;
  for (const auto& slot : pack->decisions.front().features) read.insert(slot.feature);
  EXPECT_EQ(read.size(), 100U);
}

TEST(Bench, TwoRunsAndAnyBatchDecideTheSame) {
  const BenchReport first = MustRun(Tiny());
  const BenchReport second = MustRun(Tiny());
  BenchOptions one_by_one = Tiny();
  one_by_one.batch = 1;
  const BenchReport third = MustRun(one_by_one);
  EXPECT_EQ(first.events, 500U);
  EXPECT_GT(first.days, 31) << "the longest window must expire";
  EXPECT_EQ(first.decisions.ToHex(), second.decisions.ToHex());
  EXPECT_EQ(first.decisions.ToHex(), third.decisions.ToHex());
  EXPECT_GT(first.outcomes.size(), 1U) << "the table must not give one answer to everything";
}

TEST(Bench, AnotherSeedDecidesOtherwise) {
  BenchOptions other = Tiny();
  other.stream.seed = 2;
  EXPECT_NE(MustRun(Tiny()).decisions.ToHex(), MustRun(other).decisions.ToHex());
}

TEST(Bench, EveryEventIsReplayedAndKeptByEachEntityThatItTouched) {
  const BenchReport report = MustRun(Tiny());
  // The ten single events come after the counted ones; the first frame is not timed.
  EXPECT_GT(report.memory.replay_events, 400U);
  EXPECT_LE(report.memory.replay_events, 510U);
  ASSERT_EQ(report.entities.size(), 4U);
  for (const EntityMemory& entity : report.entities) {
    EXPECT_GT(entity.entities, 0U) << entity.name;
    EXPECT_LE(entity.entities, 20U) << entity.name;
    EXPECT_LE(entity.events_kept, 500U) << entity.name;
    EXPECT_GT(entity.bytes, 0U) << entity.name;
  }
  EXPECT_EQ(report.stages.size(), 10U);
}

TEST(Bench, APackThatDoesNotKnowTheOrdersIsAnErrorNotACrash) {
  journal::PosixFileSystem disk;
  const auto pack = LoadPack(disk, CREDENCE_SOURCE_DIR "/packs/bank-account-loan");
  ASSERT_NE(pack, nullptr);
  MemoryFileSystem files;
  EXPECT_EQ(RunBench(pack, files, Tiny()).status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace credence::apps
