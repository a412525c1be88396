#pragma once
// Decide: (slots, event, time) -> decision record. A pure function: it sees nothing but slots.
//
// Order: derived features, models, policy. What goes wrong is never an error of the caller: a model
// that cannot score, a policy that gives null, an outcome that the pack does not list all take the
// pack's fallback outcome, and the record says why.

#include <array>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "src/base/arena.h"
#include "src/decision/plan.h"
#include "src/feel/evaluation.h"
#include "src/record/fact.h"
#include "src/record/value.h"

namespace credence::decision {

// Of one record. A policy that gives more or longer reasons takes the fallback; of more matched
// rules the first are kept.
inline constexpr size_t kReasonsMax = 256;
inline constexpr size_t kReasonBytesMax = 256;  // and of an offer
inline constexpr size_t kMatchedRulesMax = 4096;
inline constexpr size_t kRecordedSlotsMax = 4096;  // checked where the plan is made

// How a decision came about, on demand. Recomputed from a record's slots; never stored.
struct Explanation {
  struct Step {
    std::string what;   // "derived burst", "model buyer_score", "decision order_risk"
    std::string value;  // FEEL text
    std::string note;   // why a value is null; matched rows; empty
  };
  std::vector<Step> steps;
};

// What the points of a model were worth when they last came up.
struct ProbabilityMemo {
  uint64_t of = 0;  // decision and model of the pack, from 1
  Decimal points;
  Decimal probability;
};

// Memory that is kept between decisions, so that a warm one allocates little. One per thread.
struct Scratch {
  explicit Scratch(ZoneSource* zones) : context(&arena, zones) {}

  Arena arena;
  feel::EvaluationContext context;
  std::vector<feel::Value> feel_slots;  // by slot of the plan
  dmn::EvaluationLog log;
  model::ScoreResult score;
  std::vector<std::string_view> model_reasons;  // in the plan
  Digest probabilities_of;                      // the pack whose models they are
  std::array<ProbabilityMemo, 256> probabilities;
};

struct Request {
  Seq seq;
  Seq parked_seq;       // where a parked decision resumes
  Timestamp time;       // of the event: what now() gives
  bool killed = false;  // the decision is switched off
};

// Fills derived and model slots of `slots` (one value per slot of the plan; fields, features and
// sources are given) and decides. The record owns all it holds; of what it held before only the
// memory stays.
void Decide(const DecisionPlan& plan, const Request& request, std::span<record::Value> slots,
            Scratch* scratch, record::DecisionRecord* record, Explanation* explanation = nullptr);

// Goes on with a parked decision once its source has answered: the slots that the parked record
// kept, and the source's. kDataLoss if the record does not fit the plan, kInvalidArgument if the
// answer does not. `killed` as in Request.
Result<record::DecisionRecord> Resume(const DecisionPlan& plan,
                                      const record::DecisionRecord& parked,
                                      const record::Answer& answer, Scratch* scratch,
                                      bool killed = false);

// Decides again from what a record kept: equal to the record for an honest journal. kDataLoss if
// the record does not fit the plan (a slot that it does not have, another pack).
Result<record::DecisionRecord> DecideAgain(const DecisionPlan& plan,
                                           const record::DecisionRecord& kept, Scratch* scratch,
                                           Explanation* explanation = nullptr);

}  // namespace credence::decision
