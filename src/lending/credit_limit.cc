#include "src/lending/credit_limit.h"

#include <algorithm>
#include <array>

#include "src/base/assert.h"

namespace credence::lending {
namespace {

// Indexed by value.
constexpr std::array<std::string_view, 25> kNames{"applied",
                                                  "id_must_not_be_zero",
                                                  "amount_negative",
                                                  "amount_not_positive",
                                                  "amount_too_large",
                                                  "already_exists",
                                                  "not_found",
                                                  "parent_not_found",
                                                  "too_deep",
                                                  "bad_times",
                                                  "too_many_raises",
                                                  "hold_not_found",
                                                  "hold_already_captured",
                                                  "hold_already_released",
                                                  "hold_expired",
                                                  "exceeds_hold",
                                                  "frozen",
                                                  "expired",
                                                  "exceeds_headroom",
                                                  "exceeds_parent_headroom",
                                                  "exceeds_committed",
                                                  "change_not_found",
                                                  "in_use",
                                                  "hold_not_captured",
                                                  "hold_not_released"};

}  // namespace

std::string_view LimitStatusName(LimitStatus status) {
  const auto index = static_cast<size_t>(status);
  CREDENCE_ASSERT(index < kNames.size());
  return kNames[index];
}

// --- time ---

void LimitBook::Advance(int64_t now_ns) { FreeOver(now_ns, SIZE_MAX); }

size_t LimitBook::FreeOver(int64_t now_ns, size_t max) {
  CREDENCE_ASSERT(now_ns >= last_ns_);
  last_ns_ = now_ns;
  size_t freed = 0;
  for (; freed < max && !ends_.empty() && ends_.begin()->first <= now_ns; ++freed) {
    const HoldId id = ends_.begin()->second;
    ends_.erase(ends_.begin());
    HoldEntry& hold = holds_.at(id);
    hold.state = HoldState::kExpired;
    if (trial_) trial_->over.push_back(id);
    Note(id);
    AddHeld(hold.limit, -hold.amount);
  }
  return freed;
}

std::vector<LimitBook::HoldEnd> LimitBook::HoldsOver(int64_t now_ns, size_t max) const {
  std::vector<HoldEnd> list;
  for (const auto& [until_ns, hold] : ends_) {
    if (until_ns > now_ns || list.size() == max) break;
    list.push_back({until_ns, hold, holds_.at(hold).amount});
  }
  return list;
}

void LimitBook::AddHeld(LimitId id, int64_t amount) {
  for (std::optional<LimitId> at = id; at; at = limits_.at(*at).parent) {
    Note(*at);
    limits_.at(*at).held += amount;
    CREDENCE_ASSERT(limits_.at(*at).held >= 0);
  }
}

void LimitBook::AddCommitted(LimitId id, int64_t amount) {
  limits_.at(id).own_committed += amount;
  for (std::optional<LimitId> at = id; at; at = limits_.at(*at).parent) {
    Note(*at);
    limits_.at(*at).committed += amount;
    CREDENCE_ASSERT(limits_.at(*at).committed >= 0);
  }
}

bool LimitBook::IsAbove(LimitId above, LimitId id) const {
  for (std::optional<LimitId> at = id; at; at = limits_.at(*at).parent) {
    if (*at == above) return true;
  }
  return false;
}

int64_t LimitBook::HeldAt(LimitId id, int64_t now_ns) const {
  int64_t held = limits_.at(id).held;
  for (const auto& [end_ns, hold] : ends_) {
    if (end_ns > now_ns) break;
    const HoldEntry& entry = holds_.at(hold);
    if (IsAbove(id, entry.limit)) held -= entry.amount;
  }
  return held;
}

int64_t LimitBook::AmountAt(const Limit& limit, int64_t now_ns) {
  if (now_ns >= limit.expires_ns) return 0;
  int64_t amount = limit.amount;
  for (const Raise& raise : limit.raises) {
    if (raise.from_ns <= now_ns && now_ns < raise.until_ns) amount += raise.amount;
  }
  return amount;
}

int64_t LimitBook::OwnHeadroom(const Limit& limit, LimitId id, int64_t now_ns) const {
  if (limit.frozen) return 0;
  return std::max<int64_t>(AmountAt(limit, now_ns) - limit.committed - HeldAt(id, now_ns), 0);
}

// --- limits ---

LimitStatus LimitBook::Grant(int64_t now_ns, LimitId id, std::optional<LimitId> parent,
                             int64_t amount, Cause cause) {
  Advance(now_ns);
  if (id == LimitId()) return LimitStatus::kIdMustNotBeZero;
  if (amount < 0) return LimitStatus::kAmountNegative;
  if (amount > kAmountMax) return LimitStatus::kAmountTooLarge;
  if (limits_.contains(id)) return LimitStatus::kAlreadyExists;
  size_t depth = 1;
  if (parent && !limits_.contains(*parent)) return LimitStatus::kParentNotFound;
  for (std::optional<LimitId> at = parent; at; at = limits_.at(*at).parent) ++depth;
  if (depth > kDepthMax) return LimitStatus::kTooDeep;
  Limit limit;
  limit.parent = parent;
  limit.amount = amount;
  limit.changes.push_back({now_ns, LimitChangeKind::kGrant, amount, cause});
  limits_[id] = std::move(limit);
  if (parent) below_.emplace(*parent, id);
  Note(id);
  return LimitStatus::kApplied;
}

LimitStatus LimitBook::Change(int64_t now_ns, LimitId id, LimitChangeKind kind, int64_t amount,
                              Cause cause) {
  Advance(now_ns);
  if (amount < 0) return LimitStatus::kAmountNegative;
  if (amount > kAmountMax) return LimitStatus::kAmountTooLarge;
  const auto it = limits_.find(id);
  if (it == limits_.end()) return LimitStatus::kNotFound;
  it->second.changes.push_back({now_ns, kind, amount, cause});
  Note(id);
  return LimitStatus::kApplied;
}

LimitStatus LimitBook::SetAmount(int64_t now_ns, LimitId id, int64_t amount, Cause cause) {
  const LimitStatus status = Change(now_ns, id, LimitChangeKind::kSet, amount, cause);
  if (status == LimitStatus::kApplied) limits_.at(id).amount = amount;
  return status;
}

LimitStatus LimitBook::RaiseForATime(int64_t now_ns, LimitId id, int64_t amount, int64_t from_ns,
                                     int64_t until_ns, Cause cause) {
  Advance(now_ns);
  if (amount <= 0) return LimitStatus::kAmountNotPositive;
  if (amount > kAmountMax) return LimitStatus::kAmountTooLarge;
  if (!limits_.contains(id)) return LimitStatus::kNotFound;
  if (until_ns <= from_ns || until_ns <= now_ns) return LimitStatus::kBadTimes;
  if (limits_.at(id).raises.size() >= kRaisesMax) return LimitStatus::kTooManyRaises;
  limits_.at(id).raises.push_back({amount, from_ns, until_ns});
  return Change(now_ns, id, LimitChangeKind::kRaiseForATime, amount, cause);
}

LimitStatus LimitBook::Freeze(int64_t now_ns, LimitId id, Cause cause) {
  const LimitStatus status = Change(now_ns, id, LimitChangeKind::kFreeze, 0, cause);
  if (status == LimitStatus::kApplied) limits_.at(id).frozen = true;
  return status;
}

LimitStatus LimitBook::Unfreeze(int64_t now_ns, LimitId id, Cause cause) {
  const LimitStatus status = Change(now_ns, id, LimitChangeKind::kUnfreeze, 0, cause);
  if (status == LimitStatus::kApplied) limits_.at(id).frozen = false;
  return status;
}

LimitStatus LimitBook::ExpireAt(int64_t now_ns, LimitId id, int64_t at_ns, Cause cause) {
  Advance(now_ns);
  if (!limits_.contains(id)) return LimitStatus::kNotFound;
  if (at_ns < now_ns) return LimitStatus::kBadTimes;
  limits_.at(id).expires_ns = at_ns;
  return Change(now_ns, id, LimitChangeKind::kExpire, 0, cause);
}

// --- use ---

LimitStatus LimitBook::Hold(int64_t now_ns, HoldId hold, LimitId id, int64_t amount,
                            int64_t until_ns) {
  Advance(now_ns);
  if (hold == HoldId()) return LimitStatus::kIdMustNotBeZero;
  if (amount <= 0) return LimitStatus::kAmountNotPositive;
  if (amount > kAmountMax) return LimitStatus::kAmountTooLarge;
  if (holds_.contains(hold)) return LimitStatus::kAlreadyExists;
  if (!limits_.contains(id)) return LimitStatus::kNotFound;
  if (until_ns <= now_ns) return LimitStatus::kBadTimes;
  for (std::optional<LimitId> at = id; at; at = limits_.at(*at).parent) {
    if (limits_.at(*at).frozen) return LimitStatus::kFrozen;
  }
  for (std::optional<LimitId> at = id; at; at = limits_.at(*at).parent) {
    if (now_ns >= limits_.at(*at).expires_ns) return LimitStatus::kExpired;
  }
  for (std::optional<LimitId> at = id; at; at = limits_.at(*at).parent) {
    if (amount > OwnHeadroom(limits_.at(*at), *at, now_ns)) {
      return *at == id ? LimitStatus::kExceedsHeadroom : LimitStatus::kExceedsParentHeadroom;
    }
  }
  holds_[hold] = {id, amount, until_ns, HoldState::kHeld};
  Note(hold);
  if (until_ns != INT64_MAX) ends_.insert({until_ns, hold});
  AddHeld(id, amount);
  return LimitStatus::kApplied;
}

LimitStatus LimitBook::Capture(int64_t now_ns, HoldId hold, int64_t amount) {
  Advance(now_ns);
  if (amount <= 0) return LimitStatus::kAmountNotPositive;
  const auto it = holds_.find(hold);
  if (it == holds_.end()) return LimitStatus::kHoldNotFound;
  HoldEntry& entry = it->second;
  if (entry.state == HoldState::kCaptured) return LimitStatus::kHoldAlreadyCaptured;
  if (entry.state == HoldState::kReleased) return LimitStatus::kHoldAlreadyReleased;
  if (entry.state == HoldState::kExpired) return LimitStatus::kHoldExpired;
  if (amount > entry.amount) return LimitStatus::kExceedsHold;
  entry.state = HoldState::kCaptured;
  Note(hold);
  ends_.erase({entry.until_ns, hold});
  AddHeld(entry.limit, -entry.amount);
  AddCommitted(entry.limit, amount);
  return LimitStatus::kApplied;
}

LimitStatus LimitBook::Release(int64_t now_ns, HoldId hold) {
  Advance(now_ns);
  const auto it = holds_.find(hold);
  if (it == holds_.end()) return LimitStatus::kHoldNotFound;
  HoldEntry& entry = it->second;
  if (entry.state == HoldState::kCaptured) return LimitStatus::kHoldAlreadyCaptured;
  if (entry.state == HoldState::kReleased) return LimitStatus::kHoldAlreadyReleased;
  if (entry.state == HoldState::kExpired) return LimitStatus::kHoldExpired;
  entry.state = HoldState::kReleased;
  Note(hold);
  ends_.erase({entry.until_ns, hold});
  AddHeld(entry.limit, -entry.amount);
  return LimitStatus::kApplied;
}

LimitStatus LimitBook::Restore(int64_t now_ns, LimitId id, int64_t amount) {
  Advance(now_ns);
  if (amount <= 0) return LimitStatus::kAmountNotPositive;
  const auto it = limits_.find(id);
  if (it == limits_.end()) return LimitStatus::kNotFound;
  // What sub-limits owe is theirs to restore.
  if (amount > it->second.own_committed) return LimitStatus::kExceedsCommitted;
  AddCommitted(id, -amount);
  return LimitStatus::kApplied;
}

// --- as if it had not been ---

std::vector<bool> LimitBook::Undone(const Limit& limit) {
  std::vector<bool> undone(limit.changes.size());
  for (const LimitChange& change : limit.changes) {
    if (change.kind != LimitChangeKind::kUndo) continue;
    const auto place = static_cast<size_t>(change.amount);
    if (place < undone.size()) undone[place] = true;
  }
  return undone;
}

size_t LimitBook::AmountsInForce(LimitId id) const {
  const auto it = limits_.find(id);
  if (it == limits_.end()) return 0;
  const std::vector<bool> undone = Undone(it->second);
  size_t count = 0;
  for (size_t i = 0; i < undone.size(); ++i) {
    const LimitChangeKind kind = it->second.changes[i].kind;
    const bool sets = kind == LimitChangeKind::kGrant || kind == LimitChangeKind::kSet;
    count += sets && !undone[i] ? 1 : 0;
  }
  return count;
}

LimitStatus LimitBook::UndoChange(int64_t now_ns, LimitId id, size_t change, Cause cause) {
  Advance(now_ns);
  const auto it = limits_.find(id);
  if (it == limits_.end()) return LimitStatus::kNotFound;
  Limit& limit = it->second;
  using enum LimitChangeKind;
  std::vector<bool> undone = Undone(limit);
  if (change >= limit.changes.size() || undone[change]) return LimitStatus::kChangeNotFound;
  const LimitChangeKind kind = limit.changes[change].kind;
  const bool sets = kind == kGrant || kind == kSet;
  if (!sets && kind != kFreeze && kind != kUnfreeze) return LimitStatus::kChangeNotFound;
  undone[change] = true;
  if (sets) limit.amount = 0;
  if (!sets) limit.frozen = false;
  for (size_t i = 0; i < limit.changes.size(); ++i) {
    const LimitChange& other = limit.changes[i];
    if (undone[i]) continue;
    if (sets && (other.kind == kGrant || other.kind == kSet)) limit.amount = other.amount;
    if (!sets && (other.kind == kFreeze || other.kind == kUnfreeze)) {
      limit.frozen = other.kind == kFreeze;
    }
  }
  limit.changes.push_back({now_ns, kUndo, static_cast<int64_t>(change), cause});
  Note(id);
  return LimitStatus::kApplied;
}

LimitStatus LimitBook::Withdraw(int64_t now_ns, LimitId id, size_t change, Cause cause) {
  Advance(now_ns);
  const auto it = limits_.find(id);
  if (it == limits_.end()) return LimitStatus::kNotFound;
  if (it->second.committed != 0 || it->second.held != 0) return LimitStatus::kInUse;
  for (auto at = below_.lower_bound({id, LimitId()}); at != below_.end() && at->first == id; ++at) {
    if (limits_.at(at->second).amount != 0) return LimitStatus::kInUse;
  }
  return UndoChange(now_ns, id, change, cause);
}

void LimitBook::HoldAgain(HoldId id, HoldEntry* entry) {
  Note(id);
  entry->state = entry->until_ns > last_ns_ ? HoldState::kHeld : HoldState::kExpired;
  if (entry->state == HoldState::kExpired) return;
  if (entry->until_ns != INT64_MAX) ends_.insert({entry->until_ns, id});
  AddHeld(entry->limit, entry->amount);
}

LimitStatus LimitBook::Uncapture(int64_t now_ns, HoldId hold, int64_t amount) {
  Advance(now_ns);
  if (amount <= 0) return LimitStatus::kAmountNotPositive;
  const auto it = holds_.find(hold);
  if (it == holds_.end()) return LimitStatus::kHoldNotFound;
  HoldEntry& entry = it->second;
  if (entry.state != HoldState::kCaptured) return LimitStatus::kHoldNotCaptured;
  if (amount > limits_.at(entry.limit).own_committed) return LimitStatus::kExceedsCommitted;
  AddCommitted(entry.limit, -amount);
  HoldAgain(hold, &entry);
  return LimitStatus::kApplied;
}

LimitStatus LimitBook::Unrelease(int64_t now_ns, HoldId hold) {
  Advance(now_ns);
  const auto it = holds_.find(hold);
  if (it == holds_.end()) return LimitStatus::kHoldNotFound;
  if (it->second.state != HoldState::kReleased) return LimitStatus::kHoldNotReleased;
  HoldAgain(hold, &it->second);
  return LimitStatus::kApplied;
}

LimitStatus LimitBook::Reinstate(int64_t now_ns, LimitId id, int64_t amount) {
  Advance(now_ns);
  if (amount <= 0) return LimitStatus::kAmountNotPositive;
  if (amount > kAmountMax) return LimitStatus::kAmountTooLarge;
  if (!limits_.contains(id)) return LimitStatus::kNotFound;
  AddCommitted(id, amount);
  return LimitStatus::kApplied;
}

// --- reads ---

std::optional<LimitView> LimitBook::View(LimitId id, int64_t now_ns) const {
  CREDENCE_ASSERT(now_ns >= last_ns_);
  const auto it = limits_.find(id);
  if (it == limits_.end()) return std::nullopt;
  const Limit& limit = it->second;
  LimitView view;
  view.granted = AmountAt(limit, now_ns);
  view.committed = limit.committed;
  view.held = HeldAt(id, now_ns);
  view.exposure = view.committed + view.held;
  view.frozen = limit.frozen;
  view.expired = now_ns >= limit.expires_ns;
  view.headroom = INT64_MAX;
  for (std::optional<LimitId> at = id; at; at = limits_.at(*at).parent) {
    view.headroom = std::min(view.headroom, OwnHeadroom(limits_.at(*at), *at, now_ns));
  }
  return view;
}

const std::vector<LimitChange>* LimitBook::Changes(LimitId id) const {
  const auto it = limits_.find(id);
  return it == limits_.end() ? nullptr : &it->second.changes;
}

}  // namespace credence::lending
