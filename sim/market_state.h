#pragma once
// The inside of the market. Three files make it: market.cc (time, orders and their life, events),
// market_people.cc (buyers, hosts, honest visits), market_gangs.cc.

#include <deque>
#include <queue>
#include <unordered_map>
#include <vector>

#include "sim/market.h"
#include "sim/market_draw.h"

namespace credence::sim {

inline constexpr int64_t kSecondMs = 1000;
inline constexpr int64_t kMinuteMs = 60 * kSecondMs;
inline constexpr int64_t kHourMs = 60 * kMinuteMs;
inline constexpr int64_t kDayMs = 24 * kHourMs;
inline constexpr int64_t kChinaMs = 8 * kHourMs;  // local time, UTC+8 all year
inline constexpr int kBatchesPerDay = 5;
inline constexpr int kBuyersPerOrder = 8;                // for each order a day
inline constexpr uint64_t kOfGangs = uint64_t{1} << 40;  // numbers of what gangs bring with them

// A coupon batch: what an order must cost, and what comes off.
struct CouponKind {
  int64_t threshold;
  int64_t value;
};
inline constexpr CouponKind kCoupons[kBatchesPerDay] = {
    {9'900, 1'500}, {19'900, 3'000}, {39'900, 6'000}, {5'900, 2'000}, {9'900, 4'000}};
inline constexpr int kNewcomerCoupon = 3;
inline constexpr int kFlashCoupon = 4;

struct Person {
  uint64_t number = 0;
  int64_t registered = 0;  // ms
  uint64_t device = 0;
  uint64_t second_device = 0;  // 0: none; so below
  uint64_t address = 0;
  uint64_t second_address = 0;
  uint64_t payer = 0;
  uint64_t second_payer = 0;
  uint64_t inviter = 0;
  int64_t spends = 0;         // middle of an order, minor units
  int64_t watches = 0;        // middle of the time before an order, ms
  uint16_t coupon = 0;        // permille of orders with one
  uint16_t returns = 0;       // permille
  uint16_t refund_only = 0;   // permille of the returns
  uint16_t favourite = 0;     // host
  bool hunter = false;        // of bargains: fills up to the threshold
  bool group_leader = false;  // orders for neighbours, in bursts, to many addresses
  bool burned = false;        // known to be bad: its gang uses it no more
};

struct Host {
  uint64_t number = 0;
  int64_t weight = 0;    // popularity
  int start_minute = 0;  // of the day, local
  int minutes = 0;
  int64_t price = 1000;  // permille of what buyers usually spend
  uint8_t category = 0;
  std::vector<uint32_t> shops;
  uint64_t room = 0;  // number of the session; 0: not live
};

struct Order {
  uint64_t key = 0;  // in ids
  Person* person = nullptr;
  uint32_t host = 0;
  uint32_t shop = 0;
  uint64_t room = 0;
  uint64_t device = 0;
  uint64_t address = 0;
  uint64_t payer = 0;
  uint64_t batch = 0;  // 0: no coupon
  uint64_t inviter = 0;
  int64_t amount = 0;
  int64_t coupon = 0;
  int64_t threshold = 0;
  uint8_t items = 1;
  uint8_t category = 0;
  uint8_t payment = 0;
  int64_t account_age = 0;  // ms
  OrderTruth truth;
  // What will happen unless a verdict prevents it. Delays in ms after the step before; -1: never.
  int64_t pay_after = 0;
  bool cancels = false;
  int64_t ship_after = 0;
  int64_t sign_after = 0;
  int64_t refund_after = -1;
  bool refund_only = false;
  int64_t complaint_after = -1;
  int64_t chargeback_after = -1;
  int64_t confirm_after = -1;
  int64_t review_after = 0;
  bool passes_step_up = true;
  bool review_is_right = true;
  bool wants_coupon = false;  // does not buy without it
  // What has happened.
  std::optional<Verdict> verdict;
  bool claimed = false;
  bool claim_denied = false;
  bool claim_told = false;
  bool placed = false;
  bool stopped = false;
  int waited = 0;
  int tasks = 0;  // of the queue that name it
};

struct Gang {
  uint32_t number = 0;  // from 1
  Scheme scheme = Scheme::kHonest;
  Random random{0};
  std::vector<Person*> members;
  std::vector<uint64_t> devices;
  std::vector<uint64_t> addresses;
  uint64_t card = 0;  // a stolen one, in use
  int card_uses = 0;
  uint32_t host = 0;
  uint32_t shop = 0;
  int64_t wave = 0;       // middle of the time between two waves, ms
  uint32_t disguise = 0;  // permille of what it does that looks honest
  int64_t price = 1000;   // permille of its usual amounts
  int blocked = 0;        // since it last adapted
};

enum class Step : uint8_t {
  kVisit,
  kNewcomer,
  kSession,
  kSessionEnd,
  kPayout,
  kGang,
  kEnter,
  kEngage,
  kClaim,
  kOrder,
  kPay,
  kReview,
  kShip,
  kSign,
  kRefund,
  kComplaint,
  kChargeback,
  kConfirm,
};

struct Task {
  int64_t at = 0;
  uint64_t turn = 0;  // ties go in order of making
  Step step = Step::kVisit;
  uint32_t index = 0;  // order, host, shop or gang
  friend bool operator>(const Task& a, const Task& b) {
    return a.at != b.at ? a.at > b.at : a.turn > b.turn;
  }
};

class Market::State {
 public:
  [[nodiscard]] bool InFlashSale() const;
  explicit State(const MarketOptions& options);
  bool Next(MarketEvent* event);
  bool Tell(std::string_view id, Verdict verdict);

  MarketReport report;
  [[nodiscard]] uint64_t buyers() const { return people_.size() + gang_people_.size(); }
  [[nodiscard]] int64_t end() const { return end_; }

 private:
  struct Made {
    size_t begin = 0;  // in text_
    size_t size = 0;
    size_t id_at = 0;
    size_t id_size = 0;
    int64_t at = 0;
    Asks asks = Asks::kNothing;
    OrderTruth truth;
  };

  // market.cc
  void Run(const Task& task);
  void Push(int64_t at, Step step, uint32_t index);
  void PushOrder(int64_t at, Step step, uint32_t index);
  uint32_t NewOrder();
  void Release(uint32_t index);
  void Place(uint32_t index);
  void Pay(uint32_t index);
  void Review(uint32_t index);
  void GoThrough(uint32_t index);
  void Stop(uint32_t index, bool by_verdict);
  void Sign(uint32_t index);

  // Writing of events: Begin, fields, End.
  void Begin(std::string_view type, char id_letter, uint64_t id, std::string_view about = {});
  void Key(std::string_view name, char letter, uint64_t number);
  void Text(std::string_view name, std::string_view value);
  void Integer(std::string_view name, int64_t value);
  void Amount(std::string_view name, int64_t minor);
  void Flag(std::string_view name, bool value);
  void Name(std::string_view name);
  void End(Asks asks = Asks::kNothing, const OrderTruth& truth = {});
  void WriteOrder(const Order& order);
  void WriteOrderStep(std::string_view type, char letter, const Order& order, bool label);
  void WriteRegistered(const Person& person);

  // market_people.cc
  void MakeHosts();
  void MakePeople();
  Person MakePerson(Random& random, uint64_t number, int64_t registered);
  void Newcomer();
  void Visit();
  void Session(uint32_t host);
  void EndSession(uint32_t host);
  void Payout(uint32_t shop);
  [[nodiscard]] int64_t RatePermille() const;
  [[nodiscard]] int64_t Day() const { return (now_ - start_) / kDayMs; }
  uint32_t PickHost(Random& random);
  uint32_t PickPerson(Random& random);
  void WriteEntered(const Person& person, uint32_t host, uint64_t room, uint64_t device);
  void Engage(Random& random, Person& person, uint32_t host, int64_t within);
  // Fills what an honest order holds; the caller changes what is different.
  void PlanOrder(Random& random, Person& person, uint32_t host, Order* order);
  void PlanLife(Random& random, const Person& person, Order* order);
  bool TakeCoupon(Random& random, int kind, bool fill_up, Order* order);
  int64_t PriceTag(Random& random, int64_t amount);
  // Claim (if there is a coupon), then the order, `watch` ms from now.
  void Schedule(Random& random, uint32_t index, int64_t watch);

  // market_gangs.cc
  void MakeGangs();
  void StartGang(Gang* gang);
  Person* Recruit(Gang* gang, int64_t age_days);
  Person* Member(Gang* gang);
  void GangWave(uint32_t index);
  void GangVisit(Gang* gang, int64_t delay);
  void Nurture(Gang* gang);
  Person* Acquaintance(Random& random);
  void PlanScheme(Gang* gang, bool disguised, Order* order, int64_t* watch);
  void PlanFarm(Gang* gang, bool disguised, Order* order, int64_t* watch);
  void PlanStolenCard(Gang* gang, bool disguised, Order* order, int64_t* watch);
  void PlanTakeover(Gang* gang, bool disguised, Order* order, int64_t* watch);
  void PlanBrushing(Gang* gang, bool disguised, Order* order, int64_t* watch);
  void PlanCashOut(Gang* gang, bool disguised, Order* order, int64_t* watch);
  void PlanRefundAbuse(Gang* gang, Order* order);
  void PlanCoerced(Gang* gang, bool disguised, Order* order, int64_t* watch);
  void Blocked(uint32_t gang);
  uint64_t GangThing() { return kOfGangs + ++gang_things_; }

  MarketOptions options_;
  int64_t start_ = 0;
  int64_t end_ = 0;
  int64_t flash_begin_ = 0;
  int64_t flash_end_ = 0;
  int64_t now_ = 0;
  uint64_t turn_ = 0;
  std::priority_queue<Task, std::vector<Task>, std::greater<>> queue_;
  Random random_;  // of honest buyers, and of nothing else
  Random newcomer_random_;
  std::deque<Person> people_;  // addresses stay
  std::deque<Person> gang_people_;
  std::vector<Host> hosts_;
  std::vector<int64_t> shop_owed_;
  std::vector<uint32_t> live_;
  int64_t live_weight_ = 0;
  std::deque<Gang> gangs_;
  std::vector<Order> orders_;
  std::vector<uint32_t> free_orders_;
  std::unordered_map<uint64_t, uint32_t> open_;  // by key: what may be told about
  uint64_t things_ = 0;                          // devices, addresses and payers of honest people
  uint64_t gang_things_ = 0;
  uint64_t honest_orders_ = 0;
  uint64_t gang_orders_ = 0;
  uint64_t events_ = 0;
  uint64_t rooms_ = 0;
  uint64_t pickup_stations_ = 0;
  uint64_t agents_ = 0;
  // Of the events made and not yet given.
  std::string text_;
  std::vector<Made> made_;
  size_t given_ = 0;
  bool first_field_ = false;
  int64_t day_shown_ = -1;
  char date_[16] = {};
};

}  // namespace credence::sim
