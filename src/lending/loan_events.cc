// Draws, chargebacks, charge-offs and re-ageing: events that change what is asked for.
#include <algorithm>

#include "src/lending/loan.h"

namespace credence::lending {
Allocation Loan::Draw(const Transaction& t, Allocation* from_surplus) {
  const bool first = state_ == LoanState::kPending;
  const int64_t down = DownPayment(product_.terms, t.amount_minor);
  plan_.Draw(t.day, t.amount_minor - down, down);
  if (down > 0) {
    Slot slot;
    slot.kind = InstalmentKind::kDownPayment;
    slot.from = t.day;
    slot.due = t.day;
    slot.principal = down;
    slots_.push_back(slot);
  }
  state_ = LoanState::kActive;
  if (first) MakeInstalmentCharges();
  MarkSettled(t.day);  // what was settled may ask for more now
  // What was overpaid repays the new money first.
  const int64_t held = std::min(overpaid_, t.amount_minor);
  if (held > 0) {
    overpaid_ -= held;
    *from_surplus = Pay(t.day, held, AllotmentOf(TransactionKind::kRepay));
    from_surplus->overpaid = 0;  // what is left stays where it was
  }
  Allocation a;
  a.principal = t.amount_minor;
  return a;
}

// Money overpaid goes back first, if it is enough. Else the whole amount is due again with the
// period that the day lies in, or behind the last due date; what was overpaid pays it at once.
Allocation Loan::Chargeback(const Transaction& t) {
  Allocation a;
  if (product_.chargeback_order.empty() && t.amount_minor <= overpaid_) {
    overpaid_ -= t.amount_minor;
    a.overpaid = t.amount_minor;
    return a;
  }
  int64_t left = t.amount_minor;
  const auto paid = std::find_if(
      transactions_.begin(), transactions_.end(),
      [&](const AppliedTransaction& applied) { return applied.transaction.id == t.about; });
  if (paid != transactions_.end() && t.about != 0) {
    Allocation open = paid->allocation;  // less what was charged back of it before
    for (const AppliedTransaction& earlier : transactions_) {
      if (earlier.transaction.id == t.id) break;
      if (earlier.reversed || earlier.transaction.kind != TransactionKind::kChargeback ||
          earlier.transaction.about != t.about) {
        continue;
      }
      open.interest -= earlier.allocation.interest;
      open.fee -= earlier.allocation.fee;
      open.penalty -= earlier.allocation.penalty;
      open.principal -= earlier.allocation.principal;
    }
    const auto take = [&](int64_t available, int64_t* into) {
      *into = std::clamp<int64_t>(available, 0, left);
      left -= *into;
    };
    for (const Part part : product_.chargeback_order) {
      if (part == Part::kPrincipal) take(open.principal, &a.principal);
      if (part == Part::kInterest) take(open.interest, &a.interest);
      if (part == Part::kFee) take(open.fee, &a.fee);
      if (part == Part::kPenalty) take(open.penalty, &a.penalty);
    }
  }
  a.principal += left;
  CreditAgain(t, &a);
  return a;
}

// Asks again for what `a` says. Principal that overpaid money covers is paid at once; then `a` says
// how much that was.
void Loan::CreditAgain(const Transaction& t, Allocation* a) {
  if (a->Total() == 0) return;
  charged_back_ += a->principal;
  income_charged_back_.interest += a->interest;
  income_charged_back_.fee += a->fee;
  income_charged_back_.penalty += a->penalty;
  state_ = LoanState::kActive;
  const bool behind = t.day > plan_.periods().back().due;
  const size_t index = behind ? SlotBehind(t.day) : SlotOf(plan_.IndexOf(t.day));
  if (behind) {
    slots_[index].principal += a->principal;
    slots_[index].credited += a->principal;
    slots_[index].interest += a->interest;
  } else {
    plan_.Credit(t.day, a->principal, a->interest);
  }
  for (const bool penalty : {true, false}) {
    const int64_t amount = penalty ? a->penalty : a->fee;
    if (amount == 0) continue;
    AddCharge(kRuleChargeBit | kCreditedBit | (t.id << 1) | (penalty ? 1 : 0), penalty, t.day,
              index, amount);
    for (Charge& charge : charges_) {
      if ((charge.id & kCreditedBit) != 0 && (charge.id & kRuleChargeBit) != 0) {
        charge.credited = true;
      }
    }
  }
  // Money held pays it, in the order in which it was asked for.
  std::vector<Part> order = product_.chargeback_order;
  if (order.empty()) order.push_back(Part::kPrincipal);
  const auto pay = [&](Part part, int64_t* asked) {
    const int64_t held = std::min(*asked, overpaid_);
    if (held == 0) return;
    overpaid_ -= held;
    *asked -= held;
    a->overpaid += held;
    const Date due = DueOf(slots_[index]);
    const bool of_slot = part == Part::kPrincipal || part == Part::kInterest;
    if (of_slot && t.day < due) slots_[index].in_advance += held;
    if (of_slot && t.day > due) slots_[index].late += held;
    if (part == Part::kFee || part == Part::kPenalty) {
      (void)PayCharges(index, part == Part::kPenalty, t.day, held);
    } else if (part == Part::kPrincipal) {
      behind ? void(slots_[index].paid_principal += held)
             : plan_.PayPrincipal(slots_[index].period, t.day, held);
    } else {
      behind ? void(slots_[index].paid_interest += held)
             : plan_.PayInterest(slots_[index].period, held);
    }
  };
  for (const Part part : order) {
    if (part == Part::kPrincipal) pay(part, &a->principal);
    if (part == Part::kInterest) pay(part, &a->interest);
    if (part == Part::kFee) pay(part, &a->fee);
    if (part == Part::kPenalty) pay(part, &a->penalty);
  }
}

// After periods were dropped: what stood in their instalments goes to the last one that is left.
void Loan::DropSlots(size_t periods) {
  Slot& last = slots_[SlotOf(periods - 1)];
  for (Slot& slot : slots_) {
    if (slot.kind != InstalmentKind::kPeriod || slot.period < periods || slot.gone) continue;
    slot.gone = true;
    last.in_advance += slot.in_advance;
    last.late += slot.late;
  }
}

// A slot for every period that has none.
void Loan::AddSlots() {
  for (size_t i = 0; i < plan_.periods().size(); ++i) {
    const bool has = std::any_of(slots_.begin(), slots_.end(), [&](const Slot& slot) {
      return slot.kind == InstalmentKind::kPeriod && slot.period == i && !slot.gone;
    });
    if (has) continue;
    slots_.emplace_back();
    slots_.back().period = i;
  }
  overdue_charged_.resize(plan_.periods().size() * std::max<size_t>(product_.charges.size(), 1));
}

Allocation Loan::Reage(const Transaction& t) {
  const size_t was = plan_.periods().size();
  const Allocation quote = PayOffQuote(t.day);
  // What is open beside the plan moves into it.
  int64_t principal = 0;
  int64_t interest = 0;
  for (Slot& slot : slots_) {
    if (slot.kind == InstalmentKind::kPeriod) continue;
    const int64_t open = slot.principal - slot.paid_principal;
    principal += open;
    interest += slot.interest - slot.paid_interest;
    slot.principal = slot.paid_principal;
    slot.interest = slot.paid_interest;
    const bool down = slot.kind == InstalmentKind::kDownPayment;
    plan_.TakeIn(t.day, down ? open : 0, down ? 0 : open);
  }
  Plan::Dues moved = plan_.Reage(t.day, {t.until, t.count, t.every, t.unit, interest});
  moved.principal += principal;
  const size_t kept = plan_.periods().size() - static_cast<size_t>(t.count);
  for (Slot& slot : slots_) {
    if (slot.kind == InstalmentKind::kPeriod && slot.period >= kept && slot.period < was) {
      slot.gone = true;
    }
  }
  AddSlots();
  MoveCharges();
  Allocation a;
  a.principal = moved.principal;
  // What is owed by the day: interest of the period that has begun is counted, though it is asked
  // for with the first new one in any case.
  a.interest = product_.terms.interest_by_plan ? moved.interest : quote.interest;
  return a;
}

// A charge stays with the instalment that it was in, if that one is left.
void Loan::MoveCharges() {
  for (Charge& charge : charges_) {
    if (slots_[charge.slot].gone) charge.slot = ChargeSlot(charge.due);
  }
}

void Loan::AssignCharges() {
  for (Charge& charge : charges_) {
    if (!charge.credited) charge.slot = ChargeSlot(charge.due);
  }
}

// All principal is due on `day`.
void Loan::Accelerate(Date day) {
  plan_.Accelerate(day);
  DropSlots(plan_.periods().size());
  MoveCharges();
}

// What is not paid, whenever it is due.
Allocation Loan::Open() const {
  Allocation open;
  for (size_t i = 0; i < slots_.size(); ++i) {
    open.principal += UnpaidPart(i, Part::kPrincipal);
    open.interest += UnpaidPart(i, Part::kInterest);
    open.fee += UnpaidPart(i, Part::kFee);
    open.penalty += UnpaidPart(i, Part::kPenalty);
  }
  return open;
}

// Given up in the books; the borrower is still asked for it. The allocation is what was open.
Allocation Loan::ChargeOff(Date day) {
  charged_off_ = true;
  if (product_.charge_off != ChargeOffRule::kRegular && day < plan_.periods().back().to) {
    plan_.PauseInterest(day, plan_.periods().back().to);
    if (product_.charge_off == ChargeOffRule::kAccelerate) Accelerate(day);
  }
  return Open();
}

// The allocation is what is asked for now.
Allocation Loan::Terminate(Date day) {
  terminated_ = true;
  if (day < plan_.periods().back().to) {
    plan_.PauseInterest(day, plan_.periods().back().to);
    Accelerate(day);
  }
  return Open();
}

}  // namespace credence::lending
