#pragma once
// What the tests of this folder share: where the vectors are, dates as people write them, amounts
// as text.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "src/calendar/date.h"
#include "src/money/decimal.h"
#include "src/money/rounding.h"

namespace credence::lending {

// A folder with the layout of shared/data/vectors; CREDENCE_LENDING_VECTORS names another one.
inline std::string VectorFolder() {
  if (const char* folder = std::getenv("CREDENCE_LENDING_VECTORS")) return folder;
  if (const char* shared = std::getenv("CREDENCE_SHARED")) {
    return std::string(shared) + "/data/vectors";
  }
  return std::string(CREDENCE_SOURCE_DIR) + "/../shared/data/vectors";
}

// A folder of the caller's own (./dev conform lending DIR): differences are counted, not failures.
inline bool IsOwnVectorFolder() { return std::getenv("CREDENCE_LENDING_VECTORS") == nullptr; }

// A file of the set, in the set's own folder or right in the folder of vectors.
inline std::string VectorFile(const std::string& set, const std::string& name) {
  const std::string nested = VectorFolder() + "/" + set + "/" + name;
  if (std::filesystem::exists(nested)) return nested;
  return VectorFolder() + "/" + name;
}

// What a conformance run prints of a file; tools/dev/conform.sh adds the lines up.
inline void PrintTally(const std::string& file, int passed, int failed, int unsupported) {
  std::printf("%s: %d passed, %d failed, %d unsupported\n", file.c_str(), passed, failed,
              unsupported);
}

#define SKIP_WITHOUT_VECTORS(path)                                        \
  if (!std::filesystem::exists(path)) {                                   \
    GTEST_SKIP() << "test vectors are not here: " << (path)               \
                 << " (set CREDENCE_LENDING_VECTORS or CREDENCE_SHARED)"; \
  }

inline std::string ReadText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// "01 February 2024".
inline Date LongDate(const std::string& text) {
  static const std::array<std::string, 12> kMonths{"January",   "February", "March",    "April",
                                                   "May",       "June",     "July",     "August",
                                                   "September", "October",  "November", "December"};
  std::istringstream in(text);
  int day = 0;
  std::string month;
  int year = 0;
  in >> day >> month >> year;
  for (size_t i = 0; i < kMonths.size(); ++i) {
    if (kMonths[i] == month) return Date::FromCivil(year, static_cast<int>(i) + 1, day).value();
  }
  ADD_FAILURE() << "not a date: " << text;
  return Date{};
}

inline Date D(const char* text) { return Date::Parse(text).value(); }

// "1,725.56" in minor units of two digits.
inline int64_t Cents(std::string text) {
  std::erase(text, ',');
  const auto amount = Decimal::Parse(text);
  EXPECT_TRUE(amount.has_value()) << text;
  const Decimal minor = amount.value_or(Decimal()) * Decimal::FromInt64(100);
  return minor.Rounded(0, Rounding::kHalfEven).ToInt64().value_or(INT64_MIN);
}

inline Decimal Percent(const std::string& text) {
  return Decimal::Parse(text).value() / Decimal::FromInt64(100);
}

// One line of a CSV file; quotes hold commas.
inline std::vector<std::string> CsvFields(const std::string& line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (const char c : line) {
    if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else if (c != '\r') {
      fields.back().push_back(c);
    }
  }
  return fields;
}

}  // namespace credence::lending
