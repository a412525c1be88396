#pragma once
// Cryptographic digests. Every stored format carries a digest id, so that another digest (SM3) can
// come without a new format.

#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace credence {

// Stored. Do not change.
enum class DigestId : uint8_t { kSha256 = 1, kSm3 = 2 };

struct Digest {
  static constexpr size_t kBytes = 32;
  std::array<uint8_t, kBytes> bytes{};

  [[nodiscard]] std::string_view view() const {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  [[nodiscard]] std::string ToHex() const;
  // False unless `raw` has exactly kBytes bytes.
  [[nodiscard]] static bool FromRaw(std::string_view raw, Digest* out);
  friend auto operator<=>(const Digest&, const Digest&) = default;
};

[[nodiscard]] Digest Sha256(std::string_view bytes);

// SHA-256 of a stream: Update any number of times, Finish once.
class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  Sha256Stream(const Sha256Stream&) = delete;
  Sha256Stream& operator=(const Sha256Stream&) = delete;
  void Update(std::string_view bytes);
  [[nodiscard]] Digest Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// RFC 2104.
[[nodiscard]] Digest HmacSha256(std::string_view key, std::string_view bytes);

// A fast 64-bit hash (XXH3) for tables in memory, for stable choices, and for finding damage in
// stored bytes. The value is the same on every machine and is allowed in stored formats.
[[nodiscard]] uint64_t Hash64(std::string_view bytes, uint64_t seed = 0);

// An order-free digest of a set of rows: the sum modulo 2^256 of the rows' SHA-256. Equal sets give
// equal digests; a row that is added and removed again leaves no mark. (Bellare and Micciancio
// 1997, AdHash. It finds differences between honest runs; it does not resist somebody who may
// choose the rows.)
class MultisetHash {
 public:
  void Add(const Digest& row);
  void Remove(const Digest& row);
  void Add(std::string_view row) { Add(Sha256(row)); }
  void Remove(std::string_view row) { Remove(Sha256(row)); }
  [[nodiscard]] Digest digest() const;
  friend bool operator==(const MultisetHash&, const MultisetHash&) = default;

 private:
  std::array<uint64_t, 4> sum_{};  // little endian words
};

}  // namespace credence
