#pragma once
// Credit limits: how much somebody may owe, as a tree. A limit may have a parent (a product's limit
// under a customer's, a live room's under a product's); what is used below counts in every limit
// above, and none may be exceeded.
//
//   hold       an order takes room until it is captured, released or its time is over (a predicate
//   on time) capture    what was held, or a part of it, becomes owed (committed); the rest of the
//   hold is free again restore    a repayment gives room back
//
// A limit has an amount, temporary raises with a beginning and an end, may be frozen (no new holds;
// what is held may still be captured) and may expire (as if its amount were 0). Lowering a limit
// below what is used is allowed: there is no headroom then. Every change carries the decision that
// made it and a reason code.
//
// Commands give a status and change nothing unless it is kApplied. Time never goes back
// (assertion). Reads take the time as an argument and release nothing. One thread.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/bytes.h"
#include "src/base/int128.h"
#include "src/base/status.h"
#include "src/base/strong_id.h"

namespace credence::lending {

using LimitId = StrongId<struct LimitIdTag, uint64_t>;
using HoldId = StrongId<struct HoldIdTag, uint64_t>;

// Why: the decision (0 = none, by hand) and the reason code of the pack.
struct Cause {
  uint64_t decision = 0;
  uint32_t reason = 0;
  friend bool operator==(const Cause&, const Cause&) = default;
};

// In the order of precedence. Stored. Do not change.
enum class LimitStatus : uint8_t {
  kApplied = 0,
  kIdMustNotBeZero = 1,
  kAmountNegative = 2,
  kAmountNotPositive = 3,
  kAmountTooLarge = 4,
  kAlreadyExists = 5,
  kNotFound = 6,
  kParentNotFound = 7,
  kTooDeep = 8,
  kBadTimes = 9,  // an end that is not after the beginning, or is over already
  kTooManyRaises = 10,
  kHoldNotFound = 11,
  kHoldAlreadyCaptured = 12,
  kHoldAlreadyReleased = 13,
  kHoldExpired = 14,
  kExceedsHold = 15,      // capture of more than is held
  kFrozen = 16,           // this limit or one above
  kExpired = 17,          // this limit or one above
  kExceedsHeadroom = 18,  // of this limit
  kExceedsParentHeadroom = 19,
  kExceedsCommitted = 20,  // restore of more than is owed
  kChangeNotFound = 21,    // no such change, or it was undone before
  kInUse = 22,             // something is held or owed, or another limit is within it
  kHoldNotCaptured = 23,
  kHoldNotReleased = 24,
};
[[nodiscard]] std::string_view LimitStatusName(LimitStatus status);

// Stored. Do not change.
enum class LimitChangeKind : uint8_t {
  kGrant = 1,
  kSet = 2,  // raised or lowered
  kRaiseForATime = 3,
  kFreeze = 4,
  kUnfreeze = 5,
  kExpire = 6,
  kUndo = 7,  // `amount` is the place in the list of the change that was undone
};
inline constexpr uint8_t kLimitChangeKindMax = 7;

struct LimitChange {
  int64_t time_ns = 0;
  LimitChangeKind kind = LimitChangeKind::kGrant;
  int64_t amount = 0;
  Cause cause;
};

// What policy reads.
struct LimitView {
  int64_t granted = 0;  // amount and raises as they hold now; 0 when expired
  int64_t committed = 0;
  int64_t held = 0;
  int64_t exposure = 0;  // committed + held
  int64_t headroom = 0;  // what a new hold may take, parents counted; 0 when frozen or expired
  bool frozen = false;   // itself, not a parent
  bool expired = false;
};

class LimitBook {
 public:
  static constexpr int64_t kAmountMax = 1'000'000'000'000'000;
  static constexpr size_t kDepthMax = 8;
  static constexpr size_t kRaisesMax = 32;  // of one limit, ended ones included

  // --- limits ---
  LimitStatus Grant(int64_t now_ns, LimitId id, std::optional<LimitId> parent, int64_t amount,
                    Cause cause);
  LimitStatus SetAmount(int64_t now_ns, LimitId id, int64_t amount, Cause cause);
  LimitStatus RaiseForATime(int64_t now_ns, LimitId id, int64_t amount, int64_t from_ns,
                            int64_t until_ns, Cause cause);
  LimitStatus Freeze(int64_t now_ns, LimitId id, Cause cause);
  LimitStatus Unfreeze(int64_t now_ns, LimitId id, Cause cause);
  // From `at_ns` on the limit is worth nothing.
  LimitStatus ExpireAt(int64_t now_ns, LimitId id, int64_t at_ns, Cause cause);

  // --- use ---
  // Held until `until_ns` (INT64_MAX = without end).
  LimitStatus Hold(int64_t now_ns, HoldId hold, LimitId id, int64_t amount, int64_t until_ns);
  LimitStatus Capture(int64_t now_ns, HoldId hold, int64_t amount);
  LimitStatus Release(int64_t now_ns, HoldId hold);
  LimitStatus Restore(int64_t now_ns, LimitId id, int64_t amount);

  // --- as if it had not been ---
  // Undoes a change of an amount or a freeze, by its place in Changes(): what was set last and is
  // not undone holds again. The history keeps both.
  LimitStatus UndoChange(int64_t now_ns, LimitId id, size_t change, Cause cause);
  // The same for the last amount that is in force: the limit is worth nothing.
  LimitStatus Withdraw(int64_t now_ns, LimitId id, size_t change, Cause cause);
  // How many grants and settings of its amount were not undone.
  [[nodiscard]] size_t AmountsInForce(LimitId id) const;
  // Held again until the hold's end, if that is still to come; `amount`, which was captured, is
  // owed no more.
  LimitStatus Uncapture(int64_t now_ns, HoldId hold, int64_t amount);
  LimitStatus Unrelease(int64_t now_ns, HoldId hold);
  // Owed again what was restored. None of these asks for headroom: it may be gone.
  LimitStatus Reinstate(int64_t now_ns, LimitId id, int64_t amount);

  // Lets time pass: holds that are over by `now` are free again. Every command does it first.
  void Settle(int64_t now_ns) { Advance(now_ns); }
  // Frees at most `max` of the holds that are over by `now`, in the order (end, hold); how many. A
  // timer calls this so that no command has many to do.
  size_t FreeOver(int64_t now_ns, size_t max);

  // --- reads ---
  struct HoldEnd {
    int64_t until_ns = 0;
    HoldId hold;
    int64_t amount = 0;
  };
  // The first `max` holds that are over by `now` and not yet free, in the order of FreeOver.
  [[nodiscard]] std::vector<HoldEnd> HoldsOver(int64_t now_ns, size_t max) const;
  // What a hold still takes at `now`; nothing if there is none, or it is captured, released or
  // over.
  [[nodiscard]] std::optional<int64_t> HeldBy(HoldId hold, int64_t now_ns) const;
  [[nodiscard]] std::optional<LimitView> View(LimitId id, int64_t now_ns) const;
  [[nodiscard]] const std::vector<LimitChange>* Changes(LimitId id) const;  // null if there is none

  // --- taking back ---
  // What a command on this limit (and hold) may change, as it is now: the limit with all above it,
  // and the hold. PutBack makes it so again. Between the two no time may pass but by Settle before.
  class Saved;
  [[nodiscard]] Saved Save(LimitId id, HoldId hold) const;
  void PutBack(const Saved& saved);

  // From BeginTrial on everything is as ever. EndTrial lets the time that has passed since not have
  // passed, and nothing be noted of it; what commands changed has been put back by PutBack before.
  // No TakeChanges meanwhile.
  void BeginTrial();
  void EndTrial();

  // Calls visit(key, value) for each stored row in canonical form:
  //   'L' fixed64 limit: u8 has parent [fixed64], varint amount, varint raises (each varint amount,
  //       zigzag from, zigzag until), u8 frozen, zigzag expires, varint committed, varint own
  //       committed, varint held, varint changes (each zigzag time, u8 kind, varint amount, varint
  //       decision, varint reason)
  //   'H' fixed64 hold: fixed64 limit, varint amount, zigzag until, u8 state
  //   'T' zigzag time of the last command; only if there was one
  using RowVisitor = std::function<void(std::string_view key, std::string_view value)>;
  void VisitRows(const RowVisitor& visit) const;
  // A book from rows, in any order. kDataLoss if they contradict each other: what is accepted keeps
  // the invariants, whoever wrote it.
  class RowLoader;
  // From here on what changes is noted, for those who store rows.
  void NoteChanges() { notes_changes_ = true; }
  // Calls put(key, value) with each row that is new or may have changed since the last call, and
  // gone(key) for those that are no more. Nothing where changes are not noted.
  void TakeChanges(const RowVisitor& put, const std::function<void(std::string_view key)>& gone);

  [[nodiscard]] bool Has(LimitId id) const { return limits_.contains(id); }
  [[nodiscard]] bool Has(HoldId id) const { return holds_.contains(id); }
  // The highest ids; 0 where there are none.
  [[nodiscard]] LimitId last_limit() const {
    return limits_.empty() ? LimitId() : limits_.rbegin()->first;
  }
  [[nodiscard]] HoldId last_hold() const {
    return holds_.empty() ? HoldId() : holds_.rbegin()->first;
  }
  [[nodiscard]] int64_t last_ns() const { return last_ns_; }  // INT64_MIN: no command yet

 private:
  struct Raise {
    int64_t amount;
    int64_t from_ns;
    int64_t until_ns;
  };
  struct Limit {
    std::optional<LimitId> parent;
    int64_t amount = 0;
    std::vector<Raise> raises;
    bool frozen = false;
    int64_t expires_ns = INT64_MAX;
    int64_t committed = 0;  // below included
    int64_t own_committed = 0;
    int64_t held = 0;  // below included
    std::vector<LimitChange> changes;
  };
  enum class HoldState : uint8_t { kHeld = 1, kCaptured = 2, kReleased = 3, kExpired = 4 };
  struct HoldEntry {
    LimitId limit;
    int64_t amount = 0;
    int64_t until_ns = INT64_MAX;
    HoldState state = HoldState::kHeld;
  };

  static void AppendRow(const Limit& limit, std::string* out);
  static void AppendRow(const HoldEntry& hold, std::string* out);
  void Note(LimitId id) {
    if (notes_changes_) changed_limits_.push_back(id);
  }
  void Note(HoldId id) {
    if (notes_changes_) changed_holds_.push_back(id);
  }
  void PutBackHold(HoldId id, const std::optional<HoldEntry>& entry);
  void Advance(int64_t now_ns);
  [[nodiscard]] static std::vector<bool> Undone(const Limit& limit);
  void HoldAgain(HoldId id, HoldEntry* entry);
  void AddHeld(LimitId id, int64_t amount);
  void AddCommitted(LimitId id, int64_t amount);
  [[nodiscard]] int64_t HeldAt(LimitId id, int64_t now_ns) const;
  [[nodiscard]] bool IsAbove(LimitId above, LimitId id) const;  // or equal
  [[nodiscard]] static int64_t AmountAt(const Limit& limit, int64_t now_ns);
  [[nodiscard]] int64_t OwnHeadroom(const Limit& limit, LimitId id, int64_t now_ns) const;
  LimitStatus Change(int64_t now_ns, LimitId id, LimitChangeKind kind, int64_t amount, Cause cause);

  std::map<LimitId, Limit> limits_;
  std::map<HoldId, HoldEntry> holds_;
  std::set<std::pair<int64_t, HoldId>> ends_;    // of holds with an end
  std::set<std::pair<LimitId, LimitId>> below_;  // a limit, and one directly within it
  int64_t last_ns_ = INT64_MIN;

  struct Trial {
    int64_t last_ns;
    size_t changed_limits;
    size_t changed_holds;
    std::vector<HoldId> over;  // holds whose end came since
  };
  std::optional<Trial> trial_;

  // Of TakeChanges; a row maybe often.
  bool notes_changes_ = false;
  std::vector<LimitId> changed_limits_;
  std::vector<HoldId> changed_holds_;
  int64_t taken_ns_ = INT64_MIN;
};

class LimitBook::RowLoader {
 public:
  // kDataLoss if the row cannot be; the loader is of no use then.
  Status Add(std::string_view key, std::string_view value);
  // Once, after the last row.
  Result<LimitBook> Finish();

 private:
  [[nodiscard]] static bool Read(ByteReader* in, Limit* limit);
  [[nodiscard]] static bool Read(ByteReader* in, HoldEntry* hold);

  LimitBook book_;
};

class LimitBook::Saved {
  friend class LimitBook;
  std::vector<std::pair<LimitId, std::optional<Limit>>> limits_;
  HoldId hold_;
  std::optional<HoldEntry> entry_;
};

}  // namespace credence::lending
