// Readers: a few connections that take turns, and what callers may ask.

#include <condition_variable>
#include <mutex>

#include "src/base/bytes.h"
#include "src/projection/connection.h"
#include "src/projection/cursor.h"
#include "src/projection/read_model.h"
#include "src/projection/schema.h"

namespace credence::projection {

namespace {

// Which list a cursor is of: every text with its length, so that no two lists look alike.
class QueryHash {
 public:
  explicit QueryHash(std::string_view list) { Add(list); }
  QueryHash& Add(std::string_view text) {
    ByteWriter(&bytes_).PutBytes(text);
    return *this;
  }
  QueryHash& Add(const std::optional<Timestamp>& time) {
    return Add(time ? std::to_string(time->ns) : std::string());
  }
  QueryHash& Add(const EntityKey& key) {
    return Add(key.type).Add(key.key).Add(key.token ? "token" : "text");
  }
  [[nodiscard]] uint64_t Finish() const { return Hash64(bytes_); }

 private:
  std::string bytes_;
};

Status CheckText(std::string_view field, std::string_view text) {
  if (text.size() <= kFilterBytesMax) return OkStatus();
  return InvalidArgument(std::string(field) + ": has " + std::to_string(text.size()) +
                         " bytes, expected at most " + std::to_string(kFilterBytesMax));
}

Status CheckKey(const EntityKey& key) {
  CREDENCE_TRY(CheckText("entity type", key.type));
  return CheckText("entity key", key.key);
}

class Pool final : public Readers {
 public:
  explicit Pool(std::string path) : path_(std::move(path)) {}

  Result<AsOf> Now() override;
  Result<Found<DecisionRow>> Decision(Seq seq) override;
  Result<Page<DecisionRow>> Decisions(const DecisionFilter& filter,
                                      const PageRequest& page) override;
  Result<Found<EntityRow>> Entity(const EntityKey& key) override;
  Result<Page<EntityEventRow>> EntityEvents(const EntityKey& key, bool decided_only,
                                            const PageRequest& page) override;
  Result<Page<EntityEventRow>> EventsAbout(std::string_view source, std::string_view id,
                                           const PageRequest& page) override;
  Result<Activity> ReadActivity(const ActivityQuery& query) override;
  Result<Page<ActionRow>> Actions(const PageRequest& page) override;

 private:
  Result<std::unique_ptr<Connection>> Take();
  void GiveBack(std::unique_ptr<Connection> connection);
  // Runs `read(connection)` in one snapshot, whose place goes into the answer's as_of.
  template <class Read>
  auto In(Read read) -> decltype(read(std::declval<Connection&>()));
  static Result<uint64_t> Before(const PageRequest& page, uint64_t query_hash);

  const std::string path_;
  std::mutex mutex_;
  std::condition_variable free_;
  size_t out_ = 0;
  std::vector<std::unique_ptr<Connection>> idle_;
};

Result<std::unique_ptr<Connection>> Pool::Take() {
  std::unique_ptr<Connection> connection;
  {
    std::unique_lock lock(mutex_);
    free_.wait(lock, [this] { return out_ < kReadersMax; });
    ++out_;
    if (!idle_.empty()) {
      connection = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (connection != nullptr && connection->IsOf(path_)) return connection;
  connection.reset();
  auto opened = Connection::Open(path_);
  if (!opened.ok()) GiveBack(nullptr);
  return opened;
}

void Pool::GiveBack(std::unique_ptr<Connection> connection) {
  {
    const std::lock_guard lock(mutex_);
    --out_;
    if (connection != nullptr) idle_.push_back(std::move(connection));
  }
  free_.notify_one();
}

template <class Read>
auto Pool::In(Read read) -> decltype(read(std::declval<Connection&>())) {
  auto taken = Take();
  if (!taken.ok()) return taken.status();
  std::unique_ptr<Connection> connection = std::move(*taken);
  AsOf as_of;
  const Status begun = connection->Begin(&as_of);
  auto result = begun.ok() ? read(*connection) : decltype(read(std::declval<Connection&>()))(begun);
  connection->End();
  if (result.ok()) {
    result.value().as_of = as_of;
  } else {
    connection.reset();  // what it cached may be of a file that is gone
  }
  GiveBack(std::move(connection));
  return result;
}

Result<uint64_t> Pool::Before(const PageRequest& page, uint64_t query_hash) {
  if (page.limit == 0 || page.limit > kPageRowsMax) {
    return InvalidArgument("limit: is " + std::to_string(page.limit) + ", expected 1 to " +
                           std::to_string(kPageRowsMax));
  }
  if (page.cursor.empty()) return static_cast<uint64_t>(INT64_MAX);
  return ReadCursor(page.cursor, query_hash);
}

Result<AsOf> Pool::Now() {
  struct Nothing {
    AsOf as_of;
  };
  CREDENCE_ASSIGN(const Nothing nothing,
                  In([](Connection&) -> Result<Nothing> { return Nothing(); }));
  return nothing.as_of;
}

Result<Found<DecisionRow>> Pool::Decision(Seq seq) {
  return In([&](Connection& connection) { return connection.Decision(seq); });
}

Result<Page<DecisionRow>> Pool::Decisions(const DecisionFilter& filter, const PageRequest& page) {
  CREDENCE_TRY(CheckText("decision", filter.decision));
  CREDENCE_TRY(CheckText("outcome", filter.outcome));
  CREDENCE_TRY(CheckText("reason", filter.reason));
  CREDENCE_TRY(CheckText("event type", filter.event_type));
  if (filter.entity) CREDENCE_TRY(CheckKey(*filter.entity));
  if (filter.from && filter.until && *filter.until < *filter.from) {
    return InvalidArgument("until: lies before from, expected a time that is not earlier");
  }
  QueryHash hash("decisions");
  hash.Add(filter.decision).Add(filter.outcome).Add(filter.reason).Add(filter.event_type);
  hash.Add(filter.path ? std::to_string(static_cast<int>(*filter.path)) : "");
  hash.Add(filter.from).Add(filter.until);
  if (filter.entity) hash.Add(*filter.entity);
  CREDENCE_ASSIGN(const uint64_t before, Before(page, hash.Finish()));
  return In([&](Connection& connection) {
    return connection.Decisions(filter, page.limit, before, hash.Finish());
  });
}

Result<Found<EntityRow>> Pool::Entity(const EntityKey& key) {
  CREDENCE_TRY(CheckKey(key));
  return In([&](Connection& connection) { return connection.Entity(key); });
}

Result<Page<EntityEventRow>> Pool::EntityEvents(const EntityKey& key, bool decided_only,
                                                const PageRequest& page) {
  CREDENCE_TRY(CheckKey(key));
  const uint64_t hash =
      QueryHash(decided_only ? "entity decisions" : "entity events").Add(key).Finish();
  CREDENCE_ASSIGN(const uint64_t before, Before(page, hash));
  return In([&](Connection& connection) {
    return connection.EntityEvents(key, decided_only, page.limit, before, hash);
  });
}

Result<Page<EntityEventRow>> Pool::EventsAbout(std::string_view source, std::string_view id,
                                               const PageRequest& page) {
  CREDENCE_TRY(CheckText("source", source));
  CREDENCE_TRY(CheckText("id", id));
  const uint64_t hash = QueryHash("events about").Add(source).Add(id).Finish();
  CREDENCE_ASSIGN(const uint64_t before, Before(page, hash));
  return In([&](Connection& connection) {
    return connection.EventsAbout(source, id, page.limit, before, hash);
  });
}

Result<Activity> Pool::ReadActivity(const ActivityQuery& query) {
  if (query.utc_offset_hours < -12 || query.utc_offset_hours > 14) {
    return InvalidArgument("utc_offset_hours: is " + std::to_string(query.utc_offset_hours) +
                           ", expected -12 to 14");
  }
  if (query.until < query.from) {
    return InvalidArgument("until: lies before from, expected a time that is not earlier");
  }
  const int64_t width = query.width == BucketWidth::kHour ? 1 : 24;
  const int64_t shift = query.width == BucketWidth::kHour ? 0 : query.utc_offset_hours;
  const auto hours = [](Timestamp time) { return FloorDivide(time.ns, kNsPerBucket); };
  const int64_t first = FloorDivide(hours(query.from) + shift, width);
  const int64_t end = query.until == query.from
                          ? first
                          : FloorDivide(hours(Timestamp{query.until.ns - 1}) + shift, width) + 1;
  if (static_cast<uint64_t>(end - first) > kActivityBucketsMax) {
    return InvalidArgument("until: " + std::to_string(end - first) +
                           (width == 1 ? " hours" : " days") + " after from, expected at most " +
                           std::to_string(kActivityBucketsMax));
  }
  return In([&](Connection& connection) {
    return connection.ReadActivity(query, first * width - shift, end * width - shift);
  });
}

Result<Page<ActionRow>> Pool::Actions(const PageRequest& page) {
  const uint64_t hash = QueryHash("actions").Finish();
  CREDENCE_ASSIGN(const uint64_t before, Before(page, hash));
  return In([&](Connection& connection) { return connection.Actions(page.limit, before, hash); });
}

}  // namespace

Result<std::unique_ptr<Readers>> Readers::Open(const std::string& path) {
  return std::unique_ptr<Readers>(std::make_unique<Pool>(path));
}

}  // namespace credence::projection
