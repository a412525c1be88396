// The deeds of a life: what its sentences do to the loan.
#include <algorithm>

#include "tests/conformance/scenario_life.h"

namespace credence::conformance {
namespace {

using lending::Loan;
using lending::LoanState;
using lending::LoanStatus;
using lending::Transaction;
using lending::TransactionKind;

struct KindOfTransaction {
  const char* word;
  TransactionKind kind;
  const char* shown;
};
constexpr std::array kKinds{
    KindOfTransaction{"REPAYMENT", TransactionKind::kRepay, "Repayment"},
    KindOfTransaction{"DOWN_PAYMENT", TransactionKind::kDownPayment, "Down Payment"},
    KindOfTransaction{"GOODWILL_CREDIT", TransactionKind::kGoodwill, "Goodwill Credit"},
    KindOfTransaction{"MERCHANT_ISSUED_REFUND", TransactionKind::kMerchantRefund,
                      "Merchant Issued Refund"},
    KindOfTransaction{"PAYOUT_REFUND", TransactionKind::kPayoutRefund, "Payout Refund"},
    KindOfTransaction{"INTEREST_PAYMENT_WAIVER", TransactionKind::kInterestPaymentWaiver,
                      "Interest Payment Waiver"},
};

}  // namespace

// --- the application ---

void Life::Make(LoanPlan plan) {
  if (plan_) {
    Unsupported("a second loan");
    return;
  }
  plan_ = std::move(plan);
  status_ = "SUBMITTED_AND_PENDING_APPROVAL";
}

void Life::CreateFromTable(const Step& step) {
  if (!KnowsColumns(
          step,
          {"LoanProduct", "submitted on date", "with Principal", "ANNUAL interest rate %",
           "interest type", "interest calculation period", "amortization type", "loanTermFrequency",
           "loanTermFrequencyType", "repaymentEvery", "repaymentFrequencyType",
           "numberOfRepayments", "graceOnPrincipalPayment", "graceOnInterestPayment",
           "interest free period", "interestRateFrequencyType", "Payment strategy"})) {
    return;
  }
  auto plan = products_.FromTable(step);
  if (!plan.ok()) {
    const std::string why(plan.status().message());
    const bool unreadable = plan.status().code() == StatusCode::kInvalidArgument;
    unreadable ? Fail("  cannot be read: " + why) : Unsupported(why);
    return;
  }
  Make(std::move(plan).value());
}

void Life::CreateDefault(const Step& step) {
  const auto day = DateArg(step, 0);
  if (!day.ok()) return;
  Make(products_.Simple(100'000, day.value(), lending::PeriodUnit::kDays, 30, 1));
}

void Life::CreateCustomised(const Step& step) {
  const auto day = DateArg(step, 0);
  const auto principal = CentsFrom(step.args[1]);
  if (!day.ok() || !principal) return;
  const int32_t months = std::stoi(step.args[2]);
  const int32_t count = std::stoi(step.args[3]);
  if (count == 0 || months % count != 0) {
    Unsupported("a term that its instalments do not divide");
    return;
  }
  Make(products_.Simple(*principal, day.value(), lending::PeriodUnit::kMonths, months / count,
                        count));
}

// Products that these sentences name without a table; what the table would say.
void Life::CreateChargedOff(const Step& step) {
  const bool zero = step.text.find("zero charge-off") != std::string::npos;
  const bool last = step.text.find("last installment") != std::string::npos;
  const bool recalculates = step.text.find("with interest recalculation") != std::string::npos;
  std::string name = "LP2_ADV_PYMNT_ACCELERATE_MATURITY_CHARGE_OFF_BEHAVIOUR";
  if (last) name = "LP2_ACCELERATE_MATURITY_CHARGE_OFF_BEHAVIOUR_LAST_INSTALLMENT_STRATEGY";
  if (zero) name = "LP2_ADV_PYMNT_ZERO_INTEREST_CHARGE_OFF_BEHAVIOUR";
  if (zero && recalculates) {
    name = "LP2_ADV_PYMNT_INTEREST_DAILY_INTEREST_RECALCULATION_ZERO_INTEREST_CHARGE_OFF";
  }
  Step table = step;
  table.table = {
      {"LoanProduct", "submitted on date", "with Principal", "ANNUAL interest rate %",
       "interest type", "interest calculation period", "amortization type", "repaymentEvery",
       "repaymentFrequencyType", "numberOfRepayments", "Payment strategy"},
      {name, step.args[0], "100", "7", "DECLINING_BALANCE", "SAME_AS_REPAYMENT_PERIOD",
       "EQUAL_INSTALLMENTS", "1", "MONTHS", "6", "ADVANCED_PAYMENT_ALLOCATION"}};
  CreateFromTable(table);
}

void Life::SetFuture(const Step& step) {
  products_.SetFuture(step.args[0], step.args[1], step.args[2]);
}

void Life::Approve(const Step& step) {
  const auto day = DateArg(step, 2);
  const auto amount = CentsFrom(step.args[1]);
  if (!day.ok() || !amount || !plan_) return;
  approved_for_ = day.value();
  approved_ = *amount;
  status_ = "APPROVED";
}

void Life::Reject(const Step& step) {
  (void)step;
  status_ = "REJECTED";
}

void Life::UndoApproval(const Step& step) {
  (void)step;
  status_ = "SUBMITTED_AND_PENDING_APPROVAL";
}

// --- deeds ---

// The loan's transactions as the books show them: a row follows its transaction, and says so when
// the split changed because something earlier did.
void Life::Sync() {
  if (!loan_) return;
  for (Posted& row : posted_) {
    if (row.id == 0 || row.reverted) continue;
    for (const lending::AppliedTransaction& applied : loan_->transactions()) {
      if (applied.transaction.id != row.id || applied.reversed) continue;
      const bool shows_split = applied.transaction.kind != TransactionKind::kDraw &&
                               applied.transaction.kind != TransactionKind::kWaiveCharge;
      if (row.split != applied.allocation && shows_split) {
        if (row.split.Total() > 0) row.replayed = true;
        row.split = applied.allocation;
      }
      row.balance = applied.principal_after;
      if (applied.transaction.kind == TransactionKind::kInterestRefund) {
        row.amount = applied.allocation.Total();  // follows what it is about
      }
      const bool in_books_only = applied.transaction.kind == TransactionKind::kChargeOff ||
                                 applied.transaction.kind == TransactionKind::kWriteOff ||
                                 applied.transaction.kind == TransactionKind::kTerminate ||
                                 applied.transaction.kind == TransactionKind::kReage ||
                                 applied.transaction.kind == TransactionKind::kReamortise;
      if (in_books_only) {
        row.balance = 0;
        row.amount = applied.allocation.Total();
      }
    }
  }
}

// When the last thing that is owed is paid, all that was ever earned is posted.
void Life::CloseAccruals(LoanState before, Date day) {
  const LoanState now = loan_->state();
  const bool closed = now == LoanState::kClosed || now == LoanState::kOverpaid;
  if (closed && before == LoanState::kActive && !loan_->is_charged_off()) {
    Date last = today_;
    for (const lending::Instalment& row : loan_->Instalments()) last = std::max(last, row.due);
    Accrue(last, today_);
    AccrueActivity(day, day);
  }
}

// What was earned up to the end of the contract (or the charge-off) changed with something that
// came late: the difference is posted as of that day.
void Life::FollowAccruals() {
  if (!loan_->is_charged_off() && !loan_->is_terminated()) return;
  for (size_t i = posted_.size(); i-- > 0;) {
    const Posted& row = posted_[i];
    if (row.reverted || (row.type != "Charge-off" && row.type != "Contract Termination")) continue;
    Accrue(row.day, row.day, false);
    return;
  }
}

bool Life::Apply(Transaction t, const std::string& type) {
  if (!NeedLoan()) return false;
  t.id = next_id_++;
  const LoanState before = loan_->state();
  const bool charged_off = loan_->is_charged_off();
  const LoanStatus status = loan_->Apply(t);
  if (status != LoanStatus::kApplied) {
    Fail("  refused: " + std::string(lending::LoanStatusName(status)));
    return false;
  }
  loan_->Observe(today_);
  if (!type.empty()) {
    Posted row;
    row.id = t.id;
    row.type = type;
    row.day = t.day;
    row.amount = t.amount_minor;
    row.charged_off = charged_off;
    row.fraud = fraud_;
    posted_.push_back(row);
  }
  Sync();
  CloseAccruals(before, t.day);
  FollowAccruals();
  return true;
}

void Life::Disburse(const Step& step) {
  const auto day = DateArg(step, 0);
  const auto amount = CentsFrom(step.args[1]);
  if (!day.ok() || !amount || !plan_) return;
  if (!loan_) {
    const auto periods = lending::MakePeriods(plan_->product.terms, day.value(), nullptr);
    if (!periods.ok()) {
      Unsupported(std::string(periods.status().message()));
      return;
    }
    loan_.emplace(plan_->product, day.value(), periods.value());
  }
  Transaction t;
  t.kind = TransactionKind::kDraw;
  t.day = day.value();
  t.amount_minor = *amount;
  if (!Apply(t, "Disbursement")) return;
  // What overpaid money has covered already is not paid again.
  int64_t down = 0;
  for (const lending::Instalment& row : loan_->Instalments()) {
    if (row.kind == lending::InstalmentKind::kDownPayment && row.due == t.day) down = row.Unpaid();
  }
  if (down > 0 && plan_->auto_down_payment) {
    t.kind = TransactionKind::kDownPayment;
    t.amount_minor = down;
    Apply(t, "Down Payment");
  }
}

void Life::UndoDisbursal(const Step& step) {
  (void)step;
  loan_.reset();
  posted_.clear();
  charge_ids_.clear();
  status_ = "APPROVED";
}

void Life::UndoLastDisbursal(const Step& step) {
  (void)step;
  if (!NeedLoan()) return;
  for (size_t i = posted_.size(); i-- > 0;) {
    if (posted_[i].type != "Disbursement" || posted_[i].reverted) continue;
    // What came behind it goes with it: the down payment made for it.
    for (size_t k = posted_.size(); k-- > i + 1;) {
      if (posted_[k].type == "Down Payment" && posted_[k].day == posted_[i].day) Reverse(k);
    }
    Reverse(i);
    std::erase_if(posted_, [](const Posted& row) {  // it is as if it had never been
      return row.reverted && (row.type == "Disbursement" || row.type == "Down Payment");
    });
    return;
  }
}

void Life::Repay(const Step& step) {
  const auto day = DateArg(step, 1);
  const auto amount = CentsFrom(step.args[2]);
  if (!day.ok() || !amount) return;
  Transaction t;
  t.day = day.value();
  t.amount_minor = *amount;
  const bool recovery = loan_ && loan_->state() == LoanState::kWrittenOff;
  if (recovery) t.kind = TransactionKind::kRecovery;
  Apply(t, "Repayment");
}

void Life::Transact(const Step& step) {
  for (const KindOfTransaction& kind : kKinds) {
    if (step.args[0] != kind.word) continue;
    const auto day = DateArg(step, 2);
    const auto amount = CentsFrom(step.args[3]);
    if (!day.ok() || !amount) return;
    Transaction t;
    t.kind = kind.kind;
    t.day = day.value();
    t.amount_minor = *amount;
    if (!Apply(t, kind.shown)) return;
    const bool refund = kind.kind == TransactionKind::kMerchantRefund ||
                        kind.kind == TransactionKind::kPayoutRefund;
    const bool asked = step.text.find("interestRefundCalculation true") != std::string::npos;
    const bool refused = step.text.find("interestRefundCalculation false") != std::string::npos;
    if (refund && (asked || (plan_->refunds_interest && !refused))) RefundInterest(t);
    return;
  }
  Unsupported("transaction " + step.args[0]);
}

void Life::RefundInterest(const Transaction& refund) {
  // Judged on the loan as it stood before the refund.
  lending::Loan before = *loan_;
  if (before.is_charged_off() || before.Reverse(next_id_ - 1) != LoanStatus::kApplied) return;
  Transaction t;
  t.kind = TransactionKind::kInterestRefund;
  t.day = refund.day;
  t.amount_minor = before.InterestOn(refund.amount_minor, refund.day);
  t.about = next_id_ - 1;
  if (t.amount_minor > 0) Apply(t, "Interest Refund");
}

void Life::SetSwitch(const Step& step) {
  const std::string& name = step.args[0];
  if (name == "charge-accrual-date") {
    if (step.args[1] != "due-date") Unsupported("charges earned on the day they are entered");
  } else if (name != "enable-business-date" &&
             name != "is-principal-compounding-disabled-for-overdue-loans") {
    // The second one is about unpaid interest, which bears none here in any case.
    Unsupported("setting " + name);
  }
}

void Life::PayOff(const Step& step) {
  const auto day = DateArg(step, 0);
  if (!day.ok() || !NeedLoan()) return;
  Transaction t;
  t.day = day.value();
  t.amount_minor = loan_->PayOffQuote(std::max(t.day, loan_->today())).Total();
  Apply(t, "Repayment");
}

void Life::Reverse(size_t index) {
  if (!NeedLoan() || posted_[index].reverted) return;
  const LoanState before = loan_->state();
  // Interest given back with a refund goes with it.
  if (posted_[index].type.ends_with("Refund") && posted_[index].type != "Interest Refund" &&
      index + 1 < posted_.size()) {
    for (size_t i = index + 1; i < posted_.size(); ++i) {
      if (posted_[i].type == "Interest Refund" && posted_[i].day == posted_[index].day) {
        Reverse(i);
        break;
      }
    }
  }
  posted_[index].reverted = true;
  const LoanStatus status = loan_->Reverse(posted_[index].id);
  if (status != LoanStatus::kApplied) {
    Fail("  refused: " + std::string(lending::LoanStatusName(status)));
    return;
  }
  loan_->Observe(today_);
  Sync();
  CloseAccruals(before, today_);
  FollowAccruals();
}

void Life::UndoRepayment(const Step& step) {
  int number = std::stoi(step.args[0]);
  std::vector<size_t> found;
  for (size_t i = 0; i < posted_.size(); ++i) {
    if (posted_[i].type == "Repayment") found.push_back(i);
  }
  std::stable_sort(found.begin(), found.end(),
                   [&](size_t a, size_t b) { return posted_[a].day < posted_[b].day; });
  if (number < 1 || static_cast<size_t>(number) > found.size()) {
    Unsupported("no such repayment");
    return;
  }
  Reverse(found[static_cast<size_t>(number) - 1]);
}

void Life::UndoLastRepayment(const Step& step) {
  (void)step;
  for (size_t i = posted_.size(); i-- > 0;) {
    if (posted_[i].type != "Repayment") continue;
    Reverse(i);
    return;
  }
}

void Life::UndoOfType(const Step& step) {
  const auto day = DateArg(step, 2);
  if (!day.ok()) return;
  int number = std::stoi(step.args[0]);
  for (size_t i = 0; i < posted_.size(); ++i) {
    if (posted_[i].type != step.args[1] || posted_[i].day != day.value()) continue;
    if (--number > 0) continue;
    if (posted_[i].id == 0) {
      posted_[i].reverted = true;
    } else {
      Reverse(i);
    }
    return;
  }
  Unsupported("no such transaction");
}

void Life::UndoOfDay(const Step& step) {
  const auto day = DateArg(step, 1);
  if (!day.ok()) return;
  int number = std::stoi(step.args[0]);
  for (size_t i = 0; i < posted_.size(); ++i) {
    if (posted_[i].day != day.value() || --number > 0) continue;
    if (posted_[i].id != 0) Reverse(i);
    return;
  }
  Unsupported("no such transaction");
}

void Life::RefundOverpaid(const Step& step) {
  const auto day = DateArg(step, 0);
  const auto amount = CentsFrom(step.args[1]);
  if (!day.ok() || !amount) return;
  Transaction t;
  t.kind = TransactionKind::kRefundOverpaid;
  t.day = day.value();
  t.amount_minor = *amount;
  Apply(t, "Credit Balance Refund");
}

void Life::Chargeback(const Step& step) {
  const auto amount = CentsFrom(step.args[1]);
  if (!amount) return;
  Transaction t;
  t.kind = TransactionKind::kChargeback;
  t.day = today_;
  t.amount_minor = *amount;
  // Of the given payment, or of the last one.
  int number = step.args.size() > 2 ? std::stoi(step.args[2]) : 0;
  const bool of_down = step.text.find("Downpayment nr.") != std::string::npos;
  for (const Posted& row : posted_) {
    const bool payment = row.id != 0 && row.type != "Disbursement" && row.type != "Chargeback" &&
                         (row.type == "Down Payment") == of_down && !row.reverted;
    if (!payment) continue;
    t.about = row.id;
    if (number > 0 && --number == 0) break;
  }
  Apply(t, "Chargeback");
}

void Life::AddChargeOn(const std::string& name, bool penalty, Date due, int64_t amount) {
  Transaction t;
  t.kind = penalty ? TransactionKind::kPenalty : TransactionKind::kCharge;
  // It is known from the day on which it is entered; one for a day gone by counts from that day.
  t.day = std::min(due, today_);
  // On a cumulative schedule, one that is due before the last payment was always there.
  if (loan_ && plan_ && !plan_->advanced && !posted_.empty()) {
    Date last = loan_->plan().periods().front().from;
    for (const Posted& row : posted_) {
      if (row.id != 0) last = std::max(last, row.day);
    }
    if (due <= last) t.day = std::min(t.day, posted_.front().day);
  }
  t.due = due;
  t.amount_minor = amount;
  charge_names_[next_id_] = name;
  charge_ids_.push_back(next_id_);
  Apply(t, "");
}

void Life::AddCharge(const Step& step) {
  const auto day = DateArg(step, 1);
  const auto amount = CentsFrom(step.args[2]);
  if (!day.ok() || !amount) return;
  const std::string& word = step.args[0];
  const bool penalty = word == "LOAN_NSF_FEE";
  const std::string name = penalty                     ? "NSF fee"
                           : word == "LOAN_SNOOZE_FEE" ? "Snooze fee"
                                                       : "Fixed Returned payment fee";
  due_charge_ = next_id_;
  AddChargeOn(name, penalty, day.value(), *amount);
}

// A share of the principal that was lent and of all its interest.
void Life::AddPercentCharge(const Step& step) {
  const auto percent = Decimal::Parse(step.args[0]);
  const auto day = DateArg(step, 2);
  if (!percent.has_value() || !day.ok() || !NeedLoan()) return;
  int64_t base = loan_->totals().drawn;
  for (const lending::Period& period : loan_->plan().periods()) base += period.interest;
  const Decimal amount = Decimal::FromInt64(base) * *percent;
  const auto cents = (amount / Decimal::FromInt64(100)).Rounded(0, Rounding::kHalfEven).ToInt64();
  if (!cents) return;
  charge_calculations_[next_id_] = "% Loan Amount + Interest";
  AddChargeOn("Processing fee", false, day.value(), *cents);
}

void Life::CheckChargeAdded(const Step& step) {
  if (!NeedLoan()) return;
  int64_t amount = 0;
  for (const lending::Charge& charge : loan_->charges()) {
    if (!charge_ids_.empty() && charge.id == charge_ids_.back()) amount = charge.amount;
  }
  Expect(CentsFrom(step.args[0]) == amount, step, std::to_string(amount));
}

void Life::AddBounceFee(const Step& step) {
  const auto day = DateArg(step, 0);
  if (day.ok()) AddChargeOn("NSF fee", true, day.value(), 1000);
}

void Life::WaiveCharge(const Step& step) {
  if (charge_ids_.empty() || !NeedLoan()) {
    Unsupported("waiver without a charge");
    return;
  }
  Transaction t;
  t.kind = TransactionKind::kWaiveCharge;
  t.about = charge_ids_.back();
  const bool by_due = step.text.find("due date") != std::string::npos;
  if (by_due && due_charge_ != 0) t.about = due_charge_;
  lending::Allocation waived;
  for (const lending::Charge& charge : loan_->charges()) {
    if (charge.id != t.about) continue;
    t.amount_minor = charge.Unpaid();
    t.day = std::min(charge.due, today_);
    (charge.penalty ? waived.penalty : waived.fee) = charge.Unpaid();
  }
  // Income that was posted already stays posted.
  bool accrued = false;
  for (const Posted& row : posted_) {
    accrued = accrued || (row.type == "Accrual" && row.day >= t.day &&
                          row.split.fee + row.split.penalty >= t.amount_minor);
  }
  if (!Apply(t, "Waive loan charges")) return;
  posted_.back().split = {};
  if (accrued) {
    posted_.back().split = waived;
    waived_after_accrual_.fee += waived.fee;
    waived_after_accrual_.penalty += waived.penalty;
  }
}

void Life::AdjustCharge(const Step& step) {
  const auto amount = CentsFrom(step.args[2]);
  if (!amount || charge_ids_.empty()) return;
  Transaction t;
  t.kind = TransactionKind::kChargeAdjustment;
  t.day = today_;
  t.amount_minor = *amount;
  t.about = charge_ids_.back();
  Apply(t, "Charge Adjustment");
}

void Life::UndoWaiver(const Step& step) {
  (void)step;
  waived_after_accrual_ = {};
  UndoLast("Waive loan charges");
}

void Life::ChargeOffOn(Date day) {
  if (!NeedLoan()) return;
  Observe();
  Transaction t;
  t.kind = TransactionKind::kChargeOff;
  t.day = day;
  Accrue(t.day, t.day, false);
  Apply(t, "Charge-off");
}

void Life::ChargeOff(const Step& step) {
  const auto day = DateArg(step, 0);
  if (day.ok()) ChargeOffOn(day.value());
}

// A reason has an account of its own, which goes before that of fraud: the test system's is the
// plain one.
void Life::ChargeOffFor(const Step& step) {
  const auto day = DateArg(step, 1);
  if (!day.ok()) return;
  ChargeOffOn(day.value());
  if (!posted_.empty() && posted_.back().type == "Charge-off") posted_.back().fraud = false;
}

void Life::UndoLast(const std::string& type) {
  for (size_t i = posted_.size(); i-- > 0;) {
    if (posted_[i].type == type && !posted_[i].reverted) return Reverse(i);
  }
  Unsupported("nothing to undo: " + type);
}

void Life::UndoChargeOff(const Step& step) {
  (void)step;
  UndoLast("Charge-off");
}

void Life::Terminate(const Step& step) {
  (void)step;
  if (!NeedLoan()) return;
  Observe();
  Transaction t;
  t.kind = TransactionKind::kTerminate;
  t.day = today_;
  Apply(t, "Contract Termination");
}

void Life::UndoTermination(const Step& step) {
  (void)step;
  UndoLast("Contract Termination");
}

void Life::PayoutRefund(const Step& step) {
  if (step.text.find("undo") != std::string::npos) return UndoLast("Payout Refund");
  const auto day = DateArg(step, 0);
  const auto amount = CentsFrom(step.args[1]);
  if (!day.ok() || !amount) return;
  Transaction t;
  t.kind = TransactionKind::kPayoutRefund;
  t.day = day.value();
  t.amount_minor = *amount;
  Apply(t, "Payout Refund");
}

void Life::RefuseRefund(const Step& step) {
  const auto day = DateArg(step, 0);
  const auto amount = CentsFrom(step.args[1]);
  if (!day.ok() || !amount || !NeedLoan()) return;
  Transaction t;
  t.id = next_id_;
  t.kind = TransactionKind::kRefundOverpaid;
  t.day = day.value();
  t.amount_minor = *amount;
  lending::Loan copy = *loan_;
  const LoanStatus status = copy.Apply(t);
  Expect(status == LoanStatus::kExceedsOverpaid, step, std::string(LoanStatusName(status)));
}

void Life::MoveDue(const Step& step) {
  const auto from = DateArg(step, 0);
  const auto to = DateArg(step, 1);
  if (!from.ok() || !to.ok()) return;
  Transaction t;
  t.kind = TransactionKind::kMoveDue;
  t.day = EffectiveDay(from.value());
  t.due = from.value();
  t.until = to.value();
  Apply(t, "");
}

void Life::WriteOff(const Step& step) {
  const auto day = DateArg(step, 0);
  if (!day.ok()) return;
  Transaction t;
  t.kind = TransactionKind::kWriteOff;
  t.day = day.value();
  Apply(t, "Close (as written-off)");
}

void Life::Reschedule(const Step& step) {
  if (step.table.size() != 2 || !NeedLoan()) {
    Unsupported("reschedule");
    return;
  }
  if (!KnowsColumns(step,
                    {"rescheduleFromDate", "submittedOnDate", "adjustedDueDate", "graceOnPrincipal",
                     "graceOnInterest", "extraTerms", "newInterestRate"})) {
    return;
  }
  const auto from = DateFrom(step.Cell(1, "rescheduleFromDate"));
  if (!from.ok()) {
    Unsupported("reschedule without a day");
    return;
  }
  Transaction t;
  t.day = EffectiveDay(from.value());
  t.due = from.value();
  if (const std::string rate = step.Cell(1, "newInterestRate"); !rate.empty()) {
    // The new rate holds from the day before the one that is named.
    t.due = from.value().PlusDays(-1);
    t.day = EffectiveDay(*t.due);
    t.kind = TransactionKind::kChangeRate;
    const auto parsed = Decimal::Parse(rate);
    if (!parsed.has_value()) return;
    t.rate = *parsed / Decimal::FromInt64(100);
    Apply(t, "");
  } else if (const std::string moved = step.Cell(1, "adjustedDueDate"); !moved.empty()) {
    const auto to = DateFrom(moved);
    if (!to.ok()) return;
    t.kind = TransactionKind::kMoveDue;
    t.until = to.value();
    if (!Apply(t, "")) return;
    if (const std::string more = step.Cell(1, "extraTerms"); !more.empty()) {
      t.kind = TransactionKind::kExtend;
      t.count = std::stoi(more);
      t.due.reset();
      Apply(t, "");
    }
  } else if (const std::string extra = step.Cell(1, "extraTerms"); !extra.empty()) {
    t.kind = TransactionKind::kExtend;
    t.count = std::stoi(extra);
    t.due = from.value().PlusDays(-1);
    Apply(t, "");
  } else {
    Unsupported("reschedule of grace");
  }
}

void Life::PauseInterest(const Step& step) {
  const auto from = DateArg(step, 0);
  const auto to = DateArg(step, 1);
  if (!from.ok() || !to.ok()) return;
  Transaction t;
  if (!NeedLoan()) return;
  // The days that are named are those at whose end interest counts, but for the very first day.
  const Date before = from.value().PlusDays(-1);
  const bool first = before == loan_->plan().periods().front().from;
  t.kind = TransactionKind::kPauseInterest;
  t.due = first ? from.value() : before;
  t.day = EffectiveDay(*t.due);
  t.until = to.value();
  Apply(t, "");
}

void Life::Reamortise(const Step& step) {
  (void)step;
  Transaction t;
  t.kind = TransactionKind::kReamortise;
  t.day = today_;
  Apply(t, "Re-amortize");
}

void Life::Reage(const Step& step) {
  const auto first = DateFrom(step.Cell(1, "startDate"));
  if (!first.ok() || step.table.size() != 2 || step.table[0].size() != 4) {
    return Unsupported("re-ageing with interest of its own");
  }
  Transaction t;
  t.kind = TransactionKind::kReage;
  t.day = std::min(today_, first.value());
  t.until = first.value();
  t.every = std::stoi(step.Cell(1, "frequencyNumber"));
  t.unit = UnitFrom(step.Cell(1, "frequencyType"));
  t.count = std::stoi(step.Cell(1, "numberOfInstallments"));
  Apply(t, "Re-age");
}

void Life::UndoReage(const Step& step) {
  (void)step;
  for (size_t i = posted_.size(); i-- > 0;) {
    if (posted_[i].type == "Re-age" && !posted_[i].reverted) return Reverse(i);
  }
  Unsupported("no re-ageing to undo");
}

}  // namespace credence::conformance
