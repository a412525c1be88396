#pragma once
// Runs tests in the format of the DMN Technology Compatibility Kit (testCases.xsd of 2016-07-19):
// the kit's own, and those that users write for their policies. Pure: the caller reads the files of
// a folder.
//
// A result node passes if its value equals the expected one (numbers within 1e-8, lists and
// contexts part by part). Where a null is expected with errorResult="true", a null without a reason
// does not count. A node whose value is a null because an external function (Java, PMML) was called
// is unsupported.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/base/diagnostic.h"
#include "src/dmn/engine.h"

namespace credence::dmn {

struct TestPart;

// A value as a test file writes it.
struct TestValue {
  enum class Kind : uint8_t { kSimple, kList, kContext };
  Kind kind = Kind::kSimple;
  bool nil = true;
  std::string type;  // local name of xsi:type: "decimal", "string", …; empty = string
  std::string text;
  std::vector<TestPart> parts;
};

struct TestPart {
  std::string name;  // empty in a list
  TestValue value;
};

struct TestNode {
  std::string name;
  std::string namespace_uri;
  TestValue value;
  bool is_error = false;  // errorResult
  Position at;
};

struct TestCase {
  enum class Type : uint8_t { kDecision, kKnowledgeModel, kService };
  std::string id;
  std::string description;
  Type type = Type::kDecision;
  std::string invocable;
  std::vector<TestNode> inputs;
  std::vector<TestNode> results;
  Position at;
};

struct TestFile {
  std::string file;
  std::string model_name;  // of the file with the model
  std::vector<TestCase> cases;
};

// Nothing if the text is not XML or not a file of test cases; then there is an error among
// `diagnostics`.
[[nodiscard]] std::optional<TestFile> ReadTestFile(std::string_view text, const std::string& file,
                                                   std::vector<Diagnostic>* diagnostics);
// Test cases as a file that ReadTestFile reads.
[[nodiscard]] std::string WriteTestFile(const TestFile& tests);

enum class TestStatus : uint8_t { kPassed = 1, kFailed = 2, kUnsupported = 3 };

struct NodeOutcome {
  std::string node;
  TestStatus status = TestStatus::kFailed;
  bool expects_null = false;
  std::string message;  // what was expected and what came, unless passed
};

struct CaseOutcome {
  std::string file;  // of the tests, without folder
  std::string id;
  TestStatus status = TestStatus::kFailed;  // failed if one node failed; else unsupported if one is
  std::vector<NodeOutcome> nodes;
};

struct Counts {
  uint32_t passed = 0;
  uint32_t failed = 0;
  uint32_t unsupported = 0;
  void Add(TestStatus status);
  void Add(const Counts& other);
  [[nodiscard]] uint32_t total() const { return passed + failed + unsupported; }
};

struct FolderOutcome {
  std::string folder;
  std::vector<CaseOutcome> cases;
  Counts case_counts;
  Counts value_nodes;                   // nodes that expect a value
  Counts null_nodes;                    // nodes that expect null
  std::vector<Diagnostic> diagnostics;  // of models and test files
};

// Runs every file of test cases among `files` against the models among them (*.dmn; imports are
// found by namespace). Names of files are without folder.
[[nodiscard]] FolderOutcome RunFolder(const std::string& folder, std::span<const Source> files,
                                      ZoneSource* zones);
// Runs the cases against a model that is loaded.
[[nodiscard]] std::vector<CaseOutcome> RunTests(const TestFile& tests, const Model& model,
                                                ZoneSource* zones);

// The value of a test file in the arena; a null with reason kParse where the text does not fit its
// type.
[[nodiscard]] feel::Value MakeValue(const TestValue& value, Arena& arena, ZoneSource* zones);
// The other way: what MakeValue turns into the same value (functions and ranges become text).
[[nodiscard]] TestValue MakeTestValue(const feel::Value& value);
// Whether a value is what a test expects; otherwise `why` says what differs.
[[nodiscard]] bool MatchesExpected(const feel::Value& expected, const feel::Value& actual,
                                   std::string* why);

}  // namespace credence::dmn
