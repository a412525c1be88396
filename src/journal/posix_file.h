#pragma once
// The real FileSystem: POSIX files through pread, pwrite, fdatasync and fsync of folders.
// Interrupted calls are repeated and short ones continued, so that File's contract holds. Errors
// name the path, the call and the system's reason: ENOSPC and EDQUOT are kResourceExhausted, ENOENT
// kNotFound, EEXIST kAlreadyExists, everything else kIoError. Locks are flock(2) on the lock file:
// they die with the process, and a second Lock in the same process is refused too.
//
// WriteBlocks goes past the page cache (O_DIRECT), by a second descriptor of the same file. Where
// the file system refuses that, at the opening or at the first write, it is WriteAt from then on.
// Linux drops the pages of the cache that such a write covers before the call returns, so that
// reads, which pass through the cache, see it; the write reaches the device and outlives it after
// Sync, as ever.

#include <sys/types.h>

#include <cstddef>

#include "src/base/file.h"

namespace credence::journal {

// The calls that a kernel may cut short or interrupt; tests give their own. Each has the contract
// of its namesake in POSIX, errno included.
struct PosixCalls {
  ssize_t (*pread)(int fd, void* out, size_t size, off_t offset);
  ssize_t (*pwrite)(int fd, const void* bytes, size_t size, off_t offset);
  int (*fdatasync)(int fd);
  static PosixCalls Real();
};

class PosixFileSystem final : public FileSystem {
 public:
  explicit PosixFileSystem(const PosixCalls& calls = PosixCalls::Real()) : calls_(calls) {}

  Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) override;
  Result<std::vector<std::string>> List(const std::string& folder) override;
  Status MakeFolders(const std::string& folder) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status Remove(const std::string& path) override;
  Status SyncDirectory(const std::string& folder) override;
  bool Exists(const std::string& path) override;
  Result<std::unique_ptr<FileLock>> Lock(const std::string& path) override;

 private:
  const PosixCalls calls_;
};

}  // namespace credence::journal
