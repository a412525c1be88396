#pragma once
// The read model: what people ask about decisions, events and entities, folded from the journal's
// records into one SQLite file. docs/formats/read-model.md is its schema, for anyone with sqlite3.
//
// It is a copy that may be thrown away: the journal is the truth, and the same journal gives the
// same rows, in whatever batches it was folded. It keeps no record whole: a row says where its
// record stands in the journal (`RecordPlace`), and study::ReadRecord fetches it from there. It
// holds what the records hold: of a personal value the token, never the value.
//
// ReadModel is the one writer, Readers answer. Each answer shows the journal up to `AsOf`, from one
// snapshot; readers and the writer never wait for each other.
//
// Failures. kUnavailable: another process writes the file. kIoError and kResourceExhausted (disk
// full): nothing of the call was done, and it may be made again. kDataLoss: a record that cannot
// be read (Fold), or a damaged file; the file is remade by opening it with `remake`, which
// `credence project --rebuild` does. kInvalidArgument from Readers: a
// cursor or a bound that cannot be; the message names the field. Not an error: a file that is
// missing, no database, of another journal, of another release's schema, or that a machine which
// went down had open (it is written without syncs): Open then begins an empty one, and says why.
// Readers notice, and go on with the new file.
//
// Threads. ReadModel: one thread at a time; it is meant for one of low priority. Readers: any
// thread at any time, kReadersMax at once, others wait for their turn; none outlives Readers.
// Memory: the writer has Options::cache_bytes and what one call of
// Fold touches, each reader kReaderCacheBytes and a page.

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/digest.h"
#include "src/base/file.h"
#include "src/base/int128.h"
#include "src/base/status.h"
#include "src/base/strong_id.h"
#include "src/calendar/date.h"
#include "src/money/decimal.h"
#include "src/money/money.h"
#include "src/record/fact.h"
#include "src/record/schema.h"

namespace credence::projection {

inline constexpr int kSchemaVersion = 2;  // another one's file is remade
inline constexpr size_t kPageRowsDefault = 50;
inline constexpr size_t kPageRowsMax = 500;
// Rows that one call looks at; a page that met fewer rows than asked may still have a cursor.
inline constexpr size_t kRowsScannedMax = 50'000;
inline constexpr size_t kCursorBytesMax = 128;
inline constexpr size_t kFilterBytesMax = 1'024;  // of one text of a filter
inline constexpr size_t kActivityBucketsMax = 1'000;
inline constexpr size_t kReadersMax = 4;
inline constexpr uint64_t kReaderCacheBytes = uint64_t{2} << 20;

// The names that one pack's indices stand for.
struct PackNames {
  std::shared_ptr<const record::Schema> schema;
  std::vector<std::string> decisions;  // by DecisionRecord::decision
};

// One frame of the journal, in order. Views live for the call.
struct Frame {
  uint64_t index = 0;  // from 1; each follows the one before
  uint64_t segment = 0;
  uint64_t offset = 0;  // in the segment's file
  Seq first_seq;
  Seq last_seq;
  Digest chain;  // after it
  std::span<const std::string_view> records;
};

// Where the fold stands: the last frame that was folded. `frame` 0: none.
struct Position {
  uint64_t frame = 0;
  uint64_t segment = 0;
  uint64_t offset = 0;
  Seq last_seq;
  Digest chain;  // meaningless without a frame
  friend bool operator==(const Position&, const Position&) = default;
};

struct Options {
  // Of the journal that is folded: a file of another is remade.
  std::array<uint8_t, 16> journal_id{};
  // The names of a pack that a record speaks of. Asked once for each pack, in Open and Fold; a
  // failure ends the call with it.
  std::function<Result<PackNames>(const Digest& pack)> names;
  // The pack that is active before the first frame that will be folded, where the journal no longer
  // holds its activation. Events before any pack are counted without type or entities.
  std::optional<Digest> first_pack;
  // Begin from nothing, whatever is there.
  bool remake = false;
  // SQLite's page cache of the writer.
  uint64_t cache_bytes = uint64_t{16} << 20;
  // Read the whole file before it is used (quick_check), and remake it if it is damaged. Costs
  // about a second for each 200 MB. Without it damage is found where it is met.
  bool check = false;
  // Called after each frame that is folded, inside the transaction: for one who is to leave the
  // core to others now and then.
  std::function<void()> after_frame;
  // Names one run of the machine, so that a file which lost power is told from one whose process
  // was killed (that one is whole). Empty: Linux's boot id is read.
  std::string boot;
};

struct Opened {
  Position position;   // fold the frames after it
  std::string remade;  // why the file was begun anew; empty if it was not, or was not there
};

class ReadModel {
 public:
  // `path` is the SQLite file; beside it are <path>-wal, <path>-shm, <path>.lock, and while it is
  // open <path>.open. The folder exists. `files` (for the lock and for removing) outlives the
  // model.
  static Result<std::unique_ptr<ReadModel>> Open(FileSystem& files, const std::string& path,
                                                 Options options);
  virtual ~ReadModel() = default;

  [[nodiscard]] virtual const Opened& opened() const = 0;
  [[nodiscard]] virtual const Position& position() const = 0;
  // Folds frames as one transaction: readers see all of it or nothing. At best some hundreds of
  // records at a time. kInvalidArgument unless the frames follow position().
  virtual Status Fold(std::span<const Frame> frames) = 0;
  // Brings everything to disk and notes that the file is whole. Nothing is folded afterwards.
  virtual Status Close() = 0;
};

// The bytes of the file and its log; 0 where there is none. Any thread.
[[nodiscard]] uint64_t ReadModelBytes(const std::string& path);

// What an answer shows: everything up to this sequence, nothing after it.
struct AsOf {
  Seq seq;
  uint64_t frame = 0;
};

// The frame that holds a record; the record is found in it by its sequence.
struct RecordPlace {
  uint64_t frame = 0;
  uint64_t segment = 0;
  uint64_t offset = 0;
};

// An entity as the engine names it.
struct EntityKey {
  std::string type;    // "buyer"
  std::string key;     // as an event carried it; of a token its 16 bytes
  bool token = false;  // key is a token
  // "buyer-1", or "token:" and 32 hexadecimal digits.
  [[nodiscard]] std::string KeyText() const;
  friend bool operator==(const EntityKey&, const EntityKey&) = default;
};

struct EventRow {
  Seq seq;
  std::string type;  // empty where the pack was not known
  std::string source;
  std::string id;
  Timestamp time;
  Timestamp stamp;
  std::string about;                // id of the event that it speaks of; may be empty
  std::string reverses;             // id of the event that it takes back; may be empty
  std::vector<EntityKey> entities;  // in the order of the pack's entities
};

struct DecisionRow {
  Seq seq;        // the decision's id is DecisionRecord::IdFor(seq)
  Seq event_seq;  // of the event that asked: `seq`, or that of the parked one where it resumes
  std::string decision;
  Timestamp time;       // event time
  std::string outcome;  // empty while parked
  record::DecisionPath path = record::DecisionPath::kPolicy;
  std::optional<Decimal> score;
  std::optional<Decimal> probability_of_default;
  std::vector<std::string> reasons;  // codes in order of weight
  Digest pack;
  EventRow event;           // that asked
  RecordPlace place;        // of the decision
  RecordPlace event_place;  // of the event; the same but for one that resumes
};

struct EntityRow {
  EntityKey key;
  Seq first_seq;
  Seq last_seq;
  Timestamp first_time;  // least and greatest event time
  Timestamp last_time;
  uint64_t events = 0;
  uint64_t decisions = 0;
};

// An event and what was decided on it. An event whose decision waited is met twice in a list: with
// the decision that waits, and, where it resumed, with the one that was then made.
struct EntityEventRow {
  EventRow event;
  Seq decision_seq;      // 0: none
  std::string decision;  // empty: none
  std::string outcome;
  RecordPlace place;  // of the event
};

// What an operator did.
struct ActionRow {
  enum class Kind : uint8_t { kActivation = 1, kKillSwitch = 2, kRate = 3, kActivationRequest = 4 };
  Kind kind = Kind::kActivation;
  Seq seq;
  Timestamp stamp;
  std::string by;
  std::string approved_by;      // kActivation
  std::string pack_name;        // kActivation, kActivationRequest
  std::optional<Digest> pack;   // the same
  bool on = false;              // kKillSwitch
  std::string decision;         // kKillSwitch; empty: all
  std::string reason;           // kKillSwitch
  std::string currency;         // kRate: ISO 4217 code
  std::optional<Decimal> rate;  // kRate: base units for one of `currency`
  RecordPlace place;
};
[[nodiscard]] std::string_view ActionKindName(
    ActionRow::Kind kind);  // "activation", "kill-switch", "rate", "activation-request"

// One page, newest first. `next` asks for the page after it; empty at the end. A cursor goes with
// the filters it was given for, holds for ever, and meets no row twice, whatever comes in.
template <class Row>
struct Page {
  AsOf as_of;
  std::vector<Row> rows;
  std::string next;
};

struct PageRequest {
  size_t limit = kPageRowsDefault;  // 1..kPageRowsMax
  std::string cursor;               // empty: from the newest
};

// Filters are joined by "and"; an empty or absent one lets everything pass. A name that never
// occurred is no error: nothing is found.
struct DecisionFilter {
  std::string decision;
  std::string outcome;
  std::string reason;  // code
  std::string event_type;
  std::optional<record::DecisionPath> path;
  std::optional<EntityKey> entity;  // among those of the event that asked
  std::optional<Timestamp> from;    // event time, included
  std::optional<Timestamp> until;   // event time, not included
};

enum class BucketWidth : uint8_t { kHour, kDay };

struct ActivityQuery {
  Timestamp from;   // event time; brought down to the start of its bucket
  Timestamp until;  // not included; brought up to the end of its bucket
  BucketWidth width = BucketWidth::kHour;
  int utc_offset_hours = 0;  // where days begin: -12..14
};

// What happened in one hour or day of event time. Buckets in which nothing happened are left out.
struct ActivityBucket {
  struct Events {
    std::string type;
    uint64_t count = 0;
  };
  struct Decisions {
    std::string decision;
    std::string outcome;  // empty: parked
    uint64_t count = 0;
  };
  // Of a money field of one type of event, by what was decided on the event.
  struct Amounts {
    std::string type;
    std::string field;
    Currency currency;     // the pack's base currency
    std::string decision;  // empty: the event asked for none
    std::string outcome;
    uint64_t count = 0;
    Int128 total_minor = 0;
  };
  Timestamp start;
  std::vector<Events> events;        // by type
  std::vector<Decisions> decisions;  // by decision, then outcome
  std::vector<Amounts> amounts;      // by type, field, currency, decision, outcome
};

struct Activity {
  AsOf as_of;
  std::vector<ActivityBucket> buckets;  // oldest first
};

template <class Row>
struct Found {
  AsOf as_of;
  std::optional<Row> row;  // nothing: not there as of then
};

class Readers {
 public:
  // `path` as given to ReadModel, of this process or another. The file may come later: until then
  // answers are kUnavailable, as where it has another schema version.
  static Result<std::unique_ptr<Readers>> Open(const std::string& path);
  virtual ~Readers() = default;

  virtual Result<AsOf> Now() = 0;
  virtual Result<Found<DecisionRow>> Decision(Seq seq) = 0;
  virtual Result<Page<DecisionRow>> Decisions(const DecisionFilter& filter,
                                              const PageRequest& page) = 0;
  virtual Result<Found<EntityRow>> Entity(const EntityKey& key) = 0;
  // Events of the entity, newest (greatest sequence) first. `decided_only`: those with a decision.
  virtual Result<Page<EntityEventRow>> EntityEvents(const EntityKey& key, bool decided_only,
                                                    const PageRequest& page) = 0;
  // Events that say something about the event, or take it back: labels, overrides, reversals.
  virtual Result<Page<EntityEventRow>> EventsAbout(std::string_view source, std::string_view id,
                                                   const PageRequest& page) = 0;
  // At most kActivityBucketsMax buckets between `from` and `until`.
  virtual Result<Activity> ReadActivity(const ActivityQuery& query) = 0;
  virtual Result<Page<ActionRow>> Actions(const PageRequest& page) = 0;
};

}  // namespace credence::projection
