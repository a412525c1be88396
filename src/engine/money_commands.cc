// The commands of MoneyState, each as a step of a run.

#include <algorithm>

#include "src/base/assert.h"
#include "src/engine/money_run.h"

namespace credence::engine {

using lending::HoldId;
using lending::LimitId;
using lending::LimitStatus;
using lending::LoanId;
using lending::TransactionKind;
using pack::MoneyAction;
using pack::MoneyBinding;

namespace {

// Transactions of a loan: sequence, then the command of the event.
constexpr int kCommandBits = 8;

TransactionKind KindOf(MoneyAction action) {
  switch (action) {
    case MoneyAction::kPrepayFewer:
      return TransactionKind::kPrepayFewer;
    case MoneyAction::kPrepaySmaller:
      return TransactionKind::kPrepaySmaller;
    case MoneyAction::kPayOff:
      return TransactionKind::kPayOff;
    case MoneyAction::kMerchantReturn:
      return TransactionKind::kMerchantReturn;
    case MoneyAction::kWriteOff:
      return TransactionKind::kWriteOff;
    case MoneyAction::kRecover:
      return TransactionKind::kRecovery;
    case MoneyAction::kCharge:
      return TransactionKind::kCharge;
    case MoneyAction::kChargeback:
      return TransactionKind::kChargeback;
    case MoneyAction::kMerchantRefund:
      return TransactionKind::kMerchantRefund;
    case MoneyAction::kPayoutRefund:
      return TransactionKind::kPayoutRefund;
    case MoneyAction::kGoodwill:
      return TransactionKind::kGoodwill;
    case MoneyAction::kRefundOverpaid:
      return TransactionKind::kRefundOverpaid;
    case MoneyAction::kWaiveCharges:
      return TransactionKind::kWaiveCharges;
    case MoneyAction::kWaiveInterest:
      return TransactionKind::kWaiveInterest;
    case MoneyAction::kTerminate:
      return TransactionKind::kTerminate;
    default:
      return TransactionKind::kRepay;
  }
}

std::string StatusText(LimitStatus status) {
  return status == LimitStatus::kApplied ? std::string() : std::string(LimitStatusName(status));
}

}  // namespace

std::string MoneyState::Execute(const Call& call, Run* run) {
  const MoneyBinding& binding = (*run->pack.money.Bindings(run->context.event_type))[call.binding];
  if (!call.complete) return "no_key";
  if (binding.amount_of_decision && !run->AmountOf(binding, call)) return "no_key";
  switch (binding.action) {
    case MoneyAction::kGrant:
    case MoneyAction::kFreeze:
    case MoneyAction::kUnfreeze:
    case MoneyAction::kRestore:
      return ExecuteLimit(binding, call, run);
    case MoneyAction::kHold:
      return ExecuteHold(binding, call, run);
    case MoneyAction::kCapture:
    case MoneyAction::kRelease:
      return ExecuteUse(binding, call, run);
    case MoneyAction::kLend:
      return ExecuteLend(binding, call, run);
    case MoneyAction::kPost:
      run->Post(binding.post, {{"amount", run->AmountOf(binding, call).value_or(0)}});
      return {};
    case MoneyAction::kPend:
    case MoneyAction::kSettle:
    case MoneyAction::kVoid:
      return ExecutePending(binding, call, run);
    default:
      return ExecuteTransaction(binding, call, run);
  }
}

void MoneyState::Keep(LimitId limit, HoldId hold, Run* run) {
  run->limits.push_back(limits_.Save(limit, hold));
}

std::string MoneyState::ExecuteLimit(const MoneyBinding& binding, const Call& call, Run* run) {
  const pack::LimitDecl& decl = run->pack.money.limits[binding.target];
  const std::string* key = run->KeyOf(decl.entity);
  if (key == nullptr) return "no_key";
  const Name name{decl.name, *key};
  const int64_t amount = run->AmountOf(binding, call).value_or(0);
  const auto found = limit_ids_.find(name);
  Effect effect;
  effect.kind = EffectKind::kLimit;
  effect.name = name;
  if (found == limit_ids_.end()) {
    if (binding.action != MoneyAction::kGrant) return "not_found";
    std::optional<LimitId> parent;
    if (decl.within) {
      const pack::LimitDecl& above = run->pack.money.limits[*decl.within];
      const std::string* above_key = run->KeyOf(above.entity);
      if (above_key == nullptr) return "no_key";
      const auto at = limit_ids_.find({above.name, *above_key});
      if (at == limit_ids_.end()) return "parent_not_found";
      parent = at->second;
    }
    const LimitId id = limits_.last_limit().Next();
    Keep(id, HoldId(), run);
    std::string status = StatusText(limits_.Grant(run->now.ns, id, parent, amount, run->Cause()));
    if (!status.empty()) return status;
    SetName(kLimitNames, &limit_ids_, name, std::optional(id), run);
    effect.id = id.value();
  } else {
    const LimitId id = found->second;
    effect.id = id.value();
    Keep(id, HoldId(), run);
    LimitStatus status = LimitStatus::kApplied;
    if (binding.action == MoneyAction::kGrant) {
      status = limits_.SetAmount(run->now.ns, id, amount, run->Cause());
    } else if (binding.action == MoneyAction::kFreeze) {
      status = limits_.Freeze(run->now.ns, id, run->Cause());
    } else if (binding.action == MoneyAction::kUnfreeze) {
      status = limits_.Unfreeze(run->now.ns, id, run->Cause());
    } else {
      status = limits_.Restore(run->now.ns, id, amount);
      effect.kind = EffectKind::kRestore;
      effect.amount = amount;
    }
    if (status != LimitStatus::kApplied) return StatusText(status);
  }
  if (effect.kind == EffectKind::kLimit) {
    effect.other = limits_.Changes(LimitId(effect.id))->size() - 1;
  }
  run->effects.push_back(std::move(effect));
  run->Post(binding.post, {{"amount", amount}});
  return {};
}

std::string MoneyState::ExecuteHold(const MoneyBinding& binding, const Call& call, Run* run) {
  const pack::LimitDecl& decl = run->pack.money.limits[binding.target];
  const Name name{decl.name, call.by};
  const std::string* key = run->KeyOf(decl.entity);
  if (key == nullptr) return "no_key";
  const auto limit = limit_ids_.find({decl.name, *key});
  if (limit == limit_ids_.end()) return "not_found";
  if (hold_ids_.contains(name)) return "already_exists";
  const HoldId id = limits_.last_hold().Next();
  const int64_t amount = run->AmountOf(binding, call).value_or(0);
  Keep(limit->second, id, run);
  const Int128 until = Int128{run->now.ns} + binding.hold_ns;
  std::string status =
      StatusText(limits_.Hold(run->now.ns, id, limit->second, amount,
                              until > INT64_MAX ? INT64_MAX : static_cast<int64_t>(until)));
  if (!status.empty()) return status;
  SetName(kHoldNames, &hold_ids_, name, std::optional(id), run);
  Effect effect;
  effect.kind = EffectKind::kHold;
  effect.id = id.value();
  effect.name = name;
  run->effects.push_back(std::move(effect));
  run->Post(binding.post, {{"amount", amount}});
  return {};
}

std::string MoneyState::ExecuteUse(const MoneyBinding& binding, const Call& call, Run* run) {
  const pack::LimitDecl& decl = run->pack.money.limits[binding.target];
  const Name name{decl.name, call.by};
  const auto held = hold_ids_.find(name);
  if (held == hold_ids_.end()) return "not_found";
  const HoldId id = held->second;
  // Without an amount all that is held; of what is not held any more the limit says why.
  const bool captures = binding.action == MoneyAction::kCapture;
  std::optional<int64_t> amount = run->AmountOf(binding, call);
  if (!amount) amount = limits_.HeldBy(id, run->now.ns).value_or(1);
  // The limit of the hold is kept with it.
  Keep(LimitId(), id, run);
  const LimitStatus status =
      captures ? limits_.Capture(run->now.ns, id, *amount) : limits_.Release(run->now.ns, id);
  if (status != LimitStatus::kApplied) return StatusText(status);
  Effect effect;
  effect.kind = captures ? EffectKind::kCapture : EffectKind::kRelease;
  effect.id = id.value();
  effect.amount = *amount;
  effect.name = name;
  run->effects.push_back(std::move(effect));
  run->Post(binding.post, {{"amount", *amount}});
  return {};
}

// Room for a loan: held and captured at once.
std::string MoneyState::TakeRoom(LimitId limit, int64_t amount, Run* run) {
  const HoldId id = limits_.last_hold().Next();
  Keep(limit, id, run);
  std::string held = StatusText(limits_.Hold(run->now.ns, id, limit, amount, INT64_MAX));
  if (!held.empty()) return held;
  // No name of a limit is empty, so no hold of an event has this one.
  SetName(kHoldNames, &hold_ids_, Name{"", std::to_string(id.value())}, std::optional(id), run);
  return StatusText(limits_.Capture(run->now.ns, id, amount));
}

std::string MoneyState::ExecuteLend(const MoneyBinding& binding, const Call& call, Run* run) {
  const pack::MoneyPlan& money = run->pack.money;
  const pack::LoanDecl& decl = money.loans[binding.target];
  const std::string* owner = run->KeyOf(*money.borrower);
  if (owner == nullptr) return "no_key";
  LoanEntry entry{loans_.last().Next(), *owner, std::nullopt};
  if (decl.limit) {
    const pack::LimitDecl& limit = money.limits[*decl.limit];
    const std::string* key = run->KeyOf(limit.entity);
    if (key == nullptr) return "no_key";
    const auto found = limit_ids_.find({limit.name, *key});
    if (found == limit_ids_.end()) return "not_found";
    entry.limit = found->second;
  }
  if (loan_ids_.contains(call.by)) return "already_exists";
  const int64_t amount = run->AmountOf(binding, call).value_or(0);
  if (entry.limit) {
    std::string status = TakeRoom(*entry.limit, amount, run);
    if (!status.empty()) return status;
  }
  run->loans.push_back(loans_.Save(entry.id));
  const uint64_t transaction = (run->seq.value() << kCommandBits) | run->command;
  const lending::BookResult result =
      loans_.Open(entry.id, decl.product, run->context.day, amount, transaction);
  if (!result.ok()) return std::string(BookResultName(result));
  if (!binding.post.empty()) {
    Step step;
    step.posting = binding.post;
    step.loan = call.by;
    step.loan_id = entry.id;
    step.amounts = {{"principal", amount}};
    step.keys = run->context.keys;
    step.books = transaction;
    run->steps.push_back(std::move(step));
  }
  Effect effect;
  effect.kind = EffectKind::kLend;
  effect.id = entry.id.value();
  effect.other = transaction;
  effect.amount = amount;
  effect.name = {call.by, {}};
  run->effects.push_back(std::move(effect));
  AddOwner(call.by, entry);
  run->undo.emplace_back([this, entry] { DropOwner(entry); });
  SetName(kLoanNames, &loan_ids_, call.by, std::optional(entry), run);
  if (products_.emplace(decl.product->digest, run->pack.digest).second) {
    NoteProduct(decl.product->digest);
    run->undo.emplace_back([this, digest = decl.product->digest] {
      products_.erase(digest);
      NoteProduct(digest);
    });
  }
  return {};
}

void MoneyState::AddOwner(const std::string& loan, const LoanEntry& entry) {
  by_owner_.emplace(entry.owner, entry.id);
  loan_names_.emplace(entry.id, loan);
}

void MoneyState::DropOwner(const LoanEntry& entry) {
  loan_names_.erase(entry.id);
  const auto [first, last] = by_owner_.equal_range(entry.owner);
  for (auto at = first; at != last; ++at) {
    if (at->second != entry.id) continue;
    by_owner_.erase(at);
    return;
  }
}

std::string MoneyState::ExecuteTransaction(const MoneyBinding& binding, const Call& call,
                                           Run* run) {
  const auto found = loan_ids_.find(call.by);
  if (found == loan_ids_.end()) return "not_found";
  const LoanEntry entry = found->second;
  const pack::LoanDecl& decl = run->pack.money.loans[binding.target];
  if (loans_.ProductOf(entry.id)->name != decl.product->name) return "not_found";
  lending::Transaction transaction;
  transaction.id = (run->seq.value() << kCommandBits) | run->command;
  transaction.kind = KindOf(binding.action);
  transaction.day = run->context.day;
  transaction.amount_minor = run->AmountOf(binding, call).value_or(0);
  if (binding.action == MoneyAction::kPayOff && !run->AmountOf(binding, call)) {
    const auto loan = loans_.Read(entry.id, transaction.day);
    if (loan->today() > transaction.day) return "bad_dates";
    transaction.amount_minor = loan->PayOffQuote(transaction.day).Total();
  }
  run->loans.push_back(loans_.Save(entry.id));
  lending::BookResult result = loans_.Apply(entry.id, transaction);
  if (!result.ok()) return std::string(BookResultName(result));
  run->changed_loans.emplace_back(call.by, entry);
  result.moved.push_back({transaction.id, transaction.kind, {}, result.allocation});
  Effect effect;
  effect.kind = EffectKind::kLoan;
  effect.id = entry.id.value();
  effect.other = transaction.id;
  effect.name = {call.by, {}};
  run->effects.push_back(std::move(effect));
  std::string status = Follow(entry, call.by, transaction.id, result.moved, run);
  if (!status.empty() || binding.post.empty()) return status;
  Step step;
  step.posting = binding.post;
  step.loan = call.by;
  step.loan_id = entry.id;
  step.amounts = AmountsOf(result.allocation);
  step.keys = run->context.keys;
  step.books = transaction.id;
  run->steps.push_back(std::move(step));
  return {};
}

std::string MoneyState::ExecutePending(const MoneyBinding& binding, const Call& call, Run* run) {
  const Name name{binding.post, call.by};
  const auto found = pending_.find(name);
  const std::optional<int64_t> amount = run->AmountOf(binding, call);
  Step step;
  Effect effect;
  effect.name = name;
  step.posting = binding.post;
  step.what = pack::MoneyCommandName(run->pack.money, binding);
  if (binding.action == MoneyAction::kPend) {
    if (found != pending_.end()) return "already_exists";
    step.kind = Step::Kind::kPend;
    step.amounts = {{"amount", amount.value_or(0)}};
    step.keys = run->context.keys;
    step.timeout_s = binding.timeout_s;
    step.pending = name;
    effect.kind = EffectKind::kPend;
    SetName(kPendingNames, &pending_, name, std::optional(Transfers()), run);
  } else {
    if (found == pending_.end()) return "not_found";
    const bool settles = binding.action == MoneyAction::kSettle;
    step.kind = settles ? Step::Kind::kSettle : Step::Kind::kVoid;
    step.of = found->second;
    if (settles) step.part = amount;
    if (step.part && step.of.count != 1) return "not_one_transfer";
    effect.kind = settles ? EffectKind::kSettle : EffectKind::kVoid;
    effect.before = step.of;
  }
  step.effect = run->effects.size();
  run->effects.push_back(std::move(effect));
  run->steps.push_back(std::move(step));
  return {};
}

}  // namespace credence::engine
