#include "src/model/probability.h"

#include <gtest/gtest.h>

namespace credence::model {
namespace {

Decimal D(std::string_view text) { return Decimal::Parse(text).value(); }

ProbabilityScale Usual() { return ProbabilityScale::Make(D("600"), D("30"), D("20")).value(); }

// Expected values: 1 / (1 + 30 * 2^((p - 600) / 20)) to 6 digits, by bc.
TEST(Probability, FollowsTheNamedPointAndTheDoublingStep) {
  const ProbabilityScale scale = Usual();
  EXPECT_EQ(scale.ProbabilityOfDefault(D("600")), D("0.032258"));
  EXPECT_EQ(scale.ProbabilityOfDefault(D("620")), D("0.016393"));
  EXPECT_EQ(scale.ProbabilityOfDefault(D("580")), D("0.0625"));
  EXPECT_EQ(scale.ProbabilityOfDefault(D("501.862188")), D("0.5"));
  EXPECT_EQ(scale.ProbabilityOfDefault(D("610.5")), D("0.022641"));
}

TEST(Probability, MeetsZeroAndOneFarOut) {
  const ProbabilityScale scale = Usual();
  EXPECT_EQ(scale.ProbabilityOfDefault(D("100000")), D("0"));
  EXPECT_EQ(scale.ProbabilityOfDefault(D("-100000")), D("1"));
  EXPECT_EQ(scale.ProbabilityOfDefault(D("1e6000")), D("0"));
  EXPECT_EQ(scale.ProbabilityOfDefault(D("-1e6000")), D("1"));
  const ProbabilityScale tiny = ProbabilityScale::Make(D("0"), D("1"), D("1e-6000")).value();
  EXPECT_EQ(tiny.ProbabilityOfDefault(D("1e6000")), D("0"));
  EXPECT_EQ(tiny.ProbabilityOfDefault(D("-1e6000")), D("1"));
  EXPECT_EQ(tiny.ProbabilityOfDefault(D("0")), D("0.5"));
}

TEST(Probability, MorePointsMayBeWorse) {
  const ProbabilityScale scale = ProbabilityScale::Make(D("600"), D("30"), D("-20")).value();
  EXPECT_EQ(scale.ProbabilityOfDefault(D("580")), D("0.016393"));
  EXPECT_EQ(scale.ProbabilityOfDefault(D("620")), D("0.0625"));
}

TEST(Probability, FallsWithPointsAndHasSixDigits) {
  const ProbabilityScale scale = Usual();
  Decimal last = D("1");
  for (int64_t points = 0; points <= 1000; ++points) {
    const Decimal now = scale.ProbabilityOfDefault(Decimal::FromInt64(points));
    EXPECT_LE(now, last) << points;
    EXPECT_TRUE(now.ToScaled(kProbabilityDigits).has_value()) << points;
    last = now;
  }
}

TEST(Probability, ASenselessScaleIsRefused) {
  EXPECT_FALSE(ProbabilityScale::Make(D("600"), D("0"), D("20")).ok());
  EXPECT_FALSE(ProbabilityScale::Make(D("600"), D("-1"), D("20")).ok());
  EXPECT_FALSE(ProbabilityScale::Make(D("600"), D("30"), D("0")).ok());
}

}  // namespace
}  // namespace credence::model
