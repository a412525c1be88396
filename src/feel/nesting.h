#pragma once
// Counting of nested grammar, so that the compiler stops before the machine's stack does.

#include "src/feel/expression.h"

namespace credence::feel {

// Counts nesting; the compiler stops before the stack does.
class Nesting {
 public:
  explicit Nesting(int* depth) : depth_(depth) { ++*depth_; }
  ~Nesting() { --*depth_; }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;
  [[nodiscard]] bool TooDeep() const { return *depth_ > kExpressionDepthMax; }

 private:
  int* depth_;
};

}  // namespace credence::feel
