#pragma once
// A small schema and seeded streams for the tests of windows.

#include <cstdint>
#include <string>
#include <vector>

#include "src/base/arena.h"
#include "src/base/random.h"
#include "src/feature/naive_window.h"
#include "src/feature/plan.h"
#include "src/feature/spec.h"
#include "src/record/schema.h"

namespace credence::feature {

// Entity "account" by account_id. Event 0 "paid" has all kinds of fields, event 1 "seen" has none
// but the key. Times are bare nanoseconds; bounds are late 60, future 20.
record::Schema MarketSchema();
// Fields of "paid".
enum PaidField : uint32_t {
  kAccount,
  kAmount,
  kKind,
  kNote,
  kShare,
  kWatch,
  kDay,
  kPhone,
  kPaidFields
};

// "account.<aggregator of argument> where over window": the shortest way to write many specs.
FeatureSpec SpecOf(Aggregator aggregator, std::string argument, std::string where, int64_t window,
                   int64_t delay = 0, bool prior = false);
// Every aggregator over every kind of argument it takes, with filters, windows, delays and prior.
std::vector<FeatureSpec> AllSpecs();
// Few, for exhaustive tests.
std::vector<FeatureSpec> FewSpecs();
// Teaches the twin the FEEL texts of the specs above.
void TeachNaive(NaiveWindow* naive);

FeaturePlan MarketPlan(const std::vector<FeatureSpec>& specs, const Tuning& tuning = {});

// A "paid" event with seeded field values; few different ones, some absent. Views live in the
// arena.
record::Event MakePaid(Random* random, Arena* arena);
record::Event MakeSeen(Arena* arena);

}  // namespace credence::feature
