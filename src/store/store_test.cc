// What a store promises, asked of both: RocksDB in a folder of its own, and its twin in memory.

#include "src/store/store.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "src/base/random.h"
#include "src/journal/fault_file.h"
#include "src/store/memory_store.h"
#include "src/store/rocks_store.h"

namespace credence::store {
namespace {

constexpr size_t kFirst = 0;
constexpr size_t kSecond = 1;
const std::vector<std::string> kTables = {"first", "second"};

Position At(uint64_t frame, std::string note = "") {
  return {frame, Seq(frame * 10), Sha256(std::to_string(frame)), std::move(note)};
}

// A folder that goes with the test.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    static int count = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("credence_store_test_" + std::to_string(getpid()) + "_" + std::to_string(++count));
    std::filesystem::create_directories(path_);
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] std::string At(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

struct Rocks {
  TemporaryFolder folder;
  std::unique_ptr<Backing> backing = RocksAt(folder.At("store"), kTables);
  // Closing without Flush is what a crash leaves: there is no log, and nothing is flushed on the
  // way out.
  void Crash() {}
};

struct RocksPastCache {
  TemporaryFolder folder;
  std::unique_ptr<Backing> backing = RocksAt(folder.At("store"), kTables, Options());
  static RocksOptions Options() {
    RocksOptions options;
    options.past_page_cache = true;
    return options;
  }
  void Crash() {}
};

struct Memory {
  std::unique_ptr<Backing> backing = std::make_unique<MemoryBacking>(kTables);
  void Crash() { static_cast<MemoryBacking&>(*backing).LoseUnflushed(); }
};

using Rows = std::map<std::string, std::string>;

Rows All(const Store& store, size_t table) {
  Rows rows;
  std::string last;
  const auto cursor = store.Scan(table);
  std::string_view key;
  std::string_view value;
  while (true) {
    const auto more = cursor->Next(&key, &value);
    EXPECT_TRUE(more.ok()) << more.status().ToString();
    if (!more.ok() || !*more) break;
    EXPECT_TRUE(rows.empty() || last < key) << "keys rise";
    last = key;
    rows.emplace(key, value);
  }
  return rows;
}

template <class Kind>
class StoreTest : public testing::Test {
 protected:
  void SetUp() override { Open(); }
  void Open() {
    auto opened = kind_.backing->Open(OpenMode::kReadWrite);
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    store_ = std::move(*opened);
  }
  void Reopen() {
    store_.reset();
    kind_.Crash();
    Open();
  }
  void Put(size_t table, const std::string& key, const std::string& value, uint64_t frame) {
    const auto batch = store_->NewBatch();
    batch->Put(table, key, value);
    const Status written = store_->Write(batch.get(), At(frame));
    ASSERT_TRUE(written.ok()) << written.ToString();
  }
  std::string Get(size_t table, const std::string& key) {
    std::string value;
    const auto found = store_->Get(table, key, &value);
    EXPECT_TRUE(found.ok()) << found.status().ToString();
    return found.ok() && *found ? value : "nothing";
  }

  Kind kind_;
  std::unique_ptr<Store> store_;
};

using Kinds = testing::Types<Rocks, RocksPastCache, Memory>;
TYPED_TEST_SUITE(StoreTest, Kinds);

TYPED_TEST(StoreTest, ANewStoreIsEmptyAndHasNoPosition) {
  EXPECT_FALSE(this->store_->position().has_value());
  EXPECT_EQ(this->Get(kFirst, "a"), "nothing");
  EXPECT_TRUE(All(*this->store_, kFirst).empty());
}

TYPED_TEST(StoreTest, SeveralBatchesAreOneInTheirOrder) {
  this->Put(kFirst, "old", "0", 1);
  const auto first = this->store_->NewBatch();
  const auto second = this->store_->NewBatch();
  second->Put(kFirst, "b", "of the second");
  second->Put(kFirst, "c", "of the second");
  second->Put(kSecond, "a", "of the second");
  first->Put(kFirst, "a", "of the first");
  first->DeleteRange(kFirst, "b", "z");
  first->Put(kFirst, "c", "of the first");
  Batch* const both[] = {first.get(), second.get()};
  ASSERT_TRUE(this->store_->Write(both, At(2)).ok());
  EXPECT_EQ(first->changes() + second->changes(), 0u) << "both can be filled again";
  EXPECT_EQ(this->store_->position(), At(2));
  const Rows rows = {{"a", "of the first"}, {"b", "of the second"}, {"c", "of the second"}};
  EXPECT_EQ(All(*this->store_, kFirst), rows);
  EXPECT_EQ(this->Get(kSecond, "a"), "of the second");
  second->Delete(kFirst, "a");
  ASSERT_TRUE(this->store_->Write(both, At(3)).ok());
  EXPECT_EQ(this->Get(kFirst, "a"), "nothing");
}

TYPED_TEST(StoreTest, ABatchIsVisibleAtOnceInAllTablesWithItsPosition) {
  const auto batch = this->store_->NewBatch();
  batch->Put(kFirst, "a", "1");
  batch->Put(kSecond, "a", "2");
  batch->Put(kSecond, std::string("b\0c", 3), std::string("\0\xff", 2));
  EXPECT_EQ(batch->changes(), 3u);
  EXPECT_GT(batch->bytes(), 0u);
  ASSERT_TRUE(this->store_->Write(batch.get(), At(7, "note")).ok());
  EXPECT_EQ(batch->changes(), 0u) << "the batch can be filled again";
  EXPECT_EQ(this->store_->position(), At(7, "note"));
  EXPECT_EQ(this->Get(kFirst, "a"), "1");
  EXPECT_EQ(this->Get(kSecond, "a"), "2");
  EXPECT_EQ(All(*this->store_, kSecond),
            (Rows{{"a", "2"}, {std::string("b\0c", 3), std::string("\0\xff", 2)}}));
}

TYPED_TEST(StoreTest, TheLastChangeOfAKeyInABatchWins) {
  const auto batch = this->store_->NewBatch();
  batch->Put(kFirst, "a", "1");
  batch->Put(kFirst, "a", "2");
  batch->Delete(kFirst, "b");
  batch->Put(kFirst, "b", "3");
  batch->Put(kFirst, "c", "4");
  batch->Delete(kFirst, "c");
  batch->Put(kFirst, "d1", "5");
  batch->DeleteRange(kFirst, "d", "e");
  batch->Put(kFirst, "d2", "6");
  ASSERT_TRUE(this->store_->Write(batch.get(), At(1)).ok());
  EXPECT_EQ(All(*this->store_, kFirst), (Rows{{"a", "2"}, {"b", "3"}, {"d2", "6"}}));
}

TYPED_TEST(StoreTest, ARangeIsClosedOnTheLeftAndOpenOnTheRight) {
  const auto batch = this->store_->NewBatch();
  for (const char* key : {"a", "b", "bb", "c", "d"}) batch->Put(kFirst, key, key);
  batch->Put(kSecond, "b", "b");
  batch->DeleteRange(kFirst, "b", "c");
  batch->DeleteRange(kFirst, "d", "d");
  batch->DeleteRange(kFirst, "x", "a");
  ASSERT_TRUE(this->store_->Write(batch.get(), At(1)).ok());
  EXPECT_EQ(All(*this->store_, kFirst), (Rows{{"a", "a"}, {"c", "c"}, {"d", "d"}}));
  EXPECT_EQ(this->Get(kSecond, "b"), "b") << "of another table";
}

TYPED_TEST(StoreTest, ManyKeysAreReadAtOnceInTheirOrder) {
  this->Put(kFirst, "b", "2", 1);
  this->Put(kFirst, "a", "1", 2);
  std::vector<std::optional<std::string>> values = {"left", "over"};
  const std::vector<std::string> keys = {"b", "x", "a", "b"};
  ASSERT_TRUE(this->store_->MultiGet(kFirst, keys, &values).ok());
  EXPECT_EQ(values, (std::vector<std::optional<std::string>>{"2", std::nullopt, "1", "2"}));
  ASSERT_TRUE(this->store_->MultiGet(kFirst, {}, &values).ok());
  EXPECT_TRUE(values.empty());
}

TYPED_TEST(StoreTest, ACursorSeesTheTableAsItWasWhenItWasMade) {
  this->Put(kFirst, "a", "1", 1);
  this->Put(kFirst, "b", "2", 2);
  const auto cursor = this->store_->Scan(kFirst);
  this->Put(kFirst, "a", "9", 3);
  this->Put(kFirst, "c", "3", 4);
  std::string_view key;
  std::string_view value;
  ASSERT_TRUE(*cursor->Next(&key, &value));
  EXPECT_EQ(value, "1");
  ASSERT_TRUE(*cursor->Next(&key, &value));
  EXPECT_EQ(key, "b");
  EXPECT_FALSE(*cursor->Next(&key, &value));
}

TYPED_TEST(StoreTest, WhatWasFlushedIsThereAfterACrashAndTheRestIsNot) {
  this->Put(kFirst, "a", "1", 1);
  this->Put(kSecond, "b", "2", 2);
  ASSERT_TRUE(this->store_->Flush().ok());
  const auto batch = this->store_->NewBatch();
  batch->Put(kFirst, "a", "9");
  batch->Delete(kSecond, "b");
  batch->DeleteRange(kSecond, "a", "z");
  ASSERT_TRUE(this->store_->Write(batch.get(), At(3)).ok());
  EXPECT_EQ(this->store_->position()->frame, 3u);
  this->Reopen();
  EXPECT_EQ(this->store_->position(), At(2));
  EXPECT_EQ(this->Get(kFirst, "a"), "1");
  EXPECT_EQ(this->Get(kSecond, "b"), "2");
}

TYPED_TEST(StoreTest, AStoreWithoutAFlushIsNewAfterACrash) {
  this->Put(kFirst, "a", "1", 1);
  this->Reopen();
  EXPECT_FALSE(this->store_->position().has_value());
  EXPECT_EQ(this->Get(kFirst, "a"), "nothing");
}

TYPED_TEST(StoreTest, OnlyOneMayHaveItForWriting) {
  EXPECT_EQ(this->kind_.backing->Open(OpenMode::kReadWrite).status().code(),
            StatusCode::kUnavailable);
  this->Reopen();
}

TYPED_TEST(StoreTest, AReaderFindsNothingWhereNothingIsAndChangesNothing) {
  this->store_.reset();
  ASSERT_TRUE(this->kind_.backing->Destroy().ok());
  EXPECT_EQ(this->kind_.backing->Open(OpenMode::kRead).status().code(), StatusCode::kNotFound);
  this->Open();
  this->Put(kFirst, "a", "1", 1);
  ASSERT_TRUE(this->store_->Flush().ok());
  const auto reader = this->kind_.backing->Open(OpenMode::kRead);
  ASSERT_TRUE(reader.ok()) << reader.status().ToString();
  EXPECT_EQ((*reader)->position(), At(1));
  EXPECT_EQ(All(**reader, kFirst), (Rows{{"a", "1"}}));
  const auto batch = (*reader)->NewBatch();
  batch->Put(kFirst, "a", "2");
  EXPECT_EQ((*reader)->Write(batch.get(), At(2)).code(), StatusCode::kUnavailable);
  EXPECT_EQ((*reader)->Flush().code(), StatusCode::kUnavailable);
}

TYPED_TEST(StoreTest, ADestroyedStoreIsNewAgain) {
  this->Put(kFirst, "a", "1", 1);
  ASSERT_TRUE(this->store_->Flush().ok());
  this->store_.reset();
  ASSERT_TRUE(this->kind_.backing->Destroy().ok());
  ASSERT_TRUE(this->kind_.backing->Destroy().ok()) << "there is none";
  this->Open();
  EXPECT_FALSE(this->store_->position().has_value());
  EXPECT_EQ(this->Get(kFirst, "a"), "nothing");
}

// Random batches against a plain map, with flushes and crashes in between.
TYPED_TEST(StoreTest, EqualsAMapThatGoesBackToItsLastFlushAtACrash) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    this->store_.reset();
    ASSERT_TRUE(this->kind_.backing->Destroy().ok());
    this->Open();
    std::vector<Rows> seen(kTables.size());
    std::optional<Position> at;
    auto flushed = seen;
    auto flushed_at = at;
    for (uint64_t step = 1; step <= 60; ++step) {
      const auto batch = this->store_->NewBatch();
      for (uint64_t i = random.Below(20); i > 0; --i) {
        const size_t table = random.Below(2);
        const std::string key = "k" + std::to_string(random.Below(40));
        const std::string to = "k" + std::to_string(random.Below(40));
        Rows& rows = seen[table];
        switch (random.Below(8)) {
          case 0:
            batch->Delete(table, key);
            rows.erase(key);
            break;
          case 1:
            batch->DeleteRange(table, key, to);
            if (key < to) rows.erase(rows.lower_bound(key), rows.lower_bound(to));
            break;
          default:
            const std::string value(random.Below(300), static_cast<char>(random.Below(256)));
            batch->Put(table, key, value);
            rows[key] = value;
        }
      }
      at = At(step);
      ASSERT_TRUE(this->store_->Write(batch.get(), *at).ok());
      if (random.OneIn(6)) {
        ASSERT_TRUE(this->store_->Flush().ok());
        flushed = seen;
        flushed_at = at;
      }
      if (random.OneIn(15)) {
        this->Reopen();
        seen = flushed;
        at = flushed_at;
      }
      EXPECT_EQ(this->store_->position(), at);
      for (size_t table = 0; table < seen.size(); ++table) {
        ASSERT_EQ(All(*this->store_, table), seen[table]);
      }
      const std::string key = "k" + std::to_string(random.Below(40));
      const auto row = seen[0].find(key);
      EXPECT_EQ(this->Get(0, key), row == seen[0].end() ? "nothing" : row->second);
    }
  }
}

TYPED_TEST(StoreTest, OneThreadMayReadWhileAnotherWrites) {
  this->Put(kFirst, "n", "0", 1);
  std::thread writer([&] {
    for (uint64_t i = 1; i <= 200; ++i) {
      const auto batch = this->store_->NewBatch();
      batch->Put(kFirst, "n", std::to_string(i));
      batch->Put(kFirst, "m", std::to_string(i));
      ASSERT_TRUE(this->store_->Write(batch.get(), At(i)).ok());
      if (i % 50 == 0) {
        ASSERT_TRUE(this->store_->Flush().ok());
      }
    }
  });
  uint64_t last = 0;
  while (last < 200) {
    const uint64_t now = std::stoull(this->Get(kFirst, "n"));
    EXPECT_GE(now, last);
    last = now;
    const Rows rows = All(*this->store_, kFirst);
    if (rows.contains("m")) {
      EXPECT_EQ(rows.at("m"), rows.at("n")) << "a batch is seen whole";
    }
  }
  writer.join();
}

TEST(RocksStore, ASnapshotIsAStoreOfItsOwnAtThePositionOfItsMaking) {
  Rocks rocks;
  auto store = std::move(*rocks.backing->Open(OpenMode::kReadWrite));
  const auto batch = store->NewBatch();
  batch->Put(kFirst, "a", "1");
  ASSERT_TRUE(store->Write(batch.get(), At(1)).ok());
  const std::string to = rocks.folder.At("snapshot");
  ASSERT_TRUE(store->Snapshot(to).ok());
  batch->Put(kFirst, "a", "2");
  ASSERT_TRUE(store->Write(batch.get(), At(2)).ok());
  ASSERT_TRUE(store->Flush().ok());
  const auto copy = RocksAt(to, kTables)->Open(OpenMode::kReadWrite);
  ASSERT_TRUE(copy.ok()) << copy.status().ToString();
  EXPECT_EQ((*copy)->position(), At(1));
  EXPECT_EQ(All(**copy, kFirst), (Rows{{"a", "1"}}));
  EXPECT_FALSE(store->Snapshot(to).ok()) << "the folder exists";
}

TEST(RocksStore, DamageIsDataLossAndNotAnEmptyStore) {
  Rocks rocks;
  {
    auto store = std::move(*rocks.backing->Open(OpenMode::kReadWrite));
    const auto batch = store->NewBatch();
    for (int i = 0; i < 2000; ++i)
      batch->Put(kFirst, "k" + std::to_string(i), std::string(100, 'x'));
    ASSERT_TRUE(store->Write(batch.get(), At(1)).ok());
    ASSERT_TRUE(store->Flush().ok());
  }
  size_t tables = 0;
  for (const auto& entry : std::filesystem::directory_iterator(rocks.folder.At("store"))) {
    if (entry.path().extension() != ".sst" || entry.file_size() < 4096) continue;
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(700);
    file.write("damaged!", 8);
    ++tables;
  }
  ASSERT_EQ(tables, 1u);
  {
    const auto store = rocks.backing->Open(OpenMode::kReadWrite);
    ASSERT_TRUE(store.ok()) << "the damage is in a row, which is read when it is asked for";
    const auto cursor = (*store)->Scan(kFirst);
    std::string_view key;
    std::string_view value;
    auto more = cursor->Next(&key, &value);
    while (more.ok() && *more) more = cursor->Next(&key, &value);
    EXPECT_EQ(more.status().code(), StatusCode::kDataLoss) << more.status().ToString();
  }
  for (const auto& entry : std::filesystem::directory_iterator(rocks.folder.At("store"))) {
    if (entry.path().extension() == ".sst") std::filesystem::remove(entry.path());
  }
  EXPECT_EQ(rocks.backing->Open(OpenMode::kReadWrite).status().code(), StatusCode::kDataLoss);
  ASSERT_TRUE(rocks.backing->Destroy().ok());
  EXPECT_TRUE(rocks.backing->Open(OpenMode::kReadWrite).ok());
}

// Writes rows, flushes and merges them, and loses the power: they are there. How many of the writes
// to files of rows were of whole pages, and how many were not.
void WriteOnADisk(bool past_page_cache, bool refused, int* whole_pages, int* others) {
  constexpr uint64_t kPageBytes = 4096;
  journal::FaultFileSystem files;
  ASSERT_TRUE(files.MakeFolders("/disk").ok());
  ASSERT_TRUE(files.SyncDirectory("/").ok());
  files.set_before_change([&](const journal::PendingChange& change) {
    if (change.kind != journal::PendingChange::Kind::kWrite) return;
    if (refused && change.path.ends_with(".dbtmp") && change.bytes.size() == kPageBytes) {
      files.set_fault({files.calls() + 1, journal::FaultKind::kError});
    }
    if (!change.path.ends_with(".sst")) return;
    const bool whole = change.offset % kPageBytes == 0 && change.bytes.size() % kPageBytes == 0;
    ++*(whole ? whole_pages : others);
  });
  RocksOptions options;
  options.files = &files;
  options.past_page_cache = past_page_cache;
  options.checkpoints_before_merge = 2;
  const auto backing = RocksAt("/disk/store", kTables, options);
  Rows expected;
  for (uint64_t frame = 1; frame <= 8; ++frame) {
    auto opened = backing->Open(OpenMode::kReadWrite);
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    EXPECT_FALSE(files.Exists("/disk/store/000000.dbtmp"));
    ASSERT_EQ(All(**opened, kFirst), expected);
    const auto batch = (*opened)->NewBatch();
    Random random(frame);
    for (uint64_t i = 0; i < 1000; ++i) {
      const std::string key = std::to_string(random.Below(5000));
      expected[key] = std::to_string(random.Next());
      batch->Put(kFirst, key, expected[key]);
    }
    ASSERT_TRUE((*opened)->Write(batch.get(), At(frame)).ok());
    ASSERT_TRUE((*opened)->Flush().ok());
    opened->reset();
    files.Crash(journal::CrashKind::kDropUnsynced);
  }
}

TEST(RocksStore, PastThePageCacheEveryWriteIsOfWholePagesAndWhatWasFlushedOutlivesThePower) {
  int whole_pages = 0;
  int others = 0;
  WriteOnADisk(/*past_page_cache=*/true, /*refused=*/false, &whole_pages, &others);
  EXPECT_GT(whole_pages, 16);
  EXPECT_EQ(others, 0);
}

TEST(RocksStore, WhereTheDiskRefusesWritesPastThePageCacheTheyGoThroughIt) {
  for (const bool refused : {true, false}) {
    int whole_pages = 0;
    int others = 0;
    WriteOnADisk(/*past_page_cache=*/refused, refused, &whole_pages, &others);
    EXPECT_GT(others, 8) << refused;
  }
}

TEST(Position, ComesBackFromItsStoredFormAndFromNoOtherBytes) {
  const Position position = At(123'456, std::string("\0note", 5));
  std::string bytes;
  AppendPosition(position, &bytes);
  const auto decoded = DecodePosition(bytes);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(*decoded, position);
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    EXPECT_EQ(DecodePosition(bytes.substr(0, cut)).status().code(), StatusCode::kDataLoss);
  }
  EXPECT_EQ(DecodePosition(bytes + "x").status().code(), StatusCode::kDataLoss);
  bytes[0] = 2;
  EXPECT_EQ(DecodePosition(bytes).status().code(), StatusCode::kDataLoss) << "unknown version";
}

TEST(MemoryStore, FailsWhereItIsToldTo) {
  MemoryBacking backing(kTables);
  auto store = std::move(*backing.Open(OpenMode::kReadWrite));
  const auto batch = store->NewBatch();
  batch->Put(kFirst, "a", "1");
  backing.set_fault({MemoryFault::kBefore, 1, false});
  EXPECT_EQ(store->Write(batch.get(), At(1)).code(), StatusCode::kIoError);
  EXPECT_EQ(batch->changes(), 1u) << "the batch is as it was";
  EXPECT_FALSE(store->position().has_value());
  ASSERT_TRUE(store->Write(batch.get(), At(1)).ok());
  backing.set_fault({MemoryFault::kAfter, 3, true});
  EXPECT_EQ(store->Flush().code(), StatusCode::kIoError);
  EXPECT_EQ(store->Flush().code(), StatusCode::kIoError);
  EXPECT_EQ(backing.calls(), 4u);
  backing.LoseUnflushed();
  EXPECT_EQ(store->Flush().code(), StatusCode::kIoError) << "a store from before the crash is dead";
  store = std::move(*backing.Open(OpenMode::kReadWrite));
  EXPECT_EQ(store->position(), At(1)) << "the flush that failed had done its work";
}

}  // namespace
}  // namespace credence::store
