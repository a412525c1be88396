#include "sim/market.h"

#include <charconv>
#include <cstring>

#include "sim/market_state.h"

namespace credence::sim {

namespace {

constexpr std::string_view kSchemeNames[kSchemes] = {"honest",      "coupon-farm",  "device-farm",
                                                     "stolen-card", "takeover",     "brushing",
                                                     "cash-out",    "refund-abuse", "coerced"};
constexpr std::string_view kSchemeNamesChinese[kSchemes] = {
    "正常", "羊毛党", "设备农场", "盗卡", "盗号", "刷单", "套现", "仅退款", "诱导下单"};
constexpr std::string_view kVerdictNames[kVerdicts] = {
    "pass", "step_up", "manual", "strip_coupon", "refuse", "grant", "deny"};
constexpr std::string_view kCategories[] = {"beauty",      "clothing",  "food",
                                            "electronics", "jewellery", "collectables"};
constexpr std::string_view kPayments[] = {"wallet", "card", "pay_later"};
constexpr std::string_view kEngagements[] = {"comment", "like", "follow", "gift", "share"};
// A payment waits for its verdict: half a minute, then twice as long each time, a day in all.
constexpr int64_t kWaitMs = 30 * kSecondMs;
constexpr int kWaitsMax = 11;
// An order waits for what is said of its claim: two seconds, then twice as long each time, 18 hours
// in all.
constexpr int64_t kClaimWaitMs = 2 * kSecondMs;
constexpr int kClaimWaitsMax = 15;

void AppendHex(uint64_t value, int digits, std::string* out) {
  constexpr char kDigits[] = "0123456789abcdef";
  for (int i = digits - 1; i >= 0; --i) *out += kDigits[(value >> (4 * i)) & 15];
}

void AppendInteger(int64_t value, std::string* out) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value);
  out->append(digits, end.ptr);
}

void AppendTwo(int64_t value, std::string* out) {
  *out += static_cast<char>('0' + value / 10);
  *out += static_cast<char>('0' + value % 10);
}

}  // namespace

std::string_view SchemeName(Scheme scheme) { return kSchemeNames[static_cast<size_t>(scheme)]; }
std::string_view SchemeNameChinese(Scheme scheme) {
  return kSchemeNamesChinese[static_cast<size_t>(scheme)];
}
std::string_view VerdictName(Verdict verdict) {
  return kVerdictNames[static_cast<size_t>(verdict)];
}
std::optional<Verdict> ParseVerdict(std::string_view name) {
  for (size_t i = 0; i < kVerdicts; ++i) {
    if (kVerdictNames[i] == name) return static_cast<Verdict>(i);
  }
  return std::nullopt;
}

Status CheckOptions(const MarketOptions& options) {
  if (options.days < 1 || options.days > 400) {
    return InvalidArgument("days: expected 1 to 400");
  }
  if (options.orders_per_day < 20 || options.orders_per_day > 1'000'000) {
    return InvalidArgument("orders per day: expected 20 to 1,000,000");
  }
  constexpr int64_t kYear2100Ns = 4'102'444'800'000'000'000;
  if (options.start.ns < 0 || options.start.ns > kYear2100Ns) {
    return InvalidArgument("start: expected a time of 1970 to 2099");
  }
  return {};
}

int64_t MarketReport::lost() const {
  int64_t sum = 0;
  for (const SchemeReport& scheme : schemes) sum += scheme.lost;
  return sum;
}
int64_t MarketReport::at_stake() const {
  int64_t sum = 0;
  for (const SchemeReport& scheme : schemes) sum += scheme.at_stake;
  return sum;
}

Market::Market(const MarketOptions& options) {
  CREDENCE_ASSERT(CheckOptions(options).ok());
  state_ = std::make_unique<State>(options);
}
Market::~Market() = default;
bool Market::Next(MarketEvent* event) { return state_->Next(event); }
bool Market::Tell(std::string_view id, Verdict verdict) { return state_->Tell(id, verdict); }
bool Market::InFlashSale() const { return state_->InFlashSale(); }
const MarketReport& Market::report() const { return state_->report; }
uint64_t Market::buyers() const { return state_->buyers(); }
Timestamp Market::end() const { return Timestamp{state_->end() * 1'000'000}; }

Market::State::State(const MarketOptions& options)
    : options_(options),
      random_(MixBits(options.seed) ^ 0x686F6E657374),
      newcomer_random_(MixBits(options.seed) ^ 0x6E6577) {
  start_ = options.start.ns / 1'000'000;
  end_ = start_ + options.days * kDayMs;
  now_ = start_;
  const int day = options.flash_sale_day < 0 ? options.days * 2 / 3 : options.flash_sale_day;
  const int64_t midnight = start_ - (start_ + kChinaMs) % kDayMs;
  flash_begin_ = midnight + day * kDayMs + 20 * kHourMs;
  if (flash_begin_ < start_) flash_begin_ += kDayMs;
  flash_end_ = flash_begin_ + kHourMs;
  MakeHosts();
  MakePeople();
  MakeGangs();
  Push(now_, Step::kVisit, 0);
  Push(now_, Step::kNewcomer, 0);
}

bool Market::State::Next(MarketEvent* event) {
  while (true) {
    while (given_ < made_.size()) {
      const Made& made = made_[given_++];
      if (made.at >= end_) continue;
      event->json = std::string_view(text_).substr(made.begin, made.size);
      event->id = std::string_view(text_).substr(made.id_at, made.id_size);
      event->time = Timestamp{made.at * 1'000'000};
      event->asks = made.asks;
      event->truth = made.truth;
      ++report.events;
      return true;
    }
    made_.clear();
    text_.clear();
    given_ = 0;
    if (queue_.empty()) return false;
    const Task task = queue_.top();
    queue_.pop();
    now_ = task.at;
    Run(task);
  }
}

void Market::State::Run(const Task& task) {
  if (task.step >= Step::kEnter) {
    Order& order = orders_[task.index];
    switch (task.step) {
      case Step::kEnter:
        WriteEntered(*order.person, order.host, order.room, order.device);
        break;
      case Step::kClaim:
        Begin("coupon.claimed", 'c', order.key);
        Key("buyer_id", 'b', order.person->number);
        Key("device_id", 'd', order.device);
        Key("host_id", 'h', hosts_[order.host].number);
        Key("batch_id", 'k', order.batch);
        Amount("value", order.coupon);
        Amount("threshold", order.threshold);
        Integer("account_days", order.account_age / kDayMs);
        ++report.claims;
        order.claimed = true;
        End(Asks::kCoupon);
        break;
      case Step::kOrder:
        Place(task.index);
        break;
      case Step::kPay:
        Pay(task.index);
        break;
      case Step::kReview:
        Review(task.index);
        break;
      case Step::kShip:
        WriteOrderStep("order.shipped", 's', order, false);
        End();
        PushOrder(now_ + order.sign_after, Step::kSign, task.index);
        break;
      case Step::kSign:
        Sign(task.index);
        break;
      case Step::kRefund:
        WriteOrderStep("refund.requested", 'r', order, false);
        Text("kind", order.refund_only ? "refund_only" : "return");
        End();
        break;
      case Step::kComplaint:
        WriteOrderStep("complaint.filed", 'm', order, true);
        End();
        break;
      case Step::kChargeback:
        WriteOrderStep("chargeback.received", 'g', order, true);
        End();
        break;
      case Step::kConfirm:
        WriteOrderStep("fraud.confirmed", 'f', order, true);
        Text("scheme", SchemeName(order.truth.scheme));
        End();
        break;
      default:
        Begin("room.engaged", 'n', ++events_);
        Key("buyer_id", 'b', order.person->number);
        Key("host_id", 'h', hosts_[order.host].number);
        Key("room_id", 'r', order.room);
        Text("kind", kEngagements[order.category]);
        End();
        break;
    }
    if (task.step == Step::kChargeback || task.step == Step::kConfirm) {
      if (orders_[task.index].truth.gang != 0 &&
          orders_[task.index].truth.scheme != Scheme::kTakeover &&
          orders_[task.index].truth.scheme != Scheme::kCoerced) {
        orders_[task.index].person->burned = true;
      }
    }
    Release(task.index);
    return;
  }
  if (now_ >= end_) return;  // what is under way ends, nothing new begins
  switch (task.step) {
    case Step::kVisit:
      Visit();
      break;
    case Step::kNewcomer:
      Newcomer();
      break;
    case Step::kSession:
      Session(task.index);
      break;
    case Step::kSessionEnd:
      EndSession(task.index);
      break;
    case Step::kPayout:
      Payout(task.index);
      break;
    default:
      GangWave(task.index);
      break;
  }
}

void Market::State::Push(int64_t at, Step step, uint32_t index) {
  queue_.push(Task{at, ++turn_, step, index});
}

void Market::State::PushOrder(int64_t at, Step step, uint32_t index) {
  ++orders_[index].tasks;
  Push(at, step, index);
}

uint32_t Market::State::NewOrder() {
  if (free_orders_.empty()) {
    orders_.emplace_back();
    return static_cast<uint32_t>(orders_.size() - 1);
  }
  const uint32_t index = free_orders_.back();
  free_orders_.pop_back();
  orders_[index] = Order();
  return index;
}

void Market::State::Release(uint32_t index) {
  if (--orders_[index].tasks > 0) return;
  free_orders_.push_back(index);
}

// --- The life of an order ------------------------------------------------------------------------

void Market::State::Place(uint32_t index) {
  Order& order = orders_[index];
  if (options_.wait_for_verdicts && order.claimed && !order.claim_told &&
      order.waited < kClaimWaitsMax) {
    PushOrder(now_ + (kClaimWaitMs << order.waited), Step::kOrder, index);
    ++order.waited;
    return;
  }
  order.waited = 0;
  if (order.claim_denied) {
    order.coupon = 0;
    order.batch = 0;
    open_.erase(order.key);
    if (order.wants_coupon) {
      if (order.truth.gang != 0) Blocked(order.truth.gang);
      return;
    }
  }
  order.placed = true;
  open_[order.key] = index;
  SchemeReport& sums = report.schemes[static_cast<size_t>(order.truth.scheme)];
  ++report.orders;
  ++sums.orders;
  sums.amount += order.amount;
  if (order.truth.lost && !order.cancels) sums.at_stake += order.truth.loss_minor;
  if (order.truth.scheme == Scheme::kHonest && InFlashSale()) {
    ++report.honest_orders_in_sale;
    if (order.host == 0) ++report.star_orders_in_sale;
  }
  WriteOrder(order);
  PushOrder(now_ + order.pay_after, Step::kPay, index);
}

bool Market::State::Tell(std::string_view id, Verdict verdict) {
  if (id.size() != 18 || (id[0] != 'o' && id[0] != 'c') || id[1] != '-') return false;
  uint64_t key = 0;
  const auto read = std::from_chars(id.data() + 2, id.data() + id.size(), key, 16);
  if (read.ec != std::errc() || read.ptr != id.data() + id.size()) return false;
  const auto found = open_.find(key);
  if (found == open_.end()) return false;
  Order& order = orders_[found->second];
  if (id[0] == 'c') {
    if (order.placed || order.claim_told) return false;
    if (verdict != Verdict::kGrant && verdict != Verdict::kDeny) return false;
    order.claim_told = true;
    if (verdict == Verdict::kDeny) {
      order.claim_denied = true;
      ++report.claims_denied;
      if (order.truth.scheme == Scheme::kHonest) ++report.honest_claims_denied;
    }
    return true;
  }
  if (!order.placed || order.verdict || verdict > Verdict::kRefuse) return false;
  order.verdict = verdict;
  ++report.schemes[static_cast<size_t>(order.truth.scheme)].verdicts[static_cast<size_t>(verdict)];
  return true;
}

void Market::State::Pay(uint32_t index) {
  Order& order = orders_[index];
  if (options_.wait_for_verdicts && !order.verdict && order.waited < kWaitsMax) {
    PushOrder(now_ + (kWaitMs << order.waited), Step::kPay, index);
    ++order.waited;
    return;
  }
  open_.erase(order.key);
  if (order.cancels) {
    Stop(index, false);
    return;
  }
  switch (order.verdict.value_or(Verdict::kPass)) {
    case Verdict::kRefuse:
      Stop(index, true);
      return;
    case Verdict::kStepUp:
      if (!order.passes_step_up) {
        Stop(index, true);
        return;
      }
      break;
    case Verdict::kStripCoupon:
      if (order.coupon > 0 && order.wants_coupon) {
        Stop(index, true);
        return;
      }
      order.coupon = 0;
      break;
    default:
      break;
  }
  WriteOrderStep("order.paid", 'p', order, false);
  End();
  if (order.verdict == Verdict::kManual) {
    PushOrder(now_ + order.review_after, Step::kReview, index);
  } else {
    GoThrough(index);
  }
}

void Market::State::Review(uint32_t index) {
  const Order& order = orders_[index];
  const bool bad = order.truth.scheme != Scheme::kHonest;
  const bool found_bad = bad == order.review_is_right;
  WriteOrderStep("review.closed", 'v', order, true);
  Flag("bad", found_bad);
  End();
  if (found_bad) {
    Stop(index, true);
  } else {
    GoThrough(index);
  }
}

void Market::State::Stop(uint32_t index, bool by_verdict) {
  Order& order = orders_[index];
  order.stopped = true;
  WriteOrderStep("order.cancelled", 'x', order, false);
  Text("by", by_verdict ? "risk" : "buyer");
  End();
  if (!by_verdict) return;
  ++report.schemes[static_cast<size_t>(order.truth.scheme)].stopped;
  if (order.truth.gang != 0) {
    if (order.truth.scheme != Scheme::kTakeover && order.truth.scheme != Scheme::kCoerced &&
        (order.verdict == Verdict::kRefuse || order.verdict == Verdict::kManual)) {
      order.person->burned = true;
    }
    Blocked(order.truth.gang);
  }
}

void Market::State::GoThrough(uint32_t index) {
  const Order& order = orders_[index];
  report.sales += order.amount - order.coupon;
  shop_owed_[order.shop] += order.amount;
  if (order.truth.lost) {
    const bool coupon_is_lost =
        order.truth.scheme == Scheme::kCouponFarm || order.truth.scheme == Scheme::kDeviceFarm;
    if (!coupon_is_lost || order.coupon > 0) {
      report.schemes[static_cast<size_t>(order.truth.scheme)].lost += order.truth.loss_minor;
    }
  }
  PushOrder(now_ + order.ship_after, Step::kShip, index);
  if (order.chargeback_after >= 0) {
    PushOrder(now_ + order.chargeback_after, Step::kChargeback, index);
  }
  if (order.confirm_after >= 0) PushOrder(now_ + order.confirm_after, Step::kConfirm, index);
}

void Market::State::Sign(uint32_t index) {
  const Order& order = orders_[index];
  WriteOrderStep("order.signed", 'i', order, false);
  End();
  if (order.refund_after >= 0) PushOrder(now_ + order.refund_after, Step::kRefund, index);
  if (order.complaint_after >= 0) PushOrder(now_ + order.complaint_after, Step::kComplaint, index);
}

// --- Writing
// --------------------------------------------------------------------------------------

void Market::State::Name(std::string_view name) {
  if (!first_field_) text_ += ',';
  first_field_ = false;
  text_ += '"';
  text_ += name;
  text_ += "\":";
}

void Market::State::Begin(std::string_view type, char id_letter, uint64_t id,
                          std::string_view about) {
  Made made;
  made.begin = text_.size();
  made.at = now_;
  text_ += R"({"specversion":"1.0","id":")";
  made.id_at = text_.size();
  text_ += id_letter;
  text_ += '-';
  AppendHex(id, 16, &text_);
  made.id_size = text_.size() - made.id_at;
  text_ += R"(","source":"market","type":")";
  text_ += type;
  text_ += R"(","time":")";
  const int64_t local = now_ + kChinaMs;
  const int64_t day = local / kDayMs;
  if (day != day_shown_) {
    const std::string date = Date{day}.ToString();
    std::memcpy(date_, date.data(), 10);
    day_shown_ = day;
  }
  text_.append(date_, 10);
  text_ += 'T';
  const int64_t of_day = local % kDayMs;
  AppendTwo(of_day / kHourMs, &text_);
  text_ += ':';
  AppendTwo(of_day / kMinuteMs % 60, &text_);
  text_ += ':';
  AppendTwo(of_day / kSecondMs % 60, &text_);
  text_ += '.';
  text_ += static_cast<char>('0' + of_day % 1000 / 100);
  AppendTwo(of_day % 100, &text_);
  text_ += R"(+08:00",)";
  if (!about.empty()) {
    text_ += R"("about":")";
    text_ += about;
    text_ += R"(",)";
  }
  text_ += R"("data":{)";
  first_field_ = true;
  made_.push_back(made);
}

void Market::State::Key(std::string_view name, char letter, uint64_t number) {
  Name(name);
  text_ += '"';
  text_ += letter;
  const uint64_t salt = MixBits(options_.seed * 256 + static_cast<unsigned char>(letter));
  AppendHex(MixBits(number ^ salt), 16, &text_);
  text_ += '"';
}

void Market::State::Text(std::string_view name, std::string_view value) {
  Name(name);
  text_ += '"';
  text_ += value;
  text_ += '"';
}

void Market::State::Integer(std::string_view name, int64_t value) {
  Name(name);
  AppendInteger(value, &text_);
}

void Market::State::Amount(std::string_view name, int64_t minor) {
  Name(name);
  text_ += '"';
  AppendInteger(minor / 100, &text_);
  text_ += '.';
  AppendTwo(minor % 100, &text_);
  text_ += '"';
}

void Market::State::Flag(std::string_view name, bool value) {
  Name(name);
  text_ += value ? "true" : "false";
}

void Market::State::End(Asks asks, const OrderTruth& truth) {
  text_ += "}}";
  Made& made = made_.back();
  made.size = text_.size() - made.begin;
  made.asks = asks;
  made.truth = truth;
}

void Market::State::WriteOrder(const Order& order) {
  Begin("order.placed", 'o', order.key);
  Key("buyer_id", 'b', order.person->number);
  Key("host_id", 'h', hosts_[order.host].number);
  Key("room_id", 'r', order.room);
  Key("shop_id", 's', order.shop);
  Key("device_id", 'd', order.device);
  Key("address_id", 'a', order.address);
  Key("payer_id", 'p', order.payer);
  if (order.batch != 0) Key("batch_id", 'k', order.batch);
  if (order.inviter != 0) Key("inviter_id", 'b', order.inviter);
  Amount("amount", order.amount);
  if (order.coupon > 0) Amount("coupon", order.coupon);
  Integer("items", order.items);
  Text("category", kCategories[order.category]);
  Text("payment", kPayments[order.payment]);
  Integer("account_days", order.account_age / kDayMs);
  End(Asks::kOrder, order.truth);
}

// Up to the fields of the step itself: the caller ends it.
void Market::State::WriteOrderStep(std::string_view type, char letter, const Order& order,
                                   bool label) {
  char about[18] = {'o', '-'};
  for (int i = 0; i < 16; ++i) about[2 + i] = "0123456789abcdef"[(order.key >> (60 - 4 * i)) & 15];
  Begin(type, letter, order.key, label ? std::string_view(about, 18) : std::string_view());
  Key("buyer_id", 'b', order.person->number);
  Key("host_id", 'h', hosts_[order.host].number);
  Key("shop_id", 's', order.shop);
  if (type == "order.paid" || type == "chargeback.received") Key("payer_id", 'p', order.payer);
  if (type == "fraud.confirmed" || type == "review.closed") {
    Key("device_id", 'd', order.device);
    Key("address_id", 'a', order.address);
  }
  Text("order_id", std::string_view(about, 18));
  Amount("amount", order.amount - order.coupon);
}

void Market::State::WriteRegistered(const Person& person) {
  Begin("account.registered", 'u', MixBits(person.number));
  Key("buyer_id", 'b', person.number);
  Key("device_id", 'd', person.device);
  if (person.inviter != 0) Key("inviter_id", 'b', person.inviter);
  // A number of a range that carriers do not give out (140), from the person's own number.
  Name("mobile");
  text_ += "\"140";
  const uint64_t digits = MixBits(person.number ^ MixBits(options_.seed)) % 100'000'000;
  for (uint64_t unit = 10'000'000; unit > 0; unit /= 10) {
    text_ += static_cast<char>('0' + digits / unit % 10);
  }
  text_ += '"';
  End();
}

}  // namespace credence::sim
