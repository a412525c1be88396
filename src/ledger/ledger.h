#pragma once
// Ledger: double-entry accounts and transfers in memory, as a pure state machine.
//
// Commands come in batches with the time of their event (`now`, which must not go back: assertion)
// and give one status for each item; a status other than kCreated leaves no trace, except that some
// failed ids are remembered (RemembersFailure). Items with the linked flag succeed or fail with the
// next one; a chain ends at the first item without it. A command that repeats an id gives kExists
// if it says the same, so a retry is harmless.
//
// Expiry is a predicate on time. A pending transfer with a timeout t, made at m, holds its amount
// at every time before m + t and at no time from then on. Commands release what is due by `now`
// before anything else, in the order (expiry, transfer); reads take the time as an argument and
// release nothing.
//
// Invariants, after every command, for each currency: the posted debits of all accounts equal their
// posted credits, and so do the pending ones. No sum is negative or above kAmountMax, nor is
// pending + posted.
//
// One thread. Pointers and spans that reads give out live until the next command.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/chunked.h"
#include "src/base/digest.h"
#include "src/base/status.h"
#include "src/ledger/id_table.h"
#include "src/ledger/types.h"

namespace credence::ledger {

struct Account {
  AccountSpec spec;  // as it was made
  Balances balances;
  int64_t created_ns = 0;
  uint32_t last_transfer = IdTable::kNone;  // row; the head of the account's chain of transfers
  bool closed = false;                      // made closed, or closed by a pending transfer
};

struct Transfer {
  // The amount is what was moved: after balancing, and the part that was posted.
  TransferSpec spec;
  int64_t time_ns = 0;
  int64_t expires_ns = INT64_MAX;       // pending with a timeout
  int64_t resolved_ns = INT64_MAX;      // when it was posted, voided or expired
  uint32_t debit_row = IdTable::kNone;  // accounts
  uint32_t credit_row = IdTable::kNone;
  uint32_t debit_previous = IdTable::kNone;  // the debit account's transfer before this one
  uint32_t credit_previous = IdTable::kNone;
  uint32_t debit_history = IdTable::kNone;  // the balances kept after it
  uint32_t credit_history = IdTable::kNone;
  PendingState state = PendingState::kNone;
};

// Which transfers of one account, in their order.
struct HistoryFilter {
  AccountId account;
  bool debits = true;
  bool credits = true;
  bool newest_first = false;
  std::optional<UInt128> user_128;
  std::optional<uint64_t> user_64;
  std::optional<uint32_t> user_32;
  std::optional<uint16_t> code;
  TransferId first;  // none = from the first; an id that does not exist gives nothing
  TransferId last;   // none = to the last
  int64_t time_min_ns = INT64_MIN;
  int64_t time_max_ns = INT64_MAX;
  uint32_t limit = 0;  // 0 gives nothing
};

struct BalanceRow {
  TransferId transfer;
  int64_t time_ns = 0;
  Balances balances;  // after it
};

class Ledger {
 public:
  static constexpr size_t kBatchMax = 65'536;  // items in one command: assertion

  Ledger();
  ~Ledger();
  Ledger(Ledger&&) noexcept;
  Ledger& operator=(Ledger&&) noexcept;

  // --- commands ---
  // `statuses` has the size of the batch.
  void CreateAccounts(int64_t now_ns, std::span<const AccountSpec> batch,
                      std::span<AccountStatus> statuses);
  void CreateTransfers(int64_t now_ns, std::span<const TransferSpec> batch,
                       std::span<TransferStatus> statuses);
  [[nodiscard]] AccountStatus CreateAccount(int64_t now_ns, const AccountSpec& spec);
  [[nodiscard]] TransferStatus CreateTransfer(int64_t now_ns, const TransferSpec& spec);
  // Releases at most `max` of the pending transfers due by `now`; returns how many. Commands do it
  // by themselves; a timer calls this so that none has many to do.
  size_t ExpireDue(int64_t now_ns, size_t max);

  // --- reads ---
  struct PendingEnd {
    int64_t expires_ns = 0;
    TransferId id;
    int64_t amount = 0;
  };
  // The first `max` of the pending transfers that are due by `now`, in the order in which ExpireDue
  // releases them. Costs what it gives, and what was resolved before its end and stood between.
  [[nodiscard]] std::vector<PendingEnd> PendingDue(int64_t now_ns, size_t max) const;
  // No pending transfer is due before it; nothing where none will ever be. It may be the end of one
  // that was resolved before.
  [[nodiscard]] std::optional<int64_t> FirstPendingEnd() const;
  [[nodiscard]] const Account* FindAccount(AccountId id) const;  // null if there is none
  [[nodiscard]] const Transfer* FindTransfer(TransferId id) const;
  [[nodiscard]] bool HasFailed(TransferId id) const;
  // At `now`, not before the last command (assertion): releases counted that are due by then. Zero
  // for no account.
  [[nodiscard]] Balances BalancesNow(AccountId id, int64_t now_ns) const;
  // As they were at any time, from the account's transfers: everything with a time of at most
  // `time_ns`.
  [[nodiscard]] Balances BalancesAt(AccountId id, int64_t time_ns) const;
  [[nodiscard]] bool IsClosedAt(AccountId id, int64_t time_ns) const;
  // Transfers of one account. Nothing for an account that does not exist or a filter that admits
  // nothing.
  [[nodiscard]] std::vector<const Transfer*> Transfers(const HistoryFilter& filter) const;
  // The balances after each of these transfers; only for accounts with kHistory.
  [[nodiscard]] std::vector<BalanceRow> BalanceHistory(const HistoryFilter& filter) const;

  [[nodiscard]] size_t account_count() const;
  [[nodiscard]] size_t transfer_count() const;
  [[nodiscard]] const Chunked<Account>& accounts() const;
  [[nodiscard]] const Transfer& transfer(uint32_t row) const;

  // --- trying out ---
  // From BeginTrial on everything is as ever, until EndTrial makes the ledger what it was before,
  // noted changes too. Costs what was changed between the two. No TakeChanges meanwhile.
  void BeginTrial();
  void EndTrial();

  // --- state ---
  // Calls visit(key, value) for every stored row in canonical encoding (rows.cc): accounts and
  // transfers in the order of their making, then failed ids. Two ledgers are equal if and only if
  // they visit the same rows.
  void VisitRows(const std::function<void(std::string_view, std::string_view)>& visit) const;
  // A ledger from rows in the order in which VisitRows gave them. kDataLoss if they contradict each
  // other: what is accepted keeps the invariants, whoever wrote it.
  static Result<Ledger> FromRows(
      std::span<const std::pair<std::string_view, std::string_view>> rows);
  class RowLoader;
  // The place of a row's table in the order of VisitRows.
  [[nodiscard]] static uint8_t TableRank(std::string_view key);
  // From here on what changes is noted, for those who store rows.
  void NoteChanges();
  // Calls visit(key, value) with each row that is new or has changed since the last call, as it is
  // now. No row ever goes away. Nothing where changes are not noted.
  void TakeChanges(const std::function<void(std::string_view, std::string_view)>& visit);
  [[nodiscard]] int64_t last_ns() const;  // time of the last command; INT64_MIN: none
  [[nodiscard]] Digest StateDigest() const;

 private:
  struct Rep;
  std::unique_ptr<Rep> rep_;
};

// FromRows, row by row.
class Ledger::RowLoader {
 public:
  RowLoader();
  ~RowLoader();
  // kDataLoss if the row cannot be, or cannot be here; the loader is of no use then.
  Status Add(std::string_view key, std::string_view value);
  // Once, after the last row.
  Result<Ledger> Finish();

 private:
  Status AddAccount(std::string_view key, std::string_view value);
  Status AddTransfer(std::string_view key, std::string_view value);
  [[nodiscard]] bool Count(const Transfer& transfer);
  [[nodiscard]] bool Resolves(const Transfer& transfer) const;

  Ledger ledger_;
  std::vector<Balances> sums_;                                // of accounts, from their transfers
  std::vector<std::pair<uint32_t, uint32_t>> wants_history_;  // transfer; 0 debit, 1 credit
};

}  // namespace credence::ledger
