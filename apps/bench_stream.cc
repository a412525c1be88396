#include "apps/bench_stream.h"

#include <fmt/compile.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "src/base/digest.h"
#include "src/base/exact_math.h"

namespace credence::apps {

namespace {

// Every text is shorter: some 260 bytes, and numbers of at most 20 digits.
constexpr size_t kTextMax = 1024;

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

// The first rank whose cumulative weight is greater. Within a part weights hardly differ, so a
// straight line leads beside it: one line of memory, where a search by halves would wait for some
// after each other.
uint64_t OrderStream::Rank() {
  const double unit = random_.Unit();
  const double at = unit * kParts;
  const auto part = static_cast<size_t>(at);
  const size_t begin = begins_[part];
  const size_t end = begins_[part + 1];
  const double weight = unit * cumulative_.back();
  size_t rank = begin + static_cast<size_t>((at - static_cast<double>(part)) *
                                            static_cast<double>(end - begin));
  while (rank > begin && cumulative_[rank - 1] > weight) --rank;
  while (rank < end && cumulative_[rank] <= weight) ++rank;
  return std::min<uint64_t>(rank, cumulative_.size() - 1);
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
  std::array<char, kTextMax> text;  // filled as far as it is used
  char* end = fmt::format_to(
      text.data(),
      FMT_COMPILE(
          R"({{"specversion":"1.0","id":"o-{:012}","source":"shop","type":"order.placed","time":"{}",)"
          R"("data":{{"buyer_id":"b-{:012x}","device_id":"d-{:012x}","host_id":"h-{:012x}",)"
          R"("address_id":"a-{:012x}","amount":"{}.{:02}",)"),
      ++count_, event_time_.ToString(), Scrambled(ranks.buyer, 1), Scrambled(ranks.device, 2),
      Scrambled(ranks.host, 3), Scrambled(ranks.address, 4), amount / 100, amount % 100);
  if (random_.OneIn(3)) {
    const uint64_t coupon = amount / 10 + 1;
    end = fmt::format_to(end, FMT_COMPILE(R"("coupon":"{}.{:02}",)"), coupon / 100, coupon % 100);
  }
  const std::string_view category = kCategories[random_.Below(kCategories.size())];
  const uint64_t items = random_.Below(5) + 1;
  end = fmt::format_to(end, FMT_COMPILE(R"("watch":"{}s","items":{},"category":"{}"}}}})"),
                       random_.Below(1200), items, category);
  out->assign(text.data(), end);
}

}  // namespace credence::apps
