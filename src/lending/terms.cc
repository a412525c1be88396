#include "src/lending/terms.h"

#include <algorithm>
#include <array>
#include <string>

#include "src/base/assert.h"
#include "src/calendar/day_count.h"

namespace credence::lending {
namespace {

struct BasisName {
  InterestBasis basis;
  std::string_view text;
};
constexpr std::array<BasisName, 11> kBasisNames{{{InterestBasis::kEqualPeriods, "equal-periods"},
                                                 {InterestBasis::kThirty360, "30/360"},
                                                 {InterestBasis::kAct360, "act/360"},
                                                 {InterestBasis::kAct364, "act/364"},
                                                 {InterestBasis::kAct365, "act/365"},
                                                 {InterestBasis::kActAct, "act/act"},
                                                 {InterestBasis::kActActFeb29, "act/act-feb29"},
                                                 {InterestBasis::kThirty360Us, "30/360-us"},
                                                 {InterestBasis::kThirty360Eu, "30/360-eu"},
                                                 {InterestBasis::kActActIsda, "act/act-isda"},
                                                 {InterestBasis::kActActYear, "act/act-year"}}};

int64_t YearDays(int64_t year) { return IsLeapYear(year) ? 366 : 365; }

// One whole period, and its days for a part of it.
Fraction PartOf(Fraction whole, Date period_from, Date period_to, Date from, Date to) {
  const int64_t all = period_to.days - period_from.days;
  const int64_t part = to.days - from.days;
  if (part == all) return whole;
  return {whole.numerator * part, whole.denominator * all};
}

Fraction ActAct(const Terms& terms, Date from, Date to) {
  const int64_t first = from.ToCivil().year;
  const int64_t last = to.ToCivil().year;
  Fraction sum{0, 365 * 366};
  Date at = from;
  for (int64_t year = first; year <= last; ++year) {
    const Date turn =
        terms.split_on_new_year ? *Date::FromCivil(year + 1, 1, 1) : *Date::FromCivil(year, 12, 31);
    // A stretch that begins on 31 December lies in the new year already.
    const Date end = year == last || turn > to ? to : turn;
    if (end > at) sum.numerator += (end.days - at.days) * (YearDays(year) == 365 ? 366 : 365);
    if (end > at) at = end;
  }
  return sum;
}

// [from, to) in twelfths of a year: whole months, and of the one begun the share of its days. The
// last day of a month stands for a day that the month does not have.
Fraction MonthsBetween(Date from, Date to) {
  const CivilDate a = from.ToCivil();
  const CivilDate b = to.ToCivil();
  const int64_t months = (b.year - a.year) * 12 + (b.month - a.month);
  const bool whole = a.day == b.day || (b.day < a.day && b.day == DaysInMonth(b.year, b.month)) ||
                     (a.day < b.day && a.day == DaysInMonth(a.year, a.month));
  if (whole) return {months, 12};
  const int64_t full = b.day < a.day ? months - 1 : months;
  const Date begun = from.PlusMonths(full);
  const int64_t of = from.PlusMonths(full + 1).days - begun.days;
  return {full * of + (to.days - begun.days), 12 * of};
}

bool HoldsFeb29(Date from, Date to) {
  for (int64_t year = from.ToCivil().year; year <= to.ToCivil().year; ++year) {
    if (!IsLeapYear(year)) continue;
    const Date leap_day = *Date::FromCivil(year, 2, 29);
    if (leap_day > from && leap_day <= to) return true;
  }
  return false;
}

Fraction FromDayCount(DayCount convention, Date from, Date to) {
  const YearFraction fraction = YearsBetween(convention, from, to);
  return {fraction.numerator, fraction.denominator};
}

}  // namespace

std::string_view InterestBasisName(InterestBasis basis) {
  for (const BasisName& name : kBasisNames) {
    if (name.basis == basis) return name.text;
  }
  CREDENCE_UNREACHABLE();
}

std::optional<InterestBasis> InterestBasisFromName(std::string_view text) {
  for (const BasisName& name : kBasisNames) {
    if (name.text == text) return name.basis;
  }
  return std::nullopt;
}

Status CheckTerms(const Terms& terms) {
  const auto number = [](int64_t n) { return std::to_string(n); };
  if (terms.periods < 1 || terms.periods > kPeriodsMax) {
    return InvalidArgument("periods is " + number(terms.periods) + ", expected 1 to 1200");
  }
  if (terms.every < 1 || terms.every > 1000) {
    return InvalidArgument("every is " + number(terms.every) + ", expected 1 to 1000");
  }
  constexpr std::array<int64_t, 4> kDaysOfUnit{1, 7, 31, 366};
  const int64_t unit_days = kDaysOfUnit[static_cast<size_t>(terms.unit) - 1];
  if (int64_t{terms.periods} * terms.every * unit_days > kTermDaysMax + 1300) {
    return InvalidArgument("periods x every is more than 100 years");
  }
  if (!terms.annual_rate.IsFinite() || terms.annual_rate.IsNegative() ||
      terms.annual_rate > Decimal::FromInt64(kAnnualRateMax)) {
    return InvalidArgument("annual_rate is " + terms.annual_rate.ToString() +
                           ", expected 0 to 50 (5,000 %)");
  }
  if (terms.principal_grace < 0 || terms.principal_grace >= terms.periods) {
    return InvalidArgument("principal_grace is " + number(terms.principal_grace) +
                           ": no period is left to repay principal");
  }
  if (terms.interest_grace < 0 || terms.interest_grace >= terms.periods) {
    return InvalidArgument("interest_grace is " + number(terms.interest_grace) +
                           ": no period is left to pay interest");
  }
  if (terms.interest_free < 0 || terms.interest_free > terms.periods) {
    return InvalidArgument("interest_free is " + number(terms.interest_free) +
                           ", expected 0 to the number of periods");
  }
  if (terms.balloon_minor < 0 || terms.fixed_instalment_minor < 0) {
    return InvalidArgument("balloon and fixed instalment must not be negative");
  }
  if (!terms.down_payment.IsFinite() || terms.down_payment.IsNegative() ||
      terms.down_payment >= Decimal::FromInt64(1)) {
    return InvalidArgument("down_payment is " + terms.down_payment.ToString() +
                           ", expected 0 to less than 1");
  }
  if (terms.multiple_minor < 1) return InvalidArgument("multiple_minor must be at least 1");
  if (terms.kind == PlanKind::kSinglePayment && terms.principal_grace + terms.interest_grace > 0) {
    return InvalidArgument("a single payment has no grace");
  }
  return OkStatus();
}

int64_t DownPayment(const Terms& terms, int64_t amount_minor) {
  const Decimal part = terms.down_payment * Decimal::FromInt64(amount_minor);
  const Decimal multiple = Decimal::FromInt64(terms.multiple_minor);
  const int64_t down =
      (part / multiple).Rounded(0, terms.rounding).ToInt64().value() * terms.multiple_minor;
  return std::min(down, std::max<int64_t>(amount_minor - 1, 0));  // something is financed
}

Date StepDate(const Terms& terms, Date anchor, int64_t steps) {
  const int64_t count = steps * terms.every;
  switch (terms.unit) {
    case PeriodUnit::kDays:
      return anchor.PlusDays(count);
    case PeriodUnit::kWeeks:
      return anchor.PlusDays(count * 7);
    case PeriodUnit::kMonths:
    case PeriodUnit::kYears:
      break;
  }
  const Date date = anchor.PlusMonths(terms.unit == PeriodUnit::kYears ? count * 12 : count);
  if (terms.month_end == MonthEnd::kLastDay) {
    const CivilDate was = anchor.ToCivil();
    if (was.day == DaysInMonth(was.year, was.month)) {
      const CivilDate now = date.ToCivil();
      return date.PlusDays(DaysInMonth(now.year, now.month) - now.day);
    }
  }
  return date;
}

Result<std::vector<PeriodDates>> MakePeriods(const Terms& terms, Date start,
                                             const BusinessCalendar* calendar) {
  if (terms.first_due && *terms.first_due <= start) {
    return InvalidArgument("first_due " + terms.first_due->ToString() + " is not after the start " +
                           start.ToString());
  }
  CREDENCE_ASSERT(calendar != nullptr || terms.business_days == BusinessDayRule::kUnadjusted);
  std::vector<PeriodDates> periods;
  const bool single = terms.kind == PlanKind::kSinglePayment;
  const int32_t count = single ? 1 : terms.periods;
  periods.reserve(static_cast<size_t>(count));
  Date from = start;
  for (int32_t i = 0; i < count; ++i) {
    const int64_t steps = single ? terms.periods : i + 1;
    const Date nominal = terms.first_due ? StepDate(terms, *terms.first_due, steps - 1)
                                         : StepDate(terms, start, steps);
    const Date due = calendar == nullptr ? nominal : calendar->Adjust(nominal, terms.business_days);
    const Date to = terms.interest_to_adjusted_date ? due : nominal;
    if (to <= from) {
      return InvalidArgument("period " + std::to_string(i + 1) +
                             " has no days: " + from.ToString() + " to " + to.ToString());
    }
    periods.push_back({from, to, due});
    from = to;
  }
  return periods;
}

Fraction YearFractionOf(const Terms& terms, Date period_from, Date period_to, Date from, Date to) {
  const int64_t days = to.days - from.days;
  const int64_t every =
      terms.kind == PlanKind::kSinglePayment ? int64_t{terms.every} * terms.periods : terms.every;
  const bool by_months = terms.unit == PeriodUnit::kMonths || terms.unit == PeriodUnit::kYears;
  const int64_t months = terms.unit == PeriodUnit::kYears ? every * 12 : every;
  switch (terms.basis) {
    case InterestBasis::kEqualPeriods:
      if (by_months) return PartOf({months, 12}, period_from, period_to, from, to);
      if (terms.unit == PeriodUnit::kWeeks) {
        return PartOf({every, 52}, period_from, period_to, from, to);
      }
      return PartOf({every, 365}, period_from, period_to, from, to);
    case InterestBasis::kThirty360:
      if (by_months) {
        return PartOf(MonthsBetween(period_from, period_to), period_from, period_to, from, to);
      }
      return {days, 360};
    case InterestBasis::kAct360:
      return {days, 360};
    case InterestBasis::kAct364:
      return {days, 364};
    case InterestBasis::kAct365:
      return {days, 365};
    case InterestBasis::kActAct:
      return ActAct(terms, from, to);
    case InterestBasis::kActActFeb29:
      return {days, HoldsFeb29(period_from, period_to) ? 366 : 365};
    case InterestBasis::kThirty360Us:
      return FromDayCount(DayCount::kThirty360Us, from, to);
    case InterestBasis::kThirty360Eu:
      return FromDayCount(DayCount::kThirty360Eu, from, to);
    case InterestBasis::kActActIsda:
      return FromDayCount(DayCount::kActActIsda, from, to);
    case InterestBasis::kActActYear:
      return FromDayCount(DayCount::kActActYear, from, to);
  }
  CREDENCE_UNREACHABLE();
}

}  // namespace credence::lending
