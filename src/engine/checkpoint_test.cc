// Checkpoints and cold entities change nothing but time: whatever is in memory, whenever the store
// is written, wherever the power goes.

#include "src/engine/checkpoint.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <set>

#include "src/engine/checkpoint_testing.h"
#include "src/engine/stream_testing.h"
#include "src/journal/reader.h"
#include "src/store/memory_store.h"
#include "src/store/rocks_store.h"
#include "src/study/verify.h"

namespace credence::engine {
namespace {

// What a stream says and leaves where everything is in memory.
struct Expected {
  std::vector<std::string> said;
  Digest hash;
  explicit Expected(const Stream& stream) {
    journal::FaultFileSystem files;
    const auto engine = MustOpen(files);
    MustActivate(*engine, pack::ShopPack());
    said = Feed(*engine, stream.events(), Batches::kOne, 1);
    hash = engine->state().Hash();
  }
};

TEST(ColdEntities, ACacheOfOneEntityEqualsAnUnlimitedOneWhateverTheBatches) {
  CacheCounters seen;
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Arena arena;
    const Stream stream(seed, 300, &arena);
    const Expected expected(stream);
    for (const Batches batches :
         {Batches::kOne, Batches::kMost, Batches::kRandom, Batches::kOverlapped}) {
      for (const uint64_t every : {1, 7, 100}) {
        for (const uint64_t cache : {0, 1, 20'000}) {
          for (const Worker worker : {Worker::kCaller, Worker::kThread}) {
            SCOPED_TRACE("every " + std::to_string(every) + " cache " + std::to_string(cache));
            journal::FaultFileSystem files;
            const auto backing = MakeBacking();
            Options options = With(backing, every, cache, worker);
            options.own_journal_thread = batches == Batches::kOverlapped;
            auto engine = MustOpen(files, options);
            MustActivate(*engine, pack::ShopPack());
            ASSERT_EQ(Feed(*engine, stream.events(), batches, seed), expected.said);
            ASSERT_EQ(engine->state().Hash(), expected.hash);
            const CacheCounters& counters = engine->state().entities.counters();
            EXPECT_TRUE(cache != 0 || counters.evicted == 0);
            seen.evicted += counters.evicted;
            seen.prefetched += counters.prefetched;
            seen.absent += counters.absent;
            engine.reset();
            files.Crash(journal::CrashKind::kDropUnsynced);
            backing->LoseUnflushed();
            engine = MustOpen(files, options);
            ASSERT_NE(engine, nullptr);
            ASSERT_EQ(engine->state().Hash(), expected.hash);
          }
        }
      }
    }
  }
  EXPECT_GT(seen.evicted, 1000u);
  EXPECT_GT(seen.prefetched, 1000u);
  EXPECT_GT(seen.absent, 0u);
}

// Chunks fill, split, change and go while checkpoints are made, and the entities are read from
// them.
TEST(ColdEntities, OfManyEventsEqualThoseInMemory) {
  for (uint64_t seed = 1; seed <= 2; ++seed) {
    Arena arena;
    const Stream stream(seed + 70, 2'500, &arena);
    const Expected expected(stream);
    for (const uint64_t every : {7, 100}) {
      for (const uint64_t cache : {0, 1}) {
        SCOPED_TRACE("seed " + std::to_string(seed) + " every " + std::to_string(every) +
                     " cache " + std::to_string(cache));
        journal::FaultFileSystem files;
        const auto backing = MakeBacking();
        const Options options = With(backing, every, cache);
        auto engine = MustOpen(files, options);
        MustActivate(*engine, pack::ShopPack());
        ASSERT_EQ(Feed(*engine, stream.events(), Batches::kRandom, seed), expected.said);
        ASSERT_EQ(engine->state().Hash(), expected.hash);
        EXPECT_GT(backing->rows(kChunkTable), 2u);
        EXPECT_TRUE(cache == 0 || engine->state().entities.counters().evicted > 100);
        ASSERT_TRUE(engine->Checkpoint().ok());
        engine.reset();
        const auto stored = StoredState(files, backing);
        ASSERT_TRUE(stored.has_value());
        EXPECT_EQ(stored->hash, expected.hash);
      }
    }
  }
}

// The store is always the state after exactly one frame, and that frame was durable before.
TEST(CheckpointProperty, EveryCheckpointIsTheStateAtItsFrameAndRecoversToTheSameEnd) {
  std::set<uint64_t> frames_met;
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Arena arena;
    const Stream stream(seed + 400, 200, &arena);
    const Expected expected(stream);
    Random random(seed);
    journal::FaultFileSystem files(seed);
    const auto backing = MakeBacking();
    const Options options =
        With(backing, 1 + random.Below(40), random.OneIn(2) ? 0 : 1 + random.Below(30'000),
             seed % 2 == 0 ? Worker::kThread : Worker::kCaller);
    auto engine = MustOpen(files, options);
    MustActivate(*engine, pack::ShopPack());
    std::map<uint64_t, Digest> hash_at;
    const auto note = [&] { hash_at[engine->journal().head().frames] = engine->state().Hash(); };
    note();
    for (const Given& given : stream.events()) {
      ASSERT_TRUE(engine->Process({&given.event, 1}, Arrival::kLive, given.now).ok());
      note();
      if (!random.OneIn(5)) continue;
      const auto check = [&] {
        const auto stored = StoredState(files, backing);
        if (!stored) return uint64_t{0};
        EXPECT_EQ(stored->hash, hash_at.at(stored->position.frame));
        frames_met.insert(stored->position.frame);
        return stored->position.frame;
      };
      // What is read while a thread writes may be of two checkpoints.
      if (options.checkpoints.worker == Worker::kCaller) check();
      if (!random.OneIn(3)) continue;
      const Digest before = engine->state().Hash();
      engine.reset();
      files.Crash(static_cast<journal::CrashKind>(random.Below(3)));
      backing->LoseUnflushed();
      const uint64_t stored_frame = check();
      engine = MustOpen(files, options);
      ASSERT_NE(engine, nullptr);
      EXPECT_EQ(engine->opened().checkpoint.frames, stored_frame);
      ASSERT_EQ(engine->state().Hash(), before);
    }
    EXPECT_EQ(engine->state().Hash(), expected.hash);
    ASSERT_TRUE(engine->Close().ok());
    EXPECT_EQ(StoredState(files, backing)->hash, expected.hash);
    engine.reset();
    const auto report = study::Verify(files, kFolder);
    ASSERT_TRUE(report.ok());
    EXPECT_TRUE(report->ok());
    EXPECT_EQ(report->state_hash, expected.hash);
  }
  EXPECT_GT(frames_met.size(), 50u);
}

// Each Write and Flush of the store fails in turn, before it does anything or after it did all,
// once or from then on; the engine goes on without. Then the power goes.
TEST(CheckpointProperty, AStoreThatFailsAtAnyCallLosesNothing) {
  Arena arena;
  const Stream stream(77, 120, &arena);
  const Expected expected(stream);
  for (const auto kind : {store::MemoryFault::kBefore, store::MemoryFault::kAfter}) {
    for (const bool for_good : {false, true}) {
      for (uint64_t call = 1; call <= 24; ++call) {
        SCOPED_TRACE("call " + std::to_string(call));
        journal::FaultFileSystem files(call);
        const auto backing = MakeBacking();
        const Options options = With(backing, 10, 1);
        auto engine = MustOpen(files, options);
        MustActivate(*engine, pack::ShopPack());
        backing->set_fault({kind, call, for_good});
        ASSERT_EQ(Feed(*engine, stream.events(), Batches::kOne, 1), expected.said);
        ASSERT_EQ(engine->state().Hash(), expected.hash);
        if (backing->calls() >= call) {
          EXPECT_GT(engine->checkpoints()->counters().failed, 0u);
        }
        engine.reset();
        files.Crash(journal::CrashKind::kDropUnsynced);
        backing->LoseUnflushed();
        engine = MustOpen(files, options);
        ASSERT_NE(engine, nullptr);
        ASSERT_EQ(engine->state().Hash(), expected.hash);
      }
    }
  }
}

// The power goes at some call of the journal's disk; the store keeps what it had flushed.
TEST(CheckpointProperty, KilledAtAnyCallOfTheDiskItReopensToWhatWasAcknowledged) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Arena arena;
    const Stream stream(seed + 600, 40, &arena);
    journal::FaultFileSystem files(seed);
    const auto backing = MakeBacking();
    Options options = With(backing, 1 + seed % 5, seed % 2);
    options.journal.segment_bytes = journal::kSegmentBytesMin;
    auto engine = MustOpen(files, options);
    MustActivate(*engine, pack::ShopPack());
    files.set_fault({files.calls() + 1 + Random(seed).Below(60), journal::FaultKind::kStop});
    Digest acknowledged = engine->state().Hash();
    Digest ahead = acknowledged;
    for (const Given& given : stream.events()) {
      const bool ok = engine->Process({&given.event, 1}, Arrival::kLive, given.now).ok();
      ahead = engine->state().Hash();
      if (!ok) break;
      acknowledged = ahead;
    }
    files.set_fault({});
    engine.reset();
    files.Crash(journal::CrashKind::kTear);
    backing->LoseUnflushed();
    engine = MustOpen(files, options);
    ASSERT_NE(engine, nullptr);
    const Digest reopened = engine->state().Hash();
    EXPECT_TRUE(reopened == acknowledged || reopened == ahead);
  }
}

// On a real disk: closing the store without a flush is what a kill leaves, since it has no log.
TEST(CheckpointProperty, OnRocksDbItIsTheSame) {
  const auto folder = std::filesystem::temp_directory_path() /
                      ("credence_checkpoint_test_" + std::to_string(getpid()));
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Arena arena;
    const Stream stream(seed + 800, 150, &arena);
    const Expected expected(stream);
    Random random(seed);
    std::filesystem::remove_all(folder);
    const std::shared_ptr<store::Backing> backing = store::RocksAt(folder, TableNames());
    const Options options = With(backing, 20, 1 + random.Below(10'000), Worker::kThread);
    journal::FaultFileSystem files;
    auto engine = MustOpen(files, options);
    ASSERT_NE(engine, nullptr);
    MustActivate(*engine, pack::ShopPack());
    uint64_t restored = 0;
    for (const Given& given : stream.events()) {
      ASSERT_TRUE(engine->Process({&given.event, 1}, Arrival::kLive, given.now).ok());
      if (!random.OneIn(40)) continue;
      const Digest before = engine->state().Hash();
      engine.reset();
      files.Crash(journal::CrashKind::kDropUnsynced);
      engine = MustOpen(files, options);
      ASSERT_NE(engine, nullptr);
      restored += engine->opened().checkpoint.frames > 0 ? 1 : 0;
      ASSERT_EQ(engine->state().Hash(), before);
    }
    EXPECT_EQ(engine->state().Hash(), expected.hash);
    ASSERT_TRUE(engine->Close().ok());
    engine.reset();
    EXPECT_EQ(StoredState(files, backing)->hash, expected.hash);
    EXPECT_GT(restored, 0u);
  }
  std::filesystem::remove_all(folder);
}

TEST(CheckpointSnapshot, IsAWholeEngineWithTheJournalUpToItsHead) {
  const auto folder = std::filesystem::temp_directory_path() /
                      ("credence_snapshot_test_" + std::to_string(getpid()));
  std::filesystem::remove_all(folder);
  Arena arena;
  const Stream stream(5, 100, &arena);
  journal::FaultFileSystem files;
  auto engine =
      MustOpen(files, With(store::RocksAt(folder / "live", TableNames()), 30, 1, Worker::kThread));
  MustActivate(*engine, pack::ShopPack());
  Feed(*engine, stream.events(), Batches::kRandom, 5);
  const auto snapshot = engine->TakeSnapshot(folder / "copies" / "one");
  ASSERT_TRUE(snapshot.ok()) << snapshot.status().ToString();
  EXPECT_EQ(snapshot->head, engine->journal().head());
  EXPECT_EQ(snapshot->state_hash, engine->state().Hash());
  EXPECT_EQ(snapshot->pack, pack::ShopPack()->digest);
  EXPECT_EQ(snapshot->artefacts.size(), pack::ShopFiles().size());
  // The live one goes on; the copy does not.
  ASSERT_TRUE(engine->SetKillSwitch(true, "", "ann", "", At(400 * kNsPerDay)).ok());
  ASSERT_TRUE(engine->Checkpoint().ok());
  const auto copied = StoredState(files, store::RocksAt(folder / "copies" / "one", TableNames()));
  ASSERT_TRUE(copied.has_value());
  EXPECT_EQ(copied->hash, snapshot->state_hash);
  EXPECT_EQ(copied->position.chain, snapshot->head.chain);
  engine.reset();
  std::filesystem::remove_all(folder);
}

class CheckpointTest : public ShopTest {
 protected:
  void SetUp() override { Start(With(backing_, 1, 1)); }
  void Start(const Options& options) {
    options_ = options;
    engine_.reset();
    engine_ = MustOpen(files_, options_);
    ASSERT_NE(engine_, nullptr);
    if (engine_->pack() == nullptr) MustActivate(*engine_, pack::ShopPack());
  }
  void Kill() {
    engine_.reset();
    files_.Crash(journal::CrashKind::kDropUnsynced);
    backing_->LoseUnflushed();
  }
  void Restart() {
    Kill();
    engine_ = MustOpen(files_, options_);
    ASSERT_NE(engine_, nullptr);
  }
  // Orders and payments of some buyers and hosts, with every kind of row.
  void SendSome(int day) {
    const std::string prefix = std::to_string(day) + ".";
    for (int i = 0; i < 30; ++i) {
      const Timestamp at = ShopTime(day, i);
      const std::string buyer = "b" + std::to_string(i % 7);
      const std::string id = prefix + std::to_string(i);
      Send(Order("o" + id, at, 500 + i, buyer, "h" + std::to_string(i % 3)));
      if (i % 3 == 0) Send(Payment("p" + id, Timestamp{at.ns + 1}, 5'000, buyer));
      if (i % 10 == 9) Send(Cancel("c" + id, Timestamp{at.ns + 2}, "o" + id, buyer));
      if (i == 20) Send(LimitAsked("l" + id, Timestamp{at.ns + 3}, buyer));
    }
  }
  // Not the hash of the state: a parked decision names the pack that made it.
  static std::map<std::string, std::string> EntitiesOf(const Engine& engine) {
    std::map<std::string, std::string> entities;
    engine.state().entities.ForEachCanonical([&](EntityRef ref, std::string_view bytes) {
      const auto added =
          entities.emplace(std::to_string(ref.entity) + " " + std::string(ref.key), bytes);
      EXPECT_TRUE(added.second) << "an entity is there once";
    });
    return entities;
  }
  static Timestamp ShopTime(int day, int i) { return At(day * kNsPerDay + i * 30 * kNsPerMinute); }

  std::shared_ptr<store::MemoryBacking> backing_ = MakeBacking();
  Options options_;
};

TEST_F(CheckpointTest, CoversRowsOfEveryKindAndDropsWhatTheStateDropped) {
  ASSERT_TRUE(
      engine_->SetRate(*Currency::FromCode("USD"), *Decimal::Parse("7.1"), "ann", At(0)).ok());
  ASSERT_TRUE(engine_->SetKillSwitch(true, "order_risk", "ann", "why", At(0)).ok());
  for (int day = 0; day < 40; ++day) SendSome(day);
  ASSERT_TRUE(engine_->Checkpoint().ok());
  const auto rows = engine_->state().CountRows();
  EXPECT_EQ(backing_->rows(kOnceTable), engine_->state().once.size());
  EXPECT_LT(engine_->state().once.size(), 400u) << "days were dropped";
  EXPECT_EQ(backing_->rows(kReversibleTable), engine_->state().reversible.size());
  EXPECT_LT(engine_->state().reversible.size(), 40u * 45) << "reversible events expired";
  EXPECT_EQ(backing_->rows(kEntityTable), 10u);
  EXPECT_EQ(backing_->rows(kSmallTable), engine_->state().parked.size() + 3);
  EXPECT_GT(engine_->state().parked.size(), 0u);
  Restart();
  EXPECT_EQ(engine_->opened().events, 0u) << "nothing of the journal was folded";
  const auto again = engine_->state().CountRows();
  ASSERT_EQ(again.size(), static_cast<size_t>(RowKind::kParked) + 1) << "two kinds of entities";
  for (size_t i = 0; i < again.size(); ++i) {
    EXPECT_EQ(again[i].rows, rows[i].rows) << rows[i].name;
    EXPECT_EQ(again[i].bytes, rows[i].bytes) << rows[i].name;
  }
}

TEST_F(CheckpointTest, ARequestForAnActivationWaitsAcrossStartsUntilAnActivation) {
  const auto other = [](const char* version) {
    pack::FileSet files = pack::ShopFiles();
    pack::Edit(&files, "pack.yaml", "version: 1", version);
    return pack::MustLoad(std::move(files));
  };
  const auto second = other("version: 2");
  const auto third = other("version: 3");
  const auto requests = [&] { return engine_->state().activation_requests; };
  const Digest none = engine_->state().Hash();
  ASSERT_TRUE(engine_->RequestActivation(*second, "ann", At(1)).ok());
  EXPECT_EQ(engine_->RequestActivation(*second, "bob", At(1)).code(), StatusCode::kInvalidArgument);
  EXPECT_NE(engine_->state().Hash(), none);
  Send(Order("o1", At(2)));
  Restart();  // from what there is of a checkpoint, and the journal behind it
  EXPECT_EQ(requests(), (std::map<Digest, std::string>{{second->digest, "ann"}}));
  ASSERT_TRUE(engine_->RequestActivation(*third, "bob", At(3)).ok());
  ASSERT_TRUE(engine_->Checkpoint().ok());
  const Digest waiting = engine_->state().Hash();
  Restart();  // from a checkpoint
  EXPECT_EQ(engine_->opened().events, 0u) << "nothing of the journal was folded";
  EXPECT_EQ(engine_->state().Hash(), waiting);
  EXPECT_EQ(requests(),
            (std::map<Digest, std::string>{{second->digest, "ann"}, {third->digest, "bob"}}));
  ASSERT_TRUE(engine_->Activate(second, "ann", "bob", At(4)).ok());
  EXPECT_TRUE(requests().empty()) << "what was asked for beside it has to be asked for again";
  ASSERT_TRUE(engine_->Checkpoint().ok());
  Restart();
  EXPECT_TRUE(requests().empty());
  EXPECT_EQ(engine_->pack()->version, 2);
}

TEST_F(CheckpointTest, AParkedDecisionResumesFromACheckpointAndLeavesIt) {
  const Outcome asked = Send(LimitAsked("l1", At(1)));
  ASSERT_EQ(asked.decision->path, record::DecisionPath::kParked);
  Send(Order("o1", At(2)));
  ASSERT_EQ(engine_->state().parked.size(), 1u);
  ASSERT_TRUE(engine_->Checkpoint().ok());
  Restart();
  ASSERT_EQ(engine_->state().parked.size(), 1u);
  record::Answer answer;
  answer.parked_seq = asked.seq;
  answer.source = "bureau";
  answer.status = "timeout";
  ASSERT_TRUE(engine_->TakeAnswer(std::move(answer), At(3)).ok());
  ASSERT_TRUE(engine_->Checkpoint().ok());
  EXPECT_EQ(backing_->rows(kSmallTable), 1u) << "the counters alone";
}

TEST_F(CheckpointTest, ADryRunOnColdEntitiesLeavesNoTraceAndSaysWhatTheRealRunThenSays) {
  SendSome(0);
  ASSERT_TRUE(engine_->Checkpoint().ok());
  Restart();
  ASSERT_EQ(engine_->state().entities.in_memory(), 0u);
  const Digest before = engine_->state().Hash();
  const auto head = engine_->journal().head();
  const auto position = engine_->checkpoints()->position();
  const EventText text = Order("x", ShopTime(1, 0), 900, "b3", "h2");
  const Event event = pack::MakeEvent(*engine_->pack(), text, &arena_);
  const Outcome dry = engine_->DryRun(event, Arrival::kLive, text.time);
  ASSERT_EQ(dry.kind, Outcome::Kind::kDecided);
  const EventText cancel = Cancel("y", ShopTime(1, 0), "o0.5", "b1");
  const Event reversing = pack::MakeEvent(*engine_->pack(), cancel, &arena_);
  EXPECT_EQ(engine_->DryRun(reversing, Arrival::kLive, cancel.time).kind, Outcome::Kind::kApplied);
  EXPECT_EQ(engine_->state().Hash(), before);
  EXPECT_EQ(engine_->journal().head(), head);
  EXPECT_EQ(engine_->checkpoints()->position(), position);
  const Outcome real = Send(text);
  EXPECT_EQ(Said(real), Said(dry));
  EXPECT_GT(engine_->state().entities.counters().misses, 0u);
}

// Full chunks are rows of their own, written before the head that names them.
TEST_F(CheckpointTest, ALargeEntityIsWrittenAsItWasAtTheFreeze) {
  for (const Worker worker : {Worker::kCaller, Worker::kThread}) {
    files_ = journal::FaultFileSystem();
    backing_ = MakeBacking();
    Start(With(backing_, 100, 0, worker));
    std::map<uint64_t, Digest> hash_at;
    uint64_t checkpoints = 0;
    for (int i = 0; i < 1'500; ++i) {
      Send(Order("o" + std::to_string(i), At(i * kNsPerMinute), 100 + i, "b1", "h1"));
      hash_at[engine_->journal().head().frames] = engine_->state().Hash();
      if (engine_->checkpoints()->counters().checkpoints == checkpoints) continue;
      checkpoints = engine_->checkpoints()->counters().checkpoints;
      const auto stored = StoredState(files_, backing_);
      ASSERT_TRUE(stored.has_value());
      EXPECT_EQ(stored->hash, hash_at.at(stored->position.frame));
    }
    EXPECT_GT(checkpoints, 3u);
    EXPECT_GT(backing_->rows(kChunkTable), 10u);
    EXPECT_LT(engine_->state().entities.changed_bytes(), 10'000u) << "heads alone change";
    const Digest before = engine_->state().Hash();
    Restart();
    EXPECT_EQ(engine_->state().Hash(), before);
  }
}

TEST_F(CheckpointTest, WithoutItsCheckpointTheJournalMakesTheSameState) {
  SendSome(0);
  const Digest before = engine_->state().Hash();
  Restart();
  EXPECT_GT(engine_->opened().checkpoint.frames, 0u);
  Kill();
  ASSERT_TRUE(backing_->Destroy().ok());
  engine_ = MustOpen(files_, options_);
  EXPECT_EQ(engine_->opened().checkpoint.frames, 0u);
  EXPECT_EQ(engine_->opened().damaged_checkpoint, "");
  EXPECT_EQ(engine_->state().Hash(), before);
}

TEST_F(CheckpointTest, ADamagedCheckpointIsNamedAndMadeAgainFromTheJournal) {
  SendSome(0);
  const Digest before = engine_->state().Hash();
  for (const auto& [table, key] : std::vector<std::pair<size_t, std::string>>{
           {kOnceTable, ""}, {kReversibleTable, ""}, {kSmallTable, ""}}) {
    ASSERT_TRUE(engine_->Checkpoint().ok());
    Kill();
    const auto store = std::move(*backing_->Open(store::OpenMode::kRead));
    const auto cursor = store->Scan(table);
    std::string_view row_key;
    std::string_view value;
    ASSERT_TRUE(*cursor->Next(&row_key, &value));
    backing_->Damage(table, row_key, "?");
    engine_ = MustOpen(files_, options_);
    ASSERT_NE(engine_, nullptr);
    EXPECT_NE(engine_->opened().damaged_checkpoint, "") << table;
    EXPECT_EQ(engine_->opened().checkpoint.frames, 0u);
    EXPECT_EQ(engine_->state().Hash(), before);
  }
}

TEST_F(CheckpointTest, ADamagedEntityStopsTheEngineWhenItIsRead) {
  SendSome(0);
  ASSERT_TRUE(engine_->Checkpoint().ok());
  const std::string row = engine_->state().entities.RowKey({0, "b3"});
  Restart();
  backing_->Damage(kEntityTable, row, "?");
  const auto head = engine_->journal().head();
  const Event event =
      pack::MakeEvent(*engine_->pack(), Order("x", ShopTime(1, 0), 900, "b3", "h2"), &arena_);
  EXPECT_EQ(engine_->Process({&event, 1}, Arrival::kLive, event.time).status().code(),
            StatusCode::kDataLoss);
  EXPECT_EQ(engine_->journal().head(), head) << "nothing was written";
  const Event other =
      pack::MakeEvent(*engine_->pack(), Order("y", ShopTime(1, 0), 900, "b4", "h2"), &arena_);
  EXPECT_EQ(engine_->Process({&other, 1}, Arrival::kLive, other.time).status().code(),
            StatusCode::kUnavailable);
  Restart();
  backing_->Damage(kEntityTable, row, "?");
  EXPECT_EQ(engine_->DryRun(event, Arrival::kLive, event.time).refusal, Refusal::kStoreFailed);
}

TEST_F(CheckpointTest, ACheckpointOfAnotherJournalOrOfALongerOneIsRefused) {
  SendSome(0);
  ASSERT_TRUE(engine_->Checkpoint().ok());
  Kill();
  {
    journal::FaultFileSystem other_files;
    auto other = MustOpen(other_files);
    MustActivate(*other, pack::ShopPack());
    other.reset();
    EXPECT_EQ(Engine::Open(other_files, kFolder, options_).status().code(), StatusCode::kDataLoss)
        << "the journal ends before the checkpoint";
    other = MustOpen(other_files);
    std::swap(engine_, other);
    SendSome(3);
    std::swap(engine_, other);
    other.reset();
    EXPECT_EQ(Engine::Open(other_files, kFolder, options_).status().code(), StatusCode::kDataLoss);
    Options reading = options_;
    reading.read_only = true;
    EXPECT_EQ(Engine::Open(other_files, kFolder, reading).status().code(), StatusCode::kDataLoss);
  }
  engine_ = MustOpen(files_, options_);
  EXPECT_NE(engine_, nullptr);
}

TEST_F(CheckpointTest, AReadOnlyEngineStartsAtTheCheckpointAndChangesNothing) {
  Kill();
  Start(With(backing_, 25, 0));
  SendSome(0);
  const Digest before = engine_->state().Hash();
  const auto position = engine_->checkpoints()->position();
  Kill();
  files_.Freeze();
  Options reading = options_;
  reading.read_only = true;
  const uint64_t calls = backing_->calls();
  const auto reader = MustOpen(files_, reading);
  ASSERT_NE(reader, nullptr);
  EXPECT_EQ(reader->opened().checkpoint.frames, position->frame);
  EXPECT_GT(reader->opened().events, 0u);
  EXPECT_EQ(reader->state().Hash(), before);
  EXPECT_EQ(backing_->calls(), calls);
  EXPECT_FALSE(files_.changed_while_frozen());
}

// What is not durable yet does not reach the store, also while a journal is read.
TEST_F(CheckpointTest, IsNeverAheadOfWhatIsDurable) {
  SendSome(0);
  Kill();
  ASSERT_TRUE(backing_->Destroy().ok());
  Core core(files_, kFolder, 1);
  std::string damage;
  ASSERT_TRUE(core.OpenCheckpoints(With(backing_, 1, 1).checkpoints, false, &damage).ok());
  const auto reader = std::move(*journal::JournalReader::Open(files_, kFolder + "/journal"));
  journal::FrameView frame;
  uint64_t positions = 0;
  while (*reader->Next(&frame)) {
    ASSERT_TRUE(core.FoldFrame(frame).ok());
    const auto position = core.checkpoints()->position();
    if (!position) continue;
    ++positions;
    EXPECT_LT(position->frame, frame.index);
  }
  EXPECT_GT(positions, 30u);
}

TEST_F(CheckpointTest, WaitsForTheBatchThatItEndsWithToBeOnDisk) {
  Send(Order("o1", At(1)));
  const auto before = engine_->checkpoints()->position();
  const EventText text = Order("o2", At(2));
  const Event event = pack::MakeEvent(*engine_->pack(), text, &arena_);
  const EventText next_text = Order("o3", At(3));
  const Event next = pack::MakeEvent(*engine_->pack(), next_text, &arena_);
  ASSERT_TRUE(engine_->Begin({&event, 1}, Arrival::kLive, text.time).ok());
  ASSERT_TRUE(engine_->Begin({&next, 1}, Arrival::kLive, next_text.time).ok());
  EXPECT_EQ(engine_->checkpoints()->position(), before);
  const Seq seq = engine_->End()->at(0).seq;
  EXPECT_EQ(engine_->checkpoints()->position()->seq, seq) << "the state before the batch ahead";
  ASSERT_TRUE(engine_->End().ok());
  Restart();
  EXPECT_EQ(engine_->state().last_seq, seq.Next());
}

TEST_F(CheckpointTest, NewFeaturesAreBuiltWhileEntitiesAreColdAsIfTheyHadAlwaysBeenThere) {
  pack::FileSet files = pack::ShopFiles();
  pack::Edit(&files, "pack.yaml", "  buyer: {key: buyer_id}\n  host: {key: host_id}\n",
             "  goods: {key: goods}\n  host: {key: host_id}\n  buyer: {key: buyer_id}\n");
  pack::Edit(&files, "features.yaml", "windows: [1h, 1d, all]\n      compute: [count,",
             "windows: [1h, 1d, 2d, all]\n      compute: [variance(amount), count,");
  const auto changed = pack::MustLoad(files);
  ASSERT_NE(changed, nullptr);
  pack::FileSet policy_files = pack::ShopFiles();
  pack::Edit(&policy_files, "policy.dmn", "&gt; 900", "&gt; 20");
  const auto policy = pack::MustLoad(policy_files);
  const auto run = [&] {
    SendSome(0);
    MustActivate(*engine_, policy, At(kNsPerDay - 2));
    SendSome(1);
    MustActivate(*engine_, changed, At(2 * kNsPerDay));
    const Digest after = engine_->state().Hash();
    SendSome(2);
    Send(Cancel("late", ShopTime(3, 0), "o1.0", "b0"));
    return after;
  };
  journal::FaultFileSystem plain_files;
  auto plain = MustOpen(plain_files);
  MustActivate(*plain, pack::ShopPack());
  std::swap(engine_, plain);
  const Digest plain_after = run();
  std::swap(engine_, plain);
  EXPECT_EQ(run(), plain_after);
  EXPECT_EQ(engine_->state().Hash(), plain->state().Hash());
  EXPECT_GT(engine_->state().entities.counters().evicted, 0u);
  ASSERT_TRUE(engine_->Checkpoint().ok());
  EXPECT_EQ(backing_->rows(kEntityTable), 11u) << "rows of the former features are gone";
  Restart();
  EXPECT_EQ(engine_->state().Hash(), plain->state().Hash());
}

// Only the hosts' features change: buyers, cold or not, are carried over, and everything goes on as
// if the pack had always been there.
TEST_F(CheckpointTest, EntitiesWhoseFeaturesDidNotChangeAreCarriedOver) {
  pack::FileSet files = pack::ShopFiles();
  pack::Edit(
      &files, "features.yaml",
      "      windows: [1h, 1d]\n      compute: [count, sum(amount), "
      "distinct(buyer_id)]",
      "      windows: [1h, 1d, 2d]\n      compute: [count, sum(amount), distinct(buyer_id)]");
  const auto changed = pack::MustLoad(files);
  ASSERT_NE(changed, nullptr);
  journal::FaultFileSystem plain_files;
  auto plain = MustOpen(plain_files);
  MustActivate(*plain, changed);
  std::swap(engine_, plain);
  SendSome(0);
  SendSome(1);
  MustActivate(*engine_, changed, At(2 * kNsPerDay));
  std::swap(engine_, plain);
  for (const uint64_t cache : {0, 1}) {
    files_ = journal::FaultFileSystem();
    backing_ = MakeBacking();
    Start(With(backing_, 10, cache));
    SendSome(0);
    SendSome(1);
    const auto before = engine_->state().entities.stored();
    MustActivate(*engine_, changed, At(2 * kNsPerDay));
    const auto after = engine_->state().entities.stored();
    EXPECT_EQ(after[0].generation, before[0].generation) << "buyers";
    EXPECT_NE(after[1].generation, before[1].generation) << "hosts";
    ASSERT_EQ(EntitiesOf(*engine_), EntitiesOf(*plain));
    EXPECT_EQ(engine_->state().entities.size(0), 7u);
    EXPECT_EQ(engine_->state().entities.size(1), 3u);
    const Event event =
        pack::MakeEvent(*changed, Order("x", ShopTime(2, 1), 900, "b3", "h2"), &arena_);
    EXPECT_EQ(Said(engine_->DryRun(event, Arrival::kLive, event.time)),
              Said(plain->DryRun(event, Arrival::kLive, event.time)));
    ASSERT_TRUE(engine_->Checkpoint().ok());
    EXPECT_EQ(backing_->rows(kEntityTable), 10u);
    SendSome(2);
    const Digest end = engine_->state().Hash();
    Restart();
    EXPECT_EQ(engine_->state().Hash(), end);
    Options reading = options_;
    reading.read_only = true;
    EXPECT_EQ(MustOpen(files_, reading)->state().Hash(), end);
    Kill();
    ASSERT_TRUE(backing_->Destroy().ok());
    engine_ = MustOpen(files_, options_);
    EXPECT_EQ(engine_->state().Hash(), end);
  }
}

// The power goes while a new pack's entities are being written, before and after its activation.
TEST_F(CheckpointTest, ACrashAroundAChangeOfPackLosesNothing) {
  pack::FileSet files = pack::ShopFiles();
  pack::Edit(&files, "features.yaml", "windows: [1h, 1d, all]\n      compute: [count,",
             "windows: [1h, 1d, 2d, all]\n      compute: [count,");
  const auto changed = pack::MustLoad(files);
  ASSERT_NE(changed, nullptr);
  for (uint64_t call = 1; call <= 12; ++call) {
    SCOPED_TRACE("call " + std::to_string(call));
    files_ = journal::FaultFileSystem();
    backing_ = MakeBacking();
    Start(With(backing_, 20, 1));
    SendSome(0);
    const Digest before = engine_->state().Hash();
    backing_->set_fault({store::MemoryFault::kBefore, backing_->calls() + call, true});
    const Status activated = engine_->Activate(changed, "ann", "bob", At(kNsPerDay));
    const Digest after = engine_->state().Hash();
    EXPECT_EQ(after == before, !activated.ok());
    Restart();
    ASSERT_EQ(engine_->state().Hash(), after);
    // And again: rows of the first attempt are not taken for those of the second.
    MustActivate(*engine_, changed, At(kNsPerDay + 1));
    SendSome(1);
    const Digest end = engine_->state().Hash();
    Kill();
    ASSERT_TRUE(backing_->Destroy().ok());
    engine_ = MustOpen(files_, options_);
    EXPECT_EQ(engine_->state().Hash(), end);
  }
}

}  // namespace
}  // namespace credence::engine
