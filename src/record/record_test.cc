#include <gtest/gtest.h>

#include <fstream>

#include "src/base/random.h"
#include "src/record/codec.h"
#include "src/record/event.h"
#include "src/record/fact.h"
#include "src/record/identifier.h"
#include "src/record/slots_codec.h"

namespace credence::record {
namespace {

Currency Cny() { return *Currency::FromCode("CNY"); }

Event SampleEvent(Arena* arena) {
  const auto fields = arena->NewArray<Value>(9);
  fields[0] = Value::String("buyer-1");
  fields[1] = Value::OfMoney(Money{12'50, Cny()}, 12'50);
  fields[2] = Value::Absent();
  fields[3] = Value::Integer(-7);
  fields[4] = Value::OfDecimal(*Decimal::Parse("0.125"));
  fields[5] = Value::OfDate(*Date::FromCivil(2024, 2, 29));
  fields[6] = Value::Token("0123456789abcdef");
  fields[7] = Value::Boolean(true);
  fields[8] = Value::Duration(90 * kNsPerSecond);
  Event event;
  event.type = 3;
  event.source = "shop";
  event.id = "e-1";
  event.time = Timestamp{1'700'000'000'000'000'000};
  event.digest = Sha256("content");
  event.about = "e-0";
  event.fields = fields;
  const auto sealed = arena->NewArray<std::string_view>(9);
  sealed[6] = "sealed bytes";
  event.sealed = sealed;
  event.cipher = CipherId::kXChaCha20Poly1305;
  event.seq = Seq(42);
  event.stamp = Timestamp{event.time.ns + 5};
  return event;
}

DecisionRecord SampleDecision() {
  DecisionRecord decision;
  decision.seq = Seq(42);
  decision.decision = 1;
  decision.time = Timestamp{1'700'000'000'000'000'000};
  decision.outcome = "approve";
  decision.score = *Decimal::Parse("612.5");
  decision.probability_of_default = *Decimal::Parse("0.031250");
  decision.limit = Money{5000'00, Cny()};
  decision.offer = "plan-12";
  decision.reasons = {"LOW_INCOME", "SHORT_HISTORY"};
  decision.matched_rules = {{"order_risk", 3}};
  decision.slots = {{0, Value::Integer(5)},
                    {7, Value::String("cash")},
                    {9, Value::Absent()},
                    {10, Value::OfMoney(Money{12'50, Cny()}, 12'50)},
                    {40, Value::OfMoney(Money{3, Cny()}, 3)},
                    {41, Value::OfDecimal(*Decimal::Parse("-0.25"))}};
  decision.pack = Sha256("pack");
  decision.artefacts = {Sha256("model"), Sha256("policy")};
  return decision;
}

Timers SampleTimers() {
  const Timestamp due{1'700'000'000'000'000'000};
  Timers timers{Seq(43), Timestamp{due.ns + 7}, {}};
  TimerItem item;
  item.kind = TimerKind::kPendingOver;
  item.due = Timestamp{due.ns - 1};
  item.id = (UInt128{41} << 32) | 1;
  item.amount = 12'50;
  timers.items.push_back(item);
  item.kind = TimerKind::kHoldOver;
  item.due = due;
  item.id = 9;
  timers.items.push_back(item);
  item = {};
  item.kind = TimerKind::kDueDayOver;
  item.due = due;
  item.id = 3;
  item.day = *Date::FromCivil(2023, 11, 14);
  item.principal = 990'07;
  item.interest = 30'00;
  item.transfers = 2;
  timers.items.push_back(item);
  item.id = 4;
  item.penalty = 15;
  item.transfers = 0;
  item.refused = "exceeds_credits";
  timers.items.push_back(item);
  return timers;
}

std::string Encoded(const Timers& timers) {
  std::string bytes;
  EncodeTimers(timers, &bytes);
  return bytes;
}

std::string Encoded(const Event& event) {
  std::string bytes;
  EncodeEvent(event, &bytes);
  return bytes;
}

std::string Encoded(const DecisionRecord& decision) {
  std::string bytes;
  EncodeDecision(decision, &bytes);
  return bytes;
}

// As 0.1.0 wrote it.
std::string Plain(const DecisionRecord& decision) {
  std::string bytes;
  EncodePlainDecision(decision, &bytes);
  return bytes;
}

TEST(Record, EventComesBackAsItWasWritten) {
  Arena arena;
  const Event event = SampleEvent(&arena);
  const std::string bytes = Encoded(event);
  const auto decoded = DecodeEvent(bytes, &arena);
  ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
  EXPECT_EQ(Encoded(*decoded), bytes);
  EXPECT_EQ(decoded->id, "e-1");
  EXPECT_EQ(decoded->fields[1].money().minor, 12'50);
  EXPECT_EQ(decoded->sealed[6], "sealed bytes");
  EXPECT_TRUE(decoded->fields[2].absent());
}

TEST(Record, DecisionComesBackAsItWasWritten) {
  const std::string bytes = Encoded(SampleDecision());
  auto decoded = DecodeDecision(bytes);
  ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
  const DecisionRecord moved = std::move(*decoded);
  EXPECT_EQ(Encoded(moved), bytes);
  EXPECT_EQ(moved.slots[1].value.text(), "cash");
  EXPECT_EQ(moved.Id(), "D-000000000042");
}

TEST(Record, ADecisionOfAnEarlierReleaseIsRead) {
  const DecisionRecord sample = SampleDecision();
  const auto decoded = DecodeDecision(Plain(sample));
  ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
  EXPECT_EQ(Plain(*decoded), Plain(sample));
  EXPECT_EQ(Encoded(*decoded), Encoded(sample));
  EXPECT_EQ(decoded->slots[1].value.text(), "cash");
}

TEST(Record, ADecisionWithSlotsInBothFormsIsRefused) {
  std::string bytes = Plain(SampleDecision());
  std::string packed;
  PackSlots(SampleDecision().slots, &packed);
  ByteWriter(&bytes).PutVarint(18);
  ByteWriter(&bytes).PutBytes(packed);
  EXPECT_FALSE(DecodeDecision(bytes).ok());
}

TEST(Record, EveryPrefixOfARecordIsRefused) {
  Arena arena;
  for (const std::string& bytes : {Encoded(SampleEvent(&arena)), Encoded(SampleDecision())}) {
    size_t accepted = 0;
    for (size_t size = 0; size < bytes.size(); ++size) {
      if (DecodeRecord(std::string_view(bytes).substr(0, size), &arena).ok()) ++accepted;
    }
    // A prefix that ends between two optional fields is a whole, shorter record: the frame around
    // it holds its size and checksum. The digest is required, so an event without it is never
    // accepted.
    EXPECT_LE(accepted, 5U);
  }
}

// A flipped bit is found by the frame's checksum; here it must only never crash, and what is
// accepted must be canonical.
TEST(Record, AcceptedBytesAreCanonical) {
  Arena arena;
  Random random(7);
  const std::vector<std::string> samples = {Encoded(SampleEvent(&arena)), Encoded(SampleDecision()),
                                            Plain(SampleDecision()), Encoded(SampleTimers())};
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = samples[random.Below(samples.size())];
    const uint64_t flips = 1 + random.Below(3);
    for (uint64_t i = 0; i < flips; ++i) {
      bytes[random.Below(bytes.size())] = static_cast<char>(random.Below(256));
    }
    arena.Reset();
    const auto decoded = DecodeRecord(bytes, &arena);
    if (!decoded.ok()) continue;
    if (const auto* event = std::get_if<Event>(&*decoded)) {
      ASSERT_EQ(Encoded(*event), bytes) << "round " << round;
    } else if (const auto* decision = std::get_if<DecisionRecord>(&*decoded)) {
      ASSERT_TRUE(Encoded(*decision) == bytes || Plain(*decision) == bytes) << "round " << round;
    } else if (const auto* timers = std::get_if<Timers>(&*decoded)) {
      ASSERT_EQ(Encoded(*timers), bytes) << "round " << round;
    }
  }
}

TEST(Record, CommandsComeBackAsTheyWereWritten) {
  Arena arena;
  std::string bytes;
  EncodeActivation({Seq(1), Timestamp{9}, Sha256("p"), {Sha256("m")}, "bank", "li", "wang"},
                   &bytes);
  auto decoded = DecodeRecord(bytes, &arena);
  ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
  EXPECT_EQ(std::get<Activation>(*decoded).approved_by, "wang");

  bytes.clear();
  EncodeKillSwitch({Seq(2), Timestamp{10}, true, "loan", "li", "model drift"}, &bytes);
  decoded = DecodeRecord(bytes, &arena);
  ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
  EXPECT_TRUE(std::get<KillSwitch>(*decoded).on);

  bytes.clear();
  EncodeRate({Seq(3), Timestamp{11}, *Currency::FromCode("USD"), *Decimal::Parse("7.1"), "li"},
             &bytes);
  decoded = DecodeRecord(bytes, &arena);
  ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
  EXPECT_EQ(std::get<Rate>(*decoded).rate, *Decimal::Parse("7.1"));

  bytes.clear();
  EncodeAnswer({Seq(4), Timestamp{12}, Seq(3), "bureau", "ok", {{"score", "700"}}}, &bytes);
  decoded = DecodeRecord(bytes, &arena);
  ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
  EXPECT_EQ(std::get<Answer>(*decoded).values.at(0).second, "700");

  bytes.clear();
  EncodeActivationRequest({Seq(5), Timestamp{13}, Sha256("pack"), "loans", "li"}, &bytes);
  decoded = DecodeRecord(bytes, &arena);
  ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
  const auto& request = std::get<ActivationRequest>(*decoded);
  EXPECT_EQ(request.seq, Seq(5));
  EXPECT_EQ(request.stamp, Timestamp{13});
  EXPECT_EQ(request.pack, Sha256("pack"));
  EXPECT_EQ(request.pack_name + " " + request.by, "loans li");
}

TEST(Record, TimersComeBackAsTheyWereWrittenAndOnlyInTheirOrder) {
  Arena arena;
  const Timers sample = SampleTimers();
  const auto decoded = DecodeRecord(Encoded(sample), &arena);
  ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
  const auto& timers = std::get<Timers>(*decoded);
  EXPECT_EQ(timers.items, sample.items);
  EXPECT_EQ(timers.stamp, sample.stamp);
  const auto accepted = [&](auto change) {
    Timers altered = sample;
    change(&altered);
    const auto again = DecodeRecord(Encoded(altered), &arena);
    EXPECT_TRUE(again.ok() || again.status().code() == StatusCode::kDataLoss);
    return again.ok();
  };
  EXPECT_TRUE(accepted([](Timers*) {}));
  EXPECT_FALSE(accepted([](Timers* t) { t->items.clear(); }));
  EXPECT_FALSE(accepted([](Timers* t) { std::swap(t->items[0], t->items[1]); }));
  EXPECT_FALSE(accepted([](Timers* t) { t->items[1] = t->items[2]; })) << "one twice";
  EXPECT_FALSE(accepted([](Timers* t) { t->stamp.ns = t->items[3].due.ns - 1; })) << "not due yet";
  EXPECT_FALSE(accepted([](Timers* t) { t->items[2].interest = -1; }));
  EXPECT_FALSE(accepted([](Timers* t) { t->items[3].transfers = 1; })) << "refused and made";
  EXPECT_FALSE(accepted([](Timers* t) { t->items[0].kind = static_cast<TimerKind>(4); }));
  // As many as a record may hold, and one more.
  Timers many = sample;
  while (many.items.size() < kTimerItemsMax) {
    many.items.push_back(many.items.back());
    ++many.items.back().id;
  }
  EXPECT_TRUE(DecodeRecord(Encoded(many), &arena).ok());
  many.items.push_back(many.items.back());
  ++many.items.back().id;
  EXPECT_FALSE(DecodeRecord(Encoded(many), &arena).ok());
}

TEST(Record, AnUnknownKindOrFieldIsRefusedAndNamed) {
  Arena arena;
  EXPECT_NE(DecodeRecord("\x63", &arena).status().message().find("kind 99"), std::string::npos);
  std::string bytes = Encoded(SampleDecision());
  ByteWriter(&bytes).PutVarint(200);
  ByteWriter(&bytes).PutBytes("x");
  EXPECT_NE(DecodeRecord(bytes, &arena).status().message().find("field 200"), std::string::npos);
}

TEST(Record, ContentDigestLeavesSealedBytesAndConvertedAmountsOut) {
  Arena arena;
  Schema schema;
  schema.event_types.resize(4);
  for (int i = 0; i < 9; ++i) {
    FieldDecl field;
    field.name = "f" + std::to_string(i);
    schema.event_types[3].fields.push_back(field);
  }
  Event event = SampleEvent(&arena);
  const Digest digest = ContentDigest(event, schema);
  event.sealed = {};
  event.cipher = CipherId::kNone;
  const auto fields = arena.NewArray<Value>(9);
  std::copy(event.fields.begin(), event.fields.end(), fields.begin());
  fields[1] = Value::OfMoney(Money{12'50, Cny()}, 999);
  event.fields = fields;
  EXPECT_EQ(ContentDigest(event, schema), digest);
  fields[3] = Value::Integer(-8);
  EXPECT_NE(ContentDigest(event, schema), digest);
}

TEST(Record, DecisionIdsAreMadeFromTheSequence) {
  EXPECT_EQ(DecisionRecord::SeqFromId("D-000000000042"), Seq(42));
  EXPECT_EQ(DecisionRecord::SeqFromId("D-42"), std::nullopt);
  EXPECT_EQ(DecisionRecord::SeqFromId("D-000000000000"), std::nullopt);
  EXPECT_EQ(DecisionRecord::SeqFromId("D-18446744073709551615"), Seq(UINT64_MAX));
  EXPECT_EQ(DecisionRecord::SeqFromId("D-18446744073709551616"), std::nullopt);
}

// docs/formats/record.md
TEST(Record, TheWorkedExampleOfTheDocumentIsTheStoredForm) {
  Arena arena;
  const auto fields = arena.NewArray<Value>(3);
  fields[0] = Value::String("buyer-1");
  fields[1] = Value::OfMoney(Money{12'50, Cny()}, 12'50);
  Event event;
  event.type = 3;
  event.source = "shop";
  event.id = "e-1";
  event.time = Timestamp{1'700'000'000'000'000'000};
  event.digest = Sha256("content");
  event.fields = fields;
  event.seq = Seq(42);
  event.stamp = Timestamp{event.time.ns + 5};
  std::ifstream file(std::string(CREDENCE_SOURCE_DIR) + "/docs/formats/record.md");
  const std::string document{std::istreambuf_iterator<char>(file), {}};
  const size_t begin = document.find("```\n", document.find("<!-- worked-example -->")) + 4;
  std::string hex = document.substr(begin, document.find("```", begin) - begin);
  std::erase_if(hex, [](char c) { return c == ' ' || c == '\n'; });
  EXPECT_EQ(hex, ToHex(Encoded(event)));
}

TEST(Identifier, CheckDigitsAreChecked) {
  EXPECT_EQ(*NormaliseMobileCn("+86 138-0013-8000"), "13800138000");
  EXPECT_FALSE(NormaliseMobileCn("12800138000").ok());
  EXPECT_FALSE(NormaliseMobileCn("1380013800").ok());
  EXPECT_EQ(*NormaliseIdCardCn("11010519491231002x"), "11010519491231002X");
  EXPECT_FALSE(NormaliseIdCardCn("110105194912310021").ok());
  EXPECT_FALSE(NormaliseIdCardCn("11010519491331002X").ok());
  EXPECT_EQ(*NormaliseBankCard("4111 1111 1111 1111"), "4111111111111111");
  EXPECT_FALSE(NormaliseBankCard("4111111111111112").ok());
  EXPECT_EQ(*NormaliseUscc("91350100M000100Y43"), "91350100M000100Y43");
  EXPECT_FALSE(NormaliseUscc("91350100M000100Y44").ok());
  EXPECT_FALSE(NormaliseUscc("91350100I000100Y43").ok());
}

TEST(Identifier, ErrorsNeverRepeatTheValue) {
  for (const auto& status :
       {NormaliseMobileCn("12345678901").status(), NormaliseIdCardCn("110105194912310021").status(),
        NormaliseBankCard("4111111111111112").status(),
        NormaliseUscc("91350100M000100Y44").status()}) {
    EXPECT_EQ(status.message().find("1111"), std::string::npos);
    EXPECT_EQ(status.message().find("12345"), std::string::npos);
    EXPECT_EQ(status.message().find("0010"), std::string::npos);
  }
}

}  // namespace
}  // namespace credence::record
