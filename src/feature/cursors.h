#pragma once
// Cursors: running aggregates over one RowLog as they stand at the entity's newest time. All follow
// from the rows: Build() makes them anew at any time.
//
// What came in since the beginning is kept once for each series (Total), what left again once for
// each window and series (an edge): a window's count and sums are the difference, exact because
// they are integers. Least and greatest, last, and the distinct cells are kept once for all windows
// with the same newer end.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "src/feature/dictionary.h"
#include "src/feature/extreme_queue.h"
#include "src/feature/last_seen.h"
#include "src/feature/outcome.h"
#include "src/feature/plan.h"
#include "src/feature/row_log.h"

namespace credence::feature {

// Where the cursors stand: windows end at `now` (less their delay), and `prior` windows leave out
// the row with sequence `reader`.
struct Standing {
  int64_t now = INT64_MIN;
  uint64_t reader = 0;
};

class Cursors {
 public:
  static constexpr int64_t kNever = INT64_MAX;  // no row: times of rows are below

  struct GroupCursor {
    Position head;              // one behind the last row
    int64_t limit = INT64_MIN;  // rows up to here are in
  };
  struct WindowCursor {
    Position tail;               // the first row inside; = head for an empty window
    int64_t tail_time = kNever;  // of that row
    int64_t bound = INT64_MIN;   // rows up to here are out
  };

  explicit Cursors(const LogPlan& plan);
  Cursors(const Cursors& other);
  Cursors& operator=(const Cursors&) = delete;

  // Everything from the rows, at `to`. Of new cursors.
  void Build(const LogPlan& plan, const RowLog& log, const Dictionary& texts, Standing to);
  // Rows up to `to.now` come in, expired ones leave. Time does not go back.
  void Advance(const LogPlan& plan, const RowLog& log, const Dictionary& texts, Standing to);
  // After the row with sequence `inserted` and time >= now made others move: finds all places
  // again. The row itself comes in with the Advance that follows.
  void Relocate(const LogPlan& plan, const RowLog& log, uint64_t inserted);
  // After the row (time, seq) with time < now was inserted; relocates.
  void AddLate(const LogPlan& plan, const RowLog& log, const Dictionary& texts, int64_t time,
               uint64_t seq);
  // After the newest of log.reversals() was taken back.
  void Reverse(const LogPlan& plan, const RowLog& log, const Dictionary& texts, Position at);
  // Rows with time <= through are about to go.
  void Trim(int64_t through);
  // The earliest bound: no window holds a row at or before it.
  [[nodiscard]] int64_t LeastBound() const { return least_bound_; }

  [[nodiscard]] const GroupCursor& group(uint32_t index) const { return groups_[index]; }
  [[nodiscard]] const WindowCursor& window(uint32_t flat) const { return windows_[flat]; }
  // A source of values (outcome.h): windows as the cursors stand.
  class Reader;
  // Different cells of the member's series in the rows before `end` with a time after `bound`.
  // `end` is one behind the last row with a time up to `end_time` (of a `prior` run, without the
  // reader), and the cursors stand later. Nothing where counting the rows' cells is less work.
  [[nodiscard]] std::optional<int64_t> DistinctBefore(const RowLog& log, const ReadSet::Run& run,
                                                      const ReadSet::Member& member,
                                                      const ReadSet::Item& item, int64_t bound,
                                                      int64_t end_time, Position end) const;
  // See EntityState::Warm: this object, its arrays, the rows that leave next.
  void Warm(int level, const RowLog& log) const;
  // For a text that is counted by these members (Feature::flat_member): where the search for it
  // begins, then what it finds. After Warm(2).
  void WarmCell(int step, std::span<const uint32_t> members, int64_t cell) const;
  [[nodiscard]] size_t bytes() const;

 private:
  struct Total {
    Tally in;
    Moment last;
    int32_t min = -1;   // in queues_
    int32_t max = -1;   // in queues_
    int32_t seen = -1;  // in seen_
  };
  // One group with its part of the flat arrays.
  struct View {
    const Group* plan;
    GroupCursor* cursor;
    WindowCursor* windows;
    Total* totals;
    Tally* edges;
    Moment* firsts;  // null where no feature of the log asks
    [[nodiscard]] Tally& edge(size_t window, size_t member) const {
      return edges[window * plan->members.size() + member];
    }
    [[nodiscard]] Moment& first(size_t window, size_t member) const {
      return firsts[window * plan->members.size() + member];
    }
  };
  struct Context {
    const LogPlan& plan;
    const RowLog& log;
    const Dictionary& texts;
  };
  template <class Visitor>
  void ForEachGroup(const LogPlan& plan, Visitor visit);

  void AddRow(const Context& context, const View& view, const uint64_t* row);
  void Evict(const Context& context, const View& view, size_t window);
  void FindFirsts(const Context& context, const View& view, size_t window);
  void AddLateRow(const Context& context, const View& view, const uint64_t* row);
  void ReverseRow(const Context& context, const View& view, const uint64_t* row,
                  std::span<const uint64_t> mask);
  void MendQueue(const Context& context, const View& view, const Series& series, uint32_t index,
                 const uint64_t* row, ExtremeQueue* queue);
  void Place(const Context& context, const View& view, uint64_t before_seq, uint64_t from);
  static Moment MomentOf(const Context& context, const Series& series, const uint64_t* row);
  static CellOrder OrderOf(const Context& context, const Series& series);

  // Sets the arrays' places in a block of memory of their own: one page, where the allocator would
  // give each another.
  void Lay(size_t groups, size_t windows, size_t totals, size_t edges, size_t firsts);

  std::unique_ptr<std::byte[]> block_;
  size_t block_bytes_ = 0;
  std::span<Total> totals_;
  std::span<Tally> edges_;
  std::span<GroupCursor> groups_;
  std::span<WindowCursor> windows_;
  std::span<Moment> firsts_;  // the first row of each edge; time kNever: none. See View::firsts
  std::vector<ExtremeQueue> queues_;
  std::vector<LastSeen> seen_;
  Standing standing_;
  int64_t least_bound_ = INT64_MIN;
};

class Cursors::Reader {
 public:
  explicit Reader(const Cursors& cursors) : cursors_(cursors) {}

  void Begin(const ReadSet::Member& member, std::span<const ReadSet::Item> /*items*/) {
    total_ = &cursors_.totals_[member.flat_member];
  }
  void MoveTo(const ReadSet::Item& /*item*/, int64_t bound) { bound_ = bound; }
  void Ask(const ReadSet::Item& item) {
    edge_ = item.flat_edge;
    window_ = item.window;
  }
  [[nodiscard]] int64_t count() const { return total_->in.count - out().count; }
  [[nodiscard]] Int128 sum() const { return total_->in.sum - out().sum; }
  [[nodiscard]] UInt192 squares() const {
    UInt192 squares = total_->in.squares;
    squares -= out().squares;
    return squares;
  }
  [[nodiscard]] int64_t min() const { return min_queue().BestItem(bound_)->cell; }
  [[nodiscard]] int64_t max() const { return max_queue().BestItem(bound_)->cell; }
  [[nodiscard]] const Moment& first() const { return cursors_.firsts_[edge_]; }
  [[nodiscard]] const Moment& last() const { return total_->last; }
  [[nodiscard]] int64_t distinct() const {
    return cursors_.seen_[static_cast<size_t>(total_->seen)].Count(window_);
  }

  [[nodiscard]] Tally tally() const {
    Tally tally = total_->in;
    tally -= out();
    return tally;
  }
  [[nodiscard]] int64_t bound() const { return bound_; }
  // Where the member needs them.
  [[nodiscard]] const ExtremeQueue& min_queue() const { return Queue(total_->min); }
  [[nodiscard]] const ExtremeQueue& max_queue() const { return Queue(total_->max); }

 private:
  [[nodiscard]] const Tally& out() const { return cursors_.edges_[edge_]; }
  [[nodiscard]] const ExtremeQueue& Queue(int32_t index) const {
    return cursors_.queues_[static_cast<size_t>(index)];
  }

  const Cursors& cursors_;
  const Total* total_ = nullptr;
  uint32_t edge_ = 0;
  uint32_t window_ = 0;
  int64_t bound_ = 0;
};

}  // namespace credence::feature
