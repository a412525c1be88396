#pragma once
// The cost of credit as a yearly rate, as laws ask for it. All in decimals, no float.
//
//   actuarial (US)  sum A / ((1 + f i)(1 + i)^t) = sum P / ((1 + f i)(1 + i)^t), APR = i x w
//                   with t whole unit periods, f the fraction of one, w unit periods a year
//                   (Regulation Z, 12 CFR 1026, Appendix J (b)(8))
//   EU              sum C (1 + X)^-t = sum D (1 + X)^-s, times in years
//                   (Directive 2008/48/EC, Annex I; intervals as in the Commission's guideline
//                   SWD(2012) 128)
//   IRR (China)     the actuarial equation with whole periods; the yearly rate is (1 + i)^w - 1,
//   and i x w where the
//                   simple figure is shown too (PBoC Announcement 2021 No. 3)
//
// Worked example (Appendix J (c)(1)(i)): 5,000 advanced, 24 monthly payments of 230 from one month
// later: i = 0.8075 %, APR 9.69 %.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "src/base/status.h"
#include "src/calendar/date.h"
#include "src/lending/terms.h"
#include "src/money/decimal.h"

namespace credence::lending {

// Money that changes hands `whole` unit periods and `fraction` of one after the first advance.
// Amounts in any one unit.
struct Flow {
  int64_t whole = 0;
  Decimal fraction;  // 0 <= fraction < 1
  Decimal amount;    // positive: to the borrower; negative: from the borrower
};

// The rate i for one unit period at which the flows are worth 0. kInvalidArgument if there is none
// above -99.99 % and below 1,000,000 %, if there is no flow either way, or if the flows change
// direction more than once (then the rate is not unique). At most kFlowsMax flows (kOutOfRange).
inline constexpr size_t kFlowsMax = 20'000;
[[nodiscard]] Result<Decimal> ActuarialRate(std::span<const Flow> flows);

// A dated amount; the sign as in Flow.
struct DatedFlow {
  Date day;
  Decimal amount;
};

// sum amount (1 + X)^-t = 0 with t in years: the yearly rate X.
struct YearFlow {
  Decimal years;
  Decimal amount;
};
[[nodiscard]] Result<Decimal> YearlyRate(std::span<const YearFlow> flows);
// The same with t = days / 365 from the first day.
[[nodiscard]] Result<Decimal> DatedRate(std::span<const DatedFlow> flows);

// (1 + i)^periods - 1: the yearly rate of a rate per period.
[[nodiscard]] Decimal CompoundYearly(Decimal rate, int64_t periods_per_year);

// --- Regulation Z, Appendix J (b)(5): how many unit periods lie between two dates ---
enum class UnitPeriod : uint8_t {
  kWeek = 1,       // `every` weeks, w = 52 / every
  kSemimonth = 2,  // w = 24
  kMonth = 3,      // `every` months, w = 12 / every
  kYear = 4,
};
struct UnitInterval {
  int64_t whole = 0;
  int64_t part_days = 0;  // fraction = part_days / part_of_days
  int64_t part_of_days = 1;
};
// Counted back from `to` in whole unit periods; the days left over are divided by the days of a
// unit period (7 x every, 15, 30 x every, 365).
[[nodiscard]] UnitInterval UnitPeriodsBetween(UnitPeriod unit, int64_t every, Date from, Date to);
[[nodiscard]] Decimal UnitPeriodsPerYear(UnitPeriod unit, int64_t every);

// --- EU: the time between two dates ---
struct EuInterval {
  int64_t months = 0;  // twelfths of a year
  int64_t days = 0;    // of a year of `year_days`
  int64_t year_days = 365;
};
// Counted back from `to` in whole months; the days left over are of 366 if 29 February lies in the
// year before the day that was reached, else of 365.
[[nodiscard]] EuInterval EuIntervalBetween(Date from, Date to);
[[nodiscard]] Decimal EuYears(const EuInterval& interval);

// --- comprehensive cost: what the borrower pays beyond the money received, and to whom ---
struct CostItem {
  std::string payee;  // "lender", "guarantor", "platform", "insurer" …
  Date day;
  int64_t amount_minor = 0;
};
struct ComprehensiveCost {
  Decimal yearly_compound;  // IRR of all flows, (1 + x)^-(days/365)
  int64_t total_minor = 0;
  std::vector<std::pair<std::string, int64_t>> by_payee;  // sorted by payee; sums to the total
};
// `advances` to the borrower; `payments` of principal only; `costs` everything else that the
// borrower pays.
[[nodiscard]] Result<ComprehensiveCost> CostOfCredit(std::span<const DatedFlow> advances,
                                                     std::span<const DatedFlow> payments,
                                                     std::span<const CostItem> costs);

}  // namespace credence::lending
