#include "src/store/rocks_files.h"

#include <rocksdb/file_system.h>
#include <rocksdb/system_clock.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace credence::store {

namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

IOStatus ToIoStatus(const Status& status) {
  if (status.ok()) return IOStatus::OK();
  const std::string& message = status.message();
  if (status.code() == StatusCode::kNotFound) return IOStatus::PathNotFound(message);
  if (status.code() == StatusCode::kResourceExhausted) {
    IOStatus full = IOStatus::NoSpace(message);
    full.SetRetryable(true);
    return full;
  }
  return IOStatus::IOError(message);
}

// "a//b" and "a/b/" are "a/b".
std::string Path(const std::string& name) {
  std::string path;
  for (const char c : name) {
    if (c != '/' || path.empty() || path.back() != '/') path.push_back(c);
  }
  if (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

// The bytes at `offset`, in `scratch`, which has room for `size`.
IOStatus ReadInto(File& file, uint64_t offset, size_t size, char* scratch, Slice* result) {
  std::string bytes;
  const Status read = file.ReadAt(offset, size, &bytes);
  std::copy(bytes.begin(), bytes.end(), scratch);
  *result = Slice(scratch, bytes.size());
  return ToIoStatus(read);
}

class SequentialFile final : public rocksdb::FSSequentialFile {
 public:
  explicit SequentialFile(std::unique_ptr<File> file) : file_(std::move(file)) {}
  IOStatus Read(size_t size, const IOOptions& /*options*/, Slice* result, char* scratch,
                IODebugContext* /*debug*/) override {
    IOStatus read = ReadInto(*file_, offset_, size, scratch, result);
    offset_ += result->size();
    return read;
  }
  IOStatus Skip(uint64_t bytes) override {
    offset_ += bytes;
    return IOStatus::OK();
  }

 private:
  const std::unique_ptr<File> file_;
  uint64_t offset_ = 0;
};

class RandomAccessFile final : public rocksdb::FSRandomAccessFile {
 public:
  explicit RandomAccessFile(std::unique_ptr<File> file) : file_(std::move(file)) {}
  IOStatus Read(uint64_t offset, size_t size, const IOOptions& /*options*/, Slice* result,
                char* scratch, IODebugContext* /*debug*/) const override {
    return ReadInto(*file_, offset, size, scratch, result);
  }

 private:
  const std::unique_ptr<File> file_;
};

// `direct`: RocksDB writes as it does past a page cache, in whole pages at offsets that it gives,
// the last of which it cuts off again.
class WritableFile final : public rocksdb::FSWritableFile {
 public:
  WritableFile(std::unique_ptr<File> file, uint64_t size, bool direct)
      : file_(std::move(file)), size_(size), direct_(direct) {}
  using rocksdb::FSWritableFile::Append;
  using rocksdb::FSWritableFile::PositionedAppend;
  [[nodiscard]] bool use_direct_io() const override { return direct_; }
  IOStatus PositionedAppend(const Slice& bytes, uint64_t offset, const IOOptions& /*options*/,
                            IODebugContext* /*debug*/) override {
    const Status written = file_->WriteAt(offset, {bytes.data(), bytes.size()});
    if (written.ok()) size_ = offset + bytes.size();
    return ToIoStatus(written);
  }
  IOStatus Append(const Slice& bytes, const IOOptions& /*options*/,
                  IODebugContext* /*debug*/) override {
    const Status written = file_->WriteAt(size_, {bytes.data(), bytes.size()});
    if (written.ok()) size_ += bytes.size();
    return ToIoStatus(written);
  }
  IOStatus Truncate(uint64_t size, const IOOptions& /*options*/,
                    IODebugContext* /*debug*/) override {
    const Status cut = file_->Truncate(size);
    if (cut.ok()) size_ = size;
    return ToIoStatus(cut);
  }
  IOStatus Close(const IOOptions& /*options*/, IODebugContext* /*debug*/) override {
    return IOStatus::OK();
  }
  IOStatus Flush(const IOOptions& /*options*/, IODebugContext* /*debug*/) override {
    return IOStatus::OK();
  }
  IOStatus Sync(const IOOptions& /*options*/, IODebugContext* /*debug*/) override {
    return ToIoStatus(file_->Sync());
  }
  // Begins to write and promises nothing.
  IOStatus RangeSync(uint64_t /*offset*/, uint64_t /*size*/, const IOOptions& /*options*/,
                     IODebugContext* /*debug*/) override {
    return IOStatus::OK();
  }
  uint64_t GetFileSize(const IOOptions& /*options*/, IODebugContext* /*debug*/) override {
    return size_;
  }

 private:
  const std::unique_ptr<File> file_;
  uint64_t size_;
  const bool direct_;
};

class Directory final : public rocksdb::FSDirectory {
 public:
  Directory(FileSystem& files, std::string path) : files_(files), path_(std::move(path)) {}
  IOStatus Fsync(const IOOptions& /*options*/, IODebugContext* /*debug*/) override {
    return ToIoStatus(files_.SyncDirectory(path_));
  }
  IOStatus Close(const IOOptions& /*options*/, IODebugContext* /*debug*/) override {
    return IOStatus::OK();
  }

 private:
  FileSystem& files_;
  const std::string path_;
};

struct Lock final : public rocksdb::FileLock {
  explicit Lock(std::unique_ptr<credence::FileLock> taken) : held(std::move(taken)) {}
  const std::unique_ptr<credence::FileLock> held;
};

class NoMessages final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char* /*format*/, va_list /*arguments*/) override {}
  rocksdb::Status Close() override { return rocksdb::Status::OK(); }
};

class RocksFiles final : public rocksdb::FileSystem {
 public:
  explicit RocksFiles(credence::FileSystem& files) : files_(files) {}
  [[nodiscard]] const char* Name() const override { return "credence"; }

  IOStatus NewSequentialFile(const std::string& name, const FileOptions& /*options*/,
                             std::unique_ptr<rocksdb::FSSequentialFile>* result,
                             IODebugContext* /*debug*/) override {
    return OpenToRead<SequentialFile>(name, result);
  }
  IOStatus NewRandomAccessFile(const std::string& name, const FileOptions& /*options*/,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                               IODebugContext* /*debug*/) override {
    return OpenToRead<RandomAccessFile>(name, result);
  }
  IOStatus NewWritableFile(const std::string& name, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* result,
                           IODebugContext* /*debug*/) override {
    auto file = files_.Open(Path(name), OpenMode::kReplace);
    if (file.ok())
      *result = std::make_unique<WritableFile>(std::move(*file), 0, options.use_direct_writes);
    return ToIoStatus(file.status());
  }
  IOStatus ReopenWritableFile(const std::string& name, const FileOptions& options,
                              std::unique_ptr<rocksdb::FSWritableFile>* result,
                              IODebugContext* debug) override {
    if (!files_.Exists(Path(name))) return NewWritableFile(name, options, result, debug);
    auto file = files_.Open(Path(name), OpenMode::kReadWrite);
    if (!file.ok()) return ToIoStatus(file.status());
    const auto size = (*file)->Size();
    if (size.ok())
      *result = std::make_unique<WritableFile>(std::move(*file), *size, options.use_direct_writes);
    return ToIoStatus(size.status());
  }
  IOStatus NewDirectory(const std::string& name, const IOOptions& /*options*/,
                        std::unique_ptr<rocksdb::FSDirectory>* result,
                        IODebugContext* /*debug*/) override {
    if (!files_.Exists(Path(name))) return IOStatus::PathNotFound(name);
    *result = std::make_unique<Directory>(files_, Path(name));
    return IOStatus::OK();
  }

  IOStatus FileExists(const std::string& name, const IOOptions& /*options*/,
                      IODebugContext* /*debug*/) override {
    return files_.Exists(Path(name)) ? IOStatus::OK() : IOStatus::NotFound(name);
  }
  IOStatus GetChildren(const std::string& folder, const IOOptions& /*options*/,
                       std::vector<std::string>* names, IODebugContext* /*debug*/) override {
    auto listed = files_.List(Path(folder));
    if (listed.ok()) *names = std::move(*listed);
    return ToIoStatus(listed.status());
  }
  IOStatus DeleteFile(const std::string& name, const IOOptions& /*options*/,
                      IODebugContext* /*debug*/) override {
    return ToIoStatus(files_.Remove(Path(name)));
  }
  IOStatus CreateDir(const std::string& folder, const IOOptions& /*options*/,
                     IODebugContext* /*debug*/) override {
    if (files_.Exists(Path(folder))) return IOStatus::IOError(folder + " exists");
    return ToIoStatus(files_.MakeFolders(Path(folder)));
  }
  IOStatus CreateDirIfMissing(const std::string& folder, const IOOptions& /*options*/,
                              IODebugContext* /*debug*/) override {
    if (files_.Exists(Path(folder))) return IOStatus::OK();
    return ToIoStatus(files_.MakeFolders(Path(folder)));
  }
  IOStatus DeleteDir(const std::string& folder, const IOOptions& /*options*/,
                     IODebugContext* /*debug*/) override {
    return ToIoStatus(files_.Remove(Path(folder)));
  }
  IOStatus GetFileSize(const std::string& name, const IOOptions& /*options*/, uint64_t* size,
                       IODebugContext* /*debug*/) override {
    const auto file = files_.Open(Path(name), OpenMode::kRead);
    if (!file.ok()) return ToIoStatus(file.status());
    const auto bytes = (*file)->Size();
    if (bytes.ok()) *size = *bytes;
    return ToIoStatus(bytes.status());
  }
  IOStatus GetFileModificationTime(const std::string& /*name*/, const IOOptions& /*options*/,
                                   uint64_t* time, IODebugContext* /*debug*/) override {
    *time = 0;
    return IOStatus::OK();
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& /*options*/,
                      IODebugContext* /*debug*/) override {
    return ToIoStatus(files_.Rename(Path(from), Path(to)));
  }
  IOStatus LockFile(const std::string& name, const IOOptions& /*options*/, rocksdb::FileLock** lock,
                    IODebugContext* /*debug*/) override {
    *lock = nullptr;
    auto held = files_.Lock(Path(name));
    if (held.ok()) *lock = new Lock(std::move(*held));
    if (held.status().code() == StatusCode::kUnavailable) {
      return IOStatus::IOError("lock " + name + ": held by another");
    }
    return ToIoStatus(held.status());
  }
  IOStatus UnlockFile(rocksdb::FileLock* lock, const IOOptions& /*options*/,
                      IODebugContext* /*debug*/) override {
    delete static_cast<Lock*>(lock);
    return IOStatus::OK();
  }
  IOStatus GetTestDirectory(const IOOptions& /*options*/, std::string* path,
                            IODebugContext* /*debug*/) override {
    *path = "/test";
    return IOStatus::OK();
  }
  IOStatus NewLogger(const std::string& /*name*/, const IOOptions& /*options*/,
                     std::shared_ptr<rocksdb::Logger>* result, IODebugContext* /*debug*/) override {
    *result = std::make_shared<NoMessages>();
    return IOStatus::OK();
  }
  IOStatus GetAbsolutePath(const std::string& name, const IOOptions& /*options*/, std::string* path,
                           IODebugContext* /*debug*/) override {
    *path = Path(name);
    return IOStatus::OK();
  }
  IOStatus IsDirectory(const std::string& name, const IOOptions& /*options*/, bool* is_folder,
                       IODebugContext* /*debug*/) override {
    if (!files_.Exists(Path(name))) return IOStatus::PathNotFound(name);
    *is_folder = !files_.Open(Path(name), OpenMode::kRead).ok();
    return IOStatus::OK();
  }

 private:
  template <class Made, class Base>
  IOStatus OpenToRead(const std::string& name, std::unique_ptr<Base>* result) {
    auto file = files_.Open(Path(name), OpenMode::kRead);
    if (file.ok()) *result = std::make_unique<Made>(std::move(*file));
    return ToIoStatus(file.status());
  }

  credence::FileSystem& files_;
};

// After a failed merge RocksDB sleeps for a second, for the case that the disk comes back.
class ImpatientClock final : public rocksdb::SystemClockWrapper {
 public:
  using SystemClockWrapper::SystemClockWrapper;
  [[nodiscard]] const char* Name() const override { return "ImpatientClock"; }
  void SleepForMicroseconds(int micros) override {
    target_->SleepForMicroseconds(std::min(micros, kSleepMost));
  }

 private:
  static constexpr int kSleepMost = 1'000;
};

// The system's threads, with another disk and clock.
class RocksEnv final : public rocksdb::EnvWrapper {
 public:
  explicit RocksEnv(FileSystem& files)
      : EnvWrapper(rocksdb::NewCompositeEnv(std::make_shared<RocksFiles>(files))) {
    file_system_ = target()->GetFileSystem();
    system_clock_ = std::make_shared<ImpatientClock>(target()->GetSystemClock());
  }
  [[nodiscard]] const char* Name() const override { return "RocksEnv"; }
};

}  // namespace

std::unique_ptr<rocksdb::Env> RocksEnvOver(FileSystem& files) {
  return std::make_unique<RocksEnv>(files);
}

}  // namespace credence::store
