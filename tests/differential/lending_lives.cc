// Fuzzed loan products and lives with what src/lending makes of them, a JSON object a line, for
// test_lending.py to compute again with other means.
//
//   lending_lives SEED COUNT
//
// Amounts are minor units, rates are texts, days are counted from 1970-01-01.

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "src/base/random.h"
#include "src/lending/apr.h"
#include "src/lending/loan.h"
#include "src/lending/plan.h"

namespace credence::lending {
namespace {

const char* KindName(PlanKind kind) {
  switch (kind) {
    case PlanKind::kEqualInstalments:
      return "level";
    case PlanKind::kEqualPrincipal:
      return "equal-principal";
    case PlanKind::kInterestOnly:
      return "interest-only";
    case PlanKind::kSinglePayment:
      return "single";
    case PlanKind::kFlat:
      return "flat";
  }
  return "?";
}

Product RandomProduct(Random& random) {
  Product product;
  Terms& t = product.terms;
  t.kind = static_cast<PlanKind>(random.Between(1, 5));
  t.periods = static_cast<int32_t>(random.Between(1, 36));
  t.annual_rate = Decimal::FromScaled(random.OneIn(8) ? 0 : random.Between(1, 4800), -4);
  t.basis = random.OneIn(2) ? InterestBasis::kThirty360 : InterestBasis::kAct365;
  t.smooth = false;
  t.interest_by_plan = random.OneIn(2);
  for (size_t i = product.order.size(); i > 1; --i) {
    if (random.OneIn(3)) std::swap(product.order[i - 1], product.order[random.Below(i)]);
  }
  product.future = static_cast<FutureRule>(random.Between(1, 3));
  return product;
}

void PrintProduct(const Product& product, Date start, int64_t amount) {
  const Terms& t = product.terms;
  std::printf("{\"kind\":\"%s\",\"periods\":%d,\"rate\":\"%s\",\"basis\":\"%s\",\"by_plan\":%s,",
              KindName(t.kind), t.periods, t.annual_rate.ToString().c_str(),
              std::string(InterestBasisName(t.basis)).c_str(),
              t.interest_by_plan ? "true" : "false");
  std::printf("\"future\":%d,\"start\":%lld,\"amount\":%lld,\"order\":[",
              static_cast<int>(product.future), static_cast<long long>(start.days),
              static_cast<long long>(amount));
  for (size_t i = 0; i < product.order.size(); ++i) {
    std::printf("%s[%d,%d]", i == 0 ? "" : ",", static_cast<int>(product.order[i].timing),
                static_cast<int>(product.order[i].part));
  }
  std::printf("],");
}

void PrintPlan(const Plan& plan, const char* name) {
  std::printf("\"%s\":[", name);
  for (size_t i = 0; i < plan.periods().size(); ++i) {
    const Period& p = plan.periods()[i];
    std::printf("%s[%lld,%lld,%lld,%lld,%lld,%lld]", i == 0 ? "" : ",",
                static_cast<long long>(p.due.days), static_cast<long long>(p.principal),
                static_cast<long long>(p.interest), static_cast<long long>(p.paid_principal),
                static_cast<long long>(p.paid_interest), static_cast<long long>(p.balance_after));
  }
  std::printf("],");
}

void PrintRate(const Plan& plan, int64_t amount) {
  std::vector<Flow> flows{{0, Decimal(), Decimal::FromInt64(amount)}};
  for (size_t i = 0; i < plan.periods().size(); ++i) {
    flows.push_back(
        {static_cast<int64_t>(i) + 1, Decimal(), Decimal::FromInt64(-plan.periods()[i].Due())});
  }
  const auto rate = ActuarialRate(flows);
  std::printf("\"rate_per_period\":%s,",
              rate.ok() ? ("\"" + rate->ToString() + "\"").c_str() : "null");
}

// Repayments, charges and penalties on rising days, each with how it fell.
void PrintLife(Loan& loan, Random& random, int64_t amount) {
  std::printf("\"life\":[");
  Date day = loan.today();
  const char* comma = "";
  for (uint64_t id = 2; id < 10; ++id) {
    day = day.PlusDays(random.Between(0, 45));
    Transaction t;
    t.id = id;
    t.day = day;
    const int64_t what = random.Between(1, 6);
    t.kind = what == 1   ? TransactionKind::kCharge
             : what == 2 ? TransactionKind::kPenalty
                         : TransactionKind::kRepay;
    t.amount_minor = t.kind == TransactionKind::kRepay ? random.Between(1, amount / 4 + 2)
                                                       : random.Between(1, 2'000);
    if (t.kind != TransactionKind::kRepay) t.due = day.PlusDays(random.Between(0, 60));
    if (t.due && *t.due > loan.plan().periods().back().due) continue;
    if (loan.Apply(t) != LoanStatus::kApplied) continue;
    const Allocation a = loan.transactions().back().allocation;
    std::printf("%s[\"%s\",%lld,%lld,%lld,%lld,%lld,%lld,%lld,%lld]", comma,
                t.kind == TransactionKind::kRepay    ? "repay"
                : t.kind == TransactionKind::kCharge ? "fee"
                                                     : "penalty",
                static_cast<long long>(t.day.days), static_cast<long long>(t.amount_minor),
                static_cast<long long>(t.due.value_or(t.day).days),
                static_cast<long long>(a.principal), static_cast<long long>(a.interest),
                static_cast<long long>(a.fee), static_cast<long long>(a.penalty),
                static_cast<long long>(a.overpaid));
    comma = ",";
  }
  std::printf("],");
}

// What closes the loan in the middle of a period after the first ones were paid as planned.
void PrintQuote(const Product& product, Date start, int64_t amount, Random& random) {
  Product recalculated = product;
  recalculated.terms.interest_by_plan = false;
  recalculated.order = DefaultOrder();  // what is due first, so that the plan is followed
  Loan loan(recalculated, start, MakePeriods(product.terms, start, nullptr).value());
  Transaction t;
  t.id = 1;
  t.kind = TransactionKind::kDraw;
  t.day = start;
  t.amount_minor = amount;
  if (loan.Apply(t) != LoanStatus::kApplied) std::abort();
  const std::vector<Period> periods = loan.plan().periods();
  const auto paid = static_cast<size_t>(random.Below(periods.size()));
  t.kind = TransactionKind::kRepay;
  for (size_t i = 0; i < paid; ++i) {
    ++t.id;
    t.day = periods[i].due;
    t.amount_minor = periods[i].Due();
    if (t.amount_minor > 0 && loan.Apply(t) != LoanStatus::kApplied) {
      std::printf("\"quote\":null,");  // small loans close on the way
      return;
    }
  }
  const Date day = periods[paid].from.PlusDays(
      random.Between(0, periods[paid].to.days - periods[paid].from.days - 1));
  const Allocation quote = loan.PayOffQuote(day);
  std::printf("\"quote\":[%zu,%lld,%lld,%lld],", paid, static_cast<long long>(day.days),
              static_cast<long long>(quote.principal), static_cast<long long>(quote.interest));
}

void PrintLoan(uint64_t seed) {
  Random random(seed);
  const Product product = RandomProduct(random);
  if (!CheckTerms(product.terms).ok()) std::abort();
  const Date start = Date::FromCivil(2023, 1, 1)->PlusDays(random.Between(0, 900));
  const int64_t amount = random.Between(1'000, 100'000'000);
  PrintProduct(product, start, amount);
  Loan loan(product, start, MakePeriods(product.terms, start, nullptr).value());
  Transaction draw;
  draw.id = 1;
  draw.kind = TransactionKind::kDraw;
  draw.day = start;
  draw.amount_minor = amount;
  if (loan.Apply(draw) != LoanStatus::kApplied) std::abort();
  PrintPlan(loan.plan(), "plan");
  PrintRate(loan.plan(), amount);
  PrintQuote(product, start, amount, random);
  PrintLife(loan, random, amount);
  PrintPlan(loan.plan(), "after");
  std::printf("\"seed\":%llu}\n", static_cast<unsigned long long>(seed));
}

}  // namespace
}  // namespace credence::lending

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: lending_lives SEED COUNT\n");
    return 1;
  }
  const uint64_t seed = std::strtoull(argv[1], nullptr, 10);
  const uint64_t count = std::strtoull(argv[2], nullptr, 10);
  for (uint64_t i = 0; i < count; ++i) credence::lending::PrintLoan(seed + i);
  return 0;
}
