// What a run of MoneyState does in the ledger, and how it ends.

#include <algorithm>

#include "src/base/assert.h"
#include "src/engine/money_run.h"

namespace credence::engine {

using ledger::AccountId;
using ledger::TransferId;
using ledger::TransferSpec;
using ledger::TransferStatus;
using lending::HoldId;
using lending::LoanId;
using lending::TransactionKind;
namespace flag = ledger::transfer_flag;

namespace {

// Transfers of an event's decision have ids of their own behind those of the event.
constexpr uint32_t kDecisionTransfers = 1U << 16;

// Whether principal that falls under the transaction is owed less on the limit (1), or again (-1).
int PaysLimit(TransactionKind kind) {
  switch (kind) {
    case TransactionKind::kRepay:
    case TransactionKind::kPrepayFewer:
    case TransactionKind::kPrepaySmaller:
    case TransactionKind::kPayOff:
    case TransactionKind::kMerchantReturn:
    case TransactionKind::kMerchantRefund:
    case TransactionKind::kPayoutRefund:
    case TransactionKind::kGoodwill:
      return 1;
    case TransactionKind::kChargeback:
    case TransactionKind::kRefundOverpaid:
      return -1;
    default:
      return 0;
  }
}

}  // namespace

std::map<std::string, int64_t, std::less<>> MoneyState::AmountsOf(const lending::Allocation& fell) {
  return {{"principal", fell.principal},
          {"interest", fell.interest},
          {"fee", fell.fee},
          {"penalty", fell.penalty},
          {"overpaid", fell.overpaid}};
}

std::string MoneyState::Follow(const LoanEntry& entry, const std::string& loan,
                               uint64_t transaction,
                               const std::vector<lending::BookResult::Moved>& moved, Run* run) {
  int64_t paid = 0;
  for (const lending::BookResult::Moved& one : moved) {
    paid += PaysLimit(one.kind) * (one.after.principal - one.before.principal);
    if (one.transaction == transaction || one.kind == TransactionKind::kDraw) continue;
    const auto booking = bookings_.find({entry.id, one.transaction});
    if (booking == bookings_.end()) continue;
    Step back;
    back.kind = Step::Kind::kBack;
    back.what = "post " + booking->second.posting;
    back.of = booking->second.transfers;
    run->steps.push_back(std::move(back));
    Step again;
    again.posting = booking->second.posting;
    again.loan = loan;
    again.loan_id = entry.id;
    again.amounts = AmountsOf(one.after);
    again.keys = booking->second.keys;
    again.books = one.transaction;
    run->steps.push_back(std::move(again));
  }
  return FollowLimit(entry, paid, run);
}

std::string MoneyState::FollowLimit(const LoanEntry& entry, int64_t paid, Run* run) {
  if (!entry.limit || paid == 0) return {};
  Keep(*entry.limit, HoldId(), run);
  const auto status = paid > 0 ? limits_.Restore(run->now.ns, *entry.limit, paid)
                               : limits_.Reinstate(run->now.ns, *entry.limit, -paid);
  return status == lending::LimitStatus::kApplied ? std::string()
                                                  : std::string(LimitStatusName(status));
}

// The account of a role for these keys: found, or opened.
AccountId MoneyState::AccountOf(const Run& run, const std::vector<Name>& keys,
                                std::string_view role, const std::string& loan) {
  for (const pack::RoleDecl& decl : run.pack.money.roles) {
    if (decl.name != role) continue;
    Name name{decl.name, {}};
    if (decl.per == pack::RoleDecl::Per::kLoan) name.second = loan;
    if (decl.per == pack::RoleDecl::Per::kEntity) {
      const std::string& entity = run.pack.schema.entities[decl.entity].name;
      const auto key = std::find_if(keys.begin(), keys.end(),
                                    [&](const Name& of) { return of.first == entity; });
      if (key == keys.end()) return AccountId();
      name.second = key->second;
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
    Before(&accounts_, name);
    accounts_.emplace(std::move(name), spec.id);
    return spec.id;
  }
  return AccountId();
}

// The transfers of a template.
std::string MoneyState::StepTransfers(const Run& run, const Step& step, uint32_t first,
                                      std::vector<TransferSpec>* out) {
  if (!run.pack.money.postings.Has(step.posting)) return "not_found";
  // A template says which amounts it knows; the others are not its business.
  ledger::PostingRequest request;
  request.name = step.posting;
  const std::vector<std::string> used = run.pack.money.postings.AmountsOf(step.posting);
  for (const auto& [name, amount] : step.amounts) {
    if (std::find(used.begin(), used.end(), name) != used.end()) {
      request.amounts.emplace(name, amount);
    }
  }
  request.currencies[0] = run.pack.schema.base_currency;
  bool missing = false;
  request.account = [&](std::string_view role, Currency) {
    const AccountId id = AccountOf(run, step.keys, role, step.loan);
    missing = missing || id == AccountId();
    return id;
  };
  request.seq = run.seq;
  request.first_index = first;
  request.user_64 = step.loan_id.value();
  if (step.kind == Step::Kind::kPend) {
    request.flags = flag::kPending;
    request.timeout_s = step.timeout_s;
  }
  auto transfers = run.pack.money.postings.Post(request);
  if (missing) return "no_key";
  if (!transfers.ok()) {
    return transfers.status().code() == StatusCode::kOutOfRange ? "amount_too_large"
                                                                : "amount_negative";
  }
  *out = std::move(*transfers);
  return {};
}

// The transfers that answer others: posts, voids and opposites, and what is held again.
std::string MoneyState::AnswerTransfers(const Run& run, const Step& step, uint32_t first,
                                        std::vector<TransferSpec>* out) const {
  using Kind = Step::Kind;
  for (uint32_t i = 0; i < step.of.count; ++i) {
    // What was made last is taken back first.
    const uint32_t at = step.kind == Kind::kBack ? step.of.count - 1 - i : i;
    const TransferId of = ledger::EngineTransferId(step.of.seq, step.of.first + at);
    const ledger::Transfer* was = ledger_.FindTransfer(of);
    if (was == nullptr) return "not_found";
    TransferSpec spec;
    const int64_t left_ns = was->expires_ns == INT64_MAX ? 1 : was->expires_ns - run.now.ns;
    switch (step.kind) {
      case Kind::kVoidOpen:
        if (was->state == ledger::PendingState::kVoided || left_ns <= 0) continue;
        [[fallthrough]];
      case Kind::kVoid:
        spec.pending_id = of;
        spec.flags = flag::kVoid;
        break;
      case Kind::kSettle:
        spec.pending_id = of;
        spec.flags = flag::kPost;
        spec.amount = step.part.value_or(ledger::kAmountMax);
        break;
      case Kind::kPendAgain:
        if (left_ns <= 0) continue;
        spec = was->spec;
        spec.flags = flag::kPending;
        if (spec.timeout_s != 0) {
          spec.timeout_s = static_cast<uint32_t>((left_ns + kNsPerSecond - 1) / kNsPerSecond);
        }
        break;
      default:
        spec = was->spec;
        spec.flags = 0;
        spec.timeout_s = 0;
        spec.pending_id = TransferId();
        std::swap(spec.debit_account, spec.credit_account);
        break;
    }
    spec.id = ledger::EngineTransferId(run.seq, first + static_cast<uint32_t>(out->size()));
    out->push_back(spec);
  }
  return {};
}

// All steps as one chain of transfers.
std::string MoneyState::PostAll(Run* run) {
  const uint32_t base = run->decision == nullptr ? run->first_transfer : kDecisionTransfers;
  std::vector<TransferSpec> chain;
  std::vector<const Step*> steps_of;
  const auto label = [](const Step& step) {
    return step.what.empty() ? "post " + step.posting : step.what;
  };
  for (Step& step : run->steps) {
    const auto first = base + static_cast<uint32_t>(chain.size());
    std::vector<TransferSpec> made;
    const bool of_template = step.kind == Step::Kind::kPost || step.kind == Step::Kind::kPend;
    std::string status = of_template ? StepTransfers(*run, step, first, &made)
                                     : AnswerTransfers(*run, step, first, &made);
    if (status.empty() && chain.size() + made.size() >= kDecisionTransfers) {
      status = TransferStatusName(TransferStatus::kTooManyTransfers);
    }
    if (!status.empty()) {
      run->failed = label(step);
      return status;
    }
    step.made = {run->seq, first, static_cast<uint32_t>(made.size())};
    for (const TransferSpec& transfer : made) {
      chain.push_back(transfer);
      chain.back().flags |= flag::kLinked;
      steps_of.push_back(&step);
    }
  }
  if (chain.empty()) return {};
  chain.back().flags &= static_cast<uint16_t>(~flag::kLinked);
  run->tried = static_cast<uint32_t>(chain.size());
  std::vector<TransferStatus> statuses(chain.size());
  ledger_.CreateTransfers(run->now.ns, chain, statuses);
  for (size_t i = 0; i < statuses.size(); ++i) {
    if (statuses[i] == TransferStatus::kCreated ||
        statuses[i] == TransferStatus::kLinkedEventFailed) {
      continue;
    }
    run->failed = label(*steps_of[i]);
    return std::string(TransferStatusName(statuses[i]));
  }
  run->transfers = static_cast<uint32_t>(chain.size());
  return {};
}

// Everything was carried out: what is kept of it.
void MoneyState::Done(const EventContext& context, Seq reversed, Run* run) {
  if (trial_ != nullptr) {
    trial_->push_back([this, limits = std::move(run->limits), loans = std::move(run->loans),
                       undo = std::move(run->undo)] { PutBack(limits, loans, undo); });
  }
  for (const BookingKey& key : run->unbooked) {
    Before(&bookings_, key);
    bookings_.erase(key);
    NoteBooking(key);
  }
  for (const LoanId loan : run->overdue_unbooked) {
    Before(&overdue_, loan);
    overdue_.erase(loan);
    NoteOverdue(loan);
  }
  for (Step& step : run->steps) {
    if (step.overdue) {
      Before(&overdue_, step.loan_id);
      overdue_.insert_or_assign(step.loan_id, OverdueBooking{*step.overdue, step.made});
      NoteOverdue(step.loan_id);
    }
    if (step.books) {
      const BookingKey key{step.loan_id, *step.books};
      Before(&bookings_, key);
      bookings_.insert_or_assign(key, Booking{step.posting, std::move(step.keys), step.made});
      NoteBooking(key);
    }
    // Where nothing is held again the name stays with what is resolved.
    if (step.pending && (step.kind == Step::Kind::kPend || step.made.count > 0)) {
      Before(&pending_, *step.pending);
      pending_.insert_or_assign(*step.pending, step.made);
      Note(kPendingNames, *step.pending);
    }
    if (step.effect != Step::kNone) run->effects[step.effect].transfers = step.made;
  }
  const auto gone = effects_.find(reversed);
  if (gone != effects_.end()) {
    Before(&waiting_, gone->second.waiting);
    if (waiting_.erase(gone->second.waiting) > 0) NoteWaiting(gone->second.waiting);
    Forget(reversed);
  }
  if (run->effects.empty()) return;
  // A decision that resumes after its event's bound has passed leaves nothing to be reversed.
  const bool of_event = run->decision == nullptr;
  if (of_event ? !run->pack.schema.event_types[context.event_type].reversible
               : !effects_.contains(context.event)) {
    return;
  }
  Before(&effects_, context.event);
  std::vector<Effect>& list = effects_[context.event].list;
  list.insert(list.end(), std::make_move_iterator(run->effects.begin()),
              std::make_move_iterator(run->effects.end()));
  NoteEffects(context.event);
}

void MoneyState::Undo(Run* run) { PutBack(run->limits, run->loans, run->undo); }

void MoneyState::PutBack(const std::vector<lending::LimitBook::Saved>& limits,
                         const std::vector<lending::LoanBook::Saved>& loans,
                         const std::vector<std::function<void()>>& undo) {
  for (auto at = undo.rbegin(); at != undo.rend(); ++at) (*at)();
  for (auto at = loans.rbegin(); at != loans.rend(); ++at) loans_.PutBack(*at);
  for (auto at = limits.rbegin(); at != limits.rend(); ++at) limits_.PutBack(*at);
}

}  // namespace credence::engine
