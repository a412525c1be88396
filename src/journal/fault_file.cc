#include "src/journal/fault_file.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "src/base/assert.h"

namespace credence::journal {

namespace {
constexpr uint64_t kTearBytes = 512;

std::string FolderOf(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

bool IsRoot(const std::string& folder) { return folder == "/" || folder == "."; }
}  // namespace

class FaultFile final : public File {
 public:
  FaultFile(FaultFileSystem* files, std::string path, std::shared_ptr<FaultFileSystem::Node> node,
            bool writable)
      : files_(files),
        path_(std::move(path)),
        node_(std::move(node)),
        generation_(files->generation_),
        writable_(writable) {}

  Status WriteAt(uint64_t offset, std::string_view bytes) override {
    const std::lock_guard lock(*files_->mutex_);
    CREDENCE_TRY(Alive());
    if (!writable_) return IoError(path_ + " is open for reading only");
    const auto outcome =
        files_->Strike({PendingChange::Kind::kWrite, path_, node_.get(), offset, bytes});
    if (outcome == FaultFileSystem::Outcome::kFail) {
      bytes = bytes.substr(0, files_->PartOf(offset, bytes.size(), node_->seen.size()));
    } else {
      const uint64_t grows = offset + bytes.size() > node_->seen.size()
                                 ? offset + bytes.size() - node_->seen.size()
                                 : 0;
      if (files_->BytesSeen() + grows > files_->bytes_max_) {
        return ResourceExhausted(path_ + ": no space left");
      }
    }
    FaultFileSystem::Change change{offset, std::string(bytes), false};
    FaultFileSystem::Apply(change, &node_->seen);
    node_->unsynced.push_back(std::move(change));
    if (outcome == FaultFileSystem::Outcome::kFail) return FaultFileSystem::Broken(path_);
    return OkStatus();
  }

  // Past a page cache or not: what was not synced is on no disk that outlives the power.
  Status WriteBlocks(uint64_t offset, std::string_view bytes) override {
    CREDENCE_ASSERT(offset % kDiskBlockBytes == 0 && bytes.size() % kDiskBlockBytes == 0 &&
                    reinterpret_cast<uintptr_t>(bytes.data()) % kDiskBlockBytes == 0);
    return WriteAt(offset, bytes);
  }

  Status ReadAt(uint64_t offset, size_t size, std::string* out) override {
    const std::lock_guard lock(*files_->mutex_);
    CREDENCE_TRY(Alive());
    const auto outcome = files_->Count();
    out->clear();
    if (outcome == FaultFileSystem::Outcome::kFail) return FaultFileSystem::Broken(path_);
    if (offset < node_->seen.size()) *out = node_->seen.substr(offset, size);
    if (outcome == FaultFileSystem::Outcome::kShort && !out->empty()) {
      out->resize(files_->random_.Below(out->size()));
    }
    return OkStatus();
  }

  Status Sync() override {
    const std::lock_guard lock(*files_->mutex_);
    CREDENCE_TRY(Alive());
    if (files_->Strike({PendingChange::Kind::kSync, path_, nullptr, 0, {}}) ==
        FaultFileSystem::Outcome::kFail) {
      if (files_->stopped_) return FaultFileSystem::Broken(path_);
      for (const auto& change : node_->unsynced) files_->ApplyTorn(change, &node_->on_disk);
      node_->unsynced.clear();
      return FaultFileSystem::Broken(path_);
    }
    for (const auto& change : node_->unsynced) FaultFileSystem::Apply(change, &node_->on_disk);
    node_->unsynced.clear();
    return OkStatus();
  }

  Status Truncate(uint64_t size) override {
    const std::lock_guard lock(*files_->mutex_);
    CREDENCE_TRY(Alive());
    if (!writable_) return IoError(path_ + " is open for reading only");
    if (files_->StrikeChange(path_) == FaultFileSystem::Outcome::kFail) {
      return FaultFileSystem::Broken(path_);
    }
    FaultFileSystem::Change change{size, "", true};
    FaultFileSystem::Apply(change, &node_->seen);
    node_->unsynced.push_back(std::move(change));
    return OkStatus();
  }

  Result<uint64_t> Size() override {
    const std::lock_guard lock(*files_->mutex_);
    CREDENCE_TRY(Alive());
    if (files_->Count() == FaultFileSystem::Outcome::kFail) {
      return FaultFileSystem::Broken(path_);
    }
    return static_cast<uint64_t>(node_->seen.size());
  }

 private:
  [[nodiscard]] Status Alive() const {
    if (generation_ != files_->generation_) return IoError(path_ + " was open before the crash");
    return OkStatus();
  }

  FaultFileSystem* const files_;
  const std::string path_;
  const std::shared_ptr<FaultFileSystem::Node> node_;
  const uint64_t generation_;
  const bool writable_;
};

class FaultLock final : public FileLock {
 public:
  FaultLock(FaultFileSystem* files, std::string path)
      : files_(files), path_(std::move(path)), generation_(files->generation_) {}
  FaultLock(const FaultLock&) = delete;
  FaultLock& operator=(const FaultLock&) = delete;
  ~FaultLock() override {
    const std::lock_guard lock(*files_->mutex_);
    if (generation_ == files_->generation_) files_->locks_.erase(path_);
  }

 private:
  FaultFileSystem* const files_;
  const std::string path_;
  const uint64_t generation_;
};

FaultFileSystem::~FaultFileSystem() = default;

FaultFileSystem::Outcome FaultFileSystem::Strike(const PendingChange& change) {
  if (before_change_ && !stopped_) before_change_(change);
  if (frozen_) changed_while_frozen_ = true;
  return Count();
}

FaultFileSystem::Outcome FaultFileSystem::Count() {
  if (stopped_) return Outcome::kFail;
  ++calls_;
  if (calls_ != fault_.at_call) return Outcome::kGoOn;
  if (fault_.kind == FaultKind::kShortRead) return Outcome::kShort;
  stopped_ = fault_.kind == FaultKind::kStop;
  return Outcome::kFail;
}

Status FaultFileSystem::Broken(const std::string& path) {
  return IoError(path + ": the fault that the test asked for");
}

void FaultFileSystem::Apply(const Naming& naming, Entries* entries) {
  for (const auto& [path, node] : naming.entries) {
    if (node == nullptr) {
      entries->erase(path);
    } else {
      (*entries)[path] = node;
    }
  }
}

void FaultFileSystem::Apply(const Change& change, std::string* content) {
  if (change.truncate) {
    content->resize(change.offset, '\0');
    return;
  }
  if (change.bytes.empty()) return;
  if (content->size() < change.offset + change.bytes.size()) {
    content->resize(change.offset + change.bytes.size(), '\0');
  }
  std::memcpy(content->data() + change.offset, change.bytes.data(), change.bytes.size());
}

void FaultFileSystem::ApplyTorn(const Change& change, std::string* content) {
  if (change.truncate) {
    if (random_.OneIn(2)) Apply(change, content);
    return;
  }
  // The size may arrive without the bytes, as zeros.
  const uint64_t end = change.offset + change.bytes.size();
  if (random_.OneIn(2) && content->size() < end) content->resize(end, '\0');
  for (uint64_t at = change.offset; at < end;) {
    const uint64_t next = std::min((at / kTearBytes + 1) * kTearBytes, end);
    if (random_.OneIn(2)) {
      Apply(Change{at, change.bytes.substr(at - change.offset, next - at), false}, content);
    }
    at = next;
  }
}

void FaultFileSystem::Name(const std::string& folder,
                           std::vector<std::pair<std::string, std::shared_ptr<Node>>> entries) {
  Naming naming{folder, std::move(entries)};
  Apply(naming, &seen_);
  unsynced_names_.push_back(std::move(naming));
}

uint64_t FaultFileSystem::PartOf(uint64_t offset, uint64_t size, uint64_t file_bytes) {
  const uint64_t end = offset + random_.Below(size + 1);
  if (end >= file_bytes) return end - offset;
  return std::max(offset, end / kTearBytes * kTearBytes) - offset;
}

uint64_t FaultFileSystem::BytesSeen() const {
  uint64_t bytes = 0;
  for (const auto& [path, node] : seen_) bytes += node->seen.size();
  return bytes;
}

uint64_t FaultFileSystem::bytes() const {
  const std::lock_guard lock(*mutex_);
  return BytesSeen();
}

Result<std::unique_ptr<File>> FaultFileSystem::Open(const std::string& path, OpenMode mode) {
  const std::lock_guard lock(*mutex_);
  const Outcome outcome = mode == OpenMode::kRead ? Count() : StrikeChange(path);
  if (outcome == Outcome::kFail) return Broken(path);
  const auto found = seen_.find(path);
  const bool exists = found != seen_.end();
  if (exists && found->second->folder) return IoError(path + " is a folder");
  const bool creates = mode == OpenMode::kCreateNew || mode == OpenMode::kReplace;
  if (!exists && !creates) return NotFound(path);
  if (exists && mode == OpenMode::kCreateNew) return AlreadyExists(path);
  std::shared_ptr<Node> node;
  if (exists) {
    node = found->second;
    if (mode == OpenMode::kReplace) {
      const Change change{0, "", true};
      Apply(change, &node->seen);
      node->unsynced.push_back(change);
    }
  } else {
    const std::string folder = FolderOf(path);
    if (!IsRoot(folder) && seen_.find(folder) == seen_.end()) return NotFound(folder);
    node = std::make_shared<Node>();
    Name(folder, {{path, node}});
  }
  return std::unique_ptr<File>(
      std::make_unique<FaultFile>(this, path, std::move(node), mode != OpenMode::kRead));
}

Result<std::vector<std::string>> FaultFileSystem::List(const std::string& folder) {
  const std::lock_guard lock(*mutex_);
  if (Count() == Outcome::kFail) return Broken(folder);
  if (!IsRoot(folder) && seen_.find(folder) == seen_.end()) return NotFound(folder);
  std::vector<std::string> names;
  for (const auto& [path, node] : seen_) {
    if (FolderOf(path) == folder) names.push_back(path.substr(path.find_last_of('/') + 1));
  }
  return names;
}

Status FaultFileSystem::MakeFolders(const std::string& folder) {
  const std::lock_guard lock(*mutex_);
  if (StrikeChange(folder) == Outcome::kFail) return Broken(folder);
  for (size_t slash = folder.find('/', 1);; slash = folder.find('/', slash + 1)) {
    const std::string part = folder.substr(0, slash);
    const auto found = seen_.find(part);
    if (found == seen_.end()) {
      auto node = std::make_shared<Node>();
      node->folder = true;
      Name(FolderOf(part), {{part, node}});
    } else if (!found->second->folder) {
      return AlreadyExists(part + " exists and is not a folder");
    }
    if (slash == std::string::npos) return OkStatus();
  }
}

Status FaultFileSystem::Rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(*mutex_);
  if (StrikeChange(from) == Outcome::kFail) return Broken(from);
  const auto found = seen_.find(from);
  if (found == seen_.end()) return NotFound(from);
  CREDENCE_ASSERT(FolderOf(from) == FolderOf(to) && !found->second->folder);
  const std::shared_ptr<Node> node = found->second;
  Name(FolderOf(to), {{from, nullptr}, {to, node}});
  return OkStatus();
}

Status FaultFileSystem::Remove(const std::string& path) {
  const std::lock_guard lock(*mutex_);
  if (Strike({PendingChange::Kind::kRemove, path, nullptr, 0, {}}) == Outcome::kFail) {
    return Broken(path);
  }
  if (seen_.find(path) == seen_.end()) return NotFound(path);
  Name(FolderOf(path), {{path, nullptr}});
  return OkStatus();
}

Status FaultFileSystem::SyncDirectory(const std::string& folder) {
  const std::lock_guard lock(*mutex_);
  if (StrikeChange(folder) == Outcome::kFail) return Broken(folder);
  if (!IsRoot(folder) && seen_.find(folder) == seen_.end()) return NotFound(folder);
  for (const Naming& naming : unsynced_names_) {
    if (naming.folder == folder) Apply(naming, &on_disk_);
  }
  std::erase_if(unsynced_names_, [&](const Naming& naming) { return naming.folder == folder; });
  return OkStatus();
}

std::unique_ptr<FaultFileSystem> FaultFileSystem::Clone(uint64_t seed, const PendingChange* part,
                                                        uint64_t part_bytes) const {
  const std::lock_guard lock(*mutex_);
  auto clone = std::make_unique<FaultFileSystem>(seed);
  std::map<const Node*, std::shared_ptr<Node>> copies;
  const auto copy = [&](const std::shared_ptr<Node>& node) -> std::shared_ptr<Node> {
    if (node == nullptr) return nullptr;
    auto& made = copies[node.get()];
    if (made == nullptr) made = std::make_shared<Node>(*node);
    return made;
  };
  for (const auto& [path, node] : seen_) clone->seen_.emplace(path, copy(node));
  for (const auto& [path, node] : on_disk_) clone->on_disk_.emplace(path, copy(node));
  for (const Naming& naming : unsynced_names_) {
    Naming& made = clone->unsynced_names_.emplace_back(Naming{naming.folder, {}});
    for (const auto& [path, node] : naming.entries) made.entries.emplace_back(path, copy(node));
  }
  clone->bytes_max_ = bytes_max_;
  if (part != nullptr && part_bytes > 0) {
    const auto written = copies.find(static_cast<const Node*>(part->file));
    CREDENCE_ASSERT(written != copies.end());
    Change change{part->offset, std::string(part->bytes.substr(0, part_bytes)), false};
    Apply(change, &written->second->seen);
    written->second->unsynced.push_back(std::move(change));
  }
  return clone;
}

// The file that a lock stands for is there while it is held.
bool FaultFileSystem::Exists(const std::string& path) {
  const std::lock_guard lock(*mutex_);
  return seen_.contains(path) || locks_.contains(path);
}

Result<std::unique_ptr<FileLock>> FaultFileSystem::Lock(const std::string& path) {
  const std::lock_guard lock(*mutex_);
  if (StrikeChange(path) == Outcome::kFail) return Broken(path);
  if (!locks_.insert(path).second) return Unavailable(path + " is held by another writer");
  return std::unique_ptr<FileLock>(std::make_unique<FaultLock>(this, path));
}

void FaultFileSystem::Crash(CrashKind kind) {
  const std::lock_guard lock(*mutex_);
  locks_.clear();
  ++generation_;
  stopped_ = false;
  fault_ = Fault();
  // When only the process dies, the page cache survives with what it owes the disk.
  if (kind == CrashKind::kKeepAll) return;
  const size_t kept =
      kind == CrashKind::kTear ? random_.Below(unsynced_names_.size() + 1) : size_t{0};
  for (size_t i = 0; i < kept; ++i) Apply(unsynced_names_[i], &on_disk_);
  unsynced_names_.clear();
  // What stands in a folder that is not on disk is not on disk. A folder sorts before what it
  // holds.
  for (auto it = on_disk_.begin(); it != on_disk_.end();) {
    const std::string folder = FolderOf(it->first);
    it = IsRoot(folder) || on_disk_.contains(folder) ? std::next(it) : on_disk_.erase(it);
  }
  for (const auto& [path, node] : on_disk_) {
    if (kind == CrashKind::kTear) {
      for (const Change& change : node->unsynced) ApplyTorn(change, &node->on_disk);
    }
    node->seen = node->on_disk;
    node->unsynced.clear();
  }
  seen_ = on_disk_;
}

std::string FaultFileSystem::Content(const std::string& path) const {
  const std::lock_guard lock(*mutex_);
  const auto found = seen_.find(path);
  CREDENCE_ASSERT(found != seen_.end());
  return found->second->seen;
}

void FaultFileSystem::SetContent(const std::string& path, std::string content) {
  const std::lock_guard lock(*mutex_);
  std::shared_ptr<Node> node;
  const auto found = seen_.find(path);
  if (found != seen_.end()) {
    node = found->second;
  } else {
    node = std::make_shared<Node>();
    seen_[path] = node;
    on_disk_[path] = node;
  }
  node->seen = content;
  node->on_disk = std::move(content);
  node->unsynced.clear();
}

}  // namespace credence::journal
