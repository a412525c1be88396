#include "src/feature/walk.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
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

constexpr size_t kAggregators = static_cast<size_t>(Aggregator::kSinceLast) + 1;

// One member of the group, over the rows that were taken so far.
struct Sweep {
  Sweep(uint32_t of_series, uint32_t of_column, CellOrder by)
      : series(of_series), column(of_column), order(by) {}

  uint32_t series;
  uint32_t column;
  bool wanted = false;  // by a feature
  Needs needs;
  CellOrder order;
  // Grows with each row. A value that was made of as many rows is made of the same ones.
  uint32_t version = 1;
  struct Made {
    uint32_t version = 0;
    uint32_t feature = 0;
  };
  std::array<Made, kAggregators> made{};  // by aggregator
  Outcome outcome;
  CellSet cells;

  // Rows come from the newest to the oldest.
  void AddOlder(const Moment& moment) {
    ++version;
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

// The sweeps of a group by member: few as a rule, and then without a call to the allocator.
class Sweeps {
 public:
  Sweeps(const LogPlan& plan, const Group& group, const Dictionary& texts)
      : size_(group.members.size()) {
    void* room = few_;
    if (size_ > kFew) room = many_ = std::allocator<Sweep>().allocate(size_);
    sweeps_ = static_cast<Sweep*>(room);
    static const Column kNone;
    for (size_t m = 0; m < size_; ++m) {
      const uint32_t series = group.members[m].series;
      const uint32_t column = plan.series[series].column;
      new (sweeps_ + m) Sweep(series, column,
                              CellOrder(column == kNoColumn ? kNone : plan.columns[column], texts));
    }
  }
  ~Sweeps() {
    std::destroy_n(sweeps_, size_);
    if (many_ != nullptr) std::allocator<Sweep>().deallocate(many_, size_);
  }
  Sweeps(const Sweeps&) = delete;
  Sweeps& operator=(const Sweeps&) = delete;
  Sweep& operator[](size_t member) { return sweeps_[member]; }
  [[nodiscard]] std::span<Sweep> all() const { return {sweeps_, size_}; }

 private:
  static constexpr size_t kFew = 6;
  const size_t size_;
  Sweep* sweeps_ = nullptr;
  Sweep* many_ = nullptr;
  alignas(Sweep) std::byte few_[kFew * sizeof(Sweep)];
};

class Walker {
 public:
  Walker(const WalkInput& input, std::span<const uint32_t> features, std::span<record::Value> out)
      : in_(input),
        features_(features),
        out_(out),
        group_(&in_.log_plan.groups[feature(0).group]),
        sweeps_(in_.log_plan, *group_, in_.texts) {
    end_ = MinusClamped(in_.at.time.ns, group_->delay_ns);
    position_ = in_.log.Settled(in_.log.After(end_));
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
        if (incomplete) {
          out_[features_[i]] = record::Value::Incomplete();
        } else {
          MakeValueOf(i);
        }
      }
    }
  }

 private:
  [[nodiscard]] const Feature& feature(size_t i) const { return in_.plan.features()[features_[i]]; }

  void AddSweep(const Feature& f) {
    const bool by_cursors = f.aggregator == Aggregator::kDistinct && DistinctFromCursors(f);
    Sweep& sweep = sweeps_[f.member];
    sweep.wanted = true;
    switch (f.aggregator) {
      case Aggregator::kVariance:
      case Aggregator::kStddev:
        sweep.needs.squares = true;
        [[fallthrough]];
      case Aggregator::kSum:
      case Aggregator::kMean:
        sweep.needs.sum = true;
        break;
      case Aggregator::kMin:
        sweep.needs.min = true;
        break;
      case Aggregator::kMax:
        sweep.needs.max = true;
        break;
      case Aggregator::kDistinct:
        if (!by_cursors) sweep.needs.distinct = row_by_row_ = true;
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

  // Puts the value of features_[i] in its place.
  void MakeValueOf(size_t i) {
    const Feature& f = feature(i);
    Sweep& sweep = sweeps_[f.member];
    record::Value* const out = &out_[features_[i]];
    Sweep::Made& made = sweep.made[static_cast<size_t>(f.aggregator)];
    // Most entities have few events, and so many windows that hold the same ones.
    if (made.version == sweep.version) {
      *out = out_[made.feature];
      return;
    }
    if (f.aggregator == Aggregator::kDistinct) {
      sweep.outcome.distinct =
          sweep.needs.distinct ? sweep.cells.size() : DistinctFromCursors(f).value_or(0);
    }
    if (f.aggregator != Aggregator::kDistinct || sweep.needs.distinct) {
      made = {sweep.version, features_[i]};
    }
    const Column* column =
        sweep.column == kNoColumn ? nullptr : &in_.log_plan.columns[sweep.column];
    // Made in its place: a copy of what was just written in halves would wait for the store.
    new (out) record::Value(MakeValue(f.aggregator, column, sweep.outcome, in_.at.time, in_.texts,
                                      in_.plan.base_currency()));
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
    for (Sweep& sweep : sweeps_.all()) {
      const SeriesSummary& summary = chunk.summary[sweep.series];
      if (!sweep.wanted || summary.tally.count == 0) continue;
      ++sweep.version;
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
    for (Sweep& sweep : sweeps_.all()) {
      if (!sweep.wanted || ((mask[sweep.series / 64] >> (sweep.series % 64)) & 1) == 0) continue;
      sweep.AddOlder(MomentOf(sweep, row));
    }
  }

  const WalkInput& in_;
  std::span<const uint32_t> features_;
  std::span<record::Value> out_;
  const Group* group_;
  int64_t end_ = 0;
  Position position_;
  bool row_by_row_ = false;
  Sweeps sweeps_;
};

}  // namespace

void Walk(const WalkInput& input, std::span<const uint32_t> features,
          std::span<record::Value> out) {
  Walker(input, features, out).Run();
}

}  // namespace credence::feature
