#include "src/base/diagnostic.h"

#include <gtest/gtest.h>

namespace credence {
namespace {

TEST(Diagnostic, TextNamesThePlaceTheReasonAndTheHint) {
  Diagnostic diagnostic{Severity::kError,         "features.yaml",         12, 7, "unknown-name",
                        "unknown field 'amonut'", "did you mean 'amount'?"};
  EXPECT_EQ(
      ToString(diagnostic),
      "features.yaml:12:7: error: unknown field 'amonut' (did you mean 'amount'?) [unknown-name]");
  diagnostic.column = 0;
  diagnostic.hint.clear();
  diagnostic.severity = Severity::kWarning;
  EXPECT_EQ(ToString(diagnostic),
            "features.yaml:12: warning: unknown field 'amonut' [unknown-name]");
  EXPECT_EQ(ToString(Diagnostic{Severity::kNote, "", 0, 0, "", "all is well", ""}),
            "note: all is well");
}

TEST(Diagnostic, OrderIsFileLineColumnCode) {
  const auto at = [](const char* file, uint32_t line, uint32_t column, const char* code) {
    return Diagnostic{Severity::kError, file, line, column, code, "", ""};
  };
  const std::vector<Diagnostic> wanted = {at("a", 1, 2, "x"), at("a", 2, 1, "x"),
                                          at("a", 2, 1, "y"), at("b", 0, 0, "a")};
  std::vector<Diagnostic> mixed = {wanted[3], wanted[2], wanted[0], wanted[1]};
  SortDiagnostics(&mixed);
  EXPECT_EQ(mixed, wanted);
}

TEST(Diagnostic, OnlyErrorsAreErrors) {
  std::vector<Diagnostic> all = {{Severity::kWarning, "", 0, 0, "", "", ""},
                                 {Severity::kNote, "", 0, 0, "", "", ""}};
  EXPECT_FALSE(HasErrors(all));
  all.push_back({Severity::kError, "", 0, 0, "", "", ""});
  EXPECT_TRUE(HasErrors(all));
}

TEST(NearestName, FindsTypingMistakes) {
  const std::vector<std::string> names = {"amount", "account", "buyer_id", "device_id", "at"};
  EXPECT_EQ(NearestName("amonut", names), "amount");     // swapped
  EXPECT_EQ(NearestName("amont", names), "amount");      // left out
  EXPECT_EQ(NearestName("amounts", names), "amount");    // one more
  EXPECT_EQ(NearestName("accont", names), "account");    // nearer than amount
  EXPECT_EQ(NearestName("byer-id", names), "buyer_id");  // two mistakes in seven letters
  EXPECT_EQ(NearestName("ta", names), "at");
  EXPECT_EQ(NearestName("amount", names), "amount");
  EXPECT_EQ(NearestName("device", names), "");  // 3 is more than a third of 6 letters
}

TEST(NearestName, FarNamesGiveNoSuggestion) {
  const std::vector<std::string> names = {"amount", "b"};
  EXPECT_EQ(NearestName("xyz", names), "");
  EXPECT_EQ(NearestName("", names), "");
  EXPECT_EQ(NearestName("x", {}), "");
  EXPECT_EQ(NearestName(std::string(10'000, 'a'), names), "");
}

TEST(NearestName, TiesGoToTheFirstCandidate) {
  EXPECT_EQ(NearestName("rate", std::vector<std::string>{"late", "date"}), "late");
  EXPECT_EQ(NearestName("rate", std::vector<std::string>{"date", "late"}), "date");
}

}  // namespace
}  // namespace credence
