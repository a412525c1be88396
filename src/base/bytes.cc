#include "src/base/bytes.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace credence {

namespace {

template <class Integer>
void AppendLittleEndian(Integer value, std::string* out) {
  char raw[sizeof value];
  if constexpr (std::endian::native == std::endian::little) {
    std::memcpy(raw, &value, sizeof value);
  } else {
    for (size_t i = 0; i < sizeof value; ++i) raw[i] = static_cast<char>(value >> (8 * i));
  }
  out->append(raw, sizeof raw);
}

template <class Integer>
Integer FromLittleEndian(const char* raw) {
  Integer value = 0;
  if constexpr (std::endian::native == std::endian::little) {
    std::memcpy(&value, raw, sizeof value);
  } else {
    for (size_t i = 0; i < sizeof value; ++i) {
      value |= static_cast<Integer>(static_cast<uint8_t>(raw[i])) << (8 * i);
    }
  }
  return value;
}

}  // namespace

void ByteWriter::PutFixed32(uint32_t value) { AppendLittleEndian(value, out_); }

void ByteWriter::PutFixed64(uint64_t value) { AppendLittleEndian(value, out_); }

void ByteWriter::PutFixed128(UInt128 value) {
  PutFixed64(static_cast<uint64_t>(value));
  PutFixed64(static_cast<uint64_t>(value >> 64));
}

void ByteWriter::PutVarint(uint64_t value) {
  if (value < 0x80) return PutU8(static_cast<uint8_t>(value));
  char raw[10];
  size_t size = 0;
  while (value >= 0x80) {
    raw[size++] = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  raw[size++] = static_cast<char>(value);
  out_->append(raw, size);
}

void ByteWriter::PutZigzag(int64_t value) {
  PutVarint((static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63));
}

void ByteWriter::PutBytes(std::string_view value) {
  PutVarint(value.size());
  out_->append(value);
}

void ByteWriter::PutRaw(std::string_view value) { out_->append(value); }

bool ByteReader::Need(size_t size) {
  if (failed_ || bytes_.size() - at_ < size) {
    failed_ = true;
    return false;
  }
  return true;
}

uint8_t ByteReader::GetU8() {
  if (!Need(1)) return 0;
  return static_cast<uint8_t>(bytes_[at_++]);
}

uint32_t ByteReader::GetFixed32() {
  if (!Need(4)) return 0;
  at_ += 4;
  return FromLittleEndian<uint32_t>(bytes_.data() + at_ - 4);
}

uint64_t ByteReader::GetFixed64() {
  if (!Need(8)) return 0;
  at_ += 8;
  return FromLittleEndian<uint64_t>(bytes_.data() + at_ - 8);
}

UInt128 ByteReader::GetFixed128() {
  if (!Need(16)) return 0;
  const UInt128 low = GetFixed64();
  const UInt128 high = GetFixed64();
  return low | (high << 64);
}

uint64_t ByteReader::GetVarint() {
  if (!failed_ && at_ < bytes_.size() && static_cast<uint8_t>(bytes_[at_]) < 0x80) [[likely]] {
    return static_cast<uint8_t>(bytes_[at_++]);
  }
  uint64_t value = 0;
  for (int shift = 0; shift < 70; shift += 7) {
    if (!Need(1)) return 0;
    const auto byte = static_cast<uint8_t>(bytes_[at_++]);
    const uint64_t group = byte & 0x7F;
    if (shift == 63 && group > 1) break;
    value |= group << shift;
    if ((byte & 0x80) == 0) {
      if (byte == 0 && shift > 0) break;  // not the shortest form
      return value;
    }
  }
  failed_ = true;
  return 0;
}

int64_t ByteReader::GetZigzag() {
  const uint64_t raw = GetVarint();
  return static_cast<int64_t>(raw >> 1) ^ -static_cast<int64_t>(raw & 1);
}

std::string_view ByteReader::GetBytes() {
  const uint64_t size = GetVarint();
  return GetRaw(size);
}

std::string_view ByteReader::GetRaw(size_t size) {
  if (!Need(size)) return {};
  const std::string_view view = bytes_.substr(at_, size);
  at_ += size;
  return view;
}

std::string ToHex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    hex.push_back(kDigits[static_cast<uint8_t>(c) >> 4]);
    hex.push_back(kDigits[static_cast<uint8_t>(c) & 15]);
  }
  return hex;
}

namespace {
int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}
}  // namespace

bool FromHex(std::string_view hex, std::string* out) {
  out->clear();
  if (hex.size() % 2 != 0) return false;
  for (size_t i = 0; i < hex.size(); i += 2) {
    const int high = HexDigit(hex[i]);
    const int low = HexDigit(hex[i + 1]);
    if (high < 0 || low < 0) return false;
    out->push_back(static_cast<char>(high << 4 | low));
  }
  return true;
}

bool IsValidUtf8(std::string_view bytes) {
  const auto at = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  size_t i = 0;
  while (i < bytes.size()) {
    const uint8_t lead = at(i);
    if (lead < 0x80) {
      ++i;
      continue;
    }
    size_t size = 0;
    uint8_t low = 0x80;  // bounds of the second byte
    uint8_t high = 0xBF;
    if (lead >= 0xC2 && lead <= 0xDF) {
      size = 2;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
      size = 3;
      if (lead == 0xE0) low = 0xA0;
      if (lead == 0xED) high = 0x9F;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
      size = 4;
      if (lead == 0xF0) low = 0x90;
      if (lead == 0xF4) high = 0x8F;
    } else {
      return false;
    }
    if (bytes.size() - i < size || at(i + 1) < low || at(i + 1) > high) return false;
    for (size_t k = 2; k < size; ++k) {
      if ((at(i + k) & 0xC0) != 0x80) return false;
    }
    i += size;
  }
  return true;
}

}  // namespace credence
