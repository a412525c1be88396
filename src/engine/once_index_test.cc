#include "src/engine/once_index.h"

#include <gtest/gtest.h>

#include <set>

#include "src/base/random.h"

namespace credence::engine {
namespace {

constexpr int64_t kIds = 400;

// How the keys of ids are made: as those of events, or so that many want the same few places, the
// first and the last of one part of the index among them.
enum class Keys { kHashed, kCrowded };

EventKey KeyOf(int64_t id, Keys keys = Keys::kHashed) {
  if (keys == Keys::kHashed) return EventKey::Of("shop", std::to_string(id));
  const auto number = static_cast<uint64_t>(id);
  return {{number % 3 - 1, number}};
}

// What the index is said to be: rows of days that were not dropped.
struct Naive {
  struct Row {
    int64_t day = 0;
    uint64_t seq = 0;
  };
  std::map<int64_t, Row> rows;
  int64_t first_day = INT64_MIN;

  void DropBefore(int64_t day) {
    first_day = std::max(first_day, day);
    std::erase_if(rows, [&](const auto& row) { return row.second.day < first_day; });
  }
};

void ExpectEqual(const OnceIndex& index, const Naive& naive, Keys keys) {
  ASSERT_EQ(index.size(), naive.rows.size());
  for (int64_t id = 0; id < kIds; ++id) {
    const OnceIndex::Row* row = index.Find(KeyOf(id, keys));
    const auto found = naive.rows.find(id);
    ASSERT_EQ(row != nullptr, found != naive.rows.end()) << id;
    if (row != nullptr) {
      ASSERT_EQ(row->seq, Seq(found->second.seq)) << id;
    }
  }
  std::set<std::string> rows;
  index.ForEachRow([&](std::string_view row) { rows.emplace(row); });
  ASSERT_EQ(rows.size(), naive.rows.size());
}

TEST(OnceIndex, KnowsWhatTheNaiveOneKnowsWhileDaysAreDroppedAndIdsComeAgain) {
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Keys keys = seed % 2 == 0 ? Keys::kCrowded : Keys::kHashed;
    Random random(seed);
    OnceIndex index;
    Naive naive;
    int64_t today = 20'000;
    for (uint64_t seq = 1; seq <= 4'000; ++seq) {
      const auto id = static_cast<int64_t>(random.Below(kIds));
      const int64_t day = today - static_cast<int64_t>(random.Below(3));
      if (!naive.rows.contains(id) && day >= naive.first_day) {
        index.Add(KeyOf(id, keys), Sha256(std::to_string(seq)), Seq(seq),
                  Timestamp{day * kNsPerDay});
        naive.rows[id] = {day, seq};
      }
      if (random.OneIn(60)) ++today;
      if (random.OneIn(400)) today += 10;  // the clock jumps
      if (random.OneIn(20)) {
        index.DropBefore(Timestamp{(today - 3) * kNsPerDay});
        naive.DropBefore(today - 3);
      }
      if (seq % 100 == 0) ExpectEqual(index, naive, keys);
    }
    ExpectEqual(index, naive, keys);
  }
}

TEST(OnceIndex, ADroppedDayIsGoneAtOnceAndLeavesTheMemoryAFewRowsWithEachAdd) {
  OnceIndex index;
  for (int64_t id = 0; id < 1'000; ++id) {
    index.Add(KeyOf(id), Sha256("old"), Seq(static_cast<uint64_t>(id + 1)), Timestamp{0});
  }
  index.DropBefore(Timestamp{kNsPerDay});
  EXPECT_EQ(index.size(), 0U);
  EXPECT_EQ(index.Find(KeyOf(7)), nullptr);
  EXPECT_EQ(index.in_memory(), 1'000U) << "nothing waits for a day to be taken apart";
  for (int64_t id = 2'000; id < 2'500; ++id) {
    index.Add(KeyOf(id), Sha256("new"), Seq(static_cast<uint64_t>(id)), Timestamp{kNsPerDay});
  }
  EXPECT_EQ(index.in_memory(), index.size());
  EXPECT_EQ(index.size(), 500U);
}

}  // namespace
}  // namespace credence::engine
