#pragma once
// FeaturePlan: the features of a pack, compiled and arranged for speed. Immutable after Build; any
// number of threads may read it.
//
//   entity  ->  log      the entity's events of one type, kept once, in order of (time, sequence)
//   log     ->  column   an argument: a field, or a FEEL expression over the event's fields
//               series   a pair (where, column): the events that `where` lets through and that have
//               a value group    a pair (delay, prior): windows that share their newer end
//   group   ->  window   one left end
//   feature =   aggregator of one series over one window
//
// A value is kept as a cell of 64 bits: integers, money (minor units of the base currency),
// durations, dates, timestamps and booleans as they are, decimals times 10^scale, text and tokens
// as a number from the entity's own dictionary.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/arena.h"
#include "src/base/diagnostic.h"
#include "src/base/digest.h"
#include "src/base/status.h"
#include "src/base/strong_id.h"
#include "src/calendar/date.h"
#include "src/feature/spec.h"
#include "src/feel/expression.h"
#include "src/record/event.h"
#include "src/record/schema.h"
#include "src/record/slot.h"
#include "src/record/value.h"

namespace credence::feature {

// Limits; each has its own diagnostic.
inline constexpr size_t kFeaturesMax = 16384;  // of a plan
inline constexpr size_t kSeriesMax = 1024;     // of a log
inline constexpr size_t kColumnsMax = 256;     // of a log
inline constexpr size_t kFiltersMax = 1024;    // different `where` of one event type
inline constexpr uint32_t kNoColumn = UINT32_MAX;

// Memory against speed. Values and stored bytes do not depend on it.
struct Tuning {
  // Logs with fewer rows are answered by walking them: cursors would cost more memory than they
  // save time.
  uint32_t cursor_rows = 24;
  // Of an entity that has changed the newest chunk is written with each checkpoint, and copied
  // where it changes meanwhile; a full chunk has a summary in memory, and is written once.
  uint32_t chunk_rows = 64;  // 2..128
};

// How a cell becomes a Value.
struct Column {
  record::ValueKind kind = record::ValueKind::kAbsent;
  int scale = 0;       // kDecimal
  uint32_t input = 0;  // index in EventPlan::inputs
  [[nodiscard]] bool is_text() const {
    return kind == record::ValueKind::kString || kind == record::ValueKind::kToken;
  }
};

// What the features of a series (within a group, or overall) need kept.
struct Needs {
  static Needs Of(Aggregator aggregator);
  bool sum = false;
  bool squares = false;
  bool min = false;
  bool max = false;
  bool first = false;
  bool last = false;
  bool distinct = false;
  void Add(const Needs& other);
};

struct Series {
  uint32_t filter = 0;  // index in EventPlan::filters
  uint32_t column = kNoColumn;
  Needs needs;  // union over the log
};

// Windows of one group are in ascending order of length, `all` last.
struct Window {
  int64_t length_ns = 0;  // 0 = all
};

struct Group {
  int64_t delay_ns = 0;
  bool prior = false;  // never with a delay: a delayed window cannot hold the reading event
  std::vector<Window> windows;
  struct Member {
    uint32_t series = 0;
    Needs needs;  // union over the group
  };
  std::vector<Member> members;  // series that a feature of this group aggregates
};

// The events of one type of one entity.
struct LogPlan {
  uint32_t event_type = 0;
  std::vector<Column> columns;
  std::vector<Series> series;
  std::vector<Group> groups;
  size_t flat_windows = 0;  // over all groups
  size_t flat_members = 0;
  size_t flat_edges = 0;
  bool has_text = false;  // a column of text
  // A field of the event whose text is a column as it is.
  struct TextField {
    uint32_t field = 0;
    std::vector<uint32_t> distinct;  // members (Feature::flat_member) that count its texts
  };
  std::vector<TextField> text_fields;
  size_t mask_words = 1;  // 64-bit words of an entry's series bits
  int64_t reach_ns = 0;   // longest window + delay; INT64_MAX where a window is `all`
  Digest definition;      // of all that decides what an entry holds
};

struct Feature {
  record::SlotDecl slot;
  Digest definition;
  Aggregator aggregator = Aggregator::kCount;
  uint32_t entity = 0;  // index in Schema::entities
  uint32_t log = 0;     // index in EntityPlan::logs
  uint32_t group = 0;   // index in LogPlan::groups
  uint32_t window = 0;  // index in Group::windows
  uint32_t member = 0;  // index in Group::members
  uint32_t series = 0;  // index in LogPlan::series
  // Places in the flat arrays of a log's cursors.
  uint32_t flat_window = 0;  // over all groups
  uint32_t flat_member = 0;  // over all groups
  uint32_t flat_edge = 0;    // over all pairs (window, member) of all groups, window by window
};

struct EntityPlan {
  std::vector<LogPlan> logs;       // in order of event type
  std::vector<uint32_t> features;  // indices in FeaturePlan::features
};

// Which features to read, arranged so that a read decides nothing that the plan alone decides. Made
// by FeaturePlan::Select; refers to nothing.
class ReadSet {
 public:
  // A feature of a member.
  struct Item {
    uint32_t feature = 0;  // index in FeaturePlan::features
    Aggregator aggregator = Aggregator::kCount;
    int64_t length_ns = 0;     // of its window; 0 = all
    uint32_t window = 0;       // as in Feature
    uint32_t flat_window = 0;  // as in Feature
    uint32_t flat_edge = 0;    // as in Feature
  };
  // A series of a group, with what its items need of it.
  struct Member {
    uint32_t series = 0;
    uint32_t column = kNoColumn;
    Column type;            // of the column; kAbsent without one
    int decimal_scale = 0;  // of its cells where they become plain numbers
    Needs needs;
    uint32_t flat_member = 0;  // as in Feature
    uint32_t items_begin = 0;
    uint32_t items_end = 0;
  };
  // A group.
  struct Run {
    uint32_t log = 0;    // as in Feature
    uint32_t group = 0;  // as in Feature
    int64_t delay_ns = 0;
    bool prior = false;
    uint32_t members_begin = 0;
    uint32_t members_end = 0;
  };

  [[nodiscard]] uint32_t entity() const { return entity_; }
  [[nodiscard]] std::span<const Run> runs() const { return runs_; }
  [[nodiscard]] std::span<const Member> members(const Run& run) const {
    return std::span(members_).subspan(run.members_begin, run.members_end - run.members_begin);
  }
  // Shorter windows first.
  [[nodiscard]] std::span<const Item> items(const Member& member) const {
    return std::span(items_).subspan(member.items_begin, member.items_end - member.items_begin);
  }

 private:
  friend class FeaturePlan;
  uint32_t entity_ = 0;
  std::vector<Run> runs_;
  std::vector<Member> members_;
  std::vector<Item> items_;
};

// What one event brings to one log: made once, when it arrives, and stored. Views live as long as
// the arena.
struct ArrivalRow {
  uint32_t entity = 0;
  uint32_t log = 0;
  std::span<const uint64_t> mask;  // series bits, LogPlan::mask_words
  std::span<const int64_t>
      cells;  // by column; for text the index in Arrival::texts; 0 where absent
};
struct Arrival {
  uint32_t type = 0;
  Timestamp time;
  Timestamp stamp;
  Seq seq;
  std::span<const ArrivalRow> rows;  // by entity; only where a series lets the event through
  std::span<const std::string_view> texts;
};

class FeaturePlan {
 public:
  // Compiles `specs` against `schema` (both may go afterwards). Nothing if errors were added to
  // `diagnostics`: unknown entity, event type or field (with the nearest name), an event type that
  // does not touch the entity, a `where` that is not boolean, an argument that the aggregator
  // cannot take, a scale that is missing or out of range, a negative window or delay, a slot name
  // that is taken, a limit. The features keep the order of the specs: feature i is spec i.
  [[nodiscard]] static std::optional<FeaturePlan> Build(const record::Schema& schema,
                                                        std::span<const FeatureSpec> specs,
                                                        std::vector<Diagnostic>* diagnostics,
                                                        const Tuning& tuning = {});
  FeaturePlan(FeaturePlan&&) noexcept;
  FeaturePlan& operator=(FeaturePlan&&) noexcept;
  ~FeaturePlan();

  [[nodiscard]] const std::vector<Feature>& features() const;
  [[nodiscard]] std::optional<uint32_t> Find(std::string_view slot_name) const;
  // By index in Schema::entities.
  [[nodiscard]] const EntityPlan& entity(uint32_t index) const;
  [[nodiscard]] size_t entity_count() const;
  [[nodiscard]] const record::Bounds& bounds() const;
  [[nodiscard]] Currency base_currency() const;
  [[nodiscard]] const Tuning& tuning() const;

  // All features of an entity, and some (indices of that entity's features, in any order).
  [[nodiscard]] const ReadSet& All(uint32_t entity) const;
  [[nodiscard]] ReadSet Select(uint32_t entity, std::span<const uint32_t> features) const;

  // Evaluates every `where` and argument of the event's type on its own fields; now() is the
  // event's time. A null argument is absent. kOutOfRange, naming field or expression, if a value
  // does not fit 64 bits at its scale: the event is to be refused, since no sum could be exact. The
  // event has its sequence and stamp.
  [[nodiscard]] Result<Arrival> EvaluateArrival(const record::Event& event, Arena* arena) const;

 private:
  struct Rep;
  friend class PlanBuilder;
  explicit FeaturePlan(std::unique_ptr<Rep> rep);
  std::unique_ptr<Rep> rep_;
};

}  // namespace credence::feature
