#pragma once
// A hint to the memory, never semantics.

#include <cstddef>

namespace credence {

inline constexpr size_t kCacheLineBytes = 64;

// Asks for the lines of [at, at + bytes). Any address may be given, also null.
inline void PrefetchLines(const void* at, size_t bytes) {
  const char* line = static_cast<const char*>(at);
  for (size_t done = 0; done < bytes; done += kCacheLineBytes) __builtin_prefetch(line + done);
  // GCC takes a function that only prefetches for one without effect, and leaves calls of it out.
  asm volatile("");
}

// The same for lines that will be written before they are read.
inline void PrefetchLinesToWrite(const void* at, size_t bytes) {
  const char* line = static_cast<const char*>(at);
  for (size_t done = 0; done < bytes; done += kCacheLineBytes) {
#ifdef __x86_64__
    // Without -mprfchw the compiler asks for reading only, which has the line shared.
    asm volatile("prefetchw %0" : : "m"(line[done]));
#else
    __builtin_prefetch(line + done, 1);
#endif
  }
}

}  // namespace credence
