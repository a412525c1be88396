#pragma once
// NameTable: the index of a name among a fixed set, by hash: the cost does not grow with the set.

#include <bit>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "src/base/digest.h"

namespace credence::api {

class NameTable {
 public:
  // `names` are distinct, at most 32,767, and outlive the table.
  explicit NameTable(std::vector<std::string_view> names)
      : names_(std::move(names)), slots_(std::bit_ceil(names_.size() * 2 + 1), kEmpty) {
    for (size_t i = 0; i < names_.size(); ++i) {
      size_t at = Start(names_[i]);
      while (slots_[at] != kEmpty) at = (at + 1) & (slots_.size() - 1);
      slots_[at] = static_cast<uint16_t>(i);
    }
  }

  [[nodiscard]] std::optional<uint32_t> Find(std::string_view name) const {
    for (size_t at = Start(name); slots_[at] != kEmpty; at = (at + 1) & (slots_.size() - 1)) {
      if (names_[slots_[at]] == name) return slots_[at];
    }
    return std::nullopt;
  }

  // As Find. `guess` is the index that the name probably has: most senders keep one order.
  [[nodiscard]] std::optional<uint32_t> Find(std::string_view name, uint32_t guess) const {
    if (guess < names_.size() && names_[guess] == name) return guess;
    return Find(name);
  }

 private:
  static constexpr uint16_t kEmpty = 0xFFFF;
  [[nodiscard]] size_t Start(std::string_view name) const {
    return static_cast<size_t>(Hash64(name)) & (slots_.size() - 1);
  }
  std::vector<std::string_view> names_;
  std::vector<uint16_t> slots_;
};

}  // namespace credence::api
