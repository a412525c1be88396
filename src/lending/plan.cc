#include "src/lending/plan.h"

#include <algorithm>

#include "src/base/assert.h"
#include "src/base/int128.h"

namespace credence::lending {
namespace {

const Decimal kOne = Decimal::FromInt64(1);

int64_t RoundMinor(Decimal amount, Rounding rounding) {
  const std::optional<int64_t> minor = amount.Rounded(0, rounding).ToInt64();
  CREDENCE_ASSERT(minor.has_value());  // principal, rates and periods are bounded
  return *minor;
}

int64_t Magnitude(int64_t n) { return n < 0 ? -n : n; }

// Integers beside decimals. A decimal of 34 digits is off by less than 10^-33 of itself, so
// interest below 10^14 is off by less than 10^-18: an exact quotient over a denominator below 10^15
// that is no tie lies farther from the next one than that, and both round to the same.
constexpr uint64_t kDenominatorMax = 1'000'000'000'000'000;
constexpr uint64_t kNumeratorMax = uint64_t{1} << 62;
constexpr int64_t kInterestMax = 100'000'000'000'000;
constexpr int kFixedBits = 60;

void SetExact(uint64_t rate_num, uint64_t rate_den, const Fraction& fraction, uint64_t* num,
              uint64_t* den, uint64_t* fixed) {
  if (rate_den == 0 || fraction.numerator < 0 || fraction.denominator <= 0) return;
  const UInt128 top = UInt128{rate_num} * static_cast<uint64_t>(fraction.numerator);
  const UInt128 under = UInt128{rate_den} * static_cast<uint64_t>(fraction.denominator);
  if (top >= kNumeratorMax || under >= kDenominatorMax) return;
  *num = static_cast<uint64_t>(top);
  *den = static_cast<uint64_t>(under);
  const UInt128 scaled = (top << kFixedBits) / under;
  if (scaled < (UInt128{1} << kFixedBits)) *fixed = static_cast<uint64_t>(scaled);
}

bool IsToNearest(Rounding rounding) {
  return rounding == Rounding::kHalfEven || rounding == Rounding::kHalfUp ||
         rounding == Rounding::kHalfDown;
}

// value x factor, both in units of 2^-60; value below 2^124 / 2^60.
UInt128 TimesFixed(UInt128 value, uint64_t factor) {
  const UInt128 high = (value >> 64) * factor;
  const UInt128 low = (value & ~uint64_t{0}) * factor;
  return (high << (64 - kFixedBits)) + (low >> kFixedBits);
}

}  // namespace

Plan::Plan(const Terms& terms, const std::vector<PeriodDates>& dates) : terms_(terms) {
  CREDENCE_ASSERT(!dates.empty());
  periods_.reserve(dates.size());
  for (const PeriodDates& date : dates) {
    Period period;
    period.from = date.from;
    period.to = date.to;
    period.due = date.due;
    periods_.push_back(period);
  }
  start_balance_.resize(periods_.size());
  carried_.resize(periods_.size());
  rates_.push_back({periods_.front().from, terms.annual_rate});
  const Decimal rate = terms.annual_rate.Canonical();
  if (const int scale = rate.Scale(); scale >= 0 && scale <= 9) {
    rate_den_ = 1;
    for (int i = 0; i < scale; ++i) rate_den_ *= 10;
    rate_num_ = static_cast<uint64_t>(rate.ToScaled(scale).value());
  }
  plain_factors_.reserve(periods_.size());
  for (size_t i = 0; i < periods_.size(); ++i) plain_factors_.push_back(PlainFactor(i));
}

// --- dates, rates, factors ---

size_t Plan::IndexOf(Date day) const {
  for (size_t i = 0; i + 1 < periods_.size(); ++i) {
    if (day < periods_[i].to) return i;
  }
  return periods_.size() - 1;
}

Decimal Plan::RateAt(Date day) const {
  size_t at = rates_.size() - 1;
  while (at > 0 && rates_[at].day > day) --at;
  return rates_[at].rate;
}

bool Plan::IsPaused(Date day) const {
  return std::any_of(pauses_.begin(), pauses_.end(),
                     [&](const Pause& pause) { return pause.from <= day && day < pause.to; });
}

Plan::Factor Plan::PlainFactor(size_t index) const {
  const Period& period = periods_[index];
  Factor factor;
  if (index < static_cast<size_t>(terms_.interest_free)) return factor;
  factor.fraction = YearFractionOf(terms_, period.from, period.whole_to.value_or(period.to),
                                   period.from, period.to);
  // Most periods are as long as one of the few before: a product and a division less.
  const size_t known = std::min(plain_factors_.size(), index);
  for (size_t back = 1; back <= std::min<size_t>(known, 4); ++back) {
    const Factor& before = plain_factors_[known - back];
    if (before.fraction.numerator == factor.fraction.numerator &&
        before.fraction.denominator == factor.fraction.denominator &&
        known - back >= static_cast<size_t>(terms_.interest_free)) {
      return before;
    }
  }
  factor.value = rates_.front().rate * Decimal::FromInt64(factor.fraction.numerator) /
                 Decimal::FromInt64(factor.fraction.denominator);
  SetExact(rate_num_, rate_den_, factor.fraction, &factor.num, &factor.den, &factor.fixed);
  return factor;
}

// Whether nothing happens inside the period: one balance, the first rate, no pause.
bool Plan::IsPlain(size_t index) const {
  if (rates_.size() > 1 || !pauses_.empty()) return false;
  if (deltas_.empty() || deltas_.back().day <= periods_.front().from) return !today_;
  const Period& period = periods_[index];
  const auto inside =
      std::upper_bound(deltas_.begin(), deltas_.end(), period.from,
                       [](Date day, const Delta& delta) { return day < delta.day; });
  if (inside != deltas_.end() && inside->day < period.to) return false;
  return !today_ || *today_ <= period.from || *today_ >= period.to;
}

Plan::Sum Plan::Accrue(size_t index, Date from, Date to, int64_t balance) const {
  const Period& period = periods_[index];
  if (from == period.from && to == period.to && IsPlain(index)) {
    const Decimal factor = plain_factors_[index].value;
    if (balance <= 0) return {Decimal(), factor};
    return {Decimal::FromInt64(balance) * factor, factor};
  }
  Sum sum;
  if (index < static_cast<size_t>(terms_.interest_free)) return sum;
  std::vector<Date> cuts{to};
  const auto cut = [&](Date day) {
    if (from < day && day < to) cuts.push_back(day);
  };
  for (const Delta& delta : deltas_) cut(delta.day);
  for (const RateFrom& rate : rates_) cut(rate.day);
  for (const Pause& pause : pauses_) {
    cut(pause.from);
    cut(pause.to);
  }
  std::sort(cuts.begin(), cuts.end());
  cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
  Date at = from;
  for (const Date end : cuts) {
    if (at > from) {
      for (const Delta& delta : deltas_) balance += delta.day == at ? delta.amount : 0;
    }
    const Fraction fraction =
        YearFractionOf(terms_, period.from, period.whole_to.value_or(period.to), at, end);
    const Decimal factor = RateAt(at) * Decimal::FromInt64(fraction.numerator) /
                           Decimal::FromInt64(fraction.denominator);
    sum.factor = sum.factor + factor;
    if (!IsPaused(at) && balance > 0) {
      sum.interest = sum.interest + Decimal::FromInt64(balance) * factor;
    }
    at = end;
  }
  return sum;
}

// balance x factor, rounded; nothing where only decimals can say.
std::optional<int64_t> Plan::PlainInterest(size_t index, int64_t balance) const {
  const Factor& factor = plain_factors_[index];
  if (factor.den == 0 || !IsToNearest(terms_.rounding) || !IsPlain(index)) return std::nullopt;
  if (balance <= 0) return 0;
  const UInt128 product = UInt128{factor.num} * static_cast<uint64_t>(balance);
  uint64_t quotient = 0;
  uint64_t rest = 0;
  if ((product >> 64) == 0) [[likely]] {
    quotient = static_cast<uint64_t>(product) / factor.den;
    rest = static_cast<uint64_t>(product) % factor.den;
  } else {
    const UInt128 whole = product / factor.den;
    if (whole >= static_cast<UInt128>(kInterestMax)) return std::nullopt;
    quotient = static_cast<uint64_t>(whole);
    rest = static_cast<uint64_t>(product % factor.den);
  }
  if (rest * 2 == factor.den || quotient >= kInterestMax) return std::nullopt;
  return static_cast<int64_t>(quotient + (rest * 2 > factor.den ? 1 : 0));
}

Decimal Plan::FactorOf(size_t index) const {
  if (IsPlain(index)) return plain_factors_[index].value;
  return Accrue(index, periods_[index].from, periods_[index].to, 0).factor;
}

Decimal Plan::AccruedTo(Date day) const {
  const size_t index = IndexOf(day);
  const Period& period = periods_[index];
  const Decimal carried = Decimal::FromInt64(index > 0 ? carried_[index - 1] : 0) +
                          Decimal::FromInt64(period.credited_interest + period.moved_interest);
  if (day <= period.from) return carried;
  return carried +
         Accrue(index, period.from, std::min(day, period.to), start_balance_[index]).interest;
}

int64_t Plan::EarnedIn(size_t index, Date day) const {
  const Period& period = periods_[index];
  const int64_t all = period.interest - period.credited_interest;
  if (day >= period.to || period.locked) return all;
  if (day <= period.from) return 0;
  if (terms_.kind == PlanKind::kFlat || terms_.earned_evenly) {
    // What the plan asks for, day by day in equal parts.
    const Decimal share = Decimal::FromInt64(day.days - period.from.days) /
                          Decimal::FromInt64(period.to.days - period.from.days);
    return RoundMinor(Decimal::FromInt64(all) * share, terms_.rounding);
  }
  const int64_t carried = (index > 0 ? carried_[index - 1] : 0) + period.moved_interest;
  const Decimal accrued = Accrue(index, period.from, day, start_balance_[index]).interest;
  return RoundMinor(accrued + Decimal::FromInt64(carried), terms_.rounding);
}

int64_t Plan::Outstanding() const {
  int64_t outstanding = drawn_ + credited_ - prepaid_;
  for (const Period& period : periods_) outstanding -= period.paid_principal;
  return outstanding;
}

// --- dues ---

bool Plan::IsLevel(size_t index) const {
  return terms_.kind == PlanKind::kEqualInstalments &&
         index >= static_cast<size_t>(terms_.principal_grace);
}

// Whether what was paid settles the period, so that it keeps its dues. By plan it never does.
bool Plan::IsSettled(const Period& period) const {
  if (terms_.interest_by_plan) return false;
  return period.paid_principal + period.paid_interest > 0 && period.IsPaid();
}

// The last period that still can take a difference: not locked and not settled by what was paid.
size_t Plan::LastOpen() const {
  for (size_t i = periods_.size(); i-- > 0;) {
    const Period& period = periods_[i];
    // A level period that asks for nothing, since others were paid, takes no difference either.
    const bool asks = !IsLevel(i) || period.instalment != 0 || !period.IsPaid();
    if (!period.locked && !IsSettled(period) && asks) return i;
  }
  return periods_.size() - 1;
}

// What period `index` asks for, given the interest calculated for it. A period that takes the rest
// repays `rest`.
void Plan::SetDues(size_t index, int64_t calculated, bool takes_rest, int64_t rest) {
  Period& p = periods_[index];
  const bool pays_interest = index >= static_cast<size_t>(terms_.interest_grace);
  const int64_t credits = p.credited_principal + p.credited_interest;
  if (IsLevel(index)) {
    if (takes_rest)
      p.instalment =
          std::max<int64_t>(rest - p.credited_principal, 0) + calculated - p.credited_interest;
    const int64_t total = p.instalment + credits;
    const int64_t wanted = std::max<int64_t>(total - calculated, 0);
    // Principal beyond the plan was paid early: interest is settled at what was paid, the rest is
    // carried.
    p.interest = p.paid_principal > wanted ? p.paid_interest
                                           : std::max(std::min(calculated, total), p.paid_interest);
    if (!pays_interest) p.interest = p.paid_interest;
    p.principal = std::max(std::max<int64_t>(total - p.interest, 0), p.paid_principal);
    if (takes_rest) p.principal = std::max(rest, p.paid_principal);
  } else {
    p.principal =
        std::max(takes_rest ? rest : p.planned_principal + p.credited_principal, p.paid_principal);
    p.interest = std::max(pays_interest ? calculated : 0, p.paid_interest);
  }
  carried_[index] = std::max<int64_t>(calculated - p.interest, 0);
}

// Interest on all that was drawn, whatever was repaid since.
Decimal Plan::FlatInterest(size_t index) const {
  const Period& period = periods_[index];
  Decimal interest;
  for (const Delta& draw : draws_) {
    if (draw.day >= period.to) continue;
    const Date from = std::max(draw.day, period.from);
    // Factors of parts: a draw inside the period bears interest from its own day.
    interest =
        interest + Decimal::FromInt64(draw.amount) * Accrue(index, from, period.to, 0).factor;
  }
  return interest;
}

void Plan::Recompute() {
  const size_t last_open = LastOpen();
  int64_t rest = drawn_ + credited_ - prepaid_;
  // The periods behind the last open one are settled: what they repaid is not for others.
  for (size_t i = last_open + 1; i < periods_.size(); ++i) rest -= periods_[i].paid_principal;
  int64_t balance = 0;
  int64_t overdue = 0;  // principal that stays in V until today
  Decimal flat_total;
  int64_t flat_rounded = 0;
  size_t delta = 0;
  while (delta < deltas_.size() && deltas_[delta].day <= periods_.front().from) {
    balance += deltas_[delta++].amount;
  }
  for (size_t i = 0; i < periods_.size(); ++i) {
    Period& p = periods_[i];
    start_balance_[i] = balance;
    const bool today_inside = today_ && *today_ > p.from && *today_ < p.to && overdue > 0;
    Decimal interest;
    std::optional<int64_t> plain;
    if (!today_inside && terms_.kind != PlanKind::kFlat) plain = PlainInterest(i, balance);
    if (plain) {
      // Nothing happens in the period, and integers say the same as decimals.
    } else if (today_inside) {
      // Overdue principal leaves V today.
      const Sum before = Accrue(i, p.from, *today_, balance);
      int64_t then = balance - overdue;
      for (const Delta& d : deltas_) {
        if (p.from < d.day && d.day <= *today_) then += d.amount;
      }
      interest = before.interest + Accrue(i, *today_, p.to, then).interest;
      balance -= overdue;
      overdue = 0;
    } else {
      interest = Accrue(i, p.from, p.to, balance).interest;
    }
    int64_t rounded = plain ? *plain : RoundMinor(interest, terms_.rounding);
    if (terms_.kind == PlanKind::kFlat) {
      // With equal periods the total is rounded once, and the last period takes what rounding each
      // one lost.
      interest = FlatInterest(i);
      flat_total = flat_total + interest;
      rounded = RoundMinor(interest, terms_.rounding);
      if (terms_.basis == InterestBasis::kEqualPeriods && i + 1 == periods_.size()) {
        rounded = std::max<int64_t>(RoundMinor(flat_total, terms_.rounding) - flat_rounded, 0);
      }
      flat_rounded += rounded;
    }
    const int64_t owed =
        rounded + p.credited_interest + p.moved_interest + (i > 0 ? carried_[i - 1] : 0);
    const int64_t calculated = std::max<int64_t>(owed - p.waived_interest, 0);
    if (!p.locked) SetDues(i, calculated, i == last_open, rest);
    if (i > last_open && !p.locked) {
      p.principal = p.paid_principal;
      if (IsLevel(i)) p.instalment = p.Due() - p.credited_principal - p.credited_interest;
    }
    if (i <= last_open) rest -= p.principal;
    while (delta < deltas_.size() && deltas_[delta].day <= p.to) balance += deltas_[delta++].amount;
    // By plan, V falls by the whole due on its day; otherwise what was paid has left it already.
    const int64_t unpaid = terms_.interest_by_plan ? p.principal - p.credited_principal
                                                   : p.principal - p.paid_principal;
    if (today_ && terms_.interest_on_overdue && *today_ > p.to) {
      overdue += unpaid;
    } else {
      balance -= unpaid;
    }
    if (overdue > 0 && today_ && *today_ == p.to) {
      balance -= overdue;
      overdue = 0;
    }
    p.balance_after = balance;
  }
  // What the last open period cannot give back (it would repay less than nothing) comes off the
  // ones before it.
  if (rest < 0) {
    for (size_t i = last_open; i-- > 0 && rest < 0;) {
      Period& p = periods_[i];
      const int64_t room = std::min(p.principal - p.paid_principal, -rest);
      if (p.locked || room <= 0) continue;
      int64_t& own = IsLevel(i) ? p.instalment : p.planned_principal;
      const int64_t from_own = std::min(room, own);
      own -= from_own;
      p.credited_principal -= room - from_own;
      rest += room;
      Recompute();
      return;
    }
  }
}

// --- instalments ---

int64_t Plan::RoundInstalment(Decimal amount) const {
  if (terms_.multiple_minor == 1) return RoundMinor(amount, terms_.rounding);
  const Decimal multiple = Decimal::FromInt64(terms_.multiple_minor);
  return RoundMinor(amount / multiple, terms_.rounding) * terms_.multiple_minor;
}

void Plan::Solve(size_t first) {
  if (terms_.kind == PlanKind::kEqualInstalments) {
    SolveLevel(first);
  } else {
    SpreadPrincipal(first);
    Recompute();
  }
}

// The same in fixed point. Every step rounds down by less than 2^-60 of its value: with n steps the
// quotient is off by less than 4 n 2^-60 of itself. Nothing where that might decide the rounding.
std::optional<int64_t> Plan::FixedInstalment(const std::vector<size_t>& open, int64_t base) const {
  constexpr int64_t kBaseMax = int64_t{1} << 37;
  constexpr UInt128 kOneFixed = UInt128{1} << kFixedBits;
  if (terms_.multiple_minor != 1 || !IsToNearest(terms_.rounding) || base > kBaseMax ||
      terms_.balloon_minor != 0) {
    return std::nullopt;
  }
  UInt128 growth = kOneFixed;
  UInt128 sum = 0;  // F
  for (size_t k = 0; k < open.size(); ++k) {
    const Factor& factor = plain_factors_[open[k]];
    if (factor.den == 0 || (factor.fixed == 0 && factor.num != 0) || !IsPlain(open[k])) {
      return std::nullopt;
    }
    const uint64_t step = (uint64_t{1} << kFixedBits) + factor.fixed;
    growth = TimesFixed(growth, step);
    sum = k == 0 ? kOneFixed : kOneFixed + TimesFixed(sum, step);
    if (growth >= (kOneFixed << 20)) return std::nullopt;
  }
  const UInt128 top = growth * static_cast<uint64_t>(base);
  const UInt128 quotient = top / sum;
  const UInt128 rest = top - quotient * sum;
  // 4 n A 2^-60 is at most 2^-19 where n A is below 2^39.
  if (quotient * open.size() >= (UInt128{1} << 39)) return std::nullopt;
  const UInt128 doubled = rest * 2;
  const UInt128 from_tie = doubled > sum ? doubled - sum : sum - doubled;
  if (from_tie < (sum >> 16)) return std::nullopt;
  return static_cast<int64_t>(quotient) + (doubled > sum ? 1 : 0);
}

// (B x prod(1 + f) - balloon) / F over these periods.
int64_t Plan::LevelInstalment(const std::vector<size_t>& open, int64_t base) const {
  if (const auto fixed = FixedInstalment(open, base)) return *fixed;
  Decimal growth = kOne;
  Decimal sum;  // F
  for (size_t k = 0; k < open.size(); ++k) {
    const Decimal step = kOne + FactorOf(open[k]);
    growth = growth * step;
    sum = k == 0 ? kOne : kOne + sum * step;
  }
  const Decimal balloon = Decimal::FromInt64(terms_.balloon_minor);
  return RoundInstalment((Decimal::FromInt64(base) * growth - balloon) / sum);
}

// With `counts_settled` the instalment is that of all periods from `first` on, settled ones too,
// and it is smoothed by the last two neighbours that are open.
void Plan::SolveLevel(size_t first, bool counts_settled) {
  first = std::max(first, static_cast<size_t>(terms_.principal_grace));
  int64_t base = drawn_ - prepaid_;
  std::vector<size_t> open;
  for (size_t i = 0; i < periods_.size(); ++i) {
    const Period& p = periods_[i];
    if (i < first || p.locked || IsSettled(p)) {
      base -= p.principal - p.credited_principal;
    } else {
      open.push_back(i);
    }
  }
  if (open.empty() || base <= 0) {
    Recompute();
    return;
  }
  int64_t instalment = terms_.fixed_instalment_minor;
  if (instalment == 0 && counts_settled) {
    std::vector<size_t> all;
    int64_t whole = base;
    for (size_t i = first; i < periods_.size(); ++i) {
      const Period& p = periods_[i];
      if (p.locked) continue;
      all.push_back(i);
      if (IsSettled(p)) whole += p.principal - p.credited_principal;
    }
    instalment = LevelInstalment(all, whole);
  }
  if (instalment == 0) instalment = LevelInstalment(open, base);
  const auto count = static_cast<int64_t>(open.size());
  // An instalment is not lowered below what was paid of it: such a period keeps its own.
  const auto is_beyond = [&](size_t i) {
    return periods_[i].paid_principal + periods_[i].paid_interest > instalment;
  };
  if (open.size() > 1 && std::any_of(open.begin(), open.end() - 1, is_beyond)) {
    const size_t last = open.back();
    std::erase_if(open, [&](size_t i) {
      if (i == last || !is_beyond(i)) return false;
      base -= periods_[i].principal - periods_[i].credited_principal;
      return true;
    });
    if (terms_.fixed_instalment_minor == 0 && base > 0) instalment = LevelInstalment(open, base);
  }
  const auto set = [&](int64_t amount) {
    for (const size_t i : open) periods_[i].instalment = periods_[i].level = amount;
    Recompute();
    if (!counts_settled) return periods_[open.back()].instalment - terms_.balloon_minor - amount;
    const auto asks = [this](const Period& p) { return p.instalment != 0 && !IsSettled(p); };
    for (size_t k = periods_.size(); k-- > first + 1;) {
      if (!asks(periods_[k]) || !asks(periods_[k - 1])) continue;
      return periods_[k].instalment - periods_[k - 1].instalment;
    }
    return int64_t{0};
  };
  int64_t difference = set(instalment);
  if (!terms_.smooth || terms_.fixed_instalment_minor != 0) return;
  for (int round = 0; round < 3 && Magnitude(difference) > count / 2; ++round) {
    const int64_t tried =
        RoundInstalment(Decimal::FromInt64(instalment) +
                        Decimal::FromInt64(difference) / Decimal::FromInt64(count));
    if (tried == instalment) break;
    const int64_t now = set(tried);
    if (Magnitude(now) >= Magnitude(difference)) {
      set(instalment);
      break;
    }
    instalment = tried;
    difference = now;
  }
}

// Equal principal, flat, interest only, single payment: principal by period, the residue where the
// terms say.
void Plan::SpreadPrincipal(size_t first) {
  int64_t base = drawn_ - prepaid_;
  for (size_t i = 0; i < first; ++i) base -= periods_[i].principal - periods_[i].credited_principal;
  const size_t end = periods_.size();
  const size_t begin = std::max(first, static_cast<size_t>(terms_.principal_grace));
  for (size_t i = first; i < end; ++i) periods_[i].planned_principal = 0;
  const bool spreads = terms_.kind == PlanKind::kEqualPrincipal || terms_.kind == PlanKind::kFlat;
  if (!spreads || begin >= end) return;  // the last takes the rest
  const auto count = static_cast<int64_t>(end - begin);
  const Decimal share = (Decimal::FromInt64(base) - Decimal::FromInt64(terms_.balloon_minor)) /
                        Decimal::FromInt64(count);
  if (terms_.kind == PlanKind::kFlat && terms_.equal_payments) {
    Recompute();
    int64_t interest = 0;
    for (size_t i = begin; i < end; ++i) interest += periods_[i].interest;
    const int64_t payment =
        RoundInstalment(share + Decimal::FromInt64(interest) / Decimal::FromInt64(count));
    for (size_t i = begin; i < end; ++i) {
      periods_[i].planned_principal = std::max<int64_t>(payment - periods_[i].interest, 0);
    }
    return;
  }
  const int64_t part = RoundInstalment(share);
  for (size_t i = begin; i < end; ++i) periods_[i].planned_principal = part;
  if (terms_.residue_first) {
    periods_[begin].planned_principal = base - terms_.balloon_minor - part * (count - 1);
  }
}

// --- changes ---

void Plan::Insert(Date day, int64_t amount) {
  const auto behind = std::upper_bound(deltas_.begin(), deltas_.end(), day,
                                       [](Date d, const Delta& delta) { return d < delta.day; });
  deltas_.insert(behind, {day, amount});
}

void Plan::Draw(Date day, int64_t amount_minor, int64_t down_minor) {
  CREDENCE_ASSERT(amount_minor > 0 && day >= periods_.front().from);
  // A settled loan that is drawn on again goes on from this period.
  for (size_t i = IndexOf(day); i < periods_.size(); ++i) periods_[i].locked = false;
  drawn_ += amount_minor;
  draws_.push_back({day, amount_minor + (terms_.flat_on_drawn ? down_minor : 0)});
  Insert(day, amount_minor);
  Solve(terms_.draws_over_all ? 0 : IndexOf(day));
}

void Plan::ChangeRate(Date day, Decimal annual_rate) {
  const auto behind = std::upper_bound(rates_.begin(), rates_.end(), day,
                                       [](Date d, const RateFrom& rate) { return d < rate.day; });
  rates_.insert(behind, {day, annual_rate});
  Recompute();
  Solve(IndexOf(day));
}

void Plan::PauseInterest(Date from, Date to) {
  pauses_.push_back({from, to});
  Recompute();
}

void Plan::PayPrincipal(size_t index, Date day, int64_t amount_minor) {
  Period& period = periods_[index];
  period.paid_principal += amount_minor;
  // A payment that comes late counts as if it had come in time, unless overdue principal bears
  // interest.
  if (!terms_.interest_by_plan) {
    Insert(terms_.interest_on_overdue ? day : std::min(day, period.to), -amount_minor);
  }
  Recompute();
}

void Plan::PayInterest(size_t index, int64_t amount_minor) {
  periods_[index].paid_interest += amount_minor;
  Recompute();
}

void Plan::Credit(Date day, int64_t principal_minor, int64_t interest_minor) {
  Period& period = periods_[IndexOf(day)];
  period.locked = false;  // a settled loan owes again
  period.credited_principal += principal_minor;
  period.credited_interest += interest_minor;
  period.principal += principal_minor;  // open again, so that it may take the rest
  credited_ += principal_minor;
  if (principal_minor != 0 && !terms_.interest_by_plan) Insert(day, principal_minor);
  Recompute();
}

void Plan::PrepayPrincipal(Date day, int64_t amount_minor, Prepay mode) {
  CREDENCE_ASSERT(amount_minor >= 0 && amount_minor <= Outstanding());
  prepaid_ += amount_minor;
  Insert(day, -amount_minor);
  Recompute();
  if (mode == Prepay::kSmaller) Solve(IndexOf(day));
}

void Plan::Settle() {
  for (Period& period : periods_) {
    period.principal = period.paid_principal;
    period.interest = period.paid_interest;
    period.instalment = period.Due();
    period.planned_principal = period.principal;
    period.credited_principal = 0;  // part of what was paid or given up
    period.credited_interest = 0;
    period.moved_interest = 0;
    period.locked = true;
  }
  Recompute();
}

void Plan::WaiveInterest(size_t index, int64_t amount_minor) {
  periods_[index].waived_interest += amount_minor;
  Recompute();
}

// Interest up to `day` that the periods from the one that holds `day` to before `index` cannot
// collect any more, since they are paid.
int64_t Plan::CarriedOn(size_t index, Date day) const {
  const size_t now = IndexOf(day);
  int64_t left = RoundMinor(AccruedTo(day), terms_.rounding);
  for (size_t i = now; i < index; ++i) {
    const Period& p = periods_[i];
    const int64_t total = p.instalment + p.credited_principal + p.credited_interest;
    const bool paid = p.paid_principal + p.paid_interest >= total;
    if (!IsLevel(i) || p.locked || !paid) return 0;
    left -= p.paid_interest + p.waived_interest;
    if (left <= 0) return 0;
  }
  return left;
}

Plan::Dues Plan::PayableOn(size_t index, Date day) const {
  const Period& p = periods_[index];
  if (day >= p.to || p.locked || terms_.kind == PlanKind::kFlat || terms_.interest_by_plan) {
    return {p.principal - p.paid_principal, p.interest - p.paid_interest};
  }
  const bool pays_interest = index >= static_cast<size_t>(terms_.interest_grace);
  int64_t accrued = 0;
  if (day > p.from && pays_interest) {
    accrued = std::max<int64_t>(RoundMinor(AccruedTo(day), terms_.rounding) - p.waived_interest, 0);
  } else if (pays_interest && index > IndexOf(day)) {
    accrued = std::max<int64_t>(CarriedOn(index, day) - p.waived_interest, 0);
  }
  if (!IsLevel(index)) {
    return {p.principal - p.paid_principal, std::max<int64_t>(accrued - p.paid_interest, 0)};
  }
  const int64_t total = p.instalment + p.credited_principal + p.credited_interest;
  // A period that is paid asks for no more: what it earns later is the next one's.
  if (total > 0 && p.paid_principal + p.paid_interest >= total) return {};
  const int64_t interest = std::max(std::min(accrued, total), p.paid_interest);
  // Paid before it begins, the last one takes a level instalment, though rounding leaves it less.
  const bool whole = day <= p.from && index > 0 && index == LastOpen() && p.instalment > 0;
  const int64_t level = whole ? std::max<int64_t>(p.level - p.instalment, 0) : 0;
  const int64_t principal =
      std::max(std::max<int64_t>(total + level - interest, 0), p.paid_principal);
  return {principal - p.paid_principal, interest - p.paid_interest};
}

void Plan::AddBalance(Date day, int64_t amount_minor) {
  Insert(day, amount_minor);
  Recompute();
}

void Plan::AddPeriods(Date day, int32_t count) {
  const Date anchor = periods_.back().to;
  for (int32_t i = 0; i < count; ++i) {
    Period period;
    period.from = periods_.back().to;
    period.to = StepDate(terms_, anchor, i + 1);
    period.due = period.to;
    periods_.push_back(period);
    start_balance_.push_back(0);
    carried_.push_back(0);
    plain_factors_.push_back(PlainFactor(periods_.size() - 1));
  }
  Recompute();
  const size_t first = IndexOf(day);
  if (terms_.kind != PlanKind::kEqualInstalments) return Solve(first);
  SolveLevel(first, std::any_of(periods_.begin() + static_cast<ptrdiff_t>(first), periods_.end(),
                                [this](const Period& p) { return !p.locked && IsSettled(p); }));
}

bool Plan::MoveDue(Date due, Date to) {
  for (size_t i = 0; i < periods_.size(); ++i) {
    if (periods_[i].due != due) continue;
    if (to <= periods_[i].from) return false;
    for (size_t k = i; k < periods_.size(); ++k) {
      if (k > i) periods_[k].from = periods_[k - 1].to;
      periods_[k].to = StepDate(terms_, to, static_cast<int64_t>(k - i));
      periods_[k].due = periods_[k].to;
    }
    plain_factors_.clear();
    for (size_t k = 0; k < periods_.size(); ++k) plain_factors_.push_back(PlainFactor(k));
    Recompute();
    return true;
  }
  return false;
}

void Plan::Observe(Date today) {
  today_ = today;
  if (terms_.interest_on_overdue) Recompute();
}

// Equal instalments: M = P i (1 + i)^n / ((1 + i)^n - 1), interest n M - P. Equal principal: first
// payment P/n + P i, each next one P i / n less, interest P i (n + 1) / 2.
ExactTotals TotalsOf(const Terms& terms, int64_t principal_minor) {
  const bool level = terms.kind == PlanKind::kEqualInstalments;
  CREDENCE_ASSERT(level || terms.kind == PlanKind::kEqualPrincipal);
  const Date start{};
  const Date end = StepDate(terms, start, 1);
  const Fraction fraction = YearFractionOf(terms, start, end, start, end);
  const Decimal rate = terms.annual_rate * Decimal::FromInt64(fraction.numerator) /
                       Decimal::FromInt64(fraction.denominator);
  const Decimal principal = Decimal::FromInt64(principal_minor);
  const Decimal count = Decimal::FromInt64(terms.periods);
  ExactTotals totals;
  if (level) {
    Decimal payment = principal / count;
    if (!rate.IsZero()) {
      const Decimal growth = Decimal::Power(kOne + rate, count);
      payment = principal * rate * growth / (growth - kOne);
    }
    totals.first_minor = RoundMinor(payment, terms.rounding);
    totals.interest_minor = RoundMinor(payment * count - principal, terms.rounding);
  } else {
    totals.first_minor = RoundMinor(principal / count + principal * rate, terms.rounding);
    totals.decrease_minor = RoundMinor(principal * rate / count, terms.rounding);
    totals.interest_minor =
        RoundMinor(principal * rate * (count + kOne) / Decimal::FromInt64(2), terms.rounding);
  }
  return totals;
}

}  // namespace credence::lending
