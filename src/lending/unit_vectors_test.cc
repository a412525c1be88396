// Fineract's unit tests of its progressive instalment calculator (Apache-2.0), as rows: a plan,
// operations on it, and the periods expected at several moments. The extraction kept some arguments
// as the names of local variables; their values stand below, by test. Where a test says nothing of
// a value that it needs, it is counted as unsupported.
//
// A moment's rows must be met after one of the operations, in order; the last moment after the last
// operation.
#include <gtest/gtest.h>
#include <rapidjson/document.h>

#include <map>

#include "src/lending/plan.h"
#include "src/lending/test_support.h"

namespace credence::lending {
namespace {

using Names = std::map<std::string, std::string>;

// Values of local variables: {test prefix, {name, value}}. Dates as yyyy-mm-dd.
const std::vector<std::pair<std::string, Names>>& KnownNames() {
  static const std::vector<std::pair<std::string, Names>> kNames{
      {"test_chargeback_principalAndInterest_Amt100_dayInYears360_daysInMonth30_repayEvery1Month__",
       {{"txnDate#56", "2024-07-01"}}},
      {"test_reschedule_interest_on0201_2nd", {{"disbursedAmount", "100"}}},
      {"test_reschedule_interest_on0201",
       {{"interestChangeDate", "2024-02-02"}, {"interestRateNewValue", "4"}}},
      {"test_reschedule_interest_on0215",
       {{"interestChangeDate", "2024-02-15"}, {"interestRateNewValue", "4"}}},
      {"test_balance_correction_on0215",
       {{"op1stCorrectionPeriodDueDate", "2024-03-01"},
        {"op1stCorrectionDate", "2024-02-15"},
        {"op1stCorrectionAmount", "16.77"},
        {"op2ndCorrectionPeriodDueDate", "2024-04-01"},
        {"op2ndCorrectionDate", "2024-02-15"},
        {"op2ndCorrectionAmount", "16.42"}}},
      {"test_payoff_on0115", {{"disbursedAmount", "100"}}},
      {"test_payoff_on0215",
       {{"op1stCorrectionDate", "2024-02-15"}, {"op1stCorrectionAmount", "15"}}},
      {"test_multiDisbursedAmt300", {{"disbursedAmount#1", "200"}}},
      {"test_multiDisbursedAmt200", {{"disbursedAmount#1", "100"}}},
      {"test_multiDisbursedAmt150",
       {{"disbursedAmount", "100"}, {"disbursedAmount#1", "50"}, {"disbursedAmount#2", "25"}}},
      {"test_dailyInterest_disbursedAmt2000",
       {{"disbursedAmount1st", "1000"}, {"disbursedAmount2nd", "1000"}}},
      {"test_dailyInterest_chargeback", {{"startDay", "2024-01-01"}, {"dueDate", "2024-02-01"}}},
      {"test_chargeback_", {{"txnDate#12", "2024-02-01"}, {"txnDate", "2024-03-01"}}},
      {"test_multi_chargeback", {{"txnDate#12", "2024-02-01"}, {"txnDate", "2024-03-01"}}},
      {"test_s5_chargeback",
       {{"txnDate#12", "2024-02-01"}, {"txnDate", "2024-03-01"}, {"txnDate#56", "2024-03-15"}}},
      {"test_sameAsRepayment", {{"disbursementDate", "2024-01-01"}}},
      {"test_3_of_1_month",
       {{"disbursementDate", "2024-01-01"}, {"disbursementDate2", "2024-02-01"}}},
      {"testExtraTerms", {{"disbursementDate", "2024-06-01"}}},
      {"test_disbursedAmt1000_actual_actual_repayEvery1Month_verify",
       {{"disbursedAmount", "1000"}}},
      {"test_actual_actual_repayment_schedule_across_multiple_years_overdue",
       {{"disbursedAmount", "5000"}}},
      {"testFlatDaily", {{"disbursementDate", "2024-01-01"}}},
  };
  return kNames;
}

class Runner {
 public:
  explicit Runner(const rapidjson::Value& test) : test_(test), name_(test["test"].GetString()) {
    for (const auto& [prefix, names] : KnownNames()) {
      if (name_.starts_with(prefix)) names_.insert(names.begin(), names.end());
    }
  }

  // Nothing if the test cannot be played; else whether every moment was met.
  std::optional<bool> Run(std::string* trace) {
    if (!MakePlan()) return std::nullopt;
    CollectMoments();
    size_t met = 0;
    if (!moved_.empty()) {
      plan_->Draw(D("2024-01-01"), 10'000);
      for (const auto& [due, to] : moved_) {
        if (!plan_->MoveDue(D(due), D(to))) return false;
      }
      *trace = Shown(moments_.back());
      return Holds(moments_.back());
    }
    const auto& ops = test_["ops"].GetArray();
    for (op_ = 0; op_ < ops.Size(); ++op_) {
      if (!Play(ops[op_][0].GetString(), ops[op_][1].GetString())) return std::nullopt;
      if (met < moments_.size() && Holds(moments_[met])) {
        ++met;
      }
    }
    *trace = Shown(met < moments_.size() ? moments_[met] : moments_.back());
    return met == moments_.size();
  }

 private:
  struct Row {
    size_t index;
    std::string instalment, interest, principal, balance;
  };

  static std::string Field(const rapidjson::Value& object, const char* name) {
    const auto& value = object[name];
    return value.IsString() ? value.GetString() : "";
  }

  bool MakePlan() {
    Terms terms;
    const std::string rate = Field(test_, "rate");
    if (!rate.empty()) terms.annual_rate = Percent(rate);
    const std::string year = Field(test_, "diy");
    const std::string month = Field(test_, "dim");
    terms.basis = month == "DAYS_30"   ? InterestBasis::kThirty360
                  : year == "DAYS_360" ? InterestBasis::kAct360
                  : year == "DAYS_364" ? InterestBasis::kAct364
                  : year == "DAYS_365" ? InterestBasis::kAct365
                  : year == "ACTUAL"   ? InterestBasis::kActAct
                                       : InterestBasis::kEqualPeriods;
    if (name_.find("leap_year_only") != std::string::npos &&
        terms.basis == InterestBasis::kActAct) {
      terms.basis = InterestBasis::kActActFeb29;
    }
    terms.split_on_new_year = name_.ends_with("DisbursementDate_true");
    if (name_.starts_with("test_sameAsRepayment")) terms.basis = InterestBasis::kEqualPeriods;
    if (name_.find("Flat") != std::string::npos || name_.starts_with("test_sameAsRepayment")) {
      terms.kind = PlanKind::kFlat;
      terms.equal_payments = true;
    }
    const std::string every = Field(test_, "every");
    const std::string unit = Field(test_, "freq");
    if (!every.empty()) terms.every = std::stoi(every);
    terms.unit = unit == "WEEKS"  ? PeriodUnit::kWeeks
                 : unit == "DAYS" ? PeriodUnit::kDays
                                  : PeriodUnit::kMonths;
    // The same period of six days is a 61st of a leap year.
    if (terms.unit == PeriodUnit::kDays && terms.basis == InterestBasis::kEqualPeriods) {
      terms.basis = InterestBasis::kActAct;
    }
    std::vector<PeriodDates> dates;
    for (const auto& p : test_["periods"].GetArray()) {
      const auto number = [&](rapidjson::SizeType i) { return std::stoi(p[i].GetString()); };
      const Date from = Date::FromCivil(number(1), number(2), number(3)).value();
      const Date to = Date::FromCivil(number(4), number(5), number(6)).value();
      dates.push_back({from, to, to});
    }
    if (dates.empty()) {
      if (name_.starts_with("testExtraTerms")) terms.annual_rate = Decimal::FromScaled(12, -2);
      size_t count = 0;
      const auto& checks = test_["checks"].GetArray();
      for (rapidjson::SizeType i = 0; i < checks.Size(); ++i) {
        const size_t index = std::stoul(checks[i][1].GetString());
        if (i > 0 && index == 0) break;
        count = index + 1;
      }
      terms.periods = static_cast<int32_t>(count);
      const auto start = names_.find("disbursementDate");
      if (start == names_.end()) return false;
      dates = MakePeriods(terms, D(start->second.c_str()), nullptr).value();
    }
    terms.periods = static_cast<int32_t>(dates.size());
    // The extraction lost the operation of these three: due dates that move after the plan is made
    // for months from 2024-01-01. What moved is what its periods say.
    for (const auto& [prefix, moved] : MovedDates()) {
      if (!name_.starts_with(prefix)) continue;
      moved_ = moved;
      dates = MakePeriods(terms, D("2024-01-01"), nullptr).value();
    }
    plan_.emplace(terms, dates);
    return true;
  }

  using Moves = std::vector<std::pair<const char*, const char*>>;
  static std::vector<std::pair<std::string, Moves>> MovedDates() {
    return {{"test_reschedule_disbursed", {{"2024-02-01", "2024-03-01"}}},
            {"test_two_reschedules", {{"2024-02-01", "2024-03-01"}, {"2024-05-01", "2024-06-01"}}},
            {"test_reschedule_partial", {{"2024-03-01", "2024-04-15"}}}};
  }

  void CollectMoments() {
    size_t last_part = 0;
    for (const auto& check : test_["checks"].GetArray()) {
      const auto at = [&](size_t i) {
        return std::string(check[static_cast<rapidjson::SizeType>(i)].GetString());
      };
      const size_t size = check.Size();
      Row row;
      row.index = std::stoul(at(1));
      if (size == 7) {
        row = {row.index, at(2), at(3), at(4), at(5)};
      } else {
        row = {row.index, at(3), at(size - 3), at(size - 2), at(size - 1)};
      }
      // A moment ends where the rows begin again, or say the same stretch of the same period twice.
      const size_t part = size == 9 ? std::stoul(at(2)) : 0;
      const bool again = name_.ends_with("__") && !moments_.empty() && size == 9 &&
                         part == last_part && row.index == moments_.back().back().index;
      last_part = part;
      if (moments_.empty() || again || row.index < moments_.back().back().index) {
        moments_.emplace_back();
      }
      moments_.back().push_back(row);
    }
  }

  [[nodiscard]] bool Holds(const std::vector<Row>& rows) const {
    return std::all_of(rows.begin(), rows.end(), [&](const Row& row) {
      if (row.index >= plan_->periods().size()) return false;
      const Period& p = plan_->periods()[row.index];
      const int64_t instalment =
          plan_->terms().kind == PlanKind::kEqualInstalments ? p.instalment : p.Due();
      return instalment == Cents(row.instalment) && p.interest == Cents(row.interest) &&
             p.principal == Cents(row.principal) && p.balance_after == Cents(row.balance);
    });
  }

  [[nodiscard]] std::string Shown(const std::vector<Row>& rows) const {
    std::ostringstream out;
    for (const Row& row : rows) {
      if (row.index >= plan_->periods().size()) continue;
      const Period& p = plan_->periods()[row.index];
      out << "  " << row.index << " got " << p.instalment << ' ' << p.interest << ' ' << p.principal
          << ' ' << p.balance_after << " want " << row.instalment << ' ' << row.interest << ' '
          << row.principal << ' ' << row.balance << '\n';
    }
    return out.str();
  }

  // --- arguments ---

  // Splits at commas outside parentheses.
  static std::vector<std::string> Arguments(const std::string& text) {
    std::vector<std::string> out(1);
    int depth = 0;
    for (const char c : text) {
      if (c == '(') ++depth;
      if (c == ')') --depth;
      if (c == ',' && depth == 0) {
        out.emplace_back();
      } else if (c != ' ' && c != '\n') {
        out.back().push_back(c);
      }
    }
    return out;
  }

  // A name may mean something else at each operation: "name#67" holds at operations 6 and 7 (from
  // 0).
  [[nodiscard]] std::optional<std::string> Value(const std::string& name) const {
    for (const auto& [known, value] : names_) {
      const size_t hash = known.find('#');
      if (hash == std::string::npos || known.substr(0, hash) != name) continue;
      if (known.find(static_cast<char>('0' + op_), hash) != std::string::npos) return value;
    }
    const auto it = names_.find(name);
    if (it != names_.end()) return it->second;
    return std::nullopt;
  }

  [[nodiscard]] std::optional<Date> DateOf(std::string text) const {
    int64_t days = 0;
    int64_t months = 0;
    for (const auto& [word, sum] :
         {std::pair<std::string, int64_t*>{".plusDays(", &days}, {".plusMonths(", &months}}) {
      const size_t at = text.find(word);
      if (at == std::string::npos) continue;
      *sum = std::stoll(text.substr(at + word.size()));
      text.erase(at, text.find(')', at) + 1 - at);
    }
    std::optional<Date> date;
    if (text.starts_with("LocalDate.of(")) {
      const std::vector<std::string> parts = Arguments(text.substr(13, text.size() - 14));
      date = Date::FromCivil(std::stoi(parts[0]), std::stoi(parts[1]), std::stoi(parts[2]));
    } else if (const auto value = Value(text)) {
      date = D(value->c_str());
    } else if (text == "disbursementDate" && test_["periods"].Size() > 0) {
      date = plan_->periods().front().from;
    }
    if (date) date = date->PlusMonths(months).PlusDays(days);
    return date;
  }

  [[nodiscard]] std::optional<int64_t> AmountOf(const std::string& text) const {
    if (const auto value = Value(text)) return Cents(*value);
    if (text == "disbursedAmount") {
      const Row& row = moments_.front().front();
      return Cents(row.principal) + Cents(row.balance);
    }
    if (text.find("BigDecimal.ZERO") != std::string::npos) return 0;
    const size_t digit = text.find_first_of("0123456789");
    if (digit == std::string::npos) return std::nullopt;
    const size_t end = text.find_first_not_of("0123456789.", digit);
    return Cents(text.substr(digit, end == std::string::npos ? end : end - digit));
  }

  // --- operations ---

  bool Play(const std::string& verb, const std::string& text) {
    const std::vector<std::string> a = Arguments(text);
    const bool each = a.size() > 1 && a[1] == "dueDate" && a.back() == "duePrincipal";
    if (each) return PlayEach(verb);
    const auto day = a.size() > 1 ? DateOf(a[1]) : std::nullopt;
    if (!day) return false;
    if (verb == "payPrincipal" || verb == "payInterest") {
      const auto paid = DateOf(a[2]);
      const auto amount = AmountOf(a[3]);
      if (!paid || !amount) return false;
      for (size_t i = 0; i < plan_->periods().size(); ++i) {
        if (plan_->periods()[i].to != *day) continue;
        if (verb == "payPrincipal") {
          plan_->PayPrincipal(i, *paid, *amount);
        } else {
          plan_->PayInterest(i, *amount);
        }
        return true;
      }
      return false;
    }
    if (verb == "applyInterestPause") {
      const auto until = DateOf(a[2]);
      if (!until) return false;
      // Theirs names the days at whose end interest counts, except on the very first day.
      const bool first = day->PlusDays(-1) == plan_->periods().front().from;
      plan_->PauseInterest(first ? *day : day->PlusDays(-1), *until);
      return true;
    }
    if (verb == "changeInterestRate") {
      const auto value = Value(a[2]);
      const size_t digit = a[2].find_first_of("0123456789");
      if (!value && digit == std::string::npos) return false;
      const std::string rate = value ? *value : a[2].substr(digit, a[2].find(')') - digit);
      plan_->ChangeRate(day->PlusDays(-1), Percent(rate));
      return true;
    }
    if (verb == "addRepaymentPeriods") {
      plan_->AddPeriods(*day, std::stoi(a[2]));
      return true;
    }
    const auto amount = AmountOf(a[2]);
    if (!amount) return false;
    if (verb == "addDisbursement") {
      plan_->Draw(*day, *amount);
    } else if (verb == "creditPrincipal") {
      plan_->Credit(*day, *amount, 0);
    } else if (verb == "creditInterest") {
      plan_->Credit(*day, 0, *amount);
    } else if (verb == "addBalanceCorrection") {
      plan_->AddBalance(*day, *amount);
    } else {
      return false;
    }
    return true;
  }

  // A loop over the periods, with the due date and principal of each.
  bool PlayEach(const std::string& verb) {
    const Date start = plan_->periods().front().from;
    for (size_t i = 0; i < plan_->periods().size(); ++i) {
      if (verb == "payPrincipal") {
        const int64_t due = std::min(plan_->PayableOn(i, start).principal, plan_->Outstanding());
        if (due > 0) plan_->PayPrincipal(i, start, due);
      } else if (verb == "addBalanceCorrection") {
        plan_->AddBalance(plan_->periods()[i].to, plan_->periods()[i].principal);
      } else {
        return false;
      }
    }
    return true;
  }

  const rapidjson::Value& test_;
  std::string name_;
  Moves moved_;
  Names names_;
  std::optional<Plan> plan_;
  std::vector<std::vector<Row>> moments_;
  rapidjson::SizeType op_ = 0;
};

TEST(FineractVectors, UnitTestsOfTheInstalmentCalculator) {
  const std::string path = VectorFile("fineract", "emi_unit_vectors.json");
  SKIP_WITHOUT_VECTORS(path);
  rapidjson::Document tests;
  tests.Parse(ReadText(path).c_str());
  ASSERT_TRUE(tests.IsArray());
  int passed = 0;
  int failed = 0;
  int unsupported = 0;
  for (const auto& test : tests.GetArray()) {
    std::string trace;
    const std::optional<bool> met = Runner(test).Run(&trace);
    if (!met) {
      ++unsupported;
      std::printf("unsupported: %s\n", test["test"].GetString());
    } else if (*met) {
      ++passed;
    } else {
      ++failed;
      std::printf("miss: %s\n%s", test["test"].GetString(),
                  std::getenv("CREDENCE_VERBOSE") != nullptr ? trace.c_str() : "");
    }
  }
  std::printf("emi_unit_vectors.json: %d passed, %d failed, %d unsupported\n", passed, failed,
              unsupported);
  if (!IsOwnVectorFolder()) return;
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(unsupported, 0);
  EXPECT_EQ(passed, 68);
}

}  // namespace
}  // namespace credence::lending
