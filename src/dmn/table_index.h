#pragma once
// TableIndex: which rows of a decision table can match, without looking at each of them.
//
// A column maps an input value to a set of rows: strings and booleans by hash, numbers, dates,
// times and durations by binary search among the bounds of the column's intervals. Rows match where
// the sets of all columns meet. Memory is bounded in two ways: a set is a sorted list or a bitset,
// whichever is smaller; and where intervals overlap so much that a set for each step between bounds
// would be too much, only every so-many-th set is kept (a checkpoint), with the rows that come or
// go at each step, which are applied to a copy of the nearest checkpoint. Rows whose cell the index
// cannot judge are in every set of their column and are left to the caller ("general" cells); so
// are whole columns once kIndexBytesMax is reached.
//
// Immutable after Build; safe to share.

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

// Rows in ascending order: a list, or where bitsets meet. Lives in the arena that Find() was given
// and in the index.
class RowSet {
 public:
  RowSet() = default;
  explicit RowSet(std::span<const uint32_t> rows) : rows_(rows) {}
  // `bitsets`: at least one, each of `words` words.
  RowSet(std::span<const uint64_t* const> bitsets, size_t words)
      : bitsets_(bitsets), words_(words) {}

  // Calls `visit(row)` in ascending order until it returns false.
  template <class Visit>
  void ForEach(Visit visit) const {
    for (const uint32_t row : rows_) {
      if (!visit(row)) return;
    }
    for (size_t begin = 0; begin < words_; begin += kBlockWords) {
      uint64_t block[kBlockWords];
      const size_t size = words_ - begin < kBlockWords ? words_ - begin : kBlockWords;
      if (!Meet(begin, size, block)) continue;
      for (size_t w = 0; w < size; ++w) {
        for (uint64_t word = block[w]; word != 0; word &= word - 1) {
          const auto bit = static_cast<uint32_t>(__builtin_ctzll(word));
          if (!visit(static_cast<uint32_t>((begin + w) * 64) + bit)) return;
        }
      }
    }
  }

 private:
  static constexpr size_t kBlockWords = 16;
  // The intersection of some words of all bitsets; false where it is empty.
  bool Meet(size_t begin, size_t size, uint64_t* block) const;

  std::span<const uint32_t> rows_;
  std::span<const uint64_t* const> bitsets_;
  size_t words_ = 0;
};

struct IndexOptions {
  // Sets and checkpoints of one column: what stays in the processor's cache is worth more than few
  // toggles.
  size_t column_bytes_max = size_t{2} << 20;
  // All columns together; what does not fit is left to the caller.
  size_t bytes_max = kIndexBytesMax;
};

class TableIndex {
 public:
  using ShapeOf = std::function<const feel::UnaryTestShape&(size_t row, size_t column)>;

  TableIndex() = default;
  // The shapes are not needed any more once this returns, but the memory of their constants is.
  static TableIndex Build(size_t rows, size_t columns, const ShapeOf& shape_of,
                          const IndexOptions& options = {});

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
  static constexpr uint32_t kNoClass = UINT32_MAX;

  struct Set {
    uint64_t offset = 0;  // into lists_ or words_
    uint32_t count = 0;
    bool is_dense = false;
  };
  struct HashSlot {
    uint32_t hash = 0;
    uint32_t key = kNoClass;  // of hash_keys
  };
  struct Checkpoint {
    uint32_t position = 0;
    uint32_t set = kNoSet;
  };
  struct Column {
    uint32_t always = kNoSet;     // rows with "-" or a general cell
    uint32_t null_set = kNoSet;   // rows that name null as one of their constants
    bool asks_scalars = false;    // boolean constants: inputs of other kinds must be evaluated
    bool merged = false;          // the sets of hash_sets and position_sets contain `always`
    std::vector<HashSlot> slots;  // open addressing, size a power of two
    std::vector<feel::Value> hash_keys;
    std::vector<uint32_t> hash_sets;
    // The ordered part. Position 2i + 1 is on bound i, 2i between bounds i - 1 and i.
    feel::Kind ordered_kind = feel::Kind::kNull;  // null = none
    int scale = 0;                                // of keys, for numbers
    std::vector<int64_t> keys;                    // the bounds in fast form, or
    std::vector<feel::Value> bounds;              // as they are
    std::vector<uint32_t> position_sets;          // by position; or
    std::vector<Checkpoint> checkpoints;  // ascending; their sets are dense and hold `always`
    std::vector<uint32_t> toggle_starts;  // by position, one more than there are
    std::vector<uint32_t> toggles;        // rows that come or go at a position
    [[nodiscard]] size_t bound_count() const { return keys.empty() ? bounds.size() : keys.size(); }
    [[nodiscard]] feel::Value BoundAt(size_t i) const;
  };
  // The rows of one column for one input: the union of some sets, or a checkpoint and its toggles.
  struct Found {
    uint32_t sets[3];
    uint32_t size = 0;
    uint32_t toggles_begin = 0;
    uint32_t toggles_end = 0;
    uint64_t total = 0;  // about so many rows
    bool all = false;
  };

  void Look(const Column& column, const feel::Value& input, bool* asked, Found* found) const;
  void LookAtPosition(const Column& column, size_t position, Found* found) const;
  [[nodiscard]] static uint32_t FindHash(const Column& column, const feel::Value& input);
  // -1 where the value does not compare with the bounds.
  [[nodiscard]] static int64_t PositionOf(const Column& column, const feel::Value& input);
  [[nodiscard]] bool IsEverything(const Found& found) const;
  [[nodiscard]] bool Contains(const Set& set, uint32_t row) const;
  [[nodiscard]] RowSet Drive(std::span<const Found> found, size_t best, Arena& arena) const;
  [[nodiscard]] RowSet Intersect(std::span<const Found> found, size_t best, Arena& arena) const;
  [[nodiscard]] RowSet FindInWord(std::span<const feel::Value> inputs, std::span<bool> asked,
                                  Arena& arena) const;
  // The rows as a bitset: in the index where they stand there so, else in the arena.
  [[nodiscard]] const uint64_t* Materialise(const Column& column, const Found& found,
                                            Arena& arena) const;
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

// The place of a value on a line of whole numbers: key = floor(value x 10^scale) and whether that
// is exact. False where the value has no such key. For numbers, dates and durations.
struct OrderKey {
  int64_t key = 0;
  bool exact = true;
};
[[nodiscard]] bool MakeOrderKey(const feel::Value& value, int scale, OrderKey* key);

}  // namespace credence::dmn
