#pragma once
// ExtremeQueue: the least or greatest cell of a series over every window with the same newer end.
// It keeps the rows that no later row beats, from the best to the newest; the answer for a window
// is the first of them inside it. Rows of equal time may stand in any order: they leave every
// window together.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "src/base/prefetch.h"
#include "src/feature/row_log.h"

namespace credence::feature {

class ExtremeQueue {
 public:
  struct Item {
    int64_t time = 0;
    int64_t cell = 0;
  };

  explicit ExtremeQueue(bool greatest) : greatest_(greatest) {}

  // Whether cell `a` is strictly better than `b`.
  [[nodiscard]] bool Beats(int64_t a, int64_t b, const CellOrder& order) const {
    return greatest_ ? order.Less(b, a) : order.Less(a, b);
  }

  // A row not older than any that is here.
  void Add(int64_t time, int64_t cell, const CellOrder& order) {
    while (items_.size() > begin_ && !Beats(items_.back().cell, cell, order)) items_.pop_back();
    if (items_.size() == begin_) {
      items_.clear();
      begin_ = 0;
    }
    items_.push_back({time, cell});
  }

  // A row of any time.
  void AddLate(int64_t time, int64_t cell, const CellOrder& order) {
    const size_t at = FirstAfter(time);
    if (at < items_.size() && !Beats(cell, items_[at].cell, order)) return;
    size_t from = at;
    while (from > begin_ && !Beats(items_[from - 1].cell, cell, order)) --from;
    Replace(from, at, {{time, cell}});
  }

  void Evict(int64_t bound) {
    while (begin_ < items_.size() && items_[begin_].time <= bound) ++begin_;
    if (begin_ >= kCompactFrom && begin_ * 2 >= items_.size()) {
      items_.erase(items_.begin(), items_.begin() + static_cast<ptrdiff_t>(begin_));
      begin_ = 0;
    }
  }

  // The first item after `bound`; null if there is none.
  [[nodiscard]] const Item* BestItem(int64_t bound) const {
    const size_t first = FirstAfter(bound);
    return first == items_.size() ? nullptr : &items_[first];
  }

  // Place of the item, or items().size() if there is none.
  [[nodiscard]] size_t Find(int64_t time, int64_t cell) const {
    size_t at = begin_;
    if (time != INT64_MIN) at = FirstAfter(time - 1);
    while (at < items_.size() && items_[at].time == time && items_[at].cell != cell) ++at;
    return at < items_.size() && items_[at].time == time ? at : items_.size();
  }
  // Puts `items` in the place of [from, to).
  void Replace(size_t from, size_t to, const std::vector<Item>& items) {
    const auto at = items_.erase(items_.begin() + static_cast<ptrdiff_t>(from),
                                 items_.begin() + static_cast<ptrdiff_t>(to));
    items_.insert(at, items.begin(), items.end());
  }
  [[nodiscard]] const std::vector<Item>& items() const { return items_; }
  [[nodiscard]] size_t begin() const { return begin_; }
  [[nodiscard]] bool greatest() const { return greatest_; }
  // Asks the memory for the ends that Add and Best look at.
  void Warm() const {
    if (items_.size() == begin_) return;
    PrefetchLines(&items_[begin_], sizeof(Item));
    PrefetchLines(&items_.back(), sizeof(Item));
  }
  [[nodiscard]] size_t bytes() const { return items_.capacity() * sizeof(Item); }

 private:
  static constexpr size_t kCompactFrom = 32;

  [[nodiscard]] size_t FirstAfter(int64_t bound) const {
    const auto begin = items_.begin() + static_cast<ptrdiff_t>(begin_);
    const auto found = std::partition_point(begin, items_.end(),
                                            [bound](const Item& i) { return i.time <= bound; });
    return static_cast<size_t>(found - items_.begin());
  }

  std::vector<Item> items_;  // from begin_ on
  size_t begin_ = 0;
  bool greatest_;
};

}  // namespace credence::feature
