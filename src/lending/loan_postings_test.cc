#include "src/lending/loan_postings.h"

#include <gtest/gtest.h>

#include "src/lending/test_support.h"

namespace credence::lending {
namespace {

TEST(LoanPostings, EveryTemplateBalances) {
  std::vector<Diagnostic> diagnostics;
  const auto book = ledger::PostingBook::Compile(LoanChart(), LoanTemplates(), &diagnostics);
  EXPECT_TRUE(diagnostics.empty());
  EXPECT_TRUE(book.Has("repayment back"));
}

Loan Drawn(const Product& product, int64_t amount) {
  Loan loan(product, D("2024-01-01"), MakePeriods(product.terms, D("2024-01-01"), nullptr).value());
  Transaction t;
  t.id = 1;
  t.kind = TransactionKind::kDraw;
  t.day = D("2024-01-01");
  t.amount_minor = amount;
  EXPECT_EQ(loan.Apply(t), LoanStatus::kApplied);
  return loan;
}

// 1,200.00 in three free instalments; the merchant pays 4 %: it is credited 1,152.00.
TEST(LoanPostings, TheMerchantPaysForAnInterestFreePlan) {
  Product product;
  product.terms.periods = 3;
  product.merchant_rate = Decimal::FromScaled(4, -2);
  const Loan loan = Drawn(product, 120'000);
  const std::vector<LoanPosting> want{
      {"merchant draw", {{"merchant_fee", 4'800}, {"to_merchant", 115'200}}}};
  EXPECT_EQ(PostingsOf(nullptr, loan), want);
  for (const Period& period : loan.plan().periods()) {
    EXPECT_EQ(period.principal, 40'000);
    EXPECT_EQ(period.interest, 0);
  }
}

// Goods of 500.00 go back to the merchant: the last instalment and a part of the one before.
TEST(LoanPostings, GoodsReturnedAreTheMerchantsMoney) {
  Product product;
  product.terms.periods = 3;
  product.merchant_rate = Decimal::FromScaled(4, -2);
  Loan loan = Drawn(product, 120'000);
  const Loan before = loan;
  Transaction t;
  t.id = 2;
  t.kind = TransactionKind::kMerchantReturn;
  t.day = D("2024-01-15");
  t.amount_minor = 50'000;
  ASSERT_EQ(loan.Apply(t), LoanStatus::kApplied);
  const std::vector<LoanPosting> want{{"merchant return", {{"principal", 50'000}}}};
  EXPECT_EQ(PostingsOf(&before, loan), want);
  EXPECT_EQ(loan.plan().periods()[2].paid_principal, 40'000);
  EXPECT_EQ(loan.plan().periods()[1].paid_principal, 10'000);
}

// A repayment that turns out to have come earlier is booked again, not changed.
TEST(LoanPostings, ABackDatedRepaymentBooksTheOldSplitBack) {
  Product product;
  product.terms.periods = 6;
  product.terms.annual_rate = Decimal::FromScaled(7, -2);
  Loan loan = Drawn(product, 10'000);
  Transaction t;
  t.id = 2;
  t.day = D("2024-02-20");
  t.amount_minor = 1'701;
  ASSERT_EQ(loan.Apply(t), LoanStatus::kApplied);
  const Loan before = loan;
  t.id = 3;
  t.day = D("2024-02-01");
  ASSERT_EQ(loan.Apply(t), LoanStatus::kApplied);
  // The second payment was for February first; now it is for March, on which less is earned.
  const std::vector<LoanPosting> postings = PostingsOf(&before, loan);
  ASSERT_EQ(postings.size(), 3U);
  EXPECT_EQ(postings[0].name, "repayment back");
  EXPECT_EQ(postings[1].name, "repayment");
  EXPECT_EQ(postings[2].name, "repayment");
  EXPECT_EQ(postings[0].amounts,
            (LoanPosting{"", {{"principal", 1'643}, {"interest", 58}}}.amounts));
}

}  // namespace
}  // namespace credence::lending
