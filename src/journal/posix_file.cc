#include "src/journal/posix_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <system_error>
#include <utility>

#include "src/base/assert.h"

namespace credence::journal {

namespace {

Status Failure(const std::string& path, const char* call, int error) {
  std::string text = path + ": " + call + ": " + std::generic_category().message(error);
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return ResourceExhausted(std::move(text));
    case ENOENT:
      return NotFound(std::move(text));
    case EEXIST:
      return AlreadyExists(std::move(text));
    default:
      return IoError(std::move(text));
  }
}

// Repeats a call that a signal interrupted.
template <class Call>
auto Retry(Call call) {
  for (;;) {
    const auto result = call();
    if (result != -1 || errno != EINTR) return result;
  }
}

// Owns a file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor& operator=(Descriptor&&) = delete;
  // Nothing is lost with a failing close: what must last was synced.
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

class PosixFile final : public File {
 public:
  PosixFile(std::string path, Descriptor descriptor, const PosixCalls& calls)
      : path_(std::move(path)), descriptor_(std::move(descriptor)), calls_(calls) {}

  Status WriteAt(uint64_t offset, std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t done = Retry([&] {
        return calls_.pwrite(descriptor_.fd(), bytes.data(), bytes.size(),
                             static_cast<off_t>(offset));
      });
      if (done < 0) return Failure(path_, "pwrite", errno);
      if (done == 0) return IoError(path_ + ": pwrite wrote nothing");
      bytes.remove_prefix(static_cast<size_t>(done));
      offset += static_cast<uint64_t>(done);
    }
    return OkStatus();
  }

  Status WriteBlocks(uint64_t offset, std::string_view bytes) override {
    CREDENCE_ASSERT(offset % kDiskBlockBytes == 0 && bytes.size() % kDiskBlockBytes == 0 &&
                    reinterpret_cast<uintptr_t>(bytes.data()) % kDiskBlockBytes == 0);
    if (!direct_tried_) OpenDirect();
    while (direct_.has_value() && !bytes.empty()) {
      const ssize_t done = Retry([&] {
        return calls_.pwrite(direct_->fd(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      });
      if (done == 0) return IoError(path_ + ": pwrite wrote nothing");
      if (done < 0) {
        if (errno != EINVAL && errno != EOPNOTSUPP) return Failure(path_, "pwrite", errno);
        direct_.reset();
        break;
      }
      bytes.remove_prefix(static_cast<size_t>(done));
      offset += static_cast<uint64_t>(done);
      if (offset % kDiskBlockBytes != 0) break;  // the rest is not in blocks any more
    }
    return WriteAt(offset, bytes);
  }

  Status ReadAt(uint64_t offset, size_t size, std::string* out) override {
    out->resize(size);
    size_t filled = 0;
    while (filled < size) {
      const ssize_t done = Retry([&] {
        return calls_.pread(descriptor_.fd(), out->data() + filled, size - filled,
                            static_cast<off_t>(offset + filled));
      });
      if (done < 0) {
        out->clear();
        return Failure(path_, "pread", errno);
      }
      if (done == 0) break;
      filled += static_cast<size_t>(done);
    }
    out->resize(filled);
    return OkStatus();
  }

  Status Sync() override {
    // Not repeated on failure: the kernel may take the pages for clean and report success the
    // second time.
    if (calls_.fdatasync(descriptor_.fd()) != 0) return Failure(path_, "fdatasync", errno);
    return OkStatus();
  }

  Status Truncate(uint64_t size) override {
    if (Retry([&] { return ::ftruncate(descriptor_.fd(), static_cast<off_t>(size)); }) != 0) {
      return Failure(path_, "ftruncate", errno);
    }
    return OkStatus();
  }

  Result<uint64_t> Size() override {
    struct stat info {};
    if (::fstat(descriptor_.fd(), &info) != 0) return Failure(path_, "fstat", errno);
    return static_cast<uint64_t>(info.st_size);
  }

 private:
  // The path may name another file by now.
  void OpenDirect() {
    direct_tried_ = true;
    Descriptor direct(
        Retry([&] { return ::open(path_.c_str(), O_WRONLY | O_DIRECT | O_CLOEXEC); }));
    struct stat here {};
    struct stat there {};
    if (direct.fd() < 0 || ::fstat(descriptor_.fd(), &here) != 0 ||
        ::fstat(direct.fd(), &there) != 0 || here.st_dev != there.st_dev ||
        here.st_ino != there.st_ino) {
      return;
    }
    direct_.emplace(std::move(direct));
  }

  const std::string path_;
  const Descriptor descriptor_;
  const PosixCalls calls_;
  std::optional<Descriptor> direct_;
  bool direct_tried_ = false;
};

class PosixLock final : public FileLock {
 public:
  explicit PosixLock(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

 private:
  const Descriptor descriptor_;
};

int Flags(OpenMode mode) {
  switch (mode) {
    case OpenMode::kRead:
      return O_RDONLY;
    case OpenMode::kReadWrite:
      return O_RDWR;
    case OpenMode::kCreateNew:
      return O_RDWR | O_CREAT | O_EXCL;
    case OpenMode::kReplace:
      return O_RDWR | O_CREAT | O_TRUNC;
  }
  CREDENCE_UNREACHABLE();
}

// Only the owner reads what a journal holds.
constexpr mode_t kFileMode = 0600;
constexpr mode_t kFolderMode = 0700;

}  // namespace

PosixCalls PosixCalls::Real() { return {::pread, ::pwrite, ::fdatasync}; }

Result<std::unique_ptr<File>> PosixFileSystem::Open(const std::string& path, OpenMode mode) {
  Descriptor descriptor(
      Retry([&] { return ::open(path.c_str(), Flags(mode) | O_CLOEXEC, kFileMode); }));
  if (descriptor.fd() < 0) return Failure(path, "open", errno);
  return std::unique_ptr<File>(std::make_unique<PosixFile>(path, std::move(descriptor), calls_));
}

Result<std::vector<std::string>> PosixFileSystem::List(const std::string& folder) {
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(folder.c_str()), ::closedir);
  if (stream == nullptr) return Failure(folder, "opendir", errno);
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return Failure(folder, "readdir", errno);
  std::sort(names.begin(), names.end());
  return names;
}

Status PosixFileSystem::MakeFolders(const std::string& folder) {
  for (size_t slash = folder.find('/', 1);; slash = folder.find('/', slash + 1)) {
    const std::string part = folder.substr(0, slash);
    if (::mkdir(part.c_str(), kFolderMode) != 0 && errno != EEXIST) {
      return Failure(part, "mkdir", errno);
    }
    if (slash == std::string::npos) break;
  }
  struct stat info {};
  if (::stat(folder.c_str(), &info) != 0) return Failure(folder, "stat", errno);
  if (!S_ISDIR(info.st_mode)) return AlreadyExists(folder + " exists and is not a folder");
  return OkStatus();
}

Status PosixFileSystem::Rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return Failure(from, "rename", errno);
  return OkStatus();
}

Status PosixFileSystem::Remove(const std::string& path) {
  if (::unlink(path.c_str()) != 0) return Failure(path, "unlink", errno);
  return OkStatus();
}

Status PosixFileSystem::SyncDirectory(const std::string& folder) {
  const Descriptor descriptor(
      Retry([&] { return ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (descriptor.fd() < 0) return Failure(folder, "open", errno);
  if (::fsync(descriptor.fd()) != 0) return Failure(folder, "fsync", errno);
  return OkStatus();
}

bool PosixFileSystem::Exists(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0;
}

Result<std::unique_ptr<FileLock>> PosixFileSystem::Lock(const std::string& path) {
  Descriptor descriptor(
      Retry([&] { return ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kFileMode); }));
  if (descriptor.fd() < 0) return Failure(path, "open", errno);
  if (Retry([&] { return ::flock(descriptor.fd(), LOCK_EX | LOCK_NB); }) != 0) {
    if (errno != EWOULDBLOCK) return Failure(path, "flock", errno);
    return Unavailable(path + " is held by another writer; only one may have it");
  }
  return std::unique_ptr<FileLock>(std::make_unique<PosixLock>(std::move(descriptor)));
}

}  // namespace credence::journal
