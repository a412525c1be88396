#include "src/projection/connection.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "src/base/bytes.h"
#include "src/projection/cursor.h"
#include "src/projection/id_list.h"
#include "src/projection/schema.h"

namespace credence::projection {

using record::DecisionPath;

namespace {

constexpr size_t kNamesCachedMax = 65'536;
constexpr int64_t kE18 = 1'000'000'000'000'000'000;

// The links of an entity (?3) from one of them (?4) on, newest first, as chain(seq). Events without
// a decision, and decisions, have a chain each.
constexpr std::string_view kEventChain =
    "WITH RECURSIVE chain(seq) AS (SELECT ?4 UNION ALL SELECT json_extract(j.value, '$[1]') "
    "FROM chain c JOIN event e ON e.seq = c.seq JOIN json_each(e.links) j "
    "WHERE json_extract(j.value, '$[0]') = ?3 AND c.seq >= ?1) ";
constexpr std::string_view kDecisionChain =
    "WITH RECURSIVE chain(seq) AS (SELECT ?4 UNION ALL SELECT json_extract(j.value, '$[1]') "
    "FROM chain c JOIN decision d ON d.seq = c.seq LEFT JOIN event e ON e.seq = c.seq "
    "JOIN json_each(CASE WHEN d.event_seq IS NULL THEN e.links ELSE d.links END) j "
    "WHERE json_extract(j.value, '$[0]') = ?3 AND c.seq >= ?1) ";

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

}  // namespace

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
                  database_->Kept("SELECT type, source, id, time, lag, about, reverses, links "
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
  for (const Link& link : ReadLinkList(find->String(7))) {
    CREDENCE_ASSIGN(EntityKey key, EntityOf(link.entity));
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
  for (const int64_t id : ReadIdList(statement.String(kReasons))) {
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

// A link of the chain from which it is not far to the newest one before `before`.
Result<uint64_t> Connection::ChainStart(int64_t entity, bool decided, uint64_t before) {
  CREDENCE_ASSIGN(Statement * mark,
                  database_->Kept("SELECT seq FROM entity_mark WHERE entity = ? AND decided = ? "
                                  "AND seq >= ? ORDER BY seq LIMIT 1"));
  const ResetAtEnd reset_mark(mark);
  mark->Bind(1, entity).Bind(2, decided ? 1 : 0).Bind(3, before);
  CREDENCE_ASSIGN(const bool marked, mark->Step());
  if (marked) return mark->Unsigned(0);
  CREDENCE_ASSIGN(Statement * newest,
                  database_->Kept("SELECT newest, newest_decided FROM entity WHERE id = ?"));
  const ResetAtEnd reset_newest(newest);
  CREDENCE_ASSIGN(const bool there, newest->Bind(1, entity).Step());
  return there ? newest->Unsigned(decided ? 1 : 0) : 0;
}

// Rows newest first, by the index that leaves the fewest. CROSS and LEFT JOIN keep SQLite to that
// order.
Result<Statement*> Connection::Drive(const Wanted& wanted) {
  static constexpr std::string_view kEvent =
      " LEFT JOIN event e ON e.seq = coalesce(d.event_seq, d.seq) ";
  if (wanted.entity) {
    CREDENCE_ASSIGN(const uint64_t start, ChainStart(*wanted.entity, true, wanted.before_seq));
    CREDENCE_ASSIGN(Statement * statement,
                    database_->Kept(std::string(kDecisionChain) + std::string(kDecisionColumns) +
                                    "chain l CROSS JOIN decision d ON d.seq = l.seq" +
                                    std::string(kEvent) + "WHERE l.seq >= ?1 AND l.seq < ?2"));
    statement->Bind(1, wanted.first_seq).Bind(2, wanted.before_seq);
    statement->Bind(3, *wanted.entity).Bind(4, start);
    return statement;
  }
  std::string sql(kDecisionColumns);
  std::optional<int64_t> key;
  std::string order = "d.seq";
  if (wanted.reason) {
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
  const std::vector<int64_t> reasons = ReadIdList(row.String(kReasons));
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
  // Each chain in its order; together they are merged.
  std::vector<uint64_t> seqs;
  for (const bool decided : {true, false}) {
    if (!decided && decided_only) continue;
    CREDENCE_ASSIGN(const uint64_t start, ChainStart(*id, decided, before));
    CREDENCE_ASSIGN(Statement * find,
                    database_->Kept(std::string(decided ? kDecisionChain : kEventChain) +
                                    "SELECT seq FROM chain WHERE seq >= ?1 AND seq < ?2 LIMIT ?5"));
    const ResetAtEnd reset(find);
    find->Bind(1, 1).Bind(2, before).Bind(3, *id).Bind(4, start).Bind(5, uint64_t{limit} + 1);
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

}  // namespace credence::projection
