// The peers on a tiny stream: what they keep in their own ways gives the features that Credence
// gives, and what differs is of a kind that is known.

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "apps/bench_stream.h"
#include "apps/load.h"
#include "bench/peers/peers_run.h"
#include "src/journal/posix_file.h"

namespace credence::bench {
namespace {

class PeersBench : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "peers-" + std::to_string(getpid());
    std::filesystem::create_directories(folder_);
    pack_ = apps::LoadPack(files_, "bench/packs/hundred");
    ASSERT_NE(pack_, nullptr);
    apps::OrderStreamOptions stream_options;
    stream_options.entities = 40;
    // 50 days, so that all windows expire.
    stream_options.events_per_day = 30;
    apps::OrderStream stream(stream_options);
    texts_.resize(1'500);
    for (std::string& text : texts_) stream.Next(&text);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // Beside Credence, with each value of each order after the first 300 compared.
  void Run(const std::string& peer, size_t connections, PeerReport* report) {
    PeersOptions options;
    options.peers = {"credence", peer};
    options.preload = 300;
    options.events = 1'150;
    options.singles = 50;
    options.stride = 1;
    options.folder = folder_;
    options.peer.checkpoint_events = 500;
    options.peer.pipeline = 16;
    options.peer.connections = connections;
    const auto reports = RunPeers(pack_, texts_, options);
    ASSERT_TRUE(reports.ok()) << reports.status().ToString();
    ASSERT_EQ(reports->size(), 2U);
    *report = reports->back();
    if (!report->skipped.empty()) GTEST_SKIP() << peer << " is missing: " << report->skipped;
    EXPECT_EQ(report->events, 1'150U);
    EXPECT_EQ(report->latency.count(), 1'150U);
    EXPECT_EQ(report->alone.count(), 50U);
    EXPECT_GT(report->after.memory_bytes, 0U);
    EXPECT_GT(report->after.log_bytes, report->before.log_bytes);
    EXPECT_EQ(report->comparison.values, 115'000U);
    EXPECT_EQ(report->comparison.decisions, 1'150U);
    std::string examples;
    for (const std::string& example : report->comparison.examples) examples += example + "\n";
    EXPECT_EQ(report->comparison.unexplained, 0U) << examples;
  }

  journal::PosixFileSystem files_;
  std::string folder_;
  std::shared_ptr<const pack::Pack> pack_;
  std::vector<std::string> texts_;
};

TEST_F(PeersBench, RedisGivesTheFeaturesOfCredenceButForOrdersThatComeLate) {
  PeerReport report;
  Run("redis", 1, &report);
  if (IsSkipped() || HasFatalFailure()) return;
  // Clocks of microseconds; what a late order reads of greatest and distinct ones.
  EXPECT_GE(report.comparison.equal + report.comparison.rounded, 114'900U);
  EXPECT_LE(report.comparison.decided_otherwise, 5U);
}

TEST_F(PeersBench, PostgresGivesTheFeaturesOfCredenceOverOneConnection) {
  PeerReport report;
  Run("postgres", 1, &report);
  if (IsSkipped() || HasFatalFailure()) return;
  EXPECT_EQ(report.comparison.equal + report.comparison.rounded, 115'000U);
  EXPECT_EQ(report.comparison.decided_otherwise, 0U);
}

TEST_F(PeersBench, TooShortAStreamIsRefused) {
  PeersOptions options;
  options.events = 1'501;
  const auto reports = RunPeers(pack_, texts_, options);
  EXPECT_FALSE(reports.ok());
  EXPECT_EQ(reports.status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace credence::bench
