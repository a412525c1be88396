#pragma once
// Decide: (slots, event, time) -> decision record. A pure function: it sees nothing but slots.
//
// Order: derived features, models, policy. What goes wrong is never an error of the caller: a model that
// cannot score, a policy that gives null, an outcome that the pack does not list all take the pack's fallback
// outcome, and the record says why.

#include <memory>
#include <span>
#include <vector>

#include "src/base/arena.h"
#include "src/decision/plan.h"
#include "src/feel/evaluation.h"
#include "src/record/fact.h"
#include "src/record/value.h"

namespace credence::decision {

// How a decision came about, on demand. Recomputed from a record's slots; never stored.
struct Explanation {
  struct Step {
    std::string what;   // "derived burst", "model buyer_score", "decision order_risk"
    std::string value;  // FEEL text
    std::string note;   // why a value is null; matched rows; empty
  };
  std::vector<Step> steps;
};

// Memory that is kept between decisions, so that a warm one allocates little. One per thread.
class Scratch {
 public:
  explicit Scratch(ZoneSource* zones);

 private:
  friend class Decider;
  Arena arena_;
  feel::EvaluationContext context_;
  std::vector<feel::Value> feel_slots_;
  std::vector<feel::Value> inputs_;
  model::ScoreResult score_;
};

struct Request {
  Seq seq;
  Seq parked_seq;       // where a parked decision resumes
  Timestamp time;       // of the event: what now() gives
  bool killed = false;  // the decision is switched off
};

// Fills derived and model slots of `slots` (one value per slot of the plan; fields, features and sources are
// given) and decides. The record owns all it holds.
class Decider {
 public:
  static record::DecisionRecord Decide(const DecisionPlan& plan, const Request& request,
                                       std::span<record::Value> slots, Scratch* scratch,
                                       Explanation* explanation = nullptr);
};

// Decides again from what a record kept: equal to the record for an honest journal. kDataLoss if the record
// does not fit the plan (a slot that it does not have, another pack).
Result<record::DecisionRecord> DecideAgain(const DecisionPlan& plan,
                                           const record::DecisionRecord& kept, Scratch* scratch,
                                           Explanation* explanation = nullptr);

}  // namespace credence::decision
