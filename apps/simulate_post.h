#pragma once
// The market against a server: an open loop at a fixed rate of events, whether or not the server
// keeps up. Latency counts from the moment an event should have been sent, so that a stall is paid
// for by every event behind it. What the server decides is told to the market.

#include <map>
#include <optional>
#include <string>

#include "apps/histogram.h"
#include "apps/simulate.h"

namespace credence::apps {

struct PostOptions {
  std::string address = "127.0.0.1";
  uint16_t port = 8080;
  double rate = 1000;    // events a second
  double sale_rate = 0;  // in the hour of the flash sale; 0: the same
  std::string key;       // API key; empty: none is sent
  double since = 0;      // from when the first decision is timed, seconds since 1970; 0: from the
                         // first event
  size_t connections = 4;
  size_t pipelined = 64;  // requests of a connection that wait for their answers
};

struct PostReport {
  MarketRun run;      // of the server's pack, whatever it is
  Timestamp last;     // of the market, when it ended
  uint64_t sent = 0;  // events, each once
  uint64_t answered = 0;
  uint64_t busy = 0;    // answers 429 and 503; the event is sent again
  uint64_t failed = 0;  // no answer, or one that is an error
  // Answers that came when the market had gone on without them: it waits a day of its own time,
  // which is short where a market of weeks is sent in seconds.
  uint64_t late_orders = 0;
  uint64_t late_claims = 0;
  std::string first_failure;
  double seconds = 0;
  std::optional<double> first_decision;  // seconds from PostOptions::since to its answer
  Histogram lateness;                    // of the generator: sent - should have been sent
  Histogram decisions;                   // should have been sent - answered, of orders and claims
  Histogram events;                      // likewise, of the others
  Histogram sale;                        // of all events in the hour of the flash sale
  Histogram calm;                        // of all events outside of it
};

// "http://127.0.0.1:8080", an address and no name. kInvalidArgument otherwise.
Status ParsePostUrl(const std::string& url, PostOptions* options);
// kUnavailable if the server is not there.
Result<PostReport> PostMarket(const SimulateOptions& options, const PostOptions& post,
                              const MarketProgress& progress);
std::string PostText(const PostReport& report, const PostOptions& post);

}  // namespace credence::apps
