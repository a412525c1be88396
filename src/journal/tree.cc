#include "src/journal/tree.h"

#include <bit>

#include "src/base/assert.h"
#include "src/journal/retired.h"

namespace credence::journal {

namespace {
// How often a tail is read again that looks damaged while somebody is writing it.
constexpr int kReadAgainMax = 1'000;

// The largest power of two below `size`; size >= 2.
uint64_t Split(uint64_t size) { return std::bit_floor(size - 1); }
}  // namespace

JournalTree::JournalTree(const MerkleFrontier& retired)
    : retired_(retired.size()), peaks_(retired.peaks()) {}

Digest JournalTree::LeafOf(const FrameView& frame) {
  std::string data(frame.chained);
  data += frame.body;
  return MerkleLeaf(data);
}

// The root of the leaves [begin, end), where begin is a multiple of the smallest power of two that
// is at least end - begin.
Digest JournalTree::RangeRoot(uint64_t begin, uint64_t end) const {
  if (begin == end) return MerkleRoot({});
  if (begin >= retired_) {
    return MerkleRoot(std::span(leaves_).subspan(begin - retired_, end - begin));
  }
  // A full subtree of retired leaves beside one that is not retired is one of the peaks.
  uint64_t at = 0;
  for (const Digest& peak : peaks_) {
    const uint64_t size = std::bit_floor(retired_ - at);
    if (at == begin && at + size == end) return peak;
    at += size;
  }
  CREDENCE_ASSERT(end - begin >= 2);
  const uint64_t middle = begin + Split(end - begin);
  return MerkleNode(RangeRoot(begin, middle), RangeRoot(middle, end));
}

Digest JournalTree::Root(uint64_t size) const {
  CREDENCE_ASSERT(size >= retired_ && size <= this->size());
  return RangeRoot(0, size);
}

void JournalTree::InclusionIn(uint64_t begin, uint64_t end, uint64_t index,
                              std::vector<Digest>* proof) const {
  if (end - begin == 1) return;
  const uint64_t middle = begin + Split(end - begin);
  if (index < middle) {
    InclusionIn(begin, middle, index, proof);
    proof->push_back(RangeRoot(middle, end));
  } else {
    InclusionIn(middle, end, index, proof);
    proof->push_back(RangeRoot(begin, middle));
  }
}

std::vector<Digest> JournalTree::Inclusion(uint64_t index, uint64_t size) const {
  CREDENCE_ASSERT(index >= retired_ && index < size && size <= this->size());
  std::vector<Digest> proof;
  InclusionIn(0, size, index, &proof);
  return proof;
}

void JournalTree::ConsistencyIn(uint64_t begin, uint64_t end, uint64_t size, bool known,
                                std::vector<Digest>* proof) const {
  if (size == end) {
    if (!known) proof->push_back(RangeRoot(begin, end));
    return;
  }
  const uint64_t middle = begin + Split(end - begin);
  if (size <= middle) {
    ConsistencyIn(begin, middle, size, known, proof);
    proof->push_back(RangeRoot(middle, end));
  } else {
    ConsistencyIn(middle, end, size, false, proof);
    proof->push_back(RangeRoot(begin, middle));
  }
}

std::vector<Digest> JournalTree::Consistency(uint64_t size1, uint64_t size2) const {
  CREDENCE_ASSERT(size1 > 0 && size1 >= retired_ && size1 <= size2 && size2 <= size());
  std::vector<Digest> proof;
  ConsistencyIn(0, size2, size1, true, &proof);
  return proof;
}

namespace {

// The last whole frame's index.
Result<uint64_t> LastFrame(FileSystem& files, const std::string& folder) {
  ReadOptions options;
  options.from_frame = UINT64_MAX;  // the last segment alone
  CREDENCE_ASSIGN(const auto reader, JournalReader::Open(files, folder, options));
  FrameView frame;
  CREDENCE_TRY(reader->Next(&frame).status());
  return reader->head().frames;
}

Result<Settled> SettledAt(FileSystem& files, const std::string& folder, uint64_t frame_index) {
  CREDENCE_ASSIGN(const Retired retired, ReadRetired(files, folder));
  if (frame_index <= retired.before.frames) return Settled{retired.before, 0, 0};
  ReadOptions options;
  options.from_frame = frame_index;
  options.until_frame = frame_index;
  CREDENCE_ASSIGN(const auto reader, JournalReader::Open(files, folder, options));
  FrameView frame;
  CREDENCE_ASSIGN(const bool there, reader->Next(&frame));
  if (!there) {
    return NotFound(folder + " does not hold frame " + std::to_string(frame_index));
  }
  return Settled{
      {frame.index, frame.last_seq, frame.chain}, frame.segment, frame.offset + frame.bytes};
}

}  // namespace

Result<Settled> FindSettled(FileSystem& files, const std::string& folder,
                            std::optional<uint64_t> until_frame) {
  if (until_frame) return SettledAt(files, folder, *until_frame);
  for (int i = 1;; ++i) {
    bool written = false;
    if (files.Exists(folder + "/lock")) {
      written = files.Lock(folder + "/lock").status().code() == StatusCode::kUnavailable;
    }
    const auto last = LastFrame(files, folder);
    if (last.ok()) return SettledAt(files, folder, written && *last > 0 ? *last - 1 : *last);
    // Half a frame in the page cache may look like damage; a moment later it is whole.
    if (!written || last.status().code() != StatusCode::kDataLoss || i == kReadAgainMax) {
      return last.status();
    }
  }
}

Result<JournalTree> ReadTree(FileSystem& files, const std::string& folder, const Settled& settled,
                             const std::function<Status(const FrameView&)>& on_frame) {
  ReadOptions options;
  options.until_frame = settled.head.frames;
  CREDENCE_ASSIGN(const Retired retired, ReadRetired(files, folder));
  JournalTree tree(retired.frontier);
  CREDENCE_ASSIGN(const auto reader, JournalReader::Open(files, folder, options));
  FrameView frame;
  for (;;) {
    CREDENCE_ASSIGN(const bool more, reader->Next(&frame));
    if (!more) break;
    tree.Append(frame);
    if (on_frame) CREDENCE_TRY(on_frame(frame));
  }
  if (!(reader->head() == settled.head) || tree.size() != settled.head.frames) {
    return DataLoss(folder + ": the journal changed while it was read");
  }
  return tree;
}

}  // namespace credence::journal
