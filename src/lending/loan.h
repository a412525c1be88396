#pragma once
// Loan: the life of one loan, folded from its transactions. A transaction says what happened on
// which day; how it falls on principal, interest, fees and penalties follows from the product and
// from everything before it. A transaction that comes late (back-dated) or is taken back (reversed)
// makes the loan fold its transactions again from the first one: the result is the same as if
// everything had come in time.
//
// Order of repayment. Money goes through the buckets {past due, due, in advance} x {penalty, fee,
// interest, principal} in the product's order. Neighbouring buckets of one time are served period
// by period, the oldest first (horizontal). In advance, the future rule says which period comes
// first. What is left over is overpaid.
//
// Invariants, after every command: principal paid + written off + outstanding = principal lent (+
// charged back); every payment = what was allocated + what was overpaid; nothing is negative.
//
// What the borrower sees is a list of instalments: the plan's periods, a down payment (首付) on the
// day of each draw, and one behind the last due date for charges and chargebacks that come later.
//
// Refusals are statuses and change nothing. One thread.

#include <map>
#include <optional>
#include <span>
#include <vector>

#include "src/lending/plan.h"

namespace credence::lending {

enum class Timing : uint8_t { kPastDue = 1, kDue = 2, kInAdvance = 3 };
enum class Part : uint8_t { kPenalty = 1, kFee = 2, kInterest = 3, kPrincipal = 4 };

struct Bucket {
  Timing timing;
  Part part;
  friend bool operator==(const Bucket&, const Bucket&) = default;
};

// Which future period money in advance goes to first.
enum class FutureRule : uint8_t {
  kNext = 1,      // the next one, then the one after it …
  kLast = 2,      // the last one, then the one before it …
  kNextLast = 3,  // the next one, then the last ones
  kSpread = 4,    // principal in equal parts over all of them
};

// Past due, due, in advance; within each penalty, fee, interest, principal.
[[nodiscard]] std::vector<Bucket> DefaultOrder();

// A fee or penalty that the product makes by itself.
struct ChargeRule {
  enum class When : uint8_t { kDisbursement = 1, kInstalment = 2, kOverdue = 3 };
  enum class Base : uint8_t {
    kFlat = 1,                 // amount_minor
    kPercentOfDrawn = 2,       // of the amount drawn by the first draw
    kPercentOfInstalment = 3,  // of principal and interest due in the period
    kPercentOfInterest = 4,
    kPercentOfUnpaid =
        5,  // overdue: of principal and interest not paid on the day the charge falls
  };
  When when = When::kInstalment;
  Base base = Base::kFlat;
  bool penalty = false;
  int64_t amount_minor = 0;
  Decimal rate;            // of the base
  int32_t grace_days = 0;  // overdue: the charge falls on due + grace + 1
};

// How the money of one kind of transaction falls.
struct Allotment {
  std::vector<Bucket> order = DefaultOrder();
  FutureRule future = FutureRule::kNext;
};

enum class TransactionKind : uint8_t;

// What a charge-off does to interest that is not due yet. Stored. Do not change.
enum class ChargeOffRule : uint8_t {
  kRegular = 1,       // nothing: it goes on being asked for
  kZeroInterest = 2,  // none from the day of the charge-off on
  kAccelerate = 3,    // … and all principal is due on that day
};

struct Product {
  Terms terms;
  std::vector<Bucket> order = DefaultOrder();
  FutureRule future = FutureRule::kNext;
  std::map<TransactionKind, Allotment> allotments;  // kinds whose money falls in another order
  // One part after the other over all periods (vertical) instead of period by period (horizontal).
  bool part_by_part = false;
  // What a chargeback takes back first; empty: principal only.
  std::vector<Part> chargeback_order;
  ChargeOffRule charge_off = ChargeOffRule::kRegular;
  // Money that comes when nothing is owed is held as overpaid instead of refused.
  bool holds_surplus = false;
  // A fee or penalty is due from its own day on, though its instalment is due later; otherwise with
  // its instalment.
  bool charges_by_own_day = false;
  // A down payment comes before the period that is due on the same day, not behind it.
  bool down_payment_first = false;
  std::vector<ChargeRule> charges;
  // Penalty interest (罚息): this rate a year on overdue principal, for every day after the grace
  // days, over 360.
  Decimal penalty_rate;
  int32_t penalty_grace_days = 0;
  // Interest-free plans that the merchant pays for: its share of every draw (see loan_postings.h).
  Decimal merchant_rate;
  Rounding rounding = Rounding::kHalfEven;  // of charges
};

// Stored. Do not change.
enum class TransactionKind : uint8_t {
  kDraw = 1,  // with Terms::down_payment its share is due on the same day
  kRepay = 2,
  kPrepaySmaller = 3,  // principal ahead of the plan; accrued interest first; smaller instalments
  kPrepayFewer = 4,    // … fewer instalments
  kPayOff = 5,         // the quote of the day, exactly
  kCharge = 6,         // a fee by hand
  kPenalty = 7,
  kWaiveCharges = 8,   // fees and penalties due by the day, up to the amount
  kWaiveInterest = 9,  // interest due by the day, up to the amount
  kMerchantReturn =
      10,  // goods returned: principal of the last periods first; what is over is overpaid
  kChargeback = 11,  // the payer's bank took money back: principal is due again
  kWriteOff = 12,
  kRecovery = 13,  // money after the write-off
  kRefundOverpaid = 14,
  kChangeRate = 15,
  kPauseInterest = 16,  // from `day` to before `until`
  kExtend = 17,         // `count` further periods
  kDownPayment = 18,    // a repayment that is meant for the down payment
  kGoodwill = 19,       // the lender's own money, in the borrower's favour; also when all is paid
  kMerchantRefund = 20,
  kPayoutRefund = 21,
  // Interest given back; falls like a repayment. With `about` the amount is what InterestOn says of
  // that refund's money, as the loan stood before it, whatever comes late.
  kInterestRefund = 22,
  kWaiveCharge = 23,       // what is unpaid of the charge `about`
  kChargeAdjustment = 24,  // the lender pays part of the charge `about`; falls like a repayment
  kChargeOff = 25,         // given up in the books, still asked for; see ChargeOffRule
  kReamortise = 26,        // what is unpaid of past periods is spread over those to come
  kReage = 27,             // what is unpaid becomes `count` new periods from `until` on
  kMoveDue = 28,           // the due date in (`day`'s transaction) `due` moves to `until`
  kInterestPaymentWaiver = 29,  // falls like a repayment, from the lender's income
  kTerminate =
      30,  // the contract ends (加速到期): all principal is due that day, no interest after
};
inline constexpr uint8_t kTransactionKindMax = 30;

struct Transaction {
  uint64_t id = 0;  // the caller's, unique in the loan
  TransactionKind kind = TransactionKind::kRepay;
  Date day;
  int64_t amount_minor = 0;
  Decimal rate;       // kChangeRate
  Date until;         // kPauseInterest, kReage, kMoveDue
  int32_t count = 0;  // kExtend, kReage
  int32_t every = 1;  // kReage: units between two new due dates
  PeriodUnit unit = PeriodUnit::kMonths;
  // kCharge, kPenalty: when it falls due; kChangeRate, kPauseInterest, kExtend: from when;
  // kMoveDue: which. None: `day`.
  std::optional<Date> due;
  // kWaiveCharge, kChargeAdjustment: the charge; kChargeback: the payment; kInterestRefund: the
  // refund
  uint64_t about = 0;
};

// In the order of precedence.
enum class LoanStatus : uint8_t {
  kApplied = 0,
  kDuplicateId = 1,
  kAmountNotPositive = 2,
  kAmountTooLarge = 3,
  kBeforeDisbursement = 4,
  kAfterMaturity = 5,  // a draw behind the last due date
  kNotDrawn = 6,
  kWrittenOff = 7,
  kClosed = 8,
  kNotWrittenOff = 9,
  kExceedsOutstanding = 10,
  kNotTheQuote = 11,  // pay-off with another amount than PayOffQuote
  kNothingToWaive = 12,
  kExceedsOverpaid = 13,
  kExceedsPaid = 14,  // a chargeback of more than was ever paid
  kUnknownTransaction = 15,
  kAlreadyReversed = 16,
  kBadRate = 17,
  kBadDates = 18,
  kTooManyTransactions = 19,
};
[[nodiscard]] std::string_view LoanStatusName(LoanStatus status);

// How the money of a transaction fell. These are the amounts that posting templates are used with.
struct Allocation {
  int64_t principal = 0;
  int64_t interest = 0;
  int64_t fee = 0;
  int64_t penalty = 0;
  int64_t overpaid = 0;
  [[nodiscard]] int64_t Total() const { return principal + interest + fee + penalty + overpaid; }
  friend bool operator==(const Allocation&, const Allocation&) = default;
};

struct Charge {
  uint64_t id = 0;  // of the transaction; with the top bit set, of a rule and period
  bool penalty = false;
  Date due;
  bool credited = false;  // a fee or penalty that was paid and charged back
  size_t slot = 0;  // which instalment asks for it: in the order in which instalments came to be
  int64_t amount = 0;
  int64_t paid = 0;
  int64_t paid_in_advance = 0;  // of `paid`: before its instalment's due date
  int64_t paid_late = 0;        // of `paid`: behind it
  int64_t waived = 0;
  [[nodiscard]] int64_t Unpaid() const { return amount - paid - waived; }
};

struct AppliedTransaction {
  Transaction transaction;
  Allocation allocation;
  bool reversed = false;
  int64_t principal_after = 0;  // outstanding behind this transaction
  Allocation from_surplus;      // kDraw: what money held for the borrower paid at once
};

enum class InstalmentKind : uint8_t {
  kPeriod = 1,
  kDownPayment = 2,
  kBehind = 3,  // behind the last due date
};

// One row of what the borrower sees.
struct Instalment {
  InstalmentKind kind = InstalmentKind::kPeriod;
  Date from;
  Date due;
  int64_t principal = 0;  // due, paid part included; so for the other parts
  int64_t interest = 0;
  int64_t fee = 0;
  int64_t penalty = 0;
  int64_t paid = 0;
  int64_t paid_principal = 0;   // of `paid`
  int64_t paid_in_advance = 0;  // of `paid`: before the due date
  int64_t paid_late = 0;        // of `paid`: behind it
  int64_t waived = 0;
  int64_t written_off = 0;
  int64_t credited = 0;            // of the principal: taken back (chargeback)
  std::optional<Date> settled_on;  // the day on which nothing was left to pay

  [[nodiscard]] int64_t Due() const { return principal + interest + fee + penalty; }
  [[nodiscard]] int64_t Unpaid() const { return Due() - paid - waived - written_off; }
};

enum class LoanState : uint8_t {
  kPending = 1,  // nothing drawn
  kActive = 2,
  kClosed = 3,
  kOverpaid = 4,
  kWrittenOff = 5,
};

struct LoanTotals {
  int64_t drawn = 0;
  int64_t charged_back = 0;  // principal
  int64_t interest_charged_back = 0;
  int64_t fee_charged_back = 0;
  int64_t penalty_charged_back = 0;
  int64_t principal_paid = 0;
  int64_t interest_paid = 0;
  int64_t fee_paid = 0;
  int64_t penalty_paid = 0;
  int64_t principal_outstanding = 0;
  int64_t written_off_principal = 0;
  int64_t written_off_other = 0;
  int64_t recovered = 0;
  int64_t overpaid = 0;  // not yet refunded
};

class Loan {
 public:
  static constexpr size_t kTransactionsMax = 10'000;
  // Ids of charges that no transaction made: this bit, then the rule and its period …
  static constexpr uint64_t kRuleChargeBit = uint64_t{1} << 63;
  // … or, with this one too, the transaction that charged a fee or penalty back.
  static constexpr uint64_t kCreditedBit = uint64_t{1} << 62;

  // `start` is the day from which periods are counted; money is drawn then or later. Terms must
  // pass CheckTerms and the dates MakePeriods.
  Loan(const Product& product, Date start, std::vector<PeriodDates> dates);

  // --- commands ---
  [[nodiscard]] LoanStatus Apply(const Transaction& transaction);
  // Takes a transaction back, as if it had never been.
  [[nodiscard]] LoanStatus Reverse(uint64_t id);
  // Lets time pass: overdue charges fall, penalty interest grows. Reads below are as of the latest
  // day seen.
  void Observe(Date today);

  // --- reads ---
  [[nodiscard]] const Plan& plan() const { return plan_; }
  [[nodiscard]] const std::vector<Charge>& charges() const { return charges_; }
  [[nodiscard]] const std::vector<AppliedTransaction>& transactions() const {
    return transactions_;
  }
  [[nodiscard]] LoanTotals totals() const;
  [[nodiscard]] LoanState state() const { return state_; }
  [[nodiscard]] Decimal merchant_rate() const { return product_.merchant_rate; }
  [[nodiscard]] bool is_charged_off() const { return charged_off_; }
  [[nodiscard]] bool is_terminated() const { return terminated_; }
  [[nodiscard]] Date today() const { return today_; }
  // What closes the loan on `day` (not before the latest day seen: assertion).
  [[nodiscard]] Allocation PayOffQuote(Date day) const;
  // Principal, interest, fees and penalties due by the latest day seen and not paid.
  [[nodiscard]] Allocation Overdue() const;
  // The due date of the oldest period that is not paid in full by the latest day seen.
  [[nodiscard]] std::optional<Date> OldestUnpaidDue() const;
  // Interest of the current period up to the latest day seen.
  [[nodiscard]] int64_t AccruedInterest() const;
  // Everything earned up to the end of `day`, whether paid or not: interest by the day, charges by
  // their due date.
  [[nodiscard]] Allocation EarnedTo(Date day) const;
  // How much of the interest earned to `day` was for `amount_minor` of the money drawn (the first
  // drawn first): what is given back with goods that are returned.
  [[nodiscard]] int64_t InterestOn(int64_t amount_minor, Date day) const;
  // By due date; see Product::down_payment_first.
  [[nodiscard]] std::vector<Instalment> Instalments() const;

 private:
  [[nodiscard]] LoanStatus Check(const Transaction& transaction) const;
  [[nodiscard]] LoanStatus CheckOpen(const Transaction& transaction) const;
  void Refold(Date until);
  void Fold(AppliedTransaction& applied);
  void Advance(Date day);
  void AdvanceTo(Date day);
  void MakeOverdueCharges(Date day);
  void GrowPenalty(Date day);
  void AddCharge(const ChargeRule& rule, Date due, size_t period, int64_t base);
  void AddCharge(uint64_t id, bool penalty, Date due, size_t period, int64_t amount);
  void MakeInstalmentCharges();
  [[nodiscard]] size_t ChargeSlot(Date due);

  // An instalment's state beyond what the plan holds. Never moves, so that charges may name it.
  struct Slot {
    InstalmentKind kind = InstalmentKind::kPeriod;
    size_t period = 0;  // kPeriod: of the plan
    Date from;          // others
    Date due;
    int64_t principal = 0;
    int64_t paid_principal = 0;
    int64_t credited = 0;  // principal that was taken back in it
    int64_t interest = 0;
    int64_t paid_interest = 0;
    int64_t in_advance = 0;
    int64_t late = 0;
    bool gone = false;  // its period was dropped
    std::optional<Date> settled_on;
  };
  [[nodiscard]] Date DueOf(const Slot& slot) const;
  [[nodiscard]] size_t SlotOf(size_t period) const;
  size_t SlotBehind(Date due);
  [[nodiscard]] std::vector<size_t> SlotsByDue() const;
  [[nodiscard]] Instalment ViewOf(size_t slot) const;
  [[nodiscard]] int64_t UnpaidPart(size_t slot, Part part) const;
  [[nodiscard]] int64_t PrincipalOutstanding() const;
  void MarkSettled(Date day);

  [[nodiscard]] Allotment AllotmentOf(TransactionKind kind) const;
  Allocation Pay(Date day, int64_t amount, const Allotment& how);
  Allocation Pay(Date day, int64_t amount, const std::vector<Bucket>& order, FutureRule future) {
    return Pay(day, amount, Allotment{order, future});
  }
  void PayTiming(Date day, std::span<const Bucket> buckets, FutureRule future, int64_t* left,
                 Allocation* allocation);
  int64_t PayPart(size_t slot, Part part, Date day, int64_t amount, Allocation* allocation);
  [[nodiscard]] int64_t PayablePart(size_t slot, Part part, Date day) const;
  [[nodiscard]] bool IsOpenSlot(size_t slot, Date day) const;
  int64_t PayCharges(size_t slot, bool penalty, Date day, int64_t amount);
  void PayOwnCharges(Date day, Part part, int64_t* left, Allocation* allocation);
  void PayFromSurplus(const Transaction& charge);
  void PaySpread(Date day, std::span<const Bucket> buckets, int64_t* left, Allocation* allocation);
  [[nodiscard]] std::vector<size_t> SlotsOf(Timing timing, Date day, FutureRule future) const;
  Allocation Draw(const Transaction& t, Allocation* from_surplus);
  Allocation Chargeback(const Transaction& t);
  void CreditAgain(const Transaction& t, Allocation* a);
  Allocation ChargeOff(Date day);
  Allocation Terminate(Date day);
  void Accelerate(Date day);
  [[nodiscard]] Allocation Open() const;
  void DropSlots(size_t periods);
  void AddSlots();
  Allocation Reage(const Transaction& t);
  void AssignCharges();
  void MoveCharges();
  Allocation FoldKind(const Transaction& t, Allocation* from_surplus);
  int64_t WaiveCharge(uint64_t id);
  [[nodiscard]] int64_t RefundedInterest(const Transaction& t) const;
  Allocation PayOff(Date day, int64_t amount);
  Allocation Prepay(Date day, int64_t amount, Plan::Prepay mode);
  Allocation WriteOff(Date day);
  int64_t WaiveCharges(Date day, int64_t amount);
  int64_t WaiveInterest(Date day, int64_t amount);
  void DropOpenCharges();
  [[nodiscard]] int64_t InterestAskedOn(size_t index, Date day) const;
  [[nodiscard]] bool IsSettled() const;
  void UpdateState();

  Product product_;
  Date start_;
  std::vector<PeriodDates> dates_;
  Plan plan_;
  std::vector<Slot> slots_;
  std::vector<Charge> charges_;
  std::vector<AppliedTransaction> transactions_;  // by day, then as they came
  LoanState state_ = LoanState::kPending;
  Date today_;
  Date penalty_until_;
  Decimal penalty_grown_;  // unrounded, of which penalty_charged_ is a charge already
  int64_t penalty_charged_ = 0;
  std::vector<uint8_t> overdue_charged_;  // per period and rule
  int64_t overpaid_ = 0;
  int64_t prepaid_principal_ = 0;
  int64_t charged_back_ = 0;
  Allocation income_charged_back_;
  int64_t written_off_principal_ = 0;
  int64_t written_off_other_ = 0;
  int64_t recovered_ = 0;
  bool charged_off_ = false;
  bool terminated_ = false;
  std::vector<Instalment> given_up_;  // the rows as they stood when they were written off
};

}  // namespace credence::lending
