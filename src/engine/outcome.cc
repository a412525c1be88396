#include "src/engine/outcome.h"

#include "src/base/assert.h"

namespace credence::engine {

std::string_view RefusalName(Refusal refusal) {
  switch (refusal) {
    case Refusal::kNone:
      return "none";
    case Refusal::kNoPack:
      return "no-pack";
    case Refusal::kIdWithOtherContent:
      return "id-with-other-content";
    case Refusal::kTooFarInFuture:
      return "too-far-in-future";
    case Refusal::kTooLate:
      return "too-late";
    case Refusal::kNoRate:
      return "no-rate";
    case Refusal::kAmountOutOfRange:
      return "amount-out-of-range";
    case Refusal::kReversesUnknown:
      return "reverses-unknown";
    case Refusal::kReversesTwice:
      return "reverses-twice";
    case Refusal::kStoreFailed:
      return "store-failed";
  }
  CREDENCE_UNREACHABLE();
}

std::string_view OutcomeKindName(Outcome::Kind kind) {
  switch (kind) {
    case Outcome::Kind::kApplied:
      return "applied";
    case Outcome::Kind::kDecided:
      return "decided";
    case Outcome::Kind::kDuplicate:
      return "duplicate";
    case Outcome::Kind::kRefused:
      return "refused";
  }
  CREDENCE_UNREACHABLE();
}

}  // namespace credence::engine
