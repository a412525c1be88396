#include "src/feel/expression.h"

#include "src/feel/compiled.h"
#include "src/feel/compiler.h"

namespace credence::feel {

struct ProgramAccess {
  static Expression MakeExpression(std::shared_ptr<const Program> program) {
    Expression expression;
    expression.program_ = std::move(program);
    return expression;
  }
  static UnaryTests MakeTests(std::shared_ptr<const Program> program) {
    UnaryTests tests;
    tests.program_ = std::move(program);
    return tests;
  }
};

namespace {

constexpr size_t kLocalsOnStack = 8;

// The program of an expression that was never compiled, or of "-".
std::shared_ptr<const Program> ConstantProgram(const Value& value, const Type& type) {
  auto program = std::make_shared<Program>();
  program->nodes.emplace_back();
  program->types.push_back(type);
  Node* node = &program->nodes.back();
  node->constant = value;
  node->type = &program->types.back();
  Link(node);
  program->root = node;
  program->shape.kind = UnaryTestShape::Kind::kAny;
  return program;
}

Value RunWithLocals(const Node& root, Value* locals, std::span<const Value> slots,
                    EvaluationContext& context) {
  Frame frame{slots.data(), locals, &context};
  return root.eval(root, frame);
}

Value RunWithLocals(const Program& program, const Value* input, std::span<const Value> slots,
                    EvaluationContext& context) {
  if (program.local_count > kLocalsOnStack) {
    Value* locals = context.arena().NewArray<Value>(program.local_count).data();
    if (input != nullptr) locals[0] = *input;
    return RunWithLocals(*program.root, locals, slots, context);
  }
  Value locals[kLocalsOnStack];
  if (input != nullptr) locals[0] = *input;
  return RunWithLocals(*program.root, locals, slots, context);
}

Value Run(const Program& program, const Value* input, std::span<const Value> slots,
          EvaluationContext& context) {
  const Node& root = *program.root;
  if (context.call_depth() == 0) context.ResetCounters();
  if (!context.Descend(root.height)) {
    return Value::Null(NullReason::kLimit, "the evaluations are nested too deeply");
  }
  const Value result = program.local_count == 0 ? RunWithLocals(root, nullptr, slots, context)
                                                : RunWithLocals(program, input, slots, context);
  context.Ascend(root.height);
  return result;
}

size_t ErrorCount(const std::vector<Diagnostic>& diagnostics) {
  size_t count = 0;
  for (const Diagnostic& diagnostic : diagnostics) {
    if (diagnostic.severity == Severity::kError) ++count;
  }
  return count;
}

// Runs the compiler; nothing if errors came up. `diagnostics` may be null.
template <class Compilation>
std::shared_ptr<const Program> CompileWith(const Scope& scope, const CompileOptions& options,
                                           std::vector<Diagnostic>* diagnostics,
                                           std::string_view text, const Compilation& compilation) {
  std::vector<Diagnostic> own;
  Compiler compiler(scope, options, &own);
  std::shared_ptr<const Program> program = compiler.Finish(compilation(compiler));
  const bool failed = program == nullptr || ErrorCount(own) > 0;
  if (diagnostics != nullptr) {
    diagnostics->insert(diagnostics->end(), own.begin(), own.end());
  }
  if (failed) return nullptr;
  const_cast<Program&>(*program).text = std::string(text);
  return program;
}

}  // namespace

Expression::Expression() {
  static const std::shared_ptr<const Program> null = ConstantProgram(Value::Null(), Type::Null());
  program_ = null;
}

Value Expression::Evaluate(std::span<const Value> slots, EvaluationContext& context) const {
  return Run(*program_, nullptr, slots, context);
}

const Type& Expression::type() const { return *program_->root->type; }
const std::vector<uint32_t>& Expression::slots_read() const { return program_->slots_read; }

const Value* Expression::constant() const {
  return program_->root->kind == NodeKind::kConstant ? &program_->root->constant : nullptr;
}

std::optional<uint32_t> Expression::single_slot() const {
  if (program_->root->kind != NodeKind::kSlot) return std::nullopt;
  return program_->root->index;
}

std::optional<std::pair<uint32_t, Kind>> Expression::coerced_slot() const {
  const Node& root = *program_->root;
  if (root.kind != NodeKind::kCoerce || root.child(0).kind != NodeKind::kSlot) return std::nullopt;
  const Type& type = root.extra->types[0];
  const Kind kind = ScalarKind(type);
  if (kind == Kind::kNull || type.IsConstrained()) return std::nullopt;
  return std::pair(root.child(0).index, kind);
}

const std::string& Expression::text() const { return program_->text; }

UnaryTests::UnaryTests() {
  static const std::shared_ptr<const Program> any =
      ConstantProgram(Value::Boolean(true), Type::Boolean());
  program_ = any;
}

Value UnaryTests::Evaluate(const Value& input, std::span<const Value> slots,
                           EvaluationContext& context) const {
  return Run(*program_, &input, slots, context);
}

const UnaryTestShape& UnaryTests::shape() const { return program_->shape; }
const std::vector<uint32_t>& UnaryTests::slots_read() const { return program_->slots_read; }
const std::string& UnaryTests::text() const { return program_->text; }

std::optional<Expression> Compile(std::string_view text, const Scope& scope,
                                  const CompileOptions& options,
                                  std::vector<Diagnostic>* diagnostics) {
  auto program = CompileWith(scope, options, diagnostics, text, [&](Compiler& compiler) {
    return compiler.CompileExpression(text, options.line, options.column);
  });
  if (program == nullptr) return std::nullopt;
  return ProgramAccess::MakeExpression(std::move(program));
}

std::optional<Expression> Compile(const Boxed& boxed, const Scope& scope,
                                  const CompileOptions& options,
                                  std::vector<Diagnostic>* diagnostics) {
  auto program = CompileWith(scope, options, diagnostics, boxed.text,
                             [&](Compiler& compiler) { return compiler.CompileBoxed(boxed, 0); });
  if (program == nullptr) return std::nullopt;
  return ProgramAccess::MakeExpression(std::move(program));
}

std::optional<UnaryTests> CompileUnaryTests(std::string_view text, const Scope& scope,
                                            const Type& input_type, const CompileOptions& options,
                                            std::vector<Diagnostic>* diagnostics) {
  auto program = CompileWith(scope, options, diagnostics, text, [&](Compiler& compiler) {
    return compiler.CompileTests(text, input_type);
  });
  if (program == nullptr) return std::nullopt;
  return ProgramAccess::MakeTests(std::move(program));
}

std::optional<Type> CompileType(std::string_view text, const Scope& scope,
                                const CompileOptions& options,
                                std::vector<Diagnostic>* diagnostics) {
  Compiler compiler(scope, options, diagnostics);
  return compiler.CompileTypeText(text);
}

}  // namespace credence::feel
