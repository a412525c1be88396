#include "src/feature/row_log.h"

#include <algorithm>
#include <new>

#include "src/base/assert.h"
#include "src/base/prefetch.h"

namespace credence::feature {
namespace {

constexpr uint32_t kRoomMin = 1;
// A walk over a small log touches this much at once.
constexpr size_t kWarmBytes = 384;

// The first row of [0, rows) for which `later` holds; it holds for all behind.
template <class Later>
uint32_t FirstRow(const Chunk& chunk, uint32_t width, const Later& later) {
  uint32_t low = 0;
  uint32_t high = chunk.rows;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (later(chunk.words() + size_t{middle} * width)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

const uint64_t* LastRow(const Chunk& chunk, uint32_t width) {
  return chunk.words() + size_t{chunk.rows - 1} * width;
}

}  // namespace

ChunkPtr::ChunkPtr(uint32_t room, uint32_t width) {
  const size_t bytes = sizeof(Chunk) + size_t{room} * width * sizeof(uint64_t);
  chunk_ = new (::operator new(bytes)) Chunk();
  chunk_->owners.store(1, std::memory_order_relaxed);
  chunk_->room = room;
}

void ChunkPtr::Release() {
  // What the others read was read before the last one frees it.
  if (chunk_->owners.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
  chunk_->~Chunk();
  ::operator delete(chunk_);
}

template <class Later>
Position RowLog::FirstLater(const Later& later) const {
  if (empty()) return Begin();
  // The first chunk whose last row is later holds the place. Most searches are for the newest rows,
  // so it is searched for from the end, in steps that double.
  size_t index = chunks() - 1;
  if (index > 0) {
    const std::vector<ChunkPtr>& full = rest_->full;
    const auto ends_before = [&](const ChunkPtr& chunk) { return !later(LastRow(*chunk, width_)); };
    size_t low = 0;  // chunks before end before the place, those from `index` on do not
    for (size_t step = 1; index > 0; step *= 2) {
      const size_t probe = index - std::min(index, step);
      if (ends_before(full[probe])) {
        low = probe + 1;
        break;
      }
      index = probe;
    }
    const auto begin = full.begin();
    index = static_cast<size_t>(std::partition_point(begin + static_cast<ptrdiff_t>(low),
                                                     begin + static_cast<ptrdiff_t>(index),
                                                     ends_before) -
                                begin);
  }
  const uint64_t number = first_chunk() + index;
  return {number, FirstRow(ChunkAt(number), width_, later)};
}

Position RowLog::After(int64_t time) const {
  // Most searches are for what is behind the newest row.
  if (!empty() && RowTime(LastRow(*newest_, width_)) <= time) return End();
  return FirstLater([time](const uint64_t* row) { return RowTime(row) > time; });
}

Position RowLog::After(int64_t time, uint64_t seq) const {
  if (!empty()) {
    const uint64_t* const last = LastRow(*newest_, width_);
    if (RowTime(last) < time || (RowTime(last) == time && RowSeq(last) <= seq)) return End();
  }
  return FirstLater([time, seq](const uint64_t* row) {
    return RowTime(row) > time || (RowTime(row) == time && RowSeq(row) > seq);
  });
}

std::optional<Position> RowLog::FindSeq(uint64_t seq) const {
  for (uint64_t number = end_chunk(); number-- > first_chunk();) {
    const Chunk& chunk = ChunkAt(number);
    if (seq < chunk.seq_min || seq > chunk.seq_max) continue;
    for (uint32_t row = chunk.rows; row-- > 0;) {
      const Position at{number, row};
      if (RowSeq(Row(at)) == seq) return at;
    }
  }
  return std::nullopt;
}

const uint64_t* RowLog::LastWith(uint32_t series, uint32_t column, Position before, int64_t bound,
                                 const int64_t* cell) const {
  Position at = before;
  for (;;) {
    if (at.row == 0) {
      if (at.chunk == first_chunk()) return nullptr;
      --at.chunk;
      const Chunk& chunk = ChunkAt(at.chunk);
      const bool none = chunk.summary != nullptr && chunk.summary[series].tally.count == 0;
      at.row = none ? 0 : chunk.rows;
      continue;
    }
    --at.row;
    const uint64_t* row = Row(at);
    if (RowTime(row) <= bound) return nullptr;
    if (!RowHas(row, series)) continue;
    if (cell == nullptr || (column == kNoColumn ? 0 : Cell(row, column)) == *cell) return row;
  }
}

const Reversal* RowLog::ReversalOf(const uint64_t* row) const {
  // A row that counts has a series bit.
  for (uint64_t word : Mask(row)) {
    if (word != 0) return nullptr;
  }
  for (const Reversal& reversal : reversals()) {
    if (reversal.seq == RowSeq(row)) return &reversal;
  }
  return nullptr;
}

RowLog::Rest& RowLog::MakeRest() {
  if (rest_ == nullptr) rest_ = std::make_unique<Rest>();
  return *rest_;
}

Chunk& RowLog::Writable(size_t index, uint32_t more) {
  ChunkPtr& ptr = PtrAt(index);
  if (ptr->kept != 0) {
    MakeRest().gone.push_back(ptr->kept);
    ++rest_->unkept;
  }
  if (ptr->rows + more > ptr->room || ptr.shared()) {
    const Chunk& old = *ptr;
    uint32_t room = old.room;
    if (old.rows + more > room) {
      room = std::max(old.rows + more, std::min<uint32_t>(2 * room, chunk_rows_));
    }
    ChunkPtr copy(room, width_);
    copy->rows = old.rows;
    copy->seq_min = old.seq_min;
    copy->seq_max = old.seq_max;
    std::copy_n(old.words(), size_t{old.rows} * width_, copy->words());
    if (old.summary != nullptr) {
      copy->series = old.series;
      copy->summary = std::make_unique<SeriesSummary[]>(old.series);
      std::copy_n(old.summary.get(), old.series, copy->summary.get());
    }
    ptr = std::move(copy);
  }
  ptr->kept = 0;
  return *ptr;
}

void RowLog::InsertInto(size_t index, uint32_t row, int64_t time, uint64_t seq,
                        std::span<const uint64_t> mask, std::span<const int64_t> cells) {
  Chunk& chunk = Writable(index, 1);
  uint64_t* words = chunk.words() + size_t{row} * width_;
  std::copy_backward(words, words + size_t{chunk.rows - row} * width_,
                     words + size_t{chunk.rows - row + 1} * width_);
  words[0] = static_cast<uint64_t>(time);
  words[1] = seq;
  words = std::copy(mask.begin(), mask.end(), words + 2);
  for (const int64_t cell : cells) *words++ = static_cast<uint64_t>(cell);
  ++chunk.rows;
  chunk.seq_min = std::min(chunk.seq_min, seq);
  chunk.seq_max = std::max(chunk.seq_max, seq);
  ++rows_;
}

bool RowLog::Insert(const LogPlan& plan, const Dictionary& texts, int64_t time, uint64_t seq,
                    std::span<const uint64_t> mask, std::span<const int64_t> cells) {
  CREDENCE_ASSERT(mask.size() == mask_words_ && 2 + mask_words_ + cells.size() == width_);
  // No row has a later sequence.
  if (empty() || RowTime(LastRow(*newest_, width_)) <= time) {
    Append(plan, texts, time, seq, mask, cells);
    return true;
  }
  Position at = After(time, seq);
  if (ChunkAt(at.chunk).rows >= chunk_rows_) {
    Split(plan, texts, at.chunk - first_chunk());
    at = After(time, seq);
  }
  const size_t index = at.chunk - first_chunk();
  InsertInto(index, at.row, time, seq, mask, cells);
  if (index + 1 < chunks()) Summarise(plan, texts, &Writable(index));
  return false;
}

void RowLog::Append(const LogPlan& plan, const Dictionary& texts, int64_t time, uint64_t seq,
                    std::span<const uint64_t> mask, std::span<const int64_t> cells) {
  const size_t index = NewestWithRoom(plan, texts);
  InsertInto(index, newest_->rows, time, seq, mask, cells);
}

size_t RowLog::NewestWithRoom(const LogPlan& plan, const Dictionary& texts) {
  if (!newest_) {
    // A first chunk grows with its entity, most of which stay small; later ones are made whole.
    newest_ = ChunkPtr(kRoomMin, width_);
    return 0;
  }
  const size_t last = rest_ == nullptr ? 0 : rest_->full.size();
  const bool ended = newest_->kept != 0;
  // More room than that has one that was kept under another tuning.
  if (!ended && newest_->rows < std::max<uint32_t>(chunk_rows_, newest_->room)) return last;
  Rest& rest = MakeRest();
  if (!ended) {
    Summarise(plan, texts, &Writable(last));
    ++rest.unkept;
  }
  rest.full.push_back(std::exchange(newest_, ChunkPtr(chunk_rows_, width_)));
  return last + 1;
}

void RowLog::BeginKeptChunk(uint32_t rows) {
  CREDENCE_ASSERT(rows > 0 && (!newest_ || newest_->kept != 0));
  ChunkPtr before = std::exchange(newest_, ChunkPtr(rows, width_));
  if (before) MakeRest().full.push_back(std::move(before));
}

void RowLog::EndKeptChunk(const LogPlan& plan, const Dictionary& texts, uint64_t number) {
  CREDENCE_ASSERT(newest_ && newest_->kept == 0 && number != 0);
  Summarise(plan, texts, &*newest_);
  newest_->kept = number;
}

void RowLog::Split(const LogPlan& plan, const Dictionary& texts, size_t index) {
  Chunk& chunk = Writable(index);
  const uint32_t keep = chunk.rows / 2;
  ChunkPtr upper(std::max<uint32_t>(chunk_rows_, chunk.rows - keep), width_);
  upper->rows = chunk.rows - keep;
  std::copy_n(chunk.words() + size_t{keep} * width_, size_t{upper->rows} * width_, upper->words());
  chunk.rows = keep;
  for (Chunk* part : {&chunk, &*upper}) {
    part->seq_min = UINT64_MAX;
    part->seq_max = 0;
    for (uint32_t row = 0; row < part->rows; ++row) {
      const uint64_t seq = RowSeq(part->words() + size_t{row} * width_);
      part->seq_min = std::min(part->seq_min, seq);
      part->seq_max = std::max(part->seq_max, seq);
    }
  }
  Summarise(plan, texts, &chunk);
  Rest& rest = MakeRest();
  if (index == 0) rest.goes_through = INT64_MIN;
  if (index == rest.full.size()) {
    rest.full.push_back(std::exchange(newest_, std::move(upper)));
  } else {
    Summarise(plan, texts, &*upper);
    rest.full.insert(rest.full.begin() + static_cast<ptrdiff_t>(index) + 1, std::move(upper));
  }
  ++rest.unkept;  // of the two one more is full than before
}

void RowLog::Summarise(const LogPlan& plan, const Dictionary& texts, Chunk* chunk) const {
  chunk->series = static_cast<uint32_t>(plan.series.size());
  chunk->summary = std::make_unique<SeriesSummary[]>(chunk->series);
  for (uint32_t s = 0; s < plan.series.size(); ++s) {
    const Series& series = plan.series[s];
    SeriesSummary& summary = chunk->summary[s];
    const bool extremes = series.needs.min || series.needs.max;
    static const Column kNone;
    const CellOrder order(series.column == kNoColumn ? kNone : plan.columns[series.column], texts);
    for (uint32_t r = 0; r < chunk->rows; ++r) {
      const uint64_t* row = chunk->words() + size_t{r} * width_;
      if (!RowHas(row, s)) continue;
      const int64_t cell = series.column == kNoColumn ? 0 : Cell(row, series.column);
      if (summary.tally.count == 0) {
        summary.first = r;
        summary.min = summary.max = cell;
      } else if (extremes) {
        if (order.Less(cell, summary.min)) summary.min = cell;
        if (order.Less(summary.max, cell)) summary.max = cell;
      }
      summary.last = r;
      summary.tally.Add(cell, series.needs);
    }
  }
}

void RowLog::Reverse(const LogPlan& plan, const Dictionary& texts, Position at, uint64_t reversal) {
  const size_t index = at.chunk - first_chunk();
  Chunk& chunk = Writable(index);
  uint64_t* row = chunk.words() + size_t{at.row} * width_;
  MakeRest().reversals.push_back(
      {RowSeq(row), reversal, RowTime(row), std::vector<uint64_t>(row + 2, row + 2 + mask_words_)});
  std::fill(row + 2, row + 2 + mask_words_, 0);
  if (index + 1 < chunks()) Summarise(plan, texts, &chunk);
}

void RowLog::DropThrough(const LogPlan& plan, int64_t through, Dictionary* texts) {
  if (rest_ == nullptr || through < rest_->goes_through) return;
  Rest& rest = *rest_;
  rest.goes_through = INT64_MIN;
  size_t drop = 0;
  for (; drop < rest.full.size(); ++drop) {
    const Chunk& chunk = *rest.full[drop];
    const int64_t last = RowTime(LastRow(chunk, width_));
    if (last > through) {
      rest.goes_through = last;
      break;
    }
    for (uint32_t r = 0; plan.has_text && r < chunk.rows; ++r) {
      const uint64_t* row = chunk.words() + size_t{r} * width_;
      for (uint32_t c = 0; c < plan.columns.size(); ++c) {
        const int64_t cell = Cell(row, c);
        if (plan.columns[c].is_text() && cell != 0) texts->Release(static_cast<uint32_t>(cell));
      }
    }
    if (chunk.kept != 0) {
      rest.gone.push_back(chunk.kept);
    } else {
      --rest.unkept;
    }
    rows_ -= chunk.rows;
  }
  if (drop == 0) return;
  rest.full.erase(rest.full.begin(), rest.full.begin() + static_cast<ptrdiff_t>(drop));
  rest.first_chunk += drop;
  // A row that stays is stored with its chunk, whatever its time: so does what was taken of it.
  const uint64_t* first = Row(Begin());
  std::erase_if(rest.reversals, [first](const Reversal& r) {
    return std::pair(r.time, r.seq) < std::pair(RowTime(first), RowSeq(first));
  });
}

void RowLog::Warm(int level) const {
  if (!newest_ || level > 1) return;
  if (level == 0) {
    PrefetchLines(newest_.get(), kWarmBytes);
    if (rest_ != nullptr) PrefetchLines(rest_.get(), sizeof(Rest));
    return;
  }
  // Small logs are walked whole, large ones searched at their end.
  const size_t bytes = size_t{newest_->rows} * width_ * sizeof(uint64_t);
  if (sizeof(Chunk) + bytes <= kWarmBytes) return;
  const size_t wanted = std::min(bytes, kWarmBytes);
  PrefetchLines(reinterpret_cast<const char*>(newest_->words()) + (bytes - wanted), wanted);
}

void RowLog::WarmPlace(Position at) const {
  if (rest_ == nullptr) return;  // the newest chunk is all there is
  const size_t index = at.chunk - rest_->first_chunk;
  if (index < rest_->full.size()) PrefetchLines(&rest_->full[index], sizeof(ChunkPtr));
}

void RowLog::WarmRow(Position at) const {
  if (at.chunk >= end_chunk()) return;
  const Chunk& chunk = ChunkAt(at.chunk);
  PrefetchLines(&chunk, sizeof(Chunk));
  PrefetchLines(chunk.words() + size_t{at.row} * width_, size_t{width_} * sizeof(uint64_t));
}

size_t RowLog::bytes() const {
  size_t total = 0;
  for (uint64_t number = first_chunk(); number < end_chunk(); ++number) {
    const Chunk& chunk = ChunkAt(number);
    total += sizeof(Chunk) + size_t{chunk.room} * width_ * sizeof(uint64_t) +
             chunk.series * sizeof(SeriesSummary);
  }
  if (rest_ == nullptr) return total;
  total += sizeof(Rest) + rest_->full.capacity() * sizeof(ChunkPtr) +
           rest_->reversals.capacity() * sizeof(Reversal) +
           rest_->gone.capacity() * sizeof(rest_->gone[0]);
  for (const Reversal& r : rest_->reversals) total += r.mask.capacity() * sizeof(uint64_t);
  return total;
}

}  // namespace credence::feature
