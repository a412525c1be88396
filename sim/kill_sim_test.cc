// A real process, killed; and what the kernel saw before an acknowledgement left it.

#include "sim/kill_sim.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "sim/stall.h"

namespace credence::sim {
namespace {

const std::string kProgram = CREDENCE_SIM_PROGRAM;

std::string Folder(const char* name) {
  const std::string folder = testing::TempDir() + name + "_" + std::to_string(::getpid());
  std::filesystem::remove_all(folder);
  return folder;
}

TEST(KillSim, AKilledProcessLosesAndDoublesNothing) {
  KillOptions options;
  options.kills = 10;
  options.kills_per_store = 10;
  options.folder = Folder("kills");
  options.taker = {kProgram, "take"};
  const auto report = SimulateKills(options);
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  for (const std::string& what : report->failures) ADD_FAILURE() << what;
  EXPECT_EQ(report->kills, 10);
  EXPECT_GT(report->acknowledged, 0u);
  EXPECT_GT(report->decisions, 0u);
  EXPECT_GT(report->checkpoints, 0u);
  EXPECT_GT(report->in_checkpoint, 0);
  EXPECT_GT(report->from_checkpoint, 0);
  std::printf("%d kills, %d while a checkpoint was being written, %d left one to start from\n",
              report->kills, report->in_checkpoint, report->from_checkpoint);
  std::filesystem::remove_all(options.folder);
}

// The auditor itself: a journal from which an acknowledged event is gone must be noticed.
TEST(KillSim, TheAuditorMissesAnEventThatIsGone) {
  KillOptions options;
  options.kills = 2;
  options.folder = Folder("forgetful");
  std::filesystem::create_directories(options.folder);
  // A process that forgets everything each time it is started.
  const std::string script = options.folder + "/forget.sh";
  std::ofstream(script) << "#!/bin/sh\nrm -rf \"$1\"\nexec " << kProgram << " take \"$1\"\n";
  options.taker = {"/bin/sh", script};
  options.kills_per_store = 20;
  options.kills = 20;
  const auto report = SimulateKills(options);
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_FALSE(report->failures.empty());
  std::filesystem::remove_all(options.folder);
}

// A system call of a trace by strace -f -y, in the order in which they returned.
struct Call {
  std::string name;
  std::string text;
};

std::vector<Call> ReadTrace(const std::string& path) {
  std::vector<Call> calls;
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    const size_t start = line.find_first_not_of("0123456789 ");
    const size_t open = line.find('(', start);
    if (start == std::string::npos || open == std::string::npos) continue;
    calls.push_back({line.substr(start, open - start), line});
  }
  return calls;
}

TEST(Strace, TheJournalIsSyncedBeforeTheReplyLeaves) {
  if (std::system("strace -o /dev/null true >/dev/null 2>&1") != 0) {
    GTEST_SKIP() << "strace is not installed, or may not trace a process here";
  }
  const std::string folder = Folder("strace");
  std::filesystem::create_directories(folder);
  StallEvents events(3, "s");
  constexpr int kEvents = 12;
  // One at a time, each sent when the one before was answered.
  std::ofstream(folder + "/events") << [&] {
    std::string text;
    for (int i = 0; i < kEvents; ++i) text += events.Next() + "\n";
    return text;
  }();
  const std::string command =
      "cd " + folder +
      " && mkfifo in out && (strace -f -y -s 12 -o trace -e "
      "trace=pwrite64,fdatasync,write " +
      kProgram + " take --checkpoint-events 0 " + folder +
      "/store <in >out &) && { exec 3>in 4<out; read -r word <&4; "
      "while read -r line; do printf '%s\\n' \"$line\" >&3; read -r ack <&4 || exit 1; "
      "printf '%s\\n' \"$ack\" >>acks; done <events; exec 3>&-; cat <&4 >/dev/null; }";
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
  int replies = 0;
  bool written = false;
  bool synced = false;
  for (const Call& call : ReadTrace(folder + "/trace")) {
    const bool journal = call.text.find(".journal>") != std::string::npos;
    const bool ok = call.text.find(" = -1 ") == std::string::npos;
    if (call.name == "pwrite64" && journal) {
      written = true;
      synced = false;
    } else if (call.name == "fdatasync" && journal && ok) {
      synced = written;
    } else if (call.name == "write" && call.text.find("(1<") != std::string::npos &&
               call.text.find("ready") == std::string::npos) {
      ++replies;
      // What leaves no trace needs no sync.
      const bool without = call.text.find("refused") != std::string::npos ||
                           call.text.find("duplicate") != std::string::npos;
      EXPECT_TRUE(without || synced) << "a reply left before the journal was synced: " << call.text;
      written = false;
      synced = false;
    }
  }
  EXPECT_EQ(replies, kEvents);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace credence::sim
