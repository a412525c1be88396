#pragma once
// Store: rows of bytes in named tables, written in batches that are whole or not at all, each with
// the position in a log up to which the rows are true. It keeps what can be made again from that
// log: there is no log of its own, and what was not flushed is gone after a crash.
//
// Two implementations are held equal by one suite of tests (store_test.cc): RocksDB
// (rocks_store.h), and a twin in memory for tests that lose what was not flushed (memory_store.h).
//
// All well: Write makes the batch and its position visible at once, to every reader; Flush returns
// when all that was visible is on disk. After a crash the store opens at the position of a Write
// that was followed by a Flush, or of a later Write, never between two. On failure of a Write
// nothing of it is visible. After a failed Flush it is unknown which Writes are on disk; the store
// goes on, and a later Write and Flush may succeed. kDataLoss: stored bytes are damaged;
// kResourceExhausted: the disk is full; kIoError: the system refused.
//
// Write and Flush are called by one thread, everything else by one other; they may overlap. Get and
// MultiGet may be called by any number of threads.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/digest.h"
#include "src/base/status.h"
#include "src/base/strong_id.h"

namespace credence::store {

// How far the log had come: after `frame` frames its last sequence was `seq` and its chain `chain`.
struct Position {
  uint64_t frame = 0;
  Seq seq;
  Digest chain;
  std::string note;  // the caller's, of any bytes
  friend bool operator==(const Position&, const Position&) = default;
};
// The stored form; kDataLoss on anything else.
void AppendPosition(const Position& position, std::string* out);
Result<Position> DecodePosition(std::string_view bytes);

// Changes in their order: a later one of the same key wins. Tables by their index in the store's
// list.
class Batch {
 public:
  virtual ~Batch() = default;
  virtual void Put(size_t table, std::string_view key, std::string_view value) = 0;
  virtual void Delete(size_t table, std::string_view key) = 0;
  // Every key k with from <= k < to, in bytewise order.
  virtual void DeleteRange(size_t table, std::string_view from, std::string_view to) = 0;
  [[nodiscard]] virtual size_t bytes() const = 0;
  [[nodiscard]] virtual size_t changes() const = 0;
};

// The rows of a table as they were when it was made, in bytewise order of their keys.
class Cursor {
 public:
  virtual ~Cursor() = default;
  // false: the end. The views live until the next call.
  virtual Result<bool> Next(std::string_view* key, std::string_view* value) = 0;
};

class Store {
 public:
  virtual ~Store() = default;  // does not flush

  // Of the last Write that is visible; nothing for a new store.
  [[nodiscard]] virtual std::optional<Position> position() const = 0;
  // With room for so many bytes.
  [[nodiscard]] virtual std::unique_ptr<Batch> NewBatch(size_t reserve_bytes) const = 0;
  [[nodiscard]] std::unique_ptr<Batch> NewBatch() const { return NewBatch(0); }
  // `batches` are this store's, at least one; together they are one, with their changes in the
  // order of the batches. They are empty afterwards if all was well, and may be used again. If not,
  // they may be written again, together.
  virtual Status Write(std::span<Batch* const> batches, const Position& position) = 0;
  Status Write(Batch* batch, const Position& position) {
    return Write(std::span<Batch* const>(&batch, 1), position);
  }
  virtual Status Flush() = 0;
  // While somebody will soon wait for a Write or a Flush on another thread, it takes more of the
  // disk than it would with respect for others.
  virtual void Hurry(bool /*hurry*/) {}

  // false: there is no such row.
  virtual Result<bool> Get(size_t table, std::string_view key, std::string* value) const = 0;
  // values[i] is that of keys[i]; resized.
  virtual Status MultiGet(size_t table, std::span<const std::string> keys,
                          std::vector<std::optional<std::string>>* values) const = 0;
  [[nodiscard]] virtual std::unique_ptr<Cursor> Scan(size_t table) const = 0;

  // A copy of all that is visible, as a store of its own in `folder`, which must not exist.
  // RocksDB: hard links where the file system allows.
  virtual Status Snapshot(const std::string& folder) = 0;
  // What it takes on disk, about.
  [[nodiscard]] virtual uint64_t disk_bytes() const = 0;
};

enum class OpenMode : uint8_t {
  kReadWrite,  // made if it is missing; kUnavailable while somebody else has it open so
  kRead,       // kNotFound if it is missing; Write and Flush are kUnavailable
};

// The place where a store is kept.
class Backing {
 public:
  virtual ~Backing() = default;
  virtual Result<std::unique_ptr<Store>> Open(OpenMode mode) = 0;
  // Removes the store; ok if there is none. Not while it is open.
  virtual Status Destroy() = 0;
  // For messages.
  [[nodiscard]] virtual std::string name() const = 0;
};

}  // namespace credence::store
