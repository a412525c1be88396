#include "src/lending/apr.h"

#include <algorithm>
#include <functional>
#include <map>

#include "src/base/assert.h"

namespace credence::lending {
namespace {

const Decimal kZero = Decimal::FromInt64(0);
const Decimal kOne = Decimal::FromInt64(1);
const Decimal kTwo = Decimal::FromInt64(2);

// One change of direction, money to the borrower first.
template <class F>
Status CheckFlows(std::span<const F> flows) {
  if (flows.size() > kFlowsMax) return OutOfRange("more than 20000 flows");
  int changes = 0;
  int last = 0;
  for (const F& flow : flows) {
    if (!flow.amount.IsFinite()) return InvalidArgument("a flow is not a number");
    if (flow.amount.IsZero()) continue;
    const int sign = flow.amount.IsNegative() ? -1 : 1;
    if (last == 0 && sign < 0) return InvalidArgument("the first flow is not to the borrower");
    if (last != 0 && sign != last) ++changes;
    last = sign;
  }
  if (changes == 0) return InvalidArgument("the flows go only one way: there is no rate");
  if (changes > 1) {
    return InvalidArgument("the flows change direction more than once: the rate is not unique");
  }
  return OkStatus();
}

// The root of a function that is negative below it and positive above it. Regula falsi with the
// Illinois rule, which keeps the root between two ends at every step.
Result<Decimal> FindRoot(const std::function<Decimal(Decimal)>& value) {
  const Decimal low_end = Decimal::FromScaled(-9999, -4);
  const Decimal high_end = Decimal::FromInt64(10'000);
  const Decimal at_zero = value(kZero);
  if (at_zero.IsZero()) return kZero;
  Decimal low = kZero;
  Decimal high = kZero;
  if (at_zero.IsNegative()) {
    high = Decimal::FromScaled(1, -2);
    while (value(high).IsNegative()) {
      if (high >= high_end) return InvalidArgument("there is no rate below 1,000,000 %");
      low = high;
      high = high * kTwo > high_end ? high_end : high * kTwo;
    }
  } else {
    // Towards -1: halve what is left of the way.
    Decimal left = Decimal::FromScaled(5, -1);
    low = left - kOne;
    while (!value(low).IsNegative()) {
      if (low <= low_end) return InvalidArgument("there is no rate above -99.99 %");
      high = low;
      left = left / kTwo;
      low = left - kOne < low_end ? low_end : left - kOne;
    }
  }
  Decimal value_low = value(low);
  Decimal value_high = value(high);
  const Decimal tolerance = Decimal::FromScaled(1, -22);
  int side = 0;
  for (int step = 0; step < 300 && high - low > tolerance; ++step) {
    // Every fourth step halves, so that the bracket shrinks whatever the shape.
    Decimal middle = (low + high) / kTwo;
    if (step % 4 != 3) {
      middle = (low * value_high - high * value_low) / (value_high - value_low);
      if (!middle.IsFinite() || middle <= low || middle >= high) middle = (low + high) / kTwo;
    }
    const Decimal found = value(middle);
    if (found.IsZero()) return middle;
    if (found.IsNegative()) {
      low = middle;
      value_low = found;
      if (side == -1) value_high = value_high / kTwo;
      side = -1;
    } else {
      high = middle;
      value_high = found;
      if (side == 1) value_low = value_low / kTwo;
      side = 1;
    }
  }
  return (low + high) / kTwo;
}

}  // namespace

Result<Decimal> ActuarialRate(std::span<const Flow> flows) {
  std::vector<Flow> sorted(flows.begin(), flows.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](const Flow& a, const Flow& b) {
    if (a.whole != b.whole) return a.whole < b.whole;
    return a.fraction < b.fraction;
  });
  CREDENCE_TRY(CheckFlows<Flow>(sorted));
  for (const Flow& flow : sorted) {
    if (flow.whole < 0 || flow.fraction.IsNegative() || flow.fraction >= kOne) {
      return InvalidArgument("a flow is not at a time of the equation");
    }
  }
  return FindRoot([&](Decimal rate) {
    const Decimal v = kOne / (kOne + rate);
    Decimal sum = kZero;
    Decimal discount = kOne;
    int64_t at = 0;
    for (const Flow& flow : sorted) {
      if (flow.whole - at > 4) {
        discount = discount * Decimal::Power(v, Decimal::FromInt64(flow.whole - at));
        at = flow.whole;
      }
      for (; at < flow.whole; ++at) discount = discount * v;
      const Decimal part = flow.fraction.IsZero()
                               ? flow.amount * discount
                               : flow.amount * discount / (kOne + flow.fraction * rate);
      sum = sum + part;
    }
    return sum;  // what the borrower got beyond what was paid: grows with the rate
  });
}

Result<Decimal> YearlyRate(std::span<const YearFlow> flows) {
  std::vector<YearFlow> sorted(flows.begin(), flows.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const YearFlow& a, const YearFlow& b) { return a.years < b.years; });
  CREDENCE_TRY(CheckFlows<YearFlow>(sorted));
  return FindRoot([&](Decimal rate) {
    Decimal sum = kZero;
    for (const YearFlow& flow : sorted) {
      const Decimal discount =
          flow.years.IsZero() ? kOne : Decimal::Power(kOne + rate, -flow.years);
      sum = sum + flow.amount * discount;
    }
    return sum;
  });
}

Result<Decimal> DatedRate(std::span<const DatedFlow> flows) {
  if (flows.empty()) return InvalidArgument("there is no flow");
  Date first = flows.front().day;
  for (const DatedFlow& flow : flows) first = std::min(first, flow.day);
  std::vector<YearFlow> by_year;
  by_year.reserve(flows.size());
  for (const DatedFlow& flow : flows) {
    by_year.push_back(
        {Decimal::FromInt64(flow.day.days - first.days) / Decimal::FromInt64(365), flow.amount});
  }
  return YearlyRate(by_year);
}

Decimal CompoundYearly(Decimal rate, int64_t periods_per_year) {
  return Decimal::Power(kOne + rate, Decimal::FromInt64(periods_per_year)) - kOne;
}

Decimal UnitPeriodsPerYear(UnitPeriod unit, int64_t every) {
  switch (unit) {
    case UnitPeriod::kWeek:
      return Decimal::FromInt64(52) / Decimal::FromInt64(every);
    case UnitPeriod::kSemimonth:
      return Decimal::FromInt64(24);
    case UnitPeriod::kMonth:
      return Decimal::FromInt64(12) / Decimal::FromInt64(every);
    case UnitPeriod::kYear:
      return kOne;
  }
  CREDENCE_UNREACHABLE();
}

UnitInterval UnitPeriodsBetween(UnitPeriod unit, int64_t every, Date from, Date to) {
  CREDENCE_ASSERT(from <= to && every >= 1);
  if (unit == UnitPeriod::kWeek) {
    const int64_t days = to.days - from.days;
    return {days / (7 * every), days % (7 * every), 7 * every};
  }
  // Whole months back from `to`, and the days from `from` to the day reached.
  int64_t months = 0;
  while (to.PlusMonths(-(months + 1)) >= from) ++months;
  const int64_t days = to.PlusMonths(-months).days - from.days;
  if (unit == UnitPeriod::kSemimonth) {
    // Half a month is fifteen days.
    return {months * 2 + days / 15, days % 15, 15};
  }
  const int64_t step = unit == UnitPeriod::kYear ? 12 * every : every;
  if (unit == UnitPeriod::kYear) {
    const Date reached = to.PlusMonths(-(months / step) * step);
    return {months / step, reached.days - from.days, 365 * every};
  }
  return {months / step, (months % step) * 30 + days, 30 * step};
}

EuInterval EuIntervalBetween(Date from, Date to) {
  CREDENCE_ASSERT(from <= to);
  EuInterval interval;
  while (to.PlusMonths(-(interval.months + 1)) >= from) ++interval.months;
  const Date reached = to.PlusMonths(-interval.months);
  interval.days = reached.days - from.days;
  const Date year_before = reached.PlusMonths(-12);
  for (int64_t year = year_before.ToCivil().year; year <= reached.ToCivil().year; ++year) {
    if (!IsLeapYear(year)) continue;
    const Date leap_day = *Date::FromCivil(year, 2, 29);
    if (leap_day >= year_before && leap_day < reached) interval.year_days = 366;
  }
  return interval;
}

Decimal EuYears(const EuInterval& interval) {
  return Decimal::FromInt64(interval.months) / Decimal::FromInt64(12) +
         Decimal::FromInt64(interval.days) / Decimal::FromInt64(interval.year_days);
}

Result<ComprehensiveCost> CostOfCredit(std::span<const DatedFlow> advances,
                                       std::span<const DatedFlow> payments,
                                       std::span<const CostItem> costs) {
  // By day, since what is kept back on the day of an advance makes the advance smaller.
  std::map<Date, Decimal> by_day;
  for (const DatedFlow& advance : advances)
    by_day[advance.day] = by_day[advance.day] + advance.amount;
  for (const DatedFlow& payment : payments)
    by_day[payment.day] = by_day[payment.day] - payment.amount;
  ComprehensiveCost cost;
  std::map<std::string, int64_t> by_payee;
  for (const CostItem& item : costs) {
    by_day[item.day] = by_day[item.day] - Decimal::FromInt64(item.amount_minor);
    if (__builtin_add_overflow(cost.total_minor, item.amount_minor, &cost.total_minor)) {
      return OutOfRange("the costs are too large");
    }
    by_payee[item.payee] += item.amount_minor;
  }
  std::vector<DatedFlow> flows;
  for (const auto& [day, amount] : by_day) flows.push_back({day, amount});
  CREDENCE_ASSIGN(cost.yearly_compound, DatedRate(flows));
  cost.by_payee.assign(by_payee.begin(), by_payee.end());
  return cost;
}

}  // namespace credence::lending
