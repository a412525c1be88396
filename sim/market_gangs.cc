// Gangs: what each kind does, what of it looks honest, and how it learns from being stopped.

#include "sim/market_state.h"

namespace credence::sim {

namespace {

constexpr int kOrdersPerGang = 700;  // a day of the market, for each gang of a kind
constexpr int kBlocksToAdapt = 3;
constexpr int64_t kPeakPermille = 2750;   // of the daily rhythm
constexpr uint32_t kDisguiseMax = 700;    // permille
constexpr int64_t kPriceMax = 2000;       // permille
constexpr int64_t kWaveMax = 5 * kDayMs;  // between two waves

// Of one kind of gang. Shares are in permille.
struct Kind {
  Scheme scheme;
  int64_t orders;       // of 100,000 honest ones
  int64_t in_wave;      // orders, about
  size_t members;       // accounts at the start
  size_t devices;       // in the pool; 0: each account its own
  size_t addresses;     // likewise
  int64_t age_days;     // of accounts, mean
  uint32_t real;        // of the members are buyers like others beside it
  uint32_t disguise;    // of what it does looks honest
  uint32_t hazard_ppm;  // money lost if an order goes through
  uint32_t step_up;     // passes an extra verification
  uint32_t found;       // is seen by a reviewer
  uint32_t confirmed;   // of the losses become known as fraud
  int64_t known_after_days;
};

constexpr Kind kKinds[] = {
    {Scheme::kCouponFarm, 480, 4, 36, 16, 14, 60, 0, 400, 900'000, 250, 850, 350, 6},
    {Scheme::kDeviceFarm, 380, 4, 30, 0, 10, 45, 0, 400, 900'000, 200, 800, 350, 6},
    {Scheme::kStolenCard, 240, 2, 10, 8, 5, 90, 150, 400, 850'000, 250, 850, 950, 10},
    {Scheme::kTakeover, 200, 2, 0, 8, 6, 0, 0, 400, 900'000, 150, 800, 950, 2},
    {Scheme::kBrushing, 420, 3, 40, 20, 20, 150, 400, 400, 900'000, 600, 700, 250, 9},
    {Scheme::kCashOut, 200, 2, 24, 0, 0, 300, 600, 400, 350'000, 700, 700, 700, 14},
    {Scheme::kRefundAbuse, 260, 1, 24, 0, 12, 250, 600, 400, 600'000, 850, 650, 500, 6},
    {Scheme::kCoerced, 160, 2, 0, 0, 0, 0, 0, 400, 700'000, 750, 500, 600, 3},
};

const Kind& KindOf(Scheme scheme) { return kKinds[static_cast<size_t>(scheme) - 1]; }

// Whether the host or shop is one of the gang.
bool HasHost(Scheme scheme) {
  return scheme == Scheme::kBrushing || scheme == Scheme::kCashOut || scheme == Scheme::kCoerced;
}

// Whether the account is that of a victim.
bool HasVictim(Scheme scheme) { return scheme == Scheme::kTakeover || scheme == Scheme::kCoerced; }

template <class T>
const T& OneOf(Random& random, const std::vector<T>& things) {
  return things[random.Below(things.size())];
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

// One of the people who were here from the start; who comes often is met often.
Person* Market::State::Acquaintance(Random& random) {
  const uint64_t known = static_cast<uint64_t>(options_.orders_per_day) * kBuyersPerOrder;
  const uint64_t skewed = random.Below(known) * (1 + random.Below(1000)) / 1000;
  return &people_[std::min(skewed, known - 1)];
}

Person* Market::State::Recruit(Gang* gang, int64_t age_days) {
  Random& random = gang->random;
  if (Chance(random, KindOf(gang->scheme).real)) {
    gang->members.push_back(Acquaintance(random));
    return gang->members.back();
  }
  Person& person = gang_people_.emplace_back();
  person.number = kOfGangs + gang_people_.size();
  // Bought accounts have an age, fresh ones are registered today.
  const bool running = now_ > start_;
  const bool fresh = running && Chance(random, age_days < 100 ? 500 : 150);
  person.registered = fresh ? now_ : now_ - Exponential(random, age_days * kDayMs);
  person.device = gang->devices.empty() ? GangThing() : OneOf(random, gang->devices);
  person.address =
      gang->addresses.empty() || Chance(random, 300) ? GangThing() : OneOf(random, gang->addresses);
  person.payer = GangThing();
  // For what is to look honest.
  person.second_device = GangThing();
  person.second_address = GangThing();
  if (!gang->members.empty() && Chance(random, 250)) {
    const Person* other = OneOf(random, gang->members);
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
  const size_t at = gang->random.Below(gang->members.size());
  Person* person = gang->members[at];
  // Accounts wear out: they are known, or have been used enough.
  if (!person->burned && !Chance(gang->random, 60)) return person;
  gang->members[at] = gang->members.back();
  gang->members.pop_back();
  return Recruit(gang, KindOf(gang->scheme).age_days);
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
    const auto span = static_cast<uint64_t>(own.minutes * kMinuteMs * 4 / 5);
    Push(at + static_cast<int64_t>(gang->random.Below(span)), Step::kGang, index);
    return;
  }
  // Other waves follow the rhythm of the day: they are tried at its peak rate, and thinned.
  const bool thinned = !HasHost(gang->scheme);
  const int64_t pause = thinned ? gang->wave * 1000 / kPeakPermille : gang->wave;
  Push(now_ + kMinuteMs + Exponential(gang->random, pause), Step::kGang, index);
  if (thinned && static_cast<int64_t>(gang->random.Below(kPeakPermille)) >= RatePermille()) return;
  const uint64_t count = 1 + gang->random.Below(static_cast<uint64_t>(2 * kind.in_wave - 1));
  int64_t delay = 0;
  for (uint64_t i = 0; i < count; ++i) {
    GangVisit(gang, delay);
    delay += 5 * kSecondMs + Exponential(gang->random, 4 * kMinuteMs);
  }
  Nurture(gang);
}

// 养号: accounts are kept alive between orders, and look around like others.
void Market::State::Nurture(Gang* gang) {
  if (gang->members.empty()) return;
  Random& random = gang->random;
  const uint64_t count = random.Below(16);
  const int64_t now = now_;
  for (uint64_t i = 0; i < count; ++i) {
    Person* person = OneOf(random, gang->members);
    const uint32_t host = PickHost(random);
    if (person->number < kOfGangs || host == UINT32_MAX) continue;
    now_ += static_cast<int64_t>(random.Below(10 * kMinuteMs));
    const uint32_t index = NewOrder();
    orders_[index].person = person;
    orders_[index].host = host;
    orders_[index].room = hosts_[host].room;
    orders_[index].device = Chance(random, 500) ? person->device : person->second_device;
    PushOrder(now_, Step::kEnter, index);
    if (Chance(random, 400)) Engage(random, *person, host, 5 * kMinuteMs);
  }
  now_ = now;
}

// One order of a gang, `delay` ms from now.
void Market::State::GangVisit(Gang* gang, int64_t delay) {
  Random& random = gang->random;
  const Kind& kind = KindOf(gang->scheme);
  const uint32_t host = HasHost(gang->scheme) ? gang->host : PickHost(random);
  if (host == UINT32_MAX) return;
  Person* person = HasVictim(gang->scheme) ? Acquaintance(random) : Member(gang);
  const bool disguised = Chance(random, gang->disguise);
  // What an honest order of this account would be; gangs then change what their business needs.
  Order order;
  Person copy = *person;
  const uint64_t things = things_;
  PlanOrder(random, copy, host, &order);
  if (things_ != things) order.address = GangThing();
  things_ = things;
  order.person = person;
  if (person->number > kOfGangs) {
    order.device = disguised ? person->second_device : person->device;
    order.address = disguised ? person->second_address : person->address;
  }
  order.batch = 0;
  order.coupon = 0;
  if (HasHost(gang->scheme)) order.shop = gang->shop;
  int64_t watch = std::min(Spread(random, person->watches, 1000), 3 * kHourMs) + 3 * kSecondMs;
  PlanLife(random, copy, &order);
  order.cancels = false;
  order.truth.scheme = gang->scheme;
  order.truth.gang = gang->number;
  order.truth.hazard_ppm = kind.hazard_ppm;
  order.truth.lost = random.Below(1'000'000) < kind.hazard_ppm;
  PlanScheme(gang, disguised, &order, &watch);
  order.key = MixBits((kOfGangs + ++gang_orders_) ^ MixBits(options_.seed + 1));
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
  const uint32_t index = NewOrder();
  orders_[index] = order;
  const int64_t now = now_;
  now_ += delay;
  PushOrder(now_, Step::kEnter, index);
  if (Chance(random, 350)) Engage(random, *person, host, watch);
  Schedule(random, index, watch);
  now_ = now;
}

// --- What each kind changes ---------------------------------------------------------------------

void Market::State::PlanScheme(Gang* gang, bool disguised, Order* order, int64_t* watch) {
  switch (gang->scheme) {
    case Scheme::kCouponFarm:
    case Scheme::kDeviceFarm:
      return PlanFarm(gang, disguised, order, watch);
    case Scheme::kStolenCard:
      return PlanStolenCard(gang, disguised, order, watch);
    case Scheme::kTakeover:
      return PlanTakeover(gang, disguised, order, watch);
    case Scheme::kBrushing:
      return PlanBrushing(gang, disguised, order, watch);
    case Scheme::kCashOut:
      return PlanCashOut(gang, disguised, order, watch);
    case Scheme::kRefundAbuse:
      return PlanRefundAbuse(gang, order);
    case Scheme::kCoerced:
      return PlanCoerced(gang, disguised, order, watch);
    case Scheme::kHonest:
      break;
  }
  CREDENCE_UNREACHABLE();
}

// Orders just above what a coupon asks for, quickly, from few devices or one fresh one each.
void Market::State::PlanFarm(Gang* gang, bool disguised, Order* order, int64_t* watch) {
  Random& random = gang->random;
  const int kind = InFlashSale()                     ? kFlashCoupon
                   : order->account_age < 7 * kDayMs ? kNewcomerCoupon
                   : Chance(random, 500)             ? 0
                                                     : 1;
  if (!disguised) order->amount = kCoupons[kind].threshold * gang->price / 1000;
  TakeCoupon(random, kind, true, order);
  if (!disguised) {
    order->amount =
        PriceTag(random, order->amount + static_cast<int64_t>(random.Below(2500)) + 100);
    order->amount = std::max(order->amount, order->threshold);
    *watch = Spread(random, 32 * kSecondMs, 1200) + 3 * kSecondMs;
    if (gang->scheme == Scheme::kDeviceFarm && Chance(random, 500)) order->device = GangThing();
  }
  order->truth.loss_minor = order->coupon;
}

// A card is tried with little, then used for what sells again.
void Market::State::PlanStolenCard(Gang* gang, bool disguised, Order* order, int64_t* watch) {
  Random& random = gang->random;
  if (gang->card == 0 || Chance(random, 450)) {
    gang->card = GangThing();
    gang->card_uses = 0;
  }
  const bool trial = gang->card_uses++ == 0 && Chance(random, 350);
  order->payer = gang->card;
  order->payment = 1;
  const int64_t middle = (disguised ? 22'000 : 40'000) * gang->price / 1000;
  order->amount =
      PriceTag(random, trial ? Spread(random, 1'500, 500) : Spread(random, middle, 900));
  if (!disguised) {
    if (Chance(random, 600)) order->category = Chance(random, 650) ? 3 : 4;
    *watch = Spread(random, 50 * kSecondMs, 1200) + 3 * kSecondMs;
    if (Chance(random, 500)) order->address = OneOf(random, gang->addresses);
  }
  order->truth.loss_minor = order->amount;
}

// Another phone, another address; part of it happens on the victim's own phone (remote control) or
// goes to a known address.
void Market::State::PlanTakeover(Gang* gang, bool disguised, Order* order, int64_t* watch) {
  Random& random = gang->random;
  if (!disguised || Chance(random, 400)) {
    order->device = Chance(random, 400) ? OneOf(random, gang->devices) : GangThing();
  }
  if (!disguised || Chance(random, 400)) {
    order->address = Chance(random, 400) ? OneOf(random, gang->addresses) : GangThing();
  }
  const int64_t spends = order->person->spends;
  const int64_t middle = disguised ? spends * 3 / 2 : std::max<int64_t>(spends * 5 / 2, 22'000);
  order->amount = PriceTag(random, Spread(random, middle * gang->price / 1000, 800));
  if (!disguised) *watch = Spread(random, 50 * kSecondMs, 1200) + 3 * kSecondMs;
  order->truth.loss_minor = order->amount;
}

// One article, so nearly one price; the workers are told to watch before they order.
void Market::State::PlanBrushing(Gang* gang, bool disguised, Order* order, int64_t* watch) {
  Random& random = gang->random;
  const int64_t price = 8'900 + static_cast<int64_t>(gang->number % 7) * 1'700;
  order->amount = PriceTag(random, Spread(random, price, disguised ? 800 : 200));
  if (!disguised) *watch = Spread(random, 220 * kSecondMs, 800);
  if (Chance(random, 450)) TakeCoupon(random, order->amount >= 19'900 ? 1 : 0, false, order);
  order->sign_after = 12 * kHourMs + Exponential(random, 20 * kHourMs);
  order->refund_after = -1;
  order->truth.loss_minor = order->coupon + order->amount * 3 / 100;
}

// Pay-later credit for round sums; the parcel, if there is one, is signed for at once.
void Market::State::PlanCashOut(Gang* gang, bool disguised, Order* order, int64_t* watch) {
  Random& random = gang->random;
  order->payment = 2;
  const int64_t middle = (disguised ? 26'000 : 42'000) * gang->price / 1000;
  order->amount = disguised ? PriceTag(random, Spread(random, middle, 900))
                            : std::max<int64_t>(1, Spread(random, middle, 700) / 10'000) * 10'000;
  if (!disguised) *watch = Spread(random, 40 * kSecondMs, 1000) + 3 * kSecondMs;
  order->ship_after = kHourMs + Exponential(random, 4 * kHourMs);
  order->sign_after = kHourMs + Exponential(random, 8 * kHourMs);
  order->refund_after = -1;
  order->truth.loss_minor = order->amount;
}

void Market::State::PlanRefundAbuse(Gang* gang, Order* order) {
  Random& random = gang->random;
  order->amount = PriceTag(random, Spread(random, 15'000 * gang->price / 1000, 850));
  order->refund_after = order->truth.lost ? kHourMs + Exponential(random, 20 * kHourMs) : -1;
  order->refund_only = Chance(random, 850);
  order->truth.loss_minor = order->amount;
}

// The victim's own phone and address; more than usual, for what the host praises.
void Market::State::PlanCoerced(Gang* gang, bool disguised, Order* order, int64_t* watch) {
  Random& random = gang->random;
  const int64_t spends = order->person->spends;
  const int64_t middle = disguised ? spends * 3 / 2 : std::max<int64_t>(spends * 3, 20'000);
  order->amount = PriceTag(random, Spread(random, middle * gang->price / 1000, 800));
  if (!disguised) order->category = 5;
  *watch = Spread(random, (disguised ? 180 : 600) * kSecondMs, 1000);
  if (Chance(random, 300)) order->complaint_after = kHourMs + Exponential(random, 30 * kHourMs);
  order->truth.loss_minor = order->amount;
}

// --- Learning -----------------------------------------------------------------------------------

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
    if (person->number > kOfGangs && !gang.devices.empty()) {
      person->device = OneOf(gang.random, gang.devices);
    }
  }
  gang.wave = std::min(gang.wave * 5 / 4, kWaveMax);
  gang.price = std::min(gang.price * 11 / 10, kPriceMax);
  gang.disguise = std::min(gang.disguise + 40, kDisguiseMax);
}

}  // namespace credence::sim
