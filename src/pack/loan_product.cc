#include "src/pack/loan_product.h"

#include <algorithm>
#include <array>
#include <map>

namespace credence::pack {

using lending::ChargeRule;
using lending::CostCap;
using lending::PeriodUnit;
using lending::PlanKind;
using lending::Terms;

namespace {

template <class Value>
struct Choice {
  std::string_view name;
  Value value;
};

template <class Value, size_t n>
std::optional<Value> ReadChoice(const Node& node, const std::string& what,
                                const std::array<Choice<Value>, n>& choices, Reporter* reporter) {
  std::vector<std::string> names;
  for (const Choice<Value>& choice : choices) {
    if (node.kind == Node::Kind::kScalar && node.text == choice.name) return choice.value;
    names.emplace_back(choice.name);
  }
  std::string expected;
  for (const std::string& name : names) expected += (expected.empty() ? "" : ", ") + name;
  const std::string_view near = NearestName(node.text, names);
  reporter->Error(node, "unknown-name", what + ": expected one of " + expected,
                  near.empty() ? "" : "did you mean '" + std::string(near) + "'?");
  return std::nullopt;
}

constexpr std::array<Choice<PlanKind>, 5> kKinds{
    {{"equal-instalments", PlanKind::kEqualInstalments},
     {"equal-principal", PlanKind::kEqualPrincipal},
     {"interest-only", PlanKind::kInterestOnly},
     {"single-payment", PlanKind::kSinglePayment},
     {"flat", PlanKind::kFlat}}};
constexpr std::array<Choice<Rounding>, 7> kRoundings{{{"half-even", Rounding::kHalfEven},
                                                      {"half-up", Rounding::kHalfUp},
                                                      {"half-down", Rounding::kHalfDown},
                                                      {"up", Rounding::kUp},
                                                      {"down", Rounding::kDown},
                                                      {"ceiling", Rounding::kCeiling},
                                                      {"floor", Rounding::kFloor}}};
constexpr std::array<Choice<lending::MonthEnd>, 2> kMonthEnds{
    {{"keep-day", lending::MonthEnd::kKeepDay}, {"last-day", lending::MonthEnd::kLastDay}}};
constexpr std::array<Choice<ChargeRule::When>, 3> kWhens{
    {{"disbursement", ChargeRule::When::kDisbursement},
     {"instalment", ChargeRule::When::kInstalment},
     {"overdue", ChargeRule::When::kOverdue}}};
constexpr std::array<Choice<ChargeRule::Base>, 4> kBases{
    {{"drawn", ChargeRule::Base::kPercentOfDrawn},
     {"instalment", ChargeRule::Base::kPercentOfInstalment},
     {"interest", ChargeRule::Base::kPercentOfInterest},
     {"unpaid", ChargeRule::Base::kPercentOfUnpaid}}};
constexpr std::array<Choice<lending::FutureRule>, 4> kFutures{
    {{"next", lending::FutureRule::kNext},
     {"last", lending::FutureRule::kLast},
     {"next-last", lending::FutureRule::kNextLast},
     {"spread", lending::FutureRule::kSpread}}};
constexpr std::array<Choice<CapFigure>, 5> kFigures{{{"us_apr", CapFigure::kUsApr},
                                                     {"eu_aprc", CapFigure::kEuAprc},
                                                     {"irr_simple", CapFigure::kIrrSimple},
                                                     {"irr_compound", CapFigure::kIrrCompound},
                                                     {"comprehensive", CapFigure::kComprehensive}}};
constexpr std::array<Choice<lending::CapAction>, 2> kActions{
    {{"refuse", lending::CapAction::kRefuse}, {"warn", lending::CapAction::kWarn}}};
constexpr std::array<Choice<int>, 7> kWeekdays{
    {{"mon", 0}, {"tue", 1}, {"wed", 2}, {"thu", 3}, {"fri", 4}, {"sat", 5}, {"sun", 6}}};

// Reads one product; `where` is put before field names ("product cn-1: terms.").
class ProductReader {
 public:
  ProductReader(std::optional<Currency> fallback, Reporter* reporter)
      : fallback_(fallback), reporter_(reporter) {}

  std::optional<LoanProduct> Read(const Node& node) {
    const size_t before = reporter_->diagnostics()->size();
    MapReader map(node, "product", reporter_);
    if (node.kind != Node::Kind::kMap) return std::nullopt;
    ReadHeader(&map);
    if (const Node* terms = map.Require("terms")) ReadTerms(*terms);
    if (const Node* steps = map.Take("rate_steps")) ReadRateSteps(*steps);
    if (const Node* draws = map.Take("draws")) ReadDraws(*draws);
    if (const Node* charges = map.Take("charges")) ReadCharges(*charges);
    if (const Node* penalty = map.Take("penalty")) ReadPenalty(*penalty);
    if (const Node* fee = map.Take("merchant_fee")) {
      product_.merchant_fee =
          ReadRate(*fee, "merchant_fee", Decimal::FromInt64(1), reporter_).value_or(Decimal());
    }
    if (const Node* future = map.Take("in_advance")) {
      product_.product.future = ReadChoice(*future, "in_advance", kFutures, reporter_)
                                    .value_or(lending::FutureRule::kNext);
    }
    if (const Node* calendar = map.Take("calendar")) ReadCalendar(*calendar);
    if (const Node* law = map.Take("law")) ReadLaw(*law);
    map.Finish();
    const bool adjusts = product_.product.terms.business_days != BusinessDayRule::kUnadjusted;
    if (adjusts && !product_.calendar) product_.calendar = BusinessCalendar();
    if (reporter_->diagnostics()->size() != before) return std::nullopt;
    return std::move(product_);
  }

 private:
  void ReadHeader(MapReader* map) {
    if (const Node* name = map->Require("product")) {
      product_.name = ReadText(*name, "product", reporter_).value_or("");
    }
    if (const Node* node = map->Take("title")) {
      MapReader title(*node, "title", reporter_);
      const Node* english = title.Require("en");
      const Node* chinese = title.Require("zh");
      if (english != nullptr)
        product_.title[0] = ReadText(*english, "title.en", reporter_).value_or("");
      if (chinese != nullptr)
        product_.title[1] = ReadText(*chinese, "title.zh", reporter_).value_or("");
      title.Finish();
    }
    product_.currency = fallback_.value_or(Currency());
    const Node* currency = fallback_ ? map->Take("currency") : map->Require("currency");
    if (currency != nullptr) {
      const auto known = Currency::FromCode(currency->text);
      const auto codes = CurrencyCodes();
      if (!known) {
        reporter_->Unknown(*currency, "currency (ISO 4217)", currency->text,
                           {codes.begin(), codes.end()});
      }
      product_.currency = known.value_or(Currency());
    }
    if (const Node* node = map->Take("principal")) {
      product_.principal_minor = Amount(*node, "principal");
    }
    if (const Node* node = map->Take("start")) {
      product_.start = ReadDate(*node, "start", reporter_);
    }
  }

  std::optional<int64_t> Amount(const Node& node, std::string_view what) {
    // Without a currency there is one error already.
    if (product_.currency == Currency()) return std::nullopt;
    return ReadAmount(node, what, product_.currency, reporter_);
  }

  void ReadTerms(const Node& node) {
    Terms& terms = product_.product.terms;
    const size_t before = reporter_->diagnostics()->size();
    MapReader map(node, "terms", reporter_);
    if (const Node* kind = map.Require("kind")) {
      terms.kind = ReadChoice(*kind, "terms.kind", kKinds, reporter_).value_or(terms.kind);
    }
    if (const Node* periods = map.Require("periods")) {
      terms.periods = Count(*periods, "terms.periods", 1, lending::kPeriodsMax);
    }
    if (const Node* every = map.Take("every")) ReadEvery(*every);
    if (const Node* rate = map.Require("rate")) {
      terms.annual_rate =
          ReadRate(*rate, "terms.rate", Decimal::FromInt64(lending::kAnnualRateMax), reporter_)
              .value_or(Decimal());
    }
    if (const Node* basis = map.Take("basis")) ReadBasis(*basis);
    ReadDates(&map);
    ReadShape(&map);
    map.Finish();
    if (reporter_->diagnostics()->size() != before) return;
    const Status status = lending::CheckTerms(terms);
    if (!status.ok()) reporter_->Error(node, "bad-terms", "terms: " + status.message());
  }

  int32_t Count(const Node& node, std::string_view what, int64_t low, int64_t high) {
    return static_cast<int32_t>(ReadInteger(node, what, low, high, reporter_).value_or(low));
  }

  void ReadEvery(const Node& node) {
    static constexpr std::array<Choice<PeriodUnit>, 4> kUnits{{{"day", PeriodUnit::kDays},
                                                               {"week", PeriodUnit::kWeeks},
                                                               {"month", PeriodUnit::kMonths},
                                                               {"year", PeriodUnit::kYears}}};
    std::string_view text = node.text;
    int64_t number = 1;
    const size_t space = text.find(' ');
    if (space != std::string_view::npos) {
      const auto parsed = ParseInt128(text.substr(0, space));
      number = parsed && *parsed >= 1 && *parsed <= 1000 ? static_cast<int64_t>(*parsed) : 0;
      text = text.substr(space + 1);
    }
    if (text.ends_with('s')) text.remove_suffix(1);
    for (const auto& unit : kUnits) {
      if (node.kind != Node::Kind::kScalar || number == 0 || text != unit.name) continue;
      product_.product.terms.every = static_cast<int32_t>(number);
      product_.product.terms.unit = unit.value;
      return;
    }
    reporter_->Error(node, "wrong-type",
                     "terms.every: expected a step such as 1 month, 2 weeks, 10 days or 1 year "
                     "(1 to 1000)");
  }

  void ReadBasis(const Node& node) {
    const auto basis = lending::InterestBasisFromName(node.text);
    if (basis) {
      product_.product.terms.basis = *basis;
      return;
    }
    std::vector<std::string> names;
    for (uint8_t i = 1; i <= 11; ++i) {
      names.emplace_back(lending::InterestBasisName(static_cast<lending::InterestBasis>(i)));
    }
    std::string expected;
    for (const std::string& name : names) expected += (expected.empty() ? "" : ", ") + name;
    const std::string_view near = NearestName(node.text, names);
    reporter_->Error(node, "unknown-name", "terms.basis: expected one of " + expected,
                     near.empty() ? "" : "did you mean '" + std::string(near) + "'?");
  }

  void Flag(MapReader* map, const char* name, bool* flag) {
    if (const Node* node = map->Take(name)) {
      *flag = ReadFlag(*node, "terms." + std::string(name), reporter_).value_or(*flag);
    }
  }

  void ReadDates(MapReader* map) {
    Terms& terms = product_.product.terms;
    if (const Node* node = map->Take("first_due")) {
      terms.first_due = ReadDate(*node, "terms.first_due", reporter_);
    }
    if (const Node* node = map->Take("month_end")) {
      terms.month_end =
          ReadChoice(*node, "terms.month_end", kMonthEnds, reporter_).value_or(terms.month_end);
    }
    if (const Node* node = map->Take("business_days")) {
      const auto rule = BusinessDayRuleFromName(node->text);
      if (!rule) {
        reporter_->Error(*node, "unknown-name",
                         "terms.business_days: expected one of unadjusted, following, "
                         "modified-following, preceding, modified-preceding, nearest");
      }
      terms.business_days = rule.value_or(BusinessDayRule::kUnadjusted);
    }
    Flag(map, "split_on_new_year", &terms.split_on_new_year);
    Flag(map, "interest_to_adjusted_date", &terms.interest_to_adjusted_date);
  }

  void ReadShape(MapReader* map) {
    Terms& terms = product_.product.terms;
    const std::array<std::pair<const char*, int32_t*>, 3> graces{
        {{"principal_grace", &terms.principal_grace},
         {"interest_grace", &terms.interest_grace},
         {"interest_free", &terms.interest_free}}};
    for (const auto& [name, field] : graces) {
      if (const Node* node = map->Take(name)) {
        *field = Count(*node, "terms." + std::string(name), 0, lending::kPeriodsMax);
      }
    }
    if (const Node* node = map->Take("down_payment")) {
      terms.down_payment = ReadRate(*node, "terms.down_payment", Decimal::FromInt64(1), reporter_)
                               .value_or(Decimal());
    }
    const std::array<std::pair<const char*, int64_t*>, 3> amounts{
        {{"balloon", &terms.balloon_minor},
         {"instalment", &terms.fixed_instalment_minor},
         {"multiple", &terms.multiple_minor}}};
    for (const auto& [name, field] : amounts) {
      if (const Node* node = map->Take(name)) {
        *field = Amount(*node, "terms." + std::string(name)).value_or(*field);
      }
    }
    if (const Node* node = map->Take("rounding")) {
      terms.rounding =
          ReadChoice(*node, "terms.rounding", kRoundings, reporter_).value_or(terms.rounding);
      product_.product.rounding = terms.rounding;
    }
    Flag(map, "interest_on_overdue", &terms.interest_on_overdue);
    Flag(map, "smooth", &terms.smooth);
    Flag(map, "equal_payments", &terms.equal_payments);
    Flag(map, "residue_first", &terms.residue_first);
  }

  // False after an error: `what` is no list, or has more than `most` items.
  bool IsList(const Node& node, const std::string& what, size_t most) {
    if (node.kind == Node::Kind::kList && node.items.size() <= most) return true;
    reporter_->Error(node, "wrong-type",
                     what + ": expected a list of at most " + std::to_string(most) + " items");
    return false;
  }

  void ReadRateSteps(const Node& node) {
    if (!IsList(node, "rate_steps", kProductStepsMax)) return;
    for (const Node& item : node.items) {
      MapReader map(item, "rate_steps", reporter_);
      LoanProduct::RateStep step;
      const Node* from = map.Take("from");
      const Node* after = map.Take("after");
      if ((from == nullptr) == (after == nullptr)) {
        reporter_->Error(item, "missing-key",
                         "rate_steps: expected either 'from' (a date) or 'after' (a number of "
                         "periods)");
      }
      if (from != nullptr) step.from = ReadDate(*from, "rate_steps.from", reporter_);
      if (after != nullptr) step.after = Count(*after, "rate_steps.after", 1, lending::kPeriodsMax);
      if (const Node* rate = map.Require("rate")) {
        step.annual_rate = ReadRate(*rate, "rate_steps.rate",
                                    Decimal::FromInt64(lending::kAnnualRateMax), reporter_)
                               .value_or(Decimal());
      }
      map.Finish();
      product_.rate_steps.push_back(step);
    }
  }

  void ReadDraws(const Node& node) {
    if (!IsList(node, "draws", kProductStepsMax)) return;
    for (const Node& item : node.items) {
      MapReader map(item, "draws", reporter_);
      lending::OfferRequest::Draw draw;
      if (const Node* day = map.Require("day")) {
        draw.day = ReadDate(*day, "draws.day", reporter_).value_or(Date{});
      }
      if (const Node* amount = map.Require("amount")) {
        draw.amount_minor = Amount(*amount, "draws.amount").value_or(0);
      }
      map.Finish();
      product_.draws.push_back(draw);
    }
  }

  void ReadCharges(const Node& node) {
    if (!IsList(node, "charges", kProductChargesMax)) return;
    for (const Node& item : node.items) {
      MapReader map(item, "charges", reporter_);
      ChargeRule rule;
      std::string payee = "lender";
      if (const Node* when = map.Require("when")) {
        rule.when = ReadChoice(*when, "charges.when", kWhens, reporter_).value_or(rule.when);
      }
      const Node* amount = map.Take("amount");
      const Node* rate = map.Take("rate");
      const Node* base = map.Take("of");
      if ((amount == nullptr) == (rate == nullptr) || (rate == nullptr) != (base == nullptr)) {
        reporter_->Error(item, "missing-key",
                         "charges: expected either 'amount', or 'rate' and 'of' (drawn, "
                         "instalment, interest, unpaid)");
      }
      if (amount != nullptr) rule.amount_minor = Amount(*amount, "charges.amount").value_or(0);
      if (rate != nullptr) {
        rule.rate =
            ReadRate(*rate, "charges.rate", Decimal::FromInt64(10), reporter_).value_or(Decimal());
      }
      if (base != nullptr) {
        rule.base = ReadChoice(*base, "charges.of", kBases, reporter_).value_or(rule.base);
      }
      if (const Node* penalty = map.Take("penalty")) {
        rule.penalty = ReadFlag(*penalty, "charges.penalty", reporter_).value_or(false);
      }
      if (const Node* grace = map.Take("grace_days")) {
        rule.grace_days = Count(*grace, "charges.grace_days", 0, 366);
      }
      if (const Node* name = map.Take("payee")) {
        payee = ReadText(*name, "charges.payee", reporter_).value_or("");
      }
      map.Finish();
      product_.product.charges.push_back(rule);
      product_.payees.push_back(payee);
    }
  }

  void ReadPenalty(const Node& node) {
    MapReader map(node, "penalty", reporter_);
    if (const Node* rate = map.Require("rate")) {
      product_.product.penalty_rate =
          ReadRate(*rate, "penalty.rate", Decimal::FromInt64(lending::kAnnualRateMax), reporter_)
              .value_or(Decimal());
    }
    if (const Node* grace = map.Take("grace_days")) {
      product_.product.penalty_grace_days = Count(*grace, "penalty.grace_days", 0, 366);
    }
    map.Finish();
  }

  void ReadCalendar(const Node& node) {
    MapReader map(node, "calendar", reporter_);
    std::array<bool, 7> weekend{false, false, false, false, false, true, true};
    if (const Node* days = map.Take("weekend");
        days != nullptr && IsList(*days, "calendar.weekend", 7)) {
      weekend.fill(false);
      for (const Node& day : days->items) {
        const auto index = ReadChoice(day, "calendar.weekend", kWeekdays, reporter_);
        if (index) weekend[static_cast<size_t>(*index)] = true;
      }
    }
    std::array<std::vector<Date>, 2> dates;
    const std::array<std::string, 2> names{"holidays", "working"};
    for (size_t i = 0; i < 2; ++i) {
      const Node* list = map.Take(names[i]);
      if (list == nullptr || !IsList(*list, "calendar." + names[i], BusinessCalendar::kDatesMax)) {
        continue;
      }
      for (const Node& item : list->items) {
        const auto date = ReadDate(item, "calendar." + names[i], reporter_);
        if (date) dates[i].push_back(*date);
      }
    }
    map.Finish();
    auto calendar = BusinessCalendar::Make(weekend, dates[0], dates[1]);
    if (calendar.ok()) {
      product_.calendar = std::move(*calendar);
    } else {
      reporter_->Error(node, "bad-calendar", "calendar: " + calendar.status().message());
    }
  }

  void ReadLaw(const Node& node) {
    MapReader map(node, "law", reporter_);
    if (const Node* jurisdiction = map.Require("jurisdiction")) {
      product_.jurisdiction = ReadText(*jurisdiction, "law.jurisdiction", reporter_).value_or("");
    }
    if (const Node* lender = map.Take("lender")) {
      product_.lender = ReadText(*lender, "law.lender", reporter_).value_or("");
    }
    map.Finish();
  }

  std::optional<Currency> fallback_;
  Reporter* reporter_;
  LoanProduct product_;
};

}  // namespace

std::optional<Decimal> ReadRate(const Node& node, std::string_view what, Decimal high,
                                Reporter* reporter) {
  std::string_view text = node.text;
  const bool percent = text.ends_with('%');
  if (percent) text.remove_suffix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  auto rate = node.kind == Node::Kind::kScalar ? Decimal::Parse(text) : std::nullopt;
  if (rate && percent) rate = *rate / Decimal::FromInt64(100);
  if (rate && !rate->IsNegative() && *rate <= high) return rate;
  reporter->Error(node, "wrong-type",
                  std::string(what) + ": expected a rate such as 7.2% or 0.072, from 0 to " +
                      (high * Decimal::FromInt64(100)).ToString() + "%");
  return std::nullopt;
}

std::optional<int64_t> ReadAmount(const Node& node, std::string_view what, Currency currency,
                                  Reporter* reporter) {
  const auto money = Money::Parse(node.text, currency);
  if (node.kind == Node::Kind::kScalar && money.ok() && money->minor >= 0) return money->minor;
  std::string example = "1200";
  if (currency.digits() > 0)
    example += "." + std::string(static_cast<size_t>(currency.digits()), '0');
  reporter->Error(node, "wrong-type",
                  std::string(what) + ": expected an amount of " + std::string(currency.code()) +
                      " such as " + example + ", not negative");
  return std::nullopt;
}

std::optional<Date> ReadDate(const Node& node, std::string_view what, Reporter* reporter) {
  const auto date = Date::Parse(node.text);
  if (node.kind == Node::Kind::kScalar && date.ok()) return *date;
  reporter->Error(node, "wrong-type", std::string(what) + ": expected a date such as 2024-01-31");
  return std::nullopt;
}

std::optional<LoanProduct> ReadLoanProduct(const Node& node, std::optional<Currency> fallback,
                                           Reporter* reporter) {
  return ProductReader(fallback, reporter).Read(node);
}

Result<lending::OfferRequest> LoanProduct::Request(int64_t amount_minor, Date start_day) const {
  lending::OfferRequest request;
  request.product = product;
  request.payees = payees;
  request.amount_minor = amount_minor;
  request.start = start_day;
  request.draws = draws;
  request.merchant_fee = merchant_fee;
  request.calendar = calendar ? &*calendar : nullptr;
  if (rate_steps.empty()) return request;
  CREDENCE_ASSIGN(const auto dates,
                  lending::MakePeriods(product.terms, start_day, request.calendar));
  for (const RateStep& step : rate_steps) {
    if (!step.from && static_cast<size_t>(step.after) >= dates.size()) {
      return InvalidArgument("rate_steps.after is " + std::to_string(step.after) +
                             ", expected less than the number of periods");
    }
    const Date from = step.from ? *step.from : dates[static_cast<size_t>(step.after)].from;
    request.rate_steps.push_back({from, step.annual_rate});
  }
  return request;
}

std::string_view CapFigureName(CapFigure figure) {
  for (const auto& choice : kFigures) {
    if (choice.value == figure) return choice.name;
  }
  CREDENCE_UNREACHABLE();
}

namespace {

struct CapRule {
  CapFigure figure = CapFigure::kComprehensive;
  CostCap cap;
};

CapRule ReadCap(const Node& node, Reporter* reporter) {
  CapRule rule;
  MapReader map(node, "rules", reporter);
  const auto text = [&](const char* name, bool required, std::string* into) {
    const Node* member = required ? map.Require(name) : map.Take(name);
    if (member != nullptr) {
      *into = ReadText(*member, "rules." + std::string(name), reporter).value_or("");
    }
  };
  text("id", true, &rule.cap.id);
  text("jurisdiction", true, &rule.cap.jurisdiction);
  text("lender", false, &rule.cap.lender);
  text("reference", false, &rule.cap.reference);
  text("source", true, &rule.cap.source);
  if (const Node* figure = map.Require("figure")) {
    rule.figure = ReadChoice(*figure, "rules.figure", kFigures, reporter).value_or(rule.figure);
  }
  if (const Node* from = map.Require("from")) {
    rule.cap.from = ReadDate(*from, "rules.from", reporter).value_or(Date{});
  }
  if (const Node* until = map.Take("until")) {
    rule.cap.until = ReadDate(*until, "rules.until", reporter);
  }
  if (const Node* rate = map.Require("rate")) {
    rule.cap.rate =
        ReadRate(*rate, "rules.rate", Decimal::FromInt64(100), reporter).value_or(Decimal());
  }
  if (const Node* action = map.Take("action")) {
    rule.cap.action =
        ReadChoice(*action, "rules.action", kActions, reporter).value_or(rule.cap.action);
  }
  map.Finish();
  return rule;
}

const std::optional<Decimal>& FigureOf(CapFigure figure, const lending::Offer& offer) {
  switch (figure) {
    case CapFigure::kUsApr:
      return offer.us_apr;
    case CapFigure::kEuAprc:
      return offer.eu_aprc;
    case CapFigure::kIrrSimple:
      return offer.irr_simple;
    case CapFigure::kIrrCompound:
      return offer.irr_compound;
    case CapFigure::kComprehensive:
      return offer.comprehensive;
  }
  CREDENCE_UNREACHABLE();
}

}  // namespace

std::optional<CapBook> CapBook::Read(const Node& node, Reporter* reporter) {
  const size_t before = reporter->diagnostics()->size();
  MapReader map(node, "caps", reporter);
  std::map<CapFigure, std::vector<CostCap>> rules;
  std::vector<lending::ReferenceRate> references;
  const Node* rules_at = map.Require("rules");
  if (rules_at != nullptr) {
    if (rules_at->kind != Node::Kind::kList) {
      reporter->Error(*rules_at, "wrong-type", "rules: expected a list");
    }
    for (const Node& item : rules_at->items) {
      CapRule rule = ReadCap(item, reporter);
      rules[rule.figure].push_back(std::move(rule.cap));
    }
  }
  if (const Node* list = map.Take("references")) {
    if (list->kind != Node::Kind::kList) {
      reporter->Error(*list, "wrong-type", "references: expected a list");
    }
    for (const Node& item : list->items) {
      MapReader member(item, "references", reporter);
      lending::ReferenceRate reference;
      if (const Node* name = member.Require("name")) {
        reference.name = ReadText(*name, "references.name", reporter).value_or("");
      }
      if (const Node* from = member.Require("from")) {
        reference.from = ReadDate(*from, "references.from", reporter).value_or(Date{});
      }
      if (const Node* rate = member.Require("rate")) {
        reference.rate =
            ReadRate(*rate, "references.rate", Decimal::FromInt64(1), reporter).value_or(Decimal());
      }
      member.Finish();
      references.push_back(std::move(reference));
    }
  }
  map.Finish();
  if (reporter->diagnostics()->size() != before) return std::nullopt;
  CapBook book;
  for (auto& [figure, caps] : rules) {
    auto made = lending::CostCaps::Make(std::move(caps), references);
    if (made.ok()) {
      book.by_figure_.emplace_back(figure, std::move(*made));
    } else {
      reporter->Error(*rules_at, "bad-caps", "rules: " + made.status().message());
    }
  }
  if (reporter->diagnostics()->size() != before) return std::nullopt;
  return book;
}

std::vector<CapBook::Breach> CapBook::Check(std::string_view jurisdiction, std::string_view lender,
                                            Date day, const lending::Offer& offer) const {
  std::vector<Breach> breaches;
  for (const auto& [figure, caps] : by_figure_) {
    const std::optional<Decimal>& cost = FigureOf(figure, offer);
    if (!cost) continue;
    for (const auto& breach : caps.Check(jurisdiction, lender, day, *cost)) {
      breaches.push_back({figure, breach});
    }
  }
  std::stable_sort(breaches.begin(), breaches.end(), [](const Breach& a, const Breach& b) {
    return a.breach.rule->action < b.breach.rule->action;
  });
  return breaches;
}

}  // namespace credence::pack
