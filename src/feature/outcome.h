#pragma once
// ReadRun: the values of the features of one group, whatever they are computed from.
//
// A Source knows one series over one window at a time. It has
//   Begin(member, items)    the series that is asked about from now on, and all its features
//   MoveTo(item, bound)     the window of `item`, its first, that begins after `bound`, which is
//                           not later than the one before
//   Ask(item)               the feature of that window that is asked about
//   count()                 rows of the series in the window
// and of those rows, where there are some and the member's needs say so:
//   sum(), squares(), min(), max(), first(), last(), distinct()
// It is asked only for what the feature at hand is made of.

#include <cstdint>
#include <new>
#include <span>

#include "src/calendar/date.h"
#include "src/feature/dictionary.h"
#include "src/feature/plan.h"
#include "src/feature/statistics.h"
#include "src/record/value.h"

namespace credence::feature {

// A row, as far as first, last and the durations since them need it.
struct Moment {
  int64_t time = 0;
  int64_t cell = 0;
  uint64_t seq = 0;
};

// a - b, not below the least time.
inline int64_t MinusClamped(int64_t a, int64_t b) {
  int64_t difference = 0;
  return __builtin_sub_overflow(a, b, &difference) ? INT64_MIN : difference;
}

// What all features of a read have in common.
struct ReadScope {
  Timestamp at;
  int64_t horizon = INT64_MIN;  // rows up to here may be gone
  const Dictionary& texts;      // text values point into it
  Currency base;
};

[[nodiscard]] record::Value ValueOfCell(const Column& type, int64_t cell, const ReadScope& scope);
[[nodiscard]] record::Value ValueOfSum(const Column& type, Int128 sum, const ReadScope& scope);
[[nodiscard]] record::Value ValueSince(int64_t time, const ReadScope& scope);

// Makes the values of one member's features, shorter windows first. Most entities have few events,
// and so many windows that hold the same ones: what costs a division or a root is made once for
// them.
template <class Source>
class ValueMaker {
 public:
  ValueMaker(const ReadSet::Member& member, const ReadScope& scope)
      : member_(member), scope_(scope) {}

  [[nodiscard]] record::Value Make(Aggregator aggregator, Source& source) {
    using record::Value;
    const int64_t count = source.count();
    switch (aggregator) {
      case Aggregator::kCount:
        return Value::Integer(count);
      case Aggregator::kSum:
        return ValueOfSum(member_.type, count == 0 ? 0 : source.sum(), scope_);
      case Aggregator::kDistinct:
        return Value::Integer(count == 0 ? 0 : source.distinct());
      case Aggregator::kMean:
        if (count == 0) return Value::Absent();
        return Once(&mean_, count, [&] { return Mean(count, source.sum(), scale()); });
      case Aggregator::kVariance:
        if (count < 2) return Value::Absent();
        return Once(&variance_, count,
                    [&] { return Variance(count, source.sum(), source.squares(), scale()); });
      case Aggregator::kStddev:
        if (count < 2) return Value::Absent();
        return Once(&deviation_, count, [&] {
          return StandardDeviation(count, source.sum(), source.squares(), scale());
        });
      case Aggregator::kMin:
        return count == 0 ? Value::Absent() : ValueOfCell(member_.type, source.min(), scope_);
      case Aggregator::kMax:
        return count == 0 ? Value::Absent() : ValueOfCell(member_.type, source.max(), scope_);
      case Aggregator::kFirst:
        return count == 0 ? Value::Absent()
                          : ValueOfCell(member_.type, source.first().cell, scope_);
      case Aggregator::kLast:
        return count == 0 ? Value::Absent() : ValueOfCell(member_.type, source.last().cell, scope_);
      case Aggregator::kSinceFirst:
        return count == 0 ? Value::Absent() : ValueSince(source.first().time, scope_);
      case Aggregator::kSinceLast:
        return count == 0 ? Value::Absent() : ValueSince(source.last().time, scope_);
    }
    CREDENCE_UNREACHABLE();
  }

 private:
  // Windows end at the same row, so as many rows are the same ones.
  struct Made {
    int64_t count = 0;
    Decimal value;
  };
  template <class Compute>
  record::Value Once(Made* made, int64_t count, const Compute& compute) {
    if (made->count != count) *made = {count, compute()};
    return record::Value::OfDecimal(made->value);
  }
  [[nodiscard]] int scale() const { return member_.decimal_scale; }

  const ReadSet::Member& member_;
  const ReadScope& scope_;
  Made mean_;
  Made variance_;
  Made deviation_;
};

template <class Source>
void ReadRun(const ReadSet& set, const ReadSet::Run& run, const ReadScope& scope, Source* source,
             std::span<record::Value> out) {
  const int64_t end = MinusClamped(scope.at.ns, run.delay_ns);
  for (const ReadSet::Member& member : set.members(run)) {
    const std::span<const ReadSet::Item> items = set.items(member);
    source->Begin(member, items);
    ValueMaker<Source> maker(member, scope);
    bool incomplete = false;
    const ReadSet::Item* before = nullptr;
    for (const ReadSet::Item& item : items) {
      record::Value* const value = &out[item.feature];
      if (before == nullptr || item.window != before->window) {
        const int64_t bound = item.length_ns == 0 ? INT64_MIN : MinusClamped(end, item.length_ns);
        incomplete = item.length_ns != 0 && bound < scope.horizon;
        if (!incomplete) source->MoveTo(item, bound);
        before = &item;
      }
      if (incomplete) {
        *value = record::Value::Incomplete();
        continue;
      }
      source->Ask(item);
      // Made in its place: a copy of what was just written in halves would wait for the store.
      new (value) record::Value(maker.Make(item.aggregator, *source));
    }
  }
}

}  // namespace credence::feature
