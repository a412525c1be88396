#pragma once
// KeyTable: things by their keys, found by a hash that the caller has made (Hash64 of the key). A
// Thing has a `key` and that `hash`. The table owns nothing. Linear probing over slots that hold
// the whole hash, so that most searches look at one slot and one thing, and a slot can be asked for
// before it is needed.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "src/base/assert.h"
#include "src/base/prefetch.h"

namespace credence::engine {

template <class Thing>
class KeyTable {
 public:
  // Null if there is none.
  [[nodiscard]] Thing* Find(uint64_t hash, std::string_view key) const {
    if (slots_.empty()) return nullptr;
    for (size_t at = Home(hash); slots_[at].thing != nullptr; at = Next(at)) {
      if (slots_[at].hash == hash && slots_[at].thing->key == key) return slots_[at].thing;
    }
    return nullptr;
  }
  // What Find will most likely give; the thing itself is not looked at.
  [[nodiscard]] Thing* Guess(uint64_t hash) const {
    if (slots_.empty()) return nullptr;
    size_t at = Home(hash);
    while (slots_[at].thing != nullptr && slots_[at].hash != hash) at = Next(at);
    return slots_[at].thing;
  }
  // Asks the memory for what Guess looks at.
  void Warm(uint64_t hash) const {
    if (!slots_.empty()) PrefetchLines(&slots_[Home(hash)], sizeof(Slot));
  }
  // No thing of this key is here.
  void Add(Thing* thing) {
    if ((size_ + 1) * 4 > slots_.size() * 3) Grow();
    Put({thing->hash, thing});
    ++size_;
  }
  // It is here.
  void Remove(const Thing* thing) {
    size_t hole = Home(thing->hash);
    while (slots_[hole].thing != thing) {
      CREDENCE_ASSERT(slots_[hole].thing != nullptr);
      hole = Next(hole);
    }
    // Those behind the hole that probed past it move up, so that no search stops too early.
    for (size_t at = Next(hole); slots_[at].thing != nullptr; at = Next(at)) {
      const size_t mask = slots_.size() - 1;
      if (((at - Home(slots_[at].hash)) & mask) < ((at - hole) & mask)) continue;
      slots_[hole] = slots_[at];
      hole = at;
    }
    slots_[hole] = {};
    --size_;
  }
  [[nodiscard]] size_t size() const { return size_; }

 private:
  struct Slot {
    uint64_t hash = 0;
    Thing* thing = nullptr;
  };
  static constexpr size_t kSlotsMin = 16;

  [[nodiscard]] size_t Home(uint64_t hash) const { return hash & (slots_.size() - 1); }
  [[nodiscard]] size_t Next(size_t at) const { return (at + 1) & (slots_.size() - 1); }
  void Put(const Slot& slot) {
    size_t at = Home(slot.hash);
    while (slots_[at].thing != nullptr) at = Next(at);
    slots_[at] = slot;
  }
  void Grow() {
    const std::vector<Slot> old = std::move(slots_);
    slots_.assign(old.empty() ? kSlotsMin : old.size() * 2, {});
    for (const Slot& slot : old) {
      if (slot.thing != nullptr) Put(slot);
    }
  }

  std::vector<Slot> slots_;
  size_t size_ = 0;
};

}  // namespace credence::engine
