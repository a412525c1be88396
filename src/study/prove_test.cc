// Proofs and backups of a whole engine's store.

#include "src/study/prove.h"

#include <gtest/gtest.h>

#include "src/base/memory_file.h"
#include "src/engine/engine_testing.h"
#include "src/record/codec.h"
#include "src/study/backup.h"
#include "src/study/verify.h"

namespace credence::study {
namespace {

using engine::At;
using engine::kFolder;
using engine::ShopTest;
using journal::SecretKey;

class ProveTest : public ShopTest {
 protected:
  void SetUp() override {
    ShopTest::SetUp();
    for (int i = 0; i < 10; ++i) SendBoth(i);
  }
  void SendBoth(int i) {
    const std::string id = std::to_string(i);
    const Timestamp time = At(i * kNsPerHour);
    Send(Order("o" + id, time, 1'000 * (i + 1), "b1", "h1"));
    Send(Payment("p" + id, time, 700, "b1"));
  }
  const SecretKey key_ = *SecretKey::Make("shop.example/credence");
};

TEST_F(ProveTest, ADecisionIsProvenToWhoHasNothingButThePublicKey) {
  engine_.reset();
  const auto text = ProveRecord(files_, kFolder, ProveWhat::kDecision, Seq(4), key_);
  ASSERT_TRUE(text.ok()) << text.status().ToString();
  const auto proof = journal::ParseInclusion(*text);
  ASSERT_TRUE(proof.ok()) << proof.status().ToString();
  const auto proven = journal::CheckInclusion(*proof, key_.public_key);
  ASSERT_TRUE(proven.ok()) << proven.status().ToString();
  const auto decision = record::DecodeDecision(proven->records[proof->record]);
  ASSERT_TRUE(decision.ok());
  EXPECT_EQ(decision->seq, Seq(4));
  EXPECT_EQ(decision->outcome, FindDecision(files_, kFolder, Seq(4))->record.outcome);
  const auto event = ProveRecord(files_, kFolder, ProveWhat::kRecord, Seq(5), key_);
  ASSERT_TRUE(event.ok());
  EXPECT_TRUE(journal::CheckInclusion(*journal::ParseInclusion(*event), key_.public_key).ok());
  for (const uint64_t seq : {1u, 5u, 999u}) {
    EXPECT_EQ(ProveRecord(files_, kFolder, ProveWhat::kDecision, Seq(seq), key_).status().code(),
              StatusCode::kNotFound);
  }
}

TEST_F(ProveTest, AJournalThatGrewIsProvenFromAHeadOfBeforeAndAnotherIsNot) {
  const auto before = ProveHead(files_, kFolder, key_);
  ASSERT_TRUE(before.ok()) << before.status().ToString();
  for (int i = 10; i < 20; ++i) SendBoth(i);
  const auto text = ProveGrowth(files_, kFolder, *before, key_);
  ASSERT_TRUE(text.ok()) << text.status().ToString();
  const auto proven = journal::CheckConsistency(*journal::ParseConsistency(*text), key_.public_key);
  ASSERT_TRUE(proven.ok()) << proven.status().ToString();
  EXPECT_LT(proven->older.head.frames, proven->newer.head.frames);
  // The head of another journal, signed by the same key.
  journal::TreeHead other = proven->older;
  other.root.bytes[5] ^= 1;
  EXPECT_EQ(ProveGrowth(files_, kFolder, journal::SignHead(other, key_), key_).status().code(),
            StatusCode::kDataLoss);
  other = proven->newer;
  other.head.frames = 10'000;
  EXPECT_EQ(ProveGrowth(files_, kFolder, journal::SignHead(other, key_), key_).status().code(),
            StatusCode::kDataLoss);
  EXPECT_EQ(ProveGrowth(files_, kFolder, *before, *SecretKey::Make("other")).status().code(),
            StatusCode::kInvalidArgument);
}

TEST_F(ProveTest, WhatIsOnItsWayIsNotProvenWhileTheWriterIsThere) {
  const uint64_t frames = engine_->journal().head().frames;
  const auto head = ProveHead(files_, kFolder, key_);
  ASSERT_TRUE(head.ok());
  EXPECT_EQ(journal::OpenHead(*head, key_.public_key)->head.frames, frames - 1);
  engine_.reset();
  const auto left = ProveHead(files_, kFolder, key_);
  EXPECT_EQ(journal::OpenHead(*left, key_.public_key)->head.frames, frames);
}

// Backups are made in a file system that can rename folders.
class BackupTest : public testing::Test {
 protected:
  void Fill(int from, int to) {
    auto opened = engine::Engine::Open(files_, "store");
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    engine_ = std::move(*opened);
    if (engine_->pack() == nullptr) engine::MustActivate(*engine_, pack::ShopPack());
    Arena arena;
    for (int i = from; i < to; ++i) {
      const std::string id = "o" + std::to_string(i);
      const auto event = pack::MakeEvent(
          *engine_->pack(),
          {"payment.made",
           id,
           At(i),
           {{"buyer_id", record::Value::String("b1")}, {"amount", pack::Yuan(500 + i)}}},
          &arena);
      ASSERT_TRUE(engine_->Process({&event, 1}, engine::Arrival::kLive, At(i)).ok());
    }
  }

  MemoryFileSystem files_;
  std::unique_ptr<engine::Engine> engine_;
};

TEST_F(BackupTest, ARestoredStoreIsTheStoreThatWasBackedUp) {
  Fill(0, 30);
  const Digest hash = engine_->state().Hash();
  BackupOptions options;
  options.until_frame = engine_->journal().durable().frames;
  const auto backup = Backup(files_, "store", "safe/one", options);
  ASSERT_TRUE(backup.ok()) << backup.status().ToString();
  EXPECT_EQ(backup->state_hash, hash);
  engine_.reset();
  const auto restored = Restore(files_, "safe/one", "again");
  ASSERT_TRUE(restored.ok()) << restored.status().ToString();
  EXPECT_EQ(restored->state_hash, hash);
  const auto reopened = engine::Engine::Open(files_, "again");
  ASSERT_TRUE(reopened.ok()) << reopened.status().ToString();
  EXPECT_EQ((*reopened)->state().Hash(), hash);
  EXPECT_TRUE(Verify(files_, "again")->ok());
}

TEST_F(BackupTest, ABackupMadeWhileSomebodyWritesHoldsAPrefix) {
  Fill(0, 30);
  const uint64_t frames = engine_->journal().head().frames;
  const auto backup = Backup(files_, "store", "safe");
  ASSERT_TRUE(backup.ok()) << backup.status().ToString();
  EXPECT_EQ(backup->head.frames, frames - 1) << "the last frame may be on its way";
  engine_.reset();
  Fill(30, 40);
  engine_.reset();
  ASSERT_TRUE(Restore(files_, "safe", "again").ok());
  EXPECT_TRUE(Verify(files_, "again")->ok());
}

TEST_F(BackupTest, NothingIsOverwritten) {
  Fill(0, 3);
  engine_.reset();
  ASSERT_TRUE(Backup(files_, "store", "safe").ok());
  EXPECT_EQ(Backup(files_, "store", "safe").status().code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(Restore(files_, "safe", "store").status().code(), StatusCode::kAlreadyExists);
  ASSERT_TRUE(Restore(files_, "safe", "again").ok());
  EXPECT_EQ(Restore(files_, "safe", "again").status().code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(Restore(files_, "nothing", "other").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(Backup(files_, "nothing", "other").status().code(), StatusCode::kNotFound);
}

TEST_F(BackupTest, ADamagedBackupIsNotRestored) {
  Fill(0, 5);
  engine_.reset();
  ASSERT_TRUE(Backup(files_, "store", "safe").ok());
  int damaged = 0;
  for (const std::string folder : {"safe", "safe/journal", "safe/artefacts"}) {
    const auto names = files_.List(folder);
    for (const std::string& name : *names) {
      const std::string path = folder + "/" + name;
      const auto file = files_.Open(path, OpenMode::kReadWrite);
      if (!file.ok()) continue;  // a folder
      const uint64_t size = *(*file)->Size();
      for (const uint64_t at : {uint64_t{0}, size / 2, size - 1}) {
        std::string byte;
        ASSERT_TRUE((*file)->ReadAt(at, 1, &byte).ok());
        const std::string changed(1, static_cast<char>(byte[0] ^ 1));
        ASSERT_TRUE((*file)->WriteAt(at, changed).ok());
        const std::string target = "again" + std::to_string(++damaged);
        EXPECT_EQ(Restore(files_, "safe", target).status().code(), StatusCode::kDataLoss)
            << path << " byte " << at;
        EXPECT_FALSE(files_.Exists(target));
        ASSERT_TRUE((*file)->WriteAt(at, byte).ok());
      }
    }
  }
  EXPECT_GT(damaged, 20);
  EXPECT_TRUE(Restore(files_, "safe", "again").ok());
}

}  // namespace
}  // namespace credence::study
