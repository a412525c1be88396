#include "src/dmn/tck.h"

#include <algorithm>
#include <map>

#include "src/base/xml_text.h"
#include "src/feel/function.h"

namespace credence::dmn {
namespace {

using feel::EvaluationContext;
using feel::Kind;
using feel::NullReason;
using feel::Value;

constexpr std::string_view kTestNamespace = "http://www.omg.org/spec/DMN/20160719/testcase";
constexpr std::string_view kInstanceNamespace = "http://www.w3.org/2001/XMLSchema-instance";

bool IsYes(std::string_view text) { return text == "true" || text == "1"; }

// --- reading

TestValue ReadValue(const XmlElement& holder);

TestValue ReadSimple(const XmlElement& element) {
  TestValue value;
  value.nil = IsYes(element.Attribute(kInstanceNamespace, "nil"));
  const std::string_view type = element.Attribute(kInstanceNamespace, "type");
  value.type = type.substr(type.find(':') + 1);  // npos + 1 is 0
  value.text = element.Text();
  return value;
}

// The value inside <inputNode>, <expected>, <item> or <component>.
TestValue ReadValue(const XmlElement& holder) {
  TestValue value;
  for (const XmlElement& child : holder.Children()) {
    if (child.name() == "value") return ReadSimple(child);
    if (child.name() == "list") {
      value.kind = TestValue::Kind::kList;
      value.nil = IsYes(child.Attribute(kInstanceNamespace, "nil"));
      for (const XmlElement& item : child.Children()) {
        if (item.name() == "item") value.parts.push_back({"", ReadValue(item)});
      }
      return value;
    }
    if (child.name() == "component") {
      value.kind = TestValue::Kind::kContext;
      value.nil = false;
      value.parts.push_back({feel::NormaliseName(child.Attribute("name")), ReadValue(child)});
    }
  }
  return value;
}

TestNode ReadNode(const XmlElement& element) {
  TestNode node;
  node.name = feel::NormaliseName(element.Attribute("name"));
  node.namespace_uri = element.Attribute("namespace");
  node.is_error = IsYes(element.Attribute("errorResult"));
  node.at = element.position();
  return node;
}

TestCase ReadCase(const XmlElement& element) {
  TestCase test;
  test.id = element.Attribute("id");
  test.invocable = feel::NormaliseName(element.Attribute("invocableName"));
  test.at = element.position();
  const std::string_view type = element.Attribute("type");
  if (type == "bkm") test.type = TestCase::Type::kKnowledgeModel;
  if (type == "decisionService") test.type = TestCase::Type::kService;
  for (const XmlElement& child : element.Children()) {
    if (child.name() == "description") test.description = child.Text();
    if (child.name() == "inputNode") {
      test.inputs.push_back(ReadNode(child));
      test.inputs.back().value = ReadValue(child);
    }
    if (child.name() == "resultNode") {
      test.results.push_back(ReadNode(child));
      for (const XmlElement& expected : child.Children()) {
        if (expected.name() == "expected") test.results.back().value = ReadValue(expected);
      }
    }
  }
  return test;
}

// --- values

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

Value CallBuiltin(const char* name, const Value& argument, EvaluationContext& context) {
  return feel::Invoke(Value::Function(feel::FindBuiltin(name)), std::span(&argument, 1), context);
}

Value MakeSimple(const TestValue& value, EvaluationContext& context) {
  Arena& arena = context.arena();
  if (value.nil) return {};
  if (value.type.empty() || value.type == "string") return feel::CopyString(arena, value.text);
  const std::string_view text = Trimmed(value.text);
  const Value argument = feel::CopyString(arena, text);
  if (value.type == "boolean") return Value::Boolean(IsYes(text));
  if (value.type == "date") return CallBuiltin("date", argument, context);
  if (value.type == "time") return CallBuiltin("time", argument, context);
  if (value.type == "dateTime") return CallBuiltin("date and time", argument, context);
  if (value.type.ends_with("uration")) return CallBuiltin("duration", argument, context);
  const auto number = Decimal::Parse(text);
  if (number) return Value::Number(*number);
  return Value::Null(NullReason::kParse, "not a number");
}

bool IsPlaceOf(std::string_view part, std::string* why) {
  *why = std::string(part) + *why;
  return false;
}

bool ContextsMatch(const Value& expected, const Value& actual, std::string* why) {
  for (const feel::Entry& entry : expected.context()) {
    const Value* found = actual.Find(entry.name);
    if (found == nullptr) {
      *why = "no entry '" + std::string(entry.name) + "'";
      return false;
    }
    if (!MatchesExpected(entry.value, *found, why)) {
      return IsPlaceOf("in '" + std::string(entry.name) + "': ", why);
    }
  }
  if (expected.context().size() != actual.context().size()) {
    *why = "more entries than expected: " + feel::ToFeel(actual);
    return false;
  }
  return true;
}

std::string Describe(const Value& value) {
  if (!value.IsNull()) return feel::ToFeel(value);
  std::string text = "null (" + std::string(feel::NullReasonName(value.null_reason()));
  if (!value.null_text().empty()) text += ": " + std::string(value.null_text());
  return text + ")";
}

}  // namespace

bool MatchesExpected(const Value& expected, const Value& actual, std::string* why) {
  const auto differ = [&] {
    *why = "expected " + (expected.IsNull() ? "null" : feel::ToFeel(expected)) + ", got " +
           Describe(actual);
    return false;
  };
  if (expected.kind() != actual.kind()) return differ();
  switch (expected.kind()) {
    case Kind::kNull:
      return true;
    case Kind::kNumber: {
      static const Decimal kTolerance = Decimal::FromScaled(1, -8);
      return (expected.number() - actual.number()).Abs() <= kTolerance || differ();
    }
    case Kind::kList:
      if (expected.list().size() != actual.list().size()) return differ();
      for (size_t i = 0; i < expected.list().size(); ++i) {
        if (!MatchesExpected(expected.list()[i], actual.list()[i], why)) {
          return IsPlaceOf("in item " + std::to_string(i + 1) + ": ", why);
        }
      }
      return true;
    case Kind::kContext:
      return ContextsMatch(expected, actual, why);
    case Kind::kDateTime:
      // A zone of a name is as good as its offset, but fractions of a second count.
      if (expected.date_time().ns != actual.date_time().ns) return differ();
      break;
    case Kind::kTime:
      if (expected.time().ns_of_day % kNsPerSecond != actual.time().ns_of_day % kNsPerSecond) {
        return differ();
      }
      break;
    default:
      break;
  }
  return feel::Equals(expected, actual) == feel::Ternary::kTrue || differ();
}

Value MakeValue(const TestValue& value, Arena& arena, ZoneSource* zones) {
  if (value.nil) return {};
  if (value.kind == TestValue::Kind::kSimple) {
    EvaluationContext context(&arena, zones);
    return MakeSimple(value, context);
  }
  if (value.kind == TestValue::Kind::kList) {
    const std::span<Value> items = arena.NewArray<Value>(value.parts.size());
    for (size_t i = 0; i < items.size(); ++i)
      items[i] = MakeValue(value.parts[i].value, arena, zones);
    return Value::List(items);
  }
  const std::span<feel::Entry> entries = arena.NewArray<feel::Entry>(value.parts.size());
  for (size_t i = 0; i < entries.size(); ++i) {
    entries[i] = {arena.Copy(value.parts[i].name), MakeValue(value.parts[i].value, arena, zones)};
  }
  return Value::Context(entries);
}

TestValue MakeTestValue(const Value& value) {
  TestValue test;
  test.nil = value.IsNull();
  switch (value.kind()) {
    case Kind::kNull:
      return test;
    case Kind::kNumber:
      test.type = "decimal";
      break;
    case Kind::kBoolean:
      test.type = "boolean";
      break;
    case Kind::kDate:
      test.type = "date";
      break;
    case Kind::kTime:
      test.type = "time";
      break;
    case Kind::kDateTime:
      test.type = "dateTime";
      break;
    case Kind::kDaysDuration:
    case Kind::kYearsDuration:
      test.type = "duration";
      break;
    case Kind::kList:
      test.kind = TestValue::Kind::kList;
      for (const Value& item : value.list()) test.parts.push_back({"", MakeTestValue(item)});
      return test;
    case Kind::kContext:
      test.kind = TestValue::Kind::kContext;
      for (const feel::Entry& entry : value.context()) {
        test.parts.push_back({std::string(entry.name), MakeTestValue(entry.value)});
      }
      return test;
    case Kind::kString:
    case Kind::kRange:
    case Kind::kFunction:
      test.type = "string";
      break;
  }
  test.text = feel::ToString(value);
  return test;
}

std::optional<TestFile> ReadTestFile(std::string_view text, const std::string& file,
                                     std::vector<Diagnostic>* diagnostics) {
  const auto document = XmlDocument::Parse(text, file, diagnostics);
  if (!document) return std::nullopt;
  const XmlElement root = document->root();
  if (root.name() != "testCases" || root.uri() != kTestNamespace) {
    const Position at = root.position();
    diagnostics->push_back(
        {Severity::kError, file, at.line, at.column, "not-tests",
         "expected the element 'testCases' of namespace '" + std::string(kTestNamespace) + "'",
         ""});
    return std::nullopt;
  }
  TestFile tests;
  tests.file = file;
  for (const XmlElement& child : root.Children()) {
    if (child.name() == "modelName") tests.model_name = Trimmed(child.Text());
    if (child.name() == "testCase") tests.cases.push_back(ReadCase(child));
  }
  return tests;
}

// --- writing

namespace {

void WriteValue(const TestValue& value, const std::string& indent, std::string* out) {
  if (value.kind == TestValue::Kind::kSimple || value.nil) {
    if (value.nil) {
      *out += indent + "<value xsi:nil=\"true\"/>\n";
    } else {
      *out += indent + "<value xsi:type=\"xsd:" + (value.type.empty() ? "string" : value.type) +
              "\">" + EscapedXml(value.text) + "</value>\n";
    }
  } else if (value.kind == TestValue::Kind::kList) {
    *out += indent + "<list>\n";
    for (const auto& [name, item] : value.parts) {
      *out += indent + "  <item>\n";
      WriteValue(item, indent + "    ", out);
      *out += indent + "  </item>\n";
    }
    *out += indent + "</list>\n";
  } else {
    for (const auto& [name, part] : value.parts) {
      *out += indent + "<component name=\"" + EscapedXml(name) + "\">\n";
      WriteValue(part, indent + "  ", out);
      *out += indent + "</component>\n";
    }
  }
}

std::string NodeAttributes(const TestNode& node) {
  std::string text = " name=\"" + EscapedXml(node.name) + "\"";
  if (!node.namespace_uri.empty()) text += " namespace=\"" + EscapedXml(node.namespace_uri) + "\"";
  if (node.is_error) text += " errorResult=\"true\"";
  return text;
}

}  // namespace

std::string WriteTestFile(const TestFile& tests) {
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testCases xmlns=\"" +
                    std::string(kTestNamespace) + "\" xmlns:xsi=\"" +
                    std::string(kInstanceNamespace) +
                    "\" xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\">\n  <modelName>" +
                    EscapedXml(tests.model_name) + "</modelName>\n";
  for (const TestCase& test : tests.cases) {
    out += "  <testCase id=\"" + EscapedXml(test.id) + "\"";
    if (test.type == TestCase::Type::kKnowledgeModel) out += " type=\"bkm\"";
    if (test.type == TestCase::Type::kService) out += " type=\"decisionService\"";
    if (!test.invocable.empty()) out += " invocableName=\"" + EscapedXml(test.invocable) + "\"";
    out += ">\n";
    if (!test.description.empty()) {
      out += "    <description>" + EscapedXml(test.description) + "</description>\n";
    }
    for (const TestNode& node : test.inputs) {
      out += "    <inputNode" + NodeAttributes(node) + ">\n";
      WriteValue(node.value, "      ", &out);
      out += "    </inputNode>\n";
    }
    for (const TestNode& node : test.results) {
      out += "    <resultNode" + NodeAttributes(node) + ">\n      <expected>\n";
      WriteValue(node.value, "        ", &out);
      out += "      </expected>\n    </resultNode>\n";
    }
    out += "  </testCase>\n";
  }
  return out + "</testCases>\n";
}

// --- running

void Counts::Add(TestStatus status) {
  if (status == TestStatus::kPassed) ++passed;
  if (status == TestStatus::kFailed) ++failed;
  if (status == TestStatus::kUnsupported) ++unsupported;
}

void Counts::Add(const Counts& other) {
  passed += other.passed;
  failed += other.failed;
  unsupported += other.unsupported;
}

namespace {

class CaseRunner {
 public:
  CaseRunner(const Model& model, ZoneSource* zones) : model_(model), context_(&arena_, zones) {}

  CaseOutcome Run(const TestCase& test, const std::string& file) {
    CaseOutcome outcome{file, test.id, TestStatus::kPassed, {}};
    arena_.Reset();
    names_.clear();
    values_.clear();
    for (const TestNode& input : test.inputs) {
      names_.push_back({input.name, input.namespace_uri});
      values_.push_back(MakeValue(input.value, arena_, context_.zones()));
    }
    for (const TestNode& node : test.results) {
      NodeOutcome result{node.name, TestStatus::kFailed, false, ""};
      const Value expected = MakeValue(node.value, arena_, context_.zones());
      result.expects_null = expected.IsNull();
      if (expected.IsNull() && expected.null_reason() == NullReason::kParse) {
        result.message = "the expected value cannot be read";
      } else {
        Judge(test, node, expected, &result);
      }
      outcome.nodes.push_back(std::move(result));
    }
    for (const NodeOutcome& node : outcome.nodes) {
      if (node.status == TestStatus::kFailed) outcome.status = TestStatus::kFailed;
      if (node.status == TestStatus::kUnsupported && outcome.status == TestStatus::kPassed) {
        outcome.status = TestStatus::kUnsupported;
      }
    }
    return outcome;
  }

 private:
  void Judge(const TestCase& test, const TestNode& node, const Value& expected,
             NodeOutcome* result) {
    const Result<Value> got =
        test.type == TestCase::Type::kDecision ? Decide(node) : Call(test, node);
    if (!got.ok()) {
      result->message = got.status().message();
      return;
    }
    const Value& actual = *got;
    if (actual.IsNull() && actual.null_reason() == NullReason::kExternal) {
      result->status = TestStatus::kUnsupported;
      result->message = "external functions (Java, PMML) are not run";
    } else if (!MatchesExpected(expected, actual, &result->message)) {
      result->status = TestStatus::kFailed;
    } else if (node.is_error && actual.IsNull() && actual.null_reason() == NullReason::kNone) {
      result->message = "a null without a reason";
    } else {
      result->status = TestStatus::kPassed;
    }
  }

  Result<Value> Decide(const TestNode& node) {
    auto evaluator = model_.Bind(node.name, names_);
    if (!evaluator.ok()) {
      // Some files name a service or function as the result, with its parameters as inputs.
      if (const feel::Callable* function = model_.FindFunction(node.name))
        return CallFunction(*function);
      return evaluator.status();
    }
    return evaluator->Evaluate(values_, context_, &log_);
  }

  Result<Value> Call(const TestCase& test, const TestNode& node) {
    const feel::Callable* function = model_.FindFunction(test.invocable);
    if (function == nullptr) return NotFound("there is no function '" + test.invocable + "'");
    const Value result = CallFunction(*function);
    if (test.results.size() == 1 || !result.IsContext()) return result;
    const Value* entry = result.Find(node.name);
    if (entry == nullptr) return NotFound("the service has no output '" + node.name + "'");
    return *entry;
  }

  Value CallFunction(const feel::Callable& function) {
    std::vector<Value> arguments;
    for (size_t i = 0; i < function.type().member_count(); ++i) {
      Value argument = Value::Null(NullReason::kMissing, "the argument was not given");
      for (size_t n = 0; n < names_.size(); ++n) {
        if (names_[n].name == function.type().member_name(i)) argument = values_[n];
      }
      arguments.push_back(argument);
    }
    const std::span<Value> copy = arena_.NewArray<Value>(arguments.size());
    std::copy(arguments.begin(), arguments.end(), copy.begin());
    return feel::Invoke(Value::Function(&function), copy, context_);
  }

  const Model& model_;
  Arena arena_;
  EvaluationContext context_;
  EvaluationLog log_;
  std::vector<Model::SlotName> names_;
  std::vector<Value> values_;
};

CaseOutcome Broken(const TestCase& test, const std::string& file, const std::string& why) {
  CaseOutcome outcome{file, test.id, TestStatus::kFailed, {}};
  for (const TestNode& node : test.results) {
    outcome.nodes.push_back({node.name, TestStatus::kFailed, node.value.nil, why});
  }
  return outcome;
}

}  // namespace

std::vector<CaseOutcome> RunTests(const TestFile& tests, const Model& model, ZoneSource* zones) {
  std::vector<CaseOutcome> outcomes;
  CaseRunner runner(model, zones);
  for (const TestCase& test : tests.cases) outcomes.push_back(runner.Run(test, tests.file));
  return outcomes;
}

FolderOutcome RunFolder(const std::string& folder, std::span<const Source> files,
                        ZoneSource* zones) {
  FolderOutcome outcome;
  outcome.folder = folder;
  std::map<std::string, const Source*> by_name;
  std::map<std::string, const Source*> by_namespace;
  for (const Source& source : files) {
    by_name[source.file] = &source;
    if (!source.file.ends_with(".dmn")) continue;
    if (const auto identity = ReadModelIdentity(source.text)) {
      by_namespace.emplace(identity->namespace_uri, &source);
    }
  }
  LoadOptions options;
  options.zones = zones;
  options.imports = [&](const Import& import) -> std::optional<Source> {
    const auto found = by_namespace.find(import.namespace_uri);
    if (found == by_namespace.end()) return std::nullopt;
    return *found->second;
  };
  for (const Source& source : files) {
    if (!source.file.ends_with(".xml")) continue;
    const auto tests = ReadTestFile(source.text, source.file, &outcome.diagnostics);
    if (!tests) continue;
    const auto model_file = by_name.find(tests->model_name);
    LoadResult loaded;
    if (model_file != by_name.end()) loaded = Model::Load(*model_file->second, options);
    outcome.diagnostics.insert(outcome.diagnostics.end(), loaded.diagnostics.begin(),
                               loaded.diagnostics.end());
    if (loaded.model) {
      auto cases = RunTests(*tests, *loaded.model, zones);
      std::move(cases.begin(), cases.end(), std::back_inserter(outcome.cases));
      continue;
    }
    const std::string why = model_file == by_name.end()
                                ? "there is no model '" + tests->model_name + "'"
                                : "the model '" + tests->model_name + "' cannot be read";
    for (const TestCase& test : tests->cases) {
      outcome.cases.push_back(Broken(test, tests->file, why));
    }
  }
  for (const CaseOutcome& test : outcome.cases) {
    outcome.case_counts.Add(test.status);
    for (const NodeOutcome& node : test.nodes) {
      (node.expects_null ? outcome.null_nodes : outcome.value_nodes).Add(node.status);
    }
  }
  return outcome;
}

}  // namespace credence::dmn
