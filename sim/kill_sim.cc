#include "sim/kill_sim.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>

#include "sim/stall.h"
#include "src/engine/engine.h"
#include "src/journal/posix_file.h"
#include "src/journal/reader.h"
#include "src/record/codec.h"
#include "src/record/fact.h"
#include "src/study/verify.h"

namespace credence::sim {

namespace {

// Events on their way at most; enough that a kill meets the process at work.
constexpr size_t kOnTheirWayMax = 400;

int64_t NowUs() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// What was acknowledged of one event.
struct Known {
  uint64_t seq = 0;      // 0: refused
  std::string decision;  // "-" if it asked for none
};

// A child process with pipes to its input and from its output.
class Child {
 public:
  static Result<std::unique_ptr<Child>> Start(const std::vector<std::string>& command);
  ~Child() { End(SIGKILL); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // Sends what the pipe takes of `*bytes` and reads what there is, for at most `wait_us`.
  void Exchange(std::string* bytes, std::string* said, int64_t wait_us);
  // Kills it, or lets it end, and reads what it had said. The wait status.
  int End(int signal);
  int End(int signal, std::string* said);

 private:
  Child(pid_t pid, int to, int from) : pid_(pid), to_(to), from_(from) {}
  bool ReadSome(std::string* said) const;

  pid_t pid_;
  int to_;
  int from_;
};

Result<std::unique_ptr<Child>> Child::Start(const std::vector<std::string>& command) {
  int in[2];
  int out[2];
  if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) return IoError("pipe2 failed");
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid < 0) return IoError("fork failed");
  if (pid == 0) {
    ::dup2(in[0], STDIN_FILENO);
    ::dup2(out[1], STDOUT_FILENO);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  ::close(in[0]);
  ::close(out[1]);
  ::fcntl(in[1], F_SETFL, O_NONBLOCK);
  return std::unique_ptr<Child>(new Child(pid, in[1], out[0]));
}

bool Child::ReadSome(std::string* said) const {
  char part[65'536];
  const ssize_t got = ::read(from_, part, sizeof part);
  if (got < 0 && errno == EINTR) return true;
  if (got <= 0) return false;
  said->append(part, static_cast<size_t>(got));
  return true;
}

void Child::Exchange(std::string* bytes, std::string* said, int64_t wait_us) {
  pollfd ends[2] = {{from_, POLLIN, 0}, {to_, POLLOUT, 0}};
  const timespec wait = {wait_us / 1'000'000, (wait_us % 1'000'000) * 1'000};
  if (::ppoll(ends, bytes->empty() ? 1 : 2, &wait, nullptr) <= 0) return;
  if (!bytes->empty() && (ends[1].revents & POLLOUT) != 0) {
    const ssize_t done = ::write(to_, bytes->data(), bytes->size());
    if (done > 0) bytes->erase(0, static_cast<size_t>(done));
  }
  if ((ends[0].revents & (POLLIN | POLLHUP)) != 0) ReadSome(said);
}

int Child::End(int signal, std::string* said) {
  if (pid_ <= 0) return 0;
  if (signal != 0) ::kill(pid_, signal);
  ::close(to_);
  while (ReadSome(said)) {
  }
  ::close(from_);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
  return status;
}

int Child::End(int signal) {
  std::string ignored;
  return End(signal, &ignored);
}

// One store, its events, and what is known of them.
class Auditor {
 public:
  Auditor(const KillOptions& options, std::string store, uint64_t seed, KillReport* report)
      : options_(options),
        store_(std::move(store)),
        seed_(seed),
        random_(seed),
        events_(seed, "k" + std::to_string(seed) + "-"),
        report_(*report) {}

  // Starts a process, kills it, looks at what it left.
  Status Kill();
  // Starts it a last time and lets it end in order.
  Status Finish();

 private:
  Status Live(int64_t until_us, Child& child, bool* ready, std::string* said);
  Status Take(std::string* said, bool* ready);
  Status Acknowledge(std::string_view line);
  void Audit();
  void AuditState();
  void Fail(const std::string& what) {
    report_.failures.push_back("seed " + std::to_string(seed_) + ", kill " +
                               std::to_string(report_.kills) + ", " + store_ + ": " + what);
  }

  const KillOptions& options_;
  const std::string store_;
  const uint64_t seed_;
  Random random_;
  StallEvents events_;
  KillReport& report_;
  std::vector<std::string> sent_;   // JSON of the events on their way, in order
  size_t handed_ = 0;               // of them, given to this process
  size_t handed_ever_ = 0;          // of them, given to any
  bool writes_checkpoint_ = false;  // this process, when it was last heard
  std::string unsent_;              // of what was given, what its pipe has not taken yet
  std::map<std::string, Known> known_;
};

std::string IdOf(const std::string& json) {
  const size_t at = json.find("\"id\":\"") + 6;
  return json.substr(at, json.find('"', at) - at);
}

// Keeps the process busy until `until_us`, or until it ends.
Status Auditor::Live(int64_t until_us, Child& child, bool* ready, std::string* said) {
  for (;;) {
    const int64_t left = until_us - NowUs();
    if (left <= 0) return OkStatus();
    while (*ready && sent_.size() < kOnTheirWayMax) sent_.push_back(events_.Next());
    while (*ready && unsent_.size() < 4096 && handed_ < sent_.size()) {
      unsent_ += sent_[handed_++] + "\n";
      handed_ever_ = std::max(handed_ever_, handed_);
    }
    child.Exchange(&unsent_, said, left);
    CREDENCE_TRY(Take(said, ready));
  }
}

// What was said in whole lines.
Status Auditor::Take(std::string* said, bool* ready) {
  for (size_t end = said->find('\n'); end != std::string::npos; end = said->find('\n')) {
    const std::string line = said->substr(0, end);
    said->erase(0, end + 1);
    if (line == "ready") {
      *ready = true;
    } else if (line + "\n" == kCheckpointBegins) {
      writes_checkpoint_ = true;
    } else if (line + "\n" == kCheckpointEnds) {
      writes_checkpoint_ = false;
      ++report_.checkpoints;
    } else {
      CREDENCE_TRY(Acknowledge(line));
    }
  }
  return OkStatus();
}

Status Auditor::Acknowledge(std::string_view line) {
  const size_t first = line.find(' ');
  const size_t second = line.find(' ', first + 1);
  if (sent_.empty() || handed_ == 0 || second == std::string_view::npos) {
    return Internal("the process said '" + std::string(line) + "'");
  }
  const std::string id = IdOf(sent_.front());
  sent_.erase(sent_.begin());
  --handed_;
  --handed_ever_;
  const std::string_view kind = line.substr(0, first);
  Known told;
  if (kind != "refused") told.seq = std::stoull(std::string(line.substr(first + 1, second)));
  told.decision = line.substr(second + 1);
  const auto before = known_.find(id);
  if (before != known_.end()) {
    // Told again: the same sequence, and nothing is decided twice.
    if (before->second.seq != 0 && (kind != "duplicate" || told.seq != before->second.seq)) {
      Fail("event " + id + " was told to be " + std::string(line) + " after sequence " +
           std::to_string(before->second.seq));
    }
    if (before->second.seq != 0) return OkStatus();
  }
  ++report_.acknowledged;
  report_.decisions += kind == "decided" ? 1 : 0;
  // A duplicate of what was on its way when the process died: its decision was never given out.
  if (kind == "duplicate") told.decision = "";
  known_[id] = told;
  return OkStatus();
}

Status Auditor::Kill() {
  ++report_.kills;
  auto command = options_.taker;
  command.push_back(store_);
  handed_ = 0;
  writes_checkpoint_ = false;
  unsent_.clear();
  CREDENCE_ASSIGN(const auto child, Child::Start(command));
  bool ready = false;
  std::string said;
  // Mostly some time after it was ready; at times while it is still opening the store.
  const int64_t begun = NowUs();
  if (random_.OneIn(6)) {
    CREDENCE_TRY(Live(begun + random_.Between(0, 15'000), *child, &ready, &said));
  } else {
    constexpr int64_t kOpensWithin = 240'000'000;
    while (!ready && NowUs() < begun + kOpensWithin) {
      CREDENCE_TRY(Live(NowUs() + 2'000, *child, &ready, &said));
    }
    if (!ready) return Internal("the process was not ready after four minutes");
    // Half of these kills come only when this life has acknowledged something, however slow the
    // machine is.
    const uint64_t before = report_.acknowledged;
    const bool heard = random_.OneIn(2);
    while (heard && report_.acknowledged == before && NowUs() < begun + kOpensWithin) {
      CREDENCE_TRY(Live(NowUs() + 2'000, *child, &ready, &said));
    }
    CREDENCE_TRY(Live(NowUs() + random_.Between(0, options_.moment_us_max), *child, &ready, &said));
  }
  child->End(SIGKILL, &said);
  report_.in_recovery += ready ? 0 : 1;
  CREDENCE_TRY(Take(&said, &ready));
  report_.in_checkpoint += writes_checkpoint_ ? 1 : 0;
  Audit();
  AuditState();
  return OkStatus();
}

// Reads the journal as it lies there.
void Auditor::Audit() {
  journal::PosixFileSystem disk;
  auto opened = journal::JournalReader::Open(disk, store_ + "/journal");
  if (opened.status().code() == StatusCode::kNotFound && known_.empty()) return;
  if (!opened.ok()) return Fail(opened.status().ToString());
  journal::JournalReader& reader = **opened;
  std::map<std::string, uint64_t> found;
  std::map<uint64_t, std::string> decisions;
  Arena arena;
  journal::FrameView frame;
  for (;;) {
    const auto more = reader.Next(&frame);
    if (!more.ok()) return Fail(more.status().ToString());
    if (!*more) break;
    if (frame.kind != journal::FrameKind::kBatch) continue;
    for (const std::string_view bytes : frame.records) {
      arena.Reset();
      const auto record = record::DecodeRecord(bytes, &arena);
      if (!record.ok()) return Fail(record.status().ToString());
      if (const auto* event = std::get_if<record::Event>(&*record)) {
        if (!found.emplace(event->id, event->seq.value()).second) {
          Fail("event " + std::string(event->id) + " is there twice");
        }
      } else if (const auto* decision = std::get_if<record::DecisionRecord>(&*record)) {
        if (!decisions.emplace(decision->seq.value(), Sha256(bytes).ToHex()).second) {
          Fail("decision " + decision->Id() + " is there twice");
        }
      }
    }
  }
  report_.unfinished_frames += reader.tail().kind == journal::TailKind::kUnfinishedFrame ? 1 : 0;
  for (const auto& [id, known] : known_) {
    const auto there = found.find(id);
    if (known.seq == 0) {
      if (there != found.end()) Fail("event " + id + " was refused and is there");
      continue;
    }
    if (there == found.end()) {
      Fail("event " + id + ", sequence " + std::to_string(known.seq) + ", is lost");
    } else if (there->second != known.seq) {
      Fail("event " + id + " has another sequence");
    }
    const auto decided = decisions.find(known.seq);
    const std::string digest = decided == decisions.end() ? "-" : decided->second;
    if (!known.decision.empty() && digest != known.decision) {
      Fail("the decision on event " + id + " is not the one that was given out");
    }
  }
  for (const auto& [id, seq] : found) {
    if (known_.contains(id)) continue;
    ++report_.unacknowledged;
    const bool sent = std::any_of(sent_.begin(), sent_.begin() + static_cast<long>(handed_ever_),
                                  [&](const std::string& json) { return IdOf(json) == id; });
    if (!sent) Fail("event " + id + " is there and was never sent");
  }
}

// What the next start makes of the checkpoint that is there, and of the journal alone.
void Auditor::AuditState() {
  journal::PosixFileSystem disk;
  engine::Options options;
  options.read_only = true;
  const auto replayed = engine::Engine::Open(disk, store_, options);
  if (replayed.status().code() == StatusCode::kNotFound) return;
  options.checkpoints.backing = CheckpointsOfKilled(store_);
  const auto started = engine::Engine::Open(disk, store_, options);
  if (!replayed.ok()) return Fail(replayed.status().ToString());
  if (!started.ok()) return Fail(started.status().ToString());
  const engine::OpenReport& opened = (*started)->opened();
  if (!opened.damaged_checkpoint.empty()) Fail("damaged: " + opened.damaged_checkpoint);
  if ((*started)->state().Hash() != (*replayed)->state().Hash()) {
    Fail("the checkpoint at frame " + std::to_string(opened.checkpoint.frames) +
         " makes another state than the journal");
  }
  report_.from_checkpoint += opened.checkpoint.frames > 0 ? 1 : 0;
}

Status Auditor::Finish() {
  auto command = options_.taker;
  command.push_back(store_);
  handed_ = 0;
  writes_checkpoint_ = false;
  unsent_.clear();
  CREDENCE_ASSIGN(const auto child, Child::Start(command));
  bool ready = false;
  std::string said;
  while (!ready || sent_.size() >= kOnTheirWayMax) {
    CREDENCE_TRY(Live(NowUs() + 2'000, *child, &ready, &said));
  }
  const int status = child->End(0, &said);
  CREDENCE_TRY(Take(&said, &ready));
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) Fail("the process did not end in order");
  Audit();
  journal::PosixFileSystem disk;
  const auto verified = study::Verify(disk, store_);
  if (!verified.ok()) {
    Fail(verified.status().ToString());
  } else if (!verified->ok() || !verified->sealed) {
    Fail("the store does not verify");
  }
  return OkStatus();
}

}  // namespace

Result<KillReport> SimulateKills(const KillOptions& options) {
  KillReport report;
  ::signal(SIGPIPE, SIG_IGN);  // a process that is killed no longer reads
  for (uint64_t store = 0; report.kills < options.kills && report.failures.empty(); ++store) {
    const std::string folder = options.folder + "/store" + std::to_string(store);
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(options.folder);
    Auditor auditor(options, folder, options.seed + store, &report);
    for (int i = 0; i < options.kills_per_store && report.kills < options.kills; ++i) {
      CREDENCE_TRY(auditor.Kill());
      if (!report.failures.empty()) break;
    }
    if (!report.failures.empty()) break;
    CREDENCE_TRY(auditor.Finish());
    if (report.failures.empty()) std::filesystem::remove_all(folder);
  }
  return report;
}

}  // namespace credence::sim
