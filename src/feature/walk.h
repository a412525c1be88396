#pragma once
// Walk: features answered from the ordered rows alone, for any reading time: for reads that are
// older than the cursors stand, and for logs too small to have cursors. It goes once from the newer
// end of a group's windows to the older, takes whole chunks by their summaries, and gives each
// window its values as it passes its left end.

#include <span>

#include "src/feature/cursors.h"
#include "src/feature/dictionary.h"
#include "src/feature/entity_state.h"
#include "src/feature/plan.h"
#include "src/feature/row_log.h"

namespace credence::feature {

struct WalkInput {
  const FeaturePlan& plan;
  const LogPlan& log_plan;
  const RowLog& log;
  const Dictionary& texts;
  const Cursors* cursors;  // where there are some: they may know the number of distinct cells
  ReadPoint at;
  bool newest;      // no row and no reversal has a later sequence than the reader
  int64_t horizon;  // rows up to here may be gone
};

// `features` are of one group, in order of window and member.
void Walk(const WalkInput& input, std::span<const uint32_t> features, std::span<record::Value> out);

}  // namespace credence::feature
