#include "src/journal/proof.h"

#include <sodium.h>

#include <algorithm>
#include <cstring>

#include "src/base/assert.h"
#include "src/base/bytes.h"
#include "src/base/merkle.h"

namespace credence::journal {

namespace {

constexpr std::string_view kDash = "\xE2\x80\x94 ";  // U+2014 and a space begin a signature line
constexpr std::string_view kInclusionLine = "credence proof of inclusion 1";
constexpr std::string_view kConsistencyLine = "credence proof of consistency 1";
constexpr std::string_view kSecretPrefix = "PRIVATE+KEY+";
constexpr char kEd25519 = 1;  // the algorithm's number in a note's key
constexpr size_t kKeyBytes = 32;
constexpr size_t kSignatureBytes = 64;

std::string Base64(std::string_view bytes) {
  std::string text(sodium_base64_ENCODED_LEN(bytes.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const uint8_t*>(bytes.data()),
                    bytes.size(), sodium_base64_VARIANT_ORIGINAL);
  text.pop_back();  // the terminating zero
  return text;
}

// Only what Base64 writes.
bool FromBase64(std::string_view text, std::string* bytes) {
  bytes->assign(text.size() / 4 * 3, '\0');
  size_t size = 0;
  const char* end = nullptr;
  if (sodium_base642bin(reinterpret_cast<uint8_t*>(bytes->data()), bytes->size(), text.data(),
                        text.size(), nullptr, &size, &end, sodium_base64_VARIANT_ORIGINAL) != 0 ||
      end != text.data() + text.size()) {
    return false;
  }
  bytes->resize(size);
  return Base64(*bytes) == text;
}

bool ParseNumber(std::string_view text, uint64_t* number) {
  if (text.empty() || text.size() > 20 || (text.size() > 1 && text[0] == '0')) return false;
  *number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    const auto digit = static_cast<uint64_t>(c - '0');
    if (*number > (UINT64_MAX - digit) / 10) return false;
    *number = *number * 10 + digit;
  }
  return true;
}

bool IsName(std::string_view name) {
  return !name.empty() && name.size() <= kKeyNameBytesMax && IsValidUtf8(name) &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return static_cast<uint8_t>(c) > 0x20 && c != 0x7F && c != '+';
         });
}

// The note's key hash: the first four bytes of SHA-256(name, line feed, algorithm, key).
uint32_t HashOf(std::string_view name, std::string_view key) {
  std::string bytes(name);
  bytes += '\n';
  bytes += kEd25519;
  bytes += key;
  const Digest digest = Sha256(bytes);
  return uint32_t{digest.bytes[0]} << 24 | uint32_t{digest.bytes[1]} << 16 |
         uint32_t{digest.bytes[2]} << 8 | uint32_t{digest.bytes[3]};
}

std::string BigEndian(uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<char>(value >> shift & 0xFF));
  }
  return bytes;
}

std::string_view View(const std::array<uint8_t, kKeyBytes>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// "NAME+HASH+KEY" into its parts; `key` gets the 32 bytes.
bool SplitKey(std::string_view text, std::string* name, uint32_t* hash, std::string* key) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  const size_t first = text.find('+');
  if (first == std::string_view::npos || text.size() < first + 10 || text[first + 9] != '+') {
    return false;
  }
  std::string raw;
  *name = text.substr(0, first);
  if (!IsName(*name) || !FromHex(text.substr(first + 1, 8), &raw) ||
      ToHex(raw) != text.substr(first + 1, 8)) {
    return false;
  }
  *hash = 0;
  for (const char c : raw) *hash = *hash << 8 | static_cast<uint8_t>(c);
  if (!FromBase64(text.substr(first + 10), key) || key->size() != kKeyBytes + 1 ||
      key->front() != kEd25519) {
    return false;
  }
  key->erase(0, 1);
  return true;
}

// Takes a line off the front, without its line feed. False if there is none.
bool TakeLine(std::string_view* text, std::string_view* line) {
  const size_t end = text->find('\n');
  if (end == std::string_view::npos) return false;
  *line = text->substr(0, end);
  text->remove_prefix(end + 1);
  return true;
}

bool TakeAfter(std::string_view line, std::string_view word, std::string_view* rest) {
  if (!line.starts_with(word)) return false;
  *rest = line.substr(word.size());
  return true;
}

// Takes a note off the front: up to the last signature line behind its empty line.
bool TakeNote(std::string_view* text, std::string* note) {
  const size_t end_of_body = text->find("\n\n");
  if (end_of_body == std::string_view::npos) return false;
  size_t end = end_of_body + 2;
  while (text->substr(end).starts_with(kDash)) {
    const size_t line_end = text->find('\n', end);
    if (line_end == std::string_view::npos) return false;
    end = line_end + 1;
  }
  if (end == end_of_body + 2 || end > kHeadBytesMax) return false;
  *note = text->substr(0, end);
  text->remove_prefix(end);
  return true;
}

Status TakeHashes(std::string_view* text, std::vector<Digest>* hashes) {
  std::string_view line;
  std::string_view value;
  while (TakeLine(text, &line) && !line.empty()) {
    std::string raw;
    Digest digest;
    if (!TakeAfter(line, "hash ", &value) || !FromBase64(value, &raw) ||
        !Digest::FromRaw(raw, &digest)) {
      return InvalidArgument(
          "the proof is damaged: expected a line 'hash' with 32 bytes in base64");
    }
    hashes->push_back(digest);
    if (hashes->size() > kProofHashesMax) {
      return InvalidArgument("the proof has more hashes than any journal needs");
    }
  }
  return OkStatus();
}

Status TooLong(std::string_view text) {
  if (text.size() <= kProofBytesMax) return OkStatus();
  return InvalidArgument("the proof has " + std::to_string(text.size()) + " bytes; at most " +
                         std::to_string(kProofBytesMax) + " are read");
}

}  // namespace

std::string PublicKey::ToText() const {
  return name + "+" + ToHex(BigEndian(hash)) + "+" +
         Base64(std::string(1, kEd25519).append(View(key)));
}

Result<PublicKey> PublicKey::Parse(std::string_view text) {
  PublicKey made;
  std::string key;
  if (text.starts_with(kSecretPrefix)) {
    return InvalidArgument(
        "this is a secret key; expected the public one (it stands in the .pub file)");
  }
  if (!SplitKey(text, &made.name, &made.hash, &key)) {
    return InvalidArgument("this is no public key: expected NAME+8 hexadecimal digits+base64");
  }
  if (made.hash != HashOf(made.name, key)) {
    return InvalidArgument("the public key is damaged: its hash does not fit its name and key");
  }
  std::memcpy(made.key.data(), key.data(), kKeyBytes);
  return made;
}

SecretKey::~SecretKey() { sodium_memzero(seed.data(), seed.size()); }

Result<SecretKey> SecretKey::Make(std::string_view name) {
  if (sodium_init() < 0) return Internal("libsodium cannot be used");
  if (!IsName(name)) {
    return InvalidArgument("a key's name has 1 to " + std::to_string(kKeyNameBytesMax) +
                           " bytes without white space and '+'");
  }
  SecretKey made;
  std::array<uint8_t, crypto_sign_SECRETKEYBYTES> secret{};
  randombytes_buf(made.seed.data(), made.seed.size());
  crypto_sign_seed_keypair(made.public_key.key.data(), secret.data(), made.seed.data());
  sodium_memzero(secret.data(), secret.size());
  made.public_key.name = name;
  made.public_key.hash = HashOf(name, View(made.public_key.key));
  return made;
}

std::string SecretKey::ToText() const {
  return std::string(kSecretPrefix) + public_key.name + "+" + ToHex(BigEndian(public_key.hash)) +
         "+" + Base64(std::string(1, kEd25519).append(View(seed)));
}

Result<SecretKey> SecretKey::Parse(std::string_view text) {
  SecretKey made;
  std::string seed;
  if (!text.starts_with(kSecretPrefix) ||
      !SplitKey(text.substr(kSecretPrefix.size()), &made.public_key.name, &made.public_key.hash,
                &seed)) {
    return InvalidArgument(
        "this is no secret key: expected PRIVATE+KEY+NAME+8 hexadecimal digits+base64");
  }
  std::array<uint8_t, crypto_sign_SECRETKEYBYTES> secret{};
  std::memcpy(made.seed.data(), seed.data(), kKeyBytes);
  sodium_memzero(seed.data(), seed.size());
  crypto_sign_seed_keypair(made.public_key.key.data(), secret.data(), made.seed.data());
  sodium_memzero(secret.data(), secret.size());
  if (made.public_key.hash != HashOf(made.public_key.name, View(made.public_key.key))) {
    return InvalidArgument("the secret key is damaged: its hash does not fit its name and key");
  }
  return made;
}

std::string SignHead(const TreeHead& head, const SecretKey& key) {
  std::string note = key.public_key.name + "\n" + std::to_string(head.head.frames) + "\n" +
                     Base64(head.root.view()) + "\nsequence " +
                     std::to_string(head.head.last_seq.value()) + "\nchain " +
                     head.head.chain.ToHex() + "\n";
  std::array<uint8_t, crypto_sign_PUBLICKEYBYTES> public_key{};
  std::array<uint8_t, crypto_sign_SECRETKEYBYTES> secret{};
  std::array<uint8_t, kSignatureBytes> signature{};
  crypto_sign_seed_keypair(public_key.data(), secret.data(), key.seed.data());
  crypto_sign_detached(signature.data(), nullptr, reinterpret_cast<const uint8_t*>(note.data()),
                       note.size(), secret.data());
  sodium_memzero(secret.data(), secret.size());
  std::string signed_with = BigEndian(key.public_key.hash);
  signed_with.append(reinterpret_cast<const char*>(signature.data()), signature.size());
  note += "\n" + std::string(kDash) + key.public_key.name + " " + Base64(signed_with) + "\n";
  return note;
}

Result<TreeHead> OpenHead(std::string_view note, const PublicKey& key) {
  const size_t body_end = note.find("\n\n");
  if (note.size() > kHeadBytesMax || body_end == std::string_view::npos) {
    return InvalidArgument("this is no signed head: expected a note with a signature");
  }
  const std::string_view body = note.substr(0, body_end + 1);
  std::string_view signatures = note.substr(body_end + 2);
  bool is_signed = false;
  std::string_view line;
  while (TakeLine(&signatures, &line)) {
    std::string_view rest;
    std::string raw;
    if (!TakeAfter(line, std::string(kDash) + key.name + " ", &rest) || !FromBase64(rest, &raw) ||
        raw.size() != 4 + kSignatureBytes || raw.substr(0, 4) != BigEndian(key.hash)) {
      continue;  // of somebody else
    }
    if (crypto_sign_verify_detached(reinterpret_cast<const uint8_t*>(raw.data()) + 4,
                                    reinterpret_cast<const uint8_t*>(body.data()), body.size(),
                                    key.key.data()) != 0) {
      return InvalidArgument("the signature of " + key.name +
                             " does not fit the head: it was changed");
    }
    is_signed = true;
  }
  if (!is_signed) {
    return InvalidArgument("the head is not signed by " + key.name +
                           " with the key that was given");
  }
  std::string_view rest = body;
  std::string_view origin;
  std::string_view frames;
  std::string_view root;
  std::string_view sequence;
  std::string_view chain;
  TreeHead head;
  std::string raw;
  uint64_t seq = 0;
  const bool five = TakeLine(&rest, &origin) && TakeLine(&rest, &frames) &&
                    TakeLine(&rest, &root) && TakeLine(&rest, &line) &&
                    TakeAfter(line, "sequence ", &sequence) && TakeLine(&rest, &line) &&
                    TakeAfter(line, "chain ", &chain) && rest.empty();
  if (!five || origin != key.name || !ParseNumber(frames, &head.head.frames) ||
      !FromBase64(root, &raw) || !Digest::FromRaw(raw, &head.root) ||
      !ParseNumber(sequence, &seq) || !FromHex(chain, &raw) ||
      !Digest::FromRaw(raw, &head.head.chain)) {
    return InvalidArgument(
        "the head is signed but has another form: expected origin, frames, root, sequence, chain");
  }
  head.head.last_seq = Seq(seq);
  return head;
}

std::string ToText(const InclusionProof& proof) {
  std::string text = std::string(kInclusionLine) + "\nframe " + std::to_string(proof.frame) +
                     "\nrecord " + std::to_string(proof.record) + "\nleaf " + Base64(proof.leaf) +
                     "\n";
  for (const Digest& hash : proof.hashes) text += "hash " + Base64(hash.view()) + "\n";
  return text + "\n" + proof.head;
}

std::string ToText(const ConsistencyProof& proof) {
  std::string text = std::string(kConsistencyLine) + "\n";
  for (const Digest& hash : proof.hashes) text += "hash " + Base64(hash.view()) + "\n";
  return text + "\n" + proof.older + "\n" + proof.newer;
}

std::optional<ProofKind> KindOfProof(std::string_view text) {
  std::string_view line;
  if (!TakeLine(&text, &line)) return std::nullopt;
  if (line == kInclusionLine) return ProofKind::kInclusion;
  if (line == kConsistencyLine) return ProofKind::kConsistency;
  return std::nullopt;
}

Result<InclusionProof> ParseInclusion(std::string_view text) {
  CREDENCE_TRY(TooLong(text));
  InclusionProof proof;
  std::string_view line;
  std::string_view value;
  if (!TakeLine(&text, &line) || line != kInclusionLine) {
    return InvalidArgument("this is no proof of inclusion: expected '" +
                           std::string(kInclusionLine) + "' in the first line");
  }
  const bool numbers = TakeLine(&text, &line) && TakeAfter(line, "frame ", &value) &&
                       ParseNumber(value, &proof.frame) && TakeLine(&text, &line) &&
                       TakeAfter(line, "record ", &value) && ParseNumber(value, &proof.record);
  if (!numbers || proof.frame == 0) {
    return InvalidArgument("the proof is damaged: expected the lines 'frame N' and 'record N'");
  }
  if (!TakeLine(&text, &line) || !TakeAfter(line, "leaf ", &value) ||
      !FromBase64(value, &proof.leaf)) {
    return InvalidArgument("the proof is damaged: expected a line 'leaf' with base64");
  }
  CREDENCE_TRY(TakeHashes(&text, &proof.hashes));
  if (!TakeNote(&text, &proof.head) || !text.empty()) {
    return InvalidArgument("the proof is damaged: expected a signed head at its end");
  }
  return proof;
}

Result<ConsistencyProof> ParseConsistency(std::string_view text) {
  CREDENCE_TRY(TooLong(text));
  ConsistencyProof proof;
  std::string_view line;
  if (!TakeLine(&text, &line) || line != kConsistencyLine) {
    return InvalidArgument("this is no proof of consistency: expected '" +
                           std::string(kConsistencyLine) + "' in the first line");
  }
  CREDENCE_TRY(TakeHashes(&text, &proof.hashes));
  if (!TakeNote(&text, &proof.older) || !TakeLine(&text, &line) || !line.empty() ||
      !TakeNote(&text, &proof.newer) || !text.empty()) {
    return InvalidArgument("the proof is damaged: expected two signed heads at its end");
  }
  return proof;
}

Result<ProvenFrame> CheckInclusion(const InclusionProof& proof, const PublicKey& key) {
  ProvenFrame proven;
  CREDENCE_ASSIGN(proven.head, OpenHead(proof.head, key));
  if (!VerifyInclusion(proof.frame - 1, proven.head.head.frames, MerkleLeaf(proof.leaf),
                       proven.head.root, proof.hashes)) {
    return InvalidArgument("the proof does not hold: frame " + std::to_string(proof.frame) +
                           " as it stands here is not in the journal of the signed head");
  }
  // What is in the journal is a frame, or somebody signed what is no journal.
  ByteReader header(std::string_view(proof.leaf).substr(0, kFrameChainedBytes));
  header.GetRaw(8);
  const uint64_t index = header.GetFixed64();
  proven.first_seq = Seq(header.GetFixed64());
  proven.last_seq = Seq(header.GetFixed64());
  const uint32_t body_bytes = header.GetFixed32();
  const uint32_t records = header.GetFixed32();
  if (!header.ok() || index != proof.frame ||
      body_bytes != proof.leaf.size() - kFrameChainedBytes || records > kRecordsPerFrameMax) {
    return InvalidArgument("the leaf is in the tree but is no frame of a journal");
  }
  ByteReader body(std::string_view(proof.leaf).substr(kFrameChainedBytes));
  for (uint32_t i = 0; i < records; ++i) proven.records.emplace_back(body.GetBytes());
  if (!body.ok() || !body.AtEnd()) {
    return InvalidArgument("the leaf is in the tree but its records do not fill it");
  }
  if (proof.record >= proven.records.size()) {
    return InvalidArgument("the proof speaks of record " + std::to_string(proof.record) +
                           "; its frame has " + std::to_string(proven.records.size()));
  }
  return proven;
}

Result<ProvenGrowth> CheckConsistency(const ConsistencyProof& proof, const PublicKey& key) {
  ProvenGrowth proven;
  CREDENCE_ASSIGN(proven.older, OpenHead(proof.older, key));
  CREDENCE_ASSIGN(proven.newer, OpenHead(proof.newer, key));
  if (!VerifyConsistency(proven.older.head.frames, proven.newer.head.frames, proven.older.root,
                         proven.newer.root, proof.hashes)) {
    return InvalidArgument("the proof does not hold: the journal of the newer head (" +
                           std::to_string(proven.newer.head.frames) +
                           " frames) does not begin with that of the older one (" +
                           std::to_string(proven.older.head.frames) + " frames)");
  }
  return proven;
}

}  // namespace credence::journal
