#include "src/lending/loan.h"

#include <gtest/gtest.h>

#include "src/lending/test_support.h"

namespace credence::lending {
namespace {

std::vector<std::string> Words(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

TransactionKind KindFrom(const std::string& word) {
  using enum TransactionKind;
  static const std::map<std::string, TransactionKind> kKinds{{"draw", kDraw},
                                                             {"repay", kRepay},
                                                             {"prepay-smaller", kPrepaySmaller},
                                                             {"prepay-fewer", kPrepayFewer},
                                                             {"pay-off", kPayOff},
                                                             {"charge", kCharge},
                                                             {"penalty", kPenalty},
                                                             {"waive-charges", kWaiveCharges},
                                                             {"waive-interest", kWaiveInterest},
                                                             {"merchant-return", kMerchantReturn},
                                                             {"chargeback", kChargeback},
                                                             {"write-off", kWriteOff},
                                                             {"recovery", kRecovery},
                                                             {"refund-overpaid", kRefundOverpaid},
                                                             {"change-rate", kChangeRate},
                                                             {"pause-interest", kPauseInterest},
                                                             {"extend", kExtend},
                                                             {"down-payment", kDownPayment},
                                                             {"goodwill", kGoodwill},
                                                             {"merchant-refund", kMerchantRefund},
                                                             {"interest-refund", kInterestRefund},
                                                             {"charge-off", kChargeOff},
                                                             {"terminate", kTerminate},
                                                             {"reamortise", kReamortise},
                                                             {"reage", kReage},
                                                             {"move-due", kMoveDue}};
  return kKinds.at(word);
}

Loan LoanFrom(const std::vector<std::string>& words) {
  static const std::map<std::string, PlanKind> kKinds{
      {"equal-instalments", PlanKind::kEqualInstalments},
      {"equal-principal", PlanKind::kEqualPrincipal},
      {"interest-only", PlanKind::kInterestOnly},
      {"single-payment", PlanKind::kSinglePayment},
      {"flat", PlanKind::kFlat}};
  Product product;
  Terms& terms = product.terms;
  terms.kind = kKinds.at(words[1]);
  terms.annual_rate = Percent(words[3]);
  terms.periods = std::stoi(words[4]);
  terms.basis = InterestBasisFromName(words[5]).value();
  for (size_t i = 7; i < words.size(); ++i) {
    const std::string name = words[i].substr(0, words[i].find('='));
    const std::string value = words[i].substr(words[i].find('=') + 1);
    if (name == "grace") terms.principal_grace = std::stoi(value);
    if (name == "interest-grace") terms.interest_grace = std::stoi(value);
    if (name == "free") terms.interest_free = std::stoi(value);
    if (name == "multiple") terms.multiple_minor = std::stoi(value);
    if (name == "down") terms.down_payment = Percent(value);
    if (name == "balloon") terms.balloon_minor = std::stoll(value);
    if (name == "over-all") terms.draws_over_all = true;
    if (name == "by-plan") terms.interest_by_plan = true;
    if (name == "surplus") product.holds_surplus = true;
    if (name == "zero-interest") product.charge_off = ChargeOffRule::kZeroInterest;
    if (name == "accelerate") product.charge_off = ChargeOffRule::kAccelerate;
    if (name == "penalty") product.penalty_rate = Percent(value);
    if (name == "late") terms.interest_on_overdue = true;
    if (value == "last") product.future = FutureRule::kLast;
    if (value == "next-last") product.future = FutureRule::kNextLast;
    if (value == "spread") product.future = FutureRule::kSpread;
    if (name == "fee" || name == "overdue-fee") {
      ChargeRule rule;
      rule.when = name == "fee" ? ChargeRule::When::kInstalment : ChargeRule::When::kOverdue;
      rule.penalty = name != "fee";
      rule.amount_minor = std::stoll(value);
      product.charges.push_back(rule);
    }
  }
  EXPECT_TRUE(CheckTerms(terms).ok());
  const Date start = D(words[6].c_str());
  Loan loan(product, start, MakePeriods(terms, start, nullptr).value());
  Transaction draw;
  draw.id = 1'000'000;
  draw.kind = TransactionKind::kDraw;
  draw.day = start;
  draw.amount_minor = std::stoll(words[2]);
  EXPECT_EQ(loan.Apply(draw), LoanStatus::kApplied);
  return loan;
}

Transaction TransactionFrom(const std::vector<std::string>& words) {
  Transaction t;
  t.id = std::stoull(words[0]);
  t.kind = KindFrom(words[1]);
  t.day = D(words[2].c_str());
  for (size_t i = 3; i < words.size(); ++i) {
    const std::string value = words[i].substr(words[i].find('=') + 1);
    if (words[i].starts_with("rate=")) {
      t.rate = Percent(value);
    } else if (words[i].starts_with("until=")) {
      t.until = D(value.c_str());
    } else if (words[i].starts_with("due=")) {
      t.due = D(value.c_str());
    } else if (words[i].starts_with("about=")) {
      t.about = std::stoull(value);
    } else if (words[i].starts_with("count=")) {
      t.count = std::stoi(value);
    } else {
      t.amount_minor = std::stoll(words[i]);
    }
  }
  return t;
}

std::string Answer(std::optional<Loan>& loan, const std::vector<std::string>& words) {
  std::ostringstream out;
  if (words[0] == "period") {
    const Period& p = loan->plan().periods().at(std::stoul(words[1]) - 1);
    out << p.due.ToString() << ' ' << p.principal << ' ' << p.interest;
  } else if (words[0] == "row") {
    const Instalment row = loan->Instalments().at(std::stoul(words[1]) - 1);
    out << row.due.ToString() << ' ' << row.Due() << ' ' << row.paid << ' ' << row.paid_in_advance
        << ' ' << row.paid_late << ' ' << (row.settled_on ? row.settled_on->ToString() : "open");
  } else if (words[0] == "split") {
    for (const AppliedTransaction& applied : loan->transactions()) {
      if (applied.transaction.id != std::stoull(words[1])) continue;
      const Allocation& a = applied.allocation;
      out << a.principal << ' ' << a.interest << ' ' << a.fee << ' ' << a.penalty << ' '
          << a.overpaid;
    }
  } else if (words[0] == "totals") {
    const LoanTotals t = loan->totals();
    out << t.principal_outstanding << ' ' << t.principal_paid << ' ' << t.interest_paid << ' '
        << t.overpaid << ' ' << t.written_off_principal;
  } else if (words[0] == "quote") {
    const Allocation q = loan->PayOffQuote(D(words[1].c_str()));
    out << q.principal << ' ' << q.interest << ' ' << q.fee << ' ' << q.penalty;
  } else if (words[0] == "at") {
    loan->Observe(D(words[1].c_str()));
    const Allocation o = loan->Overdue();
    const std::optional<Date> oldest = loan->OldestUnpaidDue();
    out << o.principal << ' ' << o.interest << ' ' << o.fee << ' ' << o.penalty << ' '
        << (oldest ? oldest->ToString() : "none");
  } else if (words[0] == "state") {
    constexpr std::array kStates{"", "pending", "active", "closed", "overpaid", "written-off"};
    out << kStates.at(static_cast<size_t>(loan->state()));
  } else if (words[0] == "reverse") {
    out << LoanStatusName(loan->Reverse(std::stoull(words[1])));
  } else {
    out << LoanStatusName(loan->Apply(TransactionFrom(words)));
  }
  return out.str();
}

TEST(LoanTable, EveryRowGivesItsAnswer) {
  std::istringstream file(ReadText(std::string(CREDENCE_SOURCE_DIR) + "/src/lending/loan.tbl"));
  std::optional<Loan> loan;
  int rows = 0;
  int line = 0;
  for (std::string text; std::getline(file, text);) {
    ++line;
    if (text.empty() || text[0] == '#') continue;
    SCOPED_TRACE("loan.tbl:" + std::to_string(line) + ": " + text);
    ++rows;
    const size_t equals = text.find(" = ");
    const std::vector<std::string> words = Words(text.substr(0, equals));
    if (words[0] == "loan") {
      loan = LoanFrom(words);
      continue;
    }
    ASSERT_TRUE(loan.has_value() && equals != std::string::npos);
    EXPECT_EQ(Answer(loan, words), text.substr(equals + 3));
  }
  EXPECT_GT(rows, 100);
}

TEST(Terms, EveryImpossibleProductIsRefusedByName) {
  const auto says = [](const Terms& terms, const char* what) {
    const Status status = CheckTerms(terms);
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << what;
    EXPECT_NE(status.message().find(what), std::string::npos) << status.ToString();
  };
  Terms good;
  good.periods = 12;
  EXPECT_TRUE(CheckTerms(good).ok());
  Terms t = good;
  t.periods = 0;
  says(t, "periods");
  t.periods = kPeriodsMax + 1;
  says(t, "periods");
  t = good;
  t.every = 0;
  says(t, "every");
  t.every = 110;  // 12 x 110 months
  says(t, "100 years");
  t = good;
  t.annual_rate = Decimal::FromInt64(-1);
  says(t, "annual_rate");
  t.annual_rate = Decimal::FromInt64(101);
  says(t, "annual_rate");
  t = good;
  t.principal_grace = 12;  // never amortises
  says(t, "principal_grace");
  t = good;
  t.interest_grace = 12;
  says(t, "interest_grace");
  t = good;
  t.interest_free = 13;
  says(t, "interest_free");
  t = good;
  t.balloon_minor = -1;
  says(t, "balloon");
  t = good;
  t.multiple_minor = 0;
  says(t, "multiple_minor");
  t = good;
  t.down_payment = Decimal::FromInt64(1);
  says(t, "down_payment");
  t = good;
  t.kind = PlanKind::kSinglePayment;
  t.principal_grace = 1;
  says(t, "single payment");
}

// 1,000.00 due on 1 February, a penalty of 15 January, principal first in advance.
TEST(Loan, AChargeIsDueByItsOwnDayWhereTheProductSaysSo) {
  for (const bool own : {true, false}) {
    Product product;
    product.terms.periods = 3;
    product.charges_by_own_day = own;
    using enum Part;
    product.order.resize(8);
    for (const Part part : {kPrincipal, kPenalty, kFee, kInterest}) {
      product.order.push_back({Timing::kInAdvance, part});
    }
    const Date start = D("2023-01-01");
    Loan loan(product, start, MakePeriods(product.terms, start, nullptr).value());
    const auto apply = [&](uint64_t id, TransactionKind kind, const char* day, int64_t amount) {
      Transaction t;
      t.id = id;
      t.kind = kind;
      t.day = D(day);
      t.amount_minor = amount;
      EXPECT_EQ(loan.Apply(t), LoanStatus::kApplied);
    };
    apply(1, TransactionKind::kDraw, "2023-01-01", 300'000);
    apply(2, TransactionKind::kPenalty, "2023-01-15", 5'000);
    apply(3, TransactionKind::kRepay, "2023-01-15", 50'000);
    const Allocation& fell = loan.transactions().back().allocation;
    EXPECT_EQ(fell.penalty, own ? 5'000 : 0);
    EXPECT_EQ(fell.principal, own ? 45'000 : 50'000);
  }
}

TEST(Terms, DueDatesByTable) {
  Terms terms;
  terms.periods = 3;
  const auto dues = [&](const char* start, const BusinessCalendar* calendar = nullptr) {
    std::string out;
    const auto periods = MakePeriods(terms, D(start), calendar);
    if (!periods.ok()) return periods.status().message();
    for (const PeriodDates& p : *periods) {
      out += p.due.ToString() + (p.due == p.to ? " " : "(" + p.to.ToString() + ") ");
    }
    return out;
  };
  EXPECT_EQ(dues("2024-01-31"), "2024-02-29 2024-03-31 2024-04-30 ");
  EXPECT_EQ(dues("2024-02-29"), "2024-03-29 2024-04-29 2024-05-29 ");
  terms.month_end = MonthEnd::kLastDay;
  EXPECT_EQ(dues("2024-02-29"), "2024-03-31 2024-04-30 2024-05-31 ");
  terms.month_end = MonthEnd::kKeepDay;
  terms.first_due = D("2024-02-05");
  EXPECT_EQ(dues("2024-01-20"), "2024-02-05 2024-03-05 2024-04-05 ");
  EXPECT_NE(dues("2024-02-05").find("first_due"), std::string::npos);
  terms.first_due.reset();
  terms.unit = PeriodUnit::kWeeks;
  terms.every = 2;
  EXPECT_EQ(dues("2024-01-01"), "2024-01-15 2024-01-29 2024-02-12 ");
  // 2024-10-01 to 07 closed in mainland China, Saturday 12 October open.
  std::vector<Date> holidays;
  for (int i = 0; i < 7; ++i) holidays.push_back(D("2024-10-01").PlusDays(i));
  const std::vector<Date> working{D("2024-10-12")};
  const auto calendar =
      BusinessCalendar::Make({false, false, false, false, false, true, true}, holidays, working)
          .value();
  terms.unit = PeriodUnit::kMonths;
  terms.every = 1;
  terms.business_days = BusinessDayRule::kFollowing;
  EXPECT_EQ(dues("2024-08-03", &calendar),
            "2024-09-03 2024-10-08(2024-10-03) 2024-11-04(2024-11-03) ");
  terms.interest_to_adjusted_date = true;
  EXPECT_EQ(dues("2024-08-03", &calendar), "2024-09-03 2024-10-08 2024-11-04 ");
  terms.business_days = BusinessDayRule::kUnadjusted;
  EXPECT_EQ(dues("2024-09-12", &calendar), "2024-10-12 2024-11-12 2024-12-12 ");
}

TEST(Terms, DownPaymentIsRoundedOnce) {
  Terms terms;
  terms.down_payment = Decimal::FromScaled(25, -2);
  EXPECT_EQ(DownPayment(terms, 10'002), 2500);  // half even
  terms.rounding = Rounding::kHalfUp;
  EXPECT_EQ(DownPayment(terms, 10'002), 2501);
}

TEST(Terms, TheLargestProductStaysInRange) {
  for (const PlanKind kind : {PlanKind::kEqualInstalments, PlanKind::kEqualPrincipal,
                              PlanKind::kInterestOnly, PlanKind::kSinglePayment, PlanKind::kFlat}) {
    for (const int32_t periods : {1, 100}) {
      Terms terms;
      terms.kind = kind;
      terms.unit = PeriodUnit::kYears;
      terms.periods = periods;
      terms.every = 100 / periods;
      terms.annual_rate = Decimal::FromInt64(kAnnualRateMax);
      ASSERT_TRUE(CheckTerms(terms).ok()) << CheckTerms(terms).ToString();
      const Date start = D("2024-01-01");
      Plan plan(terms, MakePeriods(terms, start, nullptr).value());
      plan.Draw(start, kPrincipalMax);
      int64_t principal = 0;
      for (const Period& p : plan.periods()) {
        EXPECT_GE(p.interest, 0);
        principal += p.principal;
      }
      EXPECT_EQ(principal, kPrincipalMax);
    }
  }
}

}  // namespace
}  // namespace credence::lending
