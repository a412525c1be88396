#pragma once
// Retire: removes the front of a store's journal, and keeps the state that it made, so that
// everything that stays can still be verified.
//
//   STORE/base/FRAMES        a store of checkpoints: the state after so many frames, those that
//                            were retired
//   STORE/base/FRAMES.pack   which pack was in force then (engine::BasePackPath)
//
// What is to go is verified before: folded from the last base, every decision decided again. The
// new base is on disk before the journal says that its front is gone (journal/retired.h), and the
// old one goes last: a crash in between leaves a store that is whole, and the next call cleans up.
//
// What can no longer be done for retired frames: decide their decisions again, find them, prove
// them. What still can: every later frame as before, and proofs of growth from heads of before.

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "src/base/file.h"
#include "src/base/status.h"
#include "src/base/strong_id.h"
#include "src/engine/core.h"
#include "src/journal/format.h"
#include "src/store/store.h"

namespace credence::study {

// A place for a store of checkpoints (engine::TableNames()) in a folder.
using BackingAt = std::function<std::shared_ptr<store::Backing>(const std::string& folder)>;

// Puts the state that stands before the first retained frame into a core that is new (made with
// first segment 0), and returns the head there: that of an empty journal, and nothing done, where
// nothing was retired. With `cache_bytes` entities that did not change may leave memory.
// kUnavailable if there is a front that was retired and no `base`; kDataLoss if the base is not the
// one of this journal.
Result<journal::ChainHead> StartAtRetained(FileSystem& files, const std::string& store,
                                           const BackingAt& base, uint64_t cache_bytes,
                                           engine::Core* core);

struct RetireOptions {
  BackingAt base;                              // required
  std::shared_ptr<store::Backing> checkpoint;  // the store's own; required
  // What is asked for: nothing from this sequence on goes (0: no such bound), and nothing that
  // arrived within so long before the newest record.
  Seq before_seq;
  int64_t keep_ns = 0;
  uint64_t cache_bytes = 0;  // of the state that is folded; 0: all of it in memory
  bool look_only = false;    // only says what would go
  std::function<void(uint64_t events)> on_progress;  // may be empty
};

struct RetireReport {
  journal::ChainHead before;  // retired before this call
  journal::ChainHead now;     // and after it (with look_only: would be)
  uint64_t segments = 0;      // that went, or would go
  // What keeps the segment after them; empty if it is the last one.
  std::string kept_for;
};

// Whole segments go, never the last one, none with a frame that one of these still needs:
//   the bounds that are asked for;
//   a change of pack: the longest window and delay of the active pack, its bound of reversal, and
//   the once-only horizon, each with the bounds of lateness and future;
//   the same before every activation that stays, whose features were made of the events before it;
//   a start: everything behind the checkpoint.
// kUnavailable while a writer has the store, or if it has no checkpoint; kDataLoss if what is to go
// does not verify: nothing was removed.
Result<RetireReport> Retire(FileSystem& files, const std::string& store,
                            const RetireOptions& options);

}  // namespace credence::study
