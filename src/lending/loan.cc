#include "src/lending/loan.h"

#include <algorithm>
#include <array>

#include "src/base/assert.h"

namespace credence::lending {
namespace {

constexpr uint64_t kPenaltyInterestId = Loan::kRuleChargeBit | 1;

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
  slots_.resize(dates_.size());
  for (size_t i = 0; i < slots_.size(); ++i) slots_[i].period = i;
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
  if (product_.terms.interest_on_overdue && !charged_off_ && !terminated_) plan_.Observe(day);
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
  AddCharge(kPenaltyInterestId, true, due, SlotOf(*oldest), more);
}

// --- charges ---

void Loan::AddCharge(uint64_t id, bool penalty, Date due, size_t slot, int64_t amount) {
  Charge charge;
  charge.id = id;
  charge.penalty = penalty;
  charge.due = due;
  charge.slot = slot;
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
  AddCharge(kRuleChargeBit | ((number + 1) << 32) | period, rule.penalty, due, SlotOf(period),
            amount);
}

// The period that the due date lies in; behind the last one, an instalment of its own.
size_t Loan::ChargeSlot(Date due) {
  const std::vector<Period>& periods = plan_.periods();
  for (size_t i = 0; i < periods.size(); ++i) {
    if (due <= periods[i].due) return SlotOf(i);
  }
  return SlotBehind(due);
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

// --- pay-off, prepayment, write-off, waivers ---

// Interest of a period that a pay-off asks for: up to the day; by plan all of it.
int64_t Loan::InterestAskedOn(size_t index, Date day) const {
  const Period& period = plan_.periods()[index];
  const Terms& terms = product_.terms;
  const bool to_come = period.to > day && period.from >= day;
  if (to_come && terms.kind == PlanKind::kFlat && !terms.interest_by_plan) return 0;
  return plan_.PayableOn(index, day).interest;
}

Allocation Loan::PayOffQuote(Date day) const {
  if (day > today_) {
    Loan later = *this;
    later.Observe(day);
    return later.PayOffQuote(day);
  }
  CREDENCE_ASSERT(day == today_);
  Allocation quote;
  if (state_ != LoanState::kActive) return quote;
  quote.principal = PrincipalOutstanding();
  for (const Slot& slot : slots_) quote.interest += slot.interest - slot.paid_interest;
  for (size_t i = 0; i < plan_.periods().size(); ++i) {
    quote.interest += InterestAskedOn(i, day);
  }
  for (const Charge& charge : charges_) {
    if (charge.due > day) continue;
    (charge.penalty ? quote.penalty : quote.fee) += charge.Unpaid();
  }
  return quote;
}

// What was open of the charge.
int64_t Loan::WaiveCharge(uint64_t id) {
  for (Charge& charge : charges_) {
    if (charge.id != id) continue;
    const int64_t waived = charge.Unpaid();
    charge.waived += waived;
    return waived;
  }
  return 0;
}

// Nothing more is asked for: charges that are open are dropped.
void Loan::DropOpenCharges() {
  for (Charge& charge : charges_) charge.waived += charge.Unpaid();
}

Allocation Loan::PayOff(Date day, int64_t amount) {
  const Allocation quote = PayOffQuote(day);
  if (amount < quote.Total()) return Pay(day, amount, product_.order, product_.future);
  for (size_t i = 0; i < plan_.periods().size(); ++i) {
    plan_.PayInterest(i, InterestAskedOn(i, day));
  }
  for (Charge& charge : charges_) {
    if (charge.due <= day) charge.paid += charge.Unpaid();
  }
  for (Slot& slot : slots_) {
    slot.paid_interest = slot.interest;
    slot.paid_principal = slot.principal;
  }
  const int64_t rest = plan_.Outstanding();
  plan_.PrepayPrincipal(day, rest, Plan::Prepay::kFewer);
  prepaid_principal_ += rest;
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
  left -= PayPart(SlotOf(current), Part::kInterest, day, left, &allocation);
  // Interest since a period was paid early stands in the next one.
  const bool by_day = product_.terms.kind != PlanKind::kFlat && !product_.terms.interest_by_plan;
  for (size_t i = current + 1; by_day && i < plan_.periods().size(); ++i) {
    left -= PayPart(SlotOf(i), Part::kInterest, day, left, &allocation);
  }
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
  given_up_ = Instalments();
  for (Instalment& row : given_up_) {
    if (row.Unpaid() > 0) row.settled_on = day;
    row.written_off = row.Unpaid();
  }
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
  applied.from_surplus = {};
  applied.allocation = FoldKind(t, &applied.from_surplus);
  applied.principal_after = PrincipalOutstanding();
  MarkSettled(t.day);
  UpdateState();
}

Allocation Loan::FoldKind(const Transaction& t, Allocation* from_surplus) {
  Allocation a;
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
      return Draw(t, from_surplus);
    case TransactionKind::kRepay:
    case TransactionKind::kDownPayment:
    case TransactionKind::kGoodwill:
    case TransactionKind::kMerchantRefund:
    case TransactionKind::kPayoutRefund:
    case TransactionKind::kInterestPaymentWaiver:
    case TransactionKind::kChargeAdjustment:
      return Pay(t.day, t.amount_minor, AllotmentOf(t.kind));
    case TransactionKind::kInterestRefund:
      return Pay(t.day, RefundedInterest(t), AllotmentOf(t.kind));
    case TransactionKind::kPrepaySmaller:
      return Prepay(t.day, t.amount_minor, Plan::Prepay::kSmaller);
    case TransactionKind::kPrepayFewer:
      return Prepay(t.day, t.amount_minor, Plan::Prepay::kFewer);
    case TransactionKind::kPayOff:
      return PayOff(t.day, t.amount_minor);
    case TransactionKind::kCharge:
    case TransactionKind::kPenalty: {
      const Date due = t.due.value_or(t.day);
      AddCharge(t.id, t.kind == TransactionKind::kPenalty, due, ChargeSlot(due), t.amount_minor);
      PayFromSurplus(t);
      (t.kind == TransactionKind::kPenalty ? a.penalty : a.fee) = t.amount_minor;
      return a;
    }
    case TransactionKind::kWaiveCharges:
      a.fee = WaiveCharges(t.day, t.amount_minor);
      return a;
    case TransactionKind::kWaiveCharge:
      a.fee = WaiveCharge(t.about);
      return a;
    case TransactionKind::kWaiveInterest:
      a.interest = WaiveInterest(t.day, t.amount_minor);
      return a;
    case TransactionKind::kMerchantReturn:
      return Pay(t.day, t.amount_minor, kReturned, FutureRule::kLast);
    case TransactionKind::kChargeback:
      return Chargeback(t);
    case TransactionKind::kChargeOff:
      return ChargeOff(t.day);
    case TransactionKind::kTerminate:
      return Terminate(t.day);
    case TransactionKind::kWriteOff:
      return WriteOff(t.day);
    case TransactionKind::kRecovery:
      recovered_ += t.amount_minor;
      a.principal = t.amount_minor;
      return a;
    case TransactionKind::kRefundOverpaid: {
      // What is not overpaid any more, since something earlier changed, is owed again; what is held
      // pays its part of it.
      if (t.amount_minor <= overpaid_) {
        overpaid_ -= t.amount_minor;
        a.overpaid = t.amount_minor;
        return a;
      }
      a.principal = t.amount_minor;
      CreditAgain(t, &a);
      return a;
    }
    case TransactionKind::kChangeRate:
      plan_.ChangeRate(t.due.value_or(t.day), t.rate);
      return a;
    case TransactionKind::kPauseInterest:
      plan_.PauseInterest(t.due.value_or(t.day), t.until);
      return a;
    case TransactionKind::kExtend:
      plan_.AddPeriods(t.due.value_or(t.day), t.count);
      AddSlots();
      return a;
    case TransactionKind::kReage:
      return Reage(t);
    case TransactionKind::kReamortise: {
      const Plan::Dues moved = plan_.SpreadOverdue(t.day);
      a.principal = moved.principal;
      a.interest = moved.interest;
      return a;
    }
    case TransactionKind::kMoveDue:
      if (plan_.MoveDue(t.due.value_or(t.day), t.until)) AssignCharges();
      return a;
  }
  return a;
}

bool Loan::IsSettled() const {
  if (PrincipalOutstanding() > 0) return false;
  for (const Slot& slot : slots_) {
    if (slot.interest > slot.paid_interest) return false;
  }
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

// --- reads ---

LoanTotals Loan::totals() const {
  LoanTotals sums;
  sums.drawn = plan_.drawn();
  for (const Slot& slot : slots_) {
    if (slot.kind == InstalmentKind::kDownPayment) sums.drawn += slot.principal;
  }
  sums.charged_back = charged_back_;
  sums.interest_charged_back = income_charged_back_.interest;
  sums.fee_charged_back = income_charged_back_.fee;
  sums.penalty_charged_back = income_charged_back_.penalty;
  sums.principal_paid = prepaid_principal_;
  for (const Period& period : plan_.periods()) {
    sums.principal_paid += period.paid_principal;
    sums.interest_paid += period.paid_interest;
  }
  for (const Charge& charge : charges_) {
    (charge.penalty ? sums.penalty_paid : sums.fee_paid) += charge.paid;
  }
  for (const Slot& slot : slots_) {
    sums.principal_paid += slot.paid_principal;
    sums.interest_paid += slot.paid_interest;
  }
  sums.principal_outstanding = PrincipalOutstanding();
  sums.written_off_principal = written_off_principal_;
  sums.written_off_other = written_off_other_;
  sums.recovered = recovered_;
  sums.overpaid = overpaid_;
  return sums;
}

Allocation Loan::Overdue() const {
  Allocation overdue;
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (DueOf(slots_[i]) >= today_) continue;
    overdue.principal += UnpaidPart(i, Part::kPrincipal);
    overdue.interest += UnpaidPart(i, Part::kInterest);
  }
  for (const Charge& charge : charges_) {
    if (charge.due >= today_) continue;
    (charge.penalty ? overdue.penalty : overdue.fee) += charge.Unpaid();
  }
  return overdue;
}

std::optional<Date> Loan::OldestUnpaidDue() const {
  for (const size_t i : SlotsByDue()) {
    const Date due = DueOf(slots_[i]);
    if (due >= today_) break;
    int64_t unpaid = UnpaidPart(i, Part::kPrincipal) + UnpaidPart(i, Part::kInterest);
    for (const Charge& charge : charges_) {
      if (charge.slot == i && charge.due < today_) unpaid += charge.Unpaid();
    }
    if (unpaid > 0) return due;
  }
  return std::nullopt;
}

int64_t Loan::AccruedInterest() const {
  if (state_ != LoanState::kActive) return 0;
  int64_t accrued = 0;
  for (size_t i = plan_.IndexOf(today_); i < plan_.periods().size(); ++i) {
    const bool now = plan_.periods()[i].from < today_;
    const bool by_day = product_.terms.kind != PlanKind::kFlat && !product_.terms.interest_by_plan;
    if (now || by_day) accrued += plan_.PayableOn(i, today_).interest;
  }
  return accrued;
}

}  // namespace credence::lending
