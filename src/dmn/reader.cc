#include <array>
#include <functional>

#include "src/dmn/model.h"

namespace credence::dmn {
namespace {

struct Version {
  std::string_view uri;
  std::string_view version;
};
constexpr std::array kModelNamespaces = {
    Version{"http://www.omg.org/spec/DMN/20151101/dmn.xsd", "1.1"},
    Version{"http://www.omg.org/spec/DMN/20151130", "1.1"},
    Version{"http://www.omg.org/spec/DMN/20180521/MODEL/", "1.2"},
    Version{"https://www.omg.org/spec/DMN/20191111/MODEL/", "1.3"},
    Version{"https://www.omg.org/spec/DMN/20211108/MODEL/", "1.4"},
    Version{"https://www.omg.org/spec/DMN/20230324/MODEL/", "1.5"},
    Version{"https://www.omg.org/spec/DMN/20240513/MODEL/", "1.6"},
};

bool Flag(std::string_view text) { return text == "true" || text == "1"; }

std::string Trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(kSpace) - first + 1));
}

std::optional<ExpressionKind> KindOf(std::string_view element) {
  static constexpr std::array<std::pair<std::string_view, ExpressionKind>, 12> kKinds = {{
      {"literalExpression", ExpressionKind::kLiteral},
      {"context", ExpressionKind::kContext},
      {"invocation", ExpressionKind::kInvocation},
      {"functionDefinition", ExpressionKind::kFunction},
      {"list", ExpressionKind::kList},
      {"relation", ExpressionKind::kRelation},
      {"decisionTable", ExpressionKind::kTable},
      {"conditional", ExpressionKind::kConditional},
      {"filter", ExpressionKind::kFilter},
      {"for", ExpressionKind::kFor},
      {"some", ExpressionKind::kSome},
      {"every", ExpressionKind::kEvery},
  }};
  for (const auto& [name, kind] : kKinds) {
    if (name == element) return kind;
  }
  return std::nullopt;
}

class Reader {
 public:
  Reader(std::string file, std::vector<Diagnostic>* diagnostics)
      : file_(std::move(file)), diagnostics_(diagnostics) {}

  std::optional<Definitions> Read(const XmlElement& root);

 private:
  void Report(Severity severity, Position at, std::string code, std::string message) {
    diagnostics_->push_back(
        {severity, file_, at.line, at.column, std::move(code), std::move(message), ""});
    if (severity == Severity::kError) failed_ = true;
  }
  void Error(const XmlElement& at, std::string code, std::string message) {
    Report(Severity::kError, at.position(), std::move(code), std::move(message));
  }

  // Children that belong to DMN; the rest are other people's extensions.
  std::vector<XmlElement> Children(const XmlElement& parent) const {
    std::vector<XmlElement> own;
    for (XmlElement& child : parent.Children()) {
      if (child.uri() == uri_) own.push_back(child);
    }
    return own;
  }

  static std::string Name(const XmlElement& element) { return Trimmed(element.Attribute("name")); }
  static std::string Id(const XmlElement& element) { return std::string(element.Attribute("id")); }

  InformationItem ReadItem(const XmlElement& element) {
    return {Name(element), Trimmed(element.Attribute("typeRef")), element.position()};
  }
  // The <text> child of a literal expression or of unary tests.
  Text ReadText(const XmlElement& element) {
    Text text;
    text.language = element.Attribute("expressionLanguage");
    text.at = element.position();
    for (const XmlElement& child : Children(element)) {
      if (child.name() != "text") continue;
      text.text = child.Text();
      text.at = child.text_position();
    }
    return text;
  }
  Reference ReadReference(const XmlElement& element) {
    Reference reference{Trimmed(element.Attribute("href")), element.position()};
    if (reference.href.empty()) {
      Error(element, "missing-attribute", "a reference needs an attribute 'href'");
    }
    return reference;
  }

  std::optional<Expression> ReadExpression(const XmlElement& element);
  // The first child that is an expression.
  std::optional<Expression> ReadOnly(const XmlElement& parent);
  void ReadChild(const XmlElement& parent, std::string_view name, Expression* expression);
  void ReadIterator(const XmlElement& element, std::string_view last, Expression* expression);
  void ReadRelation(const XmlElement& element, Expression* expression);
  Expression ReadFunction(const XmlElement& element);
  DecisionTable ReadTable(const XmlElement& element);
  InputClause ReadInputClause(const XmlElement& element);
  OutputClause ReadOutputClause(const XmlElement& element);
  Rule ReadRule(const XmlElement& element, const DecisionTable& table);
  ItemDefinition ReadItemDefinition(const XmlElement& element);
  InputData ReadInputData(const XmlElement& element);
  Decision ReadDecision(const XmlElement& element);
  BusinessKnowledgeModel ReadKnowledgeModel(const XmlElement& element);
  DecisionService ReadService(const XmlElement& element);
  Reference ReadRequirement(const XmlElement& element, std::string_view* kind);

  std::string file_;
  std::string uri_;
  std::vector<Diagnostic>* diagnostics_;
  bool failed_ = false;
};

std::optional<Expression> Reader::ReadOnly(const XmlElement& parent) {
  for (const XmlElement& child : Children(parent)) {
    if (KindOf(child.name())) return ReadExpression(child);
  }
  return std::nullopt;
}

// Appends the expression inside the child element `name` (a literal null where there is none).
void Reader::ReadChild(const XmlElement& parent, std::string_view name, Expression* expression) {
  for (const XmlElement& child : Children(parent)) {
    if (child.name() != name) continue;
    if (auto part = ReadOnly(child)) {
      if (part->type_ref.empty()) part->type_ref = Trimmed(child.Attribute("typeRef"));
      expression->parts.push_back(std::move(*part));
      return;
    }
  }
  Error(parent, "missing-element",
        "'" + std::string(parent.name()) + "' needs an expression in '" + std::string(name) + "'");
  expression->parts.emplace_back();
}

void Reader::ReadIterator(const XmlElement& element, std::string_view last,
                          Expression* expression) {
  expression->items.push_back(
      {Trimmed(element.Attribute("iteratorVariable")), "", element.position()});
  if (expression->items[0].name.empty()) {
    Error(element, "missing-attribute", "an iteration needs an attribute 'iteratorVariable'");
  }
  ReadChild(element, "in", expression);
  ReadChild(element, last, expression);
}

void Reader::ReadRelation(const XmlElement& element, Expression* expression) {
  for (const XmlElement& child : Children(element)) {
    if (child.name() == "column") expression->items.push_back(ReadItem(child));
  }
  for (const XmlElement& row : Children(element)) {
    if (row.name() != "row") continue;
    size_t cells = 0;
    for (const XmlElement& cell : Children(row)) {
      if (!KindOf(cell.name())) continue;
      auto part = ReadExpression(cell);
      if (part && cells < expression->items.size()) expression->parts.push_back(std::move(*part));
      ++cells;
    }
    if (cells != expression->items.size()) {
      Error(row, "row-size",
            "the row has " + std::to_string(cells) + " cells, the relation " +
                std::to_string(expression->items.size()) + " columns");
      while (cells++ < expression->items.size()) expression->parts.emplace_back();
    }
  }
}

Expression Reader::ReadFunction(const XmlElement& element) {
  Expression function;
  function.kind = ExpressionKind::kFunction;
  function.id = Id(element);
  function.type_ref = Trimmed(element.Attribute("typeRef"));
  function.at = element.position();
  const std::string_view kind = element.Attribute("kind");
  if (kind == "Java" || kind == "J") function.function_kind = FunctionKind::kJava;
  if (kind == "PMML" || kind == "P") function.function_kind = FunctionKind::kPmml;
  for (const XmlElement& child : Children(element)) {
    if (child.name() == "formalParameter") function.items.push_back(ReadItem(child));
    if (!KindOf(child.name())) continue;
    if (auto body = ReadExpression(child); body && function.parts.empty()) {
      function.parts.push_back(std::move(*body));
    }
  }
  return function;
}

std::optional<Expression> Reader::ReadExpression(const XmlElement& element) {
  const auto kind = KindOf(element.name());
  if (!kind) return std::nullopt;
  if (*kind == ExpressionKind::kFunction) {
    Expression function = ReadFunction(element);
    function.label = element.Attribute("label");
    return function;
  }
  Expression expression;
  expression.kind = *kind;
  expression.id = Id(element);
  expression.label = element.Attribute("label");
  expression.type_ref = Trimmed(element.Attribute("typeRef"));
  expression.at = element.position();
  const auto add = [&](std::optional<Expression> part) {
    if (part) expression.parts.push_back(std::move(*part));
  };
  switch (*kind) {
    case ExpressionKind::kLiteral:
      expression.text = ReadText(element);
      break;
    case ExpressionKind::kContext:
      for (const XmlElement& entry : Children(element)) {
        if (entry.name() != "contextEntry") continue;
        InformationItem item{"", "", entry.position()};
        for (const XmlElement& child : Children(entry)) {
          if (child.name() == "variable") item = ReadItem(child);
        }
        if (auto part = ReadOnly(entry)) {
          expression.items.push_back(std::move(item));
          expression.parts.push_back(std::move(*part));
        } else {
          Error(entry, "missing-element", "a context entry needs an expression");
        }
      }
      break;
    case ExpressionKind::kInvocation: {
      auto callee = ReadOnly(element);
      if (!callee) {
        Error(element, "missing-element", "an invocation needs the function that it calls");
        callee.emplace();
      }
      add(std::move(callee));
      for (const XmlElement& binding : Children(element)) {
        if (binding.name() != "binding") continue;
        InformationItem item{"", "", binding.position()};
        for (const XmlElement& child : Children(binding)) {
          if (child.name() == "parameter") item = ReadItem(child);
        }
        auto value = ReadOnly(binding);
        if (!value) {  // an unbound parameter is null
          value.emplace();
          value->text.text = "null";
          value->text.at = value->at = binding.position();
        }
        expression.items.push_back(std::move(item));
        expression.parts.push_back(std::move(*value));
      }
      break;
    }
    case ExpressionKind::kList:
      for (const XmlElement& child : Children(element)) {
        if (KindOf(child.name())) add(ReadExpression(child));
      }
      break;
    case ExpressionKind::kRelation:
      ReadRelation(element, &expression);
      break;
    case ExpressionKind::kTable:
      expression.table = std::make_shared<const DecisionTable>(ReadTable(element));
      break;
    case ExpressionKind::kConditional:
      for (const char* part : {"if", "then", "else"}) ReadChild(element, part, &expression);
      break;
    case ExpressionKind::kFilter:
      for (const char* part : {"in", "match"}) ReadChild(element, part, &expression);
      break;
    case ExpressionKind::kFor:
      ReadIterator(element, "return", &expression);
      break;
    case ExpressionKind::kSome:
    case ExpressionKind::kEvery:
      ReadIterator(element, "satisfies", &expression);
      break;
    case ExpressionKind::kFunction:
      break;
  }
  return expression;
}

InputClause Reader::ReadInputClause(const XmlElement& element) {
  InputClause clause;
  clause.id = Id(element);
  clause.label = element.Attribute("label");
  clause.at = element.position();
  for (const XmlElement& child : Children(element)) {
    if (child.name() == "inputExpression") {
      clause.expression = ReadText(child);
      clause.type_ref = Trimmed(child.Attribute("typeRef"));
    } else if (child.name() == "inputValues") {
      clause.values = ReadText(child);
    }
  }
  return clause;
}

OutputClause Reader::ReadOutputClause(const XmlElement& element) {
  OutputClause clause;
  clause.id = Id(element);
  clause.label = element.Attribute("label");
  clause.name = Name(element);
  clause.type_ref = Trimmed(element.Attribute("typeRef"));
  clause.at = element.position();
  for (const XmlElement& child : Children(element)) {
    if (child.name() == "outputValues") clause.values = ReadText(child);
    if (child.name() == "defaultOutputEntry") clause.default_entry = ReadText(child);
  }
  return clause;
}

Rule Reader::ReadRule(const XmlElement& element, const DecisionTable& table) {
  Rule rule;
  rule.id = Id(element);
  rule.at = element.position();
  rule.inputs.reserve(table.inputs.size());
  rule.outputs.reserve(table.outputs.size());
  for (const XmlElement& child : Children(element)) {
    if (child.name() == "inputEntry") rule.inputs.push_back(ReadText(child));
    if (child.name() == "outputEntry") rule.outputs.push_back(ReadText(child));
    if (child.name() == "annotationEntry") rule.annotations.push_back(ReadText(child).text);
  }
  const auto check = [&](size_t have, size_t want, std::string_view what) {
    if (have == want) return;
    Error(element, "rule-size",
          "the rule has " + std::to_string(have) + " " + std::string(what) +
              " entries, the table has " + std::to_string(want) + " " + std::string(what) +
              " columns");
  };
  check(rule.inputs.size(), table.inputs.size(), "input");
  check(rule.outputs.size(), table.outputs.size(), "output");
  rule.inputs.resize(table.inputs.size());
  rule.outputs.resize(table.outputs.size());
  return rule;
}

std::optional<HitPolicy> ParseHitPolicy(std::string_view text) {
  if (text.empty() || text == "UNIQUE" || text == "U") return HitPolicy::kUnique;
  if (text == "FIRST" || text == "F") return HitPolicy::kFirst;
  if (text == "PRIORITY" || text == "P") return HitPolicy::kPriority;
  if (text == "ANY" || text == "A") return HitPolicy::kAny;
  if (text == "COLLECT" || text == "C") return HitPolicy::kCollect;
  if (text == "RULE ORDER" || text == "R") return HitPolicy::kRuleOrder;
  if (text == "OUTPUT ORDER" || text == "O") return HitPolicy::kOutputOrder;
  return std::nullopt;
}

std::optional<Aggregation> ParseAggregation(std::string_view text) {
  if (text.empty()) return Aggregation::kNone;
  if (text == "SUM") return Aggregation::kSum;
  if (text == "COUNT") return Aggregation::kCount;
  if (text == "MIN") return Aggregation::kMin;
  if (text == "MAX") return Aggregation::kMax;
  return std::nullopt;
}

DecisionTable Reader::ReadTable(const XmlElement& element) {
  DecisionTable table;
  table.id = Id(element);
  table.output_label = element.Attribute("outputLabel");
  table.at = element.position();
  const auto policy = ParseHitPolicy(element.Attribute("hitPolicy"));
  if (!policy)
    Error(element, "hit-policy",
          "unknown hit policy; DMN has UNIQUE, FIRST, PRIORITY, ANY, COLLECT, RULE ORDER and "
          "OUTPUT ORDER");
  table.hit_policy = policy.value_or(HitPolicy::kUnique);
  const auto aggregation = ParseAggregation(element.Attribute("aggregation"));
  if (!aggregation)
    Error(element, "aggregation", "unknown aggregation; DMN has SUM, COUNT, MIN and MAX");
  table.aggregation = aggregation.value_or(Aggregation::kNone);
  if (table.aggregation != Aggregation::kNone && table.hit_policy != HitPolicy::kCollect) {
    Report(Severity::kWarning, table.at, "aggregation",
           "an aggregation has a meaning with hit policy COLLECT only and is ignored");
    table.aggregation = Aggregation::kNone;
  }
  const std::vector<XmlElement> children = Children(element);
  for (const XmlElement& child : children) {
    if (child.name() == "input") table.inputs.push_back(ReadInputClause(child));
    if (child.name() == "output") table.outputs.push_back(ReadOutputClause(child));
    if (child.name() == "annotation") table.annotation_names.push_back(Name(child));
  }
  if (table.outputs.empty())
    Error(element, "missing-element", "a decision table needs an output column");
  for (const XmlElement& child : children) {
    if (child.name() == "rule") table.rules.push_back(ReadRule(child, table));
  }
  return table;
}

ItemDefinition Reader::ReadItemDefinition(const XmlElement& element) {
  ItemDefinition item;
  item.id = Id(element);
  item.name = Name(element);
  item.at = element.position();
  item.is_collection = Flag(element.Attribute("isCollection"));
  if (item.name.empty())
    Error(element, "missing-attribute", "an item definition needs an attribute 'name'");
  for (const XmlElement& child : Children(element)) {
    if (child.name() == "typeRef") item.type_ref = Trimmed(child.Text());
    if (child.name() == "allowedValues") item.allowed_values = ReadText(child);
    if (child.name() == "typeConstraint") item.type_constraint = ReadText(child);
    if (child.name() == "itemComponent") item.components.push_back(ReadItemDefinition(child));
    if (child.name() == "functionItem") {
      item.is_function = true;
      item.output_type_ref = Trimmed(child.Attribute("outputTypeRef"));
      for (const XmlElement& parameter : Children(child)) {
        if (parameter.name() == "parameters") item.parameters.push_back(ReadItem(parameter));
      }
    }
  }
  return item;
}

InputData Reader::ReadInputData(const XmlElement& element) {
  InputData input{Id(element), Name(element), {}, {}, element.position()};
  input.variable = {input.name, "", input.at};
  for (const XmlElement& child : Children(element)) {
    if (child.name() == "variable") input.variable = ReadItem(child);
    if (child.name() == "description") input.description = Trimmed(child.Text());
  }
  return input;
}

// The single href inside an information or knowledge requirement; `kind` gets the element's name.
Reference Reader::ReadRequirement(const XmlElement& element, std::string_view* kind) {
  for (const XmlElement& child : Children(element)) {
    if (!child.name().starts_with("required")) continue;
    *kind = child.name();
    return ReadReference(child);
  }
  Error(element, "missing-element",
        "a requirement needs 'requiredDecision', 'requiredInput' or 'requiredKnowledge'");
  return {};
}

Decision Reader::ReadDecision(const XmlElement& element) {
  Decision decision;
  decision.id = Id(element);
  decision.name = Name(element);
  decision.at = element.position();
  decision.variable = {decision.name, "", decision.at};
  for (const XmlElement& child : Children(element)) {
    const std::string_view name = child.name();
    std::string_view kind;
    if (name == "variable") {
      decision.variable = ReadItem(child);
    } else if (name == "question") {
      decision.question = Trimmed(child.Text());
    } else if (name == "allowedAnswers") {
      decision.allowed_answers = Trimmed(child.Text());
    } else if (name == "description") {
      decision.description = Trimmed(child.Text());
    } else if (name == "informationRequirement") {
      Reference reference = ReadRequirement(child, &kind);
      if (kind == "requiredDecision")
        decision.required_decisions.push_back(std::move(reference));
      else if (kind == "requiredInput")
        decision.required_inputs.push_back(std::move(reference));
    } else if (name == "knowledgeRequirement") {
      Reference reference = ReadRequirement(child, &kind);
      if (kind == "requiredKnowledge") decision.required_knowledge.push_back(std::move(reference));
    } else if (KindOf(name)) {
      if (decision.expression) {
        Error(child, "two-expressions",
              "decision '" + decision.name + "' has more than one expression");
      } else {
        decision.expression = ReadExpression(child);
      }
    }
  }
  return decision;
}

BusinessKnowledgeModel Reader::ReadKnowledgeModel(const XmlElement& element) {
  BusinessKnowledgeModel model;
  model.id = Id(element);
  model.name = Name(element);
  model.at = element.position();
  model.variable = {model.name, "", model.at};
  for (const XmlElement& child : Children(element)) {
    std::string_view kind;
    if (child.name() == "variable") {
      model.variable = ReadItem(child);
    } else if (child.name() == "description") {
      model.description = Trimmed(child.Text());
    } else if (child.name() == "encapsulatedLogic") {
      model.logic = ReadFunction(child);
    } else if (child.name() == "knowledgeRequirement") {
      Reference reference = ReadRequirement(child, &kind);
      if (kind == "requiredKnowledge") model.required_knowledge.push_back(std::move(reference));
    }
  }
  return model;
}

DecisionService Reader::ReadService(const XmlElement& element) {
  DecisionService service;
  service.id = Id(element);
  service.name = Name(element);
  service.at = element.position();
  service.variable = {service.name, "", service.at};
  for (const XmlElement& child : Children(element)) {
    const std::string_view name = child.name();
    if (name == "variable") service.variable = ReadItem(child);
    if (name == "description") service.description = Trimmed(child.Text());
    if (name == "outputDecision") service.output_decisions.push_back(ReadReference(child));
    if (name == "encapsulatedDecision")
      service.encapsulated_decisions.push_back(ReadReference(child));
    if (name == "inputDecision") service.input_decisions.push_back(ReadReference(child));
    if (name == "inputData") service.input_data.push_back(ReadReference(child));
  }
  return service;
}

std::optional<Definitions> Reader::Read(const XmlElement& root) {
  uri_ = root.uri();
  const std::string_view version = DmnVersion(uri_);
  if (root.name() != "definitions" || version.empty()) {
    Error(root, "not-dmn",
          "expected the element 'definitions' of DMN 1.1 to 1.6, found '" +
              std::string(root.name()) + "' of namespace '" + uri_ + "'");
    return std::nullopt;
  }
  Definitions definitions;
  definitions.file = file_;
  definitions.id = Id(root);
  definitions.name = Name(root);
  definitions.namespace_uri = Trimmed(root.Attribute("namespace"));
  definitions.version = version;
  definitions.expression_language = root.Attribute("expressionLanguage");
  definitions.prefixes = root.Prefixes();
  for (const XmlElement& child : Children(root)) {
    const std::string_view name = child.name();
    if (name == "import") {
      definitions.imports.push_back({Name(child), Trimmed(child.Attribute("namespace")),
                                     Trimmed(child.Attribute("locationURI")),
                                     Trimmed(child.Attribute("importType")), child.position()});
    } else if (name == "itemDefinition") {
      definitions.item_definitions.push_back(ReadItemDefinition(child));
    } else if (name == "inputData") {
      definitions.input_data.push_back(ReadInputData(child));
    } else if (name == "decision") {
      definitions.decisions.push_back(ReadDecision(child));
    } else if (name == "businessKnowledgeModel") {
      definitions.knowledge_models.push_back(ReadKnowledgeModel(child));
    } else if (name == "decisionService") {
      definitions.services.push_back(ReadService(child));
    } else {
      continue;
    }
    if (name != "import" && Name(child).empty()) {
      Error(child, "missing-attribute", "'" + std::string(name) + "' needs an attribute 'name'");
    }
  }
  if (failed_) return std::nullopt;
  return definitions;
}

}  // namespace

std::string_view ExpressionKindName(ExpressionKind kind) {
  switch (kind) {
    case ExpressionKind::kLiteral:
      return "literal expression";
    case ExpressionKind::kContext:
      return "context";
    case ExpressionKind::kInvocation:
      return "invocation";
    case ExpressionKind::kFunction:
      return "function definition";
    case ExpressionKind::kList:
      return "list";
    case ExpressionKind::kRelation:
      return "relation";
    case ExpressionKind::kTable:
      return "decision table";
    case ExpressionKind::kConditional:
      return "conditional";
    case ExpressionKind::kFilter:
      return "filter";
    case ExpressionKind::kFor:
      return "for";
    case ExpressionKind::kSome:
      return "some";
    case ExpressionKind::kEvery:
      return "every";
  }
  return "";
}

std::string_view HitPolicyName(HitPolicy policy) {
  switch (policy) {
    case HitPolicy::kUnique:
      return "UNIQUE";
    case HitPolicy::kFirst:
      return "FIRST";
    case HitPolicy::kPriority:
      return "PRIORITY";
    case HitPolicy::kAny:
      return "ANY";
    case HitPolicy::kCollect:
      return "COLLECT";
    case HitPolicy::kRuleOrder:
      return "RULE ORDER";
    case HitPolicy::kOutputOrder:
      return "OUTPUT ORDER";
  }
  return "";
}

std::string_view AggregationName(Aggregation aggregation) {
  switch (aggregation) {
    case Aggregation::kNone:
      return "";
    case Aggregation::kSum:
      return "SUM";
    case Aggregation::kCount:
      return "COUNT";
    case Aggregation::kMin:
      return "MIN";
    case Aggregation::kMax:
      return "MAX";
  }
  return "";
}

std::string_view DmnVersion(std::string_view namespace_uri) {
  for (const Version& version : kModelNamespaces) {
    if (version.uri == namespace_uri) return version.version;
  }
  return {};
}

bool IsFeelLanguage(std::string_view language) {
  if (language.empty() || language == "feel" || language == "FEEL") return true;
  return language.find("omg.org/spec/DMN/") != std::string_view::npos ||
         language.find("omg.org/spec/FEEL/") != std::string_view::npos;
}

std::optional<Definitions> ReadModel(std::string_view text, const std::string& file,
                                     std::vector<Diagnostic>* diagnostics) {
  const auto document = XmlDocument::Parse(text, file, diagnostics);
  if (!document) return std::nullopt;
  return Reader(file, diagnostics).Read(document->root());
}

std::optional<ModelIdentity> ReadModelIdentity(std::string_view text) {
  std::vector<Diagnostic> ignored;
  const auto document = XmlDocument::Parse(text, "", &ignored);
  if (!document) return std::nullopt;
  const XmlElement root = document->root();
  if (root.name() != "definitions" || DmnVersion(root.uri()).empty()) return std::nullopt;
  return ModelIdentity{Trimmed(root.Attribute("namespace")), Trimmed(root.Attribute("name"))};
}

}  // namespace credence::dmn
