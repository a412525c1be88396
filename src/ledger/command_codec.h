#pragma once
// The stored form of a command to the ledger: one batch of transfers with its time, as a journal
// keeps it. Deciding the batch again on the same ledger gives the same statuses, so the batch is
// all that has to be kept.
//
//   record    zigzag now_ns, varint count, count x transfer
//   transfer  u8 mask, fixed128 id, fixed128 debit account, fixed128 credit account, zigzag amount,
//             varint code, varint flags, then what the mask names, in this order:
//             1 fixed128 pending_id   2 fixed128 user_128   4 varint user_64
//             8 varint user_32        16 varint timeout_s   32 varint currency (ISO 4217 numeric)
//
// Example: a transfer of 2.50 CNY with code 1 and without references is 1 + 48 + 2 + 1 + 1 + 2 = 55
// bytes.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/status.h"
#include "src/ledger/types.h"

namespace credence::ledger {

struct TransferBatch {
  int64_t now_ns = 0;
  std::vector<TransferSpec> transfers;
};

inline constexpr size_t kStoredBatchMax = 65'536;  // transfers

// Appends to `out`. At most kStoredBatchMax transfers: assertion.
void EncodeTransfers(int64_t now_ns, std::span<const TransferSpec> batch, std::string* out);
// kDataLoss for bytes that EncodeTransfers did not write.
[[nodiscard]] Result<TransferBatch> DecodeTransfers(std::string_view bytes);

}  // namespace credence::ledger
