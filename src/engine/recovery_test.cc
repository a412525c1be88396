// What happens to an engine when the disk fails, and when its pack changes.

#include <gtest/gtest.h>

#include "src/engine/engine_testing.h"
#include "src/study/verify.h"

namespace credence::engine {
namespace {

using Kind = Outcome::Kind;

constexpr int64_t kHour = kNsPerHour;

class EngineRecovery : public ShopTest {
 protected:
  // A day of orders, payments and cancellations of three buyers and two hosts.
  void SendDay(int day) {
    for (int i = 0; i < 12; ++i) {
      const std::string id = std::to_string(day) + "." + std::to_string(i);
      const std::string buyer = "b" + std::to_string(i % 3);
      const std::string host = "h" + std::to_string(i % 2);
      const Timestamp time = At(day * kNsPerDay + i * kHour);
      Send(Order("o" + id, time, 1'000 * (i + 1), buyer, host));
      Send(Payment("p" + id, time, 700 * i, buyer));
      if (i % 4 == 3) Send(Cancel("c" + id, time, "o" + id, buyer));
    }
  }
  study::VerifyReport Verified() {
    auto report = study::Verify(files_, kFolder);
    EXPECT_TRUE(report.ok()) << report.status().ToString();
    if (!report.ok()) return {};
    for (const study::Mismatch& mismatch : report->first) {
      ADD_FAILURE() << mismatch.decision << " " << mismatch.event << " " << mismatch.what;
    }
    EXPECT_TRUE(report->ok());
    return std::move(*report);
  }
};

TEST_F(EngineRecovery, AReopenedEngineHasTheStateThatTheOldOneHad) {
  SendDay(0);
  ASSERT_TRUE(
      engine_->SetRate(*Currency::FromCode("USD"), *Decimal::Parse("7.1"), "ann", At(1)).ok());
  ASSERT_TRUE(engine_->SetKillSwitch(true, "credit_limit", "ann", "", At(2)).ok());
  const Digest before = engine_->state().Hash();
  Reopen();
  EXPECT_EQ(engine_->state().Hash(), before);
  EXPECT_FALSE(engine_->opened().sealed);
  EXPECT_EQ(engine_->pack()->name, "shop");
  EXPECT_EQ(engine_->opened().events, 27u);
  EXPECT_EQ(engine_->opened().decisions, 12u);
  EXPECT_EQ(Verified().decisions, 12u);
}

TEST_F(EngineRecovery, AClosedEngineSealsItsStateAndTakesNothingMore) {
  SendDay(0);
  const Digest before = engine_->state().Hash();
  ASSERT_TRUE(engine_->Close().ok());
  const Event event = pack::MakeEvent(*engine_->pack(), Payment("x", At(1)), &arena_);
  EXPECT_EQ(engine_->Process({&event, 1}, Arrival::kLive, At(1)).status().code(),
            StatusCode::kUnavailable);
  EXPECT_EQ(engine_->Close().code(), StatusCode::kUnavailable);
  Reopen();
  EXPECT_TRUE(engine_->opened().sealed);
  EXPECT_TRUE(engine_->opened().state_matches_seal);
  EXPECT_EQ(engine_->state().Hash(), before);
  // And it goes on behind the seal.
  EXPECT_EQ(Send(Payment("x", At(kNsPerDay))).kind, Kind::kApplied);
  EXPECT_FALSE(Verified().sealed);
}

// Every call to the disk fails in turn, in the middle of a batch and of an activation: the engine
// stops, and what it had acknowledged is there when it is opened again.
TEST_F(EngineRecovery, AfterAFailedCallTheEngineStopsAndReopensToWhatItAcknowledged) {
  for (const auto kind : {journal::FaultKind::kError, journal::FaultKind::kStop}) {
    for (uint64_t call = 1;; ++call) {
      SCOPED_TRACE("call " + std::to_string(call));
      journal::FaultFileSystem files(call);
      auto engine = MustOpen(files);
      MustActivate(*engine, pack::ShopPack());
      Arena arena;
      const auto process = [&](const EventText& text) {
        const Event event = pack::MakeEvent(*engine->pack(), text, &arena);
        return engine->Process({&event, 1}, Arrival::kLive, text.time);
      };
      ASSERT_TRUE(process(Order("o1", At(1))).ok());
      const Digest acknowledged = engine->state().Hash();
      files.set_fault({files.calls() + call, kind});
      const auto outcome = process(Order("o2", At(2)));
      const Digest after = engine->state().Hash();
      const uint64_t calls = files.calls();
      if (outcome.ok()) {
        // The call was never made: every call of a batch has had its turn.
        EXPECT_GT(call, 2u);
        break;
      }
      EXPECT_EQ(process(Order("o3", At(3))).status().code(), StatusCode::kUnavailable);
      EXPECT_EQ(engine->Activate(pack::ShopPack(), "ann", "", At(4)).code(),
                StatusCode::kUnavailable);
      EXPECT_EQ(files.calls(), calls) << "a stopped engine does not touch the disk";
      files.set_fault({});
      engine.reset();
      files.Crash(journal::CrashKind::kTear);
      engine = MustOpen(files);
      ASSERT_NE(engine, nullptr);
      const Digest reopened = engine->state().Hash();
      EXPECT_TRUE(reopened == acknowledged || reopened == after)
          << "the batch is there or it is not";
      const Kind again = process(Order("o2", At(2)))->at(0).kind;
      EXPECT_EQ(again, reopened == after ? Kind::kDuplicate : Kind::kDecided);
    }
  }
}

TEST_F(EngineRecovery, AFullDiskRefusesNewWorkWithoutATraceAndItGoesOnWhenThereIsRoom) {
  journal::FaultFileSystem files;
  Options options;
  options.journal.segment_bytes = 16'384;
  options.journal.write_ahead = journal::WriteAhead::kSegments;
  auto engine = MustOpen(files, options);
  MustActivate(*engine, pack::ShopPack());
  files.set_bytes_max(files.Content(kFolder + "/journal/0000000001.journal").size());
  Arena arena;
  const auto process = [&](const EventText& text) {
    const Event event = pack::MakeEvent(*engine->pack(), text, &arena);
    return engine->Process({&event, 1}, Arrival::kLive, text.time);
  };
  const Digest before = engine->state().Hash();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(process(Order("o1", At(1))).status().code(), StatusCode::kResourceExhausted);
    EXPECT_EQ(engine->SetKillSwitch(true, "", "ann", "", At(1)).code(),
              StatusCode::kResourceExhausted);
    EXPECT_EQ(engine->state().Hash(), before);
  }
  files.set_bytes_max(UINT64_MAX);
  const auto outcomes = process(Order("o1", At(1)));
  ASSERT_TRUE(outcomes.ok()) << outcomes.status().ToString();
  EXPECT_EQ(outcomes->at(0).kind, Kind::kDecided);
}

TEST_F(EngineRecovery, ADamagedJournalIsRefused) {
  SendDay(0);
  engine_.reset();
  const std::string path = kFolder + "/journal/0000000001.journal";
  std::string bytes = files_.Content(path);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  files_.SetContent(path, bytes);
  const auto engine = Engine::Open(files_, kFolder);
  EXPECT_EQ(engine.status().code(), StatusCode::kDataLoss);
  EXPECT_NE(engine.status().message().find("segment 1 offset"), std::string::npos);
  EXPECT_EQ(study::Verify(files_, kFolder).status().code(), StatusCode::kDataLoss);
}

TEST_F(EngineRecovery, ADamagedOrMissingArtefactIsRefused) {
  SendDay(0);
  engine_.reset();
  const auto names = files_.List(kFolder + "/artefacts");
  ASSERT_TRUE(names.ok());
  EXPECT_EQ(names->size(), pack::ShopFiles().size() + 1);
  for (const std::string& name : *names) {
    const std::string path = kFolder + "/artefacts/" + name;
    const std::string whole = files_.Content(path);
    std::string damaged = whole;
    damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 2);
    files_.SetContent(path, damaged);
    EXPECT_EQ(Engine::Open(files_, kFolder).status().code(), StatusCode::kDataLoss) << name;
    files_.SetContent(path, whole.substr(0, whole.size() / 2));
    EXPECT_EQ(Engine::Open(files_, kFolder).status().code(), StatusCode::kDataLoss) << name;
    ASSERT_TRUE(files_.Remove(path).ok());
    EXPECT_EQ(Engine::Open(files_, kFolder).status().code(), StatusCode::kDataLoss) << name;
    files_.SetContent(path, whole);
  }
  EXPECT_TRUE(Engine::Open(files_, kFolder).ok());
}

TEST_F(EngineRecovery, ActivatingPutsADamagedArtefactRight) {
  const auto names = files_.List(kFolder + "/artefacts");
  for (const std::string& name : *names) files_.SetContent(kFolder + "/artefacts/" + name, "x");
  MustActivate(*engine_, pack::ShopPack(), At(1));
  Reopen();
  EXPECT_NE(engine_, nullptr);
}

TEST_F(EngineRecovery, AnActivationNamesPackFilesAndPeople) {
  const ArtefactStore artefacts(files_, kFolder + "/artefacts");
  const auto files = artefacts.Get(pack::ShopPack()->digest);
  ASSERT_TRUE(files.ok()) << files.status().ToString();
  EXPECT_EQ(*files, pack::ShopFiles());
}

TEST_F(EngineRecovery, ANewPolicyKeepsTheStateAndOldDecisionsStillDecideUnderTheirOwn) {
  SendDay(0);
  const std::string before = Feature("buyer", "b1", "buyer.orders.sum_amount_all", At(kNsPerDay));
  pack::FileSet files = pack::ShopFiles();
  pack::Edit(&files, "policy.dmn", "&gt; 900", "&gt; 20");
  MustActivate(*engine_, pack::MustLoad(files), At(kNsPerDay));
  EXPECT_EQ(Feature("buyer", "b1", "buyer.orders.sum_amount_all", At(kNsPerDay)), before);
  const Outcome outcome = Send(Order("x", At(kNsPerDay + 1), 5'000, "b1", "h7"));
  EXPECT_EQ(outcome.decision->outcome, "review");
  EXPECT_EQ(outcome.decision->pack, pack::PackDigest(files));
  EXPECT_EQ(Verified().decisions, 13u);
  MustActivate(*engine_, pack::ShopPack(), At(kNsPerDay + 2));
  EXPECT_EQ(Send(Order("y", At(kNsPerDay + 3), 5'000, "b1", "h7")).decision->outcome, "approve");
  Verified();
  const Digest hash = engine_->state().Hash();
  Reopen();
  EXPECT_EQ(engine_->state().Hash(), hash);
}

// Another feature list, another order of entities, one entity more and one event type less: what
// the engine holds afterwards is what it would hold had the new pack been there from the start.
TEST_F(EngineRecovery, NewFeaturesAreBuiltFromTheJournalAsIfTheyHadAlwaysBeenThere) {
  pack::FileSet files = pack::ShopFiles();
  pack::Edit(&files, "pack.yaml", "  buyer: {key: buyer_id}\n  host: {key: host_id}\n",
             "  goods: {key: goods}\n  host: {key: host_id}\n  buyer: {key: buyer_id}\n");
  pack::Edit(&files, "features.yaml", "windows: [1h, 1d, all]\n      compute: [count,",
             "windows: [1h, 1d, 2d, all]\n      compute: [variance(amount), count,");
  pack::Edit(&files, "features.yaml", "  host:\n    - from: order.placed",
             "  goods:\n    - from: order.placed\n      windows: [2d]\n      compute: [count, "
             "sum(amount)]\n  host:\n    - from: order.placed");
  const auto changed = pack::MustLoad(files);
  ASSERT_NE(changed, nullptr);

  journal::FaultFileSystem other_files;
  auto other = MustOpen(other_files);
  MustActivate(*other, changed);
  std::swap(engine_, other);
  SendDay(0);
  SendDay(1);
  MustActivate(*engine_, changed, At(2 * kNsPerDay));  // the same sequences on both sides
  std::swap(engine_, other);

  SendDay(0);
  SendDay(1);
  MustActivate(*engine_, changed, At(2 * kNsPerDay));
  EXPECT_EQ(engine_->state().Hash(), other->state().Hash());
  // An order of before the change is taken back after it, from the windows of the new entity too.
  const auto count = [&] {
    return Feature("goods", "food", "goods.order_placed.count_2d", At(2 * kNsPerDay + 2));
  };
  const std::string orders = count();
  EXPECT_EQ(Send(Cancel("late", At(2 * kNsPerDay + 1), "o1.0", "b0")).kind, Kind::kApplied);
  EXPECT_NE(count(), orders);
  const Digest before = engine_->state().Hash();
  Reopen();
  EXPECT_EQ(engine_->state().Hash(), before);
  Verified();
}

TEST_F(EngineRecovery, AnEventTypeThatAPackLeavesOutIsNotCountedUnderIt) {
  SendDay(0);
  pack::FileSet files = pack::ShopFiles();
  pack::Edit(
      &files, "pack.yaml",
      "  host.rated: {fields: {host_id: key, stars: integer, buyer_id: {type: key, optional: "
      "true}}}\n",
      "");
  pack::Edit(&files, "features.yaml",
             "    - from: host.rated\n      windows: [all]\n      compute: [count, mean(stars)]\n",
             "");
  MustActivate(*engine_, pack::MustLoad(files), At(kNsPerDay));
  EXPECT_EQ(Feature("host", "h0", "host.sales.count_1d", At(12 * kHour)), "6");
  const Digest before = engine_->state().Hash();
  Reopen();
  EXPECT_EQ(engine_->state().Hash(), before);
}

TEST_F(EngineRecovery, TheBaseCurrencyOfARunningEngineCannotChange) {
  pack::FileSet files = pack::ShopFiles();
  pack::Edit(&files, "pack.yaml", "currency: CNY", "currency: USD");
  const auto head = engine_->journal().head();
  EXPECT_EQ(engine_->Activate(pack::MustLoad(files), "ann", "", At(1)).code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(engine_->journal().head(), head);
  EXPECT_EQ(Send(Order("o1", At(2))).kind, Kind::kDecided);
}

TEST_F(EngineRecovery, AReadOnlyEngineAnswersDryRunsAndChangesNothing) {
  SendDay(0);
  const Digest before = engine_->state().Hash();
  engine_.reset();
  files_.Freeze();
  Options options;
  options.read_only = true;
  const auto engine = MustOpen(files_, options);
  ASSERT_NE(engine, nullptr);
  EXPECT_EQ(engine->state().Hash(), before);
  const Event event = pack::MakeEvent(*engine->pack(), Order("x", At(kNsPerDay)), &arena_);
  EXPECT_EQ(engine->DryRun(event, Arrival::kLive, At(kNsPerDay)).kind, Kind::kDecided);
  EXPECT_EQ(engine->Process({&event, 1}, Arrival::kLive, At(kNsPerDay)).status().code(),
            StatusCode::kUnavailable);
  EXPECT_EQ(engine->Activate(pack::ShopPack(), "ann", "", At(1)).code(), StatusCode::kUnavailable);
  EXPECT_EQ(engine->Close().code(), StatusCode::kUnavailable);
  EXPECT_FALSE(files_.changed_while_frozen());
}

}  // namespace
}  // namespace credence::engine
