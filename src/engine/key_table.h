#pragma once
// KeyTable: things by their keys, found by a hash that the caller has made. A Thing has a `key` and
// that `hash` (or a function of this name). The table owns nothing. Linear probing over slots that
// hold the whole hash, so that most searches look at one slot and one thing, and a slot can be
// asked for before it is needed.

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "src/base/assert.h"
#include "src/base/prefetch.h"

namespace credence::engine {

template <class Thing, class Key = std::string_view>
class KeyTable {
 public:
  // Null if there is none.
  [[nodiscard]] Thing* Find(uint64_t hash, const Key& key) const {
    const Part& part = PartOf(hash);
    if (part.slots.empty()) return nullptr;
    for (size_t at = part.Home(hash); part.slots[at].thing != nullptr; at = part.Next(at)) {
      if (part.slots[at].hash == hash && part.slots[at].thing->key == key) {
        return part.slots[at].thing;
      }
    }
    return nullptr;
  }
  // What Find will most likely give; the thing itself is not looked at.
  [[nodiscard]] Thing* Guess(uint64_t hash) const {
    const Part& part = PartOf(hash);
    if (part.slots.empty()) return nullptr;
    size_t at = part.Home(hash);
    while (part.slots[at].thing != nullptr && part.slots[at].hash != hash) at = part.Next(at);
    return part.slots[at].thing;
  }
  // Asks the memory for what Guess looks at.
  void Warm(uint64_t hash) const {
    const Part& part = PartOf(hash);
    if (!part.slots.empty()) PrefetchLines(&part.slots[part.Home(hash)], sizeof(Slot));
  }
  // No thing of this key is here.
  void Add(Thing* thing) {
    Part& part = parts_[PartNumber(HashOf(*thing))];
    if ((part.size + 1) * 4 > part.slots.size() * 3) part.Grow();
    part.Put({HashOf(*thing), thing});
    ++part.size;
    ++size_;
  }
  // It is here.
  void Remove(const Thing* thing) {
    Part& part = parts_[PartNumber(HashOf(*thing))];
    std::vector<Slot>& slots = part.slots;
    size_t hole = part.Home(HashOf(*thing));
    while (slots[hole].thing != thing) {
      CREDENCE_ASSERT(slots[hole].thing != nullptr);
      hole = part.Next(hole);
    }
    // Those behind the hole that probed past it move up, so that no search stops too early.
    for (size_t at = part.Next(hole); slots[at].thing != nullptr; at = part.Next(at)) {
      const size_t mask = slots.size() - 1;
      if (((at - part.Home(slots[at].hash)) & mask) < ((at - hole) & mask)) continue;
      slots[hole] = slots[at];
      hole = at;
    }
    slots[hole] = {};
    --part.size;
    --size_;
  }
  [[nodiscard]] size_t size() const { return size_; }

 private:
  struct Slot {
    uint64_t hash = 0;
    Thing* thing = nullptr;
  };
  static constexpr size_t kSlotsMin = 16;
  static constexpr int kPartBits = 6;

  // A table by itself, of the things whose hash begins with its number. Each grows alone, so that
  // no Add waits for all of them.
  struct Part {
    std::vector<Slot> slots;
    size_t size = 0;

    [[nodiscard]] size_t Home(uint64_t hash) const { return hash & (slots.size() - 1); }
    [[nodiscard]] size_t Next(size_t at) const { return (at + 1) & (slots.size() - 1); }
    void Put(const Slot& slot) {
      size_t at = Home(slot.hash);
      while (slots[at].thing != nullptr) at = Next(at);
      slots[at] = slot;
    }
    void Grow() {
      const std::vector<Slot> old = std::move(slots);
      slots.assign(old.empty() ? kSlotsMin : old.size() * 2, {});
      for (const Slot& slot : old) {
        if (slot.thing != nullptr) Put(slot);
      }
    }
  };

  static uint64_t HashOf(const Thing& thing) { return std::invoke(&Thing::hash, thing); }
  static size_t PartNumber(uint64_t hash) { return hash >> (64 - kPartBits); }
  [[nodiscard]] const Part& PartOf(uint64_t hash) const { return parts_[PartNumber(hash)]; }

  std::array<Part, size_t{1} << kPartBits> parts_;
  size_t size_ = 0;
};

}  // namespace credence::engine
