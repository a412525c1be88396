#include "src/feature/last_seen.h"

#include <algorithm>
#include <utility>

#include "src/base/assert.h"
#include "src/base/prefetch.h"

namespace credence::feature {

uint32_t LastSeen::TagOf(int64_t cell) {
  const uint64_t z = static_cast<uint64_t>(cell) * 0x9E3779B97F4A7C15U;
  return static_cast<uint32_t>(z ^ (z >> 32));
}

uint32_t LastSeen::Find(int64_t cell) const {
  return table_.Find(TagOf(cell), [&](uint32_t node) { return At(node).cell == cell; });
}

uint32_t LastSeen::Create(int64_t cell) {
  table_.Reserve(live_);
  uint32_t node = kNone;
  if (free_.empty()) {
    nodes_.emplace_back();
    node = static_cast<uint32_t>(nodes_.size());
  } else {
    node = free_.back();
    free_.pop_back();
    At(node) = Node();
  }
  At(node).cell = cell;
  table_.Put(TagOf(cell), node);
  ++live_;
  return node;
}

void LastSeen::Erase(uint32_t node) {
  table_.Erase(TagOf(At(node).cell), node);
  free_.push_back(node);
  --live_;
}

void LastSeen::Begin(Boundary* boundary, uint32_t node) const {
  boundary->node = node;
  if (node != kNone) boundary->last = At(node).last;
}

void LastSeen::Link(uint32_t node) {
  const int64_t time = At(node).last;
  uint32_t older = newest_;
  while (older != kNone && At(older).last > time) older = At(older).older;
  const uint32_t newer = older == kNone ? oldest_ : At(older).newer;
  At(node).older = older;
  At(node).newer = newer;
  (older == kNone ? oldest_ : At(older).newer) = node;
  (newer == kNone ? newest_ : At(newer).older) = node;
  for (Boundary& boundary : boundaries_) {
    if (time <= boundary.bound) continue;
    ++boundary.distinct;
    if (boundary.node == kNone || boundary.node == newer) Begin(&boundary, node);
  }
}

void LastSeen::Unlink(uint32_t node) {
  const Node& gone = At(node);
  for (Boundary& boundary : boundaries_) {
    if (gone.last <= boundary.bound) continue;
    --boundary.distinct;
    if (boundary.node == node) Begin(&boundary, gone.newer);
  }
  (gone.older == kNone ? oldest_ : At(gone.older).newer) = gone.newer;
  (gone.newer == kNone ? newest_ : At(gone.newer).older) = gone.older;
}

void LastSeen::Add(int64_t cell, int64_t time) {
  uint32_t node = Find(cell);
  if (node == kNone) {
    node = Create(cell);
    At(node).last = time;
    Link(node);
    return;
  }
  Node& known = At(node);
  if (time < known.last) {
    known.previous = std::max(known.previous, time);
    return;
  }
  if (time > known.last && node == newest_) {
    // Already in its place; it comes into windows that had ended before it.
    const int64_t last = std::exchange(known.last, time);
    for (Boundary& boundary : boundaries_) {
      if (time <= boundary.bound) continue;
      if (last <= boundary.bound) {
        ++boundary.distinct;
        boundary.node = node;
      }
      if (boundary.node == node) boundary.last = time;
    }
    known.previous = last;
    known.previous_known = true;
    return;
  }
  const int64_t previous = known.last;
  if (time > previous) {
    Unlink(node);
    At(node).last = time;
    Link(node);
  }
  At(node).previous = previous;
  At(node).previous_known = true;
}

void LastSeen::Evict(size_t window, int64_t bound) {
  Boundary& boundary = boundaries_[window];
  boundary.bound = bound;
  while (boundary.node != kNone && boundary.last <= bound) {
    --boundary.distinct;
    Begin(&boundary, At(boundary.node).newer);
  }
}

bool LastSeen::Remove(int64_t cell, int64_t time) {
  const uint32_t node = Find(cell);
  if (node == kNone) return true;
  Node& known = At(node);
  if (time < known.last) {
    if (time == known.previous) known.previous_known = false;
    return true;
  }
  return false;
}

void LastSeen::SetLast(int64_t cell, std::optional<int64_t> time) {
  const uint32_t node = Find(cell);
  CREDENCE_ASSERT(node != kNone);
  Unlink(node);
  if (!time) {
    Erase(node);
    return;
  }
  At(node).last = *time;
  At(node).previous_known = false;
  Link(node);
}

void LastSeen::Trim(int64_t through) {
  while (oldest_ != kNone && At(oldest_).last <= through) {
    const uint32_t node = oldest_;
    Unlink(node);
    Erase(node);
  }
}

void LastSeen::Warm() const {
  PrefetchLines(boundaries_.data(), boundaries_.size() * sizeof(Boundary));
  // Of more cells the place is not known before the cell is.
  constexpr size_t kBytesMax = 512;
  if (nodes_.size() * sizeof(Node) > kBytesMax) return;
  table_.Warm();
  PrefetchLines(nodes_.data(), nodes_.size() * sizeof(Node));
}

void LastSeen::WarmSlot(int64_t cell) const { table_.WarmSlot(TagOf(cell)); }

void LastSeen::WarmNode(int64_t cell) const {
  const uint32_t node = table_.Guess(TagOf(cell));
  if (node != kNone) PrefetchLines(&At(node), sizeof(Node));
}

void LastSeen::WarmBoundaries() const {
  for (const Boundary& boundary : boundaries_) {
    if (boundary.node != kNone) PrefetchLines(&At(boundary.node), sizeof(Node));
  }
}

size_t LastSeen::bytes() const {
  return nodes_.capacity() * sizeof(Node) + free_.capacity() * sizeof(uint32_t) + table_.bytes() +
         boundaries_.capacity() * sizeof(Boundary);
}

}  // namespace credence::feature
