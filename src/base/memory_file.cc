#include "src/base/memory_file.h"

#include <algorithm>

namespace credence {

struct MemoryFileSystem::Space {
  explicit Space(uint64_t max) : bytes_max(max) {}
  const uint64_t bytes_max;
  uint64_t bytes_used = 0;

  // False, and no change, if that is more than there is.
  bool Take(uint64_t bytes) {
    if (bytes > bytes_max - bytes_used) return false;
    bytes_used += bytes;
    return true;
  }
  void Give(uint64_t bytes) { bytes_used -= bytes; }
};

struct MemoryFileSystem::Content {
  explicit Content(std::shared_ptr<Space> owner) : space(std::move(owner)) {}
  ~Content() { space->Give(bytes.size()); }
  Content(const Content&) = delete;
  Content& operator=(const Content&) = delete;

  Status Resize(uint64_t size) {
    if (size > bytes.size()) {
      if (!space->Take(size - bytes.size())) {
        return ResourceExhausted("the memory file system is full: at most " +
                                 std::to_string(space->bytes_max) + " bytes");
      }
    } else {
      space->Give(bytes.size() - size);
    }
    bytes.resize(size);
    return {};
  }

  std::shared_ptr<Space> space;
  std::string bytes;
};

class MemoryFileSystem::MemoryFile final : public File {
 public:
  MemoryFile(std::shared_ptr<Content> content, bool writable)
      : content_(std::move(content)), writable_(writable) {}

  Status WriteAt(uint64_t offset, std::string_view bytes) override {
    if (!writable_) return IoError("the file is open for reading only");
    if (bytes.empty()) return {};
    if (offset > UINT64_MAX - bytes.size()) return OutOfRange("write beyond 2^64 bytes");
    const uint64_t end = offset + bytes.size();
    if (end > content_->bytes.size()) CREDENCE_TRY(content_->Resize(end));
    content_->bytes.replace(offset, bytes.size(), bytes);
    return {};
  }

  Status ReadAt(uint64_t offset, size_t size, std::string* out) override {
    const std::string_view all = content_->bytes;
    out->assign(offset < all.size() ? all.substr(offset, size) : std::string_view());
    return {};
  }

  Status Sync() override { return {}; }

  Status Truncate(uint64_t size) override {
    if (!writable_) return IoError("the file is open for reading only");
    return content_->Resize(size);
  }

  Result<uint64_t> Size() override { return uint64_t{content_->bytes.size()}; }

 private:
  std::shared_ptr<Content> content_;
  bool writable_;
};

namespace {

// Without empty and "." parts; "" is the root. A leading '/' does not count.
std::string Normalised(std::string_view path) {
  std::string made;
  while (!path.empty()) {
    const size_t slash = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, slash);
    path.remove_prefix(std::min(slash + 1, path.size()));
    if (part.empty() || part == ".") continue;
    if (!made.empty()) made.push_back('/');
    made += part;
  }
  return made;
}

bool IsBelow(std::string_view path, std::string_view folder) {
  if (folder.empty()) return !path.empty();
  return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

}  // namespace

MemoryFileSystem::MemoryFileSystem(uint64_t bytes_max)
    : space_(std::make_shared<Space>(bytes_max)) {}

MemoryFileSystem::~MemoryFileSystem() = default;

uint64_t MemoryFileSystem::bytes_used() const { return space_->bytes_used; }

bool MemoryFileSystem::IsFolder(std::string_view path) const {
  if (path.empty()) return true;
  const auto entry = entries_.find(path);
  return entry != entries_.end() && entry->second == nullptr;
}

Status MemoryFileSystem::NeedParent(std::string_view path) const {
  const size_t slash = path.rfind('/');
  const std::string_view parent = slash == std::string_view::npos ? "" : path.substr(0, slash);
  if (IsFolder(parent)) return {};
  return NotFound("there is no folder " + std::string(parent));
}

// Names are ordered by bytes, so "a-b" stands between "a" and "a/b": what is below "a" begins at
// "a/".
MemoryFileSystem::Entries::const_iterator MemoryFileSystem::FirstBelow(
    std::string_view folder) const {
  return folder.empty() ? entries_.begin() : entries_.lower_bound(std::string(folder) + "/");
}

Result<std::unique_ptr<File>> MemoryFileSystem::Open(const std::string& path, OpenMode mode) {
  const std::string name = Normalised(path);
  if (IsFolder(name)) return IoError(path + " is a folder");
  const auto entry = entries_.find(name);
  const bool exists = entry != entries_.end();
  switch (mode) {
    case OpenMode::kRead:
    case OpenMode::kReadWrite:
      if (!exists) return NotFound("there is no file " + path);
      return std::unique_ptr<File>(
          std::make_unique<MemoryFile>(entry->second, mode == OpenMode::kReadWrite));
    case OpenMode::kCreateNew:
      if (exists) return AlreadyExists(path + " exists");
      break;
    case OpenMode::kReplace:
      if (exists) {
        CREDENCE_TRY(entry->second->Resize(0));
        return std::unique_ptr<File>(std::make_unique<MemoryFile>(entry->second, true));
      }
      break;
  }
  CREDENCE_TRY(NeedParent(name));
  auto content = std::make_shared<Content>(space_);
  entries_[name] = content;
  return std::unique_ptr<File>(std::make_unique<MemoryFile>(std::move(content), true));
}

Result<std::vector<std::string>> MemoryFileSystem::List(const std::string& folder) {
  const std::string name = Normalised(folder);
  if (!IsFolder(name)) return NotFound("there is no folder " + folder);
  const size_t prefix = name.empty() ? 0 : name.size() + 1;
  std::vector<std::string> names;
  for (auto entry = FirstBelow(name); entry != entries_.end() && IsBelow(entry->first, name);
       ++entry) {
    const std::string_view rest = std::string_view(entry->first).substr(prefix);
    if (rest.find('/') == std::string_view::npos) names.emplace_back(rest);
  }
  std::sort(names.begin(), names.end());
  return names;
}

Status MemoryFileSystem::MakeFolders(const std::string& folder) {
  const std::string name = Normalised(folder);
  for (size_t end = name.find('/');; end = name.find('/', end + 1)) {
    const std::string part = name.substr(0, end);
    if (part.empty()) return {};
    const auto entry = entries_.find(part);
    if (entry != entries_.end() && entry->second != nullptr) return IoError(part + " is a file");
    if (entry == entries_.end()) entries_[part] = nullptr;
    if (end == std::string::npos) return {};
  }
}

Status MemoryFileSystem::Rename(const std::string& from, const std::string& to) {
  const std::string source = Normalised(from);
  const std::string target = Normalised(to);
  const auto entry = entries_.find(source);
  if (entry == entries_.end()) return NotFound("there is no " + from);
  if (source == target) return {};
  if (IsFolder(target)) return IoError(to + " is a folder");
  CREDENCE_TRY(NeedParent(target));
  if (IsBelow(target, source)) return IoError(to + " is inside " + from);
  if (entry->second == nullptr && entries_.contains(target)) return IoError(to + " is a file");

  Entries moved;
  moved[target] = entry->second;
  auto below = FirstBelow(source);
  while (below != entries_.end() && IsBelow(below->first, source)) {
    moved[target + below->first.substr(source.size())] = below->second;
    below = entries_.erase(below);
  }
  entries_.erase(source);
  for (auto& [name, content] : moved) entries_[name] = std::move(content);
  return {};
}

Status MemoryFileSystem::Remove(const std::string& path) {
  const std::string name = Normalised(path);
  const auto entry = entries_.find(name);
  if (entry == entries_.end()) return NotFound("there is no " + path);
  if (entry->second == nullptr) {
    const auto below = FirstBelow(name);
    if (below != entries_.end() && IsBelow(below->first, name)) {
      return IoError(path + " is not empty");
    }
  }
  entries_.erase(entry);
  return {};
}

Status MemoryFileSystem::SyncDirectory(const std::string& folder) {
  if (!IsFolder(Normalised(folder))) return NotFound("there is no folder " + folder);
  return {};
}

bool MemoryFileSystem::Exists(const std::string& path) {
  const std::string name = Normalised(path);
  // The file that a lock stands for is there while it is held.
  return name.empty() || entries_.contains(name) || locked_->contains(path);
}

class MemoryFileSystem::MemoryLock final : public FileLock {
 public:
  MemoryLock(std::shared_ptr<std::set<std::string>> locked, std::string path)
      : locked_(std::move(locked)), path_(std::move(path)) {}
  ~MemoryLock() override { locked_->erase(path_); }
  MemoryLock(const MemoryLock&) = delete;
  MemoryLock& operator=(const MemoryLock&) = delete;

 private:
  std::shared_ptr<std::set<std::string>> locked_;
  std::string path_;
};

Result<std::unique_ptr<FileLock>> MemoryFileSystem::Lock(const std::string& path) {
  if (!locked_->insert(path).second) return Unavailable(path + " is locked by another user");
  return std::unique_ptr<FileLock>(std::make_unique<MemoryLock>(locked_, path));
}

}  // namespace credence
