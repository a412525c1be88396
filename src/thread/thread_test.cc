#include "src/thread/thread.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/resource.h>

#include <algorithm>
#include <string>
#include <thread>
#include <utility>

namespace credence::thread {
namespace {

struct Seen {
  std::string name;
  int policy = -1;
  int niceness = 0;
};

Seen AfterBegin(const char* name, Urgency urgency) {
  Seen seen;
  std::thread([&] {
    Begin(name, urgency);
    char text[16] = {};
    pthread_getname_np(pthread_self(), text, sizeof text);
    seen = {text, sched_getscheduler(0), getpriority(PRIO_PROCESS, 0)};
  }).join();
  return seen;
}

TEST(Thread, ThatNobodyWaitsForIsBatchWorkAndLeavesTheOthersAsTheyAre) {
  const int niceness = getpriority(PRIO_PROCESS, 0);
  for (const auto& [urgency, least] :
       {std::pair(Urgency::kBackground, 10), {Urgency::kSpare, 19}}) {
    const Seen seen = AfterBegin("tidier", urgency);
    EXPECT_EQ(seen.name, "tidier");
    EXPECT_EQ(seen.policy, SCHED_BATCH);
    EXPECT_EQ(seen.niceness, std::max(niceness, least));
    EXPECT_EQ(getpriority(PRIO_PROCESS, 0), niceness);
    EXPECT_EQ(sched_getscheduler(0), SCHED_OTHER);
  }
}

TEST(Thread, ThatIsPromptKeepsItsPolicyAndNiceness) {
  const int niceness = getpriority(PRIO_PROCESS, 0);
  const Seen seen = AfterBegin("answerer", Urgency::kPrompt);
  EXPECT_EQ(seen.name, "answerer");
  EXPECT_EQ(seen.policy, SCHED_OTHER);
  EXPECT_EQ(seen.niceness, niceness);
}

}  // namespace
}  // namespace credence::thread
