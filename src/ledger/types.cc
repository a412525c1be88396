#include "src/ledger/types.h"

#include <array>

#include "src/base/assert.h"

namespace credence::ledger {
namespace {

// Indexed by value.
constexpr std::array<std::string_view, 17> kAccountNames{"created",
                                                         "linked_event_failed",
                                                         "linked_event_chain_open",
                                                         "reserved_flag",
                                                         "id_must_not_be_zero",
                                                         "id_must_not_be_max",
                                                         "exists_with_different_flags",
                                                         "exists_with_different_user_128",
                                                         "exists_with_different_user_64",
                                                         "exists_with_different_user_32",
                                                         "exists_with_different_currency",
                                                         "exists_with_different_code",
                                                         "exists",
                                                         "flags_are_mutually_exclusive",
                                                         "currency_must_not_be_none",
                                                         "code_must_not_be_zero",
                                                         "too_many_accounts"};

constexpr std::array<std::string_view, 61> kTransferNames{
    "created",
    "linked_event_failed",
    "linked_event_chain_open",
    "reserved_flag",
    "id_must_not_be_zero",
    "id_must_not_be_max",
    "exists_with_different_flags",
    "exists_with_different_pending_id",
    "exists_with_different_timeout",
    "exists_with_different_debit_account",
    "exists_with_different_credit_account",
    "exists_with_different_amount",
    "exists_with_different_user_128",
    "exists_with_different_user_64",
    "exists_with_different_user_32",
    "exists_with_different_currency",
    "exists_with_different_code",
    "exists",
    "id_already_failed",
    "flags_are_mutually_exclusive",
    "debit_account_must_not_be_zero",
    "debit_account_must_not_be_max",
    "credit_account_must_not_be_zero",
    "credit_account_must_not_be_max",
    "accounts_must_be_different",
    "pending_id_must_be_zero",
    "pending_id_must_not_be_zero",
    "pending_id_must_not_be_max",
    "pending_id_must_be_different",
    "timeout_reserved_for_pending_transfer",
    "closing_transfer_must_be_pending",
    "amount_must_not_be_negative",
    "currency_must_not_be_none",
    "code_must_not_be_zero",
    "debit_account_not_found",
    "credit_account_not_found",
    "accounts_must_have_the_same_currency",
    "transfer_must_have_the_currency_of_its_accounts",
    "pending_transfer_not_found",
    "pending_transfer_not_pending",
    "pending_transfer_has_different_debit_account",
    "pending_transfer_has_different_credit_account",
    "pending_transfer_has_different_currency",
    "pending_transfer_has_different_code",
    "exceeds_pending_transfer_amount",
    "pending_transfer_has_different_amount",
    "pending_transfer_already_posted",
    "pending_transfer_already_voided",
    "pending_transfer_expired",
    "debit_account_closed",
    "credit_account_closed",
    "overflows_debits_pending",
    "overflows_credits_pending",
    "overflows_debits_posted",
    "overflows_credits_posted",
    "overflows_debits",
    "overflows_credits",
    "overflows_timeout",
    "exceeds_credits",
    "exceeds_debits",
    "too_many_transfers"};

}  // namespace

std::string_view AccountStatusName(AccountStatus status) {
  const auto index = static_cast<size_t>(status);
  CREDENCE_ASSERT(index < kAccountNames.size());
  return kAccountNames[index];
}

std::string_view TransferStatusName(TransferStatus status) {
  const auto index = static_cast<size_t>(status);
  CREDENCE_ASSERT(index < kTransferNames.size());
  return kTransferNames[index];
}

bool RemembersFailure(TransferStatus status) {
  switch (status) {
    case TransferStatus::kDebitAccountNotFound:
    case TransferStatus::kCreditAccountNotFound:
    case TransferStatus::kPendingTransferNotFound:
    case TransferStatus::kDebitAccountClosed:
    case TransferStatus::kCreditAccountClosed:
    case TransferStatus::kExceedsCredits:
    case TransferStatus::kExceedsDebits:
      return true;
    default:
      return false;
  }
}

}  // namespace credence::ledger
