#pragma once
// What the tests of money share: the pack of examples/packs/credit-line over files that can forget,
// its events by short names, and random lives of buyers, orders and loans.

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "src/engine/engine_testing.h"
#include "src/journal/posix_file.h"

namespace credence::engine {

inline pack::FileSet CreditLineFiles() {
  journal::PosixFileSystem disk;
  auto files =
      pack::ReadFolder(disk, std::string(CREDENCE_SOURCE_DIR) + "/examples/packs/credit-line");
  EXPECT_TRUE(files.ok()) << files.status().ToString();
  pack::FileSet set = files.ok() ? std::move(*files) : pack::FileSet();
  set["tzdata/Asia/Shanghai"] = pack::FixedZone(8);
  return set;
}

inline std::shared_ptr<const pack::Pack> CreditLinePack() {
  static const std::shared_ptr<const pack::Pack> kPack = pack::MustLoad(CreditLineFiles());
  return kPack;
}

// Takes back what another event did.
inline EventText Reversed(std::string_view id, Timestamp time, std::string_view what) {
  return {"entry.reversed", id, time, {{"why", Value::String("a mistake")}}, what};
}

// The rows of money, sorted: equal text, equal state.
inline std::string MoneyRows(const MoneyState& money) {
  std::vector<std::string> rows;
  money.VisitRows([&](MoneyState::Part part, std::string_view key, std::string_view value) {
    rows.push_back(std::to_string(static_cast<int>(part)) + ToHex(key) + "=" + ToHex(value));
  });
  std::sort(rows.begin(), rows.end());
  std::string all;
  for (const std::string& row : rows) all += row + "\n";
  return all;
}

inline void ExpectBalanced(const MoneyState& money, Timestamp now) {
  Int128 sums[4] = {0, 0, 0, 0};
  for (const ledger::Account& account : money.ledger().accounts()) {
    const ledger::Balances balances = money.ledger().BalancesNow(account.spec.id, now.ns);
    sums[0] += balances.debits_posted;
    sums[1] += balances.credits_posted;
    sums[2] += balances.debits_pending;
    sums[3] += balances.credits_pending;
  }
  ASSERT_TRUE(sums[0] == sums[1] && sums[2] == sums[3]) << "debits and credits differ";
}

inline EventText BuyerEvent(std::string_view type, std::string_view id, Timestamp time,
                            std::string_view buyer) {
  return {type, id, time, {{"buyer_id", Value::String(buyer)}}};
}
inline EventText Asked(std::string_view id, Timestamp time, std::string_view buyer,
                       int64_t income) {
  EventText text = BuyerEvent("limit.asked", id, time, buyer);
  text.fields.emplace_back("income", Yuan(income));
  return text;
}
inline EventText Ordered(std::string_view id, Timestamp time, std::string_view buyer,
                         std::string_view order, int64_t amount) {
  EventText text = BuyerEvent("order.placed", id, time, buyer);
  text.fields.emplace_back("order_id", Value::String(order));
  text.fields.emplace_back("amount", Yuan(amount));
  return text;
}
inline EventText Shipped(std::string_view id, Timestamp time, std::string_view order,
                         std::optional<int64_t> amount = std::nullopt) {
  EventText text{"order.shipped", id, time, {{"order_id", Value::String(order)}}};
  if (amount) text.fields.emplace_back("amount", Yuan(*amount));
  return text;
}
inline EventText Dropped(std::string_view id, Timestamp time, std::string_view order) {
  return {"order.dropped", id, time, {{"order_id", Value::String(order)}}};
}
inline EventText Paid(std::string_view id, Timestamp time, std::string_view buyer, int64_t amount) {
  EventText text = BuyerEvent("order.paid", id, time, buyer);
  text.fields.emplace_back("amount", Yuan(amount));
  return text;
}
inline EventText Lent(std::string_view id, Timestamp time, std::string_view buyer,
                      std::string_view loan, int64_t amount) {
  EventText text = BuyerEvent("loan.disbursed", id, time, buyer);
  text.fields.emplace_back("loan_id", Value::String(loan));
  text.fields.emplace_back("amount", Yuan(amount));
  return text;
}
inline EventText OfLoan(std::string_view type, std::string_view id, Timestamp time,
                        std::string_view loan, std::optional<int64_t> amount = std::nullopt) {
  EventText text{type, id, time, {{"loan_id", Value::String(loan)}}};
  if (amount) text.fields.emplace_back("amount", Yuan(*amount));
  return text;
}

// 0, 1: asked; 2: taken, all or a part; 3: returned.
inline EventText OfDeposit(std::string_view id, Timestamp time, std::string_view deposit,
                           std::string_view buyer, int64_t amount, uint64_t what) {
  EventText text{"deposit.asked", id, time, {{"deposit_id", Value::String(deposit)}}};
  if (what == 2) text.type = "deposit.taken";
  if (what == 3) text.type = "deposit.returned";
  if (what < 2) text.fields.emplace_back("buyer_id", Value::String(buyer));
  if (what < 2 || (what == 2 && amount % 2 == 0)) text.fields.emplace_back("amount", Yuan(amount));
  return text;
}

inline constexpr int64_t kDay = 24 * kNsPerHour;

// Events of a year and more for a few buyers; many of them are refused by limits and loans.
inline std::vector<Event> MoneyLife(uint64_t seed, size_t count, Arena* arena) {
  Random random(seed);
  std::vector<Event> events;
  Timestamp now = kStart;
  for (size_t i = 0; i < count; ++i) {
    now.ns += random.Between(1, 2 * kDay);
    const std::string id = "e" + std::to_string(i);
    const std::string buyer = "b" + std::to_string(random.Below(3));
    const std::string order = "O" + std::to_string(random.Below(i / 4 + 1));
    const std::string loan = "L" + std::to_string(random.Below(i / 12 + 1));
    const int64_t amount = random.Between(0, 120'000);
    Timestamp time = now;
    if (random.OneIn(10)) time.ns -= random.Between(0, 20) * kDay;
    EventText text;  // of views
    std::string earlier;
    const std::string deposit = "D" + std::to_string(random.Below(i / 16 + 1));
    switch (random.Below(16)) {
      case 0:
      case 1:
        text = Asked(id, time, buyer, random.OneIn(9) ? 9'000'000 : amount * 2);
        break;
      case 2:
      case 3:
        text = Ordered(id, time, buyer, order, amount);
        break;
      case 4:
        text = Shipped(id, time, order,
                       random.OneIn(2) ? std::nullopt : std::optional<int64_t>(amount));
        break;
      case 5:
        text = Dropped(id, time, order);
        break;
      case 6:
        text = Paid(id, time, buyer, amount);
        break;
      case 7:
        text = BuyerEvent(random.OneIn(3) ? "limit.frozen" : "limit.thawed", id, time, buyer);
        break;
      case 8:
        text = Lent(id, time, buyer, loan, amount);
        break;
      case 9:
      case 10:
        text = OfLoan("repayment.received", id, time, loan, amount / 2);
        break;
      case 11:
        text = OfDeposit(id, time, deposit, buyer, amount, random.Below(4));
        break;
      case 12:
        text = OfLoan(random.OneIn(2) ? "repayment.charged_back" : "goods.returned", id, time, loan,
                      amount / 8);
        break;
      case 13:
      case 14:
        if (i == 0) continue;
        // Mostly something of the last days.
        earlier = "e" + std::to_string(i - 1 - random.Below(std::min<size_t>(i, 25)));
        text = Reversed(id, time, earlier);
        break;
      default:
        text = OfLoan(random.OneIn(5)   ? "loan.given_up"
                      : random.OneIn(4) ? "loan.terminated"
                                        : "loan.settled",
                      id, time, loan);
        break;
    }
    events.push_back(pack::MakeEvent(*CreditLinePack(), text, arena));
  }
  return events;
}

// An engine with the credit-line pack.
class MoneyTest : public testing::Test {
 protected:
  void SetUp() override {
    engine_ = MustOpen(files_);
    ASSERT_NE(engine_, nullptr);
    ASSERT_NE(CreditLinePack(), nullptr);
    MustActivate(*engine_, CreditLinePack());
  }

  Outcome Send(const EventText& text) {
    arena_.Reset();
    const Event event = pack::MakeEvent(*engine_->pack(), text, &arena_);
    const auto outcomes = engine_->Process({&event, 1}, Arrival::kLive, text.time);
    EXPECT_TRUE(outcomes.ok()) << outcomes.status().ToString();
    ExpectBalanced(money(), engine_->state().last_stamp);
    return outcomes.ok() ? outcomes->at(0) : Outcome();
  }
  Outcome Dry(const EventText& text) {
    arena_.Reset();
    const Event event = pack::MakeEvent(*engine_->pack(), text, &arena_);
    return engine_->DryRun(event, Arrival::kLive, text.time);
  }
  [[nodiscard]] const MoneyState& money() const { return engine_->state().money; }
  [[nodiscard]] lending::LimitView Limit(std::string_view buyer = "b1") const {
    return money()
        .Limit("credit", buyer, engine_->state().last_stamp)
        .value_or(lending::LimitView());
  }
  // Credits less debits of an account.
  [[nodiscard]] int64_t Balance(std::string_view role, std::string_view key = "") const {
    for (const auto& account : money().Accounts()) {
      if (account.role != role || account.key != key) continue;
      const auto balances =
          money().ledger().BalancesNow(account.id, engine_->state().last_stamp.ns);
      return balances.credits_posted - balances.debits_posted;
    }
    return 0;
  }
  void Reopen() {
    engine_.reset();
    files_.Crash(journal::CrashKind::kDropUnsynced);
    engine_ = MustOpen(files_);
  }

  journal::FaultFileSystem files_;
  std::unique_ptr<Engine> engine_;
  Arena arena_;
};

// "applied 2", "hold credit: exceeds_headroom", "none".
inline std::string Said(const std::optional<MoneyReport>& report) {
  if (!report) return "none";
  if (report->refused.empty()) {
    return "applied " + std::to_string(report->applied) +
           (report->reversed > 0 ? ", reversed " + std::to_string(report->reversed) : "");
  }
  return report->refused + ": " + report->status;
}

}  // namespace credence::engine
