#pragma once
// FileSystem and File: the only door to disk. The real one is journal/posix_file.h; tests use ones
// that forget what was not synced, tear writes and fail at the n-th call.
//
// A write is durable after Sync() returned ok, and a file's name after SyncDirectory() of its
// folder did. After a failed Sync() the content is unknown: the caller must stop using the File and
// reopen. No call may be made from two threads at once on one File.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/status.h"

namespace credence {

// What can be written past a page cache is whole blocks of so many bytes.
inline constexpr uint64_t kDiskBlockBytes = 4096;

class File {
 public:
  virtual ~File() = default;
  // Writes all of `bytes` at `offset`, extending the file if need be.
  virtual Status WriteAt(uint64_t offset, std::string_view bytes) = 0;
  // The same of whole blocks, to a file system that knows a way past its page cache: offset, size
  // and address of `bytes` are multiples of kDiskBlockBytes. Whoever reads sees them at once all
  // the same.
  virtual Status WriteBlocks(uint64_t offset, std::string_view bytes) {
    return WriteAt(offset, bytes);
  }
  // Reads up to `size` bytes at `offset` into `out` (replaced). Fewer are returned only at the
  // file's end.
  virtual Status ReadAt(uint64_t offset, size_t size, std::string* out) = 0;
  // fdatasync: content and size are on disk when this returns ok.
  virtual Status Sync() = 0;
  virtual Status Truncate(uint64_t size) = 0;
  virtual Result<uint64_t> Size() = 0;
};

// Held while it lives; the last act of its destructor is to let go.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

enum class OpenMode : uint8_t {
  kRead,       // must exist
  kReadWrite,  // must exist
  kCreateNew,  // must not exist
  kReplace,    // created, or emptied if it exists
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) = 0;
  // Names (not paths) of the entries in a folder, sorted; without "." and "..".
  virtual Result<std::vector<std::string>> List(const std::string& folder) = 0;
  // Makes the folder and its parents; ok if it exists.
  virtual Status MakeFolders(const std::string& folder) = 0;
  virtual Status Rename(const std::string& from, const std::string& to) = 0;
  virtual Status Remove(const std::string& path) = 0;
  virtual Status SyncDirectory(const std::string& folder) = 0;
  virtual bool Exists(const std::string& path) = 0;
  // Takes the lock that the file `path` stands for (created if missing) for this process alone.
  // kUnavailable if it is held, by another process or by this one. A process that dies lets go.
  virtual Result<std::unique_ptr<FileLock>> Lock(const std::string& path);
};

// The whole content of a file of at most `bytes_max` bytes; kOutOfRange if it is larger.
Result<std::string> ReadWholeFile(FileSystem& files, const std::string& path, uint64_t bytes_max);
// Makes the folder and its parents so that they outlive a crash: a folder is on disk once the one
// that names it was synced. Ok if it exists; its name is synced all the same, since whoever made it
// may not have come so far.
Status MakeFoldersDurably(FileSystem& files, const std::string& folder);
// Writes beside, syncs, renames over, syncs the folder: a reader sees the old or the new, whole.
Status ReplaceFile(FileSystem& files, const std::string& path, std::string_view content);

}  // namespace credence
