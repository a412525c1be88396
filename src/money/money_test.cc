#include "src/money/money.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "src/base/random.h"

namespace credence {
namespace {

Currency Of(std::string_view code) { return *Currency::FromCode(code); }
Decimal D(std::string_view text) { return *Decimal::Parse(text); }

TEST(Currency, EveryCodeIsFoundByItselfAndByItsNumber) {
  const auto codes = CurrencyCodes();
  EXPECT_EQ(codes.size(), 157U);
  EXPECT_TRUE(std::is_sorted(codes.begin(), codes.end()));
  for (const std::string& code : codes) {
    const auto currency = Currency::FromCode(code);
    ASSERT_TRUE(currency.has_value()) << code;
    EXPECT_EQ(currency->code(), code);
    EXPECT_EQ(Currency::FromNumeric(currency->numeric()), currency) << code;
    EXPECT_TRUE(currency->digits() == 0 || currency->digits() == 2 || currency->digits() == 3);
  }
}

TEST(Currency, MinorUnitsFollowTheStandard) {
  struct Row {
    const char* code;
    int numeric;
    int digits;
  };
  for (const Row& row :
       {Row{"CNY", 156, 2}, Row{"JPY", 392, 0}, Row{"KWD", 414, 3}, Row{"USD", 840, 2},
        Row{"EUR", 978, 2}, Row{"ISK", 352, 0}, Row{"BHD", 48, 3}, Row{"CLP", 152, 0},
        Row{"TND", 788, 3}, Row{"CSK", 200, 2}, Row{"ALL", 8, 2}, Row{"XOF", 952, 0}}) {
    EXPECT_EQ(Of(row.code).numeric(), row.numeric) << row.code;
    EXPECT_EQ(Of(row.code).digits(), row.digits) << row.code;
  }
}

TEST(Currency, OtherCodesAreUnknown) {
  for (const char* code : {"", "cny", "CN", "CNYY", "XAU", "XXX", "CLF", "HRK", "AAA", "ZZZ"}) {
    EXPECT_FALSE(Currency::FromCode(code).has_value()) << code;
  }
  for (const uint16_t numeric : {uint16_t{0}, uint16_t{1}, uint16_t{999}, uint16_t{1000}}) {
    EXPECT_FALSE(Currency::FromNumeric(numeric).has_value()) << numeric;
  }
  EXPECT_EQ(Currency().code(), "");
}

TEST(Money, TextHasExactlyTheDigitsOfTheCurrency) {
  EXPECT_EQ((Money{1250, Of("CNY")}.ToString()), "12.50");
  EXPECT_EQ((Money{-5, Of("CNY")}.ToString()), "-0.05");
  EXPECT_EQ((Money{0, Of("KWD")}.ToString()), "0.000");
  EXPECT_EQ((Money{-1250, Of("JPY")}.ToString()), "-1250");
  EXPECT_EQ((Money{INT64_MIN, Of("CNY")}.ToString()), "-92233720368547758.08");
}

TEST(Money, ParsesWhatItWritesAndFewerDigits) {
  Random random(11);
  for (int i = 0; i < 10000; ++i) {
    const auto codes = CurrencyCodes();
    const Money money{static_cast<int64_t>(random.Next()) >> random.Below(64),
                      Of(codes[random.Below(codes.size())])};
    const auto read = Money::Parse(money.ToString(), money.currency);
    ASSERT_TRUE(read.ok()) << money.ToString();
    ASSERT_EQ(*read, money);
    ASSERT_EQ(money.ToDecimal().ToStringKeepingScale(), money.ToString());
  }
  EXPECT_EQ(Money::Parse("12", Of("CNY"))->minor, 1200);
  EXPECT_EQ(Money::Parse("12.5", Of("CNY"))->minor, 1250);
  EXPECT_EQ(Money::Parse("-0", Of("CNY"))->minor, 0);
  EXPECT_EQ(Money::Parse("0012.50", Of("CNY"))->minor, 1250);
}

TEST(Money, OtherTextIsRefusedWithTheExpectedForm) {
  for (const char* text : {"", "-", ".", ".5", "5.", "1.234", "+1", "1e3", " 1", "1 ", "1,000",
                           "0x1", "--1", "1.2.3", "1.-2", "NaN"}) {
    const auto read = Money::Parse(text, Of("CNY"));
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_EQ(read.status().code(), StatusCode::kInvalidArgument) << text;
  }
  EXPECT_EQ(
      Money::Parse("1.0", Of("JPY")).status().message(),
      "'1.0' is not an amount of JPY; expected digits with an optional minus and no decimal point");
}

TEST(Money, AmountsEndAtSixtyFourBitMinorUnits) {
  EXPECT_EQ(Money::Parse("92233720368547758.07", Of("CNY"))->minor, INT64_MAX);
  EXPECT_EQ(Money::Parse("-92233720368547758.08", Of("CNY"))->minor, INT64_MIN);
  for (const char* text : {"92233720368547758.08", "-92233720368547758.09", "92233720368547759",
                           "99999999999999999999"}) {
    EXPECT_EQ(Money::Parse(text, Of("CNY")).status().code(), StatusCode::kOutOfRange) << text;
  }
  EXPECT_FALSE(Add({INT64_MAX, Of("CNY")}, {1, Of("CNY")}).has_value());
  EXPECT_FALSE(Subtract({INT64_MIN, Of("CNY")}, {1, Of("CNY")}).has_value());
  EXPECT_EQ(Add({1, Of("CNY")}, {2, Of("CNY")})->minor, 3);
  EXPECT_EQ(Subtract({1, Of("CNY")}, {2, Of("CNY")})->minor, -1);
}

TEST(Money, FromDecimalRoundsAsTold) {
  EXPECT_EQ(Money::FromDecimal(D("2.345"), Of("CNY"), Rounding::kHalfEven)->minor, 234);
  EXPECT_EQ(Money::FromDecimal(D("2.345"), Of("CNY"), Rounding::kHalfUp)->minor, 235);
  EXPECT_EQ(Money::FromDecimal(D("-2.341"), Of("CNY"), Rounding::kFloor)->minor, -235);
  EXPECT_EQ(Money::FromDecimal(D("1e15"), Of("CNY"), Rounding::kFloor)->minor, 100000000000000000);
  for (const char* text : {"1e17", "-1e17", "1e6000", "92233720368547758.075"}) {
    EXPECT_EQ(Money::FromDecimal(D(text), Of("CNY"), Rounding::kHalfUp).status().code(),
              StatusCode::kOutOfRange)
        << text;
  }
  EXPECT_EQ(Money::FromDecimal(D("1") / Decimal(), Of("CNY"), Rounding::kDown).status().code(),
            StatusCode::kOutOfRange);
}

TEST(Money, ConversionMovesBetweenMinorUnits) {
  EXPECT_EQ(Convert({10000, Of("USD")}, Of("JPY"), D("149.505"), Rounding::kHalfEven)->minor,
            14950);
  EXPECT_EQ(Convert({10000, Of("JPY")}, Of("KWD"), D("0.0020545"), Rounding::kHalfUp)->minor,
            20545);
  EXPECT_EQ(Convert({-1, Of("CNY")}, Of("USD"), D("0.14"), Rounding::kFloor)->minor, -1);
  EXPECT_EQ(Convert({-1, Of("CNY")}, Of("USD"), D("1e-100"), Rounding::kUp)->minor, -1);
  EXPECT_EQ(Convert({0, Of("CNY")}, Of("USD"), D("1e100"), Rounding::kUp)->minor, 0);
  EXPECT_EQ(Convert({1, Of("CNY")}, Of("USD"), D("1e100"), Rounding::kUp).status().code(),
            StatusCode::kOutOfRange);
  for (const char* rate : {"0", "-1"}) {
    EXPECT_EQ(Convert({1, Of("CNY")}, Of("USD"), D(rate), Rounding::kUp).status().code(),
              StatusCode::kInvalidArgument);
  }
}

// 10^17 + 1 times 0.5000…0001 with 34 digits ends in a tie that only the digits beyond 34 break.
TEST(Money, ConversionRoundsTheExactProductOnce) {
  const Money a{100'000'000'000'000'001, Of("CNY")};
  EXPECT_EQ(Convert(a, Of("USD"), D("0.5"), Rounding::kHalfEven)->minor, 50'000'000'000'000'000);
  EXPECT_EQ(
      Convert(a, Of("USD"), D("0.5000000000000000000000000000000001"), Rounding::kHalfEven)->minor,
      50'000'000'000'000'001);
  EXPECT_EQ(
      Convert(a, Of("USD"), D("0.4999999999999999999999999999999999"), Rounding::kHalfUp)->minor,
      50'000'000'000'000'000);
}

TEST(Money, ConversionEqualsTheDecimalProductWhereThatIsExact) {
  constexpr uint64_t kSeed = 12;
  Random random(kSeed);
  const auto codes = CurrencyCodes();
  for (int i = 0; i < 200000; ++i) {
    const Money a{random.Between(-1'000'000'000'000'000, 1'000'000'000'000'000) >> random.Below(50),
                  Of(codes[random.Below(codes.size())])};
    const Currency to = Of(codes[random.Below(codes.size())]);
    const Decimal rate =
        Decimal::FromScaled(std::max<int64_t>(1, random.Between(1, INT64_MAX) >> random.Below(62)),
                            static_cast<int>(random.Between(-40, 4)));
    const auto rounding = static_cast<Rounding>(random.Between(1, 7));
    const auto got = Convert(a, to, rate, rounding);
    const auto want = Money::FromDecimal(a.ToDecimal() * rate, to, rounding);
    ASSERT_EQ(got.ok(), want.ok())
        << "seed " << kSeed << ": " << a.ToString() << " at " << rate.ToString();
    if (want.ok()) {
      ASSERT_EQ(got->minor, want->minor)
          << "seed " << kSeed << ": " << a.ToString() << " at " << rate.ToString();
    }
  }
}

TEST(Apportion, TiesGoToTheEarlierShare) {
  EXPECT_EQ(Apportion(100, std::array<int64_t, 3>{1, 1, 1}), (std::vector<int64_t>{34, 33, 33}));
  EXPECT_EQ(Apportion(2, std::array<int64_t, 4>{0, 1, 1, 1}), (std::vector<int64_t>{0, 1, 1, 0}));
  EXPECT_EQ(Apportion(-100, std::array<int64_t, 3>{1, 1, 1}),
            (std::vector<int64_t>{-34, -33, -33}));
  EXPECT_EQ(Apportion(0, std::array<int64_t, 2>{3, 4}), (std::vector<int64_t>{0, 0}));
  EXPECT_EQ(Apportion(INT64_MIN, std::array<int64_t, 1>{INT64_MAX}),
            (std::vector<int64_t>{INT64_MIN}));
}

TEST(Apportion, SharesSumToTheTotalAndKeepQuota) {
  constexpr uint64_t kSeed = 13;
  Random random(kSeed);
  for (int i = 0; i < 20000; ++i) {
    std::vector<int64_t> weights(1 + random.Below(12));
    for (int64_t& weight : weights) weight = random.Between(0, INT64_MAX) >> random.Below(64);
    weights[0] = std::max<int64_t>(1, weights[0]);
    const int64_t total = static_cast<int64_t>(random.Next()) >> random.Below(64);
    const auto shares = Apportion(total, weights);
    Int128 sum = 0;
    Int128 weight_sum = 0;
    for (const int64_t weight : weights) weight_sum += weight;
    for (size_t k = 0; k < shares.size(); ++k) {
      sum += shares[k];
      const Int128 product = Int128{total} * weights[k];
      ASSERT_GE(shares[k], DivideRounded(product, weight_sum, Rounding::kFloor))
          << "seed " << kSeed;
      ASSERT_LE(shares[k], DivideRounded(product, weight_sum, Rounding::kCeiling))
          << "seed " << kSeed;
    }
    ASSERT_EQ(sum, total) << "seed " << kSeed;
  }
}

TEST(AmountDeathTest, SumsOfDifferentCurrenciesAreABug) {
  EXPECT_DEATH((void)Add({1, Of("CNY")}, {1, Of("USD")}), "assertion failed");
}

TEST(DivideRounded, EveryModeOnEverySmallQuotient) {
  struct Row {
    Rounding rounding;
    std::array<int, 12> tenths;  // -15 -14 -16 -5 -4 -6 and their opposites, divided by 10
  };
  constexpr std::array<int, 12> kNumerators = {-15, -14, -16, -5, -4, -6, 15, 14, 16, 5, 4, 6};
  for (const Row& row : {
           Row{Rounding::kHalfEven, {-2, -1, -2, 0, 0, -1, 2, 1, 2, 0, 0, 1}},
           Row{Rounding::kHalfUp, {-2, -1, -2, -1, 0, -1, 2, 1, 2, 1, 0, 1}},
           Row{Rounding::kHalfDown, {-1, -1, -2, 0, 0, -1, 1, 1, 2, 0, 0, 1}},
           Row{Rounding::kUp, {-2, -2, -2, -1, -1, -1, 2, 2, 2, 1, 1, 1}},
           Row{Rounding::kDown, {-1, -1, -1, 0, 0, 0, 1, 1, 1, 0, 0, 0}},
           Row{Rounding::kCeiling, {-1, -1, -1, 0, 0, 0, 2, 2, 2, 1, 1, 1}},
           Row{Rounding::kFloor, {-2, -2, -2, -1, -1, -1, 1, 1, 1, 0, 0, 0}},
       }) {
    for (size_t i = 0; i < kNumerators.size(); ++i) {
      EXPECT_EQ(DivideRounded(kNumerators[i], 10, row.rounding), row.tenths[i])
          << kNumerators[i] << " mode " << static_cast<int>(row.rounding);
      EXPECT_EQ(DivideRounded(-kNumerators[i], -10, row.rounding), row.tenths[i]);
      EXPECT_EQ(DivideRounded(kNumerators[i] * 10, 10, row.rounding), kNumerators[i]);
    }
  }
}

TEST(DivideRounded, ReachesTheEndsOfTheRange) {
  const auto lowest = static_cast<Int128>(static_cast<UInt128>(1) << 127);
  EXPECT_EQ(DivideRounded(lowest, 1, Rounding::kUp), lowest);
  EXPECT_EQ(DivideRounded(lowest, lowest, Rounding::kUp), 1);
  EXPECT_EQ(DivideRounded(1, lowest, Rounding::kUp), -1);
  EXPECT_EQ(DivideRounded(lowest, -2, Rounding::kDown), -(lowest / 2));
  EXPECT_DEATH((void)DivideRounded(lowest, -1, Rounding::kDown), "assertion failed");
  EXPECT_DEATH((void)DivideRounded(1, 0, Rounding::kDown), "assertion failed");
}

}  // namespace
}  // namespace credence
