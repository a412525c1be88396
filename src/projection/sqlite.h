#pragma once
// A thin shell over SQLite's C API: connections and statements that close themselves, and its
// result codes as Status. Values are always bound, never pasted into SQL.
//
// One thread at a time for a connection and its statements; statements go before their connection.

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "src/base/status.h"

namespace credence::projection {

// kDataLoss for a damaged file or one that is no database, kResourceExhausted for a full disk,
// kUnavailable for a busy one, kIoError for the rest.
[[nodiscard]] Status SqliteFailure(sqlite3* database, int code, std::string_view what);

class Statement {
 public:
  Statement() = default;
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

  // Parameters from 1. Views live until the next Reset.
  Statement& Bind(int index, int64_t value);
  Statement& Bind(int index, uint64_t value) { return Bind(index, static_cast<int64_t>(value)); }
  Statement& Bind(int index, int value) { return Bind(index, static_cast<int64_t>(value)); }
  Statement& Text(int index, std::string_view value);
  Statement& Blob(int index, std::string_view value);
  Statement& Null(int index);
  // A failed Step is kept by SQLite; Reset clears it and lets go of the snapshot.
  Result<bool> Step();  // true: a row
  void Reset();
  // For a statement that gives no rows (or whose rows do not matter): steps once and resets.
  Status Run();

  [[nodiscard]] int64_t Integer(int column) const;
  [[nodiscard]] uint64_t Unsigned(int column) const {
    return static_cast<uint64_t>(Integer(column));
  }
  [[nodiscard]] std::string String(int column) const;  // text or blob
  [[nodiscard]] bool IsNull(int column) const;
  [[nodiscard]] bool IsBlob(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  bool bind_failed_ = false;
};

class Database {
 public:
  enum class Mode : uint8_t { kReadOnly, kCreate };
  static Result<std::unique_ptr<Database>> Open(const std::string& path, Mode mode,
                                                uint64_t cache_bytes);

  // SQL that this program wrote, one or more statements without parameters.
  Status Execute(const std::string& sql);
  // The first column of the first row; nothing where there is no row.
  Result<std::optional<std::string>> Ask(const std::string& sql);
  Result<Statement> Prepare(std::string_view sql);
  // Prepared once, then kept. `sql` is text of this program (the cache grows with each other one).
  Result<Statement*> Kept(std::string_view sql);
  // Whether a transaction is open.
  [[nodiscard]] bool InTransaction() const { return sqlite3_get_autocommit(database_.get()) == 0; }
  // Syncs the main file through SQLite's own handle (closing another would drop its locks).
  Status SyncMain();

 private:
  struct Close {
    void operator()(sqlite3* database) const { sqlite3_close(database); }
  };
  std::unique_ptr<sqlite3, Close> database_;
  std::unordered_map<std::string, Statement> kept_;
};

// Resets the statement at the end of a scope: an open one keeps a snapshot alive.
class ResetAtEnd {
 public:
  explicit ResetAtEnd(Statement* statement) : statement_(statement) {}
  ~ResetAtEnd() { statement_->Reset(); }
  ResetAtEnd(const ResetAtEnd&) = delete;
  ResetAtEnd& operator=(const ResetAtEnd&) = delete;

 private:
  Statement* statement_;
};

}  // namespace credence::projection
