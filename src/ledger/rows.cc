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

Transfer DecodeTransfer(ByteReader& in, std::span<const Account> accounts) {
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

}  // namespace

void Ledger::VisitRows(const std::function<void(std::string_view, std::string_view)>& visit) const {
  for (uint32_t row = 0; row < rep_->accounts.size(); ++row) {
    visit(Key('A', row), Encode(rep_->accounts[row]));
  }
  for (uint32_t row = 0; row < rep_->transfer_count; ++row) {
    visit(Key('T', row), Encode(rep_->At(row)));
  }
  for (uint32_t row = 0; row < rep_->failed.size(); ++row) {
    std::string bytes;
    ByteWriter(&bytes).PutFixed128(rep_->failed[row].value());
    visit(Key('F', row), bytes);
  }
  for (uint32_t row = 0; row < rep_->history.size(); ++row) {
    std::string bytes;
    ByteWriter out(&bytes);
    PutBalances(out, rep_->history[row]);
    visit(Key('H', row), bytes);
  }
  if (rep_->last_ns != INT64_MIN) {
    std::string bytes;
    ByteWriter(&bytes).PutZigzag(rep_->last_ns);
    visit(Key('L', 0), bytes);
  }
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

Result<Ledger> Ledger::FromRows(
    std::span<const std::pair<std::string_view, std::string_view>> rows) {
  Ledger ledger;
  Rep& rep = *ledger.rep_;
  std::vector<std::pair<uint32_t, uint32_t>> wants_history;  // {transfer row, 0 debit or 1 credit}
  for (const auto& [key, value] : rows) {
    ByteReader in(value);
    const char table = key.empty() ? '\0' : key.front();
    const auto expect = [&](size_t row) { return key == Key(table, static_cast<uint32_t>(row)); };
    if (table == 'A') {
      if (!expect(rep.accounts.size())) return Damaged(key, "accounts are out of order");
      const Account account = DecodeAccount(in);
      if (!in.ok() || rep.FindAccountRow(account.spec.id) != IdTable::kNone) {
        return Damaged(key, "the account cannot be read or is there twice");
      }
      rep.accounts.push_back(account);
      rep.InsertAccountId(static_cast<uint32_t>(rep.accounts.size() - 1));
    } else if (table == 'T') {
      if (!expect(rep.transfer_count)) return Damaged(key, "transfers are out of order");
      const Transfer transfer = DecodeTransfer(in, rep.accounts);
      if (!in.ok() || rep.FindTransferRow(transfer.spec.id) != IdTable::kNone) {
        return Damaged(key, "the transfer cannot be read or is there twice");
      }
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
      if (keeps(made.debit_row)) wants_history.emplace_back(row, 0);
      if (keeps(made.credit_row)) wants_history.emplace_back(row, 1);
    } else if (table == 'F') {
      if (!expect(rep.failed.size())) return Damaged(key, "failed ids are out of order");
      const TransferId id(in.GetFixed128());
      if (!in.ok() || rep.FindTransferRow(id) != IdTable::kNone) {
        return Damaged(key, "the failed id cannot be read or is there twice");
      }
      rep.failed.push_back(id);
      rep.InsertTransferId(static_cast<uint32_t>(rep.failed.size() - 1) | Rep::kFailedBit);
    } else if (table == 'H') {
      if (!expect(rep.history.size()) || rep.history.size() >= wants_history.size()) {
        return Damaged(key, "balance history is out of order");
      }
      const auto [row, side] = wants_history[rep.history.size()];
      const auto at = static_cast<uint32_t>(rep.history.size());
      (side == 0 ? rep.At(row).debit_history : rep.At(row).credit_history) = at;
      rep.history.push_back(GetBalances(in));
    } else if (table == 'L') {
      rep.last_ns = in.GetZigzag();
    } else {
      return Damaged(key, "no such table");
    }
    if (!in.ok() || !in.AtEnd()) return Damaged(key, "the row is too short or too long");
  }
  if (rep.history.size() != wants_history.size())
    return DataLoss("ledger: balance history is missing");
  return ledger;
}

}  // namespace credence::ledger
