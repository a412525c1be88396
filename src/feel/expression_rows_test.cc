// Runs src/feel/testdata/*.csv: each row is an expression, the context whose entries it may read,
// and the value that is expected, as FEEL text.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "src/feel/expression.h"
#include "src/feel/test_zones.h"

namespace credence::feel {
namespace {

struct Row {
  std::string expression;
  std::string context;
  std::string expected;
  size_t line = 0;
};

// RFC 4180, without line breaks inside of quotes being lost.
std::vector<std::vector<std::string>> ParseCsv(const std::string& text,
                                               std::vector<size_t>* lines) {
  std::vector<std::vector<std::string>> rows(1, std::vector<std::string>(1));
  lines->assign(1, 1);
  bool quoted = false;
  size_t line = 1;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n') ++line;
    if (quoted) {
      if (c == '"' && i + 1 < text.size() && text[i + 1] == '"') {
        rows.back().back() += '"';
        ++i;
      } else if (c == '"') {
        quoted = false;
      } else {
        rows.back().back() += c;
      }
    } else if (c == '"') {
      quoted = true;
    } else if (c == ',') {
      rows.back().emplace_back();
    } else if (c == '\n') {
      rows.emplace_back(1);
      lines->push_back(line);
    } else {
      rows.back().back() += c;
    }
  }
  if (rows.back().size() == 1) rows.pop_back();
  return rows;
}

std::vector<Row> ReadRows(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  std::vector<size_t> lines;
  const auto parsed = ParseCsv(text.str(), &lines);
  std::vector<Row> rows;
  for (size_t i = 1; i < parsed.size(); ++i) {
    if (parsed[i].size() != 4) {
      ADD_FAILURE() << path << ":" << lines[i] << ": a row has four columns";
      continue;
    }
    rows.push_back({parsed[i][0], parsed[i][1], parsed[i][2], lines[i]});
  }
  return rows;
}

std::vector<std::filesystem::path> Files() {
  std::vector<std::filesystem::path> files;
  const std::filesystem::path folder =
      std::filesystem::path(CREDENCE_SOURCE_DIR) / "src/feel/testdata";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".csv") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

class Rows : public ::testing::TestWithParam<std::filesystem::path> {
 protected:
  Value Constant(const std::string& text) {
    CompileOptions options;
    options.zones = &zones_;
    std::vector<Diagnostic> diagnostics;
    const auto expression = Compile(text, Scope(), options, &diagnostics);
    if (!expression) {
      ADD_FAILURE() << "'" << text << "' does not compile: " << ToString(diagnostics[0]);
      return {};
    }
    keep_.push_back(*expression);
    return keep_.back().Evaluate({}, context_);
  }

  // The row's value, with constants folded or not.
  Value Run(const Row& row, bool fold) {
    Scope scope;
    std::vector<Value> slots;
    if (!row.context.empty()) {
      for (const Entry& entry : Constant(row.context).context()) {
        scope.Add(entry.name, TypeOf(entry.value));
        slots.push_back(entry.value);
      }
    }
    CompileOptions options;
    options.zones = &zones_;
    options.fold_constants = fold;
    std::vector<Diagnostic> diagnostics;
    const auto expression = Compile(row.expression, scope, options, &diagnostics);
    if (!expression) {
      ADD_FAILURE() << "does not compile: " << ToString(diagnostics[0]);
      return {};
    }
    keep_.push_back(*expression);
    return keep_.back().Evaluate(slots, context_);
  }

  TestZones zones_;
  Arena arena_;
  EvaluationContext context_{&arena_, &zones_};
  std::vector<Expression> keep_;
};

TEST_P(Rows, GiveWhatTheyExpect) {
  for (const Row& row : ReadRows(GetParam())) {
    SCOPED_TRACE(GetParam().filename().string() + ":" + std::to_string(row.line) + ": " +
                 row.expression + (row.context.empty() ? "" : "  with " + row.context));
    keep_.clear();
    arena_.Reset();
    const Value expected = Constant(row.expected);
    const Value folded = Run(row, true);
    const Value computed = Run(row, false);
    EXPECT_TRUE(Identical(folded, expected)) << "gives " << ToFeel(folded) << ", not "
                                             << row.expected << " (" << folded.null_text() << ")";
    EXPECT_TRUE(Identical(computed, expected))
        << "without folding gives " << ToFeel(computed) << ", not " << row.expected;
    if (folded.IsNull()) {
      EXPECT_FALSE(folded.null_text().empty()) << "the null has no reason";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Files, Rows, ::testing::ValuesIn(Files()),
                         [](const auto& test) { return test.param.stem().string(); });

TEST(RowFiles, HoldFifteenHundredRowsOrMore) {
  size_t rows = 0;
  for (const auto& file : Files()) rows += ReadRows(file).size();
  EXPECT_GE(rows, 1500U);
}

}  // namespace
}  // namespace credence::feel
