#pragma once
// TagTable: finds the number of a thing by a tag of 32 bits, where its owner keeps the things.
// Those with other tags are passed over without a look at them, so that a search touches one line
// of the table and what it finds.
//
// Numbers are from 1. Linear probing by tag, at most three quarters full.

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "src/base/prefetch.h"

namespace credence::feature {

class TagTable {
 public:
  [[nodiscard]] bool empty() const { return slots_.empty(); }
  // The number with this tag of which `is` says so; 0 if there is none.
  template <class Is>
  [[nodiscard]] uint32_t Find(uint32_t tag, const Is& is) const {
    if (empty()) return 0;
    for (size_t at = Home(tag); slots_[at].number != 0; at = Next(at)) {
      if (slots_[at].tag == tag && is(slots_[at].number)) return slots_[at].number;
    }
    return 0;
  }
  // The first number with this tag, which is probably the only one; 0 if there is none.
  [[nodiscard]] uint32_t Guess(uint32_t tag) const {
    return Find(tag, [](uint32_t /*number*/) { return true; });
  }
  // Room for one more beside so many.
  void Reserve(size_t numbers) {
    while ((numbers + 1) * 4 > slots_.size() * 3) Grow();
  }
  // There is room for it.
  void Put(uint32_t tag, uint32_t number) {
    size_t at = Home(tag);
    while (slots_[at].number != 0) at = Next(at);
    slots_[at] = {tag, number};
  }
  // It is here.
  void Erase(uint32_t tag, uint32_t number) {
    size_t hole = Home(tag);
    while (slots_[hole].number != number) hole = Next(hole);
    // Those behind the hole that probed past it move up, so that no search stops too early.
    for (size_t at = Next(hole); slots_[at].number != 0; at = Next(at)) {
      if (((at - Home(slots_[at].tag)) & mask()) >= ((at - hole) & mask())) {
        slots_[hole] = slots_[at];
        hole = at;
      }
    }
    slots_[hole] = Slot();
  }

  // Asks the memory for all of it, or for where a search begins.
  void Warm() const { PrefetchLines(slots_.data(), slots_.size() * sizeof(Slot)); }
  void WarmSlot(uint32_t tag) const {
    if (!empty()) PrefetchLines(&slots_[Home(tag)], sizeof(Slot));
  }
  [[nodiscard]] size_t bytes() const { return slots_.capacity() * sizeof(Slot); }

 private:
  struct Slot {
    uint32_t tag = 0;
    uint32_t number = 0;  // 0: empty
  };
  static constexpr size_t kSlotsMin = 8;

  [[nodiscard]] size_t mask() const { return slots_.size() - 1; }
  [[nodiscard]] size_t Home(uint32_t tag) const { return tag & mask(); }
  [[nodiscard]] size_t Next(size_t at) const { return (at + 1) & mask(); }
  void Grow() {
    const std::vector<Slot> old = std::move(slots_);
    slots_.assign(old.empty() ? kSlotsMin : old.size() * 2, Slot());
    for (const Slot& slot : old) {
      if (slot.number != 0) Put(slot.tag, slot.number);
    }
  }

  std::vector<Slot> slots_;
};

}  // namespace credence::feature
