#include "src/dmn/compile.h"

#include <algorithm>
#include <set>

namespace credence::dmn {

using feel::NormaliseName;
using feel::NullReason;
using feel::Type;
using feel::Value;

class ModelCompiler {
 public:
  ModelCompiler(Model* model, const LoadOptions& options, std::vector<Diagnostic>* diagnostics)
      : parts_(*model->parts_), options_(options), diagnostics_(*diagnostics) {}

  // False if a file could not be read.
  bool Run(const Source& source) {
    if (!ReadFiles(source)) return false;
    for (Unit& unit : parts_.units) {
      unit.scope = std::make_unique<feel::Scope>();
      unit.types->AddTo(unit.scope.get());
      parts_.files.push_back(unit.definitions.get());
    }
    if (CountElements() > kNodesMax) {
      Report(Severity::kError, source.file, {}, "too-many-elements",
             "more than 200,000 decisions, inputs, knowledge models and services");
      return false;
    }
    for (uint32_t u = 0; u < parts_.units.size(); ++u) AddNodes(u);
    for (const Unit& unit : parts_.units) unit.types->MakeAll(&diagnostics_);
    for (uint32_t n = 0; n < parts_.nodes.size(); ++n) ResolveRequirements(n);
    CutCycles();
    for (Node& node : parts_.nodes) MakeCallable(&node);
    for (Node& node : parts_.nodes) CompileNode(&node);
    for (Node& node : parts_.nodes) {
      if (node.service != nullptr) CompileService(&node);
    }
    for (size_t t = 0; t < parts_.tables.size(); ++t) {
      parts_.tables[t].bound = parts_.table_expressions[t]->is_bound();
    }
    List();
    return true;
  }

 private:
  void Report(Severity severity, const std::string& file, Position at, std::string code,
              std::string message, std::string hint = "") {
    diagnostics_.push_back(
        {severity, file, at.line, at.column, std::move(code), std::move(message), std::move(hint)});
  }
  [[nodiscard]] const std::string& FileOf(const Node& node) const {
    return parts_.units[node.unit].definitions->file;
  }

  bool ReadFiles(const Source& source);
  [[nodiscard]] size_t CountElements() const {
    size_t count = 0;
    for (const Unit& unit : parts_.units) {
      count += unit.definitions->input_data.size() + unit.definitions->decisions.size() +
               unit.definitions->knowledge_models.size() + unit.definitions->services.size();
    }
    return count;
  }
  std::optional<uint32_t> ReadUnit(const Source& source);
  void ResolveImport(uint32_t unit, const Import& import);
  void AddNodes(uint32_t unit);
  Node& AddNode(uint32_t unit, NodeKind kind, const std::string& name, const std::string& id,
                Position at, const InformationItem& variable);
  void ResolveRequirements(uint32_t node);
  std::optional<uint32_t> FindReference(uint32_t unit, const Reference& reference);
  // The name under which `unit` sees `node`.
  [[nodiscard]] std::string NameIn(uint32_t unit, const Node& node) const;
  void CutCycles();
  void MakeCallable(Node* node);
  void CompileNode(Node* node);
  void CompileService(Node* node);
  void List();
  CompileEnvironment EnvironmentOf(uint32_t unit);
  std::optional<Type> ResolveType(uint32_t unit, const std::string& type_ref, Position at) {
    return parts_.units[unit].types->Resolve(type_ref, at, &diagnostics_);
  }
  void AddVisible(const Node& node, feel::Scope* scope, std::vector<std::string>* names);

  feel::Boxed Box(uint32_t unit, const std::string& owner, const Expression& expression);
  feel::Boxed BoxFunction(uint32_t unit, const std::string& owner, const Expression& expression);
  feel::Boxed BoxRelation(uint32_t unit, const std::string& owner, const Expression& expression);
  feel::Boxed BoxTable(uint32_t unit, const std::string& owner, const Expression& expression);
  std::optional<feel::Expression> CompileLogic(uint32_t unit, const std::string& owner,
                                               const Expression& expression,
                                               const feel::Scope& scope);

  Model::Parts& parts_;
  const LoadOptions& options_;
  std::vector<Diagnostic>& diagnostics_;
  std::map<std::string, uint32_t> unit_of_namespace_;
};

// --- files

std::optional<uint32_t> ModelCompiler::ReadUnit(const Source& source) {
  auto definitions = ReadModel(source.text, source.file, &diagnostics_);
  if (!definitions) return std::nullopt;
  Unit& unit = parts_.units.emplace_back();
  unit.definitions = std::make_unique<Definitions>(std::move(*definitions));
  unit.types =
      std::make_unique<TypeTable>(unit.definitions.get(), options_.zones, options_.strictness);
  const auto id = static_cast<uint32_t>(parts_.units.size() - 1);
  unit_of_namespace_.emplace(unit.definitions->namespace_uri, id);
  return id;
}

void ModelCompiler::ResolveImport(uint32_t unit, const Import& import) {
  const std::string& file = parts_.units[unit].definitions->file;
  if (!import.import_type.empty() && DmnVersion(import.import_type).empty()) {
    Report(Severity::kWarning, file, import.at, "import-type",
           "imports of type '" + import.import_type + "' are not read");
    return;
  }
  uint32_t target = 0;
  if (const auto known = unit_of_namespace_.find(import.namespace_uri);
      known != unit_of_namespace_.end()) {
    target = known->second;
  } else {
    if (parts_.units.size() >= kImportsMax) {
      Report(Severity::kError, file, import.at, "too-many-imports", "more than 256 files");
      return;
    }
    const auto source = options_.imports ? options_.imports(import) : std::nullopt;
    if (!source) {
      Report(Severity::kError, file, import.at, "import-not-found",
             "no file holds the model of namespace '" + import.namespace_uri + "'");
      return;
    }
    const auto read = ReadUnit(*source);
    if (!read) return;
    target = *read;
    const std::string& found = parts_.units[target].definitions->namespace_uri;
    if (found != import.namespace_uri) {
      Report(Severity::kError, file, import.at, "import-not-found",
             "the file '" + source->file + "' is of namespace '" + found + "', not '" +
                 import.namespace_uri + "'");
    }
  }
  Unit& importing = parts_.units[unit];
  importing.imports.emplace_back(&import, target);
  importing.types->AddImport(NormaliseName(import.name), import.namespace_uri,
                             parts_.units[target].types.get());
}

bool ModelCompiler::ReadFiles(const Source& source) {
  if (!ReadUnit(source)) return false;
  for (uint32_t u = 0; u < parts_.units.size(); ++u) {  // grows while it is walked
    const Definitions& definitions = *parts_.units[u].definitions;
    if (!IsFeelLanguage(definitions.expression_language)) {
      Report(Severity::kError, definitions.file, {}, "expression-language",
             "the expression language must be FEEL, not '" + definitions.expression_language + "'");
    }
    for (const Import& import : definitions.imports) ResolveImport(u, import);
  }
  return true;
}

// --- graph

Node& ModelCompiler::AddNode(uint32_t unit, NodeKind kind, const std::string& name,
                             const std::string& id, Position at, const InformationItem& variable) {
  const Definitions& definitions = *parts_.units[unit].definitions;
  const auto number = static_cast<uint32_t>(parts_.nodes.size());
  Node& node = parts_.nodes.emplace_back();
  node.unit = unit;
  node.info.kind = kind;
  node.info.name = NormaliseName(name);
  node.info.id = id;
  node.info.namespace_uri = definitions.namespace_uri;
  node.info.file = definitions.file;
  node.info.at = at;
  node.info.imported = unit != 0;
  node.variable = variable.name.empty() ? node.info.name : NormaliseName(variable.name);
  node.missing_text = "input '" + node.info.name + "' was not given";
  if (id.empty()) return node;
  if (!parts_.by_reference.emplace(definitions.namespace_uri + "#" + id, number).second) {
    Report(Severity::kError, definitions.file, at, "duplicate-id",
           "the id '" + id + "' is used twice");
  }
  return node;
}

void ModelCompiler::AddNodes(uint32_t unit) {
  const Definitions& definitions = *parts_.units[unit].definitions;
  std::set<std::string> names;
  const auto check = [&](const Node& node) {
    if (names.insert(node.info.name).second) return;
    Report(Severity::kError, definitions.file, node.info.at, "duplicate-name",
           "the name '" + node.info.name + "' is used twice");
  };
  for (const InputData& input : definitions.input_data) {
    Node& node =
        AddNode(unit, NodeKind::kInputData, input.name, input.id, input.at, input.variable);
    node.input = &input;
    node.declared = ResolveType(unit, input.variable.type_ref, input.variable.at);
    node.info.type = node.declared.value_or(Type::Any());
    check(node);
  }
  for (const Decision& decision : definitions.decisions) {
    Node& node = AddNode(unit, NodeKind::kDecision, decision.name, decision.id, decision.at,
                         decision.variable);
    node.decision = &decision;
    node.declared = ResolveType(unit, decision.variable.type_ref, decision.variable.at);
    node.info.type = node.declared.value_or(Type::Any());
    check(node);
  }
  for (const BusinessKnowledgeModel& knowledge : definitions.knowledge_models) {
    Node& node = AddNode(unit, NodeKind::kKnowledgeModel, knowledge.name, knowledge.id,
                         knowledge.at, knowledge.variable);
    node.knowledge = &knowledge;
    check(node);
  }
  for (const DecisionService& service : definitions.services) {
    Node& node =
        AddNode(unit, NodeKind::kService, service.name, service.id, service.at, service.variable);
    node.service = &service;
    check(node);
  }
}

std::optional<uint32_t> ModelCompiler::FindReference(uint32_t unit, const Reference& reference) {
  const Definitions& definitions = *parts_.units[unit].definitions;
  const size_t hash = reference.href.find('#');
  const std::string target =
      hash == std::string::npos ? reference.href : reference.href.substr(hash + 1);
  const std::string uri = hash == std::string::npos || hash == 0 ? definitions.namespace_uri
                                                                 : reference.href.substr(0, hash);
  if (const auto found = parts_.by_reference.find(uri + "#" + target);
      found != parts_.by_reference.end()) {
    return found->second;
  }
  Report(Severity::kError, definitions.file, reference.at, "unknown-reference",
         "nothing has the id '" + reference.href + "'");
  return std::nullopt;
}

std::string ModelCompiler::NameIn(uint32_t unit, const Node& node) const {
  if (node.unit == unit) return node.variable;
  for (const auto& [import, target] : parts_.units[unit].imports) {
    if (target != node.unit) continue;
    const std::string name = NormaliseName(import->name);
    return name.empty() ? node.variable : name + "." + node.variable;
  }
  return node.variable;
}

void ModelCompiler::ResolveRequirements(uint32_t n) {
  Node& node = parts_.nodes[n];
  const auto add = [&](const Reference& reference, std::initializer_list<NodeKind> kinds,
                       std::vector<uint32_t>* to) {
    const auto found = FindReference(node.unit, reference);
    if (!found) return;
    const NodeKind kind = parts_.nodes[*found].info.kind;
    if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) {
      Report(Severity::kError, FileOf(node), reference.at, "wrong-reference",
             "'" + parts_.nodes[*found].info.name +
                 "' is not an element of the kind that is required");
    } else if (std::find(to->begin(), to->end(), *found) == to->end()) {
      to->push_back(*found);
    }
  };
  if (node.decision != nullptr) {
    for (const Reference& r : node.decision->required_inputs) {
      add(r, {NodeKind::kInputData, NodeKind::kDecision}, &node.requires_values);
    }
    for (const Reference& r : node.decision->required_decisions) {
      add(r, {NodeKind::kDecision, NodeKind::kInputData}, &node.requires_values);
    }
    for (const Reference& r : node.decision->required_knowledge) {
      add(r, {NodeKind::kKnowledgeModel, NodeKind::kService}, &node.requires_functions);
    }
  } else if (node.knowledge != nullptr) {
    for (const Reference& r : node.knowledge->required_knowledge) {
      add(r, {NodeKind::kKnowledgeModel, NodeKind::kService}, &node.requires_functions);
    }
  } else if (node.service != nullptr) {
    // Edges for the cycle check: a service leads to what it evaluates.
    for (const Reference& r : node.service->output_decisions) {
      add(r, {NodeKind::kDecision}, &node.requires_values);
    }
  }
}

// A decision that needs itself has no value: the edge that closes the circle is cut and reported.
// Calls of functions may be recursive; a depth limit holds them.
void ModelCompiler::CutCycles() {
  enum class Mark : uint8_t { kNew, kOpen, kDone };
  std::vector<Mark> marks(parts_.nodes.size(), Mark::kNew);
  std::vector<std::pair<uint32_t, size_t>> stack;
  for (uint32_t start = 0; start < parts_.nodes.size(); ++start) {
    if (marks[start] == Mark::kNew) stack.emplace_back(start, 0);
    while (!stack.empty()) {
      auto& [id, next] = stack.back();
      Node& node = parts_.nodes[id];
      marks[id] = Mark::kOpen;
      if (next == node.requires_values.size()) {
        marks[id] = Mark::kDone;
        stack.pop_back();
        continue;
      }
      const uint32_t needed = node.requires_values[next];
      if (marks[needed] == Mark::kOpen) {
        Report(Severity::kError, FileOf(node), node.info.at, "cycle",
               "'" + node.info.name + "' needs '" + parts_.nodes[needed].info.name +
                   "', which needs it in turn");
        node.info.compiled = false;
        node.requires_values.erase(node.requires_values.begin() + static_cast<ptrdiff_t>(next));
        continue;
      }
      ++next;
      if (marks[needed] == Mark::kNew) stack.emplace_back(needed, 0);
    }
  }
}

// --- functions

void ModelCompiler::MakeCallable(Node* node) {
  if (node->knowledge != nullptr) {
    const BusinessKnowledgeModel& knowledge = *node->knowledge;
    const auto variable_type =
        ResolveType(node->unit, knowledge.variable.type_ref, knowledge.variable.at);
    const bool declares_function = variable_type && variable_type->id() == Type::Id::kFunction;
    std::vector<std::pair<std::string, Type>> parameters;
    std::optional<Type> result;
    if (variable_type) result = declares_function ? variable_type->element() : *variable_type;
    if (knowledge.logic) {
      for (const InformationItem& item : knowledge.logic->items) {
        auto type = ResolveType(node->unit, item.type_ref, item.at);
        const size_t i = parameters.size();
        if (!type && declares_function && i < variable_type->member_count()) {
          type = variable_type->member_type(i);
        }
        parameters.emplace_back(NormaliseName(item.name), type.value_or(Type::Any()));
      }
      const auto logic_type =
          ResolveType(node->unit, knowledge.logic->type_ref, knowledge.logic->at);
      if (logic_type) {
        result = logic_type->id() == Type::Id::kFunction ? logic_type->element() : *logic_type;
      }
    }
    node->info.type = Type::Function(std::move(parameters), result.value_or(Type::Any()));
    node->callable = std::make_unique<KnowledgeFunction>(node->info.name, node->info.type);
  } else if (node->service != nullptr) {
    std::vector<std::pair<std::string, Type>> parameters;
    const auto add = [&](const Reference& reference) {
      const auto found = FindReference(node->unit, reference);
      if (!found) return;
      const Node& given = parts_.nodes[*found];
      parameters.emplace_back(given.variable, given.declared.value_or(Type::Any()));
    };
    for (const Reference& reference : node->service->input_data) add(reference);
    for (const Reference& reference : node->service->input_decisions) add(reference);
    const auto declared =
        ResolveType(node->unit, node->service->variable.type_ref, node->service->variable.at);
    Type result = declared.value_or(Type::Any());
    if (result.id() == Type::Id::kFunction) result = result.element();
    node->info.type = Type::Function(std::move(parameters), result);
    node->callable = std::make_unique<ServiceFunction>(node->info.name, node->info.type);
  }
}

void ModelCompiler::CompileService(Node* node) {
  std::vector<uint32_t> outputs;
  std::vector<uint32_t> given;
  std::vector<std::string> names;
  const auto find = [&](const Reference& reference) -> std::optional<uint32_t> {
    std::vector<Diagnostic> reported;  // by MakeCallable and ResolveRequirements
    std::swap(reported, diagnostics_);
    const auto found = FindReference(node->unit, reference);
    std::swap(reported, diagnostics_);
    return found;
  };
  for (const Reference& reference : node->service->output_decisions) {
    const auto found = find(reference);
    if (!found || parts_.nodes[*found].decision == nullptr) continue;
    outputs.push_back(*found);
    names.push_back(parts_.nodes[*found].variable);
  }
  for (const auto* references : {&node->service->input_data, &node->service->input_decisions}) {
    for (const Reference& reference : *references) {
      if (const auto found = find(reference)) given.push_back(*found);
    }
  }
  if (outputs.empty()) {
    Report(Severity::kError, FileOf(*node), node->info.at, "no-output",
           "decision service '" + node->info.name + "' has no output decision");
    node->info.compiled = false;
  }
  Plan plan = MakePlan(parts_.nodes, outputs, given);
  std::vector<int32_t> parameters;
  for (const uint32_t id : given) {
    int32_t at = -1;
    for (size_t i = 0; i < plan.given.size(); ++i) {
      if (plan.given[i].node == &parts_.nodes[id]) at = static_cast<int32_t>(i);
    }
    parameters.push_back(at);
  }
  static_cast<ServiceFunction&>(*node->callable)
      .set_plan(std::move(plan), std::move(parameters), std::move(names));
}

// --- logic

CompileEnvironment ModelCompiler::EnvironmentOf(uint32_t unit) {
  CompileEnvironment environment;
  environment.file = parts_.units[unit].definitions->file;
  environment.strictness = options_.strictness;
  environment.zones = options_.zones;
  environment.resolve_type = [this, unit](const std::string& type_ref, Position at) {
    return ResolveType(unit, type_ref, at);
  };
  return environment;
}

feel::Boxed ModelCompiler::BoxFunction(uint32_t unit, const std::string& owner,
                                       const Expression& expression) {
  feel::Boxed boxed;
  boxed.kind = expression.function_kind == FunctionKind::kFeel ? feel::Boxed::Kind::kFunction
                                                               : feel::Boxed::Kind::kExternal;
  if (boxed.type && boxed.type->id() == Type::Id::kFunction) boxed.type = boxed.type->element();
  for (const InformationItem& item : expression.items) {
    boxed.names.push_back(NormaliseName(item.name));
    boxed.types.push_back(ResolveType(unit, item.type_ref, item.at).value_or(Type::Any()));
  }
  if (boxed.kind == feel::Boxed::Kind::kExternal) return boxed;
  if (expression.parts.empty()) {
    feel::Boxed none;
    none.text = "null";
    boxed.children.push_back(std::move(none));
  } else {
    boxed.children.push_back(Box(unit, owner, expression.parts[0]));
  }
  return boxed;
}

feel::Boxed ModelCompiler::BoxRelation(uint32_t unit, const std::string& owner,
                                       const Expression& expression) {
  feel::Boxed list;
  list.kind = feel::Boxed::Kind::kList;
  const size_t columns = expression.items.size();
  for (size_t at = 0; columns > 0 && at < expression.parts.size(); at += columns) {
    feel::Boxed row;
    row.kind = feel::Boxed::Kind::kContext;
    for (size_t c = 0; c < columns; ++c) {
      const InformationItem& column = expression.items[c];
      row.names.push_back(NormaliseName(column.name));
      feel::Boxed cell = Box(unit, owner, expression.parts[at + c]);
      if (auto type = ResolveType(unit, column.type_ref, column.at)) cell.type = std::move(type);
      row.children.push_back(std::move(cell));
    }
    list.children.push_back(std::move(row));
  }
  return list;
}

feel::Boxed ModelCompiler::BoxTable(uint32_t unit, const std::string& owner,
                                    const Expression& expression) {
  feel::Boxed boxed;
  boxed.kind = feel::Boxed::Kind::kCustom;
  auto table = std::make_shared<TableExpression>(
      expression.table, static_cast<uint32_t>(parts_.tables.size()), owner, EnvironmentOf(unit));
  parts_.tables.push_back({owner, table.get()});
  parts_.table_expressions.push_back(table);
  boxed.custom = std::move(table);
  return boxed;
}

feel::Boxed ModelCompiler::Box(uint32_t unit, const std::string& owner,
                               const Expression& expression) {
  using Kind = feel::Boxed::Kind;
  feel::Boxed boxed;
  const auto add_parts = [&](Kind kind) {
    boxed.kind = kind;
    for (const Expression& part : expression.parts)
      boxed.children.push_back(Box(unit, owner, part));
  };
  const auto add_typed_items = [&](size_t first) {
    for (size_t i = 0; i < expression.items.size(); ++i) {
      const InformationItem& item = expression.items[i];
      boxed.names.push_back(NormaliseName(item.name));
      auto type = ResolveType(unit, item.type_ref, item.at);
      feel::Boxed& part = boxed.children[first + i];
      // A function's type is its result's: what the variable declares is the whole function.
      if (type && part.kind != Kind::kFunction && part.kind != Kind::kExternal) {
        part.type = std::move(type);
      }
    }
  };
  switch (expression.kind) {
    case ExpressionKind::kLiteral:
      boxed.text = OutputEntryText(expression.text);
      if (!IsFeelLanguage(expression.text.language)) {
        Report(Severity::kError, parts_.units[unit].definitions->file, expression.at,
               "expression-language",
               "the expression language must be FEEL, not '" + expression.text.language + "'");
      }
      break;
    case ExpressionKind::kContext:
      add_parts(Kind::kContext);
      add_typed_items(0);
      break;
    case ExpressionKind::kInvocation:
      add_parts(Kind::kInvocation);
      add_typed_items(1);
      break;
    case ExpressionKind::kFunction:
      boxed = BoxFunction(unit, owner, expression);
      break;
    case ExpressionKind::kList:
      add_parts(Kind::kList);
      break;
    case ExpressionKind::kRelation:
      boxed = BoxRelation(unit, owner, expression);
      break;
    case ExpressionKind::kTable:
      boxed = BoxTable(unit, owner, expression);
      break;
    case ExpressionKind::kConditional:
      add_parts(Kind::kConditional);
      break;
    case ExpressionKind::kFilter:
      add_parts(Kind::kFilter);
      break;
    case ExpressionKind::kFor:
    case ExpressionKind::kSome:
    case ExpressionKind::kEvery:
      add_parts(expression.kind == ExpressionKind::kFor    ? Kind::kFor
                : expression.kind == ExpressionKind::kSome ? Kind::kSome
                                                           : Kind::kEvery);
      boxed.names.push_back(NormaliseName(expression.items[0].name));
      break;
  }
  const Position at =
      expression.kind == ExpressionKind::kLiteral ? expression.text.at : expression.at;
  boxed.line = at.line;
  boxed.column = at.column;
  if (auto type = ResolveType(unit, expression.type_ref, expression.at)) {
    const bool is_function = boxed.kind == Kind::kFunction || boxed.kind == Kind::kExternal;
    boxed.type = is_function && type->id() == Type::Id::kFunction ? type->element() : *type;
  }
  return boxed;
}

std::optional<feel::Expression> ModelCompiler::CompileLogic(uint32_t unit, const std::string& owner,
                                                            const Expression& expression,
                                                            const feel::Scope& scope) {
  const size_t before = diagnostics_.size();
  const feel::Boxed boxed = Box(unit, owner, expression);
  if (HasErrors(std::span(diagnostics_).subspan(before))) return std::nullopt;
  feel::CompileOptions options = EnvironmentOf(unit).OptionsAt(expression.at);
  return feel::Compile(boxed, scope, options, &diagnostics_);
}

// Adds what a node requires to its scope, values first.
void ModelCompiler::AddVisible(const Node& node, feel::Scope* scope,
                               std::vector<std::string>* names) {
  for (const uint32_t id : node.requires_values) {
    const Node& needed = parts_.nodes[id];
    names->push_back(NameIn(node.unit, needed));
    scope->Add(names->back(), needed.info.type);
  }
  for (const uint32_t id : node.requires_functions) {
    const Node& needed = parts_.nodes[id];
    scope->AddConstant(NameIn(node.unit, needed), needed.info.type,
                       Value::Function(needed.callable.get()));
  }
}

void ModelCompiler::CompileNode(Node* node) {
  feel::Scope scope(parts_.units[node->unit].scope.get());
  if (node->decision != nullptr) {
    AddVisible(*node, &scope, &node->argument_names);
    if (!node->decision->expression) return;
    auto logic = CompileLogic(node->unit, node->info.name, *node->decision->expression, scope);
    if (!logic) {
      node->info.compiled = false;
      return;
    }
    node->logic = std::move(*logic);
    node->has_logic = true;
    if (!node->declared) node->info.type = node->logic.type();
  } else if (node->knowledge != nullptr) {
    auto& function = static_cast<KnowledgeFunction&>(*node->callable);
    if (!node->knowledge->logic) return;
    const Expression& logic = *node->knowledge->logic;
    if (logic.function_kind != FunctionKind::kFeel) {
      function.set_external();
      return;
    }
    if (logic.parts.empty()) return;
    // Functions first: a parameter hides one of the same name.
    std::vector<std::string> ignored;
    AddVisible(*node, &scope, &ignored);
    for (size_t i = 0; i < node->info.type.member_count(); ++i) {
      scope.Add(node->info.type.member_name(i), node->info.type.member_type(i));
    }
    auto body = CompileLogic(node->unit, node->info.name, logic.parts[0], scope);
    if (body) {
      function.set_body(std::move(*body));
    } else {
      function.set_broken();
      node->info.compiled = false;
    }
  }
}

void ModelCompiler::List() {
  parts_.place.resize(parts_.nodes.size());
  for (uint32_t n = 0; n < parts_.nodes.size(); ++n) {
    const Node& node = parts_.nodes[n];
    std::vector<NodeInfo>* infos = nullptr;
    std::vector<uint32_t>* ids = nullptr;
    switch (node.info.kind) {
      case NodeKind::kInputData:
        infos = &parts_.input_data;
        ids = &parts_.input_nodes;
        break;
      case NodeKind::kDecision:
        infos = &parts_.decisions;
        ids = &parts_.decision_nodes;
        break;
      case NodeKind::kKnowledgeModel:
        infos = &parts_.knowledge_models;
        ids = &parts_.knowledge_nodes;
        break;
      case NodeKind::kService:
        infos = &parts_.services;
        ids = &parts_.service_nodes;
        break;
    }
    parts_.place[n] = static_cast<uint32_t>(infos->size());
    infos->push_back(node.info);
    ids->push_back(n);
  }
}

// --- Model

Model::Model() : parts_(std::make_unique<Parts>()) {}
Model::~Model() = default;

LoadResult Model::Load(const Source& source, const LoadOptions& options) {
  LoadResult result;
  std::shared_ptr<Model> model(new Model);
  if (ModelCompiler(model.get(), options, &result.diagnostics).Run(source)) result.model = model;
  SortDiagnostics(&result.diagnostics);
  return result;
}

const std::vector<NodeInfo>& Model::decisions() const { return parts_->decisions; }
const std::vector<NodeInfo>& Model::input_data() const { return parts_->input_data; }
const std::vector<NodeInfo>& Model::knowledge_models() const { return parts_->knowledge_models; }
const std::vector<NodeInfo>& Model::services() const { return parts_->services; }
const std::vector<TableInfo>& Model::tables() const { return parts_->tables; }
std::span<const Definitions* const> Model::files() const { return parts_->files; }

Model::Requirements Model::RequirementsOf(uint32_t decision) const {
  Requirements requirements;
  const Node& node = parts_->nodes[parts_->decision_nodes[decision]];
  for (const auto* ids : {&node.requires_values, &node.requires_functions}) {
    for (const uint32_t id : *ids) {
      const uint32_t place = parts_->place[id];
      switch (parts_->nodes[id].info.kind) {
        case NodeKind::kInputData:
          requirements.input_data.push_back(place);
          break;
        case NodeKind::kDecision:
          requirements.decisions.push_back(place);
          break;
        case NodeKind::kKnowledgeModel:
          requirements.knowledge_models.push_back(place);
          break;
        case NodeKind::kService:
          requirements.services.push_back(place);
          break;
      }
    }
  }
  return requirements;
}

std::vector<std::string> Model::ArgumentNames(uint32_t decision) const {
  return parts_->nodes[parts_->decision_nodes[decision]].argument_names;
}

std::vector<uint32_t> Model::ReachableFrom(uint32_t decision) const {
  std::set<uint32_t> seen;
  std::vector<uint32_t> stack = {parts_->decision_nodes[decision]};
  std::vector<uint32_t> reached;
  while (!stack.empty()) {
    const uint32_t id = stack.back();
    stack.pop_back();
    if (!seen.insert(id).second) continue;
    const Node& node = parts_->nodes[id];
    if (node.decision != nullptr && seen.size() > 1) reached.push_back(parts_->place[id]);
    stack.insert(stack.end(), node.requires_values.begin(), node.requires_values.end());
    stack.insert(stack.end(), node.requires_functions.begin(), node.requires_functions.end());
  }
  return reached;
}

const feel::Expression& Model::LogicOf(uint32_t decision) const {
  return parts_->nodes[parts_->decision_nodes[decision]].logic;
}

const feel::Callable* Model::FindFunction(std::string_view name) const {
  const std::string wanted = NormaliseName(name);
  for (const Node& node : parts_->nodes) {
    if (node.callable && node.info.name == wanted) return node.callable.get();
  }
  return nullptr;
}

}  // namespace credence::dmn
