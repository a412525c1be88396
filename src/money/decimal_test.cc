#include "src/money/decimal.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "src/base/random.h"

namespace credence {
namespace {

Decimal D(std::string_view text) {
  const auto decimal = Decimal::Parse(text);
  EXPECT_TRUE(decimal.has_value()) << text;
  return decimal.value_or(Decimal());
}

TEST(Decimal, SumsAreExactInDecimal) {
  EXPECT_EQ((D("0.1") + D("0.2")).ToString(), "0.3");
  EXPECT_EQ((D("1.10") + D("2.90")).ToStringKeepingScale(), "4.00");
  EXPECT_EQ((D("1e33") + D("0.5")).ToString(), "1000000000000000000000000000000000");
  EXPECT_EQ((D("1000000000000000000000000000000001") + D("0.5")).ToString(),
            "1000000000000000000000000000000002");
  EXPECT_EQ((D("1") / D("3")).ToString(), "0.3333333333333333333333333333333333");
  EXPECT_EQ((D("12.50") * D("4")).ToStringKeepingScale(), "50.00");
}

TEST(Decimal, OperationsWithoutAFiniteResultAreNotFinite) {
  EXPECT_FALSE((D("1") / D("0.00")).IsFinite());
  EXPECT_FALSE((D("0") / D("0")).IsFinite());
  EXPECT_FALSE((D("9e6144") * D("10")).IsFinite());
  EXPECT_FALSE(Decimal::Modulo(D("1"), D("0")).IsFinite());
  EXPECT_FALSE(D("-1").SquareRoot().IsFinite());
  EXPECT_FALSE(D("-1").Log().IsFinite());
  EXPECT_FALSE(D("0").Log().IsFinite());
  EXPECT_FALSE(D("14150").Exp().IsFinite());
  EXPECT_FALSE(D("1e6000").Exp().IsFinite());
  EXPECT_FALSE(Decimal::FromDouble(std::numeric_limits<double>::infinity()).IsFinite());
  EXPECT_FALSE(Decimal::FromDouble(std::nan("")).IsFinite());
}

TEST(Decimal, NumbersThatAreNotFiniteEqualNothing) {
  const Decimal infinite = D("1") / Decimal();
  EXPECT_FALSE(infinite == infinite);
  EXPECT_FALSE(infinite < D("1") || infinite > D("1") || infinite == D("1"));
  EXPECT_FALSE(infinite.ToInt64() || infinite.ToScaled(2) || infinite.IsZero());
  EXPECT_FALSE(infinite.IsNegative() || infinite.IsInteger());
}

TEST(Decimal, CohortsAreEqualAndHashEqually) {
  EXPECT_EQ(D("1"), D("1.00"));
  EXPECT_EQ(D("1.00").Hash(), D("1").Hash());
  EXPECT_EQ(D("-0"), D("0.000"));
  EXPECT_EQ(D("-0").Hash(), D("0e50").Hash());
  EXPECT_EQ(D("12300"), D("1.23e4"));
  EXPECT_NE(D("1").Hash(), D("10").Hash());
  EXPECT_EQ(D("1e6144").Canonical(), D("1e6144"));
  EXPECT_LT(D("-1e-6176"), D("0"));
  EXPECT_LT(D("1e-6176"), D("1e6111"));
  EXPECT_LT(D("-1e6111"), D("-1e-6176"));
}

TEST(Decimal, ParsesPlainAndScientificText) {
  EXPECT_EQ(D("-12.50").ToStringKeepingScale(), "-12.50");
  EXPECT_EQ(D(".5").ToString(), "0.5");
  EXPECT_EQ(D("+007").ToString(), "7");
  EXPECT_EQ(D("1E+3").ToString(), "1000");
  EXPECT_EQ(D("1e-3").ToString(), "0.001");
  EXPECT_EQ(D("0e999999999999999999999").ToString(), "0");
  EXPECT_EQ(D("12345678901234567890123456789012345").ToString(),
            "12345678901234567890123456789012340");
  std::string long_text(5000, '9');
  long_text.append("e-4999");
  EXPECT_EQ(D(long_text).ToString(), "10");
  std::string tiny = "0.";
  tiny.append(5000, '0').append("25");
  EXPECT_EQ(D(tiny).Scale(), 5002);
}

TEST(Decimal, OtherTextIsNotANumber) {
  for (const char* text : {"",
                           " 1",
                           "1 ",
                           "-",
                           "+",
                           ".",
                           "5.",
                           "1..2",
                           "1.2.3",
                           "1e",
                           "1e+",
                           "e5",
                           "1e5.0",
                           "0x10",
                           "1,000",
                           "NaN",
                           "Infinity",
                           "inf",
                           "--1",
                           "1-",
                           "1e6145",
                           "1e-6177",
                           "1e99999999999999999999",
                           "1e-99999999999999999999",
                           "\xEF\xBC\x91"}) {
    EXPECT_FALSE(Decimal::Parse(text).has_value()) << text;
  }
  EXPECT_FALSE(Decimal::Parse(std::string_view("1\0", 2)).has_value());
}

TEST(Decimal, TextIsPlainWithoutTrailingZeros) {
  struct Row {
    const char* read;
    const char* plain;
    const char* scaled;
  };
  for (const Row& row :
       {Row{"12.50", "12.5", "12.50"}, Row{"1e3", "1000", "1000"}, Row{"1200", "1200", "1200"},
        Row{"-0", "0", "0"}, Row{"-0.00", "0", "0.00"}, Row{"0e7", "0", "0"},
        Row{"-0.001", "-0.001", "-0.001"}, Row{"100.0", "100", "100.0"},
        Row{"1.5e-10", "0.00000000015", "0.00000000015"}, Row{"123e-3", "0.123", "0.123"}}) {
    EXPECT_EQ(D(row.read).ToString(), row.plain) << row.read;
    EXPECT_EQ(D(row.read).ToStringKeepingScale(), row.scaled) << row.read;
  }
  EXPECT_EQ(D("9.999999999999999999999999999999999e6144").ToString().size(), 6145U);
}

TEST(Decimal, RoundsToAScaleInEveryMode) {
  struct Row {
    Rounding rounding;
    const char* results[6];  // of 2.5 3.5 -2.5 2.51 -2.49 0.1 at scale 0
  };
  for (const Row& row : {Row{Rounding::kHalfEven, {"2", "4", "-2", "3", "-2", "0"}},
                         Row{Rounding::kHalfUp, {"3", "4", "-3", "3", "-2", "0"}},
                         Row{Rounding::kHalfDown, {"2", "3", "-2", "3", "-2", "0"}},
                         Row{Rounding::kUp, {"3", "4", "-3", "3", "-3", "1"}},
                         Row{Rounding::kDown, {"2", "3", "-2", "2", "-2", "0"}},
                         Row{Rounding::kCeiling, {"3", "4", "-2", "3", "-2", "1"}},
                         Row{Rounding::kFloor, {"2", "3", "-3", "2", "-3", "0"}}}) {
    const char* numbers[] = {"2.5", "3.5", "-2.5", "2.51", "-2.49", "0.1"};
    for (size_t i = 0; i < 6; ++i) {
      EXPECT_EQ(D(numbers[i]).Rounded(0, row.rounding).ToString(), row.results[i])
          << numbers[i] << " mode " << static_cast<int>(row.rounding);
    }
  }
}

TEST(Decimal, RoundingHoldsTheScaleWhereItFits) {
  EXPECT_EQ(D("1.5").Rounded(2, Rounding::kHalfEven).ToStringKeepingScale(), "1.50");
  EXPECT_EQ(D("1e3").Rounded(0, Rounding::kHalfEven).Scale(), 0);
  EXPECT_EQ(D("1234").Rounded(-2, Rounding::kHalfEven).ToString(), "1200");
  EXPECT_EQ(D("5.5").Rounded(6176, Rounding::kUp).ToString(), "5.5");
  EXPECT_EQ(D("5.5").Rounded(INT32_MAX, Rounding::kUp).ToString(), "5.5");
  EXPECT_EQ(D("5.5").Rounded(-6111, Rounding::kUp), D("1e6111"));
  EXPECT_EQ(D("5.5").Rounded(-6111, Rounding::kHalfUp), D("0"));
  EXPECT_EQ(D("-5.5").Rounded(INT32_MIN, Rounding::kDown), D("0"));
  EXPECT_FALSE(D("5.5").Rounded(-7000, Rounding::kUp).IsFinite());
  EXPECT_EQ(D("9.99").Rounded(1, Rounding::kHalfUp).ToStringKeepingScale(), "10.0");
}

TEST(Decimal, FloorAndCeilingAreWhole) {
  EXPECT_EQ(D("-1.5").Floor().ToString(), "-2");
  EXPECT_EQ(D("-1.5").Ceiling().ToString(), "-1");
  EXPECT_EQ(D("1.0").Floor().ToStringKeepingScale(), "1");
  EXPECT_EQ(D("1e40").Floor(), D("1e40"));
  EXPECT_EQ(D("1e-6000").Ceiling(), D("1"));
}

TEST(Decimal, ModuloHasTheSignOfTheDivisor) {
  struct Row {
    const char* a;
    const char* b;
    const char* result;
  };
  for (const Row& row :
       {Row{"12", "5", "2"}, Row{"-12", "5", "3"}, Row{"12", "-5", "-3"}, Row{"-12", "-5", "-2"},
        Row{"10.1", "4.5", "1.1"}, Row{"-10.1", "4.5", "3.4"}, Row{"10.1", "-4.5", "-3.4"},
        Row{"-10.1", "-4.5", "-1.1"}, Row{"0", "5", "0"}, Row{"-10", "5", "0"},
        // The quotient has far more than 34 digits.
        Row{"1e40", "7", "4"}, Row{"1e6000", "7", "1"}, Row{"-1e40", "7", "3"},
        Row{"9999999999999999999999999999999999", "0.7", "0.2"}, Row{"1", "1e40", "1"},
        Row{"-1", "1e40", "10000000000000000000000000000000000000000"},
        Row{"1e-6000", "3", "1e-6000"}}) {
    EXPECT_EQ(Decimal::Modulo(D(row.a), D(row.b)), D(row.result)) << row.a << " mod " << row.b;
  }
}

TEST(Decimal, ModuloOfWholeNumbersIsThatOfIntegers) {
  constexpr uint64_t kSeed = 21;
  Random random(kSeed);
  for (int i = 0; i < 100000; ++i) {
    const auto a = static_cast<int64_t>(random.Next()) >> random.Below(64);
    const auto b = static_cast<int64_t>(random.Next()) >> random.Below(64);
    if (b == 0) continue;
    const Int128 floor = DivideRounded(a, b, Rounding::kFloor);
    const int scale = static_cast<int>(random.Below(30));
    EXPECT_EQ(Decimal::Modulo(Decimal::FromScaled(a, -scale), Decimal::FromScaled(b, -scale)),
              Decimal::FromScaled(a - b * floor, -scale))
        << "seed " << kSeed << ": " << a << " mod " << b;
  }
}

// Results by an independent program with 80 digits, rounded half even to 34.
TEST(Decimal, ExpIsCorrectlyRounded) {
  for (const auto& [x, result] : std::initializer_list<std::pair<const char*, const char*>>{
           {"1", "2.718281828459045235360287471352662"},
           {"-1", "0.3678794411714423215955237701614609"},
           {"0.5", "1.648721270700128146848650787814164"},
           {"1e-20", "1.000000000000000000010000000000000"},
           {"10", "22026.46579480671651695790064528424"},
           {"100.25", "3.451610733125923987136198599526575E43"},
           {"-700.5", "5.980196118639791206412107330495100E-305"},
           {"14149.3", "9.181482138384384923496523700235547E6144"},
           {"-14100.125", "2.474676042503469644429051936258208E-6124"},
           {"2.302585092994045684017991454684364", "9.999999999999999999999999999999998"},
           {"0.0091363937", "1.009178257943861718864623796110466"},
           {"-1e-35", "1.000000000000000000000000000000000"},
       }) {
    EXPECT_EQ(D(x).Exp(), D(result)) << x << ": " << D(x).Exp().ToString();
  }
  EXPECT_EQ(D("0").Exp().ToString(), "1");
  EXPECT_TRUE(D("-14300").Exp().IsZero());
  EXPECT_TRUE(D("-1e6000").Exp().IsZero());
}

TEST(Decimal, LogIsCorrectlyRounded) {
  for (const auto& [x, result] : std::initializer_list<std::pair<const char*, const char*>>{
           {"2", "0.6931471805599453094172321214581766"},
           {"10", "2.302585092994045684017991454684364"},
           {"0.1", "-2.302585092994045684017991454684364"},
           {"1.000000000000000000000000000000001", "9.999999999999999999999999999999995E-34"},
           {"0.9999999999999999999999999999999999", "-1.000000000000000000000000000000000E-34"},
           {"9.999999999999999999999999999999999E6144", "14149.38539644841072829055748903542"},
           {"1E-6176", "-14220.76553433122614449511522413063"},
           {"11.037281390965333622982", "2.401278759705880593816600889211122"},
           {"2.24", "0.8064758658669484841555304413653342"},
           {"123456789", "18.63140176616801803319393334796320"},
           {"3.141592653589793238462643383279503", "1.144729885849400174143427351353059"},
       }) {
    EXPECT_EQ(D(x).Log(), D(result)) << x << ": " << D(x).Log().ToString();
  }
  EXPECT_TRUE(D("1.00").Log().IsZero());
}

TEST(Decimal, PowerIsCorrectlyRounded) {
  struct Row {
    const char* base;
    const char* exponent;
    const char* result;
  };
  for (const Row& row : {
           Row{"2", "0.3", "1.231144413344916284499393069167743"},
           Row{"1.000092234", "99212105", "8.471773466263599001561157451725788E3973"},
           Row{"1.0025", "360", "2.456842211495727545375418984349966"},
           Row{"1.0025", "-360", "0.4070265462392878633792584868390137"},
           Row{"321.44917374968603599981050092", "700", "9.519620912521408481380383099184277E1754"},
           Row{"0.5", "1000", "9.332636185032188789900895447238172E-302"},
           Row{"1.000000000000000000000000000000001", "999999999",
               "1.000000000000000000000000999999999"},
           Row{"3", "-5", "0.004115226337448559670781893004115226"},
           Row{"7", "0.3333333333333333333333333333333333", "1.912931182772389101199116839548760"},
           Row{"1.000000000000000000000000000000001", "1e34",
               "22026.46579480671651695790064528413"},
           Row{"-1.1", "301", "-2878712095807.239897718735781869242"},
           Row{"-1.1", "300", "2617010996188.399907017032528972038"},
           Row{"0.1", "-0.5", "3.162277660168379331998893544432719"},
           Row{"3", "-1", "0.3333333333333333333333333333333333"},
           Row{"9.5", "-17", "2.391655979793001528805099020669334E-17"},
       }) {
    const Decimal got = Decimal::Power(D(row.base), D(row.exponent));
    EXPECT_EQ(got, D(row.result)) << row.base << " ** " << row.exponent << ": " << got.ToString();
  }
}

TEST(Decimal, PowersThatFitAreExact) {
  struct Row {
    const char* base;
    const char* exponent;
    const char* text;
  };
  for (const Row& row :
       {Row{"2", "10", "1024"}, Row{"2", "-2", "0.25"}, Row{"10", "3", "1000"},
        Row{"1.1", "3", "1.331"}, Row{"-3", "3", "-27"}, Row{"-3", "2", "9"},
        Row{"5", "-2", "0.04"}, Row{"0.25", "-1", "4"}, Row{"4", "0.5", "2"}, Row{"27", "1", "27"},
        Row{"8", "0", "1"}, Row{"0", "0", "1"}, Row{"0", "5", "0"}, Row{"1", "1e30", "1"},
        Row{"-1", "1e30", "1"}, Row{"-1", "999999999999999999999", "-1"}, Row{"1.20", "2", "1.44"},
        Row{"3", "4", "81"}, Row{"32", "0.2", "2"}}) {
    const Decimal got = Decimal::Power(D(row.base), D(row.exponent));
    EXPECT_EQ(got.ToString(), row.text) << row.base << " ** " << row.exponent;
  }
  EXPECT_EQ(Decimal::Power(D("5"), D("-100")),
            Decimal::FromScaled(static_cast<Int128>(static_cast<UInt128>(1) << 100), -100));
  EXPECT_EQ(Decimal::Power(D("10"), D("6144")), D("1e6144"));
  EXPECT_EQ(Decimal::Power(D("10"), D("-6176")), D("1e-6176"));
  EXPECT_FALSE(Decimal::Power(D("10"), D("6145")).IsFinite());
  EXPECT_FALSE(Decimal::Power(D("0"), D("-1")).IsFinite());
  EXPECT_FALSE(Decimal::Power(D("-8"), D("0.5")).IsFinite());
  EXPECT_FALSE(Decimal::Power(D("1.5"), D("1e6000")).IsFinite());
  EXPECT_TRUE(Decimal::Power(D("1.5"), D("-1e6000")).IsZero());
  EXPECT_TRUE(Decimal::Power(D("0.5"), D("999999999")).IsZero());
}

TEST(Decimal, SquareRootsAreCorrectlyRounded) {
  EXPECT_EQ(D("2").SquareRoot().ToString(), "1.414213562373095048801688724209698");
  EXPECT_EQ(D("0.0625").SquareRoot().ToString(), "0.25");
  EXPECT_EQ(D("1e-6176").SquareRoot(), D("1e-3088"));
}

TEST(Decimal, DoublesBecomeTheirShortestDecimal) {
  EXPECT_EQ(Decimal::FromDouble(0.1).ToString(), "0.1");
  EXPECT_EQ(Decimal::FromDouble(-2.5e-3).ToString(), "-0.0025");
  EXPECT_EQ(Decimal::FromDouble(1e300), D("1e300"));
  EXPECT_EQ(Decimal::FromDouble(5e-324), D("5e-324"));
  constexpr uint64_t kSeed = 22;
  Random random(kSeed);
  for (int i = 0; i < 100000; ++i) {
    const double value = (random.Unit() - 0.5) * std::pow(10.0, random.Between(-300, 300));
    ASSERT_EQ(Decimal::FromDouble(value).ToDouble(), value) << "seed " << kSeed;
  }
}

TEST(Decimal, WholeAndScaledValuesComeOutOnlyIfExact) {
  EXPECT_EQ(D("12.00").ToInt64(), 12);
  EXPECT_EQ(D("12.01").ToInt64(), std::nullopt);
  EXPECT_EQ(D("-9223372036854775808").ToInt64(), INT64_MIN);
  EXPECT_EQ(D("9223372036854775808").ToInt64(), std::nullopt);
  EXPECT_EQ(D("-0").ToInt64(), 0);
  EXPECT_EQ(D("12.5").ToScaled(2), Int128{1250});
  EXPECT_EQ(D("12.5").ToScaled(0), std::nullopt);
  EXPECT_EQ(D("1200").ToScaled(-2), Int128{12});
  EXPECT_EQ(D("1e39").ToScaled(0), std::nullopt);
  EXPECT_EQ(D("0e6000").ToScaled(30), Int128{0});
  EXPECT_EQ(D("1e-6000").ToScaled(INT32_MAX), std::nullopt);
}

TEST(Decimal, ScaledIntegersAreRoundedOnce) {
  constexpr auto kLargest = static_cast<Int128>(~static_cast<UInt128>(0) >> 1);
  EXPECT_EQ(Decimal::FromScaled(kLargest, 0), D("170141183460469231731687303715884105727"));
  EXPECT_EQ(Decimal::FromScaled(-kLargest - 1, -10),
            D("-17014118346046923173168730371.5884105728"));
  EXPECT_EQ(Decimal::FromScaled(15, -6177), D("2e-6176"));
  EXPECT_EQ(Decimal::FromScaled(25, -6177), D("2e-6176"));
  EXPECT_TRUE(Decimal::FromScaled(1, INT32_MIN).IsZero());
  EXPECT_FALSE(Decimal::FromScaled(1, INT32_MAX).IsFinite());
  EXPECT_EQ(Decimal::FromScaled(1, 6144), D("1e6144"));
  EXPECT_EQ(Decimal::FromInt64(INT64_MIN).ToInt64(), INT64_MIN);
}

TEST(Decimal, StoredBitsHaveOneFormANumber) {
  EXPECT_EQ(D("1.50").CanonicalBits(), D("1.5").CanonicalBits());
  EXPECT_EQ(Decimal::FromCanonicalBits(D("1.50").CanonicalBits()), D("1.5"));
  const auto word = [](uint64_t high) { return static_cast<UInt128>(high) << 64; };
  EXPECT_FALSE(Decimal::FromCanonicalBits(word(0x7800000000000000U)));       // infinity
  EXPECT_FALSE(Decimal::FromCanonicalBits(word(0x7C00000000000000U)));       // NaN
  EXPECT_FALSE(Decimal::FromCanonicalBits(word(0xB040000000000000U)));       // -0
  EXPECT_FALSE(Decimal::FromCanonicalBits(word(0x3040000000000000U) + 10));  // 10, not 1E1
  EXPECT_FALSE(Decimal::FromCanonicalBits(word(0x6000000000000000U)));       // large form
  EXPECT_FALSE(Decimal::FromCanonicalBits(word(0x3041FFFFFFFFFFFFU) + 1));   // 10^34 or more
}

}  // namespace
}  // namespace credence
