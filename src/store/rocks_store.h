#pragma once
// The store on disk: RocksDB without its write-ahead log. All column families are flushed together
// (atomic_flush), so that what is on disk is always the state after one Write; whatever closes the
// store without Flush loses what came after the last one.
//
// Flushes and compactions may write past the page cache (O_DIRECT) where the folder's file system
// lets them, which is tried when the store is opened for writing; elsewhere they write through it.
// Whoever reads does so through it.
//
// Its threads that flush and compact are spare (src/thread/thread.h).
//
// A batch is held in memory until it is flushed, twice for a moment: choose batches accordingly.
// Filters and indexes of open files are in memory too, some five bytes a row.
// Nothing is thrown.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "src/base/file.h"
#include "src/store/store.h"

namespace credence::store {

struct RocksOptions {
  // Blocks of rows that are kept in memory, bytes.
  uint64_t block_cache_bytes = uint64_t{64} << 20;
  // What flushes and compactions may write, bytes a second, four times as much in a hurry; 0 = as
  // fast as the disk takes it.
  uint64_t write_bytes_per_second = uint64_t{32} << 20;
  // Files that are kept open, each a table of rows.
  int open_files_max = 512;
  // A table's rows of so many checkpoints lie side by side before they are merged. Each merge
  // writes all of its rows again; a read looks at as many filters more, and the disk holds as many
  // checkpoints' rows more.
  int checkpoints_before_merge = 8;
  // Flushes and compactions write past the page cache if they can: a page of it that is touched for
  // the first time costs many times the copy. But what they wrote is read by the next compaction,
  // which touches it then, and waits for the disk: no gain where all that is written is merged.
  bool past_page_cache = false;
  // Threads for flushes and compactions.
  int background_jobs = 2;
  // The disk; null: the system's. See rocks_files.h for what else it must allow.
  FileSystem* files = nullptr;
};

// `tables` are the names of the tables, in the order of their indices; stored with the data. The
// folder is made when a store is opened for writing, its parents too.
std::unique_ptr<Backing> RocksAt(std::string folder, std::vector<std::string> tables,
                                 const RocksOptions& options = {});

}  // namespace credence::store
