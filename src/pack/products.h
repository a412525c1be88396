#pragma once
// MoneyPlan: what products.yaml says, checked and bound: the chart of accounts with its posting
// templates, credit limits, loan products, and which events command what. Immutable, part of a
// Pack. The grammar is in docs/PACK.md.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/ledger/posting.h"
#include "src/lending/loan_book.h"
#include "src/record/slot.h"

namespace credence::pack {

inline constexpr size_t kRolesMax = 256;
inline constexpr size_t kLimitsMax = 64;
inline constexpr size_t kLoanProductsMax = 256;
inline constexpr size_t kCommandsMax = 32;  // of one event type

// What a command does. Order and values are those of kMoneyActions in products_loader.cc.
enum class MoneyAction : uint8_t {
  kGrant = 1,     // a limit: granted, or its amount set where there is one
  kFreeze = 2,    // a limit: no new holds
  kUnfreeze = 3,  // a limit
  kHold = 4,      // room of a limit, under a name of its own
  kCapture = 5,   // what is held becomes owed; the rest is free again
  kRelease = 6,   // what is held is free again
  kRestore = 7,   // what is owed on a limit becomes less
  kLend = 8,      // opens a loan and draws it; takes its limit
  kRepay = 9,     // from here on a transaction of a loan; principal paid restores its limit
  kPrepayFewer = 10,
  kPrepaySmaller = 11,
  kPayOff = 12,
  kMerchantReturn = 13,
  kWriteOff = 14,
  kRecover = 15,
  kCharge = 16,
  kPost = 17,        // a posting template with the amount
  kPend = 18,        // the same, pending under a name: held until it is settled, voided or over
  kSettle = 19,      // posts what is pending, all or a part; the rest is free again
  kVoid = 20,        // what is pending is free again
  kChargeback = 21,  // from here on transactions of a loan
  kMerchantRefund = 22,
  kPayoutRefund = 23,
  kGoodwill = 24,
  kRefundOverpaid = 25,
  kWaiveCharges = 26,
  kWaiveInterest = 27,
  kTerminate = 28,
};
[[nodiscard]] std::string_view MoneyActionName(MoneyAction action);  // "hold"

struct RoleDecl {
  enum class Per : uint8_t { kPack, kEntity, kLoan };
  std::string name;
  Per per = Per::kPack;  // one account, one for each entity of a kind, one for each loan
  uint32_t entity = 0;   // kEntity: index in Schema::entities
  uint16_t code = 0;
  uint16_t flags = 0;  // ledger::account_flag
};

struct LimitDecl {
  std::string name;
  uint32_t entity = 0;             // whose limit it is
  std::optional<uint32_t> within;  // index of the limit above
};

struct LoanDecl {
  std::shared_ptr<const lending::BookedProduct> product;
  std::optional<uint32_t> limit;  // index of the limit that it takes
  std::string overdue;  // the posting that what is overdue stands in the books by; may be empty
};

struct MoneyBinding {
  MoneyAction action = MoneyAction::kPost;
  uint32_t target = 0;                   // index of the limit or the loan product
  std::optional<uint32_t> amount_field;  // of the event
  bool amount_of_decision = false;       // the decision's `limit` instead
  std::optional<uint32_t> by_field;      // names the hold, or the loan
  int64_t hold_ns = INT64_MAX;           // kHold: how long; without end by default
  uint32_t timeout_s = 0;                // kPend: the same; 0 is without end
  std::string post;                      // a posting template; may be empty
  std::vector<std::string> when;         // outcomes of the event's decision; empty: at the event
};

struct MoneyPlan {
  std::vector<RoleDecl> roles;
  ledger::PostingBook postings;
  std::map<uint16_t, std::string> posting_names;  // by the code of their transfers
  std::vector<LimitDecl> limits;
  std::optional<uint32_t> borrower;  // entity that loans are of
  std::vector<LoanDecl> loans;
  std::vector<std::vector<MoneyBinding>> bindings;  // by event type; empty without products.yaml

  // The posting of what is overdue on loans of a product; empty where there is none.
  [[nodiscard]] std::string_view OverduePosting(std::string_view product) const {
    for (const LoanDecl& loan : loans) {
      if (loan.product->name == product) return loan.overdue;
    }
    return {};
  }
  [[nodiscard]] const std::vector<MoneyBinding>* Bindings(uint32_t event_type) const {
    return event_type < bindings.size() && !bindings[event_type].empty() ? &bindings[event_type]
                                                                         : nullptr;
  }
};

// For people: "hold credit", "post shipment".
[[nodiscard]] std::string MoneyCommandName(const MoneyPlan& plan, const MoneyBinding& binding);

// The amounts that a posting template of this action may use.
[[nodiscard]] std::vector<std::string> AmountsOf(MoneyAction action);

// --- slots ---
enum class MoneySlotKind : uint8_t {
  kHeadroom = 1,  // limits: money
  kExposure = 2,
  kGranted = 3,
  kCommitted = 4,
  kHeld = 5,
  kFrozen = 6,       // boolean
  kOutstanding = 7,  // loans of the borrower: principal not yet paid, money
  kOverdue = 8,      // due by today and not paid, money
  kDaysPastDue = 9,  // of the oldest, integer
  kOpenLoans = 10,   // integer
};

// A slot by its name ("limit.credit.headroom", "loan.days_past_due"): what it is, of what type, and
// whose. Nothing for a name that no limit or loan of the plan has.
struct MoneySlotDecl {
  MoneySlotKind kind = MoneySlotKind::kHeadroom;
  record::SlotType type = record::SlotType::kMoney;
  uint32_t limit = 0;
  uint32_t entity = 0;
};
[[nodiscard]] std::optional<MoneySlotDecl> FindMoneySlot(const MoneyPlan& plan,
                                                         std::string_view name);
[[nodiscard]] std::vector<std::string> MoneySlotNames(const MoneyPlan& plan);

}  // namespace credence::pack
