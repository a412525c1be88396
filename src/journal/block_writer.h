#pragma once
// BlockWriter: appends to a file in whole blocks, so that what is appended can go past the page
// cache (File::WriteBlocks) though it is of any length. It keeps the bytes of the last block that
// is not full, and writes them again together with those that come behind them; up to the end of
// the block it writes zeros. A page of the cache that is touched for the first time costs many
// times the copy of its bytes, and a journal touches nothing but new ones.
//
// Writing bytes again that are on disk already is safe where a disk writes each sector whole or not
// at all, whatever the order: in every sector old and new bytes are equal up to the end of what was
// there, so that whichever of the two is found after a crash, those bytes are found. (A page cache
// does the same: it writes back whole pages.) Behind the end there were zeros, or nothing.
//
// Not for several threads at once.

#include <cstdint>
#include <memory>
#include <string_view>

#include "src/base/file.h"

namespace credence::journal {

// Memory whose address is a multiple of kDiskBlockBytes.
struct FreeBlocks {
  void operator()(char* blocks) const;
};
using Blocks = std::unique_ptr<char[], FreeBlocks>;
// `bytes` is a multiple of kDiskBlockBytes. Not initialised.
[[nodiscard]] Blocks NewBlocks(uint64_t bytes);

class BlockWriter {
 public:
  // What comes next is appended at `end` of a file. `bytes` are those that the file has between the
  // start of the block that `end` lies in, and `end`.
  void Begin(uint64_t end, std::string_view bytes);

  // Writes `bytes` at the end: as whole blocks if the file has all their bytes already (it has
  // `file_bytes`), and as they are otherwise, since a file is not to grow by the zeros behind them.
  // After a failure Begin comes first.
  Status Append(File* file, std::string_view bytes, uint64_t file_bytes);

  [[nodiscard]] uint64_t end() const { return end_; }

 private:
  // Room for so many bytes, the first `keep` of them as they are.
  void Reserve(uint64_t bytes, uint64_t keep);

  Blocks blocks_;  // the bytes of the last block come first
  uint64_t room_ = 0;
  uint64_t end_ = 0;
};

}  // namespace credence::journal
