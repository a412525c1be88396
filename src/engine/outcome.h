#pragma once
// What became of an event.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "src/base/strong_id.h"
#include "src/calendar/date.h"
#include "src/engine/money_state.h"
#include "src/record/fact.h"

namespace credence::engine {

// Why an event was refused. The order is the order of precedence: the first that holds is given.
enum class Refusal : uint8_t {
  kNone = 0,
  kNoPack = 1,              // no pack is active
  kIdWithOtherContent = 2,  // (source, id) was here with other content
  kTooFarInFuture = 3,      // time - stamp is beyond the pack's bound
  kTooLate = 4,             // stamp - time is beyond the pack's bound
  kNoRate = 5,              // an amount in a currency that has no rate to the base currency
  kAmountOutOfRange = 6,    // an amount that does not fit the base currency
  kReversesUnknown =
      7,               // no such event of this source that can be reversed, or its bound has passed
  kReversesTwice = 8,  // it was reversed before
  kStoreFailed = 9,    // of a dry run alone: the entities could not be read; the engine has stopped
};
[[nodiscard]] std::string_view RefusalName(Refusal refusal);

struct Outcome {
  enum class Kind : uint8_t {
    kApplied,    // counted; the event asked for no decision
    kDecided,    // counted and decided
    kDuplicate,  // was here with the same content; `seq` is that of the first time
    kRefused,    // no trace
  };
  Kind kind = Kind::kRefused;
  Refusal refusal = Refusal::kNone;
  std::string field;     // what a refusal is about: "time", "id", "data.amount", "reverses"
  std::string expected;  // one sentence
  Seq seq;
  Timestamp stamp;
  std::shared_ptr<const record::DecisionRecord> decision;  // kDecided
  // What became of the commands of the event and of its decision; nothing where it has none. A
  // refused command is no refusal of the event.
  std::optional<MoneyReport> money;
  std::optional<MoneyReport> money_of_decision;
};
// "applied", "decided", "duplicate", "refused".
[[nodiscard]] std::string_view OutcomeKindName(Outcome::Kind kind);

}  // namespace credence::engine
