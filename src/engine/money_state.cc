#include "src/engine/money_state.h"

#include <algorithm>

#include "src/base/assert.h"
#include "src/base/bytes.h"

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

namespace {

// Transfers of an event's decision have ids of their own behind those of the event.
constexpr uint32_t kDecisionTransfers = 1U << 16;
// Transactions of a loan: sequence, then the command of the event.
constexpr int kCommandBits = 8;

Date LocalDay(const pack::Pack& pack, Timestamp time) {
  Int128 seconds = time.ns / kNsPerSecond;
  if (time.ns % kNsPerSecond < 0) --seconds;
  if (pack.zone != nullptr) seconds += pack.zone->OffsetAtUtc(static_cast<int64_t>(seconds));
  Int128 days = seconds / 86'400;
  if (seconds % 86'400 < 0) --days;
  return Date{static_cast<int64_t>(days)};
}

TransactionKind KindOf(MoneyAction action) {
  switch (action) {
    case MoneyAction::kPrepayFewer:
      return TransactionKind::kPrepayFewer;
    case MoneyAction::kPrepaySmaller:
      return TransactionKind::kPrepaySmaller;
    case MoneyAction::kPayOff:
      return TransactionKind::kPayOff;
    case MoneyAction::kMerchantReturn:
      return TransactionKind::kMerchantReturn;
    case MoneyAction::kWriteOff:
      return TransactionKind::kWriteOff;
    case MoneyAction::kRecover:
      return TransactionKind::kRecovery;
    case MoneyAction::kCharge:
      return TransactionKind::kCharge;
    default:
      return TransactionKind::kRepay;
  }
}

bool RestoresLimit(MoneyAction action) {
  return action != MoneyAction::kWriteOff && action != MoneyAction::kRecover &&
         action != MoneyAction::kCharge;
}

std::string StatusText(LimitStatus status) {
  return status == LimitStatus::kApplied ? std::string() : std::string(LimitStatusName(status));
}

}  // namespace

// One going of commands: what they need, what they made, and how to take it back.
struct MoneyState::Run {
  const pack::Pack& pack;
  const EventContext& context;
  const record::DecisionRecord* decision;  // null for the commands of an event
  Seq seq;
  Timestamp now;
  uint32_t command = 0;

  struct Posting {
    std::string name;
    std::string loan;  // its name; empty where there is none
    LoanId loan_id;
    std::map<std::string, int64_t, std::less<>> amounts;
  };
  std::vector<Posting> postings;
  uint32_t transfers = 0;

  std::vector<lending::LimitBook::Saved> limits;
  std::vector<lending::LoanBook::Saved> loans;
  std::vector<Name> new_limits;
  std::vector<Name> new_holds;
  std::vector<std::string> new_loans;
  std::vector<Digest> new_products;

  [[nodiscard]] const std::string* KeyOf(uint32_t entity) const {
    const std::string& name = pack.schema.entities[entity].name;
    for (const auto& [of, key] : context.keys) {
      if (of == name) return &key;
    }
    return nullptr;
  }
  [[nodiscard]] lending::Cause Cause() const {
    return {decision == nullptr ? 0 : decision->seq.value(), 0};
  }
  [[nodiscard]] std::optional<int64_t> AmountOf(const MoneyBinding& binding,
                                                const Call& call) const {
    if (!binding.amount_of_decision) return call.amount;
    if (decision == nullptr || !decision->limit) return std::nullopt;
    return decision->limit->minor;
  }
};

MoneyState::EventContext MoneyState::ContextOf(const pack::Pack& pack, const record::Event& event,
                                               bool of_decision) {
  EventContext context;
  const std::vector<MoneyBinding>* bindings = pack.money.Bindings(event.type);
  if (bindings == nullptr) return context;
  for (uint32_t i = 0; i < bindings->size(); ++i) {
    const MoneyBinding& binding = (*bindings)[i];
    if (binding.when.empty() == of_decision) continue;
    Call call;
    call.binding = i;
    if (binding.amount_field) {
      const Value& amount = event.fields[*binding.amount_field];
      // Without an amount all that is held is captured, and the quote paid.
      const bool optional =
          binding.action == MoneyAction::kCapture || binding.action == MoneyAction::kPayOff;
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
  if (context.calls.empty()) return context;
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
                                                  const record::Event& event) {
  if (pack.money.Bindings(event.type) == nullptr) return std::nullopt;
  EventContext later = ContextOf(pack, event, true);
  if (!later.calls.empty()) {
    waiting_[event.seq] = std::move(later);
    NoteWaiting(event.seq);
  }
  const EventContext context = ContextOf(pack, event, false);
  if (context.calls.empty()) return std::nullopt;
  return Carry(pack, context, event.seq, event.stamp, nullptr);
}

std::optional<MoneyReport> MoneyState::ApplyDecision(const pack::Pack& pack,
                                                     const record::DecisionRecord& decision,
                                                     Timestamp stamp) {
  const Seq asked = decision.parked_seq.value() != 0 ? decision.parked_seq : decision.seq;
  const auto waiting = waiting_.find(asked);
  if (waiting == waiting_.end()) return std::nullopt;
  if (decision.path == record::DecisionPath::kParked) {
    // It waits again, for another source, and is asked for by the sequence of this one.
    if (asked == decision.seq) return std::nullopt;
    NoteWaiting(asked);
    NoteWaiting(decision.seq);
    auto node = waiting_.extract(waiting);
    node.key() = decision.seq;
    waiting_.insert(std::move(node));
    return std::nullopt;
  }
  EventContext context = std::move(waiting->second);
  waiting_.erase(waiting);
  NoteWaiting(asked);
  const std::vector<MoneyBinding>& bindings = *pack.money.Bindings(context.event_type);
  std::erase_if(context.calls, [&](const Call& call) {
    const std::vector<std::string>& when = bindings[call.binding].when;
    return std::find(when.begin(), when.end(), decision.outcome) == when.end();
  });
  if (context.calls.empty()) return std::nullopt;
  return Carry(pack, context, decision.seq, stamp, &decision);
}

MoneyReport MoneyState::Carry(const pack::Pack& pack, const EventContext& context, Seq seq,
                              Timestamp now, const record::DecisionRecord* decision) {
  limits_.Settle(now.ns);
  Run run{pack, context, decision, seq, now, 0, {}, 0, {}, {}, {}, {}, {}, {}};
  MoneyReport report;
  const std::vector<MoneyBinding>& bindings = *pack.money.Bindings(context.event_type);
  for (const Call& call : context.calls) {
    const MoneyBinding& binding = bindings[call.binding];
    run.command = call.binding;
    report.status = Execute(call, &run);
    if (report.status.empty()) continue;
    report.refused = MoneyActionName(binding.action);
    if (binding.action == MoneyAction::kPost) {
      report.refused += " " + binding.post;
    } else if (binding.action >= MoneyAction::kLend) {
      report.refused += " " + pack.money.loans[binding.target].product->name;
    } else {
      report.refused += " " + pack.money.limits[binding.target].name;
    }
    Undo(&run);
    return report;
  }
  report.status = PostAll(&run);
  if (!report.status.empty()) {
    report.refused = "post " + run.postings.front().name;
    Undo(&run);
    return report;
  }
  report.applied = static_cast<uint32_t>(context.calls.size());
  report.transfers = run.transfers;
  return report;
}

std::string MoneyState::Execute(const Call& call, Run* run) {
  const MoneyBinding& binding = (*run->pack.money.Bindings(run->context.event_type))[call.binding];
  if (!call.complete) return "no_key";
  if (binding.amount_of_decision && !run->AmountOf(binding, call)) return "no_key";
  switch (binding.action) {
    case MoneyAction::kGrant:
    case MoneyAction::kFreeze:
    case MoneyAction::kUnfreeze:
    case MoneyAction::kRestore:
      return ExecuteLimit(binding, call, run);
    case MoneyAction::kHold:
    case MoneyAction::kCapture:
    case MoneyAction::kRelease:
      return ExecuteUse(binding, call, run);
    case MoneyAction::kLend:
      return ExecuteLend(binding, call, run);
    case MoneyAction::kPost:
      run->postings.push_back(
          {binding.post, {}, LoanId(), {{"amount", run->AmountOf(binding, call).value_or(0)}}});
      return {};
    default:
      return ExecuteTransaction(binding, call, run);
  }
}

void MoneyState::Keep(LimitId limit, HoldId hold, Run* run) {
  run->limits.push_back(limits_.Save(limit, hold));
}

std::string MoneyState::ExecuteLimit(const MoneyBinding& binding, const Call& call, Run* run) {
  const pack::LimitDecl& decl = run->pack.money.limits[binding.target];
  const std::string* key = run->KeyOf(decl.entity);
  if (key == nullptr) return "no_key";
  const Name name{decl.name, *key};
  const int64_t amount = run->AmountOf(binding, call).value_or(0);
  const auto found = limit_ids_.find(name);
  if (found == limit_ids_.end()) {
    if (binding.action != MoneyAction::kGrant) return "not_found";
    std::optional<LimitId> parent;
    if (decl.within) {
      const pack::LimitDecl& above = run->pack.money.limits[*decl.within];
      const std::string* above_key = run->KeyOf(above.entity);
      if (above_key == nullptr) return "no_key";
      const auto at = limit_ids_.find({above.name, *above_key});
      if (at == limit_ids_.end()) return "parent_not_found";
      parent = at->second;
    }
    const LimitId id(limit_ids_.size() + 1);
    Keep(id, HoldId(), run);
    std::string status = StatusText(limits_.Grant(run->now.ns, id, parent, amount, run->Cause()));
    if (!status.empty()) return status;
    limit_ids_.emplace(name, id);
    Note(kLimitNames, name);
    run->new_limits.push_back(name);
  } else {
    const LimitId id = found->second;
    Keep(id, HoldId(), run);
    LimitStatus status = LimitStatus::kApplied;
    if (binding.action == MoneyAction::kGrant) {
      status = limits_.SetAmount(run->now.ns, id, amount, run->Cause());
    } else if (binding.action == MoneyAction::kFreeze) {
      status = limits_.Freeze(run->now.ns, id, run->Cause());
    } else if (binding.action == MoneyAction::kUnfreeze) {
      status = limits_.Unfreeze(run->now.ns, id, run->Cause());
    } else {
      status = limits_.Restore(run->now.ns, id, amount);
    }
    if (status != LimitStatus::kApplied) return StatusText(status);
  }
  if (!binding.post.empty()) {
    run->postings.push_back({binding.post, {}, LoanId(), {{"amount", amount}}});
  }
  return {};
}

std::string MoneyState::ExecuteUse(const MoneyBinding& binding, const Call& call, Run* run) {
  const pack::LimitDecl& decl = run->pack.money.limits[binding.target];
  const Name name{decl.name, call.by};
  const auto held = hold_ids_.find(name);
  std::optional<int64_t> amount = run->AmountOf(binding, call);
  if (binding.action == MoneyAction::kHold) {
    const std::string* key = run->KeyOf(decl.entity);
    if (key == nullptr) return "no_key";
    const auto limit = limit_ids_.find({decl.name, *key});
    if (limit == limit_ids_.end()) return "not_found";
    if (held != hold_ids_.end()) return "already_exists";
    const HoldId id(hold_ids_.size() + 1);
    Keep(limit->second, id, run);
    const Int128 until = Int128{run->now.ns} + binding.hold_ns;
    std::string status =
        StatusText(limits_.Hold(run->now.ns, id, limit->second, amount.value_or(0),
                                until > INT64_MAX ? INT64_MAX : static_cast<int64_t>(until)));
    if (!status.empty()) return status;
    hold_ids_.emplace(name, id);
    Note(kHoldNames, name);
    run->new_holds.push_back(name);
  } else {
    if (held == hold_ids_.end()) return "not_found";
    const HoldId id = held->second;
    if (!amount) amount = limits_.HeldBy(id, run->now.ns).value_or(1);
    // The limit of the hold is kept with it.
    Keep(LimitId(), id, run);
    const LimitStatus status = binding.action == MoneyAction::kCapture
                                   ? limits_.Capture(run->now.ns, id, *amount)
                                   : limits_.Release(run->now.ns, id);
    if (status != LimitStatus::kApplied) return StatusText(status);
  }
  if (!binding.post.empty()) {
    run->postings.push_back({binding.post, {}, LoanId(), {{"amount", amount.value_or(0)}}});
  }
  return {};
}

// Room for a loan: held and captured at once.
std::string MoneyState::TakeRoom(LimitId limit, int64_t amount, Run* run) {
  const HoldId id(hold_ids_.size() + 1);
  Keep(limit, id, run);
  std::string held = StatusText(limits_.Hold(run->now.ns, id, limit, amount, INT64_MAX));
  if (!held.empty()) return held;
  // No name of a limit is empty, so no hold of an event has this one.
  const Name name{"", std::to_string(id.value())};
  hold_ids_.emplace(name, id);
  Note(kHoldNames, name);
  run->new_holds.push_back(name);
  return StatusText(limits_.Capture(run->now.ns, id, amount));
}

std::string MoneyState::ExecuteLend(const MoneyBinding& binding, const Call& call, Run* run) {
  const pack::MoneyPlan& money = run->pack.money;
  const pack::LoanDecl& decl = money.loans[binding.target];
  const std::string* owner = run->KeyOf(*money.borrower);
  if (owner == nullptr) return "no_key";
  LoanEntry entry{LoanId(loan_ids_.size() + 1), *owner, std::nullopt};
  if (decl.limit) {
    const pack::LimitDecl& limit = money.limits[*decl.limit];
    const std::string* key = run->KeyOf(limit.entity);
    if (key == nullptr) return "no_key";
    const auto found = limit_ids_.find({limit.name, *key});
    if (found == limit_ids_.end()) return "not_found";
    entry.limit = found->second;
  }
  if (loan_ids_.contains(call.by)) return "already_exists";
  const int64_t amount = run->AmountOf(binding, call).value_or(0);
  if (entry.limit) {
    std::string status = TakeRoom(*entry.limit, amount, run);
    if (!status.empty()) return status;
  }
  run->loans.push_back(loans_.Save(entry.id));
  const uint64_t transaction = (run->seq.value() << kCommandBits) | run->command;
  const lending::BookResult result =
      loans_.Open(entry.id, decl.product, run->context.day, amount, transaction);
  if (!result.ok()) return std::string(BookResultName(result));
  if (!binding.post.empty()) {
    run->postings.push_back({binding.post, call.by, entry.id, {{"principal", amount}}});
  }
  by_owner_.emplace(entry.owner, entry.id);
  loan_ids_.emplace(call.by, std::move(entry));
  Note(kLoanNames, {call.by, {}});
  run->new_loans.push_back(call.by);
  if (products_.emplace(decl.product->digest, run->pack.digest).second) {
    NoteProduct(decl.product->digest);
    run->new_products.push_back(decl.product->digest);
  }
  return {};
}

std::string MoneyState::ExecuteTransaction(const MoneyBinding& binding, const Call& call,
                                           Run* run) {
  const auto found = loan_ids_.find(call.by);
  if (found == loan_ids_.end()) return "not_found";
  const LoanEntry& entry = found->second;
  const pack::LoanDecl& decl = run->pack.money.loans[binding.target];
  if (loans_.ProductOf(entry.id)->name != decl.product->name) return "not_found";
  lending::Transaction transaction;
  transaction.id = (run->seq.value() << kCommandBits) | run->command;
  transaction.kind = KindOf(binding.action);
  transaction.day = run->context.day;
  transaction.amount_minor = run->AmountOf(binding, call).value_or(0);
  if (binding.action == MoneyAction::kPayOff && !run->AmountOf(binding, call)) {
    const auto loan = loans_.Read(entry.id, transaction.day);
    if (loan->today() > transaction.day) return "bad_dates";
    transaction.amount_minor = loan->PayOffQuote(transaction.day).Total();
  }
  run->loans.push_back(loans_.Save(entry.id));
  const lending::BookResult result = loans_.Apply(entry.id, transaction);
  if (!result.ok()) return std::string(BookResultName(result));
  const lending::Allocation& fell = result.allocation;
  if (entry.limit && RestoresLimit(binding.action) && fell.principal > 0) {
    Keep(*entry.limit, HoldId(), run);
    std::string status = StatusText(limits_.Restore(run->now.ns, *entry.limit, fell.principal));
    if (!status.empty()) return status;
  }
  if (!binding.post.empty()) {
    Run::Posting posting{binding.post, call.by, entry.id, {}};
    posting.amounts = {{"principal", fell.principal},
                       {"interest", fell.interest},
                       {"fee", fell.fee},
                       {"penalty", fell.penalty},
                       {"overpaid", fell.overpaid}};
    run->postings.push_back(std::move(posting));
  }
  return {};
}

// The account of a role for this event: found, or opened.
AccountId MoneyState::AccountOf(const Run& run, std::string_view role, const std::string& loan) {
  for (const pack::RoleDecl& decl : run.pack.money.roles) {
    if (decl.name != role) continue;
    Name name{decl.name, {}};
    if (decl.per == pack::RoleDecl::Per::kLoan) name.second = loan;
    if (decl.per == pack::RoleDecl::Per::kEntity) {
      const std::string* key = run.KeyOf(decl.entity);
      if (key == nullptr) return AccountId();
      name.second = *key;
    }
    const auto found = accounts_.find(name);
    if (found != accounts_.end()) return found->second;
    ledger::AccountSpec spec;
    spec.id = AccountId(accounts_.size() + 1);
    spec.currency = run.pack.schema.base_currency;
    spec.code = decl.code;
    spec.flags = decl.flags;
    const auto status = ledger_.CreateAccount(run.now.ns, spec);
    CREDENCE_ASSERT(status == ledger::AccountStatus::kCreated);
    Note(kAccountNames, name);
    accounts_.emplace(std::move(name), spec.id);
    return spec.id;
  }
  return AccountId();
}

// All postings as one chain of transfers.
std::string MoneyState::PostAll(Run* run) {
  std::vector<TransferSpec> chain;
  for (const Run::Posting& posting : run->postings) {
    // A template says which amounts it knows; the others are not its business.
    ledger::PostingRequest request;
    request.name = posting.name;
    const std::vector<std::string> used = run->pack.money.postings.AmountsOf(posting.name);
    for (const auto& [name, amount] : posting.amounts) {
      if (std::find(used.begin(), used.end(), name) != used.end()) {
        request.amounts.emplace(name, amount);
      }
    }
    request.currencies[0] = run->pack.schema.base_currency;
    bool missing = false;
    request.account = [&](std::string_view role, Currency) {
      const AccountId id = AccountOf(*run, role, posting.loan);
      missing = missing || id == AccountId();
      return id;
    };
    request.seq = run->seq;
    request.first_index =
        static_cast<uint32_t>(chain.size()) + (run->decision == nullptr ? 0 : kDecisionTransfers);
    request.user_64 = posting.loan_id.value();
    const auto transfers = run->pack.money.postings.Post(request);
    if (missing) return "no_key";
    if (!transfers.ok()) {
      return transfers.status().code() == StatusCode::kOutOfRange ? "amount_too_large"
                                                                  : "amount_negative";
    }
    for (TransferSpec transfer : *transfers) {
      if (!chain.empty()) chain.back().flags |= ledger::transfer_flag::kLinked;
      chain.push_back(transfer);
    }
  }
  if (chain.empty()) return {};
  std::vector<TransferStatus> statuses(chain.size());
  ledger_.CreateTransfers(run->now.ns, chain, statuses);
  for (const TransferStatus status : statuses) {
    if (status == TransferStatus::kCreated || status == TransferStatus::kLinkedEventFailed) {
      continue;
    }
    return std::string(TransferStatusName(status));
  }
  run->transfers = static_cast<uint32_t>(chain.size());
  return {};
}

void MoneyState::Undo(Run* run) {
  for (const std::string& name : run->new_loans) {
    const auto loan = loan_ids_.find(name);
    const auto [first, last] = by_owner_.equal_range(loan->second.owner);
    for (auto at = first; at != last; ++at) {
      if (at->second != loan->second.id) continue;
      by_owner_.erase(at);
      break;
    }
    loan_ids_.erase(loan);
    Note(kLoanNames, {name, {}});
  }
  for (const Digest& product : run->new_products) {
    products_.erase(product);
    NoteProduct(product);
  }
  for (const Name& name : run->new_holds) {
    hold_ids_.erase(name);
    Note(kHoldNames, name);
  }
  for (const Name& name : run->new_limits) {
    limit_ids_.erase(name);
    Note(kLimitNames, name);
  }
  for (auto at = run->loans.rbegin(); at != run->loans.rend(); ++at) loans_.PutBack(*at);
  for (auto at = run->limits.rbegin(); at != run->limits.rend(); ++at) limits_.PutBack(*at);
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

bool MoneyState::empty() const {
  return accounts_.empty() && limit_ids_.empty() && hold_ids_.empty() && loan_ids_.empty() &&
         waiting_.empty();
}

MoneyState MoneyState::Copy() const {
  MoneyState copy;
  std::vector<std::pair<std::string, std::string>> rows;
  ledger_.VisitRows([&](std::string_view key, std::string_view value) {
    rows.emplace_back(std::string(key), std::string(value));
  });
  std::vector<std::pair<std::string_view, std::string_view>> views(rows.begin(), rows.end());
  auto ledger = ledger::Ledger::FromRows(views);
  CREDENCE_ASSERT(ledger.ok());
  copy.ledger_ = std::move(*ledger);
  copy.limits_ = limits_;
  copy.loans_ = loans_;
  copy.accounts_ = accounts_;
  copy.limit_ids_ = limit_ids_;
  copy.hold_ids_ = hold_ids_;
  copy.loan_ids_ = loan_ids_;
  copy.waiting_ = waiting_;
  copy.by_owner_ = by_owner_;
  copy.products_ = products_;
  return copy;
}

}  // namespace credence::engine
