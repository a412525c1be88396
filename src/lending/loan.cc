#include "src/lending/loan.h"

#include <algorithm>
#include <array>

#include "src/base/assert.h"

namespace credence::lending {
namespace {

constexpr uint64_t kRuleChargeBit = uint64_t{1} << 63;
constexpr uint64_t kPenaltyInterestId = kRuleChargeBit | 1;

// Indexed by value.
constexpr std::array<std::string_view, 20> kStatusNames{"applied",
                                                        "duplicate_id",
                                                        "amount_not_positive",
                                                        "amount_too_large",
                                                        "before_disbursement",
                                                        "after_maturity",
                                                        "not_drawn",
                                                        "written_off",
                                                        "closed",
                                                        "not_written_off",
                                                        "exceeds_outstanding",
                                                        "not_the_quote",
                                                        "nothing_to_waive",
                                                        "exceeds_overpaid",
                                                        "exceeds_paid",
                                                        "unknown_transaction",
                                                        "already_reversed",
                                                        "bad_rate",
                                                        "bad_dates",
                                                        "too_many_transactions"};

int64_t RoundMinor(Decimal amount, Rounding rounding) {
  return amount.Rounded(0, rounding).ToInt64().value();
}

bool NeedsAmount(TransactionKind kind) {
  switch (kind) {
    case TransactionKind::kChangeRate:
    case TransactionKind::kPauseInterest:
    case TransactionKind::kExtend:
    case TransactionKind::kWriteOff:
      return false;
    default:
      return true;
  }
}

}  // namespace

std::string_view LoanStatusName(LoanStatus status) {
  const auto index = static_cast<size_t>(status);
  CREDENCE_ASSERT(index < kStatusNames.size());
  return kStatusNames[index];
}

std::vector<Bucket> DefaultOrder() {
  std::vector<Bucket> order;
  for (const Timing timing : {Timing::kPastDue, Timing::kDue, Timing::kInAdvance}) {
    for (const Part part : {Part::kPenalty, Part::kFee, Part::kInterest, Part::kPrincipal}) {
      order.push_back({timing, part});
    }
  }
  return order;
}

Loan::Loan(const Product& product, Date start, std::vector<PeriodDates> dates)
    : product_(product),
      start_(start),
      dates_(std::move(dates)),
      plan_(product.terms, dates_),
      today_(start),
      penalty_until_(start) {
  overdue_charged_.resize(dates_.size() * std::max<size_t>(product_.charges.size(), 1));
}

// --- time ---

void Loan::Observe(Date today) {
  if (today <= today_) return;
  Advance(today);
  UpdateState();
}

// Everything that happens by itself up to the beginning of `day`, due date by due date: what is
// overdue from one on does not depend on the days on which somebody looked.
void Loan::Advance(Date day) {
  if (day < today_) return;
  std::vector<Date> stops{day};
  for (const Period& period : plan_.periods()) {
    for (const Date stop : {period.to, period.due}) {
      if (today_ < stop && stop < day) stops.push_back(stop);
    }
  }
  std::sort(stops.begin(), stops.end());
  for (const Date stop : stops) AdvanceTo(stop);
}

void Loan::AdvanceTo(Date day) {
  if (state_ == LoanState::kActive) {
    MakeOverdueCharges(day);
    GrowPenalty(day);
  }
  penalty_until_ = std::max(penalty_until_, day);
  today_ = day;
  if (product_.terms.interest_on_overdue) plan_.Observe(day);
}

void Loan::MakeOverdueCharges(Date day) {
  for (size_t r = 0; r < product_.charges.size(); ++r) {
    const ChargeRule& rule = product_.charges[r];
    if (rule.when != ChargeRule::When::kOverdue) continue;
    for (size_t i = 0; i < plan_.periods().size(); ++i) {
      const Period& period = plan_.periods()[i];
      const Date falls = period.due.PlusDays(rule.grace_days + 1);
      const size_t mark = i * product_.charges.size() + r;
      if (falls > day || mark >= overdue_charged_.size() || overdue_charged_[mark] != 0) continue;
      overdue_charged_[mark] = 1;
      const int64_t unpaid = period.Due() - period.paid_principal - period.paid_interest;
      if (unpaid > 0) AddCharge(rule, falls, i, unpaid);
    }
  }
}

// Penalty interest: overdue principal x rate x days / 360, summed without rounding; the charge
// holds the rounded sum.
void Loan::GrowPenalty(Date day) {
  if (product_.penalty_rate.IsZero()) return;
  std::optional<size_t> oldest;
  for (size_t i = 0; i < plan_.periods().size(); ++i) {
    const Period& period = plan_.periods()[i];
    const int64_t unpaid = period.principal - period.paid_principal;
    const Date since = std::max(penalty_until_, period.due.PlusDays(product_.penalty_grace_days));
    if (unpaid <= 0 || since >= day) continue;
    if (!oldest) oldest = i;
    penalty_grown_ = penalty_grown_ + Decimal::FromInt64(unpaid) * product_.penalty_rate *
                                          Decimal::FromInt64(day.days - since.days) /
                                          Decimal::FromInt64(360);
  }
  const int64_t more = RoundMinor(penalty_grown_, product_.rounding) - penalty_charged_;
  if (more <= 0 || !oldest) return;
  penalty_charged_ += more;
  for (Charge& charge : charges_) {
    if (charge.id == kPenaltyInterestId) {
      charge.amount += more;
      return;
    }
  }
  const Date due = plan_.periods()[*oldest].due;
  AddCharge(kPenaltyInterestId, true, due, *oldest, more);
}

// --- charges ---

void Loan::AddCharge(uint64_t id, bool penalty, Date due, size_t period, int64_t amount) {
  Charge charge;
  charge.id = id;
  charge.penalty = penalty;
  charge.due = due;
  charge.period = period;
  charge.amount = amount;
  // By day, so that the order does not depend on when somebody looked.
  const auto behind = std::upper_bound(charges_.begin(), charges_.end(), charge,
                                       [](const Charge& a, const Charge& b) {
                                         return std::pair(a.due, a.id) < std::pair(b.due, b.id);
                                       });
  charges_.insert(behind, charge);
}

void Loan::AddCharge(const ChargeRule& rule, Date due, size_t period, int64_t base) {
  const int64_t amount = rule.base == ChargeRule::Base::kFlat
                             ? rule.amount_minor
                             : RoundMinor(Decimal::FromInt64(base) * rule.rate, product_.rounding);
  if (amount <= 0) return;
  const auto number = static_cast<uint64_t>(&rule - product_.charges.data());
  AddCharge(kRuleChargeBit | ((number + 1) << 32) | period, rule.penalty, due, period, amount);
}

size_t Loan::ChargePeriod(Date due) const {
  const std::vector<Period>& periods = plan_.periods();
  for (size_t i = 0; i < periods.size(); ++i) {
    if (due <= periods[i].due) return i;
  }
  return periods.size() - 1;
}

void Loan::MakeInstalmentCharges() {
  for (const ChargeRule& rule : product_.charges) {
    if (rule.when == ChargeRule::When::kDisbursement) AddCharge(rule, today_, 0, plan_.drawn());
    if (rule.when != ChargeRule::When::kInstalment) continue;
    for (size_t i = 0; i < plan_.periods().size(); ++i) {
      const Period& period = plan_.periods()[i];
      int64_t base = plan_.drawn();
      if (rule.base == ChargeRule::Base::kPercentOfInterest) base = period.interest;
      if (rule.base == ChargeRule::Base::kPercentOfInstalment) base = period.Due();
      AddCharge(rule, period.due, i, base);
    }
  }
}

// --- repayment ---

int64_t Loan::PayablePart(size_t period, Part part, Date day) const {
  switch (part) {
    case Part::kPrincipal:
      return std::min(plan_.PayableOn(period, day).principal, plan_.Outstanding());
    case Part::kInterest:
      return plan_.PayableOn(period, day).interest;
    case Part::kFee:
    case Part::kPenalty:
      break;
  }
  int64_t sum = 0;
  for (const Charge& charge : charges_) {
    if (charge.period == period && charge.penalty == (part == Part::kPenalty))
      sum += charge.Unpaid();
  }
  return sum;
}

int64_t Loan::PayCharges(size_t period, bool penalty, int64_t amount) {
  int64_t left = amount;
  for (Charge& charge : charges_) {
    if (charge.period != period || charge.penalty != penalty) continue;
    const int64_t part = std::min(left, charge.Unpaid());
    charge.paid += part;
    left -= part;
  }
  return amount - left;
}

// Pays one part of one period from `amount`; returns what it took.
int64_t Loan::PayPart(size_t period, Part part, Date day, int64_t amount, Allocation* allocation) {
  const int64_t taken = std::min(amount, PayablePart(period, part, day));
  if (taken <= 0) return 0;
  switch (part) {
    case Part::kPrincipal:
      plan_.PayPrincipal(period, day, taken);
      allocation->principal += taken;
      break;
    case Part::kInterest:
      plan_.PayInterest(period, taken);
      allocation->interest += taken;
      break;
    case Part::kFee:
      allocation->fee += PayCharges(period, false, taken);
      break;
    case Part::kPenalty:
      allocation->penalty += PayCharges(period, true, taken);
      break;
  }
  return taken;
}

// The periods that a timing is about, in the order in which they are served.
std::vector<size_t> Loan::PeriodsOf(Timing timing, Date day, FutureRule future) const {
  std::vector<size_t> found;
  for (size_t i = 0; i < plan_.periods().size(); ++i) {
    const Date due = plan_.periods()[i].due;
    const Timing is = due < day ? Timing::kPastDue : due == day ? Timing::kDue : Timing::kInAdvance;
    if (is == timing) found.push_back(i);
  }
  if (timing != Timing::kInAdvance || found.empty()) return found;
  if (future == FutureRule::kLast) std::reverse(found.begin(), found.end());
  if (future == FutureRule::kNextLast) std::reverse(found.begin() + 1, found.end());
  return found;
}

// Principal in equal parts over the future periods; what does not divide goes to the first ones.
void Loan::PaySpread(Date day, int64_t* left, Allocation* allocation) {
  while (*left > 0) {
    std::vector<size_t> open;
    for (const size_t i : PeriodsOf(Timing::kInAdvance, day, FutureRule::kNext)) {
      if (PayablePart(i, Part::kPrincipal, day) > 0) open.push_back(i);
    }
    if (open.empty()) return;
    const auto count = static_cast<int64_t>(open.size());
    const int64_t share = *left / count;
    int64_t extra = *left % count;
    int64_t taken = 0;
    for (const size_t i : open) {
      const int64_t wanted = share + (extra-- > 0 ? 1 : 0);
      taken += PayPart(i, Part::kPrincipal, day, wanted, allocation);
    }
    *left -= taken;
    if (taken == 0) return;
  }
}

Allocation Loan::Pay(Date day, int64_t amount, const std::vector<Bucket>& order,
                     FutureRule future) {
  Allocation allocation;
  int64_t left = amount;
  for (size_t first = 0; first < order.size() && left > 0;) {
    const Timing timing = order[first].timing;
    size_t end = first;
    while (end < order.size() && order[end].timing == timing) ++end;
    if (timing == Timing::kInAdvance && future == FutureRule::kSpread) {
      // Fees and interest of the next period, then principal evenly.
      for (size_t b = first; b < end; ++b) {
        if (order[b].part == Part::kPrincipal) {
          PaySpread(day, &left, &allocation);
          continue;
        }
        for (const size_t i : PeriodsOf(timing, day, FutureRule::kNext)) {
          left -= PayPart(i, order[b].part, day, left, &allocation);
        }
      }
    } else {
      for (const size_t i : PeriodsOf(timing, day, future)) {
        for (size_t b = first; b < end && left > 0; ++b) {
          left -= PayPart(i, order[b].part, day, left, &allocation);
        }
      }
    }
    first = end;
  }
  allocation.overpaid = left;
  overpaid_ += left;
  return allocation;
}

// --- pay-off, prepayment, write-off, waivers ---

Allocation Loan::PayOffQuote(Date day) const {
  if (day > today_) {
    Loan later = *this;
    later.Observe(day);
    return later.PayOffQuote(day);
  }
  CREDENCE_ASSERT(day == today_);
  Allocation quote;
  if (state_ != LoanState::kActive) return quote;
  quote.principal = plan_.Outstanding();
  for (size_t i = 0; i < plan_.periods().size(); ++i) {
    const Period& period = plan_.periods()[i];
    if (period.to > day && period.from >= day) break;
    quote.interest += plan_.PayableOn(i, day).interest;
  }
  for (const Charge& charge : charges_) {
    if (charge.due > day) continue;
    (charge.penalty ? quote.penalty : quote.fee) += charge.Unpaid();
  }
  return quote;
}

// Nothing more is asked for: charges that are open are dropped.
void Loan::DropOpenCharges() {
  for (Charge& charge : charges_) charge.waived += charge.Unpaid();
}

Allocation Loan::PayOff(Date day, int64_t amount) {
  const Allocation quote = PayOffQuote(day);
  if (amount < quote.Total()) return Pay(day, amount, product_.order, product_.future);
  for (size_t i = 0; i < plan_.periods().size(); ++i) {
    const Period period = plan_.periods()[i];
    if (period.to > day && period.from >= day) break;
    plan_.PayInterest(i, plan_.PayableOn(i, day).interest);
  }
  for (Charge& charge : charges_) {
    if (charge.due <= day) charge.paid += charge.Unpaid();
  }
  plan_.PrepayPrincipal(day, quote.principal, Plan::Prepay::kFewer);
  prepaid_principal_ += quote.principal;
  plan_.Settle();
  DropOpenCharges();
  Allocation allocation = quote;
  allocation.overpaid = amount - quote.Total();
  overpaid_ += allocation.overpaid;
  return allocation;
}

Allocation Loan::Prepay(Date day, int64_t amount, Plan::Prepay mode) {
  // What is due comes first, then interest of the current period up to the day, then principal
  // ahead of the plan.
  std::vector<Bucket> due;
  for (const Bucket& bucket : product_.order) {
    if (bucket.timing != Timing::kInAdvance) due.push_back(bucket);
  }
  const int64_t overpaid = overpaid_;
  Allocation allocation = Pay(day, amount, due, FutureRule::kNext);
  int64_t left = allocation.overpaid;
  overpaid_ = overpaid;
  allocation.overpaid = 0;
  const size_t current = plan_.IndexOf(day);
  left -= PayPart(current, Part::kInterest, day, left, &allocation);
  const int64_t principal = std::min(left, plan_.Outstanding());
  if (principal > 0) plan_.PrepayPrincipal(day, principal, mode);
  prepaid_principal_ += principal;
  allocation.principal += principal;
  allocation.overpaid = left - principal;
  overpaid_ += allocation.overpaid;
  return allocation;
}

Allocation Loan::WriteOff(Date day) {
  const Allocation quote = PayOffQuote(day);
  written_off_principal_ += quote.principal;
  written_off_other_ += quote.interest + quote.fee + quote.penalty;
  plan_.Settle();
  DropOpenCharges();
  state_ = LoanState::kWrittenOff;
  return quote;
}

int64_t Loan::WaiveCharges(Date day, int64_t amount) {
  int64_t left = amount;
  for (Charge& charge : charges_) {
    if (charge.due > day) continue;
    const int64_t part = std::min(left, charge.Unpaid());
    charge.waived += part;
    left -= part;
  }
  return amount - left;
}

int64_t Loan::WaiveInterest(Date day, int64_t amount) {
  int64_t left = amount;
  for (size_t i = 0; i < plan_.periods().size() && plan_.periods()[i].from < day; ++i) {
    const int64_t part = std::min(left, plan_.PayableOn(i, day).interest);
    if (part > 0) plan_.WaiveInterest(i, part);
    left -= part;
  }
  return amount - left;
}

// --- folding ---

void Loan::Fold(AppliedTransaction& applied) {
  const Transaction& t = applied.transaction;
  Advance(t.day);
  Allocation& a = applied.allocation;
  a = {};
  const bool first_draw = state_ == LoanState::kPending;
  const std::vector<Bucket> kReturned{{Timing::kInAdvance, Part::kPrincipal},
                                      {Timing::kDue, Part::kPrincipal},
                                      {Timing::kPastDue, Part::kPrincipal},
                                      {Timing::kPastDue, Part::kInterest},
                                      {Timing::kDue, Part::kInterest},
                                      {Timing::kPastDue, Part::kFee},
                                      {Timing::kDue, Part::kFee},
                                      {Timing::kPastDue, Part::kPenalty},
                                      {Timing::kDue, Part::kPenalty}};
  switch (t.kind) {
    case TransactionKind::kDraw:
      plan_.Draw(t.day, t.amount_minor);
      a.principal = t.amount_minor;
      state_ = LoanState::kActive;
      if (first_draw) MakeInstalmentCharges();
      break;
    case TransactionKind::kRepay:
      a = Pay(t.day, t.amount_minor, product_.order, product_.future);
      break;
    case TransactionKind::kPrepaySmaller:
      a = Prepay(t.day, t.amount_minor, Plan::Prepay::kSmaller);
      break;
    case TransactionKind::kPrepayFewer:
      a = Prepay(t.day, t.amount_minor, Plan::Prepay::kFewer);
      break;
    case TransactionKind::kPayOff:
      a = PayOff(t.day, t.amount_minor);
      break;
    case TransactionKind::kCharge:
    case TransactionKind::kPenalty:
      AddCharge(t.id, t.kind == TransactionKind::kPenalty, t.day, ChargePeriod(t.day),
                t.amount_minor);
      (t.kind == TransactionKind::kPenalty ? a.penalty : a.fee) = t.amount_minor;
      break;
    case TransactionKind::kWaiveCharges:
      a.fee = WaiveCharges(t.day, t.amount_minor);
      break;
    case TransactionKind::kWaiveInterest:
      a.interest = WaiveInterest(t.day, t.amount_minor);
      break;
    case TransactionKind::kMerchantReturn:
      a = Pay(t.day, t.amount_minor, kReturned, FutureRule::kLast);
      break;
    case TransactionKind::kChargeback:
      plan_.Credit(t.day, t.amount_minor, 0);
      charged_back_ += t.amount_minor;
      a.principal = t.amount_minor;
      state_ = LoanState::kActive;
      break;
    case TransactionKind::kWriteOff:
      a = WriteOff(t.day);
      break;
    case TransactionKind::kRecovery:
      recovered_ += t.amount_minor;
      a.principal = t.amount_minor;
      break;
    case TransactionKind::kRefundOverpaid:
      a.overpaid = std::min(t.amount_minor, overpaid_);
      overpaid_ -= a.overpaid;
      break;
    case TransactionKind::kChangeRate:
      plan_.ChangeRate(t.day, t.rate);
      break;
    case TransactionKind::kPauseInterest:
      plan_.PauseInterest(t.day, t.until);
      break;
    case TransactionKind::kExtend:
      plan_.AddPeriods(t.day, t.count);
      overdue_charged_.resize(plan_.periods().size() *
                              std::max<size_t>(product_.charges.size(), 1));
      break;
  }
  UpdateState();
}

bool Loan::IsSettled() const {
  if (plan_.Outstanding() - written_off_principal_ > 0) return false;
  for (const Period& period : plan_.periods()) {
    if (period.interest > period.paid_interest) return false;
  }
  return std::all_of(charges_.begin(), charges_.end(),
                     [](const Charge& charge) { return charge.Unpaid() == 0; });
}

void Loan::UpdateState() {
  if (state_ == LoanState::kPending || state_ == LoanState::kWrittenOff) return;
  if (!IsSettled()) {
    state_ = LoanState::kActive;
  } else {
    state_ = overpaid_ > 0 ? LoanState::kOverpaid : LoanState::kClosed;
  }
}

// Folds every transaction that stands, from the first one, and lets time pass to `until`.
void Loan::Refold(Date until) {
  Loan fresh(product_, start_, dates_);
  fresh.transactions_ = std::move(transactions_);
  for (AppliedTransaction& applied : fresh.transactions_) {
    if (!applied.reversed) fresh.Fold(applied);
  }
  fresh.Observe(until);
  *this = std::move(fresh);
}

// --- commands ---

LoanStatus Loan::CheckOpen(const Transaction& t) const {
  const bool written_off = state_ == LoanState::kWrittenOff;
  switch (t.kind) {
    case TransactionKind::kRecovery:
      return written_off ? LoanStatus::kApplied : LoanStatus::kNotWrittenOff;
    case TransactionKind::kRefundOverpaid:
      return t.amount_minor > overpaid_ ? LoanStatus::kExceedsOverpaid : LoanStatus::kApplied;
    case TransactionKind::kChargeback: {
      if (written_off) return LoanStatus::kWrittenOff;
      const LoanTotals sums = totals();
      return t.amount_minor > sums.principal_paid - sums.charged_back ? LoanStatus::kExceedsPaid
                                                                      : LoanStatus::kApplied;
    }
    default:
      break;
  }
  if (written_off) return LoanStatus::kWrittenOff;
  const bool may_open = t.kind == TransactionKind::kDraw;
  if (!may_open && (state_ == LoanState::kClosed || state_ == LoanState::kOverpaid)) {
    return LoanStatus::kClosed;
  }
  return LoanStatus::kApplied;
}

LoanStatus Loan::Check(const Transaction& t) const {
  for (const AppliedTransaction& applied : transactions_) {
    if (applied.transaction.id == t.id) return LoanStatus::kDuplicateId;
  }
  if (NeedsAmount(t.kind) && t.amount_minor <= 0) return LoanStatus::kAmountNotPositive;
  if (t.amount_minor > kPrincipalMax) return LoanStatus::kAmountTooLarge;
  if (t.day < start_) return LoanStatus::kBeforeDisbursement;
  if (t.kind == TransactionKind::kDraw) {
    if (t.day >= plan_.periods().back().to) return LoanStatus::kAfterMaturity;
    if (plan_.drawn() > kPrincipalMax - t.amount_minor) return LoanStatus::kAmountTooLarge;
  } else if (state_ == LoanState::kPending) {
    return LoanStatus::kNotDrawn;
  } else if (t.day < transactions_.front().transaction.day) {
    return LoanStatus::kBeforeDisbursement;
  }
  const LoanStatus open = CheckOpen(t);
  if (open != LoanStatus::kApplied) return open;
  if (t.kind == TransactionKind::kChangeRate &&
      (!t.rate.IsFinite() || t.rate.IsNegative() || t.rate > Decimal::FromInt64(kAnnualRateMax))) {
    return LoanStatus::kBadRate;
  }
  // Money that came after a write-off is a recovery: a write-off cannot be put before money that is
  // there already.
  if (t.kind == TransactionKind::kWriteOff && t.day < transactions_.back().transaction.day) {
    return LoanStatus::kBadDates;
  }
  if (t.kind == TransactionKind::kPauseInterest && t.until <= t.day) return LoanStatus::kBadDates;
  if (t.kind == TransactionKind::kExtend) {
    const std::vector<Period>& periods = plan_.periods();
    if (t.count < 1 || t.count > kPeriodsMax - static_cast<int64_t>(periods.size())) {
      return LoanStatus::kBadDates;
    }
    const Date end = StepDate(product_.terms, periods.back().to, t.count);
    if (end.days - periods.front().from.days > kTermDaysMax) return LoanStatus::kBadDates;
  }
  if (transactions_.size() >= kTransactionsMax) return LoanStatus::kTooManyTransactions;
  if (t.day < today_) return LoanStatus::kApplied;  // amounts of the past are judged by the fold
  const int64_t quote = PayOffQuote(t.day).Total();
  const bool prepays =
      t.kind == TransactionKind::kPrepaySmaller || t.kind == TransactionKind::kPrepayFewer;
  if (prepays && t.amount_minor > quote) return LoanStatus::kExceedsOutstanding;
  if (t.kind == TransactionKind::kPayOff && t.amount_minor != quote)
    return LoanStatus::kNotTheQuote;
  const bool waives =
      t.kind == TransactionKind::kWaiveCharges || t.kind == TransactionKind::kWaiveInterest;
  if (waives) {
    Loan copy = *this;
    copy.Observe(t.day);
    const int64_t waived = t.kind == TransactionKind::kWaiveCharges
                               ? copy.WaiveCharges(t.day, t.amount_minor)
                               : copy.WaiveInterest(t.day, t.amount_minor);
    if (waived < t.amount_minor) return LoanStatus::kNothingToWaive;
  }
  return LoanStatus::kApplied;
}

LoanStatus Loan::Apply(const Transaction& transaction) {
  const LoanStatus refused = Check(transaction);
  if (refused != LoanStatus::kApplied) return refused;
  const auto behind = std::upper_bound(
      transactions_.begin(), transactions_.end(), transaction.day,
      [](Date day, const AppliedTransaction& applied) { return day < applied.transaction.day; });
  const bool last = behind == transactions_.end();
  const bool in_time = last && transaction.day >= today_;
  const auto at = transactions_.insert(behind, AppliedTransaction{transaction, {}, false});
  if (in_time) {
    Fold(*at);
  } else {
    Refold(std::max(today_, transaction.day));
  }
  return LoanStatus::kApplied;
}

LoanStatus Loan::Reverse(uint64_t id) {
  for (AppliedTransaction& applied : transactions_) {
    if (applied.transaction.id != id) continue;
    if (applied.reversed) return LoanStatus::kAlreadyReversed;
    applied.reversed = true;
    applied.allocation = {};
    Refold(today_);
    return LoanStatus::kApplied;
  }
  return LoanStatus::kUnknownTransaction;
}

// --- reads ---

LoanTotals Loan::totals() const {
  LoanTotals sums;
  sums.drawn = plan_.drawn();
  sums.charged_back = charged_back_;
  sums.principal_paid = prepaid_principal_;
  for (const Period& period : plan_.periods()) {
    sums.principal_paid += period.paid_principal;
    sums.interest_paid += period.paid_interest;
  }
  for (const Charge& charge : charges_) {
    (charge.penalty ? sums.penalty_paid : sums.fee_paid) += charge.paid;
  }
  sums.principal_outstanding = plan_.Outstanding() - written_off_principal_;
  sums.written_off_principal = written_off_principal_;
  sums.written_off_other = written_off_other_;
  sums.recovered = recovered_;
  sums.overpaid = overpaid_;
  return sums;
}

Allocation Loan::Overdue() const {
  Allocation overdue;
  for (const Period& period : plan_.periods()) {
    if (period.due >= today_) break;
    overdue.principal += period.principal - period.paid_principal;
    overdue.interest += period.interest - period.paid_interest;
  }
  for (const Charge& charge : charges_) {
    if (charge.due >= today_) continue;
    (charge.penalty ? overdue.penalty : overdue.fee) += charge.Unpaid();
  }
  return overdue;
}

std::optional<Date> Loan::OldestUnpaidDue() const {
  for (size_t i = 0; i < plan_.periods().size(); ++i) {
    const Period& period = plan_.periods()[i];
    if (period.due >= today_) break;
    int64_t unpaid = period.Due() - period.paid_principal - period.paid_interest;
    for (const Charge& charge : charges_) {
      if (charge.period == i && charge.due < today_) unpaid += charge.Unpaid();
    }
    if (unpaid > 0) return period.due;
  }
  return std::nullopt;
}

int64_t Loan::AccruedInterest() const {
  if (state_ != LoanState::kActive) return 0;
  return plan_.PayableOn(plan_.IndexOf(today_), today_).interest;
}

}  // namespace credence::lending
