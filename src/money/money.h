#pragma once
// Money: integer minor units of one ISO 4217 currency. Never a float. An amount in text is a
// decimal string in major units ("12.50"), read and written with the currency's own number of
// digits.

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/status.h"
#include "src/money/decimal.h"
#include "src/money/rounding.h"

namespace credence {

// An ISO 4217 currency by its numeric code ("156" is CNY). Value 0 is no currency.
class Currency {
 public:
  constexpr Currency() = default;
  // Alphabetic code in capitals; nothing for a code that is not in the table (active codes of ISO
  // 4217:2015 with its amendments as of 2025, and CSK, which old data uses; no funds codes, no
  // metals).
  static std::optional<Currency> FromCode(std::string_view code);
  static std::optional<Currency> FromNumeric(uint16_t numeric);
  [[nodiscard]] std::string_view code() const;  // "CNY"; "" for none
  [[nodiscard]] uint16_t numeric() const { return numeric_; }
  [[nodiscard]] int digits() const;  // of the minor unit: CNY 2, JPY 0, KWD 3
  friend constexpr auto operator<=>(Currency, Currency) = default;

 private:
  constexpr explicit Currency(uint16_t numeric) : numeric_(numeric) {}
  uint16_t numeric_ = 0;
};

// All codes of the table, sorted, for messages about unknown ones.
[[nodiscard]] std::span<const std::string> CurrencyCodes();

struct Money {
  int64_t minor = 0;
  Currency currency;

  // "-12.50", at most as many digits after the point as the currency has; kInvalidArgument for any
  // other text and kOutOfRange beyond int64 minor units.
  static Result<Money> Parse(std::string_view amount, Currency currency);
  // "12.50" with exactly the currency's digits.
  [[nodiscard]] std::string ToString() const;
  [[nodiscard]] Decimal ToDecimal() const;  // in major units, exact
  // From major units; kOutOfRange beyond int64 minor units or if `amount` is not finite.
  static Result<Money> FromDecimal(Decimal amount, Currency currency, Rounding rounding);
  friend bool operator==(const Money&, const Money&) = default;
};

// Sum and difference of equal currencies (assertion); nothing on overflow.
[[nodiscard]] std::optional<Money> Add(Money a, Money b);
[[nodiscard]] std::optional<Money> Subtract(Money a, Money b);

// Converts at `rate` (units of `to` for one unit of a.currency, both in major units), with one
// rounding of the exact product. kOutOfRange on overflow; kInvalidArgument if `rate` is not a
// positive finite number.
Result<Money> Convert(Money a, Currency to, Decimal rate, Rounding rounding);

// Splits `total_minor` in proportion to `weights` (not negative, at least one positive; assertion)
// by the largest-remainder method: shares sum to the total, and ties go to the earlier share. The
// shares of a negative total are the negated shares of its magnitude.
[[nodiscard]] std::vector<int64_t> Apportion(int64_t total_minor, std::span<const int64_t> weights);

}  // namespace credence
