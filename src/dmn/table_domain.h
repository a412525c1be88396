#pragma once
// A decision table as boxes: the pieces ("atoms") into which its cells cut each input column.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "src/base/arena.h"
#include "src/dmn/decision_table.h"
#include "src/feel/evaluation.h"

namespace credence::dmn {

// A set of atoms of one column, or of rules.
class Bits {
 public:
  Bits() = default;
  explicit Bits(size_t size) : words_((size + 63) / 64) {}
  void Set(size_t i) { words_[i / 64] |= uint64_t{1} << i % 64; }
  [[nodiscard]] bool Has(size_t i) const { return (words_[i / 64] >> i % 64 & 1) != 0; }
  [[nodiscard]] bool Empty() const;
  [[nodiscard]] bool Intersects(const Bits& other) const;
  [[nodiscard]] bool Contains(const Bits& other) const;
  void IntersectWith(const Bits& other);
  void Remove(const Bits& other);
  friend auto operator<=>(const Bits&, const Bits&) = default;

 private:
  std::vector<uint64_t> words_;
};

struct Atom {
  feel::Value sample;  // a value of the piece; owned by the domain
  // Of an ordered piece: its position (2i + 1 on bound i, 2i below it); -1 otherwise.
  int64_t position = -1;
  bool is_other = false;  // any text but the ones named
};

struct ColumnDomain {
  std::vector<Atom> atoms;  // ordered pieces in ascending order first
  std::vector<feel::Value> bounds;
  std::vector<Bits> cells;    // by rule
  std::vector<bool> general;  // by rule: the cell computes something
  Bits all;
};

class TableDomain {
 public:
  // `allowed[c]`: tests that inputs of column c are known to pass; may be null.
  TableDomain(const TableExpression* table, const std::vector<const feel::UnaryTests*>& allowed);
  TableDomain(const TableDomain&) = delete;
  TableDomain& operator=(const TableDomain&) = delete;

  [[nodiscard]] const std::vector<ColumnDomain>& columns() const { return columns_; }
  [[nodiscard]] size_t rules() const { return rules_; }
  [[nodiscard]] bool IsGeneral(size_t rule) const;
  // A run of atoms in words: "< 18", "[18..25)", "\"A\"", "any other value".
  [[nodiscard]] std::string Describe(size_t column, const Bits& atoms) const;

 private:
  void BuildColumn(size_t column, const feel::UnaryTests* allowed);
  void AddOrdered(feel::Kind kind, ColumnDomain* domain);
  // A value between two bounds; nothing where there is none (whole days). Null ends are open.
  [[nodiscard]] std::optional<feel::Value> Between(const feel::Value& low, const feel::Value& high);

  const TableExpression& table_;
  size_t rules_;
  std::vector<ColumnDomain> columns_;
  Arena arena_;
  feel::EvaluationContext context_;
};

}  // namespace credence::dmn
