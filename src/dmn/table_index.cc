#include "src/dmn/table_index.h"

#include <algorithm>

#include "src/base/digest.h"

namespace credence::dmn {
namespace {

using feel::Kind;
using feel::Value;

constexpr int64_t kPowers[] = {1,
                               10,
                               100,
                               1'000,
                               10'000,
                               100'000,
                               1'000'000,
                               10'000'000,
                               100'000'000,
                               1'000'000'000,
                               10'000'000'000,
                               100'000'000'000,
                               1'000'000'000'000,
                               10'000'000'000'000,
                               100'000'000'000'000,
                               1'000'000'000'000'000,
                               10'000'000'000'000'000,
                               100'000'000'000'000'000,
                               1'000'000'000'000'000'000};

bool NumberKey(const Value& value, int scale, OrderKey* key) {
  // The BID encoding with a coefficient below 2^64: sign 1, exponent 14 (bias 6176), coefficient
  // 113 bits.
  const uint64_t high = value.high_word();
  constexpr uint64_t kCoefficientHigh = 0x0001FFFFFFFFFFFFU;
  if ((high & 0x6000000000000000U) == 0x6000000000000000U || (high & kCoefficientHigh) != 0 ||
      value.low_word() > static_cast<uint64_t>(INT64_MAX)) {
    return false;
  }
  const int shift = static_cast<int>((high >> 49) & 0x3FFFU) - 6176 + scale;
  const auto coefficient = static_cast<int64_t>(value.low_word());
  const bool negative = (high >> 63) != 0;
  key->exact = true;
  if (shift == 0) {
    key->key = negative ? -coefficient : coefficient;
    return true;
  }
  if (shift > 0) {
    if (coefficient == 0) {
      key->key = 0;
      return true;
    }
    int64_t product = 0;
    if (shift > 18 || __builtin_mul_overflow(coefficient, kPowers[shift], &product)) return false;
    key->key = negative ? -product : product;
    return true;
  }
  if (shift < -18) return false;
  const int64_t quotient = coefficient / kPowers[-shift];
  key->exact = quotient * kPowers[-shift] == coefficient;
  key->key = negative ? -quotient - (key->exact ? 0 : 1) : quotient;
  return true;
}

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

bool MakeOrderKey(const Value& value, int scale, OrderKey* key) {
  key->exact = true;
  switch (value.kind()) {
    case Kind::kNumber:
      return NumberKey(value, scale, key);
    case Kind::kDate:
      key->key = value.date().days;
      return true;
    case Kind::kYearsDuration:
      key->key = value.months();
      return true;
    case Kind::kDaysDuration: {
      const Int128 ns = value.duration_ns();
      key->key = static_cast<int64_t>(ns);
      return ns == key->key;
    }
    default:
      return false;
  }
}

// --- build
// -------------------------------------------------------------------------------------------------------

class TableIndexBuilder {
 public:
  TableIndexBuilder(TableIndex* index, size_t rows, size_t columns,
                    const TableIndex::ShapeOf& shape_of)
      : index_(*index), shape_of_(shape_of) {
    index_.rows_ = rows;
    index_.word_count_ = (rows + 63) / 64;
    index_.columns_.resize(columns);
    index_.sets_.resize(1);
    column_budget_ = std::max<size_t>(kIndexBytesMax * 5 / 8 / std::max<size_t>(columns, 1), 4096);
    general_.resize(rows);
  }

  void Run() {
    for (size_t c = 0; c < index_.columns_.size(); ++c) BuildColumn(c);
    size_t total = 0;
    for (const auto& cells : general_) total += cells.size();
    if (total == 0) return;
    index_.general_starts_.reserve(general_.size() + 1);
    index_.general_starts_.push_back(0);
    for (const auto& cells : general_) {
      index_.general_cells_.insert(index_.general_cells_.end(), cells.begin(), cells.end());
      index_.general_starts_.push_back(static_cast<uint32_t>(index_.general_cells_.size()));
    }
  }

 private:
  using Column = TableIndex::Column;
  using Alternative = feel::UnaryTestShape::Alternative;

  struct Span {  // of positions, both ends included
    uint32_t row;
    uint32_t first;
    uint32_t last;
  };

  uint32_t AddSet(const std::vector<uint32_t>& rows) {
    if (rows.empty()) return TableIndex::kNoSet;
    TableIndex::Set set;
    set.count = static_cast<uint32_t>(rows.size());
    set.is_dense = rows.size() * sizeof(uint32_t) >= index_.word_count_ * sizeof(uint64_t);
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
  [[nodiscard]] size_t SetBytes(size_t rows) const {
    return std::min(rows * sizeof(uint32_t), index_.word_count_ * sizeof(uint64_t)) +
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
        if (alternative.is_interval) {
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
    if (shape.kind != feel::UnaryTestShape::Kind::kAlternatives || shape.negated) return false;
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

  void BuildColumn(size_t c) {
    Column& column = index_.columns_[c];
    column.ordered_kind = ChooseOrderedKind(c);
    if (!CollectBounds(c,
                       &column)) {  // bounds that do not compare with each other: no ordered part
      column.ordered_kind = Kind::kNull;
      column.bounds.clear();
    }
    std::vector<uint32_t> always;
    std::vector<uint32_t> nulls;
    std::vector<std::pair<Value, std::vector<uint32_t>>> classes;
    std::vector<Span> spans;
    ClassMap class_of;
    for (size_t r = 0; r < index_.rows_; ++r) {
      const auto row = static_cast<uint32_t>(r);
      const feel::UnaryTestShape& shape = shape_of_(r, c);
      if (shape.kind == feel::UnaryTestShape::Kind::kAny) {
        always.push_back(row);
        continue;
      }
      if (!IsIndexable(shape, column.ordered_kind)) {
        always.push_back(row);
        general_[r].push_back(static_cast<uint16_t>(c));
        continue;
      }
      AddRow(row, shape, &column, &class_of, &classes, &nulls, &spans);
    }
    Finish(c, always, nulls, classes, spans);
  }

  struct ClassMap {
    std::unordered_multimap<uint64_t, uint32_t> by_hash;
  };

  void AddRow(uint32_t row, const feel::UnaryTestShape& shape, Column* column, ClassMap* class_of,
              std::vector<std::pair<Value, std::vector<uint32_t>>>* classes,
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
    // A row's ranges made disjoint, so that the sweep can switch bits on and off.
    std::sort(ranges.begin(), ranges.end());
    for (size_t i = 0; i < ranges.size();) {
      auto [first, last] = ranges[i++];
      while (i < ranges.size() && ranges[i].first <= last + 1)
        last = std::max(last, ranges[i++].second);
      if (first <= last) spans->push_back({row, first, last});
    }
  }

  static uint32_t ClassOf(const Value& value, ClassMap* map,
                          std::vector<std::pair<Value, std::vector<uint32_t>>>* classes) {
    const uint64_t hash = HashOf(value);
    const auto [from, to] = map->by_hash.equal_range(hash);
    for (auto at = from; at != to; ++at) {
      if (SameKey((*classes)[at->second].first, value)) return at->second;
    }
    const auto id = static_cast<uint32_t>(classes->size());
    classes->emplace_back(value, std::vector<uint32_t>());
    map->by_hash.emplace(hash, id);
    return id;
  }

  // First and last position that an alternative covers; first > last where it covers none.
  static std::pair<uint32_t, uint32_t> PositionsOf(const Alternative& alternative,
                                                   const Column& column) {
    const auto at = [&](const Value& value) {
      return static_cast<uint32_t>(TableIndex::PositionOf(column, value));
    };
    if (!alternative.is_interval) return {at(alternative.constant), at(alternative.constant)};
    const auto end = static_cast<uint32_t>(2 * column.bounds.size());
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
    return true;
  }

  void Finish(size_t c, const std::vector<uint32_t>& always, const std::vector<uint32_t>& nulls,
              const std::vector<std::pair<Value, std::vector<uint32_t>>>& classes,
              const std::vector<Span>& spans) {
    Column& column = index_.columns_[c];
    column.always = AddSet(always);
    column.null_set = AddSet(nulls);
    const size_t positions = 2 * column.bounds.size() + 1;
    size_t direct_bytes = 0;
    size_t merged_bytes = 0;
    Sweep(positions, spans, [&](size_t count, bool changed) {
      if (!changed) return;
      direct_bytes += SetBytes(count);
      merged_bytes += SetBytes(count + always.size());
    });
    size_t class_bytes = 0;
    for (const auto& [key, rows] : classes) class_bytes += SetBytes(rows.size() + always.size());
    column.merged = !always.empty() && merged_bytes + class_bytes <= column_budget_;
    BuildHash(classes, always, &column);
    if (column.bounds.empty()) return;
    if (direct_bytes <= column_budget_) {
      BuildPositions(positions, spans, always, &column);
    } else {
      BuildTree(positions, spans, &column);
    }
  }

  void BuildHash(const std::vector<std::pair<Value, std::vector<uint32_t>>>& classes,
                 const std::vector<uint32_t>& always, Column* column) {
    if (classes.empty()) return;
    size_t size = 4;
    while (size < classes.size() * 2) size *= 2;
    column->slots.resize(size);
    for (const auto& [key, rows] : classes) {
      const uint64_t hash = HashOf(key);
      size_t at = hash & (size - 1);
      while (!column->slots[at].key.IsNull()) at = (at + 1) & (size - 1);
      column->slots[at] = {key, hash, AddSet(column->merged ? Union(rows, always) : rows)};
    }
  }

  static std::vector<uint32_t> Union(const std::vector<uint32_t>& a,
                                     const std::vector<uint32_t>& b) {
    std::vector<uint32_t> both;
    both.reserve(a.size() + b.size());
    std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
    return both;
  }

  // Walks the positions in order; `emit(count, changed)` is called once a position with the number
  // of rows there and whether the set differs from that of the position before. live_ holds the
  // bits.
  template <class Emit>
  void Sweep(size_t positions, const std::vector<Span>& spans, Emit emit) {
    std::vector<std::vector<uint32_t>> starts(positions);
    std::vector<std::vector<uint32_t>> ends(positions + 1);
    for (const Span& span : spans) {
      starts[span.first].push_back(span.row);
      ends[span.last + 1].push_back(span.row);
    }
    live_.assign(index_.word_count_, 0);
    size_t count = 0;
    for (size_t p = 0; p < positions; ++p) {
      for (const uint32_t row : ends[p]) live_[row / 64] &= ~(uint64_t{1} << row % 64);
      for (const uint32_t row : starts[p]) live_[row / 64] |= uint64_t{1} << row % 64;
      count += starts[p].size();
      count -= ends[p].size();
      emit(count, p == 0 || !starts[p].empty() || !ends[p].empty());
    }
  }

  void BuildPositions(size_t positions, const std::vector<Span>& spans,
                      const std::vector<uint32_t>& always, Column* column) {
    column->position_sets.reserve(positions);
    Sweep(positions, spans, [&](size_t, bool changed) {
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

  void BuildTree(size_t positions, const std::vector<Span>& spans, Column* column) {
    size_t leaves = 1;
    while (leaves < positions) leaves *= 2;
    column->tree_leaves = leaves;
    std::vector<std::vector<uint32_t>> rows(2 * leaves);
    for (const Span& span : spans) {  // ascending rows, so each node's list is sorted
      size_t low = span.first + leaves;
      size_t high = size_t{span.last} + 1 + leaves;
      for (; low < high; low /= 2, high /= 2) {
        if (low % 2 == 1) rows[low++].push_back(span.row);
        if (high % 2 == 1) rows[--high].push_back(span.row);
      }
    }
    column->tree.reserve(2 * leaves);
    for (const auto& node : rows) column->tree.push_back(AddSet(node));
  }

  TableIndex& index_;
  const TableIndex::ShapeOf& shape_of_;
  size_t column_budget_ = 0;
  std::vector<std::vector<uint16_t>> general_;
  std::vector<uint64_t> live_;
};

TableIndex TableIndex::Build(size_t rows, size_t columns, const ShapeOf& shape_of) {
  TableIndex index;
  TableIndexBuilder(&index, rows, columns, shape_of).Run();
  return index;
}

size_t TableIndex::bytes() const {
  size_t total = sets_.capacity() * sizeof(Set) + lists_.capacity() * sizeof(uint32_t) +
                 words_.capacity() * sizeof(uint64_t) +
                 general_starts_.capacity() * sizeof(uint32_t) +
                 general_cells_.capacity() * sizeof(uint16_t);
  for (const Column& column : columns_) {
    total += sizeof(Column) + column.slots.capacity() * sizeof(HashSlot) +
             column.keys.capacity() * sizeof(int64_t) + column.bounds.capacity() * sizeof(Value) +
             column.position_sets.capacity() * sizeof(uint32_t) +
             column.tree.capacity() * sizeof(uint32_t);
  }
  return total;
}

// --- look-up
// -----------------------------------------------------------------------------------------------------

uint32_t TableIndex::FindHash(const Column& column, const Value& input) const {
  if (column.slots.empty()) return kNoSet;
  const uint64_t hash = HashOf(input);
  const size_t mask = column.slots.size() - 1;
  for (size_t at = hash & mask; !column.slots[at].key.IsNull(); at = (at + 1) & mask) {
    if (column.slots[at].hash == hash && SameKey(column.slots[at].key, input)) {
      return column.slots[at].set;
    }
  }
  return kNoSet;
}

int64_t TableIndex::PositionOf(const Column& column, const Value& input) {
  OrderKey key;
  if (!column.keys.empty() && MakeOrderKey(input, column.scale, &key)) {
    // Branch-free lower bound of the key (of the next whole key, where the value lies above its
    // floor).
    const int64_t wanted = key.key;
    const int64_t* base = column.keys.data();
    size_t size = column.keys.size();
    while (size > 1) {
      const size_t half = size / 2;
      base += (base[half - 1] < wanted) ? half : 0;
      size -= half;
    }
    size_t at = static_cast<size_t>(base - column.keys.data()) + (*base < wanted ? 1 : 0);
    const bool on_bound = at < column.keys.size() && column.keys[at] == wanted;
    if (on_bound && !key.exact) return static_cast<int64_t>(2 * (at + 1));
    return static_cast<int64_t>(2 * at) + (on_bound ? 1 : 0);
  }
  size_t low = 0;
  size_t high = column.bounds.size();
  while (low < high) {
    const size_t middle = (low + high) / 2;
    const auto order = feel::Order(column.bounds[middle], input);
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

void TableIndex::Gather(const Column& column, const Value& input, bool* asked,
                        Sources* sources) const {
  const auto add = [&](uint32_t set) {
    if (set == kNoSet) return;
    sources->sets[sources->size++] = set;
    sources->total += sets_[set].count;
  };
  const Kind kind = input.kind();
  if (kind == Kind::kNull && !column.asks_scalars) {
    add(column.null_set);
    add(column.always);
    return;
  }
  if (!IsScalar(kind) || (column.asks_scalars && kind != Kind::kBoolean)) {  // null is no scalar
    *asked = true;
    sources->all = true;
    return;
  }
  bool found_merged = false;
  if (kind == column.ordered_kind) {
    const int64_t position = PositionOf(column, input);
    if (position >= 0 && !column.position_sets.empty()) {
      add(column.position_sets[static_cast<size_t>(position)]);
      found_merged = column.merged;
    } else if (position >= 0 && !column.tree.empty()) {
      for (size_t node = column.tree_leaves + static_cast<size_t>(position); node >= 1; node /= 2) {
        add(column.tree[node]);
      }
    }
  } else if (IsHashed(kind)) {
    const uint32_t set = FindHash(column, input);
    add(set);
    found_merged = column.merged && set != kNoSet;
  }
  if (!found_merged) add(column.always);
}

bool TableIndex::Contains(const Set& set, uint32_t row) const {
  if (set.is_dense) return (words_[set.offset + row / 64] >> row % 64 & 1) != 0;
  const auto rows = Rows(set);
  return std::binary_search(rows.begin(), rows.end(), row);
}

RowSet TableIndex::Drive(std::span<const Sources> sources, size_t best, Arena& arena) const {
  const std::span<uint32_t> candidates = arena.NewArray<uint32_t>(sources[best].total);
  size_t count = 0;
  for (uint32_t s = 0; s < sources[best].size; ++s) {
    const Set& set = sets_[sources[best].sets[s]];
    const RowSet rows = set.is_dense ? RowSet::Bits(Words(set)) : RowSet::List(Rows(set));
    rows.ForEach([&](uint32_t row) {
      const bool in_all = std::all_of(sources.begin(), sources.end(), [&](const Sources& other) {
        if (other.all || &other == &sources[best]) return true;
        for (uint32_t i = 0; i < other.size; ++i) {
          if (Contains(sets_[other.sets[i]], row)) return true;
        }
        return false;
      });
      if (in_all) candidates[count++] = row;
      return true;
    });
  }
  const std::span<uint32_t> found = candidates.first(count);
  if (sources[best].size > 1) {
    std::sort(found.begin(), found.end());
    count = static_cast<size_t>(std::unique(found.begin(), found.end()) - found.begin());
  }
  return RowSet::List(found.first(count));
}

void TableIndex::UniteInto(const Sources& sources, std::span<uint64_t> words) const {
  bool first = true;
  for (uint32_t s = 0; s < sources.size; ++s) {
    const Set& set = sets_[sources.sets[s]];
    if (set.is_dense) {
      const auto from = Words(set);
      if (first) {
        std::copy(from.begin(), from.end(), words.begin());
      } else {
        for (size_t w = 0; w < words.size(); ++w) words[w] |= from[w];
      }
    } else {
      if (first) std::fill(words.begin(), words.end(), 0);
      for (const uint32_t row : Rows(set)) words[row / 64] |= uint64_t{1} << row % 64;
    }
    first = false;
  }
  if (first) std::fill(words.begin(), words.end(), 0);
}

RowSet TableIndex::Intersect(std::span<const Sources> sources, size_t best, Arena& arena) const {
  const std::span<uint64_t> result = arena.NewArray<uint64_t>(word_count_);
  std::span<uint64_t> scratch;
  UniteInto(sources[best], result);
  for (size_t c = 0; c < sources.size(); ++c) {
    const Sources& other = sources[c];
    if (c == best || other.all) continue;
    if (other.size == 1 && sets_[other.sets[0]].is_dense) {
      const uint64_t* from = words_.data() + sets_[other.sets[0]].offset;
      uint64_t* into = result.data();
      for (size_t w = 0; w < word_count_; ++w) into[w] &= from[w];
      continue;
    }
    if (scratch.empty()) scratch = arena.NewArray<uint64_t>(word_count_);
    UniteInto(other, scratch);
    for (size_t w = 0; w < word_count_; ++w) result[w] &= scratch[w];
  }
  return RowSet::Bits(result);
}

RowSet TableIndex::Find(std::span<const Value> inputs, std::span<bool> asked, Arena& arena) const {
  const std::span<Sources> sources(
      static_cast<Sources*>(arena.Allocate(sizeof(Sources) * columns_.size(), alignof(Sources))),
      columns_.size());
  size_t best = columns_.size();
  for (size_t c = 0; c < columns_.size(); ++c) {
    asked[c] = false;
    sources[c].size = 0;
    sources[c].total = 0;
    sources[c].all = false;
    Gather(columns_[c], inputs[c], &asked[c], &sources[c]);
    if (sources[c].all) continue;
    if (sources[c].total == 0) return {};
    if (best == columns_.size() || sources[c].total < sources[best].total) best = c;
  }
  if (best == columns_.size()) {  // nothing restricts the rows
    const std::span<uint32_t> all = arena.NewArray<uint32_t>(rows_);
    for (size_t row = 0; row < rows_; ++row) all[row] = static_cast<uint32_t>(row);
    return RowSet::List(all);
  }
  // Checking a row costs about as much as a handful of words.
  const uint64_t drive_max = std::max<uint64_t>(16, word_count_ / 4);
  if (sources[best].total <= drive_max && word_count_ > 1) return Drive(sources, best, arena);
  return Intersect(sources, best, arena);
}

}  // namespace credence::dmn
