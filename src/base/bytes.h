#pragma once
// Byte strings and the primitive encodings that every stored format is made of.
//
//   fixed32, fixed64, fixed128   little endian
//   varint                       base 128, least significant group first, at most 10 bytes,
//   shortest form only zigzag                       (n << 1) ^ (n >> 63), as varint bytes varint
//   length, then the bytes
//
// Owned bytes are std::string, views are std::string_view (they say nothing about text).

#include <cstdint>
#include <string>
#include <string_view>

#include "src/base/int128.h"

namespace credence {

class ByteWriter {
 public:
  // Appends to `out`, which must outlive the writer.
  explicit ByteWriter(std::string* out) : out_(out) {}

  void PutU8(uint8_t value) { out_->push_back(static_cast<char>(value)); }
  void PutFixed32(uint32_t value);
  void PutFixed64(uint64_t value);
  void PutFixed128(UInt128 value);
  void PutVarint(uint64_t value);
  void PutZigzag(int64_t value);
  void PutBytes(std::string_view value);  // with its length
  void PutRaw(std::string_view value);    // without

 private:
  std::string* out_;
};

// Reads what ByteWriter wrote. A read beyond the end or of a malformed number makes the reader fail
// for good: it returns zero values from then on, and ok() says so. Views point into the input.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}

  uint8_t GetU8();
  uint32_t GetFixed32();
  uint64_t GetFixed64();
  UInt128 GetFixed128();
  uint64_t GetVarint();
  int64_t GetZigzag();
  std::string_view GetBytes();
  std::string_view GetRaw(size_t size);

  [[nodiscard]] bool ok() const { return !failed_; }
  [[nodiscard]] bool AtEnd() const { return failed_ || at_ == bytes_.size(); }
  [[nodiscard]] size_t position() const { return at_; }
  [[nodiscard]] size_t remaining() const { return failed_ ? 0 : bytes_.size() - at_; }
  void Fail() { failed_ = true; }

 private:
  bool Need(size_t size);
  std::string_view bytes_;
  size_t at_ = 0;
  bool failed_ = false;
};

// "0x"-free lower-case hexadecimal.
[[nodiscard]] std::string ToHex(std::string_view bytes);
// Returns false (and leaves `out` unspecified) on odd length or a non-hexadecimal character.
[[nodiscard]] bool FromHex(std::string_view hex, std::string* out);

// Whether `bytes` is well-formed UTF-8 (Unicode 15, table 3-7): no overlong forms, no surrogates,
// at most U+10FFFF.
[[nodiscard]] bool IsValidUtf8(std::string_view bytes);

}  // namespace credence
