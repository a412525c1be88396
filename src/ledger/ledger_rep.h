#pragma once
// The inside of Ledger, shared by ledger.cc (commands and reads) and rows.cc (stored form).

#include <optional>
#include <utility>
#include <vector>

#include "src/base/chunked.h"
#include "src/ledger/ledger.h"

namespace credence::ledger {

struct Ledger::Rep {
  static constexpr uint32_t kChunk = 8192;
  static constexpr uint32_t kFailedBit = 0x8000'0000;  // of a row number in `transfer_ids`

  struct Due {  // an entry of the expiry heap; one whose transfer is resolved is skipped when met
    int64_t expires_ns;
    uint32_t row;
    friend bool operator<(const Due& a, const Due& b) {  // the heap's top is the least
      return std::pair(a.expires_ns, a.row) > std::pair(b.expires_ns, b.row);
    }
  };
  struct AccountUndo {
    uint32_t row;
    Balances balances;
    uint32_t last_transfer;
    bool closed;
  };

  int64_t last_ns = INT64_MIN;  // time of the last command
  Chunked<Account> accounts;
  IdTable account_ids;
  std::vector<std::unique_ptr<Transfer[]>> chunks;
  uint32_t transfer_count = 0;
  std::vector<TransferId> failed;
  IdTable transfer_ids;  // rows of transfers, and of failed ids with kFailedBit
  Chunked<Balances> history;
  std::vector<Due> due;  // a heap

  // What changed since TakeChanges, where that is noted: rows of accounts and of resolved
  // transfers, a row maybe often; of what only grows, how much was taken.
  bool notes_changes = false;
  std::vector<uint32_t> changed_accounts;
  std::vector<uint32_t> changed_transfers;
  uint32_t taken_transfers = 0;
  size_t taken_failed = 0;
  size_t taken_history = 0;
  int64_t taken_ns = INT64_MIN;

  // One change of `due`, and what was there before it.
  struct DueUndo {
    enum class Kind : uint8_t { kSet, kPushed, kPopped } kind;
    size_t at;
    Due before;
  };
  // What a trial has to put back: what was before it, the first change of each first.
  struct Trial {
    int64_t last_ns;
    size_t accounts;  // counts
    uint32_t transfers;
    size_t failed;
    size_t history;
    size_t changed_accounts;
    size_t changed_transfers;
    std::vector<AccountUndo> undo_accounts;
    std::vector<uint32_t> resolved;  // that were pending
    std::vector<DueUndo> undo_due;
  };
  std::optional<Trial> trial;

  // Of the chain in progress.
  bool in_chain = false;
  uint32_t chain_accounts = 0;  // counts when it began
  uint32_t chain_transfers = 0;
  size_t chain_history = 0;
  std::vector<AccountUndo> undo_accounts;
  std::vector<uint32_t> undo_pending;
  std::vector<Due> chain_due;

  [[nodiscard]] Transfer& At(uint32_t row) { return chunks[row / kChunk][row % kChunk]; }
  [[nodiscard]] const Transfer& At(uint32_t row) const {
    return chunks[row / kChunk][row % kChunk];
  }
  [[nodiscard]] uint32_t FindAccountRow(AccountId id) const;
  [[nodiscard]] uint32_t FindTransferRow(TransferId id) const;  // with kFailedBit for a failed one
  void Prefetch(const AccountSpec& spec) const;
  void Prefetch(const TransferSpec& spec) const;
  void InsertAccountId(uint32_t row);
  void InsertTransferId(uint32_t row);  // with kFailedBit for a failed one
  [[nodiscard]] UInt128 IdOf(uint32_t row) const;

  void Advance(int64_t now_ns);
  size_t Release(int64_t now_ns, size_t max);
  void SetHold(const Transfer& pending, bool add);

  AccountStatus Apply(int64_t now_ns, const AccountSpec& spec);
  TransferStatus Apply(int64_t now_ns, const TransferSpec& spec);
  TransferStatus ApplyMove(int64_t now_ns, const TransferSpec& spec);
  TransferStatus ApplyResolve(int64_t now_ns, const TransferSpec& spec);
  [[nodiscard]] TransferStatus CompareExisting(const Transfer& old, const TransferSpec& spec) const;
  [[nodiscard]] TransferStatus CheckMove(const TransferSpec& spec) const;
  [[nodiscard]] TransferStatus CheckRoom(int64_t now_ns, const TransferSpec& spec,
                                         const Account& debit, const Account& credit,
                                         int64_t amount) const;
  Transfer& Append(int64_t now_ns, const TransferSpec& spec, uint32_t debit_row,
                   uint32_t credit_row);
  void Link(uint32_t row);
  void KeepHistory(Transfer& transfer);
  void Touch(uint32_t account_row);
  void NoteAccount(uint32_t row) {
    if (notes_changes) changed_accounts.push_back(row);
  }
  void NoteTransfer(uint32_t row) {
    if (notes_changes) changed_transfers.push_back(row);
  }
  void SetDue(size_t at, Due entry);
  void PushDue(Due entry);
  Due PopDue();
  void BeginChain();
  void CommitChain();
  void Rollback();
  void PutBack(const AccountUndo& undo);
  void PutBack(const Trial& before);
  void DropRows(size_t account_rows, uint32_t transfer_rows, size_t history_rows);
};

}  // namespace credence::ledger
