#pragma once
// FaultFileSystem: files in memory, for tests. It keeps apart what programs see and what is on
// disk, so that Crash() forgets what was not synced: bytes, sizes, names, removals and folders
// alike. A kill -9 test on a real disk passes without a single sync, since the page cache survives;
// this one does not.
//
// Modelled: a write that a kill or an error cuts short ends anywhere where it makes the file grow,
// and between two sectors where bytes were before (the kernel copies page by page); a write reaches
// the disk in sectors of 512 bytes, each whole or not at all and in any order; a failed sync loses
// its writes for good while readers go on seeing them (Linux marks the pages clean); changes of
// names reach the disk in order, at the latest with SyncDirectory of their folder. Every call of
// FileSystem and File is counted from 1; a Fault strikes at one of them. Same seed, same calls:
// same outcome. Calls may come from several threads, on one File too, and are done one at a time.

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>

#include "src/base/file.h"
#include "src/base/random.h"

namespace credence::journal {

enum class FaultKind : uint8_t {
  kError,      // the call fails with kIoError; a write may have been done in part, a sync loses its
               // writes
  kStop,       // the power goes during the call: it and all later ones fail until Crash()
  kShortRead,  // a read returns fewer bytes than there are, and says ok; other calls are not
               // touched
};

struct Fault {
  uint64_t at_call = 0;  // 0: never
  FaultKind kind = FaultKind::kError;
};

enum class CrashKind : uint8_t {
  kDropUnsynced,  // nothing survives that was not synced
  kTear,          // of what was not synced, each sector survives or not by chance
  kKeepAll,       // only the process died
};

// A call that is about to change what is seen or what is on disk.
struct PendingChange {
  enum class Kind : uint8_t { kWrite, kSync, kRemove, kOther };
  Kind kind = Kind::kOther;
  std::string_view path;
  const void* file = nullptr;  // of a write
  uint64_t offset = 0;
  std::string_view bytes;
};

class FaultFileSystem final : public FileSystem {
 public:
  explicit FaultFileSystem(uint64_t seed = 1) : random_(seed) {}
  ~FaultFileSystem() override;
  FaultFileSystem(FaultFileSystem&&) = default;
  FaultFileSystem& operator=(FaultFileSystem&&) = default;

  Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) override;
  Result<std::vector<std::string>> List(const std::string& folder) override;
  Status MakeFolders(const std::string& folder) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status Remove(const std::string& path) override;
  Status SyncDirectory(const std::string& folder) override;
  bool Exists(const std::string& path) override;
  Result<std::unique_ptr<FileLock>> Lock(const std::string& path) override;

  void set_fault(const Fault& fault) {
    const std::lock_guard lock(*mutex_);
    fault_ = fault;
  }
  [[nodiscard]] uint64_t calls() const {
    const std::lock_guard lock(*mutex_);
    return calls_;
  }
  // Writes fail with kResourceExhausted when all files together would hold more.
  void set_bytes_max(uint64_t bytes) {
    const std::lock_guard lock(*mutex_);
    bytes_max_ = bytes;
  }
  // Of all files together, as seen.
  [[nodiscard]] uint64_t bytes() const;

  // The machine restarts: what is on disk becomes what is seen. Every File and FileLock from before
  // is dead (their calls fail, their locks are gone).
  void Crash(CrashKind kind);

  // Called before each call that changes something, on its thread, unless a fault has stopped
  // everything. With Clone, every moment of one run can be looked at as if the power had gone then.
  void set_before_change(std::function<void(const PendingChange&)> before_change) {
    const std::lock_guard lock(*mutex_);
    before_change_ = std::move(before_change);
  }
  // The same content, seen and on disk, and nothing open. With `part`: a write was cut short after
  // `part_bytes` bytes.
  [[nodiscard]] std::unique_ptr<FaultFileSystem> Clone(uint64_t seed,
                                                       const PendingChange* part = nullptr,
                                                       uint64_t part_bytes = 0) const;

  // For looking and for damage: the content as seen, and putting another in its place, synced.
  [[nodiscard]] std::string Content(const std::string& path) const;
  void SetContent(const std::string& path, std::string content);
  // Opening a file for anything but reading, and any other change, is a test's failure from now on.
  void Freeze() { frozen_ = true; }
  [[nodiscard]] bool changed_while_frozen() const { return changed_while_frozen_; }

 private:
  friend class FaultFile;
  friend class FaultLock;
  struct Change {  // one write, or a truncation if `truncate`
    uint64_t offset = 0;
    std::string bytes;
    bool truncate = false;
  };
  struct Node {
    bool folder = false;
    std::string seen;
    std::string on_disk;
    std::vector<Change> unsynced;
  };
  using Entries = std::map<std::string, std::shared_ptr<Node>>;
  struct Naming {  // entries that change together; nullptr removes
    std::string folder;
    std::vector<std::pair<std::string, std::shared_ptr<Node>>> entries;
  };
  enum class Outcome : uint8_t { kGoOn, kFail, kShort };

  // Counts the call, which changes something, and says what becomes of it.
  Outcome Strike(const PendingChange& change);
  Outcome StrikeChange(const std::string& path) {
    return Strike({PendingChange::Kind::kOther, path, nullptr, 0, {}});
  }
  // The same of a call that changes nothing.
  Outcome Count();
  static Status Broken(const std::string& path);
  void Name(const std::string& folder,
            std::vector<std::pair<std::string, std::shared_ptr<Node>>> entries);
  static void Apply(const Naming& naming, Entries* entries);
  static void Apply(const Change& change, std::string* content);
  void ApplyTorn(const Change& change, std::string* content);
  // How much of a write is done that does not come to its end.
  [[nodiscard]] uint64_t PartOf(uint64_t offset, uint64_t size, uint64_t file_bytes);
  [[nodiscard]] uint64_t BytesSeen() const;

  // Recursive: what is called before a change may look at the files.
  std::unique_ptr<std::recursive_mutex> mutex_ = std::make_unique<std::recursive_mutex>();
  Random random_;
  Entries seen_;
  Entries on_disk_;
  std::vector<Naming> unsynced_names_;
  std::set<std::string> locks_;
  uint64_t generation_ = 0;
  uint64_t calls_ = 0;
  uint64_t bytes_max_ = UINT64_MAX;
  Fault fault_;
  bool stopped_ = false;
  bool frozen_ = false;
  bool changed_while_frozen_ = false;
  std::function<void(const PendingChange&)> before_change_;
};

}  // namespace credence::journal
