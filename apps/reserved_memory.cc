#include "apps/reserved_memory.h"

#include <mimalloc.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "apps/terminal.h"

// Sanitizers bring an allocator of their own, and the program is then linked without this one.
extern "C" decltype(mi_manage_os_memory) mi_manage_os_memory __attribute__((weak));

namespace credence::apps {
namespace {

// What the allocator takes at a time, and where it wants it to begin.
constexpr uint64_t kBlockBytes = uint64_t{64} << 20;

uint64_t RoundUp(uint64_t value, uint64_t to) { return (value + to - 1) / to * to; }

// Kernels that do not know how leave it to the first touch.
Status Fill(char* begin, uint64_t bytes, bool quiet) {
  Progress progress("reserve memory 预留内存", "B", bytes, quiet);
  for (uint64_t at = 0; at < bytes; at += kBlockBytes) {
    while (::madvise(begin + at, kBlockBytes, MADV_POPULATE_WRITE) != 0) {
      if (errno == EINVAL) return OkStatus();
      if (errno == EINTR || errno == EAGAIN) continue;
      return ResourceExhausted("--reserve-memory: the system has no more than " + Bytes(at) +
                               "; ask for less");
    }
    progress.Update(at + kBlockBytes, at + kBlockBytes);
  }
  progress.Finish();
  return OkStatus();
}

}  // namespace

Status ReserveMemory(uint64_t bytes, bool quiet) {
  if (bytes == 0) return OkStatus();
  if (bytes < kReservedBytesMin) {
    return InvalidArgument("--reserve-memory: expected at least 64 MB, such as 4GB");
  }
  if (mi_manage_os_memory == nullptr) {
    return InvalidArgument("--reserve-memory: this build has no allocator that takes it");
  }
  const uint64_t size = RoundUp(bytes, kBlockBytes);
  void* const mapped = ::mmap(nullptr, size + kBlockBytes, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) {
    return ResourceExhausted("--reserve-memory: the system has no such range of memory (" +
                             std::string(std::strerror(errno)) + "); ask for less");
  }
  const auto address = reinterpret_cast<uintptr_t>(mapped);
  char* const begin = static_cast<char*>(mapped) + (RoundUp(address, kBlockBytes) - address);
  ::madvise(begin, size, MADV_HUGEPAGE);  // a wish
  CREDENCE_TRY(Fill(begin, size, quiet));
  // "Large": it is never given back page by page.
  if (!mi_manage_os_memory(begin, size, /*is_committed=*/true, /*is_large=*/true, /*is_zero=*/true,
                           /*numa_node=*/-1)) {
    return ResourceExhausted("--reserve-memory: the allocator takes no more");
  }
  return OkStatus();
}

void AddReserveOption(CLI::App* app, uint64_t* bytes) {
  app->add_option("--reserve-memory", *bytes,
                  "take so much memory before the start, in large pages: fewer late answers and "
                  "more decisions a second while the state grows (default 0) 启动前预留内存")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/false));
}

}  // namespace credence::apps
