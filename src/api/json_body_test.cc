#include "src/api/json_body.h"

#include <gtest/gtest.h>

namespace credence::api {
namespace {

std::string CodeOf(std::string_view text) {
  JsonBody body;
  Problem problem;
  return body.Parse(text, {"on", "reason"}, &problem) ? "" : problem.code;
}

TEST(JsonBodyTest, KnownMembersOfAnObjectAreTaken) {
  JsonBody body;
  Problem problem;
  ASSERT_TRUE(body.Parse(R"( {"on": true, "reason": "演练"} )", {"on", "reason"}, &problem));
  bool on = false;
  std::string reason;
  EXPECT_TRUE(body.Boolean("on", &on, &problem));
  EXPECT_TRUE(body.Text("reason", 10, &reason, &problem));
  EXPECT_TRUE(on);
  EXPECT_EQ(reason, "演练");
  EXPECT_FALSE(body.Text("reason", 3, &reason, &problem));
  EXPECT_EQ(problem.code, "invalid-member");
  EXPECT_FALSE(body.Text("missing", 3, &reason, &problem));
  EXPECT_EQ(problem.code, "missing-member");
}

TEST(JsonBodyTest, EverythingElseIsOneProblem) {
  EXPECT_EQ(CodeOf("{}"), "");
  EXPECT_EQ(CodeOf(" "), "");
  EXPECT_EQ(CodeOf("[]"), "malformed-json");
  EXPECT_EQ(CodeOf("{} x"), "malformed-json");
  EXPECT_EQ(CodeOf("{\"on\":\"\xFF\"}"), "malformed-json");
  EXPECT_EQ(CodeOf(R"({"on":1,})"), "malformed-json");
  EXPECT_EQ(CodeOf(R"({"on":1,"on":1})"), "duplicate-key");
  EXPECT_EQ(CodeOf(R"({"on":1,"o\u006e":1})"), "duplicate-key");
  EXPECT_EQ(CodeOf(R"({"off":1})"), "unknown-member");
  EXPECT_EQ(CodeOf(std::string(1'000'000, '[')), "malformed-json");
}

TEST(JsonBodyTest, ControlCharactersAreNoText) {
  JsonBody body;
  Problem problem;
  std::string text;
  ASSERT_TRUE(body.Parse(R"({"reason":"a\u0000b"})", {"reason"}, &problem));
  EXPECT_FALSE(body.Text("reason", 10, &text, &problem));
}

TEST(JsonBodyTest, NumbersOfEveryFormAreJson) {
  for (const std::string number :
       {"0e96", "-0E-300", "1.7976931348623157e308", "12345678901234567890123"}) {
    EXPECT_EQ(CodeOf(R"({"a": )" + number + "}"), "unknown-member") << number;
  }
}

TEST(SplitArrayTest, ElementsStandAsTheyWereWritten) {
  std::vector<std::string_view> elements;
  Problem problem;
  ASSERT_TRUE(SplitArray(R"( [ {"a":"]}\"\\"}, [1,[2]] ,"x,y",3 ] )", 8, &elements, &problem));
  EXPECT_EQ(elements,
            (std::vector<std::string_view>{R"({"a":"]}\"\\"})", " [1,[2]] ", R"("x,y")", "3 "}));
  elements.clear();
  EXPECT_TRUE(SplitArray("[]", 8, &elements, &problem));
  EXPECT_TRUE(elements.empty());
}

TEST(SplitArrayTest, WhatIsNoArrayIsRefused) {
  for (const std::string_view bad :
       {"", "{}", "[", "[1", "[1,", "[\"]", "[}]", "[1]]", "[1] x", "[{]", "1,2"}) {
    std::vector<std::string_view> elements;
    Problem problem;
    EXPECT_FALSE(SplitArray(bad, 8, &elements, &problem)) << bad;
    EXPECT_EQ(problem.code, "malformed-json");
  }
  std::vector<std::string_view> elements;
  Problem problem;
  EXPECT_FALSE(SplitArray("[1,2,3]", 2, &elements, &problem));
  EXPECT_EQ(problem.code, "too-many-events");
}

}  // namespace
}  // namespace credence::api
