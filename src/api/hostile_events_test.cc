// Golden test: every file of tests/golden/events is sent to the pack of tests/golden/pack, and what
// becomes of it is a line of tests/golden/events.expected. CREDENCE_UPDATE_GOLDEN=1 writes that
// file anew: read the difference.

#include <gtest/gtest.h>

#include <cstdlib>

#include "src/api/decision_json.h"
#include "src/api/gate.h"
#include "src/base/memory_file.h"
#include "src/engine/engine.h"
#include "src/journal/posix_file.h"
#include "src/pack/pack.h"

namespace credence::api {
namespace {

constexpr char kGolden[] = CREDENCE_SOURCE_DIR "/tests/golden";

// The TZif bytes (RFC 8536) of a zone without offset.
class UtcOnly final : public pack::TzifSource {
 public:
  std::optional<std::string> Read(std::string_view zone_name) override {
    if (zone_name != "UTC") return std::nullopt;
    std::string block = "TZif2" + std::string(15, '\0');
    for (const char count : {'\0', '\0', '\0', '\0', '\1', '\4'})
      block += std::string(3, '\0') + count;
    block += std::string(6, '\0') + "UTC" + '\0';
    return block + block + "\nUTC0\n";
  }
};

Timestamp At(std::string_view text) {
  const auto time = Timestamp::Parse(text);
  EXPECT_TRUE(time.ok());
  return *time;
}

class HostileEvents : public testing::Test {
 protected:
  void SetUp() override {
    auto files = pack::ReadFolder(disk_, std::string(kGolden) + "/pack");
    ASSERT_TRUE(files.ok()) << files.status().ToString();
    UtcOnly zones;
    std::vector<Diagnostic> diagnostics;
    pack_ = pack::Load(std::move(files).value(), "tests/golden/pack", &zones, &diagnostics);
    for (const Diagnostic& diagnostic : diagnostics) ADD_FAILURE() << ToString(diagnostic);
    ASSERT_NE(pack_, nullptr);
    auto opened = Protection::Open(memory_, "keys");
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    protection_ = std::move(opened).value();
    gate_ = std::make_unique<Gate>(pack_->schema, protection_.get());
    auto engine = engine::Engine::Open(memory_, "state");
    ASSERT_TRUE(engine.ok()) << engine.status().ToString();
    engine_ = std::move(engine).value();
    Prepare();
  }

  // What went before: an order too old to be reversed, one that can be, one that was.
  void Prepare() {
    ASSERT_TRUE(engine_->Activate(pack_, "tester", "", At("2024-05-01T09:00:00Z")).ok());
    ASSERT_TRUE(engine_
                    ->SetRate(*Currency::FromCode("USD"), *Decimal::Parse("7.1"), "tester",
                              At("2024-05-01T09:00:00Z"))
                    .ok());
    const auto send = [&](std::string_view id, std::string_view type, std::string_view more,
                          std::string_view time) {
      std::string json = R"({"specversion":"1.0","source":"shop","id":")" + std::string(id) +
                         R"(","type":")" + std::string(type) + R"(","time":")" + std::string(time) +
                         "\"," + std::string(more) + "}";
      arena_.Reset();
      record::Event event;
      Problem problem;
      ASSERT_TRUE(gate_->Parse(json, &arena_, &event, &problem)) << ToJson(problem);
      const auto outcomes = engine_->Process({&event, 1}, engine::Arrival::kLive, At(time));
      ASSERT_TRUE(outcomes.ok()) << outcomes.status().ToString();
      ASSERT_NE(outcomes->front().kind, engine::Outcome::Kind::kRefused)
          << outcomes->front().expected;
    };
    const std::string order = R"("data":{"buyer_id":"b-1","amount":"10.00"})";
    send("seen-0", "order.placed", order, "2024-05-01T10:00:00Z");
    send("seen-1", "order.placed", order, "2024-05-01T11:30:00Z");
    send("seen-2", "order.placed", order, "2024-05-01T11:31:00Z");
    send("cancel-2", "order.cancelled", R"("reverses":"seen-2","data":{"buyer_id":"b-1"})",
         "2024-05-01T11:32:00Z");
  }

  // What becomes of one text, in one line. Nothing that is refused leaves a trace, and nothing that
  // is only tried does.
  std::string Send(const std::string& json) {
    const Digest before = engine_->state().Hash();
    const Seq last = engine_->state().last_seq;
    const uint64_t subjects = protection_->subject_count();
    const Timestamp now = At("2024-05-01T12:00:00Z");
    arena_.Reset();
    record::Event event;
    Problem problem;
    std::string line = "accepted";
    if (!gate_->Parse(json, &arena_, &event, &problem)) {
      line = ToJson(problem);
      EXPECT_EQ(protection_->subject_count(), subjects) << "a refused event made a key";
    } else {
      const auto tried = engine_->DryRun(event, engine::Arrival::kLive, now);
      if (tried.kind == engine::Outcome::Kind::kRefused) {
        const auto outcomes = engine_->Process({&event, 1}, engine::Arrival::kLive, now);
        EXPECT_TRUE(outcomes.ok());
        EXPECT_EQ(outcomes->front().kind, engine::Outcome::Kind::kRefused);
        EXPECT_EQ(outcomes->front().refusal, tried.refusal) << "a dry run says the same";
        line = ToJson(ToProblem(outcomes->front()));
      } else if (tried.kind == engine::Outcome::Kind::kDuplicate) {
        line = "duplicate";
      } else if (tried.kind == engine::Outcome::Kind::kDecided) {
        line = "accepted: " + tried.decision->outcome;
      }
    }
    EXPECT_EQ(engine_->state().Hash(), before) << "a trace was left";
    EXPECT_EQ(engine_->state().last_seq, last);
    return line;
  }

  journal::PosixFileSystem disk_;
  MemoryFileSystem memory_;
  std::shared_ptr<const pack::Pack> pack_;
  std::unique_ptr<Protection> protection_;
  std::unique_ptr<Gate> gate_;
  std::unique_ptr<engine::Engine> engine_;
  Arena arena_;
};

TEST_F(HostileEvents, BecomeWhatTheGoldenFileSays) {
  const std::string folder = std::string(kGolden) + "/events";
  const auto names = disk_.List(folder);
  ASSERT_TRUE(names.ok()) << names.status().ToString();
  EXPECT_GE(names->size(), 60U);
  std::string actual;
  for (const std::string& name : *names) {
    SCOPED_TRACE(name);
    const auto json = ReadWholeFile(disk_, folder + "/" + name, uint64_t{4} << 20);
    ASSERT_TRUE(json.ok()) << json.status().ToString();
    actual += name.substr(0, name.rfind('.')) + " " + Send(*json) + "\n";
  }
  const std::string path = std::string(kGolden) + "/events.expected";
  const char* update = std::getenv("CREDENCE_UPDATE_GOLDEN");
  if (update != nullptr && std::string_view(update) == "1") {
    ASSERT_TRUE(ReplaceFile(disk_, path, actual).ok());
  }
  const auto expected = ReadWholeFile(disk_, path, uint64_t{4} << 20);
  ASSERT_TRUE(expected.ok()) << expected.status().ToString();
  EXPECT_EQ(actual, *expected) << "CREDENCE_UPDATE_GOLDEN=1 writes the file anew";
}

// The values that the hostile events hold in personal fields are in no line.
TEST_F(HostileEvents, ShowNoPersonalValue) {
  const auto expected =
      ReadWholeFile(disk_, std::string(kGolden) + "/events.expected", uint64_t{4} << 20);
  ASSERT_TRUE(expected.ok()) << expected.status().ToString();
  for (const char* value : {"13800138", "1380013", "01012345678", "110105", "411111", "91350100",
                            "9135O100", "Test Road"}) {
    EXPECT_EQ(expected->find(value), std::string::npos) << value;
  }
}

// A code that no document explains helps nobody.
TEST_F(HostileEvents, MeetOnlyProblemsThatTheDocumentLists) {
  const auto expected =
      ReadWholeFile(disk_, std::string(kGolden) + "/events.expected", uint64_t{4} << 20);
  const auto document =
      ReadWholeFile(disk_, CREDENCE_SOURCE_DIR "/docs/EVENTS.md", uint64_t{4} << 20);
  ASSERT_TRUE(expected.ok() && document.ok());
  size_t found = 0;
  for (size_t at = 0; (at = expected->find(kProblemTypePrefix, at)) != std::string::npos; ++found) {
    at += kProblemTypePrefix.size();
    const std::string code = expected->substr(at, expected->find('"', at) - at);
    EXPECT_NE(document->find("| `" + code + "` |"), std::string::npos) << code;
  }
  EXPECT_GE(found, 60U);
}

TEST_F(HostileEvents, ADecisionIsWrittenWithTextsRulesAndSlots) {
  record::Event event;
  Problem problem;
  const std::string json =
      R"({"specversion":"1.0","source":"shop","id":"e-9","type":"order.placed",)"
      R"("time":"2024-05-01T12:00:00Z","data":{"buyer_id":"b-9","amount":)"
      R"({"amount":"100.00","currency":"USD"},"mobile":"13800138000"}})";
  ASSERT_TRUE(gate_->Parse(json, &arena_, &event, &problem)) << ToJson(problem);
  const Timestamp now = At("2024-05-01T12:00:00Z");
  const auto outcomes = engine_->Process({&event, 1}, engine::Arrival::kLive, now);
  ASSERT_TRUE(outcomes.ok());
  const engine::Outcome& outcome = outcomes->front();
  ASSERT_EQ(outcome.kind, engine::Outcome::Kind::kDecided);
  const std::string digest = pack_->digest.ToHex();
  const std::string id = outcome.decision->Id();
  EXPECT_EQ(
      ToJson(outcome, pack_.get(), "shop", "e-9"),
      R"({"result":"decided","event":{"source":"shop","id":"e-9"},"sequence":)" +
          std::to_string(outcome.seq.value()) +
          R"(,"stamp":"2024-05-01T12:00:00Z","decision":{"id":")" + id +
          R"(","event":{"source":"shop","id":"e-9"},"decision":"order",)"
          R"("time":"2024-05-01T12:00:00Z","outcome":{"code":"approve","en":"Approved","zh":"通过"},)"
          R"("path":"policy","failure":null,"needs":null,"resumes":null,)"
          R"("probability_of_default":null,"score":null,)"
          R"("limit":{"amount":"9290.00","currency":"CNY"},"offer":null,"reasons":[],)"
          R"("matched_rules":[{"table":"order","rule":3}],"currency":"CNY",)"
          R"("slots":{"amount":"710.00","buyer.order_placed.count_1d":1},"incomplete_slots":[],)"
          R"("pack":")" +
          digest + R"("},"problem":null})");
}

TEST_F(HostileEvents, ADuplicateAndARefusalAreWrittenWithTheirProblem) {
  engine::Outcome outcome;
  outcome.kind = engine::Outcome::Kind::kDuplicate;
  outcome.seq = Seq(7);
  EXPECT_EQ(ToJson(outcome, nullptr, "shop", "e-1"),
            R"({"result":"duplicate","event":{"source":"shop","id":"e-1"},"sequence":7,)"
            R"("stamp":null,"decision":null,"problem":null})");
  outcome.kind = engine::Outcome::Kind::kRefused;
  outcome.refusal = engine::Refusal::kTooLate;
  outcome.field = "time";
  outcome.expected = "expected \"now\"";
  EXPECT_EQ(ToJson(outcome, nullptr, "shop", "e-1"),
            R"({"result":"refused","event":{"source":"shop","id":"e-1"},"sequence":null,)"
            R"("stamp":null,"decision":null,"problem":)" +
                ToJson(ToProblem(outcome)) + "}");
  EXPECT_EQ(ToJson(ToProblem(outcome)),
            R"({"type":"https://credence.dev/problems/too-late","title":"The event came too late",)"
            R"("status":422,"field":"time","expected":"expected \"now\""})");
}

}  // namespace
}  // namespace credence::api
