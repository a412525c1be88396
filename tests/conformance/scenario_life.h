#pragma once
// One loan's life, played from a scenario's sentences: each does something to a lending::Loan or
// compares a table with what the loan says. A sentence that is not known, or a table that cannot be
// compared, ends the scenario as unsupported.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "src/lending/loan.h"
#include "tests/conformance/scenario_products.h"

namespace credence::conformance {

enum class Outcome : uint8_t { kPassed = 1, kFailed = 2, kUnsupported = 3 };

struct Verdict {
  Outcome outcome = Outcome::kPassed;
  std::string reason;  // what is unsupported, or the first difference
  int compared = 0;    // tables and figures that were compared
};

// A row of the list of transactions: what the loan's books show.
struct Posted {
  uint64_t id = 0;  // of the loan's transaction; 0 for accruals
  std::string type;
  Date day;
  int64_t amount = 0;
  lending::Allocation split;
  int64_t balance = 0;
  bool reverted = false;
  bool replayed = false;
  bool charged_off = false;  // the loan was charged off before it
  bool fraud = false;
};

class Life {
 public:
  explicit Life(Products& products) : products_(products) {}
  Verdict Play(const Scenario& scenario);

 private:
  using Handler = void (Life::*)(const Step&);
  static const std::map<std::string, Handler>& Handlers();

  // --- deeds ---
  void Ignore(const Step&) {}
  void SetDay(const Step& step);
  void NextDay(const Step& step);
  void CreateFromTable(const Step& step);
  void CreateDefault(const Step& step);
  void CreateCustomised(const Step& step);
  void CreateChargedOff(const Step& step);
  void SetFuture(const Step& step);
  void SetSwitch(const Step& step);
  void Approve(const Step& step);
  void Reject(const Step& step);
  void UndoApproval(const Step& step);
  void Disburse(const Step& step);
  void UndoDisbursal(const Step& step);
  void UndoLastDisbursal(const Step& step);
  void Repay(const Step& step);
  void Transact(const Step& step);
  void PayOff(const Step& step);
  void UndoRepayment(const Step& step);
  void UndoLastRepayment(const Step& step);
  void UndoOfType(const Step& step);
  void UndoOfDay(const Step& step);
  void RefundOverpaid(const Step& step);
  void Chargeback(const Step& step);
  void AddCharge(const Step& step);
  void AddBounceFee(const Step& step);
  void AddPercentCharge(const Step& step);
  void CheckChargeAdded(const Step& step);
  void WaiveCharge(const Step& step);
  void UndoWaiver(const Step& step);
  void AdjustCharge(const Step& step);
  void ChargeOff(const Step& step);
  void ChargeOffFor(const Step& step);
  void ChargeOffOn(Date day);
  void Terminate(const Step& step);
  void UndoTermination(const Step& step);
  void UndoLast(const std::string& type);
  void PayoutRefund(const Step& step);
  void RefuseRefund(const Step& step);
  void MoveDue(const Step& step);
  void AccruePeriodically(const Step& step);
  void UndoChargeOff(const Step& step);
  void WriteOff(const Step& step);
  void Reschedule(const Step& step);
  void PauseInterest(const Step& step);
  void EndOfDay(const Step& step);
  void EndOfDayJob(const Step& step);
  void SetFraud(const Step& step) {
    (void)step;
    fraud_ = true;
  }
  void UnsetFraud(const Step& step) {
    (void)step;
    fraud_ = false;
  }
  void Reamortise(const Step& step);
  void Reage(const Step& step);
  void UndoReage(const Step& step);

  // --- comparisons (scenario_tables.cc) ---
  void CheckStatus(const Step& step);
  void CheckStatusChanged(const Step& step);
  void CheckSchedule(const Step& step);
  void CheckTotals(const Step& step);
  void CheckTransactions(const Step& step);
  void CheckNoTransactions(const Step& step);
  void CheckTransactionOfDay(const Step& step);
  void CheckTransactionReverted(const Step& step);
  void CheckNthReverted(const Step& step);
  void CheckCharges(const Step& step);
  void CheckOneCharge(const Step& step);
  void CheckOutstanding(const Step& step);
  void CheckOverpaid(const Step& step);
  void CheckOverdue(const Step& step);
  void CheckAllMet(const Step& step);
  void CheckClosed(const Step& step);
  void CheckLastRepayment(const Step& step);
  void CheckJournal(const Step& step);
  void CheckChargedOff(const Step& step);
  void CheckMaturity(const Step& step);
  void CheckCount(const Step& step);
  void CheckAccrualRaised(const Step& step);
  void CheckActivityRaised(const Step& step);
  void CheckDelinquency(const Step& step);
  void CheckYearTurn(const Step& step);
  void CheckNextPayment(const Step& step);
  void CheckLastClosed(const Step& step);
  void CheckDay(const Step& step);
  void CheckClosedOn(const Step& step);
  void CheckLastPayment(const Step& step);
  void CheckLastPaymentAmount(const Step& step);
  void CheckReplayed(const Step& step);
  void CheckVariations(const Step& step);

  // --- helpers ---
  [[nodiscard]] Result<Date> DateArg(const Step& step, size_t index);
  void Make(LoanPlan plan);
  bool NeedLoan();
  // Applies and follows up; records under `type`.
  bool Apply(lending::Transaction t, const std::string& type);
  void Observe();
  void Sync();
  void CloseAccruals(lending::LoanState before, Date day);
  void FollowAccruals();
  void Accrue(Date upto, Date dated, bool charges = true, bool inclusive = false);
  void AccrueActivity(Date upto, std::optional<Date> closing);
  void RefundInterest(const lending::Transaction& refund);
  void Reverse(size_t index);
  void AddChargeOn(const std::string& name, bool penalty, Date due, int64_t amount);
  [[nodiscard]] Date EffectiveDay(Date day) const { return std::min(day, today_); }
  void Unsupported(const std::string& why);
  // Whether every column of the step's table is one of these; if not, it is unsupported.
  bool KnowsColumns(const Step& step, std::initializer_list<std::string_view> columns);
  bool KnowsTransactionColumns(const Step& step);
  void Fail(const std::string& why);
  void Expect(bool same, const Step& step, const std::string& got);

  struct SheetRow {
    Row cells;
    bool counted = false;  // has a number
  };
  [[nodiscard]] std::vector<SheetRow> Sheet(bool waived) const;
  [[nodiscard]] Row TransactionCells(const Posted& posted, const Row& header) const;
  [[nodiscard]] std::vector<Row> JournalOf(const Posted& posted) const;
  [[nodiscard]] std::string Status() const;
  [[nodiscard]] std::string Range(std::optional<Date>* since) const;
  void CompareRows(const Step& step, std::vector<Row> got, bool any_order, bool all);
  [[nodiscard]] Row ChargeCells(const lending::Charge& charge, const Row& header) const;

  Products& products_;
  Verdict verdict_;
  Date today_;
  std::optional<LoanPlan> plan_;
  std::string status_ = "";
  std::optional<lending::Loan> loan_;
  std::optional<Date> approved_for_;
  int64_t approved_ = 0;
  uint64_t next_id_ = 1;
  std::vector<Posted> posted_;  // as they came
  std::map<uint64_t, std::string> charge_names_;
  std::map<uint64_t, std::string> charge_calculations_;  // of those that are not flat
  std::vector<uint64_t> charge_ids_;
  uint64_t due_charge_ = 0;  // the last one with a due date of its own
  bool fraud_ = false;
  std::optional<Date> closed_to_;  // the last day whose end-of-day work was done
  lending::Allocation waived_after_accrual_;
};

}  // namespace credence::conformance
