#include "src/dmn/table_index.h"

#include <algorithm>
#include <unordered_map>

#include "src/base/digest.h"

namespace credence::dmn {
namespace {

using feel::Kind;
using feel::Value;

bool IsHashed(Kind kind) {
  return kind == Kind::kString || kind == Kind::kBoolean || kind == Kind::kTime ||
         kind == Kind::kDateTime;
}

bool IsScalar(Kind kind) {
  return kind != Kind::kNull && kind != Kind::kList && kind != Kind::kContext &&
         kind != Kind::kRange && kind != Kind::kFunction;
}

bool IsOrderable(Kind kind) { return IsScalar(kind) && kind != Kind::kBoolean; }

uint64_t HashOf(const Value& value) {
  if (value.kind() == Kind::kString) return Hash64(value.string(), 3);
  return feel::Hash(value) * 0x9E3779B97F4A7C15U + static_cast<uint64_t>(value.kind());
}

bool SameKey(const Value& a, const Value& b) {
  if (a.kind() != b.kind()) return false;
  if (a.kind() == Kind::kString) return a.string() == b.string();
  return feel::Equals(a, b) == feel::Ternary::kTrue;
}

}  // namespace

// --- build ------------------------------------------------------------

class TableIndexBuilder {
 public:
  TableIndexBuilder(TableIndex* index, size_t rows, size_t columns,
                    const TableIndex::ShapeOf& shape_of, const IndexOptions& options)
      : index_(*index), shape_of_(shape_of), options_(options) {
    index_.rows_ = rows;
    index_.word_count_ = (rows + 63) / 64;
    index_.columns_.resize(columns);
    index_.sets_.resize(1);
    column_budget_ =
        std::min(options.column_bytes_max, options.bytes_max / 2 / std::max<size_t>(columns, 1));
    general_.resize(rows);
  }

  void Run() {
    for (size_t c = 0; c < index_.columns_.size(); ++c) BuildColumn(c);
    size_t total = 0;
    for (const auto& cells : general_) total += cells.size();
    index_.lists_.shrink_to_fit();
    index_.words_.shrink_to_fit();
    index_.sets_.shrink_to_fit();
    if (total == 0) return;
    index_.general_starts_.reserve(general_.size() + 1);
    index_.general_cells_.reserve(total);
    index_.general_starts_.push_back(0);
    for (const auto& cells : general_) {
      index_.general_cells_.insert(index_.general_cells_.end(), cells.begin(), cells.end());
      index_.general_starts_.push_back(static_cast<uint32_t>(index_.general_cells_.size()));
    }
  }

 private:
  using Column = TableIndex::Column;
  using Alternative = feel::UnaryTestShape::Alternative;
  using Class = std::pair<Value, std::vector<uint32_t>>;  // a constant and its rows

  static constexpr size_t kTogglesMin = 32;  // between checkpoints
  static constexpr size_t kDenseWords =
      4;  // up to so many words, a bitset is always the better form

  struct Span {  // of positions, both ends included
    uint32_t row;
    uint32_t first;
    uint32_t last;
  };

  uint32_t AddSet(const std::vector<uint32_t>& rows) {
    if (rows.empty()) return TableIndex::kNoSet;
    TableIndex::Set set;
    set.count = static_cast<uint32_t>(rows.size());
    set.is_dense = IsDense(rows.size());
    if (set.is_dense) {
      set.offset = index_.words_.size();
      index_.words_.resize(index_.words_.size() + index_.word_count_);
      for (const uint32_t row : rows)
        index_.words_[set.offset + row / 64] |= uint64_t{1} << row % 64;
    } else {
      set.offset = index_.lists_.size();
      index_.lists_.insert(index_.lists_.end(), rows.begin(), rows.end());
    }
    index_.sets_.push_back(set);
    return static_cast<uint32_t>(index_.sets_.size() - 1);
  }
  uint32_t AddDense(const std::vector<uint64_t>& words, size_t count) {
    index_.sets_.push_back({index_.words_.size(), static_cast<uint32_t>(count), true});
    index_.words_.insert(index_.words_.end(), words.begin(), words.end());
    return static_cast<uint32_t>(index_.sets_.size() - 1);
  }
  // A bitset meets others at a word a step; a list must be spread out first. So a bitset may take
  // a few times the memory, where even then a column of one row in each set keeps to its budget.
  [[nodiscard]] bool IsDense(size_t rows) const {
    constexpr size_t kWorth = 8;
    const bool affordable = kWorth * index_.rows_ * sizeof(uint32_t) <= column_budget_;
    return index_.word_count_ <= kDenseWords ||
           rows * sizeof(uint32_t) * (affordable ? kWorth : 1) >=
               index_.word_count_ * sizeof(uint64_t);
  }
  [[nodiscard]] size_t SetBytes(size_t rows) const {
    return (IsDense(rows) ? index_.word_count_ * sizeof(uint64_t) : rows * sizeof(uint32_t)) +
           sizeof(TableIndex::Set);
  }

  static Kind AlternativeKind(const Alternative& alternative) {
    if (!alternative.is_interval) return alternative.constant.kind();
    return alternative.low.IsNull() ? alternative.high.kind() : alternative.low.kind();
  }

  // The kind that the ordered part of a column serves: that of most intervals, or else of most
  // constants that have an order key.
  Kind ChooseOrderedKind(size_t column) const {
    size_t intervals[16] = {};
    size_t constants[16] = {};
    for (size_t row = 0; row < index_.rows_; ++row) {
      const feel::UnaryTestShape& shape = shape_of_(row, column);
      if (shape.kind != feel::UnaryTestShape::Kind::kAlternatives) continue;
      for (const Alternative& alternative : shape.alternatives) {
        const Kind kind = AlternativeKind(alternative);
        if (!IsOrderable(kind)) continue;
        if (alternative.is_interval || shape.negated) {  // not(5) is two intervals
          ++intervals[static_cast<size_t>(kind)];
        } else if (!IsHashed(kind)) {
          ++constants[static_cast<size_t>(kind)];
        }
      }
    }
    const auto most = [](const size_t(&counts)[16]) {
      return static_cast<Kind>(std::max_element(counts, counts + 16) - counts);
    };
    const Kind by_interval = most(intervals);
    if (intervals[static_cast<size_t>(by_interval)] > 0) return by_interval;
    const Kind by_constant = most(constants);
    return constants[static_cast<size_t>(by_constant)] > 0 ? by_constant : Kind::kNull;
  }

  // Whether the index can say for every input of a known kind whether the cell matches.
  static bool IsIndexable(const feel::UnaryTestShape& shape, Kind ordered) {
    if (shape.kind != feel::UnaryTestShape::Kind::kAlternatives) return false;
    if (shape.negated &&
        (ordered == Kind::kNull || ordered == Kind::kTime ||
         ordered == Kind::kDateTime ||  // local and zoned ones do not compare
         !std::all_of(shape.alternatives.begin(), shape.alternatives.end(),
                      [&](const Alternative& a) { return AlternativeKind(a) == ordered; }))) {
      return false;
    }
    return std::all_of(shape.alternatives.begin(), shape.alternatives.end(),
                       [&](const Alternative& a) {
                         if (!a.is_interval) {
                           const Kind kind = a.constant.kind();
                           return kind == Kind::kNull || kind == ordered || IsHashed(kind);
                         }
                         const auto fits = [&](const Value& bound) {
                           return bound.IsNull() || bound.kind() == ordered;
                         };
                         return AlternativeKind(a) == ordered && ordered != Kind::kNull &&
                                fits(a.low) && fits(a.high);
                       });
  }

  // What a column of so many cells may take at most, besides its checkpoints.
  [[nodiscard]] size_t LinearBytes(size_t column) const {
    size_t alternatives = 0;
    for (size_t row = 0; row < index_.rows_; ++row)
      alternatives += shape_of_(row, column).alternatives.size();
    constexpr size_t kPerAlternative = 2 * (sizeof(Value) + 3 * sizeof(uint32_t)) +
                                       sizeof(TableIndex::Set) + 2 * sizeof(TableIndex::HashSlot);
    return alternatives * kPerAlternative;
  }

  void BuildColumn(size_t c) {
    Column& column = index_.columns_[c];
    const bool fits = index_.bytes() + LinearBytes(c) + column_budget_ <= options_.bytes_max;
    if (fits) column.ordered_kind = ChooseOrderedKind(c);
    if (!CollectBounds(c,
                       &column)) {  // bounds that do not compare with each other: no ordered part
      column.ordered_kind = Kind::kNull;
      column.bounds.clear();
    }
    std::vector<uint32_t> always;
    std::vector<uint32_t> nulls;
    std::vector<Class> classes;
    std::vector<Span> spans;
    std::unordered_multimap<uint64_t, uint32_t> class_of;
    for (size_t r = 0; r < index_.rows_; ++r) {
      const auto row = static_cast<uint32_t>(r);
      const feel::UnaryTestShape& shape = shape_of_(r, c);
      if (shape.kind == feel::UnaryTestShape::Kind::kAny) {
        always.push_back(row);
      } else if (!fits || !IsIndexable(shape, column.ordered_kind)) {
        always.push_back(row);
        general_[r].push_back(static_cast<uint16_t>(c));
      } else {
        AddRow(row, shape, &column, &class_of, &classes, &nulls, &spans);
      }
    }
    Finish(&column, always, nulls, classes, spans);
  }

  void AddRow(uint32_t row, const feel::UnaryTestShape& shape, Column* column,
              std::unordered_multimap<uint64_t, uint32_t>* class_of, std::vector<Class>* classes,
              std::vector<uint32_t>* nulls, std::vector<Span>* spans) {
    std::vector<std::pair<uint32_t, uint32_t>> ranges;
    for (const Alternative& alternative : shape.alternatives) {
      if (!alternative.is_interval && alternative.constant.IsNull()) {
        if (nulls->empty() || nulls->back() != row) nulls->push_back(row);
      } else if (!alternative.is_interval && alternative.constant.kind() != column->ordered_kind) {
        if (alternative.constant.kind() == Kind::kBoolean) column->asks_scalars = true;
        auto& rows = (*classes)[ClassOf(alternative.constant, class_of, classes)].second;
        if (rows.empty() || rows.back() != row) rows.push_back(row);
      } else {
        ranges.push_back(PositionsOf(alternative, *column));
      }
    }
    // A row's ranges made disjoint, so that each bound switches the row on or off.
    std::erase_if(ranges, [](const auto& range) { return range.first > range.second; });
    std::sort(ranges.begin(), ranges.end());
    uint32_t free = 0;  // the first position behind the ranges so far
    for (size_t i = 0; i < ranges.size();) {
      auto [first, last] = ranges[i++];
      while (i < ranges.size() && ranges[i].first <= last + 1)
        last = std::max(last, ranges[i++].second);
      if (!shape.negated) {
        spans->push_back({row, first, last});
      } else if (free < first) {
        spans->push_back({row, free, first - 1});
      }
      free = last + 1;
    }
    if (!shape.negated) return;
    const auto end = static_cast<uint32_t>(2 * column->bound_count());
    if (free <= end) spans->push_back({row, free, end});
    // Null differs from every constant; whether it lies in an interval is null.
    if (std::none_of(shape.alternatives.begin(), shape.alternatives.end(),
                     [](const Alternative& a) { return a.is_interval; })) {
      nulls->push_back(row);
    }
  }

  static uint32_t ClassOf(const Value& value, std::unordered_multimap<uint64_t, uint32_t>* class_of,
                          std::vector<Class>* classes) {
    const uint64_t hash = HashOf(value);
    const auto [from, to] = class_of->equal_range(hash);
    for (auto at = from; at != to; ++at) {
      if (SameKey((*classes)[at->second].first, value)) return at->second;
    }
    const auto id = static_cast<uint32_t>(classes->size());
    classes->emplace_back(value, std::vector<uint32_t>());
    class_of->emplace(hash, id);
    return id;
  }

  // First and last position that an alternative covers; first > last where it covers none.
  static std::pair<uint32_t, uint32_t> PositionsOf(const Alternative& alternative,
                                                   const Column& column) {
    const auto at = [&](const Value& value) {
      return static_cast<uint32_t>(TableIndex::PositionOf(column, value));
    };
    if (!alternative.is_interval) return {at(alternative.constant), at(alternative.constant)};
    const auto end = static_cast<uint32_t>(2 * column.bound_count());
    const uint32_t first =
        alternative.low.IsNull() ? 0 : at(alternative.low) + (alternative.low_included ? 0 : 1);
    const uint32_t last = alternative.high.IsNull()
                              ? end
                              : at(alternative.high) - (alternative.high_included ? 0 : 1);
    return {first, last};
  }

  // Sorts the distinct bounds of the column. False if two of them cannot be compared.
  bool CollectBounds(size_t c, Column* column) {
    if (column->ordered_kind == Kind::kNull) return true;
    std::vector<Value>& bounds = column->bounds;
    for (size_t row = 0; row < index_.rows_; ++row) {
      const feel::UnaryTestShape& shape = shape_of_(row, c);
      if (!IsIndexable(shape, column->ordered_kind)) continue;
      for (const Alternative& alternative : shape.alternatives) {
        for (const Value* bound : {&alternative.constant, &alternative.low, &alternative.high}) {
          if (bound->kind() == column->ordered_kind) bounds.push_back(*bound);
        }
      }
    }
    for (const Value& bound : bounds) {
      if (!feel::Order(bound, bounds[0])) return false;
    }
    std::sort(bounds.begin(), bounds.end(), [](const Value& a, const Value& b) {
      const auto order = feel::Order(a, b);
      return order && *order < 0;
    });
    bounds.erase(std::unique(bounds.begin(), bounds.end(),
                             [](const Value& a, const Value& b) {
                               const auto order = feel::Order(a, b);
                               return order && *order == 0;
                             }),
                 bounds.end());
    constexpr int kScaleMax = 9;
    const int scales = column->ordered_kind == Kind::kNumber ? kScaleMax : 0;
    for (int scale = 0; scale <= scales && column->keys.empty(); ++scale) {
      std::vector<int64_t> keys;
      OrderKey key;
      for (const Value& bound : bounds) {
        if (!MakeOrderKey(bound, scale, &key) || !key.exact) break;
        keys.push_back(key.key);
      }
      if (keys.size() != bounds.size()) continue;
      column->keys = std::move(keys);
      column->scale = scale;
    }
    if (!column->keys.empty()) bounds = {};
    bounds.shrink_to_fit();
    column->keys.shrink_to_fit();
    return true;
  }

  void Finish(Column* column, const std::vector<uint32_t>& always,
              const std::vector<uint32_t>& nulls, const std::vector<Class>& classes,
              const std::vector<Span>& spans) {
    column->always = AddSet(always);
    column->null_set = AddSet(nulls);
    const size_t positions = 2 * column->bound_count() + 1;
    size_t plain_bytes = positions * sizeof(uint32_t);
    size_t merged_bytes = plain_bytes;
    if (column->bound_count() > 0) {
      Sweep(positions, spans, {}, [&](size_t, size_t count, bool changed) {
        if (!changed) return;
        plain_bytes += SetBytes(count);
        merged_bytes += SetBytes(count + always.size());
      });
    }
    for (const Class& one : classes) merged_bytes += SetBytes(one.second.size() + always.size());
    column->merged = !always.empty() && merged_bytes <= column_budget_;
    BuildHash(classes, always, column);
    if (column->bound_count() == 0) return;
    if (plain_bytes <= column_budget_) {
      BuildPositions(positions, spans, always, column);
    } else {
      BuildCheckpoints(positions, spans, always, column);
    }
  }

  void BuildHash(const std::vector<Class>& classes, const std::vector<uint32_t>& always,
                 Column* column) {
    if (classes.empty()) return;
    size_t size = 4;
    while (size < classes.size() * 2) size *= 2;
    column->slots.resize(size);
    for (const auto& [key, rows] : classes) {
      const uint64_t hash = HashOf(key);
      size_t at = hash & (size - 1);
      while (column->slots[at].key != TableIndex::kNoClass) at = (at + 1) & (size - 1);
      column->slots[at] = {static_cast<uint32_t>(hash >> 32),
                           static_cast<uint32_t>(column->hash_keys.size())};
      column->hash_keys.push_back(key);
      column->hash_sets.push_back(AddSet(column->merged ? Union(rows, always) : rows));
    }
    column->hash_keys.shrink_to_fit();
    column->hash_sets.shrink_to_fit();
  }

  static std::vector<uint32_t> Union(const std::vector<uint32_t>& a,
                                     const std::vector<uint32_t>& b) {
    std::vector<uint32_t> both;
    both.reserve(a.size() + b.size());
    std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
    return both;
  }

  // Rows that come or go at each position: those of position p are toggles_[starts_[p] .. starts_[p
  // + 1]).
  void MakeToggles(size_t positions, const std::vector<Span>& spans) {
    starts_.assign(positions + 1, 0);
    const auto count = [&](size_t position) {
      if (position < positions) ++starts_[position + 1];
    };
    for (const Span& span : spans) {
      count(span.first);
      count(size_t{span.last} + 1);
    }
    for (size_t p = 0; p < positions; ++p) starts_[p + 1] += starts_[p];
    toggles_.resize(starts_[positions]);
    std::vector<uint32_t> next(starts_.begin(), starts_.end() - 1);
    for (const Span& span : spans) {
      toggles_[next[span.first]++] = span.row;
      if (size_t{span.last} + 1 < positions) toggles_[next[span.last + 1]++] = span.row;
    }
  }

  // Walks the positions in order; `emit(position, rows there, whether the set changed)`. live_
  // holds the bits, starting from those of `base`.
  template <class Emit>
  void Sweep(size_t positions, const std::vector<Span>& spans, const std::vector<uint32_t>& base,
             Emit emit) {
    MakeToggles(positions, spans);
    live_.assign(index_.word_count_, 0);
    for (const uint32_t row : base) live_[row / 64] |= uint64_t{1} << row % 64;
    size_t count = base.size();
    for (size_t p = 0; p < positions; ++p) {
      for (uint32_t t = starts_[p]; t < starts_[p + 1]; ++t) {
        uint64_t& word = live_[toggles_[t] / 64];
        const uint64_t bit = uint64_t{1} << toggles_[t] % 64;
        word ^= bit;
        count = (word & bit) != 0 ? count + 1 : count - 1;
      }
      emit(p, count, p == 0 || starts_[p] != starts_[p + 1]);
    }
  }

  void BuildPositions(size_t positions, const std::vector<Span>& spans,
                      const std::vector<uint32_t>& always, Column* column) {
    column->position_sets.reserve(positions);
    Sweep(positions, spans, {}, [&](size_t, size_t, bool changed) {
      if (!changed) {
        column->position_sets.push_back(column->position_sets.back());
        return;
      }
      std::vector<uint32_t> rows;
      for (size_t w = 0; w < live_.size(); ++w) {
        for (uint64_t word = live_[w]; word != 0; word &= word - 1) {
          rows.push_back(
              static_cast<uint32_t>(w * 64 + static_cast<size_t>(__builtin_ctzll(word))));
        }
      }
      column->position_sets.push_back(AddSet(column->merged ? Union(rows, always) : rows));
    });
  }

  void BuildCheckpoints(size_t positions, const std::vector<Span>& spans,
                        const std::vector<uint32_t>& always, Column* column) {
    const size_t set_bytes = index_.word_count_ * sizeof(uint64_t);
    size_t pending = SIZE_MAX;  // toggles since the last checkpoint
    size_t spacing = 0;
    Sweep(positions, spans, always, [&](size_t p, size_t count, bool) {
      if (p == 0)
        spacing = std::max(kTogglesMin,
                           toggles_.size() * set_bytes / std::max<size_t>(column_budget_, 1));
      if (pending != SIZE_MAX) pending += starts_[p + 1] - starts_[p];
      if (pending < spacing) return;
      column->checkpoints.push_back({static_cast<uint32_t>(p), AddDense(live_, count)});
      pending = 0;
    });
    column->checkpoints.shrink_to_fit();
    column->toggle_starts = std::move(starts_);
    column->toggles = std::move(toggles_);
  }

  TableIndex& index_;
  const TableIndex::ShapeOf& shape_of_;
  const IndexOptions& options_;
  size_t column_budget_ = 0;
  std::vector<std::vector<uint16_t>> general_;
  std::vector<uint64_t> live_;
  std::vector<uint32_t> starts_;
  std::vector<uint32_t> toggles_;
};

TableIndex TableIndex::Build(size_t rows, size_t columns, const ShapeOf& shape_of,
                             const IndexOptions& options) {
  TableIndex index;
  TableIndexBuilder(&index, rows, columns, shape_of, options).Run();
  return index;
}

size_t TableIndex::bytes() const {
  size_t total = sets_.capacity() * sizeof(Set) + lists_.capacity() * sizeof(uint32_t) +
                 words_.capacity() * sizeof(uint64_t) +
                 general_starts_.capacity() * sizeof(uint32_t) +
                 general_cells_.capacity() * sizeof(uint16_t);
  for (const Column& column : columns_) {
    total += sizeof(Column) + column.slots.capacity() * sizeof(HashSlot) +
             (column.hash_keys.capacity() + column.bounds.capacity()) * sizeof(Value) +
             column.keys.capacity() * sizeof(int64_t) +
             column.checkpoints.capacity() * sizeof(Checkpoint) +
             (column.hash_sets.capacity() + column.position_sets.capacity() +
              column.toggle_starts.capacity() + column.toggles.capacity()) *
                 sizeof(uint32_t);
  }
  return total;
}

// --- look-up ------------------------------------------------------------

bool RowSet::Meet(size_t begin, size_t size, uint64_t* block) const {
  const uint64_t* first = bitsets_[0] + begin;
  uint64_t any = 0;
  for (size_t w = 0; w < size; ++w) any |= block[w] = first[w];
  for (size_t b = 1; b < bitsets_.size() && any != 0; ++b) {
    const uint64_t* other = bitsets_[b] + begin;
    any = 0;
    for (size_t w = 0; w < size; ++w) any |= block[w] &= other[w];
  }
  return any != 0;
}

Value TableIndex::Column::BoundAt(size_t i) const {
  if (keys.empty()) return bounds[i];
  switch (ordered_kind) {
    case Kind::kDate:
      return Value::FromDate(Date{keys[i]});
    case Kind::kYearsDuration:
      return Value::Months(keys[i]);
    case Kind::kDaysDuration:
      return Value::Duration(keys[i]);
    default:
      return Value::Number(Decimal::FromScaled(keys[i], -scale));
  }
}

uint32_t TableIndex::FindHash(const Column& column, const Value& input) {
  if (column.slots.empty()) return kNoSet;
  const uint64_t hash = HashOf(input);
  const size_t mask = column.slots.size() - 1;
  for (size_t at = hash & mask; column.slots[at].key != kNoClass; at = (at + 1) & mask) {
    const HashSlot& slot = column.slots[at];
    if (slot.hash == static_cast<uint32_t>(hash >> 32) &&
        SameKey(column.hash_keys[slot.key], input)) {
      return column.hash_sets[slot.key];
    }
  }
  return kNoSet;
}

int64_t TableIndex::PositionOf(const Column& column, const Value& input) {
  OrderKey key;
  if (!column.keys.empty() && MakeOrderKey(input, column.scale, &key)) {
    const int64_t wanted = key.key;
    const int64_t* base = column.keys.data();
    size_t size = column.keys.size();
    while (size > 1) {  // branch-free lower bound
      const size_t half = size / 2;
      base += (base[half - 1] < wanted) ? half : 0;
      size -= half;
    }
    const size_t at = static_cast<size_t>(base - column.keys.data()) + (*base < wanted ? 1 : 0);
    const bool on_bound = at < column.keys.size() && column.keys[at] == wanted;
    if (on_bound && !key.exact) return static_cast<int64_t>(2 * (at + 1));
    return static_cast<int64_t>(2 * at) + (on_bound ? 1 : 0);
  }
  size_t low = 0;
  size_t high = column.bound_count();
  while (low < high) {
    const size_t middle = (low + high) / 2;
    const auto order = feel::Order(column.BoundAt(middle), input);
    if (!order) return -1;
    if (*order == 0) return static_cast<int64_t>(2 * middle + 1);
    if (*order < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return static_cast<int64_t>(2 * low);
}

// Takes the checkpoint from which the fewest toggles lead to the position.
void TableIndex::LookAtPosition(const Column& column, size_t position, Found* found) const {
  const auto& points = column.checkpoints;
  const auto after =
      std::upper_bound(points.begin(), points.end(), position,
                       [](size_t p, const Checkpoint& point) { return p < point.position; });
  const Checkpoint& before = *(after - 1);  // the first stands at position 0
  const auto& starts = column.toggle_starts;
  const uint32_t here = starts[position + 1];
  const Checkpoint* nearest = &before;
  found->toggles_begin = starts[before.position + 1];
  found->toggles_end = here;
  if (after != points.end() && starts[after->position + 1] - here < here - found->toggles_begin) {
    nearest = &*after;
    found->toggles_begin = here;
    found->toggles_end = starts[after->position + 1];
  }
  found->sets[0] = nearest->set;
  found->size = 1;
  found->total = uint64_t{sets_[nearest->set].count} + (found->toggles_end - found->toggles_begin);
}

void TableIndex::Look(const Column& column, const Value& input, bool* asked, Found* found) const {
  const auto add = [&](uint32_t set) {
    if (set == kNoSet) return;
    found->sets[found->size++] = set;
    found->total += sets_[set].count;
  };
  const Kind kind = input.kind();
  if (kind == Kind::kNull && !column.asks_scalars) {
    add(column.null_set);
    add(column.always);
    return;
  }
  if (!IsScalar(kind) || (column.asks_scalars && kind != Kind::kBoolean)) {  // null is no scalar
    *asked = true;
    found->all = true;
    return;
  }
  if (kind == column.ordered_kind) {
    const int64_t position = PositionOf(column, input);
    if (position >= 0 && !column.checkpoints.empty()) {
      return LookAtPosition(column, static_cast<size_t>(position), found);
    }
    if (position >= 0 && !column.position_sets.empty()) {
      add(column.position_sets[static_cast<size_t>(position)]);
      if (column.merged) return;
    }
  } else if (IsHashed(kind)) {
    const uint32_t set = FindHash(column, input);
    add(set);
    if (column.merged && set != kNoSet) return;
  }
  add(column.always);
}

bool TableIndex::Contains(const Set& set, uint32_t row) const {
  if (set.is_dense) return (words_[set.offset + row / 64] >> row % 64 & 1) != 0;
  const auto rows = Rows(set);
  return std::binary_search(rows.begin(), rows.end(), row);
}

const uint64_t* TableIndex::Materialise(const Column& column, const Found& found,
                                        Arena& arena) const {
  if (found.size == 1 && found.toggles_begin == found.toggles_end &&
      sets_[found.sets[0]].is_dense) {
    return words_.data() + sets_[found.sets[0]].offset;
  }
  auto* const words = static_cast<uint64_t*>(arena.Allocate(word_count_ * sizeof(uint64_t), 8));
  bool filled = false;
  for (uint32_t s = 0; s < found.size; ++s) {
    const Set& set = sets_[found.sets[s]];
    if (set.is_dense && !filled) {
      std::copy_n(words_.data() + set.offset, word_count_, words);
    } else if (set.is_dense) {
      const uint64_t* from = words_.data() + set.offset;
      for (size_t w = 0; w < word_count_; ++w) words[w] |= from[w];
    } else {
      if (!filled) std::fill_n(words, word_count_, 0);
      for (const uint32_t row : Rows(set)) words[row / 64] |= uint64_t{1} << row % 64;
    }
    filled = true;
  }
  if (!filled) std::fill_n(words, word_count_, 0);
  for (uint32_t t = found.toggles_begin; t < found.toggles_end; ++t) {
    words[column.toggles[t] / 64] ^= uint64_t{1} << column.toggles[t] % 64;
  }
  return words;
}

// Few rows in one column: each of them is looked for in the others.
RowSet TableIndex::Drive(std::span<const Found> found, size_t best, Arena& arena) const {
  const std::span<const uint64_t*> bits(
      static_cast<const uint64_t**>(arena.Allocate(sizeof(uint64_t*) * found.size(), 8)),
      found.size());
  for (size_t c = 0; c < found.size(); ++c) {
    const bool toggled = found[c].toggles_begin != found[c].toggles_end;
    bits[c] = toggled && !found[c].all ? Materialise(columns_[c], found[c], arena) : nullptr;
  }
  const std::span<uint32_t> candidates = arena.NewArray<uint32_t>(found[best].total);
  size_t count = 0;
  const auto visit = [&](uint32_t row) {
    for (size_t c = 0; c < found.size(); ++c) {
      if (c == best || found[c].all) continue;
      bool in = bits[c] != nullptr && (bits[c][row / 64] >> row % 64 & 1) != 0;
      for (uint32_t i = 0; bits[c] == nullptr && !in && i < found[c].size; ++i) {
        in = Contains(sets_[found[c].sets[i]], row);
      }
      if (!in) return true;
    }
    candidates[count++] = row;
    return true;
  };
  if (bits[best] != nullptr) {
    RowSet(bits.subspan(best, 1), word_count_).ForEach(visit);
    return RowSet(candidates.first(count));
  }
  for (uint32_t s = 0; s < found[best].size; ++s) {
    const Set& set = sets_[found[best].sets[s]];
    if (set.is_dense) {
      const uint64_t* words = words_.data() + set.offset;
      RowSet(std::span(&words, 1), word_count_).ForEach(visit);
    } else {
      RowSet(Rows(set)).ForEach(visit);
    }
  }
  const std::span<uint32_t> rows = candidates.first(count);
  if (found[best].size > 1) {
    std::sort(rows.begin(), rows.end());
    count = static_cast<size_t>(std::unique(rows.begin(), rows.end()) - rows.begin());
  }
  return RowSet(rows.first(count));
}

bool TableIndex::IsEverything(const Found& found) const {
  // The sets of one column have no row in common, so that their sizes add up.
  return found.toggles_begin == found.toggles_end && found.total == rows_;
}

RowSet TableIndex::Intersect(std::span<const Found> found, size_t best, Arena& arena) const {
  const std::span<const uint64_t*> bits(
      static_cast<const uint64_t**>(arena.Allocate(sizeof(uint64_t*) * found.size(), 8)),
      found.size());
  size_t count = 0;
  bits[count++] = Materialise(columns_[best], found[best], arena);
  for (size_t c = 0; c < found.size(); ++c) {
    if (c == best || found[c].all || IsEverything(found[c])) continue;
    bits[count++] = Materialise(columns_[c], found[c], arena);
  }
  return RowSet(bits.first(count), word_count_);
}

// Of at most 64 rows: each set is one word, since so small ones are kept as bitsets only.
RowSet TableIndex::FindInWord(std::span<const Value> inputs, std::span<bool> asked,
                              Arena& arena) const {
  uint64_t rows = UINT64_MAX >> (64 - rows_);
  for (size_t c = 0; c < columns_.size(); ++c) {
    asked[c] = false;
    Found found;
    Look(columns_[c], inputs[c], &asked[c], &found);
    if (found.all) continue;
    uint64_t in_column = 0;
    for (uint32_t s = 0; s < found.size; ++s) in_column |= words_[sets_[found.sets[s]].offset];
    for (uint32_t t = found.toggles_begin; t < found.toggles_end; ++t) {
      in_column ^= uint64_t{1} << columns_[c].toggles[t];
    }
    rows &= in_column;
    if (rows == 0) return {};
  }
  const uint64_t** const bits = arena.New<const uint64_t*>(arena.New<uint64_t>(rows));
  return RowSet(std::span(bits, 1), 1);
}

RowSet TableIndex::Find(std::span<const Value> inputs, std::span<bool> asked, Arena& arena) const {
  if (word_count_ == 1) return FindInWord(inputs, asked, arena);
  const std::span<Found> found = arena.NewArray<Found>(columns_.size());
  size_t best = columns_.size();
  for (size_t c = 0; c < columns_.size(); ++c) {
    asked[c] = false;
    Look(columns_[c], inputs[c], &asked[c], &found[c]);
    if (found[c].all) continue;
    if (found[c].total == 0) return {};
    if (best == columns_.size() || found[c].total < found[best].total) best = c;
  }
  if (best == columns_.size()) {  // nothing restricts the rows
    const std::span<uint32_t> all = arena.NewArray<uint32_t>(rows_);
    for (size_t row = 0; row < rows_; ++row) all[row] = static_cast<uint32_t>(row);
    return RowSet(all);
  }
  // Checking a row in the other columns costs about as much as a few words.
  const uint64_t drive_max = std::max<uint64_t>(8, word_count_ / 8);
  if (found[best].total <= drive_max && word_count_ > 1) return Drive(found, best, arena);
  return Intersect(found, best, arena);
}

}  // namespace credence::dmn
