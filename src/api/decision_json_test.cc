// What the JSON of an outcome says of money, with the pack of examples/packs/credit-line.

#include "src/api/decision_json.h"

#include <gtest/gtest.h>

#include "src/api/pack_cases.h"
#include "src/engine/money_testing.h"

namespace credence::api {
namespace {

using engine::EventText;
using engine::kStart;

class MoneyJson : public engine::MoneyTest {
 protected:
  // The JSON from "money" on, or from the problem where there is none; without the decision.
  std::string Json(const EventText& text) {
    const std::string json =
        ToJson(Send(text), engine_->pack(), "shop", text.id, SlotsShown::kNone);
    const size_t money = std::min(json.find(R"("money)"), json.find(R"("problem")"));
    EXPECT_NE(money, std::string::npos) << json;
    EXPECT_TRUE(json.starts_with(R"({"result":)")) << json;
    return json.substr(money);
  }
  static Timestamp After(int64_t seconds) { return Timestamp{kStart.ns + seconds * kNsPerSecond}; }
};

TEST_F(MoneyJson, SaysWhatBecameOfTheCommandsOfTheEventAndOfItsDecision) {
  EXPECT_EQ(Json(engine::Asked("a1", After(1), "b1", 200'000)),
            R"("money_of_decision":{"applied":1,"reversed":0,"transfers":0,"refused":null,)"
            R"("status":null},"problem":null})");
  EXPECT_EQ(Json(engine::Lent("l1", After(2), "b1", "L1", 300'000)),
            R"("money":{"applied":1,"reversed":0,"transfers":1,"refused":null,"status":null},)"
            R"("problem":null})");
  EXPECT_EQ(Json(engine::Lent("l2", After(3), "b1", "L2", 300'001)),
            R"("money":{"applied":0,"reversed":0,"transfers":0,"refused":"lend instalments",)"
            R"("status":"exceeds_headroom"},"problem":null})");
  EXPECT_EQ(Json(engine::Reversed("x1", After(4), "l1")),
            R"("money":{"applied":0,"reversed":1,"transfers":1,"refused":null,"status":null},)"
            R"("problem":null})");
}

TEST_F(MoneyJson, IsSilentWhereNothingCommandedMoney) {
  EXPECT_EQ(Json(engine::Ordered("o1", After(1), "b1", "O1", 100)), R"("problem":null})");
  const EventText unknown = engine::Reversed("x1", After(2), "never");
  const std::string json = ToJson(Send(unknown), engine_->pack(), "shop", unknown.id);
  EXPECT_TRUE(json.starts_with(R"({"result":"refused")")) << json;
  EXPECT_EQ(json.find("money"), std::string::npos) << json;
}

TEST(CreditLine, ItsWorkedCasesCome) {
  const auto pack = engine::CreditLinePack();
  ASSERT_NE(pack, nullptr);
  EXPECT_EQ(pack->cases.size(), 4U);
  for (const pack::Case& example : pack->cases) {
    for (const std::string& failure : RunPackCase(example, pack)) ADD_FAILURE() << failure;
  }
}

}  // namespace
}  // namespace credence::api
