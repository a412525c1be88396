#pragma once
// Dictionary: the texts of one entity's events, each kept once under a number from 1. A number is
// free again when no kept event refers to it any more. Numbers are never stored: canonical bytes
// hold the text.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "src/feature/tag_table.h"

namespace credence::feature {

class Dictionary {
 public:
  // Counts one more reference to `text`.
  uint32_t Acquire(std::string_view text);
  void Release(uint32_t id);
  // Lives until the dictionary changes.
  [[nodiscard]] std::string_view Text(uint32_t id) const { return entries_[id - 1].text; }
  // Asks the memory for the table that the next Acquire looks into.
  void Warm() const;
  // A large one in three steps: where the search for a text of this tag begins; the number of a
  // text that has it, which is probably the one, or 0; its text.
  static uint32_t TagOf(std::string_view text);
  [[nodiscard]] bool has_table() const { return !table_.empty(); }
  void WarmSlot(uint32_t tag) const { table_.WarmSlot(tag); }
  [[nodiscard]] uint32_t Guess(uint32_t tag) const { return table_.Guess(tag); }
  void WarmEntry(uint32_t id) const;
  [[nodiscard]] size_t size() const { return live_; }
  [[nodiscard]] size_t bytes() const;

 private:
  struct Entry {
    std::string text;
    uint32_t tag = 0;         // of the text; of a free entry: the next free one
    uint32_t references = 0;  // 0: free
  };
  // 0 if it is not here.
  [[nodiscard]] uint32_t Find(std::string_view text, uint32_t tag) const;
  void Grow();
  void Erase(uint32_t id);

  // Few texts, as most entities have, are searched one by one.
  static constexpr size_t kFewMax = 8;

  std::vector<Entry> entries_;
  TagTable table_;     // of ids; none for few
  uint32_t free_ = 0;  // the first free entry; 0 = there is none
  uint32_t live_ = 0;
};

}  // namespace credence::feature
