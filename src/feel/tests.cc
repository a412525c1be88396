// Compiler: unary tests of decision tables, and the shapes by which tables index them.

#include <algorithm>

#include "src/feel/compiler.h"

namespace credence::feel {
namespace {

// Kinds that tables compare by value alone. Times and date-times are left out where zoned and local
// values of one kind could meet: those comparisons are null.
bool IsPlainConstant(const Value& v) {
  switch (v.kind()) {
    case Kind::kNumber:
    case Kind::kBoolean:
    case Kind::kString:
    case Kind::kDate:
    case Kind::kTime:
    case Kind::kDateTime:
    case Kind::kDaysDuration:
    case Kind::kYearsDuration:
      return true;
    default:
      return false;
  }
}

bool AddConstant(const Value& v, std::vector<UnaryTestShape::Alternative>* out) {
  if (!IsPlainConstant(v)) return false;
  UnaryTestShape::Alternative alternative;
  alternative.constant = v;
  out->push_back(alternative);
  return true;
}

bool AddRange(const RangeData& range, std::vector<UnaryTestShape::Alternative>* out) {
  using Form = RangeData::Form;
  if (range.form == Form::kEqual) return AddConstant(range.start, out);
  if (range.form == Form::kNotEqual) return false;
  UnaryTestShape::Alternative alternative;
  alternative.is_interval = true;
  alternative.low = range.start;
  alternative.high = range.end;
  alternative.low_included = range.start_included;
  alternative.high_included = range.end_included;
  const bool bounded_low = range.form != Form::kLess && range.form != Form::kLessEqual;
  const bool bounded_high = range.form != Form::kGreater && range.form != Form::kGreaterEqual;
  if (bounded_low && !IsPlainConstant(range.start)) return false;
  if (bounded_high && !IsPlainConstant(range.end)) return false;
  if (range.start.IsBoolean() || range.end.IsBoolean()) return false;
  out->push_back(alternative);
  return true;
}

bool AddTest(const Value& v, std::vector<UnaryTestShape::Alternative>* out) {
  if (v.IsRange()) return AddRange(v.range(), out);
  if (!v.IsList()) return AddConstant(v, out);
  return std::all_of(v.list().begin(), v.list().end(), [out](const Value& item) {
    return item.IsRange() ? AddRange(item.range(), out) : AddConstant(item, out);
  });
}

bool IsZonedKind(const Value& v) { return v.kind() == Kind::kTime || v.kind() == Kind::kDateTime; }

}  // namespace

void Compiler::DescribeTests(const Node& root, bool negated) {
  UnaryTestShape& shape = program_->shape;
  shape.kind = UnaryTestShape::Kind::kGeneral;
  shape.negated = false;
  shape.alternatives.clear();
  std::vector<UnaryTestShape::Alternative> alternatives;
  for (uint32_t i = 0; i < root.child_count; ++i) {
    const Node& test = root.child(i).child(0);
    if (test.kind != NodeKind::kConstant) return;
    const Value& v = test.constant;
    // "!= 5" alone is "not 5".
    if (!negated && root.child_count == 1 && v.IsRange() &&
        v.range().form == RangeData::Form::kNotEqual && !IsZonedKind(v.range().start) &&
        AddConstant(v.range().start, &alternatives)) {
      negated = true;
      continue;
    }
    if (!AddTest(v, &alternatives)) return;
  }
  for (const auto& alternative : alternatives) {
    const bool zoned = IsZonedKind(alternative.constant) || IsZonedKind(alternative.low) ||
                       IsZonedKind(alternative.high);
    if (negated && zoned) return;
    // Alternatives of different kinds: a comparison among them is null, which not() would see.
    const auto kind_of = [](const UnaryTestShape::Alternative& a) {
      if (!a.is_interval) return a.constant.kind();
      return a.low.IsNull() ? a.high.kind() : a.low.kind();
    };
    if (kind_of(alternative) != kind_of(alternatives.front())) return;
  }
  shape.kind = UnaryTestShape::Kind::kAlternatives;
  shape.negated = negated;
  shape.alternatives = std::move(alternatives);
}

Node* Compiler::CompileTests(std::string_view text, const Type& input_type) {
  Enter(text, options_.line, options_.column);
  if (failed_) return nullptr;
  PushBlock();
  const Variable input = AddVariable("?", input_type);
  SkipSpace();
  const size_t begin = at_;
  Node* root = NewNode(NodeKind::kUnaryTests, begin);
  std::vector<Node*> tests;
  bool negated = false;
  if (Take("-") && AtEnd()) {
    program_->shape.kind = UnaryTestShape::Kind::kAny;
    Node* yes = MakeConstant(Value::Boolean(true), Type::Boolean(), begin);
    PopBlock();
    return yes;
  }
  at_ = begin;
  if (AtEnd()) return Error(at_, "syntax", "the cell is empty; write '-' for any value");
  // not(…) around all of it negates the tests; not(…) as part of an expression is the function.
  if (TakeWord("not") && PeekIs("(")) {
    int depth = 0;
    size_t end = at_;
    bool quoted = false;
    for (; end < text_.size(); ++end) {
      const char c = text_[end];
      if (c == '"' && text_[end - 1] != '\\') quoted = !quoted;
      if (quoted) continue;
      if (c == '(') ++depth;
      if (c == ')' && --depth == 0) break;
    }
    negated = SpaceEnd(std::min(end + 1, text_.size())) >= text_.size();
  }
  if (!negated) at_ = begin;
  if (negated) Take("(");
  do {
    SkipSpace();
    const size_t position = at_;
    input_used_ = false;
    Node* test = ParsePositiveTest();
    if (test == nullptr) break;
    Node* node = NewNode(NodeKind::kUnaryTest, position);
    node->index = input.local;
    if (input_used_) node->flags |= Node::kUsesInput;
    SetChildren(node, {&test, 1});
    if (!input_used_ && test->kind == NodeKind::kConstant && test->constant.IsRange() == false &&
        !input_type.IsAny() && !test->constant.IsNull() &&
        TypeOf(test->constant).IsDisjointFrom(input_type)) {
      Warn(position, "type-mismatch",
           "a " + std::string(KindName(test->constant.kind())) + " never equals the input, a " +
               input_type.ToString());
    }
    tests.push_back(Done(node, Type::Boolean()));
  } while (!failed_ && Take(","));
  if (!failed_ && negated) Expect(")", "after the tests of 'not'");
  PopBlock();
  if (!failed_ && !AtEnd()) return Error(at_, "syntax", "unexpected text after the tests");
  if (failed_) return nullptr;
  root->op = negated ? 1 : 0;
  SetChildren(root, tests);
  root = Done(root, Type::Boolean());
  if (root != nullptr) DescribeTests(*root, negated);
  return root;
}

}  // namespace credence::feel
