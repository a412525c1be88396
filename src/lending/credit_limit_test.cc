#include "src/lending/credit_limit.h"

#include <gtest/gtest.h>

#include "src/base/random.h"

namespace credence::lending {
namespace {

using enum LimitStatus;
constexpr Cause kCause{7, 3};
constexpr LimitId kCustomer(1);
constexpr LimitId kProduct(2);
constexpr LimitId kRoom(3);

TEST(CreditLimit, AnOrderHoldsCapturesAndARepaymentRestores) {
  LimitBook book;
  ASSERT_EQ(book.Grant(0, kCustomer, std::nullopt, 1000, kCause), kApplied);
  ASSERT_EQ(book.Grant(0, kProduct, kCustomer, 800, kCause), kApplied);
  ASSERT_EQ(book.Grant(0, kRoom, kProduct, 500, kCause), kApplied);
  EXPECT_EQ(book.Hold(1, HoldId(1), kRoom, 501, INT64_MAX), kExceedsHeadroom);
  EXPECT_EQ(book.Hold(1, HoldId(1), kRoom, 300, 100), kApplied);
  EXPECT_EQ(book.View(kCustomer, 1)->held, 300);
  EXPECT_EQ(book.View(kRoom, 1)->headroom, 200);
  EXPECT_EQ(book.Hold(2, HoldId(2), kProduct, 501, INT64_MAX), kExceedsHeadroom);
  EXPECT_EQ(book.Hold(2, HoldId(2), kProduct, 500, INT64_MAX), kApplied);
  EXPECT_EQ(book.Hold(2, HoldId(3), kRoom, 1, INT64_MAX), kExceedsParentHeadroom);
  EXPECT_EQ(book.Capture(3, HoldId(1), 301), kExceedsHold);
  EXPECT_EQ(book.Capture(3, HoldId(1), 250), kApplied);
  EXPECT_EQ(book.Capture(3, HoldId(1), 1), kHoldAlreadyCaptured);
  EXPECT_EQ(book.Release(3, HoldId(1)), kHoldAlreadyCaptured);
  const LimitView room = book.View(kRoom, 3).value();
  EXPECT_EQ(room.committed, 250);
  EXPECT_EQ(room.held, 0);
  EXPECT_EQ(room.exposure, 250);
  EXPECT_EQ(room.headroom, 50);  // 800 - 250 - 500 of the product is less than 250 of the room
  EXPECT_EQ(book.Restore(4, kProduct, 1), kExceedsCommitted);  // the room owes it
  EXPECT_EQ(book.Restore(4, kRoom, 251), kExceedsCommitted);
  EXPECT_EQ(book.Restore(4, kRoom, 250), kApplied);
  EXPECT_EQ(book.View(kCustomer, 4)->committed, 0);
  EXPECT_EQ(book.Release(5, HoldId(2)), kApplied);
  EXPECT_EQ(book.Release(5, HoldId(2)), kHoldAlreadyReleased);
  EXPECT_EQ(book.View(kCustomer, 5)->headroom, 1000);
}

TEST(CreditLimit, HoldsAndRaisesEndByThemselves) {
  LimitBook book;
  (void)book.Grant(0, kCustomer, std::nullopt, 100, kCause);
  ASSERT_EQ(book.RaiseForATime(0, kCustomer, 50, 10, 20, kCause), kApplied);
  EXPECT_EQ(book.View(kCustomer, 9)->granted, 100);
  EXPECT_EQ(book.View(kCustomer, 10)->granted, 150);
  EXPECT_EQ(book.Hold(10, HoldId(1), kCustomer, 150, 15), kApplied);
  EXPECT_EQ(book.View(kCustomer, 14)->headroom, 0);
  EXPECT_EQ(book.View(kCustomer, 15)->headroom, 150);
  EXPECT_EQ(book.View(kCustomer, 20)->headroom, 100);
  EXPECT_EQ(book.Capture(15, HoldId(1), 1), kHoldExpired);
  EXPECT_EQ(book.Hold(16, HoldId(2), kCustomer, 150, INT64_MAX), kApplied);
  EXPECT_EQ(book.View(kCustomer, 30)->headroom,
            0);  // 150 used of 100: no headroom, no negative number
}

TEST(CreditLimit, FrozenAndExpiredLimitsTakeNoNewHoldsButKeepTheOld) {
  LimitBook book;
  (void)book.Grant(0, kCustomer, std::nullopt, 100, kCause);
  (void)book.Grant(0, kProduct, kCustomer, 100, kCause);
  ASSERT_EQ(book.Hold(0, HoldId(1), kProduct, 40, INT64_MAX), kApplied);
  ASSERT_EQ(book.Freeze(1, kCustomer, kCause), kApplied);
  EXPECT_EQ(book.Hold(1, HoldId(2), kProduct, 1, INT64_MAX), kFrozen);
  EXPECT_EQ(book.View(kProduct, 1)->headroom, 0);
  EXPECT_EQ(book.Capture(1, HoldId(1), 40), kApplied);
  ASSERT_EQ(book.Unfreeze(2, kCustomer, kCause), kApplied);
  ASSERT_EQ(book.ExpireAt(2, kCustomer, 5, kCause), kApplied);
  EXPECT_EQ(book.Hold(4, HoldId(2), kProduct, 1, INT64_MAX), kApplied);
  EXPECT_EQ(book.Hold(5, HoldId(3), kProduct, 1, INT64_MAX), kExpired);
  EXPECT_EQ(book.Restore(6, kProduct, 40), kApplied);
  EXPECT_EQ(book.SetAmount(7, kProduct, 10, Cause{8, 4}), kApplied);
  const auto* changes = book.Changes(kProduct);
  ASSERT_EQ(changes->size(), 2U);
  EXPECT_EQ(changes->back().cause, (Cause{8, 4}));
  EXPECT_EQ(changes->back().kind, LimitChangeKind::kSet);
}

TEST(CreditLimit, BadInputHasItsStatusInTheOrderOfPrecedence) {
  LimitBook book;
  EXPECT_EQ(book.Grant(0, LimitId(0), std::nullopt, -1, kCause), kIdMustNotBeZero);
  EXPECT_EQ(book.Grant(0, kCustomer, kProduct, -1, kCause), kAmountNegative);
  EXPECT_EQ(book.Grant(0, kCustomer, kProduct, LimitBook::kAmountMax + 1, kCause), kAmountTooLarge);
  EXPECT_EQ(book.Grant(0, kCustomer, kProduct, 1, kCause), kParentNotFound);
  EXPECT_EQ(book.Grant(0, kCustomer, std::nullopt, 1, kCause), kApplied);
  EXPECT_EQ(book.Grant(0, kCustomer, std::nullopt, 1, kCause), kAlreadyExists);
  EXPECT_EQ(book.SetAmount(0, kProduct, 1, kCause), kNotFound);
  EXPECT_EQ(book.RaiseForATime(0, kCustomer, 0, 1, 2, kCause), kAmountNotPositive);
  EXPECT_EQ(book.RaiseForATime(0, kCustomer, 1, 2, 2, kCause), kBadTimes);
  EXPECT_EQ(book.RaiseForATime(5, kCustomer, 1, 2, 5, kCause), kBadTimes);
  EXPECT_EQ(book.ExpireAt(5, kCustomer, 4, kCause), kBadTimes);
  EXPECT_EQ(book.Hold(5, HoldId(0), kCustomer, 0, 0), kIdMustNotBeZero);
  EXPECT_EQ(book.Hold(5, HoldId(1), kCustomer, 0, 0), kAmountNotPositive);
  EXPECT_EQ(book.Hold(5, HoldId(1), kProduct, 1, 0), kNotFound);
  EXPECT_EQ(book.Hold(5, HoldId(1), kCustomer, 1, 5), kBadTimes);
  EXPECT_EQ(book.Capture(5, HoldId(1), 1), kHoldNotFound);
  EXPECT_EQ(book.Release(5, HoldId(1)), kHoldNotFound);
  EXPECT_EQ(book.Restore(5, kCustomer, 1), kExceedsCommitted);
  for (uint64_t id = 10; id < 10 + LimitBook::kDepthMax - 1; ++id) {
    ASSERT_EQ(book.Grant(5, LimitId(id), id == 10 ? kCustomer : LimitId(id - 1), 1, kCause),
              kApplied);
  }
  EXPECT_EQ(book.Grant(5, LimitId(99), LimitId(10 + LimitBook::kDepthMax - 2), 1, kCause),
            kTooDeep);
}

// What was taken as changes is what the rows are, and a book from its rows is the same book.
void ExpectStored(LimitBook* book, std::map<std::string, std::string>* stored) {
  book->TakeChanges(
      [&](std::string_view key, std::string_view value) { (*stored)[std::string(key)] = value; },
      [&](std::string_view key) { stored->erase(std::string(key)); });
  std::map<std::string, std::string> rows;
  book->VisitRows([&](std::string_view key, std::string_view value) { rows.emplace(key, value); });
  ASSERT_EQ(*stored, rows);
  LimitBook::RowLoader loader;
  for (const auto& [key, value] : rows) ASSERT_TRUE(loader.Add(key, value).ok());
  const auto loaded = loader.Finish();
  ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
  std::map<std::string, std::string> again;
  loaded->VisitRows(
      [&](std::string_view key, std::string_view value) { again.emplace(key, value); });
  ASSERT_EQ(again, rows);
}

TEST(CreditLimit, SumsAgreeWithAddingUpEveryHoldAndEveryDebt) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    LimitBook book;
    book.NoteChanges();
    std::map<std::string, std::string> stored;
    struct Live {
      uint64_t limit;
      int64_t amount;
      int64_t until;
    };
    std::map<uint64_t, Live> held;
    std::map<uint64_t, int64_t> owed;
    const std::map<uint64_t, uint64_t> parents{{2, 1}, {3, 1}, {4, 2}};
    for (uint64_t id = 1; id <= 4; ++id) {
      const auto parent = parents.find(id);
      ASSERT_EQ(book.Grant(
                    0, LimitId(id),
                    parent == parents.end() ? std::nullopt : std::optional(LimitId(parent->second)),
                    random.Between(50, 300), kCause),
                kApplied);
    }
    int64_t now = 0;
    for (uint64_t step = 1; step < 80; ++step) {
      now += random.Between(0, 3);
      const uint64_t limit = random.Below(4) + 1;
      const int64_t amount = random.Between(1, 80);
      if (random.OneIn(2)) {
        const int64_t until = now + random.Between(1, 12);
        if (book.Hold(now, HoldId(step), LimitId(limit), amount, until) == kApplied) {
          held[step] = {limit, amount, until};
        }
      } else if (random.OneIn(2)) {
        const uint64_t hold = random.Below(step) + 1;
        const auto it = held.find(hold);
        const bool live = it != held.end() && it->second.until > now;
        const LimitStatus status = book.Capture(now, HoldId(hold), amount);
        ASSERT_EQ(status == kApplied, live && amount <= it->second.amount);
        if (status == kApplied) {
          owed[it->second.limit] += amount;
          held.erase(it);
        }
      } else if (book.Restore(now, LimitId(limit), amount) == kApplied) {
        owed[limit] -= amount;
        ASSERT_GE(owed[limit], 0);
      }
      if (random.OneIn(3)) {
        const uint64_t saved = random.Below(4) + 1;
        const auto as_it_was = book.Save(LimitId(saved), HoldId(1'000));
        (void)book.Hold(now, HoldId(1'000), LimitId(saved), 1, now + 5);
        book.PutBack(as_it_was);
      }
      if (random.OneIn(4)) ExpectStored(&book, &stored);
      const int64_t later = now + random.Between(0, 15);
      for (uint64_t id = 1; id <= 4; ++id) {
        const auto below = [&](uint64_t other) {
          for (;;) {
            if (other == id) return true;
            const auto parent = parents.find(other);
            if (parent == parents.end()) return false;
            other = parent->second;
          }
        };
        int64_t want_held = 0;
        int64_t want_owed = 0;
        for (const auto& [hold, entry] : held) {
          if (entry.until > later && below(entry.limit)) want_held += entry.amount;
        }
        for (const auto& [other, amount_owed] : owed) want_owed += below(other) ? amount_owed : 0;
        const LimitView view = book.View(LimitId(id), later).value();
        ASSERT_EQ(view.held, want_held);
        ASSERT_EQ(view.committed, want_owed);
        ASSERT_LE(view.exposure, view.granted);
      }
    }
  }
}

}  // namespace
}  // namespace credence::lending
