#include "src/api/writer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>

#include "src/base/memory_file.h"
#include "src/journal/posix_file.h"
#include "src/journal/reader.h"
#include "src/pack/shop_testing.h"

namespace credence::api {
namespace {

constexpr Timestamp kStart{1'709'251'200 * kNsPerSecond};  // 2024-03-01T00:00:00Z
constexpr int64_t kDay = 24 * kNsPerHour;

class AtomicClock final : public Clock {
 public:
  int64_t NowNs() override { return ns_.load(); }
  void Set(int64_t ns) { ns_.store(ns); }

 private:
  std::atomic<int64_t> ns_{kStart.ns};
};

std::shared_ptr<const pack::Pack> CreditLine() {
  journal::PosixFileSystem disk;
  auto files =
      pack::ReadFolder(disk, std::string(CREDENCE_SOURCE_DIR) + "/examples/packs/credit-line");
  EXPECT_TRUE(files.ok()) << files.status().ToString();
  (*files)["tzdata/Asia/Shanghai"] = pack::FixedZone(8);
  return pack::MustLoad(std::move(*files));
}

// A writer over a journal in memory, whose clock stands still.
class WriterTest : public testing::Test, public Writer::Audience {
 protected:
  void SetUp() override {
    auto engine = engine::Engine::Open(files_, "store");
    ASSERT_TRUE(engine.ok()) << engine.status().ToString();
    const auto pack = CreditLine();
    ASSERT_NE(pack, nullptr);
    ASSERT_TRUE((*engine)->Activate(pack, "ann", "bob", kStart).ok());
    gate_.SetPack(pack);
    Writer::Options options;
    options.timer_share = std::chrono::nanoseconds(1);  // one timer at a time
    options.on_durable = [this](uint64_t) {
      const std::lock_guard lock(mutex_);
      changed_.notify_all();
    };
    writer_ =
        std::make_unique<Writer>(std::move(*engine), &gate_, this, &metrics_, &clock_, options);
  }

  void Done(Job* /*job*/, const engine::Outcome& outcome) override {
    const std::lock_guard lock(mutex_);
    fired_before_answer_ = metrics_.timers.load();
    done_ += outcome.kind == engine::Outcome::Kind::kRefused ? 0 : 1;
    changed_.notify_all();
  }
  void Refused(Job* /*job*/, const Problem& /*problem*/) override {}

  Job* JobOf(std::string_view type, const std::string& id, const std::string& data) {
    Job* job = writer_->NewJob();
    job->text = R"({"specversion":"1.0","source":"test","type":")" + std::string(type) +
                R"(","id":")" + id + R"(","time":")" + Timestamp{clock_.NowNs()}.ToString() +
                R"(","data":{)" + data + "}}";
    Problem problem;
    EXPECT_TRUE(gate_.Read(job, &problem)) << problem.field << problem.expected;
    return job;
  }
  void Send(std::string_view type, const std::string& id, const std::string& data) {
    Job* job = JobOf(type, id, data);
    ASSERT_TRUE(writer_->Take(&job, 1));
  }
  // Sends holds under the limit of b1, and waits for their answers.
  void Hold(int count) {
    Send("limit.asked", "a", R"("buyer_id":"b1","income":"20000.00")");
    for (int i = 0; i < count; ++i) {
      const std::string n = std::to_string(i);
      Send("order.placed", "o" + n, R"("buyer_id":"b1","amount":"1.00","order_id":"O)" + n + "\"");
    }
    Await([&] { return done_ == count + 1; });
  }
  void Await(const std::function<bool()>& is_so) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, is_so);
  }
  // What a command sees.
  template <class T>
  T Ask(const std::function<T(engine::Engine*)>& question) {
    std::optional<T> answer;
    EXPECT_TRUE(writer_->Run([&](engine::Engine* engine) {
      T found = question(engine);
      const std::lock_guard lock(mutex_);
      answer = std::move(found);
      changed_.notify_all();
    }));
    Await([&] { return answer.has_value(); });
    return *answer;
  }

  MemoryFileSystem files_;
  AtomicClock clock_;
  SharedGate gate_{nullptr};
  ServerMetrics metrics_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int done_ = 0;                      // guarded by mutex_
  uint64_t fired_before_answer_ = 0;  // of the last event; guarded by mutex_
  std::unique_ptr<Writer> writer_;
};

TEST_F(WriterTest, WhatIsDueFiresByItselfOnceTheClockHasComeToIt) {
  Hold(20);
  EXPECT_EQ(metrics_.timers.load(), 0U);
  clock_.Set(kStart.ns + 7 * kDay - 1);
  EXPECT_EQ(Ask<size_t>([&](engine::Engine* engine) {
              return engine->state()
                  .money.DueTimers(*engine->pack(), writer_->CommandTime(*engine), 100)
                  .size();
            }),
            0U);
  clock_.Set(kStart.ns + 8 * kDay);
  Await([&] { return metrics_.timers.load() == 20; });
  const auto left =
      Ask<bool>([](engine::Engine* engine) { return engine->NextTimer().has_value(); });
  EXPECT_FALSE(left);
}

// A command that comes while much is due goes before the rest of it; so does an event, which waits
// for a share at most.
TEST_F(WriterTest, CommandsAndEventsDoNotWaitForAllThatIsDue) {
  constexpr int kHolds = 300;
  Hold(kHolds);
  std::atomic<uint64_t> fired_before_command{UINT64_MAX};
  ASSERT_TRUE(writer_->Run([&](engine::Engine*) {
    clock_.Set(kStart.ns + 8 * kDay);
    EXPECT_TRUE(
        writer_->Run([&](engine::Engine*) { fired_before_command = metrics_.timers.load(); }));
    // Declined, so it moves no money, which would free all that is over at once.
    Job* job = JobOf("order.placed", "x", R"("buyer_id":"b9","amount":"1.00","order_id":"X")");
    EXPECT_TRUE(writer_->Take(&job, 1));
  }));
  Await([&] { return done_ == kHolds + 2 && metrics_.timers.load() == kHolds; });
  EXPECT_EQ(fired_before_command.load(), 0U);
  EXPECT_LE(fired_before_answer_, 16U) << "the first share";
  ASSERT_TRUE(writer_->Stop().ok());
  writer_.reset();
  const auto reader = journal::JournalReader::Open(files_, "store/journal");
  ASSERT_TRUE(reader.ok());
  journal::FrameView frame;
  uint64_t records = 0;
  while (*(*reader)->Next(&frame)) {
    Arena arena;
    for (const std::string_view bytes : frame.records) {
      if (frame.kind != journal::FrameKind::kBatch) continue;
      const auto any = record::DecodeRecord(bytes, &arena);
      ASSERT_TRUE(any.ok());
      const auto* timers = std::get_if<record::Timers>(&*any);
      if (timers == nullptr) continue;
      ++records;
      EXPECT_EQ(frame.records.size(), 1U);
      EXPECT_LE(timers->items.size(), records == 1 ? 16U : 1U) << "as many as fit the share";
    }
  }
  EXPECT_GT(records, 200U);
}

}  // namespace
}  // namespace credence::api
