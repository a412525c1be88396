#include "src/feature/dictionary.h"

#include <algorithm>

#include "src/base/assert.h"
#include "src/base/digest.h"
#include "src/base/prefetch.h"

namespace credence::feature {

uint32_t Dictionary::TagOf(std::string_view text) { return static_cast<uint32_t>(Hash64(text)); }

uint32_t Dictionary::Find(std::string_view text, uint32_t tag) const {
  if (table_.empty()) {
    for (uint32_t i = 0; i < entries_.size(); ++i) {
      const Entry& entry = entries_[i];
      if (entry.tag == tag && entry.references > 0 && entry.text == text) return i + 1;
    }
    return 0;
  }
  const size_t mask = table_.size() - 1;
  for (size_t at = tag & mask; table_[at].id != 0; at = (at + 1) & mask) {
    if (table_[at].tag == tag && entries_[table_[at].id - 1].text == text) return table_[at].id;
  }
  return 0;
}

// Into the table.
void Dictionary::Put(uint32_t id) {
  const uint32_t tag = entries_[id - 1].tag;
  const size_t mask = table_.size() - 1;
  size_t at = tag & mask;
  while (table_[at].id != 0) at = (at + 1) & mask;
  table_[at] = {tag, id};
}

void Dictionary::Grow() {
  table_.assign(table_.empty() ? 2 * kFewMax : table_.size() * 2, Slot());
  for (uint32_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].references > 0) Put(i + 1);
  }
}

uint32_t Dictionary::Acquire(std::string_view text) {
  const uint32_t tag = TagOf(text);
  uint32_t id = Find(text, tag);
  if (id != 0) {
    ++entries_[id - 1].references;
    return id;
  }
  if (live_ >= kFewMax && (live_ + 1) * 4 > table_.size() * 3) Grow();
  if (free_ == 0) {
    CREDENCE_ASSERT(entries_.size() < UINT32_MAX - 1);
    entries_.emplace_back();
    id = static_cast<uint32_t>(entries_.size());
  } else {
    id = free_;
    free_ = entries_[id - 1].tag;
  }
  Entry& entry = entries_[id - 1];
  entry.text = text;
  entry.tag = tag;
  entry.references = 1;
  if (!table_.empty()) Put(id);
  ++live_;
  return id;
}

void Dictionary::Release(uint32_t id) {
  CREDENCE_ASSERT(id != 0 && entries_[id - 1].references > 0);
  if (--entries_[id - 1].references == 0) Erase(id);
}

void Dictionary::Erase(uint32_t id) {
  Entry& entry = entries_[id - 1];
  if (!table_.empty()) {
    const size_t mask = table_.size() - 1;
    size_t hole = entry.tag & mask;
    while (table_[hole].id != id) hole = (hole + 1) & mask;
    // Those behind the hole that probed past it move up, so that no search stops too early.
    for (size_t at = (hole + 1) & mask; table_[at].id != 0; at = (at + 1) & mask) {
      const size_t home = table_[at].tag & mask;
      if (((at - home) & mask) >= ((at - hole) & mask)) {
        table_[hole] = table_[at];
        hole = at;
      }
    }
    table_[hole] = Slot();
  }
  entry.text.clear();
  entry.tag = free_;
  free_ = id;
  --live_;
}

void Dictionary::Warm() const {
  // Of more texts the place is not known before the text is.
  constexpr size_t kBytesMax = 512;
  if (entries_.size() * sizeof(Entry) > kBytesMax) return;
  PrefetchLines(table_.data(), table_.size() * sizeof(Slot));
  PrefetchLines(entries_.data(), entries_.size() * sizeof(Entry));
}

void Dictionary::WarmSlot(uint32_t tag) const {
  PrefetchLines(&table_[tag & (table_.size() - 1)], sizeof(Slot));
}

uint32_t Dictionary::Guess(uint32_t tag) const {
  const size_t mask = table_.size() - 1;
  for (size_t at = tag & mask; table_[at].id != 0; at = (at + 1) & mask) {
    if (table_[at].tag == tag) return table_[at].id;
  }
  return 0;
}

void Dictionary::WarmEntry(uint32_t id) const { PrefetchLines(&entries_[id - 1], sizeof(Entry)); }

size_t Dictionary::bytes() const {
  size_t total = entries_.capacity() * sizeof(Entry) + table_.capacity() * sizeof(Slot);
  for (const Entry& entry : entries_) {
    if (entry.text.capacity() > std::string().capacity()) total += entry.text.capacity() + 1;
  }
  return total;
}

}  // namespace credence::feature
