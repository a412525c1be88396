#pragma once
// Histogram: how often each length of time occurred, in buckets of less than 1.6 % of their value.
// Fixed memory, so that a long run costs no more than a short one.

#include <array>
#include <bit>
#include <cstdint>
#include <vector>

namespace credence::apps {

class Histogram {
 public:
  Histogram() : counts_(size_t{kPowers} * kSteps) {}

  void Add(int64_t ns, uint64_t times = 1) {
    const uint64_t value = ns < 0 ? 0 : static_cast<uint64_t>(ns);
    counts_[Bucket(value)] += times;
    count_ += times;
    if (value > max_) max_ = value;
  }
  void Merge(const Histogram& other) {
    for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
    count_ += other.count_;
    if (other.max_ > max_) max_ = other.max_;
  }
  [[nodiscard]] uint64_t count() const { return count_; }
  [[nodiscard]] int64_t max_ns() const { return static_cast<int64_t>(max_); }
  // The least bucket's upper end that so large a share (0..1) of the values lies within; 0 if there
  // are none.
  [[nodiscard]] int64_t AtShare(double share) const {
    const auto wanted = static_cast<uint64_t>(share * static_cast<double>(count_));
    uint64_t seen = 0;
    for (size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen > wanted) return static_cast<int64_t>(UpperEnd(i) < max_ ? UpperEnd(i) : max_);
    }
    return static_cast<int64_t>(max_);
  }
  // Calls `visit(upper_end_ns, count)` for each bucket that holds something, rising.
  template <class Visit>
  void ForEach(const Visit& visit) const {
    for (size_t i = 0; i < counts_.size(); ++i) {
      if (counts_[i] > 0) visit(static_cast<int64_t>(UpperEnd(i)), counts_[i]);
    }
  }

 private:
  static constexpr uint32_t kStepBits = 6;
  static constexpr uint32_t kSteps = 1U << kStepBits;
  static constexpr uint32_t kPowers = 64 - kStepBits + 1;

  // Values below kSteps are their own buckets; above, the leading kStepBits + 1 bits count.
  static size_t Bucket(uint64_t value) {
    if (value < kSteps) return static_cast<size_t>(value);
    const auto power = static_cast<uint32_t>(std::bit_width(value)) - kStepBits - 1;
    return size_t{power + 1} * kSteps + static_cast<size_t>((value >> power) - kSteps);
  }
  static uint64_t UpperEnd(size_t bucket) {
    if (bucket < kSteps) return bucket;
    const size_t power = bucket / kSteps - 1;
    return ((uint64_t{bucket % kSteps} + kSteps + 1) << power) - 1;
  }

  std::vector<uint64_t> counts_;
  uint64_t count_ = 0;
  uint64_t max_ = 0;
};

}  // namespace credence::apps
