#include "src/api/gate.h"

#include <gtest/gtest.h>
#include <rapidjson/document.h>
#include <rapidjson/error/en.h>

#include <cstdlib>
#include <new>
#include <set>

#include "src/api/gate_testing.h"
#include "src/base/memory_file.h"
#include "src/base/random.h"

namespace {
thread_local uint64_t allocations = 0;
}  // namespace

// Counted, so that a test can say that a warm gate makes none. Not inlined: g++ would take malloc
// and operator delete for a pair that does not match.
[[gnu::noinline]] void* operator new(size_t size) {
  ++allocations;
  if (void* at = std::malloc(size == 0 ? 1 : size)) return at;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* at) noexcept { std::free(at); }
[[gnu::noinline]] void operator delete(void* at, size_t) noexcept { std::free(at); }

namespace credence::api {
namespace {

using record::Event;
using record::Value;

class GateTest : public testing::Test {
 protected:
  GateTest() : schema_(TestingSchema()) {
    auto opened = Protection::Open(files_, "keys");
    EXPECT_TRUE(opened.ok()) << opened.status().ToString();
    protection_ = std::move(opened).value();
    gate_ = std::make_unique<Gate>(schema_, protection_.get());
  }

  bool Parse(std::string_view json) { return gate_->Parse(json, &arena_, &event_, &problem_); }
  // The problem of an event, as "code field".
  std::string Refusal(std::string_view json) {
    if (Parse(json)) return "accepted";
    return problem_.code + " " + problem_.field;
  }
  std::string RefusalOfData(std::string_view members) { return Refusal(TestingEvent(members)); }
  [[nodiscard]] const Value& Field(std::string_view name) const {
    return event_.fields[*schema_.event_types[event_.type].FieldIndex(name)];
  }

  MemoryFileSystem files_;
  record::Schema schema_;
  std::unique_ptr<Protection> protection_;
  std::unique_ptr<Gate> gate_;
  Arena arena_;
  Event event_;
  Problem problem_;
};

TEST_F(GateTest, ReadsEveryFieldType) {
  ASSERT_TRUE(Parse(TestingEvent(
      R"("note":"line\n中文 \ud83d\ude00","channel":"web","vip":true,"items":1e2,"delta":-7,)"
      R"("share":0.1250,"amount":"12.5","balance":{"currency":"USD","amount":"-3.10"},)"
      R"("watch":"1m30s","drift":"-5s","birthday":"2024-02-29","seen_at":"2024-05-01T16:00:00+08:00")")))
      << ToJson(problem_);
  EXPECT_EQ(Field("buyer_id"), Value::String("b-1"));
  EXPECT_EQ(Field("note"), Value::String("line\n中文 😀"));
  EXPECT_EQ(Field("channel"), Value::String("web"));
  EXPECT_EQ(Field("vip"), Value::Boolean(true));
  EXPECT_EQ(Field("items"), Value::Integer(100));
  EXPECT_EQ(Field("delta"), Value::Integer(-7));
  EXPECT_EQ(Field("share"), Value::OfDecimal(*Decimal::Parse("0.125")));
  EXPECT_EQ(Field("amount"), Value::OfMoney(Money{1250, schema_.base_currency}, 1250));
  EXPECT_EQ(Field("balance"), Value::OfMoney(Money{-310, *Currency::FromCode("USD")}, 0));
  EXPECT_EQ(Field("watch"), Value::Duration(90 * kNsPerSecond));
  EXPECT_EQ(Field("drift"), Value::Duration(-5 * kNsPerSecond));
  EXPECT_EQ(Field("birthday"), Value::OfDate(*Date::FromCivil(2024, 2, 29)));
  EXPECT_EQ(Field("seen_at"), Value::OfTimestamp(event_.time));
  EXPECT_TRUE(Field("mobile").absent());
  EXPECT_EQ(event_.id, "e-1");
  EXPECT_EQ(event_.source, "shop");
  EXPECT_EQ(event_.cipher, record::CipherId::kNone);
}

TEST_F(GateTest, PersonalValuesAreNormalisedBeforeTheyBecomeTokens) {
  ASSERT_TRUE(Parse(TestingEvent(R"("mobile":"+86 138-0013-8000")"))) << ToJson(problem_);
  const std::string token(Field("mobile").text());
  EXPECT_EQ(token, protection_->Token("mobile", "13800138000"));
  ASSERT_TRUE(Parse(TestingEvent(R"("mobile":"13800138000")")));
  EXPECT_EQ(Field("mobile").text(), token);
}

TEST_F(GateTest, SealedValuesOpenUnderTheSubjectAndTheirFieldOnly) {
  ASSERT_TRUE(Parse(TestingEvent(R"("mobile":"13800138000","address":"Beijing")")))
      << ToJson(problem_);
  const auto& type = schema_.event_types[event_.type];
  const std::string sealed(event_.sealed[*type.FieldIndex("mobile")]);
  EXPECT_EQ(event_.cipher, record::CipherId::kXChaCha20Poly1305);
  EXPECT_EQ(*protection_->Open("b-1", "mobile", sealed), "13800138000");
  EXPECT_EQ(protection_->Open("b-1", "address", sealed).status().code(), StatusCode::kDataLoss);
  EXPECT_TRUE(Field("address").absent()) << "a field that is only sealed has no token";
  EXPECT_EQ(*protection_->Open("b-1", "address", event_.sealed[*type.FieldIndex("address")]),
            "Beijing");
}

TEST_F(GateTest, SealingNeedsThePerson) {
  schema_.event_types[0].fields[0].optional = true;
  EXPECT_EQ(Refusal(R"({"specversion":"1.0","id":"e","source":"s","type":"all.fields",)"
                    R"("time":"2024-05-01T08:00:00Z","data":{"address":"Beijing"}})"),
            "missing-field data.buyer_id");
  EXPECT_EQ(protection_->subject_count(), 0U);
}

TEST_F(GateTest, PersonalFieldsAreRefusedWithoutKeys) {
  Gate bare(schema_, nullptr);
  EXPECT_TRUE(bare.Parse(TestingEvent(R"("vip":true)"), &arena_, &event_, &problem_));
  EXPECT_FALSE(
      bare.Parse(TestingEvent(R"("card":"4111111111111111")"), &arena_, &event_, &problem_));
  EXPECT_EQ(problem_.code, "no-keys");
}

TEST_F(GateTest, EqualContentHasEqualDigestsWhateverItsForm) {
  ASSERT_TRUE(Parse(TestingEvent(R"("items":100,"amount":"12.50","address":"x")")));
  const Digest digest = event_.digest;
  ASSERT_TRUE(Parse(
      "\n{ \"data\" : { \"amount\" : \"12.5\", \"note\" : null, \"items\" : 1E2 , "
      "\"addr\\u0065ss\":"
      "\"\\u0078\", \"buyer_id\" : \"\\u0062-1\" } ,\t\"time\":\"2024-05-01T09:00:00+01:00\","
      "\"type\":\"all.fields\",\"source\":\"shop\",\"id\":\"e-1\",\"specversion\":\"1.0\"}\r\n"))
      << ToJson(problem_);
  EXPECT_EQ(event_.digest, digest);
  ASSERT_TRUE(Parse(TestingEvent(R"("items":100,"amount":"12.50","address":"y")")));
  EXPECT_NE(event_.digest, digest) << "what is only sealed is content too";
}

TEST_F(GateTest, MalformedJsonIsFoundWhereverItStands) {
  const std::string good =
      TestingEvent(R"("vip":true,"items":77,"amount":{"amount":"1","currency":"CNY"})");
  ASSERT_TRUE(Parse(good)) << ToJson(problem_);
  const auto with = [&](std::string_view from, std::string_view to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    return Refusal(text);
  };
  EXPECT_EQ(with("true", "truth"), "malformed-json data.vip");
  EXPECT_EQ(with("true", "tru"), "malformed-json data.vip");
  EXPECT_EQ(with("true", "nul"), "malformed-json data.vip");
  EXPECT_EQ(with("true", "null0"), "malformed-json data.vip");
  EXPECT_EQ(with("true", "true false"), "malformed-json data");
  EXPECT_EQ(with("77", "077"), "malformed-json data.items");
  EXPECT_EQ(with("77", "7."), "malformed-json data.items");
  EXPECT_EQ(with("77", "5e"), "malformed-json data.items");
  EXPECT_EQ(with("77", "+5"), "malformed-json data.items");
  EXPECT_EQ(with("77", "0x5"), "malformed-json data.items");
  EXPECT_EQ(with("77", "5 5"), "malformed-json data");
  EXPECT_EQ(with("77", "NaN"), "malformed-json data.items");
  EXPECT_EQ(with("77", "-Infinity"), "malformed-json data.items");
  EXPECT_EQ(with("77,", "5 "), "malformed-json data");
  EXPECT_EQ(with("77,", "5,,"), "malformed-json data");
  EXPECT_EQ(with("77,", "5:"), "malformed-json data");
  EXPECT_EQ(with("\"items\":", "\"items\""), "malformed-json data");
  EXPECT_EQ(with("\"items\":", "items:"), "malformed-json data");
  EXPECT_EQ(with("\"CNY\"}", "\"CNY\"]"), "malformed-json data.amount");
  EXPECT_EQ(with("\"CNY\"}}", "\"CNY\"}]"), "malformed-json data");
  EXPECT_EQ(with("\"CNY\"}", "\"CNY\",}"), "malformed-json data.amount");
  EXPECT_EQ(with("{\"spec", "{,\"spec"), "malformed-json ");
  EXPECT_EQ(Refusal(good + "{}"), "malformed-json ");
  EXPECT_EQ(Refusal(good + "}"), "malformed-json ");
  EXPECT_EQ(Refusal(good + "x"), "malformed-json ");
  EXPECT_EQ(Refusal(good + std::string(1, '\0')), "malformed-json ");
  EXPECT_EQ(Refusal(good.substr(0, good.size() - 1)), "malformed-json ");
}

TEST_F(GateTest, DuplicateNamesAreFoundUnescaped) {
  EXPECT_EQ(RefusalOfData(R"("vip":true,"vip":true)"), "duplicate-key data.vip");
  EXPECT_EQ(RefusalOfData(R"("vip":null,"v\u0069p":true)"), "duplicate-key data.vip");
  EXPECT_EQ(RefusalOfData(R"("amount":{"amount":"","amount":"1","currency":"CNY"})"),
            "duplicate-key data.amount.amount");
  EXPECT_EQ(Refusal(R"({"id":"a","i\u0064":"a"})"), "duplicate-key id");
}

TEST_F(GateTest, NumbersKeepTheirDigits) {
  ASSERT_TRUE(Parse(TestingEvent(R"("items":9007199254740993)")));
  EXPECT_EQ(Field("items"), Value::Integer(9007199254740993));
  ASSERT_TRUE(Parse(TestingEvent(R"("delta":-9223372036854775808)")));
  EXPECT_EQ(Field("delta"), Value::Integer(INT64_MIN));
  EXPECT_EQ(RefusalOfData(R"("items":9223372036854775808)"), "invalid-field data.items");
  EXPECT_EQ(RefusalOfData(R"("items":1e999999999999999999999)"), "invalid-field data.items");
  EXPECT_EQ(RefusalOfData(R"("items":1e-1)"), "invalid-field data.items");
  EXPECT_EQ(RefusalOfData(R"("share":0.99999999999999999999999999999999999)"),
            "invalid-field data.share")
      << "35 digits would be rounded to 1";
  EXPECT_EQ(RefusalOfData(R"("share":0.12345)"), "invalid-field data.share");
  ASSERT_TRUE(Parse(TestingEvent(R"("share":"0.1234")")));
}

TEST_F(GateTest, LoneSurrogatesAreNoText) {
  EXPECT_EQ(RefusalOfData(R"("note":"\ud800")"), "malformed-json data.note");
  EXPECT_EQ(RefusalOfData(R"("note":"\udc00")"), "malformed-json data.note");
  EXPECT_EQ(RefusalOfData(R"("note":"\ud800\u0041")"), "malformed-json data.note");
  EXPECT_EQ(RefusalOfData(R"("note":"\udc00\ud800")"), "malformed-json data.note");
}

TEST_F(GateTest, AWarmGateAllocatesNothing) {
  const std::string json = TestingEvent(
      R"("note":"a note that is longer than a short string","channel":"web","vip":true,"items":12,)"
      R"("share":0.125,"amount":"12.50","balance":{"currency":"USD","amount":"-3.10"},)"
      R"("watch":"1m30s","birthday":"2024-02-29","seen_at":"2024-05-01T16:00:00+08:00")");
  std::string longer = json;
  longer.replace(longer.find("a note that is longer than a short string"), 41, "short");
  for (int i = 0; i < 3; ++i) {
    arena_.Reset();
    ASSERT_TRUE(Parse(longer)) << ToJson(problem_);
  }
  const uint64_t before = allocations;
  arena_.Reset();
  const bool accepted = Parse(longer);
  const uint64_t made = allocations - before;
  EXPECT_TRUE(accepted);
  EXPECT_EQ(made, 0U);
}

TEST_F(GateTest, ARefusedEventLeavesNoFieldsBehind) {
  ASSERT_TRUE(Parse(TestingEvent(R"("vip":true)")));
  EXPECT_FALSE(Parse(TestingEvent(R"("vip":1)")));
  EXPECT_TRUE(event_.fields.empty());
  EXPECT_TRUE(event_.id.empty());
}

// Values that are easy to find again, put where they do not belong.
TEST_F(GateTest, ProblemsNeverRepeatAPersonalValue) {
  const std::vector<std::string> planted = {"13800138001x",      "11010519491231002Y",
                                            "62220212345678901", "ZZPLANTEDZZ",
                                            "98765.4321",        "张三丰"};
  std::vector<std::string> events;
  for (const std::string& value : planted) {
    for (const auto& field : schema_.event_types[0].fields) {
      const std::string name = "\"" + field.name + "\":";
      for (const std::string& form :
           {"\"" + value + "\"", value, "{\"amount\":\"" + value + "\",\"currency\":\"CNY\"}",
            "{\"amount\":\"1\",\"currency\":\"" + value + "\"}", "[\"" + value + "\"]",
            "{\"" + value + "\":\"" + value + "\"}", "\"" + value, "\"" + value + "\\ud800\"",
            "\"" + std::string(5000, 'a') + value + "\""}) {
        std::string members = name;
        members += form;
        if (field.name == "buyer_id") {
          events.push_back(R"({"specversion":"1.0","id":"e","source":"s","type":"all.fields",)"
                           R"("time":"2024-05-01T08:00:00Z","data":{)" +
                           members + "}}");
        } else {
          events.push_back(TestingEvent(members));
        }
      }
    }
    for (const std::string attribute : {"specversion", "id", "source", "type", "time", "data",
                                        "subject", "datacontenttype", "about"}) {
      events.push_back("{\"" + attribute + "\":\"" + value + "\"}");
      std::string event = TestingEvent("");
      event.replace(event.find("\"specversion\""), 0, "\"" + attribute + "\":\"" + value + "\",");
      events.push_back(event);
    }
  }
  size_t refused = 0;
  for (const std::string& json : events) {
    if (Parse(json)) continue;
    ++refused;
    const std::string shown = ToJson(problem_);
    for (const std::string& value : planted) {
      EXPECT_EQ(shown.find(value), std::string::npos) << json << "\n" << shown;
    }
  }
  EXPECT_GT(refused, events.size() / 2);
}

TEST_F(GateTest, UnknownNamesAreShownOnlyIfTheyLookLikeNames) {
  EXPECT_EQ(RefusalOfData(R"("amonut":1)"), "unknown-field data.amonut");
  EXPECT_NE(problem_.expected.find("'amount'"), std::string::npos);
  EXPECT_EQ(RefusalOfData(R"("13800138000":1)"), "unknown-field data");
  EXPECT_EQ(RefusalOfData(R"("张三":1)"), "unknown-field data");
  EXPECT_EQ(RefusalOfData("\"" + std::string(100'000, 'a') + "\":1"), "unknown-field data");
}

// Walks a parsed document: no object may have a name twice.
bool NamesAreDistinct(const rapidjson::Value& value) {
  if (!value.IsObject()) return true;
  std::set<std::string> seen;
  for (const auto& member : value.GetObject()) {
    if (!seen.emplace(member.name.GetString(), member.name.GetStringLength()).second) return false;
    if (!NamesAreDistinct(member.value)) return false;
  }
  return true;
}

// Whatever bytes are changed: what the gate takes, another strict parser takes too.
TEST_F(GateTest, NothingIsAcceptedThatIsNotJson) {
  constexpr uint64_t kSeed = 20240501;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  Random random(kSeed);
  const std::vector<std::string> seeds = {
      TestingEvent(R"("vip":true,"items":12,"delta":-5,"share":0.125,"note":"a\u00e9\n")"),
      TestingEvent(R"("amount":"12.50","balance":{"currency":"USD","amount":"-3.10"},"vip":null)"),
      TestingEvent(R"("watch":"1m","birthday":"2024-02-29","card":"4111111111111111")"),
      TestingEvent(R"("channel":"app","seen_at":"2024-05-01T16:00:00Z","mobile":"13800138000")")};
  static constexpr std::string_view kPieces[] = {"{",
                                                 "}",
                                                 "[",
                                                 "]",
                                                 ",",
                                                 ":",
                                                 "\"",
                                                 "\\",
                                                 "null",
                                                 "true",
                                                 "1",
                                                 "0",
                                                 "e",
                                                 ".",
                                                 "-",
                                                 " ",
                                                 "\n",
                                                 "\xC3",
                                                 "\\ud800",
                                                 "\\u0000",
                                                 "NaN",
                                                 "\"vip\":true,",
                                                 std::string_view("\0", 1),
                                                 "\xEF\xBB\xBF"};
  size_t accepted = 0;
  for (int round = 0; round < 60'000; ++round) {
    std::string text = seeds[random.Below(seeds.size())];
    for (uint64_t change = 1 + random.Below(3); change > 0; --change) {
      const size_t at = random.Below(text.size() + 1);
      const std::string_view piece = kPieces[random.Below(std::size(kPieces))];
      switch (random.Below(4)) {
        case 0:
          text.insert(at, piece);
          break;
        case 1:
          text.erase(at, 1 + random.Below(4));
          break;
        case 2:
          if (at < text.size()) text.replace(at, 1, piece);
          break;
        default:
          if (at < text.size()) text[at] = static_cast<char>(random.Below(256));
          break;
      }
    }
    arena_.Reset();
    if (!Parse(text)) continue;
    ++accepted;
    rapidjson::Document document;
    document.Parse<rapidjson::kParseValidateEncodingFlag>(text.data(), text.size());
    ASSERT_FALSE(document.HasParseError()) << text << "\n"
                                           << rapidjson::GetParseError_En(document.GetParseError());
    ASSERT_TRUE(NamesAreDistinct(document)) << text;
  }
  EXPECT_GT(accepted, 500U);
}

}  // namespace
}  // namespace credence::api
