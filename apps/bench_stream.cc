#include "apps/bench_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>

#include "src/base/digest.h"
#include "src/base/exact_math.h"

namespace credence::apps {

namespace {

// Keys look like a platform's: their order says nothing about how frequent they are.
uint64_t Scrambled(uint64_t rank, uint64_t kind) {
  return Hash64({reinterpret_cast<const char*>(&rank), sizeof rank}, kind) >> 16;
}

}  // namespace

OrderStream::OrderStream(const OrderStreamOptions& options)
    : options_(options), random_(options.seed), cumulative_(options.entities), begins_(kParts + 1) {
  double sum = 0;
  for (size_t i = 0; i < cumulative_.size(); ++i) {
    sum += ExactExp(-options.zipf * ExactLog(static_cast<double>(i + 1)));
    cumulative_[i] = sum;
  }
  for (size_t part = 0; part <= kParts; ++part) {
    const double at = static_cast<double>(part) / kParts * sum;
    begins_[part] = static_cast<uint32_t>(
        std::upper_bound(cumulative_.begin(), cumulative_.end(), at) - cumulative_.begin());
  }
}

uint64_t OrderStream::Rank() {
  const double unit = random_.Unit();
  const auto part = static_cast<size_t>(unit * kParts);
  const auto begin = cumulative_.begin();
  const auto found =
      std::upper_bound(begin + begins_[part], begin + begins_[part + 1], unit * cumulative_.back());
  return std::min<uint64_t>(static_cast<uint64_t>(found - cumulative_.begin()),
                            cumulative_.size() - 1);
}

void OrderStream::Touch(uint64_t rank, std::string* out) {
  Step();
  Write({rank, rank, rank, rank}, out);
}

void OrderStream::Step() {
  constexpr uint64_t kDayNs = static_cast<uint64_t>(kNsPerDay);
  now_.ns += static_cast<int64_t>(random_.Below(2 * kDayNs / options_.events_per_day)) + 1;
  event_time_ = now_;
  if (random_.OneIn(100)) event_time_.ns -= static_cast<int64_t>(random_.Below(60)) * kNsPerSecond;
}

void OrderStream::Next(std::string* out) {
  Step();
  Ranks ranks{};
  ranks.buyer = Rank();
  ranks.device = random_.OneIn(5) ? Rank() : ranks.buyer;
  ranks.address = random_.OneIn(5) ? Rank() : ranks.buyer;
  ranks.host = Rank();
  Write(ranks, out);
}

void OrderStream::Write(const Ranks& ranks, std::string* out) {
  constexpr std::array<std::string_view, 6> kCategories = {
      "beauty", "clothing", "food", "electronics", "jewellery", "collectables"};
  // Amounts from 6.65 to about 2,700 yuan, uniform in their logarithm.
  const auto amount = static_cast<uint64_t>(ExactExp(6.5 + 6.0 * random_.Unit()));
  out->clear();
  fmt::format_to(
      std::back_inserter(*out),
      R"({{"specversion":"1.0","id":"o-{:012}","source":"shop","type":"order.placed","time":"{}",)"
      R"("data":{{"buyer_id":"b-{:012x}","device_id":"d-{:012x}","host_id":"h-{:012x}",)"
      R"("address_id":"a-{:012x}","amount":"{}.{:02}",)",
      ++count_, event_time_.ToString(), Scrambled(ranks.buyer, 1), Scrambled(ranks.device, 2),
      Scrambled(ranks.host, 3), Scrambled(ranks.address, 4), amount / 100, amount % 100);
  if (random_.OneIn(3)) {
    const uint64_t coupon = amount / 10 + 1;
    fmt::format_to(std::back_inserter(*out), R"("coupon":"{}.{:02}",)", coupon / 100, coupon % 100);
  }
  fmt::format_to(std::back_inserter(*out), R"("watch":"{}s","items":{},"category":"{}"}}}})",
                 random_.Below(1200), random_.Below(5) + 1,
                 kCategories[random_.Below(kCategories.size())]);
}

}  // namespace credence::apps
