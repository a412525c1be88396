#include "src/feel/function.h"

#include <algorithm>

#include "src/feel/builtin.h"
#include "src/feel/regex.h"

namespace credence::feel {

EvaluationContext::EvaluationContext(Arena* arena, ZoneSource* zones)
    : arena_(arena), zones_(zones) {}
EvaluationContext::~EvaluationContext() = default;

RegexCache& EvaluationContext::regex_cache() {
  if (!regex_cache_) regex_cache_ = std::make_unique<RegexCache>();
  return *regex_cache_;
}

Value Callable::CallNamed(std::span<const std::string_view> /*names*/,
                          std::span<const Value> /*arguments*/,
                          EvaluationContext& /*context*/) const {
  return Value::Null(NullReason::kArity, "this function takes no arguments by name");
}

namespace {

constexpr std::string_view kWrongCount = "wrong number of arguments";
constexpr size_t kArgumentsOnStack = 8;
constexpr size_t kArgumentsMax = 256;

Value CallChecked(const Callable& callable, std::span<const Value> arguments,
                  EvaluationContext& context) {
  const Type& type = callable.type();
  if (type.member_count() != arguments.size() || arguments.size() > kArgumentsMax) {
    return Value::Null(NullReason::kArity, kWrongCount);
  }
  Value buffer[kArgumentsOnStack];
  Value* coerced = arguments.size() <= kArgumentsOnStack
                       ? buffer
                       : context.arena().NewArray<Value>(arguments.size()).data();
  for (size_t i = 0; i < arguments.size(); ++i) {
    coerced[i] = Coerce(arguments[i], type.member_type(i), context.arena());
    // An argument that does not fit its parameter spoils the call.
    if (coerced[i].IsNull() && !arguments[i].IsNull()) return coerced[i];
  }
  const Value result = callable.Call({coerced, arguments.size()}, context);
  return Coerce(result, type.element(), context.arena());
}

class DepthGuard {
 public:
  explicit DepthGuard(EvaluationContext* context) : context_(context), ok_(context->EnterCall()) {}
  ~DepthGuard() {
    if (ok_) context_->LeaveCall();
  }
  DepthGuard(const DepthGuard&) = delete;
  DepthGuard& operator=(const DepthGuard&) = delete;
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  EvaluationContext* context_;
  bool ok_;
};

Value TooDeep() {
  return Value::Null(NullReason::kLimit, "the calls are nested deeper than call_depth_max");
}

Value TooManySteps() {
  return Value::Null(
      NullReason::kLimit,
      "the evaluation takes more steps than iterations_max or memory than arena_bytes_max");
}

}  // namespace

Value Invoke(const Value& function, std::span<const Value> arguments, EvaluationContext& context) {
  if (!function.IsFunction()) return Value::Null(NullReason::kType, "this is not a function");
  if (!context.Step()) return TooManySteps();
  const DepthGuard guard(&context);
  if (!guard.ok()) return TooDeep();
  const Callable& callable = function.function();
  if (callable.checks_arguments()) return callable.Call(arguments, context);
  return CallChecked(callable, arguments, context);
}

Value InvokeNamed(const Value& function, std::span<const std::string_view> names,
                  std::span<const Value> arguments, EvaluationContext& context) {
  if (!function.IsFunction()) return Value::Null(NullReason::kType, "this is not a function");
  const Callable& callable = function.function();
  if (callable.checks_arguments()) {
    if (!context.Step()) return TooManySteps();
    const DepthGuard guard(&context);
    if (!guard.ok()) return TooDeep();
    return callable.CallNamed(names, arguments, context);
  }
  const Type& type = callable.type();
  if (type.member_count() != names.size() || names.size() > kArgumentsMax) {
    return Value::Null(NullReason::kArity, kWrongCount);
  }
  const auto ordered = context.arena().NewArray<Value>(names.size());
  for (size_t i = 0; i < type.member_count(); ++i) {
    const auto at = std::find(names.begin(), names.end(), type.member_name(i));
    if (at == names.end()) {
      return Value::Null(NullReason::kArity, "an argument has a name that is no parameter");
    }
    ordered[i] = arguments[static_cast<size_t>(at - names.begin())];
  }
  return Invoke(function, ordered, context);
}

}  // namespace credence::feel
