#pragma once
// The compiler: reads FEEL text with its scope at hand (names may hold spaces and operators, so
// reading and resolving are one), makes nodes bottom-up, folds constants, collects diagnostics. One
// object per Compile(); not for use outside of this folder.

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/feel/compiled.h"
#include "src/feel/expression.h"
#include "src/feel/scope.h"

namespace credence::feel {

class Compiler {
 public:
  Compiler(const Scope& scope, const CompileOptions& options, std::vector<Diagnostic>* diagnostics);

  // Each returns null where there was an error.
  Node* CompileExpression(std::string_view text, uint32_t line, uint32_t column);
  Node* CompileTests(std::string_view text, const Type& input_type);
  std::optional<Type> CompileTypeText(std::string_view text);
  Node* CompileBoxed(const Boxed& boxed, int depth);

  // Coerces to the declared type of the options; fills in what the program needs besides nodes.
  std::shared_ptr<const Program> Finish(Node* root);

 private:
  // A function body while it is compiled; the outermost is the program itself.
  struct Body {
    Body* outer = nullptr;
    uint32_t local_count = 0;
    std::vector<Capture> captures;
  };
  struct Variable {
    std::string name;
    Type type;
    Body* body = nullptr;
    uint32_t local = 0;
  };
  // Names of a block: variables, or the item of a filter with its members.
  struct Block {
    bool is_item = false;
    bool is_dynamic = false;  // members of the item are not known before it is there
    std::vector<Variable> variables;
  };
  enum class Found : uint8_t { kNothing, kVariable, kMember, kSlot, kConstant, kBuiltin };
  struct Resolution {
    Found found = Found::kNothing;
    size_t end = 0;     // position after the name
    size_t block = 0;   // index + 1 of the block that holds it; 0 = the scope or a built-in
    Variable variable;  // kVariable, kMember (the item)
    std::string name;   // normalised
    const Scope::Variable* global = nullptr;
    const Builtin* builtin = nullptr;
  };

  // Text (lexer.cc).
  void Enter(std::string_view text, uint32_t line, uint32_t column);
  void SkipSpace();
  [[nodiscard]] bool AtEnd();
  [[nodiscard]] char Peek();
  [[nodiscard]] bool PeekIs(std::string_view symbol);
  bool Take(std::string_view symbol);
  [[nodiscard]] bool PeekWord(std::string_view word);
  bool TakeWord(std::string_view word);
  bool Expect(std::string_view symbol, std::string_view where);
  bool ExpectWord(std::string_view word, std::string_view where);
  [[nodiscard]] bool WordAt(size_t position) const;
  [[nodiscard]] size_t WordEnd(size_t position) const;
  [[nodiscard]] size_t SpaceEnd(size_t position) const;
  // Words up to the next keyword or symbol, as a name.
  std::string TakeWords();
  // Everything up to one of `stops`, as a name; empty if there is a character that no name has.
  std::optional<std::string> TakeNameUntil(std::string_view stops);
  std::optional<std::string> PeekArgumentName(size_t* end);
  std::optional<std::string> TakeStringLiteral();
  Node* Error(size_t position, std::string_view code, std::string message, std::string hint = {});
  void Warn(size_t position, std::string_view code, std::string message, std::string hint = {});
  void Report(Severity severity, size_t position, std::string_view code, std::string message,
              std::string hint);
  [[nodiscard]] uint32_t PointsBefore(size_t position) const;
  void Locate(size_t position, uint32_t* line, uint32_t* column) const;

  // Names (resolve.cc).
  // Tries every prefix of the text that ends at the end of a word or after a symbol; the end of the
  // longest for which `is_name` holds (it is called in order of length), or 0.
  size_t LongestName(size_t position, size_t bytes_max,
                     const std::function<bool(const std::string&)>& is_name) const;
  Resolution Lookup(std::string_view name);
  Resolution Resolve(size_t position);
  Node* MakeReference(const Resolution& resolution, size_t position);
  Node* MakeUnknown(std::string name, size_t position, bool is_function);
  Node* MakeVariable(const Variable& variable, size_t position);
  Node* MakeSlot(uint32_t slot, const Type& type, size_t position);
  // Wraps a reference where the items of enclosing filters may have a member of that name.
  Node* MakeDynamic(Node* fallback, const std::string& name, size_t block, size_t position);
  uint32_t CaptureVariable(Body* body, const Variable& variable);
  uint32_t CaptureSlot(Body* body, uint32_t slot);
  [[nodiscard]] bool HasDynamicBlock() const;
  Variable AddVariable(std::string name, const Type& type);
  void PushBlock() { blocks_.emplace_back(); }
  void PopBlock() { blocks_.pop_back(); }
  // The item of a filter over `list_type`.
  Variable PushItemBlock(const Type& list_type);
  std::string Suggest(const std::string& name, bool types = false) const;
  std::string PathAt(size_t position) const;

  // Grammar (parser.cc).
  Node* ParseWhole();
  Node* ParseExpression();
  Node* ParseOr();
  Node* ParseAnd();
  Node* ParseComparison();
  Node* ParseBetween(Node* left, size_t position);
  Node* ParseIn(Node* left, size_t position);
  Node* ParseAdditive();
  Node* ParseMultiplicative();
  Node* ParseExponent();
  Node* ParseUnary();
  Node* ParseInstanceOf();
  Node* ParsePostfix();
  Node* ParsePostfixOf(Node* node);
  Node* ParsePrimary();
  Node* ParseNumber();
  Node* ParseAtLiteralNode();
  Node* ParseParenthesis();
  Node* ParseBracket(bool open_start);
  Node* ParseRangeEnd(Node* start, bool start_included, size_t position);
  Node* ParseContext();
  Node* ParseIf();
  Node* ParseFor();
  Node* ParseQuantified(bool some);
  bool ParseIterators(std::vector<Node*>* domains, std::vector<uint32_t>* locals);
  Node* ParseFunction();
  Node* ParseFunctionOrName();
  Node* ParseNameOrCall();
  Node* ParseCall(Node* callee, const Builtin* builtin, size_t position);
  Node* ParseFilter(Node* list, size_t position);
  Node* ParsePath(Node* base, size_t position);
  std::string ParseMemberName(const Type& type);
  // `< 10`, `!= x`; null without an error if there is no operator here.
  Node* ParseUnaryComparison();
  Node* ParsePositiveTest();
  std::optional<Type> ParseType();
  std::optional<Type> ParseTypeArguments(Type::Id id);
  [[nodiscard]] bool BracketClosesRange();

  // Nodes (nodes.cc).
  Node* NewNode(NodeKind kind, size_t position);
  NodeExtra* NewExtra();
  const Type* Keep(const Type& type);
  void SetChildren(Node* node, std::span<Node* const> children);
  // Sets height, links, folds. Null if it is too deep.
  Node* Done(Node* node, const Type& type);
  Node* Fold(Node* node);
  Node* MakeConstant(const Value& value, const Type& type, size_t position);
  Node* MakeNull(NullReason reason, std::string_view text, size_t position);
  Node* MakeBinary(NodeKind kind, uint8_t op, Node* left, Node* right, const Type& type,
                   size_t position);
  Node* MakeArithmetic(char op, Node* left, Node* right, size_t position);
  Node* MakeCompare(CompareOp op, Node* left, Node* right, size_t position);
  Node* MakePath(Node* base, std::string_view name, size_t position);
  Node* MakeCoerce(Node* node, const Type& type);
  Node* MakeFilter(Node* list, Node* predicate, const Variable& item, size_t position);
  Node* MakeCall(Node* callee, const Builtin* builtin, std::vector<Node*> args,
                 const std::vector<std::string>& names, size_t position);
  Node* MakeBuiltinCall(const Builtin& builtin, std::vector<Node*> args,
                        const std::vector<std::string>& names, size_t position);
  Node* MakeFunctionNode(Body* body, const std::vector<std::pair<std::string, Type>>& parameters,
                         const std::optional<Type>& result, Node* expression, size_t position);
  Node* MakeLoop(NodeKind kind, std::vector<Node*> children, std::vector<uint32_t> indices,
                 size_t position);
  // Warns (or fails, in strict mode) where operands can never fit.
  void CheckOperands(std::string_view op, const Node& left, const Node& right, size_t position);
  [[nodiscard]] static Type ItemType(const Type& list_type);
  [[nodiscard]] static Type PropertyType(const Type& base, std::string_view name);
  std::string_view CopyName(std::string_view name);

  // Boxed expressions (boxed.cc).
  Node* BoxedContext(const Boxed& boxed, int depth);
  Node* BoxedInvocation(const Boxed& boxed, int depth);
  Node* BoxedFunction(const Boxed& boxed, int depth);
  Node* BoxedLoop(const Boxed& boxed, int depth);
  Node* BoxedFilter(const Boxed& boxed, int depth);
  Node* BoxedCustom(const Boxed& boxed);

  // Shapes of unary tests (tests.cc).
  void DescribeTests(const Node& root, bool negated);

  const Scope& scope_;
  const CompileOptions& options_;
  std::vector<Diagnostic>* diagnostics_;
  std::shared_ptr<Program> program_;
  EvaluationContext fold_context_;

  std::string_view text_;
  size_t at_ = 0;
  std::vector<size_t> line_starts_;
  // Code points before each multiple of kCountedBytes, so that a column costs no more in a long
  // line.
  static constexpr size_t kCountedBytes = 64;
  std::vector<uint32_t> point_counts_;
  uint32_t first_line_ = 1;
  uint32_t first_column_ = 1;

  std::vector<Block> blocks_;
  std::deque<Body> bodies_;
  Body* body_ = nullptr;
  int depth_ = 0;
  bool failed_ = false;
  bool in_range_end_ = false;
  bool input_used_ = false;  // `?` was read
};

}  // namespace credence::feel
