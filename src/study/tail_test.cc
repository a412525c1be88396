#include "src/study/tail.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "src/base/random.h"
#include "src/engine/artefacts.h"
#include "src/engine/engine_testing.h"
#include "src/journal/journal.h"
#include "src/journal/posix_file.h"

namespace credence::study {
namespace {

using engine::At;
using engine::kFolder;
using record::DecisionRecord;

const std::string kJournal = "/data/journal";

// What a frame holds, for comparing.
struct Plain {
  uint64_t index = 0;
  uint64_t segment = 0;
  uint64_t offset = 0;
  uint64_t first_seq = 0;
  uint64_t last_seq = 0;
  std::string chain;
  std::vector<std::string> records;
  friend bool operator==(const Plain&, const Plain&) = default;
};

void AppendTo(const TailBatch& batch, std::vector<Plain>* frames) {
  for (const TailFrame& frame : batch.frames()) {
    frames->push_back({frame.index, frame.segment, frame.offset, frame.first_seq.value(),
                       frame.last_seq.value(), frame.chain.ToHex(),
                       std::vector<std::string>(frame.records.begin(), frame.records.end())});
  }
}

std::vector<Plain> ReadWhole(FileSystem& files, const std::string& folder) {
  std::vector<Plain> frames;
  const auto reader = journal::JournalReader::Open(files, folder);
  EXPECT_TRUE(reader.ok()) << reader.status().ToString();
  journal::FrameView view;
  while (*(*reader)->Next(&view)) {
    Plain frame{view.index,
                view.segment,
                view.offset,
                view.first_seq.value(),
                view.last_seq.value(),
                view.chain.ToHex(),
                {}};
    if (view.kind == journal::FrameKind::kBatch) {
      frame.records.assign(view.records.begin(), view.records.end());
    }
    frames.push_back(std::move(frame));
  }
  return frames;
}

journal::Options SmallSegments(journal::WriteAhead ahead) {
  journal::Options options;
  options.segment_bytes = 4'096;
  options.write_ahead = ahead;
  return options;
}

// Appends one frame of random records.
uint64_t Append(journal::Journal& journal, Random& random) {
  std::vector<std::string> records(1 + random.Below(3));
  for (std::string& record : records) {
    record = std::string(1 + random.Below(600), static_cast<char>(random.Below(3)));
  }
  const std::vector<std::string_view> views(records.begin(), records.end());
  const auto head = journal.Append(Seq(journal.head().last_seq.value() + records.size()), views);
  EXPECT_TRUE(head.ok()) << head.status().ToString();
  return head.ok() ? head->frames : 0;
}

std::atomic<uint64_t> bytes_read{0};
ssize_t CountedRead(int fd, void* out, size_t size, off_t offset) {
  const ssize_t read = journal::PosixCalls::Real().pread(fd, out, size, offset);
  if (read > 0) bytes_read += static_cast<uint64_t>(read);
  return read;
}

TEST(JournalTail, ReadsWhatIsNewAndNotTheRestOfASegmentThatIsWrittenAhead) {
  constexpr uint64_t kSegmentBytes = uint64_t{8} << 20;
  constexpr uint64_t kFrames = 40;
  journal::PosixCalls calls = journal::PosixCalls::Real();
  calls.pread = CountedRead;
  journal::PosixFileSystem files(calls);
  const auto folder =
      std::filesystem::path(testing::TempDir()) / ("tail_reads_" + std::to_string(::getpid()));
  std::filesystem::remove_all(folder);
  const std::string path = folder / "journal";
  ASSERT_TRUE(files.MakeFolders(path).ok());
  journal::Options options;
  options.segment_bytes = kSegmentBytes;
  options.write_ahead = journal::WriteAhead::kSegments;
  auto journal = journal::Journal::Open(files, path, options);
  ASSERT_TRUE(journal.ok()) << journal.status().ToString();
  Random random(1);
  auto tail = JournalTail::Open(files, path, {}, 0);
  ASSERT_TRUE(tail.ok()) << tail.status().ToString();
  bytes_read = 0;
  TailBatch batch;
  for (uint64_t i = 1; i <= kFrames; ++i) {
    const uint64_t durable = Append(**journal, random);
    ASSERT_TRUE((*tail)->Next(durable, &batch).ok());
    ASSERT_EQ(batch.frames().size(), 1U);
    // Nothing new: nothing to read.
    const uint64_t before = bytes_read;
    ASSERT_TRUE((*tail)->Next(durable, &batch).ok());
    ASSERT_EQ(batch.frames().size(), 0U);
    ASSERT_EQ(bytes_read, before);
  }
  EXPECT_LT(bytes_read, kFrames * kSegmentBytes / 16) << "a window for each, not the segment";
  journal->reset();
  std::filesystem::remove_all(folder);
}

TEST(JournalTail, FollowsBehindTheWriterAcrossSegmentsAlsoOnesThatAreWrittenAhead) {
  for (const journal::WriteAhead ahead :
       {journal::WriteAhead::kNone, journal::WriteAhead::kSegments}) {
    for (uint64_t seed = 1; seed <= 4; ++seed) {
      SCOPED_TRACE("seed " + std::to_string(seed));
      journal::FaultFileSystem files(seed);
      ASSERT_TRUE(files.MakeFolders(kJournal).ok());
      auto journal = journal::Journal::Open(files, kJournal, SmallSegments(ahead));
      ASSERT_TRUE(journal.ok()) << journal.status().ToString();
      Random random(seed);
      auto tail = JournalTail::Open(files, kJournal, {}, 0);
      ASSERT_TRUE(tail.ok()) << tail.status().ToString();
      std::vector<Plain> followed;
      TailBatch batch;
      for (int i = 0; i < 120; ++i) {
        const uint64_t frames = Append(**journal, random);
        if (random.OneIn(3)) continue;
        // The last frames may not be said to be durable yet.
        const uint64_t durable = frames - random.Below(std::min<uint64_t>(3, frames) + 1);
        ASSERT_TRUE((*tail)->Next(durable, &batch).ok());
        AppendTo(batch, &followed);
        ASSERT_EQ(followed.size(), std::max<uint64_t>(durable, followed.size()));
        if (random.OneIn(5)) {  // another follower goes on from there
          const TailPosition position = (*tail)->position();
          tail = JournalTail::Open(files, kJournal, position, std::max(position.frame, durable));
          ASSERT_TRUE(tail.ok()) << tail.status().ToString();
        }
      }
      ASSERT_TRUE((*journal)->Seal("sealed").ok());
      for (size_t before = followed.size() + 1; before != followed.size();) {
        before = followed.size();
        ASSERT_TRUE((*tail)->Next(kWholeJournal, &batch).ok());
        AppendTo(batch, &followed);
      }
      const std::vector<Plain> whole = ReadWhole(files, kJournal);
      EXPECT_GT(whole.back().segment, 5U);
      EXPECT_EQ(followed, whole);
      EXPECT_LT(followed.back().last_seq, followed.back().first_seq);
    }
  }
}

TEST(JournalTail, AFollowerOnItsOwnThreadMissesNothingAndStops) {
  const std::string folder = testing::TempDir() + "/tail_" + std::to_string(::getpid());
  journal::PosixFileSystem files;
  ASSERT_TRUE(files.MakeFolders(folder).ok());
  auto journal =
      journal::Journal::Open(files, folder, SmallSegments(journal::WriteAhead::kSegments));
  ASSERT_TRUE(journal.ok()) << journal.status().ToString();
  DurableHead head;
  std::vector<Plain> followed;
  Status failed;
  std::thread follower([&] {
    auto tail = JournalTail::Open(files, folder, {}, 0);
    failed = tail.status();
    TailBatch batch;
    while (failed.ok()) {
      const uint64_t durable = head.WaitBeyond((*tail)->position().frame);
      if (durable == 0) return;
      failed = (*tail)->Next(durable, &batch);
      AppendTo(batch, &followed);
      if (followed.size() == 150) head.Stop();
    }
  });
  Random random(5);
  for (int i = 0; i < 150; ++i) head.Publish(Append(**journal, random));
  follower.join();
  EXPECT_TRUE(failed.ok()) << failed.ToString();
  EXPECT_EQ(head.WaitBeyond(0), 0U);
  EXPECT_EQ(followed, ReadWhole(files, folder));
  std::filesystem::remove_all(folder);
}

TEST(JournalTail, APositionOfAnotherHistoryIsRefused) {
  journal::FaultFileSystem files;
  ASSERT_TRUE(files.MakeFolders(kJournal).ok());
  auto journal = journal::Journal::Open(files, kJournal, SmallSegments(journal::WriteAhead::kNone));
  Random random(6);
  for (int i = 0; i < 20; ++i) Append(**journal, random);
  const auto code = [&](const TailPosition& after, uint64_t durable) {
    return JournalTail::Open(files, kJournal, after, durable).status().code();
  };
  EXPECT_EQ(code({7, Sha256("another")}, 20), StatusCode::kDataLoss);
  EXPECT_EQ(code({21, Sha256("another")}, 20), StatusCode::kDataLoss);
  EXPECT_EQ(code({21, Sha256("another")}, kWholeJournal), StatusCode::kDataLoss);
  EXPECT_EQ(code({20, (*journal)->head().chain}, 20), StatusCode::kOk);
}

TEST(JournalTail, WhatIsRetiredIsNotFoundAndANewFollowerBeginsBehindIt) {
  journal::FaultFileSystem files;
  ASSERT_TRUE(files.MakeFolders(kJournal).ok());
  auto journal = journal::Journal::Open(files, kJournal, SmallSegments(journal::WriteAhead::kNone));
  Random random(7);
  for (int i = 0; i < 60; ++i) Append(**journal, random);
  const std::vector<Plain> before = ReadWhole(files, kJournal);
  const auto retired = (*journal)->Retire(40, 40);
  ASSERT_TRUE(retired.ok()) << retired.status().ToString();
  const uint64_t gone = retired->before.frames;
  ASSERT_GT(gone, 2U);
  EXPECT_EQ(JournalTail::Open(files, kJournal, {1, Sha256("x")}, 60).status().code(),
            StatusCode::kNotFound);
  EXPECT_TRUE(JournalTail::Open(files, kJournal, {gone, retired->before.chain}, 60).ok());
  auto tail = JournalTail::Open(files, kJournal, {}, 60);
  ASSERT_TRUE(tail.ok());
  TailBatch batch;
  ASSERT_TRUE((*tail)->Next(60, &batch).ok());
  ASSERT_FALSE(batch.frames().empty());
  EXPECT_EQ(batch.frames()[0].index, gone + 1);
  const Plain& first = before[0];
  EXPECT_EQ(ReadRecords(files, kJournal, {1, first.segment, first.offset}, Seq(1)).status().code(),
            StatusCode::kNotFound);
}

// ---- one record by its place

class ReadDecisionTest : public engine::ShopTest {
 protected:
  // Where each sequence stands.
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
    auto tail = JournalTail::Open(files_, kJournal, {}, kWholeJournal);
    ASSERT_TRUE(tail.ok());
    TailBatch batch;
    ASSERT_TRUE((*tail)->Next(kWholeJournal, &batch).ok());
    for (const TailFrame& frame : batch.frames()) {
      for (uint64_t seq = frame.first_seq.value(); seq <= frame.last_seq.value(); ++seq) {
        places_[seq] = {frame.index, frame.segment, frame.offset};
      }
    }
  }

  std::map<uint64_t, FramePlace> places_;
};

TEST_F(ReadDecisionTest, GivesWhatReadingTheWholeJournalGives) {
  const engine::ArtefactStore artefacts(files_, kFolder + "/artefacts");
  const PackSource packs = [&](const Digest& digest) {
    return engine::LoadStoredPack(artefacts, digest);
  };
  int found_count = 0;
  int resumed = 0;
  for (const auto& [seq, place] : places_) {
    const auto slow = FindDecision(files_, kFolder, Seq(seq));
    const Seq asked =
        slow.ok() && slow->record.parked_seq != Seq() ? slow->record.parked_seq : Seq(seq);
    const auto quick =
        ReadDecision(files_, kJournal, Seq(seq), place, places_.at(asked.value()), packs);
    ASSERT_EQ(quick.ok(), slow.ok()) << seq << " " << quick.status().ToString();
    if (!slow.ok()) {
      EXPECT_EQ(quick.status().code(), StatusCode::kNotFound);
      continue;
    }
    ++found_count;
    EXPECT_EQ(engine::Stored(quick->found.record), engine::Stored(slow->record));
    ASSERT_EQ(quick->found.explanation.steps.size(), slow->explanation.steps.size());
    for (size_t i = 0; i < slow->explanation.steps.size(); ++i) {
      EXPECT_EQ(quick->found.explanation.steps[i].value, slow->explanation.steps[i].value);
    }
    Arena arena;
    const auto event = record::DecodeEvent(quick->event, &arena);
    ASSERT_TRUE(event.ok());
    EXPECT_EQ(event->seq, asked);
    EXPECT_EQ(event->id, quick->found.event_id);
    if (asked == Seq(seq)) {
      EXPECT_EQ(quick->found.event_id, slow->event_id);
      EXPECT_EQ(quick->found.stamp, slow->stamp);
    } else {
      EXPECT_EQ(quick->found.event_id, "l1");
      ++resumed;
    }
  }
  EXPECT_EQ(found_count, 7);
  EXPECT_EQ(resumed, 1);
}

TEST_F(ReadDecisionTest, AWrongPlaceOrADamagedFrameIsNamed) {
  FramePlace place = places_.at(3);
  EXPECT_EQ(ReadRecords(files_, kJournal, place, Seq(99)).status().code(), StatusCode::kNotFound);
  place.offset += 64;
  EXPECT_EQ(ReadRecords(files_, kJournal, place, Seq(3)).status().code(), StatusCode::kDataLoss);
  place = places_.at(3);
  ++place.frame;
  EXPECT_EQ(ReadRecords(files_, kJournal, place, Seq(3)).status().code(), StatusCode::kDataLoss);
  place = places_.at(3);
  place.offset = uint64_t{1} << 40;
  EXPECT_EQ(ReadRecords(files_, kJournal, place, Seq(3)).status().code(), StatusCode::kDataLoss);
  place = places_.at(3);
  const std::string path = kJournal + "/" + journal::SegmentName(place.segment);
  std::string content = files_.Content(path);
  content[place.offset + journal::kFrameHeaderBytes + 3] ^= 1;
  files_.SetContent(path, content);
  const auto damaged = ReadRecords(files_, kJournal, place, Seq(3));
  EXPECT_EQ(damaged.status().code(), StatusCode::kDataLoss);
  EXPECT_NE(damaged.status().message().find("checksum"), std::string::npos);
}

TEST_F(ReadDecisionTest, TheJournalSaysWhichItIs) {
  const auto id = ReadJournalId(files_, kJournal);
  ASSERT_TRUE(id.ok()) << id.status().ToString();
  EXPECT_EQ(*id, engine_->journal().journal_id());
}

}  // namespace
}  // namespace credence::study
