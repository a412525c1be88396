// Checkpoints of accounts, limits and loans: as checkpoint_test.cc, with money.

#include <gtest/gtest.h>
#include <unistd.h>

#include <deque>
#include <filesystem>
#include <map>
#include <set>

#include "src/engine/checkpoint_testing.h"
#include "src/engine/money_rows.h"
#include "src/engine/money_testing.h"
#include "src/engine/stream_testing.h"
#include "src/store/rocks_store.h"
#include "src/study/verify.h"

namespace credence::engine {
namespace {

// Sends events one by one and answers each decision that waits a few events later: with timeouts,
// refusals and approvals. The same life gives the same answers.
class Player {
 public:
  explicit Player(const std::vector<Event>& events) : events_(events) {}

  [[nodiscard]] bool done() const { return at_ == events_.size(); }
  // One event and maybe an answer. False if the engine could not write.
  bool Step(Engine* engine) {
    const Event& event = events_[at_++];
    const auto outcomes = engine->Process({&event, 1}, Arrival::kHistory, kStart);
    if (!outcomes.ok()) return false;
    const Outcome& outcome = outcomes->at(0);
    said_.push_back(Said(outcome) + " / " + Said(outcome.money) + " / " +
                    Said(outcome.money_of_decision));
    if (outcome.decision != nullptr && outcome.decision->path == record::DecisionPath::kParked) {
      waiting_.push_back(outcome.seq);
    }
    if (at_ % 7 != 0 || waiting_.empty()) return true;
    record::Answer answer;
    answer.parked_seq = waiting_.front();
    answer.source = "bureau";
    answer.status = at_ % 2 == 0 ? "ok" : "timeout";
    if (at_ % 2 == 0) answer.values = {{"listed", at_ % 3 == 0 ? "true" : "false"}};
    waiting_.pop_front();
    return engine->TakeAnswer(std::move(answer), engine->state().last_stamp).ok();
  }
  [[nodiscard]] const std::vector<std::string>& said() const { return said_; }

 private:
  const std::vector<Event>& events_;
  size_t at_ = 0;
  std::deque<Seq> waiting_;
  std::vector<std::string> said_;
};

// What a life says and leaves where nothing is written but the journal.
struct ExpectedMoney {
  std::vector<std::string> said;
  Digest hash;
  explicit ExpectedMoney(const std::vector<Event>& events) {
    journal::FaultFileSystem files;
    const auto engine = MustOpen(files);
    MustActivate(*engine, CreditLinePack());
    Player player(events);
    while (!player.done()) EXPECT_TRUE(player.Step(engine.get()));
    said = player.said();
    hash = engine->state().Hash();
  }
};

TEST(MoneyCheckpoint, ACacheOfOneEntityEqualsAnUnlimitedOneWhateverTheBatches) {
  uint64_t evicted = 0;
  for (const uint64_t seed : {1U, 2U, 3U}) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Arena arena;
    const std::vector<Event> events = MoneyLife(seed, 300, &arena);
    std::optional<Digest> hash;
    for (const size_t batch : {size_t{1}, size_t{7}, size_t{256}}) {
      for (const uint64_t every : {1, 7, 100}) {
        for (const uint64_t cache : {0, 1}) {
          for (const Worker worker : {Worker::kCaller, Worker::kThread}) {
            journal::FaultFileSystem files;
            const auto backing = MakeBacking();
            const Options options = With(backing, every, cache, worker);
            auto engine = MustOpen(files, options);
            MustActivate(*engine, CreditLinePack());
            for (size_t at = 0; at < events.size(); at += batch) {
              const size_t size = std::min(batch, events.size() - at);
              ASSERT_TRUE(engine->Process({&events[at], size}, Arrival::kHistory, kStart).ok());
            }
            const Digest live = engine->state().Hash();
            ASSERT_EQ(hash.value_or(live), live);
            hash = live;
            evicted += engine->state().entities.counters().evicted;
            engine.reset();
            files.Crash(journal::CrashKind::kDropUnsynced);
            backing->LoseUnflushed();
            engine = MustOpen(files, options);
            ASSERT_NE(engine, nullptr);
            // A thread may have been killed before it had made the first.
            EXPECT_TRUE(worker == Worker::kThread || engine->opened().checkpoint.frames > 0);
            ASSERT_EQ(engine->state().Hash(), live);
          }
        }
      }
    }
  }
  EXPECT_GT(evicted, 1000u);
}

TEST(MoneyCheckpoint, EveryCheckpointIsTheStateAtItsFrameAndRecoversToTheSameEnd) {
  std::set<uint64_t> frames_met;
  uint64_t parked = 0;
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Arena arena;
    const std::vector<Event> events = MoneyLife(seed + 400, 250, &arena);
    const ExpectedMoney expected(events);
    Random random(seed);
    journal::FaultFileSystem files(seed);
    const auto backing = MakeBacking();
    const Options options = With(backing, 1 + random.Below(40), random.OneIn(2) ? 0 : 1);
    auto engine = MustOpen(files, options);
    MustActivate(*engine, CreditLinePack());
    Player player(events);
    std::map<uint64_t, Digest> hash_at;
    while (!player.done()) {
      // An answer is a frame of its own: the state between is not seen here.
      ASSERT_TRUE(player.Step(engine.get()));
      hash_at[engine->journal().head().frames] = engine->state().Hash();
      parked += engine->state().parked.size();
      if (!random.OneIn(4)) continue;
      const auto stored = StoredState(files, backing);
      if (stored && hash_at.contains(stored->position.frame)) {
        EXPECT_EQ(stored->hash, hash_at.at(stored->position.frame));
        frames_met.insert(stored->position.frame);
      }
      if (!random.OneIn(3)) continue;
      const Digest before = engine->state().Hash();
      engine.reset();
      files.Crash(static_cast<journal::CrashKind>(random.Below(3)));
      backing->LoseUnflushed();
      engine = MustOpen(files, options);
      ASSERT_NE(engine, nullptr);
      EXPECT_EQ(engine->opened().checkpoint.frames, stored ? stored->position.frame : 0);
      ASSERT_EQ(engine->state().Hash(), before);
      ExpectBalanced(engine->state().money, engine->state().last_stamp);
    }
    EXPECT_EQ(player.said(), expected.said);
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
  EXPECT_GT(parked, 20u);
}

// Every row of the store, and where it stands.
std::string StoreRows(store::MemoryBacking& backing) {
  auto opened = backing.Open(store::OpenMode::kRead);
  if (!opened.ok()) return opened.status().ToString();
  std::string text;
  if (const auto position = (*opened)->position()) {
    text = std::to_string(position->frame) + " " + ToHex(position->note) + "\n";
  }
  for (size_t table = 0; table < TableNames().size(); ++table) {
    const auto cursor = (*opened)->Scan(table);
    std::string_view key;
    std::string_view value;
    for (auto next = cursor->Next(&key, &value); next.ok() && *next;
         next = cursor->Next(&key, &value)) {
      text += std::to_string(table) + " " + ToHex(key) + "=" + ToHex(value) + "\n";
    }
  }
  return text;
}

// Two engines live the same life; one of them also tries events out.
TEST(MoneyCheckpoint, CheckpointsAfterDryRunsAreThoseWithout) {
  std::set<std::string> met;
  for (const uint64_t seed : {1U, 2U, 3U}) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Arena arena;
    const std::vector<Event> events = MoneyLife(seed + 500, 150, &arena);
    Random random(seed);
    journal::FaultFileSystem files[2];
    std::shared_ptr<store::MemoryBacking> backings[2];
    std::unique_ptr<Engine> engines[2];
    for (size_t which : {0, 1}) {
      backings[which] = MakeBacking();
      engines[which] = MustOpen(files[which], With(backings[which], 1 + seed * 2, 0));
      MustActivate(*engines[which], CreditLinePack());
    }
    for (size_t i = 0; i < events.size(); ++i) {
      for (uint64_t left = random.Below(4); left > 0; --left) {
        const Event& tried = events[std::min(events.size() - 1, i + random.Below(30))];
        (void)engines[1]->DryRun(tried, Arrival::kHistory, kStart);
      }
      for (const auto& engine : engines) {
        ASSERT_TRUE(engine->Process({&events[i], 1}, Arrival::kHistory, kStart).ok());
      }
      const std::string rows = StoreRows(*backings[0]);
      met.insert(rows);
      ASSERT_EQ(StoreRows(*backings[1]), rows) << events[i].id;
    }
    for (const auto& engine : engines) ASSERT_TRUE(engine->Close().ok());
    EXPECT_EQ(StoreRows(*backings[1]), StoreRows(*backings[0]));
    EXPECT_EQ(StoredState(files[1], backings[1])->hash, engines[0]->state().Hash());
  }
  EXPECT_GT(met.size(), 60u);
}

TEST(MoneyCheckpoint, AStoreThatFailsAtAnyCallLosesNothing) {
  Arena arena;
  const std::vector<Event> events = MoneyLife(77, 120, &arena);
  const ExpectedMoney expected(events);
  for (const auto kind : {store::MemoryFault::kBefore, store::MemoryFault::kAfter}) {
    for (const bool for_good : {false, true}) {
      for (uint64_t call = 1; call <= 24; ++call) {
        SCOPED_TRACE("call " + std::to_string(call));
        journal::FaultFileSystem files(call);
        const auto backing = MakeBacking();
        const Options options = With(backing, 10, 1);
        auto engine = MustOpen(files, options);
        MustActivate(*engine, CreditLinePack());
        backing->set_fault({kind, call, for_good});
        Player player(events);
        while (!player.done()) ASSERT_TRUE(player.Step(engine.get()));
        ASSERT_EQ(player.said(), expected.said);
        ASSERT_EQ(engine->state().Hash(), expected.hash);
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

TEST(MoneyCheckpoint, KilledAtAnyCallOfTheDiskItReopensToWhatWasAcknowledged) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Arena arena;
    const std::vector<Event> events = MoneyLife(seed + 600, 60, &arena);
    journal::FaultFileSystem files(seed);
    const auto backing = MakeBacking();
    Options options = With(backing, 1 + seed % 5, seed % 2);
    options.journal.segment_bytes = journal::kSegmentBytesMin;
    auto engine = MustOpen(files, options);
    MustActivate(*engine, CreditLinePack());
    files.set_fault({files.calls() + 1 + Random(seed).Below(80), journal::FaultKind::kStop});
    std::vector<Digest> states{engine->state().Hash()};
    for (const Event& event : events) {
      const bool ok = engine->Process({&event, 1}, Arrival::kHistory, kStart).ok();
      states.push_back(engine->state().Hash());
      if (!ok) break;
    }
    files.set_fault({});
    engine.reset();
    files.Crash(journal::CrashKind::kTear);
    backing->LoseUnflushed();
    engine = MustOpen(files, options);
    ASSERT_NE(engine, nullptr);
    const Digest reopened = engine->state().Hash();
    EXPECT_TRUE(reopened == states.back() || reopened == states[states.size() - 2]);
  }
}

TEST(MoneyCheckpoint, OnRocksDbItIsTheSame) {
  const auto folder = std::filesystem::temp_directory_path() /
                      ("credence_money_checkpoint_test_" + std::to_string(getpid()));
  for (uint64_t seed = 1; seed <= 2; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Arena arena;
    const std::vector<Event> events = MoneyLife(seed + 800, 250, &arena);
    const ExpectedMoney expected(events);
    Random random(seed);
    std::filesystem::remove_all(folder);
    const std::shared_ptr<store::Backing> backing = store::RocksAt(folder, TableNames());
    const Options options = With(backing, 20, 1 + random.Below(10'000), Worker::kThread);
    journal::FaultFileSystem files;
    auto engine = MustOpen(files, options);
    ASSERT_NE(engine, nullptr);
    MustActivate(*engine, CreditLinePack());
    Player player(events);
    uint64_t restored = 0;
    while (!player.done()) {
      ASSERT_TRUE(player.Step(engine.get()));
      if (!random.OneIn(40)) continue;
      const Digest before = engine->state().Hash();
      engine.reset();
      files.Crash(journal::CrashKind::kDropUnsynced);
      engine = MustOpen(files, options);
      ASSERT_NE(engine, nullptr);
      restored += engine->opened().checkpoint.frames > 0 ? 1 : 0;
      ASSERT_EQ(engine->state().Hash(), before);
    }
    EXPECT_EQ(player.said(), expected.said);
    EXPECT_EQ(engine->state().Hash(), expected.hash);
    ASSERT_TRUE(engine->Close().ok());
    engine.reset();
    EXPECT_EQ(StoredState(files, backing)->hash, expected.hash);
    EXPECT_GT(restored, 0u);
  }
  std::filesystem::remove_all(folder);
}

// Loans keep the terms they were made with, though the pack has others by now.
TEST(MoneyCheckpoint, LoansKeepTheirProductWhenThePackHasAnother) {
  pack::FileSet files_of_pack = CreditLineFiles();
  std::string& products = files_of_pack.at("products.yaml");
  const size_t rate = products.find("rate: 12%");
  ASSERT_NE(rate, std::string::npos);
  products.replace(rate, 9, "rate: 24%");
  const std::shared_ptr<const pack::Pack> dearer = pack::MustLoad(std::move(files_of_pack));
  ASSERT_NE(dearer, nullptr);
  journal::FaultFileSystem files;
  const auto backing = MakeBacking();
  const Options options = With(backing, 1, 1);
  auto engine = MustOpen(files, options);
  MustActivate(*engine, CreditLinePack());
  Arena arena;
  const auto send = [&](const EventText& text) {
    const Event event = pack::MakeEvent(*engine->pack(), text, &arena);
    const auto outcomes = engine->Process({&event, 1}, Arrival::kLive, text.time);
    ASSERT_TRUE(outcomes.ok());
    ASSERT_NE(outcomes->at(0).kind, Outcome::Kind::kRefused);
  };
  send(Asked("a1", At(1), "b1", 2'000'000));
  send(Lent("l1", At(2), "b1", "L1", 100'000));
  MustActivate(*engine, dearer, At(3));
  send(Lent("l2", At(4), "b1", "L2", 100'000));
  const auto interest = [&](const char* loan) {
    int64_t sum = 0;
    const Date today = At(4).UtcDate();
    const auto read = engine->state().money.LoanNamed(loan, today);
    for (const auto& row : read->Instalments()) sum += row.interest;
    return sum;
  };
  const int64_t cheap = interest("L1");
  const int64_t dear = interest("L2");
  EXPECT_GT(dear, cheap * 3 / 2);
  const Digest live = engine->state().Hash();
  ASSERT_TRUE(engine->Checkpoint().ok());
  engine.reset();
  files.Crash(journal::CrashKind::kDropUnsynced);
  engine = MustOpen(files, options);
  ASSERT_NE(engine, nullptr);
  EXPECT_EQ(engine->opened().events, 0u) << "nothing of the journal was folded";
  EXPECT_EQ(engine->state().Hash(), live);
  EXPECT_EQ(interest("L1"), cheap);
  EXPECT_EQ(interest("L2"), dear);
}

struct StoredRow {
  MoneyState::Part part;
  std::string key;
  std::string value;
};

Result<MoneyState> LoadFrom(const std::vector<StoredRow>& rows, const State& state) {
  MoneyState::RowLoader loader(
      [](const Digest& digest) -> Result<std::shared_ptr<const pack::Pack>> {
        if (digest != CreditLinePack()->digest) return DataLoss("no such pack");
        return CreditLinePack();
      });
  for (const StoredRow& row : rows) CREDENCE_TRY(loader.Add(row.part, row.key, row.value));
  return loader.Finish(state.last_stamp, state.parked);
}

// Whoever wrote the rows: they are refused as data loss, or make a state that goes on without
// meeting what cannot be (an assertion would end this test).
TEST(MoneyRows, AnyChangedRowIsDataLossOrAStateThatGoesOn) {
  Arena arena;
  const std::vector<Event> events = MoneyLife(31, 400, &arena);
  journal::FaultFileSystem files;
  auto engine = MustOpen(files);
  MustActivate(*engine, CreditLinePack());
  constexpr size_t kBefore = 330;
  std::vector<Seq> seqs;
  for (size_t i = 0; i < kBefore; ++i) {
    const auto outcomes = engine->Process({&events[i], 1}, Arrival::kHistory, kStart);
    ASSERT_TRUE(outcomes.ok());
    seqs.push_back(outcomes->at(0).seq);
  }
  std::vector<StoredRow> rows;
  engine->state().money.VisitRows(
      [&](MoneyState::Part part, std::string_view key, std::string_view value) {
        rows.push_back({part, std::string(key), std::string(value)});
      });
  const auto whole = LoadFrom(rows, engine->state());
  ASSERT_TRUE(whole.ok()) << whole.status().ToString();
  EXPECT_EQ(MoneyRows(*whole), MoneyRows(engine->state().money));
  Random random(31);
  std::map<MoneyState::Part, int> refused;
  int accepted = 0;
  for (size_t at = 0; at < rows.size(); ++at) {
    for (int kind = 0; kind < 6; ++kind) {
      std::vector<StoredRow> changed = rows;
      std::string& text = random.OneIn(4) ? changed[at].key : changed[at].value;
      if (kind == 0) {
        changed.erase(changed.begin() + static_cast<std::ptrdiff_t>(at));
      } else if (kind == 1) {
        text.resize(random.Below(text.size() + 1));
      } else if (kind == 2) {
        changed.insert(changed.begin() + static_cast<std::ptrdiff_t>(at), rows[at]);
      } else if (!text.empty()) {
        text[random.Below(text.size())] ^= static_cast<char>(1 << random.Below(8));
      }
      auto loaded = LoadFrom(changed, engine->state());
      if (!loaded.ok()) {
        ASSERT_EQ(loaded.status().code(), StatusCode::kDataLoss) << loaded.status().ToString();
        ++refused[rows[at].part];
        continue;
      }
      ++accepted;
      Timestamp stamp = engine->state().last_stamp;
      Seq seq = engine->state().last_seq;
      for (size_t i = kBefore; i < events.size(); ++i) {
        Event event = events[i];
        event.seq = seq = seq.Next();
        event.stamp = stamp = Timestamp{std::max(event.time.ns, stamp.ns + 1)};
        // Whatever it is, it takes back one that came before, the last first.
        (void)loaded->ApplyEvent(*CreditLinePack(), event, seqs[kBefore - 1 - (i - kBefore)]);
      }
      ExpectBalanced(*loaded, stamp);
    }
  }
  EXPECT_GT(accepted, 20);
  for (const auto part : {MoneyState::Part::kLedger, MoneyState::Part::kLimit,
                          MoneyState::Part::kLoan, MoneyState::Part::kName}) {
    EXPECT_GT(refused[part], 20) << static_cast<int>(part);
  }
}

}  // namespace
}  // namespace credence::engine
