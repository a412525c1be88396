// Ledger against its naive twin, on seeded random commands over few ids, small amounts and amounts
// near the end of the range, so that every status is met.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "src/base/bytes.h"
#include "src/base/random.h"
#include "src/ledger/ledger.h"
#include "src/ledger/naive_ledger.h"

namespace credence::ledger {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

Currency RandomCurrency(Random& random) {
  if (random.OneIn(20)) return random.OneIn(2) ? Currency() : Currency::FromCode("USD").value();
  return Currency::FromCode("CNY").value();
}

AccountSpec RandomAccount(Random& random) {
  AccountSpec spec;
  spec.id = AccountId(random.OneIn(50) ? (random.OneIn(2) ? 0 : kIdMax)
                                       : static_cast<UInt128>(random.Between(1, 8)));
  spec.currency = RandomCurrency(random);
  spec.code = static_cast<uint16_t>(random.OneIn(30) ? 0 : random.Between(1, 2));
  spec.user_64 = random.OneIn(10) ? 1 : 0;
  if (random.OneIn(8)) spec.flags |= account_flag::kDebitsMustNotExceedCredits;
  if (random.OneIn(8)) spec.flags |= account_flag::kCreditsMustNotExceedDebits;
  if (random.OneIn(3)) spec.flags |= account_flag::kHistory;
  if (random.OneIn(15)) spec.flags |= account_flag::kClosed;
  if (random.OneIn(10)) spec.flags |= account_flag::kLinked;
  if (random.OneIn(60)) spec.flags |= 64;
  return spec;
}

int64_t RandomAmount(Random& random) {
  if (random.OneIn(40)) return kAmountMax - random.Between(0, 100);
  if (random.OneIn(40)) return -random.Between(1, 5);
  return random.Between(0, 60);
}

AccountId RandomAccountId(Random& random) {
  if (random.OneIn(60)) return AccountId(random.OneIn(2) ? 0 : kIdMax);
  return AccountId(static_cast<UInt128>(random.Between(1, 8)));
}

TransferSpec RandomTransfer(Random& random, uint64_t ids) {
  using namespace transfer_flag;  // NOLINT(google-build-using-namespace)
  TransferSpec spec;
  const auto some_id = [&] {
    if (random.OneIn(80)) return TransferId(random.OneIn(2) ? 0 : kIdMax);
    return TransferId(static_cast<UInt128>(random.Between(1, static_cast<int64_t>(ids))));
  };
  spec.id = random.OneIn(4) ? some_id() : TransferId(ids + 1);
  spec.amount = RandomAmount(random);
  if (random.OneIn(3)) {
    spec.flags |= random.OneIn(2) ? kPost : kVoid;
    spec.pending_id = some_id();
    if (random.OneIn(3)) spec.amount = (spec.flags & kVoid) != 0 ? 0 : kAmountMax;
    if (random.OneIn(3)) {
      spec.debit_account = RandomAccountId(random);
      spec.credit_account = RandomAccountId(random);
    }
    if (random.OneIn(5)) spec.currency = RandomCurrency(random);
    if (random.OneIn(5)) spec.code = static_cast<uint16_t>(random.Between(1, 2));
    if (random.OneIn(30)) spec.flags |= kBalancingDebit;
  } else {
    spec.debit_account = RandomAccountId(random);
    spec.credit_account = RandomAccountId(random);
    spec.currency = RandomCurrency(random);
    spec.code = static_cast<uint16_t>(random.OneIn(40) ? 0 : random.Between(1, 2));
    if (random.OneIn(2)) spec.flags |= kPending;
    if (random.OneIn(2) && (spec.flags & kPending) != 0) {
      spec.timeout_s = static_cast<uint32_t>(random.Between(1, 9));
    }
    if (random.OneIn(60)) spec.timeout_s = UINT32_MAX;
    if (random.OneIn(10)) spec.flags |= kBalancingDebit;
    if (random.OneIn(10)) spec.flags |= kBalancingCredit;
    if (random.OneIn(40)) spec.flags |= kClosingDebit;
    if (random.OneIn(40)) spec.flags |= kClosingCredit;
    if (random.OneIn(60)) spec.pending_id = some_id();
  }
  if (random.OneIn(10)) spec.user_64 = 7;
  if (random.OneIn(6)) spec.flags |= kLinked;
  if (random.OneIn(100)) spec.flags |= 1 << 12;
  return spec;
}

void ExpectBalanced(const Ledger& ledger) {
  std::map<uint16_t, std::array<Int128, 4>> sums;
  for (const Account& account : ledger.accounts()) {
    auto& sum = sums[account.spec.currency.numeric()];
    const Balances& b = account.balances;
    for (const int64_t part :
         {b.debits_pending, b.debits_posted, b.credits_pending, b.credits_posted}) {
      ASSERT_GE(part, 0);
    }
    sum[0] += b.debits_pending;
    sum[1] += b.credits_pending;
    sum[2] += b.debits_posted;
    sum[3] += b.credits_posted;
    ASSERT_LE(Int128{b.debits_pending} + b.debits_posted, kAmountMax);
    ASSERT_LE(Int128{b.credits_pending} + b.credits_posted, kAmountMax);
    if ((account.spec.flags & account_flag::kDebitsMustNotExceedCredits) != 0) {
      ASSERT_LE(b.debits_pending + b.debits_posted, b.credits_posted);
    }
    if ((account.spec.flags & account_flag::kCreditsMustNotExceedDebits) != 0) {
      ASSERT_LE(b.credits_pending + b.credits_posted, b.debits_posted);
    }
  }
  for (const auto& [currency, sum] : sums) {
    ASSERT_EQ(sum[0], sum[1]);
    ASSERT_EQ(sum[2], sum[3]);
  }
}

class LedgerDiff : public testing::TestWithParam<uint64_t> {};

TEST_P(LedgerDiff, EqualsTheNaiveTwinOnRandomCommands) {
  const uint64_t seed = GetParam();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  Ledger ledger;
  NaiveLedger naive;
  int64_t now = random.OneIn(5) ? INT64_MAX - 3000 * kSecond : 0;
  std::vector<int64_t> times;
  uint64_t ids = 0;
  for (int step = 0; step < 120; ++step) {
    if (random.OneIn(2)) now += random.Between(0, 4) * kSecond;
    times.push_back(now);
    if (step < 3 || random.OneIn(12)) {
      std::vector<AccountSpec> batch;
      for (int64_t i = random.Between(0, 6); i > 0; --i) batch.push_back(RandomAccount(random));
      std::vector<AccountStatus> got(batch.size());
      ledger.CreateAccounts(now, batch, got);
      ASSERT_EQ(got, naive.CreateAccounts(now, batch));
    } else {
      std::vector<TransferSpec> batch;
      for (int64_t i = random.Between(1, 5); i > 0; --i) {
        batch.push_back(RandomTransfer(random, ids));
        if (batch.back().id == TransferId(ids + 1)) ++ids;
      }
      std::vector<TransferStatus> got(batch.size());
      ledger.CreateTransfers(now, batch, got);
      const std::vector<TransferStatus> want = naive.CreateTransfers(now, batch);
      for (size_t i = 0; i < got.size(); ++i) {
        ASSERT_EQ(TransferStatusName(got[i]), TransferStatusName(want[i]))
            << "step " << step << " item " << i;
      }
    }
    ExpectBalanced(ledger);
    for (uint64_t id = 1; id <= 8; ++id) {
      const AccountId account{UInt128{id}};
      ASSERT_EQ(ledger.BalancesNow(account, now), naive.BalancesAt(account, now));
      const int64_t later =
          now + std::min<int64_t>(random.Between(0, 12) * kSecond, INT64_MAX - now);
      ASSERT_EQ(ledger.BalancesNow(account, later), naive.BalancesAt(account, later));
      const int64_t then = times[random.Below(times.size())];
      ASSERT_EQ(ledger.BalancesAt(account, then), naive.BalancesAt(account, then));
      ASSERT_EQ(ledger.IsClosedAt(account, then), naive.IsClosedAt(account, then));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, LedgerDiff, testing::Range<uint64_t>(1, 301));

TEST(LedgerRows, ALedgerFromItsRowsGoesOnAsIfNothingHadHappened) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    Ledger live;
    Ledger restored;
    int64_t now = 0;
    uint64_t ids = 0;
    for (int step = 0; step < 60; ++step) {
      now += random.Between(0, 4) * kSecond;
      std::vector<AccountSpec> accounts;
      for (int64_t i = step < 3 ? 5 : 0; i > 0; --i) accounts.push_back(RandomAccount(random));
      std::vector<TransferSpec> batch;
      for (int64_t i = random.Between(1, 5); i > 0; --i) {
        batch.push_back(RandomTransfer(random, ids));
        if (batch.back().id == TransferId(ids + 1)) ++ids;
      }
      for (Ledger* ledger : {&live, &restored}) {
        std::vector<AccountStatus> made(accounts.size());
        ledger->CreateAccounts(now, accounts, made);
        std::vector<TransferStatus> moved(batch.size());
        ledger->CreateTransfers(now, batch, moved);
      }
      ASSERT_EQ(live.StateDigest(), restored.StateDigest());
      if (step % 7 != 0) continue;
      std::vector<std::pair<std::string, std::string>> rows;
      restored.VisitRows(
          [&](std::string_view key, std::string_view value) { rows.emplace_back(key, value); });
      const std::vector<std::pair<std::string_view, std::string_view>> views(rows.begin(),
                                                                             rows.end());
      auto loaded = Ledger::FromRows(views);
      ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
      restored = std::move(loaded).value();
      ASSERT_EQ(live.StateDigest(), restored.StateDigest());
    }
  }
}

TEST(LedgerRows, TheChangesThatAreTakenMakeTheRows) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    Ledger ledger;
    ledger.NoteChanges();
    std::map<std::string, std::string> stored;
    int64_t now = 0;
    uint64_t ids = 0;
    for (int step = 0; step < 60; ++step) {
      now += random.Between(0, 4) * kSecond;
      std::vector<AccountSpec> accounts;
      for (int64_t i = step < 3 ? 5 : 0; i > 0; --i) accounts.push_back(RandomAccount(random));
      std::vector<AccountStatus> made(accounts.size());
      ledger.CreateAccounts(now, accounts, made);
      std::vector<TransferSpec> batch;
      for (int64_t i = random.Between(1, 5); i > 0; --i) {
        batch.push_back(RandomTransfer(random, ids));
        if (batch.back().id == TransferId(ids + 1)) ++ids;
      }
      std::vector<TransferStatus> moved(batch.size());
      ledger.CreateTransfers(now, batch, moved);
      if (random.OneIn(3)) ledger.ExpireDue(now += kSecond, random.Below(3));
      if (!random.OneIn(4)) continue;
      ledger.TakeChanges(
          [&](std::string_view key, std::string_view value) { stored[std::string(key)] = value; });
      std::map<std::string, std::string> rows;
      ledger.VisitRows(
          [&](std::string_view key, std::string_view value) { rows.emplace(key, value); });
      ASSERT_EQ(stored, rows);
    }
  }
}

// What a ledger shows: its rows and, for the list of what is due, which has none, balances to come.
std::string Shown(const Ledger& ledger, int64_t now) {
  std::string text;
  ledger.VisitRows([&](std::string_view key, std::string_view value) {
    text += ToHex(key) + "=" + ToHex(value) + "\n";
  });
  for (const Account& account : ledger.accounts()) {
    for (int64_t later = 0; later < 12; ++later) {
      const Balances b = ledger.BalancesNow(account.spec.id, now + later * kSecond);
      text += std::to_string(b.debits_pending) + "," + std::to_string(b.credits_pending) + " ";
    }
  }
  return text;
}

// Two ledgers take the same commands; one of them takes others between, as trials.
TEST(LedgerTrial, LeavesRowsNotedChangesAndWhatIsDueAsTheyWere) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    Ledger plain;
    Ledger tried;
    plain.NoteChanges();
    tried.NoteChanges();
    int64_t now = 0;
    uint64_t ids = 1;
    for (int step = 0; step < 60; ++step) {
      std::vector<AccountSpec> accounts;
      for (int64_t i = step < 3 ? 5 : 1; i > 0; --i) accounts.push_back(RandomAccount(random));
      std::vector<TransferSpec> batch;
      uint64_t next = ids;
      for (int64_t i = random.Between(1, 8); i > 0; --i) {
        batch.push_back(RandomTransfer(random, next));
        if (batch.back().id == TransferId(next + 1)) ++next;
      }
      std::vector<AccountStatus> made(accounts.size());
      std::vector<TransferStatus> moved(batch.size());
      const std::string before = Shown(tried, now);
      tried.BeginTrial();
      int64_t trial_now = now + random.Between(0, 12) * kSecond;
      tried.CreateAccounts(trial_now, accounts, made);
      tried.CreateTransfers(trial_now, batch, moved);
      if (random.OneIn(2)) tried.ExpireDue(trial_now += 3 * kSecond, random.Below(5));
      tried.EndTrial();
      ASSERT_EQ(Shown(tried, now), before);
      if (random.OneIn(3)) continue;  // these were only tried
      now += random.Between(0, 4) * kSecond;
      ids = next;
      for (Ledger* ledger : {&plain, &tried}) {
        ledger->CreateAccounts(now, accounts, made);
        ledger->CreateTransfers(now, batch, moved);
      }
      ASSERT_EQ(Shown(tried, now), Shown(plain, now));
      if (!random.OneIn(4)) continue;
      std::string taken[2];
      for (const auto& [ledger, text] : {std::pair{&plain, &taken[0]}, {&tried, &taken[1]}}) {
        ledger->TakeChanges([text = text](std::string_view key, std::string_view value) {
          *text += ToHex(key) + "=" + ToHex(value) + "\n";
        });
      }
      ASSERT_EQ(taken[0], taken[1]);
    }
  }
}

TEST(LedgerRows, EveryCutOrFlippedRowIsRefusedOrChangesTheDigest) {
  Random random(5);
  Ledger ledger;
  std::vector<AccountSpec> accounts;
  for (int i = 0; i < 30; ++i) accounts.push_back(RandomAccount(random));
  std::vector<AccountStatus> made(accounts.size());
  ledger.CreateAccounts(0, accounts, made);
  uint64_t ids = 0;
  for (int64_t now = 1; now < 30; ++now) {
    const TransferSpec spec = RandomTransfer(random, ids);
    if (spec.id == TransferId(ids + 1)) ++ids;
    (void)ledger.CreateTransfer(now * kSecond, spec);
  }
  std::vector<std::pair<std::string, std::string>> rows;
  ledger.VisitRows(
      [&](std::string_view key, std::string_view value) { rows.emplace_back(key, value); });
  int refused = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    for (size_t at = 0; at < rows[i].second.size(); ++at) {
      auto damaged = rows;
      damaged[i].second[at] = static_cast<char>(damaged[i].second[at] ^ (1 << (at % 8)));
      const std::vector<std::pair<std::string_view, std::string_view>> views(damaged.begin(),
                                                                             damaged.end());
      const auto loaded = Ledger::FromRows(views);
      if (loaded.ok()) {
        ASSERT_NE(loaded->StateDigest(), ledger.StateDigest()) << "row " << i << " byte " << at;
      } else {
        ++refused;
        ASSERT_EQ(loaded.status().code(), StatusCode::kDataLoss);
      }
    }
    auto missing = rows;
    missing[i].second.pop_back();
    const std::vector<std::pair<std::string_view, std::string_view>> views(missing.begin(),
                                                                           missing.end());
    ASSERT_FALSE(Ledger::FromRows(views).ok());
  }
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace credence::ledger
