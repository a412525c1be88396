#pragma once
// Runs the same orders through every peer, one peer after the other, and compares what they
// answered with what Credence answered.

#include <memory>
#include <string>
#include <vector>

#include "bench/peers/peer.h"

namespace credence::bench {

struct PeersOptions {
  std::vector<std::string> peers = {"credence", "redis", "postgres"};
  uint64_t preload = 0;    // orders that are taken in before, undecided and unmeasured
  uint64_t events = 0;     // measured, after them
  uint64_t singles = 500;  // after those, one after the other
  size_t stride = 37;      // the features of each so-manyth order are compared
  std::string folder;      // made, and removed by the caller
  PeerOptions peer;
};

// Of a peer against Credence.
struct Comparison {
  uint64_t values = 0;  // features of sampled orders
  uint64_t equal = 0;
  uint64_t rounded = 0;      // within 1e-9 of it, or a duration within a microsecond
  uint64_t late = 0;         // others, of orders older than one before them of the same entity
  uint64_t concurrent = 0;   // others, where orders of several connections are under way at once
  uint64_t unexplained = 0;  // others
  uint64_t decisions = 0;    // of all orders
  uint64_t decided_otherwise = 0;
  std::vector<std::string> examples;  // a few of each kind: "late: order 74, buyer.orders.max_..."
};

struct PeerReport {
  std::string name;
  std::string version;
  std::string skipped;  // why it did not run; the rest is empty then
  uint64_t events = 0;
  double seconds = 0;
  size_t in_flight = 0;
  apps::Histogram latency;  // from text to answer, as fast as the peer takes them
  apps::Histogram alone;    // one order at a time
  Footprint before;         // after the preload
  Footprint after;
  Comparison comparison;
  [[nodiscard]] double events_per_second() const { return static_cast<double>(events) / seconds; }
};

// `texts`: the whole stream, at least preload + events + singles long. The first of `peers` is what
// the others are compared with. A peer whose server is missing is skipped, and said so; any other
// failure is returned.
Result<std::vector<PeerReport>> RunPeers(const std::shared_ptr<const pack::Pack>& pack,
                                         const std::vector<std::string>& texts,
                                         const PeersOptions& options);

}  // namespace credence::bench
