#include "src/base/int128.h"

#include <algorithm>

namespace credence {

std::string ToString(Int128 value) {
  UInt128 magnitude = value < 0 ? -static_cast<UInt128>(value) : static_cast<UInt128>(value);
  std::string text;
  do {
    text.push_back(static_cast<char>('0' + static_cast<int>(magnitude % 10)));
    magnitude /= 10;
  } while (magnitude != 0);
  if (value < 0) text.push_back('-');
  std::reverse(text.begin(), text.end());
  return text;
}

std::optional<Int128> ParseInt128(std::string_view text) {
  const bool negative = !text.empty() && text.front() == '-';
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  Int128 value = 0;  // accumulated as a negative number, whose range is the larger
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    if (__builtin_mul_overflow(value, static_cast<Int128>(10), &value) ||
        __builtin_sub_overflow(value, static_cast<Int128>(c - '0'), &value)) {
      return std::nullopt;
    }
  }
  if (negative) return value;
  Int128 positive = 0;
  if (__builtin_sub_overflow(static_cast<Int128>(0), value, &positive)) return std::nullopt;
  return positive;
}

}  // namespace credence
