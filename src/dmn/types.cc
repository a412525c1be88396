#include "src/dmn/types.h"

#include <algorithm>

#include "src/feel/evaluation.h"

namespace credence::dmn {

using feel::NormaliseName;
using feel::Type;
using feel::Value;

namespace {

// Unary tests of an item definition, and those of the type that it refers to.
class AllowedValues final : public feel::Constraint {
 public:
  AllowedValues(std::string name, feel::UnaryTests tests, ZoneSource* zones,
                std::shared_ptr<const feel::Constraint> base)
      : text_(std::move(name) + ": " + tests.text()),
        tests_(std::move(tests)),
        zones_(zones),
        base_(std::move(base)) {}

  [[nodiscard]] bool Allows(const Value& value, Arena& arena) const override {
    if (base_ != nullptr && !base_->Allows(value, arena)) return false;
    const feel::UnaryTestShape& shape = tests_.shape();
    if (shape.kind == feel::UnaryTestShape::Kind::kAny) return true;
    if (shape.kind == feel::UnaryTestShape::Kind::kAlternatives && !shape.negated) {
      // A list of constants, as most of them are.
      for (const auto& alternative : shape.alternatives) {
        if (alternative.is_interval || alternative.constant.kind() != value.kind()) continue;
        if (feel::Equals(alternative.constant, value) == feel::Ternary::kTrue) return true;
      }
    }
    feel::EvaluationContext context(&arena, zones_);
    return tests_.Matches(value, {}, context);
  }
  [[nodiscard]] std::string_view text() const override { return text_; }

 private:
  std::string text_;
  feel::UnaryTests tests_;
  ZoneSource* zones_;
  std::shared_ptr<const feel::Constraint> base_;
};

}  // namespace

Type TypeTable::Limited(const Type& type, const std::string& name,
                        const std::optional<Text>& tests) const {
  if (!tests || tests->text.find_first_not_of(" \t\r\n") == std::string::npos) return type;
  feel::CompileOptions options;
  options.file = definitions_->file;
  options.line = std::max<uint32_t>(tests->at.line, 1);
  options.column = std::max<uint32_t>(tests->at.column, 1);
  options.strictness = strictness_;
  options.zones = zones_;
  auto compiled = feel::CompileUnaryTests(tests->text, feel::Scope(), type, options, &diagnostics_);
  if (!compiled) return type;
  return type.With(
      std::make_shared<AllowedValues>(name, std::move(*compiled), zones_, type.constraint()));
}

std::optional<Type> TypeTable::FindOwn(std::string_view name) const {
  const std::string wanted = NormaliseName(name);
  if (const auto known = made_.find(wanted); known != made_.end()) {
    return known->second.value_or(Type::Any());
  }
  for (const ItemDefinition& item : definitions_->item_definitions) {
    if (NormaliseName(item.name) != wanted) continue;
    made_[wanted] = std::nullopt;
    const Type type = TypeOf(item);
    made_[wanted] = type;
    return type;
  }
  return std::nullopt;
}

void TypeTable::MakeAll(std::vector<Diagnostic>* diagnostics) const {
  for (const ItemDefinition& item : definitions_->item_definitions) {
    static_cast<void>(FindOwn(item.name));
  }
  diagnostics->insert(diagnostics->end(), diagnostics_.begin(), diagnostics_.end());
  diagnostics_.clear();
}

// "import.type" and, in files of DMN 1.1, "prefix:type".
std::optional<Type> TypeTable::FindQualified(std::string_view type_ref) const {
  for (const Imported& imported : imports_) {
    if (imported.name.empty()) {
      if (auto found = imported.table->FindOwn(type_ref)) return found;
    } else if (type_ref.size() > imported.name.size() + 1 && type_ref.starts_with(imported.name) &&
               type_ref[imported.name.size()] == '.') {
      if (auto found = imported.table->Find(type_ref.substr(imported.name.size() + 1))) {
        return found;
      }
    }
  }
  const size_t colon = type_ref.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string_view local = type_ref.substr(colon + 1);
  for (const auto& [prefix, uri] : definitions_->prefixes) {
    if (prefix != type_ref.substr(0, colon)) continue;
    if (uri == definitions_->namespace_uri) return FindOwn(local);
    for (const Imported& imported : imports_) {
      if (imported.namespace_uri == uri) return imported.table->Find(local);
    }
    return Type::FromName(local);
  }
  return std::nullopt;
}

std::optional<Type> TypeTable::Find(std::string_view type_ref) const {
  if (auto found = FindOwn(type_ref)) return found;
  if (auto found = Type::FromName(NormaliseName(type_ref))) return found;
  return FindQualified(type_ref);
}

Type TypeTable::TypeOf(const ItemDefinition& item) const {
  Type type = Type::Any();
  if (!item.components.empty()) {
    std::vector<std::pair<std::string, Type>> members;
    for (const ItemDefinition& component : item.components) {
      members.emplace_back(NormaliseName(component.name), TypeOf(component));
    }
    type = Type::Context(std::move(members));
  } else if (item.is_function) {
    std::vector<std::pair<std::string, Type>> parameters;
    for (const InformationItem& parameter : item.parameters) {
      parameters.emplace_back(NormaliseName(parameter.name),
                              Find(parameter.type_ref).value_or(Type::Any()));
    }
    type = Type::Function(std::move(parameters), Find(item.output_type_ref).value_or(Type::Any()));
  } else if (!item.type_ref.empty()) {
    type = Find(item.type_ref).value_or(Type::Any());
  }
  if (type.id() == Type::Id::kList && item.allowed_values) {  // of its items
    Type list = Type::List(Limited(type.element(), item.name, item.allowed_values));
    type = type.constraint() ? list.With(type.constraint()) : list;
  } else {
    type = Limited(type, item.name, item.allowed_values);
  }
  if (item.is_collection) type = Type::List(type);
  return Limited(type, item.name, item.type_constraint);
}

std::optional<Type> TypeTable::Resolve(const std::string& type_ref, Position at,
                                       std::vector<Diagnostic>* diagnostics) const {
  if (type_ref.empty()) return std::nullopt;
  if (auto found = Find(type_ref)) return found;
  // Newer files may write a type expression, such as list<number>.
  if (type_ref.find('<') != std::string::npos) {
    feel::Scope scope;
    AddTo(&scope);
    std::vector<Diagnostic> ignored;
    if (auto found = feel::CompileType(type_ref, scope, {}, &ignored)) return found;
  }
  if (diagnostics != nullptr) {
    std::vector<std::string> names = {"number",
                                      "string",
                                      "boolean",
                                      "date",
                                      "time",
                                      "date and time",
                                      "days and time duration",
                                      "years and months duration",
                                      "Any"};
    for (const ItemDefinition& item : definitions_->item_definitions) names.push_back(item.name);
    const std::string_view nearest = NearestName(type_ref, names);
    diagnostics->push_back({Severity::kWarning, definitions_->file, at.line, at.column,
                            "unknown-type", "unknown type '" + type_ref + "'",
                            nearest.empty() ? "" : "did you mean '" + std::string(nearest) + "'?"});
  }
  return std::nullopt;
}

void TypeTable::AddTo(feel::Scope* scope) const {
  for (const Imported& imported : imports_) {
    for (const ItemDefinition& item : imported.table->definitions_->item_definitions) {
      const std::string name = NormaliseName(item.name);
      scope->AddType(imported.name.empty() ? name : imported.name + "." + name,
                     imported.table->FindOwn(name).value_or(Type::Any()));
    }
  }
  for (const ItemDefinition& item : definitions_->item_definitions) {
    const std::string name = NormaliseName(item.name);
    scope->AddType(name, FindOwn(name).value_or(Type::Any()));
  }
}

}  // namespace credence::dmn
