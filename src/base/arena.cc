#include "src/base/arena.h"

#include <algorithm>
#include <cstring>

namespace credence {

void Arena::Enter(size_t block) {
  current_ = block;
  begin_ = reinterpret_cast<uintptr_t>(blocks_[block].bytes.get());
  next_ = begin_;
  end_ = begin_ + blocks_[block].size;
}

void* Arena::AllocateSlow(size_t size, size_t alignment) {
  used_before_ += next_ - begin_;
  size_t candidate = blocks_.empty() || next_ == 0 ? 0 : current_ + 1;
  while (candidate < blocks_.size() && blocks_[candidate].size < size + alignment) ++candidate;
  if (candidate >= blocks_.size()) {
    size_t wanted = blocks_.empty() ? kFirstBlockBytes : blocks_.back().size * 2;
    wanted = std::max(std::min(wanted, kBlockBytesMax), size + alignment);
    blocks_.push_back({std::make_unique_for_overwrite<std::byte[]>(wanted), wanted});
    candidate = blocks_.size() - 1;
  }
  Enter(candidate);
  return Allocate(size, alignment);
}

std::string_view Arena::Copy(std::string_view text) {
  if (text.empty()) return {};
  auto* to = static_cast<char*>(Allocate(text.size(), 1));
  std::memcpy(to, text.data(), text.size());
  return {to, text.size()};
}

void Arena::Reset() {
  used_before_ = 0;
  if (blocks_.empty()) return;
  Enter(0);
}

}  // namespace credence
