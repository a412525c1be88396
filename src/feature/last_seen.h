#pragma once
// LastSeen: the different cells of a series, each with the time when it was last seen, from the
// oldest to the newest. A cell is in a window iff it was last seen there, so one list serves all
// windows with the same newer end: each keeps the place where it begins and the number of cells
// from there on.

#include <cstdint>
#include <optional>
#include <vector>

#include "src/feature/tag_table.h"

namespace credence::feature {

class LastSeen {
 public:
  static constexpr int kAskedMax = 4;

  explicit LastSeen(size_t windows) : boundaries_(windows) {}

  // Any time; the later it is, the cheaper.
  void Add(int64_t cell, int64_t time);
  // The window now begins after `bound`, which never goes back.
  void Evict(size_t window, int64_t bound);
  // One row with this cell is gone. False if the caller has to say what remains: then SetLast
  // follows.
  [[nodiscard]] bool Remove(int64_t cell, int64_t time);
  // The newest remaining time of the cell; nothing = it is gone.
  void SetLast(int64_t cell, std::optional<int64_t> time);
  // Forgets cells last seen at or before `through`, which no window's bound is before.
  void Trim(int64_t through);

  [[nodiscard]] int64_t Count(size_t window) const { return boundaries_[window].distinct; }
  // Different cells of the rows before some place with times after `lower`. Rows with times up to
  // `before` are all before that place, those after `upper` all behind it; `upper` is before the
  // newest time that was added, and `lower` at most the window's bound. latest(cell) says when a
  // cell was last seen before the place, or anything up to `lower` if not after that. Nothing where
  // that would be asked of more than kAskedMax cells.
  template <class Latest>
  [[nodiscard]] std::optional<int64_t> CountBetween(size_t window, int64_t lower, int64_t before,
                                                    int64_t upper, const Latest& latest) const {
    const Boundary& boundary = boundaries_[window];
    int64_t count = boundary.distinct;
    // Cells last seen before the window as it stands, but after `lower`.
    uint32_t node = boundary.node == kNone ? newest_ : At(boundary.node).older;
    for (; node != kNone && At(node).last > lower; node = At(node).older) ++count;
    // Cells that were last seen behind the place count only if they were also seen before it.
    int asked = 0;
    for (node = newest_; node != kNone && At(node).last > before; node = At(node).older) {
      const Node& late = At(node);
      if (late.last <= lower) continue;  // not counted
      const bool known = late.last > upper && late.previous_known && late.previous <= before;
      if (!known && ++asked > kAskedMax) return std::nullopt;
      if ((known ? late.previous : latest(late.cell)) <= lower) --count;
    }
    return count;
  }
  // Asks the memory for the boundaries, and for the table and nodes of a small list.
  void Warm() const;
  // Of a large list: for where the search for a cell begins, and then for its node.
  void WarmSlot(int64_t cell) const;
  void WarmNode(int64_t cell) const;
  // And then for where the windows begin.
  void WarmBoundaries() const;
  [[nodiscard]] size_t bytes() const;

 private:
  static constexpr uint32_t kNone = 0;  // nodes have numbers from 1
  struct Node {
    int64_t cell = 0;
    int64_t last = 0;
    int64_t previous = INT64_MIN;  // time of the row before the last; INT64_MIN = there is none
    bool previous_known = true;
    uint32_t older = kNone;
    uint32_t newer = kNone;
  };
  struct Boundary {
    uint32_t node = kNone;  // the oldest in the window
    uint32_t distinct = 0;
    int64_t bound = INT64_MIN;
    int64_t last = 0;  // of the node, if there is one
  };
  static uint32_t TagOf(int64_t cell);
  Node& At(uint32_t node) { return nodes_[node - 1]; }
  [[nodiscard]] const Node& At(uint32_t node) const { return nodes_[node - 1]; }
  [[nodiscard]] uint32_t Find(int64_t cell) const;
  uint32_t Create(int64_t cell);
  void Erase(uint32_t node);
  // The window begins with this node, or has none.
  void Begin(Boundary* boundary, uint32_t node) const;
  void Link(uint32_t node);    // by At(node).last; counts it in its windows
  void Unlink(uint32_t node);  // and takes it out of its windows

  std::vector<Node> nodes_;
  std::vector<uint32_t> free_;
  TagTable table_;  // of nodes
  std::vector<Boundary> boundaries_;
  uint32_t oldest_ = kNone;
  uint32_t newest_ = kNone;
  size_t live_ = 0;
};

}  // namespace credence::feature
