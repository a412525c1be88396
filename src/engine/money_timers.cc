// What MoneyState posts when something comes to its time.

#include <algorithm>
#include <set>

#include "src/base/assert.h"
#include "src/engine/money_run.h"

namespace credence::engine {

using lending::Allocation;
using lending::HoldId;
using lending::LoanId;
using record::TimerItem;
using record::TimerKind;

Timestamp StartOfDay(const pack::Pack& pack, Date day) {
  constexpr int64_t kDaysMax = 200'000;  // beyond all instants
  const int64_t days = std::clamp(day.days, -kDaysMax, kDaysMax);
  int64_t seconds = days * 86'400;
  if (pack.zone != nullptr) seconds -= pack.zone->OffsetAtLocal(seconds).offset_before;
  const Int128 ns = Int128{seconds} * kNsPerSecond;
  return Timestamp{static_cast<int64_t>(std::clamp<Int128>(ns, INT64_MIN, INT64_MAX))};
}

namespace {

Timestamp EndOf(const pack::Pack& pack, Date day) { return StartOfDay(pack, day.PlusDays(1)); }

// The last day that is over.
Date LastDayOver(const pack::Pack& pack, Timestamp now) {
  Date day = now.UtcDate().PlusDays(1);
  while (EndOf(pack, day) > now) day = day.PlusDays(-1);
  return day;
}

Status DoesNotFollow(const TimerItem& item) {
  static constexpr const char* kNames[] = {"", "pending transfer", "hold", "loan"};
  return DataLoss("the timer of " + std::string(kNames[static_cast<size_t>(item.kind)]) + " " +
                  ToString(static_cast<Int128>(item.id)) + ", due at " + item.due.ToString() +
                  ", does not follow from the state before it");
}

TimerItem Release(TimerKind kind, int64_t due_ns, UInt128 id, int64_t amount) {
  TimerItem item;
  item.kind = kind;
  item.due = Timestamp{due_ns};
  item.id = id;
  item.amount = amount;
  return item;
}

}  // namespace

Allocation MoneyState::OverdueAt(LoanId id, Date turned) const {
  return loans_.Read(id, turned.PlusDays(1))->Overdue();
}

std::vector<TimerItem> MoneyState::DueTimers(const pack::Pack& pack, Timestamp now,
                                             size_t max) const {
  std::vector<TimerItem> items;
  for (const auto& end : ledger_.PendingDue(now.ns, max)) {
    items.push_back(Release(TimerKind::kPendingOver, end.expires_ns, end.id.value(), end.amount));
  }
  for (const auto& end : limits_.HoldsOver(now.ns, max)) {
    items.push_back(Release(TimerKind::kHoldOver, end.until_ns, end.hold.value(), end.amount));
  }
  std::optional<Date> day;
  Timestamp end;
  for (const auto& due : loans_.DueBy(LastDayOver(pack, now), max)) {
    if (day != due.day) end = EndOf(pack, due.day);
    day = due.day;
    TimerItem item = Release(TimerKind::kDueDayOver, end.ns, due.loan.value(), 0);
    item.day = due.day;
    items.push_back(std::move(item));
  }
  const auto by_order = [](const TimerItem& a, const TimerItem& b) {
    return a.Order() < b.Order();
  };
  std::sort(items.begin(), items.end(), by_order);
  if (items.size() > max) items.resize(max);
  // The first due date that comes after one of these of the same loan.
  std::optional<TimerItem> next;
  for (size_t i = 0; i < items.size(); ++i) {
    TimerItem& item = items[i];
    if (next && next->Order() < item.Order()) {
      items.resize(i);
      break;
    }
    if (item.kind != TimerKind::kDueDayOver) continue;
    const auto loan = loans_.Read(LoanId(static_cast<uint64_t>(item.id)), item.day.PlusDays(1));
    const Allocation overdue = loan->Overdue();
    item.principal = overdue.principal;
    item.interest = overdue.interest;
    item.fee = overdue.fee;
    item.penalty = overdue.penalty;
    for (const lending::Period& period : loan->plan().periods()) {
      if (period.due <= item.day) continue;
      TimerItem after = Release(item.kind, EndOf(pack, period.due).ns, item.id, 0);
      if (!next || after.Order() < next->Order()) next = std::move(after);
      break;
    }
  }
  return items;
}

std::optional<Timestamp> MoneyState::NextTimer(const pack::Pack& pack) const {
  std::optional<Timestamp> next;
  const auto consider = [&next](int64_t due_ns) {
    if (!next || due_ns < next->ns) next = Timestamp{due_ns};
  };
  if (const auto end = ledger_.FirstPendingEnd()) consider(*end);
  for (const auto& end : limits_.HoldsOver(INT64_MAX, 1)) consider(end.until_ns);
  for (const auto& due : loans_.DueBy(Date{INT64_MAX}, 1)) consider(EndOf(pack, due.day).ns);
  return next;
}

Status MoneyState::FireTimers(const pack::Pack& pack, Seq seq, Timestamp now,
                              std::span<TimerItem> items) {
  CREDENCE_TRY(FireReleases(now, items));
  uint32_t first = 0;
  for (TimerItem& item : items) {
    if (item.kind != TimerKind::kDueDayOver) continue;
    CREDENCE_TRY(FireDueDay(pack, seq, now, &first, &item));
  }
  return {};
}

// What pending transfers and holds have is free, the first of each kind that are over.
Status MoneyState::FireReleases(Timestamp now, std::span<const TimerItem> items) {
  const auto count = [items](TimerKind kind) {
    return static_cast<size_t>(std::count_if(
        items.begin(), items.end(), [kind](const TimerItem& item) { return item.kind == kind; }));
  };
  const size_t pending = count(TimerKind::kPendingOver);
  const size_t holds = count(TimerKind::kHoldOver);
  const auto transfers_over = ledger_.PendingDue(now.ns, pending);
  const auto holds_over = limits_.HoldsOver(now.ns, holds);
  size_t transfer = 0;
  size_t hold = 0;
  for (const TimerItem& item : items) {
    if (item.kind == TimerKind::kDueDayOver) continue;
    TimerItem is;
    if (item.kind == TimerKind::kPendingOver && transfer < transfers_over.size()) {
      const auto& end = transfers_over[transfer++];
      is = Release(item.kind, end.expires_ns, end.id.value(), end.amount);
    } else if (item.kind == TimerKind::kHoldOver && hold < holds_over.size()) {
      const auto& end = holds_over[hold++];
      is = Release(item.kind, end.until_ns, end.hold.value(), end.amount);
    }
    if (is != item) return DoesNotFollow(item);
  }
  if (pending > 0) ledger_.ExpireDue(now.ns, pending);
  if (holds > 0) limits_.FreeOver(now.ns, holds);
  return {};
}

Status MoneyState::FireDueDay(const pack::Pack& pack, Seq seq, Timestamp now, uint32_t* first,
                              TimerItem* item) {
  const LoanId id(static_cast<uint64_t>(item->id));
  const auto named = loan_names_.find(id);
  if (named == loan_names_.end() || loans_.NextDue(id) != item->day ||
      EndOf(pack, item->day) != item->due || item->due > now) {
    return DoesNotFollow(*item);
  }
  const LoanEntry& entry = loan_ids_.find(named->second)->second;
  static const EventContext kNoEvent;
  Run run{pack, kNoEvent, nullptr, seq, now};
  run.first_transfer = *first;
  BookOverdue(entry, named->second,
              Allocation{item->principal, item->interest, item->fee, item->penalty, 0}, &run);
  item->refused = PostAll(&run);
  item->transfers = item->refused.empty() ? run.transfers : 0;
  *first += run.tried;
  if (item->refused.empty()) Done(kNoEvent, Seq(), &run);
  loans_.Turn(id, item->day);
  return {};
}

// Lets the books say that this is overdue on the loan.
void MoneyState::BookOverdue(const LoanEntry& entry, const std::string& loan,
                             const Allocation& amounts, Run* run) {
  const auto booked = overdue_.find(entry.id);
  if (booked != overdue_.end()) {
    if (booked->second.amounts == amounts) return;
    Step back;
    back.kind = Step::Kind::kBack;
    back.what = "post overdue";
    back.of = booked->second.transfers;
    run->steps.push_back(std::move(back));
    run->overdue_unbooked.push_back(entry.id);
  }
  const pack::MoneyPlan& money = run->pack.money;
  const std::string_view posting = money.OverduePosting(loans_.ProductOf(entry.id)->name);
  if (posting.empty() || amounts.Total() == 0) return;
  Step step;
  step.posting = posting;
  step.loan = loan;
  step.loan_id = entry.id;
  step.amounts = AmountsOf(amounts);
  step.keys = {{run->pack.schema.entities[*money.borrower].name, entry.owner}};
  step.overdue = amounts;
  run->steps.push_back(std::move(step));
}

// The loans that a run has changed, of which a due date was turned.
void MoneyState::FollowOverdue(Run* run) {
  std::set<LoanId> met;
  for (const auto& [name, entry] : run->changed_loans) {
    const auto turned = loans_.TurnedTo(entry.id);
    if (!turned || !met.insert(entry.id).second) continue;
    if (!overdue_.contains(entry.id) &&
        run->pack.money.OverduePosting(loans_.ProductOf(entry.id)->name).empty()) {
      continue;
    }
    BookOverdue(entry, name, OverdueAt(entry.id, *turned), run);
  }
}

}  // namespace credence::engine
