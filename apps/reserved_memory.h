#pragma once
// Memory for the program's objects that is there before it is needed.
//
// The first touch of a page stops the thread that touches it until the kernel, and under a virtual
// machine its host, has found memory for it; the more of the state is new, the more often the
// deciding thread stands still. Large pages make each lookup cheaper, but their first touch is the
// longest. So a range of large pages is filled and given to the allocator before the work begins.

#include <CLI/CLI.hpp>
#include <cstdint>

#include "src/base/status.h"

namespace credence::apps {

inline constexpr uint64_t kReservedBytesMin = uint64_t{64} << 20;

// Nothing for 0 bytes. kInvalidArgument below kReservedBytesMin or where this build's allocator
// takes no memory from outside, kResourceExhausted where there is not so much. Where the kernel has
// no large pages small ones are filled; where it fills none ahead (before Linux 5.14) they are
// filled as they are used. Shows its progress. The memory stays with the allocator.
Status ReserveMemory(uint64_t bytes, bool quiet);

void AddReserveOption(CLI::App* app, uint64_t* bytes);

}  // namespace credence::apps
