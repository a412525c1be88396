#pragma once
// Random streams of events for the shop pack: late, equal-time, reversed, repeated and skewed ones.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "src/engine/engine_testing.h"

namespace credence::engine {

struct Given {
  Event event;
  Timestamp now;
};

// One random stream: events with the clock at which each arrives. The arena owns them.
class Stream {
 public:
  Stream(uint64_t seed, size_t count, Arena* arena) : random_(seed), arena_(arena) {
    while (events_.size() < count) Add();
  }
  [[nodiscard]] const std::vector<Given>& events() const { return events_; }

 private:
  void Add() {
    if (random_.OneIn(3)) now_.ns += random_.Between(0, 5) * kNsPerHour;
    if (random_.OneIn(2)) now_.ns += random_.Between(0, 3);
    if (!events_.empty() && random_.OneIn(8)) return Repeat();
    std::string id = "e" + std::to_string(events_.size());
    EventText text{"", id, Time(), {}};
    const std::string buyer = "b" + std::to_string(random_.Below(4));
    const std::string host = "h" + std::to_string(random_.Below(3));
    const auto yuan = Yuan(random_.Between(0, 120'000));
    switch (random_.Below(8)) {
      case 0:
      case 1:
      case 2:
        text.type = "order.placed";
        text.fields = {{"buyer_id", Value::String(buyer)},
                       {"host_id", Value::String(host)},
                       {"amount", yuan},
                       {"goods", Value::String(random_.OneIn(2) ? "food" : "phones")}};
        if (random_.OneIn(2)) {
          // 1.50 and 1.5 are one number: what is decided must not depend on which was sent.
          const char* const weights[] = {"1.50", "1.5", "2", "2.00", "0.07"};
          text.fields.emplace_back("weight",
                                   Value::OfDecimal(*Decimal::Parse(weights[random_.Below(5)])));
        }
        break;
      case 3:
      case 4:
        text.type = "payment.made";
        text.fields = {{"buyer_id", Value::String(buyer)}, {"amount", yuan}};
        if (random_.OneIn(2)) text.fields.emplace_back("note", Value::String(host));
        break;
      case 5:
        text.type = "host.rated";
        text.fields = {{"host_id", Value::String(host)},
                       {"stars", Value::Integer(random_.Between(1, 5))}};
        if (random_.OneIn(2)) text.fields.emplace_back("buyer_id", Value::String(buyer));
        break;
      case 6:
        text.type = "limit.asked";
        text.fields = {{"buyer_id", Value::String(buyer)},
                       {"months", Value::Integer(random_.Between(1, 36))}};
        break;
      default:
        if (events_.empty()) return;
        text.type = "order.cancelled";
        text.fields = {{"buyer_id", Value::String(buyer)}};
        text.reverses = events_[random_.Below(events_.size())].event.id;
        break;
    }
    Push(pack::MakeEvent(*pack::ShopPack(), text, arena_));
  }

  // Mostly now; at times the same instant as before, late or skewed, within the bounds or beyond.
  Timestamp Time() {
    switch (random_.Below(6)) {
      case 0:
        return events_.empty() ? now_ : events_.back().event.time;
      case 1:
        return {now_.ns - random_.Between(0, 50) * kNsPerHour};
      case 2:
        return {now_.ns + random_.Between(0, 65) * kNsPerMinute};
      default:
        return now_;
    }
  }

  void Repeat() {
    Event event = events_[random_.Below(events_.size())].event;
    if (random_.OneIn(3)) {
      event.time.ns += 1;
      event.digest = record::ContentDigest(event, pack::ShopPack()->schema);
    }
    Push(event);
  }

  void Push(const Event& event) { events_.push_back({event, now_}); }

  Random random_;
  Arena* arena_;
  Timestamp now_ = kStart;
  std::vector<Given> events_;
};

// What an engine said, in text that can be compared.
inline std::string Said(const Outcome& outcome) {
  std::string text = std::to_string(static_cast<int>(outcome.kind)) + " " +
                     std::string(RefusalName(outcome.refusal)) + " " + outcome.field + " " +
                     std::to_string(outcome.seq.value()) + " " + std::to_string(outcome.stamp.ns);
  if (outcome.decision != nullptr) text += " " + Stored(*outcome.decision);
  return text;
}

// kOverlapped: random batches, some of them begun while those before are on their way to the disk.
enum class Batches { kOne, kMost, kRandom, kOverlapped };

// Feeds the stream. A batch has one clock, so it ends where the clock moves.
inline std::vector<std::string> Feed(Engine& engine, const std::vector<Given>& events,
                                     Batches batches, uint64_t seed) {
  Random random(seed);
  std::vector<std::string> said;
  std::vector<Event> batch;
  const auto end = [&] {
    const auto outcomes = engine.End();
    EXPECT_TRUE(outcomes.ok()) << outcomes.status().ToString();
    if (!outcomes.ok()) return;
    for (const Outcome& outcome : *outcomes) said.push_back(Said(outcome));
  };
  for (size_t i = 0; i < events.size();) {
    const size_t most = batches == Batches::kOne    ? 1
                        : batches == Batches::kMost ? kBatchEventsMax
                                                    : 1 + random.Below(kBatchEventsMax);
    const Timestamp now = events[i].now;
    batch.clear();
    while (i < events.size() && batch.size() < most && events[i].now == now) {
      batch.push_back(events[i++].event);
    }
    EXPECT_TRUE(engine.Begin(batch, Arrival::kLive, now).ok());
    const size_t wanted = batches == Batches::kOverlapped ? random.Below(kBatchesInFlightMax) : 0;
    while (engine.in_flight() > wanted || !engine.MayBegin()) end();
  }
  while (engine.in_flight() > 0) end();
  return said;
}

}  // namespace credence::engine
