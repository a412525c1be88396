#pragma once
// Merkle trees over a growing list, as in RFC 6962 (section 2.1) and RFC 9162, with SHA-256: the
// root of n leaves; proofs that a leaf is in it and that an older root is a prefix of a newer one;
// their verification.
//
//   leaf hash = SHA-256(0x00, data)        node hash = SHA-256(0x01, left, right)
//   root of n leaves: the largest power of two below n on the left; the root of none is SHA-256("")
//
// Subtrees [start, end) of the same tree, where start is a multiple of the smallest power of two
// that is at least end - start, can stand in for the older tree
// (draft-ietf-plants-merkle-tree-certs, section 4); a prefix of the tree is the subtree that starts
// at 0.
//
// Verification answers false for anything that is not a proof, whatever its numbers; it needs
// nothing but its arguments. Making a proof hashes every leaf it is given once.

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "src/base/digest.h"

namespace credence {

[[nodiscard]] Digest MerkleLeaf(std::string_view data);
[[nodiscard]] Digest MerkleNode(const Digest& left, const Digest& right);
[[nodiscard]] Digest MerkleRoot(std::span<const Digest> leaves);

// The leaves of a growing tree, kept as the roots of its full subtrees: 32 bytes for each bit of
// size().
class MerkleFrontier {
 public:
  void Append(const Digest& leaf);
  [[nodiscard]] uint64_t size() const { return size_; }
  [[nodiscard]] Digest Root() const;
  // The roots of the full subtrees from left to right: what a later process needs to go on.
  [[nodiscard]] const std::vector<Digest>& peaks() const { return peaks_; }
  // False (and nothing is changed) unless `peaks` has one digest for each bit that is set in
  // `size`.
  [[nodiscard]] bool Restore(uint64_t size, std::vector<Digest> peaks);

 private:
  uint64_t size_ = 0;
  std::vector<Digest> peaks_;
};

// `index` < leaves.size().
[[nodiscard]] std::vector<Digest> InclusionProof(std::span<const Digest> leaves, uint64_t index);
// From the tree of the first `size` leaves to the tree of all; 0 < size <= leaves.size().
[[nodiscard]] std::vector<Digest> ConsistencyProof(std::span<const Digest> leaves, uint64_t size);

[[nodiscard]] bool VerifyInclusion(uint64_t index, uint64_t size, const Digest& leaf,
                                   const Digest& root, std::span<const Digest> proof);
// That the tree of `size2` leaves with `root2` begins with the tree of `size1` leaves with `root1`.
// The empty tree is a prefix of every tree, which proves nothing: size1 = 0 is false.
[[nodiscard]] bool VerifyConsistency(uint64_t size1, uint64_t size2, const Digest& root1,
                                     const Digest& root2, std::span<const Digest> proof);

[[nodiscard]] bool IsMerkleSubtree(uint64_t start, uint64_t end);
[[nodiscard]] bool VerifySubtreeInclusion(uint64_t index, uint64_t start, uint64_t end,
                                          const Digest& leaf, const Digest& root,
                                          std::span<const Digest> proof);
// An empty subtree (start = end) is in every tree that reaches so far, by an empty proof.
[[nodiscard]] bool VerifySubtreeConsistency(uint64_t start, uint64_t end, uint64_t size,
                                            const Digest& subtree_root, const Digest& root,
                                            std::span<const Digest> proof);

}  // namespace credence
