#pragma once
// What a loan's events are in the ledger: a chart of accounts and posting templates as data, and
// the postings of one event. Income is booked when it is paid; interest accrued is derived and
// never stored. A pack may bring its own chart and templates with the same names and amounts.
//
// Corrections are new transfers. An event that changes how earlier money fell (a back-dated or
// reversed transaction) gives, for each transaction whose split changed, the old split with the
// sides swapped ("… back") and the new one.
//
// After every event, on the loan's accounts: receivable = principal outstanding, surplus = money
// overpaid, income = what was paid of it less what was charged back, and debits = credits.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "src/ledger/posting.h"
#include "src/lending/loan.h"

namespace credence::lending {

// Roles: receivable, customer, surplus, interest_income, fee_income, penalty_income, merchant,
// merchant_fee_income, goodwill, written_off, recoveries.
[[nodiscard]] std::vector<ledger::ChartEntry> LoanChart();
// Templates by the names that PostingsOf gives, and each again with the sides swapped.
[[nodiscard]] std::vector<ledger::PostingTemplate> LoanTemplates();

struct LoanPosting {
  std::string name;
  std::map<std::string, int64_t, std::less<>> amounts;
  friend bool operator==(const LoanPosting&, const LoanPosting&) = default;
};

// The postings that lead from the books of `before` to those of `after`, the same loan one event
// later; with none before (null), all of them.
[[nodiscard]] std::vector<LoanPosting> PostingsOf(const Loan* before, const Loan& after);

}  // namespace credence::lending
