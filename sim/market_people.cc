// Honest people, hosts and their sessions.

#include "sim/market_state.h"

namespace credence::sim {

namespace {

// Visits by local hour, in permille of the mean (their own mean is 910).
constexpr int64_t kRhythm[24] = {600, 300,  150,  90,   70,   90,   200,  400,
                                 600, 750,  850,  950,  1100, 1000, 900,  900,
                                 950, 1000, 1200, 1700, 2300, 2500, 2000, 1250};
constexpr int64_t kRhythmMean = 910;
constexpr uint32_t kConversion = 450;      // permille of visits that end in an order
constexpr int64_t kOrdersPerVisits = 560;  // of 1000 visits, about: some order more than once
constexpr uint32_t kFlashConversion = 550;
constexpr int64_t kFlashFactor = 6;        // visits in the hour of the flash sale
constexpr int64_t kNewcomersPermille = 5;  // of the buyers, a day
constexpr uint32_t kFewDays = 10;

}  // namespace

void Market::State::MakeHosts() {
  Random random(MixBits(options_.seed) ^ 0x686F7374);
  const int count = std::clamp(options_.orders_per_day / 40, 24, 600);
  uint32_t shops = 0;
  for (int i = 0; i < count; ++i) {
    Host host;
    host.number = static_cast<uint64_t>(i) + 1;
    host.weight = 1'000'000 / (i + 4);
    // The first few are live day and night, most in the evening.
    if (i >= 1 && i <= 4) {
      host.start_minute = static_cast<int>(random.Below(600));
      host.minutes = 1300;
    } else {
      host.start_minute = static_cast<int>(Chance(random, 700) ? 1080 + random.Below(180)
                                                               : 480 + random.Below(600));
      host.minutes = static_cast<int>(120 + random.Below(240));
    }
    host.price = Spread(random, 1000, 700);
    host.category = static_cast<uint8_t>(random.Below(6));
    const uint64_t own = 1 + random.Below(4);
    for (uint64_t s = 0; s < own; ++s) host.shops.push_back(shops++);
    if (i > 3 && Chance(random, 300)) {
      host.shops.push_back(static_cast<uint32_t>(random.Below(shops)));
    }
    hosts_.push_back(std::move(host));
  }
  hosts_[0].start_minute = 19 * 60;
  hosts_[0].minutes = 240;
  shop_owed_.assign(shops, 0);
  for (uint32_t i = 0; i < hosts_.size(); ++i) {
    Push(start_ + hosts_[i].start_minute * kMinuteMs, Step::kSession, i);
  }
  for (uint32_t i = 0; i < shops; ++i) {
    Push(start_ + kDayMs + 10 * kHourMs + static_cast<int64_t>(random.Below(kHourMs)),
         Step::kPayout, i);
  }
}

void Market::State::MakePeople() {
  Random random(MixBits(options_.seed) ^ 0x70656F706C65);
  const int64_t count = int64_t{options_.orders_per_day} * kBuyersPerOrder;
  pickup_stations_ = static_cast<uint64_t>(std::max<int64_t>(4, count / 400));
  agents_ = std::max<uint64_t>(2, static_cast<uint64_t>(count) / 500);
  things_ = pickup_stations_ + agents_;
  for (int64_t i = 0; i < count; ++i) {
    // Half joined within the last year, few long ago.
    const int64_t age = 2 * kDayMs + Exponential(random, 300 * kDayMs);
    people_.push_back(MakePerson(random, static_cast<uint64_t>(i) + 1, start_ - age));
  }
}

Person Market::State::MakePerson(Random& random, uint64_t number, int64_t registered) {
  Person person;
  person.number = number;
  person.registered = registered;
  const bool has_neighbour = !people_.empty();
  const Person* near = nullptr;
  if (has_neighbour) {
    const uint64_t back = std::min<uint64_t>(people_.size(), 4);
    near = &people_[people_.size() - 1 - random.Below(back)];
  }
  person.device = ++things_;
  if (near != nullptr && Chance(random, 60)) person.device = near->device;  // a family's phone
  if (Chance(random, 220)) person.second_device = ++things_;
  person.address = ++things_;
  if (near != nullptr && Chance(random, 260)) person.address = near->address;
  if (Chance(random, 90)) person.address = 1 + random.Below(pickup_stations_);
  if (Chance(random, 250)) person.second_address = ++things_;
  person.payer = ++things_;
  if (near != nullptr && Chance(random, 70)) person.payer = near->payer;
  if (Chance(random, 180)) person.second_payer = ++things_;
  if (near != nullptr && Chance(random, 150)) person.inviter = near->number;
  person.spends = Spread(random, 11'000, 900);
  person.watches = Spread(random, 140 * kSecondMs, 1100);
  person.coupon = static_cast<uint16_t>(100 + random.Below(350));
  person.returns = static_cast<uint16_t>(20 + random.Below(100));
  person.refund_only = static_cast<uint16_t>(random.Below(250));
  person.favourite = static_cast<uint16_t>(random.Below(hosts_.size()));
  if (Chance(random, 110)) {
    person.hunter = true;
    person.coupon = static_cast<uint16_t>(750 + random.Below(250));
    person.watches = Spread(random, 45 * kSecondMs, 900);
    person.spends = Spread(random, 7'000, 500);
  }
  if (Chance(random, 25)) {
    person.returns = static_cast<uint16_t>(200 + random.Below(300));
    person.refund_only = static_cast<uint16_t>(300 + random.Below(500));
  }
  if (Chance(random, 35)) {
    // A village agent (代购点) orders for neighbours on one phone, for one address.
    const uint64_t agent = random.Below(agents_);
    person.device = pickup_stations_ + 1 + agent;
    person.second_device = 0;
    person.address = 1 + agent % pickup_stations_;
    person.coupon = static_cast<uint16_t>(500 + random.Below(400));
    if (Chance(random, 500)) person.payer = pickup_stations_ + 1 + agent;
  }
  if (Chance(random, 12)) person.group_leader = true;
  return person;
}

bool Market::State::InFlashSale() const { return now_ >= flash_begin_ && now_ < flash_end_; }

int64_t Market::State::RatePermille() const {
  const int64_t hour = (now_ + kChinaMs) % kDayMs / kHourMs;
  return kRhythm[hour] * 1000 / kRhythmMean * (InFlashSale() ? kFlashFactor : 1);
}

void Market::State::Newcomer() {
  const int64_t a_day = std::max<int64_t>(
      1, int64_t{options_.orders_per_day} * kBuyersPerOrder * kNewcomersPermille / 1000);
  Push(now_ + 1 + Exponential(newcomer_random_, kDayMs * 1000 / (a_day * RatePermille())),
       Step::kNewcomer, 0);
  people_.push_back(MakePerson(newcomer_random_, people_.size() + 1, now_));
  WriteRegistered(people_.back());
}

uint32_t Market::State::PickHost(Random& random) {
  if (InFlashSale() && hosts_[0].room != 0 && Chance(random, 500)) return 0;
  if (live_.empty()) return UINT32_MAX;
  int64_t at = static_cast<int64_t>(random.Below(static_cast<uint64_t>(live_weight_)));
  for (const uint32_t host : live_) {
    at -= hosts_[host].weight;
    if (at < 0) return host;
  }
  return live_.back();
}

// Some come often, most seldom; those who have just joined are there more than their number says.
uint32_t Market::State::PickPerson(Random& random) {
  const uint64_t count = people_.size();
  if (Chance(random, InFlashSale() ? 200 : 80)) {
    const uint64_t recent =
        std::clamp<uint64_t>(static_cast<uint64_t>(options_.orders_per_day) * kBuyersPerOrder *
                                 kNewcomersPermille / 1000 * kFewDays,
                             1, count);
    return static_cast<uint32_t>(count - 1 - random.Below(recent));
  }
  const uint64_t skewed = random.Below(count) * (1 + random.Below(1000)) / 1000;
  return static_cast<uint32_t>(std::min(skewed, count - 1));
}

void Market::State::WriteEntered(const Person& person, uint32_t host, uint64_t room,
                                 uint64_t device) {
  Begin("room.entered", 'e', ++events_);
  Key("buyer_id", 'b', person.number);
  Key("host_id", 'h', hosts_[host].number);
  Key("room_id", 'r', room);
  Key("device_id", 'd', device);
  End();
}

void Market::State::Engage(Random& random, Person& person, uint32_t host, int64_t within) {
  const uint32_t index = NewOrder();
  Order& order = orders_[index];
  order.person = &person;
  order.host = host;
  order.room = hosts_[host].room;
  const uint64_t kind = random.Below(20);
  order.category = kind < 7 ? 0 : kind < 14 ? 1 : kind < 17 ? 2 : kind < 18 ? 3 : 4;
  PushOrder(now_ + 1 + static_cast<int64_t>(random.Below(static_cast<uint64_t>(within) + 1)),
            Step::kEngage, index);
}

void Market::State::Visit() {
  const int64_t visits_a_day = int64_t{options_.orders_per_day} * 1000 / kOrdersPerVisits;
  Push(now_ + 1 + Exponential(random_, kDayMs * 1000 / (visits_a_day * RatePermille())),
       Step::kVisit, 0);
  Person& person = people_[PickPerson(random_)];
  uint32_t host = PickHost(random_);
  if (!InFlashSale() && hosts_[person.favourite].room != 0 && Chance(random_, 400)) {
    host = person.favourite;
  }
  if (host == UINT32_MAX) return;
  // A new phone, a move, a new card.
  if (Chance(random_, 6)) person.device = ++things_;
  if (Chance(random_, 4)) person.address = ++things_;
  if (Chance(random_, 5)) person.payer = ++things_;
  Order plan;
  PlanOrder(random_, person, host, &plan);
  WriteEntered(person, host, plan.room, plan.device);
  int64_t watch = std::min(Spread(random_, person.watches, 1000), 4 * kHourMs) + 3 * kSecondMs;
  if (InFlashSale() && host == 0) watch = 3 * kSecondMs + watch / 3;
  if (Chance(random_, 350)) Engage(random_, person, host, watch);
  if (!Chance(random_, InFlashSale() ? kFlashConversion : kConversion)) return;
  int orders = 1;
  if (Chance(random_, 160)) ++orders;
  if (Chance(random_, 40)) ++orders;
  if (person.group_leader) orders += static_cast<int>(2 + random_.Below(6));
  for (int i = 0; i < orders; ++i) {
    if (i > 0) {
      watch += 20 * kSecondMs + Exponential(random_, 120 * kSecondMs);
      const uint64_t device = plan.device;
      plan = Order();
      PlanOrder(random_, person, host, &plan);
      plan.device = device;
      if (person.group_leader && Chance(random_, 400)) plan.address = ++things_;
    }
    plan.key = MixBits(++honest_orders_ ^ MixBits(options_.seed + 1));
    PlanLife(random_, person, &plan);
    const uint32_t index = NewOrder();
    orders_[index] = plan;
    Schedule(random_, index, watch);
  }
}

int64_t Market::State::PriceTag(Random& random, int64_t amount) {
  const int64_t yuan = std::max<int64_t>(6, amount / 100);
  const uint64_t kind = random.Below(100);
  if (kind < 60) return yuan * 100 - 10;  // 59.90
  if (kind < 90) return yuan * 100;
  if (kind < 95 && yuan >= 100) return yuan / 100 * 10'000;
  return yuan * 100 + static_cast<int64_t>(random.Below(100));
}

bool Market::State::TakeCoupon(Random& random, int kind, bool fill_up, Order* order) {
  const CouponKind& coupon = kCoupons[kind];
  if (order->amount < coupon.threshold) {
    if (!fill_up) return false;
    order->amount =
        PriceTag(random, coupon.threshold + 10 + Exponential(random, coupon.threshold / 12));
    if (order->amount < coupon.threshold) order->amount = coupon.threshold;
  }
  order->batch = 1 + static_cast<uint64_t>(Day() * kBatchesPerDay + kind);
  order->coupon = coupon.value;
  order->threshold = coupon.threshold;
  return true;
}

void Market::State::PlanOrder(Random& random, Person& person, uint32_t host, Order* order) {
  const Host& at = hosts_[host];
  order->person = &person;
  order->host = host;
  order->room = at.room;
  order->shop = at.shops[random.Below(at.shops.size())];
  order->device =
      person.second_device != 0 && Chance(random, 200) ? person.second_device : person.device;
  order->address =
      person.second_address != 0 && Chance(random, 200) ? person.second_address : person.address;
  order->payer =
      person.second_payer != 0 && Chance(random, 250) ? person.second_payer : person.payer;
  if (Chance(random, 20)) order->address = ++things_;  // a present
  order->inviter = person.inviter;
  order->account_age = std::max<int64_t>(0, now_ - person.registered);
  order->category = Chance(random, 800) ? at.category : static_cast<uint8_t>(random.Below(6));
  order->items = static_cast<uint8_t>(1 + (Chance(random, 250) ? random.Below(4) : 0));
  const uint64_t payment = random.Below(100);
  order->payment = payment < 55 ? 0 : payment < 82 ? 1 : 2;
  int64_t amount = Spread(random, person.spends * at.price / 1000, 850);
  if (Chance(random, 35)) amount = amount * static_cast<int64_t>(3 + random.Below(6));
  order->amount = PriceTag(random, std::min<int64_t>(amount, 2'000'000));
  const bool newcomer = order->account_age < 7 * kDayMs;
  if (InFlashSale() && host == 0 && Chance(random, 600)) {
    TakeCoupon(random, kFlashCoupon, true, order);
  } else if (newcomer && Chance(random, 600)) {
    TakeCoupon(random, kNewcomerCoupon, true, order);
  } else if (Chance(random, person.coupon)) {
    const int kind = order->amount >= kCoupons[2].threshold   ? 2
                     : order->amount >= kCoupons[1].threshold ? 1
                                                              : 0;
    TakeCoupon(random, kind, person.hunter || Chance(random, 250), order);
  }
}

void Market::State::PlanLife(Random& random, const Person& person, Order* order) {
  order->truth = OrderTruth();
  order->truth.hazard_ppm = 300;
  order->truth.loss_minor = order->amount - order->coupon;
  order->truth.lost = random.Below(1'000'000) < order->truth.hazard_ppm;
  order->pay_after = 8 * kSecondMs + Exponential(random, 40 * kSecondMs);
  order->cancels = Chance(random, 40);
  order->ship_after = 3 * kHourMs + Exponential(random, 14 * kHourMs);
  order->sign_after = 20 * kHourMs + Exponential(random, 36 * kHourMs);
  order->refund_only = Chance(random, person.refund_only);
  const int64_t refund_after = 2 * kHourMs + Exponential(random, 40 * kHourMs);
  order->refund_after = Chance(random, person.returns) ? refund_after : -1;
  const int64_t complaint_after = kHourMs + Exponential(random, 50 * kHourMs);
  order->complaint_after = Chance(random, 8) ? complaint_after : -1;
  const int64_t chargeback_after = 6 * kDayMs + Exponential(random, 12 * kDayMs);
  order->chargeback_after = order->truth.lost ? chargeback_after : -1;
  order->review_after = 4 * kMinuteMs + Exponential(random, 40 * kMinuteMs);
  order->passes_step_up = Chance(random, 960);
  order->review_is_right = Chance(random, 970);
  order->wants_coupon = order->coupon > 0 && Chance(random, 150);
}

void Market::State::Schedule(Random& random, uint32_t index, int64_t watch) {
  Order& order = orders_[index];
  if (order.batch != 0) {
    const int64_t before = 2 * kSecondMs + static_cast<int64_t>(random.Below(40'000));
    open_[order.key] = index;
    PushOrder(now_ + std::max<int64_t>(1, watch - before), Step::kClaim, index);
  }
  PushOrder(now_ + watch, Step::kOrder, index);
}

void Market::State::Session(uint32_t host) {
  Host& at = hosts_[host];
  at.room = ++rooms_;
  live_.push_back(host);
  live_weight_ += at.weight;
  Begin("session.started", 'l', at.room);
  Key("host_id", 'h', at.number);
  Key("room_id", 'r', at.room);
  End();
  Push(now_ + at.minutes * kMinuteMs, Step::kSessionEnd, host);
  Push(now_ + kDayMs, Step::kSession, host);
}

void Market::State::EndSession(uint32_t host) {
  Host& at = hosts_[host];
  Begin("session.ended", 'z', at.room);
  Key("host_id", 'h', at.number);
  Key("room_id", 'r', at.room);
  End();
  at.room = 0;
  std::erase(live_, host);
  live_weight_ -= at.weight;
}

void Market::State::Payout(uint32_t shop) {
  Push(now_ + kDayMs, Step::kPayout, shop);
  if (shop_owed_[shop] <= 0) return;
  Begin("payout.requested", 'y', ++events_);
  Key("shop_id", 's', shop);
  Amount("amount", shop_owed_[shop]);
  End();
  shop_owed_[shop] = 0;
}

}  // namespace credence::sim
