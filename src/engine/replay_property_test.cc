// Replay gives the same bits: over random streams with late, equal-time, reversed, repeated and
// skewed events, whatever the batches, after any crash.

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "src/engine/engine_testing.h"
#include "src/study/verify.h"

namespace credence::engine {
namespace {

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
std::string Said(const Outcome& outcome) {
  std::string text = std::to_string(static_cast<int>(outcome.kind)) + " " +
                     std::string(RefusalName(outcome.refusal)) + " " + outcome.field + " " +
                     std::to_string(outcome.seq.value()) + " " + std::to_string(outcome.stamp.ns);
  if (outcome.decision != nullptr) text += " " + Stored(*outcome.decision);
  return text;
}

// kOverlapped: random batches, the next one begun while the one before is on its way to the disk.
enum class Batches { kOne, kMost, kRandom, kOverlapped };

// Feeds the stream. A batch has one clock, so it ends where the clock moves.
std::vector<std::string> Feed(Engine& engine, const std::vector<Given>& events, Batches batches,
                              uint64_t seed) {
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
    const size_t wanted = batches == Batches::kOverlapped ? kBatchesInFlightMax - 1 : 0;
    while (engine.in_flight() > wanted) end();
  }
  while (engine.in_flight() > 0) end();
  return said;
}

constexpr uint64_t kSeeds = 12;

TEST(ReplayProperty, StateAndDecisionsAreTheSameWhateverTheBatchesAndAfterReopening) {
  std::set<std::string_view> met;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Arena arena;
    const Stream stream(seed, 400, &arena);
    std::vector<std::string> first;
    Digest hash;
    for (const Batches batches :
         {Batches::kOne, Batches::kMost, Batches::kRandom, Batches::kOverlapped}) {
      journal::FaultFileSystem files;
      Options options;
      options.own_journal_thread = batches == Batches::kOverlapped;
      auto engine = MustOpen(files, options);
      MustActivate(*engine, pack::ShopPack());
      const auto said = Feed(*engine, stream.events(), batches, seed);
      const Digest live = engine->state().Hash();
      if (first.empty()) {
        first = said;
        hash = live;
        for (const std::string& text : said) {
          for (const Refusal refusal :
               {Refusal::kIdWithOtherContent, Refusal::kTooFarInFuture, Refusal::kTooLate,
                Refusal::kReversesUnknown, Refusal::kReversesTwice}) {
            const std::string_view name = RefusalName(refusal);
            if (text.find(name) != std::string::npos) met.insert(name);
          }
        }
      }
      ASSERT_EQ(said, first);
      ASSERT_EQ(live, hash);
      engine.reset();
      files.Crash(journal::CrashKind::kDropUnsynced);
      engine = MustOpen(files);
      ASSERT_NE(engine, nullptr);
      EXPECT_EQ(engine->state().Hash(), live);
      // What was said stays said: everything that took effect is a duplicate now.
      size_t decided = 0;
      for (const std::string& text : said) decided += text.starts_with("1 ") ? 1 : 0;
      EXPECT_EQ(engine->opened().decisions, decided);
      ASSERT_TRUE(engine->Close().ok());
      engine.reset();
      const auto report = study::Verify(files, kFolder);
      ASSERT_TRUE(report.ok()) << report.status().ToString();
      for (const auto& mismatch : report->first) ADD_FAILURE() << mismatch.event << mismatch.what;
      EXPECT_TRUE(report->sealed);
      EXPECT_EQ(report->state_hash, live);
      EXPECT_TRUE(report->ok());
      EXPECT_EQ(report->decisions, decided);
    }
  }
  EXPECT_EQ(met.size(), 5u) << "the streams should meet every refusal of a stream";
}

// After each frame the files are copied as a crash would leave them, and opened.
TEST(ReplayProperty, KilledAfterAnyFrameItReopensToWhatWasAcknowledged) {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Arena arena;
    const Stream stream(seed + 100, 60, &arena);
    Random random(seed);
    journal::FaultFileSystem files(seed);
    auto engine = MustOpen(files);
    MustActivate(*engine, pack::ShopPack());
    for (const Given& given : stream.events()) {
      ASSERT_TRUE(engine->Process({&given.event, 1}, Arrival::kLive, given.now).ok());
      const Digest acknowledged = engine->state().Hash();
      engine.reset();
      files.Crash(static_cast<journal::CrashKind>(random.Below(3)));
      engine = MustOpen(files);
      ASSERT_NE(engine, nullptr);
      ASSERT_EQ(engine->state().Hash(), acknowledged);
      const auto again = engine->Process({&given.event, 1}, Arrival::kLive, given.now);
      ASSERT_TRUE(again.ok());
      EXPECT_NE(again->at(0).kind, Outcome::Kind::kDecided) << "an event decides once";
      EXPECT_EQ(engine->state().Hash(), acknowledged);
    }
  }
}

// The power goes at some call of the disk, anywhere in the stream.
TEST(ReplayProperty, KilledAtAnyCallItReopensToTheLastAcknowledgedBatchOrTheOneAfter) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Arena arena;
    const Stream stream(seed + 200, 40, &arena);
    journal::FaultFileSystem files(seed);
    Options options;
    options.journal.segment_bytes = journal::kSegmentBytesMin;
    auto engine = MustOpen(files, options);
    MustActivate(*engine, pack::ShopPack());
    Digest acknowledged = engine->state().Hash();
    files.set_fault({files.calls() + 1 + Random(seed).Below(60), journal::FaultKind::kStop});
    size_t at = 0;
    Digest ahead = acknowledged;
    for (; at < stream.events().size(); ++at) {
      const Given& given = stream.events()[at];
      const bool ok = engine->Process({&given.event, 1}, Arrival::kLive, given.now).ok();
      ahead = engine->state().Hash();
      if (!ok) break;
      acknowledged = ahead;
    }
    files.set_fault({});
    engine.reset();
    files.Crash(journal::CrashKind::kTear);
    engine = MustOpen(files, options);
    ASSERT_NE(engine, nullptr);
    const Digest reopened = engine->state().Hash();
    EXPECT_TRUE(reopened == acknowledged || reopened == ahead);
    for (; at < stream.events().size(); ++at) {
      const Given& given = stream.events()[at];
      ASSERT_TRUE(engine->Process({&given.event, 1}, Arrival::kLive, given.now).ok());
    }
    // The same stream without a crash.
    journal::FaultFileSystem calm_files;
    const auto calm = MustOpen(calm_files);
    MustActivate(*calm, pack::ShopPack());
    Feed(*calm, stream.events(), Batches::kOne, seed);
    EXPECT_EQ(engine->state().Hash(), calm->state().Hash());
  }
}

// What was begun behind a lost batch is lost too, also a duplicate that speaks of what it held.
TEST(ReplayProperty, ABatchBehindALostOneIsNeverAcknowledged) {
  for (const bool own_thread : {false, true}) {
    Arena arena;
    const Stream stream(7, 40, &arena);
    journal::FaultFileSystem files(7);
    Options options;
    options.own_journal_thread = own_thread;
    auto engine = MustOpen(files, options);
    MustActivate(*engine, pack::ShopPack());
    const Given& first = stream.events()[0];
    const Given& second = stream.events()[1];
    ASSERT_TRUE(engine->Process({&first.event, 1}, Arrival::kLive, first.now).ok());
    const Digest acknowledged = engine->state().Hash();
    files.set_fault({files.calls() + 1, journal::FaultKind::kStop});
    ASSERT_TRUE(engine->Begin({&second.event, 1}, Arrival::kLive, second.now).ok());
    ASSERT_TRUE(engine->Begin({&second.event, 1}, Arrival::kLive, second.now).ok());
    EXPECT_FALSE(engine->End().ok());
    EXPECT_FALSE(engine->End().ok());
    EXPECT_FALSE(engine->Begin({&first.event, 1}, Arrival::kLive, first.now).ok());
    files.set_fault({});
    engine.reset();
    files.Crash(journal::CrashKind::kDropUnsynced);
    engine = MustOpen(files);
    ASSERT_NE(engine, nullptr);
    EXPECT_EQ(engine->state().Hash(), acknowledged);
  }
}

}  // namespace
}  // namespace credence::engine
