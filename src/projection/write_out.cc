#include "src/projection/write_out.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <mutex>

namespace credence::projection {

namespace {

using PositionedWrite = ssize_t (*)(int, const void*, size_t, off_t);

constexpr size_t kPageBytes = 4096;  // of SQLite, where nothing else was asked for
constexpr int kStepPages = 16;

std::atomic<PositionedWrite> real_write{nullptr};

// Pages of the file begin at multiples of their size; those of the log stand behind headers. The
// log is small and written over again and again: it is left to the kernel.
bool IsPageOfFile(size_t size, off_t offset) {
  return size == kPageBytes && offset % static_cast<off_t>(kPageBytes) == 0;
}

ssize_t WriteAndHandOver(int fd, const void* data, size_t size, off_t offset) {
  thread_local int pages = 0;
  const ssize_t written = real_write.load(std::memory_order_relaxed)(fd, data, size, offset);
  if (!IsPageOfFile(size, offset) || ++pages < kStepPages) return written;
  pages = 0;
  // Only for smoothness: what fails here is found by the sync at the end, if anything is wrong.
  (void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE);
  return written;
}

}  // namespace

void WriteOutInSteps() {
  static std::once_flag once;
  std::call_once(once, [] {
    sqlite3_vfs* vfs = sqlite3_vfs_find("unix");
    if (vfs == nullptr || vfs->iVersion < 3) return;
    // Which of both is called is up to how SQLite was built; the other is null.
    for (const char* name : {"pwrite", "pwrite64"}) {
      const sqlite3_syscall_ptr found = vfs->xGetSystemCall(vfs, name);
      if (found == nullptr) continue;
      real_write = reinterpret_cast<PositionedWrite>(found);
      vfs->xSetSystemCall(vfs, name, reinterpret_cast<sqlite3_syscall_ptr>(&WriteAndHandOver));
    }
  });
}

}  // namespace credence::projection
