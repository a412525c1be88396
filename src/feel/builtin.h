#pragma once
// The table of built-in functions (DMN 1.5, 10.3.4).

#include <cstdint>
#include <span>
#include <string_view>

#include "src/feel/evaluation.h"
#include "src/feel/function.h"
#include "src/feel/type.h"
#include "src/feel/value.h"

namespace credence::feel {

// Arguments of a call, in the order of the parameters of one signature.
struct BuiltinCall {
  std::span<const Value> args;
  EvaluationContext& context;
  int signature = -1;  // index of the signature where arguments were given by name

  [[nodiscard]] size_t size() const { return args.size(); }
  const Value& operator[](size_t i) const { return args[i]; }
  [[nodiscard]] Arena& arena() const { return context.arena(); }
};

using BuiltinFn = Value (*)(const BuiltinCall& call);

struct Builtin {
  std::string_view name;
  // Signatures separated by ';', parameters by ','; '?' marks an optional one, '*' a list that may
  // also be given as any number of single arguments.
  std::string_view signatures;
  BuiltinFn fn;
  Type::Id result = Type::Id::kAny;
  bool pure = true;  // the same arguments give the same result (not now, today)
};

[[nodiscard]] const Builtin* FindBuiltinEntry(std::string_view name);
[[nodiscard]] size_t BuiltinNameBytesMax();
// Whether that many arguments fit a signature.
[[nodiscard]] bool AcceptsCount(const Builtin& builtin, size_t count);
// For arguments by name: the signature that has all of the names and whose other parameters are
// optional, and for each of its parameters the index of the argument (-1 = absent). -1 where there
// is none.
int MatchSignature(const Builtin& builtin, std::span<const std::string_view> names,
                   std::vector<int>* positions);
// Calls it with the count checked.
[[nodiscard]] Value CallBuiltin(const Builtin& builtin, std::span<const Value> args,
                                EvaluationContext& context, int signature = -1);
[[nodiscard]] Value CallBuiltinNamed(const Builtin& builtin,
                                     std::span<const std::string_view> names,
                                     std::span<const Value> args, EvaluationContext& context);

// Tables of the themes, each in its own file.
[[nodiscard]] std::span<const Builtin> ConversionBuiltins();
[[nodiscard]] std::span<const Builtin> StringBuiltins();
[[nodiscard]] std::span<const Builtin> NumberBuiltins();
[[nodiscard]] std::span<const Builtin> ListBuiltins();
[[nodiscard]] std::span<const Builtin> ContextBuiltins();
[[nodiscard]] std::span<const Builtin> TemporalBuiltins();
[[nodiscard]] std::span<const Builtin> RangeBuiltins();

// An optional argument that was not given by name.
[[nodiscard]] inline bool IsAbsent(const Value& v) {
  return v.IsNull() && v.null_reason() == NullReason::kMissing && v.null_text().empty();
}
[[nodiscard]] inline Value Absent() { return Value::Null(NullReason::kMissing); }
// The one item of a list of one, else the value itself (implicit conversion of arguments).
[[nodiscard]] inline const Value& Single(const Value& v) {
  return v.IsList() && v.list().size() == 1 ? v.list()[0] : v;
}
[[nodiscard]] inline Value WrongArgument(const Value& v, std::string_view expected) {
  if (v.IsNull()) return Value::Null(NullReason::kNullOperand, "an argument is null");
  return Value::Null(NullReason::kType, expected);
}

}  // namespace credence::feel
