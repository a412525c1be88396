// What must hold for every loan, over seeded random products and lives. CREDENCE_LOAN_LIVES sets
// how many (10,000).
#include <gtest/gtest.h>

#include <algorithm>

#include "src/base/random.h"
#include "src/ledger/ledger.h"
#include "src/lending/loan.h"
#include "src/lending/loan_postings.h"
#include "src/lending/test_support.h"

namespace credence::lending {
namespace {

uint64_t Lives() {
  const char* text = std::getenv("CREDENCE_LOAN_LIVES");
  return text == nullptr ? 10'000 : std::stoull(text);
}

Product RandomProduct(Random& random) {
  Product product;
  Terms& t = product.terms;
  t.kind = static_cast<PlanKind>(random.Between(1, 5));
  t.periods = static_cast<int32_t>(random.Between(1, 14));
  t.unit = static_cast<PeriodUnit>(random.Between(1, 3));
  t.every = t.unit == PeriodUnit::kDays ? static_cast<int32_t>(random.Between(5, 40))
                                        : static_cast<int32_t>(random.Between(1, 3));
  t.annual_rate = Decimal::FromScaled(random.OneIn(8) ? 0 : random.Between(1, 3600), -4);
  t.basis = static_cast<InterestBasis>(random.Between(1, 11));
  const bool single = t.kind == PlanKind::kSinglePayment;
  if (!single && random.OneIn(5)) {
    t.principal_grace = static_cast<int32_t>(random.Between(0, t.periods - 1));
  }
  if (!single && random.OneIn(6)) {
    t.interest_grace = static_cast<int32_t>(random.Between(0, t.periods - 1));
  }
  if (random.OneIn(8)) t.interest_free = static_cast<int32_t>(random.Between(0, t.periods));
  if (random.OneIn(8)) t.multiple_minor = 100;
  t.rounding = random.OneIn(2) ? Rounding::kHalfEven : Rounding::kHalfUp;
  t.smooth = !random.OneIn(4);
  t.interest_on_overdue = random.OneIn(3);
  for (size_t i = product.order.size(); i > 1; --i) {
    if (random.OneIn(3)) std::swap(product.order[i - 1], product.order[random.Below(i)]);
  }
  product.future = static_cast<FutureRule>(random.Between(1, 4));
  if (random.OneIn(5)) t.down_payment = Decimal::FromScaled(random.Between(5, 60), -2);
  if (random.OneIn(4)) t.interest_by_plan = true;
  if (random.OneIn(5)) product.part_by_part = true;
  if (random.OneIn(4)) product.holds_surplus = true;
  if (random.OneIn(3)) {
    product.chargeback_order = {Part::kPenalty, Part::kFee, Part::kInterest, Part::kPrincipal};
  }
  if (random.OneIn(3)) {
    product.charge_off = static_cast<ChargeOffRule>(random.Between(1, 3));
  }
  if (random.OneIn(2)) {
    ChargeRule rule;
    rule.when = static_cast<ChargeRule::When>(random.Between(1, 3));
    rule.base = static_cast<ChargeRule::Base>(random.Between(1, 5));
    rule.penalty = random.OneIn(2);
    rule.amount_minor = random.Between(1, 900);
    rule.rate = Decimal::FromScaled(random.Between(1, 50), -3);
    rule.grace_days = static_cast<int32_t>(random.Between(0, 5));
    product.charges.push_back(rule);
  }
  if (random.OneIn(3)) {
    product.penalty_rate = Decimal::FromScaled(random.Between(1, 50), -2);
    product.penalty_grace_days = static_cast<int32_t>(random.Between(0, 4));
  }
  return product;
}

Transaction RandomTransaction(Random& random, uint64_t id, Date day, int64_t drawn) {
  using enum TransactionKind;
  constexpr std::array kKinds{
      kRepay,          kRepay,      kRepay,    kRepay,       kRepay,          kPrepaySmaller,
      kPrepayFewer,    kPayOff,     kCharge,   kPenalty,     kWaiveCharges,   kWaiveInterest,
      kMerchantReturn, kChargeback, kWriteOff, kRecovery,    kRefundOverpaid, kChangeRate,
      kPauseInterest,  kExtend,     kDraw,     kGoodwill,    kMerchantRefund, kPayoutRefund,
      kChargeOff,      kTerminate,  kMoveDue,  kDownPayment, kReage,          kReamortise};
  Transaction t;
  t.id = id;
  t.kind = kKinds[random.Below(random.OneIn(3) ? kKinds.size() : 5)];
  if (t.kind == kWriteOff && !random.OneIn(5)) t.kind = kRepay;
  t.day = day;
  t.amount_minor = random.Between(1, drawn / 4 + 1);
  t.rate = Decimal::FromScaled(random.Between(0, 3000), -4);
  t.until = day.PlusDays(random.Between(1, 40));
  t.count = static_cast<int32_t>(random.Between(1, 3));
  if (t.kind == kChargeback) t.about = random.Between(0, static_cast<int64_t>(id) - 1);
  if (t.kind == kMoveDue) t.due = day;
  return t;
}

void ExpectSound(const Loan& loan) {
  const LoanTotals sums = loan.totals();
  ASSERT_EQ(sums.principal_paid + sums.principal_outstanding + sums.written_off_principal,
            sums.drawn + sums.charged_back);
  ASSERT_GE(sums.principal_outstanding, 0);
  ASSERT_GE(sums.overpaid, 0);
  int64_t paid = 0;
  int64_t given_back = 0;
  for (const AppliedTransaction& applied : loan.transactions()) {
    if (applied.reversed) continue;
    const Allocation& a = applied.allocation;
    for (const int64_t part : {a.principal, a.interest, a.fee, a.penalty, a.overpaid}) {
      ASSERT_GE(part, 0);
    }
    switch (applied.transaction.kind) {
      case TransactionKind::kRepay:
      case TransactionKind::kPrepaySmaller:
      case TransactionKind::kPrepayFewer:
      case TransactionKind::kPayOff:
      case TransactionKind::kMerchantReturn:
      case TransactionKind::kGoodwill:
      case TransactionKind::kMerchantRefund:
      case TransactionKind::kPayoutRefund:
      case TransactionKind::kDownPayment:
        ASSERT_EQ(a.Total(), applied.transaction.amount_minor);
        paid += a.Total();
        break;
      case TransactionKind::kRefundOverpaid:
      case TransactionKind::kChargeback:
        given_back += a.Total();
        break;
      default:
        break;
    }
  }
  // Money in less money out is what was paid of the loan, less what is asked for again, and what is
  // held.
  ASSERT_EQ(paid - given_back, sums.principal_paid - sums.charged_back + sums.interest_paid -
                                   sums.interest_charged_back + sums.fee_paid -
                                   sums.fee_charged_back + sums.penalty_paid -
                                   sums.penalty_charged_back + sums.overpaid);
  int64_t principal = 0;
  for (const Period& period : loan.plan().periods()) {
    ASSERT_GE(period.principal, period.paid_principal);
    ASSERT_GE(period.interest, period.paid_interest);
    ASSERT_GE(period.instalment, 0);
  }
  for (const Instalment& row : loan.Instalments()) {
    principal += row.principal - row.paid_principal;
    ASSERT_GE(row.Unpaid(), 0);
    ASSERT_LE(row.paid_in_advance + row.paid_late, row.paid);
  }
  if (loan.state() != LoanState::kWrittenOff) {
    ASSERT_EQ(principal, sums.principal_outstanding);
  }
  for (const Charge& charge : loan.charges()) ASSERT_GE(charge.Unpaid(), 0);
}

// The loan's accounts in a ledger, one for each role of the chart.
class Books {
 public:
  Books() {
    std::vector<Diagnostic> diagnostics;
    book_ = ledger::PostingBook::Compile(LoanChart(), LoanTemplates(), &diagnostics);
    EXPECT_TRUE(diagnostics.empty());
    for (const ledger::ChartEntry& entry : LoanChart()) {
      ledger::AccountSpec spec;
      spec.id = ledger::AccountId(entry.code);
      spec.code = entry.code;
      spec.currency = kCurrency;
      EXPECT_EQ(ledger_.CreateAccount(++now_ns_, spec), ledger::AccountStatus::kCreated);
    }
  }

  void Follow(const Loan* before, const Loan& after) {
    for (const LoanPosting& posting : PostingsOf(before, after)) {
      ledger::PostingRequest request;
      request.name = posting.name;
      request.amounts = posting.amounts;
      request.currencies = {kCurrency, kCurrency};
      request.account = [](std::string_view role, Currency) { return AccountOf(role); };
      request.seq = Seq(++seq_);
      const auto transfers = book_.Post(request);
      ASSERT_TRUE(transfers.ok()) << transfers.status().ToString();
      std::vector<ledger::TransferStatus> statuses(transfers->size());
      ledger_.CreateTransfers(++now_ns_, *transfers, statuses);
      for (const ledger::TransferStatus status : statuses) {
        ASSERT_EQ(status, ledger::TransferStatus::kCreated) << posting.name;
      }
    }
  }

  // Debits less credits.
  [[nodiscard]] int64_t Net(std::string_view role) const {
    const ledger::Balances b = ledger_.BalancesNow(AccountOf(role), now_ns_);
    return b.debits_posted - b.credits_posted;
  }

  void ExpectAgree(const Loan& loan) const {
    const LoanTotals sums = loan.totals();
    int64_t all = 0;
    for (const ledger::ChartEntry& entry : LoanChart()) all += Net(entry.role);
    ASSERT_EQ(all, 0);
    ASSERT_GE(Net("receivable"), 0);
    ASSERT_LE(Net("surplus"), 0);
    ASSERT_EQ(Net("receivable"), sums.principal_outstanding);
    ASSERT_EQ(-Net("surplus"), sums.overpaid);
    ASSERT_EQ(-Net("interest_income"), sums.interest_paid - sums.interest_charged_back);
    ASSERT_EQ(-Net("fee_income"), sums.fee_paid - sums.fee_charged_back);
    ASSERT_EQ(-Net("penalty_income"), sums.penalty_paid - sums.penalty_charged_back);
    ASSERT_EQ(Net("written_off"), sums.written_off_principal);
    ASSERT_EQ(-Net("recoveries"), sums.recovered);
  }

 private:
  static inline const Currency kCurrency = Currency::FromCode("CNY").value();
  static ledger::AccountId AccountOf(std::string_view role) {
    for (const ledger::ChartEntry& entry : LoanChart()) {
      if (entry.role == role) return ledger::AccountId(entry.code);
    }
    return {};
  }
  ledger::PostingBook book_;
  ledger::Ledger ledger_;
  int64_t now_ns_ = 0;
  uint64_t seq_ = 0;
};

std::string Shown(const Loan& loan) {
  std::ostringstream out;
  for (const Period& p : loan.plan().periods()) {
    out << p.due.ToString() << (p.locked ? " locked " : " ") << p.principal << ' ' << p.interest
        << ' ' << p.paid_principal << ' ' << p.paid_interest << ' ' << p.balance_after << '\n';
  }
  for (const Charge& c : loan.charges()) {
    out << "charge " << c.due.ToString() << ' ' << c.amount << ' ' << c.paid << ' ' << c.waived
        << '\n';
  }
  for (const AppliedTransaction& applied : loan.transactions()) {
    if (applied.reversed) continue;
    const Allocation& a = applied.allocation;
    out << "tx " << applied.transaction.id << " kind " << static_cast<int>(applied.transaction.kind)
        << ' ' << applied.transaction.day.ToString() << ' ' << a.principal << ' ' << a.interest
        << ' ' << a.fee << ' ' << a.penalty << ' ' << a.overpaid << '\n';
  }
  out << "state " << static_cast<int>(loan.state()) << ' ' << loan.today().ToString() << '\n';
  return out.str();
}

std::optional<Loan> RandomLoan(Random& random, int64_t* drawn) {
  const Product product = RandomProduct(random);
  EXPECT_TRUE(CheckTerms(product.terms).ok());
  const Date start = D("2023-10-15").PlusDays(random.Between(0, 200));
  Loan loan(product, start, MakePeriods(product.terms, start, nullptr).value());
  *drawn = random.Between(1, 3) == 1 ? random.Between(1, 500) : random.Between(10'000, 2'000'000);
  Transaction draw;
  draw.id = 1;
  draw.kind = TransactionKind::kDraw;
  draw.day = start;
  draw.amount_minor = *drawn;
  if (loan.Apply(draw) != LoanStatus::kApplied) return std::nullopt;
  return loan;
}

TEST(LoanProperty, NothingIsLostInAnyLife) {
  for (uint64_t seed = 1; seed <= Lives(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    int64_t drawn = 0;
    auto loan = RandomLoan(random, &drawn);
    ASSERT_TRUE(loan.has_value());
    ExpectSound(*loan);
    Books books;
    books.Follow(nullptr, *loan);
    Date day = loan->today();
    for (uint64_t id = 2; id < 16 && !testing::Test::HasFatalFailure(); ++id) {
      day = day.PlusDays(random.Between(0, 40));
      Transaction t = RandomTransaction(random, id, day, drawn);
      if (t.kind == TransactionKind::kPayOff) t.amount_minor = loan->PayOffQuote(day).Total();
      if (random.OneIn(6)) t.day = loan->today().PlusDays(-random.Between(0, 60));  // comes late
      const std::string before = Shown(*loan);
      const Loan was = *loan;
      const LoanStatus status = loan->Apply(t);
      if (status != LoanStatus::kApplied) {
        ASSERT_EQ(Shown(*loan), before) << LoanStatusName(status);
      }
      if (random.OneIn(8)) (void)loan->Reverse(random.Between(2, static_cast<int64_t>(id)));
      if (random.OneIn(4)) loan->Observe(day);
      ExpectSound(*loan);
      books.Follow(&was, *loan);
      books.ExpectAgree(*loan);
    }
    if (testing::Test::HasFatalFailure()) {
      ADD_FAILURE() << Shown(*loan);
      return;
    }
  }
}

TEST(LoanProperty, PayingTheQuoteClosesTheLoanToZero) {
  for (uint64_t seed = 1; seed <= Lives(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    int64_t drawn = 0;
    Loan loan = RandomLoan(random, &drawn).value();
    Date day = loan.today();
    for (uint64_t id = 2; id < 8; ++id) {
      day = day.PlusDays(random.Between(0, 40));
      Transaction t = RandomTransaction(random, id, day, drawn);
      t.kind = TransactionKind::kRepay;
      (void)loan.Apply(t);
    }
    day = std::max(day, loan.today()).PlusDays(random.Between(0, 30));
    const Allocation quote = loan.PayOffQuote(day);
    if (loan.state() != LoanState::kActive) continue;
    if (quote.Total() == 0) continue;
    Transaction t;
    t.id = 99;
    t.kind = TransactionKind::kPayOff;
    t.day = day;
    t.amount_minor = quote.Total() + 1;
    ASSERT_EQ(loan.Apply(t), LoanStatus::kNotTheQuote);
    t.amount_minor = quote.Total();
    ASSERT_EQ(loan.Apply(t), LoanStatus::kApplied);
    // Money that was over before stays to be refunded.
    ASSERT_EQ(loan.state(), loan.totals().overpaid > 0 ? LoanState::kOverpaid : LoanState::kClosed)
        << Shown(loan);
    ASSERT_EQ(loan.totals().principal_outstanding, 0);
    ASSERT_EQ(loan.transactions().back().allocation, quote);
    t.id = 100;
    t.kind = TransactionKind::kRepay;
    // Refused, or held for the borrower where the product says so.
    const int64_t held = loan.totals().overpaid;
    if (loan.Apply(t) != LoanStatus::kClosed) {
      ASSERT_EQ(loan.totals().overpaid, held + t.amount_minor);
    }
    ExpectSound(loan);
  }
}

TEST(LoanProperty, ABackDatedRepaymentEqualsHavingReceivedItInTime) {
  for (uint64_t seed = 1; seed <= Lives(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    int64_t drawn = 0;
    Loan in_time = RandomLoan(random, &drawn).value();
    Loan late = in_time;
    Date day = in_time.today();
    std::vector<Transaction> payments;
    for (uint64_t id = 2; id < 9; ++id) {
      day = day.PlusDays(random.Between(1, 30));
      Transaction t;
      t.id = id;
      t.day = day;
      t.kind = random.OneIn(5) ? TransactionKind::kCharge : TransactionKind::kRepay;
      t.amount_minor = random.Between(1, drawn / 12 + 1);
      payments.push_back(t);
    }
    const Date end = day.PlusDays(random.Between(0, 50));
    bool refused = false;
    for (const Transaction& t : payments) refused |= in_time.Apply(t) != LoanStatus::kApplied;
    in_time.Observe(end);
    if (refused) continue;  // small loans close on the way
    for (size_t i = payments.size(); i > 1; --i)
      std::swap(payments[i - 1], payments[random.Below(i)]);
    for (const Transaction& t : payments) {
      if (random.OneIn(3)) late.Observe(t.day.PlusDays(random.Between(0, 20)));
      refused |= late.Apply(t) != LoanStatus::kApplied;
    }
    late.Observe(end);
    if (refused) continue;
    if (late.today() > in_time.today()) in_time.Observe(late.today());
    ASSERT_EQ(Shown(in_time), Shown(late));
  }
}

TEST(LoanProperty, AReversedRepaymentIsAsIfItHadNeverBeen) {
  for (uint64_t seed = 1; seed <= Lives(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    int64_t drawn = 0;
    Loan with = RandomLoan(random, &drawn).value();
    Loan without = with;
    Date day = with.today();
    const uint64_t taken_back = 2 + random.Below(5);
    bool refused = false;
    for (uint64_t id = 2; id < 8; ++id) {
      day = day.PlusDays(random.Between(0, 30));
      Transaction t;
      t.id = id;
      t.day = day;
      t.amount_minor = random.Between(1, drawn / 10 + 1);
      refused |= with.Apply(t) != LoanStatus::kApplied;
      if (id != taken_back) refused |= without.Apply(t) != LoanStatus::kApplied;
    }
    if (refused) continue;
    ASSERT_EQ(with.Reverse(taken_back), LoanStatus::kApplied);
    ASSERT_EQ(with.Reverse(taken_back), LoanStatus::kAlreadyReversed);
    without.Observe(with.today());
    ASSERT_EQ(Shown(with), Shown(without));
  }
}

}  // namespace
}  // namespace credence::lending
