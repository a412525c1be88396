#include "src/journal/journal.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "src/base/bytes.h"
#include "src/journal/journal_test_util.h"
#include "src/journal/posix_file.h"

namespace credence::journal {
namespace {

const std::string kFolder = "/journal";

std::unique_ptr<Journal> MustOpen(FileSystem& files, const Options& options = {}) {
  auto journal = Journal::Open(files, kFolder, options);
  EXPECT_TRUE(journal.ok()) << journal.status().ToString();
  return journal.ok() ? std::move(*journal) : nullptr;
}

ChainHead MustAppend(Journal& journal, uint64_t sequences,
                     const std::vector<std::string>& records) {
  const auto head = AppendRecords(journal, sequences, records);
  EXPECT_TRUE(head.ok()) << head.status().ToString();
  return head.ok() ? *head : ChainHead();
}

TEST(Journal, WhatWasAppendedIsReadBackInOrder) {
  FaultFileSystem files;
  const auto journal = MustOpen(files);
  EXPECT_TRUE(journal->opened().created);
  MustAppend(*journal, 3, {"request", "", std::string(1000, 'f')});
  const ChainHead head = MustAppend(*journal, 0, {"facts alone"});
  EXPECT_EQ(head, journal->head());
  EXPECT_EQ(head.frames, 2u);
  EXPECT_EQ(head.last_seq, Seq(3));
  const Contents contents = ReadAll(files, kFolder);
  ASSERT_TRUE(contents.status.ok()) << contents.status.ToString();
  const std::vector<PlainFrame> expected = {
      {FrameKind::kBatch, 1, 1, 3, {"request", "", std::string(1000, 'f')}},
      {FrameKind::kBatch, 2, 4, 3, {"facts alone"}}};
  EXPECT_EQ(contents.frames, expected);
  EXPECT_EQ(contents.head, head);
  EXPECT_EQ(contents.tail.kind, TailKind::kClean);
}

// The bytes of the worked example in docs/formats/journal.md.
TEST(Journal, TheWorkedExampleOfTheDocumentHoldsByteForByte) {
  FaultFileSystem files;
  Options options;
  for (size_t i = 0; i < options.journal_id.size(); ++i) {
    options.journal_id[i] = static_cast<uint8_t>(i + 1);
  }
  const auto journal = MustOpen(files, options);
  MustAppend(*journal, 2, {"hello", "world!"});
  const std::string bytes = files.Content(kFolder + "/0000000001.journal");
  ASSERT_EQ(bytes.size(), 256u);
  EXPECT_EQ(ToHex(bytes),
            "4352444e4a524e4c010000000100000001000000000000000100000000000000"
            "00000000000000000102030405060708090a0b0c0d0e0f100000000000000000"
            "43dad97b19317e76dac87c0f7b46d5968ca887123f2dd46bd24a46f1d9c76483"
            "000000000000000000000000000000000000000000000000b9f46ec08d58a1a2"
            "4346524d01000000010000000000000001000000000000000200000000000000"
            "0d00000002000000000000000000000002fbbdf16c8685b9516810590552970b"
            "0568656c6c6f06776f726c642100000000000000000000000000000000000000"
            "2c7e1e8dfbb0136291947846887c8055036646f85d35179954a51a2beb9234ab");
}

TEST(Journal, EveryAppendIsOneWriteAndOneSync) {
  FaultFileSystem files;
  const auto journal = MustOpen(files);
  const uint64_t before = files.calls();
  MustAppend(*journal, 1, {"one", "two", "three"});
  EXPECT_EQ(files.calls() - before, 2u);
}

TEST(Journal, AFrameThatWouldEndBeyondTheSegmentBeginsANewOne) {
  FaultFileSystem files;
  Options options;
  options.segment_bytes = kSegmentBytesMin;
  const auto journal = MustOpen(files, options);
  std::vector<PlainFrame> expected;
  for (int i = 0; i < 20; ++i) {
    const std::vector<std::string> records = {std::string(static_cast<size_t>(i * 100), 'x')};
    expected.push_back(Expected(journal->head(), 1, records));
    MustAppend(*journal, 1, records);
  }
  EXPECT_GT(journal->segment_number(), 10u);
  const Contents contents = ReadAll(files, kFolder);
  EXPECT_TRUE(contents.status.ok()) << contents.status.ToString();
  EXPECT_EQ(contents.frames, expected);
}

TEST(Journal, TheChainDoesNotDependOnWhereSegmentsBegin) {
  ChainHead heads[2];
  for (int i = 0; i < 2; ++i) {
    FaultFileSystem files;
    Options options;
    options.segment_bytes = i == 0 ? kSegmentBytesMin : kSegmentBytesDefault;
    const auto journal = MustOpen(files, options);
    Random random(7);
    for (int n = 0; n < 30; ++n) MustAppend(*journal, 1, RandomRecords(random, 700));
    heads[i] = journal->head();
  }
  EXPECT_EQ(heads[0], heads[1]);
}

TEST(Journal, ReopeningContinuesTheChain) {
  FaultFileSystem files;
  ChainHead head;
  for (int i = 0; i < 5; ++i) {
    const auto journal = MustOpen(files);
    if (i > 0) {
      EXPECT_EQ(journal->head(), head);
    }
    EXPECT_FALSE(journal->opened().sealed);
    head = MustAppend(*journal, 1, {"run " + std::to_string(i)});
  }
  EXPECT_EQ(ReadAll(files, kFolder).frames.size(), 5u);
}

TEST(Journal, ASealIsKnownOnReopeningAndGoneAfterTheNextBatch) {
  FaultFileSystem files;
  {
    const auto journal = MustOpen(files);
    MustAppend(*journal, 4, {"a"});
    const auto sealed = journal->Seal("state hash");
    ASSERT_TRUE(sealed.ok());
    EXPECT_EQ(sealed->last_seq, Seq(4));
    EXPECT_EQ(AppendRecords(*journal, 1, {"b"}).status().code(), StatusCode::kUnavailable);
    EXPECT_EQ(journal->Seal("").status().code(), StatusCode::kUnavailable);
  }
  {
    const auto journal = MustOpen(files);
    EXPECT_TRUE(journal->opened().sealed);
    EXPECT_EQ(journal->opened().seal, "state hash");
    MustAppend(*journal, 1, {"b"});
  }
  const auto journal = MustOpen(files);
  EXPECT_FALSE(journal->opened().sealed);
  EXPECT_EQ(journal->opened().seal, "");
}

TEST(Journal, BadArgumentsAreRefusedAndLeaveTheJournalUsable) {
  FaultFileSystem files;
  const auto journal = MustOpen(files);
  MustAppend(*journal, 5, {"a"});
  const uint64_t calls = files.calls();
  EXPECT_EQ(journal->Append(Seq(6), {}).status().code(), StatusCode::kInvalidArgument);
  const std::string_view one = "x";
  EXPECT_EQ(journal->Append(Seq(4), std::span(&one, 1)).status().code(),
            StatusCode::kInvalidArgument);
  const std::vector<std::string_view> many(kRecordsPerFrameMax + 1, "x");
  EXPECT_EQ(journal->Append(Seq(6), many).status().code(), StatusCode::kInvalidArgument);
  const std::string big(kFrameBodyBytesMax, 'x');
  const std::string_view big_view = big;
  EXPECT_EQ(journal->Append(Seq(6), std::span(&big_view, 1)).status().code(),
            StatusCode::kOutOfRange);
  EXPECT_EQ(journal->Seal(std::string(kSealBytesMax + 1, 's')).status().code(),
            StatusCode::kOutOfRange);
  EXPECT_EQ(files.calls(), calls);
  MustAppend(*journal, 1, {"b"});
}

TEST(Journal, TheLargestFrameIsWrittenAndRead) {
  FaultFileSystem files;
  const auto journal = MustOpen(files);
  const std::vector<std::string> records = {std::string(kFrameBodyBytesMax - 4, 'x')};
  const PlainFrame expected = Expected(journal->head(), 1, records);
  MustAppend(*journal, 1, records);
  const Contents contents = ReadAll(files, kFolder);
  ASSERT_EQ(contents.frames.size(), 1u);
  EXPECT_TRUE(contents.frames[0] == expected);
}

TEST(Journal, AfterAFailedWriteOrSyncEverythingIsRefusedUntilReopened) {
  for (const uint64_t call : {1u, 2u}) {
    FaultFileSystem files;
    {
      const auto journal = MustOpen(files);
      MustAppend(*journal, 1, {"a"});
      files.set_fault({files.calls() + call, FaultKind::kError});
      EXPECT_EQ(AppendRecords(*journal, 1, {"b"}).status().code(), StatusCode::kIoError);
      EXPECT_EQ(AppendRecords(*journal, 1, {"c"}).status().code(), StatusCode::kUnavailable);
      EXPECT_EQ(journal->Seal("").status().code(), StatusCode::kUnavailable);
      EXPECT_EQ(journal->head().frames, 1u);
    }
    const auto journal = MustOpen(files);
    MustAppend(*journal, 1, {"d"});
    EXPECT_EQ(ReadAll(files, kFolder).frames.back().records, std::vector<std::string>{"d"});
  }
}

TEST(Journal, AFullDiskStopsItAndReopeningGoesOnWhenThereIsRoom) {
  FaultFileSystem files;
  {
    const auto journal = MustOpen(files);
    MustAppend(*journal, 1, {"a"});
    files.set_bytes_max(300);
    EXPECT_EQ(AppendRecords(*journal, 1, {"b"}).status().code(), StatusCode::kResourceExhausted);
    EXPECT_EQ(AppendRecords(*journal, 1, {"b"}).status().code(), StatusCode::kUnavailable);
  }
  files.set_bytes_max(UINT64_MAX);
  const auto journal = MustOpen(files);
  EXPECT_EQ(journal->head().frames, 1u);
  MustAppend(*journal, 1, {"b"});
}

TEST(Journal, AStagedFrameTouchesNoFileUntilItIsSynced) {
  FaultFileSystem files;
  const auto journal = MustOpen(files);
  const ChainHead before = journal->head();
  const uint64_t calls = files.calls();
  const std::string_view one = "one";
  for (uint64_t seq = 1; seq <= 3; ++seq) {
    const auto head = journal->Stage(Seq(seq), std::span(&one, 1));
    ASSERT_TRUE(head.ok());
    EXPECT_EQ(head->frames, seq);
    EXPECT_EQ(journal->head(), *head);
  }
  EXPECT_EQ(files.calls(), calls);
  EXPECT_EQ(journal->durable(), before);
  EXPECT_TRUE(ReadAll(files, kFolder).frames.empty());
  const uint64_t before_sync = files.calls();
  const auto durable = journal->Sync();
  ASSERT_TRUE(durable.ok()) << durable.status().ToString();
  EXPECT_EQ(files.calls() - before_sync, 6u) << "a write and a sync each";
  EXPECT_EQ(*durable, journal->head());
  EXPECT_EQ(journal->durable(), *durable);
  files.Crash(CrashKind::kDropUnsynced);
  EXPECT_EQ(ReadAll(files, kFolder).head, *durable);
}

TEST(Journal, StagedFramesAreTheFramesThatAppendingMakes) {
  ChainHead heads[2];
  std::vector<PlainFrame> frames[2];
  for (int i = 0; i < 2; ++i) {
    FaultFileSystem files;
    Options options;
    options.segment_bytes = 2048;
    options.write_ahead = i == 0 ? WriteAhead::kNone : WriteAhead::kSegments;
    const auto journal = MustOpen(files, options);
    Random random(11);
    for (int n = 0; n < 40; ++n) {
      const auto records = RandomRecords(random, 700);
      const std::vector<std::string_view> views(records.begin(), records.end());
      ASSERT_TRUE(journal->Stage(journal->head().last_seq.Next(), views).ok());
      if (i == 0 || n % 3 == 2) {
        ASSERT_TRUE(journal->Sync().ok());
      }
    }
    ASSERT_TRUE(journal->Sync().ok());
    heads[i] = journal->durable();
    frames[i] = ReadAll(files, kFolder).frames;
  }
  EXPECT_EQ(heads[0], heads[1]);
  EXPECT_EQ(frames[0], frames[1]);
  EXPECT_EQ(frames[0].size(), 40u);
}

TEST(Journal, AFailedSyncRefusesEverythingStagedBehindIt) {
  for (uint64_t call = 1; call <= 4; ++call) {
    FaultFileSystem files;
    const auto journal = MustOpen(files);
    MustAppend(*journal, 1, {"a"});
    const std::string_view one = "b";
    ASSERT_TRUE(journal->Stage(Seq(2), std::span(&one, 1)).ok());
    ASSERT_TRUE(journal->Stage(Seq(3), std::span(&one, 1)).ok());
    files.set_fault({files.calls() + call, FaultKind::kError});
    EXPECT_EQ(journal->Sync().status().code(), StatusCode::kIoError);
    EXPECT_EQ(journal->status().code(), StatusCode::kUnavailable);
    EXPECT_EQ(journal->Sync().status().code(), StatusCode::kUnavailable);
    EXPECT_EQ(journal->Stage(Seq(4), std::span(&one, 1)).status().code(), StatusCode::kUnavailable);
    EXPECT_EQ(journal->PrepareNext().status().code(), StatusCode::kOk);
    EXPECT_EQ(journal->durable().frames, call <= 2 ? 1u : 2u);
    EXPECT_EQ(journal->head(), journal->durable());
  }
}

TEST(Journal, MoreStagedFramesThanMayBeAreRefusedAndLeaveTheJournalUsable) {
  FaultFileSystem files;
  const auto journal = MustOpen(files);
  const std::string_view one = "x";
  for (size_t i = 1; i <= kStagedFramesMax; ++i) {
    ASSERT_TRUE(journal->Stage(Seq(i), std::span(&one, 1)).ok());
  }
  EXPECT_EQ(journal->Stage(Seq(1000), std::span(&one, 1)).status().code(), StatusCode::kOutOfRange);
  ASSERT_TRUE(journal->Sync().ok());
  MustAppend(*journal, 1, {"y"});
  EXPECT_EQ(ReadAll(files, kFolder).frames.size(), kStagedFramesMax + 1);
}

Options Ahead(uint64_t segment_bytes = 4096) {
  Options options;
  options.segment_bytes = segment_bytes;
  options.write_ahead = WriteAhead::kSegments;
  return options;
}

TEST(Journal, ASegmentWrittenAheadHasItsSizeFromTheStart) {
  FaultFileSystem files;
  const auto journal = MustOpen(files, Ahead());
  for (int i = 0; i < 40; ++i) {
    MustAppend(*journal, 1, {std::string(300, 'a')});
    EXPECT_EQ(files.Content(kFolder + "/" + SegmentName(journal->segment_number())).size(), 4096u);
  }
  EXPECT_GT(journal->segment_number(), 3u);
  EXPECT_EQ(ReadAll(files, kFolder).frames.size(), 40u);
  EXPECT_EQ(ReadAll(files, kFolder).tail.kind, TailKind::kClean);
}

TEST(Journal, APreparedSegmentSparesTheAppendItsWriting) {
  FaultFileSystem files;
  const auto journal = MustOpen(files, Ahead(3 * kAheadStepBytes));
  uint64_t steps = 0;
  for (;; ++steps) {
    const auto ready = journal->PrepareNext();
    ASSERT_TRUE(ready.ok());
    if (*ready) break;
  }
  EXPECT_EQ(steps, 2u);
  while (journal->segment_bytes() + 500'200 < 3 * kAheadStepBytes) {
    MustAppend(*journal, 1, {std::string(500'000, 'a')});
  }
  const uint64_t calls = files.calls();
  MustAppend(*journal, 1, {std::string(500'000, 'b')});
  EXPECT_EQ(journal->segment_number(), 2u);
  EXPECT_EQ(files.calls() - calls, 6u) << "header, sync, name, folder; frame, sync";
}

TEST(Journal, ASealTakesTheZerosAway) {
  FaultFileSystem files;
  {
    const auto journal = MustOpen(files, Ahead());
    MustAppend(*journal, 1, {"a"});
    ASSERT_TRUE(*journal->PrepareNext());
    ASSERT_TRUE(journal->Seal("s").ok());
    EXPECT_EQ(files.Content(kFolder + "/" + SegmentName(1)).size(), journal->segment_bytes());
    EXPECT_EQ(files.List(kFolder)->size(), 1u);
  }
  const auto journal = MustOpen(files, Ahead());
  EXPECT_TRUE(journal->opened().sealed);
  EXPECT_EQ(files.Content(kFolder + "/" + SegmentName(1)).size(), 4096u);
  MustAppend(*journal, 1, {"b"});
  EXPECT_EQ(ReadAll(files, kFolder).frames.size(), 3u);
}

TEST(Journal, WhatAnEarlierWriterPreparedIsMadeAnew) {
  FaultFileSystem files;
  {
    const auto journal = MustOpen(files, Ahead());
    ASSERT_TRUE(*journal->PrepareNext());
  }
  files.SetContent(kFolder + "/" + SegmentName(2) + ".ahead", std::string(4096, 'x'));
  const auto journal = MustOpen(files, Ahead());
  for (int i = 0; i < 30; ++i) MustAppend(*journal, 1, {std::string(300, 'a')});
  EXPECT_EQ(ReadAll(files, kFolder).frames.size(), 30u);
}

// New work is refused while there is no room for the segment after this one; nothing is lost, and
// it goes on without being opened again.
TEST(Journal, AFullDiskRefusesNewWorkBeforeAnythingIsAtStakeAndGoesOnByItself) {
  FaultFileSystem files;
  const auto journal = MustOpen(files, Ahead());
  MustAppend(*journal, 1, {"a"});
  const uint64_t room = 4096;
  files.set_bytes_max(room + 2000);
  uint64_t accepted = 1;
  for (; accepted < 100; ++accepted) {
    const Status room_made = journal->MakeRoom(400);
    if (!room_made.ok()) {
      EXPECT_EQ(room_made.code(), StatusCode::kResourceExhausted);
      EXPECT_NE(room_made.message().find("the disk is full"), std::string::npos);
      break;
    }
    MustAppend(*journal, 1, {std::string(300, 'b')});
  }
  EXPECT_GT(accepted, 8u) << "the segment that is there takes all it has room for";
  EXPECT_LT(accepted, 100u);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(journal->MakeRoom(400).code(), StatusCode::kResourceExhausted);
    EXPECT_EQ(journal->PrepareNext().status().code(), StatusCode::kResourceExhausted);
    // Who did not ask is refused all the same, with nothing done.
    EXPECT_EQ(AppendRecords(*journal, 1, {std::string(900, 'c')}).status().code(),
              StatusCode::kResourceExhausted);
    EXPECT_TRUE(journal->status().ok());
  }
  files.set_bytes_max(3 * room);
  EXPECT_TRUE(journal->MakeRoom(400).ok());
  MustAppend(*journal, 1, {std::string(300, 'd')});
  files.Crash(CrashKind::kDropUnsynced);
  EXPECT_EQ(ReadAll(files, kFolder).frames.size(), accepted + 1);
}

TEST(Journal, AFullDiskDoesNotKeepAJournalFromBeingOpened) {
  FaultFileSystem files;
  {
    const auto journal = MustOpen(files, Ahead());
    MustAppend(*journal, 1, {"a"});
    ASSERT_TRUE(journal->Seal("s").ok());
  }
  files.set_bytes_max(1000);
  const auto journal = MustOpen(files, Ahead());
  EXPECT_EQ(journal->MakeRoom(100).code(), StatusCode::kResourceExhausted);
  files.set_bytes_max(UINT64_MAX);
  EXPECT_TRUE(journal->MakeRoom(100).ok());
  MustAppend(*journal, 1, {"b"});
}

TEST(Journal, AnErrorWhileWritingAheadStopsIt) {
  FaultFileSystem files;
  const auto journal = MustOpen(files, Ahead());
  MustAppend(*journal, 1, {"a"});
  files.set_fault({files.calls() + 3, FaultKind::kError});
  EXPECT_EQ(journal->PrepareNext().status().code(), StatusCode::kIoError);
  EXPECT_EQ(AppendRecords(*journal, 1, {"b"}).status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(ReadAll(files, kFolder).frames.size(), 1u);
}

// One thread stages, one syncs, one asks for room, one writes ahead: what is said to be durable is
// on the disk.
TEST(Journal, StagesWhileAnotherThreadSyncsAndAThirdWritesAhead) {
  const std::string folder = testing::TempDir() + "journal_threads_" + std::to_string(::getpid());
  std::filesystem::remove_all(folder);
  PosixFileSystem files;
  Options options;
  options.segment_bytes = 16'384;
  options.write_ahead = WriteAhead::kSegments;
  options.own_ahead_thread = true;
  auto opened = Journal::Open(files, folder, options);
  ASSERT_TRUE(opened.ok()) << opened.status().ToString();
  Journal& journal = **opened;
  constexpr uint64_t kFrames = 1000;
  std::atomic<bool> done = false;
  std::thread asker([&] {
    while (!done) {
      EXPECT_TRUE(journal.MakeRoom(2000).ok());
      EXPECT_LE(journal.durable().frames, kFrames);
    }
  });
  std::thread syncer([&] {
    while (journal.durable().frames < kFrames) EXPECT_TRUE(journal.Sync().ok());
  });
  Random random(3);
  std::vector<PlainFrame> expected;
  while (journal.head().frames < kFrames) {
    const auto records = RandomRecords(random, 300);
    const std::vector<std::string_view> views(records.begin(), records.end());
    const PlainFrame frame = Expected(journal.head(), 1, records);
    const auto head = journal.Stage(journal.head().last_seq.Next(), views);
    if (head.status().code() == StatusCode::kOutOfRange) continue;  // the other is behind
    EXPECT_TRUE(head.ok()) << head.status().ToString();
    expected.push_back(frame);
  }
  syncer.join();
  done = true;
  asker.join();
  const ChainHead head = journal.head();
  EXPECT_EQ(journal.durable(), head);
  opened->reset();
  const Contents contents = ReadAll(files, folder);
  EXPECT_TRUE(contents.status.ok()) << contents.status.ToString();
  EXPECT_EQ(contents.head, head);
  EXPECT_TRUE(contents.frames == expected);
  std::filesystem::remove_all(folder);
}

TEST(Journal, OnlyOneWriterMayHaveIt) {
  FaultFileSystem files;
  auto first = MustOpen(files);
  const auto second = Journal::Open(files, kFolder);
  EXPECT_EQ(second.status().code(), StatusCode::kUnavailable);
  first.reset();
  EXPECT_TRUE(Journal::Open(files, kFolder).ok());
}

TEST(Journal, AnotherJournalsIdIsRefused) {
  FaultFileSystem files;
  Options options;
  options.journal_id = {1};
  MustAppend(*MustOpen(files, options), 1, {"a"});
  options.journal_id = {2};
  EXPECT_EQ(Journal::Open(files, kFolder, options).status().code(), StatusCode::kInvalidArgument);
}

TEST(Journal, AKnownHeadThatTheJournalLacksIsDataLoss) {
  FaultFileSystem files;
  Options options;
  options.segment_bytes = kSegmentBytesMin;
  std::vector<ChainHead> heads;
  {
    const auto journal = MustOpen(files, options);
    for (int i = 0; i < 12; ++i) heads.push_back(MustAppend(*journal, 1, {std::string(300, 'a')}));
  }
  for (const ChainHead& head : heads) {
    Options known = options;
    known.must_hold = head;
    known.verify_from_frame = head.frames + 1;
    EXPECT_TRUE(Journal::Open(files, kFolder, known).ok());
    known.must_hold->chain.bytes[0] ^= 1;
    EXPECT_EQ(Journal::Open(files, kFolder, known).status().code(), StatusCode::kDataLoss);
  }
  Options beyond = options;
  beyond.must_hold = heads.back();
  beyond.must_hold->frames += 1;
  EXPECT_EQ(Journal::Open(files, kFolder, beyond).status().code(), StatusCode::kDataLoss);
}

TEST(Journal, OpeningFoldsTheFramesThatAreAskedFor) {
  FaultFileSystem files;
  Options options;
  options.segment_bytes = kSegmentBytesMin;
  {
    const auto journal = MustOpen(files, options);
    for (int i = 0; i < 12; ++i) MustAppend(*journal, 1, {std::string(300, 'a')});
  }
  std::vector<uint64_t> seen;
  options.verify_from_frame = 8;
  options.on_frame = [&seen](const FrameView& frame) {
    seen.push_back(frame.index);
    return OkStatus();
  };
  MustOpen(files, options);
  EXPECT_EQ(seen, (std::vector<uint64_t>{8, 9, 10, 11, 12}));
  options.on_frame = [](const FrameView&) { return Internal("no"); };
  EXPECT_EQ(Journal::Open(files, kFolder, options).status().code(), StatusCode::kInternal);
}

TEST(JournalReader, StartsAtAnyFrameOrSequence) {
  FaultFileSystem files;
  Options options;
  options.segment_bytes = 2048;
  const auto journal = MustOpen(files, options);
  for (int i = 0; i < 40; ++i) MustAppend(*journal, 3, {std::string(100, 'a')});
  for (uint64_t from = 0; from <= 42; ++from) {
    ReadOptions read;
    read.from_frame = from;
    const Contents contents = ReadAll(files, kFolder, read);
    ASSERT_TRUE(contents.status.ok());
    ASSERT_EQ(contents.frames.size(), from > 40 ? 0 : 41 - std::max<uint64_t>(from, 1));
    if (!contents.frames.empty()) {
      EXPECT_EQ(contents.frames[0].index, std::max<uint64_t>(from, 1));
    }
    EXPECT_EQ(contents.head, journal->head());
  }
  for (uint64_t seq = 1; seq <= 120; ++seq) {
    ReadOptions read;
    read.from_seq = Seq(seq);
    const Contents contents = ReadAll(files, kFolder, read);
    ASSERT_FALSE(contents.frames.empty());
    EXPECT_LE(contents.frames[0].first_seq, seq);
    EXPECT_GE(contents.frames[0].last_seq, seq);
  }
}

TEST(JournalReader, FollowsALiveWriterUpToTheDurableFrame) {
  FaultFileSystem files;
  Options options;
  options.segment_bytes = kSegmentBytesMin;
  const auto journal = MustOpen(files, options);
  const auto opened = JournalReader::Open(files, kFolder);
  ASSERT_TRUE(opened.ok());
  JournalReader& reader = **opened;
  uint64_t read = 0;
  for (uint64_t i = 1; i <= 30; ++i) {
    MustAppend(*journal, 1, {std::string(200, 'a')});
    if (i % 3 != 0) continue;
    reader.set_until_frame(i - 1);
    FrameView frame;
    for (;;) {
      const auto more = reader.Next(&frame);
      ASSERT_TRUE(more.ok()) << more.status().ToString();
      if (!*more) break;
      EXPECT_EQ(frame.index, ++read);
    }
    EXPECT_EQ(read, i - 1);
  }
}

TEST(JournalReader, NeverWritesNorCutsAndReportsAnUnfinishedTail) {
  FaultFileSystem files;
  MustAppend(*MustOpen(files), 1, {"a"});
  const std::string path = kFolder + "/" + SegmentName(1);
  std::string bytes = files.Content(path);
  const uint64_t end = bytes.size();
  files.SetContent(path, bytes + bytes.substr(kSegmentHeaderBytes, 40));
  files.Freeze();
  const auto inspection = Inspect(files, kFolder);
  ASSERT_TRUE(inspection.ok());
  EXPECT_EQ(inspection->frames, 1u);
  EXPECT_EQ(inspection->records, 1u);
  EXPECT_EQ(inspection->tail.kind, TailKind::kUnfinishedFrame);
  EXPECT_EQ(inspection->tail.segment, 1u);
  EXPECT_EQ(inspection->tail.offset, end);
  EXPECT_EQ(inspection->tail.bytes, 40u);
  EXPECT_FALSE(files.changed_while_frozen());
  EXPECT_EQ(files.Content(path).size(), end + 40);
}

TEST(JournalReader, ZerosAfterTheLastFrameAreASegmentWrittenAhead) {
  FaultFileSystem files;
  MustAppend(*MustOpen(files), 1, {"a"});
  const std::string path = kFolder + "/" + SegmentName(1);
  files.SetContent(path, files.Content(path) + std::string(100'000, '\0'));
  EXPECT_EQ(ReadAll(files, kFolder).tail.kind, TailKind::kClean);
  const auto journal = MustOpen(files);
  EXPECT_EQ(journal->opened().cut.kind, TailKind::kClean);
  MustAppend(*journal, 1, {"b"});
  EXPECT_EQ(ReadAll(files, kFolder).frames.size(), 2u);
}

TEST(JournalReader, AnEmptyFolderHoldsNoJournal) {
  FaultFileSystem files;
  ASSERT_TRUE(files.MakeFolders(kFolder).ok());
  EXPECT_EQ(JournalReader::Open(files, kFolder).status().code(), StatusCode::kNotFound);
}

TEST(JournalReader, AMissingSegmentIsNamed) {
  FaultFileSystem files;
  Options options;
  options.segment_bytes = kSegmentBytesMin;
  {
    const auto journal = MustOpen(files, options);
    for (int i = 0; i < 12; ++i) MustAppend(*journal, 1, {std::string(600, 'a')});
  }
  ASSERT_TRUE(files.Remove(kFolder + "/" + SegmentName(3)).ok());
  const Status status = Journal::Open(files, kFolder, options).status();
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_NE(status.message().find("segment 3 offset 0"), std::string::npos) << status.ToString();
}

TEST(JournalReader, RetiredSegmentsMayBeGoneIfTheCallerSaysSo) {
  FaultFileSystem files;
  Options options;
  options.segment_bytes = kSegmentBytesMin;
  ChainHead head;
  {
    const auto journal = MustOpen(files, options);
    for (int i = 0; i < 12; ++i) head = MustAppend(*journal, 1, {std::string(600, 'a')});
  }
  ASSERT_TRUE(files.Remove(kFolder + "/" + SegmentName(1)).ok());
  ASSERT_TRUE(files.Remove(kFolder + "/" + SegmentName(2)).ok());
  EXPECT_EQ(Journal::Open(files, kFolder, options).status().code(), StatusCode::kDataLoss);
  options.first_segment = 3;
  EXPECT_EQ(MustOpen(files, options)->head(), head);
  options.first_segment = 2;
  EXPECT_EQ(Journal::Open(files, kFolder, options).status().code(), StatusCode::kDataLoss);
}

TEST(Format, SegmentNamesAreExact) {
  uint64_t number = 0;
  EXPECT_EQ(SegmentName(3), "0000000003.journal");
  EXPECT_TRUE(ParseSegmentName("0000000003.journal", &number));
  EXPECT_EQ(number, 3u);
  for (const char* name : {"3.journal", "0000000000.journal", "0001000001.journal",
                           "000000000x.journal", "0000000003.journal2", "-000000003.journal"}) {
    EXPECT_FALSE(ParseSegmentName(name, &number)) << name;
  }
}

TEST(Format, AHeaderOfAnotherFormatDigestOrCipherSaysWhichIsMissing) {
  SegmentHeader header;
  const std::string good = EncodeSegmentHeader(&header);
  for (const size_t at : {size_t{8}, size_t{12}, size_t{13}}) {
    std::string bytes = good;
    bytes[at] = 9;
    std::string sum;
    ByteWriter(&sum).PutFixed64(Hash64(std::string_view(bytes).substr(0, 120)));
    bytes.replace(120, 8, sum);
    EXPECT_EQ(DecodeSegmentHeader(bytes, &header).code(), StatusCode::kUnimplemented);
  }
}

TEST(Format, TheFirstSegmentBeginsWithFrameOneAndNoSequence) {
  for (const size_t at : {size_t{24}, size_t{32}}) {
    SegmentHeader header;
    std::string bytes = EncodeSegmentHeader(&header);
    bytes[at] = 7;
    bytes.replace(64, Digest::kBytes, Sha256(std::string_view(bytes).substr(0, 64)).view());
    std::string sum;
    ByteWriter(&sum).PutFixed64(Hash64(std::string_view(bytes).substr(0, 120)));
    bytes.replace(120, 8, sum);
    EXPECT_EQ(DecodeSegmentHeader(bytes, &header).code(), StatusCode::kDataLoss);
  }
}

}  // namespace
}  // namespace credence::journal
