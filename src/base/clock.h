#pragma once
// Clock: the only door to the time of day. Pure code never has one; the shell reads it once an
// event and hands the value on.

#include <cstdint>

namespace credence {

class Clock {
 public:
  virtual ~Clock() = default;
  // Nanoseconds since 1970-01-01T00:00:00Z. May jump either way: nothing may rely on its order.
  [[nodiscard]] virtual int64_t NowNs() = 0;
};

// A clock that stands still until it is told otherwise.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(int64_t now_ns = 0) : now_ns_(now_ns) {}
  [[nodiscard]] int64_t NowNs() override { return now_ns_; }
  void Set(int64_t now_ns) { now_ns_ = now_ns; }

 private:
  int64_t now_ns_;
};

}  // namespace credence
