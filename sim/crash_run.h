#pragma once
// What `./dev sim` does: seed after seed the power goes at every moment of the work (crash_sim.h),
// and for some of them disks fail, fill up and lie, on all processors.

#include <cstdint>
#include <functional>

#include "sim/crash_sim.h"
#include "src/base/status.h"

namespace credence::sim {

struct CrashRunOptions {
  uint64_t first_seed = 1;
  uint64_t points = 100'000;  // a seed that is begun is done to its end
  bool one_seed = false;      // the first, with all there is, whatever `points` says
};

struct CrashRunReport {
  CrashReport crashes;
  FaultReport faults;
  uint64_t seeds = 0;
};

// Stops after the seed at which something fails. `progress` is told how many points there were, on
// any thread, one call at a time. A Status says that a simulator itself could not run.
Result<CrashRunReport> RunCrashes(const CrashRunOptions& options,
                                  const std::function<void(uint64_t points)>& progress);

}  // namespace credence::sim
