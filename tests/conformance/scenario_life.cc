#include "tests/conformance/scenario_life.h"

#include <algorithm>

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

const std::map<std::string, Life::Handler>& Life::Handlers() {
  static const std::map<std::string, Handler> kHandlers{
      {"Admin sets the business date to \"X\"", &Life::SetDay},
      {"Admin creates a client with random data", &Life::Ignore},
      {"Admin runs the Increase Business Date by N day job", &Life::NextDay},
      {"Admin creates a fully customized loan with the following data:", &Life::CreateFromTable},
      {"Admin creates a new default Loan with date: \"X\"", &Life::CreateDefault},
      {"Admin successfully creates a new customised Loan submitted on date: \"X\", with Principal: "
       "\"X\", a loanTermFrequency: N months, and numberOfRepayments: N",
       &Life::CreateCustomised},
      {"Admin set \"X\" loan product \"X\" transaction type to \"X\" future installment allocation "
       "rule",
       &Life::SetFuture},
      {"Admin successfully approves the loan on \"X\" with \"X\" amount and expected disbursement "
       "date on \"X\"",
       &Life::Approve},
      {"Admin successfully rejects the loan on \"X\"", &Life::Reject},
      {"Admin can successfully undone the loan approval", &Life::UndoApproval},
      {"Admin successfully disburse the loan on \"X\" with \"X\" EUR transaction amount",
       &Life::Disburse},
      {"Admin successfully undo disbursal", &Life::UndoDisbursal},
      {"Admin can successfully undone the loan disbursal", &Life::UndoDisbursal},
      {"Admin successfully undo last disbursal", &Life::UndoLastDisbursal},
      {"Customer makes \"X\" repayment on \"X\" with N EUR transaction amount", &Life::Repay},
      {"Customer makes \"X\" transaction with \"X\" payment type on \"X\" with N EUR transaction "
       "amount and system-generated Idempotency key",
       &Life::Transact},
      {"Customer makes \"X\" transaction with \"X\" payment type on \"X\" with N EUR transaction "
       "amount and self-generated Idempotency key",
       &Life::Transact},
      {"Admin makes \"X\" transaction with \"X\" payment type on \"X\" with N EUR transaction "
       "amount",
       &Life::Transact},
      {"Customer makes \"X\" transaction with \"X\" payment type on \"X\" with N EUR transaction "
       "amount and system-generated Idempotency key and interestRefundCalculation false",
       &Life::Transact},
      {"Customer makes \"X\" transaction with \"X\" payment type on \"X\" with N EUR transaction "
       "amount and system-generated Idempotency key and interestRefundCalculation true",
       &Life::Transact},
      {"Global configuration \"X\" is enabled", &Life::SetSwitch},
      {"Global configuration \"X\" is disabled", &Life::SetSwitch},
      {"Global config \"X\" value set to \"X\"", &Life::SetSwitch},
      {"Loan Product response contains interestRecognitionOnDisbursementDate flag with value \"X\"",
       &Life::CheckYearTurn},
      {"Customer undo \"X\"th \"X\" transaction made on \"X\" with linked \"X\" transaction",
       &Life::UndoOfType},
      {"Loan Pay-off is made on \"X\"", &Life::PayOff},
      {"Customer undo \"X\"th repayment on \"X\"", &Life::UndoRepayment},
      {"Customer makes a repayment undo on \"X\"", &Life::UndoLastRepayment},
      {"Customer undo \"X\"th \"X\" transaction made on \"X\"", &Life::UndoOfType},
      {"Customer undo \"X\"th transaction made on \"X\"", &Life::UndoOfDay},
      {"Admin makes Credit Balance Refund transaction on \"X\" with N EUR transaction amount",
       &Life::RefundOverpaid},
      {"Admin makes \"X\" chargeback with N EUR transaction amount", &Life::Chargeback},
      {"Admin makes \"X\" chargeback with N EUR transaction amount for Payment nr. N",
       &Life::Chargeback},
      {"Admin adds \"X\" due date charge with \"X\" due date and N EUR transaction amount",
       &Life::AddCharge},
      {"Admin adds an NSF fee because of payment bounce with \"X\" transaction date",
       &Life::AddBounceFee},
      {"Admin waives charge", &Life::WaiveCharge},
      {"Admin waives due date charge", &Life::WaiveCharge},
      {"Admin makes a charge adjustment for the last \"X\" type charge which is due on \"X\" with "
       "N EUR transaction amount and externalId \"X\"",
       &Life::AdjustCharge},
      {"Admin does charge-off the loan on \"X\"", &Life::ChargeOff},
      {"Admin does a charge-off undo the loan", &Life::UndoChargeOff},
      {"Admin does write-off the loan on \"X\"", &Life::WriteOff},
      {"Admin creates and approves Loan reschedule with the following data:", &Life::Reschedule},
      {"Create an interest pause period with start date \"X\" and end date \"X\"",
       &Life::PauseInterest},
      {"Admin runs inline COB job for Loan", &Life::EndOfDay},
      {"Admin runs COB job", &Life::EndOfDay},
      {"Admin can successfully set Fraud flag to the loan", &Life::SetFraud},
      {"Admin can successfully unset Fraud flag to the loan", &Life::UnsetFraud},
      {"When Admin creates a Loan re-amortization transaction on current business date",
       &Life::Reamortise},
      {"Admin creates a Loan re-aging transaction with the following data:", &Life::Reage},
      {"Admin creates a Loan re-aging transaction by Loan external ID with the following data:",
       &Life::Reage},
      {"Admin successfully undo Loan re-aging transaction", &Life::UndoReage},
      {"Loan status will be \"X\"", &Life::CheckStatus},
      {"Loan status has changed to \"X\"", &Life::CheckStatusChanged},
      {"Loan Repayment schedule has N periods, with the following data for periods:",
       &Life::CheckSchedule},
      {"Loan Repayment schedule has the following data in Total row:", &Life::CheckTotals},
      {"Loan Transactions tab has the following data:", &Life::CheckTransactions},
      {"Loan Transactions tab has none transaction", &Life::CheckNoTransactions},
      {"Loan Transactions tab has a transaction with date: \"X\", and with the following data:",
       &Life::CheckTransactionOfDay},
      {"On Loan Transactions tab the \"X\" Transaction with date \"X\" is reverted",
       &Life::CheckTransactionReverted},
      {"In Loan Transactions the \"X\"th Transaction has Transaction type=\"X\" and is reverted",
       &Life::CheckNthReverted},
      {"Loan Charges tab has the following data:", &Life::CheckCharges},
      {"Loan Charges tab has a given charge with the following data:", &Life::CheckOneCharge},
      {"Loan has N outstanding amount", &Life::CheckOutstanding},
      {"Loan has N overpaid amount", &Life::CheckOverpaid},
      {"Loan has N total overdue amount", &Life::CheckOverdue},
      {"Loan's all installments have obligations met", &Life::CheckAllMet},
      {"Loan is closed with zero outstanding balance and it's all installments have obligations "
       "met",
       &Life::CheckClosed},
      {"Repayment transaction is created with N amount and \"X\" type", &Life::CheckLastRepayment},
      {"Loan Transactions tab has a \"X\" transaction with date \"X\" which has the following "
       "Journal entries:",
       &Life::CheckJournal},
      {"Loan marked as charged-off on \"X\"", &Life::CheckChargedOff},
      {"Loan's actualMaturityDate is \"X\"", &Life::CheckMaturity},
      {"Loan has N \"X\" transactions on Transactions tab", &Life::CheckCount},
      {"LoanAccrualTransactionCreatedBusinessEvent is raised on \"X\"", &Life::CheckAccrualRaised},
  };
  return kHandlers;
}

Verdict Life::Play(const Scenario& scenario) {
  for (const Step& step : scenario.steps) {
    const auto handler = Handlers().find(step.kind);
    if (handler == Handlers().end()) {
      Unsupported(step.kind);
      return verdict_;
    }
  }
  for (const Step& step : scenario.steps) {
    const auto before = verdict_.outcome;
    (this->*Handlers().at(step.kind))(step);
    if (before == Outcome::kPassed && verdict_.outcome == Outcome::kFailed) {
      verdict_.reason = step.text + "\n" + verdict_.reason;
    }
    if (verdict_.outcome != Outcome::kPassed) return verdict_;
  }
  if (verdict_.compared == 0) Unsupported("nothing is compared");
  return verdict_;
}

void Life::Unsupported(const std::string& why) {
  verdict_.outcome = Outcome::kUnsupported;
  verdict_.reason = why;
}

void Life::Fail(const std::string& why) {
  if (verdict_.outcome != Outcome::kPassed) return;
  verdict_.outcome = Outcome::kFailed;
  verdict_.reason = why;
}

void Life::Expect(bool same, const Step& step, const std::string& got) {
  (void)step;
  ++verdict_.compared;
  if (!same) Fail("  got " + got);
}

Result<Date> Life::DateArg(const Step& step, size_t index) {
  if (index >= step.args.size()) return InvalidArgument("no date");
  auto date = DateFrom(step.args[index]);
  if (!date.ok()) Unsupported("date " + step.args[index]);
  return date;
}

bool Life::NeedLoan() {
  if (!loan_) Unsupported("a deed before money was drawn");
  return loan_.has_value();
}

// --- time ---

void Life::SetDay(const Step& step) {
  const auto day = DateArg(step, 0);
  if (day.ok()) today_ = day.value();
}

void Life::NextDay(const Step& step) { today_ = today_.PlusDays(std::stoi(step.args[0])); }

void Life::Observe() {
  if (loan_) loan_->Observe(today_);
  Sync();
}

// The first run does the day before today; later ones do every day since.
void Life::EndOfDay(const Step& step) {
  (void)step;
  if (!loan_) return;
  const Date last = today_.PlusDays(-1);
  Date day = closed_to_ ? closed_to_->PlusDays(1) : last;
  Observe();
  for (; day <= last; day = day.PlusDays(1)) {
    closed_to_ = day;
    if (loan_->state() != LoanState::kActive) continue;
    if (!loan_->is_charged_off()) Accrue(day, day);
    AccrueActivity(day, std::nullopt);
  }
}

// One row for every instalment that fell due: what was earned with it. At the end of a loan, one
// for all that is left.
void Life::AccrueActivity(Date upto, std::optional<Date> closing) {
  if (!plan_ || !plan_->accrual_activity) return;
  lending::Allocation rest;
  const auto post = [&](Date day, const lending::Allocation& split) {
    if (split.Total() == 0) return;
    Posted row;
    row.type = "Accrual Activity";
    row.day = day;
    row.split = split;
    row.amount = split.Total();
    posted_.push_back(row);
  };
  for (const lending::Instalment& row : loan_->Instalments()) {
    if (row.kind == lending::InstalmentKind::kDownPayment) continue;
    const bool done = std::any_of(posted_.begin(), posted_.end(), [&](const Posted& posted) {
      return posted.type == "Accrual Activity" && posted.day == row.due && !posted.reverted;
    });
    lending::Allocation split;
    split.interest = row.interest;
    split.fee = row.fee;
    split.penalty = row.penalty;
    if (row.due <= upto) {
      if (!done) post(row.due, split);
    } else if (closing) {
      rest.interest += split.interest;
      rest.fee += split.fee;
      rest.penalty += split.penalty;
    }
  }
  if (closing) post(*closing, rest);
}

// What was earned up to `upto` and not posted yet, posted as of `dated`.
void Life::Accrue(Date upto, Date dated, bool charges) {
  lending::Allocation posted;
  for (const Posted& row : posted_) {
    const int sign = row.type == "Accrual" ? 1 : row.type == "Accrual Adjustment" ? -1 : 0;
    if (row.reverted) continue;
    posted.interest += sign * row.split.interest;
    posted.fee += sign * row.split.fee;
    posted.penalty += sign * row.split.penalty;
  }
  lending::Allocation earned = loan_->EarnedTo(upto);
  earned.fee += waived_after_accrual_.fee;
  earned.penalty += waived_after_accrual_.penalty;
  const int64_t interest = earned.interest - posted.interest;
  const int64_t fee = charges ? earned.fee - posted.fee : 0;
  const int64_t penalty = charges ? earned.penalty - posted.penalty : 0;
  if (interest == 0 && fee == 0 && penalty == 0) return;
  const auto row = [&](const std::string& type, int64_t i, int64_t f, int64_t p) {
    if (i + f + p == 0) return;
    Posted accrual;
    accrual.type = type;
    accrual.day = dated;
    accrual.split.interest = i;
    accrual.split.fee = f;
    accrual.split.penalty = p;
    accrual.amount = i + f + p;
    posted_.push_back(accrual);
  };
  row("Accrual", std::max<int64_t>(interest, 0), std::max<int64_t>(fee, 0),
      std::max<int64_t>(penalty, 0));
  row("Accrual Adjustment", std::max<int64_t>(-interest, 0), std::max<int64_t>(-fee, 0),
      std::max<int64_t>(-penalty, 0));
}

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
  auto plan = products_.FromTable(step);
  if (!plan.ok()) {
    Unsupported(std::string(plan.status().message()));
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
      const bool in_books_only = applied.transaction.kind == TransactionKind::kChargeOff ||
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
    Accrue(last, day);
    AccrueActivity(day, day);
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
  if (t.amount_minor > 0) Apply(t, "Interest Refund");
}

void Life::SetOverdueRule(const Step& step) {
  products_.SetNoInterestOnOverdue(step.text.ends_with("enabled"));
}

void Life::SetSwitch(const Step& step) {
  const std::string& name = step.args[0];
  if (name == "is-principal-compounding-disabled-for-overdue-loans") {
    SetOverdueRule(step);
  } else if (name == "charge-accrual-date") {
    if (step.args[1] != "due-date") Unsupported("charges earned on the day they are entered");
  } else if (name != "enable-business-date") {
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
  for (const Posted& row : posted_) {
    const bool payment = row.id != 0 && row.type != "Disbursement" && row.type != "Chargeback" &&
                         row.type != "Down Payment" && !row.reverted;
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
  AddChargeOn(name, penalty, day.value(), *amount);
}

void Life::AddBounceFee(const Step& step) {
  const auto day = DateArg(step, 0);
  if (day.ok()) AddChargeOn("NSF fee", true, day.value(), 1000);
}

void Life::WaiveCharge(const Step& step) {
  (void)step;
  if (charge_ids_.empty() || !NeedLoan()) {
    Unsupported("waiver without a charge");
    return;
  }
  Transaction t;
  t.kind = TransactionKind::kWaiveCharge;
  t.about = charge_ids_.back();
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

void Life::ChargeOff(const Step& step) {
  const auto day = DateArg(step, 0);
  if (!day.ok() || !NeedLoan()) return;
  Observe();
  Transaction t;
  t.kind = TransactionKind::kChargeOff;
  t.day = day.value();
  Accrue(t.day, t.day, false);
  Apply(t, "Charge-off");
}

void Life::UndoChargeOff(const Step& step) {
  (void)step;
  for (size_t i = posted_.size(); i-- > 0;) {
    if (posted_[i].type != "Charge-off" || posted_[i].reverted) continue;
    Reverse(i);
    return;
  }
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
  t.day = today_;
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

std::string Life::Status() const {
  if (!loan_) return status_;
  switch (loan_->state()) {
    case LoanState::kPending:
      return "APPROVED";
    case LoanState::kActive:
      return "ACTIVE";
    case LoanState::kClosed:
      return "CLOSED_OBLIGATIONS_MET";
    case LoanState::kOverpaid:
      return "OVERPAID";
    case LoanState::kWrittenOff:
      return "CLOSED_WRITTEN_OFF";
  }
  return "";
}

}  // namespace credence::conformance
