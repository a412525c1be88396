#pragma once
// The vocabulary of the ledger: accounts, transfers and the answers to commands.
//
// An account holds one currency and four sums of minor units: debits and credits, each pending and
// posted. A transfer moves an amount from the debit side of one account to the credit side of
// another and is never changed; a correction is another transfer. The model is that of TigerBeetle
// (docs/reference, Apache-2.0): its vocabulary of statuses is kept where the words mean the same,
// so that its public test vectors apply.

#include <cstdint>
#include <string_view>

#include "src/base/int128.h"
#include "src/base/strong_id.h"
#include "src/money/money.h"

namespace credence::ledger {

// 0 is "none" and the greatest value is reserved; neither names an account or a transfer.
using AccountId = StrongId<struct AccountIdTag, UInt128>;
using TransferId = StrongId<struct TransferIdTag, UInt128>;

inline constexpr UInt128 kIdMax = ~UInt128{0};
// The greatest amount, and the greatest sum on either side of an account.
inline constexpr int64_t kAmountMax = INT64_MAX;
// Accounts, and transfers, in one ledger.
inline constexpr uint32_t kRowsMax = 0x7FFF'FFFF;

// The id of the index-th transfer that the event of this sequence makes. Ids of the two kinds never
// meet, since those chosen by a caller have the top bit set (kCallerIdBit).
[[nodiscard]] constexpr TransferId EngineTransferId(Seq seq, uint32_t index) {
  return TransferId((UInt128{seq.value()} << 32) | index);
}
inline constexpr UInt128 kCallerIdBit = UInt128{1} << 127;

// Flags of an account. Stored. Do not change.
namespace account_flag {
inline constexpr uint16_t kLinked = 1 << 0;  // succeeds or fails with the next one of the batch
inline constexpr uint16_t kDebitsMustNotExceedCredits = 1 << 1;
inline constexpr uint16_t kCreditsMustNotExceedDebits = 1 << 2;
inline constexpr uint16_t kHistory = 1 << 3;  // keeps its balances after every transfer
inline constexpr uint16_t kClosed = 1 << 4;   // refuses transfers, except the void of a pending one
inline constexpr uint16_t kAll = (1 << 5) - 1;
}  // namespace account_flag

// Flags of a transfer. Stored. Do not change.
namespace transfer_flag {
inline constexpr uint16_t kLinked = 1 << 0;  // succeeds or fails with the next one of the batch
inline constexpr uint16_t kPending = 1 << 1;
inline constexpr uint16_t kPost = 1 << 2;  // posts all or part of `pending_id`, releasing the rest
inline constexpr uint16_t kVoid = 1 << 3;  // releases all of `pending_id`
// The amount is reduced to what keeps debits at most credits on the debit account …
inline constexpr uint16_t kBalancingDebit = 1 << 4;
// … or credits at most debits on the credit account.
inline constexpr uint16_t kBalancingCredit = 1 << 5;
inline constexpr uint16_t kClosingDebit =
    1 << 6;  // pending only: closes the debit account until it is voided
inline constexpr uint16_t kClosingCredit = 1 << 7;
inline constexpr uint16_t kAll = (1 << 8) - 1;
}  // namespace transfer_flag

struct AccountSpec {
  AccountId id;
  UInt128 user_128 = 0;  // the caller's references: whose account it is
  uint64_t user_64 = 0;
  uint32_t user_32 = 0;
  Currency currency;
  uint16_t code = 0;  // its place in the chart of accounts; not 0
  uint16_t flags = 0;
  friend bool operator==(const AccountSpec&, const AccountSpec&) = default;
};

struct Balances {
  int64_t debits_pending = 0;
  int64_t debits_posted = 0;
  int64_t credits_pending = 0;
  int64_t credits_posted = 0;
  friend bool operator==(const Balances&, const Balances&) = default;
};

struct TransferSpec {
  TransferId id;
  AccountId debit_account;   // may be none for post and void
  AccountId credit_account;  // may be none for post and void
  // Minor units. Post: kAmountMax means "all". Void: 0 means "all", any other amount must be the
  // pending one.
  int64_t amount = 0;
  TransferId pending_id;  // post and void only
  UInt128 user_128 =
      0;  // the caller's references: decision, loan, reason; post and void inherit zeros
  uint64_t user_64 = 0;
  uint32_t user_32 = 0;
  uint32_t timeout_s = 0;  // pending only; 0 = never expires
  Currency currency;       // may be none for post and void
  uint16_t code = 0;       // why; not 0 (may be 0 for post and void)
  uint16_t flags = 0;
  friend bool operator==(const TransferSpec&, const TransferSpec&) = default;
};

// Stored. Do not change.
enum class PendingState : uint8_t {
  kNone = 0,  // not a pending transfer
  kPending = 1,
  kPosted = 2,
  kVoided = 3,
  kExpired = 4,
};

// Answers, in the order of their precedence: when several apply, the first is given. Values are
// stored and permanent; the precedence is the order of this list.
enum class AccountStatus : uint8_t {
  kCreated = 0,
  kLinkedEventFailed = 1,
  kLinkedEventChainOpen = 2,
  kReservedFlag = 3,
  kIdMustNotBeZero = 4,
  kIdMustNotBeMax = 5,
  kExistsWithDifferentFlags = 6,
  kExistsWithDifferentUser128 = 7,
  kExistsWithDifferentUser64 = 8,
  kExistsWithDifferentUser32 = 9,
  kExistsWithDifferentCurrency = 10,
  kExistsWithDifferentCode = 11,
  kExists = 12,
  kFlagsAreMutuallyExclusive = 13,
  kCurrencyMustNotBeNone = 14,
  kCodeMustNotBeZero = 15,
  kTooManyAccounts = 16,
};

enum class TransferStatus : uint8_t {
  kCreated = 0,
  kLinkedEventFailed = 1,
  kLinkedEventChainOpen = 2,
  kReservedFlag = 3,
  kIdMustNotBeZero = 4,
  kIdMustNotBeMax = 5,
  kExistsWithDifferentFlags = 6,
  kExistsWithDifferentPendingId = 7,
  kExistsWithDifferentTimeout = 8,
  kExistsWithDifferentDebitAccount = 9,
  kExistsWithDifferentCreditAccount = 10,
  kExistsWithDifferentAmount = 11,
  kExistsWithDifferentUser128 = 12,
  kExistsWithDifferentUser64 = 13,
  kExistsWithDifferentUser32 = 14,
  kExistsWithDifferentCurrency = 15,
  kExistsWithDifferentCode = 16,
  kExists = 17,
  // The same id failed before for a reason that might have gone away: it stays failed (marked *
  // below).
  kIdAlreadyFailed = 18,
  kFlagsAreMutuallyExclusive = 19,
  kDebitAccountMustNotBeZero = 20,
  kDebitAccountMustNotBeMax = 21,
  kCreditAccountMustNotBeZero = 22,
  kCreditAccountMustNotBeMax = 23,
  kAccountsMustBeDifferent = 24,
  kPendingIdMustBeZero = 25,
  kPendingIdMustNotBeZero = 26,
  kPendingIdMustNotBeMax = 27,
  kPendingIdMustBeDifferent = 28,
  kTimeoutReservedForPending = 29,
  kClosingTransferMustBePending = 30,
  kAmountMustNotBeNegative = 31,
  kCurrencyMustNotBeNone = 32,
  kCodeMustNotBeZero = 33,
  kDebitAccountNotFound = 34,   // *
  kCreditAccountNotFound = 35,  // *
  kAccountsMustHaveTheSameCurrency = 36,
  kTransferMustHaveTheCurrencyOfItsAccounts = 37,
  kPendingTransferNotFound = 38,  // *
  kPendingTransferNotPending = 39,
  kPendingTransferHasDifferentDebitAccount = 40,
  kPendingTransferHasDifferentCreditAccount = 41,
  kPendingTransferHasDifferentCurrency = 42,
  kPendingTransferHasDifferentCode = 43,
  kExceedsPendingTransferAmount = 44,
  kPendingTransferHasDifferentAmount = 45,
  kPendingTransferAlreadyPosted = 46,
  kPendingTransferAlreadyVoided = 47,
  kPendingTransferExpired = 48,
  kDebitAccountClosed = 49,   // *
  kCreditAccountClosed = 50,  // *
  kOverflowsDebitsPending = 51,
  kOverflowsCreditsPending = 52,
  kOverflowsDebitsPosted = 53,
  kOverflowsCreditsPosted = 54,
  kOverflowsDebits = 55,
  kOverflowsCredits = 56,
  kOverflowsTimeout = 57,
  kExceedsCredits = 58,  // *
  kExceedsDebits = 59,   // *
  kTooManyTransfers = 60,
};

// Snake case, as in journals and APIs: "exceeds_credits".
[[nodiscard]] std::string_view AccountStatusName(AccountStatus status);
[[nodiscard]] std::string_view TransferStatusName(TransferStatus status);
// Whether an id that got this answer is remembered as failed.
[[nodiscard]] bool RemembersFailure(TransferStatus status);

}  // namespace credence::ledger
