// Compiler: making nodes, their types, folding of constants.

#include <algorithm>
#include <array>

#include "src/feel/builtin.h"
#include "src/feel/compiler.h"
#include "src/feel/regex.h"
#include "src/feel/steps.h"
#include "src/feel/temporal.h"

namespace credence::feel {
namespace {

bool IsConstant(const Node& node) { return node.kind == NodeKind::kConstant; }

bool IsFoldable(NodeKind kind) {
  switch (kind) {
    case NodeKind::kNegate:
    case NodeKind::kArithmetic:
    case NodeKind::kCompare:
    case NodeKind::kAnd:
    case NodeKind::kOr:
    case NodeKind::kBetween:
    case NodeKind::kIn:
    case NodeKind::kInstanceOf:
    case NodeKind::kIf:
    case NodeKind::kList:
    case NodeKind::kContext:
    case NodeKind::kRange:
    case NodeKind::kUnaryRange:
    case NodeKind::kPath:
    case NodeKind::kFilter:
    case NodeKind::kCallBuiltin:
    case NodeKind::kCoerce:
      return true;
    default:
      return false;
  }
}

bool IsTemporal(Type::Id id) { return id >= Type::Id::kDate && id <= Type::Id::kYearsDuration; }

// The type of a result of + - * / where those of the operands are known.
Type ArithmeticType(char op, const Type& a, const Type& b) {
  const Type::Id x = a.id();
  const Type::Id y = b.id();
  if (x == Type::Id::kNumber && y == x) return Type::Number();
  if (op == '^') return Type::Number();
  if (op == '+' && x == Type::Id::kString && y == x) return Type::String();
  const bool x_duration = x == Type::Id::kDaysDuration || x == Type::Id::kYearsDuration;
  const bool y_duration = y == Type::Id::kDaysDuration || y == Type::Id::kYearsDuration;
  if (op == '/' && x_duration && y == x) return Type::Number();
  if (x_duration && (y == Type::Id::kNumber || y == x)) return a;
  if (y_duration && x == Type::Id::kNumber) return b;
  if (IsTemporal(x) && y_duration && !x_duration) return a;
  if (IsTemporal(y) && x_duration && !y_duration) return b;
  if (op == '-' && IsTemporal(x) && IsTemporal(y)) return Type::DaysDuration();
  return Type::Any();
}

// Whether values of these types can be operands of op at all.
bool CanBeOperands(char op, const Type& a, const Type& b) {
  if (a.IsAny() || b.IsAny()) return true;
  const Type::Id x = a.id();
  const Type::Id y = b.id();
  if (x == Type::Id::kNull || y == Type::Id::kNull) return false;
  if (x == Type::Id::kNumber && y == x) return true;
  if (op == '^') return false;
  if (op == '+' && x == Type::Id::kString && y == x) return true;
  return ArithmeticType(op, a, b).id() != Type::Id::kAny;
}

// Functions whose result is a list of items of their first argument.
bool KeepsListType(std::string_view name) {
  static constexpr std::array<std::string_view, 5> kNames = {"sublist", "remove", "reverse",
                                                             "distinct values", "sort"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

bool JoinsListTypes(std::string_view name) {
  return name == "concatenate" || name == "union" || name == "append";
}

Type BuiltinType(const Builtin& builtin, const std::vector<Node*>& args) {
  const auto simple = [](Type::Id id) {
    switch (id) {
      case Type::Id::kNumber:
        return Type::Number();
      case Type::Id::kString:
        return Type::String();
      case Type::Id::kBoolean:
        return Type::Boolean();
      case Type::Id::kDate:
        return Type::Date();
      case Type::Id::kTime:
        return Type::Time();
      case Type::Id::kDateTime:
        return Type::DateTime();
      case Type::Id::kDaysDuration:
        return Type::DaysDuration();
      case Type::Id::kYearsDuration:
        return Type::YearsDuration();
      case Type::Id::kList:
        return Type::List(Type::Any());
      case Type::Id::kContext:
        return Type::OpenContext();
      case Type::Id::kRange:
        return Type::Range(Type::Any());
      default:
        return Type::Any();
    }
  };
  if (builtin.result == Type::Id::kList && !args.empty() &&
      args[0]->type->id() == Type::Id::kList) {
    if (KeepsListType(builtin.name)) return *args[0]->type;
    if (JoinsListTypes(builtin.name)) {
      const bool same = std::all_of(args.begin(), args.end(), [&](const Node* arg) {
        return *arg->type == *args[0]->type || *arg->type == args[0]->type->element();
      });
      if (same) return *args[0]->type;
    }
  }
  // The largest or smallest of values of one type is of that type (or null).
  if ((builtin.name == "max" || builtin.name == "min") && !args.empty()) {
    const bool list = args.size() == 1 && args[0]->type->id() == Type::Id::kList;
    Type first = list ? args[0]->type->element() : *args[0]->type;
    const bool same = list || std::all_of(args.begin(), args.end(),
                                          [&](const Node* arg) { return *arg->type == first; });
    if (same) return first;
  }
  if (builtin.name == "split" || builtin.name == "string join") {
    return builtin.name == "split" ? Type::List(Type::String()) : Type::String();
  }
  return simple(builtin.result);
}

bool NamesAZone(const Value& value) {
  return value.IsString() && value.string().find('@') != std::string_view::npos;
}

}  // namespace

Compiler::Compiler(const Scope& scope, const CompileOptions& options,
                   std::vector<Diagnostic>* diagnostics)
    : scope_(scope),
      options_(options),
      diagnostics_(diagnostics),
      program_(std::make_shared<Program>()),
      fold_context_(&program_->arena, options.zones) {
  bodies_.push_back({});
  body_ = &bodies_.back();
  line_starts_.assign(1, 0);
  point_counts_.assign(1, 0);
  // Folding must not blow up a small text.
  fold_context_.limits.list_items_max = 10'000;
  fold_context_.limits.string_bytes_max = 65'536;
  fold_context_.limits.iterations_max = 100'000;
}

Node* Compiler::NewNode(NodeKind kind, size_t position) {
  program_->nodes.emplace_back();
  Node* node = &program_->nodes.back();
  node->kind = kind;
  Locate(position, &node->line, &node->column);
  return node;
}

NodeExtra* Compiler::NewExtra() {
  program_->extras.emplace_back();
  return &program_->extras.back();
}

const Type* Compiler::Keep(const Type& type) {
  program_->types.push_back(type);
  return &program_->types.back();
}

std::string_view Compiler::CopyName(std::string_view name) { return program_->arena.Copy(name); }

void Compiler::SetChildren(Node* node, std::span<Node* const> children) {
  const auto copy = program_->arena.NewArray<Node*>(children.size());
  std::copy(children.begin(), children.end(), copy.begin());
  node->children = copy.data();
  node->child_count = static_cast<uint32_t>(copy.size());
}

Node* Compiler::Done(Node* node, const Type& type) {
  if (failed_) return nullptr;
  int height = 0;
  for (uint32_t i = 0; i < node->child_count; ++i) {
    if (node->children[i] == nullptr) return nullptr;
    height = std::max<int>(height, node->children[i]->height);
  }
  if (height + 1 > kExpressionDepthMax) {
    return Error(at_, "too-deep",
                 "the expression is nested deeper than " + std::to_string(kExpressionDepthMax));
  }
  node->height = static_cast<uint16_t>(height + 1);
  node->type = Keep(type);
  Link(node);
  return Fold(node);
}

Node* Compiler::Fold(Node* node) {
  if (!options_.fold_constants || !IsFoldable(node->kind)) return node;
  bool null_child = false;
  for (uint32_t i = 0; i < node->child_count; ++i) {
    const Node& child = node->child(i);
    if (!IsConstant(child)) return node;
    null_child |= child.constant.IsNull();
    // A function may belong to a model that is not complete yet.
    if (node->kind == NodeKind::kCallBuiltin && child.constant.IsFunction()) return node;
    if (node->kind == NodeKind::kCallBuiltin && options_.zones == nullptr &&
        NamesAZone(child.constant)) {
      return node;
    }
  }
  if (node->kind == NodeKind::kCallBuiltin && !node->extra->builtin->pure) return node;
  std::vector<Value> locals(body_->local_count + 1);
  Frame frame{nullptr, locals.data(), &fold_context_};
  fold_context_.ResetCounters();
  const Value value = node->eval(*node, frame);
  if (value.IsNull() && value.null_reason() == NullReason::kLimit) return node;
  if (value.IsNull() && value.null_reason() != NullReason::kNone && !null_child) {
    if (diagnostics_ != nullptr) {
      Diagnostic diagnostic;
      diagnostic.severity =
          options_.strictness == Strictness::kStrict ? Severity::kError : Severity::kWarning;
      diagnostic.file = options_.file;
      diagnostic.line = node->line;
      diagnostic.column = node->column;
      diagnostic.code = "always-null";
      diagnostic.message = "this is always null: " + std::string(value.null_text());
      diagnostics_->push_back(std::move(diagnostic));
    }
  }
  node->kind = NodeKind::kConstant;
  node->constant = value;
  node->children = nullptr;
  node->child_count = 0;
  node->extra = nullptr;
  node->height = 1;
  if (node->type->IsAny()) node->type = Keep(TypeOf(value));
  Link(node);
  return node;
}

Node* Compiler::MakeConstant(const Value& value, const Type& type, size_t position) {
  Node* node = NewNode(NodeKind::kConstant, position);
  node->constant = value;
  return Done(node, type);
}

Node* Compiler::MakeNull(NullReason reason, std::string_view text, size_t position) {
  return MakeConstant(Value::Null(reason, text), Type::Null(), position);
}

Node* Compiler::MakeBinary(NodeKind kind, uint8_t op, Node* left, Node* right, const Type& type,
                           size_t position) {
  if (left == nullptr || right == nullptr) return nullptr;
  Node* node = NewNode(kind, position);
  node->op = op;
  Node* const children[] = {left, right};
  SetChildren(node, children);
  return Done(node, type);
}

void Compiler::CheckOperands(std::string_view op, const Node& left, const Node& right,
                             size_t position) {
  if (left.type->id() == Type::Id::kNull || right.type->id() == Type::Id::kNull) return;
  if (left.type->id() == Type::Id::kList || right.type->id() == Type::Id::kList) return;
  if (!left.type->IsDisjointFrom(*right.type)) return;
  Warn(position, "type-mismatch",
       "'" + std::string(op) + "' of " + left.type->ToString() + " and " + right.type->ToString() +
           " is always null");
}

Node* Compiler::MakeArithmetic(char op, Node* left, Node* right, size_t position) {
  if (left == nullptr || right == nullptr) return nullptr;
  const bool constants = IsConstant(*left) && IsConstant(*right);
  if (!constants && !CanBeOperands(op, *left->type, *right->type)) {
    Warn(position, "type-mismatch",
         "'" + std::string(op == '^' ? "**" : std::string(1, op)) + "' of " +
             left->type->ToString() + " and " + right->type->ToString() + " is always null");
  }
  return MakeBinary(NodeKind::kArithmetic, static_cast<uint8_t>(op), left, right,
                    ArithmeticType(op, *left->type, *right->type), position);
}

Node* Compiler::MakeCompare(CompareOp op, Node* left, Node* right, size_t position) {
  if (left == nullptr || right == nullptr) return nullptr;
  if (!IsConstant(*left) || !IsConstant(*right))
    CheckOperands("comparison", *left, *right, position);
  return MakeBinary(NodeKind::kCompare, static_cast<uint8_t>(op), left, right, Type::Boolean(),
                    position);
}

Type Compiler::ItemType(const Type& list_type) {
  return list_type.id() == Type::Id::kList ? list_type.element() : list_type;
}

Type Compiler::PropertyType(const Type& base, std::string_view name) {
  if (base.id() == Type::Id::kList) {
    const Type item = PropertyType(base.element(), name);
    return Type::List(item);
  }
  if (base.id() == Type::Id::kContext) {
    const auto member = base.FindMember(name);
    return member ? base.member_type(*member) : Type::Any();
  }
  if (base.id() == Type::Id::kRange) {
    if (name == "start" || name == "end") return base.element();
    return Type::Boolean();
  }
  if (IsTemporal(base.id())) {
    if (name == "time offset") return Type::DaysDuration();
    if (name == "timezone") return Type::String();
    return Type::Number();
  }
  return Type::Any();
}

Node* Compiler::MakePath(Node* base, std::string_view name, size_t position) {
  if (base == nullptr) return nullptr;
  Node* node = NewNode(NodeKind::kPath, position);
  node->name = CopyName(name);
  // Where the member probably is.
  if (base->type->id() == Type::Id::kContext) {
    node->index = static_cast<uint32_t>(base->type->FindMember(name).value_or(0));
  }
  SetChildren(node, {&base, 1});
  return Done(node, PropertyType(*base->type, name));
}

Node* Compiler::MakeCoerce(Node* node, const Type& type) {
  if (node == nullptr || (type.IsAny() && !type.IsConstrained())) return node;
  if (node->kind == NodeKind::kConstant && !node->constant.IsNull() &&
      node->type->ConformsTo(type)) {
    Arena scratch;
    if (!type.IsConstrained() || !Coerce(node->constant, type, scratch).IsNull()) return node;
  }
  program_->nodes.emplace_back();
  Node* coerce = &program_->nodes.back();
  coerce->kind = NodeKind::kCoerce;
  coerce->line = node->line;
  coerce->column = node->column;
  NodeExtra* extra = NewExtra();
  extra->types.push_back(type);
  coerce->extra = extra;
  SetChildren(coerce, {&node, 1});
  return Done(coerce, type);
}

Node* Compiler::MakeFilter(Node* list, Node* predicate, const Variable& item, size_t position) {
  if (list == nullptr || predicate == nullptr) return nullptr;
  Node* node = NewNode(NodeKind::kFilter, position);
  node->index = item.local;
  Node* const children[] = {list, predicate};
  SetChildren(node, children);
  const Type::Id id = predicate->type->id();
  Type type;
  if (id == Type::Id::kNumber) type = ItemType(*list->type);
  if (id == Type::Id::kBoolean) type = Type::List(ItemType(*list->type));
  const bool possible = id == Type::Id::kNumber || id == Type::Id::kBoolean ||
                        id == Type::Id::kAny || id == Type::Id::kNull;
  if (!possible) {
    Warn(position, "type-mismatch",
         "a filter is a number or a boolean, not a " + predicate->type->ToString());
  }
  return Done(node, type);
}

Node* Compiler::MakeLoop(NodeKind kind, std::vector<Node*> children, std::vector<uint32_t> indices,
                         size_t position) {
  Node* node = NewNode(kind, position);
  NodeExtra* extra = NewExtra();
  extra->indices = std::move(indices);
  node->extra = extra;
  SetChildren(node, children);
  return Done(node, kind == NodeKind::kFor ? Type::List(*children.back()->type) : Type::Boolean());
}

Node* Compiler::MakeCall(Node* callee, const Builtin* builtin, std::vector<Node*> args,
                         const std::vector<std::string>& names, size_t position) {
  if (builtin != nullptr) return MakeBuiltinCall(*builtin, std::move(args), names, position);
  if (callee == nullptr) return nullptr;
  const Type& type = *callee->type;
  if (!type.IsAny() && type.id() != Type::Id::kFunction && type.id() != Type::Id::kNull) {
    Warn(position, "not-a-function", "a " + type.ToString() + " cannot be called");
  }
  if (type.id() == Type::Id::kFunction && type.HasMembers() && type.member_count() != args.size()) {
    Warn(position, "wrong-arguments",
         "the function takes " + std::to_string(type.member_count()) + " arguments, not " +
             std::to_string(args.size()));
  }
  Node* node = NewNode(NodeKind::kCall, position);
  NodeExtra* extra = NewExtra();
  for (const std::string& name : names) extra->names.push_back(CopyName(name));
  node->extra = extra;
  std::vector<Node*> children = {callee};
  children.insert(children.end(), args.begin(), args.end());
  SetChildren(node, children);
  return Done(node, type.id() == Type::Id::kFunction ? type.element() : Type::Any());
}

Node* Compiler::MakeBuiltinCall(const Builtin& builtin, std::vector<Node*> args,
                                const std::vector<std::string>& names, size_t position) {
  const auto wrong = [&](std::string what) -> Node* {
    what = std::string(builtin.name) + "(): " + what + "; it takes (" +
           std::string(builtin.signatures) + ")";
    Warn(position, "wrong-arguments", what);
    return MakeNull(NullReason::kArity, CopyName(what), position);
  };
  int signature = -1;
  if (!names.empty()) {
    const std::vector<std::string_view> views(names.begin(), names.end());
    std::vector<int> positions;
    signature = MatchSignature(builtin, views, &positions);
    if (signature < 0) return wrong("no parameters of these names");
    std::vector<Node*> ordered;
    for (const int index : positions) {
      ordered.push_back(index >= 0 ? args[static_cast<size_t>(index)]
                                   : MakeConstant(Absent(), Type::Null(), position));
    }
    args = std::move(ordered);
  } else if (!AcceptsCount(builtin, args.size())) {
    return wrong("wrong number of arguments (" + std::to_string(args.size()) + ")");
  }
  Node* node = NewNode(NodeKind::kCallBuiltin, position);
  NodeExtra* extra = NewExtra();
  extra->builtin = &builtin;
  extra->overload = signature;
  const size_t flags_at = RegexFlagsPosition(builtin.name);
  if (flags_at > 0 && args.size() >= 2 && IsConstant(*args[1]) && args[1]->constant.IsString()) {
    const bool has_flags = args.size() > flags_at;
    const bool known = !has_flags || IsConstant(*args[flags_at]);
    const Value flags = has_flags && known ? args[flags_at]->constant : Absent();
    if (known && (flags.IsString() || IsAbsent(flags))) {
      auto regex = Regex::Compile(args[1]->constant.string(),
                                  flags.IsString() ? flags.string() : std::string_view());
      if (regex.ok()) {
        extra->regex = regex.value();
      } else {
        Warn(position, "invalid-pattern", regex.status().message());
      }
    }
  }
  node->extra = extra;
  SetChildren(node, args);
  return Done(node, BuiltinType(builtin, args));
}

Node* Compiler::MakeFunctionNode(Body* body,
                                 const std::vector<std::pair<std::string, Type>>& parameters,
                                 const std::optional<Type>& result, Node* expression,
                                 size_t position) {
  if (expression == nullptr) return nullptr;
  Node* node = NewNode(NodeKind::kFunction, position);
  NodeExtra* extra = NewExtra();
  extra->captures = body->captures;
  extra->local_count = body->local_count;
  extra->parameter_count = static_cast<uint32_t>(parameters.size());
  for (const auto& [name, type] : parameters) {
    extra->names.push_back(CopyName(name));
    extra->types.push_back(type);
  }
  node->extra = extra;
  SetChildren(node, {&expression, 1});
  Node* done = Done(node, Type::Function(parameters, result.value_or(*expression->type)));
  if (done == nullptr || !extra->captures.empty()) return done;
  // A function that takes nothing along is one value for ever.
  Frame frame{nullptr, nullptr, &fold_context_};
  Node* constant = NewNode(NodeKind::kConstant, position);
  constant->constant = done->eval(*done, frame);
  constant->extra = extra;
  return Done(constant, *done->type);
}

std::shared_ptr<const Program> Compiler::Finish(Node* root) {
  if (options_.result_type) root = MakeCoerce(root, *options_.result_type);
  if (root == nullptr || failed_) return nullptr;
  program_->root = root;
  program_->local_count = bodies_.front().local_count;
  MakeSteps(program_.get());
  return program_;
}

}  // namespace credence::feel
