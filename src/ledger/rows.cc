// The stored form of a ledger: rows of a key and a value. All numbers little endian unless said
// otherwise.
//
//   key    table (1 byte), number of the row (4 bytes, big endian, so that keys sort as the rows
//   were made) 'A'    fixed128 id, fixed128 user_128, varint user_64, varint user_32, varint
//   currency, varint code,
//          varint flags, zigzag created_ns, u8 closed, 4 x varint balances (debits pending, posted;
//          credits …)
//   'T'    fixed128 id, varint flags, varint row of the debit account, varint row of the credit
//   account,
//          varint amount, [post, void: fixed128 pending_id,] fixed128 user_128, varint user_64,
//          varint user_32, varint code, zigzag time_ns, [pending: varint timeout_s, u8 state,
//          zigzag resolved_ns]
//   'F'    fixed128 id that failed
//   'H'    4 x varint balances kept for an account with history
//   'L'    zigzag time of the last command; only if there was one
//
// Everything else in memory (id tables, chains of transfers, the expiry heap) is made anew from
// these.
//
// Example: a posted transfer of 2.50 between rows 0 and 1, without references, at one second after
// the epoch: 16 (id)
// + 1 (flags) + 1 + 1 (rows) + 2 (amount) + 16 + 1 + 1 (references) + 1 (code) + 5 (time) = 45
// bytes.
#include <algorithm>
#include <limits>

#include "src/base/assert.h"
#include "src/base/bytes.h"
#include "src/ledger/ledger_rep.h"

namespace credence::ledger {
namespace {

std::string Key(char table, uint32_t row) {
  std::string key(1, table);
  for (int shift = 24; shift >= 0; shift -= 8) key.push_back(static_cast<char>(row >> shift));
  return key;
}

void PutBalances(ByteWriter& out, const Balances& balances) {
  for (const int64_t sum : {balances.debits_pending, balances.debits_posted,
                            balances.credits_pending, balances.credits_posted}) {
    out.PutVarint(static_cast<uint64_t>(sum));
  }
}

Balances GetBalances(ByteReader& in) {
  Balances balances;
  for (int64_t* sum : {&balances.debits_pending, &balances.debits_posted, &balances.credits_pending,
                       &balances.credits_posted}) {
    const uint64_t value = in.GetVarint();
    if (value > static_cast<uint64_t>(kAmountMax)) in.Fail();
    *sum = static_cast<int64_t>(value);
  }
  return balances;
}

Currency GetCurrency(ByteReader& in) {
  const uint64_t numeric = in.GetVarint();
  const auto currency =
      numeric > UINT16_MAX ? std::nullopt : Currency::FromNumeric(static_cast<uint16_t>(numeric));
  if (!currency) in.Fail();
  return currency.value_or(Currency());
}

template <class T>
T GetSmall(ByteReader& in) {
  const uint64_t value = in.GetVarint();
  if (value > std::numeric_limits<T>::max()) in.Fail();
  return static_cast<T>(value);
}

std::string Encode(const Account& account) {
  std::string bytes;
  ByteWriter out(&bytes);
  out.PutFixed128(account.spec.id.value());
  out.PutFixed128(account.spec.user_128);
  out.PutVarint(account.spec.user_64);
  out.PutVarint(account.spec.user_32);
  out.PutVarint(account.spec.currency.numeric());
  out.PutVarint(account.spec.code);
  out.PutVarint(account.spec.flags);
  out.PutZigzag(account.created_ns);
  out.PutU8(account.closed ? 1 : 0);
  PutBalances(out, account.balances);
  return bytes;
}

Account DecodeAccount(ByteReader& in) {
  Account account;
  account.spec.id = AccountId(in.GetFixed128());
  account.spec.user_128 = in.GetFixed128();
  account.spec.user_64 = in.GetVarint();
  account.spec.user_32 = GetSmall<uint32_t>(in);
  account.spec.currency = GetCurrency(in);
  account.spec.code = GetSmall<uint16_t>(in);
  account.spec.flags = GetSmall<uint16_t>(in);
  account.created_ns = in.GetZigzag();
  const uint8_t closed = in.GetU8();
  if (closed > 1) in.Fail();
  account.closed = closed == 1;
  account.balances = GetBalances(in);
  return account;
}

std::string Encode(const Transfer& transfer) {
  const TransferSpec& spec = transfer.spec;
  std::string bytes;
  ByteWriter out(&bytes);
  out.PutFixed128(spec.id.value());
  out.PutVarint(spec.flags);
  out.PutVarint(transfer.debit_row);
  out.PutVarint(transfer.credit_row);
  out.PutVarint(static_cast<uint64_t>(spec.amount));
  if ((spec.flags & (transfer_flag::kPost | transfer_flag::kVoid)) != 0) {
    out.PutFixed128(spec.pending_id.value());
  }
  out.PutFixed128(spec.user_128);
  out.PutVarint(spec.user_64);
  out.PutVarint(spec.user_32);
  out.PutVarint(spec.code);
  out.PutZigzag(transfer.time_ns);
  if ((spec.flags & transfer_flag::kPending) != 0) {
    out.PutVarint(spec.timeout_s);
    out.PutU8(static_cast<uint8_t>(transfer.state));
    out.PutZigzag(transfer.resolved_ns);
  }
  return bytes;
}

Transfer DecodeTransfer(ByteReader& in, const Chunked<Account>& accounts) {
  Transfer transfer;
  TransferSpec& spec = transfer.spec;
  spec.id = TransferId(in.GetFixed128());
  spec.flags = GetSmall<uint16_t>(in);
  transfer.debit_row = GetSmall<uint32_t>(in);
  transfer.credit_row = GetSmall<uint32_t>(in);
  spec.amount = static_cast<int64_t>(std::min<uint64_t>(in.GetVarint(), uint64_t{1} << 63));
  if (spec.amount < 0 || transfer.debit_row >= accounts.size() ||
      transfer.credit_row >= accounts.size() || transfer.debit_row == transfer.credit_row) {
    in.Fail();
    return transfer;
  }
  spec.debit_account = accounts[transfer.debit_row].spec.id;
  spec.credit_account = accounts[transfer.credit_row].spec.id;
  spec.currency = accounts[transfer.debit_row].spec.currency;
  if ((spec.flags & (transfer_flag::kPost | transfer_flag::kVoid)) != 0) {
    spec.pending_id = TransferId(in.GetFixed128());
  }
  spec.user_128 = in.GetFixed128();
  spec.user_64 = in.GetVarint();
  spec.user_32 = GetSmall<uint32_t>(in);
  spec.code = GetSmall<uint16_t>(in);
  transfer.time_ns = in.GetZigzag();
  if ((spec.flags & transfer_flag::kPending) != 0) {
    spec.timeout_s = GetSmall<uint32_t>(in);
    const uint8_t state = in.GetU8();
    if (state < 1 || state > 4) in.Fail();
    transfer.state = static_cast<PendingState>(state);
    transfer.resolved_ns = in.GetZigzag();
    if (spec.timeout_s != 0) {
      const Int128 expires = Int128{transfer.time_ns} + Int128{spec.timeout_s} * 1'000'000'000;
      if (expires > INT64_MAX) in.Fail();
      transfer.expires_ns = static_cast<int64_t>(expires);
    }
  }
  return transfer;
}

Status Damaged(std::string_view key, std::string_view what) {
  return DataLoss("ledger row " + ToHex(key) + ": " + std::string(what));
}

std::string EncodeFailed(TransferId id) {
  std::string bytes;
  ByteWriter(&bytes).PutFixed128(id.value());
  return bytes;
}

std::string Encode(const Balances& balances) {
  std::string bytes;
  ByteWriter out(&bytes);
  PutBalances(out, balances);
  return bytes;
}

std::string EncodeTime(int64_t ns) {
  std::string bytes;
  ByteWriter(&bytes).PutZigzag(ns);
  return bytes;
}

// In the order in which rows are visited and read.
constexpr std::string_view kTables = "ATFHL";

}  // namespace

uint8_t Ledger::TableRank(std::string_view key) {
  const size_t rank = key.empty() ? std::string_view::npos : kTables.find(key.front());
  return static_cast<uint8_t>(std::min(rank, kTables.size()));
}

void Ledger::VisitRows(const std::function<void(std::string_view, std::string_view)>& visit) const {
  for (uint32_t row = 0; row < rep_->accounts.size(); ++row) {
    visit(Key('A', row), Encode(rep_->accounts[row]));
  }
  for (uint32_t row = 0; row < rep_->transfer_count; ++row) {
    visit(Key('T', row), Encode(rep_->At(row)));
  }
  for (uint32_t row = 0; row < rep_->failed.size(); ++row) {
    visit(Key('F', row), EncodeFailed(rep_->failed[row]));
  }
  for (uint32_t row = 0; row < rep_->history.size(); ++row) {
    visit(Key('H', row), Encode(rep_->history[row]));
  }
  if (rep_->last_ns != INT64_MIN) visit(Key('L', 0), EncodeTime(rep_->last_ns));
}

void Ledger::NoteChanges() {
  rep_->notes_changes = true;
  rep_->changed_accounts.clear();
  rep_->changed_transfers.clear();
  rep_->taken_transfers = rep_->transfer_count;
  rep_->taken_failed = rep_->failed.size();
  rep_->taken_history = rep_->history.size();
  rep_->taken_ns = rep_->last_ns;
}

void Ledger::TakeChanges(const std::function<void(std::string_view, std::string_view)>& visit) {
  Rep& rep = *rep_;
  if (!rep.notes_changes) return;
  CREDENCE_ASSERT(!rep.in_chain);
  const auto each = [](std::vector<uint32_t>* rows, uint64_t end, auto give) {
    std::sort(rows->begin(), rows->end());
    rows->erase(std::unique(rows->begin(), rows->end()), rows->end());
    for (const uint32_t row : *rows) {
      if (row < end) give(row);  // else it was taken back with its chain
    }
    rows->clear();
  };
  each(&rep.changed_accounts, rep.accounts.size(),
       [&](uint32_t row) { visit(Key('A', row), Encode(rep.accounts[row])); });
  each(&rep.changed_transfers, rep.taken_transfers,
       [&](uint32_t row) { visit(Key('T', row), Encode(rep.At(row))); });
  for (; rep.taken_transfers < rep.transfer_count; ++rep.taken_transfers) {
    visit(Key('T', rep.taken_transfers), Encode(rep.At(rep.taken_transfers)));
  }
  for (; rep.taken_failed < rep.failed.size(); ++rep.taken_failed) {
    visit(Key('F', static_cast<uint32_t>(rep.taken_failed)),
          EncodeFailed(rep.failed[rep.taken_failed]));
  }
  for (; rep.taken_history < rep.history.size(); ++rep.taken_history) {
    visit(Key('H', static_cast<uint32_t>(rep.taken_history)),
          Encode(rep.history[rep.taken_history]));
  }
  if (rep.taken_ns != rep.last_ns) visit(Key('L', 0), EncodeTime(rep.last_ns));
  rep.taken_ns = rep.last_ns;
}

Digest Ledger::StateDigest() const {
  MultisetHash hash;
  std::string row;
  VisitRows([&](std::string_view key, std::string_view value) {
    row.assign(key);
    row.append(value);
    hash.Add(row);
  });
  return hash.digest();
}

Ledger::RowLoader::RowLoader() = default;
Ledger::RowLoader::~RowLoader() = default;

Status Ledger::RowLoader::AddAccount(std::string_view key, std::string_view value) {
  Rep& rep = *ledger_.rep_;
  ByteReader in(value);
  const Account account = DecodeAccount(in);
  const UInt128 id = account.spec.id.value();
  if (!in.ok() || !in.AtEnd() || id == 0 || id == kIdMax || account.spec.code == 0 ||
      account.spec.currency == Currency() || (account.spec.flags & ~account_flag::kAll) != 0 ||
      rep.FindAccountRow(account.spec.id) != IdTable::kNone) {
    return Damaged(key, "the account cannot be read or is there twice");
  }
  rep.accounts.push_back(account);
  rep.InsertAccountId(static_cast<uint32_t>(rep.accounts.size() - 1));
  sums_.emplace_back();
  return {};
}

// What resolves a pending transfer names one that is there, is not after it and is resolved so.
bool Ledger::RowLoader::Resolves(const Transfer& transfer) const {
  const Rep& rep = *ledger_.rep_;
  const bool voids = (transfer.spec.flags & transfer_flag::kVoid) != 0;
  const uint32_t row = rep.FindTransferRow(transfer.spec.pending_id);
  if (row == IdTable::kNone) return false;
  const Transfer& pending = rep.At(row);
  return pending.state == (voids ? PendingState::kVoided : PendingState::kPosted) &&
         pending.debit_row == transfer.debit_row && pending.credit_row == transfer.credit_row &&
         transfer.spec.amount <= pending.spec.amount;
}

// Adds what the transfer moved to the sums of its accounts. False if they would be too large.
bool Ledger::RowLoader::Count(const Transfer& transfer) {
  const int64_t amount = transfer.spec.amount;
  Balances& debit = sums_[transfer.debit_row];
  Balances& credit = sums_[transfer.credit_row];
  const auto add = [amount](int64_t* sum, int64_t other) {
    if (amount > kAmountMax - *sum || other > kAmountMax - *sum - amount) return false;
    *sum += amount;
    return true;
  };
  if (transfer.state == PendingState::kPending) {
    return add(&debit.debits_pending, debit.debits_posted) &&
           add(&credit.credits_pending, credit.credits_posted);
  }
  const bool moved =
      transfer.state == PendingState::kNone && (transfer.spec.flags & transfer_flag::kVoid) == 0;
  return !moved || (add(&debit.debits_posted, debit.debits_pending) &&
                    add(&credit.credits_posted, credit.credits_pending));
}

Status Ledger::RowLoader::AddTransfer(std::string_view key, std::string_view value) {
  Rep& rep = *ledger_.rep_;
  ByteReader in(value);
  const Transfer transfer = DecodeTransfer(in, rep.accounts);
  const UInt128 id = transfer.spec.id.value();
  constexpr uint16_t kResolve = transfer_flag::kPost | transfer_flag::kVoid;
  const uint16_t kind = transfer.spec.flags & (kResolve | transfer_flag::kPending);
  if (!in.ok() || !in.AtEnd() || id == 0 || id == kIdMax ||
      (transfer.spec.flags & ~transfer_flag::kAll) != 0 || (kind & (kind - 1)) != 0 ||
      rep.FindTransferRow(transfer.spec.id) != IdTable::kNone) {
    return Damaged(key, "the transfer cannot be read or is there twice");
  }
  if ((kind & kResolve) != 0 && !Resolves(transfer)) {
    return Damaged(key, "the transfer resolves none that is there");
  }
  if (transfer.time_ns < rep.last_ns) return Damaged(key, "times go back");
  if (!Count(transfer)) return Damaged(key, "the balances of its accounts overflow");
  rep.last_ns = transfer.time_ns;
  const uint32_t row = rep.transfer_count;
  rep.Append(transfer.time_ns, transfer.spec, transfer.debit_row, transfer.credit_row);
  Transfer& made = rep.At(row);
  made.state = transfer.state;
  made.expires_ns = transfer.expires_ns;
  made.resolved_ns = transfer.resolved_ns;
  if (made.state == PendingState::kPending && made.expires_ns != INT64_MAX) {
    rep.PushDue({made.expires_ns, row});
  }
  const auto keeps = [&](uint32_t account) {
    return (rep.accounts[account].spec.flags & account_flag::kHistory) != 0;
  };
  if (keeps(made.debit_row)) wants_history_.emplace_back(row, 0);
  if (keeps(made.credit_row)) wants_history_.emplace_back(row, 1);
  return {};
}

Status Ledger::RowLoader::Add(std::string_view key, std::string_view value) {
  Rep& rep = *ledger_.rep_;
  ByteReader in(value);
  const auto expect = [&](size_t row) {
    return row < kRowsMax && key == Key(key.front(), static_cast<uint32_t>(row));
  };
  switch (key.empty() ? '\0' : key.front()) {
    case 'A':
      // Transfers name accounts that came before them.
      if (!expect(rep.accounts.size()) || rep.transfer_count > 0) {
        return Damaged(key, "accounts are out of order");
      }
      return AddAccount(key, value);
    case 'T':
      if (!expect(rep.transfer_count)) return Damaged(key, "transfers are out of order");
      return AddTransfer(key, value);
    case 'F': {
      if (!expect(rep.failed.size())) return Damaged(key, "failed ids are out of order");
      const TransferId id(in.GetFixed128());
      if (!in.ok() || !in.AtEnd() || rep.FindTransferRow(id) != IdTable::kNone) {
        return Damaged(key, "the failed id cannot be read or is there twice");
      }
      rep.failed.push_back(id);
      rep.InsertTransferId(static_cast<uint32_t>(rep.failed.size() - 1) | Rep::kFailedBit);
      return {};
    }
    case 'H': {
      if (!expect(rep.history.size()) || rep.history.size() >= wants_history_.size()) {
        return Damaged(key, "balance history is out of order");
      }
      const auto [row, side] = wants_history_[rep.history.size()];
      const auto at = static_cast<uint32_t>(rep.history.size());
      (side == 0 ? rep.At(row).debit_history : rep.At(row).credit_history) = at;
      rep.history.push_back(GetBalances(in));
      break;
    }
    case 'L': {
      const int64_t last_ns = in.GetZigzag();
      if (!expect(0) || last_ns < rep.last_ns) return Damaged(key, "times go back");
      rep.last_ns = last_ns;
      break;
    }
    default:
      return Damaged(key, "no such table");
  }
  if (!in.ok() || !in.AtEnd()) return Damaged(key, "the row is too short or too long");
  return {};
}

Result<Ledger> Ledger::RowLoader::Finish() {
  const Rep& rep = *ledger_.rep_;
  if (rep.history.size() != wants_history_.size()) {
    return DataLoss("ledger: balance history is missing");
  }
  for (size_t row = 0; row < sums_.size(); ++row) {
    if (sums_[row] == rep.accounts[row].balances) continue;
    return Damaged(Key('A', static_cast<uint32_t>(row)),
                   "the balances are not those of the account's transfers");
  }
  return std::move(ledger_);
}

Result<Ledger> Ledger::FromRows(
    std::span<const std::pair<std::string_view, std::string_view>> rows) {
  RowLoader loader;
  for (const auto& [key, value] : rows) CREDENCE_TRY(loader.Add(key, value));
  return loader.Finish();
}

}  // namespace credence::ledger
