// Changing any one stored field of any row changes the state hash.

#include <gtest/gtest.h>

#include <set>

#include "src/engine/core.h"
#include "src/engine/engine_testing.h"
#include "src/journal/reader.h"

namespace credence::engine {
namespace {

// A state with rows of every kind, folded from a journal, that a test may change at will.
class StateHash : public ShopTest {
 protected:
  void SetUp() override {
    ShopTest::SetUp();
    ASSERT_TRUE(
        engine_->SetRate(*Currency::FromCode("USD"), *Decimal::Parse("7.1"), "ann", At(0)).ok());
    ASSERT_TRUE(engine_->SetKillSwitch(true, "order_risk", "ann", "why", At(0)).ok());
    Send(Order("o1", At(1), 500));
    EventText with_weight = Order("o2", At(5), 700);
    with_weight.fields.emplace_back("weight", Value::OfDecimal(*Decimal::Parse("1.25")));
    Send(with_weight);
    Send(Order("o3", At(3), 900, "b2", "h2"));
    EventText with_note = Payment("p1", At(6), 4'200);
    with_note.fields.emplace_back("note", Value::String("rent"));
    Send(with_note);
    Send(Cancel("c1", At(7), "o1"));
    Send(LimitAsked("l1", At(8)));
    const Digest live = engine_->state().Hash();
    engine_.reset();
    core_ = std::make_unique<Core>(files_, kFolder, 1);
    const auto reader = journal::JournalReader::Open(files_, kFolder + "/journal");
    ASSERT_TRUE(reader.ok());
    journal::FrameView frame;
    while (*(*reader)->Next(&frame)) ASSERT_TRUE(core_->FoldFrame(frame).ok());
    before_ = core_->state.Hash();
    ASSERT_EQ(before_, live);
  }

  State& state() { return core_->state; }

  // Changes one field, looks, and puts it back.
  template <class Field, class Other>
  void Differs(Field& field, const Other& other, const char* what) {
    const Field kept = field;
    ASSERT_FALSE(kept == Field(other)) << what;
    field = Field(other);
    EXPECT_NE(state().Hash(), before_) << what;
    field = kept;
    EXPECT_EQ(state().Hash(), before_) << what;
  }

  std::unique_ptr<Core> core_;
  Digest before_;
};

TEST_F(StateHash, CoversRowsOfEveryKind) {
  std::set<RowKind> kinds;
  for (const State::RowCount& count : state().CountRows()) {
    kinds.insert(count.kind);
    EXPECT_GT(count.rows, 0u);
    EXPECT_GT(count.bytes, 0u);
  }
  EXPECT_EQ(kinds.size(), static_cast<size_t>(RowKind::kParked));
}

TEST_F(StateHash, ChangesWithTheWriter) {
  Differs(state().last_seq, Seq(99), "last sequence");
  Differs(state().last_stamp.ns, state().last_stamp.ns + 1, "last stamp");
  state().once.DropBefore(Timestamp{kStart.ns - 2 * kNsPerDay});
  const Digest dropped = state().Hash();
  state().once.DropBefore(Timestamp{kStart.ns - kNsPerDay});
  EXPECT_NE(state().Hash(), dropped) << "first day of the once-only index";
}

TEST_F(StateHash, ChangesWithThePack) {
  auto files = pack::ShopFiles();
  files["features.yaml"] += "\n# no feature is another\n";
  const auto other = pack::MustLoad(files);
  const auto kept = state().pack;
  state().pack = other;
  EXPECT_NE(state().Hash(), before_);
  state().pack = kept;
  EXPECT_EQ(state().Hash(), before_);
}

// Every bit of the canonical bytes of every entity: what can be decoded is another state.
TEST_F(StateHash, ChangesWithEveryBitOfAnEntity) {
  const feature::FeaturePlan& plan = state().pack->features;
  std::vector<std::pair<uint32_t, std::string>> entities;
  state().entities.ForEach([&](EntityRef ref, const feature::EntityState&) {
    entities.emplace_back(ref.entity, std::string(ref.key));
  });
  ASSERT_EQ(entities.size(), 4u);
  size_t accepted = 0;
  for (const auto& [entity, key] : entities) {
    feature::EntityState* row = state().entities.Change(EntityRef{entity, key});
    const feature::EntityState kept = *row;
    std::string bytes;
    row->AppendCanonical(plan, &bytes);
    for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      std::string changed = bytes;
      changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
      auto decoded = feature::EntityState::Decode(plan, entity, changed);
      if (!decoded.ok()) continue;
      ++accepted;
      *row = std::move(*decoded);
      EXPECT_NE(state().Hash(), before_) << key << " bit " << bit;
    }
    *row = kept;
    EXPECT_EQ(state().Hash(), before_);
  }
  EXPECT_GT(accepted, 100u) << "values, times and sequences can be changed one by one";
}

TEST_F(StateHash, ChangesWithTheKeyOfAnEntityAndWithItsKind) {
  std::set<Digest> seen = {before_};
  for (const EntityRef ref : {EntityRef{0, "b9"}, EntityRef{1, "b9"}, EntityRef{0, "b8"}}) {
    EntityTable::Touch touch{ref};
    state().entities.LookUp({&touch, 1});
    state().entities.ChangeOrAdd(&touch, state().pack->features);
    EXPECT_TRUE(seen.insert(state().Hash()).second) << ref.entity << " " << ref.key;
  }
}

TEST_F(StateHash, ChangesWithEveryFieldOfAnId) {
  const auto with = [&](std::string_view source, std::string_view id, std::string_view content,
                        uint64_t seq, Timestamp time) {
    OnceIndex once;
    once.Add(EventKey::Of(source, id), Sha256(content), Seq(seq), time);
    std::swap(state().once, once);
    const Digest hash = state().Hash();
    std::swap(state().once, once);
    return hash;
  };
  std::set<Digest> seen;
  EXPECT_TRUE(seen.insert(with("shop", "o1", "x", 1, At(0))).second);
  EXPECT_TRUE(seen.insert(with("shop2", "o1", "x", 1, At(0))).second);
  EXPECT_TRUE(seen.insert(with("shop", "o2", "x", 1, At(0))).second);
  EXPECT_TRUE(seen.insert(with("sho", "po1", "x", 1, At(0))).second);
  EXPECT_TRUE(seen.insert(with("shop", "o1", "y", 1, At(0))).second);
  EXPECT_TRUE(seen.insert(with("shop", "o1", "x", 2, At(0))).second);
  EXPECT_TRUE(seen.insert(with("shop", "o1", "x", 1, At(kNsPerDay))).second);
  EXPECT_FALSE(seen.insert(with("shop", "o1", "x", 1, At(1))).second)
      << "of the time, only the day is kept";
  EXPECT_EQ(state().Hash(), before_);
}

TEST_F(StateHash, ChangesWithEveryFieldOfAReversibleEvent) {
  ASSERT_EQ(state().reversible.size(), 4u);
  for (auto& [key, row] : state().reversible) {
    Differs(row.seq, row.seq.Next(), "sequence");
    Differs(row.stamp.ns, row.stamp.ns + 1, "stamp");
    Differs(row.reversed, !row.reversed, "reversed");
    ASSERT_FALSE(row.entities.empty());
    for (auto& [entity, name] : row.entities) {
      Differs(entity, 1 - entity, "entity");
      Differs(name, name + "x", "key");
    }
    const auto fewer = std::vector(row.entities.begin() + 1, row.entities.end());
    Differs(row.entities, fewer, "entities");
  }
  auto node = state().reversible.extract(state().reversible.begin());
  EXPECT_NE(state().Hash(), before_) << "a row less";
  node.key().words[1] ^= 1;
  state().reversible.insert(std::move(node));
  EXPECT_NE(state().Hash(), before_) << "another id";
}

TEST_F(StateHash, ChangesWithWhoAsksForWhichActivation) {
  const Digest before = before_;
  state().ApplyActivationRequest(Sha256("one"), "ann");
  before_ = state().Hash();
  EXPECT_NE(before_, before);
  Differs(state().activation_requests.begin()->second, "bob", "who");
  auto request = state().activation_requests.extract(state().activation_requests.begin());
  request.key() = Sha256("other");
  state().activation_requests.insert(std::move(request));
  EXPECT_NE(state().Hash(), before_) << "which";
  state().DropActivationRequests();
  EXPECT_EQ(state().Hash(), before);
}

TEST_F(StateHash, ChangesWithSwitchesRatesAndParkedDecisions) {
  ASSERT_EQ(state().kill_switches.size(), 1u);
  Differs(state().kill_switches.begin()->second, false, "switch");
  auto kill_switch = state().kill_switches.extract(state().kill_switches.begin());
  EXPECT_NE(state().Hash(), before_);
  kill_switch.key() = "";
  state().kill_switches.insert(std::move(kill_switch));
  EXPECT_NE(state().Hash(), before_) << "all decisions instead of one";
  state().kill_switches = {{"order_risk", true}};
  ASSERT_EQ(state().Hash(), before_);

  ASSERT_EQ(state().rates.size(), 1u);
  Differs(state().rates.begin()->second, *Decimal::Parse("7.2"), "rate");
  state().rates = {{*Currency::FromCode("EUR"), *Decimal::Parse("7.1")}};
  EXPECT_NE(state().Hash(), before_) << "currency";
  state().rates = {{*Currency::FromCode("USD"), *Decimal::Parse("7.10")}};
  EXPECT_EQ(state().Hash(), before_) << "7.10 is 7.1";

  ASSERT_EQ(state().parked.size(), 1u);
  ParkedRow& row = state().parked.begin()->second;
  Differs(row.source, "register", "source");
  Differs(row.decision, row.decision + "x", "decision");
  auto parked = state().parked.extract(state().parked.begin());
  parked.key() = parked.key().Next();
  state().parked.insert(std::move(parked));
  EXPECT_NE(state().Hash(), before_) << "sequence";
}

TEST_F(StateHash, DoesNotDependOnTheOrderInWhichRowsCame) {
  journal::FaultFileSystem files;
  const auto other = MustOpen(files);
  MustActivate(*other, pack::ShopPack());
  ASSERT_TRUE(other->SetKillSwitch(true, "order_risk", "", "", At(0)).ok());
  ASSERT_TRUE(other->SetKillSwitch(true, "credit_limit", "", "", At(1)).ok());
  journal::FaultFileSystem more_files;
  const auto more = MustOpen(more_files);
  MustActivate(*more, pack::ShopPack());
  ASSERT_TRUE(more->SetKillSwitch(true, "credit_limit", "", "", At(0)).ok());
  ASSERT_TRUE(more->SetKillSwitch(true, "order_risk", "", "", At(1)).ok());
  EXPECT_EQ(other->state().Hash(), more->state().Hash());
}

}  // namespace
}  // namespace credence::engine
