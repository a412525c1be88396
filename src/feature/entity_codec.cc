// The stored forms of an EntityState:
//
//   state  = version:u8(1) header log*                                  the canonical form
//   log    = definition:fixed64 horizon:zigzag rows:varint row*
//
//   head   = version:u8(2) header headlog*                    where a log has full chunks
//   headlog= definition:fixed64 horizon:zigzag chunks:varint number:varint* rows:varint row*
//   chunk  = rows:varint row*                      kept beside the head, under its number
//
//   header = now:zigzag reader:varint last_update:varint newest:varint stamp:zigzag logs:varint
//   row    = time:zigzag (less the row before it, modulo 2^64) seq:varint mask:varint{mask_words}
//            reversal:varint (0 = not taken back) cell*
//   cell   = zigzag | bytes (text), for each column that a series of the mask has, in order of
//   columns
//
// The canonical form holds only rows after the horizon, so that it does not tell when memory was
// freed. Head and chunks hold what is in memory: the rows of a head are those of the newest chunk,
// and the first row of a chunk or a head stands after 0.

#include <algorithm>
#include <string>

#include "src/base/assert.h"
#include "src/base/bytes.h"
#include "src/feature/entity_rep.h"

namespace credence::feature {
namespace {

constexpr uint8_t kVersion = 1;
constexpr uint8_t kHeadVersion = 2;
constexpr uint64_t kChunkRowsMax = 128;

uint64_t DefinitionId(const LogPlan& plan) {
  return ByteReader(plan.definition.view()).GetFixed64();
}

// Which columns a row holds, by its series bits. Most rows have those of the row before.
class Present {
 public:
  explicit Present(const LogPlan& plan) : plan_(plan) {}
  // By column.
  std::span<const uint8_t> Of(std::span<const uint64_t> mask) {
    if (std::equal(mask.begin(), mask.end(), mask_.begin(), mask_.end())) return present_;
    mask_.assign(mask.begin(), mask.end());
    present_.assign(plan_.columns.size(), 0);
    for (uint32_t s = 0; s < plan_.series.size(); ++s) {
      if (plan_.series[s].column == kNoColumn) continue;
      if (((mask[s / 64] >> (s % 64)) & 1) != 0) present_[plan_.series[s].column] = 1;
    }
    return present_;
  }

 private:
  const LogPlan& plan_;
  std::vector<uint64_t> mask_;
  std::vector<uint8_t> present_;
};

class RowEncoder {
 public:
  RowEncoder(const LogPlan& plan, const RowLog& log, const Dictionary& texts, ByteWriter* out)
      : plan_(plan), log_(log), texts_(texts), out_(*out), present_(plan) {}

  void Put(const uint64_t* row) {
    const Reversal* reversal = log_.ReversalOf(row);
    const std::span<const uint64_t> mask =
        reversal != nullptr ? std::span<const uint64_t>(reversal->mask) : log_.Mask(row);
    out_.PutZigzag(static_cast<int64_t>(row[0] - before_));
    before_ = row[0];
    out_.PutVarint(RowSeq(row));
    for (uint64_t word : mask) out_.PutVarint(word);
    out_.PutVarint(reversal != nullptr ? reversal->reversal : 0);
    const std::span<const uint8_t> present = present_.Of(mask);
    for (uint32_t c = 0; c < present.size(); ++c) {
      if (present[c] == 0) continue;
      const int64_t cell = log_.Cell(row, c);
      if (plan_.columns[c].is_text()) {
        out_.PutBytes(texts_.Text(static_cast<uint32_t>(cell)));
      } else {
        out_.PutZigzag(cell);
      }
    }
  }
  void PutAll(const Chunk& chunk) {
    out_.PutVarint(chunk.rows);
    for (uint32_t r = 0; r < chunk.rows; ++r) {
      Put(chunk.words() + size_t{r} * log_.width());
    }
  }

 private:
  const LogPlan& plan_;
  const RowLog& log_;
  const Dictionary& texts_;
  ByteWriter& out_;
  Present present_;
  uint64_t before_ = 0;
};

void EncodeLog(const LogPlan& plan, const LogState& state, const Dictionary& texts,
               ByteWriter* out) {
  const RowLog& log = state.row_log;
  out->PutFixed64(DefinitionId(plan));
  out->PutZigzag(state.horizon);
  Position at = log.Settled(log.After(state.horizon));
  size_t rows = 0;
  if (!log.AtEnd(at)) {
    for (uint64_t c = at.chunk; c < log.end_chunk(); ++c) rows += log.ChunkAt(c).rows;
    rows -= at.row;
  }
  out->PutVarint(rows);
  RowEncoder encoder(plan, log, texts, out);
  for (; !log.AtEnd(at); ++at.row, at = log.Settled(at)) encoder.Put(log.Row(at));
}

void EncodeHeadLog(const LogPlan& plan, const LogState& state, const Dictionary& texts,
                   ByteWriter* out) {
  const RowLog& log = state.row_log;
  out->PutFixed64(DefinitionId(plan));
  out->PutZigzag(state.horizon);
  const uint64_t full = log.empty() ? 0 : log.end_chunk() - log.first_chunk() - 1;
  out->PutVarint(full);
  for (uint64_t c = log.first_chunk(); c < log.first_chunk() + full; ++c) {
    CREDENCE_ASSERT(log.ChunkAt(c).kept != 0);
    out->PutVarint(log.ChunkAt(c).kept);
  }
  RowEncoder encoder(plan, log, texts, out);
  if (log.empty()) return out->PutVarint(0);
  encoder.PutAll(log.ChunkAt(log.end_chunk() - 1));
}

Status Damaged(const ByteReader& in, std::string_view what) {
  return DataLoss("entity state: " + std::string(what) + " at byte " +
                  std::to_string(in.position()));
}

bool MaskIsGood(const LogPlan& plan, const std::vector<uint64_t>& mask) {
  uint64_t any = 0;
  for (uint64_t word : mask) any |= word;
  const size_t beyond = plan.series.size() % 64;
  return any != 0 && (beyond == 0 || (mask.back() >> beyond) == 0);
}

// Puts decoded rows behind those of a log.
class RowDecoder {
 public:
  // `after`: rows have later times than this.
  RowDecoder(const LogPlan& plan, uint64_t newest, int64_t after, Dictionary* texts, RowLog* log)
      : plan_(plan),
        newest_(newest),
        after_(after),
        texts_(*texts),
        log_(*log),
        present_(plan),
        mask_(plan.mask_words),
        cells_(plan.columns.size()) {}

  // `rows` rows of which the first stands after 0.
  Status Take(uint64_t rows, ByteReader* in) {
    before_ = 0;
    for (uint64_t r = 0; r < rows; ++r) CREDENCE_TRY(TakeRow(in));
    return OkStatus();
  }
  // No sequence came twice.
  Status Finish(const ByteReader& in) {
    if (ascending_) return OkStatus();
    std::sort(seqs_.begin(), seqs_.end());
    if (std::adjacent_find(seqs_.begin(), seqs_.end()) != seqs_.end()) {
      return Damaged(in, "a sequence occurs twice");
    }
    return OkStatus();
  }

 private:
  Status TakeRow(ByteReader* in) {
    const auto time = static_cast<int64_t>(before_ + static_cast<uint64_t>(in->GetZigzag()));
    const uint64_t seq = in->GetVarint();
    for (uint64_t& word : mask_) word = in->GetVarint();
    const uint64_t reversal = in->GetVarint();
    if (!in->ok()) return Damaged(*in, "a row ends too early");
    if (!MaskIsGood(plan_, mask_)) return Damaged(*in, "impossible series bits");
    if (seq == 0 || seq > newest_ || reversal > newest_ || (reversal != 0 && reversal <= seq)) {
      return Damaged(*in, "impossible sequences");
    }
    const bool ordered = seqs_.empty() || time > last_ || (time == last_ && seq > seqs_.back());
    if (!ordered || time <= after_) return Damaged(*in, "rows out of order");
    CREDENCE_TRY(TakeCells(in));
    log_.Append(plan_, texts_, time, seq, mask_, cells_);
    if (reversal != 0) {
      const Position end = log_.End();
      log_.Reverse(plan_, texts_, {end.chunk, end.row - 1}, reversal);
    }
    before_ = static_cast<uint64_t>(time);
    last_ = time;
    ascending_ = ascending_ && (seqs_.empty() || seq > seqs_.back());
    seqs_.push_back(seq);
    return OkStatus();
  }

  Status TakeCells(ByteReader* in) {
    const std::span<const uint8_t> present = present_.Of(mask_);
    for (uint32_t c = 0; c < present.size(); ++c) {
      cells_[c] = 0;
      if (present[c] == 0) continue;
      if (!plan_.columns[c].is_text()) {
        cells_[c] = in->GetZigzag();
        continue;
      }
      const std::string_view text = in->GetBytes();
      const bool good = plan_.columns[c].kind == record::ValueKind::kToken
                            ? text.size() == record::Value::kTokenBytes
                            : IsValidUtf8(text);
      if (!in->ok() || !good) return Damaged(*in, "impossible text");
      cells_[c] = texts_.Acquire(text);
    }
    return in->ok() ? OkStatus() : Damaged(*in, "a row ends too early");
  }

  const LogPlan& plan_;
  const uint64_t newest_;
  const int64_t after_;
  Dictionary& texts_;
  RowLog& log_;
  Present present_;
  std::vector<uint64_t> mask_;
  std::vector<int64_t> cells_;
  std::vector<uint64_t> seqs_;
  int64_t last_ = 0;
  uint64_t before_ = 0;
  bool ascending_ = true;
};

Status DecodeLog(const LogPlan& plan, uint64_t newest, ByteReader* in, Dictionary* texts,
                 LogState* state) {
  if (in->GetFixed64() != DefinitionId(plan)) {
    return Damaged(*in, "a log of another definition");
  }
  state->horizon = in->GetZigzag();
  const uint64_t rows = in->GetVarint();
  RowDecoder decoder(plan, newest, state->horizon, texts, &state->row_log);
  CREDENCE_TRY(decoder.Take(rows, in));
  return decoder.Finish(*in);
}

Status DecodeHeadLog(const LogPlan& plan, uint64_t newest, const ChunkSource& chunks,
                     ByteReader* in, Dictionary* texts, LogState* state) {
  if (in->GetFixed64() != DefinitionId(plan)) {
    return Damaged(*in, "a log of another definition");
  }
  state->horizon = in->GetZigzag();
  std::vector<uint64_t> numbers;
  for (uint64_t left = in->GetVarint(); left > 0 && in->ok(); --left) {
    numbers.push_back(in->GetVarint());
    if (numbers.back() == 0) return Damaged(*in, "a chunk without a number");
  }
  if (!in->ok()) return Damaged(*in, "the numbers of chunks end too early");
  std::vector<std::string> kept;
  if (!numbers.empty()) CREDENCE_TRY(chunks.Read(numbers, &kept));
  CREDENCE_ASSERT(kept.size() == numbers.size());
  RowDecoder decoder(plan, newest, INT64_MIN, texts, &state->row_log);
  for (size_t i = 0; i < kept.size(); ++i) {
    ByteReader chunk(kept[i]);
    const uint64_t rows = chunk.GetVarint();
    if (rows == 0 || rows > kChunkRowsMax) return Damaged(chunk, "a chunk of impossible size");
    state->row_log.BeginKeptChunk(static_cast<uint32_t>(rows));
    CREDENCE_TRY(decoder.Take(rows, &chunk));
    if (!chunk.AtEnd()) return Damaged(chunk, "trailing bytes of a chunk");
    state->row_log.EndKeptChunk(plan, *texts, numbers[i]);
  }
  const uint64_t rows = in->GetVarint();
  if (rows > kChunkRowsMax || (rows == 0 && !numbers.empty())) {
    return Damaged(*in, "a newest chunk of impossible size");
  }
  CREDENCE_TRY(decoder.Take(rows, in));
  return decoder.Finish(*in);
}

}  // namespace

void EntityState::PutHeader(uint8_t version, ByteWriter* out) const {
  const Rep& rep = *rep_;
  out->PutU8(version);
  out->PutZigzag(rep.now);
  out->PutVarint(rep.reader);
  out->PutVarint(rep.last_update);
  out->PutVarint(rep.newest);
  out->PutZigzag(rep.stamp);
  out->PutVarint(rep.log_count);
}

void EntityState::AppendCanonical(const FeaturePlan& plan, std::string* out) const {
  ByteWriter writer(out);
  PutHeader(kVersion, &writer);
  for (uint32_t l = 0; l < rep_->log_count; ++l) {
    EncodeLog(plan.entity(entity_).logs[l], rep_->logs()[l], rep_->texts, &writer);
  }
}

bool EntityState::HasUnkeptChunks() const {
  const auto logs = std::as_const(*rep_).logs();
  return std::any_of(logs.begin(), logs.end(), [](const LogState& state) {
    return state.row_log.unkept() > 0 || state.row_log.has_gone();
  });
}

void EntityState::KeepChunks(const FeaturePlan& plan, ChunkKeeper* keeper) {
  std::string bytes;
  for (uint32_t l = 0; l < rep_->log_count; ++l) {
    RowLog& log = rep_->logs()[l].row_log;
    for (const uint64_t number : log.TakeGone()) keeper->Drop(number);
    log.KeepChunks([&](const Chunk& chunk) {
      bytes.clear();
      ByteWriter writer(&bytes);
      RowEncoder(plan.entity(entity_).logs[l], log, rep_->texts, &writer).PutAll(chunk);
      return keeper->Keep(bytes);
    });
  }
}

void EntityState::AppendHead(const FeaturePlan& plan, std::string* out) const {
  const auto logs = std::as_const(*rep_).logs();
  const bool whole = std::all_of(logs.begin(), logs.end(), [](const LogState& state) {
    return state.row_log.end_chunk() - state.row_log.first_chunk() <= 1;
  });
  if (whole) return AppendCanonical(plan, out);
  ByteWriter writer(out);
  PutHeader(kHeadVersion, &writer);
  for (uint32_t l = 0; l < rep_->log_count; ++l) {
    EncodeHeadLog(plan.entity(entity_).logs[l], rep_->logs()[l], rep_->texts, &writer);
  }
}

bool EntityState::IsCanonical(std::string_view head) {
  return !head.empty() && head[0] == static_cast<char>(kVersion);
}

Result<EntityState> EntityState::Decode(const FeaturePlan& plan, uint32_t entity,
                                        std::string_view bytes) {
  if (!IsCanonical(bytes)) return Damaged(ByteReader(bytes), "unknown version");
  return DecodeAny(plan, entity, bytes, nullptr);
}

Result<EntityState> EntityState::DecodeHead(const FeaturePlan& plan, uint32_t entity,
                                            std::string_view bytes, const ChunkSource& chunks) {
  return DecodeAny(plan, entity, bytes, &chunks);
}

Result<EntityState> EntityState::DecodeAny(const FeaturePlan& plan, uint32_t entity,
                                           std::string_view bytes, const ChunkSource* chunks) {
  EntityState state(plan, entity);
  Rep& rep = *state.rep_;
  ByteReader in(bytes);
  const uint8_t version = in.GetU8();
  if (version != kVersion && version != kHeadVersion) return Damaged(in, "unknown version");
  rep.now = in.GetZigzag();
  rep.reader = in.GetVarint();
  rep.last_update = in.GetVarint();
  rep.newest = in.GetVarint();
  rep.stamp = in.GetZigzag();
  if (in.GetVarint() != rep.log_count || !in.ok()) return Damaged(in, "wrong number of logs");
  if (rep.reader > rep.last_update || rep.last_update > rep.newest) {
    return Damaged(in, "impossible sequences");
  }
  for (uint32_t l = 0; l < rep.log_count; ++l) {
    const LogPlan& log_plan = plan.entity(entity).logs[l];
    LogState& log = rep.logs()[l];
    if (version == kVersion) {
      CREDENCE_TRY(DecodeLog(log_plan, rep.newest, &in, &rep.texts, &log));
    } else {
      CREDENCE_TRY(DecodeHeadLog(log_plan, rep.newest, *chunks, &in, &rep.texts, &log));
    }
    if (log.row_log.rows() >= plan.tuning().cursor_rows) {
      log.cursors = std::make_unique<Cursors>(log_plan);
      log.cursors->Build(log_plan, log.row_log, rep.texts, {rep.now, rep.reader});
    }
  }
  if (!in.ok() || !in.AtEnd()) return Damaged(in, "trailing bytes");
  return state;
}

}  // namespace credence::feature
