// Windows: one arrival taken in and all features read, for one entity in a steady state.
//
//   feature_bench --benchmark_min_time=0.5
//
// Arguments are the number of features and the live events of the longest of six windows (each half
// as long as the next). Arrivals are evaluated before, so FEEL is not measured.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "src/base/arena.h"
#include "src/base/assert.h"
#include "src/base/random.h"
#include "src/feature/entity_state.h"
#include "src/feature/plan.h"

namespace credence::feature {
namespace {

using record::Value;

constexpr int64_t kStep = 1'000'000;  // between events
constexpr int kWindows = 6;

record::Schema BenchSchema(int64_t late_ns) {
  record::Schema schema;
  schema.entities = {{"buyer", "buyer_id"}};
  record::EventType order;
  order.name = "order";
  record::FieldDecl key;
  key.name = "buyer_id";
  key.kind = record::FieldKind::kKey;
  record::FieldDecl amount;
  amount.name = "amount";
  amount.kind = record::FieldKind::kMoney;
  record::FieldDecl device;
  device.name = "device_id";
  device.kind = record::FieldKind::kKey;
  order.fields = {key, amount, device};
  order.keys = {{0, 0}};
  schema.event_types = {order};
  schema.bounds = {late_ns, 0, 0};
  schema.base_currency = *Currency::FromCode("CNY");
  return schema;
}

FeatureSpec SpecOf(Aggregator aggregator, const std::string& argument, int64_t window, bool prior) {
  FeatureSpec spec;
  spec.entity = "buyer";
  spec.from = "order";
  spec.aggregator = aggregator;
  if (TakesArgument(aggregator)) spec.argument = argument;
  spec.window_ns = window;
  spec.window_text = std::to_string(window);
  spec.prior = prior;
  return spec;
}

enum class Mix { kPlain, kRoots, kDistinct, kPrior };

// The first `count` features: for each aggregator of the mix, all windows from the longest down.
std::vector<FeatureSpec> Specs(Mix mix, size_t count, int64_t live) {
  using enum Aggregator;
  std::vector<Aggregator> aggregators;
  std::string argument = "amount";
  switch (mix) {
    case Mix::kPlain:
      aggregators = {kCount, kSum, kMean, kMax, kSinceLast};
      break;
    case Mix::kRoots:
      aggregators = {kStddev};
      break;
    case Mix::kDistinct:
      aggregators = {kDistinct};
      argument = "device_id";
      break;
    case Mix::kPrior:
      aggregators = {kMean, kMax};
      break;
  }
  std::vector<FeatureSpec> specs;
  for (Aggregator aggregator : aggregators) {
    for (int w = 0; w < kWindows && specs.size() < count; ++w) {
      const int64_t window = std::max<int64_t>(1, live >> w) * kStep + w;
      specs.push_back(SpecOf(aggregator, argument, window, mix == Mix::kPrior));
    }
  }
  return specs;
}

FeaturePlan PlanOf(const std::vector<FeatureSpec>& specs, int64_t late_ns) {
  std::vector<Diagnostic> diagnostics;
  std::optional<FeaturePlan> plan = FeaturePlan::Build(BenchSchema(late_ns), specs, &diagnostics);
  for (const Diagnostic& d : diagnostics) std::fprintf(stderr, "%s\n", ToString(d).c_str());
  CREDENCE_ASSERT(plan.has_value());
  return std::move(*plan);
}

// Seeded arrivals, evaluated once; time, stamp and sequence are set by whoever uses them.
class Arrivals {
 public:
  Arrivals(const FeaturePlan& plan, size_t count) {
    const Currency cny = *Currency::FromCode("CNY");
    Random random(42);
    for (size_t i = 0; i < count; ++i) {
      const std::span<Value> fields = arena_.NewArray<Value>(3);
      const int64_t amount = random.Between(100, 1'000'000);
      fields[0] = Value::String("b");
      fields[1] = Value::OfMoney(Money{amount, cny}, amount);
      fields[2] = Value::String(arena_.Copy("device-" + std::to_string(random.Below(5000))));
      record::Event event;
      event.fields = fields;
      event.seq = Seq(1);
      Result<Arrival> arrival = plan.EvaluateArrival(event, &arena_);
      CREDENCE_ASSERT(arrival.ok());
      arrivals_.push_back(arrival.value());
    }
  }
  Arrival At(uint64_t seq, int64_t time) const {
    Arrival arrival = arrivals_[seq % arrivals_.size()];
    arrival.seq = Seq(seq);
    arrival.time = arrival.stamp = Timestamp{time};
    return arrival;
  }

 private:
  Arena arena_;
  std::vector<Arrival> arrivals_;
};

void UpdateAndRead(benchmark::State& bench, Mix mix) {
  const int64_t live = bench.range(1);
  const FeaturePlan plan = PlanOf(Specs(mix, static_cast<size_t>(bench.range(0)), live), 0);
  const Arrivals arrivals(plan, 8192);
  EntityState state(plan, 0);
  uint64_t seq = 0;
  const auto warm = static_cast<uint64_t>(live + live / 4 + 300);
  while (seq < warm) {
    ++seq;
    state.Update(plan, arrivals.At(seq, static_cast<int64_t>(seq) * kStep));
  }
  std::vector<Value> out(plan.features().size());
  for (auto _ : bench) {
    ++seq;
    const int64_t time = static_cast<int64_t>(seq) * kStep;
    state.Update(plan, arrivals.At(seq, time));
    state.Read(plan, {Timestamp{time}, Seq(seq)}, out);
    benchmark::DoNotOptimize(out.data());
  }
  bench.counters["bytes_per_event"] =
      static_cast<double>(state.bytes()) / static_cast<double>(state.event_count());
}

void Plain(benchmark::State& bench) { UpdateAndRead(bench, Mix::kPlain); }
void Roots(benchmark::State& bench) { UpdateAndRead(bench, Mix::kRoots); }
void DistinctTexts(benchmark::State& bench) { UpdateAndRead(bench, Mix::kDistinct); }
void Prior(benchmark::State& bench) { UpdateAndRead(bench, Mix::kPrior); }
BENCHMARK(Plain)->ArgsProduct({{1, 6, 25}, {10, 1000, 100000}})->ArgNames({"features", "live"});
BENCHMARK(Roots)->ArgsProduct({{6}, {10, 1000, 100000}})->ArgNames({"features", "live"});
BENCHMARK(DistinctTexts)->ArgsProduct({{6}, {10, 1000, 100000}})->ArgNames({"features", "live"});
BENCHMARK(Prior)->ArgsProduct({{12}, {10, 1000, 100000}})->ArgNames({"features", "live"});

void UpdateOnly(benchmark::State& bench) {
  const int64_t live = bench.range(1);
  const FeaturePlan plan = PlanOf(Specs(Mix::kPlain, static_cast<size_t>(bench.range(0)), live), 0);
  const Arrivals arrivals(plan, 8192);
  EntityState state(plan, 0);
  uint64_t seq = 0;
  for (auto _ : bench) {
    ++seq;
    state.Update(plan, arrivals.At(seq, static_cast<int64_t>(seq) * kStep));
  }
}
BENCHMARK(UpdateOnly)->ArgsProduct({{25}, {10, 1000, 100000}})->ArgNames({"features", "live"});

// Every second event is up to eight places late: its features are read from the ordered store.
void LateReads(benchmark::State& bench, Mix mix) {
  const int64_t live = bench.range(1);
  const FeaturePlan plan =
      PlanOf(Specs(mix, static_cast<size_t>(bench.range(0)), live), 16 * kStep);
  const Arrivals arrivals(plan, 8192);
  EntityState state(plan, 0);
  Random random(7);
  uint64_t seq = 0;
  const auto next = [&] {
    ++seq;
    int64_t time = static_cast<int64_t>(seq) * kStep;
    Arrival arrival = arrivals.At(seq, time);
    if (seq % 2 == 0) time -= random.Between(1, 8) * kStep;
    arrival.time = Timestamp{time};
    state.Update(plan, arrival);
    return time;
  };
  while (seq < static_cast<uint64_t>(live + live / 4 + 300)) next();
  std::vector<Value> out(plan.features().size());
  for (auto _ : bench) {
    const int64_t time = next();
    state.Read(plan, {Timestamp{time}, Seq(seq)}, out);
    benchmark::DoNotOptimize(out.data());
  }
}
void LatePlain(benchmark::State& bench) { LateReads(bench, Mix::kPlain); }
void LateDistinct(benchmark::State& bench) { LateReads(bench, Mix::kDistinct); }
BENCHMARK(LatePlain)->ArgsProduct({{25}, {10, 1000, 100000}})->ArgNames({"features", "live"});
BENCHMARK(LateDistinct)->ArgsProduct({{6}, {10, 1000, 100000}})->ArgNames({"features", "live"});

// Many entities with few events each: what an entity costs in memory, and in time when it is not in
// the cache.
void ManyEntities(benchmark::State& bench) {
  const auto events = static_cast<uint64_t>(bench.range(0));
  constexpr size_t kEntities = 20'000;
  const FeaturePlan plan = PlanOf(Specs(Mix::kPlain, 25, 1000), 0);
  const Arrivals arrivals(plan, 8192);
  std::vector<EntityState> states;
  for (size_t e = 0; e < kEntities; ++e) states.emplace_back(plan, 0);
  uint64_t seq = 0;
  for (uint64_t i = 0; i < events; ++i) {
    for (EntityState& state : states) {
      ++seq;
      state.Update(plan, arrivals.At(seq, static_cast<int64_t>(i) * kStep));
    }
  }
  size_t bytes = 0;
  for (const EntityState& state : states) bytes += state.bytes();
  std::vector<Value> out(plan.features().size());
  Random random(3);
  for (auto _ : bench) {
    const EntityState& state = states[random.Below(kEntities)];
    state.Read(plan, {Timestamp{static_cast<int64_t>(events - 1) * kStep}, Seq(seq + 1)}, out);
    benchmark::DoNotOptimize(out.data());
  }
  bench.counters["bytes_per_entity"] = static_cast<double>(bytes) / kEntities;
}
BENCHMARK(ManyEntities)->Arg(1)->Arg(5)->Arg(20)->Arg(30)->Arg(100)->ArgName("events");

// Filters and arguments of one event, evaluated with FEEL: two filters and an expression.
void Evaluate(benchmark::State& bench) {
  std::vector<FeatureSpec> specs = Specs(Mix::kPlain, 25, 1000);
  for (size_t f = 0; f < specs.size(); ++f) {
    if (f % 3 == 0) specs[f].where = "amount > 100";
    if (f % 3 == 1) specs[f].where = "device_id = \"device-7\" or amount >= 5000";
  }
  FeatureSpec net = SpecOf(Aggregator::kSum, "amount * 0.97", kStep, false);
  net.argument_is_feel = true;
  net.argument_as = "net";
  net.scale = 2;
  specs.push_back(net);
  const FeaturePlan plan = PlanOf(specs, 0);
  const Currency cny = *Currency::FromCode("CNY");
  std::vector<Value> fields = {Value::String("b"), Value::OfMoney(Money{1'234'56, cny}, 1'234'56),
                               Value::String("device-7")};
  record::Event event;
  event.fields = fields;
  event.seq = Seq(1);
  Arena arena;
  for (auto _ : bench) {
    arena.Reset();
    Result<Arrival> arrival = plan.EvaluateArrival(event, &arena);
    CREDENCE_ASSERT(arrival.ok() && arrival.value().rows.size() == 1);
    benchmark::DoNotOptimize(arrival);
  }
}
BENCHMARK(Evaluate);

}  // namespace
}  // namespace credence::feature

BENCHMARK_MAIN();
