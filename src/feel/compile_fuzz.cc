// Compiles and evaluates arbitrary text, as an expression and as unary tests, strict and not,
// folded and not: nothing may crash, hang or read what is not there, and both ways must agree.

#include <cstdint>
#include <cstdlib>

#include "src/feel/expression.h"

namespace {

using credence::Arena;
using credence::Diagnostic;
using credence::feel::CompileOptions;
using credence::feel::EvaluationContext;
using credence::feel::Scope;
using credence::feel::Type;
using credence::feel::Value;

void Limit(EvaluationContext* context) {
  context->limits.iterations_max = 2'000;
  context->limits.list_items_max = 2'000;
  context->limits.string_bytes_max = 20'000;
  context->limits.arena_bytes_max = 1 << 24;
  context->limits.match_limit = 2'000;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1 || size > 4'096) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  Scope scope;
  scope.Add("n", Type::Number());
  scope.Add("a b", Type::String());
  scope.Add("xs", Type::List(Type::Number()));
  scope.Add("c", Type::Any());
  scope.Add("c.d-e", Type::Boolean());
  const Value items[] = {Value::Integer(1), Value::Integer(2)};
  const credence::feel::Entry entries[] = {{"n", Value::Integer(5)}, {"x y", Value::String("z")}};
  const Value slots[] = {Value::Integer(3), Value::String("text"), Value::List(items),
                         Value::Context(entries), Value::Boolean(true)};
  Arena arena;
  EvaluationContext context(&arena);
  Limit(&context);
  CompileOptions options;
  options.strictness = (data[0] & 1) != 0 ? credence::feel::Strictness::kStrict
                                          : credence::feel::Strictness::kStandard;
  std::vector<Diagnostic> diagnostics;
  if ((data[0] & 2) != 0) {
    const auto tests = CompileUnaryTests(text, scope, Type::Number(), options, &diagnostics);
    if (tests) (void)tests->Evaluate(Value::Integer(4), slots, context);
    return 0;
  }
  const auto expression = Compile(text, scope, options, &diagnostics);
  if (!expression) return 0;
  const Value value = expression->Evaluate(slots, context);
  const std::string written = ToFeel(value);
  if ((data[0] & 4) == 0) return 0;
  options.fold_constants = false;
  options.strictness = credence::feel::Strictness::kStandard;
  const auto unfolded = Compile(text, scope, options, nullptr);
  if (!unfolded) return 0;  // deeper without folding
  const Value again = unfolded->Evaluate(slots, context);
  const bool limited =
      (value.IsNull() && value.null_reason() == credence::feel::NullReason::kLimit) ||
      (again.IsNull() && again.null_reason() == credence::feel::NullReason::kLimit);
  // Limits are counted at run time only.
  if (!limited && written.find("null") == std::string::npos && written != ToFeel(again)) {
    if (ToFeel(again).find("null") == std::string::npos) abort();
  }
  return 0;
}
