#include "src/thread/thread.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/resource.h>

#include <string>
#include <thread>

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

TEST(Thread, OfTheBackgroundIsBatchWorkAndLeavesTheOthersAsTheyAre) {
  const int niceness = getpriority(PRIO_PROCESS, 0);
  const Seen seen = AfterBegin("tidier", Urgency::kBackground);
  EXPECT_EQ(seen.name, "tidier");
  EXPECT_EQ(seen.policy, SCHED_BATCH);
  EXPECT_GE(seen.niceness, 10);
  EXPECT_EQ(getpriority(PRIO_PROCESS, 0), niceness);
  EXPECT_EQ(sched_getscheduler(0), SCHED_OTHER);
}

TEST(Thread, ThatMayTakeLongIsTheNicestAndLeavesTheOthersAsTheyAre) {
  const int niceness = getpriority(PRIO_PROCESS, 0);
  const Seen seen = AfterBegin("collector", Urgency::kSpare);
  EXPECT_EQ(seen.name, "collector");
  EXPECT_EQ(seen.policy, SCHED_BATCH);
  EXPECT_EQ(seen.niceness, 19);
  EXPECT_EQ(getpriority(PRIO_PROCESS, 0), niceness);
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
