#include "src/base/merkle.h"

#include <bit>

#include "src/base/assert.h"

namespace credence {

namespace {
// The largest power of two below `size`; size >= 2.
uint64_t Split(uint64_t size) { return std::bit_floor(size - 1); }

void Inclusion(std::span<const Digest> leaves, uint64_t index, std::vector<Digest>* proof) {
  if (leaves.size() == 1) return;
  const uint64_t split = Split(leaves.size());
  if (index < split) {
    Inclusion(leaves.first(split), index, proof);
    proof->push_back(MerkleRoot(leaves.subspan(split)));
  } else {
    Inclusion(leaves.subspan(split), index - split, proof);
    proof->push_back(MerkleRoot(leaves.first(split)));
  }
}

// RFC 6962, SUBPROOF: `known` says whether the verifier has the root of these leaves already.
void Consistency(std::span<const Digest> leaves, uint64_t size, bool known,
                 std::vector<Digest>* proof) {
  if (size == leaves.size()) {
    if (!known) proof->push_back(MerkleRoot(leaves));
    return;
  }
  const uint64_t split = Split(leaves.size());
  if (size <= split) {
    Consistency(leaves.first(split), size, known, proof);
    proof->push_back(MerkleRoot(leaves.subspan(split)));
  } else {
    Consistency(leaves.subspan(split), size - split, false, proof);
    proof->push_back(MerkleRoot(leaves.first(split)));
  }
}
}  // namespace

Digest MerkleLeaf(std::string_view data) {
  Sha256Stream stream;
  stream.Update(std::string_view("\0", 1));
  stream.Update(data);
  return stream.Finish();
}

Digest MerkleNode(const Digest& left, const Digest& right) {
  std::string bytes(1, '\1');
  bytes += left.view();
  bytes += right.view();
  return Sha256(bytes);
}

Digest MerkleRoot(std::span<const Digest> leaves) {
  MerkleFrontier frontier;
  for (const Digest& leaf : leaves) frontier.Append(leaf);
  return frontier.Root();
}

void MerkleFrontier::Append(const Digest& leaf) {
  Digest node = leaf;
  for (uint64_t rest = size_; (rest & 1) != 0; rest >>= 1) {
    node = MerkleNode(peaks_.back(), node);
    peaks_.pop_back();
  }
  peaks_.push_back(node);
  ++size_;
}

Digest MerkleFrontier::Root() const {
  if (peaks_.empty()) return Sha256("");
  Digest root = peaks_.back();
  for (size_t i = peaks_.size() - 1; i-- > 0;) root = MerkleNode(peaks_[i], root);
  return root;
}

bool MerkleFrontier::Restore(uint64_t size, std::vector<Digest> peaks) {
  if (static_cast<size_t>(std::popcount(size)) != peaks.size()) return false;
  size_ = size;
  peaks_ = std::move(peaks);
  return true;
}

std::vector<Digest> InclusionProof(std::span<const Digest> leaves, uint64_t index) {
  CREDENCE_ASSERT(index < leaves.size());
  std::vector<Digest> proof;
  Inclusion(leaves, index, &proof);
  return proof;
}

std::vector<Digest> ConsistencyProof(std::span<const Digest> leaves, uint64_t size) {
  CREDENCE_ASSERT(size > 0 && size <= leaves.size());
  std::vector<Digest> proof;
  Consistency(leaves, size, true, &proof);
  return proof;
}

bool VerifyInclusion(uint64_t index, uint64_t size, const Digest& leaf, const Digest& root,
                     std::span<const Digest> proof) {
  // RFC 9162, section 2.1.3.2; fn and sn are the place of the node and of the last one on its
  // level.
  if (index >= size) return false;
  uint64_t fn = index;
  uint64_t sn = size - 1;
  Digest node = leaf;
  for (const Digest& other : proof) {
    if (sn == 0) return false;
    if ((fn & 1) != 0 || fn == sn) {
      node = MerkleNode(other, node);
      while ((fn & 1) == 0 && fn != 0) {
        fn >>= 1;
        sn >>= 1;
      }
    } else {
      node = MerkleNode(node, other);
    }
    fn >>= 1;
    sn >>= 1;
  }
  return sn == 0 && node == root;
}

bool VerifyConsistency(uint64_t size1, uint64_t size2, const Digest& root1, const Digest& root2,
                       std::span<const Digest> proof) {
  return size1 > 0 && VerifySubtreeConsistency(0, size1, size2, root1, root2, proof);
}

bool IsMerkleSubtree(uint64_t start, uint64_t end) {
  if (start >= end) return false;
  if (start == 0) return true;
  const uint64_t size = end - start;
  // Beyond 2^63 no other start than 0 is a multiple, and bit_ceil has no answer.
  return size <= uint64_t{1} << 63 && start % std::bit_ceil(size) == 0;
}

bool VerifySubtreeInclusion(uint64_t index, uint64_t start, uint64_t end, const Digest& leaf,
                            const Digest& root, std::span<const Digest> proof) {
  if (!IsMerkleSubtree(start, end) || index < start) return false;
  return VerifyInclusion(index - start, end - start, leaf, root, proof);
}

bool VerifySubtreeConsistency(uint64_t start, uint64_t end, uint64_t size,
                              const Digest& subtree_root, const Digest& root,
                              std::span<const Digest> proof) {
  if (end > size) return false;
  if (start == end) return proof.empty() && subtree_root == MerkleRoot({});
  if (!IsMerkleSubtree(start, end)) return false;
  // First and last node of the subtree and last node of the tree, level by level from the leaves.
  uint64_t fn = start;
  uint64_t sn = end - 1;
  uint64_t tn = size - 1;
  const auto up = [&] {
    fn >>= 1;
    sn >>= 1;
    tn >>= 1;
  };
  // Up to the largest node that both trees have at the subtree's right edge.
  while (fn != sn && (sn == tn || (sn & 1) != 0)) up();
  Digest subtree_node = subtree_root;
  if (fn != sn) {
    if (proof.empty()) return false;
    subtree_node = proof.front();
    proof = proof.subspan(1);
  }
  Digest node = subtree_node;
  for (const Digest& other : proof) {
    if (tn == 0) return false;
    if ((sn & 1) != 0 || sn == tn) {
      if (fn < sn) subtree_node = MerkleNode(other, subtree_node);
      node = MerkleNode(other, node);
      while ((sn & 1) == 0 && sn != 0) up();
    } else {
      node = MerkleNode(node, other);
    }
    up();
  }
  return tn == 0 && subtree_node == subtree_root && node == root;
}

}  // namespace credence
