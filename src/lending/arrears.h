#pragma once
// Arrears: how late a loan is, in which bucket and class that puts it, and the figures of a
// portfolio folded from month-end snapshots. Conventions differ between countries and houses, so
// each is data and stored with the product.

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "src/base/status.h"
#include "src/calendar/date.h"
#include "src/money/decimal.h"

namespace credence::lending {

// Days in [from, to) that do not count (disaster relief, a dispute under way).
struct ArrearsPause {
  Date from;
  Date to;
};

// Days past due: the days from the oldest unpaid due date to `today`, less the paused ones among
// them. 0 when nothing is unpaid, before and on the due date, and while the count is at most
// `grace_days` (then all days count at once).
[[nodiscard]] int64_t DaysPastDue(std::optional<Date> oldest_unpaid_due, Date today,
                                  int32_t grace_days, std::span<const ArrearsPause> pauses);

// Buckets by days past due. The first begins at 0.
struct BucketScheme {
  struct Bucket {
    std::string name;
    int64_t days_from;  // inclusive
  };
  std::vector<Bucket> buckets;  // ascending

  // M0 (0), M1 (1-30), M2 (31-60) … M6 (151-180), M6+ (181 and more).
  static BucketScheme Months();
  // "current" (0-29), "30-59", "60-89", "90-119", "120+" (OCC).
  static BucketScheme ThirtyDays();
  [[nodiscard]] Status Check() const;
  [[nodiscard]] size_t IndexOf(int64_t days_past_due) const;
};

// China: rules on risk classification of financial assets of commercial banks, in force since 1
// July 2023. Stored.
enum class AssetClass : uint8_t {
  kNormal = 1,
  kSpecialMention = 2,
  kSubstandard = 3,  // from here on non-performing
  kDoubtful = 4,
  kLoss = 5,
};
// Overdue at all: special mention; more than 90 days: substandard; more than 270: doubtful; more
// than 360: loss.
[[nodiscard]] AssetClass ClassOf(int64_t days_past_due);
// If more than a tenth of one debtor's balance is non-performing, all of it is: at least
// substandard.
struct DebtorClaim {
  int64_t balance_minor = 0;
  AssetClass own = AssetClass::kNormal;
};
[[nodiscard]] std::vector<AssetClass> ClassesOfDebtor(std::span<const DebtorClaim> claims);

// IFRS 9 stage: 3 when credit-impaired or more than 90 days past due (B5.5.37), 2 when risk has
// risen significantly or more than 30 days past due (5.5.11), else 1.
[[nodiscard]] int Ifrs9Stage(int64_t days_past_due, bool risk_has_risen, bool impaired);
// Expected loss = PD x LGD x exposure x discount, rounded once (half even). PD and LGD in [0, 1]
// (assertion).
[[nodiscard]] int64_t ExpectedLoss(Decimal pd, Decimal lgd, int64_t exposure_minor,
                                   Decimal discount);

// One loan at one month's end.
struct LoanSnapshot {
  uint64_t loan = 0;
  Date originated;
  int64_t originated_minor = 0;
  int64_t outstanding_minor = 0;  // principal; 0 when paid or written off
  int64_t written_off_minor = 0;  // so far
  int64_t days_past_due = 0;
  bool first_instalment_missed =
      false;  // the first instalment was not paid by its due date and the product's grace
};

// Folds snapshots, month by month. Money is summed in 128 bits; rates are exact ratios, nothing
// where the base is 0.
class PortfolioFold {
 public:
  explicit PortfolioFold(BucketScheme scheme);

  // All loans at the end of one month. Months must come in order (kInvalidArgument), a loan at most
  // once a month.
  [[nodiscard]] Status AddMonth(Date month_end, std::span<const LoanSnapshot> loans);

  // Of the latest month: balance more than `days` past due / balance.
  [[nodiscard]] std::optional<Decimal> OverdueRate(int64_t more_than_days = 0) const;
  // Written off so far plus balance more than 90 days past due, over everything originated.
  [[nodiscard]] std::optional<Decimal> BadDebtRate() const;
  // Loans that missed their first instalment / loans seen.
  [[nodiscard]] std::optional<Decimal> FirstPaymentDefaultRate() const;
  // Balance that is in bucket `to` in the latest month and was in `from` the month before / balance
  // in `from` then.
  [[nodiscard]] std::optional<Decimal> RollRate(size_t from, size_t to) const;
  // Of the loans originated in a month (any day of it): outstanding more than `days` past due plus
  // written off, after `months_on_book` months / originated.
  [[nodiscard]] std::optional<Decimal> Vintage(Date month, int months_on_book, int64_t days) const;

 private:
  struct Cell {  // one cohort at one age
    int64_t originated = 0;
    std::map<int64_t, int64_t> outstanding_by_days;
    int64_t written_off = 0;
  };
  static int64_t MonthOf(Date date);

  BucketScheme scheme_;
  std::optional<int64_t> latest_month_;
  std::map<uint64_t, LoanSnapshot> latest_;
  std::map<std::pair<size_t, size_t>, int64_t> rolled_;  // by balance of the month before
  std::vector<int64_t> rolled_base_;
  std::map<std::pair<int64_t, int>, Cell> cohorts_;  // (month, age)
  std::map<uint64_t, bool> first_missed_;
  std::map<uint64_t, int64_t> originated_;
};

}  // namespace credence::lending
