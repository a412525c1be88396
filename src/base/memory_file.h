#pragma once
// MemoryFileSystem: a FileSystem that lives in memory. For tests, and for an engine that keeps
// nothing on disk. It behaves like the real one where a caller can see it: a file that is removed
// or replaced stays readable through the Files that are open on it, a path needs its folder, a
// folder that is not empty is not removed. Sync does nothing: it never forgets, so it shows no lost
// write; use a fault-injecting one for that.
//
// Paths use '/'; "a//b", "./a/b" and "a/b/" name the same thing as "a/b"; "" and "." and "/" are
// the root, which always exists. ".." is not resolved. Calls on the file system and its Files must
// not overlap: whoever shares one between threads guards it. Files may outlive the file system.

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/file.h"

namespace credence {

class MemoryFileSystem final : public FileSystem {
 public:
  static constexpr uint64_t kBytesMaxDefault = uint64_t{1} << 32;

  // At most `bytes_max` bytes of content in all files that can still be reached; a write beyond it
  // is kResourceExhausted and changes nothing.
  explicit MemoryFileSystem(uint64_t bytes_max = kBytesMaxDefault);
  ~MemoryFileSystem() override;

  Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) override;
  Result<std::vector<std::string>> List(const std::string& folder) override;
  Status MakeFolders(const std::string& folder) override;
  // Files and whole folders; replaces a file, but not a folder.
  Status Rename(const std::string& from, const std::string& to) override;
  // A file or an empty folder.
  Status Remove(const std::string& path) override;
  Status SyncDirectory(const std::string& folder) override;
  bool Exists(const std::string& path) override;
  // Between users of this file system only.
  Result<std::unique_ptr<FileLock>> Lock(const std::string& path) override;

  [[nodiscard]] uint64_t bytes_used() const;

 private:
  struct Space;    // the count of bytes, shared with the files
  struct Content;  // of one file
  class MemoryFile;
  using Entries = std::map<std::string, std::shared_ptr<Content>, std::less<>>;

  // The entry of a normalised path; the root and folders have no content.
  [[nodiscard]] bool IsFolder(std::string_view path) const;
  [[nodiscard]] Status NeedParent(std::string_view path) const;
  [[nodiscard]] Entries::const_iterator FirstBelow(std::string_view folder) const;

  class MemoryLock;
  std::shared_ptr<Space> space_;
  std::shared_ptr<std::set<std::string>> locked_ = std::make_shared<std::set<std::string>>();
  Entries entries_;
};

}  // namespace credence
