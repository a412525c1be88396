// What a loan refuses, and how a transaction enters it.
#include <algorithm>
#include <array>

#include "src/lending/loan.h"

namespace credence::lending {
namespace {

bool NeedsAmount(TransactionKind kind) {
  switch (kind) {
    case TransactionKind::kChangeRate:
    case TransactionKind::kPauseInterest:
    case TransactionKind::kExtend:
    case TransactionKind::kWriteOff:
    case TransactionKind::kChargeOff:
    case TransactionKind::kTerminate:
    case TransactionKind::kReamortise:
    case TransactionKind::kReage:
    case TransactionKind::kMoveDue:
    case TransactionKind::kWaiveCharge:
      return false;
    default:
      return true;
  }
}

}  // namespace

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
      const int64_t paid =
          sums.principal_paid + sums.interest_paid + sums.fee_paid + sums.penalty_paid;
      const int64_t back = sums.charged_back + sums.interest_charged_back + sums.fee_charged_back +
                           sums.penalty_charged_back;
      const int64_t held = paid - back + sums.overpaid;
      return t.amount_minor > held ? LoanStatus::kExceedsPaid : LoanStatus::kApplied;
    }
    default:
      break;
  }
  if (written_off) return LoanStatus::kWrittenOff;
  using enum TransactionKind;
  constexpr std::array kAlways{kDraw,         kCharge,         kPenalty,       kGoodwill,
                               kPayoutRefund, kMerchantRefund, kInterestRefund};
  // A new rate for days gone by changes what was owed.
  const bool late = t.kind == kChangeRate && t.day < transactions_.back().transaction.day;
  const bool may_open = late || (product_.holds_surplus && NeedsAmount(t.kind)) ||
                        std::find(kAlways.begin(), kAlways.end(), t.kind) != kAlways.end();
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
  if (t.kind == TransactionKind::kReage) {
    const int64_t days = t.until.days - start_.days;
    const int64_t unit_days = t.unit == PeriodUnit::kDays    ? 1
                              : t.unit == PeriodUnit::kWeeks ? 7
                              : t.unit == PeriodUnit::kYears ? 366
                                                             : 31;
    if (t.count < 1 || t.count > kPeriodsMax || t.every < 1 || t.every > 1000 || t.until < t.day ||
        days + int64_t{t.count} * t.every * unit_days > kTermDaysMax) {
      return LoanStatus::kBadDates;
    }
  }
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
  const auto at = transactions_.insert(behind, AppliedTransaction{transaction, {}, false, 0, {}});
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

}  // namespace credence::lending
