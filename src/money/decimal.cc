#include "src/money/decimal.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <utility>

#include "src/base/digest.h"
#include "src/money/decimal_bid.h"

// By-value calls with rounding mode and flags as arguments: no state is shared between threads.
#define DECIMAL_CALL_BY_REFERENCE 0
#define DECIMAL_GLOBAL_ROUNDING 0
#define DECIMAL_GLOBAL_EXCEPTION_FLAGS 0
extern "C" {
#include <bid_conf.h>
#include <bid_functions.h>
}

namespace credence {

using decimal_bid::CountDigits;
using decimal_bid::kPowersOfTen;
using decimal_bid::PackRounded;
using Access = DecimalAccess;

namespace {

constexpr unsigned kNearestEven = 0;

BID_UINT128 ToLibrary(Decimal d) {
  BID_UINT128 bits;
  bits.w[0] = Access::Low(d);
  bits.w[1] = Access::High(d);
  return bits;
}

Decimal FromLibrary(BID_UINT128 bits) { return Access::Make(bits.w[0], bits.w[1]); }

// Out of line, so that the short paths need no stack frame for the flags.
[[gnu::noinline]] Decimal LibraryAdd(Decimal a, Decimal b) {
  unsigned flags = 0;
  return FromLibrary(bid128_add(ToLibrary(a), ToLibrary(b), kNearestEven, &flags));
}

[[gnu::noinline]] Decimal LibraryDivide(Decimal a, Decimal b) {
  unsigned flags = 0;
  return FromLibrary(bid128_div(ToLibrary(a), ToLibrary(b), kNearestEven, &flags));
}

// Exponents that are further apart are the library's business.
constexpr int kLongGapMax = 34;

// 10^0 .. 10^22, exact.
constexpr std::array<double, 23> kDoublePowersOfTen = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

// Powers of ten in one word.
constexpr int kShortPowerMax = 19;
constexpr std::array<uint64_t, kShortPowerMax + 1> kShortPowers = [] {
  std::array<uint64_t, kShortPowerMax + 1> powers{};
  for (size_t i = 0; i < powers.size(); ++i) powers[i] = static_cast<uint64_t>(kPowersOfTen[i]);
  return powers;
}();

// Powers of ten up to 10^14 take any 64-bit coefficient to less than 2 x 10^33: two of those make a
// sum of at most 34 digits.
constexpr int kShortGapMax = 14;

int CountShortDigits(uint64_t value) {
  const int estimate = ((64 - std::countl_zero(value)) * 1233) >> 12;
  return estimate + (value >= kShortPowers[static_cast<size_t>(estimate)] ? 1 : 0);
}

// One digit of a long division in base 2^64; `high` is below `divisor`.
uint64_t DivideStep(uint64_t high, uint64_t low, uint64_t divisor, uint64_t* remainder) {
#if defined(__x86_64__)
  uint64_t quotient = 0;
  __asm__("divq %4" : "=a"(quotient), "=d"(*remainder) : "a"(low), "d"(high), "rm"(divisor) : "cc");
  return quotient;
#else
  const UInt128 dividend = (static_cast<UInt128>(high) << 64) | low;
  *remainder = static_cast<uint64_t>(dividend % divisor);
  return static_cast<uint64_t>(dividend / divisor);
#endif
}

UInt128 DivideByWord(UInt128 dividend, uint64_t divisor, uint64_t* remainder) {
  const auto high = static_cast<uint64_t>(dividend >> 64);
  const uint64_t upper = high / divisor;
  const uint64_t lower =
      DivideStep(high % divisor, static_cast<uint64_t>(dividend), divisor, remainder);
  return (static_cast<UInt128>(upper) << 64) | lower;
}

// Whether a quotient that leaves this remainder rounds up, half to even; `sticky` as in
// PackRounded.
template <class Word>
bool RoundsUp(UInt128 quotient, Word remainder, Word divisor, bool sticky = false) {
  const Word complement = divisor - remainder;
  return remainder > complement || (remainder == complement && ((quotient & 1) != 0 || sticky));
}

}  // namespace

namespace decimal_bid {

Decimal PackRounded(bool negative, UInt128 coefficient, int64_t exponent, bool sticky) {
  if (coefficient == 0 && !sticky) {
    const auto clamped =
        std::clamp<int64_t>(exponent, Decimal::kExponentMin, Decimal::kExponentMax);
    return Access::Pack(negative, 0, static_cast<int>(clamped));
  }
  const int digits = CountDigits(coefficient);
  const int64_t drop =
      std::max<int64_t>(digits - Decimal::kDigitsMax,
                        exponent < Decimal::kExponentMin ? Decimal::kExponentMin - exponent : 0);
  if (drop > 0) {
    if (drop > 38) return Access::Pack(negative, 0, Decimal::kExponentMin);
    bool up = false;
    if (drop <= kShortPowerMax) {
      const uint64_t divisor = kShortPowers[static_cast<size_t>(drop)];
      uint64_t remainder = 0;
      coefficient = DivideByWord(coefficient, divisor, &remainder);
      up = RoundsUp(coefficient, remainder, divisor, sticky);
    } else {
      const UInt128 divisor = kPowersOfTen[static_cast<size_t>(drop)];
      const UInt128 remainder = coefficient % divisor;
      coefficient /= divisor;
      up = RoundsUp(coefficient, remainder, divisor, sticky);
    }
    coefficient += up ? 1 : 0;
    exponent += drop;
    if (coefficient == Access::kCoefficientEnd) {
      coefficient /= 10;
      ++exponent;
    }
  }
  if (exponent > Decimal::kExponentMax) {
    const int64_t pad = exponent - Decimal::kExponentMax;
    if (pad > Decimal::kDigitsMax - CountDigits(coefficient)) return Access::Infinity(negative);
    coefficient *= kPowersOfTen[static_cast<size_t>(pad)];
    exponent = Decimal::kExponentMax;
  }
  return Access::Pack(negative, coefficient, static_cast<int>(exponent));
}

Decimal LibraryLog(Decimal x) {
  unsigned flags = 0;
  return FromLibrary(bid128_log(ToLibrary(x), kNearestEven, &flags));
}

}  // namespace decimal_bid

Decimal Decimal::FromScaled(Int128 coefficient, int exponent) {
  const bool negative = coefficient < 0;
  const UInt128 magnitude =
      negative ? -static_cast<UInt128>(coefficient) : static_cast<UInt128>(coefficient);
  if (magnitude < kCoefficientEnd && exponent >= kExponentMin && exponent <= kExponentMax) {
    return Access::Pack(negative, magnitude, exponent);
  }
  return PackRounded(negative, magnitude, exponent);
}

bool Decimal::IsInteger() const {
  if (!IsFinite()) return false;
  const int exponent = Access::Exponent(*this);
  const UInt128 coefficient = Access::Coefficient(*this);
  if (exponent >= 0 || coefficient == 0) return true;
  return exponent > -kDigitsMax && coefficient % kPowersOfTen[static_cast<size_t>(-exponent)] == 0;
}

namespace {

// Of finite numbers; the exponent of `a` is `gap` above that of `b`. Both are brought to the
// smaller exponent, as far as 38 digits reach, and rounded once.
[[gnu::noinline]] Decimal AddLong(Decimal a, Decimal b, int gap) {
  UInt128 left = Access::Coefficient(a);
  UInt128 right = Access::Coefficient(b);
  const bool left_negative = Access::Sign(a);
  const bool right_negative = Access::Sign(b);
  int exponent = Access::Exponent(b);
  bool sticky = false;
  constexpr int kRoomMin = 38 - Decimal::kDigitsMax;
  if (gap <= kRoomMin || gap + CountDigits(left) <= 38) {
    left *= kPowersOfTen[static_cast<size_t>(gap)];
  } else {
    const int room = 38 - CountDigits(left);
    const int cut = gap - room;
    left *= kPowersOfTen[static_cast<size_t>(room)];
    const UInt128 divisor = kPowersOfTen[static_cast<size_t>(cut)];
    const UInt128 kept = right / divisor;
    sticky = kept * divisor != right;
    right = kept;
    exponent += cut;
  }
  bool negative = left_negative;
  if (left_negative == right_negative) {
    left += right;
  } else {
    // Where something was cut off `left` has 38 digits: it is the greater by far, and keeps 37.
    if (sticky) ++right;
    if (left == right) return Access::Pack(false, 0, exponent);
    negative = left > right ? left_negative : right_negative;
    left = left > right ? left - right : right - left;
  }
  if (left < Access::kCoefficientEnd) return Access::Pack(negative, left, exponent);
  return PackRounded(negative, left, exponent, sticky);
}

}  // namespace

Decimal Decimal::AddGeneral(Decimal a, Decimal b) {
  const int gap = a.BiasedExponent() - b.BiasedExponent();
  if (a.IsShort() && b.IsShort() && gap <= kShortGapMax && gap >= -kShortGapMax) {
    // One of the two factors is 1. Without a swap there is no branch to mispredict.
    const UInt128 left =
        static_cast<UInt128>(a.bits_.low) * kShortPowers[static_cast<size_t>(std::max(gap, 0))];
    const UInt128 right =
        static_cast<UInt128>(b.bits_.low) * kShortPowers[static_cast<size_t>(std::max(-gap, 0))];
    const Int128 left_mask = -static_cast<Int128>(a.bits_.high >> 63);
    const Int128 right_mask = -static_cast<Int128>(b.bits_.high >> 63);
    const Int128 sum = (static_cast<Int128>(left) ^ left_mask) - left_mask +
                       (static_cast<Int128>(right) ^ right_mask) - right_mask;
    const Int128 sum_mask = sum >> 127;
    const auto magnitude = static_cast<UInt128>((sum ^ sum_mask) - sum_mask);
    const uint64_t zero_sign = magnitude == 0 ? a.bits_.high & b.bits_.high & kSignBit : 0;
    const uint64_t sign = (static_cast<uint64_t>(sum_mask) & kSignBit) | zero_sign;
    const auto exponent = static_cast<uint64_t>(std::min(a.BiasedExponent(), b.BiasedExponent()));
    return Decimal(
        Bits{static_cast<uint64_t>(magnitude),
             sign | (exponent << kExponentShift) | static_cast<uint64_t>(magnitude >> 64)});
  }
  if (gap <= kLongGapMax && gap >= -kLongGapMax && a.IsFinite() && b.IsFinite()) {
    return gap >= 0 ? AddLong(a, b, gap) : AddLong(b, a, -gap);
  }
  return LibraryAdd(a, b);
}

Decimal Decimal::MultiplyGeneral(Decimal a, Decimal b) {
  unsigned flags = 0;
  return FromLibrary(bid128_mul(ToLibrary(a), ToLibrary(b), kNearestEven, &flags));
}

namespace {

// Takes zeros from the end of `coefficient`, which is not 0, at most `zeros_max`; returns how many.
int StripZeros(UInt128* coefficient, int zeros_max) {
  int stripped = 0;
  if ((*coefficient >> 64) != 0) {
    for (const int step : {16, 16, 8, 4, 2, 1}) {
      // 10^step is a multiple of 2^step.
      if ((static_cast<uint64_t>(*coefficient) & ((uint64_t{1} << step) - 1)) != 0) continue;
      if (zeros_max - stripped < step) continue;
      uint64_t remainder = 0;
      const UInt128 quotient =
          DivideByWord(*coefficient, kShortPowers[static_cast<size_t>(step)], &remainder);
      if (remainder != 0) continue;
      *coefficient = quotient;
      stripped += step;
    }
    return stripped;
  }
  auto small = static_cast<uint64_t>(*coefficient);
  while (stripped < zeros_max && small % 10 == 0) {
    small /= 10;
    ++stripped;
  }
  *coefficient = small;
  return stripped;
}

struct Quotient {
  UInt128 coefficient;
  int shift;  // the value is coefficient / 10^shift
};

// The shift that leaves 34 digits of dividend / divisor: brought to one number of digits, they say
// whether the quotient begins before or behind the point.
int ShiftOf(UInt128 dividend, UInt128 divisor) {
  const int gap = CountDigits(divisor) - CountDigits(dividend);
  const bool larger = gap >= 0 ? dividend * kPowersOfTen[static_cast<size_t>(gap)] >= divisor
                               : dividend >= divisor * kPowersOfTen[static_cast<size_t>(-gap)];
  return Decimal::kDigitsMax + gap - (larger ? 1 : 0);
}

// Rounded half even, or, where the quotient is exact, the member of its cohort whose shift is
// nearest to 0 from above (IEEE 754, 5.4.1). `quotient` has 34 digits.
template <class Word>
Quotient Finished(UInt128 quotient, int shift, Word remainder, Word divisor) {
  if (remainder == 0) {
    shift -= StripZeros(&quotient, shift);
  } else if (RoundsUp(quotient, remainder, divisor) && ++quotient == Access::kCoefficientEnd) {
    return {quotient / 10, shift - 1};
  }
  return {quotient, shift};
}

// 10^38 is the greatest power at hand; where a shift is beyond it the dividend has room for the
// rest.
constexpr int kPowerMax = 38;

// dividend / divisor, neither of them 0.
Quotient DivideShort(uint64_t dividend, uint64_t divisor) {
  const uint64_t whole = dividend / divisor;
  const uint64_t rest = dividend % divisor;
  if (rest == 0) return {whole, 0};
  // A few digits first, since quotients of short numbers are often exact.
  constexpr int kFewDigits = 4;
  constexpr auto kFew = static_cast<uint64_t>(kPowersOfTen[kFewDigits]);
  constexpr uint64_t kFewMax = UINT64_MAX / kFew;
  if (rest <= kFewMax && whole < kFewMax && rest * kFew % divisor == 0) {
    UInt128 quotient = whole * kFew + rest * kFew / divisor;
    const int stripped = StripZeros(&quotient, kFewDigits);
    return {quotient, kFewDigits - stripped};
  }
  const int shift =
      whole != 0 ? Decimal::kDigitsMax - CountShortDigits(whole) : ShiftOf(dividend, divisor);
  const int more = shift > kPowerMax ? shift - kPowerMax : 0;
  const UInt128 power = kPowersOfTen[static_cast<size_t>(shift - more)];
  const uint64_t scaled = dividend * static_cast<uint64_t>(kPowersOfTen[static_cast<size_t>(more)]);
  const UInt128 low = static_cast<UInt128>(scaled) * static_cast<uint64_t>(power);
  const UInt128 high =
      static_cast<UInt128>(scaled) * static_cast<uint64_t>(power >> 64) + (low >> 64);
  // A quotient of 34 digits fits 128 bits, so the top word is below the divisor.
  auto remainder = static_cast<uint64_t>(high >> 64);
  const uint64_t upper = DivideStep(remainder, static_cast<uint64_t>(high), divisor, &remainder);
  const uint64_t lower = DivideStep(remainder, static_cast<uint64_t>(low), divisor, &remainder);
  return Finished((static_cast<UInt128>(upper) << 64) | lower, shift, remainder, divisor);
}

// One digit of a long division in base 2^64 by a divisor of two digits whose top bit is set (Knuth,
// The Art of Computer Programming 2, 4.3.1 D). `*remainder`, below the divisor, goes before `low`.
uint64_t DivideStep2(UInt128* remainder, uint64_t low, UInt128 divisor) {
  const auto top = static_cast<uint64_t>(divisor >> 64);
  const auto bottom = static_cast<uint64_t>(divisor);
  const auto high = static_cast<uint64_t>(*remainder >> 64);
  const auto middle = static_cast<uint64_t>(*remainder);
  uint64_t quotient = UINT64_MAX;
  uint64_t rest = middle + top;  // where high = top
  bool exceeds = rest < top;     // beyond 64 bits: the guess is right
  if (high != top) {
    quotient = DivideStep(high, middle, top, &rest);
    exceeds = false;
  }
  UInt128 product = static_cast<UInt128>(quotient) * bottom;
  while (!exceeds && product > ((static_cast<UInt128>(rest) << 64) | low)) {
    --quotient;
    product -= bottom;
    rest += top;
    exceeds = rest < top;
  }
  *remainder = ((static_cast<UInt128>(rest) << 64) | low) - product;
  return quotient;
}

// dividend / divisor, neither of them 0, both below 10^34.
[[gnu::noinline]] Quotient DivideLong(UInt128 dividend, UInt128 divisor) {
  if (dividend == divisor) return {1, 0};
  const int shift = ShiftOf(dividend, divisor);
  const int more = shift > kPowerMax ? shift - kPowerMax : 0;
  const UInt128 power = kPowersOfTen[static_cast<size_t>(shift - more)];
  const UInt128 scaled = dividend * kPowersOfTen[static_cast<size_t>(more)];
  // The product of the two, in words.
  const auto a0 = static_cast<uint64_t>(scaled);
  const auto a1 = static_cast<uint64_t>(scaled >> 64);
  const auto b0 = static_cast<uint64_t>(power);
  const auto b1 = static_cast<uint64_t>(power >> 64);
  const UInt128 low = static_cast<UInt128>(a0) * b0;
  const UInt128 cross = static_cast<UInt128>(a0) * b1;
  const UInt128 other = static_cast<UInt128>(a1) * b0;
  const UInt128 middle = (low >> 64) + static_cast<uint64_t>(cross) + static_cast<uint64_t>(other);
  UInt128 high = static_cast<UInt128>(a1) * b1 + (cross >> 64) + (other >> 64) + (middle >> 64);
  UInt128 under = (middle << 64) | static_cast<uint64_t>(low);
  if ((divisor >> 64) == 0) {
    const auto by = static_cast<uint64_t>(divisor);
    auto remainder = static_cast<uint64_t>(high);  // the quotient fits 128 bits
    const uint64_t upper =
        DivideStep(remainder, static_cast<uint64_t>(under >> 64), by, &remainder);
    const uint64_t lower = DivideStep(remainder, static_cast<uint64_t>(under), by, &remainder);
    return Finished((static_cast<UInt128>(upper) << 64) | lower, shift, remainder, by);
  }
  const int zeros = std::countl_zero(static_cast<uint64_t>(divisor >> 64));
  divisor <<= zeros;
  if (zeros > 0) {
    high = (high << zeros) | (under >> (128 - zeros));
    under <<= zeros;
  }
  UInt128 remainder = high;
  const uint64_t upper = DivideStep2(&remainder, static_cast<uint64_t>(under >> 64), divisor);
  const uint64_t lower = DivideStep2(&remainder, static_cast<uint64_t>(under), divisor);
  return Finished((static_cast<UInt128>(upper) << 64) | lower, shift, remainder, divisor);
}

}  // namespace

Decimal Decimal::DivideGeneral(Decimal a, Decimal b) {
  if (a.IsFinite() && b.IsFinite() && !a.IsZero() && !b.IsZero()) {
    const auto [coefficient, shift] =
        a.IsShort() && b.IsShort() ? DivideShort(a.bits_.low, b.bits_.low)
                                   : DivideLong(Access::Coefficient(a), Access::Coefficient(b));
    const int exponent = Access::Exponent(a) - Access::Exponent(b) - shift;
    if (exponent >= kExponentMin && exponent <= kExponentMax) {
      return Access::Pack(Access::Sign(a) != Access::Sign(b), coefficient, exponent);
    }
  }
  return LibraryDivide(a, b);
}

bool Decimal::EqualsGeneral(Decimal a, Decimal b) { return CompareGeneral(a, b) == 0; }

std::partial_ordering Decimal::CompareGeneral(Decimal a, Decimal b) {
  if (!a.IsFinite() || !b.IsFinite()) return std::partial_ordering::unordered;
  return CompareFinite(a, b);
}

std::strong_ordering Decimal::CompareFinite(Decimal a, Decimal b) {
  UInt128 left = Access::Coefficient(a);
  UInt128 right = Access::Coefficient(b);
  const bool negative = Access::Sign(a);
  if (left == 0) {
    if (right == 0) return std::strong_ordering::equal;
    return Access::Sign(b) ? std::strong_ordering::greater : std::strong_ordering::less;
  }
  if (right == 0 || negative != Access::Sign(b)) {
    return negative ? std::strong_ordering::less : std::strong_ordering::greater;
  }
  // Both to the smaller exponent; a product above 128 bits is above any coefficient.
  const int gap = a.BiasedExponent() - b.BiasedExponent();
  std::strong_ordering order = gap <=> 0;
  if (gap > -kDigitsMax && gap < kDigitsMax) {
    UInt128& larger = gap >= 0 ? left : right;
    const int zeros = std::abs(gap);
    if ((larger >> 64) == 0 && zeros <= kShortPowerMax) {
      larger *= kShortPowers[static_cast<size_t>(zeros)];
      order = left <=> right;
    } else if (!__builtin_mul_overflow(larger, kPowersOfTen[static_cast<size_t>(zeros)], &larger)) {
      order = left <=> right;
    }
  }
  return negative ? 0 <=> order : order;
}

Decimal Decimal::Rounded(int scale, Rounding rounding) const {
  if (!IsFinite()) return *this;
  const bool negative = Access::Sign(*this);
  const UInt128 coefficient = Access::Coefficient(*this);
  const int exponent = Access::Exponent(*this);
  const int64_t target = -static_cast<int64_t>(scale);
  if (exponent >= target) {
    const int64_t pad = exponent - target;
    if (coefficient == 0) return PackRounded(negative, 0, target);
    if (pad > kDigitsMax - CountDigits(coefficient) || target < kExponentMin) return *this;
    return Access::Pack(negative, coefficient * kPowersOfTen[static_cast<size_t>(pad)],
                        static_cast<int>(target));
  }
  const int64_t drop = target - exponent;
  UInt128 kept = 0;
  Discarded discarded = coefficient == 0 ? Discarded::kNothing : Discarded::kBelowHalf;
  if (drop <= kDigitsMax) {
    const UInt128 divisor = kPowersOfTen[static_cast<size_t>(drop)];
    kept = coefficient / divisor;
    discarded = ClassifyRemainder(coefficient - kept * divisor, divisor);
  }
  if (RoundsAwayFromZero(rounding, negative, (kept & 1) != 0, discarded)) ++kept;
  return PackRounded(negative, kept, target);
}

Decimal Decimal::Floor() const {
  return IsFinite() && Access::Exponent(*this) < 0 ? Rounded(0, Rounding::kFloor) : *this;
}

Decimal Decimal::Ceiling() const {
  return IsFinite() && Access::Exponent(*this) < 0 ? Rounded(0, Rounding::kCeiling) : *this;
}

Decimal Decimal::Modulo(Decimal a, Decimal b) {
  if (!a.IsFinite() || !b.IsFinite() || b.IsZero()) return Access::NaN();
  // Both as whole numbers at the smaller exponent, where those fit 128 bits.
  const int gap = Access::Exponent(a) - Access::Exponent(b);
  if (gap >= -kDigitsMax && gap <= kDigitsMax) {
    UInt128 left = Access::Coefficient(a);
    UInt128 right = Access::Coefficient(b);
    UInt128& larger = gap >= 0 ? left : right;
    const UInt128 factor = kPowersOfTen[static_cast<size_t>(gap >= 0 ? gap : -gap)];
    if (!__builtin_mul_overflow(larger, factor, &larger) && left >> 127 == 0 && right >> 127 == 0) {
      UInt128 remainder = left % right;
      if (remainder != 0 && Access::Sign(a) != Access::Sign(b)) remainder = right - remainder;
      const auto magnitude = static_cast<Int128>(remainder);
      return FromScaled(Access::Sign(b) ? -magnitude : magnitude,
                        std::min(Access::Exponent(a), Access::Exponent(b)));
    }
  }
  unsigned flags = 0;
  // The remainder of the truncated quotient is always exact, however large the quotient is.
  const Decimal remainder = FromLibrary(bid128_fmod(ToLibrary(a), ToLibrary(b), &flags));
  if (remainder.IsZero() || remainder.IsNegative() == b.IsNegative()) return remainder;
  return remainder + b;
}

Decimal Decimal::SquareRoot() const {
  unsigned flags = 0;
  return FromLibrary(bid128_sqrt(ToLibrary(*this), kNearestEven, &flags));
}

std::optional<int64_t> Decimal::ToInt64() const {
  const auto integer = ToScaled(0);
  if (!integer || *integer < INT64_MIN || *integer > INT64_MAX) return std::nullopt;
  return static_cast<int64_t>(*integer);
}

std::optional<Int128> Decimal::ToScaled(int scale) const {
  if (!IsFinite()) return std::nullopt;
  auto coefficient = static_cast<Int128>(Access::Coefficient(*this));
  if (coefficient == 0) return Int128{0};
  if (Access::Sign(*this)) coefficient = -coefficient;
  const int64_t shift = int64_t{Access::Exponent(*this)} + scale;
  if (shift > 38 || shift < -38) return std::nullopt;
  if (shift >= 0) {
    Int128 scaled = 0;
    const auto factor = static_cast<Int128>(kPowersOfTen[static_cast<size_t>(shift)]);
    if (__builtin_mul_overflow(coefficient, factor, &scaled)) return std::nullopt;
    return scaled;
  }
  const auto divisor = static_cast<Int128>(kPowersOfTen[static_cast<size_t>(-shift)]);
  const Int128 quotient = coefficient / divisor;
  if (quotient * divisor != coefficient) return std::nullopt;
  return quotient;
}

double Decimal::ToDouble() const {
  // A coefficient and a power of ten that are both exact doubles leave one correctly rounded
  // operation.
  constexpr uint64_t kExactDoubleMax = uint64_t{1} << 53;
  constexpr int kExactPowerMax = 22;
  if (IsShort() && bits_.low <= kExactDoubleMax) {
    const int exponent = Access::Exponent(*this);
    if (exponent >= -kExactPowerMax && exponent <= kExactPowerMax) {
      const auto magnitude = static_cast<double>(bits_.low);
      const double factor = kDoublePowersOfTen[static_cast<size_t>(std::abs(exponent))];
      const double value = exponent < 0 ? magnitude / factor : magnitude * factor;
      return Access::Sign(*this) ? -value : value;
    }
  }
  unsigned flags = 0;
  return bid128_to_binary64(ToLibrary(*this), kNearestEven, &flags);
}

int Decimal::Scale() const {
  if (!IsFinite()) return 0;
  return std::max(0, -Access::Exponent(*this));
}

Decimal Decimal::WithoutZeros() const {
  if (!IsFinite()) return *this;
  UInt128 coefficient = Access::Coefficient(*this);
  if (coefficient == 0) return {};
  const int exponent = Access::Exponent(*this);
  const int stripped = StripZeros(&coefficient, kExponentMax - exponent);
  return Access::Pack(Access::Sign(*this), coefficient, exponent + stripped);
}

uint64_t Decimal::Hash() const {
  const UInt128 bits = CanonicalBits();
  std::array<char, sizeof bits> raw;
  for (size_t i = 0; i < raw.size(); ++i) raw[i] = static_cast<char>(bits >> (8 * i));
  return Hash64({raw.data(), raw.size()});
}

UInt128 Decimal::CanonicalBits() const {
  const Decimal canonical = Canonical();
  return (static_cast<UInt128>(canonical.bits_.high) << 64) | canonical.bits_.low;
}

std::optional<Decimal> Decimal::FromCanonicalBits(UInt128 bits) {
  const Decimal decimal(Bits{static_cast<uint64_t>(bits), static_cast<uint64_t>(bits >> 64)});
  if (!decimal.IsFinite() || Access::Coefficient(decimal) >= kCoefficientEnd) return std::nullopt;
  if (decimal.CanonicalBits() != bits) return std::nullopt;
  return decimal;
}

}  // namespace credence
