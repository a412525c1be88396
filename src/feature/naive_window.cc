#include "src/feature/naive_window.h"

#include <algorithm>

#include "src/base/assert.h"
#include "src/feature/statistics.h"

namespace credence::feature {
namespace {

using record::Value;
using record::ValueKind;

bool IsText(const Value& value) {
  return value.kind() == ValueKind::kString || value.kind() == ValueKind::kToken;
}

bool Less(const Value& a, const Value& b) {
  switch (a.kind()) {
    case ValueKind::kInteger:
      return a.integer() < b.integer();
    case ValueKind::kDecimal:
      return a.decimal() < b.decimal();
    case ValueKind::kMoney:
      return a.base_minor() < b.base_minor();
    case ValueKind::kDuration:
      return a.duration_ns() < b.duration_ns();
    case ValueKind::kDate:
      return a.date() < b.date();
    case ValueKind::kTimestamp:
      return a.timestamp() < b.timestamp();
    default:
      return a.text() < b.text();
  }
}

// The number behind a value as coefficient x 10^-scale.
Int128 Coefficient(const Value& value, int scale) {
  switch (value.kind()) {
    case ValueKind::kInteger:
      return value.integer();
    case ValueKind::kDecimal:
      return *value.decimal().ToScaled(scale);
    case ValueKind::kMoney:
      return value.base_minor();
    default:
      return value.duration_ns();
  }
}

int ScaleOf(const std::vector<Value>& values, Currency base) {
  int scale = 0;
  for (const Value& value : values) {
    switch (value.kind()) {
      case ValueKind::kDecimal:
        scale = std::max(scale, value.decimal().Scale());
        break;
      case ValueKind::kMoney:
        scale = base.digits();
        break;
      case ValueKind::kDuration:
        scale = 9;
        break;
      default:
        break;
    }
  }
  return scale;
}

Value Sum(const std::vector<Value>& values, ValueKind kind, int scale, Currency base) {
  Int128 sum = 0;
  for (const Value& value : values) sum += Coefficient(value, scale);
  if (kind == ValueKind::kDecimal) return Value::OfDecimal(Decimal::FromScaled(sum, -scale));
  if (sum > INT64_MAX || sum < INT64_MIN) return Value::Absent();
  const auto total = static_cast<int64_t>(sum);
  if (kind == ValueKind::kMoney) return Value::OfMoney(Money{total, base}, total);
  return kind == ValueKind::kDuration ? Value::Duration(total) : Value::Integer(total);
}

Value Numeric(Aggregator aggregator, const std::vector<Value>& values, Currency base) {
  const int scale = ScaleOf(values, base);
  Int128 sum = 0;
  UInt192 squares;
  for (const Value& value : values) {
    const Int128 cell = Coefficient(value, scale);
    sum += cell;
    squares += UInt192::Square(static_cast<int64_t>(cell));
  }
  const auto count = static_cast<int64_t>(values.size());
  if (aggregator == Aggregator::kMean) return Value::OfDecimal(Mean(count, sum, scale));
  if (count < 2) return Value::Absent();
  return Value::OfDecimal(aggregator == Aggregator::kVariance
                              ? Variance(count, sum, squares, scale)
                              : StandardDeviation(count, sum, squares, scale));
}

// Money counts in the base currency.
Value InBase(const Value& value, Currency base) {
  if (value.kind() != ValueKind::kMoney) return value;
  return Value::OfMoney(Money{value.base_minor(), base}, value.base_minor());
}

int64_t Distinct(const std::vector<Value>& values) {
  std::vector<Value> different;
  for (const Value& value : values) {
    if (std::find(different.begin(), different.end(), value) == different.end()) {
      different.push_back(value);
    }
  }
  return static_cast<int64_t>(different.size());
}

ValueKind KindOfField(const record::FieldDecl& field) {
  switch (record::SlotTypeOf(field)) {
    case record::SlotType::kDecimal:
      return ValueKind::kDecimal;
    case record::SlotType::kMoney:
      return ValueKind::kMoney;
    case record::SlotType::kDuration:
      return ValueKind::kDuration;
    default:
      return ValueKind::kInteger;
  }
}

}  // namespace

void NaiveWindow::Update(const record::Event& event) {
  Kept kept;
  kept.type = event.type;
  kept.time = event.time.ns;
  kept.seq = event.seq.value();
  kept.texts.reserve(event.fields.size());  // views into it must not move
  for (const Value& value : event.fields) {
    if (!IsText(value)) {
      kept.fields.push_back(value);
      continue;
    }
    const std::string& text = kept.texts.emplace_back(value.text());
    kept.fields.push_back(value.kind() == ValueKind::kToken ? Value::Token(text)
                                                            : Value::String(text));
  }
  const auto at = std::find_if(events_.begin(), events_.end(), [&](const Kept& k) {
    return k.time > kept.time || (k.time == kept.time && k.seq > kept.seq);
  });
  events_.insert(at, std::move(kept));
}

bool NaiveWindow::Reverse(uint64_t seq, uint64_t reversal) {
  for (Kept& kept : events_) {
    if (kept.seq != seq || kept.reversal != 0) continue;
    kept.reversal = reversal;
    return true;
  }
  return false;
}

Value NaiveWindow::ArgumentOf(const FeatureSpec& spec, const Kept& event) const {
  if (spec.argument_is_feel) return arguments.at(spec.argument)(event);
  const record::EventType& type = schema_->event_types[event.type];
  return event.fields[*type.FieldIndex(spec.argument)];
}

bool NaiveWindow::Counts(const FeatureSpec& spec, uint32_t type, const Kept& event,
                         ReadPoint at) const {
  const Int128 end = static_cast<Int128>(at.time.ns) - spec.delay_ns;
  if (event.type != type || event.time > end || event.seq > at.seq.value()) return false;
  if (spec.window_ns != 0 && event.time <= end - spec.window_ns) return false;
  if (event.reversal != 0 && event.reversal <= at.seq.value()) return false;
  if (spec.prior && event.seq == at.seq.value()) return false;
  return spec.where.empty() || filters.at(spec.where)(event);
}

Value NaiveWindow::Read(const FeatureSpec& spec, ReadPoint at) const {
  const uint32_t type = *schema_->EventTypeIndex(spec.from);
  const Currency base = schema_->base_currency;
  std::vector<const Kept*> rows;
  std::vector<Value> values;
  for (const Kept& event : events_) {
    if (!Counts(spec, type, event, at)) continue;
    if (TakesArgument(spec.aggregator)) {
      const Value value = ArgumentOf(spec, event);
      if (value.absent()) continue;
      values.push_back(InBase(value, base));
    }
    rows.push_back(&event);
  }
  switch (spec.aggregator) {
    case Aggregator::kCount:
      return Value::Integer(static_cast<int64_t>(rows.size()));
    case Aggregator::kDistinct:
      return Value::Integer(Distinct(values));
    case Aggregator::kSum: {
      const ValueKind kind =
          spec.argument_is_feel
              ? ValueKind::kDecimal
              : KindOfField(schema_->event_types[type]
                                .fields[*schema_->event_types[type].FieldIndex(spec.argument)]);
      return Sum(values, kind, ScaleOf(values, base), base);
    }
    default:
      break;
  }
  if (rows.empty()) return Value::Absent();
  switch (spec.aggregator) {
    case Aggregator::kMean:
    case Aggregator::kVariance:
    case Aggregator::kStddev:
      return Numeric(spec.aggregator, values, base);
    case Aggregator::kMin:
      return *std::min_element(values.begin(), values.end(), Less);
    case Aggregator::kMax:
      return *std::max_element(values.begin(), values.end(), Less);
    case Aggregator::kFirst:
      return values.front();
    case Aggregator::kLast:
      return values.back();
    case Aggregator::kSinceFirst:
      return Value::Duration(at.time.ns - rows.front()->time);
    case Aggregator::kSinceLast:
      return Value::Duration(at.time.ns - rows.back()->time);
    default:
      CREDENCE_UNREACHABLE();
  }
}

}  // namespace credence::feature
