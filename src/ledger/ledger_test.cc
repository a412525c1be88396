#include "src/ledger/ledger.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "src/base/random.h"
#include "src/ledger/statement.h"

namespace credence::ledger {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
const Currency kCny = Currency::FromCode("CNY").value();

UInt128 IdFrom(const std::string& text) {
  return text == "max" ? kIdMax : static_cast<UInt128>(std::stoull(text));
}

Currency CurrencyFrom(const std::string& text) {
  return text == "none" ? Currency() : Currency::FromCode(text).value();
}

// Splits a row into words and what is expected.
std::vector<std::string> Words(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

uint16_t AccountFlag(const std::string& word) {
  using namespace account_flag;  // NOLINT(google-build-using-namespace)
  const std::map<std::string, uint16_t> kFlags{{"linked", kLinked},
                                               {"debits<=credits", kDebitsMustNotExceedCredits},
                                               {"credits<=debits", kCreditsMustNotExceedDebits},
                                               {"history", kHistory},
                                               {"closed", kClosed}};
  return kFlags.at(word);
}

uint16_t TransferFlag(const std::string& word) {
  using namespace transfer_flag;  // NOLINT(google-build-using-namespace)
  const std::map<std::string, uint16_t> kFlags{{"linked", kLinked},
                                               {"pending", kPending},
                                               {"post", kPost},
                                               {"void", kVoid},
                                               {"balancing-debit", kBalancingDebit},
                                               {"balancing-credit", kBalancingCredit},
                                               {"closing-debit", kClosingDebit},
                                               {"closing-credit", kClosingCredit},
                                               {"bad-flag", uint16_t{1} << 15}};
  return kFlags.at(word);
}

TransferSpec TransferFrom(const std::vector<std::string>& words) {
  TransferSpec spec;
  spec.id = TransferId(IdFrom(words[1]));
  spec.debit_account = AccountId(IdFrom(words[2]));
  spec.credit_account = AccountId(IdFrom(words[3]));
  spec.amount = words[4] == "all" ? kAmountMax : std::stoll(words[4]);
  bool currency = false;
  bool code = false;
  for (size_t i = 5; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word.starts_with("pending=")) {
      spec.pending_id = TransferId(IdFrom(word.substr(8)));
    } else if (word.starts_with("timeout=")) {
      spec.timeout_s = static_cast<uint32_t>(std::stoul(word.substr(8)));
    } else if (word.starts_with("code=")) {
      spec.code = static_cast<uint16_t>(std::stoul(word.substr(5)));
      code = true;
    } else if (word == "CNY" || word == "USD" || word == "none") {
      spec.currency = CurrencyFrom(word);
      currency = true;
    } else {
      spec.flags |= TransferFlag(word);
    }
  }
  const bool resolves = (spec.flags & (transfer_flag::kPost | transfer_flag::kVoid)) != 0;
  if (!currency && !resolves) spec.currency = kCny;
  if (!code && !resolves) spec.code = 1;
  return spec;
}

TEST(LedgerTable, EveryRowGivesItsAnswer) {
  std::ifstream file(std::string(CREDENCE_SOURCE_DIR) + "/src/ledger/ledger.tbl");
  ASSERT_TRUE(file.good());
  Ledger ledger;
  int64_t now_ns = 0;
  int rows = 0;
  int line = 0;
  for (std::string text; std::getline(file, text);) {
    ++line;
    if (text.empty() || text[0] == '#') continue;
    SCOPED_TRACE("ledger.tbl:" + std::to_string(line) + ": " + text);
    ++rows;
    const size_t equals = text.find(" = ");
    const std::string want = equals == std::string::npos ? "" : text.substr(equals + 3);
    const std::vector<std::string> words = Words(text.substr(0, equals));
    if (words[0] == "new") {
      ledger = Ledger();
      now_ns = 0;
    } else if (words[0] == "at") {
      now_ns = std::stoll(words[1]) * kSecond;
    } else if (words[0] == "account") {
      AccountSpec spec;
      spec.id = AccountId(IdFrom(words[1]));
      spec.currency = CurrencyFrom(words[2]);
      spec.code = static_cast<uint16_t>(std::stoul(words[3]));
      for (size_t i = 4; i < words.size(); ++i) spec.flags |= AccountFlag(words[i]);
      EXPECT_EQ(AccountStatusName(ledger.CreateAccount(now_ns, spec)), want);
    } else if (words[0] == "transfer") {
      const Digest before = ledger.StateDigest();
      const TransferStatus status = ledger.CreateTransfer(now_ns, TransferFrom(words));
      EXPECT_EQ(TransferStatusName(status), want);
      if (status == TransferStatus::kExists) {
        EXPECT_EQ(ledger.StateDigest(), before);
      }
    } else if (words[0] == "balance") {
      const AccountId id(IdFrom(words[1]));
      const Balances b = ledger.BalancesNow(id, now_ns);
      std::ostringstream got;
      got << b.debits_pending << ' ' << b.debits_posted << ' ' << b.credits_pending << ' '
          << b.credits_posted << (ledger.IsClosedAt(id, now_ns) ? " closed" : "");
      EXPECT_EQ(got.str(), want);
    } else {
      ADD_FAILURE() << "unknown row";
    }
  }
  EXPECT_GT(rows, 80);
}

AccountSpec Plain(uint64_t id) {
  AccountSpec spec;
  spec.id = AccountId(UInt128{id});
  spec.currency = kCny;
  spec.code = 1;
  return spec;
}

TransferSpec Move(uint64_t id, uint64_t debit, uint64_t credit, int64_t amount,
                  uint16_t flags = 0) {
  TransferSpec spec;
  spec.id = TransferId(UInt128{id});
  spec.debit_account = AccountId(UInt128{debit});
  spec.credit_account = AccountId(UInt128{credit});
  spec.amount = amount;
  spec.currency = kCny;
  spec.code = 1;
  spec.flags = flags;
  return spec;
}

TEST(Ledger, AFailedChainLeavesTheStateByteForByteAsItWas) {
  Ledger ledger;
  for (uint64_t id = 1; id <= 3; ++id) {
    ASSERT_EQ(ledger.CreateAccount(0, Plain(id)), AccountStatus::kCreated);
  }
  TransferSpec hold = Move(1, 1, 2, 10, transfer_flag::kPending);
  hold.timeout_s = 5;
  ASSERT_EQ(ledger.CreateTransfer(0, hold), TransferStatus::kCreated);
  const Digest before = ledger.StateDigest();
  TransferSpec post = Move(3, 0, 0, kAmountMax, transfer_flag::kPost | transfer_flag::kLinked);
  post.pending_id = TransferId(1);
  const std::vector<TransferSpec> chain{Move(2, 2, 3, 7, transfer_flag::kLinked), post,
                                        Move(4, 1, 1, 1)};
  std::vector<TransferStatus> got(3);
  ledger.CreateTransfers(0, chain, got);
  EXPECT_EQ(got,
            (std::vector{TransferStatus::kLinkedEventFailed, TransferStatus::kLinkedEventFailed,
                         TransferStatus::kAccountsMustBeDifferent}));
  EXPECT_EQ(ledger.StateDigest(), before);
  // The hold is whole again, and still expires.
  EXPECT_EQ(ledger.BalancesNow(AccountId(1), 0).debits_pending, 10);
  EXPECT_EQ(ledger.BalancesNow(AccountId(1), 5 * kSecond).debits_pending, 0);
  EXPECT_EQ(ledger.ExpireDue(5 * kSecond, 100), 1U);
}

TEST(Ledger, ExpiryByTheTimerAndByTheNextCommandIsTheSameState) {
  Ledger with_timer;
  Ledger without;
  for (Ledger* ledger : {&with_timer, &without}) {
    for (uint64_t id = 1; id <= 2; ++id) (void)ledger->CreateAccount(0, Plain(id));
    for (uint64_t id = 1; id <= 20; ++id) {
      TransferSpec hold = Move(id, 1, 2, 1, transfer_flag::kPending);
      hold.timeout_s = static_cast<uint32_t>(id);
      ASSERT_EQ(ledger->CreateTransfer(0, hold), TransferStatus::kCreated);
    }
  }
  for (int64_t t = 1; t <= 15; ++t) EXPECT_EQ(with_timer.ExpireDue(t * kSecond, 1), 1U);
  for (Ledger* ledger : {&with_timer, &without}) {
    EXPECT_EQ(ledger->CreateTransfer(16 * kSecond, Move(30, 1, 2, 1)), TransferStatus::kCreated);
  }
  EXPECT_EQ(with_timer.StateDigest(), without.StateDigest());
}

TEST(Ledger, EngineIdsNeverMeetCallerIds) {
  EXPECT_NE(EngineTransferId(Seq(1), 0), EngineTransferId(Seq(0), 1));
  EXPECT_EQ(EngineTransferId(Seq(UINT64_MAX), UINT32_MAX).value() & kCallerIdBit, UInt128{0});
}

TEST(Statement, LinesLeadFromOpeningToClosingAtAnyCut) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    Ledger ledger;
    for (uint64_t id = 1; id <= 4; ++id) (void)ledger.CreateAccount(0, Plain(id));
    int64_t now = 0;
    for (uint64_t id = 1; id <= 60; ++id) {
      now += random.Between(0, 3) * kSecond;
      TransferSpec spec = Move(id, random.Below(4) + 1, random.Below(4) + 1, random.Between(0, 90));
      if (random.OneIn(2)) {
        spec.flags = transfer_flag::kPending;
        spec.timeout_s = static_cast<uint32_t>(random.Between(0, 8));
      } else if (random.OneIn(2)) {
        spec = TransferSpec{};
        spec.id = TransferId(UInt128{id});
        spec.pending_id = TransferId(UInt128{random.Below(id) + 1});
        spec.flags = random.OneIn(2) ? transfer_flag::kPost : transfer_flag::kVoid;
        spec.amount = spec.flags == transfer_flag::kPost ? random.Between(0, 40) : 0;
      }
      (void)ledger.CreateTransfer(now, spec);
    }
    for (int i = 0; i < 40; ++i) {
      const AccountId account(UInt128{random.Below(4) + 1});
      const int64_t from = random.Between(0, now);
      const int64_t to = from + random.Between(0, 40) * kSecond;
      const Statement statement = MakeStatement(ledger, account, from, to);
      if (to == from) continue;
      ASSERT_EQ(statement.opening, ledger.BalancesAt(account, from - 1));
      ASSERT_EQ(statement.closing, ledger.BalancesAt(account, to - 1));
      ASSERT_EQ(statement.lines.empty() ? statement.opening : statement.lines.back().after,
                statement.closing);
    }
  }
}

}  // namespace
}  // namespace credence::ledger
