#include "src/thread/thread.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

namespace credence::thread {

namespace {

// The kernel's own header of it cannot stand beside the C library's (sched_setattr(2)).
struct Attributes {
  uint32_t size = sizeof(Attributes);
  uint32_t policy = 0;
  uint64_t flags = 0;
  int32_t niceness = 0;
  uint32_t priority = 0;
  uint64_t runtime_ns = 0;
  uint64_t deadline_ns = 0;
  uint64_t period_ns = 0;
};

constexpr uint64_t kSliceNs = 100'000;  // the shortest that Linux takes
constexpr int32_t kNiceness = 10;
constexpr int32_t kNicenessOfSpare = 19;
constexpr pid_t kThisThread = 0;

}  // namespace

void Begin(const char* name, Urgency urgency) {
  pthread_setname_np(pthread_self(), name);
  if (urgency == Urgency::kOrdinary) return;
  Attributes attributes;
  if (syscall(SYS_sched_getattr, kThisThread, &attributes, sizeof attributes, 0) != 0) return;
  if (urgency == Urgency::kPrompt) {
    if (attributes.policy != SCHED_OTHER) return;
    attributes.runtime_ns = kSliceNs;
  } else {
    const int32_t least = urgency == Urgency::kSpare ? kNicenessOfSpare : kNiceness;
    const int32_t niceness = std::max(attributes.niceness, least);
    attributes = {};
    attributes.policy = SCHED_BATCH;
    attributes.niceness = niceness;
  }
  static_cast<void>(syscall(SYS_sched_setattr, kThisThread, &attributes, 0));
}

}  // namespace credence::thread
