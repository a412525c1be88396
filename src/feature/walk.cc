#include "src/feature/walk.h"

#include <algorithm>
#include <array>
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

// The source of a group's values (outcome.h): one series at a time, over the rows that were taken
// since Begin.
class Walker {
 public:
  Walker(const WalkInput& input, const ReadSet::Run& run)
      : in_(input),
        run_(run),
        width_(input.log.width()),
        last_seq_(input.reader - (run.prior && input.reader > 0 ? 1 : 0)),
        first_chunk_(input.log.first_chunk()),
        start_(input.log.After(MinusClamped(input.scope.at.ns, run.delay_ns))),
        order_(Column(), input.scope.texts) {}

  void Begin(const ReadSet::Member& member, std::span<const ReadSet::Item> items) {
    member_ = &member;
    order_ = CellOrder(member.type, in_.scope.texts);
    count_ = 0;
    sum_ = 0;
    if (member.needs.squares) squares_ = {};
    gather_ = false;
    if (member.needs.distinct) {
      gather_ = !CursorsKnow(items);
      cells_.Clear();
    }
    number_ = start_.chunk;
    left_ = start_.row;
    if (left_ > 0) Enter();
  }

  // Takes in all rows after `bound` that were not taken yet.
  void MoveTo(int64_t bound) {
    bound_ = bound;
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

  void Ask(const ReadSet::Item& item) { item_ = &item; }

  [[nodiscard]] int64_t count() const { return count_; }
  [[nodiscard]] Int128 sum() const { return sum_; }
  [[nodiscard]] const UInt192& squares() const { return squares_; }
  [[nodiscard]] int64_t min() const { return min_; }
  [[nodiscard]] int64_t max() const { return max_; }
  [[nodiscard]] Moment first() const { return MomentOf(first_); }
  [[nodiscard]] Moment last() const { return MomentOf(last_); }
  [[nodiscard]] int64_t distinct() const {
    return gather_ ? cells_.size() : FromCursors(*item_, bound_).value_or(0);
  }

 private:
  // Stands at the newest of the chunk's `left_` rows.
  void Enter() {
    const Chunk& chunk = in_.log.ChunkAt(number_);
    row_ = in_.log.Row({number_, left_ - 1});
    whole_ = left_ == chunk.rows && chunk.summary != nullptr && in_.newest && !gather_;
  }

  [[nodiscard]] int64_t Cell(const uint64_t* row) const {
    return member_->column == kNoColumn ? 0 : in_.log.Cell(row, member_->column);
  }
  [[nodiscard]] Moment MomentOf(const uint64_t* row) const {
    return {RowTime(row), Cell(row), RowSeq(row)};
  }

  [[nodiscard]] std::optional<int64_t> FromCursors(const ReadSet::Item& item, int64_t bound) const {
    const int64_t end = MinusClamped(in_.scope.at.ns, run_.delay_ns);
    return in_.cursors->DistinctBetween(run_, *member_, item, bound, end);
  }
  // Whether they know the number of distinct cells in each window.
  [[nodiscard]] bool CursorsKnow(std::span<const ReadSet::Item> items) const {
    if (in_.cursors == nullptr || !in_.newest) return false;
    const int64_t end = MinusClamped(in_.scope.at.ns, run_.delay_ns);
    return std::all_of(items.begin(), items.end(), [&](const ReadSet::Item& item) {
      if (item.aggregator != Aggregator::kDistinct) return true;
      const int64_t bound = item.length_ns == 0 ? INT64_MIN : MinusClamped(end, item.length_ns);
      return FromCursors(item, bound).has_value();
    });
  }

  bool TakeChunk(int64_t bound) {
    const Chunk& chunk = in_.log.ChunkAt(number_);
    const uint64_t* const rows = in_.log.Row({number_, 0});
    if (RowTime(rows) <= bound) return false;
    // The reader itself, which `prior` leaves out, is among the rows of the reading time.
    if (run_.prior && RowTime(row_) == in_.scope.at.ns) return false;
    const SeriesSummary& summary = chunk.summary[member_->series];
    if (summary.tally.count == 0) return true;
    const Needs& needs = member_->needs;
    if (count_ == 0) last_ = rows + size_t{summary.last} * width_;
    if (count_ == 0 || (needs.min && order_.Less(summary.min, min_))) min_ = summary.min;
    if (count_ == 0 || (needs.max && order_.Less(max_, summary.max))) max_ = summary.max;
    first_ = rows + size_t{summary.first} * width_;
    count_ += summary.tally.count;
    sum_ += summary.tally.sum;
    if (needs.squares) squares_ += summary.tally.squares;
    return true;
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
    if (count_ == 0) {
      last_ = row;
      min_ = max_ = cell;
    } else {
      if (needs.min && order_.Less(cell, min_)) min_ = cell;
      if (needs.max && order_.Less(max_, cell)) max_ = cell;
    }
    first_ = row;
    ++count_;
    sum_ += cell;
    if (needs.squares) squares_ += UInt192::Square(cell);
    if (gather_) cells_.Add(cell);
  }

  const WalkInput& in_;
  const ReadSet::Run& run_;
  const uint32_t width_;
  const uint64_t last_seq_;  // rows with a later sequence are not there for the reader
  const uint64_t first_chunk_;
  const Position start_;  // one behind the newest row

  const ReadSet::Member* member_ = nullptr;
  const ReadSet::Item* item_ = nullptr;
  int64_t bound_ = 0;
  CellOrder order_;
  bool gather_ = false;  // the cells: distinct ones are counted row by row

  // The next row, the newest of those left in the chunk.
  const uint64_t* row_ = nullptr;
  uint64_t number_ = 0;
  uint32_t left_ = 0;
  bool whole_ = false;  // it is the last of a chunk that may be taken by its summary

  int64_t count_ = 0;
  Int128 sum_ = 0;
  UInt192 squares_;
  int64_t min_ = 0;
  int64_t max_ = 0;
  const uint64_t* first_ = nullptr;
  const uint64_t* last_ = nullptr;
  CellSet cells_;
};

}  // namespace

void Walk(const WalkInput& input, const ReadSet& set, const ReadSet::Run& run,
          std::span<record::Value> out) {
  Walker walker(input, run);
  ReadRun(set, run, input.scope, &walker, out);
}

}  // namespace credence::feature
