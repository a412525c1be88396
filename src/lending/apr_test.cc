#include "src/lending/apr.h"

#include <gtest/gtest.h>

#include "src/base/random.h"
#include "src/lending/cost_cap.h"
#include "src/lending/plan.h"
#include "src/lending/test_support.h"

namespace credence::lending {
namespace {

Decimal Dec(const std::string& text) { return Decimal::Parse(text).value(); }

std::string InPercent(Decimal rate, int digits) {
  return (rate * Decimal::FromInt64(100)).Rounded(digits, Rounding::kHalfUp).ToString();
}

// "19/30" or "0".
Decimal Ratio(const std::string& text) {
  const size_t slash = text.find('/');
  if (slash == std::string::npos) return Dec(text);
  return Dec(text.substr(0, slash)) / Dec(text.substr(slash + 1));
}

struct Frequency {
  UnitPeriod unit;
  int64_t every;
};

Frequency FrequencyFrom(const std::string& text) {
  if (text == "semimonthly") return {UnitPeriod::kSemimonth, 1};
  if (text == "weekly") return {UnitPeriod::kWeek, 1};
  if (text == "biweekly") return {UnitPeriod::kWeek, 2};
  if (text.starts_with("4")) return {UnitPeriod::kWeek, 4};
  if (text == "quarterly") return {UnitPeriod::kMonth, 3};
  if (text == "bimonthly") return {UnitPeriod::kMonth, 2};
  return {UnitPeriod::kMonth, 1};
}

// "250 + 23x230" or "24x230".
std::vector<Decimal> Payments(const std::string& text) {
  std::vector<Decimal> payments;
  std::istringstream in(text);
  for (std::string word; in >> word;) {
    if (word == "+" || word == "then") continue;
    const size_t x = word.find('x');
    const int count = x == std::string::npos ? 1 : std::stoi(word.substr(0, x));
    const Decimal amount = Dec(x == std::string::npos ? word : word.substr(x + 1));
    for (int i = 0; i < count; ++i) payments.push_back(amount);
  }
  return payments;
}

TEST(Apr, RegulationZAppendixJToThePublishedDigits) {
  const std::string path = VectorFile("apr", "us_reg_z_appendix_j.csv");
  SKIP_WITHOUT_VECTORS(path);
  std::istringstream file(ReadText(path));
  std::string line;
  std::getline(file, line);
  int passed = 0;
  int failed = 0;
  while (std::getline(file, line)) {
    const std::vector<std::string> f = CsvFields(line);
    std::vector<Flow> flows{{0, Decimal(), Dec(f[1])}};
    const Decimal fraction = Ratio(f[7]);
    int64_t at = std::stoll(f[6]);
    for (const Decimal payment : Payments(f[2])) flows.push_back({at++, fraction, -payment});
    const auto rate = ActuarialRate(flows);
    bool same =
        rate.ok() &&
        (*rate * Dec(f[8]) * Decimal::FromInt64(100)).Rounded(2, Rounding::kHalfUp) == Dec(f[9]);
    if (f[4].size() == 10 && f[5].size() == 10) {
      const Frequency frequency = FrequencyFrom(f[3]);
      const UnitInterval interval =
          UnitPeriodsBetween(frequency.unit, frequency.every, D(f[4].c_str()), D(f[5].c_str()));
      same = same && interval.whole == std::stoll(f[6]) &&
             Decimal::FromInt64(interval.part_days) / Decimal::FromInt64(interval.part_of_days) ==
                 fraction &&
             UnitPeriodsPerYear(frequency.unit, frequency.every) == Dec(f[8]);
    }
    ++(same ? passed : failed);
    if (IsOwnVectorFolder()) {
      EXPECT_TRUE(same) << line;
    }
  }
  PrintTally("us_reg_z_appendix_j.csv", passed, failed, 0);
  if (IsOwnVectorFolder()) {
    EXPECT_EQ(passed, 11);
  }
}

TEST(Apr, EuTimeIntervals) {
  const std::string path = VectorFile("apr", "eu_time_intervals.csv");
  SKIP_WITHOUT_VECTORS(path);
  std::istringstream file(ReadText(path));
  std::string line;
  std::getline(file, line);
  int passed = 0;
  int failed = 0;
  while (std::getline(file, line)) {
    const std::vector<std::string> f = CsvFields(line);
    const EuInterval got = EuIntervalBetween(D(f[0].c_str()), D(f[1].c_str()));
    const bool same = std::to_string(got.months) + "/12+" + std::to_string(got.days) + "/" +
                          std::to_string(got.year_days) ==
                      f[2];
    ++(same ? passed : failed);
    if (IsOwnVectorFolder()) {
      EXPECT_TRUE(same) << line;
    }
  }
  PrintTally("eu_time_intervals.csv", passed, failed, 0);
  if (IsOwnVectorFolder()) {
    EXPECT_GE(passed, 4);
  }
}

// "1000 at 0; 500 at 1 year", "1200 after 546 days; 600 after 2 years", "6 monthly x 1707, fee 50
// with the first": amounts and years. Nothing for other words.
std::optional<std::vector<YearFlow>> EuFlows(const std::string& text, int sign) {
  std::vector<YearFlow> flows;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ';');) {
    std::istringstream in(part);
    std::string first;
    std::string word;
    in >> first >> word;
    const Decimal direction = Decimal::FromInt64(sign);
    if (word == "monthly") {
      std::string x;
      std::string amount;
      in >> x >> amount;
      std::erase(amount, ',');
      const Decimal twelve = Decimal::FromInt64(12);
      for (int month = 1; month <= std::stoi(first); ++month) {
        flows.push_back({Decimal::FromInt64(month) / twelve, direction * Dec(amount)});
      }
      std::string fee;
      if (in >> fee && fee == "fee") {
        std::string size;
        in >> size;
        flows.front().amount = flows.front().amount + direction * Dec(size);
      }
      continue;
    }
    std::string number;
    std::string unit;
    in >> number >> unit;
    if (word != "at" && word != "after") return std::nullopt;
    Decimal years = Dec(number);
    if (unit.starts_with("day")) years = years / Decimal::FromInt64(365);
    if (unit.starts_with("month")) years = years / Decimal::FromInt64(12);
    if (unit.starts_with("week")) years = years / Decimal::FromInt64(52);
    flows.push_back({years, direction * Dec(first)});
  }
  return flows;
}

TEST(Apr, EuAnnualPercentageRates) {
  const std::string path = VectorFile("apr", "eu_annual_percentage_rate.csv");
  SKIP_WITHOUT_VECTORS(path);
  std::istringstream file(ReadText(path));
  std::string line;
  std::getline(file, line);
  int passed = 0;
  int failed = 0;
  int unsupported = 0;
  while (std::getline(file, line)) {
    const std::vector<std::string> f = CsvFields(line);
    auto flows = EuFlows(f[0], 1);
    const auto back = EuFlows(f[1], -1);
    if (!flows || !back) {
      ++unsupported;
      continue;
    }
    flows->insert(flows->end(), back->begin(), back->end());
    const size_t point = f[3].find('.');
    const int digits = point == std::string::npos ? 0 : static_cast<int>(f[3].size() - point - 1);
    const auto rate = YearlyRate(*flows);
    const bool same = rate.ok() && Dec(InPercent(*rate, digits)) == Dec(f[3]);
    ++(same ? passed : failed);
    if (IsOwnVectorFolder()) {
      EXPECT_TRUE(same) << line;
    }
  }
  PrintTally("eu_annual_percentage_rate.csv", passed, failed, unsupported);
  if (IsOwnVectorFolder()) {
    EXPECT_EQ(passed, 5);
  }
}

TEST(Apr, ChineseInstalmentFigures) {
  const std::string path = VectorFile("apr", "cn_instalments.csv");
  SKIP_WITHOUT_VECTORS(path);
  std::istringstream file(ReadText(path));
  std::string line;
  std::getline(file, line);
  int passed = 0;
  int failed = 0;
  while (std::getline(file, line)) {
    const std::vector<std::string> f = CsvFields(line);
    Terms terms;
    terms.annual_rate = Percent(f[1]);
    terms.basis = InterestBasis::kEqualPeriods;
    terms.periods = std::stoi(f[2]);
    terms.rounding = Rounding::kHalfUp;
    terms.smooth = false;
    const Date start = D("2024-01-15");
    Plan level(terms, MakePeriods(terms, start, nullptr).value());
    level.Draw(start, Cents(f[0]));
    // Published totals are those of the unrounded instalment; ExactTotals gives them.
    const ExactTotals equal = TotalsOf(terms, Cents(f[0]));
    terms.kind = PlanKind::kEqualPrincipal;
    const ExactTotals totals = TotalsOf(terms, Cents(f[0]));
    const bool same = level.periods().front().instalment == Cents(f[3]) &&
                      equal.interest_minor == Cents(f[4]) && totals.first_minor == Cents(f[5]) &&
                      totals.decrease_minor == Cents(f[6]) && totals.interest_minor == Cents(f[7]);
    ++(same ? passed : failed);
    if (IsOwnVectorFolder()) {
      EXPECT_TRUE(same) << line;
    }
  }
  PrintTally("cn_instalments.csv", passed, failed, 0);
  if (IsOwnVectorFolder()) {
    EXPECT_EQ(passed, 3);
  }
}

TEST(Apr, AFlatFeePlanIsShownAtItsInternalRate) {
  // 12,000 in twelve instalments with a fee of 0.6 % of the whole each month: 1,072 a month. The
  // figure that looks like 7.2 % a year costs 13.03 % (nominal), 13.84 % (compound).
  std::vector<Flow> flows{{0, Decimal(), Dec("12000")}};
  for (int month = 1; month <= 12; ++month) flows.push_back({month, Decimal(), Dec("-1072")});
  const Decimal monthly = ActuarialRate(flows).value();
  EXPECT_EQ(InPercent(monthly * Decimal::FromInt64(12), 2), "13.03");
  EXPECT_EQ(InPercent(CompoundYearly(monthly, 12), 2), "13.84");
}

TEST(Apr, TheRateOfAPlanWithoutFeesIsItsNominalRate) {
  Random random(41);
  for (int i = 0; i < 60; ++i) {
    const Decimal rate = Decimal::FromScaled(random.Between(1, 4000), -4);  // 0.01 % to 40 %
    const int64_t n = random.Between(2, 60);
    const Decimal monthly = rate / Decimal::FromInt64(12);
    const Decimal v = Decimal::Power(Decimal::FromInt64(1) + monthly, Decimal::FromInt64(-n));
    const Decimal payment = Decimal::FromInt64(100'000) * monthly / (Decimal::FromInt64(1) - v);
    std::vector<Flow> flows{{0, Decimal(), Decimal::FromInt64(100'000)}};
    for (int64_t k = 1; k <= n; ++k) flows.push_back({k, Decimal(), -payment});
    const Decimal found = ActuarialRate(flows).value();
    EXPECT_LT((found - monthly).Abs(), Decimal::FromScaled(1, -18)) << rate.ToString() << " " << n;
  }
}

TEST(Apr, WithoutASolutionThereIsAnErrorAndNoFigure) {
  const auto code = [](std::vector<Flow> flows) { return ActuarialRate(flows).status().code(); };
  EXPECT_EQ(code({}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({{0, Decimal(), Dec("100")}}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({{0, Decimal(), Dec("-100")}, {1, Decimal(), Dec("100")}}),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(
      code({{0, Decimal(), Dec("100")}, {1, Decimal(), Dec("-90")}, {2, Decimal(), Dec("5")}}),
      StatusCode::kInvalidArgument);
  EXPECT_EQ(code({{0, Decimal(), Dec("1")}, {1, Decimal(), Dec("-100000000")}}),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(code({{0, Decimal(), Dec("100000000")}, {1, Decimal(), Dec("-1")}}),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(
      ActuarialRate(std::vector<Flow>{{0, Decimal(), Dec("100")}, {1, Decimal(), Dec("-100")}})
          .value(),
      Decimal());
  EXPECT_EQ(ActuarialRate(std::vector<Flow>{{0, Decimal(), Dec("100")}, {1, Decimal(), Dec("-50")}})
                .value()
                .Rounded(12, Rounding::kHalfEven),
            Dec("-0.5"));
}

TEST(CostOfCredit, EveryPayeeCounts) {
  const std::vector<DatedFlow> advances{{D("2024-01-01"), Dec("1000000")}};
  const std::vector<DatedFlow> payments{{D("2024-12-31"), Dec("1000000")}};
  const std::vector<CostItem> costs{{"lender", D("2024-12-31"), 100'000},
                                    {"guarantor", D("2024-01-01"), 20'000},
                                    {"platform", D("2024-12-31"), 30'000},
                                    {"guarantor", D("2024-12-31"), 1'000}};
  const auto cost = CostOfCredit(advances, payments, costs);
  ASSERT_TRUE(cost.ok()) << cost.status().ToString();
  EXPECT_EQ(cost->total_minor, 151'000);
  EXPECT_EQ(cost->by_payee, (std::vector<std::pair<std::string, int64_t>>{
                                {"guarantor", 21'000}, {"lender", 100'000}, {"platform", 30'000}}));
  // 980,000 in hand, 1,131,000 back after 365 days.
  EXPECT_EQ(InPercent(cost->yearly_compound, 4), "15.4082");
}

TEST(CostCaps, RefuseWithTheFigureAndTheRuleOfTheDay) {
  const std::vector<CostCap> rules{
      {"cn-24", "CN", "bank", D("2015-09-01"), std::nullopt, CapAction::kWarn, Dec("0.24"), "",
       "court interpretation 2015 No. 18"},
      {"cn-36", "CN", "bank", D("2015-09-01"), std::nullopt, CapAction::kRefuse, Dec("0.36"), "",
       "court interpretation 2015 No. 18"},
      {"cn-4-lpr", "CN", "private", D("2020-08-20"), std::nullopt, CapAction::kRefuse, Dec("4"),
       "lpr-1y", "court decision of 20 August 2020"},
      {"us-xx", "US-XX", "", D("2000-01-01"), D("2010-01-01"), CapAction::kRefuse, Dec("0.16"), "",
       "state usury"}};
  const std::vector<ReferenceRate> references{{"lpr-1y", D("2020-08-20"), Dec("0.0385")},
                                              {"lpr-1y", D("2021-12-20"), Dec("0.038")}};
  const auto caps = CostCaps::Make(rules, references);
  ASSERT_TRUE(caps.ok()) << caps.status().ToString();
  EXPECT_TRUE(caps->Check("CN", "bank", D("2024-01-01"), Dec("0.24")).empty());
  const auto both = caps->Check("CN", "bank", D("2024-01-01"), Dec("0.365"));
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[0].rule->id, "cn-36");
  EXPECT_EQ(both[0].ToString(), "cn-36: 36.5 % a year is above 36 %");
  EXPECT_EQ(both[1].rule->action, CapAction::kWarn);
  const auto lpr = caps->Check("CN", "private", D("2020-09-01"), Dec("0.1541"));
  ASSERT_EQ(lpr.size(), 1U);
  EXPECT_EQ(lpr[0].ToString(), "cn-4-lpr: 15.41 % a year is above 15.4 % (4 x lpr-1y of 3.85 %)");
  EXPECT_TRUE(caps->Check("CN", "private", D("2020-09-01"), Dec("0.154")).empty());
  EXPECT_EQ(caps->Check("CN", "private", D("2022-01-01"), Dec("0.154")).size(), 1U);
  EXPECT_TRUE(caps->Check("CN", "private", D("2020-08-19"), Dec("9")).empty());
  EXPECT_EQ(caps->Check("US-XX", "any", D("2009-12-31"), Dec("0.17")).size(), 1U);
  EXPECT_TRUE(caps->Check("US-XX", "any", D("2010-01-01"), Dec("0.17")).empty());
  EXPECT_FALSE(CostCaps::Make(rules, {}).ok());
  EXPECT_FALSE(CostCaps::Make({rules[0], rules[0]}, {}).ok());
}

}  // namespace
}  // namespace credence::lending
