#pragma once
// Scope: the names that an expression may read, each with its slot and type. FEEL names may hold
// spaces, dots and symbols ("Extra days case 1", "a+b", "account.transaction.count_30d"); where
// several names could start at a place in a text, the longest wins. White space within a name is
// any run of white space in the text.
//
// A scope is filled before the first Compile() and not changed while one runs. Thread-safe for
// reading.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/feel/type.h"
#include "src/feel/value.h"

namespace credence::feel {

class Scope {
 public:
  struct Variable {
    std::string name;  // white space normalised
    Type type;
    uint32_t slot = 0;
    // A name with one value for ever (a business knowledge model, a decision service): no slot is
    // read.
    std::optional<Value> constant;
  };

  Scope() = default;
  // Also sees everything of `parent`, which must outlive it; its own names win. Slot numbers go on
  // after the parent's.
  explicit Scope(const Scope* parent);

  // The variable's slot: the number of slots added before, parents included. A second variable of
  // the same name in the same scope hides the first.
  uint32_t Add(std::string_view name, const Type& type);
  // As Add, with a slot that the caller chose (several names may share one).
  void AddAt(std::string_view name, const Type& type, uint32_t slot);
  // The value must outlive every expression compiled with it.
  void AddConstant(std::string_view name, const Type& type, const Value& value);
  // A named type (item definition) for `instance of`, typed parameters and CompileType. Types named
  // with a dot ("import.tFoo") are found whole.
  void AddType(std::string_view name, const Type& type);

  [[nodiscard]] const Variable* Find(std::string_view normalised_name) const;
  [[nodiscard]] const Type* FindType(std::string_view normalised_name) const;
  // Slots of this scope and its parents: the least size of the span that Evaluate() gets.
  [[nodiscard]] uint32_t slot_count() const { return slot_count_; }
  // Bytes of the longest name, parents included.
  [[nodiscard]] size_t name_bytes_max() const { return name_bytes_max_; }
  [[nodiscard]] size_t type_name_bytes_max() const { return type_name_bytes_max_; }
  // Own variables in order of addition.
  [[nodiscard]] const std::vector<Variable>& variables() const { return variables_; }
  [[nodiscard]] const Scope* parent() const { return parent_; }
  // Every visible name, for "did you mean".
  [[nodiscard]] std::vector<std::string> Names() const;
  [[nodiscard]] std::vector<std::string> TypeNames() const;

 private:
  void Put(Variable variable);

  const Scope* parent_ = nullptr;
  std::vector<Variable> variables_;
  std::map<std::string, uint32_t, std::less<>> index_;
  std::map<std::string, Type, std::less<>> types_;
  uint32_t slot_count_ = 0;
  size_t name_bytes_max_ = 0;
  size_t type_name_bytes_max_ = 0;
};

// Runs of white space become one space; none at the ends.
[[nodiscard]] std::string NormaliseName(std::string_view name);

}  // namespace credence::feel
