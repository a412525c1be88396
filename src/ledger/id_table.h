#pragma once
// IdTable: 128-bit id -> 32-bit row number, by open addressing with linear probing. A slot is eight
// bytes: a tag of the hash and the row. The ids themselves stay in the rows, so whoever looks up
// says whether a row has the id. An erased slot leaves a tombstone until the next growth.

#include <array>
#include <cstdint>
#include <vector>

#include "src/base/assert.h"
#include "src/base/int128.h"

namespace credence::ledger {

class IdTable {
 public:
  static constexpr uint32_t kNone = 0xFFFF'FFFF;

  [[nodiscard]] static uint64_t Hash(UInt128 id) {
    // Two rounds of multiply and fold (the finaliser of MurmurHash3), so that ids which count up
    // spread out.
    uint64_t x =
        static_cast<uint64_t>(id) ^ (static_cast<uint64_t>(id >> 64) * 0x9E3779B97F4A7C15U);
    x = (x ^ (x >> 33)) * 0xFF51AFD7ED558CCDU;
    x = (x ^ (x >> 33)) * 0xC4CEB9FE1A85EC53U;
    return x ^ (x >> 33);
  }

  void Prefetch(uint64_t hash) const {
    const Part& part = PartOf(hash);
    __builtin_prefetch(&part.slots[part.Place(hash)]);
  }

  // The row for which has_id(row) is true, or kNone. `has_id` is asked only about rows with the
  // same tag.
  template <class HasId>
  [[nodiscard]] uint32_t Find(uint64_t hash, const HasId& has_id) const {
    const Part& part = PartOf(hash);
    for (size_t at = part.Place(hash);; at = part.Next(at)) {
      const Slot slot = part.slots[at];
      if (slot.row == kEmpty) return kNone;
      if (slot.tag == Tag(hash) && slot.row != kTombstone && has_id(slot.row)) return slot.row;
    }
  }

  // The id must not be in the table. `hash_of(row)` gives the hash of a row, for growth.
  template <class HashOf>
  void Insert(uint64_t hash, uint32_t row, const HashOf& hash_of) {
    CREDENCE_ASSERT(row < kTombstone);
    Part& part = parts_[PartNumber(hash)];
    if ((part.used + 1) * 8 > part.slots.size() * 5) Grow(&part, hash_of);
    part.Put(hash, row);
    ++part.used;
    ++part.live;
  }

  void Erase(uint64_t hash, uint32_t row) {
    Part& part = parts_[PartNumber(hash)];
    size_t at = part.Place(hash);
    while (part.slots[at].row != row) {
      CREDENCE_ASSERT(part.slots[at].row != kEmpty);
      at = part.Next(at);
    }
    part.slots[at].row = kTombstone;
    --part.live;
  }

 private:
  static constexpr size_t kSlotsMin = 16;
  static constexpr uint32_t kEmpty = 0xFFFF'FFFF;
  static constexpr uint32_t kTombstone = 0xFFFF'FFFE;
  static constexpr int kPartBits = 6;
  struct Slot {
    uint32_t tag = 0;
    uint32_t row = kEmpty;
  };

  static uint32_t Tag(uint64_t hash) { return static_cast<uint32_t>(hash); }

  // A table by itself, of the ids whose hash begins with its number. Each grows alone, so that no
  // insertion waits for all of them.
  struct Part {
    std::vector<Slot> slots = std::vector<Slot>(kSlotsMin);
    size_t used = 0;  // live slots and tombstones
    size_t live = 0;

    [[nodiscard]] size_t Place(uint64_t hash) const {
      return static_cast<size_t>(hash >> 20) & (slots.size() - 1);
    }
    [[nodiscard]] size_t Next(size_t at) const { return (at + 1) & (slots.size() - 1); }
    void Put(uint64_t hash, uint32_t row) {
      size_t at = Place(hash);
      while (slots[at].row != kEmpty) at = Next(at);
      slots[at] = {Tag(hash), row};
    }
  };

  static size_t PartNumber(uint64_t hash) { return hash >> (64 - kPartBits); }
  [[nodiscard]] const Part& PartOf(uint64_t hash) const { return parts_[PartNumber(hash)]; }

  template <class HashOf>
  static void Grow(Part* part, const HashOf& hash_of) {
    const std::vector<Slot> old = std::move(part->slots);
    part->slots = std::vector<Slot>(part->live * 4 >= old.size() ? old.size() * 2 : old.size());
    for (const Slot& slot : old) {
      if (slot.row < kTombstone) part->Put(hash_of(slot.row), slot.row);
    }
    part->used = part->live;
  }

  std::array<Part, size_t{1} << kPartBits> parts_;
};

}  // namespace credence::ledger
