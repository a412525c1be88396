#include "src/money/decimal.h"

#include <gtest/gtest.h>
namespace credence {
namespace {
TEST(Decimal, SumsAreExactInDecimal) {
  EXPECT_EQ((*Decimal::Parse("0.1") + *Decimal::Parse("0.2")).ToString(), "0.3");
}
}  // namespace
}  // namespace credence
