#include "src/feature/statistics.h"

#include <gtest/gtest.h>

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
