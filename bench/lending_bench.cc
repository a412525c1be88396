// Schedules: plans made from terms and a start (due dates, instalments, interest by period), and
// lives of loans folded from their transactions.
//
//   lending_bench --benchmark_min_time=0.5
//
// A plan's argument is the number of its monthly periods. Products and amounts are seeded; the hash
// of everything computed is printed first, so that two builds can be seen to compute the same.

#include <benchmark/benchmark.h>

#include <array>
#include <cstdio>
#include <vector>

#include "src/base/assert.h"
#include "src/base/random.h"
#include "src/lending/loan.h"
#include "src/lending/plan.h"

namespace credence::lending {
namespace {

constexpr size_t kProducts = 1024;

struct Order {
  Terms terms;
  Date start;
  int64_t amount = 0;
};

std::vector<Order> Orders(int32_t periods, PlanKind kind, InterestBasis basis) {
  Random random(2024);
  std::vector<Order> orders;
  const Date start = *Date::FromCivil(2024, 1, 1);
  for (size_t i = 0; i < kProducts; ++i) {
    Order order;
    order.terms.kind = kind;
    order.terms.periods = periods;
    order.terms.basis = basis;
    order.terms.annual_rate = Decimal::FromScaled(random.Between(100, 3600), -4);
    order.start = start.PlusDays(random.Between(0, 700));
    order.amount = random.Between(10'000, 100'000'000);
    CREDENCE_ASSERT(CheckTerms(order.terms).ok());
    orders.push_back(order);
  }
  return orders;
}

Plan MakePlan(const Order& order) {
  Plan plan(order.terms, MakePeriods(order.terms, order.start, nullptr).value());
  plan.Draw(order.start, order.amount);
  return plan;
}

uint64_t Mixed(uint64_t hash, int64_t value) {
  return (hash ^ static_cast<uint64_t>(value)) * 0x100000001B3U;
}

uint64_t HashOf(const Plan& plan, uint64_t hash) {
  for (const Period& period : plan.periods()) {
    hash = Mixed(Mixed(Mixed(hash, period.due.days), period.principal), period.interest);
  }
  return hash;
}

void MakePlans(benchmark::State& state, PlanKind kind, InterestBasis basis) {
  const std::vector<Order> orders = Orders(static_cast<int32_t>(state.range(0)), kind, basis);
  size_t next = 0;
  for (auto _ : state) {
    const Plan plan = MakePlan(orders[next++ % kProducts]);
    benchmark::DoNotOptimize(plan.periods().back().interest);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(MakePlans, equal_instalments_30_360, PlanKind::kEqualInstalments,
                  InterestBasis::kThirty360)
    ->Arg(12)
    ->Arg(360);
BENCHMARK_CAPTURE(MakePlans, equal_instalments_act_365, PlanKind::kEqualInstalments,
                  InterestBasis::kAct365)
    ->Arg(12);
BENCHMARK_CAPTURE(MakePlans, equal_principal_30_360, PlanKind::kEqualPrincipal,
                  InterestBasis::kThirty360)
    ->Arg(12);

Loan Lived(const Order& order) {
  Product product;
  product.terms = order.terms;
  Loan loan(product, order.start, MakePeriods(order.terms, order.start, nullptr).value());
  Transaction t;
  t.id = 1;
  t.kind = TransactionKind::kDraw;
  t.day = order.start;
  t.amount_minor = order.amount;
  CREDENCE_ASSERT(loan.Apply(t) == LoanStatus::kApplied);
  t.kind = TransactionKind::kRepay;
  const std::vector<Period> periods = loan.plan().periods();
  for (const Period& period : periods) {
    ++t.id;
    t.day = period.due;
    t.amount_minor = period.Due();
    CREDENCE_ASSERT(loan.Apply(t) == LoanStatus::kApplied);
  }
  return loan;
}

// A loan drawn and repaid as planned, a transaction a month.
void LiveLoans(benchmark::State& state) {
  const std::vector<Order> orders = Orders(static_cast<int32_t>(state.range(0)),
                                           PlanKind::kEqualInstalments, InterestBasis::kThirty360);
  size_t next = 0;
  for (auto _ : state) {
    const Loan loan = Lived(orders[next++ % kProducts]);
    benchmark::DoNotOptimize(loan.state());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(LiveLoans)->Arg(12);

void PrintHash() {
  uint64_t hash = 0xCBF29CE484222325U;
  for (const PlanKind kind : {PlanKind::kEqualInstalments, PlanKind::kEqualPrincipal,
                              PlanKind::kInterestOnly, PlanKind::kFlat}) {
    for (const InterestBasis basis :
         {InterestBasis::kThirty360, InterestBasis::kAct365, InterestBasis::kActAct}) {
      for (const Order& order : Orders(12, kind, basis)) hash = HashOf(MakePlan(order), hash);
    }
  }
  int64_t paid = 0;
  for (const Order& order : Orders(12, PlanKind::kEqualInstalments, InterestBasis::kThirty360)) {
    const LoanTotals totals = Lived(order).totals();
    CREDENCE_ASSERT(totals.principal_outstanding == 0);
    paid += totals.interest_paid;
  }
  std::printf("hash %016llx\n", static_cast<unsigned long long>(Mixed(hash, paid)));
}

}  // namespace
}  // namespace credence::lending

int main(int argc, char** argv) {
  credence::lending::PrintHash();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
