// Replay gives the same bits: over random streams with late, equal-time, reversed, repeated and
// skewed events, whatever the batches, after any crash.

#include <gtest/gtest.h>

#include <set>

#include "src/engine/stream_testing.h"
#include "src/study/verify.h"

namespace credence::engine {
namespace {

constexpr uint64_t kSeeds = 12;

TEST(ReplayProperty, StateAndDecisionsAreTheSameWhateverTheBatchesAndAfterReopening) {
  std::set<std::string_view> met;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Arena arena;
    const Stream stream(seed, 400, &arena);
    std::vector<std::string> first;
    Digest hash;
    for (const Batches batches :
         {Batches::kOne, Batches::kMost, Batches::kRandom, Batches::kOverlapped}) {
      journal::FaultFileSystem files;
      Options options;
      options.own_journal_thread = batches == Batches::kOverlapped;
      auto engine = MustOpen(files, options);
      MustActivate(*engine, pack::ShopPack());
      const auto said = Feed(*engine, stream.events(), batches, seed);
      const Digest live = engine->state().Hash();
      if (first.empty()) {
        first = said;
        hash = live;
        for (const std::string& text : said) {
          for (const Refusal refusal :
               {Refusal::kIdWithOtherContent, Refusal::kTooFarInFuture, Refusal::kTooLate,
                Refusal::kReversesUnknown, Refusal::kReversesTwice}) {
            const std::string_view name = RefusalName(refusal);
            if (text.find(name) != std::string::npos) met.insert(name);
          }
        }
      }
      ASSERT_EQ(said, first);
      ASSERT_EQ(live, hash);
      engine.reset();
      files.Crash(journal::CrashKind::kDropUnsynced);
      engine = MustOpen(files);
      ASSERT_NE(engine, nullptr);
      EXPECT_EQ(engine->state().Hash(), live);
      // What was said stays said: everything that took effect is a duplicate now.
      size_t decided = 0;
      for (const std::string& text : said) decided += text.starts_with("1 ") ? 1 : 0;
      EXPECT_EQ(engine->opened().decisions, decided);
      ASSERT_TRUE(engine->Close().ok());
      engine.reset();
      const auto report = study::Verify(files, kFolder);
      ASSERT_TRUE(report.ok()) << report.status().ToString();
      for (const auto& mismatch : report->first) ADD_FAILURE() << mismatch.event << mismatch.what;
      EXPECT_TRUE(report->sealed);
      EXPECT_EQ(report->state_hash, live);
      EXPECT_TRUE(report->ok());
      EXPECT_EQ(report->decisions, decided);
    }
  }
  EXPECT_EQ(met.size(), 5u) << "the streams should meet every refusal of a stream";
}

// After each frame the files are copied as a crash would leave them, and opened.
TEST(ReplayProperty, KilledAfterAnyFrameItReopensToWhatWasAcknowledged) {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Arena arena;
    const Stream stream(seed + 100, 60, &arena);
    Random random(seed);
    journal::FaultFileSystem files(seed);
    auto engine = MustOpen(files);
    MustActivate(*engine, pack::ShopPack());
    for (const Given& given : stream.events()) {
      ASSERT_TRUE(engine->Process({&given.event, 1}, Arrival::kLive, given.now).ok());
      const Digest acknowledged = engine->state().Hash();
      engine.reset();
      files.Crash(static_cast<journal::CrashKind>(random.Below(3)));
      engine = MustOpen(files);
      ASSERT_NE(engine, nullptr);
      ASSERT_EQ(engine->state().Hash(), acknowledged);
      const auto again = engine->Process({&given.event, 1}, Arrival::kLive, given.now);
      ASSERT_TRUE(again.ok());
      EXPECT_NE(again->at(0).kind, Outcome::Kind::kDecided) << "an event decides once";
      EXPECT_EQ(engine->state().Hash(), acknowledged);
    }
  }
}

// The power goes at some call of the disk, anywhere in the stream.
TEST(ReplayProperty, KilledAtAnyCallItReopensToTheLastAcknowledgedBatchOrTheOneAfter) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Arena arena;
    const Stream stream(seed + 200, 40, &arena);
    journal::FaultFileSystem files(seed);
    Options options;
    options.journal.segment_bytes = journal::kSegmentBytesMin;
    auto engine = MustOpen(files, options);
    MustActivate(*engine, pack::ShopPack());
    Digest acknowledged = engine->state().Hash();
    files.set_fault({files.calls() + 1 + Random(seed).Below(60), journal::FaultKind::kStop});
    size_t at = 0;
    Digest ahead = acknowledged;
    for (; at < stream.events().size(); ++at) {
      const Given& given = stream.events()[at];
      const bool ok = engine->Process({&given.event, 1}, Arrival::kLive, given.now).ok();
      ahead = engine->state().Hash();
      if (!ok) break;
      acknowledged = ahead;
    }
    files.set_fault({});
    engine.reset();
    files.Crash(journal::CrashKind::kTear);
    engine = MustOpen(files, options);
    ASSERT_NE(engine, nullptr);
    const Digest reopened = engine->state().Hash();
    EXPECT_TRUE(reopened == acknowledged || reopened == ahead);
    for (; at < stream.events().size(); ++at) {
      const Given& given = stream.events()[at];
      ASSERT_TRUE(engine->Process({&given.event, 1}, Arrival::kLive, given.now).ok());
    }
    // The same stream without a crash.
    journal::FaultFileSystem calm_files;
    const auto calm = MustOpen(calm_files);
    MustActivate(*calm, pack::ShopPack());
    Feed(*calm, stream.events(), Batches::kOne, seed);
    EXPECT_EQ(engine->state().Hash(), calm->state().Hash());
  }
}

// What was begun behind a lost batch is lost too, also a duplicate that speaks of what it held.
TEST(ReplayProperty, ABatchBehindALostOneIsNeverAcknowledged) {
  for (const bool own_thread : {false, true}) {
    Arena arena;
    const Stream stream(7, 40, &arena);
    journal::FaultFileSystem files(7);
    Options options;
    options.own_journal_thread = own_thread;
    auto engine = MustOpen(files, options);
    MustActivate(*engine, pack::ShopPack());
    const Given& first = stream.events()[0];
    const Given& second = stream.events()[1];
    ASSERT_TRUE(engine->Process({&first.event, 1}, Arrival::kLive, first.now).ok());
    const Digest acknowledged = engine->state().Hash();
    files.set_fault({files.calls() + 1, journal::FaultKind::kStop});
    ASSERT_TRUE(engine->Begin({&second.event, 1}, Arrival::kLive, second.now).ok());
    // Refused where the loss is known already.
    const bool begun = engine->Begin({&second.event, 1}, Arrival::kLive, second.now).ok();
    EXPECT_FALSE(engine->End().ok());
    if (begun) {
      EXPECT_FALSE(engine->End().ok());
    }
    EXPECT_FALSE(engine->Begin({&first.event, 1}, Arrival::kLive, first.now).ok());
    files.set_fault({});
    engine.reset();
    files.Crash(journal::CrashKind::kDropUnsynced);
    engine = MustOpen(files);
    ASSERT_NE(engine, nullptr);
    EXPECT_EQ(engine->state().Hash(), acknowledged);
  }
}

}  // namespace
}  // namespace credence::engine
