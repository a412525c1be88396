#pragma once
// The slow, obvious ledger: every transfer in one list, every balance a sum over it at the moment
// it is asked for, a failed chain undone by going back to a copy. Oracle of Ledger in tests.

#include <map>
#include <set>
#include <vector>

#include "src/ledger/ledger.h"

namespace credence::ledger {

class NaiveLedger {
 public:
  std::vector<AccountStatus> CreateAccounts(int64_t now_ns, std::span<const AccountSpec> batch);
  std::vector<TransferStatus> CreateTransfers(int64_t now_ns, std::span<const TransferSpec> batch);
  [[nodiscard]] Balances BalancesAt(AccountId id, int64_t time_ns) const;
  [[nodiscard]] bool IsClosedAt(AccountId id, int64_t time_ns) const;

 private:
  struct Entry {
    TransferSpec spec;  // with what was moved
    int64_t time_ns;
  };
  struct State {
    std::map<UInt128, AccountSpec> accounts;
    std::vector<Entry> entries;
    std::set<UInt128> failed;
  };
  AccountStatus Apply(const AccountSpec& spec);
  TransferStatus Apply(int64_t now_ns, TransferSpec spec);
  TransferStatus Compare(const Entry& old, const TransferSpec& spec) const;
  TransferStatus Move(int64_t now_ns, TransferSpec spec);
  TransferStatus Resolve(int64_t now_ns, TransferSpec spec);
  [[nodiscard]] const Entry* Find(TransferId id) const;
  // What became of a pending transfer by `time_ns`.
  [[nodiscard]] PendingState StateAt(const Entry& pending, int64_t time_ns) const;
  template <class Spec, class StatusType>
  std::vector<StatusType> Run(int64_t now_ns, std::span<const Spec> batch);

  State state_;
};

}  // namespace credence::ledger
