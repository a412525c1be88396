#include "src/journal/block_writer.h"

#include <cstring>
#include <new>

#include "src/base/assert.h"

namespace credence::journal {

namespace {
// Room is kept for the appends to come, but not that of rare large ones.
constexpr uint64_t kRoomKeptMax = uint64_t{4} << 20;

uint64_t BlockOf(uint64_t offset) { return offset / kDiskBlockBytes * kDiskBlockBytes; }
uint64_t BlocksEnd(uint64_t offset) { return BlockOf(offset + kDiskBlockBytes - 1); }
}  // namespace

void FreeBlocks::operator()(char* blocks) const {
  ::operator delete[](blocks, std::align_val_t{kDiskBlockBytes});
}

Blocks NewBlocks(uint64_t bytes) {
  CREDENCE_ASSERT(bytes % kDiskBlockBytes == 0);
  return Blocks(static_cast<char*>(::operator new[](bytes, std::align_val_t{kDiskBlockBytes})));
}

void BlockWriter::Reserve(uint64_t bytes, uint64_t keep) {
  if (bytes <= room_ && (room_ <= kRoomKeptMax || bytes > kRoomKeptMax)) return;
  Blocks larger = NewBlocks(bytes);
  if (keep > 0) std::memcpy(larger.get(), blocks_.get(), keep);
  blocks_ = std::move(larger);
  room_ = bytes;
}

void BlockWriter::Begin(uint64_t end, std::string_view bytes) {
  CREDENCE_ASSERT(bytes.size() == end - BlockOf(end));
  Reserve(kDiskBlockBytes, 0);
  if (!bytes.empty()) std::memcpy(blocks_.get(), bytes.data(), bytes.size());
  end_ = end;
}

Status BlockWriter::Append(File* file, std::string_view bytes, uint64_t file_bytes) {
  const uint64_t begin = BlockOf(end_);
  const uint64_t before = end_ - begin;
  const uint64_t end = end_ + bytes.size();
  const uint64_t blocks_end = BlocksEnd(end);
  if (blocks_end <= file_bytes) {
    const uint64_t size = blocks_end - begin;
    Reserve(size, before);
    std::memcpy(blocks_.get() + before, bytes.data(), bytes.size());
    std::memset(blocks_.get() + before + bytes.size(), 0, blocks_end - end);
    CREDENCE_TRY(file->WriteBlocks(begin, {blocks_.get(), size}));
    std::memmove(blocks_.get(), blocks_.get() + (BlockOf(end) - begin), end - BlockOf(end));
  } else {
    CREDENCE_TRY(file->WriteAt(end_, bytes));
    if (BlockOf(end) == begin) {
      std::memcpy(blocks_.get() + before, bytes.data(), bytes.size());
    } else {
      const std::string_view last = bytes.substr(bytes.size() - (end - BlockOf(end)));
      std::memcpy(blocks_.get(), last.data(), last.size());
    }
  }
  end_ = end;
  return OkStatus();
}

}  // namespace credence::journal
