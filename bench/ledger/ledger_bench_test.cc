// The benchmark of the ledger on a tiny input: what it does is the same each time, and everywhere.

#include <gtest/gtest.h>

#include "bench/ledger/ledger_runs.h"
#include "src/base/memory_file.h"

namespace credence::bench {
namespace {

TransferOptions Tiny() {
  TransferOptions options;
  options.accounts = 50;
  options.transfers = 1'000;
  options.batch = 128;
  return options;
}

TEST(LedgerBench, TransfersInMemoryAndThroughAJournalGiveTheSameLedger) {
  const TransferRun memory = RunInMemory(Tiny());
  EXPECT_EQ(memory.transfers, 1'000U);
  EXPECT_EQ(memory.refused, 0U);
  EXPECT_EQ(memory.batch_us.size(), 8U);
  MemoryFileSystem files;
  const auto durable = RunDurably(files, "journal", Tiny());
  ASSERT_TRUE(durable.ok()) << durable.status().ToString();
  EXPECT_EQ(durable->refused, 0U);
  EXPECT_GT(durable->journal_bytes, 50'000U);
  // Their times differ (each batch has its own), so the digests are of equal commands: made of the
  // same sequence of times.
  EXPECT_EQ(durable->state.ToHex(), memory.state.ToHex());
  EXPECT_EQ(memory.state.ToHex(),
            "fcf41f491f4354b9fdf5a786dacc2097dcb3f63986918966c7db618a63dd7a77");
}

TEST(LedgerBench, AnotherSeedIsAnotherLedger) {
  TransferOptions other = Tiny();
  other.seed = 43;
  EXPECT_NE(RunInMemory(other).state.ToHex(), RunInMemory(Tiny()).state.ToHex());
}

TEST(LedgerBench, EachDaysEndTakesThoseThatAreDueAndNoOther) {
  DayEndOptions options;
  options.loans = 300;
  options.days = 30;
  options.days_run = 3;
  const DayEndRun run = RunDayEnds(options);
  ASSERT_EQ(run.days.size(), 3U);
  for (const DayEndRun::Day& day : run.days) {
    EXPECT_EQ(day.due, 10U);
    EXPECT_EQ(day.transfers, 20U);
  }
  EXPECT_TRUE(run.balanced);
  EXPECT_EQ(run.state.ToHex(), "a0adba0ba7c44a240f11cf4d38843aa45af42a7bdbe4edde2f604b621c9f3c5a");
}

}  // namespace
}  // namespace credence::bench
