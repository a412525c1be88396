#include "src/projection/id_list.h"

#include <gtest/gtest.h>

namespace credence::projection {
namespace {

TEST(IdList, ReadsBackWhatItWrote) {
  const std::vector<int64_t> ids = {3, 0, INT64_MAX, 1};
  EXPECT_EQ(IdList(ids), "[3,0,9223372036854775807,1]");
  EXPECT_EQ(ReadIdList(IdList(ids)), ids);
  EXPECT_EQ(IdList({}), "[]");
  EXPECT_TRUE(ReadIdList("[]").empty());
  EXPECT_TRUE(ReadIdList("").empty());
}

TEST(LinkList, ReadsBackWhatItWrote) {
  const std::vector<Link> links = {{7, 0}, {12, 998}};
  EXPECT_EQ(LinkList(links), "[[7,0],[12,998]]");
  const std::vector<Link> read = ReadLinkList(LinkList(links));
  ASSERT_EQ(read.size(), 2U);
  EXPECT_EQ(read[0].entity, 7);
  EXPECT_EQ(read[0].older, 0U);
  EXPECT_EQ(read[1].entity, 12);
  EXPECT_EQ(read[1].older, 998U);
  EXPECT_TRUE(ReadLinkList("").empty());
}

}  // namespace
}  // namespace credence::projection
