// Stored batches read back as they were, and nothing else is accepted.

#include "src/ledger/command_codec.h"

#include <gtest/gtest.h>

#include "src/base/random.h"

namespace credence::ledger {
namespace {

TransferSpec RandomTransfer(Random* random) {
  TransferSpec transfer;
  const auto wide = [&] { return (UInt128{random->Next()} << 64) | random->Next(); };
  transfer.id = TransferId(wide());
  transfer.debit_account = AccountId(random->Below(2) == 0 ? UInt128{0} : wide());
  transfer.credit_account = AccountId(wide());
  transfer.amount = static_cast<int64_t>(random->Next());
  transfer.code = static_cast<uint16_t>(random->Next());
  transfer.flags = static_cast<uint16_t>(random->Next());
  if (random->Below(2) == 0) transfer.pending_id = TransferId(wide());
  if (random->Below(2) == 0) transfer.user_128 = wide();
  if (random->Below(2) == 0) transfer.user_64 = random->Next();
  if (random->Below(2) == 0) transfer.user_32 = static_cast<uint32_t>(random->Next());
  if (random->Below(2) == 0) transfer.timeout_s = static_cast<uint32_t>(random->Next());
  if (random->Below(2) == 0) transfer.currency = *Currency::FromCode("CNY");
  return transfer;
}

TEST(CommandCodec, EveryBatchReadsBackAsItWas) {
  Random random(7);
  for (size_t size : {size_t{0}, size_t{1}, size_t{2}, size_t{500}}) {
    std::vector<TransferSpec> batch;
    for (size_t i = 0; i < size; ++i) batch.push_back(RandomTransfer(&random));
    std::string bytes;
    EncodeTransfers(-5, batch, &bytes);
    const auto read = DecodeTransfers(bytes);
    ASSERT_TRUE(read.ok()) << read.status().ToString();
    EXPECT_EQ(read->now_ns, -5);
    EXPECT_EQ(read->transfers, batch);
  }
}

TEST(CommandCodec, TheExampleOfTheHeaderIsFiftyFiveBytes) {
  TransferSpec transfer;
  transfer.id = TransferId(1);
  transfer.debit_account = AccountId(1);
  transfer.credit_account = AccountId(2);
  transfer.amount = 250;
  transfer.code = 1;
  transfer.currency = *Currency::FromCode("CNY");
  std::string bytes;
  EncodeTransfers(0, {&transfer, 1}, &bytes);
  EXPECT_EQ(bytes.size(), 2U + 55U);
}

TEST(CommandCodec, CutOrLengthenedBytesAreDataLoss) {
  Random random(11);
  std::vector<TransferSpec> batch;
  for (int i = 0; i < 3; ++i) batch.push_back(RandomTransfer(&random));
  std::string bytes;
  EncodeTransfers(1, batch, &bytes);
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(DecodeTransfers(std::string_view(bytes).substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(DecodeTransfers(bytes + '\0').ok());
}

}  // namespace
}  // namespace credence::ledger
