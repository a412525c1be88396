// The parsers of proofs, heads and keys: anything may come, and what is accepted is written back as
// it came.

#include <cstdlib>

#include "src/journal/proof.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace credence::journal;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto key =
      PublicKey::Parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
  if (!key.ok()) std::abort();
  if (const auto parsed = PublicKey::Parse(text); parsed.ok() && parsed->ToText().size() > size) {
    std::abort();
  }
  (void)SecretKey::Parse(text).ok();
  (void)OpenHead(text, *key).ok();
  if (const auto proof = ParseInclusion(text); proof.ok()) {
    if (ToText(*proof) != text) std::abort();
    (void)CheckInclusion(*proof, *key).ok();
  }
  if (const auto proof = ParseConsistency(text); proof.ok()) {
    if (ToText(*proof) != text) std::abort();
    (void)CheckConsistency(*proof, *key).ok();
  }
  return 0;
}
