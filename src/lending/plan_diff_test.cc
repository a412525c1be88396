// Plan against its naive twin: 5,000 random products of every kind.
#include <gtest/gtest.h>

#include "src/base/random.h"
#include "src/lending/naive_plan.h"
#include "src/lending/plan.h"
#include "src/lending/test_support.h"

namespace credence::lending {
namespace {

TEST(PlanDiff, EqualsTheNaiveTwinOnRandomProducts) {
  int left_out = 0;
  for (uint64_t seed = 1; seed <= 5'000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    Terms t;
    t.kind = static_cast<PlanKind>(random.Between(1, 5));
    t.periods =
        static_cast<int32_t>(random.OneIn(10) ? random.Between(60, 360) : random.Between(1, 36));
    t.unit = static_cast<PeriodUnit>(random.Between(1, 3));
    t.every = static_cast<int32_t>(t.unit == PeriodUnit::kDays ? random.Between(5, 40)
                                                               : random.Between(1, 3));
    t.annual_rate = Decimal::FromScaled(random.OneIn(8) ? 0 : random.Between(1, 3600), -4);
    t.basis = static_cast<InterestBasis>(random.Between(1, 11));
    if (t.kind != PlanKind::kSinglePayment) {
      if (random.OneIn(4))
        t.principal_grace = static_cast<int32_t>(random.Between(0, t.periods - 1));
      if (random.OneIn(5))
        t.interest_grace = static_cast<int32_t>(random.Between(0, t.periods - 1));
    }
    if (random.OneIn(8)) t.interest_free = static_cast<int32_t>(random.Between(0, t.periods));
    if (random.OneIn(6)) t.multiple_minor = random.OneIn(2) ? 10 : 100;
    t.rounding = static_cast<Rounding>(random.Between(1, 7));
    t.smooth = random.OneIn(2);
    t.residue_first = random.OneIn(4);
    const int64_t amount = random.Between(10'000, 1'000'000'000);
    if (random.OneIn(6)) t.balloon_minor = amount / random.Between(2, 10);
    ASSERT_TRUE(CheckTerms(t).ok());
    const Date start = D("2023-01-01").PlusDays(random.Between(0, 900));
    const std::vector<PeriodDates> dates = MakePeriods(t, start, nullptr).value();
    Plan plan(t, dates);
    plan.Draw(start, amount);
    const std::vector<NaivePeriod> want = NaiveSchedule(t, dates, amount);
    int64_t principal = 0;
    const bool negative =
        std::any_of(want.begin(), want.end(), [](const NaivePeriod& p) { return p.balance < 0; });
    if (want.empty() || negative) {
      ++left_out;
      continue;
    }
    SCOPED_TRACE("kind " + std::to_string(static_cast<int>(t.kind)) + " periods " +
                 std::to_string(t.periods) + " grace " + std::to_string(t.principal_grace) + " " +
                 std::to_string(t.interest_grace) + " free " + std::to_string(t.interest_free) +
                 " balloon " + std::to_string(t.balloon_minor) + " multiple " +
                 std::to_string(t.multiple_minor) + (t.smooth ? " smooth" : ""));
    for (size_t i = 0; i < want.size(); ++i) {
      const Period& p = plan.periods()[i];
      ASSERT_EQ(p.principal, want[i].principal) << "period " << i << " of " << want.size();
      ASSERT_EQ(p.interest, want[i].interest) << "period " << i << " of " << want.size();
      ASSERT_EQ(p.balance_after, want[i].balance) << "period " << i << " of " << want.size();
      principal += p.principal;
    }
    ASSERT_EQ(principal, amount);
  }
  std::printf("left out: %d of 5000\n", left_out);
  EXPECT_LT(left_out, 500);
}

// Where a half cent decides, integers and decimals must not part: every amount up to 200 at rates
// and terms whose interest and instalments are often exactly half way.
TEST(PlanDiff, TiesRoundAsInTheNaiveTwin) {
  int64_t checked = 0;
  for (const int64_t rate_per_mille : {0, 5, 30, 60, 120, 125, 240, 250, 500, 1000, 1200}) {
    for (const int32_t periods : {1, 2, 3, 4, 8}) {
      for (int rounding = 1; rounding <= 7; ++rounding) {
        for (const PlanKind kind : {PlanKind::kEqualInstalments, PlanKind::kEqualPrincipal}) {
          Terms t;
          t.kind = kind;
          t.periods = periods;
          t.annual_rate = Decimal::FromScaled(rate_per_mille, -3);
          t.rounding = static_cast<Rounding>(rounding);
          const std::vector<PeriodDates> dates = MakePeriods(t, D("2024-01-01"), nullptr).value();
          for (int64_t amount = 1; amount <= 200; ++amount) {
            const std::vector<NaivePeriod> want = NaiveSchedule(t, dates, amount);
            if (want.empty() || std::any_of(want.begin(), want.end(), [](const NaivePeriod& p) {
                  return p.balance < 0 || p.principal < 0;
                })) {
              continue;
            }
            Plan plan(t, dates);
            plan.Draw(D("2024-01-01"), amount);
            for (size_t i = 0; i < want.size(); ++i) {
              const Period& p = plan.periods()[i];
              ASSERT_EQ(p.principal, want[i].principal) << amount << " at " << rate_per_mille;
              ASSERT_EQ(p.interest, want[i].interest) << amount << " at " << rate_per_mille;
            }
            ++checked;
          }
        }
      }
    }
  }
  EXPECT_GT(checked, 100'000);
}

}  // namespace
}  // namespace credence::lending
