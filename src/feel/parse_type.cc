// Compiler: type expressions (DMN 1.5, 10.3.1.2, grammar rule "type").

#include <algorithm>

#include "src/feel/compiler.h"
#include "src/feel/nesting.h"

namespace credence::feel {

std::optional<Type> Compiler::ParseTypeArguments(Type::Id id) {
  if (id == Type::Id::kContext) {
    std::vector<std::pair<std::string, Type>> members;
    while (!failed_ && !(members.empty() && PeekIs(">"))) {
      auto name = Peek() == '"' ? TakeStringLiteral() : TakeNameUntil(":");
      if (!name || !Expect(":", "after the name of a member")) {
        Error(at_, "syntax", "expected the name of a member");
        return std::nullopt;
      }
      const auto type = ParseType();
      if (failed_) return std::nullopt;
      members.emplace_back(std::move(*name), type.value_or(Type::Any()));
      if (!Take(",")) break;
    }
    if (!Expect(">", "after the members")) return std::nullopt;
    return Type::Context(std::move(members));
  }
  if (id == Type::Id::kFunction) {
    std::vector<std::pair<std::string, Type>> parameters;
    while (!failed_ && !(parameters.empty() && PeekIs(">"))) {
      const auto type = ParseType();
      if (failed_) return std::nullopt;
      parameters.emplace_back(std::string(), type.value_or(Type::Any()));
      if (!Take(",")) break;
    }
    if (!Expect(">", "after the parameter types") || !Expect("->", "before the result type")) {
      return std::nullopt;
    }
    const auto result = ParseType();
    if (failed_) return std::nullopt;
    return Type::Function(std::move(parameters), result.value_or(Type::Any()));
  }
  const auto element = ParseType();
  if (failed_ || !Expect(">", "after the type")) return std::nullopt;
  if (!element) return std::nullopt;
  return id == Type::Id::kList ? Type::List(*element) : Type::Range(*element);
}

std::optional<Type> Compiler::ParseType() {
  const Nesting nesting(&depth_);
  if (nesting.TooDeep()) {
    Error(at_, "too-deep", "the type is nested too deeply");
    return std::nullopt;
  }
  SkipSpace();
  const size_t position = at_;
  constexpr size_t kBuiltinTypeBytesMax = 32;
  Type found;
  const size_t end = LongestName(at_, std::max(kBuiltinTypeBytesMax, scope_.type_name_bytes_max()),
                                 [&](const std::string& n) {
                                   if (const Type* named = scope_.FindType(n)) {
                                     found = *named;
                                     return true;
                                   }
                                   const auto known = Type::FromName(n);
                                   if (known) found = *known;
                                   return known.has_value();
                                 });
  if (end == 0) {
    std::string name = TakeWords();
    while (Take(".")) name += "." + TakeWords();
    if (name.empty()) {
      Error(at_, "syntax", "expected a type");
      return std::nullopt;
    }
    Warn(position, "unknown-type", "unknown type '" + name + "'", Suggest(name, true));
    return std::nullopt;
  }
  at_ = end;
  const bool generic = found.id() == Type::Id::kList || found.id() == Type::Id::kRange ||
                       found.id() == Type::Id::kContext || found.id() == Type::Id::kFunction;
  if (generic && Take("<")) return ParseTypeArguments(found.id());
  return found;
}

std::optional<Type> Compiler::CompileTypeText(std::string_view text) {
  Enter(text, options_.line, options_.column);
  if (failed_) return std::nullopt;
  auto type = ParseType();
  if (failed_ || !type) return std::nullopt;
  if (!AtEnd()) {
    Error(at_, "syntax", "unexpected text after the type");
    return std::nullopt;
  }
  return type;
}

}  // namespace credence::feel
