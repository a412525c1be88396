#include "src/lending/naive_plan.h"

namespace credence::lending {
namespace {

Decimal Of(int64_t n) { return Decimal::FromInt64(n); }

int64_t Round(Decimal amount, const Terms& terms) {
  return amount.Rounded(0, terms.rounding).ToInt64().value();
}

int64_t RoundToMultiple(Decimal amount, const Terms& terms) {
  return Round(amount / Of(terms.multiple_minor), terms) * terms.multiple_minor;
}

Decimal Factor(const Terms& terms, const PeriodDates& date, size_t index) {
  if (index < static_cast<size_t>(terms.interest_free)) return Decimal();
  const Fraction f = YearFractionOf(terms, date.from, date.to, date.from, date.to);
  return terms.annual_rate * Of(f.numerator) / Of(f.denominator);
}

// Equal payments of `instalment` from period `grace` on; the last takes the rest.
std::vector<NaivePeriod> Level(const Terms& terms, const std::vector<Decimal>& factors,
                               int64_t amount, int64_t instalment) {
  const auto grace = static_cast<size_t>(terms.principal_grace);
  const auto deferred = static_cast<size_t>(terms.interest_grace);
  std::vector<NaivePeriod> periods(factors.size());
  int64_t balance = amount;
  int64_t carried = 0;
  for (size_t i = 0; i < factors.size(); ++i) {
    const int64_t owed = Round(Of(balance) * factors[i], terms) + carried;
    NaivePeriod& p = periods[i];
    const bool last = i + 1 == factors.size();
    p.interest = i < deferred ? 0 : owed;
    if (i >= grace && !last && p.interest > instalment) p.interest = instalment;
    if (i >= grace) p.principal = instalment - p.interest;
    if (last) {
      p.principal = balance;
      p.interest = owed;
    }
    carried = owed - p.interest;
    balance -= p.principal;
    p.balance = balance;
  }
  return periods;
}

std::vector<NaivePeriod> LevelSchedule(const Terms& terms, const std::vector<Decimal>& factors,
                                       int64_t amount) {
  const auto grace = static_cast<size_t>(terms.principal_grace);
  Decimal discount = Of(1);
  Decimal annuity;
  for (size_t i = grace; i < factors.size(); ++i) {
    discount = discount / (Of(1) + factors[i]);
    annuity = annuity + discount;
  }
  const auto count = static_cast<int64_t>(factors.size() - grace);
  int64_t instalment =
      RoundToMultiple((Of(amount) - Of(terms.balloon_minor) * discount) / annuity, terms);
  bool overshoots = false;
  const auto last_less = [&](int64_t tried) {
    const std::vector<NaivePeriod> periods = Level(terms, factors, amount, tried);
    for (const NaivePeriod& p : periods) overshoots = overshoots || p.balance < 0;
    const NaivePeriod p = periods.back();
    return p.principal + p.interest - terms.balloon_minor - tried;
  };
  for (int round = 0; terms.smooth && round < 3; ++round) {
    const int64_t off = last_less(instalment);
    if ((off < 0 ? -off : off) <= count / 2) break;
    const int64_t tried = RoundToMultiple(Of(instalment) + Of(off) / Of(count), terms);
    const int64_t now = last_less(tried);
    if ((now < 0 ? -now : now) >= (off < 0 ? -off : off)) break;
    instalment = tried;
  }
  (void)last_less(instalment);
  return overshoots ? std::vector<NaivePeriod>() : Level(terms, factors, amount, instalment);
}

}  // namespace

std::vector<NaivePeriod> NaiveSchedule(const Terms& terms, const std::vector<PeriodDates>& dates,
                                       int64_t amount) {
  const size_t n = dates.size();
  std::vector<Decimal> factors;
  for (size_t i = 0; i < n; ++i) factors.push_back(Factor(terms, dates[i], i));
  if (terms.kind == PlanKind::kEqualInstalments) return LevelSchedule(terms, factors, amount);
  const auto grace = static_cast<size_t>(terms.principal_grace);
  const auto deferred = static_cast<size_t>(terms.interest_grace);
  const bool spreads = terms.kind == PlanKind::kEqualPrincipal || terms.kind == PlanKind::kFlat;
  const auto count = static_cast<int64_t>(n - grace);
  const int64_t part =
      spreads ? RoundToMultiple(Of(amount - terms.balloon_minor) / Of(count), terms) : 0;
  std::vector<NaivePeriod> periods(n);
  int64_t balance = amount;
  int64_t carried = 0;
  Decimal flat_exact;
  int64_t flat_rounded = 0;
  for (size_t i = 0; i < n; ++i) {
    NaivePeriod& p = periods[i];
    if (i >= grace) p.principal = part;
    if (i == grace && terms.residue_first && spreads) {
      p.principal = amount - terms.balloon_minor - part * (count - 1);
    }
    if (i + 1 == n) p.principal = balance;
    const bool flat = terms.kind == PlanKind::kFlat;
    int64_t interest = Round(Of(flat ? amount : balance) * factors[i], terms);
    if (flat) {
      flat_exact = flat_exact + Of(amount) * factors[i];
      if (i + 1 == n && terms.basis == InterestBasis::kEqualPeriods) {
        interest = std::max<int64_t>(Round(flat_exact, terms) - flat_rounded, 0);
      }
      flat_rounded += interest;
    }
    const int64_t owed = interest + carried;
    p.interest = i < deferred ? 0 : owed;
    carried = owed - p.interest;
    balance -= p.principal;
    p.balance = balance;
  }
  return periods;
}

}  // namespace credence::lending
