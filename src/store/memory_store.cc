#include "src/store/memory_store.h"

#include <map>
#include <mutex>

#include "src/base/assert.h"

namespace credence::store {

namespace {

using Rows = std::map<std::string, std::string, std::less<>>;

struct Change {
  enum class Kind : uint8_t { kPut, kDelete, kDeleteRange };
  Kind kind = Kind::kPut;
  size_t table = 0;
  std::string key;
  std::string value;  // of kDeleteRange: the end
};

// What the store holds: rows and the position they are true at.
struct Content {
  std::vector<Rows> tables;
  std::optional<Position> position;

  void Apply(const std::vector<Change>& changes, const Position& at) {
    for (const Change& change : changes) {
      Rows& rows = tables.at(change.table);
      switch (change.kind) {
        case Change::Kind::kPut:
          rows.insert_or_assign(change.key, change.value);
          break;
        case Change::Kind::kDelete:
          rows.erase(change.key);
          break;
        case Change::Kind::kDeleteRange:
          if (change.key < change.value) {
            rows.erase(rows.lower_bound(change.key), rows.lower_bound(change.value));
          }
          break;
      }
    }
    position = at;
  }
};

class MemoryBatch final : public Batch {
 public:
  void Put(size_t table, std::string_view key, std::string_view value) override {
    Add({Change::Kind::kPut, table, std::string(key), std::string(value)});
  }
  void Delete(size_t table, std::string_view key) override {
    Add({Change::Kind::kDelete, table, std::string(key), {}});
  }
  void DeleteRange(size_t table, std::string_view from, std::string_view to) override {
    Add({Change::Kind::kDeleteRange, table, std::string(from), std::string(to)});
  }
  [[nodiscard]] size_t bytes() const override { return bytes_; }
  [[nodiscard]] size_t changes() const override { return list_.size(); }
  std::vector<Change> Take() {
    bytes_ = 0;
    return std::move(list_);
  }

 private:
  void Add(Change change) {
    bytes_ += change.key.size() + change.value.size();
    list_.push_back(std::move(change));
  }
  std::vector<Change> list_;
  size_t bytes_ = 0;
};

class MemoryCursor final : public Cursor {
 public:
  explicit MemoryCursor(Rows rows) : rows_(std::move(rows)), next_(rows_.begin()) {}
  Result<bool> Next(std::string_view* key, std::string_view* value) override {
    if (next_ == rows_.end()) return false;
    *key = next_->first;
    *value = next_->second;
    ++next_;
    return true;
  }

 private:
  const Rows rows_;
  Rows::const_iterator next_;
};

}  // namespace

struct MemoryBacking::Disk {
  mutable std::mutex mutex;
  Content seen;
  Content flushed;
  std::vector<std::pair<std::vector<Change>, Position>> unflushed;
  uint64_t generation = 0;  // of crashes
  bool writer = false;
  uint64_t calls = 0;
  Fault fault;

  // Counts a call and says what becomes of it. With the mutex held.
  MemoryFault Strike() {
    ++calls;
    const bool strikes =
        fault.at_call != 0 && (calls == fault.at_call || (fault.for_good && calls > fault.at_call));
    return strikes ? fault.kind : MemoryFault::kNone;
  }
  void Clear(size_t tables) {
    seen = flushed = {std::vector<Rows>(tables), std::nullopt};
    unflushed.clear();
  }
};

class MemoryStore final : public Store {
 public:
  MemoryStore(std::shared_ptr<MemoryBacking::Disk> disk, OpenMode mode)
      : disk_(std::move(disk)), mode_(mode), generation_(disk_->generation) {}
  ~MemoryStore() override {
    const std::lock_guard lock(disk_->mutex);
    if (mode_ == OpenMode::kReadWrite && disk_->generation == generation_) disk_->writer = false;
  }

  [[nodiscard]] std::optional<Position> position() const override {
    const std::lock_guard lock(disk_->mutex);
    return disk_->seen.position;
  }
  using Store::NewBatch;
  [[nodiscard]] std::unique_ptr<Batch> NewBatch(size_t /*reserve_bytes*/) const override {
    return std::make_unique<MemoryBatch>();
  }

  using Store::Write;
  Status Write(std::span<Batch* const> batches, const Position& position) override {
    const std::lock_guard lock(disk_->mutex);
    CREDENCE_TRY(Writable());
    const MemoryFault fault = disk_->Strike();
    if (fault == MemoryFault::kBefore) return Failed("write");
    std::vector<Change> changes;
    for (Batch* batch : batches) {
      for (Change& change : static_cast<MemoryBatch*>(batch)->Take()) {
        changes.push_back(std::move(change));
      }
    }
    disk_->seen.Apply(changes, position);
    disk_->unflushed.emplace_back(std::move(changes), position);
    return fault == MemoryFault::kAfter ? Failed("write") : OkStatus();
  }

  Status Flush() override {
    const std::lock_guard lock(disk_->mutex);
    CREDENCE_TRY(Writable());
    const MemoryFault fault = disk_->Strike();
    if (fault == MemoryFault::kBefore) return Failed("flush");
    for (const auto& [changes, position] : disk_->unflushed) {
      disk_->flushed.Apply(changes, position);
    }
    disk_->unflushed.clear();
    return fault == MemoryFault::kAfter ? Failed("flush") : OkStatus();
  }

  Result<bool> Get(size_t table, std::string_view key, std::string* value) const override {
    const std::lock_guard lock(disk_->mutex);
    const Rows& rows = disk_->seen.tables.at(table);
    const auto found = rows.find(key);
    if (found == rows.end()) return false;
    *value = found->second;
    return true;
  }
  Status MultiGet(size_t table, std::span<const std::string> keys,
                  std::vector<std::optional<std::string>>* values) const override {
    values->clear();
    for (const std::string& key : keys) {
      std::string value;
      CREDENCE_ASSIGN(const bool found, Get(table, key, &value));
      values->push_back(found ? std::optional(std::move(value)) : std::nullopt);
    }
    return {};
  }
  [[nodiscard]] std::unique_ptr<Cursor> Scan(size_t table) const override {
    const std::lock_guard lock(disk_->mutex);
    return std::make_unique<MemoryCursor>(disk_->seen.tables.at(table));
  }

  Status Snapshot(const std::string&) override {
    return Unimplemented("a store in memory has no folder to be copied to");
  }
  [[nodiscard]] uint64_t disk_bytes() const override {
    const std::lock_guard lock(disk_->mutex);
    uint64_t bytes = 0;
    for (const Rows& rows : disk_->flushed.tables) {
      for (const auto& [key, value] : rows) bytes += key.size() + value.size();
    }
    return bytes;
  }

 private:
  static Status Failed(const char* call) {
    return IoError(std::string("store in memory: ") + call + ": a fault that was asked for");
  }
  [[nodiscard]] Status Writable() const {
    if (mode_ == OpenMode::kRead) return Unavailable("the store was opened for reading only");
    if (disk_->generation != generation_) return IoError("store in memory: the power went");
    return {};
  }

  const std::shared_ptr<MemoryBacking::Disk> disk_;
  const OpenMode mode_;
  const uint64_t generation_;
};

MemoryBacking::MemoryBacking(std::vector<std::string> tables) : disk_(std::make_shared<Disk>()) {
  disk_->Clear(tables.size());
}
MemoryBacking::~MemoryBacking() = default;

Result<std::unique_ptr<Store>> MemoryBacking::Open(OpenMode mode) {
  const std::lock_guard lock(disk_->mutex);
  if (mode == OpenMode::kRead) {
    if (!disk_->seen.position) return NotFound("there is no store in memory");
  } else {
    if (disk_->writer) return Unavailable("the store in memory is open for writing already");
    disk_->writer = true;
    // Who opens it again sees what is on disk; so does RocksDB.
    disk_->seen = disk_->flushed;
    disk_->unflushed.clear();
  }
  return std::unique_ptr<Store>(new MemoryStore(disk_, mode));
}

Status MemoryBacking::Destroy() {
  const std::lock_guard lock(disk_->mutex);
  CREDENCE_ASSERT(!disk_->writer);
  disk_->Clear(disk_->seen.tables.size());
  return {};
}

void MemoryBacking::LoseUnflushed() {
  const std::lock_guard lock(disk_->mutex);
  disk_->seen = disk_->flushed;
  disk_->unflushed.clear();
  disk_->writer = false;
  disk_->fault = {};
  ++disk_->generation;
}

uint64_t MemoryBacking::calls() const {
  const std::lock_guard lock(disk_->mutex);
  return disk_->calls;
}

void MemoryBacking::set_fault(const Fault& fault) {
  const std::lock_guard lock(disk_->mutex);
  disk_->fault = fault;
}

void MemoryBacking::Damage(size_t table, std::string_view key, std::string_view value) {
  const std::lock_guard lock(disk_->mutex);
  for (Content* content : {&disk_->seen, &disk_->flushed}) {
    const auto found = content->tables.at(table).find(key);
    if (found != content->tables[table].end()) found->second = value;
  }
}

size_t MemoryBacking::rows(size_t table) const {
  const std::lock_guard lock(disk_->mutex);
  return disk_->seen.tables.at(table).size();
}

}  // namespace credence::store
