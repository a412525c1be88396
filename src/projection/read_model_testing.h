#pragma once
// A random journal for the tests of the read model: two packs, events with and without decisions,
// decisions that wait and resume, labels, reversals, tokens as keys, and what operators do.

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "src/base/arena.h"
#include "src/base/random.h"
#include "src/journal/posix_file.h"
#include "src/projection/naive_read_model.h"
#include "src/projection/read_model.h"

namespace credence::projection {

// 2024-03-01T00:00:00Z
inline constexpr Timestamp kStart{1'709'251'200 * kNsPerSecond};

struct StoredFrame {
  Frame frame;
  std::vector<std::string> bytes;
  std::vector<std::string_view> views;
  [[nodiscard]] Frame View() const {
    Frame view = frame;
    view.records = views;
    return view;
  }
};

inline record::FieldDecl Field(std::string_view name, record::FieldKind kind) {
  record::FieldDecl field;
  field.name = name;
  field.kind = kind;
  field.optional = true;
  return field;
}

// Two packs: the second has another order of types, another currency and another decision.
inline PackNames TestNames(int which) {
  auto schema = std::make_shared<record::Schema>();
  schema->pack_name = which == 0 ? "market" : "market two";
  schema->base_currency = *Currency::FromCode(which == 0 ? "CNY" : "JPY");
  schema->entities = {{"buyer", "buyer_id"}, {"device", "device_id"}, {"phone", "phone"}};
  record::EventType order;
  order.name = "order.placed";
  order.fields = {
      Field("buyer_id", record::FieldKind::kKey), Field("device_id", record::FieldKind::kKey),
      Field("phone", record::FieldKind::kMobileCn), Field("amount", record::FieldKind::kMoney),
      Field("fee", record::FieldKind::kMoney)};
  order.keys = {{0, 0}, {1, 1}, {2, 2}};
  order.decision = 0;
  record::EventType seen;
  seen.name = "room.entered";
  seen.fields = {Field("buyer_id", record::FieldKind::kKey)};
  seen.keys = {{0, 0}};
  record::EventType label;
  label.name = "'; DROP TABLE decision; --";
  label.fields = {Field("phone", record::FieldKind::kMobileCn)};
  label.keys = {{2, 0}};
  label.label = true;
  schema->event_types = {order, seen, label};
  if (which == 1) std::swap(schema->event_types[0], schema->event_types[1]);
  return {schema, which == 0 ? std::vector<std::string>{"order_risk", "coupon"}
                             : std::vector<std::string>{"coupon", "order_risk", "payout"}};
}

inline Digest PackDigest(int which) { return Sha256("pack " + std::to_string(which)); }

inline Result<PackNames> NamesOf(const Digest& pack) {
  for (const int which : {0, 1}) {
    if (pack == PackDigest(which)) return TestNames(which);
  }
  return NotFound("no such pack");
}

class RandomJournal {
 public:
  explicit RandomJournal(uint64_t seed) : random_(seed) {}

  // The frames after those that were made, `count` of them.
  std::vector<StoredFrame> Make(size_t count) {
    std::vector<StoredFrame> frames;
    for (size_t i = 0; i < count; ++i) frames.push_back(MakeFrame());
    return frames;
  }

 private:
  StoredFrame MakeFrame() {
    StoredFrame stored;
    stored.frame.index = ++frame_;
    stored.frame.segment = 1 + frame_ / 50;
    stored.frame.offset = 128 + (frame_ % 50) * 4'096;
    stored.frame.first_seq = Seq(seq_ + 1);
    if (frame_ == 1 || random_.OneIn(25)) {
      AddActivation(&stored);
    } else if (!random_.OneIn(20)) {  // else a seal: no sequence
      const uint64_t records = 1 + random_.Below(12);
      for (uint64_t i = 0; i < records; ++i) AddSomething(&stored);
    } else {
      stored.bytes.emplace_back("a seal");
    }
    stored.frame.last_seq = Seq(seq_);
    stored.frame.chain = Sha256("chain " + std::to_string(frame_));
    for (const std::string& bytes : stored.bytes) stored.views.push_back(bytes);
    return stored;
  }

  void AddSomething(StoredFrame* to) {
    const uint64_t kind = random_.Below(40);
    if (kind == 0) return AddKillSwitch(to);
    if (kind == 1) return AddRate(to);
    if (kind < 5 && !parked_.empty()) return AddAnswer(to);
    if (kind == 5) return AddActivationRequest(to);
    AddEvent(to);
  }

  void AddActivation(StoredFrame* to) {
    pack_ = frame_ == 1 ? 0 : static_cast<int>(random_.Below(2));
    record::Activation activation;
    activation.seq = Seq(++seq_);
    activation.stamp = NextStamp();
    activation.pack = PackDigest(pack_);
    activation.pack_name = TestNames(pack_).schema->pack_name;
    activation.activated_by = "ann";
    activation.approved_by = random_.OneIn(2) ? "bob" : "";
    record::EncodeActivation(activation, &to->bytes.emplace_back());
  }

  void AddActivationRequest(StoredFrame* to) {
    const record::ActivationRequest request{Seq(++seq_), NextStamp(), PackDigest(1 - pack_),
                                            "other", "ann"};
    record::EncodeActivationRequest(request, &to->bytes.emplace_back());
  }

  void AddKillSwitch(StoredFrame* to) {
    record::KillSwitch kill;
    kill.seq = Seq(++seq_);
    kill.stamp = NextStamp();
    kill.on = random_.OneIn(2);
    kill.decision = random_.OneIn(2) ? "order_risk" : "";
    kill.by = "ann";
    kill.reason = "it's \"odd\"";
    record::EncodeKillSwitch(kill, &to->bytes.emplace_back());
  }

  void AddRate(StoredFrame* to) {
    record::Rate rate;
    rate.seq = Seq(++seq_);
    rate.stamp = NextStamp();
    rate.from = *Currency::FromCode("USD");
    rate.rate = Decimal::FromScaled(71'234 + static_cast<int64_t>(random_.Below(100)), -4);
    rate.by = "ann";
    record::EncodeRate(rate, &to->bytes.emplace_back());
  }

  void AddAnswer(StoredFrame* to) {
    const size_t which = random_.Below(parked_.size());
    const Parked parked = parked_[which];
    parked_.erase(parked_.begin() + static_cast<ptrdiff_t>(which));
    record::Answer answer;
    answer.seq = Seq(++seq_);
    answer.stamp = NextStamp();
    answer.parked_seq = parked.seq;
    answer.source = "bureau";
    answer.status = "ok";
    record::EncodeAnswer(answer, &to->bytes.emplace_back());
    AddDecision(Seq(seq_), parked.seq, parked.time, parked.pack, to);
  }

  void AddEvent(StoredFrame* to) {
    const PackNames names = TestNames(pack_);
    arena_.Reset();
    record::Event event;
    event.type = static_cast<uint32_t>(random_.Below(names.schema->event_types.size()));
    const record::EventType& type = names.schema->event_types[event.type];
    const std::string id = "e-" + std::to_string(seq_ + 1);
    event.source = Pick({"shop", "app", "it's"});
    event.id = arena_.Copy(id);
    event.seq = Seq(++seq_);
    event.stamp = NextStamp();
    event.time = Timestamp{event.stamp.ns - random_.Between(-kNsPerHour, 40 * kNsPerHour)};
    event.digest = Sha256(id);
    if (type.label || random_.OneIn(9)) event.about = About();
    if (random_.OneIn(12)) event.reverses = random_.OneIn(3) ? event.about : About();
    std::vector<record::Value> fields;
    for (const record::FieldDecl& field : type.fields) fields.push_back(FieldValue(field));
    event.fields = fields;
    record::EncodeEvent(event, &to->bytes.emplace_back());
    if (type.decision) AddDecision(event.seq, Seq(), event.time, pack_, to);
  }

  record::Value FieldValue(const record::FieldDecl& field) {
    if (random_.OneIn(6)) return record::Value::Absent();
    const uint64_t which = random_.OneIn(3) ? 0 : random_.Below(40);
    switch (field.kind) {
      case record::FieldKind::kMobileCn:
        return record::Value::Token(arena_.Copy(std::string(15, '\0') + static_cast<char>(which)));
      case record::FieldKind::kMoney: {
        const int64_t minor = random_.OneIn(4) ? INT64_MAX - static_cast<int64_t>(which)
                                               : static_cast<int64_t>(which) * 100 - 700;
        return record::Value::OfMoney({minor, *Currency::FromCode("CNY")}, minor);
      }
      default:
        return record::Value::String(arena_.Copy(
            which == 1 ? "x' OR '1'='1" : field.name.substr(0, 1) + std::to_string(which)));
    }
  }

  void AddDecision(Seq seq, Seq parked_seq, Timestamp time, int pack, StoredFrame* to) {
    record::DecisionRecord decision;
    decision.seq = seq;
    decision.parked_seq = parked_seq;
    decision.time = time;
    decision.pack = PackDigest(pack);
    decision.decision = static_cast<uint32_t>(random_.Below(TestNames(pack).decisions.size()));
    if (parked_seq == Seq() && random_.OneIn(8)) {
      decision.path = record::DecisionPath::kParked;
      decision.needs = "bureau";
      parked_.push_back({seq, time, pack});
    } else {
      decision.path =
          random_.OneIn(15) ? record::DecisionPath::kFallback : record::DecisionPath::kPolicy;
      decision.outcome = Pick({"pass", "pass", "pass", "review", "refuse", "';--"});
      if (random_.OneIn(2)) {
        decision.score = Decimal::FromScaled(static_cast<int64_t>(random_.Below(90'000)), -2);
        decision.probability_of_default =
            Decimal::FromScaled(static_cast<int64_t>(random_.Below(1'000'000)), -6);
      }
      const uint64_t reasons = random_.Below(4);
      for (uint64_t i = 0; i < reasons; ++i) {
        decision.reasons.emplace_back(Pick({"R01", "R02", "R03", "R\"4"}));
      }
    }
    record::EncodeDecision(decision, &to->bytes.emplace_back());
  }

  std::string_view About() {
    return arena_.Copy("e-" + std::to_string(1 + random_.Below(seq_ + 1)));
  }

  std::string_view Pick(std::initializer_list<std::string_view> from) {
    return *(from.begin() + random_.Below(from.size()));
  }

  Timestamp NextStamp() {
    stamp_ = Timestamp{stamp_.ns + random_.Between(1, 20 * kNsPerMinute)};
    return stamp_;
  }

  struct Parked {
    Seq seq;
    Timestamp time;
    int pack = 0;
  };
  Random random_;
  Arena arena_;
  uint64_t frame_ = 0;
  uint64_t seq_ = 0;
  Timestamp stamp_ = kStart;
  int pack_ = 0;
  std::vector<Parked> parked_;
};

// A folder of its own, that goes with the test.
class ReadModelTest : public testing::Test {
 protected:
  ReadModelTest() {
    folder_ = std::filesystem::path(testing::TempDir()) /
              ("read_model_" + std::to_string(::getpid()) + "_" +
               testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~ReadModelTest() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string Path(std::string_view name = "model.sqlite") const {
    return (folder_ / name).string();
  }

  static Options TestOptions() {
    Options options;
    options.journal_id = {1, 2, 3};
    options.names = NamesOf;
    options.boot = "boot one";
    return options;
  }

  std::unique_ptr<ReadModel> MustOpen(const std::string& path, Options options = TestOptions()) {
    auto model = ReadModel::Open(files_, path, std::move(options));
    EXPECT_TRUE(model.ok()) << model.status().ToString();
    return model.ok() ? std::move(*model) : nullptr;
  }

  static void MustFold(ReadModel& model, const std::vector<StoredFrame>& stored, size_t from,
                       size_t to) {
    std::vector<Frame> frames;
    for (size_t i = from; i < to; ++i) frames.push_back(stored[i].View());
    const Status status = model.Fold(frames);
    ASSERT_TRUE(status.ok()) << status.ToString();
  }

  // What a killed process leaves of the file at this moment.
  void CopyFiles(const std::string& from, const std::string& to) const {
    for (const char* suffix : {"", "-wal", "-shm", ".open"}) {
      std::filesystem::remove(to + suffix);
      if (std::filesystem::exists(from + suffix)) {
        std::filesystem::copy_file(from + suffix, to + suffix);
      }
    }
  }

  journal::PosixFileSystem files_;
  std::filesystem::path folder_;
};

}  // namespace credence::projection
