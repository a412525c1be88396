#include "bench/ledger/postgres.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <vector>

namespace credence::bench {

namespace {

// Runs a program to its end with its output in `output`; as the user `postgres` where we are root.
Status RunProgram(const std::vector<std::string>& words, const std::string& output) {
  const passwd* user = geteuid() == 0 ? getpwnam("postgres") : nullptr;
  if (geteuid() == 0 && user == nullptr) {
    return Unavailable("PostgreSQL does not run as root, and there is no user 'postgres'");
  }
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const pid_t child = fork();
  if (child < 0) return Internal("fork failed");
  if (child == 0) {
    const int out = open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (out < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0) _exit(126);
    if (user != nullptr &&
        (setgroups(0, nullptr) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0)) {
      _exit(126);
    }
    execvp(arguments[0], arguments.data());
    _exit(127);
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child) return Internal("waitpid failed");
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
    return Unavailable("there is no program " + words[0]);
  }
  std::ifstream file(output);
  std::ostringstream text;
  text << file.rdbuf();
  std::string said = text.str();
  if (said.size() > 2000) said = said.substr(said.size() - 2000);
  return Internal(words[0] + " failed: " + said);
}

// Debian keeps the server's programs out of PATH.
std::string Program(const std::string& name) {
  for (const char* folder : {"/usr/lib/postgresql/15/bin/", "/usr/local/bin/", "/usr/bin/"}) {
    if (access((folder + name).c_str(), X_OK) == 0) return folder + name;
  }
  return name;
}

}  // namespace

Result<std::unique_ptr<Postgres>> Postgres::Start(const std::string& folder,
                                                  const std::string& more) {
  if (mkdir(folder.c_str(), 0755) != 0) return Unavailable("cannot make the folder " + folder);
  std::unique_ptr<Postgres> server(new Postgres(folder));
  if (const passwd* user = getpwnam("postgres"); geteuid() == 0 && user != nullptr) {
    if (chown(folder.c_str(), user->pw_uid, user->pw_gid) != 0) {
      return Unavailable("cannot give " + folder + " to the user postgres");
    }
  }
  const std::string data = folder + "/data";
  CREDENCE_TRY(RunProgram(
      {Program("initdb"), "-D", data, "-U", "bench", "-A", "trust", "-E", "UTF8", "--no-locale"},
      folder + "-initdb.log"));
  // Durable as it comes (fsync, synchronous_commit and full_page_writes are on by default), with
  // room to work: checkpoints and vacuum stay out of the measured seconds.
  const std::string options = "-c listen_addresses='' -c unix_socket_directories=" + folder +
                              " -c shared_buffers=1GB -c max_wal_size=8GB"
                              " -c checkpoint_timeout=30min -c autovacuum=off"
                              " -c synchronous_commit=on -c fsync=on" +
                              more;
  CREDENCE_TRY(RunProgram({Program("pg_ctl"), "-D", data, "-l", folder + "/server.log", "-o",
                           options, "-w", "-t", "60", "start"},
                          folder + "-start.log"));
  server->started_ = true;
  return server;
}

Postgres::~Postgres() {
  if (started_) {
    RunProgram({Program("pg_ctl"), "-D", folder_ + "/data", "-m", "fast", "-w", "stop"},
               folder_ + "-stop.log")
        .IgnoreError();
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
  for (const char* log : {"-initdb.log", "-start.log", "-stop.log", "-psql.log"}) {
    std::filesystem::remove(folder_ + log, ignored);
  }
}

Status Postgres::RunFile(const std::string& path) {
  // Read here: the user postgres may not be allowed to.
  std::ifstream file(path);
  if (!file) return NotFound("there is no file " + path);
  std::ostringstream text;
  text << file.rdbuf();
  const auto said = Run(text.str());
  return said.status();
}

Result<std::string> Postgres::Run(const std::string& sql) {
  const std::string output = folder_ + "-psql.log";
  CREDENCE_TRY(RunProgram({"psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-h", folder_, "-U",
                           "bench", "-d", "postgres", "-c", sql},
                          output));
  std::ifstream file(output);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace credence::bench
