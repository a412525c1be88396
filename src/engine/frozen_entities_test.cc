// What a checkpoint holds of entities is their value at the freeze, whoever encoded which, and
// whatever changes meanwhile.

#include "src/engine/frozen_entities.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "src/base/random.h"
#include "src/engine/checkpoint_testing.h"
#include "src/engine/state.h"
#include "src/pack/shop_testing.h"

namespace credence::engine {
namespace {

using RowMap = std::map<std::string, std::string>;

constexpr size_t kBuyers = 300;
constexpr size_t kHosts = 40;

// A state whose entities are written to a store, as Checkpoints does it.
class Side {
 public:
  Side() {
    auto opened = backing_->Open(store::OpenMode::kReadWrite);
    EXPECT_TRUE(opened.ok());
    store_ = std::move(*opened);
    next_ = store_->NewBatch();
    state_.pack = pack::ShopPack();
    const size_t types = state_.pack->schema.entities.size();
    state_.entities.Reset(types);
    state_.entities.SetPack(state_.pack.get());
    std::vector<StoredEntities> stored(types);
    for (size_t i = 0; i < types; ++i) stored[i].generation = i + 1;
    state_.entities.UseStore(store_.get(), 0, std::move(stored));
  }

  EntityTable& entities() { return state_.entities; }

  void Take(record::Event event) {
    event.seq = state_.last_seq.Next();
    event.stamp = std::max(Timestamp{state_.last_stamp.ns + 1}, event.time);
    state_.last_seq = event.seq;
    state_.last_stamp = event.stamp;
    const auto arrival = state_.pack->features.EvaluateArrival(event, &arena_);
    ASSERT_TRUE(arrival.ok());
    state_.ApplyWindows(event, EventKey::Of(event.source, event.id), *arrival);
    if (state_.last_seq.value() % 16 == 0) entities().KeepFull(next_.get());
  }

  // What comes of entities from now on belongs to the next checkpoint.
  void Freeze() {
    batch_ = std::move(next_);
    next_ = store_->NewBatch();
    heads_ = store_->NewBatch();
    frozen_pack_ = state_.pack;
    entities().Freeze(batch_.get());
  }
  bool EncodeLast() { return entities().frozen()->EncodeLast(heads_.get()); }
  // The entities of later checkpoints are of another pack with the same features.
  void SetPack(std::shared_ptr<const pack::Pack> pack) {
    entities().SetPack(pack.get());
    state_.pack = std::move(pack);
  }
  void Settle() {
    entities().EndEncoding();
    frozen_pack_.reset();
    by_writer_ += batch_->changes();
    by_other_ += heads_->changes();
    store::Batch* const batches[] = {batch_.get(), heads_.get()};
    ASSERT_TRUE(store_->Write(batches, {++frame_, state_.last_seq, {}, ""}).ok());
    entities().Settle();
  }

  [[nodiscard]] RowMap Rows(size_t table) const {
    RowMap rows;
    const auto cursor = store_->Scan(table);
    std::string_view key;
    std::string_view value;
    while (true) {
      const auto more = cursor->Next(&key, &value);
      EXPECT_TRUE(more.ok());
      if (!more.ok() || !*more) return rows;
      rows.emplace(key, value);
    }
  }
  [[nodiscard]] size_t by_writer() const { return by_writer_; }
  [[nodiscard]] size_t by_other() const { return by_other_; }

 private:
  const std::shared_ptr<store::MemoryBacking> backing_ = MakeBacking();
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<store::Batch> next_;
  Arena arena_;
  State state_;
  std::shared_ptr<const pack::Pack> frozen_pack_;
  std::unique_ptr<store::Batch> batch_;
  std::unique_ptr<store::Batch> heads_;
  uint64_t frame_ = 0;
  size_t by_writer_ = 0;
  size_t by_other_ = 0;
};

// Events over few hot and many cold entities: orders, payments with texts, ratings, and orders that
// are taken back.
class Market {
 public:
  Market(uint64_t seed, Arena* arena) : random_(seed), arena_(*arena) {}

  record::Event Next() {
    now_.ns += random_.Between(1, 20) * kNsPerMinute;
    const std::string id = std::to_string(++made_);
    const std::string buyer = "b" + std::to_string(Skewed(kBuyers));
    const std::string host = "h" + std::to_string(Skewed(kHosts));
    EventText text{"", id, now_, {}};
    std::string reverses;
    switch (random_.Below(8)) {
      case 0:
        text.type = "payment.made";
        text.fields = {{"buyer_id", Value::String(buyer)},
                       {"amount", Yuan(random_.Between(0, 9'000))},
                       {"note", Value::String(host)}};
        break;
      case 1:
        text.type = "host.rated";
        text.fields = {{"host_id", Value::String(host)},
                       {"stars", Value::Integer(random_.Between(1, 5))}};
        break;
      case 2:
        text.type = "order.cancelled";
        text.fields = {{"buyer_id", Value::String(buyer)}};
        reverses = std::to_string(made_ - std::min(made_, 1 + random_.Below(1'500)));
        text.reverses = reverses;
        break;
      default:
        text.type = "order.placed";
        text.fields = {{"buyer_id", Value::String(buyer)},
                       {"host_id", Value::String(host)},
                       {"amount", Yuan(random_.Between(0, 120'000))},
                       {"goods", Value::String(random_.OneIn(2) ? "food" : "phones")}};
    }
    return pack::MakeEvent(*pack::ShopPack(), text, &arena_);
  }

 private:
  // One of ten of the hot, or any.
  uint64_t Skewed(uint64_t count) { return random_.Below(random_.OneIn(3) ? 4 : count); }

  Random random_;
  Arena& arena_;
  Timestamp now_ = kStart;
  uint64_t made_ = 0;
};

// Both sides take the same events. One is encoded at the freeze; the other while events come, by
// two threads or by one that plays both.
void ExpectTheSameRows(uint64_t seed, bool threads, Side* whole, Side* shared) {
  constexpr int kRounds = 20;
  constexpr int kEventsBetween = 150;
  constexpr int kEventsMeanwhile = 250;
  Random random(seed);
  Arena arena;
  Market market(seed, &arena);
  auto other_files = pack::ShopFiles();
  pack::Edit(&other_files, "policy.dmn", "amount / 3", "amount / 4");
  std::shared_ptr<const pack::Pack> other_pack;
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    std::vector<record::Event> between;
    for (int i = 0; i < kEventsBetween; ++i) between.push_back(market.Next());
    std::vector<record::Event> meanwhile;
    for (int i = 0; i < kEventsMeanwhile; ++i) meanwhile.push_back(market.Next());
    // Those that changed last are the first that the other thread takes.
    if (random.OneIn(2)) {
      std::rotate(meanwhile.begin(), meanwhile.end() - kEventsMeanwhile / 2, meanwhile.end());
    }
    for (Side* side : {whole, shared}) {
      for (const record::Event& event : between) side->Take(event);
      side->Freeze();
      ASSERT_EQ(side->entities().changed(), 0U);
    }
    ASSERT_TRUE(whole->entities().frozen()->EncodeFirst(UINT64_MAX));
    if (round == kRounds / 2) {
      other_pack = pack::MustLoad(other_files);
      whole->SetPack(other_pack);
      shared->SetPack(other_pack);
    }
    for (const record::Event& event : meanwhile) whole->Take(event);
    if (threads) {
      std::thread other([&] {
        while (!shared->EncodeLast()) std::this_thread::yield();
      });
      for (const record::Event& event : meanwhile) shared->Take(event);
      // A writer that cannot go on without the checkpoint encodes what is left.
      if (random.OneIn(3)) {
        EXPECT_TRUE(shared->entities().frozen()->EncodeFirst(UINT64_MAX));
      }
      other.join();
    } else {
      bool all = false;
      for (const record::Event& event : meanwhile) {
        if (random.OneIn(4)) all = all || shared->EncodeLast();
        if (random.OneIn(8)) all = all || shared->entities().frozen()->EncodeFirst(1);
        shared->Take(event);
      }
      while (!all) all = shared->EncodeLast();
    }
    for (Side* side : {whole, shared}) side->Settle();
    for (const size_t table : {kEntityTable, kChunkTable}) {
      ASSERT_EQ(whole->Rows(table), shared->Rows(table));
    }
    ASSERT_EQ(whole->entities().bytes(), shared->entities().bytes());
    ASSERT_EQ(whole->entities().changed_bytes(), shared->entities().changed_bytes());
    ASSERT_EQ(whole->entities().changed_memory(), shared->entities().changed_memory());
  }
}

void ExpectTheSameRowsOfSeeds(bool threads) {
  size_t by_writer = 0;
  size_t by_other = 0;
  size_t chunks = 0;
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Side whole;
    Side shared;
    ExpectTheSameRows(seed, threads, &whole, &shared);
    if (testing::Test::HasFatalFailure()) return;
    EXPECT_EQ(whole.by_other(), 0U);
    by_writer += shared.by_writer();
    by_other += shared.by_other();
    chunks += whole.Rows(kChunkTable).size();
  }
  EXPECT_GT(by_writer, 0U);
  EXPECT_GT(by_other, 0U);
  EXPECT_GT(chunks, 20U);
}

TEST(FrozenEntitiesProperty, RowsAreThoseOfTheFreezeHoweverTheTwoTakeTurns) {
  ExpectTheSameRowsOfSeeds(/*threads=*/false);
}

TEST(FrozenEntitiesProperty, RowsAreThoseOfTheFreezeWithTwoThreads) {
  ExpectTheSameRowsOfSeeds(/*threads=*/true);
}

// A batch that says when it is given a row, and takes it only when many other things had time to
// happen.
class SlowBatch final : public store::Batch {
 public:
  void Put(size_t /*table*/, std::string_view /*key*/, std::string_view value) override {
    putting_.store(true);
    for (int i = 0; i < 200; ++i) std::this_thread::yield();
    rows_.emplace_back(value);
    put_.fetch_add(1);
  }
  void Delete(size_t /*table*/, std::string_view /*key*/) override {}
  void DeleteRange(size_t /*table*/, std::string_view /*from*/, std::string_view /*to*/) override {}
  [[nodiscard]] size_t bytes() const override { return 0; }
  [[nodiscard]] size_t changes() const override { return rows_.size(); }
  void WaitUntilPutting() const {
    while (!putting_.load()) std::this_thread::yield();
  }
  [[nodiscard]] size_t put() const { return put_.load(); }
  [[nodiscard]] const std::vector<std::string>& rows() const { return rows_; }

 private:
  std::atomic<bool> putting_ = false;
  std::atomic<size_t> put_ = 0;
  std::vector<std::string> rows_;
};

TEST(FrozenEntities, AWriterThatMeetsOneWhichIsBeingEncodedGoesOnWhenItIs) {
  Arena arena;
  const auto order = [&](int id, const std::string& buyer) {
    return pack::MakeEvent(*pack::ShopPack(),
                           {"order.placed",
                            std::to_string(id),
                            At(id),
                            {{"buyer_id", Value::String(buyer)},
                             {"host_id", Value::String("h")},
                             {"amount", Yuan(id)},
                             {"goods", Value::String("food")}}},
                           &arena);
  };
  Side side;
  side.Take(order(1, "first"));
  side.Take(order(2, "last"));
  const uint32_t buyers = *pack::ShopPack()->schema.EntityIndex("buyer");
  std::string head;
  side.entities().Find({buyers, "last"})->AppendHead(pack::ShopPack()->features, &head);
  side.Freeze();
  SlowBatch slow;
  std::thread other([&] {
    while (!side.entities().frozen()->EncodeLast(&slow)) {
    }
  });
  slow.WaitUntilPutting();
  // The other thread has claimed this one, the newest, and encodes it.
  side.Take(order(3, "last"));
  EXPECT_GE(slow.put(), 1U);
  other.join();
  EXPECT_EQ(slow.rows().front(), head) << "without the event that came while it was encoded";
  side.Settle();
}

}  // namespace
}  // namespace credence::engine
