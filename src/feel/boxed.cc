// Compiler: boxed expressions (DMN 1.5, 10.2.1 and 7.3).

#include "src/feel/builtin.h"
#include "src/feel/compiler.h"

namespace credence::feel {

Node* Compiler::CompileBoxed(const Boxed& boxed, int depth) {
  if (failed_) return nullptr;
  if (depth > kExpressionDepthMax / 4) {
    return Error(0, "too-deep", "the boxed expressions are nested too deeply");
  }
  const bool has_place = boxed.line != 0;
  Enter(boxed.text, has_place ? boxed.line : options_.line,
        has_place ? boxed.column : options_.column);
  if (failed_) return nullptr;
  const auto expect_children = [&](size_t least) {
    if (boxed.children.size() >= least) return true;
    Error(0, "incomplete", "a boxed expression lacks a part");
    return false;
  };
  Node* node = nullptr;
  switch (boxed.kind) {
    case Boxed::Kind::kLiteral:
      node = ParseWhole();
      break;
    case Boxed::Kind::kContext:
      node = BoxedContext(boxed, depth);
      break;
    case Boxed::Kind::kList: {
      std::vector<Node*> items;
      Type type = Type::Null();
      Node* list = NewNode(NodeKind::kList, 0);
      for (const Boxed& child : boxed.children) {
        Node* item = CompileBoxed(child, depth + 1);
        if (item == nullptr) return nullptr;
        items.push_back(item);
        type = items.size() == 1 ? *item->type : Type::Join(type, *item->type);
      }
      SetChildren(list, items);
      node = Done(list, Type::List(items.empty() ? Type::Any() : type));
      break;
    }
    case Boxed::Kind::kInvocation:
      if (expect_children(1)) node = BoxedInvocation(boxed, depth);
      break;
    case Boxed::Kind::kFunction:
    case Boxed::Kind::kExternal:
      return BoxedFunction(boxed, depth);
    case Boxed::Kind::kConditional: {
      if (!expect_children(3)) return nullptr;
      std::vector<Node*> parts;
      Node* choice = NewNode(NodeKind::kIf, 0);
      for (size_t i = 0; i < 3; ++i) parts.push_back(CompileBoxed(boxed.children[i], depth + 1));
      if (failed_ || parts[1] == nullptr || parts[2] == nullptr) return nullptr;
      SetChildren(choice, parts);
      node = Done(choice, Type::Join(*parts[1]->type, *parts[2]->type));
      break;
    }
    case Boxed::Kind::kFilter:
      if (expect_children(2)) node = BoxedFilter(boxed, depth);
      break;
    case Boxed::Kind::kFor:
    case Boxed::Kind::kSome:
    case Boxed::Kind::kEvery:
      if (expect_children(2)) node = BoxedLoop(boxed, depth);
      break;
    case Boxed::Kind::kCustom:
      node = BoxedCustom(boxed);
      break;
  }
  return boxed.type ? MakeCoerce(node, *boxed.type) : node;
}

Node* Compiler::BoxedContext(const Boxed& boxed, int depth) {
  Node* node = NewNode(NodeKind::kContext, 0);
  NodeExtra* extra = NewExtra();
  std::vector<Node*> values;
  std::vector<std::pair<std::string, Type>> members;
  PushBlock();
  for (size_t i = 0; i < boxed.children.size() && !failed_; ++i) {
    const Boxed& child = boxed.children[i];
    const std::string name = i < boxed.names.size() ? NormaliseName(boxed.names[i]) : "";
    const bool is_result = name.empty();
    if (is_result && i + 1 != boxed.children.size()) {
      Error(0, "incomplete", "the result of a context stands last");
      break;
    }
    Variable variable{name, child.type.value_or(Type::Any()), body_, body_->local_count++};
    // A function may call itself by the name of its entry.
    const bool is_function = child.kind == Boxed::Kind::kFunction;
    if (is_function) blocks_.back().variables.push_back({name, Type::Any(), body_, variable.local});
    Node* value = CompileBoxed(child, depth + 1);
    if (is_function) blocks_.back().variables.pop_back();
    if (value == nullptr) break;
    if (!child.type || is_function) variable.type = *value->type;
    if (!is_result) blocks_.back().variables.push_back(variable);
    extra->names.push_back(CopyName(name));
    extra->indices.push_back(variable.local);
    values.push_back(value);
    members.emplace_back(name, variable.type);
    if (is_result) node->flags = 1;
  }
  PopBlock();
  if (failed_ || values.size() != boxed.children.size()) return nullptr;
  node->extra = extra;
  const Type type = node->flags != 0 ? members.back().second : Type::Context(std::move(members));
  SetChildren(node, values);
  return Done(node, type);
}

Node* Compiler::BoxedInvocation(const Boxed& boxed, int depth) {
  Node* callee = CompileBoxed(boxed.children[0], depth + 1);
  std::vector<Node*> args;
  for (size_t i = 1; i < boxed.children.size() && !failed_; ++i) {
    args.push_back(CompileBoxed(boxed.children[i], depth + 1));
  }
  if (failed_ || callee == nullptr) return nullptr;
  std::vector<std::string> names;
  for (const std::string& name : boxed.names) names.push_back(NormaliseName(name));
  return MakeCall(callee, nullptr, std::move(args), std::move(names), 0);
}

Node* Compiler::BoxedFunction(const Boxed& boxed, int depth) {
  std::vector<std::pair<std::string, Type>> parameters;
  for (size_t i = 0; i < boxed.names.size(); ++i) {
    parameters.emplace_back(NormaliseName(boxed.names[i]),
                            i < boxed.types.size() ? boxed.types[i] : Type::Any());
  }
  bodies_.push_back({body_, 0, {}});
  body_ = &bodies_.back();
  PushBlock();
  for (const auto& [name, type] : parameters) AddVariable(name, type);
  const bool external = boxed.kind == Boxed::Kind::kExternal;
  Node* expression = nullptr;
  if (external) {
    expression = MakeNull(NullReason::kExternal, "external functions are not run", 0);
  } else if (boxed.children.empty()) {
    expression = MakeNull(NullReason::kMissing, "the function has no body", 0);
  } else {
    expression = CompileBoxed(boxed.children[0], depth + 1);
  }
  PopBlock();
  Body* body = body_;
  body_ = body->outer;
  const std::optional<Type> result = external ? std::optional(Type::Any()) : boxed.type;
  return MakeFunctionNode(body, parameters, result, expression, 0);
}

Node* Compiler::BoxedLoop(const Boxed& boxed, int depth) {
  Node* list = CompileBoxed(boxed.children[0], depth + 1);
  if (list == nullptr) return nullptr;
  PushBlock();
  const Type& type = *list->type;
  const Type item = type.id() == Type::Id::kRange ? type.element() : ItemType(type);
  std::vector<uint32_t> indices;
  indices.push_back(
      AddVariable(boxed.names.empty() ? "" : NormaliseName(boxed.names[0]), item).local);
  NodeKind kind = boxed.kind == Boxed::Kind::kSome ? NodeKind::kSome : NodeKind::kEvery;
  if (boxed.kind == Boxed::Kind::kFor) {
    kind = NodeKind::kFor;
    indices.push_back(AddVariable("partial", Type::List(Type::Any())).local);
  }
  Node* body = CompileBoxed(boxed.children[1], depth + 1);
  PopBlock();
  if (body == nullptr) return nullptr;
  return MakeLoop(kind, {list, body}, std::move(indices), 0);
}

Node* Compiler::BoxedFilter(const Boxed& boxed, int depth) {
  Node* list = CompileBoxed(boxed.children[0], depth + 1);
  if (list == nullptr) return nullptr;
  const Variable item = PushItemBlock(*list->type);
  Node* match = CompileBoxed(boxed.children[1], depth + 1);
  PopBlock();
  return MakeFilter(list, match, item, 0);
}

Node* Compiler::BoxedCustom(const Boxed& boxed) {
  if (boxed.custom == nullptr)
    return Error(0, "incomplete", "a boxed expression lacks its content");
  // Every visible name gets a slot of its own; what the expression reads is filled in from here.
  Scope visible(&scope_);
  std::vector<Variable> locals;
  for (const Block& block : blocks_) {
    for (const Variable& variable : block.variables) {
      if (variable.name.empty()) continue;
      visible.Add(variable.name, variable.type);
      locals.push_back(variable);
    }
  }
  const uint32_t outer_slots = scope_.slot_count();
  std::vector<Diagnostic> own;
  const Type type = boxed.custom->Bind(visible, &own);
  for (Diagnostic& diagnostic : own) {
    if (diagnostic.severity == Severity::kError) failed_ = true;
    if (diagnostics_ != nullptr) diagnostics_->push_back(std::move(diagnostic));
  }
  if (failed_) return nullptr;
  Node* node = NewNode(NodeKind::kCustom, 0);
  NodeExtra* extra = NewExtra();
  extra->custom = boxed.custom;
  extra->custom_slot_count = visible.slot_count();
  extra->custom_slots = boxed.custom->slots_read();
  for (const uint32_t slot : extra->custom_slots) {
    Node* source = slot < outer_slots ? MakeSlot(slot, Type::Any(), 0)
                                      : MakeVariable(locals[slot - outer_slots], 0);
    if (source == nullptr) return nullptr;
    extra->custom_sources.push_back(source);
  }
  node->extra = extra;
  return Done(node, type);
}

}  // namespace credence::feel
