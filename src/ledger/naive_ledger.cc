#include "src/ledger/naive_ledger.h"

namespace credence::ledger {
namespace {

using S = TransferStatus;
using namespace transfer_flag;  // NOLINT(google-build-using-namespace)

int64_t ExpiryOf(const TransferSpec& spec, int64_t time_ns) {
  return spec.timeout_s == 0 ? INT64_MAX : time_ns + int64_t{spec.timeout_s} * 1'000'000'000;
}

}  // namespace

const NaiveLedger::Entry* NaiveLedger::Find(TransferId id) const {
  for (const Entry& entry : state_.entries) {
    if (entry.spec.id == id) return &entry;
  }
  return nullptr;
}

PendingState NaiveLedger::StateAt(const Entry& pending, int64_t time_ns) const {
  if ((pending.spec.flags & kPending) == 0) return PendingState::kNone;
  for (const Entry& entry : state_.entries) {
    if (entry.spec.pending_id == pending.spec.id && entry.time_ns <= time_ns) {
      return (entry.spec.flags & kVoid) != 0 ? PendingState::kVoided : PendingState::kPosted;
    }
  }
  return ExpiryOf(pending.spec, pending.time_ns) <= time_ns ? PendingState::kExpired
                                                            : PendingState::kPending;
}

Balances NaiveLedger::BalancesAt(AccountId id, int64_t time_ns) const {
  Balances sum;
  for (const Entry& entry : state_.entries) {
    if (entry.time_ns > time_ns || (entry.spec.flags & kVoid) != 0) continue;
    const bool pending = (entry.spec.flags & kPending) != 0;
    if (pending && StateAt(entry, time_ns) != PendingState::kPending) continue;
    if (entry.spec.debit_account == id) {
      (pending ? sum.debits_pending : sum.debits_posted) += entry.spec.amount;
    }
    if (entry.spec.credit_account == id) {
      (pending ? sum.credits_pending : sum.credits_posted) += entry.spec.amount;
    }
  }
  return sum;
}

bool NaiveLedger::IsClosedAt(AccountId id, int64_t time_ns) const {
  const auto account = state_.accounts.find(id.value());
  if (account == state_.accounts.end()) return false;
  if ((account->second.flags & account_flag::kClosed) != 0) return true;
  for (const Entry& entry : state_.entries) {
    if (entry.time_ns > time_ns || StateAt(entry, time_ns) != PendingState::kPending) continue;
    if (entry.spec.debit_account == id && (entry.spec.flags & kClosingDebit) != 0) return true;
    if (entry.spec.credit_account == id && (entry.spec.flags & kClosingCredit) != 0) return true;
  }
  return false;
}

AccountStatus NaiveLedger::Apply(const AccountSpec& spec) {
  using A = AccountStatus;
  if (spec.flags >= 32) return A::kReservedFlag;
  if (spec.id == AccountId(0)) return A::kIdMustNotBeZero;
  if (spec.id == AccountId(kIdMax)) return A::kIdMustNotBeMax;
  if (const auto it = state_.accounts.find(spec.id.value()); it != state_.accounts.end()) {
    const AccountSpec& old = it->second;
    if (old.flags != spec.flags) return A::kExistsWithDifferentFlags;
    if (old.user_128 != spec.user_128) return A::kExistsWithDifferentUser128;
    if (old.user_64 != spec.user_64) return A::kExistsWithDifferentUser64;
    if (old.user_32 != spec.user_32) return A::kExistsWithDifferentUser32;
    if (old.currency != spec.currency) return A::kExistsWithDifferentCurrency;
    return old.code != spec.code ? A::kExistsWithDifferentCode : A::kExists;
  }
  if ((spec.flags & 6) == 6) return A::kFlagsAreMutuallyExclusive;
  if (spec.currency.numeric() == 0) return A::kCurrencyMustNotBeNone;
  if (spec.code == 0) return A::kCodeMustNotBeZero;
  state_.accounts[spec.id.value()] = spec;
  return A::kCreated;
}

S NaiveLedger::Compare(const Entry& old, const TransferSpec& spec) const {
  const TransferSpec& o = old.spec;
  if (o.flags != spec.flags) return S::kExistsWithDifferentFlags;
  if (o.pending_id != spec.pending_id) return S::kExistsWithDifferentPendingId;
  if (o.timeout_s != spec.timeout_s) return S::kExistsWithDifferentTimeout;
  // What the repeated request would have recorded.
  TransferSpec want = spec;
  if ((spec.flags & (kPost | kVoid)) != 0) {
    const TransferSpec& held = Find(spec.pending_id)->spec;
    if (want.debit_account == AccountId(0)) want.debit_account = held.debit_account;
    if (want.credit_account == AccountId(0)) want.credit_account = held.credit_account;
    if (want.user_128 == 0) want.user_128 = held.user_128;
    if (want.user_64 == 0) want.user_64 = held.user_64;
    if (want.user_32 == 0) want.user_32 = held.user_32;
    if (want.currency == Currency()) want.currency = held.currency;
    if (want.code == 0) want.code = held.code;
    if ((spec.flags & kPost) != 0 && want.amount == kAmountMax) want.amount = held.amount;
    if ((spec.flags & kVoid) != 0 && want.amount == 0) want.amount = held.amount;
  }
  if (o.debit_account != want.debit_account) return S::kExistsWithDifferentDebitAccount;
  if (o.credit_account != want.credit_account) return S::kExistsWithDifferentCreditAccount;
  const bool balancing = (spec.flags & (kBalancingDebit | kBalancingCredit)) != 0;
  if (balancing ? o.amount > want.amount : o.amount != want.amount) {
    return S::kExistsWithDifferentAmount;
  }
  if (o.user_128 != want.user_128) return S::kExistsWithDifferentUser128;
  if (o.user_64 != want.user_64) return S::kExistsWithDifferentUser64;
  if (o.user_32 != want.user_32) return S::kExistsWithDifferentUser32;
  if (o.currency != want.currency) return S::kExistsWithDifferentCurrency;
  return o.code != want.code ? S::kExistsWithDifferentCode : S::kExists;
}

S NaiveLedger::Apply(int64_t now_ns, TransferSpec spec) {
  if (spec.flags >= 256) return S::kReservedFlag;
  if (spec.id == TransferId(0)) return S::kIdMustNotBeZero;
  if (spec.id == TransferId(kIdMax)) return S::kIdMustNotBeMax;
  if (const Entry* old = Find(spec.id)) return Compare(*old, spec);
  if (state_.failed.contains(spec.id.value())) return S::kIdAlreadyFailed;
  const bool post = (spec.flags & kPost) != 0;
  const bool release = (spec.flags & kVoid) != 0;
  const bool other = (spec.flags & ~(kLinked | kPost | kVoid)) != 0;
  if ((post && release) || ((post || release) && other)) return S::kFlagsAreMutuallyExclusive;
  return post || release ? Resolve(now_ns, spec) : Move(now_ns, spec);
}

S NaiveLedger::Move(int64_t now_ns, TransferSpec spec) {
  if (spec.debit_account == AccountId(0)) return S::kDebitAccountMustNotBeZero;
  if (spec.debit_account == AccountId(kIdMax)) return S::kDebitAccountMustNotBeMax;
  if (spec.credit_account == AccountId(0)) return S::kCreditAccountMustNotBeZero;
  if (spec.credit_account == AccountId(kIdMax)) return S::kCreditAccountMustNotBeMax;
  if (spec.debit_account == spec.credit_account) return S::kAccountsMustBeDifferent;
  if (spec.pending_id != TransferId(0)) return S::kPendingIdMustBeZero;
  const bool pending = (spec.flags & kPending) != 0;
  if (!pending && spec.timeout_s != 0) return S::kTimeoutReservedForPending;
  if (!pending && (spec.flags & (kClosingDebit | kClosingCredit)) != 0) {
    return S::kClosingTransferMustBePending;
  }
  if (spec.amount < 0) return S::kAmountMustNotBeNegative;
  if (spec.currency == Currency()) return S::kCurrencyMustNotBeNone;
  if (spec.code == 0) return S::kCodeMustNotBeZero;
  const auto debit = state_.accounts.find(spec.debit_account.value());
  const auto credit = state_.accounts.find(spec.credit_account.value());
  if (debit == state_.accounts.end()) return S::kDebitAccountNotFound;
  if (credit == state_.accounts.end()) return S::kCreditAccountNotFound;
  if (debit->second.currency != credit->second.currency) {
    return S::kAccountsMustHaveTheSameCurrency;
  }
  if (debit->second.currency != spec.currency) return S::kTransferMustHaveTheCurrencyOfItsAccounts;
  if (IsClosedAt(spec.debit_account, now_ns)) return S::kDebitAccountClosed;
  if (IsClosedAt(spec.credit_account, now_ns)) return S::kCreditAccountClosed;
  const Balances d = BalancesAt(spec.debit_account, now_ns);
  const Balances c = BalancesAt(spec.credit_account, now_ns);
  const auto wide = [](int64_t x) { return Int128{x}; };
  if ((spec.flags & kBalancingDebit) != 0) {
    const Int128 room = wide(d.credits_posted) - d.debits_posted - d.debits_pending;
    if (room < spec.amount) spec.amount = static_cast<int64_t>(room < 0 ? 0 : room);
  }
  if ((spec.flags & kBalancingCredit) != 0) {
    const Int128 room = wide(c.debits_posted) - c.credits_posted - c.credits_pending;
    if (room < spec.amount) spec.amount = static_cast<int64_t>(room < 0 ? 0 : room);
  }
  const auto over = [&](Int128 sum) { return sum + spec.amount > kAmountMax; };
  if (pending && over(d.debits_pending)) return S::kOverflowsDebitsPending;
  if (pending && over(c.credits_pending)) return S::kOverflowsCreditsPending;
  if (over(d.debits_posted)) return S::kOverflowsDebitsPosted;
  if (over(c.credits_posted)) return S::kOverflowsCreditsPosted;
  if (over(wide(d.debits_pending) + d.debits_posted)) return S::kOverflowsDebits;
  if (over(wide(c.credits_pending) + c.credits_posted)) return S::kOverflowsCredits;
  if (wide(now_ns) + wide(spec.timeout_s) * 1'000'000'000 > INT64_MAX) return S::kOverflowsTimeout;
  if ((debit->second.flags & account_flag::kDebitsMustNotExceedCredits) != 0 &&
      wide(d.debits_pending) + d.debits_posted + spec.amount > d.credits_posted) {
    return S::kExceedsCredits;
  }
  if ((credit->second.flags & account_flag::kCreditsMustNotExceedDebits) != 0 &&
      wide(c.credits_pending) + c.credits_posted + spec.amount > c.debits_posted) {
    return S::kExceedsDebits;
  }
  state_.entries.push_back({spec, now_ns});
  return S::kCreated;
}

S NaiveLedger::Resolve(int64_t now_ns, TransferSpec spec) {
  if (spec.pending_id == TransferId(0)) return S::kPendingIdMustNotBeZero;
  if (spec.pending_id == TransferId(kIdMax)) return S::kPendingIdMustNotBeMax;
  if (spec.pending_id == spec.id) return S::kPendingIdMustBeDifferent;
  if (spec.timeout_s != 0) return S::kTimeoutReservedForPending;
  if (spec.amount < 0) return S::kAmountMustNotBeNegative;
  const Entry* pending = Find(spec.pending_id);
  if (pending == nullptr) return S::kPendingTransferNotFound;
  const TransferSpec held = pending->spec;
  const PendingState was = StateAt(*pending, now_ns);
  if (was == PendingState::kNone) return S::kPendingTransferNotPending;
  if (spec.debit_account == AccountId(0)) spec.debit_account = held.debit_account;
  if (spec.credit_account == AccountId(0)) spec.credit_account = held.credit_account;
  if (spec.currency == Currency()) spec.currency = held.currency;
  if (spec.code == 0) spec.code = held.code;
  if (spec.user_128 == 0) spec.user_128 = held.user_128;
  if (spec.user_64 == 0) spec.user_64 = held.user_64;
  if (spec.user_32 == 0) spec.user_32 = held.user_32;
  if (spec.debit_account != held.debit_account) return S::kPendingTransferHasDifferentDebitAccount;
  if (spec.credit_account != held.credit_account) {
    return S::kPendingTransferHasDifferentCreditAccount;
  }
  if (spec.currency != held.currency) return S::kPendingTransferHasDifferentCurrency;
  if (spec.code != held.code) return S::kPendingTransferHasDifferentCode;
  const bool voids = (spec.flags & kVoid) != 0;
  if (spec.amount == (voids ? 0 : kAmountMax)) spec.amount = held.amount;
  if (spec.amount > held.amount) return S::kExceedsPendingTransferAmount;
  if (voids && spec.amount != held.amount) return S::kPendingTransferHasDifferentAmount;
  if (was == PendingState::kPosted) return S::kPendingTransferAlreadyPosted;
  if (was == PendingState::kVoided) return S::kPendingTransferAlreadyVoided;
  if (was == PendingState::kExpired) return S::kPendingTransferExpired;
  if (!voids && IsClosedAt(held.debit_account, now_ns)) return S::kDebitAccountClosed;
  if (!voids && IsClosedAt(held.credit_account, now_ns)) return S::kCreditAccountClosed;
  state_.entries.push_back({spec, now_ns});
  return S::kCreated;
}

template <class Spec, class StatusType>
std::vector<StatusType> NaiveLedger::Run(int64_t now_ns, std::span<const Spec> batch) {
  std::vector<StatusType> statuses;
  size_t i = 0;
  while (i < batch.size()) {
    size_t end = i;  // the last item of the chain
    while (end < batch.size() && (batch[end].flags & 1) != 0) ++end;
    const bool open = end == batch.size();
    if (open) --end;
    const State before = state_;
    bool broken = false;
    UInt128 failed_id = 0;
    for (size_t j = i; j <= end; ++j) {
      StatusType status = StatusType::kLinkedEventFailed;
      if (open && j == end) {
        status = StatusType::kLinkedEventChainOpen;
      } else if (!broken) {
        if constexpr (std::is_same_v<Spec, AccountSpec>) {
          status = Apply(batch[j]);
        } else {
          status = Apply(now_ns, batch[j]);
        }
      }
      if (!broken && status != StatusType::kCreated) {
        broken = true;
        if constexpr (std::is_same_v<Spec, TransferSpec>) {
          if (RemembersFailure(status)) failed_id = batch[j].id.value();
        }
        for (size_t k = i; k < j; ++k) statuses[k] = StatusType::kLinkedEventFailed;
      }
      statuses.push_back(status);
    }
    if (broken) state_ = before;
    if (failed_id != 0) state_.failed.insert(failed_id);
    i = end + 1;
  }
  return statuses;
}

std::vector<AccountStatus> NaiveLedger::CreateAccounts(int64_t now_ns,
                                                       std::span<const AccountSpec> batch) {
  return Run<AccountSpec, AccountStatus>(now_ns, batch);
}

std::vector<TransferStatus> NaiveLedger::CreateTransfers(int64_t now_ns,
                                                         std::span<const TransferSpec> batch) {
  return Run<TransferSpec, TransferStatus>(now_ns, batch);
}

}  // namespace credence::ledger
