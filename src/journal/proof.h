#pragma once
// Signed heads and proofs, as text that a third party checks with nothing but the text and a public
// key. docs/PROOFS.md explains them; docs/formats/journal.md has the grammar.
//
// A signed head is a signed note as C2SP has it (signed-note, tlog-checkpoint), signed with
// Ed25519: origin, number of frames, Merkle root, then last sequence and chain. Keys are written as
// notes' keys are: "NAME+HASH+KEY" and "PRIVATE+KEY+NAME+HASH+KEY".
//
// Every failure of reading or checking is kInvalidArgument with one sentence that says which part
// does not hold: a proof comes from somebody else. Nothing here touches a file.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/digest.h"
#include "src/base/status.h"
#include "src/journal/format.h"

namespace credence::journal {

inline constexpr size_t kKeyNameBytesMax = 128;
inline constexpr size_t kHeadBytesMax = 4'096;
inline constexpr size_t kProofBytesMax = size_t{24}
                                         << 20;  // a largest frame in base64, and the rest
inline constexpr size_t kProofHashesMax = 128;   // twice what 2^64 frames need

struct PublicKey {
  std::string name;  // who signs: not empty, no white space, no '+'
  uint32_t hash = 0;
  std::array<uint8_t, 32> key{};

  [[nodiscard]] std::string ToText() const;
  static Result<PublicKey> Parse(std::string_view text);
};

// The bytes of the secret are wiped when it goes.
struct SecretKey {
  PublicKey public_key;
  std::array<uint8_t, 32> seed{};

  SecretKey() = default;
  SecretKey(const SecretKey&) = default;
  SecretKey& operator=(const SecretKey&) = default;
  ~SecretKey();
  // A new one, from the system's random source.
  static Result<SecretKey> Make(std::string_view name);
  [[nodiscard]] std::string ToText() const;
  static Result<SecretKey> Parse(std::string_view text);
};

struct TreeHead {
  Digest root;
  ChainHead head;
  friend bool operator==(const TreeHead&, const TreeHead&) = default;
};

// The note, with its signature line.
[[nodiscard]] std::string SignHead(const TreeHead& head, const SecretKey& key);
// What the note says, if `key` signed it.
Result<TreeHead> OpenHead(std::string_view note, const PublicKey& key);

// That a frame is in the journal that the head signs.
struct InclusionProof {
  uint64_t frame = 0;   // its index, from 1
  uint64_t record = 0;  // which of its records is meant, from 0
  std::string leaf;     // FrameView::chained and FrameView::body
  std::vector<Digest> hashes;
  std::string head;  // the note
};
// That the journal of one head begins with the journal of an older one.
struct ConsistencyProof {
  std::vector<Digest> hashes;
  std::string older;
  std::string newer;
};

[[nodiscard]] std::string ToText(const InclusionProof& proof);
[[nodiscard]] std::string ToText(const ConsistencyProof& proof);
// Which of the two a text is; nothing if neither.
enum class ProofKind : uint8_t { kInclusion, kConsistency };
[[nodiscard]] std::optional<ProofKind> KindOfProof(std::string_view text);
Result<InclusionProof> ParseInclusion(std::string_view text);
Result<ConsistencyProof> ParseConsistency(std::string_view text);

// What an inclusion proof proves.
struct ProvenFrame {
  TreeHead head;
  Seq first_seq;
  Seq last_seq;
  std::vector<std::string> records;
};
Result<ProvenFrame> CheckInclusion(const InclusionProof& proof, const PublicKey& key);
struct ProvenGrowth {
  TreeHead older;
  TreeHead newer;
};
Result<ProvenGrowth> CheckConsistency(const ConsistencyProof& proof, const PublicKey& key);

}  // namespace credence::journal
