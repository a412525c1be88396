#include "src/journal/posix_file.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
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
