#include "src/feature/row_log.h"

#include <algorithm>
#include <array>

#include "src/base/assert.h"
#include "src/base/prefetch.h"

namespace credence::feature {
namespace {

// The first row of [0, rows) for which `later` holds; it holds for all behind.
template <class Later>
uint32_t FirstRow(const Chunk& chunk, uint32_t width, const Later& later) {
  uint32_t low = 0;
  uint32_t high = chunk.rows;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (later(chunk.words.data() + size_t{middle} * width)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

template <class Later>
Position FirstLater(std::span<const std::shared_ptr<Chunk>> chunks, uint64_t first_chunk,
                    uint32_t width, const Later& later) {
  // The first chunk whose last row is later holds the place.
  const auto holds = [&](const std::shared_ptr<Chunk>& chunk) {
    return later(chunk->words.data() + size_t{chunk->rows - 1} * width);
  };
  if (chunks.empty()) return {first_chunk, 0};
  // Most searches are for the newest rows.
  size_t index = chunks.size() - 1;
  if (chunks.size() > 1 && holds(chunks[index - 1])) {
    size_t low = 0;
    size_t high = index - 1;
    while (low < high) {
      const size_t middle = low + (high - low) / 2;
      if (holds(chunks[middle])) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    index = low;
  }
  return {first_chunk + index, FirstRow(*chunks[index], width, later)};
}

}  // namespace

Position RowLog::After(int64_t time) const {
  // Most searches are for what is behind the newest row.
  if (!empty() && RowTime(Row({end_chunk() - 1, chunks_.back()->rows - 1})) <= time) return End();
  return FirstLater(chunks_, first_chunk_, width_,
                    [time](const uint64_t* row) { return RowTime(row) > time; });
}

Position RowLog::After(int64_t time, uint64_t seq) const {
  return FirstLater(chunks_, first_chunk_, width_, [time, seq](const uint64_t* row) {
    return RowTime(row) > time || (RowTime(row) == time && RowSeq(row) > seq);
  });
}

std::optional<Position> RowLog::FindSeq(uint64_t seq) const {
  for (size_t index = chunks_.size(); index-- > 0;) {
    const Chunk& chunk = *chunks_[index];
    if (seq < chunk.seq_min || seq > chunk.seq_max) continue;
    for (uint32_t row = chunk.rows; row-- > 0;) {
      const Position at{first_chunk_ + index, row};
      if (RowSeq(Row(at)) == seq) return at;
    }
  }
  return std::nullopt;
}

const Reversal* RowLog::ReversalOf(const uint64_t* row) const {
  // A row that counts has a series bit.
  for (uint64_t word : Mask(row)) {
    if (word != 0) return nullptr;
  }
  for (const Reversal& reversal : reversals_) {
    if (reversal.seq == RowSeq(row)) return &reversal;
  }
  return nullptr;
}

Chunk& RowLog::Writable(size_t index) {
  std::shared_ptr<Chunk>& chunk = chunks_[index];
  const uint64_t kept = chunk->kept;
  if (kept != 0) {
    gone_.push_back(kept);
    ++unkept_;
  }
  if (chunk.use_count() > 1) {
    const Chunk& shared = *chunk;
    auto copy = std::make_shared<Chunk>();
    copy->words.reserve(shared.words.capacity());
    copy->words = shared.words;
    copy->summary = shared.summary;
    copy->seq_min = shared.seq_min;
    copy->seq_max = shared.seq_max;
    copy->rows = shared.rows;
    chunk = std::move(copy);
  }
  chunk->kept = 0;
  return *chunk;
}

void RowLog::InsertInto(size_t index, uint32_t row, int64_t time, uint64_t seq,
                        std::span<const uint64_t> mask, std::span<const int64_t> cells) {
  Chunk& chunk = Writable(index);
  const size_t at = size_t{row} * width_;
  chunk.words.insert(chunk.words.begin() + static_cast<ptrdiff_t>(at), width_, 0);
  uint64_t* words = chunk.words.data() + at;
  words[0] = static_cast<uint64_t>(time);
  words[1] = seq;
  std::copy(mask.begin(), mask.end(), words + 2);
  std::transform(cells.begin(), cells.end(), words + 2 + mask_words_,
                 [](int64_t cell) { return static_cast<uint64_t>(cell); });
  ++chunk.rows;
  chunk.seq_min = std::min(chunk.seq_min, seq);
  chunk.seq_max = std::max(chunk.seq_max, seq);
  ++rows_;
}

bool RowLog::Insert(const LogPlan& plan, const Dictionary& texts, int64_t time, uint64_t seq,
                    std::span<const uint64_t> mask, std::span<const int64_t> cells) {
  CREDENCE_ASSERT(mask.size() == mask_words_ && 2 + mask_words_ + cells.size() == width_);
  Position at = After(time, seq);
  if (AtEnd(at)) {
    Append(plan, texts, time, seq, mask, cells);
    return true;
  }
  if (chunks_[at.chunk - first_chunk_]->rows == chunk_rows_) {
    Split(plan, texts, at.chunk - first_chunk_);
    at = After(time, seq);
  }
  const size_t index = at.chunk - first_chunk_;
  InsertInto(index, at.row, time, seq, mask, cells);
  if (index + 1 < chunks_.size()) Summarise(plan, texts, &Writable(index));
  return false;
}

void RowLog::Append(const LogPlan& plan, const Dictionary& texts, int64_t time, uint64_t seq,
                    std::span<const uint64_t> mask, std::span<const int64_t> cells) {
  const size_t index = NewestWithRoom(plan, texts);
  InsertInto(index, chunks_[index]->rows, time, seq, mask, cells);
}

size_t RowLog::NewestWithRoom(const LogPlan& plan, const Dictionary& texts) {
  const size_t last = chunks_.size() - 1;
  const bool ended = !chunks_.empty() && chunks_[last]->kept != 0;
  if (!chunks_.empty() && !ended && chunks_[last]->rows < chunk_rows_) return last;
  // A first chunk grows with its entity, most of which stay small; later ones are made whole.
  const bool small = chunks_.empty();
  if (!small && !ended) {
    Summarise(plan, texts, &Writable(last));
    ++unkept_;
  }
  chunks_.push_back(std::make_shared<Chunk>());
  chunks_.back()->words.reserve(size_t{small ? 1 : chunk_rows_} * width_);
  return chunks_.size() - 1;
}

void RowLog::EndKeptChunk(const LogPlan& plan, const Dictionary& texts, uint64_t number) {
  CREDENCE_ASSERT(!chunks_.empty() && chunks_.back()->kept == 0 && number != 0);
  Summarise(plan, texts, chunks_.back().get());
  chunks_.back()->kept = number;
}

void RowLog::Split(const LogPlan& plan, const Dictionary& texts, size_t index) {
  Chunk& chunk = Writable(index);
  auto upper = std::make_shared<Chunk>();
  const uint32_t keep = chunk.rows / 2;
  const auto cut = chunk.words.begin() + static_cast<ptrdiff_t>(size_t{keep} * width_);
  upper->words.reserve(size_t{chunk_rows_} * width_);
  upper->words.assign(cut, chunk.words.end());
  upper->rows = chunk.rows - keep;
  chunk.words.erase(cut, chunk.words.end());
  chunk.rows = keep;
  for (Chunk* part : {&chunk, upper.get()}) {
    part->seq_min = UINT64_MAX;
    part->seq_max = 0;
    for (uint32_t row = 0; row < part->rows; ++row) {
      const uint64_t seq = RowSeq(part->words.data() + size_t{row} * width_);
      part->seq_min = std::min(part->seq_min, seq);
      part->seq_max = std::max(part->seq_max, seq);
    }
  }
  Summarise(plan, texts, &chunk);
  if (index + 1 < chunks_.size()) Summarise(plan, texts, upper.get());
  chunks_.insert(chunks_.begin() + static_cast<ptrdiff_t>(index) + 1, std::move(upper));
  ++unkept_;  // of the two one more is full than before
}

void RowLog::Summarise(const LogPlan& plan, const Dictionary& texts, Chunk* chunk) const {
  chunk->summary.assign(plan.series.size(), SeriesSummary());
  for (uint32_t s = 0; s < plan.series.size(); ++s) {
    const Series& series = plan.series[s];
    SeriesSummary& summary = chunk->summary[s];
    const bool extremes = series.needs.min || series.needs.max;
    static const Column kNone;
    const CellOrder order(series.column == kNoColumn ? kNone : plan.columns[series.column], texts);
    for (uint32_t r = 0; r < chunk->rows; ++r) {
      const uint64_t* row = chunk->words.data() + size_t{r} * width_;
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
  const size_t index = at.chunk - first_chunk_;
  Chunk& chunk = Writable(index);
  uint64_t* row = chunk.words.data() + size_t{at.row} * width_;
  reversals_.push_back(
      {RowSeq(row), reversal, RowTime(row), std::vector<uint64_t>(row + 2, row + 2 + mask_words_)});
  std::fill(row + 2, row + 2 + mask_words_, 0);
  if (index + 1 < chunks_.size()) Summarise(plan, texts, &chunk);
}

void RowLog::DropThrough(const LogPlan& plan, int64_t through, Dictionary* texts) {
  size_t drop = 0;
  while (drop + 1 < chunks_.size()) {
    const Chunk& chunk = *chunks_[drop];
    if (RowTime(chunk.words.data() + size_t{chunk.rows - 1} * width_) > through) break;
    for (uint32_t r = 0; plan.has_text && r < chunk.rows; ++r) {
      const uint64_t* row = chunk.words.data() + size_t{r} * width_;
      for (uint32_t c = 0; c < plan.columns.size(); ++c) {
        const int64_t cell = Cell(row, c);
        if (plan.columns[c].is_text() && cell != 0) texts->Release(static_cast<uint32_t>(cell));
      }
    }
    if (chunk.kept != 0) {
      gone_.push_back(chunk.kept);
    } else {
      --unkept_;
    }
    rows_ -= chunk.rows;
    ++drop;
  }
  if (drop == 0) return;
  chunks_.erase(chunks_.begin(), chunks_.begin() + static_cast<ptrdiff_t>(drop));
  first_chunk_ += drop;
  std::erase_if(reversals_, [through](const Reversal& r) { return r.time <= through; });
}

void RowLog::Warm(int level) const {
  if (chunks_.empty()) return;
  const std::shared_ptr<Chunk>* last = &chunks_.back();
  if (level == 0) {
    PrefetchLines(last, sizeof(*last));
  } else if (level == 1) {
    PrefetchLines(last->get(), sizeof(Chunk));
  } else {
    // Small logs are walked whole, large ones searched at their end.
    const std::vector<uint64_t>& words = (*last)->words;
    const size_t bytes = words.size() * sizeof(uint64_t);
    const size_t wanted = std::min<size_t>(bytes, 512);
    PrefetchLines(reinterpret_cast<const char*>(words.data()) + (bytes - wanted), wanted);
  }
}

size_t RowLog::bytes() const {
  size_t total = chunks_.capacity() * sizeof(chunks_[0]) +
                 reversals_.capacity() * sizeof(Reversal) + gone_.capacity() * sizeof(gone_[0]);
  for (const std::shared_ptr<Chunk>& chunk : chunks_) {
    total += sizeof(Chunk) + 2 * sizeof(long) + chunk->words.capacity() * sizeof(uint64_t) +
             chunk->summary.capacity() * sizeof(SeriesSummary);
  }
  for (const Reversal& reversal : reversals_) total += reversal.mask.capacity() * sizeof(uint64_t);
  return total;
}

}  // namespace credence::feature
