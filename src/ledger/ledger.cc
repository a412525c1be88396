#include "src/ledger/ledger.h"

#include <algorithm>
#include <queue>

#include "src/base/assert.h"
#include "src/ledger/ledger_rep.h"

namespace credence::ledger {
namespace {

using Status = TransferStatus;

bool Has(uint16_t flags, uint16_t flag) { return (flags & flag) != 0; }

// Whether a pending transfer holds its amount at `time`.
bool HoldsAt(const Transfer& transfer, int64_t time_ns) {
  return transfer.state != PendingState::kNone && transfer.time_ns <= time_ns &&
         std::min(transfer.resolved_ns, transfer.expires_ns) > time_ns;
}

// a + b > kAmountMax, for sums that are in range.
bool Overflows(int64_t a, int64_t b) { return a > kAmountMax - b; }

AccountStatus CompareAccount(const AccountSpec& old, const AccountSpec& spec) {
  if (old.flags != spec.flags) return AccountStatus::kExistsWithDifferentFlags;
  if (old.user_128 != spec.user_128) return AccountStatus::kExistsWithDifferentUser128;
  if (old.user_64 != spec.user_64) return AccountStatus::kExistsWithDifferentUser64;
  if (old.user_32 != spec.user_32) return AccountStatus::kExistsWithDifferentUser32;
  if (old.currency != spec.currency) return AccountStatus::kExistsWithDifferentCurrency;
  if (old.code != spec.code) return AccountStatus::kExistsWithDifferentCode;
  return AccountStatus::kExists;
}

// The chain logic that accounts and transfers share. Rep knows how to apply one item and to undo a
// chain.
template <class Spec, class StatusType, class Rep, class OnFailure>
void RunBatch(Rep& rep, int64_t now_ns, std::span<const Spec> batch, std::span<StatusType> statuses,
              const OnFailure& on_failure) {
  constexpr uint16_t kLinked = 1;
  constexpr size_t kAhead = 8;  // items whose slots of the id tables are asked for early
  size_t chain_first = 0;
  bool in_chain = false;
  bool broken = false;
  for (size_t i = 0; i < batch.size(); ++i) {
    if (i + kAhead < batch.size()) rep.Prefetch(batch[i + kAhead]);
    const bool linked = Has(batch[i].flags, kLinked);
    if (linked && !in_chain) {
      in_chain = true;
      broken = false;
      chain_first = i;
      rep.BeginChain();
    }
    StatusType status = StatusType::kLinkedEventFailed;
    if (linked && i + 1 == batch.size()) {
      status = StatusType::kLinkedEventChainOpen;
    } else if (!broken) {
      status = rep.Apply(now_ns, batch[i]);
    }
    statuses[i] = status;
    if (in_chain && !broken && status != StatusType::kCreated) {
      broken = true;
      rep.Rollback();
      for (size_t j = chain_first; j < i; ++j) statuses[j] = StatusType::kLinkedEventFailed;
    }
    if (status != StatusType::kCreated) on_failure(batch[i], status);
    if (in_chain && !linked) {
      if (!broken) rep.CommitChain();
      in_chain = false;
      broken = false;
    }
  }
}

}  // namespace

// --- rows and ids ---

UInt128 Ledger::Rep::IdOf(uint32_t row) const {
  return (row & kFailedBit) != 0 ? failed[row & ~kFailedBit].value() : At(row).spec.id.value();
}

uint32_t Ledger::Rep::FindAccountRow(AccountId id) const {
  return account_ids.Find(IdTable::Hash(id.value()),
                          [&](uint32_t row) { return accounts[row].spec.id == id; });
}

uint32_t Ledger::Rep::FindTransferRow(TransferId id) const {
  return transfer_ids.Find(IdTable::Hash(id.value()),
                           [&](uint32_t row) { return IdOf(row) == id.value(); });
}

void Ledger::Rep::InsertAccountId(uint32_t row) {
  account_ids.Insert(IdTable::Hash(accounts[row].spec.id.value()), row, [&](uint32_t other) {
    return IdTable::Hash(accounts[other].spec.id.value());
  });
}

void Ledger::Rep::InsertTransferId(uint32_t row) {
  transfer_ids.Insert(IdTable::Hash(IdOf(row)), row,
                      [&](uint32_t other) { return IdTable::Hash(IdOf(other)); });
}

void Ledger::Rep::Prefetch(const AccountSpec& spec) const {
  account_ids.Prefetch(IdTable::Hash(spec.id.value()));
}

void Ledger::Rep::Prefetch(const TransferSpec& spec) const {
  transfer_ids.Prefetch(IdTable::Hash(spec.id.value()));
  account_ids.Prefetch(IdTable::Hash(spec.debit_account.value()));
  account_ids.Prefetch(IdTable::Hash(spec.credit_account.value()));
}

// --- chains ---

void Ledger::Rep::BeginChain() {
  in_chain = true;
  chain_accounts = static_cast<uint32_t>(accounts.size());
  chain_transfers = transfer_count;
  chain_history = history.size();
  undo_accounts.clear();
  undo_pending.clear();
  chain_due.clear();
}

void Ledger::Rep::Touch(uint32_t account_row) {
  NoteAccount(account_row);
  const Account& account = accounts[account_row];
  const AccountUndo undo{account_row, account.balances, account.last_transfer, account.closed};
  if (trial) trial->undo_accounts.push_back(undo);
  if (in_chain) undo_accounts.push_back(undo);
}

void Ledger::Rep::CommitChain() {
  for (const Due& entry : chain_due) PushDue(entry);
  in_chain = false;
}

// The heap is moved by hand, so that a trial can put each slot back.
void Ledger::Rep::SetDue(size_t at, Due entry) {
  if (trial) trial->undo_due.push_back({DueUndo::Kind::kSet, at, due[at]});
  due[at] = entry;
}

void Ledger::Rep::PushDue(Due entry) {
  if (trial) trial->undo_due.push_back({DueUndo::Kind::kPushed, due.size(), entry});
  due.push_back(entry);
  size_t at = due.size() - 1;
  for (size_t parent = 0; at > 0; at = parent) {
    parent = (at - 1) / 2;
    if (!(due[parent] < entry)) break;
    SetDue(at, due[parent]);
  }
  SetDue(at, entry);
}

Ledger::Rep::Due Ledger::Rep::PopDue() {
  const Due top = due.front();
  const Due last = due.back();
  if (trial) trial->undo_due.push_back({DueUndo::Kind::kPopped, due.size() - 1, last});
  due.pop_back();
  if (due.empty()) return top;
  size_t at = 0;
  for (size_t child = 1; child < due.size(); child = 2 * at + 1) {
    if (child + 1 < due.size() && due[child] < due[child + 1]) ++child;
    if (!(last < due[child])) break;
    SetDue(at, due[child]);
    at = child;
  }
  SetDue(at, last);
  return top;
}

void Ledger::Rep::PutBack(const AccountUndo& undo) {
  Account& account = accounts[undo.row];
  account.balances = undo.balances;
  account.last_transfer = undo.last_transfer;
  account.closed = undo.closed;
}

// Rows at and behind these go.
void Ledger::Rep::DropRows(size_t account_rows, uint32_t transfer_rows, size_t history_rows) {
  while (transfer_count > transfer_rows) {
    const uint32_t row = transfer_count - 1;
    transfer_ids.Erase(IdTable::Hash(IdOf(row)), row);
    At(row) = Transfer{};
    --transfer_count;
  }
  while (accounts.size() > account_rows) {
    const auto row = static_cast<uint32_t>(accounts.size() - 1);
    account_ids.Erase(IdTable::Hash(accounts[row].spec.id.value()), row);
    accounts.pop_back();
  }
  while (history.size() > history_rows) history.pop_back();
}

void Ledger::Rep::Rollback() {
  for (auto undo = undo_accounts.rbegin(); undo != undo_accounts.rend(); ++undo) PutBack(*undo);
  for (const uint32_t row : undo_pending) {
    At(row).state = PendingState::kPending;
    At(row).resolved_ns = INT64_MAX;
  }
  DropRows(chain_accounts, chain_transfers, chain_history);
  undo_accounts.clear();
  undo_pending.clear();
  in_chain = false;
}

// --- trials ---

void Ledger::BeginTrial() {
  Rep& rep = *rep_;
  CREDENCE_ASSERT(!rep.trial && !rep.in_chain);
  rep.trial = Rep::Trial{rep.last_ns,
                         rep.accounts.size(),
                         rep.transfer_count,
                         rep.failed.size(),
                         rep.history.size(),
                         rep.changed_accounts.size(),
                         rep.changed_transfers.size(),
                         {},
                         {},
                         {}};
}

void Ledger::EndTrial() {
  Rep& rep = *rep_;
  CREDENCE_ASSERT(rep.trial && !rep.in_chain);
  const Rep::Trial trial = std::move(*rep.trial);
  rep.trial.reset();
  rep.PutBack(trial);
}

void Ledger::Rep::PutBack(const Trial& before) {
  for (auto undo = before.undo_accounts.rbegin(); undo != before.undo_accounts.rend(); ++undo) {
    if (undo->row < before.accounts) PutBack(*undo);
  }
  for (const uint32_t row : before.resolved) {
    if (row >= before.transfers) continue;
    At(row).state = PendingState::kPending;
    At(row).resolved_ns = INT64_MAX;
  }
  for (auto undo = before.undo_due.rbegin(); undo != before.undo_due.rend(); ++undo) {
    if (undo->kind == DueUndo::Kind::kPushed) {
      due.pop_back();
    } else if (undo->kind == DueUndo::Kind::kPopped) {
      due.push_back(undo->before);
    } else {
      due[undo->at] = undo->before;
    }
  }
  while (failed.size() > before.failed) {
    const auto row = static_cast<uint32_t>(failed.size() - 1) | kFailedBit;
    transfer_ids.Erase(IdTable::Hash(IdOf(row)), row);
    failed.pop_back();
  }
  DropRows(before.accounts, before.transfers, before.history);
  changed_accounts.resize(before.changed_accounts);
  changed_transfers.resize(before.changed_transfers);
  last_ns = before.last_ns;
}

// --- expiry ---

void Ledger::Rep::Advance(int64_t now_ns) {
  CREDENCE_ASSERT(now_ns >= last_ns);
  last_ns = now_ns;
}

// Adds a pending transfer's amount to its accounts, or takes it away.
void Ledger::Rep::SetHold(const Transfer& pending, bool add) {
  const int64_t delta = add ? pending.spec.amount : -pending.spec.amount;
  Account& debit = accounts[pending.debit_row];
  Account& credit = accounts[pending.credit_row];
  debit.balances.debits_pending += delta;
  credit.balances.credits_pending += delta;
  CREDENCE_ASSERT(debit.balances.debits_pending >= 0 && credit.balances.credits_pending >= 0);
  if (Has(pending.spec.flags, transfer_flag::kClosingDebit)) debit.closed = add;
  if (Has(pending.spec.flags, transfer_flag::kClosingCredit)) credit.closed = add;
}

size_t Ledger::Rep::Release(int64_t now_ns, size_t max) {
  size_t released = 0;
  while (released < max && !due.empty() && due.front().expires_ns <= now_ns) {
    const Due entry = PopDue();
    Transfer& pending = At(entry.row);
    if (pending.state != PendingState::kPending) continue;  // posted or voided before
    NoteTransfer(entry.row);
    Touch(pending.debit_row);
    Touch(pending.credit_row);
    if (trial) trial->resolved.push_back(entry.row);
    pending.state = PendingState::kExpired;
    pending.resolved_ns = pending.expires_ns;
    SetHold(pending, false);
    ++released;
  }
  return released;
}

// --- accounts ---

AccountStatus Ledger::Rep::Apply(int64_t now_ns, const AccountSpec& spec) {
  if ((spec.flags & ~account_flag::kAll) != 0) return AccountStatus::kReservedFlag;
  if (spec.id.value() == 0) return AccountStatus::kIdMustNotBeZero;
  if (spec.id.value() == kIdMax) return AccountStatus::kIdMustNotBeMax;
  const uint32_t old = FindAccountRow(spec.id);
  if (old != IdTable::kNone) return CompareAccount(accounts[old].spec, spec);
  if (Has(spec.flags, account_flag::kDebitsMustNotExceedCredits) &&
      Has(spec.flags, account_flag::kCreditsMustNotExceedDebits)) {
    return AccountStatus::kFlagsAreMutuallyExclusive;
  }
  if (spec.currency == Currency()) return AccountStatus::kCurrencyMustNotBeNone;
  if (spec.code == 0) return AccountStatus::kCodeMustNotBeZero;
  if (accounts.size() >= kRowsMax) return AccountStatus::kTooManyAccounts;
  Account account;
  account.spec = spec;
  account.created_ns = now_ns;
  account.closed = Has(spec.flags, account_flag::kClosed);
  accounts.push_back(account);
  NoteAccount(static_cast<uint32_t>(accounts.size() - 1));
  InsertAccountId(static_cast<uint32_t>(accounts.size() - 1));
  return AccountStatus::kCreated;
}

// --- transfers ---

Status Ledger::Rep::CompareExisting(const Transfer& old, const TransferSpec& spec) const {
  // Flags first: they decide what the other fields mean.
  const TransferSpec& was = old.spec;
  if (was.flags != spec.flags) return Status::kExistsWithDifferentFlags;
  if (was.pending_id != spec.pending_id) return Status::kExistsWithDifferentPendingId;
  if (was.timeout_s != spec.timeout_s) return Status::kExistsWithDifferentTimeout;
  const bool resolves = Has(spec.flags, transfer_flag::kPost | transfer_flag::kVoid);
  const bool inherits_debit = resolves && spec.debit_account.value() == 0;
  const bool inherits_credit = resolves && spec.credit_account.value() == 0;
  if (!inherits_debit && was.debit_account != spec.debit_account) {
    return Status::kExistsWithDifferentDebitAccount;
  }
  if (!inherits_credit && was.credit_account != spec.credit_account) {
    return Status::kExistsWithDifferentCreditAccount;
  }
  const Transfer* pending = resolves ? &At(FindTransferRow(was.pending_id)) : nullptr;
  bool same_amount = was.amount == spec.amount;
  if (Has(spec.flags, transfer_flag::kBalancingDebit | transfer_flag::kBalancingCredit)) {
    same_amount = was.amount <= spec.amount;
  } else if (Has(spec.flags, transfer_flag::kPost) && spec.amount == kAmountMax) {
    same_amount = was.amount == pending->spec.amount;
  } else if (Has(spec.flags, transfer_flag::kVoid) && spec.amount == 0) {
    same_amount = true;
  }
  if (!same_amount) return Status::kExistsWithDifferentAmount;
  const auto same = [&](auto field) {
    const auto asked = spec.*field;
    return was.*field == (resolves && asked == 0 ? pending->spec.*field : asked);
  };
  if (!same(&TransferSpec::user_128)) return Status::kExistsWithDifferentUser128;
  if (!same(&TransferSpec::user_64)) return Status::kExistsWithDifferentUser64;
  if (!same(&TransferSpec::user_32)) return Status::kExistsWithDifferentUser32;
  if (was.currency != spec.currency && !(resolves && spec.currency == Currency())) {
    return Status::kExistsWithDifferentCurrency;
  }
  if (was.code != spec.code && !(resolves && spec.code == 0)) {
    return Status::kExistsWithDifferentCode;
  }
  return Status::kExists;
}

Status Ledger::Rep::Apply(int64_t now_ns, const TransferSpec& spec) {
  using namespace transfer_flag;  // NOLINT(google-build-using-namespace)
  if ((spec.flags & ~kAll) != 0) return Status::kReservedFlag;
  if (spec.id.value() == 0) return Status::kIdMustNotBeZero;
  if (spec.id.value() == kIdMax) return Status::kIdMustNotBeMax;
  const uint32_t old = FindTransferRow(spec.id);
  if (old != IdTable::kNone) {
    return (old & kFailedBit) != 0 ? Status::kIdAlreadyFailed : CompareExisting(At(old), spec);
  }
  constexpr uint16_t kResolve = kPost | kVoid;
  constexpr uint16_t kNotWithResolve =
      kPending | kBalancingDebit | kBalancingCredit | kClosingDebit | kClosingCredit;
  if ((spec.flags & kResolve) == kResolve ||
      (Has(spec.flags, kResolve) && Has(spec.flags, kNotWithResolve))) {
    return Status::kFlagsAreMutuallyExclusive;
  }
  if (transfer_count >= kRowsMax) return Status::kTooManyTransfers;
  return Has(spec.flags, kResolve) ? ApplyResolve(now_ns, spec) : ApplyMove(now_ns, spec);
}

// What can be said of a posted or pending transfer without looking at any account.
Status Ledger::Rep::CheckMove(const TransferSpec& spec) const {
  if (spec.debit_account.value() == 0) return Status::kDebitAccountMustNotBeZero;
  if (spec.debit_account.value() == kIdMax) return Status::kDebitAccountMustNotBeMax;
  if (spec.credit_account.value() == 0) return Status::kCreditAccountMustNotBeZero;
  if (spec.credit_account.value() == kIdMax) return Status::kCreditAccountMustNotBeMax;
  if (spec.debit_account == spec.credit_account) return Status::kAccountsMustBeDifferent;
  if (spec.pending_id.value() != 0) return Status::kPendingIdMustBeZero;
  if (!Has(spec.flags, transfer_flag::kPending)) {
    if (spec.timeout_s != 0) return Status::kTimeoutReservedForPending;
    if (Has(spec.flags, transfer_flag::kClosingDebit | transfer_flag::kClosingCredit)) {
      return Status::kClosingTransferMustBePending;
    }
  }
  if (spec.amount < 0) return Status::kAmountMustNotBeNegative;
  if (spec.currency == Currency()) return Status::kCurrencyMustNotBeNone;
  if (spec.code == 0) return Status::kCodeMustNotBeZero;
  return Status::kCreated;
}

// Whether the accounts can take `amount`.
Status Ledger::Rep::CheckRoom(int64_t now_ns, const TransferSpec& spec, const Account& debit,
                              const Account& credit, int64_t amount) const {
  const Balances& d = debit.balances;
  const Balances& c = credit.balances;
  if (Has(spec.flags, transfer_flag::kPending)) {
    if (Overflows(d.debits_pending, amount)) return Status::kOverflowsDebitsPending;
    if (Overflows(c.credits_pending, amount)) return Status::kOverflowsCreditsPending;
  }
  if (Overflows(d.debits_posted, amount)) return Status::kOverflowsDebitsPosted;
  if (Overflows(c.credits_posted, amount)) return Status::kOverflowsCreditsPosted;
  if (Overflows(d.debits_pending + d.debits_posted, amount)) return Status::kOverflowsDebits;
  if (Overflows(c.credits_pending + c.credits_posted, amount)) return Status::kOverflowsCredits;
  constexpr int64_t kNsPerSecond = 1'000'000'000;
  if (Int128{now_ns} + Int128{spec.timeout_s} * kNsPerSecond > INT64_MAX) {
    return Status::kOverflowsTimeout;
  }
  if (Has(debit.spec.flags, account_flag::kDebitsMustNotExceedCredits) &&
      d.debits_pending + d.debits_posted + amount > d.credits_posted) {
    return Status::kExceedsCredits;
  }
  if (Has(credit.spec.flags, account_flag::kCreditsMustNotExceedDebits) &&
      c.credits_pending + c.credits_posted + amount > c.debits_posted) {
    return Status::kExceedsDebits;
  }
  return Status::kCreated;
}

Status Ledger::Rep::ApplyMove(int64_t now_ns, const TransferSpec& spec) {
  const Status malformed = CheckMove(spec);
  if (malformed != Status::kCreated) return malformed;
  const uint32_t debit_row = FindAccountRow(spec.debit_account);
  if (debit_row == IdTable::kNone) return Status::kDebitAccountNotFound;
  const uint32_t credit_row = FindAccountRow(spec.credit_account);
  if (credit_row == IdTable::kNone) return Status::kCreditAccountNotFound;
  Account& debit = accounts[debit_row];
  Account& credit = accounts[credit_row];
  if (debit.spec.currency != credit.spec.currency) {
    return Status::kAccountsMustHaveTheSameCurrency;
  }
  if (debit.spec.currency != spec.currency) {
    return Status::kTransferMustHaveTheCurrencyOfItsAccounts;
  }
  if (debit.closed) return Status::kDebitAccountClosed;
  if (credit.closed) return Status::kCreditAccountClosed;
  int64_t amount = spec.amount;
  if (Has(spec.flags, transfer_flag::kBalancingDebit)) {
    const Balances& b = debit.balances;
    const int64_t room = b.credits_posted - (b.debits_pending + b.debits_posted);
    amount = std::min(amount, std::max<int64_t>(room, 0));
  }
  if (Has(spec.flags, transfer_flag::kBalancingCredit)) {
    const Balances& b = credit.balances;
    const int64_t room = b.debits_posted - (b.credits_pending + b.credits_posted);
    amount = std::min(amount, std::max<int64_t>(room, 0));
  }
  const Status no_room = CheckRoom(now_ns, spec, debit, credit, amount);
  if (no_room != Status::kCreated) return no_room;

  Touch(debit_row);
  Touch(credit_row);
  Transfer& made = Append(now_ns, spec, debit_row, credit_row);
  made.spec.amount = amount;
  if (Has(spec.flags, transfer_flag::kPending)) {
    made.state = PendingState::kPending;
    SetHold(made, true);
    if (spec.timeout_s != 0) {
      made.expires_ns = now_ns + int64_t{spec.timeout_s} * 1'000'000'000;
      // A chain's rows may be taken back and their numbers used again: it enters the heap when it
      // is whole.
      const Due entry{made.expires_ns, transfer_count - 1};
      if (in_chain) {
        chain_due.push_back(entry);
      } else {
        PushDue(entry);
      }
    }
  } else {
    debit.balances.debits_posted += amount;
    credit.balances.credits_posted += amount;
  }
  KeepHistory(made);
  return Status::kCreated;
}

// Post or void.
Status Ledger::Rep::ApplyResolve(int64_t now_ns, const TransferSpec& spec) {
  const bool voids = Has(spec.flags, transfer_flag::kVoid);
  if (spec.pending_id.value() == 0) return Status::kPendingIdMustNotBeZero;
  if (spec.pending_id.value() == kIdMax) return Status::kPendingIdMustNotBeMax;
  if (spec.pending_id == spec.id) return Status::kPendingIdMustBeDifferent;
  if (spec.timeout_s != 0) return Status::kTimeoutReservedForPending;
  if (spec.amount < 0) return Status::kAmountMustNotBeNegative;
  const uint32_t pending_row = FindTransferRow(spec.pending_id);
  if (pending_row == IdTable::kNone || (pending_row & kFailedBit) != 0) {
    return Status::kPendingTransferNotFound;
  }
  const Transfer& pending = At(pending_row);
  const TransferSpec& held = pending.spec;
  if (pending.state == PendingState::kNone) return Status::kPendingTransferNotPending;
  if (spec.debit_account.value() != 0 && spec.debit_account != held.debit_account) {
    return Status::kPendingTransferHasDifferentDebitAccount;
  }
  if (spec.credit_account.value() != 0 && spec.credit_account != held.credit_account) {
    return Status::kPendingTransferHasDifferentCreditAccount;
  }
  if (spec.currency != Currency() && spec.currency != held.currency) {
    return Status::kPendingTransferHasDifferentCurrency;
  }
  if (spec.code != 0 && spec.code != held.code) return Status::kPendingTransferHasDifferentCode;
  const bool all = voids ? spec.amount == 0 : spec.amount == kAmountMax;
  const int64_t amount = all ? held.amount : spec.amount;
  if (amount > held.amount) return Status::kExceedsPendingTransferAmount;
  if (voids && amount < held.amount) return Status::kPendingTransferHasDifferentAmount;
  if (pending.state == PendingState::kPosted) return Status::kPendingTransferAlreadyPosted;
  if (pending.state == PendingState::kVoided) return Status::kPendingTransferAlreadyVoided;
  if (pending.state == PendingState::kExpired) return Status::kPendingTransferExpired;
  if (!voids && accounts[pending.debit_row].closed) return Status::kDebitAccountClosed;
  if (!voids && accounts[pending.credit_row].closed) return Status::kCreditAccountClosed;

  Touch(pending.debit_row);
  Touch(pending.credit_row);
  NoteTransfer(pending_row);
  if (in_chain) undo_pending.push_back(pending_row);
  if (trial) trial->resolved.push_back(pending_row);
  Transfer& made = Append(now_ns, spec, pending.debit_row, pending.credit_row);
  Transfer& resolved = At(pending_row);
  made.spec.debit_account = held.debit_account;
  made.spec.credit_account = held.credit_account;
  made.spec.currency = held.currency;
  made.spec.code = held.code;
  made.spec.amount = amount;
  if (spec.user_128 == 0) made.spec.user_128 = held.user_128;
  if (spec.user_64 == 0) made.spec.user_64 = held.user_64;
  if (spec.user_32 == 0) made.spec.user_32 = held.user_32;
  SetHold(resolved, false);
  resolved.state = voids ? PendingState::kVoided : PendingState::kPosted;
  resolved.resolved_ns = now_ns;
  if (!voids) {
    accounts[made.debit_row].balances.debits_posted += amount;
    accounts[made.credit_row].balances.credits_posted += amount;
  }
  KeepHistory(made);
  return Status::kCreated;
}

Transfer& Ledger::Rep::Append(int64_t now_ns, const TransferSpec& spec, uint32_t debit_row,
                              uint32_t credit_row) {
  const uint32_t row = transfer_count;
  if (row / kChunk == chunks.size()) chunks.push_back(std::make_unique<Transfer[]>(kChunk));
  Transfer& made = At(row);
  made.spec = spec;
  made.time_ns = now_ns;
  made.debit_row = debit_row;
  made.credit_row = credit_row;
  ++transfer_count;
  Link(row);
  return made;
}

// Puts a new row into the id table and the chains of its accounts.
void Ledger::Rep::Link(uint32_t row) {
  Transfer& made = At(row);
  made.debit_previous = std::exchange(accounts[made.debit_row].last_transfer, row);
  made.credit_previous = std::exchange(accounts[made.credit_row].last_transfer, row);
  InsertTransferId(row);
}

void Ledger::Rep::KeepHistory(Transfer& transfer) {
  const auto keep = [&](uint32_t account_row) {
    const Account& account = accounts[account_row];
    if (!Has(account.spec.flags, account_flag::kHistory)) return IdTable::kNone;
    history.push_back(account.balances);
    return static_cast<uint32_t>(history.size() - 1);
  };
  transfer.debit_history = keep(transfer.debit_row);
  transfer.credit_history = keep(transfer.credit_row);
}

// --- the public face ---

Ledger::Ledger() : rep_(std::make_unique<Rep>()) {}
Ledger::~Ledger() = default;
Ledger::Ledger(Ledger&&) noexcept = default;
Ledger& Ledger::operator=(Ledger&&) noexcept = default;

void Ledger::CreateAccounts(int64_t now_ns, std::span<const AccountSpec> batch,
                            std::span<AccountStatus> statuses) {
  CREDENCE_ASSERT(batch.size() == statuses.size() && batch.size() <= kBatchMax);
  rep_->Advance(now_ns);
  rep_->Release(now_ns, SIZE_MAX);
  RunBatch(*rep_, now_ns, batch, statuses, [](const AccountSpec&, AccountStatus) {});
}

void Ledger::CreateTransfers(int64_t now_ns, std::span<const TransferSpec> batch,
                             std::span<TransferStatus> statuses) {
  CREDENCE_ASSERT(batch.size() == statuses.size() && batch.size() <= kBatchMax);
  rep_->Advance(now_ns);
  rep_->Release(now_ns, SIZE_MAX);
  RunBatch(*rep_, now_ns, batch, statuses, [&](const TransferSpec& spec, TransferStatus status) {
    if (!RemembersFailure(status)) return;
    rep_->failed.push_back(spec.id);
    rep_->InsertTransferId(static_cast<uint32_t>(rep_->failed.size() - 1) | Rep::kFailedBit);
  });
}

AccountStatus Ledger::CreateAccount(int64_t now_ns, const AccountSpec& spec) {
  AccountStatus status{};
  CreateAccounts(now_ns, {&spec, 1}, {&status, 1});
  return status;
}

TransferStatus Ledger::CreateTransfer(int64_t now_ns, const TransferSpec& spec) {
  TransferStatus status{};
  CreateTransfers(now_ns, {&spec, 1}, {&status, 1});
  return status;
}

size_t Ledger::ExpireDue(int64_t now_ns, size_t max) {
  rep_->Advance(now_ns);
  return rep_->Release(now_ns, max);
}

std::vector<Ledger::PendingEnd> Ledger::PendingDue(int64_t now_ns, size_t max) const {
  std::vector<PendingEnd> list;
  const std::vector<Rep::Due>& heap = rep_->due;
  // The least of what was met and not given yet is at the top; of the heap only its children can
  // come next.
  const auto later = [&heap](size_t a, size_t b) { return heap[a] < heap[b]; };
  std::priority_queue<size_t, std::vector<size_t>, decltype(later)> open(later);
  if (!heap.empty()) open.push(0);
  while (!open.empty() && list.size() < max) {
    const size_t at = open.top();
    open.pop();
    if (heap[at].expires_ns > now_ns) break;
    const Transfer& pending = rep_->At(heap[at].row);
    if (pending.state == PendingState::kPending) {
      list.push_back({heap[at].expires_ns, pending.spec.id, pending.spec.amount});
    }
    for (const size_t child : {2 * at + 1, 2 * at + 2}) {
      if (child < heap.size()) open.push(child);
    }
  }
  return list;
}

std::optional<int64_t> Ledger::FirstPendingEnd() const {
  if (rep_->due.empty()) return std::nullopt;
  return rep_->due.front().expires_ns;
}

const Account* Ledger::FindAccount(AccountId id) const {
  const uint32_t row = rep_->FindAccountRow(id);
  return row == IdTable::kNone ? nullptr : &rep_->accounts[row];
}

const Transfer* Ledger::FindTransfer(TransferId id) const {
  const uint32_t row = rep_->FindTransferRow(id);
  return row == IdTable::kNone || (row & Rep::kFailedBit) != 0 ? nullptr : &rep_->At(row);
}

bool Ledger::HasFailed(TransferId id) const {
  const uint32_t row = rep_->FindTransferRow(id);
  return row != IdTable::kNone && (row & Rep::kFailedBit) != 0;
}

Balances Ledger::BalancesNow(AccountId id, int64_t now_ns) const {
  CREDENCE_ASSERT(now_ns >= rep_->last_ns);
  const uint32_t account_row = rep_->FindAccountRow(id);
  if (account_row == IdTable::kNone) return {};
  Balances balances = rep_->accounts[account_row].balances;
  // Only the part of the heap that is due is visited: below an entry that is not, none is.
  std::vector<size_t> open;
  if (!rep_->due.empty()) open.push_back(0);
  while (!open.empty()) {
    const size_t at = open.back();
    open.pop_back();
    const Rep::Due& entry = rep_->due[at];
    if (entry.expires_ns > now_ns) continue;
    const Transfer& pending = rep_->At(entry.row);
    if (pending.state == PendingState::kPending) {
      if (pending.debit_row == account_row) balances.debits_pending -= pending.spec.amount;
      if (pending.credit_row == account_row) balances.credits_pending -= pending.spec.amount;
    }
    for (const size_t child : {2 * at + 1, 2 * at + 2}) {
      if (child < rep_->due.size()) open.push_back(child);
    }
  }
  return balances;
}

Balances Ledger::BalancesAt(AccountId id, int64_t time_ns) const {
  Balances balances;
  const uint32_t account_row = rep_->FindAccountRow(id);
  if (account_row == IdTable::kNone) return balances;
  uint32_t row = rep_->accounts[account_row].last_transfer;
  while (row != IdTable::kNone) {
    const Transfer& transfer = rep_->At(row);
    const bool debit = transfer.debit_row == account_row;
    if (transfer.time_ns <= time_ns) {
      const bool posted =
          transfer.state == PendingState::kNone && !Has(transfer.spec.flags, transfer_flag::kVoid);
      const int64_t amount = transfer.spec.amount;
      if (posted) {
        (debit ? balances.debits_posted : balances.credits_posted) += amount;
      } else if (HoldsAt(transfer, time_ns)) {
        (debit ? balances.debits_pending : balances.credits_pending) += amount;
      }
    }
    row = debit ? transfer.debit_previous : transfer.credit_previous;
  }
  return balances;
}

bool Ledger::IsClosedAt(AccountId id, int64_t time_ns) const {
  const uint32_t account_row = rep_->FindAccountRow(id);
  if (account_row == IdTable::kNone) return false;
  const Account& account = rep_->accounts[account_row];
  if (Has(account.spec.flags, account_flag::kClosed)) return true;
  uint32_t row = account.last_transfer;
  while (row != IdTable::kNone) {
    const Transfer& transfer = rep_->At(row);
    const bool debit = transfer.debit_row == account_row;
    const uint16_t closing = debit ? transfer_flag::kClosingDebit : transfer_flag::kClosingCredit;
    if (Has(transfer.spec.flags, closing) && HoldsAt(transfer, time_ns)) return true;
    row = debit ? transfer.debit_previous : transfer.credit_previous;
  }
  return false;
}

std::vector<const Transfer*> Ledger::Transfers(const HistoryFilter& filter) const {
  std::vector<const Transfer*> found;
  const uint32_t account_row = rep_->FindAccountRow(filter.account);
  if (account_row == IdTable::kNone || filter.limit == 0) return found;
  uint32_t row_min = 0;
  uint32_t row_max = kRowsMax;
  if (filter.first.value() != 0) row_min = rep_->FindTransferRow(filter.first);
  if (filter.last.value() != 0) row_max = rep_->FindTransferRow(filter.last);
  constexpr uint32_t kFailedBit = Rep::kFailedBit;
  if ((row_min & kFailedBit) != 0 || (row_max & kFailedBit) != 0) return found;
  uint32_t row = rep_->accounts[account_row].last_transfer;
  while (row != IdTable::kNone && row >= row_min) {
    const Transfer& t = rep_->At(row);
    const bool debit = t.debit_row == account_row;
    const bool wanted = row <= row_max && (debit ? filter.debits : filter.credits) &&
                        t.time_ns >= filter.time_min_ns && t.time_ns <= filter.time_max_ns &&
                        (!filter.user_128 || *filter.user_128 == t.spec.user_128) &&
                        (!filter.user_64 || *filter.user_64 == t.spec.user_64) &&
                        (!filter.user_32 || *filter.user_32 == t.spec.user_32) &&
                        (!filter.code || *filter.code == t.spec.code);
    if (wanted) {
      found.push_back(&t);
      if (filter.newest_first && found.size() == filter.limit) return found;
    }
    row = debit ? t.debit_previous : t.credit_previous;
  }
  if (!filter.newest_first) {
    std::reverse(found.begin(), found.end());
    if (found.size() > filter.limit) found.resize(filter.limit);
  }
  return found;
}

std::vector<BalanceRow> Ledger::BalanceHistory(const HistoryFilter& filter) const {
  std::vector<BalanceRow> rows;
  const Account* account = FindAccount(filter.account);
  if (account == nullptr || !Has(account->spec.flags, account_flag::kHistory)) return rows;
  for (const Transfer* transfer : Transfers(filter)) {
    const bool debit = transfer->spec.debit_account == filter.account;
    const uint32_t at = debit ? transfer->debit_history : transfer->credit_history;
    rows.push_back({transfer->spec.id, transfer->time_ns, rep_->history[at]});
  }
  return rows;
}

int64_t Ledger::last_ns() const { return rep_->last_ns; }
size_t Ledger::account_count() const { return rep_->accounts.size(); }
size_t Ledger::transfer_count() const { return rep_->transfer_count; }
const Chunked<Account>& Ledger::accounts() const { return rep_->accounts; }
const Transfer& Ledger::transfer(uint32_t row) const {
  CREDENCE_ASSERT(row < rep_->transfer_count);
  return rep_->At(row);
}

}  // namespace credence::ledger
