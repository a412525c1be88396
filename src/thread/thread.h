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
//   kSpare       it may take many times as long while others want the processors: SCHED_BATCH,
//                niceness 19, never real-time.

#include <cstdint>

namespace credence::thread {

enum class Urgency : uint8_t { kPrompt, kOrdinary, kBackground, kSpare };

// Called first on the new thread. `name`: at most 15 bytes are shown.
void Begin(const char* name, Urgency urgency);

}  // namespace credence::thread
