#include "src/journal/posix_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "src/journal/journal_test_util.h"

namespace credence::journal {
namespace {

class PosixFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/credence-journal-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string folder_;
};

int g_calls = 0;

// Interrupts every second call, and moves at most three bytes in the others.
PosixCalls Clumsy() {
  PosixCalls calls = PosixCalls::Real();
  g_calls = 0;
  calls.pread = [](int fd, void* out, size_t size, off_t offset) -> ssize_t {
    if (++g_calls % 2 == 0) {
      errno = EINTR;
      return -1;
    }
    return ::pread(fd, out, std::min<size_t>(size, 3), offset);
  };
  calls.pwrite = [](int fd, const void* bytes, size_t size, off_t offset) -> ssize_t {
    if (++g_calls % 2 == 0) {
      errno = EINTR;
      return -1;
    }
    return ::pwrite(fd, bytes, std::min<size_t>(size, 3), offset);
  };
  return calls;
}

TEST_F(PosixFileTest, InterruptedAndShortCallsAreContinued) {
  PosixFileSystem files(Clumsy());
  const auto file = files.Open(folder_ + "/f", OpenMode::kCreateNew);
  ASSERT_TRUE(file.ok());
  const std::string text = "all of this arrives, in one piece";
  ASSERT_TRUE((*file)->WriteAt(5, text).ok());
  EXPECT_GT(g_calls, 10);
  std::string read;
  ASSERT_TRUE((*file)->ReadAt(5, 1000, &read).ok());
  EXPECT_EQ(read, text);
  ASSERT_TRUE((*file)->ReadAt(0, 5, &read).ok());
  EXPECT_EQ(read, std::string(5, '\0'));
  EXPECT_EQ(*(*file)->Size(), 5 + text.size());
  ASSERT_TRUE((*file)->Truncate(7).ok());
  EXPECT_EQ(*(*file)->Size(), 7u);
}

TEST_F(PosixFileTest, AFullDiskAndAFailingSyncAreToldApart) {
  PosixCalls calls = PosixCalls::Real();
  calls.pwrite = [](int, const void*, size_t, off_t) -> ssize_t {
    errno = ENOSPC;
    return -1;
  };
  calls.fdatasync = [](int) {
    errno = EIO;
    return -1;
  };
  PosixFileSystem files(calls);
  const auto file = files.Open(folder_ + "/f", OpenMode::kCreateNew);
  ASSERT_TRUE(file.ok());
  EXPECT_EQ((*file)->WriteAt(0, "x").code(), StatusCode::kResourceExhausted);
  EXPECT_EQ((*file)->Sync().code(), StatusCode::kIoError);
}

TEST_F(PosixFileTest, OpenModesKeepTheirWord) {
  PosixFileSystem files;
  const std::string path = folder_ + "/f";
  EXPECT_EQ(files.Open(path, OpenMode::kRead).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(files.Open(path, OpenMode::kReadWrite).status().code(), StatusCode::kNotFound);
  ASSERT_TRUE(files.Open(path, OpenMode::kCreateNew).ok());
  EXPECT_EQ(files.Open(path, OpenMode::kCreateNew).status().code(), StatusCode::kAlreadyExists);
  ASSERT_TRUE(ReplaceFile(files, path, "content").ok());
  EXPECT_EQ(*ReadWholeFile(files, path, 100), "content");
  EXPECT_FALSE((*files.Open(path, OpenMode::kRead))->WriteAt(0, "x").ok());
  ASSERT_TRUE(files.Open(path, OpenMode::kReplace).ok());
  EXPECT_EQ(*ReadWholeFile(files, path, 100), "");
  ASSERT_TRUE(files.MakeFolders(folder_ + "/a/b").ok());
  ASSERT_TRUE(files.MakeFolders(folder_ + "/a/b").ok());
  EXPECT_EQ(files.MakeFolders(path).code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(*files.List(folder_), (std::vector<std::string>{"a", "f"}));
  ASSERT_TRUE(files.Rename(path, folder_ + "/g").ok());
  EXPECT_FALSE(files.Exists(path));
  ASSERT_TRUE(files.Remove(folder_ + "/g").ok());
  EXPECT_EQ(files.Remove(folder_ + "/g").code(), StatusCode::kNotFound);
}

TEST_F(PosixFileTest, AJournalIsWrittenSealedAndReadOnTheRealDisk) {
  PosixFileSystem files;
  Options options;
  options.segment_bytes = 4096;
  std::vector<PlainFrame> expected;
  {
    auto journal = Journal::Open(files, folder_ + "/j", options);
    ASSERT_TRUE(journal.ok()) << journal.status().ToString();
    Random random(3);
    for (int i = 0; i < 30; ++i) {
      const auto records = RandomRecords(random, 2000);
      expected.push_back(Expected((*journal)->head(), 1, records));
      ASSERT_TRUE(AppendRecords(**journal, 1, records).ok());
    }
    ASSERT_TRUE((*journal)->Seal("end").ok());
  }
  const auto journal = Journal::Open(files, folder_ + "/j", options);
  ASSERT_TRUE(journal.ok());
  EXPECT_TRUE((*journal)->opened().sealed);
  Contents contents = ReadAll(files, folder_ + "/j");
  ASSERT_TRUE(contents.status.ok());
  contents.frames.pop_back();
  EXPECT_EQ(contents.frames, expected);
}

int g_past_cache = 0;
int g_through_cache = 0;

bool IsDirect(int fd) { return (::fcntl(fd, F_GETFL) & O_DIRECT) != 0; }

// Counts the writes that go past the page cache and those that do not.
PosixCalls Counting() {
  PosixCalls calls = PosixCalls::Real();
  g_past_cache = 0;
  g_through_cache = 0;
  calls.pwrite = [](int fd, const void* bytes, size_t size, off_t offset) -> ssize_t {
    ++(IsDirect(fd) ? g_past_cache : g_through_cache);
    return ::pwrite(fd, bytes, size, offset);
  };
  return calls;
}

// A file system that opens files for writes past its page cache and then refuses them.
PosixCalls Refusing() {
  PosixCalls calls = Counting();
  calls.pwrite = [](int fd, const void* bytes, size_t size, off_t offset) -> ssize_t {
    ++(IsDirect(fd) ? g_past_cache : g_through_cache);
    if (!IsDirect(fd)) return ::pwrite(fd, bytes, size, offset);
    errno = EINVAL;
    return -1;
  };
  return calls;
}

// Does at most one block of what it is asked for.
PosixCalls BlockByBlock() {
  PosixCalls calls = Counting();
  calls.pwrite = [](int fd, const void* bytes, size_t size, off_t offset) -> ssize_t {
    ++(IsDirect(fd) ? g_past_cache : g_through_cache);
    return ::pwrite(fd, bytes, std::min<size_t>(size, kDiskBlockBytes), offset);
  };
  return calls;
}

// Appends frames of all sizes to segments written ahead, opening the journal again now and then.
// After each one a reader that follows, and one that has read the whole folder before, see it.
void WriteAheadAndFollow(PosixFileSystem& files, const std::string& folder,
                         uint64_t segment_bytes) {
  Options options;
  options.segment_bytes = segment_bytes;
  options.write_ahead = WriteAhead::kSegments;
  Random random(segment_bytes);
  std::vector<PlainFrame> expected;
  std::unique_ptr<JournalReader> follower;
  for (int run = 0; run < 4; ++run) {
    auto journal = Journal::Open(files, folder, options);
    ASSERT_TRUE(journal.ok()) << journal.status().ToString();
    ASSERT_EQ((*journal)->head().frames, expected.size());
    for (int i = 0; i < 25; ++i) {
      const auto records = RandomRecords(random, random.OneIn(3) ? 9000 : 300);
      expected.push_back(Expected((*journal)->head(), 1, records));
      ASSERT_TRUE(AppendRecords(**journal, 1, records).ok());
      if (follower == nullptr) {
        auto opened = JournalReader::Open(files, folder);
        ASSERT_TRUE(opened.ok()) << opened.status().ToString();
        follower = std::move(*opened);
      }
      follower->set_until_frame(expected.size());
      for (FrameView frame;;) {
        const auto more = follower->Next(&frame);
        ASSERT_TRUE(more.ok()) << more.status().ToString();
        if (!*more) break;
        ASSERT_EQ(Plain(frame), expected[frame.index - 1]);
      }
      ASSERT_EQ(follower->head(), (*journal)->durable());
      const Contents contents = ReadAll(files, folder);
      ASSERT_TRUE(contents.status.ok()) << contents.status.ToString();
      ASSERT_EQ(contents.frames, expected);
    }
  }
}

TEST_F(PosixFileTest, SegmentsWrittenAheadGoPastThePageCacheAndReadersSeeThemAtOnce) {
  PosixFileSystem files(Counting());
  WriteAheadAndFollow(files, folder_ + "/j", 65'536);
  if (::testing::Test::HasFatalFailure()) return;
  if (g_past_cache == 0) GTEST_SKIP() << folder_ << " is where nothing goes past the page cache";
  // What is left: of each opening the last frame, written again, and perhaps the end of a block.
  EXPECT_GT(g_past_cache, 100);
  EXPECT_LE(g_through_cache, 8);
}

TEST_F(PosixFileTest, SegmentsThatEndInsideABlockAreWrittenAndReadToo) {
  PosixFileSystem files(Counting());
  WriteAheadAndFollow(files, folder_ + "/j", 30'000);
}

TEST_F(PosixFileTest, WhereWritesPastThePageCacheAreRefusedTheyGoThroughItFromThenOn) {
  PosixFileSystem files(Refusing());
  WriteAheadAndFollow(files, folder_ + "/j", 65'536);
  EXPECT_GT(g_through_cache, 100);
  // One of each file.
  EXPECT_LE(g_past_cache, 30);
}

TEST_F(PosixFileTest, WritesPastThePageCacheThatAreCutShortAreContinued) {
  PosixFileSystem files(BlockByBlock());
  WriteAheadAndFollow(files, folder_ + "/j", 65'536);
  PosixFileSystem clumsy(Clumsy());
  const auto file = clumsy.Open(folder_ + "/f", OpenMode::kCreateNew);
  ASSERT_TRUE(file.ok());
  const Blocks blocks = NewBlocks(2 * kDiskBlockBytes);
  std::memset(blocks.get(), 'b', 2 * kDiskBlockBytes);
  const std::string_view bytes(blocks.get(), 2 * kDiskBlockBytes);
  ASSERT_TRUE((*file)->WriteBlocks(kDiskBlockBytes, bytes).ok());
  std::string read;
  ASSERT_TRUE((*file)->ReadAt(0, 4 * kDiskBlockBytes, &read).ok());
  EXPECT_EQ(read, std::string(kDiskBlockBytes, '\0') + std::string(bytes));
}

TEST_F(PosixFileTest, AFullDiskPastThePageCacheIsToldApartToo) {
  PosixCalls calls = PosixCalls::Real();
  calls.pwrite = [](int, const void*, size_t, off_t) -> ssize_t {
    errno = ENOSPC;
    return -1;
  };
  PosixFileSystem files(calls);
  const auto file = files.Open(folder_ + "/f", OpenMode::kCreateNew);
  ASSERT_TRUE(file.ok());
  const Blocks blocks = NewBlocks(kDiskBlockBytes);
  std::memset(blocks.get(), 0, kDiskBlockBytes);
  EXPECT_EQ((*file)->WriteBlocks(0, {blocks.get(), kDiskBlockBytes}).code(),
            StatusCode::kResourceExhausted);
}

// The second descriptor is opened by name: a name that another file has by now is not used.
TEST_F(PosixFileTest, AFileThatWasRenamedIsWrittenAndNotTheOneThatHasItsName) {
  PosixFileSystem files;
  const std::string path = folder_ + "/f";
  const auto file = files.Open(path, OpenMode::kCreateNew);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(files.Rename(path, folder_ + "/g").ok());
  ASSERT_TRUE(files.Open(path, OpenMode::kCreateNew).ok());
  const Blocks blocks = NewBlocks(kDiskBlockBytes);
  std::memset(blocks.get(), 'b', kDiskBlockBytes);
  ASSERT_TRUE((*file)->WriteBlocks(0, {blocks.get(), kDiskBlockBytes}).ok());
  EXPECT_EQ(*ReadWholeFile(files, path, 10'000), "");
  EXPECT_EQ(*ReadWholeFile(files, folder_ + "/g", 10'000), std::string(kDiskBlockBytes, 'b'));
}

TEST_F(PosixFileTest, AnotherProcessCannotOpenAJournalThatIsBeingWritten) {
  PosixFileSystem files;
  auto journal = Journal::Open(files, folder_);
  ASSERT_TRUE(journal.ok());
  const auto try_in_child = [this] {
    const pid_t child = ::fork();
    if (child == 0) {
      PosixFileSystem own;
      ::_exit(static_cast<int>(Journal::Open(own, folder_).status().code()));
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return static_cast<StatusCode>(WEXITSTATUS(status));
  };
  EXPECT_EQ(try_in_child(), StatusCode::kUnavailable);
  journal->reset();
  EXPECT_EQ(try_in_child(), StatusCode::kOk);
}

}  // namespace
}  // namespace credence::journal
