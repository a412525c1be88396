#pragma once
// A seeded random number generator (xoshiro256**, Blackman and Vigna 2018; seeded by SplitMix64).
// The same seed gives the same numbers on every machine. Not for secrets.

#include <array>
#include <cstdint>

#include "src/base/assert.h"
#include "src/base/int128.h"

namespace credence {

class Random {
 public:
  explicit Random(uint64_t seed) {
    for (uint64_t& word : state_) {
      seed += 0x9E3779B97F4A7C15U;
      uint64_t z = seed;
      z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
      z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
      word = z ^ (z >> 31);
    }
  }

  [[nodiscard]] uint64_t Next() {
    const uint64_t result = RotateLeft(state_[1] * 5, 7) * 9;
    const uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = RotateLeft(state_[3], 45);
    return result;
  }

  // Uniform in [0, bound), without bias (Lemire 2019).
  [[nodiscard]] uint64_t Below(uint64_t bound) {
    CREDENCE_ASSERT(bound > 0);
    UInt128 product = static_cast<UInt128>(Next()) * bound;
    if (static_cast<uint64_t>(product) < bound) {
      const uint64_t threshold = -bound % bound;
      while (static_cast<uint64_t>(product) < threshold) {
        product = static_cast<UInt128>(Next()) * bound;
      }
    }
    return static_cast<uint64_t>(product >> 64);
  }

  // Uniform in [low, high], both included.
  [[nodiscard]] int64_t Between(int64_t low, int64_t high) {
    const uint64_t span = static_cast<uint64_t>(high) - static_cast<uint64_t>(low);
    const uint64_t offset = span == UINT64_MAX ? Next() : Below(span + 1);
    return static_cast<int64_t>(static_cast<uint64_t>(low) + offset);
  }

  // Uniform in [0, 1), 53 bits.
  [[nodiscard]] double Unit() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }
  [[nodiscard]] bool OneIn(uint64_t n) { return Below(n) == 0; }

 private:
  static uint64_t RotateLeft(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }
  std::array<uint64_t, 4> state_{};
};

}  // namespace credence
