#include "src/base/chunked.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "src/base/random.h"

namespace credence {
namespace {

TEST(Chunked, IsTheListThatAVectorIs) {
  Random random(1);
  Chunked<std::string, 4> chunked;
  std::vector<std::string> vector;
  for (int i = 0; i < 20'000; ++i) {
    // It wanders between empty and some chunks.
    if (!vector.empty() && random.Below(100) < (i / 500 % 2 == 0 ? 45U : 55U)) {
      chunked.pop_back();
      vector.pop_back();
    } else {
      vector.push_back(std::to_string(i));
      chunked.push_back(std::to_string(i));
    }
    ASSERT_EQ(chunked.size(), vector.size());
    ASSERT_EQ(chunked.empty(), vector.empty());
    if (!vector.empty()) {
      ASSERT_EQ(chunked[vector.size() - 1], vector.back());
    }
  }
  std::vector<std::string> walked;
  for (const std::string& thing : chunked) walked.push_back(thing);
  EXPECT_EQ(walked, vector);
}

TEST(Chunked, NeverMovesWhatItHolds) {
  Chunked<int, 4> list;
  list.push_back(7);
  const int* first = &list[0];
  for (int i = 0; i < 1'000; ++i) list.push_back(i);
  EXPECT_EQ(&list[0], first);
  EXPECT_EQ(*first, 7);
}

}  // namespace
}  // namespace credence
