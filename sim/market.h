#pragma once
// Market: a seeded live-stream market (直播电商) as a stream of CloudEvents for
// packs/live-commerce.
//
// Buyers visit rooms of hosts by a daily rhythm, watch, claim coupons, order, pay, get their
// parcels, send some back and complain; one star host draws half of all traffic in a flash sale.
// Among them work gangs of eight kinds (Scheme). Honest buyers share what gangs share (households,
// pickup stations, second phones, new accounts in a flash sale, bargain hunters), and part of what
// a gang does looks honest, so that no single rule tells them apart.
//
// Next() gives the next event in order of time. Tell() says what was decided on an order or a
// claim: it changes what comes after (a refused order is not paid, a gang that is blocked rotates
// its devices, slows down and raises its amounts). What honest buyers want is drawn before and
// apart from what gangs do, so two runs of one seed see the same honest orders whatever is decided.
//
// The truth about each order (scheme, hazard, loss) is never part of an event.
//
// Integers only: the same options and the same tellings give the same bytes everywhere. Memory
// grows with the population and with the orders under way, not with the events. One thread.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "src/base/status.h"
#include "src/calendar/date.h"

namespace credence::sim {

enum class Scheme : uint8_t {
  kHonest = 0,
  kCouponFarm = 1,   // 羊毛党: many accounts on few devices, for coupons
  kDeviceFarm = 2,   // 设备农场: a fresh device for each account, few addresses
  kStolenCard = 3,   // 盗卡
  kTakeover = 4,     // 盗号: a thief in an honest buyer's account
  kBrushing = 5,     // 刷单: orders that a shop buys to look popular
  kCashOut = 6,      // 套现: pay-later credit turned into cash through a shop
  kRefundAbuse = 7,  // 仅退款: keeps the goods and gets the money back
  kCoerced = 8,      // 诱导下单: the buyer is pressed or deceived by a host
};
inline constexpr size_t kSchemes = 9;
[[nodiscard]] std::string_view SchemeName(Scheme scheme);         // "coupon-farm"
[[nodiscard]] std::string_view SchemeNameChinese(Scheme scheme);  // "羊毛党"

// What was decided. The first five are of orders, the last two of coupon claims.
enum class Verdict : uint8_t {
  kPass = 0,
  kStepUp = 1,       // 加验
  kManual = 2,       // 人工
  kStripCoupon = 3,  // 去券
  kRefuse = 4,       // 拒绝
  kGrant = 5,
  kDeny = 6,
};
inline constexpr size_t kVerdicts = 7;
[[nodiscard]] std::string_view VerdictName(Verdict verdict);  // "step_up"
// Nothing for any other text.
[[nodiscard]] std::optional<Verdict> ParseVerdict(std::string_view name);

struct MarketOptions {
  uint64_t seed = 1;
  int days = 30;  // 1 to 400
  int orders_per_day =
      1000;  // of honest buyers, about; 20 to 1,000,000. There are 8 buyers for each
  Timestamp start{1'767'542'400'000'000'000};  // 2026-01-05T00:00:00+08:00
  int flash_sale_day = -1;  // from 0; -1: two thirds through the run; >= days: none
  // For verdicts that come a while after their event. An order is not paid before it is told about,
  // and not placed before the claim of its coupon is: a buyer orders by the coupon that he sees.
  // Each waits up to a day of market time, for itself alone. Else an order that nobody tells about
  // when it is to be paid has passed, and such a claim was granted.
  bool wait_for_verdicts = false;
};
// kInvalidArgument, naming the option and its bounds.
Status CheckOptions(const MarketOptions& options);

struct OrderTruth {
  Scheme scheme = Scheme::kHonest;
  uint32_t gang = 0;        // from 1; 0 for none
  uint32_t hazard_ppm = 0;  // how probable it is that money is lost if the order goes through
  int64_t loss_minor = 0;   // what is then lost
  bool lost = false;        // whether it will be, drawn with that probability
};

enum class Asks : uint8_t { kNothing = 0, kOrder = 1, kCoupon = 2 };

struct MarketEvent {
  std::string_view json;  // one CloudEvent without line end; until the next call
  std::string_view id;    // likewise
  Timestamp time;
  Asks asks = Asks::kNothing;
  OrderTruth truth;  // of Asks::kOrder
};

// Sums over the run. Money in minor units.
struct SchemeReport {
  uint64_t orders = 0;
  int64_t amount = 0;
  int64_t at_stake = 0;  // what would be lost without any decision
  int64_t lost = 0;      // what was lost
  std::array<uint64_t, kVerdicts> verdicts{};
  uint64_t stopped = 0;  // orders that did not go through because of a verdict
};
struct MarketReport {
  uint64_t events = 0;
  uint64_t orders = 0;
  int64_t sales = 0;  // paid, net of coupons
  std::array<SchemeReport, kSchemes> schemes{};
  uint64_t claims = 0;
  uint64_t claims_denied = 0;
  uint64_t honest_claims_denied = 0;
  uint64_t honest_orders_in_sale = 0;  // in the hour of the flash sale, and of the star's rooms
  uint64_t star_orders_in_sale = 0;
  uint64_t adaptations = 0;  // of gangs
  [[nodiscard]] int64_t lost() const;
  [[nodiscard]] int64_t at_stake() const;
};

class Market {
 public:
  // CheckOptions(options) is ok.
  explicit Market(const MarketOptions& options);
  ~Market();
  // False at the end: what is under way then still ends (and counts in the report) without events.
  bool Next(MarketEvent* event);
  // What was decided on the order or claim of this event id. Ids of other events, of orders that
  // are paid, and a second telling change nothing; false then.
  bool Tell(std::string_view id, Verdict verdict);
  [[nodiscard]] const MarketReport& report() const;
  // Whether the last event lies in the hour of the flash sale.
  [[nodiscard]] bool InFlashSale() const;
  // Buyers, honest and of gangs, so far.
  [[nodiscard]] uint64_t buyers() const;
  [[nodiscard]] Timestamp end() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace credence::sim
