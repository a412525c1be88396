// The writer of the read model: opens or remakes the file, and folds frames into it.
#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <tuple>
#include <unordered_map>

#include "src/base/arena.h"
#include "src/base/assert.h"
#include "src/base/bytes.h"
#include "src/projection/id_list.h"
#include "src/projection/read_model.h"
#include "src/projection/schema.h"
#include "src/projection/sqlite.h"

namespace credence::projection {

namespace {

using record::DecisionRecord;
using record::Event;

constexpr size_t kNamesCachedMax = 65'536;
constexpr size_t kEntitiesCachedMax = 65'536;
constexpr size_t kPacksCachedMax = 64;
constexpr int64_t kE18 = 1'000'000'000'000'000'000;
// Pages that the log may hold before they are moved into the file.
constexpr int kLogPages = 2'000;

int64_t HourOf(Timestamp time) {
  const int64_t hour = time.ns / kNsPerBucket;
  return time.ns % kNsPerBucket < 0 ? hour - 1 : hour;
}

std::string LinuxBootId(FileSystem& files) {
  const auto file = files.Open("/proc/sys/kernel/random/boot_id", OpenMode::kRead);
  std::string boot;
  if (!file.ok() || !(*file)->ReadAt(0, 64, &boot).ok()) return "";
  while (!boot.empty() && boot.back() == '\n') boot.pop_back();
  return boot;
}

// What one transaction adds to rows that many records touch, so that each is written once.
struct EntityChange {
  // Where its chains begin: of events without a decision, of decisions.
  std::array<uint64_t, 2> newest{};
  Seq last_seq;
  Timestamp first_time{std::numeric_limits<int64_t>::max()};
  Timestamp last_time{std::numeric_limits<int64_t>::min()};
  int64_t events = 0;
  int64_t decisions = 0;
};
struct Span {
  uint64_t first = UINT64_MAX;
  uint64_t last = 0;
};
struct Sum {
  int64_t count = 0;
  Int128 total = 0;
};
struct Changes {
  std::unordered_map<int64_t, EntityChange> entities;
  std::map<int64_t, Span> decision_hours;
  std::map<std::pair<int64_t, int64_t>, int64_t> events;               // hour, type
  std::map<std::tuple<int64_t, int64_t, int64_t>, int64_t> decisions;  // hour, decision, outcome
  // hour, type, field, currency, decision, outcome
  std::map<std::tuple<int64_t, int64_t, int64_t, int64_t, int64_t, int64_t>, Sum> amounts;
};

struct Statements {
  Statement begin, commit, fold;
  Statement find_name, add_name, add_frame, add_event, add_about, add_entity, find_entity,
      newest_links, change_entity, add_mark, add_decision, add_reason, add_action, event_links;
  Statement hour, activity_event, activity_decision, find_amount, put_amount;

  Status Prepare(Database* database);
};

Status Statements::Prepare(Database* database) {
  const std::pair<Statement*, const char*> all[] = {
      {&begin, "BEGIN IMMEDIATE"},
      {&commit, "COMMIT"},
      {&fold,
       "UPDATE fold SET frame = ?, segment = ?, offset = ?, last_seq = ?, chain = ?, pack = ?"},
      {&find_name, "SELECT id FROM name WHERE text = ?"},
      {&add_name, "INSERT INTO name (text) VALUES (?) RETURNING id"},
      {&add_frame, "INSERT INTO frame VALUES (?, ?, ?, ?)"},
      {&add_event, "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"},
      {&add_about, "INSERT OR IGNORE INTO event_about VALUES (?, ?, ?)"},
      {&find_entity, "SELECT id FROM entity WHERE type = ? AND key = ?"},
      {&add_entity,
       "INSERT INTO entity (type, key, first_seq, last_seq, first_time, last_time, events, "
       "decisions, newest, newest_decided) VALUES (?, ?, ?, ?, ?, ?, 0, 0, 0, 0) RETURNING id"},
      {&newest_links, "SELECT newest, newest_decided FROM entity WHERE id = ?"},
      {&change_entity,
       "UPDATE entity SET last_seq = max(last_seq, ?2), first_time = min(first_time, ?3), "
       "last_time = max(last_time, ?4), events = events + ?5, decisions = decisions + ?6, "
       "newest = ?7, newest_decided = ?8 WHERE id = ?1"},
      {&add_mark, "INSERT INTO entity_mark VALUES (?, ?, ?)"},
      {&event_links, "SELECT links FROM event WHERE seq = ?"},
      {&add_decision, "INSERT INTO decision VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
      {&add_reason, "INSERT OR IGNORE INTO decision_reason VALUES (?, ?)"},
      {&add_action, "INSERT INTO action VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
      {&hour,
       "INSERT INTO decision_hour VALUES (?1, ?2, ?3) ON CONFLICT (hour) DO UPDATE SET "
       "first_seq = min(first_seq, ?2), last_seq = max(last_seq, ?3)"},
      {&activity_event,
       "INSERT INTO activity_event VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET "
       "count = count + ?3"},
      {&activity_decision,
       "INSERT INTO activity_decision VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET "
       "count = count + ?4"},
      {&find_amount,
       "SELECT count, total, total_e18 FROM activity_amount WHERE hour = ? AND type = ? AND "
       "field = ? AND currency = ? AND decision = ? AND outcome = ?"},
      {&put_amount, "REPLACE INTO activity_amount VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"},
  };
  for (const auto& [statement, sql] : all) {
    CREDENCE_ASSIGN(*statement, database->Prepare(sql));
  }
  return OkStatus();
}

class Writer final : public ReadModel {
 public:
  Writer(FileSystem& files, std::string path, Options options)
      : files_(files), path_(std::move(path)), options_(std::move(options)) {}

  Status Begin();
  [[nodiscard]] const Opened& opened() const override { return opened_; }
  [[nodiscard]] const Position& position() const override { return position_; }
  Status Fold(std::span<const Frame> frames) override;
  Status Close() override;

 private:
  Status OpenOrRemake();
  Status OpenFile();
  Status UseFile();
  Status ReadFold();
  Status Remake(const std::string& why);
  [[nodiscard]] Result<std::string> MarkedBoot() const;
  Status CreateSchema();

  Status FoldAll(std::span<const Frame> frames);
  Status FoldFrame(const Frame& frame);
  Status FoldEvent(const Event& event, const DecisionRecord* decision);
  Status FoldEntities(const Event& event, const record::Schema& schema, bool decided);
  Status FoldAmounts(const Event& event, const record::Schema& schema, int64_t type_name,
                     const DecisionRecord* decision);
  Status FoldDecision(const DecisionRecord& decision, std::span<const Link> event_links);
  Status FoldAction(const ActionRow& action);
  Status WriteChanges();
  Status WriteAmounts();
  Status WriteFold(const Position& position);

  Result<int64_t> NameId(std::string_view text);
  Result<int64_t> EntityId(int64_t type, const record::Value& key, const Event& event);
  Result<std::shared_ptr<const PackNames>> Names(const Digest& pack);
  Result<int64_t> DecisionNameId(const DecisionRecord& decision);
  Result<EntityChange*> ChangeOf(int64_t entity);
  Status AddLink(int64_t entity, bool decided, Seq seq, std::vector<Link>* links);
  Result<std::vector<Link>> LinksOf(Seq event);
  void Forget();

  FileSystem& files_;
  const std::string path_;
  Options options_;
  std::unique_ptr<FileLock> lock_;
  std::unique_ptr<Database> database_;
  Statements sql_;
  Opened opened_;
  Position position_;
  std::optional<Digest> pack_;  // active
  bool closed_ = false;

  std::map<Digest, std::shared_ptr<const PackNames>> packs_;
  std::unordered_map<std::string, int64_t> name_ids_;
  std::unordered_map<std::string, int64_t> entity_ids_;  // by type, kind and key
  Changes changes_;
  Arena arena_;
  std::vector<record::AnyRecord> records_;
  std::vector<Link> event_links_;
};

Status Writer::Begin() {
  CREDENCE_ASSIGN(lock_, files_.Lock(path_ + ".lock"));
  if (options_.boot.empty()) options_.boot = LinuxBootId(files_);
  CREDENCE_TRY(OpenOrRemake());
  opened_.position = position_;
  return OkStatus();
}

Status Writer::OpenOrRemake() {
  if (!files_.Exists(path_)) return Remake("");
  if (options_.remake) return Remake("as asked");
  CREDENCE_ASSIGN(const std::string boot, MarkedBoot());
  if (boot != options_.boot) return Remake("the machine went down while it was being written");
  const Status opened = OpenFile();
  return opened.code() == StatusCode::kDataLoss ? Remake(opened.message()) : opened;
}

Status Writer::OpenFile() {
  // A whole file is marked before it is written, so that one which lost power is known.
  CREDENCE_TRY(ReplaceFile(files_, path_ + ".open", options_.boot + "\n"));
  CREDENCE_ASSIGN(database_, Database::Open(path_, Database::Mode::kCreate, options_.cache_bytes));
  return UseFile();
}

// The boot of the run that has, or had, the file open; that of this run if it was closed in order.
Result<std::string> Writer::MarkedBoot() const {
  if (!files_.Exists(path_ + ".open")) return options_.boot;
  CREDENCE_ASSIGN(const std::string content, ReadWholeFile(files_, path_ + ".open", 256));
  if (content.size() < 2) return std::string("unknown");
  return content.substr(0, content.size() - 1);
}

Status Writer::Remake(const std::string& why) {
  sql_ = Statements();
  database_.reset();
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
    if (files_.Exists(path_ + suffix)) CREDENCE_TRY(files_.Remove(path_ + suffix));
  }
  CREDENCE_TRY(ReplaceFile(files_, path_ + ".open", options_.boot + "\n"));
  CREDENCE_ASSIGN(database_, Database::Open(path_, Database::Mode::kCreate, options_.cache_bytes));
  opened_.remade = why;
  CREDENCE_TRY(CreateSchema());
  return UseFile();
}

Status Writer::CreateSchema() {
  return database_->Execute(
      "PRAGMA synchronous=OFF; PRAGMA journal_mode=WAL; BEGIN IMMEDIATE;" +
      std::string(kSchemaSql) + "INSERT INTO fold VALUES (1, '" +
      ToHex(
          {reinterpret_cast<const char*>(options_.journal_id.data()), options_.journal_id.size()}) +
      "', 0, 0, 0, 0, '', '" + (options_.first_pack ? options_.first_pack->ToHex() : "") +
      "'); PRAGMA application_id=" + std::to_string(kApplicationId) +
      "; PRAGMA user_version=" + std::to_string(kSchemaVersion) + "; COMMIT;");
}

Status Writer::UseFile() {
  CREDENCE_ASSIGN(const auto application, database_->Ask("PRAGMA application_id"));
  if (application != std::to_string(kApplicationId)) return DataLoss("it is no read model");
  CREDENCE_ASSIGN(const auto version, database_->Ask("PRAGMA user_version"));
  if (version != std::to_string(kSchemaVersion)) {
    return DataLoss("it has schema version " + version.value_or("?") + ", this release writes " +
                    std::to_string(kSchemaVersion));
  }
  if (options_.check) {
    CREDENCE_ASSIGN(const auto check, database_->Ask("PRAGMA quick_check(1)"));
    if (check != "ok") return DataLoss("it is damaged: " + check.value_or("?"));
  }
  CREDENCE_TRY(database_->Execute(
      "PRAGMA synchronous=OFF; PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=" +
      std::to_string(kLogPages)));
  CREDENCE_TRY(ReadFold());
  const Status prepared = sql_.Prepare(database_.get());
  // A statement that does not compile means that a table is not as it was made.
  return prepared.ok() ? prepared : DataLoss(prepared.message());
}

Status Writer::ReadFold() {
  CREDENCE_ASSIGN(Statement row,
                  database_->Prepare("SELECT journal, frame, segment, offset, last_seq, chain, "
                                     "pack FROM fold WHERE id = 1"));
  CREDENCE_ASSIGN(const bool found, row.Step());
  if (!found) return DataLoss("it does not say where it stands");
  const std::string journal = ToHex(
      {reinterpret_cast<const char*>(options_.journal_id.data()), options_.journal_id.size()});
  if (row.String(0) != journal) return DataLoss("it is of another journal");
  position_ = {row.Unsigned(1), row.Unsigned(2), row.Unsigned(3), Seq(row.Unsigned(4)), {}};
  std::string raw;
  if (position_.frame != 0 &&
      (!FromHex(row.String(5), &raw) || !Digest::FromRaw(raw, &position_.chain))) {
    return DataLoss("it does not say where it stands");
  }
  pack_.reset();
  if (const std::string hex = row.String(6); !hex.empty()) {
    Digest pack;
    if (!FromHex(hex, &raw) || !Digest::FromRaw(raw, &pack)) return DataLoss("it names no pack");
    pack_ = pack;
  }
  return OkStatus();
}

Status Writer::Close() {
  if (closed_) return OkStatus();
  closed_ = true;
  CREDENCE_TRY(database_->Execute("PRAGMA synchronous=FULL"));
  CREDENCE_ASSIGN(const auto busy, database_->Ask("PRAGMA wal_checkpoint(TRUNCATE)"));
  CREDENCE_TRY(database_->SyncMain());
  sql_ = Statements();
  database_.reset();
  // A reader that is in the middle leaves a part in the log, which nobody synced: the mark stays.
  if (busy != "0") return OkStatus();
  CREDENCE_TRY(files_.Remove(path_ + ".open"));
  return OkStatus();
}

// ---- folding

Status Writer::Fold(std::span<const Frame> frames) {
  if (closed_) return Unavailable("the read model is closed");
  if (frames.empty()) return OkStatus();
  uint64_t expected = position_.frame + 1;
  for (const Frame& frame : frames) {
    // An empty model may begin anywhere: the frames before may be retired.
    if (frame.index != expected && !(position_.frame == 0 && &frame == frames.data())) {
      return InvalidArgument("frame " + std::to_string(frame.index) + " was given, frame " +
                             std::to_string(expected) + " comes next");
    }
    expected = frame.index + 1;
  }
  const auto pack_before = pack_;
  CREDENCE_TRY(sql_.begin.Run());
  Status folded = FoldAll(frames);
  if (folded.ok()) {
    const Frame& last = frames.back();
    position_ = {last.index, last.segment, last.offset, last.last_seq, last.chain};
    return OkStatus();
  }
  // SQLite has rolled back by itself after some failures.
  if (database_->InTransaction()) database_->Execute("ROLLBACK").IgnoreError();
  pack_ = pack_before;
  Forget();
  return folded;
}

Status Writer::FoldAll(std::span<const Frame> frames) {
  changes_ = Changes();
  for (const Frame& frame : frames) {
    CREDENCE_TRY(FoldFrame(frame));
    if (options_.after_frame) options_.after_frame();
  }
  CREDENCE_TRY(WriteChanges());
  const Frame& last = frames.back();
  CREDENCE_TRY(WriteFold({last.index, last.segment, last.offset, last.last_seq, last.chain}));
  return sql_.commit.Run();
}

Status Writer::FoldFrame(const Frame& frame) {
  if (frame.last_seq < frame.first_seq) return OkStatus();  // a seal: nothing happened
  CREDENCE_TRY(sql_.add_frame.Bind(1, frame.first_seq.value())
                   .Bind(2, frame.index)
                   .Bind(3, frame.segment)
                   .Bind(4, frame.offset)
                   .Run());
  records_.clear();
  arena_.Reset();
  for (const std::string_view bytes : frame.records) {
    auto decoded = record::DecodeRecord(bytes, &arena_);
    if (!decoded.ok()) return decoded.status().WithContext("frame " + std::to_string(frame.index));
    records_.push_back(std::move(*decoded));
  }
  for (size_t i = 0; i < records_.size(); ++i) {
    if (const auto* event = std::get_if<Event>(&records_[i])) {
      const DecisionRecord* decision =
          i + 1 < records_.size() ? std::get_if<DecisionRecord>(&records_[i + 1]) : nullptr;
      if (decision != nullptr && decision->seq != event->seq) decision = nullptr;
      CREDENCE_TRY(FoldEvent(*event, decision));
      if (decision != nullptr) ++i;
    } else if (const auto* decision = std::get_if<DecisionRecord>(&records_[i])) {
      CREDENCE_ASSIGN(const std::vector<Link> asked, LinksOf(decision->parked_seq));
      CREDENCE_TRY(FoldDecision(*decision, asked));
    } else if (const auto* activation = std::get_if<record::Activation>(&records_[i])) {
      pack_ = activation->pack;
      ActionRow action;
      action.kind = ActionRow::Kind::kActivation;
      action.seq = activation->seq;
      action.stamp = activation->stamp;
      action.by = activation->activated_by;
      action.approved_by = activation->approved_by;
      action.pack_name = activation->pack_name;
      action.pack = activation->pack;
      CREDENCE_TRY(FoldAction(action));
    } else if (const auto* request = std::get_if<record::ActivationRequest>(&records_[i])) {
      ActionRow action;
      action.kind = ActionRow::Kind::kActivationRequest;
      action.seq = request->seq;
      action.stamp = request->stamp;
      action.by = request->by;
      action.pack_name = request->pack_name;
      action.pack = request->pack;
      CREDENCE_TRY(FoldAction(action));
    } else if (const auto* kill = std::get_if<record::KillSwitch>(&records_[i])) {
      ActionRow action;
      action.kind = ActionRow::Kind::kKillSwitch;
      action.seq = kill->seq;
      action.stamp = kill->stamp;
      action.by = kill->by;
      action.on = kill->on;
      action.decision = kill->decision;
      action.reason = kill->reason;
      CREDENCE_TRY(FoldAction(action));
    } else if (const auto* rate = std::get_if<record::Rate>(&records_[i])) {
      ActionRow action;
      action.kind = ActionRow::Kind::kRate;
      action.seq = rate->seq;
      action.stamp = rate->stamp;
      action.by = rate->by;
      action.currency = rate->from.code();
      action.rate = rate->rate;
      CREDENCE_TRY(FoldAction(action));
    }
  }
  return OkStatus();
}

Status Writer::FoldEvent(const Event& event, const DecisionRecord* decision) {
  std::shared_ptr<const PackNames> names;
  const record::EventType* type = nullptr;
  int64_t type_name = 0;
  event_links_.clear();
  if (pack_) {
    CREDENCE_ASSIGN(names, Names(*pack_));
    if (event.type >= names->schema->event_types.size()) {
      return DataLoss("event " + std::to_string(event.seq.value()) + " has the type " +
                      std::to_string(event.type) + ", which its pack does not have");
    }
    type = &names->schema->event_types[event.type];
    CREDENCE_ASSIGN(type_name, NameId(type->name));
    CREDENCE_TRY(FoldEntities(event, *names->schema, decision != nullptr));
  } else {
    CREDENCE_ASSIGN(type_name, NameId(""));
  }
  CREDENCE_ASSIGN(const int64_t source, NameId(event.source));
  Statement& add = sql_.add_event;
  add.Bind(1, event.seq.value()).Bind(3, source).Text(4, event.id).Bind(5, event.time.ns);
  // Kept apart, the two times would cost twice; both are within Timestamp's range.
  add.Bind(6, static_cast<int64_t>(static_cast<uint64_t>(event.stamp.ns) -
                                   static_cast<uint64_t>(event.time.ns)));
  type == nullptr ? add.Null(2) : add.Bind(2, type_name);
  event.about.empty() ? add.Null(7) : add.Text(7, event.about);
  event.reverses.empty() ? add.Null(8) : add.Text(8, event.reverses);
  const std::string links = LinkList(event_links_);
  event_links_.empty() ? add.Null(9) : add.Text(9, links);
  CREDENCE_TRY(add.Run());
  for (const std::string_view about : {event.about, event.reverses}) {
    if (about.empty()) continue;
    CREDENCE_TRY(sql_.add_about.Text(1, about).Bind(2, source).Bind(3, event.seq.value()).Run());
  }
  ++changes_.events[{HourOf(event.time), type_name}];
  if (type != nullptr) CREDENCE_TRY(FoldAmounts(event, *names->schema, type_name, decision));
  return decision == nullptr ? OkStatus() : FoldDecision(*decision, event_links_);
}

Status Writer::FoldEntities(const Event& event, const record::Schema& schema, bool decided) {
  for (const record::EntityKey& key : schema.event_types[event.type].keys) {
    if (key.field >= event.fields.size()) {
      return DataLoss("event " + std::to_string(event.seq.value()) + " does not fit its type");
    }
    const record::Value& value = event.fields[key.field];
    if (value.absent()) continue;
    CREDENCE_ASSIGN(const int64_t entity_type, NameId(schema.entities[key.entity].name));
    CREDENCE_ASSIGN(const int64_t id, EntityId(entity_type, value, event));
    CREDENCE_TRY(AddLink(id, decided, event.seq, &event_links_));
    EntityChange& change = changes_.entities[id];
    change.last_seq = std::max(change.last_seq, event.seq);
    change.first_time = std::min(change.first_time, event.time);
    change.last_time = std::max(change.last_time, event.time);
    ++change.events;
  }
  return OkStatus();
}

Status Writer::FoldAmounts(const Event& event, const record::Schema& schema, int64_t type_name,
                           const DecisionRecord* decision) {
  const record::EventType& type = schema.event_types[event.type];
  for (size_t i = 0; i < event.fields.size() && i < type.fields.size(); ++i) {
    const record::Value& value = event.fields[i];
    if (value.kind() != record::ValueKind::kMoney) continue;
    CREDENCE_ASSIGN(const int64_t field, NameId(type.fields[i].name));
    CREDENCE_ASSIGN(const int64_t currency, NameId(schema.base_currency.code()));
    CREDENCE_ASSIGN(const int64_t none, NameId(""));
    int64_t decided = none;
    int64_t outcome = none;
    if (decision != nullptr) {
      CREDENCE_ASSIGN(decided, DecisionNameId(*decision));
      CREDENCE_ASSIGN(outcome, NameId(decision->outcome));
    }
    Sum& sum = changes_.amounts[{HourOf(event.time), type_name, field, currency, decided, outcome}];
    ++sum.count;
    sum.total += value.base_minor();
  }
  return OkStatus();
}

// `event_links`: of the event that asked.
Status Writer::FoldDecision(const DecisionRecord& decision, std::span<const Link> event_links) {
  const uint64_t seq = decision.seq.value();
  CREDENCE_ASSIGN(const int64_t name, DecisionNameId(decision));
  CREDENCE_ASSIGN(const int64_t outcome, NameId(decision.outcome));
  CREDENCE_ASSIGN(const int64_t pack, NameId(decision.pack.ToHex()));
  std::vector<int64_t> reasons;
  for (const std::string& reason : decision.reasons) {
    CREDENCE_ASSIGN(const int64_t id, NameId(reason));
    reasons.push_back(id);
    CREDENCE_TRY(sql_.add_reason.Bind(1, id).Bind(2, seq).Run());
  }
  const std::string reason_ids = IdList(reasons);
  const std::string score = decision.score ? decision.score->ToString() : "";
  const std::string probability =
      decision.probability_of_default ? decision.probability_of_default->ToString() : "";
  Statement& add = sql_.add_decision;
  add.Bind(1, seq).Bind(3, name).Bind(4, outcome).Bind(5, static_cast<int>(decision.path));
  std::vector<Link> own_links;
  for (const Link& link : event_links) {
    CREDENCE_ASSIGN(EntityChange * change, ChangeOf(link.entity));
    ++change->decisions;
    if (decision.parked_seq == Seq()) continue;  // the event's own link is of its decision
    CREDENCE_TRY(AddLink(link.entity, true, decision.seq, &own_links));
  }
  if (decision.parked_seq == Seq()) {
    add.Null(2).Null(6);
  } else {  // its own time: the event may be of a part of the journal that was retired
    add.Bind(2, decision.parked_seq.value()).Bind(6, decision.time.ns);
  }
  score.empty() ? add.Null(7) : add.Text(7, score);
  probability.empty() ? add.Null(8) : add.Text(8, probability);
  reasons.empty() ? add.Null(9) : add.Text(9, reason_ids);
  const std::string links = LinkList(own_links);
  own_links.empty() ? add.Null(11) : add.Text(11, links);
  CREDENCE_TRY(add.Bind(10, pack).Run());
  const int64_t hour = HourOf(decision.time);
  ++changes_.decisions[{hour, name, outcome}];
  Span& span = changes_.decision_hours[hour];
  span.first = std::min(span.first, seq);
  span.last = std::max(span.last, seq);
  return OkStatus();
}

Status Writer::FoldAction(const ActionRow& action) {
  Statement& add = sql_.add_action;
  const std::string pack = action.pack ? action.pack->ToHex() : "";
  const std::string rate = action.rate ? action.rate->ToString() : "";
  add.Bind(1, action.seq.value()).Bind(2, static_cast<int>(action.kind)).Bind(3, action.stamp.ns);
  add.Text(4, action.by);
  for (int i = 5; i <= 12; ++i) add.Null(i);
  switch (action.kind) {
    case ActionRow::Kind::kActivation:
    case ActionRow::Kind::kActivationRequest:
      add.Text(5, action.approved_by).Text(6, action.pack_name).Text(7, pack);
      break;
    case ActionRow::Kind::kKillSwitch:
      add.Bind(8, action.on ? 1 : 0).Text(9, action.decision).Text(10, action.reason);
      break;
    case ActionRow::Kind::kRate:
      add.Text(11, action.currency).Text(12, rate);
      break;
  }
  return add.Run();
}

Status Writer::WriteChanges() {
  for (const auto& [id, change] : changes_.entities) {
    CREDENCE_TRY(sql_.change_entity.Bind(1, id)
                     .Bind(2, change.last_seq.value())
                     .Bind(3, change.first_time.ns)
                     .Bind(4, change.last_time.ns)
                     .Bind(5, change.events)
                     .Bind(6, change.decisions)
                     .Bind(7, change.newest[0])
                     .Bind(8, change.newest[1])
                     .Run());
  }
  for (const auto& [hour, span] : changes_.decision_hours) {
    CREDENCE_TRY(sql_.hour.Bind(1, hour).Bind(2, span.first).Bind(3, span.last).Run());
  }
  for (const auto& [key, count] : changes_.events) {
    CREDENCE_TRY(sql_.activity_event.Bind(1, key.first).Bind(2, key.second).Bind(3, count).Run());
  }
  for (const auto& [key, count] : changes_.decisions) {
    CREDENCE_TRY(sql_.activity_decision.Bind(1, std::get<0>(key))
                     .Bind(2, std::get<1>(key))
                     .Bind(3, std::get<2>(key))
                     .Bind(4, count)
                     .Run());
  }
  return WriteAmounts();
}

Status Writer::WriteAmounts() {
  for (const auto& [key, sum] : changes_.amounts) {
    const auto bind = [&key](Statement* statement) {
      statement->Bind(1, std::get<0>(key)).Bind(2, std::get<1>(key)).Bind(3, std::get<2>(key));
      statement->Bind(4, std::get<3>(key)).Bind(5, std::get<4>(key)).Bind(6, std::get<5>(key));
    };
    Sum all = sum;
    bind(&sql_.find_amount);
    {
      const ResetAtEnd reset(&sql_.find_amount);
      CREDENCE_ASSIGN(const bool found, sql_.find_amount.Step());
      if (found) {
        all.count += sql_.find_amount.Integer(0);
        all.total +=
            static_cast<Int128>(sql_.find_amount.Integer(2)) * kE18 + sql_.find_amount.Integer(1);
      }
    }
    // Two numbers, since a sum of 64-bit amounts may need more than 64 bits.
    bind(&sql_.put_amount);
    CREDENCE_TRY(sql_.put_amount.Bind(7, all.count)
                     .Bind(8, static_cast<int64_t>(all.total % kE18))
                     .Bind(9, static_cast<int64_t>(all.total / kE18))
                     .Run());
  }
  return OkStatus();
}

Status Writer::WriteFold(const Position& position) {
  const std::string chain = position.chain.ToHex();
  const std::string pack = pack_ ? pack_->ToHex() : "";
  return sql_.fold.Bind(1, position.frame)
      .Bind(2, position.segment)
      .Bind(3, position.offset)
      .Bind(4, position.last_seq.value())
      .Text(5, chain)
      .Text(6, pack)
      .Run();
}

// ---- names

Result<int64_t> Writer::NameId(std::string_view text) {
  const auto cached = name_ids_.find(std::string(text));
  if (cached != name_ids_.end()) return cached->second;
  if (name_ids_.size() >= kNamesCachedMax) name_ids_.clear();
  int64_t id = 0;
  {
    const ResetAtEnd reset(&sql_.find_name);
    CREDENCE_ASSIGN(const bool found, sql_.find_name.Text(1, text).Step());
    if (found) id = sql_.find_name.Integer(0);
  }
  if (id == 0) {
    const ResetAtEnd reset(&sql_.add_name);
    CREDENCE_ASSIGN(const bool added, sql_.add_name.Text(1, text).Step());
    if (!added) return Internal("a name got no number");
    id = sql_.add_name.Integer(0);
    // RETURNING gives its row before the statement has ended.
    CREDENCE_ASSIGN([[maybe_unused]] const bool more, sql_.add_name.Step());
  }
  name_ids_.emplace(text, id);
  return id;
}

Result<int64_t> Writer::EntityId(int64_t type, const record::Value& key, const Event& event) {
  const bool token = key.kind() == record::ValueKind::kToken;
  if (!token && key.kind() != record::ValueKind::kString) {
    return DataLoss("event " + std::to_string(event.seq.value()) +
                    " has an entity's key that is neither text nor token");
  }
  std::string cache_key = std::to_string(type) + (token ? "#" : "=") + std::string(key.text());
  const auto cached = entity_ids_.find(cache_key);
  if (cached != entity_ids_.end()) return cached->second;
  if (entity_ids_.size() >= kEntitiesCachedMax) entity_ids_.clear();
  const auto bind_key = [&](Statement* statement) {
    statement->Bind(1, type);
    token ? statement->Blob(2, key.text()) : statement->Text(2, key.text());
  };
  int64_t id = 0;
  {
    const ResetAtEnd reset(&sql_.find_entity);
    bind_key(&sql_.find_entity);
    CREDENCE_ASSIGN(const bool found, sql_.find_entity.Step());
    if (found) id = sql_.find_entity.Integer(0);
  }
  if (id == 0) {
    const ResetAtEnd reset(&sql_.add_entity);
    bind_key(&sql_.add_entity);
    sql_.add_entity.Bind(3, event.seq.value()).Bind(4, event.seq.value());
    sql_.add_entity.Bind(5, event.time.ns).Bind(6, event.time.ns);
    CREDENCE_ASSIGN(const bool added, sql_.add_entity.Step());
    if (!added) return Internal("an entity got no number");
    id = sql_.add_entity.Integer(0);
    CREDENCE_ASSIGN([[maybe_unused]] const bool more, sql_.add_entity.Step());
  }
  entity_ids_.emplace(std::move(cache_key), id);
  return id;
}

Result<std::shared_ptr<const PackNames>> Writer::Names(const Digest& pack) {
  const auto cached = packs_.find(pack);
  if (cached != packs_.end()) return cached->second;
  CREDENCE_ASSIGN(PackNames names, options_.names(pack));
  CREDENCE_ASSERT(names.schema != nullptr);
  if (packs_.size() >= kPacksCachedMax) packs_.clear();
  return packs_.emplace(pack, std::make_shared<const PackNames>(std::move(names))).first->second;
}

Result<int64_t> Writer::DecisionNameId(const DecisionRecord& decision) {
  CREDENCE_ASSIGN(const auto names, Names(decision.pack));
  if (decision.decision >= names->decisions.size()) {
    return DataLoss("decision " + decision.Id() + " does not fit its pack");
  }
  return NameId(names->decisions[decision.decision]);
}

// What this transaction changes of an entity. The chains go on from where they stand.
Result<EntityChange*> Writer::ChangeOf(int64_t entity) {
  const auto [found, first] = changes_.entities.try_emplace(entity);
  EntityChange* change = &found->second;
  if (!first) return change;
  const ResetAtEnd reset(&sql_.newest_links);
  CREDENCE_ASSIGN(const bool there, sql_.newest_links.Bind(1, entity).Step());
  if (!there) return DataLoss("the read model has no entity " + std::to_string(entity));
  change->newest = {sql_.newest_links.Unsigned(0), sql_.newest_links.Unsigned(1)};
  return change;
}

Status Writer::AddLink(int64_t entity, bool decided, Seq seq, std::vector<Link>* links) {
  CREDENCE_ASSIGN(EntityChange * change, ChangeOf(entity));
  uint64_t& newest = change->newest[decided ? 1 : 0];
  if (newest >= seq.value())
    return DataLoss("an entity is twice in event " + std::to_string(seq.value()));
  links->push_back({entity, newest});
  newest = seq.value();
  const uint64_t mixed =
      (seq.value() ^ (static_cast<uint64_t>(entity) << 32)) * 0x9E3779B97F4A7C15U;
  if ((mixed >> 32) % kLinksPerMark != 0) return OkStatus();
  return sql_.add_mark.Bind(1, entity).Bind(2, decided ? 1 : 0).Bind(3, seq.value()).Run();
}

Result<std::vector<Link>> Writer::LinksOf(Seq event) {
  const ResetAtEnd reset(&sql_.event_links);
  CREDENCE_ASSIGN(const bool found, sql_.event_links.Bind(1, event.value()).Step());
  if (!found) return std::vector<Link>();  // retired
  return ReadLinkList(sql_.event_links.String(0));
}

// What was rolled back is not known any more.
void Writer::Forget() {
  name_ids_.clear();
  entity_ids_.clear();
  changes_ = Changes();
}

}  // namespace

Result<std::unique_ptr<ReadModel>> ReadModel::Open(FileSystem& files, const std::string& path,
                                                   Options options) {
  CREDENCE_ASSERT(options.names != nullptr);
  auto writer = std::make_unique<Writer>(files, path, std::move(options));
  CREDENCE_TRY(writer->Begin());
  return std::unique_ptr<ReadModel>(std::move(writer));
}

}  // namespace credence::projection
