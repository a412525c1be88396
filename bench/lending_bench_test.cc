// A benchmark is code that can break: the smallest run of it, and what it computes.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <string>

namespace {

TEST(LendingBench, TheSmallestRunComputesWhatItAlwaysDid) {
  const std::string command =
      std::string(CREDENCE_LENDING_BENCH) + " --benchmark_min_time=0.001 2>/dev/null";
  FILE* pipe = popen(command.c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string output;
  std::array<char, 4096> buffer;
  while (std::fgets(buffer.data(), buffer.size(), pipe) != nullptr) output += buffer.data();
  EXPECT_EQ(pclose(pipe), 0);
  EXPECT_NE(output.find("hash 8d644ede60eb0089"), std::string::npos) << output;
  EXPECT_NE(output.find("LiveLoans/12"), std::string::npos) << output;
}

}  // namespace
