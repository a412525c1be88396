#include "src/base/json_number.h"

#include <gtest/gtest.h>

namespace credence {
namespace {

TEST(JsonNumber, IsWhatTheGrammarSays) {
  for (const char* text : {"0", "-0", "7", "10", "-12", "0.5", "-0.50", "12.034", "1e5", "1E5",
                           "1e+05", "0e-0", "-1.5E-300", "123456789012345678901234567890"}) {
    EXPECT_TRUE(IsJsonNumber(text)) << text;
  }
  for (const char* text : {"",     "-",    "+1",    "007", "-01",      "00",    ".5",    "1.",
                           "1.e5", "-.5",  "1e",    "1e+", "e5",       "1.5.2", "1e5e5", " 1",
                           "1 ",   "0x10", "1_000", "NaN", "Infinity", "true",  "1,5",   "١"}) {
    EXPECT_FALSE(IsJsonNumber(text)) << text;
  }
}

}  // namespace
}  // namespace credence
