#include "src/base/merkle.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "src/base/bytes.h"
#include "src/base/random.h"

namespace credence {
namespace {

std::vector<Digest> Leaves(size_t count) {
  std::vector<Digest> leaves;
  for (size_t i = 0; i < count; ++i) leaves.push_back(MerkleLeaf("leaf " + std::to_string(i)));
  return leaves;
}

// RFC 6962, section 2.1, word for word.
Digest NaiveRoot(std::span<const Digest> leaves) {
  if (leaves.empty()) return Sha256("");
  if (leaves.size() == 1) return leaves[0];
  size_t split = 1;
  while (split * 2 < leaves.size()) split *= 2;
  return MerkleNode(NaiveRoot(leaves.first(split)), NaiveRoot(leaves.subspan(split)));
}

TEST(Merkle, TheEmptyTreeAndTheEmptyLeafHaveTheHashesOfTheRfc) {
  EXPECT_EQ(MerkleRoot({}).ToHex(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(MerkleLeaf("").ToHex(),
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
}

TEST(Merkle, TheFrontierGivesTheRootOfTheDefinition) {
  const auto leaves = Leaves(70);
  MerkleFrontier frontier;
  for (size_t n = 0; n <= leaves.size(); ++n) {
    const auto prefix = std::span(leaves).first(n);
    EXPECT_EQ(MerkleRoot(prefix), NaiveRoot(prefix)) << n;
    EXPECT_EQ(frontier.Root(), NaiveRoot(prefix)) << n;
    MerkleFrontier restored;
    ASSERT_TRUE(restored.Restore(frontier.size(), frontier.peaks()));
    EXPECT_EQ(restored.Root(), frontier.Root());
    EXPECT_FALSE(restored.Restore(frontier.size() + 2 * n + 7, {}));
    if (n < leaves.size()) frontier.Append(leaves[n]);
  }
}

TEST(Merkle, EveryLeafOfEverySmallTreeIsProvedAndNoOther) {
  const auto all = Leaves(33);
  for (size_t n = 1; n <= all.size(); ++n) {
    const auto leaves = std::span(all).first(n);
    const Digest root = NaiveRoot(leaves);
    for (size_t i = 0; i < n; ++i) {
      auto proof = InclusionProof(leaves, i);
      EXPECT_TRUE(VerifyInclusion(i, n, leaves[i], root, proof)) << i << " of " << n;
      EXPECT_FALSE(VerifyInclusion(i, n, all[(i + 1) % all.size()], root, proof));
      for (size_t other = 0; other < n; ++other) {
        EXPECT_EQ(VerifyInclusion(other, n, leaves[i], root, proof), other == i);
      }
      proof.push_back(root);
      EXPECT_FALSE(VerifyInclusion(i, n, leaves[i], root, proof));
      proof.pop_back();
      if (proof.empty()) continue;
      proof.back().bytes[5] ^= 1;
      EXPECT_FALSE(VerifyInclusion(i, n, leaves[i], root, proof));
    }
    EXPECT_FALSE(VerifyInclusion(n, n, leaves[0], root, {}));
  }
}

TEST(Merkle, EveryPrefixOfEverySmallTreeIsProvedAndNoOther) {
  const auto all = Leaves(33);
  for (size_t n = 1; n <= all.size(); ++n) {
    const auto leaves = std::span(all).first(n);
    const Digest root = NaiveRoot(leaves);
    for (size_t m = 1; m <= n; ++m) {
      const Digest old_root = NaiveRoot(leaves.first(m));
      auto proof = ConsistencyProof(leaves, m);
      EXPECT_TRUE(VerifyConsistency(m, n, old_root, root, proof)) << m << " of " << n;
      Digest other = old_root;
      other.bytes[0] ^= 1;
      EXPECT_FALSE(VerifyConsistency(m, n, other, root, proof));
      other = root;
      other.bytes[31] ^= 1;
      EXPECT_FALSE(VerifyConsistency(m, n, old_root, other, proof));
      for (Digest& node : proof) {
        node.bytes[7] ^= 4;
        EXPECT_FALSE(VerifyConsistency(m, n, old_root, root, proof));
        node.bytes[7] ^= 4;
      }
      proof.push_back(root);
      EXPECT_FALSE(VerifyConsistency(m, n, old_root, root, proof));
    }
    EXPECT_FALSE(VerifyConsistency(0, n, NaiveRoot({}), root, {}));
    EXPECT_FALSE(VerifyConsistency(n + 1, n, root, root, {}));
  }
}

TEST(Merkle, VerificationOfArbitraryNumbersEndsAndIsFalse) {
  Random random(20240607);
  const Digest digest = Sha256("x");
  for (int i = 0; i < 20'000; ++i) {
    const uint64_t a = random.Next() >> random.Below(64);
    const uint64_t b = random.Next() >> random.Below(64);
    const uint64_t c = random.Next() >> random.Below(64);
    const std::vector<Digest> proof(1 + random.Below(70), digest);
    EXPECT_FALSE(VerifyInclusion(a, b, digest, digest, proof));
    EXPECT_FALSE(VerifySubtreeInclusion(a, b, c, digest, digest, proof));
    EXPECT_FALSE(VerifySubtreeConsistency(a, b, c, digest, digest, proof)) << a << " " << b;
  }
}

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// One vector file: flat JSON with numbers, one boolean, base64 strings and one array of them.
class Vector {
 public:
  explicit Vector(const std::filesystem::path& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    text_ = text.str();
  }
  [[nodiscard]] uint64_t Number(const std::string& key) const {
    return std::strtoull(text_.c_str() + After(key), nullptr, 10);
  }
  [[nodiscard]] bool wants_error() const { return text_.compare(After("wantErr"), 4, "true") == 0; }
  // Nothing unless it is 32 bytes long: such a thing never becomes a Digest.
  [[nodiscard]] std::optional<Digest> Hash(const std::string& key) const {
    size_t at = After(key);
    const std::string bytes = Decode(Quoted(&at));
    Digest digest;
    return Digest::FromRaw(bytes, &digest) ? std::optional(digest) : std::nullopt;
  }
  // Consistency vectors give short texts as roots that matter only by being equal or not; their
  // SHA-256 stands in for them.
  [[nodiscard]] Digest Root(const std::string& key) const {
    size_t at = After(key);
    return Stand(Decode(Quoted(&at)));
  }
  [[nodiscard]] std::vector<Digest> Proof() const {
    std::vector<Digest> proof;
    size_t at = After("proof");
    if (text_[at] != '[') return proof;  // null
    const size_t end = text_.find(']', at);
    while (text_.find('"', at) < end) {
      proof.push_back(Stand(Decode(Quoted(&at))));
    }
    return proof;
  }

 private:
  [[nodiscard]] size_t After(const std::string& key) const {
    const size_t at = text_.find("\"" + key + "\":");
    EXPECT_NE(at, std::string::npos) << key;
    return text_.find_first_not_of(' ', at + key.size() + 3);
  }
  std::string Quoted(size_t* at) const {
    const size_t from = text_.find('"', *at) + 1;
    const size_t to = text_.find('"', from);
    *at = to + 1;
    return text_.substr(from, to - from);
  }
  static Digest Stand(const std::string& bytes) {
    Digest digest;
    return Digest::FromRaw(bytes, &digest) ? digest : Sha256(bytes);
  }
  static std::string Decode(const std::string& base64) {
    std::string bytes;
    uint32_t bits = 0;
    int count = 0;
    for (const char c : base64) {
      if (c == '=') break;
      bits = bits << 6 | static_cast<uint32_t>(kBase64.find(c));
      count += 6;
      if (count < 8) continue;
      count -= 8;
      bytes.push_back(static_cast<char>(bits >> count & 0xff));
    }
    return bytes;
  }
  std::string text_;
};

std::optional<bool> Verdict(const std::string& kind, const Vector& v) {
  const auto proof = v.Proof();
  if (kind == "inclusion" || kind == "subtreeinclusion") {
    const auto leaf = v.Hash("leafHash");
    const auto root = v.Hash("root");
    if (!leaf.has_value() || !root.has_value()) return false;
    const uint64_t index = v.Number("leafIdx");
    return kind == "inclusion" ? VerifyInclusion(index, v.Number("treeSize"), *leaf, *root, proof)
                               : VerifySubtreeInclusion(index, v.Number("start"), v.Number("end"),
                                                        *leaf, *root, proof);
  }
  if (kind == "consistency") {
    return VerifyConsistency(v.Number("size1"), v.Number("size2"), v.Root("root1"), v.Root("root2"),
                             proof);
  }
  if (kind == "subtreeconsistency") {
    return VerifySubtreeConsistency(v.Number("start"), v.Number("end"), v.Number("size"),
                                    v.Root("root1"), v.Root("root2"), proof);
  }
  return std::nullopt;
}

TEST(Merkle, EveryPublishedVectorHasTheVerdictItAsksFor) {
  const char* shared = std::getenv("CREDENCE_SHARED");
  const std::filesystem::path folder =
      std::filesystem::path(shared != nullptr ? shared : CREDENCE_SOURCE_DIR "/../shared") /
      "data/vectors/merkle";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no vectors at " << folder;
  int good = 0;
  int bad = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".json") continue;
    const std::string kind = std::filesystem::relative(entry.path(), folder).begin()->string();
    const Vector vector(entry.path());
    const auto verdict = Verdict(kind, vector);
    ASSERT_TRUE(verdict.has_value()) << "unknown kind of vector: " << entry.path();
    EXPECT_EQ(*verdict, !vector.wants_error()) << entry.path();
    ++(vector.wants_error() ? bad : good);
  }
  EXPECT_EQ(good + bad, 381);
  EXPECT_GT(good, 20);
}

}  // namespace
}  // namespace credence
