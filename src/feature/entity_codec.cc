// The stored form of an EntityState:
//
//   state  = version:u8(1) now:zigzag reader:varint last_update:varint newest:varint stamp:zigzag
//            logs:varint log*
//   log    = definition:fixed64 horizon:zigzag rows:varint row*
//   row    = time:zigzag (less the row before it, modulo 2^64) seq:varint mask:varint{mask_words}
//            reversal:varint (0 = not taken back) cell*
//   cell   = zigzag | bytes (text), for each column that a series of the mask has, in order of
//   columns
//
// Only rows after the horizon are written, so that bytes do not tell when memory was freed.

#include <algorithm>
#include <string>

#include "src/base/assert.h"
#include "src/base/bytes.h"
#include "src/feature/entity_rep.h"

namespace credence::feature {
namespace {

constexpr uint8_t kVersion = 1;

uint64_t DefinitionId(const LogPlan& plan) {
  return ByteReader(plan.definition.view()).GetFixed64();
}

// present[c] = a series of the mask has column c.
void FindPresent(const LogPlan& plan, std::span<const uint64_t> mask, std::vector<bool>* present) {
  present->assign(plan.columns.size(), false);
  for (uint32_t s = 0; s < plan.series.size(); ++s) {
    if (plan.series[s].column == kNoColumn) continue;
    if (((mask[s / 64] >> (s % 64)) & 1) != 0) (*present)[plan.series[s].column] = true;
  }
}

void EncodeLog(const LogPlan& plan, const LogState& state, const Dictionary& texts,
               ByteWriter* out) {
  const RowLog& log = state.row_log;
  out->PutFixed64(DefinitionId(plan));
  out->PutZigzag(state.horizon);
  Position at = log.Settled(log.After(state.horizon));
  size_t rows = 0;
  for (Position p = at; !log.AtEnd(p); ++p.row, p = log.Settled(p)) ++rows;
  out->PutVarint(rows);
  uint64_t before = 0;
  std::vector<bool> present;
  for (; !log.AtEnd(at); ++at.row, at = log.Settled(at)) {
    const uint64_t* row = log.Row(at);
    const Reversal* reversal = log.ReversalOf(row);
    const std::span<const uint64_t> mask =
        reversal != nullptr ? std::span<const uint64_t>(reversal->mask) : log.Mask(row);
    out->PutZigzag(static_cast<int64_t>(row[0] - before));
    before = row[0];
    out->PutVarint(RowSeq(row));
    for (uint64_t word : mask) out->PutVarint(word);
    out->PutVarint(reversal != nullptr ? reversal->reversal : 0);
    FindPresent(plan, mask, &present);
    for (uint32_t c = 0; c < plan.columns.size(); ++c) {
      if (!present[c]) continue;
      const int64_t cell = log.Cell(row, c);
      if (plan.columns[c].is_text()) {
        out->PutBytes(texts.Text(static_cast<uint32_t>(cell)));
      } else {
        out->PutZigzag(cell);
      }
    }
  }
}

Status Damaged(const ByteReader& in, std::string_view what) {
  return DataLoss("entity state: " + std::string(what) + " at byte " +
                  std::to_string(in.position()));
}

struct Row {
  int64_t time = 0;
  uint64_t seq = 0;
  uint64_t reversal = 0;
  std::vector<uint64_t> mask;
  std::vector<int64_t> cells;
};

bool MaskIsGood(const LogPlan& plan, const std::vector<uint64_t>& mask) {
  uint64_t any = 0;
  for (uint64_t word : mask) any |= word;
  const size_t beyond = plan.series.size() % 64;
  return any != 0 && (beyond == 0 || (mask.back() >> beyond) == 0);
}

Status DecodeRow(const LogPlan& plan, uint64_t newest, uint64_t before, ByteReader* in,
                 Dictionary* texts, Row* row) {
  row->time = static_cast<int64_t>(before + static_cast<uint64_t>(in->GetZigzag()));
  row->seq = in->GetVarint();
  row->mask.resize(plan.mask_words);
  for (uint64_t& word : row->mask) word = in->GetVarint();
  row->reversal = in->GetVarint();
  if (!in->ok()) return Damaged(*in, "a row ends too early");
  if (!MaskIsGood(plan, row->mask)) return Damaged(*in, "impossible series bits");
  if (row->seq == 0 || row->seq > newest || row->reversal > newest ||
      (row->reversal != 0 && row->reversal <= row->seq)) {
    return Damaged(*in, "impossible sequences");
  }
  row->cells.assign(plan.columns.size(), 0);
  std::vector<bool> present;
  FindPresent(plan, row->mask, &present);
  for (uint32_t c = 0; c < plan.columns.size(); ++c) {
    if (!present[c]) continue;
    if (!plan.columns[c].is_text()) {
      row->cells[c] = in->GetZigzag();
      continue;
    }
    const std::string_view text = in->GetBytes();
    const bool good = plan.columns[c].kind == record::ValueKind::kToken
                          ? text.size() == record::Value::kTokenBytes
                          : IsValidUtf8(text);
    if (!in->ok() || !good) return Damaged(*in, "impossible text");
    row->cells[c] = texts->Acquire(text);
  }
  return in->ok() ? OkStatus() : Damaged(*in, "a row ends too early");
}

Status DecodeLog(const LogPlan& plan, uint64_t newest, ByteReader* in, Dictionary* texts,
                 LogState* state) {
  if (in->GetFixed64() != DefinitionId(plan)) {
    return Damaged(*in, "a log of another definition");
  }
  state->horizon = in->GetZigzag();
  const uint64_t rows = in->GetVarint();
  Row row;
  uint64_t before = 0;
  uint64_t before_seq = 0;
  std::vector<uint64_t> seqs;
  for (uint64_t r = 0; r < rows; ++r) {
    CREDENCE_TRY(DecodeRow(plan, newest, before, in, texts, &row));
    const auto last = static_cast<int64_t>(before);
    const bool ordered = r == 0 || row.time > last || (row.time == last && row.seq > before_seq);
    if (!ordered || row.time <= state->horizon) return Damaged(*in, "rows out of order");
    state->row_log.Insert(plan, *texts, row.time, row.seq, row.mask, row.cells);
    if (row.reversal != 0) {
      const Position end = state->row_log.End();
      state->row_log.Reverse(plan, *texts, {end.chunk, end.row - 1}, row.reversal);
    }
    before = static_cast<uint64_t>(row.time);
    before_seq = row.seq;
    seqs.push_back(row.seq);
  }
  std::sort(seqs.begin(), seqs.end());
  if (std::adjacent_find(seqs.begin(), seqs.end()) != seqs.end()) {
    return Damaged(*in, "a sequence occurs twice");
  }
  return OkStatus();
}

}  // namespace

void EntityState::AppendCanonical(const FeaturePlan& plan, std::string* out) const {
  const Rep& rep = *rep_;
  ByteWriter writer(out);
  writer.PutU8(kVersion);
  writer.PutZigzag(rep.now);
  writer.PutVarint(rep.reader);
  writer.PutVarint(rep.last_update);
  writer.PutVarint(rep.newest);
  writer.PutZigzag(rep.stamp);
  writer.PutVarint(rep.logs.size());
  for (uint32_t l = 0; l < rep.logs.size(); ++l) {
    EncodeLog(plan.entity(entity_).logs[l], rep.logs[l], rep.texts, &writer);
  }
}

Result<EntityState> EntityState::Decode(const FeaturePlan& plan, uint32_t entity,
                                        std::string_view bytes) {
  EntityState state(plan, entity);
  Rep& rep = *state.rep_;
  ByteReader in(bytes);
  if (in.GetU8() != kVersion) return Damaged(in, "unknown version");
  rep.now = in.GetZigzag();
  rep.reader = in.GetVarint();
  rep.last_update = in.GetVarint();
  rep.newest = in.GetVarint();
  rep.stamp = in.GetZigzag();
  if (in.GetVarint() != rep.logs.size() || !in.ok()) return Damaged(in, "wrong number of logs");
  if (rep.reader > rep.last_update || rep.last_update > rep.newest) {
    return Damaged(in, "impossible sequences");
  }
  for (uint32_t l = 0; l < rep.logs.size(); ++l) {
    const LogPlan& log_plan = plan.entity(entity).logs[l];
    LogState& log = rep.logs[l];
    CREDENCE_TRY(DecodeLog(log_plan, rep.newest, &in, &rep.texts, &log));
    if (log.row_log.rows() >= plan.tuning().cursor_rows) {
      log.cursors = std::make_unique<Cursors>(log_plan);
      log.cursors->Build(log_plan, log.row_log, rep.texts, {rep.now, rep.reader});
    }
  }
  if (!in.ok() || !in.AtEnd()) return Damaged(in, "trailing bytes");
  return state;
}

}  // namespace credence::feature
