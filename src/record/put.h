#pragma once
// Inside record only: the primitive encodings of src/base/bytes.h, written through a pointer into
// memory that is known to be large enough. A decision has more than a hundred values, which
// ByteWriter would append one by one with a look at the capacity each time. Every function returns
// where the next byte goes.

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "src/base/int128.h"
#include "src/record/value.h"

namespace credence::record::put {

inline constexpr size_t kVarintBytesMax = 10;

template <class Integer>
Integer LittleEndian(Integer value) {
  static_assert(sizeof(Integer) == 4 || sizeof(Integer) == 8);
  if constexpr (std::endian::native == std::endian::little) return value;
  if constexpr (sizeof(Integer) == 4) return __builtin_bswap32(value);
  return static_cast<Integer>(__builtin_bswap64(value));
}

inline char* U8(char* at, uint8_t value) {
  *at = static_cast<char>(value);
  return at + 1;
}

inline char* Fixed32(char* at, uint32_t value) {
  value = LittleEndian(value);
  std::memcpy(at, &value, sizeof value);
  return at + sizeof value;
}

inline char* Fixed64(char* at, uint64_t value) {
  value = LittleEndian(value);
  std::memcpy(at, &value, sizeof value);
  return at + sizeof value;
}

inline char* Fixed128(char* at, UInt128 value) {
  at = Fixed64(at, static_cast<uint64_t>(value));
  return Fixed64(at, static_cast<uint64_t>(value >> 64));
}

inline char* Varint(char* at, uint64_t value) {
  while (value >= 0x80) {
    *at++ = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *at++ = static_cast<char>(value);
  return at;
}

inline char* Zigzag(char* at, int64_t value) {
  return Varint(at, (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63));
}

inline char* Raw(char* at, std::string_view value) {
  if (!value.empty()) std::memcpy(at, value.data(), value.size());
  return at + value.size();
}

inline char* Bytes(char* at, std::string_view value) {
  return Raw(Varint(at, value.size()), value);
}

// Bytes of a varint.
inline size_t VarintBytes(uint64_t value) {
  return value == 0 ? 1 : (static_cast<size_t>(std::bit_width(value)) + 6) / 7;
}

// Of an encoded value without its text: kind, currency, two amounts.
inline constexpr size_t kValueBytesMax = 1 + 4 + 2 * kVarintBytesMax;

// As EncodeValue; at most kValueBytesMax and the text.
char* EncodedValue(char* at, const Value& value);

}  // namespace credence::record::put
