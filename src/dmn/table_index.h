#pragma once
// TableIndex: which rows of a decision table can match, without looking at each of them.
//
// A column maps an input value to a set of rows: strings and booleans by hash, numbers, dates,
// times and durations by binary search among the bounds of the column's intervals. The sets of all
// columns are intersected. A set is a sorted list of rows or a bitset, whichever is smaller; where
// the intervals of a column would need too many sets, they are kept in a segment tree and the sets
// along one path are united. Rows whose cell the index cannot judge are in every set of their
// column and are left to the caller ("general" cells).
//
// For 50,000 rows the index takes at most kIndexBytesMax. Immutable after Build; safe to share.

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "src/base/arena.h"
#include "src/feel/expression.h"
#include "src/feel/value.h"

namespace credence::dmn {

inline constexpr size_t kIndexBytesMax = size_t{64} << 20;
inline constexpr size_t kTableColumnsMax = 256;

// Rows in ascending order: a list, or a bitset with one bit a row. Lives in the arena that Find()
// was given or in the index.
class RowSet {
 public:
  RowSet() = default;
  static RowSet List(std::span<const uint32_t> rows) {
    RowSet set;
    set.rows_ = rows;
    return set;
  }
  static RowSet Bits(std::span<const uint64_t> words) {
    RowSet set;
    set.words_ = words;
    return set;
  }
  // Calls `visit(row)` in ascending order until it returns false.
  template <class Visit>
  void ForEach(Visit visit) const {
    for (const uint32_t row : rows_) {
      if (!visit(row)) return;
    }
    for (size_t w = 0; w < words_.size(); ++w) {
      for (uint64_t word = words_[w]; word != 0; word &= word - 1) {
        const auto bit = static_cast<uint32_t>(__builtin_ctzll(word));
        if (!visit(static_cast<uint32_t>(w * 64) + bit)) return;
      }
    }
  }

 private:
  std::span<const uint32_t> rows_;
  std::span<const uint64_t> words_;
};

class TableIndex {
 public:
  using ShapeOf = std::function<const feel::UnaryTestShape&(size_t row, size_t column)>;

  TableIndex() = default;
  // The shapes are not needed any more once this returns, but the memory of their constants is.
  static TableIndex Build(size_t rows, size_t columns, const ShapeOf& shape_of);

  // Every row that matches is among the result; a row of the result matches unless one of its
  // general cells, or one of its cells in a column with asked[column], does not. `inputs` and
  // `asked` have one item per column.
  [[nodiscard]] RowSet Find(std::span<const feel::Value> inputs, std::span<bool> asked,
                            Arena& arena) const;

  // Columns of the row's general cells.
  [[nodiscard]] std::span<const uint16_t> GeneralCells(uint32_t row) const {
    if (general_starts_.empty()) return {};
    return std::span(general_cells_)
        .subspan(general_starts_[row], general_starts_[row + 1] - general_starts_[row]);
  }
  [[nodiscard]] size_t bytes() const;

 private:
  friend class TableIndexBuilder;
  static constexpr uint32_t kNoSet = 0;  // sets_[0] is empty
  static constexpr size_t kSourcesMax = 40;

  struct Set {
    uint64_t offset = 0;  // into lists_ or words_
    uint32_t count = 0;
    bool is_dense = false;
  };
  struct HashSlot {
    feel::Value key;  // null kind = free
    uint64_t hash = 0;
    uint32_t set = kNoSet;
  };
  struct Column {
    uint32_t always = kNoSet;     // rows with "-" or a general cell
    uint32_t null_set = kNoSet;   // rows that name null as one of their constants
    bool asks_scalars = false;    // boolean constants: inputs of other kinds must be evaluated
    bool merged = false;          // the sets below contain `always`
    std::vector<HashSlot> slots;  // open addressing, size a power of two
    feel::Kind ordered_kind = feel::Kind::kNull;  // null = no ordered part
    int scale = -1;                               // of keys, for numbers
    std::vector<int64_t> keys;            // fast form of the bounds; empty where there is none
    std::vector<feel::Value> bounds;      // ascending
    std::vector<uint32_t> position_sets;  // by position; empty where the tree is used
    std::vector<uint32_t> tree;           // implicit binary tree of sets; leaves are positions
    size_t tree_leaves = 0;
  };
  struct Sources {
    uint32_t sets[kSourcesMax];
    uint32_t size = 0;
    uint64_t total = 0;
    bool all = false;
  };

  void Gather(const Column& column, const feel::Value& input, bool* asked, Sources* sources) const;
  [[nodiscard]] uint32_t FindHash(const Column& column, const feel::Value& input) const;
  // 2i + 1 on bound i, 2i between bounds i - 1 and i, -1 where not comparable.
  [[nodiscard]] static int64_t PositionOf(const Column& column, const feel::Value& input);
  [[nodiscard]] bool Contains(const Set& set, uint32_t row) const;
  [[nodiscard]] RowSet Drive(std::span<const Sources> sources, size_t best, Arena& arena) const;
  [[nodiscard]] RowSet Intersect(std::span<const Sources> sources, size_t best, Arena& arena) const;
  void UniteInto(const Sources& sources, std::span<uint64_t> words) const;
  [[nodiscard]] std::span<const uint64_t> Words(const Set& set) const {
    return std::span(words_).subspan(set.offset, word_count_);
  }
  [[nodiscard]] std::span<const uint32_t> Rows(const Set& set) const {
    return std::span(lists_).subspan(set.offset, set.count);
  }

  size_t rows_ = 0;
  size_t word_count_ = 0;
  std::vector<Column> columns_;
  std::vector<Set> sets_;
  std::vector<uint32_t> lists_;
  std::vector<uint64_t> words_;
  std::vector<uint32_t> general_starts_;
  std::vector<uint16_t> general_cells_;
};

// The position of a value on a line of whole numbers: key = floor(value x 10^scale) and whether
// that is exact. Nothing where the value has no such key. For numbers, dates, and durations.
struct OrderKey {
  int64_t key = 0;
  bool exact = true;
};
[[nodiscard]] bool MakeOrderKey(const feel::Value& value, int scale, OrderKey* key);

}  // namespace credence::dmn
