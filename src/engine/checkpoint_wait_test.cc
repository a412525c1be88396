// The writer waits for a checkpoint that is written too slowly: with a store whose Write is held
// until the writer says that it waits.

#include <condition_variable>
#include <functional>
#include <mutex>

#include "src/engine/checkpoint_testing.h"
#include "src/pack/shop_testing.h"

namespace credence::engine {
namespace {

class Gate {
 public:
  void Open() {
    {
      const std::lock_guard lock(mutex_);
      open_ = true;
    }
    opened_.notify_all();
  }
  void Close() {
    const std::lock_guard lock(mutex_);
    open_ = false;
  }
  void Pass() {
    std::unique_lock lock(mutex_);
    opened_.wait(lock, [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  bool open_ = false;
};

class HeldStore final : public store::Store {
 public:
  HeldStore(std::unique_ptr<store::Store> inner, Gate* gate)
      : inner_(std::move(inner)), gate_(*gate) {}
  std::optional<store::Position> position() const override { return inner_->position(); }
  using Store::NewBatch;
  std::unique_ptr<store::Batch> NewBatch(size_t bytes) const override {
    return inner_->NewBatch(bytes);
  }
  using Store::Write;
  Status Write(std::span<store::Batch* const> batches, const store::Position& position) override {
    gate_.Pass();
    return inner_->Write(batches, position);
  }
  Status Flush() override { return inner_->Flush(); }
  Result<bool> Get(size_t table, std::string_view key, std::string* value) const override {
    return inner_->Get(table, key, value);
  }
  Status MultiGet(size_t table, std::span<const std::string> keys,
                  std::vector<std::optional<std::string>>* values) const override {
    return inner_->MultiGet(table, keys, values);
  }
  std::unique_ptr<store::Cursor> Scan(size_t table) const override { return inner_->Scan(table); }
  Status Snapshot(const std::string& folder) override { return inner_->Snapshot(folder); }
  uint64_t disk_bytes() const override { return inner_->disk_bytes(); }

 private:
  const std::unique_ptr<store::Store> inner_;
  Gate& gate_;
};

class HeldBacking final : public store::Backing {
 public:
  explicit HeldBacking(Gate* gate) : gate_(*gate) {}
  Result<std::unique_ptr<store::Store>> Open(store::OpenMode mode) override {
    CREDENCE_ASSIGN(auto inner, inner_->Open(mode));
    return std::unique_ptr<store::Store>(std::make_unique<HeldStore>(std::move(inner), &gate_));
  }
  Status Destroy() override { return inner_->Destroy(); }
  std::string name() const override { return inner_->name(); }

 private:
  const std::shared_ptr<store::MemoryBacking> inner_ = MakeBacking();
  Gate& gate_;
};

class CheckpointWait : public ShopTest {
 protected:
  void SetUp() override {}
  void TearDown() override {
    gate_.Open();
    engine_.reset();
  }
  void Start(uint64_t every_events, uint64_t every_bytes) {
    Options options = With(std::make_shared<HeldBacking>(&gate_), every_events, 0, Worker::kThread);
    options.checkpoints.every_bytes = every_bytes;
    options.checkpoints.on_wait = [this] {
      ++waits_;
      changed_when_waiting_ = engine_->state().entities.changed_bytes();
      gate_.Open();
    };
    gate_.Open();
    engine_ = MustOpen(files_, options);
    ASSERT_NE(engine_, nullptr);
    MustActivate(*engine_, pack::ShopPack());
    // The activation is the last thing that the store holds.
    ASSERT_TRUE(engine_->Checkpoint().ok());
    made_ = counters().checkpoints;
    gate_.Close();
  }
  // One order, of a buyer that comes for the first time. Answers once it is on disk.
  void SendOne() {
    const int n = sent_++;
    Send(Order("o" + std::to_string(n), At(kNsPerDay + n * kNsPerMinute), 500,
               "b" + std::to_string(n), "h" + std::to_string(n)));
  }
  const CheckpointCounters& counters() const { return engine_->checkpoints()->counters(); }

  Gate gate_;
  int sent_ = 0;
  int waits_ = 0;
  uint64_t changed_when_waiting_ = 0;
  uint64_t made_ = 0;
};

TEST_F(CheckpointWait, ForOneThatIsStillWrittenWhenTheNextIsDueByEvents) {
  constexpr uint64_t kEvents = 20;
  Start(kEvents, uint64_t{1} << 40);
  for (uint64_t i = 0; i < 2 * kEvents - 1; ++i) {
    SendOne();
    ASSERT_EQ(counters().waits, 0U) << "after event " << i + 1;
    ASSERT_EQ(counters().checkpoints, made_);
  }
  SendOne();
  EXPECT_EQ(waits_, 1);
  EXPECT_EQ(counters().waits, 1U);
  EXPECT_EQ(counters().checkpoints, made_ + 1) << "it waited until the checkpoint was written";
}

TEST_F(CheckpointWait, WhenThreeTimesWhatBeginsACheckpointHasChanged) {
  // Of entities alone it is less: ids and other small rows count too.
  constexpr uint64_t kBytes = 16 << 10;
  Start(uint64_t{1} << 40, kBytes);
  constexpr int kEventsMax = 10'000;
  while (waits_ == 0 && sent_ < kEventsMax) {
    ASSERT_EQ(counters().checkpoints, made_) << "none is written while the store is held";
    SendOne();
  }
  EXPECT_EQ(counters().waits, 1U);
  EXPECT_EQ(counters().checkpoints, made_ + 1);
  EXPECT_GT(changed_when_waiting_, kBytes) << "one limit is not enough to make it wait";
  EXPECT_LE(changed_when_waiting_, (Checkpoints::kBehindMax + 1) * kBytes);
}

TEST_F(CheckpointWait, NotForAStoreThatIsQuickEnough) {
  Start(1, uint64_t{1} << 40);
  gate_.Open();
  for (int i = 0; i < 50; ++i) {
    SendOne();
    ASSERT_TRUE(engine_->Checkpoint().ok());
  }
  EXPECT_EQ(waits_, 0);
}

}  // namespace
}  // namespace credence::engine
