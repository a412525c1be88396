#pragma once
// The kill simulator: a real process takes events into a store on a real disk and is killed with
// SIGKILL at random moments. The auditor, who is the parent, knows every event that was
// acknowledged through a pipe; after each kill it reads the journal and holds that none of them is
// lost, none is there twice, and every decision is the one that was given out. Checkpoints are
// written most of the time, so that most kills meet one; the state from whichever is left must be
// the one that the journal makes from its first frame.
//
// A kill does not take the page cache with it, so this test says nothing of syncs: crash_sim.h does
// that. It says that a real process on a real file system recovers, whatever it was doing.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/status.h"
#include "src/store/store.h"

namespace credence::sim {

struct KillOptions {
  uint64_t seed = 1;
  int kills = 200;
  // Where the stores are made; emptied before, left behind after a failure.
  std::string folder;
  // The program that runs TakeEvents, with the store's folder as last argument.
  std::vector<std::string> taker;
  int kills_per_store = 25;  // then a new store is begun
  // A kill comes so soon after the process was ready, or, each second time, after it acknowledged
  // something, at most.
  int moment_us_max = 60'000;
};

struct KillReport {
  int kills = 0;
  int in_checkpoint = 0;        // of them: while a checkpoint was being written
  int from_checkpoint = 0;      // of them: left a checkpoint to start from
  int in_recovery = 0;          // of them: before the process had said that it was ready
  uint64_t acknowledged = 0;    // events
  uint64_t unacknowledged = 0;  // events found in a journal that were on their way
  uint64_t decisions = 0;       // that were given out
  uint64_t checkpoints = 0;     // that were written to their end
  uint64_t unfinished_frames = 0;
  std::vector<std::string> failures;
};

// A Status says that the simulator itself could not run.
Result<KillReport> SimulateKills(const KillOptions& options);

// The process that is killed: opens the store, makes the stall's pack the active one, says "ready",
// and takes the events that come on descriptor `in`, one JSON a line, acknowledging on `out` what
// is durable. Ends when `in` does. Returns the exit code.
//
// One line for each event, in order: "KIND SEQ DECISION", where KIND is applied, decided, duplicate
// or refused, and DECISION the SHA-256 of the stored decision or "-".
// Between them the lines kCheckpointBegins and kCheckpointEnds, when that is so.
int TakeEvents(const std::string& store, uint64_t checkpoint_events, int in, int out);
// Few, so that one is being written most of the time; 0: none are made.
inline constexpr uint64_t kKilledCheckpointEvents = 200;
inline constexpr std::string_view kCheckpointBegins = "checkpoint begins\n";
inline constexpr std::string_view kCheckpointEnds = "checkpoint ends\n";

// Where the process keeps its checkpoints.
std::shared_ptr<store::Backing> CheckpointsOfKilled(const std::string& store);

}  // namespace credence::sim
