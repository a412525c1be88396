// Compiler: the grammar (DMN 1.5, 10.3.1.2), by recursive descent with a bound on its depth.

#include <algorithm>

#include "src/feel/builtin.h"
#include "src/feel/compiler.h"
#include "src/feel/nesting.h"
#include "src/feel/temporal.h"

namespace credence::feel {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

Node* Compiler::CompileExpression(std::string_view text, uint32_t line, uint32_t column) {
  Enter(text, line, column);
  return failed_ ? nullptr : ParseWhole();
}

Node* Compiler::ParseWhole() {
  if (AtEnd()) return Error(at_, "syntax", "the expression is empty");
  Node* node = ParseExpression();
  if (node == nullptr) return nullptr;
  if (!AtEnd()) {
    const size_t end = std::max(WordEnd(at_), at_ + 1);
    return Error(at_, "syntax",
                 "unexpected '" + std::string(text_.substr(at_, end - at_)) +
                     "' after the end of the expression");
  }
  return node;
}

Node* Compiler::ParseExpression() {
  if (failed_) return nullptr;
  const Nesting nesting(&depth_);
  if (nesting.TooDeep()) {
    return Error(at_, "too-deep",
                 "the expression is nested deeper than " + std::to_string(kExpressionDepthMax));
  }
  return ParseOr();
}

Node* Compiler::ParseOr() {
  SkipSpace();
  const size_t position = at_;
  Node* left = ParseAnd();
  if (left == nullptr || !PeekWord("or")) return left;
  std::vector<Node*> operands = {left};
  while (TakeWord("or")) {
    Node* right = ParseAnd();
    if (right == nullptr) return nullptr;
    operands.push_back(right);
  }
  Node* node = NewNode(NodeKind::kOr, position);
  SetChildren(node, operands);
  return Done(node, Type::Boolean());
}

Node* Compiler::ParseAnd() {
  SkipSpace();
  const size_t position = at_;
  Node* left = ParseComparison();
  if (left == nullptr || !PeekWord("and")) return left;
  std::vector<Node*> operands = {left};
  while (TakeWord("and")) {
    Node* right = ParseComparison();
    if (right == nullptr) return nullptr;
    operands.push_back(right);
  }
  Node* node = NewNode(NodeKind::kAnd, position);
  SetChildren(node, operands);
  return Done(node, Type::Boolean());
}

Node* Compiler::ParseComparison() {
  SkipSpace();
  const size_t position = at_;
  Node* left = ParseAdditive();
  while (left != nullptr) {
    SkipSpace();
    if (Take("!=")) {
      left = MakeCompare(CompareOp::kNotEqual, left, ParseAdditive(), position);
    } else if (Take("<=")) {
      left = MakeCompare(CompareOp::kLessEqual, left, ParseAdditive(), position);
    } else if (Take(">=")) {
      left = MakeCompare(CompareOp::kGreaterEqual, left, ParseAdditive(), position);
    } else if (Take("<")) {
      left = MakeCompare(CompareOp::kLess, left, ParseAdditive(), position);
    } else if (Take(">")) {
      left = MakeCompare(CompareOp::kGreater, left, ParseAdditive(), position);
    } else if (Take("=")) {
      left = MakeCompare(CompareOp::kEqual, left, ParseAdditive(), position);
    } else if (TakeWord("between")) {
      left = ParseBetween(left, position);
    } else if (TakeWord("in")) {
      left = ParseIn(left, position);
    } else {
      return left;
    }
  }
  return left;
}

Node* Compiler::ParseBetween(Node* left, size_t position) {
  Node* low = ParseAdditive();
  if (low == nullptr || !ExpectWord("and", "in 'between … and …'")) return nullptr;
  Node* high = ParseAdditive();
  if (high == nullptr) return nullptr;
  CheckOperands("between", *left, *low, position);
  CheckOperands("between", *left, *high, position);
  Node* node = NewNode(NodeKind::kBetween, position);
  Node* const children[] = {left, low, high};
  SetChildren(node, children);
  return Done(node, Type::Boolean());
}

Node* Compiler::ParseIn(Node* left, size_t position) {
  std::vector<Node*> children = {left};
  SkipSpace();
  const size_t begin = at_;
  if (Take("(")) {
    // Tests in parentheses, a range, or an expression that begins with a parenthesis.
    const bool range_end = in_range_end_;
    in_range_end_ = false;
    Node* first = ParsePositiveTest();
    if (first != nullptr && PeekIs("..")) {
      in_range_end_ = range_end;
      first = ParseRangeEnd(first, false, begin);
      if (first == nullptr) return nullptr;
      children.push_back(first);
    } else {
      if (first == nullptr) return nullptr;
      children.push_back(first);
      while (Take(",")) {
        Node* next = ParsePositiveTest();
        if (next == nullptr) return nullptr;
        children.push_back(next);
      }
      in_range_end_ = range_end;
      if (!Expect(")", "after the tests of 'in'")) return nullptr;
      if (children.size() == 2) children[1] = ParsePostfixOf(children[1]);
      if (children[1] == nullptr) return nullptr;
    }
  } else {
    Node* test = ParseUnaryComparison();
    if (test == nullptr && !failed_) test = ParseAdditive();
    if (test == nullptr) return nullptr;
    children.push_back(test);
  }
  Node* node = NewNode(NodeKind::kIn, position);
  SetChildren(node, children);
  return Done(node, Type::Boolean());
}

Node* Compiler::ParseUnaryComparison() {
  if (failed_) return nullptr;
  SkipSpace();
  const size_t position = at_;
  RangeData::Form form = RangeData::Form::kInterval;
  if (Take("!=")) {
    form = RangeData::Form::kNotEqual;
  } else if (Take("<=")) {
    form = RangeData::Form::kLessEqual;
  } else if (Take(">=")) {
    form = RangeData::Form::kGreaterEqual;
  } else if (Take("<")) {
    form = RangeData::Form::kLess;
  } else if (Take(">")) {
    form = RangeData::Form::kGreater;
  } else if (Take("=")) {
    form = RangeData::Form::kEqual;
  } else {
    return nullptr;
  }
  const Nesting nesting(&depth_);
  if (nesting.TooDeep()) return Error(position, "too-deep", "the test is nested too deeply");
  Node* endpoint = ParseAdditive();
  if (endpoint == nullptr) return nullptr;
  Node* node = NewNode(NodeKind::kUnaryRange, position);
  node->op = static_cast<uint8_t>(form);
  SetChildren(node, {&endpoint, 1});
  return Done(node, Type::Range(*endpoint->type));
}

Node* Compiler::ParsePositiveTest() {
  Node* test = ParseUnaryComparison();
  if (test != nullptr || failed_) return test;
  return ParseExpression();
}

Node* Compiler::ParseAdditive() {
  SkipSpace();
  const size_t position = at_;
  Node* left = ParseMultiplicative();
  while (left != nullptr) {
    if (Take("+")) {
      left = MakeArithmetic('+', left, ParseMultiplicative(), position);
    } else if (Take("-")) {
      left = MakeArithmetic('-', left, ParseMultiplicative(), position);
    } else {
      return left;
    }
  }
  return left;
}

Node* Compiler::ParseMultiplicative() {
  SkipSpace();
  const size_t position = at_;
  Node* left = ParseExponent();
  while (left != nullptr) {
    if (PeekIs("**")) return left;
    if (Take("*")) {
      left = MakeArithmetic('*', left, ParseExponent(), position);
    } else if (Take("/")) {
      left = MakeArithmetic('/', left, ParseExponent(), position);
    } else {
      return left;
    }
  }
  return left;
}

Node* Compiler::ParseExponent() {
  SkipSpace();
  const size_t position = at_;
  Node* left = ParseUnary();
  while (left != nullptr && Take("**")) {
    left = MakeArithmetic('^', left, ParseUnary(), position);
  }
  return left;
}

Node* Compiler::ParseUnary() {
  if (failed_) return nullptr;
  SkipSpace();
  const size_t position = at_;
  if (!Take("-")) return ParseInstanceOf();
  const Nesting nesting(&depth_);
  if (nesting.TooDeep()) return Error(position, "too-deep", "too many minus signs");
  Node* operand = ParseUnary();
  if (operand == nullptr) return nullptr;
  Node* node = NewNode(NodeKind::kNegate, position);
  SetChildren(node, {&operand, 1});
  return Done(node, *operand->type);
}

Node* Compiler::ParseInstanceOf() {
  SkipSpace();
  const size_t position = at_;
  Node* left = ParsePostfix();
  while (left != nullptr && PeekWord("instance")) {
    const size_t word = at_;
    at_ = WordEnd(at_);
    if (!TakeWord("of")) {
      at_ = word;
      return Error(at_, "syntax", "expected 'of' after 'instance'");
    }
    const auto type = ParseType();
    if (failed_) return nullptr;
    if (!type) {
      left =
          MakeNull(NullReason::kUnknownName, "the type after 'instance of' is unknown", position);
      continue;
    }
    Node* node = NewNode(NodeKind::kInstanceOf, position);
    NodeExtra* extra = NewExtra();
    extra->types.push_back(*type);
    node->extra = extra;
    SetChildren(node, {&left, 1});
    left = Done(node, Type::Boolean());
  }
  return left;
}

Node* Compiler::ParsePostfix() { return ParsePostfixOf(ParsePrimary()); }

bool Compiler::BracketClosesRange() {
  // `[1..10[` ends here unless something that can be an index or a condition follows.
  const size_t begin = at_;
  ++at_;
  const char next = Peek();
  const bool word = WordAt(at_);
  const bool infix = PeekWord("and") || PeekWord("or") || PeekWord("then") || PeekWord("else") ||
                     PeekWord("return") || PeekWord("satisfies") || PeekWord("in") ||
                     PeekWord("between") || PeekWord("instance");
  at_ = begin;
  if (word) return infix;
  return std::string_view("\"@[(.{-").find(next) == std::string_view::npos || next == '\0';
}

Node* Compiler::ParsePostfixOf(Node* node) {
  while (node != nullptr) {
    SkipSpace();
    const size_t position = at_;
    if (PeekIs("..")) return node;
    if (Take(".")) {
      node = ParsePath(node, position);
    } else if (PeekIs("[")) {
      if (in_range_end_ && BracketClosesRange()) return node;
      Take("[");
      node = ParseFilter(node, position);
    } else if (Take("(")) {
      node = ParseCall(node, nullptr, position);
    } else {
      return node;
    }
    if (node != nullptr && node->height > kExpressionDepthMax) return nullptr;
  }
  return node;
}

std::string Compiler::ParseMemberName(const Type& type) {
  SkipSpace();
  Type base = type;
  while (base.id() == Type::Id::kList) base = base.element();
  if (base.id() == Type::Id::kContext && base.HasMembers()) {
    size_t bytes_max = 0;
    for (size_t i = 0; i < base.member_count(); ++i) {
      bytes_max = std::max(bytes_max, base.member_name(i).size());
    }
    std::string best;
    const size_t end = LongestName(at_, bytes_max, [&](const std::string& name) {
      if (!base.FindMember(name)) return false;
      best = name;
      return true;
    });
    // A longer word that is no member is an unknown name, not a member with something behind it.
    if (end > 0) {
      at_ = end;
      return best;
    }
  }
  return TakeWords();
}

Node* Compiler::ParsePath(Node* base, size_t position) {
  std::string name = ParseMemberName(*base->type);
  if (name.empty()) return Error(at_, "syntax", "expected a name after '.'");
  Type item = *base->type;
  while (item.id() == Type::Id::kList) item = item.element();
  if (item.id() == Type::Id::kContext && item.HasMembers() && !item.FindMember(name)) {
    std::vector<std::string> members;
    for (size_t i = 0; i < item.member_count(); ++i) members.push_back(item.member_name(i));
    const std::string_view nearest = NearestName(name, members);
    Warn(position, "unknown-name", "there is no member '" + name + "' in " + item.ToString(),
         nearest.empty() ? std::string() : "did you mean '" + std::string(nearest) + "'?");
  }
  return MakePath(base, name, position);
}

Node* Compiler::ParseFilter(Node* list, size_t position) {
  const bool range_end = in_range_end_;
  in_range_end_ = false;
  const Variable item = PushItemBlock(*list->type);
  Node* predicate = ParseExpression();
  PopBlock();
  in_range_end_ = range_end;
  if (predicate == nullptr || !Expect("]", "after the filter")) return nullptr;
  return MakeFilter(list, predicate, item, position);
}

Node* Compiler::ParsePrimary() {
  if (failed_) return nullptr;
  const char c = Peek();
  const size_t position = at_;
  if (c == '\0' && at_ >= text_.size()) {
    return Error(at_, "syntax", "the expression ends where a value was expected");
  }
  const bool point_digit = c == '.' && at_ + 1 < text_.size() && IsDigit(text_[at_ + 1]);
  if (IsDigit(c) || point_digit) return ParseNumber();
  if (c == '"') {
    auto text = TakeStringLiteral();
    if (!text) return nullptr;
    return MakeConstant(CopyString(program_->arena, *text), Type::String(), position);
  }
  if (c == '@') return ParseAtLiteralNode();
  if (c == '(') return ParseParenthesis();
  if (c == '[') {
    Take("[");
    return ParseBracket(false);
  }
  if (c == ']') {
    Take("]");
    return ParseBracket(true);
  }
  if (c == '{') return ParseContext();
  if (WordAt(at_) || HasDynamicBlock() || scope_.name_bytes_max() > 0) {
    return ParseFunctionOrName();
  }
  return Error(at_, "syntax", std::string("unexpected '") + c + "'");
}

Node* Compiler::ParseNumber() {
  const size_t begin = at_;
  while (at_ < text_.size() && IsDigit(text_[at_])) ++at_;
  if (at_ + 1 < text_.size() && text_[at_] == '.' && IsDigit(text_[at_ + 1])) {
    ++at_;
    while (at_ < text_.size() && IsDigit(text_[at_])) ++at_;
  }
  if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
    size_t end = at_ + 1;
    if (end < text_.size() && (text_[end] == '+' || text_[end] == '-')) ++end;
    if (end < text_.size() && IsDigit(text_[end])) {
      while (end < text_.size() && IsDigit(text_[end])) ++end;
      at_ = end;
    }
  }
  if (WordAt(at_)) return Error(at_, "syntax", "a number is followed directly by a name");
  const auto number = Decimal::Parse(text_.substr(begin, at_ - begin));
  if (!number) {
    Warn(begin, "number-range", "the number is out of range");
    return MakeNull(NullReason::kArithmetic, "the number is out of range", begin);
  }
  return MakeConstant(Value::Number(*number), Type::Number(), begin);
}

Node* Compiler::ParseAtLiteralNode() {
  const size_t position = at_;
  Take("@");
  if (Peek() != '"') return Error(at_, "syntax", "expected a string after '@'");
  const auto text = TakeStringLiteral();
  if (!text) return nullptr;
  const Value value = ParseAtLiteral(*text, options_.zones);
  if (!value.IsNull()) return MakeConstant(value, TypeOf(value), position);
  if (options_.zones == nullptr && text->find('@') != std::string::npos) {
    Node* argument = MakeConstant(CopyString(program_->arena, *text), Type::String(), position);
    return MakeBuiltinCall(*FindBuiltinEntry("@"), {argument}, {}, position);
  }
  Warn(position, "invalid-literal",
       "\"" + *text + "\" is no date, time, date and time or duration");
  return MakeNull(value.null_reason(), value.null_text(), position);
}

Node* Compiler::ParseParenthesis() {
  const size_t position = at_;
  Take("(");
  const bool range_end = in_range_end_;
  in_range_end_ = false;
  Node* node = ParsePositiveTest();
  in_range_end_ = range_end;
  if (node == nullptr) return nullptr;
  if (PeekIs("..")) return ParseRangeEnd(node, false, position);
  if (!Expect(")", "after the expression in parentheses")) return nullptr;
  return node;
}

Node* Compiler::ParseRangeEnd(Node* start, bool start_included, size_t position) {
  if (!Expect("..", "in the range")) return nullptr;
  const bool range_end = in_range_end_;
  in_range_end_ = true;
  Node* end = ParseExpression();
  in_range_end_ = range_end;
  if (end == nullptr) return nullptr;
  Node* node = NewNode(NodeKind::kRange, position);
  if (start_included) node->flags |= Node::kStartIncluded;
  if (Take("]")) {
    node->flags |= Node::kEndIncluded;
  } else if (!Take(")") && !Take("[")) {
    return Error(at_, "syntax", "expected ']', ')' or '[' at the end of the range");
  }
  CheckOperands("..", *start, *end, position);
  Node* const children[] = {start, end};
  SetChildren(node, children);
  return Done(node, Type::Range(Type::Join(*start->type, *end->type)));
}

Node* Compiler::ParseBracket(bool open_start) {
  const size_t position = at_ - 1;
  const bool range_end = in_range_end_;
  in_range_end_ = false;
  std::vector<Node*> items;
  if (open_start || !PeekIs("]")) {
    do {
      Node* item = ParsePositiveTest();
      if (item == nullptr) return nullptr;
      if (items.empty() && PeekIs("..")) {
        in_range_end_ = range_end;
        return ParseRangeEnd(item, !open_start, position);
      }
      items.push_back(item);
    } while (!open_start && Take(","));
  }
  in_range_end_ = range_end;
  if (open_start) return Error(at_, "syntax", "expected '..' in the range that begins with ']'");
  if (!Expect("]", "at the end of the list")) return nullptr;
  Type type = Type::Null();
  bool mixed = false;
  for (const Node* item : items) {
    if (type.id() == Type::Id::kContext && item->type->id() == Type::Id::kContext &&
        type.member_count() != item->type->member_count()) {
      mixed = true;
    }
    const Type joined = Type::Join(type, *item->type);
    if (joined.id() == Type::Id::kContext && joined.member_count() != item->type->member_count()) {
      mixed = true;
    }
    type = joined;
  }
  if (mixed && type.id() == Type::Id::kContext) type = Type::OpenContext();
  Node* node = NewNode(NodeKind::kList, position);
  SetChildren(node, items);
  return Done(node, Type::List(items.empty() ? Type::Any() : type));
}

Node* Compiler::ParseContext() {
  const size_t position = at_;
  Take("{");
  const bool range_end = in_range_end_;
  in_range_end_ = false;
  PushBlock();
  Node* node = NewNode(NodeKind::kContext, position);
  NodeExtra* extra = NewExtra();
  std::vector<Node*> values;
  std::vector<std::pair<std::string, Type>> members;
  bool duplicate = false;
  while (!failed_ && !(values.empty() && PeekIs("}"))) {
    const size_t key_position = at_;
    const auto key = Peek() == '"' ? TakeStringLiteral() : TakeNameUntil(":");
    if (!key) {
      Error(key_position, "syntax", "expected the name of an entry, then ':'");
      break;
    }
    if (!Expect(":", "after the name of an entry")) break;
    const bool known =
        std::any_of(members.begin(), members.end(), [&](const auto& m) { return m.first == *key; });
    if (known) {
      Warn(key_position, "duplicate-entry", "the context has two entries '" + *key + "'");
      duplicate = true;
    }
    // A function may call itself by the name of its entry.
    const bool is_function = PeekWord("function");
    Variable variable{*key, Type::Any(), body_, body_->local_count++};
    if (is_function) blocks_.back().variables.push_back(variable);
    Node* value = ParseExpression();
    if (value == nullptr) break;
    if (is_function) blocks_.back().variables.pop_back();
    variable.type = *value->type;
    blocks_.back().variables.push_back(variable);
    extra->names.push_back(CopyName(*key));
    extra->indices.push_back(variable.local);
    values.push_back(value);
    members.emplace_back(*key, *value->type);
    if (!Take(",")) break;
  }
  PopBlock();
  in_range_end_ = range_end;
  if (failed_ || !Expect("}", "at the end of the context")) return nullptr;
  if (duplicate) {
    return MakeNull(NullReason::kArgument, "the context has two entries of one name", position);
  }
  node->extra = extra;
  SetChildren(node, values);
  return Done(node, Type::Context(std::move(members)));
}

Node* Compiler::ParseIf() {
  const size_t position = at_;
  TakeWord("if");
  Node* condition = ParseExpression();
  if (condition == nullptr || !ExpectWord("then", "after the condition of 'if'")) return nullptr;
  Node* yes = ParseExpression();
  if (yes == nullptr || !ExpectWord("else", "in 'if … then …'")) return nullptr;
  Node* no = ParseExpression();
  if (no == nullptr) return nullptr;
  Node* node = NewNode(NodeKind::kIf, position);
  Node* const children[] = {condition, yes, no};
  SetChildren(node, children);
  return Done(node, Type::Join(*yes->type, *no->type));
}

bool Compiler::ParseIterators(std::vector<Node*>* domains, std::vector<uint32_t>* locals) {
  do {
    SkipSpace();
    std::string name;
    // The name runs up to the word `in`.
    while (WordAt(at_) && !PeekWord("in")) {
      const size_t end = WordEnd(at_);
      if (!name.empty()) name += ' ';
      name += text_.substr(at_, end - at_);
      at_ = end;
      SkipSpace();
    }
    if (name.empty()) Error(at_, "syntax", "expected the name of a variable");
    if (!ExpectWord("in", "after the variable")) return false;
    SkipSpace();
    const size_t position = at_;
    Node* domain = ParseExpression();
    if (domain != nullptr && Take("..")) {
      Node* end = ParseExpression();
      if (end == nullptr) return false;
      Node* range = NewNode(NodeKind::kIteration, position);
      Node* const ends[] = {domain, end};
      SetChildren(range, ends);
      domain = Done(range, Type::List(*domain->type));
    }
    if (domain == nullptr) return false;
    domains->push_back(domain);
    const Type& type = *domain->type;
    const bool is_range = type.id() == Type::Id::kRange;
    const Type item = is_range ? type.element() : ItemType(type);
    locals->push_back(AddVariable(std::move(name), item).local);
  } while (Take(","));
  return true;
}

Node* Compiler::ParseFor() {
  const size_t position = at_;
  TakeWord("for");
  PushBlock();
  std::vector<Node*> children;
  std::vector<uint32_t> indices;
  Node* body = nullptr;
  if (ParseIterators(&children, &indices) && ExpectWord("return", "in 'for'")) {
    indices.push_back(AddVariable("partial", Type::List(Type::Any())).local);
    body = ParseExpression();
  }
  PopBlock();
  if (body == nullptr) return nullptr;
  children.push_back(body);
  return MakeLoop(NodeKind::kFor, std::move(children), std::move(indices), position);
}

Node* Compiler::ParseQuantified(bool some) {
  const size_t position = at_;
  TakeWord(some ? "some" : "every");
  PushBlock();
  std::vector<Node*> children;
  std::vector<uint32_t> indices;
  Node* body = nullptr;
  if (ParseIterators(&children, &indices) && ExpectWord("satisfies", "after the lists")) {
    body = ParseExpression();
  }
  PopBlock();
  if (body == nullptr) return nullptr;
  children.push_back(body);
  return MakeLoop(some ? NodeKind::kSome : NodeKind::kEvery, std::move(children),
                  std::move(indices), position);
}

Node* Compiler::ParseFunction() {
  const size_t position = at_;
  TakeWord("function");
  if (!Expect("(", "after 'function'")) return nullptr;
  std::vector<std::pair<std::string, Type>> parameters;
  while (!failed_ && !(parameters.empty() && PeekIs(")"))) {
    auto name = TakeNameUntil(":,)");
    if (!name) return Error(at_, "syntax", "expected the name of a parameter");
    Type type;
    if (Take(":")) {
      if (const auto declared = ParseType()) type = *declared;
      if (failed_) return nullptr;
    }
    parameters.emplace_back(std::move(*name), type);
    if (!Take(",")) break;
  }
  if (!Expect(")", "after the parameters")) return nullptr;
  const bool external = TakeWord("external");
  bodies_.push_back({body_, 0, {}});
  body_ = &bodies_.back();
  PushBlock();
  for (const auto& [name, type] : parameters) AddVariable(name, type);
  Node* expression = ParseExpression();
  PopBlock();
  Body* body = body_;
  body_ = body->outer;
  if (expression == nullptr) return nullptr;
  Node* node = MakeFunctionNode(body, parameters, std::nullopt, expression, position);
  if (node != nullptr && external) {
    const_cast<NodeExtra*>(node->extra)->external = true;
    node->type = Keep(Type::Function(parameters, Type::Any()));
  }
  return node;
}

Node* Compiler::ParseFunctionOrName() {
  const Resolution resolution = Resolve(at_);
  const size_t word_end = WordEnd(at_);
  // A name in scope that is longer than a keyword wins over it.
  if (resolution.end <= word_end) {
    const size_t position = at_;
    if (PeekWord("if")) return ParseIf();
    if (PeekWord("for")) return ParseFor();
    if (PeekWord("some")) return ParseQuantified(true);
    if (PeekWord("every")) return ParseQuantified(false);
    if (PeekWord("function")) return ParseFunction();
    if (TakeWord("true")) return MakeConstant(Value::Boolean(true), Type::Boolean(), position);
    if (TakeWord("false")) return MakeConstant(Value::Boolean(false), Type::Boolean(), position);
    if (TakeWord("null")) return MakeNull(NullReason::kNone, "written as null", position);
  }
  return ParseNameOrCall();
}

Node* Compiler::ParseNameOrCall() {
  const size_t position = at_;
  Resolution resolution = Resolve(position);
  if (resolution.found == Found::kNothing) {
    std::string name = TakeWords();
    if (name.empty()) {
      return Error(at_, "syntax", std::string("unexpected '") + text_[at_] + "'");
    }
    const bool call = PeekIs("(");
    Node* unknown = MakeUnknown(std::move(name), position, call);
    return call && Take("(") ? ParseCall(unknown, nullptr, position) : unknown;
  }
  at_ = resolution.end;
  const bool call = PeekIs("(");
  if (call) {
    // A built-in is still there where a variable that is no function has its name.
    const Builtin* builtin = resolution.found == Found::kBuiltin
                                 ? resolution.builtin
                                 : FindBuiltinEntry(resolution.name);
    const Type* type = nullptr;
    if (resolution.found == Found::kVariable) type = &resolution.variable.type;
    if (resolution.global != nullptr) type = &resolution.global->type;
    const bool callable = type == nullptr || type->IsAny() || type->id() == Type::Id::kFunction;
    if (builtin != nullptr && (resolution.found == Found::kBuiltin || !callable)) {
      Take("(");
      return ParseCall(nullptr, builtin, position);
    }
  } else if (HasDynamicBlock()) {
    // The member of an item may have a longer name than the one found.
    const size_t next = SpaceEnd(at_);
    if (WordAt(next)) {
      const size_t end = at_;
      at_ = position;
      std::string name = TakeWords();
      if (at_ > end) return MakeDynamic(nullptr, name, 0, position);
      at_ = end;
    }
  }
  return MakeReference(resolution, position);
}

Node* Compiler::ParseCall(Node* callee, const Builtin* builtin, size_t position) {
  const bool range_end = in_range_end_;
  in_range_end_ = false;
  std::vector<Node*> args;
  std::vector<std::string> names;
  while (!failed_ && !(args.empty() && PeekIs(")"))) {
    size_t end = 0;
    auto name = PeekArgumentName(&end);
    if (name.has_value() != !names.empty() && !args.empty()) {
      return Error(at_, "syntax", "arguments are given either all by name or all by position");
    }
    if (name) {
      at_ = end;
      names.push_back(std::move(*name));
    }
    Node* arg = ParsePositiveTest();
    if (arg == nullptr) return nullptr;
    args.push_back(arg);
    if (!Take(",")) break;
  }
  in_range_end_ = range_end;
  if (!Expect(")", "after the arguments")) return nullptr;
  return MakeCall(callee, builtin, std::move(args), std::move(names), position);
}

}  // namespace credence::feel
