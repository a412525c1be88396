#include "tests/conformance/scenario_life.h"

#include <algorithm>

namespace credence::conformance {
namespace {

using lending::LoanState;

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
      {"Admin adds a N % Processing charge to the loan with \"X\" locale on date: \"X\"",
       &Life::AddPercentCharge},
      {"Charge is successfully added to the loan with N EUR", &Life::CheckChargeAdded},
      {"Admin waives charge", &Life::WaiveCharge},
      {"Admin makes waive undone for charge", &Life::UndoWaiver},
      {"Admin does charge-off the loan with reason \"X\" on \"X\"", &Life::ChargeOffFor},
      {"Admin successfully terminates loan contract", &Life::Terminate},
      {"Admin successfully undoes loan contract termination", &Life::UndoTermination},
      {"Refund happens on \"X\" with N EUR transaction amount", &Life::PayoutRefund},
      {"Refund undo happens on \"X\"", &Life::PayoutRefund},
      {"Credit Balance Refund transaction on active loan \"X\" with N EUR transaction amount will "
       "result an error",
       &Life::RefuseRefund},
      {"Batch API call with steps: rescheduleLoan from \"X\" to \"X\" submitted on date: \"X\", "
       "approveReschedule on date: \"X\" runs with enclosingTransaction: \"X\"",
       &Life::MoveDue},
      {"Admin runs the Add Periodic Accrual Transactions job", &Life::AccruePeriodically},
      {"Admin runs loan reprocess for Loan", &Life::Ignore},
      {"Admin creates a new accelerate maturity charge-off Loan without interest recalculation and "
       "with date: \"X\"",
       &Life::CreateChargedOff},
      {"Admin creates a new accelerate maturity charge-off Loan with last installment strategy, "
       "without interest recalculation and with date: \"X\"",
       &Life::CreateChargedOff},
      {"Admin creates a new zero charge-off Loan with interest recalculation and date: \"X\"",
       &Life::CreateChargedOff},
      {"Admin creates a new zero charge-off Loan without interest recalculation and with date: "
       "\"X\"",
       &Life::CreateChargedOff},
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
      {"Admin runs COB job", &Life::EndOfDayJob},
      {"Admin runs COB catch up", &Life::EndOfDay},
      {"Admin checks that Loan COB is running until the current business date", &Life::Ignore},
      {"Admin can successfully set Fraud flag to the loan", &Life::SetFraud},
      {"Admin can successfully unset Fraud flag to the loan", &Life::UnsetFraud},
      {"When Admin creates a Loan re-amortization transaction on current business date",
       &Life::Reamortise},
      {"When Admin creates a Loan re-amortization transaction on current business date by loan "
       "external ID",
       &Life::Reamortise},
      {"Admin does a charge-off undo the loan with reversal external Id", &Life::UndoChargeOff},
      {"Admin makes \"X\" chargeback with N EUR transaction amount for Downpayment nr. N",
       &Life::Chargeback},
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
      {"LoanTransactionAccrualActivityPostBusinessEvent is raised on \"X\"",
       &Life::CheckActivityRaised},
      {"Admin checks that delinquency range is: \"X\" and has delinquentDate \"X\"",
       &Life::CheckDelinquency},
      {"Loan has the following LOAN level next payment due data:", &Life::CheckNextPayment},
      {"Admin checks that last closed business date of loan is \"X\"", &Life::CheckLastClosed},
      {"Admin checks that the business date is correctly set to \"X\"", &Life::CheckDay},
      {"Loan closedon_date is \"X\"", &Life::CheckClosedOn},
      {"Loan details has the following last payment related data:", &Life::CheckLastPayment},
      {"Loan has N last payment amount", &Life::CheckLastPaymentAmount},
      {"\"X\" transaction on \"X\" got reverse-replayed on \"X\"", &Life::CheckReplayed},
      {"Loan term variations has N variation, with the following data:", &Life::CheckVariations},
      {"LoanAccrualTransactionCreatedBusinessEvent is raised on \"X\"", &Life::CheckAccrualRaised},
  };
  return kHandlers;
}

Verdict Life::Play(const Scenario& scenario) {
  if (!scenario.unreadable.empty()) {
    Fail(scenario.unreadable);
    return verdict_;
  }
  for (const Step& step : scenario.steps) {
    const auto handler = Handlers().find(step.kind);
    if (handler == Handlers().end()) {
      Unsupported(step.kind);
      return verdict_;
    }
  }
  for (const Step& step : scenario.steps) {
    const auto before = verdict_.outcome;
    try {
      (this->*Handlers().at(step.kind))(step);
    } catch (const std::exception& error) {  // a cell that is no number
      Fail(std::string("  cannot be read: ") + error.what());
    }
    if (before == Outcome::kPassed && verdict_.outcome == Outcome::kFailed) {
      verdict_.reason = step.text + "\n" + verdict_.reason;
    }
    if (verdict_.outcome != Outcome::kPassed) return verdict_;
  }
  if (verdict_.compared == 0) Unsupported("nothing is compared");
  return verdict_;
}

bool Life::KnowsColumns(const Step& step, std::initializer_list<std::string_view> columns) {
  if (step.table.empty()) return true;
  for (const std::string& column : step.table[0]) {
    if (std::find(columns.begin(), columns.end(), column) != columns.end()) continue;
    Unsupported("column " + column);
    return false;
  }
  return true;
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
    if (loan_->state() != LoanState::kActive) continue;
    closed_to_ = day;
    // With interest recognised from the day of disbursement a day's interest is earned that day.
    const bool inclusive = plan_->product.terms.split_on_new_year;
    if (!loan_->is_charged_off() && !loan_->is_terminated()) Accrue(day, day, true, inclusive);
    AccrueActivity(day, std::nullopt);
  }
}

// The job leaves a loan alone that it has not seen for more than a day.
void Life::EndOfDayJob(const Step& step) {
  if (closed_to_ && closed_to_->PlusDays(2) < today_) return;
  EndOfDay(step);
}

void Life::AccruePeriodically(const Step& step) {
  (void)step;
  if (!loan_ || loan_->state() != LoanState::kActive || loan_->is_charged_off()) return;
  Observe();
  const Date last = loan_->plan().periods().back().due;
  Accrue(today_, std::min(today_, last));
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
void Life::Accrue(Date upto, Date dated, bool charges, bool inclusive) {
  lending::Allocation posted;
  for (const Posted& row : posted_) {
    const int sign = row.type == "Accrual" ? 1 : row.type == "Accrual Adjustment" ? -1 : 0;
    if (row.reverted) continue;
    posted.interest += sign * row.split.interest;
    posted.fee += sign * row.split.fee;
    posted.penalty += sign * row.split.penalty;
  }
  lending::Allocation earned = loan_->EarnedTo(upto);
  if (inclusive) earned.interest = loan_->EarnedTo(upto.PlusDays(1)).interest;
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
