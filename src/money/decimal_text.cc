#include <algorithm>
#include <charconv>
#include <cmath>

#include "src/base/assert.h"
#include "src/money/decimal.h"
#include "src/money/decimal_bid.h"

namespace credence {

using decimal_bid::PackRounded;
using Access = DecimalAccess;

namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Exponents in text beyond this are out of range whatever the digits are, as long as a text has
// fewer digits than that.
constexpr int64_t kExponentEnd = 1'000'000'000'000;

// Reads "e-12" to the end of `text`; false if malformed.
bool ParseExponent(std::string_view text, int64_t* exponent) {
  text.remove_prefix(1);
  const bool negative = !text.empty() && text.front() == '-';
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
  if (text.empty()) return false;
  int64_t value = 0;
  for (const char c : text) {
    if (!IsDigit(c)) return false;
    value = std::min(value * 10 + (c - '0'), kExponentEnd);
  }
  *exponent = negative ? -value : value;
  return true;
}

// Two digits beyond the 34, so that rounding sees its digit and one more for what was cut off.
constexpr int kDigitsRead = Decimal::kDigitsMax + 2;

}  // namespace

std::optional<Decimal> Decimal::Parse(std::string_view text) {
  const bool negative = !text.empty() && text.front() == '-';
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);

  UInt128 coefficient = 0;
  int digits = 0;  // significant ones in `coefficient`
  bool sticky = false;
  bool point = false;
  bool digit_last = false;
  int64_t exponent = 0;
  size_t i = 0;
  for (; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '.' && !point) {
      point = true;
      digit_last = false;
      continue;
    }
    if (!IsDigit(c)) break;
    digit_last = true;
    if (digits < kDigitsRead) {
      coefficient = coefficient * 10 + static_cast<unsigned>(c - '0');
      if (coefficient != 0) ++digits;
      if (point) --exponent;
    } else {
      sticky = sticky || c != '0';
      if (!point) ++exponent;
    }
  }
  if (!digit_last) return std::nullopt;  // no digits at all, or none after the point
  if (i < text.size()) {
    int64_t written = 0;
    if (text[i] != 'e' && text[i] != 'E') return std::nullopt;
    if (!ParseExponent(text.substr(i), &written)) return std::nullopt;
    exponent += written;
  }
  const Decimal result = PackRounded(negative, coefficient, exponent, sticky);
  if (!result.IsFinite() || (result.IsZero() && coefficient != 0)) return std::nullopt;
  return result;
}

Decimal Decimal::FromDouble(double value) {
  if (std::isnan(value)) return Access::NaN();
  if (std::isinf(value)) return Access::Infinity(value < 0);
  char buffer[32];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  CREDENCE_ASSERT(end.ec == std::errc());
  const auto parsed = Parse({buffer, static_cast<size_t>(end.ptr - buffer)});
  CREDENCE_ASSERT(parsed.has_value());
  return *parsed;
}

std::string Decimal::ToString() const { return Canonical().ToStringKeepingScale(); }

std::string Decimal::ToStringKeepingScale() const {
  if (!IsFinite()) {
    if ((bits_.high & 0x7C00000000000000U) == 0x7C00000000000000U) return "NaN";
    return Access::Sign(*this) ? "-Infinity" : "Infinity";
  }
  const std::string digits = credence::ToString(static_cast<Int128>(Access::Coefficient(*this)));
  const int exponent = Access::Exponent(*this);
  std::string text = IsNegative() ? "-" : "";
  if (exponent >= 0) {
    text += digits;
    if (!IsZero()) text.append(static_cast<size_t>(exponent), '0');
    return text;
  }
  const auto scale = static_cast<size_t>(-exponent);
  if (digits.size() <= scale) {
    text += "0.";
    text.append(scale - digits.size(), '0');
    return text + digits;
  }
  const size_t whole = digits.size() - scale;
  text.append(digits, 0, whole);
  text.push_back('.');
  return text.append(digits, whole);
}

}  // namespace credence
