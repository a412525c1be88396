#include "src/base/exact_math.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "src/base/bytes.h"
#include "src/base/digest.h"
#include "src/base/random.h"

namespace credence {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr int kPoints = 1'000'000;
constexpr uint64_t kSeed = 31;
// The stated bound. The reference has 64 bits, so its own error of about 2^-11 units fits in the
// margin.
constexpr double kErrorMax = 0.52;

// Distance from `want` in units of the last place of `got`'s magnitude.
double ErrorInUnits(double got, long double want) {
  const auto nearest = static_cast<double>(want);
  const double magnitude = std::fabs(nearest);
  const double above = std::nextafter(magnitude, kInfinity);
  const double unit =
      above == kInfinity ? magnitude - std::nextafter(magnitude, 0.0) : above - magnitude;
  return static_cast<double>(std::fabs(static_cast<long double>(got) - want) / unit);
}

template <class Function, class Reference, class Draw>
double WorstError(Function function, Reference reference, Draw draw) {
  Random random(kSeed);
  double worst = 0;
  for (int i = 0; i < kPoints; ++i) {
    const double x = draw(random);
    const long double want = reference(static_cast<long double>(x));
    if (std::isinf(static_cast<double>(want)) || std::isnan(want)) continue;
    worst = std::max(worst, ErrorInUnits(function(x), want));
  }
  return worst;
}

// From 0.5 upwards: a function that answers with something near by is not enough.
void ExpectNearlyRounded(double worst) {
  EXPECT_LT(worst, kErrorMax) << "seed " << kSeed;
  EXPECT_GT(worst, 0.49) << "the points do not come near a tie, so they measure nothing";
}

bool ReferenceIsWider() { return std::numeric_limits<long double>::digits >= 64; }

TEST(ExactMath, ExpIsWithinTheStatedBound) {
  if (!ReferenceIsWider()) GTEST_SKIP() << "long double has no more bits than double here";
  const auto reference = [](long double x) { return std::exp(x); };
  for (const auto& [low, high] : std::initializer_list<std::pair<double, double>>{
           {-1, 1}, {-20, 20}, {-708, 709.7}, {-745, -707}}) {
    SCOPED_TRACE(testing::Message() << low << " to " << high);
    ExpectNearlyRounded(WorstError(
        ExactExp, reference, [&](Random& random) { return low + random.Unit() * (high - low); }));
  }
  ExpectNearlyRounded(WorstError(ExactExp, reference, [](Random& random) {
    return std::ldexp(random.Unit() - 0.5, -static_cast<int>(random.Below(60)));
  }));
}

TEST(ExactMath, LogIsWithinTheStatedBound) {
  if (!ReferenceIsWider()) GTEST_SKIP() << "long double has no more bits than double here";
  const auto reference = [](long double x) { return std::log(x); };
  ExpectNearlyRounded(
      WorstError(ExactLog, reference, [](Random& random) { return 0.5 + 1.5 * random.Unit(); }));
  ExpectNearlyRounded(WorstError(ExactLog, reference, [](Random& random) {
    return 1 + std::ldexp(random.Unit() - 0.5, -static_cast<int>(random.Below(52)));
  }));
  ExpectNearlyRounded(WorstError(ExactLog, reference, [](Random& random) {
    return std::ldexp(1 + random.Unit(), static_cast<int>(random.Between(-1074, 1023)));
  }));
}

TEST(ExactMath, LogisticIsWithinTheStatedBoundInBothTails) {
  if (!ReferenceIsWider()) GTEST_SKIP() << "long double has no more bits than double here";
  const auto reference = [](long double x) {
    return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x));
  };
  for (const double span : {2.0, 20.0, 90.0, 1480.0}) {
    SCOPED_TRACE(testing::Message() << "span " << span);
    ExpectNearlyRounded(WorstError(ExactLogistic, reference,
                                   [&](Random& random) { return (random.Unit() - 0.5) * span; }));
  }
}

TEST(ExactMath, EdgesOfTheRangeAreExact) {
  EXPECT_EQ(ExactExp(0.0), 1.0);
  EXPECT_EQ(ExactExp(-0.0), 1.0);
  EXPECT_EQ(ExactExp(0x1p-60), 1.0);
  EXPECT_EQ(ExactExp(1.0), 0x1.5bf0a8b145769p+1);
  EXPECT_EQ(ExactExp(0x1.62e42fefa39efp+9), 0x1.fffffffffff2ap+1023);
  EXPECT_EQ(ExactExp(0x1.62e42fefa39f0p+9), kInfinity);
  EXPECT_EQ(ExactExp(kInfinity), kInfinity);
  EXPECT_EQ(ExactExp(-0x1.74910d52d3051p+9), 0x1p-1074);
  EXPECT_EQ(ExactExp(-0x1.74910d52d3052p+9), 0.0);
  EXPECT_EQ(ExactExp(-kInfinity), 0.0);
  EXPECT_EQ(ExactLog(1.0), 0.0);
  EXPECT_FALSE(std::signbit(ExactLog(1.0)));
  EXPECT_EQ(ExactLog(0.0), -kInfinity);
  EXPECT_EQ(ExactLog(-0.0), -kInfinity);
  EXPECT_EQ(ExactLog(kInfinity), kInfinity);
  EXPECT_EQ(ExactLog(2.0), 0x1.62e42fefa39efp-1);
  EXPECT_EQ(ExactLog(0x1p-1074), -0x1.74385446d71c3p+9);
  EXPECT_EQ(ExactLog(std::nextafter(1.0, 2.0)), 0x1.fffffffffffffp-53);
  EXPECT_EQ(ExactLogistic(0.0), 0.5);
  EXPECT_EQ(ExactLogistic(kInfinity), 1.0);
  EXPECT_EQ(ExactLogistic(-kInfinity), 0.0);
  EXPECT_EQ(ExactLogistic(-745.0), ExactExp(-745.0));
  for (const double x : {kNan, -kNan}) {
    EXPECT_TRUE(std::isnan(ExactExp(x)) && std::isnan(ExactLog(x)) && std::isnan(ExactLogistic(x)));
  }
  for (const double x : {-1.0, -0x1p-1074, -kInfinity}) EXPECT_TRUE(std::isnan(ExactLog(x))) << x;
}

TEST(ExactMath, NeighboursNeverComeOutInTheWrongOrder) {
  Random random(kSeed);
  for (int i = 0; i < 200'000; ++i) {
    const double x = (random.Unit() - 0.5) * 1400;
    const double next = std::nextafter(x, kInfinity);
    ASSERT_LE(ExactExp(x), ExactExp(next)) << x;
    ASSERT_LE(ExactLogistic(x), ExactLogistic(next)) << x;
    ASSERT_LE(ExactLog(std::fabs(x)), ExactLog(std::nextafter(std::fabs(x), kInfinity))) << x;
  }
}

// The results are stored and replayed: any change of a single bit, by compiler, flag or machine,
// shows here.
TEST(ExactMath, BitsAreThoseOfEveryOtherMachine) {
  Random random(kSeed);
  std::string bits;
  ByteWriter writer(&bits);
  for (int i = 0; i < 100'000; ++i) {
    const double x = (random.Unit() - 0.5) * (random.OneIn(2) ? 1480 : 20);
    for (const double y : {ExactExp(x), ExactLog(std::fabs(x)), ExactLogistic(x)}) {
      writer.PutFixed64(std::bit_cast<uint64_t>(y));
    }
  }
  EXPECT_EQ(Sha256(bits).ToHex(),
            "e7edc9cf4037cc67eb9269855ced044c8a7ec281b7659efa0fe231de7d5cd9b9");
}

}  // namespace
}  // namespace credence
