#include "src/api/projector.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "src/engine/engine.h"
#include "src/journal/posix_file.h"
#include "src/pack/shop_testing.h"

namespace credence::api {
namespace {

using pack::EventText;
using pack::Yuan;
using record::Value;

constexpr std::chrono::minutes kLong{4};  // only a test that fails waits so long

// 2024-03-01T00:00:00Z
constexpr Timestamp kStart{1'709'251'200 * kNsPerSecond};

// A store on disk with the shop pack, whose engine says what is durable.
class ProjectorTest : public testing::Test {
 protected:
  ProjectorTest()
      : store_((std::filesystem::path(testing::TempDir()) /
                ("projector_" + std::to_string(::getpid()) + "_" +
                 testing::UnitTest::GetInstance()->current_test_info()->name()))
                   .string()) {
    std::filesystem::remove_all(store_);
  }
  ~ProjectorTest() override { std::filesystem::remove_all(store_); }

  void SetUp() override {
    engine::Options options;
    options.journal.segment_bytes = 16'384;
    options.journal.write_ahead = journal::WriteAhead::kSegments;
    auto engine = engine::Engine::Open(files_, store_, options);
    ASSERT_TRUE(engine.ok()) << engine.status().ToString();
    engine_ = std::move(*engine);
    const Status active = engine_->Activate(pack::ShopPack(), "ann", "bob", kStart);
    ASSERT_TRUE(active.ok()) << active.ToString();
  }

  // One event alone; its sequence. Every third is an order, which asks for a decision.
  Seq Send() {
    ++sent_;
    const Timestamp time{kStart.ns + sent_ * kNsPerSecond};
    const std::string id = "e" + std::to_string(sent_);
    const std::string buyer = "b" + std::to_string(sent_ % 7);
    EventText text;
    if (sent_ % 3 == 0) {
      text = {"order.placed",
              id,
              time,
              {{"buyer_id", Value::String(buyer)},
               {"host_id", Value::String("h1")},
               {"amount", Yuan(40'000)},
               {"goods", Value::String("food")}}};
    } else {
      text = {
          "payment.made", id, time, {{"buyer_id", Value::String(buyer)}, {"amount", Yuan(5'000)}}};
    }
    arena_.Reset();
    const record::Event event = pack::MakeEvent(*engine_->pack(), text, &arena_);
    const auto outcomes = engine_->Process({&event, 1}, engine::Arrival::kLive, time);
    EXPECT_TRUE(outcomes.ok()) << outcomes.status().ToString();
    head_.Publish(Durable());
    return outcomes.ok() ? outcomes->at(0).seq : Seq();
  }

  [[nodiscard]] uint64_t Durable() const { return engine_->journal().durable().frames; }

  std::unique_ptr<Projector> MustOpen(const ProjectorOptions& options = {}) {
    auto projector = Projector::Open(files_, store_, Durable(), options);
    EXPECT_TRUE(projector.ok()) << projector.status().ToString();
    return projector.ok() ? std::move(*projector) : nullptr;
  }

  static ProjectorOptions Fast() {
    ProjectorOptions options;
    options.interval = std::chrono::milliseconds(0);
    return options;
  }

  std::string store_;
  journal::PosixFileSystem files_;
  std::unique_ptr<engine::Engine> engine_;
  study::DurableHead head_;
  Arena arena_;
  int64_t sent_ = 0;
};

TEST_F(ProjectorTest, FollowsTheEngineAndEachDecisionIsFoundInItsPlace) {
  const auto projector = MustOpen(Fast());
  projector->Start(&head_);
  Seq last;
  for (int i = 0; i < 120; ++i) last = Send();
  ASSERT_TRUE(projector->WaitFor(last, kLong)) << projector->status().ToString();
  EXPECT_EQ(projector->folded().frame, Durable());

  const auto readers = projection::Readers::Open(ReadModelPath(store_));
  ASSERT_TRUE(readers.ok());
  projection::DecisionFilter filter;
  filter.entity = projection::EntityKey{"buyer", "b3", false};
  const auto page = (*readers)->Decisions(filter, {});
  ASSERT_TRUE(page.ok()) << page.status().ToString();
  EXPECT_EQ(page->rows.size(), 6U);
  EXPECT_EQ(page->as_of.seq, last);
  const auto packs = [this](const Digest&) -> Result<std::shared_ptr<const pack::Pack>> {
    return pack::ShopPack();
  };
  for (const projection::DecisionRow& row : page->rows) {
    const study::FramePlace place{row.place.frame, row.place.segment, row.place.offset};
    const auto stored =
        study::ReadDecision(files_, store_ + "/journal", row.seq, place, place, packs);
    ASSERT_TRUE(stored.ok()) << stored.status().ToString();
    EXPECT_EQ(stored->found.event_id, row.event.id);
    EXPECT_EQ(stored->found.record.outcome, row.outcome);
    EXPECT_EQ(stored->found.record.reasons, row.reasons);
    EXPECT_FALSE(stored->found.explanation.steps.empty());
  }
  head_.Stop();
  EXPECT_TRUE(projector->Finish().ok());
}

TEST_F(ProjectorTest, GoesOnWhereItEnded) {
  for (int i = 0; i < 10; ++i) Send();
  {
    const auto projector = MustOpen();
    ASSERT_TRUE(projector->CatchUp(Durable()).ok());
    EXPECT_EQ(projector->folded().seq, Seq(11));  // the activation is the first
    EXPECT_TRUE(projector->Finish().ok());
  }
  const Seq last = Send();
  const auto projector = MustOpen();
  EXPECT_EQ(projector->folded().seq, Seq(11));
  EXPECT_EQ(projector->remade(), "");
  ASSERT_TRUE(projector->CatchUp(Durable()).ok());
  EXPECT_EQ(projector->folded().seq, last);
}

TEST_F(ProjectorTest, AModelOfAnotherHistoryOfTheJournalIsBegunAnew) {
  for (int i = 0; i < 10; ++i) Send();
  {
    const auto projector = MustOpen();
    ASSERT_TRUE(projector->CatchUp(Durable()).ok());
    EXPECT_TRUE(projector->Finish().ok());
  }
  // The journal as it was before its last frames, as a restored backup is: the model is ahead.
  const auto projector = Projector::Open(files_, store_, Durable() - 3, {});
  ASSERT_TRUE(projector.ok()) << projector.status().ToString();
  EXPECT_NE((*projector)->remade(), "");
  EXPECT_EQ((*projector)->folded().frame, 0U);
  ASSERT_TRUE((*projector)->CatchUp(Durable() - 3).ok());
  EXPECT_EQ((*projector)->folded().frame, Durable() - 3);
}

TEST_F(ProjectorTest, AFileThatIsDamagedWhileItIsUsedIsRemadeAndReadersGoOn) {
  for (int i = 0; i < 300; ++i) Send();
  {
    const auto projector = MustOpen();
    ASSERT_TRUE(projector->CatchUp(Durable()).ok());
    EXPECT_TRUE(projector->Finish().ok());
  }
  const std::string path = ReadModelPath(store_);
  const auto size = std::filesystem::file_size(path);
  const auto readers = projection::Readers::Open(path);
  const auto projector = MustOpen(Fast());  // what it looks at on opening is whole
  {
    const auto file = files_.Open(path + ".copy", OpenMode::kCreateNew);
    ASSERT_TRUE(file.ok());
    const auto whole = ReadWholeFile(files_, path, size);
    ASSERT_TRUE(whole.ok());
    std::string damaged = *whole;
    std::fill(damaged.begin() + 4'096 * 2, damaged.end(), '\x5A');
    ASSERT_TRUE((*file)->WriteAt(0, damaged).ok());
  }
  std::filesystem::copy_file(path + ".copy", path,
                             std::filesystem::copy_options::overwrite_existing);
  projector->Start(&head_);
  const Seq last = Send();
  ASSERT_TRUE(projector->WaitFor(last, kLong)) << projector->status().ToString();
  EXPECT_NE(projector->remade(), "");
  const auto page = (*readers)->Decisions({}, {.limit = 500, .cursor = ""});
  ASSERT_TRUE(page.ok()) << page.status().ToString();
  EXPECT_EQ(page->rows.size(), 100U);
  EXPECT_EQ(page->as_of.seq, last);
  head_.Stop();
  EXPECT_TRUE(projector->Finish().ok());
}

TEST_F(ProjectorTest, OnlyOneFoldsIntoAFile) {
  const auto projector = MustOpen();
  EXPECT_EQ(Projector::Open(files_, store_, Durable(), {}).status().code(),
            StatusCode::kUnavailable);
}

}  // namespace
}  // namespace credence::api
