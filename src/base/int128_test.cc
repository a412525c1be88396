#include "src/base/int128.h"

#include <gtest/gtest.h>

#include "src/base/random.h"

namespace credence {
namespace {

constexpr auto kLowest = static_cast<Int128>(static_cast<UInt128>(1) << 127);
constexpr Int128 kHighest = ~kLowest;

TEST(Int128, TextReachesBothEnds) {
  EXPECT_EQ(ToString(Int128{0}), "0");
  EXPECT_EQ(ToString(kHighest), "170141183460469231731687303715884105727");
  EXPECT_EQ(ToString(kLowest), "-170141183460469231731687303715884105728");
  EXPECT_TRUE(ParseInt128("170141183460469231731687303715884105727") == kHighest);
  EXPECT_TRUE(ParseInt128("-170141183460469231731687303715884105728") == kLowest);
  EXPECT_TRUE(ParseInt128("+0007") == Int128{7});
}

TEST(Int128, OverflowAndOtherTextGiveNothing) {
  for (const char* text :
       {"170141183460469231731687303715884105728", "-170141183460469231731687303715884105729",
        "999999999999999999999999999999999999999999", "", "-", "+", "+-1", "1 ", " 1", "1.0", "1e3",
        "0x1", "١"}) {
    EXPECT_FALSE(ParseInt128(text).has_value()) << text;
  }
}

TEST(Int128, EveryNumberReadsBack) {
  constexpr uint64_t kSeed = 44;
  Random random(kSeed);
  for (int i = 0; i < 100'000; ++i) {
    const auto value =
        static_cast<Int128>((static_cast<UInt128>(random.Next()) << 64) | random.Next()) >>
        random.Below(128);
    ASSERT_TRUE(ParseInt128(ToString(value)) == value)
        << "seed " << kSeed << ": " << ToString(value);
  }
}

}  // namespace
}  // namespace credence
