#include "src/ledger/statement.h"

#include <algorithm>

#include "src/base/assert.h"

namespace credence::ledger {
namespace {

void Apply(const StatementLine& line, int64_t held, Balances* balances) {
  int64_t& pending = line.debit ? balances->debits_pending : balances->credits_pending;
  int64_t& posted = line.debit ? balances->debits_posted : balances->credits_posted;
  switch (line.kind) {
    case LineKind::kPosted:
      posted += line.amount;
      break;
    case LineKind::kHeld:
      pending += held;
      break;
    case LineKind::kCaptured:
      posted += line.amount;
      pending -= held;
      break;
    case LineKind::kReleased:
    case LineKind::kExpired:
      pending -= held;
      break;
  }
}

}  // namespace

Statement MakeStatement(const Ledger& ledger, AccountId account, int64_t from_ns, int64_t to_ns) {
  Statement statement;
  if (to_ns <= from_ns || ledger.FindAccount(account) == nullptr) return statement;
  if (from_ns > INT64_MIN) statement.opening = ledger.BalancesAt(account, from_ns - 1);
  struct Event {
    StatementLine line;
    int64_t held;  // of the pending transfer that it is about
  };
  std::vector<Event> events;
  HistoryFilter filter;
  filter.account = account;
  filter.limit = UINT32_MAX;
  filter.time_max_ns = to_ns - 1;
  for (const Transfer* transfer : ledger.Transfers(filter)) {
    const TransferSpec& spec = transfer->spec;
    Event event{};
    event.line.time_ns = transfer->time_ns;
    event.line.transfer = spec.id;
    event.line.debit = spec.debit_account == account;
    event.line.counterparty = event.line.debit ? spec.credit_account : spec.debit_account;
    event.line.amount = spec.amount;
    event.line.code = spec.code;
    if ((spec.flags & transfer_flag::kPending) != 0) {
      event.line.kind = LineKind::kHeld;
      event.held = spec.amount;
      const int64_t end_ns = transfer->expires_ns;
      const bool expired = end_ns < INT64_MAX && transfer->resolved_ns >= end_ns;
      if (expired && end_ns >= from_ns && end_ns < to_ns) {
        Event expiry = event;
        expiry.line.kind = LineKind::kExpired;
        expiry.line.time_ns = end_ns;
        events.push_back(expiry);
      }
    } else if ((spec.flags & (transfer_flag::kPost | transfer_flag::kVoid)) != 0) {
      const bool posts = (spec.flags & transfer_flag::kPost) != 0;
      event.line.kind = posts ? LineKind::kCaptured : LineKind::kReleased;
      event.held = ledger.FindTransfer(spec.pending_id)->spec.amount;
    }
    if (transfer->time_ns >= from_ns) events.push_back(event);
  }
  // Transfers are in their order already; expiries go before what has the same time.
  std::stable_sort(events.begin(), events.end(), [](const Event& a, const Event& b) {
    const bool late_a = a.line.kind != LineKind::kExpired;
    const bool late_b = b.line.kind != LineKind::kExpired;
    return std::pair(a.line.time_ns, late_a) < std::pair(b.line.time_ns, late_b);
  });
  Balances running = statement.opening;
  for (Event& event : events) {
    Apply(event.line, event.held, &running);
    event.line.after = running;
    statement.lines.push_back(event.line);
  }
  statement.closing = ledger.BalancesAt(account, to_ns - 1);
  CREDENCE_ASSERT(running == statement.closing);
  return statement;
}

}  // namespace credence::ledger
