#pragma once
// From FEEL text to something that runs: Compile() resolves every name to a slot, works out types,
// chooses overloads and folds constants; Evaluate() then only computes.
//
//   Scope scope;
//   const uint32_t amount = scope.Add("amount", Type::Number());
//   std::vector<Diagnostic> diagnostics;
//   auto expression = Compile("amount > 100 and amount < 1000", scope, {}, &diagnostics);
//   ...
//   std::vector<Value> slots(scope.slot_count());
//   slots[amount] = Value::Integer(250);
//   Value result = expression->Evaluate(slots, context);
//
// An Expression does not need its Scope any more (except constants added to it, and item types,
// which it shares). Expressions are immutable and may be evaluated from many threads, each with its
// own context.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/base/diagnostic.h"
#include "src/feel/evaluation.h"
#include "src/feel/function.h"
#include "src/feel/scope.h"
#include "src/feel/type.h"
#include "src/feel/value.h"

namespace credence::feel {

// Limits of a text; each has its own diagnostic ("too-long", "too-deep").
inline constexpr size_t kExpressionBytesMax = size_t{1} << 20;
// Nesting of brackets, calls, operators that lean on their left operand ("1+1+1+…" counts each).
inline constexpr int kExpressionDepthMax = 500;

// What a mistake that FEEL turns into a null at run time (unknown name, operand of a wrong type,
// wrong arguments) means at compile time.
enum class Strictness : uint8_t {
  kStandard,  // DMN semantics: a warning, the expression compiles, the value is null
  kStrict,    // an error: the expression does not compile
};

struct CompileOptions {
  std::string file;     // for diagnostics
  uint32_t line = 1;    // where the text begins in the file
  uint32_t column = 1;  // in code points
  Strictness strictness = Strictness::kStandard;
  // Zones of constants such as @"2020-01-01T00:00@Europe/Paris"; must outlive the expression. Where
  // null, such texts are read at evaluation.
  ZoneSource* zones = nullptr;
  // Whether what depends on nothing is computed while compiling. Off only to compare the two ways.
  bool fold_constants = true;
  // The declared type: the value is coerced to it. Nothing = no coercion.
  std::optional<Type> result_type;
};

struct Program;  // compiled.h

class Expression {
 public:
  // Constant null.
  Expression();
  // `slots` has at least as many values as the scope had slots. Never fails: what goes wrong is a
  // null with its reason. The value lives as long as the arena, the slots and this expression.
  [[nodiscard]] Value Evaluate(std::span<const Value> slots, EvaluationContext& context) const;
  // The same, for filters: true only if the value is true.
  [[nodiscard]] bool IsTrue(std::span<const Value> slots, EvaluationContext& context) const {
    return Evaluate(slots, context).IsTrue();
  }

  [[nodiscard]] const Type& type() const;
  // Slots that the value can depend on, ascending.
  [[nodiscard]] const std::vector<uint32_t>& slots_read() const;
  // The value, where it is the same for all inputs.
  [[nodiscard]] const Value* constant() const;
  // The name of the slot, where the expression is just that.
  [[nodiscard]] std::optional<uint32_t> single_slot() const;
  // The slot and the kind of values, where the expression gives the slot's value as it is if that
  // is of the kind: a name and no more, coerced to an unconstrained type.
  [[nodiscard]] std::optional<std::pair<uint32_t, Kind>> coerced_slot() const;
  [[nodiscard]] const std::string& text() const;

 private:
  friend struct ProgramAccess;
  std::shared_ptr<const Program> program_;
};

// A column of a table asks the same of many cells, so the shape of a cell is visible.
struct UnaryTestShape {
  enum class Kind : uint8_t {
    kAny,           // "-": always true
    kAlternatives,  // true iff the input equals one of the constants or lies in one of the
                    // intervals
    kGeneral,       // must be evaluated
  };
  // One constant, or one interval of numbers, strings, dates, times, date-times or durations.
  // Bounds are constants; null = unbounded.
  struct Alternative {
    bool is_interval = false;
    Value constant;
    Value low;
    Value high;
    bool low_included = false;
    bool high_included = false;
  };
  Kind kind = Kind::kGeneral;
  bool negated =
      false;  // not(…): true iff none of the alternatives holds and each could be compared
  std::vector<Alternative> alternatives;
};

class UnaryTests {
 public:
  // "-".
  UnaryTests();
  // True, false, or null (which counts as no match).
  [[nodiscard]] Value Evaluate(const Value& input, std::span<const Value> slots,
                               EvaluationContext& context) const;
  [[nodiscard]] bool Matches(const Value& input, std::span<const Value> slots,
                             EvaluationContext& context) const {
    return Evaluate(input, slots, context).IsTrue();
  }
  // Where kAlternatives: for inputs of the same kind as the constants, Matches() is exactly what
  // the shape says; for other inputs (null included) Evaluate() must be asked. Constants live as
  // long as this object.
  [[nodiscard]] const UnaryTestShape& shape() const;
  [[nodiscard]] const std::vector<uint32_t>& slots_read() const;
  [[nodiscard]] const std::string& text() const;

 private:
  friend struct ProgramAccess;
  std::shared_ptr<const Program> program_;
};

// Nothing if there are errors among the diagnostics that were added. Warnings alone do not prevent
// a result.
[[nodiscard]] std::optional<Expression> Compile(std::string_view text, const Scope& scope,
                                                const CompileOptions& options,
                                                std::vector<Diagnostic>* diagnostics);

// Unary tests of an input clause ("-", "> 10, [1..5]", "not(\"a\", \"b\")", expressions over `?`).
[[nodiscard]] std::optional<UnaryTests> CompileUnaryTests(std::string_view text, const Scope& scope,
                                                          const Type& input_type,
                                                          const CompileOptions& options,
                                                          std::vector<Diagnostic>* diagnostics);

// A type expression ("list<number>", "context<a: string>", "tLoan").
[[nodiscard]] std::optional<Type> CompileType(std::string_view text, const Scope& scope,
                                              const CompileOptions& options,
                                              std::vector<Diagnostic>* diagnostics);

// An expression that is no text: something (a decision table) that a model computes inside of a
// boxed expression and that reads the names visible there.
class CustomExpression {
 public:
  virtual ~CustomExpression() = default;
  // Called once while compiling. `visible` holds every name visible at this place, slots and local
  // names alike, each with a slot number of its own: compile the parts against it. Returns the type
  // of the result.
  virtual Type Bind(const Scope& visible, std::vector<Diagnostic>* diagnostics) = 0;
  // After Bind: the slots of `visible` that Evaluate reads.
  [[nodiscard]] virtual std::vector<uint32_t> slots_read() const = 0;
  // Slots that are not read may hold anything.
  [[nodiscard]] virtual Value Evaluate(std::span<const Value> slots,
                                       EvaluationContext& context) const = 0;
};

// A boxed expression (DMN 1.5, 10.2.1): the tree that a model file holds. Compile() makes one
// Expression of it, with the scoping of the standard.
struct Boxed {
  enum class Kind : uint8_t {
    kLiteral,     // text
    kContext,     // children[i] is the entry names[i]; an empty name is the result (then it stands
                  // last)
    kList,        // children
    kInvocation,  // children[0] is called with the others, bound to names[i - 1]; no names = by
                  // position
    kFunction,    // parameters names/types, body children[0]
    kExternal,  // function with parameters names/types whose body is Java or PMML: calling it gives
                // null
    kConditional,  // if, then, else
    kFilter,       // list, match (sees item)
    kFor,          // list, result; variable names[0]
    kSome,         // list, condition; variable names[0]
    kEvery,
    kCustom,
  };
  Kind kind = Kind::kLiteral;
  std::string text;
  uint32_t line = 0;  // of the text; 0 = as the options say
  uint32_t column = 0;
  std::optional<Type>
      type;  // declared: the value is coerced to it (kFunction: result type of the function)
  std::vector<Boxed> children;
  std::vector<std::string> names;
  std::vector<Type> types;  // of parameters (kFunction, kExternal); empty = any
  std::shared_ptr<CustomExpression> custom;
};

[[nodiscard]] std::optional<Expression> Compile(const Boxed& boxed, const Scope& scope,
                                                const CompileOptions& options,
                                                std::vector<Diagnostic>* diagnostics);

}  // namespace credence::feel
