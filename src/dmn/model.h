#pragma once
// The content of one DMN file as plain data: what is written, nothing resolved. DMN 1.1 to 1.6 give
// the same structs. Every part knows its place in the file.
//
// Standard: OMG DMN 1.5, chapters 6 to 8 and 10.2 (the boxed expressions).

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/dmn/xml.h"

namespace credence::dmn {

// A piece of FEEL.
struct Text {
  std::string text;
  Position at;
  std::string language;  // a namespace or name as written; empty = that of the model
};

// A named thing with a declared type: a variable, a parameter, a column.
struct InformationItem {
  std::string name;
  std::string type_ref;  // a prefix bound to a namespace is kept: see Definitions::prefixes
  Position at;
};

struct DecisionTable;

enum class ExpressionKind : uint8_t {
  kLiteral = 1,      // text
  kContext = 2,      // parts[i] is the value of items[i]; no name = the result
  kInvocation = 3,   // parts[0] called with parts[i] bound to items[i - 1]
  kFunction = 4,     // parameters items, body parts[0] (may be missing), function_kind
  kList = 5,         // parts
  kRelation = 6,     // columns items; parts are the cells, row after row
  kTable = 7,        // table
  kConditional = 8,  // parts: if, then, else
  kFilter = 9,       // parts: in, match
  kFor = 10,         // items[0] the iterator; parts: in, return
  kSome = 11,        // items[0] the iterator; parts: in, satisfies
  kEvery = 12,
};
[[nodiscard]] std::string_view ExpressionKindName(ExpressionKind kind);

enum class FunctionKind : uint8_t { kFeel = 1, kJava = 2, kPmml = 3 };

struct Expression {
  ExpressionKind kind = ExpressionKind::kLiteral;
  std::string id;
  std::string label;
  std::string type_ref;
  Position at;
  Text text;
  std::vector<InformationItem> items;
  std::vector<Expression> parts;
  FunctionKind function_kind = FunctionKind::kFeel;
  std::shared_ptr<const DecisionTable> table;
};

// "U", "A", … as DMN abbreviates them in a table's corner.
enum class HitPolicy : uint8_t {
  kUnique = 1,
  kFirst = 2,
  kPriority = 3,
  kAny = 4,
  kCollect = 5,
  kRuleOrder = 6,
  kOutputOrder = 7,
};
enum class Aggregation : uint8_t { kNone = 0, kSum = 1, kCount = 2, kMin = 3, kMax = 4 };
[[nodiscard]] std::string_view HitPolicyName(HitPolicy policy);
[[nodiscard]] std::string_view AggregationName(Aggregation aggregation);

struct InputClause {
  std::string id;
  std::string label;
  std::string type_ref;
  Text expression;
  std::optional<Text> values;  // inputValues
  Position at;
};

struct OutputClause {
  std::string id;
  std::string label;
  std::string name;
  std::string type_ref;
  std::optional<Text> values;  // outputValues, in order of priority
  std::optional<Text> default_entry;
  Position at;
};

struct Rule {
  std::string id;
  std::vector<Text> inputs;   // as many as the table has input clauses
  std::vector<Text> outputs;  // as many as the table has output clauses
  std::vector<std::string> annotations;
  Position at;
};

struct DecisionTable {
  std::string id;
  HitPolicy hit_policy = HitPolicy::kUnique;
  Aggregation aggregation = Aggregation::kNone;
  std::string output_label;
  std::vector<InputClause> inputs;
  std::vector<OutputClause> outputs;
  std::vector<std::string> annotation_names;
  std::vector<Rule> rules;
  Position at;
};

struct ItemDefinition {
  std::string id;
  std::string name;
  std::string type_ref;
  bool is_collection = false;
  std::optional<Text> allowed_values;
  std::optional<Text> type_constraint;  // of the list as a whole (DMN 1.5)
  std::vector<ItemDefinition> components;
  bool is_function = false;
  std::vector<InformationItem> parameters;  // of a function item
  std::string output_type_ref;
  Position at;
};

struct Import {
  std::string name;
  std::string namespace_uri;
  std::string location;
  std::string import_type;
  Position at;
};

// A reference to another element: "#id" or "namespace#id".
struct Reference {
  std::string href;
  Position at;
};

struct InputData {
  std::string id;
  std::string name;
  InformationItem variable;
  std::string description;
  Position at;
};

struct Decision {
  std::string id;
  std::string name;
  InformationItem variable;
  std::string question;
  std::string allowed_answers;
  std::string description;
  std::vector<Reference> required_inputs;
  std::vector<Reference> required_decisions;
  std::vector<Reference> required_knowledge;
  std::optional<Expression> expression;
  Position at;
};

struct BusinessKnowledgeModel {
  std::string id;
  std::string name;
  InformationItem variable;
  std::string description;
  std::optional<Expression> logic;  // kFunction
  std::vector<Reference> required_knowledge;
  Position at;
};

struct DecisionService {
  std::string id;
  std::string name;
  InformationItem variable;
  std::string description;
  std::vector<Reference> output_decisions;
  std::vector<Reference> encapsulated_decisions;
  std::vector<Reference> input_decisions;
  std::vector<Reference> input_data;
  Position at;
};

struct Definitions {
  std::string file;
  std::string id;
  std::string name;
  std::string namespace_uri;
  std::string version;              // "1.5"
  std::string expression_language;  // empty = FEEL
  // xmlns prefixes of the root and their namespaces (type references of DMN 1.1 are qualified
  // names).
  std::vector<std::pair<std::string, std::string>> prefixes;
  std::vector<Import> imports;
  std::vector<ItemDefinition> item_definitions;
  std::vector<InputData> input_data;
  std::vector<Decision> decisions;
  std::vector<BusinessKnowledgeModel> knowledge_models;
  std::vector<DecisionService> services;
};

// "1.5" for the namespace of DMN 1.5 models, and so on; empty for any other namespace.
[[nodiscard]] std::string_view DmnVersion(std::string_view namespace_uri);
// Whether an expression or type language, as written, is FEEL of any version (or nothing).
[[nodiscard]] bool IsFeelLanguage(std::string_view language);

// Nothing if the text is not XML as we allow it, or not a DMN model; then there is at least one
// error among the diagnostics that were added. Elements that DMN does not define are passed over.
[[nodiscard]] std::optional<Definitions> ReadModel(std::string_view text, const std::string& file,
                                                   std::vector<Diagnostic>* diagnostics);

// The namespace and name of a model without reading the rest; nothing if it is not one.
struct ModelIdentity {
  std::string namespace_uri;
  std::string name;
};
[[nodiscard]] std::optional<ModelIdentity> ReadModelIdentity(std::string_view text);

}  // namespace credence::dmn
