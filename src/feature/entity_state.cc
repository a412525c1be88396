#include "src/feature/entity_state.h"

#include <algorithm>
#include <array>

#include "src/base/assert.h"
#include "src/base/prefetch.h"
#include "src/feature/entity_rep.h"
#include "src/feature/outcome.h"
#include "src/feature/walk.h"

namespace credence::feature {
namespace {

// What no event that may still come can look back to.
int64_t HorizonAt(int64_t stamp, const LogPlan& plan, const record::Bounds& bounds) {
  if (plan.reach_ns == INT64_MAX) return INT64_MIN;
  return MinusClamped(MinusClamped(stamp, bounds.late_ns), plan.reach_ns);
}

// The cells of a row; texts get their numbers in the dictionary.
class AcquiredCells {
 public:
  AcquiredCells(const LogPlan& plan, const Arrival& arrival, const ArrivalRow& row,
                Dictionary* texts) {
    if (!plan.has_text) {
      cells_ = row.cells;
      return;
    }
    int64_t* cells = few_.data();
    if (row.cells.size() > few_.size()) {
      many_.resize(row.cells.size());
      cells = many_.data();
    }
    cells_ = {cells, row.cells.size()};
    std::copy(row.cells.begin(), row.cells.end(), cells);
    for (uint32_t s = 0; s < plan.series.size(); ++s) {
      const uint32_t column = plan.series[s].column;
      if (column == kNoColumn || !plan.columns[column].is_text()) continue;
      if (((row.mask[s / 64] >> (s % 64)) & 1) == 0) continue;
      int64_t& cell = cells[column];
      if (cell < 0) continue;  // another series has it already
      cell = -1 - static_cast<int64_t>(
                      texts->Acquire(arrival.texts[static_cast<size_t>(row.cells[column])]));
    }
    for (uint32_t c = 0; c < plan.columns.size(); ++c) {
      if (!plan.columns[c].is_text()) continue;
      cells[c] = cells[c] < 0 ? -1 - cells[c] : 0;
    }
  }
  [[nodiscard]] std::span<const int64_t> get() const { return cells_; }

 private:
  std::array<int64_t, 16> few_;  // filled as far as it is used
  std::vector<int64_t> many_;
  std::span<const int64_t> cells_;
};

}  // namespace

EntityState::EntityState(const FeaturePlan& plan, uint32_t entity)
    : entity_(entity), rep_(Rep::Make(plan.entity(entity), plan.tuning())) {}

EntityState::EntityState(const EntityState& other)
    : entity_(other.entity_), rep_(Rep::Copy(*other.rep_)) {}

EntityState& EntityState::operator=(const EntityState& other) {
  if (this != &other) *this = EntityState(other);
  return *this;
}

EntityState::EntityState(EntityState&&) noexcept = default;
EntityState& EntityState::operator=(EntityState&&) noexcept = default;
EntityState::~EntityState() = default;

void EntityState::Update(const FeaturePlan& plan, const Arrival& arrival) {
  Rep& rep = *rep_;
  const uint64_t seq = arrival.seq.value();
  CREDENCE_ASSERT(seq > rep.last_update && seq >= rep.newest);
  rep.last_update = rep.newest = seq;
  rep.last_time = arrival.time.ns;
  rep.stamp = std::max(rep.stamp, arrival.stamp.ns);
  const bool late = arrival.time.ns < rep.now;
  if (!late) {
    rep.now = std::max(rep.now, std::min(arrival.time.ns, arrival.stamp.ns));
    rep.reader = seq;
  }
  const ArrivalRow* row = arrival.rows.data();
  const ArrivalRow* const rows_end = row + arrival.rows.size();
  while (row != rows_end && row->entity != entity_) ++row;

  const std::vector<LogPlan>& plans = plan.entity(entity_).logs;
  for (uint32_t l = 0; l < rep.log_count; ++l) {
    const LogPlan& log_plan = plans[l];
    LogState& state = rep.logs()[l];
    state.horizon = std::max(state.horizon, HorizonAt(rep.stamp, log_plan, plan.bounds()));
    bool inserted = false;
    bool moved = false;
    if (row != rows_end && row->entity == entity_ && row->log == l) {
      if (arrival.time.ns > state.horizon) {
        const AcquiredCells cells(log_plan, arrival, *row, &rep.texts);
        inserted = true;
        moved = !state.row_log.Insert(log_plan, rep.texts, arrival.time.ns, seq, row->mask,
                                      cells.get());
      }
      ++row;
    }
    if (state.cursors != nullptr) {
      if (late) {
        if (inserted) {
          state.cursors->AddLate(log_plan, state.row_log, rep.texts, arrival.time.ns, seq);
        }
      } else {
        if (moved) state.cursors->Relocate(log_plan, state.row_log, seq);
        state.cursors->Advance(log_plan, state.row_log, rep.texts, {rep.now, rep.reader});
      }
    } else if (state.row_log.rows() >= plan.tuning().cursor_rows) {
      state.cursors = std::make_unique<Cursors>(log_plan);
      state.cursors->Build(log_plan, state.row_log, rep.texts, {rep.now, rep.reader});
    }
    if (state.cursors != nullptr && state.horizon != INT64_MIN) {
      const int64_t through = std::min(state.horizon, state.cursors->LeastBound());
      state.cursors->Trim(through);
      state.row_log.DropThrough(log_plan, through, &rep.texts);
    }
  }
}

bool EntityState::Reverse(const FeaturePlan& plan, Seq seq, Seq reversal) {
  Rep& rep = *rep_;
  const std::vector<LogPlan>& plans = plan.entity(entity_).logs;
  for (uint32_t l = 0; l < rep.log_count; ++l) {
    LogState& state = rep.logs()[l];
    const std::optional<Position> at = state.row_log.FindSeq(seq.value());
    if (!at) continue;
    const uint64_t* row = state.row_log.Row(*at);
    if (RowTime(row) <= state.horizon || state.row_log.ReversalOf(row) != nullptr) return false;
    CREDENCE_ASSERT(reversal.value() > seq.value() && reversal.value() >= rep.newest);
    rep.newest = reversal.value();
    state.row_log.Reverse(plans[l], rep.texts, *at, reversal.value());
    if (state.cursors != nullptr) state.cursors->Reverse(plans[l], state.row_log, rep.texts, *at);
    return true;
  }
  return false;
}

void EntityState::Read(const FeaturePlan& plan, ReadPoint at, const ReadSet& set,
                       std::span<record::Value> out) const {
  CREDENCE_ASSERT(set.entity() == entity_ && out.size() >= plan.features().size());
  const Rep& rep = *rep_;
  const bool newest = at.seq.value() >= rep.newest;
  // The reader's own row, which `prior` leaves out, can only be one of the reading time.
  const bool own_time = at.seq.value() > rep.last_update || at.time.ns == rep.last_time;
  for (const ReadSet::Run& run : set.runs()) {
    const LogState& state = rep.logs()[run.log];
    const ReadScope scope{at.time, state.horizon, rep.texts, plan.base_currency()};
    const bool standing = state.cursors != nullptr && newest && at.time.ns == rep.now &&
                          (!run.prior || at.seq.value() == rep.reader);
    if (standing) {
      Cursors::Reader reader(*state.cursors);
      ReadRun(set, run, scope, &reader, out);
    } else {
      const Cursors* const cursors =
          newest && (own_time || !run.prior) ? state.cursors.get() : nullptr;
      Walk({scope, state.row_log, cursors, at.seq.value(), newest}, set, run, out);
    }
  }
}

void EntityState::Warm(int level) const {
  if (level == 0) {
    PrefetchLines(rep_.get(), sizeof(Rep) + sizeof(LogState));  // most have one log
    return;
  }
  if (level == 1) rep_->texts.Warm();
  for (const LogState& state : std::as_const(*rep_).logs()) {
    state.row_log.Warm(level - 1);
    if (state.cursors != nullptr) state.cursors->Warm(level - 1, state.row_log);
  }
}

void EntityState::WarmTexts(int level, const FeaturePlan& plan, const record::Event& event) const {
  if (level == 0) return;  // where the dictionary is, is on its way
  const Dictionary& texts = rep_->texts;
  if (!texts.has_table()) return;
  const std::vector<LogPlan>& plans = plan.entity(entity_).logs;
  for (uint32_t l = 0; l < rep_->log_count; ++l) {
    if (plans[l].event_type != event.type) continue;
    for (const LogPlan::TextField& of : plans[l].text_fields) {
      const record::Value& value = event.fields[of.field];
      const bool is_text =
          value.kind() == record::ValueKind::kString || value.kind() == record::ValueKind::kToken;
      if (!is_text) continue;
      const uint32_t tag = Dictionary::TagOf(value.text());
      if (level == 1) {
        texts.WarmSlot(tag);
        continue;
      }
      const uint32_t id = texts.Guess(tag);
      if (id == 0) continue;
      if (level == 2) texts.WarmEntry(id);
      if (level > 2 && rep_->logs()[l].cursors != nullptr) {
        rep_->logs()[l].cursors->WarmCell(level - 3, of.distinct, id);
      }
    }
  }
}

size_t EntityState::event_count() const {
  size_t total = 0;
  for (const LogState& state : rep_->logs()) total += state.row_log.rows();
  return total;
}

size_t EntityState::bytes() const {
  size_t total =
      sizeof(EntityState) + sizeof(Rep) + rep_->texts.bytes() + rep_->log_count * sizeof(LogState);
  for (const LogState& state : rep_->logs()) {
    total += state.row_log.bytes();
    if (state.cursors != nullptr) total += state.cursors->bytes();
  }
  return total;
}

}  // namespace credence::feature
