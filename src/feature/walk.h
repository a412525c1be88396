#pragma once
// Walk: features answered from the ordered rows, for any reading time: for reads that are not at
// the place where the cursors stand, and for logs too small to have cursors. For each series it
// goes once from the newer end of a group's windows to the older, takes whole chunks by their
// summaries, and gives each window its values as it passes its left end. Windows much longer than
// the reader is late are not walked: they are those of the cursors with what has come and gone
// since put right.

#include <span>

#include "src/feature/cursors.h"
#include "src/feature/entity_state.h"
#include "src/feature/outcome.h"
#include "src/feature/plan.h"
#include "src/feature/row_log.h"

namespace credence::feature {

struct WalkInput {
  const ReadScope& scope;
  const RowLog& log;
  const Cursors* cursors;  // where they can tell: null, or `newest`, and the reader's own row,
                           // which `prior` leaves out, has the reading time
  uint64_t reader;         // sequence
  bool newest;             // no row and no reversal has a later sequence than the reader
};

// The features of one group.
void Walk(const WalkInput& input, const ReadSet& set, const ReadSet::Run& run,
          std::span<record::Value> out);

}  // namespace credence::feature
