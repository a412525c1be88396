#pragma once
// Plan: the periods of one loan and what each of them asks for, recomputed from what happened:
// money drawn, principal and interest paid, rates changed, interest paused, money taken back.
// Interest is derived from balances by the day; the plan stores only what cannot be derived
// (instalments, amounts paid, and the changes with their days).
//
// Balance. V(d), the balance on which interest of day d counts, is what was drawn by d, less
// principal paid by d, less the principal of periods that fell due by d and is not paid yet:
// interest is planned as if it came in time. With Terms::interest_on_overdue overdue principal
// stays in V until it is paid, or until the day of Observe().
//
// Interest of period k: the sum over stretches of equal balance and rate of V x rate x fraction of
// a year, rounded once, plus what earlier periods could not collect. It is at most the instalment:
// the rest goes into the next period (it is carried, never added to the balance: there is no
// interest on interest).
//
// Equal instalments. With f(k) the factor of period k and B the balance at the beginning of the
// first of n periods,
//   instalment = (B x prod(1 + f) - balloon) / F(n),   F(1) = 1, F(k) = 1 + F(k-1) (1 + f(k))
// rounded to the multiple; the last instalment takes what is left. If that differs from the others
// by more than floor(n/2) minor units, instalment + (last - instalment) / n is tried, at most three
// times, while the difference narrows. A change of rate or a further draw recomputes the
// instalments of the periods from the one that it falls into.
//
// Worked example: 10,000.00 at 12 % act/act from 2023-12-12, six months: 1,725.56 five times, then
// 1,725.59.

#include <cstdint>
#include <optional>
#include <vector>

#include "src/lending/terms.h"

namespace credence::lending {

struct Period {
  Date from;
  Date to;
  Date due;
  int64_t instalment = 0;  // equal instalments: what the borrower pays; other kinds: 0
  int64_t level = 0;       // equal instalments: what it was before the last one took the difference
  int64_t planned_principal = 0;  // other kinds
  int64_t paid_principal = 0;
  int64_t paid_interest = 0;
  int64_t credited_principal = 0;  // taken back by the borrower (chargeback), due in this period
  int64_t credited_interest = 0;
  int64_t waived_interest = 0;
  int64_t moved_interest = 0;  // of periods before, asked for in this one within its instalment
  // Derived by the last change:
  int64_t principal = 0;         // due, paid part included
  int64_t interest = 0;          // due, paid part included
  int64_t balance_after = 0;     // V after the due day
  std::optional<Date> whole_to;  // where it ended before it was cut short: the whole that parts are
                                 // shares of
  bool locked = false;           // a settled period whose dues no longer follow changes

  [[nodiscard]] int64_t Due() const { return principal + interest; }
  [[nodiscard]] bool IsPaid() const {
    return paid_principal >= principal && paid_interest >= interest;
  }
};

class Plan {
 public:
  // Nothing is drawn yet. Terms must have passed CheckTerms.
  Plan(const Terms& terms, const std::vector<PeriodDates>& dates);

  // --- changes; each leaves all periods recomputed ---
  // Money drawn, on a day not before the first period nor after the last. Instalments follow.
  // `down_minor` was drawn too and paid back on the day: it only counts for flat interest, if the
  // terms say so.
  void Draw(Date day, int64_t amount_minor, int64_t down_minor = 0);
  // The rate for interest of the days from `day` on. Instalments follow.
  void ChangeRate(Date day, Decimal annual_rate);
  // No interest for the days in [from, to). Instalments stay; the last takes the difference.
  void PauseInterest(Date from, Date to);
  // Paid on `day` towards period `index`. The last unpaid instalment takes the difference.
  void PayPrincipal(size_t index, Date day, int64_t amount_minor);
  void PayInterest(size_t index, int64_t amount_minor);
  // Principal (and interest) that the borrower took back on `day`: due with the period that the day
  // lies in.
  void Credit(Date day, int64_t principal_minor, int64_t interest_minor);
  // A correction of the balance that interest is counted on, without a payment.
  void AddBalance(Date day, int64_t amount_minor);
  // `count` further periods behind the last; the instalments of periods that end after `day` are
  // recomputed. Equal instalments: over all of these periods, also those that were paid ahead,
  // which keep what was paid.
  void AddPeriods(Date day, int32_t count);
  // The period that is due on `due` is due on `to` instead, and those behind it follow at their
  // usual distance. Instalments stay; the last takes the difference. False if no period is due then
  // or `to` is not behind the due date before it.
  bool MoveDue(Date due, Date to);
  // All principal is due on `day`: the period that holds it ends there, those behind it are dropped
  // and what was paid of them is counted in it.
  void Accelerate(Date day);
  // What is unpaid on `day` becomes `count` new periods, the first due on `first`, `every` units
  // apart: periods that fell due keep what was paid of them, those to come are dropped (but for the
  // ones up to the last that has money). Unpaid interest goes to the first new one, within its
  // instalment.
  struct NewPeriods {
    Date first;
    int32_t count = 1;
    int32_t every = 1;
    PeriodUnit unit = PeriodUnit::kMonths;
    int64_t interest = 0;  // unpaid interest from outside the plan, goes to the first new one too
  };
  // Principal and interest that were moved.
  struct Dues {
    int64_t principal = 0;
    int64_t interest = 0;
  };
  Dues Reage(Date day, const NewPeriods& periods);
  // Principal that stood outside the plan is asked for by its periods: money drawn (a down payment
  // that was not made) and money taken back by the borrower. For Reage, which solves for it.
  void TakeIn(Date day, int64_t drawn_minor, int64_t credited_minor);
  // What is unpaid of periods due by `day` is spread over those to come.
  Dues SpreadOverdue(Date day);
  // Recomputes the instalments from the period that holds `day` on for the balance as it stands.
  void Reamortise(Date day);
  // Principal repaid ahead of the plan, belonging to no period. kSmaller: the instalments from the
  // period that holds `day` on are computed again. kFewer: they stay, and the last ones fall away.
  enum class Prepay : uint8_t { kSmaller = 1, kFewer = 2 };
  void PrepayPrincipal(Date day, int64_t amount_minor, Prepay mode);
  // Ends the plan: what is not paid of the dues is no longer asked for.
  void Settle();
  // Interest of period `index` up to `amount` is no longer asked for.
  void WaiveInterest(size_t index, int64_t amount_minor);
  // Says what day it is: until then overdue principal bears interest (Terms::interest_on_overdue).
  void Observe(Date today);

  // --- reads ---
  [[nodiscard]] const std::vector<Period>& periods() const { return periods_; }
  [[nodiscard]] const Terms& terms() const { return terms_; }
  // The period that holds `day` as [from, to); the last for days behind it, 0 for days before.
  [[nodiscard]] size_t IndexOf(Date day) const;
  // Interest of the period that `day` lies in, from its beginning to `day`, unrounded; with what
  // was carried.
  [[nodiscard]] Decimal AccruedTo(Date day) const;
  // Interest earned in period `index` up to `day`, rounded, whatever of it was asked for or paid;
  // what was taken back by the borrower is not counted again.
  [[nodiscard]] int64_t EarnedIn(size_t index, Date day) const;
  // rate x fraction of the whole period, pauses and changes counted.
  [[nodiscard]] Decimal FactorOf(size_t index) const;
  // What is still to pay for period `index` on `day`: before its end, interest only up to `day`
  // (all of it for flat plans). Before it begins: interest up to `day` that the periods before it,
  // paid already, do not hold.
  [[nodiscard]] Dues PayableOn(size_t index, Date day) const;
  // Principal drawn and not yet paid.
  [[nodiscard]] int64_t Outstanding() const;
  [[nodiscard]] int64_t drawn() const { return drawn_; }

 private:
  struct Delta {
    Date day;
    int64_t amount;
  };
  struct RateFrom {
    Date day;
    Decimal rate;
  };
  struct Pause {
    Date from;
    Date to;
  };
  struct Sum {
    Decimal interest;  // unrounded
    Decimal factor;    // pauses not counted
  };

  // The factor of a whole period at the first rate. Beside the decimal the same as integers where
  // they are small: num / den exactly, and in units of 2^-60 rounded down; den 0 where not.
  struct Factor {
    Fraction fraction;
    Decimal value;
    uint64_t num = 0;
    uint64_t den = 0;
    uint64_t fixed = 0;
  };

  [[nodiscard]] int64_t CarriedOn(size_t index, Date day) const;
  void Insert(Date day, int64_t amount);
  [[nodiscard]] bool IsLevel(size_t index) const;
  void Recompute();
  void SetDues(size_t index, int64_t calculated, bool takes_rest, int64_t rest);
  [[nodiscard]] size_t LastOpen() const;
  Dues CloseUntil(size_t end);
  [[nodiscard]] bool IsSettled(const Period& period) const;
  // Interest and factor of [from, to) inside period `index`, for the balance on `from`.
  [[nodiscard]] Sum Accrue(size_t index, Date from, Date to, int64_t balance) const;
  [[nodiscard]] Decimal FlatInterest(size_t index) const;
  [[nodiscard]] bool IsPlain(size_t index) const;
  [[nodiscard]] Factor PlainFactor(size_t index) const;
  [[nodiscard]] std::optional<int64_t> PlainInterest(size_t index, int64_t balance) const;
  [[nodiscard]] std::optional<int64_t> FixedInstalment(const std::vector<size_t>& open,
                                                       int64_t base) const;
  [[nodiscard]] Decimal RateAt(Date day) const;
  [[nodiscard]] bool IsPaused(Date day) const;
  void Solve(size_t first);
  void SolveLevel(size_t first, bool counts_settled = false);
  [[nodiscard]] int64_t LevelInstalment(const std::vector<size_t>& open, int64_t base) const;
  void SpreadPrincipal(size_t first);
  [[nodiscard]] int64_t RoundInstalment(Decimal amount) const;

  Terms terms_;
  std::vector<Period> periods_;
  std::vector<int64_t> start_balance_;  // V on each period's first day
  std::vector<int64_t> carried_;        // what each period could not collect
  std::vector<Delta> deltas_;  // of V, sorted by day, without what the periods' dues take away
  std::vector<Delta> draws_;
  std::vector<RateFrom> rates_;  // sorted by day; the first holds from the beginning
  std::vector<Pause> pauses_;
  uint64_t rate_num_ = 0;  // the first rate as rate_num_ / rate_den_; 0 / 0 where it is not small
  uint64_t rate_den_ = 0;
  std::vector<Factor> plain_factors_;
  std::optional<Date> today_;
  int64_t drawn_ = 0;
  int64_t credited_ = 0;
  int64_t prepaid_ = 0;
};

// The figures that advertisements print for `periods` equal periods without grace: computed without
// rounding any instalment, each figure rounded once. For equal instalments and equal principal only
// (assertion).
struct ExactTotals {
  int64_t first_minor = 0;  // the first payment
  int64_t decrease_minor =
      0;  // equal principal: by how much each payment is smaller than the one before
  int64_t interest_minor = 0;  // over the whole term
};
[[nodiscard]] ExactTotals TotalsOf(const Terms& terms, int64_t principal_minor);

}  // namespace credence::lending
