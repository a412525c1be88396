#include "src/ledger/command_codec.h"

#include <limits>

#include "src/base/assert.h"
#include "src/base/bytes.h"

namespace credence::ledger {
namespace {

constexpr uint8_t kPendingId = 1;
constexpr uint8_t kUser128 = 2;
constexpr uint8_t kUser64 = 4;
constexpr uint8_t kUser32 = 8;
constexpr uint8_t kTimeout = 16;
constexpr uint8_t kCurrency = 32;

uint8_t MaskOf(const TransferSpec& transfer) {
  uint8_t mask = 0;
  if (transfer.pending_id.value() != 0) mask |= kPendingId;
  if (transfer.user_128 != 0) mask |= kUser128;
  if (transfer.user_64 != 0) mask |= kUser64;
  if (transfer.user_32 != 0) mask |= kUser32;
  if (transfer.timeout_s != 0) mask |= kTimeout;
  if (transfer.currency != Currency()) mask |= kCurrency;
  return mask;
}

// A varint that is there because it is not 0.
template <class T>
T GetNonzero(ByteReader* in) {
  const uint64_t value = in->GetVarint();
  if (value == 0 || value > std::numeric_limits<T>::max()) in->Fail();
  return static_cast<T>(value);
}

UInt128 GetNonzero128(ByteReader* in) {
  const UInt128 value = in->GetFixed128();
  if (value == 0) in->Fail();
  return value;
}

uint16_t GetShort(ByteReader* in) {
  const uint64_t value = in->GetVarint();
  if (value > UINT16_MAX) in->Fail();
  return static_cast<uint16_t>(value);
}

TransferSpec DecodeTransfer(ByteReader* in) {
  TransferSpec transfer;
  const uint8_t mask = in->GetU8();
  if (mask >= 2 * kCurrency) in->Fail();
  transfer.id = TransferId(in->GetFixed128());
  transfer.debit_account = AccountId(in->GetFixed128());
  transfer.credit_account = AccountId(in->GetFixed128());
  transfer.amount = in->GetZigzag();
  transfer.code = GetShort(in);
  transfer.flags = GetShort(in);
  if ((mask & kPendingId) != 0) transfer.pending_id = TransferId(GetNonzero128(in));
  if ((mask & kUser128) != 0) transfer.user_128 = GetNonzero128(in);
  if ((mask & kUser64) != 0) transfer.user_64 = GetNonzero<uint64_t>(in);
  if ((mask & kUser32) != 0) transfer.user_32 = GetNonzero<uint32_t>(in);
  if ((mask & kTimeout) != 0) transfer.timeout_s = GetNonzero<uint32_t>(in);
  if ((mask & kCurrency) != 0) {
    const auto currency = Currency::FromNumeric(GetNonzero<uint16_t>(in));
    if (!currency) in->Fail();
    transfer.currency = currency.value_or(Currency());
  }
  return transfer;
}

}  // namespace

void EncodeTransfers(int64_t now_ns, std::span<const TransferSpec> batch, std::string* out) {
  CREDENCE_ASSERT(batch.size() <= kStoredBatchMax);
  ByteWriter writer(out);
  writer.PutZigzag(now_ns);
  writer.PutVarint(batch.size());
  for (const TransferSpec& transfer : batch) {
    const uint8_t mask = MaskOf(transfer);
    writer.PutU8(mask);
    writer.PutFixed128(transfer.id.value());
    writer.PutFixed128(transfer.debit_account.value());
    writer.PutFixed128(transfer.credit_account.value());
    writer.PutZigzag(transfer.amount);
    writer.PutVarint(transfer.code);
    writer.PutVarint(transfer.flags);
    if ((mask & kPendingId) != 0) writer.PutFixed128(transfer.pending_id.value());
    if ((mask & kUser128) != 0) writer.PutFixed128(transfer.user_128);
    if ((mask & kUser64) != 0) writer.PutVarint(transfer.user_64);
    if ((mask & kUser32) != 0) writer.PutVarint(transfer.user_32);
    if ((mask & kTimeout) != 0) writer.PutVarint(transfer.timeout_s);
    if ((mask & kCurrency) != 0) writer.PutVarint(transfer.currency.numeric());
  }
}

Result<TransferBatch> DecodeTransfers(std::string_view bytes) {
  ByteReader in(bytes);
  TransferBatch batch;
  batch.now_ns = in.GetZigzag();
  const uint64_t count = in.GetVarint();
  if (count > kStoredBatchMax) return DataLoss("a stored batch has too many transfers");
  batch.transfers.reserve(count);
  for (uint64_t i = 0; i < count && in.ok(); ++i) batch.transfers.push_back(DecodeTransfer(&in));
  if (!in.ok() || !in.AtEnd()) {
    return DataLoss("a stored batch of transfers is damaged at byte " +
                    std::to_string(in.position()));
  }
  return batch;
}

}  // namespace credence::ledger
