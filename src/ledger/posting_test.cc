#include "src/ledger/posting.h"

#include <gtest/gtest.h>

#include "src/base/random.h"
#include "src/ledger/ledger.h"

namespace credence::ledger {
namespace {

const Currency kCny = Currency::FromCode("CNY").value();
const Currency kUsd = Currency::FromCode("USD").value();

std::vector<ChartEntry> Chart() {
  return {{"customer", 1, Side::kCredit, 0},        {"receivable", 2, Side::kDebit, 0},
          {"interest_income", 3, Side::kCredit, 0}, {"fee_income", 4, Side::kCredit, 0},
          {"funding", 5, Side::kCredit, 0},         {"exchange", 6, Side::kDebit, 0}};
}

PostingTemplate Repayment() {
  return {"repayment",
          7,
          {{Side::kDebit, "customer", {"principal", "interest", "fee"}},
           {Side::kCredit, "receivable", {"principal"}},
           {Side::kCredit, "interest_income", {"interest"}},
           {Side::kCredit, "fee_income", {"fee"}}}};
}

PostingTemplate Exchange() {
  return {"exchange",
          8,
          {{Side::kDebit, "customer", {"sold"}, 0},
           {Side::kCredit, "exchange", {"sold"}, 0},
           {Side::kDebit, "exchange", {"bought"}, 1},
           {Side::kCredit, "customer", {"bought"}, 1}}};
}

PostingRequest Request(std::string_view name, std::map<std::string, int64_t, std::less<>> amounts) {
  PostingRequest request;
  request.name = name;
  request.amounts = std::move(amounts);
  request.currencies = {kCny, kUsd};
  request.account = [](std::string_view role, Currency currency) {
    for (const ChartEntry& entry : Chart()) {
      if (entry.role == role) {
        return AccountId(UInt128{entry.code} + (currency == kUsd ? UInt128{100} : UInt128{0}));
      }
    }
    return AccountId();
  };
  request.seq = Seq(9);
  return request;
}

TEST(PostingBook, ARepaymentBecomesLinkedTransfersWithoutEmptyLegs) {
  std::vector<Diagnostic> diagnostics;
  const PostingBook book = PostingBook::Compile(Chart(), {Repayment(), Exchange()}, &diagnostics);
  ASSERT_TRUE(diagnostics.empty());
  const auto posted =
      book.Post(Request("repayment", {{"principal", 164'250}, {"interest", 8'306}}));
  ASSERT_TRUE(posted.ok()) << posted.status().ToString();
  ASSERT_EQ(posted->size(), 2U);
  EXPECT_EQ((*posted)[0].id, EngineTransferId(Seq(9), 0));
  EXPECT_EQ((*posted)[0].amount, 164'250);
  EXPECT_EQ((*posted)[0].credit_account, AccountId(2));
  EXPECT_EQ((*posted)[0].flags, transfer_flag::kLinked);
  EXPECT_EQ((*posted)[1].amount, 8'306);
  EXPECT_EQ((*posted)[1].credit_account, AccountId(3));
  EXPECT_EQ((*posted)[1].flags, 0);
  EXPECT_TRUE(book.Post(Request("repayment", {}))->empty());
}

TEST(PostingBook, ForeignExchangeIsOneChainInTwoCurrencies) {
  std::vector<Diagnostic> diagnostics;
  const PostingBook book = PostingBook::Compile(Chart(), {Exchange()}, &diagnostics);
  const auto posted = book.Post(Request("exchange", {{"sold", 72'000}, {"bought", 10'000}}));
  ASSERT_TRUE(posted.ok());
  ASSERT_EQ(posted->size(), 2U);
  EXPECT_EQ((*posted)[0].currency, kCny);
  EXPECT_EQ((*posted)[1].currency, kUsd);
  EXPECT_EQ((*posted)[0].flags, transfer_flag::kLinked);
  EXPECT_EQ((*posted)[1].flags, 0);
  EXPECT_EQ((*posted)[1].debit_account, AccountId(106));
}

TEST(PostingBook, WhatDoesNotBalanceIsRefusedAtLoadAllAtOnce) {
  PostingTemplate lame = Repayment();
  lame.legs.pop_back();
  PostingTemplate misspelt = Repayment();
  misspelt.name = "misspelt";
  misspelt.legs[1].role = "recievable";
  std::vector<ChartEntry> chart = Chart();
  chart.push_back({"customer", 1, Side::kDebit, 0});
  std::vector<Diagnostic> diagnostics;
  (void)PostingBook::Compile(chart, {lame, misspelt}, &diagnostics);
  std::vector<std::string> codes;
  for (const Diagnostic& diagnostic : diagnostics) codes.push_back(diagnostic.code);
  std::sort(codes.begin(), codes.end());
  EXPECT_EQ(codes,
            (std::vector<std::string>{"code-twice", "role-twice", "unbalanced", "unknown-role"}));
  for (const Diagnostic& diagnostic : diagnostics) {
    if (diagnostic.code == "unbalanced") {
      EXPECT_EQ(
          diagnostic.message,
          "template 'repayment' does not balance: 'fee' is debited 1 more times than credited");
    }
    if (diagnostic.code == "unknown-role") {
      EXPECT_EQ(diagnostic.hint, "did you mean 'receivable'?");
    }
  }
}

TEST(PostingBook, BadAmountsAndNamesAreRefused) {
  std::vector<Diagnostic> diagnostics;
  const PostingBook book = PostingBook::Compile(Chart(), {Repayment()}, &diagnostics);
  EXPECT_EQ(book.Post(Request("nothing", {})).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(book.Post(Request("repayment", {{"fee", -1}})).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(book.Post(Request("repayment", {{"tip", 1}})).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(book.Post(Request("repayment", {{"fee", kAmountMax}, {"interest", 1}})).status().code(),
            StatusCode::kOutOfRange);
  PostingRequest homeless = Request("repayment", {{"fee", 1}});
  homeless.account = [](std::string_view, Currency) { return AccountId(); };
  EXPECT_EQ(book.Post(homeless).status().code(), StatusCode::kNotFound);
}

TEST(PostingBook, RandomTemplatesThatCompileAlwaysBalance) {
  // Legs at random, completed so that each amount stands on both sides; then sums per side must
  // agree.
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    const std::vector<std::string> names{"a", "b", "c", "d"};
    PostingTemplate posting{"t", 1, {}};
    for (const std::string& name : names) {
      for (const Side side : {Side::kDebit, Side::kCredit}) {
        const std::string role = Chart()[random.Below(6)].role;
        bool joined = false;
        for (Leg& leg : posting.legs) {
          if (leg.side == side && leg.role == role) {
            leg.amounts.push_back(name);
            joined = true;
          }
        }
        if (!joined) posting.legs.push_back({side, role, {name}});
      }
    }
    std::vector<Diagnostic> diagnostics;
    const PostingBook book = PostingBook::Compile(Chart(), {posting}, &diagnostics);
    ASSERT_TRUE(diagnostics.empty());
    std::map<std::string, int64_t, std::less<>> amounts;
    for (const std::string& name : names) amounts[name] = random.Between(0, 5);
    const auto posted = book.Post(Request("t", amounts));
    ASSERT_TRUE(posted.ok());
    std::map<AccountId, int64_t> got;
    for (const TransferSpec& transfer : *posted) {
      ASSERT_GT(transfer.amount, 0);
      got[transfer.debit_account] += transfer.amount;
      got[transfer.credit_account] -= transfer.amount;
    }
    std::map<AccountId, int64_t> want;
    for (const Leg& leg : posting.legs) {
      for (const std::string& name : leg.amounts) {
        want[Request("t", {}).account(leg.role, kCny)] +=
            leg.side == Side::kDebit ? amounts[name] : -amounts[name];
      }
    }
    for (const auto& [account, net] : want) ASSERT_EQ(got[account], net);
  }
}

}  // namespace
}  // namespace credence::ledger
