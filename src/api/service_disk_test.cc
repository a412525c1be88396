// A service whose disk is full, fails or is slow, seen by its clients.

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "src/api/service_testing.h"

namespace credence::api {
namespace {

constexpr std::string_view kOn = R"({"on":true,"reason":"drill"})";
constexpr std::string_view kRate = R"({"currency":"USD","rate":"7.1"})";
constexpr std::string_view kLines = "application/x-ndjson";

class ServiceDiskTest : public ServiceTest {
 protected:
  ServiceDiskTest() {
    options_.engine.journal.segment_bytes = 16'384;
    options_.engine.journal.write_ahead = journal::WriteAhead::kSegments;
  }
  // Everything that would leave a trace is refused with this status and code, and leaves none.
  void ExpectAllNewWorkRefused(int status, const std::string& code, int order) {
    const auto expect = [&](const http::Reply& reply, const char* what) {
      EXPECT_EQ(reply.code, status) << what << " " << reply.body;
      EXPECT_NE(reply.body.find("/" + code + "\""), std::string::npos) << what << reply.body;
      EXPECT_EQ(reply.content_type, kProblemMediaType) << what;
      EXPECT_EQ(reply.retry_after, "1") << what;
    };
    expect(Post("/v1/events", Order(order)), "an event");
    expect(Post("/v1/decisions", Order(order)), "a decision");
    expect(Post("/v1/kill-switch", kOn), "a kill switch");
    expect(Post("/v1/rates", kRate), "a rate");
    const http::Reply batch = Post("/v1/events", Order(order) + "\n" + Order(order + 1), kLines);
    EXPECT_EQ(batch.code, 200);
    EXPECT_EQ(std::count(batch.body.begin(), batch.body.end(), '\n'), 2);
    for (size_t at = 0, lines = 0; lines < 2; ++lines, at = batch.body.find('\n', at) + 1) {
      const std::string line = batch.body.substr(at, batch.body.find('\n', at) - at);
      EXPECT_NE(line.find("\"result\":\"refused\""), std::string::npos) << line;
      EXPECT_NE(line.find("/" + code + "\""), std::string::npos) << line;
    }
  }
  void ExpectLooksGoOn() {
    EXPECT_EQ(Get("/healthz").code, 200);
    EXPECT_EQ(Get("/v1/packs").code, 200);
    EXPECT_EQ(Get("/v1/kill-switch").code, 200);
    EXPECT_EQ(Get("/v1/rates").code, 200);
    EXPECT_EQ(Get("/metrics").code, 200);
  }
  int Metric(const std::string& name, http::Client* client = nullptr) {
    const http::Call call{"GET", "/metrics", "", "", ""};
    const std::string text = (client != nullptr ? client : client_.get())->Ask(call).body;
    const size_t at = text.find("\n" + name + " ");
    return at == std::string::npos ? -1 : std::atoi(text.c_str() + at + name.size() + 2);
  }
  bool MetricIs(const std::string& name, int value) { return Metric(name) == value; }
  // Sends orders from `from` on until one is refused; its number.
  int SendUntilRefused(int from) {
    constexpr int kMost = 2'000;  // two segments hold far fewer
    for (int i = from; i < from + kMost; ++i) {
      if (Post("/v1/events", Order(i)).code != 200) return i;
    }
    ADD_FAILURE() << "the disk is never full";
    return from;
  }
};

TEST_F(ServiceDiskTest, AFullDiskRefusesNewWorkWith507AndItGoesOnByItself) {
  Start();
  pack::FileSet other = pack::ShopFiles();
  pack::Edit(&other, "pack.yaml", "version: 1", "version: 2");
  other.erase("tzdata/Test/East");
  int next = 1;
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(Post("/v1/events", Order(next++)).code, 200);
    files_.SetBytesMax(files_.bytes_used());
    next = SendUntilRefused(next);
    const std::string before = State();
    ExpectAllNewWorkRefused(507, "disk-full", next);
    EXPECT_EQ(Post("/v1/packs", UploadOf(other)).code, round == 0 ? 507 : 200)
        << "a pack that is there already needs no room";
    const http::Reply dry = Post("/v1/decisions?dry_run=true", Order(next));
    EXPECT_EQ(dry.code, 200) << dry.body;
    const http::Reply again = Post("/v1/events", Order(1));
    EXPECT_EQ(again.code, 507) << "nobody can say that it was here before: " << again.body;
    ExpectLooksGoOn();
    EXPECT_EQ(Get("/readyz").code, 200) << "it is no fault of the engine";
    EXPECT_TRUE(MetricIs("credence_up", 1));
    EXPECT_EQ(State(), before);
    files_.SetBytesMax(UINT64_MAX);
    const http::Reply taken = Post("/v1/events", Order(next));
    EXPECT_EQ(taken.code, 200) << taken.body;
    EXPECT_NE(taken.body.find("\"result\":\"decided\""), std::string::npos) << taken.body;
    ++next;
    if (round == 0) {
      EXPECT_EQ(Post("/v1/packs", UploadOf(other)).code, 201);
    }
  }
  const std::string last = State();
  TearDown();
  Start();
  EXPECT_TRUE(service_->opened().state_matches_seal);
  EXPECT_EQ(State(), last);
}

TEST_F(ServiceDiskTest, APersonWhoseKeyFindsNoRoomIsRefusedWith507) {
  options_.first_pack = pack::MustLoad(ShopWithMobiles());
  options_.person_keys = "person-keys";
  Start();
  EXPECT_EQ(Post("/v1/events", Order(1, R"(,"mobile":"13800138000")")).code, 200);
  const std::string before = State();
  files_.SetBytesMax(files_.bytes_used());
  const std::string other = Order(2, R"(,"mobile":"13800138001")");
  for (int i = 0; i < 2; ++i) {
    const http::Reply refused = Post("/v1/events", other);
    EXPECT_EQ(refused.code, 507) << refused.body;
    EXPECT_EQ(State(), before);
  }
  files_.SetBytesMax(UINT64_MAX);
  EXPECT_EQ(Post("/v1/events", other).code, 200);
}

TEST_F(ServiceDiskTest, APersonWhoseKeyCannotBeWrittenIsRefusedAndTheEngineGoesOn) {
  options_.first_pack = pack::MustLoad(ShopWithMobiles());
  options_.person_keys = "person-keys";
  Start();
  const std::string before = State();
  const std::string order = Order(1, R"(,"mobile":"13800138000")");
  files_.sync_fails = true;
  const http::Reply refused = Post("/v1/events", order);
  files_.sync_fails = false;
  EXPECT_EQ(refused.code, 503);
  EXPECT_NE(refused.body.find("keys-not-written"), std::string::npos) << refused.body;
  EXPECT_EQ(State(), before);
  EXPECT_EQ(Get("/readyz").code, 200);
  EXPECT_EQ(Post("/v1/events", order).code, 200);
}

TEST_F(ServiceDiskTest, AnErrorOfTheDiskStopsNewWorkUntilTheNextStartAndLooksGoOn) {
  Start();
  EXPECT_EQ(Post("/v1/events", Order(1)).code, 200);
  files_.sync_fails = true;
  EXPECT_EQ(Post("/v1/events", Order(2)).code, 503);
  files_.sync_fails = false;
  // The disk is well again, but nobody knows what is on it.
  ExpectAllNewWorkRefused(503, "engine-stopped", 3);
  ExpectLooksGoOn();
  EXPECT_EQ(Get("/readyz").code, 503);
  EXPECT_TRUE(MetricIs("credence_up", 0));
  TearDown();
  Start();
  EXPECT_EQ(Get("/readyz").code, 200);
  EXPECT_TRUE(MetricIs("credence_up", 1));
  const http::Reply known = Post("/v1/events", Order(1));
  EXPECT_NE(known.body.find("\"result\":\"duplicate\""), std::string::npos) << known.body;
  EXPECT_EQ(Post("/v1/events", Order(3)).code, 200);
}

TEST_F(ServiceDiskTest, ReadingEventsDoesNotWaitForTheKeysOfNewPeople) {
  options_.first_pack = pack::MustLoad(ShopWithMobiles());
  options_.person_keys = "person-keys";
  Start();
  files_.Hold("person-keys/subjects.keys");
  std::mutex mutex;
  std::condition_variable came;
  int answered = 0;
  for (int i = 1; i <= 2; ++i) {
    const std::string order = Order(i, R"(,"mobile":"1380013800)" + std::to_string(i) + "\"");
    client_->Send({"POST", "/v1/events", "application/json", "", order},
                  [&](const http::Reply& reply) {
                    EXPECT_EQ(reply.code, 200) << reply.body;
                    const std::lock_guard lock(mutex);
                    ++answered;
                    came.notify_one();
                  });
    if (i == 1) files_.AwaitSync();
  }
  // Read and refused by the gate while the keys are on their way to the disk; on a connection of
  // its own, since answers keep the order of their requests.
  const std::string bad = Order(3, R"(,"mobile":"1")");
  EXPECT_EQ(Connect(1, 1)->Ask({"POST", "/v1/events", "application/json", "", bad}).code, 422);
  {
    const std::lock_guard lock(mutex);
    EXPECT_EQ(answered, 0) << "an event was answered before the key of its person was on disk";
  }
  files_.LetGo();
  std::unique_lock lock(mutex);
  came.wait(lock, [&] { return answered == 2; });
}

TEST_F(ServiceDiskTest, WhatComesDuringASyncIsDecidedMeanwhileAndSyncedTogether) {
  constexpr int kOrders = 6;
  options_.engine.journal.segment_bytes = 1 << 20;  // one for all of them
  Start();
  EXPECT_EQ(Post("/v1/events", Order(1)).code, 200);
  const int frames = Metric("credence_journal_frames");
  files_.Hold(options_.store + "/journal/" + journal::SegmentName(1));
  std::mutex mutex;
  std::condition_variable came;
  int answered = 0;
  const auto senders = Connect(kOrders, 1);
  for (int i = 2; i <= 1 + kOrders; ++i) {
    senders->Send({"POST", "/v1/events", "application/json", "", Order(i)},
                  [&](const http::Reply& reply) {
                    EXPECT_EQ(reply.code, 200) << reply.body;
                    const std::lock_guard lock(mutex);
                    ++answered;
                    came.notify_one();
                  });
    if (i == 2) files_.AwaitSync();
  }
  const auto looker = Connect(1, 1);
  while (Metric("credence_stage_seconds_count{stage=\"decide\"}", looker.get()) < 1 + kOrders) {
    std::this_thread::yield();
  }
  {
    const std::lock_guard lock(mutex);
    EXPECT_EQ(answered, 0) << "an event was answered before it was on disk";
  }
  files_.LetGo();
  std::unique_lock lock(mutex);
  came.wait(lock, [&] { return answered == kOrders; });
  EXPECT_EQ(Metric("credence_journal_frames"), frames + 2) << "one was held, the others waited";
}

}  // namespace
}  // namespace credence::api
