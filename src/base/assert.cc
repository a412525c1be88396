#include "src/base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace credence {

void AssertionFailed(const char* file, int line, const char* text) {
  std::fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, text);
  std::abort();
}

}  // namespace credence
