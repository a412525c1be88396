#include "src/lending/loan_postings.h"

#include <algorithm>

namespace credence::lending {
namespace {

using ledger::ChartEntry;
using ledger::Leg;
using ledger::PostingTemplate;
using ledger::Side;

constexpr std::string_view kBack = " back";

// Money from `payer` on the parts of the loan; what is over is held for the borrower.
PostingTemplate Payment(std::string name, uint16_t code, std::string payer) {
  return {
      std::move(name),
      code,
      {{Side::kDebit, std::move(payer), {"principal", "interest", "fee", "penalty", "overpaid"}},
       {Side::kCredit, "receivable", {"principal"}},
       {Side::kCredit, "interest_income", {"interest"}},
       {Side::kCredit, "fee_income", {"fee"}},
       {Side::kCredit, "penalty_income", {"penalty"}},
       {Side::kCredit, "surplus", {"overpaid"}}}};
}

std::string_view NameOf(TransactionKind kind) {
  switch (kind) {
    case TransactionKind::kDraw:
      return "draw";
    case TransactionKind::kRepay:
    case TransactionKind::kPrepaySmaller:
    case TransactionKind::kPrepayFewer:
    case TransactionKind::kPayOff:
    case TransactionKind::kDownPayment:
      return "repayment";
    case TransactionKind::kMerchantReturn:
    case TransactionKind::kMerchantRefund:
    case TransactionKind::kPayoutRefund:
      return "merchant return";
    case TransactionKind::kGoodwill:
    case TransactionKind::kInterestRefund:
    case TransactionKind::kChargeAdjustment:
    case TransactionKind::kInterestPaymentWaiver:
      return "goodwill";
    case TransactionKind::kChargeback:
    case TransactionKind::kRefundOverpaid:
      return "money back";
    case TransactionKind::kWriteOff:
      return "write-off";
    case TransactionKind::kRecovery:
      return "recovery";
    case TransactionKind::kCharge:
    case TransactionKind::kPenalty:
    case TransactionKind::kWaiveCharges:
    case TransactionKind::kWaiveCharge:
    case TransactionKind::kWaiveInterest:
    case TransactionKind::kChangeRate:
    case TransactionKind::kPauseInterest:
    case TransactionKind::kExtend:
    case TransactionKind::kChargeOff:
    case TransactionKind::kTerminate:
    case TransactionKind::kReamortise:
    case TransactionKind::kReage:
    case TransactionKind::kMoveDue:
      break;  // asks for more or less; no money moves
  }
  return "";
}

void AddSplit(std::string name, const Allocation& split, std::vector<LoanPosting>* postings) {
  LoanPosting posting{std::move(name), {}};
  const auto put = [&](const char* amount, int64_t minor) {
    if (minor != 0) posting.amounts[amount] = minor;
  };
  put("principal", split.principal);
  put("interest", split.interest);
  put("fee", split.fee);
  put("penalty", split.penalty);
  put("overpaid", split.overpaid);
  if (!posting.amounts.empty()) postings->push_back(std::move(posting));
}

// What one transaction is in the books.
std::vector<LoanPosting> BookOf(const AppliedTransaction& applied, Decimal merchant_rate) {
  std::vector<LoanPosting> postings;
  const TransactionKind kind = applied.transaction.kind;
  const std::string name(NameOf(kind));
  if (applied.reversed || name.empty()) return postings;
  Allocation split = applied.allocation;
  if (kind == TransactionKind::kDraw) {
    if (merchant_rate.IsZero()) {
      AddSplit(name, split, &postings);
    } else {
      const Decimal fee = Decimal::FromInt64(split.principal) * merchant_rate;
      const int64_t minor = fee.Rounded(0, Rounding::kHalfEven).ToInt64().value();
      postings.push_back(
          {"merchant draw", {{"merchant_fee", minor}, {"to_merchant", split.principal - minor}}});
    }
  } else if (kind == TransactionKind::kWriteOff) {
    split = {};
    split.principal = applied.allocation.principal;
    AddSplit(name, split, &postings);
  } else {
    AddSplit(name, split, &postings);
  }
  AddSplit("surplus used", applied.from_surplus, &postings);
  return postings;
}

}  // namespace

std::vector<ChartEntry> LoanChart() {
  return {{"receivable", 1, Side::kDebit, 0},  {"customer", 2, Side::kCredit, 0},
          {"surplus", 3, Side::kCredit, 0},    {"interest_income", 4, Side::kCredit, 0},
          {"fee_income", 5, Side::kCredit, 0}, {"penalty_income", 6, Side::kCredit, 0},
          {"merchant", 7, Side::kCredit, 0},   {"merchant_fee_income", 8, Side::kCredit, 0},
          {"goodwill", 9, Side::kDebit, 0},    {"written_off", 10, Side::kDebit, 0},
          {"recoveries", 11, Side::kCredit, 0}};
}

std::vector<PostingTemplate> LoanTemplates() {
  std::vector<PostingTemplate> templates{
      {"draw",
       1,
       {{Side::kDebit, "receivable", {"principal"}}, {Side::kCredit, "customer", {"principal"}}}},
      {"merchant draw",
       2,
       {{Side::kDebit, "receivable", {"to_merchant", "merchant_fee"}},
        {Side::kCredit, "merchant", {"to_merchant"}},
        {Side::kCredit, "merchant_fee_income", {"merchant_fee"}}}},
      Payment("repayment", 3, "customer"),
      Payment("merchant return", 4, "merchant"),
      Payment("goodwill", 5, "goodwill"),
      Payment("surplus used", 6, "surplus"),
      {"money back",
       7,
       {{Side::kDebit, "receivable", {"principal"}},
        {Side::kDebit, "interest_income", {"interest"}},
        {Side::kDebit, "fee_income", {"fee"}},
        {Side::kDebit, "penalty_income", {"penalty"}},
        {Side::kDebit, "surplus", {"overpaid"}},
        {Side::kCredit, "customer", {"principal", "interest", "fee", "penalty", "overpaid"}}}},
      {"write-off",
       8,
       {{Side::kDebit, "written_off", {"principal"}},
        {Side::kCredit, "receivable", {"principal"}}}},
      {"recovery",
       9,
       {{Side::kDebit, "customer", {"principal"}}, {Side::kCredit, "recoveries", {"principal"}}}}};
  const size_t count = templates.size();
  for (size_t i = 0; i < count; ++i) {
    PostingTemplate swapped = templates[i];
    swapped.name += kBack;
    swapped.code = static_cast<uint16_t>(swapped.code + 100);
    for (Leg& leg : swapped.legs) {
      leg.side = leg.side == Side::kDebit ? Side::kCredit : Side::kDebit;
    }
    templates.push_back(std::move(swapped));
  }
  return templates;
}

std::vector<LoanPosting> PostingsOf(const Loan* before, const Loan& after) {
  std::vector<LoanPosting> back;
  std::vector<LoanPosting> postings;
  for (const AppliedTransaction& applied : after.transactions()) {
    std::vector<LoanPosting> was;
    if (before != nullptr) {
      const auto& old = before->transactions();
      const auto found = std::find_if(old.begin(), old.end(), [&](const AppliedTransaction& o) {
        return o.transaction.id == applied.transaction.id;
      });
      if (found != old.end()) was = BookOf(*found, after.merchant_rate());
    }
    std::vector<LoanPosting> now = BookOf(applied, after.merchant_rate());
    if (was == now) continue;
    for (LoanPosting& posting : was) {
      posting.name += kBack;
      back.push_back(std::move(posting));
    }
    for (LoanPosting& posting : now) postings.push_back(std::move(posting));
  }
  // The latest first, as they are undone.
  std::reverse(back.begin(), back.end());
  back.insert(back.end(), std::make_move_iterator(postings.begin()),
              std::make_move_iterator(postings.end()));
  return back;
}

}  // namespace credence::lending
