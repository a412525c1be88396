// The short paths of Decimal against the library: the same bits for every operand pair. The number
// of pairs an operator is a million, or what CREDENCE_DIFF_PAIRS says.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

#include "src/base/random.h"
#include "src/money/decimal.h"
#include "src/money/decimal_bid.h"

#define DECIMAL_CALL_BY_REFERENCE 0
#define DECIMAL_GLOBAL_ROUNDING 0
#define DECIMAL_GLOBAL_EXCEPTION_FLAGS 0
extern "C" {
#include <bid_conf.h>
#include <bid_functions.h>
}

namespace credence {
namespace {

using Access = DecimalAccess;

int64_t Pairs() {
  const char* wanted = std::getenv("CREDENCE_DIFF_PAIRS");
  return wanted == nullptr ? 1'000'000 : std::atoll(wanted);
}

BID_UINT128 ToLibrary(Decimal d) {
  BID_UINT128 bits;
  bits.w[0] = Access::Low(d);
  bits.w[1] = Access::High(d);
  return bits;
}
Decimal FromLibrary(BID_UINT128 bits) { return Access::Make(bits.w[0], bits.w[1]); }

bool SameBits(Decimal a, Decimal b) {
  return Access::Low(a) == Access::Low(b) && Access::High(a) == Access::High(b);
}

std::string Describe(Decimal d) {
  char text[64] = {};
  unsigned flags = 0;
  bid128_to_string(text, ToLibrary(d), &flags);
  return text;
}

// Operands where short paths begin and end: few digits, 64-bit edges, 34-digit edges, trailing
// zeros, zeros of both signs, subnormals, both ends of the exponent range.
class Operands {
 public:
  explicit Operands(uint64_t seed) : random_(seed) {}

  Decimal Next() {
    if (random_.OneIn(64)) {
      return random_.OneIn(2) ? Access::NaN() : Access::Infinity(random_.OneIn(2));
    }
    return Access::Pack(random_.OneIn(2), Coefficient(), Exponent());
  }

  // Often related to `other`: a neighbour, another member of its cohort, its opposite.
  Decimal NextTo(Decimal other) {
    if (!other.IsFinite() || !random_.OneIn(4)) return Next();
    UInt128 coefficient = Access::Coefficient(other);
    int exponent = Access::Exponent(other);
    switch (random_.Below(4)) {
      case 0:
        break;
      case 1:
        if (coefficient + 1 < Access::kCoefficientEnd) ++coefficient;
        break;
      case 2:
        while (coefficient * 10 < Access::kCoefficientEnd && exponent > Decimal::kExponentMin &&
               !random_.OneIn(4)) {
          coefficient *= 10;
          --exponent;
        }
        break;
      default:
        coefficient = Coefficient();
    }
    return Access::Pack(random_.OneIn(2), coefficient, exponent);
  }

  Random& random() { return random_; }

 private:
  UInt128 Coefficient() {
    using decimal_bid::kPowersOfTen;
    const auto digits = static_cast<size_t>(random_.Below(35));
    const UInt128 wide = (static_cast<UInt128>(random_.Next()) << 64) | random_.Next();
    switch (random_.Below(8)) {
      case 0:
        return 0;
      case 1:
        return random_.Below(1000);
      case 2:
        return random_.Next();
      case 3:
        return UINT64_MAX - random_.Below(3);
      case 4:
        return kPowersOfTen[digits] - (digits == 34 || random_.OneIn(2) ? 1 : 0);
      case 5:
        return (static_cast<UInt128>(1) << 64) + random_.Below(3);
      case 6:
        return wide % kPowersOfTen[34 - digits] * kPowersOfTen[digits];
      default:
        return wide % kPowersOfTen[digits];
    }
  }

  int Exponent() {
    switch (random_.Below(8)) {
      case 0:
        return static_cast<int>(random_.Between(Decimal::kExponentMin, Decimal::kExponentMax));
      case 1:
        return static_cast<int>(Decimal::kExponentMin + random_.Between(0, 40));
      case 2:
        return static_cast<int>(Decimal::kExponentMax - random_.Between(0, 40));
      case 3:
        return static_cast<int>(random_.Between(-3100, -3050));
      case 4:
        return static_cast<int>(random_.Between(-40, 40));
      default:
        return static_cast<int>(random_.Between(-6, 2));
    }
  }

  Random random_;
};

template <class Ours, class Library>
void ExpectSameBits(uint64_t seed, Ours ours, Library library) {
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  Operands operands(seed);
  const int64_t pairs = Pairs();
  for (int64_t i = 0; i < pairs; ++i) {
    const Decimal a = operands.Next();
    const Decimal b = operands.NextTo(a);
    const Decimal got = ours(a, b);
    unsigned flags = 0;
    const Decimal want = FromLibrary(library(ToLibrary(a), ToLibrary(b), &flags));
    if (!want.IsFinite() && !got.IsFinite()) continue;
    ASSERT_TRUE(SameBits(got, want))
        << "pair " << i << ": " << Describe(a) << " and " << Describe(b) << " give "
        << Describe(got) << ", not " << Describe(want);
  }
}

TEST(DecimalDiff, SumsHaveTheBitsOfTheLibrary) {
  ExpectSameBits(
      1, [](Decimal a, Decimal b) { return a + b; },
      [](BID_UINT128 a, BID_UINT128 b, unsigned* flags) { return bid128_add(a, b, 0, flags); });
}

TEST(DecimalDiff, DifferencesHaveTheBitsOfTheLibrary) {
  ExpectSameBits(
      2, [](Decimal a, Decimal b) { return a - b; },
      [](BID_UINT128 a, BID_UINT128 b, unsigned* flags) { return bid128_sub(a, b, 0, flags); });
}

TEST(DecimalDiff, ProductsHaveTheBitsOfTheLibrary) {
  ExpectSameBits(
      3, [](Decimal a, Decimal b) { return a * b; },
      [](BID_UINT128 a, BID_UINT128 b, unsigned* flags) { return bid128_mul(a, b, 0, flags); });
}

TEST(DecimalDiff, QuotientsHaveTheBitsOfTheLibrary) {
  ExpectSameBits(
      4, [](Decimal a, Decimal b) { return a / b; },
      [](BID_UINT128 a, BID_UINT128 b, unsigned* flags) { return bid128_div(a, b, 0, flags); });
}

// What most arithmetic is: quotients of short numbers, and sums of those.
TEST(DecimalDiff, SumsOfQuotientsHaveTheBitsOfTheLibrary) {
  constexpr uint64_t kSeed = 10;
  Random random(kSeed);
  const auto next = [&] {
    const uint64_t end = static_cast<uint64_t>(decimal_bid::kPowersOfTen[1 + random.Below(19)]);
    return Access::Pack(random.OneIn(4), random.Below(end),
                        static_cast<int>(random.Between(-4, 0)));
  };
  Decimal sum;
  const int64_t pairs = Pairs();
  for (int64_t i = 0; i < pairs; ++i) {
    const Decimal a = next();
    const Decimal b = next();
    unsigned flags = 0;
    const Decimal quotient = a / b;
    const Decimal want = FromLibrary(bid128_div(ToLibrary(a), ToLibrary(b), 0, &flags));
    if (!want.IsFinite()) continue;
    ASSERT_TRUE(SameBits(quotient, want))
        << "seed " << kSeed << " pair " << i << ": " << Describe(a) << " / " << Describe(b);
    const Decimal wanted_sum = FromLibrary(bid128_add(ToLibrary(sum), ToLibrary(want), 0, &flags));
    const Decimal got = sum + quotient;
    ASSERT_TRUE(SameBits(got, wanted_sum)) << "seed " << kSeed << " pair " << i << ": "
                                           << Describe(sum) << " + " << Describe(quotient);
    sum = random.OneIn(5) ? Decimal() : got;
  }
}

// Sums and quotients of which the 35th digit and what follows it is half a unit, or next to it.
TEST(DecimalDiff, HalvesGoToTheEvenNeighbourAsInTheLibrary) {
  using decimal_bid::kPowersOfTen;
  constexpr uint64_t kSeed = 11;
  Random random(kSeed);
  const int64_t pairs = Pairs();
  for (int64_t i = 0; i < pairs; ++i) {
    const UInt128 wide = (static_cast<UInt128>(random.Next()) << 64) | random.Next();
    const UInt128 long_coefficient = kPowersOfTen[33] + wide % (9 * kPowersOfTen[33]);
    const auto drop = static_cast<size_t>(1 + random.Below(33));
    const UInt128 half = 5 * kPowersOfTen[drop - 1];
    UInt128 small = random.Below(3) * kPowersOfTen[drop] + half + random.Below(3);
    if (random.OneIn(2) && small > 1) --small;
    const auto exponent = static_cast<int>(random.Between(-80, 80));
    const Decimal a =
        Access::Pack(random.OneIn(2), long_coefficient, exponent + static_cast<int>(drop));
    const Decimal b = Access::Pack(random.OneIn(2), small % Access::kCoefficientEnd, exponent);
    unsigned flags = 0;
    ASSERT_TRUE(SameBits(a + b, FromLibrary(bid128_add(ToLibrary(a), ToLibrary(b), 0, &flags))))
        << "seed " << kSeed << " pair " << i << ": " << Describe(a) << " + " << Describe(b);
    // An odd number by a small power of two ends in 5.
    const Decimal by = Access::Pack(false, UInt128{1} << random.Between(1, 12), 0);
    const Decimal odd = Access::Pack(random.OneIn(2), long_coefficient | 1, exponent);
    ASSERT_TRUE(
        SameBits(odd / by, FromLibrary(bid128_div(ToLibrary(odd), ToLibrary(by), 0, &flags))))
        << "seed " << kSeed << " pair " << i << ": " << Describe(odd) << " / " << Describe(by);
  }
}

TEST(DecimalDiff, ModuloIsTheFloorOfTheExactQuotient) {
  constexpr uint64_t kSeed = 9;
  Operands operands(kSeed);
  const int64_t pairs = Pairs() / 10;  // far exponents take microseconds
  for (int64_t i = 0; i < pairs; ++i) {
    const Decimal a = operands.Next();
    const Decimal b = operands.NextTo(a);
    const Decimal got = Decimal::Modulo(a, b);
    if (!a.IsFinite() || !b.IsFinite() || b.IsZero()) {
      ASSERT_FALSE(got.IsFinite());
      continue;
    }
    unsigned flags = 0;
    BID_UINT128 want = bid128_fmod(ToLibrary(a), ToLibrary(b), &flags);
    if (!bid128_isZero(want) && FromLibrary(want).IsNegative() != b.IsNegative()) {
      want = bid128_add(want, ToLibrary(b), 0, &flags);
    }
    ASSERT_EQ(got, FromLibrary(want)) << "seed " << kSeed << " pair " << i << ": " << Describe(a)
                                      << " mod " << Describe(b) << " gives " << Describe(got);
  }
}

TEST(DecimalDiff, OrderAndEqualityAreThoseOfTheLibrary) {
  constexpr uint64_t kSeed = 5;
  Operands operands(kSeed);
  const int64_t pairs = Pairs();
  for (int64_t i = 0; i < pairs; ++i) {
    const Decimal a = operands.Next();
    const Decimal b = operands.NextTo(a);
    unsigned flags = 0;
    const bool finite = a.IsFinite() && b.IsFinite();
    const bool equal = finite && bid128_quiet_equal(ToLibrary(a), ToLibrary(b), &flags) != 0;
    const bool less = finite && bid128_quiet_less(ToLibrary(a), ToLibrary(b), &flags) != 0;
    const bool greater = finite && bid128_quiet_greater(ToLibrary(a), ToLibrary(b), &flags) != 0;
    ASSERT_TRUE((a == b) == equal && (a < b) == less && (a > b) == greater)
        << "seed " << kSeed << " pair " << i << ": " << Describe(a) << " and " << Describe(b);
    if (!finite) continue;
    ASSERT_EQ(a.CanonicalBits() == b.CanonicalBits(), equal)
        << Describe(a) << " and " << Describe(b);
    ASSERT_TRUE(!equal || a.Hash() == b.Hash()) << Describe(a) << " and " << Describe(b);
  }
}

TEST(DecimalDiff, SingleNumbersConvertAsInTheLibrary) {
  constexpr uint64_t kSeed = 6;
  Operands operands(kSeed);
  const int64_t pairs = Pairs();
  for (int64_t i = 0; i < pairs; ++i) {
    const Decimal a = operands.Next();
    const auto raw = static_cast<int64_t>(operands.random().Next());
    ASSERT_TRUE(SameBits(Decimal::FromInt64(raw), FromLibrary(bid128_from_int64(raw))));
    if (!a.IsFinite()) continue;
    unsigned flags = 0;
    const double want = bid128_to_binary64(ToLibrary(a), 0, &flags);
    const double got = a.ToDouble();
    ASSERT_EQ(std::memcmp(&want, &got, sizeof got), 0) << Describe(a);
    ASSERT_TRUE(SameBits(*Decimal::Parse(Describe(a)), a)) << Describe(a);
    const Decimal canonical = a.Canonical();
    ASSERT_TRUE(bid128_quiet_equal(ToLibrary(canonical), ToLibrary(a), &flags)) << Describe(a);
    const auto stored = Decimal::FromCanonicalBits(a.CanonicalBits());
    ASSERT_TRUE(stored && SameBits(*stored, canonical)) << Describe(a);
    const UInt128 bits = (static_cast<UInt128>(Access::High(a)) << 64) | Access::Low(a);
    ASSERT_EQ(Decimal::FromCanonicalBits(bits).has_value(), SameBits(a, canonical)) << Describe(a);
  }
}

TEST(DecimalDiff, TextOfAnyLengthIsRoundedAsInTheLibrary) {
  constexpr uint64_t kSeed = 7;
  Random random(kSeed);
  const int64_t pairs = Pairs() / 10;
  for (int64_t i = 0; i < pairs; ++i) {
    std::string text = random.OneIn(2) ? "-" : "";
    const uint64_t digits = 1 + random.Below(45);
    const uint64_t point = random.Below(2 * digits);
    const uint64_t zeros = random.OneIn(4) ? random.Below(digits) : digits;
    for (uint64_t k = 0; k < digits; ++k) {
      if (k == point) text += '.';
      const char fill = random.OneIn(2) ? '5' : '0';
      text += k >= zeros ? fill : static_cast<char>('0' + random.Below(10));
    }
    const int64_t exponent =
        random.OneIn(2) ? random.Between(-50, 50) : random.Between(-6220, 6150);
    text += "E" + std::to_string(exponent);
    unsigned flags = 0;
    const Decimal want = FromLibrary(bid128_from_string(text.data(), 0, &flags));
    const auto got = Decimal::Parse(text);
    const bool vanished = want.IsZero() && text.find_first_of("123456789") < text.find('E');
    if (!want.IsFinite() || vanished) {
      ASSERT_FALSE(got.has_value()) << text;
      continue;
    }
    ASSERT_TRUE(got && SameBits(*got, want))
        << text << " gives " << Describe(*got) << ", not " << Describe(want);
  }
}

TEST(DecimalDiff, RoundingToAScaleAgreesWithQuantize) {
  constexpr uint64_t kSeed = 8;
  Operands operands(kSeed);
  const int64_t pairs = Pairs();
  constexpr std::array<std::pair<Rounding, unsigned>, 5> kModes = {{{Rounding::kHalfEven, 0},
                                                                    {Rounding::kFloor, 1},
                                                                    {Rounding::kCeiling, 2},
                                                                    {Rounding::kDown, 3},
                                                                    {Rounding::kHalfUp, 4}}};
  for (int64_t i = 0; i < pairs; ++i) {
    const Decimal a = operands.Next();
    if (!a.IsFinite()) continue;
    const auto scale = static_cast<int>(
        std::clamp<int64_t>(-Access::Exponent(a) + operands.random().Between(-40, 20),
                            -Decimal::kExponentMax, -Decimal::kExponentMin));
    const auto [rounding, mode] = kModes[operands.random().Below(kModes.size())];
    unsigned flags = 0;
    const Decimal quantum = Access::Pack(false, 1, -scale);
    const Decimal want =
        FromLibrary(bid128_quantize(ToLibrary(a), ToLibrary(quantum), mode, &flags));
    const Decimal got = a.Rounded(scale, rounding);
    if (!want.IsFinite()) {
      ASSERT_TRUE(SameBits(got, a)) << "seed " << kSeed << ": " << Describe(a) << " at " << scale;
    } else {
      ASSERT_TRUE(SameBits(got, want)) << "seed " << kSeed << ": " << Describe(a) << " at " << scale
                                       << " gives " << Describe(got) << ", not " << Describe(want);
    }
  }
}

TEST(DecimalDiff, WholePowersAgreeWithTheWayByTheLogarithm) {
  constexpr uint64_t kSeed = 9;
  Random random(kSeed);
  const int64_t pairs = Pairs() / 5;
  for (int64_t i = 0; i < pairs; ++i) {
    // Growth factors (1.0042), prices, and everything up to 34 digits.
    const auto digits = 1 + random.Below(random.OneIn(2) ? 8 : 34);
    UInt128 coefficient = (UInt128{random.Next()} << 64 | random.Next()) %
                          decimal_bid::kPowersOfTen[static_cast<size_t>(digits)];
    int64_t exponent = random.Between(-40, 10);
    if (random.OneIn(2)) {
      coefficient += decimal_bid::kPowersOfTen[std::min<size_t>(digits + 1, 33)];
      exponent = -static_cast<int64_t>(std::min<size_t>(digits + 1, 33));
    }
    const Decimal base = Access::Pack(false, coefficient % (Access::kCoefficientEnd - 1) + 1,
                                      static_cast<int>(exponent));
    if (base == Decimal::FromInt64(1)) continue;
    const int64_t bound = random.OneIn(8) ? 1'100'000 : random.OneIn(2) ? 400 : 12;
    const int64_t power = random.Between(-bound, bound);
    if (power == 0) continue;
    const Decimal got = Decimal::Power(base, Decimal::FromInt64(power));
    const Decimal want = decimal_bid::PowerByLogarithm(base, Decimal::FromInt64(power));
    // Exact products are rounded from themselves, ties to even, which a logarithm cannot see.
    const UInt128 factor = Access::Coefficient(base.Canonical());
    UInt128 product = 1;
    bool fits = true;
    for (int64_t n = 0; n < std::abs(power) && fits && factor != 1; ++n) {
      fits = !__builtin_mul_overflow(product, factor, &product);
    }
    if (fits) continue;
    const bool is_exact = got.IsFinite() && Access::Coefficient(got) < Access::kCoefficientEnd / 10;
    const bool same = SameBits(got, want) || (is_exact && got == want);
    ASSERT_TRUE(same) << "seed " << kSeed << ": " << Describe(base) << " ** " << power << " gives "
                      << Describe(got) << ", not " << Describe(want);
  }
}

}  // namespace
}  // namespace credence
