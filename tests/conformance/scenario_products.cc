#include "tests/conformance/scenario_products.h"

#include <array>
#include <fstream>
#include <sstream>

namespace credence::conformance {
namespace {

using lending::Allotment;
using lending::Bucket;
using lending::FutureRule;
using lending::InterestBasis;
using lending::Part;
using lending::PeriodUnit;
using lending::PlanKind;
using lending::Product;
using lending::Terms;
using lending::Timing;
using lending::TransactionKind;

constexpr std::array kTimings{Timing::kPastDue, Timing::kDue, Timing::kInAdvance};

std::vector<Bucket> SameOrder(std::initializer_list<Part> parts) {
  std::vector<Bucket> order;
  for (const Timing timing : kTimings) {
    for (const Part part : parts) order.push_back({timing, part});
  }
  return order;
}

// How the test products allot money unless they say otherwise.
std::vector<Bucket> AdvancedOrder() {
  return SameOrder({Part::kPenalty, Part::kFee, Part::kPrincipal, Part::kInterest});
}

FutureRule FutureFrom(const std::string& name) {
  if (name == "LAST_INSTALLMENT") return FutureRule::kLast;
  if (name == "REAMORTIZATION") return FutureRule::kSpread;
  if (name == "NEXT_LAST_INSTALLMENT") return FutureRule::kNextLast;
  return FutureRule::kNext;
}

std::optional<TransactionKind> KindFrom(const std::string& name) {
  static const std::map<std::string, TransactionKind> kKinds{
      {"REPAYMENT", TransactionKind::kRepay},
      {"DOWN_PAYMENT", TransactionKind::kDownPayment},
      {"GOODWILL_CREDIT", TransactionKind::kGoodwill},
      {"MERCHANT_ISSUED_REFUND", TransactionKind::kMerchantRefund},
      {"PAYOUT_REFUND", TransactionKind::kPayoutRefund},
      {"INTEREST_REFUND", TransactionKind::kInterestRefund},
      {"CHARGE_ADJUSTMENT", TransactionKind::kChargeAdjustment},
      {"INTEREST_PAYMENT_WAIVER", TransactionKind::kInterestPaymentWaiver}};
  const auto it = kKinds.find(name);
  if (it == kKinds.end()) return std::nullopt;
  return it->second;
}

// The words of PAST_DUE_PENALTY and so on, in the order in which they stand in `text`.
std::vector<Bucket> BucketsIn(const std::string& text) {
  static const std::array<std::pair<const char*, Timing>, 3> kWhen{
      {{"PAST_DUE_", Timing::kPastDue},
       {"DUE_", Timing::kDue},
       {"IN_ADVANCE_", Timing::kInAdvance}}};
  static const std::array<std::pair<const char*, Part>, 4> kWhat{{{"PENALTY", Part::kPenalty},
                                                                  {"FEE", Part::kFee},
                                                                  {"INTEREST", Part::kInterest},
                                                                  {"PRINCIPAL", Part::kPrincipal}}};
  static const std::string kPrefix = "AllocationTypesEnum.";
  std::vector<Bucket> found;
  for (size_t at = text.find(kPrefix); at != std::string::npos; at = text.find(kPrefix, at + 1)) {
    const std::string word = text.substr(at + kPrefix.size(), 32);
    for (const auto& [when, timing] : kWhen) {
      if (!word.starts_with(when)) continue;
      for (const auto& [what, part] : kWhat) {
        if (word.substr(std::string(when).size()).starts_with(what)) {
          found.push_back({timing, part});
        }
      }
    }
  }
  return found;
}

bool Holds(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

PeriodUnit UnitFrom(const std::string& text) {
  if (text == "DAYS") return PeriodUnit::kDays;
  if (text == "WEEKS") return PeriodUnit::kWeeks;
  if (text == "YEARS") return PeriodUnit::kYears;
  return PeriodUnit::kMonths;
}

Result<Date> DateFrom(const std::string& text) {
  static const std::array<std::string, 12> kMonths{"January",   "February", "March",    "April",
                                                   "May",       "June",     "July",     "August",
                                                   "September", "October",  "November", "December"};
  std::istringstream in(text);
  int day = 0;
  std::string month;
  int year = 0;
  in >> day >> month >> year;
  for (size_t i = 0; i < kMonths.size(); ++i) {
    if (kMonths[i] != month && kMonths[i].substr(0, 3) != month) continue;
    const auto date = Date::FromCivil(year, static_cast<int>(i) + 1, day);
    if (date) return *date;
  }
  return InvalidArgument("not a date: " + text);
}

std::optional<int64_t> CentsFrom(std::string text) {
  std::erase(text, ',');
  if (text.empty()) return std::nullopt;
  const auto amount = Decimal::Parse(text);
  if (!amount.has_value()) return std::nullopt;
  const Decimal minor = *amount * Decimal::FromInt64(100);
  const auto cents = minor.Rounded(0, Rounding::kHalfEven).ToInt64();
  if (!cents || Decimal::FromInt64(*cents) != minor) return std::nullopt;
  return cents;
}

Products::Products(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  book_.Parse(text.str().c_str());
  if (!book_.IsObject()) book_.SetObject();
}

std::string Products::Setting(const std::string& product, const char* key) const {
  const auto it = book_.FindMember(product.c_str());
  if (it == book_.MemberEnd() || !it->value.IsObject()) return "";
  const auto setting = it->value.FindMember(key);
  if (setting == it->value.MemberEnd() || !setting->value.IsString()) return "";
  return setting->value.GetString();
}

void Products::SetFuture(const std::string& product, const std::string& kind,
                         const std::string& rule) {
  futures_[{product, kind}] = rule;
}

void Products::SetAllotments(const std::string& name, Product* product) const {
  // Products named PMT_ALLOC_1 take interest before principal.
  product->order = Holds(name, "PMT_ALLOC_1")
                       ? SameOrder({Part::kPenalty, Part::kFee, Part::kInterest, Part::kPrincipal})
                       : AdvancedOrder();
  product->allotments[TransactionKind::kGoodwill] = {AdvancedOrder(), FutureRule::kLast};
  product->allotments[TransactionKind::kMerchantRefund] = {AdvancedOrder(), FutureRule::kSpread};
  product->allotments[TransactionKind::kPayoutRefund] = {AdvancedOrder(), FutureRule::kNext};
  if (Holds(name, "LAST_INSTALLMENT_STRATEGY")) product->future = FutureRule::kLast;
  // createPaymentAllocation("KIND", "RULE", bucket …) …
  const std::string rules = Setting(name, "of");
  static const std::string kCall = "createPaymentAllocation";
  if (Holds(rules, kCall.c_str())) product->allotments.clear();
  for (size_t at = rules.find(kCall); at != std::string::npos;) {
    const size_t next = rules.find(kCall, at + 1);
    const std::string call = rules.substr(at, next == std::string::npos ? next : next - at);
    at = next;
    std::vector<std::string> words;
    for (size_t quote = call.find('"'); quote != std::string::npos;) {
      const size_t end = call.find('"', quote + 1);
      if (end == std::string::npos) break;
      words.push_back(call.substr(quote + 1, end - quote - 1));
      quote = call.find('"', end + 1);
    }
    if (words.size() < 2) continue;
    std::vector<Bucket> order = BucketsIn(call);
    if (order.empty()) order = AdvancedOrder();
    if (words[0] == "DEFAULT") {
      product->order = order;
      product->future = FutureFrom(words[1]);
    } else if (const auto kind = KindFrom(words[0])) {
      product->allotments[*kind] = {order, FutureFrom(words[1])};
    }
  }
  for (const auto& [key, rule] : futures_) {
    if (key.first != name) continue;
    if (key.second == "DEFAULT") {
      product->future = FutureFrom(rule);
    } else if (const auto kind = KindFrom(key.second)) {
      if (!product->allotments.contains(*kind)) {
        product->allotments[*kind] = {product->order, product->future};
      }
      product->allotments[*kind].future = FutureFrom(rule);
    }
  }
}

Status Products::SetOrder(const std::string& name, const std::string& strategy,
                          Product* product) const {
  using enum Part;
  const auto two = [&](std::initializer_list<Part> due, std::initializer_list<Part> ahead) {
    product->order = SameOrder(due);
    product->order.resize(8);
    for (const Part part : ahead) product->order.push_back({Timing::kInAdvance, part});
    product->charges_by_own_day = true;
  };
  if (strategy == "ADVANCED_PAYMENT_ALLOCATION") {
    SetAllotments(name, product);
  } else if (strategy == "PENALTIES_FEES_INTEREST_PRINCIPAL_ORDER") {
    product->order = SameOrder({kPenalty, kFee, kInterest, kPrincipal});
  } else if (strategy == "INTEREST_PRINCIPAL_PENALTIES_FEES_ORDER") {
    product->order = SameOrder({kInterest, kPrincipal, kPenalty, kFee});
  } else if (strategy == "PRINCIPAL_INTEREST_PENALTIES_FEES_ORDER") {
    product->order = SameOrder({kPrincipal, kInterest, kPenalty, kFee});
  } else if (strategy ==
             "DUE_PENALTY_INTEREST_PRINCIPAL_FEE_IN_ADVANCE_PENALTY_INTEREST_PRINCIPAL_FEE") {
    two({kPenalty, kInterest, kPrincipal, kFee}, {kPenalty, kInterest, kPrincipal, kFee});
  } else if (strategy ==
             "DUE_PENALTY_FEE_INTEREST_PRINCIPAL_IN_ADVANCE_PRINCIPAL_PENALTY_FEE_INTEREST") {
    two({kPenalty, kFee, kInterest, kPrincipal}, {kPrincipal, kPenalty, kFee, kInterest});
  } else {
    return Unimplemented("payment strategy " + strategy);
  }
  return OkStatus();
}

Result<LoanPlan> Products::FromTable(const Step& step) const {
  const auto cell = [&](const char* column) { return step.Cell(1, column); };
  const std::string name = cell("LoanProduct");
  const auto has = [&](const char* part) { return Holds(name, part); };
  LoanPlan plan;
  Product& product = plan.product;
  Terms& terms = product.terms;
  plan.advanced = cell("Payment strategy") == "ADVANCED_PAYMENT_ALLOCATION";
  const bool cumulative = !plan.advanced;
  const bool known = book_.HasMember(name.c_str());
  const std::string year = Setting(name, "daysInYearType");
  const std::string multiples = Setting(name, "installmentAmountInMultiplesOf");
  terms.basis = cumulative                      ? InterestBasis::kAct365
                : known || has("ACTUAL_ACTUAL") ? InterestBasis::kActAct
                                                : InterestBasis::kThirty360;
  if (has("360_30") || Holds(year, "360")) terms.basis = InterestBasis::kThirty360;
  if (has("360_ACTUAL")) terms.basis = InterestBasis::kAct360;
  if (has("365_ACTUAL")) terms.basis = InterestBasis::kAct365;
  if (has("LEAP_YEAR")) terms.basis = InterestBasis::kActActFeb29;
  terms.split_on_new_year = has("RECOGNITION_DISBURSEMENT") || has("INT_RECOGNITION_FROM_DISB");
  if (cell("interest calculation period") == "SAME_AS_REPAYMENT_PERIOD") {
    terms.basis = InterestBasis::kEqualPeriods;
  }
  const auto rate = Decimal::Parse(cell("ANNUAL interest rate %"));
  if (!rate.has_value()) return InvalidArgument("rate of " + name);
  terms.annual_rate = *rate / Decimal::FromInt64(100);
  plan.zero_rate = terms.annual_rate.IsZero();
  if (cell("interest type") == "FLAT" && !plan.zero_rate) {
    terms.kind = PlanKind::kFlat;
    if (cumulative) terms.basis = InterestBasis::kEqualPeriods;
    terms.equal_payments = !cumulative || multiples == "1";
  } else if (cell("amortization type") == "EQUAL_PRINCIPAL") {
    terms.kind = PlanKind::kEqualPrincipal;
  }
  terms.every = std::stoi(cell("repaymentEvery"));
  terms.unit = UnitFrom(cell("repaymentFrequencyType"));
  terms.periods = std::stoi(cell("numberOfRepayments"));
  const auto whole = [&](const char* column) {
    return cell(column).empty() ? 0 : std::stoi(cell(column));
  };
  terms.principal_grace = whole("graceOnPrincipalPayment");
  terms.interest_grace = whole("graceOnInterestPayment");
  terms.interest_free = whole("interest free period");
  const std::string frequency = cell("interestRateFrequencyType");
  if (has("WHOLE_TERM") || frequency == "WHOLE_TERM") {
    terms.basis = InterestBasis::kEqualPeriods;
    terms.annual_rate = terms.annual_rate * Decimal::FromInt64(12) /
                        Decimal::FromInt64(int64_t{terms.periods} * terms.every);
  } else if (frequency == "MONTH") {
    terms.annual_rate = terms.annual_rate * Decimal::FromInt64(12);
  }
  const std::string recalculates = Setting(name, "isInterestRecalculationEnabled");
  const bool recalculated =
      (!plan.zero_rate || !cumulative) &&
      (recalculates.empty() ? (has("RECALC") && !has("NO_INTEREST_RECALC") && !has("NO_INT_RECALC"))
                            : recalculates == "true");
  if (cumulative && recalculated) {
    return Unimplemented("recalculated interest on a cumulative schedule");
  }
  terms.interest_by_plan = !recalculated;
  terms.interest_on_overdue = recalculated && !has("NO_CALC_ON_PAST_DUE");
  product.holds_surplus = true;
  const std::string refunds = Setting(name, "supportedInterestRefundTypes");
  plan.refunds_interest =
      refunds.empty() ? has("INTEREST_REFUND") || has("INT_REFUND")
                      : refunds == "supportedInterestRefundTypes" || Holds(refunds, "MERCHANT");
  if (has("TILL_REST_FREQUENCY")) return Unimplemented("interest to the rest date at pay-off");
  terms.smooth = !cumulative;
  terms.flat_on_drawn = cumulative;
  terms.draws_over_all = cumulative;
  terms.earned_evenly = cumulative;
  const bool whole_by_name = name.starts_with("LP1") || (!known && cumulative);
  if (multiples == "1" || (multiples.empty() && whole_by_name)) terms.multiple_minor = 100;
  const std::string down = Setting(name, "enableDownPayment");
  if (down == "true" || (down.empty() && (has("DOWNPAYMENT") || has("_DP_")))) {
    terms.down_payment = Decimal::FromScaled(25, -2);
  }
  const std::string automatic = Setting(name, "enableAutoRepaymentForDownPayment");
  plan.auto_down_payment =
      automatic.empty() ? has("AUTO_DOWNPAYMENT") || has("DOWNPAYMENT_AUTO") : automatic == "true";
  plan.accrual_activity =
      Setting(name, "enableAccrualActivityPosting") == "true" || has("ACCRUAL_ACTIVITY");
  product.part_by_part = has("VERTICAL");
  product.down_payment_first = cumulative;
  if (has("ZERO_INTEREST_CHARGE_OFF") || has("ZERO_INT_CHARGE_OFF") || has("ZERO_CHARGE_OFF")) {
    product.charge_off = lending::ChargeOffRule::kZeroInterest;
  }
  if (has("ACCELERATE_MATURITY") || has("ACC_MATUR")) {
    product.charge_off = lending::ChargeOffRule::kAccelerate;
  }
  using enum Part;
  if (has("CREDIT_ALLOCATION")) {
    product.chargeback_order = {kPenalty, kFee, kInterest, kPrincipal};
  } else if (has("CHARGEBACK_INTEREST") || has("CHARGEBACK_ALLOCATION_INTEREST")) {
    product.chargeback_order = {kInterest, kPenalty, kFee, kPrincipal};
  } else if (has("CHARGEBACK_PRINCIPAL") || has("CHARGEBACK_ALLOCATION_PRINCIPAL")) {
    product.chargeback_order = {kPrincipal, kInterest, kPenalty, kFee};
  }
  const Status order = SetOrder(name, cell("Payment strategy"), &product);
  if (!order.ok()) return order;
  const auto principal = CentsFrom(cell("with Principal"));
  if (!principal) return InvalidArgument("principal of " + name);
  plan.principal = *principal;
  const auto submitted = DateFrom(cell("submitted on date"));
  if (!submitted.ok()) return submitted.status();
  plan.submitted = submitted.value();
  const Status terms_ok = lending::CheckTerms(terms);
  if (!terms_ok.ok()) return Unimplemented(terms_ok.message());
  return plan;
}

LoanPlan Products::Simple(int64_t principal, Date submitted, PeriodUnit unit, int32_t every,
                          int32_t periods) const {
  LoanPlan plan;
  plan.principal = principal;
  plan.submitted = submitted;
  plan.zero_rate = true;
  plan.product.holds_surplus = true;
  Terms& terms = plan.product.terms;
  terms.unit = unit;
  terms.every = every;
  terms.periods = periods;
  terms.smooth = false;
  terms.multiple_minor = 100;
  terms.interest_by_plan = true;
  return plan;
}

}  // namespace credence::conformance
