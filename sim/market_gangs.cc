// Gangs: what each kind does, what of it looks honest, and how it learns from being stopped.

#include "sim/market_state.h"

namespace credence::sim {

namespace {

constexpr int kOrdersPerGang = 700;  // a day of the market, for each gang of a kind
constexpr int kBlocksToAdapt = 3;
constexpr int64_t kPeakPermille = 2750;  // of the daily rhythm

// Of one kind of gang.
struct Kind {
  Scheme scheme;
  int64_t orders;       // of 100,000 honest ones
  int64_t in_wave;      // orders, about
  size_t members;       // accounts at the start
  size_t devices;       // in the pool; 0: each account its own
  size_t addresses;     // likewise
  int64_t age_days;     // of accounts, mean
  uint32_t disguise;    // permille of what it does that looks honest
  uint32_t hazard_ppm;  // money lost if an order goes through
  uint32_t step_up;     // permille that passes an extra verification
  uint32_t found;       // permille that a reviewer finds
  uint32_t confirmed;   // permille of the losses that become known as fraud
  int64_t known_after_days;
};

constexpr Kind kKinds[] = {
    {Scheme::kCouponFarm, 480, 4, 36, 9, 8, 40, 300, 900'000, 250, 850, 350, 6},
    {Scheme::kDeviceFarm, 380, 4, 30, 0, 4, 25, 300, 900'000, 200, 800, 350, 6},
    {Scheme::kStolenCard, 240, 2, 8, 6, 3, 60, 300, 850'000, 250, 850, 950, 10},
    {Scheme::kTakeover, 200, 2, 0, 5, 4, 0, 300, 900'000, 150, 800, 950, 2},
    {Scheme::kBrushing, 420, 3, 30, 14, 14, 120, 350, 900'000, 600, 700, 250, 9},
    {Scheme::kCashOut, 200, 2, 14, 0, 0, 300, 300, 350'000, 700, 700, 700, 14},
    {Scheme::kRefundAbuse, 260, 1, 12, 0, 6, 250, 350, 600'000, 850, 650, 500, 6},
    {Scheme::kCoerced, 160, 2, 0, 0, 0, 0, 300, 700'000, 750, 500, 600, 3},
};

const Kind& KindOf(Scheme scheme) { return kKinds[static_cast<size_t>(scheme) - 1]; }

// Whether the host or shop is one of the gang.
bool HasHost(Scheme scheme) {
  return scheme == Scheme::kBrushing || scheme == Scheme::kCashOut || scheme == Scheme::kCoerced;
}

}  // namespace

void Market::State::MakeGangs() {
  const int each = std::max(1, options_.orders_per_day / kOrdersPerGang);
  for (const Kind& kind : kKinds) {
    for (int i = 0; i < each; ++i) {
      Gang& gang = gangs_.emplace_back();
      gang.number = static_cast<uint32_t>(gangs_.size());
      gang.scheme = kind.scheme;
      gang.random = Random(MixBits(options_.seed + gang.number * 0x9E3779B97F4A7C15U));
      gang.disguise = kind.disguise;
      gang.wave =
          kDayMs * each * kind.in_wave * 100'000 / (kind.orders * int64_t{options_.orders_per_day});
      StartGang(&gang);
      Push(start_ + Exponential(gang.random, gang.wave), Step::kGang, gang.number - 1);
    }
  }
}

void Market::State::StartGang(Gang* gang) {
  const Kind& kind = KindOf(gang->scheme);
  // A colluding or scamming host is none of the greatest.
  gang->host = static_cast<uint32_t>(4 + gang->random.Below(hosts_.size() - 4));
  gang->shop = hosts_[gang->host].shops[0];
  for (size_t i = 0; i < kind.devices; ++i) gang->devices.push_back(GangThing());
  for (size_t i = 0; i < kind.addresses; ++i) {
    // Parcels go where many fetch theirs, too.
    gang->addresses.push_back(Chance(gang->random, 200) ? 1 + gang->random.Below(pickup_stations_)
                                                        : GangThing());
  }
  for (size_t i = 0; i < kind.members; ++i) Recruit(gang, kind.age_days);
}

Person* Market::State::Recruit(Gang* gang, int64_t age_days) {
  Random& random = gang->random;
  Person& person = gang_people_.emplace_back();
  person.number = kOfGangs + gang_people_.size();
  // Bought accounts have an age, fresh ones are registered today.
  const bool running = now_ > start_;
  const bool fresh = running && Chance(random, age_days < 50 ? 600 : 150);
  person.registered = fresh ? now_ : now_ - Exponential(random, age_days * kDayMs);
  person.device =
      gang->devices.empty() ? GangThing() : gang->devices[random.Below(gang->devices.size())];
  person.address =
      gang->addresses.empty() ? GangThing() : gang->addresses[random.Below(gang->addresses.size())];
  if (Chance(random, 300)) person.address = GangThing();
  person.payer = GangThing();
  if (!gang->members.empty() && Chance(random, 250)) {
    const Person* other = gang->members[random.Below(gang->members.size())];
    if (Chance(random, 500)) person.payer = other->payer;
    person.inviter = other->number;
  }
  person.spends = Spread(random, 11'000, 700);
  person.watches = Spread(random, 140 * kSecondMs, 1000);
  person.returns = static_cast<uint16_t>(10 + random.Below(60));
  if (fresh) WriteRegistered(person);
  gang->members.push_back(&person);
  return &person;
}

Person* Market::State::Member(Gang* gang) {
  const Kind& kind = KindOf(gang->scheme);
  const size_t at = gang->random.Below(gang->members.size());
  Person* person = gang->members[at];
  // Accounts wear out: they are known, or have been used enough.
  if (!person->burned && !Chance(gang->random, 60)) return person;
  gang->members[at] = gang->members.back();
  gang->members.pop_back();
  return Recruit(gang, kind.age_days);
}

void Market::State::GangWave(uint32_t index) {
  Gang* gang = &gangs_[index];
  const Kind& kind = KindOf(gang->scheme);
  const Host& own = hosts_[gang->host];
  if (HasHost(gang->scheme) && own.room == 0) {
    // Its host is not live: the wave waits for the next session.
    const int64_t midnight = now_ - (now_ + kChinaMs) % kDayMs;
    int64_t at = midnight + (own.start_minute + 1) * kMinuteMs;
    if (at <= now_) at += kDayMs;
    const auto span = static_cast<uint64_t>(own.minutes) * 48;  // s: 4/5 of it
    Push(at + static_cast<int64_t>(gang->random.Below(span * kSecondMs)), Step::kGang, index);
    return;
  }
  // Waves follow the rhythm of the day: they are tried at its peak rate, and thinned.
  const bool thinned = !HasHost(gang->scheme);
  Push(now_ + kMinuteMs +
           Exponential(gang->random, thinned ? gang->wave * 1000 / kPeakPermille : gang->wave),
       Step::kGang, index);
  if (thinned && static_cast<int64_t>(gang->random.Below(kPeakPermille)) >= RatePermille()) return;
  const int64_t count =
      1 + static_cast<int64_t>(gang->random.Below(static_cast<uint64_t>(2 * kind.in_wave - 1)));
  int64_t delay = 0;
  for (int64_t i = 0; i < count; ++i) {
    GangVisit(gang, delay);
    delay += 5 * kSecondMs + Exponential(gang->random, 4 * kMinuteMs);
  }
}

// One order of a gang, `delay` ms from now.
void Market::State::GangVisit(Gang* gang, int64_t delay) {
  Random& random = gang->random;
  const Kind& kind = KindOf(gang->scheme);
  const bool own_host = HasHost(gang->scheme);
  const uint32_t host = own_host ? gang->host : PickHost(random);
  if (host == UINT32_MAX) return;
  const int64_t now = now_;
  Order order;
  Person* person = nullptr;
  if (gang->scheme == Scheme::kTakeover || gang->scheme == Scheme::kCoerced) {
    // Victims are honest people who have been here for a while.
    const uint64_t known =
        std::min<uint64_t>(people_.size(), static_cast<uint64_t>(options_.orders_per_day) * 8);
    const uint64_t skewed = random.Below(known) * (1 + random.Below(1000)) / 1000;
    person = &people_[std::min(skewed, known - 1)];
  } else {
    person = Member(gang);
  }
  // What an honest order of this account would be; gangs then change what their business needs.
  Person copy = *person;
  const uint64_t things = things_;
  PlanOrder(random, copy, host, &order);
  if (things_ != things) order.address = GangThing();
  things_ = things;
  order.person = person;
  order.batch = 0;
  order.coupon = 0;
  order.shop = own_host ? gang->shop : order.shop;
  int64_t watch = std::min(Spread(random, 100 * kSecondMs, 1300), 3 * kHourMs) + 3 * kSecondMs;
  PlanLife(random, copy, &order);
  order.refund_after = Chance(random, person->returns) ? order.refund_after : -1;
  order.truth.hazard_ppm = kind.hazard_ppm;
  switch (gang->scheme) {
    case Scheme::kCouponFarm:
      PlanCouponFarm(gang, &order, &watch);
      break;
    case Scheme::kDeviceFarm:
      PlanDeviceFarm(gang, &order, &watch);
      break;
    case Scheme::kStolenCard:
      PlanStolenCard(gang, &order, &watch);
      break;
    case Scheme::kTakeover:
      PlanTakeover(gang, &order, &watch);
      break;
    case Scheme::kBrushing:
      PlanBrushing(gang, &order, &watch);
      break;
    case Scheme::kCashOut:
      PlanCashOut(gang, &order, &watch);
      break;
    case Scheme::kRefundAbuse:
      PlanRefundAbuse(gang, &order, &watch);
      break;
    default:
      PlanCoerced(gang, &order, &watch);
      break;
  }
  order.key = MixBits((kOfGangs + ++gang_orders_) ^ MixBits(options_.seed + 1));
  order.cancels = false;
  order.truth.scheme = gang->scheme;
  order.truth.gang = gang->number;
  order.truth.lost = random.Below(1'000'000) < order.truth.hazard_ppm;
  order.passes_step_up = Chance(random, kind.step_up);
  order.review_is_right = Chance(random, kind.found);
  order.wants_coupon = order.coupon > 0 &&
                       (gang->scheme == Scheme::kCouponFarm || gang->scheme == Scheme::kDeviceFarm);
  order.chargeback_after = -1;
  order.confirm_after = -1;
  const int64_t known_after = kHourMs + Exponential(random, kind.known_after_days * kDayMs);
  if (order.truth.lost && Chance(random, kind.confirmed)) {
    const bool by_bank = gang->scheme == Scheme::kStolenCard;
    (by_bank ? order.chargeback_after : order.confirm_after) = known_after;
  }
  ++gang->orders;
  const uint32_t index = NewOrder();
  orders_[index] = order;
  now_ += delay;
  WriteEntered(*person, host, order.device);
  if (Chance(random, 250)) Engage(random, *person, host, watch);
  Schedule(random, index, watch);
  now_ = now;
}

// --- What each kind changes
// -------------------------------------------------------------------------

void Market::State::PlanCouponFarm(Gang* gang, Order* order, int64_t* watch) {
  Random& random = gang->random;
  const bool disguised = Chance(random, gang->disguise);
  const int kind = InFlashSale()                     ? kFlashCoupon
                   : order->account_age < 7 * kDayMs ? kNewcomerCoupon
                   : Chance(random, 500)             ? 0
                                                     : 1;
  order->amount = kCoupons[kind].threshold * gang->price / 1000;
  if (disguised) order->amount = PriceTag(random, Spread(random, order->amount * 3 / 2, 700));
  TakeCoupon(random, kind, true, order);
  if (!disguised) {
    order->amount =
        PriceTag(random, order->amount + static_cast<int64_t>(random.Below(1500)) + 100);
    order->amount = std::max(order->amount, order->threshold);
    *watch = Spread(random, 28 * kSecondMs, 1200) + 3 * kSecondMs;
  }
  order->truth.loss_minor = order->coupon;
}

void Market::State::PlanDeviceFarm(Gang* gang, Order* order, int64_t* watch) {
  PlanCouponFarm(gang, order, watch);
  if (Chance(gang->random, 500)) order->device = GangThing();
}

void Market::State::PlanStolenCard(Gang* gang, Order* order, int64_t* watch) {
  Random& random = gang->random;
  const bool disguised = Chance(random, gang->disguise);
  // A card is tried with little, then used for what sells again.
  if (gang->card == 0 || Chance(random, 450)) {
    gang->card = GangThing();
    gang->card_uses = 0;
  }
  const bool trial = gang->card_uses++ == 0 && Chance(random, 350);
  order->payer = gang->card;
  order->payment = 1;
  order->amount =
      PriceTag(random, trial ? Spread(random, 1'500, 500)
                             : Spread(random, 48'000 * gang->price / 1000, disguised ? 1100 : 700));
  if (!disguised) {
    order->category = Chance(random, 650) ? 3 : 4;
    *watch = Spread(random, 40 * kSecondMs, 1200) + 3 * kSecondMs;
    if (Chance(random, 500)) order->address = gang->addresses[random.Below(gang->addresses.size())];
  } else {
    order->address = GangThing();
  }
  order->truth.loss_minor = order->amount;
}

void Market::State::PlanTakeover(Gang* gang, Order* order, int64_t* watch) {
  Random& random = gang->random;
  const bool disguised = Chance(random, gang->disguise);
  order->device =
      Chance(random, 500) ? gang->devices[random.Below(gang->devices.size())] : GangThing();
  // Part of it happens on the victim's own phone (remote control), or goes to a known address.
  if (disguised && Chance(random, 400)) order->device = order->person->device;
  order->address =
      Chance(random, 600) ? gang->addresses[random.Below(gang->addresses.size())] : GangThing();
  if (disguised && Chance(random, 500)) order->address = order->person->address;
  order->amount = PriceTag(
      random,
      Spread(random, std::max<int64_t>(order->person->spends * 5 / 2, 26'000) * gang->price / 1000,
             disguised ? 900 : 600));
  if (!disguised) *watch = Spread(random, 45 * kSecondMs, 1200) + 3 * kSecondMs;
  order->truth.loss_minor = order->amount;
}

void Market::State::PlanBrushing(Gang* gang, Order* order, int64_t* watch) {
  Random& random = gang->random;
  const bool disguised = Chance(random, gang->disguise);
  // One article, so nearly one price; the workers are told to watch before they order.
  const int64_t price = 8'900 + static_cast<int64_t>(gang->number % 7) * 1'700;
  order->amount = PriceTag(random, Spread(random, price, disguised ? 700 : 120));
  if (!disguised) *watch = Spread(random, 260 * kSecondMs, 600);
  if (Chance(random, 450)) TakeCoupon(random, order->amount >= 19'900 ? 1 : 0, false, order);
  order->sign_after = 12 * kHourMs + Exponential(random, 20 * kHourMs);
  order->refund_after = -1;
  order->truth.loss_minor = order->coupon + order->amount * 3 / 100;
}

void Market::State::PlanCashOut(Gang* gang, Order* order, int64_t* watch) {
  Random& random = gang->random;
  const bool disguised = Chance(random, gang->disguise);
  order->payment = 2;
  const int64_t middle = 55'000 * gang->price / 1000;
  order->amount = disguised ? PriceTag(random, Spread(random, middle, 700))
                            : std::max<int64_t>(1, Spread(random, middle, 600) / 10'000) * 10'000;
  if (!disguised) *watch = Spread(random, 30 * kSecondMs, 1000) + 3 * kSecondMs;
  order->ship_after = kHourMs + Exponential(random, 4 * kHourMs);
  order->sign_after = kHourMs + Exponential(random, 8 * kHourMs);
  order->refund_after = -1;
  order->truth.loss_minor = order->amount;
}

void Market::State::PlanRefundAbuse(Gang* gang, Order* order, int64_t* watch) {
  Random& random = gang->random;
  *watch = std::min(Spread(random, order->person->watches, 1000), 3 * kHourMs) + 3 * kSecondMs;
  order->amount = PriceTag(random, Spread(random, 17'000 * gang->price / 1000, 800));
  order->refund_after = Chance(random, 850) ? kHourMs + Exponential(random, 20 * kHourMs) : -1;
  order->refund_only = Chance(random, 850);
  order->truth.loss_minor = order->amount;
}

void Market::State::PlanCoerced(Gang* gang, Order* order, int64_t* watch) {
  Random& random = gang->random;
  const bool disguised = Chance(random, gang->disguise);
  order->amount = PriceTag(
      random,
      Spread(random, std::max<int64_t>(order->person->spends * 3, 24'000) * gang->price / 1000,
             disguised ? 1000 : 600));
  order->category = 5;
  *watch = Spread(random, (disguised ? 200 : 900) * kSecondMs, 900);
  if (Chance(random, 300)) order->complaint_after = kHourMs + Exponential(random, 30 * kHourMs);
  order->truth.loss_minor = order->amount;
}

// --- Learning
// ---------------------------------------------------------------------------------------

void Market::State::Blocked(uint32_t number) {
  Gang& gang = gangs_[number - 1];
  if (++gang.blocked < kBlocksToAdapt) return;
  gang.blocked = 0;
  ++report.adaptations;
  // New devices and addresses, fewer orders, larger ones, and more that looks honest.
  for (uint64_t& device : gang.devices) device = GangThing();
  for (uint64_t& address : gang.addresses) {
    if (Chance(gang.random, 500)) address = GangThing();
  }
  gang.card = 0;
  for (Person* person : gang.members) {
    if (!gang.devices.empty()) {
      person->device = gang.devices[gang.random.Below(gang.devices.size())];
    }
  }
  gang.wave = std::min<int64_t>(gang.wave * 5 / 4, 5 * kDayMs);
  gang.price = std::min<int64_t>(gang.price * 11 / 10, 2000);
  gang.disguise = std::min<uint32_t>(gang.disguise + 40, 700);
}

}  // namespace credence::sim
