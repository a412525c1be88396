#include "src/feature/walk.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <vector>

namespace credence::feature {
namespace {

// The different cells seen on one walk. Few are the rule, and texts have small numbers.
class CellSet {
 public:
  CellSet() {}  // the array is filled as cells come
  void Clear() {
    small_ = small_size_ = 0;
    size_ = 0;
    table_.clear();
  }
  void Add(int64_t cell) {
    if (static_cast<uint64_t>(cell) < 64) {
      const uint64_t bit = uint64_t{1} << cell;
      if ((small_ & bit) == 0) ++small_size_;
      small_ |= bit;
      return;
    }
    if (table_.empty()) {
      const auto end = few_.begin() + static_cast<ptrdiff_t>(size_);
      if (std::find(few_.begin(), end, cell) != end) return;
      if (size_ < few_.size()) {
        few_[size_++] = cell;
        return;
      }
      Grow();
    }
    if (size_ * 4 > table_.size() * 3) Grow();
    if (Place(cell)) ++size_;
  }
  [[nodiscard]] int64_t size() const { return static_cast<int64_t>(size_ + small_size_); }

 private:
  struct Slot {
    int64_t cell = 0;
    bool used = false;
  };

  bool Place(int64_t cell) {
    const size_t mask = table_.size() - 1;
    uint64_t hash = static_cast<uint64_t>(cell) * 0x9E3779B97F4A7C15U;
    size_t slot = (hash ^ (hash >> 32)) & mask;
    for (; table_[slot].used; slot = (slot + 1) & mask) {
      if (table_[slot].cell == cell) return false;
    }
    table_[slot] = {cell, true};
    return true;
  }
  void Grow() {
    const std::vector<Slot> old = std::move(table_);
    table_.assign(old.empty() ? 128 : old.size() * 2, Slot());
    if (old.empty()) {
      for (size_t i = 0; i < size_; ++i) Place(few_[i]);
    }
    for (const Slot& slot : old) {
      if (slot.used) Place(slot.cell);
    }
  }

  uint64_t small_ = 0;  // cells from 0 to 63, as bits
  size_t small_size_ = 0;
  // All others: few in an array, more in a table.
  std::array<int64_t, 32> few_;
  size_t size_ = 0;
  std::vector<Slot> table_;
};

// The rows of one series that were taken, from newer ones to older.
class Taken {
 public:
  // Rows with a sequence beyond `last_seq` are not there for the reader.
  Taken(const WalkInput& input, uint64_t last_seq)
      : in_(input),
        width_(input.log.width()),
        last_seq_(last_seq),
        first_chunk_(input.log.first_chunk()),
        order_(Column(), input.scope.texts) {}

  // None yet: the first is the one before `at`. Their cells are added to `cells`, if it is not
  // null.
  void Begin(const ReadSet::Member& member, Position at, CellSet* cells) {
    member_ = &member;
    order_ = CellOrder(member.type, in_.scope.texts);
    cells_ = cells;
    tally_ = {};
    number_ = at.chunk;
    left_ = at.row;
    if (left_ > 0) Enter();
  }

  // Takes all rows after `bound` that were not taken yet.
  void TakeAfter(int64_t bound) {
    for (;;) {
      if (left_ == 0) {
        if (number_ == first_chunk_) return;
        --number_;
        left_ = in_.log.ChunkAt(number_).rows;
        Enter();
      }
      if (whole_ && TakeChunk(bound)) {
        left_ = 0;
        continue;
      }
      if (RowTime(row_) <= bound) return;
      TakeRow(row_);
      whole_ = false;
      row_ -= width_;
      --left_;
    }
  }

  void TakeRow(const uint64_t* row) {
    if (RowSeq(row) > last_seq_) return;
    const uint32_t series = member_->series;
    if (!RowHas(row, series)) {
      // A row that was taken back later than the reader is still there for it.
      if (in_.newest) return;
      const Reversal* reversal = in_.log.ReversalOf(row);
      if (reversal == nullptr || reversal->reversal <= in_.reader) return;
      if (((reversal->mask[series / 64] >> (series % 64)) & 1) == 0) return;
    }
    const int64_t cell = Cell(row);
    const Needs& needs = member_->needs;
    if (tally_.count == 0) {
      last_ = row;
      min_ = max_ = cell;
    } else {
      if (needs.min && order_.Less(cell, min_)) min_ = cell;
      if (needs.max && order_.Less(max_, cell)) max_ = cell;
    }
    first_ = row;
    ++tally_.count;
    tally_.sum += cell;
    if (needs.squares) tally_.squares += UInt192::Square(cell);
    if (cells_ != nullptr) cells_->Add(cell);
  }

  [[nodiscard]] const Tally& tally() const { return tally_; }
  [[nodiscard]] const CellOrder& order() const { return order_; }
  // Where rows were taken.
  [[nodiscard]] int64_t min() const { return min_; }
  [[nodiscard]] int64_t max() const { return max_; }
  [[nodiscard]] Moment first() const { return MomentOf(first_); }
  [[nodiscard]] Moment last() const { return MomentOf(last_); }
  [[nodiscard]] Moment MomentOf(const uint64_t* row) const {
    return {RowTime(row), Cell(row), RowSeq(row)};
  }

 private:
  // Stands at the newest of the chunk's `left_` rows.
  void Enter() {
    const Chunk& chunk = in_.log.ChunkAt(number_);
    row_ = in_.log.Row({number_, left_ - 1});
    whole_ = left_ == chunk.rows && chunk.summary != nullptr && in_.newest && cells_ == nullptr;
  }

  [[nodiscard]] int64_t Cell(const uint64_t* row) const {
    return member_->column == kNoColumn ? 0 : in_.log.Cell(row, member_->column);
  }

  bool TakeChunk(int64_t bound) {
    const Chunk& chunk = in_.log.ChunkAt(number_);
    const uint64_t* const rows = in_.log.Row({number_, 0});
    if (RowTime(rows) <= bound) return false;
    const SeriesSummary& summary = chunk.summary[member_->series];
    if (summary.tally.count == 0) return true;
    const Needs& needs = member_->needs;
    const bool none = tally_.count == 0;
    if (none) last_ = rows + size_t{summary.last} * width_;
    if (none || (needs.min && order_.Less(summary.min, min_))) min_ = summary.min;
    if (none || (needs.max && order_.Less(max_, summary.max))) max_ = summary.max;
    first_ = rows + size_t{summary.first} * width_;
    tally_.count += summary.tally.count;
    tally_.sum += summary.tally.sum;
    if (needs.squares) tally_.squares += summary.tally.squares;
    return true;
  }

  const WalkInput& in_;
  const uint32_t width_;
  const uint64_t last_seq_;
  const uint64_t first_chunk_;

  const ReadSet::Member* member_ = nullptr;
  CellOrder order_;
  CellSet* cells_ = nullptr;

  // The next row, the newest of those left in the chunk.
  const uint64_t* row_ = nullptr;
  uint64_t number_ = 0;
  uint32_t left_ = 0;
  bool whole_ = false;  // it is the last of a chunk that may be taken by its summary

  Tally tally_;
  int64_t min_ = 0;
  int64_t max_ = 0;
  const uint64_t* first_ = nullptr;
  const uint64_t* last_ = nullptr;
};

// Where a group is read.
struct Place {
  int64_t end;        // the newest time of the windows
  uint64_t last_seq;  // rows with a later sequence are not there for the reader
  Position start;     // one behind the newest row
};

// Of a reader that the cursors have passed: the windows as the cursors stand, less the rows that
// came in after the reading time, and with those that have left since.
class Late {
 public:
  Late(const WalkInput& input, const ReadSet::Run& run, const Place& place, int64_t late_ns)
      : in_(input),
        run_(run),
        place_(place),
        late_ns_(late_ns),
        reader_(*input.cursors),
        newer_(input, UINT64_MAX),
        older_(input, UINT64_MAX) {}

  void Begin(const ReadSet::Member& member, std::span<const ReadSet::Item> items) {
    member_ = &member;
    items_end_ = items.data() + items.size();
    reader_.Begin(member, items);
    newer_taken_ = false;
  }

  // The window of `item`, its first, which begins after `bound`. False where a walk is shorter, or
  // the cursors do not tell.
  bool MoveTo(const ReadSet::Item& item, int64_t bound) {
    if (item.length_ns != 0 && item.length_ns / 2 <= late_ns_) return false;
    const Cursors::WindowCursor& window = in_.cursors->window(item.flat_window);
    reader_.MoveTo(item, window.bound);
    reader_.Ask(item);
    if (!newer_taken_) TakeNewer();
    older_.Begin(*member_, window.tail, nullptr);
    older_.TakeAfter(bound);
    tally_ = reader_.tally();
    tally_ -= newer_.tally();
    tally_ += older_.tally();
    for (const ReadSet::Item* i = &item; i != items_end_ && i->window == item.window; ++i) {
      if (i->aggregator == Aggregator::kMin && !FindBest(reader_.min_queue(), &min_)) return false;
      if (i->aggregator == Aggregator::kMax && !FindBest(reader_.max_queue(), &max_)) return false;
    }
    return true;
  }

  // Of the window that it was moved to.
  [[nodiscard]] const Tally& tally() const { return tally_; }
  [[nodiscard]] int64_t min() const { return min_; }
  [[nodiscard]] int64_t max() const { return max_; }
  [[nodiscard]] Moment first() const {
    return older_.tally().count > 0 ? older_.first() : reader_.first();
  }
  // Of any window with rows.
  [[nodiscard]] Moment last() const {
    const Moment& last = reader_.last();
    if (last.time <= place_.end && last.seq <= place_.last_seq) return last;
    return newer_.MomentOf(
        in_.log.LastWith(member_->series, member_->column, place_.start, INT64_MIN));
  }
  // Of any window.
  [[nodiscard]] std::optional<int64_t> Distinct(const ReadSet::Item& item, int64_t bound) const {
    return in_.cursors->DistinctBefore(in_.log, run_, *member_, item, bound, place_.end,
                                       place_.start);
  }

 private:
  void TakeNewer() {
    newer_.Begin(*member_, in_.cursors->group(run_.group).head, nullptr);
    newer_.TakeAfter(place_.end);
    newer_taken_ = true;
    // The reader itself is among the rows of its own time.
    if (!run_.prior || run_.delay_ns != 0) return;
    const Position own = in_.log.Settled(place_.start);
    if (in_.log.AtEnd(own)) return;
    const uint64_t* const row = in_.log.Row(own);
    if (RowSeq(row) == in_.reader) newer_.TakeRow(row);
  }

  // The best of the rows that were there already; false if that is a newer one.
  bool FindBest(const ExtremeQueue& queue, int64_t* best) const {
    const ExtremeQueue::Item* const item = queue.BestItem(reader_.bound());
    if (item != nullptr) {
      if (item->time > place_.end || (run_.prior && item->time == place_.end)) return false;
      *best = item->cell;
    }
    if (older_.tally().count == 0) return true;
    const int64_t other = queue.greatest() ? older_.max() : older_.min();
    if (item == nullptr || queue.Beats(other, *best, older_.order())) *best = other;
    return true;
  }

  const WalkInput& in_;
  const ReadSet::Run& run_;
  const Place& place_;
  const int64_t late_ns_;
  const ReadSet::Member* member_ = nullptr;
  const ReadSet::Item* items_end_ = nullptr;
  Cursors::Reader reader_;
  Taken newer_;
  Taken older_;
  bool newer_taken_ = false;
  Tally tally_;
  int64_t min_ = 0;
  int64_t max_ = 0;
};

// The source of a group's values (outcome.h).
class Walker {
 public:
  Walker(const WalkInput& input, const ReadSet::Run& run)
      : in_(input), place_(PlaceOf(input, run)), walked_(input, place_.last_seq) {
    if (input.cursors == nullptr) return;
    const int64_t limit = input.cursors->group(run.group).limit;
    int64_t late_ns = 0;
    if (__builtin_sub_overflow(limit, place_.end, &late_ns) || late_ns <= 0) return;
    late_.emplace(input, run, place_, late_ns);
  }

  void Begin(const ReadSet::Member& member, std::span<const ReadSet::Item> items) {
    member_ = &member;
    CellSet* cells = nullptr;
    if (late_) {
      late_->Begin(member, items);
    } else if (member.needs.distinct) {
      cells = &cells_;
      cells_.Clear();
    }
    walked_.Begin(member, place_.start, cells);
  }

  void MoveTo(const ReadSet::Item& item, int64_t bound) {
    bound_ = bound;
    by_cursors_ = late_ && late_->MoveTo(item, bound);
    if (!by_cursors_) walked_.TakeAfter(bound);
  }

  void Ask(const ReadSet::Item& item) { item_ = &item; }

  [[nodiscard]] int64_t count() const { return tally().count; }
  [[nodiscard]] Int128 sum() const { return tally().sum; }
  [[nodiscard]] const UInt192& squares() const { return tally().squares; }
  [[nodiscard]] int64_t min() const { return by_cursors_ ? late_->min() : walked_.min(); }
  [[nodiscard]] int64_t max() const { return by_cursors_ ? late_->max() : walked_.max(); }
  [[nodiscard]] Moment first() const { return by_cursors_ ? late_->first() : walked_.first(); }
  [[nodiscard]] Moment last() const { return by_cursors_ ? late_->last() : walked_.last(); }
  [[nodiscard]] int64_t distinct() {
    if (!late_) return cells_.size();
    if (const auto known = late_->Distinct(*item_, bound_)) return *known;
    Taken counted(in_, place_.last_seq);
    cells_.Clear();
    counted.Begin(*member_, place_.start, &cells_);
    counted.TakeAfter(bound_);
    return cells_.size();
  }

 private:
  static Place PlaceOf(const WalkInput& input, const ReadSet::Run& run) {
    const int64_t end = MinusClamped(input.scope.at.ns, run.delay_ns);
    const uint64_t last_seq = input.reader - (run.prior && input.reader > 0 ? 1 : 0);
    return {end, last_seq, input.log.After(end, last_seq)};
  }
  [[nodiscard]] const Tally& tally() const {
    return by_cursors_ ? late_->tally() : walked_.tally();
  }

  const WalkInput& in_;
  const Place place_;
  const ReadSet::Member* member_ = nullptr;
  const ReadSet::Item* item_ = nullptr;
  int64_t bound_ = 0;
  Taken walked_;
  CellSet cells_;  // of the rows that were walked; those of a late reader are known, most often
  std::optional<Late> late_;
  bool by_cursors_ = false;
};

}  // namespace

void Walk(const WalkInput& input, const ReadSet& set, const ReadSet::Run& run,
          std::span<record::Value> out) {
  Walker walker(input, run);
  ReadRun(set, run, input.scope, &walker, out);
}

}  // namespace credence::feature
