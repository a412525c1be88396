// The benchmark's own program on small inputs: what it answers, not how fast.

#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "bench/dmn/answer.h"
#include "bench/dmn/cases.h"
#include "bench/dmn/runner.h"

namespace credence::bench {
namespace {

class DmnBench : public testing::Test {
 protected:
  void SetUp() override {
    CaseOptions options;
    options.table_inputs = 500;
    options.other_inputs = 200;
    options.table_sizes = {10, 100};
    folder_ = testing::TempDir() + "/dmn_bench_cases";
    const Status status = WriteCases(folder_, options);
    ASSERT_TRUE(status.ok()) << status.message();
    auto cases = ReadCases(folder_);
    ASSERT_TRUE(cases.ok()) << cases.status().message();
    cases_ = std::move(*cases);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string folder_;
  std::vector<Case> cases_;
};

TEST_F(DmnBench, AnswersOfEachCaseAreWhatTheyWere) {
  Checksum all;
  for (const Case& one : cases_) {
    const auto runner = Runner::Load(folder_, one);
    ASSERT_TRUE(runner.ok()) << one.id << ": " << runner.status().message();
    const auto checksum = runner->ChecksumOfAnswers(nullptr);
    ASSERT_TRUE(checksum.ok()) << one.id << ": " << checksum.status().message();
    all.Add(one.id + " " + *checksum);
  }
  EXPECT_EQ(cases_.size(), 27U);
  EXPECT_EQ(all.Hex(), "fd620c9697a31602");
}

TEST_F(DmnBench, ExplainingChangesNoAnswer) {
  dmn::Trace trace;
  dmn::EvaluationLog explained;
  explained.trace = &trace;
  for (const Case& one : cases_) {
    const auto runner = Runner::Load(folder_, one);
    ASSERT_TRUE(runner.ok()) << one.id;
    EXPECT_EQ(*runner->ChecksumOfAnswers(nullptr), *runner->ChecksumOfAnswers(&explained))
        << one.id;
  }
}

TEST(DmnBenchAnswer, NumbersAreRoundedToTenDigits) {
  EXPECT_EQ(RoundDigits("1234.5"), "1234.5");
  EXPECT_EQ(RoundDigits("-0.00012345678905"), "-0.0001234567891");
  EXPECT_EQ(RoundDigits("99999999999"), "100000000000");
  EXPECT_EQ(RoundDigits("0.99999999995"), "1");
  EXPECT_EQ(RoundDigits("12.5000"), "12.5");
  EXPECT_EQ(RoundDigits("0.000"), "0");
  EXPECT_EQ(RoundDigits("12345678901234"), "12345678900000");
}

}  // namespace
}  // namespace credence::bench
