#pragma once
// OrderStream: the synthetic orders of a live-stream shop that `credence bench` is fed with, as the
// JSON text of CloudEvents for the pack bench/packs/hundred. The same options give the same texts
// on every machine.
//
// Keys are Zipf distributed: the k-th most frequent of `entities` has weight 1 / k^zipf. The buyer
// and the host of an order are drawn independently. Four of five orders use the buyer's own device
// and address; the others draw them like a buyer. Event time moves by a uniform step around
// one day / `events_per_day`; one event of a hundred is up to a minute old when it arrives.

#include <cstdint>
#include <string>
#include <vector>

#include "src/base/random.h"
#include "src/calendar/date.h"

namespace credence::apps {

struct OrderStreamOptions {
  uint64_t entities = 100'000;       // of each type; the table of weights takes 8 bytes for each
  double zipf = 0.99;                // 0 is uniform
  uint64_t events_per_day = 10'000;  // of event time
  uint64_t seed = 1;
};

class OrderStream {
 public:
  // 2024-03-01T00:00:00Z
  static constexpr Timestamp kStart{1'709'251'200 * kNsPerSecond};

  explicit OrderStream(const OrderStreamOptions& options);
  // The next event. Replaces `out`.
  void Next(std::string* out);
  // The next event, with the keys of this rank (from 0) for all types. Replaces `out`.
  void Touch(uint64_t rank, std::string* out);
  [[nodiscard]] uint64_t count() const { return count_; }
  // How far event time has come.
  [[nodiscard]] int64_t ns_passed() const { return now_.ns - kStart.ns; }

 private:
  struct Ranks {
    uint64_t buyer, device, address, host;
  };
  void Step();
  uint64_t Rank();
  void Write(const Ranks& ranks, std::string* out);
  OrderStreamOptions options_;
  Random random_;
  std::vector<double> cumulative_;  // weights of ranks 0..i
  // Where each part of the whole weight begins: a search looks at few lines of memory.
  static constexpr size_t kParts = 65'536;
  std::vector<uint32_t> begins_;
  Timestamp now_ = kStart;
  Timestamp event_time_ = kStart;
  uint64_t count_ = 0;
};

}  // namespace credence::apps
