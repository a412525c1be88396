#pragma once
// Callable: what a function value points to. Lambdas and built-ins are Callables of this folder; a
// model makes its own for business knowledge models and decision services.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/feel/evaluation.h"
#include "src/feel/type.h"
#include "src/feel/value.h"

namespace credence::feel {

class Callable {
 public:
  virtual ~Callable() = default;

  // function<…>; its members are the parameters with their names and types. Where the parameters
  // depend on the arguments (overloaded built-ins), a function type without members.
  [[nodiscard]] virtual const Type& type() const = 0;
  [[nodiscard]] virtual std::string_view name() const = 0;
  // Whether Call() accepts any number of arguments and checks them itself (built-ins).
  [[nodiscard]] virtual bool checks_arguments() const { return false; }
  // The arguments in the order of the parameters, as many as there are parameters, each coerced to
  // its type (unless checks_arguments()). The result is coerced to the result type by Invoke.
  [[nodiscard]] virtual Value Call(std::span<const Value> arguments,
                                   EvaluationContext& context) const = 0;
  // Arguments by name, for functions that check them themselves. Others are reordered by
  // InvokeNamed.
  [[nodiscard]] virtual Value CallNamed(std::span<const std::string_view> names,
                                        std::span<const Value> arguments,
                                        EvaluationContext& context) const;

 protected:
  Callable() = default;
  Callable(const Callable&) = default;
  Callable& operator=(const Callable&) = default;
};

// Calls a function value: checks the number of arguments, coerces arguments and result, counts the
// depth. Null with a reason if `function` is not one, or the arguments do not fit.
[[nodiscard]] Value Invoke(const Value& function, std::span<const Value> arguments,
                           EvaluationContext& context);
// The same with arguments by name, in any order; each parameter needs one (a missing one is an
// error).
[[nodiscard]] Value InvokeNamed(const Value& function, std::span<const std::string_view> names,
                                std::span<const Value> arguments, EvaluationContext& context);
// A built-in function of the standard by its name ("string length"), or null. Lives for ever.
[[nodiscard]] const Callable* FindBuiltin(std::string_view name);
// The names of all built-in functions, sorted.
[[nodiscard]] std::span<const std::string_view> BuiltinNames();

}  // namespace credence::feel
