#pragma once
// What `credence bench` measures: one stream of events decided by the engine in this process, on
// one thread, over a journal on disk and over one in memory; the same events stage by stage through
// the public functions that the engine calls; what the machine can do at best (floors).
//
// All runs take the same events and must give the same decisions: `decisions` of the report is
// their digest, and a run that differs is an error.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "apps/bench_stream.h"
#include "src/base/digest.h"
#include "src/base/file.h"
#include "src/base/status.h"
#include "src/pack/pack.h"

namespace credence::apps {

struct BenchOptions {
  OrderStreamOptions stream;
  uint64_t events = 0;       // of each run; 0: as many as the first run takes in `seconds`
  double seconds = 20;       // of the first run, without making the stream
  size_t batch = 256;        // events a batch: one frame and one sync
  uint64_t singles = 2'000;  // events that are decided alone after each run
  std::string folder;        // on disk, for journals: not there before, made, left for the caller
  bool quiet = true;
};

struct Percentiles {
  double p50_us = 0;
  double p99_us = 0;
  double p999_us = 0;
  double max_us = 0;
};

// The engine over one file system.
struct EngineRun {
  uint64_t events = 0;
  double gate_seconds = 0;     // JSON to event
  double process_seconds = 0;  // Engine::Process
  Percentiles batch;           // of one batch, gate to durable
  Percentiles single;          // of one event that is a batch of its own, gate to durable
  uint64_t journal_bytes = 0;
  Digest decisions;
  uint64_t replay_events = 0;  // folded by a second engine over the same journal
  double replay_seconds = 0;
  [[nodiscard]] double events_per_second() const {
    return static_cast<double>(events) / (gate_seconds + process_seconds);
  }
  [[nodiscard]] double replay_events_per_second() const {
    return static_cast<double>(replay_events) / replay_seconds;
  }
};

struct Stage {
  std::string name;
  double us = 0;        // for one event
  double floor_us = 0;  // 0 = none is named
  std::string floor;    // what the floor is made of
};

struct EntityMemory {
  std::string name;
  uint64_t entities = 0;
  uint64_t events_kept = 0;
  uint64_t bytes = 0;  // EntityState::bytes()
  uint64_t bytes_max = 0;
};

struct BenchReport {
  uint64_t events = 0;
  double days = 0;  // of event time
  uint64_t features = 0;
  std::map<std::string, uint64_t> outcomes;
  Digest decisions;
  EngineRun disk;
  EngineRun memory;
  std::vector<Stage> stages;
  // Of the state after the first run.
  std::vector<EntityMemory> entities;
  int64_t resident_bytes = 0;  // of the process, against before the run
  uint64_t once_rows = 0;
  // Floors.
  double clock_ns = 0;
  double random_access_ns = 0;
  double sha256_512_ns = 0;
  uint64_t sync_bytes = 0;  // the mean frame
  Percentiles sync;         // write and fdatasync of so many bytes behind the last ones
};

// kInvalidArgument if the pack refuses the stream's events; the file system's errors.
Result<BenchReport> RunBench(const std::shared_ptr<const pack::Pack>& pack, FileSystem& disk,
                             const BenchOptions& options);

}  // namespace credence::apps
