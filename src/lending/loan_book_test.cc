// The book of loans: refusals change nothing, due loans come in order, what is read is the loan.

#include "src/lending/loan_book.h"

#include <gtest/gtest.h>

#include "src/base/random.h"
#include "src/lending/test_support.h"

namespace credence::lending {
namespace {

std::shared_ptr<const BookedProduct> MakeProduct() {
  auto product = std::make_shared<BookedProduct>();
  product->name = "level";
  product->digest = Sha256("level");
  product->product.terms.periods = 6;
  product->product.terms.annual_rate = Percent("12");
  return product;
}

Transaction Repayment(uint64_t id, const char* day, int64_t amount) {
  Transaction transaction;
  transaction.id = id;
  transaction.kind = TransactionKind::kRepay;
  transaction.day = D(day);
  transaction.amount_minor = amount;
  return transaction;
}

std::string RowsOf(const LoanBook& book) {
  std::string all;
  book.VisitRows([&](std::string_view key, std::string_view value) {
    all.append(key);
    all.append(value);
  });
  return all;
}

TEST(LoanBook, ARefusedCommandChangesNothing) {
  LoanBook book;
  ASSERT_TRUE(book.Open(LoanId(1), MakeProduct(), D("2024-01-15"), 60'000, 1).ok());
  const std::string rows = RowsOf(book);
  EXPECT_EQ(BookResultName(book.Open(LoanId(1), MakeProduct(), D("2024-01-15"), 1, 2)),
            "already_exists");
  EXPECT_EQ(BookResultName(book.Open(LoanId(2), MakeProduct(), D("2024-01-15"), 0, 2)),
            "amount_not_positive");
  EXPECT_EQ(BookResultName(book.Apply(LoanId(2), Repayment(2, "2024-02-15", 5))), "not_found");
  EXPECT_EQ(BookResultName(book.Apply(LoanId(1), Repayment(1, "2024-02-15", 5))), "duplicate_id");
  EXPECT_EQ(BookResultName(book.Apply(LoanId(1), Repayment(2, "2024-01-14", 5))),
            "before_disbursement");
  EXPECT_EQ(BookResultName(book.Reverse(LoanId(1), 9)), "unknown_transaction");
  EXPECT_EQ(RowsOf(book), rows);
  EXPECT_EQ(book.size(), 1U);
}

TEST(LoanBook, ARepaymentIsAllocatedAndTakenBackAgain) {
  LoanBook book;
  ASSERT_TRUE(book.Open(LoanId(1), MakeProduct(), D("2024-01-15"), 60'000, 1).ok());
  const BookResult paid = book.Apply(LoanId(1), Repayment(2, "2024-02-15", 10'353));
  ASSERT_TRUE(paid.ok());
  EXPECT_EQ(paid.allocation.interest, 600);
  EXPECT_EQ(paid.allocation.principal, 9'753);
  EXPECT_EQ(book.Read(LoanId(1), D("2024-02-20"))->totals().principal_outstanding, 50'247);
  ASSERT_TRUE(book.Reverse(LoanId(1), 2).ok());
  const auto loan = book.Read(LoanId(1), D("2024-02-20"));
  EXPECT_EQ(loan->totals().principal_outstanding, 60'000);
  EXPECT_EQ(loan->OldestUnpaidDue(), D("2024-02-15"));
}

TEST(LoanBook, DueLoansComeByDayAndThenById) {
  LoanBook book;
  const auto product = MakeProduct();
  Random random(3);
  for (uint64_t i = 1; i <= 200; ++i) {
    const Date start = D("2024-01-01").PlusDays(static_cast<int64_t>(random.Below(20)));
    ASSERT_TRUE(book.Open(LoanId(i), product, start, 1'000, i).ok());
  }
  const auto due = book.DueBy(D("2024-02-10"), 1'000);
  ASSERT_FALSE(due.empty());
  EXPECT_TRUE(std::is_sorted(due.begin(), due.end()));
  for (const auto& entry : due) EXPECT_LE(entry.day, D("2024-02-10"));
  size_t expected = 0;
  for (uint64_t i = 1; i <= 200; ++i) {
    if (book.Read(LoanId(i), D("2024-01-01"))->plan().periods()[0].due <= D("2024-02-10")) {
      ++expected;
    }
  }
  EXPECT_EQ(due.size(), expected);
  EXPECT_EQ(book.DueBy(D("2024-02-10"), 3).size(), 3U);
  for (const auto& entry : due) book.Turn(entry.loan, D("2024-02-10"));
  EXPECT_TRUE(book.DueBy(D("2024-02-10"), 1'000).empty());
  EXPECT_EQ(book.DueBy(D("2024-12-31"), 1'000).size(), 200U);
}

TEST(LoanBook, AClosedLoanIsNotDue) {
  LoanBook book;
  ASSERT_TRUE(book.Open(LoanId(1), MakeProduct(), D("2024-01-15"), 60'000, 1).ok());
  const Allocation quote = book.Read(LoanId(1), D("2024-01-20"))->PayOffQuote(D("2024-01-20"));
  Transaction close = Repayment(2, "2024-01-20", quote.Total());
  close.kind = TransactionKind::kPayOff;
  ASSERT_TRUE(book.Apply(LoanId(1), close).ok());
  EXPECT_TRUE(book.DueBy(D("2030-01-01"), 10).empty());
  EXPECT_EQ(BookResultName(book.Apply(LoanId(1), Repayment(3, "2024-02-15", 5))), "closed");
}

TEST(LoanBook, RowsChangeWithEveryStoredField) {
  std::set<std::string> seen;
  const auto keep = [&](const LoanBook& book) { EXPECT_TRUE(seen.insert(RowsOf(book)).second); };
  LoanBook book;
  keep(book);
  ASSERT_TRUE(book.Open(LoanId(1), MakeProduct(), D("2024-01-15"), 60'000, 1).ok());
  keep(book);
  ASSERT_TRUE(book.Apply(LoanId(1), Repayment(2, "2024-02-15", 10'353)).ok());
  keep(book);
  ASSERT_TRUE(book.Reverse(LoanId(1), 2).ok());
  keep(book);
  book.Turn(LoanId(1), D("2024-02-15"));
  keep(book);
  LoanBook other;
  auto product = std::make_shared<BookedProduct>(*MakeProduct());
  product->digest = Sha256("other");
  ASSERT_TRUE(other.Open(LoanId(1), product, D("2024-01-15"), 60'000, 1).ok());
  keep(other);
}

}  // namespace
}  // namespace credence::lending
