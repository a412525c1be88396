#pragma once
// Terms: what a loan product says about repayment, as data. Everything a schedule depends on is
// here; nothing is read from anywhere else. Amounts are minor units of one currency, rates are
// fractions of one a year (0.07 is 7 %).

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "src/base/status.h"
#include "src/calendar/business_days.h"
#include "src/calendar/date.h"
#include "src/money/decimal.h"
#include "src/money/rounding.h"

namespace credence::lending {

// How principal comes back. Stored. Do not change.
enum class PlanKind : uint8_t {
  kEqualInstalments = 1,  // 等额本息: equal payments, interest on the balance
  kEqualPrincipal = 2,    // 等额本金: equal principal, interest on the balance
  kInterestOnly = 3,      // 按期还息一次性还本: interest each period, principal at the end
  kSinglePayment = 4,     // 到期一次性还本付息: everything at the end
  kFlat = 5,              // 等本等息: interest (or a fee) on the original principal each period
};

enum class PeriodUnit : uint8_t { kDays = 1, kWeeks = 2, kMonths = 3, kYears = 4 };

// What fraction of a year a stretch of days is. Stored. Do not change.
//
//   equal-periods   every/12 of a year for months, every x 7/364 for weeks, every/365 for days; a
//   part of a period by its
//                   share of the period's days
//   30/360          months of 30 days in a year of 360, of a month begun the share of its days;
//                   weeks and days count actual
//   days over 360 act/360 act/364 act/365   actual days act/act         actual days, split where
//   the year changes, each part over 365 or 366. The old year's part ends on
//                   31 December (on 1 January with `split_on_new_year`)
//   act/act-feb29   actual days over 366 if 29 February lies in (from, due] of the period, else
//   over 365 30/360-us 30/360-eu act/act-isda act/act-year   by calendar/day_count.h
enum class InterestBasis : uint8_t {
  kEqualPeriods = 1,
  kThirty360 = 2,
  kAct360 = 3,
  kAct364 = 4,
  kAct365 = 5,
  kActAct = 6,
  kActActFeb29 = 7,
  kThirty360Us = 8,
  kThirty360Eu = 9,
  kActActIsda = 10,
  kActActYear = 11,
};
[[nodiscard]] std::string_view InterestBasisName(InterestBasis basis);
[[nodiscard]] std::optional<InterestBasis> InterestBasisFromName(std::string_view name);

// A due date whose day the month does not have.
enum class MonthEnd : uint8_t {
  kKeepDay = 1,  // the last day of that month, then the wanted day again
  kLastDay = 2,  // if the first is the last day of its month, all are
};

struct Terms {
  PlanKind kind = PlanKind::kEqualInstalments;
  int32_t periods = 1;  // repayments, grace included
  int32_t every = 1;    // units between two repayments
  PeriodUnit unit = PeriodUnit::kMonths;
  Decimal annual_rate;
  InterestBasis basis = InterestBasis::kThirty360;
  bool split_on_new_year = false;  // see act/act

  std::optional<Date> first_due;  // none: one step after the start
  MonthEnd month_end = MonthEnd::kKeepDay;
  BusinessDayRule business_days = BusinessDayRule::kUnadjusted;
  // Whether interest counts to the adjusted due date; otherwise only the payment moves.
  bool interest_to_adjusted_date = false;

  int32_t principal_grace = 0;  // first periods without principal
  int32_t interest_grace = 0;  // first periods whose interest is paid with the first one after them
  int32_t interest_free = 0;   // first periods without interest

  Decimal down_payment;       // share of every draw that is due on its day; see DownPayment
  int64_t balloon_minor = 0;  // paid with the last instalment, on top of it
  int64_t fixed_instalment_minor = 0;       // equal instalments: 0 = computed
  int64_t multiple_minor = 1;               // instalments are rounded to multiples of this
  Rounding rounding = Rounding::kHalfEven;  // of interest and of instalments
  // Overdue principal bears interest until it is paid. Otherwise interest is that of the plan,
  // however late.
  bool interest_on_overdue = false;
  // Interest is that of the plan whatever is paid early or late (no recalculation).
  bool interest_by_plan = false;
  // Each day of a period earns the same part of the interest that it asks for; otherwise the day's
  // own interest (see Loan::EarnedTo). Flat plans always do.
  bool earned_evenly = false;
  // Equal instalments: spread the residue of rounding when it is more than half a minor unit a
  // period.
  bool smooth = true;
  // Flat: equal payments where the interest of periods differs; otherwise equal principal.
  bool equal_payments = false;
  // A further draw is spread over all instalments, also over those that fell due before it (a
  // cumulative schedule); otherwise over those from its day on.
  bool draws_over_all = false;
  // Flat: interest counts on the money drawn before the down payment is taken off.
  bool flat_on_drawn = false;
  // Equal principal and flat: the residue of rounding goes into the first instalment, not the last.
  bool residue_first = false;
};

// Together they keep every amount of interest within int64: 10^14 x 50 x 100 years.
inline constexpr int32_t kPeriodsMax = 1200;
inline constexpr int64_t kPrincipalMax = 100'000'000'000'000;  // minor units
inline constexpr int64_t kAnnualRateMax = 50;                  // 5,000 %
inline constexpr int64_t kTermDaysMax = 36'525;                // 100 years

// kInvalidArgument naming the field and what was expected.
[[nodiscard]] Status CheckTerms(const Terms& terms);

// The part of a draw that is paid back on the same day (首付): down_payment x amount, rounded to
// the multiple of instalments, and less than the draw. The plan is for the rest.
[[nodiscard]] int64_t DownPayment(const Terms& terms, int64_t amount_minor);

struct PeriodDates {
  Date from;  // interest counts from here …
  Date to;    // … to here
  Date due;   // the payment's day; equal to `to` unless a holiday moves it
};

// The periods of a loan that starts on `start`. `calendar` may be null where business_days is
// kUnadjusted. kInvalidArgument if first_due is not after the start.
[[nodiscard]] Result<std::vector<PeriodDates>> MakePeriods(const Terms& terms, Date start,
                                                           const BusinessCalendar* calendar);

// The day `steps` repayment steps after `anchor`.
[[nodiscard]] Date StepDate(const Terms& terms, Date anchor, int64_t steps);

// The fraction of a year that [from, to) is, within the period [period_from, period_to).
struct Fraction {
  int64_t numerator = 0;
  int64_t denominator = 1;
};
[[nodiscard]] Fraction YearFractionOf(const Terms& terms, Date period_from, Date period_to,
                                      Date from, Date to);

}  // namespace credence::lending
