#include "src/feature/outcome.h"

#include "src/base/assert.h"
#include "src/feature/statistics.h"

namespace credence::feature {
namespace {

using record::Value;
using record::ValueKind;

// Durations count in seconds where they become plain numbers.
constexpr int kNsScale = 9;

int DecimalScale(const Column& column, Currency base) {
  switch (column.kind) {
    case ValueKind::kDecimal:
      return column.scale;
    case ValueKind::kMoney:
      return base.digits();
    case ValueKind::kDuration:
      return kNsScale;
    default:
      return 0;
  }
}

Value OfCell(const Column& column, int64_t cell, const Dictionary& texts, Currency base) {
  switch (column.kind) {
    case ValueKind::kBoolean:
      return Value::Boolean(cell != 0);
    case ValueKind::kInteger:
      return Value::Integer(cell);
    case ValueKind::kDecimal:
      return Value::OfDecimal(Decimal::FromScaled(cell, -column.scale));
    case ValueKind::kMoney:
      return Value::OfMoney(Money{cell, base}, cell);
    case ValueKind::kDuration:
      return Value::Duration(cell);
    case ValueKind::kDate:
      return Value::OfDate(Date{cell});
    case ValueKind::kTimestamp:
      return Value::OfTimestamp(Timestamp{cell});
    case ValueKind::kString:
      return Value::String(texts.Text(static_cast<uint32_t>(cell)));
    case ValueKind::kToken:
      return Value::Token(texts.Text(static_cast<uint32_t>(cell)));
    default:
      CREDENCE_UNREACHABLE();
  }
}

Value OfSum(const Column& column, Int128 sum, const Dictionary& texts, Currency base) {
  if (column.kind == ValueKind::kDecimal) {
    return Value::OfDecimal(Decimal::FromScaled(sum, -column.scale));
  }
  if (sum < INT64_MIN || sum > INT64_MAX) return Value::Absent();
  return OfCell(column, static_cast<int64_t>(sum), texts, base);
}

Value Since(Timestamp read_at, const Moment& moment) {
  int64_t ns = 0;
  if (__builtin_sub_overflow(read_at.ns, moment.time, &ns)) return Value::Absent();
  return Value::Duration(ns);
}

}  // namespace

Value MakeValue(Aggregator aggregator, const Column* column, const Outcome& outcome,
                Timestamp read_at, const Dictionary& texts, Currency base) {
  const Tally& tally = outcome.tally;
  switch (aggregator) {
    case Aggregator::kCount:
      return Value::Integer(tally.count);
    case Aggregator::kSum:
      return OfSum(*column, tally.sum, texts, base);
    case Aggregator::kDistinct:
      return Value::Integer(tally.count == 0 ? 0 : outcome.distinct);
    case Aggregator::kVariance:
      if (tally.count < 2) return Value::Absent();
      return Value::OfDecimal(
          Variance(tally.count, tally.sum, tally.squares, DecimalScale(*column, base)));
    case Aggregator::kStddev:
      if (tally.count < 2) return Value::Absent();
      return Value::OfDecimal(
          StandardDeviation(tally.count, tally.sum, tally.squares, DecimalScale(*column, base)));
    default:
      break;
  }
  if (tally.count == 0) return Value::Absent();
  switch (aggregator) {
    case Aggregator::kMean:
      return Value::OfDecimal(Mean(tally.count, tally.sum, DecimalScale(*column, base)));
    case Aggregator::kMin:
      return OfCell(*column, outcome.min, texts, base);
    case Aggregator::kMax:
      return OfCell(*column, outcome.max, texts, base);
    case Aggregator::kFirst:
      return OfCell(*column, outcome.first.cell, texts, base);
    case Aggregator::kLast:
      return OfCell(*column, outcome.last.cell, texts, base);
    case Aggregator::kSinceFirst:
      return Since(read_at, outcome.first);
    case Aggregator::kSinceLast:
      return Since(read_at, outcome.last);
    default:
      CREDENCE_UNREACHABLE();
  }
}

}  // namespace credence::feature
