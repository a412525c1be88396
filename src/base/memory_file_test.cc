#include "src/base/memory_file.h"

#include <gtest/gtest.h>

#include "src/base/file.h"

namespace credence {
namespace {

std::string Content(FileSystem& files, const std::string& path) {
  const auto content = ReadWholeFile(files, path, 1 << 20);
  EXPECT_TRUE(content.ok()) << content.status().ToString();
  return content.ok() ? *content : "";
}

TEST(MemoryFile, WritesExtendAndReadsStopAtTheEnd) {
  MemoryFileSystem files;
  const auto file = files.Open("a", OpenMode::kCreateNew).value();
  ASSERT_TRUE(file->WriteAt(3, "def").ok());
  std::string out = "old";
  ASSERT_TRUE(file->ReadAt(0, 100, &out).ok());
  EXPECT_EQ(out, std::string("\0\0\0def", 6));
  ASSERT_TRUE(file->WriteAt(0, "abcX").ok());
  ASSERT_TRUE(file->ReadAt(2, 3, &out).ok());
  EXPECT_EQ(out, "cXe");
  ASSERT_TRUE(file->ReadAt(6, 1, &out).ok());
  EXPECT_EQ(out, "");
  ASSERT_TRUE(file->ReadAt(UINT64_MAX, 1, &out).ok());
  EXPECT_EQ(out, "");
  ASSERT_TRUE(file->Truncate(2).ok());
  ASSERT_TRUE(file->Truncate(4).ok());
  EXPECT_EQ(*file->Size(), 4U);
  EXPECT_EQ(Content(files, "a"), std::string("ab\0\0", 4));
  EXPECT_EQ(file->WriteAt(UINT64_MAX, "ab").code(), StatusCode::kOutOfRange);
}

TEST(MemoryFile, OpenModesSayWhatMustExist) {
  MemoryFileSystem files;
  EXPECT_EQ(files.Open("a", OpenMode::kRead).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(files.Open("a", OpenMode::kReadWrite).status().code(), StatusCode::kNotFound);
  ASSERT_TRUE(files.Open("a", OpenMode::kCreateNew).value()->WriteAt(0, "x").ok());
  EXPECT_EQ(files.Open("a", OpenMode::kCreateNew).status().code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(files.Open("a", OpenMode::kRead).value()->WriteAt(0, "y").code(), StatusCode::kIoError);
  EXPECT_EQ(files.Open("a", OpenMode::kRead).value()->Truncate(0).code(), StatusCode::kIoError);
  EXPECT_EQ(Content(files, "a"), "x");
  ASSERT_TRUE(files.Open("a", OpenMode::kReplace).ok());
  EXPECT_EQ(Content(files, "a"), "");
  EXPECT_EQ(files.Open("no/a", OpenMode::kReplace).status().code(), StatusCode::kNotFound);
}

TEST(MemoryFile, FoldersHoldNamesInOrder) {
  MemoryFileSystem files;
  ASSERT_TRUE(files.MakeFolders("/d/e").ok());
  ASSERT_TRUE(files.MakeFolders("d/e").ok());
  for (const char* name : {"d/b", "d/a", "d/e/c", "d-x", "d/a.1"}) {
    ASSERT_TRUE(files.Open(name, OpenMode::kCreateNew).ok()) << name;
  }
  EXPECT_EQ(*files.List("d/"), (std::vector<std::string>{"a", "a.1", "b", "e"}));
  EXPECT_EQ(*files.List("."), (std::vector<std::string>{"d", "d-x"}));
  EXPECT_EQ(*files.List("./d//e"), (std::vector<std::string>{"c"}));
  EXPECT_EQ(files.List("x").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(files.List("d/a").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(files.MakeFolders("d/a/z").code(), StatusCode::kIoError);
  EXPECT_EQ(files.Open("d", OpenMode::kReplace).status().code(), StatusCode::kIoError);
  EXPECT_EQ(files.Remove("d/e").code(), StatusCode::kIoError);
  ASSERT_TRUE(files.Remove("d/e/c").ok());
  ASSERT_TRUE(files.Remove("d/e").ok());
  EXPECT_FALSE(files.Exists("d/e"));
  EXPECT_TRUE(files.Exists("d/a") && files.Exists("d") && files.Exists("/"));
  EXPECT_EQ(files.Remove("d/e").code(), StatusCode::kNotFound);
  EXPECT_TRUE(files.SyncDirectory("d").ok());
  EXPECT_EQ(files.SyncDirectory("d/e").code(), StatusCode::kNotFound);
}

TEST(MemoryFile, OpenFilesKeepWhatWasRemovedOrReplaced) {
  MemoryFileSystem files;
  ASSERT_TRUE(ReplaceFile(files, "a", "old").ok());
  const auto old = files.Open("a", OpenMode::kRead).value();
  ASSERT_TRUE(ReplaceFile(files, "a", "new one").ok());
  std::string out;
  ASSERT_TRUE(old->ReadAt(0, 100, &out).ok());
  EXPECT_EQ(out, "old");
  EXPECT_EQ(Content(files, "a"), "new one");
  EXPECT_EQ(*files.List(""), (std::vector<std::string>{"a"}));
}

TEST(MemoryFile, FoldersMoveWithWhatIsInThem) {
  MemoryFileSystem files;
  ASSERT_TRUE(files.MakeFolders("d/e").ok());
  ASSERT_TRUE(ReplaceFile(files, "d/e/a", "1").ok());
  ASSERT_TRUE(ReplaceFile(files, "d-b", "2").ok());
  ASSERT_TRUE(files.Rename("d", "f").ok());
  EXPECT_EQ(Content(files, "f/e/a"), "1");
  EXPECT_FALSE(files.Exists("d") || files.Exists("d/e/a"));
  EXPECT_TRUE(files.Exists("d-b"));
  EXPECT_EQ(files.Rename("f", "f/g").code(), StatusCode::kIoError);
  EXPECT_EQ(files.Rename("x", "y").code(), StatusCode::kNotFound);
  EXPECT_EQ(files.Rename("f", "d-b").code(), StatusCode::kIoError);
  EXPECT_EQ(files.Rename("d-b", "f").code(), StatusCode::kIoError);
  EXPECT_EQ(files.Rename("d-b", "no/a").code(), StatusCode::kNotFound);
  EXPECT_TRUE(files.Rename("d-b", "d-b").ok());
  EXPECT_EQ(Content(files, "d-b"), "2");
}

TEST(MemoryFile, AFullFileSystemRefusesAndIsUnchanged) {
  MemoryFileSystem files(10);
  const auto file = files.Open("a", OpenMode::kCreateNew).value();
  ASSERT_TRUE(file->WriteAt(0, "12345678").ok());
  EXPECT_EQ(file->WriteAt(6, "abcde").code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(file->Truncate(11).code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(Content(files, "a"), "12345678");
  EXPECT_EQ(files.bytes_used(), 8U);
  ASSERT_TRUE(file->WriteAt(6, "abcd").ok());
  ASSERT_TRUE(file->Truncate(1).ok());
  EXPECT_EQ(files.bytes_used(), 1U);
  ASSERT_TRUE(files.Remove("a").ok());
  EXPECT_EQ(files.bytes_used(), 1U);  // still open
}

TEST(WholeFile, LargerThanTheBoundIsRefused) {
  MemoryFileSystem files;
  ASSERT_TRUE(ReplaceFile(files, "a", "12345").ok());
  EXPECT_EQ(*ReadWholeFile(files, "a", 5), "12345");
  EXPECT_EQ(ReadWholeFile(files, "a", 4).status().code(), StatusCode::kOutOfRange);
  EXPECT_EQ(ReadWholeFile(files, "b", 4).status().code(), StatusCode::kNotFound);
}

// A file system whose n-th write, sync or rename fails.
class FailingFileSystem final : public FileSystem {
 public:
  FailingFileSystem(FileSystem& below, int fails_at) : below_(below), calls_left_(fails_at) {}
  Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) override {
    CREDENCE_TRY(Call());
    CREDENCE_ASSIGN(auto file, below_.Open(path, mode));
    return std::unique_ptr<File>(std::make_unique<FailingFile>(*this, std::move(file)));
  }
  Result<std::vector<std::string>> List(const std::string& folder) override {
    return below_.List(folder);
  }
  Status MakeFolders(const std::string& folder) override { return below_.MakeFolders(folder); }
  Status Rename(const std::string& from, const std::string& to) override {
    CREDENCE_TRY(Call());
    return below_.Rename(from, to);
  }
  Status Remove(const std::string& path) override { return below_.Remove(path); }
  Status SyncDirectory(const std::string& folder) override {
    CREDENCE_TRY(Call());
    return below_.SyncDirectory(folder);
  }
  bool Exists(const std::string& path) override { return below_.Exists(path); }

 private:
  class FailingFile final : public File {
   public:
    FailingFile(FailingFileSystem& owner, std::unique_ptr<File> below)
        : owner_(owner), below_(std::move(below)) {}
    Status WriteAt(uint64_t offset, std::string_view bytes) override {
      CREDENCE_TRY(owner_.Call());
      return below_->WriteAt(offset, bytes);
    }
    Status ReadAt(uint64_t offset, size_t size, std::string* out) override {
      return below_->ReadAt(offset, size, out);
    }
    Status Sync() override { return owner_.Call(); }
    Status Truncate(uint64_t size) override { return below_->Truncate(size); }
    Result<uint64_t> Size() override { return below_->Size(); }

   private:
    FailingFileSystem& owner_;
    std::unique_ptr<File> below_;
  };

  Status Call() { return --calls_left_ == 0 ? IoError("this call fails") : Status(); }
  FileSystem& below_;
  int calls_left_;
};

TEST(ReplaceFile, AFailureAtAnyStepLeavesTheOldOrTheNewWhole) {
  constexpr int kSteps = 5;  // open, write, sync, rename, sync of the folder
  for (int step = 1; step <= kSteps; ++step) {
    MemoryFileSystem files;
    ASSERT_TRUE(files.MakeFolders("d").ok());
    ASSERT_TRUE(ReplaceFile(files, "d/a", "old").ok());
    FailingFileSystem failing(files, step);
    EXPECT_EQ(ReplaceFile(failing, "d/a", "new").code(), StatusCode::kIoError) << step;
    EXPECT_EQ(Content(files, "d/a"), step <= 4 ? "old" : "new") << step;
  }
  MemoryFileSystem files;
  FailingFileSystem failing(files, kSteps + 1);
  EXPECT_TRUE(ReplaceFile(failing, "a", "new").ok());
}

}  // namespace
}  // namespace credence
