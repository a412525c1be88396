#include "src/money/money.h"

#include <algorithm>

#include "src/base/assert.h"
#include "src/base/int128.h"
#include "src/money/decimal_bid.h"

namespace credence {

namespace {

struct CurrencyRow {
  std::string_view code;
  uint16_t numeric;
  uint8_t digits;
};

// Sorted by code. ISO 4217 list one as of 2025 (so with XCG, SLE, VED and ZWG), less funds codes,
// units of account, metals and test codes; and CSK.
constexpr auto kCurrencies = std::to_array<CurrencyRow>({
    {"AED", 784, 2}, {"AFN", 971, 2}, {"ALL", 8, 2},   {"AMD", 51, 2},  {"AOA", 973, 2},
    {"ARS", 32, 2},  {"AUD", 36, 2},  {"AWG", 533, 2}, {"AZN", 944, 2}, {"BAM", 977, 2},
    {"BBD", 52, 2},  {"BDT", 50, 2},  {"BGN", 975, 2}, {"BHD", 48, 3},  {"BIF", 108, 0},
    {"BMD", 60, 2},  {"BND", 96, 2},  {"BOB", 68, 2},  {"BRL", 986, 2}, {"BSD", 44, 2},
    {"BTN", 64, 2},  {"BWP", 72, 2},  {"BYN", 933, 2}, {"BZD", 84, 2},  {"CAD", 124, 2},
    {"CDF", 976, 2}, {"CHF", 756, 2}, {"CLP", 152, 0}, {"CNY", 156, 2}, {"COP", 170, 2},
    {"CRC", 188, 2}, {"CSK", 200, 2}, {"CUP", 192, 2}, {"CVE", 132, 2}, {"CZK", 203, 2},
    {"DJF", 262, 0}, {"DKK", 208, 2}, {"DOP", 214, 2}, {"DZD", 12, 2},  {"EGP", 818, 2},
    {"ERN", 232, 2}, {"ETB", 230, 2}, {"EUR", 978, 2}, {"FJD", 242, 2}, {"FKP", 238, 2},
    {"GBP", 826, 2}, {"GEL", 981, 2}, {"GHS", 936, 2}, {"GIP", 292, 2}, {"GMD", 270, 2},
    {"GNF", 324, 0}, {"GTQ", 320, 2}, {"GYD", 328, 2}, {"HKD", 344, 2}, {"HNL", 340, 2},
    {"HTG", 332, 2}, {"HUF", 348, 2}, {"IDR", 360, 2}, {"ILS", 376, 2}, {"INR", 356, 2},
    {"IQD", 368, 3}, {"IRR", 364, 2}, {"ISK", 352, 0}, {"JMD", 388, 2}, {"JOD", 400, 3},
    {"JPY", 392, 0}, {"KES", 404, 2}, {"KGS", 417, 2}, {"KHR", 116, 2}, {"KMF", 174, 0},
    {"KPW", 408, 2}, {"KRW", 410, 0}, {"KWD", 414, 3}, {"KYD", 136, 2}, {"KZT", 398, 2},
    {"LAK", 418, 2}, {"LBP", 422, 2}, {"LKR", 144, 2}, {"LRD", 430, 2}, {"LSL", 426, 2},
    {"LYD", 434, 3}, {"MAD", 504, 2}, {"MDL", 498, 2}, {"MGA", 969, 2}, {"MKD", 807, 2},
    {"MMK", 104, 2}, {"MNT", 496, 2}, {"MOP", 446, 2}, {"MRU", 929, 2}, {"MUR", 480, 2},
    {"MVR", 462, 2}, {"MWK", 454, 2}, {"MXN", 484, 2}, {"MYR", 458, 2}, {"MZN", 943, 2},
    {"NAD", 516, 2}, {"NGN", 566, 2}, {"NIO", 558, 2}, {"NOK", 578, 2}, {"NPR", 524, 2},
    {"NZD", 554, 2}, {"OMR", 512, 3}, {"PAB", 590, 2}, {"PEN", 604, 2}, {"PGK", 598, 2},
    {"PHP", 608, 2}, {"PKR", 586, 2}, {"PLN", 985, 2}, {"PYG", 600, 0}, {"QAR", 634, 2},
    {"RON", 946, 2}, {"RSD", 941, 2}, {"RUB", 643, 2}, {"RWF", 646, 0}, {"SAR", 682, 2},
    {"SBD", 90, 2},  {"SCR", 690, 2}, {"SDG", 938, 2}, {"SEK", 752, 2}, {"SGD", 702, 2},
    {"SHP", 654, 2}, {"SLE", 925, 2}, {"SOS", 706, 2}, {"SRD", 968, 2}, {"SSP", 728, 2},
    {"STN", 930, 2}, {"SVC", 222, 2}, {"SYP", 760, 2}, {"SZL", 748, 2}, {"THB", 764, 2},
    {"TJS", 972, 2}, {"TMT", 934, 2}, {"TND", 788, 3}, {"TOP", 776, 2}, {"TRY", 949, 2},
    {"TTD", 780, 2}, {"TWD", 901, 2}, {"TZS", 834, 2}, {"UAH", 980, 2}, {"UGX", 800, 0},
    {"USD", 840, 2}, {"UYU", 858, 2}, {"UZS", 860, 2}, {"VED", 926, 2}, {"VES", 928, 2},
    {"VND", 704, 0}, {"VUV", 548, 0}, {"WST", 882, 2}, {"XAF", 950, 0}, {"XCD", 951, 2},
    {"XCG", 532, 2}, {"XOF", 952, 0}, {"XPF", 953, 0}, {"YER", 886, 2}, {"ZAR", 710, 2},
    {"ZMW", 967, 2}, {"ZWG", 924, 2},
});

constexpr uint8_t kNoRow = 255;
static_assert(kCurrencies.size() < kNoRow);

// Row of the table by numeric code.
constexpr auto kRowOfNumeric = [] {
  std::array<uint8_t, 1000> rows{};
  rows.fill(kNoRow);
  for (size_t i = 0; i < kCurrencies.size(); ++i) {
    rows[kCurrencies[i].numeric] = static_cast<uint8_t>(i);
  }
  return rows;
}();

const CurrencyRow* RowOf(uint16_t numeric) {
  if (numeric >= kRowOfNumeric.size() || kRowOfNumeric[numeric] == kNoRow) return nullptr;
  return &kCurrencies[kRowOfNumeric[numeric]];
}

Int128 PowerOfTen(int exponent) {
  Int128 power = 1;
  for (int i = 0; i < exponent; ++i) power *= 10;
  return power;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

Status BadAmount(std::string_view amount, Currency currency) {
  constexpr size_t kShown = 40;
  const int digits = currency.digits();
  return InvalidArgument(
      "'" + std::string(amount.substr(0, kShown)) + "' is not an amount of " +
      std::string(currency.code()) + "; expected digits with an optional minus" +
      (digits == 0 ? " and no decimal point"
                   : " and at most " + std::to_string(digits) + " digits after a point"));
}

Status AmountOutOfRange(std::string_view amount, Currency currency) {
  constexpr size_t kShown = 40;
  return OutOfRange("'" + std::string(amount.substr(0, kShown)) + "' " +
                    std::string(currency.code()) + " is beyond 64-bit minor units");
}

}  // namespace

std::optional<Currency> Currency::FromCode(std::string_view code) {
  const auto row = std::lower_bound(
      kCurrencies.begin(), kCurrencies.end(), code,
      [](const CurrencyRow& a, std::string_view wanted) { return a.code < wanted; });
  if (row == kCurrencies.end() || row->code != code) return std::nullopt;
  return Currency(row->numeric);
}

std::optional<Currency> Currency::FromNumeric(uint16_t numeric) {
  if (RowOf(numeric) == nullptr) return std::nullopt;
  return Currency(numeric);
}

std::string_view Currency::code() const {
  const CurrencyRow* row = RowOf(numeric_);
  return row == nullptr ? std::string_view() : row->code;
}

int Currency::digits() const {
  const CurrencyRow* row = RowOf(numeric_);
  return row == nullptr ? 0 : row->digits;
}

std::span<const std::string> CurrencyCodes() {
  static const std::vector<std::string> codes = [] {
    std::vector<std::string> made;
    for (const CurrencyRow& row : kCurrencies) made.emplace_back(row.code);
    return made;
  }();
  return codes;
}

Result<Money> Money::Parse(std::string_view amount, Currency currency) {
  std::string_view rest = amount;
  const bool negative = !rest.empty() && rest.front() == '-';
  if (negative) rest.remove_prefix(1);
  const size_t point = rest.find('.');
  const std::string_view whole = rest.substr(0, point);
  const std::string_view fraction =
      point == std::string_view::npos ? std::string_view() : rest.substr(point + 1);
  const bool point_well_placed = point == std::string_view::npos || !fraction.empty();
  if (whole.empty() || !point_well_placed || !std::all_of(whole.begin(), whole.end(), IsDigit) ||
      !std::all_of(fraction.begin(), fraction.end(), IsDigit) ||
      fraction.size() > static_cast<size_t>(currency.digits())) {
    return BadAmount(amount, currency);
  }
  // Accumulated as a negative number, whose range is the larger.
  int64_t minor = 0;
  const auto push = [&minor](int digit) {
    return !__builtin_mul_overflow(minor, int64_t{10}, &minor) &&
           !__builtin_sub_overflow(minor, int64_t{digit}, &minor);
  };
  bool fits = true;
  for (const char c : whole) fits = fits && push(c - '0');
  for (const char c : fraction) fits = fits && push(c - '0');
  for (auto i = fraction.size(); i < static_cast<size_t>(currency.digits()); ++i) {
    fits = fits && push(0);
  }
  if (!fits || (!negative && minor == INT64_MIN)) return AmountOutOfRange(amount, currency);
  return Money{negative ? minor : -minor, currency};
}

std::string Money::ToString() const {
  std::string digits = credence::ToString(Int128{minor});
  const auto scale = static_cast<size_t>(currency.digits());
  if (scale == 0) return digits;
  const size_t sign = minor < 0 ? 1 : 0;
  const size_t wanted = sign + scale + 1;  // at least one digit before the point
  if (digits.size() < wanted) digits.insert(sign, wanted - digits.size(), '0');
  digits.insert(digits.size() - scale, 1, '.');
  return digits;
}

Decimal Money::ToDecimal() const { return Decimal::FromScaled(minor, -currency.digits()); }

Result<Money> Money::FromDecimal(Decimal amount, Currency currency, Rounding rounding) {
  if (!amount.IsFinite()) return OutOfRange("an amount of money must be a finite number");
  const Decimal rounded = amount.Rounded(currency.digits(), rounding);
  const auto minor = rounded.ToScaled(currency.digits());
  if (!minor || *minor < INT64_MIN || *minor > INT64_MAX) {
    constexpr int kPlainDigitsMax = 40;
    const bool printable =
        rounded.IsFinite() && rounded.Abs() < Decimal::FromScaled(1, kPlainDigitsMax);
    return AmountOutOfRange(printable ? rounded.ToString() : "a larger number", currency);
  }
  return Money{static_cast<int64_t>(*minor), currency};
}

std::optional<Money> Add(Money a, Money b) {
  CREDENCE_ASSERT(a.currency == b.currency);
  Money sum{0, a.currency};
  if (__builtin_add_overflow(a.minor, b.minor, &sum.minor)) return std::nullopt;
  return sum;
}

std::optional<Money> Subtract(Money a, Money b) {
  CREDENCE_ASSERT(a.currency == b.currency);
  Money difference{0, a.currency};
  if (__builtin_sub_overflow(a.minor, b.minor, &difference.minor)) return std::nullopt;
  return difference;
}

namespace {

// |minor| x coefficient x 10^exponent, exactly rounded once; `coefficient` is below 10^34. Nothing
// above 2^63.
std::optional<UInt128> ScaleRounded(uint64_t minor, UInt128 coefficient, int exponent,
                                    bool negative, Rounding rounding) {
  // The product may have 53 digits: high x 10^17 + low, with low below 10^17.
  constexpr int kLowDigits = 17;
  constexpr auto kLowEnd = static_cast<UInt128>(100'000'000'000'000'000);
  constexpr auto kMagnitudeMax = static_cast<UInt128>(1) << 63;
  UInt128 low = coefficient % kLowEnd * minor;
  const UInt128 high = coefficient / kLowEnd * minor + low / kLowEnd;
  low %= kLowEnd;

  UInt128 quotient = 0;
  Discarded discarded = Discarded::kNothing;
  if (exponent > -kLowDigits) {
    if (high > kMagnitudeMax) return std::nullopt;
    const UInt128 product = high * kLowEnd + low;
    if (exponent > 0) {
      if (product == 0) return 0;
      if (exponent > kLowDigits + 2 || product > kMagnitudeMax) return std::nullopt;
      quotient = product * static_cast<UInt128>(PowerOfTen(exponent));
    } else {
      const auto divisor = static_cast<UInt128>(PowerOfTen(-exponent));
      quotient = product / divisor;
      discarded = ClassifyRemainder(product % divisor, divisor);
    }
  } else if (exponent < -kLowDigits - 38) {
    discarded = high == 0 && low == 0 ? Discarded::kNothing : Discarded::kBelowHalf;
  } else {
    const auto divisor = static_cast<UInt128>(PowerOfTen(-exponent - kLowDigits));
    quotient = high / divisor;
    if (divisor == 1) {
      discarded = ClassifyRemainder(low, kLowEnd);
    } else {
      discarded = ClassifyRemainder(high % divisor, divisor);
      if (low != 0 && discarded == Discarded::kNothing) discarded = Discarded::kBelowHalf;
      if (low != 0 && discarded == Discarded::kHalf) discarded = Discarded::kAboveHalf;
    }
  }
  if (RoundsAwayFromZero(rounding, negative, (quotient & 1) != 0, discarded)) ++quotient;
  if (quotient > kMagnitudeMax) return std::nullopt;
  return quotient;
}

}  // namespace

Result<Money> Convert(Money a, Currency to, Decimal rate, Rounding rounding) {
  if (!rate.IsFinite() || rate <= Decimal()) {
    return InvalidArgument("a conversion rate must be a positive number");
  }
  const bool negative = a.minor < 0;
  const auto raw = static_cast<uint64_t>(a.minor);
  const int exponent = DecimalAccess::Exponent(rate) + to.digits() - a.currency.digits();
  const auto magnitude = ScaleRounded(negative ? -raw : raw, DecimalAccess::Coefficient(rate),
                                      exponent, negative, rounding);
  if (!magnitude || (!negative && *magnitude > static_cast<UInt128>(INT64_MAX))) {
    return OutOfRange(a.ToString() + " " + std::string(a.currency.code()) + " in " +
                      std::string(to.code()) + " is beyond 64-bit minor units");
  }
  const auto signless = static_cast<uint64_t>(*magnitude);
  return Money{static_cast<int64_t>(negative ? -signless : signless), to};
}

std::vector<int64_t> Apportion(int64_t total_minor, std::span<const int64_t> weights) {
  UInt128 weight_sum = 0;
  for (const int64_t weight : weights) {
    CREDENCE_ASSERT(weight >= 0);
    weight_sum += static_cast<uint64_t>(weight);
  }
  CREDENCE_ASSERT(weight_sum > 0);

  const bool negative = total_minor < 0;
  const auto raw = static_cast<uint64_t>(total_minor);
  const uint64_t total = negative ? -raw : raw;
  std::vector<uint64_t> shares;
  std::vector<UInt128> remainders;
  uint64_t left = total;
  for (const int64_t weight : weights) {
    const UInt128 product = static_cast<UInt128>(total) * static_cast<uint64_t>(weight);
    shares.push_back(static_cast<uint64_t>(product / weight_sum));
    remainders.push_back(product % weight_sum);
    left -= shares.back();
  }
  // What is left is less than the number of shares with a remainder: one each, largest remainders
  // first.
  std::vector<size_t> order(weights.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t x, size_t y) { return remainders[x] > remainders[y]; });
  CREDENCE_ASSERT(left < order.size());
  for (size_t i = 0; i < left; ++i) ++shares[order[i]];

  std::vector<int64_t> signed_shares;
  for (const uint64_t share : shares) {
    signed_shares.push_back(static_cast<int64_t>(negative ? -share : share));
  }
  return signed_shares;
}

}  // namespace credence
