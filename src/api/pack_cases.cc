#include "src/api/pack_cases.h"

#include <map>

#include "src/api/gate.h"
#include "src/base/memory_file.h"
#include "src/engine/engine.h"

namespace credence::api {

namespace {

using Decisions = std::map<std::string, std::shared_ptr<const record::DecisionRecord>>;

// What went wrong in one case.
class Failures {
 public:
  explicit Failures(const pack::Case& example) : example_(example) {}
  void Add(uint32_t line, const std::string& what) {
    all_.push_back(example_.file + ":" + std::to_string(line) + ": " + example_.name + ": " + what);
  }
  void Differs(uint32_t line, std::string_view what, std::string_view expected,
               std::string_view came) {
    Add(line,
        std::string(what) + ": expected " + std::string(expected) + ", came " + std::string(came));
  }
  std::vector<std::string> Take() { return std::move(all_); }

 private:
  const pack::Case& example_;
  std::vector<std::string> all_;
};

std::string Joined(const std::vector<std::string>& texts) {
  std::string all = "[";
  for (const std::string& text : texts) all += (all.size() > 1 ? ", " : "") + text;
  return all + "]";
}

// The decisions by their event; false if an event was not taken.
bool Play(const pack::Case& example, const std::shared_ptr<const pack::Pack>& pack,
          Decisions* decisions, Failures* failures) {
  MemoryFileSystem memory;
  auto engine = engine::Engine::Open(memory, "store");
  auto protection = Protection::Open(memory, "keys");
  if (!engine.ok() || !protection.ok()) {
    failures->Add(example.line,
                  engine.ok() ? protection.status().message() : engine.status().message());
    return false;
  }
  Gate gate(pack->schema, protection->get());
  bool active = false;
  for (const std::string& json : example.events) {
    Arena arena;
    record::Event event;
    Problem problem;
    if (!gate.Parse(json, &arena, &event, &problem)) {
      failures->Add(example.line,
                    "an event is refused: " + problem.field + ": " + problem.expected);
      return false;
    }
    if (!active) {
      const Status activated = (*engine)->Activate(pack, "case", "", Timestamp{event.time.ns - 1});
      if (!activated.ok()) failures->Add(example.line, activated.message());
      active = true;
    }
    const auto outcomes = (*engine)->Process({&event, 1}, engine::Arrival::kHistory, event.time);
    if (!outcomes.ok() || (*outcomes)[0].kind == engine::Outcome::Kind::kRefused) {
      failures->Add(example.line,
                    "the event " + std::string(event.id) + " is refused: " +
                        (outcomes.ok() ? (*outcomes)[0].expected : outcomes.status().message()));
      return false;
    }
    if ((*outcomes)[0].decision != nullptr) {
      (*decisions)[std::string(event.id)] = (*outcomes)[0].decision;
    }
  }
  return true;
}

void CompareSlots(const pack::Case::Expectation& expected, const record::DecisionRecord& decision,
                  const pack::Pack& pack, Failures* failures) {
  const record::SlotTable& slots = pack.decisions[decision.decision].slots;
  for (const auto& [name, text] : expected.slots) {
    const auto slot = slots.Find(name);
    std::optional<std::string> came;
    for (const record::SlotValue& value : decision.slots) {
      if (slot && value.slot == *slot) came = record::ToString(value.value);
    }
    if (came != text) {
      failures->Differs(expected.line, "slot " + name, text, came.value_or("no such slot"));
    }
  }
}

void Compare(const pack::Case::Expectation& expected, const record::DecisionRecord& decision,
             const pack::Pack& pack, Failures* failures) {
  const auto number = [&](std::string_view what, const std::optional<std::string>& wanted,
                          const std::optional<Decimal>& came) {
    if (!wanted) return;
    const auto parsed = Decimal::Parse(*wanted);
    if (!parsed || !came || *parsed != *came) {
      failures->Differs(expected.line, what, *wanted, came ? came->ToString() : "none");
    }
  };
  std::string outcome = decision.outcome;
  if (decision.path == record::DecisionPath::kFallback) {
    outcome += " (fallback: " + decision.failure + ")";
  }
  if (expected.outcome && *expected.outcome != outcome) {
    failures->Differs(expected.line, "outcome", *expected.outcome, outcome);
  }
  number("score", expected.score, decision.score);
  number("probability_of_default", expected.probability_of_default,
         decision.probability_of_default);
  if (expected.reasons && *expected.reasons != decision.reasons) {
    failures->Differs(expected.line, "reasons", Joined(*expected.reasons),
                      Joined(decision.reasons));
  }
  CompareSlots(expected, decision, pack, failures);
}

}  // namespace

std::vector<std::string> RunPackCase(const pack::Case& example,
                                     const std::shared_ptr<const pack::Pack>& pack) {
  Failures failures(example);
  Decisions decisions;
  if (!Play(example, pack, &decisions, &failures)) return failures.Take();
  for (const auto& expected : example.expectations) {
    const auto found = decisions.find(expected.event);
    if (found == decisions.end()) {
      failures.Add(expected.line, "no decision was made on the event " + expected.event);
    } else {
      Compare(expected, *found->second, *pack, &failures);
    }
  }
  return failures.Take();
}

}  // namespace credence::api
