#pragma once
// RowLog: the events of one (entity, event type) in order of (time, sequence), in chunks of at most
// Tuning::chunk_rows, or of as many as one was kept with. All chunks but the newest carry a summary
// of each series. Chunks are shared between copies of a log until one of them changes it.
//
// Most logs have few rows and are looked at when nothing of them is in a cache. So the log itself
// is small and points at its newest chunk, a chunk and its rows are one block, and what only larger
// logs have (older chunks, rows that were taken back) is apart.
//
// A row is an array of 64-bit words:
//   time | sequence | series bits (mask_words) | cells (columns)
// A row that was taken back keeps its place with no series bit; Reversal remembers its bits.

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "src/base/int128.h"
#include "src/base/strong_id.h"
#include "src/feature/dictionary.h"
#include "src/feature/plan.h"
#include "src/feature/wide.h"

namespace credence::feature {

inline int64_t RowTime(const uint64_t* row) { return static_cast<int64_t>(row[0]); }
inline uint64_t RowSeq(const uint64_t* row) { return row[1]; }
inline bool RowHas(const uint64_t* row, uint32_t series) {
  return ((row[2 + series / 64] >> (series % 64)) & 1) != 0;
}

// Orders the cells of one column.
class CellOrder {
 public:
  CellOrder(const Column& column, const Dictionary& texts)
      : texts_(column.is_text() ? &texts : nullptr) {}
  [[nodiscard]] bool Less(int64_t a, int64_t b) const {
    if (texts_ == nullptr) return a < b;
    return texts_->Text(static_cast<uint32_t>(a)) < texts_->Text(static_cast<uint32_t>(b));
  }

 private:
  const Dictionary* texts_;
};

// Count and exact sums, which can be taken back.
struct Tally {
  Int128 sum = 0;
  UInt192 squares;
  int64_t count = 0;

  void Add(int64_t cell, const Needs& needs) {
    ++count;
    if (needs.sum) sum += cell;
    if (needs.squares) squares += UInt192::Square(cell);
  }
  void Remove(int64_t cell, const Needs& needs) {
    --count;
    if (needs.sum) sum -= cell;
    if (needs.squares) squares -= UInt192::Square(cell);
  }
  Tally& operator+=(const Tally& other) {
    count += other.count;
    sum += other.sum;
    squares += other.squares;
    return *this;
  }
  Tally& operator-=(const Tally& other) {
    count -= other.count;
    sum -= other.sum;
    squares -= other.squares;
    return *this;
  }
};

// One series within one chunk.
struct SeriesSummary {
  Tally tally;
  int64_t min = 0;  // cells; meaningless where tally.count is 0
  int64_t max = 0;
  uint32_t first = 0;  // rows within the chunk
  uint32_t last = 0;
};

// The head of a block of memory; the rows follow. Its owners (ChunkPtr) share it: who wants to
// change it must be the only one.
struct Chunk {
  std::atomic<uint32_t> owners{0};
  uint32_t rows = 0;
  uint32_t room = 0;    // rows that the block has room for
  uint32_t series = 0;  // in the summary
  uint64_t seq_min = UINT64_MAX;
  uint64_t seq_max = 0;
  // The number under which the owner keeps the chunk as it is; 0: it does not. Never of the newest.
  uint64_t kept = 0;
  std::unique_ptr<SeriesSummary[]> summary;  // by series; none in the newest chunk

  [[nodiscard]] uint64_t* words() { return reinterpret_cast<uint64_t*>(this + 1); }
  [[nodiscard]] const uint64_t* words() const {
    return reinterpret_cast<const uint64_t*>(this + 1);
  }
};
static_assert(sizeof(Chunk) == 48 && alignof(Chunk) <= 8);

class ChunkPtr {
 public:
  ChunkPtr() = default;
  // Without rows, with room for so many of `width` words.
  ChunkPtr(uint32_t room, uint32_t width);
  ChunkPtr(const ChunkPtr& other) : chunk_(other.chunk_) {
    if (chunk_ != nullptr) chunk_->owners.fetch_add(1, std::memory_order_relaxed);
  }
  ChunkPtr(ChunkPtr&& other) noexcept : chunk_(std::exchange(other.chunk_, nullptr)) {}
  ChunkPtr& operator=(ChunkPtr other) noexcept {
    std::swap(chunk_, other.chunk_);
    return *this;
  }
  ~ChunkPtr() {
    if (chunk_ != nullptr) Release();
  }
  explicit operator bool() const { return chunk_ != nullptr; }
  Chunk& operator*() const { return *chunk_; }
  Chunk* operator->() const { return chunk_; }
  [[nodiscard]] const Chunk* get() const { return chunk_; }
  [[nodiscard]] bool shared() const { return chunk_->owners.load(std::memory_order_acquire) > 1; }

 private:
  void Release();
  Chunk* chunk_ = nullptr;
};

// A row's place. Chunk numbers go on when old chunks are dropped; inserting between rows moves
// those behind.
struct Position {
  uint64_t chunk = 0;
  uint32_t row = 0;
  friend auto operator<=>(const Position&, const Position&) = default;
};

struct Reversal {
  uint64_t seq = 0;       // of the row
  uint64_t reversal = 0;  // from this sequence on
  int64_t time = 0;       // of the row
  std::vector<uint64_t> mask;
};

class RowLog {
 public:
  RowLog(const LogPlan& plan, const Tuning& tuning)
      : chunk_rows_(static_cast<uint16_t>(tuning.chunk_rows)),
        mask_words_(static_cast<uint16_t>(plan.mask_words)),
        width_(static_cast<uint16_t>(2 + plan.mask_words + plan.columns.size())) {}
  RowLog(const RowLog& other)
      : newest_(other.newest_),
        rest_(other.rest_ == nullptr ? nullptr : std::make_unique<Rest>(*other.rest_)),
        rows_(other.rows_),
        chunk_rows_(other.chunk_rows_),
        mask_words_(other.mask_words_),
        width_(other.width_) {}
  RowLog(RowLog&&) noexcept = default;
  RowLog& operator=(const RowLog&) = delete;
  RowLog& operator=(RowLog&&) = delete;
  ~RowLog() = default;

  [[nodiscard]] bool empty() const { return rows_ == 0; }
  [[nodiscard]] size_t rows() const { return rows_; }
  [[nodiscard]] uint32_t width() const { return width_; }
  [[nodiscard]] const uint64_t* Row(Position at) const {
    return ChunkAt(at.chunk).words() + size_t{at.row} * width_;
  }
  [[nodiscard]] int64_t Cell(const uint64_t* row, uint32_t column) const {
    return static_cast<int64_t>(row[2 + mask_words_ + column]);
  }
  [[nodiscard]] std::span<const uint64_t> Mask(const uint64_t* row) const {
    return {row + 2, mask_words_};
  }
  [[nodiscard]] const Chunk& ChunkAt(uint64_t number) const {
    if (rest_ == nullptr) return *newest_;
    const size_t index = number - rest_->first_chunk;
    return index == rest_->full.size() ? *newest_ : *rest_->full[index];
  }
  [[nodiscard]] uint64_t first_chunk() const { return rest_ == nullptr ? 0 : rest_->first_chunk; }
  [[nodiscard]] uint64_t end_chunk() const { return first_chunk() + chunks(); }

  [[nodiscard]] Position Begin() const { return {first_chunk(), 0}; }
  // One behind the last row: {last chunk, its rows}, or Begin() of an empty log.
  [[nodiscard]] Position End() const {
    return empty() ? Begin() : Position{end_chunk() - 1, newest_->rows};
  }
  // The same place, written as a row that exists wherever there is one (the end of a chunk is the
  // beginning of the next).
  [[nodiscard]] Position Settled(Position at) const {
    if (at.chunk + 1 < end_chunk() && at.row == ChunkAt(at.chunk).rows) return {at.chunk + 1, 0};
    return at;
  }
  [[nodiscard]] bool AtEnd(Position at) const {
    return at.chunk + 1 >= end_chunk() && (empty() || at.row == newest_->rows);
  }

  // The first row with a later time.
  [[nodiscard]] Position After(int64_t time) const;
  // The first row with a later (time, sequence).
  [[nodiscard]] Position After(int64_t time, uint64_t seq) const;
  [[nodiscard]] std::optional<Position> FindSeq(uint64_t seq) const;
  // The last row before `before` with a time after `bound` that the series, of that column, has;
  // with this cell, if one is given. Null if there is none.
  [[nodiscard]] const uint64_t* LastWith(uint32_t series, uint32_t column, Position before,
                                         int64_t bound, const int64_t* cell = nullptr) const;

  // Puts a row in its place; `seq` is greater than that of any row. True if it became the last row:
  // then no position moved. Cells are final (text acquired).
  bool Insert(const LogPlan& plan, const Dictionary& texts, int64_t time, uint64_t seq,
              std::span<const uint64_t> mask, std::span<const int64_t> cells);
  // The same where the row stands behind all that are here.
  void Append(const LogPlan& plan, const Dictionary& texts, int64_t time, uint64_t seq,
              std::span<const uint64_t> mask, std::span<const int64_t> cells);
  // A chunk of so many rows, which are appended next; more than Tuning::chunk_rows if it was kept
  // under another tuning. The one before, if there is any, was ended.
  void BeginKeptChunk(uint32_t rows);
  // Ends the newest chunk, which has rows: it is kept under `number`. A row has to follow.
  void EndKeptChunk(const LogPlan& plan, const Dictionary& texts, uint64_t number);
  // Takes the row's series bits away. Positions stay.
  void Reverse(const LogPlan& plan, const Dictionary& texts, Position at, uint64_t reversal);
  // In order of the reversal.
  [[nodiscard]] std::span<const Reversal> reversals() const {
    return rest_ == nullptr ? std::span<const Reversal>() : rest_->reversals;
  }
  // Of a row; null if it was not taken back.
  [[nodiscard]] const Reversal* ReversalOf(const uint64_t* row) const;

  // Frees whole chunks (never the newest) whose rows all have time <= `through`, and gives their
  // texts back. Positions in them become invalid.
  void DropThrough(const LogPlan& plan, int64_t through, Dictionary* texts);

  // Full chunks that are not kept as they are.
  [[nodiscard]] size_t unkept() const { return rest_ == nullptr ? 0 : rest_->unkept; }
  // Calls keep(chunk) with each of them; what it returns is the number of the chunk.
  template <class Keep>
  void KeepChunks(Keep keep) {
    if (rest_ == nullptr) return;
    // Most were full last.
    for (size_t index = rest_->full.size(); rest_->unkept > 0 && index > 0; --index) {
      Chunk& chunk = *rest_->full[index - 1];
      if (chunk.kept != 0) continue;
      chunk.kept = keep(std::as_const(chunk));
      --rest_->unkept;
    }
    rest_->unkept = 0;
  }
  [[nodiscard]] bool has_gone() const { return rest_ != nullptr && !rest_->gone.empty(); }
  // Numbers of chunks that were kept and are no more what they were, since the last call.
  std::vector<uint64_t> TakeGone() {
    if (rest_ == nullptr) return {};
    return std::exchange(rest_->gone, {});
  }

  // See EntityState::Warm: the newest chunk with its first rows, then its last rows.
  void Warm(int level) const;
  // Asks the memory for what leads to a row, then for the row.
  void WarmPlace(Position at) const;
  void WarmRow(Position at) const;
  [[nodiscard]] size_t bytes() const;

 private:
  struct Rest {
    std::vector<ChunkPtr> full;  // all but the newest
    std::vector<Reversal> reversals;
    uint64_t first_chunk = 0;
    // No chunk goes through an earlier time: that of the first one's last row, where it is known.
    int64_t goes_through = INT64_MIN;
    size_t unkept = 0;
    std::vector<uint64_t> gone;
  };

  [[nodiscard]] size_t chunks() const {
    if (empty()) return 0;
    return rest_ == nullptr ? 1 : rest_->full.size() + 1;
  }
  [[nodiscard]] ChunkPtr& PtrAt(size_t index) {
    return rest_ == nullptr || index == rest_->full.size() ? newest_ : rest_->full[index];
  }
  Rest& MakeRest();
  // The chunk, owned by this log alone and with room for so many rows more, not kept any more.
  Chunk& Writable(size_t index, uint32_t more = 0);
  template <class Later>
  [[nodiscard]] Position FirstLater(const Later& later) const;
  // Room for one more row at the end. The index of its chunk.
  size_t NewestWithRoom(const LogPlan& plan, const Dictionary& texts);
  void InsertInto(size_t index, uint32_t row, int64_t time, uint64_t seq,
                  std::span<const uint64_t> mask, std::span<const int64_t> cells);
  void Split(const LogPlan& plan, const Dictionary& texts, size_t index);
  void Summarise(const LogPlan& plan, const Dictionary& texts, Chunk* chunk) const;

  ChunkPtr newest_;
  std::unique_ptr<Rest> rest_;  // null: what most logs do not have
  size_t rows_ = 0;
  uint16_t chunk_rows_;
  uint16_t mask_words_;
  uint16_t width_;
};

}  // namespace credence::feature
