#include "src/lending/offer.h"

#include <algorithm>
#include <map>

#include "src/base/assert.h"

namespace credence::lending {
namespace {

// When something happens on the time scale of unit periods.
struct UnitTime {
  int64_t whole = 0;
  Decimal fraction;
};

// The unit periods of an offer, and when each of its days falls.
class UnitScale {
 public:
  UnitScale(const Terms& terms, Date start, Date first_due, Date last_due)
      : terms_(terms), start_(start), first_due_(first_due) {
    if (terms.kind == PlanKind::kSinglePayment || terms.periods == 1) {
      SetSinglePayment(last_due);
      return;
    }
    switch (terms.unit) {
      case PeriodUnit::kDays:
        days_ = terms.every;
        break;
      case PeriodUnit::kWeeks:
        unit_ = UnitPeriod::kWeek;
        every_ = terms.every;
        break;
      case PeriodUnit::kMonths:
        unit_ = UnitPeriod::kMonth;
        every_ = terms.every;
        break;
      case PeriodUnit::kYears:
        unit_ = UnitPeriod::kMonth;
        every_ = int64_t{12} * terms.every;
        break;
    }
    if (unit_ == UnitPeriod::kMonth && every_ > 12) {
      unit_ = UnitPeriod::kYear;  // a unit period is at most a year
      every_ = 1;
    } else {
      regular_ = true;
    }
  }

  [[nodiscard]] Decimal PerYear() const {
    if (days_ > 0) return Decimal::FromInt64(365) / Decimal::FromInt64(days_);
    return UnitPeriodsPerYear(unit_, every_);
  }

  // Of the payment of period `number` (from 1) that falls due on `due`.
  [[nodiscard]] UnitTime OfPeriod(int32_t number, Date due) const {
    if (single_) return {1, Decimal()};
    if (!regular_) return OfDay(due);
    // Periods after the first are whole ones, whatever the lengths of months.
    UnitTime time{1, Decimal()};
    if (terms_.first_due) time = OfDay(first_due_);
    time.whole += number - 1;
    return time;
  }

  [[nodiscard]] UnitTime OfDay(Date day) const {
    if (days_ > 0) {
      const int64_t days = day.days - start_.days;
      return {days / days_, Decimal::FromInt64(days % days_) / Decimal::FromInt64(days_)};
    }
    const UnitInterval interval = UnitPeriodsBetween(unit_, every_, start_, day);
    return {interval.whole,
            Decimal::FromInt64(interval.part_days) / Decimal::FromInt64(interval.part_of_days)};
  }

 private:
  // One advance and one payment: the unit period is the term, at most a year (Appendix J (b)(4)).
  void SetSinglePayment(Date last_due) {
    const int64_t months = terms_.unit == PeriodUnit::kMonths  ? terms_.periods * terms_.every
                           : terms_.unit == PeriodUnit::kYears ? terms_.periods * terms_.every * 12
                                                               : 0;
    if (months > 0 && months <= 12 && !terms_.first_due) {
      single_ = true;
      unit_ = UnitPeriod::kMonth;
      every_ = months;
    } else if (last_due.days - start_.days <= 365) {
      single_ = true;
      days_ = last_due.days - start_.days;
    } else {
      unit_ = UnitPeriod::kYear;
    }
  }

  const Terms& terms_;
  Date start_;
  Date first_due_;
  UnitPeriod unit_ = UnitPeriod::kMonth;
  int64_t every_ = 1;
  int64_t days_ = 0;      // the unit period in days, where it is none of Appendix J
  bool regular_ = false;  // a period is a unit period
  bool single_ = false;
};

Status CheckRequest(const OfferRequest& request) {
  CREDENCE_TRY(CheckTerms(request.product.terms));
  CREDENCE_ASSERT(request.payees.size() == request.product.charges.size());
  const auto check_amount = [](const char* field, int64_t amount) -> Status {
    if (amount > 0 && amount <= kPrincipalMax) return {};
    return InvalidArgument(std::string(field) + " is " + std::to_string(amount) +
                           " minor units, expected 1 to " + std::to_string(kPrincipalMax));
  };
  CREDENCE_TRY(check_amount("principal", request.amount_minor));
  int64_t all = request.amount_minor;
  for (const OfferRequest::Draw& draw : request.draws) {
    CREDENCE_TRY(check_amount("draws", draw.amount_minor));
    all += draw.amount_minor;
    CREDENCE_TRY(check_amount("the sum of draws", all));
  }
  return {};
}

Status CheckDays(const OfferRequest& request, const std::vector<PeriodDates>& dates) {
  const Date last = dates.back().to;
  const auto check = [&](const char* field, Date day, Date first) -> Status {
    if (day >= first && day < last) return {};
    return InvalidArgument(std::string(field) + " has the day " + day.ToString() + ", expected " +
                           first.ToString() + " to before " + last.ToString());
  };
  for (const OfferRequest::Draw& draw : request.draws) {
    CREDENCE_TRY(check("draws", draw.day, request.start.PlusDays(1)));
  }
  for (const OfferRequest::RateStep& step : request.rate_steps) {
    CREDENCE_TRY(check("rate_steps", step.from, request.start));
  }
  return {};
}

struct Fee {
  std::string payee;
  Date day;
  int64_t amount;
  size_t row;  // of the offer
};

int64_t AmountOf(const ChargeRule& rule, int64_t base, Rounding rounding) {
  if (rule.base == ChargeRule::Base::kFlat) return rule.amount_minor;
  const auto amount = (Decimal::FromInt64(base) * rule.rate).Rounded(0, rounding).ToInt64();
  return amount.value_or(INT64_MAX);
}

// Fees on their rows: row 0 is the first draw.
std::vector<Fee> MakeFees(const OfferRequest& request, int64_t financed, Offer* offer) {
  std::vector<Fee> fees;
  for (size_t i = 0; i < request.product.charges.size(); ++i) {
    const ChargeRule& rule = request.product.charges[i];
    if (rule.when == ChargeRule::When::kOverdue) continue;
    for (size_t at = 0; at < offer->rows.size(); ++at) {
      OfferRow& row = offer->rows[at];
      const bool wanted = rule.when == ChargeRule::When::kDisbursement ? at == 0 : row.number > 0;
      if (!wanted) continue;
      int64_t base = financed;
      if (rule.base == ChargeRule::Base::kPercentOfInterest) base = row.interest;
      if (rule.base == ChargeRule::Base::kPercentOfInstalment) base = row.principal + row.interest;
      const int64_t amount = AmountOf(rule, base, request.product.rounding);
      if (amount <= 0) continue;
      row.fee += amount;
      fees.push_back({request.payees[i], row.due, amount, at});
    }
  }
  return fees;
}

// Flows at one time are one flow: what is kept back makes the advance smaller.
std::vector<Flow> UnitFlows(const Offer& offer, const UnitScale& scale, bool whole_only) {
  std::vector<Flow> flows;
  for (const OfferRow& row : offer.rows) {
    UnitTime time = row.number > 0 ? scale.OfPeriod(row.number, row.due) : scale.OfDay(row.due);
    if (whole_only) time.fraction = Decimal();
    const Decimal amount = Decimal::FromInt64(row.drawn - row.Payment());
    if (!flows.empty() && flows.back().whole == time.whole &&
        flows.back().fraction == time.fraction) {
      flows.back().amount = flows.back().amount + amount;
    } else {
      flows.push_back({time.whole, time.fraction, amount});
    }
  }
  std::erase_if(flows, [](const Flow& flow) { return flow.amount.IsZero(); });
  return flows;
}

void SetEuCost(Date start, Offer* offer) {
  std::map<Date, Decimal> by_day;
  for (const OfferRow& row : offer->rows) {
    by_day[row.due] = by_day[row.due] + Decimal::FromInt64(row.drawn - row.Payment());
  }
  std::vector<YearFlow> flows;
  for (const auto& [day, amount] : by_day) {
    if (!amount.IsZero()) flows.push_back({EuYears(EuIntervalBetween(start, day)), amount});
  }
  const auto rate = YearlyRate(flows);
  if (rate.ok()) offer->eu_aprc = *rate;
}

void SetUnitCosts(const OfferRequest& request, const UnitScale& scale, Offer* offer) {
  const auto unit_rate = ActuarialRate(UnitFlows(*offer, scale, false));
  if (!unit_rate.ok()) {
    offer->why = unit_rate.status().message();
    return;
  }
  const Decimal per_year = scale.PerYear();
  const Decimal one = Decimal::FromInt64(1);
  offer->us_apr = *unit_rate * per_year;
  if (!request.product.terms.first_due && request.draws.empty()) {
    offer->irr_simple = offer->us_apr;
    offer->irr_compound = Decimal::Power(one + *unit_rate, per_year) - one;
  } else if (offer->comprehensive) {
    offer->irr_compound = offer->comprehensive;
    offer->irr_simple =
        (Decimal::Power(one + *offer->comprehensive, one / per_year) - one) * per_year;
  }
}

void SetComprehensiveCost(const std::vector<Fee>& fees, Offer* offer) {
  std::vector<DatedFlow> advances;
  std::vector<DatedFlow> payments;
  std::vector<CostItem> costs;
  for (const OfferRow& row : offer->rows) {
    if (row.drawn > 0) advances.push_back({row.due, Decimal::FromInt64(row.drawn)});
    if (row.principal > 0) payments.push_back({row.due, Decimal::FromInt64(row.principal)});
    if (row.interest > 0) costs.push_back({"lender", row.due, row.interest});
  }
  for (const Fee& fee : fees) costs.push_back({fee.payee, fee.day, fee.amount});
  const auto cost = CostOfCredit(advances, payments, costs);
  if (cost.ok()) {
    offer->comprehensive = cost->yearly_compound;
    offer->cost_by_payee = cost->by_payee;
  } else {
    offer->why = cost.status().message();
  }
  if (offer->merchant_pays == 0) return;
  // The lender pays the merchant the price less the merchant's fee.
  std::map<Date, Decimal> by_day;
  by_day[offer->rows.front().due] = -Decimal::FromInt64(offer->merchant_pays);
  for (const OfferRow& row : offer->rows) {
    by_day[row.due] =
        by_day[row.due] + Decimal::FromInt64(row.drawn - row.principal - row.interest);
  }
  for (const Fee& fee : fees) {
    if (fee.payee == "lender") by_day[fee.day] = by_day[fee.day] - Decimal::FromInt64(fee.amount);
  }
  std::vector<DatedFlow> flows;
  for (const auto& [day, amount] : by_day) flows.push_back({day, amount});
  const auto yield = DatedRate(flows);
  if (yield.ok()) offer->lender_yield = *yield;
}

}  // namespace

Result<Offer> MakeOffer(const OfferRequest& request) {
  CREDENCE_TRY(CheckRequest(request));
  const Terms& terms = request.product.terms;
  CREDENCE_ASSIGN(std::vector<PeriodDates> dates,
                  MakePeriods(terms, request.start, request.calendar));
  CREDENCE_TRY(CheckDays(request, dates));
  Offer offer;
  offer.price = request.amount_minor;
  offer.down_payment = DownPayment(terms, request.amount_minor);
  const int64_t financed = request.amount_minor - offer.down_payment;
  if (financed <= 0) return InvalidArgument("down_payment leaves nothing to finance");
  if (terms.balloon_minor > financed) {
    return InvalidArgument("balloon is " + std::to_string(terms.balloon_minor) +
                           " minor units, expected at most what is financed (" +
                           std::to_string(financed) + ")");
  }

  Plan plan(terms, std::move(dates));
  plan.Draw(request.start, financed);
  for (const OfferRequest::Draw& draw : request.draws) plan.Draw(draw.day, draw.amount_minor);
  for (const OfferRequest::RateStep& step : request.rate_steps) {
    plan.ChangeRate(step.from, step.annual_rate);
  }

  OfferRow first;
  first.from = first.to = first.due = request.start;
  first.drawn = financed;
  offer.rows.push_back(first);
  for (const OfferRequest::Draw& draw : request.draws) {
    OfferRow row;
    row.from = row.to = row.due = draw.day;
    row.drawn = draw.amount_minor;
    offer.rows.push_back(row);
  }
  int32_t number = 0;
  for (const Period& period : plan.periods()) {
    OfferRow row;
    row.number = ++number;
    row.from = period.from;
    row.to = period.to;
    row.due = period.due;
    row.principal = period.principal;
    row.interest = period.interest;
    offer.rows.push_back(row);
  }
  std::stable_sort(offer.rows.begin(), offer.rows.end(),
                   [](const OfferRow& a, const OfferRow& b) { return a.due < b.due; });
  const std::vector<Fee> fees = MakeFees(request, financed, &offer);
  int64_t balance = 0;
  for (OfferRow& row : offer.rows) {
    balance += row.drawn - row.principal;
    row.balance = balance;
    offer.drawn += row.drawn;
    offer.interest += row.interest;
    offer.fees += row.fee;
    offer.paid += row.Payment();
  }
  if (balance != 0) {
    return InvalidArgument("the plan leaves " + std::to_string(balance) +
                           " minor units of principal unpaid: instalments do not cover it");
  }
  const auto merchant = (Decimal::FromInt64(request.amount_minor) * request.merchant_fee)
                            .Rounded(0, request.product.rounding)
                            .ToInt64();
  offer.merchant_pays = merchant.value_or(0);

  const UnitScale scale(terms, request.start, plan.periods().front().due,
                        plan.periods().back().due);
  SetComprehensiveCost(fees, &offer);
  SetUnitCosts(request, scale, &offer);
  SetEuCost(request.start, &offer);
  return offer;
}

}  // namespace credence::lending
