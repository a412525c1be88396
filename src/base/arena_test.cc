#include "src/base/arena.h"

#include <gtest/gtest.h>

#include <cstring>

#include "src/base/random.h"

namespace credence {
namespace {

TEST(Arena, PiecesAreAlignedAndNeverOverlap) {
  constexpr uint64_t kSeed = 43;
  Random random(kSeed);
  Arena arena;
  for (int round = 0; round < 5; ++round) {
    struct Piece {
      unsigned char* at;
      size_t size;
      unsigned char mark;
    };
    std::vector<Piece> pieces;
    size_t total = 0;
    for (int i = 0; i < 2000; ++i) {
      const size_t size = random.OneIn(100) ? random.Below(20000) : random.Below(100);
      const size_t alignment = size_t{1} << random.Below(5);
      auto* at = static_cast<unsigned char*>(arena.Allocate(size, alignment));
      ASSERT_NE(at, nullptr);
      ASSERT_EQ(reinterpret_cast<uintptr_t>(at) % alignment, 0U);
      const auto mark = static_cast<unsigned char>(random.Below(256));
      if (size != 0) std::memset(at, mark, size);
      pieces.push_back({at, size, mark});
      total += size;
    }
    for (const Piece& piece : pieces) {
      for (size_t k = 0; k < piece.size; ++k) {
        ASSERT_EQ(piece.at[k], piece.mark) << "seed " << kSeed;
      }
    }
    EXPECT_GE(arena.bytes_used(), total);
    arena.Reset();
    EXPECT_EQ(arena.bytes_used(), 0U);
  }
}

TEST(Arena, AWarmArenaUsesTheSameMemoryAgain) {
  Arena arena;
  void* const first = arena.Allocate(100);
  (void)arena.Allocate(Arena::kFirstBlockBytes);
  arena.Reset();
  EXPECT_EQ(arena.Allocate(100), first);
  EXPECT_EQ(arena.bytes_used(), 100U);
}

TEST(Arena, HoldsObjectsArraysAndText) {
  Arena arena;
  struct Point {
    int x;
    int y;
  };
  const Point* const point = arena.New<Point>(1, 2);
  EXPECT_EQ(point->x + point->y, 3);
  const std::span<uint64_t> words = arena.NewArray<uint64_t>(1000);
  EXPECT_EQ(words.size(), 1000U);
  EXPECT_EQ(words[999], 0U);
  EXPECT_TRUE(arena.NewArray<uint64_t>(0).empty());
  std::string text = "text";
  const std::string_view copy = arena.Copy(text);
  text = "gone";
  EXPECT_EQ(copy, "text");
  EXPECT_EQ(arena.Copy(""), "");
  const std::string large(3 * Arena::kBlockBytesMax, 'x');
  EXPECT_EQ(arena.Copy(large), large);
}

}  // namespace
}  // namespace credence
