#include "src/thread/thread.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <thread>
#include <vector>

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

bool Get(Attributes* attributes) {
  return syscall(SYS_sched_getattr, kThisThread, attributes, sizeof *attributes, 0) == 0;
}

bool Set(pid_t thread, const Attributes& attributes) {
  return syscall(SYS_sched_setattr, thread, &attributes, 0) == 0;
}

bool SetPolicy(pid_t thread, uint32_t policy, int32_t niceness) {
  Attributes attributes;
  attributes.policy = policy;
  attributes.niceness = niceness;
  return Set(thread, attributes);
}

// Found out by a thread that would otherwise stay where it must not.
bool MayLeaveIdle() {
  bool may = false;
  std::thread([&may] {
    may = SetPolicy(kThisThread, SCHED_BATCH, kNicenessOfSpare) &&
          SetPolicy(kThisThread, SCHED_IDLE, kNicenessOfSpare) &&
          SetPolicy(kThisThread, SCHED_BATCH, kNicenessOfSpare);
  }).join();
  return may;
}

// The spare threads of the process, by the kernel's numbers of them.
class Spares {
 public:
  // Never destroyed: threads that are not ours end after main.
  static Spares& All() {
    static auto* const spares = new Spares;
    return *spares;
  }
  void Add(pid_t thread) {
    const std::lock_guard lock(mutex_);
    threads_.push_back(thread);
    // SCHED_IDLE alone would leave the niceness as it is, which counts for whether it may be left.
    SetPolicy(thread, SCHED_BATCH, kNicenessOfSpare);
    SetPolicy(thread, Policy(), kNicenessOfSpare);
  }
  void Remove(pid_t thread) {
    const std::lock_guard lock(mutex_);
    std::erase(threads_, thread);
  }
  void AddHurry(int by) {
    const std::lock_guard lock(mutex_);
    const uint32_t before = Policy();
    hurries_ += by;
    if (Policy() == before) return;
    for (const pid_t thread : threads_) SetPolicy(thread, Policy(), kNicenessOfSpare);
  }

 private:
  [[nodiscard]] uint32_t Policy() const {
    return may_leave_idle_ && hurries_ == 0 ? SCHED_IDLE : SCHED_BATCH;
  }
  const bool may_leave_idle_ = MayLeaveIdle();
  std::mutex mutex_;
  std::vector<pid_t> threads_;
  int hurries_ = 0;
};

thread_local bool is_spare = false;

// As long as a thread is one of the spares. A number may be another thread's after it.
class Membership {
 public:
  Membership() : thread_(static_cast<pid_t>(syscall(SYS_gettid))) { Spares::All().Add(thread_); }
  ~Membership() { Spares::All().Remove(thread_); }
  Membership(const Membership&) = delete;
  Membership& operator=(const Membership&) = delete;

 private:
  const pid_t thread_;
};

}  // namespace

void Begin(const char* name, Urgency urgency) {
  pthread_setname_np(pthread_self(), name);
  if (urgency == Urgency::kOrdinary) return;
  if (urgency == Urgency::kSpare) return BecomeSpare();
  Attributes attributes;
  if (!Get(&attributes)) return;
  if (urgency == Urgency::kPrompt) {
    if (attributes.policy != SCHED_OTHER) return;
    attributes.runtime_ns = kSliceNs;
    static_cast<void>(Set(kThisThread, attributes));
  } else {
    SetPolicy(kThisThread, SCHED_BATCH, std::max(attributes.niceness, kNiceness));
  }
}

void BecomeSpare() {
  thread_local const Membership membership;
  is_spare = true;
  static_cast<void>(membership);
}

Hurry::Hurry() : counts_(!is_spare) {
  if (counts_) Spares::All().AddHurry(1);
}

Hurry::~Hurry() {
  if (counts_) Spares::All().AddHurry(-1);
}

}  // namespace credence::thread
