#include "src/store/rocks_store.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/file_system.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/options.h>
#include <rocksdb/rate_limiter.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <span>
#include <system_error>

#include "src/base/assert.h"
#include "src/base/prefetch.h"
#include "src/store/rocks_files.h"
#include "src/thread/thread.h"

namespace credence::store {

namespace {

// In the column family "default", which holds nothing else.
constexpr char kPositionKey[] = "position";
// A table in memory is flushed by Flush; this is only where RocksDB would do so by itself.
constexpr size_t kWriteBufferBytes = size_t{512} << 20;
constexpr int kBloomBitsPerKey = 10;
constexpr size_t kBlockBytes = 4 << 10;
// How much RocksDB hands to the disk at a time, and how often it may.
constexpr uint64_t kSyncStepBytes = uint64_t{256} << 10;
constexpr int64_t kRateStepUs = 10'000;
constexpr int64_t kHurryTimes = 4;
// Until no row is left in memory.
constexpr int kFlushesMost = 3;
// Few: a block that does not fit its share of the cache is read again each time.
constexpr int kCacheShardBits = 3;

rocksdb::Slice ToSlice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
std::string_view ToView(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

Status ToStatus(const rocksdb::Status& status, const std::string& what) {
  if (status.ok()) return {};
  const std::string message = what + ": " + status.ToString();
  if (status.IsCorruption()) return DataLoss(message);
  if (status.IsNoSpace() || status.IsMemoryLimit()) return ResourceExhausted(message);
  if (status.IsNotFound()) return NotFound(message);
  return IoError(message);
}

// A store that cannot be opened is damaged, unless the system refused.
Status ToOpenStatus(const rocksdb::Status& status, const std::string& folder) {
  if (status.ok()) return {};
  const std::string what = "the store " + folder;
  if (status.IsInvalidArgument() || status.IsPathNotFound() || status.IsNotFound() ||
      status.IsNotSupported()) {
    return DataLoss(what + ": " + status.ToString());
  }
  if (status.IsIOError() && status.ToString().find("lock") != std::string::npos) {
    return Unavailable(what +
                       " is open in another process, or twice in this one: " + status.ToString());
  }
  return ToStatus(status, what);
}

// Called on RocksDB's own threads before they work.
class SpareThreads final : public rocksdb::EventListener {
 public:
  void OnFlushBegin(rocksdb::DB* /*db*/, const rocksdb::FlushJobInfo& /*job*/) override {
    thread::BecomeSpare();
  }
  void OnCompactionBegin(rocksdb::DB* /*db*/, const rocksdb::CompactionJobInfo& /*job*/) override {
    thread::BecomeSpare();
  }
};

rocksdb::DBOptions DbOptions(const RocksOptions& options) {
  rocksdb::DBOptions db;
  db.create_if_missing = true;
  db.create_missing_column_families = true;
  db.atomic_flush = true;
  db.avoid_flush_during_shutdown = true;
  db.avoid_flush_during_recovery = true;
  db.max_open_files = options.open_files_max;
  db.max_background_jobs = options.background_jobs;
  db.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  db.keep_log_file_num = 2;
  db.listeners.push_back(std::make_shared<SpareThreads>());
  db.stats_dump_period_sec = 0;
  db.stats_persist_period_sec = 0;
  db.skip_stats_update_on_db_open = true;
  // In small steps: between any two of them a frame of the journal gets to the disk. The first two
  // are for writes through the page cache, the third is for those past it: what is handed to the
  // disk at a time is then a buffer.
  db.bytes_per_sync = kSyncStepBytes;
  db.strict_bytes_per_sync = true;
  db.writable_file_max_buffer_size = kSyncStepBytes;
  if (options.write_bytes_per_second > 0) {
    db.rate_limiter.reset(rocksdb::NewGenericRateLimiter(
        static_cast<int64_t>(options.write_bytes_per_second), kRateStepUs));
  }
  return db;
}

// Whether a file in `folder` can be written past the page cache. RocksDB itself only finds out when
// it writes, and then fails. The name is that of a temporary file of RocksDB's, which it removes
// when it finds one.
bool TakesDirectWrites(rocksdb::FileSystem& files, const std::string& folder) {
  constexpr size_t kPageBytes = 4096;
  alignas(kPageBytes) static constexpr char kPage[kPageBytes] = {};
  const std::string path = folder + "/000000.dbtmp";
  const rocksdb::IOOptions io;
  rocksdb::FileOptions direct;
  direct.use_direct_writes = true;
  std::unique_ptr<rocksdb::FSWritableFile> file;
  // The file system may refuse the flag, or take it and refuse the write.
  const bool takes =
      files.NewWritableFile(path, direct, &file, nullptr).ok() && file->use_direct_io() &&
      file->GetRequiredBufferAlignment() <= kPageBytes &&
      file->PositionedAppend(rocksdb::Slice(kPage, kPageBytes), 0, io, nullptr).ok() &&
      file->Close(io, nullptr).ok();
  file.reset();
  static_cast<void>(files.DeleteFile(path, io, nullptr));
  return takes;
}

rocksdb::ColumnFamilyOptions TableOptions(const std::shared_ptr<rocksdb::Cache>& cache,
                                          const RocksOptions& options) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.no_block_cache = cache == nullptr;
  // Filters and indexes stay with their open files, some five bytes a row: most reads after a start
  // are of single rows anywhere, or of rows that are not there, and each would look up four parts
  // of them in the cache.
  table.cache_index_and_filter_blocks = false;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(kBloomBitsPerKey));
  table.data_block_index_type = rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
  table.block_size = kBlockBytes;
  table.format_version = 5;
  rocksdb::ColumnFamilyOptions family;
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  family.write_buffer_size = kWriteBufferBytes;
  family.compression = rocksdb::kLZ4Compression;
  family.level_compaction_dynamic_level_bytes = true;
  family.level0_file_num_compaction_trigger = options.checkpoints_before_merge;
  return family;
}

// Rows are kept as they come, and put in the order of their keys when they are written: RocksDB's
// table in memory takes a row beside the one before it many times faster than one anywhere.
class RocksBatch final : public Batch {
 public:
  RocksBatch(const std::vector<rocksdb::ColumnFamilyHandle*>& tables, size_t reserve_bytes)
      : tables_(tables) {
    bytes_.reserve(reserve_bytes);
  }
  void Put(size_t table, std::string_view key, std::string_view value) override {
    Add(table, Kind::kPut, key, value);
  }
  void Delete(size_t table, std::string_view key) override { Add(table, Kind::kDelete, key, {}); }
  void DeleteRange(size_t table, std::string_view from, std::string_view to) override {
    // RocksDB takes an empty range for an error.
    if (from < to) Add(table, Kind::kDeleteRange, from, to);
  }
  [[nodiscard]] size_t bytes() const override {
    return bytes_.size() + changes_.size() * kChangeBytes + ordered_.GetDataSize();
  }
  [[nodiscard]] size_t changes() const override { return changes_.size() + ordered_.Count(); }

  // All that was put in, ready to be written. What is put in later comes behind it.
  // With room for so many bytes more.
  rocksdb::WriteBatch* Order(size_t more_bytes) {
    if (ordered_.Count() == 0) ordered_ = rocksdb::WriteBatch(OrderedBytesMax() + more_bytes);
    for (size_t begin = 0; begin < changes_.size();) {
      size_t end = begin;
      while (end < changes_.size() && changes_[end].kind != Kind::kDeleteRange) ++end;
      OrderRows(std::span(changes_).subspan(begin, end - begin));
      if (end < changes_.size()) Append(changes_[end++]);
      begin = end;
    }
    changes_.clear();
    bytes_.clear();
    return &ordered_;
  }
  // The same, behind all that was put into `first`.
  void OrderInto(RocksBatch* first) {
    std::swap(ordered_, first->ordered_);
    Order(0);
    std::swap(ordered_, first->ordered_);
  }
  [[nodiscard]] size_t OrderedBytesMax() const {
    return bytes_.size() + (changes_.size() + 1) * kChangeBytesMax;
  }
  // What was ordered is written. The room for what is put in is kept: memory that is touched for
  // the first time costs whoever puts it in more than the copy.
  void Written() { ordered_ = rocksdb::WriteBatch(); }

 private:
  enum class Kind : uint8_t { kPut, kDelete, kDeleteRange };
  struct Change {
    uint64_t offset = 0;  // of the key in bytes_; the value, or the end of the range, follows
    uint32_t key_bytes = 0;
    uint32_t value_bytes = 0;
    uint32_t table = 0;
    Kind kind = Kind::kPut;
  };
  // What RocksDB's batch takes beside key and value: about, and at most.
  static constexpr size_t kChangeBytes = 4;
  static constexpr size_t kChangeBytesMax = 16;

  void Add(size_t table, Kind kind, std::string_view key, std::string_view value) {
    CREDENCE_ASSERT(table < tables_.size() && key.size() <= UINT32_MAX &&
                    value.size() <= UINT32_MAX);
    changes_.push_back({bytes_.size(), static_cast<uint32_t>(key.size()),
                        static_cast<uint32_t>(value.size()), static_cast<uint32_t>(table), kind});
    bytes_.append(key);
    bytes_.append(value);
  }
  [[nodiscard]] std::string_view Key(const Change& change) const {
    return std::string_view(bytes_).substr(change.offset, change.key_bytes);
  }
  // How far ahead the memory is asked for rows, and how much of one: the rest comes by itself.
  static constexpr size_t kPlacesAhead = 8;
  static constexpr size_t kPrefetchBytesMax = 512;
  // A change by table and the first bytes of its key, which tell most keys apart.
  struct Place {
    uint64_t first = 0;
    uint64_t second = 0;
    uint32_t table = 0;
    uint32_t index = 0;
  };
  static uint64_t BigEndian(std::string_view bytes) {
    uint64_t number = 0;
    for (size_t i = 0; i < sizeof(number); ++i) {
      number = (number << 8) | (i < bytes.size() ? static_cast<uint8_t>(bytes[i]) : 0U);
    }
    return number;
  }
  // Of one key the last change is left, which is what all of them come to.
  void OrderRows(std::span<const Change> rows) {
    CREDENCE_ASSERT(rows.size() <= UINT32_MAX);
    std::vector<Place> places;
    places.reserve(rows.size());
    for (uint32_t i = 0; i < rows.size(); ++i) {
      const std::string_view key = Key(rows[i]);
      const std::string_view behind = key.substr(std::min(key.size(), sizeof(uint64_t)));
      places.push_back({BigEndian(key), BigEndian(behind), rows[i].table, i});
    }
    std::sort(places.begin(), places.end(), [&](const Place& a, const Place& b) {
      if (a.table != b.table) return a.table < b.table;
      if (a.first != b.first) return a.first < b.first;
      if (a.second != b.second) return a.second < b.second;
      const int order = Key(rows[a.index]).compare(Key(rows[b.index]));
      return order != 0 ? order < 0 : a.index < b.index;
    });
    const auto same_key = [&](const Place& a, const Place& b) {
      return a.table == b.table && a.first == b.first && a.second == b.second &&
             Key(rows[a.index]) == Key(rows[b.index]);
    };
    for (size_t i = 0; i < places.size(); ++i) {
      // They stand anywhere.
      if (i + 2 * kPlacesAhead < places.size()) {
        PrefetchLines(&rows[places[i + 2 * kPlacesAhead].index], sizeof(Change));
      }
      if (i + kPlacesAhead < places.size()) Prefetch(rows[places[i + kPlacesAhead].index]);
      if (i + 1 < places.size() && same_key(places[i], places[i + 1])) continue;
      Append(rows[places[i].index]);
    }
  }
  void Prefetch(const Change& change) const {
    const size_t bytes = size_t{change.key_bytes} + change.value_bytes;
    PrefetchLines(bytes_.data() + change.offset, std::min(bytes, kPrefetchBytesMax));
  }
  void Append(const Change& change) {
    rocksdb::ColumnFamilyHandle* table = tables_[change.table];
    const rocksdb::Slice key = ToSlice(Key(change));
    const rocksdb::Slice value(bytes_.data() + change.offset + change.key_bytes,
                               change.value_bytes);
    switch (change.kind) {
      case Kind::kPut:
        return Check(ordered_.Put(table, key, value));
      case Kind::kDelete:
        return Check(ordered_.Delete(table, key));
      case Kind::kDeleteRange:
        return Check(ordered_.DeleteRange(table, key, value));
    }
  }
  // Fails only beyond a limit of bytes, and none is set.
  static void Check(const rocksdb::Status& status) { CREDENCE_ASSERT(status.ok()); }

  const std::vector<rocksdb::ColumnFamilyHandle*>& tables_;
  std::string bytes_;
  std::vector<Change> changes_;
  rocksdb::WriteBatch ordered_;
};

class RocksCursor final : public Cursor {
 public:
  RocksCursor(std::unique_ptr<rocksdb::Iterator> rows, std::string what)
      : rows_(std::move(rows)), what_(std::move(what)) {
    rows_->SeekToFirst();
  }
  Result<bool> Next(std::string_view* key, std::string_view* value) override {
    if (started_) rows_->Next();
    started_ = true;
    if (!rows_->Valid()) {
      started_ = false;
      CREDENCE_TRY(ToStatus(rows_->status(), what_));
      return false;
    }
    *key = ToView(rows_->key());
    *value = ToView(rows_->value());
    return true;
  }

 private:
  std::unique_ptr<rocksdb::Iterator> rows_;
  const std::string what_;
  bool started_ = false;
};

class RocksStore final : public Store {
 public:
  // Without an `env` it is on the system's disk.
  RocksStore(std::string folder, OpenMode mode, std::shared_ptr<rocksdb::Env> env)
      : folder_(std::move(folder)), mode_(mode), env_(std::move(env)) {}
  ~RocksStore() override {
    if (db_ == nullptr) return;
    const thread::Hurry hurry;
    for (rocksdb::ColumnFamilyHandle* family : families_) {
      const rocksdb::Status status = db_->DestroyColumnFamilyHandle(family);
      CREDENCE_ASSERT(status.ok());
    }
    // Nothing can be done about a failure, and nothing needs to be: what was flushed is there.
    static_cast<void>(db_->Close());
  }

  Status Open(const std::vector<std::string>& names, const RocksOptions& options) {
    std::shared_ptr<rocksdb::Cache> cache;
    if (options.block_cache_bytes > 0) {
      cache = rocksdb::NewLRUCache(options.block_cache_bytes, kCacheShardBits);
    }
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    families.emplace_back(rocksdb::kDefaultColumnFamilyName, TableOptions(cache, options));
    for (const std::string& name : names) {
      families.emplace_back(name, TableOptions(cache, options));
    }
    rocksdb::DB* db = nullptr;
    rocksdb::DBOptions db_options = DbOptions(options);
    limiter_ = db_options.rate_limiter;
    bytes_per_second_ = static_cast<int64_t>(options.write_bytes_per_second);
    if (env_ != nullptr) db_options.env = env_.get();
    if (options.past_page_cache && mode_ == OpenMode::kReadWrite) {
      db_options.use_direct_io_for_flush_and_compaction =
          TakesDirectWrites(*db_options.env->GetFileSystem(), folder_);
    }
    const rocksdb::Status opened =
        mode_ == OpenMode::kRead
            ? rocksdb::DB::OpenForReadOnly(db_options, folder_, families, &families_, &db)
            : rocksdb::DB::Open(db_options, folder_, families, &families_, &db);
    CREDENCE_TRY(ToOpenStatus(opened, folder_));
    db_.reset(db);
    tables_.assign(families_.begin() + 1, families_.end());
    std::string bytes;
    const rocksdb::Status got = db_->Get(rocksdb::ReadOptions(), kPositionKey, &bytes);
    if (got.IsNotFound()) return {};
    CREDENCE_TRY(ToStatus(got, "the store " + folder_));
    CREDENCE_ASSIGN(position_, DecodePosition(bytes));
    return {};
  }

  [[nodiscard]] std::optional<Position> position() const override {
    const std::lock_guard lock(mutex_);
    return position_;
  }
  using Store::NewBatch;
  [[nodiscard]] std::unique_ptr<Batch> NewBatch(size_t reserve_bytes) const override {
    return std::make_unique<RocksBatch>(tables_, reserve_bytes);
  }

  using Store::Write;
  Status Write(std::span<Batch* const> batches, const Position& position) override {
    CREDENCE_TRY(Writable());
    auto* const ordered = static_cast<RocksBatch*>(batches.front());
    size_t more_bytes = 0;
    for (const Batch* batch : batches.subspan(1)) {
      more_bytes += static_cast<const RocksBatch*>(batch)->OrderedBytesMax();
    }
    rocksdb::WriteBatch* rows = ordered->Order(more_bytes);
    for (Batch* batch : batches.subspan(1)) static_cast<RocksBatch*>(batch)->OrderInto(ordered);
    std::string bytes;
    AppendPosition(position, &bytes);
    rows->SetSavePoint();
    CREDENCE_TRY(ToStatus(rows->Put(kPositionKey, bytes), What("write")));
    rocksdb::WriteOptions options;
    options.disableWAL = true;
    const rocksdb::Status written = db_->Write(options, rows);
    if (!written.ok()) {
      static_cast<void>(rows->RollbackToSavePoint());
      return ToStatus(written, What("write"));
    }
    ordered->Written();
    const std::lock_guard lock(mutex_);
    position_ = position;
    return {};
  }

  void Hurry(bool hurry) override {
    if (limiter_ == nullptr) return;
    limiter_->SetBytesPerSecond(bytes_per_second_ * (hurry ? kHurryTimes : 1));
  }
  Status Flush() override {
    CREDENCE_TRY(Writable());
    const thread::Hurry hurry;
    rocksdb::Status flushed = db_->Flush(rocksdb::FlushOptions(), families_);
    // After a failure it says the same again until it is told that the reason may have gone (a full
    // disk).
    if (!flushed.ok() && !flushed.IsCorruption() && db_->Resume().ok()) {
      flushed = db_->Flush(rocksdb::FlushOptions(), families_);
    }
    // And the first time after that it may say that all is well with rows still in memory (seen
    // with 7.8.3): what counts is that none is left.
    for (int again = 0; flushed.ok() && RowsInMemory() > 0; ++again) {
      if (again == kFlushesMost) {
        return IoError(What("flush") + ": RocksDB keeps rows in memory; open the store again");
      }
      flushed = db_->Flush(rocksdb::FlushOptions(), families_);
    }
    return ToStatus(flushed, What("flush"));
  }

  Result<bool> Get(size_t table, std::string_view key, std::string* value) const override {
    const rocksdb::Status got =
        db_->Get(rocksdb::ReadOptions(), tables_.at(table), ToSlice(key), value);
    if (got.IsNotFound()) return false;
    CREDENCE_TRY(ToStatus(got, What("read")));
    return true;
  }

  Status MultiGet(size_t table, std::span<const std::string> keys,
                  std::vector<std::optional<std::string>>* values) const override {
    values->assign(keys.size(), std::nullopt);
    if (keys.empty()) return {};
    const std::vector<rocksdb::Slice> slices(keys.begin(), keys.end());
    std::vector<rocksdb::PinnableSlice> found(keys.size());
    std::vector<rocksdb::Status> got(keys.size());
    db_->MultiGet(rocksdb::ReadOptions(), tables_.at(table), keys.size(), slices.data(),
                  found.data(), got.data());
    for (size_t i = 0; i < keys.size(); ++i) {
      if (got[i].IsNotFound()) continue;
      CREDENCE_TRY(ToStatus(got[i], What("read")));
      (*values)[i] = std::string(ToView(found[i]));
    }
    return {};
  }

  [[nodiscard]] std::unique_ptr<Cursor> Scan(size_t table) const override {
    rocksdb::ReadOptions options;
    options.fill_cache = false;
    options.readahead_size = size_t{1} << 20;
    return std::make_unique<RocksCursor>(
        std::unique_ptr<rocksdb::Iterator>(db_->NewIterator(options, tables_.at(table))),
        What("read"));
  }

  Status Snapshot(const std::string& folder) override {
    CREDENCE_TRY(Writable());
    if (env_ != nullptr) return Unavailable("a snapshot is made on the system's disk only");
    const thread::Hurry hurry;
    rocksdb::Checkpoint* made = nullptr;
    CREDENCE_TRY(ToStatus(rocksdb::Checkpoint::Create(db_.get(), &made), What("snapshot")));
    const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
    std::error_code error;
    std::filesystem::create_directories(std::filesystem::path(folder).parent_path(), error);
    return ToStatus(checkpoint->CreateCheckpoint(folder), What("snapshot to " + folder));
  }

  [[nodiscard]] uint64_t disk_bytes() const override {
    uint64_t total = 0;
    for (rocksdb::ColumnFamilyHandle* family : families_) {
      uint64_t bytes = 0;
      if (db_->GetIntProperty(family, rocksdb::DB::Properties::kTotalSstFilesSize, &bytes)) {
        total += bytes;
      }
    }
    return total;
  }

 private:
  [[nodiscard]] std::string What(const std::string& call) const {
    return "the store " + folder_ + ": " + call;
  }
  // Of all tables, that no flush has taken yet.
  [[nodiscard]] uint64_t RowsInMemory() const {
    uint64_t rows = 0;
    for (rocksdb::ColumnFamilyHandle* family : families_) {
      for (const std::string& property : {rocksdb::DB::Properties::kNumEntriesActiveMemTable,
                                          rocksdb::DB::Properties::kNumEntriesImmMemTables}) {
        uint64_t value = 0;
        if (db_->GetIntProperty(family, property, &value)) rows += value;
      }
    }
    return rows;
  }
  [[nodiscard]] Status Writable() const {
    if (mode_ == OpenMode::kRead) return Unavailable("the store was opened for reading only");
    return {};
  }

  const std::string folder_;
  const OpenMode mode_;
  const std::shared_ptr<rocksdb::Env> env_;
  std::unique_ptr<rocksdb::DB> db_;
  std::shared_ptr<rocksdb::RateLimiter> limiter_;  // null: as fast as the disk takes it
  int64_t bytes_per_second_ = 0;
  std::vector<rocksdb::ColumnFamilyHandle*> families_;  // "default", then the tables
  std::vector<rocksdb::ColumnFamilyHandle*> tables_;
  mutable std::mutex mutex_;
  std::optional<Position> position_;
};

class RocksBacking final : public Backing {
 public:
  RocksBacking(std::string folder, std::vector<std::string> tables, const RocksOptions& options)
      : folder_(std::move(folder)), tables_(std::move(tables)), options_(options) {
    if (options.files != nullptr) env_ = RocksEnvOver(*options.files);
  }

  Result<std::unique_ptr<Store>> Open(OpenMode mode) override {
    if (mode == OpenMode::kRead) {
      if (!Exists(folder_ + "/CURRENT")) return NotFound("there is no store in " + folder_);
    } else {
      CREDENCE_TRY(MakeFolder());
    }
    auto store = std::make_unique<RocksStore>(folder_, mode, env_);
    CREDENCE_TRY(store->Open(tables_, options_));
    return std::unique_ptr<Store>(std::move(store));
  }

  Status Destroy() override {
    if (!Exists(folder_)) return {};
    rocksdb::Options options;
    if (env_ != nullptr) options.env = env_.get();
    return ToStatus(rocksdb::DestroyDB(folder_, options), "remove the store " + folder_);
  }

  [[nodiscard]] std::string name() const override { return folder_; }

 private:
  [[nodiscard]] bool Exists(const std::string& path) const {
    std::error_code error;
    return options_.files != nullptr ? options_.files->Exists(path)
                                     : std::filesystem::exists(path, error);
  }
  // On disk when it returns: RocksDB syncs what is in its folder, not the folder's name.
  Status MakeFolder() {
    if (options_.files != nullptr) return MakeFoldersDurably(*options_.files, folder_);
    std::error_code error;
    const auto path = std::filesystem::absolute(folder_, error);
    std::vector<std::filesystem::path> naming = {path.parent_path()};
    while (!error && !std::filesystem::exists(naming.back(), error)) {
      naming.push_back(naming.back().parent_path());
    }
    if (!error) std::filesystem::create_directories(path, error);
    if (error) return IoError("make the folder " + folder_ + ": " + error.message());
    // Rows hold keys of people, if only as tokens.
    std::filesystem::permissions(path, std::filesystem::perms::owner_all, error);
    if (error) return IoError("set the permissions of " + folder_ + ": " + error.message());
    for (const auto& parent : naming) CREDENCE_TRY(SyncFolder(parent.string()));
    return {};
  }
  static Status SyncFolder(const std::string& folder) {
    std::unique_ptr<rocksdb::FSDirectory> directory;
    rocksdb::IOStatus synced = rocksdb::FileSystem::Default()->NewDirectory(
        folder, rocksdb::IOOptions(), &directory, nullptr);
    if (synced.ok()) synced = directory->Fsync(rocksdb::IOOptions(), nullptr);
    return ToStatus(synced, "sync the folder " + folder);
  }

  const std::string folder_;
  const std::vector<std::string> tables_;
  const RocksOptions options_;
  std::shared_ptr<rocksdb::Env> env_;  // null: the system's
};

}  // namespace

std::unique_ptr<Backing> RocksAt(std::string folder, std::vector<std::string> tables,
                                 const RocksOptions& options) {
  return std::make_unique<RocksBacking>(std::move(folder), std::move(tables), options);
}

}  // namespace credence::store
