#include "src/study/verify.h"

#include <gtest/gtest.h>

#include <functional>

#include "src/engine/engine_testing.h"
#include "src/store/memory_store.h"

namespace credence::study {
namespace {

using engine::At;
using engine::kFolder;
using engine::Value;
using record::DecisionRecord;

using Records = std::vector<std::string>;  // of one frame

class VerifyTest : public engine::ShopTest {
 protected:
  void SetUp() override {
    ShopTest::SetUp();
    for (int i = 0; i < 5; ++i) {
      const std::string id = std::to_string(i);
      Send(Payment("p" + id, At(10 * i), 5'000));
      Send(Order("o" + id, At(10 * i + 1), 40'000 + i));
    }
    const Seq asked = Send(LimitAsked("l1", At(100))).seq;
    record::Answer answer;
    answer.parked_seq = asked;
    answer.source = "bureau";
    answer.status = "ok";
    answer.values = {{"grade", "gold"}, {"listed", "false"}, {"score", "70"}};
    ASSERT_TRUE(engine_->TakeAnswer(answer, At(101)).ok());
    Send(LimitAsked("l2", At(102)));
  }

  // The journal written anew with other records: chained, checksummed, as a forger with the
  // program would write it. The seal, if there is one, stays.
  void Rewrite(const std::function<void(Records*)>& change) {
    std::vector<Records> frames;
    std::vector<Seq> last;
    std::optional<std::string> seal;
    {
      const auto reader = journal::JournalReader::Open(files_, kFolder + "/journal");
      ASSERT_TRUE(reader.ok());
      journal::FrameView frame;
      while (*(*reader)->Next(&frame)) {
        if (frame.kind != journal::FrameKind::kBatch) continue;
        frames.emplace_back(frame.records.begin(), frame.records.end());
        last.push_back(frame.last_seq);
      }
      if ((*reader)->last_frame().sealed()) seal = (*reader)->seal();
    }
    const std::string folder = kFolder + "/journal";
    const auto names = files_.List(folder);
    ASSERT_TRUE(names.ok());
    for (const std::string& name : *names) {
      ASSERT_TRUE(files_.Remove(folder + "/" + name).ok());
    }
    const auto journal = journal::Journal::Open(files_, folder);
    ASSERT_TRUE(journal.ok()) << journal.status().ToString();
    for (size_t i = 0; i < frames.size(); ++i) {
      change(&frames[i]);
      const std::vector<std::string_view> views(frames[i].begin(), frames[i].end());
      const auto head = (*journal)->Append(last[i], views);
      ASSERT_TRUE(head.ok()) << head.status().ToString();
    }
    if (seal) {
      ASSERT_TRUE((*journal)->Seal(*seal).ok());
    }
  }

  // Changes the decision of one event in the journal.
  void Alter(std::string_view event_id, const std::function<void(DecisionRecord*)>& change) {
    engine_.reset();
    size_t altered = 0;
    Rewrite([&](Records* records) {
      Arena arena;
      bool wanted = false;
      for (std::string& bytes : *records) {
        auto any = record::DecodeRecord(bytes, &arena);
        ASSERT_TRUE(any.ok());
        if (const auto* event = std::get_if<record::Event>(&*any)) wanted = event->id == event_id;
        auto* decision = std::get_if<DecisionRecord>(&*any);
        if (!wanted || decision == nullptr) continue;
        change(decision);
        std::string encoded;
        record::EncodeDecision(*decision, &encoded);
        ASSERT_NE(encoded, bytes);
        bytes = encoded;
        ++altered;
      }
    });
    ASSERT_EQ(altered, 1u);
  }

  VerifyReport Report() {
    auto report = Verify(files_, kFolder);
    EXPECT_TRUE(report.ok()) << report.status().ToString();
    return report.ok() ? std::move(*report) : VerifyReport();
  }

  void ExpectFound(std::string_view event, std::string_view what) {
    const VerifyReport report = Report();
    EXPECT_FALSE(report.ok());
    ASSERT_FALSE(report.first.empty());
    EXPECT_EQ(report.first.front().event, event) << report.first.front().what;
    bool found = false;
    std::string all;
    for (const Mismatch& mismatch : report.first) {
      found = found || mismatch.what.find(what) != std::string::npos;
      all += mismatch.what + "\n";
    }
    EXPECT_TRUE(found) << what << " in\n" << all;
  }
};

// The checkpoint is held against the journal too, also while the state that is folded is cold.
TEST_F(VerifyTest, ACheckpointMustHoldTheStateThatTheJournalMakes) {
  const auto backing = std::make_shared<store::MemoryBacking>(engine::TableNames());
  engine::Options with;
  with.checkpoints.backing = backing;
  with.checkpoints.worker = engine::CheckpointOptions::Worker::kCaller;
  engine_.reset();
  engine_ = engine::MustOpen(files_, with);
  ASSERT_TRUE(engine_->Checkpoint().ok());
  const std::string row = engine_->state().entities.RowKey({0, "b1"});
  Send(Order("after", At(200)));
  const Digest hash = engine_->state().Hash();
  engine_.reset();
  VerifyOptions options;
  options.checkpoint = backing;
  options.scratch.backing = std::make_shared<store::MemoryBacking>(engine::TableNames());
  options.scratch.cache_bytes = 1;
  auto report = Verify(files_, kFolder, options);
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_TRUE(report->ok()) << report->checkpoint_problem;
  EXPECT_GT(report->checkpoint.frames, 0u);
  EXPECT_EQ(report->state_hash, hash);
  // A row is missing: everything can be read, and is wrong.
  {
    auto store = std::move(*backing->Open(store::OpenMode::kReadWrite));
    std::string value;
    ASSERT_TRUE(*store->Get(engine::kEntityTable, row, &value));
    const auto batch = store->NewBatch();
    batch->Delete(engine::kEntityTable, row);
    ASSERT_TRUE(store->Write(batch.get(), *store->position()).ok());
    ASSERT_TRUE(store->Flush().ok());
  }
  report = Verify(files_, kFolder, options);
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_FALSE(report->ok());
  EXPECT_NE(report->checkpoint_problem.find("its state is not"), std::string::npos)
      << report->checkpoint_problem;
}

TEST_F(VerifyTest, AnHonestJournalHasNoMismatchAndSaysWhetherItIsSealed) {
  const Digest live = engine_->state().Hash();
  engine_.reset();
  VerifyReport report = Report();
  EXPECT_TRUE(report.ok());
  EXPECT_FALSE(report.sealed);
  EXPECT_EQ(report.state_hash, live);
  EXPECT_EQ(report.events, 12u);
  EXPECT_EQ(report.decisions, 8u);
  EXPECT_EQ(report.mismatches, 0u);
  engine_ = engine::MustOpen(files_);
  ASSERT_TRUE(engine_->Close().ok());
  engine_.reset();
  files_.Freeze();
  uint64_t progress = 0;
  const auto again = Verify(files_, kFolder, {[&](uint64_t events) { progress = events; }});
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again->sealed);
  EXPECT_TRUE(again->StateMatches());
  EXPECT_TRUE(again->ok());
  EXPECT_EQ(again->sealed_hash, live);
  EXPECT_EQ(progress, 12u);
  EXPECT_FALSE(files_.changed_while_frozen()) << "verifying only reads";
}

TEST_F(VerifyTest, RewritingWithoutAChangeIsNoMismatch) {
  ASSERT_TRUE(engine_->Close().ok());
  engine_.reset();
  Rewrite([](Records*) {});
  const VerifyReport report = Report();
  EXPECT_TRUE(report.sealed);
  EXPECT_TRUE(report.ok());
}

TEST_F(VerifyTest, AnAlteredOutcomeIsFoundAndItsEventNamed) {
  Alter("o2", [](DecisionRecord* decision) { decision->outcome = "decline"; });
  const VerifyReport report = Report();
  EXPECT_FALSE(report.ok());
  ASSERT_EQ(report.mismatches, 2u) << "once from its own slots, once from the events";
  EXPECT_EQ(report.first[0].event, "o2");
  EXPECT_EQ(report.first[0].decision, DecisionRecord::IdFor(report.first[0].seq));
  EXPECT_NE(report.first[0].what.find("outcome: recorded decline, computed again review"),
            std::string::npos)
      << report.first[0].what;
}

TEST_F(VerifyTest, AnAlteredSlotIsFoundThoughTheDecisionFollowsFromIt) {
  Alter("o3", [](DecisionRecord* decision) {
    const auto slot = *pack::ShopPack()->decisions[0].slots.Find("buyer.payments.count_7d");
    for (record::SlotValue& value : decision->slots) {
      if (value.slot == slot) value.value = Value::Integer(value.value.integer() + 1);
    }
  });
  const VerifyReport report = Report();
  ASSERT_EQ(report.mismatches, 1u);
  EXPECT_EQ(report.first[0].event, "o3");
  EXPECT_EQ(report.first[0].what,
            "from the events before it: slot buyer.payments.count_7d: recorded 5, computed again "
            "4");
}

TEST_F(VerifyTest, EveryOtherAlteredPartOfADecisionIsFound) {
  const std::pair<const char*, std::function<void(DecisionRecord*)>> rows[] = {
      {"score", [](DecisionRecord* d) { d->score = *Decimal::Parse("1"); }},
      {"probability of default",
       [](DecisionRecord* d) { d->probability_of_default = *Decimal::Parse("0.5"); }},
      {"reasons", [](DecisionRecord* d) { d->reasons.push_back("LISTED"); }},
      {"limit", [](DecisionRecord* d) { d->limit->minor += 1; }},
      {"offer", [](DecisionRecord* d) { d->offer += "x"; }},
      {"matched rules", [](DecisionRecord* d) { d->matched_rules.pop_back(); }},
      {"path", [](DecisionRecord* d) { d->path = record::DecisionPath::kFallback; }},
      {"failure", [](DecisionRecord* d) { d->failure = "x"; }},
      {"slots", [](DecisionRecord* d) { d->slots.pop_back(); }},
      {"slot", [](DecisionRecord* d) { d->slots.back().slot = 4000; }},
      {"stored form", [](DecisionRecord* d) { d->artefacts.pop_back(); }},
      {"stored form", [](DecisionRecord* d) { d->time.ns += 1; }},
      {"decision", [](DecisionRecord* d) { d->decision = 1; }},
      {"decision", [](DecisionRecord* d) { d->decision = 77; }},
      {"does not have", [](DecisionRecord* d) { d->slots.back().value = Value::String("x"); }},
  };
  for (const auto& [what, change] : rows) {
    SCOPED_TRACE(what);
    // Each on a fresh journal.
    engine_.reset();
    files_ = journal::FaultFileSystem();
    SetUp();
    Alter("o4", change);
    ExpectFound("o4", what);
  }
}

TEST_F(VerifyTest, ADecisionOfAResumedEventIsCheckedToo) {
  engine_.reset();
  Rewrite([](Records* records) {
    Arena arena;
    for (std::string& bytes : *records) {
      auto any = record::DecodeRecord(bytes, &arena);
      auto* decision = std::get_if<DecisionRecord>(&*any);
      if (decision == nullptr || decision->parked_seq == Seq()) continue;
      decision->limit->minor *= 2;
      bytes.clear();
      record::EncodeDecision(*decision, &bytes);
    }
  });
  const VerifyReport report = Report();
  ASSERT_EQ(report.mismatches, 2u);
  EXPECT_NE(report.first[1].what.find("from the answer: the limit"), std::string::npos)
      << report.first[1].what;
}

TEST_F(VerifyTest, AMissingDecisionIsFound) {
  engine_.reset();
  Rewrite([](Records* records) {
    Arena arena;
    for (size_t i = 1; i < records->size(); ++i) {
      const auto before = record::DecodeRecord((*records)[i - 1], &arena);
      const auto* event = std::get_if<record::Event>(&*before);
      if (event != nullptr && event->id == "o1") records->erase(records->begin() + 1);
    }
  });
  ExpectFound("o1", "a decision was asked for, but none stands behind it");
}

TEST_F(VerifyTest, ADecisionThatNobodyAskedForIsFound) {
  engine_.reset();
  std::string decision;
  Rewrite([&](Records* records) {
    Arena arena;
    for (size_t i = 0; i < records->size(); ++i) {
      const auto any = record::DecodeRecord((*records)[i], &arena);
      if (std::holds_alternative<DecisionRecord>(*any)) decision = (*records)[i];
      const auto* event = std::get_if<record::Event>(&*any);
      if (event == nullptr || event->id != "p3") continue;
      auto forged = *record::DecodeDecision(decision);
      forged.seq = event->seq;
      forged.time = event->time;
      std::string bytes;
      record::EncodeDecision(forged, &bytes);
      records->push_back(bytes);
      break;
    }
  });
  ExpectFound("p3", "no event or answer before it asks for it");
}

TEST_F(VerifyTest, AnAlteredEventIsFoundByItsDigestAndByTheFeaturesAfterIt) {
  ASSERT_TRUE(engine_->Close().ok());
  engine_.reset();
  Rewrite([](Records* records) {
    Arena arena;
    for (std::string& bytes : *records) {
      const std::string copy = bytes;
      auto any = record::DecodeRecord(copy, &arena);
      auto* event = std::get_if<record::Event>(&*any);
      if (event == nullptr || event->id != "o1") continue;
      const auto fields = arena.NewArray<Value>(event->fields.size());
      std::copy(event->fields.begin(), event->fields.end(), fields.begin());
      fields[2] = engine::Yuan(39'000);
      event->fields = fields;
      bytes.clear();
      record::EncodeEvent(*event, &bytes);
    }
  });
  ExpectFound("o1", "the content that its digest names");
  const VerifyReport report = Report();
  EXPECT_TRUE(report.sealed);
  EXPECT_FALSE(report.StateMatches()) << "the seal names the state of the honest journal";
  std::string events;
  for (const Mismatch& mismatch : report.first) events += mismatch.event + " ";
  EXPECT_NE(events.find("o2"), std::string::npos) << events;
}

TEST_F(VerifyTest, ASealWithAnotherHashIsFound) {
  engine_.reset();
  {
    const auto journal = journal::Journal::Open(files_, kFolder + "/journal");
    ASSERT_TRUE(journal.ok());
    std::string seal(1, static_cast<char>(DigestId::kSha256));
    seal += Sha256("another state").view();
    ASSERT_TRUE((*journal)->Seal(seal).ok());
  }
  const VerifyReport report = Report();
  EXPECT_EQ(report.mismatches, 0u);
  EXPECT_TRUE(report.sealed);
  EXPECT_FALSE(report.StateMatches());
  EXPECT_FALSE(report.ok());
  engine_ = engine::MustOpen(files_);
  EXPECT_TRUE(engine_->opened().sealed);
  EXPECT_FALSE(engine_->opened().state_matches_seal);
}

TEST_F(VerifyTest, OneDecisionIsFoundWithItsEventAndExplained) {
  const Seq seq = Send(Order("x", At(200), 100'000)).seq;
  engine_.reset();
  const auto found = FindDecision(files_, kFolder, seq);
  ASSERT_TRUE(found.ok()) << found.status().ToString();
  EXPECT_EQ(found->event_id, "x");
  EXPECT_EQ(found->event_source, "shop");
  EXPECT_EQ(found->stamp, At(200));
  EXPECT_EQ(found->record.seq, seq);
  EXPECT_EQ(found->pack->name, "shop");
  std::string steps;
  for (const auto& step : found->explanation.steps) steps += step.what + "\n";
  for (const char* what : {"derived burst", "model order_score", "decision verdict", "table in"}) {
    EXPECT_NE(steps.find(what), std::string::npos) << what << " in\n" << steps;
  }
  EXPECT_EQ(FindDecision(files_, kFolder, Seq(2)).status().code(), StatusCode::kNotFound)
      << "a payment decides nothing";
  EXPECT_EQ(FindDecision(files_, kFolder, Seq(999)).status().code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace credence::study
