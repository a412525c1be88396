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
  return table_.Find(tag, [&](uint32_t id) { return entries_[id - 1].text == text; });
}

// Room for one more text, in a table that has all of them where they are not few any more.
void Dictionary::Grow() {
  if (live_ < kFewMax) return;
  const bool fill = table_.empty();
  table_.Reserve(live_);
  for (uint32_t i = 0; fill && i < entries_.size(); ++i) {
    if (entries_[i].references > 0) table_.Put(entries_[i].tag, i + 1);
  }
}

uint32_t Dictionary::Acquire(std::string_view text) {
  const uint32_t tag = TagOf(text);
  uint32_t id = Find(text, tag);
  if (id != 0) {
    ++entries_[id - 1].references;
    return id;
  }
  Grow();
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
  if (!table_.empty()) table_.Put(tag, id);
  ++live_;
  return id;
}

void Dictionary::Release(uint32_t id) {
  CREDENCE_ASSERT(id != 0 && entries_[id - 1].references > 0);
  if (--entries_[id - 1].references == 0) Erase(id);
}

void Dictionary::Erase(uint32_t id) {
  Entry& entry = entries_[id - 1];
  if (!table_.empty()) table_.Erase(entry.tag, id);
  entry.text.clear();
  entry.tag = free_;
  free_ = id;
  --live_;
}

void Dictionary::Warm() const {
  // Of more texts the place is not known before the text is.
  constexpr size_t kBytesMax = 512;
  if (entries_.size() * sizeof(Entry) > kBytesMax) return;
  table_.Warm();
  PrefetchLines(entries_.data(), entries_.size() * sizeof(Entry));
}

void Dictionary::WarmEntry(uint32_t id) const { PrefetchLines(&entries_[id - 1], sizeof(Entry)); }

size_t Dictionary::bytes() const {
  size_t total = entries_.capacity() * sizeof(Entry) + table_.bytes();
  for (const Entry& entry : entries_) {
    if (entry.text.capacity() > std::string().capacity()) total += entry.text.capacity() + 1;
  }
  return total;
}

}  // namespace credence::feature
