// products.yaml: what is wrong in it is said at load, with field and expectation. The pack of
// examples/packs/credit-line is the one without a fault.

#include "src/pack/products.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "src/pack/shop_testing.h"

namespace credence::pack {
namespace {

FileSet CreditLine() {
  FileSet set;
  for (const char* name : {"pack.yaml", "products.yaml", "policy.dmn", "texts.en.yaml",
                           "texts.zh.yaml", "cases/line.yaml"}) {
    const std::string path =
        std::string(CREDENCE_SOURCE_DIR) + "/examples/packs/credit-line/" + name;
    std::ifstream file(path, std::ios::binary);
    EXPECT_TRUE(file.good()) << path;
    std::ostringstream text;
    text << file.rdbuf();
    set[name] = text.str();
  }
  set["tzdata/Asia/Shanghai"] = FixedZone(8);
  return set;
}

std::string Said(FileSet files) {
  std::vector<Diagnostic> diagnostics;
  const auto pack = Load(std::move(files), "p", nullptr, &diagnostics);
  std::string all;
  for (const Diagnostic& diagnostic : diagnostics) all += ToString(diagnostic) + "\n";
  EXPECT_EQ(pack == nullptr, HasErrors(diagnostics));
  return all;
}

TEST(Products, TheExampleLoadsAndBindsItsCommands) {
  const auto pack = MustLoad(CreditLine());
  ASSERT_NE(pack, nullptr);
  EXPECT_EQ(pack->money.limits.size(), 1U);
  EXPECT_EQ(pack->money.loans.size(), 1U);
  EXPECT_EQ(pack->money.roles.size(), 12U);
  const auto type = pack->schema.EventTypeIndex("order.placed");
  const std::vector<MoneyBinding>* bindings = pack->money.Bindings(*type);
  ASSERT_NE(bindings, nullptr);
  EXPECT_EQ((*bindings)[0].action, MoneyAction::kHold);
  EXPECT_EQ((*bindings)[0].hold_ns, 7 * 24 * kNsPerHour);
  EXPECT_EQ((*bindings)[0].when, std::vector<std::string>{"approve"});
}

TEST(Products, APackWithoutThemHasNoMoney) {
  const auto pack = ShopPack();
  EXPECT_TRUE(pack->money.limits.empty());
  EXPECT_EQ(pack->money.Bindings(0), nullptr);
  EXPECT_FALSE(FindMoneySlot(pack->money, "loan.outstanding").has_value());
}

TEST(Products, WhatIsWrongIsSaidWithItsPlace) {
  struct Fault {
    const char* from;
    const char* to;
    const char* said;
  };
  const std::vector<Fault> faults{
      {"normal: debit, per: loan", "normal: left, per: loan",
       "chart, receivable, normal: expected debit or credit"},
      {"{code: 11, normal: debit}", "{code: 0, normal: debit}", "chart, cash, code: expected an"},
      {"{code: 11, normal: debit}", "{code: 10, normal: debit}", "10"},
      {"per: loan}", "per: lone}", "unknown entity 'lone'"},
      {"- {credit: cash, amounts: [principal]}", "- {credit: cash, amounts: [principal, fee]}",
       "fee"},
      {"- {credit: cash, amounts: [principal]}", "- {credit: cosh, amounts: [principal]}", "cosh"},
      {"- {credit: overpaid, amounts: [overpaid]}",
       "- {credit: overpaid, debit: cash, amounts: [overpaid]}",
       "a leg has either 'debit' or 'credit'"},
      {"credit: {of: buyer}", "credit: {of: bayer}",
       "unknown entity 'bayer' (did you mean 'buyer'?)"},
      {"credit: {of: buyer}", "credit: {of: buyer, within: total}", "unknown limit 'total'"},
      {"limit: credit\n", "limit: credits\n", "unknown limit 'credits' (did you mean 'credit'?)"},
      {"periods: 3", "periods: 0", "terms.periods: expected an integer from 1 to 1200"},
      {"rate: 12%", "rate: 12 per cent", "terms.rate: expected a rate"},
      {"  limit.asked:\n", "  limit.aksed:\n", "unknown event type 'limit.aksed'"},
      {"- {freeze: credit}", "- {freeze: debit}", "unknown limit 'debit'"},
      {"- {freeze: credit}", "- {chill: credit}", "expected one of grant, freeze"},
      {"- {freeze: credit}", "- {freeze: credit, hold: credit}", "expected one action a command"},
      {"- {freeze: credit}", "- {freeze: credit, amount: income}", "freeze: takes no amount"},
      {"- {freeze: credit}", "- {freeze: credit, when: [approve]}",
       "the event asks for no decision"},
      {"amount: decision.limit, when: [approve]", "amount: decision.limit", "add 'when'"},
      {"amount: decision.limit, when: [approve]", "amount: decision.limit, when: [aprove]",
       "unknown outcome 'aprove' (did you mean 'approve'?)"},
      {"amount: decision.limit, when: [approve]", "when: [approve]", "expected 'amount'"},
      {"hold: credit, amount: amount", "hold: credit, amount: order_id",
       "expected a field of type money"},
      {"by: order_id, for: 7d", "by: amount, for: 7d", "expected a key or text field"},
      {"by: order_id, for: 7d", "for: 7d", "expected 'by', the field that names the hold"},
      {"for: 7d", "for: 0d", "for: expected a duration"},
      {"{restore: credit, amount: amount, post: payment}",
       "{restore: credit, amount: amount, post: repayment}", "uses the amount"},
      {"{restore: credit, amount: amount, post: payment}",
       "{restore: credit, amount: amount, post: paiment}", "unknown posting 'paiment'"},
      {"{release: credit, by: order_id}", "{hold: credit, amount: amount, by: order_id}",
       "buyer_id"},
      {"{lend: instalments,", "{lend: instalment,", "unknown loan product 'instalment'"},
      {"      - {credit: overpaid, amounts: [overpaid]}\n", "", "overpaid"},
      {"by: deposit_id, for: 7d", "for: 7d",
       "expected 'by', the field that names the pending posting"},
      {"by: deposit_id, for: 7d", "by: deposit_id, for: 60000d",
       "pend, for: expected at most 2^32 - 1 seconds"},
      {"{void: deposit, by: deposit_id}", "{void: deposit, by: deposit_id, for: 1d}",
       "expected a duration, and only at hold and pend"},
      {"{void: deposit, by: deposit_id}", "{void: deposits, by: deposit_id}",
       "unknown posting 'deposits' (did you mean 'deposit'?)"},
      {"{void: deposit, by: deposit_id}", "{void: deposit, by: deposit_id, amount: amount}",
       "void: takes no amount"},
      {"{void: deposit, by: deposit_id}", "{void: deposit, by: deposit_id, post: deposit}",
       "expected one action a command"},
      {"{settle: deposit, amount: amount", "{settle: charged_back, amount: amount",
       "uses the amount"},
      {"      - {credit: deposits, amounts: [amount]}\n",
       "      - {credit: deposits, amounts: [amount]}\n"
       "      - {debit: merchant, amounts: [other]}\n      - {credit: cash, amounts: [other]}\n",
       "uses the amount 'other'"},
      {"{chargeback: instalments, amount: amount, by: loan_id, post: charged_back}",
       "{chargeback: instalments, amount: amount, by: loan_id, post: disbursement}",
       "does not use the amount 'interest'"},
      {"{chargeback: instalments, amount: amount, ", "{chargeback: instalments, ",
       "chargeback: expected 'amount'"},
      {"overdue: arrears", "overdue: arears", "unknown posting 'arears' (did you mean 'arrears'?)"},
      {"overdue: arrears", "overdue: repayment",
       "instalments, overdue: the posting repayment uses the amount 'overpaid'"},
      {"{code: 13, normal: debit, per: loan}",
       "{code: 13, normal: debit, per: loan, never_overdrawn: true}",
       "the role overdue is never_overdrawn"},
      {"on:\n", "at:\n", "unknown key in products.yaml 'at'"},
  };
  for (const Fault& fault : faults) {
    FileSet files = CreditLine();
    Edit(&files, "products.yaml", fault.from, fault.to);
    const std::string said = Said(std::move(files));
    EXPECT_NE(said.find("p/products.yaml:"), std::string::npos) << fault.to << "\n" << said;
    EXPECT_NE(said.find(fault.said), std::string::npos) << fault.to << "\n" << said;
  }
}

TEST(Products, ThePolicyMayOnlyReadWhatThereIs) {
  FileSet files = CreditLine();
  std::string& policy = files["policy.dmn"];
  for (size_t at = 0; (at = policy.find("limit.credit.headroom", at)) != std::string::npos;) {
    policy.replace(at, 21, "limit.credit.headrom");
  }
  EXPECT_NE(Said(std::move(files)).find("did you mean 'limit.credit.headroom'?"),
            std::string::npos);
  files = CreditLine();
  files.erase("products.yaml");
  EXPECT_NE(Said(std::move(files)).find("the policy reads 'limit.credit.headroom'"),
            std::string::npos);
}

TEST(Products, AnIncomingPaymentMustBeBookedInFull) {
  FileSet files = CreditLine();
  Edit(&files, "products.yaml", "amounts: [principal, interest, fee, penalty, overpaid]",
       "amounts: [principal, interest, fee, penalty]");
  Edit(&files, "products.yaml", "      - {credit: overpaid, amounts: [overpaid]}\n", "");
  EXPECT_NE(Said(std::move(files)).find("does not use the amount 'overpaid'"), std::string::npos);
}

}  // namespace
}  // namespace credence::pack
