#include "sim/market.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <set>

#include "src/base/digest.h"

namespace credence::sim {
namespace {

MarketOptions Small(uint64_t seed) {
  MarketOptions options;
  options.seed = seed;
  options.days = 6;
  options.orders_per_day = 300;
  return options;
}

// All events as one digest; `verdicts` is asked about every order and claim.
template <class Decide>
Digest Play(Market* market, Decide decide) {
  std::string all;
  MarketEvent event;
  while (market->Next(&event)) {
    all += event.json;
    all += '\n';
    if (event.asks != Asks::kNothing) decide(event);
  }
  return Sha256(all);
}

void Nothing(const MarketEvent& /*event*/) {}

std::string_view Field(std::string_view json, std::string_view name) {
  const std::string key = "\"" + std::string(name) + "\":\"";
  const size_t at = json.find(key);
  if (at == std::string_view::npos) return {};
  const size_t begin = at + key.size();
  return json.substr(begin, json.find('"', begin) - begin);
}

TEST(Market, TheSameSeedGivesTheSameBytesAndAnotherOneOthers) {
  Market first(Small(7));
  Market second(Small(7));
  Market third(Small(8));
  const Digest digest = Play(&first, Nothing);
  EXPECT_EQ(digest, Play(&second, Nothing));
  EXPECT_NE(digest, Play(&third, Nothing));
}

TEST(Market, TheSameVerdictsGiveTheSameBytes) {
  Digest digests[2];
  for (Digest& digest : digests) {
    Market market(Small(7));
    digest = Play(&market, [&](const MarketEvent& event) {
      if (event.asks == Asks::kOrder) {
        market.Tell(event.id, event.truth.gang % 2 == 1 ? Verdict::kRefuse : Verdict::kPass);
      }
    });
  }
  EXPECT_EQ(digests[0], digests[1]);
}

// Bytes of a small market on the machine on which this was written: other machines give the same.
TEST(Market, TheBytesOfASeedDoNotDependOnTheMachine) {
  Market market(Small(7));
  EXPECT_EQ(Play(&market, Nothing).ToHex(),
            "b138ce5463a0759583e944ade1888dcea831035d1917d927cbefd3186214112e");
}

TEST(Market, EventsComeInOrderOfTimeWithinTheRunAndWithIdsOfTheirOwn) {
  Market market(Small(3));
  MarketEvent event;
  Timestamp last = Small(3).start;
  std::set<std::string> ids;
  while (market.Next(&event)) {
    ASSERT_GE(event.time, last) << event.json;
    ASSERT_LT(event.time, market.end()) << event.json;
    ASSERT_TRUE(ids.emplace(event.id).second) << event.json;
    last = event.time;
  }
  EXPECT_EQ(ids.size(), market.report().events);
}

TEST(Market, HonestBuyersOrderTheSameWhateverIsDecided) {
  std::map<std::string, std::string> orders[3];
  for (int run = 0; run < 3; ++run) {
    Market market(Small(5));
    Play(&market, [&](const MarketEvent& event) {
      if (event.asks == Asks::kOrder && event.truth.scheme == Scheme::kHonest) {
        orders[run][std::string(event.id)] = event.json;
      }
      if (event.asks != Asks::kOrder) return;
      const bool gang = event.truth.gang != 0;
      if (run == 1 && gang) market.Tell(event.id, Verdict::kRefuse);
      if (run == 2) market.Tell(event.id, gang ? Verdict::kStepUp : Verdict::kRefuse);
    });
  }
  EXPECT_GT(orders[0].size(), 1000U);
  EXPECT_EQ(orders[0], orders[1]);
  EXPECT_EQ(orders[0], orders[2]);
}

TEST(Market, ARefusedOrderIsCancelledAndNeitherPaidNorShippedNorLost) {
  Market market(Small(5));
  std::set<std::string> refused;
  MarketEvent event;
  while (market.Next(&event)) {
    if (event.asks == Asks::kOrder && event.truth.gang != 0) {
      ASSERT_TRUE(market.Tell(event.id, Verdict::kRefuse));
      refused.emplace(event.id);
      ASSERT_FALSE(market.Tell(event.id, Verdict::kPass)) << "told twice";
    }
    const std::string_view type = Field(event.json, "type");
    if (type == "order.paid" || type == "order.shipped" || type == "fraud.confirmed") {
      ASSERT_FALSE(refused.contains(std::string(Field(event.json, "order_id")))) << event.json;
    }
  }
  const MarketReport& report = market.report();
  EXPECT_GT(refused.size(), 20U);
  EXPECT_GT(report.at_stake(), 0);
  EXPECT_EQ(report.lost(), report.schemes[0].lost);
  EXPECT_GT(report.adaptations, 0U);
}

TEST(Market, WithoutVerdictsAllThatIsAtStakeIsLost) {
  Market market(Small(5));
  Play(&market, Nothing);
  // Honest orders that somebody else cancels are at stake no more.
  EXPECT_EQ(market.report().lost(), market.report().at_stake());
}

TEST(Market, WithoutItsCouponAFarmDoesNotBuyAndLosesNothing) {
  Market market(Small(6));
  Play(&market, [&](const MarketEvent& event) {
    if (event.truth.scheme == Scheme::kCouponFarm) {
      market.Tell(event.id, Verdict::kStripCoupon);
    }
  });
  const SchemeReport& farm = market.report().schemes[static_cast<size_t>(Scheme::kCouponFarm)];
  EXPECT_GT(farm.orders, 0U);
  EXPECT_EQ(farm.lost, 0);
  EXPECT_EQ(farm.stopped, farm.orders);
}

TEST(Market, ADeniedClaimLeavesTheOrderWithoutItsCoupon) {
  Market market(Small(6));
  uint64_t with_coupon = 0;
  Play(&market, [&](const MarketEvent& event) {
    if (event.asks == Asks::kCoupon) {
      market.Tell(event.id, Verdict::kDeny);
    } else if (event.json.find("\"coupon\"") != std::string_view::npos) {
      ++with_coupon;
    }
  });
  EXPECT_EQ(with_coupon, 0U);
  EXPECT_GT(market.report().claims_denied, 100U);
}

// As a server does it that answers a while after it was sent the event.
TEST(Market, AnOrderWaitsForTheVerdictOnItsClaimWhereverThatComes) {
  constexpr size_t kEventsBehind = 40;
  MarketOptions options = Small(6);
  options.wait_for_verdicts = true;
  Market market(options);
  std::deque<std::pair<std::string, Verdict>> untold;
  std::set<std::string> waiting;  // what claims and their orders have in common: "-" and the key
  MarketEvent event;
  uint64_t orders_after_claims = 0;
  std::set<std::string> claimed;
  while (market.Next(&event)) {
    const std::string key(event.id.substr(1));
    if (event.asks == Asks::kCoupon) {
      untold.emplace_back(event.id, Verdict::kDeny);
      waiting.insert(key);
      claimed.insert(key);
    } else if (event.asks == Asks::kOrder) {
      ASSERT_FALSE(waiting.contains(key)) << "placed before its claim was answered: " << event.json;
      ASSERT_EQ(event.json.find("\"coupon\""), std::string_view::npos) << event.json;
      orders_after_claims += claimed.contains(key) ? 1 : 0;
      untold.emplace_back(event.id, Verdict::kPass);
    } else {
      untold.emplace_back("", Verdict::kPass);
    }
    if (untold.size() <= kEventsBehind) continue;
    const auto [id, verdict] = untold.front();
    untold.pop_front();
    if (id.empty()) continue;
    market.Tell(id, verdict);
    waiting.erase(id.substr(1));
  }
  EXPECT_GT(orders_after_claims, 100U);
  const MarketReport& report = market.report();
  uint64_t verdicts = 0;
  for (const SchemeReport& scheme : report.schemes) {
    for (const uint64_t count : scheme.verdicts) verdicts += count;
  }
  EXPECT_GE(verdicts + kEventsBehind, report.orders)
      << "orders are told about before they are paid";
}

TEST(Market, TellingAboutSomethingElseChangesNothing) {
  Market market(Small(6));
  for (const std::string_view id : {"", "o-", "o-00000000000000zz", "p-0000000000000001",
                                    "o-0000000000000001", "o-00000000000000011"}) {
    EXPECT_FALSE(market.Tell(id, Verdict::kRefuse)) << id;
  }
  MarketEvent event;
  while (market.Next(&event) && event.asks != Asks::kOrder) {
  }
  EXPECT_FALSE(market.Tell(event.id, Verdict::kDeny)) << "a verdict of claims";
  EXPECT_TRUE(market.Tell(event.id, Verdict::kPass));
}

TEST(Market, TheStarDrawsHalfOfTheTrafficOfTheFlashSale) {
  MarketOptions options = Small(9);
  options.flash_sale_day = 3;
  Market market(options);
  Play(&market, Nothing);
  const MarketReport& report = market.report();
  EXPECT_GT(report.honest_orders_in_sale, 60U);
  EXPECT_GT(report.star_orders_in_sale * 100, report.honest_orders_in_sale * 40);
}

TEST(Market, TheTruthIsInNoEventButLabels) {
  Market market(Small(4));
  MarketEvent event;
  while (market.Next(&event)) {
    if (Field(event.json, "type") == "fraud.confirmed") continue;
    for (size_t i = 0; i < kSchemes; ++i) {
      const std::string name = "\"" + std::string(SchemeName(static_cast<Scheme>(i))) + "\"";
      ASSERT_EQ(event.json.find(name), std::string_view::npos) << event.json;
    }
  }
}

TEST(Market, OptionsBeyondTheirBoundsAreNamed) {
  MarketOptions options;
  EXPECT_TRUE(CheckOptions(options).ok());
  options.days = 0;
  EXPECT_NE(CheckOptions(options).message().find("days"), std::string::npos);
  options.days = 1;
  options.orders_per_day = 19;
  EXPECT_NE(CheckOptions(options).message().find("orders per day"), std::string::npos);
}

TEST(Market, NamesOfVerdictsAreReadAgain) {
  for (size_t i = 0; i < kVerdicts; ++i) {
    const auto verdict = static_cast<Verdict>(i);
    EXPECT_EQ(ParseVerdict(VerdictName(verdict)), verdict);
  }
  EXPECT_EQ(ParseVerdict("approve"), std::nullopt);
}

}  // namespace
}  // namespace credence::sim
