#include "src/feature/dictionary.h"

#include <algorithm>

#include "src/base/assert.h"
#include "src/base/digest.h"
#include "src/base/prefetch.h"

namespace credence::feature {

size_t Dictionary::Slot(std::string_view text, uint64_t hash) const {
  const size_t mask = table_.size() - 1;
  size_t slot = hash & mask;
  while (table_[slot] != 0) {
    const Entry& entry = entries_[table_[slot] - 1];
    if (entry.hash == hash && entry.text == text) break;
    slot = (slot + 1) & mask;
  }
  return slot;
}

void Dictionary::Grow() {
  table_.assign(table_.empty() ? 8 : table_.size() * 2, 0);
  const size_t mask = table_.size() - 1;
  for (uint32_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].references == 0) continue;
    size_t slot = entries_[i].hash & mask;
    while (table_[slot] != 0) slot = (slot + 1) & mask;
    table_[slot] = i + 1;
  }
}

uint32_t Dictionary::Acquire(std::string_view text) {
  if ((live_ + 1) * 4 > table_.size() * 3) Grow();
  const uint64_t hash = Hash64(text);
  const size_t slot = Slot(text, hash);
  uint32_t id = table_[slot];
  if (id == 0) {
    if (free_.empty()) {
      CREDENCE_ASSERT(entries_.size() < UINT32_MAX - 1);
      entries_.emplace_back();
      id = static_cast<uint32_t>(entries_.size());
    } else {
      id = free_.back();
      free_.pop_back();
    }
    entries_[id - 1].text = text;
    entries_[id - 1].hash = hash;
    table_[slot] = id;
    ++live_;
  }
  ++entries_[id - 1].references;
  return id;
}

void Dictionary::Release(uint32_t id) {
  CREDENCE_ASSERT(id != 0 && entries_[id - 1].references > 0);
  if (--entries_[id - 1].references == 0) Erase(id);
}

void Dictionary::Erase(uint32_t id) {
  const size_t mask = table_.size() - 1;
  size_t hole = entries_[id - 1].hash & mask;
  while (table_[hole] != id) hole = (hole + 1) & mask;
  table_[hole] = 0;
  // Those behind the hole that probed past it move up, so that no search stops too early.
  for (size_t slot = (hole + 1) & mask; table_[slot] != 0; slot = (slot + 1) & mask) {
    const size_t home = entries_[table_[slot] - 1].hash & mask;
    if (((slot - home) & mask) >= ((slot - hole) & mask)) {
      table_[hole] = table_[slot];
      table_[slot] = 0;
      hole = slot;
    }
  }
  entries_[id - 1].text.clear();
  free_.push_back(id);
  --live_;
}

void Dictionary::Warm() const {
  constexpr size_t kBytesMax = 512;  // of a large table the place is not known before the text is
  PrefetchLines(table_.data(), std::min(kBytesMax, table_.size() * sizeof(uint32_t)));
  PrefetchLines(entries_.data(), std::min(kBytesMax, entries_.size() * sizeof(Entry)));
}

size_t Dictionary::bytes() const {
  size_t total = entries_.capacity() * sizeof(Entry) + free_.capacity() * sizeof(uint32_t) +
                 table_.capacity() * sizeof(uint32_t);
  for (const Entry& entry : entries_) {
    if (entry.text.capacity() > std::string().capacity()) total += entry.text.capacity() + 1;
  }
  return total;
}

}  // namespace credence::feature
