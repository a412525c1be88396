// Cuts, flips and crashes at every place of small journals. An acknowledged frame is never lost and
// never changed: it is there, or the journal refuses to open and says where it is damaged.

#include <gtest/gtest.h>

#include <cstdlib>

#include "src/journal/journal.h"
#include "src/journal/journal_test_util.h"

namespace credence::journal {
namespace {

const std::string kFolder = "/data/journal";

void MakeData(FaultFileSystem& files) {
  ASSERT_TRUE(files.MakeFolders("/data").ok());
  ASSERT_TRUE(files.SyncDirectory("/").ok());
}

struct Small {
  FaultFileSystem files;
  std::vector<PlainFrame> frames;
  std::vector<uint64_t> ends;  // of each frame, in its segment
  std::vector<uint64_t> segments;
  ChainHead head;
};

// Three segments; frames inside one sector, over several, and with sectors of zeros.
void MakeSmall(Small* small, bool sealed) {
  MakeData(small->files);
  Options options;
  options.segment_bytes = 2048;
  auto opened = Journal::Open(small->files, kFolder, options);
  ASSERT_TRUE(opened.ok());
  Journal& journal = **opened;
  const std::vector<std::vector<std::string>> batches = {
      {"first"},
      {std::string(900, 'a'), "", "x"},
      {std::string(1300, '\0')},
      {"tiny", "tiny"},
      {std::string(300, 'b') + std::string(600, '\0') + "end"},
      {std::string(100, 'c')},
      {std::string(400, '\0')}};
  for (const auto& records : batches) {
    small->frames.push_back(Expected(journal.head(), 2, records));
    ASSERT_TRUE(AppendRecords(journal, 2, records).ok());
    small->ends.push_back(journal.segment_bytes());
    small->segments.push_back(journal.segment_number());
  }
  if (sealed) {
    const uint64_t seq = journal.head().last_seq.value();
    small->frames.push_back(
        {FrameKind::kSeal, journal.head().frames + 1, seq + 1, seq, {"state hash"}});
    ASSERT_TRUE(journal.Seal("state hash").ok());
    small->ends.push_back(journal.segment_bytes());
    small->segments.push_back(journal.segment_number());
  }
  small->head = journal.head();
  ASSERT_EQ(journal.segment_number(), 3u);
}

std::string Path(uint64_t segment) { return kFolder + "/" + SegmentName(segment); }

bool Names(const Status& status, uint64_t segment) {
  return status.code() == StatusCode::kDataLoss &&
         status.message().find("segment " + std::to_string(segment) + " offset ") !=
             std::string::npos;
}

TEST(Recovery, ACutAtAnyByteOfTheLastSegmentKeepsEveryWholeFrameBeforeIt) {
  for (const bool sealed : {false, true}) {
    Small small;
    MakeSmall(&small, sealed);
    const std::string whole = small.files.Content(Path(3));
    const std::string second = small.files.Content(Path(2));
    for (size_t size = 0; size < whole.size(); ++size) {
      small.files.SetContent(Path(3), whole.substr(0, size));
      size_t kept = 0;
      while (kept < small.frames.size() && (small.segments[kept] < 3 || small.ends[kept] <= size)) {
        ++kept;
      }
      const std::vector<PlainFrame> expected(small.frames.begin(),
                                             small.frames.begin() + static_cast<long>(kept));
      const Contents before = ReadAll(small.files, kFolder);
      ASSERT_TRUE(before.status.ok()) << size << ": " << before.status.ToString();
      ASSERT_EQ(before.frames, expected) << size;
      auto opened = Journal::Open(small.files, kFolder);
      ASSERT_TRUE(opened.ok()) << size << ": " << opened.status().ToString();
      const bool at_frame_end =
          size ==
          (kept > 0 && small.segments[kept - 1] == 3 ? small.ends[kept - 1] : kSegmentHeaderBytes);
      EXPECT_EQ((*opened)->opened().cut.kind == TailKind::kClean, at_frame_end) << size;
      EXPECT_FALSE((*opened)->opened().sealed);
      ASSERT_TRUE(AppendRecords(**opened, 1, {"after"}).ok());
      opened->reset();
      const Contents after = ReadAll(small.files, kFolder);
      ASSERT_TRUE(after.status.ok());
      ASSERT_EQ(after.frames.size(), kept + 1) << size;
      EXPECT_EQ(after.frames.back().records, std::vector<std::string>{"after"});
      small.files.SetContent(Path(2), second);  // it took the frame where segment 3 was not started
    }
  }
}

TEST(Recovery, ACutAtAnyByteOfAnEarlierSegmentIsDataLoss) {
  Small small;
  MakeSmall(&small, false);
  for (const uint64_t segment : {1u, 2u}) {
    const std::string whole = small.files.Content(Path(segment));
    for (size_t size = 0; size < whole.size(); ++size) {
      small.files.SetContent(Path(segment), whole.substr(0, size));
      const Status status = Journal::Open(small.files, kFolder).status();
      ASSERT_TRUE(Names(status, segment)) << size << ": " << status.ToString();
      ASSERT_EQ(small.files.Content(Path(segment)).size(), size);
    }
    small.files.SetContent(Path(segment), whole);
  }
  EXPECT_TRUE(Journal::Open(small.files, kFolder).ok());
}

// Stronger than the rule must be: since every sector of the last frame is there, no flip can be
// taken for a torn write, whichever byte it strikes.
TEST(Recovery, AFlipOfAnyByteIsDataLossThatNamesItsSegmentAndChangesNothing) {
  for (const bool sealed : {false, true}) {
    Small small;
    MakeSmall(&small, sealed);
    for (uint64_t segment = 1; segment <= 3; ++segment) {
      const std::string whole = small.files.Content(Path(segment));
      for (size_t at = 0; at < whole.size(); ++at) {
        for (const int mask : {0x01, 0x80, 0xff}) {
          std::string bytes = whole;
          bytes[at] = static_cast<char>(bytes[at] ^ mask);
          small.files.SetContent(Path(segment), bytes);
          const Status status = Journal::Open(small.files, kFolder).status();
          // A flipped format, digest or cipher id cannot be told from damage: the checksum comes
          // first.
          ASSERT_TRUE(Names(status, segment))
              << "segment " << segment << " byte " << at << ": " << status.ToString();
          ASSERT_TRUE(small.files.Content(Path(segment)) == bytes);
          const Contents contents = ReadAll(small.files, kFolder);
          ASSERT_LT(contents.frames.size(), small.frames.size());
          for (size_t i = 0; i < contents.frames.size(); ++i) {
            ASSERT_EQ(contents.frames[i], small.frames[i]);
          }
        }
      }
      small.files.SetContent(Path(segment), whole);
    }
  }
}

TEST(Recovery, ASectorOfZerosBeforeTheLastFrameIsDataLoss) {
  Small small;
  MakeSmall(&small, false);
  for (uint64_t segment = 1; segment <= 3; ++segment) {
    const std::string whole = small.files.Content(Path(segment));
    const uint64_t last_start = segment < 3 ? whole.size() : small.ends[small.ends.size() - 2];
    for (size_t at = 0; at < last_start; at += kSectorBytes) {
      std::string bytes = whole;
      const size_t size = std::min<size_t>(kSectorBytes, whole.size() - at);
      if (IsZero(std::string_view(bytes).substr(at, size))) continue;
      bytes.replace(at, size, size, '\0');
      small.files.SetContent(Path(segment), bytes);
      const Status status = Journal::Open(small.files, kFolder).status();
      EXPECT_TRUE(Names(status, segment))
          << "segment " << segment << " byte " << at << ": " << status.ToString();
    }
    small.files.SetContent(Path(segment), whole);
  }
}

TEST(Recovery, AnySubsetOfTheLastFramesSectorsIsCutUnlessAllArrived) {
  FaultFileSystem files;
  MakeData(files);
  uint64_t start = 0;
  {
    auto opened = Journal::Open(files, kFolder);
    ASSERT_TRUE(opened.ok());
    ASSERT_TRUE(AppendRecords(**opened, 1, {std::string(500, 'k')}).ok());
    start = (*opened)->segment_bytes();
    ASSERT_TRUE(
        AppendRecords(**opened, 1,
                      {std::string(1500, 'a') + std::string(1100, '\0') + std::string(1200, 'b')})
            .ok());
  }
  const std::string whole = files.Content(Path(1));
  const uint64_t first = start / kSectorBytes;
  const uint64_t sectors = (whole.size() + kSectorBytes - 1) / kSectorBytes - first;
  ASSERT_GE(sectors, 8u);
  for (uint64_t mask = 0; mask < (uint64_t{1} << sectors); ++mask) {
    std::string bytes = whole;
    for (uint64_t i = 0; i < sectors; ++i) {
      if ((mask >> i & 1) != 0) continue;
      const uint64_t from = std::max(start, (first + i) * kSectorBytes);
      const uint64_t to = std::min<uint64_t>(whole.size(), (first + i + 1) * kSectorBytes);
      bytes.replace(from, to - from, to - from, '\0');
    }
    const bool all = bytes == whole;  // sectors that are zero anyway do not count
    const bool none = IsZero(std::string_view(bytes).substr(start));
    files.SetContent(Path(1), bytes);
    const auto opened = Journal::Open(files, kFolder);
    ASSERT_TRUE(opened.ok()) << mask << ": " << opened.status().ToString();
    EXPECT_EQ((*opened)->head().frames, all ? 2u : 1u) << mask;
    EXPECT_EQ((*opened)->opened().cut.kind,
              all || none ? TailKind::kClean : TailKind::kUnfinishedFrame)
        << mask;
  }
}

TEST(Recovery, AMissingFrameIsNoTornTailIfAWholeFrameStandsBehindIt) {
  FaultFileSystem files;
  MakeData(files);
  uint64_t start = 0;
  {
    auto opened = Journal::Open(files, kFolder);
    ASSERT_TRUE(opened.ok());
    ASSERT_TRUE(AppendRecords(**opened, 1, {"a"}).ok());
    start = (*opened)->segment_bytes();
    ASSERT_TRUE(AppendRecords(**opened, 1, {std::string(1000, 'b')}).ok());
    ASSERT_TRUE(AppendRecords(**opened, 1, {"c"}).ok());
  }
  std::string bytes = files.Content(Path(1));
  bytes.replace(start, kSectorBytes - start, kSectorBytes - start, '\0');
  files.SetContent(Path(1), bytes);
  const Status status = Journal::Open(files, kFolder).status();
  EXPECT_TRUE(Names(status, 1)) << status.ToString();
  EXPECT_NE(status.message().find("offset " + std::to_string(start) + ":"), std::string::npos);
}

TEST(Recovery, AFrameHeaderInsideAPayloadIsNotTakenForOne) {
  FaultFileSystem files;
  MakeData(files);
  uint64_t start = 0;
  {
    auto opened = Journal::Open(files, kFolder);
    ASSERT_TRUE(opened.ok());
    ASSERT_TRUE(AppendRecords(**opened, 1, {"a"}).ok());
    start = (*opened)->segment_bytes();
    const std::string header =
        files.Content(Path(1)).substr(kSegmentHeaderBytes, kFrameHeaderBytes);
    std::string payload(kAlignment - 2, 'p');  // two bytes of length stand before it
    for (int i = 0; i < 20; ++i) payload += header;
    ASSERT_TRUE(AppendRecords(**opened, 1, {payload}).ok());
  }
  std::string bytes = files.Content(Path(1));
  ASSERT_EQ(bytes.compare(1024, 4, "CFRM"), 0);
  bytes.replace(start, kSectorBytes - start, kSectorBytes - start, '\0');
  files.SetContent(Path(1), bytes);
  const auto opened = Journal::Open(files, kFolder);
  ASSERT_TRUE(opened.ok()) << opened.status().ToString();
  EXPECT_EQ((*opened)->opened().cut.kind, TailKind::kUnfinishedFrame);
  EXPECT_EQ((*opened)->head().frames, 1u);
}

TEST(Recovery, BytesFurtherAwayThanOneFrameAreNoTornTail) {
  FaultFileSystem files;
  MakeData(files);
  ASSERT_TRUE(Journal::Open(files, kFolder).ok());
  const std::string whole = files.Content(Path(1));
  for (const uint64_t more : {0u, 1u}) {
    files.SetContent(Path(1), whole + std::string(kFrameBytesMax - 1 + more, '\0') + "x");
    const auto opened = Journal::Open(files, kFolder);
    EXPECT_EQ(opened.status().code(), more == 0 ? StatusCode::kOk : StatusCode::kDataLoss);
  }
}

TEST(Recovery, AShortReadIsAnIoErrorAndNeverACut) {
  Small small;
  MakeSmall(&small, true);
  const uint64_t before = small.files.calls();
  ASSERT_TRUE(Journal::Open(small.files, kFolder).ok());
  const uint64_t calls = small.files.calls() - before;
  for (uint64_t n = 1; n <= calls; ++n) {
    small.files.set_fault({small.files.calls() + n, FaultKind::kShortRead});
    const auto opened = Journal::Open(small.files, kFolder);
    if (!opened.ok()) {
      ASSERT_EQ(opened.status().code(), StatusCode::kIoError) << opened.status().ToString();
    }
    small.files.set_fault({});
    const Contents contents = ReadAll(small.files, kFolder);
    ASSERT_TRUE(contents.status.ok());
    ASSERT_EQ(contents.frames, small.frames);
  }
}

// A run of opening, appending and sealing that checks itself against what it was told was durable.
class Workload {
 public:
  Workload(FaultFileSystem& files, uint64_t seed) : files_(files), random_(seed) {
    options_.segment_bytes = 4096;
    // Every other seed: segments written ahead, of one block, of several, and with half a one.
    if (seed % 2 == 0) {
      options_.write_ahead = WriteAhead::kSegments;
      options_.segment_bytes = seed % 6 == 2   ? 4 * kDiskBlockBytes
                               : seed % 6 == 4 ? kDiskBlockBytes
                                               : 5 * kDiskBlockBytes / 2;
    }
  }

  // Opens and appends until something fails or `batches` were done. True if all went well.
  bool Run(int batches) {
    auto opened = Journal::Open(files_, kFolder, options_);
    if (!opened.ok()) {
      open_status_ = opened.status();
      return false;
    }
    Learn(**opened);
    for (int i = 0; i < batches; ++i) {
      const auto records = RandomRecords(random_, random_.OneIn(4) ? 3000 : 300);
      const uint64_t sequences = random_.Below(4);
      attempted_.push_back(Expected((*opened)->head(), sequences, records));
      const std::vector<std::string_view> views(records.begin(), records.end());
      const Seq last_seq((*opened)->head().last_seq.value() + sequences);
      // Mostly one batch at a time; at times the next is staged before the last is synced.
      if (!(*opened)->Stage(last_seq, views).ok()) return false;
      if (random_.OneIn(3) && i + 1 < batches) continue;
      if (!(*opened)->Sync().ok()) {
        Acknowledge((*opened)->durable().frames);
        return false;
      }
      Acknowledge((*opened)->durable().frames);
      EXPECT_TRUE(attempted_.empty());
    }
    if (random_.OneIn(2)) {
      const ChainHead head = (*opened)->head();
      attempted_.push_back({FrameKind::kSeal,
                            head.frames + 1,
                            head.last_seq.value() + 1,
                            head.last_seq.value(),
                            {"seal"}});
      if (!(*opened)->Seal("seal").ok()) return false;
      Acknowledge(head.frames + 1);
    }
    return true;
  }

  // Every acknowledged frame is there, in order, and besides at most the first of those that were
  // on their way.
  void Check() {
    const Contents contents = ReadAll(files_, kFolder);
    if (contents.status.code() == StatusCode::kNotFound) {
      ASSERT_TRUE(durable_.empty());
      return;
    }
    ASSERT_TRUE(contents.status.ok()) << contents.status.ToString();
    ASSERT_GE(contents.frames.size(), durable_.size());
    ASSERT_LE(contents.frames.size(), durable_.size() + (attempted_.empty() ? 0 : 1));
    for (size_t i = 0; i < durable_.size(); ++i) ASSERT_EQ(contents.frames[i], durable_[i]) << i;
    if (contents.frames.size() > durable_.size()) {
      ASSERT_EQ(contents.frames.back(), attempted_.front());
    }
  }

  [[nodiscard]] const Status& open_status() const { return open_status_; }

 private:
  // Once a writer has opened the journal, what it found is durable.
  void Learn(const Journal& journal) {
    Acknowledge(journal.head().frames);
    EXPECT_EQ(journal.head().frames, durable_.size());
    attempted_.clear();
  }

  void Acknowledge(uint64_t frames) {
    while (durable_.size() < frames && !attempted_.empty()) {
      durable_.push_back(attempted_.front());
      attempted_.erase(attempted_.begin());
    }
  }

  FaultFileSystem& files_;
  Random random_;
  Options options_;
  std::vector<PlainFrame> durable_;
  std::vector<PlainFrame> attempted_;
  Status open_status_;
};

uint64_t CallsOf(uint64_t seed) {
  FaultFileSystem files(seed);
  MakeData(files);
  const uint64_t before = files.calls();
  Workload workload(files, seed);
  EXPECT_TRUE(workload.Run(12));
  EXPECT_TRUE(workload.Run(6));
  return files.calls() - before;
}

void CrashEverywhere(uint64_t seed, FaultKind fault, CrashKind crash) {
  const uint64_t calls = CallsOf(seed);
  for (uint64_t n = 1; n <= calls; ++n) {
    SCOPED_TRACE("seed " + std::to_string(seed) + " call " + std::to_string(n));
    FaultFileSystem files(seed * 1000 + n);
    MakeData(files);
    Workload workload(files, seed);
    files.set_fault({files.calls() + n, fault});
    if (workload.Run(12)) workload.Run(6);
    files.Crash(crash);
    workload.Check();
    // A second stroke while recovery is at work, then another crash.
    files.set_fault({files.calls() + 1 + n * 7 % 40, fault});
    workload.Run(4);
    files.Crash(n % 3 == 0 ? CrashKind::kDropUnsynced : CrashKind::kTear);
    workload.Check();
    ASSERT_TRUE(workload.Run(5)) << workload.open_status().ToString();
    workload.Check();
    files.Crash(CrashKind::kDropUnsynced);
    workload.Check();
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(Recovery, NothingAcknowledgedIsLostWhenThePowerGoesAtAnyCall) {
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    CrashEverywhere(seed, FaultKind::kStop, CrashKind::kDropUnsynced);
  }
}

TEST(Recovery, NothingAcknowledgedIsLostWhenThePowerGoesAtAnyCallAndWritesAreTorn) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    CrashEverywhere(seed, FaultKind::kStop, CrashKind::kTear);
  }
}

TEST(Recovery, NothingAcknowledgedIsLostWhenTheProcessDiesAtAnyCall) {
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    CrashEverywhere(seed, FaultKind::kStop, CrashKind::kKeepAll);
  }
}

TEST(Recovery, NothingAcknowledgedIsLostWhenAnyCallFails) {
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    CrashEverywhere(seed, FaultKind::kError, CrashKind::kDropUnsynced);
    CrashEverywhere(seed, FaultKind::kError, CrashKind::kKeepAll);
  }
}

// A block that holds acknowledged frames is written again with the frame behind them. Whichever of
// its sectors reach the disk, those frames are there, and the new one whole or not at all.
TEST(Recovery, ABlockThatIsWrittenAgainLosesNoFrameWhicheverOfItsSectorsArrive) {
  Options options;
  options.segment_bytes = 4 * kDiskBlockBytes;
  options.write_ahead = WriteAhead::kSegments;
  // Where the frame begins, and its size: inside a block, over the end of one, behind the header.
  for (const auto& [before, size] : std::vector<std::pair<size_t, size_t>>{
           {900, 700}, {1'900, 1'800}, {3'000, 2'500}, {3'500, 300}, {0, 2'000}}) {
    SCOPED_TRACE(std::to_string(size) + " bytes behind " + std::to_string(before));
    FaultFileSystem files;
    MakeData(files);
    std::vector<PlainFrame> acknowledged;
    std::vector<PlainFrame> all;
    std::string old_bytes;
    std::string new_bytes;
    uint64_t offset = 0;
    {
      auto opened = Journal::Open(files, kFolder, options);
      ASSERT_TRUE(opened.ok()) << opened.status().ToString();
      const auto append = [&](const std::string& record) {
        all.push_back(Expected((*opened)->head(), 1, {record}));
        ASSERT_TRUE(AppendRecords(**opened, 1, {record}).ok());
      };
      for (size_t i = 0; i < before; i += 300) append(std::string(200, 'a'));
      acknowledged = all;
      old_bytes = files.Content(Path(1));
      const uint64_t end = (*opened)->segment_bytes();
      uint64_t writes = 0;
      files.set_before_change([&](const PendingChange& change) {
        if (change.kind != PendingChange::Kind::kWrite) return;
        ++writes;
        offset = change.offset;
        EXPECT_EQ(change.offset, end / kDiskBlockBytes * kDiskBlockBytes);
        EXPECT_EQ(change.bytes.size() % kDiskBlockBytes, 0u);
        EXPECT_EQ(change.bytes.substr(0, end - change.offset),
                  std::string_view(old_bytes).substr(change.offset, end - change.offset));
      });
      append(std::string(size, 'n'));
      files.set_before_change(nullptr);
      EXPECT_EQ(writes, 1u);
      EXPECT_LT(offset, end) << "the frames before it are written again";
      new_bytes = files.Content(Path(1));
    }
    ASSERT_EQ(new_bytes.size(), old_bytes.size());
    std::vector<uint64_t> sectors;  // that the write changes
    for (uint64_t at = offset; at < new_bytes.size(); at += kSectorBytes) {
      if (new_bytes.compare(at, kSectorBytes, old_bytes, at, kSectorBytes) != 0) {
        sectors.push_back(at);
      }
    }
    ASSERT_GE(sectors.size(), 1u);
    ASSERT_LE(sectors.size(), 10u);
    for (uint64_t mask = 0; mask < uint64_t{1} << sectors.size(); ++mask) {
      std::string bytes = old_bytes;
      for (size_t i = 0; i < sectors.size(); ++i) {
        if ((mask >> i & 1) == 0) continue;
        bytes.replace(sectors[i], kSectorBytes, new_bytes, sectors[i], kSectorBytes);
      }
      files.SetContent(Path(1), bytes);
      auto opened = Journal::Open(files, kFolder, options);
      ASSERT_TRUE(opened.ok()) << mask << ": " << opened.status().ToString();
      // And appending goes on behind what is there, also after the power has gone once more.
      const bool arrived = mask + 1 == uint64_t{1} << sectors.size();
      std::vector<PlainFrame> expected = arrived ? all : acknowledged;
      expected.push_back(Expected((*opened)->head(), 1, {"more"}));
      ASSERT_TRUE(AppendRecords(**opened, 1, {"more"}).ok());
      opened->reset();
      files.Crash(CrashKind::kDropUnsynced);
      const Contents contents = ReadAll(files, kFolder);
      ASSERT_TRUE(contents.status.ok()) << mask << ": " << contents.status.ToString();
      ASSERT_EQ(contents.frames, expected) << mask;
    }
  }
}

// Linux takes a page for clean after its sync failed: what reopening then reads is in memory only.
TEST(Recovery, AFrameThatIsOnlyInThePageCacheIsMadeDurableByReopening) {
  FaultFileSystem files;
  MakeData(files);
  {
    auto opened = Journal::Open(files, kFolder);
    ASSERT_TRUE(opened.ok());
    ASSERT_TRUE(AppendRecords(**opened, 1, {"a"}).ok());
    files.set_fault({files.calls() + 2, FaultKind::kError});
    EXPECT_EQ(AppendRecords(**opened, 1, {std::string(5000, 'b')}).status().code(),
              StatusCode::kIoError);
  }
  {
    const auto opened = Journal::Open(files, kFolder);
    ASSERT_TRUE(opened.ok());
    ASSERT_EQ((*opened)->head().frames, 2u);
  }
  files.Crash(CrashKind::kDropUnsynced);
  EXPECT_EQ(ReadAll(files, kFolder).frames.size(), 2u);
}

}  // namespace
}  // namespace credence::journal
