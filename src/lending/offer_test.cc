// Offers: what a schedule and its cost must be whatever the product, and the published figures.

#include "src/lending/offer.h"

#include <gtest/gtest.h>

#include "src/base/random.h"
#include "src/lending/test_support.h"

namespace credence::lending {
namespace {

OfferRequest Level(int64_t amount, int32_t periods, const char* percent) {
  OfferRequest request;
  request.product.terms.periods = periods;
  request.product.terms.annual_rate = Percent(percent);
  request.amount_minor = amount;
  request.start = D("2024-01-31");
  return request;
}

std::string Shown(const std::optional<Decimal>& rate) {
  if (!rate) return "none";
  return (*rate * Decimal::FromInt64(100)).Rounded(2, Rounding::kHalfUp).ToStringKeepingScale();
}

ChargeRule Fee(ChargeRule::When when, ChargeRule::Base base, int64_t amount, const char* percent) {
  ChargeRule rule;
  rule.when = when;
  rule.base = base;
  rule.amount_minor = amount;
  rule.rate = Percent(percent);
  return rule;
}

// Appendix J (c)(1)(ii): 6,000.00, 36 payments of 200.00, the first after one month and 19 days.
TEST(Offer, AnOddFirstPeriodCostsWhatAppendixJPrints) {
  OfferRequest request = Level(600'000, 36, "0");
  request.start = D("1978-02-10");
  request.product.terms.first_due = D("1978-04-01");
  request.product.terms.annual_rate = Decimal();
  request.product.charges = {
      Fee(ChargeRule::When::kInstalment, ChargeRule::Base::kFlat, 3'333, "0")};
  request.payees = {"lender"};
  const auto offer = MakeOffer(request);
  ASSERT_TRUE(offer.ok()) << offer.status().ToString();
  // 36 payments of 166.67 and a fee of 33.33 are 36 payments of 200.00, but for the last cents.
  EXPECT_EQ(offer->rows.at(1).Payment(), 20'000);
  EXPECT_EQ(Shown(offer->us_apr), "11.82");
}

// 12,000 in twelve parts with 0.6 % a month of the whole (PBoC Announcement 2021 No. 3).
TEST(Offer, AFeeThatLooksLikeSevenPercentCostsThirteen) {
  OfferRequest request = Level(1'200'000, 12, "0");
  request.product.terms.kind = PlanKind::kFlat;
  request.product.charges = {
      Fee(ChargeRule::When::kInstalment, ChargeRule::Base::kPercentOfDrawn, 0, "0.6")};
  request.payees = {"issuer"};
  const auto offer = MakeOffer(request);
  ASSERT_TRUE(offer.ok());
  EXPECT_EQ(Shown(offer->irr_simple), "13.03");
  EXPECT_EQ(Shown(offer->irr_compound), "13.84");
  EXPECT_EQ(offer->fees, 86'400);
  ASSERT_EQ(offer->cost_by_payee.size(), 1U);
  EXPECT_EQ(offer->cost_by_payee[0].second, 86'400);
}

TEST(Offer, WithoutFeesTheRateOfEqualInstalmentsIsItsOwnApr) {
  for (const char* percent : {"1", "7.2", "24", "36"}) {
    const auto offer = MakeOffer(Level(10'000'000, 24, percent));
    ASSERT_TRUE(offer.ok());
    ASSERT_TRUE(offer->us_apr);
    const Decimal distance = (*offer->us_apr - Percent(percent)).Abs();
    EXPECT_LT(distance, *Decimal::Parse("0.00001")) << percent;
  }
}

TEST(Offer, ADownPaymentIsNeitherDrawnNorCost) {
  OfferRequest request = Level(100'000, 5, "0");
  request.product.terms.down_payment = Percent("20");
  const auto offer = MakeOffer(request);
  ASSERT_TRUE(offer.ok());
  EXPECT_EQ(offer->price, 100'000);
  EXPECT_EQ(offer->down_payment, 20'000);
  EXPECT_EQ(offer->drawn, 80'000);
  EXPECT_EQ(Shown(offer->us_apr), "0.00");
}

TEST(Offer, WhatTheMerchantPaysIsTheLendersYieldAndNotTheBorrowersCost) {
  OfferRequest request = Level(100'000, 10, "0");
  request.merchant_fee = Percent("5");
  const auto offer = MakeOffer(request);
  ASSERT_TRUE(offer.ok());
  EXPECT_EQ(offer->merchant_pays, 5'000);
  EXPECT_EQ(Shown(offer->comprehensive), "0.00");
  ASSERT_TRUE(offer->lender_yield);
  EXPECT_GT(*offer->lender_yield, Percent("11"));
  EXPECT_LT(*offer->lender_yield, Percent("13"));
}

TEST(Offer, ALaterDrawIsARowOfItsOwnAndAFlowThatTurnsTwiceHasNoRate) {
  OfferRequest request = Level(100'000, 12, "6");
  request.draws = {{D("2024-06-15"), 50'000}};
  const auto offer = MakeOffer(request);
  ASSERT_TRUE(offer.ok());
  EXPECT_EQ(offer->rows.size(), 14U);
  EXPECT_EQ(offer->drawn, 150'000);
  EXPECT_FALSE(offer->us_apr);
  EXPECT_NE(offer->why, "");
}

TEST(Offer, WhatIsWrongIsNamed) {
  const auto message = [](const OfferRequest& request) {
    return MakeOffer(request).status().message();
  };
  EXPECT_NE(message(Level(0, 12, "6")).find("principal"), std::string::npos);
  EXPECT_NE(message(Level(kPrincipalMax + 1, 12, "6")).find("principal"), std::string::npos);
  EXPECT_NE(message(Level(100, 0, "6")).find("periods"), std::string::npos);
  OfferRequest request = Level(100'000, 12, "6");
  request.draws = {{D("2024-01-31"), 1}};
  EXPECT_NE(message(request).find("draws"), std::string::npos);
  request = Level(100'000, 12, "6");
  request.rate_steps = {{D("2026-01-31"), Percent("5")}};
  EXPECT_NE(message(request).find("rate_steps"), std::string::npos);
  request = Level(100'000, 12, "6");
  request.product.terms.balloon_minor = 100'001;
  EXPECT_NE(message(request).find("balloon"), std::string::npos);
}

// Seeded random products of every kind.
TEST(OfferProperty, PrincipalIsPaidBackAndFiguresAgreeWithEachOther) {
  Random random(20240131);
  for (int i = 0; i < 2'000; ++i) {
    OfferRequest request = Level(static_cast<int64_t>(1'000 + random.Below(100'000'000)),
                                 static_cast<int32_t>(1 + random.Below(48)), "0");
    Terms& terms = request.product.terms;
    terms.kind = static_cast<PlanKind>(1 + random.Below(5));
    terms.every = static_cast<int32_t>(1 + random.Below(3));
    terms.unit = static_cast<PeriodUnit>(1 + random.Below(3));
    terms.annual_rate = Decimal::FromScaled(static_cast<int64_t>(random.Below(4'000)), -4);
    terms.basis = static_cast<InterestBasis>(1 + random.Below(11));
    request.start = D("2023-01-01").PlusDays(static_cast<int64_t>(random.Below(1'000)));
    if (random.Below(2) == 0) {
      request.product.charges = {
          Fee(ChargeRule::When::kDisbursement, ChargeRule::Base::kPercentOfDrawn, 0, "1.5")};
      request.payees = {"platform"};
    }
    const auto offer = MakeOffer(request);
    ASSERT_TRUE(offer.ok()) << "product " << i << ": " << offer.status().ToString();
    int64_t principal = 0;
    int64_t cost = 0;
    for (const OfferRow& row : offer->rows) {
      ASSERT_GE(row.balance, 0) << "product " << i;
      principal += row.principal;
    }
    for (const auto& [payee, amount] : offer->cost_by_payee) cost += amount;
    ASSERT_EQ(principal, offer->drawn) << "product " << i;
    ASSERT_EQ(offer->rows.back().balance, 0) << "product " << i;
    ASSERT_EQ(offer->paid, offer->drawn + offer->interest + offer->fees) << "product " << i;
    ASSERT_EQ(cost, offer->interest + offer->fees) << "product " << i;
    ASSERT_TRUE(offer->us_apr && offer->eu_aprc && offer->comprehensive)
        << "product " << i << ": " << offer->why;
    // Compounding never makes a cost smaller.
    ASSERT_GE(*offer->irr_compound + *Decimal::Parse("1e-15"), *offer->irr_simple)
        << "product " << i;
  }
}

}  // namespace
}  // namespace credence::lending
