#include "src/base/exact_math.h"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "src/base/exact_math_tables.h"

namespace credence {

namespace {

using exact_math::kLogRows;
using exact_math::kPowersOfTwo;
using exact_math::LogRow;
using exact_math::Pair;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// a + b = high + low exactly (Knuth 1969).
Pair TwoSum(double a, double b) {
  const double sum = a + b;
  const double part = sum - a;
  return {sum, (a - (sum - part)) + (b - part)};
}

// The same where |a| >= |b| (Dekker 1971).
Pair FastTwoSum(double a, double b) {
  const double sum = a + b;
  return {sum, b - (sum - a)};
}

// a x b = high + low exactly, barring overflow and underflow (Veltkamp's splitting, Dekker 1971).
Pair TwoProduct(double a, double b) {
  constexpr double kSplitter = 0x1p27 + 1;
  const double a_scaled = kSplitter * a;
  const double a_high = a_scaled - (a_scaled - a);
  const double a_low = a - a_high;
  const double b_scaled = kSplitter * b;
  const double b_high = b_scaled - (b_scaled - b);
  const double b_low = b - b_high;
  const double product = a * b;
  return {product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low};
}

// 2^power, -1022 <= power <= 1023.
double PowerOfTwo(int power) {
  return std::bit_cast<double>(static_cast<uint64_t>(power + 1023) << 52);
}

// e^x = (high + low) x 2^power with 1 - 2^-7 < high < 2 + 2^-7 and |low| < 2^-52; relative error
// below 2^-59.
struct ScaledExp {
  Pair value;
  int power;
};

// |x| < 746.
ScaledExp ExpPair(double x) {
  // x = n ln2 / 64 + rest; the sum of the first part and n is exact in every step but the last.
  constexpr double kInverse = 0x1.71547652b82fep+6;   // 64 / ln 2
  constexpr double kStepHigh = 0x1.62e42fef80000p-7;  // ln2 / 64, 34 bits
  constexpr double kStepLow = 0x1.1cf79abc9e3b4p-42;
  constexpr double kRound = 0x1.8p52;  // adding it rounds to an integer
  const double n_rounded = (x * kInverse + kRound) - kRound;
  const auto n = static_cast<int>(n_rounded);
  const double above = x - n_rounded * kStepHigh;
  const double below = n_rounded * kStepLow;
  const double rest = above - below;
  const double rest_low = (above - rest) - below;

  const Pair& table = kPowersOfTwo[static_cast<size_t>(n & 63)];
  // e^rest - 1 - rest, |rest| < 0.0055: the first term left out is below 2^-69.
  const double square = rest * rest;
  const double curve =
      square *
      (0.5 + rest * (0x1.5555555555555p-3 +
                     rest * (0x1.5555555555555p-5 +
                             rest * (0x1.1111111111111p-7 + rest * 0x1.6c16c16c16c17p-10))));
  const double tail = table.low + table.high * (rest + (curve + rest_low));
  return {FastTwoSum(table.high, tail), n >> 6};
}

}  // namespace

double ExactExp(double x) {
  if (!(x < 710.0)) return x != x ? x : kInfinity;  // nan stays nan
  if (x < -746.0) return 0.0;
  const auto [value, power] = ExpPair(x);
  if (power > 1023) return value.high * 0x1p1023 * 2.0;
  if (power >= -1021) return value.high * PowerOfTwo(power);
  // Below the normal range the sum is rounded once, at the place of the last subnormal bit: beside
  // 2^e, the last place of a sum is 2^(e - 52). high and low are scaled so that this place is
  // 2^-52.
  const double scale = PowerOfTwo(power + 1022);
  const double high = value.high * scale;
  const double low = value.low * scale;
  if (high >= 1.0) return high * 0x1p-1022;
  const Pair beside_one = FastTwoSum(1.0, high);
  return ((beside_one.high + (beside_one.low + low)) - 1.0) * 0x1p-1022;
}

double ExactLog(double x) {
  uint64_t bits = std::bit_cast<uint64_t>(x);
  int power = 0;
  if (bits - 0x0010000000000000U >= 0x7FE0000000000000U) {  // zero, subnormal, negative, inf, nan
    if (x == 0.0) return -kInfinity;
    if (x != x || x == kInfinity) return x;
    if (x < 0.0) return std::numeric_limits<double>::quiet_NaN();
    bits = std::bit_cast<uint64_t>(x * 0x1p52);
    power = -52;
  }
  // x = 2^power m with m from 0x1.6p-1 to 0x1.6p0, so that the power is 0 around 1.
  constexpr uint64_t kFirstMantissa = 0x3FE6000000000000U;
  const uint64_t offset = bits - kFirstMantissa;
  const auto exponent = static_cast<int64_t>(offset) >> 52;
  power += static_cast<int>(exponent);
  const uint64_t mantissa_bits = bits - (static_cast<uint64_t>(exponent) << 52);
  const LogRow& row = kLogRows[(offset >> 45) & 127];

  // m x inverse = 1 + rest + rest_low exactly: each half of m times ten bits has at most 53.
  const auto mantissa = std::bit_cast<double>(mantissa_bits);
  const auto mantissa_high = std::bit_cast<double>(mantissa_bits & ~uint64_t{0x7FFFFFF});
  const auto [rest, rest_low] =
      TwoSum(mantissa_high * row.inverse - 1.0, (mantissa - mantissa_high) * row.inverse);

  // ln(1 + rest) - rest, |rest| <= 2^-7: the first term left out is below 2^-77.
  const double square = rest * rest;
  const double cubic =
      0x1.5555555555555p-2 -
      rest * (0.25 - rest * (0x1.999999999999ap-3 -
                             rest * (0x1.5555555555555p-3 -
                                     rest * (0x1.2492492492492p-3 -
                                             rest * (0.125 - rest * 0x1.c71c71c71c71cp-4)))));
  const double curve = square * rest * cubic;

  constexpr double kLn2High = 0x1.62e42fefa2000p-1;  // 40 bits: times a power it is exact
  constexpr double kLn2Low = 0x1.9ef35793c7673p-41;
  const double scale = power;
  const Pair first = TwoSum(scale * kLn2High, row.high);
  const Pair second = TwoSum(first.high, rest);
  // The half square is the largest correction: it is added exactly.
  const Pair third = TwoSum(second.high, -0.5 * square);
  const double small = (first.low + second.low) + third.low +
                       ((scale * kLn2Low + row.low) + (rest_low - rest * rest_low) + curve);
  return third.high + small;
}

double ExactLogistic(double x) {
  if (x != x) return x;
  if (x > 45.0) return 1.0;           // 1 - e^-45 rounds to 1
  if (x < -45.0) return ExactExp(x);  // the denominator differs from 1 by less than 2^-64
  const auto [value, power] = ExpPair(x < 0.0 ? x : -x);
  const double scale = PowerOfTwo(power);
  const Pair y = {value.high * scale, value.low * scale};  // e^-|x|
  const Pair numerator = x < 0.0 ? y : Pair{1.0, 0.0};
  const Pair sum = FastTwoSum(1.0, y.high);
  const Pair denominator = {sum.high, sum.low + y.low};
  const double quotient = numerator.high / denominator.high;
  const Pair product = TwoProduct(quotient, denominator.high);
  const double remainder =
      ((numerator.high - product.high) - product.low) + numerator.low - quotient * denominator.low;
  return quotient + remainder / denominator.high;
}

}  // namespace credence
