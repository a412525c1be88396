#include "src/base/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <xxhash.h>

#include <cstring>
#include <memory>

#include "src/base/assert.h"
#include "src/base/bytes.h"
#include "src/base/int128.h"

namespace credence {

std::string Digest::ToHex() const { return credence::ToHex(view()); }

bool Digest::FromRaw(std::string_view raw, Digest* out) {
  if (raw.size() != kBytes) return false;
  std::memcpy(out->bytes.data(), raw.data(), kBytes);
  return true;
}

struct Sha256Stream::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
};

Sha256Stream::Sha256Stream() : state_(std::make_unique<State>()) {
  CREDENCE_ASSERT(state_->context != nullptr);
  CREDENCE_ASSERT(EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) == 1);
}

Sha256Stream::~Sha256Stream() { EVP_MD_CTX_free(state_->context); }

void Sha256Stream::Update(std::string_view bytes) {
  CREDENCE_ASSERT(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1);
}

Digest Sha256Stream::Finish() {
  Digest digest;
  unsigned size = 0;
  CREDENCE_ASSERT(EVP_DigestFinal_ex(state_->context, digest.bytes.data(), &size) == 1);
  CREDENCE_ASSERT(size == Digest::kBytes);
  return digest;
}

namespace {

// Of the two, one after the other.
Digest Sha256(std::string_view first, std::string_view second) {
  // EVP is asked once for the algorithm and keeps a context a thread: setting one up costs more
  // than hashing a short row.
  thread_local const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> owned(
      EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  EVP_MD_CTX* const context = owned.get();
  static const EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  Digest digest;
  unsigned size = 0;
  CREDENCE_ASSERT(EVP_DigestInit_ex(context, sha256, nullptr) == 1);
  CREDENCE_ASSERT(EVP_DigestUpdate(context, first.data(), first.size()) == 1);
  CREDENCE_ASSERT(EVP_DigestUpdate(context, second.data(), second.size()) == 1);
  CREDENCE_ASSERT(EVP_DigestFinal_ex(context, digest.bytes.data(), &size) == 1);
  return digest;
}

}  // namespace

Digest Sha256(std::string_view bytes) { return Sha256(bytes, {}); }

// Written out over EVP's digest: OpenSSL's HMAC() looks its algorithm up on every call, which costs
// many times the hashing of a short text.
Digest HmacSha256(std::string_view key, std::string_view bytes) {
  constexpr size_t kBlockBytes = 64;
  std::array<uint8_t, kBlockBytes> block{};
  if (key.size() > kBlockBytes) {
    const Digest hashed = Sha256(key);
    std::memcpy(block.data(), hashed.bytes.data(), hashed.bytes.size());
  } else if (!key.empty()) {
    std::memcpy(block.data(), key.data(), key.size());
  }
  std::array<uint8_t, kBlockBytes> padded;
  const auto pad = [&](uint8_t with) {
    for (size_t i = 0; i < kBlockBytes; ++i) padded[i] = block[i] ^ with;
    return std::string_view(reinterpret_cast<const char*>(padded.data()), padded.size());
  };
  const Digest inner = Sha256(pad(0x36), bytes);
  const Digest outer = Sha256(pad(0x5C), inner.view());
  OPENSSL_cleanse(block.data(), block.size());
  OPENSSL_cleanse(padded.data(), padded.size());
  return outer;
}

uint64_t Hash64(std::string_view bytes, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

namespace {
std::array<uint64_t, 4> Words(const Digest& digest) {
  ByteReader reader(digest.view());
  std::array<uint64_t, 4> words{};
  for (uint64_t& word : words) word = reader.GetFixed64();
  return words;
}
}  // namespace

void MultisetHash::Add(const Digest& row) {
  const auto words = Words(row);
  UInt128 carry = 0;
  for (size_t i = 0; i < 4; ++i) {
    carry += static_cast<UInt128>(sum_[i]) + words[i];
    sum_[i] = static_cast<uint64_t>(carry);
    carry >>= 64;
  }
}

void MultisetHash::Remove(const Digest& row) {
  const auto words = Words(row);
  uint64_t borrow = 0;
  for (size_t i = 0; i < 4; ++i) {
    const UInt128 taken = static_cast<UInt128>(words[i]) + borrow;
    borrow = taken > sum_[i] ? 1 : 0;
    sum_[i] = static_cast<uint64_t>(sum_[i] - taken);
  }
}

Digest MultisetHash::digest() const {
  std::string raw;
  ByteWriter writer(&raw);
  for (const uint64_t word : sum_) writer.PutFixed64(word);
  Digest digest;
  CREDENCE_ASSERT(Digest::FromRaw(raw, &digest));
  return digest;
}

}  // namespace credence
