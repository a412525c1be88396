#pragma once
// The open loop of `credence bench`: orders come at a fixed rate whether or not the engine keeps up
// (or, without a rate, as fast as it takes them), from a thread that makes and parses them; one
// thread decides; one encodes, writes and syncs. Latency counts from the moment an event should
// have been sent, so that a stall is paid for by every event behind it.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "apps/bench_stream.h"
#include "apps/histogram.h"
#include "src/base/digest.h"
#include "src/base/file.h"
#include "src/base/status.h"
#include "src/engine/checkpoint.h"
#include "src/pack/pack.h"

namespace credence::apps {

struct OpenOptions {
  OrderStreamOptions stream;
  double rate = 0;        // events a second; 0: as fast as they are taken
  double seconds = 60;    // measured
  uint64_t preload = 0;   // one event for each of so many keys of every type comes before
  size_t batch = 256;     // at most so many events a batch
  double bar_us = 1'000;  // the generator may be late by a tenth of it
  // Made where either says so; cache_bytes as there.
  engine::CheckpointOptions checkpoints;
  std::string folder;
  bool quiet = true;
};

// Of the latencies of one second.
struct SecondTimes {
  int64_t p50_ns = 0;
  int64_t p99_ns = 0;
  int64_t p999_ns = 0;
};

struct OpenSecond {
  uint64_t decided = 0;
  SecondTimes facts;
  SecondTimes durable;
  int64_t resident_bytes = 0;
  uint64_t checkpoints = 0;  // since the first second
};

struct ThreadTime {
  std::string name;
  double seconds = 0;  // of CPU, user and system
};

struct OpenReport {
  uint64_t events = 0;
  double seconds = 0;
  Histogram lateness;  // of the generator: sent - should have been sent
  Histogram facts;     // should have been sent - decided and applied in memory
  Histogram durable;   // should have been sent - on disk
  Histogram floor;     // write and fdatasync of the mean frame, alone
  Histogram wakeups;   // how late a thread wakes that only sleeps, alone, at the same rate
  uint64_t batches = 0;
  uint64_t journal_bytes = 0;
  uint64_t live_entities = 0;              // of all types, at the end
  uint64_t in_memory = 0;                  // of these
  uint64_t memory_bytes = 0;               // of those, as the table counts them
  engine::CheckpointCounters checkpoints;  // without those of what was sent before
  engine::CacheCounters cache;
  uint64_t store_bytes = 0;     // on disk, at the end
  double restart_seconds = 0;   // from a process that was killed at the end to the next one that is
                                // ready, without starting it; 0 without checkpoints
  uint64_t restart_events = 0;  // of the journal, folded then
  std::vector<OpenSecond> by_second;
  std::vector<ThreadTime> threads;
  [[nodiscard]] double events_per_second() const { return static_cast<double>(events) / seconds; }
};

Result<OpenReport> RunOpen(const std::shared_ptr<const pack::Pack>& pack, FileSystem& disk,
                           const OpenOptions& options);

}  // namespace credence::apps
