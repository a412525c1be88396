#include "apps/reserved_memory.h"

#include <mimalloc.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "src/thread/thread.h"

// Sanitizers bring an allocator of their own, and the program is then linked without this one.
extern "C" decltype(mi_manage_os_memory) mi_manage_os_memory __attribute__((weak));

namespace credence::apps {
namespace {

// What the allocator takes at a time, and where it wants it to begin.
constexpr uint64_t kBlockBytes = uint64_t{64} << 20;
// What is filled at a time: one large page, so that other threads' faults seldom wait.
constexpr uint64_t kStepBytes = uint64_t{2} << 20;

uint64_t RoundUp(uint64_t value, uint64_t to) { return (value + to - 1) / to * to; }

}  // namespace

Result<std::unique_ptr<ReservedMemory>> ReservedMemory::Take(uint64_t bytes) {
  if (bytes == 0) return std::unique_ptr<ReservedMemory>();
  if (bytes < kBytesMin) {
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
  char* const begin =
      static_cast<char*>(mapped) + (RoundUp(reinterpret_cast<uintptr_t>(mapped), kBlockBytes) -
                                    reinterpret_cast<uintptr_t>(mapped));
  ::madvise(begin, size, MADV_HUGEPAGE);  // a wish
  // "Large": it is never given back page by page.
  if (!mi_manage_os_memory(begin, size, /*is_committed=*/true, /*is_large=*/true, /*is_zero=*/true,
                           /*numa_node=*/-1)) {
    ::munmap(mapped, size + kBlockBytes);
    return ResourceExhausted("--reserve-memory: the allocator takes no more");
  }
  return std::unique_ptr<ReservedMemory>(new ReservedMemory(begin, size));
}

ReservedMemory::ReservedMemory(char* begin, uint64_t bytes) : begin_(begin), bytes_(bytes) {
  thread_ = std::thread([this] { Fill(); });
}

ReservedMemory::~ReservedMemory() {
  stop_ = true;
  thread_.join();
}

void ReservedMemory::Fill() {
  thread::Begin("memory", thread::Urgency::kBackground);
  for (uint64_t at = 0; at < bytes_ && !stop_; at += kStepBytes) {
    if (::madvise(begin_ + at, kStepBytes, MADV_POPULATE_WRITE) != 0 && errno != EINTR) return;
    filled_.store(at + kStepBytes, std::memory_order_relaxed);
  }
}

void AddReserveOption(CLI::App* app, uint64_t* bytes) {
  app->add_option("--reserve-memory", *bytes,
                  "take so much memory at the start, in large pages that are filled ahead of their "
                  "use: fewer late answers and more decisions a second while the state grows "
                  "(default 0) 启动时预留内存")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/false));
}

}  // namespace credence::apps
