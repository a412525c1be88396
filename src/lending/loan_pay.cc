// How money falls on the instalments of a loan, and what stands in them.
#include <algorithm>

#include "src/base/assert.h"
#include "src/lending/loan.h"
#include "src/money/rounding.h"

namespace credence::lending {

// --- instalments ---

Date Loan::DueOf(const Slot& slot) const {
  return slot.kind == InstalmentKind::kPeriod ? plan_.periods()[slot.period].due : slot.due;
}

size_t Loan::SlotOf(size_t period) const {
  // The first periods have the first slots, unless they were dropped and made anew.
  if (period < dates_.size() && !slots_[period].gone) return period;
  for (size_t i = dates_.size(); i < slots_.size(); ++i) {
    const Slot& slot = slots_[i];
    if (slot.kind == InstalmentKind::kPeriod && slot.period == period && !slot.gone) return i;
  }
  CREDENCE_UNREACHABLE();
}

// The instalment behind the last due date; it ends with the latest thing in it.
size_t Loan::SlotBehind(Date due) {
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].kind != InstalmentKind::kBehind) continue;
    slots_[i].due = std::max(slots_[i].due, due);
    return i;
  }
  Slot slot;
  slot.kind = InstalmentKind::kBehind;
  slot.from = plan_.periods().back().due;
  slot.due = due;
  slots_.push_back(slot);
  return slots_.size() - 1;
}

std::vector<size_t> Loan::SlotsByDue() const {
  std::vector<size_t> sorted;
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (!slots_[i].gone) sorted.push_back(i);
  }
  std::sort(sorted.begin(), sorted.end(), [&](size_t a, size_t b) {
    const auto key = [&](size_t i) {
      const Slot& slot = slots_[i];
      const bool period = slot.kind == InstalmentKind::kPeriod;
      const bool down = slot.kind == InstalmentKind::kDownPayment;
      return std::tuple(DueOf(slot),
                        down ? !product_.down_payment_first : product_.down_payment_first,
                        slot.kind, period ? slot.period : i);
    };
    return key(a) < key(b);
  });
  return sorted;
}

int64_t Loan::UnpaidPart(size_t index, Part part) const {
  const Slot& slot = slots_[index];
  const bool period = slot.kind == InstalmentKind::kPeriod;
  if (slot.gone || (!period && state_ == LoanState::kWrittenOff)) return 0;
  switch (part) {
    case Part::kPrincipal:
      if (!period) return slot.principal - slot.paid_principal;
      return plan_.periods()[slot.period].principal - plan_.periods()[slot.period].paid_principal;
    case Part::kInterest:
      if (!period) return slot.interest - slot.paid_interest;
      return plan_.periods()[slot.period].interest - plan_.periods()[slot.period].paid_interest;
    case Part::kFee:
    case Part::kPenalty:
      break;
  }
  int64_t sum = 0;
  for (const Charge& charge : charges_) {
    if (charge.slot == index && charge.penalty == (part == Part::kPenalty)) sum += charge.Unpaid();
  }
  return sum;
}

Instalment Loan::ViewOf(size_t index) const {
  const Slot& slot = slots_[index];
  Instalment view;
  view.kind = slot.kind;
  view.from = slot.from;
  if (slot.kind == InstalmentKind::kBehind) {
    for (const Period& period : plan_.periods()) {
      if (period.due <= slot.due) view.from = period.due;
    }
  }
  view.due = DueOf(slot);
  view.principal = slot.principal;
  view.interest = slot.interest;
  view.credited = slot.credited;
  view.paid_principal = slot.paid_principal;
  view.paid = slot.paid_principal + slot.paid_interest;
  if (slot.kind == InstalmentKind::kPeriod) {
    const Period& period = plan_.periods()[slot.period];
    view.from = period.from;
    view.principal = period.principal;
    view.interest = period.interest;
    view.credited = period.credited_principal;
    view.paid_principal = period.paid_principal;
    view.paid = period.paid_principal + period.paid_interest;
  }
  for (const Charge& charge : charges_) {
    if (charge.slot != index) continue;
    (charge.penalty ? view.penalty : view.fee) += charge.amount;
    view.paid += charge.paid;
    view.paid_in_advance += charge.paid_in_advance;
    view.paid_late += charge.paid_late;
    view.waived += charge.waived;
  }
  view.paid_in_advance += slot.in_advance;
  view.paid_late += slot.late;
  view.settled_on = slot.settled_on;
  return view;
}

std::vector<Instalment> Loan::Instalments() const {
  if (state_ == LoanState::kWrittenOff) return given_up_;
  std::vector<Instalment> views;
  views.reserve(slots_.size());
  Date behind = start_;  // the last due date of a row that is no period
  for (const size_t i : SlotsByDue()) {
    views.push_back(ViewOf(i));
    Instalment& view = views.back();
    if (view.kind == InstalmentKind::kBehind) behind = view.due;
    if (view.kind == InstalmentKind::kPeriod) view.from = std::max(view.from, behind);
  }
  return views;
}

void Loan::MarkSettled(Date day) {
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].gone) continue;
    const Instalment view = ViewOf(i);
    if (view.Unpaid() > 0) {
      slots_[i].settled_on.reset();
    } else if (!slots_[i].settled_on) {
      slots_[i].settled_on = day;
    }
  }
}

int64_t Loan::PrincipalOutstanding() const {
  int64_t outstanding = plan_.Outstanding() - written_off_principal_;
  for (const Slot& slot : slots_) outstanding += slot.principal - slot.paid_principal;
  return outstanding;
}

Allocation Loan::EarnedTo(Date day) const {
  Allocation earned;
  for (size_t i = 0; i < plan_.periods().size(); ++i) earned.interest += plan_.EarnedIn(i, day);
  for (const Charge& charge : charges_) {
    if (charge.due > day || charge.credited) continue;
    (charge.penalty ? earned.penalty : earned.fee) += charge.amount - charge.waived;
  }
  return earned;
}

int64_t Loan::InterestOn(int64_t amount_minor, Date day) const {
  Loan less(product_, start_, dates_);
  for (const AppliedTransaction& applied : transactions_) {
    if (applied.reversed) continue;
    AppliedTransaction changed = applied;
    if (applied.transaction.kind == TransactionKind::kDraw) {
      const int64_t part = std::min(amount_minor, changed.transaction.amount_minor);
      amount_minor -= part;
      changed.transaction.amount_minor -= part;
      if (changed.transaction.amount_minor == 0) continue;
    }
    if (less.state_ == LoanState::kPending && changed.transaction.kind != TransactionKind::kDraw) {
      continue;
    }
    less.Fold(changed);
  }
  less.Observe(day);
  return EarnedTo(day).interest - less.EarnedTo(day).interest;
}

int64_t Loan::RefundedInterest(const Transaction& t) const {
  if (t.about == 0) return t.amount_minor;
  Loan before(product_, start_, dates_);
  for (const AppliedTransaction& applied : transactions_) {
    if (applied.transaction.id == t.about) {
      if (applied.reversed || charged_off_ || before.state_ == LoanState::kPending) return 0;
      before.Observe(t.day);
      return std::max<int64_t>(before.InterestOn(applied.transaction.amount_minor, t.day), 0);
    }
    if (applied.reversed) continue;
    before.transactions_.push_back(applied);
    before.Fold(before.transactions_.back());
  }
  return 0;
}

// --- repayment ---

Allotment Loan::AllotmentOf(TransactionKind kind) const {
  const auto own = product_.allotments.find(kind);
  return own == product_.allotments.end() ? Allotment{product_.order, product_.future}
                                          : own->second;
}

int64_t Loan::PayablePart(size_t index, Part part, Date day) const {
  const Slot& slot = slots_[index];
  if (slot.kind == InstalmentKind::kPeriod) {
    if (part == Part::kPrincipal) {
      return std::min(plan_.PayableOn(slot.period, day).principal, plan_.Outstanding());
    }
    if (part == Part::kInterest) return plan_.PayableOn(slot.period, day).interest;
  }
  return UnpaidPart(index, part);
}

int64_t Loan::PayCharges(size_t slot, bool penalty, Date day, int64_t amount) {
  int64_t left = amount;
  const Date due = DueOf(slots_[slot]);
  for (Charge& charge : charges_) {
    if (charge.slot != slot || charge.penalty != penalty) continue;
    const int64_t part = std::min(left, charge.Unpaid());
    charge.paid += part;
    if (day < due) charge.paid_in_advance += part;
    if (day > due) charge.paid_late += part;
    left -= part;
  }
  return amount - left;
}

// Pays one part of one instalment from `amount`; returns what it took.
int64_t Loan::PayPart(size_t index, Part part, Date day, int64_t amount, Allocation* allocation) {
  const int64_t taken = std::min(amount, PayablePart(index, part, day));
  if (taken <= 0) return 0;
  Slot& slot = slots_[index];
  const bool period = slot.kind == InstalmentKind::kPeriod;
  const Date due = DueOf(slot);
  if (part == Part::kPrincipal || part == Part::kInterest) {
    if (day < due) slot.in_advance += taken;
    if (day > due) slot.late += taken;
  }
  switch (part) {
    case Part::kPrincipal:
      if (period) {
        plan_.PayPrincipal(slot.period, day, taken);
      } else {
        slot.paid_principal += taken;
      }
      allocation->principal += taken;
      break;
    case Part::kInterest:
      if (period) {
        plan_.PayInterest(slot.period, taken);
      } else {
        slot.paid_interest += taken;
      }
      allocation->interest += taken;
      break;
    case Part::kFee:
      allocation->fee += PayCharges(index, false, day, taken);
      break;
    case Part::kPenalty:
      allocation->penalty += PayCharges(index, true, day, taken);
      break;
  }
  return taken;
}

// The instalments that a timing is about, in the order in which they are served.
std::vector<size_t> Loan::SlotsOf(Timing timing, Date day, FutureRule future) const {
  std::vector<size_t> found;
  for (const size_t i : SlotsByDue()) {
    const Date due = DueOf(slots_[i]);
    const Timing is = due < day ? Timing::kPastDue : due == day ? Timing::kDue : Timing::kInAdvance;
    if (is == timing) found.push_back(i);
  }
  if (timing != Timing::kInAdvance || found.empty()) return found;
  if (future == FutureRule::kLast) std::reverse(found.begin(), found.end());
  if (future == FutureRule::kNextLast) std::reverse(found.begin() + 1, found.end());
  return found;
}

bool Loan::IsOpenSlot(size_t slot, Date day) const {
  for (const Part part : {Part::kPrincipal, Part::kInterest, Part::kFee, Part::kPenalty}) {
    if (PayablePart(slot, part, day) > 0) return true;
  }
  return false;
}

// Each part in equal shares over the future instalments that are open; the last one takes the
// residue of the division.
void Loan::PaySpread(Date day, std::span<const Bucket> buckets, int64_t* left,
                     Allocation* allocation) {
  while (*left > 0) {
    std::vector<size_t> open = SlotsOf(Timing::kInAdvance, day, FutureRule::kNext);
    std::erase_if(open, [&](size_t i) { return !IsOpenSlot(i, day); });
    if (open.empty()) return;
    const auto count = static_cast<int64_t>(open.size());
    int64_t taken = 0;
    for (const Bucket& bucket : buckets) {
      const int64_t all = *left;
      const auto share = static_cast<int64_t>(DivideRounded(all, count, Rounding::kHalfEven));
      for (size_t i = 0; i < open.size() && *left > 0; ++i) {
        const int64_t wanted = i + 1 == open.size() ? all - share * (count - 1) : share;
        const int64_t part =
            PayPart(open[i], bucket.part, day, std::min(wanted, *left), allocation);
        *left -= part;
        taken += part;
      }
    }
    if (taken == 0) return;
  }
}

// Charges of instalments to come that are due by their own day.
void Loan::PayOwnCharges(Date day, Part part, int64_t* left, Allocation* allocation) {
  const bool penalty = part == Part::kPenalty;
  if (!penalty && part != Part::kFee) return;
  for (Charge& charge : charges_) {
    if (charge.due > day || charge.penalty != penalty) continue;
    const Date due = DueOf(slots_[charge.slot]);
    if (due <= day) continue;
    const int64_t taken = std::min(*left, charge.Unpaid());
    charge.paid += taken;
    charge.paid_in_advance += taken;
    (penalty ? allocation->penalty : allocation->fee) += taken;
    *left -= taken;
  }
}

// Money that is held for the borrower pays a charge that comes later; the payments that it came
// from say so.
void Loan::PayFromSurplus(const Transaction& t) {
  const auto charge =
      std::find_if(charges_.begin(), charges_.end(), [&](const Charge& c) { return c.id == t.id; });
  int64_t left = std::min(overpaid_, charge->Unpaid());
  if (left == 0) return;
  overpaid_ -= left;
  charge->paid += left;
  const Date due = DueOf(slots_[charge->slot]);
  if (t.day < due) charge->paid_in_advance += left;
  if (t.day > due) charge->paid_late += left;
  // The oldest first.
  for (AppliedTransaction& applied : transactions_) {
    if (left == 0 || applied.transaction.id == t.id) return;
    const TransactionKind kind = applied.transaction.kind;
    const bool out = kind == TransactionKind::kRefundOverpaid ||
                     kind == TransactionKind::kChargeback || kind == TransactionKind::kDraw;
    if (applied.reversed || out) continue;
    const int64_t part = std::min(left, applied.allocation.overpaid);
    applied.allocation.overpaid -= part;
    (charge->penalty ? applied.allocation.penalty : applied.allocation.fee) += part;
    left -= part;
  }
}

void Loan::PayTiming(Date day, std::span<const Bucket> buckets, FutureRule future, int64_t* left,
                     Allocation* allocation) {
  const Timing timing = buckets.front().timing;
  if (timing == Timing::kInAdvance && future == FutureRule::kSpread) {
    PaySpread(day, buckets, left, allocation);
    return;
  }
  for (const size_t i : SlotsOf(timing, day, future)) {
    for (const Bucket& bucket : buckets) {
      if (*left == 0) return;
      *left -= PayPart(i, bucket.part, day, *left, allocation);
    }
  }
  if (timing != Timing::kDue || !product_.charges_by_own_day) return;
  for (const Bucket& bucket : buckets) PayOwnCharges(day, bucket.part, left, allocation);
}

Allocation Loan::Pay(Date day, int64_t amount, const Allotment& how) {
  Allocation allocation;
  int64_t left = amount;
  const std::span<const Bucket> order = how.order;
  for (size_t first = 0; first < order.size() && left > 0;) {
    size_t end = first + 1;
    if (!product_.part_by_part) {
      while (end < order.size() && order[end].timing == order[first].timing) ++end;
    }
    PayTiming(day, order.subspan(first, end - first), how.future, &left, &allocation);
    first = end;
  }
  allocation.overpaid = left;
  overpaid_ += left;
  return allocation;
}

}  // namespace credence::lending
