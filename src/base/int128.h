#pragma once
// 128-bit integers for exact sums. A sum of int64 minor units over 2^64 events still fits.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace credence {

__extension__ using Int128 = __int128;
__extension__ using UInt128 = unsigned __int128;

[[nodiscard]] std::string ToString(Int128 value);
// Optional sign, then digits; nothing on overflow or any other character.
[[nodiscard]] std::optional<Int128> ParseInt128(std::string_view text);

}  // namespace credence
