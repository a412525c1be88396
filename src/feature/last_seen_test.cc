// LastSeen against a plain map of times, also where all cells have one tag. That windows count what
// they should is shown by window_diff_test.cc.

#include "src/feature/last_seen.h"

#include <gtest/gtest.h>

#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "src/base/random.h"

namespace credence::feature {
namespace {

constexpr int64_t kLengths[] = {20, 100, 500};

// Cells that LastSeen's table cannot tell apart without a look at them: a cell times an odd number
// is a word whose halves, put together by xor, are its tag.
std::vector<int64_t> CellsOfOneTag(size_t count) {
  constexpr uint64_t kFactor = 0x9E3779B97F4A7C15U;
  uint64_t inverse = kFactor;  // each step doubles the bits that are right, of which three are
  for (int step = 0; step < 5; ++step) inverse *= 2 - kFactor * inverse;
  constexpr uint64_t kTag = 0x1234'5678;
  std::vector<int64_t> cells;
  for (uint64_t high = 1; high <= count; ++high) {
    cells.push_back(static_cast<int64_t>((high << 32 | (high ^ kTag)) * inverse));
  }
  return cells;
}

std::vector<int64_t> SmallCells(size_t count) {
  std::vector<int64_t> cells;
  for (size_t i = 1; i <= count; ++i) cells.push_back(static_cast<int64_t>(i));
  return cells;
}

void EqualsAMap(const std::vector<int64_t>& cells, uint64_t seed) {
  Random random(seed);
  LastSeen seen(std::size(kLengths));
  std::map<int64_t, std::multiset<int64_t>> rows;  // by cell
  int64_t now = 0;
  for (int step = 0; step < 3000; ++step) {
    now += static_cast<int64_t>(random.Below(5));
    for (size_t w = 0; w < std::size(kLengths); ++w) seen.Evict(w, now - kLengths[w]);
    const int64_t cell = cells[random.Below(cells.size())];
    if (random.OneIn(6) && rows.contains(cell)) {
      std::multiset<int64_t>& times = rows.at(cell);
      const int64_t gone = random.OneIn(2) ? *times.rbegin() : *times.begin();
      times.erase(times.find(gone));
      if (!seen.Remove(cell, gone)) {
        seen.SetLast(cell, times.empty() ? std::nullopt : std::optional(*times.rbegin()));
      }
      if (times.empty()) rows.erase(cell);
    } else {
      const int64_t late = random.OneIn(4) ? static_cast<int64_t>(random.Below(300)) : 0;
      rows[cell].insert(now - late);
      seen.Add(cell, now - late);
    }
    if (random.OneIn(10)) {
      const int64_t through = now - 2 * kLengths[2];
      seen.Trim(through);
      std::erase_if(rows, [&](const auto& row) { return *row.second.rbegin() <= through; });
    }
    for (size_t w = 0; w < std::size(kLengths); ++w) {
      int64_t count = 0;
      for (const auto& [of, times] : rows) count += *times.rbegin() > now - kLengths[w] ? 1 : 0;
      ASSERT_EQ(seen.Count(w), count) << "seed " << seed << ", step " << step << ", window " << w;
    }
  }
}

TEST(LastSeen, CountsDifferentCellsAsAMapDoes) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    EqualsAMap(SmallCells(3), seed);
    EqualsAMap(SmallCells(200), seed);
  }
}

TEST(LastSeen, TellsCellsOfOneTagApart) {
  for (uint64_t seed = 1; seed <= 10; ++seed) EqualsAMap(CellsOfOneTag(40), seed);
}

}  // namespace
}  // namespace credence::feature
