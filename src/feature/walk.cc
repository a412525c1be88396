#include "src/feature/walk.h"

#include <algorithm>
#include <array>
#include <new>
#include <vector>

#include "src/feature/outcome.h"

namespace credence::feature {
namespace {

// The different cells seen on one walk. Few are the rule.
class CellSet {
 public:
  CellSet() {}  // the array is filled as cells come
  void Add(int64_t cell) {
    if (table_.empty()) {
      for (size_t i = 0; i < size_; ++i) {
        if (few_[i] == cell) return;
      }
      if (size_ < few_.size()) {
        few_[size_++] = cell;
        return;
      }
      Grow();
    }
    if (size_ * 4 > table_.size() * 3) Grow();
    if (Place(cell)) ++size_;
  }
  [[nodiscard]] int64_t size() const { return static_cast<int64_t>(size_); }

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

  std::array<int64_t, 32> few_;
  size_t size_ = 0;
  std::vector<Slot> table_;
};

struct Sweep {
  Sweep(uint32_t of_member, uint32_t of_series, uint32_t of_column, CellOrder by)
      : member(of_member), series(of_series), column(of_column), order(by) {}

  uint32_t member;
  uint32_t series;
  uint32_t column;
  Needs needs;
  CellOrder order;
  Outcome outcome;
  CellSet cells;

  // Rows come from the newest to the oldest.
  void AddOlder(const Moment& moment) {
    if (outcome.tally.count == 0) {
      outcome.min = outcome.max = moment.cell;
      outcome.last = moment;
    } else if (needs.min || needs.max) {
      if (order.Less(moment.cell, outcome.min)) outcome.min = moment.cell;
      if (order.Less(outcome.max, moment.cell)) outcome.max = moment.cell;
    }
    outcome.first = moment;
    outcome.tally.Add(moment.cell, needs);
    if (needs.distinct) cells.Add(moment.cell);
  }
};

class Walker {
 public:
  Walker(const WalkInput& input, std::span<const uint32_t> features, std::span<record::Value> out)
      : in_(input), features_(features), out_(out) {
    const Feature& first = feature(0);
    group_ = &in_.log_plan.groups[first.group];
    end_ = MinusClamped(in_.at.time.ns, group_->delay_ns);
    position_ = in_.log.Settled(in_.log.After(end_));
    sweeps_.reserve(group_->members.size());
    for (size_t i = 0; i < features_.size(); ++i) AddSweep(feature(i));
  }

  void Run() {
    size_t i = 0;
    while (i < features_.size()) {
      const uint32_t window = feature(i).window;
      const int64_t length = group_->windows[window].length_ns;
      const int64_t bound = length == 0 ? INT64_MIN : MinusClamped(end_, length);
      const bool incomplete = length != 0 && bound < in_.horizon;
      if (!incomplete) GoTo(bound);
      for (; i < features_.size() && feature(i).window == window; ++i) {
        record::Value* out = &out_[features_[i]];
        if (incomplete) {
          *out = record::Value::Incomplete();
        } else {
          new (out) record::Value(ValueOf(feature(i)));
        }
      }
    }
  }

 private:
  [[nodiscard]] const Feature& feature(size_t i) const { return in_.plan.features()[features_[i]]; }

  void AddSweep(const Feature& f) {
    const bool by_cursors = f.aggregator == Aggregator::kDistinct && DistinctFromCursors(f);
    auto found = std::find_if(sweeps_.begin(), sweeps_.end(),
                              [&](const Sweep& sweep) { return sweep.member == f.member; });
    if (found == sweeps_.end()) {
      static const Column kNone;
      const Series& series = in_.log_plan.series[f.series];
      const Column& column =
          series.column == kNoColumn ? kNone : in_.log_plan.columns[series.column];
      sweeps_.emplace_back(f.member, f.series, series.column, CellOrder(column, in_.texts));
      found = sweeps_.end() - 1;
    }
    switch (f.aggregator) {
      case Aggregator::kVariance:
      case Aggregator::kStddev:
        found->needs.squares = true;
        [[fallthrough]];
      case Aggregator::kSum:
      case Aggregator::kMean:
        found->needs.sum = true;
        break;
      case Aggregator::kMin:
        found->needs.min = true;
        break;
      case Aggregator::kMax:
        found->needs.max = true;
        break;
      case Aggregator::kDistinct:
        if (!by_cursors) found->needs.distinct = row_by_row_ = true;
        break;
      default:
        break;
    }
  }

  [[nodiscard]] std::optional<int64_t> DistinctFromCursors(const Feature& f) const {
    if (in_.cursors == nullptr || !in_.newest) return std::nullopt;
    const int64_t length = group_->windows[f.window].length_ns;
    const int64_t bound = length == 0 ? INT64_MIN : MinusClamped(end_, length);
    return in_.cursors->DistinctBetween(in_.log_plan, f, bound, end_);
  }

  record::Value ValueOf(const Feature& f) {
    Sweep& sweep = *std::find_if(sweeps_.begin(), sweeps_.end(),
                                 [&](const Sweep& s) { return s.member == f.member; });
    if (f.aggregator == Aggregator::kDistinct) {
      sweep.outcome.distinct =
          sweep.needs.distinct ? sweep.cells.size() : DistinctFromCursors(f).value_or(0);
    }
    const Column* column =
        sweep.column == kNoColumn ? nullptr : &in_.log_plan.columns[sweep.column];
    return MakeValue(f.aggregator, column, sweep.outcome, in_.at.time, in_.texts,
                     in_.plan.base_currency());
  }

  // Takes in all rows after `bound` that were not taken yet.
  void GoTo(int64_t bound) {
    const RowLog& log = in_.log;
    if (log.empty()) return;
    for (;;) {
      if (position_.row == 0) {
        if (position_.chunk == log.first_chunk()) return;
        --position_.chunk;
        position_.row = log.ChunkAt(position_.chunk).rows;
      }
      const Chunk& chunk = log.ChunkAt(position_.chunk);
      if (position_.row == chunk.rows && TakeChunk(chunk, bound)) {
        position_.row = 0;
        continue;
      }
      const uint64_t* row = log.Row({position_.chunk, position_.row - 1});
      if (RowTime(row) <= bound) return;
      --position_.row;
      TakeRow(row);
    }
  }

  bool TakeChunk(const Chunk& chunk, int64_t bound) {
    if (row_by_row_ || !in_.newest || chunk.summary.empty()) return false;
    if (RowTime(chunk.words.data()) <= bound) return false;
    const RowLog& log = in_.log;
    const uint64_t* last = chunk.words.data() + size_t{chunk.rows - 1} * log.width();
    // The reader itself, which `prior` leaves out, is among the rows of the reading time.
    if (group_->prior && RowTime(last) == in_.at.time.ns) return false;
    for (Sweep& sweep : sweeps_) {
      const SeriesSummary& summary = chunk.summary[sweep.series];
      if (summary.tally.count == 0) continue;
      Outcome& outcome = sweep.outcome;
      if (outcome.tally.count == 0) {
        outcome.min = summary.min;
        outcome.max = summary.max;
        outcome.last = MomentOf(sweep, chunk.words.data() + size_t{summary.last} * log.width());
      } else if (sweep.needs.min || sweep.needs.max) {
        if (sweep.order.Less(summary.min, outcome.min)) outcome.min = summary.min;
        if (sweep.order.Less(outcome.max, summary.max)) outcome.max = summary.max;
      }
      outcome.first = MomentOf(sweep, chunk.words.data() + size_t{summary.first} * log.width());
      outcome.tally += summary.tally;
    }
    return true;
  }

  [[nodiscard]] Moment MomentOf(const Sweep& sweep, const uint64_t* row) const {
    return {RowTime(row), sweep.column == kNoColumn ? 0 : in_.log.Cell(row, sweep.column),
            RowSeq(row)};
  }

  void TakeRow(const uint64_t* row) {
    const uint64_t seq = in_.at.seq.value();
    if (RowSeq(row) > seq || (group_->prior && RowSeq(row) == seq)) return;
    const uint64_t* mask = row + 2;
    if (!in_.newest) {
      // A row that was taken back later than the reader is still there for it.
      const Reversal* reversal = in_.log.ReversalOf(row);
      if (reversal != nullptr && reversal->reversal > seq) mask = reversal->mask.data();
    }
    for (Sweep& sweep : sweeps_) {
      if (((mask[sweep.series / 64] >> (sweep.series % 64)) & 1) == 0) continue;
      sweep.AddOlder(MomentOf(sweep, row));
    }
  }

  const WalkInput& in_;
  std::span<const uint32_t> features_;
  std::span<record::Value> out_;
  const Group* group_ = nullptr;
  int64_t end_ = 0;
  Position position_;
  bool row_by_row_ = false;
  std::vector<Sweep> sweeps_;
};

}  // namespace

void Walk(const WalkInput& input, std::span<const uint32_t> features,
          std::span<record::Value> out) {
  Walker(input, features, out).Run();
}

}  // namespace credence::feature
