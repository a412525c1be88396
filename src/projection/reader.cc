// The readers of the read model: a few read-only connections, each call in one snapshot.

#include <sys/stat.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <tuple>
#include <unordered_map>

#include "src/base/assert.h"
#include "src/base/bytes.h"
#include "src/projection/cursor.h"
#include "src/projection/read_model.h"
#include "src/projection/schema.h"
#include "src/projection/sqlite.h"

namespace credence::projection {

namespace {

using record::DecisionPath;

constexpr size_t kNamesCachedMax = 65'536;
constexpr int64_t kE18 = 1'000'000'000'000'000'000;

constexpr int64_t FloorDivide(int64_t a, int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

std::vector<int64_t> ParseIds(std::string_view json) {
  std::vector<int64_t> ids;
  int64_t id = 0;
  for (const char c : json) {
    if (c >= '0' && c <= '9') {
      id = id * 10 + (c - '0');
    } else if (id != 0) {
      ids.push_back(std::exchange(id, 0));
    }
  }
  return ids;
}

// The columns of one decision with its event, wherever the rows are found.
constexpr std::string_view kDecisionColumns =
    "SELECT d.seq, d.event_seq, d.decision, d.outcome, d.path, d.score, d.probability, d.reasons, "
    "d.pack, coalesce(d.time, e.time), e.type FROM ";
enum DecisionColumn : uint8_t {
  kSeq,
  kEventSeq,
  kDecision,
  kOutcome,
  kPath,
  kScore,
  kProbability,
  kReasons,
  kPack,
  kTime,
  kType
};

// What a filter means in this file: numbers instead of names.
struct Wanted {
  std::optional<int64_t> decision;
  std::optional<int64_t> outcome;
  std::optional<int64_t> reason;
  std::optional<int64_t> event_type;
  std::optional<int64_t> entity;
  std::optional<DecisionPath> path;
  int64_t from = INT64_MIN;
  std::optional<int64_t> until;
  uint64_t first_seq = 0;           // included
  uint64_t before_seq = INT64_MAX;  // not included
  bool nothing = false;             // a name that never occurred
};

// One connection and what it has learned of the file. One thread at a time.
class Connection {
 public:
  static Result<std::unique_ptr<Connection>> Open(const std::string& path);
  // Whether the file is still the one that was opened.
  [[nodiscard]] bool IsOf(const std::string& path) const;

  Status Begin(AsOf* as_of);
  void End();

  Result<Found<DecisionRow>> Decision(Seq seq);
  Result<Page<DecisionRow>> Decisions(const DecisionFilter& filter, size_t limit, uint64_t before,
                                      uint64_t query_hash);
  Result<Found<EntityRow>> Entity(const EntityKey& key);
  Result<Page<EntityEventRow>> EntityEvents(const EntityKey& key, bool decided_only, size_t limit,
                                            uint64_t before, uint64_t query_hash);
  Result<Page<EntityEventRow>> EventsAbout(std::string_view source, std::string_view id,
                                           size_t limit, uint64_t before, uint64_t query_hash);
  Result<Activity> ReadActivity(const ActivityQuery& query, int64_t first_hour, int64_t end_hour);
  Result<Page<ActionRow>> Actions(size_t limit, uint64_t before, uint64_t query_hash);

 private:
  struct FileId {
    dev_t device = 0;
    ino_t inode = 0;
    friend bool operator==(const FileId&, const FileId&) = default;
  };
  static FileId Identify(const std::string& path);

  Result<std::optional<int64_t>> FindName(std::string_view text);
  Result<std::string> NameOf(int64_t id);
  Result<std::optional<int64_t>> FindEntity(const EntityKey& key);
  Result<EntityKey> EntityOf(int64_t id);
  Result<EventRow> EventOf(Seq seq);
  Result<RecordPlace> PlaceOf(Seq seq);
  Result<DecisionRow> RowOf(const Statement& statement);
  Result<EntityEventRow> EventWithDecision(Seq seq);
  Result<Wanted> Resolve(const DecisionFilter& filter, uint64_t before);
  Status NarrowToHours(Wanted* wanted);
  Result<Statement*> Drive(const Wanted& wanted);
  static bool Fits(const Wanted& wanted, const Statement& row);
  Status ActivityEvents(int64_t first, int64_t end, std::map<int64_t, ActivityBucket>* buckets,
                        const std::function<int64_t(int64_t)>& bucket_of);
  Status ActivityDecisions(int64_t first, int64_t end, std::map<int64_t, ActivityBucket>* buckets,
                           const std::function<int64_t(int64_t)>& bucket_of);
  Status ActivityAmounts(int64_t first, int64_t end, std::map<int64_t, ActivityBucket>* buckets,
                         const std::function<int64_t(int64_t)>& bucket_of);

  FileId file_;
  std::unique_ptr<Database> database_;
  std::unordered_map<int64_t, std::string> names_;  // a number's name never changes
};

Connection::FileId Connection::Identify(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) return {};
  return {found.st_dev, found.st_ino};
}

bool Connection::IsOf(const std::string& path) const { return Identify(path) == file_; }

Result<std::unique_ptr<Connection>> Connection::Open(const std::string& path) {
  auto connection = std::make_unique<Connection>();
  connection->file_ = Identify(path);
  if (connection->file_ == FileId()) {
    return Unavailable("the read model is not there yet: " + path);
  }
  CREDENCE_ASSIGN(connection->database_,
                  Database::Open(path, Database::Mode::kReadOnly, kReaderCacheBytes));
  Database& database = *connection->database_;
  CREDENCE_TRY(database.Execute("PRAGMA query_only=1"));
  CREDENCE_ASSIGN(const auto application, database.Ask("PRAGMA application_id"));
  CREDENCE_ASSIGN(const auto version, database.Ask("PRAGMA user_version"));
  if (application != std::to_string(kApplicationId) || version != std::to_string(kSchemaVersion)) {
    return Unavailable("the read model is being made, or is of another release: " + path);
  }
  return connection;
}

Status Connection::Begin(AsOf* as_of) {
  CREDENCE_ASSIGN(Statement * begin, database_->Kept("BEGIN"));
  CREDENCE_TRY(begin->Run());
  CREDENCE_ASSIGN(Statement * fold, database_->Kept("SELECT last_seq, frame FROM fold"));
  const ResetAtEnd reset(fold);
  CREDENCE_ASSIGN(const bool row, fold->Step());
  if (!row) return DataLoss("the read model does not say where it stands");
  *as_of = {Seq(fold->Unsigned(0)), fold->Unsigned(1)};
  return OkStatus();
}

void Connection::End() {
  if (database_->InTransaction()) database_->Execute("ROLLBACK").IgnoreError();
}

// ---- names

Result<std::optional<int64_t>> Connection::FindName(std::string_view text) {
  CREDENCE_ASSIGN(Statement * find, database_->Kept("SELECT id FROM name WHERE text = ?"));
  const ResetAtEnd reset(find);
  CREDENCE_ASSIGN(const bool row, find->Text(1, text).Step());
  return row ? std::optional<int64_t>(find->Integer(0)) : std::nullopt;
}

Result<std::string> Connection::NameOf(int64_t id) {
  const auto known = names_.find(id);
  if (known != names_.end()) return known->second;
  CREDENCE_ASSIGN(Statement * find, database_->Kept("SELECT text FROM name WHERE id = ?"));
  const ResetAtEnd reset(find);
  CREDENCE_ASSIGN(const bool row, find->Bind(1, id).Step());
  if (!row) return DataLoss("the read model has no name " + std::to_string(id));
  if (names_.size() >= kNamesCachedMax) names_.clear();
  return names_.emplace(id, find->String(0)).first->second;
}

Result<std::optional<int64_t>> Connection::FindEntity(const EntityKey& key) {
  CREDENCE_ASSIGN(const auto type, FindName(key.type));
  if (!type) return std::optional<int64_t>();
  CREDENCE_ASSIGN(Statement * find,
                  database_->Kept("SELECT id FROM entity WHERE type = ? AND key = ?"));
  const ResetAtEnd reset(find);
  find->Bind(1, *type);
  key.token ? find->Blob(2, key.key) : find->Text(2, key.key);
  CREDENCE_ASSIGN(const bool row, find->Step());
  return row ? std::optional<int64_t>(find->Integer(0)) : std::nullopt;
}

Result<EntityKey> Connection::EntityOf(int64_t id) {
  CREDENCE_ASSIGN(Statement * find, database_->Kept("SELECT type, key FROM entity WHERE id = ?"));
  const ResetAtEnd reset(find);
  CREDENCE_ASSIGN(const bool row, find->Bind(1, id).Step());
  if (!row) return DataLoss("the read model has no entity " + std::to_string(id));
  EntityKey key{"", find->String(1), find->IsBlob(1)};
  CREDENCE_ASSIGN(key.type, NameOf(find->Integer(0)));
  return key;
}

Result<RecordPlace> Connection::PlaceOf(Seq seq) {
  CREDENCE_ASSIGN(Statement * find,
                  database_->Kept("SELECT number, segment, offset FROM frame WHERE first_seq <= ? "
                                  "ORDER BY first_seq DESC LIMIT 1"));
  const ResetAtEnd reset(find);
  CREDENCE_ASSIGN(const bool row, find->Bind(1, seq.value()).Step());
  if (!row) return RecordPlace();
  return RecordPlace{find->Unsigned(0), find->Unsigned(1), find->Unsigned(2)};
}

Result<EventRow> Connection::EventOf(Seq seq) {
  CREDENCE_ASSIGN(Statement * find,
                  database_->Kept("SELECT type, source, id, time, lag, about, reverses, entities "
                                  "FROM event WHERE seq = ?"));
  const ResetAtEnd reset(find);
  CREDENCE_ASSIGN(const bool row, find->Bind(1, seq.value()).Step());
  EventRow event;
  event.seq = seq;
  if (!row) return event;  // of a part of the journal that was retired
  if (!find->IsNull(0)) {
    CREDENCE_ASSIGN(event.type, NameOf(find->Integer(0)));
  }
  CREDENCE_ASSIGN(event.source, NameOf(find->Integer(1)));
  event.id = find->String(2);
  event.time = Timestamp{find->Integer(3)};
  event.stamp = Timestamp{static_cast<int64_t>(find->Unsigned(3) + find->Unsigned(4))};
  event.about = find->String(5);
  event.reverses = find->String(6);
  for (const int64_t id : ParseIds(find->String(7))) {
    CREDENCE_ASSIGN(EntityKey key, EntityOf(id));
    event.entities.push_back(std::move(key));
  }
  return event;
}

// ---- decisions

Result<DecisionRow> Connection::RowOf(const Statement& statement) {
  DecisionRow row;
  row.seq = Seq(statement.Unsigned(kSeq));
  row.event_seq = statement.IsNull(kEventSeq) ? row.seq : Seq(statement.Unsigned(kEventSeq));
  row.path = static_cast<DecisionPath>(statement.Integer(kPath));
  if (!statement.IsNull(kScore)) row.score = Decimal::Parse(statement.String(kScore));
  if (!statement.IsNull(kProbability)) {
    row.probability_of_default = Decimal::Parse(statement.String(kProbability));
  }
  CREDENCE_ASSIGN(row.decision, NameOf(statement.Integer(kDecision)));
  CREDENCE_ASSIGN(row.outcome, NameOf(statement.Integer(kOutcome)));
  for (const int64_t id : ParseIds(statement.String(kReasons))) {
    CREDENCE_ASSIGN(std::string reason, NameOf(id));
    row.reasons.push_back(std::move(reason));
  }
  CREDENCE_ASSIGN(const std::string pack, NameOf(statement.Integer(kPack)));
  std::string raw;
  if (!FromHex(pack, &raw) || !Digest::FromRaw(raw, &row.pack)) {
    return DataLoss("the read model names no pack for a decision");
  }
  CREDENCE_ASSIGN(row.event, EventOf(row.event_seq));
  row.time = Timestamp{statement.Integer(kTime)};
  CREDENCE_ASSIGN(row.place, PlaceOf(row.seq));
  row.event_place = row.place;
  if (row.event_seq != row.seq) {
    CREDENCE_ASSIGN(row.event_place, PlaceOf(row.event_seq));
  }
  return row;
}

Result<Found<DecisionRow>> Connection::Decision(Seq seq) {
  Found<DecisionRow> found;
  CREDENCE_ASSIGN(Statement * find,
                  database_->Kept(std::string(kDecisionColumns) +
                                  "decision d LEFT JOIN event e ON e.seq = "
                                  "coalesce(d.event_seq, d.seq) WHERE d.seq = ?"));
  const ResetAtEnd reset(find);
  CREDENCE_ASSIGN(const bool row, find->Bind(1, seq.value()).Step());
  if (!row) return found;
  CREDENCE_ASSIGN(found.row, RowOf(*find));
  return found;
}

Result<Wanted> Connection::Resolve(const DecisionFilter& filter, uint64_t before) {
  Wanted wanted;
  wanted.before_seq = before;
  const std::pair<const std::string*, std::optional<int64_t>*> names[] = {
      {&filter.decision, &wanted.decision},
      {&filter.outcome, &wanted.outcome},
      {&filter.reason, &wanted.reason},
      {&filter.event_type, &wanted.event_type}};
  for (const auto& [text, id] : names) {
    if (text->empty()) continue;
    CREDENCE_ASSIGN(*id, FindName(*text));
    if (!*id) wanted.nothing = true;
  }
  if (filter.entity) {
    CREDENCE_ASSIGN(wanted.entity, FindEntity(*filter.entity));
    if (!wanted.entity) wanted.nothing = true;
  }
  wanted.path = filter.path;
  if (filter.from) wanted.from = filter.from->ns;
  if (filter.until) wanted.until = filter.until->ns;
  if ((filter.from || filter.until) && !wanted.nothing) CREDENCE_TRY(NarrowToHours(&wanted));
  return wanted;
}

// Sequences follow arrival, filters speak of event time: the hours say which sequences can fit.
Status Connection::NarrowToHours(Wanted* wanted) {
  CREDENCE_ASSIGN(Statement * find,
                  database_->Kept("SELECT min(first_seq), max(last_seq) FROM decision_hour "
                                  "WHERE hour >= ? AND hour <= ?"));
  const ResetAtEnd reset(find);
  find->Bind(1, FloorDivide(wanted->from, kNsPerBucket));
  find->Bind(2, wanted->until ? FloorDivide(*wanted->until, kNsPerBucket) : INT64_MAX);
  CREDENCE_ASSIGN(const bool row, find->Step());
  if (!row || find->IsNull(0)) {
    wanted->nothing = true;
    return OkStatus();
  }
  wanted->first_seq = find->Unsigned(0);
  wanted->before_seq = std::min(wanted->before_seq, find->Unsigned(1) + 1);
  return OkStatus();
}

// Rows newest first, by the index that leaves the fewest. CROSS and LEFT JOIN keep SQLite to that
// order.
Result<Statement*> Connection::Drive(const Wanted& wanted) {
  static constexpr std::string_view kEvent =
      " LEFT JOIN event e ON e.seq = coalesce(d.event_seq, d.seq) ";
  std::string sql(kDecisionColumns);
  std::optional<int64_t> key;
  std::string order = "d.seq";
  if (wanted.entity) {
    key = wanted.entity;
    order = "l.seq";
    sql += "entity_event l CROSS JOIN decision d ON d.seq = l.seq" + std::string(kEvent) +
           "WHERE l.entity = ?3 AND l.decided = 1";
  } else if (wanted.reason) {
    key = wanted.reason;
    order = "l.seq";
    sql += "decision_reason l CROSS JOIN decision d ON d.seq = l.seq" + std::string(kEvent) +
           "WHERE l.reason = ?3";
  } else if (wanted.path && *wanted.path != DecisionPath::kPolicy) {
    key = static_cast<int64_t>(*wanted.path);
    sql += "decision d INDEXED BY decision_by_path" + std::string(kEvent) +
           "WHERE d.path = ?3 AND d.path <> 1";
  } else if (wanted.outcome) {
    key = wanted.outcome;
    sql +=
        "decision d INDEXED BY decision_by_outcome" + std::string(kEvent) + "WHERE d.outcome = ?3";
  } else if (wanted.decision) {
    key = wanted.decision;
    sql += "decision d INDEXED BY decision_by_name" + std::string(kEvent) + "WHERE d.decision = ?3";
  } else {
    sql += "decision d" + std::string(kEvent) + "WHERE 1";
  }
  sql += " AND " + order + " >= ?1 AND " + order + " < ?2 ORDER BY " + order + " DESC";
  CREDENCE_ASSIGN(Statement * statement, database_->Kept(sql));
  statement->Bind(1, wanted.first_seq).Bind(2, wanted.before_seq);
  if (key) statement->Bind(3, *key);
  return statement;
}

bool Connection::Fits(const Wanted& wanted, const Statement& row) {
  const auto is = [&row](const std::optional<int64_t>& id, int column) {
    return !id || (!row.IsNull(column) && row.Integer(column) == *id);
  };
  if (!is(wanted.decision, kDecision) || !is(wanted.outcome, kOutcome) ||
      !is(wanted.event_type, kType) || row.Integer(kTime) < wanted.from ||
      (wanted.until && row.Integer(kTime) >= *wanted.until)) {
    return false;
  }
  if (wanted.path && row.Integer(kPath) != static_cast<int64_t>(*wanted.path)) return false;
  if (!wanted.reason) return true;
  const std::vector<int64_t> reasons = ParseIds(row.String(kReasons));
  return std::find(reasons.begin(), reasons.end(), *wanted.reason) != reasons.end();
}

Result<Page<DecisionRow>> Connection::Decisions(const DecisionFilter& filter, size_t limit,
                                                uint64_t before, uint64_t query_hash) {
  Page<DecisionRow> page;
  CREDENCE_ASSIGN(const Wanted wanted, Resolve(filter, before));
  if (wanted.nothing) return page;
  CREDENCE_ASSIGN(Statement * driver, Drive(wanted));
  const ResetAtEnd reset(driver);
  uint64_t last = 0;
  for (size_t scanned = 0;; ++scanned) {
    CREDENCE_ASSIGN(const bool more, driver->Step());
    if (!more) return page;
    if (page.rows.size() == limit || scanned == kRowsScannedMax) break;
    last = driver->Unsigned(kSeq);
    if (!Fits(wanted, *driver)) continue;
    CREDENCE_ASSIGN(DecisionRow row, RowOf(*driver));
    page.rows.push_back(std::move(row));
  }
  page.next = MakeCursor(query_hash, last);
  return page;
}

// ---- entities and events

Result<Found<EntityRow>> Connection::Entity(const EntityKey& key) {
  Found<EntityRow> found;
  CREDENCE_ASSIGN(const auto id, FindEntity(key));
  if (!id) return found;
  CREDENCE_ASSIGN(Statement * find,
                  database_->Kept("SELECT first_seq, last_seq, first_time, last_time, events, "
                                  "decisions FROM entity WHERE id = ?"));
  const ResetAtEnd reset(find);
  CREDENCE_ASSIGN(const bool there, find->Bind(1, *id).Step());
  if (!there) return found;
  EntityRow row;
  row.key = key;
  row.first_seq = Seq(find->Unsigned(0));
  row.last_seq = Seq(find->Unsigned(1));
  row.first_time = Timestamp{find->Integer(2)};
  row.last_time = Timestamp{find->Integer(3)};
  row.events = find->Unsigned(4);
  row.decisions = find->Unsigned(5);
  found.row = std::move(row);
  return found;
}

// `seq` is of an event, or of a decision that resumed on the answer with that sequence.
Result<EntityEventRow> Connection::EventWithDecision(Seq seq) {
  EntityEventRow row;
  Seq event = seq;
  CREDENCE_ASSIGN(
      Statement * find,
      database_->Kept("SELECT decision, outcome, event_seq FROM decision WHERE seq = ?"));
  const ResetAtEnd reset(find);
  CREDENCE_ASSIGN(const bool decided, find->Bind(1, seq.value()).Step());
  if (decided) {
    row.decision_seq = seq;
    CREDENCE_ASSIGN(row.decision, NameOf(find->Integer(0)));
    CREDENCE_ASSIGN(row.outcome, NameOf(find->Integer(1)));
    if (!find->IsNull(2)) event = Seq(find->Unsigned(2));
  }
  CREDENCE_ASSIGN(row.event, EventOf(event));
  CREDENCE_ASSIGN(row.place, PlaceOf(event));
  return row;
}

Result<Page<EntityEventRow>> Connection::EntityEvents(const EntityKey& key, bool decided_only,
                                                      size_t limit, uint64_t before,
                                                      uint64_t query_hash) {
  Page<EntityEventRow> page;
  CREDENCE_ASSIGN(const auto id, FindEntity(key));
  if (!id) return page;
  // Each half in the order of the key; together they are merged.
  std::vector<uint64_t> seqs;
  for (const int decided : {1, 0}) {
    if (decided == 0 && decided_only) continue;
    CREDENCE_ASSIGN(Statement * find,
                    database_->Kept("SELECT seq FROM entity_event WHERE entity = ? AND decided = ? "
                                    "AND seq < ? ORDER BY seq DESC LIMIT ?"));
    const ResetAtEnd reset(find);
    find->Bind(1, *id).Bind(2, decided).Bind(3, before).Bind(4, uint64_t{limit} + 1);
    for (;;) {
      CREDENCE_ASSIGN(const bool more, find->Step());
      if (!more) break;
      seqs.push_back(find->Unsigned(0));
    }
  }
  std::sort(seqs.rbegin(), seqs.rend());
  for (size_t i = 0; i < std::min(limit, seqs.size()); ++i) {
    CREDENCE_ASSIGN(EntityEventRow row, EventWithDecision(Seq(seqs[i])));
    page.rows.push_back(std::move(row));
  }
  if (seqs.size() > limit) page.next = MakeCursor(query_hash, seqs[limit - 1]);
  return page;
}

Result<Page<EntityEventRow>> Connection::EventsAbout(std::string_view source, std::string_view id,
                                                     size_t limit, uint64_t before,
                                                     uint64_t query_hash) {
  Page<EntityEventRow> page;
  CREDENCE_ASSIGN(const auto source_name, FindName(source));
  if (!source_name) return page;
  CREDENCE_ASSIGN(Statement * find,
                  database_->Kept("SELECT seq FROM event_about WHERE about = ? AND source = ? AND "
                                  "seq < ? ORDER BY seq DESC"));
  const ResetAtEnd reset(find);
  find->Text(1, id).Bind(2, *source_name).Bind(3, before);
  for (;;) {
    CREDENCE_ASSIGN(const bool more, find->Step());
    if (!more) return page;
    if (page.rows.size() == limit) break;
    CREDENCE_ASSIGN(EntityEventRow row, EventWithDecision(Seq(find->Unsigned(0))));
    page.rows.push_back(std::move(row));
  }
  page.next = MakeCursor(query_hash, page.rows.back().event.seq.value());
  return page;
}

// ---- activity

using BucketOf = std::function<int64_t(int64_t)>;

Status Connection::ActivityEvents(int64_t first, int64_t end,
                                  std::map<int64_t, ActivityBucket>* buckets,
                                  const BucketOf& bucket_of) {
  std::map<std::pair<int64_t, std::string>, uint64_t> counts;
  CREDENCE_ASSIGN(Statement * find,
                  database_->Kept("SELECT hour, type, count FROM activity_event WHERE hour >= ? "
                                  "AND hour < ?"));
  const ResetAtEnd reset(find);
  find->Bind(1, first).Bind(2, end);
  for (;;) {
    CREDENCE_ASSIGN(const bool more, find->Step());
    if (!more) break;
    CREDENCE_ASSIGN(const std::string type, NameOf(find->Integer(1)));
    counts[{bucket_of(find->Integer(0)), type}] += find->Unsigned(2);
  }
  for (const auto& [key, count] : counts) {
    (*buckets)[key.first].events.push_back({key.second, count});
  }
  return OkStatus();
}

Status Connection::ActivityDecisions(int64_t first, int64_t end,
                                     std::map<int64_t, ActivityBucket>* buckets,
                                     const BucketOf& bucket_of) {
  std::map<std::tuple<int64_t, std::string, std::string>, uint64_t> counts;
  CREDENCE_ASSIGN(Statement * find,
                  database_->Kept("SELECT hour, decision, outcome, count FROM activity_decision "
                                  "WHERE hour >= ? AND hour < ?"));
  const ResetAtEnd reset(find);
  find->Bind(1, first).Bind(2, end);
  for (;;) {
    CREDENCE_ASSIGN(const bool more, find->Step());
    if (!more) break;
    CREDENCE_ASSIGN(const std::string decision, NameOf(find->Integer(1)));
    CREDENCE_ASSIGN(const std::string outcome, NameOf(find->Integer(2)));
    counts[{bucket_of(find->Integer(0)), decision, outcome}] += find->Unsigned(3);
  }
  for (const auto& [key, count] : counts) {
    (*buckets)[std::get<0>(key)].decisions.push_back({std::get<1>(key), std::get<2>(key), count});
  }
  return OkStatus();
}

Status Connection::ActivityAmounts(int64_t first, int64_t end,
                                   std::map<int64_t, ActivityBucket>* buckets,
                                   const BucketOf& bucket_of) {
  struct Sum {
    uint64_t count = 0;
    Int128 total = 0;
  };
  std::map<std::pair<int64_t, std::array<std::string, 5>>, Sum> sums;
  CREDENCE_ASSIGN(Statement * find,
                  database_->Kept("SELECT hour, type, field, currency, decision, outcome, count, "
                                  "total, total_e18 FROM activity_amount WHERE hour >= ? AND "
                                  "hour < ?"));
  const ResetAtEnd reset(find);
  find->Bind(1, first).Bind(2, end);
  for (;;) {
    CREDENCE_ASSIGN(const bool more, find->Step());
    if (!more) break;
    std::array<std::string, 5> names;
    for (int i = 0; i < 5; ++i) {
      CREDENCE_ASSIGN(names[static_cast<size_t>(i)], NameOf(find->Integer(1 + i)));
    }
    Sum& sum = sums[{bucket_of(find->Integer(0)), names}];
    sum.count += find->Unsigned(6);
    sum.total += static_cast<Int128>(find->Integer(8)) * kE18 + find->Integer(7);
  }
  for (const auto& [key, sum] : sums) {
    const auto& [type, field, currency, decision, outcome] = key.second;
    (*buckets)[key.first].amounts.push_back({type, field,
                                             Currency::FromCode(currency).value_or(Currency()),
                                             decision, outcome, sum.count, sum.total});
  }
  return OkStatus();
}

Result<Activity> Connection::ReadActivity(const ActivityQuery& query, int64_t first_hour,
                                          int64_t end_hour) {
  const int64_t width = query.width == BucketWidth::kHour ? 1 : 24;
  const int64_t shift = query.width == BucketWidth::kHour ? 0 : query.utc_offset_hours;
  const BucketOf bucket_of = [width, shift](int64_t hour) {
    return FloorDivide(hour + shift, width);
  };
  std::map<int64_t, ActivityBucket> buckets;
  CREDENCE_TRY(ActivityEvents(first_hour, end_hour, &buckets, bucket_of));
  CREDENCE_TRY(ActivityDecisions(first_hour, end_hour, &buckets, bucket_of));
  CREDENCE_TRY(ActivityAmounts(first_hour, end_hour, &buckets, bucket_of));
  Activity activity;
  for (auto& [index, bucket] : buckets) {
    // The first bucket of all time may begin before the first instant.
    const Int128 start = (static_cast<Int128>(index) * width - shift) * kNsPerBucket;
    bucket.start = Timestamp{start < INT64_MIN ? INT64_MIN : static_cast<int64_t>(start)};
    activity.buckets.push_back(std::move(bucket));
  }
  return activity;
}

Result<Page<ActionRow>> Connection::Actions(size_t limit, uint64_t before, uint64_t query_hash) {
  Page<ActionRow> page;
  CREDENCE_ASSIGN(Statement * find,
                  database_->Kept("SELECT seq, kind, stamp, by, approved_by, pack_name, pack, "
                                  "is_on, decision, reason, currency, rate FROM action "
                                  "WHERE seq < ? ORDER BY seq DESC"));
  const ResetAtEnd reset(find);
  find->Bind(1, before);
  for (;;) {
    CREDENCE_ASSIGN(const bool more, find->Step());
    if (!more) return page;
    if (page.rows.size() == limit) break;
    ActionRow row;
    row.seq = Seq(find->Unsigned(0));
    row.kind = static_cast<ActionRow::Kind>(find->Integer(1));
    row.stamp = Timestamp{find->Integer(2)};
    row.by = find->String(3);
    row.approved_by = find->String(4);
    row.pack_name = find->String(5);
    std::string raw;
    Digest pack;
    if (FromHex(find->String(6), &raw) && Digest::FromRaw(raw, &pack)) row.pack = pack;
    row.on = find->Integer(7) != 0;
    row.decision = find->String(8);
    row.reason = find->String(9);
    row.currency = find->String(10);
    if (!find->IsNull(11)) row.rate = Decimal::Parse(find->String(11));
    CREDENCE_ASSIGN(row.place, PlaceOf(row.seq));
    page.rows.push_back(std::move(row));
  }
  page.next = MakeCursor(query_hash, page.rows.back().seq.value());
  return page;
}

// ---- the pool

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
