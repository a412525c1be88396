#include "src/http/target.h"

#include <gtest/gtest.h>

namespace credence::http {
namespace {

TEST(TargetTest, PathAndQueryAreDecoded) {
  Target target;
  ASSERT_TRUE(
      ParseTarget("/v1/entities/buyer/a%2Fb%20%E7%BE%8A?limit=10&q=a+b%2Bc&x", &target).ok());
  EXPECT_EQ(target.segments, (std::vector<std::string>{"v1", "entities", "buyer", "a/b 羊"}));
  EXPECT_EQ(target.Parameter("limit"), "10");
  EXPECT_EQ(target.Parameter("q"), "a b+c");
  EXPECT_EQ(target.Parameter("x"), "");
  EXPECT_EQ(target.Parameter("y"), std::nullopt);
}

TEST(TargetTest, RootAndAbsoluteFormAreTaken) {
  Target target;
  EXPECT_TRUE(ParseTarget("/", &target).ok());
  EXPECT_TRUE(target.segments.empty());
  EXPECT_TRUE(ParseTarget("http://any.example:80/v1/events", &target).ok());
  EXPECT_EQ(target.segments, (std::vector<std::string>{"v1", "events"}));
  EXPECT_TRUE(ParseTarget("HTTP://any.example", &target).ok());
}

TEST(TargetTest, WhatTwoReadersCouldReadDifferentlyIsRefused) {
  Target target;
  for (const std::string_view bad : {"",
                                     "v1",
                                     "*",
                                     "//v1",
                                     "/v1//events",
                                     "/v1/",
                                     "/v1/../keys",
                                     "/v1/%2e%2E/keys",
                                     "/./v1",
                                     "/v1#x",
                                     "/v1/%",
                                     "/v1/%4",
                                     "/v1/%zz",
                                     "/v1/%00",
                                     "/v1/%0a",
                                     "/v1/%7F",
                                     "/v1/%ff",
                                     "/v1/%c0%ae",
                                     "/v1/%ed%a0%80",
                                     "/v1/\xE7\xBE\x8A",
                                     "/v1/a b",
                                     "/v1/a\\b",
                                     "/v1/\"",
                                     "/a?x=%00",
                                     "/a?x=1&x=2",
                                     "/a?x=<",
                                     "http:///v1",
                                     "https://a/v1",
                                     "/1/2/3/4/5/6/7/8/9/a/b/c/d/e/f/g/h"}) {
    EXPECT_FALSE(ParseTarget(bad, &target).ok()) << bad;
  }
}

TEST(TargetTest, BearerTokensAreTakenWholeOrNotAtAll) {
  EXPECT_EQ(ParseBearer("Bearer abc.DEF-1_2~3+4/5=="), "abc.DEF-1_2~3+4/5==");
  EXPECT_EQ(ParseBearer("bearer   x "), "x");
  for (const std::string_view bad :
       {"", "Bearer", "Bearer ", "Bearer  ", "Basic abc", "Bearerabc", "Bearer a b", "Bearer a,b",
        "Bearer ==", "Bearer a=b", "Bearer \xC3\xA9"}) {
    EXPECT_EQ(ParseBearer(bad), std::nullopt) << bad;
  }
}

TEST(TargetTest, MediaTypesLoseParametersAndCase) {
  EXPECT_EQ(ParseMediaType("Application/JSON"), "application/json");
  EXPECT_EQ(ParseMediaType("application/json; charset=UTF-8"), "application/json");
  EXPECT_EQ(ParseMediaType("application/json;charset=\"utf-8\"; x=y"), "application/json");
  for (const std::string_view bad :
       {"", "json", "/json", "application/", "a/b/c", "application/json;",
        "application/json; charset=gbk", "application/json; =x", "application/json, text/plain"}) {
    EXPECT_EQ(ParseMediaType(bad), std::nullopt) << bad;
  }
}

TEST(TargetTest, Utf8IsThatOfRfc3629) {
  EXPECT_TRUE(
      IsUtf8("a\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"));
  for (const std::string_view bad :
       {"\x80", "\xC1\xBF", "\xC2", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xE7\xBE", "\xC2\x41"}) {
    EXPECT_FALSE(IsUtf8(bad));
  }
}

}  // namespace
}  // namespace credence::http
