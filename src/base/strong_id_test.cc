#include "src/base/strong_id.h"

#include <gtest/gtest.h>

#include <type_traits>
#include <unordered_set>

#include "src/base/clock.h"

namespace credence {
namespace {

using AppleId = StrongId<struct AppleTag>;
using PearId = StrongId<struct PearTag>;
static_assert(!std::is_convertible_v<AppleId, PearId>);
static_assert(!std::is_convertible_v<uint64_t, AppleId>);
static_assert(!std::is_convertible_v<AppleId, uint64_t>);
static_assert(sizeof(AppleId) == sizeof(uint64_t));

TEST(StrongId, ComparesHashesAndCountsLikeItsNumber) {
  EXPECT_EQ(AppleId(3), AppleId(2).Next());
  EXPECT_LT(AppleId(3), AppleId(4));
  EXPECT_EQ(AppleId().value(), 0U);
  const std::unordered_set<AppleId> ids = {AppleId(1), AppleId(1), AppleId(2)};
  EXPECT_EQ(ids.size(), 2U);
}

TEST(ManualClock, StandsStillUntilItIsSet) {
  ManualClock clock(5);
  EXPECT_EQ(clock.NowNs(), 5);
  EXPECT_EQ(clock.NowNs(), 5);
  clock.Set(-7);
  EXPECT_EQ(clock.NowNs(), -7);
}

}  // namespace
}  // namespace credence
