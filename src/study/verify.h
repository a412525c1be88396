#pragma once
// Verify: proof that a journal gives the same state and the same decisions. Reads only; the store
// may be one that a process left in any way.
//
// Four checks, each over the whole journal:
//   1. folding the journal's facts gives the state hash that the last writer sealed (where it left
//   in order);
//   2. every decision is decided again from the slots that its own record keeps, and gives the same
//   record;
//   3. every event has the content that its digest names, and a decision behind it if it asks;
//   4. every feature is computed again from the events before, and gives the slots that the record
//   keeps.
// And where there is a checkpoint: it holds the state that the journal makes up to its frame.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "src/base/digest.h"
#include "src/base/file.h"
#include "src/base/status.h"
#include "src/base/strong_id.h"
#include "src/decision/decide.h"
#include "src/engine/checkpoint.h"
#include "src/engine/state.h"
#include "src/journal/reader.h"
#include "src/study/retire.h"

namespace credence::study {

inline constexpr size_t kMismatchesMax = 20;  // that are described; all are counted

struct Mismatch {
  Seq seq;
  std::string decision;  // id
  std::string event;     // id of the event
  std::string what;      // "slot account.transactions.count_30d: recorded 4, computed again 5"
};

struct VerifyReport {
  uint64_t frames = 0;  // that were folded
  // The head before the first of them: frames up to there were retired and can no longer be
  // verified; the state that they made was kept. No frames where nothing was retired.
  journal::ChainHead retired;
  uint64_t events = 0;
  uint64_t decisions = 0;
  uint64_t timers = 0;  // that fired
  uint64_t mismatches = 0;
  std::vector<Mismatch> first;  // at most kMismatchesMax
  bool sealed = false;
  Digest sealed_hash;  // meaningful where sealed
  Digest state_hash;
  Digest pack;  // in force at the end; zero if none was
  std::vector<engine::State::RowCount> rows;
  journal::Tail tail;
  // The checkpoint; frames 0: there is none, or it is damaged.
  journal::ChainHead checkpoint;
  std::string checkpoint_problem;  // damaged, or other than the journal says; empty if all is well
  [[nodiscard]] bool StateMatches() const { return !sealed || sealed_hash == state_hash; }
  [[nodiscard]] bool ok() const {
    return mismatches == 0 && StateMatches() && checkpoint_problem.empty();
  }
};

// What VerifyOptions::scratch is for, beside room.
enum class ScratchUse : uint8_t {
  kRemoved,       // nothing: it is removed before and left as it comes
  kKeep,          // removed before; holds the state at the end afterwards, flushed
  kStartAndKeep,  // the same, and it holds the state before the first frame when the call begins
};

struct VerifyOptions {
  std::function<void(uint64_t events)> on_progress;  // may be empty
  // The checkpoint that is to be compared; nobody may be writing it. Null: none.
  std::shared_ptr<store::Backing> checkpoint = nullptr;
  // With a backing: where the state that is folded may be put, so that it need not fit into memory.
  engine::CheckpointOptions scratch = {};
  ScratchUse scratch_use = ScratchUse::kRemoved;
  // Where the state before the first frame is, if the front of the journal was retired: see
  // StartAtRetained. With it, `scratch` gives only its cache_bytes.
  BackingAt base = {};
  uint64_t until_frame = UINT64_MAX;  // the last one that is looked at
};

// `folder` is an engine's. A Status is damage or a missing file; what does not agree is in the
// report.
Result<VerifyReport> Verify(FileSystem& files, const std::string& folder,
                            const VerifyOptions& options = {});

// One decision with its event, found in the journal.
struct FoundDecision {
  record::DecisionRecord record;
  std::string event_id;
  std::string event_source;
  Timestamp stamp;
  std::shared_ptr<const pack::Pack> pack;
  decision::Explanation explanation;  // made again from the record's slots
};
// Makes the explanation from `found->record` and `found->pack`. kDataLoss if they do not fit.
Status Explain(FoundDecision* found);
// kNotFound if the journal holds no such decision. Reads the journal from its beginning: where the
// place is known, ReadDecision (tail.h) is the quick way.
Result<FoundDecision> FindDecision(FileSystem& files, const std::string& folder, Seq seq);

}  // namespace credence::study
