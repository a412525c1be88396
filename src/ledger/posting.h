#pragma once
// Posting templates: how a business event becomes balanced transfers, as data. A template names
// legs; a leg puts the sum of some named amounts on the debit or credit side of a role of the chart
// of accounts. A template balances if, for every amount and each of its (at most two) currencies,
// it stands as often on the debit as on the credit side: then it balances whatever the amounts are.
// That is checked once, when the templates are compiled.
//
// Example, a repayment of an instalment:
//   debit   customer          principal + interest + fee
//   credit  receivable        principal
//   credit  interest_income   interest
//   credit  fee_income        fee
// With principal 1,642.50, interest 83.06 and fee 0 it gives two linked transfers: 1,642.50 from
// customer to receivable and 83.06 from customer to interest_income. Legs of nothing are left out.
//
// Foreign exchange: the legs of the second currency balance by themselves, so each side needs a
// role of its own that carries the position (an exchange account in either currency); all transfers
// are one linked chain.

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/diagnostic.h"
#include "src/base/status.h"
#include "src/ledger/types.h"

namespace credence::ledger {

enum class Side : uint8_t { kDebit = 1, kCredit = 2 };

// One line of a pack's chart of accounts.
struct ChartEntry {
  std::string role;   // "receivable"
  uint16_t code = 0;  // of the accounts that are opened for the role
  Side normal = Side::kDebit;
  uint16_t flags = 0;  // of those accounts (account_flag)
};

struct Leg {
  Side side = Side::kDebit;
  std::string role;
  std::vector<std::string> amounts;  // added up; each at most once
  uint8_t currency = 0;              // 0 or 1: which of the event's currencies
};

struct PostingTemplate {
  std::string name;   // "repayment"
  uint16_t code = 0;  // of the transfers
  std::vector<Leg> legs;
};

// What a template is used with.
struct PostingRequest {
  std::string_view name;
  std::map<std::string, int64_t, std::less<>> amounts;  // minor units, not negative; absent = 0
  std::array<Currency, 2> currencies;
  std::function<AccountId(std::string_view role, Currency currency)>
      account;  // none = there is no such account
  Seq seq;      // the transfers get the ids (seq, first_index), (seq, first_index + 1) …
  uint32_t first_index = 0;
  UInt128 user_128 = 0;
  uint64_t user_64 = 0;
  uint32_t user_32 = 0;
  uint16_t flags = 0;  // added to every transfer (kPending)
  uint32_t timeout_s = 0;
};

class PostingBook {
 public:
  static constexpr size_t kLegsMax = 64;
  static constexpr size_t kTemplatesMax = 1000;

  PostingBook() = default;
  // Adds to `diagnostics` everything that is wrong: a role or code that is there twice, an unknown
  // role (with the nearest name), a template that does not balance (with the amount and the
  // difference), a code of 0. The book is usable only if there is no error among them.
  static PostingBook Compile(std::vector<ChartEntry> chart, std::vector<PostingTemplate> templates,
                             std::vector<Diagnostic>* diagnostics);

  [[nodiscard]] const ChartEntry* FindRole(std::string_view role) const;  // null if there is none
  [[nodiscard]] bool Has(std::string_view name) const;
  // The names of amounts that a template uses, sorted; nothing if there is no such template.
  [[nodiscard]] std::vector<std::string> AmountsOf(std::string_view name) const;

  // The transfers of one business event, a linked chain (empty when every amount is 0). Amounts on
  // the two sides are matched in the order of the legs. kNotFound: no such template, or no account
  // for a role that carries an amount; kInvalidArgument: a negative amount, or a name that the
  // template does not use; kOutOfRange: a sum beyond kAmountMax.
  [[nodiscard]] Result<std::vector<TransferSpec>> Post(const PostingRequest& request) const;

 private:
  std::vector<ChartEntry> chart_;
  std::vector<PostingTemplate> templates_;  // sorted by name
};

}  // namespace credence::ledger
