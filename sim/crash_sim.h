#pragma once
// The crash simulator: an engine over files that forget (journal/fault_file.h) does a seeded piece
// of work, and at every moment at which it is about to change a file the power goes, the process
// dies, or a write is cut short; each time the engine is opened again from what is left, and an
// auditor who knows what was acknowledged compares.
//
// The auditor's rule. Let H(k) be the state hash, the count of events and the count of decisions of
// an engine that never failed after step k (steps are batches and commands). If k steps were
// acknowledged when the power went, the reopened engine stands at H(k) or at H(k + 1): nothing that
// was acknowledged is lost, nothing counts twice, and what was on its way is there as a whole or
// not at all. With an even seed batches overlap: two may be on their way, and then H(k + 2) is
// right too.
//
// With checkpoints the store is RocksDB on the same files, so that the power goes inside flushes,
// compactions and openings as it does inside appends. Then the engine that starts from whichever
// checkpoint survived must stand where replaying the journal from its first frame does. Nor may a
// crash look like damage, but for one: a list of tables (MANIFEST) whose last sectors reached the
// disk out of order is refused by RocksDB, and the engine starts from the journal.
//
// Deterministic: same options, same points, same verdict. With checkpoints but for the moments of
// RocksDB's own threads: where a compaction comes between two calls is up to the system. Nothing
// here touches the disk but for reading sim/pack.

#include <cstdint>
#include <string>
#include <vector>

#include "src/base/status.h"
#include "src/journal/journal.h"

namespace credence::sim {

struct CrashOptions {
  uint64_t seed = 1;
  int steps = 16;
  uint64_t segment_bytes = 2048;  // small, so that there are many
  journal::WriteAhead write_ahead = journal::WriteAhead::kNone;
  uint64_t checkpoint_every = 0;  // events; 0: no checkpoints
  uint64_t cache_bytes = 0;       // with checkpoints: see engine::CheckpointOptions
  int tears = 3;                  // torn crashes for each moment
  uint64_t again_every =
      3;  // this often one more step is done afterwards, and the power goes again
  uint64_t audit_every = 97;  // this often a point is also verified and its work finished
  uint64_t nest_every = 499;  // this often the recovery itself is crashed at each of its moments
};

struct CrashReport {
  uint64_t points = 0;    // crashes simulated, each with an audited recovery
  uint64_t moments = 0;   // of the work and of recoveries
  uint64_t nested = 0;    // of the points: crashes of a recovery
  uint64_t finished = 0;  // of the points: work done to its end afterwards, with the same end
  uint64_t unfinished_frames = 0;  // recoveries that cut a torn frame
  uint64_t timers = 0;             // steps of the work in which timers fired
  // With checkpoints.
  uint64_t store_points = 0;  // of the points: the power went in a call of RocksDB
  uint64_t store_moments = 0;
  uint64_t merged_tables = 0;      // files that compactions had made superfluous
  uint64_t from_checkpoint = 0;    // recoveries from a checkpoint, not from the first frame
  uint64_t torn_manifests = 0;     // recoveries for which RocksDB refused its list of tables
  uint64_t either_checkpoint = 0;  // moments whose crashes left now the older, now the newer one
  uint64_t failures = 0;
  std::vector<std::string> first;  // at most kFailuresShown, each with what reruns it

  void Add(const CrashReport& other);
};
inline constexpr size_t kFailuresShown = 10;
// All below may run on several threads at a time; with checkpoints on at most so many.
inline constexpr unsigned kSimulationsMost = 4;

// Crashes at every moment of one piece of work. A Status says that the simulator itself could not
// run.
Result<CrashReport> SimulateCrashes(const CrashOptions& options);

struct FaultReport {
  uint64_t runs = 0;
  uint64_t failures = 0;
  std::vector<std::string> first;
  void Add(const FaultReport& other);
};

// Every call of the work fails in turn (an error, a short read): the engine stops or goes on, and
// what it acknowledged is there after a crash.
Result<FaultReport> SimulateErrors(const CrashOptions& options);
// The disk is full from every size on for a while: work is refused and goes on, with the same end.
Result<FaultReport> SimulateFullDisk(const CrashOptions& options);
// Every byte of the store is changed in turn: opening says so, or the state is the one that was.
Result<FaultReport> SimulateFlips(const CrashOptions& options);

// Does the work where nothing fails, and leaves its store in a folder of the disk, sealed: for
// tests/compat.
Status MakeStore(const CrashOptions& options, const std::string& folder);

}  // namespace credence::sim
