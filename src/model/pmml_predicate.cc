#include "src/model/pmml_predicate.h"

#include <algorithm>

namespace credence::model {
namespace {

using Op = Predicate::Op;

bool IsNumeric(DataType type) { return type == DataType::kInteger || type == DataType::kNumber; }

bool IsOrder(Op op) {
  return op == Op::kLess || op == Op::kLessOrEqual || op == Op::kGreater ||
         op == Op::kGreaterOrEqual;
}

}  // namespace

std::optional<std::vector<std::string>> SplitArray(std::string_view text) {
  std::vector<std::string> items;
  size_t at = 0;
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
  while (true) {
    while (at < text.size() && is_space(text[at])) ++at;
    if (at == text.size()) return items;
    std::string item;
    if (text[at] == '"') {
      ++at;
      while (at < text.size() && text[at] != '"') {
        if (text[at] == '\\' && at + 1 < text.size() && text[at + 1] == '"') ++at;
        item.push_back(text[at++]);
      }
      if (at == text.size()) return std::nullopt;
      ++at;
    } else {
      while (at < text.size() && !is_space(text[at])) item.push_back(text[at++]);
    }
    items.push_back(std::move(item));
  }
}

PredicateReader::PredicateReader(PmmlReader* reader, const std::vector<InputField>* inputs)
    : reader_(reader), inputs_(inputs) {
  for (const InputField& input : *inputs) names_.push_back(input.name);
}

std::optional<uint32_t> PredicateReader::Field(pugi::xml_node node) {
  const std::string_view name = reader_->Required(node, "field");
  if (name.empty()) return std::nullopt;
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found != names_.end()) return static_cast<uint32_t>(found - names_.begin());
  reader_->Error(reader_->At(node, "field"), "unknown-field",
                 "'" + std::string(name) + "' is not an active field of the mining schema",
                 PmmlReader::Nearest(name, names_));
  return std::nullopt;
}

std::optional<uint32_t> PredicateReader::NumericField(pugi::xml_node node) {
  const std::optional<uint32_t> field = Field(node);
  if (field && !IsNumeric((*inputs_)[*field].type)) {
    reader_->Error(
        reader_->At(node, "field"), "bad-type",
        "'" + names_[*field] + "' is not a number, so points cannot be computed from it");
    return std::nullopt;
  }
  return field;
}

std::optional<Predicate> PredicateReader::Read(pugi::xml_node node, size_t depth) {
  if (depth >= kDepthMax) {
    reader_->Error(reader_->At(node), "limit",
                   "predicates are nested deeper than " + std::to_string(kDepthMax) + " levels");
    return std::nullopt;
  }
  const std::string_view name = reader_->Local(node);
  if (name == "SimplePredicate") return ReadSimple(node);
  if (name == "CompoundPredicate") return ReadCompound(node, depth);
  if (name == "SimpleSetPredicate") return ReadSet(node);
  reader_->CheckAttributes(node, {});
  reader_->Children(node, {});
  Predicate predicate;
  predicate.op = name == "True" ? Op::kTrue : Op::kFalse;
  return predicate;
}

std::optional<Predicate> PredicateReader::ReadSimple(pugi::xml_node node) {
  reader_->CheckAttributes(node, {"field", "operator", "value"});
  reader_->Children(node, {});
  const std::optional<uint32_t> field = Field(node);
  reader_->Required(node, "operator");
  const std::optional<Op> op = reader_->Choice(node, "operator", Op::kTrue,
                                               {{"equal", Op::kEqual},
                                                {"notEqual", Op::kNotEqual},
                                                {"lessThan", Op::kLess},
                                                {"lessOrEqual", Op::kLessOrEqual},
                                                {"greaterThan", Op::kGreater},
                                                {"greaterOrEqual", Op::kGreaterOrEqual},
                                                {"isMissing", Op::kIsMissing},
                                                {"isNotMissing", Op::kIsNotMissing}});
  if (!field || !op) return std::nullopt;
  Predicate predicate;
  predicate.op = *op;
  predicate.field = *field;
  const bool has_value = PmmlReader::Has(node, "value");
  if (*op == Op::kIsMissing || *op == Op::kIsNotMissing) {
    if (!has_value) return predicate;
    reader_->Error(reader_->At(node, "value"), "unexpected-value",
                   "isMissing and isNotMissing take no value");
    return std::nullopt;
  }
  if (!has_value) {
    reader_->Error(reader_->At(node), "missing-attribute",
                   "SimplePredicate needs the attribute 'value' with this operator");
    return std::nullopt;
  }
  const DataType type = (*inputs_)[*field].type;
  if (IsOrder(*op) && !IsNumeric(type)) {
    reader_->Error(reader_->At(node, "operator"), "unsupported",
                   "'" + names_[*field] + "' is a " + std::string(DataTypeName(type)) +
                       ": only equal, notEqual, isMissing and isNotMissing are supported");
    return std::nullopt;
  }
  std::optional<Constant> value =
      reader_->ParseConstant(reader_->At(node, "value"), PmmlReader::Text(node, "value"), type);
  if (!value) return std::nullopt;
  predicate.values.push_back(std::move(*value));
  return predicate;
}

std::optional<Predicate> PredicateReader::ReadCompound(pugi::xml_node node, size_t depth) {
  reader_->CheckAttributes(node, {"booleanOperator"});
  reader_->Required(node, "booleanOperator");
  const std::optional<Op> op = reader_->Choice(
      node, "booleanOperator", Op::kTrue,
      {{"and", Op::kAnd}, {"or", Op::kOr}, {"xor", Op::kXor}, {"surrogate", Op::kSurrogate}});
  Predicate predicate;
  bool whole = op.has_value();
  for (const pugi::xml_node child : reader_->Children(
           node, {"SimplePredicate", "CompoundPredicate", "SimpleSetPredicate", "True", "False"})) {
    std::optional<Predicate> part = Read(child, depth + 1);
    if (part) {
      predicate.children.push_back(std::move(*part));
    } else {
      whole = false;
    }
  }
  if (!whole) return std::nullopt;
  if (predicate.children.size() < 2) {
    reader_->Error(reader_->At(node), "too-few", "CompoundPredicate needs two or more predicates");
    return std::nullopt;
  }
  predicate.op = *op;
  return predicate;
}

std::optional<Predicate> PredicateReader::ReadSet(pugi::xml_node node) {
  reader_->CheckAttributes(node, {"field", "booleanOperator"});
  const std::optional<uint32_t> field = Field(node);
  reader_->Required(node, "booleanOperator");
  const std::optional<Op> op = reader_->Choice(node, "booleanOperator", Op::kTrue,
                                               {{"isIn", Op::kIn}, {"isNotIn", Op::kNotIn}});
  const std::vector<pugi::xml_node> children = reader_->Children(node, {"Array"});
  const pugi::xml_node array = reader_->One(children, "Array");
  if (!array) {
    reader_->Error(reader_->At(node), "missing-element", "SimpleSetPredicate needs an Array");
    return std::nullopt;
  }
  reader_->CheckAttributes(array, {"n", "type"});
  const std::optional<bool> known_type =
      reader_->Choice(array, "type", true, {{"string", true}, {"int", true}, {"real", true}});
  reader_->Required(array, "type");
  const std::optional<uint32_t> count = reader_->Count(array, "n");
  for (const pugi::xml_node part : array.children()) {
    if (part.type() == pugi::node_element) {
      reader_->Error(reader_->At(part), "unknown-element", "Array holds text only");
    }
  }
  std::string text;
  for (const pugi::xml_node part : array.children()) text += part.value();
  const std::optional<std::vector<std::string>> items = SplitArray(text);
  if (!items) {
    reader_->Error(reader_->At(array), "bad-value", "a quoted item of the Array does not end");
    return std::nullopt;
  }
  if (count && *count != items->size()) {
    reader_->Error(reader_->At(array, "n"), "bad-number",
                   "n is " + std::to_string(*count) + ", but the Array has " +
                       std::to_string(items->size()) + " items");
    return std::nullopt;
  }
  if (items->size() > kSetValuesMax) {
    reader_->Error(reader_->At(array), "limit",
                   "an Array may have at most " + std::to_string(kSetValuesMax) + " items");
    return std::nullopt;
  }
  if (!field || !op || !known_type) return std::nullopt;
  Predicate predicate;
  predicate.op = *op;
  predicate.field = *field;
  for (const std::string& item : *items) {
    std::optional<Constant> value =
        reader_->ParseConstant(reader_->At(array), item, (*inputs_)[*field].type);
    if (!value) return std::nullopt;
    predicate.values.push_back(std::move(*value));
  }
  return predicate;
}

std::optional<Expression> PredicateReader::ReadComplexScore(pugi::xml_node node) {
  reader_->CheckAttributes(node, {});
  const std::vector<pugi::xml_node> children =
      reader_->Children(node, {"Constant", "FieldRef", "Apply"});
  if (children.size() != 1) {
    reader_->Error(reader_->At(node), "bad-count", "ComplexPartialScore needs one expression");
    return std::nullopt;
  }
  return ReadExpression(children[0], 0);
}

std::optional<Expression> PredicateReader::ReadExpression(pugi::xml_node node, size_t depth) {
  if (depth >= kDepthMax) {
    reader_->Error(reader_->At(node), "limit",
                   "expressions are nested deeper than " + std::to_string(kDepthMax) + " levels");
    return std::nullopt;
  }
  const std::string_view name = reader_->Local(node);
  if (name == "Apply") return ReadApply(node, depth);
  Expression expression;
  if (name == "FieldRef") {
    reader_->CheckAttributes(node, {"field", "mapMissingTo"});
    reader_->Children(node, {});
    const std::optional<uint32_t> field = NumericField(node);
    expression.op = Expression::Op::kField;
    expression.map_missing_to = reader_->Number(node, "mapMissingTo");
    if (!field) return std::nullopt;
    expression.field = *field;
    return expression;
  }
  reader_->CheckAttributes(node, {"dataType"});
  const std::optional<bool> numeric = reader_->Choice(
      node, "dataType", true, {{"double", true}, {"float", true}, {"integer", true}});
  const std::optional<Decimal> number = ParseNumber(node.text().get());
  if (!number) {
    reader_->Error(reader_->At(node), "bad-number", "Constant is not a finite number");
  }
  if (!number || !numeric) return std::nullopt;
  expression.constant = *number;
  return expression;
}

std::optional<Expression> PredicateReader::ReadApply(pugi::xml_node node, size_t depth) {
  using EOp = Expression::Op;
  reader_->CheckAttributes(node,
                           {"function", "mapMissingTo", "defaultValue", "invalidValueTreatment"});
  reader_->Required(node, "function");
  const std::optional<EOp> op = reader_->Choice(
      node, "function", EOp::kConstant,
      {{"+", EOp::kAdd}, {"-", EOp::kSubtract}, {"*", EOp::kMultiply}, {"/", EOp::kDivide}});
  reader_->Choice(node, "invalidValueTreatment", true, {{"returnInvalid", true}});
  Expression expression;
  expression.map_missing_to = reader_->Number(node, "mapMissingTo");
  expression.default_value = reader_->Number(node, "defaultValue");
  bool whole = op.has_value();
  for (const pugi::xml_node child : reader_->Children(node, {"Constant", "FieldRef", "Apply"})) {
    std::optional<Expression> argument = ReadExpression(child, depth + 1);
    if (argument) {
      expression.arguments.push_back(std::move(*argument));
    } else {
      whole = false;
    }
  }
  if (!whole) return std::nullopt;
  if (expression.arguments.size() != 2) {
    reader_->Error(reader_->At(node), "bad-count",
                   "'" + std::string(PmmlReader::Text(node, "function")) +
                       "' needs two arguments, not " + std::to_string(expression.arguments.size()));
    return std::nullopt;
  }
  expression.op = *op;
  return expression;
}

}  // namespace credence::model
