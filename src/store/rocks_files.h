#pragma once
// RocksDB on a credence::FileSystem, so that what the disk does to a store can be shown in tests:
// writes that are dropped or torn, calls that fail, room that runs out, the power that goes at any
// call. Every byte that RocksDB keeps passes through `files` (its own log of messages is dropped);
// threads and clock are those of the system, but nobody sleeps for longer than a millisecond.
// Nothing is linked, so no snapshot can be made.
//
// As on the real disk, a full one is an error that RocksDB tries to get over by itself; any other
// failure of a call is an I/O error.

#include <rocksdb/env.h>

#include <memory>

#include "src/base/file.h"

namespace credence::store {

// `files` outlives it. Its calls come from RocksDB's threads, several at once, on one File too.
std::unique_ptr<rocksdb::Env> RocksEnvOver(FileSystem& files);

}  // namespace credence::store
