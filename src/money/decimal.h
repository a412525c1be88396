#pragma once
// Decimal: an IEEE 754-2008 decimal128 number (34 significant digits, exponent -6176..6111), by
// value. Arithmetic rounds half to even in the last of the 34 digits. There are no traps: an
// operation without a finite result gives a non-finite Decimal, which callers test with IsFinite()
// (FEEL turns it into null).
//
// Equality and order are numeric: 1, 1.0 and 1.00 are equal although their bits differ (cohorts),
// and -0 equals 0. Hash() and the stored form are those of the canonical member of the cohort.

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "src/base/int128.h"
#include "src/money/rounding.h"

namespace credence {

class Decimal {
 public:
  static constexpr int kDigitsMax = 34;
  static constexpr int kExponentMin = -6176;
  static constexpr int kExponentMax = 6111;

  constexpr Decimal() : bits_{0, 0x3040000000000000U} {}  // 0
  static Decimal FromInt64(int64_t value);
  // coefficient x 10^exponent, rounded half even to 34 digits.
  static Decimal FromScaled(Int128 coefficient, int exponent);
  // The shortest decimal that reads back as the same double (at most 17 digits).
  static Decimal FromDouble(double value);
  // Digits with an optional sign, one optional point and an optional exponent ("-12.50", ".5",
  // "1e-3"). Nothing for any other text, for white space, and for a magnitude out of range. More
  // than 34 significant digits are rounded half even.
  static std::optional<Decimal> Parse(std::string_view text);

  [[nodiscard]] bool IsFinite() const;
  [[nodiscard]] bool IsZero() const;
  [[nodiscard]] bool IsNegative() const;  // false for 0 and -0
  [[nodiscard]] bool IsInteger() const;

  friend Decimal operator+(Decimal a, Decimal b);
  friend Decimal operator-(Decimal a, Decimal b);
  friend Decimal operator*(Decimal a, Decimal b);
  friend Decimal operator/(Decimal a, Decimal b);  // not finite when b is 0
  Decimal operator-() const;
  [[nodiscard]] Decimal Abs() const;

  // Numeric. Both sides must be finite (a non-finite number equals nothing and orders as
  // unordered).
  friend bool operator==(Decimal a, Decimal b);
  friend std::partial_ordering operator<=>(Decimal a, Decimal b);
  // The same where both are known to be finite.
  static std::strong_ordering CompareFinite(Decimal a, Decimal b);

  // Rounded to `scale` digits after the point (may be negative: 1234 at -2 is 1200), and held at
  // that scale where it fits: 1.5 at 2 is held as 1.50. A number that needs no rounding but whose
  // zeros would take it beyond 34 digits stays as it is. Not finite only above the range (1 at
  // -7000, rounded up).
  [[nodiscard]] Decimal Rounded(int scale, Rounding rounding) const;
  [[nodiscard]] Decimal Floor() const;
  [[nodiscard]] Decimal Ceiling() const;
  // a - b * floor(a / b) for the exact quotient: the sign is that of b (DMN 1.5, 10.3.4.5). Exact
  // where the result fits 34 digits, else rounded once (-1 modulo 1e40). Not finite when b is 0.
  static Decimal Modulo(Decimal a, Decimal b);
  // Square roots are correctly rounded. The others are computed with 256 bits after the point and
  // rounded once: within 0.51 units of the 34th digit, and the same bits everywhere. (Of 27,000
  // random arguments, none was found that is not correctly rounded.)
  [[nodiscard]] Decimal SquareRoot() const;
  [[nodiscard]] Decimal Exp() const;
  [[nodiscard]] Decimal Log() const;  // natural
  // Integer exponents up to 999,999,999 are exact where the result fits 34 digits. x^0 is 1 for
  // every finite x; not finite for 0 to a negative exponent and for a negative base with a fraction
  // as exponent.
  static Decimal Power(Decimal base, Decimal exponent);

  // The value if it is an integer in range.
  [[nodiscard]] std::optional<int64_t> ToInt64() const;
  // coefficient so that value = coefficient x 10^-scale, if that is exact and fits.
  [[nodiscard]] std::optional<Int128> ToScaled(int scale) const;
  [[nodiscard]] double ToDouble() const;
  // Plain digits, never an exponent, no trailing zeros after the point, no "-0": "12.5", "1200",
  // "0".
  [[nodiscard]] std::string ToString() const;
  // Plain digits with the number's own trailing zeros ("12.50").
  [[nodiscard]] std::string ToStringKeepingScale() const;
  // Digits after the point as the number is held (12.50 has 2, 1E3 has 0).
  [[nodiscard]] int Scale() const;

  // The member of the cohort with no trailing zeros in the coefficient (0 for all zeros).
  [[nodiscard]] Decimal Canonical() const;
  [[nodiscard]] uint64_t Hash() const;
  // Stored form: the 16 bytes of the canonical member's BID encoding, low word first.
  [[nodiscard]] UInt128 CanonicalBits() const;
  // Bits as CanonicalBits() gave them; nothing for any other pattern (non-canonical, infinite,
  // NaN).
  static std::optional<Decimal> FromCanonicalBits(UInt128 bits);

 private:
  // BID encoding: low and high 64 bits. Aligned to 16 as the library wants it.
  //   high: sign (1 bit), exponent + 6176 (14 bits), coefficient / 2^64 (49 bits); low: the rest.
  // High words whose exponent field is 3 x 2^12 or more are infinities and NaNs: every finite
  // Decimal has a canonical BID pattern, with a coefficient below 10^34.
  struct alignas(16) Bits {
    uint64_t low;
    uint64_t high;
  };
  constexpr explicit Decimal(Bits bits) : bits_(bits) {}
  friend struct DecimalAccess;

  static constexpr uint64_t kSignBit = uint64_t{1} << 63;
  static constexpr uint64_t kCoefficientHighMask = (uint64_t{1} << 49) - 1;
  static constexpr uint64_t kNotFinite = uint64_t{3} << 61;  // least magnitude that is not finite
  static constexpr int kExponentShift = 49;
  static constexpr int kBiasedExponentMax = kExponentMax - kExponentMin;
  static constexpr UInt128 kCoefficientEnd =
      UInt128{10'000'000'000'000'000U} * UInt128{1'000'000'000'000'000'000U};  // 10^34

  // Finite, with a coefficient of at most 64 bits.
  [[nodiscard]] bool IsShort() const {
    return (bits_.high & kCoefficientHighMask) == 0 && (bits_.high & ~kSignBit) < kNotFinite;
  }
  [[nodiscard]] static bool SameExponent(Decimal a, Decimal b) {
    return ((a.bits_.high ^ b.bits_.high) & ~(kSignBit | kCoefficientHighMask)) == 0;
  }
  [[nodiscard]] int BiasedExponent() const {
    return static_cast<int>((bits_.high & ~kSignBit) >> kExponentShift);
  }
  // The coefficient with the sign of a short number.
  [[nodiscard]] Int128 SignedShort() const {
    const auto magnitude = static_cast<Int128>(bits_.low);
    return (bits_.high & kSignBit) != 0 ? -magnitude : magnitude;
  }

  // The general cases, out of line.
  static Decimal AddGeneral(Decimal a, Decimal b);
  static Decimal MultiplyGeneral(Decimal a, Decimal b);
  static Decimal DivideGeneral(Decimal a, Decimal b);
  static bool EqualsGeneral(Decimal a, Decimal b);
  static std::partial_ordering CompareGeneral(Decimal a, Decimal b);
  // Of a number that ends in zeros.
  [[nodiscard]] Decimal WithoutZeros() const;

  Bits bits_;
};
static_assert(sizeof(Decimal) == 16);

// The short cases below give the bits that the general ones give; decimal_diff_test.cc holds them
// to it.

inline Decimal Decimal::FromInt64(int64_t value) {
  const uint64_t sign = value < 0 ? kSignBit : 0;
  const auto raw = static_cast<uint64_t>(value);
  return Decimal(Bits{value < 0 ? -raw : raw, sign | (uint64_t{6176} << kExponentShift)});
}

inline bool Decimal::IsFinite() const { return (bits_.high & ~kSignBit) < kNotFinite; }

inline bool Decimal::IsZero() const {
  return bits_.low == 0 && (bits_.high & kCoefficientHighMask) == 0 && IsFinite();
}

inline bool Decimal::IsNegative() const {
  return (bits_.high & kSignBit) != 0 && IsFinite() && !IsZero();
}

inline Decimal Decimal::operator-() const {
  return Decimal(Bits{bits_.low, bits_.high ^ kSignBit});
}

inline Decimal Decimal::Abs() const { return Decimal(Bits{bits_.low, bits_.high & ~kSignBit}); }

inline Decimal operator+(Decimal a, Decimal b) {
  // Of one sign and exponent: the sum keeps both (so that -0 is the sum of two of them, IEEE 754,
  // 6.3).
  if (a.bits_.high == b.bits_.high && a.IsShort()) [[likely]] {
    const uint64_t low = a.bits_.low + b.bits_.low;
    return Decimal(Decimal::Bits{low, a.bits_.high + (low < b.bits_.low ? 1 : 0)});
  }
  return Decimal::AddGeneral(a, b);
}

inline Decimal operator-(Decimal a, Decimal b) { return a + -b; }

inline Decimal operator*(Decimal a, Decimal b) {
  if (a.IsShort() && b.IsShort()) [[likely]] {
    const UInt128 product = static_cast<UInt128>(a.bits_.low) * b.bits_.low;
    const int exponent = a.BiasedExponent() + b.BiasedExponent() + Decimal::kExponentMin;
    if (product < Decimal::kCoefficientEnd && exponent >= 0 &&
        exponent <= Decimal::kBiasedExponentMax) [[likely]] {
      return Decimal(
          Decimal::Bits{static_cast<uint64_t>(product),
                        ((a.bits_.high ^ b.bits_.high) & Decimal::kSignBit) |
                            (static_cast<uint64_t>(exponent) << Decimal::kExponentShift) |
                            static_cast<uint64_t>(product >> 64)});
    }
  }
  return Decimal::MultiplyGeneral(a, b);
}

inline Decimal operator/(Decimal a, Decimal b) { return Decimal::DivideGeneral(a, b); }

inline Decimal Decimal::Canonical() const {
  if ((bits_.low & 1) != 0) return *this;
  // 2^64 is 1 modulo 5.
  uint64_t folded = bits_.low + (bits_.high & kCoefficientHighMask);
  folded += folded < bits_.low ? 1 : 0;
  return folded % 5 != 0 ? *this : WithoutZeros();
}

inline bool operator==(Decimal a, Decimal b) {
  if (a.IsShort() && b.IsShort() && Decimal::SameExponent(a, b)) [[likely]] {
    return a.bits_.low == b.bits_.low && (a.bits_.high == b.bits_.high || a.bits_.low == 0);
  }
  return Decimal::EqualsGeneral(a, b);
}

inline std::partial_ordering operator<=>(Decimal a, Decimal b) {
  if (a.IsShort() && b.IsShort() && Decimal::SameExponent(a, b)) [[likely]] {
    return a.SignedShort() <=> b.SignedShort();
  }
  return Decimal::CompareGeneral(a, b);
}

}  // namespace credence
