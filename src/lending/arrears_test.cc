#include "src/lending/arrears.h"

#include <gtest/gtest.h>

#include "src/lending/test_support.h"

namespace credence::lending {
namespace {

TEST(Arrears, DaysPastDueByTable) {
  const std::vector<ArrearsPause> none;
  const std::vector<ArrearsPause> pauses{{D("2024-02-10"), D("2024-02-20")},
                                         {D("2024-02-15"), D("2024-02-25")},
                                         {D("2023-12-01"), D("2024-01-05")}};
  const auto dpd = [](const char* due, const char* today, int32_t grace,
                      const std::vector<ArrearsPause>& p) {
    return DaysPastDue(D(due), D(today), grace, p);
  };
  EXPECT_EQ(DaysPastDue(std::nullopt, D("2024-02-01"), 0, none), 0);
  EXPECT_EQ(dpd("2024-02-01", "2024-01-01", 0, none), 0);
  EXPECT_EQ(dpd("2024-02-01", "2024-02-01", 0, none), 0);
  EXPECT_EQ(dpd("2024-02-01", "2024-02-02", 0, none), 1);
  EXPECT_EQ(dpd("2024-02-01", "2024-02-04", 3, none), 0);
  EXPECT_EQ(dpd("2024-02-01", "2024-02-05", 3, none), 4);
  EXPECT_EQ(dpd("2024-02-29", "2025-02-28", 0, none), 365);
  EXPECT_EQ(dpd("2024-02-01", "2024-03-01", 0, pauses), 14);  // 29 less the 15 days of two pauses
  EXPECT_EQ(dpd("2024-02-01", "2024-02-12", 0, pauses), 9);
  EXPECT_EQ(dpd("2024-01-01", "2024-01-04", 0, pauses), 0);
}

TEST(Arrears, BucketsAtTheirEdges) {
  const BucketScheme months = BucketScheme::Months();
  ASSERT_TRUE(months.Check().ok());
  const auto name = [](const BucketScheme& s, int64_t d) { return s.buckets[s.IndexOf(d)].name; };
  EXPECT_EQ(name(months, 0), "M0");
  EXPECT_EQ(name(months, 1), "M1");
  EXPECT_EQ(name(months, 30), "M1");
  EXPECT_EQ(name(months, 31), "M2");
  EXPECT_EQ(name(months, 180), "M6");
  EXPECT_EQ(name(months, 181), "M6+");
  const BucketScheme occ = BucketScheme::ThirtyDays();
  EXPECT_EQ(name(occ, 29), "current");
  EXPECT_EQ(name(occ, 30), "30-59");
  EXPECT_EQ(name(occ, 9999), "120+");
  EXPECT_FALSE((BucketScheme{{{"a", 1}}}).Check().ok());
  EXPECT_FALSE((BucketScheme{{{"a", 0}, {"b", 0}}}).Check().ok());
}

TEST(Arrears, FiveClassesAndStagesAtTheirEdges) {
  using enum AssetClass;
  const std::vector<std::pair<int64_t, AssetClass>> rows{
      {0, kNormal},        {1, kSpecialMention}, {90, kSpecialMention}, {91, kSubstandard},
      {270, kSubstandard}, {271, kDoubtful},     {360, kDoubtful},      {361, kLoss}};
  for (const auto& [days, want] : rows) EXPECT_EQ(ClassOf(days), want) << days;
  EXPECT_EQ(Ifrs9Stage(30, false, false), 1);
  EXPECT_EQ(Ifrs9Stage(31, false, false), 2);
  EXPECT_EQ(Ifrs9Stage(90, false, false), 2);
  EXPECT_EQ(Ifrs9Stage(91, false, false), 3);
  EXPECT_EQ(Ifrs9Stage(0, true, false), 2);
  EXPECT_EQ(Ifrs9Stage(0, true, true), 3);
}

TEST(Arrears, MoreThanATenthNonPerformingDrawsTheRestAlong) {
  using enum AssetClass;
  EXPECT_EQ(ClassesOfDebtor(std::vector<DebtorClaim>{{900, kNormal}, {100, kSubstandard}}),
            (std::vector{kNormal, kSubstandard}));
  EXPECT_EQ(ClassesOfDebtor(std::vector<DebtorClaim>{{899, kNormal}, {100, kLoss}}),
            (std::vector{kSubstandard, kLoss}));
  EXPECT_TRUE(ClassesOfDebtor({}).empty());
}

TEST(Arrears, ExpectedLossOfThePublishedExample) {
  // 1.5 % x 40 % x 5 M = 30,000 in stage 1; 12 % x 40 % x 5 M = 240,000 in stage 2.
  const Decimal lgd = Decimal::FromScaled(40, -2);
  const Decimal one = Decimal::FromInt64(1);
  EXPECT_EQ(ExpectedLoss(Decimal::FromScaled(15, -3), lgd, 500'000'000, one), 3'000'000);
  EXPECT_EQ(ExpectedLoss(Decimal::FromScaled(12, -2), lgd, 500'000'000, one), 24'000'000);
}

TEST(PortfolioFold, RatesRollsAndVintagesFromTwoMonths) {
  PortfolioFold fold(BucketScheme::Months());
  EXPECT_FALSE(fold.OverdueRate().has_value());
  const Date january = D("2024-01-15");
  std::vector<LoanSnapshot> loans{
      {1, january, 1000, 800, 0, 0, false},
      {2, january, 1000, 600, 0, 5, true},
      {3, january, 2000, 1000, 0, 20, false},
  };
  ASSERT_TRUE(fold.AddMonth(D("2024-02-29"), loans).ok());
  EXPECT_EQ(fold.OverdueRate(), Decimal::FromInt64(1600) / Decimal::FromInt64(2400));
  EXPECT_FALSE(fold.RollRate(0, 1).has_value());
  loans = {{1, january, 1000, 700, 0, 3, false},
           {2, january, 1000, 600, 0, 34, true},
           {3, january, 2000, 0, 1000, 0, false},
           {4, D("2024-03-02"), 500, 500, 0, 0, false}};
  ASSERT_TRUE(fold.AddMonth(D("2024-03-31"), loans).ok());
  EXPECT_EQ(fold.RollRate(0, 1), Decimal::FromInt64(1));  // 800 of 800
  EXPECT_EQ(fold.RollRate(1, 2), Decimal::FromInt64(600) / Decimal::FromInt64(1600));
  EXPECT_EQ(fold.RollRate(1, 1), Decimal());
  EXPECT_FALSE(fold.RollRate(2, 3).has_value());
  EXPECT_EQ(fold.Vintage(D("2024-01-01"), 1, 0),
            Decimal::FromInt64(1600) / Decimal::FromInt64(4000));
  EXPECT_EQ(fold.Vintage(D("2024-01-31"), 2, 30),
            Decimal::FromInt64(1600) / Decimal::FromInt64(4000));
  EXPECT_FALSE(fold.Vintage(D("2024-01-31"), 3, 30).has_value());
  EXPECT_EQ(fold.FirstPaymentDefaultRate(), Decimal::FromScaled(25, -2));
  EXPECT_EQ(fold.BadDebtRate(), Decimal::FromInt64(1000) / Decimal::FromInt64(4500));
  EXPECT_FALSE(fold.AddMonth(D("2024-03-01"), loans).ok());
  loans.push_back(loans.back());
  EXPECT_FALSE(fold.AddMonth(D("2024-04-30"), loans).ok());
}

}  // namespace
}  // namespace credence::lending
