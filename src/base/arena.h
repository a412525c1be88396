#pragma once
// Arena: memory that is freed all at once. One per evaluation; Reset() keeps the blocks, so that a
// warm arena allocates nothing. Objects in it are never destroyed: only trivially destructible
// types.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace credence {

class Arena {
 public:
  static constexpr size_t kFirstBlockBytes = 4096;
  static constexpr size_t kBlockBytesMax = size_t{1} << 20;

  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Never null. `alignment` is a power of two up to 16.
  void* Allocate(size_t size, size_t alignment = 16) {
    auto at = (next_ + alignment - 1) & ~(static_cast<uintptr_t>(alignment) - 1);
    if (at + size > end_ || next_ == 0) return AllocateSlow(size, alignment);
    next_ = at + size;
    return reinterpret_cast<void*>(at);
  }

  template <class T, class... Args>
  T* New(Args&&... args) {
    static_assert(std::is_trivially_destructible_v<T>);
    return new (Allocate(sizeof(T), alignof(T))) T(static_cast<Args&&>(args)...);
  }

  // Default-initialised.
  template <class T>
  std::span<T> NewArray(size_t count) {
    static_assert(std::is_trivially_destructible_v<T>);
    if (count == 0) return {};
    T* first = static_cast<T*>(Allocate(sizeof(T) * count, alignof(T)));
    for (size_t i = 0; i < count; ++i) new (first + i) T();
    return {first, count};
  }

  // A copy that lives as long as the arena's content.
  std::string_view Copy(std::string_view text);

  // Forgets all content, keeps the memory.
  void Reset();
  [[nodiscard]] size_t bytes_used() const { return used_before_ + (next_ - begin_); }

 private:
  void* AllocateSlow(size_t size, size_t alignment);
  struct Block {
    std::unique_ptr<std::byte[]> bytes;
    size_t size;
  };
  void Enter(size_t block);

  std::vector<Block> blocks_;
  size_t current_ = 0;  // index of the block in use
  uintptr_t begin_ = 0;
  uintptr_t next_ = 0;
  uintptr_t end_ = 0;
  size_t used_before_ = 0;
};

}  // namespace credence
