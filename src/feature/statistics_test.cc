#include "src/feature/statistics.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "src/base/int128.h"
#include "src/base/random.h"

namespace credence::feature {
namespace {

// Up to 192 bits from decimal digits.
UInt192 ParseUInt192(const std::string& digits) {
  UInt192 value;
  for (char digit : digits) {
    UInt192 tenfold;
    for (int i = 0; i < 10; ++i) tenfold += value;
    tenfold += UInt192{static_cast<UInt128>(digit - '0'), 0};
    value = tenfold;
  }
  return value;
}

TEST(Statistics, VarianceAndDeviationAreTheNearestDecimals) {
  std::ifstream in(std::string(CREDENCE_SOURCE_DIR) + "/src/feature/testdata/statistics.csv");
  ASSERT_TRUE(in.is_open());
  std::string line;
  std::getline(in, line);
  int rows = 0;
  while (std::getline(in, line)) {
    std::stringstream cells(line);
    std::vector<std::string> cell(6);
    for (std::string& text : cell) std::getline(cells, text, ',');
    const int64_t count = std::stoll(cell[0]);
    const Int128 sum = *ParseInt128(cell[1]);
    const UInt192 squares = ParseUInt192(cell[2]);
    const int scale = std::stoi(cell[3]);
    EXPECT_EQ(Variance(count, sum, squares, scale).CanonicalBits(),
              Decimal::Parse(cell[4])->CanonicalBits())
        << line << " gives " << Variance(count, sum, squares, scale).ToString();
    EXPECT_EQ(StandardDeviation(count, sum, squares, scale).CanonicalBits(),
              Decimal::Parse(cell[5])->CanonicalBits())
        << line << " gives " << StandardDeviation(count, sum, squares, scale).ToString();
    ++rows;
  }
  EXPECT_GT(rows, 250);
}

TEST(Statistics, MeanIsOneDivision) {
  EXPECT_EQ(Mean(3, 1000, 2), *Decimal::Parse("3.333333333333333333333333333333333"));
  EXPECT_EQ(Mean(4, 1000, 2), *Decimal::Parse("2.5"));
  EXPECT_EQ(Mean(2, -3, 0), *Decimal::Parse("-1.5"));
}

// Sums of `count` cells below 2^bits, some of them equal.
struct Sums {
  int64_t count = 0;
  Int128 sum = 0;
  UInt192 squares;

  void Add(int64_t cell, int64_t times) {
    count += times;
    sum += Int128{cell} * times;
    for (int64_t i = 0; i < times; ++i) squares += UInt192::Square(cell);
  }
};

void ExpectSameDeviation(const Sums& sums, int scale) {
  const Decimal quick = StandardDeviation(sums.count, sums.sum, sums.squares, scale);
  const Decimal wide = WideStandardDeviation(sums.count, sums.sum, sums.squares, scale);
  ASSERT_EQ(std::memcmp(&quick, &wide, sizeof(Decimal)), 0)
      << sums.count << " cells, scale " << scale << ": " << quick.ToString() << " is not "
      << wide.ToString();
}

TEST(Statistics, ShortSumsHaveTheBitsOfWideOnes) {
  constexpr uint64_t kSeed = 41;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  Random random(kSeed);
  for (int round = 0; round < 1'000'000; ++round) {
    Sums sums;
    // From all equal but one to spread over the whole width.
    const auto bits = static_cast<uint64_t>(random.Between(0, 47));
    const int64_t least =
        random.OneIn(2) ? 0 : random.Between(-(int64_t{1} << 46), int64_t{1} << 46);
    const int64_t cells = random.Between(1, 6);
    sums.Add(least, random.OneIn(8) ? random.Between(1, 200) : 1);
    for (int64_t i = 0; i < cells; ++i) {
      sums.Add(least + static_cast<int64_t>(random.Next() & ((uint64_t{1} << bits) - 1)), 1);
    }
    ASSERT_NO_FATAL_FAILURE(ExpectSameDeviation(sums, static_cast<int>(random.Between(0, 9))));
  }
}

TEST(Statistics, RootsBesidePowersOfTenHaveTheBitsOfWideOnes) {
  // Two cells that are d apart deviate by d / sqrt(2), 2 n of which n are 0 and n are d by
  // d / 2 x sqrt(2n / (2n - 1)): many counts bring that as near to a power of ten as can be.
  int64_t tested = 0;
  for (int64_t d = 2; d < 2'000'000'000'000; d *= 10) {
    for (const int64_t by : {-1, 0, 1}) {
      for (int64_t n = 1; n < 60; ++n) {
        Sums sums;
        sums.Add(0, n);
        sums.Add(d + by, n);
        ASSERT_NO_FATAL_FAILURE(ExpectSameDeviation(sums, 2));
        ++tested;
      }
    }
  }
  for (int64_t d = 1; d < 1'000'000'000'000; d *= 10) {
    Sums sums;  // of -10 d, 0 and 10 d, which deviate by 10 d exactly
    sums.count = 3;
    sums.squares += UInt192::Square(10 * d);
    sums.squares += UInt192::Square(10 * d);
    ASSERT_NO_FATAL_FAILURE(ExpectSameDeviation(sums, 2));
    EXPECT_EQ(StandardDeviation(sums.count, sums.sum, sums.squares, 0), Decimal::FromInt64(10 * d));
  }
  EXPECT_GT(tested, 2000);
}

TEST(Statistics, SumsAtTheEdgeOfTheShortFormHaveTheBitsOfWideOnes) {
  const UInt128 edge = UInt128{1} << 96;
  for (const int64_t count : {int64_t{2}, (int64_t{1} << 32) - 1, int64_t{1} << 32}) {
    for (const UInt128 squares : {UInt128{1}, UInt128{2}, edge - 1, edge, edge + 1}) {
      for (const Int128 sum : {Int128{0}, Int128{1}, Int128{-1}}) {
        ASSERT_NO_FATAL_FAILURE(ExpectSameDeviation({count, sum, {squares, 0}}, 2));
      }
    }
  }
}

TEST(Statistics, MeansHaveTheBitsOfADivision) {
  constexpr uint64_t kSeed = 43;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  Random random(kSeed);
  for (int round = 0; round < 300'000; ++round) {
    const int64_t count = random.Between(1, random.OneIn(4) ? 1'000'000 : 12);
    Int128 sum = random.Between(-1'000'000, 1'000'000);
    if (random.OneIn(2)) sum *= count;
    if (random.OneIn(8)) sum *= int64_t{1} << 50;
    if (random.OneIn(50)) sum = INT64_MIN;
    const int scale = static_cast<int>(random.Between(0, 9));
    const Decimal mean = Mean(count, sum, scale);
    const Decimal divided = Decimal::FromScaled(sum, -scale) / Decimal::FromInt64(count);
    ASSERT_EQ(std::memcmp(&mean, &divided, sizeof(Decimal)), 0)
        << count << " cells: " << mean.ToString() << " is not " << divided.ToString();
  }
}

TEST(UInt192, AddsAndSubtractsModulo) {
  Random random(3);
  UInt192 sum;
  std::vector<UInt192> added;
  for (int i = 0; i < 1000; ++i) {
    const auto cell = static_cast<int64_t>(random.Next());
    added.push_back(UInt192::Square(cell));
    sum += added.back();
  }
  for (const UInt192& square : added) sum -= square;
  EXPECT_EQ(sum, UInt192());
  const UInt192 most = UInt192::Square(INT64_MIN);
  EXPECT_EQ(most.low, UInt128{1} << 126);
}

}  // namespace
}  // namespace credence::feature
