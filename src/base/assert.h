#pragma once
// Assertions that stay on in release. They are for bugs, and only over what this process controls:
// never over input, files or the clock.

namespace credence {

// Writes "file:line: assertion failed: text" to stderr and aborts.
[[noreturn]] void AssertionFailed(const char* file, int line, const char* text);

}  // namespace credence

#define CREDENCE_ASSERT(condition)                   \
  (__builtin_expect(static_cast<bool>(condition), 1) \
       ? static_cast<void>(0)                        \
       : ::credence::AssertionFailed(__FILE__, __LINE__, #condition))

#define CREDENCE_UNREACHABLE() ::credence::AssertionFailed(__FILE__, __LINE__, "unreachable")
