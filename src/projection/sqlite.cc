#include "src/projection/sqlite.h"

#include "src/base/assert.h"
#include "src/projection/write_out.h"

namespace credence::projection {

namespace {
constexpr int kBusyMs = 5'000;  // only another process can make us wait
}  // namespace

Status SqliteFailure(sqlite3* database, int code, std::string_view what) {
  std::string message = std::string(what) + ": " +
                        (database == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(database));
  switch (code & 0xFF) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return DataLoss(std::move(message));
    case SQLITE_FULL:
      return ResourceExhausted(std::move(message));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Unavailable(std::move(message));
    default:
      return IoError(std::move(message));
  }
}

Statement& Statement::Bind(int index, int64_t value) {
  bind_failed_ |= sqlite3_bind_int64(statement_.get(), index, value) != SQLITE_OK;
  return *this;
}

Statement& Statement::Text(int index, std::string_view value) {
  bind_failed_ |= sqlite3_bind_text64(statement_.get(), index, value.empty() ? "" : value.data(),
                                      value.size(), SQLITE_STATIC, SQLITE_UTF8) != SQLITE_OK;
  return *this;
}

Statement& Statement::Blob(int index, std::string_view value) {
  bind_failed_ |= sqlite3_bind_blob64(statement_.get(), index, value.empty() ? "" : value.data(),
                                      value.size(), SQLITE_STATIC) != SQLITE_OK;
  return *this;
}

Statement& Statement::Null(int index) {
  bind_failed_ |= sqlite3_bind_null(statement_.get(), index) != SQLITE_OK;
  return *this;
}

Result<bool> Statement::Step() {
  sqlite3* database = sqlite3_db_handle(statement_.get());
  if (bind_failed_) return SqliteFailure(database, SQLITE_MISUSE, "binding a value");
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return SqliteFailure(database, code, "the read model");
}

void Statement::Reset() {
  bind_failed_ = false;
  sqlite3_reset(statement_.get());  // repeats the code of the last step, which was seen there
}

Status Statement::Run() {
  const auto stepped = Step();
  Reset();
  return stepped.status();
}

int64_t Statement::Integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string Statement::String(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return data == nullptr ? std::string() : std::string(data, static_cast<size_t>(size));
}

bool Statement::IsNull(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

bool Statement::IsBlob(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_BLOB;
}

Result<std::unique_ptr<Database>> Database::Open(const std::string& path, Mode mode,
                                                 uint64_t cache_bytes) {
  WriteOutInSteps();
  sqlite3* raw = nullptr;
  const int flags =
      SQLITE_OPEN_NOMUTEX |
      (mode == Mode::kReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
  auto database = std::make_unique<Database>();
  database->database_.reset(raw);
  if (code != SQLITE_OK) return SqliteFailure(raw, code, path);
  sqlite3_busy_timeout(raw, kBusyMs);
  CREDENCE_TRY(database->Execute("PRAGMA cache_size=-" + std::to_string(cache_bytes / 1024)));
  return database;
}

Status Database::Execute(const std::string& sql) {
  const int code = sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? OkStatus() : SqliteFailure(database_.get(), code, "the read model");
}

Result<std::optional<std::string>> Database::Ask(const std::string& sql) {
  CREDENCE_ASSIGN(Statement statement, Prepare(sql));
  CREDENCE_ASSIGN(const bool row, statement.Step());
  if (!row) return std::optional<std::string>();
  return std::optional<std::string>(statement.String(0));
}

Result<Statement> Database::Prepare(std::string_view sql) {
  sqlite3_stmt* raw = nullptr;
  const int code = sqlite3_prepare_v3(database_.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
  if (code != SQLITE_OK) return SqliteFailure(database_.get(), code, "the read model");
  return Statement(raw);
}

Result<Statement*> Database::Kept(std::string_view sql) {
  const auto found = kept_.find(std::string(sql));
  if (found != kept_.end()) return &found->second;
  CREDENCE_ASSIGN(Statement statement, Prepare(sql));
  return &kept_.emplace(std::string(sql), std::move(statement)).first->second;
}

Status Database::SyncMain() {
  sqlite3_file* file = nullptr;
  const int code = sqlite3_file_control(database_.get(), "main", SQLITE_FCNTL_FILE_POINTER, &file);
  if (code != SQLITE_OK || file == nullptr || file->pMethods == nullptr) {
    return SqliteFailure(database_.get(), code, "syncing the read model");
  }
  const int synced = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
  return synced == SQLITE_OK ? OkStatus()
                             : SqliteFailure(nullptr, synced, "syncing the read model");
}

}  // namespace credence::projection
