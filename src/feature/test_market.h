#pragma once
// A small schema and seeded streams for the tests of windows.

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "src/base/arena.h"
#include "src/base/random.h"
#include "src/feature/entity_state.h"
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

// Keeps the chunks of one entity in memory, and notes which were asked for.
class KeptChunks final : public ChunkKeeper, public ChunkSource {
 public:
  uint64_t Keep(std::string_view chunk) override {
    chunks[++last_number_] = chunk;
    return last_number_;
  }
  void Drop(uint64_t number) override { EXPECT_EQ(chunks.erase(number), 1U); }
  Status Read(std::span<const uint64_t> numbers, std::vector<std::string>* out) const override {
    out->clear();
    for (const uint64_t number : numbers) {
      const auto found = chunks.find(number);
      if (found == chunks.end()) return DataLoss("there is no such chunk");
      out->push_back(found->second);
      read.insert(number);
    }
    return {};
  }
  std::map<uint64_t, std::string> chunks;
  mutable std::set<uint64_t> read;

 private:
  uint64_t last_number_ = 0;
};

}  // namespace credence::feature
