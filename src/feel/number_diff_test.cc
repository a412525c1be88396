// The short way of comparing numbers against decimal128 arithmetic itself, for every pair.

#include <gtest/gtest.h>

#include <random>

#include "src/feel/number.h"

namespace credence::feel {
namespace {

constexpr uint64_t kSeed = 20240229;
constexpr int kPairs = 10'000'000;

constexpr UInt128 kCoefficientMax =
    static_cast<UInt128>(100'000'000'000'000'000U) * 100'000'000'000'000'000U - 1;

// Numbers as they come up, and those at the edges of the short ways.
class Operands {
 public:
  explicit Operands(uint64_t seed) : random_(seed) {}

  Value Next() {
    const uint64_t r = random_();
    const int exponent = Exponent((r >> 8) % 16);
    switch (r % 16) {
      case 0:
        return Value::Integer(0);
      case 1:
        return Make(0, exponent, r >> 63 != 0);
      case 2:  // a cohort: trailing zeros
        return Make(random_() % 1000 * 1'000'000, exponent - 6, r >> 63 != 0);
      case 3:  // 64 bits, full
        return Make(random_(), exponent, r >> 63 != 0);
      case 4:  // 34 digits
        return Make((static_cast<UInt128>(random_()) * random_()) % (kCoefficientMax + 1), exponent,
                    r >> 63 != 0);
      case 5:  // next to 10^34
        return Make(kCoefficientMax - random_() % 10, exponent, r >> 63 != 0);
      case 6:  // next to 2^64
        return Make((static_cast<UInt128>(1) << 64) - 3 + random_() % 6, exponent, r >> 63 != 0);
      case 7:
        return Make(random_() % 100'000, random_() % 2 != 0 ? 6111 : -6176, r >> 63 != 0);
      default:
        return Make(random_() % 10'000'000, exponent, r >> 63 != 0);
    }
  }

 private:
  static int Exponent(uint64_t pick) {
    static constexpr int kExponents[] = {0,  0,  0, -1, -2, -2,  -2, -3,
                                         -4, -6, 1, 2,  5,  -14, 14, -20};
    return kExponents[pick];
  }
  static Value Make(UInt128 coefficient, int exponent, bool negative) {
    return number_internal::Encode(negative, coefficient, exponent);
  }
  std::mt19937_64 random_;
};

TEST(Numbers, OrderIsThatOfDecimal128) {
  Operands operands(kSeed);
  for (int i = 0; i < kPairs; ++i) {
    const Value a = operands.Next();
    const Value b = operands.Next();
    const auto exact = a.number() <=> b.number();
    const auto fast = CompareNumbers(a, b);
    ASSERT_TRUE((exact < 0) == (fast < 0) && (exact == 0) == (fast == 0))
        << "pair " << i << " of seed " << kSeed << ": " << a.number().ToString() << " and "
        << b.number().ToString();
  }
}

TEST(Numbers, EqualNumbersOfACohortHashAlike) {
  Operands operands(kSeed);
  for (int i = 0; i < 100'000; ++i) {
    const Value a = operands.Next();
    const Value same = Value::Number(a.number().Canonical());
    ASSERT_EQ(Equals(a, same), Ternary::kTrue);
    ASSERT_EQ(Hash(a), Hash(same)) << a.number().ToString();
  }
}

}  // namespace
}  // namespace credence::feel
