#include "src/base/status.h"

#include <gtest/gtest.h>

#include <memory>

namespace credence {
namespace {

TEST(Status, OkHasNoMessage) {
  const Status ok;
  EXPECT_TRUE(ok.ok());
  EXPECT_EQ(ok.code(), StatusCode::kOk);
  EXPECT_EQ(ok.message(), "");
  EXPECT_EQ(ok.ToString(), "ok");
  EXPECT_TRUE(ok.WithContext("here").ok());
  EXPECT_TRUE(Status(StatusCode::kOk, "ignored").ok());
}

TEST(Status, AFailureSaysItsKindAndItsReason) {
  const Status failure = DataLoss("offset 4096");
  EXPECT_FALSE(failure.ok());
  EXPECT_EQ(failure.ToString(), "data loss: offset 4096");
  const Status wider = failure.WithContext("segment 3");
  EXPECT_EQ(wider.code(), StatusCode::kDataLoss);
  EXPECT_EQ(wider.message(), "segment 3: offset 4096");
  EXPECT_EQ(failure.message(), "offset 4096");
}

TEST(Status, EveryCodeHasItsOwnName) {
  std::vector<std::string_view> names;
  for (int code = 0; code <= 10; ++code) {
    names.push_back(StatusCodeName(static_cast<StatusCode>(code)));
  }
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
}

Result<int> Half(int value) {
  if (value % 2 != 0) return InvalidArgument(std::to_string(value) + " is odd");
  return value / 2;
}

Result<int> Quarter(int value) {
  CREDENCE_ASSIGN(const int half, Half(value));
  CREDENCE_ASSIGN(const int quarter, Half(half));
  return quarter;
}

Status CheckQuarter(int value) {
  CREDENCE_TRY(Quarter(value).status());
  return {};
}

TEST(Result, FailuresTravelThroughTheMacros) {
  EXPECT_EQ(Quarter(12).value(), 3);
  EXPECT_EQ(Quarter(6).status().ToString(), "invalid argument: 3 is odd");
  EXPECT_TRUE(CheckQuarter(4).ok());
  EXPECT_EQ(CheckQuarter(5).message(), "5 is odd");
}

TEST(Result, HoldsTypesThatOnlyMove) {
  Result<std::unique_ptr<int>> result(std::make_unique<int>(7));
  const std::unique_ptr<int> taken = std::move(result).value();
  EXPECT_EQ(*taken, 7);
  Result<std::string> text(std::string("abc"));
  EXPECT_EQ(text->size(), 3U);
  text.value() += "d";
  EXPECT_EQ(*text, "abcd");
}

TEST(ResultDeathTest, ReadingTheWrongSideIsABug) {
  const Result<int> failure = Half(1);
  EXPECT_DEATH((void)failure.value(), "assertion failed");
  EXPECT_DEATH((void)Result<int>(Status()), "assertion failed");
}

}  // namespace
}  // namespace credence
