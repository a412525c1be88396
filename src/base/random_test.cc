#include "src/base/random.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

namespace credence {
namespace {

// The first words of xoshiro256** after seeding by SplitMix64 from 0, computed from the published
// algorithms by an independent program.
TEST(Random, TheSameSeedGivesTheSameNumbersEverywhere) {
  Random random(0);
  for (const uint64_t word :
       {0x99EC5F36CB75F2B4U, 0xBF6E1F784956452AU, 0x1A5F849D4933E6E0U, 0x6AA594F1262D2D2CU})
    EXPECT_EQ(random.Next(), word);
  Random again(0);
  Random other(1);
  EXPECT_NE(again.Next(), other.Next());
}

TEST(Random, BelowReachesEveryNumberAboutEquallyOften) {
  constexpr uint64_t kSeed = 45;
  Random random(kSeed);
  for (const uint64_t bound : {uint64_t{1}, uint64_t{2}, uint64_t{3}, uint64_t{10}}) {
    std::vector<int> seen(bound);
    constexpr int kDraws = 100'000;
    for (int i = 0; i < kDraws; ++i) {
      const uint64_t drawn = random.Below(bound);
      ASSERT_LT(drawn, bound);
      ++seen[drawn];
    }
    for (const int count : seen) {
      EXPECT_NEAR(count, kDraws / static_cast<double>(bound), 1000) << "seed " << kSeed;
    }
  }
  // A bound where taking the remainder would favour the lower half two to one.
  constexpr uint64_t kBound = (uint64_t{1} << 63) + (uint64_t{1} << 62);
  int low = 0;
  for (int i = 0; i < 100'000; ++i) low += random.Below(kBound) < kBound / 2 ? 1 : 0;
  EXPECT_NEAR(low, 50'000, 1000) << "seed " << kSeed;
}

TEST(Random, BetweenIncludesBothEnds) {
  constexpr uint64_t kSeed = 46;
  Random random(kSeed);
  std::map<int64_t, int> seen;
  for (int i = 0; i < 1000; ++i) ++seen[random.Between(-2, 1)];
  EXPECT_EQ(seen.size(), 4U);
  EXPECT_EQ(seen.begin()->first, -2);
  EXPECT_EQ(seen.rbegin()->first, 1);
  EXPECT_EQ(random.Between(7, 7), 7);
  bool negative = false;
  bool positive = false;
  for (int i = 0; i < 100; ++i) {
    const int64_t any = random.Between(INT64_MIN, INT64_MAX);
    negative = negative || any < 0;
    positive = positive || any > 0;
  }
  EXPECT_TRUE(negative && positive);
}

TEST(Random, UnitIsBelowOneWithMeanOneHalf) {
  constexpr uint64_t kSeed = 47;
  Random random(kSeed);
  double sum = 0;
  for (int i = 0; i < 100'000; ++i) {
    const double unit = random.Unit();
    ASSERT_TRUE(unit >= 0 && unit < 1);
    sum += unit;
  }
  EXPECT_NEAR(sum / 100'000, 0.5, 0.005) << "seed " << kSeed;
}

TEST(RandomDeathTest, ABoundOfZeroIsABug) {
  Random random(1);
  EXPECT_DEATH((void)random.Below(0), "assertion failed");
}

}  // namespace
}  // namespace credence
