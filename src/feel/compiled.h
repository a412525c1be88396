#pragma once
// The compiled form: a tree of nodes, each with the function that evaluates it, chosen while
// compiling by the kinds of its operands ("closures over slots"). Nodes are immutable once the
// program is made.

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/arena.h"
#include "src/feel/expression.h"
#include "src/feel/function.h"
#include "src/feel/type.h"
#include "src/feel/value.h"

namespace credence::feel {

struct Node;
struct Builtin;
struct Steps;
class Regex;

// What a running function body sees.
struct Frame {
  const Value* slots;
  Value* locals;
  EvaluationContext* context;
};

using EvalFn = Value (*)(const Node& node, Frame& frame);
using TestFn = Ternary (*)(const Node& node, Frame& frame);

enum class NodeKind : uint8_t {
  kConstant,
  kSlot,     // slots[index]
  kLocal,    // locals[index]
  kDynamic,  // key `name` of the first context among locals[indices]; else child 0
  kNegate,
  kArithmetic,  // op: + - * / ^
  kCompare,     // op: CompareOp
  kAnd,
  kOr,
  kBetween,
  kIn,          // child 0 in any of the others
  kInstanceOf,  // types[0]
  kIf,
  kFor,  // iterators, body last; indices = locals of the variables, then of `partial`
  kSome,
  kEvery,
  kList,
  kContext,     // names = keys, indices = locals
  kRange,       // flags: kStartIncluded, kEndIncluded
  kUnaryRange,  // op: RangeData::Form
  kIteration,   // start..end of a for
  kPath,        // child 0 . name
  kFilter,      // index = local of item
  kCallBuiltin,
  kCall,      // child 0 called with the others; names if by name
  kFunction,  // lambda
  kCoerce,    // types[0]
  kCustom,
  kUnaryTest,   // child 0 against the input in local `index`
  kUnaryTests,  // any of the children
};

enum class CompareOp : uint8_t { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual };

// A value that a function takes along from where it was made.
struct Capture {
  bool from_slot = false;
  uint32_t source = 0;  // slot, or local of the enclosing body
  uint32_t local = 0;   // of the function's body
};

// Parts that only some nodes have.
struct NodeExtra {
  std::vector<uint32_t> indices;
  std::vector<std::string_view> names;
  std::vector<Type> types;
  std::vector<Capture> captures;
  const Builtin* builtin = nullptr;
  int overload = -1;
  std::shared_ptr<const Regex> regex;
  std::shared_ptr<const Steps> steps;  // of operators and conditions that are evaluated by steps
  std::shared_ptr<CustomExpression> custom;
  std::vector<uint32_t> custom_slots;  // as the custom expression numbers them
  std::vector<Node*> custom_sources;   // what fills them
  uint32_t custom_slot_count = 0;
  uint32_t local_count = 0;  // kFunction: locals of the body
  uint32_t parameter_count = 0;
  bool external = false;
};

struct Node {
  static constexpr uint8_t kStartIncluded = 1;
  static constexpr uint8_t kEndIncluded = 2;
  static constexpr uint8_t kUsesInput = 4;  // kUnaryTest: the expression mentions `?`

  EvalFn eval = nullptr;
  TestFn test = nullptr;
  Node* const* children = nullptr;
  uint32_t child_count = 0;
  uint32_t index = 0;
  NodeKind kind = NodeKind::kConstant;
  uint8_t op = 0;
  uint8_t flags = 0;
  uint16_t height = 1;
  Value constant;
  std::string_view name;
  const NodeExtra* extra = nullptr;
  uint32_t line = 0;
  uint32_t column = 0;
  const Type* type = nullptr;

  [[nodiscard]] const Node& child(size_t i) const { return *children[i]; }
};

struct Program {
  std::string text;
  Arena arena;  // constants, names, arrays of children
  std::deque<Node> nodes;
  std::deque<NodeExtra> extras;
  std::deque<Type> types;
  Node* root = nullptr;
  uint32_t local_count = 0;
  std::vector<uint32_t> slots_read;
  UnaryTestShape shape;
};

// Sets node.eval and node.test by kind, operator and what is known of the operands.
void Link(Node* node);

// A null that arises at a node; noted in the context where it collects notes.
Value Fail(const Node& node, const Frame& frame, NullReason reason, std::string_view text);
// Notes a null that came back from a function, if it is one with a reason.
inline const Value& Note(const Node& node, const Frame& frame, const Value& value);
void NoteNull(const Node& node, const Frame& frame, const Value& value);
inline const Value& Note(const Node& node, const Frame& frame, const Value& value) {
  if (value.IsNull() && frame.context->notes != nullptr) NoteNull(node, frame, value);
  return value;
}

// Shared between operators, built-ins and tables.
[[nodiscard]] Value Arithmetic(char op, const Value& a, const Value& b, Arena& arena,
                               const EvaluationContext& context);
// `value in test`.
[[nodiscard]] Ternary InTest(const Value& value, const Value& test);
// `value.name`: an entry, a property, or the list of those of the items.
[[nodiscard]] Value PathOf(const Value& value, std::string_view name, EvaluationContext& context);

}  // namespace credence::feel
