#pragma once
// IdTable: 128-bit id -> 32-bit row number, by open addressing with linear probing. A slot is eight
// bytes: a tag of the hash and the row. The ids themselves stay in the rows, so whoever looks up
// says whether a row has the id. An erased slot leaves a tombstone until the next growth.

#include <cstdint>
#include <vector>

#include "src/base/assert.h"
#include "src/base/int128.h"

namespace credence::ledger {

class IdTable {
 public:
  static constexpr uint32_t kNone = 0xFFFF'FFFF;

  IdTable() : slots_(kSlotsMin) {}

  [[nodiscard]] static uint64_t Hash(UInt128 id) {
    // Two rounds of multiply and fold (the finaliser of MurmurHash3), so that ids which count up
    // spread out.
    uint64_t x =
        static_cast<uint64_t>(id) ^ (static_cast<uint64_t>(id >> 64) * 0x9E3779B97F4A7C15U);
    x = (x ^ (x >> 33)) * 0xFF51AFD7ED558CCDU;
    x = (x ^ (x >> 33)) * 0xC4CEB9FE1A85EC53U;
    return x ^ (x >> 33);
  }

  void Prefetch(uint64_t hash) const { __builtin_prefetch(&slots_[Place(hash)]); }

  // The row for which has_id(row) is true, or kNone. `has_id` is asked only about rows with the
  // same tag.
  template <class HasId>
  [[nodiscard]] uint32_t Find(uint64_t hash, const HasId& has_id) const {
    for (size_t at = Place(hash);; at = (at + 1) & (slots_.size() - 1)) {
      const Slot slot = slots_[at];
      if (slot.row == kEmpty) return kNone;
      if (slot.tag == Tag(hash) && slot.row != kTombstone && has_id(slot.row)) return slot.row;
    }
  }

  // The id must not be in the table. `hash_of(row)` gives the hash of a row, for growth.
  template <class HashOf>
  void Insert(uint64_t hash, uint32_t row, const HashOf& hash_of) {
    CREDENCE_ASSERT(row < kTombstone);
    if ((used_ + 1) * 8 > slots_.size() * 5) Grow(hash_of);
    Put(hash, row);
    ++used_;
    ++live_;
  }

  void Erase(uint64_t hash, uint32_t row) {
    size_t at = Place(hash);
    while (slots_[at].row != row) {
      CREDENCE_ASSERT(slots_[at].row != kEmpty);
      at = (at + 1) & (slots_.size() - 1);
    }
    slots_[at].row = kTombstone;
    --live_;
  }

 private:
  static constexpr size_t kSlotsMin = 64;
  static constexpr uint32_t kEmpty = 0xFFFF'FFFF;
  static constexpr uint32_t kTombstone = 0xFFFF'FFFE;
  struct Slot {
    uint32_t tag = 0;
    uint32_t row = kEmpty;
  };

  static uint32_t Tag(uint64_t hash) { return static_cast<uint32_t>(hash); }
  [[nodiscard]] size_t Place(uint64_t hash) const {
    return static_cast<size_t>(hash >> 20) & (slots_.size() - 1);
  }
  void Put(uint64_t hash, uint32_t row) {
    size_t at = Place(hash);
    while (slots_[at].row != kEmpty) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = {Tag(hash), row};
  }
  template <class HashOf>
  void Grow(const HashOf& hash_of) {
    std::vector<Slot> old = std::move(slots_);
    slots_ = std::vector<Slot>(live_ * 4 >= old.size() ? old.size() * 2 : old.size());
    for (const Slot& slot : old) {
      if (slot.row < kTombstone) Put(hash_of(slot.row), slot.row);
    }
    used_ = live_;
  }

  std::vector<Slot> slots_;
  size_t used_ = 0;  // live slots and tombstones
  size_t live_ = 0;
};

}  // namespace credence::ledger
