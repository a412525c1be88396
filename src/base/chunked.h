#pragma once
// Chunked: a list that grows at its end and never moves what it holds, so that no single push costs
// a copy of all of it. References stay good until the thing is popped.

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "src/base/assert.h"

namespace credence {

template <class T, size_t kChunk = 1024>
class Chunked {
 public:
  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  T& operator[](size_t at) { return chunks_[at / kChunk][at % kChunk]; }
  const T& operator[](size_t at) const { return chunks_[at / kChunk][at % kChunk]; }
  void push_back(T thing) {
    if (size_ == chunks_.size() * kChunk) chunks_.push_back(std::make_unique<T[]>(kChunk));
    (*this)[size_] = std::move(thing);
    ++size_;
  }
  void pop_back() {
    CREDENCE_ASSERT(size_ > 0);
    --size_;
    (*this)[size_] = T();
    // One empty chunk is kept: at a border things come and go.
    if (size_ + 2 * kChunk <= chunks_.size() * kChunk) chunks_.pop_back();
  }

  class Iterator {
   public:
    Iterator(const Chunked* list, size_t at) : list_(list), at_(at) {}
    const T& operator*() const { return (*list_)[at_]; }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    friend bool operator==(const Iterator&, const Iterator&) = default;

   private:
    const Chunked* list_;
    size_t at_;
  };
  [[nodiscard]] Iterator begin() const { return {this, 0}; }
  [[nodiscard]] Iterator end() const { return {this, size_}; }

 private:
  std::vector<std::unique_ptr<T[]>> chunks_;
  size_t size_ = 0;
};

}  // namespace credence
