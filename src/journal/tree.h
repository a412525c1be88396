#pragma once
// JournalTree: the Merkle tree over a journal's frames (RFC 6962, base/merkle.h): leaf i is frame
// i + 1, and its data is FrameView::chained followed by FrameView::body. 32 bytes a frame in
// memory.
//
// Frames that were retired are kept as the roots of their full subtrees, which is enough to prove
// every later frame and to show consistency with every head that reaches beyond them.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "src/base/merkle.h"
#include "src/journal/reader.h"

namespace credence::journal {

class JournalTree {
 public:
  JournalTree() = default;
  // A tree whose first frames are known by their frontier alone.
  explicit JournalTree(const MerkleFrontier& retired);

  void Append(const FrameView& frame) { Append(LeafOf(frame)); }
  void Append(const Digest& leaf) { leaves_.push_back(leaf); }
  // Frames, retired ones included.
  [[nodiscard]] uint64_t size() const { return retired_ + leaves_.size(); }
  [[nodiscard]] uint64_t retired() const { return retired_; }
  // Of the first `size` frames; retired() <= size <= size().
  [[nodiscard]] Digest Root(uint64_t size) const;
  // Of leaf `index` in the tree of the first `size` frames; retired() <= index < size <= size().
  [[nodiscard]] std::vector<Digest> Inclusion(uint64_t index, uint64_t size) const;
  // From `size1` to `size2` frames; max(1, retired()) <= size1 <= size2 <= size().
  [[nodiscard]] std::vector<Digest> Consistency(uint64_t size1, uint64_t size2) const;

  [[nodiscard]] static Digest LeafOf(const FrameView& frame);

 private:
  [[nodiscard]] Digest RangeRoot(uint64_t begin, uint64_t end) const;
  void InclusionIn(uint64_t begin, uint64_t end, uint64_t index, std::vector<Digest>* proof) const;
  void ConsistencyIn(uint64_t begin, uint64_t end, uint64_t size, bool known,
                     std::vector<Digest>* proof) const;

  uint64_t retired_ = 0;
  std::vector<Digest> peaks_;  // of the retired frames, from left to right
  std::vector<Digest> leaves_;
};

// A journal as far as it is settled: what no crash and no writer can take back any more.
struct Settled {
  ChainHead head;
  uint64_t segment = 0;  // where its last frame ends
  uint64_t offset = 0;
};
// Of a journal that this or another process may be writing: while somebody holds its lock, the last
// frame may be on its way, and a frame is settled when another stands behind it. `until_frame`: a
// frame that the caller knows to be durable, if it knows one; nothing beyond it is looked at.
// kNotFound if there is no journal, kDataLoss for damage.
Result<Settled> FindSettled(FileSystem& files, const std::string& folder,
                            std::optional<uint64_t> until_frame = std::nullopt);

// Reads all frames up to `settled` and makes their tree; `on_frame` sees each, if given. The head
// after them is settled.head, or that is kDataLoss.
Result<JournalTree> ReadTree(FileSystem& files, const std::string& folder, const Settled& settled,
                             const std::function<Status(const FrameView&)>& on_frame = nullptr);

}  // namespace credence::journal
