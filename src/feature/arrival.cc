// FeaturePlan::EvaluateArrival: an event's filters and arguments, evaluated once.

#include <string>

#include "src/base/assert.h"
#include "src/feature/plan.h"
#include "src/feature/plan_rep.h"
#include "src/feel/evaluation.h"
#include "src/record/feel_value.h"

namespace credence::feature {
namespace {

using record::Value;
using record::ValueKind;

std::optional<int64_t> To64(Int128 value) {
  if (value < INT64_MIN || value > INT64_MAX) return std::nullopt;
  return static_cast<int64_t>(value);
}

// Values of one event's inputs, each evaluated when it is first asked for.
class Inputs {
 public:
  Inputs(const EventPlan& plan, const record::Event& event, std::span<const feel::Value> slots,
         feel::EvaluationContext* context)
      : plan_(plan), event_(event), slots_(slots), context_(*context) {
    states_ = context_.arena().NewArray<State>(plan.inputs.size());
    texts_ = context_.arena().NewArray<std::string_view>(plan.inputs.size());
  }

  // False where absent.
  Result<bool> Get(uint32_t index, int64_t* cell) {
    State& state = states_[index];
    if (!state.known) {
      state.known = true;
      const Input& input = plan_.inputs[index];
      const Status status = input.is_field ? FromField(input, &state) : FromFeel(input, &state);
      if (!status.ok()) return status;
    }
    *cell = state.cell;
    return state.present;
  }

  [[nodiscard]] std::span<const std::string_view> texts() const {
    return texts_.subspan(0, text_count_);
  }

 private:
  struct State {
    bool known = false;
    bool present = false;
    int64_t cell = 0;
  };

  static Status TooLarge(const Input& input) {
    return OutOfRange((input.is_field ? "field '" : "feature argument '") + input.name +
                      "' does not fit 64 bits" +
                      (input.kind == ValueKind::kDecimal
                           ? " at " + std::to_string(input.scale) + " digits after the point"
                           : ""));
  }

  Status Put(const Input& input, std::optional<int64_t> cell, State* state) {
    if (!cell) return TooLarge(input);
    state->present = true;
    state->cell = *cell;
    return OkStatus();
  }

  Status PutText(std::string_view text, State* state) {
    state->present = true;
    state->cell = static_cast<int64_t>(text_count_);
    texts_[text_count_++] = text;
    return OkStatus();
  }

  Status PutDecimal(const Input& input, Decimal number, State* state) {
    const Decimal rounded = number.Rounded(input.scale, Rounding::kHalfEven);
    std::optional<Int128> scaled;
    if (rounded.IsFinite()) scaled = rounded.ToScaled(input.scale);
    return Put(input, scaled ? To64(*scaled) : std::nullopt, state);
  }

  Status FromField(const Input& input, State* state) {
    const Value& value = event_.fields[input.field];
    if (value.absent()) return OkStatus();
    CREDENCE_ASSERT(value.kind() == input.kind);
    switch (input.kind) {
      case ValueKind::kBoolean:
        return Put(input, value.boolean() ? 1 : 0, state);
      case ValueKind::kInteger:
        return Put(input, value.integer(), state);
      case ValueKind::kDecimal:
        return PutDecimal(input, value.decimal(), state);
      case ValueKind::kMoney:
        return Put(input, value.base_minor(), state);
      case ValueKind::kDuration:
        return Put(input, value.duration_ns(), state);
      case ValueKind::kDate:
        return Put(input, value.date().days, state);
      case ValueKind::kTimestamp:
        return Put(input, value.timestamp().ns, state);
      default:
        return PutText(value.text(), state);
    }
  }

  Status FromFeel(const Input& input, State* state) {
    const feel::Value value = input.expression.Evaluate(slots_, context_);
    switch (value.kind()) {
      case feel::Kind::kNumber:
        if (input.kind != ValueKind::kDecimal) return OkStatus();
        return PutDecimal(input, value.number(), state);
      case feel::Kind::kBoolean:
        if (input.kind != ValueKind::kBoolean) return OkStatus();
        return Put(input, value.boolean() ? 1 : 0, state);
      case feel::Kind::kString:
        if (input.kind != ValueKind::kString) return OkStatus();
        return PutText(value.string(), state);
      case feel::Kind::kDate:
        if (input.kind != ValueKind::kDate) return OkStatus();
        return Put(input, value.date().days, state);
      case feel::Kind::kDateTime:
        if (input.kind != ValueKind::kTimestamp) return OkStatus();
        return Put(input,
                   To64(static_cast<Int128>(feel::UtcSeconds(value.date_time())) * kNsPerSecond +
                        value.date_time().ns),
                   state);
      case feel::Kind::kDaysDuration:
        if (input.kind != ValueKind::kDuration) return OkStatus();
        return Put(input, To64(value.duration_ns()), state);
      default:
        return OkStatus();  // null: absent
    }
  }

  const EventPlan& plan_;
  const record::Event& event_;
  std::span<const feel::Value> slots_;
  feel::EvaluationContext& context_;
  std::span<State> states_;
  std::span<std::string_view> texts_;
  size_t text_count_ = 0;
};

// Fills the row of one log. True if a series lets the event through.
Result<bool> FillRow(const LogPlan& log, std::span<const bool> passed, Inputs* inputs, Arena* arena,
                     ArrivalRow* row) {
  const std::span<uint64_t> mask = arena->NewArray<uint64_t>(log.mask_words);
  const std::span<int64_t> cells = arena->NewArray<int64_t>(log.columns.size());
  bool any = false;
  for (size_t s = 0; s < log.series.size(); ++s) {
    const Series& series = log.series[s];
    if (!passed[series.filter]) continue;
    if (series.column != kNoColumn) {
      CREDENCE_ASSIGN(const bool present,
                      inputs->Get(log.columns[series.column].input, &cells[series.column]));
      if (!present) continue;
    }
    mask[s / 64] |= uint64_t{1} << (s % 64);
    any = true;
  }
  row->mask = mask;
  row->cells = cells;
  return any;
}

}  // namespace

Result<Arrival> FeaturePlan::EvaluateArrival(const record::Event& event, Arena* arena) const {
  Arrival arrival;
  arrival.type = event.type;
  arrival.time = event.time;
  arrival.stamp = event.stamp;
  arrival.seq = event.seq;
  const EventPlan& plan = rep_->events[event.type];
  if (plan.logs.empty()) return arrival;
  CREDENCE_ASSERT(event.fields.size() == plan.field_count);

  feel::EvaluationContext context(arena);
  context.now = event.time;
  const std::span<feel::Value> slots =
      arena->NewArray<feel::Value>(plan.fields_read.empty() ? 0 : plan.field_count);
  for (uint32_t field : plan.fields_read) {
    slots[field] = record::ToFeel(event.fields[field], rep_->base_currency, arena);
  }
  const std::span<bool> passed = arena->NewArray<bool>(plan.filters.size());
  for (size_t f = 0; f < plan.filters.size(); ++f) {
    const feel::Value* constant = plan.filters[f].constant();
    passed[f] = constant != nullptr ? constant->IsTrue() : plan.filters[f].IsTrue(slots, context);
  }
  Inputs inputs(plan, event, slots, &context);
  const std::span<ArrivalRow> rows = arena->NewArray<ArrivalRow>(plan.logs.size());
  size_t count = 0;
  for (const auto& [entity, log] : plan.logs) {
    rows[count].entity = entity;
    rows[count].log = log;
    CREDENCE_ASSIGN(const bool any, FillRow(rep_->entities[entity].logs[log], passed, &inputs,
                                            arena, &rows[count]));
    if (any) ++count;
  }
  arrival.rows = rows.subspan(0, count);
  arrival.texts = inputs.texts();
  return arrival;
}

}  // namespace credence::feature
