// The comparisons of a life: schedules, transactions, charges, journal entries.
#include <algorithm>

#include "src/lending/arrears.h"
#include "tests/conformance/scenario_life.h"

namespace credence::conformance {
namespace {

using lending::Instalment;
using lending::InstalmentKind;

std::string Money(int64_t cents) {
  const int64_t size = cents < 0 ? -cents : cents;
  std::string text =
      std::to_string(size / 100) + "." + (size % 100 < 10 ? "0" : "") + std::to_string(size % 100);
  return cents < 0 ? "-" + text : text;
}

std::string LongDay(Date day) {
  static const std::array<const char*, 12> kMonths{"January",   "February", "March",    "April",
                                                   "May",       "June",     "July",     "August",
                                                   "September", "October",  "November", "December"};
  const CivilDate civil = day.ToCivil();
  return (civil.day < 10 ? "0" : "") + std::to_string(civil.day) + " " +
         kMonths[static_cast<size_t>(civil.month) - 1] + " " + std::to_string(civil.year);
}

// Numbers by value, all else letter by letter.
bool SameCell(const std::string& want, const std::string& got) {
  if (want == got) return true;
  if (want.empty() || got.empty()) return false;
  const auto a = Decimal::Parse(want);
  const auto b = Decimal::Parse(got);
  return a.has_value() && b.has_value() && *a == *b;
}

std::string Joined(const Row& row) {
  std::string text;
  for (const std::string& cell : row) text += cell + " | ";
  return text;
}

bool SameRow(const Row& want, const Row& got) {
  return want.size() == got.size() && std::equal(want.begin(), want.end(), got.begin(), SameCell);
}

}  // namespace

// Rows of the step's table against these. In any order: each expected row takes one of ours. All:
// none of ours may be left.
void Life::CompareRows(const Step& step, std::vector<Row> got, bool any_order, bool all) {
  ++verdict_.compared;
  std::string shown;
  for (const Row& row : got) shown += "  got  " + Joined(row) + "\n";
  for (size_t i = 1; i < step.table.size(); ++i) shown += "  want " + Joined(step.table[i]) + "\n";
  if (all && got.size() + 1 != step.table.size()) {
    Fail(shown + "  other number of rows");
    return;
  }
  for (size_t i = 1; i < step.table.size(); ++i) {
    auto found = got.begin();
    if (any_order) {
      found = std::find_if(got.begin(), got.end(),
                           [&](const Row& row) { return SameRow(step.table[i], row); });
    }
    if (found == got.end() || !SameRow(step.table[i], *found)) {
      Fail(shown + "  row " + std::to_string(i));
      return;
    }
    got.erase(found);
  }
}

// --- schedule ---

std::vector<Life::SheetRow> Life::Sheet(bool waived) const {
  std::vector<SheetRow> sheet;
  struct Drawn {
    Date day;
    int64_t amount;
  };
  std::vector<Drawn> draws;
  std::optional<lending::Loan> preview;
  const lending::Loan* loan = loan_ ? &*loan_ : nullptr;
  if (loan != nullptr) {
    for (const auto& applied : loan->transactions()) {
      if (applied.reversed || applied.transaction.kind != lending::TransactionKind::kDraw) continue;
      draws.push_back({applied.transaction.day, applied.transaction.amount_minor});
    }
  } else if (plan_) {
    // Nothing is drawn yet: the plan as if it were, on the day that is expected.
    const Date day = approved_for_.value_or(plan_->submitted);
    auto periods = lending::MakePeriods(plan_->product.terms, day, nullptr);
    if (!periods.ok()) return sheet;
    preview.emplace(plan_->product, day, std::move(periods).value());
    lending::Transaction t;
    t.id = 1;
    t.kind = lending::TransactionKind::kDraw;
    t.day = day;
    t.amount_minor = approved_ > 0 ? approved_ : plan_->principal;
    if (preview->Apply(t) != lending::LoanStatus::kApplied) return sheet;
    draws.push_back({t.day, t.amount_minor});
    loan = &*preview;
  }
  if (loan == nullptr) return sheet;
  const std::vector<Instalment> rows = loan->Instalments();
  int64_t balance = 0;
  size_t draw = 0;
  int number = 0;
  const auto add_draws = [&](auto&& due_before) {
    while (draw < draws.size() && due_before(draws[draw].day)) {
      balance += draws[draw].amount;
      SheetRow row;
      const std::string paid = loan_ ? "0.0" : "";
      row.cells = {"",
                   "",
                   LongDay(draws[draw].day),
                   "",
                   Money(draws[draw].amount),
                   "",
                   "",
                   "0",
                   "",
                   "0",
                   paid,
                   "",
                   ""};
      if (waived) row.cells.emplace_back("");
      row.cells.emplace_back(loan_ ? "" : "0.0");
      sheet.push_back(row);
      ++draw;
    }
  };
  for (const Instalment& row : rows) {
    const bool down = row.kind == InstalmentKind::kDownPayment;
    add_draws([&](Date day) { return down ? day <= row.due : day < row.due; });
    balance -= row.principal - row.credited;
    SheetRow line;
    line.counted = true;
    line.cells = {std::to_string(++number), std::to_string(row.due.days - row.from.days),
                  LongDay(row.due),         loan_ && row.settled_on ? LongDay(*row.settled_on) : "",
                  Money(balance),           Money(row.principal),
                  Money(row.interest),      Money(row.fee),
                  Money(row.penalty),       Money(row.Due()),
                  Money(row.paid),          Money(row.paid_in_advance),
                  Money(row.paid_late)};
    if (waived) line.cells.push_back(Money(row.waived));
    line.cells.push_back(Money(row.Unpaid()));
    sheet.push_back(line);
  }
  add_draws([](Date) { return true; });
  return sheet;
}

void Life::CheckSchedule(const Step& step) {
  if (!KnowsColumns(step, {"Nr", "Days", "Date", "Paid date", "Balance of loan", "Principal due",
                           "Interest", "Fees", "Penalties", "Due", "Paid", "In advance", "Late",
                           "Waived", "Outstanding"})) {
    return;
  }
  const std::vector<SheetRow> sheet = Sheet(step.Has("Waived"));
  std::vector<Row> rows;
  int64_t counted = 0;
  for (const SheetRow& row : sheet) {
    rows.push_back(row.cells);
    counted += row.counted ? 1 : 0;
  }
  if (std::to_string(counted) != step.args[0]) {
    Fail("  " + std::to_string(counted) + " periods");
  }
  // The sentence counts the periods; a shorter table shows the first ones.
  const bool all = step.table.size() > static_cast<size_t>(counted);
  if (step.table.size() <= 1) {
    ++verdict_.compared;
    return;
  }
  CompareRows(step, rows, false, all);
}

void Life::CheckTotals(const Step& step) {
  if (step.table.size() != 2) return Unsupported("total row");
  static const std::array<const char*, 15> kColumns{"Nr",
                                                    "Days",
                                                    "Date",
                                                    "Paid date",
                                                    "Balance of loan",
                                                    "Principal due",
                                                    "Interest",
                                                    "Fees",
                                                    "Penalties",
                                                    "Due",
                                                    "Paid",
                                                    "In advance",
                                                    "Late",
                                                    "Waived",
                                                    "Outstanding"};
  Row totals;
  const std::vector<SheetRow> sheet = Sheet(true);
  for (const std::string& column : step.table[0]) {
    const auto at = std::find(kColumns.begin(), kColumns.end(), column);
    if (at == kColumns.end()) return Unsupported("total of " + column);
    int64_t sum = 0;
    for (const SheetRow& row : sheet) {
      if (row.counted) {
        sum += CentsFrom(row.cells[static_cast<size_t>(at - kColumns.begin())]).value_or(0);
      }
    }
    totals.push_back(Money(sum));
  }
  CompareRows(step, {totals}, false, true);
}

// --- transactions ---

Row Life::TransactionCells(const Posted& posted, const Row& header) const {
  Row row;
  const bool draw = posted.type == "Disbursement";
  const bool bare = draw;
  for (const std::string& column : header) {
    if (column == "Transaction date") {
      row.push_back(LongDay(posted.day));
    } else if (column == "Transaction Type") {
      row.push_back(posted.type);
    } else if (column == "Amount") {
      row.push_back(Money(posted.amount));
    } else if (column == "Principal") {
      row.push_back(Money(bare ? 0 : posted.split.principal));
    } else if (column == "Interest") {
      row.push_back(Money(bare ? 0 : posted.split.interest));
    } else if (column == "Fees") {
      row.push_back(Money(bare ? 0 : posted.split.fee));
    } else if (column == "Penalties") {
      row.push_back(Money(bare ? 0 : posted.split.penalty));
    } else if (column == "Loan Balance") {
      row.push_back(Money(posted.balance));
    } else if (column == "Overpayment") {
      row.push_back(Money(posted.split.overpaid));
    } else if (column == "Reverted") {
      row.emplace_back(posted.reverted ? "true" : "false");
    } else if (column == "Replayed") {
      row.emplace_back(posted.replayed ? "true" : "false");
    } else {
      row.emplace_back("?");
    }
  }
  return row;
}

bool Life::KnowsTransactionColumns(const Step& step) {
  return KnowsColumns(
      step, {"Transaction date", "Transaction Type", "Amount", "Principal", "Interest", "Fees",
             "Penalties", "Loan Balance", "Overpayment", "Reverted", "Replayed"});
}

void Life::CheckTransactions(const Step& step) {
  if (!KnowsTransactionColumns(step)) return;
  if (step.table.empty()) return Unsupported("table of transactions");
  std::vector<Row> rows;
  std::vector<Posted> sorted = posted_;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Posted& a, const Posted& b) { return a.day < b.day; });
  for (const Posted& posted : sorted) rows.push_back(TransactionCells(posted, step.table[0]));
  CompareRows(step, rows, true, true);
}

void Life::CheckNoTransactions(const Step& step) {
  Expect(posted_.empty(), step, std::to_string(posted_.size()) + " transactions");
}

void Life::CheckTransactionOfDay(const Step& step) {
  if (!KnowsTransactionColumns(step)) return;
  const auto day = DateArg(step, 0);
  if (!day.ok() || step.table.empty()) return;
  std::vector<Row> rows;
  for (const Posted& posted : posted_) {
    if (posted.day == day.value()) rows.push_back(TransactionCells(posted, step.table[0]));
  }
  CompareRows(step, rows, true, false);
}

void Life::CheckTransactionReverted(const Step& step) {
  const auto day = DateArg(step, 1);
  if (!day.ok()) return;
  const bool found = std::any_of(posted_.begin(), posted_.end(), [&](const Posted& posted) {
    return posted.reverted && posted.type == step.args[0] && posted.day == day.value();
  });
  Expect(found, step, "no such reverted transaction");
}

void Life::CheckNthReverted(const Step& step) {
  std::vector<Posted> sorted = posted_;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Posted& a, const Posted& b) { return a.day < b.day; });
  const auto number = static_cast<size_t>(std::stoi(step.args[0]));
  const bool same = number >= 1 && number <= sorted.size() && sorted[number - 1].reverted &&
                    sorted[number - 1].type == step.args[1];
  Expect(same, step, "another one");
}

void Life::CheckCount(const Step& step) {
  std::string word;
  for (const char c : step.args[1]) word += c == '_' ? ' ' : static_cast<char>(std::tolower(c));
  const auto found = std::count_if(posted_.begin(), posted_.end(), [&](const Posted& posted) {
    std::string type;
    for (const char c : posted.type) type += static_cast<char>(std::tolower(c));
    return type == word;
  });
  Expect(std::to_string(found) == step.args[0], step, std::to_string(found));
}

void Life::CheckAccrualRaised(const Step& step) {
  const auto day = DateArg(step, 0);
  if (!day.ok()) return;
  const bool found = std::any_of(posted_.begin(), posted_.end(), [&](const Posted& posted) {
    return posted.type == "Accrual" && posted.day == day.value();
  });
  Expect(found, step, "no accrual");
}

void Life::CheckActivityRaised(const Step& step) {
  const auto day = DateArg(step, 0);
  if (!day.ok()) return;
  const bool found = std::any_of(posted_.begin(), posted_.end(), [&](const Posted& posted) {
    return posted.type == "Accrual Activity" && posted.day == day.value();
  });
  Expect(found, step, "no accrual activity");
}

// Their ranges begin three days behind the oldest unpaid due date, their products' grace.
void Life::CheckDelinquency(const Step& step) {
  if (!NeedLoan()) return;
  std::optional<Date> since;
  const std::string range = Range(&since);
  const std::string day = since ? since->ToString() : "";
  Expect(range == step.args[0] && day == step.args[1], step, range + " " + day);
}

std::string Life::Range(std::optional<Date>* since) const {
  constexpr int64_t kGraceDays = 3;
  const lending::BucketScheme ranges{{{"NO_DELINQUENCY", 0},
                                      {"RANGE_1", 1},
                                      {"RANGE_3", 4},
                                      {"RANGE_30", 31},
                                      {"RANGE_60", 61},
                                      {"RANGE_90", 91},
                                      {"RANGE_120", 121},
                                      {"RANGE_150", 151},
                                      {"RANGE_180", 181},
                                      {"RANGE_240", 241}}};
  *since = loan_->OldestUnpaidDue();
  if (*since) *since = (*since)->PlusDays(kGraceDays);
  if (*since && **since >= loan_->today()) since->reset();
  const int64_t days = lending::DaysPastDue(*since, loan_->today(), 0, {});
  return ranges.buckets[ranges.IndexOf(days)].name;
}

// The oldest instalment that is not paid.
void Life::CheckNextPayment(const Step& step) {
  if (!NeedLoan() || step.table.size() != 2) return;
  Observe();
  std::optional<Date> since;
  Row row{Range(&since), "", "0.00"};
  for (const Instalment& instalment : loan_->Instalments()) {
    if (instalment.Unpaid() == 0) continue;
    row = {row[0], LongDay(instalment.due), Money(instalment.Unpaid())};
    break;
  }
  CompareRows(step, {row}, false, true);
}

void Life::CheckLastClosed(const Step& step) {
  const std::string day = closed_to_ ? LongDay(*closed_to_) : "null";
  Expect(day == step.args[0], step, day);
}

void Life::CheckDay(const Step& step) {
  const auto day = DateArg(step, 0);
  if (day.ok()) Expect(day.value() == today_, step, LongDay(today_));
}

// The day of the last payment, if nothing is owed.
void Life::CheckClosedOn(const Step& step) {
  std::string day = "null";
  if (Status() == "CLOSED_OBLIGATIONS_MET") {
    Date last = loan_->plan().periods().front().from;
    for (const auto& applied : loan_->transactions()) {
      if (!applied.reversed) last = std::max(last, applied.transaction.day);
    }
    day = LongDay(last);
  }
  Expect(day == step.args[0], step, day);
}

namespace {

bool IsPayment(const std::string& type) {
  return type == "Repayment" || type == "Down Payment" || type == "Goodwill Credit" ||
         type == "Merchant Issued Refund" || type == "Payout Refund";
}

}  // namespace

void Life::CheckLastPayment(const Step& step) {
  if (step.table.size() != 2) return Unsupported("last payment");
  Row row;
  for (const std::string& column : step.table[0]) {
    const bool repayment = column.find("Repayment") != std::string::npos;
    const Posted* last = nullptr;
    for (const Posted& posted : posted_) {
      if (posted.reverted || !IsPayment(posted.type)) continue;
      if (repayment && posted.type != "Repayment" && posted.type != "Down Payment") continue;
      if (last == nullptr || posted.day >= last->day) last = &posted;
    }
    if (last == nullptr) {
      row.emplace_back("");
    } else {
      row.push_back(column.ends_with("Date") ? LongDay(last->day) : Money(last->amount));
    }
  }
  CompareRows(step, {row}, false, true);
}

void Life::CheckLastPaymentAmount(const Step& step) {
  const Posted* last = nullptr;
  for (const Posted& posted : posted_) {
    if (posted.reverted || !IsPayment(posted.type)) continue;
    if (last == nullptr || posted.day >= last->day) last = &posted;
  }
  const int64_t amount = last == nullptr ? 0 : last->amount;
  Expect(CentsFrom(step.args[0]) == amount, step, Money(amount));
}

void Life::CheckReplayed(const Step& step) {
  const auto day = DateArg(step, 1);
  if (!day.ok()) return;
  const bool found = std::any_of(posted_.begin(), posted_.end(), [&](const Posted& posted) {
    return posted.replayed && posted.type == step.args[0] && posted.day == day.value();
  });
  Expect(found, step, "no such replayed transaction");
}

// Pauses of interest as they were entered.
void Life::CheckVariations(const Step& step) {
  if (!NeedLoan()) return;
  std::vector<Row> rows;
  for (const auto& applied : loan_->transactions()) {
    const lending::Transaction& t = applied.transaction;
    if (applied.reversed || t.kind != lending::TransactionKind::kPauseInterest) continue;
    const Date start = loan_->plan().periods().front().from;
    const Date from = t.due.value_or(t.day) == start ? start : t.due.value_or(t.day).PlusDays(1);
    rows.push_back({"11", "loanTermType.interestPause", "interestPause", LongDay(from), "0.0",
                    LongDay(t.until), "false", ""});
  }
  CompareRows(step, rows, true, true);
}

void Life::CheckYearTurn(const Step& step) {
  if (!plan_) return Unsupported("a product before a loan");
  const bool on = plan_->product.terms.split_on_new_year;
  Expect(step.args[0] == (on ? "true" : "false"), step, on ? "true" : "false");
}

void Life::CheckLastRepayment(const Step& step) {
  const auto amount = CentsFrom(step.args[0]);
  for (size_t i = posted_.size(); i-- > 0;) {
    if (posted_[i].type != "Repayment") continue;
    Expect(amount && posted_[i].amount == *amount, step, Money(posted_[i].amount));
    return;
  }
  Expect(false, step, "none");
}

// --- charges ---

Row Life::ChargeCells(const lending::Charge& charge, const Row& header) const {
  Row row;
  const auto name = charge_names_.find(charge.id);
  for (const std::string& column : header) {
    if (column == "Name") {
      row.push_back(name == charge_names_.end() ? "?" : name->second);
    } else if (column == "isPenalty") {
      row.emplace_back(charge.penalty ? "true" : "false");
    } else if (column == "Payment due at") {
      row.emplace_back("Specified due date");
    } else if (column == "Due as of") {
      row.push_back(LongDay(charge.due));
    } else if (column == "Calculation type") {
      const auto calculation = charge_calculations_.find(charge.id);
      row.push_back(calculation == charge_calculations_.end() ? "Flat" : calculation->second);
    } else if (column == "Due") {
      row.push_back(Money(charge.amount));
    } else if (column == "Paid") {
      row.push_back(Money(charge.paid));
    } else if (column == "Waived") {
      row.push_back(Money(charge.waived));
    } else if (column == "Outstanding") {
      row.push_back(Money(charge.Unpaid()));
    } else {
      row.emplace_back("?");
    }
  }
  return row;
}

void Life::CheckCharges(const Step& step) {
  if (!NeedLoan() || step.table.empty()) return;
  std::vector<Row> rows;
  for (const lending::Charge& charge : loan_->charges()) {
    if (charge.credited) continue;
    rows.push_back(ChargeCells(charge, step.table[0]));
  }
  CompareRows(step, rows, true, true);
}

void Life::CheckOneCharge(const Step& step) {
  if (!NeedLoan() || step.table.empty()) return;
  std::vector<Row> rows;
  for (const lending::Charge& charge : loan_->charges()) {
    if (charge.credited) continue;
    rows.push_back(ChargeCells(charge, step.table[0]));
  }
  CompareRows(step, rows, true, false);
}

// --- figures ---

void Life::CheckStatus(const Step& step) { Expect(Status() == step.args[0], step, Status()); }

void Life::CheckStatusChanged(const Step& step) {
  static const std::map<std::string, std::string> kWords{
      {"Approved", "APPROVED"},
      {"Active", "ACTIVE"},
      {"Closed (obligations met)", "CLOSED_OBLIGATIONS_MET"},
      {"Overpaid", "OVERPAID"}};
  const auto word = kWords.find(step.args[0]);
  if (word == kWords.end()) return Unsupported("status " + step.args[0]);
  Expect(Status() == word->second, step, Status());
}

void Life::CheckOutstanding(const Step& step) {
  if (!NeedLoan()) return;
  int64_t sum = 0;
  for (const Instalment& row : loan_->Instalments()) sum += row.Unpaid();
  Expect(CentsFrom(step.args[0]) == sum, step, Money(sum));
}

void Life::CheckOverpaid(const Step& step) {
  if (!NeedLoan()) return;
  const int64_t overpaid = loan_->totals().overpaid;
  Expect(CentsFrom(step.args[0]) == overpaid, step, Money(overpaid));
}

void Life::CheckOverdue(const Step& step) {
  if (!NeedLoan()) return;
  const int64_t overdue = loan_->Overdue().Total();
  Expect(CentsFrom(step.args[0]) == overdue, step, Money(overdue));
}

void Life::CheckAllMet(const Step& step) {
  if (!NeedLoan()) return;
  int64_t open = 0;
  for (const Instalment& row : loan_->Instalments()) open += row.Unpaid();
  Expect(open == 0, step, Money(open));
}

void Life::CheckClosed(const Step& step) {
  CheckAllMet(step);
  Expect(Status() == "CLOSED_OBLIGATIONS_MET", step, Status());
}

void Life::CheckChargedOff(const Step& step) {
  const auto day = DateArg(step, 0);
  if (!day.ok()) return;
  const bool found = std::any_of(posted_.begin(), posted_.end(), [&](const Posted& posted) {
    return posted.type == "Charge-off" && !posted.reverted && posted.day == day.value();
  });
  Expect(found, step, "not charged off");
}

// The last due date of an instalment that is not a charge behind the end.
void Life::CheckMaturity(const Step& step) {
  const auto day = DateArg(step, 0);
  if (!day.ok() || !NeedLoan()) return;
  Date last = loan_->plan().periods().back().due;
  std::optional<Date> closed;
  for (const Instalment& row : loan_->Instalments()) {
    if (row.settled_on) closed = std::max(closed.value_or(*row.settled_on), *row.settled_on);
  }
  const bool open = Status() == "ACTIVE";
  if (!open && closed) last = *closed;
  Expect(last == day.value(), step, LongDay(last));
}

// --- journal ---

namespace {

struct Account {
  const char* type;
  const char* code;
  const char* name;
};
constexpr Account kReceivable{"ASSET", "112601", "Loans Receivable"};
constexpr Account kIncomeReceivable{"ASSET", "112603", "Interest/Fee Receivable"};
constexpr Account kSuspense{"LIABILITY", "145023", "Suspense/Clearing account"};
constexpr Account kOverpayment{"LIABILITY", "l1", "Overpayment account"};
constexpr Account kFeeIncome{"INCOME", "404007", "Fee Income"};
constexpr Account kInterestIncome{"INCOME", "404000", "Interest Income"};
constexpr Account kInterestChargedOff{"INCOME", "404001", "Interest Income Charge Off"};
constexpr Account kFeeChargedOff{"INCOME", "404008", "Fee Charge Off"};
constexpr Account kBadDebt{"EXPENSE", "744007", "Credit Loss/Bad Debt"};
constexpr Account kBadDebtFraud{"EXPENSE", "744037", "Credit Loss/Bad Debt-Fraud"};
constexpr Account kRecoveries{"INCOME", "744008", "Recoveries"};
constexpr Account kWrittenOff{"EXPENSE", "e4", "Written off"};
constexpr Account kGoodwillExpense{"EXPENSE", "744003", "Goodwill Expense Account"};

void Line(std::vector<Row>* rows, const Account& account, int64_t debit, int64_t credit) {
  if (debit == 0 && credit == 0) return;
  rows->push_back({account.type, account.code, account.name, debit != 0 ? Money(debit) : "",
                   credit != 0 ? Money(credit) : ""});
}

}  // namespace

// Which accounts a transaction touches: the chart of the test system.
std::vector<Row> Life::JournalOf(const Posted& posted) const {
  std::vector<Row> rows;
  const lending::Allocation& a = posted.split;
  const int64_t income = a.interest + a.fee + a.penalty;
  const auto debit = [&](const Account& account, int64_t amount) {
    Line(&rows, account, amount, 0);
  };
  const auto credit = [&](const Account& account, int64_t amount) {
    Line(&rows, account, 0, amount);
  };
  const Account& bad_debt = posted.fraud ? kBadDebtFraud : kBadDebt;
  const bool refund = posted.type == "Merchant Issued Refund" || posted.type == "Payout Refund";
  if (posted.type == "Disbursement") {
    debit(kReceivable, posted.amount);
    credit(kSuspense, posted.amount);
  } else if (posted.type == "Repayment" || posted.type == "Down Payment") {
    if (posted.charged_off) {
      credit(kRecoveries, posted.amount - a.overpaid);
    } else {
      credit(kReceivable, a.principal);
      credit(kIncomeReceivable, income);
    }
    credit(kOverpayment, a.overpaid);
    debit(kSuspense, posted.amount);
  } else if (refund) {
    if (posted.charged_off) {
      credit(bad_debt, a.principal);
      credit(kInterestChargedOff, a.interest);
      credit(kFeeChargedOff, a.fee + a.penalty);
    } else {
      credit(kReceivable, a.principal);
      credit(kIncomeReceivable, income);
    }
    credit(kOverpayment, a.overpaid);
    debit(kSuspense, posted.amount);
  } else if (posted.type == "Goodwill Credit") {
    if (posted.charged_off) {
      credit(kRecoveries, posted.amount - a.overpaid);
    } else {
      credit(kReceivable, a.principal);
      credit(kIncomeReceivable, income);
    }
    credit(kOverpayment, a.overpaid);
    debit(kGoodwillExpense, a.principal + a.overpaid);
    debit(kInterestChargedOff, a.interest);
    debit(kFeeChargedOff, a.fee + a.penalty);
  } else if (posted.type == "Chargeback") {
    if (posted.charged_off) {
      debit(bad_debt, a.principal);
      debit(kInterestChargedOff, a.interest);
      debit(kFeeChargedOff, a.fee + a.penalty);
    } else {
      debit(kReceivable, a.principal);
      debit(kIncomeReceivable, income);
    }
    debit(kOverpayment, a.overpaid);
    credit(kSuspense, posted.amount);
  } else if (posted.type == "Credit Balance Refund") {
    debit(posted.charged_off ? bad_debt : kReceivable, a.principal);
    debit(kOverpayment, a.overpaid);
    credit(kSuspense, posted.amount);
  } else if (posted.type == "Accrual") {
    debit(kIncomeReceivable, a.interest);
    credit(kInterestIncome, a.interest);
    debit(kIncomeReceivable, a.fee);
    credit(kFeeIncome, a.fee);
    debit(kIncomeReceivable, a.penalty);
    credit(kFeeIncome, a.penalty);
  } else if (posted.type == "Charge-off") {
    credit(kReceivable, a.principal);
    credit(kIncomeReceivable, income);
    debit(bad_debt, a.principal);
    debit(kInterestChargedOff, a.interest);
    debit(kFeeChargedOff, a.fee + a.penalty);
  } else if (posted.type == "Charge Adjustment") {
    credit(kReceivable, a.principal);
    credit(kIncomeReceivable, income);
    credit(kOverpayment, a.overpaid);
    debit(kFeeIncome, posted.amount);
  } else if (posted.type == "Interest Payment Waiver" || posted.type == "Interest Refund") {
    credit(kReceivable, a.principal);
    credit(kIncomeReceivable, income);
    credit(kOverpayment, a.overpaid);
    debit(kInterestIncome, posted.amount);
  } else if (posted.type == "Close (as written-off)") {
    credit(kReceivable, a.principal);
    credit(kIncomeReceivable, income);
    debit(kWrittenOff, a.Total());
  }
  if (posted.reverted) {
    const size_t count = rows.size();
    for (size_t i = 0; i < count; ++i) {
      Row mirrored = rows[i];
      std::swap(mirrored[3], mirrored[4]);
      rows.push_back(mirrored);
    }
  }
  return rows;
}

void Life::CheckJournal(const Step& step) {
  const auto day = DateArg(step, 1);
  if (!day.ok() || step.table.empty()) return;
  std::string word;
  for (const char c : step.args[0]) word += c == '_' ? ' ' : static_cast<char>(std::tolower(c));
  if (word == "charge off") word = "charge-off";
  if (word == "write off") word = "close (as written-off)";
  std::vector<Row> rows;
  for (const Posted& posted : posted_) {
    std::string type;
    for (const char c : posted.type) type += static_cast<char>(std::tolower(c));
    if (type != word || posted.day != day.value()) continue;
    for (const Row& row : JournalOf(posted)) rows.push_back(row);
  }
  CompareRows(step, rows, true, true);
}

}  // namespace credence::conformance
