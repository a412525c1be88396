#include "src/engine/money_state.h"

#include <algorithm>

#include "src/base/assert.h"
#include "src/base/bytes.h"
#include "src/engine/money_run.h"

namespace credence::engine {

using ledger::AccountId;
using ledger::TransferSpec;
using ledger::TransferStatus;
using lending::HoldId;
using lending::LimitId;
using lending::LimitStatus;
using lending::LoanId;
using lending::TransactionKind;
using pack::MoneyAction;
using pack::MoneyBinding;
using record::Value;

Date LocalDay(const pack::Pack& pack, Timestamp time) {
  Int128 seconds = time.ns / kNsPerSecond;
  if (time.ns % kNsPerSecond < 0) --seconds;
  if (pack.zone != nullptr) seconds += pack.zone->OffsetAtUtc(static_cast<int64_t>(seconds));
  Int128 days = seconds / 86'400;
  if (seconds % 86'400 < 0) --days;
  return Date{static_cast<int64_t>(days)};
}

MoneyState::EventContext MoneyState::ContextOf(const pack::Pack& pack, const record::Event& event,
                                               bool of_decision) {
  EventContext context;
  const std::vector<MoneyBinding>* bindings = pack.money.Bindings(event.type);
  for (uint32_t i = 0; bindings != nullptr && i < bindings->size(); ++i) {
    const MoneyBinding& binding = (*bindings)[i];
    if (binding.when.empty() == of_decision) continue;
    Call call;
    call.binding = i;
    if (binding.amount_field) {
      const Value& amount = event.fields[*binding.amount_field];
      // Without an amount all that is held is captured, or settled, and the quote paid.
      const bool optional = binding.action == MoneyAction::kCapture ||
                            binding.action == MoneyAction::kPayOff ||
                            binding.action == MoneyAction::kSettle;
      call.complete = optional || !amount.absent();
      if (!amount.absent()) call.amount = amount.base_minor();
    }
    if (binding.by_field) {
      const Value& by = event.fields[*binding.by_field];
      if (by.absent()) {
        call.complete = false;
      } else {
        call.by = by.text();
      }
    }
    context.calls.push_back(std::move(call));
  }
  if (of_decision && context.calls.empty()) return context;
  context.event = event.seq;
  context.event_type = event.type;
  context.day = LocalDay(pack, event.time);
  for (const record::EntityKey& key : pack.schema.event_types[event.type].keys) {
    const Value& value = event.fields[key.field];
    if (value.absent()) continue;
    context.keys.emplace_back(pack.schema.entities[key.entity].name, std::string(value.text()));
  }
  return context;
}

std::optional<MoneyReport> MoneyState::ApplyEvent(const pack::Pack& pack,
                                                  const record::Event& event, Seq reversed) {
  const bool undoes = effects_.contains(reversed);
  if (!undoes && pack.money.Bindings(event.type) == nullptr) return std::nullopt;
  EventContext later = ContextOf(pack, event, true);
  if (!later.calls.empty()) {
    if (pack.schema.event_types[event.type].reversible) {
      Before(&effects_, event.seq);
      effects_[event.seq].waiting = event.seq;
      NoteEffects(event.seq);
    }
    Before(&waiting_, event.seq);
    waiting_[event.seq] = std::move(later);
    NoteWaiting(event.seq);
  }
  const EventContext context = ContextOf(pack, event, false);
  if (context.calls.empty() && !undoes) return std::nullopt;
  return Carry(pack, context, event.seq, event.stamp, nullptr, reversed);
}

std::optional<MoneyReport> MoneyState::ApplyDecision(const pack::Pack& pack,
                                                     const record::DecisionRecord& decision,
                                                     Timestamp stamp) {
  const Seq asked = decision.parked_seq.value() != 0 ? decision.parked_seq : decision.seq;
  const auto waiting = waiting_.find(asked);
  if (waiting == waiting_.end()) return std::nullopt;
  const bool waits_again = decision.path == record::DecisionPath::kParked;
  if (waits_again && asked == decision.seq) return std::nullopt;
  Before(&waiting_, asked);
  EventContext context = std::move(waiting->second);
  waiting_.erase(waiting);
  NoteWaiting(asked);
  const auto effects = effects_.find(context.event);
  if (effects != effects_.end()) {
    Before(&effects_, context.event);
    effects->second.waiting = waits_again ? decision.seq : Seq();
    NoteEffects(context.event);
  }
  if (waits_again) {
    // It waits for another source, and is asked for by the sequence of this one.
    Before(&waiting_, decision.seq);
    waiting_[decision.seq] = std::move(context);
    NoteWaiting(decision.seq);
    return std::nullopt;
  }
  const std::vector<MoneyBinding>& bindings = *pack.money.Bindings(context.event_type);
  std::erase_if(context.calls, [&](const Call& call) {
    const std::vector<std::string>& when = bindings[call.binding].when;
    return std::find(when.begin(), when.end(), decision.outcome) == when.end();
  });
  if (context.calls.empty()) return std::nullopt;
  return Carry(pack, context, decision.seq, stamp, &decision, Seq());
}

MoneyReport MoneyState::Carry(const pack::Pack& pack, const EventContext& context, Seq seq,
                              Timestamp now, const record::DecisionRecord* decision, Seq reversed) {
  limits_.Settle(now.ns);
  Run run{pack, context, decision, seq, now};
  MoneyReport report;
  const auto refuse = [&](std::string what) {
    report.refused = std::move(what);
    Undo(&run);
    return report;
  };
  const auto undone = effects_.find(reversed);
  if (undone != effects_.end()) {
    const std::vector<Effect>& list = undone->second.list;
    for (auto effect = list.rbegin(); effect != list.rend(); ++effect) {
      report.status = UndoEffect(*effect, &run);
      if (!report.status.empty()) return refuse("reverse " + effect->what);
    }
    // The posting beside a command is no command of its own.
    run.reversed =
        static_cast<uint32_t>(std::count_if(list.begin(), list.end(), [](const Effect& effect) {
          return effect.kind != EffectKind::kPost || effect.what.starts_with("post ");
        }));
  }
  for (const Call& call : context.calls) {
    const MoneyBinding& binding = (*pack.money.Bindings(context.event_type))[call.binding];
    run.command = call.binding;
    const size_t made = run.effects.size();
    const std::string what = pack::MoneyCommandName(pack.money, binding);
    report.status = Execute(call, &run);
    if (!report.status.empty()) return refuse(what);
    for (size_t i = made; i < run.effects.size(); ++i) run.effects[i].what = what;
  }
  FollowOverdue(&run);
  report.status = PostAll(&run);
  if (!report.status.empty()) return refuse(std::move(run.failed));
  Done(context, reversed, &run);
  report.applied = static_cast<uint32_t>(context.calls.size());
  report.reversed = run.reversed;
  report.transfers = run.transfers;
  return report;
}

void MoneyState::Forget(Seq event) {
  Before(&effects_, event);
  if (effects_.erase(event) > 0) NoteEffects(event);
}

void MoneyState::ForgetUnless(const std::function<bool(Seq event)>& keep) {
  for (auto at = effects_.begin(); at != effects_.end();) {
    if (keep(at->first)) {
      ++at;
      continue;
    }
    NoteEffects(at->first);
    at = effects_.erase(at);
  }
}

// --- reads ---

std::optional<lending::LimitView> MoneyState::Limit(std::string_view name, std::string_view key,
                                                    Timestamp now) const {
  const auto found = limit_ids_.find({std::string(name), std::string(key)});
  if (found == limit_ids_.end()) return std::nullopt;
  return limits_.View(found->second, now.ns);
}

std::optional<lending::Loan> MoneyState::LoanNamed(std::string_view name, Date today) const {
  const auto found = loan_ids_.find(name);
  if (found == loan_ids_.end()) return std::nullopt;
  return loans_.Read(found->second.id, today);
}

std::optional<LoanId> MoneyState::LoanIdOf(std::string_view name) const {
  const auto found = loan_ids_.find(name);
  if (found == loan_ids_.end()) return std::nullopt;
  return found->second.id;
}

lending::Allocation MoneyState::BookedOverdue(std::string_view loan) const {
  const auto named = loan_ids_.find(loan);
  if (named == loan_ids_.end()) return {};
  const auto found = overdue_.find(named->second.id);
  return found == overdue_.end() ? lending::Allocation() : found->second.amounts;
}

std::vector<MoneyState::NamedAccount> MoneyState::Accounts() const {
  std::vector<NamedAccount> list;
  for (const auto& [name, id] : accounts_) list.push_back({name.first, name.second, id});
  return list;
}

namespace {

struct LoanFigures {
  int64_t outstanding = 0;
  int64_t overdue = 0;
  int64_t days_past_due = 0;
  int64_t open = 0;
};

void Add(const lending::Loan& loan, Date today, LoanFigures* figures) {
  if (loan.state() != lending::LoanState::kActive) return;
  ++figures->open;
  figures->outstanding += loan.totals().principal_outstanding;
  figures->overdue += loan.Overdue().Total();
  figures->days_past_due =
      std::max(figures->days_past_due, lending::DaysPastDue(loan.OldestUnpaidDue(), today, 0, {}));
}

Value LimitValue(const lending::LimitView& view, pack::MoneySlotKind what, Currency currency) {
  const auto money = [currency](int64_t minor) {
    return Value::OfMoney(Money{minor, currency}, minor);
  };
  switch (what) {
    case pack::MoneySlotKind::kHeadroom:
      return money(view.headroom);
    case pack::MoneySlotKind::kExposure:
      return money(view.exposure);
    case pack::MoneySlotKind::kGranted:
      return money(view.granted);
    case pack::MoneySlotKind::kCommitted:
      return money(view.committed);
    case pack::MoneySlotKind::kHeld:
      return money(view.held);
    default:
      return Value::Boolean(view.frozen);
  }
}

}  // namespace

void MoneyState::ReadSlots(const pack::Pack& pack, const decision::DecisionPlan& plan,
                           const record::Event& event, std::span<Value> slots) const {
  const Currency currency = pack.schema.base_currency;
  const Date today = LocalDay(pack, event.time);
  std::optional<LoanFigures> figures;  // of the one borrower
  for (const decision::MoneySlot& slot : plan.money) {
    const Value& key = event.fields[slot.field];
    const auto what = static_cast<pack::MoneySlotKind>(slot.what);
    slots[slot.slot] = Value::Absent();
    if (key.absent()) continue;
    if (what < pack::MoneySlotKind::kOutstanding) {
      const auto view = Limit(pack.money.limits[slot.limit].name, key.text(), event.stamp);
      if (view) slots[slot.slot] = LimitValue(*view, what, currency);
      continue;
    }
    if (!figures) {
      figures.emplace();
      const auto [first, last] = by_owner_.equal_range(key.text());
      for (auto at = first; at != last; ++at) {
        const auto loan = loans_.Read(at->second, today);
        Add(*loan, std::max(today, loan->today()), &*figures);
      }
    }
    switch (what) {
      case pack::MoneySlotKind::kOutstanding:
        slots[slot.slot] =
            Value::OfMoney(Money{figures->outstanding, currency}, figures->outstanding);
        break;
      case pack::MoneySlotKind::kOverdue:
        slots[slot.slot] = Value::OfMoney(Money{figures->overdue, currency}, figures->overdue);
        break;
      case pack::MoneySlotKind::kDaysPastDue:
        slots[slot.slot] = Value::Integer(figures->days_past_due);
        break;
      default:
        slots[slot.slot] = Value::Integer(figures->open);
    }
  }
}

// --- the whole of it ---

MoneyState::Trial::Trial(MoneyState* money)
    : money_(*money),
      names_(money->changed_names_.size()),
      waiting_(money->changed_waiting_.size()),
      products_(money->changed_products_.size()),
      bookings_(money->changed_bookings_.size()),
      effects_(money->changed_effects_.size()),
      overdue_(money->changed_overdue_.size()),
      loans_(money->loans_.NotedChanges()) {
  CREDENCE_ASSERT(money->trial_ == nullptr);
  money->trial_ = &undo_;
  money->ledger_.BeginTrial();
  money->limits_.BeginTrial();
}

MoneyState::Trial::~Trial() {
  money_.trial_ = nullptr;
  for (auto undo = undo_.rbegin(); undo != undo_.rend(); ++undo) (*undo)();
  money_.limits_.EndTrial();
  money_.ledger_.EndTrial();
  money_.loans_.ForgetNotedBehind(loans_);
  money_.changed_names_.resize(names_);
  money_.changed_waiting_.resize(waiting_);
  money_.changed_products_.resize(products_);
  money_.changed_bookings_.resize(bookings_);
  money_.changed_effects_.resize(effects_);
  money_.changed_overdue_.resize(overdue_);
}

}  // namespace credence::engine
