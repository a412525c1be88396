#pragma once
// Draws for the market, in integers: a libm that differs by a bit between machines must not change
// a stream of events.

#include <algorithm>
#include <bit>
#include <cstdint>

#include "src/base/int128.h"
#include "src/base/random.h"

namespace credence::sim {

[[nodiscard]] inline bool Chance(Random& random, uint32_t permille) {
  return random.Below(1000) < permille;
}

// Exponential waiting time with this mean: -log2 of a uniform number, its mantissa by a straight
// line (within 9 % of a bit), times ln 2.
[[nodiscard]] inline int64_t Exponential(Random& random, int64_t mean) {
  const uint64_t uniform = random.Next() | 1;
  const int zeros = std::countl_zero(uniform);
  const uint64_t fraction = zeros >= 63 ? 0 : (uniform << (zeros + 1)) >> 48;
  const int64_t bits = (static_cast<int64_t>(zeros + 1) << 16) - static_cast<int64_t>(fraction);
  constexpr int64_t kLn2 = 45'426;  // * 2^16
  return static_cast<int64_t>((static_cast<Int128>(mean) * bits * kLn2) >> 32);
}

// `middle` times two to the power of a bell-shaped number (four uniforms) with this deviation, in
// thousandths of an octave. At least 1 for a positive middle.
[[nodiscard]] inline int64_t Spread(Random& random, int64_t middle, int64_t milli_octaves) {
  constexpr int64_t kDeviation = 37'837;  // of the sum of four numbers below 2^16
  const uint64_t word = random.Next();
  int64_t sum = -2 * 65'535;
  for (int i = 0; i < 4; ++i) sum += static_cast<int64_t>((word >> (16 * i)) & 0xFFFF);
  const int64_t octaves = sum * milli_octaves * 65'536 / 1000 / kDeviation;  // * 2^16
  const int64_t whole = octaves >> 16;
  const int64_t part = octaves & 0xFFFF;
  const int64_t value = static_cast<int64_t>((static_cast<Int128>(middle) * (65'536 + part)) >> 16);
  return std::max<int64_t>(1, whole >= 0 ? value << whole : value >> -whole);
}

// Spreads the bits of a number so that names made from it tell nothing; different numbers stay
// different (the finisher of SplitMix64).
[[nodiscard]] inline uint64_t MixBits(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31);
}

}  // namespace credence::sim
