#pragma once
// What a thread is: its name, and whether answers wait for it.
//
// On Linux, of the calling thread alone. All of it is a wish: where the kernel refuses, or knows
// less, the thread works as any other. No privilege is needed.
//
//   kPrompt      it works for microseconds and answers wait for it. It asks for the shortest time
//                slice (0.1 ms; Linux 6.12 on), with which it may interrupt a thread with a longer
//                one as soon as it wakes. A real-time policy that it inherited stays.
//   kOrdinary    only its name is set.
//   kBackground  nobody waits for it: SCHED_BATCH, niceness 10, never real-time.
//   kSpare       it may take many times as long while others want the processors: niceness 19,
//                never real-time. It works only where nobody else would (SCHED_IDLE) if the kernel
//                lets it leave that again (CAP_SYS_NICE, or RLIMIT_NICE of at least 1), which Hurry
//                needs; else, and while somebody hurries it, SCHED_BATCH.

#include <cstdint>

namespace credence::thread {

enum class Urgency : uint8_t { kPrompt, kOrdinary, kBackground, kSpare };

// Called first on the new thread. `name`: at most 15 bytes are shown.
void Begin(const char* name, Urgency urgency);

// The calling thread, which somebody else began and named, is kSpare from now on. May be called
// again, which costs nothing.
void BecomeSpare();

// Somebody waits, or soon will, for what a spare thread does: as long as one of these lives all of
// this process are hurried. On any thread; one that is spare itself is in no hurry.
class Hurry {
 public:
  Hurry();
  ~Hurry();
  Hurry(const Hurry&) = delete;
  Hurry& operator=(const Hurry&) = delete;

 private:
  const bool counts_;
};

}  // namespace credence::thread
