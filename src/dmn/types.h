#pragma once
// Item definitions as FEEL types.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/diagnostic.h"
#include "src/dmn/model.h"
#include "src/feel/expression.h"
#include "src/feel/scope.h"
#include "src/feel/type.h"

namespace credence::dmn {

// The types of one file. Allowed values and type constraints of item definitions are constraints of
// their types, held at every typed boundary (DMN 1.5, 7.3.3 and 10.3.2.9.4): allowedValues for the
// items of a list, typeConstraint for the list as a whole. Not thread-safe: looking up fills a
// cache.
class TypeTable {
 public:
  // `definitions` outlives the table.
  TypeTable(const Definitions* definitions, ZoneSource* zones, feel::Strictness strictness)
      : definitions_(definitions), zones_(zones), strictness_(strictness) {}
  // Types of an imported file become visible as "name.type", or "type" where the import has no
  // name.
  void AddImport(const std::string& name, const std::string& namespace_uri,
                 const TypeTable* table) {
    imports_.push_back({name, namespace_uri, table});
  }

  // The type of a typeRef; nothing where it is empty, or unknown (reported once for each place).
  [[nodiscard]] std::optional<feel::Type> Resolve(const std::string& type_ref, Position at,
                                                  std::vector<Diagnostic>* diagnostics) const;
  // Makes every type of the file, and appends what is wrong with their tests.
  void MakeAll(std::vector<Diagnostic>* diagnostics) const;
  // Adds every type of this file and of its imports to the scope.
  void AddTo(feel::Scope* scope) const;

 private:
  struct Imported {
    std::string name;
    std::string namespace_uri;
    const TypeTable* table;
  };
  [[nodiscard]] std::optional<feel::Type> Find(std::string_view type_ref) const;
  [[nodiscard]] std::optional<feel::Type> FindOwn(std::string_view name) const;
  [[nodiscard]] std::optional<feel::Type> FindQualified(std::string_view type_ref) const;
  [[nodiscard]] feel::Type TypeOf(const ItemDefinition& item) const;

  // The type limited to what `tests` allow; as it is where they are not there or have errors.
  [[nodiscard]] feel::Type Limited(const feel::Type& type, const std::string& name,
                                   const std::optional<Text>& tests) const;

  const Definitions* definitions_;
  ZoneSource* zones_;
  feel::Strictness strictness_;
  std::vector<Imported> imports_;
  // By normalised name. A type inside of itself is any: nothing stands for "being made".
  mutable std::map<std::string, std::optional<feel::Type>, std::less<>> made_;
  mutable std::vector<Diagnostic> diagnostics_;  // of the types made so far
};

}  // namespace credence::dmn
