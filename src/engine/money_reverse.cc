// The part of MoneyState that undoes what the commands of a reversed event did.

#include <algorithm>

#include "src/engine/money_run.h"

namespace credence::engine {

using lending::HoldId;
using lending::LimitId;
using lending::LimitStatus;
using lending::LoanId;

namespace {

std::string StatusText(LimitStatus status) {
  return status == LimitStatus::kApplied ? std::string() : std::string(LimitStatusName(status));
}

}  // namespace

std::string MoneyState::UndoEffect(const Effect& effect, Run* run) {
  switch (effect.kind) {
    case EffectKind::kLend:
    case EffectKind::kLoan:
      return UndoLoan(effect, run);
    case EffectKind::kPost:
    case EffectKind::kPend:
    case EffectKind::kSettle:
    case EffectKind::kVoid:
      return UndoPending(effect, run);
    default:
      return UndoLimit(effect, run);
  }
}

std::string MoneyState::UndoLimit(const Effect& effect, Run* run) {
  const int64_t now = run->now.ns;
  const LimitId limit(effect.id);
  const HoldId hold(effect.id);
  const auto name = hold_ids_.find(effect.name);
  const bool named = name != hold_ids_.end() && name->second == hold;
  switch (effect.kind) {
    case EffectKind::kLimit: {
      Keep(limit, HoldId(), run);
      const auto* changes = limits_.Changes(limit);
      if (changes == nullptr || effect.other >= changes->size()) return "not_found";
      const lending::LimitChangeKind kind = (*changes)[effect.other].kind;
      const bool sets =
          kind == lending::LimitChangeKind::kGrant || kind == lending::LimitChangeKind::kSet;
      if (!sets || limits_.AmountsInForce(limit) > 1) {
        return StatusText(limits_.UndoChange(now, limit, effect.other, run->Cause()));
      }
      const LimitStatus status = limits_.Withdraw(now, limit, effect.other, run->Cause());
      if (status != LimitStatus::kApplied) return StatusText(status);
      const auto found = limit_ids_.find(effect.name);
      if (found != limit_ids_.end() && found->second == limit) {
        SetName(kLimitNames, &limit_ids_, effect.name, std::optional<LimitId>(), run);
      }
      return {};
    }
    case EffectKind::kHold: {
      Keep(LimitId(), hold, run);
      const LimitStatus status = limits_.Release(now, hold);
      if (status != LimitStatus::kApplied && status != LimitStatus::kHoldAlreadyReleased &&
          status != LimitStatus::kHoldExpired) {
        return StatusText(status);
      }
      if (named) SetName(kHoldNames, &hold_ids_, effect.name, std::optional<HoldId>(), run);
      return {};
    }
    case EffectKind::kCapture:
      Keep(LimitId(), hold, run);
      return StatusText(limits_.Uncapture(now, hold, effect.amount));
    case EffectKind::kRelease:
      // A hold that has been undone itself stays free.
      if (!named) return {};
      Keep(LimitId(), hold, run);
      return StatusText(limits_.Unrelease(now, hold));
    default:
      Keep(limit, HoldId(), run);
      return StatusText(limits_.Reinstate(now, limit, effect.amount));
  }
}

std::string MoneyState::UndoLoan(const Effect& effect, Run* run) {
  const LoanId id(effect.id);
  const std::string& name = effect.name.first;
  const auto found = loan_ids_.find(name);
  if (found == loan_ids_.end() || found->second.id != id) return "not_found";
  const LoanEntry entry = found->second;
  const bool opened = effect.kind == EffectKind::kLend;
  if (opened) {
    const auto loan = loans_.Read(id, Date{INT64_MIN});
    for (const auto& applied : loan->transactions()) {
      if (applied.transaction.id != effect.other && !applied.reversed) return "in_use";
    }
  }
  run->loans.push_back(loans_.Save(id));
  const lending::BookResult result = loans_.Reverse(id, effect.other);
  if (!result.ok()) return std::string(BookResultName(result));
  run->changed_loans.emplace_back(name, entry);
  const auto booking = bookings_.find({id, effect.other});
  if (booking != bookings_.end()) {
    Step back;
    back.kind = Step::Kind::kBack;
    back.what = "reverse " + effect.what;
    back.of = booking->second.transfers;
    run->steps.push_back(std::move(back));
    run->unbooked.push_back(booking->first);
  }
  if (!opened) return Follow(entry, name, effect.other, result.moved, run);
  SetName(kLoanNames, &loan_ids_, name, std::optional<LoanEntry>(), run);
  DropOwner(entry);
  run->undo.emplace_back([this, name, entry] { AddOwner(name, entry); });
  return FollowLimit(entry, effect.amount, run);
}

std::string MoneyState::UndoPending(const Effect& effect, Run* run) {
  using Kind = Step::Kind;
  const auto add = [&](Kind kind, const Transfers& of) -> Step& {
    Step step;
    step.kind = kind;
    step.what = "reverse " + effect.what;
    step.of = of;
    return run->steps.emplace_back(std::move(step));
  };
  const auto found = pending_.find(effect.name);
  if (effect.kind == EffectKind::kPost) {
    add(Kind::kBack, effect.transfers);
  } else if (effect.kind == EffectKind::kPend) {
    if (found == pending_.end()) return "not_found";
    add(Kind::kVoidOpen, found->second);
    SetName(kPendingNames, &pending_, effect.name, std::optional<Transfers>(), run);
  } else {
    if (effect.kind == EffectKind::kSettle) add(Kind::kBack, effect.transfers);
    // What was pending by a name that has been undone itself stays free.
    if (found == pending_.end()) return {};
    if (ledger_.FindTransfer(ledger::EngineTransferId(effect.before.seq, effect.before.first)) ==
        nullptr) {
      return effect.before.count == 0 ? std::string() : "not_found";
    }
    add(Kind::kPendAgain, effect.before).pending = effect.name;
  }
  return {};
}

}  // namespace credence::engine
