#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>

#include "src/api/service_testing.h"

namespace credence::api {
namespace {

TEST_F(ServiceTest, ManyAtOnceAreDecidedOnceEachAndOneAfterTheOther) {
  Start(2);
  constexpr int kEvents = 600;
  std::mutex mutex;
  std::condition_variable came;
  int decided = 0;
  int duplicates = 0;
  int others = 0;
  for (int i = 0; i < 2 * kEvents; ++i) {
    client_->Send(
        {"POST", "/v1/events", "application/json", "", Order(i % kEvents)},
        [&](const http::Reply& reply) {
          const std::lock_guard lock(mutex);
          const bool ok = reply.status.ok() && reply.code == 200;
          if (ok && reply.body.find("\"result\":\"decided\"") != std::string::npos) {
            ++decided;
          } else if (ok && reply.body.find("\"result\":\"duplicate\"") != std::string::npos) {
            ++duplicates;
          } else {
            ++others;
          }
          came.notify_one();
        });
    if (i % 100 == 0) {
      // What operators ask stands between the events and stops nothing.
      client_->Send({"GET", "/metrics", "", "", ""}, [](const http::Reply&) {});
      client_->Send({"GET", "/v1/state?hash=true", "", "", ""}, [](const http::Reply&) {});
    }
  }
  std::unique_lock lock(mutex);
  came.wait(lock, [&] { return decided + duplicates + others == 2 * kEvents; });
  EXPECT_EQ(decided, kEvents);
  EXPECT_EQ(duplicates, kEvents);
  EXPECT_EQ(others, 0);
}

TEST_F(ServiceTest, AFullQueueRefusesAllOfABatchAndTakesTheNext) {
  options_.queue_events_max = 10;
  Start();
  std::string lines;
  for (int i = 0; i < 11; ++i) lines += Order(i) + "\n";
  const http::Reply refused = Post("/v1/events", lines, "application/x-ndjson");
  EXPECT_EQ(refused.code, 429);
  EXPECT_EQ(refused.retry_after, "1");
  const http::Reply taken = Post("/v1/events", Order(1));
  EXPECT_EQ(taken.code, 200);
  EXPECT_NE(taken.body.find("\"sequence\":2,"), std::string::npos) << taken.body;
}

TEST_F(ServiceTest, EventsThatWaitWhileThePackChangesAreReadAgain) {
  Start();
  pack::FileSet files = pack::ShopFiles();
  pack::Edit(&files, "pack.yaml", "version: 1", "version: 2");
  // Another order of fields: what was read for the old pack means something else in the new one.
  pack::Edit(&files, "pack.yaml", "buyer_id: key\n      host_id: key\n      amount: money",
             "amount: money\n      host_id: key\n      buyer_id: key");
  files.erase("tzdata/Test/East");
  const http::Reply uploaded = Post("/v1/packs", UploadOf(files));
  ASSERT_EQ(uploaded.code, 201) << uploaded.body;
  const std::string digest = uploaded.body.substr(uploaded.body.find("\"digest\":\"") + 10, 64);
  std::mutex mutex;
  std::condition_variable came;
  int good = 0;
  int all = 0;
  int activation = 0;  // the status of its answer
  constexpr int kEvents = 400;
  const std::string activate = "/v1/packs/" + digest + "/activate";
  for (int i = 0; i < kEvents; ++i) {
    client_->Send(
        {"POST", "/v1/events", "application/json", "", Order(i)}, [&](const http::Reply& reply) {
          const std::lock_guard lock(mutex);
          ++all;
          const bool decided =
              reply.code == 200 && reply.body.find("\"amount\":\"10.00\"") != std::string::npos;
          good += decided ? 1 : 0;
          came.notify_one();
        });
    if (i == kEvents / 2) {
      client_->Send({"POST", activate, "application/json", "", "{}"},
                    [&](const http::Reply& reply) {
                      const std::lock_guard lock(mutex);
                      activation = reply.code;
                      came.notify_one();
                    });
    }
  }
  std::unique_lock lock(mutex);
  came.wait(lock, [&] { return all == kEvents && activation != 0; });
  EXPECT_EQ(activation, 200);
  EXPECT_EQ(good, kEvents);
  EXPECT_EQ(service_->pack()->version, 2);
}

TEST_F(ServiceTest, APackWithErrorsChangesNothing) {
  Start();
  const http::Reply refused = Post("/v1/packs", UploadOf({{"pack.yaml", "pack: x\nversion: y\n"}}));
  EXPECT_EQ(refused.code, 422) << refused.body;
  EXPECT_NE(refused.body.find("\"diagnostics\":[{"), std::string::npos) << refused.body;
  EXPECT_EQ(service_->pack()->version, 1);
}

TEST_F(ServiceTest, WithoutKeysOnlyThisMachineIsAnswered) {
  Start();
  http::Request head;
  head.SetLine("GET", "/v1/packs", true);
  head.AddHeader("Host", "credence.attacker.example:8080");
  const http::HeadVerdict verdict = service_->Check(head);
  EXPECT_TRUE(verdict.answered);
  EXPECT_EQ(verdict.answer.status, 421);
  for (const char* host : {"127.0.0.1", "localhost:80", "LOCALHOST", "[::1]:80", "10.1.2.3:9"}) {
    head.Clear();
    head.SetLine("GET", "/v1/packs", true);
    head.AddHeader("Host", host);
    EXPECT_FALSE(service_->Check(head).answered) << host;
  }
}

TEST_F(ServiceTest, StoppingDecidesWhatWasTakenAndClosesTheStore) {
  Start();
  EXPECT_EQ(Post("/v1/events", Order(1)).code, 200);
  client_.reset();
  server_->Stop();
  EXPECT_TRUE(service_->Stop().ok());
  service_.reset();
  Start();
  EXPECT_TRUE(service_->opened().sealed);
  EXPECT_TRUE(service_->opened().state_matches_seal);
  const http::Reply again = Post("/v1/events", Order(1));
  EXPECT_NE(again.body.find("\"result\":\"duplicate\""), std::string::npos) << again.body;
}

// With API keys of two persons.
class ServiceApprovalTest : public ServiceTest {
 protected:
  ServiceApprovalTest() {
    ApiKeys keys;
    ann_ = *keys.Make("ann", kAllRoles, Timestamp{1});
    bob_ = *keys.Make("bob", kAllRoles, Timestamp{1});
    EXPECT_TRUE(keys.Write(files_, "api.keys").ok());
    options_.api_keys = "api.keys";
  }
  http::Reply Ask(const std::string& key, std::string_view method, const std::string& target,
                  const std::string& body = "{}") {
    const bool post = method == "POST";
    return client_->Ask({method, target, post ? "application/json" : "", key, post ? body : ""});
  }
  // The digest of the shop's pack with another version.
  std::string Upload(const char* version) {
    pack::FileSet files = pack::ShopFiles();
    pack::Edit(&files, "pack.yaml", "version: 1", version);
    files.erase("tzdata/Test/East");
    const http::Reply uploaded = Ask(ann_, "POST", "/v1/packs", UploadOf(files));
    EXPECT_EQ(uploaded.code, 201) << uploaded.body;
    const size_t at = uploaded.body.find("\"digest\":\"");
    return at == std::string::npos ? "" : uploaded.body.substr(at + 10, 64);
  }
  http::Reply Activate(const std::string& key, const std::string& digest) {
    return Ask(key, "POST", "/v1/packs/" + digest + "/activate");
  }
  // Who asked for the pack, as JSON.
  std::string AskedBy(const std::string& digest) {
    const std::string body = Ask(bob_, "GET", "/v1/packs/" + digest).body;
    constexpr std::string_view kKey = "\"activation_requested_by\":";
    const size_t at = body.find(kKey);
    if (at == std::string::npos) return body;
    const size_t begin = at + kKey.size();
    return body.substr(begin, body.find(',', begin) - begin);
  }
  void Restart() {
    TearDown();
    Start();
  }

  std::string ann_;
  std::string bob_;
};

TEST_F(ServiceApprovalTest, AnActivationThatWaitsForItsApprovalOutlivesAStart) {
  Start();
  const std::string digest = Upload("version: 2");
  const http::Reply asked = Activate(ann_, digest);
  EXPECT_EQ(asked.code, 202) << asked.body;
  EXPECT_NE(asked.body.find("\"state\":\"waits-for-approval\""), std::string::npos);
  EXPECT_EQ(AskedBy(digest), "\"ann\"");
  Restart();
  EXPECT_EQ(service_->pack()->version, 1);
  EXPECT_EQ(AskedBy(digest), "\"ann\"");
  EXPECT_EQ(Activate(ann_, digest).code, 409);
  const http::Reply approved = Activate(bob_, digest);
  EXPECT_EQ(approved.code, 200) << approved.body;
  EXPECT_NE(approved.body.find("\"activated_by\":\"ann\",\"approved_by\":\"bob\""),
            std::string::npos)
      << approved.body;
  EXPECT_EQ(AskedBy(digest), "null");
  Restart();
  EXPECT_EQ(service_->pack()->version, 2);
  EXPECT_EQ(AskedBy(digest), "null");
}

TEST_F(ServiceApprovalTest, AnActivationEndsTheRequestsThatWaitBesideIt) {
  Start();
  const std::string second = Upload("version: 2");
  const std::string third = Upload("version: 3");
  EXPECT_EQ(Activate(ann_, second).code, 202);
  EXPECT_EQ(Activate(bob_, third).code, 202);
  EXPECT_EQ(Activate(bob_, second).code, 200);
  EXPECT_EQ(AskedBy(third), "null");
  EXPECT_EQ(Activate(ann_, third).code, 202) << "it is asked for anew";
  EXPECT_EQ(service_->pack()->version, 2);
}

TEST_F(ServiceTest, AReadWithoutAReadModelSaysSo) {
  Start();
  const http::Reply reply = Get("/v1/decisions");
  EXPECT_EQ(reply.code, 503);
  EXPECT_NE(reply.body.find("no-read-model"), std::string::npos);
}

}  // namespace
}  // namespace credence::api
