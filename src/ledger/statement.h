#pragma once
// Statements: what happened to one account in a stretch of time, and the balances at both ends, as
// of any time: a statement of the past does not change when it is asked for later.

#include <vector>

#include "src/ledger/ledger.h"

namespace credence::ledger {

enum class LineKind : uint8_t {
  kPosted = 1,    // moved
  kHeld = 2,      // a pending transfer was made
  kCaptured = 3,  // a pending transfer was posted; `amount` is the part that moved
  kReleased = 4,  // a pending transfer was voided
  kExpired = 5,   // a pending transfer came to its end
};

struct StatementLine {
  int64_t time_ns = 0;
  LineKind kind = LineKind::kPosted;
  TransferId transfer;  // of an expiry: the pending one
  AccountId counterparty;
  bool debit = false;  // which side of this account
  int64_t amount = 0;
  uint16_t code = 0;
  Balances after;
};

struct Statement {
  Balances opening;  // before everything in the stretch
  std::vector<StatementLine> lines;
  Balances closing;
};

// Everything with from_ns <= time < to_ns, in the order in which it happened; expiries that fall on
// the time of a command come before it. Nothing but zeros for an account that does not exist.
[[nodiscard]] Statement MakeStatement(const Ledger& ledger, AccountId account, int64_t from_ns,
                                      int64_t to_ns);

}  // namespace credence::ledger
