#include "src/thread/thread.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <latch>
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

// By the rules of setpriority(2) and sched(7): CAP_SYS_NICE, which is bit 23 of the effective ones,
// or a limit that niceness 19 is within.
bool MayLeaveIdle() {
  rlimit limit = {};
  getrlimit(RLIMIT_NICE, &limit);
  if (limit.rlim_cur >= 1) return true;
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("CapEff:")) return (std::stoull(line.substr(7), nullptr, 16) >> 23) & 1;
  }
  return false;
}

TEST(Thread, ThatNobodyWaitsForIsBatchWorkAndLeavesTheOthersAsTheyAre) {
  const int niceness = getpriority(PRIO_PROCESS, 0);
  const Seen seen = AfterBegin("tidier", Urgency::kBackground);
  EXPECT_EQ(seen.name, "tidier");
  EXPECT_EQ(seen.policy, SCHED_BATCH);
  EXPECT_EQ(seen.niceness, std::max(niceness, 10));
  EXPECT_EQ(getpriority(PRIO_PROCESS, 0), niceness);
  EXPECT_EQ(sched_getscheduler(0), SCHED_OTHER);
}

TEST(Thread, ThatIsSpareIsIdleWorkWhereItMayBeHurried) {
  const Seen seen = AfterBegin("saver", Urgency::kSpare);
  EXPECT_EQ(seen.name, "saver");
  EXPECT_EQ(seen.policy, MayLeaveIdle() ? SCHED_IDLE : SCHED_BATCH);
  EXPECT_EQ(seen.niceness, 19);
  EXPECT_EQ(sched_getscheduler(0), SCHED_OTHER);
}

// What a spare thread is while it lives: it waits to be told to end.
class SpareThread {
 public:
  // `policy_after`: what it still is once it waits for others itself. May be null.
  explicit SpareThread(int* policy_after = nullptr)
      : policy_after_(policy_after), thread_([this] { Run(); }) {
    began_.wait();
  }
  ~SpareThread() {
    end_.count_down();
    thread_.join();
  }
  SpareThread(const SpareThread&) = delete;
  SpareThread& operator=(const SpareThread&) = delete;
  [[nodiscard]] int policy() const { return sched_getscheduler(id_); }
  [[nodiscard]] int niceness() const { return getpriority(PRIO_PROCESS, static_cast<id_t>(id_)); }

 private:
  void Run() {
    id_ = static_cast<pid_t>(syscall(SYS_gettid));
    BecomeSpare();
    BecomeSpare();
    began_.count_down();
    end_.wait();
    const Hurry its_own;
    if (policy_after_ != nullptr) *policy_after_ = sched_getscheduler(0);
  }
  int* const policy_after_;
  pid_t id_ = 0;
  std::latch began_{1};
  std::latch end_{1};
  std::thread thread_;
};

TEST(Thread, SparesAreHurriedAsLongAsSomebodyWaits) {
  const int spare = MayLeaveIdle() ? SCHED_IDLE : SCHED_BATCH;
  const SpareThread first;
  EXPECT_EQ(first.policy(), spare);
  {
    const Hurry hurry;
    EXPECT_EQ(first.policy(), SCHED_BATCH);
    const SpareThread begun_meanwhile;
    EXPECT_EQ(begun_meanwhile.policy(), SCHED_BATCH);
    { const Hurry another; }
    EXPECT_EQ(first.policy(), SCHED_BATCH);
    EXPECT_EQ(first.niceness(), 19);
  }
  EXPECT_EQ(first.policy(), spare);
  EXPECT_EQ(first.niceness(), 19);
}

TEST(Thread, ThatIsSpareHurriesNobody) {
  int policy = -1;
  { const SpareThread waits(&policy); }
  EXPECT_EQ(policy, MayLeaveIdle() ? SCHED_IDLE : SCHED_BATCH);
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
