// Changes of a plan's periods themselves: all due at once, new periods for what is unpaid, what is
// overdue spread over those to come.
#include "src/lending/plan.h"

namespace credence::lending {

void Plan::Accelerate(Date day) {
  size_t kept = 0;
  while (kept + 1 < periods_.size() && periods_[kept].to < day) ++kept;
  Period& last = periods_[kept];
  for (size_t i = kept + 1; i < periods_.size(); ++i) {
    const Period& dropped = periods_[i];
    last.paid_principal += dropped.paid_principal;
    last.paid_interest += dropped.paid_interest;
    last.credited_principal += dropped.credited_principal;
    last.credited_interest += dropped.credited_interest;
    last.waived_interest += dropped.waived_interest;
    last.moved_interest += dropped.moved_interest;
  }
  if (last.from < day && day < last.to) {
    if (terms_.basis == InterestBasis::kEqualPeriods) {
      last.whole_to = last.whole_to.value_or(last.to);
    }
    last.to = day;
    last.due = day;
  }
  last.locked = false;
  periods_.resize(kept + 1);
  start_balance_.resize(kept + 1);
  carried_.resize(kept + 1);
  plain_factors_.resize(kept);
  plain_factors_.push_back(PlainFactor(kept));
  Recompute();
}

// The periods before `end` keep what was paid of them.
Plan::Dues Plan::CloseUntil(size_t end) {
  Dues moved;
  for (size_t i = 0; i < end; ++i) {
    Period& p = periods_[i];
    moved.principal += p.principal - p.paid_principal;
    moved.interest += p.interest - p.paid_interest;
    p.principal = p.paid_principal;
    p.interest = p.paid_interest;
    p.instalment = p.Due();
    p.planned_principal = p.principal;
    p.credited_interest = 0;
    p.moved_interest = 0;
    p.locked = true;
    carried_[i] = 0;
  }
  return moved;
}

void Plan::TakeIn(Date day, int64_t drawn_minor, int64_t credited_minor) {
  drawn_ += drawn_minor;
  credited_ += credited_minor;
  const int64_t both = drawn_minor + credited_minor;
  if (both != 0) Insert(day, both);
}

Plan::Dues Plan::Reage(Date day, const NewPeriods& periods) {
  size_t kept = 0;
  for (size_t i = 0; i < periods_.size(); ++i) {
    const bool paid = periods_[i].paid_principal + periods_[i].paid_interest > 0;
    if ((periods_[i].due <= day && periods_[i].due < periods.first) || paid) kept = i + 1;
  }
  int64_t to_come = 0;
  for (size_t i = kept; i < periods_.size(); ++i) to_come += periods_[i].principal;
  Dues moved = CloseUntil(kept);
  moved.principal += to_come;
  moved.interest += periods.interest;
  const Date from = kept == 0 ? periods_.front().from : periods_[kept - 1].to;
  periods_.resize(kept);
  start_balance_.resize(kept);
  carried_.resize(kept);
  plain_factors_.resize(kept);
  Terms step = terms_;
  step.every = periods.every;
  step.unit = periods.unit;
  for (int32_t i = 0; i < periods.count; ++i) {
    Period period;
    period.from = i == 0 ? from : periods_.back().to;
    period.to = StepDate(step, periods.first, i);
    period.due = period.to;
    if (i == 0) period.moved_interest = moved.interest;
    periods_.push_back(period);
    start_balance_.push_back(0);
    carried_.push_back(0);
    plain_factors_.push_back(PlainFactor(periods_.size() - 1));
  }
  Recompute();
  Solve(kept);
  return moved;
}

Plan::Dues Plan::SpreadOverdue(Date day) {
  size_t end = 0;
  while (end < periods_.size() && periods_[end].due <= day) ++end;
  if (end == periods_.size()) return {};
  const Dues moved = CloseUntil(end);
  // A settled loan that owes again asks for it in the periods to come.
  for (size_t i = end; i < periods_.size(); ++i) periods_[i].locked = false;
  periods_[end].moved_interest += moved.interest;
  Recompute();
  Solve(end);
  return moved;
}

void Plan::Reamortise(Date day) { Solve(IndexOf(day)); }

}  // namespace credence::lending
