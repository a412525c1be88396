#pragma once
// ReservedMemory: memory for the program's objects that is there before it is needed.
//
// The first touch of a page stops the thread that touches it until the kernel, and under a
// virtual machine its host, has found memory for it; the more of the state is new, the more often
// the deciding thread stands still. Large pages make each lookup cheaper, but their first touch is
// the longest. So a range of large pages is given to the allocator at once, and a thread of its own
// has the kernel fill it from its beginning on, ahead of who uses it.

#include <CLI/CLI.hpp>
#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>

#include "src/base/status.h"

namespace credence::apps {

class ReservedMemory {
 public:
  static constexpr uint64_t kBytesMin = uint64_t{64} << 20;

  // Null for 0 bytes. kInvalidArgument below kBytesMin or where this build's allocator takes no
  // memory from outside, kResourceExhausted where the address space is not there. Where the kernel
  // has no large pages small ones are filled; where it fills none ahead (before Linux 5.14) they
  // are filled as they are used.
  static Result<std::unique_ptr<ReservedMemory>> Take(uint64_t bytes);
  // Ends the filling. The memory stays with the allocator.
  ~ReservedMemory();
  ReservedMemory(const ReservedMemory&) = delete;
  ReservedMemory& operator=(const ReservedMemory&) = delete;

  [[nodiscard]] uint64_t filled() const { return filled_.load(std::memory_order_relaxed); }

 private:
  ReservedMemory(char* begin, uint64_t bytes);
  void Fill();

  char* const begin_;
  const uint64_t bytes_;
  std::atomic<uint64_t> filled_ = 0;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

void AddReserveOption(CLI::App* app, uint64_t* bytes);

}  // namespace credence::apps
