// Folding in two threads makes what folding in one makes, whatever lies in the store and whenever
// checkpoints are made meanwhile.

#include "src/engine/fold_ahead.h"

#include "src/engine/checkpoint_testing.h"
#include "src/engine/stream_testing.h"

namespace credence::engine {
namespace {

// A journal of a stream, with an activation in its middle, whose newest checkpoint lies far back.
struct Life {
  journal::FaultFileSystem files;
  std::shared_ptr<store::MemoryBacking> backing = MakeBacking();
  Digest hash;

  explicit Life(const Stream& stream) {
    const auto engine = MustOpen(files, With(backing, 1'000'000, 0));
    MustActivate(*engine, pack::ShopPack());
    const size_t third = stream.events().size() / 3;
    const std::vector<Given> first(stream.events().begin(),
                                   stream.events().begin() + static_cast<ptrdiff_t>(third));
    const std::vector<Given> rest(stream.events().begin() + static_cast<ptrdiff_t>(third),
                                  stream.events().end());
    Feed(*engine, first, Batches::kRandom, 1);
    EXPECT_TRUE(engine->Checkpoint().ok());
    Feed(*engine, {rest.begin(), rest.begin() + static_cast<ptrdiff_t>(third)}, Batches::kOne, 2);
    MustActivate(*engine, pack::ShopPack(), engine->state().last_stamp);
    Feed(*engine, {rest.begin() + static_cast<ptrdiff_t>(third), rest.end()}, Batches::kRandom, 3);
    hash = engine->state().Hash();
  }
};

TEST(FoldAhead, EqualsFoldingInOneThreadWhereverTheRowsAreAndWhateverIsWritten) {
  uint64_t prefetched = 0;
  uint64_t checkpoints = 0;
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    Arena arena;
    const Stream stream(seed + 300, 900, &arena);
    for (const uint64_t every : {uint64_t{1}, uint64_t{7}, uint64_t{100}, uint64_t{1'000'000}}) {
      for (const uint64_t cache : {0, 1}) {
        for (const Worker worker : {Worker::kCaller, Worker::kThread}) {
          SCOPED_TRACE("seed " + std::to_string(seed) + " every " + std::to_string(every) +
                       " cache " + std::to_string(cache));
          Life life(stream);
          Options options = With(life.backing, every, cache, worker);
          options.own_journal_thread = true;
          uint64_t last_progress = 0;
          options.on_progress = [&](uint64_t events) {
            EXPECT_GE(events, last_progress);
            last_progress = events;
          };
          const auto engine = MustOpen(life.files, options);
          ASSERT_NE(engine, nullptr);
          ASSERT_EQ(engine->state().Hash(), life.hash);
          EXPECT_GT(engine->opened().events, 100u);
          EXPECT_GE(engine->opened().events, last_progress);
          prefetched += engine->state().entities.counters().prefetched;
          checkpoints += engine->checkpoints()->counters().checkpoints;
        }
      }
    }
  }
  EXPECT_GT(prefetched, 100u);
  EXPECT_GT(checkpoints, 100u);
}

TEST(FoldAhead, AFailureOfTheFoldIsTheOneThatASingleThreadMeets) {
  Arena arena;
  const Stream stream(9, 300, &arena);
  std::vector<Status> met;
  for (const bool ahead : {false, true}) {
    Life life(stream);
    {
      // Every buyer of the stream is damaged, so whichever is read first stops the fold.
      const auto opened = life.backing->Open(store::OpenMode::kRead);
      ASSERT_TRUE(opened.ok());
      const auto rows = (*opened)->Scan(kEntityTable);
      std::string_view key;
      std::string_view value;
      std::vector<std::string> keys;
      while (*rows->Next(&key, &value)) keys.emplace_back(key);
      ASSERT_FALSE(keys.empty());
      for (const std::string& damaged : keys) life.backing->Damage(kEntityTable, damaged, "?");
    }
    Options options = With(life.backing, 1'000'000, 0);
    options.own_journal_thread = ahead;
    const auto engine = Engine::Open(life.files, kFolder, options);
    ASSERT_FALSE(engine.ok());
    met.push_back(engine.status());
  }
  EXPECT_EQ(met[0].code(), StatusCode::kDataLoss);
  EXPECT_EQ(met[0].ToString(), met[1].ToString());
  EXPECT_NE(met[0].message().find("segment 1 offset"), std::string::npos) << met[0].ToString();
}

}  // namespace
}  // namespace credence::engine
